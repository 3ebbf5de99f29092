"""Memory of training on tables of many rows, 50 columns, one of them of 100,000 categories.

python -m benchmarks.table_memory [--rows 500000 1000000] [--samples 4096] [--folder TMP] [--write]
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.common import Page, parser
from benchmarks.memory import Peaks, watched
from gantlet.tables.writing import write_parts

__all__ = ["main", "parts"]

TARGET = 4e9
CATEGORIES, PART = 100_000, 100_000
NUMBERS, CHOICES = 24, 25
"""Columns of each, beside the one of many categories."""


def parts(rows: int) -> Iterator[pd.DataFrame]:
    """A table of so many rows, 100,000 at a time."""
    towns = np.array([f"town {i:06d}" for i in range(CATEGORIES)], dtype=object)
    for start in range(0, rows, PART):
        draw, n = np.random.default_rng(start), min(PART, rows - start)
        base = draw.normal(size=n)
        made: dict[str, object] = {"town": towns[(draw.random(n) ** 2 * CATEGORIES).astype(int)]}
        for i in range(NUMBERS):
            x = base * (i % 3) + draw.normal(size=n) * (1 + i)
            made[f"n{i}"] = (
                x.round(i % 4) if i % 2 else np.floor(np.exp(x.clip(-9, 9))).astype(int)
            )
        for i in range(CHOICES):
            code = draw.integers(0, 2 + i, n)
            made[f"c{i}"] = (
                pd.Series([f"v{k}" for k in range(2 + i)], dtype="str").take(code).array
            )
        yield pd.DataFrame(made)


def trained(rows: int, given: argparse.Namespace) -> tuple[int, float, Peaks]:
    """Bytes of the file, seconds of the whole command, peaks."""
    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        data, out = Path(folder) / f"table{given.form}", Path(folder) / "run"
        write_parts(data, parts(rows))
        command = [sys.executable, "-m", "gantlet", "train", str(data), "--out", str(out)]
        command += ["--samples", str(given.samples), f"train.tick={given.samples}"]
        before, os.environ["XDG_CACHE_HOME"] = time.perf_counter(), folder
        peaks = watched(command)
        return data.stat().st_size, time.perf_counter() - before, peaks


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--rows", type=int, nargs="+", default=[500_000, 1_000_000])
    options.add_argument("--samples", type=int, default=4_096)
    options.add_argument("--form", default=".parquet", choices=(".parquet", ".feather", ".csv"))
    options.add_argument("--folder", help="where to put the table (default: the system's)")
    given = options.parse_args()
    rows, worst = [], 0
    for count in given.rows:
        size, seconds, peaks = trained(count, given)
        worst = max(worst, peaks.private)
        figures = (size / 1e9, peaks.private / 1e9, peaks.anonymous / 1e9)
        rows.append((f"{count:,}", *(f"{x:.2f}" for x in figures), f"{seconds:.0f}"))
    Page(
        name="table-memory",
        title="Memory of a large table",
        text=f"`gantlet train` on a {given.form[1:]} file of {1 + NUMBERS + CHOICES} columns, one "
        f"of {CATEGORIES:,} categories: opened, fitted, written as codes, hashed, split, and "
        f"trained on for {given.samples:,} samples by the recipe `table`. The largest readings of "
        f"`/proc/PID/smaps_rollup`. Target: under {TARGET / 1e9:g} GB private; "
        f"{'reached' if worst < TARGET else 'missed'}.",
        command="python -m benchmarks.table_memory --write",
        n="one run a row",
        columns=("rows", "file, GB", "private, GB", "of it anonymous, GB", "seconds"),
        rows=rows,
        end="Anonymous memory has no file behind it. Pages of mapped files are the system's own "
        "cache, counted for the only process that maps them; the system drops them when memory "
        "is short.",
    ).publish(given.write)


if __name__ == "__main__":
    main()
