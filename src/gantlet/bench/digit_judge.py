"""A classifier that says which digit an image shows, trained once on an MNIST folder."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor, nn
from torch.nn import functional as F

from gantlet.data.idx import find_idx, read_idx
from gantlet.errors import UsageError
from gantlet.files import replaced
from gantlet.metrics.extractors.base import checksum
from gantlet.rng import permutation, seed_of

__all__ = ["DigitJudge", "Digits", "judge", "read_digits"]

_EPOCHS, _BATCH, _PEAK = 3, 128, 3e-3
_LEAST = 300
"""Steps of training, where digits are few."""
_CHUNK = 1000


class Digits:
    """Images (N, 28, 28) of bytes with their labels (N,); the last `test` of them for tests."""

    def __init__(self, parts: Sequence[tuple[NDArray[np.uint8], NDArray[np.int64]]]) -> None:
        self.x = np.concatenate([x for x, _ in parts])
        self.y = np.concatenate([y for _, y in parts])
        self.test = len(parts[-1][1]) if len(parts) > 1 else 0


def _pair(folder: Path, images: Path) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    stem = images.name.replace("images", "labels").replace("idx3", "idx1").removesuffix(".gz")
    beside = [p for p in (folder / stem, folder / f"{stem}.gz") if p.is_file()]
    if not beside:
        raise UsageError(
            f"the labels of {images}", expected=f"a file {stem} or {stem}.gz beside it"
        )
    x, y = np.asarray(read_idx(images)), np.asarray(read_idx(beside[0]))
    if x.dtype != np.uint8 or x.ndim != 3 or len(x) != len(y) or y.min() < 0 or y.max() > 9:
        raise UsageError(
            str(images),
            expected="images of bytes, with a label from 0 to 9 each",
            received=f"{x.dtype} of shape {x.shape} and {len(y)} labels",
        )
    return x, y.astype(np.int64)


@cache
def read_digits(folder: Path) -> Digits:
    """Training digits, then test digits where they are there, of an MNIST folder.

    Raises UsageError where the folder has no training images.
    """
    files = {p.name.removesuffix(".gz"): p for p in find_idx(folder) if "images" in p.name}
    order = sorted(files, key=lambda name: ("train" not in name, name))
    if not order or "train" not in order[0]:
        raise UsageError(
            f"the folder {folder}",
            expected="MNIST's idx files: train-images-idx3-ubyte, train-labels-idx1-ubyte, "
            "t10k-images-idx3-ubyte, t10k-labels-idx1-ubyte, .gz or not",
            received="no training images",
            remedy="Give their folder with --data.",
        )
    return Digits([_pair(folder, files[name]) for name in order])


class DigitJudge(nn.Module):
    """Two convolutions and two dense layers: bytes (B, 1, H, W) to the logits of 10 digits."""

    def __init__(self, side: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            *(nn.Conv2d(1, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
            *(nn.Conv2d(32, 64, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
            *(nn.Flatten(), nn.Linear(64 * (side // 4) ** 2, 128), nn.ReLU(), nn.Dropout(0.25)),
            nn.Linear(128, 10),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Logits (B, 10)."""
        logits: Tensor = self.layers(x.float() / 255 - 0.13)
        return logits


def judge(folder: Path, home: Path) -> tuple[DigitJudge, float]:
    """The judge of a folder's digits, and its accuracy on the test digits (NaN without any).

    It is trained the first time, and kept in `home` by its training digits.
    """
    digits = read_digits(folder)
    model, first = DigitJudge(digits.x.shape[1]), len(digits.x) - digits.test
    both = {"x": torch.from_numpy(digits.x), "y": torch.from_numpy(digits.y)}
    known = checksum({name: part[:first] for name, part in both.items()})
    kept = home / f"judge-{known[:12]}.safetensors"
    try:
        model.load_state_dict(load_file(kept))
    except (OSError, SafetensorError):  # none is there, or no whole one
        _train(model, digits)
        home.mkdir(parents=True, exist_ok=True)
        replaced(kept, save(model.state_dict()))
    model.eval().requires_grad_(False)
    x, y = both["x"][first:, None], both["y"][first:]
    answers = [model(part).argmax(1) for part in x.split(_CHUNK)] if digits.test else []
    right = torch.cat([*answers, y[:0]]) == y
    return model, float(right.double().mean())


def _train(model: DigitJudge, digits: Digits) -> None:
    n = len(digits.x) - digits.test
    x, y = torch.from_numpy(digits.x[:n])[:, None], torch.from_numpy(digits.y[:n])
    epochs = max(_EPOCHS, -(-_LEAST * _BATCH // n))
    with torch.random.fork_rng():
        torch.manual_seed(seed_of(0, "judge"))
        for layer in model.layers:
            if isinstance(layer, nn.Conv2d | nn.Linear):
                layer.reset_parameters()
        adam = torch.optim.Adam(model.parameters())
        order = torch.cat([permutation(0, "judge", epoch, n) for epoch in range(epochs)])
        batches = order.split(_BATCH)
        schedule = torch.optim.lr_scheduler.OneCycleLR(adam, _PEAK, len(batches))
        model.train()
        for at in batches:
            adam.zero_grad()
            F.cross_entropy(model(x[at]), y[at]).backward()
            adam.step()
            schedule.step()
