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
from gantlet.data.dataset import Array, Dataset, Hashes, Labels, content_hashes, label_bytes
from gantlet.data.settings import DataSettings
from gantlet.errors import UsageError, newer_format
from gantlet.spec import Condition, DataSpec

__all__ = [
    "HEAD",
    "SUFFIX",
    "Contents",
    "DamagedError",
    "holds",
    "is_packed",
    "names_of",
    "open_packed",
    "source_of",
    "write_packed",
]

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
    source: str = ""
    """Where the data were; nothing for arrays."""


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
        "source": contents.source,
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


class DamagedError(UsageError):
    """Packed data that are not what was written."""


def _damaged(path: Path, received: str) -> DamagedError:
    return DamagedError(
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


def holds(path: Path, key: str) -> bool:
    """Whether a file holds the packed data of this key, to the last bit.

    All of it is read where the key is right, and each sample compared with its hash, some hundred
    megabytes a second: far less than packing takes, and the command that errors recommend mends
    any damage.

    Raises:
        UsageError: the file is of a newer format.
    """
    try:
        header = _header(path) if is_packed(path) else {}
        if header.get("key") != key:
            return False
        for name in ("labels", "text"):
            _section(path, header, name)
        known = _hashes(path, header)
    except DamagedError:
        return False
    raw = _samples(path, DataSpec.from_json(header["spec"]), header["count"])
    return np.array_equal(content_hashes(raw), known)


def names_of(path: Path) -> tuple[str, ...]:
    """Names of the files that the samples of packed data came from; none of arrays."""
    return tuple(_text(path, _header(path))["names"])


def source_of(path: Path) -> str:
    """Where packed data are from; nothing for arrays, and where that was not kept."""
    return str(_text(path, _header(path)).get("source", ""))


def _text(path: Path, header: Mapping[str, Any]) -> dict[str, Any]:
    text: dict[str, Any] = json.loads(_section(path, header, "text"))
    return text


def _hashes(path: Path, header: Mapping[str, Any]) -> Hashes:
    return np.frombuffer(_section(path, header, "hashes"), "<u8").astype(np.uint64)


def open_packed(path: Path, settings: DataSettings, cache: Path | None) -> Dataset:
    """Packed data as a memory map; nothing of the samples is read.

    Of image files with four channels the last is alpha, and weights the colours of a resize.

    Raises:
        UsageError: the file is cut, altered or of a newer format; `data.alpha` would have alpha
            laid on white.
    """
    header = _header(path)
    text = _text(path, header)
    conditions = [Condition.from_json(given) for given in text.get("conditions", ())]
    labels = _labels(_section(path, header, "labels"), len(conditions))
    hashes = _hashes(path, header)
    spec = DataSpec.from_json(header["spec"])
    alpha = bool(text["names"]) and spec.shape[0] == 4
    if alpha and settings.alpha == "white":
        raise UsageError(
            "data.alpha",
            expected=f"keep for {path}, whose images are packed with their transparency",
            received="white",
            remedy="Pack the images again: gantlet pack DATA data.alpha=white",
        )
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
        alpha=alpha,
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
