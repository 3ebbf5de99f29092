"""The report of a run: one page that opens offline, and the papers to cite."""

from __future__ import annotations

from gantlet.report.images import Pictures
from gantlet.report.page import render, write_report
from gantlet.report.tables import Rows

__all__ = ["Pictures", "Rows", "render", "write_report"]
