"""Truncated samples, ways and moves, of generators of styles and of others."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from gantlet.errors import UsageError
from gantlet.latents import Directions, interpolate, morph, move, opened
from gantlet.networks.styles import layered, truncated
from gantlet.rng import BLOCK, rows
from gantlet.sample import sample, sample_into_zip
from tests.latents.bundles import GREY, LABELLED, bundle, styled

FINE = replace(GREY, dtype="float32", low=-8.0, high=8.0)
"""Values that nothing rounds or cuts."""


def by_hand(made, n, seed, psi):
    """G's two parts called one by one, with the numbers of the samples."""
    generator = made.players["generator"]
    draws = {"z": (made.config.network.latent,), **generator.draws}
    numbers = {k: rows(seed, f"sample/{k}", 0, BLOCK, shape)[:n] for k, shape in draws.items()}
    with torch.no_grad():
        w = truncated(generator.style(numbers.pop("z")), generator.mean, psi)
        return made.spec.decode(generator.synthesise(layered(w, generator.layers), numbers))


@pytest.mark.parametrize("psi", [0.0, 0.5, 1.0])
def test_styles_are_moved_towards_their_mean_and_noise_is_left(psi):
    made = styled(FINE)
    found = sample(made, 5, seed=3, truncation=psi).values
    assert np.allclose(found, by_hand(made, 5, 3, psi).numpy(), atol=1e-5)
    assert not np.allclose(found[0], found[1], atol=1e-3)  # the noise of each is its own


def test_without_styles_of_their_own_samples_are_the_image_of_the_mean():
    made = styled(FINE)
    generator = made.players["generator"]
    for name, weight in generator.named_parameters():
        if name.endswith("strength"):
            weight.data.zero_()
    with torch.no_grad():
        image = generator.synthesise(layered(generator.mean[None], generator.layers))
    found = sample(made, 4, truncation=0).values
    assert np.allclose(found, made.spec.decode(image).numpy(), atol=1e-5)


def test_psi_of_one_changes_no_bit():
    made = styled(LABELLED)
    own, same = sample(made, 9, seed=2), sample(made, 9, seed=2, truncation=1)
    assert np.array_equal(own.values, same.values)
    assert not np.array_equal(own.values, sample(made, 9, seed=2, truncation=0.9).values)
    assert np.array_equal(own.labels, same.labels)


def test_a_zip_is_truncated_as_well(tmp_path):
    made = styled(GREY)
    (tmp_path / "free").mkdir()
    paths = [tmp_path / "free" / "x.zip", tmp_path / "x.zip"]
    for path, psi in zip(paths, (None, 0.2), strict=True):
        sample_into_zip(made, path, 3, truncation=psi)
    assert paths[0].read_bytes() != paths[1].read_bytes()
    sample(made, 3, truncation=0.2).save(tmp_path / "y.zip")
    assert (tmp_path / "y.zip").read_bytes() == paths[1].read_bytes()


@pytest.mark.parametrize(("make", "value"), [(styled, 0.3), (lambda s: bundle("mlp", s), 0.5)])
def test_ways_morphs_and_moves_pass_the_truncated_samples(make, value):
    made = make(LABELLED)
    own = {
        label: sample(made, 3, seed=5, label=label, truncation=value).values.astype(int)
        for label in LABELLED.classes
    }
    ways = interpolate(made, [2, 0], steps=2, seed=5, label="dog", truncation=value).values
    assert np.abs(ways[[0, 2]] - own["dog"][[2, 0]]).max() <= 1
    rows = morph(made, ["owl", "cat"], range(3), steps=1, seed=5, truncation=value).values
    rows = rows.reshape(3, 2, *GREY.shape).astype(int)
    assert np.abs(rows[:, 0] - own["owl"]).max() <= 1
    assert np.abs(rows[:, 1] - own["cat"]).max() <= 1
    vector = torch.nn.functional.normalize(torch.ones(1, made.config.network.latent))
    found = Directions(vector, torch.ones(1), "sefa")
    moved = move(made, found, n=3, steps=3, seed=5, label="owl", truncation=value).values
    assert np.abs(moved[1::3] - own["owl"]).max() <= 1
    whole = move(made, found, n=3, steps=3, seed=5, label="owl").values
    assert np.abs(whole.astype(int) - moved).max() > 1


def test_numbers_of_a_truncated_space_have_a_bound():
    with opened(bundle("mlp"), truncation=0.4) as space:
        z = space.drawn(1, torch.arange(70), None)["z"]
    assert 0.39 < z.abs().max().item() <= 0.4
    with opened(styled(), truncation=0.4) as space:
        z = space.drawn(1, torch.arange(70), None)["z"]
    assert z.abs().max() > 2


@pytest.mark.parametrize("psi", [-0.1, 1.5, float("nan"), float("inf")])
def test_psi_is_a_share(psi, tmp_path):
    for act in (
        lambda: sample(styled(), 1, truncation=psi),
        lambda: interpolate(styled(), [0, 1], truncation=psi),
        lambda: sample_into_zip(styled(), tmp_path / "new" / "x.zip", 1, truncation=psi),
    ):
        with pytest.raises(UsageError, match="truncation: expected 0 to 1"):
            act()
    assert list(tmp_path.iterdir()) == []
