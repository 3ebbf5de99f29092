"""Views of the log: curves, and TensorBoard's where the extra `log` is installed."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any

from gantlet.training.callback import Callback, End, Start, Tick
from gantlet.training.folder import Folder
from gantlet.training.pictures import curves

__all__ = ["Curves", "Events"]


class Curves(Callback):
    """Draws `curves.png` when a session ends."""

    def on_end(self, end: End) -> None:
        """Draw the whole log."""
        rows = Folder(end.folder).rows()
        if rows:
            curves(rows, end.folder / "curves.png")


class Events(Callback):
    """Writes `events/` from the log's rows; on resume it is written anew from those that count."""

    def __init__(self) -> None:
        self._writer: Any = None

    def on_start(self, start: Start) -> None:
        """Open the writer and replay the log, so that nothing past the checkpoint remains."""
        if find_spec("tensorboard") is None:
            return
        from torch.utils.tensorboard import SummaryWriter

        folder = start.folder / "events"
        shutil.rmtree(folder, ignore_errors=True)
        self._writer = SummaryWriter(str(folder))
        for row in start.rows:
            self._write(row)

    def on_tick(self, tick: Tick) -> None:
        """Add a row."""
        self._write(tick.row)

    def on_end(self, end: End) -> None:
        """Close the writer."""
        if self._writer is not None:
            self._writer.close()

    def _write(self, row: Mapping[str, Any]) -> None:
        if self._writer is None:
            return
        for name, value in row.items():
            if isinstance(value, int | float) and name != "seen":
                self._writer.add_scalar(name, value, row["seen"])
        self._writer.flush()
