"""Carrying out the operator's decisions: what is decided is put on the records, and what is redacted is erased.

Each decision is a list of steps that are written down before they begin and crossed out when they are done; each may
be done twice. Whatever ends a process, `take_up` goes on from there before anything is published again:

1. ``records``: the records get their new state; old versions, statements and findings lose what is erased.
2. ``files``: payloads, the files that these name and copies of images are removed, unless another record uses them.
3. ``views``: store and search index are built anew, which leaves nothing behind in their files; then older snapshots
   and dumps go, links' and findings' history loses what is erased, and the catalogue's file is written anew.
"""

from __future__ import annotations

import json
import logging
import shutil
import zlib
from collections.abc import Callable, Iterable, Iterator, MutableMapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from harvesters.contract import RecordError
from harvesters.http import Validator
from harvesters.keep import Keep
from hub import cutting, digests, redactions, routes, thumbnails
from hub.config import Settings
from hub.cutting import Cut
from hub.errors import ConfigError, NotFoundError
from hub.findings import events as finding_events
from hub.findings import table as findings
from hub.links.catalogue import changes as link_changes
from hub.links.catalogue import links
from hub.log import (
    Batch,
    Log,
    RecordRow,
    Report,
    Signed,
    changes,
    entries,
    erased,
    now,
    packed,
    records,
    statements,
    validators,
    versions,
)
from hub.redactions import Action, Decision, Decisions
from hub.store import write_lock
from hub.thumbnail_copies import addresses, images_of
from hub.thumbnail_copies import metadata as thumbnail_tables
from ontology import iris

logger = logging.getLogger(__name__)
metadata = sa.MetaData()
steps = sa.Table(
    "erasures",
    metadata,
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("step", sa.String, nullable=False),
    sa.Column("plan", sa.Text, nullable=False),
)
RECORDS, FILES, VIEWS, DONE = "records", "files", "views", "done"
NOTHING = "[]"
GONE = "gone"
# What stands in the history of links for a thing that a record named before that was erased.
REDACTED_OBJECT = "https://w3id.org/bioimage-hub/vocab#redacted"
PAGE = 500


@dataclass(slots=True)
class Plan:
    """What one erasure has to do, and what of it is known so far.

    Attributes:
        decision: number of the decision, or None of a record that another hub erased.
        keys: (source, accession) of the records that lose something.
        iris: their datasets.
        files: SHA-256 of payloads and of the files that these name.
        images: addresses of images of which there may be copies.
        sequence: number of the log's last change when the records were done.
        is_past: whether only older versions go, because another hub had something taken out of the record.
        digests: hashes of names and ORCID of the people who are taken out, as the records had them.
    """

    decision: int | None = None
    keys: list[tuple[str, str]] = field(default_factory=list)
    iris: list[str] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    images: list[str] = field(default_factory=list)
    sequence: int = 0
    is_past: bool = False
    digests: dict[str, int] = field(default_factory=dict)

    @classmethod
    def read(cls, text: str) -> Plan:
        """Return the plan that JSON tells of."""
        told = json.loads(text)
        return cls(**{**told, "keys": [(source, accession) for source, accession in told["keys"]]})

    def add(self, row: RecordRow, files: Iterable[str], images: Iterable[str]) -> None:
        """Add a record that loses something."""
        self.keys.append((row.source, row.accession))
        self.iris = sorted({*self.iris, row.iri})
        self.files = sorted({*self.files, *files})
        self.images = sorted({*self.images, *images})


# --- deciding ------------------------------------------------------------------------------------------------------


def decide(settings: Settings, decision: Decision, publish: Callable[[Settings, Log], object]) -> Decision:
    """Write a decision, carry it out, publish, and return it with its number.

    Args:
        settings: the hub's settings.
        decision: of any number.
        publish: publishes, such as `hub.ingest.publish`.

    Raises:
        NotFoundError: there is no such record.
        ConfigError: the decision holds already, leads into a ring, or leaves no record.
        LockedError: another process writes.
    """
    with write_lock(settings.data_dir):
        log = Log(settings.database)
        try:
            _add_tables(log)
            take_up(log, settings)
            _check(log, settings, decision)
            with log.engine.begin() as db:
                written = redactions.insert(db, decision)
                _write(db, str(written.number), RECORDS, Plan(decision=written.number))
            publish(settings, log)
        finally:
            log.close()
    return written


