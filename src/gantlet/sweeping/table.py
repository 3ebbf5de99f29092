"""What a sweep has found, laid out: scores at each rung, what is noise, the winner's command."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from gantlet.evaluation.comparison import difference, over_seeds, paired
from gantlet.metrics.estimate import Estimate
from gantlet.sweeping.design import Design
from gantlet.sweeping.rungs import Rung
from gantlet.sweeping.space import Trial, written
from gantlet.sweeping.state import State

__all__ = ["Line", "Swept", "ranked", "score_at", "tabled"]


@dataclass(frozen=True)
class Line:
    """One trial."""

    trial: Trial
    scores: Sequence[Estimate]
    """At the end of each rung that it was trained in; over seeds where it has several."""
    gap: Estimate | None
    """Its score less the winner's, at its last rung; none for the winner and for what was dropped
    before it had a score."""
    verdict: str
    """winner; noise (its score may be the winner's); worse; or why it was dropped."""


@dataclass(frozen=True)
class Swept:
    """The end of a sweep."""

    folder: Path
    rungs: Sequence[Rung]
    lines: Sequence[Line]
    """The winner first; then by the last rung reached, and by score."""
    runs: Sequence[Path]
    """The winner's runs, one a seed."""
    command: str
    """What trains the winner's settings anew."""
    notes: Sequence[str]

    @property
    def winner(self) -> Trial:
        """The trial with the best score at the last rung."""
        return self.lines[0].trial

    @property
    def contents(self) -> dict[str, Any]:
        """The same as plain values, for JSON."""
        return {
            "folder": str(self.folder),
            "rungs": [asdict(rung) for rung in self.rungs],
            "trials": [_plain(line, self.rungs) for line in self.lines],
            "winner": {
                "trial": self.winner.number,
                "runs": [str(run) for run in self.runs],
                "command": self.command,
            },
            "notes": list(self.notes),
        }


def _plain(line: Line, rungs: Sequence[Rung]) -> dict[str, Any]:
    scores = [
        {"samples": rung.samples, **asdict(score)}
        for rung, score in zip(rungs, line.scores, strict=False)
    ]
    return {
        "trial": line.trial.number,
        "settings": dict(line.trial.chosen),
        "scores": scores,
        "difference": None if line.gap is None else asdict(line.gap),
        "verdict": line.verdict,
    }


def score_at(state: State, trial: Trial, seeds: int, rung: int) -> Estimate | None:
    """A trial's score at a rung, over seeds; None where one of them has none."""
    found = [state.score(trial.number, seed, rung) for seed in range(seeds)]
    known = [score for score in found if score is not None]
    return over_seeds(known) if len(known) == seeds else None


def ranked(state: State, tried: Sequence[Trial], seeds: int, rung: int) -> list[Trial]:
    """Those with a score at a rung, the best first; equal ones by number.

    A trial that was dropped has none at the rung that dropped it, and keeps its place before: the
    same trials go on however often the rungs are gone through.
    """
    found = [
        (trial, score)
        for trial in tried
        if (score := score_at(state, trial, seeds, rung)) is not None
    ]
    return [trial for trial, _ in sorted(found, key=lambda one: (-one[1].value, one[0].number))]


def tabled(made: Design, state: State) -> Swept:
    """The table of a sweep whose every rung is over; at least one trial has been through all."""
    scores = {trial.number: _scores(made, state, trial) for trial in made.trials}
    winner = ranked(state, made.accepted, made.seeds, len(made.rungs) - 1)[0]
    order = sorted(
        made.trials,
        key=lambda trial: (
            trial is not winner,
            str(trial.number) in state.dropped or trial.number in made.refused,
            -len(scores[trial.number]),
            -scores[trial.number][-1].value if scores[trial.number] else 0.0,
            trial.number,
        ),
    )
    lines = [_line(made, state, trial, winner, scores[trial.number]) for trial in order]
    return Swept(
        folder=made.folder,
        rungs=made.rungs,
        lines=lines,
        runs=[made.place(winner, seed) for seed in range(made.seeds)],
        command=_command(made, winner),
        notes=[made.judge, *_ties(made, state), *_notes(made, lines)],
    )


def _scores(made: Design, state: State, trial: Trial) -> list[Estimate]:
    found = [score_at(state, trial, made.seeds, rung) for rung in range(len(made.rungs))]
    return [score for score in found if score is not None]


def _line(
    made: Design, state: State, trial: Trial, winner: Trial, scores: Sequence[Estimate]
) -> Line:
    why = made.refused.get(trial.number) or state.dropped.get(str(trial.number))
    if trial is winner:
        return Line(trial, scores, None, "winner")
    gap = _gap(state, trial, winner, made.seeds, len(scores) - 1) if scores else None
    if why is not None or gap is None:
        return Line(trial, scores, gap, why or "dropped")
    return Line(trial, scores, gap, "noise" if gap.high >= 0 else "worse")


def _gap(state: State, trial: Trial, winner: Trial, seeds: int, rung: int) -> Estimate:
    """A score less the winner's at a rung, as `gantlet compare` takes differences."""
    a, b = (
        [score for s in range(seeds) if (score := state.score(t.number, s, rung)) is not None]
        for t in (trial, winner)
    )
    if seeds > 1:
        return paired([one.value for one in a], [one.value for one in b])
    return difference(a[0], b[0])


def _ties(made: Design, state: State) -> list[str]:
    """Sentences on rungs that could not tell who goes on from who does not."""
    notes = []
    for number, rung in enumerate(made.rungs[1:]):
        order = ranked(state, made.accepted, made.seeds, number)
        cut = order[rung.trials - 1 : rung.trials + 1]
        scores = [score_at(state, trial, made.seeds, number) for trial in cut]
        if len(scores) == 2 and scores[0] == scores[1]:
            notes.append(
                f"Rung {number + 1} scored the last trial that went on and the first that did not "
                "alike: it was too short to choose by. Give more samples, or a larger --keep."
            )
    return notes


def _notes(made: Design, lines: Sequence[Line]) -> list[str]:
    notes = []
    rivals = [line for line in lines if line.verdict == "noise"]
    if rivals:
        notes.append(
            f"{len(rivals)} of {len(lines) - 1} others may be as good as the winner: their "
            "differences from it are within noise."
        )
    if made.seeds == 1:
        notes.append(
            "One seed: intervals hold the noise of sampling, not that of training. --seeds 3 "
            "tells more."
        )
    notes.append(
        "The best of many is flattered by the samples that chose it: gantlet evaluate uses others."
    )
    return notes


def _command(made: Design, winner: Trial) -> str:
    name, size = winner.named("recipe") or made.recipe, winner.named("size_model") or made.size
    words = ["gantlet", "train", *([made.source] if made.source else ["DATA"])]
    words += ["--recipe", name, *(["--size-model", size] if size else [])]
    words += [written(key, value) for key, value in winner.settings.items()]
    words += ["--samples", str(made.rungs[-1].samples)]
    return shlex.join(words)
