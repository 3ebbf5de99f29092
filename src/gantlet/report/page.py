"""A run's report: one page of HTML with all that it shows inside of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gantlet.bundle import bundle_folder, described
from gantlet.config import Config, differences, from_mapping, to_mapping
from gantlet.config_text import to_yaml
from gantlet.evaluation.verdict import is_worse
from gantlet.metrics.evidence import QUESTIONS, Evidence, Number
from gantlet.recipes import RECIPES, recipe
from gantlet.report import words
from gantlet.report.citations import citations
from gantlet.report.figures import Figure, bars, curves, scatter
from gantlet.report.images import Pictures, couples, sample_rows, strips
from gantlet.spec import DataSpec
from gantlet.training.folder import Folder
from gantlet.training.health import verdict
from gantlet.training.writing import write_text

if TYPE_CHECKING:
    from jinja2 import Template

__all__ = ["Answer", "Event", "answers", "events", "render", "write_report"]

_LOOK_BACK = 10
"""Ticks that a verdict on health is given, more than it looks at."""


@dataclass(frozen=True)
class Answer:
    """One of the four questions, and the numbers that answer it."""

    name: str
    question: str
    numbers: Sequence[Number]
    figure: Figure | None

    @property
    def findings(self) -> list[tuple[str, list[str]]]:
        """Each verdict and the titles of its numbers; those beyond their floors come first."""
        found: dict[str, list[str]] = {}
        for number in sorted(self.numbers, key=is_worse, reverse=True):
            found.setdefault(number.verdict or "not judged", []).append(number.title)
        return list(found.items())


@dataclass(frozen=True)
class Event:
    """What befell a training, and when."""

    seen: int
    name: str
    sentence: str


def write_report(run: Path, evidence: Evidence, pictures: Pictures) -> Path:
    """Write `report.html` into a run's folder, in place of an older one, and return its path.

    Arguments:
        run: folder of a run, or of a bundle by itself.
        evidence: what an evaluation of it found.
        pictures: what to show.

    Raises UsageError where there is no whole bundle.
    """
    path = run / "report.html"
    write_text(path, render(run, evidence, pictures))
    return path


def render(run: Path, evidence: Evidence, pictures: Pictures) -> str:
    """The page that `write_report` writes."""
    about = described(bundle_folder(run))
    config, rows = from_mapping(about["config"]), Folder(run).rows()
    is_image, is_points = (pictures.spec.kind == kind for kind in ("image", "points"))
    return _template().render(
        name=run.resolve().name,
        subject=_subject(about),
        evidence=evidence,
        answers=answers(evidence.numbers),
        about=list(words.facts(evidence.about)),
        rows=sample_rows(pictures) if is_image else [],
        scatter=scatter(pictures.samples, pictures.real, pictures.spec) if is_points else None,
        couples=couples(pictures, evidence.pairs) if is_image else [],
        strips=strips(pictures) if is_image else [],
        shape=" × ".join(map(str, pictures.spec.shape)),
        is_image=is_image,
        labelled=bool(pictures.spec.classes),
        curves=curves(rows),
        events=events(rows),
        logged=bool(rows),
        settings=_settings(config, pictures.spec, own=about["about"]["own_game"]),
        config=to_yaml(config),
        environment=_environment(run),
        citations=citations(run, evidence),
        words=words,
    )


def answers(numbers: Sequence[Number]) -> list[Answer]:
    """The four questions in their order, each with its numbers and their figure."""
    found = []
    for name, question in QUESTIONS.items():
        asked = [number for number in numbers if number.question == name]
        compared = any(number.floor for number in asked)
        found.append(Answer(name, question, asked, bars(asked, question) if compared else None))
    return found


def events(rows: Sequence[Mapping[str, Any]]) -> list[Event]:
    """Roll-backs, and each change of the verdict on health, in the order in which they came."""
    found: list[Event] = []
    ticks: list[Mapping[str, Any]] = []
    before = verdict(ticks)
    for row in rows:
        if "event" in row:
            found.append(Event(row["seen"], row["event"], row["note"]))
            continue
        ticks = [*ticks[1 - _LOOK_BACK :], row]
        now = verdict(ticks)
        if now != before:
            found.append(Event(row["seen"], now.name, str(now)))
        before = now
    return found


def _subject(about: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What was trained on what, for how long."""
    spec, made = about["spec"], about["about"]
    shape = " × ".join(map(str, spec["shape"]))
    form = f"images of {shape}" if spec["kind"] == "image" else f"points of {shape} coordinates"
    classes = f" in {len(spec['classes'])} classes" if spec["classes"] else ""
    yield "Data", f"{made['data']}: {made['count']:,} {form}{classes}"
    yield "Recipe", "a game of one's own" if made["own_game"] else about["config"]["recipe"]
    yield "Real samples seen", f"{made['seen']:,}"
    yield "Health of the training", made["verdict"]


def _settings(config: Config, spec: DataSpec, *, own: bool) -> list[str]:
    """Lines on what differs from the recipe; none for a game of one's own."""
    if own or config.recipe not in RECIPES:
        return []
    return differences(to_mapping(recipe(config.recipe, spec)), to_mapping(config))


def _environment(run: Path) -> list[tuple[str, str]]:
    """Versions and machine of the training, as the run recorded them."""
    record = Folder(run).read_record()
    if record is None:
        return []
    parts = {"gantlet": record["gantlet"], **record["environment"], **record["machine"]}
    return list(words.facts(parts))


@cache
def _template() -> Template:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("gantlet.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("report.html.j2")
