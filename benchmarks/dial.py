"""The dial's gamma on MNIST, and gammas around it: validation after a short training of each.

python -m benchmarks.dial [--samples 9600] [--seeds 1] [--out runs/benchmarks/dial] [--write]

Runs that are finished are not played again; one that was stopped goes on.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.common import Page, mnist, parser
from gantlet.recipes.dial import BURN_IN, r3gan_gamma
from gantlet.run import Run, train

__all__ = ["FACTORS", "main", "penalties", "played"]

FACTORS = (0.01, 0.1, 1.0, 10.0, 100.0)
"""Of the rule's gamma."""
SIDE = 28


def penalties(factor: float) -> Mapping[str, Any]:
    """R1 and R2 at `factor` times what the dial derives for MNIST."""
    gamma = factor * r3gan_gamma(SIDE, SIDE)
    weight = {"start": 10 * gamma, "end": gamma, "samples": BURN_IN}
    return {"r1": weight, "r2": weight}


def played(factor: float, seed: int, samples: int, out: Path) -> Run:
    """One training of size xs on MNIST with labels."""
    settings = {
        "game.penalties": penalties(factor),
        "train.seed": seed,
        "train.threads": 1,
        "train.tick": samples,
    }
    place = out / f"{factor:g}-{seed}-{samples}"
    return train(mnist(), "r3gan", settings, size="xs", samples=samples, out=place, verbose=False)


def _cells(run: Run) -> list[str]:
    row = run.log[-1]
    low, high = row["validation_low"], row["validation_high"]
    return [
        f"{row['validation']:.3f} [{low:.3f}, {high:.3f}]",
        f"{row['discriminator/loss']:.3f}",
        f"{row['generator/loss']:.3f}",
        f"{row['seconds']:.0f}",
    ]


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--samples", type=int, default=9_600)
    options.add_argument("--seeds", type=int, default=1)
    options.add_argument("--out", type=Path, default=Path("runs/benchmarks/dial"))
    given = options.parse_args()
    rows = [
        [
            f"{factor:g}",
            f"{penalties(factor)['r1']['start']:g}",
            str(seed),
            *_cells(played(factor, seed, given.samples, given.out)),
        ]
        for factor in FACTORS
        for seed in range(given.seeds)
    ]
    Page(
        name="dial",
        title="Gamma of the dial",
        text="R3GAN of size xs on MNIST with labels, 28x28, all settings from the dial but the "
        "weights of R1 and R2, which are the rule's times a factor. Validation is precision times "
        "coverage of 1,000 generated samples against as many real ones that were set aside, with "
        "its 95 % interval, which holds the noise of sampling and not that of training. All rows "
        "see the same data in the same order. One thread of a busy machine, so that seconds are "
        "upper bounds.",
        command="python -m benchmarks.dial --write",
        n=f"{given.seeds} run(s) of each, {given.samples:,} samples",
        columns=("factor", "gamma at first", "seed", "validation", "D loss", "G loss", "seconds"),
        rows=rows,
    ).publish(given.write)


if __name__ == "__main__":
    main()
