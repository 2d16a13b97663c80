"""Where dumps lie, and which of them may be had.

``dumps/000042/`` holds the files of the state at change 42 and ``manifest.json``; a second dump of the same change,
with other links, is ``000042.2``. Of dumps that had to make room, ``dumps/manifests/`` keeps the manifests, so that the
chain of them can be followed.
"""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa

from hub.config import Settings
from hub.errors import StoreError
from hub.log import Log, changes

MANIFEST: Final = "manifest.json"
MANIFESTS: Final = "manifests"
BUILDING: Final = ".building-"
RECORDS: Final = "records.jsonl.zst"
HASHES: Final = "records.tsv.zst"
STATEMENTS: Final = "statements.nq.zst"
STUDIES: Final = "studies.jsonl.zst"
ZSTD: Final = "application/zstd"
PARQUET: Final = "application/vnd.apache.parquet"
FILE_NAME: Final = re.compile(r"(?!\.{1,2}(/|$))[A-Za-z0-9._~-]+(/(?!\.{1,2}(/|$))[A-Za-z0-9._~-]+)*")
DUMP_NAME: Final = re.compile(r"\d{6,}(\.\d+)?")


@dataclass(frozen=True, slots=True)
class File:
    """One file of a dump.

    Attributes:
        name: of the file.
        kind: ``statements``, ``records``, ``hashes``, ``studies`` or ``table``.
        title: what is in it, for people.
        media_type: of the file as it is.
        bytes: its size.
        sha256: of the file as it is, in hexadecimal digits.
        rows: its lines, or rows.
    """

    name: str
    kind: str
    title: str
    media_type: str
    bytes: int
    sha256: str
    rows: int


@dataclass(frozen=True, slots=True)
class Dump:
    """One dump that stands.

    Attributes:
        path: its folder.
        manifest: what its manifest says.
        files: its files, without the manifest.
    """

    path: Path
    manifest: dict[str, Any]
    files: tuple[File, ...]

    @property
    def name(self) -> str:
        """Its name in addresses."""
        return self.path.name

    @property
    def sequence(self) -> int:
        """The log's sequence number that it is true of."""
        return int(self.manifest["sequence"])

    @property
    def bytes(self) -> int:
        """Size of all files, the manifest left out."""
        return sum(file.bytes for file in self.files)


def folder(settings: Settings) -> Path:
    """Return the folder of all dumps."""
    return settings.data_dir / "dumps"


def read(path: Path) -> Dump:
    """Return the dump in a folder.

    Raises:
        StoreError: there is none, or its manifest cannot be read.
    """
    try:
        manifest = json.loads((path / MANIFEST).read_text(encoding="utf-8"))
        return Dump(path, manifest, files_of(manifest))
    except (OSError, ValueError, TypeError, KeyError) as err:
        raise StoreError(f"{path} holds no dump: its {MANIFEST} cannot be read ({err})") from err


def files_of(manifest: dict[str, Any]) -> tuple[File, ...]:
    """Return the files that a manifest lists.

    Raises:
        ValueError: it lists none, or a file that cannot be one; TypeError, KeyError likewise.
    """
    return tuple(_file(**told) for told in manifest["files"])


def _file(name: Any, bytes: Any, sha256: Any, rows: Any, **texts: Any) -> File:
    numbers = all(isinstance(number, int) and number >= 0 for number in (bytes, rows))
    if not numbers or not all(isinstance(text, str) for text in (name, sha256, *texts.values())):
        raise ValueError(f"files: {str(name)[:80]!r} is not described as a file is")
    if not FILE_NAME.fullmatch(name):
        raise ValueError(f"files: {name[:80]!r} is no name of a file")
    return File(name=name, bytes=bytes, sha256=sha256, rows=rows, **texts)


def told(file: File) -> dict[str, Any]:
    """Return a file as the manifest lists it."""
    return asdict(file)


def standing(place: Path) -> list[Dump]:
    """Return the dumps in the folder of all dumps, the oldest first; what is no whole dump is left out."""
    found = []
    names = [path for path in place.iterdir() if DUMP_NAME.fullmatch(path.name)] if place.is_dir() else []
    for path in sorted(names, key=_order):
        try:
            found.append(read(path))
        except StoreError:
            continue
    return found


def _order(path: Path) -> tuple[int, int]:
    sequence, _, counter = path.name.partition(".")
    return int(sequence), int(counter or 1)


def last_redaction(log: Log) -> int:
    """Return the number of the last change that erased something, 0 when there is none."""
    query = sa.select(sa.func.max(changes.c.sequence)).where(changes.c.action == "redact")
    with log.engine.connect() as db:
        return int(db.scalar(query) or 0)


def offered(settings: Settings, log: Log) -> list[Dump]:
    """Return the dumps that may be had, the oldest first: none that was made before something was erased."""
    least = last_redaction(log)
    return [dump for dump in standing(folder(settings)) if dump.sequence >= least]


def newest(place: Path) -> Dump | None:
    """Return the newest dump in the folder of all dumps, or None."""
    return next(reversed(standing(place)), None)


def free_name(place: Path, sequence: int) -> Path:
    """Return a folder for a new dump of a change."""
    names = [f"{sequence:06d}", *(f"{sequence:06d}.{n}" for n in range(2, 10_000))]
    used = {path.name for path in place.iterdir()} | {path.stem for path in (place / MANIFESTS).glob("*.json")}
    return next(place / name for name in names if name not in used)


def drop(dump: Dump) -> None:
    """Remove a dump, but keep its manifest: first of all that, so that a crash loses no link of the chain."""
    kept = dump.path.parent / MANIFESTS
    kept.mkdir(exist_ok=True)
    shutil.copyfile(dump.path / MANIFEST, kept / f"{dump.name}.json")
    gone = dump.path.with_name(f"{BUILDING}gone-{dump.name}")
    dump.path.rename(gone)
    shutil.rmtree(gone, ignore_errors=True)


def drop_stale(settings: Settings, log: Log) -> list[str]:
    """Remove every dump that was made before something was erased, and return their names."""
    least = last_redaction(log)
    stale = [dump for dump in standing(folder(settings)) if dump.sequence < least]
    for dump in stale:
        drop(dump)
    return [dump.name for dump in stale]
