"""A phase makes its generated batch once and asks the critic once for each kind of point."""

from collections import Counter

import pytest

from tests.training.small import trainer

EVERY_PENALTY = "game.penalties={r1: 1.0, r2: 1.0, gp: 10.0, drift: 0.001}"


def passes(run):
    """How often each network runs in each phase of one pass."""
    found, phase = Counter(), []
    play = run.stepper._play

    def told(due, position, seen):
        phase[:] = [due.name]
        play(due, position, seen)

    run.stepper._play = told
    for name in ("generator", "discriminator"):
        run.game.players[name].register_forward_pre_hook(
            lambda *_, name=name: found.update([(phase[0], name)])
        )
    run.stepper.play(0)
    return found


@pytest.mark.parametrize(
    ("recipe", "settings", "points", "real"),
    [
        ("dcgan", (), 2, 0),
        ("r3gan", (), 2, 1),  # real and generated, with logits and slopes; pairs need both sides
        ("r3gan", (EVERY_PENALTY, "game.lecam=0.1"), 3, 1),  # and between the two
        ("mlp", ("game.feature_matching=1.0",), 2, 1),
    ],
)
def test_networks_run_no_oftener_than_the_formulas_need(recipe, settings, points, real, tmp_path):
    assert passes(trainer(tmp_path, recipe, *settings)) == {
        ("discriminator", "generator"): 1,
        ("discriminator", "discriminator"): points,
        ("generator", "generator"): 1,
        ("generator", "discriminator"): 1 + real,
    }
