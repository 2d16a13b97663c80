"""The one polite HTTP session that harvesters use.

It says who it is, keeps a pace per host, waits when told to (``Retry-After`` in seconds or as a date), retries
what may pass with growing pauses and jitter, and ends every answer by size and time. TLS is always verified.
"""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, BinaryIO, TypeVar
from urllib.parse import urlsplit

import requests
import urllib3

from harvesters.contract import Attachment, SourceError
from harvesters.keep import Keep, chunks_of

T = TypeVar("T")

# Statuses that may pass by themselves. Source: https://www.rfc-editor.org/rfc/rfc9110#name-status-codes
PASSING = frozenset({429, 500, 502, 503, 504})
CHUNK_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Validator:
    """What a server gave to ask later whether an answer has changed, and the SHA-256 of that answer's kept body."""

    etag: str | None
    last_modified: str | None
    sha256: str


@dataclass(frozen=True, slots=True)
class Manners:
    """How a session behaves.

    Attributes:
        contact: address or page of the hub's operator, told to every archive.
        interval_s: least pause between two requests to one host.
        timeout_s: longest silence of a server.
        deadline_s: longest time for one whole answer.
        max_bytes: longest answer, after decompression.
        retries: how often a passing failure is tried again.
        max_wait_s: longest pause that a server may ask for.
        ca_bundle: file of trusted certificates, or None for the usual ones.
    """

    contact: str = "https://github.com/bioimage-hub/bioimage-hub"
    interval_s: float = 0.2
    timeout_s: float = 30.0
    deadline_s: float = 600.0
    max_bytes: int = 1 << 30
    retries: int = 4
    max_wait_s: float = 300.0
    ca_bundle: str | None = None


