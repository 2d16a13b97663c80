"""Gene tables of many species: Ensembl's, gene models, UniProt's and the Alliance's, and the hub's own form."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain, groupby
from typing import Any, BinaryIO

from harvesters.references.contract import Reference
from harvesters.references.genes_row import (
    GeneRow,
    cell,
    cells_of,
    curies,
    ids,
    known,
    listed,
    members_of,
    number,
    table,
)
from harvesters.references.streams import text_lines
from ontology import geneids

# Headings of BioMart, and of Ensembl's tables of cross-references → what stands there
_SYMBOL = ("Gene name", "HGNC symbol", "symbol")
_ALIASES = ("Gene Synonym",)
_XREFS = {
    "NCBI gene (formerly Entrezgene) ID": "ncbigene", "NCBI gene ID": "ncbigene", "EntrezGene ID": "ncbigene",
    "HGNC ID": "hgnc", "MGI ID": "mgi", "ZFIN ID": "zfin", "RGD ID": "rgd", "Transcript stable ID": "ensembl",
    "Protein stable ID": "ensembl", "UniProtKB/Swiss-Prot ID": "uniprot", "UniProtKB/TrEMBL ID": "uniprot",
    "RefSeq mRNA ID": "refseq", "RefSeq peptide ID": "refseq", "transcript_stable_id": "ensembl",
    "protein_stable_id": "ensembl",
}  # fmt: skip
_DB_NAMES = {"EntrezGene": "ncbigene", "HGNC": "hgnc", "Uniprot/SWISSPROT": "uniprot", "Uniprot/SPTREMBL": "uniprot",
             "RefSeq_mRNA": "refseq", "RefSeq_peptide": "refseq", "RefSeq_ncRNA": "refseq"}  # fmt: skip


def read_ensembl(stream: BinaryIO, reference: Reference) -> Iterator[GeneRow]:
    """Yield genes of Ensembl: of a BioMart download, of ``*.entrez.tsv`` and its like, or of ``id,symbol,…`` lines.

    A gene that has no symbol is repeated as its own there; so it has none. Transposable elements are no genes.

    Raises:
        ValueError: another table.

    Source: https://www.ensembl.org/info/data/biomart/index.html
    """
    lines = text_lines(stream)
    first = next(lines, "")
    names = [name.strip() for name in first.split("\t")]
    if "Gene stable ID" not in names and "gene_stable_id" not in names:
        yield from (found for line in chain((first,), lines) if (found := _listed_gene(line)))
        return
    for line in lines:
        row = dict(zip(names, line.split("\t"), strict=False))
        gene = known("ensembl", row.get("Gene stable ID") or row.get("gene_stable_id"))
        if gene is not None:
            yield _ensembl_gene(gene, row)


def _listed_gene(line: str) -> GeneRow | None:
    cells = re.split(r"[,\t]", line)
    gene = known("ensembl", cells[0]) if len(cells) > 1 else None
    if gene is None or cells[0].startswith("FBti"):
        return None
    return GeneRow(gene, geneids.taxon(gene), _own_symbol(gene, cells[1]))


def _own_symbol(gene: str, written: str | None) -> str | None:
    symbol = cell(written)
    return symbol if symbol and symbol.partition(".")[0] != gene.partition(":")[2] else None


def _ensembl_gene(gene: str, row: dict[str, str]) -> GeneRow:
    same = [found for heading, namespace in _XREFS.items() if (found := known(namespace, row.get(heading)))]
    namespace = _DB_NAMES.get(row.get("db_name", ""))
    if namespace and (found := known(namespace, row.get("xref"))):
        same.append(found)
    symbol = next((row[heading] for heading in _SYMBOL if heading in row), None)
    aliases = tuple(alias for heading in _ALIASES for alias in listed(row.get(heading)))
    return GeneRow(gene, geneids.taxon(gene), _own_symbol(gene, symbol), aliases=aliases, same=tuple(same))


# --- gene models ---------------------------------------------------------------------------------------------------

_FEATURES = frozenset({"gene", "ncRNA_gene", "pseudogene"})
_GTF = re.compile(r'(\w+) "([^"]*)"')


def read_gff(stream: BinaryIO, reference: Reference) -> Iterator[GeneRow]:
    """Yield the genes of a GTF or GFF3 of GENCODE, Ensembl or RefSeq; all other features are passed over.

    Raises:
        ValueError: no gene models.

    Source: https://github.com/The-Sequence-Ontology/Specifications/blob/master/gff3.md
    """
    taxon = number(reference.options.get("taxon"))
    for cells in cells_of(stream, 9):
        told = _attributes(cells[8])
        if cells[2] == "region" and (found := re.search(r"taxon:(\d+)", told.get("Dbxref", ""))):
            taxon = number(found[1])
        elif cells[2] in _FEATURES and (gene := _model(told, taxon)):
            yield gene


def _attributes(text: str) -> dict[str, str]:
    if found := _GTF.findall(text):
        return dict(found)
    return dict(part.strip().split("=", 1) for part in text.split(";") if "=" in part)


def _model(told: dict[str, str], taxon: int | None) -> GeneRow | None:
    xrefs = curies(told.get("Dbxref", "").split(","))
    named = told.get("gene_id") or told.get("ID", "").removeprefix("gene:")
    gene = known("ensembl", named) or next((xref for xref in xrefs if xref.startswith("ncbigene:")), None)
    if gene is None:
        return None
    hgnc = ids("hgnc", [told["hgnc_id"]]) if "hgnc_id" in told else ()
    return GeneRow(
        id=gene,
        taxon=geneids.taxon(gene) or taxon,
        symbol=_own_symbol(gene, told.get("gene_name") or told.get("gene") or told.get("Name")),
        aliases=listed(told.get("gene_synonym"), ","),
        same=(*(xref for xref in xrefs if xref != gene), *hgnc),
    )


def _compact(value: object) -> str | None:
    return next(iter(curies([str(value or "")])), None)


# --- UniProt -------------------------------------------------------------------------------------------------------

_MAPPED = {"GeneID": "ncbigene", "HGNC": "hgnc", "MGI": "mgi", "RGD": "rgd", "SGD": "sgd", "FlyBase": "flybase",
           "WormBase": "wormbase", "ZFIN": "zfin", "PomBase": "pombase", "Ensembl": "ensembl", "TAIR": "tair.locus",
           "Araport": "tair.locus"}  # fmt: skip


def read_idmapping(stream: BinaryIO, reference: Reference) -> Iterator[GeneRow]:
    """Yield the genes of UniProt's ``*_idmapping.dat``: accession, kind, identifier; rows of an entry are together.

    Each gene comes with the protein that it encodes. An entry that names several genes belongs to each of them.

    Raises:
        ValueError: another table.

    Source: https://ftp.uniprot.org/pub/databases/uniprot/current_release/knowledgebase/idmapping/README
    """
    rows = ((cells[0].partition("-")[0], cells) for cells in cells_of(stream, 3))
    for accession, entry in groupby(rows, key=lambda row: row[0]):
        protein = known("uniprot", accession)
        told = [(cells[1], cells[2]) for _, cells in entry]
        taxon = next((number(value) for kind, value in told if kind == "NCBI_TaxID"), None)
        genes = dict.fromkeys(gene for kind, value in told if (gene := known(_MAPPED.get(kind, ""), value)))
        for gene in genes if protein else ():
            yield GeneRow(gene, taxon, same=(str(protein),))


# --- Alliance of Genome Resources -----------------------------------------------------------------------------------


def read_bgi(stream: BinaryIO, reference: Reference) -> Iterator[GeneRow]:
    """Yield the genes of a Basic Gene Information file of the Alliance.

    Raises:
        ValueError: another document, or cut short.

    Source: https://github.com/alliance-genome/agr_schemas/tree/master/ingest/gene
    """
    for document in members_of(stream, "data"):
        yield from _bgi(document)


def _bgi(document: dict[str, Any]) -> Iterator[GeneRow]:
    entity = document.get("basicGeneticEntity") or {}
    gene = _compact(entity.get("primaryId"))
    if gene is None:
        return
    taxon = number(entity.get("taxonId"))
    xrefs = [str(xref.get("id")) for xref in entity.get("crossReferences") or ()]
    yield GeneRow(
        id=gene,
        taxon=taxon,
        symbol=cell(document.get("symbol")),
        name=cell(document.get("name")),
        aliases=tuple(name for name in listed(entity.get("synonyms") or []) if " " not in name),
        same=curies(xref.replace("NCBI_Gene:", "NCBIGene:") for xref in xrefs),
        is_authority=True,
    )
    for old in curies(entity.get("secondaryIds") or ()):
        yield GeneRow(old, taxon, successors=(gene,), is_retired=True)


def read_orthology(stream: BinaryIO, reference: Reference) -> Iterator[GeneRow]:
    """Yield genes with an ortholog that scores best in one direction at least, from the Alliance's combined table.

    Raises:
        ValueError: another table.

    Source: https://www.alliancegenome.org/downloads#orthology
    """
    for row in table(stream, ("Gene1ID",), comment="# "):
        gene, other = _compact(row["Gene1ID"]), _compact(row.get("Gene2ID"))
        best = {row.get("IsBestScore", "Yes"), row.get("IsBestRevScore", "Yes")}
        if gene and other and best & {"Yes", "Yes_Adjusted"}:
            yield GeneRow(
                gene, number(row.get("Gene1SpeciesTaxonID")), cell(row.get("Gene1Symbol")), orthologs=(other,)
            )


# --- the hub's own form ----------------------------------------------------------------------------------------------


def read_own(stream: BinaryIO, reference: Reference) -> Iterator[GeneRow]:
    """Yield the genes of a table in the hub's own form, in which identifiers are CURIEs and lists are joined by ``|``.

    Columns: id, taxon, symbol, name, previous, aliases, systematic, same, successors, orthologs. A row with successors,
    or whose symbol is preceded by ``~`` (withdrawn), is of a retired identifier.

    Raises:
        ValueError: another table.
    """
    for row in table(stream, ("successors",), comment="# "):
        gene = _compact(row["id"])
        if gene is None:
            raise ValueError(f"id: {row['id'][:80]!r} is not an identifier of a gene")
        symbol = cell(row.get("symbol"))
        successors = curies(listed(row.get("successors")))
        yield GeneRow(
            id=gene,
            taxon=number(row.get("taxon")),
            symbol=symbol.removeprefix("~") if symbol else None,
            name=cell(row.get("name")),
            previous=listed(row.get("previous")),
            aliases=listed(row.get("aliases")),
            systematic=listed(row.get("systematic")),
            same=curies(listed(row.get("same"))),
            successors=successors,
            orthologs=curies(listed(row.get("orthologs"))),
            is_retired=bool(successors) or (symbol or "").startswith("~"),
            is_authority=True,
        )
