"""Link rules about terms: wordings, texts, obsolete terms and mapping tables."""

from __future__ import annotations

import io
import json
import sqlite3
from collections.abc import Iterable
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from pyoxigraph import DefaultGraph, NamedNode, Store

from harvesters.http import Manners
from harvesters.references import obo
from harvesters.references.contract import Reference
from harvesters.references.mappings import KIND, read_sssom
from harvesters.references.ontology import KIND as ONTOLOGY
from harvesters.references.ontology import Ontology
from hub import ingest, records, references, snapshots
from hub.config import Settings
from hub.links import engine
from hub.links.catalogue import Links
from hub.links.contract import Evidence, Found, Member, Problem, Record, Result, Rule
from hub.links.rules import term_crosswalk, term_exists, term_in_text, term_of_wording, term_replaced
from hub.links.tables import Tables as InstalledTables
from hub.links.terms import (
    ABOUT,
    CELL_LINE,
    CLOSE_MATCH,
    EXACT_MATCH,
    HAS_PHENOTYPE,
    MEASURED,
    METHOD,
    ORGANISM,
    Mappings,
    Names,
    bundled,
)
from hub.log import Log, RecordRow
from hub.ontologies import Ontologies
from hub.ontologies import bundled as slices
from linkml_schemas.generated.model import (
    Archive,
    BioSample,
    Dataset,
    DefinedTerm,
    ImagingProtocol,
    Phenotype,
    StudyComponent,
    Taxon,
)
from ontology import terms
from ontology.identifiers import curie, term
from ontology.text import clean
from tests.support import BASE, demo_settings

RECORD = f"{BASE}record/bia/S-BIAD1#"
DATASET = f"{BASE}dataset/bia/S-BIAD1"
REPLACED = term("IAO:0100001")
HUMAN = Taxon(id=term("NCBITaxon:9606"), scientific_name="Homo sapiens")
FRAMES = """format-version: 1.2
data-version: releases/2026-01-01

[Term]
id: UBERON:0002107
name: liver
synonym: "iecur" EXACT []

[Term]
id: UBERON:0000955
name: brain

[Term]
id: UBERON:0000062
name: organ

[Term]
id: CMPO:0000140
name: large nucleus phenotype
synonym: "increased nucleus size" EXACT []
synonym: "very large nucleus" NARROW []
synonym: "nuclear defect" BROAD []

[Term]
id: CMPO:0000141
name: irregular nucleus
synonym: "odd one" EXACT []

[Term]
id: CMPO:0000142
name: small nucleus
synonym: "odd one" EXACT []

[Term]
id: BTO:0000567
name: HeLa cell

[Term]
id: EFO:9990001
name: WidgetLine
is_a: EFO:9990002

[Term]
id: EFO:9990002
name: kidney derived cell line

[Term]
id: EFO:9990003
name: WidgetTime

[Term]
id: EFO:9990004
name: WidgetTwin
is_a: EFO:9990002

[Term]
id: EFO:9990005
name: WidgetOther
synonym: "WidgetTwin" EXACT []
is_a: EFO:9990002

[Term]
id: EFO:9990006
name: WL1
is_a: EFO:9990002

[Term]
id: UBERON:9990002
name: widget vein
synonym: "WIVE" EXACT []

[Term]
id: GO:0005623
name: obsolete cell
is_obsolete: true

[Term]
id: UBERON:0000014
name: zone of skin

[Term]
id: UBERON:9990001
name: obsolete pelt
is_obsolete: true
replaced_by: UBERON:0000014
synonym: "pelt" EXACT []

[Term]
id: EFO:0000962
name: obsolete_skin
is_obsolete: true
replaced_by: UBERON:0000014
"""
SSSOM = """#mapping_set_id: "https://example.org/mappings/ours"
#mapping_set_version: "7"
#license: "https://creativecommons.org/publicdomain/zero/1.0/"
#curie_map:
#  FBbi: "http://purl.obolibrary.org/obo/FBbi_"
#  ACME: "https://acme.example/"
subject_id\tsubject_label\tsubject_type\tpredicate_id\tpredicate_modifier\tobject_id\tobject_label\tmapping_justification\tconfidence
FBbi:00000246\tfluorescence microscopy\t\tskos:exactMatch\t\tACME:7\tglow\tsemapv:LexicalMatching\t0.7
FBbi:00000246\tfluorescence microscopy\t\tskos:closeMatch\t\tACME:8\tgleam\tsemapv:LexicalMatching\t
FBbi:00000251\tconfocal microscopy\t\tskos:exactMatch\tNot\tACME:9\tno\tsemapv:ManualMappingCuration\t
FBbi:00000251\tconfocal microscopy\t\tskos:exactMatch\t\tsssom:NoTermFound\t\tsemapv:ManualMappingCuration\t
\tlaser glow\trdfs literal\tskos:exactMatch\t\tFBbi:00000251\tconfocal microscopy\tsemapv:LexicalMatching\t0.9
"""


