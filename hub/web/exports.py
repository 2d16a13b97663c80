"""``/exports/…``: the whole of the links in the formats that other services load.

An export is written to a temporary file once for a state of the catalogue and sent from there, so that it has a length
and a slow reader costs nothing.
"""

from __future__ import annotations

import json
import os
import tempfile
import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable, Iterator

from flask import Blueprint, Response, current_app, render_template, request
from werkzeug.wrappers import Response as BaseResponse

from hub import formats
from hub.config import Settings
from hub.errors import NotFoundError
from hub.links.catalogue import Links
from hub.links.exports import EXPORTS, Export
from hub.links.exports_papers import Provider
from hub.log import Log
from hub.web import offers
from hub.web.problems import HttpError

exports = Blueprint("exports", __name__)
PIECE_BYTES = 256 * 1024
MAX_KEPT = 12
MAX_ID = 12


@exports.get("/exports/")
def index() -> BaseResponse:
    """What exports there are."""
    offer = offers.choose(request, formats.HTML, formats.JSON)
    if offer is formats.JSON:
        told = [{"name": e.name, "title": e.title, "url": request.base_url + e.file} for e in EXPORTS.values()]
        return Response(json.dumps(told, ensure_ascii=False, indent=1), content_type=offer.content_type)
    return Response(render_template("exports.html", exports=EXPORTS.values()), content_type=offer.content_type)


@exports.get("/exports/<file>")
def export(file: str) -> BaseResponse:
    """One export, whole, as of now; ``provider`` is the number that Europe PMC or NCBI gave the hub."""
    found = next((e for e in EXPORTS.values() if e.file == file), None)
    if found is None:
        raise NotFoundError(f"there is no export {file}; there are {', '.join(e.file for e in EXPORTS.values())}")
    number = request.args.get("provider", "0")
    if not (number.isascii() and number.isdecimal() and len(number) <= MAX_ID):
        raise HttpError(400, f"provider: {number[:20]!r} is not the number that the service gave you")
    settings: Settings = current_app.config["HUB_SETTINGS"]
    made: Made = current_app.config.setdefault("HUB_EXPORTS", Made())
    version = _version(settings)
    response = Response(content_type=found.media_type)
    response.set_etag(f"{found.name}-{version}-{number}")
    response.headers["Cache-Control"] = "no-cache"
    if request.if_none_match.contains_weak(f"{found.name}-{version}-{number}"):
        return response.make_conditional(request)
    file_ = made.get((found.name, number), version, lambda: _written(settings, found, number))
    response.content_length = file_.size
    response.response = file_.pieces()
    return response


def _version(settings: Settings) -> str:
    log = Log(settings.database)
    try:
        return f"{log.last_sequence()}-{Links(log).last_sequence()}"
    finally:
        log.close()


def _written(settings: Settings, found: Export, number: str) -> Iterator[str]:
    log = Log(settings.database)
    try:
        provider = Provider(id=number, url=settings.base_iri)
        yield from found.make(log, Links(log), settings, provider)
    finally:
        log.close()


class Kept:
    """A text in a temporary file, which goes when nobody reads it any more."""

    def __init__(self, text: Iterator[str]) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 (lives as long as this)
        self.size = sum(self._file.write(part.encode()) for part in text)
        self._file.flush()
        weakref.finalize(self, self._file.close)

    def pieces(self) -> Iterator[bytes]:
        """Yield the text in pieces; several may read at the same time."""
        for start in range(0, self.size, PIECE_BYTES):
            yield os.pread(self._file.fileno(), PIECE_BYTES, start)


class Made:
    """The exports that were made last, each of one state of the catalogue; safe for threads."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, str], tuple[str, Kept]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: tuple[str, str], version: str, write: Callable[[], Iterator[str]]) -> Kept:
        """Return an export of a state of the catalogue, written now if it is not there."""
        with self._lock:
            known = self._kept.get(key)
            if known is None or known[0] != version:
                known = self._kept[key] = version, Kept(write())
            self._kept.move_to_end(key)
            while len(self._kept) > MAX_KEPT:
                self._kept.popitem(last=False)
            return known[1]
