"""Planted faults are found and named; a perfect sampler is never accused."""

import numpy as np
import pytest
import torch
from torch import nn

from gantlet.data import open_data
from gantlet.data.feed import Feed
from gantlet.games.base import Game
from gantlet.spec import Batch
from gantlet.training.health import FEW, HEALTHY, UNJUDGED, measure, reference, verdict
from gantlet.training.machine import Machine
from tests.training.small import tensors, trainer

MACHINE = Machine("cpu", "float32", 1)
TICKS = 3


def ring(n, seed, modes=8):
    random = np.random.default_rng(seed)
    angles = 2 * np.pi * random.integers(0, modes, n) / 8
    points = np.stack([np.cos(angles), np.sin(angles)], 1) + 0.01 * random.standard_normal((n, 2))
    return torch.from_numpy(points.astype(np.float32))


def cloud(n, seed, size=32):
    return torch.randn(n, size, generator=torch.Generator().manual_seed(seed))


def judged(fake, real, train, critic, y=None):
    """The verdict after some ticks that all measure these samples, all with labels y."""
    game = Game(
        players=nn.ModuleDict(),
        phases=[],
        sample=lambda players, query: fake,
        judge=lambda players, batch: critic(batch.x),
    )
    batches = (Batch(x, y) for x in (fake, real, train))
    row = measure(game, game.players, *batches, MACHINE)
    return verdict([row] * TICKS), row


def blind(x):
    return x[:, 0]


def test_a_generator_that_makes_one_sample_has_collapsed():
    real = ring(512, 0)
    found, row = judged(real[:1].expand(512, -1), real, ring(512, 1), blind)
    assert found.name == "collapse"
    assert row["spread"] < 1e-3
    assert judged(ring(512, 2, modes=1), real, ring(512, 1), blind)[0].name == "collapse"
    assert "packing" in found.remedy


def crowds(y, seed):
    """Samples of classes y, each class a cloud about a place of its own."""
    places = 5 * torch.eye(32)
    return places[y] + cloud(len(y), seed)


def test_a_generator_that_makes_one_sample_of_each_class_has_collapsed_within_them():
    y = torch.arange(500) % 10
    real, train = crowds(y, 0), crowds(y, 1)
    found, row = judged(crowds(torch.arange(10), 2)[y], real, train, blind, y)
    assert found.name == "class-collapse"
    assert "data.labels=false" in found.remedy
    assert row["spread"] > 0.5
    assert row["class_spread"] < 1e-6
    narrow = 5 * torch.eye(32)[y] + 0.4 * cloud(500, 3)
    assert judged(narrow, real, train, blind, y)[0].name == "class-collapse"


@pytest.mark.parametrize(("classes", "n"), [(10, 512), (10, 100), (200, 512), (1, 30)])
def test_a_perfect_sampler_of_classes_is_healthy_in_20_draws(classes, n):
    for draw in range(20):
        y = torch.randint(classes, (n,), generator=torch.Generator().manual_seed(draw)) % 32
        fake, real, train = (crowds(y, 3 * draw + side) for side in range(3))
        found, row = judged(fake, real, train, blind, y)
        assert found == HEALTHY
        assert 0.8 < row["class_spread"] < 1.25


def test_classes_are_judged_apart_only_where_they_can_be():
    real, fake = cloud(512, 0), cloud(512, 1)
    conditions = torch.rand(512, 1)
    for y in (None, torch.arange(512), torch.arange(512).clamp(max=503), conditions):
        assert "class_spread" not in judged(fake, real, cloud(512, 2), blind, y)[1]
    y = torch.arange(512) % 4  # all real samples of a class are the same
    same = cloud(4, 0)[y]
    found, row = judged(same, same, same, blind, y)
    assert "class_spread" not in row
    assert found == HEALTHY


def test_a_generator_far_from_the_data_covers_little():
    found, row = judged(cloud(256, 1) + 9, cloud(256, 0), cloud(256, 2), blind)
    assert found.name == "narrow"
    assert row["coverage"] == 0


def test_a_critic_overfit_to_few_samples_memorises():
    """Trained to tell 100 real samples from fakes that are as good as real."""
    train, held_out, fake = (cloud(100, seed) for seed in range(3))
    torch.manual_seed(0)
    critic = nn.Sequential(nn.Linear(32, 128), nn.ReLU(), nn.Linear(128, 1), nn.Flatten(0))
    optimiser = torch.optim.Adam(critic.parameters(), lr=1e-2)
    for step in range(150):
        fresh = cloud(100, 100 + step)
        loss = nn.functional.softplus(-critic(train)) + nn.functional.softplus(critic(fresh))
        optimiser.zero_grad()
        loss.mean().backward()
        optimiser.step()
    found, row = judged(fake, held_out, train, critic)
    assert found.name == "memory"
    assert row["critic_memory"] > 0.9
    assert abs(row["critic_accuracy"] - 0.5) < 0.15


def test_a_critic_that_knows_a_mark_on_every_fake_wins_outright():
    real, fake, train = (cloud(256, seed) for seed in range(3))
    marks = [torch.full((256, 1), value) for value in (0.0, 0.2, 0.0)]
    marked = [torch.cat(pair, 1) for pair in zip((real, fake, train), marks, strict=True)]
    found, row = judged(marked[1], marked[0], marked[2], lambda x: -x[:, -1])
    assert found.name == "critic"
    assert row["critic_accuracy"] == 1
    assert row["coverage"] > 0.9


