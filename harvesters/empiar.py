"""EMPIAR, the Electron Microscopy Public Image Archive, from its entry API or from files in the API's shape.

There is no listing of all entries: accessions are asked for in ranges, ``POST …/api/entry/`` with the body
``10000-10499``, until several ranges in a row hold none. The document of an entry is ``GET …/api/entry/EMPIAR-<n>/``.
A folder, zip or repository of ``*.json`` files ``{"EMPIAR-<n>": {…}}`` is read instead when the source's URL is one.

What the archive keeps elsewhere is not guessed: organisms stand in EMDB, and so does the method of an entry whose
experiment type is "EMDB". Contact data (e-mail, telephone, address, the corresponding author) is never read.

Source: https://www.ebi.ac.uk/empiar/api/documentation and https://www.ebi.ac.uk/empiar/policies
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from importlib import resources
from typing import Any
from urllib.parse import quote

from harvesters import files
from harvesters.building import Builder, slug
from harvesters.contract import (
    Context,
    Entry,
    Finding,
    Harvested,
    Harvester,
    Http,
    RecordError,
    Source,
    SourceError,
    Withdrawal,
)
from linkml_schemas.generated.model import Dataset, DefinedTerm, Distribution, Grant, Organization, Person, Publication
from ontology import archives, dates, identifiers, sizes, terms, text

HOME = archives.ARCHIVES["empiar"]
FILES_URL = "https://ftp.ebi.ac.uk/empiar/world_availability"
FIRST_NUMBER = 10_000
LAST_NUMBER = 999_999
MAX_BATCH = 500
# The archive has gaps, but none of a thousand numbers.
EMPTY_BATCHES = 3
NO_ENTRIES = frozenset({204, 404})
PACKED = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.xz", ".tar.bz2")
KEY = re.compile(r"EMPIAR-[A-Za-z0-9]+", re.ASCII)

RELEASED = "REL"
# Source: https://github.com/emdb-empiar/empiar_basic (status codes of the header's schema)
WITHDRAWN = {
    "OBS": "EMPIAR made the entry obsolete",
    "OBSOLETE": "EMPIAR made the entry obsolete",
    "WDRN": "The entry was withdrawn",
    "UNARCH": "EMPIAR took the entry's data out of the archive",
}
# Values of experiment_type that name no method: "see EMDB", and "outside the list".
NO_METHOD = frozenset({"emdb", "exception"})
IMAGE_TEXTS = {
    "name": "name",
    "details": "description",
    "category": "image_category",
    "data_format": "encoding_format",
    "voxel_type": "voxel_type",
}
IMAGE_COUNTS = {
    "num_images_or_tilt_series": "image_count",
    "frames_per_image": "frames_per_image",
    "image_width": "image_width",
    "image_height": "image_height",
}
IMAGE_LENGTHS = {"pixel_width": "pixel_width", "pixel_height": "pixel_height"}
COUNT = re.compile(r"(\d{1,15})(?:\.0+)?", re.ASCII)
EMD = re.compile(r"EMD[-_ ]?(\d{4,6})", re.ASCII | re.IGNORECASE)
PDB = re.compile(r"(?:PDB[-:_ ])?([1-9][A-Z0-9]{3})", re.ASCII | re.IGNORECASE)
BIOSTUDIES = re.compile(r"S-[A-Z]{2,8}-?\d+", re.ASCII)
PAIR = re.compile(r"\('([^']*)', ?'([^']*)'\)")
SUPERSEDED = re.compile(r"(?:supersed|replac)\w* (?:by|with)(?: \w+){0,3} (EMPIAR[- ]?\d{5,6})\b", re.ASCII | re.IGNORECASE)
Node = dict[str, Any]


# --- listing and fetching ------------------------------------------------------------------------------------------


def entries(http: Http, source: Source) -> Iterator[Entry]:
    """Yield one entry for each document of the API, or of each file.

    Options of a live source: ``first`` and ``last`` number, numbers in one ``batch``, and after how many
    ``empty_batches`` in a row the archive has ended.

    Raises:
        SourceError: refused, not the API's answer, or nothing at all was listed.
    """
    return _ranges(http, source) if _is_live(source) else _documents(http, source)


def fetch(http: Http, source: Source, entry: Entry) -> bytes:
    """Return the API's answer for one entry, or the bytes of its file (of one entry of a file of several)."""
    if _is_live(source):
        return http.get(f"{_api(source)}{entry.key}/", headers={"Accept": "application/json"})
    path, _, accession = entry.key.rpartition("#")
    if entry.key.endswith(".json"):
        return files.fetch(http, source, entry)
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
    first = _option(source, "first", FIRST_NUMBER, LAST_NUMBER)
    last = _option(source, "last", LAST_NUMBER, LAST_NUMBER)
    batch = _option(source, "batch", MAX_BATCH, MAX_BATCH)
    patience = _option(source, "empty_batches", EMPTY_BATCHES, LAST_NUMBER)
    seen: set[str] = set()
    empty = 0
    for start in range(first, last + 1, batch):
        listed = _range(http, source, f"{start}-{min(start + batch - 1, last)}")
        fresh = sorted(listed.keys() - seen, key=lambda key: (len(key), key))
        seen.update(fresh)
        for key in fresh:
            yield Entry(key, _version(listed[key]), f"{_api(source)}{key}/")
        empty = 0 if fresh else empty + 1
        if empty == patience:
            break
    if not seen:
        raise SourceError(f"{_api(source)} lists no entry from {first} on: is it still the entry API?")


