"""Reference data: downloaded, kept in ``raw/``, and written to one SQLite file per reference that readers open.

What stands is remembered in the catalogue (hash, address, time), so the files are views: `ensure` makes again from
``raw/`` what is missing or was made by an earlier reader. A file is written beside and renamed, so a reader sees the
old one or the new one, and never one that is broken, empty or (without ``confirm``) much smaller than what stands.
:mod:`harvesters.references.contract` tells how to add a kind.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import quote

from harvesters.contract import Attachment, RecordError, SourceError
from harvesters.http import Manners, PoliteSession, Validator
from harvesters.keep import Keep, chunks_of
from harvesters.references.contract import META, Format, Kind, Reference, Row, Table
from harvesters.references.kinds import KINDS
from harvesters.references.streams import expanded
from hub.config import Settings
from hub.errors import ConfigError
from hub.log import Log, now

logger = logging.getLogger(__name__)
BATCH_ROWS = 20_000


@dataclass(slots=True)
class Outcome:
    """What updating one reference came to.

    Attributes:
        name: the reference's name.
        state: ``new``, ``changed``, ``unchanged`` or ``failed``.
        version: what the data calls its version, or None.
        rows: number of rows by table.
        error: why what stood is kept, or None.
    """

    name: str
    state: str
    version: str | None = None
    rows: Mapping[str, int] | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """What the catalogue remembers of a reference: which bytes stand, from where, since when."""

    kind: str
    format: str
    url: str
    sha256: str
    size_bytes: int
    retrieved: str
    validators: Mapping[str, tuple[str | None, str | None, str]]


# --- settings ------------------------------------------------------------------------------------------------------


def kind_of(reference: Reference) -> tuple[Kind, Format]:
    """Return the kind and the format of a reference.

    Raises:
        ConfigError: there is none of that name.
    """
    where = f"[references.{reference.name}]"
    kind = KINDS.get(reference.kind)
    if kind is None:
        raise ConfigError(f"{where} kind: there is no kind {reference.kind!r}; there are {', '.join(sorted(KINDS))}")
    form = kind.formats.get(reference.format)
    if form is None:
        known = ", ".join(sorted(kind.formats))
        raise ConfigError(f"{where} format: {reference.kind} has no format {reference.format!r}; it has {known}")
    return kind, form


def named(settings: Settings, names: Iterable[str]) -> list[Reference]:
    """Return configured references by name, all of them when none is named.

    Raises:
        ConfigError: one is not configured.
    """
    known = settings.references
    chosen = list(names) or sorted(known)
    for name in chosen:
        if name not in known:
            there = ", ".join(sorted(known)) or "none"
            raise ConfigError(f"{name}: no such reference in the settings; there are {there}")
    return [known[name] for name in chosen]


# --- updating ------------------------------------------------------------------------------------------------------


def update(
    settings: Settings, log: Log, names: Iterable[str], manners: Manners, *, confirm: bool = False
) -> list[Outcome]:
    """Download references that changed, write their files anew, and return how each went; one failing stops no other.

    Args:
        settings: the hub's settings.
        log: the catalogue.
        names: names of references, all when empty.
        manners: how servers are asked.
        confirm: take the new one even if it has far fewer rows than what stands (more than ``deletion_guard`` fewer).

    Raises:
        ConfigError: an unknown name, kind or format.
    """
    chosen = named(settings, names)
    for reference in chosen:
        kind_of(reference)
    return [_Update(settings, log, reference, manners, confirm=confirm).execute() for reference in chosen]


class _Update:
    """One update of one reference."""

    def __init__(self, settings: Settings, log: Log, reference: Reference, manners: Manners, *, confirm: bool) -> None:
        self.settings = settings
        self.log = log
        self.reference = reference
        self.manners = manners
        self.guard = 1.0 if confirm else settings.deletion_guard
        self.kind, self.format = kind_of(reference)
        self.standing = standing(log, reference.name)
        self.keep = Keep(settings.raw_dir)

    def execute(self) -> Outcome:
        name = self.reference.name
        try:
            came, validators = self._fetch()
            found = Standing(
                self.reference.kind,
                self.reference.format,
                self.reference.url,
                came.sha256,
                came.size,
                now(),
                {url: (v.etag, v.last_modified, v.sha256) for url, v in validators.items()},
            )
            is_same = self.standing is not None and _same(found, self.standing)
            if not (is_same and is_ready(self.settings, self.reference, found)):
                self._write(found)
        except (SourceError, RecordError, ValueError, OSError, sqlite3.Error) as err:
            logger.warning("reference %s is not updated: %s", name, err)
            return Outcome(name, "failed", error=str(err))
        _remember(self.log, name, found)
        told = meta(self.settings, name)
        state = "new" if self.standing is None else "unchanged" if is_same else "changed"
        return Outcome(name, state, told.get("version"), json.loads(told["rows"]))

    def _fetch(self) -> tuple[Attachment, Mapping[str, Validator]]:
        if "://" not in self.reference.url:
            with Path(self.reference.url).open("rb") as stream:
                return self.keep.put(chunks_of(stream)), {}
        known = self.standing.validators if self.standing else {}
        told = {url: Validator(*values) for url, values in known.items()}
        with PoliteSession(
            self.manners, keep=self.keep, validators=told, memory=self._memory(), private=[self.reference.url]
        ) as http:
            return self.format.fetch(http, self.reference), http.validators

    def _memory(self) -> dict[str, str]:
        """Return what a format that asks about records' identifiers is told."""
        if self.format.identifiers is None:
            return {}
        found: set[str] = set()
        for row in self.log.all_records():
            if row.state == "active":
                found.update(self.format.identifiers(json.loads(row.record)))
        known = self.standing
        place = (self.reference.kind, self.reference.format, self.reference.url)
        stands = known is not None and (known.kind, known.format, known.url) == place
        return {"identifiers": json.dumps(sorted(found))} | ({"standing": known.sha256} if known and stands else {})

    def _write(self, found: Standing) -> None:
        main = self.kind.main(self.format)
        before = _rows_before(self.settings, self.reference)

        def accept(counts: Mapping[str, int]) -> None:
            if counts[main] < before * (1 - self.guard):
                raise ValueError(
                    f"it has {counts[main]} rows where {before} stand; if that is right, update it with --confirm"
                )

        build(self.settings, self.reference, found, accept)


