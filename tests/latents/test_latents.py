"""Ways, directions and projections, of generators whose answers are known."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image, ImageSequence
from torch import nn

from gantlet.data import DataSettings, open_data
from gantlet.errors import UsageError
from gantlet.latents import directions, film, interpolate, morph, move, opened, project
from gantlet.latents.directions import _columns
from gantlet.latents.projection import opened_images
from gantlet.latents.space import turned
from gantlet.latents.ways import morphed
from gantlet.networks import NETWORKS
from gantlet.nn.equalised import EqualLinear
from gantlet.nn.spectral import SpectralLinear
from gantlet.sample import Samples, sample
from gantlet.spec import Condition, DataSpec
from tests.data.test_data_dicom import write as write_slice
from tests.latents.bundles import GREY, LABELLED, bundle
from tests.tables_for import TABLE


class Linear(nn.Module):
    """x = W z, so that every answer has a closed form."""

    def __init__(self, weight, shape):
        super().__init__()
        self.dense, self.shape = nn.Linear(weight.shape[1], len(weight), bias=False), shape
        self.dense.weight.data = weight

    def forward(self, z, y=None):
        return self.dense(z).view(-1, *self.shape)


def linear(weight, spec=GREY):
    made = bundle(spec=spec, **{"network.latent": weight.shape[1]})
    made.game.players["generator"] = Linear(weight, spec.shape)
    return made


def spectrum(*values):
    """A matrix (64, D) with these singular values, and its right singular vectors."""
    torch.manual_seed(1)
    u, _ = torch.linalg.qr(torch.randn(64, len(values)))
    v, _ = torch.linalg.qr(torch.randn(len(values), len(values)))
    return u @ torch.diag(torch.tensor(values)) @ v.T, v.T


@pytest.mark.parametrize(("recipe", "spec"), [("mlp", GREY), ("r3gan", LABELLED)])
def test_the_stops_of_a_way_are_the_samples_themselves(recipe, spec):
    made = bundle(recipe, spec)
    label = "owl" if spec.classes else None
    found = interpolate(made, [4, 0, 70], steps=3, seed=5, label=label)
    own = sample(made, 71, seed=5, label=label)
    assert len(found) == 7
    gap = found.values[::3].astype(int) - own.values[[4, 0, 70]]
    assert np.abs(gap).max() <= 1  # rounding of x to bytes
    assert found.labels is None or found.labels.tolist() == [2] * 7


def test_turned_numbers_stay_normal():
    torch.manual_seed(0)
    a, b = ({"z": torch.randn(20_000, 2)} for _ in range(2))
    z = turned(a, b, torch.full((20_000,), 1 / 3))["z"]
    assert z.std().item() == pytest.approx(1, abs=0.02)
    expected = a["z"] * math.cos(math.pi / 6) + b["z"] * math.sin(math.pi / 6)
    assert torch.allclose(z, expected, atol=1e-6)


@pytest.mark.parametrize("recipe", ["mlp", "dcgan", "r3gan"])
def test_a_morph_begins_and_ends_as_its_classes(recipe):
    made = bundle(recipe, LABELLED)
    found = morph(made, ["dog", "cat", "owl"], range(2), steps=2, seed=3)
    rows = found.values.reshape(2, 5, *GREY.shape).astype(int)
    for column, label in ((0, "dog"), (2, "cat"), (4, "owl")):
        own = sample(made, 2, seed=3, label=label).values
        assert np.abs(rows[:, column] - own).max() <= 1, label


def test_a_morph_moves_the_tables_of_classes_alone():
    made = bundle("mlp", LABELLED)
    before = {k: v.clone() for k, v in made.players.state_dict().items()}
    half = morphed(made.players, 3, 0, 2, 0.5).state_dict()
    changed = [k for k in before if not torch.equal(before[k], half[k])]
    assert changed == [k for k in before if "table" in k]
    table = before[changed[0]]
    assert torch.allclose(half[changed[0]][0], (table[0] + table[2]) / 2)
    assert all(torch.equal(v, before[k]) for k, v in made.players.state_dict().items())


def test_sefa_finds_the_singular_vectors():
    weight, v = spectrum(5.0, 3.0, 2.0, 1.0, 0.5)
    found = directions(linear(weight), 3)
    assert torch.allclose(found.strengths, torch.tensor([5.0, 3.0, 2.0]), atol=1e-4)
    assert torch.allclose((found.vectors @ v[:3].T).abs(), torch.eye(3), atol=1e-4)
    assert (found.vectors.gather(1, found.vectors.abs().argmax(1, keepdim=True)) > 0).all()


def test_ganspace_agrees_with_sefa_where_the_first_layer_is_linear():
    """Principal components of W z are W's left singular vectors: regression gives the right."""
    weight, v = spectrum(5.0, 3.0, 2.0, 1.0, 0.5)
    found = directions(linear(weight), 3, method="ganspace")
    assert ((found.vectors * v[:3]).sum(1).abs() > 0.98).all()
    assert found.strengths[0].item() == pytest.approx(5, rel=0.1)


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("method", ["sefa", "ganspace"])
def test_every_network_has_directions_with_labels_and_without(name, method):
    rows = (TABLE, replace(TABLE, classes=LABELLED.classes[:3]))
    for spec in rows if name == "table" else (GREY, LABELLED):
        made = bundle("mlp", spec, network=name)
        found = directions(made, 2, method=method)
        length = found.vectors.norm(dim=1)
        assert (length > 0).all()
        assert name == "stylegan2" or length.tolist() == pytest.approx([1, 1], abs=1e-5)
        assert (found.strengths > 0).all()


