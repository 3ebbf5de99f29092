"""The controls of the page, and what they ask for."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from gantlet.errors import UsageError
from gantlet.explore.explorer import Explorer
from gantlet.labels import Label, usual_labels
from gantlet.latents.mixing import PARTS
from gantlet.latents.space import LAST
from gantlet.latents.stills import Still
from gantlet.spec import Condition, DataSpec

__all__ = ["asked", "controls"]

_NONE = "none"
_MOVE, _ASK = "direction ", "condition "
"""What the names of sliders of directions, and of controls of conditions, begin with."""
_DIGITS = 4
"""Of numbers that sliders give, which are sums of steps that binary numbers do not hold; more
where they go less than one to the side."""
_FIELDS = ("sample", "seed", "other sample", "other seed")


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
        made |= _conditions(explorer.bundle.spec)
        made["truncation"] = _truncation(explorer.styled)
    sliders = [_move(k, reach) for k in range(len(explorer.found or ()))]
    made |= {f"{_MOVE}{k}": slider for k, slider in enumerate(sliders, 1)}
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


def _conditions(spec: DataSpec) -> dict[str, Any]:
    """A box, a slider or a list for each condition, by name, at what is usual."""
    usual, made = usual_labels(spec, None, 1), dict[str, Any]()
    values = [] if usual is None or not spec.conditions else spec.untold(usual)[0].tolist()
    for i, (condition, value) in enumerate(zip(spec.conditions, values, strict=True)):
        made[_ASK + condition.name] = _control(condition, value, f"ask-{i}")
    return made


def _control(condition: Condition, value: float, name: str) -> Any:
    import gradio as gr

    title = condition.name
    if condition.kind == "flag":
        return gr.Checkbox(value > 0.5, label=title, elem_id=name)
    if condition.kind == "choice":
        names = list(condition.names)
        return gr.Dropdown(names, value=names[round(value)], label=title, elem_id=name)
    low, high = condition.knots[0], condition.knots[-1]
    step, at = (high - low) / 100, _rounded(value, low, high)
    return gr.Slider(low, high, value=at, step=step, label=title, elem_id=name)


def _label(spec: DataSpec, values: Mapping[str, Any]) -> Label | None:
    """What the controls ask for: a class, or conditions, numbers taken to the ends."""
    if not spec.conditions:
        return values.get("label")
    asked: dict[str, Any] = {c.name: values[_ASK + c.name] for c in spec.conditions}
    for condition in spec.conditions:
        if condition.knots:
            ends = condition.knots[0], condition.knots[-1]
            asked[condition.name] = _within(condition.name, asked[condition.name], *ends)
    return asked


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

    # Without bounds: what Gradio says of a number beyond them is no sentence.
    return gr.Number(value=value, label=label, min_width=100, elem_id=name)


def _truncation(styled: bool) -> Any:
    import gradio as gr

    low, high, step = _ends(styled)
    return gr.Slider(
        low,
        high,
        value=high,
        step=step,
        label="Truncation",
        info=(
            "How far styles stay from their mean (psi); 1: as they are"
            if styled
            else f"Bound of the random numbers; {high:g}: none"
        ),
        elem_id="truncation",
        buttons=["reset"],
    )


def _ends(styled: bool) -> tuple[float, float, float]:
    """Ends of the slider of truncation, the upper of which stands for none, and its step."""
    return (0.0, 1.0, 0.05) if styled else (0.1, 3.0, 0.1)


def asked(
    explorer: Explorer, values: Mapping[str, Any], reach: float
) -> tuple[Still, float | None]:
    """What is asked for by the values of the components by name: a sample and a truncation.

    Sliders are taken to their ends by what is written beyond them.

    Raises UsageError where a field holds no number that it can take.
    """
    whole = {name: _whole(name, values[name]) for name in _FIELDS if name in values}
    low, high, _ = _ends(explorer.styled)
    truncation = _within("truncation", values["truncation"], low, high)
    layers = values.get("layers", _NONE)
    still = Still(
        sample=whole["sample"],
        seed=whole["seed"],
        label=_label(explorer.bundle.spec, values),
        moves=tuple(
            _within(name, value, -reach, reach)
            for name, value in values.items()
            if name.startswith(_MOVE)
        ),
        layers=None if layers == _NONE else layers,
        other=(whole.get("other seed", 1), whole.get("other sample", 0)),
    )
    return still, None if truncation == high else truncation


def _whole(name: str, value: Any) -> int:
    if not isinstance(value, int | float) or not 0 <= value <= LAST or value != int(value):
        raise _refused(name, f"a whole number from 0 to {LAST}", value)
    return int(value)


def _within(name: str, value: Any, low: float, high: float) -> float:
    if not isinstance(value, int | float):
        raise _refused(name, f"a number from {low:g} to {high:g}", value)
    return _rounded(value, low, high)


def _rounded(value: float, low: float, high: float) -> float:
    """The value without what sums of steps leave behind, and never beyond the ends."""
    digits = _DIGITS + max(0, -math.floor(math.log10(high - low)))
    return float(min(max(round(value, digits), low), high))


def _refused(name: str, expected: str, value: Any) -> UsageError:
    return UsageError(f"field {name}", expected=expected, received=str(value or "nothing"))
