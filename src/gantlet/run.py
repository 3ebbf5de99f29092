"""Train, load and sample from Python: what the command line stands on."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from torch import nn

from gantlet import __version__, dist
from gantlet.budget import check_private
from gantlet.bundle import Bundle, BundleWriter, read_bundle
from gantlet.config import Config
from gantlet.console import CALL, Console, Words
from gantlet.data.split import Split, split
from gantlet.errors import UsageError
from gantlet.games.base import Game
from gantlet.games.check import check_game
from gantlet.labels import Label
from gantlet.metrics.extractors import EXTRACTORS
from gantlet.notebook import summary
from gantlet.origin import Origin, origin_of
from gantlet.planning import Plan, plan
from gantlet.sample import Samples, sample
from gantlet.training.callback import Callback
from gantlet.training.events import Curves, Events
from gantlet.training.folder import FORMAT, Folder
from gantlet.training.freezing import frozen_blocks
from gantlet.training.health import Verdict
from gantlet.training.machine import Machine, environment, find_machine, settled
from gantlet.training.place import disk_errors_told, place
from gantlet.training.speed import price_of_determinism
from gantlet.training.step import share_of
from gantlet.training.trainer import Trainer, built

if TYPE_CHECKING:
    from gantlet.data import Source

__all__ = ["Loaded", "Run", "load", "play", "ready", "train"]

_PLAYED: WeakSet[nn.ModuleDict] = WeakSet()
"""Players of games of one's own that a training of this process has moved."""
_MOVED = (
    "The game's players begin with the weights that an earlier training has left in them: build "
    "them anew for a run from the beginning."
)


@dataclass(frozen=True)
class Loaded:
    """A run or a bundle, ready for sampling."""

    path: Path
    game: Game | None = None

    @cached_property
    def bundle(self) -> Bundle:
        """The generator as it is bundled now, read once."""
        return read_bundle(self.path, self.game)

    def sample(
        self,
        n: int = 16,
        *,
        seed: int = 0,
        label: Label | None = None,
        truncation: float | None = None,
        constraints: Sequence[Callable[[Any], Any]] = (),
        device: str = "auto",
    ) -> Samples:
        """Samples 0 to n - 1 of a seed; see `gantlet.sample.sample`."""
        return sample(
            self.bundle,
            n,
            label=label,
            seed=seed,
            truncation=truncation,
            constraints=constraints,
            device=device,
        )

    def sample_where(
        self,
        n: int,
        where: str,
        *,
        seed: int = 0,
        constraints: Sequence[Callable[[Any], Any]] = (),
    ) -> Samples:
        """Rows of a table that meet `where`; see `gantlet.where.sample_where`."""
        from gantlet.where import sample_where  # needs pandas

        return sample_where(self.bundle, n, where, seed=seed, constraints=constraints)

    def sample_balanced(
        self,
        n: int,
        column: str,
        *,
        seed: int = 0,
        constraints: Sequence[Callable[[Any], Any]] = (),
    ) -> Samples:
        """As many rows of each category; see `gantlet.balance.sample_balanced`."""
        from gantlet.balance import sample_balanced  # needs pandas

        return sample_balanced(self.bundle, n, column, seed=seed, constraints=constraints)

    def complete(
        self,
        table: Any,
        *,
        seed: int = 0,
        constraints: Sequence[Callable[[Any], Any]] = (),
    ) -> Any:
        """A DataFrame with some columns made whole; see `gantlet.completion.complete`."""
        from gantlet.completion import complete  # needs pandas

        return complete(self.bundle, table, seed=seed, constraints=constraints)

    @property
    def log(self) -> list[dict[str, Any]]:
        """Rows of log.jsonl, one for each tick; empty for a bundle by itself."""
        return Folder(self.path).rows()

    def _repr_html_(self) -> str:
        """What a notebook shows: what the run is, where it stands, and its newest grid."""
        return summary(self.path)


@dataclass(frozen=True)
class Run(Loaded):
    """A run's folder, after a session of training."""

    reason: str = ""
    """Why the session ended: finished, time, plateau or stopped."""
    seen: int = 0
    """Real samples seen."""
    verdict: Verdict | None = None
    signal: int = 0
    """Number of the signal that stopped it, 0 if none did."""

    def _repr_html_(self) -> str:
        return summary(self.path, f"{self.reason}. {self.verdict}")


