"""Answers of the machine endpoints: cached by snapshot, with validators, content codings and the snapshot's number.

Answers are whole before the first byte is sent (long ones wait in a temporary file), so each has a Content-Length and
the right status: a WSGI server ends a chunked answer that failed half-way as if it were complete (granian does).
"""

from __future__ import annotations

import hashlib
import json
import re
import tempfile
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import lru_cache
from typing import IO, NamedTuple, Protocol
from xml.sax.saxutils import quoteattr

from hub.snapshots import Snapshot
from hub.web import coding
from hub.web.coding import Coding, Encoder
from hub.web.problems import Headers
from hub.web.protocol import CORS, VARY, Environ, Reply
from hub.workers import QueryResult, WorkerPool

MAX_AGE_S = 60
_VOLATILE = re.compile(r"\b(?:now|rand|uuid|struuid)\s*\(", re.IGNORECASE)
_MAYBE_VOLATILE = ("now", "rand", "uuid")
_PIECE_BYTES = 256 * 1024
_JSON, _XML = "application/sparql-results+json", "application/sparql-results+xml"
_JSON_HEAD, _XML_HEAD_END = b'{"head":{', b"</head>"


class Published(Protocol):
    """What is served now. ``version`` changes after ``pool`` has switched, never before."""

    @property
    def version(self) -> str:
        """Name of the current snapshot; answers are kept for as long as it stays."""

    @property
    def snapshot(self) -> Snapshot:
        """The current snapshot."""

    @property
    def pool(self) -> WorkerPool:
        """Workers on the current snapshot."""

    @property
    def sequence(self) -> int:
        """Number of the current snapshot."""

    @property
    def changed(self) -> datetime:
        """When the snapshot was published, with its time zone."""


class Request(NamedTuple):
    """One question as it was asked; also the key of its answer."""

    query: str
    media_type: str
    content_type: str
    default_graphs: tuple[str, ...] = ()
    named_graphs: tuple[str, ...] = ()


class Answer(NamedTuple):
    """A whole answer to a request, coded."""

    headers: Headers
    body: bytes


Key = tuple[Request, Coding]
Raw = tuple[str, str, str]
"""Query string, Accept and Accept-Encoding of a GET."""


class ResultCache:
    """Answers of one snapshot, least recently used out first, bounded in bytes; safe for threads."""

    def __init__(self, max_bytes: int) -> None:
        self.version: str | None = None
        self._max_bytes, self._bytes, self._raw_bytes = max_bytes, 0, 0
        self._lock = threading.Lock()
        self._answers: OrderedDict[Key, Answer] = OrderedDict()
        self._raw: dict[Raw, Key] = {}

    def restart(self, version: str) -> None:
        """Forget everything: another snapshot is served."""
        with self._lock:
            self.version, self._bytes, self._raw_bytes = version, 0, 0
            self._answers.clear()
            self._raw.clear()

    def get(self, key: Key) -> Answer | None:
        """The answer to a request, if it is held."""
        with self._lock:
            answer = self._answers.get(key)
            if answer is not None:
                self._answers.move_to_end(key)
            return answer

    def get_raw(self, raw: Raw) -> Answer | None:
        """The answer to a GET that was asked in the very same words before."""
        key = self._raw.get(raw)
        return None if key is None else self.get(key)

    def alias(self, version: str, raw: Raw, key: Key) -> None:
        """Remember which request these words were."""
        with self._lock:
            if version == self.version and key in self._answers:
                self._raw_bytes += sum(map(len, raw))
                if self._raw_bytes > self._max_bytes // 4:
                    self._raw.clear()
                    self._raw_bytes = 0
                self._raw[raw] = key

    def put(self, version: str, key: Key, answer: Answer) -> None:
        """Hold an answer, unless another snapshot is served by now."""
        with self._lock:
            if version != self.version or key in self._answers:
                return
            self._answers[key] = answer
            self._bytes += _size(key, answer)
            while self._bytes > self._max_bytes:
                self._bytes -= _size(*self._answers.popitem(last=False))


def _size(key: Key, answer: Answer) -> int:
    return len(answer.body) + len(key[0].query) + 1024


