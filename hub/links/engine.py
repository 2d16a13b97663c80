"""Keeps the links up to date: only what a change can touch is computed again, and any crash is made good.

An update has three stages, each in transactions that say in the same step how far they came:

1. *Places.* Records that changed are given their new keys and features; their old and new keys go into ``link_todo``.
   When a rule is new, or it or its reference tables have another version, every active record is placed anew.
2. *Blocks.* The keys in ``link_todo`` are computed one block after another; what they give replaces what they gave.
3. *Verdicts.* What curators said since is applied.

A link stands while a key gives it, with the evidence of the key that is surest of it. So the end is the same whatever
the order of changes and however often the update was cut short: what a computation of everything would give.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import logging
import pkgutil
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import sqlalchemy as sa
from pyoxigraph import NamedNode
from sqlalchemy.engine import Connection

from hub.config import Settings
from hub.links import catalogue, rules
from hub.links.catalogue import CURATED, LinkRow, Links, Statement, Verdict
from hub.links.contract import (
    NOTHING,
    Evidence,
    Found,
    Member,
    Membership,
    Problem,
    Record,
    RecordKey,
    References,
    Rule,
)
from hub.links.contract import link_id as link_id
from hub.log import Log, RecordRow, now
from ontology import iris

logger = logging.getLogger(__name__)
BATCH = 400
KEYS = 1000
MEMBERS = 5000
START = ("", "")
# A rule that fails so often in one update has a fault of its own: it is left alone, and its links stand.
MAX_FAILURES = 20
MAX_KEY = 200
MAX_VALUE = 200
VOCABULARY = "https://w3id.org/bioimage-hub/vocab#"
SYMMETRIC = frozenset(
    {
        f"{VOCABULARY}sameStudyAs",
        f"{VOCABULARY}relatedStudy",
        "http://purl.obolibrary.org/obo/RO_HOM0000017",  # in orthology relationship with
    }
)
Progress = Callable[[str, int], object]


@dataclass(slots=True)
class Outcome:
    """What an update came to.

    Attributes:
        records: places of records that were computed.
        blocks: keys that were computed.
        changes: links and findings that were made, changed or taken back.
        errors: the first error of each rule that failed on something, by the rule's name.
    """

    records: int = 0
    blocks: int = 0
    changes: int = 0
    errors: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Given:
    """What one key gives: a link, or a finding."""

    id: str
    rule: str
    kind: str
    statement: Statement
    symmetric: bool
    is_fact: bool
    confidence: float | None
    evidence: str
    records: str


def discover() -> tuple[dict[str, Rule], dict[str, str]]:
    """Return every rule by name, and the error of each module in ``hub/links/rules`` that cannot be read."""
    found: dict[str, Rule] = {}
    broken: dict[str, str] = {}
    for module in sorted(pkgutil.iter_modules(rules.__path__), key=lambda m: m.name):
        try:
            loaded = importlib.import_module(f"{rules.__name__}.{module.name}")
        except Exception as err:
            logger.exception("link rules in %s cannot be read", module.name)
            broken[module.name] = f"{type(err).__name__}: {err}"
            continue
        rule = getattr(loaded, "RULE", None)
        if rule is not None and (rule.name in found or rule.name == CURATED):
            broken[module.name] = f"there is a rule {rule.name} already"
        elif rule is not None:
            found[rule.name] = rule
    return found, broken


def update(
    log: Log,
    links: Links,
    references: References,
    settings: Settings,
    progress: Progress = lambda *_: None,
    *,
    full: bool = False,
    known: Mapping[str, Rule] | None = None,
) -> Outcome:
    """Bring the links up to the log, the rules, the reference tables and the verdicts; the caller holds the write lock.

    Args:
        log: the catalogue.
        links: its link tables.
        references: what rules read beside the records.
        settings: for the base IRI.
        progress: told a stage (``records``, ``blocks``) and how many were done, batch by batch.
        full: compare every record anew.
        known: rules by name; those in ``hub/links/rules`` when left out.
    """
    rules_, broken = (dict(known), {}) if known is not None else discover()
    work = _Update(log, links, references, settings.base_iri, rules_, broken, progress)
    return work.run(full=full)


class _Update:
    """One update while it lasts."""

    def __init__(
        self,
        log: Log,
        links: Links,
        references: References,
        base: str,
        rules: dict[str, Rule],
        broken: dict[str, str],
        progress: Progress,
    ) -> None:
        self.log = log
        self.engine = links.engine
        self.references = references
        self.base = base
        self.rules = rules
        self.broken = broken
        self.progress = progress
        self.outcome = Outcome(errors=dict(broken))
        self.failures: Counter[str] = Counter()
        self.given_up: set[str] = set()

    def run(self, *, full: bool) -> Outcome:
        self._begin(full=full)
        self._retry()
        self._place_changed()
        self._place_all()
        self._compute()
        self._hear()
        logger.info("links: %s", asdict(self.outcome))
        return self.outcome

    # --- which rules are to look at every record

    def _begin(self, *, full: bool) -> None:
        last = self.log.last_sequence()
        with self.engine.begin() as db:
            known = {row.name: row for row in db.execute(sa.select(catalogue.rules))}
            for name in [] if self.broken else sorted(known.keys() - self.rules.keys()):
                self._forget(db, name)
            for name, rule in self.rules.items():
                before = known.get(name)
                row = _rule_row(rule, self.references)
                same = before is not None and (before.version, before.references) == (row["version"], row["references"])
                if before is None or not same or full:
                    catalogue.again(db, name)
                cursor = before.cursor if before is not None and same and not full else json.dumps(START)
                catalogue.put(db, catalogue.rules, [{**row, "cursor": cursor}])
            if known.keys().isdisjoint(self.rules):
                catalogue.set_number(db, catalogue.LINKS_AT, last)

    def _forget(self, db: Connection, name: str) -> None:
        """Give up what a rule that is no more has found."""
        catalogue.again(db, name)
        for table in (catalogue.members, catalogue.keys, catalogue.failures, catalogue.large_blocks):
            db.execute(sa.delete(table).where(table.c.rule == name))
        db.execute(sa.delete(catalogue.rules).where(catalogue.rules.c.name == name))

    # --- places

    def _retry(self) -> None:
        with self.engine.connect() as db:
            columns = (catalogue.failures.c.source, catalogue.failures.c.accession)
            failed = [(s, a) for s, a in db.execute(sa.select(*columns).distinct())]
        for part in catalogue.chunks(failed, BATCH):
            self._place(part, self.log.records_of(part), self.rules.values())

    def _place_changed(self) -> None:
        with self.engine.connect() as db:
            at = catalogue.number(db, catalogue.LINKS_AT)
        while pending := self.log.changes_since(at, BATCH):
            at = pending[-1].sequence
            changed = list(dict.fromkeys((c.source, c.accession) for c in pending))
            self._place(changed, self.log.records_of(changed), self.rules.values(), at=at)
            self.progress("records", len(changed))

    def _place_all(self) -> None:
        with self.engine.connect() as db:
            waiting = sa.select(catalogue.rules.c.name, catalogue.rules.c.cursor)
            cursors = {n: tuple(json.loads(c)) for n, c in db.execute(waiting) if c is not None and n in self.rules}
        stale = [self.rules[name] for name in cursors if name not in self.given_up]
        after: Any = next(iter(cursors.values())) if len(set(cursors.values())) == 1 else START
        while stale and (rows := self.log.active_after(after, BATCH)):
            after = (rows[-1].source, rows[-1].accession)
            self._place([(r.source, r.accession) for r in rows], rows, stale, anew=True, cursor=after)
            self.progress("records", len(rows))
        done = [rule.name for rule in stale if rule.name not in self.given_up]
        with self.engine.begin() as db:
            db.execute(sa.update(catalogue.rules).where(catalogue.rules.c.name.in_(done)).values(cursor=None))

    def _place(
        self,
        records: Sequence[RecordKey],
        rows: Iterable[RecordRow],
        wanted: Iterable[Rule],
        *,
        anew: bool = False,
        at: int | None = None,
        cursor: RecordKey | None = None,
    ) -> None:
        """Give records their keys and features, and note which blocks that touches, in one transaction."""
        standing = {(r.source, r.accession): Record(r) for r in rows if r.state == "active"}
        step = _Places(self.engine, records, anew=anew)
        for rule in wanted:
            for key in records:
                if rule.name in self.given_up:
                    break
                self._place_one(step, rule, key, standing.get(key))
        self.outcome.records += len(records)
        with self.engine.begin() as db:
            step.write(db)
            if at is not None:
                catalogue.set_number(db, catalogue.LINKS_AT, at)
            if cursor is not None:
                names = [rule.name for rule in wanted]
                rows_ = sa.update(catalogue.rules).where(catalogue.rules.c.name.in_(names))
                db.execute(rows_.values(cursor=json.dumps(cursor)))
            if self.given_up:
                given_up = sa.update(catalogue.rules).where(catalogue.rules.c.name.in_(sorted(self.given_up)))
                db.execute(given_up.values(cursor=json.dumps(START)))

    def _place_one(self, step: _Places, rule: Rule, key: RecordKey, record: Record | None) -> None:
        try:
            member = rule.members(record, self.references) if record is not None else NOTHING
            features = catalogue.json_text(member.features)
        except Exception as err:
            self._failed(rule, "/".join(key), err)
            step.fail(rule.name, key, err)
            return
        step.set(rule.name, key, record.row.iri if record is not None else "", member, features)

    def _failed(self, rule: Rule, what: str, err: Exception) -> None:
        said = f"{what}: {type(err).__name__}: {err}"
        self.outcome.errors.setdefault(rule.name, said)
        self.failures[rule.name] += 1
        if self.failures[rule.name] == 1:
            logger.exception("link rule %s failed on %s", rule.name, what)
        else:
            logger.warning("link rule %s failed on %s", rule.name, said)
        if self.failures[rule.name] >= MAX_FAILURES:
            logger.error("link rule %s failed %d times: its links stand as they are", rule.name, MAX_FAILURES)
            self.given_up.add(rule.name)

    # --- blocks

    def _compute(self) -> None:
        with self.engine.connect() as db:
            standing = set(db.scalars(sa.select(catalogue.rules.c.name)))
            waiting = list(db.scalars(sa.select(catalogue.todo.c.rule).distinct().order_by(catalogue.todo.c.rule)))
        for name in waiting:
            if name in self.rules or name not in standing:
                self._compute_rule(name, self.rules.get(name))

    def _compute_rule(self, name: str, rule: Rule | None) -> None:
        after = ""
        while name not in self.given_up and (found := self._next_keys(name, after)):
            sizes = self._sizes(name, found)
            keys = _some(found, sizes, rule.max_block if rule else 0)
            after = keys[-1]
            given: dict[str, list[Given]] = {key: [] for key in keys}
            large = {key: sizes[key] for key in keys if rule and sizes.get(key, 0) > rule.max_block}
            if rule is not None:
                members = self._members(name, [k for k in keys if k not in large])
                given = {k: g for k in keys if (g := self._link(rule, k, members.get(k, []))) is not None}
            with self.engine.begin() as db:
                self._replace(db, name, given, large)
            self.outcome.blocks += len(keys)
            self.progress("blocks", len(keys))

    def _next_keys(self, name: str, after: str) -> list[str]:
        query = sa.select(catalogue.todo.c.key).where(catalogue.todo.c.rule == name, catalogue.todo.c.key > after)
        with self.engine.connect() as db:
            return list(db.scalars(query.order_by(catalogue.todo.c.key).limit(KEYS)))

    def _sizes(self, name: str, keys: list[str]) -> dict[str, int]:
        table = catalogue.keys
        query = sa.select(table.c.key, sa.func.count()).where(table.c.rule == name, table.c.key.in_(keys))
        with self.engine.connect() as db:
            return {key: int(count) for key, count in db.execute(query.group_by(table.c.key))}

    def _members(self, name: str, keys: list[str]) -> dict[str, list[Member]]:
        """Return the members of each key, ordered by record; what several keys share is read once."""
        table, places = catalogue.keys, catalogue.members
        in_keys = sa.select(table.c.key, table.c.source, table.c.accession).where(
            table.c.rule == name, table.c.key.in_(keys)
        )
        with self.engine.connect() as db:
            listed = sorted((key, source, accession) for key, source, accession in db.execute(in_keys))
            read: dict[RecordKey, Member] = {}
            for part in catalogue.chunks(sorted({(s, a) for _, s, a in listed})):
                query = sa.select(places.c.source, places.c.accession, places.c.dataset, places.c.features).where(
                    sa.tuple_(places.c.source, places.c.accession).in_(part), places.c.rule == name
                )
                for source, accession, dataset, features in db.execute(query):
                    read[source, accession] = Member((source, accession), dataset, json.loads(features))
        found: dict[str, list[Member]] = {}
        for key, source, accession in listed:
            found.setdefault(key, []).append(read[source, accession])
        return found

    def _link(self, rule: Rule, key: str, members: list[Member]) -> list[Given] | None:
        """Return what a block gives, or None when the rule failed on it."""
        if not members or rule.name in self.given_up:
            return None if members else []
        try:
            given = [self._given(rule, result) for result in rule.link(key, members, self.references)]
        except Exception as err:
            self._failed(rule, f"block {key!r}", err)
            return None
        return [g for g in given if g.statement[0] != g.statement[2]]

    def _given(self, rule: Rule, result: Found | Problem) -> Given:
        if isinstance(result, Problem):
            return _finding(self.base, rule, result)
        return _link(rule, result)

    def _replace(self, db: Connection, name: str, given: dict[str, list[Given]], large: dict[str, int]) -> None:
        """Let what keys give take the place of what they gave, and decide on every link that this touches."""
        keys, table = sorted(given), catalogue.support
        of_keys = (table.c.rule == name) & table.c.key.in_(keys)
        ids = set(db.scalars(sa.select(table.c.id).where(of_keys)))
        db.execute(sa.delete(table).where(of_keys))
        rows = [{"rule": name, "key": k, **_support(g)} for k, found in given.items() for g in _surest(found)]
        for part in catalogue.chunks(rows):
            catalogue.put(db, table, part)
        for listed in (catalogue.large_blocks, catalogue.todo):
            db.execute(sa.delete(listed).where(listed.c.rule == name, listed.c.key.in_(keys)))
        catalogue.put(db, catalogue.large_blocks, [{"rule": name, "key": k, "members": n} for k, n in large.items()])
        found = {g.id: g for of_key in given.values() for g in of_key}
        self._decide(db, ids | found.keys(), found)

    # --- what stands of a link

    def _decide(self, db: Connection, ids: Iterable[str], found: Mapping[str, Given]) -> None:
        """Write what stands of links, by the key that is surest and the curators' last word."""
        for part in catalogue.chunks(sorted(ids)):
            before = {row.id: row for row in catalogue.of_ids(db, part)}
            statements = {i: found[i].statement if i in found else before[i].statement for i in part}
            words = catalogue.last_verdicts(db, statements.values())
            best = _best(db, part)
            changed = []
            for i in part:
                after = _stand(before.get(i), found.get(i), best.get(i), words.get(statements[i]))
                changed.append((before.get(i), after))
            self._write(db, changed)
            self._curate(db, {s for s, word in words.items() if word.verdict == "accept"})

    def _curate(self, db: Connection, statements: Iterable[Statement]) -> None:
        """Keep the links that stand by a curator's word: what was added, or accepted and is found by no rule now."""
        wanted = sorted(statements)
        words = catalogue.last_verdicts(db, wanted)
        standing: dict[Statement, list[LinkRow]] = {}
        for row in catalogue.on_statements(db, wanted):
            standing.setdefault(row.statement, []).append(row)
        changed = []
        for statement in wanted:
            rows = standing.get(statement, [])
            before = next((r for r in rows if r.rule == CURATED), None)
            is_found = any(r.rule != CURATED and r.status != "gone" for r in rows)
            word = words.get(statement)
            stands = word is not None and (word.verdict == "add" or (word.verdict == "accept" and not is_found))
            if word is not None and stands:
                changed.append((before, _curated(word, before)))
            elif before is not None:
                changed.append((before, replace(before, status="gone")))
        self._write(db, changed)

    def _write(self, db: Connection, changed: Iterable[tuple[LinkRow | None, LinkRow]]) -> None:
        """Write links that are otherwise than before, each with its row in the stream of changes."""
        sequence, moment = catalogue.last_sequence(db), now()
        rows, told = [], []
        for before, after in changed:
            if (before is None and after.status == "gone") or (before is not None and _same(before, after)):
                continue
            was, is_shown = before is not None and before.is_shown, after.is_shown
            if was or is_shown:
                sequence += 1
                action = "update" if was and is_shown else "create" if is_shown else "delete"
                told.append({**_change(after), "sequence": sequence, "at": moment, "action": action})
            seen = after.last_seen if after.status == "gone" and before is not None else moment
            first = before.first_seen if before is not None else moment
            number = sequence if was or is_shown else after.sequence
            rows.append(catalogue.as_dict(replace(after, first_seen=first, last_seen=seen, sequence=number)))
        for part in catalogue.chunks(rows):
            catalogue.put(db, catalogue.links, part)
        for part in catalogue.chunks(told):
            db.execute(sa.insert(catalogue.changes), part)
        self.outcome.changes += len(told)

    # --- verdicts

    def _hear(self) -> None:
        """Apply what curators said since."""
        table = catalogue.verdicts
        with self.engine.connect() as db:
            at = catalogue.number(db, catalogue.VERDICTS_AT)
        while True:
            with self.engine.begin() as db:
                query = sa.select(table).where(table.c.number > at).order_by(table.c.number).limit(BATCH)
                said = [Verdict(*row) for row in db.execute(query)]
                if not said:
                    return
                at = said[-1].number
                statements = {v.statement for v in said}
                found = [r.id for r in catalogue.on_statements(db, statements) if r.rule != CURATED]
                self._decide(db, found, {})
                self._curate(db, statements)
                catalogue.set_number(db, catalogue.VERDICTS_AT, at)


