"""The public SPARQL endpoint: the SPARQL 1.1 Protocol (queries only) as a raw WSGI callable.

Source: https://www.w3.org/TR/sparql11-protocol/
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import NoReturn

from hub import formats, sparql_guard, sparql_scope
from hub.errors import NotAcceptableError, QueryRefusedError, QuerySyntaxError
from hub.federation import Federation
from hub.web import asof, protocol
from hub.web.answers import Answers, Published, Request, is_volatile
from hub.web.problems import HttpError
from hub.web.protocol import CORS, VARY, Endpoint, Environ, Fields, Reply

_QUERY, _UPDATE = "application/sparql-query", "application/sparql-update"
_NO_UPDATES = "updates are refused here: this endpoint only reads"
_NO_QUERY = "there is no query: send ?query=…, or POST one"
_POSITION = re.compile(r"error at (\d+):(\d+): ")
Describe = Callable[[Environ, Published, formats.Format], Reply]
At = Callable[[int | datetime], AbstractContextManager[Published]]


@dataclass(frozen=True, slots=True)
class SparqlSettings:
    """Limits of the endpoint, and the hub's base IRI, which relative IRIs in queries are relative to."""

    base_iri: str = ""
    max_body_bytes: int = 1024 * 1024
    max_query_bytes: int = sparql_guard.MAX_BYTES
    max_query_depth: int = sparql_guard.MAX_DEPTH
    cache_bytes: int = 64 * 1024**2
    cache_entry_bytes: int = 1024**2


