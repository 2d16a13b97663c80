"""One answer of a server: its body in chunks of bounded size, whole or not at all, and its faults as our errors."""

from __future__ import annotations

import http.client
import re
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any
from urllib.parse import urlsplit

import requests
import urllib3

from harvesters.contract import SourceError
from harvesters.polite.conditional import Validator
from harvesters.polite.network import Guard

CHUNK_BYTES = 64 * 1024
# Statuses that may pass by themselves. Source: https://www.rfc-editor.org/rfc/rfc9110#name-status-codes
PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
FAILURES = (requests.RequestException, urllib3.exceptions.HTTPError, http.client.HTTPException, OSError, ValueError)
# Codings of content → window bits of zlib. Others are not asked for.
WINDOWS = {"gzip": 31, "x-gzip": 31, "deflate": 15}
ACCEPTED_CODINGS = "gzip, deflate"
# Rest of an unused answer that is read, so that its connection serves again.
MAX_REST_BYTES = 64 * 1024
MAX_REST_S = 1.0


class PassingError(Exception):
    """A failure that may pass, so that asking again can help.

    Attributes:
        status: status of the answer; None when there was none, or not all of it.
        retry_after: its header Retry-After.
    """

    def __init__(self, problem: str, status: int | None = None, retry_after: str | None = None) -> None:
        super().__init__(problem)
        self.status = status
        self.retry_after = retry_after


def public_url(url: str) -> str:
    """Return a URL without user name, password, query and fragment, which may hold secrets.

    >>> public_url("https://me:secret@example.org/x.zip?token=t")
    'https://example.org/x.zip'
    """
    bare = re.split(r"[?#]", url, maxsplit=1)[0]
    try:
        parts = urlsplit(bare)
    except ValueError:
        parts = None
    if parts is None or not parts.netloc:
        return re.sub(r"[^/]*@", "", bare)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


@contextmanager
def mapped_errors(what: str, guard: Guard, deadline_s: float) -> Iterator[None]:
    """Turn every error of the network and of a malformed answer into SourceError or PassingError."""
    try:
        yield
    except FAILURES as err:
        if guard.is_over():
            raise SourceError(f"{what} took longer than {deadline_s:g} s") from err
        root = _root(err)
        if isinstance(err, ValueError) or isinstance(root, ValueError):
            raise SourceError(f"{what}: {_lasting(root)}") from err
        said = getattr(root, "strerror", None)
        raise PassingError(f"{type(root).__name__} ({said})" if said else type(root).__name__) from err


def _root(err: BaseException) -> BaseException:
    """Return the innermost of the errors that requests and urllib3 wrap in one another."""
    while True:
        inner = [getattr(err, "reason", None), *reversed(err.args)]
        found = next((e for e in inner if isinstance(e, BaseException)), None)
        if found is None:
            return err
        err = found


def _lasting(root: BaseException) -> str:
    if "CertificateError" in {kind.__name__ for kind in type(root).__mro__} or hasattr(root, "verify_message"):
        said = getattr(root, "verify_message", "") or "its name is another"
        return f"its TLS certificate is not trusted ({said}); the setting ca_bundle names further certificates"
    return type(root).__name__


