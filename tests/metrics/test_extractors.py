"""What every extractor promises, over the table, with those networks that are at hand."""

from __future__ import annotations

import sys
from dataclasses import replace
from types import ModuleType

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from gantlet.data.dataset import Dataset
from gantlet.errors import UsageError
from gantlet.metrics.extractors import EXTRACTORS, Material, Training, alike, inception, pixels
from gantlet.metrics.extractors.dinov2 import VisionTransformer
from gantlet.spec import DataSpec

N = 110
SHAPES = ((1, 8, 8), (3, 17, 9))
over_table = pytest.mark.parametrize("name", EXTRACTORS)
over_shapes = pytest.mark.parametrize("shape", SHAPES, ids=["1x8x8", "3x17x9"])


class FakeInception(nn.Module):
    """Answers as torch-fidelity's class does, with three means and their squares."""

    def __init__(self, name, features_list, feature_extractor_weights_path=None):
        super().__init__()
        assert features_list == ["2048", "logits_unbiased"]
        self.weight = nn.Parameter(torch.ones(3))
        self.seen = []

    def forward(self, x):
        self.seen.append(x)
        means = x.double().mean((2, 3)) * self.weight
        return means.float(), means.square().float()


@pytest.fixture
def fidelity(monkeypatch):
    """A module in the place of torch-fidelity's."""
    module = ModuleType("torch_fidelity.feature_extractor_inceptionv3")
    module.FeatureExtractorInceptionV3 = FakeInception
    monkeypatch.setitem(sys.modules, "torch_fidelity", ModuleType("torch_fidelity"))
    monkeypatch.setitem(sys.modules, module.__name__, module)


def images(shape=(1, 8, 8), dtype="uint8", classes=("a", "b"), n=N):
    """Random images, those of class 1 brighter, over the whole range of their type."""
    random = np.random.default_rng(0)
    high = {"uint8": 255, "uint16": 4095, "float32": 1}[dtype]
    y = np.arange(n) % 2
    light = random.random((n, *shape)) * 0.5 + 0.5 * y.reshape(-1, 1, 1, 1)
    spec = DataSpec(kind="image", shape=shape, dtype=dtype, high=float(high), classes=classes)
    raw = (light * high).astype(dtype)
    return Dataset(spec, raw, y if classes else None, "images")


@pytest.fixture
def made(fidelity, tmp_path):
    """Builds an extractor of the table, small."""
    path = tmp_path / "vit.safetensors"
    torch.manual_seed(0)
    vit = VisionTransformer(width=16, hidden=24, depth=1, side=3)
    nn.init.normal_(vit.cls_token)
    save_file(vit.state_dict(), path)

    def make(name, dataset):
        material = Material(
            dataset=dataset,
            train=np.arange(len(dataset)),
            training=Training.tiny(),
            weights=str(path) if name == "dinov2" else None,
        )
        return EXTRACTORS[name].make(material)

    return make


@over_table
@over_shapes
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_answers_are_those_of_each_sample_alone(name, shape, dtype, made):
    data = images(shape, dtype)
    extractor = made(name, data)
    features, logits = extractor.answers(data.raw)
    assert (extractor.name, features.dtype, len(features)) == (name, torch.float32, N)
    parts = replace(extractor, batch=7)
    torch.testing.assert_close(parts.answers(data.raw).features, features, rtol=1e-4, atol=1e-5)
    turned = extractor.answers(data.raw[::-1])
    torch.testing.assert_close(turned.features.flip(0), features, rtol=1e-4, atol=1e-5)
    assert (logits is None) == (name in ("pixels", "dinov2"))
    if logits is not None:
        torch.testing.assert_close(turned.logits.flip(0), logits, rtol=1e-4, atol=1e-4)


@over_table
def test_the_type_of_the_data_does_not_matter(name, made):
    """The same light as 8 bits and as floats, with the same weights, gives the same features."""
    few = images()
    floats = replace(few.spec, dtype="float32", high=1.0)
    extractor = made(name, few)
    other = replace(extractor, spec=floats)
    scaled = (few.raw / 255).astype(np.float32)
    torch.testing.assert_close(
        other.answers(scaled).features, extractor.answers(few.raw).features, rtol=1e-3, atol=1e-4
    )


@over_table
def test_memory_maps_and_transposed_views_are_read_as_they_are(name, made, tmp_path):
    data = images((3, 17, 9))
    extractor = made(name, data)
    wanted = extractor.answers(data.raw).features
    np.save(tmp_path / "x.npy", data.raw.transpose(0, 2, 3, 1))
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r").transpose(0, 3, 1, 2)
    assert torch.equal(extractor.answers(mapped).features, wanted)


