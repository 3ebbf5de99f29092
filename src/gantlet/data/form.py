"""The one form that all images of a source are brought to: size, channels, depth."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from gantlet.data.assemble import ceiling, extent
from gantlet.data.dataset import Array
from gantlet.data.pixels import TRAITS, TYPES, Entry, Look, decode, study, uses_alpha
from gantlet.data.resize import DONE, Rule, common_size, each, fit
from gantlet.data.settings import DataSettings
from gantlet.errors import UsageError

__all__ = ["Form", "form_of"]

_AT_ONCE = 256
"""Images whose alpha is looked at before the next: one that uses it ends the search."""


@dataclass(frozen=True)
class Form:
    """The one size, number of channels and depth of all images."""

    size: tuple[int, int]
    """Height and width."""
    channels: int
    """1, 3, or 4 where the last is alpha."""
    bits: int
    """8, 16, or 32 for real numbers; see `TYPES`."""
    rule: Rule
    """How images come to the size."""
    asked: bool
    """Whether the settings say the size."""

    @property
    def dtype(self) -> str:
        """Of the values."""
        return TYPES[self.bits]

    def pixels(self, entry: Entry) -> Array:
        """An image in this form, (H, W, C). Raises whatever its decoder does."""
        return self._fitted(decode(entry, self.channels, self.bits))

    def study(self, entry: Entry) -> tuple[Look, Array]:
        """What the header says, and the image in this form; as `pixels`."""
        seen, image = study(entry, self.channels, self.bits)
        return seen, self._fitted(image)

    def _fitted(self, image: Array) -> Array:
        return fit(image, self.size, self.rule, alpha=self.channels == 4)

    def range(self, raw: Array) -> tuple[float, float]:
        """Raw values that become -1 and +1."""
        if self.bits == 8:
            return 0.0, 255.0
        low, high = extent(raw)
        return (0.0, ceiling("uint16", high)) if self.bits == 16 else (low, high)

    def notes(self, looks: Sequence[Look], *, sizes: bool = True) -> Iterator[str]:
        """What was done to the images to bring them to this form; of sizes only if asked."""
        counts = Counter(trait for one in looks for trait in one.traits)
        yield from (f"{text}: {counts[t]:,}." for t, text in TRAITS.items() if counts[t])
        changed = sum(one.size != self.size for one in looks)
        if changed and sizes:
            height, width = self.size
            rule = "as data.size says" if self.asked else "the common size; data.size sets another"
            yield (
                f"Images {DONE[self.rule]} to {height}x{width} (height x width, "
                f"{rule}): {changed:,} of {len(looks):,}, which have {_sizes(looks)}."
            )
        if self.channels == 4:
            yield (
                "Transparency kept as a fourth channel, since at least one image uses it "
                "(data.alpha=white lays all on white). Images without it are opaque: "
                f"{len(looks) - counts['alpha']:,} of {len(looks):,}."
            )
        elif counts["alpha"]:
            yield f"Alpha channels dropped, all laid on white: {counts['alpha']:,}."
        grey = sum(one.channels == 1 for one in looks)
        if self.channels >= 3 and grey:
            yield f"Grey images converted to RGB: {grey:,} of {len(looks):,}."
        deep = sum(one.bits == 16 for one in looks)
        if self.bits == 8 and deep:
            yield f"Images of 16 bits brought to 8: {deep:,} of {len(looks):,}."
        if counts["dicom"]:
            kept = "real numbers" if self.bits == 32 else f"whole numbers of {self.bits} bits"
            yield (
                "DICOM slices hold the values that their files state (rescale slope and intercept "
                f"applied, no window), as {kept}."
            )


def _sizes(looks: Sequence[Look]) -> str:
    count = len({one.size for one in looks})
    return "one size" if count == 1 else f"{count:,} sizes"


def form_of(
    entries: Sequence[Entry], looks: Sequence[Look], settings: DataSettings, source: str
) -> Form:
    """The common form of images.

    Any colour makes all RGB, any transparency all RGBA; 16 bits stay if all have them. DICOM has
    units, so that its widest type holds all.

    Raises:
        UsageError: DICOM slices among other images.
    """
    slices = sum("dicom" in one.traits for one in looks)
    if slices not in (0, len(looks)):
        raise UsageError(
            source,
            expected="DICOM slices alone, or other images alone",
            received=f"{slices:,} of {len(looks):,} files in DICOM",
            remedy="Separate them, or convert them all to one format",
        )
    transparent = settings.alpha == "keep" and _transparent(entries, looks)
    return Form(
        settings.size or common_size(one.size for one in looks),
        4 if transparent else max(one.channels for one in looks),
        (max if slices else min)(one.bits for one in looks),
        settings.fit,
        settings.size is not None,
    )


def _transparent(entries: Sequence[Entry], looks: Sequence[Look]) -> bool:
    able = [e for e, one in zip(entries, looks, strict=True) if "alpha" in one.traits]
    parts = (able[i : i + _AT_ONCE] for i in range(0, len(able), _AT_ONCE))
    return any(any(each(uses_alpha, part)) for part in parts)
