"""What pages of taxa, terms, grants and archives share: the datasets of one thing, counted and page by page.

A thing can have 100,000 datasets. One query gives them as short rows, which are counted and put in order here, since
the engine is slow at that; titles are asked for the datasets of one page only.
"""

from __future__ import annotations

import re
from collections import Counter, OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from threading import Lock
from typing import Any, Final, NamedTuple
from weakref import WeakKeyDictionary

from pyoxigraph import Literal, NamedNode, Quad

from harvesters.building import property_iri
from hub import batch, queries
from hub.batch import Summary
from hub.errors import NotFoundError
from hub.queries import Terms
from hub.workers import WorkerPool
from ontology import identifiers

RDF_TYPE: Final = NamedNode("http://www.w3.org/1999/02/22-rdf-syntax-ns#type")
SCHEMA: Final = "http://schema.org/"
PER_PAGE: Final = 100
SORTS: Final = {"newest": "newest first", "oldest": "oldest first", "accession": "by accession"}
# Lists of datasets that one snapshot's are kept of; each has up to a few 10 MB.
KEPT: Final = 4
_TSV: Final = "text/tab-separated-values"
_lists: WeakKeyDictionary[WorkerPool, OrderedDict[tuple[str, str], Datasets]] = WeakKeyDictionary()
_lock = Lock()


class Row(NamedTuple):
    """One reason why a dataset belongs to a thing.

    Attributes:
        dataset: IRI.
        published: ISO 8601 date, or empty.
        via: IRI of what the dataset has: the thing itself, or a narrower one.
        role: what that is to the dataset, or empty.
    """

    dataset: str
    published: str
    via: str
    role: str


class Count(NamedTuple):
    """A thing, and how many datasets have to do with it.

    Attributes:
        id: IRI.
    """

    id: str
    name: str
    datasets: int


class Said(NamedTuple):
    """A name that records give a thing.

    Attributes:
        name: as it is written.
        sources: number of records by source, the most first.
    """

    name: str
    sources: dict[str, int]


@dataclass(frozen=True)
class Datasets:
    """The datasets of one thing.

    Attributes:
        rows: one for each dataset and reason.
    """

    rows: tuple[Row, ...]

    def __len__(self) -> int:
        return len(self.published)

    @cached_property
    def published(self) -> dict[str, str]:
        """Date by dataset."""
        return {row.dataset: row.published for row in self.rows}

    @cached_property
    def by_year(self) -> dict[str, int]:
        """Number of datasets by year, the first year first; those without a date are left out."""
        return dict(sorted(Counter(date[:4] for date in self.published.values() if date).items()))

    @cached_property
    def by_archive(self) -> dict[str, int]:
        """Number of datasets by name of the archive, the most first."""
        return dict(Counter(iri.rpartition("/dataset/")[2].partition("/")[0] for iri in self.published).most_common())

    @cached_property
    def by_via(self) -> dict[str, int]:
        """Number of datasets by what they have themselves."""
        return Counter(via for _, via in {(row.dataset, row.via) for row in self.rows})

    @cached_property
    def by_role(self) -> dict[str, int]:
        """Number of datasets by role, the most first."""
        return dict(Counter(role for _, role in {(row.dataset, row.role) for row in self.rows}).most_common())

    def of(self, iris: Iterable[str]) -> int:
        """Return how many datasets have one of these things themselves."""
        wanted = set(iris)
        return len({row.dataset for row in self.rows if row.via in wanted})

    def ordered(self, sort: str) -> list[str]:
        """Return the datasets in an order of ``SORTS``; those without a date come last."""
        kept = self._orders.get(sort)
        if kept is None:
            kept = self._orders[sort] = sorted(self.published, key=by_number)
            if sort != "accession":
                self._by_date(kept, is_newest=sort == "newest")
        return kept

    @cached_property
    def _orders(self) -> dict[str, list[str]]:
        return {}

    def _by_date(self, listed: list[str], *, is_newest: bool) -> None:
        if is_newest:
            listed.sort(key=lambda iri: self.published[iri], reverse=True)
        else:
            listed.sort(key=lambda iri: self.published[iri] or "9999")


def by_number(iri: str) -> list[str | int]:
    """Return a key that sorts S-BIAD9 before S-BIAD10."""
    return [int(part) if part.isdecimal() else part for part in re.split(r"([0-9]+)", iri)]


@dataclass(frozen=True, slots=True)
class Part:
    """One page of a list of datasets.

    Attributes:
        shown: datasets of the page.
        total: number of datasets of the list.
        page: number of the page, from 1.
        last: number of the last page.
        sort: a key of ``SORTS``.
    """

    shown: tuple[Summary, ...]
    total: int
    page: int
    last: int
    sort: str

    @property
    def first(self) -> int:
        """Place of the first dataset of the page, from 1."""
        return (self.page - 1) * PER_PAGE + 1


