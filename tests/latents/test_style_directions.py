"""Directions of a generator of styles: in w, against linear algebra by hand."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from gantlet.latents import Directions, directions, move, opened
from gantlet.networks.styles import layered
from gantlet.sample import sample
from tests.latents.bundles import GREY, LABELLED, styled

FINE = replace(LABELLED, dtype="float32", low=-30.0, high=30.0)
"""Values that nothing rounds or cuts."""


def many(made, label=0):
    """w of the 2,048 samples that directions are measured on."""
    with opened(made) as space, torch.no_grad():
        y = space.labels(label if made.spec.classes else None, 2_048)
        z = space.drawn(3, torch.arange(2_048), y)["z"]
        return made.players["generator"].style(z, y).double()


@pytest.mark.parametrize("spec", [GREY, LABELLED])
def test_sefa_finds_what_the_layers_see_most_of(spec):
    made = styled(spec)
    layers = [m for name, m in made.players.named_modules() if name.endswith("affine")]
    affines = [m.weight * m.scale for m in layers]
    _, singular, v = torch.linalg.svd(torch.cat(affines).double().detach(), full_matrices=False)
    found = directions(made, 3)
    assert len(affines) == 5  # two sizes: three layers, two pictures
    assert found.strengths.tolist() == pytest.approx(singular[:3].tolist(), rel=1e-5)
    lengths = (many(made) @ v[:3].T).std(0)
    assert found.vectors.norm(dim=1).tolist() == pytest.approx(lengths.tolist(), rel=1e-4)
    cosines = (found.vectors.double() * v[:3]).sum(1).abs() / lengths
    assert cosines.tolist() == pytest.approx([1, 1, 1], rel=1e-4)


def test_ganspace_is_principal_components_of_w():
    made = styled(LABELLED)
    variances, v = torch.linalg.eigh(many(made).T.cov())
    found = directions(made, 3, method="ganspace")
    sigma = variances.flip(0)[:3].sqrt()
    assert found.strengths.tolist() == pytest.approx(sigma.tolist(), rel=1e-4)
    along = (found.vectors.double() @ v.flip(1)[:, :3]).abs()
    assert torch.allclose(along, torch.diag(sigma), atol=1e-4 * float(sigma[0]))


def test_a_move_adds_to_every_style_and_leaves_the_noise():
    made = styled(FINE)
    found = Directions(torch.randn(2, 8), torch.ones(2), "sefa")
    rows = move(made, found, n=2, steps=3, reach=0.5, seed=4, label="owl").values
    rows = rows.reshape(2, 2, 3, *FINE.shape)
    own = sample(made, 2, seed=4, label="owl").values
    assert np.allclose(rows[:, :, 1], own, atol=1e-4)
    generator = made.players["generator"]
    with opened(made) as space, torch.no_grad():
        y = space.labels("owl", 2)
        drawn = space.drawn(4, torch.arange(2), y)
        w = generator.style(drawn["z"], y) + 0.5 * found.vectors[1]
        x = generator.synthesise(layered(w, generator.layers), drawn)
    assert np.allclose(rows[1, :, 2], FINE.decode(x).numpy(), atol=1e-4)
