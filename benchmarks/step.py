"""Speed of a step: a plain loop, a bare loop of the same fast step, and the trainer.

python -m benchmarks.step [--rounds 7] [--passes 24] [--write]
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterator
from itertools import count
from statistics import median

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus
from torch.utils.data import DataLoader, TensorDataset

from benchmarks.common import Page, Setup, parser, setup, spread, stepper
from gantlet.averages import ema_, half_life, half_life_beta
from gantlet.data.split import split
from gantlet.train.machine import settled
from gantlet.train.trainer import built

__all__ = ["bare", "main", "ours", "plain"]

Step = Callable[[], None]

SPEED, OVERHEAD = 1.7, 0.05
"""Targets: the trainer's speed over the plain loop's, its time beyond the bare loop's."""


def _players(what: Setup) -> tuple[nn.Module, nn.Module, int]:
    players = built(what.config, what.dataset.spec).players.train()
    return players["generator"], players["discriminator"], what.config.network.latent


def _rates(what: Setup) -> tuple[float, tuple[float, float]]:
    adam = what.config.optimisers["generator"]
    if not isinstance(adam.lr, float) or not isinstance(adam.beta2, float):
        raise SystemExit("this benchmark needs constant rates")
    return adam.lr, (adam.beta1, adam.beta2)


def _raw(what: Setup) -> tuple[Tensor, Tensor]:
    """Training images as bytes, (N, C, H, W), and their labels."""
    kept = split(what.dataset, what.config.data).train
    if what.dataset.y is None:
        raise SystemExit("this benchmark needs labels")
    return torch.from_numpy(what.dataset.raw[kept]), torch.from_numpy(what.dataset.y[kept])


def plain(what: Setup) -> Step:
    """The loop of the usual tutorials: float32, NCHW, default Adam, one batch of fakes."""
    raw, labels = _raw(what)
    data = TensorDataset(what.dataset.spec.encode(raw).contiguous(), labels)
    loader = DataLoader(data, what.config.train.batch, shuffle=True, drop_last=True)
    G, D, latent = _players(what)
    lr, betas = _rates(what)
    adam_g = torch.optim.Adam(G.parameters(), lr, betas)
    adam_d = torch.optim.Adam(D.parameters(), lr, betas)
    bce = nn.BCEWithLogitsLoss()

    def endless() -> Iterator[list[Tensor]]:
        while True:
            yield from loader

    batches = endless()

    def step() -> None:
        x, y = next(batches)
        ones, zeros = torch.ones(len(x)), torch.zeros(len(x))
        fake = G(torch.randn(len(x), latent), y)
        adam_d.zero_grad()
        loss_d = bce(D(x, y).logits, ones) + bce(D(fake.detach(), y).logits, zeros)
        loss_d.backward()
        adam_d.step()
        adam_g.zero_grad()
        bce(D(fake, y).logits, ones).backward()
        adam_g.step()

    return step


def bare(what: Setup) -> Step:
    """The trainer's step written out: bytes in memory, bf16, channels_last, fused Adam, EMA."""
    raw, labels = _raw(what)
    raw = raw.contiguous(memory_format=torch.channels_last)
    train, spec = what.config.train, what.dataset.spec
    G, D, latent = _players(what)
    for weight in (*G.parameters(), *D.parameters()):
        if weight.dim() == 4:
            weight.data = weight.data.contiguous(memory_format=torch.channels_last)
    averaged = copy.deepcopy(G).requires_grad_(False)
    lr, betas = _rates(what)
    adam_g = torch.optim.Adam(G.parameters(), lr, betas, fused=True)
    adam_d = torch.optim.Adam(D.parameters(), lr, betas, fused=True)
    places = count()

    def fakes(y: Tensor) -> Tensor:
        made: Tensor = G(torch.randn(len(y), latent), y)
        return made

    def step() -> None:
        position = next(places)
        at = torch.randint(len(raw), (train.batch,))
        x, y = spec.encode(raw[at]), labels[at]
        D.requires_grad_(True)
        with what.machine.autocast():
            with torch.no_grad():
                fake = fakes(y)
            loss = softplus(-D(x, y).logits) + softplus(D(fake, y).logits)
        loss.mean().backward()
        adam_d.step()
        adam_d.zero_grad(set_to_none=True)
        D.requires_grad_(False)
        y = labels[torch.randint(len(raw), (train.batch,))]
        with what.machine.autocast():
            loss = softplus(-D(fakes(y), y).logits)
        loss.mean().backward()
        adam_g.step()
        adam_g.zero_grad(set_to_none=True)
        span = half_life(position * train.batch, train.ema_half_life, train.ema_ramp)
        beta = half_life_beta(train.batch, span)
        ema_(list(averaged.parameters()), list(G.parameters()), beta)

    return step


