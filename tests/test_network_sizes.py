"""R3GAN in sizes: the paper's networks are the largest, the others are narrower step by step."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from torch import nn

from gantlet.errors import UsageError
from gantlet.networks import R3GAN
from gantlet.networks.sizes import SIZES, sized, widths
from gantlet.nn.resampling import plan
from gantlet.spec import DataSpec


def images(*shape: int) -> DataSpec:
    return DataSpec(kind="image", shape=shape)


def count(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def counts(size: str, spec: DataSpec) -> tuple[int, int]:
    net = sized(size, spec)
    with torch.device("meta"):
        return count(net.generator(spec)), count(net.discriminator(spec))


def test_the_largest_is_the_paper_s_network_of_stacked_mnist():
    assert sized("l", images(3, 32, 32)).width == (768, 768, 768, 768)
    assert counts("l", images(3, 32, 32)) == (20_732_160, 20_683_776)


def test_above_32_pixels_the_largest_halves_its_widths():
    """Table 2 of the paper prints 23.058 and 23.010 million for FFHQ at 256x256."""
    assert widths("l", images(3, 256, 256)) == (768, 768, 768, 768, 384, 192, 96)
    assert counts("l", images(3, 256, 256)) == (23_057_952, 23_009_568)


@pytest.mark.parametrize(
    "shape", [(1, 4, 4), (1, 28, 28), (3, 24, 96), (3, 70, 33), (3, 512, 512)]
)
def test_each_size_fits_the_data_and_is_wider_than_the_one_before(shape):
    spec = images(*shape)
    totals = [sum(counts(size, spec)) for size in SIZES]
    assert list(SIZES) == ["xs", "s", "m", "l"]
    assert all(2 * a < b for a, b in pairwise(totals))
    for size in SIZES:
        chosen = widths(size, spec)
        assert len(chosen) == len(plan(*shape[1:]))
        assert all(a >= b >= 16 and b % 8 == 0 for a, b in pairwise(chosen))


def test_widths_halve_with_each_doubling():
    assert widths("xs", images(1, 28, 28)) == (96, 48, 24)
    assert widths("xs", images(3, 64, 64)) == (96, 96, 48, 24, 16)
    assert widths("s", images(1, 28, 28)) == (192, 192, 96)


def test_a_size_leaves_other_settings_alone():
    base = R3GAN(latent=32, minibatch_std=True)
    made = sized("m", images(1, 28, 28), base)
    assert (made.latent, made.minibatch_std, made.blocks) == (32, True, 2)


def test_what_has_no_size_is_told():
    with pytest.raises(UsageError, match=r"unknown size of networks 'xl'.*Did you mean"):
        sized("xl", images(1, 28, 28))
    with pytest.raises(UsageError, match="recipe mlp"):
        sized("s", DataSpec(kind="points", shape=(2,)))
