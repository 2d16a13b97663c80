"""What descriptions of datasets by others share: whose record it is, and how their statements become slots.

Registries and general repositories describe datasets in formats that say little of biology (:mod:`harvesters.datacite`,
:mod:`harvesters.dublincore`). A record is one of an archive that the hub knows when its own DOI is of that archive; the
prefix alone names none (10.6019 is also PXD's and ChEMBL's), the suffix does. Which archives a source may speak for
stands in its settings; every other DOI becomes an accession of the source's own archive.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from harvesters import markup
from harvesters.building import Builder, property_iri, slug
from harvesters.contract import Context, RecordError, Source, Withdrawal
from harvesters.markup import Element
from linkml_schemas.generated.model import Dataset, Distribution, Organization, Person
from ontology import archives, dates, identifiers, licences, sizes, text

T = TypeVar("T")

MAX_TEXT_CHARS: Final = 100_000
MAX_ACCESSION_CHARS: Final = 200

# DOI prefix → the archives of the hub that register theirs under it. Source: https://api.datacite.org/prefixes
REGISTERED: Final = {"10.6019": ("bia", "empiar"), "10.24631": ("ssbd",)}
# IDR's DOIs hold no accession; one with a letter at its end is a screen or an experiment of the study without it.
IDR_DOI: Final = re.compile(r"https://doi\.org/10\.17867/\d+([a-z]?)", re.ASCII)
IDR: Final = re.compile(r"(?<![a-z0-9])idr ?(\d{4})(?!\d)", re.IGNORECASE | re.ASCII)
# A suffix that says itself whose it is, such as zenodo.1234567.
NAMED_SUFFIX: Final = re.compile(r"[a-z]{2,20}[.][a-z0-9._-]+", re.ASCII)

# Resource types that are published by default, as folded by `folded_type`. Source: https://schema.datacite.org/meta/kernel-4/
# include/datacite-resourceType-v4.xsd, http://purl.org/dc/dcmitype/ and https://vocabularies.coar-repositories.org/
TYPES: Final = ("dataset", "image", "collection")
TYPE_SPELLINGS: Final = {
    "stillimage": "image", "movingimage": "image", "c_c513": "image", "c_ecc8": "image", "c_8a7e": "image",
    "c_ddb1": "dataset", "datasets": "dataset",
}  # fmt: skip
TYPE_NAMESPACE: Final = re.compile(
    r"https?://purl\.org/(?:dc/dcmitype|coar/resource_type)/|info:eu-repo/semantics/|\s", re.IGNORECASE
)

# Statements of access in place of a licence. Source: https://vocabularies.coar-repositories.org/access_rights/
ACCESS: Final = {
    "info:eu-repo/semantics/openaccess": True, "info:eu-repo/semantics/restrictedaccess": False,
    "info:eu-repo/semantics/closedaccess": False, "info:eu-repo/semantics/embargoedaccess": False,
    "http://purl.org/coar/access_right/c_abf2": True, "http://purl.org/coar/access_right/c_16ec": False,
    "http://purl.org/coar/access_right/c_14cb": False, "http://purl.org/coar/access_right/c_f1cf": False,
    "open access": True, "openaccess": True, "restricted access": False, "closed access": False,
    "embargoed access": False,
}  # fmt: skip

COUNTED: Final = re.compile(r"(\d{1,3}(?:,\d{3})+|\d+) (file|image)s?", re.IGNORECASE | re.ASCII)
ORGANISATION: Final = re.compile(
    r"\b(?:academy|archive|association|cent(?:er|re|rum)|college|collaboration|commission|committee|company|consorti\w+"
    r"|council|department|facility|foundation|group|gmbh|hospital|inc|initiative|instit\w+|lab|laborator\w+|library"
    r"|ltd|museum|network|observatory|organi[sz]ation|platform|program(?:me)?|project|school|service|society|team|trust"
    r"|universi\w+)\b",
    re.IGNORECASE,
)


def takes_others(source: Source) -> bool:
    """Tell whether a source also describes datasets that are of no archive that the hub knows."""
    return source.archive not in archives.ARCHIVES and source.options.get("accessions_only") is not True


def speaks_for(source: Source) -> list[str]:
    """Return the archives whose datasets a source may describe: its own, and those of its option ``archives``.

    Raises:
        ValueError: the option is no list of archives that the hub knows.
    """
    more = source.options.get("archives", [])
    if not isinstance(more, list) or not all(name in archives.ARCHIVES for name in more):
        raise ValueError(f"archives: {more!r} is not a list of {', '.join(archives.ARCHIVES)}")
    return list(dict.fromkeys([source.archive, *more]))


# --- whose record it is --------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Identity:
    """What a record says of its own identity.

    Attributes:
        doi: its DOI as IRI.
        named: the OAI identifier, or what else names the record.
        hints: groups of texts in which IDR's accession may stand; the surest group first.
    """

    doi: str | None
    named: str
    hints: list[list[str]] = field(default_factory=list)


def accession_of(identity: Identity) -> str | None:
    """Return the accession of an archive that the hub knows, by the record's own DOI; None for any other record.

    Raises:
        RecordError: a DOI of IDR that leads to no study.
    """
    doi = identity.doi or ""
    if found := IDR_DOI.fullmatch(doi):
        return _idr_study(doi, bool(found[1]), identity.hints)
    prefix = doi.removeprefix("https://doi.org/").partition("/")[0]
    try:
        accession = archives.accession(doi)
    except ValueError:
        return None
    return accession if archives.archive_of(accession) in REGISTERED.get(prefix, ()) else None


def _idr_study(doi: str, is_part: bool, hints: list[list[str]]) -> str:
    for group in hints:
        numbers = {number for hint in group for number in IDR.findall(hint)}
        if len(numbers) == 1:
            accession = f"idr{numbers.pop()}"
            if is_part:
                raise RecordError(f"identifier: {doi} is a screen or experiment of {accession}, not the study")
            return accession
    raise RecordError(f"identifier: {doi} is IDR's, but no alternate or related identifier or title names its study")


def _route(ctx: Context, identity: Identity) -> tuple[str, str]:
    """Return archive and accession of a record; one that only looks like another archive's says whose it is."""
    spoken_for = speaks_for(ctx.source)
    accession = accession_of(identity)
    own = ctx.source.archive
    if accession is None and not takes_others(ctx.source):
        shown = identity.doi or text.drop_emails(identity.named)[:200] or "none"
        raise RecordError(f"identifier: {shown} is no dataset of {' or '.join(spoken_for)}")
    if accession is None:
        made = _made(identity)
        return own, f"{own}-{made}" if or_none(archives.archive_of, made) else made
    archive = archives.archive_of(accession)
    if archive not in spoken_for:
        raise RecordError(
            f"identifier: {accession} is {archive}'s, for which [sources.{ctx.source.name}] may not speak: "
            "add it to the source's archives if it may"
        )
    return archive, accession


