"""Random images and numbers for the tests of augmentations, in float64."""

import torch

from gantlet.rng import Noise


def images(*shape, seed=0):
    """Images (B, C, H, W) in [-1, 1]."""
    return 2 * Noise(seed, "images", 0, shape[0], dtype=torch.float64).uniform("x", shape[1:]) - 1


def uniform(count, k, seed=0):
    """Uniform numbers (B, k)."""
    return Noise(seed, "numbers", 0, count, dtype=torch.float64).uniform("u", (k,))


def normal(count, k, seed=0):
    """Normal numbers (B, k)."""
    return Noise(seed, "numbers", 0, count, dtype=torch.float64)("n", (k,))


def column(*values):
    """One number for each sample, (B, 1)."""
    return torch.tensor(values, dtype=torch.float64)[:, None]
