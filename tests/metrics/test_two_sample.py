"""The classifier two-sample test against scipy, known accuracies and draws under the null."""

import math

import numpy as np
import pytest
import torch
from scipy.stats import binom, binomtest, norm

from gantlet.errors import UsageError
from gantlet.metrics import two_sample as module
from gantlet.metrics.estimate import wilson
from gantlet.metrics.two_sample import CLASSIFIERS, chance_of, two_sample


def drawn(seed, *shape):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize(
    ("hits", "n"), [(0, 10), (5, 10), (10, 10), (520, 1000), (10_400, 20_000)]
)
def test_chance_is_that_of_scipy(hits, n):
    wanted = binomtest(hits, n, 0.5, alternative="greater").pvalue
    assert chance_of(hits, n) == pytest.approx(wanted, rel=1e-9)


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_a_shift_is_told_about_as_well_as_can_be(name):
    shift = 2.0
    best = norm.cdf(shift / 2)  # of two Gaussians that far apart
    found = two_sample(
        drawn(0, 1000, 2), drawn(1, 1200, 2) + torch.tensor([shift, 0]), classifier=name
    )
    assert found.accuracy.low < best
    assert found.accuracy.high > best - 0.02
    assert found.p < 1e-30


def test_a_shape_is_seen_by_neighbours_and_not_by_a_line():
    real, fake = drawn(2, 1000, 2), 0.4 * drawn(3, 1000, 2)
    assert two_sample(real, fake, classifier="neighbours").p < 1e-10
    assert two_sample(real, fake, classifier="logistic").p > 1e-3


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_fresh_draws_are_told_apart_by_chance_alone(name):
    generator = torch.Generator().manual_seed(4)
    found = []
    for _ in range(60):
        x = torch.randn(160, 3, generator=generator, dtype=torch.float64)
        found.append(two_sample(x[:80], x[80:], classifier=name))
    accuracies = [one.accuracy.value for one in found]
    assert abs(np.mean(accuracies) - 0.5) < 4 * np.std(accuracies) / math.sqrt(60)
    assert sum(one.p < 0.05 for one in found) <= 9
    hits = sum(one.accuracy.low <= 0.5 <= one.accuracy.high for one in found)
    assert binom.cdf(hits, 60, 0.93) > 0.001  # Wilson's own at n = 80


@pytest.mark.parametrize(("n", "m"), [(40, 60), (61, 40), (40, 40)])
def test_halves_are_balanced_and_disjoint(monkeypatch, n, m):
    halves = []
    original = module._halves

    def watched(*arguments):
        halves.append(original(*arguments))
        return halves[-1]

    monkeypatch.setattr(module, "_halves", watched)
    real, fake = torch.arange(float(n))[:, None], 1000 + torch.arange(float(m))[:, None]
    found = two_sample(real, fake)
    assert [len(half) for pair in halves for half in pair] == [20] * 4
    used = np.concatenate([half[:, 0] for pair in halves for half in pair])
    assert len(set(used)) == 80
    assert found.accuracy == wilson(40, 40)
    assert found.p == pytest.approx(2.0**-40)


def test_a_seed_fixes_it_and_units_do_not_matter():
    real, fake = drawn(5, 200, 3), drawn(6, 200, 3) + 0.3
    units = torch.tensor([1.0, 1e4, 1e-4])
    first, again, other = (two_sample(real, fake, seed=seed) for seed in (1, 1, 2))
    assert first == again
    assert first != other
    assert two_sample(real * units + 5, fake * units + 5, seed=1) == first
    constant = torch.full((200, 1), 0.1, dtype=torch.float64)
    assert two_sample(*(torch.cat([x, constant], 1) for x in (real, fake)), seed=1) == first


@pytest.mark.parametrize(
    ("real", "fake", "name", "reason"),
    [
        (torch.zeros(7, 2), torch.zeros(9, 2), "logistic", "at least 8 samples"),
        (torch.zeros(9, 2), torch.zeros(9, 3), "logistic", "D alike"),
        (torch.zeros(9, 2), torch.full((9, 2), math.inf), "logistic", "NaN or infinity in fake"),
        (torch.zeros(9, 2), torch.zeros(9, 2), "neighbors", "Did you mean neighbours"),
    ],
)
def test_samples_that_do_not_serve_are_an_error(real, fake, name, reason):
    with pytest.raises(UsageError, match=reason):
        two_sample(real, fake, classifier=name)
