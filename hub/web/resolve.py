"""``/resolve``: any identifier in, its page or what is known of it out; one by one or up to 1,000 together."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any, Final
from urllib.parse import quote

from flask import Blueprint, Response, current_app, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from hub import formats
from hub.config import Settings
from hub.errors import NotFoundError
from hub.formats import Format
from hub.resolve import Meaning, Resolution, Resolver
from hub.routes import Precedence
from hub.web import entities, offers
from hub.web.links import catalogue
from hub.web.problems import HttpError
from ontology import geneids

resolver = Blueprint("resolver", __name__)
MAX_IDS: Final = 1000
PROBLEM: Final = "application/problem+json"


def _order() -> Precedence:
    return Precedence.of(current_app.config["HUB_SETTINGS"])


@resolver.get("/resolve")
def resolve() -> BaseResponse:
    """Lead to the page of what an identifier names, or say as JSON what it is; 300 where it names several things."""
    offer = offers.choose(request, formats.HTML, formats.JSON)
    asked = request.args.get("id", "").strip()
    if not asked:
        raise HttpError(400, "id: write an identifier, such as ?id=EMPIAR-10310 or ?id=10.7554/eLife.26066")
    with catalogue() as links:
        found = Resolver(links, _order()).resolve(asked)
    if not found.meanings:
        return _unknown(found, offer)
    if len(found.meanings) > 1:
        return _several(found, offer)
    if offer is formats.HTML:
        return redirect(page(found.meanings[0]), 303)
    return _json({"asked": found.asked, **told(found.meanings[0])})


@resolver.post("/resolve")
def resolve_many() -> BaseResponse:
    """Say what each identifier of a JSON list names, in its order."""
    asked = request.get_json(silent=True)
    if not isinstance(asked, list) or not all(isinstance(one, str) for one in asked):
        raise HttpError(400, 'send a JSON list of identifiers, such as ["EMPIAR-10310", "pubmed:29103970"]')
    if len(asked) > MAX_IDS:
        raise HttpError(413, f"these are {len(asked)} identifiers: send at most {MAX_IDS} at once")
    with catalogue() as links:
        ask = Resolver(links, _order())
        known = {one: ask.resolve(one) for one in dict.fromkeys(asked)}
    return _json([_whole(known[one]) for one in asked])


def _whole(found: Resolution) -> dict[str, Any]:
    status = "known" if len(found.meanings) == 1 else "ambiguous" if found.meanings else "unknown"
    return {
        "asked": found.asked,
        "status": status,
        "meanings": [told(one) for one in found.meanings or found.others],
        "near": list(found.near),
    }


def told(meaning: Meaning) -> dict[str, Any]:
    """Return a meaning as JSON."""
    named = {"kind": meaning.kind, "iri": meaning.iri, "curie": meaning.curie, "known": meaning.is_known}
    more = {name: value for name in ("title", "state") if (value := getattr(meaning, name)) is not None}
    return {
        **named,
        **more,
        "equivalents": list(meaning.equivalents),
        "datasets": meaning.datasets,
        "first": [asdict(place) for place in meaning.first],
        "page": page(meaning) if meaning.is_known else None,
    }


def page(meaning: Meaning) -> str:
    """Return the path of the page of what an identifier names: its own where it has one, else that of its links."""
    settings: Settings = current_app.config["HUB_SETTINGS"]
    base = settings.base_iri
    if meaning.iri.startswith(base):
        return f"{request.script_root}/{meaning.iri.removeprefix(base)}"
    own = _own_page(meaning)
    return own or url_for("links_feed.feed", object=meaning.iri, format="html")


def _own_page(meaning: Meaning) -> str | None:
    if meaning.kind in ("gene", "protein"):
        try:
            return url_for("genes.gene", name=geneids.compact(meaning.iri)) if meaning.kind == "gene" else None
        except ValueError:
            return None
    if meaning.kind in ("taxon", "term"):
        return entities.entity_page(meaning.iri) or None
    name = {"paper": meaning.curie, "person": meaning.iri, "organisation": meaning.iri}.get(meaning.kind)
    if name is None or not _has_page(meaning.kind):
        return None
    short = name.partition(":")[2] if meaning.kind == "paper" else name.rpartition("/")[2]
    return f"{request.script_root}/{meaning.kind}/{quote(short, safe='/:;().-_~')}"


def _has_page(kind: str) -> bool:
    return any(rule.rule.startswith(f"/{kind}/<") for rule in current_app.url_map.iter_rules())


def _unknown(found: Resolution, offer: Format) -> BaseResponse:
    meant = f"; did you mean {', '.join(found.near)}?" if found.near else ""
    said = f"{found.asked}: the hub knows nothing of that name{meant}"
    if offer is formats.HTML:
        raise NotFoundError(said)
    problem = {"type": "about:blank", "title": "Not Found", "status": 404, "detail": said}
    body = {**problem, "meanings": [told(one) for one in found.others], "near": list(found.near)}
    return Response(json.dumps(body, ensure_ascii=False, indent=1), 404, content_type=PROBLEM)


def _several(found: Resolution, offer: Format) -> BaseResponse:
    choices = [{**told(one), "page": page(one)} for one in found.meanings]
    if offer is formats.HTML:
        text = render_template("resolve.html", asked=found.asked, choices=choices)
        return Response(text, 300, content_type=offer.content_type)
    return _json({"asked": found.asked, "choices": choices}, 300)


def _json(said: Any, status: int = 200) -> BaseResponse:
    body = json.dumps(said, ensure_ascii=False, indent=1)
    response = Response(body, status, content_type=formats.JSON.content_type)
    response.headers["Cache-Control"] = "no-cache"
    response.add_etag()
    return response.make_conditional(request) if status == 200 and request.method == "GET" else response
