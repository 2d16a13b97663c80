"""The searcher of the snapshot that is served; one for each process, safe for threads."""

from __future__ import annotations

import threading
from collections import OrderedDict
from pathlib import Path

from hub.errors import StoreError
from hub.search.searcher import Searcher
from hub.snapshots import Snapshot

KEPT = 2
"""Snapshots whose searchers are kept: requests that began before a publication end on the old one."""


class Searchers:
    """Opens the index of each snapshot once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: OrderedDict[Path, Searcher] = OrderedDict()

    def of(self, snapshot: Snapshot) -> Searcher:
        """Return the searcher of a snapshot.

        Raises:
            StoreError: the snapshot has no whole index of this version of the hub.
        """
        with self._lock:
            found = self._open.get(snapshot.search)
            if found is None:
                found = self._open[snapshot.search] = _opened(snapshot)
                while len(self._open) > KEPT:
                    self._open.popitem(last=False)
            self._open.move_to_end(snapshot.search)
            return found


def _opened(snapshot: Snapshot) -> Searcher:
    try:
        return Searcher(snapshot.search)
    except (OSError, ValueError) as err:
        raise StoreError(
            f"snapshot {snapshot.path.name} has no search index of this version of the hub: run `hub rebuild`"
        ) from err
