"""Is the hub well, and how did the last harvests go."""

from __future__ import annotations

import json

from flask import Blueprint, Response, current_app, render_template, request

from hub import formats, snapshots
from hub.config import Settings
from hub.overview import overview
from hub.web import offers

status = Blueprint("status", __name__)


@status.get("/healthz")
def healthz() -> Response:
    """200 while there is a snapshot to serve, else 503."""
    settings: Settings = current_app.config["HUB_SETTINGS"]
    snapshot = snapshots.current_or_none(settings.snapshots_dir)
    body = {"status": "ok", "sequence": snapshot.sequence} if snapshot else {"status": "nothing published yet"}
    return _json(body, 200 if snapshot else 503)


@status.get("/status")
def show() -> Response:
    """The snapshot that is served, and every source with its last run."""
    settings: Settings = current_app.config["HUB_SETTINGS"]
    known = overview(settings)
    if offers.choose(request, formats.HTML, formats.JSON) is formats.JSON:
        return _json(known, 200)
    return Response(render_template("status.html", **known), content_type=formats.HTML.content_type)


def _json(body: object, code: int) -> Response:
    response = Response(json.dumps(body, ensure_ascii=False), status=code, content_type="application/json")
    response.headers["Cache-Control"] = "no-store"
    return response
