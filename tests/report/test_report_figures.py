"""Figures show the numbers they are given, as text and lines of the page itself."""

import math
import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from gantlet.metrics.estimate import Estimate
from gantlet.report.figures import bars, curves, place, scatter
from gantlet.spec import DataSpec
from tests.report.pages import number, read

REAL = st.floats(-1e6, 1e6)
POSITIVE = st.floats(1e-3, 1e3)


def compared(value, floor, better="lower"):
    return number(value=value, floor=Estimate(*floor, ""), better=better)


@st.composite
def intervals(draw):
    middle, below, above = draw(REAL), draw(POSITIVE), draw(POSITIVE)
    return middle, middle - below, middle + above


@given(intervals(), intervals(), st.sampled_from(["lower", "higher"]))
def test_a_place_is_in_order_within_the_axis_and_fills_it(value, floor, better):
    found = place(compared(value, floor, better))
    assert -1 <= found.low <= found.value <= found.high <= 0.5
    assert -1 <= found.floor_low <= 0 <= found.floor_high <= 0.5
    ends = (found.low, found.floor_low, found.high, found.floor_high)
    assert min(ends) == -1 or max(ends) == 0.5
    worse = value[0] > floor[0] if better == "lower" else value[0] < floor[0]
    assert not worse or found.value <= 0


@given(intervals(), intervals(), st.floats(0.1, 100))
def test_a_place_depends_on_no_unit(value, floor, factor):
    assume(abs(value[0] - floor[0]) > 1e-2)
    scaled = [tuple(factor * end for end in ends) for ends in (value, floor)]
    one, other = place(compared(value, floor)), place(compared(*scaled))
    assert vars(other) == pytest.approx(vars(one), abs=1e-6)


@given(intervals(), intervals())
def test_lower_is_better_is_higher_is_better_of_the_negative(value, floor):
    mirrored = [(-middle, -high, -low) for middle, low, high in (value, floor)]
    assert place(compared(value, floor)) == place(compared(*mirrored, "higher"))


def test_places_by_hand():
    found = place(compared((30, 28, 32), (10, 9, 12)))
    wanted = [-22 / 22, -20 / 22, -18 / 22, -2 / 22, 1 / 22]
    assert list(vars(found).values()) == pytest.approx(wanted)
    better = place(compared((0.9, 0.8, 1.0), (0.5, 0.4, 0.6), "higher"))
    assert list(vars(better).values()) == pytest.approx([0.3, 0.4, 0.5, -0.1, 0.1])


def test_an_infinite_end_lies_at_the_edge_and_what_has_no_place_has_none():
    inf, nan = math.inf, math.nan
    found = place(compared((5600, 2100, inf), (21000, 6400, inf), "higher"))
    assert (found.high, found.floor_high, found.low) == (0.5, 0.5, -1)
    skewed = place(compared((222, 94, 707), (4005, 719, 158_000), "higher"))
    assert skewed.floor_high == 0.5
    assert skewed.low < skewed.value < skewed.high < skewed.floor_low < -0.2
    assert place(compared((3, 3, 3), (3, 3, 3))).value == 0
    assert place(compared((nan, nan, nan), (1, 0, 2))) is None
    assert place(number(floor=None)) is None


def drawn(figure):
    return read(str(figure.svg)).children[0]


def test_bars_stand_where_their_places_are():
    numbers = [
        replace(compared((30, 28, 32), (10, 9, 12)), p=0.001),
        number(floor=None, title="Without"),
        replace(compared((10, 9.5, 10.2), (10, 9, 12)), p=0.4),
    ]
    figure = bars(numbers, "Does it look real?")
    svg = drawn(figure)
    marks = [float(e.attributes["x"]) for e in svg.all("use")]
    width = float(svg.attributes["viewbox"].split()[2])
    places = [place(n).value for n in numbers if n.floor]
    assert marks == pytest.approx([(p + 1.03) / (1.5 + 0.06) * width for p in places], abs=0.01)
    text = svg.text
    for said in ("30.0 [28.0, 32.0]", "Without", "no floor, so no bar", "worse", "better"):
        assert said in text
    assert figure.caption == "1 of 2 numbers is worse than its floor by more than chance."
    assert "No number is worse" in bars(numbers[2:], "Q").caption


