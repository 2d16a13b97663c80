"""What changed in the last days: datasets that are new, changed or withdrawn, by the log."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa

from hub.log import Log, changes, records

KINDS: Final = ("new", "changed", "withdrawn")


@dataclass(frozen=True, slots=True)
class Change:
    """What became of one dataset.

    Attributes:
        dataset: IRI.
        archive: name of the archive that owns it.
        accession: under which the hub has it.
        title: as it stands.
        kind: ``new`` (all its records are), ``changed`` or ``withdrawn`` (no record is left).
        at: ISO 8601 time of the last change.
        sequence: the last change's number in the log.
    """

    dataset: str
    archive: str
    accession: str
    title: str
    kind: str
    at: str
    sequence: int


@dataclass(frozen=True, slots=True)
class News:
    """Changes of a span of time: a page of them, the newest first, and how many there are by archive and kind."""

    changes: list[Change]
    counts: dict[str, dict[str, int]]
    total: int


@dataclass(frozen=True, slots=True)
class Choice:
    """Which changes are told: of one archive or all (""), of one kind or all (""), and which page of them, from 1."""

    archive: str = ""
    kind: str = ""
    page: int = 1
    per_page: int = 100


def news(log: Log, base: str, since: str, until: int, choice: Choice = Choice()) -> News:
    """Return what changed since a time.

    Args:
        log: the catalogue.
        base: the hub's base IRI.
        since: ISO 8601 time in UTC.
        until: the last change to tell of, which is the published one.
        choice: which of the changes.
    """
    size = choice.per_page
    with log.engine.connect() as db:
        rows = [*_rows(db, since, until)]
        told = [_place(row, base) for row in rows]
        counts = _counts(told)
        fitting = [one for one in told if choice.archive in ("", one[1]) and choice.kind in ("", one[3])]
        shown = fitting[(choice.page - 1) * size : choice.page * size]
        titles = _titles(db, [place[0] for place in shown])
    found = [
        Change(iri, owner, accession, titles.get(iri, accession), kind_, at, number)
        for iri, owner, accession, kind_, at, number in shown
    ]
    return News(found, counts, len(fitting))


def _rows(db: sa.Connection, since: str, until: int) -> Iterator[Any]:
    """Yield (dataset, records created, records that there are, active ones, time, number), the newest first."""
    created = sa.func.max(sa.case((changes.c.action == "create", 1), else_=0)).label("created")
    span = (changes.c.at >= since) & (changes.c.sequence <= until)
    key = (changes.c.source, changes.c.accession)
    recent = (
        sa.select(*key, created, sa.func.max(changes.c.at).label("at"), sa.func.max(changes.c.sequence).label("number"))
        .where(span)
        .group_by(*key)
        .subquery()
    )
    same = (recent.c.source == records.c.source) & (recent.c.accession == records.c.accession)
    by_dataset = (
        sa.select(
            records.c.iri,
            sa.func.sum(recent.c.created).label("created"),
            sa.func.max(recent.c.at).label("at"),
            sa.func.max(recent.c.number).label("number"),
        )
        .join(recent, same)
        .group_by(records.c.iri)
        .subquery()
    )
    every = records.alias()
    active = sa.func.sum(sa.case((every.c.state == "active", 1), else_=0))
    yield from db.execute(
        sa.select(by_dataset.c.iri, by_dataset.c.created, sa.func.count(), active, by_dataset.c.at, by_dataset.c.number)
        .join(every, every.c.iri == by_dataset.c.iri)
        .group_by(by_dataset.c.iri, by_dataset.c.created, by_dataset.c.at, by_dataset.c.number)
        .order_by(by_dataset.c.number.desc())
    )


def _place(row: Any, base: str) -> tuple[str, str, str, str, str, int]:
    iri, created, every, active, at, number = row
    archive, _, accession = iri.removeprefix(f"{base}dataset/").partition("/")
    kind = "withdrawn" if not active else "new" if created == every else "changed"
    return iri, archive, accession, kind, at, number


def _counts(told: list[tuple[str, str, str, str, str, int]]) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for _, archive, _, kind, *_ in told:
        of = found.setdefault(archive, dict.fromkeys(KINDS, 0))
        of[kind] += 1
    return dict(sorted(found.items()))


def _titles(db: sa.Connection, iris: list[str]) -> dict[str, str]:
    query = sa.select(records.c.iri, records.c.title).where(records.c.iri.in_(iris))
    return {
        str(iri): str(title)
        for iri, title in db.execute(query.order_by(records.c.state.desc(), records.c.source.desc()))
    }
