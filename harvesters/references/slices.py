"""Slices: tables of terms as they come with the hub (``ontology/slices/README.md``)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from harvesters.references.contract import META, Reference, Row
from harvesters.references.streams import text_lines
from harvesters.references.terms import Term, iri_of

COLUMNS = ("id", "label", "synonyms", "parent")
OPTIONAL = ("replaced_by",)


def read(stream: BinaryIO, reference: Reference) -> Iterator[Row]:
    """Yield the rows of a slice; ``# version:`` and ``# licence:`` above its heading tell what it is.

    Raises:
        ValueError: another heading, or a line of another length.
    """
    heading: list[str] = []
    for number, line in enumerate(text_lines(stream), 1):
        if line.startswith("#"):
            name, _, value = line.lstrip("# ").partition(":")
            yield from [(META, (name.strip(), value.strip()))] if value.strip() else ()
        elif not heading:
            heading = line.split("\t")
            if set(heading) - set(OPTIONAL) != set(COLUMNS):
                raise ValueError(f"line {number}: a slice has the columns {', '.join(COLUMNS)}")
        else:
            cells = line.split("\t")
            if len(cells) != len(heading):
                raise ValueError(f"line {number}: {len(cells)} cells under {len(heading)} headings")
            yield from _term(dict(zip(heading, cells, strict=True))).rows()


def _term(cells: dict[str, str]) -> Term:
    return Term(
        iri=iri_of(cells["id"]),
        label=cells["label"],
        replaced_by=iri_of(cells["replaced_by"]) if cells.get("replaced_by") else None,
        parents=[iri_of(parent) for parent in _listed(cells["parent"])],
        synonyms=[(synonym, "exact") for synonym in _listed(cells["synonyms"])],
    )


def _listed(cell: str) -> list[str]:
    return cell.split("|") if cell else []