class Answers:
    """Makes replies of answers, each made once for a snapshot and a coding.

    Args:
        cache_bytes: memory for answers.
        entry_bytes: longest answer that is held; a longer one waits in a file while it is sent.
        base_iri: the hub's base IRI, under which results name their snapshot; "" to leave that out.
    """

    def __init__(self, cache_bytes: int, entry_bytes: int, base_iri: str = "") -> None:
        self.cache = ResultCache(cache_bytes)
        self._entry_bytes, self._base_iri = entry_bytes, base_iri
        self._standing: _Standing | None = None

    def follow(self, now: Published) -> None:
        """Forget what was true of another snapshot."""
        if now.version != self.cache.version:
            self.cache.restart(now.version)

    def repeated(self, environ: Environ) -> Reply | None:
        """The reply to a GET that was asked in the very same words before."""
        if environ["REQUEST_METHOD"] != "GET" or "HTTP_IF_NONE_MATCH" in environ:
            return None
        answer = self.cache.get_raw(_raw(environ))
        return None if answer is None else Reply("200 OK", answer.headers[:], [answer.body])

    def remember(self, environ: Environ, now: Published, request: Request) -> None:
        """Let ``repeated`` know which request these words were."""
        raw = _raw(environ)
        self.cache.alias(now.version, raw, (request, coding.choose(raw[2])))

    def reply(
        self, environ: Environ, now: Published, request: Request, make: Callable[[], Iterable[bytes]], keep: bool = True
    ) -> Reply:
        """Return the reply to a request: 304 for what the caller has, what is held, or what ``make`` gives.

        Args:
            environ: the WSGI environment.
            now: what is served.
            request: the question.
            make: gives the answer's bytes; raises what makes an error of it.
            keep: whether the answer is the same until the next snapshot.
        """
        code = coding.choose(environ.get("HTTP_ACCEPT_ENCODING", ""))
        etag = _etag(now.version, request, code) if keep else ""
        if environ["REQUEST_METHOD"] != "POST" and _matches(environ.get("HTTP_IF_NONE_MATCH", ""), etag):
            return Reply("304 Not Modified", self._headers(now, etag), [])
        answer = self.cache.get((request, code)) or self._made(now, request, code, etag, make)
        return Reply("200 OK", answer.headers[:], answer.body if isinstance(answer, _Spooled) else [answer.body])

    def _made(
        self, now: Published, request: Request, code: Coding, etag: str, make: Callable[[], Iterable[bytes]]
    ) -> Answer | _Spooled:
        plain = self.cache.get((request, "")) if code else None
        body = plain.body if plain else self._body(now, request, code, make())
        headers = [("Content-Type", request.content_type), *self._headers(now, etag)]
        if isinstance(body, Spool):
            return _Spooled([*headers, *_coded(code), ("Content-Length", str(body.size))], body)
        if code and len(body) >= coding.LEAST_BYTES:
            body = coding.encode(body, code)
            headers += _coded(code)
        answer = Answer([*headers, ("Content-Length", str(len(body)))], body)
        if etag and len(body) <= self._entry_bytes:
            self.cache.put(now.version, (request, code), answer)
        return answer

    def _body(self, now: Published, request: Request, code: Coding, given: Iterable[bytes]) -> bytes | Spool:
        """The answer with its link; one of a single short piece is not walked through."""
        link, media_type = self._of(now).link, request.media_type
        whole = given.body if isinstance(given, QueryResult) else None
        if whole is None or len(whole) > self._entry_bytes:
            return _collect(marked(given, media_type, link), self._entry_bytes, code)
        return _with_link(whole, media_type, link) if link else whole

    def _headers(self, now: Published, etag: str) -> Headers:
        standing = self._of(now)
        return [*standing.lasting, ("ETag", etag)] if etag else standing.fleeting[:]

    def _of(self, now: Published) -> _Standing:
        if (standing := self._standing) is None or standing.version != now.version:
            link = f"{self._base_iri}.well-known/void#snapshot-{now.sequence}" if self._base_iri else ""
            self._standing = standing = _standing(now, link)
        return standing


class _Standing(NamedTuple):
    """What is said with every answer from one snapshot: with those that are kept until the next, and with others."""

    version: str
    link: str
    lasting: Headers
    fleeting: Headers


