"""A small digit classifier that says which digit a generated image shows."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional as F

from gantlet.data.idx import read_idx

__all__ = ["Classifier", "accuracy", "trained", "wilson"]

EPOCHS, BATCH = 2, 128


class Classifier(nn.Module):
    """Two convolutions and two dense layers: bytes of shape (B, 1, 28, 28) to logits (B, 10)."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            *(nn.Conv2d(1, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
            *(nn.Conv2d(32, 64, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
            *(nn.Flatten(), nn.Linear(64 * 49, 128), nn.ReLU(), nn.Dropout(0.25)),
            nn.Linear(128, 10),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Logits of the ten digits."""
        logits: Tensor = self.layers(x.float() / 255 - 0.13)
        return logits


def _read(folder: Path, part: str) -> tuple[Tensor, Tensor]:
    x = read_idx(folder / f"{part}-images-idx3-ubyte.gz")
    y = read_idx(folder / f"{part}-labels-idx1-ubyte.gz")
    return torch.tensor(x)[:, None], torch.tensor(y, dtype=torch.int64)


@torch.no_grad()
def accuracy(model: Callable[[Tensor], Tensor], x: Tensor, y: Tensor) -> float:
    """Share of images whose likeliest digit is y."""
    answers = torch.cat([model(part).argmax(1) for part in x.split(1000)])
    return float((answers == y).double().mean())


def _train(folder: Path) -> Classifier:
    torch.manual_seed(0)
    x, y = _read(folder, "train")
    model, steps = Classifier(), EPOCHS * (len(x) // BATCH)
    adam = torch.optim.Adam(model.parameters())
    schedule = torch.optim.lr_scheduler.OneCycleLR(adam, 3e-3, steps)
    for step in range(steps):
        at = torch.randint(len(x), (BATCH,))
        adam.zero_grad()
        F.cross_entropy(model(x[at]), y[at]).backward()
        adam.step()
        schedule.step()
        if step % 200 == 0:
            print(f"classifier: step {step} of {steps}", flush=True)
    return model.eval()


def trained(mnist: Path, cache: Path) -> tuple[Classifier, float]:
    """The classifier, trained on MNIST's training images once, and its accuracy on the test's."""
    model = Classifier().eval()
    if cache.exists():
        model.load_state_dict(load_file(cache))
    else:
        model = _train(mnist)
        cache.parent.mkdir(parents=True, exist_ok=True)
        save_file(model.state_dict(), cache)
    return model, accuracy(model, *_read(mnist, "t10k"))


def wilson(hits: int, n: int, z: float = 1.959964) -> tuple[float, float]:
    r"""Wilson's interval of p = hits/n: (p + z^2/2n \pm z sqrt(pq/n + z^2/4n^2)) / (1 + z^2/n).

    Source: Wilson (1927), Probable Inference, the Law of Succession, and Statistical Inference,
    https://doi.org/10.1080/01621459.1927.10502953
    """
    p, square = hits / n, z * z / n
    middle, half = p + square / 2, z * math.sqrt(p * (1 - p) / n + square / (4 * n))
    return (middle - half) / (1 + square), (middle + half) / (1 + square)
