"""Which copy a reader is led to."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from hub.copies.catalogue import HEALTHY, UNKNOWN, Copy
from hub.copies.hosts import ARCHIVE, ARCHIVE_PRIORITY, Host

LEAST_LATENCY_S: Final = 0.01
FORGET_AT: Final = 1000
_UNCHECKED_LATENCY_S: Final = 1.0


@dataclass(slots=True)
class Load:
    """How often this process led to each host of late; safe for threads."""

    _led: dict[str, float] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, host: str) -> None:
        """Note that a reader was led to a host."""
        with self._lock:
            self._led[host] = self._led.get(host, 0) + 1
            if self._led[host] > FORGET_AT:
                self._led = {name: number / 2 for name, number in self._led.items()}

    def of(self, host: str, latency_s: float | None) -> float:
        """Return how long a host's queue is, so that the quickest is led to the most often."""
        seconds = _UNCHECKED_LATENCY_S if latency_s is None else max(latency_s, LEAST_LATENCY_S)
        return (self._led.get(host, 0) + 1) * seconds


def ranked(
    copies: Iterable[Copy], hosts: Mapping[str, Host], load: Load, region: str = "", digest: str | None = None
) -> list[Copy]:
    """Return the copies that a reader may be led to, the best first.

    Only copies in good order count, and the archive's own as long as nobody has found it bad. Of these come first those
    in the reader's region, then those of the hub itself, then by priority, then those that were checked, then by load.

    Args:
        copies: all copies of one file.
        hosts: by name.
        load: how busy hosts are.
        region: the reader's country code, or "".
        digest: the file's SHA-256; a copy that is said to have another is left out.
    """

    def order(copy: Copy) -> tuple[bool, bool, int, bool, float]:
        host = hosts.get(copy.host)
        is_far = bool(region) and (host is None or host.region != region)
        own = host is not None and host.is_own
        return is_far, not own, priority(host), copy.state != HEALTHY, load.of(copy.host, copy.latency_s)

    return sorted((copy for copy in copies if _may_serve(copy, hosts, digest)), key=order)


def priority(host: Host | None) -> int:
    """Return a host's priority as RFC 5854 counts it, 1 the best; the archive's own comes late."""
    return host.priority if host else ARCHIVE_PRIORITY


def _may_serve(copy: Copy, hosts: Mapping[str, Host], digest: str | None) -> bool:
    if copy.host != ARCHIVE and copy.host not in hosts:
        return False  # its host was taken out of the settings
    if digest and copy.sha256 and copy.sha256 != digest:
        return False
    return copy.state == HEALTHY or (copy.state == UNKNOWN and copy.host == ARCHIVE)
