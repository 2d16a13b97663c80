"""The polite session against a loopback server that misbehaves."""

from __future__ import annotations

import gzip
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from harvesters import http as polite
from harvesters.contract import SourceError
from harvesters.http import Manners, PoliteSession

Answer = Callable[[BaseHTTPRequestHandler], None]


class Server:
    """A loopback server that answers by a queue, then by its last answer."""

    def __init__(self) -> None:
        self.answers: list[Answer] = []
        self.asked: list[tuple[str, str, dict[str, str], bytes]] = []
        self.url = ""


def reply(status: int = 200, body: bytes = b"ok", **headers: str) -> Answer:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in {"Content_Length": str(len(body)), "Connection": "close", **headers}.items():
            if value:
                handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(body)

    return answer


def reset(handler: BaseHTTPRequestHandler) -> None:
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.connection.close()


def drip(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", "100000")
    handler.end_headers()
    for _ in range(100):
        handler.wfile.write(b"x")
        time.sleep(0.02)


@pytest.fixture
def server() -> Iterator[Server]:
    served = Server()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            served.asked.append((self.command, self.path, dict(self.headers), body))
            self.close_connection = True
            answer = served.answers.pop(0) if len(served.answers) > 1 else served.answers[0]
            try:
                answer(self)
            except OSError:
                return

        def do_POST(self) -> None:
            self.do_GET()

        def finish(self) -> None:
            try:
                super().finish()
            except (OSError, ValueError):
                return

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        served.url = f"http://127.0.0.1:{listening.server_port}/x"
        thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield served
        listening.shutdown()
        thread.join()


@pytest.fixture
def waits() -> list[float]:
    return []


def session(waits: list[float], **manners: Any) -> PoliteSession:
    return PoliteSession(Manners(**{"interval_s": 0, "retries": 2, **manners}), sleep=waits.append)


def test_body_and_name(server: Server, waits: list[float]) -> None:
    server.answers = [reply()]
    with session(waits, contact="https://example.org/operator") as http:
        assert http.get(server.url, headers={"Accept": "text/x"}) == b"ok"
        assert http.post(server.url, b"question") == b"ok"
    (_, _, headers, _), (method, _, _, body) = server.asked
    assert headers["User-Agent"].startswith("bioimage-hub/")
    assert headers["User-Agent"].endswith("(+https://example.org/operator)")
    assert (headers["Accept"], method, body, waits) == ("text/x", "POST", b"question", [])


@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_seconds(server: Server, waits: list[float], status: int) -> None:
    server.answers = [reply(status, Retry_After="7"), reply()]
    with session(waits) as http:
        assert http.get(server.url) == b"ok"
    assert waits == [7]


def test_retry_after_date(server: Server, waits: list[float]) -> None:
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)
    server.answers = [reply(503, Retry_After=later), reply(503, Retry_After="Wed, 21 Oct 2015 07:28:00 GMT"), reply()]
    with session(waits) as http:
        assert http.get(server.url) == b"ok"
    assert waits == [pytest.approx(60, abs=3), 0]


def test_retry_after_is_bounded(server: Server, waits: list[float]) -> None:
    server.answers = [reply(503, Retry_After="9" * 30), reply(503, Retry_After="9" * 400), reply()]
    with session(waits, max_wait_s=11) as http:
        assert http.get(server.url) == b"ok"
    assert waits == [11, 11]


@pytest.mark.parametrize("value", ["soon", "", "-5", "²", "1.5", "Wed, 99 Oct 99999 07:28:00 GMT", "0"])
def test_nonsense_retry_after_is_a_short_pause(value: str) -> None:
    assert polite._retry_after_s(value) in (0, 1)


def test_pauses_grow_and_retries_are_bounded(server: Server, waits: list[float]) -> None:
    server.answers = [reply(500)]
    with session(waits, retries=4) as http, pytest.raises(SourceError, match="status 500") as failed:
        http.get(server.url)
    assert (len(server.asked), failed.value.status) == (5, 500)
    assert all(2**n / 2 <= wait <= 2**n for n, wait in enumerate(waits))
    assert len(waits) == 4


@pytest.mark.parametrize("status", [201, 204, 304, 400, 401, 403, 404, 410, 501])
def test_other_statuses_are_not_retried(server: Server, waits: list[float], status: int) -> None:
    server.answers = [reply(status, b"")]
    with session(waits) as http, pytest.raises(SourceError) as failed:
        http.get(server.url)
    assert (failed.value.status, len(server.asked), waits) == (status, 1, [])


def test_reset_is_retried(server: Server, waits: list[float]) -> None:
    server.answers = [reset, reset, reply()]
    with session(waits) as http:
        assert http.get(server.url) == b"ok"
    server.answers = [reset]
    with session(waits) as http, pytest.raises(SourceError) as failed:
        http.get(server.url)
    assert failed.value.status is None


