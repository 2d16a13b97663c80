"""What the records themselves say: links of a dataset to papers, people, genes, taxa, terms and other datasets.

These statements stand in the records' own graphs, so the graphs of links do not repeat them; here they are for the
feed of links (:mod:`hub.links.feed`), which then has every link with who says it, and its end.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any, Final

from hub.links.catalogue import ASSERTED
from hub.links.contract import Evidence, Found, Key, Member, Membership, Record, RecordKey, References, Rule
from linkml_schemas.generated.model import Dataset
from ontology.identifiers import IDENTIFIERS_ORG

SCHEMA: Final = "http://schema.org/"
HUB: Final = "https://w3id.org/bioimage-hub/vocab#"
# Slots that lead to things that others know too, and their predicates in the model.
SLOTS: Final = {
    "about": f"{SCHEMA}about",
    "accountable_person": f"{SCHEMA}accountablePerson",
    "affiliation": f"{SCHEMA}affiliation",
    "author": f"{SCHEMA}author",
    "cell_line": "http://www.bioassayontology.org/bao#BAO_0002004",
    "compound": f"{HUB}compound",
    "contact": "http://www.w3.org/ns/dcat#contactPoint",
    "funder": f"{SCHEMA}funder",
    "gene": f"{HUB}gene",
    "measurement_method": "http://rs.tdwg.org/dwc/iri/measurementMethod",
    "measurement_technique": f"{SCHEMA}measurementTechnique",
    "phenotype": "http://purl.obolibrary.org/obo/RO_0002200",
    "publication": f"{SCHEMA}citation",
    "reagent": f"{HUB}reagent",
    "reconstruction": f"{HUB}reconstruction",
    "related": "http://purl.org/dc/terms/relation",
    "same_as": f"{SCHEMA}sameAs",
    "strain": f"{HUB}strain",
    "taxon": f"{SCHEMA}taxonomicRange",
}
# Slots whose things are only a way to these.
_THROUGH: Final = ("funding", "gene_annotation", "has_part", "reagent_annotation")
# Things that have links of their own: a paper its other spellings, a person an affiliation, a map its proteins.
_SPEAKERS: Final = frozenset({"Person", "Publication", "Reconstruction"})
# Things that say nothing of the dataset that leads to them: a gene's taxon need not be the sample's.
_ENDS: Final = frozenset(
    {"Compound", "DefinedTerm", "Gene", "Organization", "Phenotype", "Protein", "Reagent", "Taxon"}
)
# What is said of the nested thing itself, not of the dataset that it is part of.
_OWN: Final = frozenset({"related", "same_as"})
_MOST_SAYING: Final = 20

Link = tuple[str, str, str, str]
"""Subject (empty for the dataset), slot, object without identifiers.org, and the path to it in the record."""


def members(record: Record, references: References) -> Membership:
    """Return what a record says, to be put together with what others say of the same dataset."""
    said: dict[Link, None] = {}
    places: set[tuple[str, str, str]] = set()
    for link in links_of(record.dataset):
        if link[:3] not in places:
            places.add(link[:3])
            said[link] = None
    return Membership(frozenset({record.row.iri}), list(said)) if said else Membership(frozenset())


def links_of(dataset: Dataset) -> Iterator[Link]:
    """Yield every link that a record makes to something with an IRI that is not the record's own."""
    base = dataset.id.partition("/dataset/")[0]
    yield from _walk(dataset, (dataset.id, f"{base}/record/"), ("",), "")


def _walk(thing: Any, own: tuple[str, str], subjects: tuple[str, ...], path: str) -> Iterator[Link]:
    for slot, predicate in (*SLOTS.items(), *((name, "") for name in _THROUGH)):
        value = getattr(thing, slot, None)
        for number, one in enumerate(value if isinstance(value, list) else [value]):
            if one is None:
                continue
            place = f"{path}{slot}[{number}]" if isinstance(value, list) else f"{path}{slot}"
            iri = one if isinstance(one, str) else one.id
            if predicate and not iri.startswith(own):
                whose = (thing.id if path else "",) if slot in _OWN else subjects
                yield from ((s, slot, iri.removeprefix(IDENTIFIERS_ORG), place) for s in whose)
            if not isinstance(one, str):
                yield from _walk(one, own, _subjects(one, subjects), f"{place}.") if _goes_on(one) else ()


def _goes_on(thing: Any) -> bool:
    return type(thing).__name__ not in _ENDS


def _subjects(thing: Any, subjects: tuple[str, ...]) -> tuple[str, ...]:
    """Return what the links of a nested thing are said of: of a map's both it and the dataset."""
    kind = type(thing).__name__
    if kind not in _SPEAKERS:
        return subjects
    return (*subjects, thing.id) if kind == "Reconstruction" else (thing.id,)


def link(key: Key, members: Sequence[Member], references: References) -> Iterator[Found]:
    """Yield each statement of a dataset's records once, with every record that makes it."""
    told: dict[tuple[str, str, str], list[tuple[Member, str]]] = defaultdict(list)
    for member in members:
        for subject, slot, obj, path in member.features:
            iri = obj if "://" in obj else IDENTIFIERS_ORG + obj
            told[subject or member.dataset, SLOTS[slot], iri].append((member, path))
    for (subject, predicate, obj), said in told.items():
        by: dict[RecordKey, None] = {member.record: None for member, _ in said}
        evidence = tuple(_evidence(member, path, obj) for member, path in said[:_MOST_SAYING])
        yield Found(subject, predicate, obj, 1.0, evidence, tuple(by))


def _evidence(member: Member, path: str, obj: str) -> Evidence:
    return Evidence(kind="record", field=path, value=obj, source="/".join(member.record), weight=1.0)


RULE = Rule(
    name=ASSERTED,
    title="What the records themselves say",
    version=1,
    predicates=tuple(sorted(set(SLOTS.values()))),
    members=members,
    link=link,
    justification="semapv:UnspecifiedMatching",
)