def _check(log: Log, settings: Settings, decision: Decision) -> None:
    every = redactions.all_decisions(log)
    held = redactions.standing(every)
    if decision.action == Action.RESTORE:
        return
    rows = list(redactions.rows_about(log, decision, settings.sources))
    if not rows:
        raise NotFoundError(f"{decision.iri or 'any record'}: there is no such record here; see `hub status`")
    said = (decision.iri, decision.source, decision.action)
    known = [one for one in held if one.is_whole and (one.iri, one.source, one.action) == said]
    if decision.is_whole and known:
        raise ConfigError(f"{decision.iri}: decision {known[0].number} says so already; take that back first")
    if decision.action == Action.REPLACE and decision.iri and decision.successor:
        redactions.check_chain(held, decision.iri, decision.successor)
    if not decision.is_whole:
        _check_cut(log, settings, decision, rows)


def _check_cut(log: Log, settings: Settings, decision: Decision, rows: list[RecordRow]) -> None:
    """Refuse a cut that leaves no record, or takes out nothing."""
    only = Decisions("", frozenset(), {}, (replace(decision, iri=None),), redactions.secret(log, settings))
    alive = [row for row in rows if row.state != "redacted"]
    try:
        if [row for row in alive if only.applied(row) != row] or _is_in_versions(log, decision, only, rows):
            return
    except RecordError as err:
        raise ConfigError(str(err)) from err
    if decision.iri is not None:
        raise ConfigError("value: the record does not hold it: write it as the record's page does")


def _is_in_versions(log: Log, decision: Decision, only: Decisions, rows: list[RecordRow]) -> bool:
    assert only.secret is not None
    for row in rows:
        for _, text in _contents(log, [(row.source, row.accession)]):
            if cutting.without(text, NOTHING, [decision.cuts], only.secret)[0] != text:
                return True
    return False


def erase(
    log: Log,
    settings: Settings,
    source: str,
    accession: str,
    reason: str,
    at: str,
    signed: Signed | None = None,
    run: int | None = None,
) -> bool:
    """Erase a record of another hub because its owner did; return whether there was anything to erase.

    The caller holds the write lock, and publishes afterwards with `hub.ingest.publish`.

    Args:
        log: the catalogue.
        settings: the hub's settings.
        source: name of the source here, such as ``idr~eu``.
        accession: of the record.
        reason: one sentence, which readers see.
        at: ISO 8601 time of the erasure.
        signed: what the owner says of it; passed on to other hubs.
        run: number of the run that does it; one of its own when None.
    """
    _add_tables(log)
    row = log.record(source, accession)
    if row is None or row.state == "redacted":
        return False
    plan = Plan()
    plan.add(row, _files_of(log, settings, row), images_of(row))
    tombstone = replace(redactions.erased(row, reason, at), changed=now())
    batch = Batch(records=[("redact", tombstone)], signed={(source, accession): signed} if signed else {})
    with log.engine.begin() as db:
        _write(db, f"{source}/{accession}", RECORDS, plan)
    _commit(log, batch, run)
    _take_up_one(log, settings, f"{source}/{accession}", RECORDS, plan)
    return True


def erase_past(log: Log, settings: Settings, source: str, accession: str) -> None:
    """Erase what a record of another hub was before its last change, because its owner had something taken out of it.

    The caller has written that change, holds the write lock, and publishes afterwards with `hub.ingest.publish`.
    """
    _add_tables(log)
    row = log.record(source, accession)
    if row is None:
        return
    plan, id = Plan(is_past=True), f"{source}/{accession}"
    plan.add(row, (), set())
    _go_on(log, id, RECORDS, plan)
    _take_up_one(log, settings, id, RECORDS, plan)


# --- steps ---------------------------------------------------------------------------------------------------------


