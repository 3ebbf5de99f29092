"""The improved techniques of Salimans et al. (2016), all at once: parts, ranks, and going on."""

from pathlib import Path

import torch

from tests.training.parts import gap
from tests.training.ranks import ranked, spawned
from tests.training.small import played, tensors, trainer
from tests.training.test_resume import StopAt, assert_same

ALL = (
    *("network.generator_norm=virtual", "network.discriminator_norm=none"),
    *("network.minibatch_discrimination=3", "game.historical_averaging=0.1"),
    *("game.feature_matching=0.5", "game.smoothing=0.1"),
)
PASSES = 4


def _rank(rank: int, port: int, folder: str) -> None:
    with ranked(rank, port):
        run = trainer(Path(folder) / str(rank), "dcgan", *ALL, precision="float64")
        torch.save(played(run, PASSES), Path(folder) / f"{rank}.pt")


def test_micro_batches_and_two_ranks_equal_the_whole_batch(tmp_path):
    whole = played(trainer(tmp_path, "dcgan", *ALL, precision="float64"), PASSES)
    split = trainer(tmp_path, "dcgan", *ALL, "train.micro_batches=4", precision="float64")
    assert gap(whole, played(split, PASSES)) <= 1e-10
    spawned(_rank, tmp_path)
    for rank in range(2):
        assert gap(whole, torch.load(tmp_path / f"{rank}.pt")) <= 1e-10


def test_a_stopped_run_goes_on_bit_exactly(tmp_path):
    whole = trainer(tmp_path / "whole", "dcgan", *ALL)
    assert whole.run().reason == "finished"
    parted = StopAt(3).attach(trainer(tmp_path / "parted", "dcgan", *ALL))
    assert parted.run().reason == "stopped"
    last = trainer(tmp_path / "parted", "dcgan", *ALL)
    assert last.run().reason == "finished"
    assert_same(tensors(whole), tensors(last))
    assert int(last.game.players["history"]["generator"].count) == 16