def _option(source: Source, name: str, default: int, highest: int) -> int:
    value = source.options.get(name, default)
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= highest:
        raise SourceError(f"[sources.{source.name}] {name}: {value!r} is not a whole number from 1 to {highest}")
    return value


def _range(http: Http, source: Source, numbers: str) -> dict[str, Node]:
    """Return the documents of a range of numbers; an answer that is not the API's is never an empty range."""
    try:
        body = http.post(_api(source), numbers.encode(), headers={"Accept": "application/json"})
    except SourceError as err:
        if err.status in NO_ENTRIES:
            return {}
        raise
    place = f"POST {_api(source)} ({numbers})"
    if not body.strip():
        return {}
    try:
        answer = _object(body)
    except SourceError as err:
        raise SourceError(f"{place}: {err}") from err
    strange = next((key for key in answer if not KEY.fullmatch(key)), None)
    if strange is not None:
        raise SourceError(f"{place} answered with {strange[:50]!r} where entries were to be")
    return {key: document for key, document in answer.items() if document}


def _object(body: bytes) -> Node:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError) as err:
        raise SourceError("the answer is not JSON") from err
    if not isinstance(found, dict):
        raise SourceError(f"the answer is {type(found).__name__}, not an object")
    return found


def _version(document: Any) -> str:
    """Return what changes with the document: the listing may be shorter than the document that is fetched."""
    said = document if isinstance(document, dict) else {}
    digest = hashlib.sha1(json.dumps(document, sort_keys=True).encode(), usedforsecurity=False).hexdigest()
    return f"{said.get('update_date')}/{said.get('status')}/{digest}"


def _documents(http: Http, source: Source) -> Iterator[Entry]:
    for entry in files.entries(http, source, ".json"):
        try:
            held = _object(files.fetch(http, source, entry))
        except SourceError:
            held = {}
        if len(held) < 2 or not all(KEY.fullmatch(key) for key in held):
            yield entry
            continue
        for accession in sorted(held):
            yield replace(entry, key=f"{entry.key}#{accession}", version=_version(held[accession]))


# --- one document --------------------------------------------------------------------------------------------------


def transform(raw: bytes, entry: Entry, ctx: Context) -> Harvested:
    """Return the dataset that one document of the API describes.

    Raises:
        RecordError: not such a document, without an accession of EMPIAR, or not released.
    """
    accession, fields = _read(raw, entry)
    document = Document(fields, Builder(ctx, accession))
    withdrawal = document.withdrawal()
    record = document.dataset()
    return Harvested(record, tuple(map(_shown, document.build.findings)), withdrawal)


def _shown(finding: Finding) -> Finding:
    """Return the finding without what may not be shown or stored: messages quote the values that they refuse."""
    return replace(finding, value=text.clean(finding.value), message=text.drop_emails(text.clean(finding.message)))