class _Places:
    """What one batch of records changes in the places of rules, worked out before anything is written."""

    def __init__(self, engine: sa.Engine, records: Sequence[RecordKey], *, anew: bool) -> None:
        self.anew = anew
        self.members: dict[tuple[str, RecordKey], tuple[str, str]] = {}
        self.keys: dict[tuple[str, RecordKey], set[str]] = {}
        self.failed: set[tuple[str, RecordKey]] = set()
        self.todo: set[tuple[str, str]] = set()
        self.new_members: list[dict[str, Any]] = []
        self.gone_members: list[tuple[str, str, str]] = []
        self.new_keys: list[dict[str, Any]] = []
        self.gone_keys: list[tuple[str, str, str, str]] = []
        self.failures: list[dict[str, Any]] = []
        self.mended: list[tuple[str, str, str]] = []
        with engine.connect() as db:
            self._read(db, sorted(set(records)))

    def _read(self, db: Connection, records: list[RecordKey]) -> None:
        for table in (catalogue.members, catalogue.keys, catalogue.failures):
            wanted = sa.tuple_(table.c.source, table.c.accession).in_(records)
            for row in db.execute(sa.select(table).where(wanted)):
                place = (row.rule, (row.source, row.accession))
                if table is catalogue.members:
                    self.members[place] = (row.dataset, row.features)
                elif table is catalogue.keys:
                    self.keys.setdefault(place, set()).add(row.key)
                else:
                    self.failed.add(place)

    def set(self, rule: str, record: RecordKey, dataset: str, member: Membership, features: str) -> None:
        """Note a record's place in a rule."""
        place = (rule, record)
        if place in self.failed:
            self.mended.append((rule, *record))
        old, new = self.keys.get(place, set()), {_short(key) for key in member.keys}
        said = (dataset, features) if new else None
        if not self.anew and old == new and self.members.get(place) == said:
            return
        self.todo.update((rule, key) for key in old | new)
        named = {"rule": rule, "source": record[0], "accession": record[1]}
        if said is not None:
            self.new_members.append({**named, "dataset": dataset, "features": features})
        elif place in self.members:
            self.gone_members.append((rule, *record))
        self.new_keys += [{**named, "key": key} for key in sorted(new - old)]
        self.gone_keys += [(rule, key, *record) for key in sorted(old - new)]

    def fail(self, rule: str, record: RecordKey, err: Exception) -> None:
        """Note that a rule failed on a record, whose place stays as it was."""
        said = f"{type(err).__name__}: {err}"[:500]
        self.failures.append({"rule": rule, "source": record[0], "accession": record[1], "error": said})

    def write(self, db: Connection) -> None:
        """Write it all."""
        by_record = ("rule", "source", "accession")
        catalogue.remove(db, catalogue.members, by_record, self.gone_members)
        catalogue.put(db, catalogue.members, self.new_members)
        catalogue.remove(db, catalogue.keys, ("rule", "key", "source", "accession"), self.gone_keys)
        catalogue.put(db, catalogue.keys, self.new_keys)
        catalogue.put(db, catalogue.todo, [{"rule": rule, "key": key} for rule, key in sorted(self.todo)])
        catalogue.remove(db, catalogue.failures, by_record, self.mended)
        catalogue.put(db, catalogue.failures, self.failures)


