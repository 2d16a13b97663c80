"""IDR's study file: lines of a key and tab-separated cells, read as an ordered multi-map that keeps their places.

Neither lines nor a CSV reader alone can read it: cells hold line breaks, quotation marks are not balanced, bytes are
of MacRoman, tabs have become blanks. What stands where it does not belong is repaired only where that is certain,
and every repair is a problem for the caller to report. No problem shows a cell, which may be an address.

Source: https://github.com/IDR/idr-metadata/blob/master/README.md (the sections and keys of a study file)
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from ontology import text

_PLACE: Final = (
    "Number", "Data DOI", "Data Publisher", "Sample Type", "Description", "Size", "Comments", "Example Image",
    "Example Images", "Example Image(s)", "Imaging Method", "Organism",
)  # fmt: skip
_PARTS: Final = {
    "Study": (
        "Title", "Type", "Description", "Key Words", "Keywords", "Organism", "Screens Number", "Experiments Number",
        "External URL", "BioImage Archive Accession", "BioStudies Accession", "EMPIAR Accession",
        "Public Release Date", "PubMed ID", "Publication Title", "Author List", "PMC ID", "DOI",
        "Publication Preprint", "Person Last Name", "Person First Name", "Person Email", "Person Address",
        "Person ORCID", "Person Roles", "License", "License URL", "Copyright", "Data Publisher", "Data DOI",
        "Version History",
    ),
    "Screen": (*_PLACE, "Technology Type", "Type"),
    "Experiment": (*_PLACE, "Assay File", "Assay File Format"),
    "Library": ("File Name", "File Format", "Type", "Manufacturer", "Version", "Experimental Conditions", "Assembly"),
    "Assay": ("Experimental Conditions",),
    "Quality": ("Control Description",),
    "Protocol": ("Name", "Type", "Description"),
    "Phenotype": ("Name", "Description", "Score Type"),
    "Raw": ("Image Data Format", "Image Organization", "Image Channels"),
    "Feature": (
        "Level Data File Name", "Level Data File Format", "Level Data File Description", "Level Data Column Name",
        "Level Data Column Description", "Level Data Column Type",
    ),
    "Processed": (
        "Data File Name", "Data File Format", "Data File Description", "Data Column Name", "Data Column Type",
        "Data Annotation Level", "Data Column Annotation Level", "Data Column Description",
        "Data Column Link To Library File", "Data Column Link To Assay File", "Data Column Source Database",
        "Data Column Source Stem URI", "Data Genome Build For Target Genes",
    ),
    "Term": ("Source Name", "Source File", "Source URI", "Source Version"),
    "Additional": ("File", "File Description"),
}  # fmt: skip
# Keys whose values are terms, each with three keys more.
_TERMED: Final = (
    "Study Type", "Study Organism", "Screen Imaging Method", "Screen Technology Type", "Screen Type", "Screen Organism",
    "Experiment Imaging Method", "Experiment Organism", "Library Type", "Library Experimental Conditions",
    "Assay Experimental Conditions", "Protocol Type", "Phenotype",
)  # fmt: skip
STUDY_NAME: Final = "Comment[IDR Study Accession]"
COMPONENT_NAMES: Final = {
    "Comment[IDR Screen Name]": "Screen", "Comment[IDR Experiment Name]": "Experiment",
}  # fmt: skip
_NUMBERS: Final = {"Screen Number": "Screen", "Experiment Number": "Experiment"}
# Spellings of keys → the usual one, both folded.
_SPELLINGS: Final = (
    (re.compile(r"\baccession number$"), "accession"),
    (re.compile(r"^(screen technology)(?= term)"), r"\1 type"),
    (re.compile(r"^screencomments$"), "screen comments"),
    (re.compile(r"^comment \["), "comment["),
)
_NEW_KEY: Final = re.compile(rf"(?:{'|'.join(_PARTS)})(?: [A-Z][\w/()-]*){{1,6}}")
_HINT: Final = re.compile(r"#\s\S")
_QUOTED_LIST: Final = re.compile(r'"[^"]*"(?:\s+"[^"]*")+')
# A byte that is no UTF-8 → the character that it is in MacRoman.
_MAC_ROMAN: Final = {0xDC00 + byte: bytes([byte]).decode("mac_roman") for byte in range(0x80, 0x100)}
MAX_STUDY_BYTES: Final = 1 << 24


def _keys() -> dict[str, str]:
    """Folded key → the key; what begins with another key comes as itself too."""
    keys = {STUDY_NAME, *COMPONENT_NAMES, *(f"{part} {rest}" for part, rests in _PARTS.items() for rest in rests)}
    keys |= {f"{key} Term {rest}" for key in _TERMED for rest in ("Source REF", "Name", "Accession")}
    return {key.casefold(): key for key in sorted(keys)}


KEYS: Final = _keys()
_LONGEST_FIRST: Final = sorted(KEYS, key=len, reverse=True)


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with the file's form.

    Attributes:
        field: the key, or ``study file``.
        rule: short stable name.
        message: one sentence; no cell's text.
    """

    field: str
    rule: str
    message: str


