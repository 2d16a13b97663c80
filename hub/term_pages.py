"""What the page of an ontology term is made of: what ontologies say of it, and datasets with it or a narrower term."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from pyoxigraph import Literal, NamedNode, Quad

from harvesters.building import property_iri
from harvesters.references.terms import REPLACED_BY
from hub import entities, ontologies
from hub.entities import RDF_TYPE, SCHEMA, Count, Datasets, Part, Said
from hub.errors import NotFoundError
from hub.ontologies import Ontologies
from hub.workers import WorkerPool
from ontology import identifiers

# Role of the term in a dataset → heading
ROLES: Final = {
    "method": "Imaging method",
    "technique": "Technique of a protocol",
    "subject": "What is shown",
    "strain": "Strain of a sample",
    "cell_line": "Cell line of a sample",
    "phenotype": "Phenotype",
    "compound": "Compound",
    "map": "Method of a map or model",
}
_SKOS: Final = "http://www.w3.org/2004/02/skos/core#"
_RDFS: Final = "http://www.w3.org/2000/01/rdf-schema#"
# How a term of another ontology corresponds, seen from the term, seen from the other → words
HOW: Final = {
    f"{_SKOS}exactMatch": ("the same", "the same"),
    "http://www.w3.org/2002/07/owl#sameAs": ("the same", "the same"),
    f"{SCHEMA}sameAs": ("the same", "the same"),
    f"{_SKOS}closeMatch": ("nearly the same", "nearly the same"),
    f"{_SKOS}broadMatch": ("broader", "narrower"),
    f"{_SKOS}narrowMatch": ("narrower", "broader"),
    REPLACED_BY: ("replaces it", "replaced by it"),
}
DEFINITIONS: Final = (f"{identifiers.OBO}IAO_0000115", f"{_SKOS}definition")
MOST_NARROWER: Final = 200


class Mapping(NamedTuple):
    """A term of another ontology, or an archive's wording, that corresponds to a term.

    Attributes:
        id: IRI.
        how: how it corresponds, in words.
        predicate: IRI.
        is_wording: whether it is a node of a record, which has no page.
        is_from: whether the statement leads from the other to the term.
    """

    id: str
    name: str
    how: str
    predicate: str
    is_wording: bool
    is_from: bool


@dataclass(frozen=True, slots=True)
class Account:
    """What ontologies say of a term.

    Attributes:
        iri: the term.
        name: its label, else what most records call it, else its compact identifier.
        synonyms: sorted.
        definition: where an ontology gives one, else empty.
        is_obsolete: whether it is not to be used any more.
        replaced_by: the term to use instead, or empty.
        ontologies: prefixes of the ontologies that tell of it.
        names: names in records.
        path: terms above it from the root to its parent; of several ways up the shortest.
        broader: direct superclasses.
        narrower: direct subclasses with all datasets below them, most datasets first.
        below: number of terms below it.
    """

    iri: str
    name: str
    synonyms: tuple[str, ...] = ()
    definition: str = ""
    is_obsolete: bool = False
    replaced_by: str = ""
    ontologies: tuple[str, ...] = ()
    names: tuple[Said, ...] = ()
    path: tuple[Count, ...] = ()
    broader: tuple[Count, ...] = ()
    narrower: tuple[Count, ...] = ()
    below: int = 0


@dataclass(frozen=True, slots=True)
class TermPage:
    """A term with everything that the hub has of it.

    Attributes:
        about: what ontologies say.
        found: all datasets, with the term itself and with narrower ones.
        part: the datasets that are shown.
        organisms: of these datasets.
        mappings: terms of other ontologies.
        wordings: what archives call it, where a link rule found that they mean it.
    """

    about: Account
    found: Datasets
    part: Part
    organisms: tuple[Count, ...] = ()
    mappings: tuple[Mapping, ...] = ()
    wordings: tuple[Mapping, ...] = field(default=())

    @property
    def direct(self) -> int:
        """Number of datasets that have the term itself."""
        return self.found.of([self.about.iri])


def page(pool: WorkerPool, known: Ontologies, base: str, iri: str, number: int, sort: str) -> TermPage:
    """Return everything that the hub has of a term.

    Args:
        pool: workers on the snapshot.
        known: the ontologies, asked about a term that the snapshot does not have.
        base: base IRI of the hub.
        iri: the term.
        number: page of the list of datasets, from 1.
        sort: a key of ``hub.entities.SORTS``.

    Raises:
        NotFoundError: no dataset and no ontology has it, or there is no such page.
    """
    found = entities.datasets(pool, "describe/term", iri, f"{base}dataset/")
    about = account(pool, known, iri, found)
    maps = list(_mappings(pool, iri))
    return TermPage(
        about,
        found,
        entities.part(pool, found, number, sort),
        entities.counts(pool, "describe/term-organisms", iri) if len(found) else (),
        tuple(one for one in maps if not one.is_wording),
        tuple(one for one in maps if one.is_wording),
    )


def account(pool: WorkerPool, known: Ontologies, iri: str, found: Datasets) -> Account:
    """Return what ontologies and records say of a term.

    Raises:
        NotFoundError: nobody says anything of it.
    """
    said = entities.selected(pool, "describe/term-graph", iri=NamedNode(iri))
    names = entities.names(pool, iri)
    if not said and not names and not len(found) and iri not in known:
        raise NotFoundError(f"no dataset here has {entities.short(iri)}, and no ontology of this hub knows it")

    def values(*predicates: str) -> list[str]:
        return sorted({row["o"] for row in said if row["p"] in predicates})

    lines = entities.selected(pool, "describe/lineage", iri=NamedNode(iri))
    above = {row["term"]: row.get("name", "") for row in lines}
    label = next(iter(values(f"{_RDFS}label")), "") or known.label(iri) or next((one.name for one in names), "")
    narrower, below = _narrower(pool, iri, found)
    return Account(
        iri,
        label or entities.short(iri),
        tuple(name for name in values(f"{_SKOS}altLabel") or known.synonyms(iri) if name != label),
        next(iter(values(*DEFINITIONS)), ""),
        "true" in values("http://www.w3.org/2002/07/owl#deprecated") or (not said and known.is_obsolete(iri)),
        next(iter(values(REPLACED_BY)), "") or (not said and known.replaced_by(iri)) or "",
        tuple(sorted({row["ontology"] for row in said})),
        names,
        tuple(Count(one, above.get(one) or entities.short(one), 0) for one in _path(lines, iri)),
        tuple(
            Count(one, above.get(one) or known.label(one) or entities.short(one), 0)
            for one in values(f"{_RDFS}subClassOf") or known.parents(iri)
        ),
        narrower,
        below,
    )


def _path(lines: Iterable[dict[str, str]], iri: str) -> list[str]:
    """Return the shortest way from a root down to a term, without the term; ties by IRI."""
    parents: dict[str, set[str]] = {}
    for row in lines:
        parents.setdefault(row["term"], set()).update([row["parent"]] if "parent" in row else [])
    ways: list[list[str]] = [[iri]]
    seen = {iri}
    while ways:
        ends = [way for way in ways if not parents.get(way[-1])]
        if ends:
            return list(reversed(min(ends)[1:]))
        further = [[*way, parent] for way in ways for parent in sorted(parents[way[-1]]) if parent not in seen]
        seen.update(way[-1] for way in further)
        ways = further
    return []


def _narrower(pool: WorkerPool, iri: str, found: Datasets) -> tuple[tuple[Count, ...], int]:
    """Return the terms directly below one with their datasets, and how many terms there are below."""
    rows = entities.selected(pool, "describe/narrower", iri=NamedNode(iri))
    names = {row["term"]: row.get("name", "") for row in rows}
    members: dict[str, set[str]] = {}
    for path in entities.selected(pool, "describe/paths", iri=NamedNode(iri)):
        members.setdefault(path["term"], set()).add(path["narrower"])
    datasets: dict[str, set[str]] = {}
    for one in found.rows:
        datasets.setdefault(one.via, set()).add(one.dataset)
    made = [
        Count(term, names.get(term) or entities.short(term), len(set().union(*(datasets.get(b, ()) for b in below))))
        for term, below in members.items()
        if term != iri
    ]
    made.sort(key=lambda one: (-one.datasets, one.name.casefold(), one.id))
    return tuple(made[:MOST_NARROWER]), len(names)


def _mappings(pool: WorkerPool, iri: str) -> Iterator[Mapping]:
    made: dict[str, Mapping] = {}
    for row in entities.selected(pool, "describe/mappings", iri=NamedNode(iri)):
        other, is_from = row["other"], row["direction"] == "from"
        how = HOW[row["p"]][is_from]
        is_wording = "/record/" in other and "#" in other
        name = row.get("name") or entities.short(other)
        made.setdefault(other, Mapping(other, name, how, row["p"], is_wording, is_from))
    yield from sorted(made.values(), key=lambda one: (one.how, one.name.casefold(), one.id))


def named(known: Ontologies, name: str) -> list[tuple[str, str]]:
    """Return IRI and label of the terms that a name means: of the nearest kind of name, obsolete ones left out."""
    found = [one for one in known.find(name) if not one.is_obsolete and ontologies.prefix(one.iri) != "ncbitaxon"]
    return [(one.iri, one.label or entities.short(one.iri)) for one in found if one.kind == found[0].kind]


# --- as data ---------------------------------------------------------------------------------------------------------


def account_json(about: Account) -> dict[str, Any]:
    """Return what ontologies say of a term as JSON values."""
    return {
        "iri": about.iri,
        "curie": entities.short(about.iri),
        "name": about.name,
        "synonyms": list(about.synonyms),
        "definition": about.definition or None,
        "obsolete": about.is_obsolete,
        "replaced_by": about.replaced_by or None,
        "ontologies": list(about.ontologies),
        "names": entities.names_json(about.names),
        "path": [{"id": one.id, "name": one.name} for one in about.path],
        "broader": [{"id": one.id, "name": one.name} for one in about.broader],
        "narrower": entities.counts_json(about.narrower),
        "terms_below": about.below,
    }


def counts_json(found: Datasets, iri: str) -> dict[str, Any]:
    """Return the numbers of a thing's datasets as JSON values."""
    direct = found.of([iri])
    return {
        "counts": {"all": len(found), "direct": direct, "only_narrower": len(found) - direct},
        "by_year": found.by_year,
        "by_archive": found.by_archive,
    }


