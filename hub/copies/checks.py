"""Checks of copies on others' hosts: few at a time, a head each, and a small part where the hub can compare it."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import timedelta
from typing import Final

from hub.copies.blobs import BlobError, BlobStore
from hub.copies.catalogue import (
    CORRUPT,
    HEALTHY,
    MISSING,
    UNREACHABLE,
    Copies,
    Copy,
    File,
    time_of,
)
from hub.copies.session import GONE, CopySession, Head, PassingError, SourceError

AGAIN: Final = timedelta(days=7)
FIRST_PAUSE: Final = timedelta(hours=1)
LONGEST_PAUSE: Final = timedelta(days=14)
SAMPLE_BYTES: Final = 64 << 10
# After so many failures in a row a host is left alone for the rest of the run.
MAX_FAILURES: Final = 3
ALPHA: Final = 0.3


class Checker:
    """Checks copies.

    Args:
        copies: the catalogue.
        http: the session.
        stores: the hub's own stores, by name.
    """

    def __init__(self, copies: Copies, http: CopySession, stores: dict[str, BlobStore]) -> None:
        self._copies = copies
        self._http = http
        self._stores = stores
        self._failed: Counter[str] = Counter()

    def run(self, limit: int, progress: Callable[[int], object] = lambda _: None) -> dict[str, int]:
        """Check at most so many copies that are due; return how many were found in which state."""
        found: Counter[str] = Counter()
        for number, copy in enumerate(self._copies.due(limit, self._stores), 1):
            if self._failed[copy.host] < MAX_FAILURES:
                found[self.check(copy).state] += 1
            else:
                found["put off"] += 1
                self._copies.put_copy(replace(copy, next_check=time_of(FIRST_PAUSE)))
            progress(number)
        return dict(found)

    def check(self, copy: Copy) -> Copy:
        """Check a copy, and write down how it is."""
        file = self._copies.file(copy.dataset, copy.path)
        assert file is not None
        try:
            head = self._http.head(copy.url)
            fault = _fault(file, head) or self._sample(file, copy)
        except SourceError as err:
            after = failed(copy, MISSING if err.status in GONE else UNREACHABLE, str(err))
        except PassingError as err:
            after = failed(copy, UNREACHABLE, str(err))
        else:
            after = failed(copy, CORRUPT, fault) if fault else _good(copy, head)
        self._failed[copy.host] = self._failed[copy.host] + 1 if after.state == UNREACHABLE else 0
        self._copies.put_copy(after)
        return after

    def _sample(self, file: File, copy: Copy) -> str | None:
        """Compare a part at random with the hub's own bytes; None where they agree, or the hub has none."""
        held = self._held(file)
        if held is None:
            return None
        store, sha256, size = held
        start = random.randrange(max(1, size - SAMPLE_BYTES))
        end = min(size, start + SAMPLE_BYTES)
        if start == end:
            return None
        with self._http.read(copy.url, start, end=end - 1) as part:
            if part.start != start and start:
                return None  # the host knows no parts
            came = b"".join(_first(part.chunks, end - start))
        try:
            ours = b"".join(store.read(sha256, size, start, end))
        except BlobError:
            return None
        return None if came == ours else f"bytes {start} to {end - 1} are not those of the file"

    def _held(self, file: File) -> tuple[BlobStore, str, int] | None:
        for copy in self._copies.copies(file.dataset, file.path):
            store = self._stores.get(copy.host)
            if store is not None and copy.state == HEALTHY and copy.sha256 and copy.size is not None:
                return store, copy.sha256, copy.size
        return None


def _first(chunks: Iterable[bytes], size: int) -> list[bytes]:
    """Return the first bytes of what comes."""
    found: list[bytes] = []
    for chunk in chunks:
        found.append(chunk[:size])
        size -= len(found[-1])
        if not size:
            break
    return found


def _fault(file: File, head: Head) -> str | None:
    if file.digest and head.sha256 and head.sha256 != file.digest:
        return f"its host says SHA-256 {head.sha256}"
    if file.length is not None and head.size is not None and head.size != file.length:
        return f"it is {head.size} bytes long there, and should be {file.length}"
    return None


def _good(copy: Copy, head: Head) -> Copy:
    before = copy.latency_s
    latency_s = head.latency_s if before is None else (1 - ALPHA) * before + ALPHA * head.latency_s
    return replace(
        copy,
        state=HEALTHY,
        size=head.size,
        checked=time_of(),
        next_check=time_of(AGAIN),
        failures=0,
        latency_s=latency_s,
        reason=None,
    )


def failed(copy: Copy, state: str, reason: str) -> Copy:
    """Return a copy that is not in good order; the pause before the next check doubles with each failure."""
    pause = min(FIRST_PAUSE * 2 ** min(copy.failures, 12), LONGEST_PAUSE)
    return replace(
        copy,
        state=state,
        checked=time_of(),
        next_check=time_of(pause),
        failures=copy.failures + 1,
        reason=reason.replace(copy.url, "the address")[:300],
    )
