"""Gene tables of the model organisms' databases: SGD, PomBase, FlyBase, WormBase, ZFIN, TAIR, MGI and RGD."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from harvesters.references.contract import Reference
from harvesters.references.genes_row import GeneRow, cell, cells_of, ids, known, listed, table
from harvesters.references.streams import text_lines

YEAST, FISSION_YEAST, FLY, WORM, ZEBRAFISH, CRESS, MOUSE, RAT = 4932, 4896, 7227, 6239, 7955, 3702, 10090, 10116


def read_sgd(stream: BinaryIO, reference: Reference) -> Iterator[GeneRow]:
    """Yield the genes of ``SGD_features.tab``: 16 columns without headings, one row for each feature and sub-feature.

    Rows without a systematic name (column 4) are parts of a feature and passed over. Column 8 has retired identifiers.

    Raises:
        ValueError: another table.

    Source: http://sgd-archive.yeastgenome.org/curation/chromosomal_feature/SGD_features.README
    """
    for cells in cells_of(stream, 8):
        gene, systematic = known("sgd", cells[0]), cell(cells[3])
        if gene is None or systematic is None:
            continue
        symbol, aliases = cell(cells[4]), listed(cells[5])
        name = cell(cells[15]) if len(cells) > 15 else None
        yield GeneRow(
            id=gene,
            taxon=YEAST,
            symbol=symbol or systematic,
            name=name,
            aliases=aliases,
            systematic=(systematic,),
            is_authority=True,
        )
        for old in ids("sgd", listed(cells[7])):
            yield GeneRow(old, YEAST, successors=(gene,), is_retired=True)


def read_pombase(stream: BinaryIO, reference: Reference) -> Iterator[GeneRow]:
    """Yield the genes of PomBase's ``gene_IDs_names_products.tsv``. Identifiers end in numbers that are no versions.

    Raises:
        ValueError: another table.

    Source: https://www.pombase.org/downloads/names-and-identifiers
    """
    for row in table(stream, ("gene_systematic_id",)):
        systematic = row["gene_systematic_id"]
        if gene := known("pombase", systematic):
            yield GeneRow(
                id=gene,
                taxon=FISSION_YEAST,
                symbol=cell(row.get("gene_name")) or systematic,
                name=cell(row.get("gene_product")),
                aliases=listed(row.get("synonyms"), ","),
                systematic=(systematic,),
                same=ids("uniprot", listed(row.get("uniprot_id") or row.get("external_id"))),
                is_authority=True,
            )


def read_flybase(stream: BinaryIO, reference: Reference) -> Iterator[GeneRow]:
    r"""Yield the genes of ``fbgn_annotation_ID``, with secondary identifiers as retired ones.

    Genes of other species of Drosophila have the species before the symbol (``Dsim\dpp``) and are passed over.

    Raises:
        ValueError: another table.

    Source: https://wiki.flybase.org/wiki/FlyBase:Downloads_Overview#Genes
    """
    for row in table(stream, ("primary_FBgn#",), comment="## "):
        gene, symbol = known("flybase", row["primary_FBgn#"]), cell(row.get("gene_symbol"))
        if gene is None or (cell(row.get("organism_abbreviation")) or "Dmel") != "Dmel":
            continue
        numbers = (*listed(row.get("annotation_ID"), ","), *listed(row.get("secondary_annotation_ID(s)"), ","))
        yield GeneRow(id=gene, taxon=FLY, symbol=symbol, systematic=numbers, is_authority=True)
        for old in ids("flybase", listed(row.get("secondary_FBgn#(s)"), ",")):
            yield GeneRow(old, FLY, successors=(gene,), is_retired=True)


def read_wormbase(stream: BinaryIO, reference: Reference) -> Iterator[GeneRow]:
    """Yield the genes of ``geneIDs.txt``: taxon, identifier, symbol, sequence name, Live or Dead, kind; no headings.

    Raises:
        ValueError: another table.

    Source: https://downloads.wormbase.org/species/c_elegans/annotation/geneIDs/
    """
    for cells in cells_of(stream, 5, ","):
        gene, symbol, sequence = known("wormbase", cells[1]), cell(cells[2]), cell(cells[3])
        if gene is not None:
            yield GeneRow(
                id=gene,
                taxon=WORM,
                symbol=symbol or sequence,
                systematic=(sequence,) if sequence else (),
                is_retired=cells[4].strip() == "Dead",
                is_authority=True,
            )


def read_zfin(stream: BinaryIO, reference: Reference) -> Iterator[GeneRow]:
    """Yield the genes of ZFIN's ``gene.txt``, ``ensembl_1_to_1.txt`` or ``aliases.txt``, told by their columns.

    ``gene.txt`` has identifier, kind (``SO:…``), symbol and NCBI gene, ``ensembl_1_to_1.txt`` Ensembl's gene in its
    place; ``aliases.txt`` has identifier, name, symbol, an earlier name or symbol, and the kind last.

    Raises:
        ValueError: another table.

    Source: https://zfin.org/downloads
    """
    for cells in cells_of(stream, 4):
        gene = known("zfin", cells[0]) if cells[0].startswith("ZDB-GENE") else None
        if gene is None:
            continue
        if cells[1].startswith("SO:"):
            same = (*ids("ncbigene", cells[3:4]), *ids("ensembl", cells[3:4]))
            yield GeneRow(gene, ZEBRAFISH, cell(cells[2]), same=same, is_authority=True)
        else:
            former = cell(cells[3])
            previous = (former,) if former and " " not in former else ()
            yield GeneRow(gene, ZEBRAFISH, cell(cells[2]), cell(cells[1]), previous, is_authority=True)


def read_tair(stream: BinaryIO, reference: Reference) -> Iterator[GeneRow]:
    """Yield the genes of TAIR's ``gene_aliases``: AGI code, symbol, full name; also without headings or with blanks.

    Several symbols of one code stand in several rows; none is marked as the main one, so all are aliases.

    Raises:
        ValueError: another table.

    Source: https://www.arabidopsis.org/download/list?dir=Public_Data_Releases
    """
    for line in text_lines(stream):
        cells = line.split("\t") if "\t" in line else line.split(None, 1)
        gene = known("tair.locus", cells[0]) if len(cells) > 1 else None
        if gene is not None:
            symbol, code = cell(cells[1]), cells[0].strip().upper()
            name = cell(cells[2]) if len(cells) > 2 else None
            yield GeneRow(gene, CRESS, symbol, name, aliases=(symbol,) if symbol else (), systematic=(code,))


def read_mgi(stream: BinaryIO, reference: Reference) -> Iterator[GeneRow]:
    """Yield the genes of MGI's ``MRK_List2.rpt``, or of ``MRK_List1.rpt`` that has withdrawn markers too.

    Raises:
        ValueError: another table.

    Source: https://www.informatics.jax.org/downloads/reports/index.html#marker
    """
    for row in table(stream, ("MGI Accession ID",)):
        gene = known("mgi", row["MGI Accession ID"])
        if gene is None or not row.get("Marker Type", "Gene").startswith(("Gene", "Pseudogene")):
            continue
        successor = known("mgi", row.get("Current MGI Accession ID (if withdrawn)"))
        yield GeneRow(
            id=gene,
            taxon=MOUSE,
            symbol=cell(row.get("Marker Symbol")),
            name=cell(row.get("Marker Name")),
            aliases=listed(row.get("Marker Synonyms (pipe-separated)")),
            successors=(successor,) if successor and successor != gene else (),
            is_retired=row.get("Status", "O").strip() == "W",
            is_authority=True,
        )


def read_rgd(stream: BinaryIO, reference: Reference) -> Iterator[GeneRow]:
    """Yield the genes of RGD's ``GENES_RAT.txt``; lists in it are joined by semicolons.

    Raises:
        ValueError: another table.

    Source: https://download.rgd.mcw.edu/data_release/GENES_README
    """
    for row in table(stream, ("GENE_RGD_ID",), comment="# "):
        if gene := known("rgd", row["GENE_RGD_ID"]):
            yield GeneRow(
                id=gene,
                taxon=RAT,
                symbol=cell(row.get("SYMBOL")),
                name=cell(row.get("NAME")),
                previous=listed(row.get("OLD_SYMBOL"), ";"),
                same=(
                    *ids("ncbigene", listed(row.get("NCBI_GENE_ID"), ";")),
                    *ids("ensembl", listed(row.get("ENSEMBL_ID"), ";")),
                    *ids("uniprot", listed(row.get("UNIPROT_ID"), ";")),
                ),
                is_retired=(cell(row.get("GENE_STATUS")) or "").upper() in ("RETIRED", "WITHDRAWN"),
                is_authority=True,
            )
