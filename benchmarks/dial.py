"""The dial's gamma on MNIST, and gammas around it: validation after a short training of each.

python -m benchmarks.dial [--seeds 1] [--out runs/benchmarks/dial] [--write]

Runs that are finished are not played again; one that was stopped goes on.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.common import Page, mnist, parser
from gantlet.recipes.dial import BURN_IN, r3gan_gamma
from gantlet.run import Run, train

__all__ = ["FACTORS", "SAMPLES", "main", "penalties", "played"]

FACTORS: Mapping[str, tuple[float, ...]] = {
    "r3gan": (0.01, 0.1, 1.0, 10.0, 100.0),
    "mlp": (0.1, 1.0, 10.0, 100.0),
}
"""Of the rule's gamma, by the networks."""
SAMPLES: Mapping[str, int] = {"r3gan": 9_600, "mlp": 200_000}
"""What each sees in three minutes of one idle core, or less."""
SIDE = 28


def penalties(factor: float) -> Mapping[str, Any]:
    """R1 and R2 at `factor` times what the dial derives for MNIST."""
    gamma = factor * r3gan_gamma(SIDE, SIDE)
    weight = {"start": 10 * gamma, "end": gamma, "samples": BURN_IN}
    return {"r1": weight, "r2": weight}


def played(network: str, factor: float, seed: int, out: Path) -> Run:
    """One training on MNIST with labels, of size xs or with multilayer perceptrons instead."""
    samples = SAMPLES[network]
    settings = {
        "game.penalties": penalties(factor),
        "train.seed": seed,
        "train.threads": 1,
        "train.tick": samples,
        **({} if network == "r3gan" else {"network.name": network}),
    }
    place = out / f"{network}-{factor:g}-{seed}"
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
    options.add_argument("--seeds", type=int, default=1)
    options.add_argument("--out", type=Path, default=Path("runs/benchmarks/dial"))
    given = options.parse_args()
    rows = [
        [
            network,
            f"{SAMPLES[network]:,}",
            f"{factor:g}",
            f"{penalties(factor)['r1']['start']:g}",
            str(seed),
            *_cells(played(network, factor, seed, given.out)),
        ]
        for network in SAMPLES
        for factor in FACTORS[network]
        for seed in range(given.seeds)
    ]
    Page(
        name="dial",
        title="Gamma of the dial",
        text="MNIST with labels, 28x28, all settings from the dial with size xs but the weights "
        "of R1 and R2, which are the rule's times a factor. `r3gan` has the dial's networks; "
        "`mlp` has multilayer perceptrons in their place, which see twenty times as many samples "
        "in less time. Validation is precision times coverage of 1,000 generated samples against "
        "as many real ones that were set aside, with its 95 % interval, which holds the noise of "
        "sampling and not that of training. One thread of a busy machine, so that seconds are "
        "upper bounds.",
        command="python -m benchmarks.dial --write",
        n=f"{given.seeds} run(s) of each",
        columns=(
            *("networks", "samples", "factor", "gamma at first", "seed", "validation", "D loss"),
            *("G loss", "seconds"),
        ),
        rows=rows,
    ).publish(given.write)


if __name__ == "__main__":
    main()
