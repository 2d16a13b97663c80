"""The page of a grant, and of a funder's grants: which datasets it paid for, and who made them."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as BaseResponse

from hub import formats, grant_pages
from hub.entities import SORTS
from hub.formats import Format
from hub.grant_pages import GrantPage, Library
from hub.organisations import Organisations
from hub.published import Now
from hub.web import entities, offers
from hub.web.cache import Page
from hub.web.pages import page_of, respond

grants = Blueprint("grants", __name__)


@grants.get("/grant/<funder>")
@grants.get("/grant/<funder>/<path:number>")
def grant(funder: str, number: str = "") -> BaseResponse:
    """A grant by funder and number, or a funder's grants; other spellings lead to the one that the page has."""
    name, suffix = entities.asked(f"{funder}/{number}" if number else funder)
    funder, _, number = name.partition("/")
    offer = offers.choose(request, *entities.OFFERS, suffix=suffix)
    which = entities.part()

    def make(now: Now) -> Page:
        settings = entities.settings()
        page = Library(now.pages, Organisations.of(settings), settings.base_iri).page(funder, number, *which)
        if page.name != name:
            query = f"?{request.query_string.decode()}" if request.query_string else ""
            raise Moved(f"{address(page.name)}{suffix or ''}{query}")
        return _page(page, offer, now)

    stamp = Organisations.stamp(entities.settings())
    return respond(offer, ("grant", name, which, stamp, request.script_root), make)


class Moved(HTTPException):
    """The page has another address."""

    code = 301

    def __init__(self, address: str) -> None:
        super().__init__("the page has another address")
        self.address = address

    def get_response(self, *_: Any, **__: Any) -> BaseResponse:
        """Return the redirect."""
        return redirect(self.address, 301)


def address(name: str) -> str:
    """Return the path of a grant's page by funder and number as ``Code.name`` has them."""
    funder, _, number = name.partition("/")
    return url_for("grants.grant", funder=funder, number=number or None)


@grants.app_template_global()
def grant_codes(grant: Any) -> list[tuple[str, str]]:
    """Return path and words of each grant that a record's grant names."""
    funder = next((one.name for one in grant.funder or []), "")
    found = grant_pages.codes(grant.name, grant.grant_number or "", funder)
    return [(address(code.name), " ".join(filter(None, code))) for code in found]


@grants.app_template_global()
def grant_named(name: str) -> str:
    """Return the path of the page of a grant whose name is all that is known; empty where no number is in it."""
    numbered = [code for code in grant_pages.codes(name) if code.number]
    return address(numbered[0].name) if numbered else ""


@grants.app_template_global()
def grant_title(grant: Any) -> str:
    """Return the name of a record's grant with a colon where it says more than funder and number; else nothing."""
    funder = next((one.name for one in grant.funder or []), "")
    number = grant.grant_number or ""
    plain = {grant_pages.key(text) for text in (f"{funder}{number}", funder)}
    says_more = funder and grant_pages.key(grant.name) not in plain
    return f"{grant.name}: " if says_more else ""


def _page(page: GrantPage, offer: Format, now: Now) -> Page:
    here = address(page.name)
    header = entities.links(here, ["Grant"])
    iri = entities.settings().base_iri + unquote(here.removeprefix(f"{request.script_root}/"))
    if offer is not formats.HTML:
        return entities.data(offer, grant_pages.as_json(page), grant_pages.quads(page, iri), header)
    known = {"here": here, "offers": entities.OFFERS, "sorts": SORTS, "address": address, "iri": iri}
    known |= {"embedded": entities.embedded(_schema(page, iri)), "turned": entities.turning(here, page.part.sort)}
    return page_of(render_template("grant.html", now=now, page=page, **known), links=header)


def _schema(page: GrantPage, iri: str) -> dict[str, object]:
    """Return the grant as schema.org has it.

    Source: https://schema.org/Grant
    """
    funder = {"@id": page.ror or None, "@type": "Organization", "name": page.funder}
    return {
        "@id": iri,
        "@type": "Grant",
        "name": page.title,
        "identifier": page.number,
        "url": list(page.urls),
        "funder": {name: value for name, value in funder.items() if value} if page.funder else None,
        "fundedItem": [{"@id": one.iri, "@type": "Dataset", "name": one.title} for one in page.part.shown],
    }
