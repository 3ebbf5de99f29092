"""The names that `import gantlet` offers stay what they are, whatever else is imported."""

import inspect

import pytest

import gantlet
from gantlet.errors import UsageError
from gantlet.run import train


def test_train_can_be_called_again_whatever_was_imported_meanwhile():
    for _ in range(2):
        with pytest.raises(UsageError, match="unknown recipe 'nought'"):
            gantlet.train("digits", recipe="nought")
    assert gantlet.Callback.__module__ == "gantlet.training.callback"
    with pytest.raises(UsageError, match="unknown recipe 'nought'"):
        gantlet.train("digits", recipe="nought")


def test_every_public_name_is_there_and_unknown_ones_are_not():
    for name in gantlet.__all__:
        assert getattr(gantlet, name) is not None
    assert "callbacks" in inspect.signature(train).parameters
    with pytest.raises(AttributeError, match="no attribute 'trian'"):
        gantlet.trian  # noqa: B018