def ontology(name: str = "frames") -> Ontology:
    db = sqlite3.connect(":memory:")
    rows = obo.read(io.BytesIO(FRAMES.encode()), Reference(name, "ontology", "obo", "frames.obo"))
    references.fill(db, ONTOLOGY, rows, {"sha256": "1"})
    return Ontology(name, db)


def table(text: str = SSSOM) -> sqlite3.Connection:
    db = sqlite3.connect(":memory:")
    reference = Reference("ours", "mappings", "sssom", "ours.sssom.tsv")
    references.fill(db, KIND, read_sssom(io.BytesIO(text.encode()), reference), {"sha256": "1"})
    return db


class Tables:
    """Ontologies and mapping tables as rules are given them."""

    def __init__(self, known: Ontologies | None, mappings: Mappings | None = None) -> None:
        self.by_kind: dict[str, Any] = {"ontology": known, "mappings": mappings}

    def get(self, kind: str) -> Any:
        return self.by_kind.get(kind)

    def version(self, kind: str) -> str:
        return "1"


TABLES = Tables(Ontologies(slices()), Mappings(bundled()))
WITH_FRAMES = Tables(Ontologies([ontology(), *slices()]), Mappings([("ours", table()), *bundled()]))


def dataset(**more: Any) -> Dataset:
    said: dict[str, Any] = {
        "id": DATASET, "accession": "S-BIAD1", "name": "A dataset",
        "archive": Archive(id=f"{BASE}archive/bia", name="BioImage Archive"), "url": "https://example.org/S-BIAD1",
    }  # fmt: skip
    return Dataset(**(said | more))


def sample(name: str, **more: Any) -> BioSample:
    return BioSample(id=f"{RECORD}sample", name=name, **more)


def own(name: str, local: str = "term") -> DefinedTerm:
    return DefinedTerm(id=f"{RECORD}{local}", name=name)


def given(code: str, name: str = "as written") -> DefinedTerm:
    return DefinedTerm(id=term(code), name=name)


def results(rule: Rule, said: Dataset, tables: Tables = TABLES, findings: Iterable[Any] = ()) -> list[Result]:
    told = json.dumps(list(findings))
    row = RecordRow(
        "bia",
        "S-BIAD1",
        said.id,
        "active",
        said.name,
        records.to_json(said),
        told,
        None,
        "0" * 64,
        None,
        "x/1",
        "",
        "",
        1,
    )
    record = Record(row)
    placed = rule.members(record, tables)
    assert placed.keys <= {record.own_key}
    features = json.loads(json.dumps(placed.features))
    block = [Member(record.key, said.id, features)] if placed.keys else []
    found = list(rule.link(record.own_key, block, tables))
    for one in found:
        if isinstance(one, Found):
            assert one.predicate in rule.predicates
            assert one.evidence
            assert one.records == (record.key,)
    return found


def links(found: Iterable[Result]) -> set[tuple[str, str, str, bool]]:
    return {
        (one.subject, one.predicate, curie(one.object), one.confidence >= 0.8)
        for one in found
        if isinstance(one, Found)
    }


def wording(said: Dataset, tables: Tables = TABLES) -> set[tuple[str, str, str, bool]]:
    return links(results(term_of_wording.RULE, said, tables))


