"""Errors that tell a person what was expected, what was received and what to do."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

__all__ = [
    "DivergedError",
    "GantletError",
    "OutOfMemoryError",
    "RunError",
    "UsageError",
    "is_out_of_memory",
    "newer_format",
    "no_bundle",
    "unknown",
]


_LISTED, _SHOWN = 40, 10
"""Names up to which an error lists all, and how many it shows of more."""


class GantletError(Exception):
    """Base of every error that Gantlet raises on purpose.

    Arguments:
        what: the thing that is wrong, named as the person knows it (a path, a setting).
        expected: what would have been right.
        received: what was there instead.
        remedy: a sentence that says what to do.
    """

    exit_code = 1

    def __init__(
        self, what: str, *, expected: str = "", received: str = "", remedy: str = ""
    ) -> None:
        self.what, self.expected, self.received, self.remedy = what, expected, received, remedy
        clauses = [
            f"expected {expected}" if expected else "",
            f"received {received}" * bool(received),
        ]
        detail = ", ".join(clause for clause in clauses if clause)
        sentences = [f"{what}: {detail}" if detail else what, remedy]
        self.sentences = [_closed(s) for s in sentences if s]
        super().__init__(" ".join(self.sentences))


def _closed(sentence: str) -> str:
    return sentence if sentence.endswith("?") else sentence.rstrip(".") + "."


class UsageError(GantletError):
    """The input, a setting or a path cannot be used as given (exit code 2)."""

    exit_code = 2


class RunError(GantletError):
    """A run that began rightly could not go on (exit code 1)."""


class DivergedError(RunError):
    """A run's numbers ceased to be finite and stayed so after all that could be tried."""


class OutOfMemoryError(RunError):
    """A run's step does not fit the memory; it says what would."""


def is_out_of_memory(error: Exception) -> bool:
    """Whether an error is that of an allocator: NumPy's, torch's on a processor or on a device."""
    words = ("DefaultCPUAllocator", "out of memory")
    return isinstance(error, MemoryError) or any(word in str(error) for word in words)


def unknown(kind: str, name: str, known: Iterable[str]) -> UsageError:
    """The error for a name that is in no table, with the nearest names that are."""
    names = sorted(known)
    near = get_close_matches(name, names, n=3, cutoff=0.5)
    remedy = f"Did you mean {' or '.join(near)}?" if near else ""
    listed = ", ".join(names)
    if len(names) > _LISTED:
        some = get_close_matches(name, names, n=_SHOWN, cutoff=0.0) or names[:_SHOWN]
        listed = f"{len(names):,} names, such as {', '.join(some)}"
    return UsageError(f"unknown {kind} {name!r}", expected=f"one of {listed}", remedy=remedy)


def no_bundle(folder: object) -> UsageError:
    """The error for a path at which there is neither a run nor a bundle."""
    return UsageError(
        f"no bundle in {folder}",
        expected="the folder of a run or of a bundle",
        remedy="A run writes one at its first tick; `gantlet train` makes a run.",
    )


def newer_format(what: str, found: int, known: int) -> UsageError:
    """The error for a file or folder that a later version wrote in a format unknown here."""
    return UsageError(
        what,
        expected=f"format {known} or older",
        received=f"format {found}",
        remedy="Install the newer Gantlet that wrote it.",
    )
