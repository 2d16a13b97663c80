"""The links in the catalogue: what the rules found, what they rest on, what curators said, and every change.

Tables of the same database as :mod:`hub.log`. ``link_members`` and ``link_keys`` hold each record's place in each rule;
``link_todo`` the keys that are to be computed again; ``link_support`` what each key gives, with its evidence; ``links``
what stands of a link, made of its support and the curators' last word. ``link_changes`` is append-only and numbered
without gaps, ``verdicts`` is append-only. The engine (:mod:`hub.links.engine`) alone writes all but verdicts.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

from hub.errors import StoreError
from hub.log import Log, meta, now

metadata = sa.MetaData()
LINKS_AT = "links_at"
VERDICTS_AT = "verdicts_at"
CURATED = "curated"
# Its links stand in the records' own graphs already, so the graphs of links leave them out.
ASSERTED = "asserted"
# Rows of one statement: SQLite takes 32,766 values at most.
CHUNK = 2000
ATTEMPTS = 20

rules = sa.Table(
    "link_rules",
    metadata,
    sa.Column("name", sa.String, primary_key=True),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("version", sa.String, nullable=False),
    sa.Column("references", sa.Text, nullable=False),
    sa.Column("justification", sa.String, nullable=False),
    # What a computation of all records has come to: (source, accession) as JSON; NULL when it is done.
    sa.Column("cursor", sa.Text),
)

members = sa.Table(
    "link_members",
    metadata,
    sa.Column("source", sa.String, primary_key=True),
    sa.Column("accession", sa.String, primary_key=True),
    sa.Column("rule", sa.String, primary_key=True),
    sa.Column("dataset", sa.String, nullable=False),
    sa.Column("features", sa.Text, nullable=False),
)

keys = sa.Table(
    "link_keys",
    metadata,
    sa.Column("rule", sa.String, primary_key=True),
    sa.Column("key", sa.String, primary_key=True),
    sa.Column("source", sa.String, primary_key=True),
    sa.Column("accession", sa.String, primary_key=True),
    sa.Index("link_keys_of_record", "source", "accession", "rule"),
)

todo = sa.Table(
    "link_todo",
    metadata,
    sa.Column("rule", sa.String, primary_key=True),
    sa.Column("key", sa.String, primary_key=True),
)

failures = sa.Table(
    "link_failures",
    metadata,
    sa.Column("rule", sa.String, primary_key=True),
    sa.Column("source", sa.String, primary_key=True),
    sa.Column("accession", sa.String, primary_key=True),
    sa.Column("error", sa.Text, nullable=False),
)

large_blocks = sa.Table(
    "link_large_blocks",
    metadata,
    sa.Column("rule", sa.String, primary_key=True),
    sa.Column("key", sa.String, primary_key=True),
    sa.Column("members", sa.Integer, nullable=False),
)

support = sa.Table(
    "link_support",
    metadata,
    sa.Column("rule", sa.String, primary_key=True),
    sa.Column("key", sa.String, primary_key=True),
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("is_fact", sa.Boolean, nullable=False),
    sa.Column("confidence", sa.Float),
    sa.Column("evidence", sa.Text, nullable=False),
    sa.Column("records", sa.Text, nullable=False),
    sa.Index("link_support_of_link", "id"),
)

links = sa.Table(
    "links",
    metadata,
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("rule", sa.String, nullable=False, index=True),
    sa.Column("kind", sa.String, nullable=False),
    sa.Column("subject", sa.String, nullable=False, index=True),
    sa.Column("predicate", sa.String, nullable=False),
    sa.Column("object", sa.Text, nullable=False, index=True),
    sa.Column("symmetric", sa.Boolean, nullable=False),
    sa.Column("confidence", sa.Float),
    sa.Column("status", sa.String, nullable=False),
    sa.Column("evidence", sa.Text, nullable=False),
    sa.Column("records", sa.Text, nullable=False),
    sa.Column("attributed_to", sa.String),
    sa.Column("first_seen", sa.String, nullable=False),
    sa.Column("last_seen", sa.String, nullable=False),
    sa.Column("sequence", sa.Integer, nullable=False, index=True),
)

changes = sa.Table(
    "link_changes",
    metadata,
    sa.Column("sequence", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("at", sa.String, nullable=False),
    sa.Column("action", sa.String, nullable=False),
    sa.Column("id", sa.String, nullable=False, index=True),
    sa.Column("rule", sa.String, nullable=False),
    sa.Column("kind", sa.String, nullable=False),
    sa.Column("subject", sa.String, nullable=False),
    sa.Column("predicate", sa.String, nullable=False),
    sa.Column("object", sa.Text, nullable=False),
    sa.Column("status", sa.String, nullable=False),
    sa.Column("confidence", sa.Float),
    sa.Column("evidence", sa.Text, nullable=False),
)

verdicts = sa.Table(
    "verdicts",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("subject", sa.String, nullable=False),
    sa.Column("predicate", sa.String, nullable=False),
    sa.Column("object", sa.Text, nullable=False),
    sa.Column("verdict", sa.String, nullable=False),
    sa.Column("attributed_to", sa.String, nullable=False),
    sa.Column("at", sa.String, nullable=False),
    sa.Column("note", sa.Text),
    sa.Index("verdicts_of_statement", "subject", "object"),
)

Statement = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class LinkRow:
    """What stands of a link or of a finding.

    Attributes:
        id: digest; of a finding it is made of rule, record, field, the finding's rule and the value.
        rule: name of the rule, or ``curated``.
        kind: ``link`` or ``finding``.
        subject: IRI; of a finding the IRI of the record.
        predicate: IRI; of a finding the name of its rule.
        object: IRI; of a finding the offending value.
        symmetric: whether it holds both ways.
        confidence: 0 to 1; None of a finding.
        status: ``fact``, ``candidate``, ``rejected`` (by a curator) or ``gone``.
        evidence: JSON list of reasons; of a finding a JSON object of field, message, suggestion and evidence.
        records: JSON list of [source, accession].
        attributed_to: the curator whose word counts, or None.
        first_seen: when it was first made.
        last_seen: when what stands of it was last made.
        sequence: number of its last change, 0 when it was never fact nor candidate.
    """

    id: str
    rule: str
    kind: str
    subject: str
    predicate: str
    object: str
    symmetric: bool
    confidence: float | None
    status: str
    evidence: str
    records: str
    attributed_to: str | None
    first_seen: str
    last_seen: str
    sequence: int

    @property
    def statement(self) -> Statement:
        """Subject, predicate and object."""
        return self.subject, self.predicate, self.object

    @property
    def is_shown(self) -> bool:
        """Whether it is a fact or a candidate."""
        return self.status in ("fact", "candidate")


@dataclass(frozen=True, slots=True)
class LinkChange:
    """One row of the stream of changes: what became of a link."""

    sequence: int
    at: str
    action: str
    id: str
    rule: str
    kind: str
    subject: str
    predicate: str
    object: str
    status: str
    confidence: float | None
    evidence: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """A curator's word on a statement.

    Attributes:
        number: place in the order in which verdicts were given.
        subject: IRI.
        predicate: IRI.
        object: IRI.
        verdict: ``accept``, ``reject``, ``add`` or ``withdraw`` (takes the earlier word back).
        attributed_to: ORCID IRI or name of the curator.
        at: ISO 8601 time.
        note: why, or None.
    """

    number: int
    subject: str
    predicate: str
    object: str
    verdict: str
    attributed_to: str
    at: str
    note: str | None

    @property
    def statement(self) -> Statement:
        """Subject, predicate and object."""
        return self.subject, self.predicate, self.object


class Links:
    """The link tables of a catalogue."""

    def __init__(self, log: Log) -> None:
        self.engine = log.engine
        log.add_tables(metadata, "links")

    # --- reading

    def last_sequence(self) -> int:
        """Return the number of the latest change, 0 when there is none."""
        with self.engine.connect() as db:
            return last_sequence(db)

    def changes_since(self, sequence: int, limit: int) -> list[LinkChange]:
        """Return the next changes after a sequence number, oldest first."""
        with self.engine.connect() as db:
            query = sa.select(changes).where(changes.c.sequence > sequence).order_by(changes.c.sequence).limit(limit)
            return [LinkChange(*row) for row in db.execute(query)]

    def link(self, id: str) -> LinkRow | None:
        """Return what stands of a link, or None."""
        return next(iter(self.of_ids([id])), None)

    def of_ids(self, ids: Iterable[str]) -> list[LinkRow]:
        """Return what stands of some links, ordered by id."""
        with self.engine.connect() as db:
            return of_ids(db, ids)

    def all_links(self) -> Iterator[LinkRow]:
        """Yield what stands of every link, ordered by rule and id; read in pieces."""
        after = ("", "")
        while True:
            place = sa.tuple_(links.c.rule, links.c.id)
            query = sa.select(links).where(place > after).order_by(links.c.rule, links.c.id).limit(CHUNK)
            with self.engine.connect() as db:
                found = [LinkRow(*row) for row in db.execute(query)]
            if not found:
                return
            yield from found
            after = (found[-1].rule, found[-1].id)

    def about(self, iri: str) -> list[LinkRow]:
        """Return every link of which a thing is subject or object, and every finding on a record of that IRI."""
        query = sa.select(links).where((links.c.subject == iri) | (links.c.object == iri))
        with self.engine.connect() as db:
            return [LinkRow(*row) for row in db.execute(query.order_by(links.c.rule, links.c.subject, links.c.id))]

    def resting_on(self, source: str, accession: str) -> list[LinkRow]:
        """Return every link and finding that rests on a record."""
        query = sa.select(links).where(links.c.records.contains(json_text([source, accession]), autoescape=True))
        with self.engine.connect() as db:
            return [LinkRow(*row) for row in db.execute(query.order_by(links.c.rule, links.c.subject, links.c.id))]

    def on_statement(self, statement: Statement) -> list[LinkRow]:
        """Return the links that say one statement, one for each rule."""
        with self.engine.connect() as db:
            return on_statements(db, [statement])

    def history(self, id: str) -> list[LinkChange]:
        """Return every change of a link, oldest first."""
        with self.engine.connect() as db:
            rows = db.execute(sa.select(changes).where(changes.c.id == id).order_by(changes.c.sequence))
            return [LinkChange(*row) for row in rows]

    def verdicts_on(self, statement: Statement) -> list[Verdict]:
        """Return every verdict on a statement, oldest first; the last one counts."""
        subject, predicate, obj = statement
        said = (verdicts.c.subject == subject) & (verdicts.c.predicate == predicate) & (verdicts.c.object == obj)
        with self.engine.connect() as db:
            return [Verdict(*row) for row in db.execute(sa.select(verdicts).where(said).order_by(verdicts.c.number))]

    def rules(self) -> list[dict[str, Any]]:
        """Return name, title, version, references and justification of every rule that was computed, by name."""
        columns = (c for c in rules.c if c.name != "cursor")
        with self.engine.connect() as db:
            return [dict(row) for row in db.execute(sa.select(*columns).order_by(rules.c.name)).mappings()]

    def counts(self) -> list[dict[str, Any]]:
        """Return for each rule its title and the numbers of its links: facts, candidates, rejected, findings; and of
        blocks that were too large, of records that it failed on, and of keys that wait.
        """  # noqa: D205
        told: dict[str, dict[str, Any]] = {}
        with self.engine.connect() as db:
            for name, title in db.execute(sa.select(rules.c.name, rules.c.title).order_by(rules.c.name)):
                told[name] = _counts(name, title)
            by_status = sa.select(links.c.rule, links.c.kind, links.c.status, sa.func.count())
            for rule, kind, status, number in db.execute(by_status.group_by(*by_status.selected_columns[:3])):
                entry = told.setdefault(rule, _counts(rule, "by curators" if rule == CURATED else rule))
                name = "findings" if kind == "finding" and status == "fact" else _COUNTED.get(status)
                if name:
                    entry[name] += number
            for table, name in ((large_blocks, "too_large_blocks"), (failures, "failures"), (todo, "waiting")):
                for rule, number in db.execute(sa.select(table.c.rule, sa.func.count()).group_by(table.c.rule)):
                    told.setdefault(rule, _counts(rule, rule))[name] = number
        return list(told.values())

    def too_large(self, rule: str | None = None) -> list[tuple[str, str, int]]:
        """Return (rule, key, members) of every block that was too large to be compared, the largest first."""
        query = sa.select(large_blocks).order_by(large_blocks.c.members.desc(), large_blocks.c.key)
        with self.engine.connect() as db:
            return [(r, k, n) for r, k, n in db.execute(query) if rule in (None, r)]

    # --- verdicts

    def give_verdict(self, statement: Statement, verdict: str, attributed_to: str, note: str | None = None) -> Verdict:
        """Append a verdict; links follow with the next update.

        Raises:
            StoreError: others write verdicts all the time.
        """
        values: dict[str, Any] = dict(zip(("subject", "predicate", "object"), statement, strict=True))
        values |= {"verdict": verdict, "attributed_to": attributed_to, "note": note, "at": now()}
        next_number = sa.select(sa.func.coalesce(sa.func.max(verdicts.c.number), 0) + 1).scalar_subquery()
        insert = sa.insert(verdicts).values(number=next_number, **values).returning(verdicts.c.number)
        for _ in range(ATTEMPTS):
            try:
                with self.engine.begin() as db:
                    return Verdict(number=db.execute(insert).scalar_one(), **values)
            except sa.exc.IntegrityError:
                continue
        raise StoreError("the verdict could not be written: others write verdicts all the time: try again")

    def last_verdict(self, statement: Statement) -> Verdict | None:
        """Return the verdict that counts for a statement, or None where there is none or it was taken back."""
        with self.engine.connect() as db:
            return last_verdicts(db, [statement]).get(statement)


_COUNTED = {"fact": "facts", "candidate": "candidates", "rejected": "rejected"}


def _counts(rule: str, title: str) -> dict[str, Any]:
    numbers = ("facts", "candidates", "rejected", "findings", "too_large_blocks", "failures", "waiting")
    return {"rule": rule, "title": title, **dict.fromkeys(numbers, 0)}


# --- what the engine writes, inside its transactions ----------------------------------------------------------------


def last_sequence(db: Connection) -> int:
    """Return the number of the latest change."""
    return int(db.scalar(sa.select(sa.func.max(changes.c.sequence))) or 0)


def number(db: Connection, key: str) -> int:
    """Return a remembered number, 0 when it was never set."""
    return int(db.scalar(sa.select(meta.c.value).where(meta.c.key == key)) or 0)


def set_number(db: Connection, key: str, value: int) -> None:
    """Remember a number."""
    db.execute(sa.delete(meta).where(meta.c.key == key))
    db.execute(sa.insert(meta).values(key=key, value=str(value)))


def of_ids(db: Connection, ids: Iterable[str]) -> list[LinkRow]:
    """Return what stands of some links, ordered by id."""
    found = []
    for part in chunks(sorted(set(ids))):
        found += [LinkRow(*r) for r in db.execute(sa.select(links).where(links.c.id.in_(part)).order_by(links.c.id))]
    return found


def on_statements(db: Connection, statements: Iterable[Statement]) -> list[LinkRow]:
    """Return the links that say one of some statements."""
    wanted = set(statements)
    subjects = sorted({subject for subject, _, _ in wanted})
    found = []
    for part in chunks(subjects):
        rows = db.execute(sa.select(links).where(links.c.subject.in_(part)).order_by(links.c.id))
        found += [link for row in rows if (link := LinkRow(*row)).statement in wanted]
    return found


def last_verdicts(db: Connection, statements: Iterable[Statement]) -> dict[Statement, Verdict]:
    """Return the verdict that counts for each of some statements that has one."""
    wanted = set(statements)
    last: dict[Statement, Verdict] = {}
    for part in chunks(sorted({subject for subject, _, _ in wanted})):
        query = sa.select(verdicts).where(verdicts.c.subject.in_(part)).order_by(verdicts.c.number)
        for row in db.execute(query):
            verdict = Verdict(*row)
            if verdict.statement in wanted:
                last[verdict.statement] = verdict
    return {statement: verdict for statement, verdict in last.items() if verdict.verdict != "withdraw"}


def chunks(values: list[Any], size: int = CHUNK) -> Iterator[list[Any]]:
    """Yield a list in pieces."""
    for start in range(0, len(values), size):
        yield values[start : start + size]


def put(db: Connection, table: sa.Table, rows: list[dict[str, Any]]) -> None:
    """Insert rows; one whose primary key is there already replaces it."""
    if not rows:
        return
    insert = sqlite.insert(table) if db.dialect.name == "sqlite" else postgresql.insert(table)
    key = [c.name for c in table.primary_key]
    rest = {c.name: insert.excluded[c.name] for c in table.c if c.name not in key}
    conflict = insert.on_conflict_do_update(index_elements=key, set_=rest) if rest else insert.on_conflict_do_nothing()
    unique = {tuple(row[k] for k in key): row for row in rows}
    db.execute(conflict, list(unique.values()))


def again(db: Connection, rule: str) -> None:
    """Have every key of a rule computed again that gives something."""
    waits = sa.select(todo.c.key).where(todo.c.rule == support.c.rule, todo.c.key == support.c.key).exists()
    giving = sa.select(support.c.rule, support.c.key).where(support.c.rule == rule, ~waits).distinct()
    db.execute(sa.insert(todo).from_select(["rule", "key"], giving))


def remove(db: Connection, table: sa.Table, columns: tuple[str, ...], rows: Iterable[tuple[Any, ...]]) -> None:
    """Delete the rows whose columns have the given values."""
    values = [{f"key_{c}": v for c, v in zip(columns, row, strict=True)} for row in rows]
    if values:
        matches = sa.and_(*(table.c[c] == sa.bindparam(f"key_{c}") for c in columns))
        db.execute(sa.delete(table).where(matches), values)


def as_dict(row: LinkRow) -> dict[str, Any]:
    """Return a row's columns."""
    return {f.name: getattr(row, f.name) for f in fields(row)}


def json_text(value: Any) -> str:
    """Return a value as compact JSON, the same text for equal values."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
