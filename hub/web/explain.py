"""Who says a statement, as a page, as JSON, and as TriG."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager

from flask import Blueprint, Response, current_app, render_template, request
from pyoxigraph import NamedNode
from werkzeug.wrappers import Response as BaseResponse

from hub import explain as explaining
from hub import formats
from hub.config import Settings
from hub.links.catalogue import Links
from hub.log import Log
from hub.published import Now
from hub.web import offers
from hub.web.problems import HttpError

explain = Blueprint("explain", __name__)
OFFERED = (formats.HTML, formats.JSON, formats.TRIG)


@contextmanager
def _links(settings: Settings) -> Iterator[Links]:
    log = Log(settings.database)
    try:
        yield Links(log)
    finally:
        log.close()


@explain.get("/explain")
def show() -> BaseResponse:
    """Every graph that says a statement, where it has it from, and why it is shown or not."""
    offer = offers.choose(request, *OFFERED)
    subject = _iri("s", "a thing, such as a dataset")
    predicate = _iri("p", "a property") if request.args.get("p") else None
    value = request.args.get("o") or None
    settings: Settings = current_app.config["HUB_SETTINGS"]
    now: Now = current_app.config["HUB_PUBLICATION"]()
    with _links(settings) as links:
        told = explaining.explain(now.pages, settings, links, subject, predicate, value)
    if offer is formats.JSON:
        body: str | bytes = json.dumps(explaining.as_json(told), ensure_ascii=False, indent=1)
    elif offer is formats.TRIG:
        body = offers.serialize(list(dict.fromkeys(told.quads)), offer)
    else:
        asked = {"s": subject, "p": predicate, "o": value}
        body = render_template("explain.html", now=now, told=told, asked={k: v for k, v in asked.items() if v})
    response = Response(body, content_type=offer.content_type)
    response.headers["Cache-Control"] = "no-cache"
    response.headers["X-Hub-Sequence"] = str(now.sequence)
    response.vary.add("Accept")
    response.set_etag(hashlib.sha256(response.get_data()).hexdigest()[:32])
    return response.make_conditional(request)


def _iri(name: str, of: str) -> str:
    """Return a parameter that is a web address; HttpError 400 when it is none."""
    text = request.args.get(name, "").strip()
    try:
        if text.startswith(("http://", "https://")):
            return NamedNode(text).value
    except ValueError:
        pass
    raise HttpError(400, f"{name}: {text[:80]!r} is no web address: give the IRI of {of}")
