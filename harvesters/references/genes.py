"""Genes: symbols by tier, identifiers in all name spaces, retired identifiers with their successors, orthologs.

Each of the public gene tables becomes one reference of kind ``genes`` (formats and addresses in docs/links.md); what
they say together is answered by :mod:`hub.genes`. A reader turns a table into `GeneRow`, and `rows_of` these into the
rows of the SQLite file. Identifiers stand in the compact form of :mod:`ontology.geneids`, taxa as NCBI numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import BinaryIO

from harvesters.references import genes_human, genes_maps, genes_models, genes_ncbi
from harvesters.references.contract import Format, Kind, Reference, Row, Table
from harvesters.references.genes_row import GeneRow
from ontology import geneids

Read = Callable[[BinaryIO, Reference], Iterable[GeneRow]]


def rows_of(gene: GeneRow) -> Iterator[Row]:
    """Yield the rows of one gene; of a retired one the names are of the last tier, so that they shadow no gene's."""
    yield "gene", (gene.id, gene.taxon, gene.symbol, gene.name, int(gene.is_retired))
    seen: set[tuple[str, str]] = set()
    for tier, names in gene.names():
        for name in names:
            if (folded := geneids.folded(name)) and (tier, name) not in seen:
                seen.add((tier, name))
                yield "name", (folded, gene.taxon, tier, name, gene.id)
    for other in dict.fromkeys(gene.same):
        if geneids.prefix_of(other) != geneids.prefix_of(gene.id) or geneids.is_product(other):
            yield "same", (gene.id, other)
    yield from (("successor", (gene.id, other)) for other in gene.successors if other != gene.id)
    yield from (("ortholog", (gene.id, other)) for other in gene.orthologs)


def _rows(read: Read, stream: BinaryIO, reference: Reference) -> Iterator[Row]:
    for gene in read(stream, reference):
        yield from rows_of(gene)


def _format(read: Read) -> Format:
    return Format(partial(_rows, read))


KIND = Kind(
    name="genes",
    version=1,
    tables=(
        Table(
            "gene",
            ("id TEXT PRIMARY KEY", "taxon INTEGER", "symbol TEXT", "name TEXT", "retired INTEGER NOT NULL"),
            ("taxon",),
        ),
        Table(
            "name",
            ("folded TEXT", "taxon INTEGER", "tier TEXT", "written TEXT", "gene TEXT"),
            ("folded, taxon", "gene"),
        ),
        Table("same", ("gene TEXT", "other TEXT"), ("gene", "other")),
        Table("successor", ("gene TEXT", "other TEXT"), ("gene", "other")),
        Table("ortholog", ("gene TEXT", "other TEXT"), ("gene", "other")),
    ),
    formats={
        "alliance-bgi": _format(genes_maps.read_bgi),
        "alliance-orthology": _format(genes_maps.read_orthology),
        "ensembl": _format(genes_maps.read_ensembl),
        "flybase": _format(genes_models.read_flybase),
        "gff": _format(genes_maps.read_gff),
        "hgnc": _format(genes_human.read_hgnc),
        "hgnc-json": _format(genes_human.read_hgnc_json),
        "hgnc-withdrawn": _format(genes_human.read_withdrawn),
        "mgi": _format(genes_models.read_mgi),
        "ncbi-gene2ensembl": _format(genes_ncbi.read_gene2ensembl),
        "ncbi-gene-history": _format(genes_ncbi.read_gene_history),
        "ncbi-gene-info": _format(genes_ncbi.read_gene_info),
        "ncbi-gene-orthologs": _format(genes_ncbi.read_gene_orthologs),
        "pombase": _format(genes_models.read_pombase),
        "rgd": _format(genes_models.read_rgd),
        "sgd": _format(genes_models.read_sgd),
        "tair": _format(genes_models.read_tair),
        "tsv": _format(genes_maps.read_own),
        "uniprot-idmapping": _format(genes_maps.read_idmapping),
        "wormbase": _format(genes_models.read_wormbase),
        "zfin": _format(genes_models.read_zfin),
    },
)