def take_up(log: Log, settings: Settings) -> None:
    """Carry decisions out as far as it goes before the views are made; the caller holds the write lock.

    Raises:
        StoreError: the key of redactions is missing.
    """
    _add_tables(log)
    for id, step, plan in _pending(log):
        _take_up_one(log, settings, id, step, plan)
    if any(step == VIEWS and plan.keys for _, step, plan in _pending(log)):
        for folder in (settings.store_dir, settings.data_dir / "search"):
            shutil.rmtree(folder, ignore_errors=True)


def finish(log: Log, settings: Settings) -> None:
    """Remove what the views of before an erasure left behind, now that newer ones are published."""
    pending = [(id, plan) for id, step, plan in _pending(log) if step == VIEWS]
    losing = [plan for _, plan in pending if plan.keys]
    if losing:
        _clean_histories(log, settings, losing)
        for path in old_views(settings, max(plan.sequence for plan in losing)):
            shutil.rmtree(path, ignore_errors=True)
        _compact(log)
    for id, _ in pending:
        with log.engine.begin() as db:
            db.execute(sa.delete(steps).where(steps.c.id == id))


def _take_up_one(log: Log, settings: Settings, id: str, step: str, plan: Plan) -> None:
    if step == RECORDS:
        _do_records(log, settings, id, plan)
        plan.sequence = log.last_sequence()
        _go_on(log, id, FILES, plan)
    if step in (RECORDS, FILES):
        _do_files(log, settings, plan)
        _go_on(log, id, VIEWS, plan)


def _go_on(log: Log, id: str, step: str, plan: Plan) -> None:
    with log.engine.begin() as db:
        _write(db, id, step, plan)


def _write(db: sa.Connection, id: str, step: str, plan: Plan) -> None:
    db.execute(sa.delete(steps).where(steps.c.id == id))
    db.execute(sa.insert(steps).values(id=id, step=step, plan=json.dumps(asdict(plan))))


def _pending(log: Log) -> list[tuple[str, str, Plan]]:
    with log.engine.connect() as db:
        rows = db.execute(sa.select(steps).order_by(steps.c.id)).all()
    return [(row.id, row.step, Plan.read(row.plan)) for row in rows]


def _add_tables(log: Log) -> None:
    redactions.add_tables(log)
    log.add_tables(metadata, "erasures")
    log.add_tables(thumbnail_tables, "thumbnails")


# --- records -------------------------------------------------------------------------------------------------------


def _do_records(log: Log, settings: Settings, id: str, plan: Plan) -> None:
    """Put a decision on its records; what it erases of them, and of all that the catalogue tells of them, goes."""
    if plan.decision is None:
        _erase_versions(log, plan.keys, None, is_past=plan.is_past)
        return
    every = {one.number: one for one in redactions.all_decisions(log)}
    decision = every[plan.decision]
    if decision.action == Action.RESTORE and decision.takes_back is not None:
        _forget_entries(log, settings, every[decision.takes_back])
        decision = replace(every[decision.takes_back], action=Action.SUPPRESS)
    found = Decisions.of(log, settings)
    rows = list(redactions.rows_about(log, decision, settings.sources))
    after = {(row.source, row.accession): found.applied(redactions.own(row)) for row in rows}
    if decision.is_erasing:
        _plan_erasure(log, settings, decision, found, rows, after, plan)
        _go_on(log, id, RECORDS, plan)
    moved = [(row, after[row.source, row.accession]) for row in rows]
    batch = Batch(records=[(_verb(row, new), replace(new, changed=now())) for row, new in moved if new != row])
    if batch.records:
        _commit(log, batch, None)
    if decision.is_erasing:
        _erase_versions(log, plan.keys, None if decision.is_whole else (decision.cuts, found))


def _verb(before: RecordRow, after: RecordRow) -> str:
    is_cut = after.state == before.state and after.record != before.record
    return "redact" if is_cut else redactions.action(before, after)


