"""The spreadsheet of a direct submission: one table of fields, an empty template, and a reader of filled ones.

A sheet has one field in each row: its name, then its value; a field that may be repeated has one value in each
column, and fields of one thing (name and ORCID of an author) belong together by their column. A value is never
split at commas. "Unknown" and "NA" are statements, an empty cell is none. Both TSV and XLSX are read, and every
fault is gathered with its cell, so that a submitter sees all of them at once.

Source: SSBD's deposit sheet 2.12 and REMBI (https://doi.org/10.1038/s41592-021-01166-8) are the models.
"""

from __future__ import annotations

import csv
import difflib
import io
import re
import warnings
import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import islice
from pathlib import Path
from typing import Any, Final, NamedTuple

import openpyxl
from openpyxl.styles import Alignment, Font
from openpyxl.utils import get_column_letter

from harvesters.contract import RecordError
from ontology import identifiers
from ontology.text import clean, is_placeholder

MAX_FILE_BYTES: Final = 20_000_000
MAX_UNPACKED_BYTES: Final = 20_000_000
MAX_PARTS: Final = 1_000
MAX_ROWS: Final = 10_000
MAX_COLUMNS: Final = 1_000
MAX_CELLS: Final = 1_000_000
MAX_PROBLEMS: Final = 1_000
MAX_SUGGESTIONS: Final = 200
VALUE_COLUMNS: Final = 6
HEADING: Final = ("Field", "Required", "Help", "Example")
SHEET: Final = "Submission"
NO_EMAIL: Final = "the hub stores no e-mail addresses: remove the field, and identify people by ORCID"


@dataclass(frozen=True, slots=True)
class Field:
    """One field of the template.

    Attributes:
        name: what stands in the sheet's first column.
        required: whether a submission without it is refused.
        slot: where its value goes in the model, from the dataset on; ``[]`` stands for the column of the value.
        help: what to write, in one sentence or two.
        example: a value; the examples of all fields together are a valid submission.
        repeatable: whether it takes several values, one in each column.
        stated: slot that "Unknown" or "NA" speaks of; None where they say no more than an empty cell.
    """

    name: str
    required: bool
    slot: str
    help: str
    example: str
    repeatable: bool = False
    stated: str | None = None

    @property
    def group(self) -> str:
        """Slot of the dataset that holds the thing of each column; empty for a plain value or list."""
        head, brackets, rest = self.slot.partition("[]")
        return head if brackets and rest else ""


