"""``/data/``: the files of datasets, from the best copy that is in good order, wherever it is.

What this hub holds itself it sends, each piece checked before it goes; to other hosts it leads, and tells the checksum
and all further copies (Metalink over HTTP). Readers are led to registered copies only.

Source: https://www.rfc-editor.org/rfc/rfc6249 · https://www.rfc-editor.org/rfc/rfc9110#name-range-requests
"""

from __future__ import annotations

import json
import logging
import mimetypes
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, Final
from urllib.parse import quote

from flask import Blueprint, Response, current_app, redirect, render_template, request
from werkzeug.wrappers import Response as BaseResponse

from hub import formats
from hub.config import Settings
from hub.copies import holdings, metalink
from hub.copies.blobs import BlobError, BlobStore
from hub.copies.catalogue import CORRUPT, SERVED, Copies, Copy, File
from hub.copies.choice import Load, priority, ranked
from hub.copies.hosts import Host
from hub.copies.metalink import SUFFIX, Place
from hub.copies.registry import all_hosts, stores
from hub.errors import GoneError, NotFoundError
from hub.log import Log
from hub.web import offers
from hub.web.problems import HttpError
from hub.web.protocol import root
from ontology import archives, iris

logger = logging.getLogger(__name__)
data = Blueprint("data", __name__)
CACHE_S: Final = 60
RETRY_S: Final = 600
MAX_RANGES: Final = 32
# An answer up to this length is checked as a whole before its first byte is sent.
SHORT_BYTES: Final = 4 << 20
# What a file may do when a browser opens it as a page: nothing. Archives' files are anybody's.
POLICY: Final = "default-src 'none'; sandbox"
Range = tuple[int, int]


@dataclass(slots=True)
class _Known:
    """What a web process keeps: hosts and stores of the settings, and where it led readers of late."""

    hosts: dict[str, Host]
    stores: dict[str, BlobStore]
    load: Load = field(default_factory=Load)


def _settings() -> Settings:
    settings: Settings = current_app.config["HUB_SETTINGS"]
    return settings


def _known() -> _Known:
    known: _Known | None = current_app.extensions.get("hub_copies")
    if known is None:
        known = current_app.extensions["hub_copies"] = _Known(all_hosts(_settings()), stores(_settings()))
    return known


@contextmanager
def _catalogue(settings: Settings) -> Iterator[Copies]:
    log = Log(settings.database)
    try:
        yield Copies(log)
    finally:
        log.close()


# --- what is held, and lists


@data.get("/data/holdings")
def held() -> BaseResponse:
    """What this hub holds itself, as changes by number, signed; peers read it."""
    since, limit = _number("since", 0, 0), _number("limit", holdings.LIMIT, 1)
    if limit > holdings.MAX_LIMIT:
        raise HttpError(400, f"limit: {limit} is more than {holdings.MAX_LIMIT}")
    with _catalogue(_settings()) as copies:
        page = holdings.page(copies, _settings(), since, limit)
    response = Response(json.dumps(page, ensure_ascii=False), content_type=formats.JSON.content_type)
    response.headers["Cache-Control"] = "no-cache"
    response.add_etag()
    return response.make_conditional(request)


def _number(name: str, default: int, least: int) -> int:
    text = request.args.get(name, str(default))
    if not (text.isascii() and text.isdecimal() and len(text) < 16 and int(text) >= least):
        raise HttpError(400, f"{name}: {text[:20]!r} is not a whole number from {least}")
    return int(text)


@data.get("/data/<archive>/<accession>/")
def listing(archive: str, accession: str) -> BaseResponse:
    """The files of a dataset with their checksums and copies."""
    offer = offers.choose(request, formats.HTML, formats.JSON)
    dataset = _dataset(archive, accession)
    with _catalogue(_settings()) as copies:
        _check_state(copies, dataset, archive, accession)
        files, found = copies.files(dataset), copies.copies(dataset)
    told = [_as_json(file, [copy for copy in found if copy.path == file.path]) for file in files]
    if offer is formats.JSON:
        body = json.dumps({"dataset": dataset, "files": told}, ensure_ascii=False)
    else:
        body = render_template("data.html", archive=archive, accession=accession, dataset=dataset, files=told)
    response = Response(body, content_type=offer.content_type)
    response.headers["Cache-Control"] = f"public, max-age={CACHE_S}"
    response.vary.add("Accept")
    response.add_etag()
    return response.make_conditional(request)


def _as_json(file: File, copies: list[Copy]) -> dict[str, Any]:
    told = {"path": file.path, "address": _address(file), "size_bytes": file.length, "sha256": file.digest}
    told |= {"md5": file.md5, "basis": file.basis or ("archive" if file.sha256 else None), "original": file.url}
    names = ("host", "state", "url", "checked", "reason")
    return {**told, "copies": [{name: getattr(copy, name) for name in names} for copy in copies]}


