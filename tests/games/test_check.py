"""`check_game` names each fault of a game, and leaves the game as it was."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from gantlet import check_game
from gantlet.errors import UsageError
from gantlet.games.base import Game, Losses, Phase
from gantlet.games.versus import Versus
from gantlet.networks.mlp import MLP
from gantlet.spec import DataSpec

SPEC = DataSpec(kind="points", shape=(2,), dtype="float32")


def sound():
    torch.manual_seed(0)
    return Versus(penalties={"r1": 1.0}, lecam=0.1).build(SPEC, MLP.tiny())


def spoilt(loss=None, phase="generator", **changes):
    """A sound game with one phase's loss wrapped: loss(losses, players, turn) -> Losses."""
    game = sound()

    def wrap(old):
        return replace(
            old, loss=lambda players, turn: loss(old.loss(players, turn), players, turn)
        )

    phases = [wrap(p) if loss and p.name == phase else p for p in game.phases]
    return replace(game, **{"phases": phases, **changes})


def test_after_changes_tensors_and_does_not_replace_them():
    game = sound()

    def after(players, stats):
        players["lecam"].real = players["lecam"].real + stats["real"].mean()

    phases = [replace(p, after=after if p.name == "discriminator" else None) for p in game.phases]
    held = game.players["lecam"].real
    with pytest.raises(UsageError, match=r"'discriminator' replaced lecam\.real .*copy_"):
        check_game(replace(game, phases=phases), SPEC)
    assert game.players["lecam"].real is held
    assert float(held) == 0


def test_a_sound_game_passes_and_is_left_as_it_was():
    game = sound()
    before = {name: t.clone() for name, t in game.players.state_dict().items()}
    state = torch.get_rng_state()
    check_game(game, SPEC)
    assert torch.equal(state, torch.get_rng_state())
    after = game.players.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert all(w.grad is None and w.requires_grad for w in game.players.parameters())


def count(losses, players, turn):
    players["lecam"].count.add_(1)
    return losses


def draw(losses, players, turn):
    return replace(losses, per_sample=losses.per_sample + torch.randn(len(turn.real)))


def couple(losses, players, turn):
    return replace(losses, per_sample=losses.per_sample - losses.per_sample.mean())


