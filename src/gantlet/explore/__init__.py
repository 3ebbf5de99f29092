"""A page on this machine on which a generator's samples change as sliders move."""

from __future__ import annotations

from gantlet.explore.explorer import Explorer, exploring
from gantlet.explore.page import explore_page

__all__ = ["Explorer", "explore_page", "exploring"]
