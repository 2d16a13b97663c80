"""The page of an ontology term: every dataset that has it or a narrower one, and what it is to them."""

from __future__ import annotations

from functools import partial
from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from hub import formats, term_pages
from hub.entities import SORTS, short
from hub.errors import NotFoundError
from hub.formats import Format
from hub.ontologies import Ontologies
from hub.published import Now
from hub.taxon_pages import PREFIX
from hub.term_pages import TermPage
from hub.web import entities, offers
from hub.web.cache import Page
from hub.web.pages import page_of, respond
from ontology import identifiers

terms = Blueprint("terms", __name__)


@terms.get("/term/<path:name>")
def term(name: str) -> BaseResponse:
    """A term by compact identifier; its IRI, other spellings and names lead there, taxa to their own pages."""
    name, suffix = entities.asked(name)
    offer = offers.choose(request, *entities.OFFERS, suffix=suffix)
    iri = _read(name)
    here = entities.entity_page(iri)
    if iri.startswith(PREFIX) or name != short(iri):
        query = f"?{request.query_string.decode()}" if request.query_string else ""
        return redirect(f"{here}{suffix or ''}{query}", 301)
    which = entities.part()
    return respond(offer, ("term", iri, which, request.script_root), partial(_page, iri, which, offer))


def _read(name: str) -> str:
    try:
        return identifiers.term(name)
    except ValueError:
        known = Ontologies.of(entities.settings())
    found = term_pages.named(known, name.replace("_", " "))
    if len(found) == 1:
        return found[0][0]
    if found:
        meant = ", ".join(f"{short(iri)} ({label})" for iri, label in found[:9])
        raise NotFoundError(f"{name[:80]!r} can be several terms: ask for one of {meant}")
    raise NotFoundError(
        f"{name[:80]!r} is no term that is known here: write its compact identifier, such as /term/FBbi:00000246"
    )


def _page(iri: str, which: tuple[int, str], offer: Format, now: Now) -> Page:
    settings = entities.settings()
    page = term_pages.page(now.pages, Ontologies.of(settings), settings.base_iri, iri, *which)
    here = url_for("terms.term", name=short(iri))
    header = entities.links(here, ["DefinedTerm"], iri)
    if offer is not formats.HTML:
        return entities.data(offer, term_pages.as_json(page), term_pages.quads(page), header)
    known: dict[str, Any] = {
        "here": here,
        "offers": entities.OFFERS,
        "sorts": SORTS,
        "embedded": entities.embedded(_schema(page)),
    }
    known |= {"roles": term_pages.ROLES, "short": short, "turned": entities.turning(here, page.part.sort)}
    return page_of(render_template("term.html", now=now, page=page, **known), links=header)


def _schema(page: TermPage) -> dict[str, object]:
    """Return the term as schema.org has it.

    Source: https://schema.org/DefinedTerm
    """
    about = page.about
    code = short(about.iri)
    return {
        "@id": about.iri,
        "@type": "DefinedTerm",
        "name": about.name,
        "alternateName": list(about.synonyms),
        "description": about.definition,
        "termCode": code,
        "inDefinedTermSet": code.partition(":")[0],
        "sameAs": [one.id for one in page.mappings if one.how == "the same"],
        "subjectOf": [{"@id": one.iri, "@type": "Dataset", "name": one.title} for one in page.part.shown],
    }
