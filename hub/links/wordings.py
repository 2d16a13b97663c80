"""The wordings of a record: what archives wrote instead of an ontology's term, each with what it can name.

A wording is the name of a term, sample, protocol or phenotype that is a node of the record. A protocol with a technique
of its own needs none for its name. What a harvester could not read as an organism is only in its findings, and counts
too.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from pydantic import BaseModel

from hub.links.contract import Record
from hub.links.terms import ANATOMY, CELL, CELL_LINE, GO, METHOD, ORGANISM, PHENOTYPE, Role
from linkml_schemas.generated.model import (
    BioSample,
    Dataset,
    DefinedTerm,
    ImagingProtocol,
    Phenotype,
    StudyComponent,
    Taxon,
)
from ontology.text import is_placeholder

UNREAD: Final = frozenset({"organism-unknown", "taxon-unknown"})
MOST_WORDINGS: Final = 1000
TERM, SAMPLE, PROTOCOL, SEEN, LOST = "term", "sample", "protocol", "phenotype", "finding"


class Wording(NamedTuple):
    """What an archive wrote.

    Attributes:
        field: slot, with indices.
        iri: node of the record; empty where the wording is only in a finding.
        text: the words.
        roles: names of what they can name, the likeliest first.
        kind: what has the name: ``term``, ``sample``, ``protocol``, ``phenotype`` or ``finding``.
    """

    field: str
    iri: str
    text: str
    roles: tuple[str, ...]
    kind: str


def wordings(record: Record) -> list[Wording]:
    """Return the wordings of a record, each node once."""
    found: dict[tuple[str, str], Wording] = {}
    for wording in (*_of_dataset(record.dataset), *_of_findings(record)):
        if is_placeholder(wording.text) is None:
            found.setdefault((wording.iri, wording.text), wording)
    return list(found.values())[:MOST_WORDINGS]


def stated(dataset: Dataset) -> list[str]:
    """Return the terms that a record states of the dataset itself."""
    things = (*(dataset.about or ()), *(dataset.measurement_method or ()), *(dataset.phenotype or ()))
    return sorted({thing.id for thing in things if not is_own(thing.id)})


def terms_said(dataset: Dataset) -> tuple[set[str], set[str]]:
    """Return the taxa, and the terms of methods, that a record gives anywhere."""
    studies: list[Dataset | StudyComponent] = [dataset, *(dataset.has_part or ())]
    taxa: set[str] = set()
    methods: set[str] = set()
    for study in studies:
        for thing in study.about or ():
            taxa.update([thing.id] if isinstance(thing, Taxon) else [t.id for t in getattr(thing, "taxon", None) or ()])
        for method in study.measurement_method or ():
            methods.update(t.id for t in (method, *(getattr(method, "measurement_technique", None) or ())))
    return taxa, {iri for iri in methods if not is_own(iri)}


def is_own(iri: str) -> bool:
    """Tell whether an IRI is that of a record's own node."""
    return "/record/" in iri and "#" in iri


def _of_dataset(dataset: Dataset) -> Iterator[Wording]:
    yield from _of_study(dataset, "")
    for number, part in enumerate(dataset.has_part or ()):
        yield from _of_study(part, f"has_part[{number}].")
    yield from _of_phenotypes(dataset.phenotype or (), "phenotype")
    for slot in ("gene_annotation", "reagent_annotation"):
        for number, note in enumerate(getattr(dataset, slot) or ()):
            yield from _of_phenotypes(note.phenotype or (), f"{slot}[{number}].phenotype")


def _of_study(study: Dataset | StudyComponent, place: str) -> Iterator[Wording]:
    for number, thing in enumerate(study.about or ()):
        field = f"{place}about[{number}]"
        if isinstance(thing, BioSample):
            yield from _of_sample(thing, field)
        elif isinstance(thing, DefinedTerm):
            yield from _own(thing, thing.name, field, (CELL_LINE, CELL, ANATOMY, GO, ORGANISM))
    for number, method in enumerate(study.measurement_method or ()):
        field = f"{place}measurement_method[{number}]"
        if isinstance(method, ImagingProtocol):
            yield from _of_protocol(method, field)
        else:
            yield from _own(method, method.name, field, (METHOD,))


def _of_sample(sample: BioSample, field: str) -> Iterator[Wording]:
    for number, line in enumerate(sample.cell_line or ()):
        yield from _own(line, line.name, f"{field}.cell_line[{number}]", (CELL_LINE, CELL))
    roles = [ORGANISM] * (not sample.taxon) + [CELL_LINE] * (not sample.cell_line) + [CELL, ANATOMY]
    yield from _own(sample, sample.name, field, roles, SAMPLE)


def _of_protocol(protocol: ImagingProtocol, field: str) -> Iterator[Wording]:
    techniques = protocol.measurement_technique or ()
    for number, technique in enumerate(techniques):
        yield from _own(technique, technique.name, f"{field}.measurement_technique[{number}]", (METHOD,))
    if not techniques:
        yield from _own(protocol, protocol.name, field, (METHOD,), PROTOCOL)


def _of_phenotypes(phenotypes: Iterable[Phenotype], place: str) -> Iterator[Wording]:
    for number, phenotype in enumerate(phenotypes):
        yield from _own(phenotype, phenotype.name, f"{place}[{number}]", (PHENOTYPE, GO), SEEN)


def _own(thing: BaseModel, name: str, field: str, roles: Iterable[Role], kind: str = TERM) -> Iterator[Wording]:
    iri = str(getattr(thing, "id"))  # noqa: B009
    if is_own(iri):
        slot = field if kind == TERM else f"{field}.name"
        yield Wording(slot, iri, name, tuple(role.name for role in roles), kind)


def _of_findings(record: Record) -> Iterator[Wording]:
    for finding in json.loads(record.row.findings):
        if finding["rule"] in UNREAD:
            yield Wording(finding["field"], "", finding["value"], (ORGANISM.name,), LOST)
