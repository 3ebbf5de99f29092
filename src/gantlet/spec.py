"""What a set of data is: the one description that networks, games and bundles read."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import torch
    from torch import Tensor

__all__ = ["Batch", "DataSpec"]


@dataclass(frozen=True, kw_only=True)
class DataSpec:
    """Kind, shape, range and classes of a set of data.

    Networks work on x in [-1, 1]: x = 2 (raw - low) / (high - low) - 1.
    """

    kind: Literal["image", "points"]
    """`image`: shape (C, H, W). `points`: shape (D,), without bounds."""
    shape: tuple[int, ...]
    """Shape of one sample."""
    dtype: Literal["uint8", "uint16", "float32"] = "uint8"
    """Type of the raw values as stored."""
    low: float = 0.0
    """Raw value that becomes -1."""
    high: float = 255.0
    """Raw value that becomes +1."""
    classes: tuple[str, ...] = ()
    """Names of the classes in the order of their labels; empty without labels."""
    frequencies: tuple[float, ...] = ()
    """Share of each class among all samples, those held out too; sums to one."""

    @property
    def size(self) -> int:
        """Numbers in one sample."""
        return math.prod(self.shape)

    def encode(self, raw: Tensor, dtype: torch.dtype | None = None) -> Tensor:
        """Raw values to x in [-1, 1], in `dtype` (float32 if none is given)."""
        import torch

        x = raw.to(dtype or torch.float32, copy=True)
        span = self.high - self.low
        return x.mul_(2 / span).sub_((self.high + self.low) / span)

    def decode(self, x: Tensor) -> Tensor:
        """x in [-1, 1] to raw values; images are clipped to the range and rounded to `dtype`."""
        import torch

        raw = (x.to(torch.float32) + 1) * ((self.high - self.low) / 2) + self.low
        if self.kind == "points":
            return raw
        raw = raw.clamp(self.low, self.high)
        return raw if self.dtype == "float32" else raw.round().to(getattr(torch, self.dtype))

    def to_json(self) -> dict[str, Any]:
        """A mapping of plain values."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> DataSpec:
        """The inverse of `to_json`, from parsed JSON."""
        lists = {k: tuple(v) for k, v in values.items() if isinstance(v, list)}
        return cls(**{**values, **lists})


@dataclass(frozen=True)
class Batch:
    """Samples as networks see them."""

    x: Tensor
    """Shape (B, *spec.shape), values in [-1, 1]."""
    y: Tensor | None = None
    """Class labels, shape (B,), int64; None without labels."""

    def __len__(self) -> int:
        return len(self.x)
