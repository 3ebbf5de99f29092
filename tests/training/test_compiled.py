"""Compiled losses are the eager ones: one graph a phase, its noise drawn outside of it."""

import shutil
from dataclasses import replace
from functools import partial

import pytest
import torch
from torch import nn
from torch._dynamo.utils import counters

from gantlet.games.base import Losses, Turn
from gantlet.rng import Noise
from gantlet.spec import Batch
from gantlet.training import step
from gantlet.training.compiled import Compiled
from tests.training.small import played, tensors, trainer
from tests.training.test_resume import StopAt, assert_same

# torch's own modules warn of their own deprecations when the compiler is first loaded.
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]


@pytest.fixture
def fresh():
    """The compiler without what earlier tests have left."""
    torch._dynamo.reset()
    counters.clear()
    yield
    torch._dynamo.reset()


def close(eager, compiled, rtol):
    for name, tensor in eager.items():
        torch.testing.assert_close(
            compiled[name], tensor, rtol=rtol, atol=rtol * float(tensor.abs().max()), msg=name
        )


@pytest.mark.parametrize(
    ("recipe", "settings"),
    [
        ("mlp", ("game.lecam=0.1", "game.instance_noise={start: 1.0, end: 0.0, samples: 48}")),
        ("dcgan", ("game.orthogonality=0.1", "game.historical_averaging=0.1")),
        ("dcgan", ("network.generator_norm=virtual", "network.minibatch_discrimination=2")),
        ("dcgan", ()),
        (
            "mlp",
            (
                "game.augment={policy: [xint, rotate90, rotate, contrast], p: {start: 0.5}}",
                "game.apa=0.3",
            ),
        ),
        (
            "r3gan",
            (
                "train.micro_batches=2",
                "optimisers.generator.beta2={start: 0.9, end: 0.99, samples: 48}",
            ),
        ),
        ("wgan-gp", ("game.critic_steps=1",)),
    ],
)
def test_compiled_phases_equal_eager_ones_in_one_graph_each(
    recipe, settings, tmp_path, monkeypatch, fresh
):
    """The graph as torch traces and differentiates it, run without generated code."""
    monkeypatch.setattr(step, "Compiled", partial(Compiled, backend="aot_eager"))
    eager = played(trainer(tmp_path, recipe, *settings), 3)
    compiled = played(trainer(tmp_path, recipe, *settings, "train.compile=true"), 3)
    close(eager, compiled, 1e-5)
    assert counters["stats"]["unique_graphs"] == 2
    assert not counters["graph_break"]


def test_a_loss_of_many_stages_stays_compiled(fresh):
    """A network that grows to 1024x1024 has 17: 9 sizes, and 8 that fade in."""
    graphs = []

    def counted(graph, _):
        graphs.append(graph)
        return graph.forward

    player = nn.Module()
    player.weight, player.stage = nn.Parameter(torch.ones(())), 0

    def staged(players, turn):
        x = turn.real.x.flatten(1).sum(1)
        for _ in range(players["player"].stage):
            x = x * players["player"].weight
        return Losses(x)

    loss, players = Compiled(staged, backend=counted), nn.ModuleDict({"player": player})
    turn = Turn(Batch(torch.ones(4, 2)), Noise(0, "n", 0, 4), torch.tensor(0.0))
    for stage in [*range(17), *range(17)]:
        player.stage = stage
        assert torch.equal(loss(players, turn).per_sample, torch.full((4,), 2.0))
    assert len(graphs) == 17


@pytest.mark.skipif(
    not any(map(shutil.which, ("g++", "clang++", "c++"))), reason="no C++ compiler is here"
)
def test_generated_code_equals_eager(tmp_path, fresh):
    eager = played(trainer(tmp_path, "mlp"), 3)
    compiled = played(trainer(tmp_path, "mlp", "train.compile=true"), 3)
    close(eager, compiled, 1e-4)
    assert counters["stats"]["unique_graphs"] == 2


def test_a_compiled_run_that_was_stopped_goes_on_bit_exactly(tmp_path, monkeypatch, fresh):
    monkeypatch.setattr(step, "Compiled", partial(Compiled, backend="aot_eager"))
    whole = trainer(tmp_path / "whole", "mlp", "train.compile=true")
    whole.run()
    StopAt(3).attach(trainer(tmp_path / "parted", "mlp", "train.compile=true")).run()
    torch._dynamo.reset()
    last = trainer(tmp_path / "parted", "mlp", "train.compile=true")
    assert last.run().reason == "finished"
    assert_same(tensors(whole), tensors(last))


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_name_that_is_asked_for_later_is_drawn_all_the_same(tmp_path, fresh):
    run = trainer(tmp_path, "mlp")
    plain = run.game.phases[1].loss

    def staged(players, turn):
        losses = plain(players, turn)
        if len(turn.real) == 8:  # as in another stage of a game
            return replace(losses, per_sample=losses.per_sample * turn.noise("late", ())[:8])
        return losses

    loss = Compiled(staged, backend="aot_eager")
    for position, count in enumerate((16, 16, 8, 8)):
        turn = run.stepper._turn("generator", position, 0, 0)
        real = replace(turn.real, x=turn.real.x[:count], y=turn.real.y[:count])
        turn.noise.count = count
        turn = replace(turn, real=real)
        got = loss(run.game.players, turn).per_sample
        wanted = staged(run.game.players, turn).per_sample
        torch.testing.assert_close(got, wanted)
    assert set(loss._requests) == {"z", "late"}
