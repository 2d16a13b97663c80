"""One query with SERVICE on its way to one without: pattern by pattern, each replaced by its rows.

Which rows are asked for: those that agree with the rest of the group (:mod:`hub.sparql_joins`), by VALUES, in requests
of some hundred bindings; all rows where nothing else says what matters. Rows are counted: too many are an error, and
never a part of them an answer.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from hub import places, sparql_groups, sparql_joins, sparql_rows
from hub.config import Service
from hub.errors import QueryMemoryError, QueryRefusedError, QueryTimeoutError, ResultTooLargeError, ServiceError
from hub.places import CallerGoneError
from hub.service_client import ServiceClient
from hub.snapshots import Snapshot
from hub.sparql_groups import Element, Group, Query, Step, certain, is_joined, variables, words
from hub.sparql_joins import Level
from hub.sparql_rows import Row
from hub.text_service import TEXT, TextService

BATCH = 250
"""Bindings in one request."""
MAX_BINDINGS = 10_000
"""Bindings that are sent for one pattern; with more all rows are asked for."""
MAX_PARTS = 4
"""Parts of the rest of a group that are looked at."""
MAX_REQUESTS = 60
MAX_TEXT_BYTES = 16 << 20
"""Longest query with rows in it."""
_NODE = "urn:x-hub:node:"
_SENT_WHOLE = frozenset(("LIMIT", "OFFSET"))
_BARRIERS = frozenset(("optional", "minus", "bind", "lateral"))


class Ask(Protocol):
    """Runs a query without SERVICE; over no data at all unless ``is_about_data``."""

    def __call__(self, text: str, media_type: str, timeout_s: float, is_about_data: bool) -> bytes:
        """Return the answer."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one query with SERVICE may take.

    Attributes:
        base_iri: start of the IRIs that other endpoints' blank nodes get.
        timeout_s: longest time for the whole query.
        service_timeout_s: longest time for one answer.
        rows: most rows of one pattern.
    """

    base_iri: str = ""
    timeout_s: float = 30.0
    service_timeout_s: float = 15.0
    rows: int = 20_000


class Bindings(NamedTuple):
    """Values that variables have together in the rest of a group; no rows: nothing matters."""

    names: tuple[str, ...]
    rows: list[Row]


class Rewriting:
    """Replaces the SERVICE patterns of one query.

    Args:
        query: the query.
        ask: runs its local parts.
        find: gives the endpoint that an IRI names.
        client: asks endpoints.
        texts: the full-text index.
        snapshot: what is searched in it.
        limits: what may be taken.
        ends_at: when the whole query must be done, on the monotonic clock.
    """

    def __init__(
        self,
        query: Query,
        ask: Ask,
        find: Callable[[str], Service | None],
        client: ServiceClient,
        texts: TextService | None,
        snapshot: Snapshot | None,
        limits: Limits,
        ends_at: float,
    ) -> None:
        self._query, self._ask, self._find, self._client = query, ask, find, client
        self._texts, self._snapshot, self._limits, self._ends_at = texts, snapshot, limits, ends_at
        self._requests = 0
        self._ready: dict[Element, str] = {}
        self._left_out: set[Element] = set()

    def run(self) -> str:
        """Return the query without SERVICE.

        Raises:
            QueryError: see :meth:`hub.federation.Federation.query`.
        """
        ways = list(self._query.services())
        for way in ways:
            self._check(way)
        while ways:
            way = min(ways, key=self._rank)
            ways.remove(way)
            self._answer(way)
        self._left_s()
        text = self._text(0, len(self._query.text))
        if len(text) > MAX_TEXT_BYTES:
            raise ResultTooLargeError("the rows of SERVICE are too long together: ask for less")
        return text

    # --- what may be asked, and in which order

    def _check(self, way: list[Step]) -> None:
        """Refuse what is not allowed, or has no right answer here."""
        for step in way:
            if step.element.kind == "graph" and step.element.name is not None and step.element.name.kind == "var":
                raise QueryRefusedError(f"SERVICE inside GRAPH {step.element.name.text}: move it out of those braces")
            if step.element.kind == "lateral":
                raise QueryRefusedError("SERVICE inside LATERAL is refused here: join it with plain braces")
        element = way[-1].element
        self._check_exists(way)
        if r"\u" in (text := self._source(element)) or r"\U" in text:
            raise QueryRefusedError("SERVICE with a codepoint escape: write the character itself")
        if self._iri(element) == TEXT:
            return
        service = self._service(self._iri(element)) if self._iri(element) else None
        for inner in sparql_groups.inner_services(element.groups[0]):
            iri = self._iri(inner)
            if iri != TEXT and not (iri and (self._find(iri) or (service and iri in service.inner))):
                raise QueryRefusedError(f"SERVICE {iri or 'of a variable'} inside of another one is not allowed here")

    def _check_exists(self, way: list[Step]) -> None:
        """Refuse a SERVICE in EXISTS whose rows would differ if the values of a variable outside were put into it."""
        if (span := sparql_groups.exists_of(self._query, way)) is None:
            return
        outside = [token for token in self._query.root.tokens if not span[0] <= token.start < span[1]]
        group = way[-1].element.groups[0]
        inside = variables(t for t in way[-1].element.tokens if group.start <= t.start < group.end)
        if unsure := sorted((variables(outside) & inside) - certain(group.elements)):
            raise QueryRefusedError(
                f"SERVICE inside EXISTS with ?{unsure[0]} from outside: use ?{unsure[0]} in a triple of its own braces"
            )

    def _rank(self, way: list[Step]) -> int:
        """First what is near, then what something is known of, then the rest; else as they stand."""
        element = way[-1].element
        if self._iri(element) == TEXT:
            return 0
        wanted = self._wanted(element)
        return 1 if any(wanted & _names(part) for part in sparql_joins.parts(self._levels(way))) else 2

    def _iri(self, element: Element) -> str:
        """The endpoint's IRI; "" for a variable."""
        assert element.name is not None
        return "" if element.name.kind == "var" else self._query.iri(element.name)

    def _service(self, iri: str) -> Service:
        service = self._find(iri)
        if service is None:
            raise QueryRefusedError(
                f"SERVICE <{iri}> is not allowed here: ask it by itself, or have the operator add it to [services]"
            )
        return service

    # --- one pattern

    def _answer(self, way: list[Step]) -> None:
        element = way[-1].element
        names = self._scope(element)
        if self._iri(element) == TEXT:
            if self._texts is None or self._snapshot is None:
                raise QueryRefusedError("there is no full-text index here")
            rows = self._texts.rows(self._query, element, names, self._snapshot, self._limits.rows)
        else:
            rows = self._remote(way, names)
        self._ready[element] = sparql_rows.table(names, rows)

    def _scope(self, element: Element) -> list[str]:
        """The variables that a pattern gives values to, in the engine's own words."""
        group = element.groups[0]
        text = sparql_groups.without(self._query.text, sparql_groups.service_heads(self._query.text))
        pattern = text[group.start : group.end]
        asked = f"{self._query.prologue}\nSELECT * WHERE {{\n{pattern}\n}} LIMIT 0"
        names = sparql_rows.variables(self._ask(asked, sparql_rows.MEDIA_TYPE, self._left_s(), False))
        variable = sparql_joins.name_of(element)
        if variable in names:
            raise QueryRefusedError(f"SERVICE ?{variable} with ?{variable} inside its braces is refused here")
        return [variable, *names] if variable else names

    def _remote(self, way: list[Step], names: list[str]) -> list[Row]:
        element = way[-1].element
        known = self._bindings(way, element)
        if known is not None and not known.rows:
            return []
        if not (variable := sparql_joins.name_of(element)):
            return self._rows(element, self._service(self._iri(element)), names, known)
        if known is None or variable not in known.names:
            raise QueryRefusedError(f"SERVICE ?{variable}: nothing beside it says which endpoints those are")
        rows: list[Row] = []
        for term, part in _by(known, variable).items():
            place, others = names.index(variable), [name for name in names if name != variable]
            found = self._rows(element, self._service(term[1:-1]), others, part)
            rows += [(*row[:place], term, *row[place:]) for row in found]
        return rows

    def _rows(self, element: Element, service: Service, names: list[str], known: Bindings | None) -> list[Row]:
        try:
            return self._asked(element, service, names, known)
        except ServiceError:
            if not element.silent:
                raise
            return [(None,) * len(names)]

    def _asked(self, element: Element, service: Service, names: list[str], known: Bindings | None) -> list[Row]:
        if known is not None and len(known.rows) > BATCH and not _SENT_WHOLE.isdisjoint(words(element.tokens)):
            known = None
        rows: list[Row] = []
        for start in range(0, len(known.rows) if known else 1, BATCH):
            part = Bindings(known.names, known.rows[start : start + BATCH]) if known else None
            rows += self._request(element, service, names, part)
            if len(rows) > self._limits.rows:
                most = self._limits.rows
                raise ResultTooLargeError(f"SERVICE {service.name} has more than {most} rows: ask for less")
        return rows

    def _request(self, element: Element, service: Service, names: list[str], known: Bindings | None) -> list[Row]:
        question = self._question(element, names, known)
        until = min(self._ends_at, time.monotonic() + self._limits.service_timeout_s)
        body = self._client.select(service, question, until, self._count)
        digest = hashlib.sha256(b"\n".join((service.url.encode(), question.encode(), body))).hexdigest()[:16]
        base = f"{self._limits.base_iri}.well-known/genid/" if self._limits.base_iri else "urn:x-hub:genid:"
        try:
            rows = sparql_rows.read(body, names, f"{base}{digest}-")
        except ValueError as err:
            raise ServiceError(f"SERVICE {service.name} answered what cannot be used: {err}") from err
        needed = [names.index(name) for name in certain(element.groups[0].elements) if name in names]
        if any(row[place] is None for row in rows for place in needed):
            raise ServiceError(f"SERVICE {service.name} left a variable of a triple without value")
        return rows

    def _question(self, element: Element, names: list[str], known: Bindings | None) -> str:
        """The query that an endpoint is sent."""
        group = element.groups[0]
        pattern = self._query.text[group.start : group.end]
        lead = sparql_rows.values(known.names, known.rows) if known else ""
        if known and not set(known.names) <= _leading(group):
            pattern = f"{{\n{pattern}\n}}"
        head = " ".join(f"?{name}" for name in names) or "(1 AS ?one)"
        return f"{self._declared(element)}SELECT {head} WHERE {{\n{lead}\n{pattern}\n}} LIMIT {self._limits.rows + 1}"

    def _declared(self, element: Element) -> str:
        used = {token.text.partition(":")[0] for token in element.tokens if token.kind == "name"}
        lines = [f"BASE <{self._query.base}>"] if self._query.base else []
        lines += [f"PREFIX {prefix}: <{iri}>" for prefix, iri in self._query.prefixes.items() if prefix in used]
        return "".join(f"{line}\n" for line in lines)

    def _count(self) -> None:
        self._requests += 1
        if self._requests > MAX_REQUESTS:
            raise ResultTooLargeError(f"SERVICE would need more than {MAX_REQUESTS} requests: ask for less")
        if places.current.get().is_gone():
            raise CallerGoneError(places.LEFT)
        self._left_s()

    # --- what it joins with

    def _levels(self, way: list[Step]) -> list[Level]:
        def is_ready(element: Element) -> bool:
            return element not in self._left_out and all(found in self._ready for found in _services(element))

        return sparql_joins.levels(way, is_ready)

    def _wanted(self, element: Element) -> set[str]:
        """The variables whose values are worth knowing: all rows have one for them."""
        found = certain(element.groups[0].elements)
        return found | {name} if (name := sparql_joins.name_of(element)) else found

    def _bindings(self, way: list[Step], element: Element) -> Bindings | None:
        """The fewest bindings that say which rows matter; None if all may."""
        self._settle(way)
        levels, needed, found = self._levels(way), sparql_joins.name_of(element), []
        outside = way[: len(way) - len(levels)]
        wanted = self._wanted(element)
        shares = [(part, sorted(wanted & _names(part))) for part in sparql_joins.parts(levels)]
        for part, shared in [(p, s) for p, s in shares if s and (not needed or needed in s)][:MAX_PARTS]:
            text = _inside(outside, sparql_joins.write(levels, part, self._source, self._graph), self._graph)
            head = f"DISTINCT {' '.join(f'?{name}' for name in shared)}"
            found += _usable(shared, self._local(head, text, MAX_BINDINGS)[1])
        return min(found, key=lambda known: len(known.rows), default=None)

    def _settle(self, way: list[Step]) -> None:
        """Evaluate once what may come out otherwise the next time; what cannot be held is left out."""
        for depth, level in enumerate(self._levels(way), 1):
            for element in level.joined:
                if element in self._ready:
                    continue
                if element.kind == "values":
                    self._ready[element] = f"{{ SELECT * {{ {self._source(element)} }} }}"  # see sparql_rows.table
                elif not sparql_joins.CHANGING.isdisjoint(words(element.tokens)):
                    self._hold(element, way[: len(way) - depth])

    def _hold(self, element: Element, outside: list[Step]) -> None:
        names, rows = self._local("*", _inside(outside, self._source(element), self._graph), self._limits.rows)
        if rows is None or any(_is_node(term) for row in rows for term in row):
            self._left_out.add(element)
        else:
            self._ready[element] = sparql_rows.table(names, rows)

    def _local(self, head: str, text: str, most: int) -> tuple[list[str], list[Row] | None]:
        """Variables and rows of a local pattern; None if there are more than so many, or it takes half of the time."""
        asked = f"{self._query.prologue}\nSELECT {head} {self._query.dataset} WHERE {{\n{text}\n}} LIMIT {most + 1}"
        try:
            body = self._ask(asked, sparql_rows.MEDIA_TYPE, self._left_s() / 2, True)
        except (QueryTimeoutError, QueryMemoryError):
            return [], None
        names = sparql_rows.variables(body)
        rows = sparql_rows.read(body, names, _NODE)
        return names, rows if len(rows) <= most else None

    # --- texts

    def _source(self, element: Element) -> str:
        return self._text(element.start, element.end)

    def _text(self, start: int, end: int) -> str:
        """A part of the query with what is answered in its place."""
        parts, place = [], start
        for element in sorted(self._ready, key=lambda e: (e.start, -e.end)):
            if place <= element.start and element.end <= end:
                parts += [self._query.text[place : element.start], self._ready[element]]
                place = element.end
        return "".join([*parts, self._query.text[place:end]])

    def _graph(self, element: Element) -> str:
        return f"GRAPH {element.name.text}" if element.kind == "graph" and element.name else ""

    def _left_s(self) -> float:
        left = self._ends_at - time.monotonic()
        if left <= 0:
            raise QueryTimeoutError(f"the query ran longer than {self._limits.timeout_s} s and was stopped")
        return left


