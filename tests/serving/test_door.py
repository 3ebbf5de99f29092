"""Where pages listen."""

import socket

import pytest

from gantlet.errors import UsageError
from gantlet.serving.door import PORT, listening


def test_without_a_port_another_one_is_taken():
    with listening("127.0.0.1", None) as first, listening("127.0.0.1", None) as second:
        ports = {door.getsockname()[1] for door in (first, second)}
    assert len(ports) == 2
    assert ports != {PORT}


def test_a_port_that_is_taken_is_told_and_0_is_any():
    with listening("127.0.0.1", 0) as door:
        port = door.getsockname()[1]
        with pytest.raises(UsageError, match=rf"127\.0\.0\.1:{port}.*--port"):
            listening("127.0.0.1", port)
    with pytest.raises(UsageError, match="port: expected 0 to 65535"):
        listening("127.0.0.1", 99999)
    with listening("127.0.0.1", port) as again:
        assert again.family == socket.AF_INET
