"""What this hub's operator decided about records: to suppress, replace, withdraw or redact them, or parts of them.

A decision is a row that is only ever added to; another row takes it back. It is about a dataset (archive and
accession), one source's record of it, or a person in all records, and is put on every record that a harvest or a peer
brings: so it outlives harvests, harvesters, names of sources and `hub rebuild`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, fields, replace
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from harvesters.contract import RecordError
from hub import cutting, records
from hub.config import Settings
from hub.cutting import Cut, Secret
from hub.errors import ConfigError, StoreError
from hub.log import Log, RecordRow
from hub.log import records as record_table
from hub.peers.wire import split_source
from linkml_schemas.generated.model import Dataset
from ontology import iris

metadata = sa.MetaData()
decisions = sa.Table(
    "decisions",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("at", sa.String, nullable=False),
    sa.Column("by", sa.String, nullable=False),
    sa.Column("action", sa.String, nullable=False),
    # NULL of a person who is taken out of all records.
    sa.Column("iri", sa.String),
    sa.Column("source", sa.String),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("successor", sa.String),
    sa.Column("cut", sa.Text),
    sa.Column("takes_back", sa.Integer),
)
SOURCE = "operator"
KEY_SIGN = "redactions_key"
RULE = "redacted"
MAX_CHAIN = 100


class Action(StrEnum):
    """What is decided; the log's changes have the same names."""

    SUPPRESS = "suppress"
    REPLACE = "replace"
    WITHDRAW = "withdraw"
    REDACT = "redact"
    RESTORE = "restore"


STATE = {
    Action.SUPPRESS: "suppressed",
    Action.REPLACE: "replaced",
    Action.WITHDRAW: "withdrawn",
    Action.REDACT: "redacted",
}
_VERB = {state: action.value for action, state in STATE.items()}


@dataclass(frozen=True, slots=True)
class Decision:
    """One word of the operator.

    Attributes:
        number: counts from 1.
        at: ISO 8601 time.
        by: ORCID or name of who decided.
        action: what was decided.
        iri: the dataset's IRI; None of a person in all records.
        source: the only source whose record it is about, or None.
        reason: one sentence, which readers see.
        successor: IRI of what takes the dataset's place, or None.
        cut: JSON of what is taken out of the record (:mod:`hub.cutting`); None when the decision is about all of it.
        takes_back: number of the decision that holds no more, of one that restores.
    """

    number: int
    at: str
    by: str
    action: str
    iri: str | None
    source: str | None
    reason: str
    successor: str | None = None
    cut: str | None = None
    takes_back: int | None = None

    @property
    def is_whole(self) -> bool:
        """Whether it is about a whole record."""
        return self.cut is None

    @property
    def is_erasing(self) -> bool:
        """Whether something is erased for it."""
        return self.action == Action.REDACT

    @property
    def cuts(self) -> Cut:
        """What it takes out of records."""
        return Cut.from_json(json.loads(self.cut or "{}"))


_COLUMNS = tuple(f.name for f in fields(Decision))


def add_tables(log: Log) -> None:
    """Make the tables of decisions, unless they are there."""
    log.add_tables(metadata, "decisions of the operator")


def all_decisions(log: Log) -> list[Decision]:
    """Return every decision, those that were taken back too, in order."""
    add_tables(log)
    with log.engine.connect() as db:
        return [Decision(*row) for row in db.execute(sa.select(decisions).order_by(decisions.c.number))]


def standing(every: Iterable[Decision]) -> list[Decision]:
    """Return the decisions that hold."""
    every = list(every)
    gone = {one.takes_back for one in every}
    return [one for one in every if one.action != Action.RESTORE and one.number not in gone]


def insert(db: sa.Connection, decision: Decision) -> Decision:
    """Write a decision under the next number and return it."""
    number = (db.scalar(sa.select(sa.func.max(decisions.c.number))) or 0) + 1
    written = replace(decision, number=number)
    db.execute(sa.insert(decisions).values({name: getattr(written, name) for name in _COLUMNS}))
    return written


def secret(log: Log, settings: Settings) -> Secret:
    """Return the key of what is taken out of records; it lies in the data folder, not in the catalogue.

    Raises:
        StoreError: it is not the one with which earlier decisions were made.
    """
    file = settings.key_file.with_name("redactions.key")
    known = log.setting(KEY_SIGN)
    if known is not None and not file.exists():
        raise StoreError(f"the key of redactions {file} is missing: put it back from a backup before anything else")
    found = Secret.of(file)
    if known is None:
        log.set_setting(KEY_SIGN, found.sign)
    elif known != found.sign:
        raise StoreError(f"the key of redactions {file} is another than before: put back the hub's own")
    return found


