"""Looks that take too much of the time become rarer; what is learnt does not change."""

import math

import pytest

from gantlet.config import Validation, identity, override
from gantlet.metrics.estimate import Estimate
from gantlet.training.copying import Closeness
from gantlet.training.looks import Looks
from gantlet.training.validation import Course, Look
from tests.training.small import tensors, trainer
from tests.training.test_pauses import Clock
from tests.training.test_resume import StopAt, assert_same

TICK = 64
FOUND = Look(Estimate(0.5, 0.4, 0.6, ""), Closeness(0.05, 0.1))


def session(look, training, ticks, **settings):
    """Ticks looked at, the share of the time, and what was said, where looks take `look` s."""
    clock, course = Clock(), Course()
    looks, at, said = Looks(Validation(**settings), clock), [], []
    began = clock.now
    for tick in range(1, ticks + 1):
        clock.now += training
        if looks.due(tick, course):
            with looks.timed():
                clock.now += look
            at.append(tick)
            course, sentence = looks.thinned(course)
            said += [sentence] * bool(sentence)
    return at, len(at) * look / (clock.now - began), said


@pytest.mark.parametrize(("look", "training"), [(3.0, 2.0), (0.5, 0.1), (30.0, 100.0)])
def test_looks_take_no_more_than_their_share_but_for_the_first(look, training):
    at, _, said = session(look, training, 20_000)
    first = sum(tick <= at[1 + int(20 / look)] for tick in at)
    lost = first * look  # before the share mattered
    assert lost <= 20 + 2 * look
    assert (len(at) * look - lost) / (20_000 * training) < 0.05 / 0.95
    every = at[-1] - at[-2]
    assert every == math.ceil(round(look / training * 19, 6))  # and not rarer than that
    assert f"one tick in {every:,} is looked at, for 5% at most" in said[-1]


def test_looks_that_are_short_are_all_taken():
    assert session(1.0, 20.0, 500)[0] == list(range(1, 501))  # 4.8 % of the time
    assert session(1.0, 0.1, 19)[0] == list(range(1, 20))  # 19 seconds
    assert session(3.0, 0.1, 500, share=1.0)[0] == list(range(1, 501))
    assert session(1.0, 20.0, 500, every=3)[0] == list(range(3, 501, 3))


def slow(path, clock, *settings, callbacks=()):
    """A run of sixteen ticks of a second, whose looks take nine."""
    run = trainer(path, "mlp", f"stop.samples={16 * TICK}", *settings, callbacks=callbacks)
    run._looks = Looks(run.config.validation, clock)
    play = run._play

    def played():
        play()
        clock.now += run.config.train.batch / TICK

    def look(*_):
        clock.now += 9.0
        return FOUND

    run._play, run.validator.look = played, look
    return run


def looked(run):
    return [row["seen"] // TICK for row in run.folder.rows() if "validation" in row]


def test_a_run_that_goes_on_keeps_to_it_and_learns_the_same(tmp_path):
    whole = slow(tmp_path / "whole", Clock())
    assert whole.run().reason == "finished"
    assert looked(whole) == [1, 2, 3, 16]  # 27 of 30 seconds: every 171st, and the end
    (event,) = (row for row in whole.folder.rows() if "event" in row)
    assert (event["seen"], event["event"]) == (3 * TICK, "looks")
    assert "90% of the time" in event["note"]
    assert "one tick in 171 is looked at" in event["note"]

    parted = slow(tmp_path / "parted", Clock(), callbacks=[])
    assert StopAt(5 * TICK // parted.config.train.batch).attach(parted).run().reason == "stopped"
    last = slow(tmp_path / "parted", Clock())
    assert last.run().reason == "finished"
    assert looked(last) == looked(whole)
    assert last.state.course == whole.state.course
    assert_same(tensors(whole), tensors(last))

    all_of_them = slow(tmp_path / "all", Clock(), "validation.share=1")
    assert all_of_them.run().reason == "finished"
    assert looked(all_of_them) == list(range(1, 17))
    assert_same(tensors(whole), tensors(all_of_them))
    assert identity(whole.config) == identity(override(whole.config, ["validation.share=1"]))
