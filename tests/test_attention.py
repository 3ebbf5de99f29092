"""Self-attention against its formula, position by position."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from gantlet.nn.attention import SelfAttention, halved


def normal(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def layer(channels: int, *, spectral: bool = False) -> SelfAttention:
    torch.manual_seed(0)
    made = SelfAttention(channels, spectral=spectral).double()
    torch.nn.init.constant_(made.gamma, 0.7)
    return made


@pytest.mark.parametrize("size", [(4, 6), (5, 4), (3, 7), (1, 5), (2, 1)])
def test_halving_takes_the_largest_of_each_square(size):
    x = normal(2, 3, *size)
    wanted = F.max_pool2d(F.pad(x, (0, size[1] % 2, 0, size[0] % 2), value=-1e9), 2)
    assert torch.equal(halved(x), wanted)


@pytest.mark.parametrize(("channels", "size"), [(16, (4, 6)), (16, (5, 3)), (3, (2, 3))])
def test_each_position_adds_what_it_attends_to(channels, size):
    x, attention = normal(2, channels, *size), layer(channels)
    w = {
        name: getattr(attention, name).weight[:, :, 0, 0]
        for name in ("query", "key", "value", "output")
    }
    assert [len(w[name]) for name in w] == [
        *[max(1, channels // 8)] * 2,
        max(1, channels // 2),
        channels,
    ]
    got = attention(x)
    for b in range(2):
        keys = halved(torch.einsum("oc,chw->ohw", w["key"], x[b])[None])[0].flatten(1)
        values = halved(torch.einsum("oc,chw->ohw", w["value"], x[b])[None])[0].flatten(1)
        for i in range(size[0]):
            for j in range(size[1]):
                share = ((w["query"] @ x[b, :, i, j]) @ keys).exp()
                seen = values @ (share / share.sum())
                wanted = x[b, :, i, j] + 0.7 * w["output"] @ seen
                torch.testing.assert_close(got[b, :, i, j], wanted)


def test_it_begins_as_the_identity():
    x, attention = normal(2, 8, 4, 4), layer(8)
    torch.nn.init.zeros_(attention.gamma)
    assert torch.equal(attention(x), x)
    assert SelfAttention(8).gamma.item() == 0


@pytest.mark.parametrize("spectral", [False, True])
def test_derivatives_of_first_and_second_order_are_exact(spectral):
    x, attention = normal(1, 4, 3, 4).requires_grad_(), layer(4, spectral=spectral)
    assert torch.autograd.gradcheck(attention, x)
    assert torch.autograd.gradgradcheck(lambda v: attention(v).square(), x)


def test_a_penalty_of_its_slope_has_exact_gradients():
    """torch.func.grad inside, autograd outside, against differences of the penalty."""
    x, attention = normal(2, 4, 3, 3), layer(4)
    weights = list(attention.parameters())

    def penalty() -> torch.Tensor:
        slope = torch.func.grad(lambda v: attention(v).square().sum())(x)
        return slope.square().sum()

    for weight, gradient in zip(weights, torch.autograd.grad(penalty(), weights), strict=True):
        way = normal(*weight.shape, 1)[..., 0]
        with torch.no_grad():
            ends = []
            for step in (1e-6, -2e-6):
                weight.add_(step * way)
                ends.append(float(penalty()))
            weight.add_(1e-6 * way)
        wanted = (ends[0] - ends[1]) / 2e-6
        assert float((gradient * way).sum()) == pytest.approx(wanted, rel=1e-6)
