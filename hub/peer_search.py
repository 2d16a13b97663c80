"""One search at several hubs: peers are asked at the same time, each within a budget, and their hits are merged.

A federation shares its base IRI, so a dataset has the same IRI at every hub and is one hit wherever it was found. What
a peer answers is a stranger's word: it is read field by field, and leads nowhere but to pages of hubs.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import closing
from dataclasses import dataclass, fields, replace
from typing import Any, Final
from urllib.parse import urlencode

import sqlalchemy as sa

from harvesters.contract import SourceError
from hub import guarded
from hub.config import Peer, Settings
from hub.errors import HubError
from hub.log import Log, records
from hub.search.asking import parameters
from hub.search.contract import Asked, Hit, Member, Piece

MAX_BYTES: Final = 4 << 20
"""Longest answer of a peer."""
LINES: Final = 3
"""Questions to one peer at the same time, in one process."""
SEARCHES: Final = 4
"""Searches that wait for peers at the same time, in one process; pages need threads too."""
KEEP_S: Final = 60.0
KEPT: Final = 200
MAX_TEXT: Final = 500
MAX_LIST: Final = 20
MAX_NUMBER: Final = 2**62
BUSY: Final = "too many searches ask other hubs: try again in a moment"


@dataclass(frozen=True, slots=True)
class Told:
    """What became of asking one peer.

    Attributes:
        peer: its name.
        url: its address.
        state: ``ok``, ``slow`` (no whole answer in time) or ``failed``.
        total: studies that match there, or None.
        hits: those of the page; their ``title`` and ``excerpt`` are one piece of plain text.
        seconds: how long it took.
        error: why there is no answer, or "".
    """

    peer: str
    url: str
    state: str
    total: int | None = None
    hits: tuple[Hit, ...] = ()
    seconds: float = 0.0
    error: str = ""


@dataclass(frozen=True, slots=True)
class Merged:
    """A study, and the peers where it was found too.

    Attributes:
        hit: the study.
        is_own: whether this hub found it.
        found_at: address of its page at each peer that found it, by the peer's name.
    """

    hit: Hit
    is_own: bool
    found_at: dict[str, str]


class PeerSearch:
    """Asks the configured peers; one for each process, safe for threads.

    Args:
        settings: the hub's settings.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._peers = list(settings.peers.values())
        self._threads = ThreadPoolExecutor(max(1, LINES * len(self._peers)), thread_name_prefix="peers")
        self._lines = {peer.name: threading.BoundedSemaphore(LINES) for peer in self._peers}
        self._searches = threading.BoundedSemaphore(SEARCHES)
        self._kept = _Kept()

    def start(self, asked: Asked) -> Started:
        """Begin to ask every peer, and return what waits for their answers."""
        ends_at = time.monotonic() + self._settings.peer_search_timeout_s
        query = urlencode([*parameters(asked), ("format", "json"), ("hops", "1")], errors="replace")
        if not self._searches.acquire(blocking=False):
            return Started([_without(peer, "slow", BUSY) for peer in self._peers], {}, ends_at)
        known = {peer.name: self._kept.get((peer.name, query)) for peer in self._peers}
        told = [answer for answer in known.values() if answer is not None]
        unknown = [peer for peer in self._peers if known[peer.name] is None]
        busy = [peer for peer in unknown if not self._lines[peer.name].acquire(blocking=False)]
        told += [_without(peer, "slow", BUSY) for peer in busy]
        most = asked.per_page
        asking = {
            peer.name: (peer, self._threads.submit(self._ask, peer, query, most, ends_at))
            for peer in unknown
            if peer not in busy
        }
        return Started(told, asking, ends_at, self._searches.release)

    def close(self) -> None:
        """End without waiting for anybody."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _ask(self, peer: Peer, query: str, most: int, ends_at: float) -> Told:
        began = time.monotonic()
        try:
            hits, total = self._answer(peer, query, most, ends_at - began)
        except (SourceError, ValueError, TypeError, KeyError, RecursionError) as err:
            is_late = time.monotonic() > ends_at - 0.05
            why = "it gave no whole answer in time" if is_late else _reason(err)
            return _without(peer, "slow" if is_late else "failed", why, time.monotonic() - began)
        finally:
            self._lines[peer.name].release()
        told = Told(peer.name, peer.url, "ok", total, hits, round(time.monotonic() - began, 3))
        self._kept.put((peer.name, query), told)
        return told

    def _answer(self, peer: Peer, query: str, most: int, left_s: float) -> tuple[tuple[Hit, ...], int]:
        url = f"{peer.url}/search?{query}"
        asked = guarded.Request(
            "GET", url, {"Accept": "application/json"}, None, peer.is_private, max(left_s, 0.001), MAX_BYTES
        )
        reply = guarded.ask(self._settings, asked)
        if reply.status != 200:
            raise SourceError(f"it answers {reply.status}")
        return read(json.loads(reply.body), self._settings.base_iri, most)


def _without(peer: Peer, state: str, error: str, seconds: float = 0.0) -> Told:
    return Told(peer.name, peer.url, state, error=error, seconds=round(seconds, 3))


def _reason(err: Exception) -> str:
    return str(err) if isinstance(err, SourceError) else "it answers what is no answer to a search"


class Started:
    """Questions that are under way.

    Args:
        told: what is known already.
        asking: the peers that were asked, and where their answers will be, by name.
        ends_at: when nobody waits any more, on the monotonic clock.
        release: called when the waiting is over.
    """

    def __init__(
        self, told: list[Told], asking: dict[str, tuple[Peer, Future[Told]]], ends_at: float, release: Any = None
    ) -> None:
        self._told, self._asking, self._ends_at, self._release = told, asking, ends_at, release

    def answers(self) -> list[Told]:
        """Return what became of each peer, by name, when all have answered or the time is over."""
        try:
            wait([future for _, future in self._asking.values()], max(0.0, self._ends_at - time.monotonic()))
        finally:
            if self._release is not None:
                self._release()
        told = [*self._told, *(_outcome(peer, future) for peer, future in self._asking.values())]
        return sorted(told, key=lambda one: one.peer)


def _outcome(peer: Peer, future: Future[Told]) -> Told:
    if not future.done():
        return _without(peer, "slow", "it gave no whole answer in time")
    if future.exception() is not None:
        return _without(peer, "failed", "it could not be asked")
    return future.result()


class _Kept:
    """Answers of peers for a minute, the oldest out first; safe for threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: OrderedDict[tuple[str, str], tuple[float, Told]] = OrderedDict()

    def get(self, key: tuple[str, str]) -> Told | None:
        with self._lock:
            until, told = self._held.get(key, (0.0, None))
            return told if time.monotonic() < until else None

    def put(self, key: tuple[str, str], told: Told) -> None:
        with self._lock:
            self._held.pop(key, None)
            self._held[key] = (time.monotonic() + KEEP_S, told)
            while len(self._held) > KEPT:
                self._held.popitem(last=False)


