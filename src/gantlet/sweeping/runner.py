"""Plays a sweep: trials under successive halving, resumable at any moment."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gantlet.bench.base import Stopped
from gantlet.console import Briefly
from gantlet.errors import DivergedError, OutOfMemoryError, RunError, is_out_of_memory
from gantlet.metrics.estimate import Estimate
from gantlet.run import Run, play
from gantlet.sweeping.design import Design, design
from gantlet.sweeping.space import Trial
from gantlet.sweeping.state import State, opened
from gantlet.sweeping.table import Swept, ranked, tabled
from gantlet.training.folder import Folder

if TYPE_CHECKING:
    from gantlet.data import Source

__all__ = ["played", "sweep"]

Tell = Callable[[str], None]


def sweep(
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
    tell: Tell = print,
) -> Swept:
    """Try settings under successive halving, or go on with the sweep that the same call began.

    All trials are trained for a share of the samples; the best go on to the next rung, from where
    they stood, until the last have seen them all. The judge is validation: precision times
    coverage against real samples set aside from training, which no evaluation uses.

    Arguments:
        data: as for `gantlet.train`.
        settings: `["optimisers.generator.lr=1e-4,2e-4"]` or
            `{"optimisers.generator.lr": [1e-4, 2e-4]}`; single values hold for all trials. The
            keys `recipe` and `size_model` may be tried, too.
        recipe, size: of trials that name none.
        samples: what the trials of the last rung see; the recipe's number if none.
        keep: share of the trials that goes on to the next rung.
        seeds: trainings of each trial, with seeds 0, 1, ...; scores are means over them.
        random: so many combinations drawn at random; all if none.
        out: folder of the sweep; `runs/NAME-sweep` if none.
        tell: gets sentences on the course of things.

    Raises:
        UsageError: settings that cannot be tried, another sweep in the folder, other data.
        RunError: a disk that refuses, or no trial that is left.
        Stopped: a signal came; the same call goes on.

    Source: Jamieson and Talwalkar (2016), Non-stochastic Best Arm Identification and
    Hyperparameter Optimization, https://arxiv.org/abs/1502.07943
    """
    made = design(
        data,
        settings,
        recipe=recipe,
        size=size,
        samples=samples,
        keep=keep,
        seeds=seeds,
        random=random,
        out=out,
    )
    return played(made, tell)


def played(made: Design, tell: Tell = print) -> Swept:
    """Play what is designed, or go on with it; see `sweep`."""
    opened(made.folder, made.identity)  # refuses before anything is written
    with Folder(made.folder).claimed():
        state = opened(made.folder, made.identity)
        state.write(made.folder)
        going = list(made.accepted)
        for number, rung in enumerate(made.rungs):
            going = sorted(going[: rung.trials], key=lambda trial: trial.number)
            for trial in going:
                state = _trained(made, state, trial, number, tell)
            going = ranked(state, going, made.seeds, number)
            if not going:
                raise RunError(
                    f"sweep {made.folder} has no trial left",
                    received="; ".join(f"{k}: {why}" for k, why in state.dropped.items()),
                    remedy="Try other values in another folder.",
                )
    return tabled(made, state)


def _trained(made: Design, state: State, trial: Trial, rung: int, tell: Tell) -> State:
    """The state after a trial has been through a rung with every seed, or was dropped."""
    for seed in range(made.seeds):
        if str(trial.number) in state.dropped:
            break
        if state.score(trial.number, seed, rung) is None:
            found = _played(made, trial, seed, rung, tell)
            if isinstance(found, Estimate):
                state = state.scored(trial.number, seed, rung, found)
            else:
                tell(f"Trial {trial.number} is dropped, as it {found}")
                state = state.without(trial.number, found)
            state.write(made.folder)
    return state


def _played(made: Design, trial: Trial, seed: int, rung: int, tell: Tell) -> Estimate | str:
    """The score of one training at the end of a rung, or why there is none."""
    samples = made.rungs[rung].samples
    who = f"Trial {trial.number}" + (f", seed {seed}" if made.seeds > 1 else "")
    tell(f"{who} to {samples:,} samples: {trial}")
    try:
        run = play(
            made.plan(trial, seed, samples),
            made.place(trial, seed),
            callbacks=[Briefly(who, tell)],
        )
    except DivergedError as error:
        return f"diverged: {error}"
    except OutOfMemoryError as error:
        return f"ran out of memory: {error}"
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        return f"ran out of memory: {str(error).splitlines()[0] if str(error) else 'no more'}"
    if run.signal or run.reason == "stopped":  # one that came at the end stops the sweep, too
        raise Stopped(run.signal)
    return _score(run)


def _score(run: Run) -> Estimate | str:
    """What validation found last, at the run's end, or why that counts for nothing."""
    looks = [row for row in run.log if "validation" in row]
    if not looks or looks[-1]["seen"] != run.seen:
        return "has no score: its samples were not finite, or too few"
    row = looks[-1]
    if row.get("copying", 0.0) > row.get("copying_bound", 1.0):
        return (
            f"copies: {row['copying']:.0%} of its samples lie nearer to training samples than "
            f"95 % of unseen ones, where chance gives at most {row['copying_bound']:.0%}"
        )
    low, high = row["validation_low"], row["validation_high"]
    return Estimate(row["validation"], low, high, "of precision and of coverage")
