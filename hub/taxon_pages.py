"""What the page of a taxon is made of: its names and lineage, its datasets and those of the taxa below it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from pyoxigraph import Literal, NamedNode, Quad

from harvesters.building import property_iri
from hub import entities, term_pages
from hub.entities import RDF_TYPE, SCHEMA, Count, Datasets, Part
from hub.ontologies import Ontologies
from hub.term_pages import Account
from hub.workers import WorkerPool
from ontology import identifiers, terms

PREFIX: Final = f"{identifiers.OBO}NCBITaxon_"
MOST_SUBTAXA: Final = 100
MAX_NEAR: Final = 5


@dataclass(frozen=True, slots=True)
class TaxonPage:
    """A taxon with everything that the hub has of it.

    Attributes:
        about: names and lineage.
        found: all datasets, of the taxon itself and of taxa below it.
        part: the datasets that are shown.
        subtaxa: taxa below it that datasets name, with the datasets of each alone; the most datasets first.
        methods: imaging methods of these datasets.
        genes: genes of the taxon that datasets annotate.
    """

    about: Account
    found: Datasets
    part: Part
    subtaxa: tuple[Count, ...] = ()
    methods: tuple[Count, ...] = ()
    genes: tuple[Count, ...] = ()

    @property
    def direct(self) -> int:
        """Number of datasets that name the taxon itself."""
        return self.found.of([self.about.iri])

    @property
    def number(self) -> str:
        """The taxon's number in the NCBI taxonomy."""
        return self.about.iri.removeprefix(PREFIX)

    @property
    def common(self) -> tuple[str, ...]:
        """Names other than the scientific one: of the taxonomy, then of records."""
        written = (said.name for said in self.about.names)
        return tuple(dict.fromkeys(name for name in (*self.about.synonyms, *written) if name != self.about.name))


def page(pool: WorkerPool, known: Ontologies, base: str, iri: str, number: int, sort: str) -> TaxonPage:
    """Return everything that the hub has of a taxon; arguments and errors as of ``hub.term_pages.page``."""
    found = entities.datasets(pool, "describe/taxon", iri, f"{base}dataset/")
    about = term_pages.account(pool, known, iri, found)
    part = entities.part(pool, found, number, sort)
    if not len(found):
        return TaxonPage(about, found, part)
    methods = entities.counts(pool, "describe/taxon-methods", iri)
    genes = entities.counts(pool, "describe/taxon-genes", iri)
    return TaxonPage(about, found, part, _subtaxa(pool, found, iri), methods, genes)


def _subtaxa(pool: WorkerPool, found: Datasets, iri: str) -> tuple[Count, ...]:
    used = {via: number for via, number in found.by_via.items() if via != iri}
    if not used:
        return ()
    rows = entities.selected(pool, "describe/narrower", iri=NamedNode(iri))
    names = {row["term"]: row.get("name", "") for row in rows}
    made = [Count(via, names.get(via) or entities.short(via), number) for via, number in used.items()]
    return tuple(sorted(made, key=lambda one: (-one.datasets, one.name))[:MOST_SUBTAXA])


def find(pool: WorkerPool, known: Ontologies, name: str) -> list[str]:
    """Return the IRIs of the taxa that a number, CURIE, IRI or name means; several where it is ambiguous.

    Args:
        pool: workers on the snapshot, whose records are asked about a name that no taxonomy has.
        known: the ontologies.
        name: in any spelling; underscores stand for blanks.
    """
    try:
        return [identifiers.taxon(name)]
    except ValueError:
        words = name.replace("_", " ").strip()
    try:
        return [terms.organism(words)]
    except ValueError:
        found = [one for one in known.find(words) if one.iri.startswith(PREFIX) and not one.is_obsolete]
    if found:
        return [one.iri for one in found if one.kind == found[0].kind]
    rows = entities.selected(pool, "describe/taxon-named", word=Literal(words))
    return sorted({row["taxon"] for row in rows if row["taxon"].startswith(PREFIX)})


# --- as data ---------------------------------------------------------------------------------------------------------


def as_json(page: TaxonPage) -> dict[str, Any]:
    """Return a taxon's page as JSON values."""
    return {
        "taxon": page.about.iri,
        "number": int(page.number),
        "scientific_name": page.about.name,
        "common_names": list(page.common),
        **term_pages.account_json(page.about),
        **term_pages.counts_json(page.found, page.about.iri),
        "subtaxa": entities.counts_json(page.subtaxa),
        "methods": entities.counts_json(page.methods),
        "genes": entities.counts_json(page.genes),
        **entities.part_json(page.part),
    }


def quads(page: TaxonPage) -> list[Quad]:
    """Return a taxon's page as statements: its names and place, and the datasets of the page."""
    about = page.about
    said = [Quad(NamedNode(about.iri), RDF_TYPE, NamedNode(f"{SCHEMA}Taxon")), *term_pages.account_quads(about)]
    said.append(entities.text(about.iri, property_iri("scientific_name"), about.name))
    said += [entities.text(about.iri, property_iri("vernacular_name"), name) for name in page.common]
    said += [entities.statement(one.id, f"{SCHEMA}parentTaxon", about.iri) for one in about.narrower]
    said += [entities.statement(about.iri, f"{SCHEMA}parentTaxon", one.id) for one in about.broader]
    shown = {one.iri for one in page.part.shown}
    said += [entities.statement(r.dataset, property_iri("about"), r.via) for r in page.found.rows if r.dataset in shown]
    return list(dict.fromkeys([*said, *entities.described(page.part)]))
