"""OAI-PMH 2.0: what harvesters of libraries and registries ask, answered from the log.

A list is in the order of the last visible change of each dataset. A resumption token holds the whole question and the
number of the last change that was told, so the hub keeps nothing for it: while somebody pages, a dataset that changes
moves to the end of the list and is told again, and none that stays as it is gets lost.

Source: https://www.openarchives.org/OAI/openarchivesprotocol.html
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Final, Self
from urllib.parse import urlsplit

from lxml import etree

from hub.config import EMAIL
from hub.feeds.datasets import merged
from hub.feeds.journal import ACTIVE, Content, Journal, Latest
from hub.feeds.oai_formats import SCHEMA_LOCATION, XSI, Element, add, forms
from hub.routes import Precedence

OAI: Final = "http://www.openarchives.org/OAI/2.0/"
IDENTIFIER: Final = "http://www.openarchives.org/OAI/2.0/oai-identifier"
PAGE: Final = 100
# A page ends early after records of so many bytes in the log, packed to about a tenth, so that no answer is too long.
PAGE_BYTES: Final = 400_000
SETS: Final = "archive"
# Whom nobody has named: an address that can belong to nobody. Source: https://www.rfc-editor.org/rfc/rfc6761
NO_ADDRESS: Final = "not-set@bioimage-hub.invalid"
_PREFIX: Final = re.compile(r"[A-Za-z0-9\-_.!~*'()]+")
_SET: Final = re.compile(r"[A-Za-z0-9\-_.!~*'()]+(?::[A-Za-z0-9\-_.!~*'()]+)*")
_URI: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[A-Za-z0-9\-_.!~*'();/?:@&=+$,%#]+")
_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d(T\d\d:\d\d:\d\dZ)?", re.ASCII)
_DOMAIN: Final = re.compile(r"[a-zA-Z][a-zA-Z0-9-]*(\.[a-zA-Z][a-zA-Z0-9-]*)+")
_SECOND: Final = "%Y-%m-%dT%H:%M:%SZ"
_DIGEST_CHARS: Final = 12
MAX_NUMBER: Final = 2**62
Arguments = dict[str, str]


class OaiError(Exception):
    """An error of the protocol.

    Attributes:
        code: the protocol's name of it.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Verb:
    """Which arguments a verb takes; with ``resumptionToken`` nothing else may stand."""

    required: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    resumes: bool = False


_LIST: Final = Verb(("metadataPrefix",), ("from", "until", "set"), resumes=True)
VERBS: Final = {
    "Identify": Verb(),
    "ListMetadataFormats": Verb(optional=("identifier",)),
    "ListSets": Verb(resumes=True),
    "GetRecord": Verb(("identifier", "metadataPrefix")),
    "ListIdentifiers": _LIST,
    "ListRecords": _LIST,
}


@dataclass(frozen=True, slots=True)
class Position:
    """What a list is of, and how far it was told: what a resumption token holds.

    Attributes:
        verb: of the list.
        prefix: the metadata's form.
        within: the set, or empty.
        since: ISO 8601 time of the first change that is wanted, or empty.
        until: of the last one, or empty.
        after: number of the last change that was told.
        cursor: how many records were told.
        size: how many the list had when it began; None where that may become less.
    """

    verb: str
    prefix: str
    within: str = ""
    since: str = ""
    until: str = ""
    after: int = 0
    cursor: int = 0
    size: int | None = None

    def token(self) -> str:
        """Return the position as a resumption token, with a hash against slips of who copies it."""
        body = base64.urlsafe_b64encode(json.dumps(list(asdict(self).values())).encode()).rstrip(b"=").decode()
        return f"{body}.{_digest(body)}"

    @classmethod
    def of_token(cls, token: str) -> Self:
        """Return the position that a token holds.

        Raises:
            ValueError: the hub never wrote such a token.
        """
        body, _, digest = token.partition(".")
        if not token.isascii() or digest != _digest(body):
            raise ValueError("its hash does not fit")
        found = cls(*json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))))
        if not _is_position(found):
            raise ValueError("it holds no position")
        return found


def _digest(body: str) -> str:
    return hashlib.sha256(body.encode()).hexdigest()[:_DIGEST_CHARS]


def _is_position(found: Position) -> bool:
    texts = (found.verb, found.prefix, found.within, found.since, found.until)
    numbers = (found.after, found.cursor, 0 if found.size is None else found.size)
    return all(type(text) is str for text in texts) and all(type(n) is int and 0 <= n < MAX_NUMBER for n in numbers)


