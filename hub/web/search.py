"""``/search``: one search as a page, as data, as a feed, and as a file of all its results.

What is typed as ``q`` and names one thing that the hub has leads to the page of that thing. Everything else is searched
in the index of the published snapshot, so that an answer is kept as long as that stands.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from hashlib import sha256
from typing import Any, Final

import sqlalchemy as sa
from flask import Blueprint, Response, current_app, redirect, render_template, request
from pyoxigraph import NamedNode
from sqlalchemy.engine import Connection
from werkzeug.wrappers import Response as BaseResponse

from hub import formats, queries
from hub.config import Settings
from hub.errors import HubError, QueryBusyError, ResultTooLargeError
from hub.formats import UTF8, Format
from hub.links.statements import curie
from hub.published import Now
from hub.resolve import Meaning, Resolver
from hub.routes import Precedence
from hub.search.asking import asked_of, parameters
from hub.search.contract import Asked, Suggestion
from hub.search.searcher import Searcher
from hub.search_exports import AT_ONCE, EXPORTS, Asking, Export
from hub.search_sources import Coverage, Sources
from hub.web import asof, offers, peer_search
from hub.web.cache import Page
from hub.web.exports import Kept
from hub.web.links import catalogue
from hub.web.pages import page_of, respond
from hub.web.problems import HttpError
from hub.web.protocol import root
from hub.web.resolve import page as page_of_meaning
from hub.web.search_page import Banner, here, is_bare, known
from hub.web.search_told import Answer, address, as_atom, as_json, title

search = Blueprint("search", __name__)
ATOM: Final = Format("atom", "application/atom+xml", ".atom", "page", (), UTF8)
OFFERED: Final = (formats.HTML, formats.JSON, ATOM, *(one.format for one in EXPORTS.values()))
SUGGESTIONS: Final = Format("suggestions", "application/x-suggestions+json", ".json", "page", ("json",))
DESCRIPTION: Final = "application/opensearchdescription+xml"
POLICY: Final = (
    "default-src 'none'; script-src 'self'; connect-src 'self'; img-src 'self'; style-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
"""What the page may load: the hub's own files only, and its script may ask the hub only."""
MAX_LINK_CHARS: Final = 7000
"""Longest Link header; servers cut off at 8 kB."""
EXPORTS_AT_ONCE: Final = 2
WAIT_S: Final = 10.0
MAX_SUGGESTIONS: Final = 20
SHORTEST_NUMBER: Final = 5
"""Digits from which on a bare number is taken for an identifier, not for a year or an amount."""
MOST_PARTS: Final = 3
"""Words that an identifier may have, as in ``EMPIAR 10310``."""
_IDENTIFIER: Final = re.compile(r"[0-9:/]|^[A-Za-z]{14}-[A-Za-z]{10}-[A-Za-z]$")
"""Each identifier has a digit, a colon or a slash; an InChIKey has none of them."""
_OWN: Final = ("format", "search", asof.NAME, *peer_search.PARAMETERS)
_KINDS: Final = {
    "gene": "gene", "person": "person", "organism": "taxon", "method": "term", "phenotype": "term", "cell_line": "term",
}  # fmt: skip
_NAMES: Final = {"gene": "a gene", "person": "a person", "organism": "an organism", "method": "an imaging method"}


@search.get("/search")
def show() -> BaseResponse:
    """Search: a page, JSON, an Atom feed, or all results as a file."""
    offer = offers.choose(request, *OFFERED)
    given = [(name, value) for name, value in request.args.items(multi=True) if name not in _OWN]
    asked = asked_of(given)
    if offer is formats.HTML and not all(value.strip() for _, value in given):
        return _led(_plain(asked))
    meanings = _meanings(asked) if offer is formats.HTML else ()
    if _leads(asked, meanings):
        return _led(page_of_meaning(meanings[0]))
    if peer_search.is_wanted(request.args, offer):
        return _with_peers(asked, offer, meanings)
    if offer.name in EXPORTS:
        return _export(asked, EXPORTS[offer.name])
    if offer is ATOM and not any(name == "sort" for name, _ in given):
        asked = replace(asked, sort="newest")
    return _answer(asked, offer, meanings)


def _led(path: str) -> BaseResponse:
    response = redirect(path, 303)
    response.headers["Cache-Control"] = "no-cache"
    return response


def _plain(asked: Asked) -> str:
    """Return the address of a search without the fields that its form left empty."""
    kept = {name: request.args[name] for name in _OWN if request.args.get(name)}
    return here(asked, **kept)


def _answer(asked: Asked, offer: Format, meanings: tuple[Meaning, ...]) -> BaseResponse:
    coverage, start = _coverage(), _root()
    shown = meanings if offer is formats.HTML else ()
    key = ("search", tuple(parameters(asked)), start, coverage, shown)
    make = partial(_page, asked, offer, coverage, start, shown)
    response = respond(offer, key, make)
    if offer is formats.HTML:
        response.headers["Content-Security-Policy"] = POLICY
    if offer is not formats.HTML or not is_bare(asked):
        response.headers["X-Robots-Tag"] = "noindex"
    return response