def test_sefa_looks_at_weights_as_layers_use_them():
    """Sigma divides a weight's size out: samples do not know it, and directions must not."""
    made = bundle("mlp", LABELLED, network="biggan")
    before, plain = directions(made, 3), sample(made, 3).values
    layers = [m for m in made.players.modules() if isinstance(m, SpectralLinear)]
    with torch.no_grad():
        layers[-1].weight.mul_(20)
        layers[-1].settle()
    assert np.abs(sample(made, 3).values.astype(int) - plain).max() <= 1
    assert torch.allclose(directions(made, 3).strengths, before.strengths, rtol=1e-3)


def test_sefa_knows_the_constant_of_equalised_layers():
    weight, _ = spectrum(5.0, 3.0, 2.0)
    made = linear(weight)
    generator = made.game.players["generator"]
    generator.dense = EqualLinear(3, 64, gain=1.0)
    generator.dense.weight.data = weight
    expected = torch.tensor([5.0, 3.0, 2.0]) / math.sqrt(3)
    assert torch.allclose(directions(made, 3).strengths, expected, atol=1e-4)


def test_a_hidden_layer_of_zeros_is_not_taken_for_one_that_sees_z():
    z = torch.randn(4, 6)
    assert _columns(3 * z, z) == slice(0, 6)
    assert _columns(torch.zeros(4, 6), z) is None


def test_ganspace_looks_at_layers_that_take_part_while_a_network_grows():
    torch.manual_seed(0)
    wide = replace(GREY, shape=(1, 32, 32))
    made = bundle("progressive", wide)
    found = directions(made, 2, method="ganspace")
    assert found.vectors.norm(dim=1).tolist() == pytest.approx([1, 1], abs=1e-5)


def test_moves_are_labelled_with_their_conditions():
    flags = (
        Condition(name="young", kind="flag", shares=(0.5, 0.5)),
        Condition(name="angle", kind="number", knots=(-45.0, 0.0, 45.0), shares=(0.5, 0.5)),
    )
    made = bundle("mlp", replace(GREY, conditions=flags))
    moved = move(made, directions(made, 2), steps=3, label="angle=45,young=1")
    assert moved.labels.tolist() == [[1, 45]] * 6


def test_directions_see_z_alone_and_not_the_class_beside_it():
    made = bundle("mlp", LABELLED, **{"network.hidden": [16]})
    dense = next(m for m in made.players.modules() if isinstance(m, nn.Linear))
    size = made.config.network.latent
    expected = torch.linalg.svdvals(dense.weight[:, :size])[:2]
    assert torch.allclose(directions(made, 2).strengths, expected, rtol=1e-4)


def test_a_move_passes_the_sample_and_changes_along_the_direction():
    weight, _ = spectrum(0.5, 0.3, 0.2, 0.1)
    made = linear(weight, replace(GREY, dtype="float32", low=-1.0, high=1.0))
    found = directions(made, 2)
    row = move(made, found, steps=5, reach=0.2, seed=2).values.reshape(2, 5, 64)
    assert np.allclose(row[:, 2], sample(made, 1, seed=2).values.reshape(1, 64), atol=1e-6)
    step = weight @ found.vectors.T * 0.1
    inside = np.abs(row) < 1  # values beyond are cut
    for k in range(2):
        gap = row[k, 3] - row[k, 2] - step[:, k].numpy()
        assert np.abs(gap[inside[k, 2] & inside[k, 3]]).max() < 1e-5


