"""The model: examples that pass and fail, generated files, IRIs, units, and the forms of a record compared."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pyoxigraph as ox
import pytest
import yaml
from jsonschema import Draft201909Validator
from linkml_runtime import SchemaView
from linkml_runtime.dumpers import rdflib_dumper
from pydantic import BaseModel, ValidationError
from pyshacl import validate
from rdflib import RDF, Graph, Literal, URIRef
from rdflib.namespace import XSD

from hub import records
from linkml_schemas import build

ROOT = Path(__file__).parents[1]
VALID = sorted((ROOT / "linkml_schemas" / "examples" / "valid").glob("*.json"))
INVALID = sorted((ROOT / "linkml_schemas" / "examples" / "invalid").glob("*.json"))
GENERATED = ROOT / "linkml_schemas" / "generated"
HUB = "https://w3id.org/bioimage-hub/vocab#"
SCHEMA = "http://schema.org/"

# Slots that only the hub has a term for, each group with the reason why.
OWN_SLOTS = {
    "id": "identity is the subject, never a triple; LinkML asks for some IRI",
    # counts and sizes: schema.org has them as text (contentSize) or as a node (size), nobody as a plain number
    **dict.fromkeys(("size_bytes", "file_count", "image_count", "well_count", "frames_per_image"), "a plain number"),
    **dict.fromkeys(("plane_count", "channel_count", "time_point_count"), "a plain number"),
    **dict.fromkeys(("image_width", "image_height"), "a number of one stated unit"),
    **dict.fromkeys(("pixel_width", "pixel_height", "pixel_depth"), "a number of one stated unit"),
    **dict.fromkeys(("imaging_scale", "image_category", "voxel_type"), "closed lists of EMPIAR's own"),
    **dict.fromkeys(("gene_annotation", "gene", "gene_role", "compound"), "how a gene or chemical occurs in a dataset"),
    **dict.fromkeys(("reagent_annotation", "reagent", "reagent_kind"), "how a reagent occurs in a dataset"),
    **dict.fromkeys(("reconstruction", "resolution"), "a map that EMDB publishes from a dataset's images"),
    "strain": "no agreed property; Darwin Core and OBI have none for strains and breeds",
    **dict.fromkeys(("unknown", "not_applicable"), "statements about statements that are not there"),
    # the hub's own bookkeeping
    **dict.fromkeys(("source_name", "payload_sha256", "harvester", "record_state"), "a record's provenance"),
    **dict.fromkeys(("withdrawal_reason", "date_withdrawn"), "a tombstone"),
    **dict.fromkeys([f"{name}_count" for name in "listed new changed unchanged deleted held".split()], "a report"),
    **dict.fromkeys(("rejected_count", "finding_count"), "a report"),
    **dict.fromkeys(("field_path", "rule", "suggestion"), "a finding"),
    **dict.fromkeys(("evidence", "first_seen", "last_seen", "link_rule", "rule_version"), "a link"),
    **dict.fromkeys(
        ("same_study_as", "related_study"), "owl:sameAs says too much of two records, dcterms:relation nothing"
    ),
}
# What only link rules say; no record does.
OF_LINKS = {"same_study_as", "related_study"}
OWN_CLASSES = {
    "GeneAnnotation",
    "Link",
    "LinkRule",
    "Reagent",
    "ReagentAnnotation",
    "Reconstruction",
    "StudyComponent",
}


def class_of(path: Path) -> type[BaseModel]:
    return records.tables()[path.stem.partition("-")[0]].cls


def load(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def thing(path: Path) -> Any:
    return records.canonical(class_of(path).model_validate(load(path)))


def rdflib_graph(quads: list[ox.Quad]) -> Graph:
    data = ox.serialize((q.triple for q in quads), format=ox.RdfFormat.N_TRIPLES)
    return Graph().parse(data=data, format="nt")


@cache
def view() -> SchemaView:
    return SchemaView(str(build.SCHEMA))


@cache
def source() -> dict[str, Any]:
    return dict(yaml.safe_load(build.SCHEMA.read_text(encoding="utf-8")))


@cache
def table() -> dict[str, Any]:
    return dict(load(GENERATED / "slots.json"))


@cache
def shapes() -> Graph:
    return Graph().parse(GENERATED / "shapes.ttl", format="turtle")


@cache
def json_schema() -> Draft201909Validator:
    return Draft201909Validator(load(GENERATED / "schema.json"))


def conforms(graph: Graph) -> tuple[bool, str]:
    ok, _, text = validate(graph, shacl_graph=shapes(), inference="none")
    return bool(ok), str(text)


def each(paths: list[Path]) -> Any:
    return pytest.mark.parametrize("path", paths, ids=[p.stem for p in paths])


DATASETS = [p for p in VALID if p.stem.startswith("Dataset-")]
# LinkML's own RDF writer takes the things of a slot of several classes for references.
OF_SEVERAL_CLASSES = {"about", "author", "measurement_method"}


# --- examples


def test_there_are_examples() -> None:
    assert len(VALID) >= 10
    assert len(INVALID) >= 15


@each(VALID)
def test_valid_example_is_accepted_and_is_written_as_it_is_read(path: Path) -> None:
    record = thing(path)
    assert records.from_json(records.to_json(record), class_of(path)) == record


@each(DATASETS)
def test_valid_dataset_keeps_the_json_schema(path: Path) -> None:
    assert [e.message for e in json_schema().iter_errors(load(path))] == []


@each(VALID)
def test_valid_example_conforms_to_the_shapes(path: Path) -> None:
    ok, text = conforms(rdflib_graph(records.to_quads(thing(path))))
    assert ok, text


@each(INVALID)
def test_invalid_example_is_refused(path: Path) -> None:
    with pytest.raises(ValidationError):
        class_of(path).model_validate(load(path))


@each([p for p in INVALID if p.stem.startswith("Dataset-")])
def test_invalid_dataset_breaks_the_json_schema(path: Path) -> None:
    assert not json_schema().is_valid(load(path))


@pytest.mark.parametrize("slot", ["identifier", "name", "includedInDataCatalog"])
def test_shapes_are_not_empty(slot: str) -> None:
    record = thing(VALID[0].with_name("Dataset-full.json"))
    graph = rdflib_graph(records.to_quads(record))
    graph.remove((URIRef(record.id), URIRef(SCHEMA + slot), None))
    assert not conforms(graph)[0]


def test_shapes_refuse_a_date_that_is_none() -> None:
    record = thing(VALID[0].with_name("Dataset-full.json"))
    graph = rdflib_graph(records.to_quads(record))
    graph.set((URIRef(record.id), URIRef(SCHEMA + "datePublished"), Literal("March 2025")))
    assert not conforms(graph)[0]


# --- the forms of a record


@each(VALID)
def test_quads_come_back(path: Path) -> None:
    record = thing(path)
    assert records.from_quads(records.to_quads(record), record.id, class_of(path)) == record


@each(DATASETS)
def test_json_ld_says_what_the_quads_say_and_comes_back(path: Path) -> None:
    record = thing(path)
    document = json.loads(json.dumps(records.to_jsonld(record)))
    assert set(ox.parse(json.dumps(document), format=ox.RdfFormat.JSON_LD)) == set(records.to_quads(record))
    assert records.from_jsonld(document, record.id) == record


@each([p for p in VALID if p.stem.startswith("Dataset-genes")])
def test_rdflib_reads_the_same_json_ld(path: Path) -> None:
    record = thing(path)
    read = Graph().parse(data=json.dumps(records.to_jsonld(record)), format="json-ld")
    assert set(read) == set(rdflib_graph(records.to_quads(record)))


def test_author_order_survives() -> None:
    record = thing(VALID[0].with_name("Dataset-authors-in-order.json"))
    assert [p.name for p in record.author] == ["First Author", "Second Author", "Third Author"]
    for back in (
        records.from_quads(records.to_quads(record), record.id),
        records.from_jsonld(records.to_jsonld(record), record.id),
    ):
        assert [p.name for p in back.author or []] == ["First Author", "Second Author", "Third Author"]


@each([p for p in VALID if not OF_SEVERAL_CLASSES & load(p).keys()])
def test_linkml_gives_the_same_statements(path: Path) -> None:
    """LinkML's own RDF is ours without our documented extras.

    Left out are records with a slot of several classes: LinkML's dumper writes such a thing as a text.
    """
    record = thing(path)
    theirs = set(rdflib_dumper.as_rdf_graph(record, view()))
    ours = set(rdflib_graph(records.to_quads(record)))
    assert {t for t in theirs if not is_partial_date(t[2])} <= ours
    assert all(is_extra(t) or is_partial_date(t[2]) for t in ours - theirs), ours - theirs


def is_partial_date(term: Any) -> bool:
    """Tell whether a literal is a year or a month: LinkML calls it an xsd:date, which it is not."""
    types = (XSD.date, XSD.gYear, XSD.gYearMonth)
    return isinstance(term, Literal) and term.datatype in types and len(str(term)) < 10


def is_extra(triple: Any) -> bool:
    """Tell whether a statement is one of those that docs/model.md lists beside the slots' own."""
    _, predicate, value = triple
    also = {iri for slot in table()["slots"].values() for iri in slot["also"]}
    types = {iri for cls in table()["classes"].values() for iri in cls["also"]}
    return str(predicate) in also or (predicate == RDF.type and str(value) in types)


