"""Landing pages and their machine forms: home, datasets, and any other IRI of the hub.

A view parses its arguments, asks :mod:`hub.describe` or a named query, and renders; what is behind a page is the
published snapshot, so every answer is cached for as long as that stands.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

from flask import Blueprint, Response, current_app, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from hub import citations, describe, formats, queries, schemaorg
from hub.config import Settings
from hub.errors import GoneError, QueryMemoryError, QueryTimeoutError
from hub.formats import Format
from hub.links import elsewhere
from hub.links.clusters import Clusters
from hub.published import Now
from hub.web import landing, machine, memento, offers
from hub.web.cache import Page
from hub.web.drawn import Drawn, drawn
from hub.web.problems import problem
from ontology import archives

pages = Blueprint("pages", __name__)
CACHE_S = 60
HOME_CHARTS = ("growth", "methods-by-organism")


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
    if page.robots:
        response.headers["X-Robots-Tag"] = page.robots
    return response.make_conditional(request) if page.status == 200 else response


def page_of(body: str | bytes, status: int = 200, links: str = "", content_type: str = "", robots: str = "") -> Page:
    """Return a page with the ETag of its content."""
    data = body.encode() if isinstance(body, str) else body
    return Page(data, status, hashlib.sha256(data).hexdigest()[:32], links, content_type, robots)


# --- home --------------------------------------------------------------------------------------------------------


@pages.get("/")
def home() -> BaseResponse:
    """Counts of the whole hub, its archives, and how they grew."""
    offer = offers.choose(request, formats.HTML, formats.JSON)

    def make(now: Now) -> Page:
        numbers = _numbers(now)
        if offer is formats.JSON:
            return page_of(json.dumps(numbers, ensure_ascii=False))
        return page_of(render_template("home.html", now=now, **numbers, **_pictures(now)))

    return respond(offer, ("home", request.script_root), make)


def _pictures(now: Now) -> dict[str, Any]:
    """Return what only people want to see of the whole hub: charts, how each archive grew, what is newest.

    What cannot be had in time is left out, for the page is needed without it too.
    """
    charts: list[Drawn] = []
    newest: list[dict[str, Any]] = []
    with suppress(QueryTimeoutError, QueryMemoryError):
        newest = [{k: v.value for k, v in row.items()} for row in queries.select(now.pages, "describe/newest")]
        charts = drawn(now, *HOME_CHARTS)
    growth = charts[0].numbers if charts else None
    columns = zip(growth.columns, zip(*growth.values, strict=True), strict=False) if growth else ()
    return {"charts": charts, "growth": {head.label: values for head, values in columns}, "newest": newest}


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


# --- datasets ----------------------------------------------------------------------------------------------------


@pages.get("/dataset/<archive>/<accession>")
def dataset(archive: str, accession: str) -> BaseResponse:
    """One dataset: its landing page, or its record in any format."""
    accession, suffix = offers.split_suffix(accession, offers.DATASET)
    name = archives.dataset_name(archive, accession)
    if name != accession:
        return redirect(url_for("pages.dataset", archive=archive, accession=name + (suffix or "")), 301)
    if memento.ASKED in request.headers:
        return memento.timegate(_settings(), _now(), archive, accession, suffix or "")
    offer = offers.choose(request, *offers.DATASET, suffix=suffix)
    style = machine.style(request, offer)
    key = ("dataset", archive, accession, style, request.script_root)
    response = respond(offer, key, partial(_dataset, archive, accession, offer, style))
    response.vary.add("Accept-Profile")
    memento.lead(response, _settings(), archive, accession)
    if offer.profile and response.status_code < 400:
        response.headers["Content-Profile"] = f"<{offer.profile.iri}>"
    return response


def _dataset(archive: str, accession: str, offer: Format, style: str, now: Now) -> Page:
    settings = _settings()
    try:
        found = describe.dataset(now.pages, settings, archive, accession, brief=offer is formats.HTML)
    except GoneError as err:
        return _tombstone(err, offer, now)
    links = machine.header(machine.signposts(found), settings.base_iri, request.script_root)
    robots = "noindex" if found.state == describe.SUPPRESSED else ""
    return page_of(_write_dataset(found, offer, style, now), links=links, robots=robots)


def _write_dataset(found: describe.Description, offer: Format, style: str, now: Now) -> str | bytes:
    record = found.record
    if offer is formats.HTML:
        embedded = schemaorg.embedded(record, machine.changed(found))
        text = json.dumps(embedded, ensure_ascii=False).replace("<", "\\u003c")
        known: dict[str, Any] = {"cite": citations.address(record), "embedded": text, "offers": offers.DATASET}
        known |= {"cited": citations.formatted(record, style), "styles": citations.STYLES.values()}
        known["signposts"] = machine.signposts(found)
        known["elsewhere"] = elsewhere.of(now.pages, record.id)
        known["links"] = elsewhere.found_of(now.pages, record.id)
        known |= landing.known(found, now, known["elsewhere"])
        return render_template("dataset.html", now=now, record=record, found=found, **known)
    if offer is formats.CITATION:
        return citations.text(record, style) + "\n"
    return machine.write(found, offer)


def _tombstone(err: GoneError, offer: Format, now: Now) -> Page:
    successor = err.tombstone.get("replaced_by")
    links = f'<{successor}>; rel="successor-version"' if successor else ""
    if offer is formats.HTML:
        return page_of(render_template("tombstone.html", now=now, tombstone=err.tombstone), 410, links)
    status, headers, body = problem(err)
    text = json.dumps({**json.loads(body), "tombstone": err.tombstone}, ensure_ascii=False)
    return page_of(text, status, links, content_type=dict(headers)["Content-Type"])


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