# --- one file


@data.get("/data/<archive>/<accession>/<path:path>")
def show(archive: str, accession: str, path: str) -> BaseResponse:
    """A file: its bytes, or the way to the best copy; with ``.meta4`` behind it the list of all copies."""
    dataset = _dataset(archive, accession)
    with _catalogue(_settings()) as copies:
        _check_state(copies, dataset, archive, accession)
        file = copies.file(dataset, path)
        is_list = file is None and path.endswith(SUFFIX)
        if is_list:
            file = copies.file(dataset, path.removesuffix(SUFFIX))
        if file is None:
            raise NotFoundError(f"{archive}/{accession} has no file {path[:200]!r}: /data/{archive}/{accession}/ lists")
        found = copies.copies(dataset, file.path)
    best = ranked(found, _known().hosts, _known().load, _region(), file.digest)
    if is_list:
        return _metalink(file, best)
    return _serve(file, best)


def _dataset(archive: str, accession: str) -> str:
    return iris.dataset(_settings().base_iri, archive, archives.dataset_name(archive, accession))


def _check_state(copies: Copies, dataset: str, archive: str, accession: str) -> None:
    """Refuse the files of what is not there, or is there no longer, by the log's last word and not the snapshot's."""
    states = copies.states_of(dataset)
    if not states:
        raise NotFoundError(f"there is no dataset {archive}/{accession} here")
    if not states & set(SERVED):
        raise GoneError(f"{archive}/{accession} is {sorted(states)[0]}: its files are not served", {"dataset": dataset})


def _region() -> str:
    text = request.args.get("region", "")
    if text and not (len(text) == 2 and text.isascii() and text.isalpha()):
        raise HttpError(400, f"region: {text[:20]!r} is no country code of two letters, e.g. jp")
    return text.lower()


def _serve(file: File, best: list[Copy]) -> BaseResponse:
    """Send the first copy that can be sent, or lead to it."""
    only_own = request.args.get("own") == "1"
    known = _known()
    for place, copy in enumerate(best):
        store = known.stores.get(copy.host)
        if store is None and not only_own:
            known.load.note(copy.host)
            return _lead(file, best[place:])
        if store is not None and (response := _send(file, copy, store, best)) is not None:
            return response
    if only_own:
        raise NotFoundError(f"this hub holds no copy of {file.words} in good order itself: ask without own=1")
    raise HttpError(
        503, f"no copy of {file.words} is in good order at present: ask again later", [("Retry-After", str(RETRY_S))]
    )


# --- other hosts


def _lead(file: File, best: list[Copy]) -> BaseResponse:
    response = redirect(best[0].url, 307)
    _tell(response, file, best)
    return response


def _tell(response: BaseResponse, file: File, best: list[Copy]) -> None:
    response.headers["Cache-Control"] = f"public, max-age={CACHE_S}"
    response.headers["Link"] = metalink.link(_places(file, best), _root() + _address(file) + SUFFIX)
    if file.digest:
        response.headers["Digest"] = metalink.digest(file.digest)


def _places(file: File, best: list[Copy]) -> list[Place]:
    """Return where the copies are, the hub's own at the address that leads nowhere else, each address once."""
    hosts = _known().hosts
    own = f"{_root()}{_address(file)}?own=1"
    found: dict[str, Place] = {}
    for copy in best:
        host = hosts.get(copy.host)
        found.setdefault(copy.url or own, Place(copy.url or own, priority(host), host.region if host else ""))
    return list(found.values())


def _metalink(file: File, best: list[Copy]) -> BaseResponse:
    published = max((copy.checked for copy in best), default="") or "1970-01-01T00:00:00Z"
    response = Response(metalink.document(file, _places(file, best), published), content_type=metalink.CONTENT_TYPE)
    response.headers["Cache-Control"] = f"public, max-age={CACHE_S}"
    response.add_etag()
    return response.make_conditional(request)


def _root() -> str:
    settings = _settings()
    return root(request.environ, settings.trusted_proxies, settings.base_iri)


def _address(file: File) -> str:
    name = file.dataset.removeprefix(f"{_settings().base_iri}dataset/")
    return f"/data/{name}/{quote(file.path)}"


# --- the hub's own copies


