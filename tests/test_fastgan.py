"""FastGAN: excitation, gated units, what the critic rebuilds, and on which side it counts."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from gantlet.errors import UsageError
from gantlet.games.base import Turn
from gantlet.games.versus import Versus
from gantlet.networks.fastgan import Excitation, FastGAN, Up
from gantlet.nn.norms import GroupedBatchNorm
from gantlet.nn.resampling import average_down, window
from gantlet.rng import Noise
from gantlet.spec import Batch, DataSpec
from tests.test_networks import on_meta
from tests.training.small import played, trainer
from tests.training.test_parts import gap

GROUP, B = 4, 8
NET = FastGAN.tiny()
SHAPES = [(1, 28, 28), (3, 17, 23), (2, 9, 4), (1, 64, 32)]


def critic(shape, **settings):
    """A discriminator in float64 and B images."""
    torch.manual_seed(0)
    spec = DataSpec(kind="image", shape=shape)
    D = replace(NET, **settings).discriminator(spec, group=GROUP).double()
    return D, torch.randn(B, *shape, dtype=torch.float64)


def test_an_excitation_is_its_formula():
    """A 2x2 map of one channel and two output channels, by hand."""
    layer = Excitation(1, 2, [(2, 2)]).double()
    first, _, second, _ = layer.body
    with torch.no_grad():
        first.weight.copy_(torch.tensor([[[[1.0, 2], [3, 4]]], [[[-1.0, 0], [0, 0]]]]))
        first.bias.copy_(torch.tensor([0.5, 0.0]))
        second.weight.copy_(torch.tensor([[1.0, 10.0], [0.1, 0.0]])[:, :, None, None])
        second.bias.copy_(torch.tensor([0.0, -1.0]))
    x = torch.tensor([[[[1.0, 0.0], [0.0, 1.0]]]], dtype=torch.float64)
    inner = torch.tensor([1 + 4 + 0.5, 0.1 * -1.0], dtype=torch.float64)  # leaky ReLU 0.1
    wanted = torch.stack([inner[0] + 10 * inner[1], 0.1 * inner[0] - 1]).sigmoid()
    torch.testing.assert_close(layer(x), wanted[None, :, None, None], rtol=1e-6, atol=1e-6)


def test_an_excitation_of_a_larger_map_is_that_of_its_means():
    torch.manual_seed(0)
    layer, plain = Excitation(3, 5, [(4, 4), (8, 7), (16, 13)]), Excitation(3, 5, [(4, 4)])
    plain.load_state_dict(layer.state_dict())
    x = torch.randn(2, 3, 16, 13)
    torch.testing.assert_close(layer(x), plain(average_down(average_down(x, (8, 7)), (4, 4))))


def test_channels_of_a_size_are_weighed_from_four_doublings_below():
    spec = DataSpec(kind="image", shape=(3, 256, 256))
    G = on_meta(FastGAN().generator, spec)
    widths = FastGAN().widths(G.sizes)
    assert widths == [1024, 1024, 512, 256, 128, 64, 32]
    ends = [(e.body[0].in_channels, e.body[0].out_channels) for e in G.excitations]
    assert ends == [(1024, 128), (1024, 64), (512, 32)]  # 4 to 64, 8 to 128, 16 to 256
    assert [e.grids[-1] for e in G.excitations] == [(4, 4), (8, 8), (16, 16)]
    assert len(on_meta(FastGAN().generator, DataSpec(kind="image", shape=(1, 28, 28))).ups) == 2


def test_the_generator_multiplies_maps_by_their_excitation():
    torch.manual_seed(0)
    G = NET.generator(DataSpec(kind="image", shape=(1, 16, 16)), group=GROUP).double()
    z = torch.randn(GROUP, NET.latent, dtype=torch.float64)
    low = G.start(G.dense(z).view(GROUP, 4, 4, -1).permute(0, 3, 1, 2))
    high = G.ups[1](G.ups[0](low)) * G.excitations[0](low)
    torch.testing.assert_close(G(z), G.last(high).tanh())


def test_an_up_block_is_a_gated_unit_after_batch_norm():
    torch.manual_seed(0)
    up, x = Up(3, 2, (6, 5), GROUP), torch.randn(GROUP, 3, 3, 3)
    large = x.repeat_interleave(2, 2).repeat_interleave(2, 3)[..., :5]
    h = F.conv2d(large, up.body[0].weight, padding=1)
    mean, var = h.mean((0, 2, 3), keepdim=True), h.var((0, 2, 3), correction=0, keepdim=True)
    h = (h - mean) / (var + 1e-5).sqrt()
    torch.testing.assert_close(up(x), h[:, :2] * h[:, 2:].sigmoid(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("shape", SHAPES)
def test_the_whole_image_is_rebuilt_at_its_pooled_size(shape):
    D, x = critic(shape)
    place = torch.rand(B, 2, dtype=torch.float64)
    (made, wanted), _ = D.rebuilt(D(x).maps, x, place)
    pooled = x
    for size in D.sizes[-2 : min(4, len(D.sizes) - 1) - len(D.sizes) : -1]:
        pooled = average_down(pooled, size)
    assert torch.equal(wanted, pooled)
    assert made.shape == wanted.shape
    assert wanted.shape[2:] == D.sizes[min(4, len(D.sizes) - 1)]


@pytest.mark.parametrize("shape", SHAPES)
def test_a_crop_is_rebuilt_from_what_lies_there_and_nothing_else(shape):
    """Maps outside of the crop change nothing, and the target is that part of the image."""
    D, x = critic(shape)
    maps, (h, w) = [m.detach().requires_grad_() for m in D(x).maps], D.parts[0]
    rooms = [a - b for a, b in zip(D.sizes[1], (h, w), strict=True)]
    for share in (0.0, 0.5, 0.999):
        place = torch.full((B, 2), share, dtype=torch.float64)
        _, (made, wanted) = D.rebuilt(maps, x, place)
        assert made.shape == wanted.shape
        top, left = (int(share * (room + 1)) for room in rooms)
        (g,) = torch.autograd.grad(made.square().sum(), maps[1])
        inside = g[:, :, top : top + h, left : left + w]
        assert inside.abs().sum() == pytest.approx(g.abs().sum().item(), rel=1e-12)
        assert inside.any()
        target = x
        for size in D.sizes[len(D.parts) : -1][::-1]:
            target = average_down(target, size)
        up, across = (a // b for a, b in zip(D.parts[-1], (h, w), strict=True))
        seen = target[:, :, top * up : (top + h) * up, left * across : (left + w) * across]
        assert torch.equal(wanted[:, :, : seen.shape[2], : seen.shape[3]], seen)
        if share == 0:
            assert seen.shape == wanted.shape


def test_each_sample_has_a_crop_of_its_own_and_every_place_comes():
    x = torch.arange(B * 6 * 7.0).view(B, 1, 6, 7)
    top, left = torch.arange(B) % 3, torch.arange(B) % 2
    for i, part in enumerate(window(x, top, left, (4, 6))):
        assert torch.equal(part, x[i, :, top[i] : top[i] + 4, left[i] : left[i] + 6])
    D, x = critic((1, 16, 16))
    marked = torch.arange(16 * 16, dtype=torch.float64).view(1, 1, 16, 16).expand(B, -1, -1, -1)
    corners = set()
    for seed in range(40):
        place = Noise(seed, "place", 0, B, dtype=torch.float64).uniform("p", (2,))
        _, (_, wanted) = D.rebuilt(D(x).maps, marked, place)
        corners |= set(wanted[:, 0, 0, 0].tolist())
    assert corners == {16.0 * 2 * i + 2 * j for i in range(5) for j in range(5)}


def game_and_turn(**settings):
    """The game of tiny networks in float64, and a turn."""
    torch.manual_seed(0)
    spec = DataSpec(kind="image", shape=(1, 16, 12))
    game = Versus(objective="hinge", group=GROUP, **settings).build(spec, NET)
    game.players.double()
    noise = [Noise(0, name, 0, B, dtype=torch.float64) for name in ("x", "n")]
    return game, Turn(Batch(noise[0]("x", spec.shape)), noise[1], torch.tensor(0.0))


def test_the_loss_is_the_hinge_and_the_weighted_error_on_real_samples():
    game, turn = game_and_turn(reconstruction=0.7)
    D, x = game.players["discriminator"], turn.real.x
    losses = game.phases[0].loss(game.players, turn)
    fake = game.players["generator"](turn.noise("z", (NET.latent,)))
    real = D(x)
    pairs = D.rebuilt(real.maps, x, turn.noise.uniform("reconstruction/place", (2,)))
    error = sum((made - wanted).abs().mean((1, 2, 3)) for made, wanted in pairs)
    hinge = torch.relu(1 - real.logits) + torch.relu(1 + D(fake).logits)
    torch.testing.assert_close(losses.per_sample, hinge + 0.7 * error)
    torch.testing.assert_close(losses.stats["reconstruction"], error)
    weights = [w for name, w in D.named_parameters() if name.startswith(("whole", "part"))]
    grads = torch.autograd.grad(losses.per_sample.sum(), weights)
    assert all(g.any() for g in grads)


def test_generated_samples_are_not_rebuilt():
    game, turn = game_and_turn()
    bare, _ = game_and_turn(reconstruction=0.0)
    before = game.phases[0].loss(game.players, turn)
    made, without = (g.phases[1].loss(g.players, turn).per_sample for g in (game, bare))
    assert torch.equal(made, without)
    with torch.no_grad():
        for weight in game.players["generator"].parameters():
            weight.mul_(1.5)
    after = game.phases[0].loss(game.players, turn)
    assert not torch.equal(before.stats["fake"], after.stats["fake"])
    assert torch.equal(before.stats["reconstruction"], after.stats["reconstruction"])
    assert "reconstruction" not in bare.phases[0].loss(bare.players, turn).stats


def test_with_gradient_penalties_the_maps_are_the_same():
    game, turn = game_and_turn(penalties={"r1": 1.0})
    bare, _ = game_and_turn()
    found, plain = (g.phases[0].loss(g.players, turn).stats for g in (game, bare))
    torch.testing.assert_close(found["reconstruction"], plain["reconstruction"])


def test_batch_norm_in_critic_and_decoders_works_on_groups_and_forbids_slopes(tmp_path):
    D, x = critic((1, 16, 16), discriminator_norm="batch")
    judged = D(x)
    pairs = D.rebuilt(judged.maps, x, torch.rand(B, 2, dtype=torch.float64))
    (judged.logits.square().sum() + sum(made.square().sum() for made, _ in pairs)).backward()
    assert [name for name, w in D.named_parameters() if not w.grad.any()] == []
    norms = [m.group for m in D.modules() if isinstance(m, GroupedBatchNorm)]
    assert len(norms) == 2 * 3 + 1 + 2 + 1
    assert set(norms) == {GROUP}
    settings = ("network.discriminator_norm=batch",)
    whole, parts = (
        played(trainer(tmp_path, "fastgan", *settings, *more, precision="float64"), 5)
        for more in ((), ("train.micro_batches=4",))
    )
    assert gap(whole, parts) <= 1e-9
    with pytest.raises(UsageError, match="batch norm"):
        trainer(tmp_path, "fastgan", *settings, "game.penalties.r1=1")


def test_packs_are_rebuilt_as_packs():
    spec = DataSpec(kind="image", shape=(3, 16, 16))
    game = Versus(objective="hinge", group=GROUP, pack=2).build(spec, NET)
    noise = [Noise(0, name, 0, B) for name in ("x", "n")]
    turn = Turn(Batch(noise[0]("x", spec.shape)), noise[1], torch.tensor(0.0))
    losses = game.phases[0].loss(game.players, turn)
    assert losses.stats["reconstruction"].shape == (B // 2,)
    D = game.players["discriminator"]
    assert isinstance(D.whole[-2], nn.Conv2d)
    assert D.whole[-2].out_channels == 6
