"""The schema.org JSON-LD that is embedded in landing pages, for Google Dataset Search and Bioschemas.

It is the record's own JSON-LD with only schema.org's terms kept, under the schema.org context; what that context would
read otherwise than the hub means it (dates) is spelt out.

Source: https://developers.google.com/search/docs/appearance/structured-data/dataset
"""

from __future__ import annotations

from functools import cache
from typing import Any

from hub import records
from linkml_schemas.generated.model import Dataset

SCHEMA = "http://schema.org/"


def embedded(record: Dataset) -> dict[str, Any]:
    """Return the schema.org statements of a record as JSON-LD."""
    tree = _keep(records.to_jsonld(record, with_context=False))
    local: dict[str, Any] = {"xsd": records.XSD}
    for term in sorted(_terms(tree)):
        coercion = _coercions().get(term)
        if coercion is not None:
            local[term] = {"@id": SCHEMA + term, "@type": coercion}
    return {"@context": [SCHEMA, local], **tree}


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
