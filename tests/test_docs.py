"""What README and docs show works: Python blocks run, commands parse, settings exist."""

import re
import shlex
from pathlib import Path

import pytest

from gantlet.cli import app
from gantlet.cli.words import sorted_out
from gantlet.config import override
from gantlet.data import BUILTINS, open_data
from gantlet.recipes import chosen, recipe
from tests.conftest import ROOT

PAGES = {
    path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
    for path in (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))
}
FENCE = re.compile(r"(<!-- (\w+) -->\n)?^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
INDENTED = re.compile(r"^ {4}((?:gantlet|torchrun) .*)$", re.MULTILINE)


def blocks(page: str, language: str) -> list[tuple[str, str]]:
    """(mark, text) of the page's blocks in a language; the mark is a comment right before."""
    return [(mark, text) for _, mark, kind, text in FENCE.findall(PAGES[page]) if kind == language]


def command_lines(page: str) -> list[str]:
    """The page's lines that call Gantlet, without comments."""
    text = [text for _, text in blocks(page, "console")]
    lines = [line for part in text for line in part.splitlines()]
    words = "gantlet ", "torchrun "
    shown = [line for line in lines if line.startswith(words)]
    return [line.split("  #")[0].strip() for line in [*shown, *INDENTED.findall(PAGES[page])]]


WITH_PYTHON = [page for page in PAGES if blocks(page, "python")]
COMMANDS = [(page, line) for page in PAGES for line in command_lines(page)]


def test_blocks_and_commands_are_found():
    assert {"README.md", "docs/your-own-game.md"} <= set(WITH_PYTHON)
    assert {"README.md", "docs/training.md"} <= {page for page, _ in COMMANDS}


@pytest.mark.parametrize("page", WITH_PYTHON)
def test_python_blocks_run_in_order(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {"__name__": "__main__"}
    for mark, text in blocks(page, "python"):
        code = compile(text, page, "exec")
        if mark != "slow":
            exec(code, names)
    assert "__builtins__" in names


@pytest.mark.parametrize(("page", "line"), COMMANDS)
def test_commands_parse_and_their_settings_exist(page, line, tmp_path, monkeypatch):
    words = shlex.split(line.split(" -m ")[-1].removeprefix("gantlet").strip())
    monkeypatch.chdir(tmp_path)
    for word in words:
        if word.startswith("runs/"):  # a missing run is refused before anything is loaded
            Path(word).mkdir(parents=True, exist_ok=True)
    verb, bound, _ = app().parse_args(words, exit_on_error=False, print_error=False)
    options = bound.arguments
    if verb.__name__ in ("train_", "config_"):
        plain, settings = sorted_out(options.get("words", ()), "RECIPE", "DATA")
        if "from_" in options:
            settings = [*settings, f"train.init_from={options['from_']}"]
        data = [word for word in plain if word in BUILTINS]
        spec = open_data(data[0] if data else "digits").spec
        name = options.get("recipe") or (plain[:1] if verb.__name__ == "config_" else None)
        name = (name[0] if isinstance(name, list) else name) or chosen(spec)[0]
        assert override(recipe(name, spec), settings).recipe == name


def test_links_to_files_of_the_project_lead_somewhere():
    for page, text in PAGES.items():
        prose = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
        for target in re.findall(r"\]\((?!https?://|#)([^)#\s]+)", prose):
            assert (ROOT / page).parent.joinpath(target).exists(), f"{page}: {target}"


def test_named_files_of_the_project_exist():
    pattern = re.compile(r"`((?:examples|tests|benchmarks|src|scripts)/[\w/.-]+\.\w+)`")
    for page, text in PAGES.items():
        for name in pattern.findall(text):
            assert (ROOT / Path(name)).exists(), f"{page}: {name}"