# --- of rules, keys and results --------------------------------------------------------------------------------------


def _rule_row(rule: Rule, references: References) -> dict[str, Any]:
    fingerprint = [rule.version, rule.threshold, rule.is_symmetric, rule.max_block, rule.justification]
    versions = {kind: references.version(kind) for kind in sorted(rule.references)}
    return {
        "name": rule.name,
        "title": rule.title,
        "version": catalogue.json_text(fingerprint),
        "references": catalogue.json_text(versions),
        "justification": rule.justification,
    }


def _short(key: str) -> str:
    """Return a key as it is stored: a database cannot index a long text.

    >>> _short("doi:10.7554/elife.26066")
    'doi:10.7554/elife.26066'
    """
    return key if len(key) <= MAX_KEY else f"{key[:100]}…{hashlib.sha256(key.encode()).hexdigest()}"


def _some(keys: list[str], sizes: Mapping[str, int], most: int) -> list[str]:
    """Return the first keys whose members fit into memory together; those of a block that is too large are not read."""
    total = 0
    for count, key in enumerate(keys):
        size = sizes.get(key, 0)
        total += size if size <= most else 0
        if count and total > MEMBERS:
            return keys[:count]
    return keys


def _link(rule: Rule, found: Found) -> Given:
    if found.predicate not in rule.predicates:
        raise ValueError(f"{found.predicate} is not one of the rule's predicates")
    if not 0 <= found.confidence <= 1:
        raise ValueError(f"confidence {found.confidence} is not between 0 and 1")
    subject, obj = NamedNode(found.subject).value, NamedNode(found.object).value
    if rule.is_symmetric and subject > obj:
        subject, obj = obj, subject
    return Given(
        id=link_id(rule.name, subject, found.predicate, obj),
        rule=rule.name,
        kind="link",
        statement=(subject, found.predicate, obj),
        symmetric=rule.is_symmetric,
        is_fact=found.confidence >= rule.threshold,
        confidence=round(found.confidence, 4),
        evidence=_evidence(found.evidence),
        records=catalogue.json_text(sorted(set(found.records))),
    )


