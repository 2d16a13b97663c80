"""Ontologies in the graph: any kind of a thing is found, the ontology's label is shown, nothing is written in vain."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from pyoxigraph import Literal, NamedNode, Store

from harvesters.references.contract import Reference
from harvesters.references.terms import iri_of
from hub import gallery, ingest, maintenance, ontologies, snapshots, views
from hub.ask import ask
from hub.config import Settings
from hub.ontologies import Ontologies
from hub.routes import Precedence
from hub.store import DEFAULT, GraphStore
from hub.web.app import create_app
from tests.support import BASE, demo_settings

LABEL = NamedNode("http://www.w3.org/2000/01/rdf-schema#label")
PREFIXES = """PREFIX dwciri: <http://rs.tdwg.org/dwc/iri/> PREFIX obo: <http://purl.obolibrary.org/obo/>
PREFIX owl: <http://www.w3.org/2002/07/owl#> PREFIX rdfs: <http://www.w3.org/2000/01/rdf-schema#>
PREFIX schema: <http://schema.org/> PREFIX skos: <http://www.w3.org/2004/02/skos/core#>
"""
FLUORESCENCE, LIGHT_SHEET, CONFOCAL = (iri_of(f"FBbi:00000{n}") for n in (246, 369, 251))
# A later FBbi as it may come: light-sheet microscopy has its own kinds, and one term is replaced by another.
LATER = """format-version: 1.2
data-version: 2026-11-01

[Term]
id: FBbi:00000222
name: imaging method

[Term]
id: FBbi:00000246
name: fluorescence microscopy
synonym: "epifluorescence" RELATED []
is_a: FBbi:00000222

[Term]
id: FBbi:00000369
name: light-sheet fluorescence microscopy
synonym: "SPIM" EXACT []
synonym: "microscopy" BROAD []
is_a: FBbi:00000246

