"""Making dumps: what is published, written to files, without holding up anybody.

A dump is built beside the others and renamed when it is whole; who dies meanwhile leaves nothing that counts. A file
that did not change since the dump before is the same file on disk. The thread that writes is nice to everybody else.
"""

from __future__ import annotations

import errno
import fcntl
import logging
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from hub import snapshots
from hub.config import Settings
from hub.dumps import layout, manifest, records, statements, studies
from hub.dumps.layout import Dump, File
from hub.errors import HubError, LockedError, StoreError
from hub.links.catalogue import Links
from hub.log import Log
from hub.snapshots import Snapshot

logger = logging.getLogger(__name__)
NICE: Final = 15
GRAPH: Final = ".graph"
Progress = Callable[[str, int], object]


def after_publication(settings: Settings) -> None:
    """Make a dump of what was published, if the setting ``dumps`` is on; what goes wrong is logged, not raised."""
    if settings.dumps != "on":
        return
    try:
        made = make(settings)
        logger.info("dump %s: %d bytes", made.name, made.bytes)
    except (HubError, OSError) as err:
        logger.warning("no dump was made: %s", err)


def make(settings: Settings, progress: Progress = lambda *_: None) -> Dump:
    """Make a dump of what is published, and return it; one of the same state that stands is kept.

    Args:
        settings: the hub's settings.
        progress: told a stage (``statements``, ``records``, ``studies``) and how many were written, part by part.

    Raises:
        NotPublishedError: nothing is published yet.
        LockedError: another process makes a dump.
        StoreError: something was erased that is still published.
    """
    with ThreadPoolExecutor(1, initializer=_be_nice) as thread:
        return thread.submit(_make, settings, progress).result()


def _be_nice() -> None:
    """Let everybody else go first; on Linux a thread has a niceness of its own."""
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICE)


def _make(settings: Settings, progress: Progress) -> Dump:
    place = layout.folder(settings)
    snapshot = snapshots.current(settings.snapshots_dir)
    place.mkdir(parents=True, exist_ok=True)
    with _lock(place):
        log = Log(settings.database)
        try:
            _refuse_erased(log, snapshot)
            for left in place.glob(f"{layout.BUILDING}*"):
                shutil.rmtree(left, ignore_errors=True)
            before = layout.newest(place)
            made = before if before is not None and _is_of(before, snapshot) else None
            made = made or _build(settings, log, snapshot, before, progress)
            _prune(settings, log, made)
            return made
        finally:
            log.close()


def _refuse_erased(log: Log, snapshot: Snapshot) -> None:
    if layout.last_redaction(log) > snapshot.sequence:
        raise StoreError("a record was redacted that is still published: publish first, as with `hub rebuild`")


def _is_of(dump: Dump, snapshot: Snapshot) -> bool:
    told = dump.manifest
    state = snapshot.sequence, snapshot.link_sequence, snapshot.created
    is_whole = all((dump.path / file.name).is_file() for file in dump.files)
    return is_whole and (told["sequence"], told["link_sequence"], told["published"]) == state


def _build(settings: Settings, log: Log, snapshot: Snapshot, before: Dump | None, progress: Progress) -> Dump:
    place = layout.folder(settings)
    building = place / f"{layout.BUILDING}{os.getpid()}"
    graph = building / GRAPH
    building.mkdir()
    shutil.copytree(snapshot.graph, graph, copy_function=link)
    base, links = settings.base_iri, Links(log)
    files = statements.write(graph, log, base, building, lambda n: progress("statements", n))
    told, counted = records.write(log, settings, snapshot.sequence, building, lambda n: progress("records", n))
    files += told
    files += studies.write(graph, links, settings, building, lambda n: progress("studies", n))
    shutil.rmtree(graph)
    _refuse_erased(log, snapshot)
    _share(building, files, before)
    previous = manifest.named(before) if before else None
    document = manifest.signed(manifest.DUMP, log, settings, snapshot, counted, files, previous=previous)
    target = layout.free_name(place, snapshot.sequence)
    with (building / layout.MANIFEST).open("w", encoding="utf-8") as out:
        out.write(manifest.text(document))
        out.flush()
        os.fsync(out.fileno())
    building.rename(target)
    return layout.read(target)


def _share(building: Path, files: list[File], before: Dump | None) -> None:
    """Let files that did not change be the same on disk as those of the dump before."""
    known = {file.name: file.sha256 for file in before.files} if before else {}
    for file in files:
        path = building / file.name
        if before is None or known.get(file.name) != file.sha256:
            with path.open("rb") as written:
                os.fsync(written.fileno())
            continue
        same = building / f".same-{file.name}"
        with suppress(OSError):
            os.link(before.path / file.name, same)
            same.replace(path)


def _prune(settings: Settings, log: Log, made: Dump) -> None:
    layout.drop_stale(settings, log)
    others = [dump for dump in layout.standing(layout.folder(settings)) if dump.name != made.name]
    for dump in others[: max(0, len(others) - (settings.keep_dumps - 1))]:
        layout.drop(dump)


def link(source: str | Path, target: str | Path) -> str:
    """Make a hard link to a file, or a copy where the file system has none, and return its path."""
    try:
        os.link(source, target)
    except OSError as err:
        if err.errno not in (errno.EXDEV, errno.EPERM, errno.EMLINK, errno.ENOTSUP):
            raise
        shutil.copyfile(source, target)
    return str(target)


@contextmanager
def _lock(place: Path) -> Iterator[None]:
    with (place / ".lock").open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as err:
            raise LockedError(f"another process makes a dump in {place}: wait until it has finished") from err
        yield
