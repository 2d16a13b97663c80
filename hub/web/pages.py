"""Landing pages and their machine forms: home, archives, datasets, and any other IRI of the hub.

A view parses its arguments, asks :mod:`hub.describe` or a named query, and renders; what is behind a page is the
published snapshot, so every answer is cached for as long as that stands.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

from flask import Blueprint, Response, current_app, redirect, render_template, request, url_for
from pyoxigraph import NamedNode
from werkzeug.urls import iri_to_uri
from werkzeug.wrappers import Response as BaseResponse

from hub import describe, formats, queries, records, rocrate, schemaorg
from hub.config import Settings
from hub.errors import GoneError, NotFoundError
from hub.formats import Format
from hub.links import elsewhere
from hub.links.clusters import Clusters
from hub.published import Now
from hub.web import offers
from hub.web.cache import Page
from hub.web.problems import problem
from linkml_schemas.generated.model import Dataset
from ontology import archives, iris

pages = Blueprint("pages", __name__)
PER_PAGE = 100
CACHE_S = 60
MAX_LINKS = 40  # of one kind in a Link header, which servers cut off at 8 kB


def _settings() -> Settings:
    settings: Settings = current_app.config["HUB_SETTINGS"]
    return settings


def _now() -> Now:
    now: Now = current_app.config["HUB_PUBLICATION"]()
    return now


def respond(offer: Format, key: tuple[Any, ...], make: Callable[[Now], Page]) -> BaseResponse:
    """Return a cached page as a response, with ETag, Vary, CORS and the snapshot's number; 304 where it is known."""
    now = _now()
    page = current_app.config["HUB_PAGES"].get(now.version, (*key, offer.name), lambda: make(now))
    response = Response(page.body, status=page.status, content_type=page.content_type or offer.content_type)
    response.set_etag(page.etag)
    response.last_modified = now.changed
    response.vary.add("Accept")
    response.cache_control.public = True
    response.cache_control.max_age = CACHE_S
    response.headers["X-Hub-Sequence"] = str(now.sequence)
    if page.links:
        response.headers["Link"] = page.links
    return response.make_conditional(request) if page.status == 200 else response


def page_of(body: str | bytes, status: int = 200, links: str = "", content_type: str = "") -> Page:
    """Return a page with the ETag of its content."""
    data = body.encode() if isinstance(body, str) else body
    return Page(data, status, hashlib.sha256(data).hexdigest()[:32], links, content_type)


# --- home and archives -------------------------------------------------------------------------------------------


@pages.get("/")
def home() -> BaseResponse:
    """Counts of the whole hub, and its archives."""
    offer = offers.choose(request, formats.HTML, formats.JSON)

    def make(now: Now) -> Page:
        numbers = _numbers(now)
        if offer is formats.JSON:
            return page_of(json.dumps(numbers, ensure_ascii=False))
        return page_of(render_template("home.html", now=now, **numbers))

    return respond(offer, ("home", request.script_root), make)


def _numbers(now: Now) -> dict[str, Any]:
    counts = next(queries.select(now.pages, "describe/counts"), {})
    rows = queries.select(now.pages, "describe/archives")
    numbers = {name: int(value.value) for name, value in counts.items()}
    return {
        "sequence": now.sequence,
        "published": now.snapshot.created,
        "statements": now.snapshot.quads,
        "counts": {**numbers, "studies": numbers.get("datasets", 0) - Clusters.repeated(now.pages)},
        "archives": [{**{k: v.value for k, v in row.items()}, "datasets": int(row["datasets"].value)} for row in rows],
    }


@pages.get("/archive/<name>")
@pages.get("/archive/<name>.<suffix>")
def archive(name: str, suffix: str | None = None) -> BaseResponse:
    """One archive: its datasets page by page, or what is said of it."""
    iri = iris.archive(_settings().base_iri, name)
    offer = offers.choose(request, formats.HTML, *offers.GRAPHS, suffix=suffix)
    if offer is not formats.HTML:
        return respond(offer, ("thing", iri), partial(_thing, iri, offer))
    number = request.args.get("page", 1, type=int)
    return respond(offer, ("archive", name, number, request.script_root), partial(_archive_page, name, iri, number))


