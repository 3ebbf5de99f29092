"""MS-SSIM against loops in float64, closed forms of constant images, and invariances."""

import math

import numpy as np
import pytest
import torch

from gantlet.errors import UsageError
from gantlet.metrics import msssim
from gantlet.metrics.msssim import ms_ssim, scales, similarity_within

WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
C1, C2 = 1e-4, 9e-4


def drawn(seed, *shape):
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(*shape, generator=generator, dtype=torch.float64)


def window(size):
    side = np.exp(-(((np.arange(size) - (size - 1) / 2) / (1.5 * size / 11)) ** 2) / 2)
    both = np.outer(side, side)
    return both / both.sum()


def by_loops(x, y):
    """Luminance times structure, and structure, averaged over every position of the window."""
    size = min(11, *x.shape)
    w = window(size)
    both, structure = [], []
    for i in range(x.shape[0] - size + 1):
        for j in range(x.shape[1] - size + 1):
            a, b = (z[i : i + size, j : j + size] for z in (x, y))
            ma, mb = (w * a).sum(), (w * b).sum()
            va, vb = (w * (a - ma) ** 2).sum(), (w * (b - mb) ** 2).sum()
            covariance = (w * (a - ma) * (b - mb)).sum()
            structure.append((2 * covariance + C2) / (va + vb + C2))
            both.append(structure[-1] * (2 * ma * mb + C1) / (ma**2 + mb**2 + C1))
    return np.mean(both), np.mean(structure)


def halved(x):
    rows, columns = x.shape[0] // 2, x.shape[1] // 2
    return x[: 2 * rows, : 2 * columns].reshape(rows, 2, columns, 2).mean((1, 3))


def reference(x, y, count):
    weights = np.array(WEIGHTS[:count]) / sum(WEIGHTS[:count])
    product = 1.0
    for scale in range(count):
        both, structure = by_loops(x, y)
        product *= max(0.0, both if scale == count - 1 else structure) ** weights[scale]
        x, y = halved(x), halved(y)
    return product


@pytest.mark.parametrize(
    ("height", "width", "count"),
    [(11, 11, 1), (28, 28, 2), (16, 21, 1), (47, 53, 3), (8, 8, 1), (7, 12, 1)],
)
def test_it_is_that_of_loops(height, width, count):
    assert scales(height, width) == count
    x = drawn(height, 2, 3, height, width)
    y = (0.5 * x + 0.5 * drawn(100 + width, 2, 3, height, width)) ** 1.5
    channels = [
        [reference(x[i, c].numpy(), y[i, c].numpy(), count) for c in range(3)] for i in range(2)
    ]
    found = ms_ssim(x, y)
    np.testing.assert_allclose(found, np.mean(channels, 1), rtol=1e-9)
    assert (found < 0.95).all()
    torch.testing.assert_close(ms_ssim(y, x), found)


@pytest.mark.parametrize(
    ("side", "count"),
    [(7, 1), (21, 1), (22, 2), (43, 2), (44, 3), (88, 4), (175, 4), (176, 5), (999, 5)],
)
def test_scales_are_those_that_hold_a_window(side, count):
    assert scales(side, side) == scales(side, 2000) == count <= scales(999, 999) == 5


@pytest.mark.parametrize("side", [8, 28, 64, 176])
def test_equal_images_have_1_and_constant_ones_the_luminance_of_the_coarsest_scale(side):
    x = drawn(side, 3, 1, side, side)
    torch.testing.assert_close(ms_ssim(x, x), torch.ones(3).double())
    a, b = 0.2, 0.9
    count = scales(side, side)
    weight = WEIGHTS[count - 1] / sum(WEIGHTS[:count])
    wanted = ((2 * a * b + C1) / (a * a + b * b + C1)) ** weight
    images = (torch.full((1, 3, side, side), value) for value in (a, b))
    assert float(ms_ssim(*images)) == pytest.approx(wanted, rel=1e-4)


def test_opposite_images_have_0():
    x = drawn(0, 4, 1, 28, 28)
    assert torch.equal(ms_ssim(x, 1 - x), torch.zeros(4).double())


