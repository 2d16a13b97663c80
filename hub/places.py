"""Fair shares: how many of the service's places one client may hold, and whose turn it is.

A client is an address (:func:`client_of`). The one that asks now stands in ``current`` while it is served, so that what
waits for it deep in a query worker knows whose turn it takes, and whether anybody still waits for the answer.
"""

from __future__ import annotations

import ipaddress
import threading
import time
from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import lru_cache
from typing import Generic, TypeVar

from hub.errors import QueryBusyError, QueryError

T = TypeVar("T")
LOOK_S = 0.25
"""How often one who waits looks whether its caller is still there."""
LEFT = "the caller has left"


class ShareError(QueryBusyError):
    """One client already holds its share; others may still come."""


class CallerGoneError(QueryError):
    """Nobody waits for the answer any more."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is served.

    Attributes:
        client: whose share is used; "" is the hub itself.
        is_gone: whether the caller has left; may say False of one who has, never True of one who has not.
    """

    client: str = ""
    is_gone: Callable[[], bool] = lambda: False


current: ContextVar[Caller] = ContextVar("caller", default=Caller())  # noqa: B039 (immutable)


@contextmanager
def serving(caller: Caller) -> Iterator[None]:
    """Let this be the current caller."""
    token = current.set(caller)
    try:
        yield
    finally:
        current.reset(token)


@lru_cache(maxsize=4096)
def client_of(address: str, forwarded: str = "", proxies: str = "") -> str:
    """Return the client behind a connection: an IPv4 address, or the /64 network of an IPv6 one.

    Args:
        address: where the connection comes from.
        forwarded: ``X-Forwarded-For`` as it was sent; believed only of ``proxies``, from the last entry backwards.
        proxies: addresses and networks with commas in between.

    >>> client_of("192.0.2.1", "198.51.100.7"), client_of("192.0.2.1", "1.1.1.1, 198.51.100.7", "192.0.2.0/24")
    ('192.0.2.1', '198.51.100.7')
    >>> client_of("2001:db8::1:2:3:4")
    '2001:db8::/64'
    """
    trusted = [ipaddress.ip_network(network.strip()) for network in proxies.split(",") if network.strip()]
    for hop in (address, *reversed(forwarded.split(","))):
        try:
            found = ipaddress.ip_address(hop.strip())
        except ValueError:
            break
        plain = getattr(found, "ipv4_mapped", None) or found
        address = str(plain) if plain.version == 4 else str(ipaddress.ip_network((int(plain), 64), strict=False))
        if not any(plain in network for network in trusted):
            break
    return address


class Places:
    """So many things at the same time, and never all of them by one client; safe for threads.

    A client that is alone may hold three quarters of the places. With others there, each may hold as many as there
    would be if one more came and all had the same; one place is always granted as long as there is any.

    >>> places = Places(4)
    >>> for client in "aaab": places.enter(client)
    >>> places.enter("b")
    Traceback (most recent call last):
    hub.errors.QueryBusyError: all 4 places are taken: try again in a moment
    """

    def __init__(self, total: int) -> None:
        self._total, self._taken = total, 0
        self._held: Counter[str] = Counter()
        self._lock = threading.Lock()

    def enter(self, client: str) -> None:
        """Take a place.

        Raises:
            ShareError: the client holds its share.
            QueryBusyError: all places are taken.
        """
        with self._lock:
            held = self._held[client]
            if self._taken >= self._total:
                raise QueryBusyError(f"all {self._total} places are taken: try again in a moment")
            if held and held >= self._share():
                raise ShareError(f"{held} of your requests are under way: wait for one of them to end")
            self._taken += 1
            self._held[client] = held + 1

    def _share(self) -> int:
        clients = len(self._held)
        return self._total * 3 // 4 if clients == 1 else self._total // (clients + 1)

    def leave(self, client: str) -> None:
        """Give a place back."""
        with self._lock:
            self._taken -= 1
            self._held[client] -= 1
            if not self._held[client]:
                del self._held[client]


