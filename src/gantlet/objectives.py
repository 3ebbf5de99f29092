"""Objectives: what discriminator and generator minimise, given the logits of real and fake.

An objective is a *link* (which functions of a logit) and a *pairing* (a logit of what: of one
sample, or of a real against a fake). Everything is pure and per sample: (B,), (B,) -> (B,).
With f1, f2 the discriminator's and g1, g2 the generator's functions on real and fake logits r, f:

    none     D: f1(r) + f2(f)                          G: g2(f)
    pair     D: f1(r - f)                              G: g2(f - r)
    average  D: f1(r - mean f) + f2(f - mean r)        G: g1(r - mean f) + g2(f - mean r)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import Tensor
from torch.nn.functional import relu, softplus

from gantlet.errors import UsageError, unknown
from gantlet.extensions import Table

__all__ = [
    "LINKS",
    "OBJECTIVES",
    "PAIRINGS",
    "Link",
    "Objective",
    "Pairing",
    "objective",
    "relativistic",
    "smoothed",
]

Term = Callable[[Tensor], Tensor]
Loss = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True, kw_only=True)
class Objective:
    """The losses of both sides, each called as (real_logits, fake_logits): (B,), (B,) -> (B,)."""

    line: str
    """What it is, in one line."""
    source: str
    """Where it was published."""
    discriminator: Loss
    generator: Loss
    relative: bool = False
    """Whether the generator's loss reads the real logits; if not, any of shape (B,) will do."""


@dataclass(frozen=True, kw_only=True)
class Link:
    """Functions of one logit: f1, f2 of the discriminator, g1, g2 of the generator."""

    line: str
    source: str
    f1: Term
    """Discriminator's loss on a real logit."""
    f2: Term
    """Discriminator's loss on a fake logit."""
    g1: Term
    """Generator's loss on a real logit; counts only where logits are relative."""
    g2: Term
    """Generator's loss on a fake logit."""
    smooth: Callable[[Tensor, float], Tensor] | None = None
    """f1 with its target moved the share s of the way to the fake target; None without targets."""
    relative: Link | None = None
    """The form for differences of logits, where it is another one."""


@dataclass(frozen=True, kw_only=True)
class Pairing:
    """Which logits a link's functions are applied to."""

    line: str
    source: str
    pair: Callable[[Link, int], tuple[Loss, Loss]]
    """From a link and a group size to the discriminator's and the generator's loss."""
    relative: bool = True


def _negative(t: Tensor) -> Tensor:
    return -t


def _itself(t: Tensor) -> Tensor:
    return t


def _zero(t: Tensor) -> Tensor:
    return torch.zeros_like(t)


def _real_entropy(t: Tensor) -> Tensor:
    """-log sigmoid(t), stable for every t."""
    return softplus(-t)


def _smooth_entropy(t: Tensor, s: float) -> Tensor:
    """-(1 - s) log sigmoid(t) - s log sigmoid(-t)."""
    return softplus(-t) + s * t


def _minus_softplus(t: Tensor) -> Tensor:
    return -softplus(t)


def _log_sigmoid(t: Tensor) -> Tensor:
    return -softplus(-t)


def _above(t: Tensor) -> Tensor:
    return relu(1 - t)


def _below(t: Tensor) -> Tensor:
    return relu(1 + t)


def _squared(t: Tensor, target: float) -> Tensor:
    return (t - target).square()


def _smooth_square(t: Tensor, s: float, fake: float) -> Tensor:
    return (t - (1 - s * (1 - fake))).square()


def _least_squares(fake: float, relative: Link | None) -> Link:
    """Squares about the targets `fake` and 1, for discriminator and generator."""
    to_real, to_fake = partial(_squared, target=1.0), partial(_squared, target=fake)
    return Link(
        line="least squares about the targets 1 (real) and 0 (fake)",
        source="Mao et al. (2017), Least Squares Generative Adversarial Networks, "
        "https://arxiv.org/abs/1611.04076",
        f1=to_real,
        f2=to_fake,
        g1=to_fake,
        g2=to_real,
        smooth=partial(_smooth_square, fake=fake),
        relative=relative,
    )


