"""Tables of names that installed packages extend by entry points."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from gantlet.errors import UsageError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

__all__ = ["Table"]

Entry = TypeVar("Entry")
Made = TypeVar("Made")


class Table(Mapping[str, Entry]):
    """The project's own entries by name, then those of installed packages.

    A package adds entries to the group `gantlet.KIND` of its entry points. They are looked
    for when a name is asked for that the project has not, or all names are; one is loaded when it
    is used.

    Arguments:
        kind: what the entries are, in the plural, as `recipes`.
        own: the project's entries.
        fits: whether what a package gives can be an entry.
        expected: what that is, in words.

    Raises:
        UsageError: an entry of a package fails to load, does not fit, or has a name that is taken.
    """

    def __init__(
        self, kind: str, own: Mapping[str, Entry], fits: Callable[[Any], bool], expected: str
    ) -> None:
        self._kind, self._own, self._fits, self._expected = kind, own, fits, expected
        self._loaded: dict[str, Entry] = {}

    def __getitem__(self, name: str) -> Entry:
        if name in self._own:
            return self._own[name]
        if name not in self._loaded:
            self._loaded[name] = self._load(self._points[name])
        return self._loaded[name]

    def __iter__(self) -> Iterator[str]:
        yield from self._own
        yield from self._points

    def __len__(self) -> int:
        return len(self._own) + len(self._points)

    @cached_property
    def _points(self) -> dict[str, EntryPoint]:
        from importlib.metadata import entry_points

        found: dict[str, EntryPoint] = {}
        for point in entry_points(group=f"gantlet.{self._kind}"):
            taken = "Gantlet" if point.name in self._own else ""
            taken = _package(found[point.name]) if point.name in found else taken
            if taken:
                raise self._fault(point, "a name of its own", f"one that {taken} has")
            found[point.name] = point
        return found

    def _load(self, point: EntryPoint) -> Entry:
        try:
            entry = point.load()
        except Exception as error:  # whatever a package does when it is imported
            told = f"{type(error).__name__}: {error}"
            raise self._fault(point, "something that can be imported", told) from error
        if not self._fits(entry):
            raise self._fault(point, self._expected, repr(entry))
        loaded: Entry = entry
        return loaded

    def _fault(self, point: EntryPoint, expected: str, received: str) -> UsageError:
        return UsageError(
            f"{point.name!r} among the {self._kind} of the package {_package(point)}",
            expected=expected,
            received=received,
            remedy="Update that package, or uninstall it.",
        )


def _package(point: EntryPoint) -> str:
    return point.dist.name if point.dist else "of an unknown name"
