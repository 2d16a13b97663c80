"""What the pages of a person and of an organisation are made of: the snapshot, beside what registries made public.

A person is an ORCID iD, an organisation a ROR identifier. What records say under it counts, and what records say of
nodes that a link rule is sure about; nodes that it is not sure about stand apart.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import unquote

from pyoxigraph import Literal, NamedNode, Quad

from harvesters.building import property_iri
from hub import queries
from hub.errors import NotFoundError
from hub.links import people as names
from hub.organisations import Organisation, Organisations
from hub.people import Holder, People
from hub.workers import WorkerPool

RDF_TYPE: Final = "http://www.w3.org/1999/02/22-rdf-syntax-ns#type"
SCHEMA: Final = "http://schema.org/"
ORCID: Final = names.ORCID
# Role → heading and property of the dataset
ROLES: Final = {
    "author": ("Author", "author"),
    "investigator": ("Principal investigator", "accountable_person"),
    "contact": ("Contact", "contact"),
}
PARTS: Final = {
    "affiliation": "People of the organisation took part",
    "author": "The organisation is an author",
    "publisher": "The organisation published it",
    "funder": "The organisation paid for it",
}


@dataclass(frozen=True, slots=True)
class Work:
    """A dataset that a person or organisation has to do with.

    Attributes:
        dataset: IRI.
        roles: keys of ``ROLES`` or ``PARTS``.
        nodes: IRIs under which records have the person.
    """

    dataset: str
    accession: str
    name: str
    archive: str
    published: str = ""
    roles: tuple[str, ...] = ()
    nodes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Other:
    """Another person, or an organisation: its registry's IRI, or empty where only a name is known.

    Attributes:
        datasets: number of datasets in common.
    """

    id: str
    name: str
    datasets: int = 0


@dataclass(frozen=True, slots=True)
class Maybe:
    """A node of a record that may be the person or organisation.

    Attributes:
        link: IRI of the link.
        why: the reasons in words.
        accession: of the dataset that has it; empty for an organisation.
    """

    link: str
    node: str
    written: str
    confidence: float
    why: tuple[str, ...] = ()
    dataset: str = ""
    accession: str = ""


@dataclass(frozen=True, slots=True)
class PersonPage:
    """A person with everything that the hub has of them.

    Attributes:
        id: ORCID IRI.
        name: by ORCID's record, else the name that most datasets have.
        holder: what ORCID's record says; None where it was never asked for.
        written: names that records give, with their sources.
        works: datasets, the newest first.
        coauthors: the most frequent first.
        papers: IRI and title.
        organisations: affiliations in records.
        maybe: people of records who may be this one, the likeliest first.
        is_cut: whether there is more than the page has.
    """

    id: str
    name: str
    holder: Holder | None
    written: dict[str, tuple[str, ...]]
    works: list[Work]
    coauthors: list[Other]
    papers: list[tuple[str, str]]
    organisations: list[Other]
    maybe: list[Maybe] = field(default_factory=list)
    is_cut: bool = False

    @property
    def counts(self) -> dict[str, int]:
        """Number of datasets by role."""
        found = {role: sum(role in work.roles for work in self.works) for role in ROLES}
        return {role: number for role, number in found.items() if number}


@dataclass(frozen=True, slots=True)
class OrganisationPage:
    """An organisation with everything that the hub has of it.

    Attributes:
        id: ROR IRI.
        name: by the registry, else as most records have it.
        known: what the registry says; None where no table has it.
        related: parents and successors by kind.
        written: names in records.
        works: datasets.
        people: the most frequent first.
        grants: IRI and name.
        maybe: names in records that may mean it.
        is_cut: whether there is more than the page has.
    """

    id: str
    name: str
    known: Organisation | None
    related: dict[str, list[Other]]
    written: tuple[str, ...]
    works: list[Work]
    people: list[Other]
    grants: list[tuple[str, str]]
    maybe: list[Maybe]
    is_cut: bool = False

    @property
    def counts(self) -> dict[str, int]:
        """Number of datasets by what the organisation has to do with them."""
        found = {role: sum(role in work.roles for work in self.works) for role in PARTS}
        return {role: number for role, number in found.items() if number}


# The limits of the queries, in rows
MOST_OF_PERSON: Final = 5_000
MOST_OF_ORGANISATION: Final = 20_000
Rows = list[dict[str, str]]


def _select(pool: WorkerPool, name: str, iri: str) -> Rows:
    found = queries.select(pool, f"describe/{name}", iri=NamedNode(iri))
    return [{variable: value.value for variable, value in row.items()} for row in found]


# --- a person --------------------------------------------------------------------------------------------------------


def person(pool: WorkerPool, register: People, base: str, iri: str) -> PersonPage:
    """Return the page of an ORCID IRI.

    Args:
        pool: workers on the snapshot.
        register: what ORCID's records say.
        base: base IRI of the hub.
        iri: the person.

    Raises:
        NotFoundError: no record here has the iD.
    """
    rows = _select(pool, "person", iri)
    maybe = _people_maybe(_select(pool, "person-candidates", iri))
    if not rows and not maybe:
        raise NotFoundError(f"no dataset here names {iri} as author, principal investigator or contact")
    holder = register.holder(iri)
    written = _written(rows, base)
    name = (holder and holder.name) or next(iter(written), None) or iri
    papers = {row["paper"]: row.get("name", "") for row in _select(pool, "person-papers", iri)}
    return PersonPage(
        iri,
        name,
        holder,
        written,
        _works(rows),
        _coauthors(_select(pool, "person-coauthors", iri)),
        sorted(((paper, title) for paper, title in papers.items() if "#" not in paper), key=lambda p: (p[1], p[0])),
        _counted(
            (row.get("main") or _outside(row["place"]), row["name"], row["g"])
            for row in _select(pool, "person-places", iri)
        ),
        maybe,
        len(rows) >= MOST_OF_PERSON,
    )


def _outside(iri: str) -> str:
    return iri if iri.startswith("https://ror.org/") else ""


def _written(rows: Rows, base: str) -> dict[str, tuple[str, ...]]:
    """Return names with the sources that give them, the most frequent first."""
    found: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        found[row["written"]].append(unquote(row["g"].removeprefix(f"{base}graph/source/").partition("/")[0]))
    ordered = sorted(found, key=lambda name: (-len(found[name]), name))
    return {name: tuple(sorted(set(found[name]))) for name in ordered}


def _works(rows: Rows) -> list[Work]:
    roles: dict[str, dict[str, None]] = defaultdict(dict)
    nodes: dict[str, dict[str, None]] = defaultdict(dict)
    for row in rows:
        roles[row["dataset"]][row["role"]] = None
        if "node" in row:
            nodes[row["dataset"]][row["node"]] = None
    first = {row["dataset"]: row for row in reversed(rows)}
    made = [
        Work(
            iri,
            row["accession"],
            row["name"],
            row["archive"],
            row.get("published", ""),
            tuple(role for role in (*ROLES, *(part for part in PARTS if part not in ROLES)) if role in roles[iri]),
            tuple(sorted(nodes[iri])),
        )
        for iri, row in first.items()
    ]
    made.sort(key=lambda work: work.accession)
    return sorted(made, key=lambda work: work.published, reverse=True)


def _coauthors(rows: Rows) -> list[Other]:
    def iri(row: dict[str, str]) -> str:
        return row.get("main") or (row["coauthor"] if row["coauthor"].startswith(ORCID) else "")

    return _counted((iri(row), row["name"], row["dataset"]) for row in rows)


def _counted(rows: Iterable[tuple[str, str, str]]) -> list[Other]:
    """Return things by identifier, else by name, with the number of different places that have them."""
    found: dict[tuple[str, ...], tuple[str, str, set[str]]] = {}
    for iri, name, place in rows:
        key = (iri,) if iri else ("", *names.folded(name))
        found.setdefault(key, (iri, name, set()))[2].add(place)
    made = [Other(iri, name, len(places)) for iri, name, places in found.values()]
    return sorted(made, key=lambda other: (-other.datasets, other.name, other.id))


def _people_maybe(rows: Rows) -> list[Maybe]:
    why: dict[str, dict[str, None]] = defaultdict(dict)
    for row in rows:
        if told := _reason(row.get("evidence", "")):
            why[row["link"]][told] = None
    return [
        Maybe(
            row["link"],
            row["node"],
            row["written"],
            float(row["confidence"]),
            tuple(why[row["link"]]),
            row["dataset"],
            row["accession"],
        )
        for row in {(row["link"], row["dataset"]): row for row in rows}.values()
    ]


def _reason(text: str) -> str:
    """Return one piece of evidence in words."""
    try:
        told = json.loads(text) if text else {}
    except ValueError:
        return ""
    if not isinstance(told, dict) or not told.get("field"):
        return ""
    against = "against: " if told.get("kind") == "against" else ""
    source = f" in {told['source']}" if told.get("source") else ""
    return f"{against}{told['field']}: {told.get('value', '')} – {told.get('matched', '')}{source}"


# --- an organisation -------------------------------------------------------------------------------------------------


def organisation(pool: WorkerPool, tables: Organisations, iri: str) -> OrganisationPage:
    """Return the page of a ROR IRI.

    Raises:
        NotFoundError: neither a record nor a table of organisations has it.
    """
    rows = _select(pool, "organisation", iri)
    known = tables.organisation(iri)
    if not rows and known is None:
        raise NotFoundError(f"no dataset and no table of organisations here has {iri}")
    written = _counted(("", row["written"], row["dataset"]) for row in rows)
    maybe = [
        Maybe(row["link"], row["node"], row["written"], float(row["confidence"]))
        for row in _select(pool, "organisation-candidates", iri)
    ]
    people = ((_orcid(row), row["personname"], row["dataset"]) for row in rows if "person" in row)
    related = {"parents": known.parents, "successors": known.successors} if known else {}
    return OrganisationPage(
        iri,
        known.name if known else written[0].name,
        known,
        {kind: [_named(tables, one) for one in listed] for kind, listed in related.items() if listed},
        tuple(other.name for other in written),
        _works(rows),
        _counted(people),
        sorted({(row["grant"], row["grantname"]) for row in rows if "grant" in row}, key=lambda g: (g[1], g[0])),
        maybe,
        len(rows) >= MOST_OF_ORGANISATION,
    )


def _orcid(row: dict[str, str]) -> str:
    return row.get("main") or (row["person"] if row["person"].startswith(ORCID) else "")


def _named(tables: Organisations, iri: str) -> Other:
    known = tables.organisation(iri)
    return Other(iri, known.name if known else iri)


# --- as data ---------------------------------------------------------------------------------------------------------


def person_json(page: PersonPage) -> dict[str, Any]:
    """Return a person's page as JSON values."""
    holder = page.holder
    return {
        "person": page.id,
        "name": page.name,
        "orcid_record": holder
        and {
            "state": holder.state,
            "names": list(holder.names),
            "employers": [{"name": name, "ror": ror} for name, ror in holder.employers],
            "became": holder.became,
            "source": holder.source,
        },
        "names": [{"name": name, "sources": list(sources)} for name, sources in page.written.items()],
        "counts": page.counts,
        "datasets": [_work(work) for work in page.works],
        "coauthors": [_other(one) for one in page.coauthors],
        "papers": [{"id": iri, "name": name or None} for iri, name in page.papers],
        "organisations": [_other(one) for one in page.organisations],
        "candidates": [_maybe(one) for one in page.maybe],
        "is_cut": page.is_cut,
    }


