"""Classifier score: are samples of a clear class each, and of all classes together?"""

from __future__ import annotations

import torch
from torch import Tensor

from gantlet.errors import UsageError
from gantlet.metrics.estimate import GROUPS, Estimate, groups, jackknife
from gantlet.metrics.neighbours import exact

__all__ = ["classifier_score"]


def classifier_score(logits: Tensor, count: int = GROUPS) -> Estimate:
    r"""exp of the mean over samples x of KL(p(y|x) || p(y)), p(y) the mean of p(y|x).

    With the classifier Inception this is the Inception Score. It lies from 1, where all samples
    look alike to the classifier or it is sure of none, to the number of classes K, where it is
    sure of each and all classes are equally frequent. Its logarithm is the mutual information of
    sample and class.

    It never sees the data: real samples of classes of unequal frequency score below K, one
    perfect sample a class scores K, and a classifier of other classes says little (Barratt and
    Sharma 2018, https://arxiv.org/abs/1801.01973). Compare with the score of held-out real
    samples, at equal n: fewer samples score lower.

    The paper reports mean and deviation over 10 splits of 50,000 samples. Here the value is that
    of all samples and the interval a jackknife over groups of them.

    Arguments:
        logits: shape (N, K), at least `count` samples; logarithms of probabilities are logits
            too, minus infinity for 0.
        count: groups of the jackknife.

    Raises:
        UsageError: another shape, too few samples, or a sample whose logits are no distribution.

    Source: Salimans et al. (2016), Improved Techniques for Training GANs, https://arxiv.org/abs/1606.03498
    """
    if logits.ndim != 2 or not logits.shape[1]:
        raise UsageError(
            "classifier score",
            expected="logits of shape (samples, classes)",
            received=f"shape {tuple(logits.shape)}",
        )
    log_p = exact(logits).log_softmax(1)
    bad = int(log_p.isnan().any(1).sum())
    if bad:
        raise UsageError(
            "classifier score",
            expected="logits that are finite, or minus infinity for some classes",
            received=f"{bad} samples that have other ones",
        )
    p = log_p.exp()
    certainty = -_entropy(p)
    sums = [(p[i].sum(0), certainty[i].sum(), len(i)) for i in groups(len(p), count)]
    of_p, of_certainty = p.sum(0), certainty.sum()
    left_out = [_score(of_p - s, of_certainty - c, len(p) - n) for s, c, n in sums]
    return jackknife(_score(of_p, of_certainty, len(p)), left_out)


def _entropy(p: Tensor) -> Tensor:
    r"""-\sum p log p over the last axis, 0 log 0 being 0."""
    entropy: Tensor = -torch.special.xlogy(p, p).sum(-1)
    return entropy


def _score(of_p: Tensor, of_certainty: Tensor, n: int) -> float:
    """From sums over n samples of p(y|x), (K,), and of its negative entropy."""
    return float((_entropy((of_p / n).clamp_min(0)) + of_certainty / n).exp())
