"""The public SPARQL endpoint: the SPARQL 1.1 Protocol (queries only) as a raw WSGI callable.

Answers are whole before the first byte is sent (long ones wait in a temporary file), so each has a Content-Length and
the right status: a WSGI server ends a chunked answer that failed half-way as if it were complete (granian does).

Source: https://www.w3.org/TR/sparql11-protocol/
"""

from __future__ import annotations

import hashlib
import re
import tempfile
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import lru_cache
from http import HTTPStatus
from typing import IO, Any, NamedTuple, Protocol
from urllib.parse import unquote

from werkzeug.datastructures import MIMEAccept
from werkzeug.http import parse_accept_header, parse_options_header

from hub import formats, sparql_guard
from hub.errors import QueryRefusedError
from hub.web.problems import Headers, HttpError, problem
from hub.workers import QueryResult, WorkerPool

Environ = dict[str, Any]
StartResponse = Callable[..., Any]

_METHODS = "GET, HEAD, POST, OPTIONS"
_FORM, _QUERY, _UPDATE = "application/x-www-form-urlencoded", "application/sparql-query", "application/sparql-update"
_NO_UPDATES = "updates are refused here: this endpoint only reads"
_CORS: Headers = [
    ("Access-Control-Allow-Origin", "*"),
    ("Access-Control-Expose-Headers", "ETag, X-Hub-Sequence, Retry-After"),
]
_VOLATILE = re.compile(r"\b(?:now|rand|uuid|struuid)\s*\(", re.IGNORECASE)
_MAYBE_VOLATILE = ("now", "rand", "uuid")
_PIECE_BYTES = 256 * 1024
_MAX_FIELDS = 200
_HTML = b"""<!doctype html>
<html lang="en"><meta charset="utf-8"><title>SPARQL endpoint</title>
<h1>SPARQL endpoint</h1>
<form><p><label for="query">Query</label><br>
<textarea id="query" name="query" rows="14" cols="100">SELECT * WHERE { ?s ?p ?o } LIMIT 10</textarea>
<p><label for="format">Format</label> <select id="format" name="format"><option value="">default</option>
<option>json</option><option>xml</option><option>csv</option><option>tsv</option><option>turtle</option>
<option>nt</option><option>rdfxml</option><option>jsonld</option></select> <button>Run</button></form></html>
"""


class Published(Protocol):
    """What is served now. ``version`` changes after ``pool`` has switched, never before."""

    @property
    def version(self) -> str:
        """Name of the current snapshot; answers are kept for as long as it stays."""

    @property
    def pool(self) -> WorkerPool:
        """Workers on the current snapshot."""

    @property
    def sequence(self) -> int:
        """Number of the current snapshot."""

    @property
    def changed(self) -> datetime:
        """When the snapshot was published, with its time zone."""


@dataclass(frozen=True, slots=True)
class SparqlSettings:
    """Limits of the endpoint."""

    max_body_bytes: int = 1024 * 1024
    max_query_bytes: int = sparql_guard.MAX_BYTES
    max_query_depth: int = sparql_guard.MAX_DEPTH
    cache_bytes: int = 64 * 1024**2
    cache_entry_bytes: int = 1024**2
    max_age_s: int = 60


class Request(NamedTuple):
    """One query as it was asked; also the key of its answer."""

    query: str
    media_type: str
    content_type: str
    default_graphs: tuple[str, ...]
    named_graphs: tuple[str, ...]


class Answer(NamedTuple):
    """A whole answer to a request."""

    headers: Headers
    body: bytes


