"""What every augmentation promises, over the table."""

import pytest
import torch

from gantlet.augment import AUGMENTATIONS, Pipeline
from gantlet.rng import Noise

SHAPES = [(3, 8, 8), (1, 8, 8), (2, 5, 9), (4, 1, 6), (3, 7, 4)]
CASES = [
    (name, shape)
    for name, part in AUGMENTATIONS.items()
    for shape in SHAPES
    if part.channels in (None, shape[0])
]


def given(name, shape, count=6, dtype=torch.float64):
    """The augmentation alone, always applied; images, and numbers that are sometimes extreme."""
    line = Pipeline((AUGMENTATIONS[name],))
    noise = Noise(0, "contract", 0, count, dtype=dtype)
    uniform = noise.uniform("u", (line.uniform,))
    uniform[0, 1:], uniform[1, 1:] = 0.0, 1 - 2**-24
    normal = noise("n", (max(1, line.normal),))
    normal[2], normal[3] = 5.0, -5.0
    return line, 2 * noise.uniform("x", shape) - 1, (uniform, normal, 1.0)


@pytest.mark.parametrize(("name", "shape"), CASES)
def test_each_keeps_shape_and_type_and_sees_no_neighbour(name, shape):
    for dtype in (torch.float32, torch.float64):
        line, x, (u, n, p) = given(name, shape, dtype=dtype)
        whole = line(x, u, n, p)
        assert whole.shape == x.shape
        assert whole.dtype == dtype
        assert bool(whole.isfinite().all())
        last = line(x[4:], u[4:], n[4:], p)
        torch.testing.assert_close(whole[4:], last, rtol=0, atol=1e-6)
    laid = line(x.contiguous(memory_format=torch.channels_last), u, n, p)
    torch.testing.assert_close(laid, whole, rtol=0, atol=1e-14)


@pytest.mark.parametrize(("name", "shape"), CASES)
def test_each_is_affine_in_the_image_with_the_slope_that_func_grad_gives(name, shape):
    """T(x + v) - T(x) is the same at every x, and c . (T(x + v) - T(x)) = grad(c . T) . v."""
    line, x, numbers = given(name, shape)
    c, v = (Noise(1, s, 0, len(x), dtype=torch.float64)("v", shape) for s in "cv")
    step = line(x + v, *numbers) - line(x, *numbers)
    torch.testing.assert_close(line(v, *numbers) - line(0 * v, *numbers), step)
    gradient = torch.func.grad(lambda x: (line(x, *numbers) * c).sum())(x)
    torch.testing.assert_close((gradient * v).flatten(1).sum(1), (c * step).flatten(1).sum(1))
