"""Train, load and sample from Python: what the command line stands on."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gantlet import __version__, dist
from gantlet.bundle import BundleWriter, read_bundle
from gantlet.config import Config, Stop, checked, differences, identity, override
from gantlet.data import DataSettings, open_data
from gantlet.data.dataset import Dataset
from gantlet.data.split import Split, split
from gantlet.errors import UsageError
from gantlet.games.base import Game
from gantlet.recipes import chosen, recipe
from gantlet.sample import Samples, sample
from gantlet.train.callback import Callback
from gantlet.train.events import Events
from gantlet.train.folder import Folder
from gantlet.train.health import Verdict
from gantlet.train.machine import Machine, environment, find_machine, settled
from gantlet.train.trainer import Trainer, built

if TYPE_CHECKING:
    from gantlet.data import Source

__all__ = ["Loaded", "Plan", "Run", "data_settings", "load", "plan", "train"]

FORMAT = 1


@dataclass(frozen=True)
class Loaded:
    """A generator, ready for sampling."""

    path: Path
    game: Game | None = None

    def sample(
        self, n: int = 16, *, seed: int = 0, label: str | int | None = None, device: str = "auto"
    ) -> Samples:
        """Samples 0 to n - 1 of a seed; see `gantlet.sample.sample`."""
        bundle = read_bundle(self.path, self.game)
        return sample(bundle, n, label=label, seed=seed, device=device)


@dataclass(frozen=True)
class Run(Loaded):
    """A run's folder, after a session of training."""

    reason: str = ""
    """Why the session ended: finished, time or stopped."""
    seen: int = 0
    """Real samples seen."""
    verdict: Verdict | None = None

    @property
    def log(self) -> list[dict[str, Any]]:
        """Rows of log.jsonl, one for each tick."""
        return Folder(self.path).rows()

    def _repr_html_(self) -> str:
        """What a notebook shows: where the run stands, and its newest grid."""
        import base64

        pictures = sorted((self.path / "samples").glob("*.png"))
        image = base64.b64encode(pictures[-1].read_bytes()).decode() if pictures else ""
        return (
            f"<p><b>{self.path}</b>: {self.reason} at {self.seen:,} samples. {self.verdict}</p>"
            f'<img alt="samples" src="data:image/png;base64,{image}">'
        )


@dataclass(frozen=True)
class Plan:
    """Data and settings of a run, before anything is written."""

    dataset: Dataset
    config: Config
    name: str
    """Of the run's folder, if none is given."""
    notes: tuple[str, ...]
    game: Game | None = None

    @property
    def identity(self) -> dict[str, Any]:
        """What makes the run the run it is: settings, data, and a game of one's own."""
        parts = {**identity(self.config), "data_fingerprint": self.dataset.fingerprint}
        return (
            parts if self.game is None else {**parts, "own_game": _digest(str(self.game.players))}
        )


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def plan(
    data: Source = "digits",
    name: str | None = None,
    settings: Sequence[str] = (),
    *,
    samples: int | None = None,
    minutes: float | None = None,
    game: Game | None = None,
) -> Plan:
    """Open the data, choose a recipe, apply settings.

    Arguments:
        data: a path, a built-in name, an array, or (x, y).
        name: of the recipe; a good one is chosen from the data if none is given.
        settings: dotted `key=value`.
        samples, minutes: when to end; with minutes alone, samples are without bound.
        game: a game of one's own instead of the recipe's.
    """
    dataset = open_data(data, data_settings(settings), cache=_cache(data))
    found, why = chosen(dataset.spec)
    config = override(recipe(name or found, dataset.spec), settings)
    config = replace(config, stop=_stop(config.stop, samples, minutes))
    notes = (*dataset.notes, *(() if name else (why,)))
    return Plan(dataset, config, f"{dataset.name}-{name}" if name else dataset.name, notes, game)


def _cache(data: Source) -> Path:
    """Where data are decoded to that are too large for memory: a folder for each source."""
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    source = str(Path(data).resolve()) if isinstance(data, str | Path) else "array"
    return home / "gantlet" / _digest(source)


def data_settings(settings: Sequence[str]) -> DataSettings:
    """The settings under `data.`, which are needed before there is a recipe."""
    import yaml

    values: dict[str, Any] = {}
    for setting in settings:
        key, _, text = setting.partition("=")
        if key.startswith("data."):
            values[key.removeprefix("data.")] = yaml.safe_load(text)
    settings_: DataSettings = checked(DataSettings, values, "data")
    return settings_


def _stop(stop: Stop, samples: int | None, minutes: float | None) -> Stop:
    if samples is None and minutes is None:
        return stop
    asked: Stop = checked(Stop, {"samples": samples, "minutes": minutes}, "stop")
    return asked


