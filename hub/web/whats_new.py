"""What changed lately: datasets that are new, changed or withdrawn, as a page, JSON and Atom."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, current_app, render_template, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from hub import atom, formats, whats_new
from hub.config import Settings
from hub.errors import NotFoundError
from hub.formats import Format
from hub.log import Log
from hub.published import Now
from hub.web import offers, protocol
from hub.web.cache import Page
from hub.web.pages import page_of, respond
from hub.web.problems import HttpError
from hub.whats_new import KINDS, News
from ontology import archives

recent = Blueprint("whats_new", __name__)
OFFERS = (formats.HTML, formats.JSON, atom.FORMAT)
MAX_DAYS = 90
USUAL_DAYS = 7
PER_PAGE = 100


@dataclass(frozen=True, slots=True)
class Wanted:
    """What was asked for: days back from today, of which archive, of which kind, which page."""

    days: int
    archive: str
    kind: str
    page: int

    @property
    def since(self) -> str:
        """ISO 8601 time of the beginning of the first day, in UTC."""
        return f"{datetime.now(UTC) - timedelta(days=self.days):%Y-%m-%d}T00:00:00Z"


@recent.get("/whats-new")
@recent.get("/whats-new.<suffix>")
def show(suffix: str | None = None) -> BaseResponse:
    """Datasets that are new, changed or withdrawn in the last days, the newest first."""
    offer = offers.choose(request, *OFFERS, suffix=suffix)
    wanted = _wanted()
    settings: Settings = current_app.config["HUB_SETTINGS"]
    root = protocol.root(request.environ, settings.trusted_proxies, settings.base_iri)
    key = ("whats-new", wanted, wanted.since, root)
    return respond(offer, key, partial(_page, settings, wanted, offer, root))


def _wanted() -> Wanted:
    days, page = (request.args.get(name, str(usual)) for name, usual in (("days", USUAL_DAYS), ("page", 1)))
    if not days.isascii() or not days.isdecimal() or not 1 <= int(days[:9]) <= MAX_DAYS:
        raise HttpError(400, f"days: {days[:20]!r} is not a whole number from 1 to {MAX_DAYS}")
    if not page.isascii() or not page.isdecimal() or not int(page[:9]):
        raise HttpError(400, f"page: {page[:20]!r} is not a whole number above zero")
    kind = request.args.get("kind", "")
    if kind not in ("", *KINDS):
        raise HttpError(400, f"kind: write one of {', '.join(KINDS)}")
    return Wanted(int(days[:9]), request.args.get("archive", "")[:100], kind, int(page[:9]))


def _page(settings: Settings, wanted: Wanted, offer: Format, root: str, now: Now) -> Page:
    log = Log(settings.database)
    try:
        choice = whats_new.Choice(wanted.archive, wanted.kind, wanted.page, PER_PAGE)
        found = whats_new.news(log, settings.base_iri, wanted.since, now.sequence, choice)
    finally:
        log.close()
    last = max(1, -(-found.total // PER_PAGE))
    if wanted.page > last:
        raise NotFoundError(f"page: there is no page {wanted.page}; the last one is {last}")
    if offer is formats.JSON:
        return page_of(json.dumps(_told(found, wanted, last), ensure_ascii=False, indent=1))
    if offer is atom.FORMAT:
        return page_of(_feed(found, wanted, root))
    shown = {
        "now": now,
        "news": found,
        "wanted": wanted,
        "last": last,
        "kinds": KINDS,
        "titles": {name: archive.title for name, archive in archives.ARCHIVES.items()},
        "address": partial(_address, wanted),
    }
    return page_of(render_template("whats_new.html", **shown))


def _told(found: News, wanted: Wanted, last: int) -> dict[str, Any]:
    following = _address(wanted, ".json", page=wanted.page + 1) if wanted.page < last else None
    changes = [asdict(change) for change in found.changes]
    told = {"since": wanted.since, "days": wanted.days, "total": found.total, "page": wanted.page, "next": following}
    return {**told, "counts": found.counts, "changes": changes}


def _feed(found: News, wanted: Wanted, root: str) -> bytes:
    paths = (_address(wanted, suffix, page=1).removeprefix(request.script_root) for suffix in (".atom", ""))
    here, page = (root + path for path in paths)
    entries = [
        atom.Entry(
            f"{change.dataset}#change-{change.sequence}",
            change.title,
            change.at,
            f"{root}/dataset/{change.archive}/{change.accession}",
            f"{change.archive} {change.accession}: {change.kind}",
            (change.kind, change.archive),
        )
        for change in found.changes
    ]
    return atom.feed("Bioimage Hub: what changed", here, page, entries)


def _address(wanted: Wanted, suffix: str = "", **more: Any) -> str:
    """Return the address of the same changes in another form, or of another choice of them."""
    usual = {"days": USUAL_DAYS, "page": 1, "archive": "", "kind": ""}
    asked = {name: value for name, value in {**asdict(wanted), **more}.items() if value != usual[name]}
    return url_for("whats_new.show") + suffix + (f"?{urlencode(asked)}" if asked else "")
