"""An ontology from EBI's Ontology Lookup Service, where no file of it can be had.

The listing of classes of its second API carries parents and obsolete terms, which the first one leaves out. The pages
are kept together as one file, an answer on each line, the description of the ontology first.

Source: https://www.ebi.ac.uk/ols4/help, https://www.ebi.ac.uk/ols4/swagger-ui/index.html
"""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Iterator
from typing import Any, BinaryIO, cast

from harvesters.contract import Attachment, Http, SourceError
from harvesters.references.contract import META, Reference, Row
from harvesters.references.terms import REPLACED_BY, SCOPES, Term, iri_of, iri_or_none

PAGE_SIZE = 500
_ADDRESS = re.compile(r"(https?://.+?)/(?:v2/)?ontologies/([\w-]+)/?")
# The times of loading differ with each reload of the same release.
_PASSING = ("loaded", "updated", "loadAttempts", "sourceFileTimestamp", "fileHash")


def fetch(http: Http, reference: Reference) -> Attachment:
    """Ask for every class of an ontology (``https://www.ebi.ac.uk/ols4/api/ontologies/<id>``), page by page.

    Raises:
        SourceError: the listing is cut short, changes while it is read, or is refused.
    """
    found = _ADDRESS.fullmatch(reference.url)
    if found is None:
        raise SourceError(f"url: {reference.url} does not end in /ontologies/<id>, e.g. {_EXAMPLE}")
    api, name = found[1], found[2].lower()
    with tempfile.TemporaryFile() as whole:
        about = _json(http, f"{api}/ontologies/{name}")
        _write(whole, {k: v for k, v in about.items() if k not in _PASSING and k != "_links"})
        for page in _pages(http, f"{api}/v2/ontologies/{name}/classes"):
            _write(whole, page)
        whole.seek(0)
        return http.keep(cast(BinaryIO, whole))


_EXAMPLE = "https://www.ebi.ac.uk/ols4/api/ontologies/efo"


def _pages(http: Http, url: str) -> Iterator[dict[str, Any]]:
    number, total, seen = 0, None, 0
    while total is None or seen < total:
        page = _json(http, f"{url}?page={number}&size={PAGE_SIZE}&includeObsoleteEntities=true")
        elements, counted = page.get("elements"), page.get("totalElements")
        if not isinstance(elements, list) or not isinstance(counted, int):
            raise SourceError(f"{url}: page {number} is no page of classes")
        if total not in (None, counted):
            raise SourceError(f"{url}: the number of classes changed from {total} to {counted} while they were read")
        if not elements and seen < counted:
            raise SourceError(f"{url}: page {number} is empty after {seen} of {counted} classes")
        total, seen, number = counted, seen + len(elements), number + 1
        yield {"elements": [_kept(element) for element in elements]}


def _kept(element: dict[str, Any]) -> dict[str, Any]:
    """Return what is read of a class; the rest is most of an answer and differs with other ontologies' releases."""
    return {name: element[name] for name in _READ if name in element}


def _json(http: Http, url: str) -> dict[str, Any]:
    try:
        answer = json.loads(http.get(url))
    except ValueError as err:
        raise SourceError(f"{url} is not JSON: {err}") from err
    if not isinstance(answer, dict):
        raise SourceError(f"{url} is not what OLS answers")
    return answer


def _write(whole: Any, value: dict[str, Any]) -> None:
    whole.write(json.dumps(value, ensure_ascii=False, sort_keys=True).encode() + b"\n")


def read(stream: BinaryIO, reference: Reference) -> Iterator[Row]:
    """Yield the rows of kept answers: one on each line, a page of classes or a list of them.

    Raises:
        ValueError: not such answers.
    """
    for line in stream:
        answer = _object(line)
        yield from _facts(answer)
        for element in answer.get("elements", ()):
            yield from _term(element).rows()


def _object(line: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(line)
    except ValueError as err:
        raise ValueError(f"not answers of OLS: {err}") from err
    return answer if isinstance(answer, dict) else {"elements": answer}


def _facts(about: dict[str, Any]) -> Iterator[Row]:
    config, annotations = _dict(about.get("config")), _dict(_dict(about.get("config")).get("annotations"))
    if version := about.get("version") or config.get("version") or config.get("versionIri"):
        yield META, ("version", str(version))
    for licence in _texts(annotations.get("license"))[:1]:
        yield META, ("licence", licence)


def _dict(value: Any) -> dict[str, Any]:
    """Return an object; what is not there comes as null or as the text "null"."""
    return value if isinstance(value, dict) else {}


def _term(element: dict[str, Any]) -> Term:
    labels, replacements = _texts(element.get("label")), _texts(element.get(REPLACED_BY))
    return Term(
        iri=iri_of(str(element.get("iri"))),
        label=labels[0] if labels else None,
        is_obsolete=element.get("isObsolete") in (True, "true"),
        replaced_by=iri_or_none(replacements[0]) if replacements else None,
        parents=[iri for text in _texts(element.get("directParent")) if (iri := iri_or_none(text))],
        synonyms=[(name, scope) for said, scope in SCOPES.items() for name in _texts(element.get(said))],
    )


_READ = ("iri", "label", "isObsolete", "directParent", REPLACED_BY, *SCOPES)


def _texts(value: Any) -> list[str]:
    """Return the texts of a value, which may be one or a list, each plain or with its annotations beside it."""
    values = value if isinstance(value, list) else [value]
    plain = (v.get("value") if isinstance(v, dict) else v for v in values)
    return [v for v in plain if isinstance(v, str)]
