"""One run of one source: list, fetch, transform, write to the log.

A run is one loop in one process. Whatever ends it, what was written stays, and the next run goes on from there to
the same end: entries that were already taken are unchanged, the rest is new. Nothing is removed before the listing
was complete, and never more than a share of the source without confirmation.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit

from harvesters.contract import (
    Context,
    Entry,
    Harvested,
    Harvester,
    RecordError,
    Source,
    SourceError,
    Withdrawal,
)
from harvesters.http import Manners, PoliteSession
from harvesters.keep import Keep
from harvesters.polite.answers import public_url
from hub import coverage, erasure, findings, records, redactions, references, snapshots, thumbnail_copies, views
from hub.config import Settings
from hub.dumps import make as dumps
from hub.errors import ConfigError
from hub.feeds import webhooks
from hub.links import engine, view
from hub.links.catalogue import Links
from hub.links.tables import Tables
from hub.log import Batch, EntryRow, Log, RecordRow, Report, now
from hub.peers import statements
from hub.redactions import Decisions
from hub.routes import Precedence
from hub.routes import harvester_named as harvester_named
from hub.search.index import SearchIndex, is_index, state_of
from hub.store import GraphStore, write_lock

logger = logging.getLogger(__name__)
BATCH_ENTRIES = 200
BATCH_SECONDS = 5.0
# One entry that its archive cannot deliver is that entry's problem; this many in a row are the archive's.
MAX_FAILED_IN_A_ROW = 5
Progress = Callable[[str, Report], object]


@dataclass(slots=True)
class Outcome:
    """What a run of one source came to.

    Attributes:
        source: the source's name.
        report: its counts.
        error: why the source was stopped, or None.
    """

    source: str
    report: Report
    error: str | None = None


def harvest(
    settings: Settings,
    names: list[str],
    *,
    full: bool = False,
    confirm: bool = False,
    progress: Progress = lambda *_: None,
) -> list[Outcome]:
    """Run sources one after another, bring the store up to date and publish; return how each went.

    Args:
        settings: the hub's settings.
        names: names of configured sources.
        full: read every payload again, even of entries that look unchanged.
        confirm: let more records vanish than the guard allows.
        progress: told the source and its report so far.

    Raises:
        ConfigError: an unknown source or harvester.
        LockedError: another process writes.
    """
    sources = [_source(settings, name) for name in names]
    harvesters = [harvester_named(s.harvester) for s in sources]
    with write_lock(settings.data_dir):
        log = Log(settings.database)
        try:
            outcomes = [
                Run(settings, log, source, harvester, full=full, confirm=confirm, progress=progress).execute()
                for source, harvester in zip(sources, harvesters, strict=True)
            ]
            publish(settings, log)
        finally:
            log.close()
    dumps.after_publication(settings)
    thumbnail_copies.after_harvest(settings, manners(settings), addresses)
    return outcomes


def _source(settings: Settings, name: str) -> Source:
    if name not in settings.sources:
        known = ", ".join(sorted(settings.sources)) or "none"
        raise ConfigError(f"{name}: no such source in the settings; there are {known}")
    return settings.sources[name]


def publish(settings: Settings, log: Log, progress: Callable[[int], object] = lambda _: None) -> snapshots.Snapshot:
    """Bring links and store up to the log and publish; the caller holds the write lock.

    Decisions of the operator that were not carried out to the end are taken up again first.
    """
    check_base(settings, log)
    erasure.take_up(log, settings)
    published = _published(settings, log, progress)
    erasure.finish(log, settings)
    return published


def _published(settings: Settings, log: Log, progress: Callable[[int], object]) -> snapshots.Snapshot:
    references.ensure(settings, log)
    links = Links(log)
    engine.update(log, links, Tables(settings), settings)
    findings.update(log, links, settings)
    coverage.update(log, settings)
    statements.update(log, settings)
    standing = snapshots.current_or_none(settings.snapshots_dir)
    wanted = (log.last_sequence(), links.last_sequence())
    if standing is not None and (standing.sequence, standing.link_sequence) == wanted and is_index(standing.search):
        log.note_publication(standing.sequence)
        return standing
    with GraphStore(settings.store_dir) as store:
        if store.sequence() > wanted[0] or store.link_sequence() > wanted[1]:
            logger.warning("the store is ahead of the log (an older catalogue was put back?), so it is built anew")
            store.clear()
        return publish_store(settings, log, links, store, progress)


def publish_store(
    settings: Settings,
    log: Log,
    links: Links,
    store: GraphStore,
    progress: Callable[[int], object] = lambda _: None,
    *,
    anew: bool = False,
) -> snapshots.Snapshot:
    """Bring a store up to the log and its links, and publish it."""
    views.catch_up(log, store, settings, progress)
    view.catch_up(links, store, Precedence.of(settings), progress)
    has_other_terms = views.refresh_terms(store, settings)
    store.flush()
    index = SearchIndex.of(settings)
    index.update(settings, log, links, store, progress, anew=anew)
    published = _publish_with(index, settings, store, anew=anew or has_other_terms)
    log.note_publication(published.sequence)
    webhooks.after_publication(settings)
    index.tidy()
    return published


def _publish_with(index: SearchIndex, settings: Settings, store: GraphStore, *, anew: bool) -> snapshots.Snapshot:
    """Publish the store and the index, also where only the index is another than the one that is published."""
    folder, base, keep = settings.snapshots_dir, settings.base_iri, settings.keep_snapshots
    standing = snapshots.current_or_none(folder)
    is_other = standing is not None and state_of(standing.search) != index.state
    return snapshots.publish(store, folder, base, now(), keep, anew=anew or is_other, search=index.checkpoint)


def check_base(settings: Settings, log: Log) -> None:
    """Remember the base IRI that a data folder is built for; ConfigError when the settings have another."""
    known = log.setting("base_iri")
    if known is None:
        log.set_setting("base_iri", settings.base_iri)
    elif known != settings.base_iri:
        raise ConfigError(
            f"base_iri: this data folder was built for {known}, not {settings.base_iri}: "
            "set it back, or use another data_dir"
        )


def manners(settings: Settings) -> Manners:
    """Return how the hub behaves towards archives."""
    return Manners(
        contact=settings.contact,
        interval_s=settings.harvest_interval_s,
        timeout_s=settings.harvest_timeout_s,
        ca_bundle=settings.ca_bundle or None,
    )


def addresses(source: Source) -> list[str]:
    """Return the web addresses that the settings give a source; only their hosts may be private."""
    told = (source.url, *(value for value in source.options.values() if isinstance(value, str)))
    return [value for value in told if value.startswith(("http://", "https://"))]


def save_payload(folder: Path, raw: bytes, *, verify: bool = False) -> str:
    """Keep a payload under the name of its SHA-256 and return that; a damaged file of that name is replaced.

    Args:
        folder: where payloads are kept.
        raw: the payload.
        verify: read a file that stands already, instead of trusting its length.
    """
    digest = hashlib.sha256(raw).hexdigest()
    target = payload_path(folder, digest)
    sound = target.is_file() and target.stat().st_size == len(raw) and not (verify and target.read_bytes() != raw)
    if not sound:
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_suffix(f".part{os.getpid()}")
        part.write_bytes(raw)
        part.replace(target)
    return digest


def payload_path(folder: Path, digest: str) -> Path:
    """Return where the payload of that SHA-256 lies."""
    return folder / digest[:2] / digest


@dataclass(slots=True)
class Run:
    """One run of one source while it lasts."""

    settings: Settings
    log: Log
    source: Source
    harvester: Harvester
    full: bool = False
    confirm: bool = False
    progress: Progress = lambda *_: None
    report: Report = field(default_factory=Report)
    number: int = 0
    known: dict[str, EntryRow] = field(default_factory=dict)
    standing: dict[str, str] = field(default_factory=dict)
    stood: list[str] = field(default_factory=list)
    holders: dict[str, str] = field(default_factory=dict)
    owner: dict[str, str] = field(default_factory=dict)
    waiting: list[tuple[Entry, bytes, str, EntryRow | None]] = field(default_factory=list)
    decisions: Decisions = field(default_factory=lambda: Decisions("", frozenset()))
    withheld: set[str] = field(default_factory=set)
    kept_back: set[str] = field(default_factory=set)
    taken_back: dict[str, tuple[str, Withdrawal]] = field(default_factory=dict)
    is_full_listing: bool = True
    unread: int = 0
    all_listed: bool = False
    listed: set[str] = field(default_factory=set)
    batch: Batch = field(default_factory=Batch)
    committed_at: float = 0.0
    failed_in_a_row: int = 0

    def execute(self) -> Outcome:
        """Run to the end; an error of the source ends the run, keeps what stands and is reported."""
        started = time.monotonic()
        self._begin()
        error = None
        try:
            with self._session() as http:
                listing = self.harvester.listing
                self.is_full_listing = (listing(http, self.source) if callable(listing) else listing) == "full"
                for entry in self.harvester.entries(http, self.source):
                    self._take(http, entry)
                self._settle()
                self._commit(http)
            self._remove()
            if not self.unread and not self.report.held:
                self.log.remember(self.source.name, http.memory)
        except SourceError as err:
            error = self._stop(str(err))
        except Exception as err:
            logger.exception("%s: unforeseen error", self.source.name)
            error = self._stop(f"unforeseen {type(err).__name__}: {err}")
        return self._end(started, error)

    def _stop(self, error: str) -> str:
        """Keep what was done until an error, and count only that."""
        self.report.listed = self.report.new + self.report.changed + self.report.unchanged + self.report.rejected
        self._commit()
        logger.warning("%s stopped: %s", self.source.name, error)
        return error

    def execute_again(self) -> Outcome:
        """Read every kept payload again with today's harvester, without asking the archive."""
        started = time.monotonic()
        self._begin()
        for key, known in self.known.items():
            path = payload_path(self.settings.raw_dir, known.payload_sha256)
            if known.accession in self.withheld:
                continue
            if not known.payload_sha256 or not path.is_file():
                logger.warning("%s %s: its payload is not kept, harvest it with --full", self.source.name, key)
                continue
            before = self.log.record(self.source.name, known.accession) if known.accession else None
            self.report.listed += 1
            self.listed.add(key)
            entry = Entry(key, known.version, before.source_url if before else None)
            self._interpret(entry, path.read_bytes(), known.payload_sha256, known)
            self.progress(self.source.name, self.report)
        self._settle()
        self._commit()
        return self._end(started, None)

    def _begin(self) -> None:
        check_base(self.settings, self.log)
        self.number = self.log.start_run(self.source.name)
        self.known = self.log.known_entries(self.source.name)
        self.standing = self.log.standing(self.source.name)
        self.stood = [accession for accession, state in self.standing.items() if state in LISTED]
        self.decisions = Decisions.of(self.log, self.settings)
        self.withheld = self.decisions.withheld(self.log, self.source.name)
        self.holders = {e.accession: e.key for e in self.known.values() if e.accession and e.rejected is None}
        self.committed_at = time.monotonic()

    def _end(self, started: float, error: str | None) -> Outcome:
        self.report.seconds = round(time.monotonic() - started, 3)
        self.log.finish_run(self.number, self.report, error)
        logger.info("%s: %s", self.source.name, asdict(self.report))
        return Outcome(self.source.name, self.report, error)

    def _session(self) -> PoliteSession:
        """Return a session that knows what this source's server told before; with ``full`` it knows nothing."""
        name = self.source.name
        return PoliteSession(
            manners(self.settings),
            keep=self.keep,
            validators={} if self.full else self.log.validators(name),
            memory={} if self.full else self.log.memory(name),
            private=addresses(self.source),
        )

    @property
    def keep(self) -> Keep:
        """The files that payloads name, beside the payloads."""
        return Keep(self.settings.raw_dir)

    # --- one entry

    def _take(self, http: PoliteSession, entry: Entry) -> None:
        if entry.key in self.listed:
            return
        self.listed.add(entry.key)
        self.report.listed += 1
        known = self.known.get(entry.key)
        if entry.withdrawal is not None:
            self._take_back(entry, known)
        elif known is not None and (self._is_erased(known) or (not self.full and self._looks_unchanged(known, entry))):
            self._count_known(known)
        else:
            self._fetch(http, entry, known)
        self.progress(self.source.name, self.report)
        if len(self.batch) >= BATCH_ENTRIES or time.monotonic() - self.committed_at > BATCH_SECONDS:
            self._commit(http)

    def _take_back(self, entry: Entry, known: EntryRow | None) -> None:
        """Note that the listing calls an entry withdrawn; its record goes when the listing has come to its end."""
        self.report.unchanged += 1
        if known is None or known.accession is None or self.holders.get(known.accession) != entry.key:
            return
        self.owner.setdefault(known.accession, entry.key)
        if self.standing.get(known.accession) in LISTED and entry.withdrawal is not None:
            self.taken_back[known.accession] = (entry.key, entry.withdrawal)

    def _is_erased(self, known: EntryRow) -> bool:
        return known.accession is not None and self.standing.get(known.accession) == "redacted"

    def _fetch(self, http: PoliteSession, entry: Entry, known: EntryRow | None) -> None:
        """Read one entry; one that cannot be had is rejected, several in a row stop the source."""
        learnt = set(http.validators)
        try:
            raw = entry.payload if entry.payload is not None else self.harvester.fetch(http, self.source, entry)
        except SourceError as err:
            self.unread += 1
            self.failed_in_a_row += 1
            if self.failed_in_a_row >= MAX_FAILED_IN_A_ROW:
                self.report.listed -= 1
                raise
            unread = EntryRow(self.source.name, entry.key, None, "", self._harvester(), None)
            self._reject(unread, known, RecordError(f"not read: {err}"))
            return
        self.failed_in_a_row = 0
        self._read(entry, raw, known)
        if entry.key in self.kept_back:
            erasure.forget_answers(self.log, self.keep, http.validators, set(http.validators) - learnt)

    def _looks_unchanged(self, known: EntryRow, entry: Entry) -> bool:
        return entry.version is not None and entry.version == known.version and known.harvester == self._harvester()

    def _harvester(self) -> str:
        return f"{self.harvester.name}/{self.harvester.version}"

    def _count_known(self, known: EntryRow) -> None:
        if known.rejected is not None:
            self.report.rejected += 1
        else:
            self.report.unchanged += 1
        if known.accession is not None:
            self.owner.setdefault(known.accession, known.key)

    def _read(self, entry: Entry, raw: bytes, known: EntryRow | None) -> None:
        """Keep and read a payload; one whose record may be redacted is kept when that is known not to be so."""
        digest = hashlib.sha256(raw).hexdigest()
        same = known is not None and known.payload_sha256 == digest and known.harvester == self._harvester()
        is_same = known is not None and same and not self.full
        if not self.decisions or (is_same and known is not None and known.accession not in self.withheld):
            save_payload(self.settings.raw_dir, raw, verify=self.full)
        if known is not None and is_same:
            if known.accession in self.withheld:
                self.kept_back.add(entry.key)
            self.batch.entries.append(replace(known, version=entry.version))
            self._count_known(known)
            return
        self._interpret(entry, raw, digest, known)

    def _interpret(self, entry: Entry, raw: bytes, digest: str, known: EntryRow | None) -> None:
        row = EntryRow(self.source.name, entry.key, entry.version, digest, self._harvester(), None)
        try:
            harvested = self._transform(raw, entry)
        except RecordError as err:
            self._reject(row, known, err)
            return
        accession = harvested.record.accession
        if self.decisions.erases(harvested.record.id, self.source.name):
            self._pass_over(row, accession)
            return
        holder = self.holders.get(accession, entry.key)
        if holder != entry.key and holder not in self.listed and not self.all_listed:
            self.waiting.append((entry, raw, digest, known))
        elif self.owner.setdefault(accession, entry.key) != entry.key:
            taken = f"accession: {accession} is already given by {self.owner[accession]}: give each record its own"
            self._reject(replace(row, version=None, payload_sha256=""), known, RecordError(taken))
        else:
            self._accept(row, entry, harvested, raw, known)

    def _pass_over(self, row: EntryRow, accession: str) -> None:
        """Take nothing of an entry whose record is redacted."""
        self.report.unchanged += 1
        self.owner.setdefault(accession, row.key)
        self.kept_back.add(row.key)
        self.batch.entries.append(replace(row, accession=accession))

    def _settle(self) -> None:
        """Decide on entries that claim an accession of another entry: that one has it for as long as it is listed."""
        self.all_listed = True
        for entry, raw, digest, known in self.waiting:
            self._interpret(entry, raw, digest, known)

    def _transform(self, raw: bytes, entry: Entry) -> Harvested:
        try:
            harvested = self.harvester.transform(raw, entry, self._context())
            record = records.canonical(harvested.record)
        except RecordError:
            raise
        except ValueError as err:
            raise RecordError(str(err)) from err
        except Exception as err:
            logger.exception("%s %s: the harvester failed", self.source.name, entry.key)
            raise RecordError(f"the harvester failed on it ({type(err).__name__}): please report this") from err
        return Harvested(record, harvested.findings, harvested.withdrawal)

    def _context(self) -> Context:
        return Context(self.settings.base_iri, self.source, self.keep.open)

    def _reject(self, row: EntryRow, known: EntryRow | None, err: RecordError) -> None:
        self.report.rejected += 1
        accession = known.accession if known is not None else None
        if accession is not None:
            self.owner.setdefault(accession, row.key)
        # What came may be a mishap of that hour, so the next run asks again; `_read` believes the same bytes then.
        self.batch.entries.append(
            replace(row, version=None, accession=accession, rejected=json.dumps(list(err.reasons)))
        )
        logger.warning("%s %s rejected: %s", self.source.name, row.key, err)

    def _accept(self, row: EntryRow, entry: Entry, harvested: Harvested, raw: bytes, known: EntryRow | None) -> None:
        record = harvested.record
        before = self.log.record(self.source.name, record.accession) if record.accession in self.standing else None
        try:
            after = self.decisions.applied(self._row(row, entry, harvested, before))
        except RecordError as err:
            self.kept_back.add(entry.key)
            self._reject(row, known, err)
            return
        if self.decisions.withholds(after):
            self.kept_back.add(entry.key)
            self.withheld.add(record.accession)
        elif self.decisions:
            save_payload(self.settings.raw_dir, raw, verify=self.full)
        is_doubted = any(finding.rule in self.harvester.doubtful for finding in harvested.findings)
        version = None if is_doubted else row.version
        self.batch.entries.append(replace(row, accession=record.accession, version=version))
        self.report.findings += len(harvested.findings)
        if before is not None and _same(before, after):
            self.report.unchanged += 1
            return
        if before is None:
            self.report.new += 1
        else:
            self.report.changed += 1
        if after.state == "withdrawn" and (before is None or before.state != "withdrawn"):
            self.report.deleted += 1
        self.standing[record.accession] = after.state
        self.batch.records.append((redactions.action(before, after), after))

    def _row(self, row: EntryRow, entry: Entry, harvested: Harvested, before: RecordRow | None) -> RecordRow:
        record, moment = harvested.record, now()
        return RecordRow(
            source=self.source.name,
            accession=record.accession,
            iri=record.id,
            state="withdrawn" if harvested.withdrawal else "active",
            title=record.name,
            record=records.to_json(record),
            findings=json.dumps([asdict(f) for f in harvested.findings], ensure_ascii=False),
            withdrawal=json.dumps(asdict(harvested.withdrawal)) if harvested.withdrawal else None,
            payload_sha256=row.payload_sha256,
            source_url=_address(entry.url) if entry.url else None,
            harvester=row.harvester,
            first_seen=before.first_seen if before else moment,
            changed=moment,
            run=self.number,
        )

    # --- the batch, and what vanished

    def _commit(self, http: PoliteSession | None = None) -> None:
        if http is not None:
            self.batch.validators = {(self.source.name, url): v for url, v in http.validators.items()}
            http.validators.clear()
        if self.batch:
            os.sync()
            self.log.commit(self.batch, self.number)
            self.batch = Batch()
        self.committed_at = time.monotonic()

    def _remove(self) -> None:
        """Withdraw what the listing called withdrawn, and what a full listing does not hold, within the guard."""
        gone = [a for a in self.stood if a not in self.owner] if self.is_full_listing else []
        leaving = len(gone) + len(self.taken_back)
        active = len(self.stood)
        guard = float(self.source.options.get("deletion_guard", self.settings.deletion_guard))
        if leaving > guard * active and not self.confirm:
            self.report.held = leaving
            logger.warning("%s: %d of %d records vanished; held until --confirm", self.source.name, leaving, active)
            return
        if self.is_full_listing:
            self.batch.forgotten = [(self.source.name, key) for key in sorted(set(self.known) - self.listed)]
        for accession in sorted(gone):
            self._withdraw(accession, Withdrawal(f"{self.source.name} does not list it any more"))
        for accession, (key, withdrawal) in sorted(self.taken_back.items()):
            self.report.unchanged -= 1
            self.report.changed += 1
            self.batch.forgotten.append((self.source.name, key))
            self._withdraw(accession, withdrawal)
        self._commit()

    def _withdraw(self, accession: str, withdrawal: Withdrawal) -> None:
        before = self.log.record(self.source.name, accession)
        if before is None or before.state not in LISTED:
            return
        self.report.deleted += 1
        told = json.dumps(asdict(withdrawal))
        after = replace(redactions.own(before), state="withdrawn", withdrawal=told, changed=now(), run=self.number)
        after = self.decisions.applied(after)
        self.batch.records.append((redactions.action(before, after), after))


# States of records that their archive lists.
LISTED = frozenset({"active", "suppressed", "replaced"})
# Parameters that say which record an address gives (OAI-PMH); others may hold secrets.
TOLD_PARAMETERS = frozenset({"verb", "identifier", "metadataPrefix"})


def _address(url: str) -> str:
    """Return the address of a payload as it may be told.

    >>> _address("https://me:secret@a.example/oai?verb=GetRecord&identifier=oai:a:1&token=t")
    'https://a.example/oai?verb=GetRecord&identifier=oai%3Aa%3A1'
    """
    told = [(name, value) for name, value in parse_qsl(urlsplit(url).query) if name in TOLD_PARAMETERS]
    return public_url(url) + (f"?{urlencode(told)}" if told else "")


def _same(before: RecordRow, after: RecordRow) -> bool:
    kept = ("state", "record", "findings", "withdrawal", "payload_sha256", "harvester")
    return all(getattr(before, name) == getattr(after, name) for name in kept)
