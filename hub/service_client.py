"""Questions to other SPARQL endpoints, over the guarded connections that harvesters use.

Only endpoints that the settings name are asked. Where they or their redirects lead is looked at after the name was
resolved; an answer has to come whole, within its time and length, and be what was asked for. A short answer that calls
itself whole is an error too: some servers cut at a number of rows, and say so in a header only.

Source: https://www.w3.org/TR/sparql11-protocol/#query-operation
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from urllib.parse import urlencode

import requests

from harvesters.contract import SourceError
from harvesters.http import user_agent
from harvesters.polite.answers import ACCEPTED_CODINGS, Answer, PassingError, mapped_errors, public_url
from harvesters.polite.network import Guard
from harvesters.polite.pace import retry_after_s
from harvesters.polite.questions import REDIRECTS, Question, question
from harvesters.polite.transport import Transport
from hub.config import Service
from hub.errors import ServiceError, ServiceTimeoutError
from hub.sparql_rows import MEDIA_TYPE

MAX_REDIRECTS = 3
MAX_BYTES = 32 << 20
"""Longest answer of an endpoint."""
LINES = 2
"""Requests to one endpoint at the same time."""
CACHE_BYTES, CACHE_ENTRY_BYTES, CACHE_S = 32 << 20, 4 << 20, 300.0
MAX_REASON = 200
JSON_TYPES = (MEDIA_TYPE, "application/json")
# By which Virtuoso and other hubs say that they cut an answer.
# Source: https://docs.openlinksw.com/virtuoso/rdfsparqlprotocolendpoint/ · https://github.com/openlink/virtuoso-opensource
CUT = ("X-SPARQL-MaxRows", "X-SQL-State")
TRUNCATED = "X-Hub-Truncated"


class ServiceClient:
    """Asks other endpoints; one for each process, safe for threads.

    Args:
        contact: address that they are told.
        ca_bundle: file of trusted certificates, or "".
        max_bytes: longest answer.
        cache_s: how long an answer is kept.
        clock: tells the time for the cache and for pauses.
    """

    def __init__(
        self,
        contact: str,
        ca_bundle: str = "",
        *,
        max_bytes: int = MAX_BYTES,
        cache_s: float = CACHE_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._headers = {
            "User-Agent": user_agent(contact),
            "Accept": f"{JSON_TYPES[0]}, {JSON_TYPES[1]};q=0.5",
            "Accept-Encoding": ACCEPTED_CODINGS,
            "Content-Type": "application/x-www-form-urlencoded",
        }
        self._ca_bundle, self._max_bytes, self._clock = ca_bundle or None, max_bytes, clock
        self._cache = _Cache(cache_s, clock)
        self._lock = threading.Lock()
        self._lines: dict[Service, _Lines] = {}
        self._barred: dict[Service, float] = {}

    def select(self, service: Service, query: str, ends_at: float, before: Callable[[], None] = lambda: None) -> bytes:
        """Return an endpoint's answer to a SELECT: SPARQL results in JSON.

        Args:
            service: whom to ask.
            query: what.
            ends_at: when its answer must be complete, on the monotonic clock.
            before: called before a request is sent, but not when its answer is still kept.

        Raises:
            ServiceTimeoutError: no whole answer in time.
            ServiceError: no whole answer, or another one than was asked for.
        """
        if (kept := self._cache.get((service.url, query))) is not None:
            return kept
        before()
        with self._line(service, ends_at) as line:
            try:
                body = self._ask(line, service, query, ends_at)
            except (SourceError, PassingError) as err:
                kind = ServiceTimeoutError if line.guard.is_over() else ServiceError
                raise kind(f"SERVICE {service.name}: {err}") from err
        self._cache.put((service.url, query), body)
        return body

    @contextmanager
    def _line(self, service: Service, ends_at: float) -> Iterator[_Line]:
        if (left := self._barred.get(service, 0.0) - self._clock()) > 0:
            raise ServiceError(f"SERVICE {service.name}: it asked for a pause, of which {left:.0f} s are left")
        with self._lock:
            lines = self._lines.setdefault(service, _Lines())
        if not lines.free.acquire(timeout=max(0.0, ends_at - time.monotonic())):
            raise ServiceTimeoutError(f"SERVICE {service.name}: too many questions at a time: try again in a moment")
        try:
            line = lines.idle.pop() if lines.idle else _Line(service, self._ca_bundle)
            try:
                yield line
            except BaseException:
                line.transport.close()
                raise
            lines.idle.append(line)
        finally:
            lines.free.release()

    def _ask(self, line: _Line, service: Service, query: str, ends_at: float) -> bytes:
        timeout_s = round(max(0.0, ends_at - time.monotonic()), 1)
        line.guard.timeout_s, line.guard.ends_at = max(timeout_s, 0.1), ends_at
        asked = question("POST", service.url, self._headers, urlencode({"query": query}).encode())
        for _ in range(MAX_REDIRECTS + 1):
            with mapped_errors(str(asked), line.guard, timeout_s):
                headers = {**asked.headers, "User-Agent": self._headers["User-Agent"]}
                prepared = requests.Request(asked.method, asked.url, headers, data=asked.body).prepare()
                response = line.transport.ask(prepared)
            answer = Answer(response, asked.url, line.guard, timeout_s)
            location = answer.headers.get("Location")
            if answer.status not in REDIRECTS or location is None:
                with answer:
                    return self._body(answer, service, asked)
            answer.finish()
            asked = asked.redirected(307, location)  # a query is asked again as it was, whichever redirect this is
        raise SourceError(f"{asked} is redirected more than {MAX_REDIRECTS} times")

    def _body(self, answer: Answer, service: Service, asked: Question) -> bytes:
        if answer.status != 200:
            self._bar(answer, service)
            raise SourceError(f"{asked} failed: status {answer.status}{_reason(answer)}")
        kind = answer.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        if kind not in JSON_TYPES:
            raise SourceError(f"{public_url(answer.url)} answered {kind[:80] or 'nothing known'}, not {MEDIA_TYPE}")
        cut = [name for name in CUT if name in answer.headers]
        if cut or answer.headers.get(TRUNCATED, "false") != "false":
            raise SourceError(f"{public_url(answer.url)} cut its answer ({', '.join(cut) or TRUNCATED}): ask for less")
        return b"".join(answer.chunks(self._max_bytes))

    def _bar(self, answer: Answer, service: Service) -> None:
        pause_s = retry_after_s(answer.headers.get("Retry-After", ""))
        if pause_s is not None and answer.status in (429, 503):
            self._barred[service] = self._clock() + pause_s


class _Line:
    """A connection to one endpoint, for one question at a time."""

    def __init__(self, service: Service, ca_bundle: str | None) -> None:
        self.guard = Guard(0.0)
        if service.is_private:
            self.guard.trust(service.url)
        self.transport = Transport(self.guard, ca_bundle)


class _Lines:
    def __init__(self) -> None:
        self.free = threading.BoundedSemaphore(LINES)
        self.idle: deque[_Line] = deque()


def _reason(answer: Answer) -> str:
    """What the endpoint says of a query that it does not take, on one line."""
    if answer.status != 400 or answer.headers.get("Content-Type", "").startswith("text/html"):
        return ""
    try:
        text = b"".join(answer.chunks(64 * 1024)).decode(errors="replace")
    except (SourceError, PassingError):
        return ""
    words = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return f": {words[:MAX_REASON]}" if words else ""


class _Cache:
    """Answers by endpoint and query for some time, least recently used out first; safe for threads."""

    def __init__(self, keep_s: float, clock: Callable[[], float]) -> None:
        self._keep_s, self._clock = keep_s, clock
        self._lock = threading.Lock()
        self._bytes = 0
        self._held: OrderedDict[tuple[str, str], tuple[float, bytes]] = OrderedDict()

    def get(self, key: tuple[str, str]) -> bytes | None:
        with self._lock:
            until, body = self._held.get(key, (0.0, b""))
            if self._clock() >= until:
                return None
            self._held.move_to_end(key)
            return body

    def put(self, key: tuple[str, str], body: bytes) -> None:
        if len(body) > CACHE_ENTRY_BYTES:
            return
        with self._lock:
            self._forget(key)
            self._held[key] = (self._clock() + self._keep_s, body)
            self._bytes += _size(key, body)
            while self._bytes > CACHE_BYTES:
                self._forget(next(iter(self._held)))

    def _forget(self, key: tuple[str, str]) -> None:
        if key in self._held:
            self._bytes -= _size(key, self._held.pop(key)[1])


def _size(key: tuple[str, str], body: bytes) -> int:
    return len(key[1]) + len(body) + 1024
