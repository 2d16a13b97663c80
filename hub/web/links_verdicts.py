"""One link with its evidence and history, and curators' words on links.

A page tells what the catalogue has, which may be newer than the published snapshot. A verdict is written to the
catalogue only: the process that harvests applies it with its next run, since readers never write to the store.

Source: https://www.rfc-editor.org/rfc/rfc6750
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

from flask import Blueprint, Response, current_app, render_template, request
from werkzeug.wrappers import Response as BaseResponse

from hub import formats, records
from hub.config import Curator, Settings
from hub.errors import NotFoundError, VerdictError
from hub.formats import Format
from hub.links import verdicts, view
from hub.links.catalogue import LinkRow, Links, Verdict
from hub.log import Log
from hub.web import offers
from hub.web.problems import HttpError
from ontology import iris

links_verdicts = Blueprint("links_verdicts", __name__)
OFFERED = (formats.HTML, formats.JSONLD, formats.TURTLE, formats.JSON)


def _settings() -> Settings:
    settings: Settings = current_app.config["HUB_SETTINGS"]
    return settings


@contextmanager
def _catalogue() -> Iterator[Links]:
    log = Log(_settings().database)
    try:
        yield Links(log)
    finally:
        log.close()


# --- one link


@links_verdicts.get("/link/<name>")
def link(name: str) -> BaseResponse:
    """What a link says, by which rule, on what evidence, and what became of it; 410 when it is gone."""
    id, suffix = offers.split_suffix(name)
    offer = offers.choose(request, *OFFERED, suffix=suffix)
    with _catalogue() as links:
        row = links.link(id)
        if row is None or row.kind != "link":
            raise NotFoundError(f"there is no link {id} in this hub")
        body = _write(row, links, offer)
    response = Response(body, status=410 if row.status == "gone" else 200, content_type=offer.content_type)
    response.headers["Cache-Control"] = "no-cache"
    response.vary.add("Accept")
    response.add_etag()
    return response.make_conditional(request)


def _write(row: LinkRow, links: Links, offer: Format) -> str | bytes:
    thing = view.thing(row, _settings().base_iri)
    if offer is formats.JSONLD:
        return json.dumps(records.to_jsonld(thing), ensure_ascii=False, indent=1)
    if offer is formats.TURTLE:
        return offers.serialize(records.to_quads(thing), offer)
    told = _told(row, links)
    if offer is formats.JSON:
        return json.dumps(told, ensure_ascii=False, indent=1)
    return render_template("link.html", link=told)


def _told(row: LinkRow, links: Links) -> dict[str, Any]:
    """Return all that the catalogue has of a link."""
    rule = next((r for r in links.rules() if r["name"] == row.rule), {"title": "by curators", "justification": None})
    return {
        **asdict(row),
        "iri": iris.link(_settings().base_iri, row.id),
        "rule_title": rule["title"],
        "justification": rule["justification"],
        "evidence": json.loads(row.evidence),
        "records": json.loads(row.records),
        "history": [_without_evidence(asdict(change)) for change in links.history(row.id)],
        "verdicts": [asdict(verdict) for verdict in links.verdicts_on(row.statement)],
    }


def _without_evidence(change: dict[str, Any]) -> dict[str, Any]:
    return {name: change[name] for name in ("sequence", "at", "action", "status", "confidence")}


# --- verdicts


@links_verdicts.post("/links/<id>/verdict")
def judge(id: str) -> BaseResponse:
    """Accept or reject a link, or take one's own word back."""
    curator = _curator()
    said = _body(("verdict",), ("note",))
    with _catalogue() as links:
        verdict = verdicts.judge(links, id, said["verdict"], curator.orcid, said.get("note"), own_only=True)
    return _noted(verdict, id)


@links_verdicts.post("/links")
def add() -> BaseResponse:
    """Say that a link holds that no rule found."""
    curator = _curator()
    said = _body(("subject", "predicate", "object"), ("note",))
    statement = (said["subject"], said["predicate"], said["object"])
    with _catalogue() as links:
        verdict = verdicts.add(links, statement, curator.orcid, said.get("note"))
    return _noted(verdict, verdicts.curated_id(verdict))


def _noted(verdict: Verdict, id: str) -> Response:
    iri = iris.link(_settings().base_iri, id)
    told = {"id": id, "link": iri, **asdict(verdict), "follows": f"The verdict is kept; {verdicts.FOLLOWS}."}
    response = Response(json.dumps(told, ensure_ascii=False), status=202, content_type="application/json")
    response.headers["Cache-Control"] = "no-store"
    return response


def _curator() -> Curator:
    """Return who asks, by the token of the request; 401 without one that is known."""
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    if kind.lower() != "bearer" or not token.strip():
        challenge = [("WWW-Authenticate", 'Bearer realm="curators"')]
        raise HttpError(401, "send your token as `Authorization: Bearer <token>`", challenge)
    digest = hashlib.sha256(token.strip().encode("utf-8", "replace")).hexdigest()
    found = [c for c in _settings().curators.values() if hmac.compare_digest(c.token_sha256, digest)]
    if not found:
        challenge = [("WWW-Authenticate", 'Bearer realm="curators", error="invalid_token"')]
        raise HttpError(401, "the token is of no curator of this hub: ask its operator for one", challenge)
    return found[0]


def _body(required: tuple[str, ...], optional: tuple[str, ...]) -> dict[str, str]:
    """Return the JSON object of a request, whose values are texts."""
    said = request.get_json(force=True, silent=True)
    names = ", ".join((*required, *optional))
    if not isinstance(said, dict):
        raise VerdictError(f"body: send a JSON object with {names}")
    for name in required:
        if name not in said:
            raise VerdictError(f"{name}: is missing; send a JSON object with {names}")
    for name, value in said.items():
        if name not in (*required, *optional):
            raise VerdictError(f"{name[:60]}: is unknown; send a JSON object with {names}")
        if not isinstance(value, str) and not (value is None and name in optional):
            raise VerdictError(f"{name}: write a text")
    return said
