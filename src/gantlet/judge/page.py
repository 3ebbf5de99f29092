"""The page on which people judge: a name, one image after the other, a result."""

from __future__ import annotations

import base64
import os
import time
from dataclasses import dataclass
from html import escape
from importlib import resources
from typing import TYPE_CHECKING, Any

from gantlet.errors import UsageError
from gantlet.judge.answers import Answers
from gantlet.judge.items import Item, Panel, order
from gantlet.judge.results import Score, scored
from gantlet.metrics.estimate import Estimate

if TYPE_CHECKING:
    from fastapi import FastAPI

__all__ = ["Judging", "application"]

_LARGE, _SMALL = 384, 128
"""Pixels that an image fills on the page, and those up to which its own stay visible squares."""
_LONGEST_NAME = 60


def _asset(name: str) -> str:
    return resources.files("gantlet.judge").joinpath(name).read_text(encoding="utf-8")


@dataclass(frozen=True)
class Judging:
    """What the page does, without the page: every answer is a function of what is on disk."""

    panel: Panel
    answers: Answers

    def begin(self) -> None:
        """Record the panel."""
        self.answers.open_panel(self.panel.key, self.panel.seconds, self.panel.about)

    def next(self, rater: str) -> tuple[Item | None, int]:
        """The first image that a rater has not answered (None at the end), and how many were."""
        done = self.answers.answered(self.panel.key, rater)
        left = [name for name in order(self.panel, rater) if name not in done]
        return (self.panel.by_name[left[0]] if left else None), len(done)

    def take(self, panel: str, rater: str, item: str, said: bool, seconds: float) -> str:
        """Store an answer; a sentence for the rater, empty where there is nothing to say.

        A page of another panel, or one that was left open and answered twice, changes nothing.
        """
        found = self.panel.by_name.get(item)
        if panel != self.panel.key or found is None or not rater:
            return "This page was of other images, so that answer was not counted."
        new = self.answers.add(panel, rater, item, found.generated, said, max(0.0, seconds))
        return "" if new else "You had answered that image before: the first answer counts."

    def scores(self, rater: str) -> tuple[Score, Score] | None:
        """The rater's score and that of all raters; None before the first answer."""
        every = [a for a in self.answers.all()[0] if a.panel == self.panel.key]
        own = [a for a in every if a.rater == rater]
        return (scored(rater, own), scored("all raters", every)) if own else None


def named(text: str) -> str:
    """A rater's name without spaces around it; "" where there is none."""
    return " ".join(text.split())[:_LONGEST_NAME]


def _image(item: Item, panel: Panel, done: int) -> str:
    source = base64.b64encode(item.png).decode()
    # The page may put a new image into the old element, whose time then has run out: an
    # animation begins anew when its name is another.
    limit = f"animation: gone-{done % 2} 0s {panel.seconds}s linear forwards;"
    shown = limit if panel.seconds else ""
    pixels = "pixelated" if panel.side <= _SMALL else "auto"
    return (
        f'<div class="frame"><img id="item" data-item="{item.name}" alt="An image to judge" '
        f'style="{shown} image-rendering: {pixels}; width: min(84vw, {_LARGE}px)" '
        f'src="data:image/png;base64,{source}"></div>'
    )


def _percent(estimate: Estimate | None) -> str:
    if estimate is None:
        return "no answer yet"
    value, low, high = (100 * x for x in (estimate.value, estimate.low, estimate.high))
    return f"{value:.0f} % [{low:.0f}, {high:.0f}]"


def _table(own: Score, every: Score) -> str:
    rows = [
        ("Wrong answers", _percent(own.errors), _percent(every.errors)),
        ("Generated images taken for real", _percent(own.fooled), _percent(every.fooled)),
        ("Real images taken for generated", _percent(own.doubted), _percent(every.doubted)),
        ("Answers", f"{own.answers}", f"{every.answers}"),
    ]
    cells = "".join(
        f'<tr><th scope="row">{what}</th><td>{mine}</td><td>{all_}</td></tr>'
        for what, mine, all_ in rows
    )
    return (
        '<div id="result"><h2>Thank you: that was the last one.</h2><table><thead><tr><td></td>'
        f'<th scope="col">{escape(own.rater)}</th><th scope="col">all raters</th></tr></thead>'
        f"<tbody>{cells}</tbody></table><p>With their 95 % intervals. Whoever can only guess is "
        "wrong in 50 % of answers: the nearer to that, the better the generator.</p></div>"
    )


