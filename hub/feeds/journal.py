"""What every feed is a view of: the changes that readers can see, and how each dataset stands after the last of them.

Feeds date a change by when it could first be seen. A change of 12:00 that was published at 12:05 is one of 12:05: who
asked at 12:03 for everything so far, and goes on from there, must not miss it.

Source: https://www.openarchives.org/OAI/2.0/guidelines-repository.htm#Datestamps
"""

from __future__ import annotations

import zlib
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from hub.log import Log, Version, changes, publications, versions

ACTIVE = "active"


@dataclass(frozen=True, slots=True)
class Latest:
    """How a dataset stands after its last visible change.

    Attributes:
        iri: of the dataset.
        sequence: number of the change; later changes have greater numbers.
        at: ISO 8601 time from which readers could see it.
        state: ``active`` if one of its records is, else the state that its last change gave it.
        title: as the last change has it.
        created: ISO 8601 time of the dataset's first change.
        sources: names of the sources whose records stand.
    """

    iri: str
    sequence: int
    at: str
    state: str
    title: str
    created: str
    sources: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Content:
    """A record that stands of a dataset, kept small until it is read."""

    source: str
    accession: str
    packed: bytes

    def record(self) -> str:
        """Return the record as JSON."""
        return zlib.decompress(self.packed).decode()


class Journal:
    """The visible part of a catalogue's log.

    Args:
        log: the catalogue.
        until: the last sequence number that readers can see: the one of the snapshot that is served.
    """

    def __init__(self, log: Log, until: int) -> None:
        self.log, self.until = log, until

    def since(self, sequence: int, limit: int) -> list[Version]:
        """Return what the next visible changes after a number made of their records, oldest first."""
        return self.log.versions_since(sequence, limit, self.until)

    def seen_at(self, sequences: list[int]) -> dict[int, str]:
        """Return from when on readers could see each change, as ISO 8601, by its number."""
        last = sa.select(versions.c.sequence, _seen(versions.c.sequence)).where(versions.c.sequence.in_(sequences))
        with self.log.engine.connect() as db:
            return {int(number): str(at) for number, at in db.execute(last)}

    def latest(
        self, after: int, limit: int, *, below: str = "", at_least: str = "", at_most: str = "", iri: str = ""
    ) -> list[Latest]:
        """Return the next datasets by the number of their last visible change, the least number first.

        A dataset that changes while somebody pages moves to the end and is told again; none is left out.

        Args:
            after: the number after which to begin.
            limit: how many at most.
            below: only datasets whose IRI begins so, such as those of an archive.
            at_least: only changes seen from this ISO 8601 time on.
            at_most: only changes seen up to this time.
            iri: only this dataset.
        """
        chosen = _Choice(self.until, after, below, at_least, at_most, iri)
        columns = (chosen.own.iri, chosen.own.sequence, chosen.own.state, chosen.own.title, chosen.seen)
        query = sa.select(*columns).where(*chosen.which)
        with self.log.engine.connect() as db:
            rows = db.execute(query.order_by(chosen.own.sequence).limit(limit)).all()
        standing, created = self._standing([row.iri for row in rows])
        return [
            Latest(
                iri=row.iri,
                sequence=row.sequence,
                at=row.seen,
                state=ACTIVE if standing[row.iri] else row.state,
                title=row.title,
                created=created[row.iri],
                sources=tuple(sorted(standing[row.iri])),
            )
            for row in rows
        ]

    def count(self, *, below: str = "", at_least: str = "", at_most: str = "") -> int:
        """Return how many datasets :meth:`latest` tells of in all."""
        chosen = _Choice(self.until, 0, below, at_least, at_most, "")
        with self.log.engine.connect() as db:
            return int(db.scalar(sa.select(sa.func.count(chosen.own.sequence)).where(*chosen.which)) or 0)

    def contents(self, iris: list[str]) -> dict[str, list[Content]]:
        """Return the records that stand of datasets, by IRI of the dataset; what is withdrawn or erased is left out."""
        visible = versions.c.iri.in_(iris) & (versions.c.sequence <= self.until)
        last = sa.select(sa.func.max(versions.c.sequence)).where(visible)
        last = last.group_by(versions.c.source, versions.c.accession)
        columns = (versions.c.iri, versions.c.source, versions.c.accession, versions.c.content)
        stands = versions.c.sequence.in_(last) & (versions.c.state == ACTIVE) & versions.c.content.is_not(None)
        found: defaultdict[str, list[Content]] = defaultdict(list)
        with self.log.engine.connect() as db:
            for iri, *rest in db.execute(sa.select(*columns).where(stands).order_by(versions.c.sequence)):
                found[iri].append(Content(*rest))
        return found

    def iris(self) -> Iterator[str]:
        """Yield the IRI of every dataset that was ever there."""
        query = sa.select(versions.c.iri).where(versions.c.sequence <= self.until).distinct()
        with self.log.engine.connect() as db:
            yield from db.scalars(query)

    def _standing(self, iris: list[str]) -> tuple[dict[str, set[str]], dict[str, str]]:
        """Return which sources have an active record of each dataset, and when each was first seen."""
        sources: defaultdict[str, set[str]] = defaultdict(set)
        created: dict[str, str] = {}
        columns = (versions.c.iri, versions.c.source, versions.c.accession, versions.c.state, changes.c.at)
        query = sa.select(*columns).join_from(versions, changes, versions.c.sequence == changes.c.sequence)
        visible = versions.c.iri.in_(iris) & (versions.c.sequence <= self.until)
        states: dict[tuple[str, str], tuple[str, str]] = {}
        with self.log.engine.connect() as db:
            for iri, source, accession, state, at in db.execute(query.where(visible).order_by(versions.c.sequence)):
                created.setdefault(iri, at)
                states[source, accession] = (iri, state)
        for (source, _), (iri, state) in states.items():
            if state == ACTIVE:
                sources[iri].add(source)
        return sources, created

    def earliest(self) -> str | None:
        """Return the ISO 8601 time from which the first change could be seen, or None when there is none."""
        first = sa.select(_seen(versions.c.sequence)).where(versions.c.sequence <= self.until)
        with self.log.engine.connect() as db:
            return db.scalar(first.order_by(versions.c.sequence).limit(1))


