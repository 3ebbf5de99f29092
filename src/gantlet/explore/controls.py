"""The controls of the page, and what they ask for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gantlet.errors import UsageError
from gantlet.explore.explorer import Explorer
from gantlet.latents.mixing import PARTS
from gantlet.latents.stills import Still

__all__ = ["asked", "controls"]

_NONE = "none"
_BOUND, _PSI = 3.0, 1.0
"""Ends of the sliders of truncation, which stand for none."""
_DIGITS = 4
"""Of numbers that sliders give, which are sums of steps that binary numbers do not hold."""
_LARGEST = 10**9
"""Sample and seed that a field takes."""


def controls(explorer: Explorer, reach: float) -> dict[str, Any]:
    """Components by name, put where the page is being built.

    Arguments:
        reach: how far sliders of directions go to each side.
    """
    import gradio as gr

    made: dict[str, Any] = {}
    with gr.Group(), gr.Row():
        made["sample"] = _number("Sample", "sample", 0)
        made["seed"] = _number("Seed", "seed", 0)
    with gr.Group():
        if explorer.bundle.spec.classes:
            classes = list(explorer.bundle.spec.classes)
            made["label"] = gr.Dropdown(classes, value=classes[0], label="Class", elem_id="label")
        made["truncation"] = _truncation(explorer.styled)
    sliders = [_move(k, reach) for k in range(len(explorer.found or ()))]
    made |= {f"move {k}": slider for k, slider in enumerate(sliders)}
    if sliders:
        back = gr.Button("Back to the middle", elem_id="back", size="sm")
        back.click(None, None, sliders, js=f"() => {[0] * len(sliders)}")
    if explorer.styled:
        with gr.Accordion("Styles of a second sample", open=False, elem_id="mixing"):
            made["layers"] = gr.Radio(
                [_NONE, *PARTS], value=_NONE, label="Layers that have them", elem_id="layers"
            )
            with gr.Row():
                made["other sample"] = _number("Second sample", "other-sample", 0)
                made["other seed"] = _number("Second seed", "other-seed", 1)
    return made


def _move(k: int, reach: float) -> Any:
    import gradio as gr

    return gr.Slider(
        -reach,
        reach,
        value=0,
        step=reach / 60,
        label=f"Direction {k + 1}",
        elem_id=f"move-{k}",
        buttons=["reset"],
    )


def _number(label: str, name: str, value: int) -> Any:
    import gradio as gr

    return gr.Number(
        value=value,
        label=label,
        precision=0,
        minimum=0,
        maximum=_LARGEST,
        min_width=100,
        elem_id=name,
    )


def _truncation(styled: bool) -> Any:
    import gradio as gr

    told = (
        ("How far styles stay from their mean (psi); 1: as they are", 0.0, _PSI, 0.05)
        if styled
        else (f"Bound of the random numbers; {_BOUND:g}: none", 0.1, _BOUND, 0.1)
    )
    info, low, high, step = told
    return gr.Slider(
        low, high, value=high, step=step, label="Truncation", info=info, elem_id="truncation",
        buttons=["reset"],
    )  # fmt: skip


def asked(explorer: Explorer, values: Mapping[str, Any]) -> tuple[Still, float | None]:
    """What is asked for by the values of the components by name: a sample and a truncation.

    Raises UsageError where a field is empty.
    """
    if None in values.values():
        empty = next(name for name, value in values.items() if value is None)
        raise UsageError(f"field {empty}", expected="a whole number from 0", received="nothing")
    truncation = round(values["truncation"], _DIGITS)
    layers = values.get("layers", _NONE)
    still = Still(
        sample=values["sample"],
        seed=values["seed"],
        label=values.get("label"),
        moves=tuple(round(x, _DIGITS) for name, x in values.items() if name.startswith("move ")),
        layers=None if layers == _NONE else layers,
        other=(values.get("other seed", 1), values.get("other sample", 0)),
    )
    return still, None if truncation >= (_PSI if explorer.styled else _BOUND) else truncation
