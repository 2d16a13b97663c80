"""What a kind of reference data is: how it is fetched, how its bytes become rows, and which tables hold them.

Reference data (ontologies, gene tables, tables of identifiers, organisations) describes no dataset. It is downloaded by
`hub references update`, kept in ``raw/``, read as a stream, and written to one SQLite file per reference, which readers
open read-only. :mod:`hub.references` does all of that for every kind. To add a kind:

1. Write a module here with a ``KIND = Kind(name, version, tables, formats)``.

   * ``tables``: their columns as SQLite declares them. The first table is the main one: an answer without rows for it
     is refused, and its number of rows is compared with the one that stands.
   * ``formats``: for each format a ``read(stream, reference)`` that yields ``(table, values)`` for each row, in any
     order. ``stream`` is binary, already without gzip, and cannot be taken to fit into memory. A row whose primary key
     was given before is passed over: the first one counts. Values are texts, numbers or None.
   * ``("meta", (name, value))`` tells what the data says of itself: ``version`` (release or date), ``licence``,
     ``attribution``; any other name is kept too.
   * What cannot be read raises ``ValueError`` with one sentence: the copy that stands is kept.
   * Where the data is not one file at one address, give the format a ``fetch(http, reference)`` that asks for the
     parts and keeps them together as one file (`http.keep`); ``read`` gets that file.
   * Where a service is asked about what the hub's records name, give the format ``identifiers(record)``. ``fetch`` then
     finds those of all records under ``http.recall("identifiers")``, a JSON list, and the SHA-256 of the file that
     stands under ``http.recall("standing")``.
   * Where a format fills another table than the kind's main one, name that table as its ``main``.

2. Add it to `harvesters.references.kinds.KINDS`.
3. Write a class that answers questions from the file: `hub.references.connect` gives a read-only connection. Without
   reference data it should answer too, from tables that come with the hub or with nothing.

Raise ``version`` when the tables or the reader change: the files are then made again from ``raw/``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from harvesters.contract import Attachment, Http

META = "meta"

Value = str | int | float | bytes | None
Row = tuple[str, tuple[Value, ...]]


@dataclass(frozen=True, slots=True)
class Reference:
    """Configured reference data (a ``[references.<name>]`` table).

    Attributes:
        name: key of the table, e.g. ``fbbi``; name of the SQLite file.
        kind: a key of `harvesters.references.kinds.KINDS`.
        format: one of the kind's formats.
        url: web address or absolute path of a file.
        options: every other key of the table, for the kind.
    """

    name: str
    kind: str
    format: str
    url: str
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Table:
    """One table of a kind's SQLite file.

    Attributes:
        name: its name; not ``meta``, which every file has.
        columns: each as SQLite declares it, e.g. ``iri TEXT PRIMARY KEY``.
        indexes: for each index the names of its columns, e.g. ``parent`` or ``name, kind``.
    """

    name: str
    columns: tuple[str, ...]
    indexes: tuple[str, ...] = ()


def download(http: Http, reference: Reference) -> Attachment:
    """Keep what is at the address of a reference; nothing is sent again that has not changed."""
    return http.download(reference.url)


@dataclass(frozen=True, slots=True)
class Format:
    """One form in which a kind of reference data is published.

    Attributes:
        read: bytes to rows.
        fetch: address to bytes; not used when the address is a file on disk.
        identifiers: what of a record, as JSON has it, the service is to be asked about.
        main: the main table, where it is not the kind's first.
    """

    read: Callable[[BinaryIO, Reference], Iterator[Row]]
    fetch: Callable[[Http, Reference], Attachment] = download
    identifiers: Callable[[Mapping[str, Any]], Iterable[str]] | None = None
    main: str | None = None


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of reference data.

    Attributes:
        name: what settings call it.
        version: of its tables and readers.
        tables: the main one first.
        formats: by name.
    """

    name: str
    version: int
    tables: tuple[Table, ...]
    formats: Mapping[str, Format]

    def main(self, form: Format) -> str:
        """Return the name of the table that a format must fill."""
        return form.main or self.tables[0].name
