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


def gantlet_panel(items, seconds=None):
    from gantlet.judge import Panel

    return Panel(items, seconds, {}, 8)


def test_panels_are_told_apart_by_images_and_limit():
    items = [gantlet_item(i) for i in range(4)]
    keys = {
        gantlet_panel(items).key,
        gantlet_panel(items, 0.5).key,
        gantlet_panel(items[:2]).key,
    }
    assert len(keys) == 3
    assert gantlet_panel(items[::-1]).key == gantlet_panel(items).key


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"n": 7}, "an even number"),
        ({"n": 0}, "an even number"),
        ({"n": 4, "seconds": 0}, "more than 0"),
        ({"n": 1000}, "real images were set aside"),
    ],
)
def test_what_cannot_be_judged_is_refused(run, options, words):
    with pytest.raises(UsageError, match=words):
        panel(run, **options)


def test_points_are_no_images(tmp_path):
    settings = ["train.batch=64", "train.threads=1"]
    gantlet.train("ring", "mlp", settings, samples=64, out=tmp_path / "run", verbose=False)
    with pytest.raises(UsageError, match="images, which people can judge"):
        panel(tmp_path / "run", 4)
