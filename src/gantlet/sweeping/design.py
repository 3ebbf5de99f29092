"""A sweep before anything runs: its trials, its rungs, what is refused."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gantlet.config import override
from gantlet.data import open_data
from gantlet.data.dataset import Dataset
from gantlet.data.split import split
from gantlet.errors import UsageError, is_out_of_memory, unknown
from gantlet.networks.sizes import SIZES
from gantlet.origin import origin_of
from gantlet.planning import Plan, cache_of, data_settings, planned, where
from gantlet.recipes import chosen
from gantlet.recipes import recipe as recipe_of
from gantlet.run import ready
from gantlet.sweeping.rungs import Rung, fraction, rungs
from gantlet.sweeping.space import NAMES, Space, Trial, space, trials
from gantlet.training.validation import Validator

if TYPE_CHECKING:
    from gantlet.data import Source

__all__ = ["Design", "design"]


@dataclass(frozen=True, kw_only=True)
class Design:
    """All that a sweep will do."""

    dataset: Dataset
    source: str | None
    """Where the data are; None for arrays."""
    recipe: str
    """The recipe of trials that name none."""
    size: str | None
    """The size of networks, of trials that name none."""
    space: Space
    trials: Sequence[Trial]
    """All, also those refused."""
    refused: Mapping[int, str]
    """Why, by the trial's number."""
    rungs: Sequence[Rung]
    seeds: int
    identity: Mapping[str, Any]
    folder: Path
    judge: str
    """What trials are compared by, as a sentence."""

    @cached_property
    def accepted(self) -> tuple[Trial, ...]:
        """The trials that can be trained."""
        return tuple(trial for trial in self.trials if trial.number not in self.refused)

    def plan(self, trial: Trial, seed: int, samples: int) -> Plan:
        """The run of a trial up to so many samples."""
        return _plan(self.dataset, trial, self.recipe, self.size, seed, samples, self.source)

    def place(self, trial: Trial, seed: int) -> Path:
        """The run's folder."""
        return self.folder / "trials" / f"{trial.number:03d}-{seed}"


def design(
    data: Source = "digits",
    settings: Sequence[str] | Mapping[str, Any] = (),
    *,
    recipe: str | None = None,
    size: str | None = None,
    samples: int | None = None,
    keep: str | float = "1/3",
    seeds: int = 1,
    random: int | None = None,
    out: str | Path | None = None,
) -> Design:
    """Open the data, combine the settings, lay out the rungs; nothing is written.

    Arguments are those of `sweep`, and so are the errors.
    """
    _check_alone(seeds)
    share, found = fraction(keep), space(settings)
    shared = {k: v for k, v in found.fixed.items() if k.startswith("data.")}
    dataset = open_data(data, data_settings(shared), cache=cache_of(data))
    name = str(found.fixed.get("recipe") or recipe or chosen(dataset.spec)[0])
    _check_values(found, dataset, name)
    tried = trials(found, random)
    plans, refused = _sorted(dataset, tried, name, size)
    _check_choice(plans, tried, refused)
    first = next(iter(plans.values()))
    total = _samples(samples, first)
    batch = max(made.config.train.batch for made in plans.values())
    identity = {
        "data_fingerprint": dataset.fingerprint,
        "settings": found.plain(),
        **{"recipe": name, "size_model": size, "samples": total, "keep": str(share)},
        **{"seeds": seeds, "random": random},
    }
    return Design(
        dataset=dataset,
        source=where(data),
        recipe=name,
        size=size,
        space=found,
        trials=tried,
        refused=refused,
        rungs=rungs(len(plans), total, share, batch),
        seeds=seeds,
        identity=identity,
        folder=Path(out or Path("runs") / f"{dataset.name}-sweep"),
        judge=_judge(first),
    )


