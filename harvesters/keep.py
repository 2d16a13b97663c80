"""Files kept under the name of their own content, so that what stands can never be overwritten by something else."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from harvesters.contract import Attachment, RecordError

CHUNK_BYTES = 1 << 20


class Keep:
    """A folder of files named by their SHA-256.

    Args:
        folder: where the files lie; made when the first one comes.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, digest: str) -> Path:
        """Return where the file of a SHA-256 lies.

        Raises:
            RecordError: not a SHA-256.
        """
        if not re.fullmatch(r"[0-9a-f]{64}", digest):
            raise RecordError(f"{digest[:80]!r} is not a SHA-256 in hexadecimal digits")
        return self.folder / digest[:2] / digest

    def put(self, chunks: Iterable[bytes]) -> Attachment:
        """Keep what the chunks make together; memory holds one of them."""
        self.folder.mkdir(parents=True, exist_ok=True)
        part = self.folder / f".part-{os.getpid()}-{id(chunks)}"
        digest, size = hashlib.sha256(), 0
        try:
            with part.open("wb") as out:
                for chunk in chunks:
                    digest.update(chunk)
                    size += len(chunk)
                    out.write(chunk)
            target = self.path(digest.hexdigest())
            target.parent.mkdir(exist_ok=True)
            part.replace(target)
        finally:
            part.unlink(missing_ok=True)
        return Attachment(digest.hexdigest(), size)

    def open(self, digest: str) -> BinaryIO:
        """Open a kept file for reading.

        Raises:
            RecordError: it is not kept.
        """
        try:
            return self.path(digest).open("rb")
        except OSError as err:
            raise RecordError(f"the file with SHA-256 {digest} is not kept: harvest the source with --full") from err

    def read(self, digest: str) -> bytes | None:
        """Return the bytes of a kept file; None when it is not there or damaged."""
        try:
            data = self.path(digest).read_bytes()
        except OSError:
            return None
        return data if hashlib.sha256(data).hexdigest() == digest else None

    def is_sound(self, digest: str) -> bool:
        """Tell whether a file is there and is what its name says."""
        found = hashlib.sha256()
        try:
            with self.path(digest).open("rb") as stream:
                for chunk in chunks_of(stream):
                    found.update(chunk)
        except (OSError, RecordError):
            return False
        return found.hexdigest() == digest


def chunks_of(stream: BinaryIO) -> Iterator[bytes]:
    """Yield the rest of a stream in chunks."""
    while chunk := stream.read(CHUNK_BYTES):
        yield chunk
