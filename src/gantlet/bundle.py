"""A finished generator in a folder: weights in safetensors, the rest JSON, nothing to unpickle.

The weights' file holds the description, too, in its header: it is replaced as a whole, so that a
process that is killed between two files, or reads between them, still finds a whole bundle.
"""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePath
from typing import Any

from safetensors.torch import load
from torch import Tensor, nn

from gantlet import __version__
from gantlet.budget import account_of
from gantlet.config import Config, from_mapping
from gantlet.errors import UsageError, newer_format, no_bundle
from gantlet.games.base import Game
from gantlet.labels import in_words
from gantlet.spec import DataSpec
from gantlet.training.callback import Callback, End, Start, Tick
from gantlet.training.checkpoint import packed
from gantlet.training.trainer import built
from gantlet.training.writing import write_bytes, write_text

__all__ = [
    "FORMAT",
    "Bundle",
    "BundleWriter",
    "bundle_folder",
    "described",
    "read_bundle",
    "stored",
    "write_bundle",
]

FORMAT = 1
_KEYS = {"spec", "config", "about"}
_KEYS_ABOUT = {"data", "count", "seen", "verdict", "own_game"}
_WEIGHTS, _ABOUT = "weights.safetensors", "bundle.json"
_DESCRIPTION, _CHECKSUM = "bundle", "checksum"
"""In the header of the weights."""


@dataclass(frozen=True)
class Bundle:
    """A game with the averaged players loaded, ready for sampling."""

    game: Game
    spec: DataSpec
    config: Config
    about: Mapping[str, Any]
    """Name of the data, samples seen, version."""
    path: Path

    @property
    def players(self) -> nn.ModuleDict:
        """The bundled players."""
        return nn.ModuleDict({name: self.game.players[name] for name in self.game.bundled})


def write_bundle(
    folder: Path,
    players: nn.ModuleDict,
    spec: DataSpec,
    config: Mapping[str, Any],
    about: Mapping[str, Any],
) -> None:
    """Write weights, description and model card; each file is replaced as a whole."""
    folder.mkdir(parents=True, exist_ok=True)
    contents = {
        "format": FORMAT,
        "gantlet": __version__,
        "spec": spec.to_json(),
        "config": dict(config),
        "about": dict(about),
    }
    state, text = players.state_dict(), json.dumps(contents)
    header = {_DESCRIPTION: text, _CHECKSUM: _checksum(*_parts(packed(state)), text)}
    weights = packed(state, header)
    contents["weights_sha256"] = hashlib.sha256(weights).hexdigest()
    write_bytes(folder / _WEIGHTS, weights)
    write_text(folder / _ABOUT, json.dumps(contents, indent=1) + "\n")
    write_text(folder / "README.md", _card(spec, config, about))


def read_bundle(folder: Path, game: Game | None = None) -> Bundle:
    """Load a bundle, or the bundle of a run's folder.

    Arguments:
        folder: a bundle's folder, or a run's.
        game: the game, where it was a person's own and no settings can rebuild it.

    Raises:
        UsageError: no bundle there, a newer format, altered files, another game than its own.
    """
    folder = bundle_folder(folder)
    about, content = _whole(folder)
    if game is None and about["about"]["own_game"]:
        raise UsageError(
            f"bundle {folder} holds a game of its maker's own",
            remedy="Build that game and hand it over: gantlet.load(path, game=...).",
        )
    try:
        spec, config = DataSpec.from_json(about["spec"]), from_mapping(about["config"])
        # A game that was handed in stays as it is: the copies take the averaged weights.
        game = built(config, spec) if game is None else _copied(game)
        bundle = Bundle(game, spec, config, about["about"], folder)
        bundle.players.load_state_dict(load(content))
    except (TypeError, ValueError, KeyError, RuntimeError) as error:
        other = "the game that was handed over" if about["about"]["own_game"] else _ABOUT
        raise UsageError(
            f"the weights of bundle {folder} do not fit {other}",
            received=" ".join(str(error).split())[:200] + " ...",
            remedy="Hand over the game that was trained, or restore the bundle: the training "
            "command, run again, writes it anew.",
        ) from None
    bundle.players.eval().requires_grad_(False)
    return bundle


def _copied(game: Game) -> Game:
    return replace(game, players=copy.deepcopy(game.players))


def bundle_folder(path: Path) -> Path:
    """The folder of a bundle, given that or the folder of its run."""
    files = (path / "bundle" / name for name in (_ABOUT, _WEIGHTS))
    return path / "bundle" if any(file.exists() for file in files) else path


def described(folder: Path) -> dict[str, Any]:
    """What a bundle's description says; UsageError if it is missing, altered or newer."""
    return _whole(folder)[0]


