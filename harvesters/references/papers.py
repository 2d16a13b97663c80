"""Papers: which identifiers are one paper, what it is called, and which datasets it is said to have or names.

Each table or service becomes one reference of kind ``papers`` (formats and addresses in docs/links.md); what they say
together is answered by :mod:`hub.papers`.
"""

from __future__ import annotations

from harvesters.references import papers_crossref, papers_datacite, papers_europepmc, papers_scholix, papers_tables
from harvesters.references.contract import Format, Kind, Table
from harvesters.references.papers_asking import accession_of, papers_of

NAMED = ("dataset", "paper", "relation", "provider", "written", "section", "quote")

KIND = Kind(
    name="papers",
    version=1,
    tables=(
        Table("ids", ("pmid INTEGER", "pmcid INTEGER", "doi TEXT"), ("pmid", "pmcid", "doi")),
        Table(
            "work",
            (
                "id TEXT PRIMARY KEY",
                "title TEXT",
                "authors TEXT NOT NULL",
                "journal TEXT",
                "published TEXT",
                "kind TEXT",
                "retracted INTEGER NOT NULL",
            ),
        ),
        Table(
            "named",
            tuple(f"{name} TEXT" for name in NAMED),
            ("dataset", "paper"),
        ),
        Table("entry", ("entry TEXT", "dataset TEXT"), ("dataset",)),
        Table("asked", ("id TEXT PRIMARY KEY", "found INTEGER NOT NULL", "agency TEXT")),
        Table("data_doi", ("doi TEXT PRIMARY KEY", "kind TEXT")),
    ),
    formats={
        "crossref": Format(
            papers_crossref.read_works, papers_crossref.fetch_works, identifiers=papers_of, main="asked"
        ),
        "datacite": Format(papers_datacite.read_dois, papers_datacite.fetch_dois, main="data_doi"),
        "emdb-empiar": Format(papers_tables.read_emdb_empiar, main="entry"),
        "emdb-pubmed": Format(papers_tables.read_emdb_pubmed, main="named"),
        "europepmc": Format(
            papers_europepmc.read_papers, papers_europepmc.fetch_papers, identifiers=papers_of, main="asked"
        ),
        "europepmc-ids": Format(papers_tables.read_ids),
        "europepmc-mentions": Format(
            papers_europepmc.read_mentions, papers_europepmc.fetch_mentions, identifiers=accession_of, main="asked"
        ),
        "pmc-ids": Format(papers_tables.read_ids),
        "scholix": Format(papers_scholix.read_links, main="named"),
        "text-mined": Format(papers_tables.read_text_mined, main="named"),
    },
)