FIELDS: Final = (
    Field("Accession", False, "accession",
          "Leave empty for a new dataset: the hub gives it one. To keep an accession (HUB- and 8 characters) under "
          "another file name, repeat it here.", ""),
    Field("Title", True, "name", "Title of the dataset, as a reader of a list of datasets will understand it.",
          "Example: p53 dynamics in HeLa cells"),
    Field("Description", True, "description", "What was imaged, how and what for, in a few sentences.",
          "An invented example submission: time-lapse images of tagged p53 in HeLa cells."),
    Field("License", True, "license", "Licence of the data by name with its version, or by its URL.", "CC BY 4.0"),
    Field("Release date", True, "date_published",
          "Day on which the data became public: YYYY-MM-DD, or YYYY-MM, or YYYY. 03/12/2025 is refused, for it has "
          "two meanings.", "2025-03-12"),
    Field("Landing page", False, "url", "Address of the page about the dataset, if there is one.",
          "https://example.org/datasets/p53-dynamics", stated="url"),
    Field("Keywords", False, "keyword[]", "Words to find it by, one in each column or separated by semicolons.",
          "p53; live imaging", True, "keyword"),
    Field("Author name", True, "author[].name", "One author in each column, in the order of citation.",
          "Josiah Carberry", True),
    Field("Author ORCID", False, "author[].id", "ORCID iD of the author in the same column.", "0000-0002-1825-0097",
          True),
    Field("Author affiliation", False, "author[].affiliation[].name",
          "Institution of the author in the same column; the name is not split at commas.",
          "Example Institute, Example Town", True),
    Field("Author affiliation ROR", False, "author[].affiliation[].id",
          "ROR id of that institution (https://ror.org); empty if it has none.", "", True),
    Field("Funder", False, "funding[].name", "Who paid, one grant in each column.", "Example Research Council", True,
          "funding"),
    Field("Grant number", False, "funding[].grant_number", "The funder's number of the grant in the same column.",
          "EX-2025-001", True, "grant_number"),
    Field("Publication DOI", False, "publication[].id", "DOI of a paper about the dataset, one paper in each column.",
          "10.5555/12345678", True, "publication"),
    Field("Publication PMID", False, "publication[].same_as[]", "PubMed id of the paper in the same column.", "", True,
          "publication"),
    Field("Publication title", False, "publication[].name", "Title of the paper in the same column.",
          "Toward a Unified Theory of High-Energy Metaphysics: Silly String Theory", True, "publication"),
    Field("Organism", True, "about[].taxon[].scientific_name",
          "Scientific or common name of what was imaged, in the column of its sample; Unknown, or NA if there is none.",
          "Homo sapiens", True, "taxon"),
    Field("Organism taxon ID", False, "about[].taxon[].id",
          "Number in the NCBI taxonomy; needed where the hub does not know the name.", "9606", True),
    Field("Sample name", False, "about[].name", "Short name of a sample, one sample in each column.",
          "HeLa p53-mNeonGreen", True, "about"),
    Field("Sample description", False, "about[].description", "What the sample in the same column is.",
          "HeLa cells that express p53 fused to mNeonGreen", True, "description"),
    Field("Cell line", False, "about[].cell_line[].name",
          "Name of the cell line of that sample, or its term (CLO:…, BTO:…, EFO:…, CVCL_…).", "HeLa", True,
          "cell_line"),
    Field("Imaging method", True, "measurement_method[].measurement_technique[].name",
          "Name of the method, best as FBbi has it; one method in each column, or Unknown.", "confocal microscopy",
          True, "measurement_method"),
    Field("Imaging method ID", False, "measurement_method[].measurement_technique[].id",
          "Ontology term of the method in the same column.", "FBbi:00000251", True),
    Field("Instrument", False, "measurement_method[].lab_equipment", "Microscope or other instrument of that method.",
          "Example confocal microscope, 63x oil objective", True, "lab_equipment"),
    Field("Protocol description", False, "measurement_method[].description", "How it was imaged, in a few sentences.",
          "One frame every ten minutes for 24 hours at 37 °C.", True),
    Field("Gene symbol", False, "gene_annotation[].gene.symbol", "Gene that the images are about, one in each column.",
          "TP53", True, "gene_annotation"),
    Field("Gene ID", False, "gene_annotation[].gene.id", "Identifier of the gene in the same column.",
          "ENSG00000141510", True),
    Field("Gene ID namespace", False, "gene_annotation[].gene.id",
          "Database of the Gene ID: ensembl, ncbigene, hgnc, uniprot, refseq, mgi, sgd, pombase, flybase, wormbase, "
          "zfin or tair.locus; needed with a Gene ID.", "ensembl", True),
    Field("Gene role", False, "gene_annotation[].gene_role",
          "How the gene occurs: perturbed (knocked out or down, over-expressed, mutated), tagged, stained or observed.",
          "tagged", True, "gene_role"),
    Field("Phenotype", False, "phenotype[].name",
          "Phenotype that the images show, in words or as a term (CMPO:…, MP:…).", "mitotic arrest", True, "phenotype"),
    Field("Download URL", False, "distribution[].content_url", "Address of the files, one set of files in each column.",
          "https://example.org/datasets/p53-dynamics.zip", True, "content_url"),
    Field("File format", False, "distribution[].encoding_format", "Format of the files of that set.", "OME-TIFF", True,
          "encoding_format"),
    Field("Image count", False, "distribution[].image_count", "Number of images in that set.", "1200", True,
          "image_count"),
    Field("Pixel width nm", False, "distribution[].pixel_width", "Width of a pixel on the sample, in nanometres.", "65",
          True, "pixel_width"),
    Field("Pixel height nm", False, "distribution[].pixel_height", "Height of a pixel on the sample, in nanometres.",
          "65", True, "pixel_height"),
    Field("Thumbnail URL", False, "thumbnail[]", "Address of an example image, one in each column.",
          "https://example.org/datasets/p53-dynamics.png", True, "thumbnail"),
    Field("Dataset size", False, "size_bytes", "Size of all files: a number with a unit (1.2 GB), or of bytes.",
          "1.2 GB", stated="size_bytes"),
    Field("File count", False, "file_count", "Number of all files.", "1200", stated="file_count"),
)  # fmt: skip