@pytest.mark.parametrize(("data", "n"), [(ring, 512), (ring, 100), (cloud, 100), (cloud, 10)])
def test_a_perfect_sampler_is_healthy_in_20_draws(data, n):
    for draw in range(20):
        torch.manual_seed(draw)
        fake, real, train = (data(n, 3 * draw + side) for side in range(3))
        critic = nn.Sequential(nn.Linear(real.shape[1], 64), nn.ReLU(), nn.Linear(64, 1))
        found, _ = judged(fake, real, train, lambda x, net=critic: net(x).flatten())
        assert found == HEALTHY


def test_a_sign_must_stand_for_three_ticks_and_rows_of_events_do_not_count():
    good = {"coverage": 0.9, "spread": 1.0, "critic_accuracy": 0.7, "critic_memory": 0.5}
    bad = {**good, "critic_accuracy": 1.0}
    event = {"seen": 1, "event": "roll-back"}
    assert verdict([good, bad, bad]) == HEALTHY
    assert verdict([good, bad, event, bad, event, bad]).name == "critic"
    assert verdict([bad, bad, bad, good]) == HEALTHY
    assert verdict([{**bad, "spread": 0.1}] * 3).name == "collapse"
    assert verdict([{k: v for k, v in good.items() if k != "critic_memory"}] * 3) == HEALTHY
    assert verdict([]) == verdict([event] * 9) == verdict([good, good]) == UNJUDGED


def test_what_keeps_health_from_being_judged_is_what_is_told():
    assert verdict([{"rate": 9.0, "pull/loss": 1.0}] * 9) == UNJUDGED  # no play yet
    assert verdict([{"rate": 9.0, "coverage": 0.9}] * 2) == UNJUDGED
    assert verdict([{"rate": 9.0}]) == FEW
    assert (UNJUDGED.name, UNJUDGED.sentence) != (FEW.name, FEW.sentence)
    assert UNJUDGED.name == FEW.name == "unjudged"


def test_too_few_samples_are_not_judged():
    assert judged(cloud(9, 0), cloud(9, 1), cloud(9, 2), blind) == (UNJUDGED, {})


def test_the_critic_is_asked_in_whole_groups_or_not_at_all():
    sizes = []

    def judge(players, batch):
        sizes.append(len(batch))
        return batch.x[:, 0]

    def row(group):
        game = Game(players=nn.ModuleDict(), phases=[], sample=blind, judge=judge, group=group)
        parts = (Batch(cloud(50, seed)) for seed in range(3))
        return measure(game, game.players, *parts, MACHINE)

    assert "critic_accuracy" in row(16)
    assert sizes == [48] * 3
    assert row(64).keys() == {"coverage", "spread"}


def test_reference_samples_come_from_all_over_data_sorted_by_class():
    x = np.arange(2000, dtype=np.float32)[:, None].repeat(2, 1)
    dataset = open_data((x, np.arange(2000) // 200))
    feeds = [
        Feed(dataset, rows, seed=0) for rows in (np.arange(0, 2000, 2), np.arange(1, 2000, 2))
    ]
    real, train = reference(feeds[0], feeds[1], 512)
    for batch, parity in ((real, 1), (train, 0)):
        assert len(batch) == 512
        assert len(batch.x.unique(dim=0)) == 512
        counts = torch.bincount(batch.y, minlength=10)
        assert counts.min() > 30
        raw = dataset.spec.decode(batch.x)[:, 0].round().int()
        assert set((raw % 2).tolist()) == {parity}
    again = reference(feeds[0], feeds[1], 512)
    assert torch.equal(again[0].x, real.x)
    assert [len(b) for b in reference(feeds[0], None, 5000)] == [1000, 1000]


@pytest.mark.parametrize("recipe", ["mlp", "dcgan"])
def test_a_run_on_ten_images_and_on_two_ends_with_a_verdict(recipe, tmp_path, monkeypatch):
    for count, group in ((10, 4), (10, 16), (2, 4)):
        x = np.random.default_rng(0).integers(0, 256, (count, 8, 8), dtype=np.uint8)
        monkeypatch.setattr("tests.training.small.images", lambda x=x: open_data(x))
        run = trainer(tmp_path / f"{count}-{group}", recipe, f"game.group={group}")
        end = run.run()
        assert end.reason == "finished"
        measured = [row for row in run.folder.rows() if "coverage" in row]
        assert len(measured) == (4 if count == 10 else 0)
        assert (end.verdict == FEW) == (count == 2)
        assert all(bool(torch.isfinite(t).all()) for t in tensors(run).values())


def test_each_row_of_the_log_says_in_words_how_the_run_fares(tmp_path):
    run = trainer(tmp_path, "mlp", "stop.samples=320")
    run._measured = lambda: {"coverage": 0.5, "spread": 0.9 if run.seen < 129 else 0.1}
    end = run.run()
    told = [row["health"] for row in run.folder.rows()]
    assert told == [*[str(UNJUDGED)] * 2, *[str(HEALTHY)] * 2, str(end.verdict)]
    assert "collapsed" in told[-1]
    assert "game.penalties.r1=1" in told[-1]


def test_classes_of_images_are_watched_and_rows_have_none(tmp_path):
    for recipe in ("mlp", "table"):
        run = trainer(tmp_path / recipe, recipe, "train.batch=160")
        run.run()
        rows = [row for row in run.folder.rows() if "spread" in row]
        assert rows
        assert all(("class_spread" in row) == (recipe == "mlp") for row in rows), recipe