def _finding(base: str, rule: Rule, problem: Problem) -> Given:
    record, value = iris.record(base, *problem.record), problem.value[:MAX_VALUE]
    said = {
        "field": problem.field,
        "message": problem.message,
        "suggestion": problem.suggestion,
        "evidence": json.loads(_evidence(problem.evidence)),
    }
    return Given(
        id=link_id(rule.name, record, f"{problem.rule} {problem.field}", problem.value),
        rule=rule.name,
        kind="finding",
        statement=(record, problem.rule, value),
        symmetric=False,
        is_fact=True,
        confidence=None,
        evidence=catalogue.json_text(said),
        records=catalogue.json_text([problem.record]),
    )


def _evidence(reasons: Iterable[Evidence]) -> str:
    """Return reasons as a JSON list; what a reason does not say is left out."""
    return catalogue.json_text([{k: v for k, v in asdict(r).items() if v not in ("", None)} for r in reasons])


def _surest(given: Iterable[Given]) -> Iterable[Given]:
    """Return each link once; where a block gives it twice, what it is surest of."""
    best: dict[str, Given] = {}
    for one in given:
        other = best.setdefault(one.id, one)
        best[one.id] = max(one, other, key=lambda g: (g.confidence or 0, g.evidence))
    return best.values()


def _support(given: Given) -> dict[str, Any]:
    kept = ("id", "is_fact", "confidence", "evidence", "records")
    return {name: getattr(given, name) for name in kept}


