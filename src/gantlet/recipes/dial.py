"""One dial: a size derives channels, batch, rates and penalty weights from data and device."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from gantlet.config import Config, override
from gantlet.errors import UsageError
from gantlet.games.styles import PathLength
from gantlet.games.versus import Versus
from gantlet.networks.base import Network
from gantlet.networks.mlp import MLP
from gantlet.networks.r3gan import R3GAN
from gantlet.networks.sizes import resized
from gantlet.networks.stylegan2 import StyleGAN2
from gantlet.nn.resampling import plan
from gantlet.schedules import Schedule
from gantlet.spec import DataSpec

__all__ = [
    "BURN_IN",
    "Device",
    "Dialled",
    "bytes_of_a_step",
    "dial",
    "r3gan_batch",
    "r3gan_gamma",
    "r3gan_rate",
    "stylegan2_gamma",
]

BURN_IN = 2_000_000
"""Samples over which R3GAN's gamma falls to a tenth and beta2 rises, as for Stacked MNIST."""
_SIDES = 110.0
"""Pixels a side at which R3GAN's gamma is 1: fitted to six published ones (docs/dial.md)."""
_SMALLEST = 32
"""Smallest published images, in pixels a side."""
_FALL = 10
"""Every published gamma begins at ten times what it ends at."""
_BETA2 = Schedule(start=0.9, end=0.99, samples=BURN_IN)
"""Of R3GAN's optimisers on a GPU, along the same cosine as gamma, as in the authors' code."""
_RATE, _WIDTH = 2e-4, 768
"""The published rate, and the channels it is for."""
_BATCH, _IMAGES, _LEAST, _MOST = 256, 70_000, 64, 4096
"""FFHQ's batch and number of images; bounds of the batch."""
_DURATION = 10_000_000
"""Samples of a training on a GPU, as published for Stacked MNIST: the shortest."""
_AVERAGED = 500_000
"""Half-life of the averaged weights there, in samples."""
_STYLE_HALF_LIFE = 20_000
_LAZY_BETA = 0.992
"""Beta 2 of a generator with path lengths after every fourth step: 0.99^(4/5)."""
_TICKS = 50
_BYTES = 200
"""Of memory for each channel of each pixel of each residual block and sample, in a step."""
_SHARE = 0.8
"""Of a device's memory that a step may take."""


@dataclass(frozen=True, kw_only=True)
class Device:
    """What a run computes on, as far as the dial asks."""

    kind: Literal["processors", "gpu"]
    memory: int
    """Bytes, of one device."""
    ranks: int = 1
    """Processes that share a batch, each with a device of its own."""


@dataclass(frozen=True)
class Dialled:
    """Settings derived by the dial."""

    config: Config
    reasons: Mapping[str, str]
    """Why, one sentence for each setting or group of settings that was derived."""

    def told(self, given: Sequence[str] = ()) -> tuple[str, ...]:
        """The sentences, but those on settings that a person has `given` by their dotted keys."""
        return tuple(
            sentence
            for key, sentence in self.reasons.items()
            if not all(_concerned(part, given) for part in self._told_of(key))
        )

    def _told_of(self, key: str) -> list[str]:
        """What a sentence tells of: `optimisers.lr` of the rate of each player."""
        section, _, name = key.partition(".")
        players = self.config.optimisers if section == "optimisers" else ()
        return [f"{section}.{player}.{name}" for player in players] or [key]


def r3gan_gamma(height: int, width: int) -> float:
    r"""What the weight of R1 and R2 ends at, for images of (height, width) pixels.

    \gamma = (s / 110)^3 with s = max(32, sqrt(height * width)). Least squares on the logarithms of
    the six published values gave the exponents 1.48 of the number of pixels and -0.02 of the
    batch, so that the batch does not enter. Below 32 pixels a side, where none is published, the
    value for 32 holds. docs/dial.md tells what is known and what is not.

    Source: Huang et al. (2024), The GAN is dead; long live the GAN!, https://arxiv.org/abs/2501.05441
    (table 9)
    """
    return _round((max(_SMALLEST, math.sqrt(height * width)) / _SIDES) ** 3)


def stylegan2_gamma(height: int, width: int, batch: int) -> float:
    r"""The weight of R1 for non-saturating StyleGAN2: \gamma = 0.0002 N / M.

    N is the number of pixels, M the batch. A first guess: its authors try from a fifth of it to
    five times as much.

    Source: Karras et al. (2020), Training Generative Adversarial Networks with Limited Data,
    https://arxiv.org/abs/2006.06676
    """
    return 0.0002 * height * width / batch


