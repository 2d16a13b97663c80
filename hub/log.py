"""The catalogue database: runs, entries, records and the append-only log.

The log has one row for each accepted change, numbered without gaps; ``versions`` holds what each change made of its
record, and ``records`` what stands now. All are written in one transaction, so a crash leaves whole batches. Works on
SQLite and PostgreSQL (SQLAlchemy Core).
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import Connection, Engine

from harvesters.http import Validator
from hub.errors import ReadOnlyError, StoreError

LAYOUT = "2"
# Address of a catalogue that is not there: of a hub in one file that was made without it.
ABSENT = "none:"
# A catalogue of layout 1 has no versions: what stands becomes the first that is known of each record.
_WITHOUT_VERSIONS = "1"
metadata = sa.MetaData()

meta = sa.Table("meta", metadata, sa.Column("key", sa.String, primary_key=True), sa.Column("value", sa.String))

runs = sa.Table(
    "runs",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("source", sa.String, nullable=False),
    sa.Column("started", sa.String, nullable=False),
    sa.Column("ended", sa.String),
    sa.Column("state", sa.String, nullable=False),
    sa.Column("report", sa.Text, nullable=False),
    sa.Column("error", sa.Text),
)

entries = sa.Table(
    "entries",
    metadata,
    sa.Column("source", sa.String, primary_key=True),
    sa.Column("key", sa.String, primary_key=True),
    sa.Column("version", sa.String),
    sa.Column("payload_sha256", sa.String, nullable=False),
    sa.Column("harvester", sa.String, nullable=False),
    sa.Column("accession", sa.String),
    sa.Column("rejected", sa.Text),
)

records = sa.Table(
    "records",
    metadata,
    sa.Column("source", sa.String, primary_key=True),
    sa.Column("accession", sa.String, primary_key=True),
    sa.Column("iri", sa.String, nullable=False, index=True),
    sa.Column("state", sa.String, nullable=False),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("record", sa.Text, nullable=False),
    sa.Column("findings", sa.Text, nullable=False),
    sa.Column("withdrawal", sa.Text),
    sa.Column("payload_sha256", sa.String, nullable=False),
    sa.Column("source_url", sa.String),
    sa.Column("harvester", sa.String, nullable=False),
    sa.Column("first_seen", sa.String, nullable=False),
    sa.Column("changed", sa.String, nullable=False),
    sa.Column("run", sa.Integer, nullable=False),
)

validators = sa.Table(
    "validators",
    metadata,
    sa.Column("source", sa.String, primary_key=True),
    sa.Column("request", sa.String, primary_key=True),
    sa.Column("etag", sa.String),
    sa.Column("last_modified", sa.String),
    sa.Column("payload_sha256", sa.String, nullable=False),
)

memory = sa.Table(
    "memory",
    metadata,
    sa.Column("source", sa.String, primary_key=True),
    sa.Column("name", sa.String, primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
)

changes = sa.Table(
    "log",
    metadata,
    sa.Column("sequence", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("at", sa.String, nullable=False),
    sa.Column("run", sa.Integer, nullable=False),
    sa.Column("source", sa.String, nullable=False),
    sa.Column("accession", sa.String, nullable=False),
    sa.Column("action", sa.String, nullable=False),
    sa.Column("payload_sha256", sa.String),
    sa.Column("harvester", sa.String),
)

versions = sa.Table(
    "versions",
    metadata,
    sa.Column("sequence", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("source", sa.String, nullable=False),
    sa.Column("accession", sa.String, nullable=False),
    sa.Column("iri", sa.String, nullable=False),
    sa.Column("state", sa.String, nullable=False),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("content", sa.LargeBinary),
    sa.Column("withdrawal", sa.Text),
    sa.Column("source_url", sa.String),
    sa.Index("versions_of_record", "source", "accession", "sequence"),
    sa.Index("versions_of_dataset", "iri", "sequence"),
)

statements = sa.Table(
    "statements",
    metadata,
    sa.Column("sequence", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("hub", sa.String, nullable=False),
    sa.Column("hub_sequence", sa.Integer, nullable=False),
    sa.Column("sha256", sa.String, nullable=False),
    sa.Column("statement", sa.Text, nullable=False),
    sa.Column("signature", sa.String, nullable=False),
    sa.Column("hops", sa.Text, nullable=False),
    sa.Index("statements_of_hub", "hub", "hub_sequence", unique=True),
)

erased = sa.Table(
    "erased_versions",
    metadata,
    sa.Column("sequence", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("sha256", sa.String, nullable=False),
)

publications = sa.Table(
    "publications",
    metadata,
    sa.Column("sequence", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("at", sa.String, nullable=False),
)


@dataclass(slots=True)
class Report:
    """Counts of one run; ``listed = new + changed + unchanged + rejected``.

    Attributes:
        listed: entries that the source listed.
        new: records that were not there before.
        changed: records whose payload changed.
        unchanged: records that stayed as they were.
        rejected: entries that could not be published.
        deleted: tombstones written (vanished from a full listing, or withdrawn by the archive).
        held: vanished records that wait for confirmation.
        findings: quality problems in the entries that were read in this run.
        seconds: how long the run took.
    """

    listed: int = 0
    new: int = 0
    changed: int = 0
    unchanged: int = 0
    deleted: int = 0
    held: int = 0
    rejected: int = 0
    findings: int = 0
    seconds: float = 0.0

    def adds_up(self) -> bool:
        """Tell whether every listed entry is accounted for."""
        return self.listed == self.new + self.changed + self.unchanged + self.rejected


@dataclass(frozen=True, slots=True)
class EntryRow:
    """What is known of one entry of a source since it was last read."""

    source: str
    key: str
    version: str | None
    payload_sha256: str
    harvester: str
    accession: str | None
    rejected: str | None = None


@dataclass(frozen=True, slots=True)
class RecordRow:
    """What stands of one record."""

    source: str
    accession: str
    iri: str
    state: str
    title: str
    record: str
    findings: str
    withdrawal: str | None
    payload_sha256: str
    source_url: str | None
    harvester: str
    first_seen: str
    changed: str
    run: int


@dataclass(frozen=True, slots=True)
class Change:
    """One row of the log: what happened to one record."""

    sequence: int
    at: str
    run: int
    source: str
    accession: str
    action: str
    payload_sha256: str | None
    harvester: str | None


@dataclass(frozen=True, slots=True)
class Signed:
    """What the hub that owns a record says of one change of it, with its signature.

    Attributes:
        hub: name of the owning hub.
        hub_sequence: number of the change in the owning hub's log.
        sha256: hash of the record's statements after the change (:mod:`hub.digests`).
        statement: the JSON text that is signed.
        signature: of that text, Ed25519 in base64.
        hops: names of the hubs that the change came through, the owner first; empty for this hub's own.
    """

    hub: str
    hub_sequence: int
    sha256: str
    statement: str
    signature: str
    hops: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Version:
    """What one change made of its record.

    Attributes:
        sequence: number of the change.
        at: ISO 8601 time of the change.
        action: what happened: ``create``, ``update``, ``withdraw``, ``restore`` …
        run: number of the run that did it.
        source: the source's name.
        accession: the record's accession.
        iri: the dataset's IRI.
        state: the record's state from then on.
        title: the dataset's title.
        record: canonical JSON of the record; None once it was erased.
        withdrawal: JSON of reason, date and successor of a withdrawn record, or None.
        source_url: where it was read, or None.
        payload_sha256: hash of the archive's own bytes, or None.
        harvester: name and version of the harvester, or None.
        signed: what the hub that owns the record says of the change; None until it was signed (:mod:`hub.peers`), and
            again once the version was erased.
        erased_sha256: hash of what stood in a version that was erased or rewritten (:mod:`hub.digests`), or None.
    """

    sequence: int
    at: str
    action: str
    run: int
    source: str
    accession: str
    iri: str
    state: str
    title: str
    record: str | None
    withdrawal: str | None
    source_url: str | None
    payload_sha256: str | None
    harvester: str | None
    signed: Signed | None
    erased_sha256: str | None = None


@dataclass(slots=True)
class Batch:
    """Changes that are written together.

    Attributes:
        entries: entries that were read.
        records: records that changed, and why.
        forgotten: (source, key) of entries that are not listed any more.
        validators: what a source's server gave to ask later whether an answer has changed, by (source, request).
        signed: what the owning hub says of a record's change, by (source, accession), for records of other hubs.
    """

    entries: list[EntryRow] = field(default_factory=list)
    records: list[tuple[str, RecordRow]] = field(default_factory=list)
    forgotten: list[tuple[str, str]] = field(default_factory=list)
    validators: dict[tuple[str, str], Validator] = field(default_factory=dict)
    signed: dict[tuple[str, str], Signed] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.entries) + len(self.records) + len(self.forgotten) + len(self.validators)


def now() -> str:
    """Return the time as ISO 8601 in UTC, to the second."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Log:
    """The catalogue of one data folder."""

    def __init__(self, url: str) -> None:
        self.engine = _engine(url)
        try:
            metadata.create_all(self.engine)
            self._check_layout()
        except sa.exc.SQLAlchemyError as err:
            self.engine.dispose()
            raise StoreError(f"the catalogue at {self.engine.url!r} cannot be used: {err}") from err
        except StoreError:
            self.engine.dispose()
            raise

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()

    def _check_layout(self) -> None:
        found = self.setting("layout")
        if found == _WITHOUT_VERSIONS:
            self._begin_versions()
        elif found not in (None, LAYOUT):
            raise StoreError(f"the catalogue has layout {found}, this hub reads {LAYOUT}")
        if found != LAYOUT:
            self.set_setting("layout", LAYOUT)

    def _begin_versions(self) -> None:
        """Let what stands be the first known version of each record, as made by the last change of it."""
        last = sa.select(sa.func.max(changes.c.sequence).label("sequence"), changes.c.source, changes.c.accession)
        known = last.group_by(changes.c.source, changes.c.accession).subquery()
        same = (known.c.source == records.c.source) & (known.c.accession == records.c.accession)
        query = sa.select(known.c.sequence, records).join_from(records, known, same).order_by(known.c.sequence)
        with self.engine.begin() as db:
            if db.execute(sa.select(versions.c.sequence).limit(1)).first() is not None:
                return
            for number, *row in db.execute(query).yield_per(_PAGE):
                db.execute(sa.insert(versions), _version(number, RecordRow(*row)))

    def add_tables(self, tables: sa.MetaData, what: str) -> None:
        """Make further tables in the catalogue, unless they are there.

        Raises:
            StoreError: the database refuses; ``what`` says in it what the tables are for.
        """
        try:
            tables.create_all(self.engine)
        except sa.exc.SQLAlchemyError as err:
            raise StoreError(f"the catalogue at {self.engine.url!r} cannot hold {what}: {err}") from err

    def setting(self, key: str) -> str | None:
        """Return a remembered value, or None."""
        with self.engine.connect() as db:
            return db.scalar(sa.select(meta.c.value).where(meta.c.key == key))

    def set_setting(self, key: str, value: str) -> None:
        """Remember a value."""
        with self.engine.begin() as db:
            db.execute(sa.delete(meta).where(meta.c.key == key))
            db.execute(sa.insert(meta).values(key=key, value=value))

    # --- runs

    def start_run(self, source: str) -> int:
        """Begin a run and return its number; a run of that source left open by a crash is marked interrupted."""
        with self.engine.begin() as db:
            open_runs = (runs.c.source == source) & (runs.c.state == "running")
            db.execute(sa.update(runs).where(open_runs).values(state="interrupted", ended=now()))
            number = (db.scalar(sa.select(sa.func.max(runs.c.number))) or 0) + 1
            report = json.dumps(asdict(Report()))
            db.execute(
                sa.insert(runs).values(number=number, source=source, started=now(), state="running", report=report)
            )
        return number

    def finish_run(self, number: int, report: Report, error: str | None = None) -> None:
        """Write a run's report; with an error the run has failed."""
        values = {"ended": now(), "state": "failed" if error else "done", "error": error}
        with self.engine.begin() as db:
            db.execute(
                sa.update(runs).where(runs.c.number == number).values(report=json.dumps(asdict(report)), **values)
            )

    def last_runs(self) -> dict[str, dict[str, Any]]:
        """Return the latest run of every source, by name: started, ended, state, error and the report's counts."""
        latest = sa.select(sa.func.max(runs.c.number)).group_by(runs.c.source)
        return {r["source"]: r for r in self._runs(runs.c.number.in_(latest))}

    def runs_with_changes(self) -> list[dict[str, Any]]:
        """Return every run that wrote to the log, in order."""
        return list(self._runs(runs.c.number.in_(sa.select(changes.c.run).distinct())))

    def _runs(self, which: sa.ColumnElement[bool]) -> Iterator[dict[str, Any]]:
        with self.engine.connect() as db:
            for row in db.execute(sa.select(runs).where(which).order_by(runs.c.number)).mappings():
                yield {**{k: v for k, v in row.items() if k != "report"}, **json.loads(row["report"])}

    # --- entries and records

    def known_entries(self, source: str) -> dict[str, EntryRow]:
        """Return what is known of every entry of a source, by key."""
        with self.engine.connect() as db:
            rows = db.execute(sa.select(entries).where(entries.c.source == source))
            return {row.key: EntryRow(*row) for row in rows}

    def standing(self, source: str) -> dict[str, str]:
        """Return the state of every record of a source, by accession."""
        with self.engine.connect() as db:
            rows = db.execute(sa.select(records.c.accession, records.c.state).where(records.c.source == source))
            return {row.accession: row.state for row in rows}

    def record(self, source: str, accession: str) -> RecordRow | None:
        """Return what stands of one record, or None."""
        with self.engine.connect() as db:
            key = (records.c.source == source) & (records.c.accession == accession)
            row = db.execute(sa.select(records).where(key)).one_or_none()
            return RecordRow(*row) if row else None

    def all_records(self) -> Iterator[RecordRow]:
        """Yield what stands of every record."""
        with self.engine.connect() as db:
            for row in db.execute(sa.select(records).order_by(records.c.source, records.c.accession)):
                yield RecordRow(*row)

    def rejected(self, source: str | None = None) -> list[tuple[str, str, str]]:
        """Return (source, entry, reasons) of every entry that could not be published."""
        query = sa.select(entries.c.source, entries.c.key, entries.c.rejected).where(entries.c.rejected.is_not(None))
        if source is not None:
            query = query.where(entries.c.source == source)
        with self.engine.connect() as db:
            return [(str(s), str(k), str(r)) for s, k, r in db.execute(query.order_by(entries.c.source, entries.c.key))]

    def commit(self, batch: Batch, run: int) -> int:
        """Write a batch in one transaction and return the log's last sequence number."""
        with self.engine.begin() as db:
            _delete(db, entries, ("source", "key"), [{"source": s, "key": k} for s, k in batch.forgotten])
            _replace(db, entries, ("source", "key"), [_columns(e) for e in batch.entries])
            _replace(db, records, ("source", "accession"), [_columns(r) for _, r in batch.records])
            _replace(db, validators, ("source", "request"), [_validator(*v) for v in batch.validators.items()])
            sequence = _last_sequence(db)
            rows, kept, told = [], [], []
            for action, row in batch.records:
                sequence += 1
                rows.append(_change(sequence, run, action, row))
                kept.append(_version(sequence, row))
                if said := batch.signed.get((row.source, row.accession)):
                    told.append(_signed(sequence, said))
            for table, new in ((changes, rows), (versions, kept), (statements, told)):
                if new:
                    db.execute(sa.insert(table), new)
        return sequence

    # --- what is known of a source's server

    def validators(self, source: str) -> dict[str, Validator]:
        """Return what the server of a source gave to ask later whether an answer has changed, by request."""
        columns = (validators.c.request, validators.c.etag, validators.c.last_modified, validators.c.payload_sha256)
        with self.engine.connect() as db:
            rows = db.execute(sa.select(*columns).where(validators.c.source == source))
            return {request: Validator(*rest) for request, *rest in rows}

    def memory(self, source: str) -> dict[str, str]:
        """Return what the last complete run of a source remembered."""
        with self.engine.connect() as db:
            rows = db.execute(sa.select(memory.c.name, memory.c.value).where(memory.c.source == source))
            return {row.name: row.value for row in rows}

    def remember(self, source: str, values: Mapping[str, str]) -> None:
        """Remember values of a source in place of those of the same names."""
        rows = [{"source": source, "name": name, "value": value} for name, value in values.items()]
        with self.engine.begin() as db:
            _replace(db, memory, ("source", "name"), rows)

    # --- the log

    def last_sequence(self) -> int:
        """Return the number of the latest change, 0 when there is none."""
        with self.engine.connect() as db:
            return _last_sequence(db)

    def changes_since(self, sequence: int, limit: int) -> list[Change]:
        """Return the next changes after a sequence number, oldest first."""
        with self.engine.connect() as db:
            query = sa.select(changes).where(changes.c.sequence > sequence).order_by(changes.c.sequence).limit(limit)
            return [Change(*row) for row in db.execute(query)]

    # --- versions

    def versions_since(self, sequence: int, limit: int, until: int | None = None) -> list[Version]:
        """Return what the next changes after a sequence number made of their records, oldest first.

        Args:
            sequence: the number after which to begin.
            limit: how many at most.
            until: the last number that is wanted.
        """
        which = versions.c.sequence > sequence
        if until is not None:
            which &= versions.c.sequence <= until
        return self._versions(which, versions.c.sequence, limit=limit)

    def versions_of(self, iri: str) -> list[Version]:
        """Return every version of every record of a dataset, oldest first."""
        return self._versions(versions.c.iri == iri, versions.c.sequence)

    def version(self, sequence: int) -> Version | None:
        """Return what one change made of its record, or None when there is no such change."""
        return next(iter(self._versions(versions.c.sequence == sequence)), None)

    def versions_numbered(self, sequences: Iterable[int]) -> list[Version]:
        """Return what the changes of some numbers made of their records, oldest first."""
        return self._versions(versions.c.sequence.in_(list(sequences)), versions.c.sequence)

    def standing_at(self, iri: str, sequence: int) -> list[Version]:
        """Return what stood of each record of a dataset at a sequence number, by source and accession."""
        then = (versions.c.iri == iri) & (versions.c.sequence <= sequence)
        last = sa.select(sa.func.max(versions.c.sequence)).where(then)
        numbers = last.group_by(versions.c.source, versions.c.accession)
        return self._versions(versions.c.sequence.in_(numbers), versions.c.source, versions.c.accession)

    def note_publication(self, sequence: int) -> None:
        """Remember that readers can see the changes up to a number from now on; the first time counts."""
        known = sa.select(publications.c.sequence).where(publications.c.sequence >= sequence)
        with self.engine.begin() as db:
            if db.execute(known.limit(1)).first() is None:
                db.execute(sa.insert(publications).values(sequence=sequence, at=now()))

    def unsigned_since(self, sequence: int, limit: int) -> list[Version]:
        """Return the next changes after a sequence number that nobody has signed, oldest first."""
        which = (versions.c.sequence > sequence) & statements.c.sequence.is_(None)
        return self._versions(which, versions.c.sequence, limit=limit)

    def sign(self, signed: Mapping[int, Signed]) -> None:
        """Add what this hub says of its own changes, by sequence number."""
        if signed:
            with self.engine.begin() as db:
                db.execute(sa.insert(statements), [_signed(number, said) for number, said in signed.items()])

    def hub_sequences(self) -> dict[str, int]:
        """Return the number of the latest signed change of every hub, by its name."""
        query = sa.select(statements.c.hub, sa.func.max(statements.c.hub_sequence)).group_by(statements.c.hub)
        with self.engine.connect() as db:
            return {str(hub): int(number) for hub, number in db.execute(query)}

    def _versions(
        self, which: sa.ColumnElement[bool], *order: sa.ColumnElement[Any], limit: int | None = None
    ) -> list[Version]:
        query = sa.select(*_VERSION).join_from(versions, changes, versions.c.sequence == changes.c.sequence)
        query = query.outerjoin(statements, versions.c.sequence == statements.c.sequence)
        query = query.outerjoin(erased, versions.c.sequence == erased.c.sequence)
        with self.engine.connect() as db:
            return [_read_version(row) for row in db.execute(query.where(which).order_by(*order).limit(limit))]

    def describing(self, keys: Iterable[tuple[str, str]]) -> list[RecordRow]:
        """Return what stands of every record of the datasets of the given (source, accession) pairs."""
        wanted = sorted(set(keys))
        with self.engine.connect() as db:
            by_key = sa.tuple_(records.c.source, records.c.accession).in_(wanted)
            datasets = {row.iri for row in db.execute(sa.select(records.c.iri).where(by_key))}
            query = sa.select(records).where(records.c.iri.in_(datasets))
            return [RecordRow(*row) for row in db.execute(query.order_by(records.c.source, records.c.accession))]

    def records_of(self, keys: Iterable[tuple[str, str]]) -> list[RecordRow]:
        """Return what stands of the records of the given (source, accession) pairs."""
        by_key = sa.tuple_(records.c.source, records.c.accession).in_(sorted(set(keys)))
        with self.engine.connect() as db:
            return [RecordRow(*row) for row in db.execute(sa.select(records).where(by_key))]

    def having_accession(self, accession: str) -> list[RecordRow]:
        """Return what stands of every source's record of an accession."""
        query = sa.select(records).where(records.c.accession == accession).order_by(records.c.source)
        with self.engine.connect() as db:
            return [RecordRow(*row) for row in db.execute(query)]

    def active_after(self, place: tuple[str, str], limit: int) -> list[RecordRow]:
        """Return the next active records after a (source, accession), in the database's order of these."""
        key = sa.tuple_(records.c.source, records.c.accession)
        query = sa.select(records).where((key > place) & (records.c.state == "active"))
        with self.engine.connect() as db:
            rows = db.execute(query.order_by(records.c.source, records.c.accession).limit(limit))
            return [RecordRow(*row) for row in rows]

    def counts(self) -> dict[str, int]:
        """Return the number of records by state."""
        with self.engine.connect() as db:
            rows = db.execute(sa.select(records.c.state, sa.func.count()).group_by(records.c.state))
            return {str(state): int(count) for state, count in rows}