class ResultCache:
    """Answers of one snapshot, least recently used out first, bounded in bytes; safe for threads."""

    def __init__(self, max_bytes: int) -> None:
        self.version: str | None = None
        self._max_bytes, self._bytes, self._raw_bytes = max_bytes, 0, 0
        self._lock = threading.Lock()
        self._answers: OrderedDict[Request, Answer] = OrderedDict()
        self._raw: dict[tuple[str, str], Request] = {}

    def restart(self, version: str) -> None:
        """Forget everything: another snapshot is served."""
        with self._lock:
            self.version, self._bytes, self._raw_bytes = version, 0, 0
            self._answers.clear()
            self._raw.clear()

    def get(self, request: Request) -> Answer | None:
        """The answer to a request, if it is held."""
        with self._lock:
            answer = self._answers.get(request)
            if answer is not None:
                self._answers.move_to_end(request)
            return answer

    def get_raw(self, query_string: str, accept: str) -> Answer | None:
        """The answer to a GET that was asked in the very same words before."""
        request = self._raw.get((query_string, accept))
        return None if request is None else self.get(request)

    def alias(self, version: str, query_string: str, accept: str, request: Request) -> None:
        """Remember which request these words were."""
        with self._lock:
            if version == self.version and request in self._answers:
                self._raw_bytes += len(query_string) + len(accept)
                if self._raw_bytes > self._max_bytes // 4:
                    self._raw.clear()
                    self._raw_bytes = 0
                self._raw[query_string, accept] = request

    def put(self, version: str, request: Request, answer: Answer) -> None:
        """Hold an answer, unless another snapshot is served by now."""
        with self._lock:
            if version != self.version or request in self._answers:
                return
            self._answers[request] = answer
            self._bytes += _size(request, answer)
            while self._bytes > self._max_bytes:
                self._bytes -= _size(*self._answers.popitem(last=False))


def _size(request: Request, answer: Answer) -> int:
    return len(answer.body) + len(request.query) + 1024


