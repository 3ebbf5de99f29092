"""Measurements behind the numbers in `docs/benchmarks`; run each with `python -m`."""

# Before torch: gantlet tells OpenMP's threads to sleep at barriers, which is read only once.
from gantlet import __version__

__all__ = ["__version__"]
