"""What is judged: half generated, half set aside, told apart by nothing but the picture."""

import io

import numpy as np
import pytest
from PIL import Image

import gantlet
from gantlet.data import DataSettings, open_data
from gantlet.data.split import split
from gantlet.errors import UsageError
from gantlet.judge import order, panel
from tests.judge.conftest import TINY


def pixels(item):
    with Image.open(io.BytesIO(item.png)) as image:
        return image.format, image.mode, np.asarray(image)


def test_half_are_the_samples_of_the_seed_and_half_were_never_trained_on(run):
    found = panel(run, 12, seed=3)
    made = [pixels(item)[2] for item in found.items if item.generated]
    samples = gantlet.load(run).sample(6, seed=3)
    assert [m.tolist() for m in made] == [np.asarray(i).tolist() for i in samples.images]
    data = open_data("digits")
    held_out = {x.tobytes() for x in data.raw[split(data, DataSettings()).held_out]}
    real = [np.rint(pixels(i)[2] * (16 / 255)) for i in found.items if not i.generated]
    assert len(real) == 6
    assert all(x.astype(np.uint8).tobytes() in held_out for x in real)


def test_both_kinds_are_written_in_one_way(run):
    found = panel(run, 12)
    assert {pixels(item)[:2] for item in found.items} == {("PNG", "L")}
    assert {pixels(item)[2].shape for item in found.items} == {(8, 8)}
    assert len({len(item.name) for item in found.items}) == 1
    assert len(found.by_name) == 12


def test_each_rater_has_an_order_of_their_own_and_keeps_it(run):
    found = panel(run, 40)
    ada = order(found, "Ada")
    assert sorted(ada) == sorted(item.name for item in found.items)
    assert ada == order(panel(run, 40), "Ada")
    assert ada != order(found, "Bob")
    assert ada != [item.name for item in found.items]


def test_orders_do_not_tell_the_source():
    """Over 400 raters, a generated image comes first as often as a real one."""
    items = [gantlet_item(i) for i in range(10)]
    found = gantlet_panel(items)
    first = sum(found.by_name[order(found, f"rater {i}")[0]].generated for i in range(400))
    assert 160 < first < 240  # four standard deviations


def gantlet_item(i):
    from gantlet.judge import Item

    return Item(f"{i:012x}", i < 5, b"png")


def gantlet_panel(items, **options):
    from gantlet.judge import Panel

    return Panel(items=items, about={}, size=(8, 8), **options)


def test_panels_are_told_apart_by_images_limit_seed_and_generator():
    items = [gantlet_item(i) for i in range(4)]
    keys = {
        gantlet_panel(items).key,
        gantlet_panel(items, seconds=0.5).key,
        gantlet_panel(items, seed=1).key,
        gantlet_panel(items, weights="ab").key,
        gantlet_panel(items[:2]).key,
    }
    assert len(keys) == 5
    assert gantlet_panel(items[::-1]).key == gantlet_panel(items).key


def test_another_generator_makes_another_panel_of_other_names(run, tmp_path):
    """The real images are the same ones, and nobody can tell them by their names."""
    other = tmp_path / "run"
    gantlet.train("digits", "mlp", TINY | {"train.seed": 5}, samples=32, out=other, verbose=False)
    ours, theirs = panel(run, 12), panel(other, 12)
    assert ours.key != theirs.key
    assert ours.weights != theirs.weights
    real = [{i.png for i in found.items if not i.generated} for found in (ours, theirs)]
    assert real[0] == real[1]
    assert not ours.by_name.keys() & theirs.by_name.keys()


def test_images_handed_over_take_the_place_of_those_set_aside(run):
    data = 16 - open_data("digits").raw[:10].astype(np.uint8)
    found = panel(run, 12, data=data)
    shown = {np.rint(pixels(i)[2] * (16 / 255)).tobytes() for i in found.items if not i.generated}
    assert shown <= {x.astype(float).tobytes() for x in data}
    assert len(shown) == 6


def test_all_images_handed_over_may_be_shown_where_none_were_set_aside(tmp_path):
    path = tmp_path / "run"
    settings = TINY | {"data.held_out": False}
    gantlet.train("digits", "mlp", settings, samples=32, out=path, verbose=False)
    data = 16 - open_data("digits").raw[:100].astype(np.uint8)
    found = panel(path, 200, data=data)
    assert sum(not item.generated for item in found.items) == 100
    assert found.about["real"] == "images of data handed over"
    mixed = np.concatenate([data, open_data("digits").raw[:50].astype(np.uint8)])
    told = "expected at most 200, as there are 100 images of data handed over that the run has not"
    with pytest.raises(UsageError, match=told):
        panel(path, 300, data=mixed)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"n": 7}, "an even number"),
        ({"n": 0}, "an even number"),
        ({"n": 4, "seconds": 0}, "more than 0"),
        ({"n": 4, "seconds": float("nan")}, "more than 0"),
        ({"n": 1000}, r"at most 360, as there are 180 images set aside.*-n.*--data"),
    ],
)
def test_what_cannot_be_judged_is_refused(run, options, words):
    with pytest.raises(UsageError, match=words):
        panel(run, **options)


def test_points_are_no_images(tmp_path):
    settings = ["train.batch=64", "train.threads=1"]
    gantlet.train("ring", "mlp", settings, samples=64, out=tmp_path / "run", verbose=False)
    with pytest.raises(UsageError, match=r"images of 1, 3 or 4 channels.*points of shape \(2,\)"):
        panel(tmp_path / "run", 4)


def test_without_images_set_aside_training_images_are_shown_and_it_is_said(tmp_path):
    x = open_data("digits").raw[:40]
    np.save(tmp_path / "few.npy", x)
    gantlet.train(
        tmp_path / "few.npy", "mlp", TINY, samples=32, out=tmp_path / "run", verbose=False
    )
    found = panel(tmp_path / "run", 10)
    assert found.about["real"] == "training images, as none were set aside"
    assert sum(item.generated for item in found.items) == 5
