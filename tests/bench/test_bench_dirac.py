"""The Dirac-GAN: every row ends as the theory says, along orbits with known formulas."""

import math

import pytest
import torch

from gantlet.bench import PROBLEMS
from gantlet.bench.base import Asked
from gantlet.bench.dirac import DIRAC, Duel, orbit
from gantlet.errors import UsageError

ENDS = {
    "wasserstein-at-once": "diverges",
    "wasserstein": "stays away",
    "wasserstein-clipped": "stays away",
    "wasserstein-gp": "stays away",
    "minimax": "stays away",
    "nonsaturating": "approaches slowly",
    "nonsaturating-r1": "converges",
    "nonsaturating-r2": "converges",
    "paired-r1-r2": "converges",
}
START = torch.tensor([0.6, -0.8])


def duel(name: str, **settings) -> Duel:
    return Duel(line="", theory="", name=name, **settings)


def test_every_row_has_an_end():
    assert set(DIRAC.rows) == set(ENDS)
    assert PROBLEMS["dirac"] is DIRAC


@pytest.mark.parametrize("row", ENDS)
def test_each_row_ends_as_the_theory_says(row, tmp_path):
    values = DIRAC.play(row, 0, Asked(), tmp_path, print)
    assert DIRAC.measures["left"].word(values["left"]) == ENDS[row]


def test_seeds_begin_elsewhere_on_the_unit_circle(tmp_path):
    left = [DIRAC.play("minimax", seed, Asked(), tmp_path, print)["left"] for seed in (0, 0, 1)]
    assert left[0] == left[1]
    assert left[0] != left[2]


@pytest.mark.parametrize("at_once", [True, False])
def test_wasserstein_descent_is_a_power_of_a_matrix(at_once):
    """L_G = -psi theta, L_D = psi theta: theta moves by h psi, psi by -h theta, new or old."""
    h, steps = 0.1, 60
    together = torch.tensor([[1, h], [-h, 1]], dtype=torch.float64)
    in_turn = torch.tensor([[1, h], [-h, 1 - h * h]], dtype=torch.float64)
    move = torch.matrix_power(together if at_once else in_turn, steps)
    found = orbit(duel("wasserstein", at_once=at_once), START, steps, h)
    assert found.shape == (steps + 1, 2)
    torch.testing.assert_close(found[-1], move @ START.double())


@pytest.mark.parametrize("penalty", ["r1", "r2"])
@pytest.mark.parametrize(("pairing", "name"), [("none", "nonsaturating"), ("pair", "minimax")])
def test_penalties_shrink_areas_near_the_equilibrium(penalty, pairing, name):
    """The linear map of alternating steps has the determinant 1 - h gamma."""
    h, gamma, steps = 0.1, 0.5, 200
    game = duel(name, pairing=pairing, penalties={penalty: gamma})
    ends = [orbit(game, 1e-5 * axis, steps, h)[-1] / 1e-5 for axis in torch.eye(2)]
    found = torch.linalg.det(torch.stack(ends))
    assert found.item() == pytest.approx((1 - h * gamma) ** steps, rel=1e-4)


def test_clipping_bounds_psi():
    points = orbit(duel("wasserstein", clip=0.5), START, 100)
    assert points[1:, 1].abs().max() <= 0.5
    assert points[:, 1].abs().max() == pytest.approx(0.8)
    assert points[1:, 1].abs().max() > 0.49


def test_the_pull_of_one_step_is_the_slope_of_the_loss():
    """Non-saturating: dL_G / dtheta = -sigmoid(-theta psi) psi."""
    theta, psi = START.double().tolist()
    moved = orbit(duel("nonsaturating"), START, 1, 0.1)[1, 0]
    slope = -psi / (1 + math.exp(theta * psi))
    assert moved.item() == pytest.approx(theta - 0.1 * slope, rel=1e-9)


def test_dirac_takes_no_settings():
    for asked in (Asked(samples=5), Asked(settings=("train.batch=4",))):
        with pytest.raises(UsageError, match="trains no network"):
            DIRAC.identity("minimax", 0, asked)
