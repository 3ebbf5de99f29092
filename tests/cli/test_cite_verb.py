"""`gantlet cite`: the BibTeX of a run's parts, and of what an evaluation measured."""

import json
import re
import shutil

from gantlet.metrics.estimate import Estimate
from gantlet.metrics.evidence import Evidence, Number
from tests.cli.door import assert_refused, gantlet


def keys(text):
    return re.findall(r"^@\w+\{(\w+),$", text, re.MULTILINE)


def test_the_papers_of_a_run_are_printed_as_bibtex(run):
    answer = gantlet("cite", run)
    assert (answer.code, answer.err) == (0, "")
    assert keys(answer.out)[0] == "gantlet"
    wanted = {"huang2024gan", "mescheder2018which", "kingma2015adam", "alpaydin1998optical"}
    assert wanted <= set(keys(answer.out))
    assert "% recipe r3gan, network r3gan\n@inproceedings{huang2024gan,\n" in answer.out
    outside = re.sub(r"^@.*?^\}$", "", answer.out, flags=re.MULTILINE | re.DOTALL)
    assert all(line.startswith("% ") for line in outside.split("\n") if line)


def test_what_an_evaluation_measured_is_added(run):
    before = gantlet("cite", run).out
    one = Number(
        name="frechet",
        question="fidelity",
        title="Fréchet distance",
        value=Estimate(3.0, 2.0, 4.0, "jackknife"),
        n_real=100,
        n_fake=100,
        extractor="",
        better="lower",
        source="https://arxiv.org/abs/1706.08500",
    )
    found = Evidence(verdict="", numbers=[one]).to_json()
    (run / "evidence.json").write_text(json.dumps(found))
    after = gantlet("cite", run).out
    assert set(keys(after)) - set(keys(before)) == {"heusel2017gans"}
    assert "% Fréchet distance\n@inproceedings{heusel2017gans" in after


def test_a_bundle_alone_will_do(run, workplace):
    whole = gantlet("cite", run).out
    shutil.move(run / "bundle", workplace / "alone")
    assert gantlet("cite", "alone").out == whole


def test_what_cannot_be_cited_is_told(run, workplace):
    assert_refused(gantlet("cite", "nowhere"), "no bundle in nowhere", "gantlet train")
    assert_refused(gantlet("cite"), "gantlet cite --help")
    (run / "evidence.json").write_text("{")
    assert_refused(gantlet("cite", run), "evidence.json is altered or torn", "gantlet evaluate")
    (run / "evidence.json").write_text('{"format": 99}')
    assert_refused(gantlet("cite", run), "format 99", "newer Gantlet")
