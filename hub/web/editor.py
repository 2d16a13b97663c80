"""The SPARQL editor: a page that works without scripts, and what its script completes queries with.

Loading it runs nothing, whatever its address says: a query runs when its author presses the button, as the form of the
page does where scripts are off. The script is built from ``editor/`` (``make editor``).
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections import defaultdict
from functools import cache
from typing import Any

from flask import Blueprint, Response, current_app, render_template, request
from werkzeug.wrappers import Response as BaseResponse

from hub import formats, gallery, records, void
from hub.config import Settings
from hub.formats import HTML, JSON, Format
from hub.gallery import Question
from hub.published import Now
from hub.void import Statistics
from hub.web import offers

editor = Blueprint("editor", __name__)
CACHE_S = 60
START = """\
PREFIX schema: <http://schema.org/>
SELECT ?dataset ?name WHERE {
  ?dataset a schema:Dataset ;
    schema:name ?name .
}
LIMIT 10
"""
TITLES = {"json": "JSON", "xml": "XML", "csv": "CSV", "tsv": "TSV", "turtle": "Turtle", "nt": "N-Triples"}
TITLES |= {"rdfxml": "RDF/XML", "jsonld": "JSON-LD", "nq": "N-Quads", "trig": "TriG"}
TRUTH = ("json", "xml")  # formats that can hold the answer of ASK

_TOOLTIP_STYLE = "text-decoration:underline"
_TOOLTIP_HASH = base64.b64encode(hashlib.sha256(_TOOLTIP_STYLE.encode()).digest()).decode()
POLICY = (
    "default-src 'none'; script-src 'self'; connect-src 'self'; img-src 'self'; style-src 'self'; "
    f"style-src-attr 'unsafe-hashes' 'sha256-{_TOOLTIP_HASH}'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
"""What the page may load: the hub's own files only, and its script may ask the hub only.

The component writes one style attribute into the note at a syntax error; that one text is allowed by its hash.

Source: https://www.w3.org/TR/CSP3/#unsafe-hashes-usage
"""


@editor.get("/sparql/editor")
def page() -> BaseResponse:
    """The editor, with the query or the saved question that the address names."""
    offers.choose(request, HTML)
    name = request.args.get("question", "")
    query = request.args.get("query") or (gallery.bound(gallery.question(name)) if name else START)
    known = {"sections": _sections(), "chosen": name, "offers": _offers(), "titles": TITLES}
    body = render_template("editor.html", query=query, base=_settings().base_iri, **known)
    response = _respond(body, HTML)
    response.headers["Content-Security-Policy"] = POLICY
    return response


def _settings() -> Settings:
    settings: Settings = current_app.config["HUB_SETTINGS"]
    return settings


def _sections() -> dict[str, list[Question]]:
    sections: defaultdict[str, list[Question]] = defaultdict(list)
    for asked in gallery.questions().values():
        sections[asked.keywords[0]].append(asked)
    return dict(sorted(sections.items()))


def _offers() -> dict[str, list[tuple[Format, str]]]:
    """Return every format of an answer, with the kinds of answer that it can hold."""
    tables = [(one, "rows truth" if one.name in TRUTH else "rows") for one in formats.of_kind("results")]
    return {"Rows": tables, "Graphs": [(one, "graph") for one in formats.of_kind("graph")]}


def _respond(body: str, offer: Format) -> Response:
    response = Response(body, content_type=offer.content_type)
    response.set_etag(hashlib.sha256(body.encode()).hexdigest()[:32])
    response.cache_control.public = True
    response.cache_control.max_age = CACHE_S
    response.make_conditional(request)
    return response


# --- what queries are completed with -----------------------------------------------------------------------------


@editor.get("/sparql/editor/terms.json")
def terms() -> BaseResponse:
    """Prefixes, classes and properties: those of the model at once, with those of the data once they are counted."""
    offers.choose(request, JSON)
    now: Now = current_app.config["HUB_PUBLICATION"]()
    counter: void.Counter | None = current_app.config.get("HUB_COUNTER")
    found = counter.get(now.snapshot) if counter else None
    response = _respond(json.dumps(_terms(found or _model()), ensure_ascii=False), JSON)
    response.headers["X-Hub-Sequence"] = str(now.sequence)
    return response


def _terms(found: Statistics) -> dict[str, Any]:
    labels = _labels()
    uses: defaultdict[str, list[str]] = defaultdict(list)
    for row in found["uses"]:
        uses[str(row["class"])].append(str(row["property"]))

    def told(iri: str, count: str | int | None) -> dict[str, Any]:
        said = {"iri": iri, "label": labels.get(iri) or re.split(r"[/#]", iri.rstrip("/#"))[-1]}
        return said if count is None else {**said, "count": count}

    return {
        "prefixes": void.namespaces(),
        "classes": [
            {**told(iri, row.get("entities")), "properties": uses[iri]}
            for row in found["classes"]
            if (iri := str(row["class"]))
        ],
        "properties": [told(str(row["property"]), row.get("triples")) for row in found["properties"]],
    }


@cache
def _labels() -> dict[str, str]:
    tables = records.tables().values()
    slots = {slot.predicate.value: slot.name.replace("_", " ") for table in tables for slot in table.slots}
    return slots | {table.type.value: table.name for table in tables}


@cache
def _model() -> Statistics:
    """Return what the model says that there may be, in the shape of statistics, without numbers."""
    tables = records.tables().values()
    uses: list[void.Row] = [
        {"class": table.type.value, "property": slot.predicate.value} for table in tables for slot in table.slots
    ]
    return {
        "classes": [{"class": iri} for iri in sorted({table.type.value for table in tables})],
        "properties": [{"property": iri} for iri in sorted({str(row["property"]) for row in uses})],
        "uses": uses,
    }
