"""``GET /links``: the feed of links, page by page, with what was taken back; in every form that others load.

A page tells what the catalogue has, which may be newer than the published snapshot.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlencode

from flask import Blueprint, Response, current_app, render_template, request
from werkzeug.wrappers import Response as BaseResponse

from hub import formats
from hub.config import Settings
from hub.errors import QueryRefusedError
from hub.formats import Format
from hub.links import feed as links_feed_of
from hub.links import sssom, statements
from hub.links.catalogue import Links
from hub.links.exports_papers import scholix
from hub.links.exports_rows import of_links
from hub.links.feed import DELETE, STATUSES, CursorGoneError, Filters, Page
from hub.log import Log
from hub.routes import Precedence
from hub.web import offers
from hub.web.problems import HttpError
from hub.web.protocol import root
from ontology import archives

links_feed = Blueprint("links_feed", __name__)
LIMIT: Final = 1000
MAX_LIMIT: Final = 10_000
MAX_VALUES: Final = 50
CSV: Final = Format("csv", "text/csv", ".csv", "results", (), formats.UTF8)
SCHOLIX: Final = Format("scholix", "application/x-ndjson", ".scholix.jsonl", "page")
SSSOM: Final = Format("sssom", "text/tab-separated-values", ".sssom.tsv", "page", ("tsv",), formats.UTF8)
OFFERED: Final = (formats.JSON, formats.HTML, formats.JSONLD, CSV, formats.NQUADS, SCHOLIX, SSSOM)
PARAMETERS: Final = (
    "subject", "object", "subject-ns", "object-ns", "predicate", "rule", "archive", "status", "min-confidence", "since",
    "limit", "format",
)  # fmt: skip


@contextmanager
def catalogue() -> Iterator[Links]:
    """Open the catalogue's links for one request."""
    settings: Settings = current_app.config["HUB_SETTINGS"]
    log = Log(settings.database)
    try:
        yield Links(log)
    finally:
        log.close()


@dataclass(frozen=True, slots=True)
class Shown:
    """What a page is written from."""

    page: Page
    base: str
    links: Links
    next: str
    filters: dict[str, list[str]]


@links_feed.get("/links")
def feed() -> BaseResponse:
    """The links that changed after a cursor, each as it stands now; all of them page by page without one."""
    offer = offers.choose(request, *OFFERED)
    settings: Settings = current_app.config["HUB_SETTINGS"]
    filters = _filters(settings.base_iri)
    limit = _limit()
    with catalogue() as links:
        try:
            page = links_feed_of.page(links, filters, request.args.get("since"), limit)
        except CursorGoneError as err:
            raise HttpError(410, str(err)) from err
        shown = Shown(page, settings.base_iri, links, _next(page, settings), _asked())
        body = _WRITERS[offer.name](shown)
    response = Response(body, content_type=offer.content_type)
    response.headers["Cache-Control"] = "no-cache"
    response.headers["Link"] = ", ".join(_headers(shown))
    response.headers["X-Hub-Cursor"] = page.cursor
    if page.at:
        response.last_modified = datetime.fromisoformat(page.at)
    response.vary.add("Accept")
    response.add_etag()
    return response.make_conditional(request)


def _headers(shown: Shown) -> Iterator[str]:
    """Yield where to go on, if there is more; where to ask for what comes later is said in any case."""
    if not shown.page.is_last:
        yield f'<{shown.next}>; rel="next"'
    yield f'<{shown.next}>; rel="monitor"'


def _limit() -> int:
    text = request.args.get("limit", str(LIMIT))
    if not (text.isascii() and text.isdecimal() and 0 < int(text[:9]) <= MAX_LIMIT):
        raise HttpError(400, f"limit: {text[:20]!r} is not a number from 1 to {MAX_LIMIT}")
    return int(text)


def _next(page: Page, settings: Settings) -> str:
    kept = [(name, value) for name, value in request.args.items(multi=True) if name != "since"]
    here = root(request.environ, settings.trusted_proxies, settings.base_iri)
    return f"{here}/links?{urlencode([*kept, ('since', page.cursor)])}"


# --- what is asked