def _plan_erasure(
    log: Log,
    settings: Settings,
    decision: Decision,
    found: Decisions,
    rows: list[RecordRow],
    after: dict[tuple[str, str], RecordRow],
    plan: Plan,
) -> None:
    """Note what an erasure removes, before the records that tell it are gone."""
    for row in rows:
        key = (row.source, row.accession)
        if key in plan.keys or not (decision.is_whole or _loses(log, decision, found, row, after[key])):
            continue
        images = set() if row.state == "redacted" else set(images_of(replace(row, state="active")))
        kept = set(images_of(replace(after[key], state="active"))) if after[key].record else set()
        plan.add(row, _files_of(log, settings, row), images - kept)
        if found.secret is not None and not decision.is_whole:
            for _, text in _contents(log, [key]):
                plan.digests |= cutting.learnt(text, decision.cuts, found.secret)


def _loses(log: Log, decision: Decision, found: Decisions, row: RecordRow, after: RecordRow) -> bool:
    """Whether a record, or an older version of it, holds what is taken out."""
    if after.record != row.record or after.findings != row.findings:
        return True
    assert found.secret is not None
    cuts, secret = [decision.cuts], found.secret
    return any(
        cutting.without(text, NOTHING, cuts, secret)[0] != text
        for _, text in _contents(log, [(row.source, row.accession)])
    )


def _commit(log: Log, batch: Batch, run: int | None) -> None:
    """Write changes; of no other run they are a run of the operator's."""
    number = log.start_run(redactions.SOURCE) if run is None else run
    batch.records = [(verb, replace(row, run=number)) for verb, row in batch.records]
    log.commit(batch, number)
    if run is None:
        count = len(batch.records)
        gone = sum(1 for verb, _ in batch.records if verb in ("withdraw", "redact"))
        log.finish_run(number, Report(listed=count, changed=count, deleted=gone))


def _forget_entries(log: Log, settings: Settings, decision: Decision) -> None:
    """Let a source's next run read again what was redacted."""
    if decision.is_erasing:
        for row in redactions.rows_about(log, decision, settings.sources):
            if decision.iri is None and not redactions.is_cut(row):
                continue
            key = (entries.c.source == row.source) & (entries.c.accession == row.accession)
            with log.engine.begin() as db:
                db.execute(sa.delete(entries).where(key))


def _contents(log: Log, keys: list[tuple[str, str]]) -> Iterator[tuple[int, str]]:
    """Yield number and record of every version of some records that has one."""
    columns = (versions.c.sequence, versions.c.content)
    for source, accession in keys:
        which = (versions.c.source == source) & (versions.c.accession == accession) & versions.c.content.is_not(None)
        with log.engine.connect() as db:
            for number, content in db.execute(sa.select(*columns).where(which).order_by(versions.c.sequence)):
                yield number, zlib.decompress(content).decode()


def _erase_versions(
    log: Log, keys: list[tuple[str, str]], cut: tuple[Cut, Decisions] | None, *, is_past: bool = False
) -> None:
    """Erase versions, or take something out of them; the hash of what stood there stays."""
    for source, accession in keys:
        of_record = (versions.c.source == source) & (versions.c.accession == accession)
        held = list(_contents(log, [(source, accession)]))
        if is_past:
            held = held[:-1]
            of_record &= versions.c.content.is_(None)
        for number, text in held:
            values: dict[str, Any] = {"content": None}
            if cut is not None:
                assert cut[1].secret is not None
                left = cutting.without(text, NOTHING, [cut[0]], cut[1].secret)[0]
                if left == text:
                    continue
                values = {"content": packed(left), "title": json.loads(left)["name"]}
            with log.engine.begin() as db:
                _note_erased(db, number, text)
                db.execute(sa.update(versions).where(versions.c.sequence == number).values(**values))
                db.execute(sa.delete(statements).where(statements.c.sequence == number))
        if cut is None:
            with log.engine.begin() as db:
                db.execute(sa.update(versions).where(of_record).values(title=accession, source_url=None))