def as_json(page: TermPage) -> dict[str, Any]:
    """Return a term's page as JSON values."""
    return {
        "term": page.about.iri,
        **account_json(page.about),
        **counts_json(page.found, page.about.iri),
        "roles": page.found.by_role,
        "organisms": entities.counts_json(page.organisms),
        "mappings": [{"id": m.id, "name": m.name, "predicate": m.predicate, "how": m.how} for m in page.mappings],
        "wordings": [{"node": m.id, "name": m.name, "predicate": m.predicate, "how": m.how} for m in page.wordings],
        **entities.part_json(page.part),
    }


def account_quads(about: Account) -> list[Quad]:
    """Return what ontologies say of a term as statements."""
    said = [entities.text(about.iri, name, about.name) for name in (f"{SCHEMA}name", f"{_RDFS}label")]
    said += [entities.text(about.iri, f"{_SKOS}altLabel", name) for name in about.synonyms]
    said += [entities.text(about.iri, DEFINITIONS[0], about.definition)] if about.definition else []
    said += [entities.statement(about.iri, f"{_RDFS}subClassOf", one.id) for one in about.broader]
    said += [entities.statement(one.id, f"{_RDFS}subClassOf", about.iri) for one in about.narrower]
    said += [entities.text(one.id, f"{_RDFS}label", one.name) for one in (*about.broader, *about.narrower)]
    return said


# Role → property that leads from the dataset to the term; the others lead by way of a node of the record
_PROPERTIES: Final = {
    "method": "measurement_method",
    "subject": "about",
    "phenotype": "phenotype",
    "compound": "compound",
}


def quads(page: TermPage) -> list[Quad]:
    """Return a term's page as statements: the term, and the datasets of the page."""
    about = page.about
    term = NamedNode(about.iri)
    said = [Quad(term, RDF_TYPE, NamedNode(f"{SCHEMA}DefinedTerm")), *account_quads(about)]
    said.append(Quad(term, NamedNode(f"{SCHEMA}termCode"), Literal(entities.short(about.iri))))
    for one in (*page.mappings, *page.wordings):
        ends = (one.id, about.iri) if one.is_from else (about.iri, one.id)
        said.append(entities.statement(ends[0], one.predicate, ends[1]))
    shown = {one.iri for one in page.part.shown}
    for row in page.found.rows:
        if row.dataset in shown and row.role in _PROPERTIES:
            said.append(entities.statement(row.dataset, property_iri(_PROPERTIES[row.role]), row.via))
    return list(dict.fromkeys([*said, *entities.described(page.part)]))
