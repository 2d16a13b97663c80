"""The page of an archive: what it is, how it grows, what its datasets are about, how fresh and complete they are."""

from __future__ import annotations

from functools import partial
from typing import Any

from flask import Blueprint, current_app, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from hub import archive_pages, describe, formats
from hub.archive_pages import ArchivePage
from hub.entities import SORTS
from hub.errors import StoreError
from hub.formats import Format
from hub.organisations import Organisations
from hub.published import Now
from hub.search.published import Searchers
from hub.search.searcher import Searcher
from hub.web import entities, offers
from hub.web.cache import Page
from hub.web.pages import page_of, respond
from ontology import archives as known_archives
from ontology import iris

archives = Blueprint("archives", __name__)
OFFERS = (*entities.OFFERS, formats.NQUADS, formats.TRIG)
BY: str = "accession"


@archives.get("/archive/<name>")
def archive(name: str) -> BaseResponse:
    """An archive by its short name; its title and other spellings lead there."""
    name, suffix = entities.asked(name)
    offer = offers.choose(request, *OFFERS, suffix=suffix)
    if name not in known_archives.ARCHIVES and (short := _short(name)):
        return redirect(url_for("archives.archive", name=short) + (suffix or ""), 301)
    told = archive_pages.sources(entities.settings(), name)
    which = entities.part(BY)
    runs = tuple(source.number for source in told[0])
    key = ("archive", name, which, runs, request.script_root)
    return respond(offer, key, partial(_page, name, which, told, offer))


def _short(name: str) -> str:
    """Return the short name of an archive that is called by its title, or by its short name in other letters."""
    folded = name.replace("-", " ").replace("_", " ").casefold()
    wanted = (n for n, a in known_archives.ARCHIVES.items() if folded in (n, a.title.casefold()))
    return next(wanted, "")


def _page(name: str, which: tuple[int, str], told: Any, offer: Format, now: Now) -> Page:
    if offer.quads:
        settings = entities.settings()
        said = describe.thing(now.pages, settings.base_iri, iris.archive(settings.base_iri, name))
        return page_of(offers.serialize(said, offer))
    page = archive_pages.page(now.pages, entities.settings(), name, *which, told, _searcher(now))
    here = url_for("archives.archive", name=name)
    also = [(page.known.licence, 'rel="license"')] if page.known and page.known.licence else []
    header = entities.links(here, ["DataCatalog"], also=also)
    if offer is not formats.HTML:
        return entities.data(offer, archive_pages.as_json(page), archive_pages.quads(page), header)
    known: dict[str, Any] = {"here": here, "offers": OFFERS, "sorts": SORTS, "publisher": _publisher(page)}
    known["embedded"] = entities.embedded(_schema(page))
    turned = entities.turning(here, page.part.sort, BY)
    return page_of(render_template("archive.html", now=now, page=page, turned=turned, **known), links=header)


def _publisher(page: ArchivePage) -> str:
    """Return what the organisation that runs an archive is called, else its identifier."""
    ror = page.known.publisher_ror if page.known else None
    found = Organisations.of(entities.settings()).organisation(ror) if ror else None
    return found.name if found else ror or ""


def _searcher(now: Now) -> Searcher | None:
    """Return the search index of the snapshot, where it has one."""
    searchers: Searchers = current_app.config["HUB_SEARCHERS"]
    try:
        return searchers.of(now.snapshot)
    except StoreError:
        return None


def _schema(page: ArchivePage) -> dict[str, object]:
    """Return the archive as schema.org has it.

    Source: https://bioschemas.org/profiles/DataCatalog/0.3-RELEASE-2019_07_01
    """
    known = page.known
    return {
        "@id": page.iri,
        "@type": "DataCatalog",
        "name": page.title,
        "description": page.about or page.title,
        "url": known.homepage if known else page.iri,
        "license": known.licence if known else None,
        "provider": {"@id": known.publisher_ror, "@type": "Organization"} if known and known.publisher_ror else None,
        "keywords": [one.name for one in (*page.organisms[:10], *page.methods[:10])],
        "dataset": [{"@id": one.iri, "@type": "Dataset", "name": one.title} for one in page.part.shown],
    }
