"""The text fields of a study's document, and which slots of its datasets fill them."""

from __future__ import annotations

from hub.search.contract import Field

NAMES = ("name", "scientific_name", "vernacular_name", "alternate_name", "term_code", "symbol")
"""Slots whose texts name a thing; those that the model does not have are passed over."""

FIELDS = (
    Field("title", "Title", 10, ("name",)),
    Field(
        "identifiers",
        "Identifiers",
        8,
        ("accession", "same_as", "url", "reconstruction", "related", "publication", "publication.same_as"),
    ),
    Field("keywords", "Keywords", 5, ("keyword",)),
    Field(
        "terms",
        "Organisms, methods and other terms",
        5,
        (
            "about",
            "about.taxon",
            "about.strain",
            "about.cell_line",
            "measurement_method",
            "measurement_method.measurement_technique",
            "phenotype",
            "compound",
            "imaging_scale",
            "reagent_annotation.reagent",
            "reagent_annotation.phenotype",
            "gene_annotation.phenotype",
            "has_part.about",
            "has_part.about.taxon",
            "has_part.measurement_method",
            "has_part.measurement_method.measurement_technique",
        ),
    ),
    Field("genes", "Genes", 4, ("gene_annotation.gene", "gene_annotation.reagent")),
    Field("people", "People", 4, ("author", "accountable_person", "contact")),
    Field("papers", "Publications", 3, ("publication", "publication.author_text", "publication.journal")),
    Field(
        "parts",
        "Parts and files",
        2,
        ("has_part", "has_part.description", "distribution", "distribution.description"),
    ),
    Field(
        "funding",
        "Funding and affiliations",
        2,
        ("funding", "funding.grant_number", "funding.funder", "author.affiliation", "publisher"),
    ),
    Field("description", "Description", 1, ("description", "about.description", "measurement_method.description")),
)
"""Besides these, :mod:`hub.search.layout` has ``broader`` and ``exact``, which are made of them."""
