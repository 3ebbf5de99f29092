"""The page on which people judge: a name, one image after the other, a result."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from gantlet.errors import GantletError
from gantlet.judge import markup
from gantlet.judge.judging import EARLY, LONGEST_NAME, Judging, Ticket, named
from gantlet.judge.results import results
from gantlet.serving import PLAIN, application, asset, sentence

if TYPE_CHECKING:
    from fastapi import FastAPI

__all__ = ["RESULTS", "judge_page"]

RESULTS = "/results"
"""Path of the page with the results of all raters."""


def judge_page(judging: Judging) -> FastAPI:
    """The web application, with the page at / and the results at /results.

    Raises UsageError where the extra `serve` is missing.
    """
    pages = {RESULTS: lambda: _results(judging), "/": lambda: _questions(judging)}
    css, script = (asset("gantlet.judge", f"judge.{kind}") for kind in ("css", "js"))
    return application("judge", pages, css=css, script=script)


def _questions(judging: Judging) -> Any:
    import gradio as gr

    with gr.Blocks(title="Real or generated?", analytics_enabled=False) as page:
        with gr.Column(elem_id="start") as start:
            gr.HTML(markup.welcome(judging.panel))
            name = gr.Textbox(label="Your name", elem_id="name", max_length=LONGEST_NAME)
            begin = gr.Button("Begin", variant="primary", elem_id="begin")
        with gr.Column(visible=False, elem_id="judge") as asked:
            shown = [start, asked, gr.HTML(), gr.HTML(elem_id="picture")]
            with gr.Row(elem_id="answers"):
                real = gr.Button("Real", elem_id="real")
                generated = gr.Button("Generated", elem_id="generated")
        ticket = gr.Textbox(visible=False)
        shown += [gr.HTML(elem_id="message"), gr.HTML(elem_id="end"), ticket]
        gr.on([begin.click, name.submit], _told(judging, _begun), [name], shown, **PLAIN)
        for button, said in ((real, False), (generated, True)):
            button.click(_told(judging, _answered(said)), [ticket], shown, **PLAIN)
    return page


def _results(judging: Judging) -> Any:
    import gradio as gr

    with gr.Blocks(title="Real or generated? Results", analytics_enabled=False) as page:
        page.load(lambda: _overview(judging), None, [gr.HTML()], **PLAIN)
    return page


def _told(judging: Judging, step: Callable[[Judging, str], list[Any]]) -> Any:
    """A step whose errors are sentences on the page, which else stays as it is."""

    def taken(text: str) -> list[Any]:
        try:
            return step(judging, text)
        except GantletError as error:
            print(f"gantlet: {error}", file=sys.stderr, flush=True)
            return _message(f"That was not stored. Tell whoever runs this page: {error}")

    return taken


def _begun(judging: Judging, text: str) -> list[Any]:
    rater = named(text)
    return _view(judging, rater) if rater else _message("Please give a name of your own.")


def _answered(said_generated: bool) -> Callable[[Judging, str], list[Any]]:
    def step(judging: Judging, text: str) -> list[Any]:
        ticket = Ticket.read(text)
        if ticket is None:
            return _message("This page is not as it was sent: please load it anew.")
        words = judging.take(ticket, said_generated)
        return _message(words) if words == EARLY else _view(judging, ticket.rater, words)

    return step


def _message(told: str) -> list[Any]:
    """Changes of the page's parts that leave all but the message."""
    import gradio as gr

    skip = gr.skip()
    return [skip, skip, skip, skip, sentence(told), skip, skip]


def _view(judging: Judging, rater: str, words: str = "") -> list[Any]:
    """What the page shows a rater now, part by part."""
    import gradio as gr

    item, done = judging.next(rater)
    told, gone = sentence(words), gr.update(visible=False)
    if item is None:
        scores = judging.scores(rater)
        return [gone, gone, "", "", told, markup.ending(*scores) if scores else "", ""]
    panel = judging.panel
    pause = markup.PAUSE if panel.seconds else 0.0
    return [
        gone,
        gr.update(visible=True),
        markup.progress(done, len(panel.items)),
        markup.image(item, panel),
        told,
        "",
        str(judging.ticket(rater, item, pause)),
    ]


def _overview(judging: Judging) -> str:
    try:
        return markup.overview(*results(judging.answers.path.parent))
    except GantletError as error:
        return sentence(str(error))
