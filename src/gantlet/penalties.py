"""Penalties on a discriminator: pure, per sample (B,) and without their weight.

Most measure the gradient g of the logit with respect to the input, at real samples, at fakes,
between the two or around the real ones. A game that holds {name: weight} evaluates each pair of
`probe` and `at` in `PENALTIES` once and applies every `measure` that asks for it:

    gradient, answer = input_gradient(critic, x)                 probe "gradient"
    slope = noise_slope(logits, critic(perturbed(x, eps, sigma)), sigma)      probe "noise"
    logits                                                       probe "logit"

A critic must treat samples independently: with batch statistics, the gradient of the summed
logits is no longer that of each sample's own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from gantlet.errors import UsageError
from gantlet.extensions import Table

__all__ = [
    "PENALTIES",
    "Critic",
    "Penalty",
    "around",
    "between",
    "clip_weights_",
    "dragan",
    "gradient_penalty",
    "half_squared_norm",
    "input_gradient",
    "lecam",
    "noise_r1",
    "noise_slope",
    "norm_excess",
    "norm_gap",
    "orthogonality",
    "perturbed",
    "r1",
    "r2",
    "squared_norm",
]

Critic = Callable[[Tensor], Tensor]
"""From x of shape (B, ...) to logits of shape (B,)."""

Answer = TypeVar("Answer", bound="Tensor | tuple[Any, ...]")

_ABSENT = (0, 0)
"""Shape that stands for None, which `torch.func` does not let pass; no answer has it."""


def _marked(leaf: Tensor | None, like: Tensor) -> Tensor:
    return like.new_empty(_ABSENT) if leaf is None else leaf


def _unmarked(leaf: Tensor) -> Tensor | None:
    return None if leaf.shape == _ABSENT else leaf


def input_gradient(critic: Callable[[Tensor], Answer], x: Tensor) -> tuple[Tensor, Answer]:
    """The gradient of each logit with respect to its sample, and the answer, in one pass.

    Both are differentiable again with respect to weights that the critic closes over.

    Arguments:
        critic: answers logits of shape (B,), or a (named) tuple whose first entry they are; other
            entries are tensors, tuples of tensors, or None.
        x: shape (B, ...).

    Returns:
        The gradient, of the shape and dtype of x, and the answer as the critic gave it.
    """

    def summed(x: Tensor) -> tuple[Tensor, Any]:
        answer = critic(x)
        logits = answer if isinstance(answer, Tensor) else answer[0]
        if logits is None or logits.shape != x.shape[:1]:
            raise UsageError(
                "critic",
                expected=f"one logit per sample, shape ({x.shape[0]},)",
                received="None" if logits is None else f"shape {tuple(logits.shape)}",
            )
        return logits.sum(), pytree.tree_map(lambda leaf: _marked(leaf, x), answer)

    gradient, answer = torch.func.grad(summed, has_aux=True)(x)
    return gradient, pytree.tree_map(_unmarked, answer)


def _rows(g: Tensor) -> Tensor:
    return g.reshape(g.shape[0], -1)


def _norm(g: Tensor) -> Tensor:
    """||g|| of each sample, with the derivative 0 at g = 0."""
    norm: Tensor = torch.linalg.vector_norm(_rows(g), dim=1)
    return norm


def squared_norm(g: Tensor) -> Tensor:
    """||g||^2 of each sample, (B, ...) -> (B,)."""
    return _rows(g).square().sum(1)


def half_squared_norm(g: Tensor) -> Tensor:
    """||g||^2 / 2 of each sample, (B, ...) -> (B,)."""
    return squared_norm(g) / 2


def norm_gap(g: Tensor, target: float = 1.0) -> Tensor:
    """(||g|| - target)^2 of each sample, (B, ...) -> (B,); its derivative at g = 0 is 0."""
    return (_norm(g) - target).square()


def norm_excess(g: Tensor) -> Tensor:
    """max(0, ||g|| - 1)^2 of each sample, (B, ...) -> (B,); all derivatives below one are 0."""
    return (squared_norm(g).clamp_min(1).sqrt() - 1).square()


def between(real: Tensor, fake: Tensor, t: Tensor) -> Tensor:
    """real + t (fake - real), with t uniform on [0, 1) of shape (B, 1, ...)."""
    return real + t * (fake - real)


def perturbed(x: Tensor, eps: Tensor, sigma: float | Tensor) -> Tensor:
    """x + sigma eps, with eps standard normal of the shape of x (instance noise).

    Source: Sønderby et al. (2017), Amortised MAP Inference for Image Super-resolution,
    https://arxiv.org/abs/1610.04490
    """
    return x + sigma * eps


def around(real: Tensor, noise: Tensor, u: Tensor, scale: float = 0.5) -> Tensor:
    """real + u scale / 2 noise: a point on the way from a sample to its perturbed copy.

    The paper adds Gaussian noise. Its authors' code moves a uniform share u towards a copy to each
    number of which half the batch's standard deviation times a uniform number on [0, 1) is added.
    Here that number is the paper's, and the deviation the constant `scale` (about 0.5 for images
    in [-1, 1]), so that no sample depends on the others.

    Arguments:
        real: shape (B, ...).
        noise: standard normal, of the shape of `real`.
        u: uniform on [0, 1), shape (B, 1, ...).
        scale: standard deviation of the data.

    Source: Kodali et al. (2017), On Convergence and Stability of GANs,
    https://arxiv.org/abs/1705.07215
    """
    return perturbed(real, noise, u * (scale / 2))


def noise_slope(logits: Tensor, noised_logits: Tensor, sigma: float) -> Tensor:
    """(D(x + sigma eps) - D(x)) / sigma, (B,): about g . eps, whose mean square is ||g||^2.

    Logits must be in float32 or wider: bfloat16 resolves differences of 0.4 % only.
    """
    return (noised_logits - logits) / sigma


def r1(critic: Critic, real: Tensor) -> Tensor:
    """||grad D(x)||^2 / 2 at real samples, (B,).

    The half is inside and gamma outside: gamma (r1 + r2) is the gamma / 2 (R1 + R2) of R3GAN.

    Source: Mescheder et al. (2018), Which Training Methods for GANs do actually Converge?,
    https://arxiv.org/abs/1801.04406
    """
    return half_squared_norm(input_gradient(critic, real)[0])


def r2(critic: Critic, fake: Tensor) -> Tensor:
    """||grad D(x)||^2 / 2 at fakes, (B,): the formula of `r1`.

    Source: Mescheder et al. (2018), Which Training Methods for GANs do actually Converge?,
    https://arxiv.org/abs/1801.04406
    """
    return half_squared_norm(input_gradient(critic, fake)[0])


def gradient_penalty(
    critic: Critic,
    real: Tensor,
    fake: Tensor,
    t: Tensor,
    measure: Callable[[Tensor], Tensor] = norm_gap,
) -> Tensor:
    """`measure` of grad D on the line between a real sample and a fake, (B,).

    `norm_gap` centres the norm at one, `norm_excess` bounds it by one, `squared_norm` centres it
    at zero (Thanh-Tung et al. 2019, https://arxiv.org/abs/1902.03984).

    Source: Gulrajani et al. (2017), Improved Training of Wasserstein GANs,
    https://arxiv.org/abs/1704.00028
    """
    return measure(input_gradient(critic, between(real, fake, t))[0])


def dragan(critic: Critic, real: Tensor, noise: Tensor, u: Tensor, scale: float = 0.5) -> Tensor:
    """(||grad D(x)|| - 1)^2 at points `around` the real samples, (B,).

    Source: Kodali et al. (2017), On Convergence and Stability of GANs,
    https://arxiv.org/abs/1705.07215
    """
    return norm_gap(input_gradient(critic, around(real, noise, u, scale))[0])


def noise_r1(critic: Critic, x: Tensor, eps: Tensor, sigma: float = 0.01) -> Tensor:
    """(D(x + sigma eps) - D(x))^2 / (2 sigma^2), (B,): estimates `r1` without a second derivative.

    The mean over eps is ||grad D||^2 / 2 exactly for an affine critic. For a quadratic one with
    Hessian A it exceeds that by sigma^2 (2 tr A^2 + (tr A)^2) / 8. The paper's lambda
    ||D(x) - D(x + sigma eps)||^2 has lambda = weight / (2 sigma^2): its lambda = 100 at
    sigma = 0.01 is a weight of 0.02.

    Source: Lin et al. (2025), Diffusion Adversarial Post-Training for One-Step Video Generation,
    https://arxiv.org/abs/2501.08316
    """
    return half_squared_norm(noise_slope(critic(x), critic(perturbed(x, eps, sigma)), sigma))


def lecam(
    real_logits: Tensor, fake_logits: Tensor, real_mean: Tensor, fake_mean: Tensor
) -> Tensor:
    """(D(x) - fake_mean)^2 + (D(G(z)) - real_mean)^2, (B,).

    The means are running averages of the logits (`averages.running_mean`), scalars without
    gradient. The authors' code counts only the parts where D(x) > fake_mean and
    D(G(z)) < real_mean; this is the formula of the paper, from which it derives the LeCam
    divergence.

    Source: Tseng et al. (2021), Regularizing Generative Adversarial Networks under Limited Data,
    https://arxiv.org/abs/2104.03310
    """
    return (real_logits - fake_mean).square() + (fake_logits - real_mean).square()


def orthogonality(weights: Iterable[Tensor]) -> Tensor:
    """The sum over weights of ||W W^T (1 - I)||_F^2 (entrywise): rows orthogonal, of any length.

    A row is what belongs to one index of the first dimension: an output unit or channel. Tensors
    of fewer than two dimensions (biases, gains) are passed over. A matrix with more rows than
    columns is counted as ||W^T W||_F^2 - sum_i |w_i|^4, which is the same and needs less memory.

    Source: Brock et al. (2019), Large Scale GAN Training for High Fidelity Natural Image
    Synthesis, https://arxiv.org/abs/1809.11096
    """
    overlaps = [_overlap(_rows(w)) for w in weights if w.ndim > 1]
    return sum(overlaps[1:], start=overlaps[0]) if overlaps else torch.zeros(())


def _overlap(w: Tensor) -> Tensor:
    """The sum over pairs of different rows of (w_i . w_j)^2."""
    if w.shape[0] > w.shape[1]:
        return (w.T @ w).square().sum() - w.square().sum(1).square().sum()
    gram = w @ w.T
    return (gram - gram.diag().diag()).square().sum()


@torch.no_grad()
def clip_weights_(parameters: Iterable[Tensor], bound: float) -> None:
    """Clips every weight to [-bound, bound], in place.

    Source: Arjovsky et al. (2017), Wasserstein GAN, https://arxiv.org/abs/1701.07875
    """
    if bound <= 0:
        raise UsageError("weight clipping", expected="a bound above 0", received=str(bound))
    for parameter in parameters:
        parameter.clamp_(-bound, bound)


@dataclass(frozen=True, kw_only=True)
class Penalty:
    """Where a critic's slope (or its logit) is taken, how, and what is made of it."""

    line: str
    """What it is, in one line."""
    source: str
    """Where it was published."""
    at: Literal["real", "fake", "between", "around"]
    """The points x, (B, ...)."""
    probe: Literal["gradient", "noise", "logit"] = "gradient"
    """The slope, `input_gradient` of shape (B, ...) or `noise_slope` of shape (B,); or the logit
    itself, (B,)."""
    measure: Callable[[Tensor], Tensor]
    """From the slope or the logit to the penalty, (B,)."""


_MESCHEDER = (
    "Mescheder et al. (2018), Which Training Methods for GANs do actually Converge?, "
    "https://arxiv.org/abs/1801.04406"
)
_GULRAJANI = (
    "Gulrajani et al. (2017), Improved Training of Wasserstein GANs, "
    "https://arxiv.org/abs/1704.00028"
)
_LIN = (
    "Lin et al. (2025), Diffusion Adversarial Post-Training for One-Step Video Generation, "
    "https://arxiv.org/abs/2501.08316"
)

_PENALTIES: Mapping[str, Penalty] = {
    "r1": Penalty(
        line="half the squared gradient norm at real samples",
        source=_MESCHEDER,
        at="real",
        measure=half_squared_norm,
    ),
    "r2": Penalty(
        line="half the squared gradient norm at fakes",
        source=_MESCHEDER,
        at="fake",
        measure=half_squared_norm,
    ),
    "gp": Penalty(
        line="gradient norm pulled to one between real and fake",
        source=_GULRAJANI,
        at="between",
        measure=norm_gap,
    ),
    "gp-one-sided": Penalty(
        line="gradient norm kept below one between real and fake",
        source="Petzka et al. (2018), On the regularization of Wasserstein GANs, "
        "https://arxiv.org/abs/1709.08894",
        at="between",
        measure=norm_excess,
    ),
    "gp-zero": Penalty(
        line="squared gradient norm between real and fake",
        source="Thanh-Tung et al. (2019), Improving Generalization and Stability of Generative "
        "Adversarial Networks, https://arxiv.org/abs/1902.03984",
        at="between",
        measure=squared_norm,
    ),
    "dragan": Penalty(
        line="gradient norm pulled to one around the real samples",
        source="Kodali et al. (2017), On Convergence and Stability of GANs, "
        "https://arxiv.org/abs/1705.07215",
        at="around",
        measure=norm_gap,
    ),
    "noise-r1": Penalty(
        line="r1 estimated from the change of the logit under small noise",
        source=_LIN,
        at="real",
        probe="noise",
        measure=half_squared_norm,
    ),
    "noise-r2": Penalty(
        line="r2 estimated from the change of the logit under small noise",
        source=_LIN,
        at="fake",
        probe="noise",
        measure=half_squared_norm,
    ),
    "drift": Penalty(
        line="squared logit of real samples, which keeps a Wasserstein critic from drifting",
        source="Karras et al. (2018), Progressive Growing of GANs for Improved Quality, "
        "Stability, and Variation, https://arxiv.org/abs/1710.10196",
        at="real",
        probe="logit",
        measure=torch.square,
    ),
}

PENALTIES: Mapping[str, Penalty] = Table(
    "penalties",
    _PENALTIES,
    lambda entry: isinstance(entry, Penalty),
    "a gantlet.penalties.Penalty",
)
"""Penalties on the critic's slope, by name."""
