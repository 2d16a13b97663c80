"""Files kept under the name of their own content, so that what stands can never be overwritten by something else."""

from __future__ import annotations

import hashlib
import os
import re
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from harvesters.contract import Attachment, RecordError, SourceError

CHUNK_BYTES = 1 << 20
PART = ".part-"
# A file of a writer that died is removed when it has not grown for this time.
STALE_S = 24 * 3600.0


class Keep:
    """A folder of files named by their SHA-256. Several processes and threads may use it at once.

    Args:
        folder: where the files lie; made when the first one comes.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._is_swept = False

    def path(self, digest: str) -> Path:
        """Return where the file of a SHA-256 lies.

        Raises:
            RecordError: not a SHA-256.
        """
        if not re.fullmatch(r"[0-9a-f]{64}", digest):
            raise RecordError(f"{digest[:80]!r} is not a SHA-256 in hexadecimal digits")
        return self.folder / digest[:2] / digest

    def put(self, chunks: Iterable[bytes]) -> Attachment:
        """Keep what the chunks make together; memory holds one of them. A damaged file of that name is replaced.

        Raises:
            SourceError: the folder cannot be written to. What ``chunks`` raises passes through, and nothing is kept.
        """
        self._sweep()
        part = self.folder / f"{PART}{os.getpid()}-{os.urandom(8).hex()}"
        digest, size = hashlib.sha256(), 0
        try:
            with self._disk():
                self.folder.mkdir(parents=True, exist_ok=True)
                out = part.open("xb")
            try:
                for chunk in chunks:
                    digest.update(chunk)
                    size += len(chunk)
                    with self._disk():
                        out.write(chunk)
            finally:
                with self._disk():
                    out.close()
            target = self.path(digest.hexdigest())
            with self._disk():
                target.parent.mkdir(exist_ok=True)
                part.replace(target)
        except BaseException:
            with suppress(OSError):
                part.unlink(missing_ok=True)
            raise
        return Attachment(digest.hexdigest(), size)

    def holds(self, digest: str) -> bool:
        """Tell whether there is a file of that name, sound or not."""
        try:
            return self.path(digest).is_file()
        except (OSError, RecordError):
            return False

    def open(self, digest: str) -> BinaryIO:
        """Open a kept file for reading.

        Raises:
            RecordError: it is not kept.
        """
        try:
            return self.path(digest).open("rb")
        except OSError as err:
            raise RecordError(f"the file with SHA-256 {digest} is not kept: harvest the source with --full") from err

    def read(self, digest: str, limit: int | None = None) -> bytes | None:
        """Return the bytes of a kept file; None when it is not there, damaged or longer than ``limit``."""
        try:
            path = self.path(digest)
            if limit is not None and path.stat().st_size > limit:
                return None
            data = path.read_bytes()
        except (OSError, RecordError):
            return None
        return data if hashlib.sha256(data).hexdigest() == digest else None

    def attachment(self, digest: str) -> Attachment | None:
        """Return a kept file's name and size; None when it is not there or damaged."""
        found, size = hashlib.sha256(), 0
        try:
            with self.path(digest).open("rb") as stream:
                for chunk in chunks_of(stream):
                    found.update(chunk)
                    size += len(chunk)
        except (OSError, RecordError):
            return None
        return Attachment(digest, size) if found.hexdigest() == digest else None

    def is_sound(self, digest: str) -> bool:
        """Tell whether a file is there and is what its name says."""
        return self.attachment(digest) is not None

    @contextmanager
    def _disk(self) -> Iterator[None]:
        try:
            yield
        except OSError as err:
            raise SourceError(f"cannot keep a file in {self.folder}: {err.strerror or type(err).__name__}") from err

    def _sweep(self) -> None:
        """Remove, once, what writers that died left behind."""
        if self._is_swept:
            return
        self._is_swept = True
        for part in self.folder.glob(f"{PART}*"):
            with suppress(OSError):
                if time.time() - part.stat().st_mtime > STALE_S:
                    part.unlink()


def chunks_of(stream: BinaryIO) -> Iterator[bytes]:
    """Yield the rest of a stream in chunks."""
    while chunk := stream.read(CHUNK_BYTES):
        yield chunk