def train(
    data: Source = "digits",
    recipe: str | None = None,
    settings: Sequence[str] | Mapping[str, Any] = (),
    *,
    out: str | Path | None = None,
    samples: int | None = None,
    minutes: float | None = None,
    fresh: bool = False,
    game: Game | None = None,
    callbacks: Sequence[Callback] = (),
) -> Run:
    """Train on data, or go on with the run that the same call began.

    Arguments:
        data: folder or zip of images, idx, npy or npz file, built-in name, array, (x, y).
        recipe: its name; a good one is chosen from the data if none is given.
        settings: dotted keys, as `["train.batch=64"]` or `{"train.batch": 64}`.
        out: the run's folder; `runs/NAME` (or NAME-2, ... where another run is there) if none.
        samples, minutes: when to end, all sessions together.
        fresh: put a run that is there aside and begin anew.
        game: a game of one's own (see `gantlet.check_game`) instead of the recipe's.
        callbacks: watchers of the training.

    Raises:
        UsageError: data or settings that cannot be used, or a run of other settings in `out`.
        RunError: numbers that cease to be finite, a disk that refuses.
    """
    if isinstance(settings, Mapping):
        settings = [f"{key}={value}" for key, value in settings.items()]
    made = plan(data, recipe, settings, samples=samples, minutes=minutes, game=game)
    with dist.session(_backend(made.config)):
        return _play(made, out, fresh, callbacks)


def _backend(config: Config) -> str:
    import torch

    on_gpu = config.train.device.startswith("cuda") or (
        config.train.device == "auto" and torch.cuda.is_available()
    )
    return "nccl" if on_gpu else "gloo"


def _play(made: Plan, out: str | Path | None, fresh: bool, callbacks: Sequence[Callback]) -> Run:
    folder = Folder(_place(made, out, fresh))
    with folder.claimed():
        divided = split(made.dataset, made.config.data)
        machine = _recorded(folder, made, divided)
        config = made.config
        with settled(machine, config.train):
            game = made.game or built(config, made.dataset.spec)
            about = _about(made)
            watchers = [BundleWriter(about), Events(), *callbacks]
            notes = (*made.notes, divided.note)
            trainer = Trainer(
                game, made.dataset, divided, config, machine, folder, watchers, notes
            )
            end = trainer.run()
    return Run(folder.path, made.game, end.reason, end.seen, end.verdict)


def _about(made: Plan) -> dict[str, Any]:
    return {
        "data": made.dataset.name,
        "count": len(made.dataset),
        "own_game": made.game is not None,
    }


def _place(made: Plan, out: str | Path | None, fresh: bool) -> Path:
    """The run's folder: `out`, or the first of runs/NAME, NAME-2, ... that is free or this run.

    Raises UsageError with the differences where `out` holds another run.
    """
    first = Path(out) if out is not None else Path("runs") / made.name
    path, number = first, 1
    while dist.rank() == 0 and not fresh:
        record = Folder(path).read_record()
        lines = differences(record["identity"], made.identity) if record else []
        if not lines:
            break
        if out is not None:
            raise UsageError(
                f"run {path} has other settings or data:\n  " + "\n  ".join(lines) + "\n",
                remedy="Use the settings it began with, choose another folder with --out, or put "
                "it aside and begin anew with --fresh.",
            )
        number += 1
        path = first.with_name(f"{first.name}-{number}")
    if fresh and dist.rank() == 0 and path.exists():
        _put_aside(path)
    return Path(dist.agreed(str(path)))


def _put_aside(path: Path) -> None:
    number = 1
    while (aside := path.with_name(f"{path.name}.old-{number}")).exists():
        number += 1
    path.rename(aside)


def _recorded(folder: Folder, made: Plan, divided: Split) -> Machine:
    """The machine to compute on, as recorded where the run goes on; writes a new run's record."""
    record = folder.read_record()
    found = find_machine(made.config.train)
    if record is None:
        if dist.rank() == 0:
            folder.write_record(
                {
                    "format": FORMAT,
                    "gantlet": __version__,
                    "identity": made.identity,
                    "machine": found.to_json(),
                    "environment": environment(),
                    "held_out": divided.held_out.tolist(),
                }
            )
            folder.write_config(made.config)
        dist.barrier()
        return found
    recorded = Machine(**record["machine"])
    same_place = recorded.device.split(":")[0] == found.device.split(":")[0]
    asked = made.config.train.threads
    # Sums of other numbers of threads round otherwise: going on exactly needs the same.
    return (
        replace(recorded, device=found.device, threads=asked or recorded.threads)
        if same_place
        else found
    )


def load(path: str | Path, *, game: Game | None = None) -> Loaded:
    """A run or a bundle for sampling; `game` where it was a person's own.

    Raises UsageError where there is no whole bundle.
    """
    read_bundle(Path(path), game)
    return Loaded(Path(path), game)
