"""From the parts of a run to the papers behind them."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from gantlet import __version__
from gantlet.augment import AUGMENTATIONS, Adaptive, named
from gantlet.averages import half_life
from gantlet.bundle import bundle_folder, described
from gantlet.config import Config, from_mapping, to_mapping
from gantlet.data import builtin
from gantlet.distances import DISTANCES
from gantlet.games import GAMES
from gantlet.games.stabilisers import STABILISERS
from gantlet.games.versus import Versus
from gantlet.metrics.evidence import Evidence
from gantlet.metrics.extractors import EXTRACTORS
from gantlet.networks import NETWORKS
from gantlet.networks.heads import AuxiliaryHead, ProjectionHead
from gantlet.nn.conditioning import LabelConcat
from gantlet.nn.norms import ConditionalBatchNorm
from gantlet.objectives import OBJECTIVES, PAIRINGS
from gantlet.penalties import PENALTIES
from gantlet.privacy.accounting import epsilon_of
from gantlet.privacy.counts import NoisyCounts
from gantlet.privacy.settings import Privacy
from gantlet.recipes import RECIPES
from gantlet.tables.private import private_numbers

__all__ = ["Citation", "Reference", "citations", "references"]

_ENTRY = re.compile(r"^@\w+\{([\w-]+),\n.*?^\}$", re.MULTILINE | re.DOTALL)
_FIELD = re.compile(r"^  (\w+) = \{(.*)\},?$", re.MULTILINE)
_ADAM = "https://arxiv.org/abs/1412.6980"
_CONDITIONS = {"concat": LabelConcat, "projection": ProjectionHead, "auxiliary": AuxiliaryHead}
_BY_NORM = ("biggan",)
"""Families whose generators always learn of labels in their norms."""
_AT_WORK = {"network.discriminator_norm": "spectral", "network.generator_norm": "virtual"}
"""Values of settings that have others, too."""


@dataclass(frozen=True)
class Reference:
    """One entry of BibTeX."""

    key: str
    bibtex: str

    @property
    def fields(self) -> dict[str, str]:
        """Names and values, without the braces that keep capitals."""
        return {name: re.sub(r"[{}]", "", value) for name, value in _FIELD.findall(self.bibtex)}

    @property
    def address(self) -> str:
        """Where the paper is; "" for Gantlet itself."""
        return self.fields.get("url", "")

    @property
    def line(self) -> str:
        """Authors (year), title, venue."""
        fields = self.fields
        year = f" ({fields['year']})" if "year" in fields else ""
        places = (fields.get(name) for name in ("booktitle", "journal", "howpublished", "note"))
        venue = next(filter(None, places), "arXiv")
        return f"{_names(fields['author'])}{year}, {fields['title']}, {venue}"


@dataclass(frozen=True)
class Citation:
    """A paper, and the parts of a run that it is behind."""

    reference: Reference
    parts: tuple[str, ...]


def _names(authors: str) -> str:
    """Family names: one, two, or the first and `et al.`"""
    families = [author.partition(",")[0] for author in authors.split(" and ")]
    return " and ".join(families) if len(families) < 3 else f"{families[0]} et al."


@cache
def references() -> Mapping[str, Reference]:
    """Every paper that parts of Gantlet name, by its address; from `references.bib`."""
    text = files("gantlet.report").joinpath("references.bib").read_text(encoding="utf-8")
    entries = [Reference(entry[1], entry[0]) for entry in _ENTRY.finditer(text)]
    return {entry.address: entry for entry in entries}


def _gantlet() -> Reference:
    return Reference(
        "gantlet",
        "@misc{gantlet,\n"
        "  author = {{The Gantlet authors}},\n"
        "  title = {{Gantlet}: Train Generative Adversarial Networks on Your Own Data},\n"
        f"  note = {{Version {__version__}}}\n"
        "}",
    )


def citations(run: Path, evidence: Evidence | None = None) -> list[Citation]:
    """The papers behind a run's parts and its numbers, and Gantlet itself, which comes first.

    Arguments:
        run: folder of a run or of a bundle.
        evidence: what an evaluation of it found.

    Raises UsageError where there is no whole bundle.
    """
    known, found = references(), dict[str, list[str]]()
    for part, text in _parts(run, evidence):
        for address in known:
            if address in text:
                parts = found.setdefault(address, [])
                parts += [part] * (part not in parts)
    papers = sorted(found, key=lambda address: known[address].fields["year"])
    own = Citation(_gantlet(), ("the software",))
    return [own, *(Citation(known[address], tuple(found[address])) for address in papers)]


def _parts(run: Path, evidence: Evidence | None) -> Iterator[tuple[str, str]]:
    """Each part of a run in words, with a text that holds the addresses of its papers."""
    about = described(bundle_folder(run))
    config, data = from_mapping(about["config"]), about["about"]["data"]
    classes = about["spec"]["classes"]
    if data in builtin.MIXTURES:
        yield f"data {data}", inspect.getdoc(builtin) or ""
    elif data in builtin.BUILTINS:
        yield f"data {data}", _text(builtin.BUILTINS[data].opens)
    if not about["about"]["own_game"]:
        yield from _game(config)
        yield from _covered(config)
        if classes:
            yield from _labels(config)
    if any(optimiser.name == "adam" for optimiser in config.optimisers.values()):
        yield "optimiser adam", _ADAM
    if config.train.ema_half_life > 0:
        yield "averaged weights", _text(half_life)
    for number in evidence.numbers if evidence else ():
        yield number.title, number.source
        extractor = number.extractor.partition(" ")[0]
        # With labels the embedded network is a plain classifier, which has no paper.
        if extractor in EXTRACTORS and not (extractor == "embedded" and classes):
            yield f"features {extractor}", EXTRACTORS[extractor].source


def _game(config: Config) -> Iterator[tuple[str, str]]:
    game, values = config.game, to_mapping(config)
    if config.recipe in RECIPES:
        yield f"recipe {config.recipe}", _text(RECIPES[config.recipe])
    yield f"network {config.network.name}", _text(NETWORKS[config.network.name])
    yield f"game {game.name}", _text(GAMES[game.name])
    if not isinstance(game, Versus):  # of another package, whose docstring tells its papers
        return
    yield f"objective {game.objective}", _text(OBJECTIVES[game.objective])
    if game.pairing != "none":
        yield f"pairing {game.pairing}", _text(PAIRINGS[game.pairing])
    for penalty in game.penalties:
        yield f"penalty {penalty}", _text(PENALTIES[penalty])
    for name, stabiliser in STABILISERS.items():
        section, _, key = name.partition(".")
        if _in_use(name, values[section].get(key)):
            yield key.replace("_", " "), stabiliser.source
    chances = [game.apa]
    if game.augment is not None:
        sources = (AUGMENTATIONS[name].source for name in named(game.augment.policy))
        yield "augmentation", " ".join(sources)
        chances.append(game.augment.p)
    if any(isinstance(p, Adaptive) for p in chances):
        yield "adaptive probability", _text(Adaptive)
    if game.pull is not None:
        yield f"pull by {game.pull.distance}", _text(DISTANCES[game.pull.distance])


def _covered(config: Config) -> Iterator[tuple[str, str]]:
    """What differential privacy rests on."""
    if config.privacy is not None:
        yield "differential privacy", f"{_text(Privacy)} {_text(epsilon_of)}"
        if config.data.private is not None:
            yield "noisy counts", f"{_text(NoisyCounts)} {_text(private_numbers)}"


def _in_use(name: str, value: Any) -> bool:
    """Whether a setting's value puts its stabiliser to work."""
    if name == "game.pack":
        return bool(value > 1)
    if name in _AT_WORK:
        return bool(value == _AT_WORK[name])
    return bool(value)


def _labels(config: Config) -> Iterator[tuple[str, str]]:
    """How the networks learn of labels."""
    network = to_mapping(config)["network"]
    way = network.get("discriminator_condition")
    if way not in _CONDITIONS:  # a family of another package, whose docstring tells its papers
        return
    yield f"labels in the discriminator ({way})", _text(_CONDITIONS[way])
    if network.get("generator_condition") == "norm" or network["name"] in _BY_NORM:
        yield "labels in the generator (norm)", _text(ConditionalBatchNorm)
    else:
        yield "labels in the generator (concat)", _text(LabelConcat)


def _text(entry: Any) -> str:
    """What tells an entry's papers: its source, or its docstring."""
    if inspect.isclass(entry) or inspect.isfunction(entry):
        return inspect.getdoc(entry) or ""
    return str(entry.source)
