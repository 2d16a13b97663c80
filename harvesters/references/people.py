"""People: the names and employers that the holders of ORCID iDs made public; never an e-mail or postal address.

ORCID's public service is asked about the iDs that records use (form ``orcid-api``): a few a second, what is unknown,
locked or deprecated told as such, and nothing asked again before ``refresh_days``. The form ``orcid-file`` reads a
tarball of summaries as ORCID publishes them once a year. :mod:`hub.people` answers.

Source: https://info.orcid.org/documentation/api-tutorials/api-tutorial-read-data-on-a-record/ ·
https://info.orcid.org/ufaqs/what-are-the-api-limits · https://github.com/ORCID/orcid-model
"""

from __future__ import annotations

import json
import tarfile
import zlib
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO, Final

from lxml import etree

from harvesters.contract import Attachment, Http, SourceError
from harvesters.references.contract import META, Format, Kind, Reference, Row, Table
from harvesters.references.papers_asking import Found, fetch, objects
from harvesters.references.papers_rows import Answer, orcid, said
from ontology import identifiers

ORCID: Final = "https://orcid.org/"
LICENCE: Final = ("licence", "https://creativecommons.org/publicdomain/zero/1.0/")
ACCEPT: Final = {"Accept": "application/vnd.orcid+json"}
MAX_SUMMARY: Final = 1 << 24
LOCKED, UNKNOWN = 409, (400, 404, 410)
PEOPLE: Final = ("author", "accountable_person", "contact")


def orcids_of(record: Mapping[str, Any]) -> Iterator[str]:
    """Yield the ORCID IRIs of a record's people."""
    for slot in PEOPLE:
        for person in record.get(slot) or ():
            if person["id"].startswith(ORCID):
                yield person["id"]


# --- the service -----------------------------------------------------------------------------------------------------


def fetch_records(http: Http, reference: Reference) -> Attachment:
    """Ask about the iDs that records use.

    Raises:
        SourceError: the service fails before its first answer.
    """
    return fetch(http, reference, lambda due: _asked(http, reference, due))


def _asked(http: Http, reference: Reference, due: list[str]) -> Iterator[Found]:
    for iri in due:
        url = f"{reference.url.rstrip('/')}/{iri.removeprefix(ORCID)}/record"
        try:
            body = http.get(url, headers=ACCEPT)
        except SourceError as err:
            if err.status not in (LOCKED, *UNKNOWN):
                raise
            yield iri, {"state": "locked"} if err.status == LOCKED else None
            continue
        try:
            told = json.loads(body)
        except ValueError as err:
            raise SourceError(f"{url} is not JSON: {err}") from err
        yield iri, kept(told) if isinstance(told, dict) else None


