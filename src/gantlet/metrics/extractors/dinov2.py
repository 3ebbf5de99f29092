"""DINOv2: a vision transformer that was trained without labels on 142 million images."""

from __future__ import annotations

import math
import pickle
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional as F

from gantlet.errors import UsageError
from gantlet.metrics.extractors.base import (
    Answers,
    Extractor,
    absent,
    as_rgb,
    encoding,
    rgb_only,
)
from gantlet.spec import DataSpec

__all__ = ["HUB", "VisionTransformer", "check_dinov2", "dinov2"]

HUB = "timm/vit_large_patch14_dinov2.lvd142m"
"""The network of the published Fréchet distances (Stein et al. 2023), 1.2 GB. `small` in place of
`large` is 88 MB and some fourteen times faster."""
_SIDE, _PATCH, _HEAD = 224, 14, 64
"""Pixels of a side after resizing, of a patch, and channels of an attention head."""
_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Of ImageNet's channels in [0, 1]."""
_EPS = 1e-6
_OFFSET = 0.1
"""Added to the number of patches when positions are resampled, as in the authors' code."""


class Block(nn.Module):
    """h + g_1 attention(norm(h)), then h + g_2 MLP(norm(h)), with a learned gain g a channel."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.heads = max(1, width // _HEAD)
        self.norm1, self.norm2 = (nn.LayerNorm(width, eps=_EPS) for _ in range(2))
        self.attn = nn.ModuleDict(
            {"qkv": nn.Linear(width, 3 * width), "proj": nn.Linear(width, width)}
        )
        self.mlp = nn.ModuleDict(
            {"fc1": nn.Linear(width, hidden), "fc2": nn.Linear(hidden, width)}
        )
        self.ls1, self.ls2 = (nn.ParameterDict({"gamma": torch.ones(width)}) for _ in range(2))

    def forward(self, h: Tensor) -> Tensor:
        """Tokens (B, T, D) to (B, T, D)."""
        h = h + self.ls1["gamma"] * self._attention(self.norm1(h))
        inner = F.gelu(self.mlp["fc1"](self.norm2(h)))
        mixed: Tensor = h + self.ls2["gamma"] * self.mlp["fc2"](inner)
        return mixed

    def _attention(self, h: Tensor) -> Tensor:
        split: Tensor = self.attn["qkv"](h).unflatten(2, (3, self.heads, -1))
        q, k, v = split.permute(2, 0, 3, 1, 4)
        mixed: Tensor = self.attn["proj"](
            F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)
        )
        return mixed


class VisionTransformer(nn.Module):
    """Images to the class token after the last norm, with DINOv2's published names of weights.

    Arguments:
        width: channels D of a token; heads have 64 each.
        hidden: channels within an MLP.
        depth: blocks.
        side: of the square grid of positions; DINOv2's is 37 (518 pixels), resampled to 16 here.

    Source: Oquab et al. (2023), DINOv2: Learning Robust Visual Features without Supervision,
    https://arxiv.org/abs/2304.07193
    """

    def __init__(self, *, width: int, hidden: int, depth: int, side: int) -> None:
        super().__init__()
        self.side = side
        self.cls_token = nn.Parameter(torch.zeros(1, 1, width))
        self.pos_embed = nn.Parameter(torch.zeros(1, 1 + side * side, width))
        self.patch_embed = nn.ModuleDict({"proj": nn.Conv2d(3, width, _PATCH, _PATCH)})
        self.blocks = nn.ModuleList(Block(width, hidden) for _ in range(depth))
        self.norm = nn.LayerNorm(width, eps=_EPS)

    def forward(self, x: Tensor) -> Answers:
        """x (B, 1 or 3, H, W) in [-1, 1] to features (B, D)."""
        patches = self.patch_embed["proj"](_prepared(x)).flatten(2).transpose(1, 2)
        h = torch.cat([self.cls_token.expand(len(x), -1, -1), patches], 1) + self._positions()
        for block in self.blocks:
            h = block(h)
        return Answers(self.norm(h[:, 0]))

    def _positions(self) -> Tensor:
        """The grid of positions, resampled by bicubic interpolation to that of the patches."""
        side = _SIDE // _PATCH
        if side == self.side:
            return self.pos_embed
        grid = self.pos_embed[:, 1:].unflatten(1, (self.side, self.side)).permute(0, 3, 1, 2)
        factor = (side + _OFFSET) / self.side
        grid = F.interpolate(grid, scale_factor=(factor, factor), mode="bicubic")
        return torch.cat([self.pos_embed[:, :1], grid.flatten(2).transpose(1, 2)], 1)


def _prepared(x: Tensor) -> Tensor:
    """Images in [-1, 1] as RGB of 224x224, with ImageNet's mean and deviation taken out."""
    size = (_SIDE, _SIDE)
    x = F.interpolate(x, size=size, mode="bicubic", antialias=True, align_corners=False)
    mean, std = (x.new_tensor(values).view(3, 1, 1) for values in (_MEAN, _STD))
    return (as_rgb(x) - mean) / std


