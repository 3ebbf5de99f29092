"""FreezeD: the first blocks of a discriminator stay as they are, and nothing else does."""

import json
from pathlib import Path

import pytest
import torch
from torch import nn

from gantlet.errors import UsageError
from gantlet.games.base import Game
from gantlet.networks import NETWORKS, Blockwise
from gantlet.nn.norms import Stepped
from gantlet.spec import DataSpec
from gantlet.training.freezing import frozen_blocks
from tests.training.ranks import ranked, spawned
from tests.training.small import played, tensors, trainer

FROZEN = ("train.init_from=elsewhere", "train.freeze_discriminator=1")
RECIPES = ("dcgan", "wgan", "resnet", "sngan", "biggan", "r3gan", "stylegan2", "fastgan")
"""One for each network with blocks, and those that clip or normalise weights."""
BLOCKS = {"dcgan": 1, "resnet": 2, "biggan": 2, "r3gan": 2, "stylegan2": 1, "fastgan": 1}
"""Of each network's discriminator, for images of 8x8."""


def inside(run, count):
    """Names of the tensors in the first blocks, and of those in the rest of the discriminator."""
    critic = run.game.players["discriminator"]
    held = {id(m) for m in frozen_blocks(run.game, count).modules()}
    places = {f"live/discriminator.{name}." for name, m in critic.named_modules() if id(m) in held}
    own = [n for n in tensors(run) if n.startswith("live/discriminator.")]
    first = {n for n in own if any(n.startswith(place) for place in places)}
    return first, set(own) - first


def moved(before, after):
    return {name for name, tensor in before.items() if not torch.equal(tensor, after[name])}


@pytest.mark.parametrize("recipe", RECIPES)
def test_exactly_the_first_blocks_stay(recipe, tmp_path):
    """With decay, clipping, spectral norms and histories at work, which move what they may."""
    run = trainer(
        tmp_path,
        recipe,
        *FROZEN,
        "optimisers.discriminator.weight_decay=0.1",
        "game.historical_averaging=0.1",
    )
    torch.manual_seed(0)
    with torch.no_grad():
        for weight in run.game.players["discriminator"].parameters():
            weight.add_(torch.randn_like(weight), alpha=0.05)  # none begins at zero or at a bound
    before = tensors(run)
    after = played(run, 6)
    first, _ = inside(run, 1)
    assert first
    assert not moved(before, after) & first
    weights = {f"live/{name}" for name, _ in run.game.players.named_parameters()}
    assert weights - first <= moved(before, after)


@pytest.mark.parametrize("name", BLOCKS)
def test_blocks_hold_all_between_the_image_and_the_head(name):
    spec = DataSpec(kind="image", shape=(3, 8, 8), classes=("a", "b"))
    critic = NETWORKS[name].tiny().discriminator(spec, group=4)
    assert isinstance(critic, Blockwise)
    blocks = critic.in_blocks()
    assert len(blocks) == BLOCKS[name]
    held = nn.ModuleList(m for block in blocks for m in block)
    names = [id(w) for w in held.parameters()]
    assert len(names) == len(set(names))
    image = torch.randn(4, 3, 8, 8, requires_grad=True)
    logits = critic(image, torch.tensor([0, 1, 0, 1])).logits
    for block in blocks:  # each is on the way from the image to the logits
        weights = [w for m in block for w in m.parameters()]
        found = torch.autograd.grad(logits.sum(), weights, retain_graph=True, allow_unused=True)
        assert any(gradient is not None for gradient in found)


def test_spectral_norms_of_frozen_blocks_stand_still(tmp_path):
    run = trainer(tmp_path, "sngan", *FROZEN)
    kept = [m for m in frozen_blocks(run.game, 1).modules() if isinstance(m, Stepped)]
    assert kept
    assert not {id(m) for m in kept} & {id(m) for m in run.stepper._stepped["discriminator"]}


def test_a_frozen_run_resumes_bit_exactly_and_equals_its_parts(tmp_path):
    short = (*FROZEN, "stop.samples=96")
    whole = trainer(tmp_path / "whole", "r3gan", *short)
    whole.run()
    parted = trainer(tmp_path / "parted", "r3gan", *short)
    play = parted.stepper.play

    def stop_at_three(position):
        play(position)
        parted._stop = position == 2

    parted.stepper.play = stop_at_three
    assert parted.run().reason == "stopped"
    last = trainer(tmp_path / "parted", "r3gan", *short)
    last.run()
    assert moved(tensors(whole), tensors(last)) == set()
    parts = trainer(tmp_path, "r3gan", *FROZEN, "train.micro_batches=4", precision="float64")
    one = trainer(tmp_path, "r3gan", *FROZEN, precision="float64")
    before, after, other = tensors(one), played(one, 8), played(parts, 8)
    first, rest = inside(one, 1)
    assert not moved(before, other) & first
    for name in rest:
        torch.testing.assert_close(after[name], other[name], rtol=1e-9, atol=1e-12)


def _rank(rank: int, port: int, folder: str) -> None:
    with ranked(rank, port):
        run = trainer(Path(folder) / f"run-{rank}", "r3gan", *FROZEN, precision="float64")
        before = tensors(run)
        after = played(run, 4)
        first, _ = inside(run, 1)
        torch.save(after, Path(folder) / f"{rank}.pt")
        told = {"moved": sorted(moved(before, after) & first)}
        (Path(folder) / f"{rank}.json").write_text(json.dumps(told))


def test_two_ranks_keep_the_blocks_and_equal_one(tmp_path):
    spawned(_rank, tmp_path)
    one = played(trainer(tmp_path / "one", "r3gan", *FROZEN, precision="float64"), 4)
    for rank in (0, 1):
        assert json.loads((tmp_path / f"{rank}.json").read_text()) == {"moved": []}
        other = torch.load(tmp_path / f"{rank}.pt")
        for name, tensor in one.items():
            torch.testing.assert_close(other[name], tensor, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("recipe", ["mlp", "progressive"])
def test_a_discriminator_without_such_blocks_is_refused(recipe, tmp_path):
    with pytest.raises(UsageError, match=r"freeze_discriminator: expected.*dcgan.*stylegan2"):
        trainer(tmp_path, recipe, *FROZEN)


def test_more_blocks_than_there_are_and_games_without_a_discriminator_are_refused(tmp_path):
    with pytest.raises(UsageError, match="at most 1, the blocks"):
        trainer(tmp_path, "dcgan", FROZEN[0], "train.freeze_discriminator=2")
    alone = Game(
        players=nn.ModuleDict({"generator": nn.Linear(2, 2)}), phases=(), sample=lambda *_: None
    )
    with pytest.raises(UsageError, match="received none"):
        frozen_blocks(alone, 1)
    assert len(frozen_blocks(alone, 0)) == 0


def test_freezing_weights_that_the_seed_draws_is_refused(tmp_path):
    with pytest.raises(UsageError, match=r"freeze_discriminator: expected a run.*--from RUN"):
        trainer(tmp_path, "dcgan", FROZEN[1])
