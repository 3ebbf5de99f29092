"""Memory that runs out in a step: told with the setting that helps."""

from __future__ import annotations

from gantlet import dist
from gantlet.errors import OutOfMemoryError

__all__ = ["exhausted", "finer"]


def finer(batch: int, micro_batches: int, group: int) -> int | None:
    """The next number of micro-batches that at most halves their samples; None if there is none.

    Arguments:
        batch: samples of a pass, all ranks together.
        micro_batches: parts in which each rank works through its share now.
        group: samples that belong together.
    """
    groups = batch // (dist.world() * group)
    counts = range(2 * micro_batches, groups + 1)
    return next((count for count in counts if groups % count == 0), None)


def exhausted(
    phase: str, batch: int, micro_batches: int, group: int, pack: int = 1
) -> OutOfMemoryError:
    """The error of a phase whose gradients do not fit: what to set, and to which value.

    Arguments are those of `finer`, and `pack`: of how many samples a group is a multiple.
    """
    at_once = batch // (micro_batches * dist.world())
    parts = finer(batch, micro_batches, group)
    what = f"memory ran out in phase {phase}, which computes {_samples(at_once)} at a time"
    if parts is None:
        halved = group % (2 * pack) == 0
        groups = f", smaller groups (game.group={group // 2})" if halved else ""
        return OutOfMemoryError(
            f"{what}, as few as it can",
            remedy="Begin anew with a smaller network (network.width) or smaller images "
            f"(data.size){groups}.",
        )
    fewer = batch // (parts * dist.world())
    return OutOfMemoryError(
        what,
        remedy=f"Add train.micro_batches={parts} to the command, for {_samples(fewer)} at a time: "
        "it goes on from the last checkpoint, and gradients are those of the whole batch but for "
        "rounding. With train.fit_memory=true a run finds such a number by itself.",
    )


def _samples(count: int) -> str:
    return "1 sample" if count == 1 else f"{count} samples"