def _best(db: Connection, ids: list[str]) -> dict[str, Any]:
    """Return the support of each link by the key that is surest of it; of equals, by the first key."""
    table = catalogue.support
    order = (sa.func.coalesce(table.c.confidence, 0).desc(), table.c.key)
    place = sa.func.row_number().over(partition_by=table.c.id, order_by=order).label("place")
    ranked = sa.select(table, place).where(table.c.id.in_(ids)).subquery()
    return {row.id: row for row in db.execute(sa.select(ranked).where(ranked.c.place == 1))}


# --- what stands -----------------------------------------------------------------------------------------------------


def _stand(before: LinkRow | None, given: Given | None, best: Any, word: Verdict | None) -> LinkRow:
    """Return what stands of a link, given what the surest key says (None: no key gives it) and a curator's word."""
    row = before
    if given is not None:
        row = replace(before or _new(given), symmetric=given.symmetric)
    assert row is not None
    if best is None:
        return replace(row, status="gone")
    status, evidence, by = "fact" if best.is_fact else "candidate", best.evidence, None
    if word is not None and row.kind == "link":
        status = "rejected" if word.verdict == "reject" else "fact"
        evidence = catalogue.json_text([*json.loads(evidence), _word(word)])
        by = word.attributed_to
    confidence, records = best.confidence, best.records
    return replace(row, status=status, confidence=confidence, evidence=evidence, records=records, attributed_to=by)


