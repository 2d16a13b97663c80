"""Quality of the records, for the archives: what is open, what was fixed, what fields are filled, over time.

Pages tell what the catalogue has, which may be newer than the published snapshot.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from itertools import groupby
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, Response, current_app, render_template, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from hub import findings as life
from hub import formats, quality_feeds, records
from hub.config import Settings
from hub.coverage import Coverage, Point, slots
from hub.errors import NotFoundError
from hub.findings import Filter, FindingRow, Findings
from hub.formats import UTF8, Format
from hub.log import Log
from hub.web import offers
from hub.web.chart import Series, line_chart
from hub.web.problems import HttpError
from ontology import archives

quality = Blueprint("quality", __name__)
CSV = Format("csv", "text/csv", ".csv", "page", (), UTF8)
ATOM = Format("atom", "application/atom+xml", ".atom", "page", (), UTF8)
SVG = Format("svg", "image/svg+xml", ".svg", "page", (), UTF8)
DASHBOARD = (formats.HTML, formats.JSON, CSV)
FEED = (formats.HTML, formats.JSON, CSV, ATOM, formats.JSONLD, formats.TURTLE)
ONE = (formats.HTML, formats.JSONLD, formats.TURTLE, formats.JSON)
COVERAGE = (formats.HTML, formats.JSON, CSV, SVG)
PER_PAGE = 100
MAX_ENTRIES = 200
CHARTED = ("license", "author", "publication", "about", "measurement_method", "funding")
MAX_LINES = 6


def _base() -> str:
    settings: Settings = current_app.config["HUB_SETTINGS"]
    return settings.base_iri


@contextmanager
def _catalogue() -> Iterator[tuple[Findings, Coverage]]:
    settings: Settings = current_app.config["HUB_SETTINGS"]
    log = Log(settings.database)
    try:
        yield Findings(log), Coverage(log)
    finally:
        log.close()


def _respond(body: str | bytes, offer: Format) -> BaseResponse:
    response = Response(body, content_type=offer.content_type)
    response.headers["Cache-Control"] = "no-cache"
    response.vary.add("Accept")
    response.add_etag()
    return response.make_conditional(request)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=1)


def _table(heads: tuple[str, ...], rows: list[dict[str, Any]]) -> str:
    out = io.StringIO()
    writer = csv.DictWriter(out, heads, extrasaction="ignore")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


# --- dashboard


@quality.get("/quality")
def dashboard() -> BaseResponse:
    """Findings by archive and rule, and which fields each archive fills."""
    offer = offers.choose(request, *DASHBOARD)
    with _catalogue() as (known, coverage):
        rules, points = known.by_rule(Filter()), coverage.now()
    if offer is CSV:
        return _respond(_table(("archive", "rule", "severity", "open", "fixed", "waived"), rules), offer)
    filled = {archive: list(group) for archive, group in groupby(points, lambda p: p.archive)}
    if offer is formats.JSON:
        told = {"rules": rules, "coverage": {a: [_point(p) for p in group] for a, group in filled.items()}}
        return _respond(_json(told), offer)
    return _respond(render_template("quality.html", **_sums(rules, filled), slots=slots()), offer)


def _point(point: Point) -> dict[str, Any]:
    return {**asdict(point), "share": round(point.share, 4)}


def _sums(rules: list[dict[str, Any]], filled: dict[str, list[Point]]) -> dict[str, Any]:
    """Return what the dashboard shows: sums and rules by archive, and shares by archive and slot."""
    names = sorted({*(r["archive"] for r in rules), *filled})
    by_archive = {name: [r for r in rules if r["archive"] == name] for name in names}
    rows = [
        {
            "name": name,
            "title": archives.ARCHIVES[name].title if name in archives.ARCHIVES else name,
            "records": filled[name][0].records if filled.get(name) else 0,
            **{state: sum(r[state] for r in by_archive[name]) for state in ("open", "fixed", "waived")},
        }
        for name in names
    ]
    anchors = {r["rule"]: r["archive"] for r in reversed(rules)}
    shares = {name: {p.slot: p for p in points} for name, points in filled.items()}
    return {"archives": rows, "rules": by_archive, "anchors": anchors, "coverage": shares}


# --- one archive


@quality.get("/quality/<archive>")
@quality.get("/quality/<archive>.<suffix>")
def feed(archive: str, suffix: str | None = None) -> BaseResponse:
    """The findings of one archive: a page with filters, or all of them for programs."""
    offer = offers.choose(request, *FEED, suffix=suffix)
    wanted = _filter(archive, "open" if offer is not ATOM else "")
    with _catalogue() as (known, coverage):
        _check_archive(archive, known, coverage)
        body = WRITERS[offer.name](known, wanted) if offer is not formats.HTML else _page(known, wanted)
    return _respond(body, offer)


def _check_archive(archive: str, known: Findings, coverage: Coverage) -> None:
    if archive not in archives.ARCHIVES and not known.count(Filter(archive=archive)) and not coverage.now(archive):
        raise NotFoundError(f"there is no archive {archive} in this hub")


def _filter(archive: str, state: str) -> Filter:
    asked = {name: request.args.get(name, "") for name in ("rule", "field", "severity", "accession", "dataset")}
    state = request.args.get("state", state)
    if state not in (*life.STATES, "all", ""):
        raise HttpError(400, f"state: write one of {', '.join(life.STATES)}, all")
    if asked["severity"] not in (*life.SEVERITIES, ""):
        raise HttpError(400, f"severity: write one of {', '.join(life.SEVERITIES)}")
    return Filter(archive=archive, state="" if state == "all" else state, **asked)


def _page(known: Findings, wanted: Filter) -> str:
    part = _part(known, wanted)
    rules = known.by_rule(Filter(archive=wanted.archive))
    archive = archives.ARCHIVES.get(wanted.archive)
    return render_template(
        "quality_archive.html",
        **part,
        wanted=wanted,
        state=wanted.state or "all",
        rules=rules,
        names=sorted({rule["rule"] for rule in rules}),
        fields=known.fields(wanted.archive),
        states=(*life.STATES, "all"),
        title=archive.title if archive else wanted.archive,
        address=lambda **more: _address(wanted, **more),
    )


def _part(known: Findings, wanted: Filter) -> dict[str, Any]:
    """Return one page of findings and its place among the others."""
    total = known.count(wanted)
    last = max(1, -(-total // PER_PAGE))
    number = request.args.get("page", 1, type=int)
    if not 1 <= number <= last:
        raise NotFoundError(f"page: there is no page {number}; the last one is {last}")
    rows = known.page(wanted, PER_PAGE, (number - 1) * PER_PAGE)
    return {"rows": rows, "total": total, "page": number, "last": last, "first": (number - 1) * PER_PAGE + 1}


def _address(wanted: Filter, suffix: str = "", **more: Any) -> str:
    """Return the address of the same findings in another form, or of another choice of them."""
    asked = {**asdict(wanted), "state": wanted.state or "all", **more}
    parameters = {
        n: v for n, v in asked.items() if v and n != "archive" and (n, v) not in (("state", "open"), ("page", 1))
    }
    path = url_for("quality.feed", archive=wanted.archive) + suffix
    return path + (f"?{urlencode(parameters)}" if parameters else "")


def _as_json(known: Findings, wanted: Filter) -> str:
    part = _part(known, wanted)
    following = _address(wanted, ".json", page=part["page"] + 1) if part["page"] < part["last"] else None
    told = {"total": part["total"], "page": part["page"], "next": following}
    return _json({**told, "findings": [_told(row) for row in part["rows"]]})


def _told(row: FindingRow) -> dict[str, Any]:
    base = _base()
    return {**life.as_dict(row), "iri": row.iri(base), "address": quality_feeds.address(base, row)}


def _as_csv(known: Findings, wanted: Filter) -> str:
    return "".join(quality_feeds.csv_lines(known.every(wanted), _base()))


def _as_atom(known: Findings, wanted: Filter) -> bytes:
    base = _base()
    about = f"{wanted.archive}, {wanted.rule}" if wanted.rule else wanted.archive
    here = _address(wanted, ".atom").removeprefix(request.script_root).lstrip("/")
    page = _address(wanted).removeprefix(request.script_root).lstrip("/")
    rows = known.latest(wanted, MAX_ENTRIES)
    return quality_feeds.atom(rows, base, f"Quality findings: {about}", base + here, base + page)


def _as_report(known: Findings, wanted: Filter, offer: Format) -> bytes:
    return offers.serialize(quality_feeds.shacl(known.every(wanted), _base(), wanted.archive), offer)


WRITERS: dict[str, Any] = {
    "json": _as_json,
    "csv": _as_csv,
    "atom": _as_atom,
    "jsonld": lambda known, wanted: _as_report(known, wanted, formats.JSONLD),
    "turtle": lambda known, wanted: _as_report(known, wanted, formats.TURTLE),
}


# --- one finding


@quality.get("/quality/finding/<name>")
def finding(name: str) -> BaseResponse:
    """One finding with its evidence and what became of it."""
    id, suffix = offers.split_suffix(name)
    offer = offers.choose(request, *ONE, suffix=suffix)
    with _catalogue() as (known, _):
        row = known.finding(id)
        if row is None:
            raise NotFoundError(f"there is no finding {id[:80]} in this hub")
        history = [{**asdict(event), "said": None} for event in known.history(id)]
    thing = row.thing(_base())
    if offer is formats.JSONLD:
        return _respond(_json(records.to_jsonld(thing)), offer)
    if offer is formats.TURTLE:
        return _respond(offers.serialize(records.to_quads(thing), offer), offer)
    told = {**_told(row), "history": [{k: v for k, v in e.items() if k not in ("said", "id")} for e in history]}
    if offer is formats.JSON:
        return _respond(_json(told), offer)
    return _respond(render_template("quality_finding.html", finding=told, offers=ONE), offer)


# --- coverage


@quality.get("/quality/<archive>/coverage")
@quality.get("/quality/<archive>/coverage.<suffix>")
def coverage(archive: str, suffix: str | None = None) -> BaseResponse:
    """Which share of an archive's records fills which field, now and at each publication that changed it."""
    offer = offers.choose(request, *COVERAGE, suffix=suffix)
    chosen = tuple(request.args.getlist("slot"))
    if unknown := [slot for slot in chosen if slot not in slots()]:
        raise HttpError(400, f"slot: {unknown[0][:60]!r} is none of {', '.join(slots())}")
    with _catalogue() as (known, kept):
        _check_archive(archive, known, kept)
        history = kept.history(archive, chosen)
    if offer is formats.JSON:
        return _respond(_json([_point(point) for point in history]), offer)
    if offer is CSV:
        heads = ("sequence", "at", "archive", "slot", "records", "filled", "share")
        return _respond(_table(heads, [_point(point) for point in history]), offer)
    chart = _chart(archive, history, chosen or CHARTED)
    if offer is SVG:
        return _respond(chart, offer)
    return _respond(_coverage_page(archive, history, chart, chosen or CHARTED), offer)


def _chart(archive: str, history: list[Point], wanted: tuple[str, ...]) -> str:
    series = [
        Series(slot.replace("_", " "), tuple((p.at, p.share) for p in history if p.slot == slot))
        for slot in wanted[:MAX_LINES]
    ]
    return line_chart(f"Share of the records of {archive} that fill a field", series)


def _coverage_page(archive: str, history: list[Point], chart: str, charted: tuple[str, ...]) -> str:
    last = {point.slot: point for point in history}
    first = {point.slot: point for point in reversed(history)}
    rows = [{"now": last[slot], "first": first[slot]} for slot in slots() if slot in last]
    known = archives.ARCHIVES.get(archive)
    told = {"archive": archive, "title": known.title if known else archive, "chart": chart, "rows": rows}
    return render_template("quality_coverage.html", **told, charted=charted[:MAX_LINES], slots=slots())