@dataclass(frozen=True, slots=True)
class Decisions:
    """The decisions that hold, ready to be put on records.

    Attributes:
        base: the hub's base IRI.
        sources: names of the configured sources.
        by_dataset: decisions about datasets and their records, by the dataset's IRI.
        everywhere: decisions about all records.
        secret: key of what is taken out of records; None when nothing is.
    """

    base: str
    sources: frozenset[str]
    by_dataset: dict[str, list[Decision]] = field(default_factory=dict)
    everywhere: tuple[Decision, ...] = ()
    secret: Secret | None = None

    @classmethod
    def of(cls, log: Log, settings: Settings) -> Decisions:
        """Return the decisions that hold now.

        Raises:
            StoreError: the key that some of them need is missing.
        """
        held = standing(all_decisions(log))
        by_dataset: dict[str, list[Decision]] = {}
        for one in held:
            if one.iri is not None:
                by_dataset.setdefault(one.iri, []).append(one)
        key = secret(log, settings) if any(not one.is_whole for one in held) else None
        everywhere = tuple(one for one in held if one.iri is None)
        return cls(settings.base_iri, frozenset(settings.sources), by_dataset, everywhere, key)

    def __bool__(self) -> bool:
        return bool(self.by_dataset or self.everywhere)

    def about(self, iri: str, source: str) -> list[Decision]:
        """Return the decisions about a source's record of a dataset.

        One about the record of a source that is not configured any more is about every record of the dataset: the
        source may have another name now.
        """
        about = self.by_dataset.get(iri, ())
        named = (one for one in about if one.source in (None, source) or self._is_lost(one.source))
        return [*named, *self.everywhere]

    def _is_lost(self, source: str) -> bool:
        """Whether a source is not configured any more; sources of other hubs never are."""
        return source not in self.sources and not split_source(source)[0]

    def erases(self, iri: str, source: str) -> bool:
        """Whether nothing of a source's record of a dataset may be kept."""
        return any(one.is_erasing and one.is_whole for one in self.about(iri, source))

    def withholds(self, row: RecordRow) -> bool:
        """Whether the payload of a record may not be kept: all of it, or something that was in it, is redacted."""
        found = self.about(row.iri, row.source)
        return any(one.is_erasing and one.iri is not None for one in found) or (bool(found) and is_cut(row))

    def withheld(self, log: Log, source: str) -> set[str]:
        """Return the accessions of a source's records whose payloads may not be kept."""
        if not self:
            return set()
        named = [iri for iri, found in self.by_dataset.items() if any(one.is_erasing for one in found)]
        is_cut = record_table.c.findings.contains(f'"{RULE}"', autoescape=True)
        which = (record_table.c.source == source) & (is_cut | record_table.c.iri.in_(named))
        with log.engine.connect() as db:
            rows = [RecordRow(*row) for row in db.execute(sa.select(record_table).where(which))]
        return {row.accession for row in rows if self.withholds(row)}

    def applied(self, row: RecordRow) -> RecordRow:
        """Return a record as it may stand here.

        Raises:
            RecordError: what the decisions leave of it is no record.
        """
        found = self.about(row.iri, row.source)
        if not found or row.state == "redacted":
            return row
        whole = {one.action: one for one in found if one.is_whole}
        if erasing := whole.get(Action.REDACT):
            return erased(row, erasing.reason, erasing.at)
        row = self._cut(row, [one.cuts for one in found if not one.is_whole])
        for action in (Action.WITHDRAW, Action.REPLACE):
            if one := whole.get(action):
                return _taken_back(row, one)
        is_hidden = Action.SUPPRESS in whole and row.state == "active"
        return replace(row, state="suppressed") if is_hidden else row

    def _cut(self, row: RecordRow, cuts: list[Cut]) -> RecordRow:
        if not cuts or self.secret is None:
            return row
        text, findings = cutting.without(row.record, row.findings, cuts, self.secret)
        if (text, findings) == (row.record, row.findings):
            return row
        try:
            record: Dataset = records.canonical(records.from_json(text))
        except ValueError as err:
            raise RecordError(f"what a redaction leaves is no record: redact {row.accession} as a whole") from err
        notes = [note for note in json.loads(findings) if note["rule"] != RULE]
        told = json.dumps([*notes, _NOTE], ensure_ascii=False)
        return replace(row, record=records.to_json(record), title=record.name, findings=told)


