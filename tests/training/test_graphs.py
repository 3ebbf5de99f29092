"""Phases as recordings: their gradients need nothing but fixed tensors, and the same numbers come.

A CUDA graph holds kernels and addresses. `Tape` is its oracle on a processor: it holds torch's
operations and their tensors, runs them anew, and refuses what a CUDA graph cannot hold. What
Python decides or computes while it records is fixed in both.
"""

import copy
import gc
import math
import weakref
from contextlib import nullcontext
from dataclasses import replace

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

from gantlet.config import Train
from gantlet.errors import RunError, UsageError
from gantlet.recipes import RECIPES
from gantlet.spec import Batch
from gantlet.training import step
from gantlet.training.compiled import Compiled
from gantlet.training.graphs import Replayed, told
from gantlet.training.machine import find_machine, settled
from tests.training.small import played, tensors, trainer
from tests.training.test_resume import StopAt, assert_same

REFUSED = (
    *("_local_scalar_dense", "nonzero", "masked_select", "unique", "lift_fresh", "equal"),
    *("bincount", "repeat_interleave", "linalg_svd", "linalg_eig", "linalg_lstsq"),
)
"""Parts of names of operations that wait for the device, or copy to it from pageable memory."""
DRAWN = ("rand", "bernoulli", "dropout", "multinomial", "normal_", "uniform_", "exponential_")


class Tape(TorchDispatchMode):
    """Operations in the order in which they ran; `replay` runs them again on the same tensors."""

    def __init__(self):
        super().__init__()
        self.calls = []

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        name = operation.name()
        assert not any(part in name for part in (*REFUSED, *DRAWN)), name
        masks = [t for t in tree_leaves(args[1:]) if getattr(t, "dtype", None) == torch.bool]
        assert not (name.startswith("aten::index") and masks), f"{name} waits for a mask"
        out = operation(*args, **(kwargs or {}))
        self.calls.append((operation, args, kwargs or {}, out))
        return out

    def replay(self):
        """What each operation gave first stands for what it gives now."""
        now = {}

        def current(leaf):
            return now.get(id(leaf), leaf) if isinstance(leaf, torch.Tensor) else leaf

        for operation, args, kwargs, out in self.calls:
            again = operation(*tree_map(current, args), **tree_map(current, kwargs))
            for old, new in zip(tree_leaves(out), tree_leaves(again), strict=True):
                if isinstance(old, torch.Tensor):
                    now[id(old)] = new
        return now


def taped(counts=None):
    """A `Record` on a processor; `counts` is told of recordings and replays."""
    counts = {} if counts is None else counts

    def record(work):
        counts["recorded"] = counts.get("recorded", 0) + 1
        with Tape() as tape:
            answer = work()

        @torch.no_grad()
        def replay():
            counts["replayed"] = counts.get("replayed", 0) + 1
            now = tape.replay()
            for tensor in tree_leaves(answer):
                if tensor is not None:
                    tensor.copy_(now.get(id(tensor), tensor))

        return answer, replay

    return record


SETTINGS = [
    ("mlp", ("game.lecam=0.1", "game.instance_noise={start: 1.0, end: 0.0, samples: 48}")),
    ("mlp", ("game.apa={samples: 200}", "game.smoothing=0.1")),
    ("mlp", ("game.pull={}", "game.feature_matching=1")),
    ("dcgan", ("game.augment={p: {samples: 200}}",)),
    ("dcgan", ("game.augment={policy: diffaugment, p: 1}", "game.consistency={fake: 10}")),
    ("dcgan", ("game.orthogonality=0.1", "game.historical_averaging=0.1")),
    ("dcgan", ("network.generator_norm=virtual", "network.minibatch_discrimination=2")),
    ("sngan", ("game.critic_steps=2", "train.micro_batches=2")),
    ("stylegan2", ("game.style_mixing=0.9", "game.path_length={every: 2}")),
    ("r3gan", ("train.precision=bfloat16",)),
    ("r3gan", ("train.micro_batches=2", "optimisers.generator.clip_norm=0.1")),
]


@pytest.fixture
def counts(monkeypatch):
    found = {}
    monkeypatch.setattr(step, "recorder", lambda: taped(found))
    return found


