"""IDR's annotation tables, read as streams: what was done to which wells and images, and what was seen there.

A table has one row for a well or an image, up to millions. Memory holds one row, what differs between rows in the
columns that matter, and one tally for each gene, reagent and compound; every list that a table can make longer has a
limit. Rows are not looked at one by one: those that say the same are counted, and what they say is read once.

Counting wells: rows of one well stand together, so a well is counted for a gene when the first row of that well which
names it comes. A well that comes back later in the table (a bit map of each plate tells) is not counted again. In
tables without plates a row is an image.

Source: https://github.com/IDR/idr-metadata (``*-annotation.csv``)
"""

from __future__ import annotations

import csv
import gzip
import io
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, BinaryIO, Final, cast

from harvesters.building import slug
from harvesters.idr_columns import Compounds, Genes, Layout, Mapping, Named, Reagents, filled, layout
from harvesters.idr_study import mac_roman
from harvesters.idr_tallies import (
    MAX_TALLIES,
    Annotations,
    CompoundOf,
    GeneOf,
    Oddity,
    PhenotypeKey,
    ReagentOf,
    Tally,
    exact,
)
from ontology import identifiers, text

MAX_ROWS: Final = 50_000_000
MAX_KEPT_ROWS: Final = 1 << 17
MAX_SAMPLES: Final = 20_000
MAX_WELL_NAMES: Final = 4096
MAX_PLATES: Final = 50_000
MAX_BROKEN: Final = 1000
DAMAGE: Final = (csv.Error, EOFError, zlib.error, gzip.BadGzipFile, zipfile.BadZipFile, UnicodeError, RuntimeError)

_LIST: Final = re.compile(r"\s*[;|]\s*")
_LIST_OR_COMMA: Final = re.compile(r"\s*[;|,]\s*")
_MONTHS: Final = "Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec"
# As Excel writes them: "Sep-06" and "6-Sep"; "sep-1" is a gene of the worm.
_EXCEL_DATE: Final = re.compile(rf"(?:{_MONTHS})-\d\d|\d{{1,2}}-(?:{_MONTHS})")
_EXCEL_NUMBER: Final = re.compile(r"\d(?:\.\d+)?E\+\d{1,3}", re.IGNORECASE)
_EMPTY: Final = re.compile(r"empty|no (?:cells?|image)", re.IGNORECASE)
_KNOCKED_OUT: Final = re.compile(r"knock-?\s?(?:out|down)|deletion|\bmutant\b|-/-", re.IGNORECASE)
_NO_COMPOUND: Final = frozenset({"no compound", "untreated", "no treatment", "control", "blank", "empty", "mock"})
_SMILES: Final = re.compile(r"[A-Za-z0-9@+\-\[\]()\\/%=#$:.~*|]+(?: \|[^|]*\|)?")
_MAX_SYMBOL_WORDS: Final = 2


@dataclass(slots=True, eq=False)
class Kept:
    """Rows that say the same: what they say, and how many rows and wells there are."""

    tallies: tuple[Tally, ...]
    oddities: tuple[Oddity, ...]
    is_empty: bool
    rows: int = 0
    wells: int = 0


def read_table(
    stream: BinaryIO, name: str, config: Sequence[Mapping] | None, role: str | None, into: Annotations
) -> None:
    """Add what a table says.

    Args:
        stream: the file: CSV, alone or in gzip or zip.
        name: its path in the study, ``screenA/idr0002-screenA-annotation.csv``; the first part is the component.
        config: the columns of its bulkmap configuration; None where there is none that can be read.
        role: how genes occur by the words of the study file, or None where these do not tell.
        into: what the tables of the data set say; added to.
    """
    try:
        with opened(stream) as plain:
            rows = rows_of(plain)
            headings = next(rows, [])
            if not any(headings):
                into.odd(name, "table-empty", "the table has no heading")
                return
            found = layout([mac_roman(heading) for heading in headings], config)
            for rule, heading, message in found.problems:
                into.odd(f"{name}: {heading}", rule, message)
            Table(name, found, role, into).read(rows)
    except DAMAGE as err:
        into.odd(name, "table-broken", f"the table cannot be read to its end: {type(err).__name__}")