class SparqlApp:
    """WSGI callable; mount it at ``/sparql``.

    Args:
        published: tells what is served now; called once for each request.
        settings: limits.
    """

    def __init__(self, published: Callable[[], Published], settings: SparqlSettings | None = None) -> None:
        self._published = published
        self._settings = settings or SparqlSettings()
        self._cache = ResultCache(self._settings.cache_bytes)
        self._formats: dict[tuple[str, str, formats.Kind], formats.Format] = {}

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request; errors are problem documents."""
        try:
            now = self._published()
            if now.version != self._cache.version:
                self._cache.restart(now.version)
            if environ["REQUEST_METHOD"] == "GET" and "HTTP_IF_NONE_MATCH" not in environ:
                answer = self._cache.get_raw(environ.get("QUERY_STRING", ""), environ.get("HTTP_ACCEPT", ""))
                if answer is not None:
                    start_response("200 OK", answer.headers[:])
                    return [answer.body]
            status, headers, body = self._respond(environ, now)
        except Exception as error:
            code, headers, content = problem(error)
            status, body = f"{code} {HTTPStatus(code).phrase}", [content]
            headers += [("Vary", "Accept"), *_CORS]
        start_response(status, headers)
        if environ["REQUEST_METHOD"] != "HEAD":
            return body
        if isinstance(body, Spool):
            body.close()
        return []

    def _respond(self, environ: Environ, now: Published) -> tuple[str, Headers, Iterable[bytes]]:
        method = environ["REQUEST_METHOD"]
        if method == "OPTIONS":
            return "204 No Content", [("Allow", _METHODS), *_preflight()], []
        if method not in ("GET", "HEAD", "POST"):
            raise HttpError(405, f"{method} is not offered here: use GET or POST", [("Allow", _METHODS)])
        fields = self._fields(environ)
        if "query" not in fields and method != "POST" and _prefers_html(environ.get("HTTP_ACCEPT", "")):
            headers = [("Content-Type", "text/html; charset=utf-8"), ("Content-Length", str(len(_HTML)))]
            return "200 OK", [*headers, ("Vary", "Accept"), *_CORS], [_HTML]
        request = self._request(fields, environ.get("HTTP_ACCEPT", ""))
        etag = _etag(now.version, request)
        if method != "POST" and _matches(environ.get("HTTP_IF_NONE_MATCH", ""), etag):
            return "304 Not Modified", self._headers(now, request, etag)[1:], []
        answer = self._cache.get(request) or self._run(request, now, etag)
        if method == "GET":
            self._cache.alias(now.version, environ.get("QUERY_STRING", ""), environ.get("HTTP_ACCEPT", ""), request)
        return "200 OK", answer.headers[:], answer.spool if isinstance(answer, _Spooled) else [answer.body]

    # ── what was asked ───────────────────────────────────────────────────────────────────────────────────────────

    def _fields(self, environ: Environ) -> dict[str, list[str]]:
        """Parameters of the request; HttpError for what the protocol forbids."""
        fields = _parse_fields(environ.get("QUERY_STRING", ""))
        if environ["REQUEST_METHOD"] == "POST":
            media_type, options = parse_options_header(environ.get("CONTENT_TYPE", ""))
            if media_type == _UPDATE:
                raise QueryRefusedError(_NO_UPDATES)
            if media_type not in (_FORM, _QUERY) or options.get("charset", "utf-8").lower() not in ("utf-8", "utf8"):
                raise HttpError(415, f"send {_FORM} or {_QUERY} in UTF-8")
            body = _decode(self._body(environ))
            for name, values in (_parse_fields(body) if media_type == _FORM else {"query": [body]}).items():
                fields.setdefault(name, []).extend(values)
        if "update" in fields:
            raise QueryRefusedError(_NO_UPDATES)
        if len(fields.get("query", ())) > 1:
            raise HttpError(400, "there is more than one query in this request")
        return fields

    def _body(self, environ: Environ) -> bytes:
        """The request's body, of which at most the allowed length is read."""
        limit, declared = self._settings.max_body_bytes, environ.get("CONTENT_LENGTH") or ""
        too_long = HttpError(413, f"the request is longer than {limit} bytes", [("Connection", "close")])
        if declared and not (declared.isascii() and declared.isdigit()):
            raise HttpError(400, "Content-Length is not a number")
        if declared and int(declared) > limit:
            raise too_long
        if not declared and not environ.get("wsgi.input_terminated"):
            return b""
        body: bytes = environ["wsgi.input"].read(int(declared) if declared else limit + 1)
        if len(body) > limit:
            raise too_long
        return body

    def _request(self, fields: dict[str, list[str]], accept: str) -> Request:
        if "query" not in fields:
            raise HttpError(400, "there is no query: send ?query=…, or POST one")
        query, settings = fields["query"][0], self._settings
        form = sparql_guard.check(query, max_bytes=settings.max_query_bytes, max_depth=settings.max_query_depth)
        kind: formats.Kind = "results" if form in ("SELECT", "ASK") else "graph"
        offer = self._format(fields.get("format", ("",))[-1], accept, kind)
        default, named = fields.get("default-graph-uri", ()), fields.get("named-graph-uri", ())
        return Request(query, offer.media_type, offer.content_type, tuple(default), tuple(named))

    def _format(self, name: str, accept: str, kind: formats.Kind) -> formats.Format:
        key = (name, accept, kind)
        if (offer := self._formats.get(key)) is None:
            offer = formats.named(name, kind) if name else formats.negotiate(accept, kind)
            if len(self._formats) >= 1000:
                self._formats.clear()
            if len(name) + len(accept) < 1000:
                self._formats[key] = offer
        return offer

    # ── what is answered ─────────────────────────────────────────────────────────────────────────────────────────

    def _run(self, request: Request, now: Published, etag: str) -> Answer | _Spooled:
        result = now.pool.query(
            request.query,
            request.media_type,
            default_graphs=request.default_graphs,
            named_graphs=request.named_graphs,
        )
        body = result.body if result.body is not None else _collect(result, self._settings.cache_entry_bytes)
        headers = self._headers(now, request, etag)
        if isinstance(body, Spool):
            return _Spooled([*headers, ("Content-Length", str(body.size))], body)
        answer = Answer([*headers, ("Content-Length", str(len(body)))], body)
        if etag and len(body) <= self._settings.cache_entry_bytes:
            self._cache.put(now.version, request, answer)
        return answer

    def _headers(self, now: Published, request: Request, etag: str) -> Headers:
        caching = f"public, max-age={self._settings.max_age_s}, must-revalidate" if etag else "no-store"
        headers = [("Content-Type", request.content_type), ("Vary", "Accept"), ("Cache-Control", caching), *_CORS]
        headers.append(("X-Hub-Sequence", str(now.sequence)))
        if etag:
            headers += [("ETag", etag), ("Last-Modified", _http_date(now.changed))]
        return headers


