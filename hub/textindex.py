"""The full-text index of a snapshot: the words of each dataset and of what it is about, in one SQLite file.

It is built after publication, or when it is first asked for, by a process of its own, so that neither publishing nor a
request's thread pays for it, and stands beside the snapshot's manifest for all processes. Run as
``python -m hub.textindex <snapshot>``.

Source: https://www.sqlite.org/fts5.html
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import re
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from pyoxigraph import DefaultGraph, Literal, NamedNode, Store

from hub import records
from hub.errors import QueryBusyError, QueryError, QueryRefusedError, QueryTimeoutError
from hub.snapshots import Snapshot
from ontology import terms

logger = logging.getLogger(__name__)

FILE = "text.sqlite"
LAYOUT = 1
MAX_WORDS = 64
TOKENIZER = "porter unicode61 remove_diacritics 2"
NAMES = ("name", "scientific_name", "vernacular_name", "term_code", "symbol")
"""Slots whose texts name a thing."""


class Field(NamedTuple):
    """One column of the index.

    Attributes:
        name: of the column.
        weight: how much a word there counts.
        paths: slots that lead from a dataset to texts, or to things that have names.
    """

    name: str
    weight: float
    paths: tuple[str, ...]


FIELDS = (
    Field("title", 10, ("name",)),
    Field("identifiers", 8, ("accession", "same_as", "url", "reconstruction", "related")),
    Field("keywords", 5, ("keyword",)),
    Field(
        "terms",
        5,
        (
            "about",
            "about.taxon",
            "about.strain",
            "about.cell_line",
            "measurement_method",
            "measurement_method.measurement_technique",
            "phenotype",
            "compound",
            "imaging_scale",
            "reagent_annotation.reagent",
            "reagent_annotation.phenotype",
            "gene_annotation.phenotype",
            "has_part.about",
            "has_part.measurement_method",
        ),
    ),
    Field("genes", 4, ("gene_annotation.gene", "gene_annotation.reagent")),
    Field("people", 4, ("author", "accountable_person", "contact")),
    Field("papers", 3, ("publication", "publication.author_text", "publication.journal", "publication.same_as")),
    Field("parts", 2, ("has_part", "has_part.description", "distribution", "distribution.description")),
    Field("funding", 2, ("funding", "funding.grant_number", "funding.funder", "author.affiliation", "publisher")),
    Field("description", 1, ("description", "about.description", "measurement_method.description")),
)
_DEFAULT = DefaultGraph()
_TYPE = NamedNode("http://www.w3.org/1999/02/22-rdf-syntax-ns#type")
Said = dict[NamedNode, list[NamedNode | Literal]]
MAX_KEPT = 20_000
"""Things whose statements are kept in memory at the same time while an index is built."""
_WORD = re.compile(r'"([^"]*)"(\*?)|([^\s"]+)')


# --- building -----------------------------------------------------------------------------------------------------


def build(folder: Path) -> Path:
    """Build the index of the snapshot in a folder, unless it stands there; return its file.

    Raises:
        OSError: the folder cannot be written, or its graph not be read.
    """
    target = folder / FILE
    with (folder / ".text-lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not is_built(folder):
            part = folder / f".{FILE}-{os.getpid()}"
            part.unlink(missing_ok=True)
            _write(part, Store.read_only(str(folder / "graph")))
            part.replace(target)
    return target


def is_built(folder: Path) -> bool:
    """Whether the index of this layout stands beside a snapshot."""
    try:
        with contextlib.closing(_open(folder / FILE)) as index:
            return bool(index.execute("PRAGMA user_version").fetchone() == (LAYOUT,))
    except sqlite3.Error:
        return False


def _write(path: Path, store: Store) -> None:
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as index:
        columns = ", ".join(field.name for field in FIELDS)
        weights = ", ".join(str(field.weight) for field in FIELDS)
        index.execute("PRAGMA journal_mode = OFF")
        index.execute("CREATE TABLE datasets (id INTEGER PRIMARY KEY, iri TEXT NOT NULL)")
        index.execute(f"CREATE VIRTUAL TABLE words USING fts5({columns}, content = '', tokenize = '{TOKENIZER}')")
        index.execute("INSERT INTO words (words, rank) VALUES ('rank', ?)", (f"bm25({weights})",))
        index.execute("BEGIN")
        places = ", ".join("?" * len(FIELDS))
        for number, (iri, texts) in enumerate(documents(store), 1):
            index.execute("INSERT INTO datasets VALUES (?, ?)", (number, iri))
            index.execute(f"INSERT INTO words (rowid, {columns}) VALUES (?, {places})", (number, *texts))
        index.execute("COMMIT")
        index.execute("INSERT INTO words (words) VALUES ('optimize')")
        index.execute(f"PRAGMA user_version = {LAYOUT}")
    with path.open("rb") as written:
        os.fsync(written.fileno())


def documents(store: Store) -> Iterator[tuple[str, list[str]]]:
    """Yield each dataset's IRI and its text for each field."""
    found = _Words(store)
    dataset = records.tables()["Dataset"].type
    for quad in store.quads_for_pattern(None, _TYPE, dataset, _DEFAULT):
        if isinstance(quad.subject, NamedNode):
            yield quad.subject.value, [found.text(quad.subject, field) for field in FIELDS]


