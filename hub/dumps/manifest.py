"""What a hub says of everything that it has published, signed: what there is of each owner, and in which files.

Two hubs that hold the same records of an owner tell the same set hash of it, whatever came to them in which order.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from hub.config import Settings
from hub.dumps import layout
from hub.dumps.layout import Dump, File
from hub.dumps.tally import Tally
from hub.dumps.writing import sha256_of
from hub.log import Log
from hub.peers import documents, keys, standing
from hub.peers.trust import Trust
from hub.snapshots import Snapshot

FORMAT: Final = 1
STATE, DUMP, BUNDLE = "state", "dump", "bundle"


def tally(log: Log, until: int) -> Tally:
    """Count what the catalogue holds after a change."""
    counted = Tally()
    for one in standing.everything(log, until):
        counted.add(one)
    return counted


def signed(
    kind: str,
    log: Log,
    settings: Settings,
    snapshot: Snapshot,
    counted: Tally,
    files: Iterable[File] = (),
    **more: Any,
) -> dict[str, Any]:
    """Return the signed manifest of a snapshot.

    Args:
        kind: ``dump`` or ``bundle`` of its files, or ``state`` of what is served without any.
        log: the catalogue, for the keys of other hubs.
        settings: for the name and key of this hub.
        snapshot: what is published.
        counted: the records at the snapshot's change.
        files: that belong to it.
        more: further fields.
    """
    key = keys.own(settings.key_file)
    owners = counted.told(Trust(log, settings).keys())
    told = {
        "format": FORMAT,
        "kind": kind,
        "hub": settings.hub_name,
        "base": settings.base_iri,
        "key": key.public,
        "sequence": snapshot.sequence,
        "link_sequence": snapshot.link_sequence,
        "published": snapshot.created,
        "statements": snapshot.quads,
        "records": sum(owner["records"] for owner in owners.values()),
        "owners": owners,
        "files": [layout.told(file) for file in files],
        **more,
    }
    return documents.signed(told, key)


def text(told: dict[str, Any]) -> str:
    """Return a manifest as it is written."""
    return json.dumps(told, ensure_ascii=False, indent=1, sort_keys=True) + "\n"


def named(dump: Dump) -> dict[str, Any]:
    """Return how the next manifest names the one before it."""
    return {"name": dump.name, "sequence": dump.sequence, "sha256": sha256_of(dump.path / layout.MANIFEST)}


def kept(place: Path, name: str) -> Path:
    """Return where the manifest of a dump lies, or lay last, in the folder of all dumps."""
    whole = place / name / layout.MANIFEST
    return whole if whole.is_file() else place / layout.MANIFESTS / f"{name}.json"
