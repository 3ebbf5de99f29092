"""Class balance against scipy, counts by hand and draws of a perfect sampler."""

import math

import numpy as np
import pytest
import torch
from scipy.stats import binom, chi2_contingency

from gantlet.errors import UsageError
from gantlet.metrics.balance import class_balance, rarest
from gantlet.metrics.estimate import wilson

SHARES = torch.tensor([0.4, 0.3, 0.2, 0.1])


def labels(*counts):
    return torch.arange(len(counts)).repeat_interleave(torch.tensor(counts))


def test_shares_and_their_distance_are_those_of_counts():
    found = class_balance(labels(50, 30, 20), labels(10, 20, 10), 3)
    assert found.data == pytest.approx([0.5, 0.3, 0.2])
    assert list(found.shares) == [wilson(10, 40), wilson(20, 40), wilson(10, 40)]
    assert found.variation.value == pytest.approx((0.25 + 0.2 + 0.05) / 2)
    # Differences -, +, +: the total variation is the share of classes 1 and 2, less that in data.
    error = math.sqrt(0.75 * 0.25 / 40 + 0.5 * 0.5 / 100)
    assert found.variation.high == pytest.approx(0.25 + 1.959964 * error, rel=1e-6)


@pytest.mark.parametrize("counts", [(30, 0, 25, 17), (80, 70, 60, 50), (1, 2, 0, 90)])
def test_p_is_that_of_a_table_in_scipy(counts):
    real = (40, 30, 20, 10)
    table = np.array([counts, real])
    found = class_balance(labels(*real), labels(*counts), 4)
    assert found.p == pytest.approx(chi2_contingency(table, correction=False).pvalue, rel=1e-9)


def test_classes_that_never_occur_count_for_nothing():
    some = class_balance(labels(40, 30), labels(20, 30), 2)
    more = class_balance(labels(40, 30), labels(20, 30), 9)
    assert (more.p, more.variation, more.expected) == (some.p, some.variation, some.expected)
    assert len(more.shares) == 9
    assert more.shares[8].value == 0


def test_a_perfect_sampler_gets_what_is_expected():
    generator = torch.Generator().manual_seed(0)
    found = [
        class_balance(
            torch.multinomial(SHARES, 900, replacement=True, generator=generator),
            torch.multinomial(SHARES, 400, replacement=True, generator=generator),
            4,
        )
        for _ in range(300)
    ]
    values = np.array([one.variation.value for one in found])
    expected = np.mean([one.expected for one in found])
    assert abs(values.mean() - expected) < 4 * values.std() / math.sqrt(300) + 0.01 * expected
    rejected = sum(one.p < 0.05 for one in found)
    assert 0.001 < binom.cdf(rejected, 300, 0.05) < 0.999


def test_the_interval_holds_a_true_difference_over_draws():
    generator = torch.Generator().manual_seed(1)
    skewed = torch.tensor([0.1, 0.2, 0.3, 0.4])
    hits = 0
    for _ in range(300):
        real = torch.multinomial(SHARES, 500, replacement=True, generator=generator)
        fake = torch.multinomial(skewed, 300, replacement=True, generator=generator)
        found = class_balance(real, fake, 4).variation
        hits += found.low <= 0.4 <= found.high
    assert binom.cdf(hits, 300, 0.95) > 0.001


def test_a_dropped_class_is_found():
    data = labels(*[100] * 10)
    found = class_balance(data, labels(*[100] * 9, 0), 10)
    assert found.p < 1e-10
    assert found.variation.low > found.expected
    assert found.shares[9].high < 0.05 < found.data[9]
    same = class_balance(data, data, 10)
    assert (same.p, same.variation.value, same.variation.low) == (1, 0, 0)


@pytest.mark.parametrize(
    ("real", "fake", "classes", "reason"),
    [
        (labels(5, 5), labels(5, 5, 5), 2, "numbered from 0"),
        (labels(5, 5), -labels(5, 5), 2, "numbered from 0"),
        (labels(5, 5), labels(1), 2, "at least 2 samples"),
        (labels(5), labels(5), 1, "at least 2 classes"),
        (labels(5), labels(5), 3, "two classes that occur"),
        (labels(5, 5), torch.zeros(5, 2), 2, r"received shape \(5, 2\)"),
    ],
)
def test_labels_that_do_not_serve_are_an_error(real, fake, classes, reason):
    with pytest.raises(UsageError, match=reason):
        class_balance(real, fake, classes)


def test_the_rarest_class_is_the_one_that_lacks_most_of_its_share():
    real, fake = labels(50, 30, 20), labels(50, 10, 40)
    found = rarest(real, fake, 3)
    assert found.value == pytest.approx(0.1 / 0.3)
    p, q = wilson(10, 100), wilson(30, 100)
    below = math.hypot((p.value - p.low) / 0.3, found.value * (q.high / 0.3 - 1))
    assert found.low == pytest.approx(found.value - below)
    assert rarest(real, labels(50, 0, 50), 3).value == 0
    assert rarest(real, labels(50, 0, 50), 3).low == 0


def test_the_interval_of_a_class_share_over_its_due_covers_in_95_of_100_draws():
    """One class of two, so that the class that lacks most is most often the one looked at."""
    generator, hits = torch.Generator().manual_seed(0), 0
    for _ in range(2000):
        real, fake = ((torch.rand(400, generator=generator) < s).long() for s in (0.3, 0.15))
        found = rarest(real, fake, 2)
        hits += found.low <= 0.5 <= found.high
    assert 0.93 < hits / 2000 < 0.985


def test_classes_of_a_few_real_samples_say_nothing():
    assert rarest(labels(50, 4), labels(60, 0), 2).value == pytest.approx(1 / (50 / 54))
    with pytest.raises(UsageError, match="rarest class"):
        rarest(labels(4, 4), labels(4, 4), 2)