_NOTE = {
    "field": "record",
    "value": "",
    "rule": RULE,
    "message": "the hub's operator had something removed from this record",
    "suggestion": None,
}


def erased(row: RecordRow, reason: str, at: str) -> RecordRow:
    """Return what stays of a record that is erased: which one, why, when, and the hash of its payload."""
    told = json.dumps({"reason": reason, "date": at[:10], "replaced_by": None, "decided": True}, ensure_ascii=False)
    kept = replace(row, state="redacted", title=row.accession, withdrawal=told)
    return replace(kept, record="", findings="[]", source_url=None)


def _taken_back(row: RecordRow, decision: Decision) -> RecordRow:
    own = json.loads(row.withdrawal) if row.withdrawal and row.state == "withdrawn" else None
    told = {"reason": decision.reason, "date": decision.at[:10], "replaced_by": decision.successor}
    said = json.dumps({**told, "decided": True, "own": own}, ensure_ascii=False)
    return replace(row, state=STATE[Action(decision.action)], withdrawal=said)


def own(row: RecordRow) -> RecordRow:
    """Return a record in the state that its archive gave it, without the operator's decisions."""
    told = json.loads(row.withdrawal) if row.withdrawal else {}
    if row.state == "suppressed":
        return replace(row, state="active")
    if row.state == "redacted" or not told.get("decided"):
        return row
    before = told.get("own")
    return replace(row, state="withdrawn" if before else "active", withdrawal=json.dumps(before) if before else None)


def action(before: RecordRow | None, after: RecordRow) -> str:
    """Return what the log calls the change from one state of a record to another.

    ``create`` and ``restore`` lead to ``active``, ``withdraw``, ``suppress``, ``replace`` and ``redact`` to the state
    of that name; ``update`` keeps the state.
    """
    if before is not None and before.state == after.state:
        return "redact" if is_cut(after) and not is_cut(before) else "update"
    if after.state == "active":
        return "create" if before is None else "restore"
    return _VERB[after.state]


def is_cut(row: RecordRow) -> bool:
    """Whether something was taken out of a record."""
    return any(note["rule"] == RULE for note in json.loads(row.findings))


# --- which records ------------------------------------------------------------------------------------------------


def rows_about(log: Log, decision: Decision, sources: Iterable[str]) -> Iterator[RecordRow]:
    """Yield the records that a decision is about; of one about a person every record that is not erased."""
    which = record_table.c.iri == decision.iri if decision.iri else record_table.c.state != "redacted"
    if decision.source is not None and decision.source in set(sources):
        which &= record_table.c.source == decision.source
    keys = sa.select(record_table.c.source, record_table.c.accession).where(which)
    with log.engine.connect() as db:
        found = [(str(source), str(accession)) for source, accession in db.execute(keys)]
    for source, accession in sorted(found):
        row = log.record(source, accession)
        if row is not None:
            yield row


def dataset_iri(settings: Settings, name: str) -> str:
    """Return the IRI of a dataset that is named ``archive/accession``, or by its IRI.

    Raises:
        ConfigError: neither.
    """
    if name.startswith(f"{settings.base_iri}dataset/"):
        return name
    archive, _, accession = name.partition("/")
    if not archive or not accession or "://" in name:
        raise ConfigError(f"{name}: write the dataset as archive/accession, such as idr/idr0094")
    return iris.dataset(settings.base_iri, archive, accession)


def check_chain(held: Iterable[Decision], iri: str, successor: str) -> None:
    """Refuse a replacement that leads back to where it began.

    Raises:
        ConfigError: it does; names the way.
    """
    following = {one.iri: one.successor for one in held if one.action == Action.REPLACE}
    way: list[str] = [iri]
    place: str | None = successor
    while place is not None and len(way) < MAX_CHAIN:
        way.append(place)
        if place == iri:
            raise ConfigError(f"--with: {' is replaced by '.join(way)}: a dataset cannot be replaced by itself")
        place = following.get(place)


def as_dict(one: Decision, every: Iterable[Decision]) -> dict[str, Any]:
    """Return a decision as plain values, with the one that took it back; what was taken out is not told."""
    back = next((other for other in every if other.takes_back == one.number), None)
    cut = json.loads(one.cut) if one.cut else None
    told = {name: getattr(one, name) for name in _COLUMNS if name != "cut"}
    return {
        **told,
        "is_whole": one.is_whole,
        "field": cut["field"] or None if cut else None,
        "taken_back": {"by": back.by, "at": back.at, "reason": back.reason} if back else None,
    }
