"""Connections that keep to a deadline, and that no redirect leads into the operator's own network.

requests bounds each operation of a socket: a server that sends one byte now and then stays within that for ever. Here
each operation (connect, TLS handshake, send, receive) gets what is left of the whole answer's time; no thread watches.
Only the look-up of a host's name is left to the system's resolver and its own limits.
"""

from __future__ import annotations

import http.client
import io
import ipaddress
import math
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from urllib3.connection import HTTPConnection, HTTPSConnection

from harvesters.contract import SourceError

# Host and port.
Place = tuple[str, int]

PORTS = {"http": 80, "https": 443}
MAX_HEAD_BYTES = 256 * 1024
# Addresses of IPv6 that stand for one of IPv4. Source: https://www.rfc-editor.org/rfc/rfc6052#section-2.1
TRANSLATED = ipaddress.IPv6Network("64:ff9b::/96")


def place(url: str) -> Place:
    """Return host and port of an http or https URL.

    Raises:
        ValueError: it has none.

    >>> place("https://me@Example.org./x")
    ('example.org', 443)
    """
    parts = urlsplit(url)
    if parts.scheme not in PORTS or not parts.hostname:
        raise ValueError("no http or https address")
    return parts.hostname.rstrip("."), parts.port or PORTS[parts.scheme]


def is_public(address: str) -> bool:
    """Tell whether an IP address is one of the open internet.

    >>> [is_public(a) for a in ("8.8.8.8", "10.0.0.1", "::ffff:127.0.0.1", "169.254.169.254", "::")]
    [True, False, False, False, False]
    """
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if ip in TRANSLATED:
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(str(inner))
        if ip.is_site_local:
            return False
    return ip.is_global and not (ip.is_multicast or ip.is_reserved or ip.is_loopback or ip.is_link_local)


class Guard:
    """What the request under way may do; a session has one, as it asks one thing at a time.

    Attributes:
        timeout_s: longest silence.
        ends_at: when the answer must be complete, on the monotonic clock.
        trusted: hosts that may have a private address, because the settings name them.
        trusts_nobody: whether not even those may have one now, as a redirect leads to them.
    """

    def __init__(self, timeout_s: float) -> None:
        self.timeout_s = timeout_s
        self.ends_at = math.inf
        self.trusted: set[Place] = set()
        self.trusts_nobody = False

    def left_s(self) -> float:
        """Return how long the next operation may take.

        Raises:
            TimeoutError: the answer's time is over.
        """
        left = self.ends_at - time.monotonic()
        if left <= 0:
            raise TimeoutError("the answer's time is over")
        return min(self.timeout_s, left)

    def is_over(self) -> bool:
        """Tell whether the answer's time is over."""
        return time.monotonic() > self.ends_at - 0.005

    @contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """Give what is done here no more than some seconds."""
        ends_at = self.ends_at
        self.ends_at = min(ends_at, time.monotonic() + seconds)
        try:
            yield
        finally:
            self.ends_at = ends_at

    def trust(self, url: str) -> None:
        """Let a host have a private address; one that is asked on port 80 may lead on to its own port 443."""
        host, port = place(url)
        self.trusted |= {(host, port), (host, PORTS["https"] if port == PORTS["http"] else port)}

    def check(self, host: str, port: int, addresses: list[str]) -> None:
        """Refuse a host that is not trusted and has an address which is not public.

        Raises:
            SourceError: it has one.
        """
        if self._trusts(host, port):
            return
        for address in addresses:
            if not is_public(address):
                raise SourceError(
                    f"{host}:{port} is not asked: {address} is no public address, and only settings name such"
                )

    def _trusts(self, host: str, port: int) -> bool:
        return not self.trusts_nobody and (host.strip("[]").rstrip(".").lower(), port) in self.trusted

    def check_name(self, url: str) -> None:
        """Refuse a host by the addresses that its name has here; one without any is left to the proxy.

        Raises:
            SourceError: it has one that is not public, and is not trusted.
        """
        host, port = place(url)
        if self._trusts(host, port):
            return
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            return
        self.check(host, port, [str(address[0]) for *_, address in found])


