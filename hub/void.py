"""What the published data are made of, in numbers (VoID): counted once for each snapshot, and written as RDF.

Counting takes seconds to minutes, so neither publishing nor a request waits for it: a thread counts in a query worker
of its own, and the first process to finish leaves ``void.json`` beside the snapshot's manifest for all others.

Source: https://www.w3.org/TR/void/ · http://ldf.fi/void-ext · https://github.com/sib-swiss/sparql-guidelines
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import logging
import os
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from pyoxigraph import Literal, NamedNode, Triple

from hub import queries, records
from hub.config import Settings
from hub.snapshots import Snapshot
from hub.workers import WorkerPool

logger = logging.getLogger(__name__)

Row = dict[str, str | int]
Statistics = dict[str, list[Row]]
"""Rows of each of ``QUESTIONS``, by its name."""

QUESTIONS = ("totals", "classes", "properties", "uses", "links", "datatypes", "graphs")
FILE = "void.json"
TIMEOUT_S = 900.0
"""How long one question may take, while others use the machine too."""

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
RDFS = "http://www.w3.org/2000/01/rdf-schema#"
XSD = "http://www.w3.org/2001/XMLSchema#"
VOID = "http://rdfs.org/ns/void#"
VOID_EXT = "http://ldf.fi/void-ext#"
SD = "http://www.w3.org/ns/sparql-service-description#"
SH = "http://www.w3.org/ns/shacl#"
DCAT = "http://www.w3.org/ns/dcat#"
DCTERMS = "http://purl.org/dc/terms/"
FOAF = "http://xmlns.com/foaf/0.1/"
PREFIXES = {"dcat": DCAT, "dcterms": DCTERMS, "foaf": FOAF, "rdfs": RDFS, "sd": SD, "sh": SH, "void": VOID}
PREFIXES |= {"void-ext": VOID_EXT, "xsd": XSD}

TITLE = "Metadata of public bioimage archives"
DESCRIPTION = "What public bioimage archives say of their datasets, harvested, normalised and linked."
RIGHTS = "Each dataset has the licence that its archive gives it (schema:license); there is none for the whole."
DEFAULT_GRAPH = "Each statement once, resolved from all sources: what queries without GRAPH see."
KINDS = {
    "source": (
        "What each source says of each dataset",
        "one graph for each source's record: {kind}/<source>/<accession>",
    ),
    "record": ("The hub's account of each record", "one graph for each source's record: {kind}/<source>/<accession>"),
    "links": ("Links between things", "one graph for each rule or set that links come from: {kind}/<rule>"),
    "ontology": ("Terms of ontologies", "one graph for each ontology: {kind}/<prefix>"),
    "runs": ("Reports of harvests", "one graph: {kind}"),
}


def address(base: str, name: str = "") -> str:
    """Return the IRI of the description of a hub, or of a thing in it.

    >>> address("https://hub.example.org/", "dataset")
    'https://hub.example.org/.well-known/void#dataset'
    """
    return f"{base}.well-known/void" + (f"#{name}" if name else "")


# --- counting -----------------------------------------------------------------------------------------------------


def count(pool: WorkerPool) -> Statistics:
    """Return the statistics of what a pool answers from.

    Raises:
        QueryError: a question took too long or too much memory.
    """
    found = {name: _rows(pool, name) for name in QUESTIONS if name not in ("uses", "datatypes")}
    objects = {(row["class"], row["property"]): row["objects"] for row in _rows(pool, "objects")}
    found["uses"] = [{**row, "objects": objects[row["class"], row["property"]]} for row in _rows(pool, "uses")]
    return found | {"datatypes": _datatypes(pool, found)}


def _datatypes(pool: WorkerPool, found: Statistics) -> list[Row]:
    """Return which class has literals of which datatype by which property, most triples first.

    To read a literal takes the engine ten times as long as to count it, so each is read once, property by property;
    again by class only where a property has values of several kinds.
    """
    rows: list[Row] = []
    for name in (str(row["property"]) for row in found["properties"]):
        iri = NamedNode(name)
        kinds = _rows(pool, "kinds", property=iri)
        if len(kinds) > 1:
            rows += [{"property": name, **row} for row in _rows(pool, "datatypes", property=iri)]
        elif "datatype" in kinds[0]:
            uses = (use for use in found["uses"] if use["property"] == name)
            rows += [{**kinds[0], "property": name, "class": u["class"], "triples": u["triples"]} for u in uses]
    keys = ("class", "property", "datatype", "triples")
    ordered: list[Row] = [{key: row[key] for key in keys} for row in rows]
    return sorted(ordered, key=lambda row: (-int(row["triples"]), *(str(row[key]) for key in keys[:3])))


def _rows(pool: WorkerPool, name: str, **params: NamedNode) -> list[Row]:
    return [{k: _plain(v) for k, v in row.items()} for row in queries.select(pool, f"void/{name}", **params)]


def _plain(term: NamedNode | Literal) -> str | int:
    is_number = isinstance(term, Literal) and term.datatype.value == f"{XSD}integer"
    return int(term.value) if is_number else term.value


class Counter:
    """The statistics of the snapshot that is served; one for each process, safe for threads."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._name = ""
        self._found: Statistics | None = None
        self._begun = 0.0
        self._done = threading.Event()
        self._done.set()

    def get(self, snapshot: Snapshot, wait_s: float = 0.0) -> Statistics | None:
        """Return the statistics of a snapshot; None while they are being counted, or when they cannot be.

        Args:
            snapshot: the snapshot that is served.
            wait_s: how long to wait for them, from when counting began: who asks later does not wait again.
        """
        with self._lock:
            if snapshot.path.name != self._name and self._done.is_set():
                self._name, self._found, self._begun = snapshot.path.name, None, time.monotonic()
                self._done.clear()
                threading.Thread(target=self._work, args=(snapshot,), name="hub-void", daemon=True).start()
            left_s = wait_s - (time.monotonic() - self._begun)
        self._done.wait(max(0.0, left_s))
        with self._lock:
            return self._found if snapshot.path.name == self._name else None

    def _work(self, snapshot: Snapshot) -> None:
        found = None
        try:
            found = self._read_or_count(snapshot)
        except Exception:
            logger.warning("snapshot %s: its statistics could not be counted", snapshot.path.name, exc_info=True)
        with self._lock:
            self._found = found
        self._done.set()

    def _read_or_count(self, snapshot: Snapshot) -> Statistics:
        if (found := read(snapshot)) is not None:
            return found
        with _alone(snapshot.path):
            if (found := read(snapshot)) is not None:
                return found
            found = self._count(snapshot)
            with contextlib.suppress(OSError):  # the folder may be read-only: then each process counts for itself
                write(snapshot, found)
        return found

    def _count(self, snapshot: Snapshot) -> Statistics:
        memory = 2 * self._settings.query_memory_bytes
        pool = WorkerPool(snapshot.graph, workers=1, spares=0, timeout_s=TIMEOUT_S, memory_bytes=memory)
        try:
            return count(pool)
        finally:
            pool.close()


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Wait until no other process counts the snapshot in this folder; at once where it cannot be locked."""
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(OSError):
            lock = stack.enter_context((folder / ".void-lock").open("w"))
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def read(snapshot: Snapshot) -> Statistics | None:
    """Return the statistics that stand beside a snapshot, or None."""
    try:
        found: Statistics = json.loads((snapshot.path / FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if set(found) == set(QUESTIONS) else None


def write(snapshot: Snapshot, found: Statistics) -> None:
    """Leave the statistics beside a snapshot, whole or not at all."""
    part = snapshot.path / f".{FILE}-{os.getpid()}"
    part.write_text(json.dumps(found, ensure_ascii=False, indent=1), encoding="utf-8")
    part.replace(snapshot.path / FILE)


# --- as RDF -------------------------------------------------------------------------------------------------------


class Description:
    """RDF statements about things with an IRI, in the order in which they were said."""

    def __init__(self) -> None:
        self.triples: list[Triple] = []

    def say(self, subject: str, predicate: str, *objects: str | int | Literal) -> None:
        """Add statements; a text is an IRI, a number an ``xsd:integer``."""
        for one in objects:
            term = NamedNode(one) if isinstance(one, str) else Literal(one) if isinstance(one, int) else one
            self.triples.append(Triple(NamedNode(subject), NamedNode(predicate), term))


def describe(snapshot: Snapshot, found: Statistics | None, sparql: str) -> list[Triple]:
    """Return the description of the hub's data: VoID, with the parts of it where statistics are there.

    Args:
        snapshot: what is published.
        found: its own statistics; those of another snapshot would let clients skip what they do not tell of.
        sparql: address of the SPARQL endpoint.
    """
    said = Description()
    base = snapshot.base_iri
    _dataset(said, snapshot, sparql)
    default = address(base, "default-graph")
    said.say(default, f"{RDF}type", f"{SD}Graph", f"{VOID}Dataset")
    said.say(default, f"{DCTERMS}title", Literal("Default graph"))
    said.say(default, f"{DCTERMS}description", Literal(DEFAULT_GRAPH))
    if found is not None:
        _totals(said, default, found)
        _properties(said, base, default, found)
        _classes(said, base, default, found)
        _kinds(said, base, found)
    _prefixes(said, base)
    return said.triples


def _dataset(said: Description, snapshot: Snapshot, sparql: str) -> None:
    base = snapshot.base_iri
    document, dataset = address(base), address(base, "dataset")
    version, created = Literal(str(snapshot.sequence)), _moment(snapshot.created)
    edition = address(base, f"snapshot-{snapshot.sequence}")
    said.say(document, f"{RDF}type", f"{VOID}DatasetDescription")
    said.say(document, f"{FOAF}primaryTopic", dataset)
    said.say(dataset, f"{RDF}type", f"{VOID}Dataset", f"{SD}Dataset", f"{DCAT}Dataset")
    said.say(dataset, f"{DCTERMS}title", Literal(TITLE, language="en"))
    said.say(dataset, f"{DCTERMS}description", Literal(DESCRIPTION, language="en"))
    said.say(dataset, f"{DCTERMS}rights", Literal(RIGHTS, language="en"))
    said.say(dataset, f"{DCTERMS}modified", created)
    said.say(dataset, f"{DCAT}version", version)
    said.say(dataset, f"{DCAT}hasCurrentVersion", edition)
    said.say(dataset, f"{FOAF}homepage", base)
    said.say(dataset, f"{VOID}sparqlEndpoint", sparql)
    said.say(dataset, f"{VOID}triples", snapshot.quads)
    said.say(dataset, f"{SD}defaultGraph", address(base, "default-graph"))
    said.say(dataset, f"{VOID}subset", address(base, "default-graph"))
    said.say(edition, f"{RDF}type", f"{DCAT}Dataset")
    said.say(edition, f"{DCTERMS}isVersionOf", dataset)
    said.say(edition, f"{DCAT}version", version)
    said.say(edition, f"{DCTERMS}issued", created)


def _moment(text: str) -> Literal:
    return Literal(text, datatype=NamedNode(f"{XSD}dateTime"))


def _totals(said: Description, default: str, found: Statistics) -> None:
    (totals,) = found["totals"]
    said.say(default, f"{VOID}triples", totals["triples"])
    said.say(default, f"{VOID}distinctSubjects", totals["subjects"])
    said.say(default, f"{VOID}distinctObjects", totals["objects"])
    said.say(default, f"{VOID}classes", len(found["classes"]))
    said.say(default, f"{VOID}properties", len(found["properties"]))
    said.say(default, f"{VOID}vocabulary", *sorted({_namespace(str(r["property"])) for r in found["properties"]}))


def _namespace(iri: str) -> str:
    """Return the start of an IRI up to its last ``#`` or ``/``."""
    return iri[: max(iri.rfind("#"), iri.rfind("/")) + 1] or iri


