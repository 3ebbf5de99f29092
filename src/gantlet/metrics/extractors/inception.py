"""The Inception network of the published Fréchet distances, through torch-fidelity."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from gantlet.metrics.extractors.base import (
    Answers,
    Extractor,
    absent,
    as_rgb,
    encoding,
    rgb_only,
)
from gantlet.spec import DataSpec

__all__ = ["check_inception", "inception"]


def _installed() -> Any:
    """The class of torch-fidelity; UsageError where it cannot be imported."""
    try:
        from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3
    except (ImportError, RuntimeError) as error:  # torchvision beside another build of torch
        raise absent("inception", f"torch-fidelity ({error})", "fidelity") from error
    return FeatureExtractorInceptionV3


class Inception(nn.Module):
    """x in [-1, 1] to 2,048 features and 1,008 logits without their bias."""

    def __init__(self, weights: str | None) -> None:
        super().__init__()
        outputs = ["2048", "logits_unbiased"]
        self.net = _installed()(
            "inception-v3-compat", outputs, feature_extractor_weights_path=weights
        )

    def forward(self, x: Tensor) -> Answers:
        """x (B, 1 or 3, H, W), rounded to 8 bits, which torch-fidelity expects."""
        return Answers(*self.net((as_rgb(x) * 255).round().byte()))


def check_inception(spec: DataSpec) -> None:
    """UsageError where there is no torch-fidelity, or for other data than images."""
    rgb_only("inception", spec)
    _installed()


def inception(spec: DataSpec, weights: str | None = None) -> Extractor:
    """Inception v3 as torch-fidelity has it: resized to 299x299 by TensorFlow's bilinear rule.

    Arguments:
        spec: of images with 1 or 3 channels.
        weights: a local file; without one torch-fidelity downloads it (92 MB) once.

    Raises:
        UsageError: the extra `fidelity` is missing, or the data are not grey or colour images.

    Source: Heusel et al. (2017), GANs Trained by a Two Time-Scale Update Rule Converge to a Local
    Nash Equilibrium, https://arxiv.org/abs/1706.08500
    """
    rgb_only("inception", spec)
    steps = f"{encoding(spec)}, then 8-bit RGB, 299x299 bilinear as in TensorFlow 1"
    return Extractor(
        name="inception", spec=spec, preprocessing=steps, network=Inception(weights), batch=64
    )
