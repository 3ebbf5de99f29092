"""Train networks, an objective and a game of your own: no fork, no registration."""

import sys

import torch
from torch import Tensor, nn

import gantlet
from gantlet.objectives import Objective
from gantlet.spec import DataSpec


class Generator(nn.Module):
    """From z of shape (B, 16) to points of shape (B, 2)."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(16, 64), nn.ReLU(), nn.Linear(64, 2))

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        return self.layers(z)


class Discriminator(nn.Module):
    """From points to logits of shape (B, 1)."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(2, 64), nn.LeakyReLU(0.2), nn.Linear(64, 1))

    def forward(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        return self.layers(x)


quadratic = Objective(
    line="quadratic loss towards +1 for real and -1 for generated",
    source="this example",
    discriminator=lambda real, fake: (real - 1) ** 2 + (fake + 1) ** 2,
    generator=lambda real, fake: fake**2,
)


def main(out: str = "runs/own") -> None:
    torch.manual_seed(0)
    spec = DataSpec(kind="points", shape=(2,), dtype="float32", low=-1.0, high=1.0)
    versus = gantlet.Versus(penalties={"r1": 0.1})
    game = versus.play(spec, Generator(), Discriminator(), latent=16, goal=quadratic)
    gantlet.check_game(game, spec)
    run = gantlet.train("ring", "points", ["train.tick=20000"], game=game, samples=40_000, out=out)
    print(run.verdict)
    print(run.sample(5, seed=0).values)


if __name__ == "__main__":
    main(*sys.argv[1:])
