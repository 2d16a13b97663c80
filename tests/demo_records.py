"""Every record of the bundled demonstration, harvested once for all test modules that want them."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path

from hub import config, records
from hub.cli import build_demo
from hub.ingest import harvest
from hub.log import Log
from linkml_schemas.generated.model import Archive, Dataset, Person

ARCHIVE = Archive(id="https://hub.example.org/archive/bia", name="BioImage Archive", url="https://archive.example.org/")


@cache
def demo() -> tuple[Dataset, ...]:
    """Return the active records of the demonstration, each as one source tells it."""
    with tempfile.TemporaryDirectory() as folder:
        settings = config.load(str(build_demo(Path(folder))), environ={})
        harvest(settings, list(settings.sources))
        log = Log(settings.database)
        found = tuple(records.from_json(row.record) for row in log.all_records() if row.state == "active")
        log.close()
        return found


def one(accession: str) -> Dataset:
    """Return the fullest record of a dataset of the demonstration."""
    return max((r for r in demo() if r.accession == accession), key=lambda r: len(records.to_json(r)))


def made(**said: object) -> Dataset:
    """Return a record that says no more than what is given, a name and where it is."""
    fields = {"id": "https://hub.example.org/dataset/bia/S-BIAD1", "accession": "S-BIAD1", "name": "Cells"}
    return Dataset(**{**fields, "archive": ARCHIVE, "url": "https://archive.example.org/S-BIAD1", **said})


def people(count: int) -> list[Person]:
    """Return so many invented people."""
    return [
        Person(id=f"https://hub.example.org/p/{n}", name=f"Ann Ex{n}", family_name=f"Ex{n}", given_name="Ann")
        for n in range(count)
    ]
