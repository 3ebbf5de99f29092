"""Are conditions met? What a judge reads from samples, beside what was asked for."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from gantlet.data.dataset import Labels
from gantlet.evaluation.scoring import Scorer, Side, picked
from gantlet.metrics.estimate import Estimate, mean_of
from gantlet.spec import DataSpec

__all__ = ["score_conditions"]

_RIDGE = 1e-3
"""Share of the features' mean variance that is added to all of them."""


def score_conditions(scorer: Scorer[Side], spec: DataSpec) -> None:
    """How far samples are from the conditions asked for, of the condition that is worst met.

    A linear judge is fitted to features of the training samples. Of each condition it is the mean
    squared difference of what it reads from a sample and what was asked for, as a share of the
    condition's variance: 0 where all are met and the judge is right, 1 and more where conditions
    do not matter. The floor has real samples set aside with what is said of them.
    """
    train, fake, floor = scorer.sides.train, scorer.sides.matched, scorer.sides.floor
    if not spec.conditions or train.y is None or fake.y is None:
        return
    if floor is None or floor.y is None:
        scorer.notes.append(
            "Whether conditions are met was not measured: too few unseen samples tell them."
        )
        return
    weights = _fitted(train.features, torch.cat(list(_targets(spec, train.y).values()), 1))
    spread = {
        name: float(part.var(0, correction=0).sum())
        for name, part in _targets(spec, train.y).items()
    }
    alike = [name for name in spread if not spread[name]]
    if alike:
        scorer.notes.append(
            f"Whether {', '.join(alike)} is met was not measured: all training samples are alike "
            "in it."
        )

    def missed(side: Side) -> dict[str, Estimate]:
        wanted = _targets(spec, np.asarray(side.y))
        widths = [part.shape[1] for part in wanted.values()]
        read = (_with_one(side.features) @ weights).split(widths, 1)
        return {
            f"condition {name}": mean_of((guess - part).square().sum(1) / spread[name])
            for (name, part), guess in zip(wanted.items(), read, strict=True)
            if spread[name]
        }

    scorer.add_picked(
        "fidelity",
        "conditions",
        "Conditions missed",
        picked(missed(fake), missed(floor), "lower"),
        better="lower",
        against=len(floor),
    )


def _targets(spec: DataSpec, y: Labels) -> Mapping[str, Tensor]:
    """Of each condition its places (N, 1), or of a choice its one-hots."""
    columns = zip(spec.conditions, y.astype(np.float64).T, strict=True)
    return {
        condition.name: torch.from_numpy(
            condition.told(values) if condition.names else condition.place(values)[:, None]
        )
        for condition, values in columns
    }


def _with_one(features: Tensor) -> Tensor:
    return torch.nn.functional.pad(features.double(), (0, 1), value=1.0)


def _fitted(features: Tensor, targets: Tensor) -> Tensor:
    """Weights (D + 1, T) of the ridge regression of targets (N, T) on features (N, D)."""
    x = _with_one(features)
    gram = x.T @ x / len(x)
    penalty = _RIDGE * features.double().var(0, correction=0).mean()
    added = torch.full((x.shape[1],), float(penalty), dtype=torch.float64)
    added[-1] = 0  # the mean is free
    weights: Tensor = torch.linalg.solve(gram + torch.diag(added), x.T @ targets / len(x))
    return weights
