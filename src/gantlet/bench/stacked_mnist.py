"""Three digits stacked as the channels of an image: a thousand modes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from gantlet.bench.base import Asked, Measure, Printed
from gantlet.bench.digit_judge import Digits, judge, read_digits
from gantlet.bench.mixtures import printed
from gantlet.bench.tiny_networks import tiny_game
from gantlet.bench.trained import Contender, Trained
from gantlet.errors import UsageError
from gantlet.metrics.estimate import Estimate, normal
from gantlet.metrics.modes import histogram, kl_floor, reverse_kl, stacked_modes
from gantlet.rng import seed_of

__all__ = ["STACKED_MNIST", "STACKED_MNIST_TINY", "stacks"]

_STACKS, _N, _N_TINY = 128_000, 26_000, 25_600
_SAMPLES_TINY = 30_000 * 128
"""Real samples that the tiny networks see; PacGAN trained for 500,000 iterations of 128."""
_MEASURES = {
    "modes": Measure(title="modes of 1000", form=".1f"),
    "kl": Measure(title="reverse KL"),
}
_SOURCE = (
    "Srivastava et al. (2017), VEEGAN, https://arxiv.org/abs/1705.07761; "
    "Lin et al. (2018), PacGAN, https://arxiv.org/abs/1712.04086"
)
_PROTOCOL = (
    "{n:,} samples. The mode of a sample is the triple of digits that a classifier sees in its "
    "channels; a mode counts if one sample shows it; reverse KL: of the modes against equal "
    "shares of 1/1000, as published, although MNIST's digits are not equally frequent."
)


def _folder(asked: Asked) -> Path:
    if asked.data is None:
        raise UsageError(
            "problem stacked-mnist",
            expected="the folder of MNIST's four idx files",
            received="none",
            remedy="Give it with --data FOLDER.",
        )
    return asked.data.expanduser()


def stacks(digits: Digits, count: int, stream: str) -> NDArray[np.uint8]:
    """Stacks of three digits each, drawn at random but always the same, (count, 3, H, W)."""
    random = np.random.Generator(np.random.PCG64(seed_of(0, stream)))
    stacked: NDArray[np.uint8] = digits.x[random.integers(len(digits.x), size=(count, 3))]
    return stacked


@cache
def _training_set(folder: Path) -> NDArray[np.uint8]:
    return stacks(read_digits(folder), _STACKS, "stacked-mnist")


def _opens(asked: Asked) -> NDArray[np.uint8]:
    if any(setting.startswith("data.size") for setting in asked.settings):
        raise UsageError(
            "setting data.size",
            expected="digits of their own size, on which their classifier was trained",
            received="another one",
            remedy="Leave the setting away; the networks make any size.",
        )
    return _training_set(_folder(asked))


def _score(x: NDArray[Any], asked: Asked, home: Path) -> Mapping[str, float]:
    model, _ = judge(_folder(asked), home)
    counts = histogram(stacked_modes(torch.from_numpy(x), model), 1000)
    return {"modes": float((counts > 0).sum()), "kl": reverse_kl(counts)}


def _perfect(n: int, asked: Asked, home: Path) -> Mapping[str, Mapping[str, Estimate]]:
    digits = read_digits(_folder(asked))
    shares = torch.from_numpy(np.bincount(digits.y, minlength=10) / len(digits.y))
    triples = torch.einsum("a,b,c->abc", shares, shares, shares).flatten()
    _, accuracy = judge(_folder(asked), home)
    real = _score(stacks(digits, n, "stacked-mnist/fresh"), asked, home)
    name = f"fresh real stacks (classifier right on {100 * accuracy:.2f} % of test digits)"
    return {
        "perfect sampler": {"kl": kl_floor(n, triples)},
        name: {key: normal(value, 0.0, "one draw") for key, value in real.items()},
    }


def _problem(
    n: int, line: str, contenders: Mapping[str, Contender], rows: tuple[Printed, ...]
) -> Trained:
    return Trained(
        line=line,
        source=_SOURCE,
        protocol=_PROTOCOL.format(n=n),
        measures=_MEASURES,
        printed=rows,
        contenders=contenders,
        n=n,
        opens=_opens,
        score=_score,
        perfect=lambda asked, home: _perfect(n, asked, home),
    )


def _rate(player: str, lr: float) -> str:
    """The setting of a learning rate that falls to a twentieth over the second half."""
    half = _SAMPLES_TINY // 2
    fall = {"start": lr, "end": lr / 20, "samples": half, "delay": half}
    return f"optimisers.{player}.lr={json.dumps(fall)}"


_NAMES = ("modes", "kl")
_VEEGAN = "VEEGAN, arXiv 1705.07761, table 2"
_PACGAN = "PacGAN, arXiv 1712.04086, table 2"
_R3GAN = "R3GAN, arXiv 2501.05441, table 3"
_SMALL = "R3GAN, arXiv 2501.05441, table 1"
_TINY = "PacGAN, arXiv 1712.04086, table 3, D = 1/2 G"

STACKED_MNIST = _problem(
    _N,
    "three MNIST digits as the channels of an image: 1000 modes",
    {
        "r3gan": Contender(
            line="the default for images: relativistic pairing, R1 and R2",
            recipe="r3gan",
            samples=5_000_000,
            settings=("train.batch=256", "train.tick=250000"),
        ),
        "dcgan": Contender(
            line="DCGAN, no penalty",
            recipe="dcgan",
            samples=6_400_000,
            settings=("train.batch=64", "train.tick=400000"),
            theory="The critic of single samples forgives missing modes (arXiv 1712.04086).",
        ),
        "dcgan-pack2": Contender(
            line="DCGAN, its discriminator judging two samples at once",
            recipe="dcgan",
            samples=6_400_000,
            settings=("train.batch=64", "train.tick=400000", "game.pack=2"),
        ),
    },
    (
        *printed(
            _VEEGAN,
            {
                "DCGAN": "99.0 / 3.40",
                "ALI": "16.0 / 5.40",
                "Unrolled GAN": "48.7 / 4.32",
                "VEEGAN": "150.0 / 2.95",
            },
            _NAMES,
        ),
        *printed(
            _PACGAN,
            {
                "DCGAN": "78.9±6.46 / 4.50±0.127",
                "PacDCGAN2": "1000±0.00 / 0.06±.003",
                "PacDCGAN3": "1000±0.00 / 0.06±.003",
                "PacDCGAN4": "1000±0.00 / 0.07±.005",
            },
            _NAMES,
        ),
        *printed(
            _SMALL,
            {"small, RpGAN + R1 + R2": "1000 / 0.0781", "small, GAN + R1 + R2": "693 / 0.9270"},
            _NAMES,
        ),
        *printed(
            _R3GAN,
            {
                "WGAN-GP": "959 / 0.73",
                "PacGAN": "992 / 0.28",
                "StyleGAN2": "940 / 0.42",
                "PresGAN": "1000 / 0.12",
                "Adv. DSM": "1000 / 1.49",
                "VAEBM": "1000 / 0.087",
                "DDGAN": "1000 / 0.071",
                "MEG": "1000 / 0.031",
                "R3GAN": "1000 / 0.029",
            },
            _NAMES,
        ),
    ),
)

STACKED_MNIST_TINY = _problem(
    _N_TINY,
    "stacked-mnist with tiny networks, the discriminator half as wide as the generator",
    {
        "paired": Contender(
            line="relativistic pairing, R1 and R2, on PacGAN's tiny networks without the "
            "discriminator's batch norm; its rate five times the generator's, 30,000 iterations",
            recipe="r3gan",
            samples=_SAMPLES_TINY,
            settings=(
                *("train.batch=128", "train.tick=384000", "train.precision=float32"),
                *(_rate("generator", 2e-4), _rate("discriminator", 1e-3)),
            ),
            game=tiny_game,
        ),
    },
    printed(
        _TINY,
        {
            "DCGAN (Unrolled GAN's paper)": "628.0±140.9 / 2.58±.75",
            "Unrolled GAN, 1 step": "523.6 / 2.44",
            "Unrolled GAN, 5 steps": "732.0 / 1.66",
            "Unrolled GAN, 10 steps": "817.4±37.91 / 1.43±.12",
            "DCGAN": "487.7±34.59 / 2.24±.15",
            "PacDCGAN2": "840.7±15.92 / 1.00±.05",
            "PacDCGAN3": "866.6±12.10 / 0.90±.04",
            "PacDCGAN4": "820.2±25.50 / 1.15±.14",
        },
        _NAMES,
    ),
)
