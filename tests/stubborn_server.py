"""A loopback HTTP server whose transport fails by switch; it speaks in bytes, so that it can break every rule.

    with StubbornServer() as server:
        server.put("/list", b"[]", ETag='"1"')
        server.fail("reset", times=2)              # or path="/list"; or for good, without times
        http.get(server.url + "/list")
        assert [asked.path for asked in server.asked] == ["/list"] * 3

A document with an ETag or Last-Modified is answered conditionally, and in parts where it says ``Accept-Ranges``.
`FAULTS` lists the switches.
"""

from __future__ import annotations

import contextlib
import gzip
import socket
import ssl
import struct
import subprocess
import threading
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from email.utils import formatdate
from pathlib import Path
from typing import Any

REASONS = {200: "OK", 206: "Partial Content", 302: "Found", 304: "Not Modified", 404: "Not Found"}
PAUSE_S = 0.02


@dataclass(frozen=True)
class Asked:
    """One request; names of headers are in lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Document:
    """What stands at a path."""

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


class Wire:
    """The server's end of one connection."""

    def __init__(self, sock: socket.socket, stopping: threading.Event) -> None:
        self.sock = sock
        self.stopping = stopping
        self.buffer = b""

    def send(self, data: bytes) -> None:
        self.sock.sendall(data)

    def drip(self, data: bytes, pause_s: float = PAUSE_S) -> None:
        """Send one byte at a time."""
        for place in range(len(data)):
            self.send(data[place : place + 1])
            self.rest(pause_s)

    def flood(self, data: bytes) -> None:
        """Send the same for as long as it is taken."""
        while not self.stopping.is_set():
            self.send(data)

    def rest(self, seconds: float) -> None:
        """Do nothing; end the connection when the server stops."""
        if self.stopping.wait(seconds):
            raise ConnectionAbortedError

    def reset(self) -> None:
        """End with RST."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        raise ConnectionAbortedError

    def read(self) -> Asked | None:
        """Return the next request; None when the client has closed."""
        head = self._until(b"\r\n\r\n")
        if head is None:
            return None
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        size = int(headers.get("content-length", 0))
        while len(self.buffer) < size:
            self.buffer += self.sock.recv(65536) or self._gone()
        body, self.buffer = self.buffer[:size], self.buffer[size:]
        method, path, _ = first.split(" ")
        return Asked(method, path, headers, body)

    def _until(self, mark: bytes) -> bytes | None:
        while mark not in self.buffer:
            more = self.sock.recv(65536)
            if not more:
                return None
            self.buffer += more
        head, _, self.buffer = self.buffer.partition(mark)
        return head

    def _gone(self) -> bytes:
        raise ConnectionAbortedError


def head(status: int = 200, /, **headers: str) -> bytes:
    """Return a head; an underscore in a name is a hyphen, and a header without a value is left out.

    It says that the connection is closed, as it is after every fault.
    """
    said = {
        "Date": formatdate(usegmt=True),
        "Connection": "close",
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    lines = [f"HTTP/1.1 {status} {REASONS.get(status, 'Said')}", *(f"{n}: {v}" for n, v in said.items() if v)]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


CHUNKED = {"Transfer_Encoding": "chunked"}


def _cut(wire: Wire, body: bytes) -> None:
    wire.send(head(Content_Length=str(len(body) + 10)) + body)


def _half_reset(wire: Wire, body: bytes) -> None:
    wire.send(head(Content_Length=str(len(body))) + body[: len(body) // 2])
    wire.rest(PAUSE_S)
    wire.reset()


def _cut_gzip(wire: Wire, body: bytes) -> None:
    packed = gzip.compress(body)[:-6]
    wire.send(head(Content_Encoding="gzip", Content_Length=str(len(packed))) + packed)


def _bomb(wire: Wire, body: bytes) -> None:
    """10 GB of zeros, in 10 MB."""
    wire.send(head(Content_Encoding="gzip"))
    packing = zlib.compressobj(wbits=31)
    member = b"".join(packing.compress(bytes(1_000_000)) for _ in range(100)) + packing.flush()
    for _ in range(100):
        wire.send(member)


def _no_content_bomb(wire: Wire, body: bytes) -> None:
    wire.send(head(Content_Encoding="gzip"))
    wire.flood(gzip.compress(b"") * 1000)


def _endless(wire: Wire, body: bytes) -> None:
    wire.send(head())
    wire.flood(bytes(65536))


def _drip_body(wire: Wire, body: bytes) -> None:
    wire.send(head(Content_Length="100000"))
    wire.drip(bytes(100_000))


def _drip_chunk_size(wire: Wire, body: bytes) -> None:
    wire.send(head(**CHUNKED))
    wire.drip(b"0" * 60_000)


def _drip_trailer(wire: Wire, body: bytes) -> None:
    wire.send(head(**CHUNKED) + chunk(body) + b"0\r\n")
    wire.drip(b"X: y\r\n" * 10_000)


def _endless_head(wire: Wire, body: bytes) -> None:
    wire.send(b"HTTP/1.1 200 OK\r\n")
    wire.flood(b"X: " + b"y" * 60_000 + b"\r\n")


def _endless_continue(wire: Wire, body: bytes) -> None:
    wire.flood(b"HTTP/1.1 100 Continue\r\n\r\n" * 1000)


def _endless_trailer(wire: Wire, body: bytes) -> None:
    wire.send(head(**CHUNKED) + chunk(body) + b"0\r\n")
    wire.flood(b"X: y\r\n" * 1000)


Fault = Callable[[Wire, bytes], None]


def _sends(data: bytes) -> Fault:
    return lambda wire, body: wire.send(data)


# Name → what the server does in place of its answer; it closes the connection afterwards.
FAULTS: dict[str, Fault] = {
    "reset": lambda wire, body: wire.reset(),
    "reset-body": _half_reset,
    "close": lambda wire, body: None,
    "silence": lambda wire, body: wire.rest(60),
    "drip-head": lambda wire, body: wire.drip(b"HTTP/1.1 200 OK\r\nX: " + b"y" * 60_000),
    "drip-body": _drip_body,
    "drip-chunk-size": _drip_chunk_size,
    "drip-trailer": _drip_trailer,
    "endless-head": _endless_head,
    "endless-continue": _endless_continue,
    "endless-body": _endless,
    "endless-trailer": _endless_trailer,
    "many-headers": lambda wire, body: wire.send(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 1000 + b"\r\n"),
    "long-header": lambda wire, body: wire.send(b"HTTP/1.1 200 OK\r\nX: " + b"y" * 100_000 + b"\r\n\r\n"),
    "cut": _cut,
    "cut-chunks": lambda wire, body: wire.send(head(**CHUNKED) + chunk(body)),
    "cut-in-chunk": lambda wire, body: wire.send(head(**CHUNKED) + b"ff\r\n" + body),
    "cut-gzip": _cut_gzip,
    "bad-gzip": lambda wire, body: wire.send(head(Content_Encoding="gzip") + b"no gzip"),
    "bad-chunk": lambda wire, body: wire.send(head(**CHUNKED) + b"two\r\nok\r\n0\r\n\r\n"),
    "negative-chunk": lambda wire, body: wire.send(head(**CHUNKED) + b"-1\r\nok\r\n0\r\n\r\n"),
    "two-lengths": _sends(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nokk"),
    "bomb": _bomb,
    "no-content-bomb": _no_content_bomb,
    "unknown-coding": lambda wire, body: wire.send(head(Content_Encoding="br", Content_Length="2") + b"ok"),
    "many-codings": lambda wire, body: wire.send(head(Content_Encoding="gzip, gzip", Content_Length="2") + b"ok"),
    "unknown-framing": lambda wire, body: wire.send(head(Transfer_Encoding="gzip, chunked") + chunk(b"ok")),
    "garbage": _sends(b"\x16\x03\x01\x00" + bytes(range(256)) * 4),
    "not-modified": _sends(head(304)),
    "empty-ok": _sends(head(Content_Length="0")),
    "busy": _sends(head(503, Content_Length="4") + b"busy"),
}


class StubbornServer:
    """The server; a context manager.

    Attributes:
        url: its address, without a path.
        asked: the requests so far.
        connections: how many were opened.
        greet: what is done with a connection before anything is read, if anything.
    """

    def __init__(self, context: ssl.SSLContext | None = None, host: str = "127.0.0.1") -> None:
        self.asked: list[Asked] = []
        self.connections = 0
        self.greet: Callable[[Wire], None] | None = None
        self._context = context
        self._documents: dict[str, list[Document]] = {}
        self._faults: list[tuple[Fault, str | None, list[int]]] = []
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []
        self._listening = socket.create_server((host, 0))
        self.port: int = self._listening.getsockname()[1]
        self.url = f"{'https' if context else 'http'}://{host}:{self.port}"

    def put(self, path: str, *bodies: bytes, status: int = 200, **headers: Any) -> None:
        """Place documents at a path: each is answered once, the last from then on."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self._documents[path] = [Document(body, status, named) for body in bodies or (b"",)]

    def redirect(self, path: str, location: str, status: int = 302) -> None:
        """Lead from a path to somewhere."""
        self.put(path, b"moved", status=status, Location=location)

    def fail(self, name: str, *, path: str | None = None, times: int | None = None) -> None:
        """Switch a fault on, for some requests or for good."""
        self._faults.append((FAULTS[name], path, [] if times is None else [times]))

    def say(self, data: bytes, *, path: str | None = None, times: int | None = None) -> None:
        """Answer with these very bytes and close, for some requests or for good."""
        self._faults.append((_sends(data), path, [] if times is None else [times]))

    def mend(self) -> None:
        """Switch all faults off."""
        self._faults.clear()

    def __enter__(self) -> StubbornServer:
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        with contextlib.suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        for thread in self._threads:
            thread.join()

    def _start(self, target: Callable[..., None], *arguments: Any) -> None:
        thread = threading.Thread(target=target, args=arguments)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self._stopping.is_set():
            try:
                sock, _ = self._listening.accept()
            except OSError:
                return
            self.connections += 1
            self._start(self._serve, sock)

    def _serve(self, plain: socket.socket) -> None:
        # A connection that is kept alive must not hold up the end of the server.
        plain.settimeout(PAUSE_S)
        with contextlib.suppress(OSError, ValueError), contextlib.ExitStack() as stack:
            stack.enter_context(plain)
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._context:
                plain.settimeout(10)
                secure = stack.enter_context(self._context.wrap_socket(plain, server_side=True))
                self._talk(Wire(secure, self._stopping))
            else:
                self._talk(Wire(plain, self._stopping))

    def _talk(self, wire: Wire) -> None:
        if self.greet:
            self.greet(wire)
        while self._has_more(wire):
            wire.sock.settimeout(10)
            asked = wire.read()
            if asked is None:
                return
            self.asked.append(asked)
            documents = self._documents.get(asked.path, [Document(b"none here", 404)])
            document = documents.pop(0) if len(documents) > 1 else documents[0]
            if fault := self._fault(asked.path):
                fault(wire, document.body)
                return
            wire.send(b"".join(_answer(asked, document)))

    def _has_more(self, wire: Wire) -> bool:
        """Wait for the next request, or for the end of the server."""
        while not wire.buffer and not self._stopping.is_set():
            wire.sock.settimeout(PAUSE_S)
            try:
                wire.buffer = wire.sock.recv(65536)
            except TimeoutError:
                continue
            return bool(wire.buffer)
        return bool(wire.buffer)

    def _fault(self, path: str) -> Fault | None:
        for fault, only, left in self._faults:
            if only not in (None, path) or left == [0]:
                continue
            if left:
                left[0] -= 1
            return fault
        return None


