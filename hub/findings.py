"""Quality findings with a life: each is open, fixed since a run, or waived, under one id for as long as it is the same.

Three things find problems: harvesters (in a record's own payload), the comparison of several records of one dataset
(:mod:`hub.routes`), and link rules (:mod:`hub.links`). Table ``findings`` holds what stands of every problem that was
ever there. It is made of ``finding_events``, which is append-only: what was found, what was gone, what somebody waived
and why. So it can be made again at any time, and neither the time when a problem was first seen nor a waiver is lost.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import unquote

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from hub import log as catalogue
from hub import routes, views
from hub.config import Settings
from hub.errors import NotFoundError, VerdictConflictError, VerdictError
from hub.links.catalogue import Links, chunks, json_text, put, set_number
from hub.links.catalogue import links as link_table
from hub.log import Change, Log, RecordRow, now
from hub.routes import Precedence
from linkml_schemas.generated.model import Finding
from ontology import iris

VERSION = 1
"""Raised when findings are to be compared anew with all records, as after another choice of severities."""
BATCH = 400
STATES = ("open", "fixed", "waived")
SEVERITIES = ("violation", "warning", "info")
MAX_TEXT = 1000
START = ("", "")
FINDINGS_AT = "findings_at"
LINK_FINDINGS_AT = "findings_links_at"
SIGN = "findings_sign"
CURSOR = "findings_cursor"
# What a reader of the record takes for wrong data is a violation; what costs nothing but polish, information.
VIOLATIONS = frozenset(
    """doi-of-another term-unknown term-of-another-name term-malformed orcid-conflict orcid-unassigned
    orcid-of-another-person taxon-conflict title-missing accession-conflict accession-mismatch duplicate-id
    iri-of-two-kinds reference-missing dangling-reference licence-conflict gene-of-another-species""".split()
)
INFORMATION = frozenset(
    """label-mismatch control-characters line-continued template-hint tab-missing routes-disagree predicate-misspelt
    name-misspelt organization-name-differs attribute-name reference-unmarked text-too-long several-values""".split()
)

metadata = sa.MetaData()

table = sa.Table(
    "findings",
    metadata,
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("node", sa.String, nullable=False),
    sa.Column("source", sa.String, nullable=False),
    sa.Column("archive", sa.String, nullable=False),
    sa.Column("accession", sa.String, nullable=False),
    sa.Column("dataset", sa.String, nullable=False),
    sa.Column("origin", sa.String, nullable=False),
    sa.Column("field", sa.Text, nullable=False),
    sa.Column("place", sa.Text, nullable=False),
    sa.Column("rule", sa.String, nullable=False),
    sa.Column("value", sa.Text, nullable=False),
    sa.Column("message", sa.Text, nullable=False),
    sa.Column("suggestion", sa.Text),
    sa.Column("evidence", sa.Text, nullable=False),
    sa.Column("severity", sa.String, nullable=False),
    sa.Column("first_run", sa.Integer, nullable=False),
    sa.Column("first_seen", sa.String, nullable=False),
    sa.Column("fixed_in_run", sa.Integer),
    sa.Column("fixed_at", sa.String),
    sa.Column("waived_by", sa.String),
    sa.Column("note", sa.Text),
    sa.Column("changed", sa.String, nullable=False),
    sa.Index("findings_of_archive", "archive", "rule"),
    sa.Index("findings_of_record", "source", "accession"),
    sa.Index("findings_of_dataset", "dataset"),
)

events = sa.Table(
    "finding_events",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("at", sa.String, nullable=False),
    sa.Column("run", sa.Integer, nullable=False),
    sa.Column("id", sa.String, nullable=False, index=True),
    sa.Column("action", sa.String, nullable=False),
    sa.Column("attributed_to", sa.String),
    sa.Column("note", sa.Text),
    # What was found, as JSON; NULL of events that do not change it.
    sa.Column("said", sa.Text),
)

SAID = (
    "node source archive accession dataset origin field place rule value message suggestion evidence severity".split()
)
"""Columns of what was found; the rest is what became of it."""


@dataclass(frozen=True, slots=True)
class FindingRow:
    """What stands of a finding.

    Attributes:
        id: 16 hexadecimal digits; the same for as long as record, field, rule and value are.
        node: end of its IRI, after the record's: ``#finding-…``.
        source: name of the record's source.
        archive: name of the archive that owns the dataset.
        accession: the record's accession.
        dataset: IRI.
        origin: ``record`` (its own payload), ``routes`` (another record of the dataset) or ``links`` (a link rule).
        field: path of the field.
        place: the same without indices.
        rule: name of the rule.
        value: offending value; empty where there is none.
        message: one sentence.
        suggestion: what would be right, or None.
        evidence: JSON list of reasons.
        severity: ``violation``, ``warning`` or ``info``.
        first_run: number of the run after which it was first there.
        first_seen: ISO 8601 time of that.
        fixed_in_run: number of the run after which it was gone; None while it is there.
        fixed_at: ISO 8601 time of that, or None.
        waived_by: ORCID IRI or name of who waived it; kept when it is fixed and comes back.
        note: why it was waived, or None.
        changed: when its state or content last changed.
        state: ``open``, ``fixed`` or ``waived``.
    """

    id: str
    node: str
    source: str
    archive: str
    accession: str
    dataset: str
    origin: str
    field: str
    place: str
    rule: str
    value: str
    message: str
    suggestion: str | None
    evidence: str
    severity: str
    first_run: int
    first_seen: str
    fixed_in_run: int | None
    fixed_at: str | None
    waived_by: str | None
    note: str | None
    changed: str
    state: str

    def iri(self, base: str) -> str:
        """Return its IRI in the graphs."""
        return iris.record(base, self.source, self.accession) + self.node

    def thing(self, base: str) -> Finding:
        """Return it as a thing of the model."""
        return Finding(
            id=self.iri(base),
            target=iris.record(base, self.source, self.accession),
            field_path=self.field,
            rule=self.rule,
            offending_value=self.value or None,
            message=self.message,
            suggestion=self.suggestion,
            evidence=[json_text(reason) for reason in json.loads(self.evidence)] or None,
        )


@dataclass(frozen=True, slots=True)
class Event:
    """What became of a finding.

    Attributes:
        number: place in the order of all events.
        at: ISO 8601 time.
        run: number of the run before it.
        id: the finding.
        action: ``open``, ``change``, ``fix``, ``reopen``, ``waive`` or ``unwaive``.
        attributed_to: who waived, or took a waiver back.
        note: why.
        said: JSON of what was found, or None.
    """

    number: int
    at: str
    run: int
    id: str
    action: str
    attributed_to: str | None
    note: str | None
    said: str | None


@dataclass(frozen=True, slots=True)
class Filter:
    """Which findings are asked for; what is empty does not matter.

    Attributes:
        archive: name of the archive.
        rule: name of the rule.
        field: field without indices.
        state: ``open``, ``fixed`` or ``waived``.
        severity: ``violation``, ``warning`` or ``info``.
        accession: accession of the record.
        dataset: IRI of the dataset.
    """

    archive: str = ""
    rule: str = ""
    field: str = ""
    state: str = ""
    severity: str = ""
    accession: str = ""
    dataset: str = ""


STATE = sa.case(
    (table.c.fixed_at.is_not(None), "fixed"), (table.c.waived_by.is_not(None), "waived"), else_="open"
).label("state")


def finding_id(source: str, accession: str, node: str) -> str:
    """Return the digest that names a finding for as long as it is the same problem.

    >>> finding_id("bia", "S-BIAD824", "#finding-0f343b0931126a20")
    'a26a7ad22a01663e'
    """
    return hashlib.sha256(f"{source}/{accession}{node}".encode()).hexdigest()[:16]


def severity(rule: str) -> str:
    """Return how much a rule matters.

    >>> severity("doi-invalid"), severity("label-mismatch"), severity("organism-unknown")
    ('violation', 'info', 'warning')
    """
    if rule in INFORMATION:
        return "info"
    return "violation" if rule in VIOLATIONS or rule.endswith("-invalid") else "warning"


class Findings:
    """The findings in a catalogue."""

    def __init__(self, log: Log) -> None:
        self.engine = log.engine
        log.add_tables(metadata, "findings")

    # --- reading

    def finding(self, id: str) -> FindingRow | None:
        """Return what stands of a finding, or None."""
        with self.engine.connect() as db:
            return next(_rows(db, table.c.id == id), None)

    def history(self, id: str) -> list[Event]:
        """Return what became of a finding, oldest first."""
        with self.engine.connect() as db:
            rows = db.execute(sa.select(events).where(events.c.id == id).order_by(events.c.number))
            return [Event(*row) for row in rows]

    def count(self, wanted: Filter) -> int:
        """Return how many findings there are of a kind."""
        with self.engine.connect() as db:
            return int(db.scalar(sa.select(sa.func.count()).select_from(table).where(_condition(wanted))) or 0)

    def page(self, wanted: Filter, limit: int, offset: int = 0) -> list[FindingRow]:
        """Return findings by accession, rule and field."""
        order = (table.c.archive, table.c.accession, table.c.rule, table.c.field, table.c.id)
        with self.engine.connect() as db:
            return list(_rows(db, _condition(wanted), *order, limit=limit, offset=offset))

    def every(self, wanted: Filter) -> Iterator[FindingRow]:
        """Yield findings by id; read in pieces."""
        after = ""
        while True:
            with self.engine.connect() as db:
                found = list(_rows(db, _condition(wanted) & (table.c.id > after), table.c.id, limit=BATCH))
            yield from found
            if len(found) < BATCH:
                return
            after = found[-1].id

    def latest(self, wanted: Filter, limit: int) -> list[FindingRow]:
        """Return the findings whose state or content changed last, the newest first."""
        with self.engine.connect() as db:
            return list(_rows(db, _condition(wanted), table.c.changed.desc(), table.c.id, limit=limit))

    def by_rule(self, wanted: Filter, days: int = 30, at: datetime | None = None) -> list[dict[str, Any]]:
        """Return for each archive and rule the numbers of findings: open, waived, and fixed in the last days."""
        since = ((at or datetime.now(UTC)) - timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%SZ")
        named = {
            "open": STATE == "open",
            "fixed": table.c.fixed_at >= since,
            "waived": STATE == "waived",
        }
        counts = [sa.func.sum(sa.case((which, 1), else_=0)).label(name) for name, which in named.items()]
        keys = (table.c.archive, table.c.rule, table.c.severity)
        query = sa.select(*keys, *counts).where(_condition(wanted)).group_by(*keys)
        with self.engine.connect() as db:
            found = [{**row, **{n: int(row[n]) for n in named}} for row in db.execute(query).mappings()]
        shown = [row for row in found if any(row[name] for name in named)]
        return sorted(shown, key=lambda r: (r["archive"], SEVERITIES.index(r["severity"]), -r["open"], r["rule"]))

    def fields(self, archive: str) -> list[str]:
        """Return the fields that findings of an archive are on, without indices, the most frequent first."""
        times = sa.func.count()
        query = sa.select(table.c.place).where(table.c.archive == archive, table.c.place != "")
        with self.engine.connect() as db:
            return list(db.scalars(query.group_by(table.c.place).order_by(times.desc(), table.c.place)))

    # --- waivers

    def waive(self, id: str, by: str, note: str | None = None) -> FindingRow:
        """Say that a finding is to stay as it is; it is told apart from the open ones from then on.

        Raises:
            NotFoundError: there is no such finding.
            VerdictError: without a name, or with too long a note.
            VerdictConflictError: it is waived already.
        """
        return self._judge(id, "waive", by, note)

    def unwaive(self, id: str, by: str, note: str | None = None) -> FindingRow:
        """Take a waiver back.

        Raises:
            NotFoundError: there is no such finding.
            VerdictError: without a name, or with too long a note.
            VerdictConflictError: it is not waived.
        """
        return self._judge(id, "unwaive", by, note)

    def _judge(self, id: str, action: str, by: str, note: str | None) -> FindingRow:
        if not by.strip() or len(by) > MAX_TEXT or len(note or "") > MAX_TEXT:
            raise VerdictError(f"by, note: give a name, and a note of at most {MAX_TEXT} characters")
        with self.engine.begin() as db:
            before = next(_rows(db, table.c.id == id), None)
            if before is None:
                raise NotFoundError(f"there is no finding {id[:80]} in this hub")
            if (before.waived_by is not None) == (action == "waive"):
                raise VerdictConflictError(f"finding {id} is {'' if action == 'waive' else 'not '}waived already")
            event = {"at": now(), "run": last_run(db), "id": id, "action": action}
            _append(db, [{**event, "attributed_to": by.strip(), "note": note or None, "said": None}])
        found = self.finding(id)
        assert found is not None
        return found


def plain(field: str) -> str:
    """Return a field without its indices.

    >>> plain("author[3].affiliation[0].@id")
    'author.affiliation.@id'
    """
    head, *rest = field.split("[")
    return head + "".join(part.partition("]")[2] for part in rest)


def _condition(wanted: Filter) -> sa.ColumnElement[bool]:
    columns: dict[str, sa.ColumnElement[Any]] = {"state": STATE.element, "field": table.c.place}
    columns |= {name: table.c[name] for name in ("archive", "rule", "severity", "accession", "dataset")}
    parts = (column == value for name, column in columns.items() if (value := getattr(wanted, name)))
    return sa.and_(sa.true(), *parts)


def _rows(
    db: Connection, which: sa.ColumnElement[bool], *order: Any, limit: int | None = None, offset: int = 0
) -> Iterator[FindingRow]:
    query = sa.select(table, STATE).where(which).order_by(*order)
    for row in db.execute(query.limit(limit).offset(offset) if limit else query):
        yield FindingRow(*row)


def last_run(db: Connection) -> int:
    """Return the number of the last run of any source, 0 before the first."""
    return int(db.scalar(sa.select(sa.func.max(catalogue.runs.c.number))) or 0)


# --- from events to what stands -------------------------------------------------------------------------------------


def _append(db: Connection, new: list[dict[str, Any]]) -> None:
    """Write events, and what stands after them."""
    if new:
        db.execute(sa.insert(events), new)
        _replay(db, new)


def _replay(db: Connection, told: Iterable[Mapping[str, Any]]) -> None:
    """Bring the table of findings up to some events, in their order."""
    told = list(told)
    standing = {r["id"]: dict(r) for part in chunks(sorted({e["id"] for e in told})) for r in _standing(db, part)}
    for event in told:
        standing[event["id"]] = _after(standing.get(event["id"]), event)
    put(db, table, list(standing.values()))


def _standing(db: Connection, ids: list[str]) -> list[sa.RowMapping]:
    return list(db.execute(sa.select(table).where(table.c.id.in_(ids))).mappings())


def _after(row: dict[str, Any] | None, event: Mapping[str, Any]) -> dict[str, Any]:
    """Return what stands of a finding after an event."""
    if row is None:
        row = dict.fromkeys((c.name for c in table.c), None)
        row |= {"id": event["id"], "first_run": event["run"], "first_seen": event["at"]}
    row = {**row, "changed": event["at"], **(json.loads(event["said"]) if event["said"] else {})}
    match event["action"]:
        case "fix":
            row |= {"fixed_in_run": event["run"], "fixed_at": event["at"]}
        case "open" | "reopen":
            row |= {"fixed_in_run": None, "fixed_at": None}
        case "waive":
            row |= {"waived_by": event["attributed_to"], "note": event["note"]}
        case "unwaive":
            row |= {"waived_by": None, "note": None}
    return row


# --- what is found now ----------------------------------------------------------------------------------------------


def _found(rows: list[RecordRow], of_links: list[Any], order: Precedence) -> dict[str, dict[str, Any]]:
    """Return by id what is found now on the records of some datasets; every record of these is to be among them."""
    datasets: dict[str, list[RecordRow]] = {}
    for row in rows:
        datasets.setdefault(row.iri, []).append(row)
    found: dict[str, dict[str, Any]] = {}
    active = {iris.record(order.base, r.source, r.accession): r for r in rows if r.state == "active"}
    for described in datasets.values():
        notes = routes.disagreements(described, order)
        for row in described:
            if row.state == "active":
                own = views.findings_of(row, order.base)
                others = views.findings_of(_bare(row), order.base, notes.get((row.source, row.accession), ()))
                found.update(_said(row, order.base, own, "record"))
                found.update(_said(row, order.base, others, "routes"))
    for link in of_links:
        if (about := active.get(link.subject)) is not None:
            found.update(_said(about, order.base, [_of_link(link)], "links"))
    return found


def _bare(row: RecordRow) -> RecordRow:
    return RecordRow(**{**{f.name: getattr(row, f.name) for f in fields(row)}, "findings": "[]"})


def _of_link(link: Any) -> Finding:
    said = json.loads(link.evidence)
    return Finding(
        id=f"{link.subject}#finding-{link.id}",
        target=link.subject,
        field_path=said["field"],
        rule=link.predicate,
        offending_value=link.object or None,
        message=said["message"],
        suggestion=said["suggestion"],
        evidence=[json_text(reason) for reason in said["evidence"]],
    )


def _said(row: RecordRow, base: str, found: Iterable[Finding], origin: str) -> dict[str, dict[str, Any]]:
    """Return by id the columns of what was found on a record."""
    record = iris.record(base, row.source, row.accession)
    archive = unquote(row.iri.removeprefix(f"{base}dataset/").partition("/")[0])
    told = {}
    for finding in found:
        node = finding.id.removeprefix(record)
        reasons = [json.loads(reason) for reason in finding.evidence or []]
        columns = (
            *(node, row.source, archive, row.accession, row.iri, origin),
            *(
                finding.field_path or "",
                plain(finding.field_path or ""),
                finding.rule,
                finding.offending_value or "",
                finding.message,
            ),
            *(finding.suggestion, json_text(reasons), severity(finding.rule)),
        )
        told[finding_id(row.source, row.accession, node)] = dict(zip(SAID, columns, strict=True))
    return told


# --- bringing findings up to date -----------------------------------------------------------------------------------


def update(log: Log, links: Links, settings: Settings, progress: Callable[[int], object] = lambda _: None) -> int:
    """Bring the findings up to the log and the link rules, and return how many events that came to.

    Only datasets of which a record or a link rule's finding changed are looked at; all of them when the precedence
    among sources changed. Each batch says in its own transaction how far it came, so a crash loses and doubles nothing.

    Args:
        log: the catalogue.
        links: its link tables, up to date.
        settings: for the base IRI and the precedence.
        progress: told how many records were looked at, batch by batch.
    """
    Findings(log)
    work = _Update(log, links, Precedence.of(settings), progress)
    work.begin()
    work.all_records()
    work.changed_records()
    work.changed_links()
    return work.written


def rebuild(log: Log, links: Links, settings: Settings, progress: Callable[[int], object] = lambda _: None) -> int:
    """Make the table of findings again from its events, then compare it with every record; return the new events."""
    findings = Findings(log)
    with findings.engine.begin() as db:
        db.execute(sa.delete(table))
        after = 0
        while told := [dict(row) for row in db.execute(_next_events(after)).mappings()]:
            _replay(db, told)
            after = told[-1]["number"]
        _set(db, SIGN, "")
    return update(log, links, settings, progress)


def _next_events(after: int) -> sa.Select[Any]:
    return sa.select(events).where(events.c.number > after).order_by(events.c.number).limit(BATCH)


def _set(db: Connection, key: str, value: str) -> None:
    put(db, catalogue.meta, [{"key": key, "value": value}])


class _Update:
    """One update while it lasts."""

    def __init__(self, log: Log, links: Links, order: Precedence, progress: Callable[[int], object]) -> None:
        self.log = log
        self.links = links
        self.order = order
        self.progress = progress
        self.written = 0

    def begin(self) -> None:
        """Have every record looked at when something decides otherwise than before."""
        told = (VERSION, self.order.base, sorted(self.order.archives.items()), sorted(self.order.routes.items()))
        sign = hashlib.sha256(repr((*told, sorted(self.order.declared.items()))).encode()).hexdigest()
        if self.log.setting(SIGN) == sign:
            return
        last, last_link = self.log.last_sequence(), self.links.last_sequence()
        with self.log.engine.begin() as db:
            _set(db, CURSOR, json.dumps(START))
            set_number(db, FINDINGS_AT, last)
            set_number(db, LINK_FINDINGS_AT, last_link)
            _set(db, SIGN, sign)

    def all_records(self) -> None:
        """Look at every record, from where the last look was cut short."""
        known = self.log.setting(CURSOR)
        while known:
            place = json.loads(known)
            keys = self._keys_after(place)
            known = json.dumps(keys[-1]) if keys else ""
            self._compare(keys, {}, {CURSOR: known})

    def _keys_after(self, place: list[str]) -> list[tuple[str, str]]:
        records = catalogue.records
        query = sa.select(records.c.source, records.c.accession)
        query = query.where(sa.tuple_(records.c.source, records.c.accession) > tuple(place))
        with self.log.engine.connect() as db:
            rows = db.execute(query.order_by(records.c.source, records.c.accession).limit(BATCH))
            return [(source, accession) for source, accession in rows]

    def changed_records(self) -> None:
        """Look at the datasets of the records that changed."""
        at = int(self.log.setting(FINDINGS_AT) or 0)
        while pending := self.log.changes_since(at, BATCH):
            at = pending[-1].sequence
            changes = {(c.source, c.accession): c for c in pending}
            self._compare(list(changes), changes, {FINDINGS_AT: str(at)})

    def changed_links(self) -> None:
        """Look at the records on which a link rule found something, or finds it no more."""
        at = int(self.log.setting(LINK_FINDINGS_AT) or 0)
        while pending := self.links.changes_since(at, BATCH):
            at = pending[-1].sequence
            records = sorted({c.subject for c in pending if c.kind == "finding"})
            self._compare(self._records(records), {}, {LINK_FINDINGS_AT: str(at)})

    def _records(self, found: list[str]) -> list[tuple[str, str]]:
        base = iris.record(self.order.base, "", "").removesuffix("/")
        paths = (iri.removeprefix(base).split("/", 1) for iri in found)
        return [(unquote(source), unquote(accession)) for source, accession in paths]

    def _compare(
        self, keys: list[tuple[str, str]], changes: Mapping[tuple[str, str], Change], marks: dict[str, str]
    ) -> None:
        """Note what is new, other or gone on the datasets of some records, and how far that came."""
        rows = [row for part in chunks(keys, BATCH) for row in self.log.describing(part)]
        rows = list({(r.source, r.accession): r for r in rows}.values())
        with self.log.engine.begin() as db:
            found = _found(rows, self._of_links(db, rows), self.order)
            new = [*self._events(db, rows, found, changes)]
            _append(db, new)
            for key, value in marks.items():
                _set(db, key, value)
        self.written += len(new)
        self.progress(len(rows))

    def _of_links(self, db: Connection, rows: list[RecordRow]) -> list[Any]:
        subjects = sorted(iris.record(self.order.base, r.source, r.accession) for r in rows)
        is_there = (link_table.c.kind == "finding") & (link_table.c.status == "fact")
        found: list[Any] = []
        for part in chunks(subjects):
            found += db.execute(sa.select(link_table).where(link_table.c.subject.in_(part) & is_there)).all()
        return found

    def _events(
        self,
        db: Connection,
        rows: list[RecordRow],
        found: dict[str, dict[str, Any]],
        changes: Mapping[tuple[str, str], Change],
    ) -> Iterator[dict[str, Any]]:
        moment, latest = now(), last_run(db)
        records = {(r.source, r.accession): r for r in rows}
        standing: dict[str, Any] = {}
        for part in chunks(sorted(records), BATCH):
            which = sa.tuple_(table.c.source, table.c.accession).in_(part)
            standing.update({r["id"]: r for r in db.execute(sa.select(table).where(which)).mappings()})
        for id in sorted(found.keys() | standing.keys()):
            before, said = standing.get(id), found.get(id)
            action = _action(before, said)
            if action is None:
                continue
            about = said or before
            key = (about["source"], about["accession"])  # type: ignore[index]
            change = changes.get(key)
            at, run = (change.at, change.run) if change else (moment, latest)
            if action == "open" and about["origin"] == "record":  # type: ignore[index]
                at, run = records[key].changed, records[key].run
            event = {"at": at, "run": run, "id": id, "action": action, "attributed_to": None, "note": None}
            yield {**event, "said": json_text(said) if said else None}


def _action(before: Mapping[str, Any] | None, said: dict[str, Any] | None) -> str | None:
    """Return what became of a finding, or None."""
    if said is None:
        return "fix" if before is not None and before["fixed_at"] is None else None
    if before is None:
        return "open"
    if before["fixed_at"] is not None:
        return "reopen"
    return "change" if any(before[name] != said[name] for name in SAID) else None


def as_dict(row: FindingRow) -> dict[str, Any]:
    """Return a finding as JSON values."""
    return {**asdict(row), "evidence": json.loads(row.evidence)}
