"""Dirac-GAN as an oracle: which objective and penalty converge, which circle, which diverge.

Data are a point mass at 0, the generator is a point mass at theta, the discriminator is
D(x) = psi x. Near the equilibrium (0, 0), training is the linear flow of the Jacobian J of
v = (-dL_G / dtheta, -dL_D / dpsi), with f'(0) the slope at 0 of what the objective applies to a
logit. Every J below is computed from the objectives and penalties of the package.

    objective                penalty                      eigenvalues of J at (0, 0)     result
    any, paired or not       none                         +- i f'(0)                     circles
    any, paired or not       R1, R2, weight g             -g/2 +- sqrt(g^2/4 - f'(0)^2)  converges
    any, paired or not       noise-r1, noise-r2           the same                       converges
    any, paired or not       gp-zero, weight g/2          the same                       converges
    cross-entropy            instance noise, variance s   the same with g = f'(0) s      converges
    wasserstein, hinge       instance noise               +- i f'(0)                     circles
    any, paired or not       gp-one-sided                 +- i f'(0)                     circles
    cross-entropy            LeCam                        +- i f'(0)                     circles
    wasserstein              weight clipping              +- i f'(0) inside the box      circles
    wasserstein              gp, dragan                   none: v jumps at psi = 0       rests away
                                                                                          or cycles

Unpaired least squares with the targets 0 and 1 balances at the logit 1/2, so there D(x) = psi x
+ 1/2. Circling means: simultaneous gradient descent spirals outwards, alternating descent stays
on a closed curve while the step is small. The non-saturating flow does converge, but slower than
any exponential.

Source: Mescheder et al. (2018), Which Training Methods for GANs do actually Converge?,
https://arxiv.org/abs/1801.04406 (called "the paper" below; section 2 has the Dirac-GAN and the
unregularised results, section 3 the regularisers)
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torch import Tensor

from gantlet import penalties
from gantlet.objectives import OBJECTIVES, Objective, objective
from gantlet.penalties import PENALTIES, Critic, Penalty

Point = Tensor
Move = Callable[[Point], Point]

NODES, WEIGHTS = (torch.from_numpy(a) for a in np.polynomial.hermite_e.hermegauss(4))
EPS = torch.cartesian_prod(NODES, NODES)
SHARE = torch.cartesian_prod(WEIGHTS, WEIGHTS).prod(1) / (2 * math.pi)
ZERO = torch.zeros(2, dtype=torch.float64)


@dataclass(frozen=True)
class Dirac:
    """The game: expectations over noise are Gauss-Hermite sums, exact for the Jacobians."""

    whole: Objective
    penalty: str | None = None
    weight: float = 0.0
    sigma: float = 0.0
    level: float = 0.0
    """Logit at which the objective holds real and fake to be equally likely."""

    def logits(self, w: Point) -> tuple[Critic, Tensor, Tensor]:
        theta, psi = w
        real = self.sigma * EPS[:, :1]
        return lambda x: psi * x[:, 0] + self.level, real, theta + self.sigma * EPS[:, 1:]

    def penalised(self, penalty: Penalty, critic: Critic, real: Tensor, fake: Tensor) -> Tensor:
        half = torch.full_like(real, 0.5)
        x = {
            "real": real,
            "fake": fake,
            "between": penalties.between(real, fake, half),
            "around": penalties.around(real, EPS[:, 1:], half),
        }[penalty.at]
        if penalty.probe == "gradient":
            return penalty.measure(penalties.input_gradient(critic, x)[0])
        if penalty.probe == "logit":
            return penalty.measure(critic(x))
        noised = critic(penalties.perturbed(x, EPS[:, :1], 0.1))
        return penalty.measure(penalties.noise_slope(critic(x), noised, 0.1))

    def discriminator(self, w: Point) -> Tensor:
        critic, real, fake = self.logits(w)
        loss = self.whole.discriminator(critic(real), critic(fake))
        if self.penalty:
            loss = loss + self.weight * self.penalised(PENALTIES[self.penalty], critic, real, fake)
        return (SHARE * loss).sum()

    def generator(self, w: Point) -> Tensor:
        critic, real, fake = self.logits(w)
        return (SHARE * self.whole.generator(critic(real), critic(fake))).sum()

    def field(self, w: Point) -> Tensor:
        """v = (-dL_G / dtheta, -dL_D / dpsi)."""
        return torch.stack([self.pull(self.generator, w)[0], self.pull(self.discriminator, w)[1]])

    @staticmethod
    def pull(loss: Callable[[Point], Tensor], w: Point) -> Tensor:
        return -torch.func.grad(loss)(w)

    def simultaneous(self, h: float) -> Move:
        return lambda w: w + h * self.field(w)

    def alternating(self, h: float, critic_steps: int = 1, clip: float | None = None) -> Move:
        """One generator step, then `critic_steps` discriminator steps with optional clipping."""
        of_generator, of_critic = torch.eye(2, dtype=torch.float64)

        def move(w: Point) -> Point:
            w = w + h * of_generator * self.pull(self.generator, w)
            for _ in range(critic_steps):
                w = w + h * of_critic * self.pull(self.discriminator, w)
                if clip is not None:
                    psi = w[1:].clone()
                    penalties.clip_weights_([psi], clip)
                    w = torch.cat([w[:1], psi])
            return w

        return move


def eigenvalues(move: Move, at: Point = ZERO) -> Tensor:
    jacobian = torch.func.jacrev(move)(at)
    found = torch.linalg.eigvals(jacobian)
    return found[torch.argsort(found.imag + 1e-3 * found.real)]


def pair_of(trace: float, determinant: float) -> Tensor:
    """The eigenvalues of a 2 x 2 matrix, in the order of `eigenvalues`."""
    root = torch.tensor(trace**2 / 4 - determinant, dtype=torch.complex128).sqrt()
    return torch.stack([trace / 2 - root, trace / 2 + root])


def orbit(move: Move, start: tuple[float, float], steps: int) -> Tensor:
    points = [torch.tensor(start, dtype=torch.float64)]
    for _ in range(steps):
        points.append(move(points[-1]))
    return torch.stack(points)


# Name, pairing, slope f'(0), and the logit of balance (1/2 for the targets 0 and 1).
GAMES = [
    ("minimax", "none", 0.5, 0.0),
    ("nonsaturating", "none", 0.5, 0.0),
    ("wasserstein", "none", 1.0, 0.0),
    ("hinge", "none", 1.0, 0.0),
    ("leastsquares", "none", 1.0, 0.5),
    ("minimax", "pair", 0.5, 0.0),
    ("nonsaturating", "pair", 0.5, 0.0),
    ("wasserstein", "pair", 1.0, 0.0),
    ("hinge", "pair", 1.0, 0.0),
    ("leastsquares", "pair", 2.0, 0.0),
    ("nonsaturating", "average", 1.0, 0.0),
]
ENTROPIES = [game for game in GAMES if game[0] in ("minimax", "nonsaturating")]
every_game = pytest.mark.parametrize(("name", "pairing", "slope", "level"), GAMES)


@every_game
def test_without_penalty_the_eigenvalues_are_imaginary(
    name: str, pairing: str, slope: float, level: float
) -> None:
    """Section 2: (0, 0) is an equilibrium with the eigenvalues +- i f'(0)."""
    game = Dirac(objective(name, pairing), level=level)
    torch.testing.assert_close(game.field(ZERO), ZERO)
    torch.testing.assert_close(eigenvalues(game.field), pair_of(0.0, slope**2))


