"""Augmentations one after the other, each sample by random numbers of its own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from gantlet.augment.base import Change, Probability, Warp, rows
from gantlet.augment.geometry import warped
from gantlet.augment.table import AUGMENTATIONS, POLICIES
from gantlet.errors import UsageError, unknown

__all__ = ["Pipeline", "named", "pipeline"]


@dataclass(frozen=True)
class Pipeline:
    """Called as pipeline(x, uniform, normal, p): x, each part applied with its chance.

    With p = 0 the result is x, to the last bit. A sample that no part has chosen stays as it is at
    any p. Neighbouring `Warp`s are composed and sampled once. No sample sees another.

    Source: Karras et al. (2020), Training Generative Adversarial Networks with Limited Data,
    https://arxiv.org/abs/2006.06676
    """

    parts: tuple[Change | Warp, ...]

    @property
    def uniform(self) -> int:
        """Uniform numbers that a sample takes: one decision for each part, and its own."""
        return sum(1 + (part.numbers if part.law == "uniform" else 0) for part in self.parts)

    @property
    def normal(self) -> int:
        """Normal numbers that a sample takes."""
        return sum(part.numbers for part in self.parts if part.law == "normal")

    def __call__(self, x: Tensor, uniform: Tensor, normal: Tensor, p: Probability) -> Tensor:
        """x of shape (B, C, H, W), augmented, in the wider of its type and the numbers'.

        Arguments:
            x: images in [-1, 1].
            uniform: shape (B, self.uniform), on [0, 1).
            normal: shape (B, self.normal).
            p: the probability.
        """
        with torch.autocast(x.device.type, enabled=False):
            x = x.to(torch.promote_types(x.dtype, uniform.dtype))
            warps: list[tuple[Tensor, Tensor]] = []
            for part, decision, r in self._dealt(uniform, normal):
                chosen = decision < part.chance(p)
                if isinstance(part, Warp):
                    height, width = x.shape[2:]
                    warps.append((chosen, part.inverse(r, (height, width))))
                else:
                    x, warps = _warped(x, warps), []
                    x = torch.where(rows(chosen, x), part.change(x, r), x)
            return _warped(x, warps)

    def _dealt(
        self, uniform: Tensor, normal: Tensor
    ) -> Iterator[tuple[Change | Warp, Tensor, Tensor]]:
        """Each part, the number (B,) that decides on it, and its numbers (B, k)."""
        at = {"uniform": 0, "normal": 0}
        drawn = {"uniform": uniform, "normal": normal}
        for part in self.parts:
            decision = uniform[:, at["uniform"]]
            at["uniform"] += 1
            start = at[part.law]
            at[part.law] += part.numbers
            yield part, decision, drawn[part.law][:, start : at[part.law]]


def _warped(x: Tensor, warps: Sequence[tuple[Tensor, Tensor]]) -> Tensor:
    """x under the maps whose samples have chosen them, sampled once."""
    if not warps:
        return x
    identity = torch.eye(3, dtype=warps[0][1].dtype, device=x.device)
    total, moved = identity, torch.zeros_like(warps[0][0])
    for chosen, inverse in warps:
        total = total @ torch.where(rows(chosen, inverse), inverse, identity)
        moved = moved | chosen
    return torch.where(rows(moved, x), warped(x, total), x)


def named(policy: str | Sequence[str]) -> tuple[str, ...]:
    """The augmentations of a policy: names of augmentations, of policies, or one of a policy.

    Raises UsageError for a name that is neither.
    """
    found: list[str] = []
    for name in [policy] if isinstance(policy, str) else policy:
        if name not in POLICIES and name not in AUGMENTATIONS:
            raise unknown("augmentation", name, [*POLICIES, *AUGMENTATIONS])
        found += POLICIES.get(name, (name,))
    return tuple(found)


def pipeline(policy: str | Sequence[str], channels: int) -> Pipeline:
    """The augmentations of a policy that suit images of so many channels; the others are left out.

    Raises UsageError for an unknown name, or where none is left.
    """
    parts = [AUGMENTATIONS[name] for name in named(policy)]
    fitting = [part for part in parts if part.channels in (None, channels)]
    if not fitting:
        raise UsageError(
            f"augmentation of images with {channels} channel(s)",
            expected="a policy with a part for them",
            received=", ".join(named(policy)) or "none",
            remedy="For example policy: diffaugment.",
        )
    return Pipeline(tuple(fitting))
