"""SPARQL endpoints on loopback that are asked by SERVICE: right ones, and such that misbehave by switch."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pyoxigraph as ox

RESULTS = "application/sparql-results+json"
Reply = tuple[int, dict[str, str], bytes]


class Endpoint:
    """A SPARQL endpoint over a store in memory.

    Attributes:
        url: its address.
        store: its data.
        asked: the queries that came.
        reply: makes another answer of a query, or None for the right one.
        headers: more headers of the right answer.
        pause_s: how long it thinks.
    """

    def __init__(self, turtle: str = "") -> None:
        self.store = ox.Store()
        self.store.load(turtle, format=ox.RdfFormat.TRIG)
        self.asked: list[str] = []
        self.reply: Callable[[str], Reply | None] = lambda query: None
        self.headers: dict[str, str] = {}
        self.pause_s = 0.0
        self.released = threading.Event()
        self._server = _Server(("127.0.0.1", 0), type("Handler", (_Handler,), {"endpoint": self}))
        self.port = self._server.server_port
        self.url = f"http://127.0.0.1:{self.port}/sparql"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    def close(self) -> None:
        """Stop, also what is being thought about."""
        self.released.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def answer(self, query: str) -> Reply:
        """Return what is sent for a query."""
        self.asked.append(query)
        if self.pause_s:
            self.released.wait(self.pause_s)
        if (reply := self.reply(query)) is not None:
            return reply
        try:
            body = self.store.query(query).serialize(format=ox.QueryResultsFormat.JSON)
        except (SyntaxError, OSError) as error:
            return 400, {"Content-Type": "text/plain"}, str(error).encode()
        return 200, {"Content-Type": RESULTS, **self.headers}, body

    def says(self, names: list[str], *rows: dict[str, Any]) -> None:
        """Let it answer these bindings from now on, whatever was asked."""
        document = {"head": {"vars": names}, "results": {"bindings": list(rows)}}
        self.replies(200, json.dumps(document).encode(), RESULTS)

    def replies(self, status: int, body: bytes, kind: str = "text/plain", **headers: str) -> None:
        """Let it answer this from now on."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.reply = lambda query: (status, {"Content-Type": kind, **named}, body)


class _Server(ThreadingHTTPServer):
    def handle_error(self, *_: Any) -> None:
        """Write nothing: callers leave in mid-answer on purpose."""


class _Handler(BaseHTTPRequestHandler):
    endpoint: Endpoint
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        is_form = "urlencoded" in self.headers.get("Content-Type", "")
        self._send(parse_qs(body)["query"][0] if is_form else body)

    def do_GET(self) -> None:
        self._send(parse_qs(urlsplit(self.path).query).get("query", [""])[0])

    def _send(self, query: str) -> None:
        status, headers, body = self.endpoint.answer(query)
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Write nothing."""


@contextmanager
def endpoints(*data: str) -> Iterator[list[Endpoint]]:
    """Serve endpoints with some data in TriG each."""
    served = [Endpoint(turtle) for turtle in data]
    try:
        yield served
    finally:
        for endpoint in served:
            endpoint.close()


def wait_for(done: Callable[[], bool]) -> None:
    """Wait until something has come about."""
    ends_at = time.monotonic() + 20
    while not done():
        assert time.monotonic() < ends_at
        time.sleep(0.005)
