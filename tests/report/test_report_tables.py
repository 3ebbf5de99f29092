"""The page of a table: columns, pairs and generated rows, none of them real, at any width."""

from dataclasses import replace
from itertools import combinations

import numpy as np
import pandas as pd
import pytest

from gantlet.bundle import write_bundle
from gantlet.config import to_mapping
from gantlet.data.settings import DataSettings
from gantlet.data.tables import from_frame
from gantlet.evaluation.rows import sided
from gantlet.metrics.estimate import Estimate
from gantlet.recipes import recipe
from gantlet.report import Rows, render, write_report
from gantlet.report.marginals import marginals
from gantlet.report.matrices import matrices, worst_pairs
from gantlet.report.tables import cells
from gantlet.tables.transform import TableTransform
from gantlet.training.trainer import built
from tests.pages import width
from tests.report.pages import evidence, number, read, section

LONG = "a_rather_long_name_of_a_measured_quantity_in_millimetres_"
HOSTILE = "<script>alert(1)</script>"


def table(seed, n=300):
    draw = np.random.default_rng(seed)
    kind = draw.choice(["a", "b", HOSTILE], n, p=[0.6, 0.3, 0.1]).astype(object)
    kind[:3] = f"rare {seed}"
    cost = np.where(draw.random(n) < 0.2, np.nan, draw.lognormal(3, 1.5, n).round(2))
    born = pd.Timestamp("2020-01-01") + pd.to_timedelta(draw.integers(0, 900, n), unit="D")
    steps = draw.integers(0, 6, n)
    return pd.DataFrame({"kind": kind, "cost": cost, "born": born, "steps": steps})


def rows_of(real, fake, told):
    """What a report shows of two tables."""
    transform = TableTransform().fit(real)
    sides = sided(transform, fake=fake, train=real, reference=real, floor=real)
    names = list(map(str, sides.reference.coder.columns))
    spec = from_frame(real, name="table", settings=DataSettings()).spec
    return Rows(
        spec=spec,
        marginals=marginals(sides, told),
        names=names,
        header=list(map(str, fake.columns)),
        rows=cells(fake.head(3)),
    )


def columns(names, **scores):
    """Rows of evidence on columns."""
    return [
        {"name": name, "kind": "real", "shape": scores.get(name, 0.9), "floor": 0.95,
         "missing": 0.2, "made": 0.1}
        for name in names
    ]  # fmt: skip


def trends(names):
    """Rows of evidence on all pairs."""
    return [
        {"first": a, "second": b, "score": 0.9, "floor": 0.95, "real": 0.5, "made": None}
        for a, b in combinations(names, 2)
    ]


@pytest.fixture(scope="module")
def shown():
    real = table(0)
    return rows_of(real, table(1), columns(real.columns, born=0.2))


@pytest.fixture(scope="module")
def run(shown, tmp_path_factory):
    folder = tmp_path_factory.mktemp("tables") / "run"
    config = recipe("table", shown.spec)
    facts = {"data": "mine", "count": 300, "seen": 0, "verdict": "unjudged", "own_game": False}
    players = built(config, shown.spec).players
    write_bundle(folder / "bundle", players, shown.spec, to_mapping(config), facts)
    return folder


def found(names):
    numbers = [
        number("shapes", source="https://docs.sdv.dev/sdmetrics"),
        number("worst_shape", of=4, where="column born"),
        number("new_rows", "copying"),
        number("useful", "usefulness", floor=Estimate(1.0, 0.9, 1.1, "Wilson")),
    ]
    told = columns(names)
    return evidence(numbers=numbers, classes=(), pairs=(), columns=told, trends=trends(names))


