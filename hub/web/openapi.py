"""``/openapi.json``: what programs can ask the hub, as OpenAPI 3.1; only routes that this application has.

Source: https://spec.openapis.org/oas/v3.1.0.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from hashlib import sha256
from importlib.metadata import version
from typing import Any, Final

from flask import Blueprint, Response, current_app, request
from pydantic import TypeAdapter
from werkzeug.wrappers import Response as BaseResponse

from hub.config import Settings
from hub.search.contract import FACETS, HAS, MAX_PER_PAGE, RANGES, SIZES, SORTS, Member
from hub.search_exports import EXPORTS
from hub.search_sources import Feed
from hub.web.protocol import root

openapi = Blueprint("openapi", __name__)
JSON: Final = "application/json"
PROBLEM: Final = "application/problem+json"
Schema = dict[str, Any]


@openapi.get("/openapi.json")
def show() -> BaseResponse:
    """The description of the whole application."""
    settings: Settings = current_app.config["HUB_SETTINGS"]
    here = root(request.environ, settings.trusted_proxies, settings.base_iri)
    rules = {path_of(rule.rule) for rule in current_app.url_map.iter_rules()} | {"/sparql"}
    body = json.dumps(document(here, rules), ensure_ascii=False, indent=1)
    response = Response(body, content_type=JSON)
    response.set_etag(sha256(body.encode()).hexdigest()[:32])
    response.cache_control.public = True
    response.cache_control.max_age = 3600
    return response.make_conditional(request)


def path_of(rule: str) -> str:
    """Return a route as OpenAPI writes it.

    >>> path_of("/gene/<path:name>")
    '/gene/{name}'
    """
    return re.sub(r"<(?:[^:<>]+:)?(\w+)>", r"{\1}", rule)


def document(here: str, rules: set[str]) -> Schema:
    """Return the description.

    Args:
        here: absolute address of the hub.
        rules: paths that there are.
    """
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Bioimage hub",
            "version": version("bioimage-hub"),
            "description": "Metadata of public bioimage datasets of several archives. Every answer names the snapshot "
            "that it is true of (X-Hub-Sequence); errors are problem documents (RFC 9457).",
        },
        "servers": [{"url": here}],
        "paths": {path: operations for path, operations in _paths().items() if path in rules},
        "components": {"schemas": _schemas()},
    }


# --- paths --------------------------------------------------------------------------------------------------------


def _paths() -> dict[str, Schema]:
    files = {one.format.media_type: {"schema": {"type": "string"}} for one in EXPORTS.values()}
    found = {JSON: _ref("SearchAnswer"), "text/html": _text(), "application/atom+xml": _text(), **files}
    choices = ["html", "json", "atom", *EXPORTS]
    return {
        "/search": _get(
            "search", "Search studies", "The answer", found, [*search_parameters(), _PEERS, _format(choices)]
        ),
        "/search/suggest": _get(
            "suggest",
            "What somebody who is typing may mean",
            "OpenSearch suggestions: words, texts, counts in words, addresses, and what each is",
            {"application/x-suggestions+json": _ref("Suggestions"), JSON: _ref("Suggestions")},
            [_query("q", "what was typed"), _query("limit", "how many, 1 to 20", {"type": "integer", "default": 8})],
        ),
        "/opensearch.xml": _get(
            "opensearch",
            "OpenSearch description",
            "How to search here",
            {"application/opensearchdescription+xml": _text()},
        ),
        "/dataset/{archive}/{accession}": _get(
            "dataset",
            "One dataset, in the format that is asked for",
            "The record",
            {"application/ld+json": _object(), "text/turtle": _text(), "text/html": _text()},
            [_in_path("archive", "name of the archive"), _in_path("accession", "the archive's identifier")],
            {"404": "There is no such dataset", "410": "It was withdrawn"},
        ),
        "/resolve": {
            **_get(
                "resolve",
                "What an identifier names",
                "The one thing that it names",
                {JSON: _ref("Meaning")},
                [_query("id", "an identifier in any spelling", required=True)],
                {"300": "Several things; they are listed", "404": "Nothing that the hub knows"},
            ),
            "post": _resolve_many(),
        },
        "/links": _get(
            "links",
            "Links that changed after a cursor, page by page",
            "A page of links",
            {JSON: _object(), "text/csv": _text()},
            [_query("since", "cursor of the last page"), _query("limit", "how many", {"type": "integer"})],
            {"410": "The cursor is too old: begin again without it"},
        ),
        "/basket/manifest/{file}": _get(
            "manifest",
            "A file that describes the datasets of a basket, or of a search",
            "The file",
            {"application/octet-stream": _text()},
            [_in_path("file", "name of the file"), _query("d", "dataset as archive/accession", _texts())],
        ),
        "/q/{name}": _get(
            "question",
            "The answer to a saved question",
            "A table",
            {"application/sparql-results+json": _object(), "text/csv": _text()},
            [_in_path("name", "name of the question")],
            {"404": "There is no such question"},
        ),
        "/sparql": _get(
            "sparql",
            "SPARQL 1.1 query",
            "The result",
            {"application/sparql-results+json": _object(), "text/turtle": _text()},
            [_query("query", "the query", required=True)],
        ),
        "/status": _get("status", "How the hub and its sources are", "The state", {JSON: _ref("Status")}),
        "/healthz": _get("healthz", "Whether there is a snapshot to serve", "It serves", {JSON: _ref("Health")}),
        "/openapi.json": _get("openapi", "This description", "OpenAPI 3.1", {JSON: _object()}),
    }


def search_parameters() -> list[Schema]:
    """Return the parameters of a search, as every place that takes a search takes them."""
    found = [_query("q", 'words that must all occur, "phrases", beginnings with *, -words that must not')]
    named: dict[str, list[str]] = {"has": list(HAS), "size": list(SIZES)}
    for facet in FACETS:
        item = {"type": "string", "enum": named[facet.name]} if facet.name in named else {"type": "string"}
        said = f"{facet.title}; several values mean one or the other"
        found.append(_query(facet.name, said, {"type": "array", "items": item}))
    for one in RANGES:
        for end, words in (("min", "at least"), ("max", "at most")):
            unit = f" ({one.unit})" if one.unit else ""
            found.append(_query(f"{one.name}_{end}", f"{one.title}, {words}{unit}", {"type": "string"}))
    found.append(_query("sort", "order", {"type": "string", "enum": list(SORTS), "default": "relevance"}))
    found.append(_query("page", "from 1", {"type": "integer", "minimum": 1, "default": 1}))
    size = {"type": "integer", "minimum": 1, "maximum": MAX_PER_PAGE, "default": 20}
    found.append(_query("per_page", "studies of a page", size))
    found.append(_query("exact", "do not look for similar words", {"type": "string", "enum": ["0", "1"]}))
    found.append(_query("asOf", "a change's number or an ISO 8601 time: what the hub held then", {"type": "string"}))
    return found


def _resolve_many() -> Schema:
    body = {"type": "array", "items": {"type": "string"}, "maxItems": 1000}
    answer = {"type": "array", "items": {"$ref": "#/components/schemas/Resolution"}}
    return {
        "operationId": "resolveMany",
        "summary": "What several identifiers name, in their order",
        "requestBody": {"required": True, "content": {JSON: {"schema": body}}},
        "responses": {"200": _answer("What each names", {JSON: {"schema": answer}}), **_errors({})},
    }


def _get(
    name: str,
    summary: str,
    answer: str,
    content: Schema,
    parameters: list[Schema] | None = None,
    errors: dict[str, str] | None = None,
) -> Schema:
    responses = {"200": _answer(answer, content), **_errors(errors or {})}
    return {"get": {"operationId": name, "summary": summary, "parameters": parameters or [], "responses": responses}}


def _answer(text: str, content: Schema) -> Schema:
    headers = {
        "X-Hub-Sequence": {"description": "the change that the answer is true of", "schema": {"type": "integer"}}
    }
    return {"description": text, "headers": headers, "content": content}


def _errors(more: dict[str, str]) -> Schema:
    said = {"400": "A parameter cannot be read; the text names it", "503": "Nothing published yet, or busy", **more}
    problem = {PROBLEM: _ref("Problem")}
    return {status: {"description": text, "content": problem} for status, text in sorted(said.items())}


def _query(name: str, text: str, schema: Schema | None = None, *, required: bool = False) -> Schema:
    said = {"name": name, "in": "query", "description": text, "schema": schema or {"type": "string"}}
    return {**said, "required": True} if required else said


def _in_path(name: str, text: str) -> Schema:
    return {"name": name, "in": "path", "required": True, "description": text, "schema": {"type": "string"}}


def _format(names: list[str]) -> Schema:
    return _query("format", "instead of the Accept header", {"type": "string", "enum": names})


def _ref(name: str) -> Schema:
    return {"schema": {"$ref": f"#/components/schemas/{name}"}}


def _text() -> Schema:
    return {"schema": {"type": "string"}}


def _object() -> Schema:
    return {"schema": {"type": "object"}}


def _texts() -> Schema:
    return {"type": "array", "items": {"type": "string"}}


# --- schemas ------------------------------------------------------------------------------------------------------

_TEXT: Final[Schema] = {"type": "string"}
_NUMBER: Final[Schema] = {"type": "integer"}
_MAYBE_TEXT: Final[Schema] = {"type": ["string", "null"]}
_PEERS: Final = _query("peers", "ask other hubs too; for HTML and JSON", {"type": "string", "enum": ["0", "1"]})


def _schemas() -> dict[str, Schema]:
    pieces = _list(_record({"text": _TEXT, "match": {"type": "boolean"}}))
    datasets = _list({"$ref": "#/components/schemas/Dataset"})
    hit = {
        "study": _TEXT,
        "score": {"type": "number"},
        "dataset": {"$ref": "#/components/schemas/Dataset"},
        "also_in": datasets,
        "title": pieces,
        "excerpt": pieces,
        "matched": _texts(),
    }
    counts = _list({"$ref": "#/components/schemas/Count"})
    count = {"value": _TEXT, "label": _TEXT, "studies": _NUMBER, "chosen": {"type": "boolean"}, "narrower": counts}
    return {
        "SearchAnswer": _search_answer(counts),
        "Hit": _record(hit, found_at={"type": "object", "additionalProperties": _TEXT}),
        "Dataset": _of(Member, {"page": {**_TEXT, "description": "absolute address of the dataset's page"}}),
        "Count": _record(count),
        "Source": _record(
            {
                "archive": _TEXT,
                "title": _TEXT,
                "page": _TEXT,
                "datasets": _NUMBER,
                "as_of": _MAYBE_TEXT,
                "feeds": _list(_of(Feed, {"as_of": _MAYBE_TEXT})),
            }
        ),
        "Suggestions": _suggestions(),
        "Meaning": _meaning(),
        "Resolution": _record(
            {"asked": _TEXT, "status": _TEXT, "meanings": _list({"type": "object"}), "near": _texts()}
        ),
        "Status": {"type": "object", "required": ["snapshot", "sequence", "records", "sources"]},
        "Health": _record({"status": _TEXT}, ["status"], sequence=_NUMBER),
        "Problem": _record({"type": _TEXT, "title": _TEXT, "status": _NUMBER, "detail": _TEXT}),
    }


def _search_answer(counts: Schema) -> Schema:
    asked = {
        "q": _TEXT,
        "filters": {"type": "object", "additionalProperties": _texts()},
        "ranges": {"type": "object", "additionalProperties": {"type": "object"}},
        "sort": {"type": "string", "enum": list(SORTS)},
        "page": _NUMBER,
        "per_page": _NUMBER,
        "exact": {"type": "boolean"},
    }
    facet = _record({"title": _TEXT, "kind": {"type": "string", "enum": ["text", "thing", "tree"]}, "values": counts})
    links = {"self": _TEXT, "html": _TEXT, "first": _TEXT, "last": _TEXT, "prev": _TEXT, "next": _TEXT}
    fields = {
        "asked": _record(asked),
        "total": {**_NUMBER, "description": "studies that match, exactly"},
        "datasets": {**_NUMBER, "description": "datasets that these are"},
        "total_bytes": {**_NUMBER, "description": "sum of the sizes that are known"},
        "sized": {**_NUMBER, "description": "studies whose size is known"},
        "instead": {**_TEXT, "description": "words that were searched for where those that were typed gave nothing"},
        "suggestions": _list(_record({"q": _TEXT, "studies": _NUMBER})),
        "hits": _list({"$ref": "#/components/schemas/Hit"}),
        "facets": {"type": "object", "additionalProperties": facet},
        "links": _record(links, ["self", "html", "first", "last"]),
        "completeness": {**_TEXT, "description": "what the answer is complete of"},
        "gaps": {**_texts(), "description": "what is known to lack"},
        "sources": _list({"$ref": "#/components/schemas/Source"}),
        "sequence": _NUMBER,
        "published": {"type": "string", "format": "date-time"},
    }
    return _record(fields, peers=_list(_peer()))


def _peer() -> Schema:
    """Return what became of asking one peer."""
    state = {"type": "string", "enum": ["ok", "slow", "failed"]}
    total = {"type": ["integer", "null"], "description": "studies that match there"}
    told = {"name": _TEXT, "url": _TEXT, "state": state, "total": total, "hits": _NUMBER, "error": _MAYBE_TEXT}
    return _record({**told, "seconds": {"type": "number"}})


def _suggestions() -> Schema:
    kinds = _list(_record({"text": _TEXT, "kind": _TEXT, "studies": _NUMBER, "iri": _TEXT, "page": _TEXT}))
    return {"type": "array", "prefixItems": [_TEXT, _texts(), _texts(), _texts(), kinds], "minItems": 5, "maxItems": 5}


def _meaning() -> Schema:
    fields = {
        "asked": _TEXT,
        "kind": _TEXT,
        "iri": _TEXT,
        "curie": _TEXT,
        "known": {"type": "boolean"},
        "equivalents": _texts(),
        "datasets": _NUMBER,
        "first": _list({"type": "object"}),
        "page": _MAYBE_TEXT,
    }
    return _record(fields, list(fields), title=_TEXT, state=_TEXT)


def _of(cls: type, more: dict[str, Schema]) -> Schema:
    """Return the schema of a dataclass: its attributes, all of which are there, with what its docstring says."""
    said = dict(_attributes(cls.__doc__ or ""))
    drawn = TypeAdapter(cls).json_schema(mode="serialization")["properties"]
    fields = {
        name: {**{k: v for k, v in schema.items() if k not in ("title", "default")}, "description": said.get(name, "")}
        for name, schema in drawn.items()
    }
    return _record({**fields, **more})


def _attributes(text: str) -> Iterator[tuple[str, str]]:
    """Yield name and meaning of each attribute that a docstring tells of."""
    body = " ".join(text.partition("Attributes:")[2].split()).replace("``", "`").replace("None", "null")
    yield from re.findall(r"(?:^|(?<=\. ))(\w+): (.*?\.)(?= \w+: |$)", body)


def _list(item: Schema) -> Schema:
    return {"type": "array", "items": item}


def _record(fields: dict[str, Schema], required: list[str] | None = None, **more: Schema) -> Schema:
    return {
        "type": "object",
        "required": list(fields) if required is None else required,
        "properties": {**fields, **more},
    }