def r3gan_rate(width: int) -> float:
    r"""Learning rate of networks with `width` channels where images are small.

    2e-4 sqrt(768 / width): the published 2e-4 at 768 channels, for every batch from 256 to 4,096,
    and 5.7e-4 at 96, near the 5e-4 with which the recipe trains so narrow networks.

    Source: Huang et al. (2024), The GAN is dead; long live the GAN!, https://arxiv.org/abs/2501.05441
    """
    return _round(_RATE * math.sqrt(_WIDTH / width))


def r3gan_batch(images: int) -> int:
    """Batch for a number of training images on a GPU.

    It is 256 times the power of two nearest to images / 70,000, from 64 to 4,096: published are
    256 for FFHQ's 70,000 images, 512 for CIFAR-10's 50,000 and 4,096 for ImageNet's 1,281,167.

    Source: Huang et al. (2024), The GAN is dead; long live the GAN!, https://arxiv.org/abs/2501.05441
    """
    doublings = round(math.log2(max(1, images) / _IMAGES))
    return min(_MOST, max(_LEAST, round(_BATCH * 2.0**doublings)))


def dial(
    base: Config,
    size: str,
    spec: DataSpec,
    *,
    images: int,
    device: Device,
    batch: int | None = None,
    given: Mapping[str, Any] | None = None,
) -> Dialled:
    """A recipe's settings with those that follow from a size.

    Arguments:
        base: settings of a recipe.
        size: xs, s, m or l.
        spec: the data.
        images: number of training images.
        device: what will compute.
        batch: the person's own; derived if none is given.
        given: the person's own settings of network and game by dotted keys. The rest follows
            from these with them.

    Raises:
        UsageError: an unknown size, networks that have none, or other networks than the recipe's.
    """
    sized = replace(base, network=resized(size, base.network, spec), size_model=size)
    config = override(sized, given or {})
    network = config.network
    if type(network) is not type(base.network):
        raise UsageError(
            f"size {size}",
            expected=f"the networks of the recipe {base.recipe}",
            received=f"network.name={(given or {}).get('network.name')}",
            remedy="Leave the size away, or choose the recipe of those networks.",
        )
    reasons = {"network.width": _told(size, network, spec)}
    if base.recipe == "r3gan" and isinstance(network, R3GAN):
        made = _r3gan(config, network, spec, images, device, batch)
    elif base.recipe == "stylegan2" and isinstance(network, StyleGAN2):
        made = _stylegan2(config, spec, device, batch)
    else:
        made = Dialled(config, {"train.batch": _KEPT.format(config.train.batch, base.recipe)})
    return Dialled(made.config, reasons | dict(made.reasons))


_KEPT = "Batch {}, rates and penalties: those of the recipe {}, as no rule for them is published."


