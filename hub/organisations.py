"""Organisations: which one a name or an affiliation means, by all references of kind ``organisations`` together.

An affiliation is read from its beginning: ``Department of X, University of Y, Country`` means the university, since no
registry has the department. A name of several organisations means the one in the affiliation's country, else none.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Final

from harvesters.references import organisations
from harvesters.references.contract import Reference
from hub import references
from hub.config import Settings
from hub.people import Stamp, stamp_of
from ontology.organisations import bundled, country, name_key

BUNDLED: Final = "organisations of the hub"
MAX_STEPS: Final = 5
MAX_TEXT: Final = 1000
MOST: Final = 10
_PARTS: Final = re.compile(r"\s*[,;|/]\s+|\s+[-–—|]\s+|\s*[()]\s*|,")
_END: Final = re.compile(r"[\s.]+$")


@dataclass(frozen=True, slots=True)
class Organisation:
    """What the tables know of an organisation.

    Attributes:
        id: ROR IRI.
        name: the name for display.
        country: ISO 3166-1 code, or empty.
        status: ``active``, ``inactive`` or ``withdrawn``.
        names: every other name with its kind: ``label``, ``alias`` or ``acronym``.
        parents: ROR IRIs of what it belongs to.
        successors: ROR IRIs of what took its place.
        source: name of the reference.
    """

    id: str
    name: str
    country: str
    status: str
    names: tuple[tuple[str, str], ...]
    parents: tuple[str, ...]
    successors: tuple[str, ...]
    source: str


@dataclass(frozen=True, slots=True)
class Match:
    """An organisation that a text may mean.

    Attributes:
        id: ROR IRI; of a withdrawn one its successor.
        name: the name that agrees, as the registry has it.
        kind: ``label``, ``alias`` or ``acronym``.
        part: the part of the text that agrees.
        is_whole: whether the text has no further part but its country.
        in_country: whether the text names the organisation's country; None where it names none.
        source: name of the reference.
    """

    id: str
    name: str
    kind: str
    part: str
    is_whole: bool
    in_country: bool | None
    source: str


class Organisations:
    """All tables of organisations together.

    Args:
        tables: name and connection of each, the most trusted first.
    """

    def __init__(self, tables: Iterable[tuple[str, sqlite3.Connection]]) -> None:
        self._tables: Sequence[tuple[str, sqlite3.Connection]] = tuple(tables)

    @classmethod
    def of(cls, settings: Settings) -> Organisations:
        """Return the tables of the settings that were updated at least once, and the bundled one last.

        They are opened again when one was updated.
        """
        stamp = cls.stamp(settings)
        if settings.data_dir not in _OPEN or _OPEN[settings.data_dir][0] != stamp:
            found = [*references.of_kind(settings, organisations.KIND.name), (BUNDLED, _bundled())]
            _OPEN[settings.data_dir] = stamp, cls(found)
        return _OPEN[settings.data_dir][1]

    @staticmethod
    def stamp(settings: Settings) -> Stamp:
        """Return what changes when a table is written anew."""
        return stamp_of(settings, organisations.KIND.name)

    @classmethod
    def of_hub(cls) -> Organisations:
        """Return the table that comes with the hub."""
        return cls([(BUNDLED, _bundled())])

    def organisation(self, iri: str) -> Organisation | None:
        """Return what is known of a ROR IRI, or None."""
        for source, db in self._tables:
            row = db.execute("SELECT id, name, country, status FROM organisation WHERE id = ?", (iri,)).fetchone()
            if row is not None:
                names = db.execute("SELECT written, kind FROM name WHERE organisation = ?", (iri,)).fetchall()
                related = db.execute("SELECT kind, other FROM relation WHERE organisation = ?", (iri,)).fetchall()
                return Organisation(
                    row[0],
                    row[1],
                    row[2],
                    row[3],
                    tuple(one for one in names if one[0] != row[1]),
                    tuple(sorted(other for kind, other in related if kind == "parent")),
                    tuple(sorted(other for kind, other in related if kind == "successor")),
                    source,
                )
        return None

    def current(self, iri: str) -> tuple[str, ...]:
        """Return the organisation itself, or what took the place of a withdrawn one, also over several steps."""
        stands: tuple[str, ...] = (iri,)
        for _ in range(MAX_STEPS):
            following: dict[str, None] = {}
            for one in stands:
                known = self.organisation(one)
                is_gone = known is not None and known.status == "withdrawn" and bool(known.successors)
                following |= dict.fromkeys(known.successors if known and is_gone else (one,))
            if tuple(following) == stands:
                break
            stands = tuple(following)
        return stands

    def named(self, name: str) -> list[tuple[str, str, str, str]]:
        """Return ROR IRI, name, kind and source of every organisation of a name; of the first table that has it."""
        key = name_key(name)
        for source, db in self._tables if key else ():
            found = db.execute(
                "SELECT organisation, written, kind FROM name WHERE key = ? ORDER BY kind = 'acronym', organisation",
                (key,),
            )
            if rows := found.fetchmany(MOST):
                return [(*row, source) for row in rows]
        return []

    def matches(self, text: str) -> list[Match]:
        """Return the organisations that an affiliation may mean, in the order of the text.

        An acronym counts only where it is written in capitals.
        """
        parts = [part for one in _PARTS.split(text[:MAX_TEXT]) if (part := _END.sub("", one).strip())]
        codes = [code for part in parts if (code := country(part))]
        whole = _END.sub("", text[:MAX_TEXT]).strip()
        found = list(self._of_part(whole, is_whole=True, code=None))
        if found:
            return found
        named = [part for part in parts if not country(part)]
        for part in named:
            found += self._of_part(part, is_whole=len(named) == 1, code=codes[-1] if codes else None)
        return found

    def _of_part(self, part: str, *, is_whole: bool, code: str | None) -> Iterator[Match]:
        seen = set()
        for iri, name, kind, source in self.named(part):
            if kind == "acronym" and name not in part:
                continue
            for current in self.current(iri):
                known = self.organisation(current)
                here = None if not code or not known or not known.country else known.country == code
                if current not in seen:
                    seen.add(current)
                    yield Match(current, name, kind, part, is_whole, here, source)


@cache
def _bundled() -> sqlite3.Connection:
    """Return the table that comes with the hub."""
    db = sqlite3.connect(":memory:", check_same_thread=False)
    reference = Reference("ror", organisations.KIND.name, "tsv", "ror.tsv")
    references.fill(db, organisations.KIND, organisations.read_table(BytesIO(bundled()), reference), {})
    return db


_OPEN: dict[Path, tuple[Stamp, Organisations]] = {}
