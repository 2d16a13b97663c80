"""What is served now: the current snapshot and the query workers on it, switched when a new one is published."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime

from hub import retained, snapshots
from hub.config import Settings
from hub.errors import QueryBusyError
from hub.snapshots import Snapshot
from hub.workers import WorkerPool

PAGE_WORKERS = 1
# What is served to whoever asks for an older state, in place of the current one.
_asked: ContextVar[Now | None] = ContextVar("asked", default=None)


@dataclass(frozen=True, slots=True)
class Now:
    """One published state: the snapshot and workers that answer from it.

    Attributes:
        snapshot: what is published.
        pool: workers for everybody's queries.
        pages: a worker for the hub's own pages, so that they do not wait behind everybody's queries.
        version: the snapshot's name: another one whenever anything may be answered otherwise.
    """

    snapshot: Snapshot
    pool: WorkerPool
    pages: WorkerPool
    version: str

    @property
    def sequence(self) -> int:
        """The log's sequence number that every answer is true of."""
        return self.snapshot.sequence

    @property
    def changed(self) -> datetime:
        """When the snapshot was published."""
        return datetime.fromisoformat(self.snapshot.created)

    def close(self) -> None:
        """End the workers."""
        self.pool.close()
        if self.pages is not self.pool:
            self.pages.close()


class Publication:
    """Follows ``snapshots/current``; one per web process, safe for threads."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._link = str(settings.snapshots_dir / "current")
        self._name: str | None = None
        self._now: Now | None = None
        self._lock = threading.Lock()
        self.retained = retained.Retained(self._start, settings.query_queue_s)

    def __call__(self) -> Now:
        """Return what is served now.

        Raises:
            NotPublishedError: nothing was published yet.
        """
        if (asked := _asked.get()) is not None:
            return asked
        name = self._current()
        if self._now is None or name != self._name:
            self._follow(name)
        assert self._now is not None
        return self._now

    def _current(self) -> str | None:
        try:
            return os.readlink(self._link)  # noqa: PTH115 (each request asks: a tenth of the time)
        except OSError:
            return None

    @contextmanager
    def at(self, wanted: int | datetime) -> Iterator[Now]:
        """Give the newest state that is kept and not after a number or a time; inside, it is what is served.

        Raises:
            NotFoundError: all that are kept are after it.
            QueryBusyError: another older one is being asked, or a new one was published meanwhile.
        """
        snapshot = retained.newest_until(self._settings.snapshots_dir, wanted)
        now = self()
        if now.version != snapshot.path.name:
            with self.retained.of(snapshot) as old, _serving(old):
                yield old
            return
        with _serving(now):
            yield now
        if self._current() != now.version:
            raise QueryBusyError("a new snapshot was published meanwhile: ask again")

    def _start(self, snapshot: Snapshot) -> Now:
        pool = self._new_pool(snapshot, self._settings.query_workers)
        return Now(snapshot, pool, pool, snapshot.path.name)

    def _follow(self, name: str | None) -> None:
        with self._lock:
            if self._now is not None and name in (self._name, None):
                return
            snapshot = snapshots.current(self._settings.snapshots_dir)
            if self._now is None:
                workers = self._settings.query_workers
                pools = self._new_pool(snapshot, workers), self._new_pool(snapshot, PAGE_WORKERS)
            else:
                pools = self._now.pool, self._now.pages
                for pool in pools:
                    pool.switch(snapshot.graph)
            self._name = snapshot.path.name
            self._now = Now(snapshot, *pools, self._name)

    def _new_pool(self, snapshot: Snapshot, workers: int) -> WorkerPool:
        return WorkerPool(
            snapshot.graph,
            workers=workers,
            timeout_s=self._settings.query_timeout_s,
            memory_bytes=self._settings.query_memory_bytes,
            max_result_bytes=self._settings.max_result_bytes,
            queue_timeout_s=self._settings.query_queue_s,
        )

    def close(self) -> None:
        """End the workers."""
        self.retained.close()
        with self._lock:
            if self._now is not None:
                self._now.close()
                self._now = None


@contextmanager
def _serving(now: Now) -> Iterator[None]:
    token = _asked.set(now)
    try:
        yield
    finally:
        _asked.reset(token)