# --- wordings ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "code", "predicate"),
    [
        ("confocal microscopy", "FBbi:00000251", EXACT_MATCH),
        ("Light-Sheet  Imaging", "FBbi:00000369", EXACT_MATCH),
        ("scanning electron microscopy", "FBbi:00000257", EXACT_MATCH),
        ("selective plane illumination microscopy (SPIM)", "FBbi:00000369", EXACT_MATCH),
        ("electron tomography", "FBbi:00000258", CLOSE_MATCH),
    ],
)
def test_a_method_is_a_term_of_fbbi(written: str, code: str, predicate: str) -> None:
    node = f"{RECORD}term"
    expected = {(node, predicate, code, True), (DATASET, MEASURED, code, True)}
    assert wording(dataset(measurement_method=[own(written)])) == expected
    protocol = ImagingProtocol(id=f"{RECORD}p", name="Imaging", measurement_technique=[own(written)])
    assert wording(dataset(measurement_method=[protocol])) == expected


@pytest.mark.parametrize(
    "written",
    [
        "CSV files",
        "HeLa",
        "Mus musculus",
        "nucleus",
        "imaging method",
        "EGFP",
        "confocal microscopy (TEM)x",
        "n/a",
        "x",
    ],
)
def test_what_is_no_method_stays_a_wording(written: str) -> None:
    assert wording(dataset(measurement_method=[own(written)])) == set()


def test_two_names_that_disagree_are_candidates() -> None:
    found = wording(dataset(measurement_method=[own("confocal microscopy (STED)")]))
    assert {(code, fact) for _, _, code, fact in found} == {("FBbi:00000251", False), ("FBbi:00000334", False)}


def test_a_protocol_is_close_to_its_method_unless_it_has_a_technique() -> None:
    protocol = ImagingProtocol(id=f"{RECORD}p", name="Confocal microscopy")
    assert wording(dataset(measurement_method=[protocol])) == {
        (f"{RECORD}p", CLOSE_MATCH, "FBbi:00000251", True),
        (DATASET, MEASURED, "FBbi:00000251", True),
    }
    said = protocol.model_copy(update={"measurement_technique": [given("FBbi:00000246")]})
    assert wording(dataset(measurement_method=[said])) == set()


def test_what_the_record_says_of_the_dataset_is_not_said_again() -> None:
    both = [own("confocal microscopy"), given("FBbi:00000251")]
    assert wording(dataset(measurement_method=both)) == {(f"{RECORD}term", EXACT_MATCH, "FBbi:00000251", True)}


def test_parts_count_as_their_dataset() -> None:
    part = StudyComponent(id=f"{RECORD}part", name="Part", measurement_method=[own("confocal")])
    assert (DATASET, MEASURED, "FBbi:00000251", True) in wording(dataset(has_part=[part]))


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("K562 cell", "CVCL:0004"), ("HEK293T (Homo Sapiens)", "CVCL:0063"), ("HeLa cells", "CVCL:0030"),
        ("CHO–K1", "CVCL:0214"), ("Madin-Darby canine kidney (MDCK) cells", "CVCL:0422"), ("NHBE cell", "BTO:0002924"),
        ("Hep G2 cell", "CVCL:0027"), ("HAP1 cell", "CVCL:Y019"), ("SKBR3", "CVCL:0033"),
    ],
)  # fmt: skip
def test_cell_lines_meet_in_cellosaurus(written: str, code: str) -> None:
    found = wording(dataset(about=[sample("First", taxon=[HUMAN], cell_line=[own(written)])]))
    assert found == {(f"{RECORD}term", EXACT_MATCH, code, True), (DATASET, ABOUT, code, True)}


def test_a_cell_line_that_only_another_ontology_has_leads_on_by_the_mapping() -> None:
    names = Names(Ontologies(slices()), Mappings(bundled()))
    (meaning,) = names.meanings("HCC-70", CELL_LINE, "about[0].cell_line[0]")
    assert curie(meaning.iri) == "CVCL:1270"
    assert [reason.matched for reason in meaning.evidence] == [
        "HCC70 (exact synonym)",
        "HCC70 (exactMatch, semapv:ManualMappingCuration, line 43)",
    ]
    assert meaning.evidence[1].source == "cell-lines-crosswalk"


def test_in_ontologies_with_other_things_only_cell_lines_count() -> None:
    names = Names(WITH_FRAMES.get("ontology"), Mappings(bundled()))
    assert [curie(m.iri) for m in names.meanings("WidgetLine", CELL_LINE)] == ["EFO:9990001"]
    assert names.meanings("WidgetTime", CELL_LINE) == []


