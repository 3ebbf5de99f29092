"""The network that is trained on the data: what it sees, that it repeats, what it learns."""

from __future__ import annotations

import math
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from gantlet.data import open_data
from gantlet.data.dataset import Dataset
from gantlet.data.settings import DataSettings
from gantlet.data.split import split
from gantlet.metrics.extractors.embedded import Embedding, Training, contrast, embedded, views
from gantlet.spec import DataSpec

MODULE = sys.modules["gantlet.metrics.extractors.embedded"]
TINY = Training.tiny()
FAIR = replace(TINY, steps=100, batch=64, width=8, features=32)


@pytest.fixture(scope="module")
def digits():
    return open_data("digits")


@pytest.fixture(scope="module")
def parts(digits):
    return split(digits, DataSettings())


def unlabelled(data):
    return replace(data, y=None, spec=replace(data.spec, classes=(), frequencies=()))


def nearest_agree(extractor, data, parts):
    """Share of held-out samples whose nearest training sample has their label."""
    known, asked = (extractor.answers(data.raw[i]).features for i in (parts.train, parts.held_out))
    nearest = torch.cdist(asked, known).argmin(1).numpy()
    return (data.y[parts.train][nearest] == data.y[parts.held_out]).mean()


def test_a_classifier_knows_digits_that_it_has_not_seen(digits, parts):
    extractor = embedded(digits, parts.train, FAIR)
    features, logits = extractor.answers(digits.raw[parts.held_out])
    accuracy = (logits.argmax(1).numpy() == digits.y[parts.held_out]).mean()
    assert accuracy > 0.95
    torch.testing.assert_close(extractor.network.head(features), logits, rtol=1e-4, atol=1e-4)
    assert "classifier of 10 classes; 1x8x8, 0..16 to [-1, 1]" in extractor.describe()


def test_without_labels_it_learns_to_tell_digits(digits, parts):
    extractors = [
        embedded(unlabelled(digits), parts.train, replace(FAIR, steps=n)) for n in (0, 100)
    ]
    initial, learned = (nearest_agree(extractor, digits, parts) for extractor in extractors)
    assert learned > 0.92
    assert learned > initial + 0.03
    assert extractors[1].answers(digits.raw[:2]).logits is None
    assert "trained without labels" in extractors[1].describe()


@pytest.mark.parametrize("labels", [True, False], ids=["labels", "none"])
def test_the_same_data_and_seed_give_the_same_weights_bit_for_bit(digits, parts, labels):
    data = digits if labels else unlabelled(digits)
    first = embedded(data, parts.train, TINY)
    torch.manual_seed(5)
    again = embedded(data, parts.train[::-1], TINY)
    assert first.digest == again.digest
    other = embedded(data, parts.train, replace(TINY, seed=1))
    assert other.digest != first.digest


@pytest.mark.parametrize("labels", [True, False], ids=["labels", "none"])
def test_held_out_samples_and_their_labels_are_never_seen(digits, parts, labels):
    data = digits if labels else unlabelled(digits)
    raw, y = data.raw.copy(), digits.y.copy()
    raw[parts.held_out] = 7
    y[parts.held_out] = 0
    changed = replace(data, raw=raw, y=y if labels else None)
    assert embedded(changed, parts.train, TINY).digest == embedded(data, parts.train, TINY).digest
    raw[parts.train[0]] = 7
    changed = replace(data, raw=raw, y=data.y)
    assert embedded(changed, parts.train, TINY).digest != embedded(data, parts.train, TINY).digest


@pytest.mark.parametrize("labels", [True, False], ids=["labels", "none"])
def test_networks_are_kept_by_the_content_of_their_training_samples(
    digits, parts, labels, tmp_path, monkeypatch
):
    data = digits if labels else unlabelled(digits)
    first = embedded(data, parts.train, TINY, cache=tmp_path)
    trained = []
    monkeypatch.setattr(
        MODULE, "_trained", lambda *a: trained.append(a) or first.network.state_dict()
    )
    again = embedded(data, parts.train, TINY, cache=tmp_path)
    assert again.digest == first.digest
    for a, b in zip(again.answers(data.raw), first.answers(data.raw), strict=True):
        assert torch.equal(a, b) if labels else a is b is None or torch.equal(a, b)
    assert not trained
    raw = data.raw.copy()
    raw[parts.held_out[0]] += 1
    embedded(replace(data, raw=raw), parts.train, TINY, cache=tmp_path)
    assert not trained
    raw[parts.train[0]] += 1
    embedded(replace(data, raw=raw), parts.train, TINY, cache=tmp_path)
    embedded(data, parts.train[1:], TINY, cache=tmp_path)
    embedded(data, parts.train, replace(TINY, seed=1), cache=tmp_path)
    embedded(replace(data, spec=replace(data.spec, high=20.0)), parts.train, TINY, cache=tmp_path)
    assert len(trained) == 4
    if labels:
        y = data.y.copy()
        y[parts.train[0]] = 9 - y[parts.train[0]]
        embedded(replace(data, y=y), parts.train, TINY, cache=tmp_path)
        assert len(trained) == 5


def test_a_seed_and_the_threads_stay_as_they_were(digits, parts):
    torch.manual_seed(3)
    state, threads = torch.get_rng_state(), torch.get_num_threads()
    with torch.no_grad():
        embedded(digits, parts.train, TINY)
        assert not torch.is_grad_enabled()
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.get_num_threads() == threads


