"""Virtual batch norm against plain statistics of the reference batch and one more sample."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import nn

from gantlet.bundle import Bundle, read_bundle, write_bundle
from gantlet.config import override, to_mapping
from gantlet.networks import DCGAN, ResNet
from gantlet.nn.norms import ConditionalBatchNorm, batch_norm
from gantlet.nn.virtual import Referenced, VirtualBatchNorm
from gantlet.recipes import tiny
from gantlet.sample import sample
from gantlet.spec import DataSpec
from gantlet.training.trainer import built
from tests.test_norms import by_hand, normal

SHAPES = [(9, 3), (9, 3, 5), (9, 3, 5, 4)]
R = 4
SPEC = DataSpec(kind="image", shape=(1, 8, 8), classes=("a", "b", "c"))


@pytest.mark.parametrize("shape", SHAPES)
def test_each_sample_is_one_more_of_the_reference(shape):
    x, norm = 3 * normal(*shape) + 2, VirtualBatchNorm(3, R).double()
    nn.init.normal_(norm.weight)
    nn.init.normal_(norm.bias)
    w, b = (t.view(3, *[1] * (len(shape) - 2)) for t in (norm.weight, norm.bias))
    got = norm(x)
    torch.testing.assert_close(got[:R], w * by_hand(x[:R], norm.eps) + b)
    for i in range(R, 9):
        together = torch.cat([x[:R], x[i : i + 1]])
        torch.testing.assert_close(got[i], w * by_hand(together, norm.eps)[-1] + b)


def test_large_means_do_not_cancel():
    x = torch.randn(40, 2, 6, generator=torch.Generator().manual_seed(0)) + 4096
    norm = VirtualBatchNorm(2, 32)
    torch.testing.assert_close(norm(x), norm.double()(x.double()).float(), rtol=0, atol=2e-3)


def test_channels_last_stays_channels_last():
    x = normal(*SHAPES[2]).to(memory_format=torch.channels_last)
    assert VirtualBatchNorm(3, R).double()(x).is_contiguous(memory_format=torch.channels_last)


def test_a_class_has_its_own_gain_and_bias():
    torch.manual_seed(0)
    norm = batch_norm(3, R, 2, "virtual").double()
    assert isinstance(norm, ConditionalBatchNorm)
    nn.init.normal_(norm.affine.weight)
    x, y = normal(*SHAPES[2]), torch.arange(9) % 2
    plain = VirtualBatchNorm(3, R, affine=False).double()(x)
    gain, bias = norm.affine.weight[y].view(9, 2, 3, 1, 1).unbind(1)
    torch.testing.assert_close(norm(x, y), plain * (1 + gain) + bias)


def generators(classes=SPEC.classes):
    """Small generators with the norm, for data with classes or without."""
    spec = replace(SPEC, classes=classes)
    for family in (DCGAN, ResNet):
        torch.manual_seed(0)
        yield replace(family.tiny(), generator_norm="virtual").generator(spec, group=R).double()


@pytest.mark.parametrize("classes", [(), SPEC.classes], ids=["plain", "labels"])
def test_no_sample_sees_another_and_evaluation_is_training(classes):
    z, y = normal(6, 8), torch.arange(6) % 3 if classes else None
    for G in generators(classes):
        assert isinstance(G, Referenced)
        whole = G(z, y)
        assert whole.shape == (6, 1, 8, 8)
        alone = [G(z[i : i + 1], None if y is None else y[i : i + 1]) for i in range(6)]
        torch.testing.assert_close(whole, torch.cat(alone), rtol=0, atol=1e-12)
        torch.testing.assert_close(G.eval()(z, y), whole, rtol=0, atol=0)


def test_slopes_of_samples_and_of_their_squared_norm_are_exact():
    z, y = normal(2, 8), torch.tensor([2, 0])
    for G in generators():
        slope = torch.func.grad(lambda v, G=G: G(v, y)[0].square().sum())(z)
        assert bool(slope[0].any())
        assert not slope[1].any()

        def penalty(v, G=G):
            return torch.func.grad(lambda u: G(u, y).square().sum())(v).square().sum()

        assert torch.autograd.gradcheck(penalty, z.clone().requires_grad_(), atol=1e-4)


def test_the_reference_is_drawn_once_covers_the_classes_and_is_kept(tmp_path):
    settings = ["network.generator_norm=virtual", "network.discriminator_norm=none"]
    config = override(tiny("dcgan", SPEC), settings)
    game = built(config, SPEC)
    G = game.players["generator"]
    assert G.z.shape == (4, config.network.latent)
    assert G.y.tolist() == [0, 1, 2, 0]
    about = {"data": "mine", "count": 5, "seen": 0, "verdict": "unjudged", "own_game": False}
    write_bundle(tmp_path, nn.ModuleDict({"generator": G}), SPEC, to_mapping(config), about)
    read = read_bundle(tmp_path)
    assert torch.equal(read.players["generator"].z, G.z)
    mine = Bundle(game, SPEC, config, {}, tmp_path)
    assert (sample(read, 70, seed=1).values == sample(mine, 70, seed=1).values).all()
    assert (sample(read, 3, seed=1).values == sample(read, 70, seed=1).values[:3]).all()
    other = built(override(config, ["train.seed=1"]), SPEC).players["generator"]
    assert not torch.equal(other.z, G.z)
