"""A page of HTML taken apart, and evidence and pictures to make one of."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser

import numpy as np

from gantlet.metrics.estimate import Estimate
from gantlet.metrics.evidence import Evidence, Number, Pair
from gantlet.report import Pictures
from gantlet.spec import DataSpec

VOID = {"meta", "link", "img", "br", "input"}
DIGITS = DataSpec(
    kind="image", shape=(1, 8, 8), high=16, classes=tuple("0123456789"), frequencies=(0.1,) * 10
)


@dataclass
class Element:
    """A tag with its attributes, the text inside of it, and the elements inside of it."""

    tag: str
    attributes: dict[str, str]
    children: list[Element] = field(default_factory=list)
    parts: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        return " ".join("".join(self.parts).split())

    def all(self, tag: str) -> list[Element]:
        """Elements of a tag below this one, in order."""
        found = []
        for child in self.children:
            found += [child] if child.tag == tag else []
            found += child.all(tag)
        return found

    def everything(self) -> list[Element]:
        return [e for child in self.children for e in (child, *child.everything())]


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.root = Element("", {})
        self.open = [self.root]

    def handle_starttag(self, tag, attrs):
        element = Element(tag, {name: value or "" for name, value in attrs})
        assert len(element.attributes) == len(attrs), f"{tag} has an attribute twice"
        self.open[-1].children.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open.pop().tag == tag, f"</{tag}> closes nothing"

    def handle_data(self, data):
        for element in self.open:
            element.parts.append(data)


def read(page: str) -> Element:
    """The page as a tree; every element that is opened is closed."""
    reader = _Reader()
    reader.feed(page)
    reader.close()
    assert reader.open == [reader.root]
    return reader.root


def section(root: Element, name: str) -> Element:
    """One of the page's sections."""
    (found,) = [e for e in root.all("section") if e.attributes["aria-labelledby"] == name]
    return found


def number(name="frechet", question="fidelity", value=(41.27, 39.4, 43.2), **others) -> Number:
    fields = {
        "title": name.capitalize(),
        "n_real": 1_812,
        "n_fake": 10_000,
        "extractor": "embedded 3f2a91c0 (1x8x8, 0..16 to [-1, 1])",
        "better": "lower",
        "floor": Estimate(9.312, 8.2, 10.4, "jackknife of reals"),
        "verdict": "4.43 times the floor",
        "source": "https://arxiv.org/abs/1706.08500",
    }
    estimate = Estimate(*value, "jackknife of samples")
    return Number(name=name, question=question, value=estimate, **{**fields, **others})


def evidence(**others) -> Evidence:
    """Two numbers on fidelity, one on coverage, one on copying; none on usefulness."""
    fields = {
        "verdict": "Samples look partly real; they miss part of the data.",
        "numbers": [
            number(),
            number("score", value=(6.934, 6.71, 7.16), better="higher", floor=None, verdict=""),
            number(
                "recall",
                "coverage",
                (0.402, 0.361, 0.444),
                better="higher",
                floor=Estimate(0.918, 0.89, 0.94, "Wilson"),
                verdict="44 % of real data's",
                source="https://arxiv.org/abs/1904.06991",
            ),
            number("authenticity", "copying", (8.0, 7.0, 9.5), n_fake=77, verdict="as real data"),
        ],
        "pairs": [Pair(fake=3, real=1261, distance=1.234, ratio=0.512)],
        "classes": [
            {"name": str(k), "share": 0.1, "made": 0.02 * k, "accuracy": 0.9} for k in range(10)
        ],
        "notes": ["Usefulness was left out: too few samples."],
        "about": {"seed": 7, "versions": {"torch": "2.99"}},
    }
    return Evidence(**{**fields, **others})


def pictures(spec=DIGITS, **others) -> Pictures:
    """Random values as 40 samples, a pair and two strips."""
    random = np.random.default_rng(0)

    def values(*shape):
        return random.integers(0, int(spec.high) + 1, (*shape, *spec.shape)).astype(np.uint8)

    fields = {
        "samples": values(40),
        "labels": list(range(10)) * 4 if spec.classes else None,
        "real": values(5),
        "pairs": [(values(), values())],
        "interpolation": values(2, 9),
    }
    return Pictures(spec=spec, **{**fields, **others})
