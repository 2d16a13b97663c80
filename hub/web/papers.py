"""The page of a paper: its identifiers, its datasets and who says so, whatever identifier it is asked by."""

from __future__ import annotations

import json
import re
from functools import partial
from typing import Any

from flask import Blueprint, current_app, render_template, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from hub import formats, paper_pages
from hub import papers as tables
from hub.config import Settings
from hub.errors import NotFoundError
from hub.formats import Format
from hub.papers import Papers
from hub.published import Now
from hub.web import entities, offers
from hub.web.cache import Page
from hub.web.pages import page_of, respond
from hub.web.problems import HttpError

papers = Blueprint("papers", __name__)
OFFERS = (formats.HTML, formats.JSON, formats.JSONLD, formats.TURTLE, formats.NTRIPLES, formats.RDFXML)
MAX_NAME = 500
MOST = 40  # authors in a Link header, which servers cut off at 8 kB


@papers.get("/paper/<path:name>")
def paper(name: str) -> BaseResponse:
    """A paper by DOI, PubMed id, PubMed Central id or any address of these."""
    name, suffix = offers.split_suffix(re.sub(r"^(https?):/(?!/)", r"\1://", name))
    offer = offers.choose(request, *OFFERS, suffix=suffix)
    if len(name) > MAX_NAME:
        raise HttpError(404, f"a paper's identifier has at most {MAX_NAME} characters")
    try:
        iri = tables.parse(name)
    except ValueError as err:
        raise NotFoundError(f"{name[:80]!r} is no DOI, PubMed id or PubMed Central id") from err
    settings: Settings = current_app.config["HUB_SETTINGS"]
    key = ("paper", Papers.of(settings).version, iri, request.script_root)
    return respond(offer, key, partial(_page, iri, offer))


@papers.app_template_filter("paper_name")
def paper_name(iri: str) -> str:
    """Return what a paper is called in the address of its page."""
    return tables.short(iri)


@papers.app_template_test("paper")
def is_paper(iri: str) -> bool:
    """Tell whether an IRI is of a paper's identifier, and so has a page."""
    return tables.short(iri) != iri


def address(iri: str) -> str:
    """Return the path of a paper's page."""
    return url_for("papers.paper", name=paper_name(iri))


def _page(iri: str, offer: Format, now: Now) -> Page:
    settings: Settings = current_app.config["HUB_SETTINGS"]
    page = paper_pages.Library(now.pages, Papers.of(settings), settings.base_iri).page(iri)
    here = address(page.iri)
    authors = [(orcid, 'rel="author"') for _, orcid in page.authors[:MOST] if orcid]
    return page_of(
        _written(page, here, offer, now), links=entities.links(here, ["ScholarlyArticle"], page.iri, authors)
    )


def _written(page: paper_pages.PaperPage, here: str, offer: Format, now: Now) -> str | bytes:
    if offer is formats.HTML:
        known: dict[str, Any] = {"kinds": paper_pages.KINDS, "here": here, "offers": OFFERS, "short": tables.short}
        known["embedded"] = entities.embedded(_schema(page))
        return render_template("paper.html", now=now, page=page, **known)
    if offer is formats.JSON:
        return json.dumps(paper_pages.as_json(page), ensure_ascii=False, indent=1)
    return offers.serialize(paper_pages.quads(page), offer)


def _schema(page: paper_pages.PaperPage) -> dict[str, object]:
    """Return the paper as schema.org has it.

    Source: https://bioschemas.org/profiles/ScholarlyArticle/0.3-DRAFT
    """
    people = [{"@type": "Person", "name": name, **({"@id": orcid} if orcid else {})} for name, orcid in page.authors]
    has = [use for use in page.uses if use.kind == "has"]
    return {
        "@id": page.iri,
        "@type": "ScholarlyArticle",
        "headline": page.title,
        "name": page.title,
        "identifier": [tables.short(iri) for iri in page.spellings],
        "sameAs": list(page.spellings[1:]),
        "author": people,
        "creditText": page.author_text,
        "isPartOf": {"@type": "Periodical", "name": page.journal} if page.journal else None,
        "datePublished": page.published,
        "subjectOf": [{"@id": use.dataset, "@type": "Dataset", "name": use.name} for use in has],
    }
