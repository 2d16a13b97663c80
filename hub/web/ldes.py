"""``/ldes``: the log as a Linked Data Event Stream, and each change by itself.

Source: https://semiceu.github.io/LinkedDataEventStreams/releases/1.0.0/server-primer.html
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from flask import Blueprint, redirect, request
from werkzeug.wrappers import Response as BaseResponse

from hub.errors import NotFoundError
from hub.feeds import ldes
from hub.feeds.journal import Journal
from hub.feeds.ldes import Stream
from hub.formats import Format
from hub.web import feeds, offers
from hub.web.cache import Page
from hub.web.pages import page_of

stream = Blueprint("ldes", __name__)


def _offer(suffix: str | None) -> Format:
    return offers.choose(request, *ldes.OFFERS, suffix=suffix)


def _stream(journal: Journal, suffix: str | None) -> Stream:
    known = feeds.settings()
    return Stream(journal, known.base_iri, known.hub_name, feeds.root(), f".{suffix}" if suffix else "")


def _split(text: str) -> tuple[int, str | None]:
    """Return the number in a path's last part, and the suffix of a format."""
    number, _, suffix = text.partition(".")
    if not (number.isascii() and number.isdecimal() and len(number) < 16):
        raise NotFoundError(f"{text[:40]!r} is no number")
    return int(number), suffix or None


@stream.get("/ldes")
@stream.get("/ldes.<suffix>")
def top(suffix: str | None = None) -> BaseResponse:
    """The root node: what the stream is, and its chapters."""
    offer = _offer(suffix)

    def make(journal: Journal) -> Page:
        return page_of(ldes.write(_stream(journal, suffix).top(), offer))

    return feeds.answer(offer, ("ldes", suffix), make)


@stream.get("/ldes/chapter/<name>")
def chapter(name: str) -> BaseResponse:
    """A node that leads to pages."""
    number, suffix = _split(name)
    offer, size = _offer(suffix), ldes.PAGE * ldes.CHAPTER

    def make(journal: Journal) -> Page:
        found = _stream(journal, suffix).chapter(number)
        if found is None:
            raise NotFoundError(f"there is no chapter {number} yet: /ldes leads to those that there are")
        return page_of(ldes.write(found[1], offer))

    return feeds.answer(offer, ("ldes-chapter", name), make, _is_full(number, size))


@stream.get("/ldes/page/<name>")
def page(name: str) -> BaseResponse:
    """A page of changes."""
    number, suffix = _split(name)
    offer = _offer(suffix)

    def make(journal: Journal) -> Page:
        found = _stream(journal, suffix).page(number, with_graphs=offer in ldes.WITH_GRAPHS)
        if found is None:
            raise NotFoundError(f"there is no page {number} yet: /ldes leads to those that there are")
        return page_of(ldes.write(found[1], offer))

    return feeds.answer(offer, ("ldes-page", name), make, _is_full(number, ldes.PAGE))


def _is_full(number: int, size: int) -> Callable[[int], bool]:
    return lambda until: until >= (number + 1) * size


@stream.get("/change/<hub>")
def whole(hub: str) -> BaseResponse:
    """The stream by its own IRI."""
    _own(hub)
    return redirect(f"{request.script_root}/ldes", 303)


@stream.get("/change/<hub>/<name>")
def change(hub: str, name: str) -> BaseResponse:
    """One change of this hub by its IRI."""
    _own(hub)
    number, suffix = _split(name)
    offer = _offer(suffix)
    return feeds.answer(offer, ("change", name), partial(_change, number, offer))


def _change(number: int, offer: Format, journal: Journal) -> Page:
    found = journal.since(number - 1, 1)
    if not found or found[0].sequence != number:
        raise NotFoundError(f"change {number}: there is no such change yet")
    at = journal.seen_at([number])[number]
    quads = _stream(journal, None).member(found[0], at, with_graphs=offer in ldes.WITH_GRAPHS)
    return page_of(ldes.write(quads, offer))


def _own(hub: str) -> None:
    name = feeds.settings().hub_name
    if hub != name:
        raise NotFoundError(f"{hub[:40]!r} is not this hub: only the changes of {name!r} are told here")
