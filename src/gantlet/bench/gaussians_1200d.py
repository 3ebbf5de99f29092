"""10 Gaussians of 700 dimensions within 1200."""

from __future__ import annotations

import math

from gantlet.bench.mixtures import VEEGAN, contenders, mixture_problem, printed

__all__ = ["GAUSSIANS_1200D"]

_SAMPLES = 1_000_000
_BEYOND = 10

GAUSSIANS_1200D = mixture_problem(
    "gaussians-1200d",
    line="10 Gaussians of 700 dimensions embedded in 1200",
    source="Srivastava et al. (2017), VEEGAN, https://arxiv.org/abs/1705.07761",
    contenders=contenders(_SAMPLES, "network.latent=256", "network.hidden=[512,512]"),
    radius=math.sqrt(700) + _BEYOND,
    protocol="The paper counts samples within 10 standard deviations of the nearest mode, where a "
    "Gaussian of 700 dimensions has none: its samples lie about sqrt(700) = 26.5 of them from "
    "their mean. Here it is 10 beyond those. Centres and standard deviation are not published: "
    "rows as printed are of another draw of the problem than ours (gantlet.data.builtin).",
    draws=20,
    printed=printed(
        VEEGAN,
        {
            "GAN": "1.6 / 2.0",
            "ALI": "3 / 5.4",
            "Unrolled GAN": "0 / 0",
            "VEEGAN": "5.5 / 28.29",
        },
        ("modes", "quality"),
    ),
)
