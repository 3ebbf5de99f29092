"""Settings of a run: typed, frozen, checked, written as YAML with their own docstrings."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, is_dataclass
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any, get_args, get_type_hints

import yaml
from pydantic import ConfigDict, TypeAdapter, ValidationError

from gantlet.data import DataSettings
from gantlet.errors import UsageError, unknown
from gantlet.games import GAMES
from gantlet.games.versus import Versus
from gantlet.networks import NETWORKS
from gantlet.networks.base import Network
from gantlet.networks.sizes import SIZES
from gantlet.privacy.settings import Privacy
from gantlet.settings import Optimiser, Stop, Train, Validation

__all__ = [
    "Config",
    "Optimiser",
    "Stop",
    "Train",
    "Validation",
    "assignments",
    "checked",
    "completed",
    "differences",
    "from_mapping",
    "identity",
    "override",
    "read_yaml",
    "to_mapping",
]


@dataclass(frozen=True, kw_only=True)
class Config:
    """Everything that determines a run."""

    recipe: str
    """Recipe that these settings came from."""
    size_model: str | None = None
    """Size from which settings were derived (`--size-model`); none: the recipe's own."""
    data: DataSettings = field(default_factory=DataSettings)
    """What to make of the data."""
    network: Network
    """The players' networks."""
    game: Versus = field(default_factory=Versus)
    """Who plays whom, by which losses."""
    optimisers: Mapping[str, Optimiser]
    """One for each player that learns."""
    train: Train = field(default_factory=Train)
    """How training runs."""
    validation: Validation = field(default_factory=Validation)
    """How well it runs: the cheap look at each tick that the best checkpoint is chosen by."""
    stop: Stop = field(default_factory=Stop)
    """When the run ends."""
    privacy: Privacy | None = None
    """Differential privacy; none: the run may tell of any row."""


_STRICT = ConfigDict(
    extra="forbid",
    revalidate_instances="always",
    use_attribute_docstrings=True,
    allow_inf_nan=False,
)
_TABLES: Mapping[str, Mapping[str, type]] = {"network": NETWORKS, "game": GAMES}
_SECTIONS = ("data", "network", "game", "train", "validation", "stop", "privacy")
_KINDS = {"data": DataSettings, "train": Train, "validation": Validation, "stop": Stop}
_BRANCHES = (
    *("constrained-float", "float", "constrained-int", "int", "Schedule", "Adaptive"),
    *("str", "tuple[str, ...]"),
)
_BESIDE = {
    "recipe": "Write --recipe {0}, in Python recipe=.",
    "size_model": "Write --size-model {0}, in Python size=.",
}
"""What is no setting among others, and how to name it."""
_OUTSIDE_IDENTITY = ("device", "threads", "micro_batches", "fit_memory", "cuda_graphs", "keep")


@cache
def adapter(kind: Any) -> TypeAdapter[Any]:
    """A checker of `(kind,)`; the tuple carries the strict settings into plain dataclasses.

    Building one takes longer than all that it ever checks.
    """
    return TypeAdapter(tuple[kind], config=_STRICT)


def checked(kind: Any, values: Any, where: str = "") -> Any:
    """`values`, a mapping or an instance, as a checked `kind`.

    Raises UsageError for the first fault, with the setting's dotted name under `where`.
    """
    try:
        return adapter(kind).validate_python((values,))[0]
    except ValidationError as error:
        raise _explained(error, kind, where) from None


def _explained(error: ValidationError, kind: Any, where: str) -> UsageError:
    faults = error.errors(include_url=False)
    fault = max(faults, key=lambda fault: len(fault["loc"]))  # of a union, the likeliest part
    path = [part for part in map(str, fault["loc"][1:]) if part not in _BRANCHES]
    name = ".".join([*([where] if where else []), *path])
    if fault["type"] == "missing":
        return UsageError(f"setting {name} is missing", received=repr(fault["input"]))
    if fault["type"] != "unexpected_keyword_argument":
        return UsageError(
            f"setting {name}", expected=_wanted(fault["msg"]), received=repr(fault["input"])
        )
    known = sorted(_owner(kind, path).__dataclass_fields__)
    near = get_close_matches(path[-1], known, n=3)
    remedy = f"Did you mean {' or '.join(near)}?" if near else ""
    return UsageError(
        f"unknown setting {name}", expected=f"one of {', '.join(known)}", remedy=remedy
    )