class _Spooled(NamedTuple):
    headers: Headers
    spool: Spool


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


def _collect(result: QueryResult, memory_bytes: int) -> bytes | Spool:
    """The rest of a long answer, in memory up to so many bytes, else in a file; raises what iterating raises."""
    parts: list[bytes] = []
    size, spool = 0, None
    try:
        for data in result:
            parts.append(data)
            size += len(data)
            if size > memory_bytes:
                spool = spool or Spool()
                spool.write(b"".join(parts))
                parts.clear()
    except BaseException:
        if spool is not None:
            spool.close()
        raise
    return spool if spool is not None else b"".join(parts)


def _parse_fields(text: str) -> dict[str, list[str]]:
    """Parameters of a query string or form, in UTF-8.

    Source: https://url.spec.whatwg.org/#application/x-www-form-urlencoded
    """
    fields: dict[str, list[str]] = {}
    pairs = text.split("&", _MAX_FIELDS) if text else []
    if len(pairs) > _MAX_FIELDS:
        raise HttpError(400, f"there are more than {_MAX_FIELDS} parameters")
    try:
        for pair in pairs:
            name, _, value = pair.partition("=")
            fields.setdefault(_unquote(name), []).append(_unquote(value))
    except UnicodeError as error:
        raise HttpError(400, "the request is not UTF-8") from error
    return fields


def _unquote(text: str) -> str:
    """Decode plus signs and %XX; UnicodeError for what is not UTF-8."""
    text = text.replace("+", " ")
    if "%" not in text and text.isascii():
        return text
    if "\\" not in text and text.isascii():
        try:  # six times as fast as urllib's loop: the escapes of Python string literals, decoded in C
            return text.replace("%", "\\x").encode("ascii").decode("unicode_escape").encode("latin-1").decode()
        except UnicodeDecodeError:
            pass  # a per cent sign that is none, or not UTF-8: urllib tells
    if not text.isascii() and all(char < "\u0100" for char in text):
        text = text.encode("latin-1").decode()  # WSGI hands raw bytes over as Latin-1
    return unquote(text, errors="strict")


def _decode(body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        raise HttpError(400, "the request is not UTF-8") from error


def _etag(version: str, request: Request) -> str:
    """Validator of an answer; "" for a query whose answer differs each time."""
    lower = request.query.lower()
    if any(word in lower for word in _MAYBE_VOLATILE) and _VOLATILE.search(lower):
        return ""
    graphs = (*request.default_graphs, "", *request.named_graphs)
    words = "\n".join((version, request.media_type, *graphs, request.query))
    return f'"{hashlib.blake2b(words.encode(errors="surrogatepass"), digest_size=12).hexdigest()}"'


def _matches(if_none_match: str, etag: str) -> bool:
    if not if_none_match or not etag:
        return False
    return if_none_match.strip() == "*" or etag in if_none_match


def _prefers_html(accept: str) -> bool:
    return "text/html" in accept and parse_accept_header(accept, MIMEAccept).best == "text/html"


@lru_cache(maxsize=4)
def _http_date(moment: datetime) -> str:
    return format_datetime(moment.astimezone(UTC), usegmt=True)


def _preflight() -> Headers:
    names = "Accept, Content-Type, If-None-Match"
    return [
        *_CORS,
        ("Access-Control-Allow-Methods", _METHODS),
        ("Access-Control-Allow-Headers", names),
        ("Access-Control-Max-Age", "86400"),
    ]