def train(
    data: Source = "digits",
    recipe: str | None = None,
    settings: Sequence[str] | Mapping[str, Any] = (),
    *,
    size: str | None = None,
    out: str | Path | None = None,
    samples: int | None = None,
    minutes: float | None = None,
    init_from: str | Path | None = None,
    fresh: bool = False,
    game: Game | None = None,
    callbacks: Sequence[Callback] = (),
    verbose: bool = True,
    words: Words = CALL,
) -> Run:
    """Train on data, or go on with the run that the same call began.

    Arguments:
        data: folder or zip of images, idx, npy or npz file, table (CSV, TSV, JSON lines, Parquet,
            Feather, pandas DataFrame, the URL of a database with data.query), built-in name,
            array, (x, y).
        recipe: its name; a good one is chosen from the data if none is given.
        settings: dotted keys, as `["train.batch=64"]` or `{"train.batch": 64}`.
        size: xs, s, m or l: derives channels, batch, rates and penalty weights from data and
            device; `settings` come before what is derived.
        out: the run's folder; `runs/NAME` (or NAME-2, ... where another run is there) if none.
        samples, minutes: when to end, all sessions together.
        init_from: a run or a bundle on data of the same shape whose weights to begin with; once
            the run has begun, it needs them no more.
        fresh: put a run that is there aside and begin anew.
        game: a game of one's own (see `gantlet.check_game`) instead of the recipe's.
        callbacks: watchers of the training.
        verbose: print the course of the training, and what is worth knowing of it.
        words: how what is printed tells a person to go on.

    Raises:
        UsageError: data or settings that cannot be used, or a run of other settings in `out`.
        RunError: numbers that cease to be finite, a disk that refuses.
    """
    with dist.session():
        with dist.first_alone():  # data too large for memory are decoded once
            made = plan(
                data,
                recipe,
                settings,
                size=size,
                samples=samples,
                minutes=minutes,
                init_from=init_from,
                game=game,
            )
        if not verbose or dist.rank() > 0:
            return play(made, out, fresh=fresh, callbacks=callbacks)
        console = Console(words)
        with console.shown():
            return play(made, out, fresh=fresh, callbacks=[console, *callbacks])


def play(
    made: Plan,
    out: str | Path | None = None,
    *,
    fresh: bool = False,
    callbacks: Sequence[Callback] = (),
) -> Run:
    """Train what is planned, or go on; arguments and errors as `train` has them."""
    game = ready(made)
    origin = _origin(made, game) if fresh else None  # which may be the run that is put aside
    path, notes = _place(made, out, fresh)
    folder = Folder(path)
    begins = not any(folder.checkpoints.glob("[0-9]*"))
    if begins and origin is None:
        origin = _origin(made, game)
    if begins and origin is None and game.players in _PLAYED:
        notes = (*notes, _MOVED)
    with disk_errors_told(path), folder.claimed():
        divided = split(made.dataset, made.config.data)
        machine, on_threads = _recorded(folder, made, divided, origin)
        notes = (
            *made.notes,
            *made.derived,
            divided.note,
            *notes,
            *(origin.notes if origin else ()),
            *on_threads,
        )
        if begins and made.config.train.deterministic and machine.device.startswith("cuda"):
            price = price_of_determinism(game, made.dataset, divided, made.config, machine)
            notes = (*notes, price)
        with settled(machine, made.config.train):
            watchers = [BundleWriter(_about(made, folder)), Curves(), Events(), *callbacks]
            trainer = Trainer(
                game, made.dataset, divided, made.config, machine, folder, watchers, notes
            )
            if origin is not None:
                origin.give(game.players, trainer.averaged)
            if made.game is not None:
                _PLAYED.add(game.players)
            end = trainer.run()
    return Run(path, made.game, end.reason, end.seen, end.verdict, end.signal)


def ready(made: Plan) -> Game:
    """The game, once all that can be wrong with the settings is known not to be.

    Raises UsageError for what is wrong.
    """
    config, spec = made.config, made.dataset.spec
    find_machine(config.train)
    if config.validation.extractor is not None:
        EXTRACTORS[config.validation.extractor].check(spec)
    game = made.game or built(config, spec)
    check_private(config, game, spec)
    frozen_blocks(game, config.train.freeze_discriminator)
    share_of(config.train.batch, config.train.micro_batches, game.group)
    if made.game is not None or not _is_ours(config):
        # A copy: what an earlier training froze is thawed in it.
        check_game(replace(game, players=_copied(game.players).requires_grad_(True)), spec)
    return game


