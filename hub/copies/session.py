"""How copies on other hosts are asked: the harvesters' polite session, with HEAD and with parts of a file.

Source: https://www.rfc-editor.org/rfc/rfc9110#name-range-requests · https://www.rfc-editor.org/rfc/rfc9530
"""

from __future__ import annotations

import base64
import binascii
import re
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Final

from harvesters.contract import SourceError
from harvesters.http import OK, PARTIAL, RANGE_PAST_END, Manners, PoliteSession
from harvesters.polite.answers import Answer, PassingError
from harvesters.polite.network import place
from harvesters.polite.questions import question
from hub.config import Settings
from hub.copies.hosts import Host

NO_HEAD: Final = frozenset({405, 501})
# What counts as the copy's own fault and not the network's.
GONE: Final = frozenset({404, 410})
__all__ = ["RANGE_PAST_END", "CopySession", "Head", "Part", "PassingError", "SourceError", "session"]


@dataclass(frozen=True, slots=True)
class Head:
    """What a host tells of a copy: size in bytes, SHA-256 if it has one to tell, and how long it took in seconds."""

    size: int | None
    sha256: str | None
    latency_s: float


@dataclass(frozen=True, slots=True)
class Part:
    """The rest of a file from a byte on.

    Attributes:
        start: number of the first byte that comes.
        total: size of the whole file in bytes; None when the host does not say.
        etag: the strong validator of what comes, or "".
        chunks: the bytes.
    """

    start: int
    total: int | None
    etag: str
    chunks: Iterator[bytes]


def session(settings: Settings, manners: Manners, hosts: Iterable[Host]) -> CopySession:
    """Return a session for copies; only hosts whose settings say so may have a private address."""
    longest = replace(manners, max_download_bytes=max(manners.max_download_bytes, settings.hosting_quota_bytes))
    return CopySession(longest, private=[host.url for host in hosts if host.is_private and not host.is_own])


class CopySession(PoliteSession):
    """A polite session that asks for heads and parts; each question once, as whoever asks knows other copies."""

    def __enter__(self) -> CopySession:
        return self

    def head(self, url: str) -> Head:
        """Return what a host tells of a copy without sending it.

        Raises:
            SourceError: refused or gone.
            PassingError: no answer this time.
        """
        began = time.monotonic()
        try:
            with self._once("HEAD", url, {}, frozenset({OK})) as answer:
                return Head(_length(answer), told_sha256(answer.headers), time.monotonic() - began)
        except SourceError as err:
            if err.status not in NO_HEAD:
                raise
        with self.read(url, 0, end=0) as part:
            return Head(part.total, None, time.monotonic() - began)

    @contextmanager
    def read(self, url: str, start: int, etag: str = "", end: int | None = None) -> Iterator[Part]:
        """Ask for the bytes of a file from ``start`` on, up to and with ``end``.

        A host that does not know parts sends the whole, and so does one that has another content than ``etag``
        names: ``start`` of the answer says which.

        Raises:
            SourceError: refused or gone.
            PassingError: no usable answer this time.
        """
        told = {"Accept-Encoding": "identity"}
        if start or end is not None:
            told["Range"] = f"bytes={start}-{'' if end is None else end}"
            told |= {"If-Range": etag} if etag else {}
        with self._once("GET", url, told, frozenset({OK, PARTIAL, RANGE_PAST_END})) as answer:
            yield self._part(answer, start, asked_part="Range" in told)

    def pause(self, url: str, seconds: float) -> None:
        """Leave a host alone for some seconds."""
        self._pace.hold(place(url), min(seconds, self.manners.max_wait_s))

    @contextmanager
    def _once(self, method: str, url: str, told: Mapping[str, str], accepts: frozenset[int]) -> Iterator[Answer]:
        asked = replace(question(method, url, told), is_conditional=False, accepts=accepts)
        answer = self._answer(asked)
        try:
            yield answer
        finally:
            answer.close()

    def _part(self, answer: Answer, start: int, *, asked_part: bool) -> Part:
        if answer.status == RANGE_PAST_END:
            raise PassingError("the part that is asked for is beyond the end", RANGE_PAST_END)
        if answer.coding:
            raise PassingError("the answer is compressed, although that was not asked for")
        total, first = _length(answer), 0
        if answer.status == PARTIAL:
            match = re.fullmatch(r"bytes (\d+)-\d+/(\d+)", answer.headers.get("Content-Range", ""), re.ASCII)
            if not asked_part or match is None or int(match[1]) != start:
                raise PassingError("another part came than was asked for")
            first, total = start, int(match[2])
        etag = answer.headers.get("ETag", "")
        limit = self.manners.max_download_bytes
        return Part(first, total, etag if etag.startswith('"') else "", answer.chunks(limit, self._came))


def _length(answer: Answer) -> int | None:
    text = answer.headers.get("Content-Length", "")
    coded = answer.headers.get("Content-Encoding", "identity") != "identity"
    return int(text) if text.isascii() and text.isdecimal() and not coded else None


def told_sha256(headers: Mapping[str, str]) -> str | None:
    """Return the SHA-256 of the whole file that an answer's headers tell, in hexadecimal digits, or None.

    >>> told_sha256({"Repr-Digest": "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:"})[:8]
    'e3b0c442'
    """
    for name, pattern in (("Repr-Digest", r"sha-256=:([^:]+):"), ("Digest", r"sha-256=([^,\s]+)")):
        if match := re.search(pattern, headers.get(name, ""), re.IGNORECASE):
            try:
                raw = base64.b64decode(match[1], validate=True)
            except (binascii.Error, ValueError):
                continue
            if len(raw) == 32:
                return raw.hex()
    return None
