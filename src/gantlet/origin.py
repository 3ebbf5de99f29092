"""Where a run's first weights come from, if not from its seed: another run, or a bundle."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from gantlet.bundle import bundle_folder, stored
from gantlet.config import Config, differences, to_mapping
from gantlet.errors import UsageError
from gantlet.games.base import Game
from gantlet.metrics.extractors.base import checksum
from gantlet.nn.stages import Staged
from gantlet.spec import DataSpec
from gantlet.training import checkpoint
from gantlet.training.folder import Folder
from gantlet.training.trainer import built

__all__ = ["Origin", "origin_of"]

Tensors = Mapping[str, Tensor]
_SHOWN = 3
"""Names that a sentence lists."""


@dataclass(frozen=True, eq=False)
class Origin:
    """Weights to begin with, as far as they fit, and what is known of them."""

    players: Tensors
    """By player and name, as `nn.ModuleDict.state_dict` has them."""
    averaged: Tensors
    record: Mapping[str, Any]
    """For run.json: where, what, how long it had trained, and a hash over all its weights."""
    notes: tuple[str, ...]
    """Sentences on what begins with which weights."""

    def give(self, players: nn.ModuleDict, averaged: nn.ModuleDict) -> None:
        """Copy the weights into players and averaged players; all else stays as it is."""
        for module, tensors in ((players, self.players), (averaged, self.averaged)):
            module.load_state_dict({**module.state_dict(), **tensors})


@dataclass(frozen=True, eq=False)
class _Source:
    """What a folder holds to begin with."""

    path: Path
    about: Mapping[str, Any]
    """Of its bundle."""
    players: Tensors
    averaged: Tensors
    seen: int
    is_run: bool

    @property
    def name(self) -> str:
        return f"{'run' if self.is_run else 'bundle'} {self.path}"

    @property
    def spec(self) -> DataSpec:
        return DataSpec.from_json(self.about["spec"])

    @property
    def record(self) -> dict[str, Any]:
        return {
            "path": str(self.path.resolve()),
            "kind": "run" if self.is_run else "bundle",
            "data": self.about["about"]["data"],
            "seen": self.seen,
            "weights": checksum(self.players),
        }


def origin_of(game: Game, spec: DataSpec, config: Config, *, own: bool = False) -> Origin | None:
    """What `train.init_from` names, fitted to a game; None where it names nothing.

    Only players that learn, or that the bundle holds, begin with other weights: running means,
    adaptive probabilities and optimisers begin anew. A run gives the players of its newest
    checkpoint. A bundle gives what it holds, the averaged generator, to live and averaged players
    alike. With another number of classes, layers that depend on it begin anew.

    Arguments:
        game: with its first weights; it stays as it is.
        spec, config: of the data and the run that begins.
        own: whether the game is a person's own, which settings cannot rebuild.

    Raises:
        UsageError: nothing there that is whole, data of another shape, networks of other layers,
            frozen blocks of a discriminator that would begin anew.
    """
    if config.train.init_from is None:
        return None
    source = _read(Path(config.train.init_from).expanduser())
    _check_shape(source, spec)
    names = [name for name in _receivers(game) if _part(source.players, name)]
    _check_players(source, game, names, config)
    fitting = _fitting(source, game, names, spec, None if own else config)
    notes = tuple(_notes(source, game, names, fitting, spec, config))
    players, averaged = (
        {name: tensors[name] for name in fitting if name in tensors}
        for tensors in (source.players, source.averaged)
    )
    return Origin(players, averaged, source.record, notes)


def _receivers(game: Game) -> list[str]:
    learners = [name for phase in game.phases for name in phase.trains]
    return list(dict.fromkeys([*learners, *game.bundled]))


def _part(tensors: Tensors, player: str) -> dict[str, Tensor]:
    return {name: t for name, t in tensors.items() if name.startswith(f"{player}.")}


def _read(path: Path) -> _Source:
    about, bundled = stored(bundle_folder(path))
    if not Folder(path).record.exists():
        return _Source(path, about, bundled, bundled, about["about"]["seen"], is_run=False)
    found, refused = checkpoint.newest(Folder(path).checkpoints)
    if found is None:
        raise UsageError(
            f"no checkpoint of run {path} is whole{': ' * bool(refused)}{''.join(refused[:1])}",
            remedy=f"Begin with its bundle instead: --from {path / 'bundle'} (init_from=).",
        )
    players, averaged = found.tensors["players"], found.tensors["averaged"]
    return _Source(path, about, players, averaged, _seen(found.path), is_run=True)


def _seen(path: Path) -> int:
    return int(path.name.partition("-")[0])


def _shown(spec: DataSpec) -> str:
    return f"{spec.kind} of shape {' x '.join(map(str, spec.shape))}"


def _check_shape(source: _Source, spec: DataSpec) -> None:
    theirs = source.spec
    if (theirs.kind, theirs.shape) == (spec.kind, spec.shape):
        if theirs.heads != spec.heads:
            raise UsageError(
                f"begin with {source.name}",
                expected="a run on a table of the same columns",
                received=_other_columns(theirs, spec),
                remedy="Give the data its columns, or leave --from (init_from=) away.",
            )
        return
    remedy = "Begin with a run on data of the same shape, or without --from (init_from=)."
    if theirs.kind == spec.kind == "image" and theirs.shape[0] == spec.shape[0]:
        height, width = theirs.shape[1:]
        remedy = (
            f"Bring the data to its size with --size {width}x{height} "
            f"(data.size=[{height},{width}]), or begin without --from (init_from=)."
        )
    raise UsageError(
        f"begin with {source.name}",
        expected=f"networks for {_shown(spec)}, as the data are",
        received=f"networks for {_shown(theirs)}",
        remedy=remedy,
    )


def _other_columns(theirs: DataSpec, ours: DataSpec) -> str:
    """The first part of a row that differs."""
    pairs = zip(theirs.heads, ours.heads, strict=False)
    a, b = next((pair for pair in pairs if pair[0] != pair[1]), (None, None))
    if a is None or b is None:
        return f"{len(theirs.heads)} parts of a row, where the data have {len(ours.heads)}"
    return f"{a.name} of {a.width} where the data have {b.name} of {b.width}"


def _check_players(source: _Source, game: Game, names: list[str], config: Config) -> None:
    if not names:
        raise UsageError(
            f"begin with {source.name}",
            expected=f"one of the players {', '.join(_receivers(game))}",
            received="none of them",
        )
    if config.train.freeze_discriminator and "discriminator" not in names:
        raise UsageError(
            "setting train.freeze_discriminator",
            expected="a run to begin with, whose checkpoint holds the discriminator",
            received=f"{source.name}, which holds {', '.join(names)} alone",
            remedy="Name the run's folder with --from (init_from=), or leave the setting away.",
        )


def _tensors(players: nn.ModuleDict, names: list[str]) -> dict[str, Tensor]:
    """Weights and buffers of some players, without how far networks have grown."""
    state = nn.ModuleDict({name: players[name] for name in names}).state_dict()
    return {name: tensor for name, tensor in state.items() if name not in _growing(players)}


def _growing(players: nn.ModuleDict) -> set[str]:
    """Names of what the samples seen determine."""
    return {
        f"{place}.{name}"
        for place, module in players.named_modules()
        if isinstance(module, Staged)
        for name, _ in module.named_buffers()
    }


def _misfits(given: Tensors, wanted: Tensors) -> set[str]:
    """Names that only one side has, or that differ in shape."""
    return {
        name
        for name in given.keys() | wanted.keys()
        if name not in given or name not in wanted or given[name].shape != wanted[name].shape
    }


def _fitting(
    source: _Source, game: Game, names: list[str], spec: DataSpec, config: Config | None
) -> list[str]:
    """Names of the tensors to take over; UsageError if more than the classes differ."""
    wanted, growing = _tensors(game.players, names), _growing(game.players)
    given = {
        key: tensor
        for name in names
        for key, tensor in _part(source.players, name).items()
        if key not in growing
    }
    misfits, theirs = _misfits(given, wanted), source.spec
    if not misfits:
        return list(wanted)
    if config is None or theirs.condition_size == spec.condition_size:
        raise _other_networks(source, given, wanted, misfits, config)
    like = replace(
        spec,
        classes=theirs.classes,
        frequencies=theirs.frequencies,
        conditions=theirs.conditions,
    )
    try:
        as_theirs = _tensors(built(config, like).players, names)
    except UsageError:  # the settings are for data with fewer classes, or with none
        raise _other_networks(source, given, wanted, misfits, config) from None
    if rest := _misfits(given, as_theirs):
        raise _other_networks(source, given, as_theirs, rest, config)
    anew = {name.rpartition(".")[0] for name in misfits}  # layers begin anew as a whole
    return [name for name in wanted if name.rpartition(".")[0] not in anew]


def _unlike(source: _Source, config: Config) -> list[str]:
    """Settings of the networks that differ, as `network.width: 64 -> 32`."""
    theirs, ours = source.about["config"], to_mapping(config)
    return differences({"network": theirs["network"]}, {"network": ours["network"]})


def _other_networks(
    source: _Source, given: Tensors, wanted: Tensors, misfits: set[str], config: Config | None
) -> UsageError:
    first = next(name for name in [*wanted, *given] if name in misfits)
    ours, theirs = (tuple(t[first].shape) if first in t else "none" for t in (wanted, given))
    return UsageError(
        f"begin with {source.name}",
        expected=f"networks as the settings make them, {first} of shape {ours}",
        received=f"networks of other layers, {first} of shape {theirs}",
        remedy=f"{_same_networks(source, config)}, or begin without --from (init_from=).",
    )


def _same_networks(source: _Source, config: Config | None) -> str:
    """What a person can do to have the source's networks."""
    if config is None or source.about["about"]["own_game"]:
        return "Use networks of the same layers"
    network, recipe = source.about["config"]["network"], source.about["config"]["recipe"]
    if network["name"] != config.network.name:
        return f"Train with --recipe {recipe} and the settings of config.yaml under network"
    ours = to_mapping(config)["network"]
    settings = [
        f"network.{key}={str(value).replace(' ', '')}"
        for key, value in network.items()
        if value != ours.get(key)
    ]
    return f"Add {' '.join(settings)}" if settings else "Use the settings under game of its own"


