"""The records as hubs pass them on, each with what its owner signed, and the list of their hashes.

A mirror begins with the first: its lines are changes as ``/changes`` tells them (:mod:`hub.peers.wire`), the last one
of each record, in the order of the log.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, Final

from hub.config import Settings
from hub.dumps.layout import HASHES, RECORDS, File
from hub.dumps.tally import Tally
from hub.dumps.writing import Lines, Sorter, described, lines_of
from hub.log import Log
from hub.peers import standing, wire
from hub.peers.standing import Standing

Progress = Callable[[int], object]
AT_ONCE: Final = 200
COLUMNS: Final = ("hub", "source", "accession", "state", "sha256", "sequence")
"""Of the list of hashes, which has no header: owner, its source, accession, state, hash, number in the owner's log."""


def write(
    log: Log, settings: Settings, until: int, target: Path, progress: Progress = lambda _: None
) -> tuple[list[File], Tally]:
    """Write the last signed change of every record and the list of hashes; return the files and the count.

    Args:
        log: the catalogue.
        settings: for the base IRI, and the hub's name, which becomes the last hop.
        until: the last change that counts.
        target: folder of the dump that is made.
        progress: told how many records were written, part by part.
    """
    tally = Tally()
    with Sorter(target) as hashes, Lines(target / RECORDS) as records, Lines(target / HASHES) as listed:
        for part in _parts(standing.everything(log, until)):
            for version in log.versions_numbered(one.number for one in part):
                told = wire.to_json(wire.of_version(settings.base_iri, version), settings.hub_name)
                records.add(json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode())
            for one in part:
                tally.add(one)
            hashes.add(line_of(one) for one in part)
            progress(len(part))
        for line in hashes.sorted():
            listed.add(line)
    made = [
        described(records.path, "records", "Records with their owners' signed statements (JSON Lines)", records.rows),
        described(listed.path, "hashes", "Hash of every record (tab-separated)", listed.rows),
    ]
    return made, tally


def _parts(every: Iterable[Standing]) -> Iterator[list[Standing]]:
    rest = iter(every)
    while part := list(islice(rest, AT_ONCE)):
        yield part


def line_of(one: Standing) -> bytes:
    """Return a record's line in the list of hashes."""
    return "\t".join((one.hub, one.source, one.accession, one.state, one.sha256, str(one.sequence))).encode()


def read(file: Path) -> Iterator[Any]:
    """Yield the changes of a file of records as JSON, in bounded memory.

    Raises:
        ValueError: the file is damaged.
    """
    with file.open("rb") as stream:
        for line in lines_of(stream):
            yield json.loads(line)
