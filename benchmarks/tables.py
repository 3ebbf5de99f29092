"""Gantlet against ctgan on Adult and California housing: seconds, and what the rows are worth.

python -m benchmarks.tables --peer PYTHON [--official] [--parts adult rare california]
                            [--models ctgan ours] [--seeds 0 1 2] [--recipe table]
                            [--out runs/benchmarks/tables] [--write]

PYTHON is the interpreter of an environment of the peer's own:

python3 -m venv /tmp/peer && /tmp/peer/bin/pip install torch==2.13.0 ctgan==0.12.1

Both train with their defaults, each in a process of one thread, in turns by seed; then all rows
are measured. Held out is a third of Adult's training split, or its official test split
(`--official`), which is read once, when all trainings are done. What is finished is skipped; parts
may train side by side in two processes (`--train`). `--epochs 3 --samples 20000` is a dry run.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.common import ROOT, parser, record, recorded
from benchmarks.tables_data import (
    POSITIVE,
    RARE,
    Condition,
    Table,
    adult,
    conditions,
    once,
)
from benchmarks.tables_jobs import Job, jobs, peer_quality, peer_versions, play
from benchmarks.tables_measures import apart, binned, copies, detected, f1, r2
from benchmarks.tables_page import published
from benchmarks.tables_privacy import leaks

__all__ = ["by_conditions", "main", "measured", "rare_gain"]

Row = dict[str, Any]
PARTS, MODELS = ("adult", "rare", "california"), ("ctgan", "ours")


def measured(table: Table, made: pd.DataFrame, quality: Callable[[], Mapping[str, float]]) -> Row:
    """Usefulness, detection, quality and privacy of rows."""
    if table.name == "california":
        useful = {"r2": r2(made, table.held, table.target)}
    else:
        useful = {"f1": f1(made, table.held, table.target, POSITIVE)}
    private = {"leaks": leaks(made, table.train, table.held)}
    return {**useful, "auc": detected(table.held, made), **quality(), **private}


def by_conditions(
    table: Table, found: Sequence[Condition], made: pd.DataFrame, folder: Path
) -> Row:
    """Mean total variation of the other columns, given each condition, from held-out rows.

    Beside it that of rows without condition from held-out rows, and that of training rows from
    held-out rows under the condition: of as many rows, over the same columns.
    """
    train, held, plain = (binned(rows, table.train) for rows in (table.train, table.held, made))
    far: dict[str, list[float]] = {"given": [], "unconditional": [], "floor": []}
    met, rows, copied, hopeless = 0, 0, 0, 0
    for condition in found:
        path = folder / f"{condition.name}.csv"
        if not path.exists():
            hopeless += 1
            continue
        asked = pd.read_csv(path)
        met, rows = met + int(condition.holds(asked).sum()), rows + len(asked)
        copied += copies(asked, table.train)
        pairs = {
            "given": (binned(asked, table.train), held[condition.holds(table.held)]),
            "floor": (train[condition.holds(table.train)], held[condition.holds(table.held)]),
            "unconditional": (plain, held),
        }
        count = min(len(part) for pair in list(pairs.values())[:2] for part in pair)
        for name, pair in pairs.items():
            a, b = (part.sample(count, random_state=0) for part in pair)
            far[name].append(apart(a, b, tuple(condition.values)))
    means = {name: float(np.mean(values)) for name, values in far.items()}
    shares = {"met": met / max(rows, 1), "copied": copied / max(rows, 1)}
    own = {"held_copied": copies(table.held, table.train) / len(table.held)}
    return {**means, **shares, **own, "asked": len(found), "hopeless": hopeless}


def rare_gain(table: Table, made: pd.DataFrame, more: pd.DataFrame) -> Row:
    """F1 of the rare class: real rows alone, and with as many others of the class by three ways.

    Arguments:
        table: with few rows of the class; weights make it as rare in the rows held out.
        made: generated rows of the class.
        more: real rows of the class that the table lacks.
    """
    rare = table.train[table.train[table.target] == POSITIVE]
    added = {
        "real": rare.iloc[:0],
        "copies": rare.sample(len(made), replace=True, random_state=0),
        "generated": made,
        "more real rows": more.sample(len(made), random_state=0),
    }
    return {
        name: f1(pd.concat([table.train, rows]), table.held, table.target, POSITIVE, share=RARE)
        for name, rows in added.items()
    }


def _row(job: Job, stage: Mapping[str, Any], full: Table, peer: str, out: Path) -> Row:
    """Clocks and measures of one set of rows."""
    folder = out / job.name
    table = job.table if job.table.name == "california" else replace(job.table, held=full.held)
    made = pd.read_csv(folder / f"{stage['stage']}.csv")
    row = {"table": job.part, "model": job.model, "seed": job.seed, "share": job.share, **stage}
    if job.part == "rare":
        more = full.train[full.train[full.target] == POSITIVE]
        more = more.merge(table.train.drop_duplicates(), how="left", indicator=True)
        more = more[more["_merge"] == "left_only"].drop(columns="_merge")
        return {**row, "rare": rare_gain(table, pd.read_csv(folder / "rare.csv"), more)}
    held = out / f"{table.name}-held.csv"
    table.held.to_csv(held, index=False)

    def quality() -> Mapping[str, float]:
        return peer_quality(peer, held, folder / f"{stage['stage']}.csv", table.discrete)

    row |= measured(table, made, quality)
    if job.conditions:
        row["conditions"] = by_conditions(table, conditions(table), made, folder)
    return row


def _finished(path: Path) -> dict[str, Row]:
    return {row["key"]: row for row in recorded(path)}


def _all_rows(
    played: Sequence[tuple[Job, Mapping[str, Any]]], given: argparse.Namespace, out: Path
) -> list[Row]:
    """Rows of all, those measured now that have not been."""
    results = out / "results.jsonl"
    known = _finished(results)
    missing = [(j, s) for j, s in played if f"{j.name}/{s['stage']}" not in known]
    unseen = [job for job, _ in missing if job.table.name != "california"]
    if given.official and unseen:
        once(out, given.again, sys.argv)
    full = adult(official=given.official, measured=bool(unseen))
    for job, stage in missing:
        row = {"key": f"{job.name}/{stage['stage']}", **_row(job, stage, full, given.peer, out)}
        known[row["key"]] = row
        record(results, row)
    return [known[f"{job.name}/{stage['stage']}"] for job, stage in played]


def _options() -> argparse.ArgumentParser:
    options = parser(__doc__)
    options.add_argument("--peer", required=True, help="interpreter that has ctgan and sdmetrics")
    options.add_argument("--official", action="store_true", help="read the official test split")
    options.add_argument("--again", action="store_true", help="though it has been read")
    options.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    options.add_argument("--models", nargs="+", choices=MODELS, default=MODELS)
    options.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    options.add_argument("--epochs", type=int, default=300, help="of the peer")
    options.add_argument("--recipe", default="table", help="of ours")
    options.add_argument("--samples", type=int, help="instead of the recipe's length")
    options.add_argument("--set", nargs="*", default=[], metavar="KEY=VALUE", help="for ours")
    options.add_argument("--train", action="store_true", help="train only")
    options.add_argument("--out", type=Path, default=ROOT / "runs" / "benchmarks" / "tables")
    return options


def main() -> None:
    given = _options().parse_args()
    versions = peer_versions(given.peer)
    out = given.out.resolve() / ("official" if given.official else "fold")
    played = [(job, stage) for job in jobs(given) for stage in play(job, out, given.peer)]
    if not given.train:
        rows = _all_rows(played, given, out)
        published(rows, versions, official=given.official, out=out, write=given.write)


if __name__ == "__main__":
    main()