class Answer:
    """An answer whose head has come.

    Attributes:
        url: where it came from, after redirects.
        status: its status.
        headers: its headers, by names in any case.
        key: under which its validator is known; None when nothing may be kept of it.
        known: the validator that was sent with the question, if any.
        length: number of bytes that the server says it sends; None when it does not say.
    """

    def __init__(
        self,
        response: requests.Response,
        url: str,
        guard: Guard,
        deadline_s: float,
        key: str | None = None,
        known: Validator | None = None,
    ) -> None:
        self.url = url
        self.status = response.status_code
        self.headers = response.headers
        self.key = key
        self.known = known
        self.length: int | None = response.raw.length_remaining
        self._response = response
        self._guard = guard
        self._deadline_s = deadline_s

    def __enter__(self) -> Answer:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is None:
            self.finish()
        self.close()

    def close(self) -> None:
        """Close the connection, unless the answer was read to its end."""
        self._response.close()

    def finish(self) -> None:
        """Read a short rest, so that the connection serves again, and close what is longer."""
        raw = self._response.raw
        if not raw.closed and (raw.chunked or raw.length_remaining in range(MAX_REST_BYTES + 1)):
            with self._guard.within(MAX_REST_S), suppress(*FAILURES):
                while raw.read1(CHUNK_BYTES, decode_content=False) and raw.tell() <= MAX_REST_BYTES:
                    pass
        self.close()

    @property
    def coding(self) -> str | None:
        """Name of the one coding that was applied to the content; None when there is none.

        Raises:
            SourceError: one that was not asked for, or several.
        """
        stated = self.headers.get("Content-Encoding", "").lower()
        codings = [name.strip() for name in stated.split(",") if name.strip() not in ("", "identity")]
        if len(codings) > 1 or not WINDOWS.keys() >= set(codings):
            raise SourceError(f"{public_url(self.url)} is coded as {stated[:80]!r}, which nobody asked for")
        return codings[0] if codings else None

    def chunks(self, limit: int, progress: Callable[[int], None] = lambda _: None) -> Iterator[bytes]:
        """Yield the body, decompressed, in chunks of at most 64 KiB.

        Args:
            limit: longest body, before and after decompression.
            progress: told how many bytes came, for each chunk.

        Raises:
            SourceError: too long, too slow, or in a form that nobody asked for.
            PassingError: cut short or damaged.
        """
        framing = self.headers.get("Transfer-Encoding", "identity").strip().lower()
        if framing not in ("identity", "chunked"):
            raise SourceError(f"{public_url(self.url)} is sent as {framing[:80]!r}, which nobody asked for")
        coding = self.coding
        if (self.length or 0) > limit:
            raise self._too_long(limit)
        with mapped_errors(public_url(self.url), self._guard, self._deadline_s):
            size = 0
            # A body that does not shrink is a little longer when it is compressed.
            wire = self._wire(limit + limit // 8 + CHUNK_BYTES, progress)
            for chunk in inflated(wire, WINDOWS[coding]) if coding else wire:
                size += len(chunk)
                if size > limit:
                    raise self._too_long(limit)
                yield chunk

    def _wire(self, limit: int, progress: Callable[[int], None]) -> Iterator[bytes]:
        raw, size = self._response.raw, 0
        # `read1` gives what has come; `read` would wait for a full chunk.
        while chunk := raw.read1(CHUNK_BYTES, decode_content=False):
            size += len(chunk)
            if size > limit:
                raise self._too_long(limit)
            progress(len(chunk))
            yield chunk

    def _too_long(self, limit: int) -> SourceError:
        return SourceError(f"{public_url(self.url)} is longer than {limit} bytes")


def inflated(chunks: Iterable[bytes], window: int) -> Iterator[bytes]:
    """Yield what compressed chunks hold, at most 64 KiB at a time; nothing from nothing.

    Raises:
        PassingError: damaged, or cut before its end.
    """
    unpack: Any = None
    for chunk in chunks:
        rest = chunk
        while rest:
            if unpack is None or (unpack.eof and rest.strip(b"\0")):
                unpack = zlib.decompressobj(_window(window, rest, is_first=unpack is None))
            elif unpack.eof:
                break  # zeros that fill up a block
            yield from _unpacked(unpack, rest)
            rest = unpack.unused_data
    if unpack is not None and not unpack.eof:
        raise PassingError("the compressed answer was cut short")


def _window(window: int, data: bytes, *, is_first: bool) -> int:
    """Return the window bits: "deflate" is sent with zlib's frame and without; only gzip has several parts."""
    if window == WINDOWS["gzip"]:
        return window
    if not is_first:
        raise PassingError("bytes after the end of the compressed answer")
    return window if data[0] & 0x0F == zlib.DEFLATED else -window


def _unpacked(unpack: Any, data: bytes) -> Iterator[bytes]:
    while True:
        try:
            part = unpack.decompress(data, CHUNK_BYTES)
        except zlib.error as err:
            raise PassingError("the compressed answer is damaged") from err
        if part:
            yield part
        data = unpack.unconsumed_tail
        if unpack.eof or (not data and len(part) < CHUNK_BYTES):
            return
