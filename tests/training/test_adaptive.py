"""Adaptive augmentation in training: logged, resumed exactly, the same in parts and on ranks."""

from pathlib import Path

import pytest
import torch

from tests.training.ranks import ranked, spawned
from tests.training.small import played, tensors, trainer
from tests.training.test_parts import gap
from tests.training.test_resume import StopAt, assert_same

ADAPTIVE = (
    "game.augment={p: {samples: 300, start: 0.2}}",
    "game.apa={samples: 500, start: 0.1}",
)
PASSES = 8


def chances(run):
    return [float(run.game.players[name].p) for name in ("augment", "apa")]


def test_a_run_stopped_between_ticks_goes_on_bit_exactly(tmp_path):
    """At 48 and at 112 samples; a tick has 64. The rows of the log are the same, too."""
    whole = trainer(tmp_path / "whole", "mlp", *ADAPTIVE)
    assert whole.run().reason == "finished"
    for stop in (3, 7):
        parted = StopAt(stop).attach(trainer(tmp_path / "parted", "mlp", *ADAPTIVE))
        assert parted.run().reason == "stopped"
    last = trainer(tmp_path / "parted", "mlp", *ADAPTIVE)
    assert last.run().reason == "finished"
    assert chances(whole) == chances(last)
    assert chances(last) != [pytest.approx(0.2), pytest.approx(0.1)]
    assert_same(tensors(whole), tensors(last))
    logged = [
        [
            {k: v for k, v in row.items() if k.startswith("discriminator/")}
            for row in t.folder.rows()
        ]
        for t in (whole, last)
    ]
    assert logged[0] == logged[1]


def test_each_row_of_the_log_holds_the_mean_p_of_its_tick(tmp_path):
    run = trainer(tmp_path, "mlp", *ADAPTIVE, "stop.samples=64")
    seen, play = [], run.stepper.play

    def watched(position):
        seen.append(chances(run))
        play(position)

    run.stepper.play = watched
    run.run()
    (row,) = run.folder.rows()
    for name, values in zip(("augment", "apa"), zip(*seen, strict=True), strict=True):
        assert row[f"discriminator/{name}_p"] == pytest.approx(sum(values) / 4, rel=1e-5)
    assert 0.5 < row["discriminator/genuine"] <= 1


def test_p_moves_once_for_each_step_of_the_critic(tmp_path):
    run = trainer(tmp_path, "wgan", "game.augment={p: {samples: 160, target: -0.99}}")
    course = []
    for position in range(6):
        run.stepper.play(position)
        course.append(float(run.game.players["augment"].p))
    assert course == pytest.approx([0.1, 0.2, 0.3, 0.4, 0.5, 0.6])  # generator steps do not count


def test_p_is_kept_apart_from_the_bundle_and_its_averages(tmp_path):
    run = trainer(tmp_path, "mlp", *ADAPTIVE)
    assert list(run.averaged) == ["generator"]
    names = {name.split(".")[0] for name in run.game.players.state_dict()}
    assert names == {"generator", "discriminator", "augment", "apa"}


def _rank(rank: int, port: int, folder: str) -> None:
    with ranked(rank, port):
        run = trainer(Path(folder) / str(rank), "mlp", *ADAPTIVE, precision="float64")
        torch.save(played(run, PASSES), Path(folder) / f"{rank}.pt")


def test_two_ranks_equal_one_and_agree_on_p(tmp_path):
    spawned(_rank, tmp_path)
    run = trainer(tmp_path / "one", "mlp", *ADAPTIVE, precision="float64")
    one = played(run, PASSES)
    for rank in range(2):
        theirs = torch.load(tmp_path / f"{rank}.pt")
        assert gap(one, theirs) <= 1e-9
        assert float(theirs["live/augment.p"]) == chances(run)[0]
