"""How the hub is: what is published, and how the last runs of its sources went."""

from __future__ import annotations

import json
from typing import Any

from hub import snapshots
from hub.config import Settings
from hub.log import Log


def overview(settings: Settings) -> dict[str, Any]:
    """Return the published snapshot, the number of records by state, and every source: its last run, its rejections."""
    log = Log(settings.database)
    try:
        runs = log.last_runs()
        counts, sequence = log.counts(), log.last_sequence()
        rejected = log.rejected()
    finally:
        log.close()
    snapshot = snapshots.current_or_none(settings.snapshots_dir)
    return {
        "snapshot": snapshots.manifest(snapshot) if snapshot else None,
        "sequence": sequence,
        "records": counts,
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
