"""The page says all that is known, shows nothing empty, fetches nothing, and lets all read it."""

import json
import re
import shutil
from dataclasses import replace
from importlib.resources import files
from itertools import pairwise

import numpy as np
import pytest

from gantlet.bundle import described, read_bundle, write_bundle
from gantlet.config import from_mapping
from gantlet.errors import UsageError
from gantlet.report import render, words, write_report
from gantlet.report.page import events
from gantlet.training.health import verdict
from gantlet.training.trainer import built
from tests.report.pages import DIGITS, evidence, number, pictures, read, section

SECTIONS = [
    "verdict",
    "samples",
    "training",
    "numbers",
    "interpolation",
    "classes",
    "health",
    "settings",
    "environment",
    "citations",
]
HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "{{ 7 * 7 }}{% raw %}",
    "</table></svg><!-- & $x_1$",
)


@pytest.fixture(scope="module")
def lean(trained, tmp_path_factory):
    """A bundle alone, whose page has no curves to draw."""
    return shutil.copytree(trained / "bundle", tmp_path_factory.mktemp("lean") / "bundle")


@pytest.fixture(scope="module")
def page(trained):
    return render(trained, evidence(), pictures())


@pytest.fixture(scope="module")
def root(page):
    return read(page)


def test_the_verdict_comes_first_and_the_rest_in_its_order(root):
    assert [e.attributes["id"] for e in root.all("h2")] == SECTIONS
    first = section(root, "verdict").all("p")[0]
    assert first.text == "Samples look partly real; they miss part of the data."
    assert "Usefulness was left out: too few samples." in section(root, "verdict").text
    assert [e.text for e in section(root, "verdict").all("h3")][:4] == [
        "Does it look real?",
        "Does it cover everything?",
        "Is it copying?",
        "Is it useful?",
    ]


def test_every_number_stands_in_its_question_with_all_that_is_known_of_it(root):
    part, numbers = section(root, "numbers"), evidence().numbers
    rows = [row for table in part.all("table") for row in table.all("tbody")[0].all("tr")]
    assert len(rows) == len(numbers)
    for row, one in zip(rows, numbers, strict=True):
        title, value, floor, said, n_real, n_fake, extractor = (cell.text for cell in row.children)
        assert title == f"{one.title} {one.better} is better"
        assert value == f"{words.span(one.value)} {one.value.how}"
        wanted = f"{words.span(one.floor)} {one.floor.how}" if one.floor else "no floor"
        assert floor == wanted
        assert said == (one.verdict or "not judged")
        assert (n_real, n_fake) == (f"{one.n_real:,}", f"{one.n_fake:,}")
        assert extractor == one.extractor
    text = part.text
    assert "41.3 [39.4, 43.2]" in text  # by hand, in case `span` were wrong
    assert "9.31 [8.20, 10.40]" in text


def test_the_verdicts_of_a_question_are_told_together_the_bad_ones_first(lean):
    titles = ("precision", "density", "score", "kernel", "sliced")
    verdicts = ("as real data", "as real data", "", "4 times the floor", "as real data")
    numbers = [
        number(name, p=0.001 if name == "kernel" else 0.8, verdict=said)
        for name, said in zip(titles, verdicts, strict=True)
    ]
    cards = section(read(render(lean, evidence(numbers=numbers), pictures())), "verdict").all("dl")
    assert [[e.text for e in card.children] for card in cards] == [
        [
            *("4 times the floor", "Kernel"),
            *("as real data", "Precision, Density, Sliced"),
            *("not judged", "Score"),
        ]
    ]


def test_each_question_has_its_bars_over_its_table_and_one_without_numbers_says_so(root):
    part = section(root, "numbers")
    tags = [e.tag for e in part.children if e.tag in ("h3", "figure")]
    assert tags == ["h3", "figure", "h3", "figure", "h3", "figure", "h3"]
    assert part.text.endswith(
        "No number answers this question in this evaluation; the limits above say why."
    )


