"""OAI-PMH, the protocol by which repositories and registries hand out metadata: DataCite, Zenodo, Dataverse, DSpace.

The words of the protocol are sickle's; what sickle lets pass is closed here. Every request goes through the hub's
session, every page through a strict parser, an error code is one kind of error, and a list that breaks off, repeats
itself or gives fewer records than it tells is told to be incomplete: what came before is listed, then the error raised.
A folder or zip of ``*.xml`` files, whole answers or single records, is listed in the same way.
Source: http://www.openarchives.org/OAI/openarchivesprotocol.html

Options of a source, beside ``url``:

- ``metadata_prefix``: ``oai_dc`` (the default), ``oai_datacite`` or ``datacite``, as the repository calls its formats.
- ``set``: one set, or a list of them. DataCite takes any query of its search in place of a set, in base64url behind
  ``~``. Source: https://support.datacite.org/docs/datacite-oai-pmh
- ``from``, ``until``: dates; only what was changed between them is listed.
- ``incremental``: true asks only for what has changed since the last complete run. A repository that keeps no track of
  deleted records (``<deletedRecord>no``) then never says what it has taken away.
- ``strict``: false takes a list that is shorter than it tells, or has an empty page in its middle, for complete.
- ``archives``: archives that the hub knows and whose datasets may be described, beside the source's own.
- ``accessions_only``: true lists no DOI of anything else; always so where the source's own archive is one of them.
- ``types``: resource types that are published: dataset, image and collection by default.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import IO, Any, Final
from urllib.parse import urlencode

from sickle import Sickle
from sickle.iterator import OAIResponseIterator
from sickle.models import Header, ResumptionToken
from sickle.response import OAIResponse

from harvesters import files, markup
from harvesters.contract import (
    Context,
    Entry,
    Harvested,
    Harvester,
    Http,
    Listing,
    RecordError,
    Source,
    SourceError,
    Withdrawal,
)
from harvesters.datacite import Resource
from harvesters.dublincore import DublinCore
from harvesters.markup import Element
from harvesters.oai_descriptions import IDR_DOI, Description, accession_of_link, or_none, speaks_for, takes_others
from ontology import archives, dates, identifiers

OAI: Final = "{http://www.openarchives.org/OAI/2.0/}"
PACKED: Final = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.xz", ".tar.bz2")
READERS: Final[dict[str, type[Description]]] = {"resource": Resource, "dc": DublinCore}
MAX_PAGE_BYTES: Final = 32 << 20
MAX_ELEMENTS: Final = 20_000
MAX_KEY_CHARS: Final = 500
MAX_BARREN_PAGES: Final = 10
SPOOL_BYTES: Final = 16 << 20
# Statuses under which repositories send the protocol's own errors, which should come with 200.
# Source: https://github.com/inveniosoftware/invenio-oaiserver (422 for all of them)
ERROR_STATUSES: Final = frozenset({400, 404, 410, 422})
DATESTAMP: Final = re.compile(r"\d{4}-\d\d-\d\d(?:T\d\d:\d\d:\d\dZ)?", re.ASCII)
ONE_DAY: Final = timedelta(days=1)


class RefusedError(SourceError):
    """The repository answered with an error of the protocol.

    Attributes:
        code: the protocol's name of the error, such as ``noRecordsMatch``.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}"[:300])
        self.code = code


# --- the protocol --------------------------------------------------------------------------------------------------


class Answer(OAIResponse):  # type: ignore[misc]
    """One answer, parsed once and strictly.

    Raises:
        SourceError: not well-formed, or not OAI-PMH.
        RefusedError: an error of the protocol.
    """

    def __init__(self, body: bytes, params: dict[str, str]) -> None:
        super().__init__(None, params)
        if len(body) > MAX_PAGE_BYTES:
            raise SourceError(f"{params.get('verb')}: the answer is longer than {MAX_PAGE_BYTES} bytes")
        try:
            self.root = markup.parse(body)
        except ValueError as err:
            raise SourceError(f"{params.get('verb')}: {err}") from err
        if self.root.tag != f"{OAI}OAI-PMH":
            raise SourceError(f"{params.get('verb')}: the answer is <{markup.name(self.root)[:80]}>, not OAI-PMH")
        if (error := self.root.find(f"{OAI}error")) is not None:
            raise RefusedError(error.get("code", "error"), (error.text or "").strip())

    @property
    def xml(self) -> Element:
        """The answer's root element."""
        return self.root

    @property
    def date(self) -> str:
        """When the repository answered, by its own clock; empty when it does not say."""
        return (self.root.findtext(f"{OAI}responseDate") or "").strip()

    def records(self) -> list[Element]:
        """Return the record elements of the answer's list."""
        found: list[Element] = self.root.findall(f"{OAI}{self.params['verb']}/{OAI}record")
        return found


