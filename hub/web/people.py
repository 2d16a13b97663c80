"""Pages of people and organisations: every dataset that has to do with one, by its ORCID iD or ROR identifier."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import Any

from flask import Blueprint, current_app, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from hub import formats, people_pages
from hub.config import Settings
from hub.formats import Format
from hub.organisations import Organisations
from hub.people import People
from hub.people_pages import OrganisationPage, Other, PersonPage
from hub.published import Now
from hub.web import entities, offers
from hub.web.cache import Page
from hub.web.pages import page_of, respond
from hub.web.problems import HttpError
from ontology import identifiers
from ontology.organisations import country_name

people = Blueprint("people", __name__)
OFFERS = (formats.HTML, formats.JSON, formats.JSONLD, formats.TURTLE, formats.NTRIPLES, formats.RDFXML)
MAX_NAME = 100
MOST = 100  # datasets in the embedded JSON-LD; the other formats have all


@people.get("/person/<path:name>")
def person(name: str) -> BaseResponse:
    """A person by ORCID iD in any spelling."""
    return _answer("person", name, identifiers.orcid, _person)


@people.get("/organisation/<path:name>")
def organisation(name: str) -> BaseResponse:
    """An organisation by ROR identifier in any spelling."""
    return _answer("organisation", name, identifiers.ror, _organisation)


def _answer(kind: str, name: str, parse: Callable[[str], str], make: Callable[..., Page]) -> BaseResponse:
    """Return a page; another spelling of the identifier is sent to the one that the page has."""
    name, suffix = offers.split_suffix(re.sub(r"^(https?):/(?!/)", r"\1://", name))
    offer = offers.choose(request, *OFFERS, suffix=suffix)
    try:
        iri = parse(name[: MAX_NAME + 1])
    except ValueError as err:
        raise HttpError(404, str(err)) from err
    here = address(iri)
    if iri.rpartition("/")[2] != name:
        return redirect(here + (suffix or ""), 301)
    settings: Settings = current_app.config["HUB_SETTINGS"]
    return respond(offer, (kind, iri, _versions(settings), request.script_root), partial(make, iri, here, offer))


def address(iri: str) -> str:
    """Return the path of the page of an ORCID or ROR IRI; empty for anything else."""
    for kind, start in (("person", people_pages.ORCID), ("organisation", "https://ror.org/")):
        if iri.startswith(start):
            return url_for(f"people.{kind}", name=iri.removeprefix(start))
    return ""


def _versions(settings: Settings) -> tuple[Any, ...]:
    """Return what changes when a registry's table is written anew."""
    return (People.stamp(settings), Organisations.stamp(settings))


def _person(iri: str, here: str, offer: Format, now: Now) -> Page:
    settings: Settings = current_app.config["HUB_SETTINGS"]
    page = people_pages.person(now.pages, People.of(settings), settings.base_iri, iri)
    if offer is formats.HTML:
        known: dict[str, Any] = {"roles": people_pages.ROLES, "address": address, "here": here, "offers": OFFERS}
        known["embedded"] = entities.embedded(_person_schema(page))
        text = render_template("person.html", now=now, page=page, **known)
        return page_of(text, links=entities.links(here, ["Person"], iri))
    header = entities.links(here, ["Person"], iri)
    return entities.data(offer, people_pages.person_json(page), people_pages.person_quads(page), header)


def _organisation(iri: str, here: str, offer: Format, now: Now) -> Page:
    settings: Settings = current_app.config["HUB_SETTINGS"]
    page = people_pages.organisation(now.pages, Organisations.of(settings), iri)
    if offer is formats.HTML:
        known: dict[str, Any] = {"parts": people_pages.PARTS, "address": address, "here": here, "offers": OFFERS}
        known["embedded"] = entities.embedded(_organisation_schema(page))
        text = render_template("organisation.html", now=now, page=page, country_name=country_name, **known)
        return page_of(text, links=entities.links(here, ["Organization"], iri))
    header = entities.links(here, ["Organization"], iri)
    return entities.data(offer, people_pages.organisation_json(page), people_pages.organisation_quads(page), header)


def _person_schema(page: PersonPage) -> dict[str, object]:
    """Return the person as schema.org has it.

    Source: https://bioschemas.org/profiles/Person/0.3-DRAFT
    """
    return {
        "@id": page.id,
        "@type": "Person",
        "name": page.name,
        "alternateName": [name for name in page.written if name != page.name],
        "identifier": page.id,
        "affiliation": [_other_schema(one, "Organization") for one in page.organisations],
        "subjectOf": [{"@id": work.dataset, "@type": "Dataset", "name": work.name} for work in page.works[:MOST]],
    }


def _organisation_schema(page: OrganisationPage) -> dict[str, object]:
    """Return the organisation as schema.org has it.

    Source: https://schema.org/Organization
    """
    known = page.known
    return {
        "@id": page.id,
        "@type": "Organization",
        "name": page.name,
        "alternateName": sorted({*page.written, *(name for name, _ in (known.names if known else ()))} - {page.name}),
        "identifier": page.id,
        "parentOrganization": [_other_schema(one, "Organization") for one in page.related.get("parents", [])],
        "subjectOf": [{"@id": work.dataset, "@type": "Dataset", "name": work.name} for work in page.works[:MOST]],
    }


def _other_schema(one: Other, kind: str) -> dict[str, str]:
    return {**({"@id": one.id} if one.id else {}), "@type": kind, "name": one.name}
