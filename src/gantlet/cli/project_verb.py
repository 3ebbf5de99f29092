"""`gantlet project`."""

from __future__ import annotations

from pathlib import Path

from gantlet.cli.places import spared
from gantlet.cli.words import RunFolder

__all__ = ["project_"]


def project_(
    run: RunFolder,
    images: Path,
    /,
    *,
    steps: int = 400,
    seed: int = 0,
    label: str | None = None,
    out: Path | None = None,
) -> None:
    """Search the latent vectors whose samples are nearest to given images, with their errors.

    Parameters
    ----------
    run
        Folder of a run on images, or of a bundle.
    images
        An image, or a folder, archive or array of images. Those of another size than the run's are
        brought to it as the images that it trained on (data.fit).
    steps
        Of the search (400).
    seed
        Of the samples where it begins (0).
    label
        The class, or conditions, to ask for; without it, those of the nearest samples.
    out
        A file that ends in .png (each image beside what was found) or .npz (also z and errors)
        (RUN/projected.png).
    """
    from gantlet.latents.projection import check_projection, opened_images, project
    from gantlet.run import load

    bundle = load(run).bundle
    place = spared(out or run / "projected.png", run, {"the images that are read": images})
    check_projection(place)
    rule = bundle.config.data.fit
    found = project(
        bundle, opened_images(images, bundle.spec, rule), steps=steps, seed=seed, label=label
    )
    for i, (rmse, psnr, before) in enumerate(
        zip(found.rmse, found.psnr, found.before, strict=True)
    ):
        print(f"image {i}: error {rmse:.3f} ({psnr:.1f} dB), from {before:.3f} at the start")
    print(f"Images and what was found for them are in {found.save(place)}")