def _notes(
    source: _Source,
    game: Game,
    names: list[str],
    fitting: list[str],
    spec: DataSpec,
    config: Config,
) -> Iterator[str]:
    seen, theirs = f"at {source.seen:,} samples", source.spec
    yield f"The weights of {' and '.join(names)} begin as those of {source.name} {seen}."
    others = [name for name in _receivers(game) if name not in names]
    if others:
        yield (
            f"A bundle holds no {' and no '.join(others)}, which begins anew: name the run that "
            "it came from, if it is there, to begin with both."
            if not source.is_run
            else f"It has no {' and no '.join(others)}, which begins anew."
        )
    left = [name for name in _tensors(game.players, names) if name not in fitting]
    if left:
        layers = list(dict.fromkeys(name.rpartition(".")[0] for name in left))
        more = f" and {len(layers) - _SHOWN} more" if len(layers) > _SHOWN else ""
        yield (
            f"It was trained on {_classes(theirs)} and the data have {_classes(spec)}: layers "
            f"that depend on them begin anew ({', '.join(layers[:_SHOWN])}{more})."
        )
    elif _asked(theirs) != _asked(spec):
        yield (
            "What it can be asked for is taken over by its order: it had "
            f"{_classes(theirs)}, the data have {_classes(spec)}."
        )
    elif theirs.classes != spec.classes:
        yield (
            "Its classes have other names and are taken over by their order: "
            f"{spec.classes[0]} begins as its {theirs.classes[0]}."
        )
    unlike = _unlike(source, config)
    if unlike and not source.about["about"]["own_game"]:
        yield f"Settings of the networks differ from its own: {'; '.join(unlike[:_SHOWN])}."
    if any(isinstance(m, Staged) for name in names for m in game.players[name].modules()):
        yield "Networks that grow begin at their first size again, with the weights of all sizes."


def _asked(spec: DataSpec) -> tuple[tuple[object, ...], ...]:
    """Conditions, without their shares."""
    return tuple((c.name, c.kind, c.knots, c.names) for c in spec.conditions)


def _classes(spec: DataSpec) -> str:
    if spec.conditions:
        return f"the conditions {', '.join(condition.name for condition in spec.conditions)}"
    n = len(spec.classes)
    return f"{n} class{'es' * (n > 1)}" if n else "no classes"
