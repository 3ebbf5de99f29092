"""Settings as commented YAML: the docstring under a field is the comment beside its key."""

from __future__ import annotations

from typing import Any

import yaml

from gantlet.config import Config, adapter, to_mapping

__all__ = ["to_yaml"]

_COLUMN = 34


def to_yaml(config: Config) -> str:
    """The settings as YAML that `read_yaml` reads back, each key with its comment."""
    lines: list[str] = []
    for section, value in to_mapping(config).items():
        part = getattr(config, section)
        if section == "optimisers":
            lines += ["", f"{section}:"]
            for player, optimiser in part.items():
                lines.append(f"  {player}:")
                lines += _keys(value[player], _comments(optimiser), "    ")
        elif isinstance(value, dict):
            lines += ["", f"{section}:", *_keys(value, _comments(part), "  ")]
        else:
            lines.append(f"{section}: {'null' if value is None else value}")
    return "\n".join(lines) + "\n"


def _comments(part: Any) -> dict[str, str]:
    """Descriptions of a dataclass's fields, from the schema that also checks them."""
    kind: Any = type(part)
    properties = adapter(kind).json_schema()["$defs"][kind.__name__]["properties"]
    return {
        key: " ".join(about.get("description", "").split()) for key, about in properties.items()
    }


def _keys(values: dict[str, Any], comments: dict[str, str], indent: str) -> list[str]:
    lines = []
    for key, value in values.items():
        text = yaml.safe_dump(value, default_flow_style=True, width=10_000)
        text = text.removesuffix("\n").removesuffix("\n...")
        line = f"{indent}{key}: {text}"
        comment = comments.get(key, "")
        lines.append(f"{line.ljust(_COLUMN)}  # {comment}" if comment else line)
    return lines