class _Words:
    """Gathers the texts of datasets from a store; what is said of a thing, and what names it, is looked up once."""

    def __init__(self, store: Store) -> None:
        self._store = store
        slots = {slot.name: slot.predicate for table in records.tables().values() for slot in table.slots}
        self._paths = {field: [[slots[s] for s in path.split(".")] for path in field.paths] for field in FIELDS}
        self._named_by = [slots[name] for name in NAMES]
        self._said: dict[NamedNode, Said] = {}
        self._names: dict[NamedNode, str] = {}

    def text(self, dataset: NamedNode, field: Field) -> str:
        """Return a dataset's text for a field, each text once."""
        ends = (end for path in self._paths[field] for end in self._follow(dataset, path))
        return "\n".join(dict.fromkeys(filter(None, map(self._text_of, ends))))

    def _follow(self, dataset: NamedNode, path: list[NamedNode]) -> Iterable[NamedNode | Literal]:
        found: list[NamedNode | Literal] = [dataset]
        for predicate in path:
            things = [thing for thing in found if isinstance(thing, NamedNode)]
            found = [value for thing in things for value in self._values(thing, predicate)]
        return found

    def _values(self, thing: NamedNode, predicate: NamedNode) -> list[NamedNode | Literal]:
        if (said := self._said.get(thing)) is None:
            if len(self._said) >= MAX_KEPT:
                self._said.clear()
            said = self._said[thing] = self._statements(thing)
        return said.get(predicate, [])

    def _statements(self, thing: NamedNode) -> Said:
        said: Said = {}
        for quad in self._store.quads_for_pattern(thing, None, None, _DEFAULT):
            if isinstance(value := quad.object, NamedNode | Literal):
                said.setdefault(quad.predicate, []).append(value)
        return said

    def _text_of(self, term: NamedNode | Literal) -> str:
        if isinstance(term, Literal):
            return term.value
        if (text := self._names.get(term)) is None:
            names = [value.value for slot in self._named_by for value in self._values(term, slot)]
            text = self._names[term] = "\n".join([*names, *terms.synonyms(term.value), _identifier(term.value)])
        return text


def _identifier(iri: str) -> str:
    """Return what of an IRI somebody may look for; nothing of a record's own node.

    >>> _identifier("https://doi.org/10.1038/s41597-021-00848-4"), _identifier("https://e.org/record/idr/idr1#a")
    ('10.1038/s41597-021-00848-4', '')
    """
    return "" if "#" in iri else iri.partition("://")[2].partition("/")[2]


# --- searching ----------------------------------------------------------------------------------------------------


