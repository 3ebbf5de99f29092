"""A run that is stopped anywhere and goes on ends with the bits of one that was not."""

import json

import pytest
import torch

from gantlet.errors import RunError, UsageError
from gantlet.recipes import RECIPES
from gantlet.training.callback import Callback
from gantlet.training.folder import Folder
from tests.training.small import tensors, trainer


class StopAt(Callback):
    """Asks the trainer to stop once it has played some passes."""

    def __init__(self, position):
        self.position, self.trainer = position, None

    def attach(self, trainer):
        play = trainer.stepper.play

        def counted(position):
            play(position)
            trainer._stop = trainer._stop or position + 1 >= self.position

        trainer.stepper.play = counted
        return trainer


def assert_same(a, b):
    assert a.keys() == b.keys()
    for name, tensor in a.items():
        assert torch.equal(tensor, b[name]), name


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("recipe", RECIPES)
def test_a_stopped_run_goes_on_bit_exactly(recipe, threads, tmp_path):
    """With two threads, recipes with convolutions have two workers."""
    whole = trainer(tmp_path / "whole", recipe, threads=threads)
    assert whole.run().reason == "finished"
    for stop in (3, 7):  # 3: inside a tick; 7: after another session
        parted = StopAt(stop).attach(trainer(tmp_path / "parted", recipe, threads=threads))
        assert parted.run().reason == "stopped"
    last = trainer(tmp_path / "parted", recipe, threads=threads)
    assert last.run().reason == "finished"
    assert_same(tensors(whole), tensors(last))
    timeless = [
        [{k: v for k, v in row.items() if k not in ("seconds", "rate")} for row in t.folder.rows()]
        for t in (whole, last)
    ]
    assert timeless[0] == timeless[1]


def test_mirror_images_are_the_same_after_a_stop_and_in_parts(tmp_path):
    flip = ("data.flip=true",)
    whole = trainer(tmp_path / "whole", "dcgan", *flip)
    assert whole.run().reason == "finished"
    StopAt(3).attach(trainer(tmp_path / "parted", "dcgan", *flip)).run()
    last = trainer(tmp_path / "parted", "dcgan", *flip)
    last.run()
    assert_same(tensors(whole), tensors(last))
    plain = trainer(tmp_path / "plain", "dcgan")
    assert plain.run().reason == "finished"
    changed = [not torch.equal(t, tensors(plain)[name]) for name, t in tensors(whole).items()]
    assert any(changed)


def test_rates_and_decays_that_change_do_so_after_a_stop_too(tmp_path):
    rise = "{start: 0.9, end: 0.99, samples: 300}"
    settings = [f"optimisers.{side}.beta2={rise}" for side in ("generator", "discriminator")]
    whole = trainer(tmp_path / "whole", "r3gan", *settings)
    assert whole.run().reason == "finished"
    StopAt(7).attach(trainer(tmp_path / "parted", "r3gan", *settings)).run()
    last = trainer(tmp_path / "parted", "r3gan", *settings)
    assert last.run().reason == "finished"
    assert_same(tensors(whole), tensors(last))
    betas = last.stepper.optimisers["generator"].param_groups[0]["betas"]
    assert 0.9 < betas[1] < 0.99


def test_what_lies_past_the_checkpoint_is_cut(tmp_path):
    trainer(tmp_path, "mlp").run()
    folder = Folder(tmp_path)
    with folder.log.open("a") as file:
        file.write(json.dumps({"seen": 10_000, "x": 1}) + "\n{torn")
    (folder.samples / "000000010000.png").write_bytes(b"")
    trainer(tmp_path, "mlp").run()
    assert [row["seen"] for row in folder.rows()] == [64, 128, 192, 256]
    assert sorted(p.stem for p in folder.samples.glob("*.png"))[-1] == "000000000256"


def test_a_finished_run_can_be_extended(tmp_path):
    whole = trainer(tmp_path / "whole", "r3gan", "stop.samples=512")
    whole.run()
    trainer(tmp_path / "parts", "r3gan").run()
    longer = trainer(tmp_path / "parts", "r3gan", "stop.samples=512")
    longer.run()
    assert_same(tensors(whole), tensors(longer))


def test_a_damaged_checkpoint_is_told_and_the_one_before_is_used(tmp_path):
    whole = trainer(tmp_path, "mlp")
    whole.run()
    newest = max(whole.folder.checkpoints.iterdir())
    (newest / "players.safetensors").write_bytes(b"torn")
    notes = []

    class Notes(Callback):
        def on_note(self, sentence):
            notes.append(sentence)

    again = trainer(tmp_path, "mlp", callbacks=[Notes()])
    again.run()
    assert len(notes) == 1
    assert newest.name in notes[0]
    assert_same(tensors(whole), tensors(again))


def test_numbers_that_are_not_finite_go_back_with_gentler_steps(tmp_path):
    run = trainer(tmp_path, "mlp", "train.tick=160", "stop.samples=1600")
    play, poisoned = run.stepper.play, []

    def poison(position):
        play(position)
        if position == 40 and len(poisoned) < 2:
            poisoned.append(position)
            weight = next(run.game.players["generator"].parameters())
            weight.data.fill_(float("nan"))

    run.stepper.play = poison
    assert run.run().reason == "finished"
    assert run.state.roll_backs == 2
    assert run.stepper.gentleness == 0.25
    events = [row for row in run.folder.rows() if row.get("event") == "roll-back"]
    assert [row["seen"] for row in events] == [640, 640]
    again = trainer(tmp_path, "mlp", "train.tick=160", "stop.samples=1600")
    again.run()
    assert again.state.roll_backs == 2


def test_numbers_that_stay_unfinite_end_the_run_with_a_remedy(tmp_path):
    run = trainer(tmp_path, "mlp", "stop.samples=1600")
    play = run.stepper.play

    def poison(position):
        play(position)
        next(run.game.players["generator"].parameters()).data.fill_(float("nan"))

    run.stepper.play = poison
    with pytest.raises(RunError, match=r"after 3 roll-backs.*clip_norm"):
        run.run()


def test_a_stop_never_saves_what_is_not_finite(tmp_path):
    run = trainer(tmp_path, "mlp", "stop.samples=1600")
    play = run.stepper.play

    def poison_and_stop(position):
        play(position)
        if position == 5:
            next(run.game.players["generator"].parameters()).data.fill_(float("nan"))
            run._stop = True

    run.stepper.play = poison_and_stop
    end = run.run()
    assert end.reason == "stopped"
    assert end.seen == 64
    again = trainer(tmp_path, "mlp", "stop.samples=1600")
    again.run()
    assert again.state.roll_backs == 1
    assert all(bool(t.isfinite().all()) for t in tensors(again).values())


def test_a_roll_back_replaces_no_checkpoint(tmp_path):
    run = trainer(tmp_path, "mlp", "train.keep=9")
    run.run()
    before = {path.name for path in run.folder.checkpoints.iterdir()}
    run._roll_back()
    after = sorted(path.name for path in run.folder.checkpoints.iterdir())
    assert set(after) - before == {after[-1]}
    assert after[-1] == "000000000256-1"


def test_a_second_process_is_refused(tmp_path):
    folder = Folder(tmp_path)
    folder.create()
    with folder.locked(), pytest.raises(UsageError, match="in use"), folder.locked():
        pass
