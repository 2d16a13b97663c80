"""Organisations: names in all languages, acronyms, country, parents, and the successors of what was withdrawn.

The registry is ROR: its whole data dump (form ``ror``), its service asked about the identifiers that records use
(``ror-api``), or a table like the small one that comes with the hub (``tsv``). :mod:`hub.organisations` answers.

Source: https://ror.readme.io/docs/schema-v2 · https://ror.readme.io/docs/data-dump · https://ror.readme.io/docs/rest-api
"""

from __future__ import annotations

import codecs
import csv
import json
import re
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, BinaryIO, Final, cast

from harvesters.contract import Attachment, Http, SourceError
from harvesters.references.contract import META, Format, Kind, Reference, Row, Table
from harvesters.references.papers_asking import Found, answer, fetch, objects
from harvesters.references.papers_rows import Answer
from harvesters.references.streams import ZIP, members, text_lines
from ontology import identifiers
from ontology.organisations import name_key

ROR: Final = "https://ror.org/"
LICENCE: Final = ("licence", "https://creativecommons.org/publicdomain/zero/1.0/")
COLUMNS: Final = ("id", "name", "country", "status", "labels", "aliases", "acronyms", "parents", "successors")
_CHUNK: Final = 1 << 20
_VERSION: Final = re.compile(r"v(\d+(?:\.\d+)+)-(\d{4}-\d\d-\d\d)")
_BLANKS: Final = re.compile(r"[ \t\r\n,]*")
_KEPT: Final = ("id", "status", "names", "relationships")


def rors_of(record: Mapping[str, Any]) -> Iterator[str]:
    """Yield the ROR IRIs that stand anywhere in a record."""
    for value in record.values():
        for one in value if isinstance(value, list) else (value,):
            if isinstance(one, Mapping):
                yield from rors_of(one)
    iri = record.get("id")
    if isinstance(iri, str) and iri.startswith(ROR):
        yield iri


# --- fetching --------------------------------------------------------------------------------------------------------


def fetch_dump(http: Http, reference: Reference) -> Attachment:
    """Keep the data dump: the newest zip of a list of Zenodo's, or what is at an address of a file.

    Raises:
        SourceError: Zenodo does not answer, or lists no zip.
    """
    if not reference.url.partition("?")[0].startswith("https://zenodo.org/api/") and "/api/" not in reference.url:
        return http.download(reference.url)
    told = answer(http, reference.url)
    newest = next(iter(objects(told, "hits", "hits")), told if isinstance(told, dict) else {})
    zips = [one for one in objects(newest, "files") if str(one.get("key") or one.get("filename")).endswith(".zip")]
    address = next((str(one["links"].get("self") or one["links"]["download"]) for one in zips), None)
    if address is None:
        raise SourceError(f"{reference.url} lists no zip of ROR's")
    return http.download(address)


def fetch_named(http: Http, reference: Reference) -> Attachment:
    """Ask about the identifiers that records use.

    Raises:
        SourceError: the service fails before its first answer.
    """
    return fetch(http, reference, lambda due: _asked(http, reference, due))


def _asked(http: Http, reference: Reference, due: list[str]) -> Iterator[Found]:
    for iri in due:
        try:
            told = answer(http, f"{reference.url.rstrip('/')}/{iri.removeprefix(ROR)}")
        except SourceError as err:
            if err.status not in (400, 404):
                raise
            told = None
        yield iri, _kept(told) if isinstance(told, dict) and told.get("id") else None


def _kept(item: Mapping[str, Any]) -> dict[str, Any]:
    places = [{"geonames_details": {"country_code": code}} for code in _countries(item)]
    return {name: item[name] for name in _KEPT if name in item} | {"locations": places}


# --- reading ---------------------------------------------------------------------------------------------------------


def read_dump(stream: BinaryIO, reference: Reference) -> Iterator[Row]:
    """Yield the rows of ROR's dump of schema 2, a JSON list or a zip with it; one organisation at a time in memory.

    Raises:
        ValueError: not such a dump.
    """
    yield META, LICENCE
    yield META, ("attribution", "Research Organization Registry (ROR)")
    if cast(Any, stream).peek(4)[:4] != ZIP:
        yield from _rows_of_list(stream)
        return
    name = _dump_in(stream)
    if found := _VERSION.search(name):
        yield META, ("version", f"{found[1]} ({found[2]})")
    for _, member in members(stream, {name}):
        yield from _rows_of_list(member)


def _dump_in(stream: BinaryIO) -> str:
    try:
        names = [name.rpartition("/")[2] for name in zipfile.ZipFile(stream).namelist() if name.endswith(".json")]
    except zipfile.BadZipFile as err:
        raise ValueError(f"not a complete zip: {err}") from err
    stream.seek(0)
    chosen = sorted(names, key=lambda name: ("schema_v2" not in name, name))
    if not chosen:
        raise ValueError("the zip has no JSON file: it is no data dump of ROR's")
    return chosen[0]


def _rows_of_list(stream: BinaryIO) -> Iterator[Row]:
    for item in items_of(stream):
        if not isinstance(item, dict) or "names" not in item:
            raise ValueError("an organisation has no names: it is no dump in ROR's schema 2")
        yield from rows_of(item)


