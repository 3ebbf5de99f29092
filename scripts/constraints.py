"""Print the exact versions that `gantlet[dev]` needs, as installed in this environment.

`make constraints` writes the answer to `constraints.txt`. Local tags such as `+cpu` are cut: a
constraint `torch==2.13.0` accepts the build for the CPU as well as the one for CUDA.
"""

from __future__ import annotations

from importlib.metadata import distribution

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

__all__ = ["needed"]

HEADER = """\
# Exact versions of everything that `pip install -e .[dev]` brings.
# Made by `make constraints`; used by the Makefile as `pip install -c constraints.txt`.
"""


def _asked(requirement: Requirement, extras: frozenset[str]) -> bool:
    marker = requirement.marker
    return marker is None or any(marker.evaluate({"extra": extra}) for extra in extras | {""})


def needed(root: str, *extras: str) -> dict[str, str]:
    """Names and versions of all that `root[extras]` asks for here, directly or not, without it.

    Errors: `importlib.metadata.PackageNotFoundError` for one that is not installed.
    """
    versions: dict[str, str] = {}
    seen: set[tuple[str, frozenset[str]]] = set()
    waiting = [(canonicalize_name(root), frozenset(extras))]
    while waiting:
        name, extra = waiting.pop()
        if (name, extra) in seen:
            continue
        seen.add((name, extra))
        found = distribution(name)
        versions[name] = Version(found.version).public
        asked = [Requirement(text) for text in found.requires or ()]
        waiting += [
            (canonicalize_name(r.name), frozenset(r.extras)) for r in asked if _asked(r, extra)
        ]
    versions.pop(canonicalize_name(root))
    return dict(sorted(versions.items()))


if __name__ == "__main__":
    pins = needed("gantlet", "dev").items()
    print(HEADER + "\n".join(f"{name}=={version}" for name, version in pins))