def test_nothing_is_fetched_from_elsewhere_and_nothing_runs(page, root):
    for element in root.everything():
        assert element.tag not in ("script", "iframe", "object", "embed", "form", "base")
        for name, value in element.attributes.items():
            assert not name.startswith("on"), element
            if name in ("src", "href", "xlink:href", "action", "srcset", "data", "poster"):
                outside = not value.startswith(("data:", "#"))
                assert not outside or (element.tag, value[:8]) == ("a", "https://"), value
    assert root.all("link")[0].attributes == {"rel": "icon", "href": "data:,"}
    assert "@import" not in page
    assert set(re.findall(r"url\((.)", page)) <= {"#"}
    (policy,) = [e for e in root.all("meta") if "http-equiv" in e.attributes]
    assert policy.attributes["content"].startswith("default-src 'none'")


def test_everyone_can_read_it(root):
    levels = [int(e.tag[1]) for e in root.everything() if re.fullmatch(r"h\d", e.tag)]
    assert levels.count(1) == 1
    assert levels[0] == 1
    assert all(b <= a + 1 for a, b in pairwise(levels))
    assert all(e.attributes["alt"] for e in root.all("img"))
    drawn = root.all("svg")
    assert len(drawn) >= 7
    assert all(e.attributes["role"] == "img" and e.attributes["aria-label"] for e in drawn)
    assert all(e.all("figcaption") for e in root.all("figure"))
    for table in root.all("table"):
        assert table.all("caption")[0].text
        assert all("scope" in cell.attributes for cell in table.all("th"))
    assert root.all("html")[0].attributes["lang"] == "en"
    assert any(e.attributes.get("name") == "viewport" for e in root.all("meta"))


def test_ids_are_unique_and_what_points_to_them_finds_them(page, root):
    ids = [e.attributes["id"] for e in root.everything() if "id" in e.attributes]
    assert len(ids) == len(set(ids))
    pointers = [e.attributes.get("href", "") for e in root.everything()]
    pointers += [e.attributes.get("xlink:href", "") for e in root.everything()]
    pointers += [f"#{e.attributes['aria-labelledby']}" for e in root.all("section")]
    pointers += [f"#{name}" for name in re.findall(r"url\(#([\w-]+)\)", page)]
    assert {p[1:] for p in pointers if p.startswith("#")} <= set(ids)


def luminance(colour):
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_colours_have_the_contrast_that_wcag_asks_for_by_day_and_by_night():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    style = files("gantlet.report").joinpath("templates/report.css").read_text()
    both = re.findall(r":root \{(.*?)\}", style, re.DOTALL)
    assert len(both) == 2
    for scheme in both:
        colours = dict(re.findall(r"(--[\w-]+): (#\w{6});", scheme))
        for ground in ("--paper", "--card"):
            for ink in ("--ink", "--muted", "--accent"):
                assert contrast(colours[ink], colours[ground]) >= 4.5, (ink, ground)
            for line in ("--series-1", "--series-2", "--series-3", "--series-4"):
                assert contrast(colours[line], colours[ground]) >= 3, (line, ground)


def test_hostile_names_are_shown_and_do_nothing(lean, tmp_path):
    run = shutil.copytree(lean, tmp_path / HOSTILE[0].replace("/", "_"))
    spec = replace(DIGITS, classes=(*HOSTILE, *"456789"))
    known = read_bundle(run)
    about = {**known.about, "data": HOSTILE[1]}
    write_bundle(run, known.players, known.spec, described(run)["config"], about)
    found = evidence(
        verdict=" ".join(HOSTILE),
        numbers=[number("a", title=f"T{text}", extractor=text, verdict=text) for text in HOSTILE],
        classes=[{"name": text, "share": 0.5, "made": 0.5, "accuracy": None} for text in HOSTILE],
        notes=HOSTILE,
        about={text: text for text in HOSTILE},
    )
    plain, odd = (
        read(render(run, e, pictures(s))) for e, s in ((found, spec), (evidence(), DIGITS))
    )
    for text in HOSTILE:
        for name in ("verdict", "samples", "numbers", "classes", "environment"):
            assert text in section(plain, name).text, (text, name)
    assert HOSTILE[1] in plain.all("header")[0].text
    assert run.name in plain.all("h1")[0].text
    tags = {e.tag for e in plain.everything()}
    assert tags <= {e.tag for e in odd.everything()}
    assert len(plain.all("img")) == len(odd.all("img"))
    assert not any(n.startswith("on") for e in plain.everything() for n in e.attributes)


