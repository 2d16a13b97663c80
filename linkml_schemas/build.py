"""Generate everything that is derived from ``bioimage.yaml``, or check that it is up to date.

``python -m linkml_schemas.build`` writes, ``--check`` compares and exits 1 when a committed file differs.
LinkML is needed here only: the service reads the generated files. What is repaired of LinkML's own output
stands in the function that does it, with the reason.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from linkml.generators.jsonschemagen import JsonSchemaGenerator
from linkml.generators.pydanticgen import PydanticGenerator
from linkml.generators.shaclgen import ShaclGenerator
from linkml_runtime import SchemaView
from rdflib import RDF, SH, XSD, BNode, Graph, Literal, Namespace, URIRef
from rdflib.collection import Collection
from rdflib.compare import to_canonical_graph
from rdflib.namespace import OWL, RDFS
from rdflib.term import Node

HERE = Path(__file__).parent
SCHEMA = HERE / "bioimage.yaml"
HUB = Namespace("https://w3id.org/bioimage-hub/vocab#")

# How a LinkML range is written in RDF: an IRI, or a literal of this datatype.
DATATYPES = {
    "string": str(XSD.string),
    "integer": str(XSD.integer),
    "decimal": str(XSD.decimal),
    "boolean": str(XSD.boolean),
    "datetime": str(XSD.dateTime),
    "PartialDate": "partial-date",
}
DECIMAL = r"^[0-9]+(\.[0-9]+)?$"
PARTIAL_DATES = (XSD.date, XSD.gYearMonth, XSD.gYear)


def pydantic_module(view: SchemaView) -> str:
    """Return the pydantic classes as Python source."""
    generator = PydanticGenerator(str(SCHEMA), metadata=False, metadata_mode="None")
    return str(generator.serialize()).rstrip() + "\n"


def json_schema(view: SchemaView) -> str:
    """Return the JSON Schema of a record (root class Dataset).

    Repaired: LinkML takes the things of a slot of several classes for references, though they are nested; and a
    record writes a decimal as text, so that no digit is lost.
    """
    schema = json.loads(JsonSchemaGenerator(str(SCHEMA), metadata=False, top_class="Dataset").serialize())
    nested = {s.name: [{"$ref": f"#/$defs/{a.range}"} for a in s.any_of] for s in view.all_slots().values() if s.any_of}
    for definition in [schema, *schema["$defs"].values()]:
        for name, slot in definition.get("properties", {}).items():
            if name in nested:
                slot["items"] = {"anyOf": nested[name]}
            if view.get_slot(name).range == "decimal":
                slot["type"] = ["number", "string", "null"]
                slot["pattern"] = DECIMAL
    return json.dumps(schema, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def shacl_shapes(view: SchemaView) -> str:
    """Return the SHACL shapes as Turtle, canonical and sorted.

    Repaired: LinkML makes a property shape of ``id`` (never a triple) and of ``rdf:type`` (at most one, but a
    dataset is also a dcat:Dataset), and cannot say that a date may be a year.
    """
    graph = Graph().parse(data=ShaclGenerator(str(SCHEMA), closed=False, metadata=False).serialize(), format="turtle")
    for path in (HUB.id, RDF.type):
        for shape in list(graph.subjects(SH.path, path)):
            graph.remove((None, None, shape))
            graph.remove((shape, None, None))
    for predicate in {_iri(view, s.slot_uri) for s in view.all_slots().values() if s.range == "PartialDate"}:
        for shape in list(graph.subjects(SH.path, URIRef(predicate))):
            _allow_partial_dates(graph, shape)
    graph.remove((URIRef("http://schema.org/Thing"), None, None))
    out = Graph()
    for prefix, namespace in _prefixes(view).items():
        out.bind(prefix, namespace, override=True, replace=True)
    for triple in to_canonical_graph(graph):
        out.add(triple)
    return out.serialize(format="turtle")


def _allow_partial_dates(graph: Graph, shape: Any) -> None:
    graph.remove((shape, SH.datatype, None))
    options: list[Node] = []
    for datatype in PARTIAL_DATES:
        option = BNode()
        graph.add((option, SH.datatype, datatype))
        options.append(option)
    head = BNode()
    Collection(graph, head, options)
    graph.add((shape, SH["or"], head))


def _prefixes(view: SchemaView) -> dict[str, str]:
    return {p.prefix_prefix: str(p.prefix_reference) for p in view.schema.prefixes.values()}


def _iri(view: SchemaView, curie: str) -> str:
    return str(view.expand_curie(curie))


def term_of(slot_name: str, iri: str) -> str:
    """Return the JSON-LD term of a slot: schema.org's own name, or else the slot's name in the same style."""
    if iri.startswith("http://schema.org/"):
        return iri.removeprefix("http://schema.org/")
    head, *rest = slot_name.split("_")
    return head + "".join(part.capitalize() for part in rest)


def slot_table(view: SchemaView) -> dict[str, Any]:
    """Return classes and slots as the service needs them: IRIs, kinds, datatypes, order."""
    classes: dict[str, Any] = {}
    for name, cls in view.all_classes().items():
        if cls.abstract:
            continue
        slots = [s.name for s in view.class_induced_slots(name) if s.name not in ("id", "type")]
        classes[name] = {
            "iri": _iri(view, cls.class_uri),
            "curie": cls.class_uri,
            "also": [_iri(view, m) for m in cls.exact_mappings],
            "slots": slots,
        }
    table = {s.name: _slot(view, s) for s in view.all_slots().values() if s.name not in ("id", "type")}
    return {"classes": classes, "slots": table, "prefixes": _prefixes(view)}


def _slot(view: SchemaView, slot: Any) -> dict[str, Any]:
    ranges = [a.range for a in slot.any_of] or [slot.range or "string"]
    iri = _iri(view, slot.slot_uri)
    nested = ranges[0] in view.all_classes()
    is_iri = ranges[0] in ("uri", "uriorcurie")
    return {
        "iri": iri,
        "term": term_of(slot.name, iri),
        "also": [_iri(view, m) for m in slot.exact_mappings],
        "kind": "node" if nested else "iri" if is_iri else "literal",
        "classes": sorted(ranges) if nested else [],
        "datatype": None if nested or is_iri else DATATYPES.get(ranges[0], str(XSD.string)),
        "many": bool(slot.multivalued),
        "ordered": bool(slot.list_elements_ordered),
        "description": slot.description,
        "unit": slot.unit.ucum_code if slot.unit else None,
    }


def slots_json(view: SchemaView) -> str:
    """Return the slot table as JSON."""
    return json.dumps(slot_table(view), indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def jsonld_context(view: SchemaView) -> str:
    """Return the JSON-LD context of pages.

    Written here rather than by LinkML, whose context leaves IRIs as literals, nested things without a type and
    single values apart from lists (see docs/decisions/0002-own-context.md).
    """
    table = slot_table(view)
    context: dict[str, Any] = dict(sorted(table["prefixes"].items()))
    context["authorList"] = {"@id": "bibo:authorList", "@type": "@id"}
    for name, cls in sorted(table["classes"].items()):
        context[name] = cls["curie"] if ":" in cls["curie"] else cls["iri"]
    for name, slot in sorted(table["slots"].items()):
        context[slot["term"]] = _context_term(view.get_slot(name).slot_uri, slot)
    return json.dumps({"@context": context}, indent=1, ensure_ascii=False) + "\n"


def _context_term(curie: str, slot: dict[str, Any]) -> dict[str, str]:
    term = {"@id": curie}
    if slot["kind"] != "literal":
        term["@type"] = "@id"
    elif slot["datatype"] == "partial-date":
        term["@type"] = str(XSD.date).replace(str(XSD), "xsd:")
    elif slot["datatype"] in (str(XSD.decimal), str(XSD.dateTime)):
        term["@type"] = slot["datatype"].replace(str(XSD), "xsd:")
    if slot["many"]:
        term["@container"] = "@set"
    return term


def vocabulary(view: SchemaView) -> str:
    """Return the hub's own few terms as OWL in Turtle."""
    graph = Graph()
    graph.bind("hub", HUB)
    ontology = URIRef(str(HUB).rstrip("#"))
    graph.add((ontology, RDF.type, OWL.Ontology))
    graph.add((ontology, RDFS.label, Literal("Bioimage hub vocabulary", lang="en")))
    for slot in view.all_slots().values():
        if slot.symmetric:
            graph.add((URIRef(_iri(view, slot.slot_uri)), RDF.type, OWL.SymmetricProperty))
    for iri, kind, description in _own_terms(view):
        term = URIRef(iri)
        graph.add((term, RDF.type, kind))
        graph.add((term, RDFS.isDefinedBy, ontology))
        graph.add(
            (term, RDFS.label, Literal(re.sub(r"(?<=[a-z])(?=[A-Z])", " ", iri.split("#")[1]).lower(), lang="en"))
        )
        graph.add((term, RDFS.comment, Literal(description, lang="en")))
    return graph.serialize(format="turtle")


