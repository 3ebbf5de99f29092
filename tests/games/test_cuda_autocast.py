"""What CUDA's autocast does otherwise than a processor's, played on a processor.

CUDA computes the operations of its own list in float32 and answers in float32 (PyTorch, Automatic
Mixed Precision, "CUDA Ops that can autocast to float32"; `upsample_*`: ATen/autocast_mode.h),
where a processor stays in bfloat16. A mixture of both types is an error of some operations.
"""

from contextlib import contextmanager

import pytest
import torch
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_map

from gantlet.games.base import Turn
from gantlet.nn.resampling import bilinear_down, bilinear_up, nearest_up
from gantlet.nn.stages import Staged
from gantlet.recipes import RECIPES, tiny
from gantlet.rng import Noise
from gantlet.spec import Batch, DataSpec
from tests.tables_for import RECIPES_FOR_TABLES

LISTED = {
    *(F.interpolate, F.softmax, torch.softmax, torch.Tensor.softmax, F.softplus, F.cross_entropy),
    *(torch.sum, torch.Tensor.sum, torch.exp, torch.Tensor.exp, torch.log, torch.Tensor.log),
    *(torch.rsqrt, torch.Tensor.rsqrt, torch.pow, torch.Tensor.pow, torch.Tensor.__pow__),
    torch.linalg.vector_norm,
}
LABELLED = DataSpec(kind="image", shape=(3, 32, 32), classes=("a", "b"), frequencies=(0.5, 0.5))


class Listed(TorchFunctionMode):
    """Hands float32 to what is on CUDA's list, where autocast is on."""

    def __torch_function__(self, function, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if function in LISTED and torch.is_autocast_enabled("cpu"):

            def wide(leaf):
                half = isinstance(leaf, torch.Tensor) and leaf.dtype == torch.bfloat16
                return leaf.float() if half else leaf

            args, kwargs = tree_map(wide, args), tree_map(wide, kwargs)
        return function(*args, **kwargs)


@contextmanager
def cuda():
    """Autocast to bfloat16 by CUDA's list."""
    with Listed(), torch.autocast("cpu", dtype=torch.bfloat16, cache_enabled=False):
        yield


def test_the_list_is_played():
    x = torch.zeros(1, 2, 4, 4, dtype=torch.bfloat16)
    assert F.interpolate(x, size=(8, 8)).dtype == torch.bfloat16
    with cuda():
        assert F.interpolate(x, size=(8, 8)).dtype == torch.float32


@pytest.mark.parametrize(
    ("resize", "size"), [(nearest_up, (8, 8)), (bilinear_up, (7, 8)), (bilinear_down, (2, 2))]
)
def test_images_that_change_their_size_keep_their_type(resize, size):
    x = torch.randn(2, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    with cuda():
        y = resize(x.bfloat16(), size)
    assert y.dtype == torch.bfloat16
    torch.testing.assert_close(y.float(), resize(x, size), rtol=0.02, atol=0.02)


STAGES = [("progressive", seen) for seen in (0, 100, 200)]  # 100: the second size fades in
FULL = [(name, 10**9) for name in RECIPES if name not in ("points", *RECIPES_FOR_TABLES)]


@pytest.mark.parametrize(("recipe", "seen"), [*STAGES, *FULL])
def test_the_losses_of_every_recipe_have_gradients(recipe, seen):
    torch.manual_seed(0)
    config = tiny(recipe, LABELLED)
    game = config.game.build(LABELLED, config.network)
    fades = []
    for module in game.players.modules():
        if isinstance(module, Staged):
            module.reach(seen)
            fades.append(getattr(module, "fading", False))
    assert any(fades) == ((recipe, seen) == ("progressive", 100))
    n = 2 * game.group
    noise = Noise(0, "test", 0, n)
    real = Batch(2 * noise.uniform("real", LABELLED.shape) - 1, torch.arange(n) % 2)
    for phase in game.phases:
        with cuda():
            losses = phase.loss(game.players, Turn(real, noise, torch.tensor(float(seen))))
        total = losses.per_sample.mean()
        total = total if losses.per_step is None else total + losses.per_step
        weights = [w for name in phase.trains for w in game.players[name].parameters()]
        gradients = torch.autograd.grad(total, weights, allow_unused=True)
        assert all(g is None or torch.isfinite(g).all() for g in gradients)
        assert any(g is not None for g in gradients)
