"""Page-tab, the document format of BioStudies, as a tree that bears what archives really write.

A document is ``{accno, type, attributes, section}``; a section has attributes, links, files and subsections. Lists
hold objects or lists of objects (tables), names come in any case and spelling, attributes repeat and may be empty.
What has no place in that becomes a finding, and the rest is read on.

Source: https://github.com/EBIBioStudies/page-tab-specification
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from ontology.text import clean, has_email

Find = Callable[[str, str, object, str], object]

MAX_DEPTH: Final = 12
# A name that is longer, or holds a colon and a blank, is not a name but a text in the wrong column.
MAX_NAME_CHARS: Final = 60
# Spellings of names and types that mean the same, after case, blanks, hyphens and underscores are folded.
SYNONYMS: Final = {
    "affiliations": "affiliation",
    "annotations": "annotation",
    "associations": "association",
    "biosamples": "biosample",
    "filelist": "file list",
    "grant number": "grant id",
    "keywords": "keyword",
    "licence": "license",
    "ncbi taxonomy id": "ncbi taxon id",
    "orcid id": "orcid",
    "organization": "organisation",
    "organisations": "organisation",
    "organizations": "organisation",
    "organisms": "organism",
    "pmc": "pmc id",
    "pmcid": "pmc id",
    "pmid": "pubmed id",
    "pubmedid": "pubmed id",
    "releasedate": "release date",
    "ror": "rorid",
    "ror id": "rorid",
    "specimens": "specimen",
    "study components": "study component",
    "termid": "ontology term id",
    "term id": "ontology term id",
}


def fold_name(name: str) -> str:
    """Return the one spelling of the name of an attribute or the type of a section.

    >>> fold_name("Image_Acquisition"), fold_name("organizations"), fold_name("E-mail")
    ('image acquisition', 'organisation', 'e mail')
    """
    folded = " ".join(re.sub(r"[\s_-]+", " ", clean(name).casefold()).split())
    return SYNONYMS.get(folded, folded)


@dataclass(frozen=True, slots=True)
class Attribute:
    """One attribute that has a value.

    Attributes:
        place: path in the document, e.g. ``section.subsections[3].Title``.
        name: folded name.
        value: its text, never empty.
        is_reference: whether it is marked as naming the ``accno`` of another section.
        qualifiers: folded name → value of what qualifies the value (``valqual``) or the name (``nmqual``).
    """

    place: str
    name: str
    value: str
    is_reference: bool = False
    qualifiers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Item:
    """What has attributes: a section, a link or a file.

    Attributes:
        place: path in the document.
        attributes: in their order, without those that have no value.
    """

    place: str
    attributes: tuple[Attribute, ...]

    def all(self, *names: str) -> list[Attribute]:
        """Return the attributes that have one of these folded names."""
        return [a for a in self.attributes if a.name in names]

    def first(self, *names: str) -> Attribute | None:
        """Return the first attribute of the first of these folded names that occurs."""
        return next((found for name in names for found in self.all(name)), None)


@dataclass(frozen=True, slots=True)
class Link(Item):
    """A link; ``url`` may be an accession."""

    url: str


@dataclass(frozen=True, slots=True)
class File(Item):
    """A file or folder; ``size`` is in bytes, None when it is not stated or no number."""

    path: str
    size: int | None
    is_folder: bool


@dataclass(frozen=True, slots=True)
class Section(Item):
    """A section; ``kind`` is its folded type, ``accno`` its name within the document."""

    kind: str
    accno: str | None
    links: tuple[Link, ...] = ()
    files: tuple[File, ...] = ()
    sections: tuple[Section, ...] = ()

    def walk(self) -> Iterator[Section]:
        """Yield the section and all below it, in the document's order."""
        yield self
        for section in self.sections:
            yield from section.walk()


@dataclass(frozen=True, slots=True)
class Document(Item):
    """A submission; ``accno`` is its accession as written, ``root`` its root section."""

    accno: str | None
    root: Section


def read(document: Mapping[str, Any], find: Find) -> Document:
    """Return the tree of a page-tab document; what cannot be read is told to ``find`` and left out."""
    reader = _Reader(find)
    root = document.get("section")
    section = reader.section(root if isinstance(root, dict) else {}, "section", 0)
    return Document("", reader.attributes(document, ""), reader.scalar("accno", document.get("accno")), section)


