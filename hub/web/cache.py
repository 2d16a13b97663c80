"""Rendered pages of one snapshot, least recently used out first; safe for threads."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Page:
    """One rendered answer.

    Body, HTTP status, ETag of its content, Link header, its type where not the format's, what search engines may do.
    """

    body: bytes
    status: int
    etag: str
    links: str = ""
    content_type: str = ""
    robots: str = ""


class PageCache:
    """Keeps pages up to a total size; another snapshot empties it."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0
        self._version: str | None = None
        self._pages: OrderedDict[Hashable, Page] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, version: str, key: Hashable, make: Callable[[], Page]) -> Page:
        """Return the page of that key at that snapshot; made when it is not there, errors are not kept."""
        with self._lock:
            if version != self._version:
                self._pages.clear()
                self._bytes, self._version = 0, version
            page = self._pages.get(key)
            if page is not None:
                self._pages.move_to_end(key)
                return page
        page = make()
        self._keep(version, key, page)
        return page

    def _keep(self, version: str, key: Hashable, page: Page) -> None:
        with self._lock:
            if version != self._version or key in self._pages:
                return
            self._pages[key] = page
            self._bytes += len(page.body)
            while self._bytes > self._max_bytes and self._pages:
                _, old = self._pages.popitem(last=False)
                self._bytes -= len(old.body)
