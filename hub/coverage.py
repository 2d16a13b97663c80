"""How many records fill which field, archive by archive, and how that went over time.

``coverage_records`` holds for each active record which slots it fills, and follows the log. ``coverage`` is
append-only: at each publication a row for each archive and slot whose numbers are others than before.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import unquote

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from hub import log as catalogue
from hub import records
from hub.config import Settings
from hub.links.catalogue import chunks, put
from hub.log import Log, RecordRow, now

BATCH = 400
COVERAGE_AT = "coverage_at"
START = ("", "")
# Every record has these, or they say only what is not known.
LEFT_OUT = frozenset({"accession", "archive", "name", "unknown", "not_applicable"})

metadata = sa.MetaData()

filled_slots = sa.Table(
    "coverage_records",
    metadata,
    sa.Column("source", sa.String, primary_key=True),
    sa.Column("accession", sa.String, primary_key=True),
    sa.Column("archive", sa.String, nullable=False),
    sa.Column("slots", sa.Text, nullable=False),
    sa.Index("coverage_records_of_archive", "archive", "slots"),
)

table = sa.Table(
    "coverage",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("sequence", sa.Integer, nullable=False),
    sa.Column("at", sa.String, nullable=False),
    sa.Column("archive", sa.String, nullable=False),
    sa.Column("slot", sa.String, nullable=False),
    sa.Column("records", sa.Integer, nullable=False),
    sa.Column("filled", sa.Integer, nullable=False),
    sa.Index("coverage_of_slot", "archive", "slot", "number"),
)


@dataclass(frozen=True, slots=True)
class Point:
    """How an archive filled a slot at one time.

    Attributes:
        sequence: the log's sequence number that it is true of.
        at: ISO 8601 time of the publication.
        archive: name of the archive.
        slot: slot of the dataset.
        records: active records of the archive.
        filled: those that fill the slot.
    """

    sequence: int
    at: str
    archive: str
    slot: str
    records: int
    filled: int

    @property
    def share(self) -> float:
        """Share of the records that fill the slot, 0 to 1; 0 where there are no records."""
        return self.filled / self.records if self.records else 0.0


@cache
def slots() -> tuple[str, ...]:
    """Return the slots that are counted, in the model's order."""
    return tuple(s.name for s in records.tables()["Dataset"].slots if s.name not in LEFT_OUT)


class Coverage:
    """The coverage tables of a catalogue."""

    def __init__(self, log: Log) -> None:
        self.engine = log.engine
        log.add_tables(metadata, "coverage")

    def now(self, archive: str = "") -> list[Point]:
        """Return the last point of each archive and slot, of one archive or of all, in the model's order."""
        with self.engine.connect() as db:
            return sorted(_last(db, archive), key=lambda p: (p.archive, slots().index(p.slot)))

    def history(self, archive: str, wanted: Iterable[str] = ()) -> list[Point]:
        """Return every point of an archive, oldest first; of some slots, or of all."""
        named = list(wanted)
        which = (table.c.archive == archive) & (table.c.slot.in_(named) if named else sa.true())
        with self.engine.connect() as db:
            return _points(db, sa.select(table).where(which).order_by(table.c.number))


def _points(db: Connection, query: sa.Select[Any]) -> list[Point]:
    found = (Point(*tuple(row)[1:]) for row in db.execute(query))
    return [point for point in found if point.slot in slots()]


def _last(db: Connection, archive: str = "") -> list[Point]:
    newest = sa.select(sa.func.max(table.c.number)).group_by(table.c.archive, table.c.slot)
    query = sa.select(table).where(table.c.number.in_(newest))
    return _points(db, query.where(table.c.archive == archive) if archive else query)


def update(log: Log, settings: Settings) -> int:
    """Bring coverage up to the log, and return how many archives and slots have other numbers than before."""
    Coverage(log)
    at = int(log.setting(COVERAGE_AT) or 0)
    while pending := log.changes_since(at, BATCH):
        at = pending[-1].sequence
        _take(log, log.records_of({(c.source, c.accession) for c in pending}), settings.base_iri, at)
    with log.engine.begin() as db:
        return _note(db, at)


def rebuild(log: Log, settings: Settings) -> int:
    """Count every record anew; what was noted of earlier times stays."""
    Coverage(log)
    last = log.last_sequence()
    with log.engine.begin() as db:
        db.execute(sa.delete(filled_slots))
        _remember(db, 0)
    place = START
    while rows := log.active_after(place, BATCH):
        place = (rows[-1].source, rows[-1].accession)
        _take(log, rows, settings.base_iri, None)
    with log.engine.begin() as db:
        _remember(db, last)
        return _note(db, last)


def _take(log: Log, rows: list[RecordRow], base: str, at: int | None) -> None:
    """Replace what is known of some records, and say how far that came."""
    keys = [(row.source, row.accession) for row in rows]
    active = [
        {"source": r.source, "accession": r.accession, "archive": _archive(r.iri, base), "slots": filled(r.record)}
        for r in rows
        if r.state == "active"
    ]
    with log.engine.begin() as db:
        for part in chunks(keys):
            which = sa.tuple_(filled_slots.c.source, filled_slots.c.accession).in_(part)
            db.execute(sa.delete(filled_slots).where(which))
        put(db, filled_slots, active)
        if at is not None:
            _remember(db, at)


def _remember(db: Connection, at: int) -> None:
    put(db, catalogue.meta, [{"key": COVERAGE_AT, "value": str(at)}])


def _archive(iri: str, base: str) -> str:
    return unquote(iri.removeprefix(f"{base}dataset/").partition("/")[0])


def filled(record: str) -> str:
    """Return the slots that a record's JSON fills, in the model's order with blanks between them.

    >>> filled('{"accession": "A", "name": "B", "license": "https://e.org/l", "author": [], "url": null}')
    'license'
    """
    said = json.loads(record)
    return " ".join(slot for slot in slots() if said.get(slot) not in (None, [], ""))


def _note(db: Connection, sequence: int) -> int:
    """Write the numbers that are others than before."""
    total: Counter[str] = Counter()
    counted: defaultdict[str, Counter[str]] = defaultdict(Counter)
    query = sa.select(filled_slots.c.archive, filled_slots.c.slots, sa.func.count())
    for archive, there, number in db.execute(query.group_by(filled_slots.c.archive, filled_slots.c.slots)):
        total[archive] += number
        counted[archive].update(dict.fromkeys(there.split(), number))
    before = {(p.archive, p.slot): (p.records, p.filled) for p in _last(db)}
    known = {*total, *(archive for archive, _ in before)}
    numbers = {(a, s): (total[a], counted[a][s]) for a in sorted(known) for s in slots()}
    new = {key: value for key, value in numbers.items() if before.get(key) != value}
    moment = now()
    rows = [
        {"sequence": sequence, "at": moment, "archive": a, "slot": s, "records": n, "filled": f}
        for (a, s), (n, f) in new.items()
    ]
    if rows:
        db.execute(sa.insert(table), rows)
    return len(rows)
