"""A dataset in the words that search engines ask for: Google's Dataset rules and the Bioschemas Dataset profile.

What is embedded in a page is a part of the page's RDF. Most of it is the record's own; where the rules ask for what the
archive does not say in that way, the hub adds statements made from facts of the record (``additions``). They stand in
the page's RDF too. Texts among them carry a language tag, which no text of a record has, so that a reader can tell them
apart and :func:`hub.records.from_quads` does not take them for the archive's.

Source: https://developers.google.com/search/docs/appearance/structured-data/dataset ·
https://bioschemas.org/profiles/Dataset/1.0-RELEASE
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any

from pyoxigraph import Literal, NamedNode, Quad

from hub import records
from linkml_schemas.generated.model import Dataset, DefinedTerm, ImagingProtocol, Taxon

SCHEMA = "http://schema.org/"
CONFORMS_TO = "http://purl.org/dc/terms/conformsTo"
BIOSCHEMAS = "https://bioschemas.org/profiles/Dataset/1.0-RELEASE"
SHORTEST, LONGEST = 50, 5000  # characters of a description by Google's rules
HUB_WORDS, CUT = "en", "und"  # language of what the hub says itself; of an archive's text that it shortened
MAX_NAMES = 20


# --- what the hub adds --------------------------------------------------------------------------------------------


def additions(record: Dataset, changed: str | None = None) -> list[Quad]:
    """Return what a dataset's page says beside the record, in the default graph.

    Args:
        record: the dataset.
        changed: when the hub last took a changed record (ISO 8601): its version where the archive names no date.
    """
    return [Quad(NamedNode(s), NamedNode(p), o) for s, p, o in _triples(record, changed)]


def _triples(record: Dataset, changed: str | None) -> Iterable[tuple[str, str, NamedNode | Literal]]:
    said: list[tuple[str, str, NamedNode | Literal]] = []
    for term, value in _of_dataset(record, changed):
        said.append((record.id, SCHEMA + term, value))
    for item in record.distribution or []:
        said += [(item.id, SCHEMA + "url", NamedNode(item.access_url))] if item.access_url else []
        said += [(item.id, SCHEMA + "contentSize", Literal(f"{item.size_bytes} B"))] if item.size_bytes else []
    if record.license:
        said.append((record.id, CONFORMS_TO, NamedNode(BIOSCHEMAS)))
    return dict.fromkeys(said)


def _of_dataset(record: Dataset, changed: str | None) -> Iterator[tuple[str, NamedNode | Literal]]:
    text, language = described(record)
    if language:
        yield "description", Literal(text, language=language)
    for word in [] if record.keyword else subjects(record):
        yield "keywords", Literal(word, language=HUB_WORDS)
    if record.publisher is None:
        yield "publisher", NamedNode(record.archive.id)
    if version := version_of(record, changed):
        yield "version", Literal(version)
    for technique in techniques(record):
        yield "measurementTechnique", NamedNode(technique.id)
    for phenotype in (record.phenotype or [])[:MAX_NAMES]:
        yield "variableMeasured", Literal(phenotype.name, language=HUB_WORDS)


def version_of(record: Dataset, changed: str | None = None) -> str | None:
    """Return what tells one state of a dataset from another: its date of change, else of publication."""
    return record.date_modified or record.date_published or (changed and changed[:10])


def described(record: Dataset) -> tuple[str, str | None]:
    """Return a description of 50 to 5,000 characters, and its language tag; None where it is the archive's own.

    A text that is too short is continued, and a missing one replaced, by what the record says elsewhere.
    """
    own = record.description or ""
    if SHORTEST <= len(own) <= LONGEST:
        return own, None
    if own and len(own) > LONGEST:
        return own[: LONGEST - 1].rsplit(None, 1)[0] + "…", CUT
    start = own if not own or own.endswith((".", "!", "?")) else own + "."
    return f"{start} {sentence(record)}".strip()[:LONGEST], HUB_WORDS


def sentence(record: Dataset) -> str:
    """Return what a record is, made of its facts: archive, accession, title, organisms, methods, files and date."""
    parts = [f"Dataset {record.accession} of the {record.archive.name}: {record.name.rstrip('.')}."]
    facts = [
        ("Organisms", _some(name_of(thing) for thing in _of_class(record, "Taxon"))),
        ("Imaged by", _some(technique.name for technique in techniques(record))),
        ("Images", _some(item.image_category for item in record.distribution or [])),
        ("Published", record.date_published or ""),
    ]
    parts += [f"{label}: {value}." for label, value in facts if value]
    if record.size_bytes:
        parts.append(f"Size: {record.size_bytes:,} bytes.")
    return " ".join(parts)


def subjects(record: Dataset) -> list[str]:
    """Return words for what a dataset is about, from its organisms, methods, terms and kinds of image."""
    names = [
        *(name_of(thing) for thing in _of_class(record, "Taxon")),
        *(technique.name for technique in techniques(record)),
        *(thing.name for thing in _of_class(record, "DefinedTerm")),
        *(item.image_category for item in record.distribution or []),
    ]
    return list(dict.fromkeys(name for name in names if name))[:MAX_NAMES]


def techniques(record: Dataset) -> list[DefinedTerm]:
    """Return the terms of a dataset's imaging methods, each once, also those that its protocols and parts name."""
    methods = [*(record.measurement_method or [])]
    for part in record.has_part or []:
        methods += part.measurement_method or []
    found: dict[str, DefinedTerm] = {}
    for method in methods:
        terms = method.measurement_technique or [] if isinstance(method, ImagingProtocol) else [method]
        found |= {term.id: term for term in terms}
    return list(found.values())


