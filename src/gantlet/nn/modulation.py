"""Convolutions whose input channels are scaled by a style, a vector of each sample's own."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gantlet.nn.equalised import EqualLinear
from gantlet.nn.resampling import conv_up

__all__ = ["StyleLayer", "ToImage", "demodulation"]

Size = tuple[int, int]


def demodulation(weight: Tensor, s: Tensor, eps: float = 1e-8) -> Tensor:
    """d_o = (sum_ik (s_i w_oik)^2 + eps)^(-1/2), which brings outputs back to unit variance.

    The outputs of a convolution with weights s_i w_oik have, for independent inputs of unit
    variance, the variance that stands below the root.

    Shapes: weight (O, I, k, k) and s (B, I) to (B, O).

    Source: Karras et al. (2020), Analyzing and Improving the Image Quality of StyleGAN, https://arxiv.org/abs/1912.04958
    """
    return (s.square() @ weight.square().sum((2, 3)).T + eps).rsqrt()


def _spread(s: Tensor, like: Tensor) -> Tensor:
    """Factors (B, C) of the channels of a map."""
    return s.to(like.dtype)[:, :, None, None]


def _affine(style: int, inputs: int) -> EqualLinear:
    """Scales of channels from a style, at first about one."""
    layer = EqualLinear(style, inputs, gain=1.0)
    nn.init.ones_(layer.bias)
    return layer


class StyleLayer(nn.Module):
    """f(d (w * s x) + strength noise + b), f(u) = sqrt(2) leaky_relu(u): a layer of StyleGAN2.

    s is a learned affine function of the style, at first about one, w * a convolution of 3x3 (or
    `conv_up` where the size changes) and d its `demodulation`. Scaling x by s and the result by d
    is the convolution with each sample's own weights d_o s_i w_oik. As one grouped convolution of
    these it took 1.1 to 8 times as long, forward and backward (one processor core, 32 samples of
    32 channels at 28x28 and of 128 at 7x7).

    Shapes: x (B, inputs, *before), style (B, W), noise (B, 1, *size) to (B, outputs, *size).

    Arguments:
        style: W.
        before, size: of the maps that come and go.
        gain: of the activation.

    Source: Karras et al. (2020), Analyzing and Improving the Image Quality of StyleGAN, https://arxiv.org/abs/1912.04958
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        style: int,
        before: Size,
        size: Size,
        *,
        gain: float = 2**0.5,
    ) -> None:
        super().__init__()
        self.size, self.grows, self.gain = size, before != size, gain
        self.affine = _affine(style, inputs)
        self.weight = nn.Parameter(torch.randn(outputs, inputs, 3, 3))
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.strength = nn.Parameter(torch.zeros(()))

    def forward(self, x: Tensor, style: Tensor, noise: Tensor | None) -> Tensor:
        """The layer's answer; without noise if none is given."""
        with torch.autocast(x.device.type, enabled=False):
            s = self.affine(style.to(self.bias.dtype))
            # f is homogeneous: its gain goes into d, the noise and the bias.
            d = self.gain * demodulation(self.weight, s)
            bias = self.gain * self.bias
            added = None if noise is None else self.gain * self.strength * noise
        x = x * _spread(s, x)
        if self.grows:
            y = conv_up(x, self.weight.transpose(0, 1), self.size)
        else:
            y = F.conv2d(x, self.weight, padding=1)
        d = _spread(d, y)
        y = y * d if added is None else torch.addcmul(added.to(y.dtype), y, d)
        return F.leaky_relu(y + bias.to(y.dtype)[:, None, None], 0.2)


class ToImage(nn.Module):
    """A 1x1 convolution of s x with a bias, not demodulated: the colours of a map.

    Shapes: x (B, inputs, h, w), style (B, W) to (B, outputs, h, w).

    Source: Karras et al. (2020), Analyzing and Improving the Image Quality of StyleGAN, https://arxiv.org/abs/1912.04958
    """

    def __init__(self, inputs: int, outputs: int, style: int) -> None:
        super().__init__()
        self.scale = inputs**-0.5
        self.affine = _affine(style, inputs)
        self.weight = nn.Parameter(torch.randn(outputs, inputs, 1, 1))
        self.bias = nn.Parameter(torch.zeros(outputs))

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        """The colours."""
        with torch.autocast(x.device.type, enabled=False):
            s = self.scale * self.affine(style.to(self.bias.dtype))
        return F.conv2d(x * _spread(s, x), self.weight, self.bias)
