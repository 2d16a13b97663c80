"""One gene of a gene table, and what reading the tables has in common."""

from __future__ import annotations

import codecs
import csv
import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

from harvesters.references.streams import text_lines
from ontology import geneids

TIERS = ("approved", "systematic", "symbol", "previous", "alias", "withdrawn")
"""Kinds of names, best first. ``approved`` is a nomenclature authority's symbol, ``symbol`` another database's."""
ABSENT = frozenset({"", "-", "N/A", "null", "None"})
CHUNK = 1 << 16


@dataclass(frozen=True, slots=True)
class GeneRow:
    """A gene as one table has it.

    Attributes:
        id: compact identifier (see `ontology.geneids`).
        taxon: number of its species in the NCBI taxonomy, or None where the table does not tell.
        symbol: symbol in use.
        name: name in full.
        previous: symbols that it had.
        aliases: symbols that people use for it.
        systematic: names by place in the genome, such as a yeast ORF.
        same: identifiers of the gene, its transcripts and proteins in other name spaces.
        successors: what a retired identifier became; several when the gene was split.
        orthologs: compact identifiers of genes of other species.
        is_retired: whether the identifier is not to be used any more.
        is_authority: whether the symbol is the nomenclature authority's own.
    """

    id: str
    taxon: int | None = None
    symbol: str | None = None
    name: str | None = None
    previous: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    systematic: tuple[str, ...] = ()
    same: tuple[str, ...] = ()
    successors: tuple[str, ...] = ()
    orthologs: tuple[str, ...] = ()
    is_retired: bool = False
    is_authority: bool = False

    def names(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Yield tier and names."""
        symbol = (self.symbol,) if self.symbol else ()
        if self.is_retired:
            yield "withdrawn", symbol
            return
        yield "approved" if self.is_authority else "symbol", symbol
        yield "systematic", self.systematic
        yield "previous", self.previous
        yield "alias", self.aliases


# --- cells ---------------------------------------------------------------------------------------------------------


def cell(value: object) -> str | None:
    """Return what a cell holds, or None for the tables' ways to say nothing."""
    text = str(value).strip() if value is not None else ""
    return None if text in ABSENT else text


def listed(value: object, separator: str = "|") -> tuple[str, ...]:
    """Return the values of a cell that joins several, or of a list; quotation marks round them go.

    >>> listed('"NCRNA00181|A1BGAS"'), listed("ASP, ACF", ",")
    (('NCRNA00181', 'A1BGAS'), ('ASP', 'ACF'))
    """
    parts = value if isinstance(value, list) else str(value or "").strip().strip('"').split(separator)
    return tuple(found for part in parts if (found := cell(str(part).strip().strip('"'))))


def ids(namespace: str, values: Iterable[str]) -> tuple[str, ...]:
    """Return compact identifiers of a name space; values of another shape are passed over."""
    return tuple(found for value in values if (found := known(namespace, value)))


def known(namespace: str, value: object) -> str | None:
    """Return a compact identifier, or None for what is none of that name space."""
    text = cell(value)
    return _tried(lambda plain: geneids.local(namespace, plain), text) if text else None


def curies(values: Iterable[str]) -> tuple[str, ...]:
    """Return the compact forms of those values that are identifiers of genes or their products."""
    return tuple(found for value in values if (found := _tried(geneids.compact, value)))


def _tried(make: Callable[[str], str], value: str) -> str | None:
    try:
        return make(value)
    except ValueError:
        return None


def number(value: object) -> int | None:
    """Return a taxon's number, with or without a prefix, as that of its species.

    >>> number("NCBITaxon:559292"), number("-")
    (4932, None)
    """
    found = re.search(r"(\d{1,9})$", str(value or "").strip())
    return geneids.species(int(found[1])) if found else None


# --- tables --------------------------------------------------------------------------------------------------------


def table(stream: BinaryIO, wanted: Iterable[str], *, comment: str = "#!") -> Iterator[dict[str, str]]:
    """Yield the rows of a tab-separated table by heading; a ``#`` before the headings is dropped.

    Args:
        stream: the file.
        wanted: headings, one of which at least each spelling of the table must have.
        comment: lines that begin so are passed over.

    Raises:
        ValueError: the headings are not there, or a row is cut short.
    """
    lines = (line for line in text_lines(stream) if line.strip() and not line.startswith(comment))
    names = _heading(lines, set(wanted))
    for line in lines:
        cells = line.split("\t")
        if len(cells) < len(names) and len(cells) < 2:
            raise ValueError(f"the table is cut short at {line[:80]!r}")
        yield dict(zip(names, (*cells, *[""] * (len(names) - len(cells))), strict=False))


def _heading(lines: Iterator[str], wanted: set[str]) -> list[str]:
    for _ in range(200):
        line = next(lines, None)
        if line is None:
            break
        names = [name.strip().strip('"') for name in line.lstrip("#").split("\t")]
        if wanted & set(names):
            return names
    raise ValueError(f"it is no table with a column {' or '.join(sorted(wanted))}")


def cells_of(stream: BinaryIO, least: int, separator: str = "\t") -> Iterator[list[str]]:
    """Yield the cells of a table without headings, of lines that have at least so many; comments are passed over."""
    lines = (line for line in text_lines(stream) if line.strip() and not line.startswith(("#", "!")))
    for cells in csv.reader(lines, delimiter=separator) if separator == "," else (ln.split(separator) for ln in lines):
        if len(cells) >= least:
            yield cells


def members_of(stream: BinaryIO, key: str) -> Iterator[dict[str, Any]]:
    """Yield the objects of the list under a key of a JSON document, one after another, without holding the document.

    Args:
        stream: the document.
        key: where the list is; a list of lists is gone through.

    Raises:
        ValueError: no such list, or cut short.
    """
    decoder, decode = json.JSONDecoder(), codecs.getincrementaldecoder("utf-8-sig")()
    mark = re.compile(rf'"{re.escape(key)}"\s*:\s*\[[\s\[]*')
    text, started, ended = "", False, False
    while not ended:
        chunk = stream.read(CHUNK)
        text += decode.decode(chunk, final=not chunk)
        if not started and (found := mark.search(text)):
            started, text = True, text[found.end() :]
        while started and not ended:
            text = text.lstrip(" \t\r\n,")
            ended = text.startswith("]")
            if not text.startswith("{"):
                break
            try:
                one, end = decoder.raw_decode(text)
            except ValueError:
                break
            yield one
            text = text[end:]
        if not chunk and not ended:
            raise ValueError(f"the JSON has no whole list {key!r}: it is another document, or cut short")
