"""Cellosaurus, the table of cell lines, as its own text form (``cellosaurus.txt``).

Its cell lines are no classes, but a line that was derived from another (``HI``) is one of its kind for who asks for
"HeLa": the parent stands as the broader term.

Source: https://ftp.expasy.org/databases/cellosaurus/cellosaurus.txt (its heading explains the lines)
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO

from harvesters.references.contract import META, Reference, Row
from harvesters.references.streams import text_lines
from harvesters.references.terms import Term, iri_of

_VERSION = re.compile(r"\s*Version:?\s+([\w.]+)", re.IGNORECASE)
LICENCE = "https://creativecommons.org/licenses/by/4.0/"


def read(stream: BinaryIO, reference: Reference) -> Iterator[Row]:
    """Yield the rows of the text form; secondary accessions are obsolete terms that the line replaces.

    Raises:
        ValueError: an entry without its accession.
    """
    yield META, ("licence", LICENCE)
    entry: dict[str, str] = {}
    for line in text_lines(stream):
        if line == "//":
            yield from _rows(entry)
            entry = {}
        elif line[2:5] == "   " and line[:2].isalpha():
            code, value = line[:2], line[5:].strip()
            entry[code] = f"{entry[code]}\n{value}" if code in entry else value
        elif not entry and (found := _VERSION.match(line)):
            yield META, ("version", found[1])


def _rows(entry: dict[str, str]) -> Iterator[Row]:
    if "AC" not in entry:
        raise ValueError(f"the entry {entry.get('ID', '')[:80]!r} has no accession (AC)")
    term = Term(iri_of(entry["AC"]), entry.get("ID"))
    term.synonyms = [(name, "exact") for name in _listed(entry.get("SY", ""))]
    term.parents = [iri_of(line.partition(" !")[0]) for line in entry.get("HI", "").splitlines()]
    yield from term.rows()
    for other in _listed(entry.get("AS", "")):
        yield from Term(iri_of(other), is_obsolete=True, replaced_by=term.iri).rows()


def _listed(cell: str) -> list[str]:
    return [part.strip() for part in cell.replace("\n", " ").split(";") if part.strip()]
