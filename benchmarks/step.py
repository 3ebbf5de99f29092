"""Speed of a step: a plain loop, a bare loop of the same fast step, and the trainer.

python -m benchmarks.step [--rounds 7] [--passes 24] [--write]
"""

from __future__ import annotations

import argparse
import copy
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, nullcontext
from functools import partial
from itertools import count
from statistics import median
from subprocess import PIPE

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus
from torch.utils.data import DataLoader, TensorDataset

from benchmarks.common import ROOT, Page, Setup, parser, setup, spread, stepper
from gantlet.averages import ema_, half_life, half_life_beta
from gantlet.data.split import split
from gantlet.training.machine import settled
from gantlet.training.trainer import built
from gantlet.training.workers import Workers, workers_for

__all__ = ["bare", "main", "ours", "plain"]

Step = Callable[[], None]
Loss = Callable[[Tensor], Tensor]

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


def plain(what: Setup, fakes: int) -> Step:
    """The loop of the usual tutorials: float32, NCHW, default Adam.

    Arguments:
        fakes: batches of generated images a step, 1 for both players or 2, one for each.
    """
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
        if fakes == 2:
            fake = G(torch.randn(len(x), latent), y)
        bce(D(fake, y).logits, ones).backward()
        adam_g.step()

    return step


def _gradients(
    what: Setup, loss: Loss, adam: torch.optim.Adam, parts: int, at: Tensor
) -> Sequence[Tensor]:
    """Gradients of one part's share of the mean loss."""
    with what.machine.autocast():
        per_sample = loss(at)
    return torch.autograd.grad(per_sample.mean() / parts, adam.param_groups[0]["params"])


def _add_gradients(adam: torch.optim.Adam, parts: Iterable[Sequence[Tensor]]) -> None:
    for gradients in parts:
        for weight, gradient in zip(adam.param_groups[0]["params"], gradients, strict=True):
            weight.grad = gradient if weight.grad is None else weight.grad + gradient


def bare(what: Setup, workers: bool) -> Step:
    """The trainer's step written out: bytes in memory, bf16, channels_last, fused Adam, EMA.

    Arguments:
        workers: share the batch between as many threads as the trainer does (decision 8);
            else threads work within each operation.
    """
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
    game = built(what.config, spec)
    number = workers_for(game, train, what.machine, train.batch) if workers else 1
    pool = Workers(number, what.machine.threads)

    def fakes(y: Tensor) -> Tensor:
        made: Tensor = G(torch.randn(len(y), latent), y)
        return made

    def criticise(at: Tensor) -> Tensor:
        x, y = spec.encode(raw[at]), labels[at]
        with torch.no_grad():
            fake = fakes(y)
        return softplus(-D(x, y).logits) + softplus(D(fake, y).logits)

    def persuade(at: Tensor) -> Tensor:
        y = labels[at]
        return softplus(-D(fakes(y), y).logits)

    def move(loss: Loss, adam: torch.optim.Adam) -> None:
        parts = torch.randint(len(raw), (train.batch,)).chunk(number)
        _add_gradients(adam, pool.map(partial(_gradients, what, loss, adam, number), parts))
        adam.step()
        adam.zero_grad(set_to_none=True)

    def step() -> None:
        D.requires_grad_(True)
        move(criticise, adam_d)
        D.requires_grad_(False)
        move(persuade, adam_g)
        span = half_life(next(places) * train.batch, train.ema_half_life, train.ema_ramp)
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


CONTENDERS: Mapping[str, Callable[[Setup], Step]] = {
    "plain 1": partial(plain, fakes=1),
    "plain 2": partial(plain, fakes=2),
    "bare": partial(bare, workers=False),
    "shared": partial(bare, workers=True),
    "trainer": ours,
}


def _work(name: str) -> None:
    """In a process of its own: play as many steps as each line of input says; answer with ms."""
    what = setup(None, "dcgan")
    torch.set_num_threads(what.machine.threads)
    fast = not name.startswith("plain")
    with settled(what.machine, what.config.train) if fast else nullcontext():
        step = CONTENDERS[name](what)
        for line in sys.stdin:
            print(_milliseconds(step, int(line)), flush=True)


