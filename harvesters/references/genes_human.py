"""HGNC's tables of human genes: the complete set as TSV or JSON, a custom download, and withdrawn entries.

Source: https://www.genenames.org/download/archive/
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

from harvesters.references.contract import Reference
from harvesters.references.genes_row import GeneRow, cell, ids, known, listed, members_of, table

HUMAN = 9606
# Heading of a custom download → column of the complete set, with the separator of its lists.
CUSTOM = {
    "HGNC ID": "hgnc_id", "Approved symbol": "symbol", "Approved name": "name", "Status": "status",
    "Alias symbols": "alias_symbol", "Previous symbols": "prev_symbol", "NCBI Gene ID": "entrez_id",
    "NCBI Gene ID(supplied by NCBI)": "entrez_id", "Ensembl gene ID": "ensembl_gene_id",
    "Ensembl ID(supplied by Ensembl)": "ensembl_gene_id", "UniProt ID(supplied by UniProt)": "uniprot_ids",
    "Mouse genome database ID(supplied by MGI)": "mgd_id", "Rat genome database ID(supplied by RGD)": "rgd_id",
}  # fmt: skip
_SUCCESSOR = re.compile(r"see \[?(HGNC:\d+)")
_VEGA = re.compile(r"OTTHUM[A-Z]\d{11}")


def read_hgnc(stream: BinaryIO, reference: Reference) -> Iterator[GeneRow]:
    """Yield the genes of the complete set, or of a custom download with withdrawn entries among them.

    Raises:
        ValueError: neither of the two tables.
    """
    for row in table(stream, ("hgnc_id", "HGNC ID")):
        if "HGNC ID" in row:
            named = {CUSTOM[heading]: value for heading, value in row.items() if value and heading in CUSTOM}
            yield from _gene(named, ", ")
        else:
            yield from _gene(row, "|")


def read_hgnc_json(stream: BinaryIO, reference: Reference) -> Iterator[GeneRow]:
    """Yield the genes of the complete set as JSON, in which lists are lists.

    Raises:
        ValueError: another document, or cut short.
    """
    for document in members_of(stream, "docs"):
        yield from _gene(document, "|")


def _gene(row: Mapping[str, Any], separator: str) -> Iterator[GeneRow]:
    gene = known("hgnc", row.get("hgnc_id"))
    if gene is None:
        return
    name = cell(row.get("name"))
    if (cell(row.get("status")) or "Approved") != "Approved":
        found = _SUCCESSOR.search(name or "")
        successors = ids("hgnc", [found[1]]) if found else ()
        yield GeneRow(gene, HUMAN, cell(row.get("symbol")), name, successors=successors, is_retired=True)
        return

    def several(column: str) -> tuple[str, ...]:
        return listed(row.get(column), separator)

    yield GeneRow(
        id=gene,
        taxon=HUMAN,
        symbol=cell(row.get("symbol")),
        name=name,
        previous=several("prev_symbol"),
        aliases=tuple(alias for alias in several("alias_symbol") if not _VEGA.fullmatch(alias)),
        same=(
            *ids("ncbigene", several("entrez_id")),
            *ids("ensembl", several("ensembl_gene_id")),
            *ids("uniprot", several("uniprot_ids")),
        ),
        orthologs=(*ids("mgi", several("mgd_id")), *ids("rgd", several("rgd_id"))),
        is_authority=True,
    )


def read_withdrawn(stream: BinaryIO, reference: Reference) -> Iterator[GeneRow]:
    """Yield the withdrawn entries of HGNC, each with what it was merged into or split up to.

    Raises:
        ValueError: another table.
    """
    for row in table(stream, ("WITHDRAWN_SYMBOL",)):
        gene = known("hgnc", row.get("HGNC_ID"))
        merged = next((value for heading, value in row.items() if heading.upper().startswith("MERGED_INTO")), "")
        if gene is not None:
            successors = ids("hgnc", re.findall(r"HGNC:\d+", merged))
            yield GeneRow(gene, HUMAN, cell(row["WITHDRAWN_SYMBOL"]), successors=successors, is_retired=True)