def _read(raw: bytes, entry: Entry) -> tuple[str, Node]:
    try:
        answer = _object(raw)
    except SourceError as err:
        raise RecordError(f"{entry.key}: {err}") from err
    if len(answer) != 1:
        raise RecordError(f"entry id: expected one entry, {entry.key} holds {len(answer)}")
    key, fields = next(iter(answer.items()))
    accession = _accession(key)
    if KEY.fullmatch(entry.key) and entry.key != accession:
        raise RecordError(f"entry id: {entry.key} was asked for, {accession} came")
    if not isinstance(fields, dict) or not fields:
        raise RecordError(f"entry id: {accession} comes without a document")
    return accession, fields


def _accession(key: str) -> str:
    try:
        accession = archives.accession(key)
        if archives.archive_of(accession) == "empiar":
            return accession
    except ValueError:
        pass
    raise RecordError(f"entry id: {text.drop_emails(key)[:100]!r} is not EMPIAR-<number>")


class Gaps:
    """Which properties of a thing the archive calls unknown or not applicable, by their IRIs."""

    def __init__(self) -> None:
        self.unknown: list[str] = []
        self.not_applicable: list[str] = []

    def take(self, slot: str, value: object) -> bool:
        """Note a value that only stands in for one; return whether it does."""
        said = text.is_placeholder(value) if isinstance(value, str) and text.clean(value) else None
        if said is not None:
            (self.unknown if said == "unknown" else self.not_applicable).append(_slot_iris()[slot])
        return said is not None


@cache
def _slot_iris() -> dict[str, str]:
    table = json.loads(resources.files("linkml_schemas.generated").joinpath("slots.json").read_text(encoding="utf-8"))
    return {name: slot["iri"] for name, slot in table["slots"].items()}


