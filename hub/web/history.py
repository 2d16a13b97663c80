"""The past of a dataset: its versions, each as it stood, what differs between two, and its TimeMap.

Everything comes from the log up to the number of the snapshot that is served. A number between two versions leads to
the one that was current then.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from functools import partial
from itertools import zip_longest
from typing import Any, Final

from flask import Blueprint, Response, current_app, redirect, render_template, request
from werkzeug.wrappers import Response as BaseResponse

from hub import atom, citations, describe, formats
from hub.config import Settings
from hub.errors import GoneError, NotFoundError, QueryBusyError
from hub.formats import UTF8, Format
from hub.history import Difference, Entry, History, Stood
from hub.published import Now
from hub.web import machine, memento, offers
from hub.web.cache import Page
from hub.web.memento import Addresses
from hub.web.pages import page_of, respond
from hub.web.problems import HttpError, problem
from ontology import archives

history = Blueprint("history", __name__)
LIST: Final = (formats.HTML, formats.JSON, atom.FORMAT)
# Source: https://afs.github.io/rdf-delta/rdf-patch.html
PATCH: Final = Format("patch", "application/rdf-patch", ".rdfp", "page", ("rdf-patch",), UTF8)
DIFFERENCE: Final = (formats.HTML, formats.JSON, PATCH)
TIMEMAP: Final = Format("link", memento.LINKS, ".link", "page")
PER_PAGE: Final = 50
SHOWN_LINES: Final = 300
"""Statements of each side that a page of a difference shows."""
TOLD_LINES: Final = 10_000
"""Statements of each side that the JSON of a difference has; a patch has all."""
DIGITS: Final = 9
AT_ONCE: Final = 2
WAIT_S: Final = 10.0
_places = threading.BoundedSemaphore(AT_ONCE)


def _now() -> Now:
    now: Now = current_app.config["HUB_PUBLICATION"]()
    return now


def _settings() -> Settings:
    settings: Settings = current_app.config["HUB_SETTINGS"]
    return settings


def _elsewhere(archive: str, accession: str) -> BaseResponse | None:
    """Lead to the same page of the dataset under its own name, where it was asked by another."""
    name = archives.dataset_name(archive, accession)
    if name == accession:
        return None
    path = request.full_path.rstrip("?").replace(f"/{archive}/{accession}", f"/{archive}/{name}", 1)
    return redirect(request.script_root + path, 301)


def _number(text: str, name: str) -> int:
    if not (text.isascii() and text.isdecimal() and int(text[:DIGITS]) > 0 and len(text) <= DIGITS):
        raise HttpError(400, f"{name}: {text[:20]!r} is not a whole number above zero")
    return int(text)


@contextmanager
def _place() -> Iterator[None]:
    """Take one of the few places where old records are put together: some have 20,000 genes."""
    if not _places.acquire(timeout=WAIT_S):
        raise QueryBusyError("other versions are being put together: try again in a moment")
    try:
        yield
    finally:
        _places.release()


# --- all versions -------------------------------------------------------------------------------------------------


@history.get("/dataset/<archive>/<accession>/versions")
@history.get("/dataset/<archive>/<accession>/versions.<suffix>")
def versions(archive: str, accession: str, suffix: str | None = None) -> BaseResponse:
    """Every version of a dataset that readers could see, the newest first."""
    if moved := _elsewhere(archive, accession):
        return moved
    offer = offers.choose(request, *LIST, suffix=suffix)
    number = _number(request.args.get("page", "1"), "page")
    now, settings = _now(), _settings()
    with memento.history_of(settings, now, archive, accession) as found:
        addresses = Addresses(settings, found.iri)
        if {"from", "to"} <= request.args.keys():
            ends = [found.at(_number(request.args[name], name)) for name in ("from", "to")]
            return redirect(addresses.difference(*ends), 303)
        key = ("versions", found.iri, number, addresses.original)
        return _unlisted(respond(offer, key, partial(_versions, found, addresses, offer, number)))


def _unlisted(response: BaseResponse) -> BaseResponse:
    response.headers["X-Robots-Tag"] = "noindex"
    return response


def _versions(found: History, addresses: Addresses, offer: Format, number: int, now: Now) -> Page:
    last = -(-len(found.entries) // PER_PAGE)
    if number > last:
        raise NotFoundError(f"page: there is no page {number}; the last one is {last}")
    shown = found.entries[::-1][(number - 1) * PER_PAGE : number * PER_PAGE]
    summaries = found.summaries(shown)
    told = [{**asdict(each), "summary": summaries[each.sequence], **_leads(found, addresses, each)} for each in shown]
    if offer is atom.FORMAT:
        return page_of(_feed(found, addresses, told))
    if offer is formats.JSON:
        following = f"{addresses.versions}.json?page={number + 1}" if number < last else None
        whole = {"dataset": found.iri, "timemap": addresses.timemap, "sequence": now.sequence}
        whole |= {"total": len(found.entries), "page": number, "next": following, "versions": told}
        return page_of(json.dumps(whole, ensure_ascii=False, indent=1))
    paging = {"page": number, "last": last, "page_address": lambda n: f"{addresses.versions}?page={n}"}
    title = next((each["title"] for each in told if each["title"]), "")
    shown_too = {"now": now, "title": title, "told": told, "addresses": addresses, "iri": found.iri, **paging}
    return page_of(render_template("versions.html", **shown_too, total=len(found.entries)))


def _leads(found: History, addresses: Addresses, entry: Entry) -> dict[str, str | None]:
    """Return the addresses of a version, and of what differs from the version of the dataset before it."""
    place = found.entries.index(entry)
    before = found.entries[place - 1] if place else None
    return {"uri": addresses.version(entry), "difference": addresses.difference(before, entry) if before else None}


def _feed(found: History, addresses: Addresses, told: list[dict[str, Any]]) -> bytes:
    name = found.iri.rpartition("/")[2]
    entries = [
        atom.Entry(
            f"{found.iri}#version-{each['sequence']}",
            f"{name}: {each['summary']}",
            each["seen"],
            each["uri"],
            f"Change no. {each['sequence']} ({each['action']}) of the record of source {each['source']}",
            (each["action"],),
        )
        for each in told
    ]
    return atom.feed(f"Versions of {name}", f"{addresses.versions}.atom", addresses.versions, entries)


# --- one version, or two ------------------------------------------------------------------------------------------


@history.get("/dataset/<archive>/<accession>/versions/<name>")
def version(archive: str, accession: str, name: str) -> BaseResponse:
    """A dataset as it stood after a change, in every format of a dataset; or what differs between two (``11..29``)."""
    if moved := _elsewhere(archive, accession):
        return moved
    numbers = re.match(r"([0-9]{1,9})(?:\.\.([0-9]{1,9}))?(?![0-9])", name)
    if not numbers:
        raise NotFoundError(f"{name[:40]!r} is no version: these are numbers, or two with dots such as 11..29")
    suffix = name[numbers.end() :] or None
    with memento.history_of(_settings(), _now(), archive, accession) as found:
        if int(numbers[1]) > _now().sequence or int(numbers[2] or 0) > _now().sequence:
            raise NotFoundError(f"the last change that is published is no. {_now().sequence}")
        ends = [found.at(int(number)) for number in numbers.groups() if number]
        if [entry.sequence for entry in ends] != [int(number) for number in numbers.groups() if number]:
            return _current_then(found, ends, suffix or "")
        return _unlisted(_one(found, ends[0], suffix) if len(ends) == 1 else _two(found, ends[0], ends[1], suffix))


def _current_then(found: History, ends: list[Entry], suffix: str) -> BaseResponse:
    addresses = Addresses(_settings(), found.iri)
    address = addresses.version(ends[0]) if len(ends) == 1 else addresses.difference(*ends)
    query = f"?{request.query_string.decode('latin-1')}" if request.query_string else ""
    return redirect(address + suffix + query, 303)


def _one(found: History, entry: Entry, suffix: str | None) -> BaseResponse:
    offer = offers.choose(request, *offers.DATASET, suffix=suffix)
    style = machine.style(request, offer)
    addresses = Addresses(_settings(), found.iri)
    key = ("version", found.iri, entry.sequence, style, addresses.original)
    response = respond(offer, key, partial(_stood, found, entry, addresses, offer, style))
    memento.mark(response, found, entry, addresses)
    response.vary.add("Accept-Profile")
    if offer.profile and response.status_code < 400:
        response.headers["Content-Profile"] = f"<{offer.profile.iri}>"
    return response


def _stood(found: History, entry: Entry, addresses: Addresses, offer: Format, style: str, now: Now) -> Page:
    with _place():
        stood = found.stood(entry, brief=offer is formats.HTML)
    if offer is formats.HTML:
        body = render_template("version.html", **_shown(found, stood, addresses, style, now))
        return page_of(body, 200 if stood.found else 410)
    if stood.found is None:
        return _gone(found, stood)
    if offer is formats.CITATION:
        return page_of(citations.text(stood.found.record, style) + "\n")
    return page_of(machine.write(stood.found, offer))


def _shown(found: History, stood: Stood, addresses: Addresses, style: str, now: Now) -> dict[str, Any]:
    """Return the variables of ``version.html``: those of ``dataset.html``, without what is only known of today."""
    entry, place = stood.entry, found.entries.index(stood.entry)
    around = found.entries[max(0, place - 1) : place], found.entries[place + 1 : place + 2]
    told = {"now": now, "entry": entry, "stood": stood, "addresses": addresses, "latest": found.entries[-1]}
    told |= {"before": next(iter(around[0]), None), "after": next(iter(around[1]), None)}
    if stood.found is None:
        return told
    record = stood.found.record.model_copy(update={"thumbnail": None})
    description = replace(stood.found, record=record)
    path = found.iri.removeprefix(f"{_settings().base_iri}dataset/")
    tail = f"/versions/{entry.sequence}"
    told |= {"offers": [replace(offer, suffix=tail + offer.suffix) for offer in offers.DATASET]}
    told |= {"cite": citations.address(record), "cited": citations.formatted(record, style)}
    told |= {"styles": citations.STYLES.values(), "signposts": [], "elsewhere": [], "links": [], "related": []}
    told |= {"voices": describe.voices(description, _settings()), "backlinks": [], "path": path}
    return {**told, "record": record, "found": description}


def _gone(found: History, stood: Stood) -> Page:
    name = found.iri.rpartition("/")[2]
    status, headers, body = problem(GoneError(f"no record of {name} stood after change {stood.entry.sequence}", {}))
    told = {**json.loads(body), "records": [asdict(entry) for entry in stood.gone]}
    return page_of(json.dumps(told, ensure_ascii=False), status, content_type=dict(headers)["Content-Type"])


# --- differences --------------------------------------------------------------------------------------------------


def _two(found: History, before: Entry, after: Entry, suffix: str | None) -> BaseResponse:
    offer = offers.choose(request, *DIFFERENCE, suffix=suffix)
    addresses = Addresses(_settings(), found.iri)
    key = ("difference", found.iri, before.sequence, after.sequence, addresses.original)
    return respond(offer, key, partial(_difference, found, before, after, addresses, offer))


def _difference(found: History, before: Entry, after: Entry, addresses: Addresses, offer: Format, now: Now) -> Page:
    with _place():
        told = found.difference(before, after)
    if offer is PATCH:
        return page_of("".join(_patch(told, addresses)))
    if offer is formats.JSON:
        return page_of(json.dumps(_told(found, told, addresses), ensure_ascii=False, indent=1))
    rows = list(_rows(told.removed[:SHOWN_LINES], told.added[:SHOWN_LINES]))
    return page_of(render_template("diff.html", now=now, told=told, rows=rows, addresses=addresses, most=SHOWN_LINES))


def _patch(told: Difference, addresses: Addresses) -> Iterator[str]:
    """Yield a difference as an RDF Patch: applied to the first version it gives the second."""
    yield f"H id <{addresses.version(told.after.entry)}> .\n"
    yield f"H prev <{addresses.version(told.before.entry)}> .\n"
    yield "TX .\n"
    yield from (f"D {line}\n" for line in told.removed)
    yield from (f"A {line}\n" for line in told.added)
    yield "TC .\n"


def _told(found: History, told: Difference, addresses: Addresses) -> dict[str, Any]:
    ends = {"from": told.before, "to": told.after}
    sides = {"removed": told.removed, "added": told.added}
    return {
        "dataset": found.iri,
        **{name: {**asdict(end.entry), "uri": addresses.version(end.entry)} for name, end in ends.items()},
        "stood": {name: end.found is not None for name, end in ends.items()},
        "changes": [asdict(edit) for edit in told.edits],
        "counts": {name: len(lines) for name, lines in sides.items()},
        "truncated": any(len(lines) > TOLD_LINES for lines in sides.values()),
        **{name: lines[:TOLD_LINES] for name, lines in sides.items()},
    }


def _rows(removed: list[str], added: list[str]) -> Iterator[tuple[str, str]]:
    """Yield statements of both sides, those of the same thing and property beside each other."""
    by_start: dict[tuple[str, ...], tuple[list[str], list[str]]] = {}
    for side, lines in enumerate((removed, added)):
        for line in lines:
            by_start.setdefault(tuple(line.split(" ", 2)[:2]), ([], []))[side].append(line)
    for _, (ours, theirs) in sorted(by_start.items()):
        yield from zip_longest(ours, theirs, fillvalue="")


# --- TimeMap ------------------------------------------------------------------------------------------------------


@history.get("/timemap/dataset/<archive>/<accession>")
def timemap(archive: str, accession: str) -> BaseResponse:
    """The versions of a dataset by time."""
    accession, suffix = offers.split_suffix(accession, (TIMEMAP, formats.JSON))
    if moved := _elsewhere(archive, accession):
        return moved
    offer = offers.choose(request, TIMEMAP, formats.JSON, suffix=suffix)
    now, settings = _now(), _settings()
    with memento.history_of(settings, now, archive, accession) as found:
        addresses = Addresses(settings, found.iri)
        is_json = offer is formats.JSON
        body = json.dumps(memento.as_json(found, addresses)) if is_json else memento.link_format(found, addresses)
    response = Response(body, content_type=offer.content_type)
    response.headers["X-Hub-Sequence"] = str(now.sequence)
    response.headers["Cache-Control"] = "no-cache"
    response.vary.add("Accept")
    response.add_etag()
    return response.make_conditional(request)
