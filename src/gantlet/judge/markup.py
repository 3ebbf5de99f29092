"""The parts of the page as HTML."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from gantlet.judge.items import Item, Panel
from gantlet.judge.results import Results, Score
from gantlet.metrics.estimate import Estimate
from gantlet.serving import framed

__all__ = ["PAUSE", "ending", "image", "overview", "progress", "welcome"]

PAUSE = 0.8
"""Seconds with a cross where a timed image will be, so that nobody looks elsewhere."""
_GUESSING = (
    "With 95 % intervals. Whoever can only guess is wrong in 50 % of answers, which the line "
    "marks: the nearer to that, the better the generator."
)


def welcome(panel: Panel) -> str:
    """What raters are asked to do."""
    limit = f" Each is shown for {panel.seconds:g} s." if panel.seconds else ""
    return (
        f"<h1>Real or generated?</h1><p>You will see {len(panel.items)} images, one at a "
        f"time.{limit} Half of them are real, half were made by a generator: say of each which it "
        "is. You may stop at any time; your name takes you back to where you were.</p>"
    )


def progress(done: int, n: int) -> str:
    """How far a rater has come."""
    return (
        f'<div class="progress" role="progressbar" aria-valuenow="{done}" aria-valuemax="{n}" '
        f'aria-label="Images answered"><div style="width: {100 * done / n:.1f}%"></div></div>'
        f'<p class="count">Image {done + 1} of {n}</p>'
    )


def image(item: Item, panel: Panel) -> str:
    """An image in its frame, with the time that it is shown for."""
    return framed(
        item.png,
        panel.size,
        f'id="item" alt="An image to judge" data-item="{item.name}"',
        kind="timed" if panel.seconds else "",
        before=_limit(item, panel.seconds) if panel.seconds else "",
    )


def _limit(item: Item, seconds: float) -> str:
    """When an image comes and goes, under names of its own.

    The page may put the next image into the same element, whose animations begin anew only under
    other names.
    """
    show, hide = f"show-{item.name}", f"hide-{item.name}"
    return (
        f"<style>@keyframes {show} {{ from {{ visibility: hidden; }} }} "
        f"@keyframes {hide} {{ to {{ visibility: hidden; }} }} "
        f".timed img {{ animation: {show} 0s linear {PAUSE:g}s backwards, "
        f"{hide} 0s linear {PAUSE + seconds:g}s forwards; }} "
        f".timed::before {{ animation: {hide} 0s linear {PAUSE:g}s forwards; }}</style>"
    )


def ending(own: Score, every: Score) -> str:
    """A rater's result beside that of all raters."""
    rows = [
        ("Wrong answers", own.errors, every.errors),
        ("Generated images taken for real", own.fooled, every.fooled),
        ("Real images taken for generated", own.doubted, every.doubted),
    ]
    body = [[what, _share(mine), _share(all_)] for what, mine, all_ in rows]
    body.append(["Answers", f"{own.answers:,}", f"{every.answers:,}"])
    return (
        '<div id="result"><h1>Thank you: that was the last one.</h1>'
        f"{_table(['', escape(own.rater), escape(every.rater)], body)}<p>{_GUESSING}</p></div>"
    )


def overview(found: Sequence[Results], notes: Sequence[str]) -> str:
    """The results of all panels of a run, by rater and pooled."""
    head = ["", "Answers", "Wrong", "Generated taken for real", "Real taken for generated"]
    parts = []
    for one in found:
        about = one.about
        limit = f"{about['seconds']:g} s each" if about["seconds"] else "no time limit"
        rows = [
            [escape(s.rater), f"{s.answers:,}", *map(_share, (s.errors, s.fooled, s.doubted))]
            for s in one.scores
        ]
        parts.append(
            f"<h2>{about['n']} images, {limit}</h2>"
            f"<p>Generator after {about['seen']:,} samples, seed {about['seed']}; real: "
            f"{escape(about['real'])}.</p>{_table(head, rows)}"
        )
    body = "".join(parts) or "<p>No answers yet.</p>"
    told = "".join(f"<p>{escape(note)}</p>" for note in notes)
    return (
        '<div id="result"><h1 id="overview">Results so far</h1>'
        f"{body}<p>{_GUESSING}</p>{told}</div>"
    )


def _share(estimate: Estimate | None) -> str:
    """A share in percent with its interval, in words and as a bar."""
    if estimate is None:
        return "no answer yet"
    value, low, high = (100 * x for x in (estimate.value, estimate.low, estimate.high))
    return (
        f"{value:.0f} % [{low:.0f}, {high:.0f}]"
        f'<span class="bar" aria-hidden="true"><i style="left: {low:.1f}%; '
        f'width: {high - low:.1f}%"></i><b style="left: {value:.1f}%"></b></span>'
    )


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; each cell knows its column's name, for narrow pages that have no columns."""
    top = "".join(f'<th scope="col">{name}</th>' if name else "<td></td>" for name in head)
    body = "".join(
        f'<tr><th scope="row">{what}</th>{_cells(head[1:], cells)}</tr>' for what, *cells in rows
    )
    return f"<table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>"


def _cells(names: Sequence[str], cells: Sequence[str]) -> str:
    pairs = zip(names, cells, strict=True)
    return "".join(f'<td data-name="{name}">{cell}</td>' for name, cell in pairs)
