"""EMPIAR, the Electron Microscopy Public Image Archive, from its entry API or from files in the API's shape.

Live URL: https://www.ebi.ac.uk/empiar/api/entry/. Nothing there lists all entries, so accessions are asked for in
ranges (POST, body ``10000-10499``) until several ranges in a row hold none; a document is ``GET …/EMPIAR-<n>/``.
Any other URL is a folder, zip or repository of ``*.json`` files ``{"EMPIAR-<n>": {…}}``.

What the archive keeps elsewhere is not guessed: organisms stand in EMDB, and so does the method of an entry whose
experiment type is "EMDB"; that is neither unknown nor a finding. Contact data, and with it the corresponding author,
is never read. Source: https://www.ebi.ac.uk/empiar/api/documentation and https://www.ebi.ac.uk/empiar/policies
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any, Final, TypeVar
from urllib.parse import quote

from harvesters import files
from harvesters.building import Builder, property_iri, slug
from harvesters.contract import Context, Entry, Harvested, Harvester, Http, RecordError, Source, SourceError, Withdrawal
from linkml_schemas.generated.model import Dataset, DefinedTerm, Distribution, Grant, Organization, Person, Publication
from ontology import archives, dates, identifiers, sizes, terms, text

Node = dict[str, Any]
T = TypeVar("T")

HOME: Final = archives.ARCHIVES["empiar"]
FILES_URL: Final = "https://ftp.ebi.ac.uk/empiar/world_availability"
PACKED: Final = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.xz", ".tar.bz2")
KEY: Final = re.compile(r"EMPIAR-[A-Za-z0-9]+", re.ASCII)
# Option of a live source → default and highest value. Accessions have gaps, but none of a thousand numbers.
OPTIONS: Final = {
    "first": (10_000, 999_999),
    "last": (999_999, 999_999),
    "batch": (500, 500),
    "empty_batches": (3, 999),
}
# Statuses that say that a range holds no entry.
NO_ENTRIES: Final = frozenset({204, 404})

# Status of a released entry → why it is withdrawn (one with the status REL is, if it has an obsolete date).
# Source: https://github.com/emdb-empiar/empiar_basic (status codes of the header's schema)
WITHDRAWN: Final = dict.fromkeys(("OBS", "OBSOLETE", "REL"), "EMPIAR made the entry obsolete") | {
    "WDRN": "The entry was withdrawn",
    "UNARCH": "EMPIAR took the entry's data out of the archive",
}
SUCCESSOR: Final = re.compile(r"(?:supersed|replac)\w* (?:by|with)(?: \w+){0,3} (EMPIAR[- ]?\d{5,6})\b", re.A | re.I)
DATES: Final = ("deposition_date", "release_date", "update_date", "obsolete_date")
# Values of experiment_type that name no method: "see EMDB", and "outside the list".
NO_METHOD: Final = frozenset({"emdb", "exception"})
# Fields of references → how the archive at the other end writes its accessions, and its page.
LINKS: Final[dict[str, tuple[str, str]]] = {
    "cross_references": (r"EMD[-_ ]?(\d{4,6})", "https://www.ebi.ac.uk/emdb/EMD-{}"),
    "related_pdb_entries": (r"(?:PDB[-:_ ])?([1-9][A-Z0-9]{3})", "https://identifiers.org/pdb:{lower}"),
    "biostudies_references": (r"(S-[A-Z]{2,8}-?\d+)", "https://www.ebi.ac.uk/biostudies/studies/{}"),
    "idr_references": ("", ""),
    "empiar_references": ("", ""),
}


# --- listing and fetching ------------------------------------------------------------------------------------------


def entries(http: Http, source: Source) -> Iterator[Entry]:
    """Yield one entry for each document of the API, or for each file (for each document of a file of several).

    Raises:
        SourceError: refused, not the API's answer, or nothing at all was listed.
    """
    return _ranges(http, source) if _is_live(source) else _documents(http, source)


def fetch(http: Http, source: Source, entry: Entry) -> bytes:
    """Return the API's answer for one entry, or the bytes of its file (its own part of a file of several)."""
    if _is_live(source):
        return http.get(f"{_api(source)}{entry.key}/", headers={"Accept": "application/json"})
    if entry.key.endswith(".json"):
        return files.fetch(http, source, entry)
    path, _, accession = entry.key.rpartition("#")
    document = _object(files.fetch(http, source, replace(entry, key=path))).get(accession)
    if document is None:
        raise SourceError(f"{path} does not hold {accession} any more")
    return json.dumps({accession: document}).encode()


