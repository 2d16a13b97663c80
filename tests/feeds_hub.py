"""A small hub with a history for tests of feeds: it was harvested, then one dataset changed and one went."""

from __future__ import annotations

import atexit
import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import sqlalchemy as sa

from harvesters.contract import Source
from hub.config import Settings
from hub.feeds.journal import Journal
from hub.ingest import harvest
from hub.log import Log, publications, versions
from tests.support import BASE, demo_settings

FIRST, SECOND = "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"


def build(folder: Path) -> Settings:
    """Return the settings of a hub with the history; readers could see the harvests on the first days of 2026."""
    shutil.copytree(_built(), folder, symlinks=True, dirs_exist_ok=True)
    source = Source(name="idr", harvester="crates", archive="idr", url=str(folder / "idr"))
    return Settings(
        data_dir=folder / "data", base_iri=BASE, sources={"idr": source}, query_workers=1, deletion_guard=1.0
    )


@cache
def _built() -> Path:
    """Return the folder of such a hub, which is built once."""
    folder = Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, folder)
    settings = demo_settings(folder, ("idr",), deletion_guard=1.0)
    harvest(settings, ["idr"])
    _date(settings, FIRST)
    rename(folder, 0, "Renamed once")
    remove(folder, 1)
    harvest(settings, ["idr"])
    _date(settings, SECOND)
    return folder


def _date(settings: Settings, at: str) -> None:
    """Let the last publication have been at a time."""
    log = Log(settings.database)
    last = publications.c.sequence == sa.select(sa.func.max(publications.c.sequence)).scalar_subquery()
    with log.engine.begin() as db:
        db.execute(sa.update(publications).where(last).values(at=at))
    log.close()


def _crates(folder: Path) -> list[Path]:
    return sorted((folder / "idr").glob("*.json"))


def rename(folder: Path, which: int, name: str) -> None:
    """Give a dataset of the archive another title."""
    file = _crates(folder)[which]
    crate = json.loads(file.read_text(encoding="utf-8"))
    next(node for node in crate["@graph"] if node["@type"] == "Dataset")["name"] = name
    file.write_text(json.dumps(crate), encoding="utf-8")


def remove(folder: Path, which: int) -> None:
    """Take a dataset out of the archive."""
    _crates(folder)[which].unlink()


@contextmanager
def reading(settings: Settings) -> Iterator[Journal]:
    """The whole log of a hub."""
    log = Log(settings.database)
    try:
        yield Journal(log, log.last_sequence())
    finally:
        log.close()


def erase(log: Log, sequence: int) -> None:
    """Erase the content of one version, as a redaction does."""
    with log.engine.begin() as db:
        gone = sa.update(versions).where(versions.c.sequence == sequence)
        db.execute(gone.values(content=None, state="redacted", title="erased"))
