"""The journal of a packing: which parts are in the draft, so that an interrupted one goes on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from gantlet.data.dataset import content_hashes
from gantlet.data.decoding import Decoded, Target
from gantlet.data.form import Form
from gantlet.data.pixels import Look

__all__ = ["Journal"]


class Journal:
    """Lines of JSON: the key and the form of the images, then a line for each part written.

    A line that was torn, and all behind it, count as not written.

    Arguments:
        path: of the journal; what it holds for another key is forgotten.
        key: tells what is packed, and how.
    """

    def __init__(self, path: Path, key: str) -> None:
        self.path, self._key = path, key
        self.form: Form | None = None
        """The form that the parts have; None where nothing is written yet."""
        self.parts: dict[int, Decoded] = {}
        """The parts that are written, by their first place."""
        lines = list(self._lines())
        if lines and lines[0].get("key") == key:
            self.form = Form(**{**lines[0]["form"], "size": tuple(lines[0]["form"]["size"])})
            self.parts = {line["start"]: _part(line) for line in lines[1:]}

    def _lines(self) -> Iterator[dict[str, Any]]:
        try:
            text = self.path.read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return
        for line in text.splitlines():
            try:
                found = json.loads(line)
            except ValueError:
                return
            if not isinstance(found, dict):
                return
            yield found

    def begin(self, form: Form) -> None:
        """Write down the form, and the parts known so far."""
        self.form = form
        lines = [json.dumps({"key": self._key, "form": asdict(form)})]
        lines += [json.dumps(_line(part)) for part in self.parts.values()]
        self.path.write_text("\n".join(lines) + "\n", encoding="utf-8")

    def add(self, part: Decoded) -> None:
        """Write down that a part is in the draft."""
        self.parts[part.start] = part
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(_line(part)) + "\n")

    def verify(self, target: Target, places: list[range]) -> None:
        """Forget the parts that are not at these places, or are not what was written."""
        form, whole = target.form, {part.start: part for part in places}
        known, self.parts = self.parts, {}
        if not known:
            return
        with target.path.open("rb") as file:
            for start, part in known.items():
                count = len(whole.get(start, ()))
                file.seek(target.offset + start * target.row)
                content = file.read(count * target.row)
                if not count or len(content) != count * target.row:
                    continue
                images = np.frombuffer(content, form.dtype).reshape(
                    count, *form.size, form.channels
                )
                if np.array_equal(content_hashes(images.transpose(0, 3, 1, 2)), part.hashes):
                    self.parts[start] = part


def _line(part: Decoded) -> dict[str, Any]:
    looks = [
        [[*one.size, one.channels, one.bits, sorted(one.traits)], len(list(same))]
        for one, same in groupby(part.looks)
    ]
    return {
        "start": part.start,
        "hashes": part.hashes.astype("<u8").tobytes().hex(),
        "looks": looks,
    }


def _part(line: dict[str, Any]) -> Decoded:
    hashes = np.frombuffer(bytes.fromhex(line["hashes"]), "<u8").astype(np.uint64)
    looks = [
        Look((height, width), channels, bits, frozenset(traits))
        for (height, width, channels, bits, traits), count in line["looks"]
        for _ in range(count)
    ]
    return Decoded(line["start"], hashes, tuple(looks), ())