def assert_replays(counts, path, recipe, *settings, **given):
    """Trainings with recordings, each phase's played, recorded and replayed, end with the bits."""
    recorded = trainer(path / "graphs", recipe, *settings, "train.cuda_graphs=true", **given)
    phases, batch = recorded.game.phases, recorded.config.train.batch
    passes = 3 * math.lcm(*(phase.every for phase in phases))
    due = [p for p in phases if any(p.is_due(i, i * batch) for i in range(passes))]
    plain = trainer(path / "plain", recipe, *settings, **given)
    assert_same(played(plain, passes), played(recorded, passes))
    alone = sum(phase.alone is not None for phase in due if recorded.config.privacy)
    assert counts["recorded"] == len(due) - alone > 0
    assert counts["replayed"] >= 2 * counts["recorded"]


@pytest.mark.parametrize("recipe", sorted(RECIPES))
def test_every_recipe_replays_to_the_same_bits(recipe, tmp_path, counts):
    assert_replays(counts, tmp_path, recipe)


@pytest.mark.parametrize(("recipe", "settings"), SETTINGS)
def test_settings_replay_to_the_same_bits(recipe, settings, tmp_path, counts):
    precision = "bfloat16" if "train.precision=bfloat16" in settings else "float32"
    assert_replays(counts, tmp_path, recipe, *settings, precision=precision)


class Elsewhere(TorchDispatchMode):
    """Refuses every operation on a tensor of the processor."""

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        out = operation(*args, **(kwargs or {}))
        for leaf in tree_leaves((args, kwargs, out)):
            assert not isinstance(leaf, torch.Tensor) or leaf.is_meta, operation.name()
        return out


@pytest.mark.parametrize(
    ("recipe", "settings"), [*((name, ()) for name in sorted(RECIPES)), *SETTINGS]
)
def test_on_a_device_nothing_is_copied_from_the_processor(recipe, settings, tmp_path, monkeypatch):
    """Device `meta`, which computes nothing, stands for one that a copy would have to wait for."""
    monkeypatch.setattr(torch, "autocast", lambda *_, **__: nullcontext())  # meta has none
    run = trainer(tmp_path, recipe, *settings)
    players = copy.deepcopy(run.game.players).to("meta")
    asked = 0
    for phase in run.game.phases:
        if phase.alone and run.config.privacy:
            continue
        turn = run.stepper._turn(phase.name, 0, 0, 0)
        phase.loss(run.game.players, turn)  # draws
        turn.noise.device = torch.device("meta")
        turn.noise.drawn = {name: n.to("meta") for name, n in turn.noise.drawn.items()}
        real = Batch(*(t if t is None else t.to("meta") for t in (turn.real.x, turn.real.y)))
        turn = replace(turn, real=real, seen=turn.seen.to("meta"))
        weights = [w for name in phase.trains for w in players[name].parameters()]
        with Elsewhere():
            losses = phase.loss(players, turn)
            terms = [losses.per_sample.mean(), losses.per_step]
            total = sum(term for term in terms if term is not None)
            gradients = torch.autograd.grad(total, weights, allow_unused=True)
        assert any(gradient is not None for gradient in gradients)
        asked += 1
    assert asked


def test_each_stage_of_a_network_that_grows_is_recorded_once(tmp_path, counts):
    """8x8 fades in from pass 4 to pass 10: three stages of two phases."""
    plain = trainer(tmp_path / "plain", "progressive")
    recorded = trainer(tmp_path / "graphs", "progressive", "train.cuda_graphs=true")
    assert_same(played(plain, 14), played(recorded, 14))
    assert counts == {"recorded": 6, "replayed": 2 * (14 - 3)}


def test_compiled_losses_are_recorded_as_they_are(tmp_path, counts, monkeypatch):
    monkeypatch.setattr(step, "Compiled", lambda loss: Compiled(loss, backend="aot_eager"))
    assert_replays(counts, tmp_path, "mlp", "train.compile=true")


def test_a_run_with_recordings_that_was_stopped_goes_on_bit_exactly(tmp_path, counts):
    settings = ("game.apa={samples: 200}", "validation.extractor=null")
    whole = trainer(tmp_path / "whole", "mlp", *settings)
    whole.run()
    graphs = "train.cuda_graphs=true"
    StopAt(3).attach(trainer(tmp_path / "parted", "mlp", *settings, graphs)).run()
    last = trainer(tmp_path / "parted", "mlp", *settings, graphs)
    assert last.run().reason == "finished"
    assert_same(tensors(whole), tensors(last))


