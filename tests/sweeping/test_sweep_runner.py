"""A sweep through the door: the best go on, exactly; what stops it goes on; what fails is told."""

import json
import os
import shlex
import signal
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

import gantlet
from gantlet.config import assignments
from gantlet.console import Briefly
from gantlet.evaluation.comparison import difference, paired
from gantlet.metrics.estimate import Estimate
from gantlet.sweeping import runner
from gantlet.sweeping.runner import _score
from gantlet.sweeping.space import written
from tests.cli.door import as_at_a_terminal, assert_refused, started
from tests.cli.door import gantlet as command
from tests.sweeping.conftest import POINTS, SWEEP, TINY


def contents(answer) -> dict:
    assert answer.code == 0, answer
    return json.loads(answer.out)


def estimates(trial) -> list[Estimate]:
    keys = ("value", "low", "high", "how")
    return [Estimate(*(score[key] for key in keys)) for score in trial["scores"]]


def tensors(run) -> dict[str, torch.Tensor]:
    """Players, averages and optimisers of a run's newest checkpoint."""
    newest = max(run.joinpath("checkpoints").iterdir())
    files = sorted(newest.glob("*.safetensors"))
    assert len(files) == 3
    return {f"{f.stem}/{k}": t for f in files for k, t in load_file(f).items()}


def assert_equal_bits(a, b):
    mine, theirs = tensors(a), tensors(b)
    assert mine.keys() == theirs.keys()
    assert all(torch.equal(mine[key], theirs[key]) for key in mine)


def test_the_best_of_each_rung_go_on(finished, whole):
    assert whole["rungs"] == [{"trials": 3, "samples": 128}, {"trials": 1, "samples": 384}]
    told = (finished / "told.txt").read_text()
    assert told.count(" to 128 samples: ") == 3
    assert told.count(" to 384 samples: ") == 1
    firsts = {trial["trial"]: estimates(trial)[0].value for trial in whole["trials"]}
    best = max(firsts, key=lambda number: (firsts[number], -number))
    assert [t["trial"] for t in whole["trials"] if len(t["scores"]) == 2] == [best]
    assert whole["winner"]["trial"] == whole["trials"][0]["trial"] == best


def test_the_same_command_plays_nothing_again(swept, finished, whole):
    before = (swept / "sweep.json").read_bytes()
    again = command(*SWEEP, "--json")
    assert contents(again)["trials"] == whole["trials"]
    assert "samples: " not in again.err
    assert (swept / "sweep.json").read_bytes() == before
    shown = command(*SWEEP).out
    words = shlex.split(whole["winner"]["command"])
    assert words[2] == str(finished / POINTS)
    assert shlex.join([*words[:2], str(swept.parents[1] / POINTS), *words[3:]]) in shown
    assert "100 training samples, as too few are set aside" in shown


def test_a_trial_ends_with_the_bits_of_a_run_that_was_never_stopped(workplace, finished, whole):
    run = finished / whole["winner"]["runs"][0]
    words = shlex.split(whole["winner"]["command"])
    assert words[:2] == ["gantlet", "train"]
    words[2] = POINTS  # the command names the finished sweep's own file
    assert command(*words[1:], "--out", "alone").code == 0
    assert_equal_bits(run, workplace / "alone")
    assert gantlet.load(run).sample(4).values.shape == (4, 2)


def test_what_is_noise_is_told_as_compare_tells_it(whole):
    first, *others = whole["trials"]
    winner = estimates(first)
    assert first["verdict"] == "winner"
    assert first["difference"] is None
    for other in others:
        scores = estimates(other)
        gap = difference(scores[-1], winner[len(scores) - 1])
        assert other["difference"]["value"] == gap.value
        assert other["difference"]["high"] == gap.high
        assert other["verdict"] == ("noise" if gap.high >= 0 else "worse")