def _rows_before(settings: Settings, reference: Reference) -> int:
    """Return the rows of the main table of what stands; 0 when it is of another kind or not there."""
    told = meta(settings, reference.name)
    counts: dict[str, int] = json.loads(told.get("rows", "{}"))
    kind, form = kind_of(reference)
    return counts.get(kind.main(form), 0) if told.get("reader") == _reader(kind) else 0


# --- what stands ---------------------------------------------------------------------------------------------------


def standing(log: Log, name: str) -> Standing | None:
    """Return what the catalogue remembers of a reference, or None when it was never updated."""
    told = log.memory(_memory_of(name)).get("standing")
    return Standing(**json.loads(told)) if told else None


def _memory_of(name: str) -> str:
    """Return a name that no source can have."""
    return f"reference:{name}"


def _remember(log: Log, name: str, found: Standing) -> None:
    log.remember(_memory_of(name), {"standing": json.dumps(asdict(found))})


def _same(one: Standing, other: Standing) -> bool:
    return (one.kind, one.format, one.url, one.sha256) == (other.kind, other.format, other.url, other.sha256)


def is_ready(settings: Settings, reference: Reference, found: Standing) -> bool:
    """Tell whether the file of a reference was made of these bytes, by today's reader and settings."""
    told = meta(settings, reference.name)
    kind, _ = kind_of(reference)
    wanted = (found.sha256, reference.format, _reader(kind), _options(reference))
    return (told.get("sha256"), told.get("format"), told.get("reader"), told.get("options")) == wanted