@pytest.mark.parametrize("headers", [{"Content_Length": "10"}, {"Content_Length": "90", "Content_Encoding": "gzip"}])
def test_truncated_body_is_never_a_short_answer(server: Server, waits: list[float], headers: dict[str, str]) -> None:
    body = gzip.compress(b"ok") if len(headers) > 1 else b"ok"
    server.answers = [reply(body=body, **headers), reply()]
    with session(waits) as http:
        assert http.get(server.url) == b"ok"
    assert len(server.asked) == 2
    server.answers = [reply(body=body, **headers)]
    with session(waits) as http, pytest.raises(SourceError):
        http.get(server.url)


def test_truncated_chunks_are_never_a_short_answer(server: Server, waits: list[float]) -> None:
    def chunked(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        handler.wfile.write(b"2\r\nok\r\n")

    server.answers = [chunked]
    with session(waits) as http, pytest.raises(SourceError):
        http.get(server.url)

    def whole(handler: BaseHTTPRequestHandler) -> None:
        chunked(handler)
        handler.wfile.write(b"3\r\nay!\r\n0\r\n\r\n")

    server.answers = [whole]
    with session(waits) as http:
        assert http.get(server.url) == b"okay!"


def test_slow_drip_ends_at_the_deadline(server: Server, waits: list[float]) -> None:
    server.answers = [drip]
    started = time.monotonic()
    with session(waits, deadline_s=0.15) as http, pytest.raises(SourceError, match=r"longer than 0\.15 s"):
        http.get(server.url)
    assert time.monotonic() - started < 1
    assert len(server.asked) == 1


def test_silence_ends_at_the_timeout(server: Server, waits: list[float]) -> None:
    server.answers = [lambda _: time.sleep(0.5)]
    with session(waits, timeout_s=0.1, retries=1) as http, pytest.raises(SourceError, match="Timeout"):
        http.get(server.url)
    assert len(server.asked) == 2


@pytest.mark.parametrize("length", ["1000001", ""])
def test_oversize_body(server: Server, waits: list[float], length: str) -> None:
    server.answers = [reply(body=b"x" * 1_000_001, Content_Length=length)]
    with session(waits, max_bytes=1_000_000) as http, pytest.raises(SourceError, match="longer than 1000000 bytes"):
        http.get(server.url)
    assert len(server.asked) == 1


def test_size_counts_after_decompression(server: Server, waits: list[float]) -> None:
    bomb = gzip.compress(bytes(50_000_000))
    server.answers = [reply(body=bomb, Content_Encoding="gzip")]
    with session(waits, max_bytes=1_000_000) as http, pytest.raises(SourceError, match="longer than"):
        http.get(server.url)
    with session(waits) as http:
        assert len(http.get(server.url)) == 50_000_000


def test_damaged_compression(server: Server, waits: list[float]) -> None:
    server.answers = [reply(body=b"no gzip", Content_Encoding="gzip")]
    with session(waits) as http, pytest.raises(SourceError):
        http.get(server.url)


def test_redirects(server: Server, waits: list[float]) -> None:
    server.answers = [reply(302, Location="/y"), reply(body=b"moved")]
    with session(waits) as http:
        assert http.get(server.url) == b"moved"
    assert [path for _, path, *_ in server.asked] == ["/x", "/y"]


@pytest.mark.parametrize(
    "location", ["/x", "file:///etc/passwd", "gopher://x", "http://[", "http://a..b/", "http:///x"]
)
def test_redirects_that_lead_nowhere(server: Server, waits: list[float], location: str) -> None:
    server.answers = [reply(301, Location=location)]
    with session(waits, retries=0) as http, pytest.raises(SourceError):
        http.get(server.url)


@pytest.mark.parametrize("url", ["", "x", "http://", "http://[", "ftp://example.org/", "http://\x00/"])
def test_addresses_that_are_none(url: str, waits: list[float]) -> None:
    with session(waits, retries=0) as http, pytest.raises(SourceError):
        http.get(url)


def test_pace_is_kept_per_host(server: Server, waits: list[float]) -> None:
    server.answers = [reply()]
    other = server.url.replace("127.0.0.1", "localhost")
    with session(waits, interval_s=5) as http:
        http.get(server.url)
        http.get(other)
        assert waits == []
        http.get(server.url)
    assert waits == [pytest.approx(5, abs=0.5)]


def test_tls_is_verified(waits: list[float]) -> None:
    with session(waits) as http:
        assert http._session.verify is True
    with session(waits, ca_bundle="/etc/ca.pem") as http:
        assert http._session.verify == "/etc/ca.pem"


def test_once(waits: list[float]) -> None:
    made: list[int] = []
    http = session(waits)
    first = http.once("a", lambda: made.append(1) or object())
    assert http.once("a", object) is first
    http.close()
    assert http.once("a", object) is not first
    assert made == [1]
