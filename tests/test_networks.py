"""Each family as its paper gives it: sizes, parameters, first weights, heads."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise

import pytest
import torch
from torch import nn

from gantlet.errors import UsageError
from gantlet.networks import DCGAN, MLP, R3GAN, BigGAN, ResNet, StyleGAN2
from gantlet.networks.heads import AuxiliaryHead, LinearHead, ProjectionHead, head
from gantlet.networks.styles import crossover, truncated
from gantlet.nn.norms import GroupedBatchNorm
from gantlet.nn.resampling import bilinear_down, bilinear_up
from gantlet.nn.statistics import MinibatchDiscrimination, MinibatchStd
from gantlet.spec import DataSpec

CIFAR = DataSpec(kind="image", shape=(3, 32, 32))
MNIST = DataSpec(kind="image", shape=(1, 28, 28))
POINTS = DataSpec(kind="points", shape=(2,))


def count(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def on_meta(build, *args, **kwargs):
    """A network without memory, for counting."""
    with torch.device("meta"):
        return build(*args, **kwargs)


def test_r3gan_has_the_published_parameters_of_stacked_mnist():
    net = R3GAN(width=(768, 768, 768, 768), blocks=2, group_size=16, latent=64)
    assert count(on_meta(net.generator, CIFAR)) == 20_732_160
    assert count(on_meta(net.discriminator, CIFAR)) == 20_683_776


def test_r3gan_begins_as_its_paper_says():
    torch.manual_seed(0)
    net = R3GAN(width=128)
    G, D = net.generator(CIFAR), net.discriminator(CIFAR)
    gain = math.sqrt(2 / 1.04) * 8**-0.25
    blocks = [m for player in (G, D) for m in player.modules() if type(m).__name__ == "Block"]
    assert len(blocks) == 16
    for first, _, grouped, _, last in (block.body for block in blocks):
        assert first.weight.std().item() == pytest.approx(gain / math.sqrt(128), rel=0.05)
        assert grouped.weight.std().item() == pytest.approx(gain / math.sqrt(16 * 9), rel=0.05)
        assert grouped.weight.shape == (256, 16, 3, 3)
        assert not last.weight.any()
    x = torch.randn(2, 128, 4, 4)
    assert torch.equal(blocks[0](x), x)
    assert G.basis.std().item() == pytest.approx(1, rel=0.1)
    assert D.basis.std().item() == pytest.approx(1 / 4, rel=0.1)


def test_r3gan_starts_linear_in_z_and_unbounded():
    torch.manual_seed(0)
    G = R3GAN.tiny().generator(CIFAR).double()
    z = torch.randn(4, 8, dtype=torch.float64)
    torch.testing.assert_close(G(3 * z), 3 * G(z))
    assert G(30 * z).abs().max() > 1


def test_r3gan_scores_a_class_by_a_dot_product():
    torch.manual_seed(0)
    spec = DataSpec(kind="image", shape=(1, 8, 8), classes=("a", "b", "c"))
    D = R3GAN.tiny().discriminator(spec).double()
    x, y = torch.randn(5, 1, 8, 8, dtype=torch.float64), torch.tensor([0, 1, 2, 1, 0])
    critique = D(x, y)
    wanted = (critique.features @ D.head.linear.weight.T * D.head.table.weight[y]).sum(1)
    torch.testing.assert_close(critique.logits, wanted)


@pytest.mark.parametrize(
    ("net", "says"),
    [
        (R3GAN(width=(64, 64)), "4 for sizes"),
        (R3GAN(width=65), "group_size"),
        (R3GAN(width=(64, 64, 64, 20), group_size=32), "group_size"),
    ],
)
def test_r3gan_refuses_widths_that_do_not_fit(net, says):
    for build in (net.generator, net.discriminator):
        with pytest.raises(UsageError, match=says):
            build(CIFAR)


def test_r3gan_widths_run_from_the_smallest_size():
    net = R3GAN(width=(64, 48, 32, 16))
    G, D = net.generator(CIFAR), net.discriminator(CIFAR)
    assert G.basis.shape == (64, 4, 4)
    assert D.basis.shape == (64, 4, 4)
    assert G.trunk[-1].weight.shape == (3, 16, 1, 1)
    assert D.trunk[0].weight.shape == (16, 3, 1, 1)


def test_stylegan2_has_the_published_parameters_at_256():
    """24.77 M and 24.00 M as R3GAN's paper (arXiv 2501.05441) prints them, counted by hand."""
    spec = DataSpec(kind="image", shape=(3, 256, 256))
    G, D = on_meta(StyleGAN2().generator, spec), on_meta(StyleGAN2().discriminator, spec, group=4)
    widths = [512, 512, 512, 512, 256, 128, 64]
    style = {width: 512 * width + width for width in widths}
    made = 8 * (512 * 512 + 512) + 4 * 4 * 512
    for k, (a, b) in enumerate(zip([512, *widths], widths, strict=False)):
        if k:
            made += 9 * a * b + b + 1 + style[a]
        made += 9 * b * b + b + 1 + style[b]
        made += 3 * b + 3 + style[b]
    judged = 3 * 64 + 64
    for a, b in pairwise(widths[::-1]):
        judged += 9 * a * a + a + 9 * a * b + b + a * b
    judged += 9 * 513 * 512 + 512 + 16 * 512 * 512 + 512 + 512 + 1
    assert (count(G), count(D)) == (made, judged) == (24_767_458, 24_001_089)
    assert [round(n / 1e6, 2) for n in (made, judged)] == [24.77, 24.0]