def _is_live(source: Source) -> bool:
    url = source.url
    return url.startswith(("http://", "https://")) and not url.endswith(PACKED) and not files.GITHUB.fullmatch(url)


def _api(source: Source) -> str:
    return source.url.rstrip("/") + "/"


def _ranges(http: Http, source: Source) -> Iterator[Entry]:
    first, last, batch, patience = (_option(source, name) for name in OPTIONS)
    seen: set[str] = set()
    empty = 0
    for start in range(first, last + 1, batch):
        listed = _range(http, source, f"{start}-{min(start + batch - 1, last)}")
        fresh = sorted(listed.keys() - seen, key=lambda key: (len(key), key))
        yield from (Entry(key, _version(listed[key]), f"{_api(source)}{key}/") for key in fresh)
        seen.update(fresh)
        empty = 0 if fresh else empty + 1
        if empty == patience:
            break
    if not seen:
        raise SourceError(f"{_api(source)} lists no entry from {first} on: is it still the entry API?")


def _option(source: Source, name: str) -> int:
    default, highest = OPTIONS[name]
    value = source.options.get(name, default)
    if type(value) is not int or not 1 <= value <= highest:
        raise SourceError(f"[sources.{source.name}] {name}: {value!r} is not a whole number from 1 to {highest}")
    return value


def _range(http: Http, source: Source, numbers: str) -> Node:
    """Return the documents of a range of numbers; an answer that is not the API's is no empty range."""
    try:
        body = http.post(_api(source), numbers.encode(), headers={"Accept": "application/json"})
        answer = _object(body) if body.strip() else {}
    except SourceError as err:
        if err.status in NO_ENTRIES:
            return {}
        raise SourceError(f"entries {numbers}: {err}", status=err.status) from err
    if not _is_entries(answer):
        raise SourceError(
            f"entries {numbers}: {_api(source)} answered with {next(iter(answer))[:50]!r}, …, not with entries"
        )
    return {key: document for key, document in answer.items() if document}


def _object(body: bytes) -> Node:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError) as err:
        raise SourceError("the answer is not JSON") from err
    if not isinstance(found, dict):
        raise SourceError(f"the answer is {type(found).__name__}, not an object")
    return found


def _version(document: Node) -> str:
    """Return what changes with the document, also if the listing tells less than the document itself."""
    digest = hashlib.sha1(json.dumps(document, sort_keys=True).encode(), usedforsecurity=False).hexdigest()
    return f"{document.get('update_date')}/{document.get('status')}/{digest}"


def _documents(http: Http, source: Source) -> Iterator[Entry]:
    for entry in files.entries(http, source, ".json"):
        body = files.fetch(http, source, entry)
        try:
            held = _object(body)
        except SourceError:
            held = {}  # not a bad source but a bad record, which transform rejects
        if len(held) < 2 or not _is_entries(held):
            yield entry
            continue
        for key in sorted(held):
            yield replace(entry, key=f"{entry.key}#{key}", version=_version(held[key] or {}))


def _is_entries(answer: Node) -> bool:
    return all(KEY.fullmatch(key) and isinstance(document, dict | None) for key, document in answer.items())


# --- one document --------------------------------------------------------------------------------------------------


def transform(raw: bytes, entry: Entry, ctx: Context) -> Harvested:
    """Return the dataset that one document of the API describes.

    Raises:
        RecordError: not such a document, without an accession of EMPIAR, or not released.
    """
    document = Document(ctx, *_read(raw, entry))
    withdrawal = document.withdrawal()
    return Harvested(document.dataset(), tuple(document.findings), withdrawal)


def _read(raw: bytes, entry: Entry) -> tuple[str, Node]:
    try:
        answer = _object(raw)
    except SourceError as err:
        raise RecordError(f"{entry.key}: {err}") from err
    if len(answer) != 1:
        raise RecordError(f"entry id: expected one entry, {entry.key} holds {len(answer)}")
    key, fields = next(iter(answer.items()))
    if not re.fullmatch(HOME.accession_pattern, key, re.ASCII):
        raise RecordError(f"entry id: {text.drop_emails(key)[:100]!r} is not EMPIAR-<number>")
    if KEY.fullmatch(entry.key) and entry.key != key:
        raise RecordError(f"entry id: {entry.key} was asked for, {key} came")
    if not isinstance(fields, dict) or not fields:
        raise RecordError(f"entry id: {key} comes without a document")
    return key, fields