def _send(file: File, copy: Copy, store: BlobStore, best: list[Copy]) -> BaseResponse | None:
    """Send the hub's own copy, or parts of it; None when it turns out to be bad before anything was sent."""
    sha256, size = copy.sha256, copy.size
    if not sha256 or size is None:
        return None
    response = Response(content_type=mimetypes.guess_type(file.path)[0] or "application/octet-stream")
    response.set_etag(sha256)
    checked = response.make_conditional(request)
    if checked.status_code != 200:
        return checked
    ranges = _ranges(sha256, size)
    body = _Body(_settings(), store, sha256, size)
    try:
        if request.method != "HEAD":
            body.begin(ranges or [(0, size)])
        elif store.size(sha256) != size:
            raise BlobError("its size is another")
    except BlobError as err:
        body.report(err)
        return None
    _describe(response, file, copy, best, whole=not ranges)
    _fill(response, body, ranges, size)
    return response


def _describe(response: BaseResponse, file: File, copy: Copy, best: list[Copy], *, whole: bool) -> None:
    assert copy.sha256 is not None
    _tell(response, file, best)
    response.headers["Accept-Ranges"] = "bytes"
    response.headers["Repr-Digest"] = metalink.repr_digest(copy.sha256)
    if whole:
        response.headers["Content-Digest"] = metalink.repr_digest(copy.sha256)
    response.headers["Content-Security-Policy"] = POLICY
    response.headers.set("Content-Disposition", "attachment", filename=_ascii(file.path))


def _ascii(path: str) -> str:
    return path.rpartition("/")[2].encode("ascii", "replace").decode().replace("?", "_")


def _ranges(sha256: str, size: int) -> list[Range]:
    """Return the parts that are asked for as (first, after last); none stands for the whole.

    Raises:
        HttpError: 416, none of them is within the file.
    """
    asked = request.range
    if asked is None or asked.units != "bytes" or len(asked.ranges) > MAX_RANGES:
        return []
    if "If-Range" in request.headers and request.headers["If-Range"].strip() != f'"{sha256}"':
        return []
    found = []
    for first, end in asked.ranges:
        start = max(size + first, 0) if first < 0 else first
        stop = size if end is None else min(end, size)
        if start < stop:
            found.append((start, stop))
    if not found:
        raise HttpError(
            416, f"the file is {size} bytes long: ask for a part of it", [("Content-Range", f"bytes */{size}")]
        )
    return found


def _fill(response: Response, body: _Body, ranges: list[Range], size: int) -> None:
    """Put the body and what HTTP says of it into a response."""
    kind = str(response.content_type)
    response.content_length = sum(stop - start for start, stop in ranges) if ranges else size
    response.status_code = 206 if ranges else 200
    heads = [b""]
    if len(ranges) == 1:
        response.headers["Content-Range"] = _content_range(ranges[0], size)
    elif ranges:
        boundary = os.urandom(16).hex()
        heads = [_head(boundary, kind, one, size) for one in ranges] + [f"\r\n--{boundary}--\r\n".encode()]
        response.content_length += sum(map(len, heads))
        response.content_type = f"multipart/byteranges; boundary={boundary}"
    if request.method != "HEAD":
        response.response = body.sent(heads)


def _content_range(one: Range, size: int) -> str:
    return f"bytes {one[0]}-{one[1] - 1}/{size}"


def _head(boundary: str, kind: str, one: Range, size: int) -> bytes:
    return f"\r\n--{boundary}\r\nContent-Type: {kind}\r\nContent-Range: {_content_range(one, size)}\r\n\r\n".encode()


class _Body:
    """The bytes of a blob on their way to a reader."""

    def __init__(self, settings: Settings, store: BlobStore, sha256: str, size: int) -> None:
        self._settings = settings
        self._store = store
        self._sha256 = sha256
        self._size = size
        self._parts: list[Iterator[bytes]] = []

    def begin(self, ranges: list[Range]) -> None:
        """Read and check what is short as a whole, and of what is long the first piece of every part.

        Raises:
            BlobError: the blob is bad.
        """
        is_short = sum(stop - start for start, stop in ranges) <= SHORT_BYTES
        for start, stop in ranges:
            pieces = self._store.read(self._sha256, self._size, start, stop)
            first = list(pieces) if is_short else [next(pieces, b"")]
            self._parts.append(chain(first, pieces))

    def sent(self, heads: list[bytes]) -> Iterator[bytes]:
        """Yield each part after its head; what is found to be bad breaks the answer off before its length is there."""
        try:
            for head, pieces in zip(heads, self._parts, strict=False):
                if head:
                    yield head
                yield from pieces
        except BlobError as err:
            self.report(err)
            raise
        yield from heads[len(self._parts) :]

    def report(self, err: BlobError) -> None:
        """Write down that the blob is bad, so that the next readers are led elsewhere until it is mended."""
        logger.error("a held file is bad, readers are led to other copies: %s", err)
        with _catalogue(self._settings) as copies:
            copies.mark(self._store.host.name, self._sha256, CORRUPT, "found while it was sent")
