"""Shapes, trends, ranges and matches of tables: closed forms, and SDMetrics as an oracle."""

import math
import warnings

import numpy as np
import pandas as pd
import pytest

from gantlet.errors import UsageError
from gantlet.metrics.columns import UNDEFINED, Choice, Numeric, Score, averaged, group_of
from gantlet.metrics.matches import matches, repeats
from gantlet.metrics.shapes import adherence, missingness, shape
from gantlet.metrics.trends import binned, trend

VALUES = ["a", "b", "c", "d"]


def frame(seed, n, shift=0.0):
    """Skewed, whole, dated, chosen and missing values that depend on each other."""
    draw = np.random.default_rng(seed)
    x = draw.lognormal(shift, 1, n)
    k = np.minimum((x * 1.5).astype(int), 3)
    y = np.where(draw.random(n) < 0.1, np.nan, np.round(x + draw.normal(0, 1, n), 1))
    z = np.where(draw.random(n) < 0.2, None, np.array(VALUES)[draw.permutation(4)[k]])
    when = pd.Timestamp("2026-01-01") + pd.to_timedelta(np.round(24 * x), unit="h")
    return pd.DataFrame(
        {"x": x, "y": y, "k": np.array(VALUES)[k], "z": z, "b": x > 1, "when": when}
    )


@pytest.fixture(scope="module")
def tables():
    return frame(0, 400), frame(1, 300, 0.3)


def seen(cells):
    """A column as metrics see it."""
    if cells.dtype.kind == "M":
        return Numeric(cells.to_numpy().astype(np.int64).astype(float))
    if cells.dtype.kind == "f":
        return Numeric(cells.to_numpy())
    known = [True, False] if cells.dtype.kind == "b" else VALUES
    codes = [-1 if pd.isna(v) else known.index(v) for v in cells]
    return Choice(np.array(codes), len(known))


@pytest.fixture(scope="module")
def oracle():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import sdmetrics.column_pairs
        import sdmetrics.single_column
        import sdmetrics.single_table
    return sdmetrics


@pytest.mark.parametrize("name", ["x", "y", "k", "z", "b", "when"])
def test_columns_score_as_with_sdmetrics(oracle, tables, name):
    real, fake = (table[name] for table in tables)
    a, b = seen(real), seen(fake)
    metrics = oracle.single_column
    is_number = isinstance(a, Numeric)
    likeness = metrics.KSComplement if is_number else metrics.TVComplement
    assert shape(a, b).value == pytest.approx(likeness.compute(real, fake), abs=1e-6)
    within = metrics.BoundaryAdherence if is_number else metrics.CategoryAdherence
    held, made = (real.dropna(), fake.dropna()) if is_number else (real, fake)
    wanted = within.compute(held, made)
    assert adherence(a, b).value == pytest.approx(wanted if is_number else 1.0)
    lost = metrics.MissingValueSimilarity.compute(real, fake)
    assert missingness(a, b).value == pytest.approx(lost)


def test_an_unknown_category_counts_as_with_sdmetrics(oracle, tables):
    real, fake = (table["k"] for table in tables)
    wanted = oracle.single_column.CategoryAdherence.compute(real[real != "c"], fake)
    assert 0.5 < wanted < 1
    assert adherence(seen(real[real != "c"]), seen(fake)).value == pytest.approx(wanted)


@pytest.mark.parametrize("pair", [("x", "y"), ("y", "when")])
def test_correlations_compare_as_with_sdmetrics(oracle, tables, pair):
    real, fake = (table[list(pair)] for table in tables)
    wanted = oracle.column_pairs.CorrelationSimilarity.compute_breakdown(real, fake)
    found = trend(*(tuple(seen(table[name]) for name in pair) for table in (real, fake)))
    assert found.score.value == pytest.approx(wanted["score"])
    assert (found.real, found.made) == pytest.approx((wanted["real"], wanted["synthetic"]))


