"""The hub's own questions: one ``.rq`` file each in ``sparql/``, run through the query workers.

A file begins with comment lines ``# title:``, ``# param: <name> - <meaning>`` and ``# returns:``. A parameter stands
in the text as ``$name`` and is only ever replaced by IRIs or literals that the term classes have checked.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from typing import Any

from pyoxigraph import (
    DefaultGraph,
    Literal,
    NamedNode,
    Quad,
    QueryResultsFormat,
    QuerySolutions,
    parse_query_results,
)

from hub.errors import NotFoundError
from hub.workers import WorkerPool

RESULTS = "application/sparql-results+json"


class Terms(tuple[NamedNode | Literal, ...]):
    """Several terms that stand one after another, as in ``VALUES``.

    >>> str(Terms([NamedNode("https://e.org/a"), Literal("b")]))
    '<https://e.org/a> "b"'
    """

    __slots__ = ()

    def __str__(self) -> str:
        return " ".join(map(str, self))


Term = NamedNode | Literal | Terms


@cache
def text(name: str) -> str:
    """Return a query's text by its path without suffix, e.g. ``describe/dataset``.

    Raises:
        NotFoundError: there is no such query.
    """
    file = files("sparql").joinpath(f"{name}.rq")
    if not re.fullmatch(r"[a-z]+/[a-z0-9-]+", name) or not file.is_file():
        raise NotFoundError(f"there is no query {name}")
    return file.read_text(encoding="utf-8")


def bind(query: str, params: dict[str, Term]) -> str:
    """Return a query with its ``$name`` parameters replaced by terms."""
    return re.sub(r"\$([a-z]\w*)", lambda m: str(params[m[1]]) if m[1] in params else m[0], query)


def select(pool: WorkerPool, name: str, **params: Term) -> Iterator[dict[str, Any]]:
    """Yield the rows of a named SELECT query, each as terms by variable.

    Raises:
        QueryError: the query failed or took too long.
    """
    body = b"".join(pool.query(bind(text(name), params), RESULTS))
    solutions = parse_query_results(body, format=QueryResultsFormat.JSON)
    assert isinstance(solutions, QuerySolutions)
    names = [v.value for v in solutions.variables]
    for row in solutions:
        yield {n: row[n] for n in names if row[n] is not None}


def quads(pool: WorkerPool, name: str, **params: Term) -> list[Quad]:
    """Return the quads that a named query gives as ?g ?s ?p ?o."""
    return [Quad(r["s"], r["p"], r["o"], r.get("g", DefaultGraph())) for r in select(pool, name, **params)]