def _standing(now: Published, link: str) -> _Standing:
    said = [VARY, *CORS, ("X-Hub-Sequence", str(now.sequence)), ("X-Hub-Truncated", "false")]
    caching = ("Cache-Control", f"public, max-age={MAX_AGE_S}, must-revalidate")
    changed = ("Last-Modified", format_datetime(now.changed.astimezone(UTC), usegmt=True))
    return _Standing(now.version, link, [*said, caching, changed], [*said, ("Cache-Control", "no-store")])


class _Spooled(NamedTuple):
    headers: Headers
    body: Spool


class Spool:
    """A long answer in a temporary file without a name; an iterable for WSGI."""

    def __init__(self) -> None:
        self._file: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115
        self.size = 0

    def write(self, data: bytes) -> None:
        """Append."""
        self.size += self._file.write(data)

    def __iter__(self) -> Iterator[bytes]:
        with self._file as file:
            file.seek(0)
            while piece := file.read(_PIECE_BYTES):
                yield piece

    def close(self) -> None:
        """Free the file; WSGI servers call it."""
        self._file.close()


def _collect(pieces: Iterable[bytes], memory_bytes: int, code: Coding) -> bytes | Spool:
    """Gather an answer: plain in memory up to so many bytes, else coded in a file; raises what iterating raises."""
    held: list[bytes] = []
    size = 0
    spool: Spool | None = None
    encoder = coding.encoder(code)
    try:
        for piece in pieces:
            held.append(piece)
            size += len(piece)
            if size > memory_bytes:
                spool = spool or Spool()
                _spill(held, spool, encoder)
        if spool is not None and encoder is not None:
            spool.write(encoder.flush())
    except BaseException:
        if spool is not None:
            spool.close()
        raise
    return spool if spool is not None else b"".join(held)


def _spill(held: list[bytes], spool: Spool, encoder: Encoder | None) -> None:
    data = b"".join(held)
    held.clear()
    spool.write(encoder.compress(data) if encoder else data)


def marked(pieces: Iterable[bytes], media_type: str, link: str) -> Iterator[bytes]:
    """Yield SPARQL results with a link in their head to the snapshot that they are true of, where the format has one.

    Source: https://www.w3.org/TR/sparql11-results-json/#select-link · https://www.w3.org/TR/rdf-sparql-XMLres/#head
    """
    first = bool(link)
    for piece in pieces:
        yield _with_link(piece, media_type, link) if first else piece
        first = False


def _with_link(start: bytes, media_type: str, link: str) -> bytes:
    if media_type == _JSON and start.startswith(_JSON_HEAD):
        end = len(_JSON_HEAD)
        return b"".join((_JSON_HEAD, _json_link(link), b"" if start[end : end + 1] == b"}" else b",", start[end:]))
    if media_type == _XML:
        return start.replace(_XML_HEAD_END, f"<link href={quoteattr(link)}/>".encode() + _XML_HEAD_END, 1)
    return start


@lru_cache(maxsize=4)
def _json_link(link: str) -> bytes:
    return f'"link":[{json.dumps(link)}]'.encode()


def is_volatile(query: str) -> bool:
    """Whether the answer differs each time: NOW, RAND, UUID and STRUUID."""
    lower = query.lower()
    return any(word in lower for word in _MAYBE_VOLATILE) and _VOLATILE.search(lower) is not None


def _etag(version: str, request: Request, code: Coding) -> str:
    graphs = (*request.default_graphs, "", *request.named_graphs)
    words = "\n".join((version, request.media_type, *graphs, request.query))
    digest = hashlib.blake2b(words.encode(errors="surrogatepass"), digest_size=12).hexdigest()
    return f'"{digest}-{code}"' if code else f'"{digest}"'


def _matches(if_none_match: str, etag: str) -> bool:
    if not if_none_match or not etag:
        return False
    return if_none_match.strip() == "*" or etag in if_none_match


def _raw(environ: Environ) -> Raw:
    get = environ.get
    return get("QUERY_STRING", ""), get("HTTP_ACCEPT", ""), get("HTTP_ACCEPT_ENCODING", "")


def _coded(code: Coding) -> Headers:
    return [("Content-Encoding", code)] if code else []
