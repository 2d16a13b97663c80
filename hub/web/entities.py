"""What views of taxa, terms, grants and archives share: addresses, pages of lists, Link headers, embedded JSON-LD."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from typing import Any, Final
from urllib.parse import urlencode

from flask import Blueprint, current_app, request, url_for
from pyoxigraph import Quad
from werkzeug.urls import iri_to_uri

from hub import formats, papers
from hub.config import Settings
from hub.entities import SCHEMA, SORTS
from hub.formats import Format
from hub.web import offers
from hub.web.cache import Page
from hub.web.pages import page_of
from hub.web.problems import HttpError
from ontology import geneids, identifiers

entities = Blueprint("entities", __name__)
OFFERS: Final = (formats.HTML, formats.JSON, formats.JSONLD, formats.TURTLE, formats.NTRIPLES, formats.RDFXML)
MAX_NAME: Final = 500
_TAXON: Final = f"{identifiers.OBO}NCBITaxon_"


def settings() -> Settings:
    """Return the hub's settings."""
    found: Settings = current_app.config["HUB_SETTINGS"]
    return found


def asked(name: str) -> tuple[str, str | None]:
    """Return a name in an address, with its scheme's slashes mended, and the suffix of a format.

    Raises:
        HttpError: it is too long.
    """
    name, suffix = offers.split_suffix(re.sub(r"^(https?):/(?!/)", r"\1://", name))
    if len(name) > MAX_NAME:
        raise HttpError(404, f"a name in an address has at most {MAX_NAME} characters")
    return name, suffix


def part(default: str = "newest") -> tuple[int, str]:
    """Return which page of a list is asked for, and in what order.

    Raises:
        HttpError: no number, or no order that there is.
    """
    sort = request.args.get("sort", default)
    if sort not in SORTS:
        raise HttpError(400, f"sort: write one of {', '.join(SORTS)}")
    number = request.args.get("page", "1")
    if not re.fullmatch(r"-?\d{1,9}", number, re.ASCII):
        raise HttpError(400, "page: write the number of a page, from 1")
    return int(number), sort


def turning(here: str, now: str, default: str = "newest") -> Callable[..., str]:
    """Return a function from a page and an order (``now`` if none) to the address of that page of a list."""

    def address(page: int, sort: str = now) -> str:
        told: dict[str, Any] = {"sort": sort} if sort != default else {}
        query = urlencode({**told, "page": page} if page > 1 else told)
        return f"{here}?{query}" if query else here

    return address


@entities.app_template_global()
def entity_page(iri: str | None) -> str:
    """Return the path of the hub's page of a thing whose IRI is another's; empty where it has none."""
    if not iri or ("#" in iri and "/record/" in iri):
        return ""
    if iri.startswith(_TAXON):
        return url_for("taxa.taxon", name=iri.removeprefix(_TAXON))
    if iri.startswith("https://orcid.org/"):
        return url_for("people.person", name=iri.rpartition("/")[2])
    if iri.startswith("https://ror.org/"):
        return url_for("people.organisation", name=iri.rpartition("/")[2])
    if papers.short(iri) != iri:
        return url_for("papers.paper", name=papers.short(iri))
    return _term(iri) or _gene(iri)


def _term(iri: str) -> str:
    try:
        return url_for("terms.term", name=identifiers.curie(iri)) if identifiers.term(iri) == iri else ""
    except ValueError:
        return ""


def _gene(iri: str) -> str:
    try:
        return url_for("genes.gene", name=geneids.compact(iri))
    except ValueError:
        return ""


def links(here: str, types: Iterable[str], about: str = "", also: Iterable[tuple[str, str]] = ()) -> str:
    """Return the Link header of an entity's page.

    Args:
        here: address of the page, without suffix.
        types: names of schema.org classes of the thing.
        about: the thing's own IRI, to cite it by.
        also: further targets with their parameters.

    Source: https://signposting.org/FAIR/
    """
    found = [(here, 'rel="canonical"')]
    found += [(about, 'rel="cite-as"')] if about else []
    machines = [offer for offer in OFFERS if offer is not formats.HTML]
    found += [(here + offer.suffix, f'rel="describedby"; type="{offer.media_type}"') for offer in machines]
    found += [(here + offer.suffix, f'rel="alternate"; type="{offer.media_type}"') for offer in OFFERS]
    found += [(SCHEMA + kind, 'rel="type"') for kind in ("AboutPage", *types)]
    return ", ".join(f"<{iri_to_uri(target)}>; {rest}" for target, rest in (*found, *also))


def embedded(tree: dict[str, Any]) -> str:
    """Return JSON-LD under schema.org's context as it can stand in a page; what is empty is left out."""
    kept = {name: value for name, value in tree.items() if value not in (None, "", [], ())}
    return json.dumps({"@context": "http://schema.org/", **kept}, ensure_ascii=False).replace("<", "\\u003c")


def data(offer: Format, told: dict[str, Any], quads: list[Quad], header: str) -> Page:
    """Return a page as JSON or RDF."""
    if offer is formats.JSON:
        return page_of(json.dumps(told, ensure_ascii=False, indent=1), links=header)
    return page_of(offers.serialize(quads, offer), links=header)
