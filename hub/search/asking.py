"""What a search asks, as parameters of an address: read with one clear error for each, and written back.

The same parameters ask the pages, the command line and the client: ``q``, the name of each facet (more than once for
one value or another), ``<range>_min`` and ``<range>_max``, ``sort``, ``page``, ``per_page`` and ``exact``.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from decimal import Decimal

from hub.errors import QueryRefusedError
from hub.search.contract import FACETS, HAS, MAX_PER_PAGE, MAX_REACH, RANGES, SIZES, SORTS, Asked, Range
from ontology import archives, identifiers, licences, sizes, terms

MAX_CHARS = 4000
"""Longest ``q``."""
MAX_VALUES = 100
"""Values of one facet."""
_RANGES = {f"{one.name}_{end}": (one, end == "max") for one in RANGES for end in ("min", "max")}
_FACETS = {facet.name: facet for facet in FACETS}
_SINGLE = ("q", "sort", "page", "per_page", "exact")
PARAMETERS = (*_SINGLE, *_FACETS, *_RANGES)
"""Every parameter of a search."""
_LENGTH = re.compile(r"(\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)\s*([A-Za-zµμÅå]*)")
_YES, _NO = ("1", "true", "yes", "on"), ("0", "false", "no", "off")
_DEFAULT = Asked()
Values = dict[str, list[str]]


def asked_of(parameters: Iterable[tuple[str, str]]) -> Asked:
    """Return what parameters ask; those that are empty, as forms send them, ask nothing.

    Sizes may have a unit (``10GB``), lengths too (``0.2 µm``). Organisms, methods and other terms may be given by IRI,
    by CURIE or by name; a value that nothing has is no error, for it finds nothing.

    >>> asked_of([("q", "mitosis"), ("organism", "zebrafish"), ("size_bytes_min", "10GB")]).ranges
    {'size_bytes': (10000000000, None)}

    Raises:
        QueryRefusedError: a parameter that there is not, or a value that it does not take; the text names both.
    """
    values = _collected(parameters)
    single = {name: _one(name, values) for name in _SINGLE}
    page = _number("page", single["page"], 1, MAX_REACH)
    per_page = _number("per_page", single["per_page"], _DEFAULT.per_page, MAX_PER_PAGE)
    if page * per_page > MAX_REACH:
        last = MAX_REACH // per_page
        raise QueryRefusedError(
            f"page {page} of {per_page} is beyond the first {MAX_REACH} studies: the last page is {last}; "
            "narrow the search, or export it whole"
        )
    return Asked(
        words=_words(single["q"]),
        filters={facet: found for facet in _FACETS if (found := _filter(facet, values.get(facet, [])))},
        ranges={one.name: ends for one in RANGES if (ends := _ends(one, values)) != (None, None)},
        sort=_sort(single["sort"]),
        page=page,
        per_page=per_page,
        is_exact=_flag(single["exact"]),
    )


def parameters(asked: Asked) -> list[tuple[str, str]]:
    """Return the parameters that ask something, without those that need not be said.

    >>> parameters(asked_of([("page", "2"), ("q", "cell"), ("sort", "relevance"), ("has", "OME-Zarr")]))
    [('q', 'cell'), ('has', 'ome-zarr'), ('page', '2')]
    """
    found = [("q", asked.words)] if asked.words else []
    found += [(facet, value) for facet in _FACETS for value in asked.filters.get(facet, ())]
    for name, (one, is_most) in _RANGES.items():
        value = asked.ranges.get(one.name, (None, None))[is_most]
        if value is not None:
            found.append((name, _written(value)))
    if asked.sort != _DEFAULT.sort:
        found.append(("sort", asked.sort))
    found += [
        (name, str(value))
        for name, value, usual in (("page", asked.page, 1), ("per_page", asked.per_page, _DEFAULT.per_page))
        if value != usual
    ]
    return [*found, ("exact", "1")] if asked.is_exact else found


def _collected(parameters: Iterable[tuple[str, str]]) -> Values:
    values: Values = {}
    for name, value in parameters:
        if name not in PARAMETERS:
            near = difflib.get_close_matches(name, PARAMETERS, 1)
            known = f"did you mean {near[0]}?" if near else f"a search takes {', '.join(PARAMETERS)}"
            raise QueryRefusedError(f"there is no parameter {name[:100]!r}: {known}")
        if plain := " ".join(value.split()):
            values.setdefault(name, []).append(plain)
    return values


def _one(name: str, values: Values) -> str:
    found = list(dict.fromkeys(values.get(name, [])))
    if len(found) > 1:
        raise QueryRefusedError(f"{name} is given {len(found)} times: give it once")
    return found[0] if found else ""


def _words(text: str) -> str:
    if len(text) > MAX_CHARS:
        raise QueryRefusedError(f"q is {len(text)} characters long: at most {MAX_CHARS} are searched for")
    return text


def _sort(text: str) -> str:
    if text and text not in SORTS:
        raise QueryRefusedError(f"sort is {text[:100]!r}: expected one of {', '.join(SORTS)}")
    return text or _DEFAULT.sort


def _flag(text: str) -> bool:
    if text.lower() not in ("", *_YES, *_NO):
        raise QueryRefusedError(f"exact is {text[:100]!r}: expected 1 or 0")
    return text.lower() in _YES


def _number(name: str, text: str, usual: int, most: int) -> int:
    if not text:
        return usual
    if not (text.isascii() and text.isdecimal() and len(text) < 10 and 1 <= int(text) <= most):
        raise QueryRefusedError(f"{name} is {text[:100]!r}: expected a number from 1 to {most}")
    return int(text)


# --- ranges -------------------------------------------------------------------------------------------------------


def _ends(one: Range, values: Values) -> tuple[float | None, float | None]:
    least, most = (_end(one, name, _one(name, values)) for name in (f"{one.name}_min", f"{one.name}_max"))
    if least is not None and most is not None and least > most:
        raise QueryRefusedError(f"{one.name}_min is greater than {one.name}_max: exchange them")
    return least, most


def _end(one: Range, name: str, text: str) -> float | None:
    if not text:
        return None
    try:
        return _quantity(one, text)
    except ValueError as err:
        raise QueryRefusedError(f"{name} is {text[:100]!r}: expected {_expected(one)}") from err


def _quantity(one: Range, text: str) -> float:
    if one.unit == "bytes":
        return sizes.size_bytes(text)
    number = _LENGTH.fullmatch(text)
    if number is None or (number[2] and one.unit != "nm"):
        raise ValueError(text)
    if one.unit == "nm":
        nanometres = sizes.nanometres(Decimal(number[1]), number[2] or "nm") if float(number[1]) else Decimal(0)
        return float(nanometres)
    if not number[1].isdecimal() or int(number[1]) >= 2**63:
        raise ValueError(text)
    return int(number[1])


def _expected(one: Range) -> str:
    if one.unit == "bytes":
        return "a number of bytes, such as 5000000 or 10GB"
    return "a length, such as 200 (nm) or 0.2 µm" if one.unit == "nm" else "a whole number"


def _written(value: float) -> str:
    if float(value).is_integer():
        return str(int(value))
    return f"{Decimal(repr(value)):f}"


# --- facets -------------------------------------------------------------------------------------------------------


def _filter(facet: str, texts: list[str]) -> tuple[str, ...]:
    values = tuple(dict.fromkeys(_value(facet, text) for text in texts))
    if len(values) > MAX_VALUES:
        raise QueryRefusedError(f"{facet} has {len(values)} values: at most {MAX_VALUES} are taken")
    return values


def _value(facet: str, text: str) -> str:
    """Return a value as the index has it, where that is known without the index."""
    if facet == "archive":
        return _ARCHIVES.get(text.casefold(), text)
    if facet == "licence":
        return _licence(text)
    if facet in _NAMED:
        return _NAMED[facet].get(text.casefold().replace(" ", ""), text)
    if facet in _TERMS:
        return _term(facet, text)
    return _gene(text) if facet == "gene" else text


_ARCHIVES = {name.casefold(): one.name for one in archives.ARCHIVES.values() for name in (one.name, one.title)}
_NAMED = {
    "has": {key: key for key in HAS} | {title.casefold().replace(" ", ""): key for key, title in HAS.items()},
    "size": {key.casefold(): key for key in SIZES},
}
_TERMS = {
    "organism": (identifiers.term, terms.organism, identifiers.taxon),
    "method": (identifiers.term, terms.imaging_method),
    "phenotype": (identifiers.term,),
    "cell_line": (identifiers.term,),
}


def _term(facet: str, text: str) -> str:
    for read in _TERMS[facet]:
        try:
            return read(text)
        except ValueError:
            continue
    return text


def _licence(text: str) -> str:
    try:
        address = licences.licence(text)
    except ValueError:
        return text
    return licences.spdx(address) or address


def _gene(text: str) -> str:
    prefix, _, value = text.rpartition("/")[2].partition(":")
    try:
        return identifiers.gene(prefix, value) if value else text
    except ValueError:
        return text
