"""What a hub signs of each of its changes, so that the change can be checked wherever it comes to.

A statement is one line of canonical JSON (sorted keys, no spaces): which hub says it and under which number of its
log, which record it is about, what happened, the record's state and hash, and where it was read. The record itself is
not in it; its hash is.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from typing import Any

from hub import digests
from hub.config import Settings
from hub.log import Log, Signed, Version
from hub.peers import keys
from hub.peers.keys import SigningKey

BATCH = 500
SIGNED_AT = "signed_at"
MIRRORED = "~"  # in the name that a source of another hub has here


@dataclass(frozen=True, slots=True)
class Statement:
    """What a hub says of one change.

    Attributes:
        hub: name of the hub that owns the record.
        sequence: number of the change in that hub's log; numbers grow.
        at: ISO 8601 time of the change.
        action: ``create``, ``update``, ``withdraw``, ``restore``, ``suppress``, ``replace`` or ``redact``.
        source: the source's name at that hub.
        accession: the record's accession.
        iri: the dataset's IRI.
        state: state of the record from then on.
        title: the dataset's title.
        sha256: hash of the record's statements (:func:`hub.digests.of_record`).
        withdrawal: reason, date and successor of a withdrawn record, or None.
        source_url: where the record was read, or None.
        payload_sha256: hash of the archive's own bytes, or None.
        harvester: name and version of the harvester, or None.
    """

    hub: str
    sequence: int
    at: str
    action: str
    source: str
    accession: str
    iri: str
    state: str
    title: str
    sha256: str
    withdrawal: dict[str, Any] | None = None
    source_url: str | None = None
    payload_sha256: str | None = None
    harvester: str | None = None

    def text(self) -> str:
        """Return the line that is signed."""
        return json.dumps(asdict(self), sort_keys=True, separators=(",", ":"), ensure_ascii=False)

    @classmethod
    def read(cls, text: str) -> Statement:
        """Return the statement that a line holds.

        Raises:
            ValueError: it is no statement, or not written in the canonical way; names what is wrong.
        """
        try:
            said = json.loads(text)
        except (ValueError, RecursionError) as err:
            raise ValueError(f"statement: not JSON ({err})") from err
        names = {f.name for f in fields(cls)}
        if not isinstance(said, dict) or said.keys() != names:
            raise ValueError(f"statement: it must have exactly {', '.join(sorted(names))}")
        wrong = [n for n, v in said.items() if not isinstance(v, _TYPES.get(n, (str,))) or isinstance(v, bool)]
        if wrong:
            raise ValueError(f"statement: {', '.join(wrong)}: not the type of value that belongs there")
        found = cls(**said)
        if found.text() != text:
            raise ValueError("statement: not written with sorted keys and without spaces")
        return found


_TYPES: dict[str, tuple[type, ...]] = {"sequence": (int,), "withdrawal": (dict, type(None))} | dict.fromkeys(
    ("source_url", "payload_sha256", "harvester"), (str, type(None))
)


def of_version(hub: str, version: Version, sha256: str) -> Statement:
    """Return what a hub says of one of its own changes."""
    return Statement(
        hub=hub,
        sequence=version.sequence,
        at=version.at,
        action=version.action,
        source=version.source,
        accession=version.accession,
        iri=version.iri,
        state=version.state,
        title=version.title,
        sha256=sha256,
        withdrawal=json.loads(version.withdrawal) if version.withdrawal else None,
        source_url=version.source_url,
        payload_sha256=version.payload_sha256,
        harvester=version.harvester,
    )


def sign(statement: Statement, key: SigningKey) -> Signed:
    """Return a statement with its signature."""
    text = statement.text()
    return Signed(statement.hub, statement.sequence, statement.sha256, text, key.sign(text))


def update(log: Log, settings: Settings) -> int:
    """Sign this hub's own changes that are not signed yet, and return how many there were.

    What came from other hubs was signed by them and is in the log with their signatures. What this hub alone decides
    about such a record, as to suppress it, is nobody else's concern and stays unsigned.
    """
    key = keys.own(settings.key_file)
    signed = 0
    place = int(log.setting(SIGNED_AT) or 0)
    for page in _unsigned(log, place):
        own = [version for version in page if MIRRORED not in version.source]
        log.sign({v.sequence: sign(of_version(settings.hub_name, v, _sha256(v)), key) for v in own})
        log.set_setting(SIGNED_AT, str(page[-1].sequence))
        signed += len(own)
    return signed


def _unsigned(log: Log, place: int) -> Iterator[list[Version]]:
    while page := log.unsigned_since(place, BATCH):
        yield page
        place = page[-1].sequence


def _sha256(version: Version) -> str:
    return digests.of_record(version.record) if version.record is not None else ""