def _with_peers(asked: Asked, offer: Format, meanings: tuple[Meaning, ...]) -> BaseResponse:
    now = _now()
    searcher = _searcher(now)
    answer = Answer(searcher.find(asked), _coverage(), _root(), _base(), now.snapshot.created, now.sequence)
    shown = known(answer, _banners(asked, searcher, meanings))
    response = peer_search.page(answer, searcher, offer, now, shown)
    response.headers["Content-Security-Policy"] = POLICY
    return response


def _page(asked: Asked, offer: Format, coverage: Coverage, start: str, meanings: tuple[Meaning, ...], now: Now) -> Page:
    searcher = _searcher(now)
    answer = Answer(searcher.find(asked), coverage, start, _base(), now.snapshot.created, now.sequence)
    links = _within(_links(answer))
    if offer is formats.JSON:
        return page_of(as_json(answer), links=links)
    if offer is ATOM:
        return page_of(as_atom(answer, _changed(now, answer)), links=links)
    older = [Banner("This answer", f"as of change no. {now.sequence}", "")] if asof.pinned() else []
    shown = known(answer, [*older, *_banners(asked, searcher, meanings)])
    shown["kept"] += asof.pinned()
    return page_of(render_template("search.html", now=now, **shown), links=links)


def _within(links: Iterator[str]) -> str:
    """Return the links that a header has room for: a search of thousands of characters has fewer."""
    kept: list[str] = []
    for link in links:
        if sum(map(len, kept)) + len(link) <= MAX_LINK_CHARS:
            kept.append(link)
    return ", ".join(kept)


def _links(answer: Answer) -> Iterator[str]:
    """Yield the Link header: the canonical address, the pages around this one, and the other forms."""
    asked = answer.found.asked
    yield f'<{here(asked)}>; rel="canonical"'
    for relation, number in answer.around().items():
        yield f'<{here(asked, page=number)}>; rel="{relation}"'
    for offer in (formats.JSON, ATOM):
        yield f'<{here(asked, format=offer.name)}>; rel="alternate"; type="{offer.media_type}"'
    yield f'<{request.script_root}/openapi.json>; rel="service-desc"; type="application/json"'


def _changed(now: Now, answer: Answer) -> dict[str, str]:
    nodes = [NamedNode(hit.member.iri) for hit in answer.found.hits][:AT_ONCE]
    if not nodes:
        return {}
    rows = queries.select(now.pages, "describe/changed", datasets=queries.Terms(nodes))
    return {row["dataset"].value: row["changed"].value for row in rows}


# --- where things are ---------------------------------------------------------------------------------------------


def _settings() -> Settings:
    settings: Settings = current_app.config["HUB_SETTINGS"]
    return settings


def _base() -> str:
    return _settings().base_iri


def _root() -> str:
    return root(request.environ, _settings().trusted_proxies, _base())


def _now() -> Now:
    now: Now = current_app.config["HUB_PUBLICATION"]()
    return now


def _searcher(now: Now) -> Searcher:
    searcher: Searcher = current_app.config["HUB_SEARCHERS"].of(now.snapshot)
    return searcher


def _coverage() -> Coverage:
    if asof.pinned():
        return asof.coverage(_settings(), _now())
    sources: Sources = current_app.config.setdefault("HUB_SEARCH_SOURCES", Sources(_settings()))
    return sources.of(_now())


# --- identifiers --------------------------------------------------------------------------------------------------


class _Known(Resolver):
    """Resolves what is known; nobody is told what else may have been meant, for the words are searched."""

    def _near(self, db: Connection, text: str) -> Iterator[str]:
        return iter(())


def _meanings(asked: Asked) -> tuple[Meaning, ...]:
    """Return what the words name as an identifier, where nothing but words is asked."""
    words = asked.words
    if asked != Asked(words=words) or request.args.get("search") or asof.pinned() or not _may_name(words):
        return ()
    try:
        with catalogue() as links:
            return _Known(links, Precedence.of(_settings())).resolve(words).meanings
    except (HubError, OSError, sa.exc.SQLAlchemyError):
        return ()


def _may_name(words: str) -> bool:
    """Tell whether words may be an identifier, without a look at the catalogue."""
    return '"' not in words and len(words.split()) <= MOST_PARTS and _IDENTIFIER.search(words) is not None


def _leads(asked: Asked, meanings: tuple[Meaning, ...]) -> bool:
    is_short = asked.words.isdecimal() and len(asked.words) < SHORTEST_NUMBER
    return len(meanings) == 1 and not is_short


def _banners(asked: Asked, searcher: Searcher, meanings: Iterable[Meaning]) -> Iterator[Banner]:
    """Yield what the words name: as an identifier that can be several things, or as a name."""
    for meaning in meanings:
        yield Banner(meaning.title or meaning.curie, f"a {meaning.kind}", page_of_meaning(meaning))
    words = asked.words.strip('" ').casefold()
    for one in searcher.suggest(words) if words else ():
        if one.iri and one.kind in _NAMES and one.text.casefold() == words:
            yield Banner(one.text, _NAMES[one.kind], _page_of(one))