def test_scores_over_seeds_are_means_and_their_differences_are_paired(workplace):
    words = ("sweep", POINTS, "optimisers.generator.lr=1e-3,1e-2", *TINY, "--samples", 128)
    made = contents(command(*words, "--seeds", 2, "--json"))
    stored = json.loads((workplace / "runs/points-sweep/sweep.json").read_text())["scores"]
    values = {n: [stored[f"{n}-{seed}-0"]["value"] for seed in (0, 1)] for n in (1, 2)}
    best = made["winner"]["trial"]
    assert len(made["winner"]["runs"]) == 2
    assert np.mean(values[best]) == max(map(np.mean, values.values()))
    for trial in made["trials"]:
        assert trial["scores"][0]["value"] == pytest.approx(np.mean(values[trial["trial"]]))
    gap = paired(values[3 - best], values[best])
    assert made["trials"][1]["difference"]["low"] == pytest.approx(gap.low)


def assert_same_sweep(workplace, finished, made, whole):
    assert made["trials"] == whole["trials"]
    for number in (1, 2, 3):
        place = f"runs/points-sweep/trials/{number:03d}-0"
        assert_equal_bits(workplace / place, finished / place)


def test_a_stopped_sweep_goes_on_to_the_same_table(workplace, finished, whole, monkeypatch):
    ticks = iter(range(100))

    def stop(self, tick):
        if next(ticks) in (2, 6):
            os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(Briefly, "on_tick", stop)
    for _ in range(2):
        with as_at_a_terminal():
            stopped = command(*SWEEP, "--json")
        assert stopped.code == 130
        assert stopped.out == ""
        assert "The same command goes on from there." in stopped.err
    assert_same_sweep(workplace, finished, contents(command(*SWEEP, "--json")), whole)


@pytest.mark.parametrize("moment", ["on_tick", "on_end"])
def test_a_signal_at_the_end_of_a_trial_stops_the_sweep(
    workplace, finished, whole, monkeypatch, moment
):
    """In its last pass, where the trial is over, and after it, where signals are the system's."""

    def stop(self, told):
        if self.who == "Trial 2" and (moment == "on_end" or told.row["seen"] == 128):
            os.kill(os.getpid(), signal.SIGINT)

    with monkeypatch.context() as patch, as_at_a_terminal():
        patch.setattr(Briefly, moment, stop)
        stopped = command(*SWEEP, "--json")
    assert (stopped.code, stopped.out) == (130, "")
    assert "The same command goes on from there." in stopped.err
    assert "Trial 3" not in stopped.err
    assert_same_sweep(workplace, finished, contents(command(*SWEEP, "--json")), whole)


def test_a_killed_sweep_ends_with_the_same_table_and_bits(workplace, finished, whole):
    with started(*SWEEP, cwd=workplace) as process:
        for line in process.stderr:
            if line.startswith("Trial 2 to 128"):
                break
        process.kill()
        process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL
    done = json.loads((workplace / "runs/points-sweep/sweep.json").read_text())["scores"]
    assert set(done) == {"1-0-0"}
    answer = command(*SWEEP, "--json")
    assert "Trial 1 to 128" not in answer.err
    assert_same_sweep(workplace, finished, contents(answer), whole)


def test_a_score_that_a_crash_kept_from_the_state_is_read_from_the_run(swept, whole):
    state = json.loads((swept / "sweep.json").read_text())
    del state["scores"]["3-0-0"]
    (swept / "sweep.json").write_text(json.dumps(state))
    (swept / ".sweep.json.1.part").write_text("torn")
    log = (swept / "trials/003-0/log.jsonl").read_bytes()
    answer = command(*SWEEP, "--json")
    assert contents(answer)["trials"] == whole["trials"]
    if whole["winner"]["trial"] != 3:
        assert (swept / "trials/003-0/log.jsonl").read_bytes() == log
    assert not (swept / ".sweep.json.1.part").exists()


def test_trials_that_diverge_or_cannot_be_are_told_and_dropped(workplace):
    words = (
        "sweep",
        POINTS,
        "optimisers.generator.lr=1e-3,1e38",
        "network.hidden=[16],[40000000000000]",
        *TINY[1:],
        "--samples",
        256,
    )
    answer = command(*words, "--json")
    made = contents(answer)
    verdicts = {t["trial"]: t["verdict"] for t in made["trials"]}
    assert made["winner"]["trial"] == 1
    assert verdicts[1] == "winner"
    assert verdicts[3].startswith("diverged: numbers ceased to be finite")
    assert verdicts[2] == verdicts[4] == "refused: its networks do not fit the memory."
    assert "Trial 3 is dropped, as it diverged" in answer.err
    assert "Trial 2 is refused" in answer.err
    assert command(*words, "--json").out == answer.out