@pytest.mark.parametrize(
    ("name", "code"), [("HeLa", "CVCL:0030"), ("fibroblast", "CL:0000057"), ("Liver", "UBERON:0002107")]
)
def test_a_sample_is_close_to_what_its_name_says(name: str, code: str) -> None:
    assert wording(dataset(about=[sample(name, taxon=[HUMAN])])) == {
        (f"{RECORD}sample", CLOSE_MATCH, code, True),
        (DATASET, ABOUT, code, True),
    }


def test_a_sample_named_like_a_line_of_an_ontology_is_a_candidate() -> None:
    found = wording(dataset(about=[sample("WidgetLine")]), WITH_FRAMES)
    assert found == {(f"{RECORD}sample", CLOSE_MATCH, "EFO:9990001", False), (DATASET, ABOUT, "EFO:9990001", False)}
    assert all(fact for *_, fact in wording(dataset(about=[sample("WidgetLine cells")]), WITH_FRAMES))


@pytest.mark.parametrize(
    ("name", "codes"),
    [
        ("WidgetTwin cells", {"EFO:9990004", "EFO:9990005"}),
        ("WL1 cells", {"EFO:9990006"}),
        ("WIVE", {"UBERON:9990002"}),
        ("H-128 (HeLa)", {"CVCL:0030"}),
    ],
)
def test_shared_and_short_names_are_candidates(name: str, codes: set[str]) -> None:
    found = wording(dataset(about=[sample(name)]), WITH_FRAMES)
    assert {(code, fact) for _, _, code, fact in found} == {(code, False) for code in codes}


def test_what_is_in_brackets_counts_by_curated_names_only() -> None:
    assert wording(dataset(about=[sample("Brain slices (WidgetLine)")]), WITH_FRAMES) == set()


def test_a_cell_type_in_the_place_of_a_cell_line_is_told_as_such() -> None:
    found = wording(dataset(about=[sample("First", cell_line=[own("fibroblast")])]))
    assert found == {(f"{RECORD}term", EXACT_MATCH, "CL:0000057", True), (DATASET, ABOUT, "CL:0000057", True)}


@pytest.mark.parametrize("name", ["cell", "tissue", "Organism", "Biosample 1", "NA", "ES", "organ"])
def test_general_words_are_no_terms_of_a_sample(name: str) -> None:
    assert wording(dataset(about=[sample(name)]), WITH_FRAMES) == set()


def test_a_sample_is_an_organism_only_where_it_has_none() -> None:
    assert (DATASET, ABOUT, "NCBITaxon:10090", True) in wording(dataset(about=[sample("mouse")]))
    assert wording(dataset(about=[sample("mouse", taxon=[HUMAN])])) == set()


def test_an_organism_that_the_harvester_could_not_read_gets_its_taxon() -> None:
    finding = {
        "field": "Organism",
        "rule": "organism-unknown",
        "value": "Mus muculus",
        "message": "",
        "suggestion": None,
    }
    found = results(term_of_wording.RULE, dataset(), findings=[finding, {**finding, "value": "Beads"}])
    assert links(found) == {(DATASET, ABOUT, "NCBITaxon:10090", True)}


@pytest.mark.parametrize(
    ("written", "predicate", "fact"),
    [
        ("large nucleus phenotype", EXACT_MATCH, True),
        ("Increased nucleus size", EXACT_MATCH, True),
        ("very large nucleus", CLOSE_MATCH, True),
        ("nuclear defect", CLOSE_MATCH, False),
    ],
)
def test_a_phenotype_by_kind_of_name(written: str, predicate: str, fact: bool) -> None:
    seen = Phenotype(id=f"{RECORD}seen", name=written)
    assert wording(dataset(phenotype=[seen]), WITH_FRAMES) == {
        (f"{RECORD}seen", predicate, "CMPO:0000140", fact),
        (DATASET, HAS_PHENOTYPE, "CMPO:0000140", fact),
    }


def test_an_ambiguous_name_gives_candidates() -> None:
    found = wording(dataset(phenotype=[Phenotype(id=f"{RECORD}seen", name="odd one")]), WITH_FRAMES)
    assert {(code, fact) for _, _, code, fact in found} == {("CMPO:0000141", False), ("CMPO:0000142", False)}