# --- generated files


def test_generated_files_are_up_to_date() -> None:
    assert build.stale() == []


# --- IRIs, descriptions, units


def declared(kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
    yield from source()[kind].items()


@pytest.mark.parametrize(("name", "said"), [*declared("classes"), *declared("slots")])
def test_class_and_slot_state_their_iri_and_meaning(name: str, said: dict[str, Any]) -> None:
    assert said.get("class_uri") or said.get("slot_uri"), f"{name} falls back on LinkML's default IRI"
    assert said.get("description", "").strip().endswith("."), f"{name} has no description"


def test_own_terms_are_the_justified_ones() -> None:
    slots = {name for name, said in declared("slots") if said["slot_uri"].startswith("hub:")}
    classes = {name for name, said in declared("classes") if said["class_uri"].startswith("hub:")}
    assert slots == OWN_SLOTS.keys()
    assert classes == OWN_CLASSES


def test_own_terms_are_in_the_vocabulary() -> None:
    vocabulary = Graph().parse(ROOT / "ontology" / "hub.ttl", format="turtle")
    defined = {str(s) for s in vocabulary.subjects(RDF.type) if str(s).startswith(HUB)}
    iris = [c["iri"] for c in table()["classes"].values()] + [s["iri"] for s in table()["slots"].values()]
    assert defined == {iri for iri in iris if iri.startswith(HUB)}


def quantities() -> list[str]:
    numbers = (str(XSD.integer), str(XSD.decimal))
    return [name for name, slot in table()["slots"].items() if slot["datatype"] in numbers]


@pytest.mark.parametrize("name", quantities())
def test_quantity_has_a_unit(name: str) -> None:
    assert table()["slots"][name]["unit"]


def test_slot_named_like_a_quantity_is_a_number() -> None:
    ends = ("_bytes", "_count", "_width", "_height", "_per_image")
    named = {name: slot for name, slot in table()["slots"].items() if name.endswith(ends)}
    assert {s["datatype"] for s in named.values()} == {str(XSD.integer), str(XSD.decimal)}


def test_every_slot_has_an_iri_and_a_term_of_its_own() -> None:
    slots = table()["slots"].values()
    for key in ("iri", "term"):
        values = [slot[key] for slot in slots]
        assert len(values) == len(set(values))


def test_every_class_has_an_iri_of_its_own() -> None:
    iris = [iri for cls in table()["classes"].values() for iri in (cls["iri"], *cls["also"])]
    assert len(iris) == len(set(iris))


def test_no_term_is_also_a_prefix_or_a_class() -> None:
    terms = {slot["term"] for slot in table()["slots"].values()}
    assert not terms & (table()["prefixes"].keys() | table()["classes"].keys())


def test_every_slot_is_used_by_a_class() -> None:
    used = {slot for cls in table()["classes"].values() for slot in cls["slots"]}
    assert used | OF_LINKS == table()["slots"].keys()
