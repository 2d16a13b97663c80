"""The dumps of the SSBD ontology's instances: which files, what they state of each node, and which project owns it.

A dump has nodes ``ssbd-<kind>-<project>-<folder>`` of every project, in one merged file (``SSBD_all_instances.ttl``) or
in one file for each kind of node. Where the merged file is there it alone is read, for it has links that the others
lack; otherwise all files are read as one graph. Source: https://github.com/openssbd/ssbd-ontology (CC BY 4.0)
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from typing import Any, Final

from pyoxigraph import Literal, NamedNode, RdfFormat, Triple, parse

from harvesters import files
from harvesters.contract import Entry, Http, RecordError, Source, SourceError
from ontology import text

ONTOLOGY: Final = "http://ssbd.riken.jp/ontology/"
FORMATS: Final = {
    ".ttl": RdfFormat.TURTLE,
    ".nt": RdfFormat.N_TRIPLES,
    ".owl": RdfFormat.RDF_XML,
    ".rdf": RdfFormat.RDF_XML,
}
MERGED: Final = "all_instances"
TYPE: Final = "http://www.w3.org/1999/02/22-rdf-syntax-ns#type"
LABEL: Final = "http://www.w3.org/2000/01/rdf-schema#label"
# What the names of the ontology's classes begin with.
CLASS: Final = "SSBD_"
PROJECT: Final = "SSBD_Project"
PRIVATE: Final = frozenset({"has_email", "has_address", "has_phone"})
NUMBERED: Final = re.compile(r"ssbd-[a-z-]+?-(\d{1,5})(?=-|$)", re.ASCII)

METHOD: Final = "has_imaging_method_recorded_type"
# Other names of a predicate → the name that stands for it here.
SAME: Final = {
    "IAO_0000136": "is_about_organism",
    "RO_0002180": "has_ome_zarr_information",
    "RO_0002234": "has_dataset_output",
    "has_imaging_mehod_recorded_type": METHOD,
    "has_imaging_method": METHOD,
    "has_imaging_method_rcorded_type": METHOD,
    "has_pubmed_id": "has_PMID",
    "has_tag2": "has_tag",
    "is_about_contrast_enhancing_method": "has_contrast_enhancing_method",
    "is_about_detection_method": "has_detection_method",
    "is_about_illumination_method": "has_illumination_method",
    "is_about_imaging_method": METHOD,
    "is_about_resolution_enhancing_method": "has_resolution_enhancing_method",
    "is_about_visualization_method": "has_visualization_method",
}
MISSPELT: Final = ("has_imaging_mehod_recorded_type", "has_imaging_method_rcorded_type")


def is_rdf(path: str) -> bool:
    """Tell whether a file is one of a dump, by its name.

    >>> is_rdf("instance/SSBD_zarr.ttl"), is_rdf("README.md")
    (True, False)
    """
    return path.lower().endswith(tuple(FORMATS))


def entries(http: Http, source: Source, listed: Iterable[Entry]) -> Iterator[Entry]:
    """Yield one entry for each project, with its payload, and one for what belongs to no project.

    A payload is what the dump states of one project, in N-Triples, sorted: the project, all nodes that it leads to,
    nodes that only bear its number, and the labels of the terms that these name. E-mail and postal addresses are
    left out of it, and so are axioms with blank nodes.

    Raises:
        SourceError: a file cannot be read, or there is no project at all.
    """
    found = [entry for entry in listed if is_rdf(entry.key)]
    merged = [entry for entry in found if MERGED in entry.key.lower()]
    dump = Dump()
    for entry in merged or found:
        dump.read(entry, files.fetch(http, source, entry))
    return dump.entries()


class Dump:
    """What a dump states, by subject: a node of SSBD by its local name, anything else by its IRI."""

    def __init__(self) -> None:
        self.said: dict[str, set[Triple]] = defaultdict(set)
        self.kinds: dict[str, set[str]] = defaultdict(set)
        self.places: dict[str, str | None] = {}

    def read(self, entry: Entry, data: bytes) -> None:
        """Add the statements of one file.

        Raises:
            SourceError: it is not what its name says.
        """
        form = FORMATS[entry.key[entry.key.rindex(".") :].lower()]
        try:
            for quad in parse(input=data, format=form, base_iri=ONTOLOGY, lenient=True):
                self._add(quad.triple, entry.url)
        except (SyntaxError, ValueError) as err:
            raise SourceError(f"{entry.key}: {err}") from err

    def _add(self, triple: Triple, place: str | None) -> None:
        subject, predicate, value = triple
        is_plain = isinstance(subject, NamedNode) and isinstance(value, NamedNode | Literal)
        if not is_plain or local_of(predicate) in PRIVATE:
            return
        key = key_of(subject)
        self.said[key].add(triple)
        if predicate.value == TYPE and local_of(value).startswith(CLASS):
            self.kinds[key].add(local_of(value))
            self.places.setdefault(key, place)

    def entries(self) -> Iterator[Entry]:
        """Yield the entries, sorted by key."""
        projects = [key for key, kinds in self.kinds.items() if PROJECT in kinds]
        if not projects:
            raise SourceError(f"no node of the class {PROJECT} is in the files: are they instances of the ontology?")
        parts = {key: self._reached([key, *self._numbered(key)]) for key in projects}
        strays = self.kinds.keys() - set().union(*parts.values())
        linked = {key for stray in strays for key in self._linked(stray)}
        parts |= {key: self._reached([key]) for key in (strays - linked or strays)}
        for key in sorted(parts):
            payload = self._payload(parts[key])
            yield Entry(key, files.git_blob_hash(payload), self.places[key], payload)

    def _linked(self, key: str) -> set[str]:
        objects = (key_of(t.object) for t in self.said[key] if isinstance(t.object, NamedNode))
        return {found for found in objects if found in self.kinds and found != key}

    def _reached(self, keys: list[str]) -> set[str]:
        seen: set[str] = set()
        while keys:
            key = keys.pop()
            if key not in seen:
                seen.add(key)
                keys += self._linked(key)
        return seen

    def _numbered(self, project: str) -> list[str]:
        number = NUMBERED.match(project)
        return [k for k in self.kinds if number and (own := NUMBERED.match(k)) and own[1] == number[1]]

    def _payload(self, keys: set[str]) -> bytes:
        stated = {triple for key in keys for triple in self.said[key]}
        named = {key_of(triple.object) for triple in stated if isinstance(triple.object, NamedNode)} - keys
        labels = (t for key in named for t in self.said.get(key, ()) if t.predicate.value == LABEL)
        return "".join(sorted({f"{triple} .\n" for triple in (*stated, *labels)})).encode()


def local_of(term: Any) -> str:
    """Return the last part of an IRI; nothing for a literal.

    >>> local_of(NamedNode("http://ssbd.riken.jp/ontology/ssbd-project-2"))
    'ssbd-project-2'
    """
    return last_part(term.value) if isinstance(term, NamedNode) else ""


def last_part(iri: str) -> str:
    """Return what follows the last slash or hash of an IRI.

    >>> last_part("https://cgc.umn.edu/strain/N2")
    'N2'
    """
    return re.split(r"[/#]", iri)[-1]


def key_of(term: Any) -> str:
    """Return a node's key: nodes of SSBD stand in several name spaces, so they go by their local name."""
    local = local_of(term)
    return local if local.startswith("ssbd-") else str(term.value)


