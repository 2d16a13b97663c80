"""Every archive by its own door, on the whole real corpus; two routes make one dataset. Skipped where it is absent."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pyoxigraph import Literal, NamedNode, Store

from hub import ingest, maintenance, records, snapshots
from hub.config import Settings
from hub.ingest import Outcome
from hub.log import Log, RecordRow
from linkml_schemas.generated.model import Dataset
from ontology.text import has_email
from tests.benchmarks import coverage
from tests.support import BASE

pytestmark = pytest.mark.corpus
NAMES = ("idr", "ssbd", "empiar", "idr-studies", "ssbd-rdf", "ssbd-rest", "biostudies")
SCHEMA = "http://schema.org/"
PREFIXES = f"PREFIX schema: <{SCHEMA}> PREFIX hub: <https://w3id.org/bioimage-hub/vocab#> "


@pytest.fixture(scope="module")
def hub(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Settings, dict[str, Outcome]]:
    known = coverage.sources(corpus)
    settings = Settings(
        data_dir=tmp_path_factory.mktemp("archives"),
        base_iri=BASE,
        sources={name: known[name] for name in NAMES},
        precedence={"default": ("ssbd-rdf", "ssbd")},
    )
    return settings, {o.source: o for o in ingest.harvest(settings, list(NAMES))}


@pytest.fixture(scope="module")
def rows(hub: tuple[Settings, dict[str, Outcome]]) -> list[RecordRow]:
    log = Log(hub[0].database)
    found = list(log.all_records())
    log.close()
    return found


@pytest.fixture(scope="module")
def store(hub: tuple[Settings, dict[str, Outcome]]) -> Store:
    return Store.read_only(str(snapshots.current(hub[0].snapshots_dir).graph))


def ask(store: Store, query: str) -> Iterator[tuple[Any, ...]]:
    solutions: Any = store.query(
        f"PREFIX schema: <{SCHEMA}> PREFIX hub: <https://w3id.org/bioimage-hub/vocab#> {query}"
    )
    return (tuple(term.value for term in solution) for solution in solutions)


def test_every_document_is_taken_or_rejected_with_a_reason(hub: tuple[Settings, dict[str, Outcome]]) -> None:
    settings, outcomes = hub
    assert {name: (o.report.listed, o.report.new, o.report.rejected) for name, o in outcomes.items()} == {
        "idr": (138, 138, 0),
        "ssbd": (635, 635, 0),
        "empiar": (1, 1, 0),
        "idr-studies": (36, 35, 1),
        "ssbd-rdf": (9, 7, 2),
        "ssbd-rest": (13, 9, 4),
        "biostudies": (23, 23, 0),
    }
    assert all(o.error is None and o.report.adds_up() for o in outcomes.values())
    log = Log(settings.database)
    reasons = {key: json.loads(said) for _, key, said in log.rejected()}
    log.close()
    assert "published" in reasons["idr0039"][0]
    assert all(said for said in reasons.values())


def test_a_second_run_is_all_unchanged(hub: tuple[Settings, dict[str, Outcome]]) -> None:
    settings, first = hub
    for outcome in ingest.harvest(settings, list(NAMES)):
        before = first[outcome.source].report
        assert (outcome.report.new, outcome.report.changed, outcome.report.deleted) == (0, 0, 0)
        assert (outcome.report.unchanged, outcome.report.rejected) == (before.new, before.rejected)


def test_log_payloads_attachments_and_graph_fit_one_another(hub: tuple[Settings, dict[str, Outcome]]) -> None:
    found = maintenance.check(hub[0])
    assert found.problems == []
    genes = found.facts["genes"]
    assert len([name for name in genes if name.startswith("idr-studies/")]) == 15
    known = sum(n for counts in genes.values() for space, n in counts.items() if space != "none")
    unknown = sum(counts.get("none", 0) for counts in genes.values())
    assert known > 19_000
    assert unknown < known / 100


def test_records_come_back_and_hold_no_address(rows: list[RecordRow]) -> None:
    for row in rows:
        assert not has_email(row.record), row.accession
        assert not has_email(row.findings), row.accession
        if row.source in ("idr", "ssbd"):
            continue
        record: Dataset = records.from_json(row.record)
        assert records.canonical(record) == record
        assert records.from_quads(records.to_quads(record), record.id) == record
        assert all(re.match(r"https?://\S+$", q.subject.value) for q in records.to_quads(record))  # type: ignore[union-attr]


def test_two_routes_make_one_dataset(rows: list[RecordRow], store: Store) -> None:
    routes: dict[str, set[str]] = {}
    for row in rows:
        routes.setdefault(row.iri, set()).add(row.source)
    both = [iri for iri, names in routes.items() if {"idr", "idr-studies"} <= names]
    assert len(both) == 35
    for iri in both:
        names = list(store.quads_for_pattern(NamedNode(iri), NamedNode(SCHEMA + "name"), None, None))
        stated = [q for q in names if "graph" in str(q.graph_name)]
        assert len(stated) == 2
        assert len(names) - len(stated) == 1


def test_contacts_are_no_authors_any_more(store: Store) -> None:
    query = f"SELECT ?n {{ <{BASE}dataset/idr/idr0002> schema:author/schema:name ?n }}"
    assert len(list(ask(store, query))) > 5
    dissent = """SELECT ?r { ?f hub:rule 'routes-disagree' ; hub:field 'author' ;
                 <http://www.w3.org/ns/oa#hasTarget> ?r }"""
    records_of_crates = {record.rpartition("/")[2] for (record,) in ask(store, dissent) if "/record/idr/" in record}
    assert records_of_crates == {"idr0023", "idr0025", "idr0043"}


def test_genes_are_in_the_graph_that_no_crate_has(store: Store) -> None:
    genes = {iri for (iri,) in ask(store, "SELECT DISTINCT ?g { ?d hub:geneAnnotation/hub:gene ?g }")}
    spaces = {iri.split("/")[3].partition(":")[0] for iri in genes if iri.startswith("https://identifiers.org/")}
    assert {"ensembl", "ncbigene", "sgd"} <= spaces


def test_ssbd_s_question_about_a_strain_finds_every_dataset(store: Store) -> None:
    query = """SELECT DISTINCT ?part { ?d schema:hasPart ?part . ?part schema:about ?sample .
               ?sample hub:strain ?strain . ?strain schema:name ?name . FILTER(CONTAINS(?name, 'C57BL/6J') ||
               STRENDS(STR(?strain), '/000664')) }"""
    assert len(list(ask(store, query))) == 18


def test_repository_entry_and_project_of_one_number_are_one_dataset(rows: list[RecordRow], store: Store) -> None:
    iris = {row.iri for row in rows if row.source == "ssbd"}
    assert len(iris) == 635 - 262
    page = Literal("ssbd-repos-000170")
    [shown] = {q.subject.value for q in store.quads_for_pattern(None, NamedNode(SCHEMA + "identifier"), page, None)}  # type: ignore[union-attr]
    assert shown == f"{BASE}dataset/ssbd/170"
    names = list(store.quads_for_pattern(NamedNode(shown), NamedNode(SCHEMA + "name"), None, None))
    assert len([q for q in names if "graph" not in str(q.graph_name)]) == 1
