"""What every feed is a view of: the changes that readers can see, and how each dataset stands after the last of them.

Feeds date a change by when it could first be seen. A change of 12:00 that was published at 12:05 is one of 12:05: who
asked at 12:03 for everything so far, and goes on from there, must not miss it.

Source: https://www.openarchives.org/OAI/2.0/guidelines-repository.htm#Datestamps
"""

from __future__ import annotations

from collections import defaultdict
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
        own, later = versions.alias("own"), versions.alias("later")
        is_later = (later.c.iri == own.c.iri) & (later.c.sequence > own.c.sequence) & (later.c.sequence <= self.until)
        seen = _seen(own.c.sequence)
        which = [own.c.sequence > after, own.c.sequence <= self.until, ~sa.exists().where(is_later)]
        which += [own.c.iri.startswith(below, autoescape=True)] if below else []
        which += [own.c.iri == iri] if iri else []
        which += [seen >= at_least] if at_least else []
        which += [seen <= at_most] if at_most else []
        query = sa.select(own.c.iri, own.c.sequence, own.c.state, own.c.title, seen).where(*which)
        with self.log.engine.connect() as db:
            rows = db.execute(query.order_by(own.c.sequence).limit(limit)).all()
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
