"""Gene tables and what they say together; excerpts are real rows, shortened."""

from __future__ import annotations

import contextlib
import io
import json
import sqlite3
from collections.abc import Iterable
from pathlib import Path

import pytest

from harvesters.http import Manners
from harvesters.references.contract import Reference
from harvesters.references.genes import KIND
from hub import references
from hub.config import Settings
from hub.genes import Genes, Table, bundled
from hub.log import Log
from ontology import geneids

BASE = geneids.BASE
HUMAN, MOUSE, FLY, YEAST = 9606, 10090, 7227, 4932

FOLDER = Path(__file__).parent / "gene_tables"
CUSTOM, COMPLETE, INFO, HISTORY, DOWNLOAD, ENSEMBL, SGD, POMBASE = (
    (FOLDER / name).read_text(encoding="utf-8")
    for name in (
        "hgnc-custom.tsv",
        "hgnc-complete.tsv",
        "gene_info.tsv",
        "gene_history.tsv",
        "gene_result.tsv",
        "ensembl.csv",
        "SGD_features.tab",
        "pombase.tsv",
    )
)


def rows_of(form: str, text: str, **options: object) -> list[tuple[str, tuple[object, ...]]]:
    reference = Reference("test", "genes", form, "test", options)
    return list(KIND.formats[form].read(io.BytesIO(text.encode()), reference))  # type: ignore[arg-type]


def table(form: str, text: str, name: str = "") -> Table:
    db = sqlite3.connect(":memory:")
    references.fill(db, KIND, rows_of(form, text), {})  # type: ignore[arg-type]
    return Table(name or form, db)


def genes(*tables: tuple[str, str]) -> Genes:
    return Genes([table(form, text) for form, text in tables])


def iri(form: str) -> str:
    return BASE + form


def of(rows: Iterable[tuple[str, tuple[object, ...]]], name: str) -> list[tuple[object, ...]]:
    return [values for table_, values in rows if table_ == name]


@pytest.fixture(scope="module")
def known() -> Genes:
    return genes(
        ("hgnc", CUSTOM), ("ncbi-gene-info", INFO), ("ncbi-gene-history", HISTORY), ("ncbi-gene-info", DOWNLOAD),
        ("ensembl", ENSEMBL), ("sgd", SGD), ("pombase", POMBASE),
    )  # fmt: skip


# ── reading ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_both_forms_of_hgnc_say_the_same() -> None:
    (complete,) = [row for row in of(rows_of("hgnc", COMPLETE), "gene") if row[0] == "hgnc:32038"]
    (custom,) = [row for row in of(rows_of("hgnc", CUSTOM), "gene") if row[0] == "hgnc:32038"]
    assert complete == custom
    orthologs = [values for values in of(rows_of("hgnc", COMPLETE), "ortholog") if values[0] == "hgnc:32038"]
    assert orthologs == [values for values in of(rows_of("hgnc", CUSTOM), "ortholog") if values[0] == "hgnc:32038"]
    assert len(orthologs) == 6


def test_quoted_lists_of_hgnc_are_lists_and_vega_ids_no_aliases() -> None:
    names = of(rows_of("hgnc", COMPLETE), "name")
    assert [written for _, _, tier, written, _ in names if tier == "previous"] == ["NCRNA00181", "A1BGAS", "A1BG-AS"]
    assert not any("OTTHUM" in str(written) for _, _, _, written, _ in names)


def test_hgnc_as_json_with_numbers_as_texts_and_lists() -> None:
    docs = [
        {"hgnc_id": "HGNC:30005", "symbol": "A3GALT2", "status": "Approved", "entrez_id": "127550",
         "alias_symbol": ["IGBS3S", "IGB3S"],
         "prev_symbol": ["A3GALT2P"], "mgd_id": ["MGI:2685279"], "uniprot_ids": ["U3KPV4"], "pubmed_id": [10854427]},
        {"hgnc_id": "HGNC:37133", "symbol": "A1BG-AS1", "status": "Approved", "entrez_id": "503538"},
    ]  # fmt: skip
    text = json.dumps({"responseHeader": {"status": 0}, "response": {"numFound": 2, "docs": docs}}, indent=1)
    found = rows_of("hgnc-json", text)
    assert [values[0] for values in of(found, "gene")] == ["hgnc:30005", "hgnc:37133"]
    assert ("hgnc:30005", "ncbigene:127550") in of(found, "same")
    with pytest.raises(ValueError, match="cut short"):
        rows_of("hgnc-json", text[:-40])


