"""The page of a taxon: every dataset of an organism and of what stands below it, whatever name it is asked by."""

from __future__ import annotations

from functools import partial

from flask import Blueprint, current_app, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from hub import formats, taxon_pages
from hub.entities import SORTS
from hub.errors import NotFoundError
from hub.formats import Format
from hub.ontologies import Ontologies
from hub.published import Now
from hub.taxon_pages import TaxonPage
from hub.web import entities, offers
from hub.web.cache import Page
from hub.web.pages import page_of, respond

taxa = Blueprint("taxa", __name__)


@taxa.get("/taxon/<path:name>")
def taxon(name: str) -> BaseResponse:
    """A taxon by NCBI number; other identifiers and names lead there."""
    name, suffix = entities.asked(name)
    offer = offers.choose(request, *entities.OFFERS, suffix=suffix)
    now: Now = current_app.config["HUB_PUBLICATION"]()
    known = Ontologies.of(entities.settings())
    found = taxon_pages.find(now.pages, known, name)
    if len(found) != 1:
        raise NotFoundError(_hint(known, name, found))
    number = found[0].removeprefix(taxon_pages.PREFIX)
    here = url_for("taxa.taxon", name=number)
    if name != number:
        query = f"?{request.query_string.decode()}" if request.query_string else ""
        return redirect(f"{here}{suffix or ''}{query}", 301)
    which = entities.part()
    return respond(offer, ("taxon", number, which, request.script_root), partial(_page, found[0], which, offer))


def _hint(known: Ontologies, name: str, found: list[str]) -> str:
    if found:
        meant = ", ".join(f"{iri.removeprefix(taxon_pages.PREFIX)} ({known.label(iri) or iri})" for iri in found[:9])
        return f"{name[:80]!r} can be several taxa: ask for one of {meant}"
    return f"{name[:80]!r} is no organism that is known here: write its NCBI taxonomy number, such as /taxon/9606"


def _page(iri: str, which: tuple[int, str], offer: Format, now: Now) -> Page:
    settings = entities.settings()
    page = taxon_pages.page(now.pages, Ontologies.of(settings), settings.base_iri, iri, *which)
    here = url_for("taxa.taxon", name=page.number)
    header = entities.links(here, ["Taxon"], iri)
    if offer is not formats.HTML:
        return entities.data(offer, taxon_pages.as_json(page), taxon_pages.quads(page), header)
    known = {"here": here, "offers": entities.OFFERS, "sorts": SORTS, "embedded": entities.embedded(_schema(page))}
    turned = entities.turning(here, page.part.sort)
    return page_of(render_template("taxon.html", now=now, page=page, turned=turned, **known), links=header)


def _schema(page: TaxonPage) -> dict[str, object]:
    """Return the taxon as schema.org has it.

    Source: https://bioschemas.org/profiles/Taxon/1.0-RELEASE
    """
    about = page.about
    return {
        "@id": about.iri,
        "@type": "Taxon",
        "name": about.name,
        "alternateName": list(page.common),
        "identifier": f"NCBITaxon:{page.number}",
        "parentTaxon": [{"@id": one.id, "@type": "Taxon", "name": one.name} for one in about.broader],
        "childTaxon": [{"@id": one.id, "@type": "Taxon", "name": one.name} for one in about.narrower],
        "sameAs": f"https://www.ncbi.nlm.nih.gov/Taxonomy/Browser/wwwtax.cgi?id={page.number}",
        "subjectOf": [{"@id": one.iri, "@type": "Dataset", "name": one.title} for one in page.part.shown],
    }
