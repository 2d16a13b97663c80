"""``/dumps/``: everything that is published, as files; ``/manifest``: what there is, signed.

Files are sent as they lie on disk, so who is cut off can go on where he was (Range), and tell that what he has is what
was written (Repr-Digest).

Source: https://www.rfc-editor.org/rfc/rfc9110#name-range-requests · https://www.rfc-editor.org/rfc/rfc9530
"""

from __future__ import annotations

import base64
import json
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from flask import Blueprint, Response, current_app, redirect, render_template, request, send_file, url_for
from werkzeug.wrappers import Response as BaseResponse

from hub import formats
from hub.config import Settings
from hub.dumps import layout, manifest
from hub.dumps.layout import MANIFEST, Dump
from hub.dumps.writing import sha256_of
from hub.errors import BUNDLE, NotFoundError
from hub.log import Log
from hub.published import Now
from hub.web import offers
from hub.web.cache import Page
from hub.web.pages import page_of, respond
from hub.web.protocol import root

dumps = Blueprint("dumps", __name__)
CURRENT: Final = "current"
# What is erased has to go everywhere soon, so nobody may keep a file for ever.
KEPT_S: Final = 3600


def _settings() -> Settings:
    settings: Settings = current_app.config["HUB_SETTINGS"]
    return settings


def _offered() -> list[Dump]:
    """Return the dumps that may be had, the newest first; a hub in one file has none."""
    settings = _settings()
    if (settings.data_dir / BUNDLE).exists():
        return []
    with closing(Log(settings.database)) as log:
        return layout.offered(settings, log)[::-1]


def _dump(name: str) -> Dump:
    found = _offered()
    wanted = next((dump for dump in found if name in (dump.name, CURRENT)), None)
    if wanted is None:
        known = ", ".join(dump.name for dump in found) or "none"
        raise NotFoundError(f"there is no dump {name[:40]}; there are {known}")
    return wanted


@dumps.get("/dumps/")
def index() -> BaseResponse:
    """What dumps there are, the newest first."""
    offer = offers.choose(request, formats.HTML, formats.JSON)
    found = _offered()
    if offer is formats.JSON:
        body = json.dumps({"dumps": [_listed(dump) for dump in found]}, ensure_ascii=False)
    else:
        body = render_template("dumps.html", dumps=found)
    return _told(body, offer)


@dumps.get("/dumps/<name>/")
def one(name: str) -> BaseResponse:
    """The files of one dump."""
    offer = offers.choose(request, formats.HTML, formats.JSON)
    dump = _dump(name)
    if offer is formats.JSON:
        return _told(json.dumps(_listed(dump), ensure_ascii=False), offer)
    return _told(render_template("dumps.html", dumps=[dump], name=dump.name), offer)


def _told(body: str, offer: formats.Format) -> BaseResponse:
    response = Response(body, content_type=offer.content_type)
    response.headers["Cache-Control"] = "no-cache"
    response.vary.add("Accept")
    response.add_etag()
    return response.make_conditional(request)


def _listed(dump: Dump) -> dict[str, Any]:
    kept = {name: dump.manifest[name] for name in ("sequence", "link_sequence", "published", "records")}
    settings = _settings()
    address = f"{root(request.environ, settings.trusted_proxies, settings.base_iri)}/dumps/{dump.name}/"
    files = [{**layout.told(file), "url": f"{address}{file.name}"} for file in dump.files]
    return {"name": dump.name, **kept, "url": address, "manifest": f"{address}{MANIFEST}", "files": files}


@dumps.get("/dumps/<name>/<file>")
def file(name: str, file: str) -> BaseResponse:
    """One file of a dump; of ``current``, the address of the newest dump's."""
    if name == CURRENT:
        return redirect(url_for("dumps.file", name=_dump(name).name, file=file), 302)
    if file == MANIFEST and (path := _kept(name)) is not None:
        return _sent(path, sha256_of(path), formats.JSON.media_type)
    dump = _dump(name)
    found = next((one for one in dump.files if one.name == file), None)
    if found is None:
        raise NotFoundError(f"dump {name} has no file {file[:80]}; its {MANIFEST} lists those that it has")
    return _sent(dump.path / found.name, found.sha256, found.media_type)


def _kept(name: str) -> Path | None:
    """Return the manifest of a dump, also of one that had to make room."""
    if not layout.DUMP_NAME.fullmatch(name):
        return None
    path = manifest.kept(layout.folder(_settings()), name)
    return path if path.is_file() else None


def _sent(path: Path, sha256: str, media_type: str) -> BaseResponse:
    response = send_file(path, mimetype=media_type, conditional=True, etag=sha256, max_age=KEPT_S)
    digest = base64.b64encode(bytes.fromhex(sha256)).decode()
    response.headers["Repr-Digest"] = f"sha-256=:{digest}:"
    response.headers["Content-Disposition"] = f"attachment; filename={path.name}"
    return response


@dumps.get("/manifest")
def state() -> BaseResponse:
    """What is served now: sequence, records of each owner by state, and the hash of their set; signed."""
    return respond(formats.JSON, ("manifest",), _state)


def _state(now: Now) -> Page:
    settings = _settings()
    if (bundled := settings.data_dir / BUNDLE).exists():
        return page_of(bundled.read_text(encoding="utf-8"))
    with closing(Log(settings.database)) as log:
        counted = manifest.tally(log, now.sequence)
        told = manifest.signed(manifest.STATE, log, settings, now.snapshot, counted)
    return page_of(manifest.text(told))