@every_game
def test_simultaneous_descent_is_unstable_at_every_step_size(
    name: str, pairing: str, slope: float, level: float
) -> None:
    """Section 2, lemma on simultaneous descent: 1 +- i h f'(0), of modulus above 1."""
    game = Dirac(objective(name, pairing), level=level)
    for h in (0.01, 0.3):
        found = eigenvalues(game.simultaneous(h))
        torch.testing.assert_close(found, pair_of(2.0, 1 + (h * slope) ** 2))
        assert (found.abs() > 1).all()


@pytest.mark.parametrize("critic_steps", [1, 5])
@every_game
def test_alternating_descent_is_on_the_unit_circle_up_to_a_step_size(
    name: str, pairing: str, slope: float, level: float, critic_steps: int
) -> None:
    """Section 2, lemma on alternating descent with n_g = 1: with a = sqrt(n_d) h f'(0), the
    eigenvalues are 1 - a^2/2 +- sqrt((1 - a^2/2)^2 - 1): of modulus 1 up to a = 2, not beyond.
    """
    game = Dirac(objective(name, pairing), level=level)
    for a in (0.1, 1.9, 2.1):
        h = a / (slope * math.sqrt(critic_steps))
        found = eigenvalues(game.alternating(h, critic_steps))
        torch.testing.assert_close(found, pair_of(2 - a**2, 1.0))
        assert (found.abs() > 1 + 1e-9).any() == (a > 2)


