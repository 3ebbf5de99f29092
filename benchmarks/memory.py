"""Private memory of a training on a packed set that is larger than it may hold.

python -m benchmarks.memory [--gigabytes 3] [--seconds 20] [--folder TMP] [--write]
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.common import ROOT, Page, parser
from gantlet.training.folder import Folder

__all__ = ["Peaks", "main", "random_images", "watched"]

TARGET = 1.5e9
SIDE, CHANNELS = 64, 3
NETWORK = ("network.width=4", "network.latent=16")


def random_images(path: Path, size: int) -> int:
    """Write an .npy of `size` bytes of uint8 noise, a part at a time; the number of images."""
    count = size // (SIDE * SIDE * CHANNELS)
    shape, noise = (count, SIDE, SIDE, CHANNELS), np.random.default_rng(0)
    with path.open("wb") as file:
        header = {"descr": "|u1", "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(file, header)
        for start in range(0, count, 4096):
            part = (min(4096, count - start), *shape[1:])
            file.write(noise.integers(0, 256, part, dtype=np.uint8).tobytes())
    return count


@dataclass
class Peaks:
    """Largest sizes seen, in bytes."""

    private: int = 0
    """Private_Clean + Private_Dirty: all pages that no other process maps."""
    anonymous: int = 0
    """The part of it that no file backs, which the system cannot take back."""
    readings: int = 0

    def take(self, process: int) -> None:
        """Read the sizes of a process; nothing happens if it has just ended."""
        try:
            text = Path(f"/proc/{process}/smaps_rollup").read_text(encoding="ascii")
        except OSError:
            return
        sizes = {
            line.split(":")[0]: int(line.split()[1]) * 1024
            for line in text.splitlines()
            if line.endswith("kB")
        }
        if not sizes:
            return
        self.private = max(self.private, sizes["Private_Clean"] + sizes["Private_Dirty"])
        self.anonymous = max(self.anonymous, sizes["Anonymous"])
        self.readings += 1


def watched(command: list[str], interval: float = 0.1) -> Peaks:
    """Run a command to its end and watch its memory."""
    peaks = Peaks()
    with subprocess.Popen(command, cwd=ROOT) as process:
        while process.poll() is None:
            peaks.take(process.pid)
            time.sleep(interval)
    if process.returncode:
        raise SystemExit(f"the training ended with code {process.returncode}")
    return peaks


def _trained(given: argparse.Namespace) -> tuple[int, int, Peaks]:
    """Images, samples seen, peaks."""
    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        data, out = Path(folder) / "noise.npy", Path(folder) / "run"
        images = random_images(data, int(given.gigabytes * 1e9))
        command = [sys.executable, "-m", "gantlet", "train", str(data), "--recipe", "dcgan"]
        command += ["--out", str(out), "--minutes", str(given.seconds / 60), *NETWORK]
        peaks = watched([*command, "train.tick=2000"])
        seen = max(int(path.name) for path in Folder(out).checkpoints.glob("[0-9]*"))
        return images, seen, peaks


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--gigabytes", type=float, default=3.0)
    options.add_argument("--seconds", type=float, default=20.0, help="of training")
    options.add_argument("--folder", help="where to put the file (default: the system's)")
    given = options.parse_args()
    images, seen, peaks = _trained(given)
    reached = "reached" if peaks.private < TARGET else "missed"
    Page(
        name="memory",
        title="Memory of a large packed set",
        text=f"`gantlet train` on one .npy file of {given.gigabytes:g} GB ({images:,} colour "
        f"images of {SIDE}x{SIDE} pixels, noise) with a narrow `dcgan`: opened, hashed, split and "
        f"trained on. The largest readings of `/proc/PID/smaps_rollup` are shown. "
        f"Target: under {TARGET / 1e9} GB private; {reached}.",
        command="python -m benchmarks.memory --write",
        n=f"{peaks.readings} readings, one each 0.1 s; {seen:,} samples seen in training",
        columns=("memory", "largest reading, GB"),
        end="Pages of a mapped file are the system's own cache, counted for the only process that "
        "maps them; the system drops them when memory is short.",
        rows=[
            ("private (Private_Clean + Private_Dirty)", f"{peaks.private / 1e9:.2f}"),
            ("of it anonymous (no file behind it)", f"{peaks.anonymous / 1e9:.2f}"),
            ("the rest: pages of mapped files", f"{(peaks.private - peaks.anonymous) / 1e9:.2f}"),
        ],
    ).publish(given.write)


if __name__ == "__main__":
    main()
