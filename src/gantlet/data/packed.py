"""Packed data: one file with decoded samples, labels and content hashes, mapped into memory.

The first 4,096 bytes are a JSON header in one line, filled with spaces: format, version, the spec
without its classes, offset and length of each section, BLAKE2b of the sections but the samples
and of the header itself. Then come the sections, each at a multiple of 4,096 bytes: samples
((N, H, W, C) or (N, D), little-endian), hashes (64 bits a
sample, see `content_hashes`), labels (64 bits a sample, or 32 for each condition, where there are
any), and text (JSON: classes or conditions, notes, names of the files). The hashes are the
samples' checksums; `gantlet doctor` checks them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from gantlet.data.assemble import assemble, stamp
from gantlet.data.dataset import Array, Dataset, Hashes, Labels, label_bytes
from gantlet.data.settings import DataSettings
from gantlet.errors import UsageError, newer_format
from gantlet.spec import Condition, DataSpec

__all__ = ["HEAD", "SUFFIX", "Contents", "is_packed", "key_of", "open_packed", "write_packed"]

SUFFIX = ".pack"
"""Of the names of packed data."""
HEAD = 4096
"""Bytes of the header; samples begin after it."""
_VERSION = 1
_BESIDE = ("classes", "frequencies", "conditions")
"""Fields of the spec that its header, of a fixed length, does not hold."""
_MAGIC = b'{"format": "gantlet-pack"'


@dataclass(frozen=True, kw_only=True)
class Contents:
    """What stands beside the samples."""

    spec: DataSpec
    name: str
    count: int
    key: str
    """Tells what was packed, and how."""
    hashes: Hashes
    y: Labels | None
    notes: Sequence[str]
    names: Sequence[str]
    """Of the files the samples came from; empty for arrays."""


def is_packed(path: Path) -> bool:
    """Whether a file begins as packed data do."""
    if not path.is_file():
        return False
    with path.open("rb") as stream:
        return stream.read(len(_MAGIC)) == _MAGIC


def _digest(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=16).hexdigest()


def write_packed(file: BinaryIO, contents: Contents) -> None:
    """Write header and sections around samples that are in their place already."""
    spec = contents.spec
    size = contents.count * spec.size * np.dtype(spec.dtype).itemsize
    text: dict[str, Any] = {
        "classes": spec.classes,
        "notes": list(contents.notes),
        "names": list(contents.names),
    }
    if spec.conditions:
        text["conditions"] = [asdict(condition) for condition in spec.conditions]
    sections = {
        "hashes": contents.hashes.astype("<u8").tobytes(),
        "labels": b"" if contents.y is None else label_bytes(contents.y),
        "text": json.dumps(text, ensure_ascii=False).encode(),
    }
    places: dict[str, dict[str, Any]] = {"samples": {"offset": HEAD, "length": size}}
    end = HEAD + size
    for name, content in sections.items():
        offset = -(-end // HEAD) * HEAD
        file.seek(offset)
        file.write(content)
        end = offset + len(content)
        places[name] = {"offset": offset, "length": len(content), "blake2b": _digest(content)}
    file.truncate(end)
    header = {
        "format": "gantlet-pack",
        "version": _VERSION,
        "name": contents.name,
        "count": contents.count,
        "key": contents.key,
        "spec": {k: v for k, v in spec.to_json().items() if k not in _BESIDE},
        "sections": places,
    }
    file.seek(0)
    file.write(_sealed(header))


def _sealed(header: Mapping[str, Any]) -> bytes:
    """The header with its own checksum, at its full length."""
    plain = json.dumps(header)
    line = json.dumps({**header, "blake2b": _digest(plain.encode())})
    return line.encode().ljust(HEAD - 1) + b"\n"


def _header(path: Path) -> dict[str, Any]:
    with path.open("rb") as stream:
        line = stream.read(HEAD)
    try:
        header: dict[str, Any] = json.loads(line)
        version = int(header["version"])
    except (ValueError, KeyError, TypeError) as error:
        raise _damaged(path, f"a torn header ({error})") from None
    if version > _VERSION:
        raise newer_format(str(path), version, _VERSION)
    sealed = header.pop("blake2b", None)
    if len(line) < HEAD or sealed != _digest(json.dumps(header).encode()):
        raise _damaged(path, "a header that was altered")
    end = max(place["offset"] + place["length"] for place in header["sections"].values())
    if path.stat().st_size != end:
        raise _damaged(path, f"{path.stat().st_size:,} bytes where the header says {end:,}")
    return header


def _damaged(path: Path, received: str) -> UsageError:
    return UsageError(
        str(path),
        expected="whole packed data",
        received=received,
        remedy="Make or copy the file again: gantlet pack DATA",
    )


def _section(path: Path, header: Mapping[str, Any], name: str) -> bytes:
    place = header["sections"][name]
    with path.open("rb") as stream:
        stream.seek(place["offset"])
        content = stream.read(place["length"])
    if _digest(content) != place["blake2b"]:
        raise _damaged(path, f"another content of its {name} than was written")
    return content


def key_of(path: Path) -> str | None:
    """The key of packed data; None where the file is none, or is damaged."""
    try:
        return str(_header(path)["key"]) if is_packed(path) else None
    except UsageError:
        return None


def open_packed(path: Path, settings: DataSettings, cache: Path | None) -> Dataset:
    """Packed data as a memory map; nothing of the samples is read.

    Raises:
        UsageError: the file is cut, altered or of a newer format.
    """
    header = _header(path)
    text = json.loads(_section(path, header, "text"))
    conditions = [Condition.from_json(given) for given in text.get("conditions", ())]
    labels = _labels(_section(path, header, "labels"), len(conditions))
    hashes = np.frombuffer(_section(path, header, "hashes"), "<u8").astype(np.uint64)
    spec = DataSpec.from_json(header["spec"])
    raw = _samples(path, spec, header["count"])
    found = assemble(
        raw,
        labels if len(labels) else None,
        classes=text["classes"],
        conditions=conditions,
        low=spec.low,
        high=spec.high,
        name=header["name"],
        settings=settings,
        notes=text["notes"],
        cache=cache,
        key=stamp(path),
    )
    return replace(found, known=hashes) if found.raw is raw else found


def _labels(content: bytes, conditions: int) -> Labels:
    if conditions:
        return np.frombuffer(content, "<f4").astype(np.float32).reshape(-1, conditions)
    return np.frombuffer(content, "<i8").astype(np.int64)


def _samples(path: Path, spec: DataSpec, count: int) -> Array:
    if spec.kind == "points":
        return np.memmap(path, spec.dtype, "r", HEAD, (count, *spec.shape))
    channels, height, width = spec.shape
    images = np.memmap(path, spec.dtype, "r", HEAD, (count, height, width, channels))
    return images.transpose(0, 3, 1, 2)
