"""What the page of a search is made of: chips, choices, and the addresses that they lead to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from heapq import heapify, heappop, heappush
from typing import Any, Final, NamedTuple
from urllib.parse import urlencode

from flask import current_app, request, url_for

from hub.search.asking import parameters
from hub.search.contract import FACETS, RANGES, SORTS, Asked, Count, Facet, Found, Range
from hub.search_exports import EXPORTS
from hub.web.search_sparql import query
from hub.web.search_told import Answer, address, title

SHORT: Final = 8
"""Values of a facet that stand open; the rest is behind "more"."""
MOST: Final = 100
"""Values of a facet on a page; JSON has all."""
TITLES: Final = {
    "relevance": "Best match",
    "newest": "Newest",
    "oldest": "Oldest",
    "title": "Title",
    "largest": "Largest",
    "smallest": "Smallest",
}


class Chip(NamedTuple):
    """A filter that is set, and the address without it."""

    name: str
    value: str
    href: str


class Choice(NamedTuple):
    """A value of a facet, and the address with it, or without it where it is chosen."""

    value: str
    label: str
    studies: int
    href: str
    is_chosen: bool
    is_open: bool
    narrower: tuple[Choice, ...]


class Choices(NamedTuple):
    """A facet: the values that stand open, the rest, the tree where there is one, and how many there is no room for."""

    name: str
    title: str
    is_open: bool
    first: tuple[Choice, ...]
    more: tuple[Choice, ...]
    tree: tuple[Choice, ...]
    left: int


class Bounds(NamedTuple):
    """A range: name, title, unit, and its ends as they are typed."""

    name: str
    title: str
    unit: str
    least: str
    most: str


@dataclass(frozen=True, slots=True)
class Banner:
    """What the words themselves name, and its page."""

    text: str
    kind: str
    href: str


def known(answer: Answer, banners: Iterable[Banner]) -> dict[str, Any]:
    """Return the variables of the template ``search.html``."""
    found, asked = answer.found, answer.found.asked
    whole = replace(asked, page=1, per_page=20)
    sparql = url_for("editor.page", query=query(asked, answer.base))
    return {
        "answer": answer,
        "found": found,
        "asked": asked,
        "coverage": answer.coverage,
        "heading": title(asked),
        "banners": list(banners),
        "chips": list(_chips(found)),
        "choices": [_choices(facet, found) for facet in FACETS if found.facets.get(facet.name)],
        "bounds": [_bounds(asked, number) for number in range(len(RANGES))],
        "kept": [(name, value) for name, value in parameters(asked) if name in _KEPT],
        "sorts": _sorts(asked),
        "forms": [(one.title, here(whole, format=name)) for name, one in EXPORTS.items()],
        "feeds": [("JSON", here(asked, format="json")), ("Atom feed", here(_feed(whole), format="atom"))],
        "sparql": sparql,
        "basket": _basket(whole),
        "suggested": [(words, n, here(Asked(words=words))) for words, n in found.suggestions],
        "literally": here(replace(asked, page=1, is_exact=True)),
        "unfiltered": here(Asked(words=asked.words)) if asked.filters or asked.ranges else "",
        "is_bare": is_bare(asked),
        "with_peers": here(asked, peers=1) if current_app.config["HUB_SETTINGS"].peers else "",
        "page_address": lambda number: here(asked, page=number),
        "name_of": answer.page,
    }


_KEPT: Final = {facet.name for facet in FACETS} | {"per_page", "exact"}


def _sorts(asked: Asked) -> list[tuple[str, str]]:
    """Return the orders to choose from; the usual one is empty, so that words typed next come best match first."""
    usual = "relevance" if asked.words else "newest"
    return [("", TITLES[usual]), *((name, TITLES[name]) for name in SORTS if name not in ("relevance", usual))]


def here(asked: Asked, **changed: str | int) -> str:
    """Return the path of a search on this server."""
    return request.script_root + address(asked, **changed)


def is_bare(asked: Asked) -> bool:
    """Tell whether search engines may list a search: the whole, or one value of one facet, in the usual order.

    Source: https://developers.google.com/search/docs/crawling-indexing/crawling-managing-faceted-navigation
    """
    chosen = sum(len(values) for values in asked.filters.values())
    return asked == Asked(filters=asked.filters, page=asked.page) and chosen <= 1


def _feed(asked: Asked) -> Asked:
    return replace(asked, sort="newest" if asked.sort == "relevance" else asked.sort)


def _basket(asked: Asked) -> str:
    said = urlencode(parameters(asked), errors="replace")
    return f"{request.script_root}/basket?{said}" if said else ""


# --- what is set --------------------------------------------------------------------------------------------------


def _chips(found: Found) -> Iterator[Chip]:
    asked = found.asked
    if asked.words:
        yield Chip("Words", asked.words, here(replace(asked, words="", page=1)))
    for facet in FACETS:
        labels = dict(_chosen(found.facets.get(facet.name, ())))
        for value in asked.filters.get(facet.name, ()):
            yield Chip(facet.title, labels.get(value, value), here(_without(asked, facet.name, {value})))
    for one in RANGES:
        if one.name in asked.ranges:
            ends = zip(("from", "to"), asked.ranges[one.name], strict=True)
            said = " ".join(f"{word} {_amount(one, value)}" for word, value in ends if value is not None)
            left = {name: pair for name, pair in asked.ranges.items() if name != one.name}
            yield Chip(one.title, said, here(replace(asked, ranges=left, page=1)))


def _amount(one: Range, value: float) -> str:
    if one.unit == "bytes":
        return str(current_app.jinja_env.filters["size"](int(value)))
    return f"{value:,.10g} {one.unit}".strip()


def _chosen(counts: Iterable[Count]) -> Iterator[tuple[str, str]]:
    return ((one.value, one.label) for one in _every(counts) if one.is_chosen)


def _without(asked: Asked, facet: str, values: set[str]) -> Asked:
    left = tuple(value for value in asked.filters.get(facet, ()) if value not in values)
    others = {name: kept for name, kept in asked.filters.items() if name != facet}
    return replace(asked, filters={**others, facet: left} if left else others, page=1)


# --- what can be chosen -------------------------------------------------------------------------------------------


def _choices(facet: Facet, found: Found) -> Choices:
    counts = found.facets[facet.name]
    kept = _kept(counts)
    made = tuple(_choice(facet.name, one, found.asked, ()) for one in _cut(counts, kept))
    flat = _named(made) if facet.kind == "tree" else made
    first = tuple(one for number, one in enumerate(flat) if number < SHORT or one.is_chosen)
    more = tuple(one for one in flat if one not in first)
    is_open = facet.name in ("archive", "organism", "method", "year") or facet.name in found.asked.filters
    left = sum(1 for _ in _every(counts)) - len(kept)
    return Choices(facet.name, facet.title, is_open, first, more, made if facet.kind == "tree" else (), left)


def _kept(counts: Iterable[Count]) -> set[int]:
    """Return the values (by identity) that a page has room for: most studies first, and above all what is chosen."""
    found: set[int] = set()
    waiting = [_placed(one) for one in counts]
    heapify(waiting)
    while waiting and len(found) < MOST:
        *_, one = heappop(waiting)
        found.add(id(one))
        for below in one.narrower:
            heappush(waiting, _placed(below))
    return found


def _placed(one: Count) -> tuple[bool, int, str, int, Count]:
    return not any(each.is_chosen for each in _every((one,))), -one.studies, one.label, id(one), one


def _every(counts: Iterable[Count]) -> Iterator[Count]:
    for one in counts:
        yield one
        yield from _every(one.narrower)


def _cut(counts: Iterable[Count], kept: set[int]) -> tuple[Count, ...]:
    return tuple(replace(one, narrower=_cut(one.narrower, kept)) for one in counts if id(one) in kept)


def _named(made: Iterable[Choice]) -> tuple[Choice, ...]:
    """Return the terms of a tree that studies name themselves, most studies first; groups of groups are left out."""
    found: dict[str, Choice] = {}
    waiting = list(made)
    while waiting:
        one = waiting.pop()
        waiting.extend(one.narrower)
        if one.is_chosen or one.studies > sum(below.studies for below in one.narrower):
            found.setdefault(one.value, one._replace(narrower=()))
    return tuple(sorted(found.values(), key=lambda one: (-one.studies, one.label)))


def _choice(facet: str, one: Count, asked: Asked, above: tuple[str, ...]) -> Choice:
    """Return a value as a choice; a term that is chosen takes the place of those above and below it."""
    narrower = tuple(_choice(facet, below, asked, (*above, one.value)) for below in one.narrower)
    if one.is_chosen:
        wanted = _without(asked, facet, {one.value})
    else:
        left = _without(asked, facet, {*above, *(below.value for below in _every(one.narrower))})
        filters = {**left.filters, facet: (*left.filters.get(facet, ()), one.value)}
        wanted = replace(left, filters=filters)
    is_open = any(below.is_chosen or below.is_open for below in narrower)
    return Choice(one.value, one.label, one.studies, here(wanted), one.is_chosen, is_open, narrower)


def _bounds(asked: Asked, number: int) -> Bounds:
    one = RANGES[number]
    ends = dict(parameters(Asked(ranges={one.name: asked.ranges[one.name]}))) if one.name in asked.ranges else {}
    return Bounds(one.name, one.title, one.unit, ends.get(f"{one.name}_min", ""), ends.get(f"{one.name}_max", ""))
