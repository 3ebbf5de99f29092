"""DINOv2's network against its formulas written out in float64, and its files."""

from __future__ import annotations

import math
import sys
from types import ModuleType

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from gantlet.errors import UsageError
from gantlet.metrics.extractors.dinov2 import HUB, VisionTransformer, dinov2
from gantlet.spec import DataSpec

GREY = DataSpec(kind="image", shape=(1, 20, 30))
COLOUR = DataSpec(kind="image", shape=(3, 224, 224), dtype="float32", high=1.0)


def weights(width=32, hidden=48, depth=2, side=5):
    """Random weights under DINOv2's published names, as they would be read from a file."""
    random = torch.Generator().manual_seed(0)
    shapes = {
        "cls_token": (1, 1, width),
        "pos_embed": (1, 1 + side * side, width),
        "mask_token": (1, width),
        "patch_embed.proj.weight": (width, 3, 14, 14),
        "patch_embed.proj.bias": (width,),
        "norm.weight": (width,),
        "norm.bias": (width,),
    }
    for i in range(depth):
        shapes |= {
            f"blocks.{i}.{name}": shape
            for name, shape in {
                "norm1.weight": (width,),
                "norm1.bias": (width,),
                "attn.qkv.weight": (3 * width, width),
                "attn.qkv.bias": (3 * width,),
                "attn.proj.weight": (width, width),
                "attn.proj.bias": (width,),
                "ls1.gamma": (width,),
                "norm2.weight": (width,),
                "norm2.bias": (width,),
                "mlp.fc1.weight": (hidden, width),
                "mlp.fc1.bias": (hidden,),
                "mlp.fc2.weight": (width, hidden),
                "mlp.fc2.bias": (width,),
                "ls2.gamma": (width,),
            }.items()
        }
    return {
        name: torch.randn(shape, generator=random) / (shape[-1] ** 0.5 if len(shape) > 1 else 2)
        for name, shape in shapes.items()
    }


def cubic(t, a=-0.75):
    """Keys' kernel."""
    t = abs(t)
    if t <= 1:
        return (a + 2) * t**3 - (a + 3) * t**2 + 1
    return a * t**3 - 5 * a * t**2 + 8 * a * t - 4 * a if t < 2 else 0.0


def resampler(old, new, factor):
    """The matrix (new, old) of bicubic interpolation along a side, edges repeated."""
    matrix = np.zeros((new, old))
    for i in range(new):
        at = (i + 0.5) / factor - 0.5
        for j in range(math.floor(at) - 1, math.floor(at) + 3):
            matrix[i, min(max(j, 0), old - 1)] += cubic(at - j)
    return matrix


