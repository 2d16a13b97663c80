"""People: what the holders of ORCID iDs made public, by all references of kind ``people`` together.

Without such a reference there is nothing to say, and the rules compare records with one another alone.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from harvesters.references import people
from hub import references
from hub.config import Settings

Stamp = tuple[tuple[str, int, int], ...]


def stamp_of(settings: Settings, kind: str) -> Stamp:
    """Return what changes when a table of a kind is written anew."""
    paths = [references.path_of(settings, name) for name, one in settings.references.items() if one.kind == kind]
    found = [(path.name, path.stat()) for path in paths if path.is_file()]
    return tuple((name, about.st_mtime_ns, about.st_ino) for name, about in found)


@dataclass(frozen=True, slots=True)
class Holder:
    """What ORCID's record of a person says.

    Attributes:
        id: ORCID IRI.
        name: the name for display; None where the record is locked, unknown or has none in public.
        names: every name, the one for display first.
        employers: name and ROR IRI, or None, of each.
        state: ``public``, ``locked`` or ``unknown``.
        became: the ORCID IRI that took its place, or None.
        source: name of the reference.
    """

    id: str
    name: str | None
    names: tuple[str, ...]
    employers: tuple[tuple[str, str | None], ...]
    state: str
    became: str | None
    source: str


class People:
    """All tables of people together.

    Args:
        tables: name and connection of each, the most trusted first.
    """

    def __init__(self, tables: Iterable[tuple[str, sqlite3.Connection]]) -> None:
        self._tables: Sequence[tuple[str, sqlite3.Connection]] = tuple(tables)

    @classmethod
    def of(cls, settings: Settings) -> People:
        """Return the tables of the settings that were updated at least once; opened again when one was updated."""
        stamp = cls.stamp(settings)
        if settings.data_dir not in _OPEN or _OPEN[settings.data_dir][0] != stamp:
            _OPEN[settings.data_dir] = stamp, cls(references.of_kind(settings, people.KIND.name))
        return _OPEN[settings.data_dir][1]

    @staticmethod
    def stamp(settings: Settings) -> Stamp:
        """Return what changes when a table is written anew."""
        return stamp_of(settings, people.KIND.name)

    def holder(self, iri: str) -> Holder | None:
        """Return what is known of the holder of an ORCID IRI; None where no table was ever asked about it."""
        for source, db in self._tables:
            row = db.execute("SELECT name, state, became FROM person WHERE id = ?", (iri,)).fetchone()
            if row is not None:
                names = [name for (name,) in db.execute("SELECT written FROM name WHERE person = ?", (iri,))]
                listed = tuple(dict.fromkeys([*([row[0]] if row[0] else []), *names]))
                jobs = tuple(db.execute("SELECT name, ror FROM employer WHERE person = ?", (iri,)))
                return Holder(iri, row[0], listed, jobs, row[1], row[2], source)
        return None

    def names(self, iri: str) -> tuple[str, ...]:
        """Return the names that the holder of an ORCID IRI made public."""
        holder = self.holder(iri)
        return holder.names if holder else ()


_OPEN: dict[Path, tuple[Stamp, People]] = {}
