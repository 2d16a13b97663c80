"""Several records of one dataset: whose word is shown, and where they disagree.

A dataset can come by several routes: its archive's own service, a crate of it, a registry of DOIs. Each record stands
whole in its source's graph. The default graph takes each slot from the first record that fills it, and what the later
ones say otherwise becomes a finding on them.
"""

from __future__ import annotations

import importlib
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from pyoxigraph import NamedNode

from harvesters.building import property_iri
from harvesters.contract import Finding, Harvester
from hub import records
from hub.config import Settings
from hub.errors import ConfigError
from hub.log import RecordRow
from hub.peers.wire import split_source
from hub.store import GraphName, Statement, Subject, Term, iri_of
from linkml_schemas.generated.model import Dataset
from ontology import archives, iris
from ontology.text import name_key

EVERY_SLOT = "default"
RULE = "routes-disagree"
OWNERS_RULE = "owners-disagree"
# Archives count files and bytes at different times and in rounded units.
SIZE_TOLERANCE = 0.1


class Rank(NamedTuple):
    """Place of a source's word on a property; the lowest counts.

    Attributes:
        declared: place in what the operator declared.
        hub: name of the hub that owns the record; empty for this hub's own.
        foreign: 0 for a source of the archive that owns the dataset.
        route: of the source's harvester.
        kind: of the entry, where an archive has several.
        source: name of the source.
        accession: of the record.
    """

    declared: int
    hub: str
    foreign: int
    route: int
    kind: int
    source: str
    accession: str


def harvester_named(name: str) -> Harvester:
    """Return a harvester by the name of its module in ``harvesters/``.

    Raises:
        ConfigError: there is no such harvester.
    """
    try:
        module = importlib.import_module(f"harvesters.{name}")
        found = module.HARVESTER
    except (ImportError, AttributeError) as err:
        raise ConfigError(f"harvester: there is no harvester {name!r}") from err
    return found  # type: ignore[no-any-return]


@dataclass(frozen=True, slots=True)
class Precedence:
    """Which source's word counts in the default graph, where several describe one dataset.

    In this order: what the operator declared for the slot, or for every slot; this hub's own sources, then those of
    other hubs (``idr~eu``) by the hub's name; a source of the archive that owns the dataset; the harvester's route; at
    SSBD the database project before the repository entry.

    Attributes:
        base: the hub's base IRI.
        archives: archive of each source, by the source's name.
        routes: route of each source's harvester (1 the archive's own form, 2 an export, 3 another's word).
        declared: names of sources by the IRI of a property, or by ``default``.
    """

    base: str
    archives: Mapping[str, str]
    routes: Mapping[str, int] = field(default_factory=dict)
    declared: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @classmethod
    def of(cls, settings: Settings) -> Precedence:
        """Return the precedence among the configured sources."""
        return cls(
            settings.base_iri,
            {name: s.archive for name, s in settings.sources.items()},
            {name: _route(s.harvester) for name, s in settings.sources.items()},
            {s if s == EVERY_SLOT else property_iri(s): names for s, names in settings.precedence.items()},
        )

    def rank(self, dataset: str, graph: str, predicate: str) -> Rank:
        """Return the rank of a source graph's word on one property of a dataset; the lowest counts."""
        source, _, accession = graph.removeprefix(f"{self.base}graph/source/").partition("/")
        archive = dataset.removeprefix(f"{self.base}dataset/").partition("/")[0]
        declared = self.declared.get(predicate, self.declared.get(EVERY_SLOT, ()))
        place = declared.index(source) if source in declared else len(declared)
        owner, name = split_source(source)
        # Of another hub's source only its name is known: it is like the one of that name here, else of the archive.
        foreign = int(self.archives.get(name, archive if owner else None) != archive)
        return Rank(place, owner, foreign, self.routes.get(name, 1), archives.preference(accession), source, accession)

    def resolve(self, subject: Subject, said: list[Statement]) -> set[tuple[NamedNode, Term]]:
        """Return what the default graph says of a subject.

        Of a dataset with several records each slot is taken from the first record that fills it (a list of authors
        whole). Of a shared node (person, paper, taxon, term) everything is kept, but where only one value may be,
        the one of the term's ontology, else the one that most records give. What link rules found is added to that and
        decides nothing; candidates are left out.
        """
        found = {(p, o) for p, o, graph in said if self._is_addition(iri_of(graph))}
        words = [(p, o, graph) for p, o, graph in said if not self._is_derived(iri_of(graph))]
        return found | self._resolve_words(subject, words)

    def _is_addition(self, graph: str) -> bool:
        """Tell whether a graph's statements are facts beside what records say: links, and findings about links."""
        return graph.startswith((f"{self.base}graph/links/", f"{self.base}graph/findings/"))

    def _is_derived(self, graph: str) -> bool:
        unsure = (f"{self.base}graph/candidates/", f"{self.base}graph/suppressed/")
        return self._is_addition(graph) or graph.startswith(unsure)

    def _resolve_words(self, subject: Subject, said: list[Statement]) -> set[tuple[NamedNode, Term]]:
        iri, _, part = iri_of(subject).partition("#")
        if self.is_pooled(iri):
            return _majority(said, lambda graph: iris.is_ontology_graph(self.base, iri_of(graph)))
        if len({graph for _, _, graph in said}) <= 1:
            return {(p, o) for p, o, _ in said}
        if part:
            of_list = property_iri("author")
            return _first_record(said, lambda graph, _: self.rank(iri, iri_of(graph), of_list), whole=True)
        return _first_record(said, lambda graph, predicate: self.rank(iri, iri_of(graph), predicate.value), whole=False)

    def is_hearsay(self, source: str, slot: str) -> bool:
        """Tell whether a source is not expected to know a slot: EMDB gives its map's title, not the dataset's."""
        return slot == "name" and self.routes.get(split_source(source)[1], 1) == 3

    def is_pooled(self, iri: str) -> bool:
        """Tell whether what all records say of a thing counts; of a dataset it is one record's word."""
        return not iri.startswith(f"{self.base}dataset/")

    def is_private(self, iri: str) -> bool:
        """Tell whether a node can only occur in its own record's graph, leaving aside links from it."""
        return iri.startswith(f"{self.base}record/") and "#" in iri


