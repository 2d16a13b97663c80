"""What the catalogue knows of files and their copies: tables of the same database as :mod:`hub.log`.

``data_files`` has each file that a standing record names, ``data_copies`` each copy of one by host, ``data_blobs`` what
lies in the hub's own stores, and ``data_holdings``, append-only, what peers are told of these.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeVar
from urllib.parse import unquote

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from hub import records
from hub.copies.files import Told, files_of
from hub.copies.hosts import ARCHIVE, Host
from hub.log import Log, RecordRow
from hub.log import records as record_rows

T = TypeVar("T")
metadata = sa.MetaData()
HEALTHY, UNKNOWN, MISSING, CORRUPT, UNREACHABLE = "healthy", "unknown", "missing", "corrupt", "unreachable"
STATES: Final = (HEALTHY, UNKNOWN, MISSING, CORRUPT, UNREACHABLE)
# States of records whose files are served.
SERVED: Final = ("active", "suppressed")
LISTED: Final = "data_files_listed"
CHUNK: Final = 200
NEVER: Final = ""
LONG_AGO: Final = "1970-01-01T00:00:00Z"

data_files = sa.Table(
    "data_files",
    metadata,
    sa.Column("dataset", sa.String, primary_key=True),
    sa.Column("path", sa.String, primary_key=True),
    sa.Column("url", sa.Text, nullable=False),
    sa.Column("size", sa.BigInteger),
    sa.Column("sha256", sa.String),
    sa.Column("md5", sa.String),
    sa.Column("found_size", sa.BigInteger),
    sa.Column("found_sha256", sa.String),
    sa.Column("basis", sa.String),
)
data_copies = sa.Table(
    "data_copies",
    metadata,
    sa.Column("dataset", sa.String, primary_key=True),
    sa.Column("path", sa.String, primary_key=True),
    sa.Column("host", sa.String, primary_key=True),
    sa.Column("url", sa.Text, nullable=False),
    sa.Column("size", sa.BigInteger),
    sa.Column("sha256", sa.String, index=True),
    sa.Column("state", sa.String, nullable=False),
    sa.Column("checked", sa.String, nullable=False),
    sa.Column("next_check", sa.String, nullable=False, index=True),
    sa.Column("failures", sa.Integer, nullable=False),
    sa.Column("latency_s", sa.Float),
    sa.Column("reason", sa.Text),
)
data_blobs = sa.Table(
    "data_blobs",
    metadata,
    sa.Column("host", sa.String, primary_key=True),
    sa.Column("sha256", sa.String, primary_key=True),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("state", sa.String, nullable=False),
    sa.Column("added", sa.String, nullable=False),
    sa.Column("scrubbed", sa.String, nullable=False, index=True),
    sa.Column("unused_since", sa.String),
)
data_holdings = sa.Table(
    "data_holdings",
    metadata,
    sa.Column("sequence", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("at", sa.String, nullable=False),
    sa.Column("action", sa.String, nullable=False),
    sa.Column("dataset", sa.String, nullable=False),
    sa.Column("path", sa.String, nullable=False),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("sha256", sa.String, nullable=False),
    sa.Index("data_holdings_of_file", "dataset", "path", "sequence"),
)


@dataclass(frozen=True, slots=True)
class File:
    """One file of a dataset.

    Attributes:
        dataset: the dataset's IRI.
        path: its path in the dataset.
        url: where the archive has it.
        size: in bytes, as the archive says.
        sha256: as the archive says.
        md5: as the archive says.
        found_size: in bytes, as the hub found it.
        found_sha256: as the hub found it.
        basis: why ``found_sha256`` is believed: ``archive``, ``md5``, ``two reads`` or ``as first seen``.
    """

    dataset: str
    path: str
    url: str
    size: int | None = None
    sha256: str | None = None
    md5: str | None = None
    found_size: int | None = None
    found_sha256: str | None = None
    basis: str | None = None

    @property
    def digest(self) -> str | None:
        """The SHA-256 that every copy must have, or None."""
        return self.sha256 or self.found_sha256

    @property
    def length(self) -> int | None:
        """Size in bytes that every copy must have, or None."""
        return self.found_size if self.found_size is not None else self.size

    @property
    def words(self) -> str:
        """Archive, accession and path, as people name the file."""
        return f"{'/'.join(name_of(self.dataset))}/{self.path}"


@dataclass(frozen=True, slots=True)
class Copy:
    """One copy of a file.

    Attributes:
        dataset: the dataset's IRI.
        path: the file's path in it.
        host: name of the host.
        url: its address; "" in a store of this hub.
        size: in bytes, as the host told or as it was found.
        sha256: as a peer said or as it was found.
        state: ``healthy``, ``unknown``, ``missing``, ``corrupt`` or ``unreachable``.
        checked: ISO 8601 time of the last check, "" when there was none.
        next_check: ISO 8601 time before which it is not checked.
        failures: how many checks in a row it failed.
        latency_s: how long its host took to answer, in seconds.
        reason: why it is in its state.
    """

    dataset: str
    path: str
    host: str
    url: str
    size: int | None = None
    sha256: str | None = None
    state: str = UNKNOWN
    checked: str = NEVER
    next_check: str = NEVER
    failures: int = 0
    latency_s: float | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Blob:
    """One blob in a store of this hub.

    Attributes:
        host: name of the store.
        sha256: of its content.
        size: in bytes.
        state: ``healthy``, ``corrupt`` or ``missing``.
        added: ISO 8601 time at which it came.
        scrubbed: ISO 8601 time at which it was last read as a whole.
        unused_since: ISO 8601 time since which no dataset uses it, or None.
    """

    host: str
    sha256: str
    size: int
    state: str
    added: str
    scrubbed: str
    unused_since: str | None = None


@dataclass(frozen=True, slots=True)
class Holding:
    """What peers are told: from ``sequence`` on this hub holds a file (``add``), or does not (``remove``)."""

    sequence: int
    at: str
    action: str
    dataset: str
    path: str
    size: int
    sha256: str


def time_of(later: timedelta = timedelta()) -> str:
    """Return the time after some while as ISO 8601 in UTC, to the second."""
    return (datetime.now(UTC) + later).strftime("%Y-%m-%dT%H:%M:%SZ")


def name_of(dataset: str) -> tuple[str, str]:
    """Return archive and accession of a dataset's IRI.

    >>> name_of("https://hub.example.org/dataset/idr/idr0001")
    ('idr', 'idr0001')
    """
    archive, accession = dataset.rsplit("/", 2)[1:]
    return unquote(archive), unquote(accession)


class Copies:
    """Files, copies, blobs and holdings in the catalogue."""

    def __init__(self, log: Log) -> None:
        log.add_tables(metadata, "copies of files")
        self._log = log
        self._shared: Connection | None = None

    @contextmanager
    def _db(self) -> Iterator[Connection]:
        """Open a transaction, or go on in the one that is open."""
        if self._shared is not None:
            yield self._shared
            return
        with self._log.engine.begin() as db:
            yield db

    @contextmanager
    def _together(self) -> Iterator[None]:
        """Write everything that is written here in one transaction."""
        with self._db() as db:
            self._shared = db
            try:
                yield
            finally:
                self._shared = None

    def setting(self, key: str) -> str | None:
        """Return a remembered value, or None."""
        return self._log.setting(key)

    def set_setting(self, key: str, value: str) -> None:
        """Remember a value."""
        self._log.set_setting(key, value)

    # --- following the log

    def list_new(self, hosts: Iterable[Host]) -> int:
        """Take the files of datasets that changed since the last time; return how many changes there were."""
        mirrors = [host for host in hosts if not host.is_own]
        sequence, seen = int(self._log.setting(LISTED) or 0), 0
        while changes := self._log.changes_since(sequence, CHUNK):
            rows = self._log.describing((change.source, change.accession) for change in changes)
            by_dataset: dict[str, list[RecordRow]] = {}
            for row in rows:
                by_dataset.setdefault(row.iri, []).append(row)
            with self._together():
                for dataset, told in by_dataset.items():
                    self._take(dataset, told, mirrors)
            sequence = changes[-1].sequence
            seen += len(changes)
            self._log.set_setting(LISTED, str(sequence))
        return seen

    def _take(self, dataset: str, rows: list[RecordRow], mirrors: list[Host]) -> None:
        """Let the files of a dataset be those that its standing records name."""
        told: dict[str, Told] = {}
        for row in rows:
            if row.state in SERVED:
                told |= {t.path: t for t in files_of(records.from_json(row.record)) if t.path not in told}
        known = {file.path: file for file in self.files(dataset)}
        if gone := known.keys() - told.keys():
            self._mark_unused(time_of())
            for path in gone:
                self._forget(dataset, path)
            is_redacted = not told and any(row.state == "redacted" for row in rows)
            self._mark_unused(LONG_AGO if is_redacted else time_of())
        for path, one in told.items():
            self._take_file(known.get(path), File(dataset, path, one.url, one.size, one.sha256, one.md5), mirrors)

    def _take_file(self, before: File | None, after: File, mirrors: list[Host]) -> None:
        if before is not None and _is_same(before, after):
            after = replace(after, **{n: getattr(before, n) for n in ("found_size", "found_sha256", "basis")})
        elif before is not None:
            self._forget(after.dataset, after.path)
        if after != before:
            self.put_file(after)
        archive, accession = name_of(after.dataset)
        found = {ARCHIVE: after.url}
        for host in mirrors:
            if (url := host.address(archive, accession, after.path, after.url)) is not None:
                found[host.name] = url
        standing = {copy.host: copy.url for copy in self.copies(after.dataset, after.path)}
        for name, url in found.items():
            if standing.get(name) != url:
                self.put_copy(Copy(after.dataset, after.path, name, url))

    def _forget(self, dataset: str, path: str) -> None:
        with self._db() as db:
            for table in (data_files, data_copies):
                db.execute(sa.delete(table).where((table.c.dataset == dataset) & (table.c.path == path)))

    # --- files and copies

    def states_of(self, dataset: str) -> set[str]:
        """Return the states of a dataset's records as they are now."""
        with self._db() as db:
            return set(db.scalars(sa.select(record_rows.c.state).where(record_rows.c.iri == dataset)))

    def files(self, dataset: str) -> list[File]:
        """Return the files of a dataset by path."""
        return self._all(File, data_files, data_files.c.dataset == dataset, data_files.c.path)

    def file(self, dataset: str, path: str) -> File | None:
        """Return one file, or None."""
        which = (data_files.c.dataset == dataset) & (data_files.c.path == path)
        return next(iter(self._all(File, data_files, which)), None)

    def put_file(self, file: File) -> None:
        """Write what is known of a file."""
        self._put(data_files, file, ("dataset", "path"))

    def copies(self, dataset: str, path: str | None = None) -> list[Copy]:
        """Return the copies of a dataset's files, or of one of them."""
        which = data_copies.c.dataset == dataset
        if path is not None:
            which &= data_copies.c.path == path
        return self._all(Copy, data_copies, which, data_copies.c.path, data_copies.c.host)

    def put_copy(self, copy: Copy) -> None:
        """Write what is known of a copy."""
        self._put(data_copies, copy, ("dataset", "path", "host"))

    def drop_copy(self, dataset: str, path: str, host: str) -> bool:
        """Forget one copy; whether there was one."""
        c = data_copies.c
        with self._db() as db:
            which = (c.dataset == dataset) & (c.path == path) & (c.host == host)
            found = db.execute(sa.delete(data_copies).where(which)).rowcount
        return bool(found)

    def due(self, limit: int, own: Iterable[str]) -> list[Copy]:
        """Return at most so many copies on others' hosts that may be checked now, the longest due first."""
        which = (data_copies.c.next_check <= time_of()) & data_copies.c.host.not_in(list(own))
        order = (data_copies.c.next_check, data_copies.c.dataset, data_copies.c.path, data_copies.c.host)
        return self._all(Copy, data_copies, which, *order, limit=limit)

    def with_digest(self, host: str, sha256: str) -> list[Copy]:
        """Return the copies on a host that one blob is behind."""
        return self._all(Copy, data_copies, (data_copies.c.host == host) & (data_copies.c.sha256 == sha256))

    def counts(self) -> dict[str, dict[str, int]]:
        """Return the number of copies of each host by state."""
        columns = (data_copies.c.host, data_copies.c.state)
        found: dict[str, dict[str, int]] = {}
        with self._db() as db:
            for host, state, number in db.execute(sa.select(*columns, sa.func.count()).group_by(*columns)):
                found.setdefault(str(host), {})[str(state)] = int(number)
        return found

    # --- blobs

    def blobs(self, host: str | None = None) -> list[Blob]:
        """Return the blobs of a store, or of all, those first that were read the longest time ago."""
        which = data_blobs.c.host == host if host is not None else sa.true()
        return self._all(Blob, data_blobs, which, data_blobs.c.scrubbed, data_blobs.c.sha256)

    def blob(self, host: str, sha256: str) -> Blob | None:
        """Return one blob, or None."""
        which = (data_blobs.c.host == host) & (data_blobs.c.sha256 == sha256)
        return next(iter(self._all(Blob, data_blobs, which)), None)

    def put_blob(self, blob: Blob) -> None:
        """Write what is known of a blob."""
        self._put(data_blobs, blob, ("host", "sha256"))

    def drop_blob(self, blob: Blob) -> None:
        """Forget a blob."""
        which = (data_blobs.c.host == blob.host) & (data_blobs.c.sha256 == blob.sha256)
        with self._db() as db:
            db.execute(sa.delete(data_blobs).where(which))

    def held_bytes(self) -> int:
        """Return the size of everything that the stores hold."""
        with self._db() as db:
            return int(db.scalar(sa.select(sa.func.sum(data_blobs.c.size))) or 0)

    def mark(self, host: str, sha256: str, state: str, reason: str | None = None) -> None:
        """Say how a blob is, and with it every copy that it is behind."""
        b, c = data_blobs.c, data_copies.c
        with self._db() as db:
            db.execute(sa.update(data_blobs).where((b.host == host) & (b.sha256 == sha256)).values(state=state))
            which = (c.host == host) & (c.sha256 == sha256)
            db.execute(sa.update(data_copies).where(which).values(state=state, reason=reason, checked=time_of()))

    def _mark_unused(self, at: str) -> None:
        """Note since when blobs have been used by no dataset, and that others are used again."""
        used = sa.exists().where(
            (data_copies.c.host == data_blobs.c.host) & (data_copies.c.sha256 == data_blobs.c.sha256)
        )
        with self._db() as db:
            new = ~used & data_blobs.c.unused_since.is_(None)
            db.execute(sa.update(data_blobs).where(new).values(unused_since=at))
            db.execute(sa.update(data_blobs).where(used).values(unused_since=None))

    def unused(self, before: str) -> list[Blob]:
        """Return the blobs that no dataset has used since before a time."""
        self._mark_unused(time_of())
        return self._all(Blob, data_blobs, data_blobs.c.unused_since <= before, data_blobs.c.sha256)

    # --- what peers are told

    def advertise(self) -> int:
        """Append what came to be held in good order, or no longer is, since the last time; return how much."""
        told = {(h.dataset, h.path): h for h in self._standing()}
        held = dict(self._held())
        gone = [replace(h, action="remove") for key, h in told.items() if held.get(key) != (h.size, h.sha256)]
        new = [
            Holding(0, "", "add", *key, *value)
            for key, value in held.items()
            if key not in told or (told[key].size, told[key].sha256) != value
        ]
        with self._db() as db:
            last = int(db.scalar(sa.select(sa.func.max(data_holdings.c.sequence))) or 0)
            rows = [_row(replace(h, sequence=n, at=time_of())) for n, h in enumerate([*gone, *new], last + 1)]
            if rows:
                db.execute(sa.insert(data_holdings), rows)
        return len(rows)

    def _standing(self) -> list[Holding]:
        key = (data_holdings.c.dataset, data_holdings.c.path)
        last = sa.select(sa.func.max(data_holdings.c.sequence)).group_by(*key)
        return self._all(Holding, data_holdings, data_holdings.c.sequence.in_(last) & (data_holdings.c.action == "add"))

    def _held(self) -> Iterator[tuple[tuple[str, str], tuple[int, str]]]:
        c, b = data_copies.c, data_blobs.c
        on = (c.host == b.host) & (c.sha256 == b.sha256)
        query = sa.select(c.dataset, c.path, b.size, b.sha256).join_from(data_copies, data_blobs, on)
        with self._db() as db:
            for dataset, path, size, sha256 in db.execute(query.where(b.state == HEALTHY)):
                yield (dataset, path), (size, sha256)

    def holdings(self, since: int, limit: int) -> list[Holding]:
        """Return the next changes of what is held after a sequence number."""
        which = data_holdings.c.sequence > since
        return self._all(Holding, data_holdings, which, data_holdings.c.sequence, limit=limit)

    # --- rows

    def _all(
        self,
        cls: type[T],
        table: sa.Table,
        which: sa.ColumnElement[bool],
        *order: sa.ColumnElement[Any],
        limit: int | None = None,
    ) -> list[T]:
        columns = [table.c[f.name] for f in fields(cls)]  # type: ignore[arg-type]
        query = sa.select(*columns).where(which).order_by(*order).limit(limit)
        with self._db() as db:
            return [cls(*row) for row in db.execute(query)]

    def _put(self, table: sa.Table, thing: File | Copy | Blob, key: tuple[str, ...]) -> None:
        which = sa.and_(*(table.c[name] == getattr(thing, name) for name in key))
        with self._db() as db:
            if not db.execute(sa.update(table).where(which).values(_row(thing))).rowcount:
                db.execute(sa.insert(table).values(_row(thing)))


def _row(thing: Any) -> dict[str, Any]:
    return {f.name: getattr(thing, f.name) for f in fields(thing)}


def _is_same(before: File, after: File) -> bool:
    """Whether what an archive says of a file leaves it the same file."""
    return all(getattr(before, name) == getattr(after, name) for name in ("url", "size", "sha256", "md5"))
