"""Directions of a latent space along which samples change most, found without labels."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from gantlet.bundle import Bundle
from gantlet.errors import UsageError, unknown
from gantlet.latents.space import Space, opened
from gantlet.sample import Samples

__all__ = ["METHODS", "Directions", "check_reach", "directions", "ganspace", "move", "sefa"]

_SEED = 3
"""Of the samples that GANSpace looks at."""
_SAMPLES = 2_048
_AGREE = 1e-5


@dataclass(frozen=True, eq=False)
class Directions:
    """Unit vectors in the latent space, the strongest first."""

    vectors: Tensor
    """Shape (K, D), float32 on the CPU; rows at right angles for `sefa`."""
    strengths: Tensor
    """Shape (K,): how much a step along each changes what the method looks at."""
    method: str

    def __len__(self) -> int:
        return len(self.vectors)


def directions(
    bundle: Bundle, k: int = 6, *, method: str = "sefa", device: str = "auto"
) -> Directions:
    """The k strongest directions of a bundle's latent space.

    Arguments:
        k: at most the length of z.
        method: `sefa` or `ganspace`.

    Raises:
        UsageError: another method, k out of range, a generator of another build than the method
            can look at.
    """
    if method not in METHODS:
        raise unknown("method", method, METHODS)
    with opened(bundle, device) as space:
        y = space.labels(None, 1)
        size = space.latents(space.drawn(0, torch.arange(1), y)).shape[1]
        if not 1 <= k <= size:
            raise UsageError(
                "number of directions", expected=f"1 to {size}, the length of z", received=str(k)
            )
        return METHODS[method](space, k)


def sefa(space: Space, k: int) -> Directions:
    """Eigenvectors n of A^T A, the largest eigenvalue first: |A n| is as large as can be.

    A holds the weights of all dense layers that see z itself, one below the other. The strength
    of n is |A n|.

    Raises UsageError where no dense layer sees z.

    Source: Shen and Zhou (2020), Closed-Form Factorization of Latent Semantics in GANs,
    https://arxiv.org/abs/2007.06600
    """
    drawn = space.drawn(0, torch.arange(4), space.labels(None, 4))
    z, found = space.latents(drawn), list[Tensor]()

    def watch(layer: nn.Module, inputs: tuple[Any, ...]) -> None:
        place = _columns(inputs[0], z)
        if place is not None and isinstance(layer, nn.Linear):
            rows = torch.zeros(layer.out_features, z.shape[1])
            rows[:, place] = layer.weight.detach()[:, : place.stop - place.start].float().cpu()
            found.append(rows)

    _watched(space, drawn, nn.Linear, lambda layer: layer.register_forward_pre_hook(watch))
    if not found:
        raise UsageError(
            "method sefa",
            expected="a generator with a dense layer that sees z",
            received="one without",
            remedy="Use the method ganspace, which any generator will do for.",
        )
    _, singular, vectors = torch.linalg.svd(torch.cat(found).double(), full_matrices=False)
    return Directions(_signed(vectors[:k].float()), singular[:k].float(), "sefa")


def _columns(v: Tensor, z: Tensor) -> slice | None:
    """Which part of z the first columns of a layer's input are, up to a factor for each sample."""
    if v.dim() != 2 or len(v) != len(z):
        return None
    for start in range(z.shape[1]):
        width = min(v.shape[1], z.shape[1] - start)
        part, seen = z[:, start : start + width], v[:, :width].to(z)
        factor = seen[:, :1] / part[:, :1]
        same = ((seen - factor * part).abs() <= _AGREE * factor.abs()).all(0)
        length = width if bool(same.all()) else int(same.int().argmin())
        if length > 1:
            return slice(start, start + length)
    return None


def _watched(
    space: Space,
    drawn: Mapping[str, Tensor],
    kind: type[nn.Module],
    hook: Callable[[nn.Module], Any],
) -> None:
    """One rendering, with a hook on every module of a kind."""
    hooks = [hook(m) for m in space.players.modules() if isinstance(m, kind)]
    try:
        with torch.no_grad():
            space.render(drawn, space.labels(None, len(space.latents(drawn))))
    finally:
        for one in hooks:
            one.remove()