[Term]
id: FBbi:00000251
name: confocal microscopy
is_obsolete: true
replaced_by: FBbi:00000369
"""


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    settings = demo_settings(tmp_path_factory.mktemp("hub"), ("bia", "idr", "ssbd", "empiar"))
    ingest.harvest(settings, sorted(settings.sources))
    return settings


@pytest.fixture
def hub(tmp_path: Path) -> Settings:
    """A small hub with an FBbi of its own, not yet updated."""
    (tmp_path / "fbbi.obo").write_text(LATER, encoding="utf-8")
    reference = Reference("fbbi", "ontology", "obo", str(tmp_path / "fbbi.obo"))
    settings = demo_settings(tmp_path, ("idr",), references={"fbbi": reference})
    ingest.harvest(settings, ["idr"])
    return settings


def rows(settings: Settings, query: str) -> list[dict[str, str]]:
    text = b"".join(ask(settings, PREFIXES + query, "csv")).decode()
    return list(csv.DictReader(io.StringIO(text)))


def column(settings: Settings, query: str) -> set[str]:
    return {value for row in rows(settings, query) for value in row.values()}


def asked(settings: Settings, name: str, **given: str) -> set[str]:
    text = gallery.bound(gallery.question(name), given)
    return {row["dataset"] for row in csv.DictReader(io.StringIO(b"".join(ask(settings, text, "csv")).decode()))}


def annotated(settings: Settings, term: str) -> set[str]:
    return column(settings, f"SELECT ?d {{ ?d dwciri:measurementMethod <{term}> ; schema:identifier ?a }}")


# --- questions


def test_any_kind_of_fluorescence_microscopy_has_the_datasets_of_its_kinds(demo: Settings) -> None:
    found = asked(demo, "datasets-by-imaging-method", method="fluorescence microscopy")
    itself, light_sheet = annotated(demo, FLUORESCENCE), annotated(demo, LIGHT_SHEET)
    assert light_sheet - itself, "a dataset that is annotated with the narrower term only"
    assert found > itself | light_sheet | annotated(demo, CONFOCAL)


def test_any_kind_of_light_sheet_microscopy(demo: Settings) -> None:
    found = asked(demo, "datasets-by-imaging-method", method="light sheet fluorescence microscopy")
    assert found == annotated(demo, LIGHT_SHEET)
    assert len(found) == 4  # one of them by its wording, "selective plane illumination microscopy (SPIM)"


def test_any_kind_of_rodent_is_a_mouse_too(demo: Settings) -> None:
    mice = asked(demo, "datasets-by-organism", organism="Mus musculus")
    assert mice
    assert asked(demo, "datasets-by-organism", organism="NCBITaxon:9989") >= mice


def test_one_step_and_path_say_the_same_in_any_order(demo: Settings) -> None:
    for term in (FLUORESCENCE, LIGHT_SHEET, iri_of("NCBITaxon:40674")):
        path = column(demo, f"SELECT ?t {{ ?t rdfs:subClassOf* <{term}> }}")
        assert column(demo, f"SELECT ?t {{ ?t rdfs:subClassOf <{term}> }}") == path
        direct = f"FILTER(STRSTARTS(STR(?g), '{BASE}graph/ontology/') && !STRENDS(STR(?g), '/closure'))"
        narrower = column(demo, f"SELECT ?t {{ GRAPH ?g {{ ?t rdfs:subClassOf <{term}> }} {direct} }}")
        assert narrower <= path - {term}


def test_the_graph_of_an_ontology_says_what_the_ontology_says(demo: Settings) -> None:
    graph = f"<{BASE}graph/ontology/fbbi>"
    parents = column(demo, f"SELECT ?p {{ GRAPH {graph} {{ <{LIGHT_SHEET}> rdfs:subClassOf ?p }} }}")
    assert parents == {FLUORESCENCE}, "direct superclasses only"
    (about,) = rows(
        demo,
        f"SELECT ?v ?l {{ GRAPH {graph} {{ {graph} owl:versionInfo ?v ; <http://purl.org/dc/terms/license> ?l }} }}",
    )
    assert about == {"v": "2020-11-06", "l": "https://creativecommons.org/licenses/by/4.0/"}
    assert column(demo, f"SELECT ?x {{ GRAPH {graph} {{ ?x owl:deprecated true }} }}") >= {iri_of("FBbi:00000000")}


def test_only_used_taxa_and_what_is_above_them_are_there(demo: Settings) -> None:
    taxa = column(demo, f"SELECT ?t {{ GRAPH <{BASE}graph/ontology/ncbitaxon> {{ ?t a owl:Class }} }}")
    used = column(demo, "SELECT ?t { ?t a schema:Taxon FILTER(CONTAINS(STR(?t), 'NCBITaxon_')) }")
    known = Ontologies.of(demo)
    assert taxa == {a for t in used if t in known for a in (t, *known.ancestors(t))}
    assert len(taxa) < len(known.home(iri_of("NCBITaxon:1")) or ())


def test_a_hub_with_ontologies_is_sound_and_its_rebuild_the_same(demo: Settings) -> None:
    before = maintenance.check(demo)
    maintenance.rebuild(demo)
    after = maintenance.check(demo)
    assert (before.problems, after.problems) == ([], [])
    assert before.facts["graph_sha256"] == after.facts["graph_sha256"]


def test_graphs_of_ontologies_have_pages(demo: Settings) -> None:
    application = create_app(demo)
    try:
        client = application.test_client()
        for name in ("fbbi", "fbbi/closure"):
            page = client.get(f"/graph/ontology/{name}", headers={"Accept": "text/html"})
            assert page.status_code == 200
            assert "FBbi_00000369" in page.text
    finally:
        application.config["HUB_PUBLICATION"].close()


# --- another release


def test_an_update_publishes_labels_kinds_and_replacements(hub: Settings) -> None:
    confocal = annotated(hub, CONFOCAL)
    assert confocal
    assert not asked(hub, "datasets-by-imaging-method", method=LIGHT_SHEET) & confocal
    before = snapshots.current(hub.snapshots_dir)
    (outcome,) = maintenance.update_references(hub, [])
    assert (outcome.state, outcome.error) == ("new", None)
    assert snapshots.current(hub.snapshots_dir).path != before.path
    assert column(hub, f"SELECT ?n {{ <{LIGHT_SHEET}> schema:name ?n }}") == {"light-sheet fluorescence microscopy"}
    assert column(hub, f"SELECT ?n {{ <{LIGHT_SHEET}> skos:altLabel ?n }}") == {"SPIM"}, "no broader names"
    assert column(hub, f"SELECT ?n {{ <{CONFOCAL}> obo:IAO_0100001 ?n }}") == {LIGHT_SHEET}
    assert asked(hub, "datasets-by-imaging-method", method=LIGHT_SHEET) >= confocal, "replaced by this term"
    assert maintenance.check(hub).problems == []


def test_what_is_not_in_the_new_release_comes_from_what_the_hub_has(hub: Settings) -> None:
    maintenance.update_references(hub, [])
    known = Ontologies.of(hub)
    assert known.label(iri_of("FBbi:00000258")) == "transmission electron microscopy (TEM)"
    assert known.label(LIGHT_SHEET) == "light-sheet fluorescence microscopy"
    assert [c.iri for c in known.find("spim", ("label",))] == [], "another ontology's word on the term does not count"
    assert [c.kind for c in known.find("spim")] == ["exact"]


def test_nothing_is_written_when_nothing_changed(hub: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    maintenance.update_references(hub, [])
    before = snapshots.current(hub.snapshots_dir)
    maintenance.update_references(hub, [])
    assert snapshots.current(hub.snapshots_dir) == before
    monkeypatch.setattr(GraphStore, "replace", None)
    with GraphStore(hub.store_dir) as store:
        assert not views.refresh_terms(store, hub)


def test_a_term_that_only_a_link_leads_to_is_there(demo: Settings) -> None:
    asked_of = "SELECT ?o WHERE { ?l a hub:Link ; rdf:object ?o ; hub:rule ?r FILTER(STRSTARTS(?r, 'term-')) }"
    store = Store.read_only(str(snapshots.current(demo.snapshots_dir).graph))
    prefixes = {
        "hub": "https://w3id.org/bioimage-hub/vocab#",
        "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    }
    linked = {row["o"].value for row in store.query(asked_of, prefixes=prefixes)}
    known = Ontologies.of(demo)
    labelled = {q.subject.value for q in store.quads_for_pattern(None, LABEL, None, DEFAULT)}
    assert linked
    assert {iri for iri in linked if iri in known} <= labelled


def test_what_only_a_link_leads_to_has_class_and_name(demo: Settings) -> None:
    """HeLa is a wording of a submission; a mapping table, not an ontology, tells which line it is."""
    graph = NamedNode(f"{BASE}graph/linked")
    hela = NamedNode("https://www.cellosaurus.org/CVCL_0030")
    store = Store.read_only(str(snapshots.current(demo.snapshots_dir).graph))
    told = {(q.predicate.value, q.object.value) for q in store.quads_for_pattern(hela, None, None, graph)}
    assert told >= {
        ("http://www.w3.org/1999/02/22-rdf-syntax-ns#type", "http://schema.org/DefinedTerm"),
        ("http://schema.org/name", "HeLa"),
    }
    assert list(store.quads_for_pattern(NamedNode(LIGHT_SHEET), None, None, graph)) == [], "a record tells of it"


def test_a_term_that_no_record_or_link_uses_any_more_goes(hub: Settings) -> None:
    name = NamedNode(f"{BASE}graph/ontology/ncbitaxon")
    with GraphStore(hub.store_dir) as store:
        assert name in store.graph_names(BASE)
        order = Precedence.of(hub)
        said = (f"{BASE}graph/source/", f"{BASE}graph/links/")
        gone = {name: [] for start in said for name in store.graph_names(start)}
        store.replace(gone, store.sequence(), order.resolve, order.is_private, order.is_pooled)
        assert views.refresh_terms(store, hub)
        assert store.graph_names(f"{BASE}graph/ontology/") == set()
        assert not [q for q in store.quads() if q.subject == NamedNode(LIGHT_SHEET)]


def test_an_update_cut_short_is_made_again(hub: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = set(Store.read_only(str(snapshots.current(hub.snapshots_dir).graph)))
    with GraphStore(hub.store_dir) as store:
        store.set_mark(views.ONTOLOGIES, "of before")
        write = store._store.update
        cut = NamedNode(f"{BASE}graph/ontology/fbbi")
        store.replace({cut: []}, store.sequence(), Precedence.of(hub).resolve)

        def killed(text: str) -> None:
            if "urn:x-hub:pending" in text:
                raise KeyboardInterrupt
            write(text)

        monkeypatch.setattr(type(store), "_write", lambda *_: killed("urn:x-hub:pending"))
        with pytest.raises(KeyboardInterrupt):
            views.refresh_terms(store, hub)
        monkeypatch.undo()
        assert views.refresh_terms(store, hub)
        assert {q for q in store._store if "x-hub" not in q.predicate.value} == {
            q for q in whole if "x-hub" not in q.predicate.value
        }


def test_a_harvest_takes_the_references_along(tmp_path: Path) -> None:
    (tmp_path / "fbbi.obo").write_text(LATER, encoding="utf-8")
    settings = demo_settings(
        tmp_path, ("idr",), references={"fbbi": Reference("fbbi", "ontology", "obo", str(tmp_path / "fbbi.obo"))}
    )
    assert maintenance.update_references(settings, [])[0].state == "new"
    ingest.harvest(settings, ["idr"])
    assert column(settings, f"SELECT ?n {{ <{LIGHT_SHEET}> rdfs:label ?n }}") == {"light-sheet fluorescence microscopy"}
    (tmp_path / "data" / "references" / "fbbi.sqlite").unlink()
    assert any("fbbi" in p for p in maintenance.check(settings).problems)
    maintenance.rebuild(settings)
    assert maintenance.check(settings).problems == []
    assert column(settings, f"SELECT ?n {{ <{LIGHT_SHEET}> rdfs:label ?n }}") == {"light-sheet fluorescence microscopy"}


# --- whose word


def test_the_label_of_the_ontology_wins_over_any_number_of_records() -> None:
    order = Precedence(BASE, {})
    name = NamedNode("http://schema.org/name")
    said = [(name, Literal("mouse"), NamedNode(f"{BASE}graph/source/a/{n}")) for n in range(5)]
    said.append((name, Literal("Mus musculus"), NamedNode(f"{BASE}graph/ontology/ncbitaxon")))
    assert order.resolve(NamedNode(iri_of("NCBITaxon:10090")), said) == {(name, Literal("Mus musculus"))}


def test_a_node_that_one_record_names_twice_has_one_name_whoever_comes_next() -> None:
    order = Precedence(BASE, {})
    name, graph = NamedNode("http://schema.org/name"), NamedNode(f"{BASE}graph/source/a/1")
    said = [(name, Literal("mouse"), graph), (name, Literal("house mouse"), graph)]
    assert order.resolve(NamedNode(iri_of("NCBITaxon:10090")), said) == {(name, Literal("house mouse"))}


@pytest.mark.parametrize(
    ("iri", "name"),
    [
        ("http://purl.obolibrary.org/obo/FBbi_00000246", "fbbi"),
        ("http://www.ebi.ac.uk/efo/EFO_0000001", "efo"),
        ("http://www.bioassayontology.org/bao#BAO_0000031", "bao"),
        ("https://www.cellosaurus.org/CVCL_0030", "cvcl"),
        ("http://dicom.nema.org/resources/ontology/DCM/130817", "dcm"),
        ("http://edamontology.org/topic_3382", "edam"),
        ("http://www.orpha.net/ORDO/Orphanet_15", "orphanet"),
        ("https://orcid.org/0000-0002-1825-0097", None),
        ("https://h/record/idr/idr0001#protocol_1", None),
    ],
)
def test_a_term_belongs_to_the_graph_of_its_prefix(iri: str, name: str | None) -> None:
    assert ontologies.prefix(iri) == name


def test_the_whole_is_told_apart_by_release_and_use() -> None:
    known = Ontologies(ontologies.bundled())
    one = ontologies.fingerprint(known, [LIGHT_SHEET])
    assert one == ontologies.fingerprint(Ontologies(ontologies.bundled()), [LIGHT_SHEET])
    assert one != ontologies.fingerprint(known, [LIGHT_SHEET, FLUORESCENCE])
    assert one != ontologies.fingerprint(Ontologies(ontologies.bundled()[1:]), [LIGHT_SHEET])