@contextmanager
def opened(stream: BinaryIO) -> Iterator[io.TextIOWrapper]:
    """Give the text of a CSV file, also of one in gzip or zip (its first ``.csv``), whatever it is called."""
    magic = stream.read(4)
    stream.seek(0)
    plain: Any
    if magic.startswith(b"\x1f\x8b"):
        plain = gzip.GzipFile(fileobj=stream)
    elif magic == b"PK\x03\x04":
        archive = zipfile.ZipFile(stream)
        names = sorted(n for n in archive.namelist() if n.endswith(".csv") and not n.startswith("__MACOSX"))
        plain = archive.open(names[0]) if names else io.BufferedReader(cast(Any, io.BytesIO()))
    else:
        plain = io.BufferedReader(cast(Any, stream))
    encoding = "utf-16" if plain.peek(2)[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    with io.TextIOWrapper(plain, encoding, errors="surrogateescape") as decoded:
        yield decoded


def rows_of(plain: io.TextIOWrapper) -> Iterator[list[str]]:
    """Yield the rows; a table whose first line has tabs and no comma is divided by tabs."""
    first = plain.readline(1 << 17)
    delimiter = "\t" if "\t" in first and "," not in first else ","

    def lines() -> Iterator[str]:
        yield first
        yield from plain

    return csv.reader(lines(), delimiter=delimiter)


class Table:
    """Reads one table into the tallies of its data set."""

    def __init__(self, name: str, found: Layout, role: str | None, into: Annotations) -> None:
        self.name, self.found, self.role, self.into = name, found, role, into
        self.component = name.split("/")[0] if "/" in name else ""
        self.width = len(found.headings)
        self.places = sorted(self._used())
        self.index = {place: position for position, place in enumerate(self.places)}
        self.kept: dict[Any, Kept] = {}
        self.strings: dict[str, str] = {}
        self.cells: tuple[str, ...] = ()
        self.met: list[Oddity] = []
        self.plates: dict[str, int] = {}
        self.bits: dict[str, int] = {}
        self.wells = self.images = 0

    def _used(self) -> set[int]:
        """Return the places of the columns that say what was done and seen."""
        found = self.found
        used = {place for genes in found.genes for place in (genes.id, genes.symbol)}
        used |= {place for reagent in found.reagents for place in (reagent.place, reagent.sequence)} | {found.control}
        used |= {place for one in found.compounds for place in (one.name, one.inchikey, one.smiles)}
        used |= {place for one in found.compounds for place, _ in one.ids}
        used |= {place for one in found.phenotypes for pair in one.terms for place in pair}
        used |= {one.place for one in found.phenotypes} | {*found.genotypes, *found.silencers}
        used |= {place for one in found.organisms for place in (one.place, one.accession)}
        return {place for place in used if place is not None}

    # --- rows

    def read(self, rows: Iterator[list[str]]) -> None:
        """Count all rows; a row of another length than the heading is filled up or cut."""
        pick = _picker(self.places)
        where = _picker(list(self.found.well or self.found.image or ()))
        samples = [*self.found.organisms, *self.found.cell_lines, *self.found.strains, *self.found.topics]
        pick_sample = _picker([p for one in samples for p in (one.place, one.accession) if p is not None])
        seen_samples: set[Any] = set()
        has_wells = self.found.well is not None
        last: Any = None
        together: list[Kept] = []
        is_new = True
        for row in self._sound(rows):
            key, place, sample = pick(row), where(row), pick_sample(row)
            if sample not in seen_samples:
                self._sample(sample, row, samples, seen_samples)
            kept = self.kept.get(key)
            if kept is None:
                if len(self.kept) >= MAX_KEPT_ROWS:
                    self._count_up()
                    together = []
                kept = self.kept[self._shared(key)] = self._read_cells(key)
            kept.rows += 1
            if place != last or not place:
                last, together = place, [kept]
                is_new = has_wells and self._is_new_well(place)
                if is_new:
                    kept.wells += 1
                    self.wells += not kept.is_empty
            elif kept not in together:
                if is_new:
                    before = {id(tally) for one in together for tally in one.tallies}
                    for tally in kept.tallies:
                        tally.wells += id(tally) not in before
                together.append(kept)
        self._count_up()
        counts = self.into.counts.setdefault(self.component, [0, 0])
        counts[0] += self.wells
        counts[1] += self.images

    def _shared(self, key: Any) -> Any:
        """Return the key with the cells of other keys where these are equal, which takes less memory."""
        if not isinstance(key, tuple):
            return key
        return tuple([self.strings.setdefault(cell, cell) for cell in key])

    def _sound(self, rows: Iterator[list[str]]) -> Iterator[list[str]]:
        """Yield rows of the heading's length; what is no row, or not of that length, is an oddity."""
        odd_lengths, broken, number = 0, 0, 0
        width = self.width
        while True:
            try:
                for row in rows:
                    if len(row) != width:
                        if not any(row):
                            continue
                        odd_lengths += 1
                        row = (row + [""] * width)[:width]
                    number += 1
                    if number > MAX_ROWS:
                        self.into.odd(self.name, "table-too-long", f"only the first {MAX_ROWS} rows were read")
                        break
                    yield row
                break
            except csv.Error:
                broken += 1
                if broken >= MAX_BROKEN:
                    break
            except (EOFError, zlib.error, OSError, UnicodeError, zipfile.BadZipFile):
                message = f"the table breaks off after {number} rows"
                self.into.odd(self.name, "table-broken", message)
                break
        if odd_lengths:
            self.into.odd(
                self.name, "row-length", "rows have another number of cells than the heading", "", odd_lengths
            )
        if broken:
            self.into.odd(self.name, "row-unreadable", "rows are not CSV, as of a quotation mark too many", "", broken)

    def _is_new_well(self, place: Any) -> bool:
        """Tell whether a well comes for the first time; true for what has too many names to be remembered."""
        plate, well = place
        bit = self.bits.get(well)
        if bit is None:
            if len(self.bits) >= MAX_WELL_NAMES:
                return True
            bit = self.bits[well] = 1 << len(self.bits)
        seen = self.plates.get(plate, 0)
        if seen & bit:
            return False
        if seen or len(self.plates) < MAX_PLATES:
            self.plates[plate] = seen | bit
        return True

    def _count_up(self) -> None:
        """Add the counts of kept rows to what they name, and forget them."""
        has_images = self.found.image is not None
        for kept in self.kept.values():
            for oddity in kept.oddities:
                oddity.rows += kept.rows
            for tally in kept.tallies:
                tally.wells += kept.wells
                tally.images += kept.rows if has_images else 0
            self.images += kept.rows if has_images else 0
        self.kept.clear()
        self.strings.clear()

    # --- what a row says

    def _read_cells(self, key: Any) -> Kept:
        self.cells = key if isinstance(key, tuple) else (key,)
        self.met = []
        phenotypes = self._phenotypes()
        reagents = [(tally, reagent) for reagent in self.found.reagents for tally in self._reagents(reagent)]
        genes = list(self._genes(self._role()))
        compounds = [tally for one in self.found.compounds for tally in self._compounds(one)]
        for tally in (*genes, *(tally for tally, _ in reagents), *compounds):
            tally.phenotypes |= phenotypes
        for gene in genes:
            gene.reagents |= {_reagent_key(reagent, tally.what.name) for tally, reagent in reagents}
        tallies = {id(tally): tally for tally in (*genes, *(tally for tally, _ in reagents), *compounds)}
        is_empty = not tallies and bool(_EMPTY.search(self._cell(self.found.control)))
        return Kept(tuple(tallies.values()), tuple(self.met), is_empty)

    def _cell(self, place: int | None) -> str:
        if place is None:
            return ""
        raw = self.cells[self.index[place]]
        return text.clean(mac_roman(raw)) if raw else ""

    def _odd(self, place: int, rule: str, message: str, value: str) -> None:
        self.met.append(self.into.odd(f"{self.name}: {self.found.headings[place]}", rule, message, value))

    def _value(self, place: int | None) -> str:
        """Return a cell that stands for something: no placeholder, and nothing that Excel made of it."""
        cell = self._cell(place)
        if not cell or place is None:
            return ""
        if text.is_placeholder(cell):
            self._odd(place, "placeholder", "a stand-in stands where an identifier or name belongs", cell)
        elif _EXCEL_DATE.fullmatch(cell):
            self._odd(place, "excel-date", "a spreadsheet made a date of a name; it is left out", cell)
        elif _EXCEL_NUMBER.fullmatch(cell):
            self._odd(place, "excel-number", "a spreadsheet rounded an identifier; it is left out", cell)
        else:
            return cell
        return ""

    def _role(self) -> str:
        """Return how the genes of the row occur.

        Tagged where the study file says so; else perturbed where the row names what silences; else stained where the
        table has a column of antibodies or their targets; else what the study file says; else perturbed where the
        genotype says knock-out; else observed.
        """
        if self.role == "tagged":
            return "tagged"
        if any(self._cell(place) for place in self.found.silencers):
            return "perturbed"
        if self.found.stains:
            return "stained"
        if self.role:
            return self.role
        is_knocked_out = any(_KNOCKED_OUT.search(self._cell(place)) for place in self.found.genotypes)
        return "perturbed" if is_knocked_out else "observed"

    def _genes(self, role: str) -> Iterator[Tally]:
        is_control = bool(self._cell(self.found.control))
        for genes in self.found.genes:
            ids, symbols = self._gene_cells(genes)
            for number, value in enumerate(ids):
                symbol = symbols[number] if len(symbols) == len(ids) else None
                tally = self._gene(genes, value, symbol, role)
                if tally:
                    yield tally
            if not ids and not is_control:
                for symbol in symbols:
                    if tally := self._gene_by_wording(symbol, symbol, role):
                        yield tally

    def _gene_cells(self, genes: Genes) -> tuple[list[str], list[str]]:
        """Return identifiers and symbols, those of one place belonging together; symbols may hold commas."""
        ids = _LIST.split(self._value(genes.id))
        if len(ids) == 1 and "," in ids[0] and genes.namespace:
            parts = _LIST_OR_COMMA.split(ids[0])
            ids = parts if all(_gene_iri(genes.namespace, part) for part in parts) else ids
        ids = [one for one in ids if one]
        symbols = [one for one in _LIST.split(self._value(genes.symbol)) if one]
        if any(len(one.split()) > _MAX_SYMBOL_WORDS for one in symbols) and genes.symbol is not None:
            self._odd(genes.symbol, "gene-symbol-invalid", "a sentence stands for a gene symbol", symbols[0])
            symbols = []
        return ids, symbols

    def _gene(self, genes: Genes, value: str, symbol: str | None, role: str) -> Tally | None:
        iri = _gene_iri(genes.namespace, value) if genes.namespace else None
        if iri is None:
            if genes.namespace and genes.id is not None:
                message = f"the value is no identifier of {genes.namespace}; it stays the archive's own wording"
                self._odd(genes.id, "gene-id-invalid", message, value)
            if len(value.split()) > _MAX_SYMBOL_WORDS:
                return None
            return self._gene_by_wording(value, symbol, role)
        into = self.into
        tally = into.tally(into.genes, (role, iri), lambda: GeneOf(iri, value, symbol, role, self._organism()))
        if tally is None:
            self._full(genes.id)
        elif tally.what.symbol is None:
            tally.what.symbol = symbol
        return tally

    def _gene_by_wording(self, wording: str, symbol: str | None, role: str) -> Tally | None:
        organism = self._organism()
        key = exact(wording) + (f"-{slug(organism[0])}" if organism else "")
        into = self.into
        return into.tally(into.genes, (role, key), lambda: GeneOf(None, wording, symbol or wording, role, organism))

    def _full(self, place: int | None) -> None:
        self._odd(place or 0, "too-many", f"only the first {MAX_TALLIES} different values were taken", "")

    def _organism(self) -> tuple[str, str] | None:
        """Return the organism of the row, if there is one only."""
        found = [(self._cell(one.place), self._cell(one.accession)) for one in self.found.organisms]
        filled_in = [one for one in found if one[0]]
        return filled_in[0] if len(filled_in) == 1 else None

    def _reagents(self, reagent: Reagents) -> Iterator[Tally]:
        names = list(dict.fromkeys(one for one in _LIST.split(self._value(reagent.place)) if one))
        sequence = self._cell(reagent.sequence) if len(names) == 1 else ""
        for name in names:
            key = _reagent_key(reagent, name)
            made = ReagentOf(reagent.kind, name, filled(reagent.template, name), sequence or None)
            tally = self.into.tally(self.into.reagents, key, lambda made=made: made)  # type: ignore[misc]
            if tally:
                yield tally
            else:
                self._full(reagent.place)

    def _compounds(self, one: Compounds) -> Iterator[Tally]:
        name = self._value(one.name)
        if name.casefold() in _NO_COMPOUND:
            name = ""
        keys = self._inchikeys(one.inchikey)
        iris = [f"inchikey:{key}" for key in keys] or self._compound_ids(one)
        smiles = self._smiles(one.smiles) if len(keys) < 2 else ""
        if len(iris) > 1:
            self._odd(one.inchikey or one.ids[0][0], "several-ids", "one compound has several identifiers", name)
        for iri in iris or ([""] if name else []):
            is_alone = len(iris) < 2
            made = CompoundOf(
                f"{identifiers.IDENTIFIERS_ORG}{iri}" if iri else None,
                name if is_alone and name else None,
                iri.removeprefix("inchikey:") if iri.startswith("inchikey:") else None,
                (smiles or None) if is_alone else None,
            )
            tally = self.into.tally(self.into.compounds, iri or exact(name), lambda made=made: made)  # type: ignore[misc]
            if tally:
                yield tally

    def _smiles(self, place: int | None) -> str:
        value = self._value(place)
        if place is None or not value or (_SMILES.fullmatch(value) and not text.has_email(value)):
            return value
        self._odd(place, "smiles-invalid", "the value is no SMILES notation; it is left out", value)
        return ""

    def _inchikeys(self, place: int | None) -> list[str]:
        return [iri.removeprefix("inchikey:") for iri in self._ids(place, "")]

    def _compound_ids(self, one: Compounds) -> list[str]:
        for place, prefix in one.ids:
            if ids := self._ids(place, prefix):
                return ids
        return []

    def _ids(self, place: int | None, prefix: str) -> list[str]:
        """Return the identifiers of compounds in a cell, which may be a list with commas, without their web address."""
        found = []
        for value in filter(None, _LIST_OR_COMMA.split(self._value(place))):
            try:
                iri = identifiers.compound(prefix + value if value.isdigit() else value)
            except ValueError:
                if place is not None:
                    self._odd(place, "compound-id-invalid", "the value is no identifier of a compound", value)
                continue
            found.append(iri.removeprefix(identifiers.IDENTIFIERS_ORG))
        return list(dict.fromkeys(found))

    def _phenotypes(self) -> set[PhenotypeKey]:
        """Return what was seen: a phenotype's column holds its name where it applies, and nothing elsewhere."""
        found = set()
        for one in self.found.phenotypes:
            wording = self._value(one.place)
            pairs = [(self._cell(name), self._value(accession)) for name, accession in one.terms]
            pairs = [(name, accession) for name, accession in pairs if accession]
            if not wording and not pairs:
                continue
            key = (wording or pairs[0][0], tuple(accession for _, accession in pairs))
            if len(self.into.phenotypes) < MAX_SAMPLES:
                self.into.phenotypes.setdefault(key, tuple(name for name, _ in pairs))
                found.add(key)
        return found

    # --- samples

    def _sample(self, sample: Any, row: list[str], columns: list[Named], seen: set[Any]) -> None:
        if len(seen) >= MAX_SAMPLES:
            self.into.odd(self.name, "too-many", f"only the first {MAX_SAMPLES} different samples were taken")
            return
        seen.add(sample)
        found = self.found
        organisms = _named(row, found.organisms)
        strains, lines = _named(row, found.strains), _named(row, found.cell_lines)
        if organisms or lines:
            self.into.samples.setdefault((organisms, lines, strains), None)
        for topic in _named(row, found.topics):
            if topic[1]:
                self.into.topics.setdefault(topic, None)


def _named(row: list[str], columns: list[Named]) -> tuple[tuple[str, str], ...]:
    pairs = ((_clean(row, one.place), _clean(row, one.accession)) for one in columns)
    return tuple(pair for pair in pairs if pair[0] and not text.is_placeholder(pair[0]))


def _clean(row: list[str], place: int | None) -> str:
    return "" if place is None else text.clean(mac_roman(row[place]))


def _picker(places: list[int]) -> Callable[[list[str]], Any]:
    return itemgetter(*places) if places else lambda _: ()


def _gene_iri(namespace: str, value: str) -> str | None:
    try:
        return identifiers.gene(namespace, value)
    except ValueError:
        return None


def _reagent_key(reagent: Reagents, name: str) -> str:
    return f"{reagent.prefix}-{exact(name)}"