def test_the_page_of_a_table_has_its_own_sections_and_every_question(run, shown):
    root = read(render(run, found(shown.names), shown))
    ids = ["verdict", "columns", "pairs", "rows", "training", "numbers", "health", "settings"]
    assert [e.attributes["id"] for e in root.all("h2")] == [*ids, "environment", "citations"]
    links = [e.attributes["href"] for e in root.all("nav")[0].all("a")]
    assert links == [f"#{e.attributes['id']}" for e in root.all("h2")]
    assert "mine: 300 rows of 4 columns" in root.text
    part = section(root, "numbers")
    for words in ("Privacy: whether", "Whether what is learned", "column born, of 4"):
        assert words in part.text
    assert "DataCebo" in section(root, "citations").text
    assert [e.text for e in section(root, "rows").all("th")] == list(shown.header)
    assert len(section(root, "rows").all("td")) == 12
    labels = [e.attributes["aria-label"] for e in root.all("svg")]
    assert all(labels)
    assert len(set(labels)) == len(labels)


def test_hostile_categories_are_shown_and_do_nothing(run, shown):
    page = render(run, found(shown.names), shown)
    root = read(page)
    assert root.all("script") == []
    assert HOSTILE in section(root, "columns").text


def test_the_worst_column_comes_first_and_shares_are_those_of_the_rows(shown):
    assert shown.marginals[0].name == "born"
    by_name = {one.name: one for one in shown.marginals}
    real, fake = table(0), table(1)
    bars = {bar.name: (bar.real, bar.made) for bar in by_name["kind"].bars}
    for value in ("a", "b", HOSTILE):
        assert bars[value] == pytest.approx(
            ((real["kind"] == value).mean(), (fake["kind"] == value).mean())
        )
    for name in ("cost", "born", "steps"):
        histogram = by_name[name].histogram
        assert sum(histogram.real) == pytest.approx(1)
        assert sum(histogram.made) == pytest.approx(1)
    steps = by_name["steps"].histogram
    assert steps.real == pytest.approx([(real["steps"] == i).mean() for i in range(6)])
    assert (steps.ends[0], steps.ends[-1]) == ("0", "5")
    assert by_name["born"].histogram.ends[0].startswith("2020-01-")


def test_the_tallest_bar_fills_the_drawing_and_heights_go_by_square_roots(shown):
    steps = next(one for one in shown.marginals if one.name == "steps").histogram
    heights = [box[3] for box in replace(steps, real=[0.25] * 4, made=[0.25, 0.0, 0.5, 1.0]).boxes]
    assert heights == pytest.approx([31, 62 * 0.5**0.5, 62], abs=0.01)


def test_a_category_that_few_real_rows_alone_have_is_not_named(shown):
    bars = next(one for one in shown.marginals if one.name == "kind").bars
    names = [bar.name for bar in bars]
    assert "rare 0" not in names  # of three real rows
    assert "rare 1" in names  # generated
    assert names[-1] == "1 more"
    assert bars[-1].real == pytest.approx(3 / 300)


def test_three_squares_are_drawn_and_the_worst_pairs_come_first():
    names = ["a", "日本", r"$\q$", "$^$"]  # signs that no font has, and formulas that are none
    rows = trends(names)
    assert [figure.svg.count("<image") >= 1 for figure in matrices(names, rows)] == [True] * 3
    rows[4] = {**rows[4], "score": 0.3}
    rows[2] = {**rows[2], "score": None}
    assert worst_pairs(rows)[0] == rows[4]
    assert len(worst_pairs(rows)) == 5
    assert matrices(["a"], []) == []


def test_fifty_columns_with_long_names_fit_a_phone_and_a_desk(run, shown, browser, tmp_path):
    draw = np.random.default_rng(0)
    wide = pd.DataFrame({f"{LONG}{i}": draw.normal(size=200).round(2) for i in range(25)})
    for i in range(25):
        wide[f"{LONG}of_choices_{i}"] = draw.choice([f"{LONG}a", f"{LONG}b"], 200)
    many = rows_of(wide, wide, columns(wide.columns))
    told = found(many.names)
    words = f"Samples resemble the data (columns {LONG}1 and {LONG}2)."
    told = replace(told, verdict=words, trends=told.trends[:200])
    page = browser.new_context(color_scheme="dark").new_page()
    page.goto(f"file://{write_report(run, told, many)}")
    for pixels in (390, 1280):
        page.set_viewport_size({"width": pixels, "height": 800})
        assert width(page) <= pixels
    assert page.locator(".column").count() == 50
