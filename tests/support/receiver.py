"""A webhook's receiver on a real socket: keeps what came and when, answers with the codes it was given."""

import hashlib
import hmac
import json
import threading
import time
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

POLL_S = 0.005
WITHIN_S = 60.0
HANGS_S = 300.0


@dataclass(frozen=True)
class Mail:
    at: float
    headers: dict[str, str]
    data: bytes

    @property
    def body(self) -> dict[str, Any]:
        return dict(json.loads(self.data))

    def is_signed_with(self, secret: str) -> bool:
        sign = hmac.new(secret.encode(), self.data, hashlib.sha256).hexdigest()
        return self.headers["x-draftline-signature"] == f"sha256={sign}"


class Receiver:
    """`codes` are the first answers; 204 after them. `hangs` keeps every answer back until `stop`."""

    def __init__(self, *codes: int, hangs: bool = False) -> None:
        self.mail: list[Mail] = []
        self._codes, self._let_go = list(codes), threading.Event()
        if not hangs:
            self._let_go.set()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                data = self.rfile.read(int(self.headers["content-length"]))
                receiver.mail.append(Mail(time.monotonic(), {k.lower(): v for k, v in self.headers.items()}, data))
                receiver._let_go.wait(HANGS_S)
                self.send_response(receiver._codes.pop(0) if receiver._codes else 204)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/hook/of-somebody"

    def wait_for(self, count: int, within_s: float = WITHIN_S) -> list[Mail]:
        """The first `count` posts, or as many as came in time."""
        deadline = time.monotonic() + within_s
        while len(self.mail) < count and time.monotonic() < deadline:
            time.sleep(POLL_S)
        return self.mail[:count]

    def stop(self) -> None:
        self._let_go.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
