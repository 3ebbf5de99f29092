"""Scores against scikit-learn, closed forms of what is learned, gains of rare classes."""

import math

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.metrics import f1_score, r2_score

from gantlet.errors import UsageError
from gantlet.metrics.tables.features import Features
from gantlet.metrics.tables.learners import scores
from gantlet.metrics.tables.rare import rare_gain
from gantlet.metrics.tables.records import joined
from gantlet.metrics.tables.scores import difference, f1, macro_f1, mean, r2
from gantlet.metrics.tables.target import Target, chosen_target, with_target
from gantlet.metrics.tables.usefulness import usefulness
from tests.metrics.tables.made import drawn, of

EVEN = {"even": lambda seed: LogisticRegression(class_weight="balanced")}
LINE = {"line": lambda seed: LinearRegression()}
LOGISTIC = {"logistic": lambda seed: LogisticRegression(C=1e4)}
C0 = Target("c0", "binary", (0, 1))


def guesses(n, classes, seed):
    draw = np.random.default_rng(seed)
    truth = draw.choice(classes, n, p=[0.6, 0.3, 0.1][:classes] if classes == 3 else [0.8, 0.2])
    return truth, np.where(draw.random(n) < 0.3, draw.choice(classes, n), truth)


def test_scores_are_those_of_scikit_learn():
    truth, guess = guesses(300, 3, 0)
    assert f1(truth == 2, guess == 2).value == pytest.approx(f1_score(truth == 2, guess == 2))
    found = macro_f1(truth, guess, (0, 1, 2)).value
    assert found == pytest.approx(f1_score(truth, guess, average="macro"))
    x = np.random.default_rng(1).normal(size=(2, 50))
    assert r2(*x).value == pytest.approx(r2_score(*x))
    nobody = np.zeros(5, bool)
    assert f1(nobody, nobody).value == 0


@pytest.mark.parametrize("kind", ["f1", "macro", "r2", "difference"])
def test_intervals_are_those_of_a_bootstrap(kind):
    draw = np.random.default_rng(0)
    truth, guess = guesses(600, 3, 2)
    y = draw.normal(size=600)
    g, h = y + draw.normal(size=600), y + draw.normal(size=600) / 2
    made = {
        "f1": lambda i: f1(truth[i] == 2, guess[i] == 2),
        "macro": lambda i: macro_f1(truth[i], guess[i], (0, 1, 2)),
        "r2": lambda i: r2(y[i], g[i]),
        "difference": lambda i: difference(mean([r2(y[i], g[i]), r2(y[i], h[i])]), r2(y[i], g[i])),
    }[kind]
    whole = made(np.arange(600))
    assert abs(whole.influence.mean()) < 1e-12
    again = [made(draw.integers(0, 600, 600)).value for _ in range(800)]
    assert whole.variance**0.5 == pytest.approx(np.std(again), rel=0.1)


def test_features_are_fitted_on_the_rows_that_are_learned_from():
    train = of([[0.0], [2.0], [np.nan]], [[0], [1], [1]])
    features = Features(train)
    new = of([[1.0], [np.inf], [np.nan]], [[1], [7], [0]])  # 7 was never seen
    assert features(new).tolist() == [[0, 0, 0, 1], [1, 0, 0, 0], [0, 1, 1, 0]]
    many = of(np.zeros((5000, 0)), np.arange(5000)[:, None] % 1000)
    assert Features(many)(many).shape == (5000, 32)


def test_a_perfect_sampler_is_as_useful_as_real_rows_and_independent_columns_are_not():
    real, made, held_out = drawn(1500, 0), drawn(1500, 1), drawn(800, 2)
    found = usefulness(real, made, held_out, C0, learners=EVEN)
    assert found.made_gap.low < 0 < found.made_gap.high
    assert found.real.low > 0.45
    assert found.both_gap.high > 0
    draw = np.random.default_rng(0)
    shuffled = of(
        np.stack([draw.permutation(x) for x in made.numbers.T], 1),
        np.stack([draw.permutation(x) for x in made.choices.T], 1),
    )
    useless = usefulness(real, shuffled, held_out, C0, learners=EVEN)
    assert useless.real == found.real
    assert useless.made_gap.high < 0
    assert useless.made_gap.value == pytest.approx(useless.made.value - useless.real.value)


