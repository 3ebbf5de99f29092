"""What a notebook shows of a run."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any

from gantlet.bundle import bundle_folder, described
from gantlet.training.folder import Folder

__all__ = ["summary"]

_NUMBERS = {
    "rate": "samples/s",
    "discriminator/loss": "loss of the discriminator",
    "generator/loss": "loss of the generator",
    "coverage": "coverage",
    "spread": "spread",
}


def summary(path: Path, state: str = "") -> str:
    """A run or bundle as HTML: what it is, where it stands, and its newest grid of samples.

    Arguments:
        path: of the run or bundle.
        state: a sentence on how training ended, if it is known.
    """
    facts = {**_facts(path), **({"state": state} if state else {}), **_measured(path)}
    rows = "".join(
        f'<tr><th style="text-align:left">{escape(name)}</th>'
        f'<td style="text-align:left">{escape(fact)}</td></tr>'
        for name, fact in facts.items()
    )
    return f"<p><b>{escape(str(path))}</b></p><table>{rows}</table>{_picture(path)}"


def _facts(path: Path) -> dict[str, str]:
    about = described(bundle_folder(path))
    spec, made = about["spec"], about["about"]
    shape = " x ".join(map(str, spec["shape"]))
    classes = f" in {len(spec['classes'])} classes" if spec["classes"] else ""
    return {
        "data": f"{made['data']}: {made['count']:,} samples of {spec['kind']} {shape}{classes}",
        "recipe": "a game of one's own" if made["own_game"] else about["config"]["recipe"],
        "samples seen": f"{made['seen']:,}",
        "health": made["verdict"],
    }


def _measured(path: Path) -> dict[str, str]:
    """Numbers of the last row of the log that has them."""
    rows: list[Mapping[str, Any]] = [row for row in Folder(path).rows() if "rate" in row]
    last = rows[-1] if rows else {}
    return {name: f"{last[key]:,.3g}" for key, name in _NUMBERS.items() if key in last}


def _picture(path: Path) -> str:
    pictures = sorted(Folder(path).samples.glob("[0-9]*.png"))
    if not pictures:
        return ""
    content = base64.b64encode(pictures[-1].read_bytes()).decode()
    return f'<img alt="samples of the run" src="data:image/png;base64,{content}">'