def test_withdrawn_entries_of_hgnc_may_be_split() -> None:
    text = (
        "HGNC_ID\tSTATUS\tWITHDRAWN_SYMBOL\tMERGED_INTO_REPORT(S) (i.e HGNC_ID|SYMBOL|STATUS)\n"
        "HGNC:1531\tMerged/Split\tCBBM\tHGNC:4206|OPN1MW|Approved, HGNC:9936|OPN1LW|Approved\n"
        "HGNC:440\tEntry Withdrawn\tALPPL1\t\n"
    )
    made = genes(("hgnc-withdrawn", text))
    split = made.resolve("HGNC:1531")
    assert (split.gene, split.candidates, split.is_retired) == (None, (iri("hgnc:4206"), iri("hgnc:9936")), True)
    assert made.resolve("HGNC:440").is_retired
    assert made.resolve("HGNC:440").genes == ()


def test_a_doubled_prefix_counts_once_and_a_dash_is_nothing() -> None:
    found = rows_of("ncbi-gene-info", INFO)
    assert ("ncbigene:25", "hgnc:76") in of(found, "same")
    assert not any("-" in values for values in of(found, "name"))
    assert {values[1] for values in of(found, "gene")} == {9606, 10090, 4932}


def test_only_the_wanted_species_of_a_table_of_all_life() -> None:
    assert {values[1] for values in of(rows_of("ncbi-gene-info", INFO, taxa=[10090]), "gene")} == {10090}


def test_parts_of_a_yeast_feature_are_no_genes() -> None:
    assert [values[0] for values in of(rows_of("sgd", SGD), "gene")] == ["sgd:S000000004", "sgd:S000001855"]


def test_an_identifier_repeated_as_symbol_is_none_and_transposons_are_no_genes() -> None:
    found = {values[0]: values[2] for values in of(rows_of("ensembl", ENSEMBL), "gene")}
    assert found["ensembl:ENSG00000290825"] is None
    assert not any(str(gene).startswith("fb:FBti") for gene in found)
    assert geneids.taxon("ensembl:ENSDARG00000104139") == 7955


# Format → file, the only live gene in it, its symbol, and a retired identifier of it
FORMATS = {
    "flybase": ("fbgn_annotation_ID.tsv", "fb:FBgn0260632", "dl", "fb:FBgn0000462"),
    "wormbase": ("geneIDs.txt", "wb:WBGene00000001", "aap-1", ""),
    "zfin": ("zfin-gene.txt", "zfin:ZDB-GENE-010226-1", "gdnfa", ""),
    "tair": ("gene_aliases.txt", "ensembl.plant:AT5G11260", "HY5", ""),
    "mgi": ("MRK_List1.rpt", "MGI:98834", "Trp53", "MGI:98300"),
    "rgd": ("GENES_RAT.txt", "rgd:3889", "Tp53", ""),
    "alliance-bgi": ("BGI_ZFIN.json", "zfin:ZDB-GENE-010226-1", "gdnfa", "zfin:ZDB-GENE-000000-1"),
    "gff": ("refseq.gff", "ncbigene:25782", "RAB3GAP2", ""),
}


@pytest.mark.parametrize("form", FORMATS)
def test_a_table_of_each_database(form: str) -> None:
    file, gene, symbol, retired = FORMATS[form]
    found = rows_of(form, (FOLDER / file).read_text(encoding="utf-8"))
    assert (gene, symbol) in {(values[0], values[2]) for values in of(found, "gene") if not values[4]}
    if retired:
        assert (retired, gene) in of(found, "successor")
    live = {values[0] for values in of(found, "gene") if not values[4]}
    assert live == {gene}


