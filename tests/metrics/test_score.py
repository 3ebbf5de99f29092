"""Classifier score against SciPy's divergence, its bounds and the formula of the paper."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special, stats
from sklearn.metrics import mutual_info_score
from torch import Tensor

from gantlet.errors import UsageError
from gantlet.metrics.estimate import groups, jackknife
from gantlet.metrics.score import classifier_score


def logits(seed: int, n: int, k: int, scale: float = 2.0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return scale * torch.randn(n, k, generator=generator, dtype=torch.float64)


def by_scipy(x: Tensor) -> float:
    p = special.softmax(x.numpy(), 1)
    return float(np.exp(stats.entropy(p, p.mean(0)[None], axis=1).mean()))


def certain(labels: Tensor, k: int) -> Tensor:
    """Logits of a classifier that is sure of each label."""
    return torch.nn.functional.one_hot(labels, k).double().log()


@pytest.mark.parametrize(("n", "k"), [(10, 2), (57, 10), (200, 1000)])
def test_it_is_the_mean_divergence_of_scipy(n, k):
    x = logits(0, n, k)
    assert classifier_score(x).value == pytest.approx(by_scipy(x), rel=1e-10)
    shifted = x + logits(1, n, 1, 100)
    assert classifier_score(shifted).value == pytest.approx(by_scipy(x), rel=1e-10)
    probabilities = x.softmax(1).log()
    assert classifier_score(probabilities).value == pytest.approx(by_scipy(x), rel=1e-10)


def test_sure_answers_score_the_exponent_of_their_entropy():
    """Then the mutual information is the entropy of the classes."""
    labels = torch.tensor([0] * 30 + [1] * 15 + [3] * 5)
    expected = np.exp(mutual_info_score(labels, labels))
    assert classifier_score(certain(labels, 5)).value == pytest.approx(expected, rel=1e-12)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 999),
    n=st.integers(10, 40),
    k=st.integers(1, 12),
    scale=st.floats(0, 1000),
)
def test_it_lies_between_1_and_the_number_of_classes(seed, n, k, scale):
    found = classifier_score(logits(seed, n, k, scale)).value
    assert 1 - 1e-12 <= found <= k * (1 + 1e-12)


@pytest.mark.parametrize("k", [1, 2, 10])
def test_the_bounds_are_reached(k):
    balanced = certain(torch.arange(10 * k) % k, k)
    assert classifier_score(balanced).value == pytest.approx(k, rel=1e-12)
    alike = logits(0, 1, k).expand(20, k)
    assert classifier_score(alike).value == pytest.approx(1, rel=1e-12)


def test_lost_classes_and_unsure_answers_lower_it():
    labels = torch.arange(200) % 10
    full = classifier_score(certain(labels, 10)).value
    lost = classifier_score(certain(labels % 5, 10)).value
    unsure = classifier_score(certain(labels, 10).exp()).value
    assert lost == pytest.approx(full / 2, rel=1e-12)
    assert unsure < full


def test_the_interval_is_a_jackknife_over_groups():
    x = logits(0, 95, 4)
    left_out = [by_scipy(torch.tensor(np.delete(x.numpy(), i.numpy(), 0))) for i in groups(95)]
    found, expected = classifier_score(x), jackknife(by_scipy(x), left_out)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), rel=1e-9)


def test_the_interval_holds_the_mean_over_draws_in_95_of_100():
    found = [classifier_score(logits(i, 300, 5)) for i in range(300)]
    mean = np.mean([e.value for e in found])
    assert 0.91 <= np.mean([e.low <= mean <= e.high for e in found]) <= 0.99


@pytest.mark.parametrize(
    ("x", "says"),
    [
        (torch.zeros(20), r"shape \(samples, classes\)"),
        (torch.zeros(20, 0), r"shape \(samples, classes\)"),
        (torch.zeros(9, 3), "each of 10"),
        (torch.full((20, 3), torch.nan), "received 20 samples"),
        (torch.tensor([[0.0, torch.inf]] + [[0.0, 0.0]] * 19), "received 1 samples"),
        (torch.full((20, 3), -torch.inf), "received 20 samples"),
    ],
)
def test_what_is_no_distribution_is_refused(x, says):
    with pytest.raises(UsageError, match=says):
        classifier_score(x)