@pytest.mark.parametrize(
    ("form", "pictures", "shortcuts"), [("skip", 4, 0), ("residual", 1, 3), ("plain", 1, 0)]
)
def test_stylegan2_sums_pictures_of_all_sizes_or_has_shortcuts_or_neither(
    form, pictures, shortcuts
):
    torch.manual_seed(0)
    net = replace(StyleGAN2.tiny(), generator_architecture=form, discriminator_architecture=form)
    G, D = net.generator(CIFAR).double(), net.discriminator(CIFAR, group=2).double()
    for blocks in (G.levels, D.blocks):
        assert sum(block.shortcut is not None for block in blocks) == shortcuts
    assert len(D.pictures) == len(G.pictures) == pictures
    shown = []
    for picture in G.pictures.values():
        picture.register_forward_hook(lambda *call: shown.append(call[2]))
    x = G(torch.randn(2, 8, dtype=torch.float64))
    wanted = shown[0]
    for picture in shown[1:]:
        wanted = bilinear_up(wanted, picture.shape[2:]) + picture
    torch.testing.assert_close(x, wanted)


def test_stylegan2_adds_features_of_the_image_at_each_size_in_the_critic_of_form_skip():
    """With the convolutions of 3x3 silenced, only the last size and its picture are left."""
    torch.manual_seed(0)
    net = replace(StyleGAN2.tiny(), discriminator_architecture="skip", minibatch_std=False)
    D, x = net.discriminator(CIFAR).double(), torch.randn(3, 3, 32, 32, dtype=torch.float64)
    for block in D.blocks:
        nn.init.zeros_(block.second.weight)
    entered = []
    D.conv.register_forward_pre_hook(lambda layer, inputs: entered.append(inputs[0]))
    D(x)
    small = x
    for n in (16, 8, 4):
        small = bilinear_down(small, (n, n))
    torch.testing.assert_close(entered[0], D.pictures[-1](small))


def test_stylegan2_maps_directions_of_z():
    torch.manual_seed(0)
    G = StyleGAN2.tiny().generator(CIFAR).double()
    z = torch.randn(4, 8, dtype=torch.float64)
    torch.testing.assert_close(G.style(3 * z), G.style(z))
    assert not torch.allclose(G.style(-z), G.style(z))


def test_styles_are_cut_towards_their_mean_and_crossed_where_asked():
    w, mean = torch.randn(5, 4, 3, dtype=torch.float64), torch.randn(3, dtype=torch.float64)
    assert torch.equal(truncated(w, mean, 0.0), mean.expand_as(w))
    torch.testing.assert_close(truncated(w, mean, 1.0), w)
    psi = torch.tensor([0.5, 0.5, 1.0, 1.0])[:, None]
    torch.testing.assert_close(truncated(w, mean, psi)[:, :2], (w[:, :2] + mean) / 2)
    torch.testing.assert_close(truncated(w, mean, psi)[:, 2:], w[:, 2:])
    u = torch.rand(4000, 2, generator=torch.Generator().manual_seed(0))
    at = crossover(u, 0.9, 4)
    counts = torch.bincount(at.long(), minlength=5)
    assert counts[0] == 0
    assert counts[4].item() == pytest.approx(400, abs=60)  # three standard deviations
    assert all(n.item() == pytest.approx(1200, abs=90) for n in counts[1:4])
    assert torch.equal(crossover(u, 0.0, 4), torch.full((4000,), 4.0))


def test_dcgan_has_the_widths_of_its_paper_at_64():
    spec = DataSpec(kind="image", shape=(3, 64, 64))
    G, D = on_meta(DCGAN().generator, spec), on_meta(DCGAN().discriminator, spec)
    assert [up.weight.shape[:2] for up in G.ups] == [(1024, 512), (512, 256), (256, 128), (128, 3)]
    convs = [m.weight.shape[:2] for m in D.modules() if isinstance(m, nn.Conv2d)]
    assert convs == [(64, 3), (128, 64), (256, 128), (512, 256)]
    assert G.sizes[0] == (4, 4)
    normed = [len(m.mean) for m in D.modules() if isinstance(m, GroupedBatchNorm)]
    assert normed == [128, 256, 512]


def test_dcgan_starts_mnist_at_7x7x256():
    G = on_meta(DCGAN().generator, MNIST)
    assert G.dense.weight.shape == (7 * 7 * 256, 100)
    assert count(G) == 100 * 12544 + 16 * 256 * 128 + 16 * 128 + 1 + 2 * (256 + 128)


