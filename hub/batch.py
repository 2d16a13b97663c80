"""Many datasets at once, as they are published: whole records, or in brief.

The records of one query are as many as have about :data:`STATEMENTS` statements together, so that memory stays bounded
however many datasets are asked for; only a single dataset that is longer is read as it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

from pyoxigraph import NamedNode, Quad

from hub import describe, queries, records
from hub.config import Settings
from hub.queries import Terms
from hub.routes import Precedence
from hub.workers import WorkerPool
from linkml_schemas.generated.model import Dataset

DATASETS = 200
STATEMENTS = 60_000


class _Described(NamedTuple):
    """A dataset, the graphs of its records, and the number of statements there."""

    iri: str
    graphs: tuple[NamedNode, ...]
    statements: int


@dataclass(frozen=True, slots=True)
class Summary:
    """A dataset in brief.

    Attributes:
        iri: of the dataset.
        accession: the archive's identifier.
        title: of the dataset.
        archive: name of the archive, or empty.
        licence: address of the licence, or empty.
        size_bytes: as the archive states it, or None.
        published: ISO 8601 date, to the precision that is known, or empty.
    """

    iri: str
    accession: str
    title: str
    archive: str = ""
    licence: str = ""
    size_bytes: int | None = None
    published: str = ""


def records_of(pool: WorkerPool, settings: Settings, iris: Iterable[str]) -> Iterator[Dataset]:
    """Yield the published records of datasets in the order of their IRIs; what the hub does not have is left out.

    Where several sources describe a dataset each slot is from the first that fills it, as on its page.

    Args:
        pool: workers on the snapshot.
        settings: the hub's settings.
        iris: IRIs of datasets.

    Raises:
        QueryError: a query failed or took too long.
        ValueError: an IRI is not valid.
    """
    order = Precedence.of(settings)
    for group in _groups(_described(pool, iris)):
        graphs = Terms(graph for found in group for graph in found.graphs)
        by_graph: dict[str, list[Quad]] = {graph.value: [] for graph in graphs}
        for quad in queries.quads(pool, "describe/batch", graphs=graphs):
            by_graph[quad.graph_name.value].append(quad)  # type: ignore[union-attr]
        for found in group:
            quads = [quad for graph in found.graphs for quad in by_graph[graph.value]]
            yield records.from_quads(describe.decided(quads, order), found.iri)


def _described(pool: WorkerPool, iris: Iterable[str]) -> Iterator[_Described]:
    for some in _batches(iris):
        graphs: dict[str, list[NamedNode]] = {}
        statements: dict[str, int] = {}
        for row in queries.select(pool, "describe/batch-graphs", datasets=Terms(map(NamedNode, some))):
            iri = row["dataset"].value
            graphs.setdefault(iri, []).append(row["g"])
            statements[iri] = statements.get(iri, 0) + int(row["statements"].value)
        for iri in some:
            if iri in graphs:
                yield _Described(iri, tuple(sorted(graphs[iri], key=lambda g: g.value)), statements[iri])


def _groups(described: Iterable[_Described]) -> Iterator[list[_Described]]:
    """Yield datasets that one query is to read."""
    group: list[_Described] = []
    statements = 0
    for found in described:
        statements += found.statements
        if group and statements > STATEMENTS:
            yield group
            group, statements = [], found.statements
        group.append(found)
    if group:
        yield group


def summaries(pool: WorkerPool, iris: Iterable[str]) -> Iterator[Summary]:
    """Yield datasets in brief, in the order of their IRIs; what the hub does not have is left out.

    Raises:
        QueryError: a query failed or took too long.
        ValueError: an IRI is not valid.
    """
    for some in _batches(iris):
        rows = queries.select(pool, "describe/batch-summaries", datasets=Terms(map(NamedNode, some)))
        found = {s.iri: s for s in map(_summary, rows)}
        yield from (found[iri] for iri in some if iri in found)


def _batches(iris: Iterable[str]) -> Iterator[list[str]]:
    left = iter(iris)
    while some := list(islice(left, DATASETS)):
        yield some


def _summary(row: dict[str, NamedNode]) -> Summary:
    text = {name: term.value for name, term in row.items()}
    return Summary(
        iri=text["dataset"],
        accession=text["accession"],
        title=text["name"],
        archive=text.get("archive", ""),
        licence=text.get("license", ""),
        size_bytes=int(text["bytes"]) if "bytes" in text else None,
        published=text.get("published", ""),
    )