def _route(harvester: str) -> int:
    try:
        return harvester_named(harvester).route
    except ConfigError:
        return 1


def _first_record(
    said: list[Statement], rank: Callable[[GraphName, NamedNode], Rank], *, whole: bool
) -> set[tuple[NamedNode, Term]]:
    if whole:
        first = min(rank(graph, predicate) for predicate, _, graph in said)
        return {(p, o) for p, o, graph in said if rank(graph, p) == first}
    best: dict[NamedNode, Rank] = {}
    for predicate, _, graph in said:
        found = rank(graph, predicate)
        best[predicate] = min(best.get(predicate, found), found)
    return {(p, o) for p, o, graph in said if p == records.RDF_TYPE or rank(graph, p) == best[p]}


def _majority(said: list[Statement], is_ontology: Callable[[GraphName], bool]) -> set[tuple[NamedNode, Term]]:
    values: dict[NamedNode, Counter[Term]] = {}
    for predicate, value, _ in said:
        values.setdefault(predicate, Counter())[value] += 1
    official = {(predicate, value) for predicate, value, graph in said if is_ontology(graph)}
    chosen = set()
    for predicate, counted in values.items():
        if len(counted) > 1 and predicate.value in records.single_valued():
            rank = {v: ((predicate, v) in official, n, len(str(v)), str(v)) for v, n in counted.items()}
            chosen.add((predicate, max(rank, key=lambda v: rank[v])))
        else:
            chosen.update((predicate, value) for value in counted)
    return chosen


# --- disagreements -------------------------------------------------------------------------------------------------


