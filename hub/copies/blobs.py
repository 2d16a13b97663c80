"""Stores of blobs: files under the name of their own SHA-256, in a folder or in S3, through fsspec.

``blobs/<aa>/<sha256>`` is the file and ``pieces/<aa>/<sha256>`` the digests of its pieces, by which each piece is
checked before a reader gets it. What was found to be damaged goes to ``quarantine/``.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import fsspec

from hub.copies.digests import DIGEST_BYTES, PIECE_BYTES, Fingerprint, fingerprint, of_piece
from hub.copies.hosts import Host
from hub.errors import ConfigError, HubError

SHA256: Final = re.compile(r"[0-9a-f]{64}")
# What the drivers raise when a store cannot be used: botocore's errors are no OSErrors.
_OUT_OF_REACH: Final = "the store {name} cannot be used: {reason}; look at [hosts.{name}] and its credentials"


class BlobError(HubError):
    """A blob is missing or damaged, or its store cannot be used; the text says which."""


class BlobStore:
    """The blobs of one host of kind ``folder`` or ``s3``.

    Raises:
        ConfigError: the driver of that kind is not installed.
    """

    def __init__(self, host: Host) -> None:
        self.host = host
        self._is_folder = host.kind == "folder"
        protocol = "file" if self._is_folder else "s3"
        options = {} if self._is_folder else {"use_listings_cache": False, **host.options}
        try:
            self._fs: Any = fsspec.filesystem(protocol, skip_instance_cache=True, **options)
        except ImportError as err:
            raise ConfigError(f"[hosts.{host.name}] kind: s3 needs the extra bioimage-hub[s3]: install it") from err
        self._root = host.url.removeprefix("s3://").rstrip("/")

    def put(self, part: Path, found: Fingerprint) -> None:
        """Keep a local file whose fingerprint is known, and remove it from where it was; a damaged one is replaced.

        Raises:
            BlobError: the store cannot be used.
        """
        with self._reach():
            self._write(self._path("pieces", found.sha256), found.pieces)
            target = self._path("blobs", found.sha256)
            if not self._is_folder:
                self._fs.put_file(str(part), target)
            else:
                self._move_in(part, Path(target))
            if self._fs.size(target) != found.size:
                raise BlobError(f"{found.sha256}: the store {self.host.name} did not keep all of it")
            part.unlink(missing_ok=True)

    def _move_in(self, part: Path, target: Path) -> None:
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            part.replace(target)
        except OSError:  # on another disk
            beside = target.with_name(f".part-{os.getpid()}-{target.name}")
            self._fs.put_file(str(part), str(beside))
            beside.replace(target)

    def _write(self, path: str, data: bytes) -> None:
        if not self._is_folder:
            self._fs.pipe_file(path, data)
            return
        target = Path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(f".part-{os.getpid()}-{target.name}")
        part.write_bytes(data)
        part.replace(target)

    def size(self, sha256: str) -> int | None:
        """Return the size of a blob in bytes, or None when it is not there."""
        with self._reach():
            try:
                return int(self._fs.size(self._path("blobs", sha256)))
            except FileNotFoundError:
                return None

    def read(self, sha256: str, size: int, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """Yield the bytes from ``start`` to before ``end``, none of them unchecked.

        Raises:
            BlobError: missing or damaged; what was yielded before is right.
        """
        stop = size if end is None else min(end, size)
        digests = self._digests(sha256, size)
        for number in range(start // PIECE_BYTES, -(-stop // PIECE_BYTES) if stop > start else 0):
            begin = number * PIECE_BYTES
            piece = self._part("blobs", sha256, begin, min(begin + PIECE_BYTES, size))
            if of_piece(piece) != digests[number * DIGEST_BYTES : (number + 1) * DIGEST_BYTES]:
                raise BlobError(f"{sha256}: bytes {begin} and following are damaged in the store {self.host.name}")
            yield piece[max(start - begin, 0) : stop - begin]

    def _digests(self, sha256: str, size: int) -> bytes:
        digests = self._part("pieces", sha256)
        if len(digests) != -(-size // PIECE_BYTES) * DIGEST_BYTES or self.size(sha256) != size:
            raise BlobError(f"{sha256}: has another size than it should have in the store {self.host.name}")
        return digests

    def _part(self, kind: str, sha256: str, start: int | None = None, end: int | None = None) -> bytes:
        with self._reach():
            try:
                return bytes(self._fs.cat_file(self._path(kind, sha256), start=start, end=end))
            except FileNotFoundError as err:
                raise BlobError(f"{sha256}: is missing from the store {self.host.name}") from err

    def fingerprint(self, sha256: str) -> Fingerprint | None:
        """Read a whole blob and return what it comes to; None when it is not there."""
        size = self.size(sha256)
        if size is None:
            return None
        steps = range(0, size, PIECE_BYTES)
        return fingerprint(self._part("blobs", sha256, at, min(at + PIECE_BYTES, size)) for at in steps)

    def renew(self, found: Fingerprint) -> None:
        """Write the digests of the pieces of a blob that was read and found sound."""
        with self._reach():
            self._write(self._path("pieces", found.sha256), found.pieces)

    def quarantine(self, sha256: str) -> None:
        """Put a damaged blob aside, where no reader gets it."""
        with self._reach(), contextlib.suppress(FileNotFoundError):
            aside = self._path("quarantine", sha256)
            if self._is_folder:
                Path(aside).parent.mkdir(parents=True, exist_ok=True)
                Path(self._path("blobs", sha256)).replace(aside)
            else:
                self._fs.mv(self._path("blobs", sha256), aside)

    def remove(self, sha256: str) -> None:
        """Remove a blob, its digests and what is in quarantine under its name."""
        for kind in ("blobs", "pieces", "quarantine"):
            self._remove(kind, sha256)

    def end_quarantine(self, sha256: str) -> None:
        """Remove what was put aside under a name."""
        self._remove("quarantine", sha256)

    def _remove(self, kind: str, sha256: str) -> None:
        with self._reach(), contextlib.suppress(FileNotFoundError):
            self._fs.rm_file(self._path(kind, sha256))

    def names(self) -> Iterator[str]:
        """Yield the SHA-256 of every blob that is there."""
        with self._reach():
            try:
                found = self._fs.find(f"{self._root}/blobs")
            except FileNotFoundError:
                return
        yield from (name for path in found if SHA256.fullmatch(name := path.rpartition("/")[2]))

    def _path(self, kind: str, sha256: str) -> str:
        if not SHA256.fullmatch(sha256):
            raise BlobError(f"{sha256[:80]!r} is not a SHA-256 in hexadecimal digits")
        return f"{self._root}/{kind}/{sha256[:2]}/{sha256}"

    @contextlib.contextmanager
    def _reach(self) -> Iterator[None]:
        try:
            yield
        except (HubError, FileNotFoundError):
            raise
        except Exception as err:
            reason = getattr(err, "strerror", None) or type(err).__name__
            raise BlobError(_OUT_OF_REACH.format(name=self.host.name, reason=reason)) from err
