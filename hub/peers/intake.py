"""Taking changes of other hubs in: each is believed for its owner's signature alone, whoever passes it on.

What cannot be proved is refused, kept as evidence, and leaves no trace in the log; what can be proved is taken whatever
came before or after it. Changes may come twice, late and in any order: of one record the greatest number of its owner
counts, so every order leads to the same end.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import unquote

from harvesters.contract import RecordError
from hub import records, views
from hub.config import HUB_NAME, Peer, Settings
from hub.log import Batch, Log, RecordRow, Report, Signed, now
from hub.peers import keys, standing, wire
from hub.peers.statements import Statement
from hub.peers.trust import Kind, Refusal, Trust, evidence
from hub.peers.wire import Change
from hub.redactions import Decisions
from linkml_schemas.generated.model import RecordState
from ontology import iris

BATCH = 200
ACTIONS = frozenset({"create", "update", "withdraw", "restore", "suppress", "replace", "redact"})
STATES = frozenset(state.value for state in RecordState)
SOURCE = "[a-z0-9][a-z0-9_-]*"
ACTIVE, REDACTED, REDACT = "active", "redacted", "redact"

logger = logging.getLogger(__name__)


class RefusedError(Exception):
    """A change that is not taken; says what is wrong with it."""

    def __init__(self, kind: Kind, message: str, other: str = "") -> None:
        super().__init__(message)
        self.kind, self.other = kind, other


@dataclass(slots=True)
class Intake:
    """Takes what one peer passes on, in one run.

    Attributes:
        log: the catalogue.
        settings: this hub's settings.
        trust: keys and refusals.
        peer: who passes the changes on.
        run: number of the run.
        report: its counts.
        erase: erases a record, all or part of which its owner redacted; told the change.
        refused: what was refused in this run.
    """

    log: Log
    settings: Settings
    trust: Trust
    peer: Peer
    run: int
    report: Report
    erase: Callable[[Change], None]
    refused: list[Refusal] = field(default_factory=list)
    _batch: Batch = field(default_factory=Batch)
    _rows: dict[tuple[str, str], RecordRow] = field(default_factory=dict)
    _latest: dict[tuple[str, str], int] = field(default_factory=dict)
    _known: dict[tuple[str, int], str] = field(default_factory=dict)
    _forked: set[str] = field(default_factory=set)
    _staged: set[tuple[str, str]] = field(default_factory=set)

    _decisions: Decisions | None = None

    def take(self, told: Iterable[Any]) -> None:
        """Take changes as they came, and write what is new of them."""
        read = [change for one in told if (change := self._read(one)) is not None]
        if read:
            self._look_up(read)
        for change in read:
            self._judge(change)
        self.write()

    def write(self) -> None:
        """Write what was taken so far."""
        if self._batch:
            self.log.commit(self._batch, self.run)
            self._batch = Batch()
            self._staged.clear()

    def refuse(self, kind: Kind, owner: str, record: str, message: str, *proof: object) -> None:
        """Keep what is refused. Who signed two things has done it himself; all else is the word of who passes it on."""
        who = owner if kind is Kind.FORK else self.peer.name
        refusal = Refusal(who, owner, kind, record, message, evidence(*proof))
        self.trust.refuse(refusal)
        self.refused.append(refusal)
        self._forked |= {owner} if kind is Kind.FORK else set()

    # --- one change

    def _read(self, told: Any) -> Change | None:
        self.report.listed += 1
        try:
            return wire.from_json(told)
        except ValueError as err:
            self.report.rejected += 1
            self.refuse(Kind.MALFORMED, "", "", str(err), told)
            return None

    def _look_up(self, read: list[Change]) -> None:
        """Read what is known of some changes and their records."""
        named = [_place(change.statement) for change in read]
        self._rows = {(row.source, row.accession): row for row in self.log.records_of(named)}
        self._latest = standing.latest_of(self.log, named)
        self._forked = self.trust.forked()
        self._decisions = Decisions.of(self.log, self.settings)
        self._known = standing.told_already(self.log, [(c.signed.hub, c.signed.hub_sequence) for c in read])

    def _judge(self, change: Change) -> None:
        said = change.statement
        try:
            if not self._is_new(change, said):
                self.report.unchanged += 1
                return
            self._check(change, said)
        except RefusedError as err:
            self.report.rejected += 1
            signed = change.signed
            self.refuse(err.kind, said.hub, _name(said), str(err), signed.statement, signed.signature, err.other)
            return
        self._accept(change, said)

    def _is_new(self, change: Change, said: Statement) -> bool:
        """Whether a change is one that this hub wants and does not have yet; RefusedError when it is a proven lie."""
        is_own = said.hub == self.settings.hub_name
        if not is_own and not self.trust.is_taken(said.hub, self.peer):
            return False
        key = self.trust.key_of(said.hub)
        if key is None:
            raise RefusedError(Kind.OWNER, f"{self.peer.name} tells no key of {said.hub} that this hub believes")
        known = self._known.get((said.hub, said.sequence))
        if known == change.signed.statement:
            return False
        if not keys.is_signed(change.signed.statement, change.signed.signature, key):
            kind = Kind.SIGNATURE if said.hub == self.peer.name else Kind.OWNER
            raise RefusedError(kind, f"what is said of {_name(said)} is not signed by {said.hub}, its owner")
        if known is not None:
            raise RefusedError(Kind.FORK, f"{said.hub} signed two changes as its number {said.sequence}", known)
        return not is_own and said.sequence > self._latest.get(_place(said), 0)

    def _check(self, change: Change, said: Statement) -> None:
        """Check a change that is new; RefusedError when it cannot be taken."""
        if said.hub in self._forked:
            raise RefusedError(Kind.FORK, f"{said.hub} is not believed since it signed two changes under one number")
        if said.hub == self.peer.name and change.number != said.sequence:
            message = f"{said.hub} passes its change {said.sequence} of {_name(said)} on as its number {change.number}"
            raise RefusedError(Kind.ROLLBACK, message)
        try:
            wire.check(change, self.trust.keys()[said.hub])
        except ValueError as err:
            raise RefusedError(Kind.HASH, str(err)) from err
        if problem := _unfit(change, said, self.settings.base_iri):
            raise RefusedError(Kind.UNFIT, f"{_name(said)} of {said.hub}: {problem}")

    def _accept(self, change: Change, said: Statement) -> None:
        if change.record is None and said.state != REDACTED:
            self.report.unchanged += 1  # its content was erased since; a later change says so
            return
        place = _place(said)
        before = self._rows.get(place)
        told = _row(change, self.settings.base_iri, before, self.run)
        try:
            row = self._decisions.applied(told) if self._decisions else told
        except RecordError as err:
            self.report.rejected += 1
            logger.warning("%s of %s: %s", _name(said), said.hub, err)
            return
        is_whole = (row.record, row.title) == (told.record, told.title)
        if before is not None and not is_whole and _same(before, row):
            self.report.unchanged += 1  # what this hub's own operator redacted stays so
            return
        self._count(before, row)
        self._latest[place] = said.sequence
        self._known[said.hub, said.sequence] = change.signed.statement
        if said.action == REDACT and before is not None and before.state != REDACTED:
            self.write()
            self.erase(change)
        self._stage(said.action, row, change.signed if is_whole else None)

    def _stage(self, action: str, row: RecordRow, signed: Signed | None) -> None:
        place = (row.source, row.accession)
        if place in self._staged or len(self._batch) >= BATCH:
            self.write()
        self._batch.records.append((action, row))
        self._staged.add(place)
        if signed is not None:
            self._batch.signed[place] = signed
        self._rows[place] = row

    def _count(self, before: RecordRow | None, said: RecordRow) -> None:
        if before is None:
            self.report.new += 1
        else:
            self.report.changed += 1
        if said.state != ACTIVE and (before is None or before.state == ACTIVE):
            self.report.deleted += 1


def _place(said: Statement) -> tuple[str, str]:
    """Return under which source and accession a record is kept here."""
    return wire.local_source(said.hub, said.source), said.accession


def _name(said: Statement) -> str:
    return f"{said.source}/{said.accession}"


def _unfit(change: Change, said: Statement, base: str) -> str:
    """Return why a record cannot stand where its statement puts it, or ""."""
    if not re.fullmatch(HUB_NAME, said.hub) or not re.fullmatch(SOURCE, said.source):
        return "hub, source: no names of a hub and of a source"
    if said.action not in ACTIONS or said.state not in STATES:
        return f"action, state: there is no {said.action!r}, {said.state!r}"
    if not _is_dataset(base, said):
        return f"iri: {said.iri} is not what {base} calls {said.accession}"
    record = json.loads(change.record) if change.record is not None else None
    if record and (record["id"], record["accession"], record["name"]) != (said.iri, said.accession, said.title):
        return "the record has another IRI, accession or title than its statement"
    if strange := _strange(record, base, said):
        return f"it tells of {strange}, which is not its own"
    try:
        records.to_quads(views.catalog_record(_row(change, base, None, 1), base))
    except (ValueError, TypeError, AttributeError) as err:
        return f"withdrawal: it cannot be told ({str(err).splitlines()[0][:200]})"
    return ""


def _row(change: Change, base: str, before: RecordRow | None, run: int) -> RecordRow:
    """Return the row of a change; of one whose content was erased, what is left: the tombstone."""
    if change.record is not None:
        return wire.to_row(change, base, now(), before, run)
    row = wire.to_row(replace(change, record=""), base, now(), before, run)
    return replace(row, source_url=None)


def _same(before: RecordRow, after: RecordRow) -> bool:
    return all(getattr(before, name) == getattr(after, name) for name in ("state", "record", "title", "withdrawal"))


def _is_dataset(base: str, said: Statement) -> bool:
    archive = said.iri.removeprefix(f"{base}dataset/").partition("/")[0]
    return bool(archive) and said.iri == iris.dataset(base, unquote(archive), said.accession)


def _strange(thing: Any, base: str, said: Statement) -> str:
    """Return the IRI of a dataset or of another record's node that a record describes, or ""."""
    if isinstance(thing, list):
        return next((found for one in thing if (found := _strange(one, base, said))), "")
    if not isinstance(thing, dict):
        return ""
    iri = str(thing.get("id", ""))
    own = (f"{said.iri}#", f"{iris.record(base, said.source, said.accession)}#")
    minted = iri.startswith((f"{base}dataset/", f"{base}record/", f"{base}graph/"))
    if minted and iri != said.iri and not iri.startswith(own):
        return iri
    return next((found for one in thing.values() if (found := _strange(one, base, said))), "")