def _of_class(record: Dataset, cls: str) -> list[Any]:
    return [thing for thing in record.about or [] if type(thing).__name__ == cls]


def name_of(thing: Any) -> str:
    """Return the name of a thing that a dataset is about; "" where nobody gives one."""
    return (thing.scientific_name if isinstance(thing, Taxon) else thing.name) or ""


def _some(names: Iterable[str | None]) -> str:
    known = list(dict.fromkeys(name for name in names if name))
    more = f" and {len(known) - MAX_NAMES} more" if len(known) > MAX_NAMES else ""
    return ", ".join(known[:MAX_NAMES]) + more


# --- the RDF of a page --------------------------------------------------------------------------------------------


def page_quads(record: Dataset, changed: str | None = None) -> list[Quad]:
    """Return everything that a dataset's page says: the record's own statements, then the hub's additions."""
    return [*records.to_quads(record), *additions(record, changed)]


def page_jsonld(record: Dataset, changed: str | None = None) -> dict[str, Any]:
    """Return what ``page_quads`` says as one JSON-LD tree."""
    tree = records.to_jsonld(record)
    added: dict[str, dict[str, list[Any]]] = {}
    for iri, predicate, term in _triples(record, changed):
        key = predicate.replace(SCHEMA, "schema:")
        added.setdefault(iri, {}).setdefault(key, []).append(_expanded(term))
    _add(tree, added)
    return tree


def _expanded(term: Any) -> Any:
    if isinstance(term, NamedNode):
        return {"@id": term.value}
    return {"@value": term.value, "@language": term.language} if term.language else term.value


def _add(node: Any, added: dict[str, dict[str, list[Any]]]) -> None:
    """Write each thing's additions into the node that describes it, the first with that ``@id``."""
    if isinstance(node, list):
        for child in node:
            _add(child, added)
    elif isinstance(node, dict) and "@id" in node and "@type" in node:
        for key, values in added.pop(node["@id"], {}).items():
            node[key] = [*_listed(node.get(key)), *values]
        for key, value in node.items():
            if not key.startswith("@") and isinstance(value, list | dict):
                _add(value, added)


def _listed(value: Any) -> list[Any]:
    return [] if value is None else value if isinstance(value, list) else [value]