def test_an_address_that_would_run_code_is_no_link(lean):
    bad = number(source="javascript:alert(1)")
    part = section(read(render(lean, evidence(numbers=[bad]), pictures())), "numbers")
    assert part.all("a") == []
    assert part.all("tbody")[0].all("th")[0].text.startswith("Frechet")


UNLABELLED = replace(DIGITS, classes=(), frequencies=())


@pytest.mark.parametrize(
    ("name", "found", "shown", "sentence"),
    [
        ("samples", {"pairs": ()}, {}, "No pairs are shown: this evaluation looked for no"),
        ("samples", {}, {"pairs": ()}, "No pairs are shown: this evaluation looked for no"),
        ("interpolation", {}, {"interpolation": None}, "No interpolation is shown: this"),
        ("classes", {"classes": ()}, {}, "No table of classes: this evaluation looked at none."),
        ("classes", {"classes": ()}, {"spec": UNLABELLED}, "the data have no labels."),
        ("environment", {"about": {}}, {}, "The evaluation recorded nothing about itself."),
        (
            "numbers",
            {"numbers": [number(floor=None)]},
            {},
            "No bars: none of these numbers has a floor, as no held-out real data were scored.",
        ),
    ],
)
def test_what_is_missing_is_said_and_leaves_no_empty_box(lean, root, name, found, shown, sentence):
    whole = section(root, name)
    assert sentence not in whole.text
    part = section(read(render(lean, evidence(**found), pictures(**shown))), name)
    assert sentence in part.text
    assert all(box.text for tag in ("table", "ul", "dl", "figcaption") for box in part.all(tag))
    kinds = ("table", "figure", "ul", "dl")
    boxes = [len(p.all(tag)) for p in (whole, part) for tag in kinds]
    assert sum(boxes[:4]) > sum(boxes[4:]), boxes


def test_nothing_known_but_the_verdict_is_still_a_page(lean):
    bare = evidence(numbers=(), pairs=(), classes=(), notes=(), about={})
    root = read(render(lean, bare, pictures(pairs=(), interpolation=None, real=None)))
    assert section(root, "verdict").text.count("Not measured in this evaluation.") == 4
    part = section(root, "numbers")
    assert part.text.count("No number answers this question in this evaluation.") == 4
    assert (part.all("svg"), part.all("table")) == ([], [])
    assert "Real" not in section(root, "samples").text


def test_a_bundle_alone_has_a_report_that_says_what_it_cannot_know(lean):
    root = read(render(lean, evidence(), pictures()))
    assert (
        "the log of the training does not lie beside the bundle" in section(root, "training").text
    )
    assert "No events are shown: the log" in section(root, "health").text
    assert "does not tell where it was trained" in section(root, "environment").text


def test_the_run_tells_its_data_settings_environment_and_course(root, trained):
    head = root.all("header")[0].text
    seen = described(trained / "bundle")["about"]["seen"]
    for text in ("digits: 1,797 images of 1 × 8 × 8 in 10 classes", "dcgan", f"{seen:,}"):
        assert text in head
    part = section(root, "settings")
    changed = [e.text for e in part.all("code")]
    assert "network.width: 64 -> 8" in changed
    assert "train.batch: 128 -> 32" in changed
    assert (trained / "config.yaml").read_text().split() == part.all("pre")[0].text.split()
    record = json.loads((trained / "run.json").read_text())
    told = section(root, "environment").text
    for value in (*record["environment"].values(), record["gantlet"], "versions.torch 2.99"):
        assert value in told
    titles = [e.attributes["aria-label"] for e in section(root, "training").all("svg")]
    assert titles == [
        *("Losses", "Logits of the discriminator", "Norm of the gradients", "Health"),
        *("Quality in validation", "Copying"),
    ]


def test_a_game_of_ones_own_is_not_given_a_recipes_name(trained, tmp_path):
    about = described(trained / "bundle")
    config = from_mapping(about["config"])
    facts = {**about["about"], "own_game": True}
    players = built(config, DIGITS).players
    write_bundle(tmp_path / "own", players, DIGITS, about["config"], facts)
    root = read(render(tmp_path / "own", evidence(), pictures()))
    assert "a game of one's own" in root.all("header")[0].text
    assert "Nothing was changed from a recipe" in section(root, "settings").text
    assert "recipe dcgan" not in section(root, "citations").text


