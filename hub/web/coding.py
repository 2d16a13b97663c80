"""Content codings of answers: which one a caller gets, and the coding itself, whole or in pieces.

Source: https://www.rfc-editor.org/rfc/rfc9110#name-accept-encoding · https://www.rfc-editor.org/rfc/rfc8878
"""

from __future__ import annotations

import zlib
from functools import lru_cache
from typing import Literal, Protocol

import zstandard
from werkzeug.datastructures import Accept
from werkzeug.http import parse_accept_header

Coding = Literal["", "zstd", "gzip"]
OFFERED: tuple[Coding, ...] = ("zstd", "gzip")  # of two that are liked as much, the first
LEAST_BYTES = 1024
_GZIP_LEVEL, _ZSTD_LEVEL = 5, 3
_GZIP_WINDOW = 31  # zlib's largest window, and 16 for a gzip header


class Encoder(Protocol):
    """Codes an answer that comes in pieces."""

    def compress(self, data: bytes, /) -> bytes:
        """Take a piece; what is ready of the coded answer."""

    def flush(self) -> bytes:
        """The rest of the coded answer."""


@lru_cache(maxsize=256)
def choose(accept_encoding: str) -> Coding:
    """Return the coding that a caller likes best, "" for none.

    >>> choose("gzip, deflate, br, zstd"), choose("gzip;q=0.5, zstd;q=0"), choose("identity, gzip;q=0.5"), choose("")
    ('zstd', 'gzip', '', '')
    """
    if not accept_encoding:
        return ""
    accepted = parse_accept_header(accept_encoding, Accept)
    best = max(OFFERED, key=accepted.quality)
    liked = accepted.quality(best)
    plain = accepted.quality("identity") if "identity" in dict(accepted) else 0
    return best if liked > 0 and liked >= plain else ""


def encode(data: bytes, coding: Coding) -> bytes:
    """Return a whole answer in a coding."""
    if coding == "zstd":
        return zstandard.compress(data, _ZSTD_LEVEL)
    return zlib.compress(data, _GZIP_LEVEL, wbits=_GZIP_WINDOW) if coding == "gzip" else data


def encoder(coding: Coding) -> Encoder | None:
    """Return what codes an answer piece by piece; None for no coding."""
    if coding == "zstd":
        return zstandard.ZstdCompressor(_ZSTD_LEVEL).compressobj()
    return zlib.compressobj(_GZIP_LEVEL, wbits=_GZIP_WINDOW) if coding == "gzip" else None
