"""BigGAN as its paper gives it: parameters, parts of z, the shared class, first weights."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import nn

from gantlet.errors import UsageError
from gantlet.networks import BigGAN
from gantlet.networks.blocks import Down
from gantlet.nn.attention import SelfAttention
from gantlet.nn.norms import ConditionalBatchNorm
from gantlet.nn.spectral import Spectral
from gantlet.spec import DataSpec

IMAGENET = DataSpec(kind="image", shape=(3, 128, 128), classes=tuple(map(str, range(1000))))
MNIST = DataSpec(kind="image", shape=(1, 28, 28), classes=tuple(map(str, range(10))))
PAPER = BigGAN(width=96, max_width=1536, latent=120, embedding=128, attention=64)


def count(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


@pytest.fixture
def on_meta(monkeypatch):
    """Networks without memory, for counting; what has no numbers need not settle."""
    monkeypatch.setattr(Spectral, "settle", lambda layer: None)
    with torch.device("meta"):
        yield


@pytest.mark.usefixtures("on_meta")
def test_the_networks_for_128_have_the_published_parameters():
    """Table 1 of the paper prints 158.3 million; counted by hand, its layers have these."""
    G, D = PAPER.generator(IMAGENET, group=4), PAPER.discriminator(IMAGENET)
    shared = 1000 * 128
    assert count(G) == 70_433_988
    assert count(D) == 87_982_370
    assert count(G) + count(D) - shared == 158_288_358
    assert abs((count(G) + count(D)) / 158.3e6 - 1) < 0.005


@pytest.mark.usefixtures("on_meta")
def test_at_64_channels_the_count_is_that_of_the_paper_too():
    """71.3 million in the last row of table 1."""
    net = replace(PAPER, width=64, max_width=1024)
    total = count(net.generator(IMAGENET, group=4)) + count(net.discriminator(IMAGENET))
    assert total - 1000 * 128 == 71_298_886


def test_z_is_cut_into_parts_of_nearly_equal_length():
    assert PAPER.parts(6) == [20] * 6
    assert BigGAN(latent=11).parts(3) == [4, 4, 3]
    with pytest.raises(UsageError, match=r"at least 3.*network.latent=60"):
        BigGAN(latent=2).generator(MNIST, group=4)


@pytest.mark.parametrize("spec", [MNIST, replace(MNIST, classes=())], ids=["labels", "plain"])
def test_each_block_is_told_its_part_of_z_and_the_class_that_all_share(spec):
    torch.manual_seed(0)
    net = replace(BigGAN.tiny(), latent=11)
    G = net.generator(spec, group=4).double()
    told = {}
    for place, module in G.named_modules():
        if isinstance(module, ConditionalBatchNorm):
            module.affine.register_forward_pre_hook(
                lambda _, inputs, place=place: told.update({place: inputs[0]})
            )
    z = torch.randn(4, 11, dtype=torch.float64)
    y = torch.tensor([3, 1, 4, 1]) if spec.classes else None
    G(z, y)
    tables = [m for m in G.modules() if isinstance(m, nn.Embedding)]
    assert len(tables) == bool(spec.classes)
    assert len(told) == 4
    for place, seen in told.items():
        part = z[:, 4:8] if place.startswith("blocks.0") else z[:, 8:]
        wanted = torch.cat([part, *(table.weight[y] for table in tables)], 1)
        torch.testing.assert_close(seen, wanted)


@pytest.mark.parametrize(
    ("shape", "attention", "place"),
    [
        ((1, 28, 28), 16, (14, 14)),
        ((1, 28, 28), 28, (14, 14)),
        ((1, 28, 28), 7, (7, 7)),
        ((1, 28, 28), 0, None),
        ((1, 28, 28), 6, None),
        ((3, 128, 128), 64, (64, 64)),
        ((3, 24, 64), 16, (6, 16)),
    ],
)
def test_attention_stands_where_it_is_put_in_both_players(shape, attention, place):
    spec = DataSpec(kind="image", shape=shape)
    net = replace(BigGAN.tiny(), attention=attention)
    G, D = net.generator(spec, group=2), net.discriminator(spec)
    seen: list[tuple[int, ...]] = []
    for module in (*G.modules(), *D.modules()):
        if isinstance(module, SelfAttention):
            module.register_forward_pre_hook(lambda _, x: seen.append(tuple(x[0].shape[2:])))
    D(G(torch.randn(2, net.latent)))
    assert seen == ([] if place is None else [place, place])


def test_weights_begin_orthogonal_with_spectral_norm_one():
    torch.manual_seed(0)
    net = BigGAN.tiny()
    layers = 0
    for player in (net.generator(MNIST, group=4), net.discriminator(MNIST)):
        for layer in player.modules():
            if isinstance(layer, Spectral):
                matrix = layer.weight.flatten(1)
                gram = matrix @ matrix.T if len(matrix) <= matrix.shape[1] else matrix.T @ matrix
                torch.testing.assert_close(gram, torch.eye(len(gram)), rtol=0, atol=1e-5)
                assert layer.sigma().item() == pytest.approx(1, rel=1e-4)
                layers += 1
    assert layers == 16 + 14


def test_the_last_block_of_the_discriminator_has_a_straight_way():
    D = BigGAN.tiny().discriminator(MNIST)
    straight = [isinstance(m.shortcut, nn.Identity) for m in D.blocks if isinstance(m, Down)]
    assert straight == [False, False, True]
    last = D.blocks[-1]
    x = torch.randn(2, 8, 7, 7)
    torch.testing.assert_close(last(x) - last.residual(x), x)