def public_url(url: str) -> str:
    """Return a URL without user name, password and query, which may hold secrets.

    >>> public_url("https://me:secret@example.org/x.zip?token=t")
    'https://example.org/x.zip'
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        return url.partition("?")[0]
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="").geturl()


def user_agent(contact: str) -> str:
    """Return the name under which the hub asks, with the address to complain to."""
    try:
        release = version("bioimage-hub")
    except PackageNotFoundError:
        release = "0"
    return f"bioimage-hub/{release} (+{contact})"


class PoliteSession:
    """The session of one run; implements :class:`harvesters.contract.Http`."""

    def __init__(
        self,
        manners: Manners | None = None,
        sleep: Callable[[float], None] = time.sleep,
        *,
        keep: Keep | None = None,
        validators: Mapping[str, Validator] | None = None,
        memory: Mapping[str, str] | None = None,
    ) -> None:
        self.manners = manners or Manners()
        self.validators: dict[str, Validator] = {}
        self.memory: dict[str, str] = {}
        self._known = validators or {}
        self._recalled = memory or {}
        self._temporary = None if keep else tempfile.TemporaryDirectory(prefix="bioimage-hub-")
        self._keep = keep or Keep(Path(self._temporary.name if self._temporary else ""))
        self._sleep = sleep
        self._next_at: dict[str, float] = {}
        self._memo: dict[str, Any] = {}
        self._session = requests.Session()
        self._session.headers["User-Agent"] = user_agent(self.manners.contact)
        if self.manners.ca_bundle:
            self._session.verify = self.manners.ca_bundle

    def close(self) -> None:
        """Close the connections and forget what ``once`` kept."""
        self._session.close()
        self._memo.clear()
        if self._temporary:
            self._temporary.cleanup()

    def __enter__(self) -> PoliteSession:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def once(self, key: str, make: Callable[[], T]) -> T:
        """Return what ``make`` gives the first time in this run, and the same object from then on."""
        if key not in self._memo:
            self._memo[key] = make()
        value: T = self._memo[key]
        return value

    def recall(self, name: str) -> str | None:
        """Return what this source's last complete run remembered; None the first time."""
        return self._recalled.get(name)

    def remember(self, name: str, value: str) -> None:
        """Remember a value for the next run; kept only when this run ends without an error."""
        self.memory[name] = value

    def keep(self, stream: BinaryIO) -> Attachment:
        """Keep the rest of a stream, in bounded memory."""
        return self._keep.put(chunks_of(stream))

    def open(self, digest: str) -> BinaryIO:
        """Open what was kept under a SHA-256 for reading."""
        return self._keep.open(digest)

    def download(self, url: str, *, headers: Mapping[str, str] | None = None) -> Attachment:
        """Keep the body of a 200 answer, in bounded memory.

        Raises:
            SourceError: as for ``get``.
        """
        return self._keep.put([self._request("GET", url, None, headers)])

    def allowed(self, url: str) -> bool:
        """Tell whether the robots.txt of a web site lets the hub read a page."""
        return True

    def get(self, url: str, *, headers: Mapping[str, str] | None = None) -> bytes:
        """Return the body of a 200 answer.

        Raises:
            SourceError: refused, gone, too slow, too long or still failing after the retries.
        """
        return self._request("GET", url, None, headers)

    def post(self, url: str, body: bytes, *, headers: Mapping[str, str] | None = None) -> bytes:
        """Return the body of a 200 answer to a POST.

        Raises:
            SourceError: as for ``get``.
        """
        return self._request("POST", url, body, headers)

    def _request(self, method: str, url: str, body: bytes | None, headers: Mapping[str, str] | None) -> bytes:
        problem, status = "no answer", None
        for attempt in range(self.manners.retries + 1):
            try:
                self._keep_pace(url)
                answer = self._session.request(
                    method, url, data=body, headers=dict(headers or {}), timeout=self.manners.timeout_s, stream=True
                )
                with answer:
                    if answer.status_code == requests.codes.ok:
                        return self._body(answer)
                    problem, status = f"status {answer.status_code}", answer.status_code
                    if answer.status_code not in PASSING:
                        break
                    pause = self._pause(attempt, answer.headers.get("Retry-After"))
            except (requests.ConnectionError, requests.Timeout, urllib3.exceptions.HTTPError) as err:
                problem, status, pause = type(err).__name__, None, self._pause(attempt, None)
            except (requests.RequestException, ValueError) as err:
                raise SourceError(f"{method} {public_url(url)}: {type(err).__name__}") from err
            if attempt < self.manners.retries:
                self._sleep(pause)
        raise SourceError(f"{method} {public_url(url)} failed: {problem}", status=status)

    def _keep_pace(self, url: str) -> None:
        host = urlsplit(url).netloc
        wait = self._next_at.get(host, 0.0) - time.monotonic()
        if wait > 0:
            self._sleep(wait)
        self._next_at[host] = time.monotonic() + self.manners.interval_s

    def _pause(self, attempt: int, retry_after: str | None) -> float:
        if retry_after is not None:
            return min(_retry_after_s(retry_after), self.manners.max_wait_s)
        return float(2**attempt * random.uniform(0.5, 1.0))

    def _body(self, answer: requests.Response) -> bytes:
        started = time.monotonic()
        chunks: list[bytes] = []
        size = 0
        # `read1` gives what has come; `iter_content` would wait for a full chunk and so never see the deadline.
        while chunk := answer.raw.read1(CHUNK_BYTES, decode_content=True):
            size += len(chunk)
            if size > self.manners.max_bytes:
                raise SourceError(f"{public_url(answer.url)} is longer than {self.manners.max_bytes} bytes")
            if time.monotonic() - started > self.manners.deadline_s:
                raise SourceError(f"{public_url(answer.url)} took longer than {self.manners.deadline_s:g} s")
            chunks.append(chunk)
        _check_length(answer)
        return b"".join(chunks)


def _check_length(answer: requests.Response) -> None:
    stated = answer.headers.get("Content-Length", "")
    if stated.isdigit() and answer.raw.tell() < int(stated):
        raise requests.ConnectionError("the answer was cut short")


def _retry_after_s(value: str) -> float:
    """Return the pause that a Retry-After header asks for, in seconds (it is a number or a date)."""
    if value.isascii() and value.strip().isdigit():
        return float(value)
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return 1.0
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())
