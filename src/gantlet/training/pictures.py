"""Pictures of samples and of a run's course."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from gantlet.spec import DataSpec

__all__ = ["SHOWN_WHOLE", "as_image", "as_pixels", "curves", "grid", "picture"]

SHOWN_WHOLE = (1, 3, 4)
"""Numbers of channels of which a picture shows all."""
_SMALLEST_TILE = 64


def as_pixels(samples: NDArray[Any], spec: DataSpec) -> NDArray[np.uint8]:
    """Samples of shape (N, C, H, W) as 8 bits a channel, shape (N, H, W, C), channels last.

    Of images whose C is not in `SHOWN_WHOLE` the first channel alone.
    """
    shown = samples if samples.shape[1] in SHOWN_WHOLE else samples[:, :1]
    if samples.dtype != np.uint8 or (spec.low, spec.high) != (0, 255):
        shown = np.round((shown - spec.low) * (255 / (spec.high - spec.low))).astype(np.uint8)
    return shown.transpose(0, 2, 3, 1)


def as_image(sample: NDArray[Any], spec: DataSpec) -> Image.Image:
    """One sample of shape (C, H, W) as an 8-bit picture: the first channel unless C is 3 or 4."""
    pixels = np.ascontiguousarray(as_pixels(sample[None], spec)[0])
    return Image.fromarray(pixels if pixels.shape[-1] > 1 else pixels[..., 0])


def grid(samples: NDArray[Any], spec: DataSpec, columns: int | None = None) -> Image.Image:
    """Samples of shape (N, C, H, W) in rows; small ones are enlarged by a whole factor."""
    columns = columns or math.ceil(math.sqrt(len(samples)))
    height, width = spec.shape[1:]
    factor = max(1, _SMALLEST_TILE // max(height, width))
    gap = 2
    tiles = [as_image(sample, spec) for sample in samples]
    lines = math.ceil(len(tiles) / columns)
    size = (width * factor + gap, height * factor + gap)
    sheet = Image.new(
        tiles[0].mode, (columns * size[0] + gap, lines * size[1] + gap), _paper(tiles[0].mode)
    )
    for i, tile in enumerate(tiles):
        enlarged = tile.resize((width * factor, height * factor), Image.Resampling.NEAREST)
        sheet.paste(enlarged, (gap + i % columns * size[0], gap + i // columns * size[1]))
    return sheet


def _paper(mode: str) -> int | tuple[int, ...]:
    return 255 if mode == "L" else (255,) * len(mode)


def picture(
    samples: NDArray[Any], spec: DataSpec, path: Path | IO[bytes], columns: int | None = None
) -> None:
    """Write a grid of images, the columns of a table, or a scatter of the first two coordinates
    of points, as PNG."""
    if spec.kind == "image":
        grid(samples, spec, columns).save(path, format="png")
        return
    if spec.kind == "table":
        from gantlet.training.marginals import draw_columns  # needs pandas

        figure = _figure(14, 9)
        draw_columns(figure, samples, spec)
        with warnings.catch_warnings():  # columns may have names that the font lacks signs of
            warnings.filterwarnings("ignore", "Glyph", UserWarning)
            figure.savefig(path, dpi=90, format="png")
        return
    figure = _figure(5, 5, layout="constrained")
    axes = figure.add_subplot()
    second = samples[:, 1] if samples.shape[1] > 1 else np.zeros(len(samples))
    axes.scatter(samples[:, 0], second, s=4, alpha=0.5, linewidths=0)
    axes.set_aspect("equal")
    middle, reach = (spec.low + spec.high) / 2, (spec.high - spec.low) * 0.65
    axes.set_xlim(middle - reach, middle + reach)
    axes.set_ylim(middle - reach, middle + reach)
    figure.savefig(path, dpi=100, format="png")


def _figure(width: float, height: float, layout: Literal["constrained"] | None = None) -> Any:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout=layout)
    FigureCanvasAgg(figure)
    return figure


_PANELS: Mapping[str, Sequence[str]] = {
    "loss": ("discriminator/loss", "generator/loss", "pull/loss"),
    "logits of the critic": ("discriminator/real", "discriminator/fake"),
    "norm of the gradient": ("discriminator/gradient", "generator/gradient"),
    "health": ("coverage", "spread", "class_spread", "critic_accuracy", "critic_memory"),
    "quality in validation": ("validation", "validation_low", "validation_high"),
    "copying: share among the nearest, and its bound": ("copying", "copying_bound"),
}


def curves(rows: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Write the curves of a log's rows over samples seen as PNG, a panel for each theme in it.

    The layout is fixed: to seek one takes longer than a short training.
    """
    figure = _figure(14, 6)
    figure.subplots_adjust(0.035, 0.07, 0.99, 0.95, wspace=0.13, hspace=0.3)
    panels = {title: _lines(rows, names) for title, names in _PANELS.items()}
    shown = [(title, lines) for title, lines in panels.items() if lines]
    for place, (title, lines) in enumerate(shown, start=1):
        axes = figure.add_subplot(2, 3, place)
        for name, points in lines.items():
            axes.plot(*zip(*points, strict=True), label=name.replace("_", " "), linewidth=1.4)
        axes.set_title(title, loc="left", fontsize=10)
        axes.set_xlabel("real samples seen", fontsize=8)
        axes.tick_params(labelsize=8)
        axes.grid(alpha=0.25)
        axes.legend(fontsize=8, frameon=False)
    figure.savefig(path, dpi=110)


def _lines(
    rows: Sequence[Mapping[str, Any]], names: Sequence[str]
) -> dict[str, list[tuple[int, float]]]:
    found = {
        name: [(row["seen"], row[name]) for row in rows if row.get(name) is not None]
        for name in names
    }
    return {name: points for name, points in found.items() if points}
