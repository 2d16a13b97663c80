"""The catalogue of all datasets as DCAT-AP, page by page, for data portals.

Source: https://semiceu.github.io/DCAT-AP/releases/3.0.0/ · https://www.hydra-cg.com/spec/latest/core/
"""

from __future__ import annotations

from functools import partial
from typing import Any

from flask import Blueprint, current_app, request
from pyoxigraph import NamedNode, Quad
from werkzeug.wrappers import Response as BaseResponse

from hub import dcat, formats, queries, records
from hub.errors import NotFoundError
from hub.formats import Format
from hub.published import Now
from hub.queries import Terms
from hub.web import offers
from hub.web.cache import Page
from hub.web.pages import page_of, respond
from linkml_schemas.generated.model import Dataset

catalog = Blueprint("catalog", __name__)
PER_PAGE = 100
OFFERS = (formats.TURTLE, formats.JSONLD, formats.RDFXML, formats.NTRIPLES)


@catalog.get("/catalog")
@catalog.get("/catalog.<suffix>")
def show(suffix: str | None = None) -> BaseResponse:
    """One page of the catalogue."""
    offer = offers.choose(request, *OFFERS, suffix=suffix)
    try:
        number = int(request.args.get("page", "1"))
    except ValueError as err:
        raise NotFoundError(f"page: {request.args['page']!r} is no number; ask for page=1") from err
    return respond(offer, ("catalog", number, request.script_root), partial(_page, offer, number))


def _page(offer: Format, number: int, now: Now) -> Page:
    every = _datasets(now)
    last = max(1, -(-len(every) // PER_PAGE))
    if not 1 <= number <= last:
        raise NotFoundError(f"page: there is no page {number} of the catalogue; the last one is {last}")
    base = current_app.config["HUB_SETTINGS"].base_iri
    shown = every[(number - 1) * PER_PAGE : number * PER_PAGE]
    quads = dcat.page(base, _read(now, shown), number, last, len(every))
    return page_of(offers.serialize(quads, offer), links=_links(number, last))


def _datasets(now: Now) -> list[str]:
    """Return the IRIs of every dataset in order; asked for once for each snapshot."""

    def ask() -> Page:
        rows = queries.select(now.pages, "describe/catalog")
        return page_of("\n".join(sorted({row["dataset"].value for row in rows})))

    body: bytes = current_app.config["HUB_PAGES"].get(now.version, ("catalog", "datasets"), ask).body
    return body.decode().splitlines()


def _read(now: Now, iris: list[str]) -> list[Dataset]:
    """Return the datasets of a page: each read from its own statements, and from those of what it leads to."""
    said: dict[Any, list[Quad]] = {}
    for quad in queries.quads(now.pages, "describe/catalog-page", iris=Terms(NamedNode(iri) for iri in iris)):
        said.setdefault(quad.subject, []).append(quad)
    return [records.from_quads((q for subject in _reached(iri, said) for q in said[subject]), iri) for iri in iris]


def _reached(iri: str, said: dict[Any, list[Quad]]) -> list[Any]:
    """Return a dataset and everything that statements lead to from it, as far as anything is said of it."""
    found: dict[Any, None] = {}
    new: list[Any] = [NamedNode(iri)]
    while new:
        found.update(dict.fromkeys(new))
        new = [q.object for subject in new for q in said[subject] if q.object in said and q.object not in found]
    return list(found)


def _links(number: int, last: int) -> str:
    ways = {"first": 1, "prev": number - 1, "next": number + 1, "last": last}
    root = request.script_root
    return ", ".join(f'<{root}/catalog?page={n}>; rel="{way}"' for way, n in ways.items() if 1 <= n <= last)
