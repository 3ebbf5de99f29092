"""A game of one's own: its gradients, what makes it another run, what is refused beside it."""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pytest
import torch
from torch import nn

import gantlet
from gantlet import Game, Losses, Phase
from gantlet.config import _TABLES, from_mapping, to_mapping
from gantlet.data import open_data
from gantlet.errors import OutOfMemoryError, UsageError
from gantlet.games.versus import Versus
from gantlet.planning import plan
from gantlet.run import ready

POINTS = np.random.default_rng(0).standard_normal((240, 2)).astype(np.float32)
SPEC = open_data(POINTS).spec
SHORT = {
    "train.batch": 16,
    "train.tick": 64,
    "train.threads": 1,
    "validation.extractor": None,
}


@pytest.fixture(autouse=True)
def workplace(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


class Plain(nn.Sequential):
    def forward(self, x, y=None):
        return super().forward(x)


def versus(**settings):
    torch.manual_seed(0)
    G = Plain(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
    D = Plain(nn.Linear(2, 8), nn.LeakyReLU(0.2), nn.Linear(8, 1))
    return Versus(**settings).play(SPEC, G, D, latent=4)


class Sum(nn.Module):
    """Weights that are added: autograd has one gradient for all of them."""

    def __init__(self):
        super().__init__()
        self.base, self.delta = (nn.Parameter(torch.full((2, 2), v)) for v in (0.5, 0.1))
        self.shift = nn.Parameter(torch.zeros(2, 2))

    def forward(self, x):
        return x @ (self.base + self.delta + self.shift)


def towards(players, turn):
    return Losses((players["sum"](turn.real.x) - 1).square().mean(1))


def sum_game():
    return Game(
        players=nn.ModuleDict({"sum": Sum()}),
        phases=(Phase(name="settle", trains=("sum",), loss=towards),),
        sample=lambda players, query: players["sum"](query.noise("z", (2,))),
        bundled=("sum",),
    )


@pytest.mark.parametrize("clip", [None, 0.05])
def test_weights_that_are_added_have_gradients_of_their_own(clip):
    """Micro-batches and clipping change the one tensor that autograd gives for all in place."""
    moved = {}
    for parts in (1, 2, 4):
        game = sum_game()
        settings = {
            **SHORT,
            "train.precision": "float64",
            "train.micro_batches": parts,
            "optimisers.sum": {"name": "sgd", "lr": 1.0, "clip_norm": clip},
        }
        gantlet.train(POINTS, "points", settings, game=game, samples=16, out=f"{parts}")
        start = Sum().double().state_dict()
        found = game.players["sum"].state_dict()
        moved[parts] = {name: found[name].double() - start[name] for name in start}
        assert torch.allclose(moved[parts]["base"], moved[parts]["shift"], atol=1e-12)
    for parts in (2, 4):
        for name, step in moved[1].items():
            assert torch.allclose(step, moved[parts][name], atol=1e-9), name
    if clip:
        whole = torch.stack(list(moved[1].values())).norm()
        assert whole.item() == pytest.approx(clip, rel=1e-5)


def test_another_loss_of_the_same_networks_is_another_run():
    options = {"settings": SHORT, "samples": 64, "verbose": False}
    first = gantlet.train(POINTS, game=versus(penalties={"r1": 0.1}), **options)
    with pytest.raises(UsageError, match="another game"):
        gantlet.train(POINTS, game=versus(objective="wasserstein"), out=first.path, **options)
    for changes in ({"objective": "wasserstein"}, {"penalties": {"r1": 0.2}}, {"critic_steps": 2}):
        other = gantlet.train(
            POINTS, game=versus(**{"penalties": {"r1": 0.1}, **changes}), **options
        )
        assert other.path != first.path
    again = gantlet.train(POINTS, game=versus(penalties={"r1": 0.1}), **options)
    assert again.path == first.path


def test_players_that_a_training_has_moved_are_told_where_another_begins_with_them(capsys):
    game = versus()
    gantlet.train(POINTS, game=game, settings=SHORT, samples=64)
    assert "earlier training" not in capsys.readouterr().out
    gantlet.train(POINTS, game=game, settings=SHORT, samples=128)  # the same run goes on
    assert "earlier training" not in capsys.readouterr().out
    gantlet.train(POINTS, game=game, settings=SHORT, samples=64, fresh=True)
    assert "earlier training" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize("setting", ["game.critic_steps=7", "network.width=9", "game=versus"])
def test_settings_of_what_the_game_has_itself_are_refused(setting):
    with pytest.raises(UsageError, match=f"setting {setting.split('=')[0]}.*beside a game"):
        plan(POINTS, "points", [setting], game=versus())


@pytest.mark.parametrize("numbers", [torch.tensor([True, False]), torch.tensor([2, 5])])
def test_statistics_of_any_kind_of_number_have_a_mean(numbers):
    def told(players, turn):
        seen = numbers.repeat(len(turn.real) // 2)
        return Losses(towards(players, turn).per_sample, stats={"seen": seen})

    game = sum_game()
    game = replace(game, phases=(replace(game.phases[0], loss=told),))
    run = gantlet.train(POINTS, "points", SHORT, game=game, samples=64)
    assert run.log[-1]["settle/seen"] == numbers.float().mean()


def test_players_that_cannot_be_copied_are_told():
    game = sum_game()
    with pytest.warns(FutureWarning, match="weight_norm"):
        game.players["old"] = nn.utils.weight_norm(nn.Linear(2, 2))
    with pytest.raises(UsageError, match="parametrizations"):
        gantlet.train(POINTS, "points", SHORT, game=game, samples=64)


@dataclass(frozen=True, kw_only=True)
class Duel:
    """A package's game whose players have names of their own."""

    name: Literal["duel"] = "duel"
    random: bool = False

    def build(self, spec, network):
        def criticise(players, turn):
            fake = players["G"](turn.noise("z", (network.latent,)), None).detach()
            shift = torch.randn(()) if self.random else 0
            real = players["D"](turn.real.x, None).logits
            return Losses(players["D"](fake, None).logits - real + shift)

        def persuade(players, turn):
            return Losses(
                -players["D"](players["G"](turn.noise("z", (network.latent,)), None), None).logits
            )

        return Game(
            players=nn.ModuleDict(
                {"G": network.generator(spec, group=1), "D": network.discriminator(spec, group=1)}
            ),
            phases=(
                Phase(name="critic", trains=("D",), loss=criticise),
                Phase(name="maker", trains=("G",), loss=persuade),
            ),
            sample=lambda players, query: players["G"](query.noise("z", (network.latent,)), None),
            bundled=("G",),
        )


@pytest.fixture
def packaged(monkeypatch):
    """The table of games as it is where a package declares one."""
    monkeypatch.setitem(_TABLES, "game", {**_TABLES["game"], "duel": Duel})


def test_a_packages_game_trains_by_its_name_with_optimisers_for_its_players(packaged):
    settings = {**SHORT, "game": "duel", "optimisers.D.lr": 1e-3}
    made = plan(POINTS, "points", settings)
    lr = plan(POINTS, "points", SHORT).config.optimisers["generator"].lr
    assert {name: o.lr for name, o in made.config.optimisers.items()} == {"G": lr, "D": 1e-3}
    assert from_mapping(to_mapping(made.config)) == made.config
    run = gantlet.train(POINTS, "points", settings, samples=64)
    assert run.sample(3).values.shape == (3, 2)
    with pytest.raises(UsageError, match=r"optimisers\.E"):
        plan(POINTS, "points", {**settings, "optimisers.E.lr": 1e-3})


def test_a_packages_game_is_checked_before_anything_is_written(packaged, workplace):
    with pytest.raises(UsageError, match="differs when it is asked again"):
        gantlet.train(POINTS, "points", {**SHORT, "game": "duel", "game.random": True}, samples=64)
    assert list(workplace.iterdir()) == []


def test_a_packages_game_whose_memory_runs_out_is_told_what_to_set(packaged, monkeypatch):
    made = plan(POINTS, "points", {**SHORT, "game": "duel"})
    game = ready(made)

    def spent(players, turn):
        if len(turn.real) > 8:
            raise MemoryError
        return game.phases[0].loss(players, turn)

    phases = (replace(game.phases[0], loss=spent), *game.phases[1:])
    monkeypatch.setattr(Duel, "build", lambda *_: replace(game, phases=phases))
    with pytest.raises(OutOfMemoryError, match="micro_batches=2"):
        gantlet.train(POINTS, "points", {**SHORT, "game": "duel"}, samples=64)