def ganspace(space: Space, k: int) -> Directions:
    """Principal components of what an early layer makes of z, brought back to z by regression.

    With features h of N samples, V their first K components and c = V (h - mean h) the
    coordinates, direction j is the row j of the U that minimises |Z - C U|^2, of length one. Its
    strength is the standard deviation of c_j. The layer is the first third of the generator's
    convolutions, or of its dense layers where it has none.

    Source: Härkönen et al. (2020), GANSpace: Discovering Interpretable GAN Controls,
    https://arxiv.org/abs/2004.02546
    """
    from sklearn.decomposition import PCA

    drawn = space.drawn(_SEED, torch.arange(_SAMPLES), space.labels(None, 1))
    seen = list[Tensor]()
    layer = _early(space)
    with torch.no_grad():
        handle = layer.register_forward_hook(lambda *a: seen.append(a[2].flatten(1).float().cpu()))
        try:
            space.render(drawn, space.labels(None, _SAMPLES))
        finally:
            handle.remove()
    z = space.latents(drawn).double().cpu()
    features = torch.cat(seen).numpy()
    few = min(k, *features.shape)
    pca = PCA(n_components=few, svd_solver="randomized", random_state=_SEED)
    c = torch.from_numpy(np.asarray(pca.fit_transform(features))).double()
    c, scale = c / c.std(0), c.std(0)
    vectors = torch.linalg.lstsq(c, z - z.mean(0)).solution
    vectors = vectors / vectors.norm(dim=1, keepdim=True)
    return Directions(_signed(vectors.float()), scale.float(), "ganspace")


def _early(space: Space) -> nn.Module:
    modules = list(space.players.modules())
    maps: list[nn.Module] = [m for m in modules if isinstance(m, nn.Conv2d | nn.ConvTranspose2d)]
    layers = maps or [m for m in modules if isinstance(m, nn.Linear)]
    if not layers:
        raise UsageError(
            "method ganspace",
            expected="a generator with convolutions or dense layers",
            received="one without",
        )
    return layers[len(layers) // 3]


def _signed(vectors: Tensor) -> Tensor:
    """Each with its largest entry positive, as a sign is not determined."""
    largest = vectors.gather(1, vectors.abs().argmax(1, keepdim=True))
    return vectors * largest.sign()


def check_reach(reach: float) -> None:
    """UsageError for what is no way to go to both sides."""
    if not (reach > 0 and math.isfinite(reach)):
        raise UsageError("reach of a direction", expected="a number above 0", received=str(reach))


METHODS: Mapping[str, Callable[[Space, int], Directions]] = {"sefa": sefa, "ganspace": ganspace}
"""Ways to find directions, by name."""


def move(
    bundle: Bundle,
    found: Directions,
    *,
    n: int = 1,
    reach: float = 3.0,
    steps: int = 7,
    seed: int = 0,
    label: str | int | None = None,
    truncation: float | None = None,
    device: str = "auto",
) -> Samples:
    """Samples 0 to n - 1 of a seed moved along each direction: K n rows of `steps` samples.

    A row goes from z - reach v to z + reach v. `truncation` is that of the samples
    (`gantlet.truncation.narrowed`); the way from them is not cut.

    Raises UsageError for fewer than two steps, a reach of 0 or below, directions of another space,
    a truncation out of range.
    """
    if steps < 2 or n < 1:
        raise UsageError("steps along a direction", expected="at least 2", received=str(steps))
    check_reach(reach)
    with opened(bundle, device, truncation) as space:
        drawn = space.drawn(seed, torch.arange(n), space.labels(label, 1))
        z = space.latents(drawn)
        if found.vectors.shape[1] != z.shape[1]:
            raise UsageError(
                "directions",
                expected=f"vectors of {z.shape[1]} numbers, as z has",
                received=str(found.vectors.shape[1]),
            )
        values, y = list[Any](), space.labels(label, steps)
        for vector in found.vectors.to(z):
            for i in range(n):
                row = {name: u[i : i + 1].expand(steps, *u.shape[1:]) for name, u in drawn.items()}
                row["z"] = row["z"] + torch.linspace(-reach, reach, steps).to(z)[:, None] * vector
                values.append(space.values(row, y))
    labels = None if y is None else y.numpy().repeat(len(values)).astype(np.int64)
    return Samples(np.concatenate(values), labels, bundle.spec)