def test_a_gtf_of_gencode() -> None:
    line = (
        'chr17\tHAVANA\tgene\t7661779\t7687546\t.\t-\t.\tgene_id "ENSG00000141510.19"; gene_type "protein_coding"; '
        'gene_name "TP53"; hgnc_id "HGNC:11998";'
    )
    found = rows_of("gff", line + "\n" + line.replace("\tgene\t", "\ttranscript\t"))
    assert of(found, "gene") == [("ensembl:ENSG00000141510", 9606, "TP53", None, 0)]
    assert of(found, "same") == [("ensembl:ENSG00000141510", "hgnc:11998")]


def test_biomart_with_several_rows_of_a_gene() -> None:
    text = (
        "Gene stable ID\tGene name\tGene Synonym\tNCBI gene (formerly Entrezgene) ID\tHGNC ID\t"
        "UniProtKB/Swiss-Prot ID\n"
        "ENSG00000141510\tTP53\tLFS1\t7157\tHGNC:11998\tP04637\nENSG00000141510\tTP53\tp53\t7157\tHGNC:11998\tP04637\n"
    )
    made = genes(("ensembl", text))
    assert made.resolve("ENSG00000141510").gene == iri("ncbigene:7157")
    assert made.resolve("LFS1", HUMAN).gene == made.resolve("p53", HUMAN).gene == iri("ncbigene:7157")


def test_transcripts_and_proteins_lead_to_their_gene() -> None:
    text = (
        "#tax_id\tGeneID\tEnsembl_gene_identifier\tRNA_nucleotide_accession.version\tEnsembl_rna_identifier\t"
        "protein_accession.version\tEnsembl_protein_identifier\n"
        "9606\t7157\tENSG00000141510\tNM_000546.6\tENST00000269305.9\tNP_000537.3\tENSP00000269305.4\n"
    )
    made = genes(("ncbi-gene2ensembl", text))
    for product in (
        "refseq:NM_000546",
        "refseq:NM_000546.5",
        "ENST00000269305",
        "ENSP00000269305.4",
        "refseq:NP_000537.3",
    ):
        assert made.resolve(product).gene == iri("ncbigene:7157"), product


def test_uniprot_gives_the_gene_of_a_protein_and_an_isoform() -> None:
    text = "\n".join(
        ["P04637\tUniProtKB-ID\tP53_HUMAN", "P04637\tGene_Name\tTP53", "P04637\tNCBI_TaxID\t9606",
         "P04637-2\tRefSeq\tNP_001119586.1",
         "P04637\tGeneID\t7157", "P04637\tHGNC\tHGNC:11998", "P68431\tNCBI_TaxID\t9606",
         "P68431\tGeneID\t8350", "P68431\tGeneID\t8351"]
    )  # fmt: skip
    made = genes(("uniprot-idmapping", text))
    assert made.resolve("uniprot:P04637-2").gene == made.resolve("P04637").gene == iri("ncbigene:7157")
    assert made.resolve("uniprot:P68431").candidates == (iri("ncbigene:8350"), iri("ncbigene:8351"))


def test_orthologs_of_both_tables_and_of_hgnc() -> None:
    alliance = (
        "# Alliance of Genome Resources\n"
        "Gene1ID\tGene1Symbol\tGene1SpeciesTaxonID\tGene2ID\tGene2Symbol\tGene2SpeciesTaxonID\t"
        "IsBestScore\tIsBestRevScore\nFB:FBgn0260632\tdl\tNCBITaxon:7227\tHGNC:9955\tRELA\tNCBITaxon:9606\tYes\tNo\n"
        "FB:FBgn0260632\tdl\tNCBITaxon:7227\tHGNC:7794\tNFKB1\tNCBITaxon:9606\tNo\tNo\n"
    )
    ncbi = "#tax_id\tGeneID\trelationship\tOther_tax_id\tOther_GeneID\n9606\t7157\tOrtholog\t10090\t22059\n"
    made = genes(
        ("alliance-orthology", alliance), ("ncbi-gene-orthologs", ncbi), ("hgnc", CUSTOM), ("ncbi-gene-info", INFO)
    )
    assert made.orthologs(iri("fb:FBgn0260632")) == (iri("hgnc:9955"),)
    assert made.orthologs(iri("ncbigene:22059")) == (iri("ncbigene:7157"),)
    assert made.orthologs(iri("ncbigene:7157")) == (iri("ncbigene:22059"),)