# --- an empty template ---------------------------------------------------------------------------------------------


def write_tsv(path: Path | str) -> None:
    """Write an empty template as tab-separated text (UTF-8)."""
    buffer = io.StringIO(newline="")
    csv.writer(buffer, dialect="excel-tab", lineterminator="\n").writerows(_template())
    Path(path).write_text(buffer.getvalue(), encoding="utf-8")


def write_xlsx(path: Path | str) -> None:
    """Write an empty template as a workbook whose cells are text, so that Excel turns no gene into a date."""
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = SHEET
    for row in _template():
        sheet.append(row)
    for cells in sheet.iter_rows(max_col=len(HEADING) + VALUE_COLUMNS):
        for cell in cells:
            cell.number_format = "@"
            cell.alignment = Alignment(wrap_text=True, vertical="top")
    for cell in sheet[1]:
        cell.font = Font(bold=True)
    for column, width in zip("ABCDEFGHIJ", (24, 10, 60, 32, *[28] * VALUE_COLUMNS), strict=True):
        sheet.column_dimensions[column].width = width
    sheet.freeze_panes = "B2"
    book.save(path)


def _template() -> Iterator[list[str]]:
    values = [f"Value {n}" for n in range(1, VALUE_COLUMNS + 1)]
    yield [*HEADING, *values]
    for known in FIELDS:
        yield [known.name, "yes" if known.required else "no", known.help, known.example, *[""] * VALUE_COLUMNS]


# --- cells ---------------------------------------------------------------------------------------------------------


class Cell(NamedTuple):
    """One cell that is not empty; rows and columns count from 1.

    Attributes:
        dated: the workbook holds a date, not a text.
    """

    text: str
    row: int
    column: int
    dated: bool = False


def rows(raw: bytes, name: str) -> list[list[Cell]]:
    """Return the cells of a sheet, row by row, without empty ones.

    Raises:
        RecordError: not such a file, or a larger one than a form can be.
    """
    if len(raw) > MAX_FILE_BYTES:
        raise RecordError(f"{name} has {len(raw)} bytes: the limit is {MAX_FILE_BYTES}")
    read = _xlsx_rows if name.lower().endswith(".xlsx") else _tsv_rows
    return [[cell for cell in row if cell.text] for row in read(raw, name)]


def decoded(raw: bytes, name: str) -> str:
    """Return text of UTF-8 (with or without byte order mark) or UTF-16, each line ending in a line feed.

    Raises:
        RecordError: another encoding.
    """
    encoding = "utf-16" if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        text = raw.decode(encoding)
    except UnicodeDecodeError as err:
        raise RecordError(f"{name} is not UTF-8 text (byte {err.start}): save it as UTF-8") from err
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _tsv_rows(raw: bytes, name: str) -> list[list[Cell]]:
    text = decoded(raw, name)
    if text.count("\n") > MAX_ROWS or text.count("\t") > MAX_CELLS:
        raise RecordError(f"{name} has over {MAX_ROWS} rows or {MAX_CELLS} cells: it is not a filled template")
    if text.startswith("PK\x03\x04"):
        raise RecordError(f"{name} is a workbook: name it .xlsx")
    made = []
    for number, values in enumerate(_records(text), start=1):
        if len(values) > MAX_COLUMNS:
            raise RecordError(f"{name}, row {number}: over {MAX_COLUMNS} columns")
        made.append([Cell(clean(value), number, column) for column, value in enumerate(values, start=1)])
    return made


