"""The things that link rules lead datasets to and no record tells of: their class and name.

A record that names a term tells its class and label with it; a link only leads there. So that every dataset leads to
things of the model, whoever found them, ``{base}graph/linked`` tells what the links' graphs do not.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from pydantic import BaseModel
from pyoxigraph import NamedNode, Quad

from harvesters.building import property_iri
from hub import ontologies, records
from hub.config import Settings
from hub.links.terms import Mappings
from hub.ontologies import Ontologies
from hub.store import DEFAULT, RDF_TYPE, GraphStore, iri_of
from linkml_schemas.generated.model import DefinedTerm, Phenotype, Publication, Taxon
from ontology import identifiers, iris

_ABOUT, _METHOD, _PHENOTYPE, _PAPER = (
    property_iri(slot) for slot in ("about", "measurement_method", "phenotype", "publication")
)
TERMS: Final = frozenset((_ABOUT, _METHOD, _PHENOTYPE))
SLOTS: Final = frozenset((*TERMS, _PAPER))
CLASSES: Final = (*ontologies.TERM_CLASSES, records.tables()["Publication"].type)


@dataclass(slots=True)
class Linked:
    """What the graphs of a hub say that matters here.

    Attributes:
        base: the hub's base IRI.
        typed: IRIs of terms and papers of which a record tells the class, by the class's IRI.
        objects: IRIs that facts of link rules lead to, with the IRI of the property.
    """

    base: str
    typed: dict[str, set[str]] = field(default_factory=dict)
    objects: set[tuple[str, str]] = field(default_factory=set)

    def see(self, quads: Iterable[Quad]) -> None:
        """Take note of statements, in any order; those that do not matter are passed over."""
        for quad in quads:
            graph, value = iri_of(quad.graph_name), quad.object
            if not isinstance(value, NamedNode):
                continue
            if quad.predicate == RDF_TYPE and value in CLASSES and graph.startswith(f"{self.base}graph/source/"):
                self.see_class(quad)
            elif graph.startswith(f"{self.base}graph/links/") and quad.predicate.value in SLOTS:
                self.objects.add((quad.predicate.value, value.value))

    def see_class(self, quad: Quad) -> None:
        """Take note that a record tells a thing's class."""
        if isinstance(quad.object, NamedNode):
            self.typed.setdefault(quad.object.value, set()).add(iri_of(quad.subject))

    @property
    def terms(self) -> set[str]:
        """The terms that records have and links lead to."""
        of_records = (self.typed.get(cls.value, set()) for cls in ontologies.TERM_CLASSES)
        return {iri for slot, iri in self.objects if slot in TERMS}.union(*of_records)

    def contents(self, settings: Settings) -> list[Quad]:
        """Return the contents of the graph: class and name of what links lead to and no record tells of."""
        told = set().union(*self.typed.values())
        wanted = sorted((iri, slot) for slot, iri in self.objects if iri not in told)
        names = _Names(settings)
        graph = graph_of(self.base)
        quads = (quad for iri, slot in wanted for quad in records.to_quads(_thing(iri, slot, names), graph))
        return list(dict.fromkeys(quads))


def of_store(store: GraphStore, base: str) -> Linked:
    """Return what a store says that matters here, without a look at every record."""
    found = Linked(base)
    graph = graph_of(base)
    ours = {quad.subject for quad in store.said_in(graph)}
    for quad in store.having([RDF_TYPE], CLASSES, [DEFAULT]):
        if quad.subject not in ours or any(g.startswith(f"{base}graph/source/") for g in store.graphs_of(quad)):
            found.see_class(quad)
    of_rules = store.graphs_with(RDF_TYPE, records.tables()["LinkRule"].type, f"{base}graph/links/")
    found.see(store.having([NamedNode(slot) for slot in sorted(SLOTS)], [None], of_rules))
    return found


def graph_of(base: str) -> NamedNode:
    """Return the name of the graph."""
    return NamedNode(iris.linked_graph(base))


class _Names:
    """Names of terms: by the ontologies, else by the tables of mappings, else their compact identifier."""

    def __init__(self, settings: Settings) -> None:
        self._known = Ontologies.of(settings)
        mapped = Mappings.of(settings).wordings()
        self._mapped = {row.object: row.object_label for row in reversed(mapped) if row.object_label}

    def of(self, iri: str) -> str:
        return self._known.label(iri) or self._mapped.get(iri) or _compact(iri)


def _compact(iri: str) -> str:
    try:
        return identifiers.curie(iri)
    except ValueError:
        return iri


def _thing(iri: str, slot: str, names: _Names) -> BaseModel:
    if slot == _PAPER:
        return Publication(id=iri)
    if slot == _PHENOTYPE:
        return Phenotype(id=iri, name=names.of(iri))
    if "/obo/NCBITaxon_" in iri:
        return Taxon(id=iri, scientific_name=names.of(iri))
    return DefinedTerm(id=iri, name=names.of(iri))
