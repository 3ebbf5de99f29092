"""The built wheel holds the package and nothing else, and works outside the source tree."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from email import message_from_string
from pathlib import Path

import pytest

from scripts.constraints import needed
from scripts.sizes import ROOT

SOURCE = ROOT / "src"


def python(*arguments: str | Path, cwd: Path, **environment: str) -> str:
    """What `python arguments...` prints, run in `cwd`; fails with all it said."""
    command = [sys.executable, *map(str, arguments)]
    done = subprocess.run(
        command, cwd=cwd, env=os.environ | environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.strip()


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel of this tree."""
    out = tmp_path_factory.mktemp("wheel")
    python("-m", "build", "--wheel", "--no-isolation", "--outdir", out, ROOT, cwd=out)
    (built,) = out.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """A folder into which the wheel, and nothing else, is installed."""
    target = tmp_path_factory.mktemp("installed")
    options = ("--quiet", "--no-deps", "--no-index", "--target")
    python("-m", "pip", "install", *options, target, wheel, cwd=target)
    return target


def test_the_wheel_holds_the_package_and_its_licence(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    inside = {name for name in names if ".dist-info/" not in name}
    tree = [path for path in (SOURCE / "gantlet").rglob("*") if path.is_file()]
    assert inside == {
        path.relative_to(SOURCE).as_posix() for path in tree if "__pycache__" not in path.parts
    }
    assert "gantlet/py.typed" in inside
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names)


def test_the_wheel_says_what_it_is(wheel):
    with zipfile.ZipFile(wheel) as archive:
        info = next(n.split("/")[0] for n in archive.namelist() if ".dist-info/" in n)
        metadata = message_from_string(archive.read(f"{info}/METADATA").decode())
        scripts = archive.read(f"{info}/entry_points.txt").decode()
    assert metadata["License-Expression"] == "Apache-2.0"
    assert metadata["Requires-Python"] == ">=3.11"
    assert "gantlet = gantlet.cli:main" in scripts


def test_the_installed_wheel_imports_from_where_it_lies(installed, tmp_path):
    code = "import gantlet; print(gantlet.__file__)"
    where = Path(python("-c", code, cwd=tmp_path, PYTHONPATH=str(installed)))
    assert where == installed / "gantlet" / "__init__.py"


def test_the_installed_command_tells_its_version(installed, tmp_path):
    code = "import gantlet; print(gantlet.__version__)"
    version = python("-c", code, cwd=tmp_path, PYTHONPATH=str(installed))
    said = python("-m", "gantlet", "--version", cwd=tmp_path, PYTHONPATH=str(installed))
    assert said == f"gantlet {version}"


def test_the_constraints_pin_everything_that_dev_needs():
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pins = {line.split("==")[0] for line in lines if "==" in line}
    assert set(needed("gantlet", "dev")) <= pins
