"""What a run will be, before anything is written: data, settings, and what a size derives."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gantlet.budget import account_of, resolved
from gantlet.config import Config, Optimiser, Stop, assignments, checked, identity, override
from gantlet.data import BUILTINS, DataSettings, open_data
from gantlet.data.dataset import Dataset
from gantlet.data.split import split
from gantlet.data.tables import is_tabular
from gantlet.errors import UsageError
from gantlet.games.base import Game
from gantlet.games.versus import Versus
from gantlet.networks.sizes import unsized
from gantlet.privacy.settings import Privacy
from gantlet.recipes import PRIVATE, chosen, recipe
from gantlet.recipes.dial import dial
from gantlet.spec import DataSpec
from gantlet.tables.sql import is_url, recorded_url
from gantlet.training.machine import find_device
from gantlet.training.trainer import built

if TYPE_CHECKING:
    from gantlet.data import Source

__all__ = ["Plan", "cache_of", "data_settings", "plan", "planned", "where"]


@dataclass(frozen=True)
class Plan:
    """Data and settings of a run, before anything is written."""

    dataset: Dataset
    config: Config
    name: str
    """Of the run's folder, if none is given."""
    notes: tuple[str, ...]
    game: Game | None = None
    source: str | None = None
    """Where the data are: an absolute path or a built-in name; None for arrays."""
    derived: tuple[str, ...] = ()
    """What a size has derived, and why: sentences."""

    @property
    def identity(self) -> dict[str, Any]:
        """What makes the run the run it is: settings, data, and a game of one's own."""
        parts = {**identity(self.config), "data_fingerprint": self.dataset.fingerprint}
        return parts if self.game is None else {**parts, "own_game": _digest(_told(self.game))}


def _told(game: Game) -> str:
    """All of a game that can be told apart: everything but the code of its losses."""
    phases = [
        (phase.name, *phase.trains, phase.every, phase.start, phase.stop) for phase in game.phases
    ]
    return f"{game.players} {phases} {game.group} {list(game.bundled)} {game.about}"


def _digest(text: str) -> str:
    content = text.encode(errors="surrogateescape")  # names that are no UTF-8
    return hashlib.blake2b(content, digest_size=8).hexdigest()


def plan(
    data: Source = "digits",
    name: str | None = None,
    settings: Sequence[str] | Mapping[str, Any] = (),
    *,
    size: str | None = None,
    samples: int | None = None,
    minutes: float | None = None,
    init_from: str | Path | None = None,
    game: Game | None = None,
) -> Plan:
    """Open the data, choose a recipe, apply settings.

    Arguments:
        data: a path, a built-in name, an array, or (x, y).
        name: of the recipe; a good one is chosen from the data if none is given.
        settings: dotted keys, as `["train.batch=64"]` or `{"train.batch": 64}`.
        size: xs, s, m or l; see `gantlet.recipes.dial`.
        samples, minutes: when to end; with minutes alone, samples are without bound.
        init_from: a run or a bundle whose weights to begin with.
        game: a game of one's own instead of the recipe's.
    """
    if size is not None and is_tabular(data):  # which may take long to open
        raise unsized(size, "table")
    dataset = open_data(data, data_settings(settings, name), cache=cache_of(data))
    return planned(
        dataset,
        name,
        _beginning(settings, init_from),
        size=size,
        samples=samples,
        minutes=minutes,
        game=game,
        source=where(data),
    )


def planned(
    dataset: Dataset,
    name: str | None,
    settings: Sequence[str] | Mapping[str, Any],
    *,
    size: str | None = None,
    samples: int | None = None,
    minutes: float | None = None,
    game: Game | None = None,
    source: str | None = None,
) -> Plan:
    """What `plan` gives, of data that are open."""
    found, why = chosen(dataset.spec)
    base = recipe(name or found, dataset.spec)
    if game is not None:
        _check_own(settings)
        base = replace(base, optimisers=_of_learners(game, base.optimisers))
    else:
        base = _learning(base, settings, dataset.spec)
    base, derived = _dialled(base, size, dataset, settings, game)
    config = override(base, settings)
    goal = samples or config.stop.samples
    config = replace(config, stop=_stop(config.stop, settings, samples, minutes))
    config = resolved(config, dataset.spec, goal)
    account = account_of(config, dataset.spec)
    covered = account.told(account.steps) if account else ()
    notes = (*dataset.notes, *covered, *(() if name else (why,)))
    folder = "-".join(filter(None, [dataset.name, name, size]))
    return Plan(dataset, config, folder, notes, game, source, derived)


def _check_own(settings: Sequence[str] | Mapping[str, Any]) -> None:
    """UsageError for settings of what a game of one's own has itself."""
    own = [key for key, _ in assignments(settings) if key.startswith(("game.", "network."))]
    if own:
        raise UsageError(
            f"setting {own[0]} beside a game of one's own",
            expected="settings of data, optimisers and training alone",
            remedy="Build it into the game: penalties, critic steps and the like are arguments of "
            "gantlet.Versus, and the networks are the ones you give.",
        )