@dataclass(frozen=True, slots=True)
class _Reader:
    find: Find

    def section(self, node: Mapping[str, Any], place: str, depth: int) -> Section:
        below: tuple[Section, ...] = ()
        if depth < MAX_DEPTH:
            nodes = self.objects(f"{place}.subsections", node.get("subsections"))
            below = tuple(self.section(child, at, depth + 1) for at, child in nodes)
        elif node.get("subsections"):
            self.find(
                f"{place}.subsections", "too-deep", depth, "the sections are nested too deeply, so they are left out"
            )
        kind = self.scalar(f"{place}.type", node.get("type"))
        accno = self.scalar(f"{place}.accno", node.get("accno", node.get("accNo")))
        links = (self.link(at, link) for at, link in self.objects(f"{place}.links", node.get("links")))
        files = (self.file(at, file) for at, file in self.objects(f"{place}.files", node.get("files")))
        return Section(
            place=place,
            attributes=self.attributes(node, f"{place}."),
            kind=fold_name(kind or ""),
            accno=accno,
            links=tuple(link for link in links if link),
            files=tuple(file for file in files if file),
            sections=below,
        )

    def link(self, place: str, node: Mapping[str, Any]) -> Link | None:
        url = self.scalar(f"{place}.url", node.get("url"))
        return Link(place, self.attributes(node, f"{place}."), url) if url else None

    def file(self, place: str, node: Mapping[str, Any]) -> File | None:
        path = self.scalar(f"{place}.path", node.get("path", node.get("name")))
        if path is None:
            return None
        size, is_folder = file_facts(node)
        return File(place, self.attributes(node, f"{place}."), path, size, is_folder)

    def attributes(self, node: Mapping[str, Any], prefix: str) -> tuple[Attribute, ...]:
        nodes = self.objects(f"{prefix}attributes", node.get("attributes"))
        return tuple(found for at, item in nodes if (found := self.attribute(at, prefix, item)))

    def attribute(self, at: str, prefix: str, node: Mapping[str, Any]) -> Attribute | None:
        written = clean(self.scalar(f"{at}.name", node.get("name")) or "")
        if len(written) > MAX_NAME_CHARS or ": " in written:
            message = "a text stands where the name of an attribute belongs, so it is left out"
            self.find(at, "attribute-name", written, message)
            return None
        place = at if not written or has_email(written) else prefix + written
        value = self.scalar(place, node.get("value"))
        if value is None or not written:
            return None
        is_reference = str(node.get("reference", node.get("isReference"))).casefold() == "true"
        return Attribute(place, fold_name(written), value, is_reference, self.qualifiers(place, node))

    def qualifiers(self, place: str, node: Mapping[str, Any]) -> dict[str, str]:
        nodes = [*self.objects(place, node.get("nmqual")), *self.objects(place, node.get("valqual"))]
        pairs = ((self.scalar(at, n.get("name")), self.scalar(at, n.get("value"))) for at, n in nodes)
        return {fold_name(name): value for name, value in pairs if name and value}

    def objects(self, place: str, value: Any, depth: int = 0) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Yield place and content of each object of a list, of a table within it, or of a single object."""
        if isinstance(value, dict):
            yield place, value
        elif isinstance(value, list) and depth < MAX_DEPTH:
            for position, item in enumerate(value):
                yield from self.objects(f"{place}[{position}]", item, depth + 1)
        elif value not in (None, ""):
            self.misshapen(place, value, "an object")

    def scalar(self, place: str, value: Any) -> str | None:
        """Return a text or number as text; None when there is none."""
        if value is None or value in ([], {}) or (isinstance(value, str) and not clean(value)):
            return None
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            self.misshapen(place, value, "a text or a number")
            return None
        return str(value)

    def misshapen(self, place: str, value: Any, wanted: str) -> None:
        # Only the kind of the value is shown: an object may hold an address.
        self.find(place, "shape-invalid", type(value).__name__, f"{place} is not {wanted}, so it is left out")


def file_facts(node: Mapping[str, Any]) -> tuple[int | None, bool]:
    """Return the size in bytes of an entry of a file table or list, and whether it is a folder."""
    size = node.get("size")
    if isinstance(size, str) and size.isascii() and size.isdigit() and len(size) < 20:
        size = int(size)
    is_size = type(size) is int and 0 <= size < 2**63
    return (size if is_size else None), str(node.get("type", "")).casefold() in ("directory", "folder")
