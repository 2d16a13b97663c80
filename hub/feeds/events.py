"""What the feeds of single changes have in common: what a change means to a reader, and a record as one file.

A record's file is its canonical N-Triples, as its owner has it, so that the SHA-256 of the file is the one that the
owner signs and that hubs compare.

Source: https://www.w3.org/TR/rdf-canon/
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final, Literal
from urllib.parse import quote

from hub import digests, records
from hub.feeds.journal import ACTIVE
from hub.log import Version
from hub.peers import wire

Kind = Literal["create", "update", "delete"]
# Actions of the log after which a record is there that readers did not have before.
_APPEARS: Final = frozenset({"create", "restore"})
_SAFE: Final = "-._~"


def kind(version: Version) -> Kind:
    """Return what a change means to who holds a copy of the public records.

    A record that is withdrawn, replaced, kept out of lists or erased is not among these, so each is a delete; and so is
    an earlier change whose content was erased since.
    """
    if version.state != ACTIVE or not version.record:
        return "delete"
    return "create" if version.action in _APPEARS else "update"


def file(base: str, version: Version) -> bytes:
    """Return a record as canonical N-Triples, with the IRIs that its owner gave its nodes.

    Args:
        base: the hub's base IRI.
        version: one that has its content.
    """
    assert version.record is not None
    text = wire.given_out(base, version.source, version.accession, version.record)
    return "".join(f"{line}\n" for line in digests.lines(records.from_json(text))).encode()


def file_path(source: str, accession: str, sequence: int | None = None) -> str:
    """Return where a record's file is, below the hub's address; with a number, what that change made of it.

    >>> file_path("idr~eu", "idr0001"), file_path("bia", "a/b", 7)
    ('resource/idr~eu/idr0001.nt', 'resource/bia/a%2Fb/7.nt')
    """
    path = f"resource/{quote(source, safe=_SAFE)}/{quote(accession, safe=_SAFE)}"
    return f"{path}.nt" if sequence is None else f"{path}/{sequence}.nt"


@dataclass(frozen=True, slots=True)
class Measure:
    """A file's size in bytes and its SHA-256 in hexadecimal digits."""

    size_bytes: int
    sha256: str


class Measures:
    """Sizes and hashes of records' files, each made once for each content.

    Args:
        most: how many are kept; at that number all are forgotten.
    """

    def __init__(self, most: int = 200_000) -> None:
        self._most = most
        self._known: dict[bytes, Measure] = {}

    def of(self, base: str, version: Version) -> Measure:
        """Return the measure of the file of a version that has its content."""
        assert version.record is not None
        key = hashlib.sha256(f"{base}\n{version.source}\n{version.record}".encode()).digest()
        if (known := self._known.get(key)) is not None:
            return known
        data = file(base, version)
        if len(self._known) >= self._most:
            self._known.clear()
        measure = self._known[key] = Measure(len(data), hashlib.sha256(data).hexdigest())
        return measure
