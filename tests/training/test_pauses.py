"""Ticks that take long are told, with the number of samples that would make them rarer."""

import re

import pytest

from gantlet.training.pauses import Pauses


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


def session(training, pause, ticks, goal=None):
    """What is said after each tick of a session."""
    clock, said = Clock(), []
    pauses = Pauses(clock)
    for _ in range(ticks):
        clock.now += training
        with pauses():
            clock.now += pause
        said.append(pauses.advice(20_000, goal))
    return said


def test_the_advice_brings_pauses_down_to_a_twentieth():
    (sentence,) = filter(None, session(training=60.0, pause=20.0, ticks=9))
    assert "25% of the time" in sentence
    tick = int(re.search(r"train\.tick=(\d+)", sentence)[1])
    share = 20 / (20 + 60 * tick / 20_000)
    assert 0.045 < share <= 0.05


def test_no_tick_beyond_the_end_of_the_run_is_advised():
    (sentence,) = filter(None, session(training=60.0, pause=20.0, ticks=9, goal=100_000))
    assert "train.tick" not in sentence
    assert "validation.every" in sentence


@pytest.mark.parametrize(
    ("training", "pause", "told"), [(60.0, 3.0, False), (60.0, 3.3, True), (0.1, 1.0, False)]
)
def test_it_is_given_once_where_pauses_are_long_in_all(training, pause, told):
    assert len([*filter(None, session(training, pause, 30))]) == told


def test_it_comes_when_a_minute_is_lost():
    said = session(training=10.0, pause=25.0, ticks=4)
    assert [bool(sentence) for sentence in said] == [False, False, True, False]
