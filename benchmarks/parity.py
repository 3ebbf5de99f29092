"""Ranks, micro-batches and numbers of samples: what must not change a result, and by how much.

    python -m benchmarks.parity --write

Every recipe is played on its `.tiny()` networks: 20 passes in float64 as a whole, in four
micro-batches, and by two gloo processes at the same global batch; then the first step's gradients
in float32. Last, the first 10 of 100 samples against 10 samples of the same seed.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import torch

from benchmarks.common import Page, parser
from gantlet.recipes import RECIPES
from gantlet.training.snapshot import generate, make_ready
from tests.training.parts import PASSES, apart, first_gradients, gap, played_by_two
from tests.training.small import played, trainer

_PARTS = "train.micro_batches=4"


def _first_ten(folder: Path, recipe: str) -> str:
    """Whether the first 10 of 100 samples are the 10, bit for bit, after a few passes."""
    one = trainer(folder, recipe)
    played(one, 2)
    make_ready(one.game, one.averaged, one.spec, one.machine)
    ten, hundred = (
        generate(one.game, one.averaged, one.spec, one.machine, seed=0, count=count)
        for count in (10, 100)
    )
    return "equal" if np.array_equal(ten, hundred[:10]) else "differ"


def _row(folder: Path, ranks: Path, recipe: str) -> list[str]:
    whole = played(trainer(folder, recipe, precision="float64"), PASSES)
    parts = played(trainer(folder, recipe, _PARTS, precision="float64"), PASSES)
    first, first_parts = first_gradients(folder, recipe), first_gradients(folder, recipe, _PARTS)
    by_two = [torch.load(ranks / f"{recipe}-{rank}.pt") for rank in range(2)]
    first_by_two = [torch.load(ranks / f"{recipe}-{rank}-first.pt") for rank in range(2)]
    return [
        recipe,
        f"{gap(whole, parts):.1e}",
        f"{max(gap(whole, theirs) for theirs in by_two):.1e}",
        f"{apart(first, first_parts):.1e}",
        f"{max(apart(first, theirs) for theirs in first_by_two):.1e}",
        _first_ten(folder, recipe),
    ]


def main() -> None:
    options = parser(__doc__).parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        ranks = Path(folder) / "ranks"
        ranks.mkdir()
        played_by_two(ranks)
        rows = [_row(Path(folder) / recipe, ranks, recipe) for recipe in RECIPES]
    Page(
        name="parity",
        title="In parts and in one",
        text=(
            "The same run in one batch, in four micro-batches, and by two processes (gloo), at an "
            f"equal global batch. Relative differences in float64 after {PASSES} passes, the "
            "largest over players and their averages (Euclidean norm of all weights; target "
            "1e-9), and of all gradients of the first step in float32 (target 1e-5). Last column: "
            "the first 10 of 100 samples against 10 samples of the same seed, bit for bit."
        ),
        command="python -m benchmarks.parity --write",
        n=f"{len(rows)} recipes, one run each",
        columns=[
            "recipe",
            "4 micro-batches, float64",
            "2 processes, float64",
            "4 micro-batches, first gradients",
            "2 processes, first gradients",
            "first 10 of 100",
        ],
        rows=rows,
    ).publish(options.write)


if __name__ == "__main__":
    main()
