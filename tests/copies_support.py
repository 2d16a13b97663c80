"""A catalogue with datasets that name files on given hosts, without a harvest."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from harvesters.http import Manners
from hub import records
from hub.config import Settings
from hub.copies.hosts import Host
from hub.log import Batch, Log, RecordRow
from linkml_schemas.generated.model import Archive, Dataset, Distribution
from tests.support import BASE

ARCHIVE = Archive(id=f"{BASE}archive/bia", name="BioImage Archive", url="https://archive.example.org/")
MANNERS = Manners(interval_s=0.0, timeout_s=10.0, retries=2, max_wait_s=0.0)


def settings_of(folder: Path, *urls: str, **more: Any) -> Settings:
    """Return the settings of a hub whose hosts ``m1``, ``m2`` … are on loopback and mirror the first of them."""
    hosts = {
        f"m{number}": Host(
            f"m{number}", "http", url, priority=number, is_private=True, replaces=urls[0] if number > 1 else ""
        )
        for number, url in enumerate(urls, 1)
    }
    return Settings(**{"data_dir": folder / "data", "base_iri": BASE, "hosts": hosts, **more})


def dataset_of(accession: str, files: list[dict[str, Any]]) -> Dataset:
    """Return a record that names files by ``content_url`` and more."""
    iri = f"{BASE}dataset/bia/{accession}"
    items = [Distribution(id=f"{iri}#f{number}", **file) for number, file in enumerate(files)]
    about = {"id": iri, "accession": accession, "name": "Cells", "archive": ARCHIVE, "url": f"{ARCHIVE.url}{accession}"}
    return Dataset(**about, distribution=items)


def put(settings: Settings, *datasets: Dataset, state: str = "active", action: str = "create") -> None:
    """Write records to the log of a hub."""
    log = Log(settings.database)
    try:
        log.commit(Batch(records=[(action, _row(one, state)) for one in datasets]), 1)
    finally:
        log.close()


def _row(record: Dataset, state: str) -> RecordRow:
    return RecordRow(
        source="bia",
        accession=str(record.accession),
        iri=str(record.id),
        state=state,
        title="Cells",
        record=records.to_json(record),
        findings="[]",
        withdrawal=None,
        payload_sha256="0" * 64,
        source_url=None,
        harvester="test/1",
        first_seen="2026-01-01T00:00:00Z",
        changed="2026-01-01T00:00:00Z",
        run=1,
    )