def ensure(settings: Settings, log: Log, *, anew: bool = False) -> list[str]:
    """Make the files that are missing, or were made by an earlier reader, from what is kept; return their names.

    Args:
        settings: the hub's settings.
        log: the catalogue.
        anew: make all again.

    A file that cannot be made (its bytes are lost) is told in the log of the program, and readers do without it.
    """
    made = []
    for reference in settings.references.values():
        found = standing(log, reference.name)
        if found is None or (found.kind, found.format) != (reference.kind, reference.format):
            continue
        if anew or not is_ready(settings, reference, found):
            try:
                build(settings, reference, found)
                made.append(reference.name)
            except (RecordError, ValueError, OSError, sqlite3.Error) as err:
                logger.warning("reference %s cannot be made again, update it: %s", reference.name, err)
    return made


def problems(settings: Settings, log: Log) -> Iterator[str]:
    """Yield what is wrong with the kept bytes and the files of references, one sentence each."""
    for reference in settings.references.values():
        kind_of(reference)
        found = standing(log, reference.name)
        if found is None:
            continue
        if not Keep(settings.raw_dir).is_sound(found.sha256):
            yield f"reference {reference.name}: {found.sha256} is missing or damaged: run `hub references update`"
        elif not is_ready(settings, reference, found):
            yield f"reference {reference.name}: its file is not made of what is kept: run `hub rebuild`"


def overview(settings: Settings, log: Log) -> list[dict[str, Any]]:
    """Return each configured reference with its kind, format, address, and what stands of it."""
    return [_told(settings, log, reference) for reference in named(settings, ())]


def _told(settings: Settings, log: Log, reference: Reference) -> dict[str, Any]:
    found, told = standing(log, reference.name), meta(settings, reference.name)
    return {
        "name": reference.name,
        "kind": reference.kind,
        "format": reference.format,
        "url": reference.url,
        "version": told.get("version"),
        "licence": reference.options.get("licence", told.get("licence")),
        "retrieved": found.retrieved if found else None,
        "sha256": found.sha256 if found else None,
        "size_bytes": found.size_bytes if found else None,
        "rows": json.loads(told["rows"]) if found and "rows" in told else None,
    }


# --- files ---------------------------------------------------------------------------------------------------------


def path_of(settings: Settings, name: str) -> Path:
    """Return where the file of a reference lies."""
    return settings.data_dir / "references" / f"{name}.sqlite"


def open_file(path: Path) -> sqlite3.Connection:
    """Open the file of a reference for reading; it never changes, a newer one takes its name."""
    return sqlite3.connect(f"file:{quote(str(path))}?mode=ro&immutable=1", uri=True, check_same_thread=False)


def connect(settings: Settings, name: str) -> sqlite3.Connection | None:
    """Open the file of a configured reference for reading; None when it is not there or of an earlier reader."""
    reference = settings.references.get(name)
    told = meta(settings, name) if reference else {}
    if reference is None or told.get("reader") != _reader(kind_of(reference)[0]):
        return None
    return open_file(path_of(settings, name))


def of_kind(settings: Settings, kind: str) -> Iterator[tuple[str, sqlite3.Connection]]:
    """Yield name and connection of every reference of a kind that can be read, in the order of the settings."""
    for name, reference in settings.references.items():
        if reference.kind == kind and (connection := connect(settings, name)) is not None:
            yield name, connection


def meta(settings: Settings, name: str) -> dict[str, str]:
    """Return what the file of a reference says of itself (version, licence, sha256, rows …); empty when unreadable."""
    path = path_of(settings, name)
    if not path.is_file():
        return {}
    try:
        with closing(open_file(path)) as db:
            return dict(db.execute(f"SELECT name, value FROM {META}"))
    except sqlite3.Error:
        return {}