def _own_terms(view: SchemaView) -> Iterator[tuple[str, URIRef, str]]:
    for cls in view.all_classes().values():
        if (cls.class_uri or "").startswith("hub:"):
            yield _iri(view, cls.class_uri), OWL.Class, cls.description
    for slot in view.all_slots().values():
        if slot.name != "id" and (slot.slot_uri or "").startswith("hub:"):
            node = slot.range in view.all_classes() or slot.range == "uri"
            yield _iri(view, slot.slot_uri), OWL.ObjectProperty if node else OWL.DatatypeProperty, slot.description


OUTPUTS: dict[Path, Callable[[SchemaView], str]] = {
    HERE / "generated" / "model.py": pydantic_module,
    HERE / "generated" / "schema.json": json_schema,
    HERE / "generated" / "shapes.ttl": shacl_shapes,
    HERE / "generated" / "slots.json": slots_json,
    HERE / "generated" / "context.jsonld": jsonld_context,
    HERE.parent / "ontology" / "hub.ttl": vocabulary,
}


def stale() -> list[Path]:
    """Return the committed files that differ from what the schema gives now."""
    view = SchemaView(str(SCHEMA))
    return [p for p, make in OUTPUTS.items() if not p.exists() or p.read_text(encoding="utf-8") != make(view)]


def main(argv: list[str] | None = None) -> int:
    """Write the generated files, or with ``--check`` compare them; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--check", action="store_true", help="compare instead of writing")
    if parser.parse_args(argv).check:
        differing = stale()
        for path in differing:
            print(f"{path} is not what bioimage.yaml gives: run `python -m linkml_schemas.build`", file=sys.stderr)
        return 1 if differing else 0
    view = SchemaView(str(SCHEMA))
    (HERE / "generated").mkdir(exist_ok=True)
    for path, make in OUTPUTS.items():
        path.write_text(make(view), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
