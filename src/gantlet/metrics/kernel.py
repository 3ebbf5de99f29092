"""Kernel distance: the unbiased squared maximum mean discrepancy of a cubic kernel."""

from __future__ import annotations

from dataclasses import dataclass
from math import perm

from torch import Tensor

from gantlet.metrics.checks import check_sets
from gantlet.metrics.estimate import Estimate, normal
from gantlet.metrics.neighbours import exact

__all__ = ["KernelDistance", "kernel_distance", "kernel_estimate"]

_BLOCK = 1000
"""Rows and columns of the kernel matrix that exist at a time."""


@dataclass(frozen=True)
class KernelDistance:
    """An unbiased distance, and unbiased estimates of the two parts of its variance."""

    value: float
    first: float
    """Of order 1/n: in truth 0 for equal distributions, and then below 0 as often as above."""
    second: float
    """Of order 1/n^2."""

    @property
    def variance(self) -> float:
        """Unbiased, and so at times below 0."""
        return self.first + self.second


@dataclass(frozen=True)
class _Within:
    """Sums of k(x_i, x_j) over j != i, (n,), and of its square over all such pairs."""

    rows: Tensor
    squares: float

    def means(self) -> tuple[float, float, float, float]:
        """Unbiased: E k, E k^2, E k(x, x') k(x, x''), (E k)^2."""
        n, total, shared = len(self.rows), float(self.rows.sum()), _dot(self.rows, self.rows)
        return (
            total / perm(n, 2),
            self.squares / perm(n, 2),
            (shared - self.squares) / perm(n, 3),
            (total**2 - 4 * shared + 2 * self.squares) / perm(n, 4),
        )


@dataclass(frozen=True)
class _Across:
    """Sums of k(x_i, y_j) over j, (n,), over i, (m,), and of its square over all pairs."""

    rows: Tensor
    columns: Tensor
    squares: float

    def turned(self) -> _Across:
        return _Across(self.columns, self.rows, self.squares)

    def means(self) -> tuple[float, float, float, float]:
        """Unbiased: E k, E k^2, E k(x, y) k(x, y'), (E k)^2."""
        n, m, total = len(self.rows), len(self.columns), float(self.rows.sum())
        by_rows, by_columns = _dot(self.rows, self.rows), _dot(self.columns, self.columns)
        return (
            total / (n * m),
            self.squares / (n * m),
            (by_rows - self.squares) / (n * perm(m, 2)),
            (total**2 - by_rows - by_columns + self.squares) / (perm(n, 2) * perm(m, 2)),
        )


def _dot(a: Tensor, b: Tensor) -> float:
    return float(a @ b)


def _kernel(x: Tensor, y: Tensor) -> Tensor:
    """(x . y / D + 1)^3 in float64, (N, D), (M, D) -> (N, M)."""
    kernel: Tensor = (exact(x) @ exact(y).mT / x.shape[1] + 1) ** 3
    return kernel


def _blocks(x: Tensor) -> list[slice]:
    return [slice(start, start + _BLOCK) for start in range(0, len(x), _BLOCK)]


def _zeros(x: Tensor) -> Tensor:
    return exact(x.new_zeros(len(x)))


def _within(x: Tensor) -> _Within:
    rows, squares, blocks = _zeros(x), 0.0, _blocks(x)
    for number, i in enumerate(blocks):
        for j in blocks[number:]:
            k = _kernel(x[i], x[j])
            if j is i:
                k.triu_(1)
            rows[i] += k.sum(1)
            rows[j] += k.sum(0)
            squares += 2 * float(k.square().sum())
    return _Within(rows, squares)


def _across(x: Tensor, y: Tensor) -> _Across:
    rows, columns, squares = _zeros(x), _zeros(y), 0.0
    for i in _blocks(x):
        for j in _blocks(y):
            k = _kernel(x[i], y[j])
            rows[i] += k.sum(1)
            columns[j] += k.sum(0)
            squares += float(k.square().sum())
    return _Across(rows, columns, squares)


def _slope_variance(x: _Within, xy: _Across) -> float:
    """Unbiased variance over x of g(x) = E k(x, x') - E k(x, y)."""
    n, m = len(xy.rows), len(xy.columns)
    mixed, apart = _dot(x.rows, xy.rows), float(x.rows.sum() * xy.rows.sum())
    product_of_means = (apart - 2 * mixed) / (perm(n, 3) * m)
    covariance = mixed / (perm(n, 2) * m) - product_of_means
    _, _, shared_x, apart_x = x.means()
    _, _, shared_xy, apart_xy = xy.means()
    return (shared_x - apart_x) + (shared_xy - apart_xy) - 2 * covariance


def _rest_within(x: _Within) -> float:
    """Unbiased variance of what k(x, x') has beyond functions of x and of x' alone."""
    _, square, shared, apart = x.means()
    return square - 2 * shared + apart


def _rest_across(xy: _Across) -> float:
    """Unbiased variance of what k(x, y) has beyond functions of x and of y alone."""
    _, square, shared, apart = xy.means()
    _, _, turned, _ = xy.turned().means()
    return square - shared - turned + apart


def kernel_distance(real: Tensor, fake: Tensor) -> KernelDistance:
    r"""mean_{i != j} k(x_i, x_j) + mean_{i != j} k(y_i, y_j) - 2 mean_{i, j} k(x_i, y_j).

    k(x, y) = (x . y / D + 1)^3; on features of Inception this is KID. Unbiased, so below 0 at
    times; 0 on average exactly where all moments up to the third are equal. The paper averages
    over subsets of 1,000; here all pairs count, which has less variance. The kernel matrix exists
    in blocks only.

    With g(x) = E k(x, x') - E k(x, y), f(y) = E k(y, y') - E k(x, y) and k~ what the kernel has
    beyond functions of one argument, Hoeffding's decomposition gives the exact variance

        4 Var g / n + 4 Var f / m
            + 2 Var k~(x, x') / (n (n - 1)) + 2 Var k~(y, y') / (m (m - 1))
            + 4 Var k~(x, y) / (n m).

    Each term is replaced by means of products of kernels over distinct samples, which are
    unbiased and follow from the sums of the matrix's rows.

    Arguments:
        real, fake: shapes (N, D) and (M, D), at least 4 samples each.

    Raises:
        UsageError: too few samples, other dimensions in each set, or features not finite.

    Source: Bińkowski et al. (2018), Demystifying MMD GANs, https://arxiv.org/abs/1801.01401;
    Sutherland (2019), Unbiased estimators for the variance of MMD estimators,
    https://arxiv.org/abs/1906.02104
    """
    check_sets("kernel distance", 4, real=real, fake=fake)
    n, m = len(real), len(fake)
    x, y, xy = _within(real), _within(fake), _across(real, fake)
    first = 4 * _slope_variance(x, xy) / n + 4 * _slope_variance(y, xy.turned()) / m
    second = (
        2 * _rest_within(x) / perm(n, 2)
        + 2 * _rest_within(y) / perm(m, 2)
        + 4 * _rest_across(xy) / (n * m)
    )
    value = x.means()[0] + y.means()[0] - 2 * xy.means()[0]
    return KernelDistance(value, first, second)


def kernel_estimate(real: Tensor, fake: Tensor) -> Estimate:
    """The kernel distance with a normal interval of its variance.

    Parts of the variance that come out below 0 count as 0, so that the interval errs to the wide
    side. Arguments and errors are those of `kernel_distance`.
    """
    found = kernel_distance(real, fake)
    variance = max(found.first, 0.0) + max(found.second, 0.0)
    return normal(found.value, variance**0.5, "normal, variance of a U-statistic")
