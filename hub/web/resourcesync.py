"""ResourceSync: the documents that lead to every record's file, and these files.

Source: https://www.openarchives.org/rs/1.1/resourcesync
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from datetime import datetime
from typing import Final

import sqlalchemy as sa
from flask import Blueprint, Response, request
from werkzeug.wrappers import Response as BaseResponse

from hub import formats
from hub.errors import GoneError, NotFoundError
from hub.feeds import events
from hub.feeds import resourcesync as lists_of
from hub.feeds.events import Measures
from hub.feeds.journal import Journal
from hub.feeds.resourcesync import Lists
from hub.formats import Format
from hub.log import Version, versions
from hub.web import feeds
from hub.web.cache import Page
from hub.web.pages import page_of

resourcesync = Blueprint("resourcesync", __name__)
XML: Final = Format("xml", "application/xml", ".xml", "page", (), formats.UTF8)
_MEASURES: Final = Measures()


def _lists(journal: Journal) -> Lists:
    return Lists(journal, feeds.settings().base_iri, feeds.root(), _MEASURES)


def _told(name: str, make: Callable[[Lists], bytes]) -> BaseResponse:
    return feeds.answer(XML, ("resourcesync", name), lambda journal: page_of(make(_lists(journal))))


@resourcesync.get("/.well-known/resourcesync")
def description() -> BaseResponse:
    """The Source Description."""
    return _told("description", Lists.description)


@resourcesync.get("/capabilitylist.xml")
def capabilities() -> BaseResponse:
    """The Capability List."""
    return _told("capabilities", Lists.capabilities)


@resourcesync.get("/resourcelist.xml")
def resources() -> BaseResponse:
    """The index of the Resource List as things stand."""
    return _told("resources", Lists.resource_index)


@resourcesync.get("/resourcelist/<until>/<part>.xml")
def resource_list(until: str, part: str) -> BaseResponse:
    """A part of the Resource List of one number of the log."""
    which, number = _number(until), _number(part)

    def make(journal: Journal) -> Page:
        return _page(_lists(journal).resource_list(which, number), "/resourcelist.xml")

    return feeds.answer(XML, ("resourcesync-part", which, number), make)


@resourcesync.get("/changelist.xml")
def changes() -> BaseResponse:
    """The open Change List of the latest changes."""
    return _told("changes", Lists.latest_changes)


@resourcesync.get("/changelist-index.xml")
def change_index() -> BaseResponse:
    """The index of all Change Lists."""
    return _told("change-index", Lists.change_index)


@resourcesync.get("/changelist/<part>.xml")
def change_list(part: str) -> BaseResponse:
    """One Change List: closed, or open where changes still come in."""
    number = _number(part)

    def make(journal: Journal) -> Page:
        return _page(_lists(journal).change_list(number), "/changelist-index.xml")

    return feeds.answer(
        XML, ("resourcesync-changes", number), make, lambda until: until >= (number + 1) * lists_of.PART
    )


def _page(document: bytes | None, leads: str) -> Page:
    if document is None:
        raise NotFoundError(f"there is no such list: {leads} leads to those that there are")
    return page_of(document)


def _number(text: str) -> int:
    if not re.fullmatch("[0-9]{1,15}", text):
        raise NotFoundError(f"{text[:40]!r} is no number")
    return int(text)


# --- the files


@resourcesync.get("/resource/<source>/<path:accession>.nt")
def file(source: str, accession: str) -> BaseResponse:
    """A record's file as it stands, or, with a number after the accession, as that change left it."""
    with feeds.journal() as journal:
        version = _version(journal, source, accession)
        if events.kind(version) == "delete":
            raise GoneError(f"{version.accession}: the record is {version.state}", {"state": version.state})
        at = journal.seen_at([version.sequence])[version.sequence]
    body = events.file(feeds.settings().base_iri, version)
    response = Response(body, content_type=formats.NTRIPLES.content_type)
    response.set_etag(hashlib.sha256(body).hexdigest())
    response.last_modified = datetime.fromisoformat(at)
    response.headers["X-Hub-Sequence"] = str(journal.until)
    response.headers["Cache-Control"] = "no-cache"
    response.headers["Link"] = ", ".join(_links(version))
    return response.make_conditional(request, accept_ranges=True, complete_length=len(body))


def _links(version: Version) -> list[str]:
    here = request.script_root
    memento = events.file_path(version.source, version.accession, version.sequence)
    return [
        f'<{here}/{lists_of.CAPABILITIES}>; rel="resourcesync"',
        f'<{here}/{memento}>; rel="memento"',
        f'<{version.iri}>; rel="describes"',
    ]


def _version(journal: Journal, source: str, accession: str) -> Version:
    """Return the last visible version of a record, or the one that the number after the accession names."""
    found = _last(journal, source, accession)
    if found is None:
        accession, _, number = accession.rpartition("/")
        found = _made_by(journal, _number(number)) if accession else None
        if found is not None and (found.source, found.accession) != (source, accession):
            found = None
    if found is None:
        raise NotFoundError("there is no such record: /resourcelist.xml leads to those that there are")
    return found


def _last(journal: Journal, source: str, accession: str) -> Version | None:
    same = (versions.c.source == source) & (versions.c.accession == accession)
    query = sa.select(sa.func.max(versions.c.sequence)).where(same, versions.c.sequence <= journal.until)
    with journal.log.engine.connect() as db:
        number = db.scalar(query)
    return None if number is None else journal.log.version(number)


def _made_by(journal: Journal, number: int) -> Version | None:
    return journal.log.version(number) if number <= journal.until else None