def _check_alone(seeds: int) -> None:
    if seeds < 1:
        raise UsageError("number of seeds", expected="at least 1", received=str(seeds))
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise UsageError(
            "a sweep", expected="one process", remedy="Start gantlet sweep without torchrun."
        )


def _check_values(found: Space, dataset: Dataset, name: str) -> None:
    """Refuse a setting that no trial could have: unknown, or of a value that cannot be.

    Where recipes or networks are tried, a setting may be one of some of them alone: a combination
    that has it not is refused by itself.
    """
    tried = {axis.key: axis.values for axis in found.axes}
    for each in tried.get("recipe", (found.fixed.get("recipe", name),)):
        base = recipe_of(str(each), dataset.spec)
    if any(key == "recipe" or key.endswith(".name") for key in tried):
        return
    for size in tried.get("size_model", ()):
        if size not in SIZES:
            raise unknown("size of networks", str(size), SIZES)
    shared = {k: v for k, v in found.fixed.items() if k not in NAMES}
    for key, values in tried.items():
        for value in values if key not in NAMES else ():
            override(base, {**shared, key: value})


def _plan(
    dataset: Dataset,
    trial: Trial,
    recipe: str,
    size: str | None,
    seed: int = 0,
    samples: int | None = None,
    source: str | None = None,
) -> Plan:
    settings = {**trial.settings, "train.seed": seed}
    name, width = trial.named("recipe") or recipe, trial.named("size_model") or size
    return planned(dataset, name, settings, size=width, samples=samples, source=source)


def _sorted(
    dataset: Dataset, tried: Sequence[Trial], recipe: str, size: str | None
) -> tuple[dict[int, Plan], dict[int, str]]:
    """Plans of the trials that can be trained, and why others cannot."""
    plans, refused = dict[int, Plan](), dict[int, str]()
    for trial in tried:
        try:
            made = _plan(dataset, trial, recipe, size)
            origin_of(ready(made), dataset.spec, made.config)
        except UsageError as error:
            refused[trial.number] = f"refused: {error}"
        except (MemoryError, RuntimeError) as error:
            if not is_out_of_memory(error):
                raise
            refused[trial.number] = "refused: its networks do not fit the memory."
        else:
            plans[trial.number] = made
    if not plans:
        raise UsageError(
            "settings to try",
            expected="at least one combination that can be trained",
            received=f"{len(refused)} that cannot; the first is {next(iter(refused.values()))}",
        )
    if any(made.config.validation.extractor is None for made in plans.values()):
        raise UsageError(
            "setting validation.extractor",
            expected="an extractor: validation is what trials are compared by",
            received="null",
        )
    return plans, refused


def _check_choice(
    plans: Mapping[int, Plan], tried: Sequence[Trial], refused: Mapping[int, str]
) -> None:
    """Refuse a sweep in which nothing is left to choose."""
    if len(plans) > 1:
        return
    left = next(trial for trial in tried if trial.number in plans)
    raise UsageError(
        "settings to try",
        expected="at least two combinations that can be trained",
        received=f"one: {left}. Of {len(refused)} others the first is "
        f"{next(iter(refused.values()))}",
        remedy="Train that one by `gantlet train`, or try other values.",
    )


def _samples(asked: int | None, first: Plan) -> int:
    if asked is not None and asked < 1:
        raise UsageError("number of samples", expected="at least 1", received=str(asked))
    found = asked or first.config.stop.samples
    if found is None:
        raise UsageError("a sweep", expected="a number of samples", remedy="Give --samples N.")
    return found


def _judge(first: Plan) -> str:
    divided = split(first.dataset, first.config.data)
    validator = Validator(first.dataset, divided, first.config.validation, Path())
    if validator.is_unseen:
        real = "real samples set aside from training, which then take no part in an evaluation"
    else:
        real = "training samples, as too few are set aside: gantlet evaluate tells who copies"
    return (
        "Judge: precision times coverage at the end of each rung (validation), against "
        f"{validator.count:,} {real}."
    )
