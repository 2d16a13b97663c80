"""What this hub asks of another one, over the polite session; every answer is read as a stranger's."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, BinaryIO, TypeVar
from urllib.parse import urlencode

from harvesters.contract import SourceError
from harvesters.http import Manners, PoliteSession
from hub.config import Peer, Settings
from hub.errors import PeerError
from hub.peers import documents, dump, hello
from hub.peers.dump import Manifest
from hub.peers.hello import Hello
from hub.peers.standing import Standing, Summary

MAX_BYTES = 64 << 20
BUCKETS_AT_ONCE = 16
# An answer of another place in the log, as a careless proxy gives it, is asked for again so often.
TRIES = 3
FRESH = {"Cache-Control": "no-cache"}
JSON = {"Accept": "application/json"}

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page:
    """A page of a peer's log: its changes as they came, and where to go on."""

    changes: list[Any]
    next: int
    is_last: bool


def session(settings: Settings, peer: Peer) -> PoliteSession:
    """Return a session that may ask a peer, at a private address only if the settings say so."""
    manners = Manners(
        contact=settings.contact,
        interval_s=settings.harvest_interval_s,
        timeout_s=settings.harvest_timeout_s,
        ca_bundle=settings.ca_bundle or None,
        max_bytes=MAX_BYTES,
    )
    return PoliteSession(manners, private=[peer.url] if peer.is_private else [])


class PeerClient:
    """Asks one hub. Every method raises PeerError when there is no answer, or none that can be read.

    Args:
        url: the hub's address.
        http: the session.
    """

    def __init__(self, url: str, http: PoliteSession) -> None:
        self.url, self.http = url, http

    def hello(self) -> tuple[Hello, dict[str, Any]]:
        """Return what the hub says of itself, and the signed document that says it; its signature fits its own key."""
        told = self._get("/.well-known/hub", {})
        said = self._read("/.well-known/hub", partial(hello.read, told))
        if not documents.is_genuine(told, said.key):
            raise PeerError(f"{self.url}/.well-known/hub is not signed by the key that it names")
        return said, told

    def changes(self, since: int, owners: Iterable[str] = (), limit: int | None = None) -> Page:
        """Return the page of the hub's log after a number."""
        asked: dict[str, Any] = {"since": since, "owner": sorted(owners)}
        asked |= {"limit": limit} if limit else {}
        for _ in range(TRIES):
            told = self._get("/changes", asked)
            page = self._read("/changes", partial(_page, told))
            if told["since"] == since and (page.next > since or page.is_last):
                return page
        raise PeerError(f"{self.url}/changes answers of another place in its log than {since}, which was asked for")

    def buckets(self, owner: str) -> dict[str, Summary]:
        """Return the set of each bucket of an owner's records."""
        told = self._get("/federation/records", {"owner": owner})
        return self._read("/federation/records", partial(_buckets, told))

    def records(self, owner: str, names: Iterable[str]) -> Iterator[Standing]:
        """Yield the records in some buckets."""
        wanted = sorted(names)
        for start in range(0, len(wanted), BUCKETS_AT_ONCE):
            part = wanted[start : start + BUCKETS_AT_ONCE]
            told = self._get("/federation/records", {"owner": owner, "bucket": part})
            yield from self._read("/federation/records", partial(_standings, told))

    def dump(self, said: Hello) -> tuple[Manifest, BinaryIO] | None:
        """Return the newest dump, its records' file open for reading; None where the hub has none."""
        try:
            listed = self._get("/dumps/", {}, JSON)["dumps"]
            newest = dump.name_of(max(listed, key=lambda one: int(one["sequence"])))
        except (PeerError, KeyError, TypeError, ValueError):
            return None
        found = dump.manifest(self._get(f"/dumps/{newest}/{dump.MANIFEST}", {}), said.key)
        if (found.hub, found.base) != (said.name, said.base):
            raise PeerError(f"the dump at {self.url}/dumps/{newest}/ is of the hub {found.hub} at {found.base}")
        try:
            kept = self.http.download(f"{self.url}/dumps/{newest}/{dump.RECORDS}")
        except SourceError as err:
            raise PeerError(str(err)) from err
        if kept.sha256 != found.records_sha256:
            raise PeerError(f"{dump.RECORDS} of {self.url}/dumps/{newest}/ is not the file that its manifest names")
        return found, self.http.open(kept.sha256)

    def _get(self, path: str, asked: dict[str, Any], more: dict[str, str] | None = None) -> Any:
        query = urlencode(asked, doseq=True)
        try:
            body = self.http.get(f"{self.url}{path}{'?' + query if query else ''}", headers={**FRESH, **(more or {})})
            return json.loads(body)
        except SourceError as err:
            raise PeerError(str(err)) from err
        except (ValueError, RecursionError) as err:
            raise PeerError(f"{self.url}{path} is not JSON") from err

    def _read(self, path: str, make: Callable[[], T]) -> T:
        try:
            return make()
        except (ValueError, TypeError, KeyError, AttributeError) as err:
            raise PeerError(f"{self.url}{path} cannot be read: {err}") from err


def _page(told: Any) -> Page:
    hello.expect(isinstance(told["changes"], list), "changes: a list is expected")
    hello.expect(hello.is_count(told["next"]), "next: a number is expected")
    return Page(told["changes"], told["next"], told["complete"] is True)


def _buckets(told: Any) -> dict[str, Summary]:
    return {str(name): hello.summary(one, f"buckets.{name}") for name, one in told["buckets"].items()}


def _standings(told: Any) -> list[Standing]:
    found = [Standing(**one) for one in told["records"]]
    for one in found:
        texts = (one.hub, one.source, one.accession, one.state, one.sha256)
        numbers = (one.sequence, one.number)
        if not all(isinstance(text, str) for text in texts) or not all(type(number) is int for number in numbers):
            raise ValueError("records: a field is not of the type that belongs there")
    return found
