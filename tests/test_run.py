"""The Python door: train, resume, load and sample; callbacks; games of one's own."""

import sys
import threading
from io import BytesIO

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

import gantlet
from gantlet import Callback, Game, Losses, Phase
from gantlet.config import Optimiser, to_mapping
from gantlet.data import open_data
from gantlet.errors import RunError, UsageError
from gantlet.planning import plan
from gantlet.recipes import recipe
from gantlet.schedules import Schedule
from gantlet.training.checkpoint import newest

TINY = {
    "network": {"name": "mlp", "hidden": [8], "latent": 4},
    "train.batch": 16,
    "train.tick": 64,
    "train.threads": 1,
    "train.precision": "float32",
}
OWN = {key: value for key, value in TINY.items() if key != "network"}
"""For games of one's own, which have their networks."""
POINTS = np.random.default_rng(0).standard_normal((240, 2)).astype(np.float32)
IMAGES = np.random.default_rng(1).integers(0, 256, (240, 6, 6, 3), dtype=np.uint8)
LABELS = np.arange(240) % 3


@pytest.fixture(autouse=True)
def workplace(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def train(data=POINTS, samples=128, settings=TINY, **more):
    return gantlet.train(data, settings=settings, samples=samples, **more)


def test_an_array_trains_and_the_run_samples(workplace):
    run = train(recipe="points")
    assert (run.reason, run.seen, run.signal) == ("finished", 128, 0)
    assert run.path.resolve() == workplace / "runs" / "array-points"
    made = run.sample(16, seed=0)
    assert made.values.shape == (16, 2)
    assert [row["seen"] for row in run.log] == [64, 128]
    again = gantlet.load(run.path)
    assert np.array_equal(again.sample(16, seed=0).values, made.values)
    assert again.log == run.log


def test_images_with_labels_train_and_are_asked_for_by_name():
    run = train((IMAGES, [("cat", "dog", "owl")[i] for i in LABELS]))
    made = gantlet.load(run.path).sample(16, label="cat")
    assert made.values.shape == (16, 3, 6, 6)
    assert made.labels.tolist() == [0] * 16
    assert run.sample(2, label=2).labels.tolist() == [2, 2]
    with pytest.raises(UsageError, match=r"unknown label 'cats'.*Did you mean cat"):
        run.sample(1, label="cats")


@pytest.mark.parametrize("name", ["mlp", "dcgan", "resnet", "r3gan"])
def test_images_of_many_channels_that_are_not_square_train_and_are_saved_as_arrays(name):
    x = np.random.default_rng(2).integers(0, 65_536, (120, 6, 10, 7), dtype=np.uint16)
    small = {"mlp": {"hidden": [8]}}.get(name, {"width": 8})
    settings = {"data.channels": "last", "network": small, "train.batch": 32, "train.tick": 32}
    run = gantlet.train(x, name, settings, samples=32, verbose=False)
    made = run.sample(3)
    assert made.values.shape == (3, 7, 6, 10)
    assert made.values.dtype == np.uint16
    with Image.open(run.path / "samples" / "000000000032.png") as grid:
        assert grid.mode == "L"  # the first channel
    with pytest.raises(UsageError, match="Save them as arrays"):
        made.save("made")
    made.save("made.npz")
    assert np.array_equal(np.load("made.npz")["x"], made.values)


def test_a_bound_that_is_given_holds_beside_the_other():
    both = plan("digits", "mlp", ["stop.samples=1000"], minutes=5).config.stop
    assert (both.samples, both.minutes) == (1000, 5)
    both = plan("digits", "mlp", {"stop.minutes": 5}, samples=1000).config.stop
    assert (both.samples, both.minutes) == (1000, 5)
    assert plan("digits", "mlp", minutes=5).config.stop.samples is None
    with pytest.raises(UsageError, match=r"--samples 7 beside stop\.samples"):
        plan("digits", "mlp", ["stop.samples=1000"], samples=7)
    with pytest.raises(UsageError, match=r"beside train\.init_from"):
        plan("digits", "mlp", ["train.init_from=a"], init_from="b")


def test_minutes_end_a_run():
    run = gantlet.train(POINTS, settings=TINY, minutes=0.005)
    assert run.reason == "time"
    saved, _ = newest(run.path / "checkpoints")
    assert saved.values["seconds"] >= 60 * 0.005
    assert saved.values["position"] * 16 == run.seen


def test_the_same_call_goes_on_and_a_longer_one_equals_the_whole():
    whole = train(samples=192, out="whole")
    train(samples=64, out="parts")
    parts = train(samples=192, out="parts")
    assert np.array_equal(whole.sample(8).values, parts.sample(8).values)


def test_settings_come_as_text_or_mappings_nested_or_dotted():
    text = ["network.name=mlp", "network.hidden=[8]", "train.batch=16", "stop.samples=null"]
    text += ["optimisers.generator.lr={start: 0.1, end: 0.01, samples: 10}"]
    flat = {
        "network.name": "mlp",
        "network.hidden": (8,),
        "train.batch": np.int64(16),
        "stop.samples": None,
        "optimisers.generator.lr": Schedule(start=0.1, end=0.01, samples=10),
    }
    nested = {
        "network": {"name": "mlp", "hidden": [8]},
        "train": {"batch": 16},
        "stop": {"samples": None},
        "optimisers": {"generator": {"lr": {"start": 0.1, "end": 0.01, "samples": 10}}},
    }
    made = [to_mapping(plan(POINTS, None, settings).config) for settings in (text, flat, nested)]
    assert made[0] == made[1] == made[2]
    ticks = recipe("points", open_data(POINTS).spec).train.tick
    assert made[0]["train"]["tick"] == ticks  # of the recipe: a section is no new one


def test_a_setting_that_is_no_plain_value_is_told():
    with pytest.raises(UsageError, match=r"train\.batch.*plain value.*ndarray"):
        plan(POINTS, None, {"train.batch": POINTS})


def test_a_run_shows_itself_in_a_notebook():
    run = train((IMAGES, LABELS), out="a<b")
    html = run._repr_html_()
    assert "<b>a&lt;b</b>" in html
    for words in ("240 samples of image 3 x 6 x 6 in 3 classes", "r3gan", "128", "finished."):
        assert words in html
    assert html.count("<tr>") == html.count("</tr>") >= 7
    assert 'src="data:image/png;base64,iVBOR' in html
    assert "finished." not in gantlet.load("a<b")._repr_html_()
    assert "240 samples" in gantlet.load("a<b/bundle")._repr_html_()


def test_samples_show_and_describe_themselves():
    made = train((IMAGES, LABELS)).sample(5)
    with Image.open(BytesIO(made._repr_png_())) as picture:
        picture.load()
        assert picture.mode == "RGB"
    assert repr(made) == "<5 samples of image 3 x 6 x 6, uint8>"
    assert len(made) == len(made.images) == 5
    assert np.array_equal(np.asarray(made), made.values)
    assert np.array_equal(made[3], made.values[3])


class Diary(Callback):
    """Writes down what it is told."""

    def __init__(self, fails_at=""):
        self.told, self.fails_at = [], fails_at

    def _hear(self, event):
        self.told.append(event)
        if event == self.fails_at:
            raise ValueError("no ink")

    def on_start(self, start):
        self.begin = start
        self._hear("start")

    def on_progress(self, progress):
        self._hear("progress")

    def on_tick(self, tick):
        self._hear("tick")

    def on_end(self, end):
        self.end = end
        self._hear("end")


def test_a_call_tells_what_the_command_tells_in_words_of_python(capsys):
    train(samples=128)
    told = " ".join(capsys.readouterr().out.split())
    for part in (
        "Recipe points",
        "100 of 240 samples are set aside",
        "Training to 128 samples. Run folder: runs/array",
        "64 samples",
        "unjudged",  # the health at each tick
        'gantlet.load("runs/array").sample()',
        "the same call with samples=256. To start afresh: with fresh=True",
    ):
        assert part in told, told
    assert "--" not in told
    train(samples=128)
    assert "This run was finished at 128 samples" in capsys.readouterr().out
    train(data=POINTS * 2, samples=128)
    assert "this run goes to runs/array-2" in capsys.readouterr().out
    train(samples=192, verbose=False)
    assert capsys.readouterr() == ("", "")


def test_another_number_of_threads_on_resume_is_told(capsys):
    train(samples=64)
    capsys.readouterr()
    train(samples=128)
    assert "threads" not in capsys.readouterr().out
    train(samples=192, settings={**TINY, "train.threads": 2})
    assert "began with 1 threads and goes on with 2" in capsys.readouterr().out


def test_callbacks_are_called_in_order():
    first, second = Diary(), Diary()
    run = train(callbacks=[first, second])
    events = [event for event in first.told if event != "progress"]
    assert events == ["start", "tick", "tick", "end"]
    assert first.told == second.told
    assert (first.begin.seen, first.begin.target, first.end.seen) == (0, 128, 128)
    assert first.begin.config["train"]["batch"] == 16
    assert first.end.folder == run.path


@pytest.mark.parametrize("event", ["start", "progress", "tick", "end"])
def test_a_callback_that_fails_does_not_lose_the_run(event, monkeypatch):
    monkeypatch.setattr("gantlet.training.trainer._PROGRESS_SECONDS", 0.0)
    whole = train(out="whole")
    with pytest.raises(ValueError, match="no ink"):
        train(out="failed", callbacks=[Diary(event)])
    expected = {"start": 0, "progress": 16, "tick": 64, "end": 128}[event]
    diary = Diary()
    rest = train(out="failed", callbacks=[diary])
    assert diary.begin.seen == expected
    assert np.array_equal(whole.sample(4).values, rest.sample(4).values)


def test_training_in_a_thread_leaves_signals_alone():
    runs = []
    thread = threading.Thread(target=lambda: runs.append(train()))
    thread.start()
    thread.join()
    assert runs[0].reason == "finished"


def test_training_and_sampling_leave_the_callers_random_numbers_alone():
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    run = train()
    run.sample(3)
    assert torch.equal(torch.rand(3), expected)


def average(players, turn):
    """A game of one player: move a point to the mean of the data."""
    return Losses((players["point"](turn.real.x[:, :1] * 0) - turn.real.x).square().mean(1))


def point_game(**changes):
    torch.manual_seed(0)
    parts = {
        "players": nn.ModuleDict({"point": nn.Linear(1, 2)}),
        "phases": (Phase(name="settle", trains=("point",), loss=average),),
        "sample": lambda players, query: players["point"](query.noise("z", (1,)) * 0),
        "bundled": ("point",),
    }
    return Game(**{**parts, **changes})


def test_a_game_of_ones_own_trains_resumes_and_loads():
    # Gradient descent on all samples at once: each step leaves 3/4 of the way to the mean.
    settings = {
        **OWN,
        "train.batch": 240,
        "train.tick": 14_400,
        "train.ema_half_life": 0,
        "data.held_out": False,
        "optimisers.point": {"name": "sgd", "lr": 0.25},
    }
    options = {"settings": settings, "recipe": "points"}
    whole = gantlet.train(POINTS, game=point_game(), samples=28_800, out="whole", **options)
    gantlet.train(POINTS, game=point_game(), samples=14_400, out="parts", **options)
    parts = gantlet.train(POINTS, game=point_game(), samples=28_800, out="parts", **options)
    assert np.array_equal(whole.sample(2).values, parts.sample(2).values)
    assert np.allclose(whole.sample(1).values[0], POINTS.mean(0), atol=1e-5)
    loaded = gantlet.load("parts", game=point_game())
    assert np.array_equal(loaded.sample(2).values, parts.sample(2).values)


def test_a_game_of_ones_own_is_left_as_trained_by_sampling():
    game = point_game()
    run = gantlet.train(POINTS, "points", OWN, game=game, samples=64)
    before = {name: t.clone() for name, t in game.players.state_dict().items()}
    run.sample(3)
    assert all(torch.equal(before[name], t) for name, t in game.players.state_dict().items())
    again = gantlet.train(POINTS, "points", OWN, game=game, samples=128)
    assert again.seen == 128


def test_another_game_than_the_bundles_is_refused():
    run = gantlet.train(POINTS, "points", OWN, game=point_game(), samples=64)
    other = point_game(players=nn.ModuleDict({"point": nn.Linear(1, 3)}))
    with pytest.raises(UsageError, match="game that was handed over"):
        gantlet.load(run.path, game=other)
    with pytest.raises(UsageError, match="another game"):
        gantlet.train(POINTS, "points", OWN, game=other_points(), samples=64, out=run.path)


def other_points():
    players = nn.ModuleDict({"point": nn.Sequential(nn.Linear(1, 4), nn.Linear(4, 2))})
    return point_game(players=players)


def test_a_game_with_a_fault_is_refused_before_anything_is_written(workplace):
    wrong = point_game(sample=lambda players, query: torch.zeros(3, 3))
    with pytest.raises(UsageError, match="samples of the game"):
        gantlet.train(POINTS, "points", OWN, game=wrong, samples=64)
    assert list(workplace.iterdir()) == []


def test_an_extractor_that_is_not_installed_is_told_before_anything_is_written(
    workplace, monkeypatch
):
    monkeypatch.setitem(sys.modules, "torch_fidelity", None)
    with pytest.raises(UsageError, match="extra `fidelity`"):
        gantlet.train("digits", "mlp", {"validation.extractor": "inception"}, samples=64)
    assert list(workplace.iterdir()) == []


def test_what_a_crash_left_is_swept_when_a_run_goes_on(workplace):
    run = gantlet.train(POINTS, "points", TINY, samples=64, verbose=False)
    drafts = [run.path / ".log.jsonl.1.part", run.path / "bundle" / ".bundle.json.1.part"]
    for draft in drafts:
        draft.write_text("half a")
    gantlet.train(POINTS, "points", TINY, samples=64, verbose=False)
    assert not any(draft.exists() for draft in drafts)


def test_players_that_learn_get_the_optimiser_of_the_recipe_and_their_own_settings():
    made = plan(POINTS, "points", {"optimisers.point.lr": 0.5}, game=point_game())
    assert made.config.optimisers == {"point": Optimiser(lr=0.5, beta1=0.0, beta2=0.99)}
    with pytest.raises(UsageError, match=r"unknown setting 'optimisers\.pont'.*Did you mean"):
        plan(POINTS, "points", {"optimisers.pont.lr": 0.5}, game=point_game())


def test_a_disk_error_of_a_callback_is_its_own():
    class Unplugged(Callback):
        def on_start(self, start):
            raise ConnectionError("no network")

    with pytest.raises(ConnectionError):
        train(callbacks=[Unplugged()])

    class Full(Callback):
        def on_start(self, start):
            raise OSError(28, "No space left on device")

    with pytest.raises(RunError, match="No space left"):
        train(callbacks=[Full()])
