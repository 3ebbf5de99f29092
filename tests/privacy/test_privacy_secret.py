"""The secret: drawn once, kept from others, and behind every seed."""

import stat

import pytest

from gantlet.errors import UsageError
from gantlet.privacy.secret import secret_file, secret_seed


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return tmp_path / "gantlet" / "secret"


def test_it_is_drawn_once_and_only_its_owner_can_read_it(place):
    seed = secret_seed("a", {"b": 1})
    assert secret_file() == place
    assert stat.S_IMODE(place.stat().st_mode) == 0o600
    assert len(place.read_bytes()) == 32
    assert [p.name for p in place.parent.iterdir()] == ["secret"]
    assert secret_seed("a", {"b": 1}) == seed
    assert secret_seed("a", {"b": 2}) != seed
    assert 0 <= seed < 2**63


def test_another_secret_gives_other_seeds(place):
    seed = secret_seed("a")
    place.unlink()
    assert secret_seed("a") != seed


def test_one_that_others_can_read_or_that_is_damaged_is_refused(place):
    secret_seed("a")
    place.chmod(0o644)
    with pytest.raises(UsageError, match=r"only you can read.*mode 644"):
        secret_seed("a")
    place.chmod(0o600)
    place.write_bytes(b"short")
    with pytest.raises(UsageError, match="5 bytes"):
        secret_seed("a")


def test_a_place_that_cannot_be_written_is_told(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    with pytest.raises(UsageError, match=r"the secret of private trainings.*XDG_STATE_HOME"):
        secret_seed("a")