@pytest.mark.parametrize("length", [5, 30, 36, 54, 55, 140])
def test_titles_and_values_of_bars_do_not_meet(length):
    title = " ".join(f"word{i:02d}" for i in range(40))[:length].strip()
    texts = drawn(bars([number(value=(0.734, 0.70, 0.766), title=title)], "Q")).all("text")
    (value,) = [e for e in texts if e.text == "0.734 [0.700, 0.766]"]
    lines = texts[: texts.index(value)]
    assert " ".join(e.text for e in lines if e.text) == title
    assert max(len(e.text) for e in lines) <= 54
    beside = [e for e in lines if e.attributes["y"] == value.attributes["y"]]
    assert all(len(e.text) + len(value.text) < 54 for e in beside)
    heights = [float(e.attributes["y"]) for e in lines]
    assert heights == sorted(heights)


def rows(n=20):
    random = np.random.default_rng(0).normal(size=(n, 3)).tolist()
    return [
        {
            "seen": 1_000 * i,
            "discriminator/loss": a,
            "generator/loss": None if i == 3 else b,
            "coverage": math.nan if i == 5 else c,
        }
        for i, (a, b, c) in enumerate(random, 1)
    ]


def lines(figure):
    """The points of each colour's longest line, in the units of the page."""
    found = {}
    pattern = r'<path d="([^"]*)"[^>]*stroke: var\(--series-(\d)\)'
    for path, colour in re.findall(pattern, figure.svg):
        points = np.array(re.findall(r"[ML] ([-\d.]+) ([-\d.]+)", path), float)
        found[colour] = max(found.get(colour, points), points, key=len)
    return found


def test_curves_hold_each_finite_point_and_leave_out_what_was_not_logged():
    logged = rows()
    losses, health = curves(logged)
    names = ("discriminator/loss", "generator/loss", "coverage")
    drawn_lines = (lines(losses)["1"], lines(losses)["2"], lines(health)["1"])
    for name, points in zip(names, drawn_lines, strict=True):
        known = [(r["seen"], r[name]) for r in logged if r[name] is not None]
        known = np.array([p for p in known if math.isfinite(p[1])])
        assert len(points) == len(known)
        for axis in (0, 1):
            slope, start = np.polyfit(known[:, axis], points[:, axis], 1)
            assert points[:, axis] == pytest.approx(slope * known[:, axis] + start, abs=0.01)
            assert slope * (1, -1)[axis] > 0  # upwards is less in SVG
    assert losses.svg.startswith('<svg role="img" aria-label="Losses"')
    assert "discriminator" in drawn(losses).text
    assert "real samples seen" in drawn(losses).text
    assert "pull" not in drawn(losses).text
    assert curves([]) == []
    assert curves([{"seen": 10, "rate": 5.0}]) == []
    assert len(curves(rows(1))) == 2


def test_a_figure_is_part_of_the_page_in_its_own_colours_and_ids():
    figures = [*curves(rows()), bars([number()], "Q")]
    for figure in figures:
        assert not re.search(r"#0\w{5}\b|<style|<metadata|<\?xml|DOCTYPE|font:", figure.svg)
        assert 'width="' not in figure.svg[: figure.svg.index(">")]
        assert "var(--ink)" in figure.svg
        assert figure.caption.endswith(".")
    ids = [set(re.findall(r'\bid="([^"]+)"', figure.svg)) for figure in figures]
    assert sum(map(len, ids)) == len(set.union(*ids))
    again = [*curves(rows()), bars([number()], "Q")]
    assert [f.svg for f in again] == [f.svg for f in figures]


def test_formulas_and_marks_in_titles_are_plain_text():
    svg = drawn(bars([number(title="$x_1$ <b> & %")], "Q"))
    assert "$x_1$ <b> & %" in svg.text
    assert svg.all("b") == []


@pytest.mark.parametrize("size", [1, 2, 3])
def test_a_scatter_has_a_mark_for_each_point(size):
    spec = DataSpec(kind="points", shape=(size,), dtype="float32", low=-1, high=1)
    points = np.random.default_rng(0).uniform(-1, 1, (30, size)).astype(np.float32)
    alone, both = scatter(points, None, spec), scatter(points, points[:11], spec)
    series = [len(re.findall(r"<use[^>]*--series-1", f.svg)) for f in (alone, both)]
    # One more than the points stands in the legend.
    assert series == [31, 31]
    assert len(re.findall(r"<use[^>]*--series-2", both.svg)) == 12
    assert "real" not in drawn(alone).text