def _r3gan(
    config: Config,
    network: R3GAN,
    spec: DataSpec,
    images: int,
    device: Device,
    batch: int | None,
) -> Dialled:
    height, width = spec.shape[1:]
    most = max(network.widths(plan(height, width)))
    unit = config.game.group * device.ranks
    wanted = r3gan_batch(images) if device.kind == "gpu" else config.train.batch
    rate, chosen = r3gan_rate(most), batch or -(-wanted // unit) * unit
    gamma = r3gan_gamma(height, width)
    weight = Schedule(start=_round(_FALL * gamma), end=gamma, samples=BURN_IN)
    parts, whole = _parts(network, spec, chosen, _together(config.game, network), device)
    config = replace(
        config,
        game=replace(config.game, penalties={"r1": weight, "r2": weight}),
        optimisers={k: replace(o, lr=rate) for k, o in config.optimisers.items()},
        train=replace(config.train, batch=chosen, micro_batches=parts),
    )
    side = max(_SMALLEST, round(math.sqrt(height * width)))
    reasons = {
        "train.batch": f"Batch {chosen}: "
        + (
            f"{images:,} training images on a GPU."
            if device.kind == "gpu"
            else "the recipe's, on processors."
        ),
        "optimisers.lr": f"Rates {rate:g}: 2e-4 at 768 channels, times sqrt(768 / {most}).",
        "game.penalties": f"Gamma {weight.start:g} falling to {gamma:g} over {BURN_IN:,} samples: "
        f"({side} / 110)^3 at the end, for {height}x{width} pixels; ten times that at first.",
    }
    if whole > _SHARE * device.memory:
        reasons["train.micro_batches"] = _told_memory(whole, parts, device)
    if device.kind == "gpu":  # with small batches in short trainings nobody has tried it
        rising = {k: replace(o, beta2=_BETA2) for k, o in config.optimisers.items()}
        config = replace(config, optimisers=rising)
        reasons["optimisers.beta2"] = (
            f"Beta2 rises from {_BETA2.start:g} to {_BETA2.end:g} over {BURN_IN:,} samples."
        )
    return _longer(config, reasons, device, _AVERAGED)


def _stylegan2(config: Config, spec: DataSpec, device: Device, batch: int | None) -> Dialled:
    height, width = spec.shape[1:]
    chosen = batch or config.train.batch
    gamma = stylegan2_gamma(height, width, chosen)
    config = replace(
        config,
        game=replace(config.game, penalties={"r1": gamma}),
        train=replace(config.train, batch=chosen),
    )
    reasons = {
        "train.batch": f"Batch {chosen}: as published for 256x256.",
        "game.penalties": f"Gamma {gamma:g}: 0.0002 * {height} * {width} / {chosen}.",
    }
    if device.kind == "gpu":
        halved = {k: replace(o, lr=_half(o.lr)) for k, o in config.optimisers.items()}
        reasons["optimisers.lr"] = "Rates: half the recipe's, which are for short runs."
        if max(height, width) > _SMALLEST:
            game = replace(config.game, style_mixing=0.9, path_length=PathLength(), group=4)
            config = replace(config, game=game)
            halved["generator"] = replace(halved["generator"], beta2=_LAZY_BETA)
            reasons["game.style_mixing"] = (
                "Mixed styles, path lengths and groups of 4: as published above 32x32."
            )
        config = replace(config, optimisers=halved)
    return _longer(config, reasons, device, _STYLE_HALF_LIFE)


def _half(rate: float | Schedule) -> float | Schedule:
    return rate if isinstance(rate, Schedule) else rate / 2


def _longer(config: Config, reasons: Mapping[str, str], device: Device, half_life: int) -> Dialled:
    """On a GPU: ten million samples, and averages over more of them."""
    if device.kind == "processors":
        return Dialled(config, reasons)
    train = replace(config.train, ema_half_life=half_life, tick=_DURATION // _TICKS)
    config = replace(config, train=train, stop=replace(config.stop, samples=_DURATION))
    told = (
        f"{_DURATION:,} samples, the shortest published training, and weights averaged over "
        f"{half_life:,}."
    )
    return Dialled(config, {**reasons, "stop.samples": told})


def _told(size: str, network: Network, spec: DataSpec) -> str:
    if isinstance(network, R3GAN):
        widths = network.widths(plan(*spec.shape[1:]))
        shown = ", ".join(map(str, widths))
        depth = "two residual blocks" if network.blocks == 2 else "one residual block"
        return f"Size {size}: {shown} channels from the smallest grid up, {depth} at each."
    if isinstance(network, MLP):
        return f"Size {size}: {len(network.hidden)} hidden layers of {network.hidden[0]} units."
    width, most = (getattr(network, name) for name in ("width", "max_width"))
    return f"Size {size}: {width} channels at the image's size, at most {most}."


def bytes_of_a_step(network: R3GAN, spec: DataSpec, batch: int) -> int:
    """About what a discriminator step of R3GAN with R1 and R2 keeps in memory, in bytes.

    Each channel of each pixel counts for the maps that a residual block keeps; the factor was
    measured on processors in float32 (docs/dial.md), so that it errs to the safe side in bfloat16.
    """
    grids = plan(*spec.shape[1:])
    maps = sum(
        h * w * width * network.blocks
        for (h, w), width in zip(grids, network.widths(grids), strict=True)
    )
    return round(_BYTES * maps * batch)


def _told_memory(whole: int, parts: int, device: Device) -> str:
    taken, there = whole / 2**30, f"of {device.memory / 2**30:.1f} GiB of memory"
    told = f"Micro-batches {parts}: in one, a step would take about {taken:.1f} {there}"
    if whole / parts <= _SHARE * device.memory:
        return f"{told}."
    return (
        f"{told}, and of these each takes about {taken / parts:.1f}, as few as it can: it may not "
        "fit. A smaller --size-model or smaller images (--size) do."
    )


def _together(game: Versus, network: R3GAN) -> int:
    """Samples that a part of a batch consists of at least."""
    layers = network.minibatch_std or network.minibatch_discrimination
    return game.group if game.couples or layers else 1


def _parts(
    network: R3GAN, spec: DataSpec, batch: int, group: int, device: Device
) -> tuple[int, int]:
    """Micro-batches that fit the memory, and bytes of a step in one.

    Each is whole groups; the most there can be where none fits.
    """
    share = batch // device.ranks
    whole = bytes_of_a_step(network, spec, share)
    possible = [n for n in range(1, share + 1) if share % (n * group) == 0] or [1]
    fitting = [n for n in possible if whole / n <= _SHARE * device.memory]
    return (fitting or possible[-1:])[0], whole


def _concerned(key: str, given: Sequence[str]) -> bool:
    """Whether a given setting is the key, lies below it, or makes another network of it."""
    name = f"{key.partition('.')[0]}.name"
    return any(other in (key, name) or other.startswith(f"{key}.") for other in given)


def _round(value: float) -> float:
    """To two significant digits."""
    return float(f"{value:.2g}")