def test_a_projection_finds_the_latent_vector_of_a_sample():
    weight, _ = spectrum(1.0, 0.9, 0.8, 0.7)
    made = linear(weight, replace(GREY, dtype="float32", low=-4.0, high=4.0))
    with opened(made) as space:
        z = space.drawn(9, torch.arange(2), None)["z"]
    found = project(made, sample(made, 2, seed=9).values, steps=200)
    assert np.allclose(found.z, z.numpy(), atol=0.05)
    assert (found.rmse < 0.01).all()
    assert (found.rmse < found.before / 5).all()
    assert np.allclose(found.psnr, 20 * np.log10(2 / found.rmse))


def test_a_projection_asks_for_the_class_of_the_nearest_samples():
    torch.manual_seed(3)
    made = bundle("mlp", LABELLED)
    generator = made.game.players["generator"]
    generator.input.table.weight.data *= 20
    own = sample(made, 3, seed=8, label="dog")
    found = project(made, own.values, steps=5)
    assert found.found.labels.tolist() == [1, 1, 1]
    assert project(made, own.values[:1], steps=5, label="cat").found.labels.tolist() == [0]


def test_images_are_read_from_files_folders_and_arrays(tmp_path):
    x = np.random.default_rng(0).integers(0, 256, (3, 1, 8, 8), dtype=np.uint8)
    for i in range(3):
        Image.fromarray(x[i, 0]).save(tmp_path / f"{i}.png")
    np.save(tmp_path / "x.npy", x)
    assert np.array_equal(opened_images(tmp_path / "1.png", GREY), x[1:2])
    assert np.array_equal(opened_images(tmp_path / "x.npy", GREY), x)
    (tmp_path / "x.npy").unlink()
    for name in ("labels.csv", ".DS_Store"):
        (tmp_path / name).write_text("no image")
    assert np.array_equal(opened_images(tmp_path, GREY), x)


@pytest.mark.parametrize(
    "spec",
    [
        replace(GREY, low=0.0, high=16.0),
        replace(GREY, dtype="float32", low=-1.0, high=1.0),
        replace(GREY, dtype="uint16", shape=(3, 8, 8), low=0.0, high=65535.0),
    ],
    ids=["digits", "numbers", "deep colour"],
)
def test_pictures_of_samples_are_read_as_the_samples_they_were(spec, tmp_path):
    u = np.random.default_rng(0).integers(0, 256, (3, *spec.shape)) / 255
    values = spec.low + u * (spec.high - spec.low)
    x = (values if spec.dtype == "float32" else np.round(values)).astype(spec.dtype)
    Samples(x, None, spec).save(tmp_path / "made")
    (tmp_path / "made" / "grid.png").unlink()
    step = (spec.high - spec.low) / 255 / 2 if spec.dtype == "float32" else 0
    for found, raw in (
        (opened_images(tmp_path / "made", spec), x),
        (opened_images(tmp_path / "made" / "0001.png", spec), x[1:2]),
    ):
        assert found.dtype == x.dtype
        assert np.abs(found.astype(float) - raw).max() <= step * (1 + 1e-6)


def test_a_slice_keeps_its_units_and_is_not_cut_to_fewer_bits(tmp_path):
    stored = np.arange(64, dtype=np.uint16).reshape(8, 8) * 60
    write_slice(tmp_path / "x.dcm", stored, bits=12, RescaleSlope=1, RescaleIntercept=-1024)
    units = replace(GREY, dtype="float32", low=-1024.0, high=3071.0)
    found = opened_images(tmp_path / "x.dcm", units)
    assert np.array_equal(found[0, 0], stored.astype(np.float32) - 1024)
    with pytest.raises(UsageError, match="received float32"):
        opened_images(tmp_path / "x.dcm", GREY)


