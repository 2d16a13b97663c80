"""Link rules on people and organisations: on records made here, and on the corpus, its people named by dataset."""

from __future__ import annotations

import json
import sqlite3
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from harvesters.references import people
from hub import records, references
from hub.links.contract import Found, Key, Member, Problem, Record, Rule
from hub.links.people import compare, read
from hub.links.rules import orcid_conflicts, organisation_identity, person_identity
from hub.log import RecordRow
from hub.organisations import Organisations
from hub.people import People
from linkml_schemas.generated.model import Archive, Dataset, Grant, Organization, Person, Publication
from tests.benchmarks import people as benchmark
from tests.benchmarks import sameness
from tests.support import BASE
from tests.test_organisations import BERN, CAMBRIDGE, NEW, OLD, UNE_AU, UNE_US
from tests.test_organisations import tables as ror
from tests.test_people import ADA, BEA, CAL

Tables = sameness.Tables
NONE = Tables({})


def held(**names: list[str]) -> People:
    """A register in which holders have these names."""
    iris = {"ada": ADA, "bea": BEA, "cal": CAL}
    db = sqlite3.connect(":memory:")
    rows = [one for who, listed in names.items() for one in people._rows(
        iris[who], {"state": "public", "name": listed[0], "others": listed[1:]})]  # fmt: skip
    references.fill(db, people.KIND, rows, {})
    return People([("orcid", db)])


def person(name: str, iri: str = "", *places: str, node: str = "x") -> Person:
    listed = [Organization(id=f"{BASE}record/{node}#place-{n}", name=place) for n, place in enumerate(places)]
    return Person(id=iri or f"{BASE}record/{node}#{name.replace(' ', '-')}", name=name, affiliation=listed or None)


def row(accession: str, *authors: Person, source: str = "bia", **more: Any) -> RecordRow:
    said = {
        "id": f"{BASE}dataset/bia/{accession}", "accession": accession, "name": "A dataset",
        "author": list(authors) or None,
        "archive": Archive(id=f"{BASE}archive/bia", name="BIA"), "url": f"https://example.org/{accession}",
    }  # fmt: skip
    dataset = Dataset(**(said | more))
    return sameness.row_of(source, records.to_json(dataset), accession, dataset.id, dataset.name)


def results(rule: Rule, *rows: RecordRow, tables: Tables = NONE) -> list[Any]:
    made: dict[Key, list[Member]] = defaultdict(list)
    for one in rows:
        record = Record(one)
        placed = rule.members(record, tables)
        features = json.loads(json.dumps(placed.features))
        for key in placed.keys:
            made[key].append(Member(record.key, one.iri, features))
    found = [result for key, block in made.items() for result in rule.link(key, block, tables)]
    for told in found:
        assert told.evidence
        if isinstance(told, Found):
            assert told.predicate in rule.predicates
            assert told.records
    return found


# --- names -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("Ada Roe", "ADA ROE", "same"),
        ("Ada Roe", "Roe, Ada", "same"),
        ("Ada Roe", "Ada B. Roe", "same"),
        ("Ada Roe", "Roe A", "initials"),
        ("Ada Roe", "A. B. Roe", "initials"),
        ("Ada Roe", "Roe Ada", "same"),
        ("Ada Roe", "Roe AB", "initials"),
        ("Ada Roe", "Ada Lund", "related"),
        ("Niko Roe", "Nikolaus Roe", "initials"),
        ("Niko Roe", "Ada Roe", "related"),
        ("José García", "Jose Garcia", "same"),
        ("Ada Müller", "Ada Mueller", "same"),
        ("Ada D'Roe", "DRoe AD", "initials"),
        ("Ada Lund Roe", "Ada Lund-Roe", "same"),
        ("Ada van der Roe", "van der Roe A", "initials"),
        ("Yury Tchaikovsky", "Iurii Chaikovskii", "related"),
        ("Ada Roe", "阿达", "incomparable"),
        ("Roe", "Ada Roe", "related"),
        ("Ada Roe", "Carl Dane", "different"),
        ("Ada Roe", "Alan Dane", "different"),
        ("Xiao-Ming Roe", "Xiaoming Roe", "same"),
    ],
)
def test_how_far_two_names_agree(one: str, other: str, expected: str) -> None:
    assert compare(read(one), read(other)) == expected
    assert compare(read(other), read(one)) == expected


@pytest.mark.parametrize("odd", ["", " ", "–", "A", "A B", "AB", ",", "Roe,", "1234", "(facility)", "X" * 5000])
def test_odd_names_are_read(odd: str) -> None:
    assert compare(read(odd), read("Ada Roe")) in ("different", "related", "incomparable", "initials")
    assert compare(read(odd), read(odd)) in ("same", "initials", "related", "different")


