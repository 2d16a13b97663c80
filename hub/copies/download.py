"""Getting a file whole and right: part files that are read on, other hosts when one fails, and a check before use."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from hub.copies.catalogue import Copy, File
from hub.copies.digests import Fingerprint, chunks_of, fingerprint
from hub.copies.session import RANGE_PAST_END, CopySession, Part, PassingError, SourceError
from hub.errors import HubError

FIRST_PAUSE_S: Final = 1.0
# How often a file whose parts do not fit together is begun anew.
MAX_ANEW: Final = 3
TWO_READS, FIRST_SEEN, ARCHIVE_SAYS, MD5_SAYS = "two reads", "as first seen", "archive", "md5"
Progress = Callable[[int], None]


class FetchError(HubError):
    """No copy of a file could be had whole and right; the text says why of each."""


class _WrongError(Exception):
    """What came is not the file."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """A file that came whole and right.

    Attributes:
        part: where it lies.
        found: what it comes to.
        basis: why it is believed to be right.
        faults: what was wrong with copies that were tried, by host: (state, reason).
    """

    part: Path
    found: Fingerprint
    basis: str
    faults: dict[str, tuple[str, str]] = field(default_factory=dict)


@dataclass(slots=True)
class Download:
    """The download of one file.

    Args:
        http: the session.
        file: what is to come.
        folder: where part files lie.
        twice: whether a file without a checksum is read a second time.
        progress: told the number of bytes that are there of the file.
    """

    http: CopySession
    file: File
    folder: Path
    twice: bool = True
    progress: Progress = lambda _: None
    faults: dict[str, tuple[str, str]] = field(default_factory=dict)
    _was_resumed: bool = False

    @property
    def part(self) -> Path:
        """Where what has come so far lies."""
        name = hashlib.sha256(f"{self.file.dataset}\n{self.file.path}".encode()).hexdigest()
        return self.folder / f"{name}.part"

    def run(self, copies: Iterable[Copy]) -> Fetched:
        """Get the file from the first of the copies that gives it whole and right.

        Raises:
            FetchError: none does.
        """
        tried = list(copies)
        for copy in tried:
            try:
                found = self._whole(copy)
            except (_WrongError, SourceError, PassingError) as err:
                self._note(copy, err)
                continue
            basis = self._basis(found, copy, tried)
            if basis is not None:
                return Fetched(self.part, found, basis, self.faults)
            self._discard()
        told = "; ".join(f"{host}: {reason}" for host, (_, reason) in self.faults.items()) or "no copy is known"
        raise FetchError(f"{self.file.words} cannot be had: {told}")

    def _note(self, copy: Copy, err: Exception) -> None:
        state = "unreachable"
        if isinstance(err, _WrongError):
            state = "corrupt"
        elif isinstance(err, SourceError) and err.status in (404, 410):
            state = "missing"
        self.faults[copy.host] = (state, str(err))

    # --- one copy

    def _whole(self, copy: Copy) -> Fingerprint:
        """Read a copy to its end, on from what is there, and check it.

        Raises:
            _WrongError: what came is not the file.
            SourceError, PassingError: it cannot be had.
        """
        for _ in range(MAX_ANEW):
            self._was_resumed = False
            self._complete(copy)
            found = self._fingerprint()
            wrong = self._fault(found)
            if wrong is None:
                return found
            self._discard()
            if not self._was_resumed:
                break  # all of it came from here in one answer
        raise _WrongError(wrong)

    def _complete(self, copy: Copy) -> None:
        """Ask for what is missing until all is there; pauses between vain tries grow."""
        vain, most = 0, self._size()
        while True:
            try:
                if self._go_on(copy):
                    return
                raise PassingError("the answer ended before the file did")
            except PassingError as err:
                if err.status == RANGE_PAST_END:
                    self._discard()
                vain = 0 if self._size() > most else vain + 1
                most = max(most, self._size())
                if vain > self.http.manners.retries:
                    raise
                self.http.pause(copy.url, FIRST_PAUSE_S * 2 ** (vain - 1) if vain else 0)

    def _go_on(self, copy: Copy) -> bool:
        """Read on where the part file ends; whether the file is complete then."""
        start, etag = self._state(copy)
        if self.file.length is not None and start == self.file.length and start > 0:
            return True
        self._was_resumed |= start > 0
        with self.http.read(copy.url, start, etag) as part:
            self._check_total(part)
            size = self._append(copy, part)
        total = part.total if part.total is not None else self.file.length
        return total is None or size == total

    def _check_total(self, part: Part) -> None:
        if part.total is not None and self.file.length is not None and part.total != self.file.length:
            raise _WrongError(f"it is {part.total} bytes long there, and should be {self.file.length}")

    def _append(self, copy: Copy, part: Part) -> int:
        self.folder.mkdir(parents=True, exist_ok=True)
        self._remember(copy, part)
        limit = part.total if part.total is not None else self.file.length
        size = part.start
        with self.part.open("r+b" if self.part.exists() else "xb") as out:
            out.truncate(part.start)
            out.seek(part.start)
            for chunk in part.chunks:
                size += len(chunk)
                if limit is not None and size > limit:
                    raise _WrongError(f"more than {limit} bytes come")
                out.write(chunk)
                self.progress(size)
        return size

    # --- the part file

    def _state(self, copy: Copy) -> tuple[int, str]:
        """Return from which byte on a copy is read, and the validator that makes sure that it is the same content."""
        size = self._size()
        known: dict[str, str] = {}
        with suppress(OSError, ValueError):
            known = json.loads(self._told.read_text(encoding="utf-8"))
        is_checked = bool(self.file.digest or self.file.md5)
        if size and known.get("url") == copy.url and known.get("etag"):
            return size, known["etag"]
        if size and is_checked:
            return size, ""  # what began elsewhere is read on here: the checksum tells whether it fits
        self._discard()
        return 0, ""

    def _remember(self, copy: Copy, part: Part) -> None:
        beside = self._told.with_suffix(f".{os.getpid()}")
        beside.write_text(json.dumps({"url": copy.url, "etag": part.etag}), encoding="utf-8")
        beside.replace(self._told)

    @property
    def _told(self) -> Path:
        return self.part.with_suffix(".json")

    def _size(self) -> int:
        try:
            return self.part.stat().st_size
        except FileNotFoundError:
            return 0

    def _fingerprint(self) -> Fingerprint:
        """Read back what is on disk, so that a fault of the disk is found too."""
        with self.part.open("r+b" if self.part.exists() else "w+b") as stream:
            os.fsync(stream.fileno())
            return fingerprint(chunks_of(stream))

    def _discard(self) -> None:
        for path in (self.part, self._told):
            path.unlink(missing_ok=True)

    # --- why it is believed

    def _fault(self, found: Fingerprint) -> str | None:
        """Return what is wrong with a file, or None."""
        file = self.file
        if file.digest:
            return None if found.sha256 == file.digest else f"its SHA-256 is {found.sha256}, not {file.digest}"
        if file.md5:
            return None if found.md5 == file.md5.lower() else f"its MD5 is {found.md5}, not {file.md5}"
        if file.length is not None and found.size != file.length:
            return f"it is {found.size} bytes long, and should be {file.length}"
        return None

    def _basis(self, found: Fingerprint, first: Copy, copies: list[Copy]) -> str | None:
        """Return why a file is believed; None when a second reading of it came to something else."""
        if self.file.digest:
            return self.file.basis or ARCHIVE_SAYS
        if self.file.md5:
            return MD5_SAYS
        if not self.twice:
            return FIRST_SEEN
        others = [copy for copy in copies if copy is not first and copy.host not in self.faults]
        for copy in [*others, first]:
            try:
                again = self._read_again(copy)
            except (SourceError, PassingError):
                continue
            if again == found.sha256:
                return TWO_READS
            self.faults[first.host] = ("unknown", f"two readings differ (the second from {copy.host})")
            return None
        self.faults[first.host] = ("unknown", "it could not be read a second time")
        return None

    def _read_again(self, copy: Copy) -> str:
        digest = hashlib.sha256()
        with self.http.read(copy.url, 0) as part:
            size = 0
            for chunk in part.chunks:
                digest.update(chunk)
                size += len(chunk)
        if part.total is not None and size != part.total:
            raise PassingError("the answer ended before the file did")
        return digest.hexdigest()


def sweep(folder: Path, older_s: float) -> int:
    """Remove part files that have not grown for so many seconds; return how many."""
    removed, limit = 0, time.time() - older_s
    for path in folder.glob("*"):
        with suppress(OSError):
            if path.stat().st_mtime < limit:
                path.unlink()
                removed += 1
    return removed
