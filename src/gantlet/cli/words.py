"""Positional words: a word with `=` that names no existing path is a setting."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from gantlet.errors import UsageError

__all__ = ["sorted_out"]


def sorted_out(words: Sequence[str], *names: str) -> tuple[list[str], list[str]]:
    """The plain words, at most one for each of `names`, and the settings.

    Raises:
        UsageError: there are more plain words than names.
    """
    settings = [word for word in words if "=" in word and not Path(word).exists()]
    plain = [word for word in words if word not in settings]
    if len(plain) > len(names):
        raise UsageError(
            f"{plain[len(names)]!r} is one word too many",
            expected=f"at most {' and '.join(names)}, and settings as key=value",
            remedy="Put quotes around a path with spaces.",
        )
    return plain, settings
