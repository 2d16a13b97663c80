"""Bulk tables about papers: which identifiers are one paper, which accessions texts name, which papers EMDB has.

Source: https://europepmc.org/downloads · https://pmc.ncbi.nlm.nih.gov/tools/pmc-ids/ ·
https://github.com/emdb-empiar/added_annotations (headers of EMICSS' tables)
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from typing import BinaryIO

from harvesters.references.contract import META, Reference, Row
from harvesters.references.papers_rows import MENTIONS, Named, dataset, ids, paper
from harvesters.references.streams import text_lines

PRIMARY_CITATION = "PrimaryCitation"


def read_ids(stream: BinaryIO, reference: Reference) -> Iterator[Row]:
    """Yield which PubMed and PubMed Central ids and DOIs are one paper, of Europe PMC's or NCBI's table.

    Raises:
        ValueError: the table has another heading.
    """
    for line in _rows(stream, reference, ("PMID", "PMCID", "DOI"), ","):
        yield from ids(line["PMID"], line["PMCID"], line["DOI"])


def read_text_mined(stream: BinaryIO, reference: Reference) -> Iterator[Row]:
    """Yield which papers name which accessions, of one of Europe PMC's text-mined lists.

    The first column is headed by the family of accessions, so it is found by its place. Accessions of archives that
    are not here (``S-EPMC…`` in the BioStudies list) are passed over.

    Raises:
        ValueError: the list has another heading.
    """
    for line in _rows(stream, reference, ("PMCID", "EXTID", "SOURCE"), ","):
        pmid = line["EXTID"] if line["SOURCE"] == "MED" else None
        yield from ids(pmid, line["PMCID"], None)
        written = next(iter(line.values())) or ""
        found, named = paper(pmid, line["PMCID"]), dataset(written)
        if found and named:
            yield Named(named, found, MENTIONS, "Europe PMC text mining", written).row()


def read_emdb_pubmed(stream: BinaryIO, reference: Reference) -> Iterator[Row]:
    """Yield the papers of EMDB's entries, of EMICSS.

    Raises:
        ValueError: the table has another heading.
    """
    yield META, ("attribution", "EMICSS, the Electron Microscopy Data Bank")
    for line in _rows(stream, reference, ("EMDB_ID", "PUBMED_ID", "PUBMEDCENTRAL_ID", "DOI"), "\t"):
        found = line["PUBMED_ID"], line["PUBMEDCENTRAL_ID"], line["DOI"]
        yield from ids(*found)
        entry, named = dataset(line["EMDB_ID"]), paper(*found)
        if entry and named:
            yield Named(entry, named, PRIMARY_CITATION, "EMICSS", line["EMDB_ID"]).row()


def read_emdb_empiar(stream: BinaryIO, reference: Reference) -> Iterator[Row]:
    """Yield which EMDB entry was made from which EMPIAR dataset, of EMICSS.

    Raises:
        ValueError: the table has another heading.
    """
    yield META, ("attribution", "EMICSS, the Electron Microscopy Data Bank")
    for line in _rows(stream, reference, ("EMDB_ID", "EMPIAR_ID"), "\t"):
        entry, named = dataset(line["EMDB_ID"]), dataset(line["EMPIAR_ID"])
        if entry and named:
            yield "entry", (entry, named)


def _rows(stream: BinaryIO, reference: Reference, columns: tuple[str, ...], separator: str) -> Iterator[dict[str, str]]:
    lines = csv.DictReader(text_lines(stream), delimiter=separator, restval="")
    missing = [column for column in columns if column not in (lines.fieldnames or ())]
    if missing:
        said = f"{reference.url} has no column {', '.join(missing)}"
        raise ValueError(f"{said}: it is empty or not in the form {reference.format}")
    yield from lines