def _made(identity: Identity) -> str:
    """Return an accession made of the DOI, else of the OAI identifier's local part; others give others."""
    if identity.doi:
        prefix, _, suffix = identity.doi.removeprefix("https://doi.org/").partition("/")
        name = suffix if NAMED_SUFFIX.fullmatch(suffix) else f"{prefix}-{suffix}"
    else:
        parts = identity.named.split(":", 2)
        name = parts[2] if parts[0] == "oai" and len(parts) == 3 else identity.named
    safe = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-._")
    if not safe or len(safe) > MAX_ACCESSION_CHARS or text.has_email(name):
        raise RecordError(f"identifier: {text.drop_emails(identity.named)[:80] or 'none'!r} makes no accession")
    return safe if safe == name else f"{safe}-{hashlib.sha256(name.encode()).hexdigest()[:6]}"


# --- what both formats share ---------------------------------------------------------------------------------------


class Description(Builder):
    """Builds the record of one metadata element; the formats say where its statements stand.

    Args:
        ctx: the base IRI and the source.
        element: the metadata.
        identifier: the OAI identifier; None for a bare resource.
    """

    def __init__(self, ctx: Context, element: Element, identifier: str | None) -> None:
        self.element = element
        if not any(words.strip() for words in element.itertext()):
            raise RecordError("metadata: the element is empty")
        identity = self.identity(element, identifier or "")
        self.doi = identity.doi
        archive, accession = _route(ctx, identity)
        super().__init__(ctx, accession, archive)
        self.gaps: dict[str, list[str]] = {"unknown": [], "not_applicable": []}
        self.nodes: dict[str, Any] = {}
        self._check_type(ctx.source)

    @staticmethod
    def identity(element: Element, named: str) -> Identity:
        """Return what the metadata says of its own identity."""
        raise NotImplementedError

    def types(self) -> list[str]:
        """Return the resource types, as stated."""
        raise NotImplementedError

    def dataset(self) -> Dataset:
        """Return the dataset."""
        raise NotImplementedError

    def withdrawal(self) -> Withdrawal | None:
        """Return what the metadata says of a withdrawn dataset, or None."""
        return None

    def _check_type(self, source: Source) -> None:
        stated = [kind for kind in self.types() if not text.is_placeholder(kind)]
        wanted = {folded_type(str(kind)) for kind in source.options.get("types", TYPES)}
        if not stated:
            self.find("type", "type-missing", "", "the record does not say what it describes; it is taken as a dataset")
        elif wanted.isdisjoint(map(folded_type, stated)):
            raise RecordError(f"type: is a {text.clean(stated[0])[:80]}, not a dataset")

    def _record(self, slots: dict[str, Any]) -> Dataset:
        """Return the dataset of these slots, with what every record has."""
        title = slots.pop("name")
        if title is None:
            self.find("title", "title-missing", "", "the dataset has no title of its own")
        for name in ("unknown", "not_applicable"):
            empty = [slot for slot in dict.fromkeys(self.gaps[name]) if not slots.get(slot)]
            slots[name] = [property_iri(slot) for slot in empty]
        related = slots.pop("related")
        return Dataset(
            id=self.dataset_iri,
            accession=self.accession,
            name=title or self.accession,
            archive=self.archive(),
            related=[iri for iri in dict.fromkeys(related) if iri not in (self.dataset_iri, self.doi)],
            **slots,
        )

    # --- values

    def _words(self, field: str, value: Element | str | None, slot: str | None = None) -> str | None:
        """Return clean text; a placeholder goes to the slot's gap, or becomes a finding."""
        said = value if isinstance(value, str) else "".join(value.itertext()) if value is not None else ""
        if len(said) > MAX_TEXT_CHARS:
            self.find(field, "text-too-long", said[:80], f"{len(said)} characters are more than {MAX_TEXT_CHARS}")
            return None
        if markup.LOST in said:
            self.find(field, "character-lost", said, "the archive sent bytes that are no characters here")
        words = self.text(field, text.without_tags(said))
        stand_in = text.is_placeholder(words) if words else None
        if stand_in and slot:
            self.gaps[stand_in.replace(" ", "_")].append(slot)
        elif stand_in:
            self.find(field, "placeholder", words, f"{words!r} stands in for a value, so it is left out")
        return None if stand_in else words

    def _date(self, field: str, value: str | None) -> str | None:
        words = self._words(field, value)
        return self.normal(field, "date-invalid", dates.date, words) if words else None

    def _once(self, node: T) -> T:
        """Return the first node of an IRI, so that one IRI has one content in the record."""
        iri = node.id  # type: ignore[attr-defined]
        first: T = self.nodes.setdefault(iri, node)
        return first

    def _each(self, found: Iterable[T | None]) -> list[T]:
        """Return the nodes that there are, each IRI once."""
        return list({node.id: node for node in found if node is not None}.values())  # type: ignore[attr-defined]

    def _pointed(self, field: str, value: str, shown: bool = True) -> str | None:
        """Return the IRI of a paper, page or dataset, of an archive that the hub knows its own; or None."""
        iri = self.normal(field, "iri-invalid", resolved, value) if shown else or_none(resolved, value)
        known = accession_of_link(iri) if iri else None
        return self.record_of(known) if known else iri

    # --- things

    def _person_or_organization(
        self, field: str, name: str | None, local: str, orcid: str | None = None, ror: str | None = None, **more: Any
    ) -> Person | Organization | None:
        """Return a creator; without a stated kind, a name with a word such as "University" is an organisation's."""
        if name is None:
            return None
        if name.casefold().strip("(): ") == "etal":
            self.find(field, "authors-incomplete", name, "the archive says that there are more authors")
            return None
        kind = more.pop("kind", "")
        is_organisation = kind == "organizational" or (
            kind != "personal" and orcid is None and (ror is not None or bool(ORGANISATION.search(name)))
        )
        if is_organisation:
            return self._organization(field, name, ror, local)
        return self._person(field, name, orcid, local, **more)

    def _person(self, field: str, name: str, orcid: str | None, local: str, **more: Any) -> Person | None:
        made = self.person(field, name, orcid, local, **more)
        if made is None:
            return None
        first = self.nodes.get(made.id)
        if first is not None and text.name_key(first.name).isdisjoint(text.name_key(made.name)):
            message = f"the ORCID stands with {first.name!r} and with {made.name!r}; it stays with the first"
            self.find(f"{field}.orcid", "orcid-conflict", made.id, message)
            made.id = self.local(local)
        return self._once(made)

    def _organization(self, field: str, name: str | None, ror: str | None, local: str | None) -> Organization | None:
        made = self.organization(field, name, ror, local or f"organization-{slug(name or '')}")
        if made is None:
            return None
        first = self._once(made)
        if slug(first.name) != slug(made.name):
            message = f"the ROR id stands with {first.name!r} and with {made.name!r}; the first name counts"
            self.find(f"{field}.ror", "organization-name-differs", made.name, message, first.name)
        return first

    def _rights(self, stated: list[tuple[str, list[str]]]) -> dict[str, Any]:
        """Return licence, notice and access of the statements; each has a field and its candidates, the words last."""
        found: dict[str, str] = {}
        notices, access, unclear = [], [], []
        for place, candidates in stated:
            says = [ACCESS[c.casefold()] for c in candidates if c.casefold() in ACCESS]
            access += says
            urls = filter(None, (or_none(licences.licence, candidate) for candidate in candidates))
            if url := next(urls, None):
                found.setdefault(url, place)
            words = self._words(place, candidates[-1], "license")
            is_named = words is None or words.casefold() in ACCESS or or_none(licences.licence, words) is not None
            if not is_named:
                notices.append(words or "")
            if not (url or says or is_named):
                unclear.append((place, candidates[0]))
        for place, words in unclear if not found else []:
            self.find(place, "licence-unknown", words, f"{words[:200]!r} is no known licence")
        if len(found) > 1:
            message = f"several licences are stated; the first counts: {', '.join(found)}"
            self.find([*found.values()][1], "licence-several", [*found][1], message)
        return {
            "license": next(iter(found), None),
            "copyright_notice": "\n".join(notices) or None,
            "is_accessible_for_free": all(access) if access else None,
        }

    def _extent(self, stated: list[tuple[str, str]]) -> tuple[dict[str, int], list[str]]:
        """Return the counts and bytes among texts on size and format, and the texts that are formats."""
        counts: dict[str, int] = {}
        bytes_said, formats = [], []
        for place, words in stated:
            if counted := COUNTED.fullmatch(words):
                counts.setdefault(f"{counted[2].lower()}_count", int(counted[1].replace(",", "")))
            elif not words.isdigit() and (size := or_none(sizes.size_bytes, words)) is not None:
                bytes_said.append(size)
            elif place.startswith("size"):
                self.find(place, "size-unclear", words, f"{words!r} is no number of bytes, files or images")
            else:
                formats.append(words)
        if len(bytes_said) == 1:
            counts["size_bytes"] = bytes_said[0]
        elif bytes_said:
            self.find("sizes", "size-several", bytes_said, "several sizes are stated, and none as that of the whole")
        return counts, formats

    def _distribution(self, url: str | None, formats: list[str]) -> list[Distribution]:
        if not formats:
            return []
        return [Distribution(id=self.local("files"), encoding_format=", ".join(dict.fromkeys(formats)), access_url=url)]

    def _page(self, stated: Iterable[str | None]) -> str | None:
        """Return the dataset's page: the archive's own, else the first that is stated, else the DOI."""
        if self.archive_name in archives.ARCHIVES:
            return archives.landing_page(self.archive_name, self.accession)
        return next((url for url in stated if url), self.doi)