@pytest.mark.parametrize("pair", [("k", "z"), ("b", "k"), ("x", "z"), ("b", "y"), ("when", "b")])
def test_contingencies_compare_as_with_sdmetrics(oracle, tables, pair):
    real, fake = (table[list(pair)].copy() for table in tables)
    numbers = [name for name in pair if isinstance(seen(real[name]), Numeric)]
    for name in numbers:  # its binning takes numbers
        if real[name].dtype.kind == "M":
            real[name], fake[name] = (t[name].astype(np.int64).astype(float) for t in (real, fake))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it writes into a copy
        wanted = oracle.column_pairs.ContingencySimilarity.compute(
            real, fake, continuous_column_names=numbers
        )
    sides = [
        [Numeric(t[n].to_numpy()) if n in numbers else seen(t[n]) for n in pair]
        for t in (real, fake)
    ]
    assert trend(*map(tuple, sides)).score.value == pytest.approx(wanted)


def test_new_rows_are_those_of_sdmetrics(oracle):
    draw = np.random.default_rng(0)

    def made(n):
        return pd.DataFrame(
            {"x": draw.normal(100, 40, n).round(1), "y": draw.choice([-5.0, 0.0, np.nan], n),
             "k": draw.random(n) < 0.3}
        )  # fmt: skip

    real, fake = made(200), made(60)
    sdtypes = {"x": "numerical", "y": "numerical", "k": "boolean"}
    metadata = {"columns": {name: {"sdtype": kind} for name, kind in sdtypes.items()}}
    wanted = oracle.single_table.NewRowSynthesis.compute(real, fake, metadata)
    found = matches(*([seen(t[name]) for name in sdtypes] for t in (fake, real)), [0.01, 0.01])
    assert 0.1 < wanted < 0.9
    assert np.mean(found < 1) == pytest.approx(wanted)


def test_matches_are_counted_as_by_hand():
    codes = [0, 0, 0, 1, 0]
    x = Numeric(np.array([10.0, 10.05, 20.0, 10.0, math.nan]))
    held = [Choice(np.array(codes), 2), x]
    assert matches(held, held, [0.01]).tolist() == [2, 2, 1, 1, 1]
    assert matches(held, held, [0.0]).tolist() == [1, 1, 1, 1, 1]
    assert matches(held[:1], held[:1], []).tolist() == [4, 4, 4, 1, 4]
    far = [Numeric(np.array([math.inf, -math.inf, 0.0]))]
    assert matches(far, far, [0.01]).tolist() == [1, 1, 1]
    assert repeats([Choice(np.array([0, 1, 0, -1]), 2)]).tolist() == [1, 0, 1, 0]
    twice = Numeric(np.array([math.nan, 1.0, math.nan, 2.0]))
    assert repeats([twice]).tolist() == [1, 0, 1, 0]


def test_equal_columns_score_one_and_disjoint_ones_nought():
    x = np.arange(100.0)
    assert shape(Numeric(x), Numeric(x)).value == 1
    assert shape(Numeric(x), Numeric(x + 1000)).value == pytest.approx(0)
    assert shape(Numeric(x), Numeric(x + 25)).value == pytest.approx(0.75)
    a, b = Choice(np.arange(100) % 2, 4), Choice(2 + np.arange(100) % 2, 4)
    assert shape(a, a).value == 1
    assert shape(a, b).value == pytest.approx(0)
    assert adherence(a, b).value == 0
    with_infinity = Numeric(np.append(x, math.inf))
    assert shape(with_infinity, with_infinity).value == 1


def test_the_score_without_a_group_is_that_of_the_other_rows(tables):
    real, fake = tables
    group = group_of(len(fake))
    for name in ("y", "z"):
        a, b = seen(real[name]), seen(fake[name])
        rest = fake[name][group != 3]
        assert shape(a, b).left_out[3] == pytest.approx(shape(a, seen(rest)).value)
        assert missingness(a, b).left_out[3] == pytest.approx(missingness(a, seen(rest)).value)
    pair = ("x", "y")
    whole, part = (
        trend(tuple(seen(real[n]) for n in pair), tuple(seen(t[n]) for n in pair))
        for t in (fake, fake[group != 3])
    )
    assert whole.score.left_out[3] == pytest.approx(part.score.value)


