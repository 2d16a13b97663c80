"""Answers of a new snapshot, before the first reader asks: the home page, the charts, the gallery with its defaults.

They are asked of the applications themselves, so that they stand in the caches under the very keys that readers ask by.
"""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple
from urllib.parse import urlencode

from werkzeug.test import create_environ, run_wsgi_app

from hub import gallery, places
from hub.errors import HubError
from hub.places import Caller
from hub.published import Now
from ontology import archives

logger = logging.getLogger(__name__)
PAUSE_S = 1.0
"""How often it is looked whether there is a new snapshot, or whether the workers are idle again."""
Wsgi = Callable[..., Any]


class Ask(NamedTuple):
    """One request, of pages or of the SPARQL endpoint."""

    app: Wsgi
    path: str
    fields: dict[str, str]
    accept: str


class Warmer:
    """Follows what is served and warms the caches of this process, in a thread of its own.

    It asks one thing at a time, only while no query of a reader runs or waits, and is cut short by ``close``.

    Args:
        published: tells what is served now.
        pages: the application with the home page.
        sparql: the SPARQL endpoint.
        most_bytes: how much is warmed at most; the rest of the cache is the readers'.
        begin: called with each state that is new, first of all.
        pause_s: ``PAUSE_S`` if None.
    """

    def __init__(
        self,
        published: Callable[[], Now],
        pages: Wsgi,
        sparql: Wsgi,
        most_bytes: int,
        begin: Callable[[Now], object] = lambda _: None,
        pause_s: float | None = None,
    ) -> None:
        self._published, self._pages, self._sparql = published, pages, sparql
        self._most_bytes, self._begin = most_bytes, begin
        self._pause_s = PAUSE_S if pause_s is None else pause_s
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="hub-warm", daemon=True)

    def start(self) -> None:
        """Begin; what is served already is warmed too."""
        self._thread.start()

    def close(self) -> None:
        """End; a query that runs is left."""
        self._closing.set()
        if self._thread.is_alive():
            self._thread.join()

    def _follow(self) -> None:
        warmed = ""
        while not self._closing.is_set():
            with contextlib.suppress(HubError):
                now = self._published()
                if now.version != warmed:
                    warmed = now.version
                    self._begin(now)
                    self.warm(now)
            self._closing.wait(self._pause_s)

    def warm(self, now: Now) -> int:
        """Warm the caches for one state and return how many answers were asked for; fewer when it is superseded."""
        asked, left = 0, self._most_bytes
        with places.serving(Caller(is_gone=self._closing.is_set)):
            for ask in self._asks():
                if left <= 0 or not self._waits_until_idle(now):
                    break
                left -= _length(ask)
                asked += 1
        return asked

    def _asks(self) -> Iterator[Ask]:
        for accept in ("text/html", "application/json"):
            yield Ask(self._pages, "/", {}, accept)
            yield Ask(self._pages, "/search", {}, accept)
            yield Ask(self._pages, "/charts", {}, accept)
        for path in ("/sitemap.xml", "/catalog"):
            yield Ask(self._pages, path, {}, "*/*")
        for name in archives.ARCHIVES:
            yield Ask(self._pages, f"/archive/{name}", {}, "text/html")
        for asked in gallery.questions().values():
            yield Ask(self._sparql, "/sparql", {"query": gallery.bound(asked), "format": "json"}, "*/*")

    def _waits_until_idle(self, now: Now) -> bool:
        """Return when no query runs or waits; False when nothing is to be warmed any more."""
        while not self._closing.is_set() and self._published().version == now.version:
            found = now.pool.stats()
            if not found["waiting"] and found["idle"] >= found["workers"]:
                return True
            self._closing.wait(self._pause_s)
        return False


def _length(ask: Ask) -> int:
    """Ask, and return the length of the answer in bytes."""
    environ = create_environ(ask.path, query_string=urlencode(ask.fields), headers={"Accept": ask.accept})
    body, status, _ = run_wsgi_app(ask.app, environ, buffered=True)
    if not status.startswith("200"):
        logger.info("not warmed: %s %s: %s", ask.path, ask.fields.get("query", "")[:80], status)
    return sum(map(len, body))
