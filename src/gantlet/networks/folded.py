"""The generator of rows as sampling needs it: fewer products, and choices told by scores."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gantlet.networks.styles import NoisyGenerator
from gantlet.networks.table import Generator, gumbel_of
from gantlet.nn.conditioning import require_labels
from gantlet.nn.norms import GroupedBatchNorm

__all__ = ["FoldedGenerator", "folded"]

_ROWS = 1024
"""Rows whose hidden numbers stay in the cache of a core."""
_LINE = 16
"""Numbers in a line of cache: a product of a multiple of so many columns is a fifth faster."""


def folded(players: nn.ModuleDict) -> nn.ModuleDict:
    """Players in eval mode; generators of rows as `FoldedGenerator`s."""
    return nn.ModuleDict({name: _folded(player) for name, player in players.items()})


def _folded(player: nn.Module) -> nn.Module:
    return FoldedGenerator(player) if isinstance(player, Generator) else player


class FoldedGenerator(NoisyGenerator):
    """G(z, y, noise) -> x, from which `Layout.gathered` makes the rows of the generator itself.

    Batch norm of fixed statistics is part of the weights before it. What a class adds to a layer
    is a row of a table, so that its embedding is multiplied once and not for every row. Choices
    are the scores l + g and not their softmax: the largest is the same. What was asked for scores
    infinity. It computes in the precision of the weights, whatever autocast is at work.

    Arguments:
        generator: in eval mode; later changes of its weights are not seen.
    """

    def __init__(self, generator: Generator) -> None:
        super().__init__()
        heads = generator.heads
        self.draws, self.size = heads.draws, len(heads.owner)
        widths = torch.tensor(heads.widths)
        first = widths.cumsum(0) - widths
        self.numbers = first[widths == 1].tolist()
        self.asked = first.to(heads.asked.device)[heads.asked] + heads.place
        table = next(generator.input.parameters()).detach() if generator.conditional else None
        *layers, (weight, bias) = [
            *(_affine(*layer.children()) for layer in generator.layers),
            _affine(generator.last),
        ]
        spare = -self.size % _LINE
        layers.append((F.pad(weight, (0, spare)), F.pad(bias, (0, spare))))
        self.conditional = generator.conditional
        self.layers = [_by_class(weight, bias, table) for weight, bias in layers]

    def forward(
        self, z: Tensor, y: Tensor | None = None, noise: Mapping[str, Tensor] | None = None
    ) -> Tensor:
        """z (B, latent), y (B,), noise by name to x (B, D)."""
        gumbel, weights = (noise or {}).get("gumbel"), self.layers[-1][0]
        x = weights.new_empty(len(z), weights.shape[1])
        with torch.autocast(z.device.type, enabled=False):
            for start in range(0, len(z), _ROWS):
                part = slice(start, start + _ROWS)
                self._scored(z[part], None if y is None else y[part], x[part])
        x = x[:, : self.size]
        numbers = x[:, self.numbers].tanh_()
        if gumbel is not None:
            x += gumbel_of(gumbel)
        x[:, self.numbers] = numbers
        if self.conditional:
            x.scatter_(1, self.asked[y][:, None], torch.inf)
        return x

    def _scored(self, z: Tensor, y: Tensor | None, scores: Tensor) -> None:
        """Write the scores of a few rows."""
        *hidden, last = self.layers
        h = last[0].new_empty(len(z), len(last[0]))
        first = h.shape[1] - z.shape[1]
        h[:, first:] = z
        # Each layer hands on its input behind its output: all lie in one array.
        for weight, added in hidden:
            known, first = h[:, first:], first - weight.shape[1]
            made = h[:, first : first + weight.shape[1]]
            torch.addmm(self._added(added, y), known, weight, out=made).relu_()
        torch.addmm(self._added(last[1], y), h, last[0], out=scores)

    def _added(self, added: Tensor, y: Tensor | None) -> Tensor:
        return F.embedding(require_labels(y), added) if self.conditional else added


def _affine(dense: nn.Module, *others: nn.Module) -> tuple[Tensor, Tensor]:
    """Weights (I, O) and biases (O,) of a linear layer and the norm behind it, if there is one."""
    weight, bias = (parameter.detach() for parameter in dense.parameters())
    weight = weight.T
    for norm in others:
        if isinstance(norm, GroupedBatchNorm):
            scale, shift = norm.fixed()
            weight, bias = weight * scale, bias * scale + shift
    return weight, bias


def _by_class(weight: Tensor, bias: Tensor, table: Tensor | None) -> tuple[Tensor, Tensor]:
    """Weights of all inputs but the class, and what each class adds; the class comes last."""
    if table is None:
        return weight, bias
    own = weight[-table.shape[1] :]
    return weight[: -table.shape[1]].contiguous(), table @ own + bias