class Node:
    """What a payload states of one node.

    Attributes:
        key: local name of a node of SSBD, IRI of anything else.
        iri: its IRI.
        kinds: local names of its classes.
        values: sorted values by the name of the predicate (the one of `SAME`).
        spelt: how often each predicate stands there, by its name as spelt.
        label: its label.
    """

    def __init__(self, key: str) -> None:
        self.key = key
        self.iri = key
        self.kinds: set[str] = set()
        self.values: dict[str, list[NamedNode | Literal]] = {}
        self.spelt: Counter[str] = Counter()
        self.label: str | None = None

    @property
    def is_instance(self) -> bool:
        """Tell whether it is of one of the ontology's classes."""
        return any(kind.startswith(CLASS) for kind in self.kinds)

    def get(self, name: str) -> list[NamedNode | Literal]:
        """Return the values of a predicate."""
        return self.values.get(name, [])


def nodes_of(raw: bytes, key: str) -> dict[str, Node]:
    """Return the nodes of a payload by key.

    Raises:
        RecordError: not N-Triples.
    """
    try:
        triples = [quad.triple for quad in parse(input=raw, format=RdfFormat.N_TRIPLES, lenient=True)]
    except (SyntaxError, ValueError) as err:
        raise RecordError(f"{key}: not N-Triples: {text.drop_emails(str(err))[:200]}") from err
    nodes: dict[str, Node] = {}
    for subject, predicate, value in sorted(triples, key=str):
        if isinstance(subject, NamedNode):
            own = key_of(subject)
            _state(nodes.setdefault(own, Node(own)), subject, predicate, value)
    return nodes


def _state(node: Node, subject: NamedNode, predicate: NamedNode, value: Any) -> None:
    node.iri = subject.value
    name = local_of(predicate)
    if predicate.value == TYPE:
        node.kinds.add(local_of(value))
    elif predicate.value == LABEL and isinstance(value, Literal):
        node.label = min(node.label or value.value, value.value)
    elif isinstance(value, NamedNode | Literal) and name not in PRIVATE:
        node.spelt[name] += 1
        values = node.values.setdefault(SAME.get(name, name), [])
        values += [] if value in values else [value]