def organisation_json(page: OrganisationPage) -> dict[str, Any]:
    """Return an organisation's page as JSON values."""
    known = page.known
    registered = known and {
        "name": known.name,
        "country": known.country or None,
        "status": known.status,
        "names": [{"name": name, "kind": kind} for name, kind in known.names],
        "parents": list(known.parents),
        "successors": list(known.successors),
        "source": known.source,
    }
    return {
        "organisation": page.id,
        "name": page.name,
        "registered": registered,
        "names": list(page.written),
        "counts": page.counts,
        "datasets": [_work(work) for work in page.works],
        "people": [_other(one) for one in page.people],
        "grants": [{"id": iri, "name": name} for iri, name in page.grants],
        "candidates": [_maybe(one) for one in page.maybe],
        "is_cut": page.is_cut,
    }


def _work(work: Work) -> dict[str, Any]:
    told = {
        "dataset": work.dataset, "accession": work.accession, "name": work.name, "archive": work.archive,
        "published": work.published, "roles": list(work.roles),
    }  # fmt: skip
    return {name: value for name, value in told.items() if value not in ("", [])}


def _other(other: Other) -> dict[str, Any]:
    return {"id": other.id or None, "name": other.name, "datasets": other.datasets}


def _maybe(one: Maybe) -> dict[str, Any]:
    told = {
        "link": one.link, "node": one.node, "name": one.written, "confidence": one.confidence, "why": list(one.why),
        "dataset": one.dataset, "accession": one.accession,
    }  # fmt: skip
    return {name: value for name, value in told.items() if value not in ("", [])}


