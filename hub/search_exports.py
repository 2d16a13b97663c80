"""All results of a search in the formats that people keep them in: one line, entry or node for each.

What the index knows of a dataset is enough for tables; citations are made of the records, a few hundred of which are
asked for at once.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from itertools import chain, islice
from typing import Any, Final

from pyoxigraph import NamedNode, Quad, RdfFormat, parse

from hub import citations, formats, queries, records
from hub.formats import UTF8, Format
from hub.quality_feeds import FORMULA
from hub.search.contract import Hit, Member
from hub.workers import WorkerPool
from linkml_schemas.generated.model import Dataset
from ontology.dates import UNKNOWN_YEAR
from ontology.terms import UNKNOWN

AT_ONCE: Final = 200
"""Records that one query asks for."""
MOST_ROWS: Final = 200_000
MOST_CITED: Final = 20_000
NTRIPLES: Final = "application/n-triples"
CONTEXT: Final = "https://w3id.org/ro/crate/1.2/context"
COLUMNS: Final = (
    *("dataset", "page", "study", "archive", "accession", "title", "description", "authors", "author_count"),
    *("published", "licence", "size_bytes", "organisms", "methods", "doi", "url", "thumbnail"),
)


@dataclass(frozen=True, slots=True)
class Asking:
    """What an export is of.

    Attributes:
        pool: workers on the snapshot.
        title: what was searched, as people read it.
        address: absolute address of the search.
        created: ISO 8601 time of the snapshot.
        page: absolute address of a dataset's page, by its IRI.
    """

    pool: WorkerPool
    title: str
    address: str
    created: str
    page: Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Export:
    """One form in which all results can be had.

    Attributes:
        format: its name and media type.
        title: as people read it.
        most: how many studies it is written of.
        write: yields its text.
    """

    format: Format
    title: str
    most: int
    write: Callable[[Iterable[Hit], Asking], Iterator[str]]


# --- tables -------------------------------------------------------------------------------------------------------


def csv_lines(hits: Iterable[Hit], asking: Asking) -> Iterator[str]:
    """Yield the lines of a table, one for each dataset; a text that a spreadsheet took for a formula begins with ``'``.

    Source: https://www.rfc-editor.org/rfc/rfc4180 · https://owasp.org/www-community/attacks/CSV_Injection
    """
    yield _line(COLUMNS)
    for hit in hits:
        for member in (hit.member, *hit.also_in):
            yield _line(_cells(hit, member, asking))


def _cells(hit: Hit, member: Member, asking: Asking) -> Iterator[str]:
    told = {**asdict(member), "dataset": member.iri, "page": asking.page(member.iri), "study": hit.study}
    for name in COLUMNS:
        value = told[name]
        if isinstance(value, tuple):
            yield "; ".join(value)
        elif isinstance(value, bool):
            yield str(value).lower()
        else:
            yield "" if value is None else str(value)


def _line(cells: Iterable[str]) -> str:
    out = io.StringIO()
    csv.writer(out).writerow(f"'{cell}" if FORMULA.match(cell) else cell for cell in cells)
    return out.getvalue()


def json_lines(hits: Iterable[Hit], asking: Asking) -> Iterator[str]:
    """Yield one JSON object for each study: the dataset that is shown, and the others of the study.

    Source: https://jsonlines.org/
    """
    for hit in hits:
        shown, others = member(hit.member, asking.page), [member(one, asking.page) for one in hit.also_in]
        yield json.dumps({"study": hit.study, "dataset": shown, "also_in": others}, ensure_ascii=False) + "\n"


def member(one: Member, page: Callable[[str], str]) -> dict[str, Any]:
    """Return a dataset as JSON, with the address of its page."""
    return {**asdict(one), "page": page(one.iri)}


# --- citations ----------------------------------------------------------------------------------------------------


def cited(hits: Iterable[Hit], pool: WorkerPool) -> Iterator[Dataset]:
    """Yield the records of the datasets that are shown, in their order, with what citations are made of and no more.

    Raises:
        QueryError: a query failed or took too long.
    """
    rest = iter(hits)
    while part := list(islice(rest, AT_ONCE)):
        nodes = [NamedNode(hit.member.iri) for hit in part]
        text = queries.bind(queries.text("describe/cited"), {"datasets": queries.Terms(nodes)})
        yield from _records(b"".join(pool.query(text, NTRIPLES)), nodes)


def _records(triples: bytes, datasets: list[NamedNode]) -> Iterator[Dataset]:
    said: dict[str, list[Quad]] = {}
    for quad in parse(triples, format=RdfFormat.N_TRIPLES):
        said.setdefault(quad.subject.value, []).append(quad)
    for node in datasets:
        own = said.get(node.value, [])
        things = dict.fromkeys(q.object.value for q in own if isinstance(q.object, NamedNode))
        if own:
            yield records.from_quads(chain(own, *(said.get(iri, ()) for iri in things)), node.value)


def bibtex(hits: Iterable[Hit], asking: Asking) -> Iterator[str]:
    """Yield one ``@misc`` entry for each study; keys are made of archive and accession."""
    yield from (citations.bibtex([record]) for record in cited(hits, asking.pool))


def ris(hits: Iterable[Hit], asking: Asking) -> Iterator[str]:
    """Yield one ``DATA`` reference for each study."""
    yield from (citations.ris([record]) for record in cited(hits, asking.pool))


def csl_json(hits: Iterable[Hit], asking: Asking) -> Iterator[str]:
    """Yield a JSON list of CSL-JSON items, one for each study.

    Source: https://github.com/citation-style-language/schema/blob/v1.0.2/schemas/input/csl-data.json
    """
    yield "["
    for number, record in enumerate(cited(hits, asking.pool)):
        yield (",\n" if number else "\n") + json.dumps(citations.csl(record), ensure_ascii=False)
    yield "\n]\n"


# --- RO-Crate -----------------------------------------------------------------------------------------------------


def crate(hits: Iterable[Hit], asking: Asking) -> Iterator[str]:
    """Yield a detached RO-Crate whose parts are the datasets that are shown, one for each study.

    Source: https://www.researchobject.org/ro-crate/specification/1.2/root-data-entity.html
    """
    descriptor = {
        "@id": "ro-crate-metadata.json",
        "@type": "CreativeWork",
        "conformsTo": {"@id": "https://w3id.org/ro/crate/1.2"},
        "about": {"@id": asking.address},
    }
    yield f'{{"@context": {json.dumps(CONTEXT)}, "@graph": [\n{_json(descriptor)}'
    parts: list[dict[str, str]] = []
    licences: set[str] = set()
    for hit in hits:
        parts.append({"@id": hit.member.iri})
        licences.add(hit.member.licence)
        yield f",\n{_json(_part(hit, asking))}"
    yield from (f",\n{_json({'@id': iri, '@type': 'CreativeWork', 'name': iri})}" for iri in sorted(licences - {""}))
    unknown = {"@id": UNKNOWN, "@type": "DefinedTerm", "name": "Unknown"}
    yield f",\n{_json(unknown)},\n{_json(_root(asking, parts))}\n]}}\n"


def _root(asking: Asking, parts: list[dict[str, str]]) -> dict[str, Any]:
    return {
        "@id": asking.address,
        "@type": "Dataset",
        "name": asking.title,
        "description": f"{len(parts):,} datasets that the hub found. Each has the licence that it names.",
        "datePublished": asking.created,
        "license": {"@id": UNKNOWN},
        "hasPart": parts,
    }


def _part(hit: Hit, asking: Asking) -> dict[str, Any]:
    one = hit.member
    others = [other.iri for other in hit.also_in] + ([one.doi] if one.doi else [])
    node = {
        "@id": one.iri,
        "@type": "Dataset",
        "name": one.title,
        "description": one.description or one.title,
        "identifier": one.accession,
        "datePublished": one.published or UNKNOWN_YEAR,
        "license": {"@id": one.licence or UNKNOWN},
        "url": one.url or asking.page(one.iri),
        "creditText": "; ".join(one.authors),
        "sameAs": [{"@id": iri} for iri in others],
    }
    return {name: value for name, value in node.items() if value}


def _json(node: dict[str, Any]) -> str:
    return json.dumps(node, ensure_ascii=False)


CSV: Final = Format("csv", "text/csv", ".csv", "page", (), UTF8)
JSONL: Final = Format("jsonl", "application/x-ndjson", ".jsonl", "page", ("ndjson", "application/jsonl"))
EXPORTS: Final = {
    one.format.name: one
    for one in (
        Export(CSV, "CSV", MOST_ROWS, csv_lines),
        Export(JSONL, "JSON Lines", MOST_ROWS, json_lines),
        Export(formats.BIBTEX, "BibTeX", MOST_CITED, bibtex),
        Export(formats.RIS, "RIS", MOST_CITED, ris),
        Export(formats.CSL, "CSL-JSON", MOST_CITED, csl_json),
        Export(formats.ROCRATE, "RO-Crate", MOST_CITED, crate),
    )
}
"""The forms that all results can be had in, by name of the format."""
