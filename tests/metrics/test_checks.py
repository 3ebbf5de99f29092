"""Input that no number can be made of is refused, with the reason."""

import pytest
import torch

from gantlet.errors import UsageError
from gantlet.metrics.checks import check_sets

FINE = torch.zeros(4, 3)


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        (torch.zeros(4, 2), r"D alike, received real of shape \(4, 3\), fake of shape \(4, 2\)"),
        (torch.zeros(4, 3, 1), r"samples of shape \(N, D\)"),
        (torch.zeros(4), r"samples of shape \(N, D\)"),
        (torch.zeros(3, 3), "at least 4 samples"),
        (torch.tensor([[0.0, 0.0, float("nan")]]).expand(4, 3), "NaN or infinity in fake"),
        (torch.tensor([[0.0, 0.0, float("-inf")]]).expand(4, 3), "NaN or infinity in fake"),
    ],
)
def test_sets_that_do_not_serve_are_refused(other, reason):
    with pytest.raises(UsageError, match=f"the number: expected .*{reason}"):
        check_sets("the number", 4, real=FINE, fake=other)


def test_samples_without_features_are_refused():
    with pytest.raises(UsageError, match="samples of shape"):
        check_sets("the number", 1, real=torch.zeros(4, 0), fake=torch.zeros(4, 0))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64, torch.uint8])
def test_sets_of_any_dtype_and_of_unlike_sizes_pass(dtype):
    assert check_sets("the number", 4, real=FINE, fake=torch.ones(9, 3, dtype=dtype)) is None