def _beginning(
    settings: Sequence[str] | Mapping[str, Any], init_from: str | Path | None
) -> Sequence[str] | Mapping[str, Any]:
    """The settings, with what to begin with among them."""
    if init_from is None:
        return settings
    given = dict(assignments(settings))
    _check_once(given, "train.init_from", f"--from {init_from}")
    return {**given, "train.init_from": Path(init_from).as_posix()}


def _check_once(given: Mapping[str, Any], key: str, option: str) -> None:
    """UsageError where a setting is given beside the option that stands for it."""
    if key in given:
        raise UsageError(f"{option} beside {key}", remedy="Leave one of them away.")


def _dialled(
    base: Config,
    size: str | None,
    dataset: Dataset,
    settings: Sequence[str] | Mapping[str, Any],
    game: Game | None,
) -> tuple[Config, tuple[str, ...]]:
    """The settings that a size derives, and why; nothing is said of what the person sets."""
    if size is None:
        return base, ()
    if game is not None:
        raise UsageError(
            f"size {size}",
            expected="a recipe's networks",
            received="a game of one's own",
            remedy="Leave the size away, and build the game's networks as wide as they shall be.",
        )
    asked, given = override(base, settings), dict(assignments(settings))
    made = dial(
        base,
        size,
        dataset.spec,
        images=len(split(dataset, asked.data).train),
        device=find_device(asked.train),
        batch=asked.train.batch if "train.batch" in given else None,
        given={k: value for k, value in given.items() if k.startswith(("network.", "game."))},
    )
    return made.config, made.told(list(given))


def where(data: Source) -> str | None:
    """Where data are: an absolute path, a built-in name or the URL of a database; None for arrays.

    A URL goes without its password, that of a file of SQLite with its absolute path.
    """
    if not isinstance(data, str | Path):
        return None
    if is_url(data):
        return recorded_url(str(data))
    return data if data in BUILTINS else str(Path(data).expanduser().resolve())


def _of_learners(game: Game, known: Mapping[str, Optimiser]) -> dict[str, Optimiser]:
    """An optimiser for each player that learns; the generator's where the recipe names none."""
    learners = dict.fromkeys(name for phase in game.phases for name in phase.trains)
    first = known.get("generator") or next(iter(known.values()))
    return {name: known.get(name, first) for name in learners}


def _learning(base: Config, settings: Sequence[str] | Mapping[str, Any], spec: DataSpec) -> Config:
    """The recipe with an optimiser for each player of a package's game that settings name."""
    given = assignments(settings)
    asked = override(base, {k: v for k, v in given if not k.startswith("optimisers.")})
    if isinstance(asked.game, Versus):
        return base
    return replace(base, optimisers=_of_learners(built(asked, spec), base.optimisers))


def cache_of(data: Source) -> Path:
    """Where data are decoded to that are too large for memory: a folder for each source."""
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    source = str(Path(data).resolve()) if isinstance(data, str | Path) else "array"
    return home / "gantlet" / _digest(source)


def data_settings(
    settings: Sequence[str] | Mapping[str, Any], recipe: str | None = None
) -> DataSettings:
    """The settings under `data.`, which are needed before there is a recipe.

    Where rows are to be private, because of the recipe's name or a setting under `privacy.`, with
    what their columns may cost.
    """
    values = _private(settings, recipe)
    for key, value in assignments(settings):
        name, _, part = key.removeprefix("data.").partition(".")
        if key.startswith("data.") and part:  # data.columns.age=integer
            values[name] = {**(values.get(name) or {}), part: value}
        elif key.startswith("data."):
            values[name] = value
    found: DataSettings = checked(DataSettings, values, "data")
    return found


def _private(settings: Sequence[str] | Mapping[str, Any], recipe: str | None) -> dict[str, Any]:
    """Settings of data that a private training has."""
    given = {
        key.removeprefix("privacy."): value
        for key, value in assignments(settings)
        if key.startswith("privacy.")
    }
    if recipe != PRIVATE and (recipe or not given):
        return {}
    privacy: Privacy = checked(Privacy, given, "privacy")
    share = {"epsilon": privacy.columns * privacy.epsilon, "delta": privacy.delta}
    return {"held_out": False, "private": share}


def _stop(
    stop: Stop,
    settings: Sequence[str] | Mapping[str, Any],
    samples: int | None,
    minutes: float | None,
) -> Stop:
    """When to end. Bounds that are asked for take the place of the recipe's, not of given ones."""
    asked = {"samples": samples, "minutes": minutes}
    if samples is None and minutes is None:
        return stop
    given = dict(assignments(settings))
    for name, value in asked.items():
        if value is not None:
            _check_once(given, f"stop.{name}", f"--{name} {value}")
        elif f"stop.{name}" in given:
            asked[name] = getattr(stop, name)
    found: Stop = checked(Stop, asked, "stop")
    return replace(found, patience=stop.patience)