# --- reading what a peer says --------------------------------------------------------------------------------------


def read(told: Any, base: str, most: int) -> tuple[tuple[Hit, ...], int]:
    """Return the hits and the total of a peer's answer; what is too long is cut, what has a foreign IRI is left out.

    Args:
        told: the answer, as JSON gave it.
        base: base IRI of the federation.
        most: how many hits are taken.

    Raises:
        ValueError: it is no answer to a search.
        TypeError: likewise.
        KeyError: likewise.
    """
    total = _number(told["total"])
    found = (_hit(one, base) for one in told["hits"][:most])
    return tuple(hit for hit in found if hit is not None), total


def _hit(told: Any, base: str) -> Hit | None:
    member = _member(told["dataset"], base)
    if member is None:
        return None
    others = (_member(one, base) for one in told["also_in"][:MAX_LIST])
    also_in = tuple(one for one in others if one is not None)
    study = min(member.iri, *(one.iri for one in also_in)) if also_in else member.iri
    excerpt = "".join(_text(piece["text"]) for piece in told["excerpt"][: 2 * MAX_LIST])[:MAX_TEXT]
    return Hit(study, 0.0, member, also_in, (Piece(member.title, False),), (Piece(excerpt, False),) if excerpt else ())


def _member(told: Any, base: str) -> Member | None:
    """Return a dataset, or None where its IRI is none of the federation's."""
    iri = _text(told["iri"])
    if not re.fullmatch(re.escape(base) + r"dataset/[a-z0-9-]+/[\w.~%!$&'()*+,;=:@-]+", iri, re.ASCII):
        return None
    said: dict[str, Any] = {
        name: read_one(told[name]) for name, read_one in _READ.items() if told.get(name) is not None
    }
    archive, accession = iri.removeprefix(base).split("/")[1:]
    return Member(iri, archive, accession, said.pop("title", "") or accession, **said)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("a text is expected")
    return value[:MAX_TEXT]