def _owner(kind: Any, path: Sequence[str]) -> Any:
    """The dataclass that holds the last part of a path below `kind`."""
    owner = _dataclass_in(kind)
    for part in path[:-1]:
        hint = get_type_hints(owner).get(part)
        owner = _dataclass_in(hint) or owner
    return owner


def _dataclass_in(hint: Any) -> Any:
    if is_dataclass(hint):
        return hint
    return next(filter(None, map(_dataclass_in, get_args(hint))), None)


def _wanted(message: str) -> str:
    wanted = message.removeprefix("Input should be ").removeprefix("Value error, ")
    return (
        wanted.replace("a dictionary or an instance of", "the parts of")
        .replace("a valid dictionary", "names with values, such as {a: 1}")
        .replace("a valid tuple", "a list such as [64, 64]")
    )


def from_mapping(values: Mapping[str, Any]) -> Config:
    """A checked `Config` from nested plain values; `name` chooses the kind of network and game."""
    parts = dict(values)
    for part, table in _TABLES.items():
        section = dict(parts.get(part) or {})
        name = str(section.get("name", ""))
        if name not in table:
            raise unknown(part, name, table)
        parts[part] = checked(table[name], section, part)
    for part, kind in _KINDS.items():
        parts[part] = checked(kind, parts.get(part) or {}, part)
    parts["optimisers"] = checked(
        dict[str, Optimiser], parts.get("optimisers") or {}, "optimisers"
    )
    parts["privacy"] = checked(Privacy | None, parts.get("privacy"), "privacy")
    _check_freezing(parts["train"])
    if parts.get("size_model") not in (None, *SIZES):
        raise unknown("size of networks", str(parts["size_model"]), SIZES)
    extra = sorted(set(parts) - set(Config.__dataclass_fields__))
    if extra:
        raise unknown("section of settings", extra[0], Config.__dataclass_fields__)
    if parts["stop"].patience is not None and parts["validation"].extractor is None:
        raise UsageError(
            "setting stop.patience",
            expected="validation, which tells when there is no gain",
            received="validation.extractor=null",
            remedy="Leave one of the two away.",
        )
    return Config(**parts)


def _check_freezing(train: Train) -> None:
    if train.freeze_discriminator and train.init_from is None:
        raise UsageError(
            "setting train.freeze_discriminator",
            expected="a run whose weights the discriminator begins with",
            received="weights that the seed draws",
            remedy="Name one with --from RUN (train.init_from), or leave the setting away.",
        )


def to_mapping(config: Config) -> dict[str, Any]:
    """Nested plain values (lists for tuples), the inverse of `from_mapping`."""
    plain: dict[str, Any] = _listed(asdict(config))
    return plain


def _listed(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _listed(part) for key, part in value.items()}
    return [_listed(part) for part in value] if isinstance(value, tuple | list) else value


def override(config: Config, settings: Sequence[str] | Mapping[str, Any]) -> Config:
    """`config` with settings applied: dotted `key=value`, values read as YAML, or a mapping."""
    values = to_mapping(config)
    for key, value in assignments(settings):
        if key in _BESIDE:
            raise UsageError(
                f"setting {key}",
                expected="it to be named beside the settings, not among them",
                received=f"{key}={value}",
                remedy=_BESIDE[key].format(value),
            )
        _place(values, _path(key), value)
    return from_mapping(values)


