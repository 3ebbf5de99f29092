"""Memory that runs out in a step: the number that helps is told, or taken by itself."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from gantlet.config import identity, override
from gantlet.errors import RunError, is_out_of_memory
from gantlet.training.callback import Callback
from gantlet.training.memory import exhausted, finer
from gantlet.training.step import Stepper
from tests.training.ranks import ranked, spawned
from tests.training.small import played, tensors, trainer
from tests.training.test_resume import StopAt, assert_same

FITS = "train.fit_memory=true"
QUICK = ("validation.extractor=null", "train.tick=128")
PASSES = 5


def refused_by_torch():
    raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")


def refused_by_the_system():
    torch.empty(2**60)


def small(run, most, phase="discriminator", start=0, refuse=refused_by_torch):
    """A run whose machine holds at most so many samples of a phase, from `start` samples on."""

    def limited(loss):
        def asked(players, turn):
            losses = loss(players, turn)
            if len(turn.real) > most and turn.seen >= start:
                refuse()
            return losses

        return asked

    phases = [replace(p, loss=limited(p.loss)) if p.name == phase else p for p in run.game.phases]
    game = replace(run.game, phases=phases)
    run.stepper = Stepper(game, run.averaged, run.feed, run.config, run.machine)
    return run


def divided_at(run, phase, position, parts):
    """A run that is told beforehand when to work in smaller parts."""
    play = run.stepper._play

    def told(due, at, seen):
        if (due.name, at) == (phase, position):
            run.stepper.divide(parts)
        play(due, at, seen)

    run.stepper._play = told
    return run


@pytest.mark.parametrize("refuse", [refused_by_torch, refused_by_the_system])
@pytest.mark.parametrize(
    ("recipe", "threads", "phase"),
    [("mlp", 1, "generator"), ("r3gan", 1, "discriminator"), ("dcgan", 2, "discriminator")],
)
def test_a_step_that_fails_is_repeated_in_smaller_parts(recipe, threads, phase, refuse, tmp_path):
    """The run ends with the bits of one that worked in these parts from that step on."""
    settings = (recipe, FITS, "train.ema_half_life=40")
    most = 8 // (2 if threads == 2 else 1)
    run = small(trainer(tmp_path, *settings, threads=threads), most, phase, 2 * 16, refuse)
    wanted = divided_at(trainer(tmp_path, *settings, threads=threads), phase, 2, 2)
    ends = played(run, PASSES), played(wanted, PASSES)
    assert run.stepper.micro_batches == wanted.stepper.micro_batches == 2
    assert_same(*ends)
    assert run.stepper.meters.state() == wanted.stepper.meters.state()


def test_parts_become_as_small_as_they_must(tmp_path):
    run = small(trainer(tmp_path, "mlp", FITS), 2)
    assert_same(
        played(run, PASSES), played(trainer(tmp_path, "mlp", "train.micro_batches=8"), PASSES)
    )
    assert run.stepper.micro_batches == 8


class Noted(Callback):
    def __init__(self):
        self.notes = []

    def on_start(self, start):
        self.notes += start.notes

    def on_note(self, sentence):
        self.notes.append(sentence)


def test_what_happened_is_told_and_a_resumed_run_keeps_to_it(tmp_path):
    told = Noted()
    whole = small(trainer(tmp_path / "whole", "mlp", FITS, *QUICK, callbacks=[told]), 8, start=64)
    assert whole.run().reason == "finished"
    (sentence,) = (note for note in told.notes if "emory" in note)
    assert "at 64 samples" in sentence
    assert "train.micro_batches=2" in sentence
    events = [row for row in whole.folder.rows() if "event" in row]
    assert events == [{"seen": 64, "event": "memory", "note": sentence}]
    parted = small(trainer(tmp_path / "parted", "mlp", FITS, *QUICK), 8, start=64)
    assert StopAt(6).attach(parted).run().reason == "stopped"
    last = trainer(tmp_path / "parted", "mlp", FITS, *QUICK)  # where memory would do again
    assert last.run().reason == "finished"
    assert last.stepper.micro_batches == 2
    assert_same(tensors(whole), tensors(last))


def test_the_setting_can_be_changed_on_the_way(tmp_path):
    """The error names a number; the same command with it goes on, and says that bits differ."""
    run = small(trainer(tmp_path, "mlp", *QUICK), 8, start=160)
    with pytest.raises(RunError, match=r"memory ran out.*16 samples at a time") as error:
        run.run()
    assert "train.micro_batches=2 to the command, for 8 samples" in error.value.remedy
    assert "train.fit_memory=true" in error.value.remedy
    told = Noted()
    last = small(
        trainer(tmp_path, "mlp", "train.micro_batches=2", *QUICK, callbacks=[told]), 8, start=160
    )
    assert last.run().reason == "finished"
    assert any("train.micro_batches=1 and goes on with 2" in note for note in told.notes)
    again = Noted()
    trainer(
        tmp_path, "mlp", "train.micro_batches=2", "stop.samples=320", *QUICK, callbacks=[again]
    ).run()
    assert not any("micro_batches" in note for note in again.notes)
    changed = override(run.config, ["train.micro_batches=2", FITS])
    assert identity(changed) == identity(run.config)


def test_a_run_goes_on_in_fewer_parts_where_it_is_told_so(tmp_path):
    run = small(trainer(tmp_path, "mlp", FITS, *QUICK, "train.micro_batches=2"), 4)
    StopAt(4).attach(run).run()
    assert run.state.micro_batches == 4
    last = trainer(tmp_path, "mlp", FITS, *QUICK, "train.micro_batches=1")
    last.run()
    assert last.stepper.micro_batches == last.state.micro_batches == 1


def test_memory_that_does_not_even_hold_one_group_ends_the_run(tmp_path):
    run = small(trainer(tmp_path, "dcgan", FITS, *QUICK), 0)
    with pytest.raises(RunError, match=r"4 samples at a time, as few as it can") as error:
        run.run()
    assert "game.group=2" in error.value.remedy
    assert "network.width" in error.value.remedy


def test_other_errors_are_no_want_of_memory(tmp_path):
    def broken():
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    with pytest.raises(RuntimeError, match="mat1"):
        small(trainer(tmp_path, "mlp", FITS, *QUICK), 8, refuse=broken).run()


def test_allocators_are_known_by_their_errors():
    assert is_out_of_memory(MemoryError())
    for refuse in (refused_by_torch, refused_by_the_system):
        with pytest.raises(RuntimeError) as error:
            refuse()
        assert is_out_of_memory(error.value)
    assert not is_out_of_memory(RuntimeError("shapes"))


@pytest.mark.parametrize(
    ("batch", "parts", "group", "wanted"),
    [(128, 1, 32, 2), (96, 1, 32, 3), (96, 3, 32, None), (100, 4, 1, 10), (64, 1, 64, None)],
)
def test_parts_are_whole_groups(batch, parts, group, wanted):
    assert finer(batch, parts, group) == wanted
    error = exhausted("generator", batch, parts, group)
    assert (f"train.micro_batches={wanted}" in str(error)) == (wanted is not None)


@pytest.mark.parametrize(("pack", "advised"), [(1, True), (2, True), (4, False)])
def test_smaller_groups_are_advised_where_packs_stay_whole(pack, advised):
    told = str(exhausted("discriminator", 4, 1, 4, pack))
    assert ("game.group=2" in told) == advised
    assert "network.width" in told


def _rank(rank: int, port: int, folder: str) -> None:
    with ranked(rank, port):
        run = trainer(Path(folder) / str(rank), "mlp", FITS, precision="float64")
        run = small(run, 4 if rank else 8)  # only one of the two runs out
        torch.save(played(run, 2), Path(folder) / f"{rank}.pt")
        torch.save(run.stepper.micro_batches, Path(folder) / f"parts-{rank}.pt")


def test_all_ranks_divide_where_one_runs_out(tmp_path):
    spawned(_rank, tmp_path)
    one = played(trainer(tmp_path / "one", "mlp", precision="float64"), 2)
    for rank in range(2):
        assert torch.load(tmp_path / f"parts-{rank}.pt") == 2
        both = torch.load(tmp_path / f"{rank}.pt")
        assert all(torch.allclose(one[name], t, rtol=1e-9, atol=1e-12) for name, t in both.items())