@pytest.mark.parametrize("rule", ["crop", "pad", "stretch"])
def test_images_of_another_size_become_what_training_makes_of_them(rule, tmp_path):
    x = np.random.default_rng(0).integers(0, 256, (2, 12, 20), dtype=np.uint8)
    for i in range(2):
        Image.fromarray(x[i]).save(tmp_path / f"{i}.png")
    trained = open_data(tmp_path, DataSettings(size=(8, 8), fit=rule)).raw
    assert trained.shape == (2, 1, 8, 8)
    assert np.array_equal(opened_images(tmp_path, GREY, rule), trained)
    assert np.array_equal(opened_images(tmp_path / "1.png", GREY, rule), trained[1:])


def test_images_of_another_number_of_channels_are_refused(tmp_path):
    Image.new("L", (8, 8)).save(tmp_path / "x.png")
    many = replace(GREY, shape=(7, 8, 8))
    with pytest.raises(UsageError, match=r"\(N, 7, 8, 8\).*received uint8 of shape \(1, 1, 8, 8"):
        opened_images(tmp_path / "x.png", many)
    (tmp_path / "y.png").write_text("no image")
    with pytest.raises(UsageError, match="no image by its content"):
        opened_images(tmp_path / "y.png", GREY)


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (lambda: interpolate(bundle(), [1]), "at least two samples"),
        (lambda: interpolate(bundle(), [0, 1], steps=0), "at least 1 step"),
        (lambda: interpolate(bundle(), [0, 1], label="cat"), "trained without labels"),
        (lambda: morph(bundle(), ["a", "b"]), "trained without labels"),
        (lambda: morph(bundle(spec=LABELLED), ["dog"]), "at least two labels"),
        (lambda: morph(bundle(spec=LABELLED), ["dog", "dig"]), "Did you mean dog"),
        (lambda: directions(bundle(), 2, method="sefia"), "Did you mean sefa"),
        (lambda: directions(bundle(), 99), "1 to 8, the length of z"),
        (lambda: project(bundle(), np.zeros((1, 1, 8, 8), np.uint8), steps=0), "at least 1"),
    ],
)
def test_what_cannot_be_is_told(act, words):
    with pytest.raises(UsageError, match=words):
        act()


@pytest.fixture
def six():
    values = np.arange(6, dtype=np.uint8).reshape(6, 1, 1, 1).repeat(8, 2).repeat(8, 3) * 40
    return Samples(values, None, GREY)


def test_a_strip_has_a_line_for_each_way(six, tmp_path):
    with Image.open(film(six, tmp_path / "way.png", rows=2)) as picture:
        tile = 64 + 2
        assert picture.size == (3 * tile + 2, 2 * tile + 2)
        assert picture.getpixel((2 * tile + 5, tile + 5)) == 200


def test_a_film_shows_the_ways_side_by_side(six, tmp_path):
    with Image.open(film(six, tmp_path / "new" / "way.gif", rows=2, per_second=10)) as picture:
        frames = [frame.convert("L") for frame in ImageSequence.Iterator(picture)]
        assert picture.info["duration"] == 100
    assert len(frames) == 3
    assert [frame.getpixel((9, 9)) for frame in frames] == pytest.approx([0, 40, 80], abs=3)
    assert list(tmp_path.glob("**/*.part*")) == []


def test_in_a_film_what_shines_through_is_white(tmp_path):
    spec = DataSpec(kind="image", shape=(4, 2, 2))
    values = np.full((2, 4, 2, 2), 255, np.uint8)
    values[:, 1:3] = 0  # red
    values[0, 3] = 0  # seen through
    with Image.open(film(Samples(values, None, spec), tmp_path / "way.gif")) as picture:
        shown = []
        for frame in range(2):
            picture.seek(frame)
            width, height = picture.size
            shown.append(picture.convert("RGB").getpixel((width // 2, height // 2)))
    assert shown == [(255, 255, 255), (255, 0, 0)]


def test_a_film_as_mp4_has_its_frames(six, tmp_path):
    ffmpeg = pytest.importorskip("imageio_ffmpeg")
    path = film(six, tmp_path / "way.mp4", per_second=3)
    assert ffmpeg.count_frames_and_secs(str(path)) == (6, pytest.approx(2.0))


def test_a_film_of_another_kind_or_of_points_is_refused(six, tmp_path):
    with pytest.raises(UsageError, match=r"\.png, \.gif, \.mp4 or \.npz"):
        film(six, tmp_path / "way.avi")
    points = Samples(np.zeros((4, 2)), None, DataSpec(kind="points", shape=(2,)))
    with pytest.raises(UsageError, match=r"Write them as \.npz"):
        film(points, tmp_path / "way.gif")
