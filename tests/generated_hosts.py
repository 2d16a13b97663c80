"""Servers on loopback whose files are functions of the position, so that none lies on a disk; they fail by switch.

Each fault that is injected is counted. Right bytes are told by `content`.
"""

from __future__ import annotations

import hashlib
import random
import struct
import threading
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

PIECE = 1 << 20
FAILING = {"cut": 0.3, "unavailable": 0.1, "reset": 0.05, "no_range": 0.2, "short": 0.05}
CORRUPTING = {"flip": 0.25, "change": 0.1, "wrong_range": 0.2, "page": 0.05, "longer": 0.05, "lying_range": 0.05}


@lru_cache(maxsize=8)
def _block(seed: int) -> bytes:
    return random.Random(seed).randbytes(PIECE)


def piece(seed: int, number: int) -> bytes:
    """Return one MiB of a file."""
    return struct.pack(">QQ", seed, number) + _block(seed)[16:]


def content(seed: int, start: int, stop: int) -> Iterator[bytes]:
    """Yield the bytes of a file from ``start`` to before ``stop``."""
    for number in range(start // PIECE, -(-stop // PIECE) if stop > start else 0):
        at = number * PIECE
        yield piece(seed, number)[max(start - at, 0) : stop - at]


def whole(seed: int, size: int) -> bytes:
    """Return a short file."""
    return b"".join(content(seed, 0, size))


def sums(seed: int, size: int) -> tuple[str, str]:
    """Return SHA-256 and MD5 of a file."""
    sha256, md5 = hashlib.sha256(), hashlib.md5(usedforsecurity=False)
    for chunk in content(seed, 0, size):
        sha256.update(chunk)
        md5.update(chunk)
    return sha256.hexdigest(), md5.hexdigest()


class Host:
    """A server of generated files.

    Attributes:
        files: seed and size by path.
        faults: how likely each fault is, by name.
        next: faults of the next answers, before chance has its say; "" is none.
        asked: (method, path, Range, If-Range) of what was asked.
        injected: how often each fault was injected.
        digests: whether it tells the SHA-256 of files.
    """

    def __init__(self, faults: dict[str, float] | None = None, seed: int = 0) -> None:
        self.files: dict[str, tuple[int, int]] = {}
        self.faults = faults or {}
        self.next: list[str] = []
        self.asked: list[tuple[str, str, str, str]] = []
        self.injected: Counter[str] = Counter()
        self.digests: dict[str, str] = {}
        self._chance = random.Random(seed)
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), type("Handler", (_Handler,), {"host": self}))
        self.url = f"http://127.0.0.1:{self._server.server_port}/"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    def close(self) -> None:
        """Stop."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def __enter__(self) -> Host:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def fault(self) -> str:
        """Return what goes wrong with the next answer, "" for nothing."""
        with self._lock:
            if self.next:
                chosen = self.next.pop(0)
            else:
                dice, chosen = self._chance.random(), ""
                for name, share in self.faults.items():
                    dice -= share
                    if dice < 0:
                        chosen = name
                        break
            return chosen

    def place(self, size: int) -> int:
        """Return a number below a size."""
        with self._lock:
            return self._chance.randrange(max(size, 1))


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: Any) -> None:
        """Write nothing: callers leave in mid-answer on purpose."""


class _Handler(BaseHTTPRequestHandler):
    host: Host
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def _answer(self, *, with_body: bool) -> None:
        path = self.path.partition("?")[0]
        asked = self.headers.get("Range", "")
        self.host.asked.append((self.command, path, asked, self.headers.get("If-Range", "")))
        if path not in self.host.files:
            self._plain(404)
            return
        seed, size = self.host.files[path]
        fault = self.host.fault() if with_body else ""
        if fault in ("unavailable", "reset", "page"):
            self.host.injected[fault] += 1
            self._refuse(fault)
            return
        if fault == "change":
            self.host.injected[fault] += 1
            seed += 1 + self.host.place(1 << 40)
        etag = f'"{seed:x}-{size:x}"'
        start, stop = self._range(size, etag, fault)
        self._send(seed, size, start, stop, etag, fault, with_body=with_body)

    def _refuse(self, fault: str) -> None:
        if fault == "reset":
            self.close_connection = True
            self.connection.close()
        elif fault == "unavailable":
            self._plain(503)
        else:
            self._plain(200, b"<html>This file has moved to tape.</html>")

    def _plain(self, status: int, body: bytes = b"") -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _range(self, size: int, etag: str, fault: str) -> tuple[int, int]:
        """Return what is sent: (first, after last); all of it when no part was asked for, or the content changed."""
        asked = self.headers.get("Range", "").removeprefix("bytes=")
        if not asked or self.headers.get("If-Range", etag) != etag:
            return 0, size
        if fault == "no_range":
            self.host.injected[fault] += 1
            return 0, size
        first, _, last = asked.partition("-")
        return int(first), min(int(last) + 1, size) if last else size

    def _send(self, seed: int, size: int, start: int, stop: int, etag: str, fault: str, *, with_body: bool) -> None:
        is_part = (start, stop) != (0, size) or (bool(self.headers.get("Range")) and fault != "no_range" and start > 0)
        length = stop - start
        told = length + 1000 if fault == "short" else length
        self.send_response(206 if is_part else 200)
        self.send_header("Content-Length", str(told + 500 if fault == "longer" else told))
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("ETag", etag)
        if (sha256 := self.host.digests.get(self.path)) is not None:
            self.send_header("Digest", sha256)
        if is_part:
            at = start + 7 if fault == "lying_range" else start
            self.send_header("Content-Range", f"bytes {at}-{at + length - 1}/{size}")
        self.end_headers()
        if with_body:
            self._body(seed, size, start, stop, fault, is_part=is_part)

    def _body(self, seed: int, size: int, start: int, stop: int, fault: str, *, is_part: bool) -> None:
        if fault == "wrong_range" and is_part:
            self.host.injected[fault] += 1
            shift = min(start, 4096)
            start, stop = start - shift, stop - shift
        elif fault == "lying_range" and is_part:
            self.host.injected[fault] += 1
        flipped = self.host.place(stop - start) + start if fault == "flip" else -1
        cut = self.host.place(stop - start) + start if fault == "cut" else stop
        if fault in ("flip", "cut", "short", "longer"):
            self.host.injected[fault] += 1
        at = start
        for chunk in content(seed, start, cut):
            data = chunk
            if at <= flipped < at + len(chunk):
                changed = bytearray(chunk)
                changed[flipped - at] ^= 1 << (flipped % 8)
                data = bytes(changed)
            self.wfile.write(data)
            at += len(chunk)
        if fault == "longer":
            self.wfile.write(b"x" * 500)
        if fault in ("cut", "short"):
            self.close_connection = True

    def log_message(self, *_: Any) -> None:
        """Write nothing."""