def _engine(url: str) -> Engine:
    if url == ABSENT:
        raise ReadOnlyError("this hub is served from one file without its catalogue: make the file with the catalogue")
    try:
        engine = sa.create_engine(url)
    except (sa.exc.SQLAlchemyError, ImportError) as err:
        raise StoreError(f"database_url: {err}") from err
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _sqlite_pragmas)
        _make_folder(engine.url.database)
    return engine


def _make_folder(database: str | None) -> None:
    if database:
        try:
            Path(database).parent.mkdir(parents=True, exist_ok=True)
        except OSError as err:
            raise StoreError(f"data_dir: {err.filename} cannot be made: {err.strerror}") from err


def _sqlite_pragmas(connection: Any, _record: Any) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA busy_timeout=30000")
    cursor.close()


def _last_sequence(db: Connection) -> int:
    return int(db.scalar(sa.select(sa.func.max(changes.c.sequence))) or 0)


def _columns(row: EntryRow | RecordRow) -> dict[str, Any]:
    return {name: getattr(row, name) for name in row.__slots__}


def _validator(key: tuple[str, str], known: Validator) -> dict[str, Any]:
    source, request = key
    told = {"etag": known.etag, "last_modified": known.last_modified, "payload_sha256": known.sha256}
    return {"source": source, "request": request, **told}


