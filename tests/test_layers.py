"""The floors of docs/architecture.md hold: imports point down, or left on the same floor."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "src" / "gantlet"
FLOORS = (
    ("errors", "files", "rng", "dist", "spec", "processors", "png", "forest"),
    (
        *(
            "extensions",
            "forest",
            "labels",
            "objectives",
            "penalties",
            "averages",
            "schedules",
            "distances",
        ),
        *("augment", "privacy"),
    ),
    ("nn", "networks", "tables", "data"),
    ("games",),
    ("metrics",),
    (
        *("settings", "config", "config_text", "budget", "recipes", "training", "bundle"),
        *("origin", "truncation", "rejection", "sample", "where", "row_files", "balance"),
        *("completion", "notebook", "console", "latents", "planning", "run", "synthesis"),
        *("evaluation", "bench", "sweeping"),
    ),
    ("report", "export", "serving", "judge", "explore", "serve", "cli", "__main__"),
)


def units(node: ast.AST, folder: tuple[str, ...]) -> Iterator[str]:
    """First names below `gantlet` that an import in `folder` reaches ("" for gantlet itself)."""
    if isinstance(node, ast.Import):
        targets = [alias.name.split(".") for alias in node.names]
    elif isinstance(node, ast.ImportFrom):
        base = folder[: len(folder) - node.level + 1] if node.level else ()
        module = [*base, *(node.module or "").split(".")]
        targets = [[*filter(None, module), alias.name] for alias in node.names]
    else:
        return
    yield from (
        "".join(t[1:2]) for t in targets if t[0] == "gantlet" and t[1:2] != ["__version__"]
    )


def allowed(unit: str) -> set[str]:
    """What `unit` may import: floors below, itself, and what stands left of it on its floor."""
    floor = next((i for i, names in enumerate(FLOORS) if unit in names), None)
    assert floor is not None, f"{unit} stands on no floor: give it a place in FLOORS"
    left = FLOORS[floor][: FLOORS[floor].index(unit)] if floor else ()
    return {unit, *left, *(name for names in FLOORS[:floor] for name in names)}


def offences(package: Path) -> list[str]:
    """Imports under `package` that point up or right, as `file:line imports unit`."""
    found = []
    for path in sorted(package.rglob("*.py")):
        inside = path.relative_to(package)
        if inside == Path("__init__.py"):
            continue
        permitted = allowed(inside.parts[0].removesuffix(".py"))
        folder = ("gantlet", *inside.parts[:-1])
        for node in ast.walk(ast.parse(path.read_text())):
            for unit in units(node, folder):
                if unit not in permitted:
                    found.append(f"{inside.as_posix()}:{node.lineno} imports {unit or 'gantlet'}")
    return found


def test_imports_point_down_or_left():
    assert offences(PACKAGE) == []


@pytest.mark.parametrize(
    ("file", "statement", "offence"),
    [
        ("objectives.py", "from gantlet.games.base import Game", "imports games"),
        ("spec.py", "import gantlet.errors", "imports errors"),
        ("nn/norms.py", "from gantlet import networks", "imports networks"),
        ("data/images.py", "from ..train import trainer", "imports train"),
        ("cli/sample.py", "import gantlet", "imports gantlet"),
        ("games/versus.py", "from gantlet.nn import norms", None),
        ("training/log.py", "from . import health", None),
        ("training/log.py", "from gantlet import __version__", None),
    ],
)
def test_an_offending_file_is_caught(tmp_path, file, statement, offence):
    path = tmp_path / file
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"def late():\n    {statement}\n")
    assert offences(tmp_path) == ([f"{file}:2 {offence}"] if offence else [])


LOADS_TORCH = "import sys; sys.exit('torch' in sys.modules)"
IMPORT = f"import gantlet; {LOADS_TORCH}"
HELP = f"""
import runpy, sys
sys.argv = ["gantlet", "--help"]
try:
    runpy.run_module("gantlet", run_name="__main__", alter_sys=True)
except SystemExit as leaving:
    assert not leaving.code, leaving.code
{LOADS_TORCH}
"""


MISSING = f"""
import sys
from gantlet.cli import main
try:
    main(["sample", "nowhere"])
except SystemExit as leaving:
    print(leaving.code)
{LOADS_TORCH}
"""


@pytest.mark.parametrize(
    ("code", "says"),
    [(IMPORT, ""), (HELP, "train"), (MISSING, "2")],
    ids=["import", "help", "missing run"],
)
def test_the_door_opens_without_torch(code, says):
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr or "torch was loaded"
    assert says in done.stdout
