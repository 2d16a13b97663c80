"""The web application: pages by Flask, SPARQL beside it, errors as problem documents or pages."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from flask import Flask, Response, current_app, render_template, request
from pyoxigraph import Quad
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as BaseResponse

from hub import gallery, places, records
from hub.config import Settings
from hub.errors import QueryBusyError
from hub.federation import Federation
from hub.places import Caller, Places, ShareError
from hub.published import Now, Publication
from hub.search.published import Searchers
from hub.void import Counter
from hub.web import asof
from hub.web.answers import Answers
from hub.web.archives import archives
from hub.web.baskets import basket_count, basket_pages
from hub.web.catalog import catalog
from hub.web.changes import changes_feed
from hub.web.charts import charts
from hub.web.connections import Connections, Senders, Sending, end_stalled
from hub.web.data import data
from hub.web.dumps import dumps
from hub.web.editor import editor
from hub.web.entities import entities
from hub.web.explain import explain
from hub.web.exports import exports
from hub.web.gallery import questions
from hub.web.genes import genes
from hub.web.grants import grants
from hub.web.graphstore import GraphStoreApp
from hub.web.history import history
from hub.web.ldes import stream
from hub.web.links import links_feed
from hub.web.links_verdicts import links_verdicts
from hub.web.oai import oai
from hub.web.openapi import openapi
from hub.web.pages import pages
from hub.web.papers import papers
from hub.web.peers import peers
from hub.web.people import people
from hub.web.problems import HttpError, problem
from hub.web.quality import quality
from hub.web.resolve import resolver
from hub.web.resourcesync import resourcesync
from hub.web.search import search
from hub.web.sitemap import sitemap
from hub.web.sparql import SparqlApp, SparqlSettings
from hub.web.status import status
from hub.web.taxa import taxa
from hub.web.terms import terms
from hub.web.thumbnails import images
from hub.web.void import SelfDescription, VoidApp
from hub.web.warming import Warmer
from hub.web.whats_new import recent
from linkml_schemas.generated.model import Compound
from ontology import licences

# What a page may load: only what the hub itself serves. Source: https://www.w3.org/TR/CSP3/
SECURITY = {
    "Content-Security-Policy": "default-src 'self'; style-src 'self'; script-src 'none'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "strict-origin-when-cross-origin",
}
CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": "Content-Profile, ETag, Link, X-Hub-Sequence",
}
# Requests to /sparql that one process takes at the same time; the rest of its threads is for pages.
SPARQL_PLACES = 16
# A page up to this size is handed to the web server whole, so that who reads it slowly holds no thread.
SHORT_BYTES = 4 * 1024**2
# Longest header that has to be parsed; 0.7 s would go by over 400 kB of media types.
HEADER_CHARS = 8192
Environ = dict[str, Any]
StartResponse = Callable[..., Any]


def create_app(settings: Settings, publication: Publication | None = None) -> Flask:
    """Return the pages as a Flask application; ``wsgi`` adds the SPARQL endpoint."""
    app = Flask(__name__)
    app.config["HUB_SETTINGS"] = settings
    app.config["HUB_PUBLICATION"] = publication or Publication(settings)
    app.config["HUB_SEARCHERS"] = Searchers()
    app.config["HUB_PAGES"] = asof.Pages(settings.cache_bytes)
    app.config["MAX_CONTENT_LENGTH"] = settings.max_body_bytes
    app.jinja_env.globals["local"] = lambda iri: local(settings.base_iri, iri)
    app.jinja_env.globals["basket_count"] = basket_count
    app.jinja_env.filters.update(size=size, moment=moment, label=label, licence=licence, host=host, kind=kind)
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.register_blueprint(pages)
    app.register_blueprint(archives)
    app.register_blueprint(entities)
    app.register_blueprint(grants)
    app.register_blueprint(taxa)
    app.register_blueprint(terms)
    app.register_blueprint(questions)
    app.register_blueprint(genes)
    app.register_blueprint(people)
    app.register_blueprint(peers)
    app.register_blueprint(papers)
    app.register_blueprint(editor)
    app.register_blueprint(status)
    app.register_blueprint(images)
    app.register_blueprint(recent)
    app.register_blueprint(sitemap)
    app.register_blueprint(links_verdicts)
    app.register_blueprint(quality)
    app.register_blueprint(explain)
    app.register_blueprint(links_feed)
    app.register_blueprint(stream)
    app.register_blueprint(resourcesync)
    app.register_blueprint(changes_feed)
    app.register_blueprint(resolver)
    app.register_blueprint(search)
    app.register_blueprint(openapi)
    app.register_blueprint(oai)
    app.register_blueprint(exports)
    app.register_blueprint(basket_pages)
    app.register_blueprint(charts)
    app.register_blueprint(catalog)
    app.register_blueprint(asof.kept_snapshots)
    app.register_blueprint(history)
    app.register_blueprint(dumps)
    app.register_blueprint(data)
    app.register_error_handler(Exception, on_error)
    app.after_request(_add_headers)
    asof.install(app)
    return app


def local(base: str, iri: str | None) -> str:
    """Return the address of a thing: on this server for the hub's own IRIs; empty for what must not be a link."""
    if iri is None or not iri.lower().startswith(("http://", "https://")):
        return ""
    return f"{request.script_root}/{iri.removeprefix(base)}" if iri.startswith(base) else iri


