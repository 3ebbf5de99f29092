"""What an extractor is: a network that turns samples into features, and the hash that names it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from gantlet.data.dataset import Array, Rows, let_go
from gantlet.errors import UsageError
from gantlet.spec import DataSpec

__all__ = ["Answers", "Extractor", "absent", "alike", "as_rgb", "checksum", "encoding", "rgb_only"]


class Answers(NamedTuple):
    """What an extractor says of N samples, in float32 on the CPU."""

    features: Tensor
    """Shape (N, D)."""
    logits: Tensor | None = None
    """Shape (N, K): of a classifier's K classes; None where there is no classifier."""


def checksum(tensors: Mapping[str, Tensor]) -> str:
    """BLAKE2b (RFC 7693) over names, types, shapes and values, 32 hexadecimal digits."""
    digest = hashlib.blake2b(digest_size=16)
    for name, tensor in sorted(tensors.items()):
        digest.update(repr((name, str(tensor.dtype), tuple(tensor.shape))).encode())
        plain = tensor.detach().cpu().contiguous().flatten()
        digest.update(plain.view(torch.uint8).numpy().data)
    return digest.hexdigest()


def encoding(spec: DataSpec) -> str:
    """What `DataSpec.encode` does to samples, in words: `1x28x28, 0..255 to [-1, 1]`."""
    shape = "x".join(map(str, spec.shape))
    return f"{shape}, {spec.low:.9g}..{spec.high:.9g} to [-1, 1]"


@dataclass(frozen=True, kw_only=True, eq=False)
class Extractor:
    """A network that makes features of raw samples, and what tells it from others."""

    name: str
    """In the table `EXTRACTORS`."""
    spec: DataSpec
    """Of the samples that it reads."""
    preprocessing: str
    """What happens to samples before and within the network, in words."""
    network: nn.Module
    """From x of shape (B, *spec.shape) in [-1, 1] to `Answers`, each sample alone."""
    batch: int = 256
    """Samples that go through the network at a time."""
    device: str = "cpu"
    """Where the network computes."""
    note: str = ""
    """Why it stands in for another extractor; empty where it was asked for."""

    def __post_init__(self) -> None:
        self.network.eval().requires_grad_(False)

    @cached_property
    def digest(self) -> str:
        """Hash over name, preprocessing and weights, 12 hexadecimal digits."""
        text = f"{self.name}\x1f{self.preprocessing}\x1f{checksum(self.network.state_dict())}"
        return hashlib.blake2b(text.encode(), digest_size=6).hexdigest()

    def describe(self) -> str:
        """What a number carries: `pixels 3f2a91c0d4e5 (1x28x28, 0..255 to [-1, 1])`."""
        return f"{self.name} {self.digest} ({self.preprocessing})"

    @torch.no_grad()
    def answers(self, values: Array | Rows) -> Answers:
        """Features, and logits where there is a classifier, of raw samples.

        Arguments:
            values: shape (N, *spec.stored), of the type `spec.dtype`; may be a memory map,
                or rows of one.

        Raises:
            UsageError: there are no samples, they have another shape or type than the data, or a
                value or a feature is not a finite number.
        """
        self._check(values)
        network = self.network.to(self.device)
        parts = [network(self._taken(values, i)) for i in range(0, len(values), self.batch)]
        features = torch.cat([part.features.float().cpu() for part in parts])
        logits = [part.logits.float().cpu() for part in parts if part.logits is not None]
        self._check_finite(features, 0, "features of samples")
        return Answers(features, torch.cat(logits) if logits else None)

    def _check(self, values: Array | Rows) -> None:
        shape, dtype = tuple(values.shape), values.dtype.name
        if len(values) == 0 or (shape[1:], dtype) != (self.spec.stored, self.spec.dtype):
            wanted = ", ".join(map(str, self.spec.stored))
            raise UsageError(
                f"samples for the extractor {self.name}",
                expected=f"shape (N, {wanted}) and type {self.spec.dtype}, N of at least 1",
                received=f"shape {shape} and type {dtype}",
                remedy="Bring samples into the form of the data that they are compared with.",
            )

    def _taken(self, values: Array | Rows, start: int) -> Tensor:
        """The batch of x that begins with sample number `start`."""
        raw = torch.tensor(np.ascontiguousarray(values[start : start + self.batch]))
        let_go(values.raw if isinstance(values, Rows) else values)
        x = self.spec.encode(raw.to(self.device))
        self._check_finite(x, start, "samples")
        return x

    def _check_finite(self, x: Tensor, start: int, what: str) -> None:
        bad = (~x.flatten(1).isfinite().all(1)).nonzero()
        if len(bad):
            raise UsageError(
                f"{what} for the extractor {self.name}",
                expected="finite numbers",
                received=f"NaN or infinity, first in sample {start + int(bad[0])}",
                remedy="Remove such samples, or look for what made them.",
            )


def alike(first: str, second: str) -> None:
    """UsageError if two numbers carry different extractors (`Extractor.describe`)."""
    if first != second:
        raise UsageError(
            "numbers to compare",
            expected=f"one extractor, {first or 'none'}",
            received=second or "none",
            remedy="Evaluate both sides anew with the same extractor.",
        )


def absent(name: str, package: str, extra: str) -> UsageError:
    """The error for an extractor whose package is not installed."""
    return UsageError(
        f"extractor {name}",
        expected=f"the package {package} of the extra `{extra}`",
        received="none that can be imported",
        remedy=f"Install it with pip install 'gantlet[{extra}]', or use the extractor embedded.",
    )


def rgb_only(name: str, spec: DataSpec) -> None:
    """UsageError unless samples are grey or colour images."""
    if spec.kind != "image" or spec.shape[0] not in (1, 3):
        raise UsageError(
            f"extractor {name}",
            expected="images of 1 or 3 channels",
            received=f"{spec.kind} of shape {spec.shape}",
            remedy="Use the extractor embedded or pixels.",
        )


def as_rgb(x: Tensor) -> Tensor:
    """Grey or colour images (B, 1 or 3, H, W) in [-1, 1] as (B, 3, H, W) in [0, 1]."""
    return ((x + 1) / 2).clamp(0, 1).expand(-1, 3, -1, -1)
