"""Tables of what is published, as Parquet files: for who computes with the metadata and does not want RDF.

Source: https://parquet.apache.org/docs/file-format/
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from pyoxigraph import DefaultGraph, Literal, NamedNode, Store

from hub import records
from hub.dumps.layout import PARQUET, File
from hub.dumps.writing import described
from hub.links.catalogue import Links
from hub.search import layout
from hub.search.documents import Documents
from ontology.text import drop_emails

ROWS: Final = 20_000
ORCID: Final = "https://orcid.org/"
DOI: Final = "https://doi.org/"
PUBMED: Final = "https://pubmed.ncbi.nlm.nih.gov/"
PMC: Final = "https://www.ncbi.nlm.nih.gov/pmc/articles/"
_MEMBER: Final = "http://www.w3.org/1999/02/22-rdf-syntax-ns#_"
_DEFAULT: Final = DefaultGraph()
TEXT, NUMBER, DECIMAL, TEXTS = "text", "number", "decimal", "texts"


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its name, ``text``, ``number``, ``decimal`` or ``texts``, and what it holds."""

    name: str
    kind: str
    title: str


_DATASET: Final = Column("dataset", TEXT, "IRI of the dataset")
COLUMNS: Final[dict[str, tuple[Column, ...]]] = {
    "datasets": (
        _DATASET,
        Column("study", TEXT, "IRI of the study: the least of its datasets'"),
        Column("archive", TEXT, "name of the archive"),
        Column("accession", TEXT, "the archive's identifier"),
        Column("title", TEXT, "title"),
        Column("description", TEXT, "whole description"),
        Column("published", TEXT, "ISO 8601 date, to the precision that is known"),
        Column("licence", TEXT, "address of the licence"),
        Column("size_bytes", NUMBER, "size in bytes, as the archive states it"),
        Column("file_count", NUMBER, "number of files"),
        Column("image_count", NUMBER, "number of images"),
        Column("doi", TEXT, "DOI of the dataset, as an address"),
        Column("url", TEXT, "the archive's own page"),
        Column("keywords", TEXTS, "keywords"),
    ),
    "authors": (
        _DATASET,
        Column("position", NUMBER, "place among the authors, from 1"),
        Column("person", TEXT, "IRI of the person"),
        Column("orcid", TEXT, "ORCID, as an address"),
        Column("name", TEXT, "name"),
        Column("affiliations", TEXTS, "names of organisations"),
    ),
    "organisms": (_DATASET, Column("taxon", TEXT, "IRI of the taxon"), Column("name", TEXT, "its name")),
    "methods": (_DATASET, Column("method", TEXT, "IRI of the imaging method"), Column("name", TEXT, "its name")),
    "genes": (_DATASET, Column("gene", TEXT, "IRI of the gene"), Column("name", TEXT, "its symbol and organism")),
    "publications": (
        _DATASET,
        Column("publication", TEXT, "IRI of the publication"),
        Column("doi", TEXT, "its DOI"),
        Column("pmid", TEXT, "its PubMed number"),
        Column("pmcid", TEXT, "its PubMed Central number"),
        Column("title", TEXT, "its title"),
    ),
    "links": (
        Column("link", TEXT, "identifier of the link"),
        Column("rule", TEXT, "rule that found it"),
        Column("subject", TEXT, "IRI that it leads from"),
        Column("predicate", TEXT, "IRI of the property"),
        Column("object", TEXT, "IRI that it leads to"),
        Column("status", TEXT, "fact or candidate"),
        Column("confidence", DECIMAL, "from 0 to 1"),
        Column("first_seen", TEXT, "ISO 8601 time"),
    ),
}


def are_possible() -> bool:
    """Tell whether pyarrow is installed (the extra ``parquet``)."""
    return find_spec("pyarrow") is not None


class _Table:
    """One Parquet file while it is written: so many rows at a time, in groups that are always the same."""

    def __init__(self, folder: Path, name: str) -> None:
        import pyarrow.parquet

        self.path, self.rows = folder / f"{name}.parquet", 0
        kinds = {
            TEXT: pyarrow.string(),
            NUMBER: pyarrow.int64(),
            DECIMAL: pyarrow.float64(),
            TEXTS: pyarrow.list_(pyarrow.string()),
        }
        self._columns = COLUMNS[name]
        fields = [pyarrow.field(c.name, kinds[c.kind], metadata={"description": c.title}) for c in self._columns]
        self._schema = pyarrow.schema(fields)
        self._writer = pyarrow.parquet.ParquetWriter(self.path, self._schema, compression="zstd")
        self._waiting: list[tuple[Any, ...]] = []

    def add(self, *values: Any) -> None:
        """Add a row; empty texts are told as nothing."""
        self._waiting.append(tuple(None if value == "" else value for value in values))
        self.rows += 1
        if len(self._waiting) == ROWS:
            self._flush()

    def _flush(self) -> None:
        import pyarrow

        columns = list(zip(*self._waiting, strict=True)) or [()] * len(self._columns)
        arrays = [pyarrow.array(c, f.type) for c, f in zip(columns, self._schema, strict=True)]
        self._writer.write_table(pyarrow.Table.from_arrays(arrays, schema=self._schema))
        self._waiting = []

    def close(self) -> None:
        """Write what is left and end the file."""
        if self._waiting or not self.rows:
            self._flush()
        self._writer.close()


