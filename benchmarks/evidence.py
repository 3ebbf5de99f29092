"""Time of all numbers of an evaluation on 10,000 against 10,000 MNIST images.

    python -m benchmarks.evidence --write

Real images stand for generated ones: what an image shows costs no time. The embedded extractor is
trained beforehand; features are made anew. Usefulness, which trains classifiers, is left out.
"""

from __future__ import annotations

import time

import numpy as np
import torch

from benchmarks.common import Page, mnist, parser
from gantlet.data import open_data
from gantlet.evaluation.copies import score_copying
from gantlet.evaluation.looks import score_classes, score_coverage, score_fidelity
from gantlet.evaluation.scoring import Scorer, Side, Sides
from gantlet.metrics.extractors import embedded
from gantlet.processors import granted_threads

_N, _TRAIN = 10_000, 30_000
_TARGET = 60.0


def main() -> None:
    options = parser(__doc__).parse_args()
    torch.set_num_threads(granted_threads())
    dataset = open_data(mnist())
    order = np.random.default_rng(0).permutation(len(dataset))
    train, rest = order[:_TRAIN], order[_TRAIN:]
    clock: list[tuple[str, float, float]] = []

    def timed(name: str, wall: float, cpu: float) -> None:
        clock.append((name, time.perf_counter() - wall, time.process_time() - cpu))

    began = time.perf_counter(), time.process_time()
    judge = embedded(dataset, train)
    timed("training the extractor (before)", *began)

    def side(index: np.ndarray) -> Side:
        x, y = np.asarray(dataset.raw[index]), dataset.y[index]
        answers = judge.answers(x)
        return Side(x, y, answers.features, answers.logits)

    began = time.perf_counter(), time.process_time()
    sides = Sides(
        fake=side(rest[:_N]),
        train=side(train),
        reference=side(rest[_N : 2 * _N]),
        floor=side(rest[2 * _N : 3 * _N]),
    )
    timed("features", *began)
    scorer = Scorer(sides, judge.describe())
    for name, score in (
        ("fidelity", lambda: score_fidelity(scorer)),
        ("coverage", lambda: score_coverage(scorer, dataset.spec)),
        ("classes", lambda: score_classes(scorer, dataset.spec)),
        ("copying", lambda: score_copying(scorer)),
    ):
        began = time.perf_counter(), time.process_time()
        score()
        timed(name, *began)
    rows = [[name, f"{wall:.1f}", f"{cpu:.1f}"] for name, wall, cpu in clock]
    wall, cpu = (sum(row[i] for row in clock[1:]) for i in (1, 2))
    rows.append(["all but the first", f"{wall:.1f}", f"{cpu:.1f}"])
    Page(
        name="evidence",
        title="Evidence in a minute",
        text=(
            f"All {len(scorer.numbers)} numbers, each also for the floor, on {_N:,} images "
            f"against {_N:,} of MNIST, copying against {_TRAIN:,} training images; usefulness "
            f"aside. Target: {_TARGET:.0f} s on two cores with the extractor trained."
        ),
        command="python -m benchmarks.evidence --write",
        n="one run",
        columns=["part", "seconds", "processor seconds"],
        rows=rows,
    ).publish(options.write)


if __name__ == "__main__":
    main()