class Pages(OAIResponseIterator):  # type: ignore[misc]
    """The pages of one list.

    Raises:
        SourceError: a token comes a second time, so that the list would never end.
    """

    def __init__(self, sickle: Repository, params: dict[str, str], ignore_deleted: bool = False) -> None:
        self.tokens: set[str] = set()
        super().__init__(sickle, params, ignore_deleted)

    def _get_resumption_token(self) -> ResumptionToken | None:
        element = self.oai_response.xml.find(f"{OAI}{self.verb}/{OAI}resumptionToken")
        if element is None:
            return None
        token = (element.text or "").strip()
        if token in self.tokens:
            raise SourceError(f"{self.verb}: the resumption token {token[:40]!r} comes again, the list goes in circles")
        self.tokens |= {token} if token else set()
        return ResumptionToken(token, complete_list_size=element.get("completeListSize"))


class Repository(Sickle):  # type: ignore[misc]
    """A repository that is asked through the hub's session."""

    def __init__(self, http: Http, url: str) -> None:
        super().__init__(url, iterator=Pages)
        self.http = http

    def harvest(self, **kwargs: str) -> Answer:
        """Return the answer to one request of the protocol."""
        return Answer(self.http.get(self.url(**kwargs), headers={"Accept": "text/xml, application/xml"}), kwargs)

    def url(self, **arguments: str) -> str:
        """Return the address of a request."""
        return f"{self.endpoint}{'&' if '?' in self.endpoint else '?'}{urlencode(arguments)}"


# --- what was listed, by key ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Place:
    """Where a record lies on the shelf.

    Attributes:
        datestamp: of its header, or empty.
        start: of the payload in the shelf's file, in bytes.
        size: of the payload, in bytes.
        url: where the record is to be had.
        is_deleted: whether the archive has deleted it.
    """

    datestamp: str
    start: int
    size: int
    url: str | None
    is_deleted: bool


