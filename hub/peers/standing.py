"""What a catalogue holds of every owner after a change of its log, by what the owners signed, and what is known of it.

Records of a hub's own and mirrored ones are told alike, under the names that their owners gave them. What only this hub
decided about a mirrored record is not among them, since nobody else has to agree with it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import sqlalchemy as sa

from hub import digests
from hub.digests import SetHash
from hub.log import Log, statements, versions
from hub.peers.wire import split_source

PAGE = 1000
Key = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Standing:
    """How one record stands by the last word of its owner.

    Attributes:
        hub: name of the owner.
        source: the source's name at the owner.
        accession: the record's accession.
        state: the record's state.
        sha256: hash of its statements.
        sequence: number of the change in the owner's log.
        number: number of the change in this catalogue's log.
    """

    hub: str
    source: str
    accession: str
    state: str
    sha256: str
    sequence: int
    number: int

    @property
    def key(self) -> Key:
        """Owner, source and accession."""
        return self.hub, self.source, self.accession

    @property
    def bucket(self) -> str:
        """The bucket that the record is compared in: two hexadecimal digits."""
        return bucket_of(self.key)

    def member(self) -> bytes:
        """Return what the record is in a set."""
        return digests.member(self.hub, self.source, self.accession, self.state, self.sha256)


@dataclass(frozen=True, slots=True)
class Summary:
    """A set of records: how many, their hash, and the greatest number of their owner's log among them."""

    records: int
    sha256: str
    sequence: int


def bucket_of(key: Key) -> str:
    """Return the bucket of owner, source and accession.

    >>> bucket_of(("eu", "idr", "idr0001"))
    '93'
    """
    return hashlib.sha256("\n".join(key).encode()).hexdigest()[:2]


def everything(log: Log, until: int | None = None, owner: str = "") -> Iterator[Standing]:
    """Yield how every record stands, in the order of the last changes of them.

    Args:
        log: the catalogue.
        until: the last change that counts; every one when None.
        owner: only records of this hub.
    """
    signed = sa.join(versions, statements, versions.c.sequence == statements.c.sequence)
    last = sa.select(sa.func.max(versions.c.sequence)).select_from(signed)
    if until is not None:
        last = last.where(versions.c.sequence <= until)
    last = last.group_by(versions.c.source, versions.c.accession).correlate(None)
    columns = (versions.c.source, versions.c.accession, statements.c.statement)
    told = (statements.c.hub, statements.c.sha256, statements.c.hub_sequence, versions.c.sequence)
    query = sa.select(*columns, *told).select_from(signed).where(versions.c.sequence.in_(last))
    if owner:
        query = query.where(statements.c.hub == owner)
    with log.engine.connect() as db:
        for row in db.execute(query.order_by(versions.c.sequence)).yield_per(PAGE):
            source, accession, text, hub, sha256, sequence, number = row
            state = json.loads(text)["state"]
            yield Standing(hub, split_source(source)[1], accession, state, sha256, sequence, number)


def by_owner(log: Log, until: int | None = None) -> dict[str, Summary]:
    """Return the set of each owner's records."""
    return summaries((one.hub, one) for one in everything(log, until))


def by_bucket(log: Log, until: int | None = None, owner: str = "") -> dict[str, Summary]:
    """Return the set of the records of each bucket that has any."""
    return summaries((one.bucket, one) for one in everything(log, until, owner))


def summaries(named: Iterable[tuple[str, Standing]]) -> dict[str, Summary]:
    """Return the set of the records under each name."""
    hashes: dict[str, SetHash] = {}
    counts: dict[str, int] = {}
    latest: dict[str, int] = {}
    for name, one in named:
        hashes.setdefault(name, SetHash()).add(one.member())
        counts[name] = counts.get(name, 0) + 1
        latest[name] = max(latest.get(name, 0), one.sequence)
    return {name: Summary(counts[name], hashes[name].hexdigest(), latest[name]) for name in sorted(hashes)}


# --- what is known of changes that come ------------------------------------------------------------------------------


def told_already(log: Log, numbers: Iterable[tuple[str, int]]) -> dict[tuple[str, int], str]:
    """Return the statements that are known under owners and their numbers."""
    key = sa.tuple_(statements.c.hub, statements.c.hub_sequence)
    query = sa.select(statements.c.hub, statements.c.hub_sequence, statements.c.statement)
    with log.engine.connect() as db:
        rows = db.execute(query.where(key.in_(sorted(set(numbers)))))
        return {(str(hub), int(number)): str(text) for hub, number, text in rows}


def latest_of(log: Log, keys: Iterable[tuple[str, str]]) -> dict[tuple[str, str], int]:
    """Return the owner's number of the last change that is known of each (source, accession) as they are named here."""
    signed = sa.join(versions, statements, versions.c.sequence == statements.c.sequence)
    key = sa.tuple_(versions.c.source, versions.c.accession)
    last = sa.func.max(statements.c.hub_sequence)
    query = sa.select(versions.c.source, versions.c.accession, last).select_from(signed)
    grouped = query.where(key.in_(sorted(set(keys)))).group_by(versions.c.source, versions.c.accession)
    with log.engine.connect() as db:
        return {(str(source), str(accession)): int(number) for source, accession, number in db.execute(grouped)}
