"""Features and trained networks on disk, under names that tell what they were made of.

A file holds tensors and their checksum. One that is torn, altered or of other content is made
anew; a folder that cannot be written to costs time alone.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from gantlet.data.dataset import Array, content_hashes
from gantlet.files import replaced
from gantlet.metrics.extractors.base import Answers, Extractor, checksum

__all__ = ["FORMAT", "LIMIT", "answers", "kept", "key_of"]

FORMAT = 1
"""A part of every name: raised when the same weights come to give other features."""
LIMIT = 2**32
"""Bytes in a folder above which the files that were used longest ago are removed: 4 GiB."""
_SUFFIX = ".safetensors"


def key_of(*parts: bytes | str) -> str:
    """Hash over the parts and their borders, 32 hexadecimal digits."""
    digest = hashlib.blake2b(str(FORMAT).encode(), digest_size=16)
    for part in parts:
        content = part.encode() if isinstance(part, str) else part
        digest.update(len(content).to_bytes(8, "little") + content)
    return digest.hexdigest()


def answers(extractor: Extractor, values: Array, folder: Path | None = None) -> Answers:
    """`extractor.answers(values)`, from the folder where they were kept.

    The content of the samples is hashed each time, so that data that changed are seen as new.
    """
    if folder is None:
        return extractor.answers(values)

    def computed() -> dict[str, Tensor]:
        features, logits = extractor.answers(values)
        return {"features": features} | ({} if logits is None else {"logits": logits})

    samples = content_hashes(values).astype("<u8").tobytes()
    shape = repr((values.shape, values.dtype.name))
    key = key_of(extractor.digest, extractor.preprocessing, shape, samples)
    return Answers(**kept(folder, f"features-{key}", computed))


def kept(
    folder: Path | None, name: str, make: Callable[[], dict[str, Tensor]]
) -> dict[str, Tensor]:
    """The tensors of that name in `folder`, made and written where they are not there whole."""
    if folder is None:
        return make()
    path = folder / f"{name}{_SUFFIX}"
    found = _read(path)
    if found is not None:
        return found
    made = make()
    with suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        _write(path, made)
        _tidy(folder, path)
    return made


def _read(path: Path) -> dict[str, Tensor] | None:
    """The tensors of a file whose checksum is right; None of any other."""
    try:
        content = path.read_bytes()
        header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
        tensors = load(content)
        if header["__metadata__"]["checksum"] != checksum(tensors):
            return None
    except (OSError, ValueError, KeyError, TypeError, SafetensorError):
        return None
    with suppress(OSError):
        path.touch()  # used last
    return tensors


def _write(path: Path, tensors: dict[str, Tensor]) -> None:
    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    replaced(path, save(plain, {"checksum": checksum(plain)}))


def _tidy(folder: Path, newest: Path) -> None:
    """Remove the files that were used longest ago until the folder is below `LIMIT`."""
    others = [path for path in folder.glob(f"*{_SUFFIX}") if path != newest]
    total = newest.stat().st_size + sum(path.stat().st_size for path in others)
    for path in sorted(others, key=lambda path: path.stat().st_mtime_ns):
        if total > LIMIT:
            total -= path.stat().st_size
            path.unlink()
