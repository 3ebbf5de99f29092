"""Data that needs no file: real digits and three mixtures of Gaussians.

Sources of the mixtures: Srivastava et al. (2017), VEEGAN, https://arxiv.org/abs/1705.07761
Lin et al. (2018), PacGAN, https://arxiv.org/abs/1712.04086
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gantlet.data.assemble import assemble
from gantlet.data.dataset import Dataset
from gantlet.data.settings import DataSettings

__all__ = ["BUILTINS", "MIXTURES", "Builtin", "Mixture", "gaussians_1200d", "grid", "ring"]

_SEED = 20170522


class Mixture(NamedTuple):
    """Equal Gaussians around centres of shape (K, D), all with one standard deviation."""

    centres: NDArray[np.float64]
    std: float
    dims: int = 2
    """Coordinates that vary within a mode, the first of D; the others are the centre's."""
    points: int = 100_000
    """Samples in the built-in set."""

    def draw(self, n: int, random: np.random.Generator) -> NDArray[np.float64]:
        """n samples, each of a centre chosen uniformly, shape (n, D)."""
        x = self.centres[random.integers(len(self.centres), size=n)]
        x[:, : self.dims] += self.std * random.standard_normal((n, self.dims))
        return x


def ring() -> Mixture:
    """8 Gaussians on the unit circle: centre k is (cos 2 pi k / 8, sin 2 pi k / 8), std 0.01."""
    angles = 2 * np.pi * np.arange(8) / 8
    return Mixture(np.stack([np.cos(angles), np.sin(angles)], axis=1), 0.01)


def grid() -> Mixture:
    """25 Gaussians with centres in {-4, -2, 0, 2, 4}^2, std 0.05."""
    axis = np.arange(-4.0, 5.0, 2.0)
    return Mixture(np.stack(np.meshgrid(axis, axis, indexing="ij"), axis=-1).reshape(25, 2), 0.05)


def gaussians_1200d() -> Mixture:
    """10 Gaussians in 700 dimensions, embedded in 1200: the other 500 coordinates are 0.

    VEEGAN says no more than that, so the rest is our choice: coordinates of the centres are
    standard normal, so that centres lie about 37 apart, and the standard deviation is 0.1, so
    that samples lie about 2.6 from their centre.
    """
    random = np.random.Generator(np.random.PCG64(_SEED))
    centres = np.pad(random.standard_normal((10, 700)), ((0, 0), (0, 500)))
    return Mixture(centres, 0.1, dims=700, points=20_000)


MIXTURES: dict[str, Callable[[], Mixture]] = {
    "ring": ring,
    "grid": grid,
    "gaussians-1200d": gaussians_1200d,
}


def _mixture(name: str, settings: DataSettings) -> Dataset:
    """Fixed points, each of a centre chosen uniformly."""
    mixture = MIXTURES[name]()
    points = mixture.draw(mixture.points, np.random.Generator(np.random.PCG64(_SEED)))
    reach = float(np.rint(np.abs(mixture.centres).max()))
    return assemble(
        points.astype(np.float32), low=-reach, high=reach, name=name, settings=settings
    )


def _ring(settings: DataSettings) -> Dataset:
    return _mixture("ring", settings)


def _grid(settings: DataSettings) -> Dataset:
    return _mixture("grid", settings)


def _gaussians_1200d(settings: DataSettings) -> Dataset:
    return _mixture("gaussians-1200d", settings)


def _digits(settings: DataSettings) -> Dataset:
    """1,797 handwritten digits of 8x8 with 17 grey levels.

    Source: Alpaydin and Kaynak (1998), Optical recognition of handwritten digits,
    https://doi.org/10.24432/C50P49
    """
    from sklearn.datasets import load_digits

    digits = load_digits()
    return assemble(
        digits.images.astype(np.uint8)[:, None],
        digits.target.astype(np.int64),
        classes=tuple("0123456789"),
        low=0,
        high=16,
        name="digits",
        settings=settings,
    )


class Builtin(NamedTuple):
    """How a built-in set is made, and what it is in one line."""

    opens: Callable[[DataSettings], Dataset]
    line: str


BUILTINS: dict[str, Builtin] = {
    "digits": Builtin(_digits, "1,797 real handwritten digits of 8x8 in ten classes"),
    "ring": Builtin(_ring, "100,000 points of 8 Gaussians on a circle"),
    "grid": Builtin(_grid, "100,000 points of 25 Gaussians on a grid"),
    "gaussians-1200d": Builtin(
        _gaussians_1200d, "20,000 points of 10 Gaussians of 700 dimensions within 1200"
    ),
}
