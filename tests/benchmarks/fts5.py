"""The peer of the search index: SQLite FTS5 with the same texts, and facets and numbers in tables beside it.

Source: https://www.sqlite.org/fts5.html
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from hub.search import layout
from hub.search.contract import FACETS, RANGES
from hub.search.fields import FIELDS

TOKENIZER = "porter unicode61 remove_diacritics 2"
COLUMNS = (*(field.name for field in FIELDS), layout.BROADER)
WEIGHTS = (*(field.weight for field in FIELDS), 1)
Content = dict[str, list[Any]]
_TABLES = f"""
PRAGMA journal_mode = OFF;
CREATE TABLE study (id INTEGER PRIMARY KEY, iri TEXT NOT NULL, shown TEXT NOT NULL, published INTEGER NOT NULL);
CREATE TABLE facet (name TEXT NOT NULL, value TEXT NOT NULL, study INTEGER NOT NULL);
CREATE TABLE number (name TEXT NOT NULL, value REAL NOT NULL, study INTEGER NOT NULL);
CREATE VIRTUAL TABLE words USING fts5({", ".join(COLUMNS)}, content = '', tokenize = '{TOKENIZER}');
INSERT INTO words (words, rank) VALUES ('rank', 'bm25({", ".join(map(str, WEIGHTS))})');
"""
_INDEXES = """
CREATE INDEX facet_by_study ON facet (study, name, value);
CREATE INDEX facet_by_value ON facet (name, value, study);
CREATE INDEX number_by_value ON number (name, value, study);
INSERT INTO words (words) VALUES ('optimize');
"""


class Builder:
    """Writes an index into a file that is not there yet."""

    def __init__(self, path: Path) -> None:
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.executescript(_TABLES)
        self._db.execute("BEGIN")
        self._count = 0

    def add(self, content: Content) -> None:
        """Add the document of a study, as `hub.search.documents.Documents.content` gives it."""
        self._count = number = self._count + 1
        shown, published = content[layout.SHOWN][0].decode(), content[layout.PUBLISHED][0]
        self._db.execute("INSERT INTO study VALUES (?, ?, ?, ?)", (number, content[layout.STUDY][0], shown, published))
        texts = ("\n".join(content[name]) for name in COLUMNS)
        places = ", ".join("?" * len(COLUMNS))
        self._db.execute(f"INSERT INTO words (rowid, {', '.join(COLUMNS)}) VALUES (?, {places})", (number, *texts))
        for table, names in (("facet", FACETS), ("number", RANGES)):
            rows = [(one.name, value, number) for one in names for value in content[one.name]]
            self._db.executemany(f"INSERT INTO {table} VALUES (?, ?, ?)", rows)

    def finish(self) -> None:
        """Write the rest and close."""
        self._db.execute("COMMIT")
        self._db.executescript(_INDEXES)
        self._db.close()


def build(path: Path, contents: Iterable[Content]) -> None:
    """Build the index of some documents."""
    builder = Builder(path)
    add(builder, contents)
    builder.finish()


def add(builder: Builder, contents: Iterable[Content]) -> None:
    """Add some documents."""
    for content in contents:
        builder.add(content)
