"""The sandbox that cannot have its port says which one, and ends with draftline's code for a service that failed."""

import socket

import pytest

from draftline.main import EXIT_FAULT
from sandbox.__main__ import main


def test_a_port_that_is_taken_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert main(["--port", str(port)]) == EXIT_FAULT
    assert capsys.readouterr().err == f"sandbox: 127.0.0.1 port {port}: Address already in use\n"
