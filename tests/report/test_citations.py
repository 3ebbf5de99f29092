"""Every paper that a part names has an entry; a run is given those of its own parts."""

import re
import unicodedata
from pathlib import Path

import pytest

import gantlet
from gantlet import __version__
from gantlet.bundle import write_bundle
from gantlet.config import override, to_mapping
from gantlet.metrics.evidence import Evidence
from gantlet.recipes import RECIPES, recipe
from gantlet.report.citations import citations, references
from gantlet.spec import DataSpec
from gantlet.training.trainer import built
from tests.conftest import ROOT
from tests.report.pages import DIGITS, number
from tests.tables_for import spec_for

SOURCE = ROOT / "src" / "gantlet"
ADDRESS = re.compile(r"https?://[^\s\"'<>`;]+")
ENTRIES = list(references().values())
PLAIN = DataSpec(kind="image", shape=(1, 8, 8))


def named(path):
    """The addresses of papers in a file, without the stops behind them."""
    text = re.sub(r'_ARXIV \+ "', '"https://arxiv.org/abs/', path.read_text(encoding="utf-8"))
    for address in ADDRESS.findall(text):
        bare = address.rstrip(".,:")
        bare = bare[:-1] if bare.endswith(")") and bare.count("(") < bare.count(")") else bare
        if "arxiv.org/abs/1" in bare or "arxiv.org/abs/2" in bare or "doi.org" in bare:
            yield bare


@pytest.mark.parametrize(
    "unit",
    [
        *("recipes", "networks", "nn", "games", "metrics", "evaluation", "data", "tables"),
        "privacy",
        *(
            "augment",
            "objectives.py",
            "penalties.py",
            "distances.py",
            "averages.py",
            "schedules.py",
        ),
    ],
)
def test_every_paper_that_the_source_names_has_an_entry(unit):
    where = SOURCE / unit
    files = [where] if where.suffix else sorted(where.rglob("*.py"))
    found = {address: path.name for path in files for address in named(path)}
    assert found
    assert {a: where for a, where in found.items() if a not in references()} == {}


def ascii_letters(text):
    plain = unicodedata.normalize("NFKD", text.replace("ø", "o").replace("ł", "l"))
    return re.sub(r"[^a-z]", "", plain.lower())


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.key)
def test_each_entry_is_well_formed(entry):
    kind, key = re.match(r"@(\w+)\{(\w+),\n", entry.bibtex).groups()
    assert key == entry.key
    assert entry.bibtex.count("{") == entry.bibtex.count("}")
    body = entry.bibtex.splitlines()[1:-1]
    assert all(
        re.fullmatch(r"  \w+ = \{[^=]+\}" + ("," if line != body[-1] else ""), line)
        for line in body
    )
    fields = entry.fields
    assert len(fields) == len(body)
    needed = {"article": "journal", "inproceedings": "booktitle", "misc": "author"}[kind]
    assert {needed, "author", "title", "year", "url"} <= fields.keys()
    for author in fields["author"].split(" and "):
        assert re.fullmatch(r"[^,]+, [^,]+|others", author), author
    first, title = fields["author"].partition(",")[0], fields["title"]
    year = re.search(r"\d{4}", key).group()
    assert year == fields["year"]
    assert key.startswith(ascii_letters(first) + year)
    assert key.partition(year)[2] in ascii_letters(title)
    if "eprint" in fields:
        assert fields["url"] == f"https://arxiv.org/abs/{fields['eprint']}"
        written = 2000 + int(fields["eprint"][:2])
        assert written - 1 <= int(year) <= written + 2
        assert kind != "misc" or int(year) == written
    assert not re.search(r"[&%$#_\\]", title + fields["author"])


def test_keys_and_addresses_are_unique_and_no_entry_is_lost():
    text = (SOURCE / "report" / "references.bib").read_text(encoding="utf-8")
    assert len(re.findall(r"^@", text, re.MULTILINE)) == len(ENTRIES)
    assert len({entry.key for entry in ENTRIES}) == len(ENTRIES)