def stored(folder: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """A bundle's description and its players' tensors by name; raises as `described` does."""
    about, content = _whole(folder)
    return about, load(content)


def _whole(folder: Path) -> tuple[dict[str, Any], bytes]:
    """The description and the weights that belong together."""
    path = folder / _WEIGHTS
    content = path.read_bytes() if path.is_file() else b""
    if (folder / _ABOUT).exists():
        about = _checked(_text(folder), folder / _ABOUT)
        if hashlib.sha256(content).hexdigest() == about.get("weights_sha256"):
            inner = _inner(content)
            plain = {key: value for key, value in about.items() if key != "weights_sha256"}
            if inner is not None and json.loads(inner) != plain:
                told = ValueError("it is not what the weights say of themselves")
                raise _altered(folder / _ABOUT, told)
            return about, content
    inner = _inner(content)  # killed before the first `bundle.json`, or of another writing than it
    if inner is not None:
        return _checked(inner, path), content
    _text(folder)  # raises where there is no bundle at all
    raise UsageError(
        f"bundle file {path} is missing or altered",
        expected="the checksum in bundle.json",
        remedy="Run the training command again, which writes the bundle anew.",
    )


def _parts(content: bytes) -> tuple[dict[str, Any], bytes]:
    """Header and data of a safetensors file, whose first eight bytes are the header's length."""
    end = 8 + int.from_bytes(content[:8], "little")
    return json.loads(content[8:end]), content[end:]


def _checksum(header: Mapping[str, Any], data: bytes, text: str) -> str:
    """SHA-256 over where each tensor lies, the tensors, and the description."""
    places = {name: place for name, place in header.items() if name != "__metadata__"}
    told = json.dumps([places, hashlib.sha256(data).hexdigest(), text], sort_keys=True)
    return hashlib.sha256(told.encode()).hexdigest()


def _inner(content: bytes) -> str | None:
    """The description in the header of a file of weights; None of one that is not whole."""
    try:
        header, data = _parts(content)
        told = header["__metadata__"]
        right = _checksum(header, data, told[_DESCRIPTION])
    except (ValueError, KeyError, TypeError):
        return None
    return str(told[_DESCRIPTION]) if told[_CHECKSUM] == right else None


def _text(folder: Path) -> str:
    path = folder / _ABOUT
    try:
        return path.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        raise no_bundle(folder) from None
    except (OSError, ValueError) as error:
        raise _altered(path, error) from None


def _altered(path: Path, error: Exception) -> UsageError:
    return UsageError(
        f"bundle file {path} is altered or torn ({error})",
        remedy="Run the training command again, which writes the bundle anew.",
    )


def _checked(text: str, path: Path) -> dict[str, Any]:
    try:
        about: dict[str, Any] = json.loads(text)
        newer = about["format"] > FORMAT
        missing = _KEYS - about.keys() or _KEYS_ABOUT - about["about"].keys()
        if missing and not newer:
            raise ValueError(f"{min(missing)} is missing")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise _altered(path, error) from None
    if newer:
        raise newer_format(f"bundle {path.parent}", about["format"], FORMAT)
    return about


def _card(spec: DataSpec, config: Mapping[str, Any], about: Mapping[str, Any]) -> str:
    """A model card in the form that model hubs read."""
    shape = " x ".join(map(str, spec.shape))
    many = f"samples of {spec.kind} {shape}"
    if spec.kind == "table":
        many = f"rows of {len(spec.table.get('columns', ()))} columns"
    recipe = "a game of its maker's own" if about["own_game"] else config["recipe"]
    where = '".", game=game' if about["own_game"] else '"."'
    made = "made.csv" if spec.kind == "table" else "made"
    has_classes = spec.classes and spec.kind != "table"
    labels = f"- Classes: {', '.join(spec.classes)}\n" if has_classes else ""
    if spec.conditions:
        labels = f"- Conditions: {'; '.join(map(in_words, spec.conditions))}\n"
    return f"""---
library_name: gantlet
tags: [gan, {config["recipe"]}]
---

# {about["data"]}: {recipe}

A generator trained by Gantlet {__version__}.

- Data: {about["data"]}, {about["count"]} {many}
{labels}- Recipe: {recipe}
- Real samples seen: {about["seen"]}
- Health at the end: {about["verdict"]}
{_origin(about.get("init_from"))}{_privacy(about.get("privacy"))}
```python
import gantlet

gantlet.load({where}).sample(16, seed=0).save("{made}")
```

Its samples show what the training data show, with their gaps and biases; it may repeat training
samples. Look at them, and measure them, before you rely on them.
"""


def _privacy(covered: Mapping[str, Any] | None) -> str:
    """What differential privacy covers, a line for each sentence or two."""
    if covered is None:
        return ""
    lines = "".join(f"- {sentence}\n" for sentence in covered["told"])
    return f"\n## Privacy\n\n{lines}"


def _origin(begun: Mapping[str, Any] | None) -> str:
    """The line on weights that another training had made."""
    if begun is None:
        return ""
    return (
        f"- Began with the weights of a {begun['kind']} trained on {begun['data']}, "
        f"{begun['seen']} samples seen (BLAKE2b {begun['weights']})\n"
    )


def _portable(config: Mapping[str, Any]) -> Mapping[str, Any]:
    """Settings with the mere name of what a run began with: bundles travel, paths do not."""
    begun = config["train"]["init_from"]
    if begun is None:
        return config
    return {**config, "train": {**config["train"], "init_from": PurePath(begun).name}}


def _covered(start: Start, seen: int) -> Mapping[str, Any]:
    """What differential privacy covers after so many samples, where the run is private."""
    config = from_mapping(start.config)
    account = account_of(config, start.spec)
    if account is None:
        return {}
    steps = seen // config.train.batch
    return {"privacy": {**account.to_json(steps), "told": list(account.told(steps))}}


class BundleWriter(Callback):
    """Writes the bundle at each tick and at the end, so that a run can be sampled as it trains."""

    def __init__(self, about: Mapping[str, Any]) -> None:
        self._about = dict(about)
        self._start: Start | None = None

    def on_start(self, start: Start) -> None:
        """Remember what is trained."""
        self._start = start

    def on_tick(self, tick: Tick) -> None:
        """Write the bundle."""
        self._write(tick.averaged, tick.row["seen"], tick.verdict.name)

    def on_end(self, end: End) -> None:
        """Write the bundle."""
        self._write(end.averaged, end.bundled, end.verdict.name)

    def _write(self, averaged: nn.ModuleDict, seen: int, verdict: str) -> None:
        if self._start is not None:
            start = self._start
            about = {**self._about, "seen": seen, "verdict": verdict, **_covered(start, seen)}
            folder = start.folder / "bundle"
            write_bundle(folder, averaged, start.spec, _portable(start.config), about)