def reference(w, x):
    """The class token of one image (3, 224, 224) in [0, 1], by loops over patches and heads."""
    w = {name: tensor.double().numpy() for name, tensor in w.items()}
    depth = sum(name.endswith("ls1.gamma") for name in w)
    width = w["cls_token"].shape[-1]
    mean, std = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    x = (x - mean[:, None, None]) / std[:, None, None]
    tokens = [w["cls_token"][0, 0]]
    for row in range(16):
        for column in range(16):
            patch = x[:, 14 * row : 14 * row + 14, 14 * column : 14 * column + 14]
            kernel = w["patch_embed.proj.weight"].reshape(width, -1)
            tokens.append(kernel @ patch.ravel() + w["patch_embed.proj.bias"])
    position = w["pos_embed"][0]
    side = math.isqrt(len(position) - 1)
    grid = position[1:].reshape(side, side, width)
    if side != 16:
        m = resampler(side, 16, 16.1 / side)
        grid = np.einsum("ia,jb,abd->ijd", m, m, grid)
    h = np.stack(tokens) + np.concatenate([position[:1], grid.reshape(256, width)])

    def norm(v, name):
        centred = v - v.mean(-1, keepdims=True)
        scaled = centred / np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-6)
        return scaled * w[f"{name}.weight"] + w[f"{name}.bias"]

    def dense(v, name):
        return v @ w[f"{name}.weight"].T + w[f"{name}.bias"]

    erf = np.vectorize(math.erf)
    for i in range(depth):
        block = f"blocks.{i}"
        q, k, v = np.split(dense(norm(h, f"{block}.norm1"), f"{block}.attn.qkv"), 3, axis=1)
        mixed = []
        for head in range(max(1, width // 64)):
            part = slice(head * 64, head * 64 + 64) if width >= 64 else slice(None)
            scores = np.exp(q[:, part] @ k[:, part].T / math.sqrt(q[:, part].shape[1]))
            mixed.append(scores / scores.sum(1, keepdims=True) @ v[:, part])
        attended = dense(np.concatenate(mixed, 1), f"{block}.attn.proj")
        h = h + w[f"{block}.ls1.gamma"] * attended
        inner = dense(norm(h, f"{block}.norm2"), f"{block}.mlp.fc1")
        inner = inner * (1 + erf(inner / math.sqrt(2))) / 2
        h = h + w[f"{block}.ls2.gamma"] * dense(inner, f"{block}.mlp.fc2")
    return norm(h[0], "norm")


def saved(folder, stored, name="w.safetensors"):
    path = folder / name
    save_file(stored, path)
    return str(path)


@pytest.mark.parametrize(
    ("width", "side"), [(32, 5), (128, 5), (32, 16), (32, 37)], ids=["1", "2 heads", "16", "37"]
)
def test_features_are_those_of_the_formulas(width, side, tmp_path):
    stored = weights(width=width, side=side)
    extractor = dinov2(COLOUR, saved(tmp_path, stored))
    x = np.random.default_rng(0).random((2, 3, 224, 224)).astype(np.float32)
    wanted = torch.tensor(np.stack([reference(stored, image.astype(np.float64)) for image in x]))
    exact = extractor.network.double()
    found = exact(torch.tensor(x, dtype=torch.float64) * 2 - 1).features
    torch.testing.assert_close(found, wanted, rtol=1e-9, atol=1e-9)
    assert (wanted[0] - wanted[1]).abs().max() > 1e-3


def test_float32_is_near(tmp_path):
    stored = weights()
    x = np.random.default_rng(0).random((1, 3, 224, 224)).astype(np.float32)
    found = dinov2(COLOUR, saved(tmp_path, stored)).answers(x).features
    wanted = torch.tensor(reference(stored, x[0].astype(np.float64)))
    torch.testing.assert_close(found[0].double(), wanted, rtol=1e-4, atol=1e-4)


def test_other_sizes_are_resized_as_pillow_does(tmp_path):
    """Pillow's bicubic filter, which is antialiased too, on float images; grey becomes RGB."""
    from PIL import Image

    extractor = dinov2(GREY, saved(tmp_path, weights()))
    random = np.random.default_rng(0)
    for shape in ((20, 30), (300, 451)):
        raw = random.integers(0, 256, (1, 1, *shape), dtype=np.uint8)
        image = Image.fromarray((raw[0, 0] / 255).astype(np.float32))
        resized = np.asarray(image.resize((224, 224), Image.Resampling.BICUBIC)).clip(0, 1)
        wanted = dinov2(COLOUR, saved(tmp_path, weights())).answers(
            np.broadcast_to(resized, (1, 3, 224, 224)).astype(np.float32)
        )
        spec = DataSpec(kind="image", shape=(1, *shape))
        found = extractor.network(spec.encode(torch.tensor(raw)))
        torch.testing.assert_close(found.features, wanted.features, rtol=1e-3, atol=1e-3)


def test_a_checkpoint_of_torch_and_half_precision_are_read(tmp_path):
    stored = weights()
    whole = dinov2(GREY, saved(tmp_path, stored))
    torch.save(stored, tmp_path / "w.pth")
    assert dinov2(GREY, str(tmp_path / "w.pth")).digest == whole.digest
    half = dinov2(GREY, saved(tmp_path, {k: v.half() for k, v in stored.items()}, "h.safetensors"))
    assert half.digest != whole.digest
    assert {p.dtype for p in half.network.parameters()} == {torch.float32}


class Evil:
    def __reduce__(self):
        return (print, ("code ran",))


def test_a_checkpoint_that_would_run_code_is_refused(tmp_path, capsys):
    torch.save({**weights(), "evil": Evil()}, tmp_path / "w.pth")
    with pytest.raises(UsageError, match=r"w\.pth"):
        dinov2(GREY, str(tmp_path / "w.pth"))
    assert "code ran" not in capsys.readouterr().out


@pytest.mark.parametrize("content", [b"", b"text", b"PK\x03\x04", b"\x08" + bytes(20)])
def test_damaged_files_are_refused(content, tmp_path):
    (tmp_path / "w.safetensors").write_bytes(content)
    with pytest.raises(UsageError, match=r"w\.safetensors"):
        dinov2(GREY, str(tmp_path / "w.safetensors"))


@pytest.mark.parametrize(
    "change",
    [
        lambda w: w.pop("blocks.1.ls1.gamma"),
        lambda w: w.pop("pos_embed"),
        lambda w: w.update({"register_tokens": torch.zeros(1, 4, 32)}),
        lambda w: w.update({"norm.weight": torch.zeros(31)}),
        lambda w: w.update({"pos_embed": torch.zeros(1, 24, 32)}),
        lambda w: w.clear(),
    ],
    ids=["a weight", "positions", "registers", "shape", "no square", "all"],
)
def test_weights_of_another_network_are_refused(change, tmp_path):
    stored = weights()
    change(stored)
    with pytest.raises(UsageError, match="other weights"):
        dinov2(GREY, saved(tmp_path, stored))


def test_a_missing_file_is_refused():
    with pytest.raises(UsageError, match="no such file"):
        dinov2(GREY, "folder/absent.safetensors")


def test_weights_come_from_the_hub_by_name(tmp_path, monkeypatch):
    path, asked = saved(tmp_path, weights()), []

    def download(repo_id, filename):
        asked.append((repo_id, filename))
        return path

    module = ModuleType("huggingface_hub")
    module.hf_hub_download = download
    monkeypatch.setitem(sys.modules, "huggingface_hub", module)
    assert dinov2(GREY).digest == dinov2(GREY, path).digest
    assert asked == [(HUB, "model.safetensors")]

    def offline(repo_id, filename):
        raise FileNotFoundError("no network")

    module.hf_hub_download = offline
    with pytest.raises(UsageError, match="no network"):
        dinov2(GREY)


def test_without_the_hubs_package_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(UsageError, match=r"gantlet\[hub\]"):
        dinov2(GREY)


@pytest.mark.parametrize(
    ("width", "depth", "millions"), [(384, 12, 22.06), (768, 12, 86.58), (1024, 24, 304.37)]
)
def test_the_published_networks_have_their_number_of_weights(width, depth, millions):
    with torch.device("meta"):
        vit = VisionTransformer(width=width, hidden=4 * width, depth=depth, side=37)
    count = sum(weight.numel() for weight in vit.parameters())
    assert count / 1e6 == pytest.approx(millions, abs=0.006)
    assert isinstance(vit.blocks[0], nn.Module)
    assert vit.blocks[0].heads == width // 64
