"""The archives in pictures: each chart as a figure, a table and files; what other pages show of them."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import asdict
from functools import partial
from typing import Any

from flask import Blueprint, render_template, request
from markupsafe import Markup
from werkzeug.wrappers import Response as BaseResponse

from hub import charts as known
from hub import formats
from hub.charts import Matrix
from hub.formats import UTF8, Format
from hub.published import Now
from hub.web import figures, offers
from hub.web.cache import Page
from hub.web.drawn import Drawn, drawn
from hub.web.network import network_of
from hub.web.pages import page_of, respond

charts = Blueprint("charts", __name__)
SVG = Format("svg", "image/svg+xml", ".svg", "page", (), UTF8)
CSV = Format("csv", "text/csv", ".csv", "page", (), UTF8)
OFFERS = (formats.HTML, SVG, CSV, formats.JSON)


charts.add_app_template_global(network_of)
charts.add_app_template_global(lambda values: Markup(figures.sparkline(values)), "sparkline")


@charts.get("/charts")
def index() -> BaseResponse:
    """Every chart."""
    offer = offers.choose(request, formats.HTML, formats.JSON)

    def make(now: Now) -> Page:
        found = drawn(now, *known.CHARTS)
        if offer is formats.JSON:
            return page_of(json.dumps([_told(one, now) for one in found], ensure_ascii=False))
        return page_of(render_template("charts.html", now=now, charts=found))

    return respond(offer, ("charts", request.script_root), make)


@charts.get("/charts/<name>")
@charts.get("/charts/<name>.<suffix>")
def chart(name: str, suffix: str | None = None) -> BaseResponse:
    """One chart: as a page, a figure, or its numbers."""
    known.chart(name)
    offer = offers.choose(request, *OFFERS, suffix=suffix)
    return respond(offer, ("chart", name, request.script_root), partial(_written, name, offer))


def _written(name: str, offer: Format, now: Now) -> Page:
    found = drawn(now, name)
    if offer is SVG:
        return page_of(found[0].document)
    if offer is CSV:
        return page_of(_table(found[0].numbers))
    if offer is formats.JSON:
        return page_of(json.dumps(_told(found[0], now), ensure_ascii=False))
    return page_of(render_template("charts.html", now=now, charts=found, one=found[0].chart))


def _told(found: Drawn, now: Now) -> dict[str, Any]:
    chart = found.chart
    said = {"name": chart.name, "title": chart.title, "description": chart.description, "question": chart.question}
    return {**said, "sequence": now.sequence, "published": now.snapshot.created, **asdict(found.numbers)}


def _table(numbers: Matrix) -> str:
    """Return numbers as CSV, with IRIs of the rows where they have some."""
    out = io.StringIO()
    writer = csv.writer(out)
    iris = ["iri"] if any(head.iri for head in numbers.rows) else []
    writer.writerow([numbers.corner.lower(), *iris, *(head.label for head in numbers.columns)])
    for head, values in zip(numbers.rows, numbers.values, strict=True):
        writer.writerow([head.label, *([head.iri] if iris else []), *values])
    return out.getvalue()
