"""What can be searched, asked and answered: the words that index, search, pages and clients share.

A document is a study: the datasets of one cluster of sameness (:mod:`hub.links.clusters`), most often a single one. So
a study that two archives hold is found once, counts once, and is found by what either archive says of it. A study
matches a filter if one of its datasets does.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, NamedTuple


class Field(NamedTuple):
    """One text field of a document.

    Attributes:
        name: of the field in the index.
        title: as people read it.
        weight: how much a word there counts.
        paths: slots that lead from a dataset to texts, or to things that have names.
    """

    name: str
    title: str
    weight: float
    paths: tuple[str, ...]


class Facet(NamedTuple):
    """One thing to filter by, with counts.

    Attributes:
        name: of the parameter, and of the field in the index.
        title: as people read it.
        kind: what its values are: ``text`` as they stand, ``thing`` by IRI, ``tree`` by IRI with all broader ones.
    """

    name: str
    title: str
    kind: Literal["text", "thing", "tree"] = "text"


class Range(NamedTuple):
    """One number to filter by, asked for as ``<name>_min`` and ``<name>_max``.

    Attributes:
        name: of the field in the index; of several values in one study each counts.
        title: as people read it.
        unit: of the values; empty for counts.
        is_decimal: whether values have a fraction.
    """

    name: str
    title: str
    unit: str = ""
    is_decimal: bool = False


FACETS = (
    Facet("archive", "Archive"),
    Facet("organism", "Organism", "tree"),
    Facet("method", "Imaging method", "tree"),
    Facet("year", "Year published"),
    Facet("licence", "Licence"),
    Facet("has", "Has"),
    Facet("gene", "Gene", "thing"),
    Facet("phenotype", "Phenotype", "tree"),
    Facet("cell_line", "Cell line", "thing"),
    Facet("size", "Size"),
)
"""``year`` is four digits; ``licence`` the SPDX identifier, else the licence's address; ``has`` one of ``HAS``;
``size`` one of ``SIZES``; ``archive`` the archive's name."""

HAS = {
    "thumbnail": "Example images",
    "ome-zarr": "OME-Zarr",
    "annotations": "Annotations or segmentations",
    "paper": "A publication",
    "genes": "Genes",
    "phenotypes": "Phenotypes",
    "maps": "Maps and models",
    "files": "File addresses",
}
SIZES = {"<1GB": (0, 10**9), "1-10GB": (10**9, 10**10), "10-100GB": (10**10, 10**11), "100GB-1TB": (10**11, 10**12)} | {
    ">1TB": (10**12, 2**62)
}
"""Names of ``size``: from so many bytes, to below so many."""

RANGES = (
    Range("size_bytes", "Size", "bytes"),
    Range("pixel_nm", "Pixel size", "nm", is_decimal=True),
    Range("voxel_depth_nm", "Z step", "nm", is_decimal=True),
    Range("channels", "Channels"),
    Range("time_points", "Time points"),
    Range("images", "Images"),
    Range("files", "Files"),
)

SORTS = ("relevance", "newest", "oldest", "title", "largest", "smallest")
"""Ties are broken by the study's IRI, those of relevance by its place in the index, which is the same for as long as
the snapshot stands; so pages neither repeat nor leave out a study."""

MAX_WORDS = 64
MAX_PER_PAGE = 200
MAX_REACH = 10_000
"""Pages reach so many studies deep; exports and ``Searcher.every`` reach all."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One search.

    Attributes:
        words: what was typed: words that must all occur, "phrases", beginnings with an asterisk, -words that must not.
        filters: wanted values by facet; several values of one facet mean one or the other, several facets all.
        ranges: least and largest value by range, inclusive; None where there is no end.
        sort: one of ``SORTS``.
        page: from 1.
        per_page: 1 to ``MAX_PER_PAGE``.
        is_exact: look for these words only, not for similar ones or for what means the same.
    """

    words: str = ""
    filters: dict[str, tuple[str, ...]] = field(default_factory=dict)
    ranges: dict[str, tuple[float | None, float | None]] = field(default_factory=dict)
    sort: str = "relevance"
    page: int = 1
    per_page: int = 20
    is_exact: bool = False