def test_a_phenotype_named_after_a_component_is_close_to_it() -> None:
    assert wording(dataset(phenotype=[Phenotype(id=f"{RECORD}seen", name="Nucleus")])) == {
        (f"{RECORD}seen", CLOSE_MATCH, "GO:0005634", True),
        (DATASET, ABOUT, "GO:0005634", True),
    }


def test_evidence_names_the_kind_of_name_and_the_release() -> None:
    seen = Phenotype(id=f"{RECORD}seen", name="Increased nucleus size")
    found = results(term_of_wording.RULE, dataset(phenotype=[seen]), WITH_FRAMES)
    assert isinstance(found[0], Found)
    assert found[0].evidence == (
        Evidence(
            "table", "phenotype[0].name", "Increased nucleus size", "large nucleus phenotype (exact synonym)",
            source="frames releases/2026-01-01", weight=0.92,
        ),
        Evidence("record", "phenotype[0].name", "Increased nucleus size", source="bia/S-BIAD1"),
    )  # fmt: skip


def test_an_obsolete_term_with_that_name_stands_for_what_replaces_it() -> None:
    found = results(term_of_wording.RULE, dataset(about=[sample("Pelt", taxon=[HUMAN])]), WITH_FRAMES)
    assert links(found) == {
        (f"{RECORD}sample", CLOSE_MATCH, "UBERON:0000014", True),
        (DATASET, ABOUT, "UBERON:0000014", True),
    }
    assert found[0].evidence[0].matched == "obsolete pelt (exact synonym, obsolete, replaced by zone of skin)"


def test_installed_mappings_count_with_their_own_confidence() -> None:
    names = Names(WITH_FRAMES.get("ontology"), WITH_FRAMES.get("mappings"))
    (meaning,) = names.meanings("Laser glow", METHOD, "name")
    assert (curie(meaning.iri), meaning.confidence) == ("FBbi:00000251", 0.9)
    assert meaning.evidence[0].matched == "confocal microscopy (exactMatch, semapv:LexicalMatching, line 12)"
    assert meaning.evidence[0].source == "ours 7"


# --- texts ------------------------------------------------------------------------------------------------------------


def text(said: Dataset, tables: Tables = TABLES) -> list[Result]:
    return results(term_in_text.RULE, said, tables)


def test_a_text_names_candidates_with_their_sentence() -> None:
    words = "We grew cells. Then scanning electron microscopy of C. elegans showed more. The mouse was not imaged."
    found = text(dataset(description=words))
    assert links(found) == {
        (DATASET, MEASURED, "FBbi:00000257", False),
        (DATASET, ABOUT, "NCBITaxon:6239", False),
    }
    for one in found:
        assert isinstance(one, Found)
        said = one.evidence[0]
        assert said.quote == "Then scanning electron microscopy of C. elegans showed more."
        assert said.start is not None
        assert words[said.start :].startswith(said.value)
        assert one.evidence[1].source in ("fbbi 2020-11-06", "ncbitaxon 2024.9.7")


def test_a_keyword_that_is_a_label_is_a_fact() -> None:
    found = text(dataset(keyword=["Arabidopsis thaliana", "electron microscopy", "confocal imaging", "mouse"]))
    assert links(found) == {
        (DATASET, ABOUT, "NCBITaxon:3702", True),
        (DATASET, MEASURED, "FBbi:00000256", True),
        (DATASET, MEASURED, "FBbi:00000251", False),
    }


@pytest.mark.parametrize(
    "words", ["A mouse and a rat", "SEM, TEM, OCT and FISH", "The cells of Widget minor", "imaging method", "Confocal"]
)
def test_single_words_and_unknown_names_are_left_alone(words: str) -> None:
    assert text(dataset(name=words)) == []


def test_nothing_is_read_where_the_record_says_it() -> None:
    said = dataset(
        name="Electron microscopy of Mus musculus", about=[HUMAN], measurement_method=[given("FBbi:00000246")]
    )
    assert text(said) == []
    worded = dataset(name="Electron microscopy of Mus musculus", measurement_method=[own("confocal")])
    assert {code for _, _, code, _ in links(text(worded))} == {"NCBITaxon:10090"}


