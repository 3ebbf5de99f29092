"""Layers that networks are made of: norms, spectral norm, resampling, statistics, labels."""

from __future__ import annotations

__all__: list[str] = []
