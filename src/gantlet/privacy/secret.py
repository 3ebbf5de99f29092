"""The secret that noise and the choice of rows are drawn from: whoever knows it can undo both."""

from __future__ import annotations

import hashlib
import json
import os
import stat
from pathlib import Path
from typing import Any

from gantlet.errors import UsageError

__all__ = ["secret_file", "secret_seed"]

_BYTES = 32


def secret_file() -> Path:
    """Where the secret of this account lies: `$XDG_STATE_HOME/gantlet/secret`.

    Without that variable it is `~/.local/state/gantlet/secret`.
    """
    home = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state")
    return home / "gantlet" / "secret"


def secret_seed(*about: Any) -> int:
    """A 63-bit seed for what `about` describes: BLAKE2b (RFC 7693) with the secret as its key.

    The same secret and description give the same seed, so that a run goes on exactly and a run
    that is repeated draws the same noise, which reveals nothing new. Any other description gives
    noise that is independent of it to all who do not know the secret: no two runs share noise
    which their difference would lack.

    Arguments:
        about: plain values that tell data and all settings.

    Raises UsageError where the secret cannot be read or kept.
    """
    text = json.dumps(about, sort_keys=True, default=str)
    digest = hashlib.blake2b(text.encode(), digest_size=8, key=_secret())
    return int.from_bytes(digest.digest(), "little") >> 1


def _secret() -> bytes:
    """The bytes of the secret, drawn from the system's generator when they are first needed."""
    path = secret_file()
    try:
        if not path.exists():
            _draw(path)
        held, mode = path.read_bytes(), path.stat().st_mode
    except OSError as error:
        raise UsageError(
            f"the secret of private trainings, {path}: {error.strerror}",
            remedy="Make that folder readable and writable, or set XDG_STATE_HOME to one that is.",
        ) from None
    if len(held) != _BYTES or mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise UsageError(
            f"the secret of private trainings, {path}",
            expected=f"{_BYTES} bytes that only you can read",
            received=f"{len(held)} bytes, mode {stat.S_IMODE(mode):o}",
            remedy="chmod 600 it; if others have read it or it is damaged, delete it: the next "
            "private training draws another, and those that have begun cannot go on.",
        )
    return held


def _draw(path: Path) -> None:
    """Write a new secret; of two processes that do so at once, the first wins."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f"secret.{os.getpid()}")
    draft.touch(mode=0o600)
    draft.write_bytes(os.urandom(_BYTES))
    try:
        path.hardlink_to(draft)
    except FileExistsError:
        return
    finally:
        draft.unlink()