@dataclass(frozen=True, slots=True)
class Provider:
    """Answers requests as of one number of the log.

    Attributes:
        journal: the log as readers see it.
        order: whose word counts of several records of a dataset.
        base: the hub's base IRI.
        url: address that requests are sent to.
        email: address of the administrator.
        archives: returns titles of the archives that have datasets, by name.
        page: most records of one answer.
    """

    journal: Journal
    order: Precedence
    base: str
    url: str
    email: str
    archives: Callable[[], Mapping[str, str]]
    page: int = PAGE

    def answer(self, given: Iterable[tuple[str, str]]) -> bytes:
        """Return the answer to the arguments of a request, as XML; errors of the protocol are answers too."""
        root = etree.Element(f"{{{OAI}}}OAI-PMH", nsmap={None: OAI, "xsi": XSI})
        root.set(SCHEMA_LOCATION, f"{OAI} {OAI}OAI-PMH.xsd")
        add(root, "responseDate", datetime.now(UTC).strftime(_SECOND))
        request = add(root, "request", self.url)
        pairs = list(given)
        try:
            arguments = _checked(pairs)
            for name, value in arguments.items():
                request.set(name, value)
            root.append(_ANSWERS[arguments["verb"]](self, arguments))
        except OaiError as err:
            if err.code in ("badVerb", "badArgument"):
                request.attrib.clear()
            add(root, "error", str(err), code=err.code)
        written: bytes = etree.tostring(root, xml_declaration=True, encoding="UTF-8")
        return written

    # --- verbs

    def identify(self, _: Arguments) -> Element:
        """Who the repository is."""
        found = etree.Element(f"{{{OAI}}}Identify")
        add(found, "repositoryName", f"Bioimage Hub at {urlsplit(self.base).netloc}")
        add(found, "baseURL", self.url)
        add(found, "protocolVersion", "2.0")
        add(found, "adminEmail", self.email)
        add(found, "earliestDatestamp", self.journal.earliest() or datetime.now(UTC).strftime(_SECOND))
        add(found, "deletedRecord", "persistent")
        add(found, "granularity", "YYYY-MM-DDThh:mm:ssZ")
        add(found, "compression", "gzip")
        if _DOMAIN.fullmatch(_host(self.base)):
            add(found, "description").append(self._identifiers())
        return found

    def _identifiers(self) -> Element:
        """Return how identifiers are made.

        Source: http://www.openarchives.org/OAI/2.0/guidelines-oai-identifier.htm
        """
        found = etree.Element(f"{{{IDENTIFIER}}}oai-identifier", nsmap={None: IDENTIFIER, "xsi": XSI})
        found.set(SCHEMA_LOCATION, f"{IDENTIFIER} {IDENTIFIER}.xsd")
        add(found, "scheme", "oai")
        add(found, "repositoryIdentifier", _host(self.base))
        add(found, "delimiter", ":")
        add(found, "sampleIdentifier", identifier(self.base, f"{self.base}dataset/idr/idr0001"))
        return found

    def formats(self, arguments: Arguments) -> Element:
        """In which forms everything is, or one dataset, which is always all of them."""
        if "identifier" in arguments:
            self._item(arguments["identifier"])
        found = etree.Element(f"{{{OAI}}}ListMetadataFormats")
        for form in forms(self.base).values():
            one = add(found, "metadataFormat")
            add(one, "metadataPrefix", form.prefix)
            add(one, "schema", form.schema)
            add(one, "metadataNamespace", form.namespace)
        return found

    def sets(self, arguments: Arguments) -> Element:
        """Which sets there are: all archives, and each of them. The list is one page, so there are no tokens of it."""
        if "resumptionToken" in arguments:
            raise OaiError("badResumptionToken", "the list of sets has one page: ask for it without a token")
        found = etree.Element(f"{{{OAI}}}ListSets")
        named = {f"{SETS}:{name}": title for name, title in sorted(self.archives().items())}
        for spec, title in {SETS: "All archives", **named}.items():
            one = add(found, "set")
            add(one, "setSpec", spec)
            add(one, "setName", title)
        return found

    def record(self, arguments: Arguments) -> Element:
        """One dataset."""
        form = self._prefix(arguments["metadataPrefix"])
        latest = self._item(arguments["identifier"])
        found = etree.Element(f"{{{OAI}}}GetRecord")
        self._add_record(found, latest, form, self.journal.contents([latest.iri]).get(latest.iri, []))
        return found

    def headers(self, arguments: Arguments) -> Element:
        """A page of headers."""
        position, found = self._position(arguments), etree.Element(f"{{{OAI}}}ListIdentifiers")
        listed = self._listed(position)
        for latest in listed[: self.page]:
            self._add_header(found, latest)
        self._add_token(found, position, listed, min(len(listed), self.page))
        return found

    def records(self, arguments: Arguments) -> Element:
        """A page of records."""
        position, found = self._position(arguments), etree.Element(f"{{{OAI}}}ListRecords")
        listed = self._listed(position)
        contents = self.journal.contents([latest.iri for latest in listed[: self.page] if latest.state == ACTIVE])
        told = packed = 0
        for latest in listed[: self.page]:
            known = contents.get(latest.iri, [])
            self._add_record(found, latest, position.prefix, known)
            told += 1
            packed += sum(len(content.packed) for content in known)
            if packed >= PAGE_BYTES:
                break
        self._add_token(found, position, listed, told)
        return found

    # --- lists

    def _position(self, arguments: Arguments) -> Position:
        if "resumptionToken" in arguments:
            return self._resumed(arguments["verb"], arguments["resumptionToken"])
        since, until = _moments(arguments.get("from"), arguments.get("until"))
        prefix = self._prefix(arguments["metadataPrefix"])
        position = Position(arguments["verb"], prefix, arguments.get("set", ""), since, until)
        # What changes while somebody pages leaves the range of a list that ends at a time.
        return position if until else replace(position, size=self._size(position))

    def _resumed(self, verb: str, token: str) -> Position:
        try:
            found = Position.of_token(token)
        except (ValueError, TypeError) as err:
            raise OaiError("badResumptionToken", f"resumptionToken: {err}: begin the list again") from err
        if found.verb != verb or found.prefix not in forms(self.base) or found.after > self.journal.until:
            raise OaiError("badResumptionToken", "resumptionToken: it is of another list: begin the list again")
        return found

    def _size(self, position: Position) -> int:
        return self.journal.count(below=self._below(position), at_least=position.since)

    def _listed(self, position: Position) -> list[Latest]:
        """Return the datasets of the next page, and one more if there is any."""
        found = self.journal.latest(
            position.after,
            self.page + 1,
            below=self._below(position),
            at_least=position.since,
            at_most=position.until,
        )
        if not found and position.after:
            raise OaiError("badResumptionToken", "the rest of the list has changed since: begin the list again")
        if not found:
            raise OaiError("noRecordsMatch", "nothing is in this set and between these dates")
        return found

    def _below(self, position: Position) -> str:
        """Return how IRIs of datasets in the set begin; nothing begins so where there is no such set."""
        kind, _, name = position.within.partition(":")
        if kind not in ("", SETS):
            raise OaiError("noRecordsMatch", f"set: there is no {position.within}; ListSets tells which there are")
        return f"{self.base}dataset/{name}/" if name else f"{self.base}dataset/"

    def _add_token(self, parent: Element, position: Position, listed: list[Latest], told: int) -> None:
        """Add the token of the next page; an empty one ends a list of several pages."""
        is_last = told == len(listed)
        if is_last and not position.after:
            return
        after = replace(position, after=listed[told - 1].sequence, cursor=position.cursor + told)
        token = add(parent, "resumptionToken", None if is_last else after.token(), cursor=str(position.cursor))
        if position.size is not None:
            token.set("completeListSize", str(max(position.size, after.cursor + len(listed) - told)))

    # --- datasets

    def _prefix(self, prefix: str) -> str:
        if prefix not in (known := forms(self.base)):
            raise OaiError("cannotDisseminateFormat", f"metadataPrefix: {prefix} is none of {', '.join(known)}")
        return prefix

    def _item(self, name: str) -> Latest:
        start = identifier(self.base, self.base)
        local = name.removeprefix(start)
        iri = f"{self.base}{local}"
        found = local.startswith("dataset/") and name != local and self.journal.latest(0, 1, iri=iri)
        if not found:
            raise OaiError("idDoesNotExist", f"identifier: there is no {name}; identifiers begin with {start}dataset/")
        return found[0]

    def _add_header(self, parent: Element, latest: Latest) -> None:
        header = add(parent, "header")
        if latest.state != ACTIVE:
            header.set("status", "deleted")
        add(header, "identifier", identifier(self.base, latest.iri))
        add(header, "datestamp", latest.at)
        add(header, "setSpec", f"{SETS}:{archive_of(self.base, latest.iri)}")

    def _add_record(self, parent: Element, latest: Latest, prefix: str, contents: list[Content]) -> None:
        record = add(parent, "record")
        self._add_header(record, latest)
        if latest.state == ACTIVE:
            form = forms(self.base)[prefix]
            add(record, "metadata").append(form.element(merged(contents, self.order)))