def _properties(said: Description, base: str, default: str, found: Statistics) -> None:
    for row in found["properties"]:
        _property(said, default, _part(base, row["property"]), row)


def _property(said: Description, whole: str, part: str, row: Row) -> None:
    said.say(whole, f"{VOID}propertyPartition", part)
    said.say(part, f"{VOID}property", row["property"])
    said.say(part, f"{VOID}triples", row["triples"])
    said.say(part, f"{VOID}distinctSubjects", row["subjects"])
    said.say(part, f"{VOID}distinctObjects", row["objects"])


def _classes(said: Description, base: str, default: str, found: Statistics) -> None:
    uses, links, datatypes = (_grouped(found[name], keys) for name, keys in _GROUPS)
    for row in found["classes"]:
        cls = row["class"]
        part = _part(base, cls)
        said.say(default, f"{VOID}classPartition", part)
        said.say(part, f"{VOID}class", cls)
        said.say(part, f"{VOID}entities", row["entities"])
        for use in uses[(cls,)]:
            inner = _part(base, cls, use["property"])
            _property(said, part, inner, use)
            for link in links[cls, use["property"]]:
                target = _part(base, cls, use["property"], link["target"])
                said.say(inner, f"{VOID}classPartition", target)
                said.say(target, f"{VOID}class", link["target"])
                said.say(target, f"{VOID}triples", link["triples"])
            for literal in datatypes[cls, use["property"]]:
                target = _part(base, cls, use["property"], literal["datatype"])
                said.say(inner, f"{VOID_EXT}datatypePartition", target)
                said.say(target, f"{VOID_EXT}datatype", literal["datatype"])
                said.say(target, f"{VOID}triples", literal["triples"])


