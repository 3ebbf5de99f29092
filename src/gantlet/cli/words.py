"""Words of the command line: one with `=` that names no existing path, nor a URL, is a setting."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from gantlet.errors import UsageError, no_bundle

__all__ = ["RunFolder", "size_setting", "sorted_out"]


def _is_there(_: type, folder: Path) -> None:
    """Refuse a path that holds no run before PyTorch is loaded, which takes seconds."""
    if not folder.is_dir():
        raise no_bundle(folder)


RunFolder = Annotated[Path, Parameter(validator=_is_there)]
"""The folder of a run or of a bundle."""


def sorted_out(words: Sequence[str], *names: str) -> tuple[list[str], list[str]]:
    """The plain words, at most one for each of `names`, and the settings.

    Raises:
        UsageError: there are more plain words than names.
    """
    settings = [word for word in words if "=" in word and not _is_data(word)]
    plain = [word for word in words if word not in settings]
    if len(plain) > len(names):
        raise UsageError(
            f"{plain[len(names)]!r} is one word too many",
            expected=f"at most {' and '.join(names)}, and settings as key=value",
            remedy="Put quotes around a path with spaces.",
        )
    return plain, settings


def _is_data(word: str) -> bool:
    return "://" in word.partition("=")[0] or Path(word).exists()


def size_setting(size: str | None, settings: Sequence[str]) -> list[str]:
    """The settings with `--size` among them: WIDTHxHEIGHT, or one side of squares.

    Raises:
        UsageError: no such size, or data.size beside it.
    """
    if size is None:
        return list(settings)
    found = re.fullmatch(r"([1-9]\d*)(?:[x×]([1-9]\d*))?", size.lower())
    if found is None:
        raise UsageError(
            f"--size {size}",
            expected="WIDTHxHEIGHT in pixels, such as 128x96, or one side of squares",
        )
    if any(setting.startswith("data.size=") for setting in settings):
        raise UsageError(
            f"--size {size} beside data.size",
            remedy="Leave one of them away; data.size=[HEIGHT,WIDTH] begins with the height.",
        )
    width, height = found[1], found[2] or found[1]
    return [*settings, f"data.size=[{height},{width}]"]