def search(path: Path, words: str, limit: int, timeout_s: float) -> list[tuple[str, float]]:
    """Return the datasets that match, best first, with their scores (above zero, higher is better).

    Args:
        path: file of the index.
        words: words that must all occur, "phrases", beginnings with an asterisk.
        limit: how many at most.
        timeout_s: how long it may take.

    Raises:
        QueryRefusedError: there is nothing to search for, or too much.
        QueryTimeoutError: it took longer.
        QueryError: the index cannot be read.
    """
    ends_at = time.monotonic() + timeout_s
    asked = (
        "SELECT iri, -rank FROM (SELECT rowid AS number, rank FROM words WHERE words MATCH ? ORDER BY rank LIMIT ?) "
        "JOIN datasets ON id = number ORDER BY rank, number"
    )
    try:
        with contextlib.closing(_open(path)) as index:
            index.set_progress_handler(lambda: time.monotonic() > ends_at, 10_000)
            return list(index.execute(asked, (expression(words), limit)))
    except sqlite3.OperationalError as err:
        if time.monotonic() > ends_at:
            raise QueryTimeoutError(f"the search ran longer than {timeout_s:.1f} s and was stopped") from err
        raise QueryError(f"the full-text index cannot be searched: {err}") from err
    except sqlite3.DatabaseError as err:
        raise QueryError(f"the full-text index is damaged: remove {path} ({err})") from err


def expression(words: str) -> str:
    """Return what somebody searches for in the language of FTS5, whatever signs are in it.

    >>> expression('light-sheet "gene expression" mitochond*')
    '"light-sheet" "gene expression" "mitochond"*'

    Raises:
        QueryRefusedError: no words, or too many.
    """
    found = []
    for phrase, star, word in _WORD.findall(words):
        text = phrase or word.rstrip("*")
        if any(character.isalnum() for character in text):
            found.append(f'"{text.replace(chr(0), " ")}"' + ("*" if star or word.endswith("*") else ""))
    if not found:
        raise QueryRefusedError("a full-text search needs a word to look for")
    if len(found) > MAX_WORDS:
        raise QueryRefusedError(f"a full-text search takes at most {MAX_WORDS} words")
    return " ".join(found)


def _open(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True)


class TextIndexes:
    """The index of the snapshot that is served, built when it is first needed; safe for threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._path, self._work = Path(), _Work()

    def search(self, snapshot: Snapshot, words: str, limit: int, timeout_s: float) -> list[tuple[str, float]]:
        """Search a snapshot, as :func:`search` does.

        Raises:
            QueryBusyError: its index is still being built, and was not done in time.
            QueryError: it could not be built.
        """
        ends_at = time.monotonic() + timeout_s
        work = self.prepare(snapshot)
        if not work.ended.wait(timeout_s / 2):
            raise QueryBusyError("the full-text index of this snapshot is being built: try again in a moment")
        if work.has_failed:
            raise QueryError("the full-text index of this snapshot could not be built: look into the hub's log")
        return search(snapshot.path / FILE, words, limit, ends_at - time.monotonic())

    def prepare(self, snapshot: Snapshot) -> _Work:
        """Begin to build the index of a snapshot, unless that was done and it still stands."""
        with self._lock:
            if self._path != snapshot.path or self._work.is_lost(snapshot.path / FILE):
                self._path, self._work = snapshot.path, _Work()
                if is_built(snapshot.path):
                    self._work.ended.set()
                else:
                    arguments = (snapshot.path, self._work)
                    threading.Thread(target=_build_apart, args=arguments, name="hub-text", daemon=True).start()
            return self._work


class _Work:
    """Whether the building of an index has ended, and how."""

    def __init__(self) -> None:
        self.ended = threading.Event()
        self.has_failed = False

    def is_lost(self, file: Path) -> bool:
        """Whether what was built is there no more: an operator removed it because it was damaged."""
        return self.ended.is_set() and not self.has_failed and not file.exists()


def _build_apart(folder: Path, work: _Work) -> None:
    """Build an index in a process of its own."""
    command = [sys.executable, "-m", "hub.textindex", str(folder.absolute())]
    try:
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL, cwd=Path(__file__).parents[1])
    except (OSError, subprocess.CalledProcessError):
        logger.warning("%s: its full-text index could not be built", folder, exc_info=True)
        work.has_failed = True
    finally:
        work.ended.set()


if __name__ == "__main__":
    os.nice(10)
    build(Path(sys.argv[1]))
