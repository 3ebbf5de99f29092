"""Speed of tables: the transform of Adult, and rows sampled to a DataFrame and to Parquet.

python -m benchmarks.table_speed [--count 200000] [--rounds 5] [--write]
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd

from benchmarks.common import ROOT, Page, parser, spread
from gantlet.bundle import Bundle
from gantlet.data import open_data
from gantlet.recipes import recipe
from gantlet.row_files import sample_into_table
from gantlet.sample import ready, sample
from gantlet.tables import TableTransform
from gantlet.training.snapshot import raw_blocks
from gantlet.training.trainer import built

__all__ = ["adult", "main"]

NAMES = (
    *("age", "workclass", "fnlwgt", "education", "education-num", "marital-status"),
    *("occupation", "relationship", "race", "sex", "capital-gain", "capital-loss"),
    *("hours-per-week", "native-country", "income"),
)
SECONDS, RATE = 2.0, 200_000
"""Targets: of fit and transform, and rows a second on two cores."""


def adult() -> pd.DataFrame:
    """The training split of Adult, below the folder that GANTLET_DATA names."""
    folder = Path(os.environ.get("GANTLET_DATA", ROOT.parent / "shared" / "data"))
    path = folder / "tabular" / "adult-train.csv"
    if not path.is_file():
        raise SystemExit("no Adult: set GANTLET_DATA to the folder of tabular/adult-train.csv")
    return pd.read_csv(path, header=None, names=list(NAMES), skipinitialspace=True)


def fresh(table: pd.DataFrame) -> Bundle:
    """The generator of recipe table as it is before training."""
    data = open_data(table)
    config = recipe("table", data.spec)
    game = built(config, data.spec)
    game.players.eval()
    return Bundle(game, data.spec, config, {}, Path())


def forward(bundle: Bundle, count: int) -> None:
    """Noise, generator and codes alone."""
    with ready(bundle, "cpu") as (players, machine):
        for _ in raw_blocks(bundle.game, players, bundle.spec, machine, seed=0, count=count):
            pass


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """Seconds by the clock, and seconds of processors."""
    clock, processors = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - clock, time.process_time() - processors


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--count", type=int, default=200_000)
    options.add_argument("--rounds", type=int, default=5)
    given = options.parse_args()
    table, count = adult(), given.count
    bundle = fresh(table)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "made"
        works: dict[str, tuple[int, Callable[[], object]]] = {
            "fit and transform of Adult": (
                len(table),
                lambda: TableTransform().fit(table).transform(table),
            ),
            "generator alone": (count, lambda: forward(bundle, count)),
            "to a DataFrame": (count, lambda: sample(bundle, count, device="cpu").frame),
            "to Parquet": (
                count,
                lambda: sample_into_table(bundle, f"{path}.parquet", count, device="cpu"),
            ),
            "to CSV": (
                count // 4,
                lambda: sample_into_table(bundle, f"{path}.csv", count // 4, device="cpu"),
            ),
        }
        for _, work in works.values():
            work()  # imports, and files that are read once
        times: dict[str, list[tuple[float, float]]] = {name: [] for name in works}
        for _ in range(given.rounds):  # in turn, so that a busy machine is busy for all
            for name, (_, work) in works.items():
                times[name].append(timed(work))
    rows = []
    for name, (n, _) in works.items():
        clock, processors = zip(*times[name], strict=True)
        rows.append(
            (
                name,
                f"{n:,}",
                spread(clock),
                spread([n / s for s in clock], ",.0f"),
                spread([1e6 * s / n for s in processors]),
            )
        )
    Page(
        name="table-speed",
        title="Speed of tables",
        text=f"The training split of Adult ({len(table):,} rows of {len(NAMES)} columns), and "
        "rows sampled by the recipe `table` before training. Targets: fit and transform below "
        f"{SECONDS:g} s, and {RATE:,} rows a second on two cores. Median and range over rounds; "
        "each round measures all.",
        command=f"python -m benchmarks.table_speed --count {count} --rounds {given.rounds} "
        "--write",
        n=f"{given.rounds} rounds",
        columns=("what", "rows", "seconds", "rows/s", "time of processors, µs a row"),
        rows=rows,
        end="Rates by the clock vary with what else the machine does (its load at the end: "
        f"{os.getloadavg()[0]:.1f}); the last column counts only what the process has used. Two "
        "idle cores make 2,000,000 rows a second divided by it, at best.",
    ).publish(given.write)


if __name__ == "__main__":
    main()