def _change(sequence: int, run: int, action: str, row: RecordRow) -> dict[str, Any]:
    return {
        "sequence": sequence,
        "at": row.changed,
        "run": run,
        "source": row.source,
        "accession": row.accession,
        "action": action,
        "payload_sha256": row.payload_sha256,
        "harvester": row.harvester,
    }


_PAGE = 500
_VERSION = (
    versions.c.sequence,
    changes.c.at,
    changes.c.action,
    changes.c.run,
    versions.c.source,
    versions.c.accession,
    versions.c.iri,
    versions.c.state,
    versions.c.title,
    versions.c.content,
    versions.c.withdrawal,
    versions.c.source_url,
    changes.c.payload_sha256,
    changes.c.harvester,
    statements.c.hub,
    statements.c.hub_sequence,
    statements.c.sha256,
    statements.c.statement,
    statements.c.signature,
    statements.c.hops,
    erased.c.sha256.label("erased_sha256"),
)


def _version(sequence: int, row: RecordRow) -> dict[str, Any]:
    same = {name: getattr(row, name) for name in ("source", "accession", "iri", "state", "title")}
    told = {"withdrawal": row.withdrawal, "source_url": row.source_url}
    return {"sequence": sequence, **same, "content": packed(row.record) if row.record else None, **told}