@pytest.mark.parametrize(
    ("address", "line"),
    [
        ("1807.00734", "Jolicoeur-Martineau (2019), The Relativistic Discriminator: A Key Element "
         "Missing from Standard GAN, International Conference on Learning Representations"),
        ("1412.6980", "Kingma and Ba (2015), Adam: A Method for Stochastic Optimization, "
         "International Conference on Learning Representations"),
        ("1701.07875", "Arjovsky et al. (2017), Wasserstein GAN, arXiv"),
    ],
)  # fmt: skip
def test_an_entry_as_a_line(address, line):
    assert references()[f"https://arxiv.org/abs/{address}"].line == line


def bundled(folder: Path, name: str, *settings: str, spec=DIGITS, **about) -> Path:
    """A bundle of a recipe that was never trained."""
    config = override(recipe(name, spec), settings)
    facts = {"data": "mine", "count": 5, "seen": 0, "verdict": "unjudged", "own_game": False}
    write_bundle(folder, built(config, spec).players, spec, to_mapping(config), facts | about)
    return folder


def parts(path, found=None):
    """Keys, and what each is cited for."""
    return {c.reference.key: set(c.parts) for c in citations(path, found)}


ALWAYS = {"gantlet", "goodfellow2014generative", "karras2020analyzing"}
ADAM = {"kingma2015adam"}
MIRZA = {"mirza2014conditional"}


@pytest.mark.parametrize(
    ("name", "spec", "keys"),
    [
        ("mlp", PLAIN, ADAM),
        ("mlp", DIGITS, ADAM | MIRZA),
        ("dcgan", PLAIN, ADAM | {"radford2016unsupervised"}),
        ("lsgan", PLAIN, ADAM | {"radford2016unsupervised", "mao2017least"}),
        ("wgan", PLAIN, {"radford2016unsupervised", "arjovsky2017wasserstein"}),
        (
            "wgan-gp",
            PLAIN,
            ADAM | {"radford2016unsupervised", "arjovsky2017wasserstein", "gulrajani2017improved"},
        ),
        (
            "sngan",
            DIGITS,
            ADAM
            | {"miyato2018spectral", "gulrajani2017improved", "lim2017geometric"}
            | {"miyato2018cgans", "devries2017modulating", "dumoulin2017learned"},
        ),
        (
            "biggan",
            DIGITS,
            ADAM
            | {"brock2019large", "zhang2019self", "miyato2018spectral", "lim2017geometric"}
            | {"miyato2018cgans", "devries2017modulating", "dumoulin2017learned"},
        ),
        (
            "r3gan",
            DIGITS,
            ADAM | MIRZA
            | {"huang2024gan", "mescheder2018which", "miyato2018cgans"}
            | {"jolicoeurmartineau2019relativistic"},
        ),
        (
            "stylegan2",
            DIGITS,
            ADAM | MIRZA
            | {"karras2018progressive", "karras2019stylebased", "mescheder2018which"}
            | {"miyato2018cgans"},
        ),
    ],
)  # fmt: skip
def test_a_recipe_cites_its_own_parts_and_no_others(name, spec, keys, tmp_path):
    assert parts(bundled(tmp_path, name, spec=spec)).keys() == ALWAYS | keys


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_is_cited_for_itself(name, tmp_path):
    assert f"recipe {name}" in set.union(
        *parts(bundled(tmp_path, name, spec=spec_for(name, PLAIN))).values()
    )


def test_a_part_that_is_switched_on_is_cited(tmp_path):
    before = parts(bundled(tmp_path / "a", "mlp", spec=PLAIN))
    settings = [
        *("game.smoothing=0.1", "game.instance_noise=0.1", "game.lecam=0.1", "game.pack=2"),
        *("game.orthogonality=0.1", "game.penalties.dragan=1", "game.pull.distance=mmd"),
        *("network.minibatch_std=true", "network.discriminator_norm=spectral"),
        *("train.ema_half_life=0", "game.group=4"),
    ]
    after = parts(bundled(tmp_path / "b", "mlp", *settings, spec=PLAIN))
    assert before.keys() - after.keys() == {"karras2020analyzing"}
    assert {key: after[key] for key in after.keys() - before.keys()} == {
        "salimans2016improved": {"smoothing"},
        "sonderby2017amortised": {"instance noise"},
        "tseng2021regularizing": {"lecam"},
        "lin2018pacgan": {"pack"},
        "brock2019large": {"orthogonality"},
        "kodali2017convergence": {"penalty dragan"},
        "gretton2012kernel": {"pull by mmd"},
        "karras2018progressive": {"minibatch std"},
        "miyato2018spectral": {"discriminator norm"},
    }


