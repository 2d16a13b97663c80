"""What other hubs ask of this one: who it is, what changed, what it holds; and how it stands with them, for people.

Everything is told as of the snapshot that is served, so that a peer never has what readers here cannot see.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from flask import Blueprint, Response, current_app, render_template, request
from werkzeug.wrappers import Response as BaseResponse

from hub import formats
from hub.config import HUB_NAME, Settings
from hub.log import Log
from hub.peers import hello, pages
from hub.peers.overview import overview
from hub.published import Now
from hub.web import coding, offers
from hub.web.cache import Page
from hub.web.pages import page_of, respond
from hub.web.problems import HttpError

peers = Blueprint("peers", __name__)
# A whole page of the log stays as it is, but for what is erased later; that has to reach everybody soon.
KEPT_S: Final = 3600
MAX_NUMBER: Final = 2**62
MAX_BUCKETS: Final = 16


def _settings() -> Settings:
    settings: Settings = current_app.config["HUB_SETTINGS"]
    return settings


def _now() -> Now:
    now: Now = current_app.config["HUB_PUBLICATION"]()
    return now


@contextmanager
def _catalogue() -> Iterator[Log]:
    """Open the catalogue for one request."""
    log = Log(_settings().database)
    try:
        yield log
    finally:
        log.close()


@peers.get("/.well-known/hub")
def well_known() -> BaseResponse:
    """Who this hub is: name, base, key, sequence, feeds, what it holds of whom; signed."""

    def make(now: Now) -> Page:
        with _catalogue() as log:
            return page_of(_json(hello.document(log, _settings(), now.snapshot)))

    return respond(formats.JSON, ("well-known-hub",), make)


@peers.get("/changes")
def changes() -> BaseResponse:
    """The changes after a number of the log, each with its owner's signed statement, as hubs take them over."""
    _only("since", "limit", "owner")
    since = _number("since", 0, 0, MAX_NUMBER)
    limit = _number("limit", pages.LIMIT, 1, pages.MAX_LIMIT)
    owners, settings, until = _owners(), _settings(), _now().sequence
    with _catalogue() as log:
        told = pages.changes(log, settings.base_iri, settings.hub_name, until, since, limit, owners)
    return _coded(told, until)


def _coded(told: dict[str, Any], until: int) -> BaseResponse:
    """Return a page of the log in the coding that the caller likes best; a whole one may be kept for a while."""
    body = _json(told).encode()
    code = coding.choose(request.headers.get("Accept-Encoding", ""))
    response = Response(coding.encode(body, code), content_type=formats.JSON.content_type)
    response.headers["Cache-Control"] = "no-cache" if told["complete"] else f"public, max-age={KEPT_S}"
    response.headers["X-Hub-Sequence"] = str(until)
    response.vary.add("Accept-Encoding")
    if code:
        response.headers["Content-Encoding"] = code
    if not told["complete"]:
        kept = "".join(f"&{name}={value}" for name, value in request.args.items(multi=True) if name != "since")
        response.headers["Link"] = f'<{request.script_root}/changes?since={told["next"]}{kept}>; rel="next"'
    response.set_etag(f"{hashlib.sha256(body).hexdigest()[:32]}{'-' + code if code else ''}")
    return response.make_conditional(request)


@peers.get("/federation/records")
def records() -> BaseResponse:
    """How many records each bucket has and the hash of their set; with ``bucket``, the records of some buckets."""
    _only("bucket", "owner")
    wanted = {name for text in request.args.getlist("bucket") for name in text.split(",")}
    if wrong := [name for name in wanted if not re.fullmatch("[0-9a-f]{2}", name)]:
        raise HttpError(400, f"bucket: {wrong[0][:20]!r} is not two of the digits 0-9a-f")
    if len(wanted) > MAX_BUCKETS:
        raise HttpError(400, f"bucket: these are {len(wanted)}: ask for at most {MAX_BUCKETS} at once")
    owner = next(iter(_owners()), "")

    def make(now: Now) -> Page:
        with _catalogue() as log:
            if wanted:
                return page_of(_json(pages.bucket(log, now.sequence, owner, wanted)))
            return page_of(_json(pages.buckets(log, now.sequence, owner)))

    return respond(formats.JSON, ("federation-records", owner, tuple(sorted(wanted))), make)


@peers.get("/federation")
def federation() -> BaseResponse:
    """How this hub stands with its peers: sequences, agreement, the ways that changes took, refusals, conflicts."""
    offer = offers.choose(request, formats.HTML, formats.JSON)
    with _catalogue() as log:
        told = overview(log, _settings(), _now().sequence)
    body = _json(told) if offer is formats.JSON else render_template("federation.html", **told)
    response = Response(body, content_type=offer.content_type)
    response.headers["Cache-Control"] = "no-cache"
    response.vary.add("Accept")
    response.add_etag()
    return response.make_conditional(request)


def _only(*names: str) -> None:
    if unknown := sorted(set(request.args) - set(names)):
        raise HttpError(400, f"{unknown[0][:40]}: there is no such parameter; there are {', '.join(names)}")


def _number(name: str, default: int, least: int, most: int) -> int:
    text = request.args.get(name, str(default))
    if not (text.isascii() and text.isdecimal() and len(text) < 20 and least <= int(text) <= most):
        raise HttpError(400, f"{name}: {text[:20]!r} is not a number from {least} to {most}")
    return int(text)


def _owners() -> set[str]:
    names = set(request.args.getlist("owner"))
    if wrong := [name for name in names if not re.fullmatch(HUB_NAME, name)]:
        raise HttpError(400, f"owner: {wrong[0][:40]!r} is no name of a hub")
    return names


def _json(told: dict[str, Any]) -> str:
    return json.dumps(told, ensure_ascii=False)
