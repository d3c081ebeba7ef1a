"""The sandbox in its own process: uvicorn on a socket of ours, with a handle to cut connections for real."""

import socket
from typing import Any

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from sandbox.app import create_app
from sandbox.options import SandboxOptions
from sandbox.state import write_atomically
from sandbox.wire import CONNECTION_EXTENSION

BACKLOG = 512
KEEP_ALIVE_S = 30


class CuttableProtocol(H11Protocol):
    """uvicorn's HTTP/1.1, whose requests carry their connection, so that a response can close it mid-air."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        inner: ASGIApp = self.app

        async def with_connection(scope: Scope, receive: Receive, send: Send) -> None:
            scope["extensions"] = {**scope.get("extensions", {}), CONNECTION_EXTENSION: self.transport}
            await inner(scope, receive, send)

        self.app = with_connection


def run(options: SandboxOptions) -> None:
    """Serves until SIGINT or SIGTERM. Says `sandbox ready http://HOST:PORT` once the socket listens."""
    app = create_app(options)
    listener = _listen(options)
    address = f"http://{_shown_host(options.host)}:{listener.getsockname()[1]}"
    server = _AnnouncingServer(_config(app), address, options)
    server.run(sockets=[listener])


class _AnnouncingServer(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, address: str, options: SandboxOptions) -> None:
        super().__init__(config)
        self._address, self._options = address, options

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self._options.ready_file:
            write_atomically(self._options.ready_file, self._address.encode())
        print(f"sandbox ready {self._address}", flush=True)


def _config(app: ASGIApp) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=CuttableProtocol,
        ws="none",
        log_level="warning",
        access_log=False,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=2,
    )


def _listen(options: SandboxOptions) -> socket.socket:
    family = socket.AF_INET6 if ":" in options.host else socket.AF_INET
    # asyncio sets TCP_NODELAY only where the protocol is named; without it each answer waits 40 ms for an ACK.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((options.host, options.port))
    except OSError as error:
        listener.close()
        raise OSError(f"{options.host} port {options.port}: {error.strerror or error}") from error
    listener.listen(BACKLOG)
    return listener


def _shown_host(host: str) -> str:
    """An address that a client on this machine can call."""
    shown = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - compared, not bound
    return f"[{shown}]" if ":" in shown else shown
