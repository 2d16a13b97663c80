"""Whether two servers answer a query alike: number of rows, and a digest of what they say in whatever order.

An answer that is cut by LIMIT may be cut elsewhere by another server among equals. Then the whole answer is compared,
and of the cut one its length and the values that it is ordered by.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable
from typing import Any, NamedTuple
from urllib.error import HTTPError

from pyoxigraph import BlankNode, Literal, RdfFormat, parse

from tests.benchmarks.servers import Server

Term = tuple[str, str, str]
"""Kind, value, datatype or language; a blank node has no value."""
Row = tuple[tuple[str, Term], ...]
_STRING = "http://www.w3.org/2001/XMLSchema#string"
_LIMITED = re.compile(r"(?: ORDER BY (?:DESC)?\(?\?(\w+)\)?)? LIMIT \d+$")
_NUMBER = re.compile(r"[+-]?\d+(?:\.\d*)?(?:[eE][+-]?\d+)?")


class Digest(NamedTuple):
    """What an answer says.

    Attributes:
        rows: how many rows, or different triples.
        order: values of the variable that a cut answer is ordered by, as they came.
        terms: of all terms, with datatypes and languages.
        values: of kinds and values only, numbers by what they are worth.
    """

    rows: int
    order: tuple[str, ...]
    terms: str
    values: str


def digest(server: Server, query: str) -> Digest | None:
    """Ask a server and return what it says; None when it gives up with a status of 500 or above."""
    cut = _LIMITED.search(query)
    try:
        asked = _ask(server, query)
        whole = _ask(server, query[: cut.start()]) if cut else asked
    except HTTPError as error:
        if error.code < 500:
            raise
        return None
    order = tuple(_plain(dict(row)[cut[1]])[1] for row in asked) if cut and cut[1] else ()
    return Digest(len(asked), order, _hash(whole), _hash(tuple((name, _plain(t)) for name, t in r) for r in whole))


def compare(mine: Digest | None, theirs: Digest | None) -> str:
    """Return how alike two answers are.

    "terms" when they are the same, "values" when only datatypes differ, "" when they differ, "unanswered" when there
    are not two.
    """
    if mine is None or theirs is None:
        return "unanswered"
    if mine[:2] != theirs[:2] or mine.values != theirs.values:
        return ""
    return "terms" if mine.terms == theirs.terms else "values"


def _ask(server: Server, query: str) -> list[Row]:
    rows = read(server.ask(query))
    return list(set(rows)) if "CONSTRUCT {" in query else rows


def read(body: bytes) -> list[Row]:
    """Return the rows of JSON results, or triples as rows of ``s``, ``p`` and ``o`` (Virtuoso's JSON has them so)."""
    if body.lstrip().startswith(b"{"):
        rows = json.loads(body)["results"]["bindings"]
        return [tuple(sorted((name, _term(said)) for name, said in row.items())) for row in rows]
    return [_triple(triple) for triple in parse(body, RdfFormat.N_TRIPLES)]


def _term(said: dict[str, Any]) -> Term:
    kind = said["type"].removeprefix("typed-")
    datatype = said.get("datatype", "")
    tag = said.get("xml:lang", "").lower() or (datatype if datatype != _STRING else "")
    return kind, "" if kind == "bnode" else str(said["value"]), tag


def _triple(triple: Any) -> Row:
    return ("o", _of(triple.object)), ("p", _of(triple.predicate)), ("s", _of(triple.subject))


def _of(term: Any) -> Term:
    if isinstance(term, BlankNode):
        return "bnode", "", ""
    if not isinstance(term, Literal):
        return "uri", term.value, ""
    return "literal", term.value, term.language or ("" if term.datatype.value == _STRING else term.datatype.value)


def _plain(term: Term) -> Term:
    kind, value, tag = term
    if kind != "literal":
        return term
    if tag.endswith("#boolean"):
        value = str(int(value in ("true", "1")))
    return kind, f"{float(value):.12g}" if tag and _NUMBER.fullmatch(value) else value, ""


def _hash(rows: Iterable[Row]) -> str:
    return hashlib.blake2b("\n".join(sorted(map(repr, rows))).encode(), digest_size=12).hexdigest()