def test_points_are_drawn_as_points(lean):
    spec = replace(UNLABELLED, kind="points", shape=(2,), dtype="float32", low=-1, high=1)
    cloud = np.random.default_rng(0).normal(size=(50, 2)).astype(np.float32)
    shown = pictures(UNLABELLED, pairs=(), interpolation=None, real=None)
    shown = replace(shown, spec=spec, samples=cloud, real=cloud[:7])
    part = section(root := read(render(lean, evidence(), shown)), "samples")
    assert len([e for e in part.all("use") if "#" in e.attributes["xlink:href"]]) >= 57
    assert part.all("img") == []
    assert "these data are points, not pictures" in part.text
    assert "these data are points, not pictures" in section(root, "interpolation").text


def test_the_share_of_a_class_is_told_in_words_and_as_a_bar(lean):
    rows = [
        {"name": "cat", "share": 0.25, "made": 0.5, "accuracy": 0.876},
        {"name": "dog", "share": None, "made": 0.0},
    ]
    part = section(read(render(lean, evidence(classes=rows), pictures())), "classes")
    cells = [[cell.text for cell in row.children] for row in part.all("tbody")[0].all("tr")]
    assert cells == [["cat", "25.0 %", "50.0 %", "87.6 %"], ["dog", "–", "0.0 %", "–"]]
    bars = [e.attributes["style"] for row in part.all("td") for e in row.all("span")]
    assert bars == ["width:50.0%", "width:100.0%", "width:0.0%"]


def test_events_are_the_changes_of_the_verdict_and_the_roll_backs():
    spread = [0.9, 0.9, 0.9, 0.3, 0.3, 0.3, 0.3, 0.9, 0.9]
    rows = [{"seen": 10 * i, "coverage": 0.5, "spread": s} for i, s in enumerate(spread, 1)]
    back = {"seen": 35, "event": "roll-back", "note": "Numbers ceased to be finite."}
    found = events([*rows[:4], back, *rows[4:]])
    assert [(e.seen, e.name) for e in found] == [
        (30, "healthy"),
        (35, "roll-back"),
        (60, "collapse"),
        (80, "healthy"),
    ]
    assert found[1].sentence == back["note"]
    long = [
        {"seen": i, "coverage": c, "spread": s}
        for i, (c, s) in enumerate(np.random.default_rng(0).uniform(0, 0.6, (300, 2)).tolist())
    ]
    verdicts = [verdict(long[:i]) for i in range(len(long) + 1)]
    changes = [(i, new.name) for i, (old, new) in enumerate(pairwise(verdicts)) if old != new]
    assert [(e.seen, e.name) for e in events(long)] == changes
    assert len(changes) > 5


def test_a_training_too_short_to_be_judged_has_no_events(trained, tmp_path):
    run = shutil.copytree(trained, tmp_path / "short")
    first = (run / "log.jsonl").read_text().splitlines()[0]
    (run / "log.jsonl").write_text(first + "\n")
    part = section(read(render(run, evidence(), pictures())), "health")
    assert "too short to be judged" in part.text
    assert part.all("table") == []


def test_the_report_is_one_small_file_and_the_same_each_time(trained, tmp_path):
    run = shutil.copytree(trained, tmp_path / "run")
    before = set(run.iterdir())
    path = write_report(run, evidence(), pictures())
    assert path == run / "report.html"
    first = path.read_bytes()
    assert len(first) < 3e6
    assert write_report(run, evidence(), pictures()).read_bytes() == first
    assert set(run.iterdir()) == {*before, path}
    write_report(run, evidence(verdict="Another."), pictures())
    assert "Another." in section(read(path.read_text(encoding="utf-8")), "verdict").text


def test_a_folder_without_a_bundle_has_no_report(tmp_path):
    with pytest.raises(UsageError, match="no bundle in"):
        write_report(tmp_path, evidence(), pictures())
    assert list(tmp_path.iterdir()) == []
