"""Memento: datasets are asked by time. A dataset's address is its own TimeGate; versions are mementos.

A memento is dated by when readers could first see it. Of versions that were published together the last one is what
was seen; all of them are listed.

Source: https://www.rfc-editor.org/rfc/rfc7089
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any, Final

from flask import redirect, request
from werkzeug.urls import iri_to_uri
from werkzeug.wrappers import Response as BaseResponse

from hub.config import Settings
from hub.history import Entry, History
from hub.log import Log
from hub.published import Now
from hub.web.problems import HttpError
from hub.web.protocol import root
from ontology import iris

ASKED: Final = "Accept-Datetime"
LINKS: Final = "application/link-format"
RFC1123: Final = "%a, %d %b %Y %H:%M:%S GMT"


@contextmanager
def history_of(settings: Settings, now: Now, archive: str, accession: str) -> Iterator[History]:
    """Open the visible versions of a dataset for one request.

    Raises:
        NotFoundError: the hub never had it.
    """
    log = Log(settings.database)
    try:
        yield History(log, settings, iris.dataset(settings.base_iri, archive, accession), now.sequence)
    finally:
        log.close()


class Addresses:
    """Absolute addresses of a dataset and its versions on this server."""

    def __init__(self, settings: Settings, iri: str) -> None:
        self._root = root(request.environ, settings.trusted_proxies, settings.base_iri)
        self._path = iri_to_uri(iri.removeprefix(settings.base_iri))

    @property
    def original(self) -> str:
        """The dataset itself, which is its TimeGate too."""
        return f"{self._root}/{self._path}"

    @property
    def timemap(self) -> str:
        """The list of its versions by time."""
        return f"{self._root}/timemap/{self._path}"

    @property
    def versions(self) -> str:
        """The list of its versions by number."""
        return f"{self.original}/versions"

    def version(self, entry: Entry) -> str:
        """A version."""
        return f"{self.versions}/{entry.sequence}"

    def difference(self, before: Entry, after: Entry) -> str:
        """What differs between two versions."""
        return f"{self.versions}/{before.sequence}..{after.sequence}"


def http_date(moment: str) -> str:
    """Return an ISO 8601 time as HTTP writes it.

    >>> http_date("2026-02-01T10:00:00Z")
    'Sun, 01 Feb 2026 10:00:00 GMT'
    """
    return format_datetime(datetime.fromisoformat(moment).astimezone(UTC), usegmt=True)


def moment(text: str) -> datetime:
    """Return the time that ``Accept-Datetime`` names.

    Raises:
        HttpError: it is none of RFC 1123, in GMT.
    """
    try:
        return datetime.strptime(text.strip(), RFC1123).replace(tzinfo=UTC)
    except ValueError as err:
        example = "Sun, 01 Feb 2026 10:00:00 GMT"
        raise HttpError(400, f"Accept-Datetime: {text[:60]!r} is no time such as {example!r}") from err


def timegate(settings: Settings, now: Now, archive: str, accession: str, suffix: str) -> BaseResponse:
    """Lead to the version that readers saw at the time of ``Accept-Datetime``; before the first, to the first."""
    when = moment(request.headers[ASKED])
    with history_of(settings, now, archive, accession) as history:
        addresses, entry = Addresses(settings, history.iri), history.at_time(when)
    response = redirect(addresses.version(entry) + suffix, 302)
    response.vary.update(("Accept", ASKED))
    response.headers["Link"] = _leading(addresses)
    response.headers["X-Hub-Sequence"] = str(now.sequence)
    response.headers["Cache-Control"] = "no-cache"
    return response


def lead(response: BaseResponse, settings: Settings, archive: str, accession: str) -> None:
    """Tell that a dataset can be asked by time; where it was taken back, there is its TimeMap still.

    Pages that stand name it among their other links (:mod:`hub.web.machine`).
    """
    response.vary.add(ASKED)
    if response.status_code == 410:
        addresses = Addresses(settings, iris.dataset(settings.base_iri, archive, accession))
        response.headers["Link"] = ", ".join(filter(None, (response.headers.get("Link"), _leading(addresses))))


def _leading(addresses: Addresses) -> str:
    return f'<{addresses.original}>; rel="original timegate", <{addresses.timemap}>; rel="timemap"; type="{LINKS}"'


def mark(response: BaseResponse, history: History, entry: Entry, addresses: Addresses) -> None:
    """Tell of a version's answer that it is a memento: from when it is, of what, and which are around it."""
    response.headers["Memento-Datetime"] = http_date(entry.seen)
    place = history.entries.index(entry)
    around = {"first": 0, "prev": place - 1, "memento": place, "next": place + 1, "last": len(history.entries) - 1}
    relations: dict[int, list[str]] = {}
    for relation, number in around.items():
        if 0 <= number < len(history.entries):
            relations.setdefault(number, []).append(relation)
    links = [_leading(addresses)]
    for number, names in sorted(relations.items()):
        links.append(_memento(addresses, history.entries[number], [name for name in names if name != "memento"]))
    response.headers["Link"] = ", ".join(links)


def _memento(addresses: Addresses, entry: Entry, relations: list[str]) -> str:
    names = " ".join([*relations, "memento"])
    return f'<{addresses.version(entry)}>; rel="{names}"; datetime="{http_date(entry.seen)}"'


# --- TimeMap ------------------------------------------------------------------------------------------------------


def link_format(history: History, addresses: Addresses) -> str:
    """Return the TimeMap in the link format.

    Source: https://www.rfc-editor.org/rfc/rfc7089#section-5
    """
    first, last = history.entries[0], history.entries[-1]
    span = f'from="{http_date(first.seen)}"; until="{http_date(last.seen)}"'
    told = [
        f'<{addresses.original}>; rel="original timegate"',
        f'<{addresses.timemap}>; rel="self"; type="{LINKS}"; {span}',
    ]
    told += [_memento(addresses, entry, _ends(entry, first, last)) for entry in history.entries]
    return ",\n".join(told) + "\n"


def _ends(entry: Entry, first: Entry, last: Entry) -> list[str]:
    return [name for name, end in (("first", first), ("last", last)) if entry is end]


def as_json(history: History, addresses: Addresses) -> dict[str, Any]:
    """Return the TimeMap in the JSON form that web archives give.

    Source: https://github.com/oduwsdl/MemGator#timemap-in-json-format
    """
    listed = [{"datetime": entry.seen, "uri": addresses.version(entry)} for entry in history.entries]
    return {
        "original_uri": addresses.original,
        "timegate_uri": addresses.original,
        "timemap_uri": {"link_format": f"{addresses.timemap}.link", "json_format": f"{addresses.timemap}.json"},
        "mementos": {"first": listed[0], "last": listed[-1], "list": listed},
    }
