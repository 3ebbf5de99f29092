"""Parts of pages as HTML."""

from __future__ import annotations

import base64
from html import escape
from importlib import resources

__all__ = ["asset", "framed", "sentence"]

_LARGE, _LARGEST, _SQUARES = 384, 512, 128
"""Pixels on the page: aimed at, allowed; and up to which an image's own stay visible squares."""


def asset(package: str, name: str) -> str:
    """The text of a file of a package."""
    return resources.files(package).joinpath(name).read_text(encoding="utf-8")


def sentence(text: str) -> str:
    """A sentence for whoever reads a page; nothing where there is none."""
    return f'<p role="status">{escape(text)}</p>' if text else ""


def framed(
    png: bytes, size: tuple[int, int], attributes: str, *, kind: str = "", before: str = ""
) -> str:
    """An image, enlarged by a whole factor, in a frame that never changes its size.

    Arguments:
        size: width and height in pixels.
        attributes: of the image.
        kind: class of the frame.
        before: HTML that comes before the image in the frame.
    """
    side = max(size)
    scale = max(1, _LARGE // side) if side <= _LARGEST else _LARGEST / side
    width, height = (round(x * scale) for x in size)
    sizes = f"--width: {width}px; --box: {max(width, height)}px; --ratio: {width} / {height}"
    return (
        f'<div class="frame {kind}" style="{sizes}">{before}<img {attributes} '
        f'class="{"squares" if side <= _SQUARES else ""}" '
        f'src="data:image/png;base64,{base64.b64encode(png).decode()}"></div>'
    )
