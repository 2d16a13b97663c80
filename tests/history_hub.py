"""A small hub whose datasets changed: what was published, change by change, with times of its own."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from harvesters.contract import Source
from hub import snapshots
from hub.config import Settings
from hub.ingest import harvest
from hub.log import Log, publications
from tests.support import DEMO, demo_settings

CHANGED = "/dataset/bia/S-BIAD824"
FILE = "S-BIAD824-ro-crate-metadata.json"
BY_NC = "https://creativecommons.org/licenses/by-nc/4.0/"
CC0 = "https://creativecommons.org/publicdomain/zero/1.0/"
TIMES = ("2026-01-01T10:00:00Z", "2026-02-01T10:00:00Z", "2026-03-01T10:00:00Z", "2026-04-01T10:00:00Z")


def built(folder: Path, **more: Any) -> Settings:
    """Return the settings of a hub that published four times: new, changed, described by a second source, withdrawn."""
    settings = demo_settings(folder, ("bia", "idr"), deletion_guard=1.0, **more)
    (folder / "second").mkdir()
    _harvest(settings, 0)
    _rewrite(folder / "bia", license=BY_NC, name="Another title")
    _harvest(settings, 1)
    shutil.copy(DEMO / "bia" / FILE, folder / "second")
    _rewrite(folder / "second", name="A third title")
    second = Source(name="second", harvester="crates", archive="other-archive", url=str(folder / "second"))
    settings = replace(settings, sources={**settings.sources, "second": second})
    _harvest(settings, 2)
    (folder / "bia" / FILE).unlink()
    (folder / "second" / FILE).unlink()
    _harvest(settings, 3)
    return settings


def _rewrite(folder: Path, **values: str) -> None:
    path = folder / FILE
    told = json.loads(path.read_text(encoding="utf-8"))
    root = next(node for node in told["@graph"] if "Dataset" in node["@type"])
    root.update(values)
    path.write_text(json.dumps(told), encoding="utf-8")


def _harvest(settings: Settings, number: int) -> None:
    """Harvest and publish, and date the publication."""
    outcomes = harvest(settings, list(settings.sources), confirm=True)
    assert all(outcome.error is None for outcome in outcomes)
    snapshot = snapshots.current(settings.snapshots_dir)
    told = json.loads((snapshot.path / "manifest.json").read_text(encoding="utf-8"))
    (snapshot.path / "manifest.json").write_text(json.dumps({**told, "created": TIMES[number]}), encoding="utf-8")
    log = Log(settings.database)
    with log.engine.begin() as db:
        wanted = publications.c.sequence == snapshot.sequence
        db.execute(sa.update(publications).where(wanted).values(at=TIMES[number]))
    log.close()
