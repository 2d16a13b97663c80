"""``asOf``: an answer from the newest snapshot that is kept and not after a change or a time; and what is kept.

Pages and searches of an older snapshot are written as those of the current one; SPARQL asks its workers
(:mod:`hub.web.sparql`). Routes that tell what the catalogue has, whatever is published, do not offer it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final

from flask import Blueprint, Flask, Response, current_app, g, has_request_context, render_template, request
from werkzeug.wrappers import Response as BaseResponse

from hub import formats, retained, snapshots
from hub.config import Settings
from hub.errors import HubError
from hub.published import Now
from hub.search_sources import Coverage, Sources
from hub.web import offers
from hub.web.cache import Page, PageCache
from hub.web.problems import HttpError

kept_snapshots = Blueprint("snapshots", __name__)
NAME: Final = "asOf"
OFFERED_AT: Final = frozenset(
    {"pages", "search", "archives", "entities", "grants", "taxa", "terms", "genes", "papers", "people", "charts"}
)
_WRONG: Final = "is neither a change's number nor an ISO 8601 time such as 2026-11-20T12:00:00Z"


def wanted(given: Sequence[str]) -> int | datetime:
    """Return the change's number or the time that ``asOf`` names; a day means its end, a time without a zone UTC.

    >>> wanted(["18233"]), wanted(["2026-03-01"]).isoformat()
    (18233, '2026-03-01T23:59:59+00:00')

    Raises:
        HttpError: it is neither.
    """
    text = given[-1].strip().replace(" ", "+")  # a plus sign in a URL arrives as a space
    if text.isascii() and text.isdecimal() and len(text) < 8:
        return int(text)
    try:
        when = datetime.fromisoformat(f"{text}T23:59:59" if len(text) == len("2026-03-01") else text)
    except ValueError as err:
        raise HttpError(400, f"asOf: {text[:40]!r} {_WRONG}") from err
    return when if when.tzinfo else when.replace(tzinfo=UTC)


def pinned() -> list[tuple[str, str]]:
    """Return the parameter that links of this page have to carry on: the one that was asked for, if any."""
    return [(NAME, g.as_of)] if has_request_context() and "as_of" in g else []


class Pages(PageCache):
    """Keeps pages of the current snapshot, and apart from them a few of older ones."""

    def __init__(self, max_bytes: int) -> None:
        super().__init__(max_bytes)
        self._older = PageCache(max_bytes // 8)

    def get(self, version: str, key: Hashable, make: Callable[[], Page]) -> Page:
        """Return the page of that key at that snapshot; made when it is not there, errors are not kept."""
        if asked := pinned():
            return self._older.get(version, (*asked, key), make)
        return super().get(version, key, make)


def install(app: Flask) -> None:
    """Let an application answer from older snapshots."""
    app.before_request(_begin)
    app.after_request(_end)
    app.teardown_request(_give_up)


def _begin() -> None:
    if NAME not in request.args or request.endpoint is None:
        return
    if request.blueprint not in OFFERED_AT:
        raise HttpError(400, f"asOf is not offered at {request.path}: only at /search, /sparql and pages of things")
    moment = wanted(request.args.getlist(NAME))
    g.as_of_stack = ExitStack()
    g.as_of_stack.enter_context(current_app.config["HUB_PUBLICATION"].at(moment))
    g.as_of = request.args[NAME]


def _end(response: BaseResponse) -> BaseResponse:
    if stack := g.pop("as_of_stack", None):
        response.headers["X-Robots-Tag"] = "noindex"
        stack.close()
    return response


def _give_up(_error: BaseException | None) -> None:
    if stack := g.pop("as_of_stack", None):
        with suppress(HubError):
            stack.close()


def coverage(settings: Settings, now: Now) -> Coverage:
    """Return what was searched in an older snapshot; how the sources went is only known of today."""
    found = Sources(settings).of(now)
    archives = tuple(replace(archive, feeds=()) for archive in found.archives)
    return Coverage(archives, (f"{true_of(now)} What came later is not in it.",), now.sequence)


def true_of(now: Now) -> str:
    """Return in a sentence which state an answer is of."""
    return f"This is as of change no. {now.sequence}, published at {now.snapshot.created}."


# --- what is kept -------------------------------------------------------------------------------------------------


@kept_snapshots.get("/snapshots")
@kept_snapshots.get("/snapshots.<suffix>")
def show(suffix: str | None = None) -> BaseResponse:
    """The snapshots that are kept, which ``asOf`` can name."""
    offer = offers.choose(request, formats.HTML, formats.JSON, suffix=suffix)
    settings: Settings = current_app.config["HUB_SETTINGS"]
    now: Now = current_app.config["HUB_PUBLICATION"]()
    told = [
        {**snapshots.manifest(each), "name": each.path.name, "current": each.path.name == now.version}
        for each in retained.kept(settings.snapshots_dir)
    ]
    write: dict[str, Callable[[], str]] = {
        formats.JSON.name: partial(_json, told, settings),
        formats.HTML.name: partial(_html, told, settings, now),
    }
    response = Response(write[offer.name](), content_type=offer.content_type)
    response.headers["X-Hub-Sequence"] = str(now.sequence)
    response.headers["Cache-Control"] = "no-cache"
    response.vary.add("Accept")
    response.add_etag()
    return response.make_conditional(request)


def _html(told: list[dict[str, Any]], settings: Settings, now: Now) -> str:
    return render_template("snapshots.html", now=now, snapshots=told, keep=settings.keep_snapshots)


def _json(told: list[dict[str, Any]], settings: Settings) -> str:
    return json.dumps({"keep": settings.keep_snapshots, "snapshots": told}, ensure_ascii=False, indent=1)
