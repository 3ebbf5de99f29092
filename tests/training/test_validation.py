"""Validation while training: the best checkpoint, the bundle, and an end without a gain."""

import json
import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import torch

from gantlet.config import Validation, identity, override
from gantlet.data import DataSettings, open_data
from gantlet.data.split import halves, spared, split, split_hashes
from gantlet.errors import UsageError
from gantlet.metrics.estimate import Estimate
from gantlet.recipes import recipe
from gantlet.spec import DataSpec
from gantlet.training.callback import Callback
from gantlet.training.checkpoint import read
from gantlet.training.copying import Closeness
from gantlet.training.machine import Machine
from gantlet.training.state import State
from gantlet.training.validation import Course, Look, Validator, beyond, quality
from tests.evaluation import planted
from tests.training.ranks import ranked, spawned
from tests.training.small import tensors, trainer

COURSE = [0.2, 0.5, 0.8, 0.79, 0.4, 0.3, 0.3, 0.3]
"""Qualities that rise and fall, a tick each."""


def estimate(value, reach=0.05):
    return Estimate(value, value - reach, value + reach, "")


def look(value, *, copies=False):
    return Look(estimate(value), Closeness(0.5 if copies else 0.05, 0.1))


class Notes(Callback):
    def __init__(self):
        self.notes, self.end, self.start = [], None, None

    def on_start(self, start):
        self.start = start

    def on_note(self, sentence):
        self.notes.append(sentence)

    def on_end(self, end):
        self.end = end


