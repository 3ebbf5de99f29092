"""What the page shows and says, without the page."""

import io
import math
import re
from base64 import b64decode
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from gantlet.errors import UsageError
from gantlet.explore import Explorer, exploring
from gantlet.explore.controls import asked
from gantlet.explore.page import _heading, _picture
from gantlet.latents import Still, directions, opened, still
from gantlet.spec import Condition, DataSpec
from tests.latents.bundles import GREY, LABELLED, bundle, styled, written

KINDS = {
    "grey": GREY,
    "RGB": DataSpec(kind="image", shape=(3, 6, 10)),
    "RGBA": DataSpec(kind="image", shape=(4, 8, 8)),
    "5 channels": DataSpec(kind="image", shape=(5, 8, 8), dtype="float32", low=-1.0, high=2.0),
    "16 bits": DataSpec(kind="image", shape=(1, 8, 8), dtype="uint16", high=65535.0),
}


@contextmanager
def exploring_plain(make):
    made = make(spec=LABELLED)
    with opened(made) as space:
        yield Explorer("run", space, directions(made, 2))


@pytest.mark.parametrize("kind", KINDS)
def test_pictures_of_every_kind_are_those_of_still(kind, tmp_path):
    made = bundle(spec=KINDS[kind])
    moves = (0.5, 0, -1.5)
    wanted = still(made, 3, seed=2, truncation=0.8, moves=moves).images[0]
    with exploring(written(made, tmp_path / "a <b>run"), 3) as explorer:
        markup = _picture(explorer, Still(sample=3, seed=2, moves=moves), 0.8)
        heading = _heading(explorer)
    source = re.search(r'src="data:image/png;base64,([^"]+)"', markup)[1]
    with Image.open(io.BytesIO(b64decode(source))) as picture:
        assert picture.mode == wanted.mode
        assert np.array_equal(np.asarray(picture), np.asarray(wanted))
    assert ("clear" in markup) == (kind == "RGBA")
    assert "Exploring a &lt;b&gt;run<" in heading
    assert 'data-name="a-b-run-2-3.png"' in markup
    assert ("first channel" in heading) == (kind == "5 channels")


@pytest.mark.parametrize(
    "asked",
    [
        {"sample": 4},
        {"sample": 0, "seed": 7, "label": "dog", "truncation": 0.3},
        {"moves": (0.5, 0.0, -2.0), "label": "owl"},
        {"layers": "fine", "other": (5, 2), "label": "cat", "truncation": 0.9},
    ],
)
@pytest.mark.parametrize("method", ["sefa", "ganspace"])
def test_the_line_makes_the_same_picture(asked, method, tmp_path, monkeypatch):
    run = written(styled(LABELLED), tmp_path / "it's a run")
    truncation = asked.get("truncation")
    told = Still(**{name: value for name, value in asked.items() if name != "truncation"})
    with exploring(run, 3, method=method) as explorer:
        shown, line = explorer.picture(told, truncation), explorer.line(told, truncation)
    monkeypatch.chdir(tmp_path)
    exec(line, {})
    with Image.open("sample.png") as picture:
        assert np.array_equal(np.asarray(picture), np.asarray(shown))


def test_what_was_drawn_and_found_before_is_remembered(tmp_path, monkeypatch):
    run = written(bundle(spec=LABELLED), tmp_path)
    with exploring(run, 2, method="ganspace") as explorer:
        explorer.picture(Still(sample=5, moves=(1.0, 0.0)))
        first = explorer.found
        monkeypatch.setattr(type(explorer.space), "drawn", lambda *_: pytest.fail("drawn anew"))
        explorer.picture(Still(sample=5, label="owl", moves=(0.0, 1.0)))
        monkeypatch.undo()
    assert len(list((run / "cache").iterdir())) == 1
    monkeypatch.setattr("gantlet.explore.kept.directions", lambda *_, **__: pytest.fail("anew"))
    with exploring(run, 2, method="ganspace") as explorer:
        assert np.array_equal(explorer.found.vectors, first.vectors)


@pytest.mark.parametrize(("make", "end"), [(styled, 1), (bundle, 3)])
def test_controls_at_their_ends_ask_for_plain_samples(make, end):
    with exploring_plain(make) as explorer:
        plain = {"sample": 1, "seed": 2.0, "label": "dog", "truncation": end}
        plain |= {"direction 1": 0.1 + 0.2, "direction 2": -99}
        still = Still(sample=1, seed=2, label="dog", moves=(0.3, -3.0))
        assert asked(explorer, plain, 3.0) == (still, None)
        assert asked(explorer, {**plain, "truncation": 9}, 3.0) == (still, None)
        other = {"layers": "fine", "other sample": 4, "other seed": 6, "truncation": 0.35}
        told, truncation = asked(explorer, {**plain, **other}, 3.0)
        assert truncation == 0.35
        assert (told.layers, told.other) == ("fine", (6, 4))


@pytest.mark.parametrize("knots", [(-math.pi / 2, 0.0, math.pi / 2), (1e-5, 2e-5, 4e-5)])
def test_the_ends_of_a_condition_can_be_asked_for_whatever_its_unit(knots):
    turn = Condition(name="turn", kind="number", knots=knots, shares=(0.5, 0.5))
    made = bundle(spec=replace(GREY, conditions=(turn,)))
    with opened(made) as space:
        explorer = Explorer("run", space, directions(made, 1))
        for value, told in [(x, x) for x in knots] + [(-9.0, knots[0]), (9.0, knots[-1])]:
            values = {"sample": 0, "seed": 0, "truncation": 3, "condition turn": value}
            still, _ = asked(explorer, values, 3.0)
            assert still.label["turn"] == pytest.approx(told, rel=1e-4)
            assert explorer.picture(still, None).size == (8, 8)


@pytest.mark.parametrize(
    ("field", "value"),
    [("seed", None), ("sample", -3), ("seed", 1.5), ("sample", 1e17), ("seed", "1"),
     ("truncation", None), ("direction 2", None), ("other seed", -1)],
)  # fmt: skip
def test_a_field_that_holds_no_number_of_its_kind_is_told(field, value):
    with exploring_plain(styled) as explorer:
        plain = {"sample": 1, "seed": 2, "truncation": 1, "direction 1": 0, "direction 2": 0}
        with pytest.raises(UsageError, match=rf"field {field}: expected a (whole )?number from"):
            asked(explorer, {**plain, field: value}, 3.0)


def test_a_short_z_has_fewer_directions_and_none_may_be_asked_for(tmp_path):
    run = written(bundle(**{"network.latent": 4}), tmp_path)
    for k, count in ((None, 4), (3, 3), (0, None)):
        with exploring(run, k) as explorer:
            assert (explorer.found and len(explorer.found)) == count
    with pytest.raises(UsageError, match="1 to 4"), exploring(run, 5):
        pass


def test_points_are_not_explored(tmp_path):
    points = replace(GREY, kind="points", shape=(2,), dtype="float32")
    run = written(bundle(spec=points), tmp_path)
    with (
        pytest.raises(UsageError, match="a run on images, received one on points"),
        exploring(run),
    ):
        pass
