"""Packing 60,000 MNIST PNGs in a zip, and how long training waits for packed data.

python -m benchmarks.pack [--repeats 3] [--seconds 20] [--folder TMP] [--write]
"""

from __future__ import annotations

import argparse
import io
import os
import subprocess
import sys
import tempfile
import time
import zipfile
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from benchmarks.common import ROOT, Page, mnist, parser, setup, spread, stepper
from gantlet.config import Train
from gantlet.data import Dataset, open_data
from gantlet.recipes import chosen
from gantlet.spec import Batch
from gantlet.training.machine import find_machine, settled

__all__ = ["Waiting", "images_in_a_zip", "main", "packed", "waiting"]

RATE, SHARE = 15_000, 0.02
WORKERS = 2


def images_in_a_zip(path: Path) -> Dataset:
    """Write MNIST's training images as PNG, in a folder for each digit, not compressed again."""
    data = open_data(mnist())
    assert data.y is not None
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for i, (image, label) in enumerate(zip(data.raw[:, 0], data.y, strict=True)):
            stream = io.BytesIO()
            Image.fromarray(image).save(stream, "PNG")
            archive.writestr(f"{label}/{i:05}.png", stream.getvalue())
    return data


_PACKING = """
import resource, sys, time
from pathlib import Path
from gantlet.data.packing import pack

def used():
    usages = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)

clock, processors = time.perf_counter(), used()
done = pack(sys.argv[1], Path(sys.argv[2]), workers=int(sys.argv[3]))
assert done.made == done.count
print(time.perf_counter() - clock, used() - processors)
"""


def packed(archive: Path, out: Path) -> tuple[float, float]:
    """Seconds by the clock and seconds of processors of a packing, in a process of its own."""
    out.unlink(missing_ok=True)
    command = [sys.executable, "-c", _PACKING, str(archive), str(out), str(WORKERS)]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    clock, processors = map(float, done.stdout.split())
    return clock, processors


@dataclass(frozen=True)
class Waiting:
    """Where the time of a training went."""

    recipe: str
    seconds: float
    waited: float
    """Seconds in which a step asked for real samples and had not got them."""
    samples: int


def waiting(data: Dataset, recipe: str, seconds: float) -> Waiting:
    """Train for some seconds, and time each request for samples."""
    what = setup(data, recipe)
    played = stepper(what)
    batch, waited = played.feed.batch, 0.0

    def timed(stream: str, start: int, count: int) -> Batch:
        nonlocal waited
        began = time.perf_counter()
        real = batch(stream, start, count)
        waited += time.perf_counter() - began
        return real

    played.feed.batch = timed  # type: ignore[method-assign]
    played.play(0)  # warms up
    waited, position, began = 0.0, 1, time.perf_counter()
    while time.perf_counter() - began < seconds:
        played.play(position)
        position += 1
    taken = time.perf_counter() - began
    return Waiting(recipe, taken, waited, (position - 1) * what.config.train.batch)


def _measured(given: argparse.Namespace, folder: Path) -> None:
    archive, out = folder / "mnist.zip", folder / "mnist.pack"
    count = len(images_in_a_zip(archive))
    runs = [packed(archive, out) for _ in range(given.repeats)]
    opened = time.perf_counter()
    data = open_data(out)
    opened = time.perf_counter() - opened
    names = (chosen(data.spec)[0], "mlp")
    with settled(find_machine(Train()), Train()):
        trained = [waiting(data, name, given.seconds / len(names)) for name in names]
    rates = [count / clock for clock, _ in runs]
    free = [WORKERS * count / processors for _, processors in runs]
    Page(
        name="pack",
        title="Packed data",
        text=f"`gantlet pack` on a zip of {count:,} MNIST images as PNG with {WORKERS} processes: "
        "from the call to the file under its name, the start of the processes included, that of "
        "Python not. Then training on that file with the recipe that is chosen for it, and with "
        "the one of the shortest step: the time in which steps wait for real samples, gathering "
        "and encoding included.",
        command="python -m benchmarks.pack --write",
        n=f"{given.repeats} packings; "
        + ", ".join(f"{one.samples:,} samples of {one.recipe}" for one in trained),
        columns=("what", "target", "measured"),
        rows=[
            ("images/s by the clock", f"{RATE:,}", spread(rates, ",.0f")),
            (f"images for {WORKERS} seconds of processors", f"{RATE:,}", spread(free, ",.0f")),
            ("opening the file, ms", "", f"{opened * 1e3:.0f}"),
            *(
                (f"waiting for data, {t.recipe}", target, f"{t.waited / t.seconds:.2%}")
                for t, target in zip(trained, (f"{SHARE:.0%}", ""), strict=True)
            ),
        ],
        end=f"Load of the machine at the end, by other programs too: {os.getloadavg()[0]:.1f}.",
    ).publish(given.write)


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--repeats", type=int, default=3)
    options.add_argument("--seconds", type=float, default=20.0, help="of training")
    options.add_argument("--folder", help="where to put the files (default: the system's)")
    given = options.parse_args()
    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        _measured(given, Path(folder))


if __name__ == "__main__":
    main()
