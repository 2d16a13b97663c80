"""The gene pivot: every dataset that has to do with a gene, and why, whatever name it is asked by."""

from __future__ import annotations

import json
import re
from functools import partial
from typing import Any

from flask import Blueprint, current_app, redirect, render_template, request, url_for
from werkzeug.urls import iri_to_uri
from werkzeug.wrappers import Response as BaseResponse

from hub import formats, gene_pages
from hub.config import Settings
from hub.formats import Format
from hub.gene_pages import Choice, Library
from hub.genes import Genes
from hub.published import Now
from hub.web import entities, offers
from hub.web.cache import Page
from hub.web.pages import page_of, respond
from hub.web.problems import HttpError
from ontology import geneids, identifiers, terms

genes = Blueprint("genes", __name__)
OFFERS = (formats.HTML, formats.JSON, formats.JSONLD, formats.TURTLE, formats.NTRIPLES, formats.RDFXML)
MAX_NAME = 200
MOST = 100  # datasets in the embedded JSON-LD; the other formats have all


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
    return page_of(_written(page, here, offer, now), links=entities.links(here, ["Gene"], page.account.iri))


def _written(page: gene_pages.GenePage, here: str, offer: Format, now: Now) -> str | bytes:
    if offer is formats.HTML:
        known: dict[str, Any] = {"kinds": gene_pages.KINDS, "address": address, "here": here, "offers": OFFERS}
        known["embedded"] = entities.embedded(_schema(page))
        return render_template("gene.html", now=now, page=page, gene=page.account, **known)
    if offer is formats.JSON:
        return json.dumps(gene_pages.as_json(page), ensure_ascii=False, indent=1)
    return offers.serialize(gene_pages.quads(page), offer)


def _schema(page: gene_pages.GenePage) -> dict[str, object]:
    """Return the gene as schema.org has it.

    Source: https://bioschemas.org/profiles/Gene/1.0-RELEASE
    """
    about = page.account
    datasets = {use.dataset: use.name for use in page.uses}
    taxon = f"{identifiers.OBO}NCBITaxon_{about.taxon}" if about.taxon else None
    return {
        "@id": about.iri,
        "@type": "Gene",
        "name": about.symbol or about.iri,
        "description": about.name,
        "identifier": [geneids.compact(iri) for iri in about.ids] or about.iri,
        "alternateName": [*about.previous, *about.aliases, *about.systematic],
        "sameAs": [iri for iri in about.ids if iri != about.iri],
        "taxonomicRange": {"@id": taxon, "@type": "Taxon", "name": page.organism} if taxon else None,
        "encodesBioChemEntity": [{"@id": iri, "@type": "Protein"} for iri in about.proteins],
        "subjectOf": [{"@id": iri, "@type": "Dataset", "name": n} for iri, n in list(datasets.items())[:MOST]],
    }


def _choice(name: str, choices: tuple[Choice, ...], offer: Format, now: Now) -> Page:
    links = ", ".join(f'<{iri_to_uri(address(choice.account.iri))}>; rel="alternate"' for choice in choices)
    if offer is formats.HTML:
        text = render_template("gene_choice.html", now=now, name=name, choices=choices, address=address)
        return page_of(text, 300, links)
    told = {"name": name, "choices": [gene_pages.choice_json(choice) for choice in choices]}
    return page_of(json.dumps(told, ensure_ascii=False, indent=1), 300, links, formats.JSON.content_type)
