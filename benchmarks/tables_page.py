"""The page of `benchmarks.tables`, and the plot of its curves."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("agg")
from matplotlib import pyplot as plt

from benchmarks.common import PAGES, Page, mean_text, table
from benchmarks.tables_data import MANY, PAIRS, RARE
from benchmarks.tables_jobs import CONDITION_ROWS, RARE_TO
from benchmarks.tables_measures import DETECTED
from benchmarks.tables_privacy import ATTACKS

__all__ = ["published"]

Row = Mapping[str, Any]
NAMES = {"real": "real training rows", "ctgan": "ctgan 0.12.1", "ours": "Gantlet, `table`"}
MEASURES: Mapping[str, tuple[str, Callable[[Row], float]]] = {
    "f1": ("F1", lambda row: float(row["f1"]["mean"])),
    "r2": ("R2", lambda row: float(row["r2"]["mean"])),
    "auc": ("detection AUC", lambda row: float(row["auc"])),
    "quality": ("quality", lambda row: float(row["quality"])),
    "shapes": ("column shapes", lambda row: float(row["shapes"])),
    "trends": ("pair trends", lambda row: float(row["trends"])),
}


def _seconds(row: Row, clock: int) -> float:
    """Fit plus sample: wall seconds (0), processor seconds (1)."""
    return float(row["fit"][clock] + row["sample"][clock])


def _ends(rows: Sequence[Row], part: str, model: str) -> list[Row]:
    """The last stage of each whole training of a model."""
    found = {
        row["seed"]: row
        for row in rows
        if (row["table"], row["model"], row["share"]) == (part, model, 1)
    }
    return [found[seed] for seed in sorted(found)]


def _models(rows: Sequence[Row], part: str) -> tuple[list[str], list[list[str]]]:
    """Header and lines of the table of one data set."""
    useful = "r2" if part == "california" else "f1"
    keys = [useful, "auc", "quality", "shapes", "trends"]
    lines = []
    for model, name in NAMES.items():
        ends = _ends(rows, part, model)
        if not ends:
            continue
        clocks = ["", ""]
        if model != "real":
            clocks = [mean_text([_seconds(row, i) for row in ends], ".0f") for i in (1, 0)]
        values = [mean_text([MEASURES[key][1](row) for row in ends]) for key in keys]
        lines.append([name, str(len(ends)), *clocks, *values])
    return ["", "seeds", "processor s", "wall s", *(MEASURES[key][0] for key in keys)], lines


def _faster(rows: Sequence[Row], part: str) -> str:
    """By how much ours is faster, seed by seed."""
    peer, ours = ({r["seed"]: r for r in _ends(rows, part, m)} for m in ("ctgan", "ours"))
    both = sorted(peer.keys() & ours.keys())
    if not both:
        return ""
    processor, wall = (
        mean_text([_seconds(peer[seed], i) / _seconds(ours[seed], i) for seed in both], ".1f")
        for i in (1, 0)
    )
    return (
        f"Fit plus sample of as many rows as train: {processor} times as fast as the peer by "
        f"processor time, {wall} times by the clock on the wall."
    )


def _judges(rows: Sequence[Row], part: str, key: str) -> str:
    """Each judge of usefulness by itself."""
    ends = {model: _ends(rows, part, model) for model in NAMES}
    ends = {model: found for model, found in ends.items() if found}
    names = [name for name in next(iter(ends.values()))[0][key] if name != "mean"]
    lines = [
        [NAMES[model], *(mean_text([row[key][name] for row in found]) for name in names)]
        for model, found in ends.items()
    ]
    return table([key.upper(), *names], lines)


def _conditions(rows: Sequence[Row]) -> str:
    ends = [row["conditions"] for row in _ends(rows, "adult", "ours") if "conditions" in row]
    if not ends:
        return ""
    keys = ("given", "unconditional", "floor")
    cells = [mean_text([end[key] for end in ends], ".4f") for key in keys]
    excess = mean_text([end["given"] - end["unconditional"] for end in ends], ".4f")
    met = mean_text([100 * end["met"] for end in ends], ".2f")
    copied = mean_text([100 * end["copied"] for end in ends])
    hopeless = ", ".join(str(end["hopeless"]) for end in ends)
    return "\n\n".join(
        [
            "## Conditions",
            f"{ends[0]['asked']} conditions: each category of at least {MANY} training rows and "
            f"the {PAIRS} most common pairs; {CONDITION_ROWS:,} rows of each from "
            "`sample(where=...)`. Mean total variation of the other columns from held-out rows "
            "that meet the condition, numbers in tenths; without condition, of as many rows over "
            "the same columns; floor: training rows that meet it. Refused as hopeless, by seed: "
            f"{hopeless}. Equal to a training row: {copied} % of the rows of conditions, "
            f"{100 * ends[0]['held_copied']:.3f} % of the rows held out.",
            table(
                ["given", "without condition", "floor", "given less without", "% that meet it"],
                [[*cells, excess, met]],
            ),
        ]
    )


def _privacy(rows: Sequence[Row]) -> str:
    """What attackers learn from the rows of each model about who trained it."""
    ends = {name: _ends(rows, "adult", model) for model, name in NAMES.items()}
    told = {
        name: [row["leaks"] for row in seeds if "leaks" in row] for name, seeds in ends.items()
    }
    found = {name: leaks for name, leaks in told.items() if leaks}
    if not found:
        return ""
    lines = [
        [
            name,
            *(mean_text([one[attack] for one in leaks]) for attack in ATTACKS),
            mean_text([100 * one["copies"] for one in leaks]),
        ]
        for name, leaks in found.items()
    ]
    held = 100 * next(iter(found.values()))[0]["held_copies"]
    return "\n\n".join(
        [
            "## Privacy",
            "Membership inference: area under the curve at which an attacker who has the rows "
            "tells half of the rows held out from as many that trained; the last attacker has "
            "their other half, too. 0.5 is chance, and training rows given away as they are show "
            "that the attacks work ([what each does](../privacy.md#is-it-copying)). Copies: rows "
            f"that equal a training row which is there once; {held:.3f} % of the rows held out.",
            table(["", *ATTACKS.values(), "% copies of unique rows"], lines),
        ]
    )


def _rare(rows: Sequence[Row]) -> str:
    found = [row["rare"] for row in _ends(rows, "rare", "ours")]
    if not found:
        return ""
    arms = list(found[0])
    lines = [
        [arm, *(mean_text([row[arm][name] for row in found]) for name in found[0][arm])]
        for arm in arms
    ]
    gain = [row["generated"]["mean"] - row["real"]["mean"] for row in found]
    over = [row["generated"]["mean"] - row["copies"]["mean"] for row in found]
    said = "".join(
        f" Gain of generated rows over {name}: {mean_text(values)}."
        for name, values in (("real rows alone", gain), ("copies", over))
    )
    return "\n\n".join(
        [
            "## A rare class",
            f"Adult with so few rows of income above 50,000 that they are {RARE:.0%}. Added are "
            f"rows of the class, until it is {RARE_TO:.0%}: copies, rows from `sample(where=...)` "
            "of a model of the imbalanced table, or real rows that it lacks. F1 of the class on "
            f"rows held out, weighted so that it is {RARE:.0%} of them.{said}",
            table(["added", *found[0][arms[0]]], lines),
        ]
    )


def _plot(rows: Sequence[Row], path: Path) -> bool:
    """Each number against processor seconds; whether there was anything to draw."""
    found = [r for r in rows if r["table"] == "adult" and r["model"] != "real"]
    first = min((r["seed"] for r in found), default=0)
    curves = {
        model: sorted(
            (r for r in found if (r["model"], r["seed"]) == (model, first)),
            key=lambda r: _seconds(r, 1),
        )
        for model in ("ctgan", "ours")
    }
    if min(map(len, curves.values())) < 1:
        return False
    real = _ends(rows, "adult", "real")
    figure, panels = plt.subplots(1, 3, figsize=(11, 3.2), layout="constrained")
    for panel, key in zip(panels, ("f1", "auc", "quality"), strict=True):
        title, value = MEASURES[key]
        for model, curve in curves.items():
            x, y = [_seconds(r, 1) for r in curve], [value(r) for r in curve]
            panel.plot(x, y, "o-", label=NAMES[model].replace("`", ""))
        if real and key != "auc":
            panel.axhline(value(real[0]), color="grey", ls=":", label=NAMES["real"])
        panel.set(xscale="log", xlabel="processor seconds, fit and sample", title=title)
        panel.grid(alpha=0.3)
    panels[0].legend(fontsize=8)
    figure.savefig(path, dpi=110)
    plt.close(figure)
    return True


def _stops(rows: Sequence[Row]) -> str:
    """Epochs after which the peer made rows, as `10, 30 and 100`."""
    stages = {r["stage"] for r in rows if (r["table"], r["model"]) == ("adult", "ctgan")}
    *most, last = map(str, sorted(int(stage.split("-")[1]) for stage in stages))
    return f"{', '.join(most)} and {last}" if most else last


def published(
    rows: Sequence[Row], versions: str, *, official: bool, out: Path, write: bool
) -> None:
    """Print the page, and write it with its plot if asked to."""
    folder = PAGES if write else out
    parts = [part for part in ("adult", "california") if _ends(rows, part, "real")]
    columns, lines = _models(rows, parts[0]) if parts else ((), ())
    end = [_faster(rows, parts[0]), _judges(rows, "adult", "f1")] if parts else []
    if parts and _plot(rows, folder / "tables.png"):
        end += [
            "## Against time",
            f"The first seed: the peer after {_stops(rows)} epochs of one training, outside "
            "whose clock rows are made; ours at a sixteenth, a quarter, a half and the whole of "
            "its length, each a training by itself.",
            "![F1, detection AUC and quality against processor seconds](tables.png)",
        ]
    end += [_privacy(rows), _conditions(rows), _rare(rows)]
    if "california" in parts:
        head, more = _models(rows, "california")
        text = "Rows with a missing number are left out. R2 of the median house value."
        end += ["## California housing", text, table(head, more)]
        end += [_faster(rows, "california"), _judges(rows, "california", "r2")]
    held = "the official test split" if official else "a third of the training split"
    Page(
        name="tables",
        title="Tables against ctgan",
        text="Both with their defaults on Adult, each training in a process of one thread, in "
        f"turns by seed; the machine was not idle. Held out: {held}. Means over seeds with "
        "Student's intervals. F1 of income above 50,000 on rows held out, of classifiers that "
        "train on generated rows, as many as real ones: decision tree (depth 15, balanced), "
        "AdaBoost, logistic regression (balanced), perceptron (50), mean of the four; numbers "
        "standardised and categories as one-hots, as the rows that train have them. Detection "
        f"AUC: random forest of 100 trees in three folds, {DETECTED:,} generated against as many "
        "rows held out; numbers as they are, categories as codes. Quality, column shapes and pair "
        "trends: SDMetrics' report, against rows held out. The peer's environment: "
        f"{versions}.",
        command=" ".join(["python -m benchmarks.tables", *sys.argv[1:]]),
        n=f"{len(rows)} sets of rows",
        columns=columns,
        rows=lines,
        end="\n\n".join(part for part in end if part),
    ).publish(write)
