"""The ontologies that a hub has, and their graphs: labels, synonyms, superclasses, and the closure of these.

A term is told by the ontology that its prefix names, else by the first one that has it: EFO has terms of Uberon, but
Uberon's own word counts. Where the settings name no ontology, the slices that come with the hub answer.
"""

from __future__ import annotations

import hashlib
import re
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from importlib.resources import files
from io import BytesIO

from pyoxigraph import Literal, NamedNode, Quad

from harvesters.references import ontology, slices
from harvesters.references.contract import Reference
from harvesters.references.ontology import NEARNESS, Candidate, Ontology
from harvesters.references.terms import REPLACED_BY
from hub import references
from hub.config import Settings
from ontology import identifiers, iris

VERSION = 1
"""Of the graphs that are made of the tables: raised when they are to be made again."""
WHOLE_TERMS = 1_000
"""An ontology of at most so many terms goes into its graph whole; of a longer one what is used, and what is above."""
BUNDLED = ("fbbi", "ncbitaxon", "efo", "other")
TERM_CLASSES = tuple(
    NamedNode(iri)
    for iri in (
        "http://schema.org/DefinedTerm",
        "http://schema.org/Taxon",
        "http://schema.org/MolecularEntity",
        "http://purl.obolibrary.org/obo/UPHENO_0001001",
    )
)
"""Classes of the nodes of a record that may be terms of an ontology."""

_RDF_TYPE = NamedNode("http://www.w3.org/1999/02/22-rdf-syntax-ns#type")
_LABEL = NamedNode("http://www.w3.org/2000/01/rdf-schema#label")
_SUBCLASS = NamedNode("http://www.w3.org/2000/01/rdf-schema#subClassOf")
_NAME = NamedNode("http://schema.org/name")
_SYNONYM = NamedNode("http://www.w3.org/2004/02/skos/core#altLabel")
_CLASS = NamedNode("http://www.w3.org/2002/07/owl#Class")
_ONTOLOGY = NamedNode("http://www.w3.org/2002/07/owl#Ontology")
_VERSION = NamedNode("http://www.w3.org/2002/07/owl#versionInfo")
_LICENCE = NamedNode("http://purl.org/dc/terms/license")
_DEPRECATED = NamedNode("http://www.w3.org/2002/07/owl#deprecated")
_REPLACED = NamedNode(REPLACED_BY)
_TRUE = Literal(True)
_PREFIX = re.compile(r"[/#]([A-Z][A-Za-z-]*)_[^/#_]+")


class Ontologies:
    """Every ontology of a hub as one: terms are IRIs as `ontology.identifiers.term` writes them.

    Args:
        known: the ontologies, the one whose word counts first.
    """

    def __init__(self, known: Sequence[Ontology]) -> None:
        self.known = tuple(known)
        self._by_name = {o.name: o for o in reversed(self.known)}
        self._above: dict[str, tuple[str, ...]] = {}

    @classmethod
    def of(cls, settings: Settings) -> Ontologies:
        """Return the configured ontologies that were updated at least once, and behind them the bundled slices."""
        configured = [Ontology(name, db) for name, db in references.of_kind(settings, ontology.KIND.name)]
        return cls([*configured, *bundled()])

    def home(self, iri: str) -> Ontology | None:
        """Return the ontology whose word counts for a term, or None when no one has it."""
        own = self._by_name.get(prefix(iri) or "")
        if own is not None and iri in own:
            return own
        return next((o for o in self.known if iri in o), None)

    def __contains__(self, iri: str) -> bool:
        return self.home(iri) is not None

    def label(self, iri: str) -> str | None:
        """Return the label of a term; None when it has none or is unknown."""
        home = self.home(iri)
        return home.label(iri) if home else None

    def synonyms(self, iri: str, *kinds: str) -> list[str]:
        """Return the synonyms of a term, sorted; of some kinds (``exact``, ``narrow`` …), or of all."""
        home = self.home(iri)
        return home.synonyms(iri, *kinds) if home else []

    def parents(self, iri: str) -> list[str]:
        """Return the direct superclasses of a term, sorted."""
        home = self.home(iri)
        return home.parents(iri) if home else []

    def is_obsolete(self, iri: str) -> bool:
        """Tell whether a term is not to be used any more; False for unknown ones."""
        home = self.home(iri)
        return home.is_obsolete(iri) if home else False

    def replaced_by(self, iri: str) -> str | None:
        """Return the term to use instead of an obsolete one; None when none is named."""
        home = self.home(iri)
        return home.replaced_by(iri) if home else None

    def ancestors(self, iri: str) -> set[str]:
        """Return every term above a term, without itself; above an obsolete one stands what replaces it."""
        seen: set[str] = set()
        waiting = list(self._next(iri))
        while waiting:
            current = waiting.pop()
            if current not in seen:
                seen.add(current)
                waiting.extend(self._next(current))
        return seen - {iri}

    def descends(self, iri: str, ancestor: str) -> bool:
        """Tell whether a known term is the ancestor or stands below it, in whichever ontology."""
        return iri in self and (iri == ancestor or ancestor in self.ancestors(iri))

    def find(self, name: str, kinds: Iterable[str] = NEARNESS) -> list[Candidate]:
        """Return the terms that have a name, the nearest kind first, obsolete ones last; each as its home has it."""
        order = {kind: place for place, kind in enumerate(kinds)}
        found = [c for o in self.known for c in o.find(name, order) if self.home(c.iri) is o]
        return sorted(found, key=lambda c: (c.is_obsolete, order[c.kind], c.iri))

    def _next(self, iri: str) -> tuple[str, ...]:
        """Return the superclasses of a term and what replaces it."""
        if iri not in self._above:
            home = self.home(iri)
            replacement = home.replaced_by(iri) if home else None
            self._above[iri] = (*(home.parents(iri) if home else ()), *((replacement,) if replacement else ()))
        return self._above[iri]