# --- ORCID iDs that cannot be right ----------------------------------------------------------------------------------


def test_the_lesser_group_of_names_has_another_persons_id() -> None:
    rows = [row("S-1", person("Ada Roe", ADA)), row("S-2", person("Roe AB", ADA)), row("S-3", person("Carl Dane", ADA))]
    (found,) = results(orcid_conflicts.RULE, *rows)
    assert (found.rule, found.record, found.field, found.value) == (
        "orcid-of-another-person", ("bia", "S-3"), "author[0].id", ADA
    )  # fmt: skip
    assert "'Roe AB'" in found.message
    assert "bia/S-1, bia/S-2" in found.message


def test_one_against_one_is_reported_on_both() -> None:
    found = results(orcid_conflicts.RULE, row("S-1", person("Ada Roe", ADA)), row("S-2", person("Carl Dane", ADA)))
    assert {problem.record[1] for problem in found} == {"S-1", "S-2"}


def test_two_sources_of_one_dataset_have_one_voice() -> None:
    rows = [row("S-1", person("Ada Roe", ADA)), row("S-1", person("Ada Roe", ADA), source="biostudies")]
    found = results(orcid_conflicts.RULE, *rows, row("S-2", person("Carl Dane", ADA)))
    assert len(found) == 3


def test_the_register_decides_who_is_right() -> None:
    rows = [
        row("S-1", person("Ada Roe", ADA)),
        row("S-2", person("Ada Roe", ADA)),
        row("S-3", person("Carl Dane", ADA)),
    ]
    tables = Tables({"people": held(ada=["Carl M. Dane", "C Dane"])})
    found = results(orcid_conflicts.RULE, *rows, tables=tables)
    assert {problem.record[1] for problem in found} == {"S-1", "S-2"}
    assert "'Carl M. Dane' by ORCID's own record" in found[0].message


def test_the_register_knows_that_two_names_are_one_person() -> None:
    rows = [row("S-1", person("Ada Roe", ADA)), row("S-3", person("Carla Dane", ADA))]
    assert results(orcid_conflicts.RULE, *rows, tables=Tables({"people": held(ada=["Ada Roe", "Carla Dane"])})) == []


def test_one_name_that_is_not_the_registers_is_reported() -> None:
    found = results(
        orcid_conflicts.RULE, row("S-1", person("Ada Roe", ADA)), tables=Tables({"people": held(ada=["Carl Dane"])})
    )
    assert [problem.record[1] for problem in found] == ["S-1"]


@pytest.mark.parametrize(
    "other", ["Roe AB", "Roe Ada", "Ada Lund", "ÁDA ROÉ", "A. Röe", "阿达", "Roe", "Ada-Maria Roe"]
)
def test_spellings_of_one_person_are_no_conflict(other: str) -> None:
    rows = [row("S-1", person("Ada Roe", ADA)), row("S-2", person(other, ADA))]
    assert results(orcid_conflicts.RULE, *rows) == []


def test_one_person_of_a_record_has_one_id() -> None:
    (found,) = results(orcid_conflicts.RULE, row("S-1", person("Ada Roe", ADA), contact=[person("Roe, Ada", BEA)]))
    assert (found.rule, found.field, found.value, found.suggestion) == (
        "person-with-two-orcids", "contact[0].id", BEA, ADA
    )  # fmt: skip


def test_initials_alone_are_not_one_person_with_two_ids() -> None:
    assert results(orcid_conflicts.RULE, row("S-1", person("Roe A", ADA), person("Roe A", BEA))) == []


# --- who a person is -------------------------------------------------------------------------------------------------

COMPANY = [person(name, node="c") for name in ("Carl Dane", "Dora Egg", "Emil Fox")]


def identities(*rows: RecordRow, tables: Tables = NONE) -> Mapping[tuple[str, str], float]:
    found = results(person_identity.RULE, *rows, tables=tables)
    assert len({(link.subject, link.object) for link in found}) == len(found)
    return {(link.subject.rpartition("#")[2], link.object): link.confidence for link in found}


def test_a_name_alone_is_a_candidate_and_initials_alone_are_nothing() -> None:
    holder = row("S-1", person("Ada Roe", ADA))
    assert identities(holder, row("S-2", person("Ada Roe"))) == {("Ada-Roe", ADA): 0.45}
    assert identities(holder, row("S-2", person("Roe A"))) == {}


