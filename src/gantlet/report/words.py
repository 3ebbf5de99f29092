"""Numbers and settings as a person reads them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from gantlet.metrics.estimate import Estimate

__all__ = ["central", "facts", "interval", "number", "share", "span"]


def number(value: float, decimals: int | None = None) -> str:
    """A value with so many decimals, or with four significant digits."""
    if not math.isfinite(value):
        return {math.inf: "∞", -math.inf: "-∞"}.get(value, "not a number")
    if decimals is None:
        decimals = 1 + _significant(value) if value else 0
    elif decimals < 0:  # then ends of an interval may differ by orders of magnitude
        decimals = min(0, _significant(value))
    if decimals > 5:
        return f"{value:.2e}" if value else "0"
    return f"{round(value, decimals):,.{max(0, decimals)}f}"


def _significant(value: float) -> int:
    """Decimals that leave three significant digits."""
    return 2 - math.floor(math.log10(abs(value))) if value else 0


def _decimals(estimate: Estimate) -> int | None:
    """Decimals that tell an interval's width to two digits, and its value to about three."""
    width = estimate.high - estimate.low
    if not (math.isfinite(width) and math.isfinite(estimate.value) and width > 0):
        return None
    needed = 1 - math.floor(math.log10(width))
    return max(needed, min(needed + 1, _significant(estimate.value)))


def central(estimate: Estimate) -> str:
    """The value alone, with the digits that its interval leaves meaningful."""
    return number(estimate.value, _decimals(estimate))


def interval(estimate: Estimate) -> str:
    """`[low, high]`."""
    decimals = _decimals(estimate)
    return f"[{number(estimate.low, decimals)}, {number(estimate.high, decimals)}]"


def span(estimate: Estimate) -> str:
    """`value [low, high]`."""
    return f"{central(estimate)} {interval(estimate)}"


def share(value: Any) -> str:
    """A share as a percentage; a dash where there is none."""
    return "–" if value is None else f"{100 * value:.1f} %"


def facts(values: Mapping[str, Any], where: str = "") -> Iterator[tuple[str, str]]:
    """Nested values as pairs of a name and a text, `versions.torch` and `2.13`."""
    for key, value in values.items():
        name = f"{where}{key}"
        if isinstance(value, Mapping):
            yield from facts(value, f"{name}.")
        else:
            yield name, _told(value)


def _told(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return number(value)
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(map(_told, value))
    return str(value)