@pytest.mark.parametrize("form", sorted(KIND.formats))
def test_another_document_gives_no_gene(form: str) -> None:
    with contextlib.suppress(ValueError):
        assert of(rows_of(form, "<html><body>Service unavailable</body></html>\n"), "gene") == []


# ── resolving ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("asked", "taxon", "gene", "tier"),
    [
        ("TP53", HUMAN, "ncbigene:7157", "approved"),
        ("tp53", HUMAN, "ncbigene:7157", "approved"),
        ("LFS1", HUMAN, "ncbigene:7157", "alias"),
        ("UBE1", HUMAN, "ncbigene:7317", "previous"),
        ("A1S9T", HUMAN, "ncbigene:7317", "previous"),
        ("SEPT9", HUMAN, "ncbigene:10801", "previous"),
        ("AMN", HUMAN, "ncbigene:81693", "approved"),
        ("CENPC", HUMAN, "ncbigene:1060", "approved"),
        ("AASTH23", HUMAN, None, "withdrawn"),
        ("OLDER", HUMAN, "ncbigene:4625", "withdrawn"),
        ("CMH1", HUMAN, "ncbigene:4625", "alias"),
        ("Trp53", MOUSE, "ncbigene:22059", "approved"),
        ("HGNC:HGNC:76", None, "ncbigene:25", "identifier"),
        ("https://identifiers.org/ensembl:ENSG00000141510.17", None, "ncbigene:7157", "identifier"),
        ("ensembl:ENSG00000097007", None, "ncbigene:25", "identifier"),
        ("MGI:98834", None, "ncbigene:22059", "identifier"),
        ("YFL039C", YEAST, "ncbigene:850504", "systematic"),
        ("sgd:YFL039C", None, "ncbigene:850504", "identifier"),
        ("ACT1", 559292, "ncbigene:850504", "approved"),
        ("SSA1", YEAST, "sgd:S000000004", "approved"),
        (
            "https://flybase.org/cgi-bin/uniq.html?field=SYN&db=fbgn&context=CG6667",
            None,
            "ncbigene:35047",
            "identifier",
        ),
        ("dl", FLY, "ncbigene:35047", "symbol"),
        ("Dl", FLY, "ncbigene:42313", "symbol"),
        ("pombase:SPAC212.11", None, "pombase:SPAC212.11", "identifier"),
        ("tlh1", 284812, "pombase:SPAC212.11", "approved"),
        ("uniprot:P04637", None, "ncbigene:7157", "identifier"),
    ],
)
def test_a_name_is_a_gene(known: Genes, asked: str, taxon: int | None, gene: str | None, tier: str) -> None:
    found = known.resolve(asked, taxon)
    assert (found.gene, found.tier) == (gene and iri(gene), tier)
    assert all(reason.kind == "table" and reason.source and reason.matched for reason in found.evidence)


@pytest.mark.parametrize("asked", ["p21", "P21"])
def test_an_ambiguous_alias_gives_candidates_only(known: Genes, asked: str) -> None:
    found = known.resolve(asked, HUMAN)
    assert (found.gene, found.candidates) == (None, (iri("ncbigene:1026"), iri("ncbigene:9338")))


def test_a_symbol_on_several_identifiers_of_ensembl_is_ambiguous(known: Genes) -> None:
    assert known.taxa_of("U6") == [7955, HUMAN]
    assert known.resolve("U6", HUMAN).candidates == (iri("ensembl:ENSG00000278757"), iri("ensembl:ENSG00000283136"))


@pytest.mark.parametrize(
    ("asked", "taxon"), [("TP53", YEAST), ("Trp53", HUMAN), ("ABL1", MOUSE), ("UBE1", 4896), ("nothing", HUMAN)]
)
def test_never_across_species(known: Genes, asked: str, taxon: int) -> None:
    assert known.resolve(asked, taxon).genes == ()