def test_long_and_odd_words_take_no_time() -> None:
    odd = ["(" * 5_000, "-" * 100_000, "a (" * 30_000, "cell line " * 10_000]
    methods = [own(words, f"term-{number}") for number, words in enumerate(odd)]
    assert wording(dataset(about=[sample(words) for words in odd], measurement_method=methods)) == set()
    assert text(dataset(name="A. " * 50_000, description=". " * 500_000 + "Aa bbb " * 100_000)) == []


def test_the_longest_name_counts() -> None:
    found = text(dataset(name="Spinning disk confocal microscopy of wings"))
    assert {code for _, _, code, _ in links(found)} == {"FBbi:00000253"}


# --- obsolete terms and crosswalk -------------------------------------------------------------------------------------


def test_an_obsolete_term_leads_to_its_replacement_and_is_reported_once() -> None:
    said = dataset(about=[given("EFO:0000962", "skin"), given("GO:0005623"), given("UBERON:0000955", "brain")])
    found = results(term_replaced.RULE, said)
    assert links(found) == {(term("EFO:0000962"), REPLACED, "UBERON:0000014", True)}
    problems = {(p.field, p.rule, p.suggestion) for p in found if isinstance(p, Problem)}
    assert problems == {("about[0]", "term-obsolete", term("UBERON:0000014")), ("about[1]", "term-obsolete", None)}
    assert results(term_exists.RULE, said) == []


def test_what_term_exists_reports_is_not_reported_again() -> None:
    efo = Tables(Ontologies([ontology("efo"), *slices()]))
    said = dataset(about=[given("EFO:0000962", "skin")])
    assert [p.rule for p in results(term_exists.RULE, said, efo) if isinstance(p, Problem)] == ["term-obsolete"]
    assert [type(one) for one in results(term_replaced.RULE, said, efo)] == [Found]


def test_terms_of_two_ontologies_meet() -> None:
    said = dataset(
        about=[sample("First", cell_line=[given("CLO:0003684"), given("EFO:0001185")])],
        measurement_method=[given("CHMO:0002194"), given("MI:2213"), given("OMIT:0027490")],
    )
    assert links(results(term_crosswalk.RULE, said)) == {
        (term("CLO:0003684"), EXACT_MATCH, "CVCL:0030", True),
        (term("EFO:0001185"), EXACT_MATCH, "CVCL:0030", True),
        (DATASET, ABOUT, "CVCL:0030", True),
        (DATASET, MEASURED, "FBbi:00000246", True),
        (term("MI:2213"), CLOSE_MATCH, "FBbi:00000321", True),
        (term("OMIT:0027490"), EXACT_MATCH, "FBbi:00000249", True),
        (DATASET, MEASURED, "FBbi:00000249", True),
    }


def test_an_installed_table_gives_links_with_its_justification() -> None:
    found = results(term_crosswalk.RULE, dataset(measurement_method=[given("FBbi:00000246")]), WITH_FRAMES)
    told = {(o.object, o.predicate, o.confidence, o.evidence[0].matched) for o in found if isinstance(o, Found)}
    assert told == {
        ("https://acme.example/7", EXACT_MATCH, 0.7, "glow (exactMatch, semapv:LexicalMatching, line 8)"),
        ("https://acme.example/8", CLOSE_MATCH, 0.85, "gleam (closeMatch, semapv:LexicalMatching, line 9)"),
    }


@pytest.mark.parametrize("rule", [term_of_wording.RULE, term_in_text.RULE, term_replaced.RULE, term_crosswalk.RULE])
def test_without_ontologies_a_rule_is_silent(rule: Rule) -> None:
    said = dataset(name="Electron microscopy", about=[given("EFO:0000962")], measurement_method=[own("confocal")])
    assert results(rule, said, Tables(None)) == []


# --- tables -----------------------------------------------------------------------------------------------------------


def test_a_mapping_set_is_read() -> None:
    db = table()
    rows = db.execute("SELECT id, subject_label, object, confidence FROM mapping ORDER BY id").fetchall()
    assert [(line, label) for line, label, *_ in rows] == [
        (8, "fluorescence microscopy"),
        (9, "fluorescence microscopy"),
        (12, "laser glow"),
    ]
    assert dict(db.execute("SELECT name, value FROM meta"))["version"] == "7"


