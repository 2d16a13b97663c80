"""The contract that every harvester keeps: list the entries, fetch one, transform its payload.

A harvester is one module with three functions and a declaration::

    HARVESTER = Harvester(name="empiar", title="EMPIAR", homepage="https://…", licence="https://…",
                          entries=entries, fetch=fetch, transform=transform)

``entries`` and ``fetch`` may use the network or the disk; ``transform`` is pure: no network, clock or store.
Errors are grouped by what the caller does: `SourceError` stops the source and keeps what stands,
`RecordError` skips one record and reports it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO, Literal, Protocol, TypeVar

from linkml_schemas.generated.model import Dataset

T = TypeVar("T")


class SourceError(Exception):
    """The source cannot be listed or read to its end; what stands is kept.

    Attributes:
        status: HTTP status of the answer that was refused; None when there was no answer.
    """

    def __init__(self, *args: object, status: int | None = None) -> None:
        super().__init__(*args)
        self.status = status


class RecordError(Exception):
    """One record cannot be published.

    Attributes:
        reasons: every reason at once, each naming the field and the fix.
    """

    def __init__(self, *reasons: str) -> None:
        super().__init__("; ".join(reasons))
        self.reasons = reasons


@dataclass(frozen=True, slots=True)
class Source:
    """One configured source (a ``[sources.<name>]`` table).

    Attributes:
        name: key of the table, e.g. ``bia``; part of the record's IRI.
        harvester: module in ``harvesters/``.
        archive: archive that owns what the source lists, e.g. ``bia``.
        url: live URL, or a folder (or zip) in the service's shape.
        options: every other key of the table, for the harvester.
    """

    name: str
    harvester: str
    archive: str
    url: str
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """The archive itself says that the record is withdrawn.

    Attributes:
        reason: one sentence.
        date: ISO 8601 date (precision as given), or None.
        replaced_by: IRI of the record that takes its place, or None.
    """

    reason: str
    date: str | None = None
    replaced_by: str | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a source's listing.

    Attributes:
        key: what the source calls the entry (a path, an accession); unique and stable within the source.
        version: cheap sign that the payload has not changed (blob hash, ETag, mtime+size); None when unknown.
        url: where the payload is, for the record's provenance.
        payload: the archive's own bytes of the entry, where the listing carries them; ``fetch`` is then not called.
        withdrawal: set when the listing itself says that the entry is withdrawn (a deleted record of OAI-PMH); a
            record that stands becomes a tombstone, and nothing is fetched.
    """

    key: str
    version: str | None = None
    url: str | None = None
    payload: bytes | None = field(default=None, repr=False, compare=False)
    withdrawal: Withdrawal | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """One quality problem of one field; the record itself goes on.

    Attributes:
        field: path of the field in the payload, e.g. ``author[3].@id``.
        rule: short stable name, e.g. ``orcid-checksum``.
        value: the offending value, shortened to 200 characters, never an e-mail address.
        message: one sentence.
        suggestion: what would be right, when known.
    """

    field: str
    rule: str
    value: str
    message: str
    suggestion: str | None = None


def no_attachments(digest: str) -> BinaryIO:
    """Refuse: nothing was attached.

    Raises:
        RecordError: always.
    """
    raise RecordError(f"the file with SHA-256 {digest} is not kept: harvest the source with --full")


@dataclass(frozen=True, slots=True)
class Context:
    """What ``transform`` may know beside the payload.

    Attributes:
        base_iri: the hub's base IRI, ending in ``/``.
        source: the configured source.
        open: opens a file that ``fetch`` kept with `Http.download` or `Http.keep`, by its SHA-256, for reading. As
            the file is named by its content, a ``transform`` that reads it is still pure. RecordError when it is
            not kept.
    """

    base_iri: str
    source: Source
    open: Callable[[str], BinaryIO] = no_attachments


@dataclass(frozen=True, slots=True)
class Harvested:
    """What one payload says.

    Attributes:
        record: the dataset, valid and canonical.
        findings: its quality problems.
        withdrawal: set when the archive has withdrawn the record; it then becomes a tombstone.
    """

    record: Dataset
    findings: tuple[Finding, ...] = ()
    withdrawal: Withdrawal | None = None


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file too large for a payload, kept under its hash beside the payloads.

    Attributes:
        sha256: SHA-256 of the bytes as they came, in hexadecimal digits.
        size: number of bytes.
    """

    sha256: str
    size: int


class Http(Protocol):
    """The one polite session that harvesters may use (see :mod:`harvesters.http`).

    A GET is conditional by itself: an answer with an ETag or Last-Modified is kept, and asked for again with
    If-None-Match or If-Modified-Since; the kept bytes are returned when the server says 304.
    """

    def get(self, url: str, *, headers: Mapping[str, str] | None = None) -> bytes:
        """Return the body of a 200 answer, or raise SourceError."""

    def post(self, url: str, body: bytes, *, headers: Mapping[str, str] | None = None) -> bytes:
        """Return the body of a 200 answer to a POST, or raise SourceError."""

    def download(self, url: str, *, headers: Mapping[str, str] | None = None) -> Attachment:
        """Keep the body of a 200 answer, in bounded memory, or raise SourceError."""

    def keep(self, stream: BinaryIO) -> Attachment:
        """Keep the rest of a stream, in bounded memory."""

    def open(self, digest: str) -> BinaryIO:
        """Open what was kept under a SHA-256 for reading."""

    def allowed(self, url: str) -> bool:
        """Tell whether the robots.txt of a web site lets the hub read a page; for crawling, not for APIs."""

    def once(self, key: str, make: Callable[[], T]) -> T:
        """Return what ``make`` gives the first time in this run, and the same object from then on."""

    def recall(self, name: str) -> str | None:
        """Return what this source's last complete run remembered; None the first time and with ``--full``."""

    def remember(self, name: str, value: str) -> None:
        """Remember a value for the next run; kept only when this run ends without an error."""


Listing = Literal["full", "partial"]


def no_attachments_of(payload: bytes) -> Iterable[str]:
    """Return that a payload names no attachments."""
    return ()


@dataclass(frozen=True, slots=True)
class Harvester:
    """Declaration of a harvester module.

    Attributes:
        entries: complete listing of the source; raises SourceError when it cannot be complete.
        fetch: the archive's own bytes of one entry, as they came.
        transform: payload → record and findings; pure. RecordError when there is no publishable record.
        version: raised whenever ``transform`` changes its result, so that unchanged payloads are read again.
        listing: ``full`` when an entry that is not listed has vanished from the archive; a function where it depends
            on the source's options and on what the last run remembered; it is asked before the listing begins.
        route: how near the harvester is to its archive; where several sources describe one dataset, the one with
            the lowest number is displayed first. 1 the archive's own form, 2 an export of it (crates), 3 another
            archive's or a registry's word.
        attachments: the SHA-256 of every attachment that a payload names, so that `hub check` can look for them.
        doubtful: rules of findings that may be a mishap of the archive's and not its word (a part that could not be
            had); such an entry is read once more by the next run, though its version is the same.
    """

    name: str
    title: str
    homepage: str
    licence: str | None
    entries: Callable[[Http, Source], Iterator[Entry]]
    fetch: Callable[[Http, Source, Entry], bytes]
    transform: Callable[[bytes, Entry, Context], Harvested]
    version: int = 1
    listing: Listing | Callable[[Http, Source], Listing] = "full"
    route: int = 1
    attachments: Callable[[bytes], Iterable[str]] = no_attachments_of
    doubtful: frozenset[str] = frozenset()
