"""The answer to a search as programs read it: JSON, and an Atom feed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final
from urllib.parse import urlencode
from xml.etree import ElementTree as ET

from hub.quality_feeds import ATOM
from hub.records import NOT_XML
from hub.search.asking import parameters
from hub.search.contract import FACETS, MAX_REACH, RANGES, Asked, Count, Found, Hit, Member, Piece
from hub.search_exports import member
from hub.search_sources import Coverage
from hub.web.asof import pinned

OPENSEARCH: Final = "http://a9.com/-/spec/opensearch/1.1/"
EPOCH: Final = "1970-01-01T00:00:00Z"
_UNIT: Final = {one.name: one.unit for one in RANGES}


@dataclass(frozen=True, slots=True)
class Answer:
    """A search and its answer, with what addresses are made of.

    Attributes:
        found: the answer.
        coverage: what was searched.
        root: absolute address of the hub as the caller wrote it, without a slash at the end.
        base: base IRI of the hub.
        published: ISO 8601 time of the snapshot.
        sequence: the log's sequence number that the snapshot is true of.
    """

    found: Found
    coverage: Coverage
    root: str
    base: str
    published: str
    sequence: int

    @property
    def last(self) -> int:
        """Number of the last page that can be had."""
        per_page = self.found.asked.per_page
        return max(1, min(-(-self.found.total // per_page), MAX_REACH // per_page))

    def address(self, **changed: str | int) -> str:
        """Return the absolute address of the search with some parameters set; an empty one is left out."""
        return self.root + address(self.found.asked, **changed)

    def page(self, iri: str) -> str:
        """Return the absolute address of the page of one of the hub's own IRIs."""
        return f"{self.root}/{iri.removeprefix(self.base)}" if iri.startswith(self.base) else iri

    def around(self) -> dict[str, int]:
        """Return the numbers of the pages around this one by relation; those that there are not are left out."""
        here = self.found.asked.page
        places = {"first": 1, "prev": here - 1, "next": here + 1, "last": self.last}
        return {relation: number for relation, number in places.items() if 1 <= number <= self.last}


def address(asked: Asked, **changed: str | int) -> str:
    """Return the path of a search with some parameters set; an empty value, and page 1, are left out.

    >>> address(Asked(words="light sheet", page=2), page=1, format="json")
    '/search?q=light+sheet&format=json'
    """
    kept = [(name, value) for name, value in parameters(asked) if name not in changed]
    more = [(name, str(value)) for name, value in changed.items() if value != "" and (name, value) != ("page", 1)]
    older = [(name, value) for name, value in pinned() if name not in changed]
    query = urlencode([*kept, *more, *older], errors="replace")
    return f"/search?{query}" if query else "/search"


def title(asked: Asked) -> str:
    """Return what is searched, in words.

    >>> title(Asked(words="mitosis", filters={"has": ("ome-zarr",)}))
    'Search: mitosis, has ome-zarr'
    """
    said = [asked.words] if asked.words else []
    said += [f"{name} {value}" for name, values in asked.filters.items() for value in values]
    said += [_range_words(name, *ends) for name, ends in asked.ranges.items()]
    return f"Search: {', '.join(said)}" if said else "All datasets"


def _range_words(name: str, least: float | None, most: float | None) -> str:
    said = [f"from {least:g}"] if least is not None else []
    said += [f"to {most:g}"] if most is not None else []
    return " ".join([name, *said, _UNIT[name]]).strip()


# --- JSON ---------------------------------------------------------------------------------------------------------


def as_json(answer: Answer) -> str:
    """Return the answer in the shape that ``/openapi.json`` describes as ``SearchAnswer``."""
    found = answer.found
    links = {relation: answer.address(page=number, format="json") for relation, number in answer.around().items()}
    told = {
        "asked": _asked(found.asked),
        "total": found.total,
        "datasets": found.datasets,
        "total_bytes": found.total_bytes,
        "sized": found.sized,
        "instead": found.instead,
        "suggestions": [{"q": words, "studies": number} for words, number in found.suggestions],
        "hits": [_hit(hit, answer.page) for hit in found.hits],
        "facets": {
            facet.name: {
                "title": facet.title,
                "kind": facet.kind,
                "values": [_count(one) for one in found.facets.get(facet.name, ())],
            }
            for facet in FACETS
        },
        "links": {"self": answer.address(format="json"), "html": answer.address(), **links},
        "completeness": answer.coverage.statement,
        "gaps": list(answer.coverage.gaps),
        "sources": sources(answer.coverage, answer.page),
        "sequence": answer.sequence,
        "published": answer.published,
    }
    return json.dumps(told, ensure_ascii=False, indent=1)


def _asked(asked: Asked) -> dict[str, Any]:
    return {
        "q": asked.words,
        "filters": {name: list(values) for name, values in asked.filters.items()},
        "ranges": {name: {"min": least, "max": most} for name, (least, most) in asked.ranges.items()},
        "sort": asked.sort,
        "page": asked.page,
        "per_page": asked.per_page,
        "exact": asked.is_exact,
    }


