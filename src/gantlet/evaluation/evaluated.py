"""Evaluate a run: gather samples, make features, score, judge, keep."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from gantlet import __version__
from gantlet.errors import UsageError, unknown
from gantlet.evaluation.copies import score_copying
from gantlet.evaluation.looks import score_classes, score_coverage, score_fidelity
from gantlet.evaluation.scoring import Scorer, Side, Sides
from gantlet.evaluation.subject import Part, Subject, gathered
from gantlet.evaluation.uses import score_usefulness
from gantlet.evaluation.verdict import judged, overall
from gantlet.games.base import Game
from gantlet.metrics.evidence import Evidence
from gantlet.metrics.extractors import EXTRACTORS, Extractor, Material, Training, answers
from gantlet.training.machine import find_machine, settled
from gantlet.training.writing import write_text

if TYPE_CHECKING:
    from gantlet.data import Source

__all__ = ["DECIDING", "Evaluated", "evaluate", "kept_evidence"]

DECIDING = (
    *("precision", "density", "labels", "two_sample"),
    *("coverage", "recall"),
    *("distance_ratio", "closer", "near"),
    "useful",
)
"""Numbers that tell how much worse than real data samples are: shares, whose worst is known."""
_MANY = 1_000
"""Samples a side from which faults of a few hundredths show."""
_FEWEST = 40
"""Samples below which no interval means much."""
_KEPT = "evidence.json"


@dataclass(frozen=True, eq=False)
class Evaluated:
    """What an evaluation found, and what it looked at."""

    evidence: Evidence
    subject: Subject
    path: Path
    """The evidence as JSON, in the run's folder."""


def evaluate(
    run: str | Path,
    data: Source | None = None,
    *,
    n: int = 10_000,
    extractor: str = "embedded",
    seed: int = 0,
    train: Source | None = None,
    training: Training | None = None,
    game: Game | None = None,
) -> Evaluated:
    """Measure fidelity, coverage, copying and usefulness of a run's samples.

    Arguments:
        run: its folder.
        data: held-out data to compare with, in place of the samples that the run set aside.
        n: samples to draw.
        extractor: a name in `EXTRACTORS`.
        seed: of the samples.
        train: the training data, where they have moved or were an array.
        training: settings of the small networks that are trained; their defaults if none.
        game: the game, where it was a person's own.

    Raises:
        UsageError: no run there, its data are gone or have changed, an extractor that is unknown
            or not installed, too few samples.
    """
    began, run = time.monotonic(), Path(run)
    if extractor not in EXTRACTORS:
        raise unknown("extractor", extractor, EXTRACTORS)
    if n < _FEWEST:
        raise UsageError("samples to evaluate", expected=f"at least {_FEWEST}", received=str(n))
    subject = gathered(run, n, seed=seed, data=data, train=train, game=game)
    if len(subject.reference) < _FEWEST:
        raise UsageError(
            "real samples to compare with",
            expected=f"at least {_FEWEST}",
            received=str(len(subject.reference)),
            remedy="Hand over more with --data: of fewer no interval means much.",
        )
    config = subject.bundle.config
    with settled(find_machine(config.train), config.train):
        material = Material(
            dataset=subject.dataset,
            train=subject.train.index,
            training=training,
            cache=run / "cache",
        )
        judge = EXTRACTORS[extractor].make(material)
        scorer = Scorer(_sides(subject, judge, run / "cache"), judge.describe())
        scorer.notes += [*subject.notes, *([judge.note] if judge.note else [])]
        scorer.notes += _on_power(scorer.sides)
        score_fidelity(scorer)
        score_coverage(scorer, subject.bundle.spec)
        classes = score_classes(scorer, subject.bundle.spec)
        pairs = score_copying(scorer)
        score_usefulness(scorer, subject, training)
    about = {
        **subject.about,
        "extractor": judge.describe(),
        "gantlet": __version__,
        "seconds": round(time.monotonic() - began, 1),
    }
    places, numbers = subject.train.index, judged(scorer.numbers)
    evidence = Evidence(
        verdict=overall(numbers, DECIDING, classes),
        numbers=numbers,
        pairs=[replace(pair, real=int(places[pair.real])) for pair in pairs],
        classes=classes,
        notes=scorer.notes,
        about=about,
    )
    write_text(run / _KEPT, json.dumps(evidence.to_json(), indent=1) + "\n")
    return Evaluated(evidence, subject, run / _KEPT)


def kept_evidence(run: Path) -> Evidence | None:
    """The evidence of the last evaluation of a run; None if there was none."""
    path = run / _KEPT
    if not path.exists():
        return None
    try:
        return Evidence.from_json(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(
            f"evidence {path} is altered or torn ({error})",
            remedy=f"Run `gantlet evaluate {run}` again.",
        ) from None


def _on_power(sides: Sides) -> list[str]:
    """What so few samples cannot tell, as a sentence; nothing where they are many or untold."""
    n = len(sides.matched)
    if sides.floor is None or n >= _MANY:
        return []
    return [
        f"{n:,} samples a side show large faults alone: as real data means that no fault of that "
        "size was found. More held-out samples (--data) show smaller ones."
    ]


def _sides(subject: Subject, judge: Extractor, cache: Path) -> Sides:
    def side(part: Part) -> Side:
        features, logits = answers(judge, part.x, cache)
        return Side(part.x, part.y, features, logits)

    return Sides(
        fake=side(subject.fake),
        train=side(subject.train),
        reference=side(subject.reference),
        floor=None if subject.floor is None else side(subject.floor),
    )
