"""A subscriber of webhooks on loopback that takes what comes, or does not."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Reply = tuple[int, dict[str, str]]


class Receiver:
    """What was sent to it, and how it answers.

    Attributes:
        requests: headers and body of each request, in order.
        reply: makes status and headers of the next answer; told how many requests came.
    """

    def __init__(self) -> None:
        self.requests: list[tuple[dict[str, str], bytes]] = []
        self.reply: Callable[[int], Reply] = lambda number: (204, {})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"receiver": self}))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}/hook"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    @property
    def batches(self) -> list[list[dict[str, Any]]]:
        """The events of each request."""
        return [json.loads(body) for _, body in self.requests]

    @property
    def ids(self) -> list[str]:
        """The ids of all events, in the order in which they came."""
        return [event["id"] for batch in self.batches for event in batch]

    def close(self) -> None:
        """Stop."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    receiver: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.receiver.requests.append(({name.lower(): value for name, value in self.headers.items()}, body))
        status, headers = self.receiver.reply(len(self.receiver.requests))
        self.send_response(status)
        for name, value in {"Content-Length": "0", **headers}.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Write nothing."""


@contextmanager
def receiving() -> Iterator[Receiver]:
    """Serve a subscriber."""
    receiver = Receiver()
    try:
        yield receiver
    finally:
        receiver.close()
