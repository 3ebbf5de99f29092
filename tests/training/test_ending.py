"""How a run ends: the bundle of a run that went wrong, and what minutes mean."""

from dataclasses import replace

import torch

from gantlet.config import override
from gantlet.data import open_data
from gantlet.data.split import split
from gantlet.games.base import Losses, Phase
from gantlet.recipes import tiny
from gantlet.training.callback import Callback
from gantlet.training.folder import Folder
from gantlet.training.machine import Machine
from gantlet.training.trainer import Trainer
from tests.evaluation import planted
from tests.training.small import trainer


class Notes(Callback):
    def __init__(self):
        self.notes, self.end = [], None

    def on_note(self, sentence):
        self.notes.append(sentence)

    def on_end(self, end):
        self.end = end


class Moved(torch.nn.Module):
    """The data's own law, moved by a weight: 0 is a perfect generator."""

    def __init__(self, spec):
        super().__init__()
        self.encode, self.moved = spec.encode, torch.nn.Parameter(torch.zeros(()))

    def forward(self, z):
        return self.encode(planted.honest(z) + self.moved * planted.SCALE)


def test_the_bundle_of_a_run_that_got_worse_holds_the_best_generator(tmp_path):
    dataset, watcher = open_data(planted.data()), Notes()
    config = override(tiny("points", dataset.spec), ["validation.samples=500", "train.keep=1"])
    game = planted.game(planted.honest, dataset.raw)
    game.players["generator"] = Moved(dataset.spec)
    config = replace(config, optimisers={"generator": config.optimisers["generator"]})
    folder, divided = Folder(tmp_path), split(dataset, config.data)
    folder.create()
    phase = Phase(
        name="still",
        trains=["generator"],
        loss=lambda players, turn: Losses(players["generator"](turn.noise("z", (3,))).mean(1) * 0),
    )
    run = Trainer(
        replace(game, phases=[phase]),
        dataset,
        divided,
        config,
        Machine("cpu", "float32", 1),
        folder,
        [watcher],
    )
    play, course = run.stepper.play, {64: 3.0, 128: 0.5, 192: 2.0, 256: 6.0}

    def play_and_move(position):
        play(position)
        run.averaged["generator"].moved.fill_(course.get(run.seen + 16, 9.0))

    run.stepper.play = play_and_move
    run.run()
    looks = [row["validation"] for row in folder.rows()]
    assert looks[1] == max(looks) > 0.5
    assert watcher.end.bundled == 128
    assert "128 samples" in watcher.notes[-1]
    assert watcher.end.averaged["generator"].moved == 0.5
    assert (folder.checkpoints / "000000000128").exists()


def test_minutes_count_all_sessions_and_are_no_part_of_the_run(tmp_path):
    settings = ("stop.samples=null", "train.tick=4000", "stop.minutes=0.01")
    first = trainer(tmp_path, "mlp", *settings)
    assert first.run().reason == "time"
    seen = first.seen
    assert seen > 0
    again = trainer(tmp_path, "mlp", *settings)
    assert again.run().reason == "time"
    assert again.seen == seen
    longer = trainer(
        tmp_path, "mlp", *settings[:2], f"stop.minutes={again.state.seconds / 60 + 0.01}"
    )
    longer.run()
    assert longer.seen > seen
