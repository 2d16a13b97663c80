"""Words of a source to ontology terms, and the labels and hierarchy of the terms that the hub knows."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.resources import files
from typing import Final, NamedTuple

from ontology.identifiers import term
from ontology.text import clean, fold

_SLICES: Final = ("fbbi", "ncbitaxon", "efo", "other")
_IMAGING_ROOTS: Final = (
    "FBbi:00000222",  # imaging method
    "FBbi:00000268",  # illumination method
    "FBbi:00000321",  # resolution-enhancing method
)
_PARENTHESIS: Final = re.compile(r"(\S.*?)\s*[(\[]([^()\[\]]+)[)\]]")
_SEPARATORS: Final = re.compile(r"[\s_/-]+")
_OBSOLETE: Final = "obsolete "

# The term by which a record says that something is not known. Source: http://purl.obolibrary.org/obo/NCIT_C17998
UNKNOWN = "http://purl.obolibrary.org/obo/NCIT_C17998"


class _Row(NamedTuple):
    iri: str
    label: str
    synonyms: tuple[str, ...]
    parents: tuple[str, ...]


def label(iri: str) -> str | None:
    """The label of a term, or None if it is not among the bundled ones; obsolete terms say so.

    >>> label("http://purl.obolibrary.org/obo/FBbi_00000246")
    'fluorescence microscopy'
    """
    row = _rows().get(iri)
    return row.label if row else None


def synonyms(iri: str) -> tuple[str, ...]:
    """The exact synonyms of a term; none if it is not among the bundled ones.

    >>> synonyms("http://purl.obolibrary.org/obo/NCBITaxon_10026")
    ('hamsters',)
    """
    row = _rows().get(iri)
    return row.synonyms if row else ()


def descends(iri: str, ancestor: str) -> bool:
    """True if the term is the ancestor or stands below it in the bundled hierarchy; False for unknown terms.

    >>> descends(term("FBbi:00000253"), term("FBbi:00000246"))
    True
    """
    return iri in _rows() and ancestor in _ancestors(iri)


def imaging_method(text: str) -> str:
    """The IRI of the imaging method that a label, synonym, abbreviation or CURIE names.

    Reads FBbi's labels and exact synonyms, and EMPIAR's, IDR's and BioStudies' wordings (``mappings/``); case, accents,
    blanks and hyphens do not matter. "name (abbreviation)" is taken if both mean the same.

    >>> imaging_method("FIB-SEM")
    'http://purl.obolibrary.org/obo/FBbi_00050000'

    Raises:
        ValueError: unknown, ambiguous, or not a method ("EMDB", "INSILICO").
    """
    return _resolved(text, _imaging_names(), "an imaging method", "a label or abbreviation of FBbi or of an archive")


def organism(text: str) -> str:
    """The IRI of the taxon that a scientific, vernacular or usual abbreviated name means; "A (b)" if both mean it.

    >>> organism("Mus musculus (mouse)")
    'http://purl.obolibrary.org/obo/NCBITaxon_10090'

    Raises:
        ValueError: a name that is not among the bundled ones, or an ambiguous one.
    """
    return _resolved(text, _organism_names(), "a known organism", "a scientific or common name (see ontology/slices)")


def _resolved(text: str, names: dict[str, str], kind: str, expected: str) -> str:
    plain = clean(text)
    found = _named(plain, names)
    if found is None and (parts := _PARENTHESIS.fullmatch(plain)):
        meanings = {_named(part, names) for part in parts.groups()}
        found = meanings.pop() if len(meanings) == 1 else None
    if found is None:
        raise ValueError(f"{text[:200]!r} is not {kind}: expected {expected}")
    return found


def _named(name: str, names: dict[str, str]) -> str | None:
    """The term of a name or of a CURIE; None if there is none."""
    if known := names.get(_key(name)):
        return known
    try:
        iri = term(name)
    except ValueError:
        return None
    return iri if iri in names.values() else None


def _key(name: str) -> str:
    return _SEPARATORS.sub(" ", fold(name)).strip()


# --- bundled tables -----------------------------------------------------------------------------------------------


def _lines(folder: str, name: str) -> Iterator[list[str]]:
    """Cells of a bundled table, without comments and heading."""
    text = files("ontology").joinpath(folder, name).read_text(encoding="utf-8")
    lines = (line.split("\t") for line in text.splitlines() if not line.startswith("#"))
    next(lines)
    return lines


@cache
def _slice(name: str) -> tuple[_Row, ...]:
    return tuple(
        _Row(term(curie), label, _listed(synonyms), tuple(term(parent) for parent in _listed(parents)))
        for curie, label, synonyms, parents, *_ in _lines("slices", f"{name}.tsv")
    )


def _listed(cell: str) -> tuple[str, ...]:
    return tuple(cell.split("|")) if cell else ()


@cache
def _rows() -> dict[str, _Row]:
    return {row.iri: row for name in _SLICES for row in _slice(name)}


@cache
def _ancestors(iri: str) -> frozenset[str]:
    """The term itself and all terms above it."""
    seen: set[str] = set()
    waiting = [iri]
    while waiting:
        current = waiting.pop()
        if current not in seen:
            seen.add(current)
            row = _rows().get(current)
            waiting += row.parents if row else ()
    return frozenset(seen)


@cache
def _imaging_names() -> dict[str, str]:
    roots = frozenset(term(root) for root in _IMAGING_ROOTS)
    rows = [row for row in _slice("fbbi") if roots & _ancestors(row.iri)]
    variants = ((variant, row.iri) for row in rows for variant in _without_parenthesis(row.label))
    return _index(_mapped("imaging-methods"), *_labels_and_synonyms(rows), variants)


def _without_parenthesis(label: str) -> tuple[str, ...]:
    """Both names in FBbi's labels of the form "scanning electron microscopy (SEM)"."""
    found = _PARENTHESIS.fullmatch(label)
    return found.groups() if found else ()


@cache
def _organism_names() -> dict[str, str]:
    return _index(_mapped("organisms"), *_labels_and_synonyms(_slice("ncbitaxon")))


def _labels_and_synonyms(rows: Iterable[_Row]) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    current = [row for row in rows if not row.label.startswith(_OBSOLETE)]
    return (
        [(row.label, row.iri) for row in current],
        [(synonym, row.iri) for row in current for synonym in row.synonyms],
    )


def _mapped(name: str) -> list[tuple[str, str]]:
    return [(cells[0], term(cells[2])) for cells in _lines("mappings", f"{name}.sssom.tsv")]


def _index(*tiers: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Folded name → IRI; an earlier tier wins, and a name with two meanings inside one tier means nothing."""
    index: dict[str, str] = {}
    for tier in tiers:
        meanings: dict[str, set[str]] = {}
        for name, iri in tier:
            meanings.setdefault(_key(name), set()).add(iri)
        for key, iris in meanings.items():
            if len(iris) == 1:
                index.setdefault(key, *iris)
    return index
