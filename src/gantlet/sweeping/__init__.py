"""Settings tried under successive halving, with validation as the judge."""

from __future__ import annotations

from gantlet.sweeping.design import Design, design
from gantlet.sweeping.runner import played, sweep
from gantlet.sweeping.table import Swept

__all__ = ["Design", "Swept", "design", "played", "sweep"]