@pytest.mark.parametrize(
    ("text_", "message"),
    [
        ("subject_id\tobject_id\n", "no column predicate_id, mapping_justification"),
        ("", "no column"),
        ("#a: [\nsubject_id\tpredicate_id\tobject_id\tmapping_justification\n", "no YAML"),
        (SSSOM.replace("\t0.7\n", "\thigh\n"), "line 8: the confidence 'high'"),
        (SSSOM.replace("\t0.7\n", "\t7\n"), "line 8: the confidence '7'"),
    ],
)
def test_what_is_no_mapping_set_is_refused(text_: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        table(text_)


OTHERS = ("cell-lines", "cell-lines-crosswalk", "methods-crosswalk")


def cells(name: str) -> list[list[str]]:
    found = files("ontology").joinpath("mappings", f"{name}.sssom.tsv").read_text(encoding="utf-8")
    assert found.endswith("\n")
    return [line.split("\t") for line in found.removesuffix("\n").split("\n") if not line.startswith("#")]


def test_every_mapping_table_is_tested() -> None:
    assert {name for name, _ in bundled()} == {*OTHERS, "imaging-methods", "organisms"}


@pytest.mark.parametrize("name", OTHERS)
def test_mapping_is_sorted_unique_and_normalised(name: str) -> None:
    heading, *rows = cells(name)
    assert heading[-5:] == ["predicate_id", "object_id", "object_label", "mapping_justification", "comment"]
    assert heading[:-5] == (["subject_label"] if name == "cell-lines" else ["subject_id", "subject_label"])
    assert [row[0] for row in rows] == sorted({row[0] for row in rows})
    for row in rows:
        assert [clean(cell) for cell in row] == row
        *subject, predicate, object_id, object_label, justification, _ = row
        assert predicate in ("skos:exactMatch", "skos:broadMatch", "skos:closeMatch")
        assert justification == "semapv:ManualMappingCuration"
        for code, label in [(object_id, object_label)] if len(subject) == 1 else [(object_id, object_label), subject]:
            assert curie(term(code)) == code
            assert terms.label(term(code)) in (label, None)


def test_every_wording_of_a_cell_line_is_found() -> None:
    names = Names(Ontologies(slices()), Mappings(bundled()))
    for written, _, code, *_ in cells("cell-lines")[1:]:
        assert [curie(m.iri) for m in names.meanings(written, CELL_LINE)] == [code]


@pytest.mark.parametrize(("name", "role"), [("imaging-methods", METHOD), ("organisms", ORGANISM)])
def test_every_mapped_wording_is_found(name: str, role: Any) -> None:
    names = Names(Ontologies(slices()), Mappings(bundled()))
    for written, _, code, *_ in cells(name)[1:]:
        assert [curie(m.iri) for m in names.meanings(written, role)] == [code]


# --- through the engine -----------------------------------------------------------------------------------------------


def standing(settings: Settings) -> set[tuple[str, str, str]]:
    log = Log(settings.database)
    found = {(row.rule, row.object, row.status) for row in Links(log).all_links() if row.rule.startswith("term-")}
    log.close()
    return found


def test_a_new_mapping_table_computes_the_links_anew(tmp_path: Path) -> None:
    settings = demo_settings(tmp_path, ("bia", "idr", "ssbd"))
    ingest.harvest(settings, list(settings.sources))
    before = standing(settings)
    assert ("term-crosswalk", term("CVCL:0030"), "fact") in before
    current = snapshots.current(settings.snapshots_dir)
    assert current is not None
    store = Store.read_only(str(current.graph))
    about = store.quads_for_pattern(None, NamedNode(ABOUT), NamedNode(term("CVCL:0030")), DefaultGraph())
    assert any(f"{BASE}dataset/" in str(quad.subject) for quad in about)
    del store, about
    file = tmp_path / "ours.sssom.tsv"
    file.write_text(SSSOM, encoding="utf-8")
    reference = Reference("ours", "mappings", "sssom", str(file))
    settings = replace(settings, references={"ours": reference})
    log = Log(settings.database)
    assert [o.state for o in references.update(settings, log, [], Manners())] == ["new"]
    outcome = engine.update(log, Links(log), InstalledTables(settings), settings)
    log.close()
    assert not {name for name in outcome.errors if name.startswith("term-")}
    assert standing(settings) - before >= {("term-crosswalk", "https://acme.example/8", "fact")}