def test_smaller_parts_are_recorded_anew(tmp_path, counts):
    plain = played(trainer(tmp_path / "plain", "mlp", "train.micro_batches=2"), 6)
    run = trainer(tmp_path / "graphs", "mlp", "train.cuda_graphs=true")
    for position in range(6):
        if position == 3:
            run.stepper.divide(2)
        run.stepper.play(position)
    for name, tensor in tensors(run).items():
        torch.testing.assert_close(tensor, plain[name], rtol=1e-4, atol=1e-6)
    assert counts["recorded"] == 4


def replays(loss, tmp_path, passes=4):
    """Per-sample losses of a phase as they are and as replayed, of the same turns."""
    run = trainer(tmp_path, "mlp")
    phase = run.game.phases[0]
    players, weights = run.game.players, list(run.game.players["discriminator"].parameters())

    def work(turn):
        per_sample = loss(phase.loss(players, turn).per_sample, turn)
        return torch.autograd.grad(per_sample.mean(), weights), {"loss": per_sample.detach()}

    replayed = Replayed(work, [], taped())
    return [
        (work(turn)[1]["loss"], replayed(turn)[1]["loss"].clone())
        for turn in (run.stepper._turn(phase.name, i, 16 * i, 0) for i in range(passes))
    ]


def test_numbers_that_python_computes_stay_those_of_the_recording(tmp_path):
    """What the tape is for: such a loss has no place in a graph, and the bits tell."""
    for passing in (lambda loss, turn: loss * (1 + turn.seen), lambda loss, turn: loss):
        assert all(torch.equal(a, b) for a, b in replays(passing, tmp_path / "right"))
    calls = []

    def counting(loss, turn):
        calls.append(1)
        return loss * len(calls)

    assert not all(torch.equal(a, b) for a, b in replays(counting, tmp_path / "wrong"))


@pytest.mark.parametrize(
    ("fault", "name"),
    [
        (lambda loss, turn: loss * turn.seen.item(), "_local_scalar_dense"),
        (lambda loss, turn: loss[loss > 0], "waits for a mask"),
        (lambda loss, turn: loss * torch.tensor(2.0), "lift_fresh"),
        (lambda loss, turn: loss * torch.rand(()), "rand"),
    ],
)
def test_the_tape_refuses_what_a_graph_cannot_hold(fault, name, tmp_path):
    with pytest.raises(AssertionError, match=name):
        replays(fault, tmp_path)


def test_recordings_do_not_keep_a_stepper_alive(tmp_path, counts):
    """A graph that the garbage collector frees while another is recorded would spoil it."""
    run = trainer(tmp_path, "mlp", "train.cuda_graphs=true")
    played(run, 3)
    stepper = weakref.ref(run.stepper)
    gc.disable()
    try:
        run.stepper = None
        assert stepper() is None
    finally:
        gc.enable()


def test_a_machine_without_cuda_refuses_the_setting():
    with pytest.raises(UsageError, match="only CUDA devices") as caught:
        find_machine(Train(device="cpu", cuda_graphs=True))
    assert caught.value.exit_code == 2


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device is here")
@pytest.mark.parametrize(
    ("recipe", "more"),
    [
        *((name, ()) for name in ("mlp", "dcgan", "r3gan", "stylegan2", "progressive", "wgan-gp")),
        ("dcgan", ("train.micro_batches=2", "game.augment={p: {samples: 200}}")),
        ("mlp", ("train.compile=true",)),
    ],
)
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_graphs_on_a_device_train_as_without(recipe, more, precision, tmp_path):
    machine = find_machine(Train(device="cuda", precision=precision))
    found = []
    for choice in (False, True):
        settings = ("train.deterministic=true", f"train.cuda_graphs={str(choice).lower()}")
        run = trainer(tmp_path / str(choice), recipe, *settings, *more, machine=machine)
        with settled(machine, run.config.train):
            found.append(played(run, 14))
    assert_same(*found)


def test_memory_that_runs_out_in_a_recording_is_told_as_such():
    """Leaving a recording that failed raises an error of its own."""
    short = torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
    left = RuntimeError("operation failed due to a previous error during capture")
    left.__context__ = short
    assert told(short) is short
    assert told(left) is short
    left.__context__ = RuntimeError("operation not permitted when stream is capturing\nmore")
    refusal = told(left)
    assert isinstance(refusal, RunError)
    assert "not permitted when stream is capturing. Add train.cuda_graphs=false" in str(refusal)