class _Choice:
    """What :meth:`Journal.latest` chooses, as parts of a query.

    Attributes:
        own: columns of the last visible versions.
        seen: from when on readers could see each.
        which: conditions that all hold of what is chosen.
    """

    def __init__(self, until: int, after: int, below: str, at_least: str, at_most: str, iri: str) -> None:
        self.own = versions.alias("own").c
        self.seen = _seen(self.own.sequence)
        later = versions.alias("later").c
        is_later = (later.iri == self.own.iri) & (later.sequence > self.own.sequence) & (later.sequence <= until)
        self.which = [self.own.sequence > after, self.own.sequence <= until, ~sa.exists().where(is_later)]
        self.which += [self.own.iri.startswith(below, autoescape=True)] if below else []
        self.which += [self.own.iri == iri] if iri else []
        self.which += [self.seen >= at_least] if at_least else []
        self.which += [self.seen <= at_most] if at_most else []


def dated(log: Log, sequence: int) -> int:
    """Return the last change up to a number whose time of publication is settled.

    A snapshot can be read a moment before the catalogue notes when it was published.
    """
    last = sa.select(sa.func.max(publications.c.sequence))
    with log.engine.connect() as db:
        noted = db.scalar(last)
    return sequence if noted is None else min(sequence, int(noted))


def _seen(sequence: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    """Return when a change could first be seen: at the next publication, else when it was made."""
    published = (
        sa.select(publications.c.at)
        .where(publications.c.sequence >= sequence)
        .order_by(publications.c.sequence)
        .limit(1)
        .scalar_subquery()
    )
    made = sa.select(changes.c.at).where(changes.c.sequence == sequence).scalar_subquery()
    return sa.func.coalesce(published, made).label("seen")
