"""Rings and grids of Gaussians: are all modes found, and as wide as they are?

    python -m benchmarks.modes --write

Plays `gantlet bench`'s rows of `ring` and `grid`: the default recipe for ten seeds, the plain GAN
and the packed one, which are there to fail, for fewer. Results are kept in runs/bench; what is
finished is not played again. Every training has one thread: two of them may run side by side.
"""

from __future__ import annotations

import sys
from pathlib import Path

from benchmarks.common import Page, parser
from benchmarks.known import other_rows, own_row
from gantlet.bench import problem
from gantlet.bench.base import Asked
from gantlet.bench.runner import played_row

_PROBLEMS = ("ring", "grid")
_FORMS = {"modes": ".1f", "quality": ".1f", "kl": ".3f", "spread": ".2f"}


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--seeds", type=int, default=10, help="of the default recipe")
    options.add_argument("--others", type=int, default=3, help="seeds of the rows that fail")
    options.add_argument("--rows", nargs="+", help="of the problems, all if none are given")
    options.add_argument("--problems", nargs="+", default=_PROBLEMS, choices=_PROBLEMS)
    asked = options.parse_args()
    rows = []
    for name in asked.problems:
        found, home = problem(name), Path("runs/bench") / name
        for row in asked.rows or found.rows:
            seeds = range(asked.seeds if row == "points" else asked.others)
            settings = Asked(settings=("train.threads=1",))
            played = played_row(found, row, seeds, settings, home, print)
            rows.append(own_row(name, played, _FORMS))
        rows += other_rows(name, found, Asked(), home, _FORMS)
    Page(
        name="modes",
        title="Modes of rings and grids",
        text=(
            "2,500 samples each. Mean over seeds with Student's 95 % interval, in brackets the "
            "least and the most of any seed. High quality: within 3 standard deviations of a "
            "mode, which 98.9 % of true samples are. Spread: standard deviation within the modes "
            "over the true one; high quality alone rewards samplers that shrink the modes. "
            "Targets: all modes in ten of ten seeds, reverse KL at most 0.02, spread 0.8 to 1.15, "
            "high quality 90 % (ring, aim 97) and 85 % (grid, aim 95), 180 s a seed. What the "
            "rows are: `gantlet bench ring`, `gantlet bench grid`."
        ),
        command=" ".join(["python -m benchmarks.modes", *sys.argv[1:]]),
        n=f"{asked.seeds} seeds of points, {asked.others} of the others; 2,500 samples each",
        columns=[
            *("problem", "", "modes", "high quality, %", "reverse KL", "spread", "seconds"),
        ],
        rows=rows,
        end="Seconds are those of the whole training with one thread, median and range. Other "
        "programs ran beside it, so that they are upper bounds.",
    ).publish(asked.write)


if __name__ == "__main__":
    main()
