"""`gantlet config`."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from gantlet.cli.words import size_setting, sorted_out
from gantlet.errors import UsageError

__all__ = ["config_"]


def config_(
    *words: Annotated[str, Parameter(name="RECIPE DATA key=value ...")],
    size: str | None = None,
    size_model: str | None = None,
) -> None:
    """Print the settings of a recipe with their comments, as YAML.

    Each line is a setting that key=value changes: `train.batch=64` is the line batch: under
    train:. What is printed is what `gantlet train` would use for the same words.

    Parameters
    ----------
    words
        Name of the recipe (the one that suits the data), the data (digits), and settings.
    size
        Width and height in pixels to which images come, as for `gantlet train`.
    size_model
        Of the networks: xs, s, m or l; what it derives comes first, as comments.
    """
    from gantlet.config_text import to_yaml
    from gantlet.planning import plan
    from gantlet.recipes import PRIVATE

    plain, settings = sorted_out(words, "RECIPE", "DATA")
    name, data = [*plain, None, None][:2]
    if name == PRIVATE and data is None:
        raise UsageError(
            f"settings of {PRIVATE}",
            expected="the table, as the noise follows from its rows and columns",
            remedy=f"gantlet config {PRIVATE} DATA",
        )
    made = plan(data or "digits", name, size_setting(size, settings), size=size_model)
    if size_model and data is None:
        print("# Sized for the built-in digits: name your data after the recipe.")
    print("".join(f"# {sentence}\n" for sentence in made.derived), end="")
    print(to_yaml(made.config), end="")
