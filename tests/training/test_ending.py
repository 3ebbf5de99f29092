"""How a run ends: the bundle of a run that went wrong, and what minutes mean."""

import torch

from gantlet.training.callback import Callback
from tests.training.small import trainer


class Notes(Callback):
    def __init__(self):
        self.notes, self.end = [], None

    def on_note(self, sentence):
        self.notes.append(sentence)

    def on_end(self, end):
        self.end = end


def test_the_bundle_of_a_collapsed_run_holds_the_best_generator(tmp_path):
    watcher = Notes()
    run = trainer(
        tmp_path, "mlp", "stop.samples=512", "train.ema_half_life=0", callbacks=[watcher]
    )
    play, kept = run.stepper.play, {}

    def collapse(position):
        play(position)
        if position == 7:  # at 128 samples, the second tick
            kept.update({k: v.clone() for k, v in run.averaged.state_dict().items()})
        if position >= 8:
            for weight in run.averaged.parameters():
                weight.zero_()

    run.stepper.play = collapse
    run._measured = lambda: {
        "coverage": 0.9 if run.seen == 128 else 0.5,
        "spread": 0.9 * (run.seen < 129),
    }
    run.run()
    assert watcher.end.verdict.name == "collapse"
    assert "128 samples" in watcher.notes[-1]
    bundled = watcher.end.averaged.state_dict()
    assert all(torch.equal(kept[name], tensor) for name, tensor in bundled.items())


def test_minutes_count_all_sessions_and_are_no_part_of_the_run(tmp_path):
    settings = ("stop.samples=null", "train.tick=4000", "stop.minutes=0.01")
    first = trainer(tmp_path, "mlp", *settings)
    assert first.run().reason == "time"
    seen = first.seen
    assert seen > 0
    again = trainer(tmp_path, "mlp", *settings)
    assert again.run().reason == "time"
    assert again.seen == seen
    longer = trainer(tmp_path, "mlp", *settings[:2], "stop.minutes=0.02")
    longer.run()
    assert longer.seen > seen
