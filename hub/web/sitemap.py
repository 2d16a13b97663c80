"""What crawlers ask for: ``/sitemap.xml`` with the address of every dataset, and ``/robots.txt``.

Source: https://www.sitemaps.org/protocol.html · https://www.rfc-editor.org/rfc/rfc9309
"""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Iterator
from functools import partial
from xml.sax.saxutils import escape

from flask import Blueprint, Response, current_app, request
from werkzeug.wrappers import Response as BaseResponse

from hub import queries
from hub.config import Settings
from hub.errors import NotFoundError
from hub.formats import UTF8, Format
from hub.published import Now
from hub.web import protocol
from hub.web.cache import Page
from hub.web.pages import page_of, respond

sitemap = Blueprint("sitemap", __name__)
XML = Format("xml", "application/xml", ".xml", "page", (), UTF8)
GZIP = Format("gzip", "application/gzip", ".xml.gz", "page")
SITEMAPS = "http://www.sitemaps.org/schemas/sitemap/0.9"
# The protocol allows 50,000 addresses for a file; the first one has pages that are no datasets, too.
PER_PAGE = 49_000
# Pages that are no datasets; archives' pages come with them.
PAGES = ("", "search", "charts", "questions", "quality", "status", "whats-new")
# Requests that are dear and that no reader comes to by a search engine.
ROBOTS = """\
User-agent: *
Disallow: {path}/sparql
Disallow: {path}/explain
Disallow: {path}/resolve
Disallow: {path}/basket
Disallow: {path}/links
Disallow: {path}/exports/
Disallow: {path}/oai
Disallow: {path}/ldes
Disallow: {path}/changes
Disallow: {path}/data/
Disallow: {path}/search?
Disallow: {path}/thumbnail/
Allow: {path}/
Sitemap: {root}/sitemap.xml
"""


def _root() -> str:
    settings: Settings = current_app.config["HUB_SETTINGS"]
    return protocol.root(request.environ, settings.trusted_proxies, settings.base_iri)


@sitemap.get("/robots.txt")
def robots() -> Response:
    """Where crawlers find the sitemap, and what they should leave alone."""
    body = ROBOTS.format(path=request.script_root, root=_root())
    response = Response(body, content_type="text/plain; charset=utf-8")
    response.headers["Cache-Control"] = "public, max-age=3600"
    return response


@sitemap.get("/sitemap.xml")
@sitemap.get("/sitemap.xml.gz")
def whole() -> BaseResponse:
    """The sitemap; an index of its pages where there are more datasets than one may have."""
    return _respond(0)


@sitemap.get("/sitemap/<int(min=1):number>.xml")
@sitemap.get("/sitemap/<int(min=1):number>.xml.gz")
def part(number: int) -> BaseResponse:
    """One page of the sitemap."""
    return _respond(number)


def _respond(number: int) -> BaseResponse:
    root, offer = _root(), GZIP if request.path.endswith(".gz") else XML
    return respond(offer, ("sitemap", number, root), partial(_page, number, root, offer))


def _page(number: int, root: str, offer: Format, now: Now) -> Page:
    lines = _listed(now)
    last = max(1, -(-len(lines) // PER_PAGE))
    if number > last:
        raise NotFoundError(f"there is no page {number} of the sitemap; the last one is {last}")
    if number == 0 and last > 1:
        entries = (_entry("sitemap", f"{root}/sitemap/{n}{offer.suffix}", now.snapshot.created) for n in _to(last))
        body = _document("sitemapindex", entries)
    else:
        first = max(0, number - 1) * PER_PAGE
        entries = (_entry("url", f"{root}/{path}", at) for path, at in lines[first : first + PER_PAGE])
        body = _document("urlset", entries if first else [*_others(root, now), *entries])
    return page_of(gzip.compress(body, mtime=0) if offer is GZIP else body)


def _to(last: int) -> range:
    return range(1, last + 1)


def _listed(now: Now) -> list[tuple[str, str]]:
    """Return path and time of the last change of every dataset, in order; asked once for each snapshot."""

    def ask() -> Page:
        base = now.snapshot.base_iri
        found: dict[str, str] = {}
        for row in queries.select(now.pages, "describe/sitemap"):
            path, changed = row["dataset"].value.removeprefix(base), row["changed"].value
            found[path] = max(found.get(path, ""), changed)
        return page_of("\n".join(f"{path}\t{changed}" for path, changed in sorted(found.items())))

    page = current_app.config["HUB_PAGES"].get(now.version, ("sitemap",), ask)
    pairs = (line.split("\t") for line in page.body.decode().splitlines())
    return [(path, changed) for path, changed in pairs]


def _others(root: str, now: Now) -> Iterator[str]:
    base, changed = now.snapshot.base_iri, now.snapshot.created
    archives = (row["archive"].value.removeprefix(base) for row in queries.select(now.pages, "describe/archives"))
    yield from (_entry("url", f"{root}/{path}", changed) for path in (*PAGES, *archives))


def _document(kind: str, entries: Iterable[str]) -> bytes:
    head = f'<?xml version="1.0" encoding="UTF-8"?>\n<{kind} xmlns="{SITEMAPS}">\n'
    return f"{head}{''.join(entries)}</{kind}>\n".encode()


def _entry(kind: str, address: str, changed: str) -> str:
    return f"<{kind}><loc>{escape(address)}</loc><lastmod>{escape(changed)}</lastmod></{kind}>\n"
