"""Tables grow by what installed packages declare; a package with a fault is named."""

import subprocess
import sys

import pytest

from gantlet.errors import UsageError
from gantlet.extensions import Table
from tests.cli.door import command

MODULE = """
from dataclasses import dataclass, replace
from typing import Literal

from gantlet.augment import AUGMENTATIONS
from gantlet.games import Versus
from gantlet.networks import MLP
from gantlet.objectives import LINKS
from gantlet.penalties import PENALTIES
from gantlet.recipes import recipe


def soft(spec):
    \"\"\"The recipe for points with all parts of this package.

    Source: this test
    \"\"\"
    base = recipe("points", spec)
    game = Softly(objective="linear", penalties={"steep": 2.0})
    return replace(base, recipe="soft", network=Thin(), game=game)


@dataclass(frozen=True, kw_only=True)
class Thin(MLP):
    \"\"\"A network of eight neurons.

    Source: this test
    \"\"\"

    name: Literal["thin"] = "thin"
    hidden: tuple[int, ...] = (8,)
    latent: int = 4


@dataclass(frozen=True, kw_only=True)
class Softly(Versus):
    \"\"\"The game, softly.

    Source: this test
    \"\"\"

    name: Literal["softly"] = "softly"


linear = replace(LINKS["wasserstein"], line="a line", source="this test")
steep = replace(PENALTIES["r1"], line="a slope", source="this test")
mirror = replace(AUGMENTATIONS["xflip"], line="a mirror", source="this test")
number = 3
"""
ENTRIES = {
    "recipes": {"soft": "soft"},
    "networks": {"thin": "Thin"},
    "games": {"softly": "Softly"},
    "objectives": {"linear": "linear"},
    "penalties": {"steep": "steep"},
    "augmentations": {"mirror": "mirror"},
}


def installed(folder, package, entries, module=MODULE):
    """A package as an installer leaves it: a module, and the folder with its metadata."""
    name = package.replace("-", "_")
    about = folder / f"{name}-1.0.dist-info"
    about.mkdir(parents=True)
    (folder / f"{name}.py").write_text(module)
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
    lines = []
    for kind, points in entries.items():
        lines.append(f"[gantlet.{kind}]")
        lines += [f"{entry} = {name}:{attribute}" for entry, attribute in points.items()]
    (about / "entry_points.txt").write_text("\n".join(lines) + "\n")
    return folder


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder on the path, where packages can be put."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path / "packages")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "packages"), prepend=":")
    return tmp_path / "packages"


def said(*words):
    """What a command of its own process prints, and how it ends."""
    done = subprocess.run(command(*words), capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def test_a_package_adds_to_every_table_and_its_recipe_trains_and_samples(place):
    installed(place, "soft-gan", ENTRIES)
    code, listed = said("list")
    assert code == 0, listed
    for name, line in {
        "soft": "The recipe for points with all parts of this package",
        "thin": "A network of eight neurons",
        "softly": "The game, softly",
        "linear": "a line",
        "steep": "a slope",
        "mirror": "a mirror",
    }.items():
        assert f"  {name:<26} {line}" in listed
    assert listed.count("this test") == 6
    short = ("train.batch=16", "train.tick=64", "train.threads=1", "game.penalties.steep=1.5")
    code, told = said("train", "ring", "--recipe", "soft", "--samples", 64, *short)
    assert code == 0, told
    settings = (place.parent / "runs" / "ring-soft" / "config.yaml").read_text()
    for line in ("name: thin", "name: softly", "objective: linear", "{steep: 1.5}"):
        assert line in settings
    code, told = said("sample", "runs/ring-soft", "-n", 3)
    assert code == 0, told
    assert "3 samples" in told
    code, told = said("train", "ring", "--recipe", "sofd")
    assert (code, "Did you mean soft?" in told) == (2, True), told


def test_a_recipe_that_gives_no_settings_is_refused(place):
    installed(place, "empty-gan", {"recipes": {"empty": "empty"}}, "def empty(spec): ...")
    code, told = said("train", "ring", "--recipe", "empty")
    assert (code, "'empty' of an installed package: expected a" in told) == (2, True), told


def table(kind="numbers"):
    return Table(kind, {"one": 1}, lambda entry: isinstance(entry, int), "a whole number")


def test_names_come_after_the_projects_own_and_load_when_used(place):
    broken = {"two": "number", "three": "missing"}
    installed(place, "some-numbers", {"numbers": broken}, "number = 2")
    numbers = table()
    assert list(numbers) == ["one", "two", "three"]
    assert (numbers["one"], numbers["two"], len(numbers)) == (1, 2, 3)
    assert "four" not in numbers
    with pytest.raises(KeyError):
        numbers["four"]
    assert list(table("letters")) == ["one"]


@pytest.mark.parametrize(
    ("attribute", "module", "words"),
    [
        ("missing", "number = 2", "AttributeError"),
        ("number", "import nowhere_at_all", "ModuleNotFoundError: No module named"),
        ("number", "raise OSError('no weights')", "OSError: no weights"),
        ("number", "number = 'two'", "expected a whole number, received 'two'"),
    ],
)
def test_an_entry_with_a_fault_is_refused_with_its_package(place, attribute, module, words):
    package = f"faulty-{abs(hash((attribute, module)))}"  # a module is imported once a process
    installed(place, package, {"numbers": {"two": attribute}}, module)
    numbers = table()
    assert numbers["one"] == 1
    with pytest.raises(UsageError, match=rf"'two' among the numbers of the package {package}: "):
        numbers["two"]
    with pytest.raises(UsageError) as caught:
        dict(numbers)
    assert words in str(caught.value)
    assert "uninstall" in str(caught.value)


def test_a_name_that_is_taken_is_refused_with_its_package(place):
    installed(place, "second-one", {"numbers": {"one": "number"}}, "number = 11")
    assert table()["one"] == 1
    with pytest.raises(UsageError, match=r"'one' among .* package second-one.*Gantlet has"):
        list(table())


def test_two_packages_with_one_name_are_both_named(place):
    installed(place, "pair-a", {"numbers": {"two": "number"}}, "number = 2")
    installed(place, "pair-b", {"numbers": {"two": "number"}}, "number = 22")
    with pytest.raises(UsageError, match=r"'two' among .*pair-[ab].*one that pair-[ab] has"):
        list(table())


def test_the_first_entry_is_looked_for_late():
    code = (
        "import sys, gantlet.objectives, gantlet.recipes;"
        "gantlet.recipes.RECIPES['mlp'], gantlet.objectives.LINKS['hinge'];"
        "sys.exit('_points' in vars(gantlet.recipes.RECIPES))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
