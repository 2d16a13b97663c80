"""NCBI Gene's tables: genes, retired identifiers, identifiers at Ensembl, orthologs.

Source: https://ftp.ncbi.nlm.nih.gov/gene/DATA/README
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO

from harvesters.references.contract import Reference
from harvesters.references.genes_row import GeneRow, cell, curies, ids, known, listed, number, table

# NCBI writes FlyBase's annotation numbers also as locus tags and as old symbols.
FLY_MARK = re.compile(r"^(?:Dmel_\s*)?(?:Dmel\\)?")
FLY_NUMBER = re.compile(r"C[GR]\d{3,5}")


def read_gene_info(stream: BinaryIO, reference: Reference) -> Iterator[GeneRow]:
    """Yield the genes of ``gene_info``, or of the tabular download of a search in NCBI Gene.

    The option ``taxa`` (a list of NCBI numbers) leaves out all other species; the whole table has all of life.

    Raises:
        ValueError: another table.
    """
    wanted = {number(taxon) for taxon in reference.options.get("taxa", ())}
    for row in table(stream, ("GeneID",)):
        gene, taxon = known("ncbigene", row.get("GeneID")), number(row.get("tax_id"))
        if gene is not None and (not wanted or taxon in wanted):
            yield _searched(gene, taxon, row) if "CurrentID" in row else _gene(gene, taxon, row)


def _gene(gene: str, taxon: int | None, row: dict[str, str]) -> GeneRow:
    symbol, approved = cell(row.get("Symbol")), cell(row.get("Symbol_from_nomenclature_authority"))
    locus = cell(row.get("LocusTag"))
    aliases = [alias for alias in listed(row.get("Synonyms")) if alias != locus]
    if approved and symbol and approved != symbol:
        aliases.append(symbol)
    return GeneRow(
        id=gene,
        taxon=taxon,
        symbol=approved or symbol,
        name=cell(row.get("Full_name_from_nomenclature_authority")) or cell(row.get("description")),
        aliases=tuple(aliases),
        systematic=(locus.removeprefix("Dmel_").removeprefix("CELE_"),) if locus else (),
        same=curies(listed(row.get("dbXrefs"))),
        is_authority=approved is not None,
    )


def _searched(gene: str, taxon: int | None, row: dict[str, str]) -> GeneRow:
    """Return a gene of the download, in which aliases are joined by commas and ``CurrentID`` 0 means itself."""
    successor = known("ncbigene", row["CurrentID"])
    retired = successor is not None or (cell(row.get("Status")) or "live") != "live"
    names = dict.fromkeys(FLY_MARK.sub("", alias) for alias in listed(row.get("Aliases"), ","))
    return GeneRow(
        id=gene,
        taxon=taxon,
        symbol=cell(row.get("Symbol")),
        name=cell(row.get("description")),
        aliases=tuple(name for name in names if not FLY_NUMBER.fullmatch(name)),
        systematic=tuple(name for name in names if FLY_NUMBER.fullmatch(name)),
        successors=(successor,) if successor else (),
        is_retired=retired,
    )


def read_gene_history(stream: BinaryIO, reference: Reference) -> Iterator[GeneRow]:
    """Yield the retired identifiers of ``gene_history``, each with its successor where it has one.

    Raises:
        ValueError: another table.
    """
    for row in table(stream, ("Discontinued_GeneID",)):
        gene, successor = known("ncbigene", row["Discontinued_GeneID"]), known("ncbigene", row.get("GeneID"))
        if gene is not None:
            yield GeneRow(
                id=gene,
                taxon=number(row.get("tax_id")),
                symbol=cell(row.get("Discontinued_Symbol")),
                successors=(successor,) if successor else (),
                is_retired=True,
            )


def read_gene2ensembl(stream: BinaryIO, reference: Reference) -> Iterator[GeneRow]:
    """Yield genes with their identifiers at Ensembl, and their transcripts and proteins there and at RefSeq.

    Raises:
        ValueError: another table.
    """
    for row in table(stream, ("Ensembl_gene_identifier",)):
        gene = known("ncbigene", row.get("GeneID"))
        if gene is None:
            continue
        ensembl = [row[name] for name in row if name.startswith("Ensembl_")]
        refseq = [name.partition(".")[0] for column, name in row.items() if column.endswith("accession.version")]
        yield GeneRow(id=gene, taxon=number(row.get("tax_id")), same=(*ids("ensembl", ensembl), *ids("refseq", refseq)))


def read_gene_orthologs(stream: BinaryIO, reference: Reference) -> Iterator[GeneRow]:
    """Yield genes with an ortholog in another species; the option ``taxa`` limits both to these.

    Raises:
        ValueError: another table.
    """
    wanted = {number(taxon) for taxon in reference.options.get("taxa", ())}
    for row in table(stream, ("Other_GeneID",)):
        gene, other = known("ncbigene", row.get("GeneID")), known("ncbigene", row["Other_GeneID"])
        taxa = {number(row.get("tax_id")), number(row.get("Other_tax_id"))}
        if gene and other and row.get("relationship", "Ortholog") == "Ortholog" and (not wanted or taxa <= wanted):
            yield GeneRow(id=gene, taxon=number(row.get("tax_id")), orthologs=(other,))
