"""Evidence on a run: what its samples are compared with, the numbers, the verdict."""

from gantlet.evaluation.comparison import compare
from gantlet.evaluation.evaluated import Evaluated, evaluate, kept_evidence

__all__ = ["Evaluated", "compare", "evaluate", "kept_evidence"]