def _hit(hit: Hit, page: Callable[[str], str]) -> dict[str, Any]:
    return {
        "study": hit.study,
        "score": round(hit.score, 6),
        "dataset": member(hit.member, page),
        "also_in": [member(one, page) for one in hit.also_in],
        "title": _pieces(hit.title),
        "excerpt": _pieces(hit.excerpt),
        "matched": list(hit.matched),
    }


def _pieces(pieces: Iterable[Piece]) -> list[dict[str, Any]]:
    return [{"text": piece.text, "match": piece.is_match} for piece in pieces]


def _count(one: Count) -> dict[str, Any]:
    return {
        "value": one.value,
        "label": one.label,
        "studies": one.studies,
        "chosen": one.is_chosen,
        "narrower": [_count(below) for below in one.narrower],
    }


def sources(coverage: Coverage, page: Callable[[str], str]) -> list[dict[str, Any]]:
    """Return what is searched as JSON, an object for each archive."""
    return [
        {
            "archive": archive.name,
            "title": archive.title,
            "page": page(archive.iri),
            "datasets": archive.datasets,
            "as_of": archive.as_of or None,
            "feeds": [{**asdict(feed), "as_of": feed.as_of or None} for feed in archive.feeds],
        }
        for archive in coverage.archives
    ]


# --- Atom ---------------------------------------------------------------------------------------------------------


def as_atom(answer: Answer, changed: Mapping[str, str]) -> bytes:
    """Return the answer as a page of an Atom feed, with OpenSearch's counts.

    Args:
        answer: the search and its answer.
        changed: ISO 8601 time of the last change of each dataset's record, by the dataset's IRI.

    Source: https://www.rfc-editor.org/rfc/rfc4287 · https://www.rfc-editor.org/rfc/rfc5005 ·
    https://github.com/dewitt/opensearch/blob/master/opensearch-1-1-draft-6.md
    """
    ET.register_namespace("", ATOM)
    ET.register_namespace("opensearch", OPENSEARCH)
    found = answer.found
    feed = ET.Element(f"{{{ATOM}}}feed")
    whole = address(found.asked, page=1).removeprefix("/")
    _put(feed, "id", answer.base + whole)
    _put(feed, "title", title(found.asked))
    _put(feed, "updated", max((changed.get(hit.member.iri, EPOCH) for hit in found.hits), default=answer.published))
    _put(ET.SubElement(feed, f"{{{ATOM}}}author"), "name", "Bioimage Hub")
    _put(feed, "subtitle", answer.coverage.statement)
    _link(feed, "self", "application/atom+xml", answer.address(format="atom"))
    _link(feed, "alternate", "text/html", answer.address())
    _link(feed, "search", "application/opensearchdescription+xml", f"{answer.root}/opensearch.xml")
    for relation, number in answer.around().items():
        said = "previous" if relation == "prev" else relation
        _link(feed, said, "application/atom+xml", answer.address(page=number, format="atom"))
    first = (found.asked.page - 1) * found.asked.per_page + 1
    for name, number in (("totalResults", found.total), ("startIndex", first), ("itemsPerPage", found.asked.per_page)):
        ET.SubElement(feed, f"{{{OPENSEARCH}}}{name}").text = str(number)
    for hit in found.hits:
        _entry(ET.SubElement(feed, f"{{{ATOM}}}entry"), hit, answer, changed)
    written: bytes = ET.tostring(feed, encoding="utf-8", xml_declaration=True)
    return written


def _entry(entry: ET.Element, hit: Hit, answer: Answer, changed: Mapping[str, str]) -> None:
    one = hit.member
    published = instant(one.published)
    _put(entry, "id", one.iri)
    _put(entry, "title", one.title)
    _put(entry, "updated", changed.get(one.iri) or published or EPOCH)
    if published:
        _put(entry, "published", published)
    for name in one.authors:
        _put(ET.SubElement(entry, f"{{{ATOM}}}author"), "name", name)
    _link(entry, "alternate", "text/html", answer.page(one.iri))
    for other in hit.also_in:
        _link(entry, "related", "text/html", answer.page(other.iri))
    for term in dict.fromkeys((one.archive, *one.organisms, *one.methods)):
        ET.SubElement(entry, f"{{{ATOM}}}category", term=_clean(term))
    if one.licence.startswith(("http://", "https://")):
        _link(entry, "license", "", one.licence)
    _put(entry, "summary", one.description or summary(one))


def summary(one: Member) -> str:
    """Return a line about a dataset that has no description."""
    return ", ".join(filter(None, (f"{one.archive} {one.accession}", *one.organisms, *one.methods, one.published)))


def instant(day: str) -> str:
    """Return the first moment of a year, month or day, or "".

    >>> instant("2016-04"), instant("")
    ('2016-04-01T00:00:00Z', '')
    """
    return f"{day}{'-01-01'[3 * day.count('-') :]}T00:00:00Z" if day else ""


def _link(parent: ET.Element, relation: str, media_type: str, href: str) -> None:
    said = {"rel": relation, **({"type": media_type} if media_type else {}), "href": _clean(href)}
    ET.SubElement(parent, f"{{{ATOM}}}link", said)


def _put(parent: ET.Element, name: str, text: str) -> None:
    ET.SubElement(parent, f"{{{ATOM}}}{name}").text = _clean(text)


def _clean(text: str) -> str:
    return NOT_XML.sub("\N{REPLACEMENT CHARACTER}", text)
