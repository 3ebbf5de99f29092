"""8 Gaussians on a circle."""

from __future__ import annotations

from gantlet.bench.mixtures import PACGAN, VEEGAN, contenders, mixture_problem, printed

__all__ = ["RING"]

_SAMPLES = 3_456_000
"""As many as the recipe sees by itself: 6,750 passes."""

RING = mixture_problem(
    "ring",
    line="8 Gaussians of standard deviation 0.01 on the unit circle",
    source="Srivastava et al. (2017), VEEGAN, https://arxiv.org/abs/1705.07761; "
    "Lin et al. (2018), PacGAN, https://arxiv.org/abs/1712.04086",
    contenders=contenders(_SAMPLES),
    printed=(
        *printed(
            VEEGAN,
            {
                "GAN": "1 / 99.3",
                "ALI": "2.8 / .13",
                "Unrolled GAN": "7.6 / 35.6",
                "VEEGAN": "8 / 52.9",
            },
            ("modes", "quality"),
        ),
        *printed(
            PACGAN,
            {
                "GAN": "6.3±0.5 / 98.2±0.2 / 0.45±0.09",
                "ALI": "6.6±0.3 / 97.6±0.4 / 0.36±0.04",
                "PacGAN2": "7.9±0.1 / 95.6±2.0 / 0.07±0.03",
                "PacGAN3": "7.8±0.1 / 97.7±0.3 / 0.10±0.02",
                "PacGAN4": "7.8±0.1 / 95.9±1.4 / 0.07±0.02",
            },
            ("modes", "quality", "kl"),
        ),
    ),
)