def _note_erased(db: sa.Connection, number: int, text: str) -> None:
    """Keep the hash of what a version first held."""
    known = sa.select(erased.c.sequence).where(erased.c.sequence == number)
    if db.execute(known).first() is None:
        signed = db.scalar(sa.select(statements.c.sha256).where(statements.c.sequence == number))
        db.execute(sa.insert(erased).values(sequence=number, sha256=signed or digests.of_record(text)))


# --- files ---------------------------------------------------------------------------------------------------------


def _files_of(log: Log, settings: Settings, row: RecordRow) -> set[str]:
    """Return the SHA-256 of every payload that a record was ever made of, and of the files that these name."""
    key = (changes.c.source == row.source) & (changes.c.accession == row.accession)
    mine = (entries.c.source == row.source) & (entries.c.accession == row.accession)
    with log.engine.connect() as db:
        told = {*db.execute(sa.select(changes.c.payload_sha256, changes.c.harvester).where(key))}
        told |= {*db.execute(sa.select(entries.c.payload_sha256, entries.c.harvester).where(mine))}
    keep = Keep(settings.raw_dir)
    made_of = [(payload, harvester) for payload, harvester in told if payload]
    return {d for payload, harvester in made_of for d in (payload, *_attachments(keep, payload, harvester))}


def _attachments(keep: Keep, payload: str, harvester: str) -> set[str]:
    raw = keep.read(payload)
    try:
        named = routes.harvester_named((harvester or "").partition("/")[0])
        return set() if raw is None else set(named.attachments(raw))
    except (ConfigError, RecordError):
        return set()


def _do_files(log: Log, settings: Settings, plan: Plan) -> None:
    keep = Keep(settings.raw_dir)
    lying = {digest for digest in plan.files if keep.holds(digest)}
    used = used_elsewhere(log, settings, lying, set(plan.keys))
    for digest in lying - used:
        keep.path(digest).unlink(missing_ok=True)
    for digest in used:
        logger.warning("the file %s stays: other records are made of it too", digest)
    gone = set(plan.files) - used
    with log.engine.begin() as db:
        for chunk in _pages(sorted(gone)):
            db.execute(sa.delete(validators).where(validators.c.payload_sha256.in_(chunk)))
    for address in plan.images:
        _remove_image(log, settings, address, set(plan.keys))


def used_elsewhere(log: Log, settings: Settings, files: set[str], keys: set[tuple[str, str]]) -> set[str]:
    """Return which files another record than the given ones is made of."""
    used: set[str] = set()
    keep = Keep(settings.raw_dir)
    columns = (entries.c.source, entries.c.accession, entries.c.payload_sha256, entries.c.harvester)
    with log.engine.connect() as db:
        rows = db.execute(sa.select(*columns)).all() if files else []
    for source, accession, payload, harvester in rows:
        if (source, accession) in keys:
            continue
        used |= files & {payload}
        if files - used and _names_files(harvester):
            used |= files & _attachments(keep, payload, harvester)
    return used


def _names_files(harvester: str) -> bool:
    """Whether payloads of a harvester may name files beside them."""
    try:
        named = routes.harvester_named(harvester.partition("/")[0])
    except ConfigError:
        return False
    return named.attachments is not type(named).__dataclass_fields__["attachments"].default


def _remove_image(log: Log, settings: Settings, address: str, keys: set[tuple[str, str]]) -> None:
    """Remove the copy of an image, unless another record shows it."""
    like = records.c.record.contains(address, autoescape=True)
    with log.engine.connect() as db:
        rows = db.execute(sa.select(records.c.source, records.c.accession).where(like)).all()
        sha256 = db.scalar(sa.select(addresses.c.sha256).where(addresses.c.address == address))
    if any((source, accession) not in keys for source, accession in rows):
        return
    home = thumbnails.folder(settings)
    thumbnails.link_path(home, address).unlink(missing_ok=True)
    with log.engine.begin() as db:
        others = (addresses.c.sha256 == sha256) & (addresses.c.address != address)
        if sha256 and db.execute(sa.select(addresses.c.address).where(others)).first() is None:
            thumbnails.copy_path(home, sha256).unlink(missing_ok=True)
        db.execute(sa.delete(addresses).where(addresses.c.address == address))