class _Wire(io.RawIOBase):
    """The bytes of a socket, each read within the answer's time, and a head of bounded length."""

    def __init__(self, sock: socket.socket, guard: Guard) -> None:
        self._sock = sock
        self._guard = guard
        self._file = sock.makefile("rb", buffering=0)
        self._room: int | None = None

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._sock.settimeout(self._guard.left_s())
        size = self._file.readinto(buffer)
        if self._room is not None:
            self._room -= size or 0
            if self._room < 0:
                raise http.client.HTTPException(f"a head longer than {MAX_HEAD_BYTES} bytes")
        return size

    def close(self) -> None:
        self._file.close()
        super().close()

    @contextmanager
    def head(self) -> Iterator[None]:
        """Bound what is read, for the lines before and after the content."""
        self._room = MAX_HEAD_BYTES
        try:
            yield
        finally:
            self._room = None


class _Source:
    """What http.client takes for a socket: it opens a file on it and uses nothing else."""

    def __init__(self, wire: _Wire) -> None:
        self._wire = wire

    def makefile(self, mode: str) -> io.BufferedReader:
        return io.BufferedReader(self._wire)


class _Reply(http.client.HTTPResponse):
    """An answer whose head, chunk sizes and trailer are bounded and checked."""

    def __init__(self, wire: _Wire, **options: Any) -> None:
        self._wire = wire
        super().__init__(_Source(wire), **options)  # type: ignore[arg-type]

    def begin(self) -> None:
        with self._wire.head():
            super().begin()

    def _read_next_chunk_size(self) -> int:
        size: int = super()._read_next_chunk_size()  # type: ignore[misc]
        if size < 0:
            raise http.client.HTTPException("a chunk of negative size")
        return size

    def _read_and_discard_trailer(self) -> None:
        with self._wire.head():
            super()._read_and_discard_trailer()  # type: ignore[misc]


class Connection(HTTPConnection):
    """A connection that asks its guard."""

    def __init__(self, *args: Any, guard: Guard, **options: Any) -> None:
        self.guard = guard
        super().__init__(*args, **options)

    def _new_conn(self) -> socket.socket:
        """Connect to the first address that answers; what was checked is what is connected to.

        Raises:
            SourceError: the host is not trusted, and one of its addresses is not public.
            OSError: the name has no address, or none answers.
            UnicodeError: the name is none.
        """
        found = socket.getaddrinfo(self._dns_host.strip("[]"), self.port, type=socket.SOCK_STREAM)
        if not self.proxy:
            self.guard.check(self.host, self.port, [str(address[0]) for *_, address in found])
        failed: OSError = OSError("the name has no address")
        for family, kind, protocol, _, address in found:
            sock = socket.socket(family, kind, protocol)
            try:
                self._join(sock, address)
            except OSError as err:
                failed = err
                sock.close()
            except BaseException:
                sock.close()
                raise
            else:
                return sock
        raise failed

    def _join(self, sock: socket.socket, address: Any) -> None:
        for option in self.socket_options or ():
            sock.setsockopt(*option)
        sock.settimeout(self.guard.left_s())
        sock.connect(address)
        if not self.proxy:
            self.guard.check(self.host, self.port, [str(sock.getpeername()[0])])
        sock.settimeout(self.guard.left_s())

    def send(self, data: Any) -> None:
        """Send within the answer's time."""
        if self.sock is None:
            self.connect()
        self.sock.settimeout(self.guard.left_s())
        super().send(data)

    def response_class(self, sock: socket.socket, **options: Any) -> _Reply:  # type: ignore[override]
        """Return the reader of an answer."""
        return _Reply(_Wire(sock, self.guard), **options)


class SecureConnection(Connection, HTTPSConnection):
    """The same over TLS, where an end without TLS's own word for it is a cut."""

    def connect(self) -> None:
        """Connect and shake hands."""
        super().connect()
        if isinstance(self.sock, ssl.SSLSocket):
            self.sock.suppress_ragged_eofs = False  # type: ignore[attr-defined]