@dataclass(frozen=True, slots=True)
class Member:
    """One dataset of a study, as it is shown.

    Attributes:
        iri: of the dataset.
        archive: name of the archive.
        accession: the archive's identifier.
        title: of the dataset.
        description: its first 500 characters, or empty.
        url: the archive's own page, or empty.
        doi: of the dataset, as an address, or empty.
        authors: names of the first twenty, in order.
        author_count: how many there are.
        published: ISO 8601 date, to the precision that is known, or empty.
        licence: address of the licence, or empty.
        size_bytes: as the archive states it, or None.
        organisms: names.
        methods: names.
        thumbnail: whether the archive names an example image.
    """

    iri: str
    archive: str
    accession: str
    title: str
    description: str = ""
    url: str = ""
    doi: str = ""
    authors: tuple[str, ...] = ()
    author_count: int = 0
    published: str = ""
    licence: str = ""
    size_bytes: int | None = None
    organisms: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()
    thumbnail: bool = False


class Piece(NamedTuple):
    """A piece of text, and whether it is what was searched for."""

    text: str
    is_match: bool


@dataclass(frozen=True, slots=True)
class Hit:
    """One study that was found.

    Attributes:
        study: IRI that names it: the least of its datasets' IRIs.
        score: how well it matches; to be compared within one search only. 0 without words.
        member: the dataset that is shown: of the archives that are filtered by, of them the best match.
        also_in: the other datasets of the study.
        title: the title in pieces.
        excerpt: some words around a match, in pieces; the beginning of the description without one.
        matched: titles of other fields in which words were found, such as ``Genes``.
    """

    study: str
    score: float
    member: Member
    also_in: tuple[Member, ...] = ()
    title: tuple[Piece, ...] = ()
    excerpt: tuple[Piece, ...] = ()
    matched: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Count:
    """One value of a facet.

    Attributes:
        value: as the parameter takes it.
        label: as people read it.
        studies: how many of the studies that match everything else have it.
        is_chosen: whether it is filtered by.
        narrower: of a tree, the values below it, most studies first.
    """

    value: str
    label: str
    studies: int
    is_chosen: bool = False
    narrower: tuple[Count, ...] = ()


@dataclass(frozen=True, slots=True)
class Found:
    """The answer to a search.

    Attributes:
        asked: what was asked.
        total: number of studies that match, exactly.
        datasets: number of datasets that these are.
        hits: those of the page.
        facets: counts by facet, most studies first (years newest first); its own choice does not narrow a facet.
        total_bytes: sum of the sizes that are known.
        sized: how many studies have a known size.
        instead: words that were searched for, where those that were typed gave nothing; else empty.
        is_partial: few studies have all words, or none, so those that lack one of them follow.
        suggestions: other searches that give something, where this one gives nothing: words, and number of studies.
        sequence: the log's sequence number that the index is true of.
        took_ms: milliseconds that the search took.
    """

    asked: Asked
    total: int
    datasets: int
    hits: tuple[Hit, ...]
    facets: dict[str, tuple[Count, ...]]
    total_bytes: int = 0
    sized: int = 0
    instead: str = ""
    is_partial: bool = False
    suggestions: tuple[tuple[str, int], ...] = ()
    sequence: int = 0
    took_ms: float = 0.0


class Suggestion(NamedTuple):
    """What somebody who is typing may mean.

    Attributes:
        text: a word, title, gene, organism, method or person.
        kind: what it is: ``word``, ``dataset``, ``organism``, ``method``, ``gene``, ``person``.
        studies: in how many studies.
        iri: of the thing, or empty for a word.
    """

    text: str
    kind: str
    studies: int
    iri: str = ""
