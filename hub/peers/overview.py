"""How this hub stands with its peers: what it holds of whom, by which way it came, what was refused, who disagrees."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import asdict
from typing import Any

import sqlalchemy as sa

from hub.config import Settings
from hub.findings import Filter, Findings
from hub.log import Log, statements
from hub.peers.standing import by_owner
from hub.peers.trust import Trust
from hub.routes import OWNERS_RULE

LISTED = 50
CURSOR, SEQUENCE, SEEN, AGREED, ERROR = "cursor", "sequence", "seen", "agreed", "error"


def place(peer: str) -> str:
    """Return the name under which runs and memory of a peer are kept.

    >>> place("eu")
    'peer:eu'
    """
    return f"peer:{peer}"


def mirror_runs(settings: Settings) -> dict[str, dict[str, Any] | None]:
    """Return the last run of every peer that is mirrored by timetable, by its name in the log."""
    with closing(Log(settings.database)) as log:
        runs = log.last_runs()
    return {place(name): runs.get(place(name)) for name in settings.mirror_schedules}


def overview(log: Log, settings: Settings, until: int | None = None) -> dict[str, Any]:
    """Return how this hub and its peers stand, as JSON values.

    Args:
        log: the catalogue.
        settings: for the hub's name and its peers.
        until: the last change that readers can see; every one when None.
    """
    trust = Trust(log, settings)
    keys, runs = trust.keys(), log.last_runs()
    return {
        "name": settings.hub_name,
        "base": settings.base_iri,
        "key": keys[settings.hub_name],
        "sequence": log.last_sequence() if until is None else until,
        "policy": settings.mirror_policy,
        "owners": [
            {"name": hub, "key": keys.get(hub, ""), **asdict(held), "ways": ways}
            for (hub, held), ways in _with_ways(log, by_owner(log, until))
        ],
        "peers": [_peer(log, settings, name, runs.get(place(name))) for name in sorted(settings.peers)],
        "refused": [_refusal(one) for one in trust.refused()],
        "disagreements": _disagreements(log),
    }


def _with_ways(log: Log, owners: dict[str, Any]) -> list[tuple[tuple[str, Any], list[dict[str, Any]]]]:
    """Return each owner with the ways by which its changes came."""
    way = (statements.c.hub, statements.c.hops)
    query = sa.select(*way, sa.func.count()).group_by(*way)
    ways: dict[str, list[dict[str, Any]]] = {}
    with log.engine.connect() as db:
        for hub, hops, count in db.execute(query.order_by(*way)):
            ways.setdefault(hub, []).append({"hops": json.loads(hops), "changes": int(count)})
    return [(owner, ways.get(owner[0], [])) for owner in owners.items()]


def _peer(log: Log, settings: Settings, name: str, run: dict[str, Any] | None) -> dict[str, Any]:
    peer, known = settings.peers[name], log.memory(place(name))
    return {
        "name": name,
        "url": peer.url,
        "schedule": settings.mirror_schedules.get(name),
        "cursor": int(known.get(CURSOR, 0)),
        "sequence": int(known.get(SEQUENCE, 0)),
        "seen": known.get(SEEN),
        "agreed": json.loads(known.get(AGREED, "null")),
        "error": known.get(ERROR) or None,
        "last_run": run,
    }


def _refusal(one: Any) -> dict[str, Any]:
    return {name: value for name, value in asdict(one).items() if name != "evidence"}


def _disagreements(log: Log) -> list[dict[str, Any]]:
    """Return the datasets of which two owners have a record; at most 50."""
    found = Findings(log).every(Filter(rule=OWNERS_RULE, state="open"))
    told: dict[str, dict[str, Any]] = {}
    for row in found:
        told.setdefault(row.dataset, {"dataset": row.dataset, "source": row.source, "message": row.message})
        if len(told) >= LISTED:
            break
    return list(told.values())