def ours(what: Setup) -> Step:
    """The trainer's stepper, with its look for numbers that are not finite."""
    player, places = stepper(what), count()

    def step() -> None:
        position = next(places)
        player.play(position)
        if position % 32 == 31 and not player.is_finite():
            raise SystemExit("numbers ceased to be finite")

    return step


def _milliseconds(step: Step, passes: int) -> float:
    start = time.perf_counter()
    for _ in range(passes):
        step()
    return (time.perf_counter() - start) / passes * 1e3


def _rounds(what: Setup, rounds: int, passes: int) -> list[tuple[float, float, float]]:
    """Milliseconds a step of the plain loop, the bare loop and the trainer, for each round."""
    torch.set_num_threads(what.machine.threads)
    slow, loop, fast = plain(what), bare(what), ours(what)
    times = []
    for _ in range(rounds + 1):
        first = _milliseconds(slow, passes)
        with settled(what.machine, what.config.train):
            times.append((first, _milliseconds(loop, passes), _milliseconds(fast, passes)))
        print(" ".join(f"{t:.1f}" for t in times[-1]), flush=True)
    return times[1:]  # the first round warms up


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--rounds", type=int, default=7)
    options.add_argument("--passes", type=int, default=24, help="in a block")
    given = options.parse_args()
    what = setup(None, "dcgan")
    times = _rounds(what, given.rounds, given.passes)
    slow, loop, fast = zip(*times, strict=True)
    speeds, overheads = [a / c for a, _, c in times], [100 * (c / b - 1) for _, b, c in times]
    quick = "reached" if median(speeds) >= SPEED else "missed"
    lean = "reached" if median(overheads) <= 100 * OVERHEAD else "missed"
    Page(
        name="step",
        title="Speed of a step",
        text=f"MNIST with labels, recipe `dcgan`, batch {what.config.train.batch}, "
        f"{what.machine.threads} thread(s), {what.machine.precision}; blocks of the three in turn "
        "in one process. All three use the same networks. The plain loop is a newcomer's: a "
        "`TensorDataset` of float32 NCHW in memory, a `DataLoader` without workers, default "
        "Adam, binary cross-entropy, one batch of generated images for both players (the others "
        "generate two, which is more work). The bare loop is the trainer's step written out by "
        "hand: bytes in memory, bf16, channels_last, fused Adam, averaged generator.",
        command="python -m benchmarks.step --write",
        n=f"{given.rounds} rounds of {given.passes} passes of each, after one to warm up",
        columns=("", "median (range)", "target"),
        rows=[
            ("plain loop, ms a step", spread(slow, ".1f"), ""),
            ("bare loop, ms a step", spread(loop, ".1f"), ""),
            ("trainer, ms a step", spread(fast, ".1f"), ""),
            ("plain / trainer, a round", spread(speeds), f"at least {SPEED}: {quick}"),
            (
                "trainer / bare - 1, a round, %",
                spread(overheads, ".1f"),
                f"at most {100 * OVERHEAD:.0f}: {lean}",
            ),
        ],
    ).publish(given.write)


if __name__ == "__main__":
    main()
