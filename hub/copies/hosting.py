"""The copies that this hub holds itself: taken in, looked through, mended and thrown away.

Whatever changes them holds the lock of ``<data>/hosting``; readers only look.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Final

from harvesters.http import Manners
from hub.config import Settings
from hub.copies.blobs import BlobError, BlobStore
from hub.copies.catalogue import CORRUPT, HEALTHY, MISSING, Blob, Copies, Copy, File, time_of
from hub.copies.checks import Checker, failed
from hub.copies.choice import Load, ranked
from hub.copies.download import Download, Fetched, FetchError, sweep
from hub.copies.hosts import ARCHIVE, OWN, Host
from hub.copies.registry import all_hosts
from hub.copies.session import CopySession, PassingError, SourceError, session
from hub.errors import ConfigError, HubError, NotFoundError
from hub.log import Log
from hub.store import write_lock
from ontology import iris

GRACE: Final = timedelta(days=7)
STALE_PART_S: Final = 7 * 24 * 3600.0
# What stays free on the disk of part files.
SPARE_BYTES: Final = 1 << 30
# Told the words of a file, how many bytes of it are there, and its size in bytes, if that is known.
Progress = Callable[[str, int, int | None], None]


class QuotaError(HubError):
    """What is to be held would not fit; nothing was begun."""


@dataclass(slots=True)
class Outcome:
    """What a command did to files: by words of the file, why it failed; and how many went well."""

    done: int = 0
    already: int = 0
    bytes: int = 0
    failed: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Scrubbed:
    """What a scrub came to."""

    read: int = 0
    bytes: int = 0
    bad: int = 0
    repaired: int = 0
    failed: dict[str, str] = field(default_factory=dict)


def dataset_iri(settings: Settings, words: str) -> str:
    """Return the IRI of a dataset that is given by its IRI or as ``<archive>/<accession>``.

    Raises:
        ConfigError: it is neither.
    """
    name = words.removeprefix(settings.base_iri).removeprefix("dataset/").strip("/")
    archive, slash, accession = name.partition("/")
    if not slash or not archive or not accession or "/" in accession:
        raise ConfigError(f"dataset: {words!r} is neither <archive>/<accession> nor the IRI of a dataset of this hub")
    return iris.dataset(settings.base_iri, archive, accession)


@contextmanager
def opened(settings: Settings, manners: Manners) -> Iterator[Hosting]:
    """Open the hub's copies for a change; what peers are told follows at the end.

    Raises:
        LockedError: another process changes them.
    """
    folder = settings.data_dir / "hosting"
    with write_lock(folder):
        log = Log(settings.database)
        try:
            hosts = all_hosts(settings)
            with session(settings, manners, hosts.values()) as http:
                hosting = Hosting(settings, Copies(log), http, hosts)
                hosting.copies.list_new(hosts.values())
                yield hosting
                hosting.copies.advertise()
        finally:
            log.close()


class Hosting:
    """What can be done with the hub's copies.

    Attributes:
        copies: the catalogue.
        http: the session in which other hosts are asked.
        hosts: every host by name.
        stores: the hub's own stores by name.
    """

    def __init__(self, settings: Settings, copies: Copies, http: CopySession, hosts: dict[str, Host]) -> None:
        self.copies = copies
        self.http = http
        self.hosts = hosts
        self.stores = {name: BlobStore(host) for name, host in hosts.items() if host.is_own}
        self._settings = settings
        self._parts = settings.data_dir / "hosting" / "parts"

    # --- taking in

    def host(self, dataset: str, to: str = OWN, *, twice: bool = True, progress: Progress = lambda *_: None) -> Outcome:
        """Hold a copy of every file of a dataset.

        Args:
            dataset: its IRI.
            to: name of the store.
            twice: whether a file without a checksum is read a second time before it is believed.
            progress: told how far each file is.

        Raises:
            ConfigError: there is no such store.
            NotFoundError: the dataset has no files with an address of their own.
            QuotaError: it would not fit.
        """
        store = self._store(to)
        files = self.copies.files(dataset)
        if not files:
            raise NotFoundError(f"{dataset} names no file with an address of its own, so there is nothing to hold")
        outcome = Outcome()
        missing = [file for file in files if not self._is_held(file, to)]
        outcome.already = len(files) - len(missing)
        missing = [self._sized(file, outcome) for file in missing]
        missing = [file for file in missing if file.words not in outcome.failed]
        self._check_room(missing)
        for file in missing:
            try:
                fetched = self._fetch(file, twice, progress)
            except FetchError as err:
                outcome.failed[file.words] = str(err)
                continue
            self._keep(file, fetched, store)
            outcome.done += 1
            outcome.bytes += fetched.found.size
        return outcome

    def _store(self, name: str) -> BlobStore:
        if name not in self.stores:
            raise ConfigError(f"--to {name}: no such store; there are {', '.join(sorted(self.stores))}")
        return self.stores[name]

    def _is_held(self, file: File, store: str) -> bool:
        held = [copy for copy in self.copies.copies(file.dataset, file.path) if copy.host == store]
        return any(copy.state == HEALTHY and copy.sha256 == file.digest for copy in held)

    def _sized(self, file: File, outcome: Outcome) -> File:
        """Return a file with its size, which its hosts are asked for where nobody told it."""
        if file.length is not None:
            return file
        for copy in self._sources(file):
            try:
                size = self.http.head(copy.url).size
            except (SourceError, PassingError):
                continue
            if size is not None:
                return replace(file, found_size=size)
        outcome.failed[file.words] = "no host tells its size, so it cannot be told whether it fits into the quota"
        return file

    def _check_room(self, files: list[File]) -> None:
        needed, held, quota = sum(f.length or 0 for f in files), self.copies.held_bytes(), self.quota
        if held + needed > quota:
            raise QuotaError(
                f"hosting_quota_bytes: {needed} bytes more would make {held + needed}, and {quota} are allowed: "
                "raise it, or remove what need not be held"
            )
        self._parts.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(self._parts).free - SPARE_BYTES
        if needed > free:
            raise QuotaError(f"data_dir: {needed} bytes are needed, and only {max(free, 0)} are free: make room")

    @property
    def quota(self) -> int:
        """Most bytes that the stores may hold together."""
        return self._settings.hosting_quota_bytes

    def _sources(self, file: File) -> list[Copy]:
        """Return the copies elsewhere that a file can be had from, the likeliest first."""
        copies = [c for c in self.copies.copies(file.dataset, file.path) if c.host not in self.stores]
        best = ranked(copies, self.hosts, Load(), self._settings.hosting_region, file.digest)
        known = [copy for copy in copies if copy.host == ARCHIVE or copy.host in self.hosts]
        return [*best, *(copy for copy in known if copy not in best)]

    def _fetch(self, file: File, twice: bool, progress: Progress) -> Fetched:
        def told(size: int) -> None:
            progress(file.words, size, file.length)

        download = Download(self.http, file, self._parts, twice, told)
        try:
            return download.run(self._sources(file))
        finally:
            self._note(file, download.faults)

    def _note(self, file: File, faults: dict[str, tuple[str, str]]) -> None:
        for copy in self.copies.copies(file.dataset, file.path):
            if copy.host in faults:
                self.copies.put_copy(failed(copy, *faults[copy.host]))

    def _keep(self, file: File, fetched: Fetched, store: BlobStore) -> None:
        found, name = fetched.found, store.host.name
        store.put(fetched.part, found)
        fetched.part.with_suffix(".json").unlink(missing_ok=True)
        now = time_of()
        known = self.copies.blob(name, found.sha256)
        self.copies.put_blob(Blob(name, found.sha256, found.size, HEALTHY, known.added if known else now, now))
        self.copies.put_file(replace(file, found_size=found.size, found_sha256=found.sha256, basis=fetched.basis))
        self.copies.put_copy(Copy(file.dataset, file.path, name, "", found.size, found.sha256, HEALTHY, now, now))
        self.copies.mark(name, found.sha256, HEALTHY)
        store.end_quarantine(found.sha256)

    # --- throwing away

    def remove(self, dataset: str, store: str | None = None) -> int:
        """Hold a dataset's files no longer; return how many there were. Its blobs go with the next collection."""
        names = [store] if store else list(self.stores)
        copies = [copy for copy in self.copies.copies(dataset) if copy.host in names]
        return sum(self.copies.drop_copy(copy.dataset, copy.path, copy.host) for copy in copies)

    def collect(self, grace: timedelta = GRACE) -> Outcome:
        """Remove the blobs that no dataset has used for a while, and what crashes left behind.

        What a redacted dataset alone used goes at once, whatever the grace.
        """
        outcome = Outcome()
        for blob in self.copies.unused(time_of(-grace)):
            if blob.host in self.stores:
                self.stores[blob.host].remove(blob.sha256)
                self.copies.drop_blob(blob)
                outcome.done += 1
                outcome.bytes += blob.size
        for name, store in self.stores.items():
            known = {blob.sha256 for blob in self.copies.blobs(name)}
            for sha256 in store.names():
                if sha256 not in known:  # put there by a process that died before it wrote that down
                    store.remove(sha256)
                    outcome.done += 1
        sweep(self._parts, STALE_PART_S)
        return outcome

    # --- looking through, mending

    def check(self, limit: int, progress: Callable[[int], object] = lambda _: None) -> dict[str, int]:
        """Check at most so many copies on others' hosts; return how many are in which state."""
        return Checker(self.copies, self.http, self.stores).run(limit, progress)

    def scrub(self, limit_bytes: int, progress: Callable[[int], object] = lambda _: None) -> Scrubbed:
        """Read blobs as a whole, those first that were not for the longest time, and mend what is bad.

        At least one blob is read, however large it is, so that each has its turn.
        """
        told = Scrubbed()
        for blob in self.copies.blobs():
            if told.read and told.bytes + blob.size > limit_bytes:
                break
            if blob.host not in self.stores:
                continue
            told.read += 1
            told.bytes += blob.size
            progress(told.bytes)
            if not self._is_sound(blob):
                told.bad += 1
                self._mend(self.copies.blob(blob.host, blob.sha256) or blob, told)
        return told

    def _is_sound(self, blob: Blob) -> bool:
        """Read a blob and write down how it is; a damaged one is put aside."""
        store = self.stores[blob.host]
        found = store.fingerprint(blob.sha256)
        if found is not None and found.sha256 == blob.sha256:
            store.renew(found)
            self.copies.put_blob(replace(blob, state=HEALTHY, scrubbed=time_of()))
            self.copies.mark(blob.host, blob.sha256, HEALTHY)
            return True
        state = MISSING if found is None else CORRUPT
        self.copies.put_blob(replace(blob, scrubbed=time_of()))
        self.copies.mark(blob.host, blob.sha256, state, "found by reading it as a whole")
        store.quarantine(blob.sha256)
        return False

    def repair(self) -> Scrubbed:
        """Mend every blob that is known to be bad or missing from another copy."""
        told = Scrubbed()
        for blob in self.copies.blobs():
            if blob.state != HEALTHY and blob.host in self.stores:
                told.read += 1
                if not self._is_sound(blob):
                    told.bad += 1
                    self._mend(self.copies.blob(blob.host, blob.sha256) or blob, told)
        return told

    def _mend(self, blob: Blob, told: Scrubbed) -> None:
        copies = self.copies.with_digest(blob.host, blob.sha256)
        if not copies:
            return
        file = self.copies.file(copies[0].dataset, copies[0].path)
        assert file is not None
        file = replace(file, found_size=blob.size, found_sha256=blob.sha256)
        try:
            fetched = self._from_other_store(file, blob) or self._fetch(file, False, lambda *_: None)
            self._keep(file, replace(fetched, basis=file.basis or fetched.basis), self.stores[blob.host])
        except (FetchError, BlobError) as err:
            told.failed[file.words] = str(err)
        else:
            told.repaired += 1

    def _from_other_store(self, file: File, blob: Blob) -> Fetched | None:
        """Read a blob from another store of the hub's own into a part file; None when no other has it whole."""
        for name, store in self.stores.items():
            other = self.copies.blob(name, blob.sha256)
            if name == blob.host or other is None or other.state != HEALTHY:
                continue
            part = Download(self.http, file, self._parts).part
            try:
                write(part, store.read(blob.sha256, blob.size))
                found = store.fingerprint(blob.sha256)
            except BlobError:
                continue
            if found is not None and found.sha256 == blob.sha256:
                return Fetched(part, found, file.basis or "")
        return None


def write(path: Path, chunks: Iterator[bytes]) -> None:
    """Write a file anew."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as out:
        out.writelines(chunks)
