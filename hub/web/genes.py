"""The gene pivot: every dataset that has to do with a gene, and why, whatever name it is asked by."""

from __future__ import annotations

import json
import re
from functools import partial

from flask import Blueprint, current_app, redirect, render_template, request, url_for
from werkzeug.urls import iri_to_uri
from werkzeug.wrappers import Response as BaseResponse

from hub import formats, gene_pages
from hub.config import Settings
from hub.formats import Format
from hub.gene_pages import Choice, Library
from hub.genes import Genes
from hub.published import Now
from hub.web import offers
from hub.web.cache import Page
from hub.web.pages import page_of, respond
from hub.web.problems import HttpError
from ontology import geneids, identifiers, terms

genes = Blueprint("genes", __name__)
OFFERS = (formats.HTML, formats.JSON, formats.JSONLD, formats.TURTLE, formats.NTRIPLES, formats.RDFXML)
MAX_NAME = 200


@genes.get("/gene/<path:name>")
def gene(name: str) -> BaseResponse:
    """A gene by symbol or identifier; a choice where the name means several, its successor where it was retired."""
    name, suffix = offers.split_suffix(re.sub(r"^(https?):/(?!/)", r"\1://", name))
    offer = offers.choose(request, *OFFERS, suffix=suffix)
    if len(name) > MAX_NAME:
        raise HttpError(404, f"a gene's name has at most {MAX_NAME} characters")
    taxon = _taxon(request.args.get("taxon", ""))
    settings: Settings = current_app.config["HUB_SETTINGS"]
    now: Now = current_app.config["HUB_PUBLICATION"]()
    tables = Genes.of(settings)
    found = Library(now.pages, tables, settings.base_iri).find(name, taxon)
    if found.gene is None:
        asked = ("genes", tables.version, name, taxon, request.script_root)
        return respond(offer, asked, partial(_choice, name, found.choices, offer))
    if found.is_retired:
        return redirect(address(found.gene) + (suffix or ""), 301)
    key = ("gene", tables.version, found.gene, tuple(c.account.iri for c in found.choices), request.script_root)
    return respond(offer, key, partial(_page, found.gene, found.choices, offer))


def address(iri: str) -> str:
    """Return the path of a gene's page."""
    try:
        name = geneids.compact(iri)
    except ValueError:
        name = iri
    return url_for("genes.gene", name=name)


def _taxon(text: str) -> int | None:
    if not text:
        return None
    for parse in (identifiers.taxon, terms.organism):
        try:
            return geneids.species_of(parse(text))
        except ValueError:
            continue
    raise HttpError(400, f"taxon: {text[:80]!r} is no organism that is known here: give its NCBI taxonomy number")


def _page(iri: str, choices: tuple[Choice, ...], offer: Format, now: Now) -> Page:
    settings: Settings = current_app.config["HUB_SETTINGS"]
    page = Library(now.pages, Genes.of(settings), settings.base_iri).page(iri, choices)
    here = address(iri)
    links = [f'<{iri_to_uri(here)}>; rel="canonical"']
    links += [f'<{iri_to_uri(here + o.suffix)}>; rel="alternate"; type="{o.media_type}"' for o in OFFERS]
    return page_of(_written(page, here, offer, now), links=", ".join(links))


def _written(page: gene_pages.GenePage, here: str, offer: Format, now: Now) -> str | bytes:
    if offer is formats.HTML:
        known = {"kinds": gene_pages.KINDS, "address": address, "here": here, "offers": OFFERS}
        return render_template("gene.html", now=now, page=page, gene=page.account, **known)
    if offer is formats.JSON:
        return json.dumps(gene_pages.as_json(page), ensure_ascii=False, indent=1)
    return offers.serialize(gene_pages.quads(page), offer)


def _choice(name: str, choices: tuple[Choice, ...], offer: Format, now: Now) -> Page:
    links = ", ".join(f'<{iri_to_uri(address(choice.account.iri))}>; rel="alternate"' for choice in choices)
    if offer is formats.HTML:
        text = render_template("gene_choice.html", now=now, name=name, choices=choices, address=address)
        return page_of(text, 300, links)
    told = {"name": name, "choices": [gene_pages.choice_json(choice) for choice in choices]}
    return page_of(json.dumps(told, ensure_ascii=False, indent=1), 300, links, formats.JSON.content_type)