def _records(text: str) -> list[list[str]]:
    """Rows of a TSV as Excel quotes it; where its quotation marks are no quoting, they are plain characters."""
    try:
        return list(csv.reader(io.StringIO(text, newline=""), delimiter="\t", strict=True))
    except csv.Error:
        return [line.split("\t") for line in text.split("\n")]


def _xlsx_rows(raw: bytes, name: str) -> list[list[Cell]]:
    _check_zip(raw, name)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return _sheet_rows(raw, name)
    except RecordError:
        raise
    except Exception as err:
        raise RecordError(f"{name} is not a workbook that can be read: {clean(str(err))[:200]}; save it anew") from err


def _check_zip(raw: bytes, name: str) -> None:
    """Refuse a workbook that unpacks to too much or whose XML declares entities; no more than the cap is unpacked."""
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as book:
            parts = book.infolist()
            if len(parts) > MAX_PARTS or sum(part.file_size for part in parts) > MAX_UNPACKED_BYTES:
                raise RecordError(f"{name} unpacks to over {MAX_UNPACKED_BYTES} bytes or {MAX_PARTS} parts")
            for part in parts:
                _check_part(book, part, name)
    except RecordError:
        raise
    except Exception as err:
        raise RecordError(f"{name} is not a whole .xlsx workbook: save it anew as 'Excel workbook (.xlsx)'") from err


def _check_part(book: zipfile.ZipFile, part: zipfile.ZipInfo, name: str) -> None:
    if part.flag_bits & 1 or part.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise RecordError(f"{name} is encrypted or packed in an unusual way: save it anew without a password")
    data = book.read(part).replace(b"\0", b"")
    if b"<!DOCTYPE" in data or b"<!ENTITY" in data:
        raise RecordError(f"{name} declares XML entities, which no spreadsheet program writes: save it anew")


def _sheet_rows(raw: bytes, name: str) -> list[list[Cell]]:
    book = openpyxl.load_workbook(io.BytesIO(raw), read_only=True, data_only=True, keep_links=False)
    try:
        sheets = {sheet.title: sheet for sheet in book.worksheets}
        if not sheets:
            raise RecordError(f"{name} has no worksheet")
        sheet = sheets.get(SHEET, book.worksheets[0])
        sheet.reset_dimensions()
        made = []
        for number, values in enumerate(islice(sheet.iter_rows(values_only=True), MAX_ROWS + 1), start=1):
            filled = [(column, v) for column, v in enumerate(values, start=1) if v is not None]
            if number > MAX_ROWS or (filled and filled[-1][0] > MAX_COLUMNS):
                raise RecordError(f"{name} has over {MAX_ROWS} rows or {MAX_COLUMNS} columns: delete the empty ones")
            made.append([Cell(_written(v), number, column, isinstance(v, date)) for column, v in filled])
        return made
    finally:
        book.close()


def _written(value: Any) -> str:
    """What a workbook's value says, as text."""
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == datetime.min.time() else value.isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return clean(str(value))


# --- from cells to a draft -----------------------------------------------------------------------------------------

_EXCEL_ERRORS: Final = frozenset({"#N/A", "#REF!", "#VALUE!", "#NAME?", "#DIV/0!", "#NUM!", "#NULL!"})
_UNKNOWN: Final = frozenset({"unknown"})
_NOT_APPLICABLE: Final = frozenset({"na", "n/a", "not applicable"})
_BY_KEY: Final = {known.name.casefold(): known for known in FIELDS}
_GROUPS: Final = tuple(dict.fromkeys(known.group for known in FIELDS if known.group))


