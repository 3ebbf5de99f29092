"""Floating-point operations of matrix products and convolutions, counted where they happen."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from benchmarks.common import Setup, stepper
from gantlet.training.machine import Machine

__all__ = ["Flops", "flops_of_a_sample"]

_FORWARD = torch.ops.aten.convolution
_BACKWARD = torch.ops.aten.convolution_backward


class Flops(TorchDispatchMode):
    """Counts two operations for each multiplication within; elementwise work counts for nothing.

    It sees what runs in the thread it is entered in, whatever asked for it: `torch.func.grad`, at
    which `torch.utils.flop_counter.FlopCounterMode` fails, included. Convolutions are counted
    here, as torch counts each weight's gradient of a convolution in g groups g times; all other
    operations by torch's own formulas.
    """

    total: int = 0

    def __torch_dispatch__(
        self,
        func: Any,
        types: Sequence[Any],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        out = func(*args, **(kwargs or {}))
        kind = getattr(func, "overloadpacket", None)
        if kind is _FORWARD:
            x, weight, transposed = args[0], args[1], args[6]
            self.total += _convolution(x if transposed else out, weight)
        elif kind is _BACKWARD:
            slope, x, weight, transposed, wanted = *args[:3], args[7], args[10]
            self.total += sum(wanted[:2]) * _convolution(x if transposed else slope, weight)
        elif kind in flop_registry:
            self.total += flop_registry[kind](*args, **(kwargs or {}), out_val=out)
        return out


def _convolution(places: Tensor, weight: Tensor) -> int:
    """Each weight of a kernel (out, in / groups, h, w) meets each place of each sample once.

    Arguments:
        places: the side of the convolution at whose places the kernel stands: what it gives, or
            what a transposed one takes. Both gradients have the same products.
    """
    return 2 * places.shape[0] * math.prod(places.shape[2:]) * weight.numel()


def flops_of_a_sample(what: Setup) -> float:
    """Operations that training spends on a real sample, over passes in which all phases are due.

    Counted on a processor, by one worker.
    """
    alone = Setup(what.dataset, what.config, Machine("cpu", "float32", 1))
    play = stepper(alone)
    passes = math.lcm(*(phase.every for phase in play.game.phases))
    with Flops() as counted:
        for position in range(passes):
            play.play(position)
    return counted.total / (passes * what.config.train.batch)