def _answer(asked: Asked, document: Document) -> Iterator[bytes]:
    said = {"Connection": ""} | {name.replace("-", "_"): value for name, value in document.headers.items()}
    body, status = document.body, document.status
    is_known = asked.headers.get("if-none-match") == said.get("ETag", "") or asked.headers.get(
        "if-modified-since"
    ) == said.get("Last_Modified", "")
    if status == 200 and is_known:
        yield head(304, **said)
        return
    wanted = asked.headers.get("range", "").removeprefix("bytes=").removesuffix("-")
    if said.get("Accept_Ranges") and wanted and asked.headers.get("if-range") in (None, said.get("ETag")):
        status, start = 206, int(wanted)
        said["Content_Range"] = f"bytes {start}-{len(body) - 1}/{len(body)}"
        body = body[start:]
    if said.get("Transfer_Encoding"):
        yield head(status, **said) + (chunk(body) if body else b"") + b"0\r\n\r\n"
        return
    yield head(status, Content_Length=str(len(body)), **said) + body


def certificate(folder: Path, names: str = "DNS:localhost,IP:127.0.0.1") -> tuple[ssl.SSLContext, Path]:
    """Return a server's TLS context with a certificate that it signed itself, and the file of that certificate."""
    public, private = folder / "certificate.pem", folder / "key.pem"
    subprocess.run(
        [
            *"openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext".split(),
            f"subjectAltName={names}",
            "-keyout",
            str(private),
            "-out",
            str(public),
        ],
        check=True,
        capture_output=True,
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(public, private)
    return context, public