def test_without_a_species_a_symbol_gives_candidates_even_if_there_is_one(known: Genes) -> None:
    assert known.resolve("ABL1").gene is None
    assert known.resolve("ABL1").candidates == (iri("ncbigene:25"),)
    assert known.resolve("tp53").candidates == (iri("ncbigene:22059"), iri("ncbigene:7157"))


def test_synonyms_with_blanks_between_them_are_no_symbol(known: Genes) -> None:
    assert known.resolve("p53 LFS1 TP53", HUMAN).genes == ()


def test_chains_of_retired_identifiers_are_followed_and_circles_end(known: Genes) -> None:
    chain = known.resolve("ncbigene:999001")
    assert (chain.gene, chain.is_retired) == (iri("ncbigene:4625"), True)
    assert chain.evidence[0].matched == "ncbigene:999001 → ncbigene:1226 → ncbigene:4625"
    for number in (999002, 999003, 544580):
        assert (known.resolve(f"ncbigene:{number}").genes, known.resolve(f"ncbigene:{number}").is_retired) == ((), True)


def test_an_unknown_identifier_is_unknown_and_not_a_symbol(known: Genes) -> None:
    assert known.resolve("ncbigene:123456789", HUMAN).tier == ""


def test_everything_known_of_a_gene(known: Genes) -> None:
    found = known.account(iri("ncbigene:7317"))
    assert (found.symbol, found.taxon) == ("UBA1", HUMAN)
    assert found.ids == tuple(map(iri, ("ncbigene:7317", "hgnc:12469", "ensembl:ENSG00000130985")))
    assert (found.previous, found.retired) == (("A1S9T", "GXP1", "UBE1"), (iri("hgnc:6"),))
    assert found.proteins == (iri("uniprot:P22314"),)
    assert iri("sgd:YFL039C") in known.account(iri("ncbigene:850504")).ids
    assert known.account("https://example.org/x").ids == ("https://example.org/x",)


@pytest.mark.parametrize(
    ("written", "meant"), [("KATE6A", "KAT6A"), ("TP35", "TP53"), ("TP53-02", "TP53"), ("SEP15_HUMAN", "SELENOF")]
)
def test_names_that_are_written_much_alike(known: Genes, written: str, meant: str) -> None:
    assert known.near(written, HUMAN)[0] == meant


def test_bundled_tables_answer_without_any_set_up() -> None:
    made = Genes(bundled())
    assert made.resolve("p53", HUMAN).gene == iri("ncbigene:7157")
    assert made.orthologs(iri("ncbigene:16905")) == (iri("ncbigene:4000"),)
    assert not made.has_species(HUMAN)


def test_bundled_tables_are_small_sorted_and_unique() -> None:
    for one in bundled():
        ids = [row[0] for row in one.rows("gene", "SELECT id FROM gene ORDER BY rowid")]
        assert ids == sorted(set(ids), key=lambda form: (form.split(":")[0], int(form.split(":")[1])))
        assert len(ids) < 300


def test_tables_of_the_settings_are_read_and_read_again_after_an_update(tmp_path: Path) -> None:
    folder = tmp_path
    file = folder / "hgnc.tsv"
    file.write_text(CUSTOM)
    settings = Settings(data_dir=folder / "data", references={"hgnc": Reference("hgnc", "genes", "hgnc", str(file))})
    settings.data_dir.mkdir()
    log = Log(settings.database)
    assert Genes.of(settings).resolve("UBE1", HUMAN).gene is None
    assert [o.state for o in references.update(settings, log, [], Manners())] == ["new"]
    first = Genes.of(settings)
    assert first.resolve("UBE1", HUMAN).gene == iri("ncbigene:7317")
    assert Genes.of(settings) is first
    file.write_text(CUSTOM.replace("GXP1", "GXP9"))
    assert [o.state for o in references.update(settings, log, [], Manners())] == ["changed"]
    assert Genes.of(settings).resolve("GXP9", HUMAN).gene == iri("ncbigene:7317")
    assert Genes.of(settings).version != first.version
    log.close()
