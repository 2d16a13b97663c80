"""Queries that the engine would answer wrongly: a sub-SELECT inside ``GRAPH ?g`` that does not hand ``?g`` on.

SPARQL evaluates what is inside ``GRAPH ?g`` for one graph at a time. The engine (Oxigraph 0.5) matches all graphs at
once and lets ``?g`` tell them apart; a sub-SELECT that does not project it loses it, and aggregates there run over all
graphs together. Such a query is refused with a hint how to write it, rather than answered with wrong numbers.

Source: https://www.w3.org/TR/sparql11-query/#sparqlAlgebraEval (the evaluation of Graph)
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import defaultdict
from typing import NamedTuple

from hub.errors import QueryRefusedError
from hub.sparql_guard import decode_escapes, matches

_AGGREGATES = frozenset(("COUNT", "SUM", "MIN", "MAX", "AVG", "SAMPLE", "GROUP_CONCAT"))
_TOKEN = re.compile(
    r'''\#[^\n\r]*+
      | """(?:[^"\\]|\\.|"(?!""))*+""" | \'\'\'(?:[^'\\]|\\.|'(?!\'\'))*+\'\'\'
      | "(?:[^"\\\n\r]|\\.)*+"?+ | '(?:[^'\\\n\r]|\\.)*+'?+
      | <[^<>"{}|^`\\\x00-\x20]*+>
      | (?P<words>[^\W\d][\w.\-]*+)(?P<name>:(?:[\w.\-:%]|\\.)*+)? | :(?:[\w.\-:%]|\\.)*+
      | (?P<token>[?$]\w++ | [(){}*])''',
    re.VERBOSE | re.DOTALL,
)
_WORD = re.compile(r"[A-Z]\w*+")


class _Select(NamedTuple):
    """The head of a SELECT: what it gives, whether it aggregates, where its pattern begins."""

    given: set[str]
    aggregates: bool
    pattern: int


def check(text: str) -> None:
    """Refuse a query that the engine would answer wrongly.

    Raises:
        QueryRefusedError: a sub-SELECT inside ``GRAPH ?g`` does not give ``?g``, and that can be told from the answer.
    """
    lower = text.lower()
    if "graph" not in lower or "select" not in lower:
        return
    if name := _mixed(_tokens(decode_escapes(text))):
        raise QueryRefusedError(
            f"a sub-SELECT inside GRAPH {name} would mix all graphs here: write GRAPH {name} {{ … }} inside the "
            f"sub-SELECT, with {name} after its SELECT, and after GROUP BY if it aggregates"
        )


def _tokens(text: str) -> list[str]:
    """Return variables, words, brackets and asterisks; IRIs, names, texts and comments are passed over."""
    found: list[str] = []
    for match in matches(_TOKEN, text):
        if token := match["token"]:
            found.append("?" + token[1:] if token[0] == "$" else token)
        elif (words := match["words"]) and match["name"] is None:
            found += _WORD.findall(words.upper())
    return found


def _mixed(tokens: list[str]) -> str | None:
    """Return the variable of the first ``GRAPH`` with a sub-SELECT that hides it."""
    text = _Text(tokens, _ends(tokens), _places(tokens))
    graphs: list[str | None] = [None]
    place, shows_all = 0, False
    while place < len(tokens):
        token, before = tokens[place], tokens[max(0, place - 2) : place]
        if token == "SELECT":
            head, graph = _select(tokens, place + 1), graphs[-1]
            shows_all = shows_all or (len(graphs) == 1 and "*" in head.given)
            if graph is not None and text.hides(graph, place, head, shows_all):
                return graph
            graphs.append(graph)
            place = head.pattern
        elif token == "{":
            graphs.append(before[1] if before[:1] == ["GRAPH"] else None if before[-1:] == ["GRAPH"] else graphs[-1])
        elif token == "}" and len(graphs) > 1:
            graphs.pop()
        place += 1
    return None


class _Text(NamedTuple):
    """A query's tokens, where each opening brace is closed, and where each variable stands."""

    tokens: list[str]
    ends: dict[int, int]
    places: defaultdict[str, list[int]]

    def hides(self, graph: str, place: int, head: _Select, shows_all: bool) -> bool:
        """Whether the sub-SELECT at a place does not give the graph's variable, and the answer shows that."""
        end = self.ends.get(head.pattern, len(self.tokens))
        if graph in head.given or ("*" in head.given and self._count(graph, head.pattern, end)):
            return False
        elsewhere = len(self.places[graph]) - self._count(graph, place, end)
        return head.aggregates or shows_all or elsewhere > 1

    def _count(self, variable: str, start: int, end: int) -> int:
        places = self.places[variable]
        return bisect_left(places, end) - bisect_left(places, start)


def _select(tokens: list[str], start: int) -> _Select:
    """Return the head of the SELECT whose first token after the keyword is at ``start``."""
    given: set[str] = set()
    depth, place = 0, start
    while place < len(tokens) and (depth or tokens[place] != "{"):
        token = tokens[place]
        depth += (token in "({") - (token in ")}")
        if (depth == 0 and token[0] in "?*") or (depth == 1 and tokens[place - 1] == "AS"):
            given.add(token)
        place += 1
    return _Select(given, not _AGGREGATES.isdisjoint(tokens[start:place]), place)


def _ends(tokens: list[str]) -> dict[int, int]:
    """Return the place of the closing brace for the place of each opening one."""
    ends: dict[int, int] = {}
    opened: list[int] = []
    for place, token in enumerate(tokens):
        if token == "{":
            opened.append(place)
        elif token == "}" and opened:
            ends[opened.pop()] = place
    return ends


def _places(tokens: list[str]) -> defaultdict[str, list[int]]:
    """Return the places of each variable."""
    places: defaultdict[str, list[int]] = defaultdict(list)
    for place, token in enumerate(tokens):
        if token[0] == "?":
            places[token].append(place)
    return places
