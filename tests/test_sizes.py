"""Files and functions stay short, modules say what is public, and every test asserts."""

from __future__ import annotations

import ast
from pathlib import Path
from statistics import median

import pytest

from scripts.sizes import files, functions, ninth_decile, python_files

UNFINISHED = ("TODO", "FIXME", "type: " + "ignore", "raise NotImplementedError")
CHECKS = ("check_", "assert_")
EXPECTATIONS = ("raises", "warns")


def _called(node: ast.Call) -> str:
    function = node.func
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def asserts(test: ast.AST) -> bool:
    """Whether a test holds an assertion, an expectation or a call of a check."""
    calls = [_called(node) for node in ast.walk(test) if isinstance(node, ast.Call)]
    return any(isinstance(node, ast.Assert) for node in ast.walk(test)) or any(
        name in EXPECTATIONS or name.startswith(CHECKS) for name in calls
    )


def idle_tests(source: str) -> list[str]:
    """Names of the test functions in `source` that assert nothing."""
    return [
        node.name
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef)
        and node.name.startswith("test_")
        and not asserts(node)
    ]


def names_its_public(path: Path) -> bool:
    """Whether a module assigns `__all__`."""
    tree = ast.parse(path.read_text())
    assignments = [node for node in tree.body if isinstance(node, ast.Assign)]
    return any(ast.unparse(a.targets[0]) == "__all__" for a in assignments)


@pytest.mark.parametrize("folder", ["src", "tests", "benchmarks", "examples", "scripts"])
def test_no_file_exceeds_400_lines(folder):
    assert [str(size) for size in files(folder) if size.lines > 400] == []


def test_files_of_the_source_have_a_median_of_about_150_lines():
    assert median(size.lines for size in files("src")) <= 150


def test_functions_of_the_source_are_short():
    sizes = [s for path in python_files("src") for s in functions(path.read_text(), path.name)]
    lines = [size.lines for size in sizes]
    assert [str(size) for size in sizes if size.lines > 80] == []
    assert ninth_decile(lines) <= 35
    assert median(lines) <= 8


def test_every_module_names_what_is_public():
    modules = [path for path in python_files("src") if path.name != "__init__.py"]
    assert [path.name for path in modules if not names_its_public(path)] == []


def test_nothing_in_the_source_is_left_unfinished():
    texts = {path: path.read_text() for path in python_files("src")}
    assert [
        (p.name, mark) for p, text in texts.items() for mark in UNFINISHED if mark in text
    ] == []


def test_every_test_asserts():
    found = {path.name: idle_tests(path.read_text()) for path in python_files("tests")}
    assert {name: tests for name, tests in found.items() if tests} == {}


def test_a_function_is_measured_without_its_docstring():
    source = 'class A:\n  def f(self):\n    """One.\n\n    Two.\n    """\n    return 1\n'
    assert [(s.lines, s.where) for s in functions(source, "a.py")] == [(2, "a.py:2 f")]


@pytest.mark.parametrize(
    ("body", "idle"),
    [
        ("run()", ["test_it"]),
        ("assert 1", []),
        ("with pytest.raises(ValueError): run()", []),
        ("torch.testing.assert_close(a, b)", []),
    ],
)
def test_a_test_that_asserts_nothing_is_found(body, idle):
    assert idle_tests(f"def test_it():\n    {body}\n") == idle