class Shelf:
    """Records until their list is at its end, the newest of each key.

    Args:
        file: a temporary file for the payloads; memory holds the rest, some 60 MB for 100,000 records.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self.places: dict[str, Place] = {}
        self.file = file

    def put(self, key: str, datestamp: str, payload: bytes, url: str | None, *, is_deleted: bool = False) -> None:
        """Keep a record, unless a newer one of its key is kept."""
        known = self.places.get(key)
        if known is None or known.datestamp <= datestamp:
            self.places[key] = Place(datestamp, self.file.seek(0, 2), len(payload), url, is_deleted)
            self.file.write(payload)

    def entries(self) -> Iterator[Entry]:
        """Yield the entries, sorted by key."""
        for key, place in sorted(self.places.items()):
            self.file.seek(place.start)
            payload = self.file.read(place.size)
            version = f"{place.datestamp}/{hashlib.sha1(payload, usedforsecurity=False).hexdigest()}"
            yield Entry(key, version, place.url, payload, _withdrawal(place) if place.is_deleted else None)


def _withdrawal(place: Place) -> Withdrawal:
    try:
        day = dates.date(place.datestamp)
    except ValueError:
        day = None
    return Withdrawal("The archive has deleted the record", day)


def _named(records: list[Element]) -> list[tuple[str, Any, Element]]:
    """Return identifier, header (sickle's model) and element of those records that have an identifier."""
    headers = ((record.find(f"{OAI}header"), record) for record in records)
    known = ((Header(header), record) for header, record in headers if header is not None)
    named = (((header.identifier or "").strip(), header, record) for header, record in known)
    return [(identifier, header, record) for identifier, header, record in named if identifier]


def _key(identifier: str) -> str:
    """Return the identifier; one that is longer than 500 characters is cut, and its hash put behind it."""
    if len(identifier) <= MAX_KEY_CHARS:
        return identifier
    digest = hashlib.sha256(identifier.encode()).hexdigest()
    return f"{identifier[: MAX_KEY_CHARS - len(digest) - 1]}…{digest}"


# --- listing -------------------------------------------------------------------------------------------------------


def entries(http: Http, source: Source) -> Iterator[Entry]:
    """Yield one entry for each record, with its XML in canonical form as payload; a deleted one as a withdrawal.

    Raises:
        SourceError: the list is not complete (what came is yielded before), or an option is wrong.
    """
    query = Query(source)
    with tempfile.SpooledTemporaryFile(SPOOL_BYTES) as file:
        shelf = Shelf(file)
        problem = None
        try:
            if is_live(source):
                _take_lists(http, source, query, shelf)
            else:
                _take_files(http, source, query, shelf)
        except SourceError as err:
            problem = err
        yield from shelf.entries()
        if problem is not None:
            raise problem


def listing(http: Http, source: Source) -> Listing:
    """Tell whether everything will be listed: not with a range of dates, nor if a last run is known to go on from."""
    query = Query(source)
    is_part = query.since or query.until or (is_live(source) and query.is_incremental and http.recall(query.memory))
    return "partial" if is_part else "full"


def fetch(http: Http, source: Source, entry: Entry) -> bytes:
    """Return one record in canonical form, by itself from the repository, or from its file."""
    if is_live(source):
        if entry.key[-65:-64] == "…":
            raise SourceError(f"{entry.key[:80]}… is too long to ask for")
        prefix = Query(source).prefix
        answer = Repository(http, source.url).harvest(verb="GetRecord", identifier=entry.key, metadataPrefix=prefix)
        for record in answer.records():
            return markup.canonical(record)
        raise SourceError(f"{entry.key}: the answer holds no record")
    with tempfile.SpooledTemporaryFile(SPOOL_BYTES) as file:
        shelf = Shelf(file)
        _take_files(http, source, Query(source), shelf)
        for found in shelf.entries():
            if found.key == entry.key and found.payload is not None:
                return found.payload
    raise SourceError(f"{source.url} does not hold {entry.key} any more")


def is_live(source: Source) -> bool:
    """Tell whether a source is a repository, and no folder, zip or git."""
    url = source.url
    return url.startswith(("http://", "https://")) and not url.endswith(PACKED) and not files.GITHUB.fullmatch(url)


class Query:
    """What a source's options ask for.

    Raises:
        SourceError: an option is wrong; names it.
    """

    def __init__(self, source: Source) -> None:
        self.source = source
        self.prefix = str(self._option("metadata_prefix", str, "oai_dc"))
        chosen = source.options.get("set", [])
        self.sets = [chosen] if isinstance(chosen, str) else chosen
        if not isinstance(self.sets, list) or not all(isinstance(name, str) and _is_set(name) for name in self.sets):
            raise SourceError(f"[sources.{source.name}] set: {chosen!r} is neither a set nor a list of sets")
        self.since, self.until = (self._day(name) for name in ("from", "until"))
        self.is_incremental = bool(self._option("incremental", bool, False))
        self.is_strict = bool(self._option("strict", bool, True))
        self._option("types", list, [])
        self._option("accessions_only", bool, False)
        try:
            self.archives = speaks_for(source)
            self.takes_others = takes_others(source)
        except ValueError as err:
            raise SourceError(f"[sources.{source.name}] {err}") from err

    def _option(self, name: str, kind: type, default: Any) -> Any:
        value = self.source.options.get(name, default)
        if type(value) is not kind:
            raise SourceError(f"[sources.{self.source.name}] {name}: {value!r} is not a {kind.__name__}")
        return value

    def _day(self, name: str) -> str:
        value = str(self.source.options.get(name, ""))
        if value and not DATESTAMP.fullmatch(value):
            raise SourceError(f"[sources.{self.source.name}] {name}: {value!r} is not like 2024-01-31")
        return value

    def takes(self, identifier: str) -> bool:
        """Tell whether a record is to be listed, as far as its identifier, if that is a DOI, can tell."""
        doi = None if self.takes_others else or_none(identifiers.doi, identifier)
        if doi is None:
            return True
        known = accession_of_link(doi)
        archive = archives.archive_of(known) if known else "idr" if IDR_DOI.fullmatch(doi) else ""
        return archive in self.archives

    @property
    def memory(self) -> str:
        """Name under which the end of the last complete run is remembered; another query has another."""
        return "until " + urlencode({"prefix": self.prefix, "sets": " ".join(self.sets), "url": self.source.url})

    def arguments(self, since: str, granule: int) -> list[dict[str, str]]:
        """Return the arguments of each list, both dates as long as the repository takes them and as each other."""
        granule = min([granule, *(len(date) for date in (since, self.until) if date)])
        common = {"metadataPrefix": self.prefix, "from": since[:granule], "until": self.until[:granule]}
        common = {name: value for name, value in common.items() if value}
        return [{**common, "set": name} for name in self.sets] or [common]


def _is_set(name: str) -> bool:
    """Tell whether a set can be asked for: DataCite takes a query that is not whole base64url for no query at all."""
    try:
        base64.urlsafe_b64decode(name.partition("~")[2])
    except (binascii.Error, ValueError):
        return False
    return bool(name)


def _take_lists(http: Http, source: Source, query: Query, shelf: Shelf) -> None:
    repository = Repository(http, source.url)
    last = http.recall(query.memory) if query.is_incremental else None
    since = max(query.since, _overlapping(last) if last else "")
    granule = _granule(repository) if since or query.until else 0
    began = ""
    for recent, all_since in zip(query.arguments(since, granule), query.arguments(query.since, granule), strict=True):
        try:
            at = _take_list(repository, recent, shelf, query)
        except SourceError as err:
            # "Nothing has changed" comes from some as a status without words; then everything is asked for.
            if err.status not in ERROR_STATUSES or recent == all_since:
                raise
            at = _take_list(repository, all_since, shelf, query)
        began = began or at
    reached = began if _is_past(began) else last
    if query.is_incremental and reached:
        http.remember(query.memory, reached)


def _overlapping(last: str) -> str:
    """Return a moment one day before the last run: a repository's index may lag behind its datestamps."""
    return (datetime.fromisoformat(last) - ONE_DAY).strftime("%Y-%m-%dT%H:%M:%SZ")


def _is_past(moment: str) -> bool:
    """Tell whether a repository's clock says something that can be asked from next time."""
    return bool(DATESTAMP.fullmatch(moment)) and moment[:10] <= (datetime.now(UTC) + ONE_DAY).strftime("%Y-%m-%d")


def _granule(repository: Repository) -> int:
    """Return how many characters of a datestamp the repository takes."""
    granularity = repository.harvest(verb="Identify").xml.findtext(f"{OAI}Identify/{OAI}granularity") or ""
    return 10 if granularity.strip() == "YYYY-MM-DD" else 20


def _take_list(repository: Repository, arguments: dict[str, str], shelf: Shelf, query: Query) -> str:
    """Take one list, from the beginning once more when its token has expired; return when it began."""
    try:
        return _take_pages(repository, arguments, shelf, query)
    except RefusedError as err:
        if err.code != "badResumptionToken":
            raise
    return _take_pages(repository, arguments, shelf, query)


def _take_pages(repository: Repository, arguments: dict[str, str], shelf: Shelf, query: Query) -> str:
    listed: set[str] = set()
    doubts: list[str] = []
    began, told, barren = "", 0, 0
    for number, page, token in _pages(repository, arguments):
        began = began or page.date
        before = len(listed)
        listed.update(_take_records(page.records(), repository, query, shelf, doubts))
        if token is not None and (token.complete_list_size or "").strip().isdecimal():
            told = int(token.complete_list_size)
        barren = 0 if len(listed) > before else barren + 1
        if token is not None and token.token and not page.records():
            doubts.append(f"page {number} is empty, though the list goes on")
        if barren == MAX_BARREN_PAGES:
            raise SourceError(f"{barren} pages in a row hold no record that was not listed before")
    if len(listed) < told:
        doubts.append(f"the repository tells of {told} records and lists {len(listed)}")
    if doubts and query.is_strict:
        raise SourceError("ListRecords: " + "; ".join(doubts[:5]))
    return began


def _pages(repository: Repository, arguments: dict[str, str]) -> Iterator[tuple[int, Answer, ResumptionToken | None]]:
    """Yield number, answer and token of each page; none when nothing matches."""
    number = 0
    try:
        pages = repository.ListRecords(**arguments)
        for number, page in enumerate(pages, 1):
            yield number, page, pages.resumption_token
    except RefusedError as err:
        if err.code != "noRecordsMatch" or number:
            raise
    except SourceError as err:
        if number and err.status in ERROR_STATUSES:
            raise RefusedError("badResumptionToken", f"page {number + 1} is refused: {err}") from err
        raise


def _take_records(
    records: list[Element], repository: Repository, query: Query, shelf: Shelf, doubts: list[str]
) -> Iterator[str]:
    named = _named(records)
    if len(named) < len(records):
        doubts.append("a record comes without an identifier")
    for identifier, header, record in named:
        url = repository.url(verb="GetRecord", metadataPrefix=query.prefix, identifier=identifier)
        key = _key(identifier)
        if query.takes(identifier):
            _put(shelf, record, header, key, url if key == identifier else repository.endpoint)
        yield key


def _put(shelf: Shelf, record: Element, header: Any, key: str, url: str | None) -> None:
    shelf.put(key, (header.datestamp or "").strip(), markup.canonical(record), url, is_deleted=header.deleted)


def _take_files(http: Http, source: Source, query: Query, shelf: Shelf) -> None:
    """Take the records of every file.

    A file without any, or with one that has no identifier, is an entry itself, which ``transform`` reads or rejects.
    """
    for entry in files.entries(http, source, ".xml"):
        body = files.fetch(http, source, entry)
        try:
            records = list(markup.parse(body).iter(f"{OAI}record"))
        except ValueError:
            records = []
        named = _named(records)
        for identifier, header, record in named:
            if query.takes(identifier):
                _put(shelf, record, header, _key(identifier), entry.url)
        if not records or len(named) < len(records):
            shelf.put(entry.key, "", body, entry.url)


# --- one record ----------------------------------------------------------------------------------------------------


def transform(raw: bytes, entry: Entry, ctx: Context) -> Harvested:
    """Return the dataset that one record (or bare resource) describes.

    Raises:
        RecordError: not such a record, deleted, no dataset, or one that this source may not speak for.
    """
    identifier, element = _metadata(raw, entry)
    reader = READERS.get(markup.name(element))
    if reader is None:
        raise RecordError(f"metadata: <{markup.name(element)[:80]}> is neither a DataCite resource nor Dublin Core")
    document = reader(ctx, element, identifier)
    dataset, withdrawal = document.dataset(), document.withdrawal()
    return Harvested(dataset, tuple(document.findings), withdrawal)


def _metadata(raw: bytes, entry: Entry) -> tuple[str | None, Element]:
    """Return a record's OAI identifier (None for a bare resource) and its metadata."""
    try:
        root = markup.parse(raw)
    except ValueError as err:
        raise RecordError(f"{entry.key[:200]}: {err}") from err
    if sum(1 for _ in root.iter()) > MAX_ELEMENTS:
        raise RecordError(f"metadata: the record has more than {MAX_ELEMENTS} elements")
    if root.tag != f"{OAI}record":
        return None, _unwrapped(root)
    header = root.find(f"{OAI}header")
    identifier = (root.findtext(f"{OAI}header/{OAI}identifier") or "").strip() or None
    if header is not None and header.get("status") == "deleted":
        raise RecordError(f"header: the archive has deleted {(identifier or entry.key)[:200]}")
    metadata = root.find(f"{OAI}metadata")
    if metadata is None or not len(metadata):
        raise RecordError("metadata: the record holds none")
    return identifier, _unwrapped(metadata[0])


def _unwrapped(element: Element) -> Element:
    """Return what an ``oai_datacite`` envelope holds, or the element itself."""
    inner = element.find("{*}payload/{*}resource")
    return element if inner is None else inner


HARVESTER = Harvester(
    name="oai",
    title="OAI-PMH repositories with DataCite or Dublin Core metadata",
    homepage="https://www.openarchives.org/pmh/",
    licence=None,
    entries=entries,
    fetch=fetch,
    transform=transform,
    listing=listing,
    route=3,
)
