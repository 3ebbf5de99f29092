"""Evaluate a run: gather samples, make features, score, judge, keep."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from gantlet import __version__
from gantlet.errors import UsageError, unknown
from gantlet.evaluation.copies import score_copying
from gantlet.evaluation.looks import score_classes, score_coverage, score_fidelity
from gantlet.evaluation.obeyed import score_conditions
from gantlet.evaluation.parts import Part, recurs_by_chance
from gantlet.evaluation.rows import RowSide
from gantlet.evaluation.scoring import Findings, Scorer, Side, Sides, on_power
from gantlet.evaluation.subject import FEWEST, Subject, gathered
from gantlet.evaluation.tables import score_table
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
    *("quality", "shapes", "trends", "boundaries", "categories"),
    *("precision", "density", "labels", "two_sample", "forest"),
    *("coverage", "recall"),
    *("distance_ratio", "closer", "near"),
    *("member_distance", "member_density", "member_relative"),
    "useful",
)
"""Numbers that tell how much worse than real data samples are: shares, whose worst is known."""
_EXTRACTOR = "embedded"
_KEPT = "evidence.json"


@dataclass(frozen=True, eq=False)
class Evaluated:
    """What an evaluation found, and what it looked at."""

    evidence: Evidence
    subject: Subject
    path: Path
    """The evidence as JSON, in the run's folder."""
    rows: Sides[RowSide] | None = None
    """Of a table: the sets of rows that were compared."""


def evaluate(
    run: str | Path,
    data: Source | None = None,
    *,
    n: int = 10_000,
    extractor: str | None = None,
    seed: int = 0,
    train: Source | None = None,
    training: Training | None = None,
    game: Game | None = None,
    target: str | None = None,
    sensitive: Sequence[str] | None = None,
    known: Sequence[str] | None = None,
) -> Evaluated:
    """Measure fidelity, coverage, copying and usefulness of a run's samples.

    Arguments:
        run: its folder.
        data: held-out data to compare with, in place of the samples that the run set aside: one
            half is the reference, the other the floor.
        n: samples to draw.
        extractor: a name in `EXTRACTORS`, `embedded` if none is given; rows of a table need none.
        seed: of the samples.
        train: the training data, where they have moved or were an array.
        training: settings of the small networks that are trained; their defaults if none.
        game: the game, where it was a person's own.
        target: of a table, the column that learners predict; none: the last that suits.
        sensitive: of a table, the columns that an attacker guesses, one at a time; none: all that
            are not known.
        known: of a table, the columns that the attacker knows; none: all but the one to guess.

    Raises:
        UsageError: no run there, its data are gone or have changed, an extractor that is unknown
            or not installed, too few samples, a target that is not there or has one value,
            columns of an attack that are not there, or both sensitive and known.
    """
    began, run = time.monotonic(), Path(run)
    if extractor is not None and extractor not in EXTRACTORS:
        raise unknown("extractor", extractor, EXTRACTORS)
    if n < FEWEST:
        raise UsageError("samples to evaluate", expected=f"at least {FEWEST}", received=str(n))
    subject = gathered(run, n, seed=seed, data=data, train=train, game=game)
    if extractor is not None and subject.bundle.spec.kind == "table":
        raise UsageError(
            f"extractor {extractor}",
            expected="none for rows of a table, whose numbers are of their cells",
            remedy="Leave --extractor away.",
        )
    of_tables = {"target": target, "sensitive": sensitive, "known": known}
    named = [name for name, value in of_tables.items() if value]
    if named and subject.bundle.spec.kind != "table":
        raise UsageError(
            f"{named[0]} {of_tables[named[0]]}",
            expected="a run on a table",
            received=f"a run on {subject.bundle.spec.kind}",
            remedy=f"Leave --{named[0]} away: only rows have columns.",
        )
    if len(subject.reference) < FEWEST:
        told = f"{subject.given.note} " if subject.given is not None else ""
        raise UsageError(
            "real samples to compare with",
            expected=f"at least {FEWEST}",
            received=str(len(subject.reference)),
            remedy=f"{told}Hand over more with --data: of fewer no interval means much.",
        )
    config, is_table = subject.bundle.config, subject.bundle.spec.kind == "table"
    with settled(find_machine(config.train), config.train):
        found = (
            score_table(subject, target, sensitive, known)
            if is_table
            else _samples(subject, run, extractor, training)
        )
    about = {
        **subject.about,
        "extractor": found.extractor,
        "gantlet": __version__,
        "seconds": round(time.monotonic() - began, 1),
    }
    numbers = judged(found.numbers)
    evidence = Evidence(
        verdict=overall(numbers, DECIDING, found.classes),
        numbers=numbers,
        pairs=found.pairs,
        classes=found.classes,
        columns=found.columns,
        trends=found.trends,
        notes=found.notes,
        about=about,
    )
    write_text(run / _KEPT, json.dumps(evidence.to_json(), indent=1) + "\n")
    return Evaluated(evidence, subject, run / _KEPT, found.rows)


def _samples(
    subject: Subject, run: Path, extractor: str | None, training: Training | None
) -> Findings:
    """Scores of images and points, by the features of an extractor."""
    material = Material(
        dataset=subject.dataset,
        train=subject.train.index,
        training=training,
        cache=run / "cache",
    )
    judge = EXTRACTORS[extractor or _EXTRACTOR].make(material)
    scorer = Scorer(_sides(subject, judge, run / "cache"), judge.describe())
    scorer.notes += [*subject.notes, *([judge.note] if judge.note else [])]
    scorer.notes += on_power(scorer.sides)
    score_fidelity(scorer)
    score_coverage(scorer, subject.bundle.spec)
    classes = score_classes(scorer, subject.bundle.spec)
    score_conditions(scorer, subject.bundle.spec)
    pairs = []
    if subject.given is None and recurs_by_chance(subject.dataset):
        scorer.notes.append(
            "Copying was not tested: samples recur, and none of those set aside equals a training "
            "sample, as a fresh one may. Hand over fresh samples (--data)."
        )
    else:
        pairs = score_copying(scorer)
    score_usefulness(scorer, subject, training)
    places = subject.train.index
    return Findings(
        numbers=scorer.numbers,
        notes=scorer.notes,
        extractor=judge.describe(),
        pairs=[replace(pair, real=int(places[pair.real])) for pair in pairs],
        classes=classes,
    )


def kept_evidence(run: Path) -> Evidence | None:
    """The evidence of the last evaluation of a run; None if there was none."""
    path = run / _KEPT
    if not path.exists():
        return None
    try:
        return Evidence.from_json(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UsageError(
            f"evidence {path} is altered or torn ({error})",
            remedy=f"Run `gantlet evaluate {run}` again.",
        ) from None


def _sides(subject: Subject, judge: Extractor, cache: Path) -> Sides[Side]:
    def side(part: Part) -> Side:
        features, logits = answers(judge, part.x, cache)
        return Side(part.x, part.y, features, logits)

    return Sides(
        fake=side(subject.fake),
        train=side(subject.train),
        reference=side(subject.reference),
        floor=None if subject.floor is None else side(subject.floor),
    )
