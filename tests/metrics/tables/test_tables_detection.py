"""A forest against scikit-learn's own cross-validation; fresh rows pass, others do not."""

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from gantlet.errors import UsageError
from gantlet.metrics.tables.detection import detection
from gantlet.metrics.tables.usefulness import some_rows
from tests.metrics.tables.made import drawn, of


def test_the_area_is_that_of_cross_validation():
    draw = np.random.default_rng(0)
    real, made = draw.normal(size=(2, 150, 3))
    made[:, 0] += 0.8
    found = detection(of(real, np.zeros((150, 0))), of(made, np.zeros((150, 0))))
    real = some_rows(of(real, np.zeros((150, 0))), 150).numbers
    told = np.arange(300) >= 150
    expected = cross_val_score(
        make_pipeline(StandardScaler(), RandomForestClassifier(100, random_state=0)),
        np.concatenate([real, made]),
        told,
        cv=StratifiedKFold(3, shuffle=True, random_state=0),
        scoring="roc_auc",
    )
    assert found.value == pytest.approx(expected.mean(), abs=0.01)
    assert 0.5 < found.low < found.high < 1


def test_fresh_rows_pass_and_rows_that_are_beyond_are_told():
    """The interval's standard errors: deviations of 150 null draws have a spread of 0.96."""
    areas = [detection(drawn(100, 2 * i), drawn(100, 2 * i + 1)) for i in range(3)]
    assert all(area.low < 0.5 for area in areas)
    far = drawn(100, 0)
    told = detection(drawn(100, 1), of(far.numbers + 1e3, far.choices))
    assert told.value == 1
    assert told.low > 0.9


def test_too_few_rows_are_refused():
    with pytest.raises(UsageError, match="at least 10"):
        detection(drawn(9, 0), drawn(100, 1))
