"""`gantlet config`."""

from __future__ import annotations

__all__ = ["config_"]


def config_(recipe: str = "r3gan", data: str = "digits", *settings: str) -> None:
    """Print the settings of a recipe with their comments.

    Parameters
    ----------
    recipe
        Name of the recipe.
    data
        Data to resolve them for.
    settings
        Settings to apply, as key=value.
    """
    from gantlet.config_text import to_yaml
    from gantlet.run import plan

    if "=" in data:
        data, settings = "digits", (data, *settings)
    print(to_yaml(plan(data, recipe, settings).config), end="")
