"""What else steadies a game besides the penalties on the critic's slope: settings of `versus`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["STABILISERS", "Stabiliser"]


@dataclass(frozen=True)
class Stabiliser:
    """One setting, in a line, and where it was published."""

    line: str
    source: str


STABILISERS: Mapping[str, Stabiliser] = {
    "game.smoothing": Stabiliser(
        "one-sided label smoothing: the target of real samples is 1 - smoothing",
        "Salimans et al. (2016), Improved Techniques for Training GANs, "
        "https://arxiv.org/abs/1606.03498",
    ),
    "game.instance_noise": Stabiliser(
        "Gaussian noise on all that the discriminator sees",
        "Sønderby et al. (2017), Amortised MAP Inference for Image Super-resolution, "
        "https://arxiv.org/abs/1610.04490",
    ),
    "game.clip_weights": Stabiliser(
        "the critic's weights cut to a bound after each of its steps",
        "Arjovsky et al. (2017), Wasserstein GAN, https://arxiv.org/abs/1701.07875",
    ),
    "game.lecam": Stabiliser(
        "logits pulled to the running mean of the other side's",
        "Tseng et al. (2021), Regularizing Generative Adversarial Networks under Limited Data, "
        "https://arxiv.org/abs/2104.03310",
    ),
    "game.orthogonality": Stabiliser(
        "the generator's filters kept at right angles",
        "Brock et al. (2019), Large Scale GAN Training for High Fidelity Natural Image Synthesis, "
        "https://arxiv.org/abs/1809.11096",
    ),
    "game.feature_matching": Stabiliser(
        "mean features of the critic matched between real and generated samples",
        "Salimans et al. (2016), Improved Techniques for Training GANs, "
        "https://arxiv.org/abs/1606.03498",
    ),
    "game.style_mixing": Stabiliser(
        "the later layers of some generated samples have the style of another latent",
        "Karras et al. (2019), A Style-Based Generator Architecture for Generative Adversarial "
        "Networks, https://arxiv.org/abs/1812.04948",
    ),
    "game.path_length": Stabiliser(
        "steps of a generator's styles are equally long in the image, every fourth step",
        "Karras et al. (2020), Analyzing and Improving the Image Quality of StyleGAN, "
        "https://arxiv.org/abs/1912.04958",
    ),
    "game.historical_averaging": Stabiliser(
        "each player's weights pulled to the mean of what they were",
        "Salimans et al. (2016), Improved Techniques for Training GANs, "
        "https://arxiv.org/abs/1606.03498",
    ),
    "game.apa": Stabiliser(
        "some real samples replaced by generated ones, as many as the critic's overfitting asks",
        "Jiang et al. (2021), Deceive D: Adaptive Pseudo Augmentation for GAN Training with "
        "Limited Data, https://arxiv.org/abs/2111.06849",
    ),
    "game.consistency": Stabiliser(
        "logits kept where they are under small changes of images and latents",
        "Zhang et al. (2020), Consistency Regularization for Generative Adversarial Networks, "
        "https://arxiv.org/abs/1910.12027; Zhao et al. (2021), Improved Consistency "
        "Regularization for GANs, https://arxiv.org/abs/2002.04724",
    ),
    "game.pack": Stabiliser(
        "samples judged together, so that a lack of variety shows (PacGAN)",
        "Lin et al. (2018), PacGAN: The power of two samples in generative adversarial networks, "
        "https://arxiv.org/abs/1712.04086",
    ),
    "train.freeze_discriminator": Stabiliser(
        "the critic's first blocks keep the weights of the run that it begins with (FreezeD)",
        "Mo et al. (2020), Freeze the Discriminator: a Simple Baseline for Fine-Tuning GANs, "
        "https://arxiv.org/abs/2002.10964",
    ),
    "network.generator_norm": Stabiliser(
        "virtual: the generator normalised by a reference batch that is drawn once",
        "Salimans et al. (2016), Improved Techniques for Training GANs, "
        "https://arxiv.org/abs/1606.03498",
    ),
    "network.discriminator_norm": Stabiliser(
        "spectral: each layer of the critic divided by its largest singular value",
        "Miyato et al. (2018), Spectral Normalization for Generative Adversarial Networks, "
        "https://arxiv.org/abs/1802.05957",
    ),
    "network.minibatch_std": Stabiliser(
        "the critic sees the standard deviation within each group",
        "Karras et al. (2018), Progressive Growing of GANs for Improved Quality, Stability, and "
        "Variation, https://arxiv.org/abs/1710.10196",
    ),
    "network.minibatch_discrimination": Stabiliser(
        "the critic sees how near samples of a group are to one another, by learned kernels",
        "Salimans et al. (2016), Improved Techniques for Training GANs, "
        "https://arxiv.org/abs/1606.03498",
    ),
}
