"""Hashes of records and of sets of records, by which two hubs tell that they hold the same.

A record's hash is over its statements and not over any one file format: the SHA-256 of its canonical N-Quads. Records
have no blank nodes, so RDFC-1.0 asks for no more than its way of writing and sorting the lines. The hash of a set does
not depend on the order in which records came, and a change costs two multiplications: MuHash.

Source: https://www.w3.org/TR/rdf-canon/ · https://cseweb.ucsd.edu/~mihir/papers/inchash.pdf
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from pydantic import BaseModel

from hub import records

# 2^3072 - 1103717 is the largest prime below 2^3072 for which such a product is used elsewhere too (Bitcoin's MuHash).
_PRIME = 2**3072 - 1103717
_BYTES = 384


def lines(thing: BaseModel) -> list[str]:
    """Return the statements of a thing as the lines of canonical N-Quads, sorted, without line ends."""
    return sorted(f"{quad} ." for quad in records.to_quads(thing))


def of_record(text: str) -> str:
    """Return the SHA-256 of a record's canonical N-Quads, in hexadecimal digits.

    Args:
        text: the record as JSON.

    Raises:
        ValueError: it is not a record.
    """
    canonical = "".join(f"{line}\n" for line in lines(records.from_json(text)))
    return hashlib.sha256(canonical.encode()).hexdigest()


def member(hub: str, source: str, accession: str, state: str, sha256: str) -> bytes:
    """Return what a record is in a set: who owns it, what it is called, its state and its hash."""
    return "\n".join((hub, source, accession, state, sha256, "")).encode()


class SetHash:
    """Hash of a set, whatever the order of its members.

    >>> one, other = SetHash(), SetHash()
    >>> one.add(b"a"); one.add(b"b"); other.add(b"b"); other.add(b"c"); other.add(b"a"); other.remove(b"c")
    >>> one.hexdigest() == other.hexdigest()
    True
    """

    def __init__(self, members: Iterable[bytes] = ()) -> None:
        self._above, self._below = 1, 1
        for each in members:
            self.add(each)

    def add(self, each: bytes) -> None:
        """Put a member in; it must not be there."""
        self._above = self._above * _number(each) % _PRIME

    def remove(self, each: bytes) -> None:
        """Take a member out; it must be there."""
        self._below = self._below * _number(each) % _PRIME

    def hexdigest(self) -> str:
        """Return the hash: 64 hexadecimal digits."""
        product = self._above * pow(self._below, -1, _PRIME) % _PRIME
        return hashlib.sha256(product.to_bytes(_BYTES, "big")).hexdigest()


def _number(each: bytes) -> int:
    return int.from_bytes(hashlib.shake_256(each).digest(_BYTES), "big") % _PRIME or 1
