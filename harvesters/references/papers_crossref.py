"""Crossref: metadata of papers and their relations to datasets, and which agency registered a DOI that it lacks.

DOIs are asked about in batches by filter, those with a comma (which separates filters) one by one. The session keeps
the pace that Crossref's headers tell; ``mailto`` in the reference's options leads to its polite servers.

Source: https://api.crossref.org/swagger-ui/index.html · https://www.crossref.org/documentation/retrieve-metadata/
rest-api/access-and-authentication/ · https://www.doi.org/the-identifier/resources/factsheets/doi-resolution-documentation
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO, Final
from urllib.parse import quote

from harvesters.contract import Attachment, Http, SourceError
from harvesters.references.contract import Reference, Row
from harvesters.references.papers_asking import Found, address, answer, batches, fetch, objects
from harvesters.references.papers_rows import DOI, Named, Work, answered, dataset, doi, orcid, paper, said

BATCH: Final = 40
AGENCIES: Final = "https://doi.org/ra"
# What a paper's relation to a dataset makes of the dataset. Source: https://www.crossref.org/documentation/schema-library/
# markup-guide-metadata-segments/relationships/
RELATIONS: Final = {
    "is-supplemented-by": "IsSupplementTo",
    "is-documented-by": "Documents",
    "documents": "IsDocumentedBy",
    "references": "IsCitedBy",
    "cites": "IsCitedBy",
    "is-based-on": "IsCitedBy",
    "is-based-on-data": "IsCitedBy",
    "is-derived-from": "IsCitedBy",
    "has-related-material": "IsCitedBy",
    "is-related-material": "IsCitedBy",
}
_KEPT: Final = ("DOI", "type", "title", "container-title", "group-title", "issued")
RETRACTIONS: Final = frozenset({"retraction", "withdrawal", "removal"})


def fetch_works(http: Http, reference: Reference) -> Attachment:
    """Ask about the DOIs that records name.

    Raises:
        SourceError: the service fails before its first answer.
    """
    return fetch(http, reference, lambda due: _works(http, reference, due), lambda iri: iri.startswith(DOI))


def _works(http: Http, reference: Reference, due: list[str]) -> Iterator[Found]:
    for batch in batches(due, BATCH):
        plain = {one.removeprefix(DOI): one for one in batch}
        works = _listed(http, reference, [one for one in plain if _can_be_listed(one)])
        for one in plain:
            if not _can_be_listed(one):
                works |= _single(http, reference, one)
        for one, iri in plain.items():
            yield iri, _kept(works[one]) if one in works else _agency(http, reference, one)


def _can_be_listed(bare: str) -> bool:
    return not set(bare) & set(",%&?#")


def _listed(http: Http, reference: Reference, dois: list[str]) -> dict[str, dict[str, Any]]:
    if not dois:
        return {}
    url = _address(reference, "works", filter=",".join(f"doi:{one}" for one in dois), rows=len(dois))
    return {str(work.get("DOI", "")).lower(): work for work in objects(answer(http, url), "message", "items")}


def _single(http: Http, reference: Reference, bare: str) -> dict[str, dict[str, Any]]:
    try:
        told = answer(http, _address(reference, f"works/{quote(bare, safe='%')}"))
    except SourceError as err:
        if err.status == 404:
            return {}
        raise
    work = told.get("message") if isinstance(told, dict) else None
    return {bare: work} if isinstance(work, dict) else {}


def _agency(http: Http, reference: Reference, bare: str) -> dict[str, str] | None:
    """Return the agency that registered a DOI; None when there is no such DOI."""
    base = str(reference.options.get("agency_url", AGENCIES))
    try:
        told = answer(http, address(base, quote(bare, safe="/%")))
    except SourceError as err:
        if err.status in (400, 404):
            return None
        raise
    agency = next((one.get("RA") for one in objects({"all": told}, "all")), None)
    return {"agency": str(agency)} if agency else None


def _address(reference: Reference, path: str, **parameters: object) -> str:
    contact = {"mailto": reference.options["mailto"]} if "mailto" in reference.options else {}
    return address(reference.url, path, **parameters, **contact)


def _kept(work: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is read of a work: no references, abstract or affiliations."""
    people = [{"name": _name(one), "orcid": one.get("ORCID")} for one in objects(work, "author")]
    relations = [
        {"relation": name, "id": str(one.get("id", ""))}
        for name, listed in (work.get("relation") or {}).items()
        for one in objects({"all": listed}, "all")
        if dataset(str(one.get("id", "")))
    ]
    updates = sorted({str(one.get("type")) for one in objects(work, "updated-by")})
    more = {"authors": people, "relations": relations, "updates": updates}
    return {name: work[name] for name in _KEPT if name in work} | more


def _name(author: Mapping[str, Any]) -> str:
    return " ".join(filter(None, (author.get("given"), author.get("family") or author.get("name"))))


def read_works(stream: BinaryIO, reference: Reference) -> Iterator[Row]:
    """Yield the rows of kept answers.

    Raises:
        ValueError: not such answers.
    """
    yield from answered(stream, _work_rows)


def _work_rows(iri: str, work: Mapping[str, Any]) -> Iterator[Row]:
    named = paper(written_doi=work.get("DOI")) or iri
    people = ((said(one.get("name")), orcid(one.get("orcid"))) for one in objects(work, "authors"))
    yield Work(
        id=named,
        title=said(_first(work.get("title"))),
        authors=tuple((name, who) for name, who in people if name),
        journal=said(_first(work.get("container-title")) or work.get("group-title")),
        published=_date(work.get("issued")),
        kind=work.get("type"),
        is_retracted=bool(RETRACTIONS & set(work.get("updates") or ())),
    ).row()
    if work.get("type") == "dataset" and (bare := doi(work.get("DOI"))):
        yield "data_doi", (bare, "Dataset")
    for one in objects(work, "relations"):
        relation, target = RELATIONS.get(one["relation"]), dataset(one["id"])
        if relation and target:
            yield Named(target, named, relation, "Crossref", one["id"]).row()


def _first(values: Any) -> Any:
    return values[0] if isinstance(values, list) and values else None


def _date(value: Any) -> str | None:
    """Return the date of ``{"date-parts": [[2017, 10, 31]]}`` as ISO 8601; its parts may be missing or null.

    >>> _date({"date-parts": [[2017, 10]]}), _date({"date-parts": [[None]]})
    ('2017-10', None)
    """
    parts = _first((value or {}).get("date-parts"))
    found = [part for part in parts or () if isinstance(part, int)][:3]
    return "-".join([f"{found[0]:04}", *(f"{part:02}" for part in found[1:])]) if found else None
