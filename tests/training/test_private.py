"""Private training: what a row can change, what other phases see, what a run tells and refuses."""

import json
import math
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

import gantlet
from gantlet.balance import sample_balanced
from gantlet.budget import account_of, resolved
from gantlet.completion import complete
from gantlet.data import open_data
from gantlet.data.feed import Feed
from gantlet.errors import RunError, UsageError
from gantlet.evaluation import evaluate
from gantlet.planning import data_settings, plan
from gantlet.recipes import tiny
from gantlet.report import write_report
from gantlet.report.gathering import gathered
from gantlet.training.private import PrivateSteps
from gantlet.where import sample_where
from tests.report.pages import read, section
from tests.tables_for import rows
from tests.training.small import trainer

TABLE = rows()[["age", "colour", "member"]]
RECIPE = "table-private"
SMALL = (
    *("network.hidden=[16,16]", "network.latent=8", "network.embedding=4", "game.group=4"),
    *("train.batch=16", "train.tick=320", "privacy.epsilon=8", "privacy.delta=1e-3"),
)


def flat(tensors):
    return torch.cat([t.flatten() for t in tensors])


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A whole run of 40 steps."""
    out = tmp_path_factory.mktemp("private") / "run"
    return gantlet.train(TABLE, RECIPE, SMALL, out=out, samples=640, verbose=False)


def test_a_row_more_changes_the_gradient_before_noise_by_at_most_c(tmp_path):
    """Two tables that differ in one row, under the same secret: the same other rows are drawn."""
    one = trainer(tmp_path, RECIPE, "train.batch=120", precision="float64")
    steps, phase, changed = one.stepper._private, one.game.phases[0], 0
    feed, dataset = steps._feed, open_data(TABLE, data_settings((), RECIPE))
    everything = torch.arange(len(feed)).numpy()
    less = Feed(dataset, everything[:-1], seed=0, dtype=torch.float64)
    whole = Feed(dataset, everything, seed=0, dtype=torch.float64)
    for position in range(8):
        sums = []
        for fed in (whole, less):
            steps._feed = fed
            sums.append(flat(steps.summed(phase, one.game.players, position).values()))
        gap = float((sums[0] - sums[1]).norm())
        assert gap <= steps._clip * (1 + 1e-12)
        changed += gap > 0
    assert 0 < changed < 8  # the row takes part in some of the steps


def test_the_noise_added_to_the_sum_is_sigma_times_c(tmp_path):
    one = trainer(tmp_path, RECIPE, "privacy.clip=0.3", "privacy.sigma=2", precision="float64")
    steps, phase, players = one.stepper._private, one.game.phases[0], one.game.players
    critic, noise = players["discriminator"], []
    for position in range(40):
        total = steps.summed(phase, players, position)
        steps.play(phase, players, position)
        for name, weight in critic.named_parameters():
            noise.append((weight.grad * one.config.train.batch - total[name]).flatten())
    found = torch.cat(noise)
    assert abs(float(found.std()) / 0.6 - 1) < 4 / math.sqrt(2 * len(found))
    assert abs(float(found.mean())) < 4 * 0.6 / math.sqrt(len(found))
    first, second = noise[0], noise[len(noise) // 40]
    assert abs(float(torch.corrcoef(torch.stack([first, second]))[0, 1])) < 0.5


def test_a_step_for_which_chance_drew_no_row_adds_nothing_but_noise(tmp_path, monkeypatch):
    one = trainer(tmp_path, "table-private")
    steps, phase = one.stepper._private, one.game.phases[0]
    none = torch.zeros(0, dtype=torch.int64)
    monkeypatch.setattr("gantlet.training.private.chosen", lambda *about: none)
    found = steps.summed(phase, one.game.players, 0)
    weights = dict(one.game.players[phase.trains[0]].named_parameters())
    assert found.keys() == {name for name, w in weights.items() if w.requires_grad}
    assert not flat(found.values()).any()


def test_other_phases_see_no_row(tmp_path):
    """The generator's gradient is the same on other rows."""
    gradients = []
    for name in ("a", "b"):
        one = trainer(tmp_path / name, RECIPE)
        if name == "b":
            one.stepper.feed._gather = lambda places: torch.full((len(places), 3), 0.5)
        phase = one.game.phases[1]
        assert phase.trains == ("generator",)
        one.stepper._gradients(phase, 4, 0)
        grads = [w.grad for w in one.game.players["generator"].parameters()]
        gradients.append(flat(grads))
    assert torch.equal(*gradients)