@pytest.mark.parametrize("pair", [("x", "y"), ("k", "z"), ("x", "k"), ("y",), ("z",)])
def test_an_error_is_about_that_of_many_draws_and_never_much_smaller(pair):
    """Far from 1, where the signs of the differences do not change by chance."""
    real, law = frame(0, 400), frame(2, 40_000, 0.8)
    law["z"], law["y"] = np.roll(law["k"].to_numpy(), 1), -law["y"]

    def score(fake):
        a, b = (tuple(seen(t[name]) for name in pair) for t in (real, fake))
        return shape(a[0], b[0]) if len(pair) == 1 else trend(a, b).score

    draws = [score(law.iloc[i * 400 : (i + 1) * 400]) for i in range(100)]
    spread = np.std([one.value for one in draws])
    told = np.mean([one.error for one in draws])
    assert 0.8 * spread < told < 1.4 * spread


def test_bins_are_the_data_s_and_have_no_ends():
    real = Numeric(np.array([0.0, 10.0, 5.0, math.nan]))
    fake = Numeric(np.array([-50.0, 50.0, 4.999, math.inf]))
    a, b = binned(real, fake)
    assert a.codes.tolist() == [0, 9, 5, -1]
    assert b.codes.tolist() == [0, 9, 4, 9]
    alone = binned(Numeric(np.full(3, math.nan)), fake)[1]
    assert set(alone.codes) == {0}


def test_values_that_differ_by_rounding_have_bins():
    column = Numeric(np.array([0.3, 0.1 + 0.2, 0.3]))
    a, b = binned(column, column)
    assert a.codes.tolist() == b.codes.tolist()
    assert a.codes[0] != a.codes[1]
    flat = Numeric(np.zeros(3))
    assert binned(flat, flat)[0].codes.tolist() == [5, 5, 5]


def test_what_has_no_meaning_is_left_out_and_what_collapsed_is_not():
    draw = np.random.default_rng(0)
    x = Numeric(draw.normal(size=100))
    y, flat = Numeric(2 * x.x + draw.normal(size=100)), Numeric(np.zeros(100))
    gone = Numeric(np.full(100, math.nan))
    assert not trend((flat, y), (x, y)).score.is_defined
    collapsed = trend((x, y), (flat, y))
    assert collapsed.score.value == pytest.approx(1 - collapsed.real / 2)
    assert math.isnan(collapsed.made)
    assert not shape(gone, x).is_defined
    assert not adherence(gone, x).is_defined
    assert averaged([shape(x, x), UNDEFINED]).value == 1
    with pytest.raises(UsageError, match="a column of this kind"):
        averaged([UNDEFINED])


def test_strengths_of_dependence_are_cramers_and_nought_on_average_by_chance():
    codes = np.arange(120) % 3
    a, same, other = (Choice(c, 3) for c in (codes, 2 - codes, np.arange(120) // 3 % 2))
    assert trend((a, same), (a, other)).real == pytest.approx(1, abs=1e-3)
    assert trend((a, same), (a, other)).made == 0
    draw = np.random.default_rng(0)
    many = [Choice(draw.integers(0, 20, 150), 20) for _ in range(40)]
    strengths = [trend((x, y), (x, y)).real for x, y in zip(many[::2], many[1::2], strict=True)]
    assert np.mean(strengths) < 0.06  # 0.35 without the correction


def test_the_mean_of_families_weighs_families_alike():
    low, high = (Score(v, np.full(10, v), 0.0) for v in (0.2, 0.8))
    assert averaged([low]).value == pytest.approx(0.2)
    assert averaged([low, low, low], [high]).value == pytest.approx(0.5)
