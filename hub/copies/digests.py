"""Hashes of a file: of the whole, and of each piece, so that a part of it can be checked before it is handed out."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final

PIECE_BYTES: Final = 1 << 20
DIGEST_BYTES: Final = 16


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What a file's bytes come to.

    Attributes:
        size: in bytes.
        sha256: of the whole, in hexadecimal digits.
        md5: of the whole, in hexadecimal digits.
        pieces: the digests of all pieces of 1 MiB, 16 bytes each, one after another.
    """

    size: int
    sha256: str
    md5: str
    pieces: bytes


def of_piece(piece: bytes) -> bytes:
    """Return the digest of one piece."""
    return hashlib.blake2b(piece, digest_size=DIGEST_BYTES).digest()


def fingerprint(chunks: Iterable[bytes]) -> Fingerprint:
    """Return what bytes come to; memory holds a piece of them."""
    whole, md5, size, pieces = hashlib.sha256(), hashlib.md5(usedforsecurity=False), 0, bytearray()
    for piece in _pieces(chunks):
        whole.update(piece)
        md5.update(piece)
        size += len(piece)
        pieces += of_piece(piece)
    return Fingerprint(size, whole.hexdigest(), md5.hexdigest(), bytes(pieces))


def _pieces(chunks: Iterable[bytes]) -> Iterator[bytes]:
    rest = bytearray()
    for chunk in chunks:
        rest += chunk
        while len(rest) >= PIECE_BYTES:
            yield bytes(rest[:PIECE_BYTES])
            del rest[:PIECE_BYTES]
    if rest:
        yield bytes(rest)


def chunks_of(stream: BinaryIO) -> Iterator[bytes]:
    """Yield the rest of a stream in pieces."""
    while chunk := stream.read(PIECE_BYTES):
        yield chunk