class Document(Builder):
    """Builds the record of one document of the API.

    Lists hold texts or objects, people are wrapped (``{"author": {…}}``) or not, numbers may be texts, and null, ""
    and nothing at all mean the same. Whatever else stands in a field becomes a finding.
    """

    def __init__(self, ctx: Context, accession: str, fields: Node) -> None:
        super().__init__(ctx, accession)
        self.fields = fields
        self.gaps: dict[str, Any] = {"unknown": [], "not_applicable": []}
        self.named: dict[str, str] = {}
        self.dates = {name: self._normal(name, "date-invalid", dates.date, fields.get(name)) for name in DATES}

    def withdrawal(self) -> Withdrawal | None:
        """Return what the archive says of a withdrawn entry, or None for a released one.

        Raises:
            RecordError: neither released nor withdrawn.
        """
        status = (self._words("status", self.fields.get("status")) or "").upper()
        if not status and self.dates["release_date"]:
            status = "REL"
            self.find("status", "status-missing", "", "there is a release date and no status, so it counts as REL")
        if status not in WITHDRAWN:
            raise RecordError(f"status: {status[:40] or 'none'} is not released; EMPIAR publishes entries as REL")
        obsolete = self.dates["obsolete_date"]
        if status == "REL" and obsolete is None:
            return None
        return Withdrawal(f"{WITHDRAWN[status]} (status {status})", obsolete, self._successor())

    def dataset(self) -> Dataset:
        """Return the dataset."""
        said = self.fields.get
        title = self._words("title", said("title"))
        if title is None:
            self.find("title", "title-missing", "", "the dataset has no title of its own")
        size = partial(self._measure, sizes.size_bytes)
        return Dataset(
            id=self.dataset_iri,
            accession=self.accession,
            name=title or self.accession,
            archive=self.archive(),
            publisher=Organization(id=HOME.homepage, name="EMPIAR"),
            url=archives.landing_page(HOME.name, self.accession),
            same_as=self._doi(),
            date_submitted=self.dates["deposition_date"],
            date_published=self.dates["release_date"],
            date_modified=self.dates["update_date"],
            license=HOME.licence,
            is_accessible_for_free=True,
            author=[*self._each("authors", "author", self._person)],
            accountable_person=[*self._each("principal_investigator", "investigator", self._person)],
            funding=[*self._each("grant_references", "grant", self._grant)],
            publication=[*self._each("citation", "publication", self._publication)],
            measurement_method=[*self._method()],
            imaging_scale=self._filled(self.gaps, "imaging_scale", "scale", said("scale"), self._words),
            related=self._related(),
            size_bytes=self._filled(self.gaps, "size_bytes", "dataset_size", said("dataset_size"), size),
            distribution=[*self._each("imagesets", "imageset", self._image_set)],
            **self.gaps,
        )

    # --- values of any shape

    def _scalar(self, field: str, value: Any) -> str | None:
        """Return a text or number as text, a whole number without its decimal point; None when there is none."""
        if value is None or value in ([], {}) or (isinstance(value, str) and not text.clean(value)):
            return None
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            self._misshapen(field, value, "a text or a number")
            return None
        return str(int(value) if isinstance(value, float) and value.is_integer() else value)

    def _misshapen(self, field: str, value: Any, wanted: str) -> None:
        # Only the kind of the value is shown: an object may hold an address.
        self.find(field, "shape-invalid", type(value).__name__, f"{field} is not {wanted}, so it is left out")

    def _normal(self, field: str, rule: str, normalise: Callable[[str], T], value: Any) -> T | None:
        scalar = self._scalar(field, value)
        try:
            return None if scalar is None else normalise(scalar)
        except ValueError as err:
            self.find(field, rule, scalar, str(err))
            return None

    def _words(self, field: str, value: Any) -> str | None:
        """Return clean text; a placeholder is a finding."""
        words = self.text(field, self._scalar(field, value))
        if words is not None and text.is_placeholder(words):
            self.find(field, "placeholder", words, f"{words!r} stands in for a value, so it is left out")
            return None
        return words

    def _measure(self, normalise: Callable[[str], T], field: str, value: Any) -> T | None:
        is_variable = isinstance(value, str) and value.strip().casefold() == "variable"
        return None if is_variable else self._normal(field, "number-invalid", normalise, value)

    def _filled(self, gaps: dict[str, Any], slot: str, field: str, value: Any, read: Callable[[str, Any], Any]) -> Any:
        """Read a value; if it says unknown or not applicable, note the slot's IRI in the gaps instead."""
        said = text.is_placeholder(value) if isinstance(value, str) and text.clean(value) else None
        if said is None:
            return read(field, value)
        gaps[said.replace(" ", "_")].append(property_iri(slot))
        return None

    def _items(self, field: str) -> Iterator[tuple[str, Any]]:
        """Yield place and value of each item of a list that is not empty; a single object counts as a list."""
        value = self.fields.get(field)
        if not isinstance(value, list | dict | str | None):
            self._misshapen(field, value, "a list")
            return
        for position, item in enumerate(value if isinstance(value, list) else [value]):
            if item not in (None, "", [], {}):
                yield f"{field}[{position}]", item

    def _each(self, field: str, local: str, make: Callable[[str, Node, str], T | None]) -> Iterator[T]:
        for number, (place, item) in enumerate(self._items(field), 1):
            node = _unwrapped(item) if make == self._person else item
            if not isinstance(node, dict):
                self._misshapen(place, item, "an object")
            elif (made := make(place, node, f"{local}-{number}")) is not None:
                yield made

    # --- the dataset's own fields

    def _successor(self) -> str | None:
        for place, item in self._items("version_history"):
            details = self._scalar(f"{place}.details", item.get("details") if isinstance(item, dict) else item)
            if found := SUCCESSOR.search(details or ""):
                return self._normal(place, "reference-invalid", self.record_of, found[1])
        return None

    def _doi(self) -> list[str]:
        stated = self._normal("entry_doi", "doi-invalid", identifiers.doi, self.fields.get("entry_doi"))
        own = f"https://doi.org/10.6019/{self.accession.lower()}"
        if stated not in (None, own):
            self.find("entry_doi", "doi-of-another", stated, "the entry's DOI is the DOI of something else", own)
        return [own] if stated == own else []

    def _method(self) -> Iterator[DefinedTerm]:
        field = "experiment_type"
        words = self._filled(self.gaps, "measurement_method", field, self.fields.get(field), self._words)
        if words is not None and words.casefold() not in NO_METHOD:
            method = self.wording(field, words, terms.imaging_method, f"method-{slug(words)}")
            yield from [method] if method else []

    def _related(self) -> list[str]:
        found = []
        for field, (pattern, page) in LINKS.items():
            for place, item in self._items(field):
                name = item.get("name", item) if isinstance(item, dict) else item
                found.append(self._normal(place, "reference-invalid", partial(self._link, pattern, page), name))
        return [iri for iri in dict.fromkeys(found) if iri and iri != self.dataset_iri]

    def _link(self, pattern: str, page: str, value: str) -> str:
        try:
            return self.record_of(value)
        except ValueError:
            found = re.fullmatch(pattern, text.clean(value), re.ASCII | re.IGNORECASE)
            if found is None or not page:
                raise
            return page.format(found[1], lower=found[1].lower())

    # --- people, grants, papers, image sets

    def _person(self, field: str, item: Node, local: str) -> Person | None:
        given = [self._words(f"{field}.{name}", item.get(name)) for name in ("first_name", "middle_name")]
        family = self._words(f"{field}.last_name", item.get("last_name"))
        name = self._name(f"{field}.name", item) or " ".join(filter(None, (*given, family)))
        orcid = self._scalar(f"{field}.author_orcid", item.get("author_orcid"))
        person = self.person(field, name or None, orcid, local)
        if person is None:
            return None
        person.given_name, person.family_name = " ".join(filter(None, given)) or None, family
        person.affiliation = self._organization(f"{field}.organization", item.get("organization"))
        first = self.named.setdefault(person.id, person.name)
        if text.name_key(first).isdisjoint(text.name_key(person.name)):
            message = f"the ORCID stands with {first!r} and with {person.name!r}; it stays with the first"
            self.find(f"{field}.author_orcid", "orcid-conflict", person.id, message)
            person.id = self.local(local)
        return person

    def _name(self, field: str, item: Node) -> str | None:
        """Return a name as written, "Last AB", or of the depositor's form "('Last', 'AB')"; an e-mail is no name."""
        words = (self._words(field, item.get("name")) or "").replace(text.REMOVED, "")
        return re.sub(r"\('([^']*)', ?'([^']*)'\)", r"\1 \2", words).strip(" <>()[],;") or None

    def _organization(self, field: str, value: Any) -> list[Organization]:
        name = self._words(field, value)
        made = self.organization(field, name, None, f"organization-{slug(name)}") if name else None
        return [made] if made else []

    def _grant(self, field: str, item: Node, local: str) -> Grant | None:
        funder = self._organization(f"{field}.funding_body", item.get("funding_body"))
        code = self._words(f"{field}.code", item.get("code"))
        name = " ".join([*(f.name for f in funder), *([code] if code else [])])
        return Grant(id=self.local(local), name=name, grant_number=code, funder=funder) if name else None

    def _publication(self, field: str, item: Node, local: str) -> Publication | None:
        """Return a paper, or None for a title that has no identifier yet and is not published."""
        doi, pmid = self._paper_ids(field, item)
        journals = (self._words(f"{field}.{name}", item.get(name)) for name in ("journal", "journal_abbreviation"))
        journal = next(filter(None, journals), None)
        year = self._normal(f"{field}.year", "date-invalid", dates.date, item.get("year"))
        is_published = item.get("published") in (True, "true", "True", "1")
        if not (doi or pmid or (is_published and (journal or year))):
            return None
        authors = item.get("authors")
        authors = [_unwrapped(author) for author in (authors if isinstance(authors, list) else [authors])]
        names = (self._name(f"{field}.authors[{place}].name", author) for place, author in enumerate(authors))
        return self.publication(
            field,
            doi or pmid,
            local,
            name=self._words(f"{field}.title", item.get("title")),
            author_text=", ".join(filter(None, names)) or None,
            date_published=year,
            journal=journal,
            same_as=[pmid] if doi and pmid else None,
        )

    def _paper_ids(self, field: str, item: Node) -> tuple[str | None, str | None]:
        stated, preprint = item.get("doi"), item.get("preprint")
        if not stated and isinstance(preprint, str) and "10." in preprint:
            stated = preprint
        doi = self._normal(f"{field}.doi", "doi-invalid", identifiers.doi, stated)
        if doi is not None and doi.startswith("https://doi.org/10.6019/empiar-"):
            self.find(f"{field}.doi", "doi-of-another", doi, "the paper's DOI is the DOI of a dataset")
            doi = None
        return doi, self._normal(f"{field}.pubmedid", "pmid-invalid", identifiers.pmid, item.get("pubmedid"))

    def _image_set(self, field: str, item: Node, local: str) -> Distribution | None:
        gaps: dict[str, Any] = {"unknown": [], "not_applicable": []}
        count = partial(self._measure, _whole)
        nanometres = partial(self._measure, partial(sizes.nanometres, unit="Å"))  # ångström, though no unit is stated
        readers: dict[str, tuple[str, Callable[[str, Any], Any]]] = {
            "name": ("name", self._words),
            "details": ("description", self._words),
            "category": ("image_category", self._words),
            "data_format": ("encoding_format", self._words),
            "voxel_type": ("voxel_type", self._words),
            "num_images_or_tilt_series": ("image_count", count),
            "frames_per_image": ("frames_per_image", count),
            "image_width": ("image_width", count),
            "image_height": ("image_height", count),
            "pixel_width": ("pixel_width", nanometres),
            "pixel_height": ("pixel_height", nanometres),
            "directory": ("access_url", self._access_url),
        }
        slots = {
            slot: self._filled(gaps, slot, f"{field}.{name}", item.get(name), read)
            for name, (slot, read) in readers.items()
        }
        is_empty = not any((*slots.values(), *gaps.values()))
        return None if is_empty else Distribution(id=self.local(local), **slots, **gaps)

    def _access_url(self, field: str, value: Any) -> str | None:
        parts = [quote(part) for part in (self._words(field, value) or "").split("/") if part]
        if ".." in parts:
            self.find(field, "directory-invalid", value, "the directory is not one below the entry's own")
            return None
        number = self.accession.removeprefix("EMPIAR-")
        return self.iri(field, "/".join((FILES_URL, number, *parts))) if parts else None


def _unwrapped(item: Any) -> Node:
    inner = item.get("author", item) if isinstance(item, dict) else item
    return inner if isinstance(inner, dict) else {"name": inner}


def _whole(value: str) -> int:
    if not re.fullmatch(r"0*[1-9]\d{0,14}(?:\.0+)?", value.strip(), re.ASCII):
        raise ValueError(f"{value[:200]!r} is not a whole number above zero")
    return int(value.strip().partition(".")[0])


HARVESTER = Harvester(
    name="empiar",
    title="EMPIAR",
    homepage=HOME.homepage,
    licence=HOME.licence,
    entries=entries,
    fetch=fetch,
    transform=transform,
)