_GROUPS = (("uses", ("class",)), ("links", ("class", "property")), ("datatypes", ("class", "property")))


def _grouped(rows: list[Row], keys: tuple[str, ...]) -> defaultdict[tuple[str | int, ...], list[Row]]:
    groups: defaultdict[tuple[str | int, ...], list[Row]] = defaultdict(list)
    for row in rows:
        groups[tuple(row[key] for key in keys)].append(row)
    return groups


def _part(base: str, *what: str | int) -> str:
    """Return the IRI of a part: the same in every snapshot."""
    digest = hashlib.sha256("\n".join(map(str, what)).encode()).hexdigest()[:16]
    return address(base, f"part-{digest}")


def _kinds(said: Description, base: str, found: Statistics) -> None:
    for row in found["graphs"]:
        kind = str(row["kind"])
        if not kind.startswith(f"{base}graph/"):
            continue
        name = kind.rstrip("/").rpartition("/")[2]
        title, graphs = KINDS.get(name, (f"Graphs under {kind}", "{kind}"))
        part = address(base, f"graphs-{name}")
        said.say(address(base, "dataset"), f"{VOID}subset", part)
        said.say(part, f"{RDF}type", f"{VOID}Dataset")
        said.say(part, f"{DCTERMS}title", Literal(title, language="en"))
        said.say(part, f"{DCTERMS}description", Literal(f"Named graphs, {graphs.format(kind=kind)}", language="en"))
        said.say(part, f"{VOID}documents", row["graphs"])
        said.say(part, f"{VOID}triples", row["triples"])


def _prefixes(said: Description, base: str) -> None:
    """Declare the prefixes that the data are written with, for editors."""
    for prefix, namespace in sorted(namespaces().items()):
        part = address(base, f"prefix-{prefix}")
        said.say(address(base, "dataset"), f"{SH}declare", part)
        said.say(part, f"{SH}prefix", Literal(prefix))
        said.say(part, f"{SH}namespace", Literal(namespace, datatype=NamedNode(f"{XSD}anyURI")))


def namespaces() -> dict[str, str]:
    """Return the namespace of each prefix of the model."""
    return {k: v for k, v in records.context().items() if isinstance(v, str) and v.endswith(("/", "#", "_"))}
