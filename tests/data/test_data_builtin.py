"""Built-in data."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_digits

from gantlet.data import DataSettings, open_data
from gantlet.data.builtin import MIXTURES
from gantlet.errors import UsageError


def test_digits():
    data = open_data("digits")
    assert (data.raw.shape, data.spec.dtype, data.name) == ((1797, 1, 8, 8), "uint8", "digits")
    assert (data.spec.low, data.spec.high, data.spec.classes) == (0, 16, tuple("0123456789"))
    assert np.array_equal(data.raw[:, 0], load_digits().images)
    assert np.array_equal(data.y, load_digits().target)
    assert open_data("digits", DataSettings(size=(16, 16))).spec.shape == (1, 16, 16)


@pytest.mark.parametrize(
    ("name", "modes", "std", "reach"), [("ring", 8, 0.01, 1), ("grid", 25, 0.05, 4)]
)
def test_mixtures(name, modes, std, reach):
    data, (centres, scale, *_) = open_data(name), MIXTURES[name]()
    assert (data.raw.shape, data.raw.dtype, data.y) == ((100_000, 2), np.float32, None)
    assert (data.spec.low, data.spec.high, len(centres), scale) == (-reach, reach, modes, std)
    distances = ((data.raw[:, None] - centres) ** 2).sum(-1)
    nearest = distances.argmin(1)
    counts = np.bincount(nearest, minlength=modes)
    # Binomial: 6 standard errors of a share 1/K of 100,000.
    assert np.abs(counts - 1e5 / modes).max() < 6 * np.sqrt(1e5 / modes)
    assert np.sqrt(distances.min(1).mean() / 2) == pytest.approx(std, rel=0.01)
    assert open_data(name).fingerprint == data.fingerprint


def test_the_mixture_in_1200_dimensions():
    data, known = open_data("gaussians-1200d"), MIXTURES["gaussians-1200d"]()
    assert (data.raw.shape, data.raw.dtype) == ((20_000, 1200), np.float32)
    assert (known.centres.shape, known.std, known.dims) == ((10, 1200), 0.1, 700)
    assert not data.raw[:, 700:].any()
    x = data.raw[:3000, :700].astype(np.float64)
    distances = np.linalg.norm(x[:, None] - known.centres[:, :700], axis=2)
    # chi_700 is about N(26.45, 0.5); the centres are sqrt(1400) = 37.4 apart, 374 stds.
    nearest = distances.min(1) / known.std
    assert nearest.mean() == pytest.approx(np.sqrt(699.5), abs=6 * np.sqrt(0.5 / 3000))
    assert nearest.std() == pytest.approx(np.sqrt(0.5), rel=0.1)
    assert np.bincount(distances.argmin(1), minlength=10).min() > 200
    assert np.abs(data.raw).max() < 1.3 * data.spec.high


def test_a_mixture_draws_what_it_is_asked_for():
    known = MIXTURES["grid"]()
    x = known.draw(7, np.random.default_rng(0))
    assert x.shape == (7, 2)
    assert np.array_equal(x, known.draw(7, np.random.default_rng(0)))
    assert np.array_equal(known.centres, MIXTURES["grid"]().centres)


def test_centres_lie_as_the_papers_say():
    ring, grid = MIXTURES["ring"]().centres, MIXTURES["grid"]().centres
    assert np.linalg.norm(ring, axis=1) == pytest.approx(np.ones(8))
    assert {tuple(c) for c in grid} == {(x, y) for x in range(-4, 5, 2) for y in range(-4, 5, 2)}


def test_a_built_in_name_wins_over_a_path_unless_written_as_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "digits").mkdir()
    assert len(open_data("digits")) == 1797
    with pytest.raises(UsageError, match="expected image files"):
        open_data("./digits")