@dataclass(slots=True)
class Draft:
    """What a filled template says, in the model's shape, nothing of it checked against the model yet.

    Attributes:
        data: the dataset as nested slots.
        places: path in ``data`` → field and cell.
        problems: (path or cell, message) of what could not be read.
    """

    data: dict[str, Any] = field(default_factory=dict)
    places: dict[str, str] = field(default_factory=dict)
    problems: list[tuple[str, str]] = field(default_factory=list)


def draft(raw: bytes, name: str) -> Draft:
    """Return what a filled template says.

    Raises:
        RecordError: the file is not a sheet, or a larger one than a form can be.
    """
    return _Reader(rows(raw, name)).draft


def suggestion(word: str, known: Iterable[str]) -> str:
    """Return ``; did you mean …?`` for a word that is nearly a known one, else an empty text."""
    by_key = {name.casefold(): name for name in known}
    close = difflib.get_close_matches(word.casefold()[:80], by_key, n=1, cutoff=0.6)
    return f"; did you mean {by_key[close[0]]!r}?" if close else ""


class _Reader:
    def __init__(self, table: list[list[Cell]]) -> None:
        self.draft = Draft()
        self.row_of: dict[str, int] = {}
        self.cells: dict[str, list[Cell]] = {}
        self.stated: list[tuple[Field, Cell, str]] = []
        self.entries: dict[tuple[str, int], dict[str, Any]] = {}
        ignored: frozenset[int] = frozenset()
        for row in table:
            if not row or row[0].text.startswith("#"):
                continue
            if row[0].column == 1 and row[0].text.casefold() == "field":
                ignored = _explaining(row)
            else:
                self._row(row, ignored)
        self._plain()
        for group in _GROUPS:
            self._group(group)
        self._state()

    def problem(self, place: str, message: str) -> None:
        if len(self.draft.problems) <= MAX_PROBLEMS:
            self.draft.problems.append((place, message))

    # --- rows

    def _row(self, row: list[Cell], ignored: frozenset[int]) -> None:
        head, values = row[0], [cell for cell in row[1:] if cell.column not in ignored]
        if head.column != 1:
            if any(cell.column not in ignored for cell in row):
                self.problem(
                    f"row {head.row}, column {_letter(head)}", "the row has values but no field name in column A"
                )
            return
        known = _BY_KEY.get(_field_key(head.text))
        if known is None:
            self._unknown_field(head)
        elif known.name in self.row_of:
            first = self.row_of[known.name]
            self.problem(
                f"row {head.row}", f"{known.name!r} stands in row {first} already: put more values into its columns"
            )
        else:
            self.row_of[known.name] = head.row
            self._values(known, values)

    def _unknown_field(self, head: Cell) -> None:
        key = _field_key(head.text)
        if "mail" in key:
            hint = f": {NO_EMAIL}"
        elif len(self.draft.problems) < MAX_SUGGESTIONS:
            hint = suggestion(key, (known.name for known in FIELDS)) or "; the template lists all fields"
        else:
            hint = ""
        self.problem(f"row {head.row}, column A", f"{head.text[:80]!r} is not a field{hint}")

    def _values(self, known: Field, cells: list[Cell]) -> None:
        kept = [cell for cell in cells if self._is_value(known, cell)]
        if len(kept) > 1 and not known.repeatable:
            extra = ", ".join(_letter(cell) for cell in kept[1:10])
            self.problem(_place(known, kept[0]), f"takes one value; remove those in column {extra}")
        self.cells[known.name] = kept if known.repeatable else kept[:1]

    def _is_value(self, known: Field, cell: Cell) -> bool:
        words = cell.text.casefold()
        if words in _UNKNOWN or words in _NOT_APPLICABLE:
            self.stated.append((known, cell, "unknown" if words in _UNKNOWN else "not_applicable"))
            return False
        if is_placeholder(cell.text):
            self.problem(
                _place(known, cell), f"{cell.text!r} stands for no value: write Unknown or NA, or leave it empty"
            )
        elif cell.text.upper() in _EXCEL_ERRORS:
            self.problem(_place(known, cell), f"{cell.text} is an error of the spreadsheet: write the value itself")
        elif cell.dated and known.slot != "date_published":
            self.problem(
                _place(known, cell), f"the cell holds the date {cell.text}: format it as text and write it again"
            )
        else:
            return True
        return False

    # --- values

    def _plain(self) -> None:
        for known in FIELDS:
            if known.group:
                continue
            if known.name in self.row_of:
                self.draft.places[known.slot.removesuffix("[]")] = f"{known.name} (row {self.row_of[known.name]})"
            else:
                self.draft.places[known.slot.removesuffix("[]")] = known.name
            for cell in self.cells.get(known.name, []):
                self._add(known, cell)

    def _add(self, known: Field, cell: Cell) -> None:
        slot, is_list, _ = known.slot.partition("[]")
        if not is_list:
            self._set(slot, slot, cell.text, _place(known, cell))
            return
        words = cell.text.split(";") if slot == "keyword" else [cell.text]
        for word in filter(None, map(str.strip, words)):
            values = self.draft.data.setdefault(slot, [])
            self.draft.places[f"{slot}[{len(values)}]"] = _place(known, cell)
            values.append(word)

    def _set(self, slot: str, path: str, value: str, place: str) -> None:
        self.draft.data[slot] = value
        self.draft.places[path] = place

    def _group(self, group: str) -> None:
        members = [known for known in FIELDS if known.group == group]
        self._place_group(group, group, members, None)
        columns = sorted({cell.column for known in members for cell in self.cells.get(known.name, [])})
        for number, column in enumerate(columns):
            path = f"{group}[{number}]"
            found = {k.name: c for k in members for c in self.cells.get(k.name, []) if c.column == column}
            self._place_group(group, path, members, column)
            entry: dict[str, Any] = {}
            for known in members:
                if known.name in found and known.name not in _FINISHED:
                    _put(entry, known.slot.removeprefix(f"{group}[]."), found[known.name].text)
            self._finish(group, path, entry, found)
            self.draft.data.setdefault(group, []).append(entry)
            self.entries[group, column] = entry

    def _place_group(self, group: str, path: str, members: list[Field], column: int | None) -> None:
        """Remember the cell of every field of a thing, also of empty ones: they may be what is missing."""
        for known in members:
            row = self.row_of.get(known.name)
            parts = [f"row {row}" if row else "", f"column {get_column_letter(column)}" if column else ""]
            shown = ", ".join(filter(None, parts))
            place = f"{known.name} ({shown})" if shown else known.name
            inner = known.slot.removeprefix(f"{group}[]").replace("[]", "[0]")
            self.draft.places.setdefault(f"{path}{inner}", place)
            self.draft.places.setdefault(path, place)

    # --- things whose cells are not simply slots

    def _finish(self, group: str, path: str, entry: dict[str, Any], found: dict[str, Cell]) -> None:
        finish: dict[str, Callable[[str, dict[str, Any], dict[str, Cell]], None]] = {
            "publication": self._paper,
            "about": self._subject,
            "measurement_method": self._method,
            "gene_annotation": self._gene,
            "phenotype": self._phenotype,
        }
        if group == "author":
            entry["type"] = "Person"
        elif group in finish:
            finish[group](path, entry, found)

    def _normal(self, path: str, normalise: Callable[[str], str], cell: Cell | None) -> str | None:
        if cell is None:
            return None
        try:
            return normalise(cell.text)
        except ValueError as err:
            self.problem(path, str(err))
            return None

    def _paper(self, path: str, entry: dict[str, Any], found: dict[str, Cell]) -> None:
        doi = self._normal(f"{path}.id", identifiers.doi, found.get("Publication DOI"))
        pmid = self._normal(f"{path}.same_as[0]", identifiers.pmid, found.get("Publication PMID"))
        entry["id"] = doi or pmid
        entry["same_as"] = [pmid] if doi and pmid else None

    def _subject(self, path: str, entry: dict[str, Any], found: dict[str, Cell]) -> None:
        if not entry.keys() & {"name", "description", "cell_line"}:
            self._hoist(path, entry, "taxon", "Taxon")
            return
        entry["type"] = "BioSample"
        for line in entry.get("cell_line", []):
            _name_or_term(line)

    def _method(self, path: str, entry: dict[str, Any], found: dict[str, Cell]) -> None:
        if not entry.keys() & {"lab_equipment", "description"}:
            self._hoist(path, entry, "measurement_technique", "DefinedTerm")
            return
        entry["type"] = "ImagingProtocol"
        self.draft.places[f"{path}.name"] = self.draft.places[f"{path}.measurement_technique[0].name"]

    def _hoist(self, path: str, entry: dict[str, Any], slot: str, kind: str) -> None:
        """Let the one thing of a slot stand for the whole column."""
        (inner,) = entry.pop(slot)
        entry.update(inner, type=kind)
        for old in [p for p in self.draft.places if p.startswith(f"{path}.{slot}[0].")]:
            self.draft.places[path + old.removeprefix(f"{path}.{slot}[0]")] = self.draft.places[old]

    def _gene(self, path: str, entry: dict[str, Any], found: dict[str, Cell]) -> None:
        value, namespace = found.get("Gene ID"), found.get("Gene ID namespace")
        gene = entry.setdefault("gene", {})
        if value is None:
            if namespace is not None and "symbol" not in gene:
                self.problem(f"{path}.gene.id", "is missing, though a namespace stands in its column")
            return
        if namespace is None:
            self.problem(
                f"{path}.gene.id", f"{value.text!r} needs its Gene ID namespace (such as ensembl) in the same column"
            )
            return
        gene["id"] = self._normal(f"{path}.gene.id", lambda text: identifiers.gene(namespace.text, text), value)

    def _phenotype(self, path: str, entry: dict[str, Any], found: dict[str, Cell]) -> None:
        _name_or_term(entry)

    # --- Unknown and NA

    def _state(self) -> None:
        for known, cell, kind in self.stated:
            if known.stated is None:
                if known.required:
                    path = known.group or known.slot
                    self.draft.places[path] = _place(known, cell)
                    self.problem(path, f"is required, so it cannot be {cell.text!r}")
                continue
            entry = self.entries.get((known.group, cell.column), {})
            has_own = bool(entry) and (known.group == "distribution" or entry.get("type") == "BioSample")
            if has_own or not self.draft.data.get(known.stated):
                said = (entry if has_own else self.draft.data).setdefault(kind, [])
                self.draft.places.setdefault(kind, _place(known, cell))
                if known.stated not in said:
                    said.append(known.stated)


# Fields that `_finish` reads from their cells itself.
_FINISHED: Final = frozenset({"Publication DOI", "Publication PMID", "Gene ID", "Gene ID namespace"})


def _explaining(heading: list[Cell]) -> frozenset[int]:
    names = {name.casefold() for name in HEADING[1:]}
    return frozenset(cell.column for cell in heading if cell.text.casefold() in names)


def _field_key(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip(" *:").casefold()


def _letter(cell: Cell) -> str:
    return str(get_column_letter(cell.column))


def _place(known: Field, cell: Cell) -> str:
    return f"{known.name} (row {cell.row}, column {_letter(cell)})"


def _put(entry: dict[str, Any], path: str, value: str) -> None:
    """Set a value at a path such as ``affiliation[].name``; each list on the way has one thing."""
    *heads, last = path.split(".")
    for head in heads:
        slot, is_list, _ = head.partition("[]")
        inner = entry.setdefault(slot, [{}] if is_list else {})
        entry = inner[0] if is_list else inner
    entry[last] = value


def _name_or_term(entry: dict[str, Any]) -> None:
    """Turn a name that is a term's identifier into one."""
    try:
        entry["id"] = identifiers.term(entry["name"])
    except ValueError:
        return
    del entry["name"]
