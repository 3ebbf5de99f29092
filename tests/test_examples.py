"""Every example runs, is short, and does what it says."""

import runpy
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

import gantlet
from gantlet.errors import UsageError
from tests.cli.door import TINY

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
LONGEST = {"own_networks": 60, "own_game": 60, "weights_and_biases": 40, "mlflow_tracking": 40}


@pytest.fixture(autouse=True)
def workplace(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_every_example_is_listed_and_short():
    lengths = {p.stem: len(p.read_text().splitlines()) for p in EXAMPLES.glob("*.py")}
    assert lengths.keys() == LONGEST.keys()
    assert all(lengths[name] <= LONGEST[name] for name in LONGEST)
    listed = (EXAMPLES / "README.md").read_text()
    assert all(f"[{name}.py]({name}.py)" in listed for name in LONGEST)


def printed_rows(text):
    """The numbers of the last array that was printed."""
    body = text[text.rindex("[[") :].replace("[", " ").replace("]", " ")
    return np.array([float(word) for word in body.split()]).reshape(-1, 2)


def test_networks_of_ones_own_learn_the_ring(workplace, capsys):
    runpy.run_path(str(EXAMPLES / "own_networks.py"))["main"]("run")
    assert printed_rows(capsys.readouterr().out).shape == (5, 2)
    made = workplace / "run" / "log.jsonl"
    assert made.exists()


def test_a_game_from_scratch_plays_its_stages_and_can_be_loaded(workplace, capsys):
    example = runpy.run_path(str(EXAMPLES / "own_game.py"))
    example["main"]("run", "12800")
    rows = printed_rows(capsys.readouterr().out)
    loaded = gantlet.load("run", game=example["build"]())
    assert np.allclose(rows, loaded.sample(5, seed=0).values, atol=1e-6)
    (row,) = loaded.log
    assert {"rebuild/loss", "criticise/loss", "persuade/loss", "criticise/real"} <= row.keys()
    with pytest.raises(UsageError, match=r"load\(path, game=\.\.\.\)"):
        gantlet.load("run")


class Recorder(ModuleType):
    """Stands in for a tracking service: remembers what it was told."""

    def __init__(self, name):
        super().__init__(name)
        self.told = []

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)

        def tell(*words, **more):
            self.told.append((name, words, more))
            return SimpleNamespace(
                log=lambda row, step: self.told.append(("log", row, step)),
                finish=lambda: self.told.append(("finish",)),
                summary={},
                info=SimpleNamespace(run_id="an-id"),
            )

        return tell

    def events(self):
        return [event[0] for event in self.told]


def trained(callback, samples):
    return gantlet.train("digits", settings=TINY, samples=samples, callbacks=[callback])


def test_weights_and_biases_hears_of_every_tick_and_goes_on_with_the_run(monkeypatch):
    monkeypatch.setitem(sys.modules, "wandb", wandb := Recorder("wandb"))
    watcher = runpy.run_path(str(EXAMPLES / "weights_and_biases.py"))["WeightsAndBiases"]
    trained(watcher("project"), 256)
    assert wandb.events() == ["init", "Image", "log", "Image", "log", "finish"]
    assert [event[2] for event in wandb.told if event[0] == "log"] == [128, 256]
    first = wandb.told[0][2]
    assert (first["project"], first["name"]) == ("project", "digits")
    assert first["config"]["train"]["batch"] == 16
    trained(watcher("project"), 384)
    again = [event[2] for event in wandb.told if event[0] == "init"]
    assert again[0]["id"] == again[1]["id"]


def test_mlflow_hears_of_every_tick_and_goes_on_with_the_run(monkeypatch):
    monkeypatch.setitem(sys.modules, "mlflow", mlflow := Recorder("mlflow"))
    watcher = runpy.run_path(str(EXAMPLES / "mlflow_tracking.py"))["MLflow"]
    trained(watcher(), 256)
    tick = ["log_metrics", "log_artifact"]
    assert mlflow.events() == ["start_run", "log_dict", *tick, *tick, "set_tag", "end_run"]
    assert mlflow.told[-1][1] == ("FINISHED",)
    metrics = mlflow.told[2]
    assert metrics[2] == {"step": 128}
    assert all(isinstance(number, int | float) for number in metrics[1][0].values())
    trained(watcher(), 384)
    starts = [event[2]["run_id"] for event in mlflow.told if event[0] == "start_run"]
    assert starts == [None, "an-id"]