def test_the_budget_is_spent_and_never_exceeded(run):
    privacy = run.bundle.about["privacy"]
    config = run.bundle.config
    assert config.privacy.steps == 40
    assert privacy["played"] == 40
    assert 7.9 < privacy["spent"] <= 8
    account = account_of(config, run.bundle.spec)
    assert account.spent(40) == pytest.approx(privacy["spent"])
    assert account.spent(20) < privacy["spent"]
    steps = PrivateSteps.__new__(PrivateSteps)
    steps._steps = 40
    with pytest.raises(RunError, match="budget is spent after 40"):
        steps.play(None, None, 40)


def test_the_bundle_and_its_card_say_what_is_covered(run):
    card = (run.path / "bundle" / "README.md").read_text()
    for words in ("## Privacy", "epsilon 8", "delta 0.001", "one row more", "40 of 40", "Public"):
        assert words in card
    assert "age, colour, member" in card
    assert "unjudged" in card


def test_the_report_says_what_epsilon_covers_and_that_it_is_not_covered_itself(run):
    found = evaluate(run.path, train=TABLE, n=40)
    page = read(write_report(run.path, found.evidence, gathered(found)).read_text())
    part, privacy = section(page, "privacy").text, run.bundle.about["privacy"]
    for sentence in privacy["told"]:
        assert sentence in part
    assert 0 < privacy["columns"] < privacy["spent"] <= 8
    shown = re.search(r"Of it columns ([\d.]+), by themselves", part)[1]
    assert 0 <= float(shown) - privacy["columns"] < 1e-3
    assert f"cost epsilon {shown}." in part
    assert "Not covered: this page and evidence.json." in part
    assert "#privacy" in [e.attributes["href"] for e in page.all("nav")[0].all("a")]


def test_rows_of_a_private_run_meet_conditions_and_are_made_whole(run):
    """By leaving rows out: its generator can be asked for nothing."""
    colour = run.sample(200).frame["colour"].mode()[0]
    met = sample_where(run.bundle, 20, f"colour={colour}").frame
    assert (met["colour"] == colour).all()
    given = pd.DataFrame({"colour": [colour, None], "age": [None, 40.0]})
    whole = complete(run.bundle, given)
    assert (whole["colour"][0], whole["age"][1]) == (colour, 40)
    assert list(whole.dtypes) == list(TABLE.dtypes)
    with pytest.raises(UsageError, match=r"there is none.*with --where"):
        sample_balanced(run.bundle, 20, "colour")


def test_no_measurement_on_real_rows_is_logged(run):
    for row in run.log:
        assert not {"coverage", "spread", "critic_accuracy", "validation"} & set(row)
        assert not {"discriminator/loss", "discriminator/real"} & set(row)
    secret = (run.path / "config.yaml").read_text() + json.dumps(run.bundle.about)
    steps = trainer(run.path.parent / "other", RECIPE).stepper._private
    assert str(steps._secret) not in secret


def test_the_same_command_finds_the_same_run_and_others_draw_other_noise(run):
    again = gantlet.train(TABLE, RECIPE, SMALL, out=run.path, samples=640, verbose=False)
    assert again.seen == 640
    for settings, samples in (((*SMALL, "privacy.epsilon=9"), 640), (SMALL, 320)):
        with pytest.raises(
            UsageError, match=r"settings and data that it began with.*privacy\.sigma"
        ):
            gantlet.train(TABLE, RECIPE, settings, out=run.path, samples=samples, verbose=False)


def test_noise_of_runs_with_another_sigma_is_independent(tmp_path):
    secrets = {
        trainer(tmp_path / s, RECIPE, f"privacy.sigma={s}").stepper._private._secret
        for s in ("1", "2")
    }
    assert len(secrets) == 2


def test_noise_on_another_kind_of_device_or_in_another_precision_is_independent(tmp_path):
    steps = trainer(tmp_path, RECIPE).stepper
    config, held = steps.config, steps.machine
    made = {
        machine: PrivateSteps(steps._private._feed, config, config.privacy, machine, 1)._secret
        for machine in (
            held,
            replace(held, device="cuda:0"),
            replace(held, device="cuda:1"),
            replace(held, precision="bfloat16"),
        )
    }
    assert made[held] == steps._private._secret
    assert len(set(made.values())) == 3  # which of several cards it is makes no difference


def test_unfinite_numbers_end_a_private_run_at_once(tmp_path):
    """A roll-back would draw the same noise for other weights."""
    one = trainer(tmp_path, RECIPE, "stop.samples=1600")
    play = one.stepper.play

    def poison(position):
        play(position)
        next(one.game.players["generator"].parameters()).data.fill_(float("nan"))

    one.stepper.play = poison
    with pytest.raises(RunError, match="ceased to be finite"):
        one.run()
    assert one.state.roll_backs == 0


