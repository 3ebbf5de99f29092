"""Any function of a table: `python(is_adult)`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from gantlet.errors import UsageError
from gantlet.tables.constraints.base import Constraint

__all__ = ["Predicate"]


@dataclass(frozen=True, kw_only=True)
class Predicate(Constraint):
    """A function of a DataFrame that says which rows are right. Of it a bundle holds the name."""

    form: ClassVar[str] = "predicate"
    text: str
    name: str
    function: Callable[[Any], Any] | None = None

    @classmethod
    def of(cls, function: Callable[[Any], Any]) -> Predicate:
        """By the name of the function: `is_adult`, `<lambda>`."""
        name = str(getattr(function, "__name__", type(function).__name__))
        return cls(text=f"python({name})", name=name, function=function)

    @property
    def reads(self) -> tuple[Any, ...]:
        """Nobody knows."""
        return ()

    def holds(self, table: Any) -> NDArray[np.bool_]:
        """Which rows meet it; a missing answer counts as yes.

        Raises UsageError where the function is not at hand, fails, or gives no truth values.
        """
        if self.function is None:
            raise UsageError(
                f"constraint {self.text}",
                expected=f"the function {self.name!r}, of which a bundle holds the name alone",
                received="no function",
                remedy="Hand it over in Python, as in "
                f"gantlet.load(RUN).sample(100, constraints=[{self.name}])",
            )
        try:
            found = self.function(table)
        except Exception as error:  # a person's own code may raise anything
            raise UsageError(
                f"constraint {self.text}",
                expected="a function of a DataFrame",
                received=f"{type(error).__name__}: {error}",
            ) from error
        return self._checked(found, len(table))

    def may_hold(self, table: Any) -> NDArray[np.bool_]:
        """All of them: it is asked once the rows are whole."""
        return np.ones(len(table), bool)

    def _checked(self, found: Any, rows: int) -> NDArray[np.bool_]:
        import pandas as pd

        answers = pd.Series(found) if np.ndim(found) == 1 else pd.Series(dtype=object)
        are_true = pd.api.types.is_bool_dtype(answers.dtype)
        if len(answers) != rows or not (are_true or not rows):
            raise UsageError(
                f"constraint {self.text}",
                expected=f"{rows:,} truth values, one for each row",
                received=f"{type(found).__name__} of {answers.dtype}, length {np.size(found):,}",
            )
        met: NDArray[np.bool_] = answers.fillna(value=True).to_numpy(bool)
        return met
