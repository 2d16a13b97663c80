"""What is served now: the current snapshot and the query workers on it, switched when a new one is published."""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass
from datetime import datetime

from hub import snapshots
from hub.config import Settings
from hub.snapshots import Snapshot
from hub.workers import WorkerPool

PAGE_WORKERS = 1


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


class Publication:
    """Follows ``snapshots/current``; one per web process, safe for threads."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._link = str(settings.snapshots_dir / "current")
        self._name: str | None = None
        self._now: Now | None = None
        self._lock = threading.Lock()

    def __call__(self) -> Now:
        """Return what is served now.

        Raises:
            NotPublishedError: nothing was published yet.
        """
        try:
            name = os.readlink(self._link)  # noqa: PTH115 (each request asks: a tenth of the time)
        except OSError:
            name = None
        if self._now is None or name != self._name:
            self._follow(name)
        assert self._now is not None
        return self._now

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
        with self._lock:
            if self._now is not None:
                self._now.pool.close()
                self._now.pages.close()
                self._now = None
