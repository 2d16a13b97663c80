"""Ontologies: labels, synonyms, superclasses, and what replaces an obsolete term."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from typing import NamedTuple

from harvesters.references import cellosaurus, obo, ols4, owl, slices, taxdump
from harvesters.references.contract import Format, Kind, Table
from harvesters.references.terms import key

KIND = Kind(
    name="ontology",
    version=1,
    tables=(
        Table("term", ("iri TEXT PRIMARY KEY", "label TEXT", "obsolete INTEGER NOT NULL", "replaced_by TEXT")),
        Table("name", ("iri TEXT", "name TEXT", "kind TEXT", "key TEXT"), ("iri", "key")),
        Table("parent", ("iri TEXT", "parent TEXT"), ("iri, parent", "parent")),
    ),
    formats={
        "obo": Format(obo.read),
        "owl": Format(owl.read),
        "ols4": Format(ols4.read, ols4.fetch),
        "taxdump": Format(taxdump.read),
        "cellosaurus": Format(cellosaurus.read),
        "tsv": Format(slices.read),
    },
)
NEARNESS = ("label", "exact", "narrow", "broad", "related")
"""Kinds of names, the nearest first."""
MAX_CHAIN = 10


class Candidate(NamedTuple):
    """A term that a name may mean.

    Attributes:
        iri: the term.
        label: its label.
        kind: what the name is to it: ``label``, or an ``exact``, ``narrow``, ``broad`` or ``related`` synonym.
        is_obsolete: whether it is not to be used any more.
    """

    iri: str
    label: str | None
    kind: str
    is_obsolete: bool


class Ontology:
    """Questions to the table of one ontology. Terms are IRIs as `ontology.identifiers.term` writes them.

    Args:
        name: its name in the settings, or of the table that comes with the hub.
        db: its tables; not written to.
    """

    def __init__(self, name: str, db: sqlite3.Connection) -> None:
        self.name = name
        self._db = db

    def __contains__(self, iri: str) -> bool:
        return self._one("SELECT 1 FROM term WHERE iri = ?", iri) is not None

    def __len__(self) -> int:
        return int(self._db.execute("SELECT count(*) FROM term").fetchone()[0])

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def meta(self) -> dict[str, str]:
        """Return what is known of the whole: version, licence, sha256."""
        return dict(self._db.execute("SELECT name, value FROM meta"))

    def iris(self) -> list[str]:
        """Return every term, sorted."""
        return self._all("SELECT iri FROM term ORDER BY iri")

    def label(self, iri: str) -> str | None:
        """Return the label of a term; None when it has none or is unknown."""
        return self._one("SELECT label FROM term WHERE iri = ?", iri)

    def synonyms(self, iri: str, *kinds: str) -> list[str]:
        """Return the synonyms of a term, sorted; of some kinds (``exact``, ``narrow`` …), or of all."""
        wanted = kinds or NEARNESS[1:]
        marks = ", ".join("?" * len(wanted))
        return self._all(f"SELECT DISTINCT name FROM name WHERE iri = ? AND kind IN ({marks}) ORDER BY 1", iri, *wanted)

    def parents(self, iri: str) -> list[str]:
        """Return the direct superclasses of a term, sorted."""
        return self._all("SELECT DISTINCT parent FROM parent WHERE iri = ? ORDER BY 1", iri)

    def ancestors(self, iri: str) -> set[str]:
        """Return every term above a term, without itself (also where the hierarchy has a circle)."""
        return set(self._closure("parent", "iri", iri)) - {iri}

    def descendants(self, iri: str) -> set[str]:
        """Return every term below a term, without itself."""
        return set(self._closure("iri", "parent", iri)) - {iri}

    def descends(self, iri: str, ancestor: str) -> bool:
        """Tell whether a known term is the ancestor or stands below it."""
        return iri in self and (iri == ancestor or ancestor in self.ancestors(iri))

    def is_obsolete(self, iri: str) -> bool:
        """Tell whether a term is not to be used any more; False for unknown ones."""
        return bool(self._one("SELECT obsolete FROM term WHERE iri = ?", iri))

    def replaced_by(self, iri: str) -> str | None:
        """Return the term to use instead of an obsolete one, at the end of the chain; None when none is named."""
        found = None
        for _ in range(MAX_CHAIN):
            following = self._one("SELECT replaced_by FROM term WHERE iri = ?", found or iri)
            if following is None or following == iri:
                break
            found = following
        return found

    def find(self, name: str, kinds: Iterable[str] = NEARNESS) -> list[Candidate]:
        """Return the terms that have a name, the nearest kind first, obsolete ones last; each term once."""
        order = {kind: place for place, kind in enumerate(kinds)}
        sql = "SELECT n.iri, t.label, n.kind, t.obsolete FROM name n JOIN term t USING (iri) WHERE n.key = ?"
        found = self._db.execute(sql, (key(name),))
        rows = [Candidate(iri, label, kind, bool(old)) for iri, label, kind, old in found if kind in order]
        nearest: dict[str, Candidate] = {}
        for candidate in sorted(rows, key=lambda c: (c.is_obsolete, order[c.kind], c.iri)):
            nearest.setdefault(candidate.iri, candidate)
        return list(nearest.values())

    def _closure(self, wanted: str, given: str, iri: str) -> list[str]:
        return self._all(
            f"WITH RECURSIVE found(iri) AS (SELECT {wanted} FROM parent WHERE {given} = ? "
            f"UNION SELECT p.{wanted} FROM parent p JOIN found f ON p.{given} = f.iri) SELECT iri FROM found",
            iri,
        )

    def _one(self, sql: str, *values: str) -> str | None:
        row = self._db.execute(sql, values).fetchone()
        return row[0] if row else None

    def _all(self, sql: str, *values: str) -> list[str]:
        return [row[0] for row in self._db.execute(sql, values)]
