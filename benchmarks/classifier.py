"""A small digit classifier that says which digit a generated image shows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn import functional as F

from gantlet.bench.digit_judge import DigitJudge
from gantlet.data.idx import read_idx

__all__ = ["accuracy", "trained"]

EPOCHS, BATCH = 2, 128


def _read(folder: Path, part: str) -> tuple[Tensor, Tensor]:
    x = read_idx(folder / f"{part}-images-idx3-ubyte.gz")
    y = read_idx(folder / f"{part}-labels-idx1-ubyte.gz")
    return torch.tensor(x)[:, None], torch.tensor(y, dtype=torch.int64)


@torch.no_grad()
def accuracy(model: Callable[[Tensor], Tensor], x: Tensor, y: Tensor) -> float:
    """Share of images whose likeliest digit is y."""
    answers = torch.cat([model(part).argmax(1) for part in x.split(1000)])
    return float((answers == y).double().mean())


def _train(folder: Path) -> DigitJudge:
    torch.manual_seed(0)
    x, y = _read(folder, "train")
    model, steps = DigitJudge(28), EPOCHS * (len(x) // BATCH)
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


def trained(mnist: Path, cache: Path) -> tuple[DigitJudge, float]:
    """The classifier, trained on MNIST's training images once, and its accuracy on the test's."""
    model = DigitJudge(28).eval()
    if cache.exists():
        model.load_state_dict(load_file(cache))
    else:
        model = _train(mnist)
        cache.parent.mkdir(parents=True, exist_ok=True)
        save_file(model.state_dict(), cache)
    return model, accuracy(model, *_read(mnist, "t10k"))