def _new(given: Given) -> LinkRow:
    subject, predicate, obj = given.statement
    return LinkRow(
        id=given.id,
        rule=given.rule,
        kind=given.kind,
        subject=subject,
        predicate=predicate,
        object=obj,
        symmetric=given.symmetric,
        confidence=given.confidence,
        status="gone",
        evidence=given.evidence,
        records=given.records,
        attributed_to=None,
        first_seen="",
        last_seen="",
        sequence=0,
    )


def _curated(word: Verdict, before: LinkRow | None) -> LinkRow:
    subject, predicate, obj = word.statement
    return LinkRow(
        id=link_id(CURATED, *word.statement),
        rule=CURATED,
        kind="link",
        subject=subject,
        predicate=predicate,
        object=obj,
        symmetric=predicate in SYMMETRIC,
        confidence=1.0,
        status="fact",
        evidence=catalogue.json_text([_word(word)]),
        records="[]",
        attributed_to=word.attributed_to,
        first_seen="",
        last_seen=before.last_seen if before else "",
        sequence=before.sequence if before else 0,
    )


def _word(word: Verdict) -> dict[str, Any]:
    """Return a verdict as a reason."""
    said = {"kind": "record", "field": "verdict", "value": word.verdict, "source": word.attributed_to, "weight": 0.0}
    return {**said, "quote": word.note} if word.note else said


def _same(before: LinkRow, after: LinkRow) -> bool:
    return _lasting(before) == _lasting(after)


def _lasting(row: LinkRow) -> LinkRow:
    return replace(row, first_seen="", last_seen="", sequence=0)


def _change(row: LinkRow) -> dict[str, Any]:
    kept = {c.name for c in catalogue.changes.c}
    return {name: value for name, value in catalogue.as_dict(row).items() if name in kept}