_GOODFELLOW = (
    "Goodfellow et al. (2014), Generative Adversarial Networks, https://arxiv.org/abs/1406.2661"
)
_HINGE = Link(
    line="hinge: a margin of 1 on either side, linear for the generator",
    source="Lim & Ye (2017), Geometric GAN, https://arxiv.org/abs/1705.02894",
    f1=_above,
    f2=_below,
    g1=_zero,
    g2=_negative,
)

_LINKS: Mapping[str, Link] = {
    "minimax": Link(
        line="cross-entropy as first written: zero-sum, saturates where the discriminator wins",
        source=_GOODFELLOW,
        f1=_real_entropy,
        f2=softplus,
        g1=_log_sigmoid,
        g2=_minus_softplus,
        smooth=_smooth_entropy,
    ),
    "nonsaturating": Link(
        line="cross-entropy; the generator maximises log D instead of minimising log(1 - D)",
        source=_GOODFELLOW,
        f1=_real_entropy,
        f2=softplus,
        g1=softplus,
        g2=_real_entropy,
        smooth=_smooth_entropy,
    ),
    # A difference of 0 means equally real, so relative targets lie on either side of 0.
    "leastsquares": _least_squares(0.0, relative=_least_squares(-1.0, relative=None)),
    "wasserstein": Link(
        line="difference of mean logits; needs a bounded slope (clipping or a gradient penalty)",
        source="Arjovsky et al. (2017), Wasserstein GAN, https://arxiv.org/abs/1701.07875",
        f1=_negative,
        f2=_itself,
        g1=_itself,
        g2=_negative,
    ),
    "hinge": replace(_HINGE, relative=replace(_HINGE, g1=_below, g2=_above)),
}

LINKS: Mapping[str, Link] = Table(
    "objectives", _LINKS, lambda entry: isinstance(entry, Link), "a gantlet.objectives.Link"
)
"""Links by name."""


def _grouped_mean(t: Tensor, group: int) -> Tensor:
    """Each sample's mean over its group of `group` consecutive samples, (B,) -> (B,)."""
    if t.shape[0] % group:
        raise UsageError(
            "relativistic average",
            expected=f"a batch that is a multiple of the group of {group} samples",
            received=f"{t.shape[0]} samples",
            remedy="Choose a batch size that the group divides",
        )
    return t.reshape(-1, group).mean(1).repeat_interleave(group)


# What a game holds can be pickled: functions of the module and `partial`, no closures.


def _each(r: Tensor, f: Tensor, on_real: Term, on_fake: Term) -> Tensor:
    return on_real(r) + on_fake(f)


def _fakes(r: Tensor, f: Tensor, on_fake: Term) -> Tensor:
    return on_fake(f)


def _real_minus_fake(r: Tensor, f: Tensor, term: Term) -> Tensor:
    return term(r - f)


def _fake_minus_real(r: Tensor, f: Tensor, term: Term) -> Tensor:
    return term(f - r)


def _over_means(r: Tensor, f: Tensor, on_real: Term, on_fake: Term, group: int) -> Tensor:
    return on_real(r - _grouped_mean(f, group)) + on_fake(f - _grouped_mean(r, group))


def _unpaired(link: Link, group: int) -> tuple[Loss, Loss]:
    discriminator = partial(_each, on_real=link.f1, on_fake=link.f2)
    return discriminator, partial(_fakes, on_fake=link.g2)


def _pair(link: Link, group: int) -> tuple[Loss, Loss]:
    return partial(_real_minus_fake, term=link.f1), partial(_fake_minus_real, term=link.g2)


def _average(link: Link, group: int) -> tuple[Loss, Loss]:
    return (
        partial(_over_means, on_real=link.f1, on_fake=link.f2, group=group),
        partial(_over_means, on_real=link.g1, on_fake=link.g2, group=group),
    )


_RELATIVISTIC = (
    "Jolicoeur-Martineau (2018), The relativistic discriminator, https://arxiv.org/abs/1807.00734"
)

PAIRINGS: Mapping[str, Pairing] = {
    "none": Pairing(
        line="every logit for itself", source=_GOODFELLOW, pair=_unpaired, relative=False
    ),
    "pair": Pairing(
        line="the logit of each real minus that of its fake", source=_RELATIVISTIC, pair=_pair
    ),
    "average": Pairing(
        line="each logit minus the mean of the other side's in its group",
        source=_RELATIVISTIC,
        pair=_average,
    ),
}
"""Pairings by name."""


