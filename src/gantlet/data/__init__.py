"""Data: a folder, a file, an array, a table or a built-in name becomes a `Dataset`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from gantlet.data.arrays import from_arrays
from gantlet.data.builtin import BUILTINS
from gantlet.data.dataset import Array, Dataset
from gantlet.data.kinds import KINDS, readable, sniff
from gantlet.data.settings import DataSettings
from gantlet.data.tables import from_frame, is_frame, open_sql
from gantlet.errors import UsageError
from gantlet.tables.sql import is_url

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["BUILTINS", "KINDS", "DataSettings", "Dataset", "Source", "open_data"]

Source: TypeAlias = "str | Path | Array | Tensor | tuple[Any, Any]"


def open_data(
    source: Source,
    settings: DataSettings | None = None,
    *,
    cache: Path | None = None,
) -> Dataset:
    """The data at a path, under a built-in name, or in arrays.

    The kind of a path is told by its content, see `KINDS`. A string that is a built-in name
    (`digits`, `ring`, `grid`) is never a path: write `./digits` for a folder of that name.

    Arguments:
        source: a path, a built-in name, an array or tensor, a pair (samples,
            labels), a pandas DataFrame, the URL of a database (with `settings.query`).
        settings: size, labels; the defaults if none are given.
        cache: folder for decoded data too large for memory (above 1 GiB).

    Raises:
        UsageError: the source is missing, damaged or of no kind that is known; the error says
            what to do.
    """
    settings = settings or DataSettings()
    if isinstance(source, str) and source in BUILTINS:
        _check_labels(settings, source)
        return BUILTINS[source].opens(settings)
    if is_frame(source):
        return from_frame(source, name="table", settings=settings)
    if is_url(source):
        return open_sql(str(source), settings, cache)
    if not isinstance(source, str | Path):
        _check_labels(settings, "arrays")
        x, y = source if isinstance(source, tuple) else (source, None)
        labels = None if y is None else _array(y)
        return from_arrays(_array(x), labels, name="array", settings=settings, cache=cache)
    path = Path(source).expanduser()
    with readable(path):
        kind = KINDS[sniff(path)]
        if kind.entries is None:
            _check_labels(settings, str(path))
        return kind.opens(path, settings, cache)


def _check_labels(settings: DataSettings, what: str) -> None:
    """Refuses a label file for data that are not files of images."""
    if isinstance(settings.labels, str):
        raise UsageError(
            "data.labels",
            expected=f"true or false for {what}: a label file is for images in files",
            received=settings.labels,
            remedy="Give labels with the array, as (samples, labels) or y in .npz, and the label "
            "file to gantlet pack where the data are packed",
        )


def _array(values: Any) -> Array:
    """An array as it is, a tensor as an array on the CPU, a list of labels as an array."""
    if isinstance(values, np.ndarray):
        return values
    if isinstance(values, list):
        return np.asarray(values)
    import torch

    if isinstance(values, torch.Tensor):
        tensor = values.detach().cpu()
        return (tensor.float() if tensor.dtype is torch.bfloat16 else tensor).numpy()
    raise UsageError(
        "the data",
        expected="a path, a built-in name, an array, a tensor, a pair (samples, labels) or a "
        "pandas DataFrame",
        received=type(values).__name__,
        remedy="Convert it with np.asarray",
    )