def disagreements(rows: list[RecordRow], order: Precedence) -> dict[tuple[str, str], list[Finding]]:
    """Return the findings on records that say otherwise than the record whose word is shown.

    Args:
        rows: every record of one dataset.
        order: whose word is shown.

    Returns:
        findings by (source, accession) of the record that they are about.
    """
    active = [row for row in rows if row.state == "active"]
    if len(active) < 2:
        return {}

    def graph(row: RecordRow) -> str:
        return iris.source_graph(order.base, row.source, row.accession)

    read: list[tuple[RecordRow, Dataset]] = [(row, records.from_json(row.record)) for row in active]
    found = _claims(active, order)
    for slot, compare in COMPARED.items():
        ranked = sorted(read, key=lambda pair: order.rank(pair[0].iri, graph(pair[0]), property_iri(slot)))
        filled = [
            (row, value)
            for row, record in ranked
            if (value := getattr(record, slot)) not in (None, []) and not order.is_hearsay(row.source, slot)
        ]
        for row, value in filled[1:]:
            shown_row, shown = filled[0]
            if (told := compare(shown, value)) is not None:
                said, others = told
                message = f"the record of source {shown_row.source} says {others!r}, which is what is shown"
                rule = RULE if _owner(row) == _owner(shown_row) else OWNERS_RULE
                finding = Finding(slot, rule, said[:200], message[:1000], others[:200])
                found.setdefault((row.source, row.accession), []).append(finding)
    return found


def _owner(row: RecordRow) -> str:
    return split_source(row.source)[0]


def _claims(active: list[RecordRow], order: Precedence) -> dict[tuple[str, str], list[Finding]]:
    """Return the findings on records of a dataset that another hub, whose word is shown, has a record of too."""

    def rank(row: RecordRow) -> Rank:
        return order.rank(row.iri, iris.source_graph(order.base, row.source, row.accession), EVERY_SLOT)

    first = min(active, key=rank)
    found = {}
    for row in active:
        if _owner(row) != _owner(first):
            shown = f"that of hub {_owner(first)}" if _owner(first) else "this hub's own"
            message = f"two hubs have a record of this dataset; {shown}, of source {first.source}, is shown"
            found[row.source, row.accession] = [Finding("accession", OWNERS_RULE, row.accession, message, None)]
    return found


Told = tuple[str, str] | None


def _names(shown: Any, value: Any) -> Told:
    folded = [re.sub(r"\W+", "", str(v).casefold()) for v in (shown, value)]
    return None if folded[0] == folded[1] else (str(value), str(shown))


def _iris(shown: Any, value: Any) -> Told:
    return None if shown == value else (str(value), str(shown))


def _dates(shown: Any, value: Any) -> Told:
    """Dates agree when they are the same as far as both go."""
    length = min(len(shown), len(value))
    return None if shown[:length] == value[:length] else (value, shown)


def _sizes(shown: Any, value: Any) -> Told:
    return None if abs(shown - value) <= SIZE_TOLERANCE * max(shown, value) else (str(value), str(shown))


def _sets(shown: Iterable[Any], value: Iterable[Any], keys: Callable[[Any], Iterator[str]]) -> Told:
    """Sets agree when one holds the other: a shorter list may only be less complete."""
    ours, theirs = ({k: v.id for v in things for k in keys(v)} for things in (value, shown))
    if not ours or not theirs or ours.keys() <= theirs.keys() or theirs.keys() <= ours.keys():
        return None
    return ", ".join(sorted(ours.keys() - theirs.keys())), ", ".join(sorted(theirs.keys()))


def _papers(shown: Any, value: Any) -> Told:
    return _sets(shown, value, lambda paper: (i for i in [paper.id] if i.startswith("https://doi.org/")))


def _taxa(shown: Any, value: Any) -> Told:
    return _sets(shown, value, lambda thing: (i for i in [thing.id] if "/obo/NCBITaxon_" in i))


def _authors(shown: Any, value: Any) -> Told:
    """Authors agree when each of the shorter list has a namesake in the longer one."""
    few, many = sorted((shown, value), key=len)
    known = [name_key(person.name) for person in many]
    strange = [p.name for p in few if all(name_key(p.name).isdisjoint(key) for key in known)]
    if not strange:
        return None
    return "; ".join(p.name for p in value), "; ".join(p.name for p in shown)


COMPARED: dict[str, Callable[[Any, Any], Told]] = {
    "name": _names,
    "license": _iris,
    "date_published": _dates,
    "size_bytes": _sizes,
    "file_count": _sizes,
    "author": _authors,
    "publication": _papers,
    "about": _taxa,
}
