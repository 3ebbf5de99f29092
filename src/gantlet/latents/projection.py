"""From a given image back to the latent vector whose sample is nearest to it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from gantlet.bundle import Bundle
from gantlet.data import DataSettings, open_data
from gantlet.data.dicom import is_dicom
from gantlet.data.kinds import KINDS, readable, sniff
from gantlet.data.layout import sift
from gantlet.data.pixels import SUFFIXES, TYPES, Entry, Fault, Look, decode, look, reason
from gantlet.data.resize import Rule, fit
from gantlet.errors import UsageError
from gantlet.files import drafted
from gantlet.labels import Label, asked_labels
from gantlet.latents.film import check_end, film
from gantlet.latents.space import Space, opened
from gantlet.sample import Samples, saving
from gantlet.spec import DataSpec

__all__ = ["Projection", "check_projection", "opened_images", "project"]

_CANDIDATES, _STARTS = 512, 8
_TOGETHER = 8
"""Images searched for at a time, to bound memory."""
_RATE = 0.1
_PRIOR = 1e-3
_SMALLEST = 4
"""Sides down to which images are compared."""


@dataclass(frozen=True, eq=False)
class Projection:
    """The samples nearest to given images."""

    z: NDArray[Any]
    """Latent vectors, shape (N, D), float32."""
    target: Samples
    """The images that were given."""
    found: Samples
    """What the generator makes of z, and the classes it was asked for."""
    rmse: NDArray[Any]
    """Root of the mean squared difference of pixels in [-1, 1], shape (N,): 0 is equal."""
    before: NDArray[Any]
    """The same of the best of 512 random samples, where the search began, shape (N,)."""

    def save(self, path: str | Path) -> Path:
        """Write `.png` (each image, and below it what was found) or `.npz` and return the path.

        Arrays: x (images), found, z, y (where there are classes), rmse, psnr.

        Raises:
            UsageError: another kind of file.
            RunError: the disk refuses.
        """
        path = Path(path)
        check_projection(path)
        if path.suffix.lower() == ".png":
            both = np.concatenate([self.target.values, self.found.values])
            return film(Samples(both, None, self.target.spec), path, rows=2)
        x, found, y = self.target.values, self.found.values, self.found.labels
        told = partial(np.savez_compressed, x=x, found=found, z=self.z, rmse=self.rmse)
        with saving(path), drafted(path) as file:
            if y is None:
                told(file, psnr=self.psnr)
            else:
                told(file, psnr=self.psnr, y=y)
        return path

    @property
    def psnr(self) -> NDArray[Any]:
        """Peak signal-to-noise ratio 20 log10(2 / rmse) in decibels, shape (N,)."""
        ratio: NDArray[Any] = 20 * torch.log10(2 / torch.from_numpy(self.rmse)).numpy()
        return ratio


def check_projection(path: str | Path) -> None:
    """UsageError for a file that a `Projection` is not written to."""
    check_end(path, "a projection", ".png", ".npz")


def project(
    bundle: Bundle,
    images: NDArray[Any],
    *,
    steps: int = 400,
    seed: int = 0,
    label: Label | None = None,
    device: str = "auto",
) -> Projection:
    r"""Search, for each image, the latent vector whose sample is nearest to it.

    From the 8 nearest of 512 samples of a seed, each with its class, Adam minimises

        sum over sizes s of mean (down_s G(z, y) - down_s x)^2 + 0.001 (|z|^2 / D - 1)^2,

    down_s the mean over squares that halves the image until a side is below 8; the best of
    the 8 is kept. The last term holds z where samples come from. Other random numbers than z stay
    those of the start.

    Arguments:
        images: raw values as the data have them, shape (N, *spec.shape).
        steps: of Adam.
        label: the class, or conditions, to ask for; without it, those of the nearest samples.

    Raises:
        UsageError: images of another shape or type than the run's, an unknown label, no steps.

    Source: Abdal et al. (2019), Image2StyleGAN: How to Embed Images Into the StyleGAN Latent
    Space?, https://arxiv.org/abs/1904.03189 (the search by gradients; the loss is our own, as
    that of the paper needs a network trained on photographs).
    """
    spec = bundle.spec
    _check(images, spec, steps)
    with opened(bundle, device) as space:
        wanted = spec.encode(torch.from_numpy(np.array(images))).to(space.machine.device)
        y = asked_labels(spec, _CANDIDATES, label, seed)
        drawn = space.drawn(seed, torch.arange(_CANDIDATES), y)
        with torch.no_grad():
            known = space.render(drawn, y)
        parts = [_nearest(space, drawn, y, known, x, steps) for x in wanted.split(_TOGETHER)]
    z, made, rmse, before, found = (torch.cat(part) for part in zip(*parts, strict=True))
    labels = None if y is None else spec.untold(found)
    return Projection(
        z.numpy(),
        Samples(images, None, spec),
        Samples(spec.decode(made).numpy(), labels, spec),
        rmse.numpy(),
        before.numpy(),
    )


def opened_images(path: str | Path, spec: DataSpec, rule: Rule = "crop") -> NDArray[Any]:
    """The images at a path as raw values of a run's data, shape (N, *spec.shape).

    A path is that of an image, or a folder, archive or array of images. Images of another size are
    brought to the run's as images to train on are, by `rule`. Pictures of 8 bits go back to the
    values that `gantlet sample` made pictures of; arrays hold those values themselves.

    Raises UsageError where there are none, or damaged ones, or of another number of channels or
    type.
    """
    _check_kind(spec)
    path = Path(path)
    with _entries(path) as entries:
        if entries is None:
            settings = DataSettings(labels=False, size=(spec.shape[1], spec.shape[2]), fit=rule)
            images = np.asarray(open_data(path, settings).raw[:])
        else:
            images = np.stack([_opened(entry, path, spec, rule) for entry in entries])
    _check(images, spec)
    return images


@contextmanager
def _entries(path: Path) -> Iterator[Sequence[Entry] | None]:
    """The files of images at a path, for as long as the block lasts; None where it has none."""
    if path.suffix.lower() in SUFFIXES and path.is_file():
        yield [Entry(path.name, "", lambda: path.open("rb"))]
        return
    with readable(path):
        kind = KINDS[sniff(path)]
    if kind.entries is None:
        yield None
        return
    with kind.entries(path) as found:
        yield sift(found, str(path), labels=False)[0]


def _opened(entry: Entry, path: Path, spec: DataSpec, rule: Rule) -> NDArray[Any]:
    """One image as raw values, shape (C, H, W) of the run's H and W."""
    seen = look(entry)
    if isinstance(seen, Fault):
        raise _damaged(entry, path, seen.why)
    try:
        image = decode(entry, *_form(entry, seen, spec))
    except Exception as error:  # of whatever kind Pillow's readers have
        raise _damaged(entry, path, reason(error)) from None
    sized = fit(image, (spec.shape[1], spec.shape[2]), rule, alpha=image.shape[2] == 4)
    restored = sized if is_dicom(entry.name) else _restored(sized, spec)
    return restored.transpose(2, 0, 1)