def _filters(base: str) -> Filters:
    unknown = sorted(set(request.args) - set(PARAMETERS))
    if unknown:
        raise HttpError(400, f"{unknown[0]}: there is no such parameter; there are {', '.join(PARAMETERS)}")
    asked = _asked()
    return Filters(
        subjects=_things(base, asked.get("subject")),
        objects=_things(base, asked.get("object")),
        subject_spaces=tuple(s for p in asked.get("subject-ns", ()) for s in statements.starts(base, p)),
        object_spaces=tuple(s for p in asked.get("object-ns", ()) for s in statements.starts(base, p)),
        predicates=tuple(statements.predicate(one) for one in asked.get("predicate", ())),
        rules=tuple(asked.get("rule", ())),
        archive=_archive(base),
        statuses=_statuses(asked.get("status", ["fact"])),
        min_confidence=_confidence(),
    )


def _asked() -> dict[str, list[str]]:
    """Return the values of each filter; several stand with commas in between, or the parameter is repeated."""
    found: dict[str, list[str]] = {}
    for name in PARAMETERS[:-3]:
        whole = name in ("subject", "object", "predicate")  # IRIs may have commas
        given = [part for text in request.args.getlist(name) for part in ([text] if whole else text.split(","))]
        values = [part.strip() for part in given if part.strip()]
        if len(values) > MAX_VALUES:
            raise HttpError(400, f"{name}: these are {len(values)} values: give at most {MAX_VALUES}")
        if values:
            found[name] = values
    return found


def _things(base: str, given: list[str] | None) -> tuple[str, ...] | None:
    if given is None:
        return None
    found = [iri for text in given for iri in statements.spellings(base, text)]
    if not found:
        raise QueryRefusedError(f"{given[0][:80]!r} is no IRI, compact form or accession; /resolve tells what is meant")
    return tuple(dict.fromkeys(found))


def _archive(base: str) -> str | None:
    name = request.args.get("archive")
    if name is None:
        return None
    settings: Settings = current_app.config["HUB_SETTINGS"]
    known = sorted({*archives.ARCHIVES, *(source.archive for source in settings.sources.values())})
    if name not in known:
        raise HttpError(400, f"archive: there is no {name[:40]!r}; there are {', '.join(known)}")
    return f"{base}dataset/{name}/"


def _statuses(given: list[str]) -> tuple[str, ...]:
    if unknown := [status for status in given if status not in STATUSES]:
        raise HttpError(400, f"status: {unknown[0][:40]!r} is not one of {', '.join(STATUSES)}")
    return tuple(sorted(set(given)))


def _confidence() -> float:
    text = request.args.get("min-confidence", "0")
    try:
        sure = float(text)
    except ValueError:
        sure = -1.0
    if not 0 <= sure <= 1:
        raise HttpError(400, f"min-confidence: {text[:20]!r} is not a number from 0 to 1")
    return sure


# --- how it is written


def _json(shown: Shown) -> str:
    page = shown.page
    told = {
        "cursor": page.cursor,
        "complete": page.is_last,
        "next": None if page.is_last else shown.next,
        "filters": shown.filters,
        "links": [statements.as_json(entry, shown.base) for entry in page.entries],
    }
    return json.dumps(told, ensure_ascii=False)


def _html(shown: Shown) -> str:
    told = [statements.as_json(entry, shown.base) for entry in shown.page.entries]
    return render_template(
        "links.html",
        links=[one for one in told if one["action"] != DELETE],
        next="" if shown.page.is_last else shown.next,
        filters=shown.filters,
        query=urlencode([(k, v) for k, v in request.args.items(multi=True) if k != "format"]),
        offers=OFFERED,
    )


def _sssom(shown: Shown) -> str:
    links = [entry.link for entry in shown.page.entries if entry.action != DELETE]
    date = (shown.page.at or "1970-01-01")[:10]
    rules = shown.links.rules()
    return "".join(
        sssom.table(links, shown.base, version=shown.page.cursor, date=date, rules=rules, labels=lambda _: None)
    )


def _scholix(shown: Shown) -> str:
    links = [entry.link for entry in shown.page.entries if entry.action != DELETE]
    return "".join(scholix(of_links(shown.links, links, Precedence.of(current_app.config["HUB_SETTINGS"]))))


_WRITERS: Final[dict[str, Callable[[Shown], Any]]] = {
    formats.JSON.name: _json,
    formats.HTML.name: _html,
    formats.JSONLD.name: lambda s: json.dumps(statements.to_jsonld(s.page.entries, s.base), ensure_ascii=False),
    CSV.name: lambda s: "".join(statements.to_csv(s.page.entries, s.base)),
    formats.NQUADS.name: lambda s: b"".join(statements.to_nquads(s.page.entries, s.base)),
    SCHOLIX.name: _scholix,
    SSSOM.name: _sssom,
}
