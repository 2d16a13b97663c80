"""Quality findings in the forms that archives read: CSV, Atom, and a SHACL validation report."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator
from functools import cache
from xml.etree import ElementTree as ET

from pyoxigraph import Literal, NamedNode, Quad

from hub import records
from hub.findings import FindingRow
from hub.records import NOT_XML

ATOM = "http://www.w3.org/2005/Atom"
SH = "http://www.w3.org/ns/shacl#"
HUB = "https://w3id.org/bioimage-hub/vocab#"
SCHEMA = "http://schema.org/"
RESULTS = {"violation": "Violation", "warning": "Warning", "info": "Info"}
COLUMNS = (
    *("id", "address", "archive", "accession", "dataset", "source", "rule", "severity", "state", "field", "value"),
    *("message", "suggestion", "first_run", "first_seen", "fixed_in_run", "fixed_at", "waived_by", "note"),
)
# A spreadsheet takes a cell that begins so for a formula. Source: https://owasp.org/www-community/attacks/CSV_Injection
FORMULA = re.compile(r"[=+\-@\t\r]")


def address(base: str, row: FindingRow) -> str:
    """Return the address of a finding's page."""
    return f"{base}quality/finding/{row.id}"


def csv_lines(rows: Iterable[FindingRow], base: str) -> Iterator[str]:
    """Yield the lines of a table of findings; a text that a spreadsheet would take for a formula begins with ``'``."""
    yield _line(COLUMNS)
    for row in rows:
        told = {name: getattr(row, name) for name in COLUMNS if name != "address"} | {"address": address(base, row)}
        yield _line("" if told[name] is None else str(told[name]) for name in COLUMNS)


def _line(cells: Iterable[str]) -> str:
    out = io.StringIO()
    csv.writer(out).writerow(f"'{cell}" if FORMULA.match(cell) else cell for cell in cells)
    return out.getvalue()


def atom(rows: list[FindingRow], base: str, title: str, here: str, page: str) -> bytes:
    """Return findings as an Atom feed.

    Args:
        rows: the findings, the newest first.
        base: the hub's base IRI.
        title: of the feed.
        here: the feed's own address, which is its id.
        page: address of the page that shows the same.

    Source: https://www.rfc-editor.org/rfc/rfc4287
    """
    ET.register_namespace("", ATOM)
    feed = ET.Element(f"{{{ATOM}}}feed")
    _put(feed, "id", here)
    _put(feed, "title", title)
    _put(feed, "updated", max((row.changed for row in rows), default="1970-01-01T00:00:00Z"))
    ET.SubElement(feed, f"{{{ATOM}}}link", rel="self", type="application/atom+xml", href=here)
    ET.SubElement(feed, f"{{{ATOM}}}link", rel="alternate", type="text/html", href=page)
    _put(ET.SubElement(feed, f"{{{ATOM}}}author"), "name", "Bioimage Hub")
    for row in rows:
        _entry(ET.SubElement(feed, f"{{{ATOM}}}entry"), row, base)
    written: bytes = ET.tostring(feed, encoding="utf-8", xml_declaration=True)
    return written


def _entry(entry: ET.Element, row: FindingRow, base: str) -> None:
    _put(entry, "id", address(base, row))
    _put(entry, "title", f"{row.accession}: {row.rule} in {row.field or 'the record'} ({row.state})")
    _put(entry, "updated", row.changed)
    _put(entry, "published", row.first_seen)
    ET.SubElement(entry, f"{{{ATOM}}}link", rel="alternate", type="text/html", href=address(base, row))
    ET.SubElement(entry, f"{{{ATOM}}}link", rel="related", href=row.dataset)
    for term in (row.rule, row.state, row.severity):
        ET.SubElement(entry, f"{{{ATOM}}}category", term=term)
    said = [row.message]
    said += [f"Value: {row.value}"] if row.value else []
    said += [f"Suggestion: {row.suggestion}"] if row.suggestion else []
    said += [f"Fixed since run {row.fixed_in_run}."] if row.state == "fixed" else []
    _put(entry, "summary", "\n".join(said))


def _put(parent: ET.Element, name: str, text: str) -> None:
    ET.SubElement(parent, f"{{{ATOM}}}{name}").text = NOT_XML.sub("\N{REPLACEMENT CHARACTER}", text)


def shacl(rows: Iterable[FindingRow], base: str, archive: str) -> list[Quad]:
    """Return findings as a SHACL validation report; fixed and waived ones are left out.

    A result's path is the property that the finding's field becomes, where the field begins with its name.

    Source: https://www.w3.org/TR/shacl/#validation-report
    """
    report = NamedNode(f"{base}quality/{archive}#report")
    results = [(row, NamedNode(row.iri(base))) for row in rows if row.state == "open"]
    quads = [
        Quad(report, records.RDF_TYPE, NamedNode(f"{SH}ValidationReport")),
        Quad(report, NamedNode(f"{SH}conforms"), Literal(not results)),
    ]
    for row, result in results:
        quads.append(Quad(report, NamedNode(f"{SH}result"), result))
        quads += [Quad(result, predicate, value) for predicate, value in _result(row, base)]
    return quads


def _result(row: FindingRow, base: str) -> Iterator[tuple[NamedNode, NamedNode | Literal]]:
    yield records.RDF_TYPE, NamedNode(f"{SH}ValidationResult")
    yield NamedNode(f"{SH}focusNode"), NamedNode(row.dataset)
    yield NamedNode(f"{SH}resultSeverity"), NamedNode(SH + RESULTS[row.severity])
    yield NamedNode(f"{SH}sourceConstraintComponent"), NamedNode(f"{base}quality#rule-{row.rule}")
    yield NamedNode(f"{SH}resultMessage"), Literal(row.message)
    yield NamedNode(f"{HUB}rule"), Literal(row.rule)
    yield NamedNode(f"{SCHEMA}url"), NamedNode(address(base, row))
    if row.value:
        yield NamedNode(f"{SH}value"), Literal(row.value)
    if row.field:
        yield NamedNode(f"{HUB}field"), Literal(row.field)
    if path := paths().get(row.place.split(".")[0].casefold()):
        yield NamedNode(f"{SH}resultPath"), path
    if row.suggestion:
        yield NamedNode(f"{HUB}suggestion"), Literal(row.suggestion)


@cache
def paths() -> dict[str, NamedNode]:
    """Return the properties of a dataset by name of slot and JSON-LD term, in small letters."""
    slots = records.tables()["Dataset"].slots
    return {name.casefold(): slot.predicate for slot in slots for name in (slot.term, slot.name)}
