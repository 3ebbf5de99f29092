"""The page: controls on one side, the picture that they make on the other."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

from gantlet.errors import GantletError
from gantlet.explore.controls import asked, controls
from gantlet.explore.explorer import Explorer
from gantlet.latents.moves import check_reach
from gantlet.latents.stills import Still
from gantlet.serving import PLAIN, application, asset, framed, sentence
from gantlet.training.pictures import SHOWN_WHOLE

if TYPE_CHECKING:
    from fastapi import FastAPI

__all__ = ["explore_page"]


def explore_page(explorer: Explorer, reach: float = 3.0) -> FastAPI:
    """The web application; sliders of directions go from -reach to reach.

    Raises UsageError for a reach of 0 or below, or where the extra `serve` is missing.
    """
    check_reach(reach)
    css, script = (asset("gantlet.explore", f"explore.{kind}") for kind in ("css", "js"))
    return application("explore", {"/": lambda: _page(explorer, reach)}, css=css, script=script)


def _page(explorer: Explorer, reach: float) -> Any:
    import gradio as gr

    with gr.Blocks(title=f"Exploring {_name(explorer)}", analytics_enabled=False) as page:
        with gr.Row(elem_id="explore"):
            with gr.Column(elem_id="seen", min_width=300):
                shown = [gr.HTML(elem_id="picture")]
                with gr.Row(elem_id="buttons"):
                    following = gr.Button("Next sample", variant="primary", elem_id="next")
                    gr.Button("Download PNG", elem_id="download")
                shown.append(gr.HTML(elem_id="message"))
            with gr.Column(elem_id="controls", min_width=300):
                gr.HTML(_heading(explorer))
                made = controls(explorer, reach)
                with gr.Accordion("The same picture from Python", open=False, elem_id="again"):
                    line = gr.Textbox(
                        label="One line", lines=3, elem_id="line", interactive=False,
                        buttons=["copy"],
                    )  # fmt: skip
        sample = made["sample"]
        following.click(None, [sample], [sample], js="(n) => (n ?? -1) + 1")
        gr.on(
            [page.load, *(one.change for one in made.values())],
            _drawing(explorer, list(made), reach),
            list(made.values()),
            [*shown, line],
            trigger_mode="always_last",
            preprocess=False,  # what Gradio says of a number beyond a slider is no sentence
            **PLAIN,
        )
    return page


def _drawing(explorer: Explorer, names: Sequence[str], reach: float) -> Callable[..., list[Any]]:
    """What answers a change: the picture, a message, the line of Python."""
    import gradio as gr

    def draw(*values: Any) -> list[Any]:
        try:
            still, truncation = asked(explorer, dict(zip(names, values, strict=True)), reach)
            return [
                _picture(explorer, still, truncation),
                "",
                explorer.line(still, truncation),
            ]
        except GantletError as error:
            return [gr.skip(), sentence(str(error)), gr.skip()]

    return draw


def _picture(explorer: Explorer, still: Still, truncation: float | None) -> str:
    picture, buffer = explorer.picture(still, truncation), io.BytesIO()
    picture.save(buffer, "png", compress_level=1)  # it is looked at more often than kept
    name = f"{_name(explorer)}-{still.seed}-{still.sample}.png"
    attributes = f'id="shown" alt="The sample" decoding="sync" data-name="{name}"'
    kind = "clear" if picture.mode == "RGBA" else ""
    return framed(buffer.getvalue(), picture.size, attributes, kind=kind)


def _name(explorer: Explorer) -> str:
    """The run's name in letters that files and pages take as they are."""
    return re.sub(r"[^\w.-]+", "-", explorer.run.resolve().name) or "run"


def _heading(explorer: Explorer) -> str:
    about, spec = explorer.bundle.about, explorer.bundle.spec
    channels, height, width = spec.shape
    kind = {1: "grey", 3: "RGB", 4: "RGBA"}.get(channels, f"{channels} channels")
    told = f"{about['data']}, {width} x {height} {kind}, {about['seen']:,} samples seen."
    part = "" if channels in SHOWN_WHOLE else " Pictures show the first channel."
    name = explorer.run.resolve().name
    return f"<h1>Exploring {escape(name)}</h1><p>{escape(told + part)}</p>"