@dataclass(slots=True)
class Block:
    """Lines that belong together, in their order.

    Attributes:
        kind: ``Study``, ``Screen`` or ``Experiment``.
        lines: key and cells; an empty cell is ``""``, so that cells keep their places.
    """

    kind: str
    lines: list[tuple[str, list[str]]] = field(default_factory=list)

    def rows(self, key: str) -> list[list[str]]:
        """Return the cells of every line with a key; a repeated line is a row of its own."""
        return [cells for known, cells in self.lines if known == key]

    def row(self, key: str) -> list[str]:
        """Return the cells of the first line with a key that has any; without the empty ones at the end."""
        return next((trimmed for cells in self.rows(key) if (trimmed := without_tail(cells))), [])

    def first(self, key: str) -> str | None:
        """Return the first filled cell of a key."""
        return next((cell for cells in self.rows(key) for cell in cells if cell), None)

    def filled(self, key: str) -> list[str]:
        """Return all filled cells of a key."""
        return [cell for cells in self.rows(key) for cell in cells if cell]

    @property
    def name(self) -> str | None:
        """Name of a screen or experiment, such as ``idr0010-doil-dnadamage/screenA``."""
        return self.first(f"Comment[IDR {self.kind} Name]")


@dataclass(slots=True)
class StudyFile:
    """A study file as it was read.

    Attributes:
        head: everything before the first screen or experiment.
        components: screens and experiments, in their order.
        problems: repairs and oddities of the form.
    """

    head: Block
    components: list[Block]
    problems: list[Problem]


def read(raw: bytes) -> StudyFile:
    r"""Return the lines of a study file.

    >>> read(b"Study Title\tA study\nStudy PMC ID\t\tPMC1\n").head.row("Study PMC ID")
    ['', 'PMC1']
    """
    decoded, problems = decode(raw)
    return _Reader(problems).read(decoded)


def decode(raw: bytes) -> tuple[str, list[Problem]]:
    """Return a file's text: UTF-8, and what is no UTF-8 read as MacRoman, as Excel on a Mac wrote it."""
    utf16 = raw.startswith((b"\xff\xfe", b"\xfe\xff"))
    decoded = raw.decode("utf-16" if utf16 else "utf-8-sig", "replace" if utf16 else "surrogateescape")
    problems = []
    if count := sum("\udc80" <= char <= "\udcff" for char in decoded if char > "\ud7ff"):
        message = f"{count} bytes are not UTF-8; they were read as MacRoman"
        problems.append(Problem("study file", "encoding-mac-roman", message))
        decoded = mac_roman(decoded)
    if count := decoded.count("\ufffd"):
        message = f"{count} characters were lost before the archive published the file (U+FFFD)"
        problems.append(Problem("study file", "encoding-lost", message))
    return decoded, problems


def mac_roman(decoded: str) -> str:
    r"""Return a text in which bytes that are no UTF-8 (escaped as surrogates) are characters of MacRoman.

    >>> mac_roman(b"Ellenberg\xd5s".decode("utf-8", "surrogateescape"))
    'Ellenberg’s'
    """
    return decoded if decoded.isascii() else decoded.translate(_MAC_ROMAN)


def without_tail(cells: list[str]) -> list[str]:
    """Return cells without the empty ones at the end.

    >>> without_tail(["a", "", "b", "", ""])
    ['a', '', 'b']
    """
    end = len(cells)
    while end and not cells[end - 1]:
        end -= 1
    return cells[:end]


def key_of(cell: str) -> str | None:
    """Return the usual spelling of a key, or None.

    >>> key_of("Study Type "), key_of("Screen Technology Term Accession Number"), key_of("Zürich, Switzerland")
    ('Study Type', 'Screen Technology Type Term Accession', None)
    """
    folded = " ".join(text.clean(cell).strip("\"' ").rstrip(":").split()).casefold()
    for pattern, usual in _SPELLINGS:
        folded = pattern.sub(usual, folded)
    return KEYS.get(folded)


