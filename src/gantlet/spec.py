"""What a set of data is: the one description that networks, games and bundles read."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from itertools import accumulate
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray
    from torch import Tensor

__all__ = ["Batch", "Condition", "DataSpec", "Head", "Layout"]


@dataclass(frozen=True, kw_only=True)
class Head:
    """One part of a row."""

    name: str
    """The column it belongs to, and which part of it: `age`, `age/mode`."""
    width: int = 1
    """1: a number in [-1, 1]. 2 or more: a choice among as many."""
    is_condition: bool = False
    """Whether each of its choices is a class that a generator can be asked for."""

    @property
    def is_choice(self) -> bool:
        """Whether it is a choice and not a number."""
        return self.width > 1


class Layout:
    """Where each head lies in a row, R heads and D numbers in all.

    A stored row has one number a head: a value in [-1, 1] for a number, a code 0 ... width - 1 for
    a choice. Networks see a row as one vector of D = sum of widths: numbers as they are, choices
    as one-hots, soft ones where a generator made them.

    Arguments:
        heads: in the order of the stored numbers.
    """

    def __init__(self, heads: Sequence[Head]) -> None:
        self.heads = tuple(heads)
        self.offsets = (0, *accumulate(head.width for head in heads))
        self.numbers = [i for i, head in enumerate(heads) if not head.is_choice]
        self.choices = [i for i, head in enumerate(heads) if head.is_choice]

    @property
    def size(self) -> int:
        """D."""
        return self.offsets[-1]

    @cached_property
    def classes(self) -> tuple[tuple[int, int], ...]:
        """The head and the code behind each class, in the order of classes."""
        return tuple(
            (i, code)
            for i, head in enumerate(self.heads)
            if head.is_condition
            for code in range(head.width)
        )

    def spread(self, raw: Tensor, dtype: torch.dtype) -> Tensor:
        """Stored rows (B, R) to what networks see, (B, D)."""
        import torch

        x = torch.zeros(len(raw), self.size, dtype=dtype, device=raw.device)
        x[:, self._at(self.numbers)] = raw[:, self.numbers].to(dtype)
        return x.scatter_(1, raw[:, self.choices].long() + self._places(raw), 1.0)

    def gathered(self, x: Tensor) -> Tensor:
        """The inverse of `spread`, (B, D) to (B, R) in float32: the largest of each choice."""
        import torch

        raw = torch.empty(len(x), len(self.heads), dtype=torch.float32, device=x.device)
        for i, part in enumerate(x.split([head.width for head in self.heads], 1)):
            # `max` finds the place in half the time of `argmax`.
            raw[:, i] = part.max(1).indices if part.shape[1] > 1 else part[:, 0].clamp(-1, 1)
        return raw

    def _at(self, heads: Sequence[int]) -> list[int]:
        return [self.offsets[i] for i in heads]

    def _places(self, like: Any) -> Tensor:
        import torch

        return torch.tensor(self._at(self.choices), dtype=torch.int64, device=like.device)


@dataclass(frozen=True, kw_only=True)
class Condition:
    """One thing that a sample can be asked for, beside others: a flag, a number or a choice.

    Its value v is a place p from 0 to `last`, and networks are told of it by W numbers. A flag is
    told as it is, W = 1. All others have W = last + 1 vectors of their own, and what lies between
    two of them is a mixture of both: number k is max(0, 1 - |p - k|).
    """

    name: str
    kind: Literal["flag", "number", "level", "choice"]
    """`flag`: no or yes, as 0 or 1. `number`: any number between the first of `knots` and the
    last. `level`: the same, drawn only at its knots. `choice`: one of `names`, told as its place
    among them."""
    knots: tuple[float, ...] = ()
    """Of a number or level: values in ascending order, two or more; p counts them."""
    names: tuple[str, ...] = ()
    """Of a choice."""
    shares: tuple[float, ...] = ()
    """Of the samples at each place; of a number, between each two."""
    after: int = -1
    """The number of the condition after which it is drawn; -1 for none."""
    given: tuple[tuple[float, ...], ...] = ()
    """Its shares for each place of that condition, or for what lies between each two."""

    @property
    def last(self) -> int:
        """The largest place."""
        return max(len(self.knots), len(self.names), 2) - 1

    @property
    def parts(self) -> int:
        """How many shares it has."""
        return self.last + (self.kind != "number")

    @property
    def width(self) -> int:
        """W."""
        return 1 if self.kind == "flag" else self.last + 1

    def place(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Places of values, (N,): what lies beyond the knots is at the first or the last."""
        import numpy as np

        if not self.knots:
            return values
        places: NDArray[np.float64] = np.interp(values, self.knots, range(len(self.knots)))
        return places

    def value(self, places: NDArray[np.float64]) -> NDArray[np.float64]:
        """The inverse of `place`."""
        import numpy as np

        if not self.knots:
            return places
        values: NDArray[np.float64] = np.interp(places, range(len(self.knots)), self.knots)
        return values

    def part(self, places: NDArray[np.float64]) -> NDArray[np.int64]:
        """Which share places belong to, (N,)."""
        import numpy as np

        number = self.kind == "number"
        parts: NDArray[np.int64] = (places if number else np.rint(places)).astype(np.int64)
        return parts.clip(0, self.parts - 1)

    def told(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """What networks are told of values, (N,) to (N, W)."""
        import numpy as np

        places = self.place(values)[:, None]
        if self.kind == "flag":
            return places
        near: NDArray[np.float64] = np.clip(1 - np.abs(places - np.arange(self.width)), 0, 1)
        return near

    def untold(self, told: NDArray[np.float64]) -> NDArray[np.float64]:
        """The inverse of `told`."""
        import numpy as np

        return self.value(told[:, 0] if self.kind == "flag" else told @ np.arange(self.width))

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Condition:
        """From parsed JSON of its fields."""
        lists = {k: tuple(v) for k, v in values.items() if isinstance(v, list)}
        given = tuple(tuple(shares) for shares in values.get("given", ()))
        return cls(**{**values, **lists, "given": given})


@dataclass(frozen=True, kw_only=True)
class DataSpec:
    """Kind, shape, range and classes of a set of data.

    Networks work on x in [-1, 1]: x = 2 (raw - low) / (high - low) - 1. The rows of a table are
    numbers and one-hots instead (`Layout`).
    """

    kind: Literal["image", "points", "table"]
    """`image`: shape (C, H, W). `points`: shape (D,), without bounds. `table`: shape (D,)."""
    shape: tuple[int, ...]
    """Shape of one sample as networks see it."""
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
    conditions: tuple[Condition, ...] = ()
    """What each sample tells of itself; empty without conditions, and where there are classes."""
    heads: tuple[Head, ...] = ()
    """Of a table: the typed parts of a row."""
    table: Mapping[str, Any] = field(default_factory=dict, hash=False)
    """Of a table: what turns stored rows into columns again (`gantlet.tables`), plain values."""

    @property
    def size(self) -> int:
        """Numbers in one sample."""
        return math.prod(self.shape)

    @property
    def condition_size(self) -> int:
        """Vectors by which a network learns what a sample is to be: of classes or conditions."""
        return len(self.classes) or sum(condition.width for condition in self.conditions)

    @property
    def only_flags(self) -> bool:
        """Whether all conditions are flags, so that what is told of a sample may be zero alone."""
        return bool(self.conditions) and all(c.kind == "flag" for c in self.conditions)

    @property
    def stored(self) -> tuple[int, ...]:
        """Shape of one sample as it is stored: of a row of a table one number a head."""
        return (len(self.heads),) if self.kind == "table" else self.shape

    @cached_property
    def layout(self) -> Layout:
        """Where the heads of a row lie."""
        return Layout(self.heads)

    def encode(self, raw: Tensor, dtype: torch.dtype | None = None) -> Tensor:
        """Raw values to x in [-1, 1], in `dtype` (float32 if none is given)."""
        import torch

        if self.kind == "table":
            return self.layout.spread(raw, dtype or torch.float32)
        x = raw.to(dtype or torch.float32, copy=True)
        span = self.high - self.low
        return x.mul_(2 / span).sub_((self.high + self.low) / span)

    def decode(self, x: Tensor) -> Tensor:
        """x in [-1, 1] to raw values; images are clipped to the range and rounded to `dtype`."""
        import torch

        if self.kind == "table":
            return self.layout.gathered(x)
        raw = (x.to(torch.float32) + 1) * ((self.high - self.low) / 2) + self.low
        if self.kind == "points":
            return raw
        raw = raw.clamp(self.low, self.high)
        return raw if self.dtype == "float32" else raw.round().to(getattr(torch, self.dtype))

    def told(self, y: NDArray[Any]) -> Tensor:
        """Labels as they are stored, to what networks are told of them: `Batch.y`."""
        import numpy as np
        import torch

        if not self.conditions:
            return torch.from_numpy(y)
        columns = np.asarray(y, np.float64).T
        parts = [c.told(v) for c, v in zip(self.conditions, columns, strict=True)]
        return torch.from_numpy(np.concatenate(parts, 1).astype(np.float32))

    def untold(self, y: Tensor) -> NDArray[Any]:
        """The inverse of `told`, up to rounding."""
        import numpy as np

        told: NDArray[Any] = y.cpu().numpy()
        if not self.conditions:
            return told
        ends = list(accumulate(condition.width for condition in self.conditions))
        parts = np.split(told.astype(np.float64), ends[:-1], axis=1)
        values = [c.untold(part) for c, part in zip(self.conditions, parts, strict=True)]
        return np.stack(values, 1).astype(np.float32)

    def to_json(self) -> dict[str, Any]:
        """A mapping of plain values; without conditions where there are none."""
        values = asdict(self)
        if not self.conditions:
            del values["conditions"]
        return values

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> DataSpec:
        """The inverse of `to_json`, from parsed JSON."""
        lists = {k: tuple(v) for k, v in values.items() if isinstance(v, list)}
        heads = tuple(Head(**head) for head in values.get("heads", ()))
        conditions = tuple(Condition.from_json(given) for given in values.get("conditions", ()))
        more = {"heads": heads, "conditions": conditions}
        return cls(**{**values, **lists, **more})


@dataclass(frozen=True)
class Batch:
    """Samples as networks see them."""

    x: Tensor
    """Shape (B, *spec.shape), values in [-1, 1]."""
    y: Tensor | None = None
    """Class labels, shape (B,), int64; what is told of conditions, (B, `spec.condition_size`), as
    floats; None without either."""

    def __len__(self) -> int:
        return len(self.x)
