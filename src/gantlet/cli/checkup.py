"""What `gantlet doctor` says."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

from gantlet.cli.console import duration
from gantlet.data.doctor import Examination, examine
from gantlet.data.split import split
from gantlet.run import Plan, data_settings, plan
from gantlet.training.machine import find_machine, settled
from gantlet.training.step import Stepper
from gantlet.training.trainer import built, prepared

__all__ = ["checkup"]

_WARM_UP, _TIMED_SECONDS, _TIMED_PASSES = 2, 3.0, 50


def checkup(data: str, settings: Sequence[str]) -> Iterator[tuple[str, bool]]:
    """Sentences on data, their faults, the recipe that suits, and its time on this machine.

    With each comes False where it tells that training would refuse the data.
    """
    found = examine(data, data_settings(settings))
    errors = any(problem.severity == "error" for problem in found.problems)
    for sentence in _about(found):
        yield sentence, True
    if errors:
        yield "Training would refuse these data until the errors are mended.", False
        return
    made = plan(data, None, settings)
    yield made.notes[-1], True
    rate = samples_per_second(made)
    goal = made.config.stop.samples or 0
    yield (
        f"On this machine: about {rate:,.0f} samples/s, so {goal:,} samples take about "
        f"{duration(goal / rate)}.",
        True,
    )


def _about(found: Examination) -> Iterator[str]:
    sizes = ", ".join(f"{' x '.join(map(str, size))} ({n:,})" for size, n in found.sizes[:5])
    more = f" and {len(found.sizes) - 5} more" if len(found.sizes) > 5 else ""
    yield f"{found.source}: {found.kind}, {found.count:,} samples; sizes {sizes}{more}."
    if found.classes:
        names = ", ".join(f"{name} ({n:,})" for name, n in found.classes[:12])
        rest = ", ..." if len(found.classes) > 12 else ""
        yield f"{len(found.classes)} classes: {names}{rest}."
    yield from found.notes
    yield found.held_out
    for problem in found.problems:
        yield f"{problem.severity.upper()}: {problem.sentence} {problem.remedy}"
    if not found.problems:
        yield "No problem found."


def samples_per_second(made: Plan) -> float:
    """Real samples a second of the planned training on this machine, from a few passes."""
    config, divided = made.config, split(made.dataset, made.config.data)
    machine = find_machine(config.train)
    with settled(machine, config.train):
        game = built(config, made.dataset.spec)
        averaged, feed = prepared(game, made.dataset, divided.train, config, machine)
        stepper = Stepper(game, averaged, feed, config, machine)
        for position in range(_WARM_UP):
            stepper.play(position)
        began, played = time.perf_counter(), 0
        while played < _TIMED_PASSES and time.perf_counter() - began < _TIMED_SECONDS:
            stepper.play(_WARM_UP + played)
            played += 1
        stepper.is_finite()  # waits for the device
        return played * config.train.batch / (time.perf_counter() - began)
