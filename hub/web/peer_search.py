"""``/search?peers=1``: the hub's own results, and with them what its peers find in time."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from flask import Response, current_app, render_template

from hub import formats, peer_search
from hub.config import Settings
from hub.formats import Format
from hub.peer_search import Merged, PeerSearch, Told
from hub.published import Now
from hub.search.contract import MAX_REACH, Hit
from hub.search.searcher import Searcher
from hub.search_exports import member
from hub.web import asof
from hub.web.problems import HttpError
from hub.web.search_page import here
from hub.web.search_told import Answer, as_json

OFFERED: Final = (formats.HTML, formats.JSON)
PARAMETERS: Final = ("peers", "hops")
MAX_AGE_S: Final = 60
NO_HOPS: Final = ("", "0")
_making = threading.Lock()


def is_wanted(args: Mapping[str, str], offer: Format) -> bool:
    """Tell whether peers are to be asked: they are wanted, there are some, and no other hub is the one that asks.

    Raises:
        HttpError: they are wanted in a form that only has this hub's own results.
    """
    wanted = args.get("peers", "0")
    if wanted not in ("", "0", "1"):
        raise HttpError(400, f"peers: {wanted[:20]!r} is neither 0 nor 1")
    if wanted != "1" or args.get("hops", "") not in NO_HOPS:
        return False
    if offer not in OFFERED:
        raise HttpError(400, "peers: only the page and JSON have results of other hubs: leave out peers, or format")
    if asof.pinned():
        raise HttpError(400, "peers: other hubs answer of now only: leave out peers, or asOf")
    return True


def page(answer: Answer, searcher: Searcher, offer: Format, now: Now, known: dict[str, Any]) -> Response:
    """Return the whole answer: the hub's own, and what the peers say until the time is over.

    Args:
        answer: the hub's own.
        searcher: finds what the hub has on other pages.
        offer: HTML or JSON.
        now: what is served.
        known: variables of the page.
    """
    told = _peers().start(answer.found.asked).answers()
    found = _merged(answer, told, searcher)
    if offer is formats.JSON:
        body = _json(answer, told, found, searcher)
    else:
        extra = {**known, "page_address": lambda number: here(answer.found.asked, page=number, peers=1)}
        extra |= {"found_at": {one.hit.member.iri: one.found_at for one in found}, "searcher": searcher}
        body = render_template("search.html", now=now, **extra, told=told, merged=found, last=_last(answer, told))
    response = Response(body, content_type=offer.content_type)
    response.vary.add("Accept")
    response.cache_control.public = True
    response.cache_control.max_age = MAX_AGE_S if all(one.state == "ok" for one in told) else 0
    response.headers["X-Hub-Sequence"] = str(now.sequence)
    response.headers["X-Robots-Tag"] = "noindex"
    return response


def _peers() -> PeerSearch:
    with _making:
        if "HUB_PEER_SEARCH" not in current_app.config:
            current_app.config["HUB_PEER_SEARCH"] = PeerSearch(_settings())
        known: PeerSearch = current_app.config["HUB_PEER_SEARCH"]
        return known


def _settings() -> Settings:
    settings: Settings = current_app.config["HUB_SETTINGS"]
    return settings


def _merged(answer: Answer, told: list[Told], searcher: Searcher) -> list[Merged]:
    hidden = peer_search.withheld(_settings(), told)
    shown = [replace(one, hits=tuple(hit for hit in one.hits if _is_shown(hit, hidden))) for one in told]
    around: set[str] = set()
    if any(hit for one in shown for hit in one.hits) and answer.last > 1:
        hits = searcher.find(peer_search.beyond(answer.found.asked)).hits
        around = {one.iri for hit in hits for one in (hit.member, *hit.also_in)}
    return peer_search.merged(answer.found.hits, shown, answer.base, around)


def _is_shown(hit: Hit, hidden: set[str]) -> bool:
    return hit.member.iri not in hidden and all(one.iri not in hidden for one in hit.also_in)


def _json(answer: Answer, told: list[Told], found: list[Merged], searcher: Searcher) -> str:
    whole = json.loads(as_json(answer))
    for said, one in zip(whole["hits"], found, strict=False):
        said["found_at"] = one.found_at
    whole["hits"] += [_hit(one, answer, searcher) for one in found if not one.is_own]
    whole["links"] = _links(answer, _last(answer, told))
    whole["peers"] = [_peer(one) for one in told]
    return json.dumps(whole, ensure_ascii=False, indent=1)


def _last(answer: Answer, told: list[Told]) -> int:
    """Return the number of the last page on which any hub has something."""
    per_page = answer.found.asked.per_page
    most = max((one.total or 0 for one in told), default=0)
    return max(answer.last, min(-(-most // per_page), MAX_REACH // per_page))


def _links(answer: Answer, last: int) -> dict[str, str]:
    here = answer.found.asked.page
    pages = {"first": 1, "prev": here - 1, "next": here + 1, "last": last}
    around = {
        relation: answer.address(page=number, format="json", peers=1)
        for relation, number in pages.items()
        if 1 <= number <= last
    }
    return {"self": answer.address(format="json", peers=1), "html": answer.address(peers=1), **around}


def _peer(one: Told) -> dict[str, Any]:
    counts = {"total": one.total, "hits": len(one.hits), "seconds": one.seconds}
    return {"name": one.peer, "url": one.url, "state": one.state, **counts, "error": one.error or None}


def _hit(one: Merged, answer: Answer, searcher: Searcher) -> dict[str, Any]:
    hit = one.hit
    at_peer = next(iter(one.found_at.values())).removesuffix(hit.member.iri.removeprefix(answer.base))

    def page(iri: str) -> str:
        return answer.page(iri) if searcher.document(iri) else at_peer + iri.removeprefix(answer.base)

    return {
        "study": hit.study,
        "score": 0.0,
        "dataset": member(hit.member, page),
        "also_in": [member(other, page) for other in hit.also_in],
        "title": [{"text": piece.text, "match": False} for piece in hit.title],
        "excerpt": [{"text": piece.text, "match": False} for piece in hit.excerpt],
        "matched": [],
        "found_at": one.found_at,
    }
