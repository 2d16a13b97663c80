"""Do two hubs hold the same: compared by owner, then by bucket, then record by record."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from hub import snapshots
from hub.config import Peer, Settings
from hub.log import Log
from hub.peers import client, dump, standing, wire
from hub.peers.client import PeerClient
from hub.peers.standing import Key, Standing, Summary

MAX_LISTED = 1000


class Side(Protocol):
    """One of the two that are compared.

    Attributes:
        title: what people call it.
        sequence: number of its log that it is compared at.
        owners: what it holds of each owner.
    """

    title: str
    sequence: int
    owners: dict[str, Summary]

    def buckets(self, owner: str) -> dict[str, Summary]:
        """Return the set of each bucket of an owner's records."""

    def records(self, owner: str, names: Iterable[str]) -> Iterable[Standing]:
        """Return the records in some buckets."""


class Catalogue:
    """What this hub publishes."""

    def __init__(self, log: Log, settings: Settings) -> None:
        published = snapshots.current_or_none(settings.snapshots_dir)
        self.log, self.title = log, settings.hub_name
        self.sequence = published.sequence if published else 0
        self.owners = standing.by_owner(log, self.sequence)

    def buckets(self, owner: str) -> dict[str, Summary]:
        """Return the set of each bucket of an owner's records."""
        return standing.by_bucket(self.log, self.sequence, owner)

    def records(self, owner: str, names: Iterable[str]) -> Iterable[Standing]:
        """Return the records in some buckets."""
        wanted = set(names)
        return [one for one in standing.everything(self.log, self.sequence, owner) if one.bucket in wanted]


class Remote:
    """A hub that is served."""

    def __init__(self, peer: PeerClient) -> None:
        said, _ = peer.hello()
        self.title, self.sequence = said.name, said.sequence
        self.owners = {hub: owner.held for hub, owner in said.owners.items()}
        self.buckets, self.records = peer.buckets, peer.records


class Dump:
    """A dump in a folder: its records' own statements, not what its manifest says of them."""

    def __init__(self, path: Path) -> None:
        told, stream = dump.folder(path)
        self.title, self.sequence = str(path), int(told["sequence"])
        with stream:
            self._records = [_standing(wire.from_json(line)) for line in dump.lines(stream)]
        self.owners = standing.summaries((one.hub, one) for one in self._records)

    def buckets(self, owner: str) -> dict[str, Summary]:
        """Return the set of each bucket of an owner's records."""
        return standing.summaries((one.bucket, one) for one in self._records if one.hub == owner)

    def records(self, owner: str, names: Iterable[str]) -> Iterable[Standing]:
        """Return the records in some buckets."""
        wanted = set(names)
        return [one for one in self._records if one.hub == owner and one.bucket in wanted]


def _standing(change: wire.Change) -> Standing:
    said = change.statement
    name = (said.hub, said.source, said.accession)
    return Standing(*name, said.state, said.sha256, said.sequence, change.number)


@dataclass(frozen=True, slots=True)
class Difference:
    """A record that is not the same on both sides.

    Attributes:
        owner: name of the hub that owns it.
        source: the source's name at the owner.
        accession: its accession.
        what: how it differs.
    """

    owner: str
    source: str
    accession: str
    what: str


@dataclass(slots=True)
class Verdict:
    """What a comparison came to.

    Attributes:
        one: title and number of the first side.
        other: title and number of the second side.
        owners: by owner how many records both hold where they hold the same, else None.
        differences: the first thousand records that differ.
        count: how many records differ.
    """

    one: tuple[str, int]
    other: tuple[str, int]
    owners: dict[str, int | None] = field(default_factory=dict)
    differences: list[Difference] = field(default_factory=list)
    count: int = 0

    @property
    def is_identical(self) -> bool:
        """Whether both hold the same records, in the same states."""
        return None not in self.owners.values()

    def text(self) -> str:
        """Return the verdict in one sentence."""
        if not self.is_identical:
            return f"{self.count:,} records of {self.other[0]} and {self.one[0]} differ"
        here = "" if self.one[1] == self.other[1] else f" ({self.one[0]} at {self.one[1]:,})"
        return f"identical at {self.other[1]:,}{here}"


def compare(one: Side, other: Side, owners: Iterable[str] = ()) -> Verdict:
    """Compare two sides.

    Args:
        one: the side that is called here in the differences.
        other: the side that is called there.
        owners: only records of these hubs; of all when empty.
    """
    found = Verdict((one.title, one.sequence), (other.title, other.sequence))
    for owner in sorted(set(owners) or one.owners.keys() | other.owners.keys()):
        mine, theirs = one.owners.get(owner), other.owners.get(owner)
        if (mine and (mine.records, mine.sha256)) == (theirs and (theirs.records, theirs.sha256)):
            found.owners[owner] = mine.records if mine else 0
            continue
        found.owners[owner] = None
        _compare_owner(found, one, other, owner)
    return found


def _compare_owner(found: Verdict, one: Side, other: Side, owner: str) -> None:
    mine, theirs = one.buckets(owner), other.buckets(owner)
    names = {name for name in mine.keys() | theirs.keys() if _sha256(mine, name) != _sha256(theirs, name)}
    here = {record.key: record for record in one.records(owner, names)}
    there = {record.key: record for record in other.records(owner, names)}
    for key in sorted(here.keys() | there.keys()):
        if what := _difference(key, here, there):
            found.count += 1
            if len(found.differences) < MAX_LISTED:
                found.differences.append(Difference(*key, what))


def _sha256(sets: dict[str, Summary], name: str) -> str:
    return sets[name].sha256 if name in sets else ""


def _difference(key: Key, here: dict[Key, Standing], there: dict[Key, Standing]) -> str:
    mine, theirs = here.get(key), there.get(key)
    if mine is None or theirs is None:
        return "only there" if mine is None else "only here"
    if mine.sequence != theirs.sequence:
        return f"change {mine.sequence} ({mine.state}) here, change {theirs.sequence} ({theirs.state}) there"
    if (mine.state, mine.sha256) == (theirs.state, theirs.sha256):
        return ""
    return f"{mine.state} {mine.sha256[:12]} here, {theirs.state} {theirs.sha256[:12]} there, by one change"


def verify(settings: Settings, what: list[str], owners: Iterable[str] = ()) -> Verdict:
    """Compare this hub with another one, or two others with each other.

    Args:
        settings: the hub's settings.
        what: name or address of a peer, any address of a hub, or the folder of a dump; one or two of these.
        owners: only records of these hubs; of all when empty.

    Raises:
        PeerError: one of them cannot be read.
    """
    with closing(Log(settings.database)) as log:
        sides = [_side(settings, one) for one in what]
        one: Side = Catalogue(log, settings) if len(sides) == 1 else sides[0]
        return compare(one, sides[-1], owners)


def _side(settings: Settings, what: str) -> Side:
    """Return a side; an address that a person types may be a private one."""
    url = settings.peers[what].url if what in settings.peers else what.rstrip("/")
    if url.startswith(("http://", "https://")):
        return Remote(PeerClient(url, client.session(settings, Peer("", url, is_private=True))))
    return Dump(Path(what))
