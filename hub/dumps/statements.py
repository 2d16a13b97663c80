"""The statements of a snapshot as canonical N-Quads: sorted lines, the whole in one file and each archive's in its own.

An archive's file has what its sources say of its datasets and what the hub says of these records: of every statement
whose graph is one of a record's. The default graph, links, candidates and ontologies are in the whole file only. What
is suppressed is in neither.

Source: https://www.w3.org/TR/rdf-canon/#canonical-quads
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Final, cast

import sqlalchemy as sa
from pyoxigraph import RdfFormat, Store

from hub.dumps.layout import STATEMENTS, File
from hub.dumps.writing import Lines, Sorter, described
from hub.log import Log, records
from hub.store import META
from ontology import iris

Progress = Callable[[int], object]
KIND: Final = "statements"
WHOLE: Final = "All statements with their graphs (N-Quads)"
_MARK: Final = f" {META} .".encode()
_TOLD: Final = 100_000


def write(graph: Path, log: Log, base: str, target: Path, progress: Progress = lambda _: None) -> list[File]:
    """Write the statements of a snapshot's graph into a folder, and return the files.

    Args:
        graph: folder of the snapshot's graph.
        log: the catalogue, for which archive a record is of.
        base: the hub's base IRI.
        target: folder of the dump that is made.
        progress: told how many statements were written, part by part.
    """
    archives, suppressed = _archives(log, base), f"<{base}graph/suppressed/".encode()
    with ExitStack() as open_files, Sorter(target) as sorter:
        Store.read_only(str(graph)).dump(output=cast(IO[bytes], _Splitter(sorter)), format=RdfFormat.N_QUADS)
        whole = open_files.enter_context(Lines(target / STATEMENTS))
        parts: dict[str, Lines] = {}
        for line in sorter.sorted():
            named = graph_of(line)
            if named.startswith(suppressed):
                continue
            whole.add(line)
            if archive := archives.get(named):
                if archive not in parts:
                    parts[archive] = open_files.enter_context(Lines(target / name_of(archive)))
                parts[archive].add(line)
            if whole.rows % _TOLD == 0:
                progress(_TOLD)
    made = [described(whole.path, KIND, WHOLE, whole.rows)]
    made += [
        described(part.path, KIND, f"Statements of the records of {archive} (N-Quads)", part.rows)
        for archive, part in sorted(parts.items())
    ]
    return made


def name_of(archive: str) -> str:
    """Return the name of an archive's file.

    >>> name_of("idr")
    'statements-idr.nq.zst'
    """
    return f"statements-{archive}.nq.zst"


def graph_of(line: bytes) -> bytes:
    """Return the graph's name of a line of N-Quads as it is written; nothing where it is the default graph.

    >>> graph_of(b'<http://e/s> <http://e/p> "a <b" <http://e/g> .')
    b'<http://e/g>'
    >>> graph_of(b"<http://e/s> <http://e/p> <http://e/o> .")
    b''
    """
    last = line[line.rindex(b" ", 0, -2) + 1 : -2]
    return last if last.startswith(b"<") and b'"' not in last and line.count(b" ") > 3 else b""


def _archives(log: Log, base: str) -> dict[bytes, str]:
    """Return the archive of each graph of a record, by the graph's name as it is written."""
    start = f"{base}dataset/"
    names: dict[str, str] = {}
    found: dict[bytes, str] = {}
    with log.engine.connect() as db:
        query = sa.select(records.c.source, records.c.accession, records.c.iri)
        for source, accession, iri in db.execute(query).yield_per(1000):
            archive = iri.removeprefix(start).partition("/")[0]
            for graph in (iris.source_graph, iris.record_graph):
                found[f"<{graph(base, source, accession)}>".encode()] = names.setdefault(archive, archive)
    return found


class _Splitter:
    """Takes what the engine writes in pieces, and gives the lines to a sorter."""

    def __init__(self, sorter: Sorter) -> None:
        self._sorter, self._rest = sorter, b""

    def write(self, data: bytes) -> int:
        """Take a piece."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        self._sorter.add(line for line in lines if not line.endswith(_MARK))
        return len(data)

    def flush(self) -> None:
        """Nothing waits here."""
