"""The newest dump of a peer: where a mirror starts, so that it need not read years of the log."""

from __future__ import annotations

import hashlib
import io
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import zstandard

from hub.errors import PeerError
from hub.peers import documents

MANIFEST, RECORDS = "manifest.json", "records.jsonl.zst"
# A line is one record; the longest that is known, a screen of a whole genome, has 30 MB.
MAX_LINE = 256 << 20


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a dump says of itself: whose it is, of which change, and the SHA-256 of its records' file."""

    hub: str
    base: str
    sequence: int
    records_sha256: str


def name_of(listed: Any) -> str:
    """Return the name of a dump as a hub lists it; ValueError when it is none."""
    name = str(listed["name"])
    if not re.fullmatch(r"\d{1,12}(\.\d{1,4})?", name):
        raise ValueError(f"name: {name[:40]!r} is no name of a dump")
    return name


def manifest(told: Any, key: str) -> Manifest:
    """Return what a manifest says.

    Raises:
        PeerError: it is none, or not signed by the key.
    """
    if not isinstance(told, dict) or not documents.is_genuine(told, key):
        raise PeerError(f"{MANIFEST} of the dump is not signed by its hub's key")
    try:
        digests = {file["name"]: file["sha256"] for file in told["files"]}
        return Manifest(str(told["hub"]), str(told["base"]), int(told["sequence"]), str(digests[RECORDS]))
    except (KeyError, TypeError, ValueError) as err:
        raise PeerError(f"{MANIFEST} of the dump cannot be read: {err!r}") from err


def lines(stream: BinaryIO) -> Iterator[Any]:
    """Yield what the lines of a compressed file of records hold.

    Raises:
        PeerError: it is damaged, or a line is longer than any record.
    """
    reader = io.BufferedReader(zstandard.ZstdDecompressor().stream_reader(stream, read_across_frames=True))
    try:
        while line := reader.readline(MAX_LINE):
            yield json.loads(line)
    except (zstandard.ZstdError, ValueError, RecursionError) as err:
        raise PeerError(f"{RECORDS} of the dump is damaged: {err}") from err


def folder(path: Path) -> tuple[dict[str, Any], BinaryIO]:
    """Return the manifest of a dump in a folder, and its file of records.

    Raises:
        PeerError: there is none, or the file is not the one that the manifest names.
    """
    try:
        told = json.loads((path / MANIFEST).read_text(encoding="utf-8"))
        stream = (path / RECORDS).open("rb")
    except (OSError, ValueError) as err:
        raise PeerError(f"{path} is no folder of a dump with {MANIFEST} and {RECORDS}: {err}") from err
    found = manifest(told, str(told.get("key", "")) if isinstance(told, dict) else "")
    if hashlib.file_digest(stream, "sha256").hexdigest() != found.records_sha256:
        raise PeerError(f"{path / RECORDS} is not the file that {MANIFEST} names")
    stream.seek(0)
    return told, stream
