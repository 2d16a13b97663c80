"""Link rules on genes: each by itself on small tables, and all through the engine on the bundled demonstration."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harvesters.http import Manners
from harvesters.references.contract import Reference
from hub import config, ingest, records, references
from hub.cli import build_demo
from hub.config import Settings
from hub.genes import Genes
from hub.links.catalogue import Links
from hub.links.contract import Found, Member, Problem, Record, Result, Rule
from hub.links.rules import gene_identity, gene_mentioned, gene_of_protein, gene_orthologs
from hub.log import Log, RecordRow
from linkml_schemas.generated.model import Archive, BioSample, Dataset, Gene, GeneAnnotation, Protein, Taxon
from tests.support import BASE
from tests.test_genes import CUSTOM, DOWNLOAD, HISTORY, INFO, genes, iri

HUMAN, MOUSE = (
    Taxon(id=f"http://purl.obolibrary.org/obo/NCBITaxon_{n}", scientific_name=s)
    for n, s in ((9606, "Homo sapiens"), (10090, "Mus musculus"))
)
TABLES = genes(("hgnc", CUSTOM), ("ncbi-gene-info", INFO), ("ncbi-gene-history", HISTORY), ("ncbi-gene-info", DOWNLOAD))
NODE = f"{BASE}record/idr/idr0001#gene"


class Tables:
    """Reference tables of one kind."""

    def __init__(self, found: Genes | None = TABLES) -> None:
        self.found = found

    def get(self, kind: str) -> Any:
        return self.found if kind == "genes" else None

    def version(self, kind: str) -> str:
        return self.found.version if self.found and kind == "genes" else ""


def dataset(**more: Any) -> Dataset:
    said = {
        "id": f"{BASE}dataset/idr/idr0001", "accession": "idr0001", "name": "A dataset",
        "archive": Archive(id=f"{BASE}archive/idr", name="IDR"), "url": "https://example.org/idr0001", "about": [HUMAN],
    }  # fmt: skip
    return Dataset(**(said | more))


def named(*found: tuple[str, str | None], taxon: Taxon | None = None) -> list[GeneAnnotation]:
    return [
        GeneAnnotation(
            id=f"{BASE}record/idr/idr0001#note-{n}", gene=Gene(id=i, symbol=s, taxon=[taxon] if taxon else None)
        )
        for n, (i, s) in enumerate(found)
    ]


def results(rule: Rule, said: Dataset, tables: Genes | None = TABLES) -> list[Result]:
    text = records.to_json(said)
    row = RecordRow("idr", "idr0001", said.id, "active", said.name, text, "[]", None, "0" * 64, None, "x/1", "", "", 1)
    record = Record(row)
    placed = rule.members(record, Tables(tables))
    assert placed.keys <= {record.own_key}
    features = json.loads(json.dumps(placed.features))
    block = [Member(record.key, said.id, features)] if placed.keys else []
    found = list(rule.link(record.own_key, block, Tables(tables)))
    assert all(
        one.predicate in rule.predicates and one.evidence and one.records for one in found if isinstance(one, Found)
    )
    return found


def links(found: list[Result]) -> set[tuple[str, str, bool]]:
    return {(one.subject, one.object, one.confidence >= 0.8) for one in found if isinstance(one, Found)}


def problems(found: list[Result]) -> set[tuple[str, str, str | None]]:
    return {(one.rule, one.value, one.suggestion) for one in found if isinstance(one, Problem)}


# ── identity ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("written", "symbol", "main"),
    [
        ("ensembl:ENSG00000141510", "TP53", "ncbigene:7157"),
        ("ensembl:ENSG00000141510.17", None, "ncbigene:7157"),
        ("hgnc:76", "ABL1", "ncbigene:25"),
        ("MGI:98834", "Trp53", "ncbigene:22059"),
        ("#1", "UBE1", "ncbigene:7317"),
        ("#1", "LFS1", "ncbigene:7157"),
    ],
)
def test_a_gene_is_linked_to_its_main_identifier(written: str, symbol: str | None, main: str) -> None:
    subject = NODE + written if written.startswith("#") else iri(written)
    subject = subject.replace("#gene#", "#gene-")
    found = results(gene_identity.RULE, dataset(gene_annotation=named((subject, symbol))))
    assert links(found) == {(subject, iri(main), True)}
    assert not problems(found)


def test_the_main_identifier_itself_and_proteins_need_no_link() -> None:
    said = dataset(gene_annotation=named((iri("ncbigene:7157"), "TP53"), (iri("uniprot:P04637"), "TP53")))
    assert results(gene_identity.RULE, said) == []


def test_the_genes_own_species_counts_before_the_datasets() -> None:
    said = dataset(gene_annotation=named((NODE, "Trp53"), taxon=MOUSE))
    assert links(results(gene_identity.RULE, said)) == {(NODE, iri("ncbigene:22059"), True)}


def test_a_symbol_of_another_species_never_attaches() -> None:
    found = results(gene_identity.RULE, dataset(gene_annotation=named((NODE, "Trp53"))))
    assert links(found) == set()
    assert problems(found) == {("gene-of-another-species", "Trp53", None)}


@pytest.mark.parametrize("about", [[HUMAN, MOUSE], []])
def test_without_one_species_a_symbol_gives_candidates(about: list[Taxon]) -> None:
    found = results(gene_identity.RULE, dataset(about=about, gene_annotation=named((NODE, "TP53"))))
    assert links(found) == {(NODE, iri("ncbigene:7157"), False), (NODE, iri("ncbigene:22059"), False)}


def test_an_ambiguous_symbol_gives_candidates() -> None:
    found = results(gene_identity.RULE, dataset(gene_annotation=named((NODE, "p21"))))
    assert links(found) == {(NODE, iri("ncbigene:1026"), False), (NODE, iri("ncbigene:9338"), False)}


def test_retired_identifiers_are_reported_with_what_they_became() -> None:
    retired = [iri(f"ncbigene:{n}") for n in (1226, 544580, 999002)]
    found = results(gene_identity.RULE, dataset(gene_annotation=named(*((one, None) for one in retired))))
    assert links(found) == {(retired[0], iri("ncbigene:4625"), True)}
    assert problems(found) == {
        ("gene-retired", "ncbigene:1226", "ncbigene:4625"),
        ("gene-retired", "ncbigene:544580", None),
        ("gene-retired", "ncbigene:999002", None),
    }


@pytest.mark.parametrize(
    ("symbol", "rule", "suggestion"),
    [
        ("KATE6A", "gene-symbol-unknown", "KAT6A"),
        ("TP53-02", "gene-symbol-unknown", "TP53"),
        ("SEPT15", "gene-symbol-date", "SELENOF"),
        ("SEP15_HUMAN", "gene-symbol-date", "SELENOF"),
        ("9-Sep", "gene-symbol-date", "SEPTIN9"),
        ("OLDER", "gene-symbol-withdrawn", "MYH7"),
    ],
)
def test_symbols_that_are_none_are_reported_with_what_they_may_be(symbol: str, rule: str, suggestion: str) -> None:
    found = results(gene_identity.RULE, dataset(gene_annotation=named((NODE, symbol))))
    assert problems(found) == {(rule, symbol, suggestion)}
    assert not any(is_fact for _, _, is_fact in links(found))


def test_a_symbol_like_no_other_is_not_reported() -> None:
    assert results(gene_identity.RULE, dataset(gene_annotation=named((NODE, "scrambled control")))) == []


def test_where_no_whole_table_of_the_species_is_there_nothing_is_reported() -> None:
    worm = Taxon(id="http://purl.obolibrary.org/obo/NCBITaxon_6239", scientific_name="Caenorhabditis elegans")
    assert results(gene_identity.RULE, dataset(about=[worm], gene_annotation=named((NODE, "TP5")))) == []


@pytest.mark.parametrize("rule", [m.RULE for m in (gene_identity, gene_mentioned, gene_of_protein, gene_orthologs)])
def test_without_tables_a_rule_is_silent(rule: Rule) -> None:
    protein = Protein(id=iri("uniprot:P04637"), name="p53")
    said = dataset(
        about=[HUMAN, protein], description="The TP53 gene.", gene_annotation=named((iri("MGI:98834"), "Trp53"))
    )
    assert results(rule, said, None) == []
    assert results(rule, dataset(about=[])) == []


# ── proteins and orthologs ───────────────────────────────────────────────────────────────────────────────────────────


def test_the_gene_of_a_protein() -> None:
    about = [HUMAN, Protein(id=iri("uniprot:P04637"), name="p53"), Protein(id=f"{NODE}-1", name="unnamed")]
    said = dataset(about=about, gene_annotation=named((iri("uniprot:P22314"), "UBA1")))
    found = results(gene_of_protein.RULE, said)
    assert links(found) == {
        (iri("uniprot:P04637"), iri("ncbigene:7157"), True),
        (iri("uniprot:P22314"), iri("ncbigene:7317"), True),
    }


def test_orthologs_lead_to_human_genes() -> None:
    said = dataset(about=[MOUSE], gene_annotation=named((iri("MGI:98834"), "Trp53"), (NODE, "Tp53")))
    found = results(gene_orthologs.RULE, said)
    assert links(found) == {(iri("ncbigene:22059"), iri("ncbigene:7157"), True)}
    assert results(gene_orthologs.RULE, dataset(gene_annotation=named((iri("ncbigene:7157"), "TP53")))) == []


# ── texts ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "text",
    [
        "We knocked down the TP53 gene in HeLa cells.",
        "Cells were imaged. TP53-deficient cells were larger.",
        "U2OS cells expressing GFP-TP53 at 37 C.",
        "GFP-tagged TP53 is nuclear.",
        "Cells with TP53-mCherry.",
    ],
)
def test_a_symbol_beside_a_word_of_genes_is_a_fact(text: str) -> None:
    (found,) = [one for one in results(gene_mentioned.RULE, dataset(description=text)) if isinstance(one, Found)]
    assert (found.subject, found.object) == (dataset().id, iri("ncbigene:7157"))
    assert found.confidence >= 0.8
    reason = found.evidence[0]
    assert reason.start is not None
    assert text[reason.start : reason.start + len(reason.value)] == reason.value == "TP53"
    assert reason.quote in text
    assert (reason.kind, reason.field, reason.source) == ("text", "description", "idr/idr0001")


@pytest.mark.parametrize(
    "text",
    [
        "The p53 protein is nuclear.",
        "The p21 protein is nuclear.",
        "The SEPT9 gene.",
        "This gene was chosen after long thought about many other things that matter, among them the well-known TP53.",
    ],
)
def test_other_names_and_far_words_make_candidates(text: str) -> None:
    found = links(results(gene_mentioned.RULE, dataset(description=text)))
    assert found
    assert not any(is_fact for _, _, is_fact in found)


@pytest.mark.parametrize(
    "text",
    [
        "TP53 and nothing else.",
        "The tp53 gene in lower case.",
        "The Trp53 gene of the mouse.",
        "DNA was stained with DAPI; the gene was seen by FISH.",
        "Proteins were imaged by SEM on a CAMP grid.",
        "see https://example.org/TP53 for the gene, or write to TP53@example.org about the protein",
        "",
    ],
)
def test_what_is_no_symbol_of_the_species_is_left_alone(text: str) -> None:
    assert results(gene_mentioned.RULE, dataset(description=text)) == []


def test_keywords_and_several_species_make_candidates() -> None:
    assert links(results(gene_mentioned.RULE, dataset(keyword=["TP53", "a gene"]))) == {
        (dataset().id, iri("ncbigene:7157"), False)
    }
    both = dataset(about=[HUMAN, BioSample(id=NODE, name="tail", taxon=[MOUSE])], description="The UBA1 gene.")
    assert links(results(gene_mentioned.RULE, both)) == {(dataset().id, iri("ncbigene:7317"), False)}


# ── through the engine ───────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    found = config.load(str(build_demo(tmp_path_factory.mktemp("gene-links"))), environ={})
    kept = {name: found.sources[name] for name in ("idr-studies", "emdb", "submissions", "empiar")}
    settings: Settings = replace(found, sources=kept)
    ingest.harvest(settings, list(settings.sources))
    return settings


def standing(settings: Settings) -> dict[tuple[str, str, str], str]:
    log = Log(settings.database)
    found = {
        (row.rule, row.subject, row.object): row.status
        for row in Links(log).all_links()
        if row.rule.startswith("gene-")
    }
    log.close()
    return found


def test_links_of_the_demonstration(demo: Settings) -> None:
    found = standing(demo)
    assert found["gene-identity", iri("ensembl:ENSG00000141510"), iri("ncbigene:7157")] == "fact"
    assert found["gene-identity", iri("MGI:96794"), iri("ncbigene:16905")] == "fact"
    assert found["gene-of-protein", iri("uniprot:Q9UBT6"), iri("ncbigene:51426")] == "fact"
    assert found["gene-orthologs", iri("ncbigene:16905"), iri("ncbigene:4000")] == "fact"
    assert len(found) >= 20


def test_a_new_table_computes_the_links_anew(demo: Settings, tmp_path: Path) -> None:
    table = tmp_path / "gene_history"
    table.write_text(HISTORY.partition("\n")[0] + "\n9606\t25\t7157\tTP53\t20260101\n")
    reference = Reference("history", "genes", "ncbi-gene-history", str(table))
    settings = replace(demo, references={"history": reference})
    log = Log(settings.database)
    references.update(settings, log, [], Manners())
    log.close()
    ingest.harvest(settings, ["emdb"])
    found = standing(settings)
    assert found["gene-identity", iri("ensembl:ENSG00000141510"), iri("ncbigene:7157")] == "gone"
    assert found["gene-identity", iri("ensembl:ENSG00000141510"), iri("ncbigene:25")] == "fact"
    assert found["gene-of-protein", iri("uniprot:Q9UBT6"), iri("ncbigene:51426")] == "fact"
