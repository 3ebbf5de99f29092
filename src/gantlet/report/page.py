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
from gantlet.labels import in_words
from gantlet.metrics.evidence import QUESTIONS, Evidence, Number, Question
from gantlet.recipes import RECIPES, recipe
from gantlet.report import words
from gantlet.report.citations import citations
from gantlet.report.covered import budget
from gantlet.report.figures import Figure, bars, curves, scatter
from gantlet.report.images import Pictures, couples, fewer_classes, sample_rows, strips
from gantlet.report.matrices import matrices, worst_pairs
from gantlet.report.tables import Rows
from gantlet.spec import Condition, DataSpec
from gantlet.training.folder import Folder
from gantlet.training.health import verdict
from gantlet.training.pictures import SHOWN_WHOLE
from gantlet.training.writing import write_text

if TYPE_CHECKING:
    from jinja2 import Template

__all__ = ["Answer", "Event", "answers", "events", "render", "write_report"]

_MOST_COLUMNS = 60
_OF_TABLES: Mapping[Question, str] = {
    "fidelity": "Columns one by one, pairs of columns, ranges, categories and missing values.",
    "coverage": "Whether every category comes, and how often rows repeat.",
    "copying": "Privacy: whether generated rows tell of the rows that were trained on.",
    "usefulness": "Whether what is learned from generated rows holds for real ones.",
}
_LOOK_BACK = 10
"""Ticks that a verdict on health is given, more than it looks at."""


@dataclass(frozen=True)
class Answer:
    """One of the four questions, and the numbers that answer it."""

    name: str
    question: str
    numbers: Sequence[Number]
    figure: Figure | None
    about: str = ""
    """What it means for data of this kind."""

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


def write_report(run: Path, evidence: Evidence, shown: Pictures | Rows) -> Path:
    """Write `report.html` into a run's folder, in place of an older one, and return its path.

    Arguments:
        run: folder of a run, or of a bundle by itself.
        evidence: what an evaluation of it found.
        shown: pictures of samples, or columns of a table.

    Raises UsageError where there is no whole bundle.
    """
    path = run / "report.html"
    write_text(path, render(run, evidence, shown))
    return path


def render(run: Path, evidence: Evidence, shown: Pictures | Rows) -> str:
    """The page that `write_report` writes."""
    about = described(bundle_folder(run))
    config, rows = from_mapping(about["config"]), Folder(run).rows()
    covered = about["about"].get("privacy")
    own = (
        _of_rows(shown, evidence, covered)
        if isinstance(shown, Rows)
        else _of_samples(shown, evidence)
    )
    return _template().render(
        name=run.resolve().name,
        subject=_subject(about),
        evidence=evidence,
        answers=answers(evidence.numbers, shown.spec.kind),
        about=list(words.facts(evidence.about)),
        curves=curves(rows),
        events=events(rows),
        logged=bool(rows),
        settings=_settings(config, shown.spec, own=about["about"]["own_game"]),
        config=to_yaml(config),
        environment=_environment(run),
        citations=citations(run, evidence),
        words=words,
        **own,
    )


def _of_samples(pictures: Pictures, evidence: Evidence) -> dict[str, Any]:
    """What the page shows of images or points."""
    is_image = pictures.spec.kind == "image"
    return {
        "sections": _sections(
            {"samples": "Samples"}, {"interpolation": "Interpolation", "classes": "Classes"}
        ),
        "rows": sample_rows(pictures) if is_image else [],
        "scatter": None if is_image else scatter(pictures.samples, pictures.real, pictures.spec),
        "couples": couples(pictures, evidence.pairs) if is_image else [],
        "strips": strips(pictures) if is_image else [],
        "shape": " × ".join(map(str, pictures.spec.shape)),
        "partly": is_image and pictures.spec.shape[0] not in SHOWN_WHOLE,
        "fewer": fewer_classes(pictures),
        "is_image": is_image,
        "is_table": False,
        "labelled": bool(pictures.spec.classes),
        "conditions": list(map(in_words, pictures.spec.conditions)),
    }


def _of_rows(rows: Rows, evidence: Evidence, covered: Mapping[str, Any] | None) -> dict[str, Any]:
    """What the page shows of a table, and of what differential privacy covers, if any."""
    private = {"privacy": "Privacy"} if covered else {}
    return {
        "sections": _sections(
            {**private, "columns": "Columns", "pairs": "Pairs", "rows": "Rows"}, {}
        ),
        "is_table": True,
        "budget": list(budget(covered)) if covered else [],
        "covered": covered["told"] if covered else [],
        "marginals": rows.marginals,
        "most_columns": _MOST_COLUMNS,
        "matrices": matrices(rows.names, evidence.trends),
        "pairs": worst_pairs(evidence.trends),
        "header": rows.header,
        "cells": rows.rows,
    }


def _sections(first: Mapping[str, str], later: Mapping[str, str]) -> list[tuple[str, str]]:
    """Ids and titles of the page's sections, in their order."""
    ends = {name: name.capitalize() for name in ("health", "settings", "environment", "citations")}
    middle = {"training": "Training", "numbers": "Numbers"}
    return list({"verdict": "Verdict", **first, **middle, **later, **ends}.items())


def answers(numbers: Sequence[Number], kind: str = "image") -> list[Answer]:
    """The four questions in their order, each with its numbers and their figure."""
    found = []
    for name, question in QUESTIONS.items():
        asked = [number for number in numbers if number.question == name]
        compared = any(number.floor for number in asked)
        figure = bars(asked, question) if compared else None
        about = _OF_TABLES[name] if kind == "table" else ""
        found.append(Answer(name, question, asked, figure, about))
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
    forms = {
        "image": f"images of {shape}",
        "points": f"points of {shape} coordinates",
        "table": f"rows of {len(spec.get('table', {}).get('columns', ()))} columns",
    }
    form, is_table = forms[spec["kind"]], spec["kind"] == "table"
    classes = f" in {len(spec['classes'])} classes" if spec["classes"] and not is_table else ""
    yield "Data", f"{made['data']}: {made['count']:,} {form}{classes}"
    if conditions := spec.get("conditions"):
        yield "Conditions", "; ".join(in_words(Condition.from_json(c)) for c in conditions)
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