class SparqlApp(Endpoint):
    """WSGI callable; mount it at ``/sparql``.

    Args:
        published: tells what is served now; called once for each request.
        settings: limits.
        answers: where answers are kept; by default in a cache of its own.
        describe: makes the service description, for a GET without any parameter.
        federation: runs queries with SERVICE; without it they are refused.
        at: gives older snapshots for ``asOf``; without it that is refused.
    """

    methods = ("GET", "HEAD", "POST", "OPTIONS")

    def __init__(
        self,
        published: Callable[[], Published],
        settings: SparqlSettings | None = None,
        *,
        answers: Answers | None = None,
        describe: Describe | None = None,
        federation: Federation | None = None,
        at: At | None = None,
    ) -> None:
        self._published, self._describe, self._federation, self._at = published, describe, federation, at
        self._settings = given = settings or SparqlSettings()
        self.answers = answers or Answers(given.cache_bytes, given.cache_entry_bytes, given.base_iri)
        self._unkept = Answers(0, given.cache_entry_bytes, given.base_iri)
        self._prologue = f"BASE <{given.base_iri}sparql> " if given.base_iri else ""
        self._formats: dict[tuple[str, str, formats.Kind], formats.Format] = {}

    def respond(self, environ: Environ) -> Reply:
        """Answer a query, or describe the service to who sends none."""
        now = self._published()
        self.answers.follow(now)
        if (reply := self.answers.repeated(environ)) is not None:
            return reply
        accept = environ.get("HTTP_ACCEPT", "")
        fields = self._fields(environ)
        if asof.NAME in fields:
            return self._as_of(environ, fields, accept)
        if "query" not in fields:
            return self._without_query(environ, now, fields, accept)
        request = self._request(now, fields, accept)
        reply = self._reply(self.answers, environ, now, request)
        if environ["REQUEST_METHOD"] == "GET":
            self.answers.remember(environ, now, request)
        return reply

    def _as_of(self, environ: Environ, fields: Fields, accept: str) -> Reply:
        """Answer from an older snapshot; what is true of it is kept apart from what is true now, which is: nowhere."""
        if self._at is None:
            raise HttpError(400, "asOf is not offered here")
        if "query" not in fields:
            raise HttpError(400, _NO_QUERY)
        with self._at(asof.wanted(fields[asof.NAME])) as then:
            return self._reply(self._unkept, environ, then, self._request(then, fields, accept))

    def _reply(self, answers: Answers, environ: Environ, now: Published, request: Request) -> Reply:
        keep = not is_volatile(request.query) and (not self._federation or self._federation.is_lasting(request.query))
        return answers.reply(environ, now, request, lambda: self._run(now, request), keep)

    # ── what is asked ────────────────────────────────────────────────────────────────────────────────────────────

    def _fields(self, environ: Environ) -> Fields:
        """Parameters of the request; HttpError for what the protocol forbids."""
        fields = protocol.query_fields(environ)
        if environ["REQUEST_METHOD"] == "POST":
            for name, values in self._posted(environ).items():
                fields.setdefault(name, []).extend(values)
        if "update" in fields:
            raise QueryRefusedError(_NO_UPDATES)
        if len(fields.get("query", ())) > 1:
            raise HttpError(400, "there is more than one query in this request")
        return fields

    def _posted(self, environ: Environ) -> Fields:
        kind = protocol.media_type(environ)
        if kind == _UPDATE:
            raise QueryRefusedError(_NO_UPDATES)
        if kind not in (protocol.FORM, _QUERY):
            raise HttpError(415, f"send {protocol.FORM} or {_QUERY} in UTF-8")
        body = protocol.read_body(environ, self._settings.max_body_bytes)
        return protocol.parse_fields(body) if kind == protocol.FORM else {"query": [body]}

    def _without_query(self, environ: Environ, now: Published, fields: Fields, accept: str) -> Reply:
        """The editor for people, the service description for programs that send nothing else."""
        if environ["REQUEST_METHOD"] == "POST" or fields.keys() - {"format"}:
            raise HttpError(400, _NO_QUERY)
        if "format" not in fields and _prefers_html(accept):
            editor = environ.get("SCRIPT_NAME", "") + "/sparql/editor"
            return Reply("303 See Other", [("Location", editor), ("Content-Length", "0"), VARY, *CORS], [])
        try:
            offer = self._format(fields.get("format", [""])[-1], accept, "graph")
        except NotAcceptableError as error:
            raise HttpError(400, f"{_NO_QUERY}; without one, this address describes itself as RDF") from error
        if self._describe is None:
            raise HttpError(400, _NO_QUERY)
        return self._describe(environ, now, offer)

    def _request(self, now: Published, fields: Fields, accept: str) -> Request:
        query, settings = fields["query"][0], self._settings
        limits = {"max_bytes": settings.max_query_bytes, "max_depth": settings.max_query_depth}
        try:
            form = sparql_guard.check(query, **limits, allow_service=self._federation is not None)
        except QuerySyntaxError:
            self._ask_engine(now, query)
            raise
        sparql_scope.check(query)
        kind: formats.Kind = "results" if form in ("SELECT", "ASK") else "graph"
        offer = self._format(fields.get("format", [""])[-1], accept, kind)
        default, named = (
            tuple(protocol.graph_iri(text, name) for text in fields.get(name, ()))
            for name in ("default-graph-uri", "named-graph-uri")
        )
        return Request(query, offer.media_type, offer.content_type, default, named)

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

    def _run(self, now: Published, request: Request) -> Iterable[bytes]:
        text, kind = self._prologue + request.query, request.media_type
        default, named = request.default_graphs, request.named_graphs
        try:
            if self._federation is None:
                return now.pool.query(text, kind, default_graphs=default, named_graphs=named)
            return self._federation.query(
                now.pool, text, kind, snapshot=now.snapshot, default_graphs=default, named_graphs=named
            )
        except QuerySyntaxError as error:
            self._locate(error)

    def _ask_engine(self, now: Published, query: str) -> None:
        """Have the engine say where a text stops to be SPARQL, if it says so."""
        try:
            now.pool.query(self._prologue + query).close()
        except QuerySyntaxError as error:
            self._locate(error)

    def _locate(self, error: QuerySyntaxError) -> NoReturn:
        """Raise the error with line and column of the query as it was sent."""

        def place(match: re.Match[str]) -> str:
            line, column = int(match[1]), int(match[2])
            return f"line {line}, column {max(1, column - len(self._prologue)) if line == 1 else column}: "

        raise QuerySyntaxError(_POSITION.sub(place, str(error), count=1)) from error


def _prefers_html(accept: str) -> bool:
    if "text/html" not in accept:
        return False
    offered = ["text/html", *(offer.media_type for offer in formats.of_kind("graph"))]
    return formats.plain(accept).best_match(offered) == "text/html"