class _Reader:
    """Puts lines together again and sorts them into blocks."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = problems
        self.odd: dict[str, Counter[str]] = {}
        self.lines: list[tuple[str, list[str]]] = []

    def read(self, decoded: str) -> StudyFile:
        for line in re.split(r"\r\n?|\n", decoded):
            cells = line.split("\t")
            lead = cells[0].lstrip('" \xa0')
            if any(cell.strip() for cell in cells) and not lead.startswith("#"):
                self._take(cells)
        self.lines = [(key, self._finished(key, cells)) for key, cells in self.lines]
        head, components = self._blocks()
        return StudyFile(head, components, [*self.problems, *self._told()])

    def _take(self, cells: list[str]) -> None:
        if key := key_of(cells[0]):
            self.lines.append((key, cells[1:]))
        elif split := _key_and_rest(cells[0]):
            self._odd("tab-missing", split[0])
            self.lines.append((split[0], [split[1], *cells[1:]]))
        elif len(cells) > 1 and _NEW_KEY.fullmatch(cells[0].strip()):
            key = text.clean(cells[0])
            self._odd("key-unknown", key)
            self.lines.append((key, cells[1:]))
        elif self.lines:
            self._continue(cells)
        elif any(cell.strip() for cell in cells):
            self._odd("key-unknown", "study file")

    def _continue(self, cells: list[str]) -> None:
        """Join a line without a key to the last cell that was written; the cells behind it follow in their places."""
        key, before = self.lines[-1]
        self._odd("line-continued", key)
        filled = without_tail([cell.strip() for cell in before])
        before = before[: max(1, len(filled))] or [""]
        self.lines[-1] = (key, [*before[:-1], f"{before[-1]}\n{cells[0]}".strip("\n"), *cells[1:]])

    def _finished(self, key: str, cells: list[str]) -> list[str]:
        done: list[str] = []
        for cell in cells:
            bare = cell.strip(" \xa0\n")
            if _QUOTED_LIST.fullmatch(bare):
                self._odd("tab-missing", key)
                done += re.findall(r'"([^"]*)"', bare)
            elif _HINT.match(bare.lstrip('"')):
                self._odd("template-hint", key)
                done.append("")
            else:
                done.append(unquoted(bare))
        return done

    def _blocks(self) -> tuple[Block, list[Block]]:
        head = Block("Study")
        components: list[Block] = []
        for key, cells in self.lines:
            kind = _NUMBERS.get(key) or COMPONENT_NAMES.get(key)
            begins = key in _NUMBERS or (kind and (not components or components[-1].name is not None))
            if kind and begins:
                components.append(Block(kind))
            (components[-1] if components and not key.startswith("Study ") else head).lines.append((key, cells))
        return head, components

    def _odd(self, rule: str, key: str) -> None:
        self.odd.setdefault(rule, Counter())[key] += 1

    def _told(self) -> Iterator[Problem]:
        messages = {
            "tab-missing": "a blank stands where a tab belongs, {n} times",
            "key-unknown": "the key is none that IDR's form has, {n} times",
            "line-continued": "a cell goes on in the next line, {n} times; the lines were joined",
        }
        if hints := self.odd.pop("template-hint", None):
            message = f"the form's hints stand for {hints.total()} values, which were left out: {', '.join(hints)}"
            yield Problem("study file", "template-hint", message)
        for rule, keys in self.odd.items():
            for key, count in keys.items():
                yield Problem(key, rule, messages[rule].format(n=count))


def _key_and_rest(cell: str) -> tuple[str, str] | None:
    """Split a first cell in which a blank stands where the tab belongs."""
    words = " ".join(text.clean(cell).split())
    folded = words.casefold()
    for key in _LONGEST_FIRST:
        if folded.startswith(f"{key} ") and words[: len(key)] == KEYS[key]:
            return KEYS[key], words[len(key) :].strip()
    return None


def unquoted(cell: str) -> str:
    """Return a cell without the quotation marks of CSV, if it both begins and ends with one.

    >>> unquoted('"Fong KW, Li Y"'), unquoted('15" tube')
    ('Fong KW, Li Y', '15" tube')
    """
    if len(cell) > 1 and cell.startswith('"') and cell.endswith('"'):
        cell = cell[1:-1].replace('""', '"')
    return cell.strip()