def check_dinov2(spec: DataSpec) -> None:
    """UsageError where the hub's package is missing, or for other data than images."""
    rgb_only("dinov2", spec)
    _installed()


def dinov2(spec: DataSpec, weights: str = HUB) -> Extractor:
    """The class token of DINOv2, of images at 224x224: D = 384, 768 or 1,024 by size of network.

    Arguments:
        spec: of images with 1 or 3 channels.
        weights: a local file (safetensors, or a checkpoint of torch, of which tensors alone are
            read), or the name of a repository on the Hugging Face Hub that has
            `model.safetensors` with DINOv2's names of weights. Networks with registers and the
            giant one are other architectures.

    Raises:
        UsageError: the data are not grey or colour images, the file is missing, damaged or not
            such a network, or the extra `hub` is missing.

    Source: Oquab et al. (2023), DINOv2: Learning Robust Visual Features without Supervision,
    https://arxiv.org/abs/2304.07193

    Source: Stein et al. (2023), Exposing flaws of generative model evaluation metrics,
    https://arxiv.org/abs/2306.04675
    """
    rgb_only("dinov2", spec)
    network = _network(_read(_file(weights)), weights)
    steps = f"{encoding(spec)}, then RGB, {_SIDE}x{_SIDE} bicubic, ImageNet's mean and deviation"
    return Extractor(name="dinov2", spec=spec, preprocessing=steps, network=network, batch=64)


def _file(weights: str) -> Path:
    """The local file of that name, or one from the hub."""
    path = Path(weights).expanduser()
    if path.is_file():
        return path
    if weights.count("/") != 1 or path.suffix in (".pth", ".pt", ".safetensors"):
        raise _unfit(weights, "no such file")
    try:
        return Path(_installed()(repo_id=weights, filename="model.safetensors"))
    except (OSError, ValueError) as error:
        raise _unfit(weights, f"an error of the hub ({error})") from error


def _installed() -> Any:
    """What downloads from the hub; UsageError where its package cannot be imported."""
    try:
        from huggingface_hub import hf_hub_download
    except ImportError as error:
        raise absent("dinov2", "huggingface_hub", "hub") from error
    return hf_hub_download


def _read(path: Path) -> dict[str, Tensor]:
    try:
        if zipfile.is_zipfile(path):
            stored = torch.load(path, map_location="cpu", weights_only=True)
        else:
            stored = load_file(path)
        return {name: tensor.float() for name, tensor in stored.items()}
    except (OSError, ValueError, AttributeError, RuntimeError) as error:
        raise _unfit(str(path), str(error)) from error
    except (SafetensorError, pickle.UnpicklingError) as error:
        raise _unfit(str(path), str(error).splitlines()[0]) from error


def _network(stored: Mapping[str, Tensor], name: str) -> VisionTransformer:
    """The network whose sizes these weights have. The token of masked patches is not used."""
    kept = {key: tensor for key, tensor in stored.items() if key != "mask_token"}
    try:
        tokens, width = kept["pos_embed"].shape[1:]
        with torch.device("meta"):
            network = VisionTransformer(
                width=width,
                hidden=len(kept["blocks.0.mlp.fc1.bias"]),
                depth=sum(key.endswith(".norm1.weight") for key in kept),
                side=math.isqrt(tokens - 1),
            )
        network.load_state_dict(kept, assign=True)
    except (KeyError, ValueError, RuntimeError) as error:
        raise _unfit(name, f"other weights ({' '.join(str(error).split())[:200]})") from error
    return network


def _unfit(weights: str, found: str) -> UsageError:
    return UsageError(
        f"weights of the extractor dinov2, {weights}",
        expected="a file or a repository with DINOv2's weights (small, base or large)",
        received=found,
        remedy=f"Give a file, or a repository such as {HUB}.",
    )
