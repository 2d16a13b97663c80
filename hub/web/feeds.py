"""What the feeds of single changes ask for with each request: the visible part of the log, and the hub's address."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Final

from flask import current_app, request
from werkzeug.wrappers import Response as BaseResponse

from hub.config import Settings
from hub.feeds.journal import Journal, dated
from hub.formats import Format
from hub.log import Log
from hub.published import Now
from hub.web import coding, protocol
from hub.web.cache import Page
from hub.web.pages import respond

# A full page stays as it is, but for what is erased later; that has to reach everybody soon.
KEPT_S: Final = 3600


def settings() -> Settings:
    """Return the settings of the application."""
    known: Settings = current_app.config["HUB_SETTINGS"]
    return known


def root() -> str:
    """Return the address of the hub as the caller wrote it, without a slash at the end."""
    return protocol.root(request.environ, settings().trusted_proxies, settings().base_iri)


@contextmanager
def journal() -> Iterator[Journal]:
    """Open the visible part of the log for one request."""
    now: Now = current_app.config["HUB_PUBLICATION"]()
    log = Log(settings().database)
    try:
        yield Journal(log, dated(log, now.sequence))
    finally:
        log.close()


def answer(
    offer: Format, key: tuple[object, ...], make: Callable[[Journal], Page], full: Callable[[int], bool] | None = None
) -> BaseResponse:
    """Return a page that is made of the log, cached for as long as the same changes are visible.

    Args:
        offer: the page's format.
        key: what the page depends on but for the log and the hub's address.
        make: makes it.
        full: tells by the number of the last visible change whether the page will stay as it is.
    """
    code = coding.choose(request.headers.get("Accept-Encoding", ""))
    with journal() as visible:
        response = respond(offer, (*key, root(), visible.until, code), lambda _: _coded(make(visible), code))
        response.headers["X-Hub-Sequence"] = str(visible.until)
        response.vary.add("Accept-Encoding")
        if code and (response.get_etag()[0] or "").endswith(f"-{code}"):
            response.headers["Content-Encoding"] = code
        if response.status_code >= 400:
            return response
        if full is not None and full(visible.until):
            response.cache_control.max_age = KEPT_S
            response.cache_control.immutable = True
        else:
            response.cache_control.max_age = None
            response.cache_control.no_cache = True
        return response


def _coded(page: Page, code: coding.Coding) -> Page:
    """Return a page in a content coding, unless it is short."""
    if not code or len(page.body) < coding.LEAST_BYTES:
        return page
    return replace(page, body=coding.encode(page.body, code), etag=f"{page.etag}-{code}")
