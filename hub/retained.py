"""Older snapshots that are kept, and workers that answer from one of them while somebody asks.

One older snapshot is asked at a time in each process. Its workers start with the first question and end some time after
the last, so that what is seldom asked costs nothing.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Final, Generic, Protocol, TypeVar

from hub import snapshots
from hub.errors import NotFoundError, QueryBusyError
from hub.snapshots import Snapshot

IDLE_S: Final = 60.0
"""Seconds after the last question until the workers on an older snapshot end."""


class Serving(Protocol):
    """Workers on a snapshot."""

    @property
    def version(self) -> str:
        """Name of the snapshot."""

    def close(self) -> None:
        """End the workers."""


T = TypeVar("T", bound=Serving)


def kept(folder: Path) -> list[Snapshot]:
    """Return every snapshot that is kept, the newest first; one whose manifest is damaged is passed over."""
    found = []
    for path in folder.glob("[0-9]*") if folder.is_dir() else ():
        try:
            found.append(snapshots.read(path))
        except (OSError, ValueError, TypeError):
            continue
    return sorted(found, key=_order, reverse=True)


def _order(snapshot: Snapshot) -> tuple[int, int]:
    sequence, _, counter = snapshot.path.name.partition(".")
    return int(sequence), int(counter or 1)


def newest_until(folder: Path, wanted: int | datetime) -> Snapshot:
    """Return the newest snapshot that is kept and is not after a sequence number or a time.

    Raises:
        NotFoundError: all that are kept are after it; the text tells which they are.
    """
    there = kept(folder)
    for snapshot in there:
        if _is_until(snapshot, wanted):
            return snapshot
    told = ", ".join(f"{each.sequence} ({each.created})" for each in reversed(there))
    asked = wanted if isinstance(wanted, int) else wanted.isoformat()
    raise NotFoundError(f"asOf: no snapshot of {asked} or before is kept; there are {told or 'none'}: see /snapshots")


def _is_until(snapshot: Snapshot, wanted: int | datetime) -> bool:
    if isinstance(wanted, int):
        return snapshot.sequence <= wanted
    return datetime.fromisoformat(snapshot.created) <= wanted


class Retained(Generic[T]):
    """Workers on one older snapshot at a time; safe for threads.

    Args:
        start: starts workers on a snapshot.
        wait_s: how long to wait while another older snapshot is asked.
        idle_s: seconds after the last question until the workers end.
    """

    def __init__(self, start: Callable[[Snapshot], T], wait_s: float, idle_s: float = IDLE_S) -> None:
        self._start, self._wait_s, self._idle_s = start, wait_s, idle_s
        self._free = threading.Condition()
        self._serving: T | None = None
        self._asking, self._asked_at = 0, 0.0
        self._timer: threading.Timer | None = None

    @property
    def is_running(self) -> bool:
        """Whether there are workers on an older snapshot."""
        return self._serving is not None

    @contextmanager
    def of(self, snapshot: Snapshot) -> Iterator[T]:
        """Give workers on a snapshot, which stay for as long as they are asked.

        Raises:
            QueryBusyError: another older snapshot was asked all the time.
            StoreError: the snapshot cannot be opened.
        """
        serving = self._enter(snapshot)
        try:
            yield serving
        finally:
            self._leave()

    def _enter(self, snapshot: Snapshot) -> T:
        name = snapshot.path.name
        with self._free:
            if not self._free.wait_for(lambda: not self._asking or self._is_on(name), self._wait_s):
                raise QueryBusyError("another older snapshot is being asked: try again in a moment")
            if not self._is_on(name):
                self._end()
                self._serving = self._start(snapshot)
            self._asking += 1
            assert self._serving is not None
            return self._serving

    def _is_on(self, name: str) -> bool:
        return self._serving is not None and self._serving.version == name

    def _leave(self) -> None:
        with self._free:
            self._asking -= 1
            self._asked_at = time.monotonic()
            if self._timer is None:
                self._look_after(self._idle_s)
            self._free.notify_all()

    def _look_after(self, seconds: float) -> None:
        self._timer = threading.Timer(seconds, self._look)
        self._timer.daemon = True
        self._timer.start()

    def _look(self) -> None:
        """End the workers when nobody asked for long enough, else look again."""
        with self._free:
            self._timer = None
            left = self._asked_at + self._idle_s - time.monotonic()
            if self._serving is None:
                return
            if self._asking or left > 0:
                self._look_after(max(left, self._idle_s / 10))
            else:
                self._end()

    def _end(self) -> None:
        if self._serving is not None:
            self._serving.close()
            self._serving = None

    def close(self) -> None:
        """End the workers, and what looks after them."""
        with self._free:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            self._end()