def test_a_trial_dropped_at_a_late_rung_gives_its_place_to_none_that_lost_it(monkeypatch):
    """The rungs are gone through again: the same go on, and nothing is played."""
    calls = []

    def scored(made, trial, seed, rung, tell):
        calls.append((trial.number, rung))
        if (trial.number, rung) == (9, 1):
            return "diverged: numbers ceased to be finite"
        value = trial.number / 20
        return Estimate(value, value - 0.01, value + 0.01, "planted")

    monkeypatch.setattr(runner, "_played", scored)
    rates = {"optimisers.generator.lr": [n * 1e-4 for n in range(1, 10)], "train.batch": 32}
    made = [gantlet.sweep(POINTS, rates, recipe="mlp", samples=900) for _ in range(2)]
    assert calls == [*((n, 0) for n in range(1, 10)), (7, 1), (8, 1), (9, 1), (8, 2)]
    assert [swept.winner.number for swept in made] == [8, 8]
    assert made[0].contents == made[1].contents


def test_a_command_says_texts_as_it_takes_them():
    for value in ("|", ",", "null", "crop", "it's"):
        assert dict(assignments([written("data.delimiter", value)])) == {"data.delimiter": value}
    assert written("data.query", "select 1 # one") == "data.query=select 1 # one"


def test_a_sweep_that_loses_all_trials_fails_with_why():
    words = ("sweep", POINTS, "optimisers.generator.lr=1e37,1e38", *TINY, "--samples", 256)
    answer = command(*words)
    assert answer.code == 1
    assert "no trial left" in answer.err
    assert "Traceback" not in answer.err


def test_a_plan_writes_nothing(workplace):
    answer = command(*SWEEP, "--plan")
    assert answer.code == 0
    assert "Recipe points." in answer.out
    told = command(*SWEEP[:2], "recipe=mlp", "train.batch=32,64", "--samples", 256, "--plan").out
    assert "Recipe mlp." in told  # not what would be chosen without it
    told = command(*SWEEP[:2], "recipe=mlp,points", "--samples", 51_200, "--plan").out
    assert "Recipe" not in told
    assert "Rung 1: 3 trials to 128 samples, from 0." in answer.out
    assert "Rung 2: 1 trial to 384 samples, from 128." in answer.out
    assert f"3 trials, {3 * 128 + 1 * 256:,} samples in all." in answer.out
    assert "Trial 3: optimisers.generator.lr=0.01" in answer.out
    assert [p.name for p in workplace.iterdir()] == [POINTS]


def test_python_sweeps_as_the_command_does(workplace):
    told = []
    space = {"optimisers.generator.lr": [1e-3, 1e-2]}
    tiny = dict(word.split("=") for word in TINY[1:])
    swept = gantlet.sweep(
        POINTS,
        space | {"network.hidden": [[16, 16]]} | {k: [v] for k, v in numbers(tiny).items()},
        samples=256,
        tell=told.append,
    )
    answer = command("sweep", POINTS, "optimisers.generator.lr=1e-3,1e-2", *TINY, "--samples", 256)
    assert answer.code == 0, answer
    assert "samples: " not in answer.err  # the same sweep: nothing is played again
    assert swept.command in answer.out
    assert len(told) == 2


def numbers(words) -> dict:
    return {k: v if k == "train.precision" else int(v) for k, v in words.items()}


def test_another_sweep_other_data_and_other_files_are_refused(workplace):
    small = ("sweep", POINTS, "train.tick=64,128", *TINY[:3], *TINY[4:], "--samples", 128)
    assert command(*small).code == 0
    kept = (workplace / "runs/points-sweep/sweep.json").read_bytes()
    answer = command(*small[:-1], 256)
    assert answer.code == 2
    assert "samples: 128 -> 256" in answer.err
    np.save(POINTS, np.load(POINTS)[:500])
    answer = command(*small)
    assert answer.code == 2
    assert "data: other samples or labels" in answer.err
    assert (workplace / "runs/points-sweep/sweep.json").read_bytes() == kept
    (workplace / "mine").mkdir()
    (workplace / "mine" / "notes.txt").write_text("mine")
    answer = command(*small, "--out", "mine")
    assert "other files (notes.txt)" in answer.err
    assert answer.code == 2