def test_the_improved_techniques_are_cited_where_they_are_at_work(tmp_path):
    settings = [
        *("network.generator_norm=virtual", "network.minibatch_discrimination=4"),
        *("game.historical_averaging=0.1", "game.feature_matching=1", "game.smoothing=0.1"),
    ]
    assert "salimans2016improved" not in parts(bundled(tmp_path / "a", "dcgan", spec=PLAIN))
    assert parts(bundled(tmp_path / "b", "dcgan", *settings, spec=PLAIN))[
        "salimans2016improved"
    ] == {
        *("smoothing", "feature matching", "historical averaging"),
        *("generator norm", "minibatch discrimination"),
    }


@pytest.mark.parametrize(
    ("setting", "cited"),
    [
        (
            "game.augment={policy: diffaugment, p: 1}",
            {"zhao2020differentiable": {"augmentation"}},
        ),
        (
            "game.augment={policy: diffaugment}",
            {
                "zhao2020differentiable": {"augmentation"},
                "karras2020training": {"adaptive probability"},
            },
        ),
        ("game.augment={}", {"karras2020training": {"augmentation", "adaptive probability"}}),
        ("game.apa=0.1", {"jiang2021deceive": {"apa"}}),
        (
            "game.apa={}",
            {"jiang2021deceive": {"apa"}, "karras2020training": {"adaptive probability"}},
        ),
        (
            "game.consistency={fake: 10}",
            {"zhang2020consistency": {"consistency"}, "zhao2021improved": {"consistency"}},
        ),
    ],
)
def test_augmentation_is_cited_for_what_it_is(setting, cited, tmp_path):
    before = parts(bundled(tmp_path / "a", "mlp", spec=PLAIN))
    after = parts(bundled(tmp_path / "b", "mlp", setting, spec=PLAIN))
    assert {key: after[key] for key in after.keys() - before.keys()} == cited


def test_of_a_game_of_ones_own_only_training_is_known(tmp_path):
    found = parts(bundled(tmp_path, "dcgan", own_game=True))
    assert found.keys() == {"gantlet", "kingma2015adam", "karras2020analyzing"}


@pytest.mark.parametrize(
    ("data", "keys"),
    [
        ("digits", {"alpaydin1998optical"}),
        ("ring", {"srivastava2017veegan", "lin2018pacgan"}),
        ("grid", {"srivastava2017veegan", "lin2018pacgan"}),
        ("photos", set()),
    ],
)
def test_built_in_data_are_cited(data, keys, tmp_path):
    named = {
        k
        for k, words in parts(bundled(tmp_path, "mlp", data=data)).items()
        if f"data {data}" in words
    }
    assert named == keys


def test_numbers_are_cited_for_what_they_are(tmp_path):
    numbers = [
        number("a", title="Fréchet distance", source="https://arxiv.org/abs/1706.08500"),
        number("b", title="Precision", source="https://arxiv.org/abs/2002.09797"),
        number("c", title="Density", source="https://arxiv.org/abs/2002.09797"),
        number("d", title="Unknown", source="https://example.org/nowhere", extractor=""),
        number("e", title="Seen", source="", extractor="dinov2 ab12 (224 x 224)"),
    ]
    path, found = bundled(tmp_path, "mlp", spec=PLAIN), Evidence(verdict="", numbers=numbers)
    known = parts(path, found)
    assert known["heusel2017gans"] == {"Fréchet distance"}
    assert known["naeem2020reliable"] == {"Precision", "Density"}
    assert known["oquab2024dino"] == {"features dinov2"}
    assert known["chen2020simple"] == {"features embedded"}  # trained without labels
    assert "chen2020simple" not in parts(bundled(tmp_path / "l", "mlp"), found)


def test_gantlet_comes_first_with_its_version_and_papers_by_year(tmp_path):
    found = citations(bundled(tmp_path, "r3gan"))
    assert found[0].reference.key == "gantlet"
    assert f"Version {__version__}" in found[0].reference.bibtex
    assert found[0].reference.line.startswith("The Gantlet authors, Gantlet: Train")
    years = [int(c.reference.fields["year"]) for c in found[1:]]
    assert years == sorted(years)
    assert gantlet.__version__ == __version__