_ANSWERS: Final[dict[str, Callable[[Provider, Arguments], Element]]] = {
    "Identify": Provider.identify,
    "ListMetadataFormats": Provider.formats,
    "ListSets": Provider.sets,
    "GetRecord": Provider.record,
    "ListIdentifiers": Provider.headers,
    "ListRecords": Provider.records,
}


def _host(base: str) -> str:
    return urlsplit(base).hostname or ""


def identifier(base: str, iri: str) -> str:
    """Return the OAI identifier of a dataset.

    >>> identifier("https://w3id.org/bioimage-hub/", "https://w3id.org/bioimage-hub/dataset/idr/idr0001")
    'oai:w3id.org:dataset/idr/idr0001'
    """
    return f"oai:{_host(base)}:{iri.removeprefix(base)}"


def archive_of(base: str, iri: str) -> str:
    """Return the name of the archive in a dataset's IRI."""
    return iri.removeprefix(f"{base}dataset/").partition("/")[0]


def admin_email(address: str, contact: str) -> str:
    """Return the administrator's address: the one that is set, else the contact where it is one, else nobody's."""
    known = contact.removeprefix("mailto:")
    return address or (known if re.fullmatch(EMAIL, known) else NO_ADDRESS)


# --- arguments ----------------------------------------------------------------------------------------------------


