"""The connections of this process, which WSGI hides: who has left, who stalls, who sends or reads too slowly.

The web server says neither when a client has left nor from which port a request came, and has no time limit for bodies
in either direction. But it closes a connection as soon as the client does, and its sockets are this process's own.

Source: https://man7.org/linux/man-pages/man7/tcp.7.html (TCP_USER_TIMEOUT) · https://peps.python.org/pep-3333/
"""

from __future__ import annotations

import contextlib
import os
import queue
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from hub.places import Places
from hub.web.problems import HttpError

Peer = tuple[str, int]
STALL_S = 30
"""How long a client may take nothing of what is sent before its connection is closed."""
BODY_S = 15.0
"""How long the body of a request may take to come."""
LEAST_BYTES_S = 32 * 1024
"""Rate, in bytes per second, below which an answer is broken off after ``STALL_S``."""
_FRESH_S = 0.25
_CLOSE_WAIT = 8
"""State of a connection whose client has ended it; unread requests on it keep the web server from noticing."""
_SENDERS = 64


def _sockets() -> Iterator[socket.socket]:
    """The TCP sockets of this process, not to be kept; OSError where the system does not list them."""
    for entry in os.scandir("/proc/self/fd"):
        try:
            sock = socket.socket(fileno=int(entry.name))
        except OSError:  # no socket, or closed meanwhile
            continue
        try:
            if sock.family in (socket.AF_INET, socket.AF_INET6) and sock.type == socket.SOCK_STREAM:
                yield sock
        finally:
            sock.detach()


def end_stalled(seconds: float = STALL_S) -> None:
    """Have the kernel close each connection that this process will accept when its client takes nothing for so long."""
    with contextlib.suppress(OSError, AttributeError):
        for sock in _sockets():
            if sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(seconds * 1000))


class Connections:
    """Looks at the open connections, four times a second at most however many ask."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seen_at = float("-inf")
        self._peers: frozenset[Peer] | None = None

    def watch(self, address: str) -> Callable[[], bool]:
        """Return what tells whether the client of a request that came from this address just now has left.

        Which of an address's connections is the request's is not known: it has left when all those are closed that
        were open when it was first looked at. So it may be told late, but is never told wrongly.
        """
        began, candidates = time.monotonic(), frozenset[Peer]()
        is_first = True

        def is_gone() -> bool:
            nonlocal candidates, is_first
            peers = self._open(began)
            if peers is None or not address:
                return False
            now = frozenset(peer for peer in peers if peer[0] == address)
            candidates, is_first = (now if is_first else candidates & now), False
            return not candidates

        return is_gone

    def _open(self, since: float) -> frozenset[Peer] | None:
        """Peers of the open connections, looked at after ``since``; None where that is not known (yet)."""
        with self._lock:
            now = time.monotonic()
            if now - self._seen_at > _FRESH_S:
                self._seen_at, self._peers = now, _peers()
            return self._peers if self._seen_at > since else None


def _peers() -> frozenset[Peer] | None:
    found = []
    try:
        for sock in _sockets():
            with contextlib.suppress(OSError):  # it listens, or is closing
                peer = sock.getpeername()[:2]
                if sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] != _CLOSE_WAIT:
                    found.append(peer)
    except OSError:
        return None
    return frozenset(found)


class Senders:
    """Reads bodies of requests, each within a time, so that slow senders hold no thread of the web server.

    A body that is late goes on being read in a thread of its own until its sender ends it; places bound their number.
    """

    def __init__(self, seconds: float = BODY_S, most: int = _SENDERS) -> None:
        self._seconds, self._places = seconds, Places(most)

    def body(self, environ: dict[str, Any], client: str) -> PromptBody:
        """Return the body of a request, to be its ``wsgi.input``."""
        declared = environ.get("CONTENT_LENGTH") or ""
        length = int(declared) if declared.isascii() and declared.isdigit() else None
        return PromptBody(environ["wsgi.input"], length, client, self._places, self._seconds)


class PromptBody:
    """The body of a request; reading raises what is wrong with it."""

    def __init__(self, body: Any, length: int | None, client: str, places: Places, seconds: float) -> None:
        self._body, self._length, self._client = body, length, client
        self._places, self._seconds = places, seconds

    def read(self, size: int = -1) -> bytes:
        """Return so many bytes, or fewer where there are no more.

        Raises:
            HttpError: 408 when they did not come in time, 400 when fewer came than the request declared.
            QueryBusyError: too many late bodies, of this client or of all.
        """
        came: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._places.enter(self._client)
        threading.Thread(target=self._read, args=(size, came), name="hub-body", daemon=True).start()
        try:
            data = came.get(timeout=self._seconds)
        except queue.Empty:
            text = f"the body did not come within {self._seconds:g} s: send it at once"
            raise HttpError(408, text, [("Connection", "close")]) from None
        wanted = self._length if size < 0 or self._length is None else min(size, self._length)
        if wanted is not None and len(data) < wanted:
            text = f"the body has {len(data)} bytes, its Content-Length promised {wanted}: send it whole"
            raise HttpError(400, text)
        return data

    def _read(self, size: int, came: queue.SimpleQueue[bytes]) -> None:
        data = b""
        try:
            with contextlib.suppress(OSError):
                data = self._body.read(size)
        finally:
            self._places.leave(self._client)
            came.put(data)


class Sending:
    """A long answer on its way: ``done`` is called once when it was sent or given up.

    One that is read too slowly is broken off; its Content-Length then tells that it is not whole.
    """

    def __init__(self, body: Iterable[bytes], done: Callable[[], None], least_bytes_s: float = LEAST_BYTES_S) -> None:
        self._body, self._done, self._least_bytes_s = body, done, least_bytes_s
        self._is_done = False

    def __iter__(self) -> Iterator[bytes]:
        began, sent = time.monotonic(), 0
        for piece in self._body:
            if time.monotonic() - began > STALL_S + sent / self._least_bytes_s:
                return
            yield piece
            sent += len(piece)

    def close(self) -> None:
        """Free what it holds; web servers call it."""
        if self._is_done:
            return
        self._is_done = True
        try:
            if close := getattr(self._body, "close", None):
                close()
        finally:
            self._done()