@pytest.mark.parametrize("name", ["minimax", "wasserstein"])
def test_the_flow_of_a_zero_sum_game_stays_on_circles(name: str) -> None:
    """Section 2: theta^2 + psi^2 is constant along the flow: v is orthogonal to (theta, psi)."""
    game = Dirac(OBJECTIVES[name])
    for w in torch.randn(20, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0)):
        torch.testing.assert_close(game.field(w) @ w, torch.zeros(()).double())


@pytest.mark.parametrize("pairing", ["none", "pair"])
def test_the_nonsaturating_flow_approaches_slower_than_any_exponential(pairing: str) -> None:
    """v . w = -theta psi tanh(theta psi / 2): inwards, but of fourth order: no linear rate."""
    game = Dirac(objective("nonsaturating", pairing))
    for w in torch.randn(20, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0)):
        product = w.prod()
        torch.testing.assert_close(game.field(w) @ w, -product * torch.tanh(product / 2))


@pytest.mark.parametrize("name", ["minimax", "wasserstein"])
def test_simultaneous_descent_moves_away_at_every_step(name: str) -> None:
    """Section 2: the norm grows from any start: |w + h v|^2 = |w|^2 + h^2 |v|^2."""
    points = orbit(Dirac(OBJECTIVES[name]).simultaneous(0.1), (1.0, 1.0), 100)
    radii = points.norm(dim=1)
    assert (radii.diff() > 0).all()
    if name == "wasserstein":
        expected = math.sqrt(2) * 1.01 ** (torch.arange(101).double() / 2)
        torch.testing.assert_close(radii, expected)


def test_alternating_wasserstein_descent_conserves_an_ellipse() -> None:
    """theta' = theta + h psi, psi' = psi - h theta' conserves theta^2 + psi^2 + h theta psi."""
    points = orbit(Dirac(OBJECTIVES["wasserstein"]).alternating(0.1), (1.0, 1.0), 100)
    conserved = points.square().sum(1) + 0.1 * points.prod(1)
    torch.testing.assert_close(conserved, torch.full((101,), 2.1).double())


@pytest.mark.parametrize("pairing", ["none", "pair"])
def test_alternating_minimax_descent_neither_arrives_nor_leaves(pairing: str) -> None:
    game = Dirac(objective("minimax", pairing))
    radii = orbit(game.alternating(0.2), (0.3, 0.3), 200).norm(dim=1)
    assert radii.min() > 0.9 * radii[0]
    assert radii.max() < 1.1 * radii[0]


