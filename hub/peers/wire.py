"""A change as it goes from hub to hub, and what becomes of a record on its way into and out of a mirror.

A mirrored record is kept under the source ``<source>~<hub>``, so that it can stand beside a record of the mirror's own
of the same dataset. Nodes of the record that have its own record's IRI (samples, protocols …) follow it there, and come
back under their first IRIs when the record is hashed or passed on.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from hub import digests
from hub.log import RecordRow, Signed, Version
from hub.peers import keys
from hub.peers.statements import MIRRORED, Statement
from ontology import iris

MAX_HOPS = 16


@dataclass(frozen=True, slots=True)
class Change:
    """One change as a hub passes it on.

    Attributes:
        number: of the change in the log of the hub that passes it on.
        signed: what the owner says, with its signature, and the hubs that it came through.
        record: canonical JSON of the record as its owner has it; None once it was erased.
    """

    number: int
    signed: Signed
    record: str | None

    @property
    def statement(self) -> Statement:
        """What the owner says, read; ValueError when it is no statement."""
        return Statement.read(self.signed.statement)


def local_source(hub: str, source: str) -> str:
    """Return the name that a source of another hub has here.

    >>> local_source("eu", "idr")
    'idr~eu'
    """
    return f"{source}{MIRRORED}{hub}"


def split_source(source: str) -> tuple[str, str]:
    """Return the hub that owns the records of a source, and the source's name there; ``""`` for this hub's own.

    >>> split_source("idr~eu"), split_source("idr")
    (('eu', 'idr'), ('', 'idr'))
    """
    name, _, hub = source.rpartition(MIRRORED)
    return (hub, name) if name else ("", source)


def taken_in(base: str, hub: str, source: str, accession: str, record: str) -> str:
    """Return a record of another hub as it is kept here."""
    here = iris.record(base, local_source(hub, source), accession)
    return _moved(record, iris.record(base, source, accession), here)


def given_out(base: str, source: str, accession: str, record: str) -> str:
    """Return a kept record as its owner has it."""
    hub, name = split_source(source)
    return _moved(record, iris.record(base, source, accession), iris.record(base, name, accession)) if hub else record


def _moved(record: str, old: str, new: str) -> str:
    return record.replace(
        json.dumps(f"{old}#", ensure_ascii=False)[:-1], json.dumps(f"{new}#", ensure_ascii=False)[:-1]
    )


def of_version(base: str, version: Version) -> Change:
    """Return a signed version as it is passed on.

    Raises:
        ValueError: nobody has signed it.
    """
    if version.signed is None:
        raise ValueError(f"change {version.sequence} is not signed yet")
    record = version.record
    if record is not None:
        record = given_out(base, version.source, version.accession, record)
    return Change(version.sequence, version.signed, record)


def to_json(change: Change, hub: str) -> dict[str, Any]:
    """Return a change as JSON, with the hub that passes it on as its last hop."""
    return {
        "number": change.number,
        "statement": change.signed.statement,
        "signature": change.signed.signature,
        "hops": [*change.signed.hops, hub],
        "record": None if change.record is None else json.loads(change.record),
    }


def from_json(told: Any) -> Change:
    """Return the change that JSON holds, with its statement read; what it says is not checked against anything.

    Raises:
        ValueError: it is no change; names the field.
    """
    _expect(isinstance(told, dict), "change: a JSON object is expected")
    number, text, signature, hops, record = (told.get(name) for name in _NAMES)
    _expect(isinstance(number, int) and number > 0, "number: a number above zero is expected")
    _expect(isinstance(text, str) and isinstance(signature, str), "statement, signature: texts are expected")
    _expect(_are_hops(hops), f"hops: a list of at most {MAX_HOPS} names is expected")
    _expect(record is None or isinstance(record, dict), "record: a JSON object is expected")
    said = Statement.read(text)
    signed = Signed(said.hub, said.sequence, said.sha256, text, signature, tuple(hops))
    return Change(number, signed, None if record is None else json.dumps(record, ensure_ascii=False))


_NAMES = ("number", "statement", "signature", "hops", "record")


def _expect(is_so: bool, message: str) -> None:
    if not is_so:
        raise ValueError(message)


def _are_hops(hops: Any) -> bool:
    return isinstance(hops, list) and len(hops) <= MAX_HOPS and all(isinstance(hop, str) for hop in hops)


def check(change: Change, public: str) -> None:
    """Check a change against the owner's key, and the record, unless it was erased, against the owner's hash.

    Raises:
        ValueError: the signature is not the owner's, or the record is not the one that was signed.
    """
    said = change.statement
    if not keys.is_signed(change.signed.statement, change.signed.signature, public):
        raise ValueError(f"{said.accession}: its statement is not signed by {said.hub}")
    if change.record is not None and digests.of_record(change.record) != said.sha256:
        raise ValueError(f"{said.accession}: the record is not the one that {said.hub} signed")


def to_row(change: Change, base: str, at: str, before: RecordRow | None, run: int) -> RecordRow:
    """Return the row under which a change of another hub is kept here.

    Args:
        change: with its record.
        base: the base IRI of both hubs.
        at: ISO 8601 time at which it was taken in.
        before: what stood of the record here.
        run: number of the run that takes it in.
    """
    said = change.statement
    assert change.record is not None
    return RecordRow(
        source=local_source(said.hub, said.source),
        accession=said.accession,
        iri=said.iri,
        state=said.state,
        title=said.title,
        record=taken_in(base, said.hub, said.source, said.accession, change.record),
        findings="[]",
        withdrawal=json.dumps(said.withdrawal) if said.withdrawal else None,
        payload_sha256=said.payload_sha256 or "",
        source_url=said.source_url,
        harvester=said.harvester or "",
        first_seen=before.first_seen if before else at,
        changed=at,
        run=run,
    )
