"""Recipes learn: small networks and short budgets, judged by closed forms."""

from pathlib import Path

import numpy as np
import torch

from gantlet.config import Config, override
from gantlet.data import Dataset, open_data
from gantlet.data.builtin import ring
from gantlet.data.split import split
from gantlet.recipes import recipe, tiny
from gantlet.spec import Condition, DataSpec
from gantlet.training.folder import Folder
from gantlet.training.machine import Machine
from gantlet.training.snapshot import generate, make_ready
from gantlet.training.trainer import Trainer, built

RATES = ("optimisers.generator.lr=2e-3", "optimisers.discriminator.lr=2e-3")
PENALTIES = "game.penalties={r1: 0.1, r2: 0.1}"


def learned(path: Path, dataset: Dataset, config: Config, samples: int) -> Trainer:
    """A trainer whose averaged generator, ready for sampling, has seen so many samples."""
    folder = Folder(path)
    folder.create()
    machine = Machine("cpu", "float32", torch.get_num_threads())
    game, divided = built(config, dataset.spec), split(dataset, config.data)
    run = Trainer(game, dataset, divided, config, machine, folder)
    for position in range(samples // config.train.batch):
        run.stepper.play(position)
    make_ready(run.game, run.averaged, run.spec, run.machine)
    return run


def made(run: Trainer, count: int, y: torch.Tensor | None = None) -> np.ndarray:
    return generate(run.game, run.averaged, run.spec, run.machine, seed=0, count=count, y=y)


def test_points_find_all_modes_of_the_ring(tmp_path):
    """8 Gaussians of standard deviation 0.01 on the unit circle."""
    dataset = open_data("ring")
    config = override(
        recipe("points", dataset.spec),
        [
            *RATES,
            PENALTIES,
            "network.hidden=[64,64]",
            "network.latent=4",
            "train.batch=64",
            "train.ema_half_life=2000",
        ],
    )
    x = made(learned(tmp_path, dataset, config, 160_000), 1000)
    off_ring = np.abs(np.linalg.norm(x, axis=1) - 1)
    assert (off_ring < 0.1).mean() > 0.8  # 0.91 where this was written
    gaps = np.linalg.norm(x[:, None] - ring().centres, axis=2)
    near = np.bincount(gaps.argmin(1)[gaps.min(1) < 0.1], minlength=8)
    assert (near >= 10).sum() >= 7  # all 8 had 43 or more
    assert near.sum() > 300


def stripes(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """n noisy images of 8x8: stripes that lie (class 0) or stand (class 1), in one of 2 phases."""
    random = np.random.default_rng(seed)
    y = np.arange(n) % 2
    wave = 40 + 160 * ((np.arange(8) // 2 + random.integers(0, 2, (n, 1))) % 2)
    lying, standing = (wave.reshape(n, *shape) for shape in ((8, 1), (1, 8)))
    x = np.where(y[:, None, None] == 0, lying, standing) + random.integers(-30, 31, (n, 8, 8))
    return x.clip(0, 255).astype(np.uint8), y


def directions(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The class of each image, and its contrast: the variances of means of rows and columns."""
    rows, columns = x.mean(2).var(1), x.mean(1).var(1)
    return (columns > rows).astype(int), np.maximum(rows, columns)


def test_r3gan_learns_what_its_labels_mean(tmp_path):
    x, y = stripes(600)
    assert (directions(x.astype(float))[0] == y).all()
    dataset = open_data((x, y))
    config = override(
        tiny("r3gan", dataset.spec),
        [*RATES, PENALTIES, "train.batch=32", "train.ema_half_life=500"],
    )
    run = learned(tmp_path, dataset, config, 11_200)
    asked = torch.arange(200) % 2
    found, contrast = directions(made(run, 200, asked)[:, 0].astype(float))
    assert (found == asked.numpy()).mean() > 0.9  # 1.00 where this was written
    real = directions(x.astype(float))[1].mean()
    assert contrast.mean() > 0.5 * real
    swapped = directions(made(run, 200, 1 - asked)[:, 0].astype(float))[0]
    assert (swapped != asked.numpy()).mean() > 0.9


def test_points_follow_a_number_that_they_are_asked_for(tmp_path):
    """At (cos 3c, sin 3c), with noise of standard deviation 0.05; unasked, it would be 0.7 off."""
    random = np.random.default_rng(0)
    c = random.uniform(-1, 1, 4000).astype(np.float32)
    x = np.stack([np.cos(3 * c), np.sin(3 * c)], 1) + random.normal(0, 0.05, (4000, 2))
    number = Condition(name="c", kind="number", knots=tuple(np.linspace(-1, 1, 9).tolist()))
    spec = DataSpec(
        kind="points", shape=(2,), dtype="float32", low=-1, high=1, conditions=(number,)
    )
    config = override(
        recipe("points", spec),
        [
            *RATES,
            PENALTIES,
            "network.hidden=[64,64]",
            "network.latent=4",
            "network.discriminator_condition=projection",
            "train.batch=64",
            "train.ema_half_life=1000",
        ],
    )
    run = learned(tmp_path, Dataset(spec, x.astype(np.float32), c[:, None], "arc"), config, 25_000)
    asked = np.linspace(-1, 1, 500, dtype=np.float32)
    wanted = np.stack([np.cos(3 * asked), np.sin(3 * asked)], 1)
    error = np.sqrt(np.square(made(run, 500, spec.told(asked[:, None])) - wanted).mean())
    assert error < 0.2
