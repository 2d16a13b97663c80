"""The archives in pictures: what each chart shows, as a table of numbers, from the saved questions.

A chart's numbers are those that its saved question gives over SPARQL, arranged in rows and columns; drawing them is the
affair of :mod:`hub.web.figures`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache, partial
from itertools import accumulate
from typing import Any

from hub import queries, records
from hub.errors import NotFoundError
from hub.workers import WorkerPool
from ontology import archives, licences

MAX_SERIES = 7
"""Series of one chart; what there is besides is summed up as ``OTHERS``."""
MAX_ROWS = 12
MAX_TITLE = 18
"""Longest title of an archive, in characters, that has room in a figure."""
OTHERS = "others"
_YEAR = re.compile(r"[12][0-9]{3}")
Rows = Iterable[dict[str, Any]]
Key = tuple[str, str]
Cells = Counter[tuple[Key, Key]]


@dataclass(frozen=True, slots=True)
class Head:
    """Name of a row or column, and the IRI of what it stands for, if it has one."""

    label: str
    iri: str = ""


@dataclass(frozen=True, slots=True)
class Matrix:
    """The numbers of a chart.

    Attributes:
        corner: what the rows are.
        unit: what the numbers count.
        rows: heads of the rows.
        columns: heads of the columns.
        values: a number for each column, row by row.
    """

    corner: str
    unit: str
    rows: tuple[Head, ...]
    columns: tuple[Head, ...]
    values: tuple[tuple[int, ...], ...]

    @property
    def totals(self) -> tuple[int, ...]:
        """Sum of each row."""
        return tuple(map(sum, self.values))


@dataclass(frozen=True, slots=True)
class Chart:
    """One chart.

    Attributes:
        name: the end of its address.
        title: what it shows, in a few words.
        description: what is counted, in a sentence.
        question: name of the saved question that has the same numbers.
        kind: how it is drawn: ``areas``, ``bars`` or ``heat``.
        shape: arranges the rows of the question.
    """

    name: str
    title: str
    description: str
    question: str
    kind: str
    shape: Callable[[Rows], Matrix]


def chart(name: str) -> Chart:
    """Return one chart.

    Raises:
        NotFoundError: there is none of that name.
    """
    if name not in CHARTS:
        raise NotFoundError(f"there is no chart {name[:100]!r}: use {', '.join(CHARTS)}")
    return CHARTS[name]


def read(pool: WorkerPool, wanted: Chart) -> Matrix:
    """Return the numbers of a chart, as its question gives them with its defaults.

    Raises:
        QueryError: the query failed or took too long.
    """
    return wanted.shape(queries.select(pool, f"saved/{wanted.question}"))


def abbreviated(label: str) -> str:
    """Return what an archive is called where there is little room; any other label as it is.

    >>> abbreviated("Electron Microscopy Public Image Archive"), abbreviated("Mus musculus")
    ('EMPIAR', 'Mus musculus')
    """
    return _names().get(label, label)


@cache
def _names() -> dict[str, str]:
    long = (archive for archive in archives.ARCHIVES.values() if len(archive.title) > MAX_TITLE)
    return {archive.title: archive.name.upper() for archive in long}


# --- arranging ---------------------------------------------------------------------------------------------------


def _cells(rows: Rows, row: str, column: str, number: str = "datasets", **iris: str) -> Cells:
    """Return numbers by the label and IRI of their row and column; ``iris`` names the variables of the IRIs."""
    found: Cells = Counter()
    for one in rows:
        place = tuple((_value(one, name), _value(one, iris.get(name, ""))) for name in (row, column))
        found[place[0], place[1]] += int(float(_value(one, number) or 0))
    return found


def _value(row: dict[str, Any], name: str) -> str:
    return str(row[name].value) if name in row else ""


def _most(cells: Cells, side: int, limit: int) -> list[Key]:
    """Return the heads with the greatest sums, greatest first; of equal ones the first by name."""
    sums: Counter[Key] = Counter()
    for place, number in cells.items():
        sums[place[side]] += number
    return sorted(sums, key=lambda key: (-sums[key], key))[:limit]


def _with_others(cells: Cells, limit: int) -> tuple[Cells, list[Key]]:
    """Return numbers with all columns but the greatest summed up, and the columns that are left."""
    kept = _most(cells, 1, limit)
    other: Key = (OTHERS, "")
    found: Cells = Counter()
    for (row, column), number in cells.items():
        found[row, column if column in kept else other] += number
    return found, kept + ([other] if any(column == other for _, column in found) else [])


def _matrix(cells: Cells, rows: Iterable[Key], columns: Iterable[Key], corner: str, unit: str = "datasets") -> Matrix:
    rows, columns = list(rows), list(columns)
    values = tuple(tuple(cells[row, column] for column in columns) for row in rows)
    return Matrix(corner, unit, tuple(Head(*r) for r in rows), tuple(Head(*c) for c in columns), values)


def _years(cells: Cells) -> tuple[Cells, list[Key]]:
    """Return the numbers of what is a year, and every year from the first to the last."""
    found = Counter({place: number for place, number in cells.items() if _YEAR.fullmatch(place[0][0])})
    known = sorted(int(year) for (year, _), _ in found)
    return found, [(str(year), "") for year in range(known[0], known[-1] + 1)] if known else []


def _growth(rows: Rows) -> Matrix:
    cells, years = _years(_cells(rows, "year", "archive"))
    cells, columns = _with_others(cells, MAX_SERIES)
    yearly = _matrix(cells, years, columns, "Year")
    summed = zip(*(accumulate(column) for column in zip(*yearly.values, strict=True)), strict=True)
    return Matrix("Until the end of", yearly.unit, yearly.rows, yearly.columns, tuple(summed))


def _methods_by_year(rows: Rows) -> Matrix:
    """The methods with most datasets in each of the last years."""
    cells, years = _years(_cells(rows, "year", "imaging_method", imaging_method="method"))
    turned: Cells = Counter({(method, year): number for (year, method), number in cells.items()})
    return _matrix(turned, _most(turned, 0, MAX_ROWS), years[-MAX_ROWS:], "Method")


def _crossed(row: str, column: str, corner: str, iris: dict[str, str], rows: Rows) -> Matrix:
    """Both the rows and the columns with most datasets, and nothing else."""
    cells = _cells(rows, row, column, **iris)
    return _matrix(cells, _most(cells, 0, MAX_ROWS), _most(cells, 1, MAX_ROWS), corner)


def _parts(row: str, column: str, corner: str, iris: dict[str, str], rows: Rows) -> Matrix:
    """The rows with most datasets, each divided into columns."""
    cells = _cells(rows, row, column, **iris)
    heads = _most(cells, 0, MAX_ROWS)
    cells, columns = _with_others(Counter({p: n for p, n in cells.items() if p[0] in heads}), MAX_SERIES)
    return _matrix(cells, heads, columns, corner)


def _licences(rows: Rows) -> Matrix:
    found = _parts("archive", "licence", "Archive", {"licence": "licence"}, rows)
    columns = tuple(Head(_licence(head.label), head.iri) for head in found.columns)
    return Matrix(found.corner, found.unit, found.rows, columns, found.values)


def _licence(url: str) -> str:
    return licences.spdx(url) or url.split("://", 1)[-1]


def _coverage(rows: Rows) -> Matrix:
    cells = _cells(rows, "property", "archive", "per_cent")
    labelled: Cells = Counter({((_label(row[0]), row[0]), column): n for (row, column), n in cells.items()})
    return _matrix(labelled, _most(labelled, 0, len(labelled)), sorted(_most(labelled, 1, MAX_ROWS)), "Field", "%")


def _label(predicate: str) -> str:
    return _labels().get(predicate) or re.split(r"[/#]", predicate)[-1]


@cache
def _labels() -> dict[str, str]:
    return {slot.predicate.value: slot.name.replace("_", " ") for slot in records.tables()["Dataset"].slots}


METHOD_IRIS = {"organism": "taxon", "imaging_method": "method"}
CHARTS: dict[str, Chart] = {
    made.name: made
    for made in (
        Chart(
            "growth",
            "Growth of the archives",
            "Datasets that each archive had published by the end of each year, of those with a date of publication.",
            "growth-by-year",
            "areas",
            _growth,
        ),
        Chart(
            "methods-by-organism",
            "Organisms and methods",
            "Datasets of the most common imaging methods and organisms; a dataset counts for each of its own.",
            "methods-by-organism",
            "heat",
            partial(
                _crossed, "organism", "imaging_method", "Organism", {"organism": "taxon", "imaging_method": "method"}
            ),
        ),
        Chart(
            "methods-by-year",
            "Methods over the years",
            "Datasets of the most common imaging methods, by the year of their publication.",
            "methods-by-year",
            "heat",
            _methods_by_year,
        ),
        Chart(
            "organisms",
            "Organisms and where they are",
            "Datasets of the most common organisms, by archive.",
            "organisms-by-archive",
            "bars",
            partial(_parts, "organism", "archive", "Organism", {"organism": "taxon"}),
        ),
        Chart(
            "licences",
            "Licences",
            "Datasets of each archive by licence, of those that state one.",
            "licences-by-archive",
            "bars",
            _licences,
        ),
        Chart(
            "coverage",
            "What archives tell",
            "Share of each archive's datasets of which a field is known, in per cent.",
            "coverage",
            "heat",
            _coverage,
        ),
    )
}
