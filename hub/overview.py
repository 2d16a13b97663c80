"""How the hub is: what is published, and how the last runs of its sources went."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from hub import review, snapshots
from hub.config import Settings
from hub.links.catalogue import Links
from hub.log import Log


def overview(settings: Settings) -> dict[str, Any]:
    """Return what is published, what is found in it, and how every source is.

    That is: the snapshot and how the saved questions went on it, the number of records by state, what each link rule
    found, and of every source its last run and its rejections.
    """
    log = Log(settings.database)
    try:
        runs = log.last_runs()
        counts, sequence = log.counts(), log.last_sequence()
        rejected = log.rejected()
        links = Links(log).counts()
    finally:
        log.close()
    snapshot = snapshots.current_or_none(settings.snapshots_dir)
    found = review.kept(snapshot) if snapshot else None
    return {
        "snapshot": snapshots.manifest(snapshot) if snapshot else None,
        "questions": asdict(found) if found else None,
        "sequence": sequence,
        "records": counts,
        "links": links,
        "sources": [
            {
                "name": name,
                "archive": source.archive,
                "harvester": source.harvester,
                "schedule": settings.schedules.get(name),
                "last_run": runs.get(name),
                "rejected": [{"entry": k, "reasons": json.loads(why)} for s, k, why in rejected if s == name],
            }
            for name, source in sorted(settings.sources.items())
        ],
    }