def forget_answers(log: Log, keep: Keep, learnt: MutableMapping[str, Validator], urls: Iterable[str]) -> None:
    """Keep nothing of some answers of an archive, because their record is redacted."""
    digests_of = {url: learnt.pop(url).sha256 for url in urls}
    same = entries.c.payload_sha256.in_(digests_of.values())
    with log.engine.connect() as db:
        used = set(db.scalars(sa.select(entries.c.payload_sha256).where(same)))
    for digest in set(digests_of.values()) - used:
        keep.path(digest).unlink(missing_ok=True)


# --- views and histories -------------------------------------------------------------------------------------------


def old_views(settings: Settings, sequence: int) -> list[Path]:
    """Return the snapshots and dumps that are of before a change, the snapshot that is served excepted."""
    found: list[Path] = []
    current = settings.snapshots_dir / "current"
    served = current.readlink().name if current.is_symlink() else ""
    for folder in (settings.snapshots_dir, settings.data_dir / "dumps"):
        for path in folder.iterdir() if folder.is_dir() else ():
            number = path.name.partition(".")[0]
            is_old = number.isdigit() and (int(number) < sequence or folder == settings.snapshots_dir)
            if path.is_dir() and not path.is_symlink() and is_old and path.name != served:
                found.append(path)
    return sorted(found)


def _clean_histories(log: Log, settings: Settings, plans: list[Plan]) -> None:
    """Take what is erased out of what was once found about the records."""
    found = Decisions.of(log, settings)
    every = {one.number: one for one in redactions.all_decisions(log)}
    for plan in plans:
        decision = every.get(plan.decision or 0)
        is_all = decision is None or decision.is_whole or not plan.digests
        left = _whole if is_all else _cut_text(plan, found)
        past_only = plan.is_past or (decision is not None and not decision.is_whole and is_all)
        for place in range(0, len(plan.keys), PAGE):
            with log.engine.begin() as db:
                for source, accession in plan.keys[place : place + PAGE]:
                    _clean_findings(db, source, accession, left, past_only=past_only)
                    _clean_links(db, settings.base_iri, (source, accession), plan.iris, left, past_only=past_only)


def _whole(text: str) -> str:
    return NOTHING if text.startswith("[") else ""


def _cut_text(plan: Plan, found: Decisions) -> Callable[[str], str]:
    assert found.secret is not None
    secret, cuts = found.secret, [Cut(digests=plan.digests)]
    return lambda text: cutting.text_without(text, cuts, secret)


def _clean_findings(
    db: sa.Connection, source: str, accession: str, left: Callable[[str], str], *, past_only: bool
) -> None:
    mine = (findings.c.source == source) & (findings.c.accession == accession)
    if past_only:
        mine &= findings.c.fixed_at.is_not(None)
    names = ("value", "message", "suggestion", "evidence")
    for row in db.execute(sa.select(findings).where(mine)).mappings().all():
        values = {name: left(row[name]) for name in names if row[name]}
        db.execute(sa.update(findings).where(findings.c.id == row["id"]).values(**values))
        of_finding = (finding_events.c.id == row["id"]) & finding_events.c.said.is_not(None)
        for event in db.execute(sa.select(finding_events).where(of_finding)).mappings().all():
            said = json.loads(event["said"])
            told = {name: left(value) if name in names and value else value for name, value in said.items()}
            db.execute(
                sa.update(finding_events)
                .where(finding_events.c.number == event["number"])
                .values(said=json.dumps(told, sort_keys=True, separators=(",", ":"), ensure_ascii=False))
            )