def _checked(given: list[tuple[str, str]]) -> Arguments:
    """Return the arguments by name.

    Raises:
        OaiError: there is no such verb, or an argument is missing, repeated, unknown, or written wrong.
    """
    verbs = [value for name, value in given if name == "verb"]
    if len(verbs) != 1 or verbs[0] not in VERBS:
        raise OaiError("badVerb", f"verb: give one of {', '.join(VERBS)}, once")
    verb, arguments = VERBS[verbs[0]], dict(given)
    if len(arguments) < len(given):
        raise OaiError("badArgument", "an argument is repeated: give each once")
    names = arguments.keys() - {"verb"}
    if verb.resumes and "resumptionToken" in names:
        if len(names) > 1:
            raise OaiError("badArgument", "resumptionToken: no other argument may stand beside it")
        return _only_ascii(arguments)
    if unknown := sorted(names - {*verb.required, *verb.optional}):
        raise OaiError("badArgument", f"{unknown[0][:80]!r}: {verbs[0]} has no such argument")
    if missing := [name for name in verb.required if name not in names]:
        raise OaiError("badArgument", f"{missing[0]}: {verbs[0]} needs it")
    for name in names:
        if not _WRITTEN[name].fullmatch(arguments[name]):
            raise OaiError("badArgument", f"{name}: {arguments[name][:80]!r} is not written as the protocol has it")
    return arguments


_WRITTEN: Final = {"identifier": _URI, "metadataPrefix": _PREFIX, "set": _SET, "from": _DATE, "until": _DATE}


def _only_ascii(arguments: Arguments) -> Arguments:
    """Return the arguments, a token that no answer could repeat being none of this hub's."""
    token = arguments["resumptionToken"]
    return {**arguments, "resumptionToken": token if token.isascii() and token.isprintable() else "?"}


def _moments(since: str | None, until: str | None) -> tuple[str, str]:
    """Return the first and the last second of a range of dates, empty where it is open."""
    if since and until and len(since) != len(until):
        raise OaiError("badArgument", "from, until: write both as days or both as seconds")
    first, last = _moment("from", since, "T00:00:00Z"), _moment("until", until, "T23:59:59Z")
    if first and last and first > last:
        raise OaiError("badArgument", "from: it is later than until")
    return first, last


def _moment(name: str, text: str | None, rest: str) -> str:
    if text is None:
        return ""
    whole = text + rest if len(text) == len("2026-11-20") else text
    try:
        datetime.strptime(whole, _SECOND)
    except ValueError as err:
        raise OaiError("badArgument", f"{name}: there is no {text}") from err
    return whole