def followed(path, *settings, course=COURSE, copying=(), callbacks=()):
    """A trainer whose looks find the qualities of a course, at the tick that it has reached.

    Ticks in `copying`, from 1, are those whose samples are found to be copies.
    """
    run = trainer(path, "mlp", f"stop.samples={64 * len(course)}", *settings, callbacks=callbacks)
    run.validator.look = lambda *_: look(
        course[run.seen // 64 - 1], copies=run.seen // 64 in copying
    )
    return run


def test_quality_is_precision_times_coverage():
    torch.manual_seed(0)
    real, same = torch.randn(400, 2), torch.randn(400, 2)
    assert quality(real, same).value > 0.8
    assert quality(real, torch.cat([same[:200], same[:200] + 50])).value == pytest.approx(
        quality(real, same[:200]).value / 2, abs=0.02
    )
    assert quality(real, real[:1].expand(400, -1)).value < 0.05
    found = quality(real, same)
    assert 0 <= found.low < found.value < found.high


def test_quality_falls_steadily_with_blur_and_with_noise():
    torch.manual_seed(0)
    real, same = torch.randn(400, 2).sign() + 0.05 * torch.randn(400, 2), torch.randn(400, 2)
    noisy = [
        quality(real, torch.randn(400, 2).sign() + s * same).value for s in (0.05, 0.2, 0.5, 1.0)
    ]
    assert noisy == sorted(noisy, reverse=True)
    assert noisy[0] > 0.8
    assert noisy[-1] < 0.2


def test_the_course_counts_looks_without_a_gain_and_small_gains_add_up():
    course, idle = Course(), []
    for tick, value in enumerate([0.1, 0.15, 0.18, 0.21, 0.22, 0.20, 0.19]):
        course = course.after(str(tick), look(value))
        idle.append(course.idle)
    assert idle == [0, 1, 2, 0, 1, 2, 3]
    assert (course.best, course.top.value, course.last.value) == ("4", 0.22, 0.19)
    assert course.is_idle(3)
    assert not course.is_idle(4)
    assert not course.is_idle(None)
    assert not course.has_fallen
    assert course.after("7", look(0.05)).has_fallen
    assert not beyond(estimate(0.3), estimate(0.2))


def test_a_course_survives_json_and_an_older_one_is_empty():
    course = Course().after("a", look(0.1 + 0.2)).after("b", look(0.3, copies=True))
    assert Course.of(json.loads(json.dumps(asdict(course)))) == course
    assert Course.of({}) == Course() == Course.of({"best_coverage": 0.3})


def test_validation_takes_a_third_of_what_is_set_aside_and_leaves_the_rest_to_evaluation():
    hashes = np.random.default_rng(0).permutation(60_000).astype(np.uint64)
    held = split_hashes(hashes).held_out
    for n, most, expected in ((6000, 1000, 1000), (600, 1000, 200), (599, 1000, 0), (900, 24, 24)):
        chosen, rest = spared(held[:n], hashes, most)
        assert len(chosen) == expected
        assert np.array_equal(np.sort(np.concatenate([chosen, rest])), held[:n])
    assert np.array_equal(spared(held, hashes, 0)[1], held)
    chosen, rest = spared(held, hashes, 1000)
    floor, reference = halves(rest, hashes)
    assert not set(chosen) & (set(floor) | set(reference))


def test_copies_never_straddle_validation_and_evaluation():
    hashes = np.repeat(np.random.default_rng(0).integers(0, 2**63, 500, dtype=np.uint64), 4)
    chosen, rest = spared(np.arange(2000), hashes, 1000)
    assert len(chosen) >= 600
    assert not np.intersect1d(hashes[chosen], hashes[rest]).size


def looked_at(x, law, tmp_path, **settings):
    data = open_data(x)
    divided = split(data, DataSettings())
    validator = Validator(data, divided, Validation(**settings), tmp_path / "cache")
    game = planted.game(law, x)
    found = validator.look(game, game.players.eval(), Machine("cpu", "float32", 1))
    return validator, divided, found


def test_looks_order_generators_by_their_quality(tmp_path):
    x = planted.data(6000)
    laws = (planted.far, planted.collapsed, lambda z: 0.6 * planted.honest(z), planted.honest)
    found = [looked_at(x, law, tmp_path)[2] for law in laws]
    values = [one.quality.value for one in found]
    assert values == sorted(values)
    assert beyond(found[-1].quality, found[1].quality)
    validator, _, again = looked_at(x, planted.honest, tmp_path)
    assert again == found[-1]
    assert validator.is_unseen
    assert "200 of the samples set aside" in validator.note


def test_with_few_samples_set_aside_training_samples_are_compared_with_and_it_is_said(tmp_path):
    for n in (150, 3000):
        validator, divided, found = looked_at(planted.data(n), planted.honest, tmp_path)
        assert not validator.is_unseen
        assert set(validator._index) <= set(divided.train)
        assert found.quality.value > 0.5
        assert "training samples" in validator.note


def test_without_validation_or_with_too_few_samples_nothing_is_looked_at(tmp_path):
    validator, _, found = looked_at(planted.data(150), planted.honest, tmp_path, extractor=None)
    assert (found, validator.note) == (None, "")
    validator, _, found = looked_at(planted.data(20), planted.honest, tmp_path)
    assert (found, validator.count) == (None, 0)
    assert "not compared, which takes 24 samples at least" in validator.note


def test_samples_that_are_not_finite_give_no_number(tmp_path):
    broken = looked_at(planted.data(600), lambda z: planted.honest(z) / 0, tmp_path)
    assert broken[2] is None


def test_the_best_checkpoint_follows_validation_and_is_kept_beside_the_newest(tmp_path):
    run = followed(tmp_path, "train.keep=2")
    run.run()
    kept = sorted(path.name for path in run.folder.checkpoints.iterdir())
    assert kept == ["000000000192", "000000000448", "000000000512"]
    assert run.state.course.best == "000000000192"
    assert [row["validation"] for row in run.folder.rows()] == COURSE
    assert run.folder.rows()[2]["validation_high"] == pytest.approx(0.85)


@pytest.mark.parametrize(("choice", "seen"), [("best", 192), ("last", 512)])
def test_the_bundle_holds_the_best_and_says_so(choice, seen, tmp_path):
    watcher = Notes()
    run = followed(tmp_path, f"validation.bundle={choice}", "train.keep=9", callbacks=[watcher])
    run.run()
    assert watcher.end.bundled == seen
    expected = read(run.folder.checkpoints / f"{seen:012d}").tensors["averaged"]
    found = watcher.end.averaged.state_dict()
    assert all(torch.equal(found[name], tensor) for name, tensor in expected.items())
    assert any("192 samples" in note and "0.80" in note for note in watcher.notes) == (
        choice == "best"
    )


def test_a_best_one_within_noise_of_the_last_leaves_the_last(tmp_path):
    watcher = Notes()
    followed(tmp_path, course=[0.2, 0.5, 0.48, 0.42], callbacks=[watcher]).run()
    assert watcher.end.bundled == 256
    assert watcher.notes == []


def test_a_look_that_finds_copies_is_no_gain_and_never_the_best():
    course = Course().after("a", look(0.2)).after("b", look(0.9, copies=True))
    assert (course.best, course.top.value, course.last.value) == ("a", 0.2, 0.9)
    assert (course.idle, course.copies, course.has_fallen) == (1, True, True)
    assert "of those that do not copy, as the last one does (0.90)" in course.told(64)
    again = course.after("c", look(0.22))
    assert (again.best, again.copies, again.has_fallen) == ("c", False, False)
    only = Course().after("a", look(0.9, copies=True))
    assert (only.best, only.has_fallen) == (None, False)


@pytest.mark.parametrize(("choice", "seen"), [("best", 128), ("last", 256)])
def test_the_bundle_holds_the_best_that_does_not_copy_and_says_so(choice, seen, tmp_path):
    watcher, course = Notes(), [0.2, 0.3, 0.8, 0.9]
    settings = (f"validation.bundle={choice}", "train.keep=1")
    followed(tmp_path, *settings, course=course, copying=(3, 4), callbacks=[watcher]).run()
    assert watcher.end.bundled == seen
    assert any("do not copy" in note for note in watcher.notes) == (choice == "best")


def test_looks_are_taken_every_so_many_ticks_and_at_the_end(tmp_path):
    run = followed(tmp_path, "validation.every=3")
    run.run()
    assert [row["seen"] for row in run.folder.rows() if "validation" in row] == [192, 384, 512]


def test_a_run_without_gain_ends_and_says_how_to_go_on(tmp_path):
    watcher = Notes()
    run = followed(tmp_path, "stop.patience=3", callbacks=[watcher])
    assert run.run().reason == "plateau"
    assert run.seen == 64 * 6  # the gain at 192 is the last
    assert watcher.end.bundled == 192
    again = followed(tmp_path, "stop.patience=3", callbacks=[watcher])
    end = again.run()
    assert (end.reason, end.seen, watcher.start.over) == ("plateau", 64 * 6, True)
    longer = followed(tmp_path, "stop.patience=9")
    assert longer.run().reason == "finished"
    assert longer.seen == 512


def test_patience_is_no_part_of_a_run_and_needs_validation(tmp_path):
    config = recipe("points", DataSpec(kind="points", shape=(2,)))
    other = override(config, ["stop.patience=3", "validation.bundle=last"])
    assert identity(other) == identity(config)
    assert identity(override(config, ["validation.samples=99"])) != identity(config)
    with pytest.raises(UsageError, match=r"stop\.patience.*validation\.extractor=null"):
        override(config, ["stop.patience=3", "validation.extractor=null"])
    for wrong in ("validation.samples=3", "validation.bundle=first", "stop.patience=0"):
        with pytest.raises(UsageError, match=wrong.partition("=")[0]):
            override(config, [wrong])


def test_a_run_killed_and_resumed_ends_at_the_same_tick_with_the_same_bits(tmp_path):
    settings = ("stop.samples=6400", "stop.patience=2", "validation.samples=48")

    def made(name):
        return trainer(tmp_path / name, "mlp", *settings)

    whole = made("whole")
    assert whole.run().reason == "plateau"
    stops = [3, whole.state.position - 3]
    for stop in stops:
        parted = made("parted")
        play = parted.stepper.play

        def counted(position, parted=parted, play=play, stop=stop):
            play(position)
            parted._stop = parted._stop or position + 1 >= stop

        parted.stepper.play = counted
        assert parted.run().reason == "stopped"
    last = made("parted")
    assert last.run().reason == "plateau"
    assert last.seen == whole.seen
    assert last.state.course == whole.state.course
    first, second = tensors(whole), tensors(last)
    assert all(torch.equal(first[name], second[name]) for name in first)
    looks = [
        [[row["validation"], row["copying"], row["copying_bound"]] for row in t.folder.rows()]
        for t in (whole, last)
    ]
    assert looks[0] == looks[1]


def test_the_checkpoint_of_before_validation_is_read(tmp_path):
    old = {"position": 16, "seconds": 0.2, "roll_backs": 1, "best": "0", "best_coverage": 0.0}
    assert State.of(old) == State(position=16, seconds=0.2, roll_backs=1)


def test_a_run_that_goes_on_among_more_processes_has_as_many_parts_as_its_share_allows():
    halved = State(position=4, micro_batches=16, asked=1)
    state, note = halved.divided(1, 8)
    assert (state.micro_batches, "goes on with 8" in note) == (8, True)
    assert halved.divided(1, 16) == (halved, "")
    assert halved.divided(2, 8)[0].micro_batches == 2


def test_an_extractor_that_is_not_installed_is_told_before_training(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch_fidelity", None)
    run = trainer(tmp_path, "mlp", "validation.extractor=inception")
    with pytest.raises(UsageError, match="fidelity"):
        run.run()
    assert run.seen == 0


def _rank(rank: int, port: int, folder: str) -> None:
    with ranked(rank, port):
        run = followed(Path(folder) / "run", "stop.patience=3")
        if rank:  # only rank 0 looks
            run.validator.look = None
        end = run.run()
        again = followed(Path(folder) / "run", "stop.patience=3").run()
        told = {"ends": [[e.reason, e.seen] for e in (end, again)]}
        (Path(folder) / f"{rank}.json").write_text(json.dumps(told))


def test_two_ranks_agree_on_the_end(tmp_path):
    spawned(_rank, tmp_path)
    ends = [json.loads((tmp_path / f"{rank}.json").read_text())["ends"] for rank in (0, 1)]
    assert ends[0] == ends[1] == [["plateau", 384], ["plateau", 384]]