class Turns(Generic[T]):
    """Things that wait, one of each client in turn; each client's own in the order of their coming.

    >>> turns = Turns()
    >>> for client, thing in ("a", 1), ("a", 2), ("a", 3), ("b", 4): turns.add(client, thing)
    >>> [turns.take() for _ in range(5)]
    [1, 4, 2, 3, None]
    """

    def __init__(self) -> None:
        self._queues: OrderedDict[str, deque[T]] = OrderedDict()

    def __len__(self) -> int:
        return sum(map(len, self._queues.values()))

    def has_others(self, client: str) -> bool:
        """Whether a thing of another client waits."""
        return len(self._queues) > (client in self._queues)

    def add(self, client: str, thing: T) -> None:
        """Let a thing wait."""
        self._queues.setdefault(client, deque()).append(thing)

    def next(self, may: Callable[[str], bool]) -> tuple[str, T] | None:
        """Take the next thing whose client ``may``: the client and the thing; None when there is none."""
        client = next(filter(may, self._queues), None)
        if client is None:
            return None
        thing = self._queues[client].popleft()
        if self._queues[client]:
            self._queues.move_to_end(client)
        else:
            del self._queues[client]
        return client, thing

    def take(self) -> T | None:
        """Take the next thing; None when there is none."""
        found = self.next(lambda client: True)
        return found[1] if found else None

    def remove(self, client: str, thing: T) -> None:
        """Let a thing wait no longer, if it does."""
        queue = self._queues.get(client, deque())
        if thing in queue:
            queue.remove(thing)
            if not queue:
                del self._queues[client]


class Lane:
    """Places that are waited for, one of each client in turn; one client holds all but one of them at most.

    >>> lane = Lane(2)
    >>> lane.try_enter("a"), lane.try_enter("a"), lane.try_enter("b"), lane.try_enter("c")
    (True, False, True, False)
    """

    def __init__(self, total: int) -> None:
        self._total, self._most = total, max(1, total - 1)
        self._held: Counter[str] = Counter()
        self._turns: Turns[threading.Event] = Turns()
        self._lock = threading.Lock()

    def try_enter(self, client: str) -> bool:
        """Take a place if one is free for the client, and tell whether."""
        with self._lock:
            if is_free := self._is_free(client):
                self._held[client] += 1
            return is_free

    def enter(self, caller: Caller, until: float) -> None:
        """Take a place when it is the caller's turn, no later than at a time of the monotonic clock.

        Raises:
            QueryBusyError: none became free in time.
            CallerGoneError: the caller has left.
        """
        if self.try_enter(caller.client):
            return
        waiting = threading.Event()
        with self._lock:
            self._turns.add(caller.client, waiting)
            self._hand_out()
        while not waiting.wait(max(0.0, min(until - time.monotonic(), LOOK_S))):
            if time.monotonic() >= until:
                self._withdraw(caller.client, waiting, QueryBusyError("too many long queries: try again in a moment"))
            elif caller.is_gone():
                self._withdraw(caller.client, waiting, CallerGoneError(LEFT))

    def leave(self, client: str) -> None:
        """Give a place back."""
        with self._lock:
            self._held[client] -= 1
            if not self._held[client]:
                del self._held[client]
            self._hand_out()

    def _is_free(self, client: str) -> bool:
        return self._held.total() < self._total and self._held[client] < self._most

    def _hand_out(self) -> None:
        """Give free places to those whose turn it is (the lock is held)."""
        while (found := self._turns.next(self._is_free)) is not None:
            client, waiting = found
            self._held[client] += 1
            waiting.set()

    def _withdraw(self, client: str, waiting: threading.Event, error: QueryError) -> None:
        """Wait no longer; raises the error, with the place given back if it came at the last moment."""
        with self._lock:
            self._turns.remove(client, waiting)
        if waiting.is_set():
            self.leave(client)
        raise error
