"""The samples themselves as features."""

from __future__ import annotations

from torch import Tensor, nn

from gantlet.metrics.extractors.base import Answers, Extractor, encoding
from gantlet.spec import DataSpec

__all__ = ["pixels"]


class Flat(nn.Module):
    """x (B, ...) as features (B, D)."""

    def forward(self, x: Tensor) -> Answers:
        """All values of a sample, in C order."""
        return Answers(x.flatten(1))


def pixels(spec: DataSpec, note: str = "") -> Extractor:
    """The encoded values of samples as features: D = spec.size, no weights, any kind of data.

    Distances of pixels follow brightness and position more than content.

    Source: Xu et al. (2018), An empirical study on evaluation metrics of generative adversarial
    networks, https://arxiv.org/abs/1806.07755
    """
    return Extractor(
        name="pixels", spec=spec, preprocessing=encoding(spec), network=Flat(), note=note
    )