def test_points_and_few_images_fall_back_to_pixels_and_say_why(digits):
    ring = open_data("ring")
    extractor = embedded(ring, np.arange(1000))
    assert extractor.name == "pixels"
    assert "the data are points" in extractor.note
    few = embedded(digits, np.arange(99))
    assert few.name == "pixels"
    assert "99 images are too few" in few.note
    assert embedded(digits, np.arange(100), replace(TINY, steps=1)).note == ""


def test_a_single_class_in_the_training_split_is_no_classifier(digits):
    ones = np.flatnonzero(digits.y == 1)
    extractor = embedded(digits, ones, replace(TINY, steps=2))
    assert "trained without labels" in extractor.describe()
    assert extractor.answers(digits.raw[:3]).logits is None


@pytest.mark.parametrize("labels", [True, False], ids=["labels", "none"])
def test_equal_images_give_finite_features(labels):
    spec = DataSpec(kind="image", shape=(1, 8, 8), classes=("a", "b") if labels else ())
    y = np.arange(120) % 2 if labels else None
    data = Dataset(spec, np.full((120, 1, 8, 8), 9, np.uint8), y, "equal")
    features = embedded(data, np.arange(120), TINY).answers(data.raw).features
    assert features.isfinite().all()


SHAPES = [
    (1, 1, 1),
    (2, 3, 40),
    (1, 8, 8),
    (4, 17, 23),
    (1, 28, 28),
    (3, 33, 32),
    (3, 65, 130),
    (1, 263, 300),
]


@pytest.mark.parametrize("shape", SHAPES, ids=["x".join(map(str, s)) for s in SHAPES])
def test_every_pixel_of_any_shape_is_read(shape):
    torch.manual_seed(0)
    spec = DataSpec(kind="image", shape=shape)
    network = Embedding(spec, replace(TINY, features=8), 3).double()
    for layer in network.trunk:
        if isinstance(layer, nn.MaxPool2d):  # picks one of four: the others have no slope
            layer.forward = lambda x, k=layer.kernel_size: F.avg_pool2d(x, k, ceil_mode=True)
        if isinstance(layer, nn.ReLU):
            layer.forward = lambda x: x
    x = torch.randn(2, *shape, dtype=torch.float64, requires_grad=True)
    network.eval()
    network(x).logits.square().sum().backward()
    assert (x.grad != 0).all()


@pytest.mark.parametrize("side", [32, 64, 256, 500])
def test_only_the_first_convolution_costs_more_for_larger_images(side):
    from torch.utils.flop_counter import FlopCounterMode

    with torch.device("meta"):
        network = Embedding(DataSpec(kind="image", shape=(3, side, side)), Training(), 10)
        x = torch.zeros(1, 3, side, side)
    with FlopCounterMode(display=False) as counter:
        network.eval()(x)
    stride = -(-side // 32)
    first = 16 * 3 * (stride + 2) ** 2 * (-(-side // stride)) ** 2
    multiplications = counter.get_total_flops() / 2
    assert first < multiplications < first + 4e6


def test_contrast_is_the_cross_entropy_of_the_formula():
    torch.manual_seed(0)
    a, b = torch.randn(5, 7, dtype=torch.float64), torch.randn(5, 7, dtype=torch.float64)
    z = [row / row.norm() for row in (*a, *b)]
    terms = []
    for i in range(10):
        j = (i + 5) % 10
        others = sum(math.exp(z[i] @ z[k] / 0.2) for k in range(10) if k != i)
        terms.append(-math.log(math.exp(z[i] @ z[j] / 0.2) / others))
    assert float(contrast(a, b)) == pytest.approx(sum(terms) / 10, rel=1e-12)
    assert contrast(a, a) < contrast(a, b)
    equal = torch.ones(4, 3, dtype=torch.float64)
    assert float(contrast(equal, equal)) == pytest.approx(math.log(7), rel=1e-12)


def test_views_are_crops_within_the_image_with_other_light():
    """On a ramp, a crop is a ramp: its values tell where it was taken."""
    torch.manual_seed(0)
    height, width = 40, 30
    rows, columns = (torch.arange(n) + 0.5 for n in (height, width))
    ramp = torch.stack(
        [rows[:, None].expand(height, width), columns.expand(height, width)]
    ).double()
    u = torch.rand(50, 6, dtype=torch.float64)
    u[:, 4:] = torch.tensor([0.5, 0.5])  # gain 1, bias 0
    seen = views(ramp.expand(50, -1, -1, -1), u)
    middle = seen[:, :, 1:-1, 1:-1]
    for channel, (axis, n) in enumerate([(2, height), (3, width)]):
        step = middle[:, channel].diff(dim=axis - 1)
        scale = step.flatten(1).mean(1)
        torch.testing.assert_close(step, scale[:, None, None].expand_as(step))
        assert (scale >= 0.6 - 1e-9).all()
        assert (scale <= 1 + 1e-9).all()
        assert scale.max() - scale.min() > 0.3
        assert (seen[:, channel] >= 0.5 - 1e-9).all()
        assert (seen[:, channel] <= n - 0.5 + 1e-9).all()
        assert seen[:, channel].amin() < 1
        assert seen[:, channel].amax() > n - 1
    u[:, 4:] = torch.tensor([0.0, 1.0])
    torch.testing.assert_close(views(ramp.expand(50, -1, -1, -1), u), 0.8 * seen + 0.1)