def _texts(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise TypeError("a list is expected")
    return tuple(_text(one) for one in value[:MAX_LIST])


def _number(value: Any) -> int:
    if type(value) is not int or not 0 <= value <= MAX_NUMBER:
        raise TypeError("a number is expected")
    return value


def _link(value: Any) -> str:
    """Return an address of the web, or ""."""
    text = _text(value)
    return text if re.fullmatch(r"https?://[^\s\"'<>\\]+", text, re.ASCII) else ""


_READ: Final = {
    **dict.fromkeys(("title", "description", "published"), _text),
    **dict.fromkeys(("doi", "licence"), _link),
    **dict.fromkeys(("authors", "organisms", "methods"), _texts),
    **dict.fromkeys(("author_count", "size_bytes"), _number),
}
"""Fields of :class:`Member` that are taken from a peer; archive and accession are those of the IRI."""
assert {f.name for f in fields(Member)} >= set(_READ)


# --- merging -------------------------------------------------------------------------------------------------------


def merged(own: Iterable[Hit], told: Iterable[Told], base: str, elsewhere: set[str]) -> list[Merged]:
    """Return the studies of a page: this hub's own first, then what only peers found, in the order of their hits.

    Args:
        own: this hub's hits.
        told: what the peers found.
        base: base IRI of the federation.
        elsewhere: IRIs of datasets that are not to be added, as this hub has them on another page or withholds them.
    """
    found = [Merged(hit, True, {}) for hit in own]
    places = {iri: place for place, one in enumerate(found) for iri in _iris(one.hit)}
    for answer, hit in _in_turn([one for one in told if one.state == "ok"]):
        iris = _iris(hit)
        place = next((places[iri] for iri in iris if iri in places), None)
        if place is None:
            if not elsewhere.isdisjoint(iris):
                continue
            place = len(found)
            found.append(Merged(hit, False, {}))
        places |= {iri: place for iri in iris if iri not in places}
        shown = found[place].hit.member.iri
        page = (shown if shown in iris else hit.member.iri).removeprefix(base)
        found[place].found_at.setdefault(answer.peer, f"{answer.url}/{page}")
    return found


def _in_turn(told: list[Told]) -> Iterator[tuple[Told, Hit]]:
    """Yield the best hit of each peer, then the second of each, and so on: scores of two hubs cannot be compared."""
    for place in range(max((len(one.hits) for one in told), default=0)):
        yield from ((one, one.hits[place]) for one in told if place < len(one.hits))


def _iris(hit: Hit) -> list[str]:
    return [hit.member.iri, *(one.iri for one in hit.also_in)]


def withheld(settings: Settings, told: Iterable[Told]) -> set[str]:
    """Return which of the datasets that peers found this hub does not show, as they are suppressed or redacted here.

    While the catalogue cannot be asked, these may be all.
    """
    iris = {iri for one in told for hit in one.hits for iri in _iris(hit)}
    if not iris:
        return set()
    is_hidden = records.c.state.in_(("suppressed", "redacted"))
    try:
        with closing(Log(settings.database)) as log, log.engine.connect() as db:
            return set(db.scalars(sa.select(records.c.iri).where(records.c.iri.in_(iris) & is_hidden)))
    except (HubError, sa.exc.SQLAlchemyError):
        return iris


def beyond(asked: Asked) -> Asked:
    """Return the search that finds what this hub has on the pages around."""
    return replace(asked, page=1, per_page=200)