def person_quads(page: PersonPage) -> list[Quad]:
    """Return a person's page as statements; candidates are left out."""
    me = NamedNode(page.id)
    said = [_iri(me, RDF_TYPE, f"{SCHEMA}Person")]
    said += [
        Quad(me, NamedNode(f"{SCHEMA}name"), Literal(name)) for name in {page.name: 0} | dict.fromkeys(page.written)
    ]
    for work in page.works:
        said += _work_quads(work)
        said += [
            _iri(NamedNode(work.dataset), property_iri(ROLES[role][1]), node)
            for role in work.roles
            for node in work.nodes
        ]
        said += [_iri(NamedNode(node), names.SAME_AS, page.id) for node in work.nodes if node != page.id]
    said += [_iri(me, property_iri("affiliation"), one.id) for one in page.organisations if one.id]
    said += _others(page.organisations, "Organization")
    return list(dict.fromkeys(said))


def organisation_quads(page: OrganisationPage) -> list[Quad]:
    """Return an organisation's page as statements; candidates are left out."""
    me = NamedNode(page.id)
    other_names = [name for name, _ in page.known.names] if page.known else []
    said = [_iri(me, RDF_TYPE, f"{SCHEMA}Organization"), Quad(me, NamedNode(f"{SCHEMA}name"), Literal(page.name))]
    said += [Quad(me, NamedNode(f"{SCHEMA}alternateName"), Literal(name)) for name in other_names]
    said += [_iri(me, f"{SCHEMA}parentOrganization", one.id) for one in page.related.get("parents", ())]
    for work in page.works:
        said += _work_quads(work)
        for part in ("publisher", "author"):
            if part in work.roles:
                said.append(_iri(NamedNode(work.dataset), property_iri(part), page.id))
    said += [_iri(NamedNode(one.id), property_iri("affiliation"), page.id) for one in page.people if one.id]
    said += _others(page.people, "Person")
    return list(dict.fromkeys(said))


def _iri(subject: NamedNode, predicate: str, iri: str) -> Quad:
    return Quad(subject, NamedNode(predicate), NamedNode(iri))


def _others(listed: Iterable[Other], cls: str) -> Iterator[Quad]:
    for one in listed:
        if one.id:
            yield _iri(NamedNode(one.id), RDF_TYPE, f"{SCHEMA}{cls}")
            yield Quad(NamedNode(one.id), NamedNode(f"{SCHEMA}name"), Literal(one.name))


def _work_quads(work: Work) -> Iterator[Quad]:
    dataset = NamedNode(work.dataset)
    yield _iri(dataset, RDF_TYPE, f"{SCHEMA}Dataset")
    yield Quad(dataset, NamedNode(f"{SCHEMA}name"), Literal(work.name))
    yield Quad(dataset, NamedNode(property_iri("accession")), Literal(work.accession))
