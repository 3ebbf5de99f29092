"""Watch a training with Weights & Biases: `pip install wandb`; offline, without an account."""

import os
import secrets
import sys

import gantlet
from gantlet.training.callback import End, Start, Tick


class WeightsAndBiases(gantlet.Callback):
    """Hands over settings, rows of the log and grids; goes on where the run went on."""

    def __init__(self, project: str) -> None:
        self.project = project

    def on_start(self, start: Start) -> None:
        import wandb

        name = start.folder / "wandb-id.txt"
        if not name.exists():
            name.write_text(secrets.token_hex(4))
        about = {"name": start.folder.name, "config": dict(start.config)}
        self.run = wandb.init(project=self.project, id=name.read_text(), resume="allow", **about)

    def on_tick(self, tick: Tick) -> None:
        import wandb

        self.run.log({**tick.row, "grid": wandb.Image(str(tick.picture))}, step=tick.row["seen"])

    def on_end(self, end: End) -> None:
        self.run.summary["verdict"] = str(end.verdict)
        self.run.finish()


if __name__ == "__main__":
    os.environ.setdefault("WANDB_MODE", "offline")
    samples = int(sys.argv[1]) if sys.argv[1:] else 20_000
    gantlet.train("digits", samples=samples, callbacks=[WeightsAndBiases("gantlet")])
