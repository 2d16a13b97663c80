"""Is the hub well, how fresh is what it says, and how did the harvests go."""

from __future__ import annotations

import json
from typing import Any

from flask import Blueprint, Response, current_app, render_template, request, url_for

from hub import atom, formats, snapshots
from hub.config import Settings
from hub.errors import NotFoundError
from hub.overview import COUNTS, overview, source_status
from hub.web import offers, protocol

status = Blueprint("status", __name__)
PER_PAGE = 50
ONE = (formats.HTML, formats.JSON, atom.FORMAT)


def _settings() -> Settings:
    settings: Settings = current_app.config["HUB_SETTINGS"]
    return settings


@status.get("/healthz")
def healthz() -> Response:
    """200 while there is a snapshot to serve, else 503."""
    snapshot = snapshots.current_or_none(_settings().snapshots_dir)
    body = {"status": "ok", "sequence": snapshot.sequence} if snapshot else {"status": "nothing published yet"}
    return _fresh(json.dumps(body), formats.JSON, 200 if snapshot else 503)


@status.get("/status")
def show() -> Response:
    """The snapshot that is served, and every source with its freshness and last run."""
    offer = offers.choose(request, formats.HTML, formats.JSON)
    known = overview(_settings())
    if offer is formats.JSON:
        return _fresh(json.dumps(known, ensure_ascii=False), offer)
    return _fresh(render_template("status.html", **known, counts=COUNTS), offer)


@status.get("/status/<source>")
@status.get("/status/<source>.<suffix>")
def one(source: str, suffix: str | None = None) -> Response:
    """One source: how fresh it is, its runs with their reports, and what it could not publish."""
    offer = offers.choose(request, *ONE, suffix=suffix)
    number = request.args.get("page", 1, type=int)
    known = source_status(_settings(), source, max(1, number), PER_PAGE)
    last = max(1, -(-max(known["run_count"], known["rejected_count"]) // PER_PAGE))
    if not 1 <= number <= last:
        raise NotFoundError(f"page: there is no page {number}; the last one is {last}")
    here = url_for("status.one", source=source)
    if offer is formats.JSON:
        following = f"{here}.json?page={number + 1}" if number < last else None
        return _fresh(json.dumps({**known, "next": following}, ensure_ascii=False), offer)
    if offer is atom.FORMAT:
        return _fresh(_feed(source, known["runs"]), offer)
    return _fresh(render_template("status_source.html", **known, last=last, counts=COUNTS, here=here), offer)


def _feed(source: str, past: list[dict[str, Any]]) -> bytes:
    settings = _settings()
    root = protocol.root(request.environ, settings.trusted_proxies, settings.base_iri)
    page = f"{root}/status/{source}"
    entries = [
        atom.Entry(
            f"{settings.base_iri}run/{run['number']}",
            f"{source}: {run['state']}",
            run["ended"] or run["started"],
            page,
            ", ".join(f"{run[name]} {name}" for name in COUNTS) + (f". {run['error']}" if run["error"] else ""),
            (run["state"],),
        )
        for run in past
    ]
    return atom.feed(f"Harvests of {source}", f"{page}.atom", page, entries)


def _fresh(body: str | bytes, offer: formats.Format, code: int = 200) -> Response:
    response = Response(body, status=code, content_type=offer.content_type)
    response.headers["Cache-Control"] = "no-store"
    return response
