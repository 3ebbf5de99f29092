"""What steps cost: against Opacus called by itself and against closed forms."""

import math

import numpy as np
import pytest
from opacus.accountants import PRVAccountant, RDPAccountant
from opacus.accountants.analysis.rdp import compute_rdp

from gantlet.errors import UsageError
from gantlet.privacy.accounting import (
    Spent,
    epsilon_of,
    gaussian_delta,
    gaussian_sigma,
    most_steps,
    sigma_for,
)

DELTA = 1e-5
SOME = [(1.1, 0.01, 3000), (0.7, 0.002, 500), (4.0, 0.2, 60)]


@pytest.mark.filterwarnings("ignore:Optimal order")
@pytest.mark.parametrize("history", [[SOME[0]], [SOME[1]], [SOME[2]], SOME])
def test_epsilon_is_that_of_opacus(history):
    theirs = RDPAccountant()
    theirs.history = list(history)
    wanted = theirs.get_epsilon(DELTA)
    found = epsilon_of([Spent(*part) for part in history], DELTA)
    assert found == pytest.approx(wanted, rel=1e-9)


def test_epsilon_is_above_the_tighter_accountant_of_privacy_loss():
    theirs = PRVAccountant()
    theirs.history = [SOME[0]]
    tight = theirs.get_epsilon(DELTA)
    found = epsilon_of([Spent(*SOME[0])], DELTA)
    assert tight - 0.01 <= found <= 1.2 * tight


@pytest.mark.parametrize(("sigma", "steps"), [(5.0, 1), (20.0, 100), (3.0, 4)])
def test_all_rows_in_all_steps_are_one_gaussian_mechanism(sigma, steps):
    """Renyi divergence alpha steps / (2 sigma^2); epsilon just above the exact one."""
    orders = [2.0, 8.0, 32.0]
    found = compute_rdp(q=1.0, noise_multiplier=sigma, steps=steps, orders=orders)
    np.testing.assert_allclose(found, [a * steps / (2 * sigma**2) for a in orders], rtol=1e-12)
    epsilon = epsilon_of([Spent(sigma, 1.0, steps)], DELTA)
    exact = sigma / math.sqrt(steps)
    assert gaussian_delta(epsilon, exact) <= DELTA
    assert gaussian_delta(0.8 * epsilon, exact) > DELTA
    whole = epsilon_of([Spent(exact, 1.0)], DELTA)
    assert epsilon == pytest.approx(whole, rel=1e-9)


def test_delta_of_the_gaussian_mechanism_is_the_divergence_of_two_normals():
    """delta = integral of (p(x - 1) - e^epsilon p(x))_+ dx."""
    x = np.linspace(-40, 40, 400_001)
    for epsilon, sigma in ((0.5, 1.0), (1.0, 3.0), (3.0, 0.8)):
        p, shifted = (np.exp(-((x - m) ** 2) / (2 * sigma**2)) for m in (0.0, 1.0))
        gap = np.clip(shifted - np.exp(epsilon) * p, 0, None) / (sigma * np.sqrt(2 * np.pi))
        wanted = float(gap.sum() * (x[1] - x[0]))
        assert gaussian_delta(epsilon, sigma) == pytest.approx(wanted, rel=1e-4)
        assert gaussian_sigma(epsilon, wanted) == pytest.approx(sigma, rel=1e-3)
    assert gaussian_delta(1000.0, 1.0) == 0.0


def test_sigma_spends_the_budget_and_never_more():
    before = [Spent(8.0, 1.0)]
    sigma = sigma_for(3.0, DELTA, 0.02, 200, tuple(before))
    assert 2.97 < epsilon_of([*before, Spent(sigma, 0.02, 200)], DELTA) <= 3.0
    assert epsilon_of([*before, Spent(0.99 * sigma, 0.02, 200)], DELTA) > 3.0


def test_steps_spend_the_budget_and_never_more():
    most = most_steps(2.0, DELTA, 0.02, 1.5)
    assert epsilon_of([Spent(1.5, 0.02, most)], DELTA) <= 2.0
    assert epsilon_of([Spent(1.5, 0.02, most + 1)], DELTA) > 2.0
    assert most_steps(0.01, DELTA, 0.5, 0.5) == 0


def test_nothing_costs_nothing_and_a_budget_that_is_gone_is_told():
    assert epsilon_of([], DELTA) == epsilon_of([Spent(1.0, 0.1, 0)], DELTA) == 0.0
    with pytest.raises(UsageError, match=r"the privacy budget.*privacy\.columns"):
        sigma_for(0.1, DELTA, 0.02, 10, (Spent(1.0, 1.0),))