FAULTS = {
    "buffer": (count, "changed buffer lecam.count"),
    "random": (draw, r"differs when it is asked again.*turn\.noise"),
    "coupled": (couple, r"beyond their group.*Game\.group"),
    "scalar": (lambda a, p, t: Losses(a.per_sample.mean()), r"per_sample of shape \(4,\)"),
    "empty": (lambda a, p, t: Losses(a.per_sample[:0]), r"shape \(0,\)"),
    "three": (lambda a, p, t: Losses(a.per_sample[:3]), r"received shape \(3,\)"),
    "nan": (lambda a, p, t: Losses(a.per_sample / 0 * 0), "finite numbers"),
    "detached": (lambda a, p, t: Losses(a.per_sample.detach()), "no gradient"),
    "stats": (
        lambda a, p, t: replace(a, stats={"own": a.per_sample}),
        r"stats\['own'\].*\.detach",
    ),
    "statistic": (
        lambda a, p, t: replace(a, stats={"own": a.per_sample.detach().mean()}),
        r"stats\['own'\].*each sample",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_of_a_loss_is_named(fault):
    loss, message = FAULTS[fault]
    game = spoilt(loss)
    before = {name: b.clone() for name, b in game.players.named_buffers()}
    with pytest.raises(UsageError, match=message):
        check_game(game, SPEC)
    assert all(torch.equal(before[name], b) for name, b in game.players.named_buffers())


def test_a_group_that_covers_the_coupling_is_sound():
    def couple_groups(losses, players, turn):
        size = min(4, len(losses.per_sample))
        means = losses.per_sample.view(-1, size).mean(1).repeat_interleave(size)
        return replace(losses, per_sample=losses.per_sample - means + losses.per_sample**2)

    check_game(spoilt(couple_groups, group=4), SPEC)
    with pytest.raises(UsageError, match="groups of 2"):
        check_game(spoilt(couple_groups, group=2), SPEC, batch=8)


def test_dropout_and_batch_norm_of_plain_torch_are_found():
    def game(layer):
        generator = nn.Sequential(nn.Linear(8, 16), layer, nn.Linear(16, 2))

        class WithLabels(nn.Module):
            def __init__(self):
                super().__init__()
                self.net = generator

            def forward(self, z, y=None):
                return self.net(z)

        critic = MLP.tiny().discriminator(SPEC)
        return Versus().play(SPEC, WithLabels(), critic, latent=8)

    with pytest.raises(UsageError, match="differs when it is asked again"):
        check_game(game(nn.Dropout(0.5)), SPEC)
    with pytest.raises(UsageError, match=r"changed buffer.*GroupedBatchNorm"):
        check_game(game(nn.BatchNorm1d(16)), SPEC)
    with pytest.raises(UsageError, match="beyond their group"):
        check_game(game(nn.BatchNorm1d(16, track_running_stats=False)), SPEC)
    check_game(game(nn.LayerNorm(16)), SPEC)


@pytest.mark.parametrize("wrong", [torch.tensor([1.0, torch.nan, 1, 1]), torch.empty(0)])
def test_statistics_without_finite_numbers_are_refused(wrong):
    game = spoilt(lambda losses, *_: replace(losses, stats={"gap": wrong}))
    with pytest.raises(UsageError, match=r"stats\['gap'\].*finite numbers"):
        check_game(game, SPEC)


def test_a_phase_that_is_never_played_is_refused():
    game = sound()
    with pytest.raises(UsageError, match="every of phase 'discriminator'"):
        check_game(replace(game, phases=(replace(game.phases[0], every=0),)), SPEC)


def test_names_that_fit_nothing_are_named():
    lost = [replace(sound().phases[1], trains=("writer",))]
    with pytest.raises(UsageError, match=r"phase 'generator' trains.*'writer'.*generator"):
        check_game(spoilt(phases=lost), SPEC)
    with pytest.raises(UsageError, match="the game bundles a player 'painter'"):
        check_game(spoilt(bundled=("painter",)), SPEC)
    with pytest.raises(UsageError, match="two phases are named 'generator'"):
        check_game(spoilt(phases=[sound().phases[1]] * 2), SPEC)


def test_samples_and_scores_of_another_shape_are_refused():
    with pytest.raises(UsageError, match=r"samples of the game.*\(4, 2\).*\(4, 3\)"):
        check_game(spoilt(sample=lambda players, query: query.noise("w", (3,))), SPEC)
    with pytest.raises(UsageError, match=r"judge.*shape \(4,\)"):
        check_game(spoilt(judge=lambda players, batch: batch.x), SPEC)


def test_frozen_players_and_a_player_that_nothing_trains_are_no_fault():
    game = sound()
    game.players["helper"] = nn.Linear(2, 2).requires_grad_(False)
    check_game(game, SPEC)
    game.players["generator"].requires_grad_(False)
    with pytest.raises(UsageError, match="gives generator no gradient"):
        check_game(game, SPEC)


def test_a_game_by_hand_in_float64_passes():
    G, D = nn.Linear(2, 2).double(), nn.Linear(2, 1).double()

    def fake(players, noise):
        return players["G"](noise("z", (2,)))

    def of_critic(players, turn):
        gap = players["D"](fake(players, turn.noise).detach()) - players["D"](turn.real.x)
        return Losses(gap.flatten(), stats={"gap": gap.detach()})

    def of_generator(players, turn):
        return Losses(-players["D"](fake(players, turn.noise)).flatten())

    game = Game(
        players=nn.ModuleDict({"G": G, "D": D}),
        phases=[
            Phase(name="D", trains=["D"], loss=of_critic),
            Phase(name="G", trains=["G"], loss=of_generator),
        ],
        sample=lambda players, query: fake(players, query.noise),
        bundled=["G"],
    )
    check_game(game, SPEC)
    assert game.judge is None
