"""Directions of a latent space along which samples change most, found without labels."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from gantlet.bundle import Bundle
from gantlet.errors import UsageError, unknown
from gantlet.latents.space import Drawn, Space, opened

__all__ = ["METHODS", "Directions", "directions", "ganspace", "sefa"]

_SEED = 3
"""Of the samples that GANSpace looks at."""
_SAMPLES = 2_048
_AGREE = 1e-5


@dataclass(frozen=True, eq=False)
class Directions:
    """Vectors in the latent space, the strongest first: of z, or of w where there are styles."""

    vectors: Tensor
    """Shape (K, D), float32 on the CPU; rows at right angles for `sefa`. Each is as long as the
    standard deviation along it: one for z, that of 2,048 samples for w."""
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
        k: at most the length of z or w.
        method: `sefa` or `ganspace`.

    Raises:
        UsageError: another method, k out of range, a generator of another build than the method
            can look at.
    """
    if method not in METHODS:
        raise unknown("method", method, METHODS)
    with opened(bundle, device) as space:
        y, name = space.labels(None, 1), "w" if space.styled else "z"
        size = space.codes(space.drawn(0, torch.arange(1), y), y).shape[1]
        if not 1 <= k <= size:
            raise UsageError(
                "number of directions",
                expected=f"1 to {size}, the length of {name}",
                received=str(k),
            )
        found = METHODS[method](space, k)
        return found if space.styled is None else _stretched(space, found)


def _stretched(space: Space, found: Directions) -> Directions:
    """Unit vectors of w made as long as its standard deviation along them."""
    along = _many(space)[1].float().cpu() @ found.vectors.T
    return replace(found, vectors=found.vectors * along.std(0)[:, None])


def _many(space: Space) -> tuple[Drawn, Tensor]:
    """Numbers and codes of many samples."""
    y = space.labels(None, _SAMPLES)
    drawn = space.drawn(_SEED, torch.arange(_SAMPLES), y)
    return drawn, space.codes(drawn, y)


def sefa(space: Space, k: int) -> Directions:
    """Eigenvectors n of A^T A, the largest eigenvalue first: |A n| is as large as can be.

    A holds what all dense layers that see z itself, or w where there are styles, multiply it by,
    one below the other: their weights as the layers use them, normalised or scaled. The strength
    of n is |A n|.

    Raises UsageError where no dense layer sees it.

    Source: Shen and Zhou (2020), Closed-Form Factorization of Latent Semantics in GANs,
    https://arxiv.org/abs/2007.06600
    """
    y = space.labels(None, 4)
    drawn = space.drawn(0, torch.arange(4), y)
    z, found = space.codes(drawn, y), list[Tensor]()

    def watch(layer: nn.Module, inputs: tuple[Any, ...]) -> None:
        place = _columns(inputs[0], z)
        if place is not None and isinstance(layer, nn.Linear):
            rows = torch.zeros(layer.out_features, z.shape[1])
            rows[:, place] = _matrix(layer)[:, : place.stop - place.start]
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


def _matrix(layer: nn.Linear) -> Tensor:
    """W of a layer that gives x W^T + b, whatever it makes W of, on the CPU."""
    unit = torch.eye(layer.in_features).to(layer.weight)
    rows = layer.forward(unit) - layer.forward(torch.zeros_like(unit[:1]))
    return rows.T.float().cpu()


def _columns(v: Tensor, z: Tensor) -> slice | None:
    """Which part of z the first columns of a layer's input are, up to a factor for each sample."""
    if v.dim() != 2 or len(v) != len(z):
        return None
    for start in range(z.shape[1]):
        width = min(v.shape[1], z.shape[1] - start)
        part, seen = z[:, start : start + width], v[:, :width].to(z)
        factor = seen[:, :1] / part[:, :1]
        if not bool(factor.all()):
            continue  # a layer of zeros that saw no z, as a ReLU makes them
        same = ((seen - factor * part).abs() <= _AGREE * factor.abs()).all(0)
        length = width if bool(same.all()) else int(same.int().argmin())
        if length > 1:
            return slice(start, start + length)
    return None


def _watched(
    space: Space,
    drawn: Mapping[str, Tensor],
    kind: type[nn.Module] | tuple[type[nn.Module], ...],
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

    Where there are styles, h is w itself, as in the paper: its components need no regression.

    Source: Härkönen et al. (2020), GANSpace: Discovering Interpretable GAN Controls,
    https://arxiv.org/abs/2004.02546
    """
    from sklearn.decomposition import PCA

    drawn, codes = _many(space)
    z = codes.double().cpu()
    features = _features(space, drawn) if space.styled is None else codes.float().cpu().numpy()
    few = min(k, *features.shape)
    pca = PCA(n_components=few, svd_solver="randomized", random_state=_SEED)
    c = torch.from_numpy(np.asarray(pca.fit_transform(features))).double()
    c, scale = c / c.std(0), c.std(0)
    vectors = torch.linalg.lstsq(c, z - z.mean(0)).solution
    vectors = vectors / vectors.norm(dim=1, keepdim=True)
    return Directions(_signed(vectors.float()), scale.float(), "ganspace")


def _features(space: Space, drawn: Drawn) -> NDArray[Any]:
    """What an early layer makes of samples, a row each."""
    seen, layer = list[Tensor](), _early(space, drawn)
    with torch.no_grad():
        handle = layer.register_forward_hook(lambda *a: seen.append(a[2].flatten(1).float().cpu()))
        try:
            space.render(drawn, space.labels(None, _SAMPLES))
        finally:
            handle.remove()
    features: NDArray[Any] = torch.cat(seen).numpy()
    return features


def _early(space: Space, drawn: Drawn) -> nn.Module:
    """The layer to look at, among those that take part: a network that grows has others too."""
    part, maps = list[nn.Module](), (nn.Conv2d, nn.ConvTranspose2d)
    one = {name: numbers[:1] for name, numbers in drawn.items()}
    _watched(
        *(space, one, (*maps, nn.Linear)),
        lambda layer: layer.register_forward_hook(lambda layer, *_: part.append(layer)),
    )
    ran = list(dict.fromkeys(part))
    layers = [layer for layer in ran if isinstance(layer, maps)] or ran
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


METHODS: Mapping[str, Callable[[Space, int], Directions]] = {"sefa": sefa, "ganspace": ganspace}
"""Ways to find directions, by name."""