@over_table
def test_digests_tell_weights_data_and_names_apart(name, made):
    data = images()
    extractor, again = made(name, data), made(name, data)
    assert extractor.describe() == again.describe()
    assert extractor.describe().startswith(f"{name} {extractor.digest} (")
    wider = replace(extractor, preprocessing=extractor.preprocessing + ".")
    renamed = replace(extractor, name="other")
    digests = {e.digest for e in (extractor, wider, renamed)}
    for weight in again.network.parameters():
        weight[(0,) * weight.dim()] += 1e-3
        digests.add(replace(again).digest)
    assert len(digests) == 3 + len(list(again.network.parameters()))
    ranged = replace(data, spec=replace(data.spec, high=256.0))
    assert made(name, ranged).digest != extractor.digest
    with pytest.raises(UsageError, match="one extractor"):
        alike(extractor.describe(), wider.describe())
    alike(extractor.describe(), made(name, data).describe())


@over_table
@pytest.mark.parametrize(
    ("change", "received"),
    [
        (lambda x: x[:0], r"shape \(0, 1, 8, 8\)"),
        (lambda x: x[:, :, :7], r"shape \(110, 1, 7, 8\)"),
        (lambda x: x[0], r"shape \(1, 8, 8\)"),
        (lambda x: x.astype(np.float32), "type float32"),
    ],
    ids=["none", "cut", "one", "floats"],
)
def test_samples_of_another_form_are_refused(name, change, received, made):
    data = images()
    with pytest.raises(UsageError, match=received):
        made(name, data).answers(change(data.raw))


@over_table
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_samples_that_are_no_numbers_are_refused(name, bad, made):
    """Inception rounds to 8 bits, where NaN would pass as some number."""
    data = images(dtype="float32")
    data.raw[105, 0, 0, 0] = bad
    with pytest.raises(UsageError, match="first in sample 105"):
        made(name, images(dtype="float32")).answers(data.raw)


@over_table
def test_extraction_leaves_random_numbers_and_gradients_alone(name, made):
    data = images()
    state, threads = torch.get_rng_state(), torch.get_num_threads()
    extractor = made(name, data)
    features = extractor.answers(data.raw).features
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.get_num_threads() == threads
    assert torch.is_grad_enabled()
    assert not features.requires_grad
    assert not extractor.network.training


def test_pixels_are_the_encoded_values_of_any_data():
    spec = DataSpec(kind="points", shape=(2,), dtype="float32", low=-4.0, high=4.0)
    points = np.array([[-4, 4], [0, 2], [8, 1]], np.float32)
    wanted = torch.tensor([[-1, 1], [0, 0.5], [2, 0.25]])
    torch.testing.assert_close(pixels(spec).answers(points).features, wanted, rtol=0, atol=0)
    assert pixels(spec).describe().endswith("(2, -4..4 to [-1, 1])")


@pytest.mark.parametrize("name", ["inception", "dinov2"])
@pytest.mark.parametrize(
    "spec",
    [
        DataSpec(kind="points", shape=(2,), dtype="float32"),
        DataSpec(kind="image", shape=(4, 8, 8)),
    ],
    ids=["points", "4 channels"],
)
def test_what_is_no_grey_or_colour_image_is_refused(name, spec, made):
    data = Dataset(spec, np.zeros((N, *spec.shape), spec.dtype), None, "other")
    with pytest.raises(UsageError, match="1 or 3 channels"):
        made(name, data)


@pytest.mark.parametrize(("dtype", "high"), [("uint8", 255), ("uint16", 4095), ("float32", 1)])
def test_inception_sees_colours_of_8_bits(fidelity, dtype, high):
    spec = DataSpec(kind="image", shape=(1, 1, 3), dtype=dtype, high=float(high))
    extractor = inception(spec)
    features, logits = extractor.answers((np.array([[[[0, 0.4, 1]]]]) * high).astype(dtype))
    (seen,) = extractor.network.net.seen
    assert seen.dtype == torch.uint8
    assert seen.tolist() == [[[[0, 102, 255]]] * 3]
    assert torch.equal(logits, features.square())


@pytest.mark.parametrize("absent", ["torch_fidelity", "torchvision"])
def test_inception_without_its_packages_names_the_extra(absent, monkeypatch):
    module = ModuleType("torch_fidelity.feature_extractor_inceptionv3")
    if absent == "torch_fidelity":
        monkeypatch.setitem(sys.modules, "torch_fidelity", None)
    else:
        monkeypatch.setitem(sys.modules, "torch_fidelity", ModuleType("torch_fidelity"))
        monkeypatch.setitem(sys.modules, module.__name__, module)  # as if its import had failed
    with pytest.raises(UsageError, match=r"gantlet\[fidelity\]"):
        inception(DataSpec(kind="image", shape=(3, 8, 8)))


def test_inception_by_torch_fidelity():
    pytest.importorskip("torchvision", reason="the extra fidelity is not installed: torchvision")
    pytest.importorskip("torch_fidelity", reason="the extra fidelity is not installed")
    data = images((3, 32, 32), n=4)
    try:
        extractor = inception(data.spec)
    except OSError as error:
        pytest.skip(f"its weights cannot be downloaded: {error}")
    features, logits = extractor.answers(data.raw)
    assert (features.shape, logits.shape) == ((4, 2048), (4, 1008))
    # The features are means of what has passed a ReLU.
    assert (features >= 0).all()
    assert features.std() > 0.01