def _page_of(one: Suggestion) -> str:
    """Return the path of the page of a thing that is suggested, or ""."""
    if one.iri.startswith(_base()):
        return f"{request.script_root}/{one.iri.removeprefix(_base())}"
    if not one.iri or one.kind not in _KINDS:
        return ""
    return page_of_meaning(Meaning(one.iri, curie(_base(), one.iri), _KINDS[one.kind], is_known=True))


# --- while somebody types -----------------------------------------------------------------------------------------


@search.get("/search/suggest")
def suggest() -> BaseResponse:
    """What the words in ``q`` may go on to be, as OpenSearch suggestions; a fifth element tells their kinds.

    Source: https://github.com/dewitt/opensearch/blob/master/mediawiki/Specifications/OpenSearch/Extensions/
    Suggestions/1.1/Draft%201.wiki
    """
    offer = offers.choose(request, SUGGESTIONS, formats.JSON)
    words = request.args.get("q", "")[:200]
    limit = request.args.get("limit", "8")
    if not (limit.isascii() and limit.isdecimal() and 1 <= int(limit[:5]) <= MAX_SUGGESTIONS):
        raise HttpError(400, f"limit: {limit[:20]!r} is not a number from 1 to {MAX_SUGGESTIONS}")
    start = _root()

    def make(now: Now) -> Page:
        found = _searcher(now).suggest(words, int(limit))
        return page_of(json.dumps(_suggested(words, found, start), ensure_ascii=False))

    return respond(offer, ("suggest", words, limit, start), make)


def _goes_to(one: Suggestion) -> str:
    """Return where a suggestion leads: words to their search, organisms and methods to their studies, the rest home."""
    if one.kind in ("organism", "method") and one.iri:
        return here(Asked(filters={one.kind: (one.iri,)}))
    return _page_of(one) or here(Asked(words=one.text))


def _suggested(words: str, found: list[Suggestion], start: str) -> list[Any]:
    pages = [start.removesuffix(request.script_root) + _goes_to(one) for one in found]
    kinds = [
        {"text": one.text, "kind": one.kind, "studies": one.studies, "iri": one.iri, "page": page}
        for one, page in zip(found, pages, strict=True)
    ]
    counted = [f"{one.kind}, {one.studies:,} studies" for one in found]
    return [words, [one.text for one in found], counted, pages, kinds]


@search.get("/opensearch.xml")
def description() -> BaseResponse:
    """How browsers and programs search here.

    Source: https://github.com/dewitt/opensearch/blob/master/opensearch-1-1-draft-6.md
    """
    body = render_template("opensearch.xml", here=_root(), suggestions=SUGGESTIONS, atom=ATOM)
    response = Response(body, content_type=DESCRIPTION + UTF8)
    response.set_etag(sha256(body.encode()).hexdigest()[:32])
    response.cache_control.public = True
    response.cache_control.max_age = 86400
    return response.make_conditional(request)


# --- all results --------------------------------------------------------------------------------------------------

_places = threading.BoundedSemaphore(EXPORTS_AT_ONCE)


@contextmanager
def _place() -> Iterator[None]:
    """Take one of the few places of exports; more at once would leave no thread for pages."""
    if not _places.acquire(timeout=WAIT_S):
        raise QueryBusyError("other exports are being written: try again in a moment")
    try:
        yield
    finally:
        _places.release()


def _export(asked: Asked, export: Export) -> BaseResponse:
    """Return all results in one form; written to a temporary file first, so that it is whole or an error."""
    now, start = _now(), _root()
    whole = replace(asked, page=1)
    mark = repr((now.version, parameters(whole), start, export.format.name, *asof.pinned()))
    response = Response(content_type=export.format.content_type)
    response.set_etag(sha256(mark.encode()).hexdigest()[:32])
    response.last_modified = now.changed
    response.cache_control.public = True
    response.cache_control.no_cache = True
    response.vary.add("Accept")
    response.headers["X-Hub-Sequence"] = str(now.sequence)
    response.headers["X-Robots-Tag"] = "noindex"
    response.headers["Content-Disposition"] = f'attachment; filename="search{export.format.suffix}"'
    if request.if_none_match.contains_weak(response.get_etag()[0] or ""):
        return response.make_conditional(request)
    with _place():
        kept = Kept(_written(whole, export, now, start))
    response.content_length = kept.size
    response.response = kept.pieces()
    return response


def _written(asked: Asked, export: Export, now: Now, start: str) -> Iterator[str]:
    searcher = _searcher(now)
    total = searcher.find(replace(asked, per_page=1)).total
    if total > export.most:
        raise ResultTooLargeError(
            f"{export.format.name} is written of at most {export.most:,} studies, and {total:,} match: narrow the "
            "search, or take csv or jsonl"
        )
    base = _base()

    def page(iri: str) -> str:
        return f"{start}/{iri.removeprefix(base)}" if iri.startswith(base) else iri

    asking = Asking(now.pool, title(asked), start + address(asked), now.snapshot.created, page)
    return export.write(searcher.every(asked), asking)
