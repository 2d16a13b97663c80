"""Which hubs' words are believed, and what was refused: the keys of hubs, and the evidence against those who lied.

A key is pinned in the settings, or was remembered when it was first told; it is never replaced by what a hub says
later. A hub that signed two changes under one number is believed nothing more until an operator says so.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from enum import StrEnum

import sqlalchemy as sa

from hub.config import Peer, Settings
from hub.log import Log, now
from hub.peers import keys

KEYS = "peers"  # name under which the catalogue remembers keys
MAX_MESSAGE = 500
MAX_KEPT = 64 * 1024
LISTED = 200

metadata = sa.MetaData()

refusals = sa.Table(
    "peer_refusals",
    metadata,
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("peer", sa.String, nullable=False, index=True),
    sa.Column("owner", sa.String, nullable=False),
    sa.Column("kind", sa.String, nullable=False),
    sa.Column("record", sa.String, nullable=False),
    sa.Column("message", sa.Text, nullable=False),
    sa.Column("evidence", sa.Text, nullable=False),
    sa.Column("first_seen", sa.String, nullable=False),
    sa.Column("last_seen", sa.String, nullable=False),
    sa.Column("times", sa.Integer, nullable=False),
    sa.Column("is_settled", sa.Boolean, nullable=False),
)


class Kind(StrEnum):
    """What a hub did that is not believed."""

    MALFORMED = "malformed"
    SIGNATURE = "bad-signature"
    HASH = "bad-hash"
    OWNER = "foreign-owner"
    UNFIT = "unfit"
    ROLLBACK = "rollback"
    FORK = "fork"


@dataclass(frozen=True, slots=True)
class Refusal:
    """Something of a peer that was not taken.

    Attributes:
        peer: name of the hub that passed it on; of a fork, the owner, who alone can have signed twice.
        owner: name of the hub that is said to own the record; "" where none is.
        kind: what was wrong.
        record: source and accession, or "".
        message: one sentence for people.
        evidence: JSON of what was told, for others to check.
        first_seen: ISO 8601 time at which it came first.
        last_seen: ISO 8601 time at which it came last.
        times: how often it came.
        is_settled: whether an operator has looked at it.
    """

    peer: str
    owner: str
    kind: str
    record: str
    message: str
    evidence: str
    first_seen: str = ""
    last_seen: str = ""
    times: int = 1
    is_settled: bool = False

    @property
    def id(self) -> str:
        """Return the same digits for the same fault of the same peer."""
        said = "\n".join((self.peer, self.owner, self.kind, self.record, self.evidence))
        return hashlib.sha256(said.encode()).hexdigest()[:32]


class Trust:
    """Keys and refusals of one catalogue.

    Args:
        log: the catalogue.
        settings: for this hub's own key, and the keys that are pinned.
    """

    def __init__(self, log: Log, settings: Settings) -> None:
        log.add_tables(metadata, "what was refused of peers")
        self.log, self.settings = log, settings
        self._remembered = log.memory(KEYS)
        self._own = {settings.hub_name: keys.own(settings.key_file).public}

    def keys(self) -> dict[str, str]:
        """Return the public key of every hub that is known, this one included, by its name."""
        pinned = {name: peer.key for name, peer in self.settings.peers.items() if peer.key}
        return {**self._remembered, **pinned, **self._own}

    def key_of(self, hub: str) -> str | None:
        """Return the public key of a hub, or None."""
        return self.keys().get(hub)

    def remember(self, hub: str, key: str) -> None:
        """Believe from now on that a hub has a key; a key that is known stands."""
        if hub not in self.keys():
            self.log.remember(KEYS, {hub: key})
            self._remembered[hub] = key

    def forget(self, hub: str) -> None:
        """Settle what was refused of a hub, so that it is believed again, with the key that stands in the settings."""
        of_hub = (refusals.c.peer == hub) | (refusals.c.owner == hub)
        with self.log.engine.begin() as db:
            db.execute(sa.update(refusals).where(of_hub).values(is_settled=True))

    def is_taken(self, owner: str, peer: Peer) -> bool:
        """Whether records of an owner are taken through a peer."""
        if peer.owners:
            return owner in peer.owners
        return owner == peer.name or owner in self.keys()

    def refuse(self, refusal: Refusal) -> None:
        """Keep what was refused, for the report and for others to check."""
        moment = now()
        told = {**asdict(refusal), "message": refusal.message[:MAX_MESSAGE], "evidence": refusal.evidence[:MAX_KEPT]}
        told |= {"first_seen": moment, "last_seen": moment, "times": 1, "is_settled": False}
        same = refusals.c.id == refusal.id
        again = {"last_seen": moment, "times": refusals.c.times + 1, "is_settled": False}
        with self.log.engine.begin() as db:
            if not db.execute(sa.update(refusals).where(same).values(**again)).rowcount:
                db.execute(sa.insert(refusals).values(id=refusal.id, **told))

    def refused(self, peer: str = "", *, settled: bool = False) -> list[Refusal]:
        """Return what was refused, the latest first; at most 200."""
        columns = [c for c in refusals.c if c.name != "id"]
        query = sa.select(*columns).where(sa.true() if settled else ~refusals.c.is_settled)
        if peer:
            query = query.where(refusals.c.peer == peer)
        with self.log.engine.connect() as db:
            rows = db.execute(query.order_by(refusals.c.last_seen.desc(), refusals.c.id).limit(LISTED))
            return [Refusal(**row._mapping) for row in rows]

    def forked(self) -> set[str]:
        """Return the hubs that signed two changes under one number."""
        which = (refusals.c.kind == Kind.FORK) & ~refusals.c.is_settled
        with self.log.engine.connect() as db:
            return {str(owner) for (owner,) in db.execute(sa.select(refusals.c.owner).where(which))}


def evidence(*parts: object) -> str:
    """Return what was told as JSON."""
    return json.dumps(parts, ensure_ascii=False, default=str)
