"""The question gallery: the saved questions as pages, as RDF, and as REST.

Loading a question's page runs nothing; its form does, with ``run`` in the address. Every query goes through the SPARQL
endpoint itself (the application's ``HUB_SPARQL``), so that its places, limits, caches and headers hold here too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, Response, current_app, render_template, request
from pyoxigraph import Literal, NamedNode
from werkzeug.wrappers import Response as BaseResponse

from hub import formats, gallery
from hub.errors import NotFoundError
from hub.formats import Format
from hub.gallery import ParameterError, Question
from hub.published import Now
from hub.web import offers
from hub.web.cache import Page
from hub.web.pages import page_of, respond
from hub.web.problems import HttpError
from ontology import identifiers

questions = Blueprint("questions", __name__)
MAX_SHOWN = 500  # rows of a table on a page; files hold them all
RESULTS = formats.of_kind("results")
RDF = (formats.JSONLD, formats.TURTLE, formats.NTRIPLES, formats.RDFXML)
NUMBERS = ("#integer", "#decimal", "#double", "#float")
DATES = ("#date", "#dateTime", "#gYear", "#gYearMonth")


@dataclass(frozen=True, slots=True)
class Cell:
    """One value of a table: its text, where it leads to, and its kind: ``number``, ``date`` or none."""

    text: str
    iri: str = ""
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """An answer as a page shows it: the first rows, the number of all, and whether the question's limit cut them."""

    names: list[str]
    rows: list[list[Cell]] = field(default_factory=list)
    total: int = 0
    is_cut: bool = False


# --- pages and RDF -----------------------------------------------------------------------------------------------


@questions.get("/questions")
@questions.get("/questions.<suffix>")
def index(suffix: str | None = None) -> BaseResponse:
    """All questions by section, or those with a keyword; as RDF all of them."""
    offer = offers.choose(request, formats.HTML, *RDF, suffix=suffix)
    if offer is not formats.HTML:
        return respond(offer, ("questions",), partial(_graph, list(gallery.questions().values()), offer))
    keyword = request.args.get("keyword", "")
    if keyword and keyword not in gallery.keywords():
        raise NotFoundError(f"keyword: there is no question about {keyword[:100]!r}: see the list of questions")
    return respond(offer, ("questions", keyword, request.script_root), partial(_index_page, keyword))


def _index_page(keyword: str, now: Now) -> Page:
    sections: dict[str, list[Question]] = {}
    for asked in gallery.questions().values():
        if not keyword or keyword in asked.keywords:
            sections.setdefault(asked.keywords[0], []).append(asked)
    used = Counter(word for asked in gallery.questions().values() for word in asked.keywords)
    common = [word for word in gallery.keywords() if used[word] > 1 or word == keyword]
    found = {"sections": dict(sorted(sections.items())), "keyword": keyword, "keywords": common}
    return page_of(render_template("gallery.html", now=now, offers=RDF, **found))


def _graph(wanted: Iterable[Question], offer: Format, now: Now) -> Page:
    base = current_app.config["HUB_SETTINGS"].base_iri
    return page_of(offers.serialize(gallery.quads(base, wanted), offer))


@questions.get("/questions/<name>")
def question(name: str) -> BaseResponse:
    """One question: its form, and with ``run`` its answer; or as RDF."""
    name, suffix = offers.split_suffix(name)
    asked = gallery.question(name)
    offer = offers.choose(request, formats.HTML, *RDF, suffix=suffix)
    if offer is not formats.HTML:
        return respond(offer, ("questions", name), partial(_graph, [asked], offer))
    given = _given()
    try:
        query = gallery.bound(asked, given)
    except ParameterError as err:
        page = _render(asked, given, complaint=err)
        return Response(page, status=400, headers={"Cache-Control": "no-store"}, content_type=offer.content_type)
    run = "run" in request.args
    key = ("question", name, query, run, *sorted(given.items()), request.script_root)
    return respond(offer, key, lambda now: page_of(_render(asked, given, query, run=run, now=now)))