def items_of(stream: BinaryIO) -> Iterator[Any]:
    """Yield the items of a JSON list, holding one at a time.

    Raises:
        ValueError: not a JSON list, or cut short.
    """
    decode, decoder = json.JSONDecoder().raw_decode, codecs.getincrementaldecoder("utf-8-sig")()
    text = decoder.decode(stream.read(_CHUNK)).lstrip()
    if not text.startswith("["):
        raise ValueError("not a JSON list of organisations")
    place = 1
    while True:
        place = _between(text, place)
        if text.startswith("]", place):
            return
        try:
            item, place = decode(text, place)
        except json.JSONDecodeError as err:
            chunk = stream.read(max(_CHUNK, len(text) - place))
            if not chunk:
                raise ValueError(f"the JSON list is cut short or damaged: {err}") from err
            text, place = text[place:] + decoder.decode(chunk), 0
            continue
        yield item


def _between(text: str, place: int) -> int:
    """Return where the next item begins, behind blanks and the comma."""
    found = _BLANKS.match(text, place)
    return found.end() if found else place


def read_answers(stream: BinaryIO, reference: Reference) -> Iterator[Row]:
    """Yield the rows of kept answers of ROR's service.

    Raises:
        ValueError: not such answers.
    """
    yield META, LICENCE
    yield META, ("attribution", "Research Organization Registry (ROR)")
    for line in stream:
        kept = Answer.read(line)
        yield "asked", (kept.id, int(kept.found is not None))
        if kept.found is not None:
            yield from rows_of(kept.found)


def read_table(stream: BinaryIO, reference: Reference) -> Iterator[Row]:
    """Yield the rows of a table in the form of ``ontology/organisations/ror.tsv``.

    Raises:
        ValueError: another heading.
    """
    lines = csv.DictReader(text_lines(stream), delimiter="\t", quoting=csv.QUOTE_NONE, restval="")
    if tuple(lines.fieldnames or ()) != COLUMNS:
        raise ValueError(f"{reference.url}: its columns are not {', '.join(COLUMNS)}")
    for line in lines:
        yield from _rows(
            line["id"],
            line["name"],
            line["country"],
            line["status"],
            [(kind, name) for kind in ("label", "alias", "acronym") for name in _split(line[_COLUMN_OF[kind]])],
            [(kind, other) for kind in ("parent", "successor") for other in _split(line[f"{kind}s"])],
        )


_COLUMN_OF: Final = {"label": "labels", "alias": "aliases", "acronym": "acronyms"}


def _split(cell: str) -> list[str]:
    return [part for part in cell.split("|") if part]


def rows_of(item: Mapping[str, Any]) -> Iterator[Row]:
    """Yield the rows of one organisation in ROR's schema 2; none where its identifier is none."""
    named = [(set(one.get("types") or ()), str(one["value"])) for one in objects(item, "names") if one.get("value")]
    shown = next((name for types, name in named if "ror_display" in types), named[0][1] if named else "")
    told = [(kind, name) for types, name in named for kind in ("label", "alias", "acronym") if kind in types]
    kinds = ("parent", "successor")
    related = [(str(one.get("type")).lower(), str(one.get("id"))) for one in objects(item, "relationships")]
    country = next(iter(_countries(item)), "")
    status = str(item.get("status") or "")
    yield from _rows(str(item["id"]), shown, country, status, told, [one for one in related if one[0] in kinds])


def _countries(item: Mapping[str, Any]) -> list[str]:
    details = [one.get("geonames_details") or {} for one in objects(item, "locations")]
    return [str(one["country_code"]) for one in details if one.get("country_code")]


def _rows(
    written: str,
    shown: str,
    country: str,
    status: str,
    named: Iterable[tuple[str, str]],
    related: Iterable[tuple[str, str]],
) -> Iterator[Row]:
    try:
        iri = identifiers.ror(written)
    except ValueError:
        return
    yield "organisation", (iri, shown, country, status or "active")
    seen = set()
    for kind, name in (("label", shown), *named):
        if (key := name_key(name)) and (kind == "acronym", key) not in seen:
            seen.add((kind == "acronym", key))
            yield "name", (key, kind, name, iri)
    for kind, other in related:
        yield "relation", (iri, kind, identifiers.ror(other))


KIND = Kind(
    name="organisations",
    version=1,
    tables=(
        Table("organisation", ("id TEXT PRIMARY KEY", "name TEXT", "country TEXT", "status TEXT")),
        Table("name", ("key TEXT", "kind TEXT", "written TEXT", "organisation TEXT"), ("key", "organisation")),
        Table("relation", ("organisation TEXT", "kind TEXT", "other TEXT"), ("organisation",)),
        Table("asked", ("id TEXT PRIMARY KEY", "found INTEGER NOT NULL")),
    ),
    formats={
        "ror": Format(read_dump, fetch_dump),
        "ror-api": Format(read_answers, fetch_named, identifiers=rors_of, main="asked"),
        "tsv": Format(read_table),
    },
)
