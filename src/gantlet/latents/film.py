"""A way through a latent space as a file: a strip, or a film that runs."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol

import numpy as np
from PIL import Image

from gantlet.data.pixels import on_white
from gantlet.errors import UsageError
from gantlet.files import draft_of, drafted
from gantlet.sample import Samples, saving
from gantlet.spec import DataSpec

__all__ = ["FILMS", "check_end", "check_film", "film"]

_SIDE = 256
"""Pixels that frames are enlarged to at least, by a whole factor."""


class _Writer(Protocol):
    def __call__(self, frames: list[Image.Image], path: Path, per_second: float) -> None: ...


def film(samples: Samples, path: str | Path, *, rows: int = 1, per_second: float = 12.0) -> Path:
    """Write images that follow one another and return the path.

    Arguments:
        samples: `rows` ways of equal length, one after the other.
        path: `.png` (a strip for each way), `.gif` or `.mp4` (a film of all ways side by side),
            `.npz` (arrays).
        per_second: frames of a film.

    Raises:
        UsageError: another kind of file, samples that are no pictures, a film without a package
            that writes it.
        RunError: the disk refuses.
    """
    path = Path(path)
    check_film(path, samples.spec)
    suffix = path.suffix.lower()
    if suffix == ".npz":
        return samples.save(path)
    length = len(samples) // rows
    with saving(path):
        if suffix == ".png":
            with drafted(path) as file:
                samples.grid(length).save(file, format="png")
        else:
            _whole(FILMS[suffix], _frames(samples, rows, length), path, per_second)
    return path


def check_film(path: str | Path, spec: DataSpec) -> None:
    """Refuse what `film` cannot write, before samples are made; UsageError as there."""
    check_end(path, "a way", ".png", *FILMS, ".npz")
    suffix = Path(path).suffix.lower()
    if suffix == ".npz":
        return
    if spec.kind != "image":
        raise UsageError(
            f"samples of {spec.kind} as pictures",
            expected="images",
            remedy="Write them as .npz." if spec.kind == "points" else "",
        )
    if suffix == ".mp4" and find_spec("imageio_ffmpeg") is None:
        raise UsageError(
            f"a film as {path}",
            expected="the package imageio-ffmpeg of the extra `video`",
            received="none that can be imported",
            remedy="Install it with pip install 'gantlet[video]', or write a .gif.",
        )


def check_end(path: str | Path, what: str, *ends: str) -> None:
    """UsageError for a file whose name ends in none of `ends`, in lower case."""
    if Path(path).suffix.lower() not in ends:
        told = f"{', '.join(ends[:-1])} or {ends[-1]}"
        raise UsageError(f"{what} as {path}", expected=f"a file that ends in {told}")


def _frames(samples: Samples, rows: int, length: int) -> list[Image.Image]:
    values = samples.values.reshape(rows, length, *samples.spec.shape)
    sheets = [Samples(values[:, i], None, samples.spec).grid(rows) for i in range(length)]
    factor = max(1, -(-_SIDE // max(sheets[0].size)))
    size = (sheets[0].width * factor, sheets[0].height * factor)
    opaque = (on_white(sheet).convert("RGB") for sheet in sheets)
    return [sheet.resize(size, Image.Resampling.NEAREST) for sheet in opaque]


def _whole(write: _Writer, frames: list[Image.Image], path: Path, per_second: float) -> None:
    """Write under another name, then rename: never half a film."""
    draft = draft_of(path).with_suffix(path.suffix)
    try:
        write(frames, draft, per_second)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def _gif(frames: list[Image.Image], path: Path, per_second: float) -> None:
    duration = round(1000 / per_second)
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=duration, loop=0)


def _mp4(frames: list[Image.Image], path: Path, per_second: float) -> None:
    import imageio_ffmpeg

    width, height = (side - side % 2 for side in frames[0].size)  # its colours come in squares
    writer = imageio_ffmpeg.write_frames(
        str(path), (width, height), fps=per_second, macro_block_size=2, quality=8
    )
    writer.send(None)
    try:
        for frame in frames:
            writer.send(np.ascontiguousarray(np.asarray(frame)[:height, :width]))
    finally:
        writer.close()


FILMS: Mapping[str, _Writer] = {".gif": _gif, ".mp4": _mp4}
"""Ways to write a film, by the end of its file's name."""
