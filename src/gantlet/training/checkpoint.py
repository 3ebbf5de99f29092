"""Checkpoints that are whole or not there.

A checkpoint is a folder: tensor files, then `manifest.json` with their checksums. It is written
under another name, each file flushed to disk, the manifest last, then renamed, and the rename
flushed too. What a crash leaves is either a whole checkpoint or a folder that is not read.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from gantlet.errors import UsageError, newer_format
from gantlet.files import draft_of, flush_folder, flushed, swept
from gantlet.training.writing import refused

__all__ = [
    "FORMAT",
    "Checkpoint",
    "newest",
    "packed",
    "prune",
    "read",
    "set_aside",
    "write",
]

FORMAT = 1
_MANIFEST = "manifest.json"
_KEYS = {"format", "files", "values", "checksum"}

Tensors = Mapping[str, Mapping[str, Tensor]]


@dataclass(frozen=True)
class Checkpoint:
    """What a checkpoint holds: groups of tensors by file name, and plain values."""

    tensors: dict[str, dict[str, Tensor]]
    values: dict[str, Any]
    path: Path


def write(folder: Path, name: str, tensors: Tensors, values: Mapping[str, Any]) -> Path:
    """Write `folder/name` and return it. An existing checkpoint of that name is replaced.

    Raises RunError where the disk refuses; earlier checkpoints stay as they were.
    """
    final, draft = folder / name, draft_of(folder / name)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        swept(folder)
        draft.mkdir()
        files = {f"{group}.safetensors": packed(part) for group, part in tensors.items()}
        for file, content in files.items():
            flushed(draft / file, content)
        sums = {file: hashlib.sha256(content).hexdigest() for file, content in files.items()}
        manifest = {"format": FORMAT, "files": sums, "values": dict(values)}
        manifest["checksum"] = _checksum(manifest)
        flushed(draft / _MANIFEST, json.dumps(manifest, indent=1).encode())
        flush_folder(draft)
        shutil.rmtree(final, ignore_errors=True)
        draft.rename(final)
        flush_folder(folder)
    except OSError as error:
        shutil.rmtree(draft, ignore_errors=True)
        raise refused(final, error) from error
    return final


def _checksum(manifest: Mapping[str, Any]) -> str:
    """SHA-256 of the manifest without its checksum, as JSON with sorted keys."""
    plain = {key: value for key, value in manifest.items() if key != "checksum"}
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()


def packed(tensors: Mapping[str, Tensor], header: Mapping[str, str] | None = None) -> bytes:
    """Tensors as the bytes of a safetensors file; tied ones are stored twice."""
    whole = torch.contiguous_format
    plain = {name: t.detach().cpu().clone(memory_format=whole) for name, t in tensors.items()}
    return save(plain, None if header is None else dict(header))


def read(path: Path) -> Checkpoint:
    """Read and verify a checkpoint.

    Raises UsageError that names the file that is missing, altered, torn, or of a newer format.
    """
    manifest = _manifest(path)
    if manifest["format"] > FORMAT:
        raise newer_format(f"checkpoint {path}", manifest["format"], FORMAT)
    tensors = {
        file.removesuffix(".safetensors"): _verified(path / file, digest)
        for file, digest in manifest["files"].items()
    }
    return Checkpoint(tensors=tensors, values=manifest["values"], path=path)


def _manifest(path: Path) -> dict[str, Any]:
    try:
        manifest: dict[str, Any] = json.loads((path / _MANIFEST).read_text(encoding="utf-8"))
        if not {"format", "files", "values"} <= manifest.keys():
            raise ValueError("keys are missing")
        known = manifest["format"] <= FORMAT
        if known and not manifest.keys() <= _KEYS:
            raise ValueError("it has keys that are unknown")
        right = _checksum(manifest)  # the first checkpoints of format 1 have none
        if known and manifest.get("checksum", right) != right:
            raise ValueError("its content does not have its checksum")
    except (OSError, ValueError, AttributeError, TypeError) as error:
        raise _damaged(path / _MANIFEST, str(error)) from None
    return manifest


def _verified(file: Path, digest: str) -> dict[str, Tensor]:
    try:
        content = file.read_bytes()
        found = hashlib.sha256(content).hexdigest()
        if found != digest:
            raise ValueError(
                f"its checksum is {found[:12]}..., the manifest says {digest[:12]}..."
            )
        return load(content)
    except (OSError, ValueError, SafetensorError) as error:
        raise _damaged(file, str(error)) from None


def _damaged(file: Path, why: str) -> UsageError:
    return UsageError(
        f"checkpoint file {file} is missing or altered ({why})",
        remedy="Restore it from a copy, or remove its folder where an earlier checkpoint is left "
        "to go on from.",
    )


def _folders(folder: Path) -> list[Path]:
    """Checkpoints by name, oldest first; names are zero-padded positions."""
    return sorted(p for p in folder.glob("[0-9]*") if p.is_dir())


def newest(folder: Path) -> tuple[Checkpoint | None, list[str]]:
    """The newest checkpoint that is whole, and a sentence about each newer one that is not.

    A checkpoint of a newer format is an error, not a damage: going back would lose work.
    """
    refused: list[str] = []
    for path in reversed(_folders(folder)):
        try:
            return read(path), refused
        except UsageError as error:
            if error.expected.startswith("format"):
                raise
            refused.append(str(error))
    return None, refused


def set_aside(folder: Path, last: str) -> None:
    """Rename those newer than `last`, which are damaged, so that they crowd no good one out."""
    for path in _folders(folder):
        if path.name > last:
            aside = folder / f"damaged-{path.name}"
            shutil.rmtree(aside, ignore_errors=True)
            path.rename(aside)


def prune(folder: Path, keep: int, best: str | None) -> None:
    """Remove all but the newest `keep` checkpoints and the best."""
    for path in _folders(folder)[:-keep]:
        if path.name != best:
            shutil.rmtree(path, ignore_errors=True)
