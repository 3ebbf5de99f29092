"""25 Gaussians on a grid."""

from __future__ import annotations

from gantlet.bench.mixtures import PACGAN, VEEGAN, contenders, mixture_problem, printed

__all__ = ["GRID"]

_SAMPLES = 3_456_000
"""As many as the recipe sees by itself: 6,750 passes."""

GRID = mixture_problem(
    "grid",
    line="25 Gaussians of standard deviation 0.05 on {-4, -2, 0, 2, 4}^2",
    source="Srivastava et al. (2017), VEEGAN, https://arxiv.org/abs/1705.07761; "
    "Lin et al. (2018), PacGAN, https://arxiv.org/abs/1712.04086",
    contenders=contenders(_SAMPLES),
    printed=(
        *printed(
            VEEGAN,
            {
                "GAN": "3.3 / .5",
                "ALI": "15.8 / 1.6",
                "Unrolled GAN": "23.6 / 16",
                "VEEGAN": "24.6 / 40",
            },
            ("modes", "quality"),
        ),
        *printed(
            PACGAN,
            {
                "GAN": "17.3±0.8 / 94.8±0.7 / 0.70±0.07",
                "ALI": "24.1±0.4 / 95.7±0.6 / 0.14±0.03",
                "PacGAN2": "23.8±0.7 / 91.3±0.8 / 0.13±0.04",
                "PacGAN3": "24.6±0.4 / 94.2±0.4 / 0.06±0.02",
                "PacGAN4": "24.8±0.2 / 93.6±0.6 / 0.04±0.01",
            },
            ("modes", "quality", "kl"),
        ),
    ),
)
