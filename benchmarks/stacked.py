"""Three stacked digits made by tiny networks: how many of the 1000 modes are reached?

    python -m benchmarks.stacked --write [--seeds 1] [--home runs/bench]

Plays `gantlet bench stacked-mnist-tiny` and writes its rows beside PacGAN's. Results are kept in
the home; what is finished is not played again. A training has one thread.
"""

from __future__ import annotations

import sys
from pathlib import Path

from benchmarks.common import Page, mnist, parser
from benchmarks.known import other_rows, own_row
from gantlet.bench import problem
from gantlet.bench.base import Asked
from gantlet.bench.runner import played_row

_PROBLEM = "stacked-mnist-tiny"
_FORMS = {"modes": ".1f", "kl": ".3f"}


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--seeds", type=int, default=1)
    options.add_argument("--home", type=Path, default=Path("runs/bench"), help="of results")
    asked = options.parse_args()
    found, home = problem(_PROBLEM), asked.home / _PROBLEM
    settings = Asked(settings=("train.threads=1",), data=mnist())
    rows = []
    for row in found.rows:
        played = played_row(found, row, range(asked.seeds), settings, home, print)
        rows.append(own_row(_PROBLEM, played, _FORMS))
    rows += other_rows(_PROBLEM, found, settings, home, _FORMS)
    Page(
        name="stacked",
        title="Stacked MNIST with tiny networks",
        text=(
            f"{found.protocol} Networks: those of PacGAN's table 3, whose discriminator is half "
            "as wide as the generator. Ours see 30,000 batches of 128, PacGAN's 500,000. The "
            "classifiers that count modes differ: ours is trained here, the papers' are not "
            "published. Target: shown beside PacGAN's best, 866.6 modes; aim 900."
        ),
        command=" ".join(["python -m benchmarks.stacked", *sys.argv[1:]]),
        n=f"{asked.seeds} seeds; 25,600 samples each",
        columns=["problem", "", "modes of 1000", "reverse KL", "seconds"],
        rows=rows,
        end="Seconds are those of the whole training with one thread, beside other programs, so "
        "that they are upper bounds.",
    ).publish(asked.write)


if __name__ == "__main__":
    main()
