"""Example images of datasets: always an image, always the hub's own bytes, never a request to an archive."""

from __future__ import annotations

import hashlib
import json

from flask import Blueprint, Response, current_app, request
from pyoxigraph import NamedNode
from werkzeug.wrappers import Response as BaseResponse

from hub import queries, thumbnails
from hub.config import Settings
from hub.published import Now
from hub.web.pages import page_of
from hub.web.problems import HttpError
from ontology import archives, iris

images = Blueprint("thumbnails", __name__)
# A copy changes at most once a month; a placeholder gives way to the first copy.
COPY_S = 24 * 3600
PLACEHOLDER_S = 3600
MAX_N = 999
# What an image may do when it is opened as a page of its own: nothing.
POLICY = "default-src 'none'; sandbox"


@images.get("/thumbnail/<archive>/<accession>")
def show(archive: str, accession: str) -> BaseResponse:
    """A dataset's image as WebP, or a drawn placeholder as SVG; with status 404 where there is no such dataset."""
    settings: Settings = current_app.config["HUB_SETTINGS"]
    number = request.args.get("n", "0")
    if not number.isdecimal() or int(number[:9]) > MAX_N:
        raise HttpError(400, f"n: {number[:20]!r} is not a whole number from 0 to {MAX_N}")
    name = archives.dataset_name(archive, accession)
    known = _addresses(iris.dataset(settings.base_iri, archive, name))
    place = int(number)
    address = known[place] if known is not None and place < len(known) else None
    copy = thumbnails.copy_of(thumbnails.folder(settings), address) if address else None
    if copy is not None:
        return _answer(copy.body, thumbnails.CONTENT_TYPE, copy.sha256, COPY_S)
    drawn = thumbnails.placeholder(archive, name)
    etag = hashlib.sha256(drawn).hexdigest()
    return _answer(drawn, thumbnails.PLACEHOLDER_TYPE, etag, PLACEHOLDER_S, 404 if known is None else 200)


def _addresses(iri: str) -> list[str] | None:
    """Return the addresses of a dataset's images in their order; None when there is no such dataset."""
    now: Now = current_app.config["HUB_PUBLICATION"]()
    key = ("thumbnails", iri)
    page = current_app.config["HUB_PAGES"].get(now.version, key, lambda: page_of(json.dumps(_asked(iri, now))))
    found: list[str] | None = json.loads(page.body)
    return found


def _asked(iri: str, now: Now) -> list[str] | None:
    rows = list(queries.select(now.pages, "describe/thumbnails", iri=NamedNode(iri)))
    found = [row["address"].value for row in rows if "address" in row]
    return list(dict.fromkeys(found)) if rows else None


def _answer(body: bytes, content_type: str, etag: str, max_age_s: int, status: int = 200) -> BaseResponse:
    response = Response(body, status=status, content_type=content_type)
    response.set_etag(etag[:32])
    response.cache_control.public = True
    response.cache_control.max_age = max_age_s
    response.headers["Content-Security-Policy"] = POLICY
    return response.make_conditional(request) if status == 200 else response
