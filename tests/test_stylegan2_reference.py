"""StyleGAN2 against a second forward, from the papers, with weights of each sample's own."""

import math

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from gantlet.networks.stylegan2 import StyleGAN2
from gantlet.spec import DataSpec
from tests.test_modulation import smooth, stuffed

B, GROUP, GAIN = 8, 4, 2**0.5
BOTH = (True, True)
NET = StyleGAN2(latent=10, style=12, mapping_layers=3, width=6, max_width=9)


def randomly(network):
    """The network in float64 with random biases and strengths of noise."""
    for name, weight in network.double().named_parameters():
        if name.endswith(("bias", "strength")):
            nn.init.normal_(weight)
    return network


def normed(v):
    return v / v.square().mean(1, keepdim=True).sqrt()


def bent(x):
    return F.leaky_relu(x, 0.2)


def enlarged(x):
    """Zeros between the pixels, [1, 3, 3, 1] / 4 over them; edges repeated."""
    wide = stuffed(F.pad(x, (1, 1, 1, 1), mode="replicate"), BOTH)
    return smooth(wide, BOTH, gain=2.0)[:, :, :-1, :-1]


def styles(generator, z, y):
    h = torch.cat([normed(z), normed(generator.mapping.input.table.weight[y])], 1)
    for layer in generator.mapping.layers:
        scale = 0.01 * GAIN / math.sqrt(h.shape[1])
        h = bent(h @ (scale * layer.weight).T + 0.01 * layer.bias)
    return h


def scales(layer, w):
    return w @ layer.affine.weight.T / math.sqrt(w.shape[1]) + layer.affine.bias


def painted(layer, x, w, noise, *, up):
    """One layer: each sample has a convolution of its own, of unit norm for each output."""
    weights = layer.weight[None] * scales(layer, w)[:, None, :, None, None]
    weights = weights / weights.square().sum((2, 3, 4), keepdim=True).sqrt()
    made = []
    for sample, weight in zip(x.split(1), weights, strict=True):
        if up:
            wide = F.conv_transpose2d(sample, weight.transpose(0, 1), stride=2)
            made.append(smooth(F.pad(wide, (1, 1, 1, 1)), BOTH, gain=2.0))
        else:
            made.append(F.conv2d(sample, weight, padding=1))
    return GAIN * bent(torch.cat(made) + layer.strength * noise + layer.bias[:, None, None])


def generated(generator, z, y, noise):
    w, x, image = styles(generator, z, y), generator.start.expand(len(z), -1, -1, -1), None
    numbers = iter(noise.values())
    for k, level in enumerate(generator.levels):
        for j, layer in enumerate(level.layers):
            x = painted(layer, x, w, next(numbers), up=k > 0 and j == 0)
        colours = generator.pictures[str(k)]
        mixed = x * scales(colours, w)[:, :, None, None] / math.sqrt(x.shape[1])
        picture = F.conv2d(mixed, colours.weight, colours.bias)
        image = picture if image is None else enlarged(image) + picture
    return image


def conv(layer, x, gain, **how):
    scale = gain / math.sqrt(layer.weight[0].numel())
    return F.conv2d(x, scale * layer.weight, layer.bias, **how)


def halved(block, x):
    """The mean of both ways times sqrt(2): one by a 1x1, one by two 3x3."""
    small = smooth(F.pad(x, (1, 1, 1, 1), mode="replicate"), BOTH)[:, :, ::2, ::2]
    h = bent(conv(block.first, x, GAIN, padding=1))
    h = smooth(F.pad(h, (2, 2, 2, 2)), BOTH)
    return conv(block.shortcut, small, 0.5**0.5) + bent(conv(block.second, h, 1.0, stride=2))


def judged(critic, x, y):
    h = bent(conv(critic.pictures[0], x, GAIN))
    for block in critic.blocks:
        h = halved(block, h)
    groups = h.reshape(-1, GROUP, *h.shape[1:])
    spread = (groups.var(1, correction=0) + 1e-8).sqrt().mean((1, 2, 3))
    spread = spread.repeat_interleave(GROUP)[:, None, None, None].expand(-1, 1, *h.shape[2:])
    h = bent(conv(critic.conv, torch.cat([h, spread], 1), GAIN, padding=1))
    h = h.permute(0, 2, 3, 1).flatten(1)
    scale = GAIN / math.sqrt(h.shape[1])
    h = bent(h @ (scale * critic.dense.weight).T + critic.dense.bias)
    told = critic.head.score.weight[0] + critic.head.table.weight[y]
    return (h * told).sum(1) / math.sqrt(h.shape[1]) + critic.head.score.bias


@pytest.fixture
def spec():
    torch.manual_seed(0)
    return DataSpec(kind="image", shape=(3, 16, 16), classes=("a", "b", "c"))


def test_the_generator_is_that_of_the_papers(spec):
    generator = randomly(NET.generator(spec))
    z, y = torch.randn(B, 10, dtype=torch.float64), torch.arange(B) % 3
    shapes = generator.draws.items()
    noise = {name: torch.randn(B, *shape, dtype=torch.float64) for name, shape in shapes}
    wanted = generated(generator, z, y, noise)
    torch.testing.assert_close(generator(z, y, noise), wanted, rtol=1e-6, atol=1e-6)


def test_the_discriminator_is_that_of_the_papers(spec):
    critic = randomly(NET.discriminator(spec, group=GROUP))
    x, y = torch.randn(B, *spec.shape, dtype=torch.float64), torch.arange(B) % 3
    torch.testing.assert_close(critic(x, y).logits, judged(critic, x, y), rtol=1e-9, atol=1e-9)