def _damaged(entry: Entry, path: Path, why: str) -> UsageError:
    place = path if path.name == entry.name else path / entry.name
    return UsageError(f"image {place}", expected="a whole image", received=why)


def _restored(pixels: NDArray[Any], spec: DataSpec) -> NDArray[Any]:
    """8 bits back to raw values, low to high: what `gantlet.training.pictures.as_pixels` undoes.

    Other pixels are raw values as they are.
    """
    if pixels.dtype != np.uint8 or (spec.dtype, spec.low, spec.high) == ("uint8", 0, 255):
        return pixels
    values = spec.low + pixels * ((spec.high - spec.low) / 255)
    return (values if spec.dtype == "float32" else np.round(values)).astype(spec.dtype)


def _form(entry: Entry, seen: Look, spec: DataSpec) -> tuple[int, int]:
    """Channels and bits to decode an image with: those of the run where it can have them.

    Grey and colour become each other. DICOM has units, which no other type may cut.
    """
    bits = next(bits for bits, dtype in TYPES.items() if dtype == spec.dtype)
    if is_dicom(entry.name):
        return seen.channels, max(bits, seen.bits)
    return spec.shape[0] if spec.shape[0] in (1, 3, 4) else seen.channels, bits


def _check_kind(spec: DataSpec) -> None:
    if spec.kind != "image":
        raise UsageError("projection", expected="a run on images", received=spec.kind)


def _check(images: NDArray[Any], spec: DataSpec, steps: int = 1) -> None:
    _check_kind(spec)
    if images.shape[1:] != spec.shape or images.dtype.name != spec.dtype or not len(images):
        raise UsageError(
            "images to project",
            expected=f"{spec.dtype} of shape (N, {', '.join(map(str, spec.shape))}), as the "
            "run's data",
            received=f"{images.dtype.name} of shape {images.shape}",
            remedy="Bring them to that size and number of channels first.",
        )
    if steps < 1:
        raise UsageError("steps of the projection", expected="at least 1", received=str(steps))


def _nearest(
    space: Space, drawn: dict[str, Tensor], y: Tensor | None, known: Tensor, x: Tensor, steps: int
) -> tuple[Tensor, ...]:
    """For each of N images: z, sample, error, error at the start, label; on the CPU."""
    first = torch.cat([_distance(known, one).topk(_STARTS, largest=False).indices for one in x])
    wanted = x.repeat_interleave(_STARTS, 0)
    held = {name: u[first] for name, u in drawn.items()}
    labels = None if y is None else y[first.cpu()]
    z = space.latents(held).clone().requires_grad_()
    adam = torch.optim.Adam([z], lr=_RATE)
    fall = torch.optim.lr_scheduler.CosineAnnealingLR(adam, steps)
    for _ in range(steps):
        prior = (z.square().mean(1) - 1).square()
        loss = _distance(space.render({**held, "z": z}, labels), wanted) + _PRIOR * prior
        (z.grad,) = torch.autograd.grad(loss.sum(), [z])
        adam.step()
        fall.step()
    with torch.no_grad():
        made = space.render({**held, "z": z}, labels)
    errors = _error(made, wanted).unflatten(0, (-1, _STARTS))
    best = errors.argmin(1) + _STARTS * torch.arange(len(x), device=errors.device)
    before = _error(known[first], wanted).unflatten(0, (-1, _STARTS)).amin(1)
    found = torch.full_like(first, -1).cpu() if labels is None else labels
    told = (z.detach()[best], made[best], errors.amin(1), before, found[best.cpu()])
    return tuple(t.cpu() for t in told)


def _error(made: Tensor, x: Tensor) -> Tensor:
    """Root mean squared differences, shape (B,)."""
    return (made - x).flatten(1).square().mean(1).sqrt()


def _distance(made: Tensor, x: Tensor) -> Tensor:
    """Mean squared differences, summed over sizes, shape (B,); x (B, C, H, W) or (C, H, W)."""
    gap, total = made - x, torch.zeros(len(made), device=made.device)
    while True:
        total = total + gap.flatten(1).square().mean(1)
        if min(gap.shape[2:]) < 2 * _SMALLEST:
            return total
        gap = F.avg_pool2d(gap, 2)
