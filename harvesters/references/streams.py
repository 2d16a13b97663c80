"""Compressed streams of reference data, in bounded memory."""

from __future__ import annotations

import gzip
import io
import tarfile
import zipfile
import zlib
from collections.abc import Collection, Iterator
from pathlib import PurePosixPath
from typing import BinaryIO, cast

GZIP, ZIP = b"\x1f\x8b", b"PK\x03\x04"
MAX_EXPANDED_BYTES = 1 << 35
"""Longest reference when unpacked. NCBI's gene_info, the longest known, has about 8 GiB."""


class _Capped(io.RawIOBase):
    """A stream that refuses to give more than so many bytes."""

    def __init__(self, stream: BinaryIO, room: int) -> None:
        self._stream = stream
        self._room = room

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        try:
            data = self._stream.read(len(buffer))
        except (EOFError, zlib.error, OSError) as err:
            raise ValueError(f"the file is cut short or damaged: {err}") from err
        self._room -= len(data)
        if self._room < 0:
            raise ValueError("unpacked the file is longer than any known reference")
        buffer[: len(data)] = data
        return len(data)


def expanded(stream: BinaryIO, room: int = MAX_EXPANDED_BYTES) -> BinaryIO:
    """Return a stream without its gzip, if it has one.

    Args:
        stream: can be sought.
        room: longest length in bytes; reading on raises ValueError, as does a file that is cut short.
    """
    is_gzip = stream.read(2) == GZIP
    stream.seek(0)
    plain = cast(BinaryIO, gzip.GzipFile(fileobj=stream)) if is_gzip else stream
    if is_gzip:
        return cast(BinaryIO, io.BufferedReader(_Capped(plain, room), 1 << 16))
    return plain if isinstance(plain, io.BufferedReader) else cast(BinaryIO, io.BufferedReader(plain))


def members(stream: BinaryIO, wanted: Collection[str]) -> Iterator[tuple[str, BinaryIO]]:
    """Yield name and stream of the wanted files of a zip or tarball, in the order in which they lie there.

    Each stream is to be read before the next is asked for. Folders do not count: names are compared without them.

    Raises:
        ValueError: neither a zip nor a tarball, or damaged.
    """
    head = cast(io.BufferedReader, stream).peek(4)[:4]
    try:
        yield from _zip_members(stream, wanted) if head == ZIP else _tar_members(stream, wanted)
    except (tarfile.TarError, zipfile.BadZipFile, NotImplementedError, EOFError, zlib.error, OSError) as err:
        raise ValueError(f"not a complete zip or tarball: {err}") from err


def _zip_members(stream: BinaryIO, wanted: Collection[str]) -> Iterator[tuple[str, BinaryIO]]:
    with zipfile.ZipFile(stream) as archive:
        for info in archive.infolist():
            name = PurePosixPath(info.filename).name
            if name in wanted:
                with archive.open(info) as member:
                    yield name, cast(BinaryIO, io.BufferedReader(_Capped(cast(BinaryIO, member), MAX_EXPANDED_BYTES)))


def _tar_members(stream: BinaryIO, wanted: Collection[str]) -> Iterator[tuple[str, BinaryIO]]:
    with tarfile.open(fileobj=stream, mode="r|") as archive:
        for info in archive:
            name = PurePosixPath(info.name).name
            if info.isfile() and name in wanted and (member := archive.extractfile(info)) is not None:
                yield name, cast(BinaryIO, member)


def text_lines(stream: BinaryIO) -> Iterator[str]:
    """Yield the lines of a UTF-8 text without their ends; a byte-order mark is dropped.

    Raises:
        ValueError: not UTF-8.
    """
    for number, line in enumerate(stream):
        text = line.decode("utf-8-sig" if number == 0 else "utf-8")
        yield text.rstrip("\r\n")
