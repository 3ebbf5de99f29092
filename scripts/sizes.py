"""How long the files and functions of the source are; run it for the table, tests hold the limits.

A file counts every line. A function counts the lines of its statement, from `def` to its end,
without its docstring, so that explaining a function does not make it "long".
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles

__all__ = ["ROOT", "Size", "files", "functions", "ninth_decile", "python_files"]

ROOT = Path(__file__).resolve().parent.parent
"""The root of the project."""

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, order=True)
class Size:
    """The number of lines of a thing, and where it stands."""

    lines: int
    where: str


def python_files(folder: str) -> list[Path]:
    """The Python files under a folder of the project, in order."""
    return sorted((ROOT / folder).rglob("*.py"))


def files(folder: str) -> list[Size]:
    """The size of every Python file under a folder of the project."""
    return [
        Size(len(path.read_text().splitlines()), str(path.relative_to(ROOT)))
        for path in python_files(folder)
    ]


def _length(node: Function) -> int:
    lines = (node.end_lineno or node.lineno) - node.lineno + 1
    if ast.get_docstring(node, clean=False) is None:
        return lines
    docstring = node.body[0]
    return lines - ((docstring.end_lineno or docstring.lineno) - docstring.lineno + 1)


def functions(source: str, where: str) -> Iterator[Size]:
    """The size of every function and method in `source`, the nested ones too."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, Function):
            yield Size(_length(node), f"{where}:{node.lineno} {node.name}")


def ninth_decile(lines: list[int]) -> float:
    """The length that nine in ten do not exceed."""
    return quantiles(lines, n=10, method="inclusive")[-1]


def _unit(size: Size) -> str:
    return Path(size.where).parts[2].removesuffix(".py")


def _print_longest(title: str, sizes: list[Size], count: int = 10) -> None:
    lines = [size.lines for size in sizes]
    print(
        f"\n{title}: {len(lines)}, median {median(lines):g}, "
        f"nine in ten up to {ninth_decile(lines):g}, longest {max(lines)}"
    )
    for size in sorted(sizes, reverse=True)[:count]:
        print(f"{size.lines:7}  {size.where}")


def main() -> None:
    """Print lines by package, then the longest files and functions of the source."""
    source = files("src")
    for unit in dict.fromkeys(map(_unit, source)):
        print(f"{sum(size.lines for size in source if _unit(size) == unit):7}  {unit}")
    print(f"{sum(size.lines for size in source):7}  in all")
    _print_longest("files", source)
    defined = [
        size
        for path in python_files("src")
        for size in functions(path.read_text(), str(path.relative_to(ROOT)))
    ]
    _print_longest("functions", defined)


if __name__ == "__main__":
    main()