def build(
    settings: Settings, reference: Reference, found: Standing, accept: Any = lambda counts: None
) -> Mapping[str, int]:
    """Write the file of a reference from its kept bytes, in one step, and return its rows by table.

    Args:
        settings: the hub's settings.
        reference: which one.
        found: which bytes.
        accept: given the rows by table, raises ValueError when the file is not to be used.

    Raises:
        ValueError: the bytes cannot be read, or hold nothing.
        RecordError: the bytes are not kept.
    """
    kind, form = kind_of(reference)
    target = path_of(settings, reference.name)
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".building-{reference.name}-{os.getpid()}")
    part.unlink(missing_ok=True)
    try:
        with Keep(settings.raw_dir).open(found.sha256) as raw:
            counts = write_tables(part, kind, form.read(expanded(raw), reference), _facts(reference, found, kind))
        if not counts[kind.main(form)]:
            raise ValueError(f"what is at {reference.url} holds no {kind.main(form)}")
        accept(counts)
        _sync(part)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
    return counts


def write_tables(path: Path | str, kind: Kind, rows: Iterable[Row], facts: Mapping[str, str]) -> Mapping[str, int]:
    """Write rows into a new SQLite file (or ``:memory:``) and return how many each table has."""
    with closing(sqlite3.connect(path)) as db:
        return fill(db, kind, rows, facts)


def fill(db: sqlite3.Connection, kind: Kind, rows: Iterable[Row], facts: Mapping[str, str]) -> Mapping[str, int]:
    """Make a kind's tables in a database and fill them; facts win over what the rows say in ``meta``."""
    tables = (Table(META, ("name TEXT PRIMARY KEY", "value TEXT")), *kind.tables)
    db.execute("PRAGMA journal_mode = OFF")
    db.execute("PRAGMA synchronous = OFF")
    db.execute("BEGIN")
    for table in tables:
        db.execute(f"CREATE TABLE {table.name} ({', '.join(table.columns)})")
    db.executemany(_insertion(tables[0]), facts.items())
    inserts = {table.name: _insertion(table) for table in tables}
    for batch in _batches(rows):
        for name, values in batch.items():
            db.executemany(inserts[name], values)
    for table in tables:
        for number, columns in enumerate(table.indexes):
            db.execute(f"CREATE INDEX {table.name}_{number} ON {table.name} ({columns})")
    counts = {t.name: int(db.execute(f"SELECT count(*) FROM {t.name}").fetchone()[0]) for t in kind.tables}
    db.execute(f"INSERT OR REPLACE INTO {META} VALUES ('rows', ?)", (json.dumps(counts),))
    db.commit()
    return counts


def _insertion(table: Table) -> str:
    return f"INSERT OR IGNORE INTO {table.name} VALUES ({', '.join('?' * len(table.columns))})"


def _batches(rows: Iterable[Row]) -> Iterator[dict[str, list[tuple[Any, ...]]]]:
    waiting = iter(rows)
    while batch := list(islice(waiting, BATCH_ROWS)):
        by_table: dict[str, list[tuple[Any, ...]]] = {}
        for table, values in batch:
            by_table.setdefault(table, []).append(values)
        yield by_table


def _facts(reference: Reference, found: Standing, kind: Kind) -> dict[str, str]:
    return {
        "reader": _reader(kind),
        "format": reference.format,
        "options": _options(reference),
        "url": found.url,
        "sha256": found.sha256,
        "size_bytes": str(found.size_bytes),
        "retrieved": found.retrieved,
    }


def _reader(kind: Kind) -> str:
    return f"{kind.name}/{kind.version}"


def _options(reference: Reference) -> str:
    return json.dumps(dict(reference.options), sort_keys=True, default=str)


def _sync(path: Path) -> None:
    with path.open("rb") as stream:
        os.fsync(stream.fileno())


def remove_files(settings: Settings) -> None:
    """Remove the files of all references; `ensure` makes them again."""
    shutil.rmtree(settings.data_dir / "references", ignore_errors=True)