@pytest.mark.parametrize(
    ("one", "other", "confidence"),
    [
        (person("Ada Roe", ADA, "University of Oz"), person("Ada Roe", "", "Dept of X, University of Oz, Oz"), 0.8),
        (person("Ada Roe", ADA, "University of Oz"), person("Roe A", "", "University of Oz"), 0.6),
        (person("Ada Roe", ADA, "Department of Physics, A"), person("Ada Roe", "", "Department of Physics, B"), 0.45),
        (person("Ada Roe", ADA, "University of Bern"), person("Ada Roe", "", "Universität Bern, Schweiz"), 0.8),
    ],
)
def test_the_same_institution_speaks_for_it(one: Person, other: Person, confidence: float) -> None:
    tables = Tables({"organisations": ror()})
    (found,) = identities(row("S-1", one), row("S-2", other), tables=tables).values()
    assert found == confidence


def test_company_and_papers_speak_for_it() -> None:
    paper = [Publication(id="https://doi.org/10.7554/elife.26066", name="A paper")]
    holder = row("S-1", person("Ada Roe", ADA), *COMPANY, publication=paper)
    assert identities(holder, row("S-2", person("Ada Roe"), *COMPANY[:1])) == {("Ada-Roe", ADA): 0.6}
    assert identities(holder, row("S-2", person("Ada Roe"), *COMPANY)) == {("Ada-Roe", ADA): 0.85}
    assert identities(holder, row("S-2", person("Roe A"), *COMPANY, publication=paper)) == {("Roe-A", ADA): 1.0}


def test_another_description_of_the_dataset_speaks_for_it() -> None:
    found = identities(row("S-1", person("Ada Roe", ADA)), row("S-1", person("Ada Roe"), source="biostudies"))
    assert found == {("Ada-Roe", ADA): 0.95}
    assert identities(row("S-1", person("Ada Roe"), contact=[person("Ada Roe", ADA)])) == {("Ada-Roe", ADA): 0.95}


def test_two_authors_of_one_record_are_two_people() -> None:
    assert identities(row("S-1", person("Ada Roe", ADA), person("Roe A"))) == {}


def test_several_ids_under_one_name_are_candidates_the_likeliest_first() -> None:
    rows = [row("S-1", person("Ada Roe", ADA), *COMPANY), row("S-2", person("Ada Roe", BEA, "University of Oz"))]
    found = identities(*rows, row("S-3", person("Ada Roe"), *COMPANY))
    assert found == {("Ada-Roe", ADA): 0.7, ("Ada-Roe", BEA): 0.45}


@pytest.mark.parametrize("other", ["Anna Roe", "Ada Lund", "Alan Dane", "阿达"])
def test_other_names_are_never_linked(other: str) -> None:
    assert identities(row("S-1", person("Ada Roe", ADA), *COMPANY), row("S-2", person(other), *COMPANY)) == {}


def test_swapped_names_are_found_under_one_key() -> None:
    found = identities(row("S-1", person("Ada Roe", ADA), *COMPANY), row("S-2", person("Roe Ada"), *COMPANY))
    assert found == {("Roe-Ada", ADA): 0.85}


def test_a_common_family_name_needs_more() -> None:
    others = [row(f"S-1{n}", person(f"{given} Roe")) for n, given in enumerate(("Anna", "Alan", "Asta"))]
    rows = [
        row("S-1", person("Ada Roe", ADA, "University of Oz")),
        row("S-2", person("Ada Roe", "", "University of Oz")),
    ]
    assert identities(*rows, *others) == {("Ada-Roe", ADA): 0.7}


def test_names_and_employers_of_the_register_count() -> None:
    db = sqlite3.connect(":memory:")
    told = {
        "state": "public",
        "name": "Ada Lund",
        "others": ["Ada Roe"],
        "employers": [{"name": "University of Oz", "ror": None}],
    }
    references.fill(db, people.KIND, people._rows(ADA, told), {})
    tables = Tables({"people": People([("orcid", db)])})
    rows = [row("S-1", person("Ada Lund", ADA)), row("S-2", person("Ada Roe", "", "University of Oz"))]
    assert identities(*rows, tables=tables) == {("Ada-Roe", ADA): 0.75}


def test_an_id_that_is_another_persons_by_the_register_finds_nobody() -> None:
    tables = Tables({"people": held(ada=["Carl Dane"])})
    rows = [row("S-1", person("Ada Roe", ADA), *COMPANY), row("S-2", person("Ada Roe"), *COMPANY)]
    assert identities(*rows, tables=tables) == {}


# --- which organisation it is ----------------------------------------------------------------------------------------