def _services(element: Element) -> Iterable[Element]:
    """The SERVICE patterns that must be answered before an element can be evaluated."""
    if element.kind == "service":
        return [element]
    return (found for group in element.groups for found in _outer_services(group))


def _outer_services(group: Group) -> Iterable[Element]:
    for element in group.elements:
        yield from _services(element)


def _names(part: Iterable[Element]) -> set[str]:
    return set().union(*(element.variables() for element in part))


def _inside(outside: list[Step], text: str, graph: Callable[[Element], str]) -> str:
    """A pattern in the GRAPH, if any, in which it stands."""
    opening = next((graph(step.element) for step in reversed(outside) if step.element.kind == "graph"), "")
    return f"{opening} {{\n{text}\n}}" if opening else text


def _is_node(term: str | None) -> bool:
    return term is not None and term.startswith(f"<{_NODE}")


def _usable(names: Sequence[str], rows: list[Row] | None) -> list[Bindings]:
    """Bindings that can be sent; blank nodes of this store agree with nothing elsewhere."""
    if rows is None:
        return []
    rows = [row for row in rows if not any(map(_is_node, row))]
    kept = [place for place in range(len(names)) if all(sparql_rows.is_sendable(row[place]) for row in rows)]
    if not kept:
        return []
    projected = sparql_rows.distinct(tuple(row[place] for place in kept) for row in rows)
    return [Bindings(tuple(names[place] for place in kept), projected)]


def _by(known: Bindings, name: str) -> dict[str, Bindings | None]:
    """Bindings by the value of one variable, without it."""
    place = known.names.index(name)
    names = (*known.names[:place], *known.names[place + 1 :])
    found: dict[str, list[Row]] = {}
    for row in known.rows:
        found.setdefault(str(row[place]), []).append((*row[:place], *row[place + 1 :]))
    return {term: Bindings(names, rows) if names else None for term, rows in found.items()}


def _leading(group: Group) -> set[str]:
    """Variables that have a value in every solution before anything in the group depends on it."""
    first: list[Element] = []
    for element in group.elements:
        if element.kind in _BARRIERS or element.kind == "select":
            break
        first += [element] if is_joined(element) else []
    return certain(first)