def packed(record: str) -> bytes:
    """Return the JSON of a record as ``versions`` holds it."""
    return zlib.compress(record.encode())


def _read_version(row: Any) -> Version:
    content = row.content
    told = {**row._mapping, "record": None if content is None else zlib.decompress(content).decode()}
    told["signed"] = None
    if row.hub is not None:
        said = {name: told[name] for name in Signed.__slots__}
        told["signed"] = Signed(**{**said, "hops": tuple(json.loads(row.hops))})
    return Version(**{name: told[name] for name in Version.__slots__})


def _signed(sequence: int, said: Signed) -> dict[str, Any]:
    return {"sequence": sequence, **asdict(said), "hops": json.dumps(said.hops)}


def _replace(db: Connection, table: sa.Table, key: tuple[str, ...], rows: list[dict[str, Any]]) -> None:
    if not rows:
        return
    unique = list({tuple(row[k] for k in key): row for row in rows}.values())
    _delete(db, table, key, unique)
    db.execute(sa.insert(table), unique)


def _delete(db: Connection, table: sa.Table, key: tuple[str, ...], rows: list[dict[str, Any]]) -> None:
    if rows:
        matches = sa.and_(*(table.c[k] == sa.bindparam(f"key_{k}") for k in key))
        db.execute(sa.delete(table).where(matches), [{f"key_{k}": row[k] for k in key} for row in rows])