def kept(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is read of a record: names and employers.

    Args:
        record: the JSON of ``/v3.0/<iD>/record``.
    """
    person = record.get("person") or {}
    name = person.get("name") or {}
    full = " ".join(filter(None, (_value(name, "given-names"), _value(name, "family-name"))))
    others = [one.get("content") for one in objects(person, "other-names", "other-name")]
    groups = objects(record, "activities-summary", "employments", "affiliation-group")
    jobs = [one.get("employment-summary") or {} for group in groups for one in objects(group, "summaries")]
    return {
        "state": "public",
        "id": (record.get("orcid-identifier") or {}).get("path"),
        "name": said(full),
        "credit": said(_value(name, "credit-name")),
        "others": [other for other in map(said, others) if other],
        "employers": [made for job in jobs if (made := _employer(job.get("organization") or {}))],
    }


def _value(holder: Mapping[str, Any], name: str) -> str | None:
    return (holder.get(name) or {}).get("value")


def _employer(organisation: Mapping[str, Any]) -> dict[str, str | None] | None:
    known = organisation.get("disambiguated-organization") or {}
    written = known.get("disambiguated-organization-identifier")
    source = str(known.get("disambiguation-source", "")).upper()
    name = said(organisation.get("name"))
    return {"name": name, "ror": _ror(written) if source == "ROR" else None} if name else None


def _ror(text: object) -> str | None:
    try:
        return identifiers.ror(str(text))
    except ValueError:
        return None


def read_answers(stream: BinaryIO, reference: Reference) -> Iterator[Row]:
    """Yield the rows of kept answers.

    Raises:
        ValueError: not such answers.
    """
    yield META, LICENCE
    yield META, ("attribution", "ORCID")
    for line in stream:
        answer = Answer.read(line)
        yield from _rows(answer.id, answer.found or {"state": "unknown"})


def _rows(iri: str, found: Mapping[str, Any]) -> Iterator[Row]:
    main = orcid(found.get("id"))
    yield "person", (iri, found.get("credit") or found.get("name"), found["state"], main if main != iri else None)
    names = {"name": [found.get("name")], "credit": [found.get("credit")], "other": found.get("others") or []}
    for kind, listed in names.items():
        yield from (("name", (iri, kind, name)) for name in listed if name)
    seen = set()
    for job in objects(found, "employers"):
        if (cells := (iri, job.get("name"), job.get("ror"))) not in seen:
            seen.add(cells)
            yield "employer", cells


# --- the public data file --------------------------------------------------------------------------------------------


def read_file(stream: BinaryIO, reference: Reference) -> Iterator[Row]:
    """Yield the rows of a tarball of summaries (``…/0000-0002-1825-0097.xml``), one person at a time in memory.

    Raises:
        ValueError: not a tarball, cut short, or a summary that is no XML.
    """
    yield META, LICENCE
    yield META, ("attribution", "ORCID Public Data File")
    try:
        with tarfile.open(fileobj=stream, mode="r|") as archive:
            for info in archive:
                if info.isfile() and info.name.endswith(".xml") and info.size <= MAX_SUMMARY:
                    member = archive.extractfile(info)
                    yield from _summary(info.name, member.read() if member else b"")
    except (tarfile.TarError, EOFError, zlib.error, OSError) as err:
        raise ValueError(f"not a complete tarball of ORCID's summaries: {err}") from err


def _summary(name: str, body: bytes) -> Iterator[Row]:
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    try:
        root = etree.fromstring(body, parser)
    except etree.XMLSyntaxError as err:
        raise ValueError(f"{name} is no summary of a person: {err}") from err
    iri = orcid(root.get("path", "").strip("/")) or orcid(name.rpartition("/")[2].removesuffix(".xml"))
    if iri is None:
        return
    full = " ".join(filter(None, (_text(root, "given-names"), _text(root, "family-name"))))
    jobs = [job for summary in root.iter("{*}employment-summary") for job in summary.iter("{*}organization")]
    found = {
        "state": "public",
        "name": said(full),
        "credit": said(_text(root, "credit-name")),
        "others": [text for one in root.iter("{*}other-name") if (text := said(_text(one, "content")))],
        "employers": [made for job in jobs if (made := _employer(_organisation(job)))],
    }
    yield from _rows(iri, found)


def _text(root: Any, tag: str) -> str | None:
    found: str | None = root.findtext(f".//{{*}}{tag}")
    return found


def _organisation(job: Any) -> dict[str, Any]:
    names = ("disambiguated-organization-identifier", "disambiguation-source")
    return {"name": job.findtext("{*}name"), "disambiguated-organization": {name: _text(job, name) for name in names}}


KIND = Kind(
    name="people",
    version=1,
    tables=(
        Table("person", ("id TEXT PRIMARY KEY", "name TEXT", "state TEXT NOT NULL", "became TEXT")),
        Table("name", ("person TEXT", "kind TEXT", "written TEXT"), ("person",)),
        Table("employer", ("person TEXT", "name TEXT", "ror TEXT"), ("person",)),
    ),
    formats={
        "orcid-api": Format(read_answers, fetch_records, identifiers=orcids_of),
        "orcid-file": Format(read_file),
    },
)
