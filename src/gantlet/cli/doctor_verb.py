"""`gantlet doctor`."""

from __future__ import annotations

__all__ = ["doctor_"]


def doctor_(data: str = "digits", *settings: str) -> None:
    """Say what data are, what is wrong with them, which recipe suits and how long it takes.

    Parameters
    ----------
    data
        As for `gantlet train`.
    settings
        Settings to apply, as key=value.
    """
    from gantlet.cli.checkup import checkup

    for line in checkup(data, settings):
        print(line)