@dataclass(slots=True)
class Tables:
    """All tables while they are written; use it as a context. Without pyarrow nothing is written.

    Attributes:
        folder: where they are written.
        store: the published graph.
        documents: what is known of datasets.
    """

    folder: Path
    store: Store
    documents: Documents
    _open: dict[str, _Table] = field(default_factory=dict)
    _slots: dict[str, NamedNode] = field(default_factory=dict)

    def __enter__(self) -> Self:
        self._slots = {slot.name: slot.predicate for table in records.tables().values() for slot in table.slots}
        if are_possible():
            self._open = {name: _Table(self.folder, name) for name in COLUMNS}
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for table in self._open.values():
            table.close()

    def files(self) -> list[File]:
        """Return the files, once they are closed."""
        return [
            described(table.path, "table", f"Table of {name} (Parquet)", table.rows, PARQUET)
            for name, table in self._open.items()
        ]

    def add(self, dataset: str, study: str, content: dict[str, list[Any]]) -> None:
        """Add a dataset, given the IRI of its study and the fields of a document of it alone."""
        if not self._open:
            return
        self._add_dataset(dataset, study, content)
        self._add_authors(dataset)
        for name, facet in (("organisms", "organism_own"), ("methods", "method_own"), ("genes", "gene")):
            for iri in sorted(content[facet]):
                self._open[name].add(dataset, iri, self.documents.label(iri))
        for publication in self._iris(dataset, "publication"):
            known = [publication, *self._iris(publication, "same_as")]
            ids = (_local(known, start) for start in (DOI, PUBMED, PMC))
            self._open["publications"].add(dataset, publication, *ids, self._text(publication, "name"))

    def _add_dataset(self, dataset: str, study: str, content: dict[str, list[Any]]) -> None:
        (shown,) = json.loads(content[layout.SHOWN][0])
        told = shown | {
            "dataset": dataset,
            "study": study,
            "description": drop_emails(self._text(dataset, "description")),
            "file_count": self._number(dataset, "file_count"),
            "image_count": self._number(dataset, "image_count"),
            "keywords": content["keywords"],
        }
        self._open["datasets"].add(*(told[column.name] for column in COLUMNS["datasets"]))

    def _add_authors(self, dataset: str) -> None:
        for position, person in enumerate(self._authors(dataset), 1):
            same = [person, *self._iris(person, "same_as")]
            orcid = next((iri for iri in same if iri.startswith(ORCID)), "")
            places = [self._text(place, "name") for place in self._iris(person, "affiliation")]
            row = (orcid, self._text(person, "name"), sorted(filter(None, places)))
            self._open["authors"].add(dataset, position, person, *row)

    def _authors(self, dataset: str) -> list[str]:
        ordered = []
        for listed in self._objects(dataset, records.AUTHOR_LIST):
            for quad in self.store.quads_for_pattern(listed, None, None, _DEFAULT):
                place = quad.predicate.value.removeprefix(_MEMBER)
                if place.isdecimal() and isinstance(quad.object, NamedNode):
                    ordered.append((int(place), quad.object.value))
        return [person for _, person in sorted(ordered)] or self._iris(dataset, "author")

    def add_links(self, links: Links) -> None:
        """Add the links that are shown."""
        if self._open:
            for row in links.all_links():
                if row.kind == "link" and row.is_shown:
                    told = (row.id, row.rule, *row.statement, row.status, row.confidence, row.first_seen)
                    self._open["links"].add(*told)

    def _objects(self, iri: str, predicate: NamedNode) -> Iterator[NamedNode]:
        for quad in self.store.quads_for_pattern(NamedNode(iri), predicate, None, _DEFAULT):
            if isinstance(quad.object, NamedNode):
                yield quad.object

    def _iris(self, iri: str, slot: str) -> list[str]:
        return sorted(node.value for node in self._objects(iri, self._slots[slot]))

    def _text(self, iri: str, slot: str) -> str:
        quads = self.store.quads_for_pattern(NamedNode(iri), self._slots[slot], None, _DEFAULT)
        return min((quad.object.value for quad in quads if isinstance(quad.object, Literal)), default="")

    def _number(self, iri: str, slot: str) -> int | None:
        text = self._text(iri, slot)
        return int(text) if text.isdecimal() and int(text) < 2**63 else None


def _local(iris: list[str], start: str) -> str:
    return next((iri.removeprefix(start) for iri in iris if iri.startswith(start)), "")
