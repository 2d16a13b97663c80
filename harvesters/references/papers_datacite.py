"""DataCite: what the DOIs of datasets say about papers, as related identifiers.

All DOIs of a prefix are listed by cursor (``https://api.datacite.org/dois?prefix=10.6019``). A prefix names no archive:
``10.6019`` has EMPIAR's and the BioImage Archive's, but proteomics and compounds too; the suffix tells.

Source: https://support.datacite.org/docs/pagination · https://datacite-metadata-schema.readthedocs.io (relationType)
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO, Final, cast
from urllib.parse import urlsplit

from harvesters.contract import Attachment, Http, SourceError
from harvesters.references.contract import Reference, Row
from harvesters.references.papers_asking import answer, objects
from harvesters.references.papers_rows import DOI, Named, dataset, doi
from ontology import identifiers

PAGE_SIZE: Final = 1000
RELATIONS: Final = (
    "IsSupplementTo", "IsDocumentedBy", "IsDescribedBy", "IsPublishedIn", "IsCitedBy", "IsReferencedBy", "Cites",
    "References", "IsReviewedBy", "IsRelatedTo",
)  # fmt: skip
_BY_FOLD: Final = {name.casefold(): name for name in RELATIONS}


def fetch_dois(http: Http, reference: Reference) -> Attachment:
    """List the DOIs at an address, page by page.

    Raises:
        SourceError: the listing is cut short, leads elsewhere or is refused.
    """
    joint = "&" if "?" in reference.url else "?"
    url: str | None = f"{reference.url}{joint}page[cursor]=1&page[size]={PAGE_SIZE}&disable-facets=true"
    seen, total, asked = 0, 0, set()
    with tempfile.TemporaryFile() as whole:
        while url:
            asked.add(url)
            page = answer(http, url)
            found = objects(page, "data")
            if not isinstance(page, dict) or "data" not in page:
                raise SourceError(f"{url}: what came is no page of DOIs")
            total = max(total, int((page.get("meta") or {}).get("total") or 0))
            seen += len(found)
            for one in found:
                whole.write(json.dumps(_kept(one), ensure_ascii=False, sort_keys=True).encode() + b"\n")
            url = _next(page, reference.url, asked) if found else None
        if seen < total:
            raise SourceError(f"{reference.url}: {seen} of {total} DOIs were listed")
        whole.seek(0)
        return http.keep(cast(BinaryIO, whole))


def _next(page: Mapping[str, Any], base: str, asked: set[str]) -> str | None:
    url = (page.get("links") or {}).get("next")
    if not url or url in asked:
        return None
    if urlsplit(url)[:2] != urlsplit(base)[:2]:
        raise SourceError(f"{base}: the next page is at another host: {url}")
    return str(url)


def _kept(one: Mapping[str, Any]) -> dict[str, Any]:
    said = one.get("attributes") or {}
    related = [
        {name: other.get(name) for name in ("relationType", "relatedIdentifier", "relatedIdentifierType")}
        for other in objects(said, "relatedIdentifiers")
    ]
    return {
        "doi": said.get("doi") or one.get("id"),
        "kind": (said.get("types") or {}).get("resourceTypeGeneral"),
        "related": related,
    }


def read_dois(stream: BinaryIO, reference: Reference) -> Iterator[Row]:
    """Yield the rows of kept DOIs, one JSON object on each line.

    Raises:
        ValueError: not such lines.
    """
    for line in stream:
        told = json.loads(line)
        bare = doi(told.get("doi"))
        if bare is None:
            continue
        yield "data_doi", (bare, told.get("kind"))
        name = dataset(bare) or f"{DOI}{bare}"
        for one in objects(told, "related"):
            relation, target = _BY_FOLD.get(str(one.get("relationType")).casefold()), _paper(one)
            if relation and target:
                yield Named(name, target, relation, "DataCite", str(one["relatedIdentifier"])).row()


def _paper(related: Mapping[str, Any]) -> str | None:
    """Return the IRI of a related paper; None for anything else, such as another dataset."""
    parse = {"DOI": identifiers.doi, "PMID": identifiers.pmid, "arXiv": identifiers.doi, "URL": identifiers.publication}
    text, kind = str(related.get("relatedIdentifier") or ""), str(related.get("relatedIdentifierType"))
    try:
        found = parse[kind](text)
    except (KeyError, ValueError):
        return None
    return None if dataset(found) else found