def host(iri: str) -> str:
    """Return the host that an address leads to."""
    return urlsplit(iri).netloc


REAGENTS = {"sirna": "siRNA", "orf": "ORF", "guide_rna": "guide RNA", "antibody": "antibody", "probe": "probe"}


def kind(thing: Any) -> str:
    """Return what kind of reagent a thing is, in words."""
    found = getattr(thing, "reagent_kind", None)
    return REAGENTS.get(str(found), "") if not isinstance(thing, Compound) else "compound"


def size(number: int) -> str:
    """Return a number of bytes as people read it, in decimal units.

    >>> size(999), size(12_345_678)
    ('999 bytes', '12.3 MB')
    """
    value = Decimal(number)
    for unit in ("bytes", "kB", "MB", "GB", "TB", "PB"):
        if value < 1000 or unit == "PB":
            break
        value /= 1000
    return f"{value} {unit}" if unit == "bytes" else f"{value:.1f} {unit}"


def moment(value: datetime | str) -> str:
    """Return a time in UTC as people read it.

    >>> moment("2026-11-20T12:56:59Z")
    '2026-11-20 12:56 UTC'
    """
    when = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    return when.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")


def label(iri: str) -> str:
    """Return a property or class as people read it: by the model's name, else the end of its IRI.

    >>> label("http://schema.org/datePublished"), label("http://www.w3.org/1999/02/22-rdf-syntax-ns#type")
    ('date published', 'type')
    """
    return _labels().get(iri) or re.split(r"[/#]", iri.rstrip("/#"))[-1]


@cache
def _labels() -> dict[str, str]:
    return {s.predicate.value: s.name.replace("_", " ") for t in records.tables().values() for s in t.slots}


def licence(url: str) -> str:
    """Return a licence's short name, or its address where it has none.

    >>> licence("https://creativecommons.org/licenses/by-nc-sa/3.0/"), licence("https://e.org/terms")
    ('CC BY-NC-SA 3.0', 'e.org/terms')
    """
    name = licences.spdx(url) or url.split("://", 1)[-1]
    return re.sub(r"^(CC0?)-(?:(.+)-)?(\d\.\d)$", lambda m: " ".join(filter(None, m.groups())), name)


def on_error(error: Exception) -> BaseResponse:
    """Return an error as a problem document, or as a page for a caller who prefers HTML."""
    if isinstance(error, HTTPException):
        kept = [(k, v) for k, v in error.get_headers() if k.lower() in ("allow", "retry-after", "location")]
        if error.code is not None and error.code < 400:
            return error.get_response()
        error = HttpError(error.code or 500, error.description or error.name, kept)
    status_code, headers, body = problem(error)
    best = request.accept_mimetypes.best_match(["application/problem+json", "text/html"])
    if best != "text/html" or "html" not in request.headers.get("Accept", ""):
        return Response(body, status=status_code, headers=headers)
    kept = [(k, v) for k, v in headers if k.lower() not in ("content-type", "content-length")]
    page = render_template("error.html", problem=json.loads(body))
    return Response(page, status=status_code, headers=kept, content_type="text/html; charset=utf-8")


def _add_headers(response: BaseResponse) -> BaseResponse:
    response.headers.extend({k: v for k, v in {**SECURITY, **CORS}.items() if k not in response.headers})
    if "Accept" not in response.vary and current_app.config["HUB_SETTINGS"]:
        response.vary.add("Accept")
    return response