@pytest.mark.parametrize(
    ("text", "part"),
    [("{", "cannot be read"), ("[]", "cannot be read"), ('{"format": 9}', "newer Gantlet")],
)
def test_a_state_that_cannot_be_read_is_kept_and_told(workplace, text, part):
    (workplace / "runs/points-sweep").mkdir(parents=True)
    state = workplace / "runs/points-sweep/sweep.json"
    state.write_text(text)
    answer = command(*SWEEP)
    assert answer.code == 2
    assert part in answer.err
    assert state.read_text() == text


def test_what_cannot_be_swept_is_refused_before_anything_is_written(workplace):
    few = ("sweep", POINTS, "train.batch=8,16")
    assert_refused(command("sweep", POINTS, "train.bach=8,16"), "train.bach", "mean batch")
    assert_refused(command("sweep", POINTS, "train.batch=8,many"), "train.batch", "'many'")
    assert_refused(command("sweep", POINTS, "recipe=points,pints"), "unknown recipe 'pints'")
    assert_refused(command(*few, "--keep", "1"), "between 0 and 1")
    assert_refused(command(*few, "--samples", 0), "at least 1")
    assert_refused(command(*few, "--samples", 7), "at least 16 for 1 rung")
    assert_refused(command(*few, "--seeds", 0), "number of seeds")
    assert_refused(command(*few, "validation.extractor=null"), "what trials are compared by")
    assert_refused(command("sweep", POINTS, "train.micro_batches=3,7"), "at least one combination")
    assert_refused(command("sweep", POINTS, "train.micro_batches=1,7"), "one: train.micro", "7")
    assert_refused(command("sweep", POINTS, "a.yaml", "b.yaml"), "one word too many")
    assert_refused(command("sweep", POINTS, "missing.yaml"), "missing.yaml", "a YAML file")
    assert [p.name for p in workplace.iterdir()] == [POINTS]


def test_a_trial_that_copies_has_no_score(whole, swept):
    run = gantlet.load(swept / "trials/001-0")
    last = {**run.log[-1], "validation": 0.9, "validation_low": 0.8, "validation_high": 1.0}
    seen = SimpleNamespace(log=[{**last, "copying": 0.2, "copying_bound": 0.3}], seen=last["seen"])
    assert _score(seen).value == 0.9
    seen.log[0]["copying"] = 0.4
    assert _score(seen).startswith("copies: 40% of its samples")


def test_a_trial_that_runs_out_of_memory_is_dropped_and_others_go_on(workplace, monkeypatch):
    """The allocator refuses all that is wider than the first trial's networks."""
    linear = torch.nn.functional.linear

    def refusing(x, weight, bias=None):
        if 48 in weight.shape:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        return linear(x, weight, bias)

    monkeypatch.setattr(torch.nn.functional, "linear", refusing)
    answer = command("sweep", POINTS, "network.hidden=[16],[48]", *TINY[1:], "--samples", 256)
    assert answer.code == 0, answer
    assert "Trial 2 is dropped, as it memory ran out" not in answer.err
    assert "Trial 2 is dropped, as it ran out of memory" in answer.err


def test_trials_whose_first_weights_do_not_fit_are_refused_and_data_are_found(workplace):
    made = ("train", POINTS, *TINY[1:], "network.hidden=[16]", "--samples", 256, "--out", "first")
    assert command(*made).code == 0
    words = ("network.hidden=[16],[24]", "train.init_from=first", "train.keep=1,2")
    answer = command("sweep", POINTS, *words, *TINY[1:], "--samples", 256, "--out", "s", "--json")
    verdicts = {t["trial"]: t["verdict"] for t in contents(answer)["trials"]}
    assert verdicts[1] == "winner"
    assert all(verdicts[k].startswith("refused: begin with run first") for k in (3, 4))
    record = json.loads((workplace / "s/trials/001-0/run.json").read_text())
    assert record["source"] == str((workplace / POINTS).resolve())
