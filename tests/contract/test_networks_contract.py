"""What every family of networks promises, over the table."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest
import torch
from torch import nn

from gantlet.errors import UsageError
from gantlet.networks import NETWORKS, Critique
from gantlet.networks.base import SelfSupervised
from gantlet.networks.styles import NoisyGenerator
from gantlet.nn.spectral import Spectral
from gantlet.nn.stages import Growth
from gantlet.spec import DataSpec
from tests.tables_for import TABLE

GROUP = 4
BATCH_NORMED = ("dcgan", "fastgan")
"""Families whose discriminator may have batch norm."""
CLASSES = ("a", "b", "c")
SHAPES = {
    "1x8x8": (1, 8, 8),
    "3x32x32": (3, 32, 32),
    "1x28x28": (1, 28, 28),
    "4x17x23": (4, 17, 23),
}
IMAGES = {
    name: DataSpec(kind="image", shape=shape, dtype="uint16" if name == "4x17x23" else "uint8")
    for name, shape in SHAPES.items()
}
POINTS = DataSpec(kind="points", shape=(2,), dtype="float32")
PAIRS = [
    *((family, spec) for family in NETWORKS if family != "table" for spec in IMAGES.values()),
    ("mlp", POINTS),
    ("mlp", TABLE),
    ("table", TABLE),
]
over_pairs = pytest.mark.parametrize(
    ("family", "spec"), PAIRS, ids=[f"{f}-{'x'.join(map(str, s.shape))}" for f, s in PAIRS]
)
over_families = pytest.mark.parametrize("family", NETWORKS)
COUPLINGS = [
    (name, coupling)
    for name, family in NETWORKS.items()
    for coupling in ({"minibatch_std": True}, {"minibatch_discrimination": 3})
    if coupling.keys() <= {field.name for field in fields(family)}
]
over_labels = pytest.mark.parametrize("classes", [(), CLASSES], ids=["plain", "labels"])
SMALL, ODD = IMAGES["1x8x8"], IMAGES["4x17x23"]
of_images = pytest.mark.parametrize("family", [name for name in NETWORKS if name != "table"])


def small(family):
    """Few numbers of the kind that a family makes."""
    return TABLE if family == "table" else SMALL


def odd(family):
    """Another such, of odd sizes."""
    return TABLE if family == "table" else ODD


def settings(family, **wanted):
    """Tiny settings of a family, with those of `wanted` that it has."""
    tiny = NETWORKS[family].tiny()
    known = {field.name for field in fields(tiny)}
    return replace(tiny, **{key: value for key, value in wanted.items() if key in known})


def variants(family):
    """Tiny settings with every choice of a literal field that the family has, one at a time."""
    choices = {
        "generator_condition": ("concat", "norm"),
        "discriminator_condition": ("concat", "projection", "auxiliary"),
        "generator_norm": ("none", "batch") if family == "table" else ("batch", "virtual"),
        "discriminator_norm": ("none", "spectral"),
        "activation": ("relu", "leaky_relu"),
        "pooling": ("mean", "sum"),
        "generator_architecture": ("skip", "residual", "plain"),
        "discriminator_architecture": ("skip", "residual", "plain"),
        "minibatch_std": (False, True),
        "minibatch_discrimination": (0, 3),
    }
    known = {field.name for field in fields(NETWORKS[family])}
    return [
        settings(family, **{key: value})
        for key, values in choices.items()
        for value in values
        if key in known
    ]


def uncoupled(net):
    """The same settings without batch norm in the discriminator."""
    normed = getattr(net, "discriminator_norm", "none") == "batch"
    return replace(net, discriminator_norm="none") if normed else net


def players(net, spec, pack=1, dtype=torch.float64):
    """Generator and discriminator, and 2 * GROUP latents, labels and packed samples."""
    torch.manual_seed(0)
    G = net.generator(spec, group=GROUP).to(dtype)
    D = net.discriminator(spec, group=GROUP, pack=pack).to(dtype)
    z = torch.randn(2 * GROUP, net.latent, dtype=dtype)
    y = torch.arange(2 * GROUP) % len(spec.classes) if spec.classes else None
    x = torch.randn(2 * GROUP // pack, pack * spec.shape[0], *spec.shape[1:], dtype=dtype)
    return G, D, z, y, x


def made(G, z, y):
    """G(z, y), with all the random numbers that G takes."""
    draws = G.draws if isinstance(G, NoisyGenerator) else {}
    noise = {name: torch.randn(len(z), *shape, dtype=z.dtype) for name, shape in draws.items()}
    return G(z, y, noise) if noise else G(z, y)


def waken(module):
    """Draw weights that begin at zero (last convolutions, gains alone), which hide others."""
    with torch.no_grad():
        for weight in module.parameters():
            if weight.dim() != 1 and not weight.any():
                weight.normal_(std=0.1)


def moments(*players):
    """Each stage of players that grow, fading in and whole, set as they are walked through."""
    grown = [m for player in players for m in player.modules() if isinstance(m, Growth)]
    if not grown:
        yield
    for i in range(grown[0].last + 1 if grown else 0):
        for inside in (grown[0].fade // 2, grown[0].fade):
            for growth in grown:
                growth.reach(growth.steady + (i - 1) * (growth.steady + growth.fade) + inside)
            yield


def rebuilt(D, critique, x):
    """What decoders made, as a number; 0 where there are none."""
    if not isinstance(D, SelfSupervised):
        return 0
    place = torch.linspace(0, 0.99, 2 * len(x), dtype=x.dtype).view(-1, 2)
    return sum(made.square().sum() for made, _ in D.rebuilt(critique.maps, x, place))


def total(critique: Critique) -> torch.Tensor:
    parts = [part for part in (critique.logits, critique.classes) if part is not None]
    return torch.stack([part.square().sum() for part in parts]).sum()


@over_pairs
@over_labels
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_shapes_and_types(family, spec, classes, dtype):
    spec = replace(spec, classes=classes)
    G, D, z, y, x = players(settings(family), spec, dtype=dtype)
    for _ in moments(G, D):
        fake, critique = made(G, z, y), D(x, y)
        logits, features = critique.logits, critique.features
        assert (fake.shape, fake.dtype) == ((2 * GROUP, *spec.shape), dtype)
        assert (logits.shape, logits.dtype) == ((2 * GROUP,), dtype)
        assert features.dim() == 2
        assert len(features) == 2 * GROUP
        assert all(t.isfinite().all() for t in (fake, logits, features))


@over_pairs
def test_packs_are_judged_together(family, spec):
    _, D, _, _, x = players(settings(family), spec, pack=2)
    assert D(x).logits.shape == (GROUP,)


@of_images
def test_packs_have_no_label(family):
    with pytest.raises(UsageError, match="pack=1"):
        settings(family).discriminator(
            replace(small(family), classes=CLASSES), group=GROUP, pack=2
        )


@over_pairs
@over_labels
def test_gradients_reach_every_weight(family, spec, classes):
    spec = replace(spec, classes=classes)
    for net in variants(family) if spec is small(family) else [settings(family)]:
        G, D, z, y, _ = players(net, spec)
        waken(G)
        waken(D)
        for _ in moments(G, D):
            x = made(G, z, y)
            judged = D(x, y)
            (total(judged) + rebuilt(D, judged, x)).backward()
        silent = [n for m in (G, D) for n, p in m.named_parameters() if not p.grad.any()]
        assert silent == []


@pytest.mark.parametrize(("family", "coupling"), COUPLINGS)
@over_labels
def test_a_batch_equals_its_groups(family, classes, coupling):
    spec = replace(odd(family), classes=classes)
    net = settings(family, discriminator_norm="batch" if family in BATCH_NORMED else "none")
    net = replace(net, **coupling)
    G, D, z, y, x = players(net, spec)
    waken(D)
    labels = y.split(GROUP) if classes else (None, None)
    made = torch.cat([G(part, label) for part, label in zip(z.split(GROUP), labels, strict=True)])
    judged = [D(part, label).logits for part, label in zip(x.split(GROUP), labels, strict=True)]
    torch.testing.assert_close(G(z, y), made, rtol=0, atol=1e-12)
    torch.testing.assert_close(D(x, y).logits, torch.cat(judged), rtol=0, atol=1e-12)


@over_families
@over_labels
def test_an_uncoupled_discriminator_judges_each_sample_alone(family, classes):
    net = settings(family, discriminator_norm="spectral", minibatch_std=False)
    _, D, _, y, x = players(net, replace(odd(family), classes=classes))
    waken(D)
    alone = [D(x[i : i + 1], None if y is None else y[i : i + 1]).logits for i in range(len(x))]
    torch.testing.assert_close(D(x, y).logits, torch.cat(alone), rtol=0, atol=1e-12)


@over_families
@over_labels
def test_in_evaluation_a_generator_makes_each_sample_alone(family, classes):
    for net in variants(family):
        G, _, z, y, _ = players(net, replace(small(family), classes=classes))
        labels = [None] * len(z) if y is None else y.split(1)
        alone = [G.eval()(v, label) for v, label in zip(z.split(1), labels, strict=True)]
        torch.testing.assert_close(G(z, y), torch.cat(alone), rtol=0, atol=1e-12)


@over_families
def test_forward_changes_no_state(family):
    net = settings(family, discriminator_norm="batch" if family in BATCH_NORMED else "spectral")
    G, D, z, y, x = players(net, replace(small(family), classes=CLASSES))
    before = [{k: v.clone() for k, v in m.state_dict().items()} for m in (G, D)]
    total(D(G(z, y) + x, y)).backward()
    for module, state in zip((G, D), before, strict=True):
        assert all(torch.equal(v, state[k]) for k, v in module.state_dict().items())


@over_families
def test_samples_depend_on_the_label(family):
    for net in variants(family):
        G, _, z, y, _ = players(net, replace(small(family), classes=CLASSES))
        apart = (G(z, y) - G(z, (y + 1) % 3)).abs().flatten(1).amax(1)
        assert (apart > 1e-6).all()


@of_images
@pytest.mark.parametrize("condition", ["concat", "projection", "auxiliary"])
def test_logits_depend_on_the_label_unless_a_classifier_has_it(family, condition):
    net = settings(family, discriminator_condition=condition)
    _, D, _, y, x = players(net, replace(small(family), classes=CLASSES))
    here, there = D(x, y), D(x, (y + 1) % 3)
    if condition == "auxiliary":
        assert torch.equal(here.logits, there.logits)
        assert here.classes.shape == (2 * GROUP, 3)
    else:
        assert ((here.logits - there.logits).abs() > 1e-9).all()
        assert here.classes is None


@over_families
def test_labels_must_be_given_where_they_are_used(family):
    _, D, z, _, x = players(settings(family), replace(small(family), classes=CLASSES))
    with pytest.raises(UsageError, match="labels"):
        D(x)
    for net in variants(family):
        with pytest.raises(UsageError, match="labels"):
            players(net, replace(small(family), classes=CLASSES))[0](z)


@over_families
def test_gradient_penalties_differentiate_the_discriminator(family):
    for net in map(uncoupled, variants(family)):
        _, D, _, y, x = players(net, replace(odd(family), classes=CLASSES))
        waken(D)
        weights = list(D.parameters())
        heard = torch.autograd.grad(D(x, y).logits.sum(), weights, allow_unused=True)
        g = torch.func.grad(lambda v, D=D, y=y: D(v, y).logits.sum())(x)
        leaf = x.clone().requires_grad_()
        (h,) = torch.autograd.grad(D(leaf, y).logits.sum(), leaf, create_graph=True)
        torch.testing.assert_close(g, h, rtol=1e-10, atol=1e-12)
        r1 = torch.autograd.grad(g.square().sum(), weights, allow_unused=True)
        r2 = torch.autograd.grad(h.square().sum(), weights, allow_unused=True)
        moved = [a is not None and bool(a.any()) for a in r1]
        kernels = [w.dim() == 4 and h is not None for w, h in zip(weights, heard, strict=True)]
        assert any(kernels) or family in ("mlp", "table")
        assert all(m for m, kernel in zip(moved, kernels, strict=True) if kernel)
        for a, b in zip(r1, r2, strict=True):
            if a is not None and b is not None:
                torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-12)


@over_families
@over_labels
def test_bf16_is_near_and_judges_in_full_precision(family, classes):
    net = settings(family, discriminator_norm="none")
    G, D, z, y, _ = players(net, replace(odd(family), classes=classes), dtype=torch.float32)
    exact = G(z, y)
    with torch.autocast("cpu", torch.bfloat16):
        made = G(z, y)
        logits = D(made, y).logits
    assert logits.dtype == torch.float32
    assert (made - exact).square().mean() < 1e-3 * exact.square().mean()
    torch.testing.assert_close(logits, D(exact, y).logits, rtol=0.1, atol=0.1)


@of_images
def test_channels_last_changes_nothing(family):
    G, D, z, y, x = players(settings(family), replace(odd(family), classes=CLASSES))
    before = G(z, y), D(x, y).logits
    G.to(memory_format=torch.channels_last)
    D.to(memory_format=torch.channels_last)
    after = G(z, y), D(x.to(memory_format=torch.channels_last), y).logits
    torch.testing.assert_close(after, before, rtol=1e-12, atol=1e-12)


@over_families
def test_weights_follow_the_seed(family):
    first, again = (players(settings(family), small(family))[:2] for _ in range(2))
    for a, b in zip(first, again, strict=True):
        assert all(torch.equal(p, b.state_dict()[k]) for k, p in a.state_dict().items())


@pytest.mark.parametrize("family", [name for name in NETWORKS if name != "mlp"])
def test_what_convolutions_cannot_make_names_what_can(family):
    one = replace(SMALL, shape=(1, 1, 1))
    for spec in (POINTS, one):
        for build in (settings(family).generator, settings(family).discriminator):
            with pytest.raises(UsageError, match="recipe mlp"):
                build(spec)
    G = settings("mlp").generator(one)
    assert G(torch.randn(2, settings("mlp").latent)).shape == (2, 1, 1, 1)


@of_images
@pytest.mark.parametrize("shape", [(1, 1, 16), (2, 9, 4), (1, 4, 33)])
def test_thin_images_work(family, shape):
    spec = DataSpec(kind="image", shape=shape)
    G, D, z, _, x = players(settings(family), spec)
    assert G(z).shape == (2 * GROUP, *shape)
    assert D(x).logits.shape == (2 * GROUP,)


@pytest.mark.parametrize("family", ["mlp", "dcgan", "resnet", "biggan", "fastgan", "table"])
def test_spectral_norm_covers_the_discriminator(family):
    net = settings(family, discriminator_norm="spectral", discriminator_condition="projection")
    D = net.discriminator(replace(odd(family), classes=CLASSES), group=GROUP)
    layers = (nn.Linear, nn.Conv2d, nn.Embedding)
    bare = [m for m in D.modules() if isinstance(m, layers) and not isinstance(m, Spectral)]
    assert bare == []


@over_families
def test_families_state_summary_source_and_meaning(family):
    kind = NETWORKS[family]
    assert kind.__doc__.splitlines()[0].endswith(".")
    assert "    Source: " in kind.__doc__
    assert kind().name == family
