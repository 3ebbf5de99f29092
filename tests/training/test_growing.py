"""Players that grow: one stage within a pass, the same after a stop, for copies and bundles."""

import pytest
import torch

from gantlet.bundle import read_bundle, write_bundle
from gantlet.config import to_mapping
from gantlet.nn.stages import Growth, stage_at
from gantlet.training.snapshot import generate, make_ready
from tests.training.small import played, tensors, trainer
from tests.training.test_resume import StopAt, assert_same

BATCH, STEADY, FADE = 16, 64, 96
"""Of the tiny recipe: 8x8 fades in from pass 4 to pass 10."""
PLAIN = "validation.extractor=null"


def growths(run):
    return [m for m in (*run.game.players.modules(), *run.averaged.modules()) if type(m) is Growth]


def stages(run):
    """The stages of all players and averages, each once."""
    return {(g.stage, g.fading, float(g.alpha), int(g.seen)) for g in growths(run)}


def test_all_players_and_averages_have_the_stage_of_the_pass_in_every_part_of_it(tmp_path):
    run = trainer(tmp_path, "progressive", "train.micro_batches=2", threads=2)
    assert len(growths(run)) == 4  # generator, discriminator, view; averaged generator
    found = []
    for name, work in run.stepper._works.items():

        def watched(turn, work=work):
            found.append((int(turn.seen), stages(run)))
            return work(turn)

        run.stepper._works[name] = watched
    for position in range(12):
        run.stepper.play(position)
    assert len(found) == 12 * 2 * 4  # passes, phases, parts
    for seen, at in found:
        stage, alpha = stage_at(seen, 1, STEADY, FADE)
        assert at == {(stage, alpha < 1, float(torch.tensor(alpha)), seen)}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A run that nothing has interrupted."""
    run = trainer(tmp_path_factory.mktemp("whole"), "progressive", PLAIN)
    run.run()
    return run


def test_a_run_stopped_while_a_size_fades_in_goes_on_bit_exactly(whole, tmp_path):
    parted = StopAt(6).attach(trainer(tmp_path, "progressive", PLAIN))
    assert parted.run().reason == "stopped"
    ((stage, fading, _, seen),) = stages(parted)
    assert (stage, fading, seen) == (1, True, 5 * BATCH)
    last = trainer(tmp_path, "progressive", PLAIN)
    last.run()
    assert_same(tensors(whole), tensors(last))
    assert stages(whole) == stages(last) == {(1, False, 1.0, 240)}


def test_a_run_killed_while_a_size_fades_in_loses_no_bit(whole, tmp_path):
    """What came after the last checkpoint is played again, at the stage that it had."""
    killed = trainer(tmp_path, "progressive", PLAIN)
    play = killed.stepper.play

    def until(position):
        if position == 9:
            raise KeyboardInterrupt
        play(position)

    killed.stepper.play = until
    with pytest.raises(KeyboardInterrupt):
        killed.run()
    last = trainer(tmp_path, "progressive", PLAIN)
    assert max(last.folder.checkpoints.iterdir()).name == "000000000128"  # of pass 8
    last.run()
    assert_same(tensors(whole), tensors(last))


def test_what_has_not_come_yet_does_not_move(tmp_path):
    run = trainer(tmp_path, "progressive")
    first = tensors(run)
    early = played(run, STEADY // BATCH)
    later = ("ups.0", "to_image.1", "from_image.1", "downs.0")
    waiting = [name for name in first if any(part in name for part in later)]
    assert waiting
    assert all(torch.equal(first[name], early[name]) for name in waiting)
    weights = [n for n in first if n.endswith("weight") and "from_image.0" not in n]
    for position in range(4, 16):
        run.stepper.play(position)
    late = tensors(run)
    assert all(not torch.equal(first[name], late[name]) for name in weights)


def test_a_bundle_samples_at_the_stage_it_was_written_at(tmp_path):
    run = trainer(tmp_path / "run", "progressive")
    for position in range(7):
        run.stepper.play(position)
    make_ready(run.game, run.averaged, run.spec, run.machine)
    facts = {"data": "mine", "count": 5, "seen": 0, "verdict": "unjudged", "own_game": False}
    write_bundle(tmp_path / "bundle", run.averaged, run.spec, to_mapping(run.config), facts)
    bundle = read_bundle(tmp_path / "bundle")
    (growth,) = (m for m in bundle.players.modules() if isinstance(m, Growth))
    assert (growth.stage, growth.fading, int(growth.seen)) == (1, True, 6 * BATCH)
    assert float(growth.alpha) == float(torch.tensor((6 * BATCH - STEADY) / FADE))
    made, again = (
        generate(game, players, run.spec, run.machine, seed=3, count=8)
        for game, players in ((run.game, run.averaged), (bundle.game, bundle.players))
    )
    assert (made == again).all()
