"""What the Gaussian mixtures share: protocol, columns, contenders, floor."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from gantlet.bench.base import Asked, Measure, Printed
from gantlet.bench.trained import Contender, Trained
from gantlet.data.builtin import MIXTURES, Mixture
from gantlet.metrics.estimate import Estimate
from gantlet.metrics.modes import score_mixture, simulated
from gantlet.rng import seed_of

__all__ = ["PACGAN", "VEEGAN", "contenders", "mixture_problem", "printed"]

VEEGAN = "VEEGAN, arXiv 1705.07761, table 1"
PACGAN = "PacGAN, arXiv 1712.04086, table 1"
_N = 2500
_UNSTABLE = (
    "Without a penalty the game need not converge (arXiv 1801.04406), and the critic of single "
    "samples forgives missing modes (arXiv 1712.04086, section 2)."
)


def _measures(modes: int) -> dict[str, Measure]:
    return {
        "modes": Measure(title=f"modes of {modes}", form=".1f"),
        "quality": Measure(title="high quality, %", form=".1f"),
        "kl": Measure(title="reverse KL"),
        "spread": Measure(title="spread", form=".2f"),
    }


def contenders(samples: int, *settings: str) -> dict[str, Contender]:
    """The default recipe, the same with packs, and a plain GAN, for equally many samples."""
    plain = Contender(
        line="non-saturating cross-entropy, no penalty",
        recipe="mlp",
        samples=samples,
        settings=("train.tick=500000", *settings),
        theory=_UNSTABLE,
    )
    packed = Contender(
        line="the plain GAN, its discriminator judging two samples at once",
        recipe="mlp",
        samples=samples,
        settings=(*plain.settings, "game.pack=2"),
        theory="Packs show missing modes, but nothing makes the game converge.",
    )
    points = Contender(
        line="the default for points: relativistic pairing, R1 and R2",
        recipe="points",
        samples=samples,
        settings=settings,
    )
    return {"points": points, "plain": plain, "plain-pack2": packed}


def printed(source: str, rows: Mapping[str, str], names: Sequence[str]) -> tuple[Printed, ...]:
    """Published rows from cells written as `a / b / c`, in the order of `names`."""
    return tuple(
        Printed(name=name, cells=dict(zip(names, cells.split(" / "), strict=True)), source=source)
        for name, cells in rows.items()
    )


def _scores(x: NDArray[Any], mixture: Mixture, radius: float) -> dict[str, float]:
    centres = torch.from_numpy(mixture.centres)
    found = score_mixture(
        torch.from_numpy(x), centres, mixture.std, radius=radius, dims=mixture.dims
    )
    return {
        "modes": float(found.hit),
        "quality": 100 * found.quality.value,
        "kl": found.kl,
        "spread": found.spread,
    }


def _score(
    x: NDArray[Any], asked: Asked, home: Path, *, mixture: str, radius: float
) -> Mapping[str, float]:
    return _scores(x, MIXTURES[mixture](), radius)


def _perfect(
    asked: Asked, home: Path, *, mixture: str, radius: float, draws: int
) -> Mapping[str, Mapping[str, Estimate]]:
    """Scores of fresh samples of the mixture itself."""
    known, found = MIXTURES[mixture](), []
    for draw in range(draws):
        random = np.random.Generator(np.random.PCG64(seed_of(0, mixture, "perfect", draw)))
        found.append(_scores(known.draw(_N, random), known, radius))
    values = {k: torch.tensor([scores[k] for scores in found]) for k in found[0]}
    return {"perfect sampler": {k: simulated(v) for k, v in values.items()}}


def _named(asked: Asked, *, mixture: str) -> str:
    return mixture


def mixture_problem(
    mixture: str,
    *,
    line: str,
    source: str,
    contenders: Mapping[str, Contender],
    printed: Sequence[Printed],
    radius: float = 3.0,
    protocol: str = "",
    draws: int = 200,
) -> Trained:
    """The problem of a built-in mixture.

    Arguments:
        mixture: its name.
        radius: of high quality, in standard deviations.
        protocol: what is particular to this mixture.
        draws: perfect samplers in the floor.
    """
    within: Callable[..., Any] = partial(_score, mixture=mixture, radius=radius)
    text = (
        f"{_N:,} samples. High quality: within {radius:.4g} standard deviations of the nearest "
        "mode. A mode counts if one sample of high quality is nearest to it; reverse KL: of the "
        "modes of samples of high quality against equal shares; spread: standard deviation within "
        f"a mode over the true one. {protocol}"
    )
    return Trained(
        line=line,
        source=source,
        protocol=text.strip(),
        measures=_measures(len(MIXTURES[mixture]().centres)),
        printed=printed,
        contenders=contenders,
        n=_N,
        opens=partial(_named, mixture=mixture),
        score=within,
        perfect=partial(_perfect, mixture=mixture, radius=radius, draws=draws),
    )
