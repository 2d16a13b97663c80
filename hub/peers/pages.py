"""Pages of the log as hubs read them from each other, and the comparison by buckets: what is sent."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from hub.feeds.journal import Journal
from hub.log import Log, Version
from hub.peers import standing, wire

# A page ends when it has so many characters of records, or so many changes; it has at least one change.
PAGE_CHARS = 8 << 20
LIMIT, MAX_LIMIT = 500, 1000
READ = 50


def changes(log: Log, base: str, hub: str, until: int, since: int, limit: int, owners: set[str]) -> dict[str, Any]:
    """Return a page of changes after a number of the log.

    Args:
        log: the catalogue.
        base: the base IRI.
        hub: name of this hub, which becomes the last hop.
        until: the last change that readers can see.
        since: the number after which to begin.
        limit: how many changes at most.
        owners: only changes of these hubs' records; of all when empty.
    """
    journal, told, at, size = Journal(log, until), list[dict[str, Any]](), since, 0
    while len(told) < limit and size < PAGE_CHARS:
        part = journal.since(at, min(READ, limit - len(told)))
        if not part:
            at = max(at, until)
            break
        for version in part:
            at = version.sequence
            if _is_told(version, owners):
                told.append(wire.to_json(wire.of_version(base, version), hub))
                size += len(version.record or "")
            if size >= PAGE_CHARS:
                break
    return {"hub": hub, "since": since, "next": at, "last": until, "complete": at >= until, "changes": told}


def _is_told(version: Version, owners: set[str]) -> bool:
    signed = version.signed
    return signed is not None and len(signed.hops) < wire.MAX_HOPS and (not owners or signed.hub in owners)


def buckets(log: Log, until: int, owner: str) -> dict[str, Any]:
    """Return the set of each bucket's records."""
    found = standing.by_bucket(log, until, owner)
    return {"sequence": until, "buckets": {name: asdict(one) for name, one in found.items()}}


def bucket(log: Log, until: int, owner: str, names: set[str]) -> dict[str, Any]:
    """Return the records of some buckets."""
    found = [asdict(one) for one in standing.everything(log, until, owner) if one.bucket in names]
    return {"sequence": until, "records": found}