def test_what_a_line_learns_from_rows_of_another_law_has_a_closed_form():
    """y = x + e in the data, a x + e among generated rows: 1 - ((1 - a)^2 + s^2) / (1 + s^2)."""
    draw = np.random.default_rng(0)

    def rows(n, slope):
        x = draw.normal(size=n)
        return of(np.stack([x, slope * x + 0.5 * draw.normal(size=n)], 1), np.zeros((n, 0)))

    found = usefulness(
        rows(20_000, 1), rows(20_000, 0.2), rows(20_000, 1), Target("x1", "number"), learners=LINE
    )
    assert found.rows == 2_000
    for estimate, slope in ((found.real, 1), (found.made, 0.2), (found.both, 0.6)):
        ideal = 1 - ((1 - slope) ** 2 + 0.25) / 1.25
        assert estimate.low - 0.01 < ideal < estimate.high + 0.01


def gaussians(common, rare, apart, seed):
    """One number that tells a class apart by `apart` deviations."""
    y = np.r_[np.zeros(common), np.ones(rare)]
    x = np.random.default_rng(seed).normal(size=common + rare) + apart * y
    return of(x[:, None], y[:, None])


def ideal_f1(share, learned, apart):
    """Of the best line for a class of share `learned`, where it has share `share`."""
    cut = apart / 2 + math.log((1 - learned) / learned) / apart
    hit, alarm = (math.erfc((cut - at) / math.sqrt(2)) / 2 for at in (apart, 0))
    return 2 * share * hit / (share + share * hit + (1 - share) * alarm)


@pytest.mark.parametrize(("apart", "added", "helps"), [(2.0, 1500, True), (3.0, 19_800, False)])
def test_a_perfect_sampler_of_a_rare_class_helps_or_not_as_mathematics_has_it(apart, added, helps):
    """1 % rare. Far apart and made equal, false alarms come faster than hits: F1 falls."""
    real, held_out = gaussians(19_800, 200, apart, 0), gaussians(99_000, 1_000, apart, 1)
    draws = [gaussians(0, added, apart, 2 + seed) for seed in range(3)]
    found = rare_gain(real, draws, held_out, Target("c0", "binary", (1, 0)), 1, learners=LOGISTIC)
    share = (200 + added) / (20_000 + added)
    ideal = ideal_f1(0.01, share, apart) - ideal_f1(0.01, 0.01, apart)
    assert (ideal > 0) == helps == found.helps
    assert found.gain.low - 0.02 < ideal < found.gain.high + 0.02
    assert found.gain.value == pytest.approx(found.added.value - found.without.value)


def test_the_target_is_the_last_of_few_categories_or_the_last_number():
    rows = drawn(500, 0)
    assert chosen_target(rows) == chosen_target(rows, "c2")
    assert chosen_target(rows).kind == "classes"
    assert chosen_target(rows, "c1").kind == "binary"
    constant = of(rows.numbers, np.zeros((500, 1)))
    assert chosen_target(constant) == Target("x1", "number")
    coded = chosen_target(of(np.zeros((9, 0)), [[0]] * 3 + [[1]] * 4 + [[2]] * 2, [2]))
    assert coded == Target("c0", "binary", (0, 1))  # 2 is a missing value


def test_rows_without_the_target_take_no_part():
    rows = of([[1.0], [np.nan], [np.inf], [2.0]], [[0], [1], [1], [2]], [2])
    assert len(with_target(rows, Target("x0", "number"))) == 2
    assert len(with_target(rows, Target("c0", "binary", (0, 1)))) == 3


ONE_CLASS = of(np.ones((50, 1)), np.ones((50, 1)))


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: chosen_target(drawn(50, 0), "c7"), "unknown column 'c7'"),
        (lambda: chosen_target(ONE_CLASS, "c0"), "at least 2 values.*1 value among"),
        (lambda: chosen_target(ONE_CLASS, "x0"), "at least 2 values.*1 value among"),
        (lambda: chosen_target(ONE_CLASS), "2 to 20 categories"),
        (
            lambda: chosen_target(of(np.zeros((300, 0)), np.arange(300)[:, None]), "c0"),
            "at most 100 categories.*300 values",
        ),
        (
            lambda: scores(ONE_CLASS, ONE_CLASS, Target("c0", "binary", (0, 1))),
            "at least two classes",
        ),
        (
            lambda: usefulness(drawn(50, 0), drawn(1, 1), drawn(50, 2), C0),
            "at least 10 real and as many",
        ),
        (
            lambda: rare_gain(drawn(50, 0), [drawn(9, 1)], drawn(50, 2), C0, 1),
            "draws of rows of that class alone",
        ),
    ],
)
def test_what_cannot_be_learned_is_refused(call, words):
    with pytest.raises(UsageError, match=words):
        call()


def test_the_parts_of_joined_rows_are_theirs():
    a, b = drawn(5, 0), drawn(7, 1)
    both = joined(a, b)
    assert len(both) == 12
    assert np.array_equal(both.take(slice(5, 12)).choices, b.choices)
    assert both.without("x1").names == ("x0", "c0", "c1", "c2")