def test_dcgan_begins_with_weights_of_002():
    torch.manual_seed(0)
    D = DCGAN().discriminator(MNIST, group=4)
    convs = [m for m in D.modules() if isinstance(m, nn.Conv2d)]
    assert convs[1].weight.std().item() == pytest.approx(0.02, rel=0.02)
    assert not convs[0].bias.any()


def test_dcgan_needs_a_side_of_8():
    with pytest.raises(UsageError, match="8 pixels"):
        DCGAN().generator(DataSpec(kind="image", shape=(1, 7, 7)))


def test_dcgan_grows_each_position_alike():
    """With all weights one, inner pixels of a transposed convolution sum equally many products."""
    G = DCGAN(width=1).generator(DataSpec(kind="image", shape=(1, 8, 8)))
    nn.init.ones_(G.ups[0].weight)
    nn.init.zeros_(G.ups[0].bias)
    inner = G.ups[0](torch.ones(1, 2, 4, 4))[0, 0, 1:-1, 1:-1]
    assert torch.equal(inner, inner[:1, :1].expand_as(inner))


def test_resnet_with_equal_widths_is_the_critic_of_cifar():
    D = on_meta(ResNet(width=128, max_width=128).discriminator, CIFAR)
    shapes = [m.weight.shape[:2] for m in D.modules() if isinstance(m, nn.Conv2d)]
    assert shapes == [(128, 3), (128, 128), (128, 3), *[(128, 128)] * 9]
    assert [block.size for block in D.blocks] == [(16, 16), (8, 8), (4, 4), (4, 4)]


def test_resnet_critic_sums_or_averages_positions():
    spec = DataSpec(kind="image", shape=(1, 8, 8))
    nets = [ResNet(width=4, pooling=pooling) for pooling in ("mean", "sum")]
    critics = []
    for net in nets:
        torch.manual_seed(0)
        critics.append(net.discriminator(spec))
    x = torch.randn(2, 1, 8, 8)
    torch.testing.assert_close(critics[1](x).features, 16 * critics[0](x).features)


def test_mlp_has_the_layers_of_its_settings():
    net = MLP(latent=10, hidden=(20, 30), activation="leaky_relu")
    G, D = net.generator(MNIST), net.discriminator(MNIST, pack=2)
    shapes = [
        [tuple(m.weight.shape) for m in player.modules() if isinstance(m, nn.Linear)]
        for player in (G, D)
    ]
    assert shapes == [[(20, 10), (30, 20), (784, 30)], [(30, 1568), (20, 30), (1, 20)]]
    slopes = [m.negative_slope for m in G.modules() if isinstance(m, nn.LeakyReLU)]
    assert slopes == [0.2, 0.2]


def test_mlp_bounds_images_and_leaves_points_free():
    torch.manual_seed(0)
    net = MLP(hidden=(8,), latent=4)
    z = 100 * torch.randn(64, 4)
    assert net.generator(MNIST)(z).abs().max() <= 1
    assert net.generator(POINTS)(z).abs().max() > 1


def test_minibatch_statistics_work_on_whole_packs():
    net = MLP(minibatch_std=True)
    D = net.discriminator(POINTS, group=8, pack=2)
    assert [m.group for m in D.modules() if isinstance(m, MinibatchStd)] == [4]
    with pytest.raises(UsageError, match="multiple of pack"):
        net.discriminator(POINTS, group=5, pack=2)
    with pytest.raises(UsageError, match="at least 2"):
        net.discriminator(POINTS, group=2, pack=2)


@pytest.mark.parametrize("family", [MLP, DCGAN, ResNet, BigGAN, R3GAN])
def test_minibatch_discrimination_stands_before_the_head_of_every_family(family):
    net = replace(family.tiny(), minibatch_discrimination=3)
    D = net.discriminator(CIFAR, group=8, pack=2)
    found = [m for m in D.modules() if isinstance(m, MinibatchDiscrimination)]
    assert [(m.group, m.kernels) for m in found] == [(4, 3)]
    assert D.head.judge.score.in_features == found[0].project.in_features + 3
    with pytest.raises(UsageError, match="at least 2"):
        net.discriminator(CIFAR, group=2, pack=2)


def test_heads_are_their_formulas():
    torch.manual_seed(0)
    h, y = torch.randn(4, 6, dtype=torch.float64), torch.tensor([0, 2, 1, 2])
    plain, projection, auxiliary = (
        head(6, 3, condition).double() for condition in ("concat", "projection", "auxiliary")
    )
    assert isinstance(plain, LinearHead)
    assert isinstance(projection, ProjectionHead)
    assert isinstance(auxiliary, AuxiliaryHead)
    score = h @ projection.score.weight[0] + projection.score.bias
    wanted = score + (projection.table.weight[y] * h).sum(1)
    torch.testing.assert_close(projection(h, y).logits, wanted)
    torch.testing.assert_close(auxiliary(h).classes, auxiliary.classify(h))
    assert plain(h).features is h
    assert isinstance(head(6, 0, "projection"), LinearHead)