def folded_type(stated: str) -> str:
    """Return a resource type in small letters, without name space and blanks, in its usual spelling.

    >>> folded_type("http://purl.org/dc/dcmitype/StillImage"), folded_type("info:eu-repo/semantics/other")
    ('image', 'other')
    """
    folded = TYPE_NAMESPACE.sub("", stated).casefold()
    return TYPE_SPELLINGS.get(folded, folded)


def or_none(normalise: Callable[[str], T], value: str) -> T | None:
    """Return the normal form of a value, or None when it has none."""
    try:
        return normalise(value)
    except ValueError:
        return None


def resolved(value: str) -> str:
    """Return the IRI of a paper's identifier, else the address itself.

    Raises:
        ValueError: neither.
    """
    try:
        return identifiers.publication(value)
    except ValueError:
        return identifiers.iri(text.clean(value))


def accession_of_link(iri: str) -> str | None:
    """Return the accession that a DOI or the address of an archive's page is of, or None.

    >>> accession_of_link("https://doi.org/10.6019/empiar-10310"), accession_of_link("https://doi.org/10.6019/pxd000001")
    ('EMPIAR-10310', None)
    """
    if iri.startswith("https://doi.org/"):
        return None if IDR_DOI.fullmatch(iri) else accession_of(Identity(iri, ""))
    return or_none(archives.accession, iri)
