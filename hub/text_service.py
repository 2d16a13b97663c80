"""The hub's own SERVICE: full-text search of datasets inside SPARQL.

::

    PREFIX hub: <https://w3id.org/bioimage-hub/vocab#>
    SELECT ?dataset ?score WHERE {
      SERVICE hub:text { ?dataset hub:matches "light sheet zebrafish" ; hub:score ?score ; hub:limit 20 }
    }

``hub:matches`` takes words that must all occur, "quoted phrases", beginnings (``mitochond*``) and -words that must not
occur, as the search page does. ``hub:score`` tells how well a dataset fits, ``hub:limit`` how many of the best are
wanted; both may be left out. The datasets of one study are found together, by what any of them says.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from pyoxigraph import Literal, NamedNode, RdfFormat, Triple, parse

from hub.errors import QueryRefusedError, ResultTooLargeError
from hub.search.published import Searchers
from hub.snapshots import Snapshot
from hub.sparql_groups import Element, Query
from hub.sparql_rows import Row

VOCABULARY = "https://w3id.org/bioimage-hub/vocab#"
TEXT = f"{VOCABULARY}text"
MATCHES, SCORE, LIMIT = (f"{VOCABULARY}{name}" for name in ("matches", "score", "limit"))
_VARIABLE = "urn:x-hub:variable:"
_DECIMAL = NamedNode("http://www.w3.org/2001/XMLSchema#decimal")
_USAGE = 'SERVICE hub:text takes ?dataset hub:matches "words" ; hub:score ?score ; hub:limit 20, and nothing else'


class Search(NamedTuple):
    """What a pattern asks.

    Attributes:
        words: what is searched.
        dataset: variable of the datasets, or the one dataset that is asked for, as an IRI in ``<>``.
        score: variable of their scores, or "".
        limit: how many are wanted; None for all.
    """

    words: str
    dataset: str
    score: str = ""
    limit: int | None = None


class TextService:
    """Answers the SERVICE patterns of full-text search from the index of a snapshot; safe for threads."""

    def __init__(self, searchers: Searchers | None = None) -> None:
        self._searchers = searchers or Searchers()

    def rows(self, query: Query, element: Element, names: Sequence[str], snapshot: Snapshot, most: int) -> list[Row]:
        """Return the rows of a pattern.

        Args:
            query: the query.
            element: the SERVICE pattern in it.
            names: the variables of a row.
            snapshot: what is searched.
            most: how many rows there may be.

        Raises:
            QueryRefusedError: another pattern than this service takes.
            ResultTooLargeError: more rows.
            StoreError: the snapshot has no index.
        """
        search = read(query, element)
        wanted = min(most, search.limit or most)
        found = self._searchers.of(snapshot).matches(search.words, wanted + 1)
        if len(found) > most and (search.limit is None or search.limit > most):
            raise ResultTooLargeError(f"more than {most} datasets match {search.words!r}: add hub:limit, or words")
        rows: list[Row] = []
        for iri, score in found[:wanted]:
            dataset = str(NamedNode(iri))
            row = {search.dataset: dataset, search.score: str(Literal(f"{score:.9f}", datatype=_DECIMAL))}
            if dataset == search.dataset or not search.dataset.startswith("<"):
                rows.append(tuple(row[name] for name in names))
        return rows


def read(query: Query, element: Element) -> Search:
    """Return what a pattern asks.

    Raises:
        QueryRefusedError: another pattern than this service takes.
    """
    try:
        triples = _triples(query, element)
        subject = {triple.subject for triple in triples}.pop()
        found = {triple.predicate.value: triple.object for triple in triples}
    except (SyntaxError, ValueError, KeyError) as err:
        raise QueryRefusedError(_USAGE) from err
    words, score, limit = (found.pop(name, None) for name in (MATCHES, SCORE, LIMIT))
    known = len(triples) == sum(term is not None for term in (words, score, limit)) and not found
    if not known or any(triple.subject != subject for triple in triples) or not isinstance(subject, NamedNode):
        raise QueryRefusedError(_USAGE)
    if not isinstance(words, Literal) or (score is not None and _variable(score) in ("", _variable(subject))):
        raise QueryRefusedError(_USAGE)
    if limit is not None and not (isinstance(limit, Literal) and limit.value.isdecimal() and int(limit.value) > 0):
        raise QueryRefusedError(f"{_USAGE}: the limit is a number above zero")
    most = None if limit is None else int(limit.value)
    return Search(words.value, _variable(subject) or str(subject), _variable(score), most)


def _triples(query: Query, element: Element) -> list[Triple]:
    """The pattern's triples, read as Turtle in which variables are IRIs."""
    group = element.groups[0]
    tokens = [token for token in element.tokens if group.start <= token.start < group.end]
    texts = [f"<{_VARIABLE}{t.text[1:]}>" if t.kind == "var" else t.text for t in tokens]
    text = "".join(f"PREFIX {prefix}: <{iri}>\n" for prefix, iri in query.prefixes.items()) + " ".join(texts)
    stop = "" if text.endswith(".") else " ."
    return [quad.triple for quad in parse(text + stop, format=RdfFormat.TURTLE, base_iri=query.base or None)]


def _variable(term: object) -> str:
    """The name of the variable that a term stands for, or ""."""
    value = term.value if isinstance(term, NamedNode) else ""
    return value.removeprefix(_VARIABLE) if value.startswith(_VARIABLE) else ""
