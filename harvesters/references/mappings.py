"""Mapping sets in SSSOM's table form: which terms of two ontologies mean the same, and which term a wording means.

Source: https://mapping-commons.github.io/sssom/spec-formats-tsv/
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO, Final

import yaml

from harvesters.references.contract import META, Format, Kind, Reference, Row, Table
from harvesters.references.streams import text_lines
from harvesters.references.terms import iri_or_none, key

LITERAL: Final = "rdfs literal"
NO_TERM: Final = "sssom:NoTermFound"
REQUIRED: Final = ("predicate_id", "object_id", "mapping_justification")
# Prefixes that need not be declared. Source: https://mapping-commons.github.io/sssom/spec-intro/#iri-prefixes
BUILT_IN: Final = {
    "owl": "http://www.w3.org/2002/07/owl#",
    "rdfs": "http://www.w3.org/2000/01/rdf-schema#",
    "skos": "http://www.w3.org/2004/02/skos/core#",
}
METADATA: Final = {
    "mapping_set_id": "mapping_set_id",
    "mapping_set_version": "version",
    "license": "licence",
}


def read_sssom(stream: BinaryIO, reference: Reference) -> Iterator[Row]:
    """Yield the rows of a mapping set; a mapping that does not hold (``Not``), or has no object, is passed over.

    Raises:
        ValueError: the metadata is no YAML, a mandatory column is missing, or a confidence is no number from 0 to 1.
    """
    lines = text_lines(stream)
    comments: list[str] = []
    heading = ""
    for heading in lines:
        if not heading.startswith("#"):
            break
        comments.append(heading[1:])
    said = _metadata(comments, reference)
    yield from ((META, (name, str(said[slot]))) for slot, name in METADATA.items() if said.get(slot))
    table = csv.DictReader(lines, heading.split("\t"), delimiter="\t", quoting=csv.QUOTE_NONE)
    if missing := [column for column in REQUIRED if column not in (table.fieldnames or ())]:
        raise ValueError(f"{reference.url} has no column {', '.join(missing)}: it is no mapping set of SSSOM")
    declared = said.get("curie_map") or {}
    bases = BUILT_IN | {str(prefix).casefold(): str(base) for prefix, base in declared.items()}
    for number, cells in enumerate(table, len(comments) + 2):
        yield from _mapping(number, {**_constants(said), **_filled(cells)}, bases)


def _metadata(comments: list[str], reference: Reference) -> dict[str, Any]:
    try:
        said = yaml.safe_load("\n".join(comments))
    except yaml.YAMLError as err:
        raise ValueError(f"the metadata of {reference.url}, in the lines that begin with #, is no YAML") from err
    return said if isinstance(said, dict) else {}


def _constants(said: Mapping[str, Any]) -> dict[str, str]:
    """Return what the metadata says of all mappings of the set."""
    return {slot: said[slot] for slot in ("subject_type",) if isinstance(said.get(slot), str)}


def _filled(cells: Mapping[Any, Any]) -> dict[str, str]:
    """Return the cells that are not empty, without those behind the last heading."""
    return {name: cell for name, cell in cells.items() if isinstance(name, str) and cell}


def _mapping(number: int, cells: dict[str, str], bases: Mapping[str, str]) -> Iterator[Row]:
    if cells.get("predicate_modifier") == "Not" or NO_TERM in (cells.get("subject_id"), cells.get("object_id")):
        return
    is_literal = cells.get("subject_type") == LITERAL
    subject = None if is_literal else iri_or_none(cells.get("subject_id", ""), bases)
    predicate, obj = (iri_or_none(cells.get(column, ""), bases) for column in ("predicate_id", "object_id"))
    label = cells.get("subject_label")
    if obj is None or predicate is None or not (label if is_literal else subject):
        return
    yield (
        "mapping",
        (
            number,
            subject,
            label,
            key(label) if is_literal and label else None,
            predicate,
            obj,
            cells.get("object_label"),
            cells.get("mapping_justification"),
            _confidence(number, cells.get("confidence")),
        ),
    )


def _confidence(number: int, cell: str | None) -> float | None:
    if cell is None:
        return None
    try:
        value = float(cell)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise ValueError(f"line {number}: the confidence {cell[:40]!r} is no number from 0 to 1")
    return value


KIND = Kind(
    name="mappings",
    version=1,
    tables=(
        Table(
            "mapping",
            (
                "id INTEGER PRIMARY KEY",
                "subject TEXT",
                "subject_label TEXT",
                "key TEXT",
                "predicate TEXT NOT NULL",
                "object TEXT NOT NULL",
                "object_label TEXT",
                "justification TEXT",
                "confidence REAL",
            ),
            indexes=("subject", "object", "key"),
        ),
    ),
    formats={"sssom": Format(read_sssom)},
)