def _is_ours(config: Config) -> bool:
    """Whether networks and game are the project's own, which its tests have checked."""
    parts = (type(config.game), type(config.network))
    return all(part.__module__.startswith("gantlet.") for part in parts)


def _copied(players: nn.ModuleDict) -> nn.ModuleDict:
    try:
        return copy.deepcopy(players)
    except RuntimeError as error:
        raise UsageError(
            "players of the game",
            expected="modules that copy.deepcopy copies, as their averages are copies",
            received=str(error).splitlines()[0],
            remedy="In place of torch.nn.utils.weight_norm or spectral_norm use those of "
            "torch.nn.utils.parametrizations, and keep no tensor that has a gradient's history.",
        ) from None


def _origin(made: Plan, game: Game) -> Origin | None:
    return origin_of(game, made.dataset.spec, made.config, own=made.game is not None)


def _about(made: Plan, folder: Folder) -> dict[str, Any]:
    about = {
        "data": made.dataset.name,
        "count": len(made.dataset),
        "own_game": made.game is not None,
    }
    begun = (folder.read_record() or {}).get("init_from")
    if not begun:
        return about
    return {**about, "init_from": {key: begun[key] for key in begun if key != "path"}}


def _place(made: Plan, out: str | Path | None, fresh: bool) -> tuple[Path, tuple[str, ...]]:
    """The run's folder: `out`, or the first of runs/NAME, NAME-2, ... that is free or this run."""
    first, notes = Path(out or Path("runs") / made.name), list[str]()
    with dist.first_alone(), disk_errors_told(first):
        if dist.rank() == 0:
            first, notes = place(first, made.identity, given=out is not None, fresh=fresh)
    return Path(dist.agreed(str(first))), tuple(notes)


def _recorded(
    folder: Folder, made: Plan, divided: Split, origin: Origin | None
) -> tuple[Machine, tuple[str, ...]]:
    """The machine to compute on, as recorded where the run goes on; writes a new run's record.

    Returns:
        The machine, and sentences on why the run will not go on to the last bit.
    """
    record = folder.read_record()
    dist.barrier()  # all have read before one writes
    found = find_machine(made.config.train)
    if dist.rank() == 0:
        if record is None or origin is not None:
            folder.write_record(
                {**(record or _record(made, found)), "init_from": origin and origin.record}
            )
        if not (folder.path / "config.yaml").exists():
            folder.write_split(divided.held_out.tolist())
            folder.write_config(made.config)
    if record is None:
        return found, ()
    try:
        recorded = Machine(**record["machine"])
    except TypeError as error:
        raise folder.unreadable(error) from None
    before, now = (machine.device.split(":")[0] for machine in (recorded, found))
    if before != now:
        return found, (f"The run began on {before} and goes on on {now}: results differ by "
                       "rounding from those of one device.",)  # fmt: skip
    asked, ranks = made.config.train.threads, record.get("processes", dist.world())
    # Sums of other numbers of threads round otherwise: going on exactly needs the same. Of other
    # numbers of processes they do so anyway, and these share the processors.
    threads = asked or (recorded if ranks == dist.world() else found).threads
    note = (
        f"The run began with {recorded.threads} threads and goes on with {threads}: results "
        "differ by rounding from those of one number of threads."
    )
    machine = replace(recorded, device=found.device, threads=threads)
    return machine, () if threads == recorded.threads else (note,)


def _record(made: Plan, machine: Machine) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "gantlet": __version__,
        "identity": made.identity,
        "source": made.source,
        "machine": machine.to_json(),
        "processes": dist.world(),
        "environment": environment(),
    }


def load(path: str | Path, *, game: Game | None = None) -> Loaded:
    """A run or a bundle for sampling; `game` where it was a person's own.

    Raises UsageError where there is no whole bundle.
    """
    loaded = Loaded(Path(path), game)
    _ = loaded.bundle  # a fault is told here, not at the first sample
    return loaded
