"""The Dirac-GAN: a game of one parameter a side, for which convergence is proved or refuted.

Data are a point mass at 0, the generator is a point mass at theta, the discriminator is
D(x) = psi x; both descend their losses by steps of h, one after the other (alternating) or both at
once (simultaneous). The equilibrium is (0, 0).

Source: Mescheder et al. (2018), Which Training Methods for GANs do actually Converge?,
https://arxiv.org/abs/1801.04406
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from gantlet.bench.base import Asked, Measure, Problem, Row, Tell
from gantlet.errors import UsageError
from gantlet.metrics.estimate import Estimate
from gantlet.objectives import objective
from gantlet.penalties import PENALTIES, clip_weights_, input_gradient
from gantlet.rng import rows

__all__ = ["DIRAC", "Dirac", "Duel", "orbit"]

_STEP, _STEPS, _LAST = 0.1, 500, 100
_WORDS = (
    (1e-3, "converges"),
    (0.5, "approaches slowly"),
    (2.0, "stays away"),
    (math.inf, "diverges"),
)


@dataclass(frozen=True, kw_only=True)
class Duel:
    """An objective with penalties, and how its two sides descend."""

    line: str
    theory: str
    name: str
    """Of the objective."""
    pairing: str = "none"
    penalties: Mapping[str, float] = field(default_factory=dict)
    clip: float | None = None
    """Bound on psi after each of its steps."""
    at_once: bool = False
    """Whether both sides step at once."""

    def generator(self, theta: Tensor, psi: Tensor) -> Tensor:
        """L_G."""
        logits = psi * theta
        loss = objective(self.name, self.pairing).generator(torch.zeros_like(logits), logits)
        return loss.sum()

    def discriminator(self, psi: Tensor, theta: Tensor) -> Tensor:
        """L_D, its argument first."""

        def critic(x: Tensor) -> Tensor:
            return psi * x[:, 0]

        fake = theta[:, None]
        real = torch.zeros_like(fake)
        loss = objective(self.name, self.pairing).discriminator(critic(real), critic(fake))
        for name, weight in self.penalties.items():
            # The slope of D is psi at every point, so it does not matter at which.
            loss = loss + weight * PENALTIES[name].measure(input_gradient(critic, fake)[0])
        return loss.sum()


def orbit(duel: Duel, start: Tensor, steps: int = _STEPS, h: float = _STEP) -> Tensor:
    """(theta, psi) after each step, from `start` of shape (2,); shape (steps + 1, 2)."""
    theta, psi = start.double()[:, None]
    points = [torch.cat([theta, psi])]
    for _ in range(steps):
        moved = theta - h * torch.func.grad(duel.generator)(theta, psi)
        psi = psi - h * torch.func.grad(duel.discriminator)(psi, theta if duel.at_once else moved)
        theta = moved
        if duel.clip is not None:
            clip_weights_([psi], duel.clip)
        points.append(torch.cat([theta, psi]))
    return torch.stack(points)


@dataclass(frozen=True, kw_only=True)
class Dirac(Problem):
    """Which games converge where it can be proved."""

    duels: Mapping[str, Duel]

    @property
    def rows(self) -> Mapping[str, Row]:
        """Who plays, by name."""
        return {name: Row(line=duel.line, theory=duel.theory) for name, duel in self.duels.items()}

    def identity(self, row: str, seed: int, asked: Asked) -> str:
        """Nothing is asked of it that changes it."""
        if asked.settings or asked.samples:
            raise UsageError(
                "problem dirac",
                expected="no settings and no samples: it trains no network",
                received=" ".join(
                    [*asked.settings, *([str(asked.samples)] * bool(asked.samples))]
                ),
            )
        return str(self.duels[row])

    def play(
        self, row: str, seed: int, asked: Asked, home: Path, tell: Tell
    ) -> Mapping[str, float]:
        """From a random point of the unit circle: the largest distance of the last steps."""
        angle = 2 * math.pi * rows(seed, "dirac", 0, 1, (), torch.rand)
        start = torch.cat([angle.cos(), angle.sin()])
        return {"left": float(orbit(self.duels[row], start)[-_LAST:].norm(dim=1).max())}

    def floors(self, asked: Asked, home: Path) -> Mapping[str, Mapping[str, Estimate]]:
        """None: nothing is sampled."""
        return {}


_ROTATES = "eigenvalues +-i f'(0): "
_DUELS = {
    "wasserstein-at-once": Duel(
        line="Wasserstein, both sides step at once",
        theory=_ROTATES + "simultaneous steps move away (section 2)",
        name="wasserstein",
        at_once=True,
    ),
    "wasserstein": Duel(
        line="Wasserstein",
        theory=_ROTATES + "alternating steps circle (section 2)",
        name="wasserstein",
    ),
    "wasserstein-clipped": Duel(
        line="Wasserstein, psi clipped at 0.8",
        theory="does not converge (section 3)",
        name="wasserstein",
        clip=0.8,
    ),
    "wasserstein-gp": Duel(
        line="Wasserstein with the one-centred gradient penalty",
        theory="does not converge for a fixed step size (section 3)",
        name="wasserstein",
        penalties={"gp": 0.25},
    ),
    "minimax": Duel(
        line="cross-entropy as first written",
        theory=_ROTATES + "alternating steps circle (section 2)",
        name="minimax",
    ),
    "nonsaturating": Duel(
        line="non-saturating cross-entropy",
        theory=_ROTATES + "the flow converges, but at no linear rate (section 2)",
        name="nonsaturating",
    ),
    "nonsaturating-r1": Duel(
        line="non-saturating cross-entropy with R1",
        theory="converges (section 3)",
        name="nonsaturating",
        penalties={"r1": 1.0},
    ),
    "nonsaturating-r2": Duel(
        line="non-saturating cross-entropy with R2",
        theory="converges (section 3)",
        name="nonsaturating",
        penalties={"r2": 1.0},
    ),
    "paired-r1-r2": Duel(
        line="relativistic pairing with R1 and R2",
        theory="converges (arXiv 2501.05441)",
        name="nonsaturating",
        pairing="pair",
        penalties={"r1": 0.5, "r2": 0.5},
    ),
}

DIRAC = Dirac(
    line="a point mass against a linear discriminator: which games converge",
    source="Mescheder et al. (2018), Which Training Methods for GANs do actually Converge?, "
    "https://arxiv.org/abs/1801.04406",
    protocol=f"{_STEPS} alternating steps of {_STEP} from a random point of the unit circle; the "
    f"largest distance from the equilibrium in the last {_LAST}.",
    measures={"left": Measure(title="distance left", form=".3g", words=_WORDS)},
    duels=_DUELS,
)
