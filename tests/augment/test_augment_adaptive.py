"""The adaptive rule: its sign, its speed and its bounds in closed form."""

from statistics import NormalDist

import pytest
import torch

from gantlet.augment import Adaptive, moved, realness
from gantlet.errors import UsageError
from gantlet.rng import Noise


def normal(count, seed=0):
    return Noise(seed, "logits", 0, count, dtype=torch.float64)("n", ())


@pytest.mark.parametrize(("r", "sign"), [(1.0, 1), (0.61, 1), (0.6, 0), (0.59, -1), (-1.0, -1)])
def test_p_moves_towards_the_target(r, sign):
    rule = Adaptive(target=0.6, samples=1000)
    p = torch.tensor(0.5, dtype=torch.float64)
    found = moved(p, torch.tensor(r, dtype=torch.float64), 64, rule)
    assert float(found) == pytest.approx(0.5 + sign * 0.064)


def test_p_rises_to_its_bound_in_the_samples_it_is_given_and_falls_as_fast():
    rule = Adaptive(samples=6_400, start=0.1, most=0.9)
    p, course = torch.tensor(rule.start, dtype=torch.float64), []
    for _ in range(200):
        p = moved(p, torch.tensor(1.0), 64, rule)
        course.append(float(p))
    wanted = [min(0.9, 0.1 + 0.01 * (n + 1)) for n in range(200)]
    assert course == pytest.approx(wanted)
    for _ in range(50):
        p = moved(p, torch.tensor(0.0), 64, rule)
    assert float(p) == pytest.approx(0.4)
    for _ in range(50):
        p = moved(p, torch.tensor(0.0), 64, rule)
    assert float(p) == 0


def test_overfitting_is_the_mean_sign_of_real_logits():
    real = torch.tensor([2.0, 0.1, -3.0, 0.0])
    assert float(realness(real)) == pytest.approx(1 / 4)
    genuine = torch.tensor([1.0, 1.0, 0.0, 1.0])
    assert float(realness(real, genuine=genuine)) == pytest.approx(2 / 3)
    assert float(realness(real, genuine=torch.zeros(4))) == 0


def test_where_a_constant_is_free_it_changes_nothing():
    real, fake, genuine = normal(50) + 0.5, normal(50, 1), (normal(50, 2) > 0).double()
    once = realness(real, fake, genuine)
    assert float(realness(real + 7, fake + 7, genuine)) == float(once)
    assert float(realness(real + 7, genuine=genuine)) == pytest.approx(1.0)


def test_centred_it_is_the_papers_in_a_symmetric_game():
    """Logits N(m, 1) on real and N(-m, 1) on fake samples: r = 2 Phi(m) - 1 either way."""
    n, m = 20_000, 0.84
    real, fake = normal(n) + m, normal(n, 1) - m
    wanted = 2 * NormalDist().cdf(m) - 1
    assert wanted == pytest.approx(0.6, abs=0.002)
    for found in (realness(real), realness(real, fake), realness(real + 3, fake + 3)):
        assert float(found) == pytest.approx(wanted, abs=0.03)


def test_a_start_above_the_bound_is_refused():
    with pytest.raises(UsageError, match=r"start=0.9 most=0.8"):
        Adaptive(start=0.9)
