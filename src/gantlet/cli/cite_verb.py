"""`gantlet cite`."""

from __future__ import annotations

from gantlet.cli.words import RunFolder

__all__ = ["cite_"]


def cite_(run: RunFolder, /) -> None:
    """Print the BibTeX of the papers behind a run.

    These are the recipe's, the networks', the objective's and the penalties', those of the
    numbers that an evaluation has measured, and Gantlet's own entry.

    Parameters
    ----------
    run
        Folder of a run or of a bundle.
    """
    from gantlet.evaluation import kept_evidence
    from gantlet.report.citations import citations

    entries = [
        f"% {', '.join(citation.parts)}\n{citation.reference.bibtex}"
        for citation in citations(run, kept_evidence(run))
    ]
    print("\n\n".join(entries))