def places(*names: str, tables: Tables | None = None, **more: Any) -> list[Any]:
    known = tables or Tables({"organisations": ror()})
    return results(organisation_identity.RULE, row("S-1", person("Ada Roe", "", *names), **more), tables=known)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("University of Cambridge", {CAMBRIDGE: 0.95}),
        ("Cambridge University", {CAMBRIDGE: 0.9}),
        ("Department of Zoology, University of Cambridge, Cambridge, UK", {CAMBRIDGE: 0.87}),
        ("University of Cambridge, USA", {CAMBRIDGE: 0.35}),
        ("EMBL, Heidelberg, Germany", {NEW: 0.82}),
        ("EMBL", {NEW: 0.55}),
        ("University of New England", {UNE_AU: 0.45, UNE_US: 0.45}),
        ("University of New England, Armidale, Australia", {UNE_AU: 0.87, UNE_US: 0.27}),
        ("University of Cambridge; University of Bern", {CAMBRIDGE: 0.45, BERN: 0.45}),
        ("Department of Zoology", {}),
    ],
)
def test_which_organisation_an_affiliation_is(name: str, expected: dict[str, float]) -> None:
    assert {link.object: link.confidence for link in places(name)} == expected


def test_publishers_and_funders_are_organisations_too() -> None:
    publisher = Organization(id=f"{BASE}record/x#publisher", name="University of Bern")
    grant = Grant(id=f"{BASE}record/x#g", name="G", funder=[Organization(id=f"{BASE}record/x#f", name="EMBL, Germany")])
    found = places(publisher=publisher, funding=[grant])
    assert [(link.evidence[0].field, link.object) for link in found] == [
        ("publisher.name", BERN), ("funding[0].funder[0].name", NEW)
    ]  # fmt: skip


def test_a_withdrawn_identifier_is_reported_with_its_successor() -> None:
    (found,) = places(publisher=Organization(id=OLD, name="Old Laboratory"))
    assert isinstance(found, Problem)
    assert (found.rule, found.field, found.value, found.suggestion) == ("ror-withdrawn", "publisher.id", OLD, NEW)


def test_without_tables_nothing_is_said() -> None:
    assert places("University of Bern", tables=NONE) == []


# --- the corpus ------------------------------------------------------------------------------------------------------

CONFLICTS = {
    ("bia", "S-BIAD864", "0000-0002-9821-3578"),
    ("bia", "S-BIAD1027", "0000-0003-2651-2584"),
    ("bia", "S-BIAD1600", "0009-0009-0965-2906"),
    ("bia", "S-BIAD1735", "0000-0003-1555-8261"),
    ("idr", "idr0080", "0000-0003-1555-8261"),
}


@pytest.fixture(scope="module")
def corpus_rows(corpus: Path) -> list[RecordRow]:
    return list(sameness.rows(corpus, benchmark.NAMES))


@pytest.mark.corpus
def test_the_four_conflicts_of_the_corpus_and_no_other(corpus_rows: list[RecordRow]) -> None:
    """Four iDs stand with two people each; one of them with one dataset on either side, so both are told."""
    told = benchmark.problems(corpus_rows, Tables({"organisations": Organisations.of_hub()}))
    assert {(*record, iri[18:]) for _, record, iri in told} == CONFLICTS
    assert {rule for rule, _, _ in told} == {"orcid-of-another-person"}
    assert len({iri for _, _, iri in told}) == 4


@pytest.mark.corpus
def test_hidden_people_are_found_again(corpus_rows: list[RecordRow]) -> None:
    tables = Tables({"organisations": Organisations.of_hub()})
    made = sameness.blocks(person_identity.RULE, corpus_rows, tables)
    chosen = benchmark.cases(made, elsewhere=True)
    found = benchmark.score(made, chosen, tables)
    assert len(chosen) == benchmark.SAMPLE
    assert found.wrong_facts == 0
    assert found.right_facts >= 0.65 * len(chosen)
    assert found.right_first >= 0.9 * len(chosen)
    alone = benchmark.score(made, benchmark.cases(made, elsewhere=False), tables)
    assert alone.wrong_facts <= 1  # one person has two iDs in two datasets
    assert max(map(len, made.values())) <= person_identity.RULE.max_block


@pytest.mark.corpus
def test_organisations_of_the_corpus_are_those_that_archives_say(corpus_rows: list[RecordRow]) -> None:
    """Where archives give a name with a ROR identifier, the rule gives that name the same one."""
    known = Organisations.of_hub()
    stated: dict[str, set[str]] = defaultdict(set)
    for one in corpus_rows:
        for told in benchmark.stated_organisations(one):
            stated[told[1]].add(told[0])
    agreed, wrong = 0, []
    for name, iris in stated.items():
        found = [match.id for match in known.matches(name)]
        if len(found) == 1 and known.organisation(found[0]) and any(known.organisation(iri) for iri in iris):
            agreed += found[0] in iris
            wrong += [] if found[0] in iris else [name]
    assert (agreed >= 20, wrong) == (True, [])
