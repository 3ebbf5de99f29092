"""A game from scratch: two generators against one critic, after a stage as autoencoders."""

import sys

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

import gantlet
from gantlet import Game, Losses, Phase, Query, Turn

SIZES = {"left": (8, 2), "right": (8, 2), "encoder": (2, 8), "critic": (2, 1)}
MAKERS = ("left", "right")


def make(players: nn.ModuleDict, asked: Turn | Query) -> Tensor:
    """Both generators make each sample from z; a coin says whose is taken."""
    z, coin = asked.noise("z", (8,)), asked.noise("coin", (1,))
    return torch.where(coin > 0, players["left"](z), players["right"](z))


def rebuild(players: nn.ModuleDict, turn: Turn) -> Losses:
    code = players["encoder"](turn.real.x)
    answers = torch.stack([players[name](code) for name in MAKERS])
    return Losses((answers - turn.real.x).square().mean((0, 2)))


def criticise(players: nn.ModuleDict, turn: Turn) -> Losses:
    with torch.no_grad():
        fake = make(players, turn)
    on_real, on_fake = (players["critic"](x).squeeze(1) for x in (turn.real.x, fake))
    return Losses(softplus(-on_real) + softplus(on_fake), stats={"real": on_real.detach()})


def persuade(players: nn.ModuleDict, turn: Turn) -> Losses:
    return Losses(softplus(-players["critic"](make(players, turn)).squeeze(1)))


def build(warm_up: int = 10_000) -> Game:
    players = {
        name: nn.Sequential(nn.Linear(inputs, 64), nn.LeakyReLU(0.2), nn.Linear(64, outputs))
        for name, (inputs, outputs) in SIZES.items()
    }
    phases = (
        Phase(name="rebuild", trains=("encoder", *MAKERS), loss=rebuild, stop=warm_up),
        Phase(name="criticise", trains=("critic",), loss=criticise, start=warm_up),
        Phase(name="persuade", trains=MAKERS, loss=persuade, start=warm_up),
    )
    return Game(players=nn.ModuleDict(players), phases=phases, sample=make, bundled=MAKERS)


def main(out: str = "runs/own-game", samples: str = "30000") -> None:
    torch.manual_seed(0)
    run = gantlet.train("ring", game=build(), samples=int(samples), out=out)
    print(gantlet.load(run.path, game=build()).sample(5, seed=0).values)


if __name__ == "__main__":
    main(*sys.argv[1:])