@pytest.mark.parametrize("pairing", ["none", "pair"])
def test_alternating_nonsaturating_descent_is_algebraically_slow(pairing: str) -> None:
    """d r^2 / dt = 2 v . w is about -(theta psi)^2, on a circle -r^4 / 8 in the mean, so that
    r^-2 grows by t / 8.
    """
    game = Dirac(objective("nonsaturating", pairing))
    radii = orbit(game.alternating(0.1), (0.4, 0.0), 500).norm(dim=1)
    growth = radii[-1] ** -2 - radii[0] ** -2
    assert growth.item() == pytest.approx(500 * 0.1 / 8, rel=0.1)


ZERO_CENTRED = {"r1": 1.0, "r2": 1.0, "noise-r1": 1.0, "noise-r2": 1.0, "gp-zero": 2.0}


@pytest.mark.parametrize("penalty", sorted(ZERO_CENTRED))
@every_game
def test_zero_centred_penalties_make_the_real_parts_negative(
    name: str, pairing: str, slope: float, level: float, penalty: str
) -> None:
    """Section 3, zero-centred penalties: -gamma/2 +- sqrt(gamma^2/4 - f'(0)^2); rotation ends at
    gamma = 2 f'(0). The critic is affine, so the noise estimate is exact; gp-zero has no half.
    """
    for gamma in (0.1, 1.5, 5.0):
        weight = gamma / ZERO_CENTRED[penalty]
        game = Dirac(objective(name, pairing), penalty, weight, level=level)
        found = eigenvalues(game.field)
        torch.testing.assert_close(found, pair_of(-gamma, slope**2))
        assert (found.real < 0).all()
        assert (found.imag.abs() < 1e-9).all() == (gamma > 2 * slope)


@pytest.mark.parametrize("penalty", ["r1", "r2"])
@pytest.mark.parametrize("pairing", ["none", "pair"])
def test_with_r1_or_r2_descent_converges_linearly(pairing: str, penalty: str) -> None:
    """Section 3: both kinds of descent converge, at the rate of the largest eigenvalue."""
    game = Dirac(objective("nonsaturating", pairing), penalty, weight=1.25)
    for move in (game.simultaneous(0.2), game.alternating(0.2)):
        radii = orbit(move, (0.1, 0.1), 200).norm(dim=1)
        rate = (radii[-1] / radii[100]).log() / 100
        expected = eigenvalues(move).abs().max().log()
        assert radii[-1] < 1e-3 * radii[0]
        assert rate.item() == pytest.approx(expected.item(), rel=0.01)


def test_r1_and_r2_add_up() -> None:
    """R3GAN's gamma / 2 (R1 + R2) acts on the Dirac-GAN as R1 of twice the weight."""

    class Both(Dirac):
        def discriminator(self, w: Point) -> Tensor:
            critic, real, fake = self.logits(w)
            both = penalties.r1(critic, real) + penalties.r2(critic, fake)
            return super().discriminator(w) + (SHARE * 0.4 * both).sum()

    found = eigenvalues(Both(objective("nonsaturating", "pair")).field)
    torch.testing.assert_close(found, pair_of(-0.8, 0.25))


@pytest.mark.parametrize(("name", "pairing", "slope", "level"), ENTROPIES)
def test_instance_noise_makes_the_real_parts_negative(
    name: str, pairing: str, slope: float, level: float
) -> None:
    """Section 3: f''(0) sigma^2 +- sqrt(f''(0)^2 sigma^4 - f'(0)^2), here with f'' = -f'/2."""
    for sigma in (0.3, 1.0, 3.0):
        game = Dirac(objective(name, pairing), sigma=sigma, level=level)
        found = eigenvalues(game.field)
        torch.testing.assert_close(found, pair_of(-slope * sigma**2, slope**2))
        assert (found.real < 0).all()


@pytest.mark.parametrize("name", ["wasserstein", "hinge"])
def test_instance_noise_does_nothing_where_the_loss_is_linear(name: str) -> None:
    """The same formula with f''(0) = 0."""
    found = eigenvalues(Dirac(OBJECTIVES[name], sigma=0.2).field)
    torch.testing.assert_close(found, pair_of(0.0, 1.0))


