"""What the page of an archive is made of: what it is, its datasets, and how well and how lately they were read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from pyoxigraph import NamedNode, Quad

from harvesters import contract
from harvesters.building import property_iri
from hub import entities
from hub.config import Settings
from hub.coverage import Coverage, Point
from hub.entities import RDF_TYPE, SCHEMA, Count, Datasets, Part
from hub.errors import NotFoundError
from hub.links.catalogue import Links
from hub.log import Log
from hub.search import contract as contract_of_search
from hub.search.contract import Asked
from hub.search.searcher import Searcher
from hub.workers import WorkerPool
from ontology import archives, iris
from ontology.archives import Archive

# What an archive holds, in a sentence. Source: the archives' own pages (``ontology.archives``)
ABOUT: Final = {
    "bia": "EMBL-EBI's archive of biological images of every kind that belong to publications or are of use to others.",
    "empiar": "EMBL-EBI's archive of raw electron and X-ray microscopy data behind maps, models and volumes.",
    "hub": "Datasets that were submitted to this hub directly, because no archive describes them.",
    "idr": "Reference image datasets, most of them screens, with annotations: genes, phenotypes and compounds.",
    "ssbd": "RIKEN's database and repository of images and quantitative data of biological dynamics.",
}
# Fields whose coverage the page shows; the page of quality has all
SHOWN: Final = ("description", "author", "license", "date_published", "publication", "about", "measurement_method")
SHOWN_MORE: Final = ("gene_annotation", "phenotype", "size_bytes", "file_count", "thumbnail", "funding", "distribution")


MOST: Final = 20
LARGE: Final = 5_000
COUNTS: Final[tuple[str, ...]] = ("listed", "new", "changed", "rejected", "findings")


@dataclass(frozen=True, slots=True)
class Source:
    """A source of an archive's records, and how its last run went.

    Attributes:
        url: where it is read from; empty for a folder of the operator's.
        state: of the run, or empty before the first one.
        started: ISO 8601 time, or empty.
        schedule: how often it is read, or empty.
        counts: the report's counts.
        error: why it failed, or empty.
    """

    name: str
    harvester: str
    url: str
    schedule: str = ""
    state: str = ""
    number: int | None = None
    started: str = ""
    ended: str = ""
    error: str = ""
    counts: dict[str, int] | None = None


@dataclass(frozen=True, slots=True)
class ArchivePage:
    """An archive with everything that the hub has of it.

    Attributes:
        name: its short name.
        iri: its IRI in the hub.
        known: what is known of it beforehand; None for one that only a source's settings name.
        found: all its datasets.
        part: the datasets that are shown.
        organisms: the most frequent first.
        methods: the most frequent first.
        licences: address or SPDX identifier, and number of datasets.
        by_year: number of datasets by year.
        unlicensed: number of datasets without a licence.
        sources: the hub's sources of its records.
        coverage: how many records fill each field.
    """

    name: str
    iri: str
    known: Archive | None
    found: Datasets
    part: Part
    organisms: tuple[Count, ...] = ()
    methods: tuple[Count, ...] = ()
    licences: tuple[Count, ...] = ()
    by_year: dict[str, int] = field(default_factory=dict)
    unlicensed: int = 0
    sources: tuple[Source, ...] = ()
    coverage: tuple[Point, ...] = ()

    @property
    def title(self) -> str:
        """What the archive is called."""
        return self.known.title if self.known else self.name

    @property
    def about(self) -> str:
        """What it holds, in a sentence; empty where that is not known."""
        return ABOUT.get(self.name, "")


def sources(settings: Settings, archive: str) -> tuple[tuple[Source, ...], tuple[Point, ...]]:
    """Return the sources of an archive with their last runs, and how many of its records fill each field."""
    log = Log(settings.database)
    try:
        Links(log)
        runs, points = log.last_runs(), Coverage(log).now(archive)
    finally:
        log.close()
    wanted = (*SHOWN, *SHOWN_MORE)
    shown = sorted((one for one in points if one.slot in wanted), key=lambda one: wanted.index(one.slot))
    own = [one for one in settings.sources.values() if one.archive == archive]
    own.sort(key=lambda one: one.name)
    return tuple(_source(one, settings.schedules.get(one.name, ""), runs.get(one.name, {})) for one in own), tuple(
        shown
    )


def _source(source: contract.Source, schedule: str, run: dict[str, Any]) -> Source:
    counted: dict[str, int] = {name: run[name] for name in COUNTS if name in run}
    return Source(
        source.name,
        source.harvester,
        source.url if source.url.startswith(("http://", "https://")) else "",
        schedule,
        str(run.get("state") or ""),
        run.get("number"),
        str(run.get("started") or ""),
        str(run.get("ended") or ""),
        str(run.get("error") or ""),
        counted,
    )


def page(
    pool: WorkerPool,
    settings: Settings,
    name: str,
    number: int,
    sort: str,
    told: tuple[tuple[Source, ...], tuple[Point, ...]],
    searcher: Searcher | None = None,
) -> ArchivePage:
    """Return everything that the hub has of an archive.

    Args:
        pool: workers on the snapshot.
        settings: the hub's settings.
        name: of the archive.
        number: page of the list of datasets, from 1.
        sort: a key of ``hub.entities.SORTS``.
        told: its sources and coverage, as ``sources`` returns them.
        searcher: the search index, which counts in milliseconds what the engine takes seconds for in an archive of
            more than ``LARGE`` datasets; None to ask the engine. It counts studies with all that any of their datasets
            says, also those of other archives.

    Raises:
        NotFoundError: there is no such archive, or no such page.
    """
    iri = iris.archive(settings.base_iri, name)
    known = archives.ARCHIVES.get(name)
    question = "describe/archive" if sort == "accession" else "describe/archive-dates"
    found = entities.datasets(pool, question, iri, f"{settings.base_iri}dataset/")
    if not len(found) and known is None:
        raise NotFoundError(f"there is no archive {name} in this hub: the archives are listed on the home page")
    part = entities.part(pool, found, number, sort)
    is_large = len(found) > LARGE
    counted = _searched(searcher, name) if searcher and is_large else _asked(pool, settings.base_iri, iri)
    return ArchivePage(name, iri, known, found, part, *counted, *told)


Counted = tuple[tuple[Count, ...], tuple[Count, ...], tuple[Count, ...], dict[str, int], int]


def _asked(pool: WorkerPool, base: str, iri: str) -> Counted:
    """Return organisms, methods, licences and years of an archive by the engine."""
    organisms, methods, licences = (
        entities.counts(pool, f"describe/archive-{what}", iri) for what in ("organisms", "methods", "licences")
    )
    dated = entities.datasets(pool, "describe/archive-dates", iri, f"{base}dataset/")
    return organisms, methods, licences, dated.by_year, _rest(len(dated), licences)


def _searched(searcher: Searcher, name: str) -> Counted:
    """Return organisms, methods, licences and years of an archive by the search index."""
    found = searcher.find(Asked(filters={"archive": (name,)}, per_page=1))
    facets = found.facets
    organisms, methods = (_most(facets[facet]) for facet in ("organism", "method"))
    licences = tuple(Count(one.value, one.label, one.studies) for one in facets["licence"])
    years = {one.value: one.studies for one in reversed(facets["year"])}
    return organisms, methods, licences, years, _rest(found.total, licences)


def _rest(total: int, licences: Iterable[Count]) -> int:
    return max(0, total - sum(one.datasets for one in licences))


def _most(tree: Iterable[contract_of_search.Count]) -> tuple[Count, ...]:
    """Return the most frequent values of a tree that are more than the sum of what stands below them."""
    found = {one.id: one for one in _flat(tree)}
    return tuple(sorted(found.values(), key=lambda one: (-one.datasets, one.name.casefold(), one.id))[:MOST])


def _flat(tree: Iterable[contract_of_search.Count]) -> Iterator[Count]:
    for one in tree:
        if one.studies > sum(below.studies for below in one.narrower):
            yield Count(one.value, one.label, one.studies)
        yield from _flat(one.narrower)


# --- as data ---------------------------------------------------------------------------------------------------------


def as_json(page: ArchivePage) -> dict[str, Any]:
    """Return an archive's page as JSON values."""
    known = page.known
    return {
        "archive": page.iri,
        "name": page.name,
        "title": page.title,
        "description": page.about or None,
        "homepage": known.homepage if known else None,
        "licence": known.licence if known else None,
        "terms": known.terms if known else None,
        "publisher": known.publisher_ror if known else None,
        "by_year": page.by_year,
        "organisms": entities.counts_json(page.organisms),
        "methods": entities.counts_json(page.methods),
        "licences": [{"licence": one.id, "datasets": one.datasets} for one in page.licences],
        "without_licence": page.unlicensed,
        "coverage": {one.slot: round(one.share, 4) for one in page.coverage},
        "sources": [_source_json(one) for one in page.sources],
        **entities.part_json(page.part),
    }


def _source_json(source: Source) -> dict[str, Any]:
    told = {name: getattr(source, name) for name in Source.__slots__}
    return {name: value for name, value in told.items() if value not in (None, "", {})}


def quads(page: ArchivePage) -> list[Quad]:
    """Return an archive's page as statements: the archive, and the datasets of the page."""
    archive = NamedNode(page.iri)
    said = [Quad(archive, RDF_TYPE, NamedNode(f"{SCHEMA}DataCatalog"))]
    said.append(entities.text(page.iri, f"{SCHEMA}name", page.title))
    if page.about:
        said.append(entities.text(page.iri, f"{SCHEMA}description", page.about))
    if page.known:
        said.append(entities.statement(page.iri, property_iri("url"), page.known.homepage))
        for slot, value in (("license", page.known.licence), ("publisher", page.known.publisher_ror)):
            said += [entities.statement(page.iri, property_iri(slot), value)] if value else []
    said += [entities.statement(one.iri, property_iri("archive"), page.iri) for one in page.part.shown]
    return [*said, *entities.described(page.part)]
