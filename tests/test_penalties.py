"""Penalties against closed forms, autograd and finite differences, in float64."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from gantlet import penalties
from gantlet.errors import UsageError
from gantlet.penalties import PENALTIES, Penalty, input_gradient

W = torch.tensor([0.6, -1.2, 0.4], dtype=torch.float64)
A = torch.tensor([[0.5, 0.2, 0.0], [0.2, -0.3, 0.1], [0.0, 0.1, 0.7]], dtype=torch.float64)


def normal(seed: int, *shape: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def linear(x: Tensor) -> Tensor:
    return x @ W


def quadratic(x: Tensor) -> Tensor:
    return x @ W + ((x @ A) * x).sum(1) / 2


def network(seed: int = 0) -> nn.Sequential:
    torch.manual_seed(seed)
    layers = nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 1), nn.Flatten(0))
    return layers.double()


def weight_gradients(network: nn.Module, loss: Tensor) -> list[Tensor]:
    weights = list(network.parameters())
    found = torch.autograd.grad(loss, weights, allow_unused=True, materialize_grads=True)
    return list(found)


def test_gradient_penalties_of_a_linear_critic() -> None:
    real, fake, t = normal(1, 5, 3), normal(2, 5, 3), normal(3, 5, 1)
    square = W.square().sum()
    norm = square.sqrt()
    expected = {
        "r1": square / 2,
        "r2": square / 2,
        "gp": (norm - 1) ** 2,
        "gp-one-sided": (norm - 1) ** 2,
        "gp-zero": square,
        "dragan": (norm - 1) ** 2,
    }
    gradient, logits = input_gradient(linear, penalties.between(real, fake, t))
    torch.testing.assert_close(gradient, W.expand(5, 3))
    torch.testing.assert_close(logits, linear(real + t * (fake - real)))
    for name, value in expected.items():
        torch.testing.assert_close(PENALTIES[name].measure(gradient), value.expand(5))
    assert sorted(expected) == sorted(n for n, p in PENALTIES.items() if p.probe == "gradient")


def test_ready_functions_of_a_quadratic_critic() -> None:
    real, fake, noise = normal(1, 5, 3), normal(2, 5, 3), normal(3, 5, 3)
    t = normal(4, 5, 1).sigmoid()

    def gradient(x: Tensor) -> Tensor:
        return W + x @ A

    def norm(x: Tensor) -> Tensor:
        return gradient(x).square().sum(1).sqrt()

    middle, near = (1 - t) * real + t * fake, real + t * 0.3 * noise
    torch.testing.assert_close(penalties.r1(quadratic, real), norm(real) ** 2 / 2)
    torch.testing.assert_close(penalties.r2(quadratic, fake), norm(fake) ** 2 / 2)
    found = penalties.gradient_penalty(quadratic, real, fake, t)
    torch.testing.assert_close(found, (norm(middle) - 1) ** 2)
    found = penalties.gradient_penalty(quadratic, real, fake, t, penalties.squared_norm)
    torch.testing.assert_close(found, norm(middle) ** 2)
    found = penalties.dragan(quadratic, real, noise, t, scale=0.6)
    torch.testing.assert_close(found, (norm(near) - 1) ** 2)


def test_measures_of_gradients() -> None:
    g = torch.tensor([[[3.0, 0.0], [0.0, 4.0]], [[0.0, 0.3], [0.4, 0.0]]]).double()
    torch.testing.assert_close(penalties.squared_norm(g), torch.tensor([25.0, 0.25]).double())
    torch.testing.assert_close(
        penalties.half_squared_norm(g), torch.tensor([12.5, 0.125]).double()
    )
    torch.testing.assert_close(penalties.norm_gap(g), torch.tensor([16.0, 0.25]).double())
    torch.testing.assert_close(penalties.norm_gap(g, 0.5), torch.tensor([20.25, 0.0]).double())
    torch.testing.assert_close(penalties.norm_excess(g), torch.tensor([16.0, 0.0]).double())


@pytest.mark.parametrize(
    "measure", [penalties.squared_norm, penalties.norm_gap, penalties.norm_excess]
)
def test_measures_have_gradients_everywhere(measure: Callable[[Tensor], Tensor]) -> None:
    g = normal(5, 4, 3).requires_grad_()
    assert torch.autograd.gradcheck(measure, (2 * g,))
    flat = torch.zeros(2, 3, dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(measure(flat).sum(), flat)
    assert torch.equal(slope, torch.zeros(2, 3, dtype=torch.float64))


@pytest.mark.parametrize("name", sorted(n for n, p in PENALTIES.items() if p.probe == "gradient"))
def test_weight_gradients_equal_those_of_autograd(name: str) -> None:
    critic, x = network(), normal(6, 7, 3)
    gradient, logits = input_gradient(critic, x)
    found = weight_gradients(critic, PENALTIES[name].measure(3 * gradient).mean() + logits.mean())
    leaf = x.clone().requires_grad_()
    answer = critic(leaf)
    (by_autograd,) = torch.autograd.grad(answer.sum(), leaf, create_graph=True)
    loss = PENALTIES[name].measure(3 * by_autograd).mean() + answer.mean()
    torch.testing.assert_close(gradient, by_autograd)
    torch.testing.assert_close(found, weight_gradients(critic, loss))


def test_weight_gradients_equal_finite_differences() -> None:
    critic, x = network(), normal(7, 4, 3)
    shapes = [p.shape for p in critic.parameters()]
    names = [n for n, _ in critic.named_parameters()]
    flat = torch.cat([p.detach().flatten() for p in critic.parameters()]).requires_grad_()

    def penalty(flat: Tensor) -> Tensor:
        parts = flat.split([s.numel() for s in shapes])
        weights = {n: p.reshape(s) for n, p, s in zip(names, parts, shapes, strict=True)}
        return penalties.r1(lambda x: torch.func.functional_call(critic, weights, (x,)), x)

    assert torch.autograd.gradcheck(penalty, (flat,))


@pytest.mark.parametrize("order", ["penalty", "critic first", "critic without gradient first"])
def test_bfloat16_autocast_keeps_the_weight_gradient(order: str) -> None:
    """Autocast caches cast weights; neither cache nor `torch.func` may cut the second backward."""
    critic, x = network().float(), normal(8, 16, 3).float()

    def by_autograd() -> Tensor:
        leaf = x.clone().requires_grad_()
        (g,) = torch.autograd.grad(critic(leaf).sum(), leaf, create_graph=True)
        return penalties.half_squared_norm(g).mean()

    def ours() -> Tensor:
        if order == "critic first":
            critic(x)
        if order == "critic without gradient first":
            with torch.no_grad():
                critic(x)
        gradient, _ = input_gradient(critic, x)
        assert gradient.dtype == torch.float32
        return penalties.half_squared_norm(gradient).mean()

    exact = weight_gradients(critic, by_autograd())
    with torch.autocast("cpu", torch.bfloat16, cache_enabled=False):
        expected = weight_gradients(critic, by_autograd())
    with torch.autocast("cpu", torch.bfloat16):
        found = weight_gradients(critic, ours())
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-7)
    for got, want in zip(found, exact, strict=True):
        assert (got - want).norm() <= 0.02 * want.norm()


class Answer(NamedTuple):
    logits: Tensor
    features: Tensor | None = None
    classes: Tensor | None = None


def test_named_answers_come_out_of_the_same_pass() -> None:
    critic, x = network(), normal(9, 5, 3)
    calls = []

    def answering(x: Tensor) -> Answer:
        calls.append(1)
        hidden = critic[1](critic[0](x))
        return Answer(critic[3](critic[2](hidden)), classes=hidden)

    gradient, answer = input_gradient(answering, x)
    assert isinstance(answer, Answer)
    assert answer.features is None
    assert answer.classes is not None
    assert len(calls) == 1
    torch.testing.assert_close(gradient, input_gradient(critic, x)[0])
    torch.testing.assert_close(answer.logits, critic(x))
    found = weight_gradients(critic, answer.classes.square().sum())
    torch.testing.assert_close(
        found, weight_gradients(critic, critic[1](critic[0](x)).square().sum())
    )


def test_samples_do_not_depend_on_each_other() -> None:
    critic, real, fake = network(), normal(10, 6, 3), normal(11, 6, 3)
    t = normal(12, 6, 1).sigmoid()
    for of in (
        lambda rows: penalties.r1(critic, real[rows]),
        lambda rows: penalties.gradient_penalty(critic, real[rows], fake[rows], t[rows]),
        lambda rows: penalties.dragan(critic, real[rows], fake[rows], t[rows]),
        lambda rows: penalties.noise_r1(critic, real[rows], fake[rows]),
    ):
        apart = torch.cat([of(slice(k, k + 2)) for k in (0, 2, 4)])
        torch.testing.assert_close(apart, of(slice(0, 6)), rtol=1e-9, atol=1e-12)


def test_points_lie_where_they_should() -> None:
    real, fake = normal(13, 4, 1, 2, 2), normal(14, 4, 1, 2, 2)
    zero, one = torch.zeros(4, 1, 1, 1).double(), torch.ones(4, 1, 1, 1).double()
    torch.testing.assert_close(penalties.between(real, fake, zero), real)
    torch.testing.assert_close(penalties.between(real, fake, one), fake)
    torch.testing.assert_close(penalties.around(real, fake, zero), real)
    torch.testing.assert_close(penalties.around(real, fake, one, scale=0.8), real + 0.4 * fake)
    torch.testing.assert_close(penalties.perturbed(real, fake, 0.1), real + 0.1 * fake)


def gaussian_mean(of: Callable[[Tensor], Tensor], order: int = 5) -> Tensor:
    """E of(eps), eps standard normal in 3 dimensions, by Gauss-Hermite quadrature."""
    nodes, weights = (torch.from_numpy(a) for a in np.polynomial.hermite_e.hermegauss(order))
    weights = weights / math.sqrt(2 * math.pi)
    eps = torch.cartesian_prod(nodes, nodes, nodes)
    return (torch.cartesian_prod(weights, weights, weights).prod(1) * of(eps)).sum()


@pytest.mark.parametrize("sigma", [0.01, 0.5])
def test_noise_estimates_r1(sigma: float) -> None:
    """Exact for affine critics; sigma^2 (2 tr A^2 + (tr A)^2) / 8 too large for quadratic ones."""
    x = normal(15, 1, 3)

    def mean(critic: Callable[[Tensor], Tensor]) -> Tensor:
        return gaussian_mean(
            lambda eps: penalties.noise_r1(critic, x.expand(len(eps), 3), eps, sigma)
        )

    torch.testing.assert_close(mean(linear), penalties.r1(linear, x)[0])
    excess = sigma**2 * (2 * (A @ A).trace() + A.trace() ** 2) / 8
    torch.testing.assert_close(mean(quadratic), penalties.r1(quadratic, x)[0] + excess)


def test_noise_penalty_in_the_papers_scale() -> None:
    """lambda = 100 at sigma = 0.01 (Lin et al. 2025) is a weight of 0.02."""
    x, eps = normal(16, 5, 3), normal(17, 5, 3)
    change = quadratic(x) - quadratic(x + 0.01 * eps)
    ours = 0.02 * penalties.noise_r1(quadratic, x, eps, 0.01)
    torch.testing.assert_close(ours, 100 * change.square())


def test_lecam_is_the_papers_formula() -> None:
    real, fake = normal(18, 6).requires_grad_(), normal(19, 6).requires_grad_()
    means = torch.tensor(0.7).double(), torch.tensor(-0.4).double()
    value = penalties.lecam(real, fake, *means)
    torch.testing.assert_close(value, (real + 0.4) ** 2 + (fake - 0.7) ** 2)
    gradients = torch.autograd.grad(value.sum(), (real, fake))
    torch.testing.assert_close(gradients, (2 * (real + 0.4), 2 * (fake - 0.7)))


def test_orthogonality_of_rows() -> None:
    q, _ = torch.linalg.qr(normal(20, 6, 6))
    rows = q[:3].reshape(3, 2, 3)
    bias = torch.ones(5).double()
    zero = torch.zeros(()).double()
    torch.testing.assert_close(penalties.orthogonality([2 * rows, bias]), zero)
    w, v = normal(21, 4, 3), normal(22, 2, 5)
    off = sum(
        (a[i] @ a[j]) ** 2 for a in (w, v) for i in range(len(a)) for j in range(len(a)) if i != j
    )
    torch.testing.assert_close(penalties.orthogonality([w, v]), off)
    assert torch.autograd.gradcheck(lambda a: penalties.orthogonality([a]), (w.requires_grad_(),))


def test_without_matrices_there_is_nothing_to_orthogonalise() -> None:
    assert penalties.orthogonality([torch.ones(3)]).item() == 0


def test_clipping_is_a_projection_onto_the_box() -> None:
    weights = [nn.Parameter(torch.tensor([-2.0, 0.005, 0.3])), nn.Parameter(torch.ones(2))]
    penalties.clip_weights_(weights, 0.01)
    assert weights[0].tolist() == pytest.approx([-0.01, 0.005, 0.01])
    assert weights[1].tolist() == pytest.approx([0.01, 0.01])
    with pytest.raises(UsageError, match="above 0"):
        penalties.clip_weights_(weights, 0.0)


def test_a_game_can_loop_over_the_table() -> None:
    """Each pair of probe and place is evaluated once; the measures then need no critic."""
    real, fake, noise = normal(23, 5, 3), normal(24, 5, 3), normal(25, 5, 3)
    t = normal(26, 5, 1).sigmoid()
    points = {
        "real": real,
        "fake": fake,
        "between": penalties.between(real, fake, t),
        "around": penalties.around(real, noise, t),
    }

    def slope(penalty: Penalty) -> Tensor:
        x = points[penalty.at]
        gradient, logits = input_gradient(quadratic, x)
        noised = quadratic(penalties.perturbed(x, noise, 0.01))
        of_noise = penalties.noise_slope(logits, noised, 0.01)
        return {"gradient": gradient, "noise": of_noise, "logit": logits}[penalty.probe]

    found = {name: penalty.measure(slope(penalty)) for name, penalty in PENALTIES.items()}
    one_sided = penalties.gradient_penalty(quadratic, real, fake, t, penalties.norm_excess)
    zero = penalties.gradient_penalty(quadratic, real, fake, t, penalties.squared_norm)
    expected = {
        "r1": penalties.r1(quadratic, real),
        "r2": penalties.r2(quadratic, fake),
        "gp": penalties.gradient_penalty(quadratic, real, fake, t),
        "gp-one-sided": one_sided,
        "gp-zero": zero,
        "dragan": penalties.dragan(quadratic, real, noise, t),
        "noise-r1": penalties.noise_r1(quadratic, real, noise),
        "noise-r2": penalties.noise_r1(quadratic, fake, noise),
        "drift": quadratic(real).square(),
    }
    torch.testing.assert_close(found, expected)


def test_a_critic_with_the_wrong_shape_is_refused() -> None:
    with pytest.raises(UsageError, match="one logit per sample"):
        penalties.r1(lambda x: x, normal(27, 5, 3))


def test_penalties_compile_into_one_graph() -> None:
    critic, x = network(), normal(28, 5, 3)

    def loss(x: Tensor) -> Tensor:
        gradient, answer = input_gradient(lambda x: Answer(critic(x)), x)
        return (penalties.half_squared_norm(gradient) + answer.logits).mean()

    compiled = torch.compile(loss, fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(
        weight_gradients(critic, compiled(x)), weight_gradients(critic, loss(x))
    )
