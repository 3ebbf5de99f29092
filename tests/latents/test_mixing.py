"""Mixed styles: whose layers are whose, and the figure of them."""

import numpy as np
import pytest
import torch
from PIL import Image

from gantlet.errors import UsageError
from gantlet.latents import mix, opened
from gantlet.latents.mixing import taken
from gantlet.networks.styles import layered, mixed
from gantlet.sample import sample
from tests.cli.door import assert_refused, gantlet
from tests.latents.bundles import GREY, LABELLED, bundle, styled, written


@pytest.mark.parametrize(
    ("layers", "chosen"),
    [
        ("coarse", [0, 1, 2]),
        ("middle", [3, 4]),
        ("fine", [5, 6, 7]),
        ("all", list(range(8))),
        ("2-4", [2, 3, 4]),
        ("7", [7]),
        ([1, 6], [1, 6]),
    ],
)
def test_layers_are_told_by_name_or_number(layers, chosen):
    assert taken(layers, 8).nonzero().flatten().tolist() == chosen


@pytest.mark.parametrize("count", range(3, 20))
def test_thirds_are_all_layers_once(count):
    parts = [taken(name, count) for name in ("coarse", "middle", "fine")]
    assert torch.stack(parts).sum(0).tolist() == [1] * count


@pytest.mark.parametrize("spec", [GREY, LABELLED])
def test_all_layers_make_the_columns_sample_and_the_edges_are_samples(spec):
    made = styled(spec)
    label = "owl" if spec.classes else None
    found = mix(made, [3, 0], [1, 2, 5], layers="all", seed=4, other=9, label=label)
    rows = sample(made, 4, seed=4, label=label).values[[3, 0]].astype(int)
    columns = sample(made, 6, seed=9, label=label).values[[1, 2, 5]].astype(int)
    assert np.abs(found.rows.values - rows).max() <= 1  # rounding of x to bytes
    assert np.abs(found.columns.values - columns).max() <= 1
    inner = found.mixed.values.reshape(2, 3, *spec.shape).astype(int)
    assert np.abs(inner - columns).max() <= 1
    assert np.abs(rows[0] - rows[1]).max() > 1


def test_the_layers_asked_for_have_the_columns_styles_and_noise():
    made = styled(GREY)
    generator = made.players["generator"]
    found = mix(made, [0, 1], [2], layers="fine", seed=4, other=9)
    at = round(generator.layers * 2 / 3)
    with opened(made) as space, torch.no_grad():
        a, b = (space.drawn(s, torch.tensor(i), None) for s, i in ((4, [0, 1]), (9, [2, 2])))
        first, second = (layered(generator.style(u["z"]), generator.layers) for u in (a, b))
        noise = {n: (b if k >= at else a)[n] for n, k in generator.enters.items()}
        x = generator.synthesise(mixed(first, second, at), noise)
    gap = found.mixed.values.astype(int) - made.spec.decode(x).numpy()
    assert np.abs(gap).max() <= 1


def test_what_is_not_taken_stays_and_all_styles_are_truncated():
    made = styled(GREY)
    one = mix(made, [0], [1], layers="3", seed=4, other=9).mixed.values
    for columns in ([2], [1]):
        same = mix(made, [0], columns, layers="3", seed=4, other=9).mixed.values
        assert np.array_equal(one, same) == (columns == [1])
    mean = mix(made, [0, 1], [2], layers="all", truncation=0)
    assert np.abs(mean.columns.values.astype(int) - mean.mixed.values).max() <= 1
    free = mix(made, [0, 1], [2], layers="all")
    assert np.abs(free.mixed.values.astype(int) - mean.mixed.values).max() > 1


def test_the_figure_has_a_blank_corner_and_samples_at_its_edges(tmp_path):
    found = mix(styled(GREY), [0, 1], [0, 1, 2])
    tile, gap = 64 + 2, 2
    with Image.open(found.save(tmp_path / "new" / "mixed.png")) as picture:
        assert picture.size == (4 * tile + gap, 3 * tile + gap)
        corner = np.asarray(picture)[: tile + gap, : tile + gap]
        assert (corner == 255).all()
        top = np.asarray(picture)[gap : gap + 64 : 8, tile + gap : tile + gap + 64 : 8]
        left = np.asarray(picture)[tile + gap : tile + gap + 64 : 8, gap : gap + 64 : 8]
    assert np.array_equal(top, found.columns.values[0, 0])
    assert np.array_equal(left, found.rows.values[0, 0])
    with np.load(found.save(tmp_path / "mixed.npz")) as stored:
        assert np.array_equal(stored["x"], found.mixed.values)
        assert stored["rows"].shape[0] == 2
        assert stored["columns"].shape[0] == 3


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (lambda: mix(bundle("dcgan"), [0], [0]), "stylegan2"),
        (lambda: mix(styled(), [], [0]), "at least one"),
        (lambda: mix(styled(), [0], [-1]), "number of a sample"),
        (
            lambda: mix(styled(), layers="rough"),
            "coarse, middle, fine, all, or layers from 0 to 3",
        ),
        (lambda: mix(styled(), layers="3-9"), "received 3-9"),
        (lambda: mix(styled(), layers="2-1"), "received 2-1"),
        (lambda: mix(styled(), label="cat"), "trained without labels"),
        (lambda: mix(styled(LABELLED), label="cow"), "unknown label"),
        (lambda: mix(styled(), truncation=2), "0 to 1"),
        (lambda: mix(styled(), [0], [0]).save("mixed.gif"), r"\.png or \.npz"),
    ],
)
def test_what_cannot_be_mixed_is_told(act, words):
    with pytest.raises(UsageError, match=words):
        act()


def test_the_command_writes_the_figure_beside_the_run(tmp_path):
    run = written(styled(LABELLED), tmp_path / "run")
    words = ("--layers", "1-2", "--rows", 2, "--columns", 3, "--label", "dog", "--other", 7)
    answer = gantlet("mix", run, *words)
    assert (answer.code, answer.out) == (0, f"6 mixed samples are in {run}/mixed.png\n")
    gantlet("mix", run, *words, "--truncation", 0.5, "--out", tmp_path / "x.npz")
    with np.load(tmp_path / "x.npz") as stored:
        asked = {"layers": "1-2", "label": "dog", "other": 7, "truncation": 0.5}
        found = mix(styled(LABELLED), range(2), range(3), **asked)
        assert np.array_equal(stored["x"], found.mixed.values)
    assert_refused(gantlet("mix", run, "--rows", 0), "at least one")
    assert_refused(gantlet("mix", run, "--layers", "rough"), "coarse, middle, fine")
    assert_refused(gantlet("mix", written(bundle(), tmp_path / "mlp")), "recipe stylegan2")