def _rounds(rounds: int, passes: int) -> dict[str, list[float]]:
    """Milliseconds a step of each loop, for each round."""
    times: dict[str, list[float]] = {name: [] for name in CONTENDERS}
    with ExitStack() as stack:
        processes = {}
        for name in CONTENDERS:
            command = [sys.executable, "-m", "benchmarks.step", "--work", name]
            process = subprocess.Popen(command, cwd=ROOT, stdin=PIPE, stdout=PIPE, text=True)
            processes[name] = stack.enter_context(process)
        for _ in range(rounds + 1):
            for name, process in processes.items():
                times[name].append(_asked(process, passes))
            print(", ".join(f"{name} {t[-1]:.1f} ms" for name, t in times.items()), flush=True)
    return {name: t[1:] for name, t in times.items()}  # the first round warms up


def _asked(process: subprocess.Popen[str], passes: int) -> float:
    if process.stdin is None or process.stdout is None:
        raise SystemExit("the process has no pipes")
    process.stdin.write(f"{passes}\n")
    process.stdin.flush()
    return float(process.stdout.readline())


def _ratios(times: dict[str, list[float]], over: str, under: str) -> list[float]:
    return [a / b for a, b in zip(times[over], times[under], strict=True)]


def _rows(times: dict[str, list[float]]) -> list[tuple[str, str, str]]:
    one, two = (_ratios(times, name, "trainer") for name in ("plain 1", "plain 2"))
    beyond, same = (
        [100 * (ratio - 1) for ratio in _ratios(times, "trainer", name)]
        for name in ("bare", "shared")
    )
    fast = [f"at least {SPEED}: {_word(median(r) >= SPEED)}" for r in (one, two)]
    lean = [
        f"at most {100 * OVERHEAD:.0f} %: {_word(median(over) <= 100 * OVERHEAD)}"
        for over in (same, beyond)
    ]
    return [
        ("plain loop, one batch of fakes, ms", spread(times["plain 1"], ".1f"), ""),
        ("plain loop, two batches of fakes, ms", spread(times["plain 2"], ".1f"), ""),
        ("bare loop with workers, ms", spread(times["shared"], ".1f"), ""),
        ("bare loop, ms", spread(times["bare"], ".1f"), ""),
        ("trainer, ms", spread(times["trainer"], ".1f"), ""),
        ("plain with one / trainer", spread(one), fast[0]),
        ("plain with two / trainer", spread(two), fast[1]),
        ("trainer / bare with workers - 1, %", spread(same, ".1f"), lean[0]),
        ("trainer / bare - 1, %", spread(beyond, ".1f"), lean[1]),
    ]


def _word(reached: bool) -> str:
    return "reached" if reached else "missed"


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--rounds", type=int, default=7)
    options.add_argument("--passes", type=int, default=24, help="in a block")
    options.add_argument("--work", choices=list(CONTENDERS), help=argparse.SUPPRESS)
    given = options.parse_args()
    if given.work:
        _work(given.work)
        return
    what = setup(None, "dcgan")
    rows = _rows(_rounds(given.rounds, given.passes))
    Page(
        name="step",
        title="Speed of a step",
        text=f"MNIST with labels, recipe `dcgan`, batch {what.config.train.batch}, "
        f"{what.machine.threads} thread(s), {what.machine.precision}; blocks of each in turn, "
        "each in a process of its own that sleeps meanwhile (the trainer has its process keep "
        "freed memory, which would serve the others too); ratios are taken round by round. All "
        "use the same networks. The plain loop is a newcomer's: a `TensorDataset` of float32 NCHW "
        "in memory, a `DataLoader` without workers, default Adam, binary cross-entropy. With one "
        "batch of generated images for both players it does less than the trainer, which draws "
        "one for each; with two it does the same. The bare loop is the trainer's step written out "
        "by hand: bytes in memory, the same precision, channels_last, fused Adam, averaged "
        "generator. With workers it is the same step: the batch is shared between as many threads "
        "as the trainer's (decision 8), so that what remains is the trainer's own cost: its "
        "random numbers by sample, its meters, its order of the data, its looks for numbers that "
        "are not finite. Without, threads work within operations, which on some machines is worth "
        "less than the trainer costs.",
        command="python -m benchmarks.step --write",
        n=f"{given.rounds} rounds of {given.passes} passes of each, after one to warm up",
        columns=("a step", "median (range)", "target"),
        rows=rows,
    ).publish(given.write)


if __name__ == "__main__":
    main()
