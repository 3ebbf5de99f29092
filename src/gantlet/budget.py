"""The privacy budget of a run: what settings make of it, what was spent, what it covers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from gantlet.config import Config
from gantlet.errors import UsageError
from gantlet.games.base import Game
from gantlet.games.standing import meeting
from gantlet.games.versus import Versus
from gantlet.privacy.accounting import Spent, epsilon_of, most_steps, sigma_for
from gantlet.spec import DataSpec

__all__ = ["Account", "account_of", "check_private", "resolved", "rounded_up"]


@dataclass(frozen=True, kw_only=True)
class Account:
    """What a run costs: noisy counts of columns, and steps of its critic."""

    epsilon: float
    """Budget."""
    delta: float
    clip: float
    sigma: float
    q: float
    """Probability with which a row takes part in a step."""
    steps: int
    """Of the whole run."""
    rows: int
    ledger: Mapping[str, Any]
    """Of the columns, see `gantlet.tables.private_columns.fit_privately`."""

    def spent(self, steps: int) -> float:
        """Epsilon of the columns and of so many steps."""
        return _spent(self.ledger, self.delta, [Spent(self.sigma, self.q, steps)])

    def told(self, steps: int) -> tuple[str, ...]:
        """Exactly what holds after so many steps, in sentences."""
        ledger, spent = self.ledger, self.spent(steps)
        paid, public, unused = (
            _names(ledger.get(key, ())) for key in ("paid", "public", "unused")
        )
        counts = "No counts of columns were taken."
        if "sigma" in ledger:
            counts = (
                f"Paid for: bounds, values and missing values of {paid}, by counts with normal "
                f"noise of {ledger['spread']:.0f} rows; values of fewer than "
                f"{ledger['threshold']:.0f} rows are not told. By themselves they cost epsilon "
                f"{rounded_up(self.spent(0))}."
            )
        return (
            f"Differential privacy: epsilon {rounded_up(spent)} at delta {self.delta:.2g}, of a "
            f"budget of epsilon {self.epsilon:g}. It covers the bundle, all its samples, and "
            "every state of the run up to it.",
            "Neighbours: two tables of which one has one row more. A person with several rows is "
            "covered for each row alone.",
            f"Steps: {steps:,} of {self.steps:,}, each with every row by a chance of "
            f"{self.q:.4g}, its gradient cut to norm {self.clip:g}, normal noise of "
            f"{self.sigma:g} times that; Renyi accountant of Opacus.",
            counts,
            "Public, and not covered: the number of rows, the names, kinds and types of columns, "
            f"digits behind the point, formats of times{_and(public)}."
            + (f" Not learned: {unused}." if unused else ""),
            "It holds as far as the secret stays secret, numbers are drawn as if at random, and "
            "rounding of floating point, which no accountant counts, gives nothing away.",
        )

    def to_json(self, steps: int) -> dict[str, Any]:
        """For a bundle: plain values, with what so many steps and the columns alone have spent."""
        held = {key: value for key, value in vars(self).items() if key != "ledger"}
        spent = {"spent": self.spent(steps), "columns": self.spent(0)}
        return {**held, **spent, "played": steps}


def account_of(config: Config, spec: DataSpec) -> Account | None:
    """The account of settings that `resolved` has filled in; None where nothing is private."""
    privacy = config.privacy
    if privacy is None or None in (privacy.delta, privacy.sigma, privacy.steps):
        return None
    rows = int(spec.table["rows"])
    return Account(
        epsilon=privacy.epsilon,
        delta=privacy.delta or 0.0,
        clip=privacy.clip,
        sigma=privacy.sigma or 0.0,
        q=config.train.batch / rows,
        steps=privacy.steps or 0,
        rows=rows,
        ledger=_ledger(spec),
    )


def resolved(config: Config, spec: DataSpec, samples: int | None) -> Config:
    """Settings with the delta, the noise and the steps that they leave to be found.

    The run ends when its steps are over, or before.

    Arguments:
        config: settings; as they are where nothing is private.
        spec: of data whose columns were fitted privately.
        samples: real samples that the run is to see, where `privacy.steps` does not say.

    Raises:
        UsageError: columns that were fitted without privacy, a batch of more than all rows, no
            number of steps, a budget that is too small for the columns or for one step.
    """
    privacy = config.privacy
    if privacy is None:
        return config
    ledger, batch, rows = _ledger(spec), config.train.batch, int(spec.table["rows"])
    if batch > rows:
        raise UsageError(
            "setting train.batch",
            expected=f"at most {rows}, the rows there are: each takes part by chance",
            received=str(batch),
        )
    delta, q = privacy.delta or 1 / (10 * rows), batch / rows
    steps = privacy.steps or (None if samples is None else math.ceil(samples / batch))
    beyond = ledger.get("beyond", 0.0)
    if beyond >= delta:
        raise UsageError(
            "setting privacy.delta",
            expected=f"more than {beyond:.2g}, which thresholds of counts took of data.private",
            received=f"{delta:.2g}",
            remedy="Leave data.private away: it follows from privacy.",
        )
    epsilon = privacy.epsilon + math.log1p(-beyond)
    before, sigma = _before(ledger), privacy.sigma
    if sigma is not None:
        most = most_steps(epsilon, delta - beyond, q, sigma, before)
        steps = min(most, steps or most) if privacy.steps is None else privacy.steps
        if not 0 < steps <= most:
            raise UsageError(
                f"{max(steps, 1):,} steps with privacy.sigma={sigma:g}",
                expected=f"at most {most:,}, which spend epsilon {privacy.epsilon:g}",
                remedy="Raise privacy.sigma, or leave it away: it is then found.",
            )
    elif steps is None:
        raise UsageError(
            "setting privacy.steps",
            expected="a number of steps, for which the noise is found",
            received="none, as stop.samples is none",
            remedy="Give --samples, privacy.steps or privacy.sigma.",
        )
    else:
        sigma = sigma_for(epsilon, delta - beyond, q, steps, before)
    most = steps * batch
    stop = replace(config.stop, samples=min(most, config.stop.samples or most))
    found = replace(privacy, delta=delta, sigma=sigma, steps=steps)
    return replace(config, privacy=found, stop=stop)


def check_private(config: Config, game: Game, spec: DataSpec) -> None:
    """Raises UsageError for what privacy rules out, with the reason."""
    if config.privacy is None:
        return
    _ledger(spec)
    if not any(phase.alone for phase in game.phases):
        setting = "game.name"
        if isinstance(config.game, Versus):
            setting = meeting(config.game) or "network.discriminator_norm"
        raise UsageError(
            f"a private training with {setting} as it is",
            expected="a critic in whose loss each real row stands alone, and a generator that "
            "learns from the critic only: no pairing, packing, batch statistics, labels or "
            "augmentation; of penalties r1 and r2 with fixed weights",
            received=setting,
            remedy="Leave the setting to the recipe table-private.",
        )
    reasons = {
        "data.held_out": (config.data.held_out, "false: which rows are set aside follows rows"),
        "validation.extractor": (
            config.validation.extractor,
            "null: a choice of checkpoints by real rows is not covered",
        ),
        "train.init_from": (
            config.train.init_from,
            "null: weights of another training are not covered",
        ),
    }
    for name, (given, expected) in reasons.items():
        if given:
            raise UsageError(
                f"setting {name}", expected=f"{expected}, in a private run", received=str(given)
            )


def _ledger(spec: DataSpec) -> Mapping[str, Any]:
    ledger: Mapping[str, Any] | None = spec.table.get("privacy")
    if ledger is None or spec.classes:
        raise UsageError(
            f"a private training on {spec.kind} whose range and values were taken as they are",
            expected="a table that is opened for it",
            remedy="Train with --recipe table-private on a table; a sweep or another recipe would "
            "choose by rows beyond the budget.",
        )
    return ledger


def _spent(ledger: Mapping[str, Any], delta: float, steps: list[Spent]) -> float:
    """Epsilon at delta, thresholds of counts included (`NoisyCounts`)."""
    beyond = float(ledger.get("beyond", 0.0))
    return epsilon_of([*_before(ledger), *steps], delta - beyond) - math.log1p(-beyond)


def _before(ledger: Mapping[str, Any]) -> tuple[Spent, ...]:
    """The counts of the columns, if any were taken."""
    return (Spent(ledger["sigma"], 1.0),) if "sigma" in ledger else ()


def rounded_up(epsilon: float) -> str:
    """Rounded up to three digits behind the point."""
    return f"{math.ceil(1000 * epsilon) / 1000:g}"


def _names(names: Any) -> str:
    return ", ".join(map(str, names))


def _and(public: str) -> str:
    return f", and bounds and values of {public}" if public else ""
