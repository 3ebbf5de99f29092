"""Grouped batch norm, its calibration, and spectral norm against exact references."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from gantlet.errors import UsageError
from gantlet.nn.layers import conv, embedding, initialise, linear
from gantlet.nn.norms import ConditionalBatchNorm, GroupedBatchNorm, batch_norm, calibrate
from gantlet.nn.spectral import Spectral

SHAPES = [(8, 3), (8, 3, 5), (8, 3, 5, 4)]


def normal(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def by_hand(x: torch.Tensor, eps: float) -> torch.Tensor:
    sides = [0, *range(2, x.dim())]
    mean = x.mean(sides, keepdim=True)
    var = (x - mean).square().mean(sides, keepdim=True)
    return (x - mean) / (var + eps).sqrt()


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("group", [2, 4, 8])
def test_each_group_is_normalised_by_its_own_statistics(shape, group):
    x = 3 * normal(*shape) + 2
    norm = GroupedBatchNorm(3, group).double()
    wanted = torch.cat([by_hand(part, norm.eps) for part in x.split(group)])
    torch.testing.assert_close(norm(x), wanted, rtol=0, atol=1e-13)


def test_channels_last_stays_channels_last():
    x = normal(8, 3, 5, 4).to(memory_format=torch.channels_last)
    assert GroupedBatchNorm(3, 4).double()(x).is_contiguous(memory_format=torch.channels_last)


def test_training_leaves_no_trace():
    norm = GroupedBatchNorm(3, 4)
    norm(5 + torch.randn(8, 3))
    assert torch.equal(norm.mean, torch.zeros(3))
    assert torch.equal(norm.var, torch.ones(3))


@pytest.mark.parametrize(
    ("group", "shape"), [(4, (6, 3)), (4, (0, 3)), (1, (4, 3)), (1, (4, 3, 1))]
)
def test_batches_that_do_not_fit_are_refused(group, shape):
    with pytest.raises(UsageError, match="group"):
        GroupedBatchNorm(3, group)(torch.zeros(shape))


def test_evaluation_takes_any_batch_and_the_buffers():
    norm = GroupedBatchNorm(3, 4).double().eval()
    norm.mean.copy_(torch.tensor([1.0, 2.0, 3.0]))
    norm.var.copy_(torch.tensor([4.0, 9.0, 16.0]))
    x = normal(5, 3)
    torch.testing.assert_close(norm(x), (x - norm.mean) / (norm.var + 1e-5).sqrt())


@pytest.mark.parametrize("shape", SHAPES)
def test_calibration_measures_the_population(shape):
    batches = [normal(*shape) * scale + scale for scale in (1.0, 2.0, 5.0)]
    norm = GroupedBatchNorm(3, 4).double().eval()
    calibrate(norm, lambda: [norm(x) for x in batches])
    values = torch.cat(batches).transpose(0, 1).flatten(1)
    torch.testing.assert_close(norm.mean, values.mean(1), rtol=1e-13, atol=0)
    torch.testing.assert_close(norm.var, values.var(1, correction=0), rtol=1e-13, atol=0)
    assert not norm.training


def test_calibration_is_by_groups_layer_after_layer_and_touches_nothing_else():
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Linear(3, 6), GroupedBatchNorm(6, 4), nn.Dropout(0.5), GroupedBatchNorm(6, 4)
    )
    net.double().eval()
    x = normal(8, 3)
    weights = {k: v.clone() for k, v in net.named_parameters()}
    calibrate(net, lambda: net(x))
    middle = torch.cat([by_hand(part, 1e-5) for part in net[0](x).split(4)])
    torch.testing.assert_close(net[3].var, middle.var(0, correction=0))
    assert all(torch.equal(p, weights[k]) for k, p in net.named_parameters())
    assert not any(m.training for m in net.modules())
    assert not any(m._forward_pre_hooks for m in net.modules())


def test_calibration_survives_large_means_in_float32():
    norm = GroupedBatchNorm(1, 4)
    x = torch.randn(64, 1, generator=torch.Generator().manual_seed(0)) + 4096
    calibrate(norm, lambda: [norm(part) for part in x.split(8)])
    exact = x.double().var(0, correction=0).float()
    torch.testing.assert_close(norm.var, exact, rtol=1e-6, atol=0)
    assert norm.training


def test_calibration_without_a_pass_is_refused_and_undone():
    norm = GroupedBatchNorm(3, 4).eval()
    with pytest.raises(UsageError, match="forward pass"):
        calibrate(norm, lambda: None)
    with pytest.raises(UsageError, match="multiple"):
        calibrate(norm, lambda: norm(torch.zeros(3, 3)))
    assert not norm.training
    assert not norm._forward_pre_hooks


@pytest.mark.parametrize("shape", SHAPES)
def test_conditional_gain_and_bias_are_those_of_the_class(shape):
    torch.manual_seed(0)
    x, y = normal(*shape), torch.arange(8) % 3
    norm = batch_norm(3, 4, classes=3).double()
    nn.init.normal_(norm.affine.weight)
    plain = GroupedBatchNorm(3, 4, affine=False).double()(x)
    for i, label in enumerate(y.tolist()):
        gain, bias = norm.affine.weight[label].view(2, 3, *[1] * (x.dim() - 2))
        torch.testing.assert_close(norm(x, y)[i], plain[i] * (1 + gain) + bias)


def test_a_vector_may_be_the_condition():
    torch.manual_seed(0)
    norm = ConditionalBatchNorm(GroupedBatchNorm(3, 4, affine=False), nn.Linear(5, 6)).double()
    x, c = normal(8, 3, 2), normal(8, 5)
    gain, bias = norm.affine(c)[:, :, None].chunk(2, 1)
    torch.testing.assert_close(norm(x, c), norm.norm(x) * (1 + gain) + bias)


def test_conditional_norm_begins_near_the_plain_one():
    torch.manual_seed(0)
    table = batch_norm(50, 4, classes=200).affine.weight
    assert table[:, :50].std().item() == pytest.approx(0.02, rel=0.05)
    assert not table[:, 50:].any()


def spectral_layers():
    torch.manual_seed(0)
    return {
        "linear": (linear(7, 5, spectral=True), nn.Linear, (4, 7)),
        "conv": (conv(3, 5, (3, 4), stride=2, padding=1, spectral=True), nn.Conv2d, (4, 3, 6, 7)),
    }


@pytest.mark.parametrize("kind", ["linear", "conv"])
def test_spectral_layers_divide_by_the_largest_singular_value(kind):
    layer, _, shape = spectral_layers()[kind]
    layer.double()
    assert isinstance(layer, Spectral)
    layer.settle(2000)
    largest = torch.linalg.svdvals(layer.weight.flatten(1))[0]
    torch.testing.assert_close(layer.sigma(), largest, rtol=1e-12, atol=0)
    x = normal(*shape)
    bare = (
        F.linear(x, layer.weight)
        if kind == "linear"
        else layer._conv_forward(x, layer.weight, None)
    )
    bias = layer.bias if kind == "linear" else layer.bias[:, None, None]
    torch.testing.assert_close(layer(x), bare / largest + bias)
    assert torch.linalg.svdvals(layer.normalised().flatten(1))[0].item() == pytest.approx(1)


def test_a_spectral_embedding_divides_its_table():
    torch.manual_seed(0)
    table = embedding(4, 6, spectral=True).double()
    table.settle(2000)
    largest = torch.linalg.svdvals(table.weight)[0]
    torch.testing.assert_close(table(torch.tensor([2, 0])), table.weight[[2, 0]] / largest)


def test_sigma_is_right_at_once_and_after_new_weights():
    torch.manual_seed(0)
    net = nn.Sequential(linear(300, 200, spectral=True), conv(16, 64, 3, spectral=True))
    for draw in (lambda w: None, nn.init.orthogonal_, lambda w: nn.init.normal_(w, std=0.02)):
        initialise(net, draw)
        for layer in net:
            largest = torch.linalg.svdvals(layer.weight.flatten(1))[0].item()
            assert 0.95 * largest < layer.sigma().item() <= largest * (1 + 1e-5)


@pytest.mark.parametrize("kind", ["linear", "conv"])
def test_only_advance_moves_u_and_v(kind):
    layer, _, shape = spectral_layers()[kind]
    u, v, matrix = layer.u.clone(), layer.v.clone(), layer.weight.flatten(1)
    layer(torch.randn(shape)).sum().backward()
    assert torch.equal(layer.u, u)
    assert torch.equal(layer.v, v)
    layer.advance()
    torch.testing.assert_close(layer.v, F.normalize(matrix.T @ u, dim=0))
    torch.testing.assert_close(layer.u, F.normalize(matrix @ layer.v, dim=0))


def test_gradient_of_a_spectral_weight_is_that_of_the_paper():
    torch.manual_seed(0)
    layer = linear(4, 3, bias=False, spectral=True).double()
    x, g = normal(5, 4), normal(3, 5).T
    layer(x).backward(g)
    sigma, bar = layer.sigma(), layer.normalised()
    outside = g.T @ x
    # Equation 12 of the paper: (E[g x^T] - lambda u v^T) / sigma, lambda = E[g^T W_bar x].
    wanted = (outside - (outside * bar).sum() * torch.outer(layer.u, layer.v)) / sigma
    torch.testing.assert_close(layer.weight.grad, wanted, rtol=1e-12, atol=1e-12)