class Document:
    """One document of the API while it is read.

    Lists hold strings or objects, people are wrapped (``{"author": {…}}``) or not, numbers may be text, and null,
    "" and nothing at all mean the same. Whatever else stands in a field is a finding.
    """

    def __init__(self, fields: Node, build: Builder) -> None:
        self.fields = fields
        self.build = build
        self.gaps = Gaps()
        self.named: dict[str, str] = {}

    def withdrawal(self) -> Withdrawal | None:
        """Return what the archive says of a withdrawn entry, or None for a released one.

        Raises:
            RecordError: neither released nor withdrawn.
        """
        status = (self._words("status", self.fields.get("status")) or "").upper()
        obsolete = self._date("obsolete_date")
        if status in WITHDRAWN or (status == RELEASED and obsolete):
            reason = WITHDRAWN.get(status, WITHDRAWN["OBS"])
            return Withdrawal(f"{reason} (status {status})", obsolete, self._successor())
        if not status and self._date("release_date"):
            message = "the entry has a release date and no status, so it counts as released"
            self.build.find("status", "status-missing", "", message, RELEASED)
        elif status != RELEASED:
            raise RecordError(f"status: {status[:40] or 'none'} is not released; EMPIAR publishes entries as REL")
        return None

    def dataset(self) -> Dataset:
        """Return the dataset."""
        build = self.build
        return Dataset(
            id=build.dataset_iri,
            accession=build.accession,
            name=self._title(),
            archive=build.archive(),
            publisher=Organization(id=HOME.homepage, name="EMPIAR"),
            url=archives.landing_page(HOME.name, build.accession),
            same_as=self._doi(),
            date_submitted=self._date("deposition_date"),
            date_published=self._date("release_date"),
            date_modified=self._date("update_date"),
            license=HOME.licence,
            is_accessible_for_free=True,
            author=self._people("authors", "author"),
            accountable_person=self._people("principal_investigator", "principal-investigator"),
            funding=self._each("grant_references", self._grant),
            publication=self._each("citation", self._publication),
            measurement_method=self._method(),
            imaging_scale=self._unless_gap(self.gaps, "imaging_scale", "scale", self.fields.get("scale"), self._words),
            related=self._related(),
            size_bytes=self._size(),
            distribution=self._each("imagesets", self._image_set),
            unknown=self.gaps.unknown,
            not_applicable=self.gaps.not_applicable,
        )

    # --- values of any shape

    def _scalar(self, field: str, value: Any) -> str | int | float | None:
        """Return a text or number, a whole one without its decimal point; None when empty or of another shape."""
        if value is None or (isinstance(value, str) and not text.clean(value)) or value in ([], {}):
            return None
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            self._misshapen(field, value, "a text or a number")
            return None
        return int(value) if isinstance(value, float) and value.is_integer() else value

    def _misshapen(self, field: str, value: Any, wanted: str) -> None:
        # Only the kind of the value is shown: an object may hold an address.
        self.build.find(field, "shape-invalid", type(value).__name__, f"{field} is not {wanted}, so it is left out")

    def _words(self, field: str, value: Any) -> str | None:
        """Return clean text; a placeholder is a finding."""
        words = self.build.text(field, self._scalar(field, value))
        if words is not None and text.is_placeholder(words):
            self.build.find(field, "placeholder", words, f"{words!r} stands in for a value, so it is left out")
            return None
        return words

    def _items(self, field: str) -> Iterator[tuple[str, Any]]:
        """Yield place and value of each item of a list that is not empty; a single object counts as a list."""
        value = self.fields.get(field)
        if value is not None and not isinstance(value, list | dict | str):
            self._misshapen(field, value, "a list")
            return
        for position, item in enumerate(value if isinstance(value, list) else [value]):
            if item not in (None, "", [], {}):
                yield f"{field}[{position}]", item

    def _each(self, field: str, make: Callable[[str, Node], Any]) -> list[Any]:
        things = []
        for place, item in self._items(field):
            if isinstance(item, dict):
                things.append(make(place, item))
            else:
                self._misshapen(place, item, "an object")
        return [thing for thing in things if thing is not None]

    def _unless_gap(self, gaps: Gaps, slot: str, field: str, value: Any, read: Callable[[str, Any], Any]) -> Any:
        return None if gaps.take(slot, value) else read(field, value)

    def _normal(self, field: str, rule: str, normalise: Callable[[str], str], value: Any) -> str | None:
        return self.build.normal(field, rule, normalise, self._scalar(field, value))

    def _date(self, field: str) -> str | None:
        if any(f.field == field for f in self.build.findings):
            return None
        return self._normal(field, "date-invalid", dates.date, self.fields.get(field))

    def _count(self, field: str, value: Any) -> int | None:
        scalar = self._scalar(field, value)
        if scalar is None or str(scalar).strip().casefold() == "variable":
            return None
        found = COUNT.fullmatch(str(scalar).strip())
        if found is None or int(found[1]) == 0:
            self.build.find(field, "count-invalid", scalar, f"{field} is not a whole number above zero")
            return None
        return int(found[1])

    def _length(self, field: str, value: Any) -> Any:
        """Return nanometres; the archive's lengths are in ångström and carry no unit."""
        scalar = self._scalar(field, value)
        if scalar is None or str(scalar).strip().casefold() == "variable":
            return None
        try:
            return sizes.nanometres(scalar, "Å")
        except ValueError as err:
            self.build.find(field, "length-invalid", scalar, str(err))
            return None

    # --- the dataset's own fields

    def _successor(self) -> str | None:
        for place, item in self._items("version_history"):
            details = self._scalar(f"{place}.details", item.get("details") if isinstance(item, dict) else item)
            if found := SUPERSEDED.search(str(details)):
                successor = self._normal(place, "reference-invalid", self.build.record_of, found[1])
                if successor != self.build.dataset_iri:
                    return successor
        return None

    def _title(self) -> str:
        title = self._words("title", self.fields.get("title"))
        if title is None:
            self.build.find("title", "title-missing", "", "the dataset has no title of its own")
        return title or self.build.accession

    def _doi(self) -> list[str]:
        stated = self._normal("entry_doi", "doi-invalid", identifiers.doi, self.fields.get("entry_doi"))
        own = f"https://doi.org/10.6019/{self.build.accession.lower()}"
        if stated is not None and stated != own:
            self.build.find("entry_doi", "doi-of-another", stated, "the entry's DOI is the DOI of something else", own)
        return [own] if stated == own else []

    def _size(self) -> int | None:
        value = self.fields.get("dataset_size")
        if self.gaps.take("size_bytes", value):
            return None
        scalar = self._scalar("dataset_size", value)
        try:
            return None if scalar is None else sizes.size_bytes(scalar)
        except ValueError as err:
            self.build.find("dataset_size", "size-invalid", scalar, str(err))
            return None

    def _method(self) -> list[DefinedTerm]:
        value = self.fields.get("experiment_type")
        words = self._unless_gap(self.gaps, "measurement_method", "experiment_type", value, self._words)
        if words is None or words.casefold() in NO_METHOD:
            return []
        method = self.build.wording("experiment_type", words, terms.imaging_method, f"method-{slug(words)}")
        return [] if method is None else [method]

    def _related(self) -> list[str]:
        readers = {
            "cross_references": _emdb,
            "related_pdb_entries": _pdb,
            "biostudies_references": self._biostudies,
            "idr_references": self.build.record_of,
            "empiar_references": self.build.record_of,
        }
        found = (
            self._normal(place, "reference-invalid", read, item.get("name", item) if isinstance(item, dict) else item)
            for field, read in readers.items()
            for place, item in self._items(field)
        )
        return [iri for iri in dict.fromkeys(found) if iri and iri != self.build.dataset_iri]

    def _biostudies(self, value: str) -> str:
        if BIOSTUDIES.fullmatch(value.strip()):
            try:
                return self.build.record_of(value)
            except ValueError:
                return f"https://www.ebi.ac.uk/biostudies/studies/{value.strip()}"
        return self.build.record_of(value)

    # --- people, grants, papers, image sets

    def _people(self, field: str, local: str) -> list[Person]:
        made = (
            self._person(place, item, f"{local}-{number}") for number, (place, item) in enumerate(self._items(field), 1)
        )
        return [person for person in made if person is not None]

    def _person(self, field: str, item: Any, local: str) -> Person | None:
        item = item.get("author", item) if isinstance(item, dict) else item
        if not isinstance(item, dict):
            item = {"name": item}
        given = " ".join(filter(None, (self._words(f"{field}.{n}", item.get(n)) for n in ("first_name", "middle_name"))))
        family = self._words(f"{field}.last_name", item.get("last_name"))
        name = self._name(f"{field}.name", item.get("name")) or " ".join(filter(None, (given, family)))
        orcid = self._scalar(f"{field}.author_orcid", item.get("author_orcid"))
        employer = self._organization(f"{field}.organization", item.get("organization"))
        person = self.build.person(
            field,
            name.replace(text.REMOVED, "").strip(" <>()[],;") or None,
            orcid,
            local,
            given_name=given or None,
            family_name=family,
            affiliation=[] if employer is None else [employer],
        )
        return None if person is None else self._distinct(field, person, local)

    def _distinct(self, field: str, person: Person, local: str) -> Person:
        """Return the person under an IRI of its own when its ORCID is already somebody else's in this document."""
        first = self.named.setdefault(person.id, person.name)
        if text.name_key(first).isdisjoint(text.name_key(person.name)):
            message = f"the ORCID stands with {first!r} and with {person.name!r}; it is kept with the first"
            self.build.find(f"{field}.author_orcid", "orcid-conflict", person.id, message)
            person.id = self.build.local(local)
        return person

    def _name(self, field: str, value: Any) -> str | None:
        """Return a name as written, "Last AB"; the deposition form's pair ``('Last', 'AB')`` reads the same."""
        words = self._words(field, value)
        return PAIR.sub(r"\1 \2", words).strip() if words else None

    def _organization(self, field: str, value: Any) -> Organization | None:
        name = self._words(field, value)
        return self.build.organization(field, name, None, f"organization-{slug(name)}") if name else None

    def _grant(self, field: str, item: Node) -> Grant | None:
        funder = self._organization(f"{field}.funding_body", item.get("funding_body"))
        number = self._words(f"{field}.code", item.get("code"))
        words = [*([funder.name] if funder else []), *([number] if number else [])]
        if not words:
            return None
        iri = self.build.local("-".join(["grant", *(slug(w) for w in reversed(words))]))
        return Grant(id=iri, name=" ".join(words), grant_number=number, funder=[funder] if funder else None)

    def _publication(self, field: str, item: Node) -> Publication | None:
        """Return a paper, or None for a title that has no identifier yet and is not published."""
        doi, pmid = self._paper_ids(field, item)
        journal = self._words(f"{field}.journal", item.get("journal"))
        journal = journal or self._words(f"{field}.journal_abbreviation", item.get("journal_abbreviation"))
        year = self._normal(f"{field}.year", "date-invalid", dates.date, item.get("year"))
        is_published = str(item.get("published")).strip().casefold() in ("true", "1")
        if doi is None and pmid is None and not (is_published and (journal or year)):
            return None
        return self.build.publication(
            field,
            doi or pmid,
            f"publication-{field.partition('[')[2].rstrip(']')}",
            name=self._words(f"{field}.title", item.get("title")),
            author_text=self._author_text(f"{field}.authors", item.get("authors")),
            date_published=year,
            journal=journal,
            same_as=[pmid] if doi and pmid else None,
        )

    def _paper_ids(self, field: str, item: Node) -> tuple[str | None, str | None]:
        stated, preprint = item.get("doi"), item.get("preprint")
        if stated in (None, "") and isinstance(preprint, str) and "10." in preprint:
            stated = preprint
        doi = self._normal(f"{field}.doi", "doi-invalid", identifiers.doi, stated)
        if doi is not None and doi.startswith("https://doi.org/10.6019/empiar-"):
            self.build.find(f"{field}.doi", "doi-of-another", doi, "the paper's DOI is the DOI of a dataset")
            doi = None
        return doi, self._normal(f"{field}.pubmedid", "pmid-invalid", identifiers.pmid, item.get("pubmedid"))

    def _author_text(self, field: str, value: Any) -> str | None:
        names = []
        for position, item in enumerate(value if isinstance(value, list) else [value]):
            item = item.get("author", item) if isinstance(item, dict) else item
            name = item.get("name") if isinstance(item, dict) else item
            names.append(self._name(f"{field}[{position}].name", name))
        return ", ".join(filter(None, names)) or None

    def _image_set(self, field: str, item: Node) -> Distribution | None:
        gaps, slots = Gaps(), {}
        readers: tuple[tuple[dict[str, str], Callable[[str, Any], Any]], ...] = (
            (IMAGE_TEXTS, self._words),
            (IMAGE_COUNTS, self._count),
            (IMAGE_LENGTHS, self._length),
        )
        for names, read in readers:
            for name, slot in names.items():
                slots[slot] = self._unless_gap(gaps, slot, f"{field}.{name}", item.get(name), read)
        slots["access_url"] = self._access_url(f"{field}.directory", item.get("directory"), gaps)
        said = {name: value for name, value in slots.items() if value is not None}
        if not said and not gaps.unknown and not gaps.not_applicable:
            return None
        number = int(field.partition("[")[2].rstrip("]")) + 1
        iri = self.build.local(f"imageset-{number}")
        return Distribution(id=iri, **said, unknown=gaps.unknown, not_applicable=gaps.not_applicable)

    def _access_url(self, field: str, value: Any, gaps: Gaps) -> str | None:
        directory = self._unless_gap(gaps, "access_url", field, value, self._words)
        if directory is None:
            return None
        parts = [part for part in directory.split("/") if part]
        if ".." in parts or not parts:
            self.build.find(field, "directory-invalid", directory, "the directory is not one below the entry's own")
            return None
        path = "/".join(quote(part) for part in (self.build.accession.removeprefix("EMPIAR-"), *parts))
        return self.build.iri(field, f"{FILES_URL}/{path}")


def _emdb(value: str) -> str:
    found = EMD.fullmatch(text.clean(value))
    if found is None:
        raise ValueError(f"{value[:200]!r} is not an EMDB accession: expected EMD-<number>")
    return f"https://www.ebi.ac.uk/emdb/EMD-{found[1]}"


def _pdb(value: str) -> str:
    found = PDB.fullmatch(text.clean(value))
    if found is None:
        raise ValueError(f"{value[:200]!r} is not a PDB id: expected a digit and three letters or digits")
    return f"https://identifiers.org/pdb:{found[1].lower()}"


HARVESTER = Harvester(
    name="empiar",
    title="EMPIAR entry API (live: https://www.ebi.ac.uk/empiar/api/entry/)",
    homepage=HOME.homepage,
    licence=HOME.licence,
    entries=entries,
    fetch=fetch,
    transform=transform,
)