def _clean_links(
    db: sa.Connection,
    base: str,
    record: tuple[str, str],
    datasets: list[str],
    left: Callable[[str], str],
    *,
    past_only: bool,
) -> None:
    """Take what is erased out of the links that a record had, and out of their history; that there were some stays."""
    node, name = iris.record(base, *record), "/".join(record)
    gone = sa.select(links.c.id).where(links.c.status == GONE)
    for table, key in ((link_changes, link_changes.c.sequence), (links, links.c.id)):
        of_record = table.c.evidence.contains(f'"{name}"', autoescape=True)
        for column in (table.c.subject, table.c.object):
            of_record |= column.in_([node, *datasets]) | column.startswith(f"{node}#", autoescape=True)
        if table is links or past_only:
            of_record &= table.c.id.in_(gone)
        for row in db.execute(sa.select(key.label("key"), table).where(of_record)).all():
            values = {"evidence": left(row.evidence)}
            if row.subject in datasets and left(row.object) != row.object:
                values["object"] = REDACTED_OBJECT
            db.execute(sa.update(table).where(key == row.key).values(**values))


def _compact(log: Log) -> None:
    """Write the catalogue's file anew, so that erased rows do not lie in its free pages."""
    try:
        with log.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as db:
            db.execute(sa.text("VACUUM"))
            if log.engine.dialect.name == "sqlite":
                db.execute(sa.text("PRAGMA wal_checkpoint(TRUNCATE)"))
    except sa.exc.OperationalError as err:
        logger.warning("the catalogue could not be written anew, so erased rows may lie in its free pages: %s", err)


def _pages(values: list[str]) -> Iterator[list[str]]:
    for place in range(0, len(values), PAGE):
        yield values[place : place + PAGE]


# --- checking ------------------------------------------------------------------------------------------------------


def unkept(log: Log, settings: Settings) -> Callable[[RecordRow], bool]:
    """Return what tells of a record that its payload may not be kept."""
    found = Decisions.of(log, settings)
    return lambda row: row.state == "redacted" or bool(found and found.withholds(row))


def problems(log: Log, settings: Settings) -> Iterator[str]:
    """Yield what was erased, or decided otherwise, and stands somewhere still."""
    _add_tables(log)
    for id, step, _ in _pending(log):
        yield f"erasure {id} is not finished (next: {step}): run `hub redactions --finish`"
    found = Decisions.of(log, settings)
    last = 0
    for row in log.all_records():
        decided = found.applied(redactions.own(row)) if found else row
        if (decided.state, decided.record) != (row.state, row.record):
            yield f"{row.source}/{row.accession}: it does not stand as decided: run `hub redactions --finish`"
        if row.state == "redacted" or found.withholds(row):
            yield from _left_of(log, settings, row, found)
            last = max(last, _erased_at(log, row))
    for path in old_views(settings, last) if last else ():
        number = int(path.name.partition(".")[0])
        if number < last:
            yield f"{path} is of before an erasure: run `hub redactions --finish`"


def _erased_at(log: Log, row: RecordRow) -> int:
    """Return the number of the last change that erased something of a record."""
    mine = (changes.c.source == row.source) & (changes.c.accession == row.accession) & (changes.c.action == "redact")
    with log.engine.connect() as db:
        return int(db.scalar(sa.select(sa.func.max(changes.c.sequence)).where(mine)) or 0)


def _left_of(log: Log, settings: Settings, row: RecordRow, found: Decisions) -> Iterator[str]:
    name = f"{row.source}/{row.accession}"
    for number, text in _contents(log, [(row.source, row.accession)]):
        cuts = [one.cuts for one in found.about(row.iri, row.source) if not one.is_whole]
        is_left = row.state == "redacted" or (
            found.secret is not None and cutting.without(text, NOTHING, cuts, found.secret)[0] != text
        )
        if is_left:
            yield f"{name}: version {number} holds what was erased: run `hub redactions --finish`"
    keep = Keep(settings.raw_dir)
    lying = {digest for digest in _files_of(log, settings, row) if keep.holds(digest)}
    for digest in sorted(lying - used_elsewhere(log, settings, lying, {(row.source, row.accession)})):
        yield f"{name}: the file {digest} holds what was erased: run `hub redactions --finish`"


def again(log: Log, settings: Settings) -> int:
    """Carry every decision that holds out again, as if it were new, and return how many these are."""
    _add_tables(log)
    held = redactions.standing(redactions.all_decisions(log))
    for one in held:
        with log.engine.begin() as db:
            _write(db, str(one.number), RECORDS, Plan(decision=one.number))
    return len(held)