def _examples(base: str) -> Iterable[Quad]:
    """What is said of the saved questions, as editors read examples."""
    return gallery.quads(base, gallery.questions().values())


class Hub:
    """The whole site as one WSGI callable; the SPARQL route goes past Flask."""

    def __init__(self, settings: Settings) -> None:
        self.publication = Publication(settings)
        self.flask = create_app(settings, self.publication)
        limits = SparqlSettings(
            base_iri=settings.base_iri, max_body_bytes=settings.max_body_bytes, cache_bytes=settings.cache_bytes
        )
        answers = Answers(limits.cache_bytes, limits.cache_entry_bytes, settings.base_iri)
        counter = self.flask.config["HUB_COUNTER"] = Counter(settings)
        description = SelfDescription(counter, answers, _examples, federated=True, proxies=settings.trusted_proxies)
        federation = Federation.of(settings, self.flask.config["HUB_SEARCHERS"])
        self.sparql = SparqlApp(
            self.publication,
            limits,
            answers=answers,
            describe=description.service,
            federation=federation,
            at=self.publication.at,
        )
        self._machines = {
            "/sparql": self.sparql,
            "/sparql/graph": GraphStoreApp(self.publication, answers),
            "/.well-known/void": VoidApp(self.publication, answers, description),
        }
        self._places, self._senders, self._connections = Places(SPARQL_PLACES), Senders(), Connections()
        self._proxies = settings.trusted_proxies
        self._ends_stalled = False
        self.flask.config["HUB_SPARQL"] = self._query

        def begin(now: Now) -> None:
            counter.get(now.snapshot)

        self._warmer = Warmer(self.publication, self.flask, self.sparql, settings.cache_bytes // 2, begin)

    def warm(self) -> None:
        """Begin to fill the caches after each publication, before readers ask."""
        self._warmer.start()

    def close(self) -> None:
        """End what runs in the background, and the query workers."""
        self._warmer.close()
        self.publication.close()

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        if not self._ends_stalled:  # not before, for the web server listens only after it was given this application
            self._ends_stalled = True
            end_stalled()
        if any(len(environ.get(name, "")) > HEADER_CHARS for name in ("HTTP_ACCEPT", "HTTP_ACCEPT_ENCODING")):
            error = HttpError(431, f"Accept or Accept-Encoding is longer than {HEADER_CHARS} characters: shorten it")
            return _refused(error, start_response)
        if environ["PATH_INFO"] in self._machines:
            return self._query(environ, start_response)
        return _whole(self.flask, environ, start_response)

    def _query(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a program's request, or refuse it at once when its client holds its share, or all places are taken."""
        address = environ.get("REMOTE_ADDR", "")
        forwarded = environ.get("HTTP_X_FORWARDED_FOR", "")[-1000:] if self._proxies else ""
        client = places.client_of(address, forwarded, self._proxies)
        try:
            self._places.enter(client)
        except ShareError as error:
            return _refused(HttpError(429, str(error), [("Retry-After", "5")]), start_response)
        except QueryBusyError as error:
            return _refused(error, start_response)
        body: Iterable[bytes] = []
        try:
            if environ["REQUEST_METHOD"] == "POST":
                environ = {**environ, "wsgi.input": self._senders.body(environ, client)}
            machine = self._machines.get(environ["PATH_INFO"], self.sparql)
            with places.serving(Caller(client, self._connections.watch(address))):
                body = machine(environ, start_response)
        finally:
            if isinstance(body, list):
                self._places.leave(client)
        return body if isinstance(body, list) else Sending(body, lambda: self._places.leave(client))


def _refused(error: Exception, start_response: StartResponse) -> Iterable[bytes]:
    """Refuse a request before it is looked at."""
    status, headers, body = problem(error)
    start_response(f"{status} {HTTPStatus(status).phrase}", [*headers, *CORS.items()])
    return [body]


def _whole(app: Flask, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Return a page in one piece unless it is long."""
    length = 0

    def start(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
        nonlocal length
        length = next((int(value) for name, value in headers if name.lower() == "content-length"), length)
        return start_response(status, headers, *more)

    body = app(environ, start)
    if length > SHORT_BYTES:
        return Sending(body, lambda: None)
    try:
        return [b"".join(body)]
    finally:
        if close := getattr(body, "close", None):
            close()
