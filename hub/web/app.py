"""The web application: pages by Flask, SPARQL beside it, errors as problem documents or pages."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from flask import Flask, Response, current_app, render_template, request
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as BaseResponse

from hub import records
from hub.config import Settings
from hub.errors import QueryBusyError
from hub.published import Publication
from hub.web.cache import PageCache
from hub.web.pages import pages
from hub.web.problems import HttpError, problem
from hub.web.sparql import SparqlApp, SparqlSettings
from hub.web.status import status
from linkml_schemas.generated.model import Compound
from ontology import licences

# What a page may load: only what the hub itself serves. Source: https://www.w3.org/TR/CSP3/
SECURITY = {
    "Content-Security-Policy": "default-src 'self'; style-src 'self'; script-src 'none'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "strict-origin-when-cross-origin",
}
CORS = {"Access-Control-Allow-Origin": "*", "Access-Control-Expose-Headers": "ETag, Link, X-Hub-Sequence"}
# Requests to /sparql that one process takes at the same time; the rest of its threads is for pages.
SPARQL_PLACES = 16
Environ = dict[str, Any]
StartResponse = Callable[..., Any]


def create_app(settings: Settings, publication: Publication | None = None) -> Flask:
    """Return the pages as a Flask application; ``wsgi`` adds the SPARQL endpoint."""
    app = Flask(__name__)
    app.config["HUB_SETTINGS"] = settings
    app.config["HUB_PUBLICATION"] = publication or Publication(settings)
    app.config["HUB_PAGES"] = PageCache(settings.cache_bytes)
    app.config["MAX_CONTENT_LENGTH"] = settings.max_body_bytes
    app.jinja_env.globals["local"] = lambda iri: local(settings.base_iri, iri)
    app.jinja_env.filters.update(size=size, moment=moment, label=label, licence=licence, host=host, kind=kind)
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.register_blueprint(pages)
    app.register_blueprint(status)
    app.register_error_handler(Exception, on_error)
    app.after_request(_add_headers)
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


class Hub:
    """The whole site as one WSGI callable; the SPARQL route goes past Flask."""

    def __init__(self, settings: Settings) -> None:
        self.publication = Publication(settings)
        self.flask = create_app(settings, self.publication)
        limits = SparqlSettings(max_body_bytes=settings.max_body_bytes, cache_bytes=settings.cache_bytes)
        self.sparql = SparqlApp(self.publication, limits)
        self._places = threading.BoundedSemaphore(SPARQL_PLACES)

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        if environ["PATH_INFO"] == "/sparql":
            return self._query(environ, start_response)
        return self.flask(environ, start_response)

    def _query(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request to /sparql, or refuse it at once when all places are taken, by slow senders too."""
        if not self._places.acquire(blocking=False):
            status, headers, body = problem(QueryBusyError("too many queries at the same time: try again in a moment"))
            start_response(f"{status} {HTTPStatus(status).phrase}", [*headers, *CORS.items()])
            return [body]
        try:
            return self.sparql(environ, start_response)
        finally:
            self._places.release()
