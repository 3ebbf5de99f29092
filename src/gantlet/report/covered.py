"""What a private run spent of its budget, as a report shows it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from gantlet.budget import rounded_up

__all__ = ["budget"]


def budget(covered: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Names and texts of what a bundle keeps of its account (`gantlet.budget.Account.to_json`)."""
    yield "Epsilon", f"{rounded_up(covered['spent'])}, of a budget of {covered['epsilon']:g}"
    yield "Delta", f"{covered['delta']:.2g}"
    if "columns" in covered:
        alone = covered["columns"]
        nothing = "nothing: bounds and values of all that are learned are public"
        yield "Of it columns", f"{rounded_up(alone)}, by themselves" if alone else nothing
    yield "Steps", f"{covered['played']:,} of {covered['steps']:,}"
    yield "Noise", f"{covered['sigma']:g} times the norm {covered['clip']:g} of a row's gradient"
    yield "Rows", f"{covered['rows']:,}, each in a step by a chance of {covered['q']:.4g}"