@pytest.mark.parametrize("penalty", ["gp", "dragan"])
def test_one_centred_penalties_repel_from_the_equilibrium(penalty: str) -> None:
    """Section 3, WGAN-GP: |v_psi| >= 2 lambda (1 - |psi|) - |theta|, which is about 2 lambda near
    (0, 0), while convergence would need steps that vanish.
    """
    game = Dirac(OBJECTIVES["wasserstein"], penalty, weight=1.0)
    for size in (1e-1, 1e-4, 1e-8):
        for theta, psi in ((size, size), (-size, size), (size, -size), (0.0, size)):
            v = game.field(torch.tensor([theta, psi], dtype=torch.float64))
            assert v[1].abs() >= 2 * (1 - abs(psi)) - abs(theta) - 1e-12
            assert v[1].sign() == math.copysign(1, psi)


@pytest.mark.parametrize("critic_steps", [1, 5])
@pytest.mark.parametrize("weight", [0.25, 1.0, 2.0])
def test_wasserstein_with_one_centred_penalty_does_not_converge(
    weight: float, critic_steps: int
) -> None:
    """Section 3, WGAN-GP: not for a fixed number of critic steps and a fixed step size.

    For psi > 0, v = (psi, 2 lambda (1 - psi) - theta) vanishes at (2 lambda, 0). With n_d critic
    steps the flow gets there without rotation if n_d lambda^2 >= 1, and rests; below, it crosses
    psi = 0, where v jumps, and cycles.
    """
    game = Dirac(OBJECTIVES["wasserstein"], "gp", weight)
    for move in (game.simultaneous(0.1), game.alternating(0.1, critic_steps)):
        last = orbit(move, (0.1, 0.1), 400)[-100:]
        if weight >= 1:
            expected = torch.tensor([2 * weight, 0.0]).double()
            torch.testing.assert_close(last[-1], expected, rtol=0, atol=1e-3)
        else:
            assert last[:, 1].min() < -0.2
            assert last[:, 1].max() > 0.2


@every_game
def test_one_sided_penalty_is_absent_at_the_equilibrium(
    name: str, pairing: str, slope: float, level: float
) -> None:
    """max(0, |psi| - 1)^2 is 0 for slopes below one: the game circles as without it."""
    game = Dirac(objective(name, pairing), "gp-one-sided", 10.0, level=level)
    torch.testing.assert_close(eigenvalues(game.field), pair_of(0.0, slope**2))


def test_lecam_leaves_the_linear_flow_as_it_was() -> None:
    """(psi theta - 0)^2 is of fourth order at (0, 0), where both running means are 0."""

    class WithLeCam(Dirac):
        def discriminator(self, w: Point) -> Tensor:
            critic, real, fake = self.logits(w)
            zero = torch.zeros(()).double()
            term = penalties.lecam(critic(real), critic(fake), zero, zero)
            return super().discriminator(w) + (SHARE * term).sum()

    found = eigenvalues(WithLeCam(OBJECTIVES["nonsaturating"]).field)
    torch.testing.assert_close(found, pair_of(0.0, 0.25))


@pytest.mark.parametrize("critic_steps", [1, 5])
def test_clipping_does_not_make_wasserstein_converge(critic_steps: int) -> None:
    """Section 3, WGAN: inside the box clipping does nothing, and the game circles there."""
    game = Dirac(OBJECTIVES["wasserstein"])
    move = game.alternating(0.1, critic_steps, clip=0.5)
    points = orbit(move, (1.0, 1.0), 300)
    assert points[:, 1].abs()[1:].max() <= 0.5
    assert points[-150:].norm(dim=1).min() > 0.15
    assert points[-150:, 1].abs().max() > 0.4
