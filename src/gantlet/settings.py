"""What a person may choose about training: typed, frozen, each with its docstring."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Ge, Gt, Interval

from gantlet.schedules import Schedule, check_bounds

__all__ = ["Optimiser", "Stop", "Train", "Validation"]


@dataclass(frozen=True, kw_only=True)
class Optimiser:
    """How one player's weights move."""

    name: Literal["adam", "rmsprop", "sgd"] = "adam"
    """adam (arXiv 1412.6980), rmsprop or sgd."""
    lr: Annotated[float, Gt(0)] | Schedule = 2e-4
    """Learning rate, or a schedule {start, end, samples, shape} over samples seen."""
    beta1: Annotated[float, Interval(ge=0, lt=1)] = 0.0
    """Adam: decay of the mean of gradients. RMSprop and SGD: momentum."""
    beta2: Annotated[float, Interval(ge=0, lt=1)] | Schedule = 0.99
    """Adam and RMSprop: decay of the mean of squared gradients, or a schedule."""
    eps: Annotated[float, Gt(0)] = 1e-8
    """Adam and RMSprop: added to the root of the mean of squared gradients."""
    weight_decay: Annotated[float, Ge(0)] = 0.0
    """Weight decay (L2, added to the gradient)."""
    clip_norm: Annotated[float, Gt(0)] | None = None
    """Largest Euclidean norm of the player's gradient; larger ones are scaled down to it."""
    clip_value: Annotated[float, Gt(0)] | None = None
    """Largest absolute value of each gradient; larger ones are cut."""

    def __post_init__(self) -> None:
        check_bounds("lr", self.lr)
        check_bounds("beta2", self.beta2, below=1)


@dataclass(frozen=True, kw_only=True)
class Train:
    """How training runs, for any game."""

    seed: Annotated[int, Ge(0)] = 0
    """Seed of weights, order of data and noise."""
    batch: Annotated[int, Ge(2)] = 128
    """Real samples of one pass over the phases, all ranks and micro-batches together."""
    micro_batches: Annotated[int, Ge(1)] = 1
    """Parts in which each rank works through its share of a batch; saves memory."""
    fit_memory: bool = False
    """Where memory runs out in a step: repeat it with twice the micro-batches and go on with
    those. Off: the run ends and tells which number would do."""
    precision: Literal["auto", "float32", "bfloat16", "float64"] = "auto"
    """Arithmetic of the networks; weights stay float32 under bfloat16. auto: bfloat16 where
    the processor has it."""
    device: str = "auto"
    """auto, cpu, cuda, cuda:N or mps."""
    threads: Annotated[int, Ge(1)] | None = None
    """Processor threads; none: as many as affinity and cgroup quota grant."""
    channels_last: bool = True
    """Store images and convolution weights with channels last, which is faster; not on mps."""
    compile: bool = False
    """Compile each phase's loss with torch.compile."""
    cuda_graphs: bool = False
    """On CUDA: record each phase's gradients once and replay them as one CUDA graph, which Python
    launches at once; the same numbers, but for rounding where libraries choose other kernels."""
    deterministic: bool = False
    """On CUDA: deterministic kernels, for bit-exact resume; the run begins by telling how much
    slower they are."""
    init_from: str | None = None
    """Folder of a run or a bundle whose weights the players begin with; none: weights that the
    seed draws."""
    freeze_discriminator: Annotated[int, Ge(0)] = 0
    """Blocks of the discriminator, from the image inward, that keep the weights they begin with
    (FreezeD, arXiv 2002.10964)."""
    ema_half_life: Annotated[float, Ge(0)] = 5_000
    """Samples after which a weight's share in the averaged generator has halved."""
    ema_ramp: Annotated[float, Gt(0)] | None = 0.05
    """The half-life is at most this share of the samples seen; none: no ramp."""
    tick: Annotated[int, Ge(1)] = 20_000
    """Samples between two rows of the log, each with a grid, a checkpoint, a look at health."""
    keep: Annotated[int, Ge(1)] = 2
    """Newest checkpoints kept, besides the best."""


@dataclass(frozen=True, kw_only=True)
class Stop:
    """When a run ends. No part of its identity: a run can be extended."""

    samples: Annotated[int, Ge(1)] | None = 200_000
    """Real samples to see; none: no bound."""
    minutes: Annotated[float, Gt(0)] | None = None
    """Minutes of training, all sessions of the run together; none: no bound."""
    patience: Annotated[int, Ge(1)] | None = None
    """Looks (see validation) without a gain beyond noise after which the run ends; none: it goes
    on."""


@dataclass(frozen=True, kw_only=True)
class Validation:
    """A look at quality at each tick, cheap enough to choose the best checkpoint by."""

    extractor: Literal["embedded", "pixels", "inception", "dinov2"] | None = "embedded"
    """What makes the features by which real and generated samples are compared; none: no
    validation, and the bundle holds the last generator. Points are compared as they are."""
    samples: Annotated[int, Ge(24)] = 1_000
    """Real samples that a look compares with at most, and as many generated ones."""
    copies: Annotated[int, Ge(0)] = 5_000
    """Training samples, at most, to which the distances of generated ones tell whether they are
    copies; 0: copying is not watched."""
    every: Annotated[int, Ge(1)] = 1
    """Ticks from one look to the next; the end by samples is always looked at."""
    share: Annotated[float, Interval(gt=0, le=1)] = 0.05
    """Of the time, what looks may take: where they take more, and have taken 20 seconds, a run
    looks at fewer ticks from there on, says so and keeps to it when it goes on; 1: no bound."""
    bundle: Literal["best", "last"] = "best"
    """Generator that the bundle holds at the end: the best one looked at that does not copy, where
    the last copies or is worse beyond noise, or always the last."""
