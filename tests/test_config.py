"""Settings: checked, overridden, written with comments and read back."""

import pytest
import yaml

from gantlet.config import (
    completed,
    differences,
    from_mapping,
    identity,
    override,
    read_yaml,
    to_mapping,
)
from gantlet.config_text import to_yaml
from gantlet.errors import UsageError
from gantlet.planning import data_settings
from gantlet.recipes import RECIPES, recipe
from gantlet.schedules import Schedule
from gantlet.spec import DataSpec

IMAGES = DataSpec(kind="image", shape=(1, 28, 28), classes=("0", "1"), frequencies=(0.5, 0.5))


@pytest.fixture
def config():
    return recipe("r3gan", IMAGES)


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_survives_yaml(name, tmp_path):
    spec = DataSpec(kind="points", shape=(2,)) if name == "points" else IMAGES
    made = recipe(name, spec)
    path = tmp_path / "config.yaml"
    path.write_text(to_yaml(made))
    assert read_yaml(path) == from_mapping(to_mapping(made))
    assert to_mapping(read_yaml(path)) == to_mapping(made)


@pytest.mark.parametrize(
    "settings",
    [
        ["game.augment={}", "game.apa={most: 0.5}", "game.consistency={}"],
        ["game.augment={policy: diffaugment, p: 1}", "game.apa=0.1"],
        ["game.augment.policy=[xflip, bg]", "game.consistency.policy=[xint, cutout]"],
    ],
)
def test_augmentation_survives_yaml(config, settings, tmp_path):
    made = override(config, settings)
    path = tmp_path / "config.yaml"
    path.write_text(to_yaml(made))
    assert read_yaml(path) == made
    assert made != config


@pytest.mark.parametrize("name", RECIPES)
def test_every_setting_has_a_comment(name):
    lines = to_yaml(recipe(name, IMAGES)).splitlines()
    bare = [line for line in lines if line.startswith("  ") and "#" not in line]
    assert [line for line in bare if not line.rstrip().endswith(":")] == []


def test_settings_override_by_dotted_keys(config):
    made = override(
        config,
        [
            "train.batch=32",
            "optimisers.generator.lr=1e-3",
            "game.penalties.r1={start: 1, end: 0.1, samples: 100}",
            "data.size=[16, 16]",
        ],
    )
    assert made.train.batch == 32
    assert made.optimisers["generator"].lr == 1e-3
    assert made.game.penalties["r1"] == Schedule(start=1, end=0.1, samples=100)
    assert made.data.size == (16, 16)
    assert config.train.batch != 32


def test_another_network_comes_with_its_own_settings(config):
    made = override(config, ["network.name=mlp", "network.hidden=[8, 8]"])
    assert made.network.name == "mlp"
    assert made.network.hidden == (8, 8)


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("train.bach=3", ["train.bach", "batch"]),
        ("trian.batch=3", ["trian", "train"]),
        ("train.batch=0", ["train.batch", "greater than or equal to 2", "0"]),
        ("train.batch=many", ["train.batch", "integer", "many"]),
        ("train.precision=float16", ["train.precision", "bfloat16", "float16"]),
        ("optimisers.generator.lr=-1", ["optimisers.generator.lr", "greater than 0"]),
        ("optimisers.generator.beta1=1", ["beta1", "less than 1"]),
        ("network.name=resnett", ["resnett", "resnet"]),
        ("game.penalties.r1=-1", ["game.penalties.r1", "greater than or equal to 0"]),
        ("train.batch", ["key=value"]),
        ("train.batch=[1", ["train.batch", "YAML"]),
        ("stop.samples=0", ["stop.samples"]),
        ("game.augment.p=2", ["game.augment.p", "less than or equal to 1"]),
        ("game.augment={polcy: b}", ["unknown setting game.augment.polcy", "Did you mean policy"]),
        ("game.augment={p: {targt: 1}}", ["unknown setting game.augment.p.targt", "target"]),
        ("game.augment={p: {start: 0.9}}", ["start=0.9 most=0.8"]),
        ("game.augment=ada", ["game.augment", "Augment", "ada"]),
        ("game.apa=1", ["game.apa", "less than 1"]),
        ("game.consistency={real: -1}", ["game.consistency.real", "greater than or equal to 0"]),
    ],
)
def test_wrong_settings_are_named_with_what_would_be_right(config, setting, words):
    with pytest.raises(UsageError) as error:
        override(config, [setting])
    assert error.value.exit_code == 2
    for word in words:
        assert word in str(error.value)


def test_a_python_value_of_the_wrong_type_does_not_pass_unchecked(config):
    values = to_mapping(config)
    values["train"]["seed"] = -1
    with pytest.raises(UsageError, match=r"train\.seed"):
        from_mapping(values)


def test_identity_leaves_out_where_and_how_long(config):
    moved = override(config, ["train.device=cpu", "train.threads=1", "stop.samples=10"])
    assert identity(moved) == identity(config)
    assert identity(override(config, ["train.seed=1"])) != identity(config)


def test_a_setting_that_an_older_version_did_not_know_has_its_default(config):
    recorded = identity(config)
    del recorded["train"]["ema_ramp"], recorded["game"]["lecam"]
    assert differences(recorded, identity(config)) != []
    assert differences(completed(recorded), identity(config)) == []
    other = override(config, ["train.ema_ramp=0.5"])
    assert differences(completed(recorded), identity(other)) == ["train.ema_ramp: 0.05 -> 0.5"]


def test_differences_name_what_differs(config):
    other = override(config, ["train.seed=1", "optimisers.generator.lr=0.001"])
    lines = differences(identity(config), identity(other))
    assert len(lines) == 2
    assert "train.seed: 0 -> 1" in lines
    assert any(line.startswith("optimisers.generator.lr: ") for line in lines)


def test_a_file_that_is_no_yaml_mapping_is_refused(tmp_path):
    path = tmp_path / "config.yaml"
    path.write_text("- a\n- b\n")
    with pytest.raises(UsageError, match="sections"):
        read_yaml(path)
    with pytest.raises(UsageError, match="YAML file"):
        read_yaml(tmp_path / "missing.yaml")


def test_comments_are_the_docstrings(config):
    text = to_yaml(config)
    assert "Seed of weights, order of data and noise." in text
    assert yaml.safe_load(text) == to_mapping(config)


@pytest.mark.parametrize("sign", [",", "|", ";", "#", ":", "-"])
def test_a_delimiter_is_taken_to_the_letter(sign):
    assert data_settings([f"data.delimiter={sign}"]).delimiter == sign
    assert data_settings([f'data.delimiter="{sign}"']).delimiter == sign
