"""What the page does, without the page: who is asked what, and what becomes of an answer."""

from __future__ import annotations

import json
import math
import time
import unicodedata
from dataclasses import asdict, dataclass

from gantlet.judge.answers import Answers
from gantlet.judge.items import Item, Panel, order
from gantlet.judge.results import POOLED, Score, scored

__all__ = ["EARLY", "LONGEST_NAME", "Judging", "Ticket", "named"]

LONGEST_NAME = 60
"""Characters of a rater's name."""
EARLY = "That came before the image, so it was not counted."
_OTHER = "This page was of other images, so that answer was not counted."
_AGAIN = "You had answered that image before: the first answer counts."


def named(text: str) -> str:
    """A rater's name without needless spaces, signs that nobody sees, or what UTF-8 cannot hold.

    "" for none, and for that of all raters together.
    """
    plain = unicodedata.normalize("NFC", text.encode(errors="ignore").decode())
    seen = "".join(sign for sign in " ".join(plain.split()) if _is_seen(sign))
    name = " ".join(seen.split())[:LONGEST_NAME].strip()
    return "" if name.casefold() == POOLED else name


def _is_seen(sign: str) -> bool:
    """Whether it is neither a control of terminals nor one of the direction of text."""
    return unicodedata.category(sign) not in ("Cc", "Cf")


@dataclass(frozen=True)
class Ticket:
    """What an answer needs. It travels with the page, so that it counts after a restart, too."""

    rater: str
    item: str
    panel: str
    since: float
    """Seconds of the clock when the image came into view."""

    def __str__(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def read(cls, text: str) -> Ticket | None:
        """The ticket of a text; None where it is none."""
        try:
            values = json.loads(text)
            rater, item, panel = (str(values[name]) for name in ("rater", "item", "panel"))
            since = float(values["since"])
        except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
            return None
        return cls(named(rater), item, panel, since) if math.isfinite(since) else None


@dataclass(frozen=True)
class Judging:
    """Images and answers. All that it tells is a function of what is on disk."""

    panel: Panel
    answers: Answers

    def begin(self) -> None:
        """Record what is judged, where that is not done yet."""
        told = self.panel
        self.answers.open_panel(
            told.key,
            told.about,
            weights=told.weights,
            seed=told.seed,
            n=len(told.items),
            seconds=told.seconds,
        )

    def next(self, rater: str) -> tuple[Item | None, int]:
        """The first image that a rater has not answered (None at the end), and how many were."""
        done = self.answers.answered(self.panel.key, rater)
        left = [name for name in order(self.panel, rater) if name not in done]
        return (self.panel.by_name[left[0]] if left else None), len(done)

    def ticket(self, rater: str, item: Item, pause: float = 0.0) -> Ticket:
        """For the answer to an image that comes into view after a pause in seconds."""
        return Ticket(rater, item.name, self.panel.key, time.time() + pause)

    def take(self, ticket: Ticket, said_generated: bool) -> str:
        """Store an answer; a sentence for the rater, empty where there is nothing to say.

        A page of another panel, one that was left open and answered twice, or an answer before the
        image is in view changes nothing.
        """
        item = self.panel.by_name.get(ticket.item)
        if ticket.panel != self.panel.key or item is None or not ticket.rater:
            return _OTHER
        seconds = time.time() - ticket.since
        if seconds < 0:
            return EARLY
        self.begin()  # the file may have been moved away meanwhile
        new = self.answers.add(
            ticket.panel, ticket.rater, item.name, item.generated, said_generated, seconds
        )
        return "" if new else _AGAIN

    def scores(self, rater: str) -> tuple[Score, Score] | None:
        """The rater's score and that of all raters; None before the first answer."""
        every = [a for a in self.answers.all()[0] if a.panel == self.panel.key]
        own = [a for a in every if a.rater == rater]
        return (scored(rater, own), scored(POOLED, every)) if own else None