def test_flips_turns_and_the_order_of_channels_change_nothing():
    x, y = drawn(1, 5, 3, 32, 24), drawn(2, 5, 3, 32, 24) * 0.5
    y = (x + y) / 2
    found = ms_ssim(x, y)
    assert 0.3 < float(found.mean()) < 0.9
    for change in (
        lambda z: z.flip(3),
        lambda z: z.flip(2),
        lambda z: z.mT,
        lambda z: z[:, [2, 0, 1]],
    ):
        torch.testing.assert_close(ms_ssim(change(x), change(y)), found)


def test_batches_and_dtypes_change_nothing(monkeypatch):
    x, y = drawn(3, 7, 1, 28, 28).float(), drawn(4, 7, 1, 28, 28).float()
    found = ms_ssim(x, y)
    assert found.dtype == torch.float64
    torch.testing.assert_close(ms_ssim(x.double(), y.double()), found)
    monkeypatch.setattr(msssim, "_PIXELS", 2000)
    torch.testing.assert_close(ms_ssim(x, y), found)


def test_noise_lowers_it_steadily():
    x, noise = drawn(5, 6, 1, 64, 64), drawn(6, 6, 1, 64, 64)
    found = [float(ms_ssim(x, (1 - t) * x + t * noise).mean()) for t in (0, 0.1, 0.3, 0.6)]
    assert found == sorted(found, reverse=True)
    assert found[0] == pytest.approx(1)
    assert found[-1] < 0.6


def test_pairs_are_of_one_class_and_share_no_image(monkeypatch):
    seen = []

    def watched(x, y):
        seen.append((x, y))
        return ms_ssim(x, y)

    monkeypatch.setattr(msssim, "ms_ssim", watched)
    labels = torch.tensor([0] * 7 + [1] * 4 + [2])
    # The mean brightness of an image tells which one it is.
    images = drawn(7, 12, 1, 8, 8) / 100 + torch.arange(12).view(-1, 1, 1, 1) / 13
    found = similarity_within(images, labels, seed=3)
    first, second = ((z.mean((1, 2, 3)) * 13).floor().long() for z in seen[0])
    assert torch.equal(labels[first], labels[second])
    assert len(set(first.tolist() + second.tolist())) == 10
    terms = ms_ssim(*seen[0])
    assert found.value == pytest.approx(float(terms.mean()))
    assert found.high > float(terms.mean() + 1.9 * terms.std() / math.sqrt(5))
    assert similarity_within(images, labels, seed=3) == found
    assert similarity_within(images, labels, seed=4) != found


def test_a_repeated_image_is_less_diverse_than_all():
    images = drawn(8, 60, 1, 28, 28)
    half = images.clone()
    half[:30] = images[0]
    low, middle, high = (
        similarity_within(x) for x in (images, half, images[:1].expand(60, 1, 28, 28))
    )
    assert low.high < middle.value < high.value
    assert high.value == pytest.approx(1)


@pytest.mark.parametrize(
    ("images", "labels", "reason"),
    [
        (torch.zeros(9, 1, 6, 28), None, "at least 7 x 7 pixels"),
        (torch.zeros(9, 28, 28), None, r"images \(N, C, H, W\)"),
        (torch.full((9, 1, 8, 8), 1.5), None, r"in \[0, 1\], received 1.5 to 1.5"),
        (torch.full((9, 1, 8, 8), math.nan), None, r"in \[0, 1\], received nan"),
        (torch.zeros(3, 1, 8, 8), None, "two pairs .* received 3 images with 1 pairs"),
        (torch.zeros(4, 1, 8, 8), torch.arange(4), "received 4 images with 0 pairs"),
        (torch.zeros(4, 1, 8, 8), torch.zeros(3), "expected 4 labels"),
    ],
)
def test_images_that_do_not_serve_are_an_error(images, labels, reason):
    with pytest.raises(UsageError, match=reason):
        similarity_within(images, labels)


def test_images_of_unlike_shapes_are_an_error():
    with pytest.raises(UsageError, match="images of one shape"):
        ms_ssim(torch.zeros(2, 1, 8, 8), torch.zeros(2, 1, 8, 9))
