"""Attribute disclosure: can what a row hides be guessed from generated rows?

Whoever knows some columns of a person looks for the generated row that is nearest in them, and
takes over its value of the hidden column. Much can be guessed right because columns depend on
each other, which is what a model is for. What a sampler gives away about those it was trained on
is what is guessed of training rows and is not of held-out ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from gantlet.errors import UsageError, unknown
from gantlet.metrics.estimate import Estimate, Z, mean_of, normal
from gantlet.metrics.tables.gower import Places, Ruler, column_distances, summed_distances
from gantlet.metrics.tables.records import Records

__all__ = ["CLOSE", "Attack", "Disclosure", "attack_on", "disclosure", "guessed"]

CLOSE = 0.05
"""Of numbers: a guess within this share of the generated rows is right."""


@dataclass(frozen=True)
class Attack:
    """Who guesses what."""

    sensitive: tuple[str, ...]
    """Columns to guess, one at a time."""
    known: tuple[str, ...] | None
    """Columns that the attacker knows; None: all but the one to guess."""


@dataclass(frozen=True)
class Disclosure:
    """Shares of hidden values that are guessed from generated rows."""

    train: Estimate
    """Of training rows."""
    held_out: Estimate
    """Of rows that were not trained on: what follows from the law of the data alone."""
    gain: Estimate
    """The first less the second: 0 for a perfect sampler."""


def disclosure(
    made: Records,
    train: Records,
    held_out: Records,
    *,
    sensitive: Sequence[str] | None = None,
    known: Sequence[str] | None = None,
) -> Disclosure:
    """The share of hidden values that the nearest generated row tells, of both kinds of rows.

    Arguments:
        made: generated rows.
        train, held_out: rows that are attacked, any number of each.
        sensitive, known: see `attack_on`.

    Raises:
        UsageError: see `attack_on`; fewer than two rows of a kind.

    Source: Taub et al. (2018), Differential Correct Attribution Probability for Synthetic Data:
    An Exploration, https://doi.org/10.1007/978-3-319-99771-1_9; Giomi et al. (2023), A Unified
    Framework for Quantifying Privacy Risk in Synthetic Data, https://arxiv.org/abs/2211.10459
    """
    ruler = Ruler(made)
    places = ruler.places(made)
    attack = attack_on(made, sensitive, known)
    sought = [made.names.index(name) for name in attack.sensitive]
    given = None if attack.known is None else [made.names.index(name) for name in attack.known]
    rates = [
        mean_of(guessed(ruler.places(rows), places, sought, given).double().mean(1))
        for rows in (train, held_out)
    ]
    errors = [(rate.high - rate.value) / Z for rate in rates]
    gain = normal(
        rates[0].value - rates[1].value, (errors[0] ** 2 + errors[1] ** 2) ** 0.5, "independent"
    )
    return Disclosure(rates[0], rates[1], gain)


def attack_on(
    rows: Records, sensitive: Sequence[str] | None = None, known: Sequence[str] | None = None
) -> Attack:
    """The attack of these columns.

    Arguments:
        rows: any rows of the table.
        sensitive: columns to guess, one at a time; all that are not known if none are given.
        known: columns that the attacker knows; all but the one to guess if none are given.

    Raises:
        UsageError: an unknown column, one that is sensitive and known, none to guess, fewer than
            two columns.
    """
    if len(rows.names) < 2:
        raise UsageError(
            "attribute disclosure", expected="at least 2 columns", received=str(len(rows.names))
        )
    for name in (*(sensitive or ()), *(known or ())):
        if name not in rows.names:
            raise unknown("column", name, rows.names)
    both = [name for name in known or () if name in (sensitive or ())]
    hidden = sensitive or [name for name in rows.names if name not in (known or ())]
    if both or not hidden:
        raise UsageError(
            "columns that an attacker knows",
            expected="others than those that are sensitive" if both else "not all of them",
            received=f"{', '.join(both)} as both" if both else "all, so that none is to guess",
        )
    return Attack(tuple(dict.fromkeys(hidden)), tuple(known) if known else None)


def guessed(
    rows: Places, made: Places, hidden: Sequence[int], known: Sequence[int] | None = None
) -> Tensor:
    """Whether each hidden column of each row is guessed right, (N, hidden).

    A choice is right if it is equal, a number if its rank is within `CLOSE`.

    Arguments:
        rows, made: where the attacked and the generated rows stand.
        hidden: places of columns, numbers first.
        known: places of columns; all but the hidden one if none are given.
    """
    right = torch.zeros(len(rows), len(hidden), dtype=torch.bool)
    chosen = None if known is None else list(known)
    for part, total in summed_distances(rows, made, chosen):
        some = rows.take(part)
        for at, column in enumerate(hidden):
            own = column_distances(some, made, column)
            if chosen is None or column in chosen:
                nearest = (total - own).argmin(1)
            else:
                nearest = total.argmin(1)
            off = own.gather(1, nearest[:, None])[:, 0]
            right[part, at] = off <= CLOSE
    return right