def _render(asked: Question, given: dict[str, str], query: str = "", *, run: bool = False, **more: Any) -> str:
    table = _table(asked, _answer(query)) if run else None
    chosen = {p.name: given[p.name] for p in asked.parameters if given.get(p.name, "").strip()}
    known = {"asked": asked, "given": given, "query": query, "table": table, "arguments": urlencode(chosen)}
    return render_template("question.html", offers=RDF, results=RESULTS, shown=MAX_SHOWN, **known, **more)


def _table(asked: Question, body: bytes) -> Table:
    names, rows = gallery.rows(body)
    shown = [[_cell(value) for value in row] for row in rows[:MAX_SHOWN]]
    return Table([name.replace("_", " ") for name in names], shown, len(rows), len(rows) >= asked.most_rows)


def _cell(value: Any) -> Cell:
    if value is None:
        return Cell("")
    if isinstance(value, NamedNode):
        return Cell(_short(value.value), value.value)
    assert isinstance(value, Literal)
    if value.datatype.value.endswith(NUMBERS):
        return Cell(f"{int(value.value):,}" if value.value.isdecimal() else value.value, kind="number")
    return Cell(value.value, kind="date" if value.datatype.value.endswith(DATES) else "")


def _short(iri: str) -> str:
    """Return an IRI as a table shows it: the hub's own by its path, others as CURIE or without scheme."""
    base = current_app.config["HUB_SETTINGS"].base_iri
    if iri.startswith(base):
        return iri.removeprefix(base)
    try:
        return identifiers.curie(iri)
    except ValueError:
        named = gallery.prefixes(gallery.questions().values()).items()
        found = ((prefix, iri.removeprefix(space)) for prefix, space in named if iri.startswith(space))
        return next((f"{prefix}:{local}" for prefix, local in found), iri.split("://", 1)[-1])


# --- running -----------------------------------------------------------------------------------------------------


@questions.get("/q/<name>")
def rest(name: str) -> BaseResponse:
    """The answer to a question in any format of SPARQL results, with the headers of the SPARQL endpoint."""
    name, _, suffix = name.partition(".")
    asked = gallery.question(name)
    try:
        query = gallery.bound(asked, _given())
    except ParameterError as err:
        raise HttpError(400, str(err)) from err
    return _ask(query, suffix or request.args.get("format", ""))


def _given() -> dict[str, str]:
    """Return the parameters of the question as they were written.

    Raises:
        HttpError: one is given twice.
    """
    given = {name: found for name, found in request.args.lists() if name not in gallery.RESERVED}
    for name, found in given.items():
        if len(found) > 1:
            raise HttpError(400, f"{name[:100]}: this parameter is given {len(found)} times: give it once")
    return {name: found[0] for name, found in given.items()}


def _ask(query: str, fmt: str, **more: str) -> BaseResponse:
    """Return the SPARQL endpoint's own response to a query, for the client of this request."""
    endpoint: Callable[..., Any] = current_app.config["HUB_SPARQL"]
    fields = {"query": query, "format": fmt} if fmt else {"query": query}
    environ = {**request.environ, "PATH_INFO": "/sparql", "QUERY_STRING": urlencode(fields), **more}
    return Response.from_app(endpoint, environ)


def _answer(query: str) -> bytes:
    """Return the answer to a query in SPARQL JSON.

    Raises:
        HttpError: the endpoint refused the query, or it failed; with the endpoint's own words.
    """
    plain = dict.fromkeys(("HTTP_IF_NONE_MATCH", "HTTP_ACCEPT_ENCODING"), "")
    response = _ask(query, "json", REQUEST_METHOD="GET", **plain)
    if response.status_code != 200:
        kept = [(name, value) for name, value in response.headers if name == "Retry-After"]
        raise HttpError(response.status_code, response.get_json()["detail"], kept)
    return response.get_data()