def _progress(done: int, n: int) -> str:
    share = 100 * done / n
    return (
        f'<div class="progress" role="progressbar" aria-valuenow="{done}" aria-valuemax="{n}">'
        f'<div style="width: {share:.1f}%"></div></div>'
        f'<p class="count">Image {done + 1} of {n}</p>'
    )


def application(judging: Judging) -> FastAPI:
    """The web application, with the page at /.

    Raises UsageError where the extra `serve` is missing.
    """
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # read when gradio is loaded
    try:
        import gradio
        from fastapi import FastAPI, Request, Response
    except ImportError as error:
        raise UsageError(
            "gantlet judge",
            expected="the packages of the extra `serve`",
            received=f"{error}",
            remedy="Install them with pip install 'gantlet[serve]'.",
        ) from error
    judging.begin()
    app = FastAPI(openapi_url=None)

    @app.middleware("http")
    async def stays_here(request: Request, go_on: Any) -> Response:
        """Forbid the page to load anything from elsewhere."""
        response: Response = await go_on(request)
        response.headers["Content-Security-Policy"] = (
            "default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:"
        )
        return response

    theme = gradio.themes.Base(
        primary_hue="teal", font=["system-ui", "sans-serif"], font_mono=["monospace"]
    )
    gradio.mount_gradio_app(
        app,
        _page(judging),
        path="/",
        theme=theme,
        css=_asset("judge.css"),
        head=f"<script>{_asset('judge.js')}</script>",
        footer_links=[],
    )
    return app


def _page(judging: Judging) -> Any:
    import gradio as gr

    panel, n = judging.panel, len(judging.panel.items)
    limit = f" Each is shown for {panel.seconds:g} seconds." if panel.seconds else ""
    with gr.Blocks(title="Real or generated?", analytics_enabled=False) as page:
        # What an answer needs travels with the page, so that it counts after a restart, too.
        rater, item, key, since = (gr.Textbox(visible=False) for _ in range(4))
        with gr.Column(elem_id="start") as start:
            gr.HTML(
                f"<h1>Real or generated?</h1><p>You will see {n} images, one at a time.{limit} "
                "Say of each whether it is real or was made by a generator. You may stop at any "
                "time: your name takes you back to where you were.</p>"
            )
            name = gr.Textbox(label="Your name", elem_id="name", max_length=_LONGEST_NAME)
            begin = gr.Button("Begin", variant="primary", elem_id="begin")
        with gr.Column(visible=False, elem_id="judge") as judge:
            progress = gr.HTML()
            picture = gr.HTML()
            with gr.Row():
                real = gr.Button("Real (R)", elem_id="real", min_width=80)
                generated = gr.Button("Generated (G)", elem_id="generated", min_width=80)
        message = gr.HTML(elem_id="message")
        result = gr.HTML()
        shown = [start, judge, progress, picture, result, message, rater, item, key, since]

        def view(who: str, said: str = "") -> list[Any]:
            """What the page shows a rater now."""
            found, done = judging.next(who)
            words = f"<p>{escape(said)}</p>" if said else ""
            if found is None:
                scores = judging.scores(who)
                table = "" if scores is None else _table(*scores)
                hidden = gr.update(visible=False)
                return [hidden, hidden, "", "", table, words, who, "", panel.key, ""]
            return [
                gr.update(visible=False),
                gr.update(visible=True),
                _progress(done, n),
                _image(found, panel, done),
                "",
                words,
                who,
                found.name,
                panel.key,
                repr(time.time()),
            ]

        def started(text: str) -> list[Any]:
            who = named(text)
            if not who:
                return (
                    [gr.skip()] * 5 + ["<p>Please give a name, or any word.</p>"] + [gr.skip()] * 4
                )
            return view(who)

        def said(generated: bool) -> Any:
            def take(who: str, asked: str, of: str, began: str) -> list[Any]:
                seconds = time.time() - float(began) if began else 0.0
                return view(who, judging.take(of, who, asked, generated, seconds))

            return take

        hidden: dict[str, Any] = {
            "api_visibility": "private",
            "show_progress": "hidden",
            "queue": False,  # each answer takes milliseconds; what waits in a queue can be lost
        }
        gr.on([begin.click, name.submit], started, [name], shown, **hidden)
        real.click(said(False), [rater, item, key, since], shown, **hidden)
        generated.click(said(True), [rater, item, key, since], shown, **hidden)
    return page