def test_noise_and_steps_follow_from_the_budget():
    dataset = open_data(TABLE, data_settings(SMALL, RECIPE))
    base = replace(tiny(RECIPE, dataset.spec), data=data_settings(SMALL, RECIPE))
    given = replace(base, privacy=replace(base.privacy, sigma=2.0, delta=1e-3, epsilon=6.0))
    found = resolved(given, dataset.spec, 100_000)
    account = account_of(found, dataset.spec)
    assert account.spent(account.steps) <= 6.0 < account.spent(account.steps + 1)
    assert found.stop.samples <= account.steps * found.train.batch
    assert found.privacy.delta == 1e-3
    free = replace(given, privacy=replace(given.privacy, sigma=None, delta=None))
    assert resolved(free, dataset.spec, 640).privacy.delta == 1 / (10 * len(TABLE))
    with pytest.raises(UsageError, match=r"privacy\.steps"):
        resolved(free, dataset.spec, None)
    low = replace(given, privacy=replace(given.privacy, sigma=0.1, steps=50))
    with pytest.raises(UsageError, match=r"sigma=0\.1"):
        resolved(low, dataset.spec, 640)
    with pytest.raises(UsageError, match=r"train\.batch"):
        resolved(replace(free, train=replace(free.train, batch=500)), dataset.spec, 640)


@pytest.mark.parametrize(
    ("settings", "recipe", "words"),
    [
        (["game.pairing=pair"], RECIPE, r"game\.pairing.*stands alone"),
        (["game.pack=2"], RECIPE, r"game\.pack"),
        (["network.discriminator_norm=spectral"], RECIPE, "discriminator_norm"),
        (["data.held_out=true"], RECIPE, r"data\.held_out"),
        (["validation.extractor=pixels"], RECIPE, r"validation\.extractor"),
        (["privacy.epsilon=3"], "table", "opened for it"),
        (["privacy.epsilon=-1"], RECIPE, r"privacy\.epsilon.*greater than 0"),
        (["privacy.epsilom=1"], RECIPE, r"privacy\.epsilom.*epsilon"),
        (["privacy=3"], RECIPE, r"setting privacy"),
        (["privacy.columns=0.99", "privacy.epsilon=0.1"], RECIPE, "budget"),
    ],
)
def test_what_privacy_rules_out_is_told(settings, recipe, words, tmp_path):
    with pytest.raises(UsageError, match=words):
        gantlet.train(TABLE, recipe, [*SMALL, *settings], out=tmp_path / "run", verbose=False)
    assert not (tmp_path / "run" / "checkpoints").exists()


def test_images_cannot_be_private():
    with pytest.raises(UsageError, match=r"private training on image.*table"):
        plan("digits", RECIPE)


def test_privacy_alone_chooses_the_recipe():
    made = plan(TABLE, None, SMALL, samples=320)
    assert made.config.recipe == RECIPE
    assert made.config.data.private.epsilon == pytest.approx(0.2 * 8)
    assert any("epsilon" in note for note in made.notes)
    assert not made.config.data.held_out


def test_an_attack_does_as_well_as_the_noise_allows_and_no_better(tmp_path):
    """A row with a gradient of its own is looked for in one step, over many secrets.

    With all rows in the step, sigma 1 lets the best attack gain 2 Phi(1/2) - 1 = 0.383: the share
    of right answers where the row is there, less that of wrong ones where it is not.
    """
    one = trainer(tmp_path, RECIPE, "privacy.sigma=1", "privacy.clip=0.05", precision="float64")
    steps, phase, players = one.stepper._private, one.game.phases[0], one.game.players
    steps._q, batch, spread = 1.0, one.config.train.batch, 0.05
    dataset = open_data(TABLE, data_settings((), RECIPE))
    rows_of = [np.arange(21), np.arange(20)]
    feeds = [Feed(dataset, index, seed=0, dtype=torch.float64) for index in rows_of]
    sums = []
    for feed in feeds:
        steps._feed = feed
        sums.append(flat(steps.summed(phase, players, 0).values()))
    canary = sums[0] - sums[1]
    scores = [[], []]
    weights = list(players["discriminator"].parameters())
    for secret in range(100):
        for found, feed in zip(scores, feeds, strict=True):
            steps._feed, steps._secret = feed, 2 * secret + (found is scores[0])
            steps.play(phase, players, 0)
            seen = flat([w.grad for w in weights]) * batch - sums[1]
            found.append(float(seen @ canary / canary.norm()) / spread)
    there, absent = map(np.array, scores)
    gain = (there > 0.5).mean() - (absent > 0.5).mean()
    assert abs(gain - 0.383) < 4 * np.sqrt(2 * 0.25 / 100)
    assert abs(there.mean() - absent.mean() - 1) < 4 * np.sqrt(2 / 100)