def part(pool: WorkerPool, found: Datasets, page: int, sort: str) -> Part:
    """Return one page of a list.

    Raises:
        NotFoundError: there is no such page.
    """
    last = max(1, -(-len(found) // PER_PAGE))
    if not 1 <= page <= last:
        raise NotFoundError(f"page: there is no page {page}; the last one is {last}")
    first = (page - 1) * PER_PAGE
    shown = tuple(batch.summaries(pool, found.ordered(sort)[first : first + PER_PAGE]))
    return Part(shown, len(found), page, last, sort)


def datasets(pool: WorkerPool, question: str, iri: str, start: str) -> Datasets:
    """Return the datasets of a thing by a named query with ?dataset ?date ?via ?role; kept while the workers live.

    Args:
        pool: workers on the snapshot.
        question: name of the query.
        iri: the thing.
        start: what IRIs of datasets begin with; others (parts of records) are left out.
    """
    with _lock:
        lists = _lists.setdefault(pool, OrderedDict())
        if (question, iri) in lists:
            lists.move_to_end((question, iri))
            return lists[question, iri]
    found = listed(pool, question, start, iri=NamedNode(iri))
    with _lock:
        lists[question, iri] = found
        while len(lists) > KEPT:
            lists.popitem(last=False)
    return found


def listed(pool: WorkerPool, question: str, start: str, **params: NamedNode | Literal | Terms) -> Datasets:
    """Return the datasets that a named query gives.

    They are read from tab-separated values, which take a quarter of the time that terms take.
    Source: https://www.w3.org/TR/sparql11-results-csv-tsv/
    """
    body = b"".join(pool.query(queries.bind(queries.text(question), dict(params)), _TSV)).decode()
    lines = iter(body.splitlines())
    names = [name.removeprefix("?") for name in next(lines, "").split("\t")]
    cells = ([cell[1:-1] for cell in line.split("\t")] for line in lines)
    rows = (dict(zip(names, row, strict=True)) for row in cells)
    made = (Row(r["dataset"], r.get("date", ""), r.get("via", ""), r.get("role", "")) for r in rows)
    return Datasets(tuple(row for row in made if row.dataset.startswith(start)))


def selected(pool: WorkerPool, question: str, **params: NamedNode | Literal | Terms) -> list[dict[str, str]]:
    """Return the rows of a named query as texts."""
    return [{k: v.value for k, v in row.items()} for row in queries.select(pool, question, **params)]


def counts(pool: WorkerPool, name: str, iri: str) -> tuple[Count, ...]:
    """Return the things that a named query counts as ?thing ?name ?datasets, most datasets first."""
    rows = selected(pool, name, iri=NamedNode(iri))
    made = [Count(row["thing"], row.get("name", "") or short(row["thing"]), int(row["datasets"])) for row in rows]
    return tuple(sorted(made, key=lambda one: (-one.datasets, one.name.casefold(), one.id)))


def names(pool: WorkerPool, iri: str) -> tuple[Said, ...]:
    """Return the names that records give a thing, with their sources; the most frequent first."""
    found: dict[str, Counter[str]] = {}
    for row in selected(pool, "describe/names", iri=NamedNode(iri)):
        found.setdefault(row["name"], Counter())[row["source"]] += int(row["records"])
    made = [Said(name, dict(sources.most_common())) for name, sources in found.items()]
    return tuple(sorted(made, key=lambda said: (-sum(said.sources.values()), said.name)))


def short(iri: str) -> str:
    """Return the compact form of an IRI, or the IRI itself.

    >>> short("http://purl.obolibrary.org/obo/NCBITaxon_9606"), short("https://example.org/x")
    ('NCBITaxon:9606', 'https://example.org/x')
    """
    try:
        return identifiers.curie(iri)
    except ValueError:
        return iri


# --- as data ---------------------------------------------------------------------------------------------------------


def part_json(found: Part) -> dict[str, Any]:
    """Return one page of datasets as JSON values."""
    listed = [
        {
            "dataset": one.iri,
            "accession": one.accession,
            "name": one.title,
            "archive": one.archive or None,
            "published": one.published or None,
            "licence": one.licence or None,
        }
        for one in found.shown
    ]
    return {"datasets": listed, "total": found.total, "page": found.page, "last_page": found.last, "sort": found.sort}


def counts_json(found: Iterable[Count]) -> list[dict[str, Any]]:
    """Return counted things as JSON values."""
    return [{"id": one.id, "name": one.name, "datasets": one.datasets} for one in found]


def names_json(found: Iterable[Said]) -> list[dict[str, Any]]:
    """Return names in records as JSON values."""
    return [{"name": said.name, "records": said.sources} for said in found]


def described(found: Part) -> Iterator[Quad]:
    """Yield what a page shows of each dataset, as statements."""
    slots = {"name": "title", "accession": "accession", "date_published": "published"}
    for one in found.shown:
        dataset = NamedNode(one.iri)
        yield Quad(dataset, RDF_TYPE, NamedNode(f"{SCHEMA}Dataset"))
        for slot, attribute in slots.items():
            if value := getattr(one, attribute):
                yield Quad(dataset, NamedNode(property_iri(slot)), Literal(value))


def statement(subject: str, predicate: str, value: str) -> Quad:
    """Return a statement between two IRIs."""
    return Quad(NamedNode(subject), NamedNode(predicate), NamedNode(value))


def text(subject: str, predicate: str, value: str) -> Quad:
    """Return a statement with a text."""
    return Quad(NamedNode(subject), NamedNode(predicate), Literal(value))