def _checked(real_logits: Tensor, fake_logits: Tensor, loss: Loss) -> Tensor:
    """`loss` in float32 or wider, refusing shapes that would broadcast against each other."""
    if real_logits.shape != fake_logits.shape or real_logits.ndim != 1:
        raise UsageError(
            "logits",
            expected="one per sample, as many real as fake, shape (B,)",
            received=f"{tuple(real_logits.shape)} and {tuple(fake_logits.shape)}",
        )
    wide = torch.promote_types(real_logits.dtype, torch.float32)
    return loss(real_logits.to(wide), fake_logits.to(wide))


def relativistic(link: Link, pairing: str = "none", group: int = 1) -> Objective:
    """`link` applied to logits paired as `pairing` names.

    The pair form is the simplified one, f1(r - f): for every link here f1(t) = f2(-t) and
    g1(t) = g2(-t) on differences, so that the paper's two terms are equal and one is kept. The
    average form keeps both, and over groups of one sample is twice the pair form. Means are over
    fixed groups of `group` consecutive samples, so that micro-batches of whole groups give the
    losses of the whole batch. Adding a constant to all logits changes nothing in either form.

    Least squares has targets 1 and -1 on differences, and the hinge is two-sided for the
    generator too (RaLSGAN and RaHingeGAN of the paper).

    Raises:
        UsageError: `pairing` is in no table, or `group` is below 1.

    Source: Jolicoeur-Martineau (2018), The relativistic discriminator: a key element missing from
    standard GAN, https://arxiv.org/abs/1807.00734
    """
    if pairing not in PAIRINGS:
        raise unknown("pairing", pairing, PAIRINGS)
    if group < 1:
        raise UsageError("group", expected="at least one sample", received=str(group))
    how = PAIRINGS[pairing]
    used = link.relative if how.relative and link.relative else link
    discriminator, generator = how.pair(used, group)
    suffix = f"; {how.line}" if how.relative else ""
    return Objective(
        line=link.line + suffix,
        source=link.source + (f"; {how.source}" if how.relative else ""),
        discriminator=partial(_checked, loss=discriminator),
        generator=partial(_checked, loss=generator),
        relative=how.relative,
    )


def _smoothed(t: Tensor, smooth: Callable[[Tensor, float], Tensor], s: float) -> Tensor:
    return smooth(t, s)


def smoothed(link: Link, smoothing: float) -> Link:
    """`link` with one-sided label smoothing: the real target moves to 1 - `smoothing`.

    Only the discriminator's term on real logits changes; fake targets and the generator's stay.

    Raises:
        UsageError: `smoothing` is not in [0, 0.5), or the link has no target.

    Source: Salimans et al. (2016), Improved Techniques for Training GANs,
    https://arxiv.org/abs/1606.03498
    """
    if not 0 <= smoothing < 0.5:
        raise UsageError(
            "label smoothing", expected="a number from 0 to below 0.5", received=str(smoothing)
        )
    if smoothing == 0:
        return link
    smooth = link.smooth
    if smooth is None:
        raise UsageError(
            "label smoothing",
            expected="an objective with targets (minimax, nonsaturating, leastsquares)",
            received=f"one without: {link.line}",
            remedy="Set the smoothing to 0",
        )
    relative = smoothed(link.relative, smoothing) if link.relative else None
    return replace(link, f1=partial(_smoothed, smooth=smooth, s=smoothing), relative=relative)


def objective(
    name: str, pairing: str = "none", group: int = 1, smoothing: float = 0.0
) -> Objective:
    """The objective of a name in `LINKS`, with pairing, group size and label smoothing.

    Raises:
        UsageError: an unknown name or pairing, or a setting that the link does not allow.
    """
    if name not in LINKS:
        raise unknown("objective", name, LINKS)
    return relativistic(smoothed(LINKS[name], smoothing), pairing, group)


class _Unpaired(Mapping[str, Objective]):
    """Each link as an objective, when it is asked for."""

    def __getitem__(self, name: str) -> Objective:
        return relativistic(LINKS[name])

    def __iter__(self) -> Iterator[str]:
        return iter(LINKS)

    def __len__(self) -> int:
        return len(LINKS)


OBJECTIVES: Mapping[str, Objective] = _Unpaired()
"""Objectives by name, unpaired and without smoothing."""
