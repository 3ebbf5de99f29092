"""Input that no number can be made of."""

from __future__ import annotations

import torch
from torch import Tensor

from gantlet.errors import UsageError

__all__ = ["check_sets"]


def check_sets(what: str, fewest: int, **sets: Tensor) -> None:
    """Refuse sets of samples that are too small, do not match or hold NaN or infinity.

    Arguments:
        what: the number that is asked for, as a person knows it.
        fewest: samples that each set must have.
        sets: samples by name, each of shape (N, D) with its own N.

    Raises:
        UsageError: a set is not of two dimensions, has fewer samples or no or other columns.
    """
    shapes = {name: tuple(x.shape) for name, x in sets.items()}
    received = ", ".join(f"{name} of shape {shape}" for name, shape in shapes.items())
    columns = {shape[1:] for shape in shapes.values()}
    if len(columns) > 1 or any(len(shape) != 2 or not shape[1] for shape in shapes.values()):
        raise UsageError(what, expected="samples of shape (N, D), D alike", received=received)
    if any(shape[0] < fewest for shape in shapes.values()):
        raise UsageError(what, expected=f"at least {fewest} samples", received=received)
    bad = [name for name, x in sets.items() if not torch.isfinite(x).all()]
    if bad:
        raise UsageError(
            what,
            expected="finite numbers",
            received=f"NaN or infinity in {' and '.join(bad)}",
        )