def prefix(iri: str) -> str | None:
    """Return the prefix of a term in lower case: the name of its ontology and graph.

    >>> prefix("http://purl.obolibrary.org/obo/FBbi_00000246"), prefix("https://orcid.org/0000-0002-1825-0097")
    ('fbbi', None)
    """
    found = _PREFIX.search(iri)
    if found and found.end() == len(iri):
        return found[1].lower()
    try:
        identifiers.term(iri)
        return identifiers.curie(iri).partition(":")[0].lower()
    except ValueError:
        return None


@cache
def bundled() -> tuple[Ontology, ...]:
    """Return the slices that come with the hub, as ontologies in memory."""
    return tuple(_bundled(name) for name in BUNDLED)


def _bundled(name: str) -> Ontology:
    file = files("ontology").joinpath("slices", f"{name}.tsv")
    reference = Reference(name, ontology.KIND.name, "tsv", str(file))
    db = sqlite3.connect(":memory:", check_same_thread=False)
    data = file.read_bytes()
    facts = {"sha256": hashlib.sha256(data).hexdigest()}
    references.fill(db, ontology.KIND, slices.read(BytesIO(data), reference), facts)
    return Ontology(name, db)


# --- graphs --------------------------------------------------------------------------------------------------------


def fingerprint(known: Ontologies, used: Iterable[str]) -> str:
    """Return a hash that is another one when the graphs have to be made again."""
    digest = hashlib.sha256(f"{VERSION} {WHOLE_TERMS}\n".encode())
    for one in known.known:
        digest.update(f"{one.name} {one.meta().get('sha256')} {one.meta().get('reader')}\n".encode())
    for iri in sorted(used):
        digest.update(f"{iri}\n".encode())
    return digest.hexdigest()


def graphs(known: Ontologies, used: Iterable[str], base: str) -> dict[NamedNode, list[Quad]]:
    """Return the contents of the graphs of ontologies.

    Args:
        known: the ontologies.
        used: terms that records have; others among them are passed over.
        base: the hub's base IRI.

    Returns:
        for each prefix with a term two graphs: what its ontology says of the terms, and the closure of the
        superclasses, in which each term is its own superclass too and an obsolete one has those of its replacement.
    """
    contents: dict[NamedNode, list[Quad]] = defaultdict(list)
    sources: dict[str, Ontology] = {}
    for iri in sorted(_wanted(known, used)):
        name, home = prefix(iri), known.home(iri)
        if name is None or home is None:
            continue
        sources.setdefault(name, home)
        graph, closure = (NamedNode(make(base, name)) for make in (iris.ontology_graph, iris.closure_graph))
        contents[graph].extend(_said(home, iri, graph))
        above = sorted({iri, *known.ancestors(iri)})
        contents[closure].extend(Quad(NamedNode(iri), _SUBCLASS, NamedNode(a), closure) for a in above)
    for name, home in sources.items():
        graph = NamedNode(iris.ontology_graph(base, name))
        contents[graph].extend(_about(name, home, graph))
    return dict(contents)


def _wanted(known: Ontologies, used: Iterable[str]) -> set[str]:
    """Return the terms to tell of: what is used, all above it, and the rest of small ontologies of which one is."""
    there = {iri for iri in used if iri in known}
    for home in {home for iri in there if (home := known.home(iri)) and home.name == prefix(iri)}:
        if len(home) <= WHOLE_TERMS:
            there.update(home.iris())
    return there.union(*(known.ancestors(iri) for iri in there))


def _said(home: Ontology, iri: str, graph: NamedNode) -> Iterator[Quad]:
    term, label = NamedNode(iri), home.label(iri)
    yield Quad(term, _RDF_TYPE, _CLASS, graph)
    if label:
        yield Quad(term, _LABEL, Literal(label), graph)
        yield Quad(term, _NAME, Literal(label), graph)
    for synonym in home.synonyms(iri, "exact", "narrow", "related"):
        yield Quad(term, _SYNONYM, Literal(synonym), graph)
    for parent in home.parents(iri):
        yield Quad(term, _SUBCLASS, NamedNode(parent), graph)
    if home.is_obsolete(iri):
        yield Quad(term, _DEPRECATED, _TRUE, graph)
    if replacement := home.replaced_by(iri):
        yield Quad(term, _REPLACED, NamedNode(replacement), graph)


def _about(name: str, home: Ontology, graph: NamedNode) -> Iterator[Quad]:
    told = home.meta()
    yield Quad(graph, _RDF_TYPE, _ONTOLOGY, graph)
    yield Quad(graph, _LABEL, Literal(name), graph)
    if version := told.get("version"):
        yield Quad(graph, _VERSION, Literal(version), graph)
    try:
        yield Quad(graph, _LICENCE, NamedNode(identifiers.iri(told.get("licence", ""))), graph)
    except ValueError:
        return
