"""What `gantlet doctor` says."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Sequence

from gantlet.budget import account_of
from gantlet.console import duration
from gantlet.data.doctor import Examination, examine
from gantlet.data.split import split
from gantlet.planning import data_settings, plan
from gantlet.training.machine import find_machine
from gantlet.training.speed import samples_per_second
from gantlet.training.trainer import built

__all__ = ["checkup"]


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
    dataset, config = made.dataset, made.config
    account = account_of(config, dataset.spec)
    for sentence in account.told(account.steps) if account else ():
        yield sentence, True
    game, divided = built(config, dataset.spec), split(dataset, config.data)
    rate = samples_per_second(game, dataset, divided, config, find_machine(config.train))
    goal = config.stop.samples or 0
    yield (
        f"On this machine: about {rate:,.0f} samples/s, so {goal:,} samples take about "
        f"{duration(goal / rate)}.",
        True,
    )


def _about(found: Examination) -> Iterator[str]:
    turn = -1 if found.channels else 1  # of images width comes first, as in --size
    sizes = ", ".join(
        f"{' x '.join(map(str, size[::turn]))} ({n:,})" for size, n in found.sizes[:5]
    )
    more = f" and {len(found.sizes) - 5} more" if len(found.sizes) > 5 else ""
    if found.columns:
        yield f"{found.source}: {found.count:,} rows of {len(found.columns)} columns."
        yield from (f"  {line}" for line in found.columns)
    else:
        depth = f"; channels {_either(found.channels)}; bits {_either(found.bits)}"
        kind = f"{found.source}: {found.kind}, {found.count:,} samples; sizes {sizes}{more}"
        yield f"{kind}{depth if found.channels else ''}."
    if found.classes:
        names = ", ".join(f"{name} ({n:,})" for name, n in found.classes[:12])
        rest = ", ..." if len(found.classes) > 12 else ""
        yield f"{len(found.classes)} classes: {names}{rest}."
    yield from found.notes
    yield found.held_out
    for problem in found.problems:
        yield f"{problem.severity.upper()}: {problem.sentence} {problem.remedy}".rstrip()
    if not found.problems:
        yield "No problem found."
    if found.proposals:
        yield "Constraints that all rows meet, which generated rows would meet if they were said:"
        yield from (f"  {text}  ({evidence})" for text, evidence in found.proposals)
        texts = json.dumps([text for text, _ in found.proposals], ensure_ascii=False)
        yield f"Say those that are meant: {shlex.quote(f'data.constraints={texts}')}"


def _either(numbers: Sequence[int]) -> str:
    return " or ".join(map(str, numbers))
