"""What is told of a page's address."""

import socket

import pytest

from gantlet.serving import invite


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_other_machines_are_told_an_address_where_they_may_come(host, capsys):
    invite("http://127.0.0.1:7861", host, browser=False)
    assert f"http://{socket.gethostname()}:7861" in capsys.readouterr().err


def test_nothing_is_told_of_a_page_for_this_machine_alone(capsys):
    invite("http://127.0.0.1:7861", "127.0.0.1", browser=False)
    assert capsys.readouterr().err == ""
