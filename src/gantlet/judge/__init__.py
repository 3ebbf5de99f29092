"""The human evaluation: people say of one image after the other whether it is real.

Source: Zhou et al. (2019), HYPE: A Benchmark for Human eYe Perceptual Evaluation of Generative
Models, https://arxiv.org/abs/1904.01121
"""

from __future__ import annotations

from gantlet.judge.answers import Answer, Answers
from gantlet.judge.items import Item, Panel, order, panel
from gantlet.judge.results import Results, Score, results, scored

__all__ = [
    "Answer",
    "Answers",
    "Item",
    "Panel",
    "Results",
    "Score",
    "order",
    "panel",
    "results",
    "scored",
]