def assignments(settings: Sequence[str] | Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Dotted keys and plain values; whole sections fall into their keys, names come first.

    Arguments:
        settings: `["train.batch=64"]`, `{"train.batch": 64}` or `{"train": {"batch": 64}}`.
    """
    if isinstance(settings, Mapping):
        pairs = [(str(key), _plain(str(key), value)) for key, value in settings.items()]
    else:
        pairs = [_split(setting) for setting in settings]
    flat = [pair for key, value in pairs for pair in _flat(key, value)]
    # Another kind of network or game comes with settings of its own: these override them.
    return sorted(flat, key=lambda pair: pair[0] not in {f"{part}.name" for part in _TABLES})


def _flat(key: str, value: Any) -> list[tuple[str, Any]]:
    if key in _TABLES and isinstance(value, str):  # network=mlp
        return [(f"{key}.name", value)]
    section, _, player = key.partition(".")
    whole = key in _SECTIONS or (section == "optimisers" and "." not in player)
    if not whole or not isinstance(value, dict):
        return [(key, value)]
    return [pair for name, part in value.items() for pair in _flat(f"{key}.{name}", part)]


def _split(setting: str) -> tuple[str, Any]:
    key, sign, text = setting.partition("=")
    if not sign or not key:
        raise UsageError(
            f"setting {setting!r}", expected="key=value", remedy="For example train.batch=64."
        )
    return key, _parsed(key, text)


def _plain(key: str, value: Any) -> Any:
    """A Python value as YAML would read it back: lists for tuples, mappings for dataclasses."""
    try:
        return json.loads(json.dumps(value, default=_plainer))
    except (TypeError, ValueError, AttributeError):
        raise UsageError(
            f"setting {key}", expected="a plain value", received=type(value).__name__
        ) from None


def _plainer(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    return value.item()  # a number of numpy or torch


def _parsed(key: str, text: str) -> Any:
    if key == "data.query" or (key == "data.delimiter" and len(text) == 1):
        return text  # to the letter: of SQL a # is no comment, and a | opens no block
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError:
        raise UsageError(
            f"setting {key}",
            expected="a YAML value",
            received=repr(text),
            remedy=f"Signs go in quotes of both kinds, as in '{key}=\",\"'",
        ) from None
    if not text.strip() and "." in key:  # without a dot `_place` says what would be right
        raise UsageError(f"setting {key}", expected="a value after =, or null", received="nothing")
    try:  # YAML 1.1 takes 2e-4 for a string
        return float(value) if isinstance(value, str) else value
    except ValueError:
        return value


def _path(key: str) -> list[str]:
    """The parts of a dotted key; the name of a table's column may have dots itself."""
    return key.split(".", 2) if key.startswith("data.columns.") else key.split(".")


def _part_of(section: str, values: Mapping[str, Any]) -> str:
    return str(next(iter(values[section] or {"epsilon": 3})))


def _place(values: dict[str, Any], keys: list[str], value: Any) -> None:
    node: Any = values
    if len(keys) == 1 and keys[0] in values:
        raise UsageError(
            f"setting {keys[0]}",
            expected=f"one of its parts, such as {keys[0]}.{_part_of(keys[0], values)}",
            received=repr(value),
        )
    for depth, key in enumerate(keys[:-1]):
        if not isinstance(node, dict):
            break
        if key not in node:
            known = [".".join([*keys[:depth], known]) for known in node or ()]
            raise unknown("setting", ".".join(keys[: depth + 1]), known)
        node[key] = {} if node[key] is None else node[key]
        node = node[key]
    if keys[-1] == "name" and keys[0] in _TABLES:  # another kind has other settings
        node.clear()
    if not isinstance(node, dict):
        raise UsageError(
            f"setting {'.'.join(keys)}", expected=f"{'.'.join(keys[:-1])} to have parts"
        )
    node[keys[-1]] = value


def read_yaml(path: Path) -> Config:
    """The settings in a YAML file."""
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise UsageError(f"settings {path}", expected="a YAML file", received=str(error)) from None
    if not isinstance(values, dict):
        raise UsageError(f"settings {path}", expected="sections such as network: and train:")
    return from_mapping(values)


def identity(config: Config) -> dict[str, Any]:
    """The settings that make a run the run it is: all but where it runs and when it ends."""
    values = to_mapping(config)
    del values["stop"], values["validation"]["bundle"], values["validation"]["share"]
    values["train"] = {k: v for k, v in values["train"].items() if k not in _OUTSIDE_IDENTITY}
    return values


def completed(recorded: Mapping[str, Any]) -> dict[str, Any]:
    """A recorded identity with the defaults of settings that its version did not know yet."""
    sections = {
        key: value for key, value in recorded.items() if key in Config.__dataclass_fields__
    }
    try:
        return {**recorded, **identity(from_mapping(sections))}
    except UsageError:  # of a setting that is no more: the differences will show it
        return dict(recorded)


def differences(old: Mapping[str, Any], new: Mapping[str, Any], where: str = "") -> list[str]:
    """Lines `key: old -> new` for all that differs between two nested mappings."""
    lines = []
    for key in dict.fromkeys([*old, *new]):
        name, a, b = f"{where}{key}", old.get(key), new.get(key)
        if isinstance(a, Mapping) and isinstance(b, Mapping):
            lines += differences(a, b, f"{name}.")
        elif a != b:
            lines.append(f"{name}: {a} -> {b}")
    return lines