# --- what is embedded ---------------------------------------------------------------------------------------------


def embedded(record: Dataset, changed: str | None = None) -> dict[str, Any]:
    """Return the schema.org statements of a dataset's page as JSON-LD.

    They are the record's own JSON-LD with only schema.org's terms kept, under the schema.org context, and the hub's
    additions; what that context would read otherwise than the hub means it (dates, addresses) is spelt out.
    """
    tree = _keep(records.to_jsonld(record, with_context=False))
    local: dict[str, Any] = {"xsd": records.XSD}
    _text, language = described(record)
    if language:
        _drop(tree, "description")
        local["description"] = {"@id": SCHEMA + "description", "@language": language}
    for term in ("variableMeasured", *(() if record.keyword else ("keywords",))):
        local[term] = {"@id": SCHEMA + term, "@language": HUB_WORDS}
    names = {technique.id: technique.name for technique in techniques(record)}
    added: dict[str, dict[str, list[Any]]] = {}
    for iri, predicate, term in _triples(record, changed):
        key = predicate.removeprefix(SCHEMA)
        added.setdefault(iri, {}).setdefault(key, []).append(_plain(term, key, names))
    _add(tree, added)
    for term in sorted(_terms(tree) - set(local)):
        coercion = _coercions().get(term)
        if coercion is not None:
            local[term] = {"@id": SCHEMA + term, "@type": coercion}
    return {"@context": [SCHEMA, local], **_single(tree)}


def _plain(term: Any, key: str, names: dict[str, str]) -> Any:
    if not isinstance(term, NamedNode):
        return term.value
    if key == "url":
        return term.value
    return {"@id": term.value, **({"@type": "DefinedTerm", "name": names[term.value]} if term.value in names else {})}


def _drop(node: Any, key: str) -> None:
    """Take a property out of every node of a tree."""
    if isinstance(node, list):
        for child in node:
            _drop(child, key)
    elif isinstance(node, dict):
        node.pop(key, None)
        for child in node.values():
            _drop(child, key)


def _single(tree: dict[str, Any]) -> dict[str, Any]:
    """Return a node with the values of properties that have one by the rules as they are, not in a list."""
    one = ("description", "version", "publisher")
    return {k: v[0] if k in one and isinstance(v, list) and len(v) == 1 else v for k, v in tree.items()}


@cache
def _coercions() -> dict[str, str | None]:
    """Return the JSON-LD type of the value of every schema.org term of the model (None: as it stands)."""
    slots = {slot.term: slot for table in records.tables().values() for slot in table.slots}
    ours = {term: slot for term, slot in slots.items() if slot.predicate.value.startswith(SCHEMA)}
    kinds = {"partial-date": records.XSD + "date"}
    return {t: "@id" if s.kind == "iri" else kinds.get(s.datatype or "") for t, s in ours.items()}


def _keep(node: dict[str, Any]) -> dict[str, Any]:
    kept: dict[str, Any] = {"@id": node["@id"]}
    types = node.get("@type", [])
    plain = [t for name in (types if isinstance(types, list) else [types]) if (t := _type(name))]
    if plain:
        kept["@type"] = plain[0]
    for key, value in node.items():
        if key in _coercions() or key.startswith("schema:"):
            kept[key.removeprefix("schema:")] = [_value(v) for v in value] if isinstance(value, list) else _value(value)
    return kept


def _value(value: Any) -> Any:
    return _keep(value) if isinstance(value, dict) and "@id" in value else value


def _type(name: str) -> str | None:
    table = records.tables().get(name)
    iri = table.type.value if table else name.replace("schema:", SCHEMA)
    return iri.removeprefix(SCHEMA) if iri.startswith(SCHEMA) else None


def _terms(node: Any) -> set[str]:
    children = node if isinstance(node, list) else node.values() if isinstance(node, dict) else ()
    own = {k for k in node if not k.startswith("@")} if isinstance(node, dict) else set()
    return own.union(*(_terms(child) for child in children))
