"""Time of a Fréchet distance from moments, beside the usual route by a matrix square root.

python -m benchmarks.frechet [--rounds 3] [--dimensions 2048] [--write]
"""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median

import numpy as np
import torch
from scipy import linalg

from benchmarks.common import Page, parser, spread
from gantlet.metrics.frechet import frechet
from gantlet.metrics.moments import Moments
from gantlet.training.machine import granted_threads

__all__ = ["by_square_root", "main", "moments", "timed"]

TARGET = 5.0
AGREEMENT = 1e-6
"""Largest relative difference of the two values where both covariances are regular."""
SAMPLES = 10_000


def moments(dimensions: int, samples: int, seed: int) -> Moments:
    """Of correlated features whose variances fall as 1 / rank, as those of networks do."""
    generator = torch.Generator().manual_seed(seed)
    mix = torch.linalg.qr(torch.randn(dimensions, dimensions, generator=generator)).Q
    scales = torch.arange(1, dimensions + 1).rsqrt()[:, None]
    return Moments.of(torch.randn(samples, dimensions, generator=generator) @ (scales * mix))


def by_square_root(real: Moments, fake: Moments, offset: float = 1e-6) -> float:
    """The trace of the root of the covariances' product, shifted where it is not finite."""
    a, b = real.covariance.numpy(), fake.covariance.numpy()
    root = linalg.sqrtm(a @ b)
    if not np.isfinite(root).all():
        eye = offset * np.eye(len(a))
        root = linalg.sqrtm((a + eye) @ (b + eye))
    shift = real.mean.numpy() - fake.mean.numpy()
    return float(shift @ shift + np.trace(a) + np.trace(b) - 2 * np.trace(root.real))


Route = Callable[[Moments, Moments], float]


def timed(route: Route, real: Moments, fake: Moments) -> tuple[float, float]:
    """Seconds, and the distance."""
    start = time.perf_counter()
    value = route(real, fake)
    return time.perf_counter() - start, value


def _row(name: str, real: Moments, fake: Moments, rounds: int) -> tuple[list[str], float, float]:
    """A row of the table, the median ratio, and the relative difference of the values."""
    pairs = [
        (timed(frechet, real, fake), timed(by_square_root, real, fake)) for _ in range(rounds)
    ]
    ours, theirs = ([result[side][0] for result in pairs] for side in (0, 1))
    ratios = [slow / fast for fast, slow in zip(ours, theirs, strict=True)]
    value, other = pairs[0][0][1], pairs[0][1][1]
    cells = [name, spread(ours), spread(theirs), spread(ratios, ".1f")]
    difference = abs(value - other) / abs(other)
    return [*cells, f"{value:.6f}", f"{other:.6f}"], median(ratios), difference


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--dimensions", type=int, default=2048)
    given = options.parse_args()
    torch.set_num_threads(granted_threads())
    d = given.dimensions
    real, fake = (moments(d, SAMPLES, seed) for seed in (0, 1))
    regular, ratio, difference = _row("regular", real, fake, given.rounds)
    if difference > AGREEMENT:
        raise SystemExit(f"the two routes differ by {difference:.1e}")
    few = moments(d, d // 2, 2)
    singular, _, _ = _row("singular: n = D / 2", few, fake, given.rounds)
    Page(
        name="frechet",
        title="Fréchet distance",
        text=f"Seconds from moments of {d:,} dimensions to a distance, in turns within one run: "
        "`gantlet.metrics.frechet` (Cholesky factors and eigenvalues of a symmetric matrix; "
        "singular values where a covariance is singular) and the usual route, "
        "`scipy.linalg.sqrtm` of the product of the covariances. Features are synthetic, with "
        f"variances that fall as 1 / rank, {SAMPLES:,} samples a set. Target: at least {TARGET:g} "
        f"times faster where regular; {'reached' if ratio >= TARGET else 'missed'}.",
        command="python -m benchmarks.frechet --write",
        n=f"{given.rounds} rounds of each",
        columns=("covariances", "ours, s", "sqrtm, s", "times faster", "value", "by sqrtm"),
        rows=[regular, singular],
        end=f"Where regular, the two values differ by {difference:.1e} of the distance.",
    ).publish(given.write)


if __name__ == "__main__":
    main()
