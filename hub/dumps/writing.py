"""Writing the files of a dump: zstd-compressed lines, sorted in bounded memory where their order is to mean nothing.

The same lines give the same bytes, so a file that did not change is the same file in the next dump.
"""

from __future__ import annotations

import hashlib
import heapq
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Final, Self

import zstandard

from hub.dumps.layout import ZSTD, File

LEVEL: Final = 6
QUICK: Final = 1
BUFFER_BYTES: Final = 1 << 20
SORTED_BYTES: Final = 48 << 20
"""Text of the lines that are sorted in memory at once; with Python's own share about three times as much."""


class Lines:
    """A zstd file of lines while it is written.

    Args:
        path: of the file.
        level: of compression.
    """

    def __init__(self, path: Path, level: int = LEVEL) -> None:
        self.path, self.rows = path, 0
        self._waiting: list[bytes] = []
        self._size = 0
        self._file = path.open("wb")
        compressor = zstandard.ZstdCompressor(level=level, write_checksum=True)
        self._out: Any = compressor.stream_writer(self._file, closefd=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def add(self, line: bytes) -> None:
        """Write a line, given without its end."""
        self._waiting.append(line)
        self._size += len(line) + 1
        self.rows += 1
        if self._size >= BUFFER_BYTES:
            self._flush()

    def _flush(self) -> None:
        if self._waiting:
            self._out.write(b"\n".join(self._waiting) + b"\n")
        self._waiting, self._size = [], 0

    def close(self) -> None:
        """Write what is left and end the file."""
        self._flush()
        self._out.close()


def described(path: Path, kind: str, title: str, rows: int, media_type: str = ZSTD) -> File:
    """Return a file that was written as the manifest lists it."""
    return File(path.name, kind, title, media_type, path.stat().st_size, sha256_of(path), rows)


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal digits."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def lines_of(stream: BinaryIO, longest: int = 512 << 20) -> Iterator[bytes]:
    """Yield the lines of a zstd file, without their ends, in bounded memory.

    Raises:
        ValueError: it is damaged, or a line is longer than any can be.
    """
    rest: list[bytes] = []
    size = 0
    try:
        with zstandard.ZstdDecompressor().stream_reader(stream, closefd=False, read_across_frames=False) as reader:
            while piece := reader.read(BUFFER_BYTES):
                first, *more = piece.split(b"\n")
                rest.append(first)
                size += len(first)
                if size > longest:
                    raise ValueError(f"a line is longer than {longest} bytes")
                if more:
                    yield b"".join(rest)
                    yield from more[:-1]
                    rest, size = [more[-1]], len(more[-1])
    except zstandard.ZstdError as err:
        raise ValueError(f"it is no whole zstd file ({err})") from err
    if any(rest):
        raise ValueError("its last line is not whole")


class Sorter:
    """Sorts any number of lines; use it as a context. Takes a place on disk, not in memory.

    Args:
        folder: where parts lie meanwhile.
        at_once: bytes of lines that are sorted in memory.
    """

    def __init__(self, folder: Path, at_once: int = SORTED_BYTES) -> None:
        self._parts: list[Path] = []
        self._lines: list[bytes] = []
        self._size, self._at_once = 0, at_once
        self._place = tempfile.TemporaryDirectory(prefix=".sorting-", dir=folder)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._place.cleanup()

    def add(self, lines: Iterable[bytes]) -> None:
        """Take lines, without their ends."""
        for line in lines:
            self._lines.append(line)
            self._size += len(line)
        if self._size >= self._at_once:
            self._put_aside()

    def _put_aside(self) -> None:
        path = Path(self._place.name) / str(len(self._parts))
        self._lines.sort()
        with Lines(path, QUICK) as out:
            for line in self._lines:
                out.add(line)
        self._parts.append(path)
        self._lines, self._size = [], 0

    def sorted(self) -> Iterator[bytes]:
        """Yield the lines in the order of their bytes, each as often as it came."""
        self._lines.sort()
        yield from heapq.merge(*(self._read(path) for path in self._parts), self._lines)

    def _read(self, path: Path) -> Iterator[bytes]:
        with path.open("rb") as stream:
            yield from lines_of(stream)