def _archive_page(name: str, iri: str, number: int, now: Now) -> Page:
    rows = queries.select(now.pages, "describe/archive", iri=NamedNode(iri))
    found = [{k: v.value for k, v in row.items()} for row in rows]
    if not found and name not in archives.ARCHIVES:
        raise NotFoundError(f"there is no archive {name} in this hub")
    found.sort(key=lambda row: _by_number(row["accession"]))
    last = max(1, -(-len(found) // PER_PAGE))
    if not 1 <= number <= last:
        raise NotFoundError(f"page: there is no page {number} of {name}; the last one is {last}")
    first = (number - 1) * PER_PAGE
    shown = found[first : first + PER_PAGE]
    part = {"datasets": shown, "first": first + 1, "total": len(found), "page": number, "last": last}
    known = archives.ARCHIVES.get(name)
    return page_of(render_template("archive.html", now=now, name=name, archive=known, iri=iri, **part))


def _by_number(accession: str) -> list[str | int]:
    return [int(part) if part.isdecimal() else part for part in re.split(r"([0-9]+)", accession)]


# --- datasets ----------------------------------------------------------------------------------------------------


@pages.get("/dataset/<archive>/<accession>")
def dataset(archive: str, accession: str) -> BaseResponse:
    """One dataset: its landing page, or its record in any format."""
    accession, suffix = offers.split_suffix(accession)
    name = archives.dataset_name(archive, accession)
    if name != accession:
        return redirect(url_for("pages.dataset", archive=archive, accession=name + (suffix or "")), 301)
    offer = offers.choose(request, *offers.DATASET, suffix=suffix)
    key = ("dataset", archive, accession, request.script_root)
    return respond(offer, key, partial(_dataset, archive, accession, offer))


def _dataset(archive: str, accession: str, offer: Format, now: Now) -> Page:
    settings = _settings()
    try:
        found = describe.dataset(now.pages, settings, archive, accession, brief=offer is formats.HTML)
    except GoneError as err:
        return _tombstone(err, offer, now)
    return page_of(_write_dataset(found, offer, now), links=_links(found, archive, accession))


def _write_dataset(found: describe.Description, offer: Format, now: Now) -> str | bytes:
    record = found.record
    if offer is formats.HTML:
        text = json.dumps(schemaorg.embedded(record), ensure_ascii=False).replace("<", "\\u003c")
        known = {"cite": citable(record), "embedded": text, "offers": offers.DATASET}
        known["elsewhere"] = elsewhere.of(now.pages, record.id)
        known["links"] = elsewhere.found_of(now.pages, record.id)
        return render_template("dataset.html", now=now, record=record, found=found, **known)
    if offer is formats.ROCRATE:
        return json.dumps(rocrate.crate(record), ensure_ascii=False, indent=1)
    if offer is formats.JSONLD:
        return json.dumps(records.to_jsonld(record), ensure_ascii=False, indent=1)
    if offer.quads:
        return offers.serialize(found.quads, offer)
    return offers.serialize(records.to_quads(record), offer)


def _links(found: describe.Description, archive: str, accession: str) -> str:
    """Return FAIR Signposting links.

    Source: https://signposting.org/FAIR/
    """
    record = found.record
    here = url_for("pages.dataset", archive=archive, accession=accession)
    others = [o for o in offers.DATASET if o is not formats.HTML]
    links = [(here + o.suffix, f'rel="describedby"; type="{o.media_type}"') for o in others]
    links += [(p.id, 'rel="author"') for p in record.author or [] if "orcid.org" in p.id][:MAX_LINKS]
    links += [(citable(record), 'rel="cite-as"')]
    links += [(d.content_url, 'rel="item"') for d in record.distribution or [] if d.content_url][:MAX_LINKS]
    links += [(record.license, 'rel="license"')] if record.license else []
    links += [(schemaorg.SCHEMA + kind, 'rel="type"') for kind in ("AboutPage", "Dataset")]
    return ", ".join(f"<{iri_to_uri(iri)}>; {rest}" for iri, rest in links)


def citable(record: Dataset) -> str:
    """Return the address to cite a dataset by: its DOI, else the archive's own page."""
    dois = [iri for iri in record.same_as or [] if iri.startswith("https://doi.org/")]
    return next(iter(dois), None) or record.url or record.id


def _tombstone(err: GoneError, offer: Format, now: Now) -> Page:
    if offer is formats.HTML:
        return page_of(render_template("tombstone.html", now=now, tombstone=err.tombstone), status=410)
    status, headers, body = problem(err)
    text = json.dumps({**json.loads(body), "tombstone": err.tombstone}, ensure_ascii=False)
    return page_of(text, status, content_type=dict(headers)["Content-Type"])


# --- everything else that has an IRI ------------------------------------------------------------------------------


@pages.get("/<any(record, graph, run, rule):kind>/<path:rest>")
def thing(kind: str, rest: str) -> BaseResponse:
    """What is said of a record, graph, run or link rule."""
    rest, suffix = offers.split_suffix(rest)
    offer = offers.choose(request, formats.HTML, *offers.GRAPHS, suffix=suffix)
    iri = f"{_settings().base_iri}{kind}/{quote(rest, safe='/-._~')}"
    return respond(offer, ("thing", iri, request.script_root), partial(_thing, iri, offer))


def _thing(iri: str, offer: Format, now: Now) -> Page:
    quads = describe.thing(now.pages, _settings().base_iri, iri)
    if offer is formats.HTML:
        return page_of(render_template("thing.html", now=now, iri=iri, quads=quads))
    return page_of(offers.serialize(quads, offer))


# --- the model, and files ----------------------------------------------------------------------------------------

DOCUMENTS = {
    "context.jsonld": ("linkml_schemas/generated/context.jsonld", "application/ld+json"),
    "shapes.ttl": ("linkml_schemas/generated/shapes.ttl", "text/turtle; charset=utf-8"),
    "schema.json": ("linkml_schemas/generated/schema.json", "application/schema+json"),
    "vocab": ("ontology/hub.ttl", "text/turtle; charset=utf-8"),
}


@pages.get("/<any('context.jsonld', 'shapes.ttl', 'schema.json', 'vocab'):name>")
def document(name: str) -> BaseResponse:
    """A generated file of the model."""
    path, media_type = DOCUMENTS[name]
    body = (Path(__file__).parents[2] / path).read_bytes()
    response = Response(body, content_type=media_type)
    response.set_etag(hashlib.sha256(body).hexdigest()[:32])
    return response.make_conditional(request)


@pages.get("/dataset/")
def datasets() -> BaseResponse:
    """There is no list of all datasets at once; the home page leads to them by archive."""
    return redirect(url_for("pages.home"), 303)
