"""SSBD's REST route: the service (version 3) of its quantitative data, which are files in BDML.

Live URL: http://ssbd.qbic.riken.jp/SSBD/api/v3/. A page is ``{"meta": {"next", "total_count", …}, "objects": [{…}]}``;
its ``next`` has no host and joins parameters with ``&`` where requests do with ``;``. Files are saved pages.

An object of ``data`` is one BDML file, with a UUID (``bdmlID``) and the number of its SSBD project (``SID``: both have
the same papers). A payload holds all files of one project, and the people whom ``contact`` and ``contributor`` name,
without their addresses. It becomes one record ``<SID>-bdml`` with the files as parts, of the same dataset as the
project's other records; a file without a project becomes a record ``bdml-<UUID>``. Coordinates are no metadata.

Source: https://github.com/openssbd/OpenSSBD and https://github.com/openssbd/Py_SSBDapi
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any, Final
from urllib.parse import urljoin, urlsplit

from harvesters import files
from harvesters.building import Builder, property_iri, slug
from harvesters.contract import Context, Entry, Harvested, Http, RecordError, Source, SourceError
from linkml_schemas.generated.model import (
    Dataset,
    Distribution,
    Gene,
    GeneAnnotation,
    Organization,
    Person,
    Publication,
    StudyComponent,
    Taxon,
)
from ontology import dates, identifiers, licences, terms, text

Node = dict[str, Any]

API: Final = re.compile(r"(https?://[^?#]+/api/v\d+)(?=[/?]|$)(?:/data)?/?(?:\?([^#]*))?")
PAGE_SIZE: Final = 100
MAX_PAGE_SIZE: Final = 1000
# Parameters that say how, and not what, is listed.
PAGING: Final = frozenset({"format", "limit", "offset"})
ROLES: Final = ("contact", "contributor")
NAMES: Final = ("first_name", "middle_name", "last_name")
UUID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)
POINTER: Final = re.compile(r"see details in\b", re.IGNORECASE)


# --- listing -------------------------------------------------------------------------------------------------------


def entries(http: Http, source: Source, listed: Iterable[Entry] | None) -> Iterator[Entry]:
    """Yield one entry for each project (or file without one), with its payload; from files if there are any.

    Raises:
        SourceError: the service refuses, or its pages do not hold as many objects as they say.
    """
    gathered = Gathered()
    if listed is None:
        root, size = _live(source)
        for kind in ("data", *ROLES):
            gathered.add(_all(http, f"{root}{kind}/?format=json;limit={size}", kind != "data"), kind)
    else:
        for entry in sorted(listed, key=lambda found: found.key):
            if entry.key.endswith(".json"):
                gathered.read(replace(entry, payload=files.fetch(http, source, entry)))
        root = source.url
    return gathered.entries(root)


def _live(source: Source) -> tuple[str, int]:
    found = API.fullmatch(source.url)
    if found is None:
        raise SourceError(f"[sources.{source.name}] url: {source.url!r} is not …/api/v3/")
    filters = {part.partition("=")[0] for part in re.split("[;&]", found[2] or "") if part} - PAGING
    if filters:
        raise SourceError(
            f"[sources.{source.name}] url: {', '.join(sorted(filters))} would leave out a part of the data"
        )
    size = source.options.get("page_size", PAGE_SIZE)
    if type(size) is not int or not 1 <= size <= MAX_PAGE_SIZE:
        raise SourceError(
            f"[sources.{source.name}] page_size: {size!r} is not a whole number from 1 to {MAX_PAGE_SIZE}"
        )
    return f"{found[1]}/", size


def _all(http: Http, url: str, may_be_absent: bool) -> list[Node]:
    """Return the objects of all pages that begin with this one."""
    objects: list[Node] = []
    seen: set[str] = set()
    total = None
    while url not in seen:
        seen.add(url)
        try:
            page = _page(http.get(url, headers={"Accept": "application/json"}), url)
        except SourceError as err:
            if may_be_absent and len(seen) == 1 and err.status == 404:
                return []
            raise
        objects += page["objects"]
        total = page["meta"].get("total_count")
        following = page["meta"].get("next")
        if not following:
            break
        if not page["objects"] or (isinstance(total, int) and len(objects) >= total):
            raise SourceError(f"{url}: after {len(objects)} objects of {total} there is said to be another page")
        before, url = url, urljoin(url, str(following))
        if urlsplit(url).netloc != urlsplit(before).netloc or url in seen:
            raise SourceError(f"{before}: the next page is said to be {following}")
    if isinstance(total, int) and len(objects) != total:
        raise SourceError(f"{url}: {len(objects)} objects came of {total}")
    return objects


def _page(body: bytes, place: str) -> Node:
    try:
        page = json.loads(body)
    except (ValueError, RecursionError) as err:
        raise SourceError(f"{place} is not JSON") from err
    if not isinstance(page, dict) or not isinstance(page.get("meta"), dict):
        raise SourceError(f"{place} is not a page of the service: it has no `meta`")
    objects = page.get("objects")
    if not isinstance(objects, list) or not all(isinstance(item, dict) for item in objects):
        raise SourceError(f"{place} is not a page of the service: it has no list of `objects`")
    return page


class Gathered:
    """Objects of the service, by the project that they belong to."""

    def __init__(self) -> None:
        self.data: dict[str, list[Node]] = defaultdict(list)
        self.people: dict[str, list[Node]] = defaultdict(list)
        self.strange: list[Entry] = []

    def read(self, entry: Entry) -> None:
        """Add a saved page; one that holds no metadata of a file is kept to be rejected by name."""
        try:
            page = _page(entry.payload or b"", entry.key)
        except SourceError:
            self.strange.append(entry)
            return
        asked = f"{page.get('_request', '')} {entry.key}"
        kind = next((role for role in ROLES if re.search(rf"\b{role}\b", asked)), "")
        known = [item for item in page["objects"] if "bdmlID" in item or isinstance(item.get("data"), dict)]
        self.add(known, kind)
        if not known and page["objects"]:
            self.strange.append(entry)

    def add(self, objects: Iterable[Node], kind: str) -> None:
        """Add objects; an object of a person holds that of the file, too."""
        for item in objects:
            data = item.get("data")
            if not isinstance(data, dict):
                data, person = item, None
            else:
                person = _person_of(item, kind if kind in ROLES else None)
            key = _key(data)
            fields = {**data, "SID": _number(data)}
            self.data[key] += [] if fields in self.data[key] else [fields]
            if person is not None:
                self.people[key] += [] if person in self.people[key] else [person]

    def entries(self, place: str) -> Iterator[Entry]:
        """Yield the entries, sorted by key."""
        made = [*self.strange]
        for key, data in self.data.items():
            held = {"data": sorted(data, key=_stable), "people": sorted(self.people[key], key=_stable)}
            payload = _stable(held).encode()
            made.append(Entry(key, files.git_blob_hash(payload), place, payload))
        yield from sorted(made, key=lambda entry: entry.key)


def _stable(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def _number(data: Node) -> str | None:
    """Return the number of the project of a file, which is a number or a text; None when there is none."""
    said = str(data.get("SID") or "").strip()
    return said.lstrip("0") if re.fullmatch(r"0*[1-9]\d{0,4}", said, re.ASCII) else None


def _key(data: Node) -> str:
    number = _number(data)
    return f"{number}-bdml" if number else f"bdml-{str(data.get('bdmlID')).strip().lower()}"


def _person_of(item: Node, role: str | None) -> Node:
    """Return name, ORCID, organisation and role of a person, who is nested once or twice; no addresses."""
    affiliation = item.get("affiliation")
    affiliation = affiliation if isinstance(affiliation, dict) else {}
    person = item.get("person") or affiliation.get("person")
    person = person if isinstance(person, dict) else {}
    kept = {name: person.get(name) for name in (*NAMES, "ORCID")}
    return {**kept, "organization": affiliation.get("organization"), "role": role}


# --- one project ---------------------------------------------------------------------------------------------------


def transform(raw: bytes, entry: Entry, ctx: Context) -> Harvested:
    """Return the dataset that the quantitative data of one project are of.

    Raises:
        RecordError: not a payload of this route, or without an identifier.
    """
    try:
        payload = json.loads(raw)
    except (ValueError, RecursionError) as err:
        raise RecordError(f"{entry.key} is not JSON") from err
    data = payload.get("data") if isinstance(payload, dict) else None
    if not isinstance(data, list) or not data or not all(isinstance(item, dict) for item in data):
        raise RecordError(f"objects: {entry.key} holds no object of `data`, so there is nothing to publish")
    people = [item for item in payload.get("people") or [] if isinstance(item, dict)]
    accession = _key(data[0])
    if _number(data[0]) is None and not UUID.fullmatch(accession.removeprefix("bdml-")):
        raise RecordError("bdmlID: neither SID is the number of a project nor bdmlID a UUID")
    record = Quantities(ctx, accession, data, people)
    return Harvested(record.dataset(), tuple(record.findings))


class Quantities(Builder):
    """Builds the record of one project's files of quantitative data."""

    def __init__(self, ctx: Context, accession: str, data: list[Node], people: list[Node]) -> None:
        super().__init__(ctx, accession, archive="ssbd")
        self.data = self._unique(data)
        self.people = people
        self.number = _number(data[0])
        self.taxa: dict[str, Taxon | None] = {}
        self.genes: dict[str, GeneAnnotation] = {}

    def dataset(self) -> Dataset:
        """Return the dataset."""
        parts = [self._component(*placed) for placed in enumerate(self.data)]
        kinds = self._all("datatype")
        released = [
            day for said in self._all("release") if (day := self.normal("release", "date-invalid", dates.date, said))
        ]
        licence, notice = self._licence()
        for said in filter(POINTER.match, self._all("method_summary")):
            message = "the summary of the method only points to the paper, so it is left out"
            self.find("method_summary", "placeholder", said, message)
        return Dataset(
            id=self.dataset_iri,
            accession=self.accession,
            name=self._title(kinds),
            description=self._common("description"),
            archive=self.archive(),
            publisher=Organization(id="https://ssbd.riken.jp/database", name="SSBD:database"),
            url=f"https://ssbd.riken.jp/database/project/{self.number}/" if self.number else None,
            date_published=min(released, default=None),
            license=licence,
            copyright_notice=notice,
            is_accessible_for_free=True,
            author=[*self._authors()],
            contact=[person for item in self.people if item.get("role") == "contact" for person in self._person(item)],
            keyword=[*kinds, *self._all("basedon")],
            publication=self._papers(),
            about=[taxon for taxon in self.taxa.values() if taxon],
            gene_annotation=[*self.genes.values()],
            related=self._related(),
            has_part=parts,
        )

    # --- fields of all files together

    def _unique(self, data: list[Node]) -> list[Node]:
        kept: dict[str, Node] = {}
        for item in data:
            name = str(item.get("bdmlID") or f"{item.get('localID')} {item.get('title')}")
            if name in kept:
                message = "the file is described twice and otherwise; the first description stands"
                self.find("bdmlID", "duplicate-id", name, message)
            kept.setdefault(name, item)
        return [*kept.values()]

    def _words(self, field: str, value: Any) -> str | None:
        """Return clean text; a value that is no text, or stands in for one, is a finding."""
        if isinstance(value, list | dict | bool):
            self.find(field, "shape-invalid", type(value).__name__, f"{field} is not a text, so it is left out")
            return None
        words = self.text(field, value)
        if words is not None and text.is_placeholder(words):
            self.find(field, "placeholder", words, f"{words!r} stands in for a value, so it is left out")
            return None
        return words

    def _all(self, field: str) -> list[str]:
        """Return the different texts of a field."""
        said = {json.dumps(item.get(field)): item.get(field) for item in self.data if item.get(field) is not None}
        return [*dict.fromkeys(words for value in said.values() if (words := self._words(field, value)))]

    def _common(self, field: str) -> str | None:
        said = self._all(field)
        return said[0] if len(said) == 1 else None

    def _title(self, kinds: list[str]) -> str:
        if title := self._common("title"):
            return title
        self.find("title", "title-missing", "", "the service has titles of files and none of their project")
        return "; ".join(kinds) or self.accession

    def _licence(self) -> tuple[str | None, str | None]:
        names = self._all("license")
        for other in names[1:]:
            self.find("license", "several-values", other, f"files have several licences: only {names[0]!r} is kept")
        licence = self.normal("license", "licence-unknown", licences.licence, names[0]) if names else None
        return licence, None if licence else "; ".join(names) or None

    def _papers(self) -> list[Publication]:
        cited = [("PMID", said) for said in self._all("PMID")]
        cited += [("dblink", said) for said in self._all("dblink") if "/pubmed/" in said]
        papers = [self.normal(field, "pmid-invalid", identifiers.pmid, said) for field, said in cited]
        return [self.publication("PMID", iri, iri) for iri in dict.fromkeys(papers) if iri]

    def _related(self) -> list[str]:
        pages = [self.iri("dblink", said) for said in self._all("dblink") if "/pubmed/" not in said]
        return [page for page in pages if page]

    # --- people

    def _authors(self) -> list[Person]:
        """Return the authors in their order, each with what the service knows of a namesake."""
        known = {text.name_key(self._name(item)): item for item in reversed(self.people) if self._name(item)}
        names = dict.fromkeys(name for line in self._all("contributors") for name in self._split(line))
        items = [known.get(text.name_key(name), {"last_name": name}) for name in names]
        return [person for item in items for person in self._person(item)]

    def _split(self, line: str) -> list[str]:
        """Return the names of a line; "Jr." and the like are no name and stay with the one before."""
        names: list[str] = []
        for part in line.split(","):
            if names and " " not in part.strip():
                self.find(
                    "contributors",
                    "list-split",
                    line,
                    f"{part.strip()!r} is no full name; it stays with the one before",
                )
                names[-1] = f"{names[-1]}, {part.strip()}"
            elif part.strip():
                names.append(part.strip())
        return names

    def _name(self, item: Node) -> str:
        return " ".join(str(item[name]).strip() for name in NAMES if item.get(name))

    def _person(self, item: Node) -> list[Person]:
        name = self._name(item)
        person = self.person("person", name or None, self._words("ORCID", item.get("ORCID")), f"person-{slug(name)}")
        if person is None:
            return []
        given = self._words("first_name", item.get("first_name"))
        person.given_name = " ".join(filter(None, (given, self._words("middle_name", item.get("middle_name"))))) or None
        person.family_name = self._words("last_name", item.get("last_name")) if given else None
        where = self._words("organization", item.get("organization"))
        made = self.organization("organization", where, None, f"organization-{slug(where)}") if where else None
        person.affiliation = [made] if made else []
        return [person]

    # --- one file

    def _component(self, position: int, item: Node) -> StudyComponent:
        field = f"objects[{position}]"
        identifier = self.text(f"{field}.bdmlID", item.get("bdmlID") or position) or str(position)
        title = self._words(f"{field}.title", item.get("title"))
        if title is None:
            self.find(f"{field}.title", "title-missing", "", "the file has no title of its own")
        gaps: dict[str, Any] = {}
        taxon = self._organism(f"{field}.organism", item.get("organism"), gaps)
        self._note_genes(field, item, taxon)
        summary = self._words(f"{field}.method_summary", item.get("method_summary"))
        if summary is not None and POINTER.match(summary):
            summary = None
        local = self._words(f"{field}.localID", item.get("localID"))
        return StudyComponent(
            id=self.local(f"bdml-{identifier}"),
            name=title or identifier,
            description="\n".join(filter(None, (self._words(f"{field}.description", item.get("description")), summary)))
            or None,
            about=[taxon] if taxon else [],
            distribution=[Distribution(id=self.local(f"file-{identifier}"), name=local, encoding_format="BDML")],
            **gaps,
        )

    def _organism(self, field: str, value: Any, gaps: dict[str, Any]) -> Taxon | None:
        gap = text.is_placeholder(value) if isinstance(value, str) and value.strip() else None
        if gap is not None:
            gaps[gap.replace(" ", "_")] = [property_iri("about")]
            return None
        name = self._words(field, value)
        if name is None:
            return None
        if name not in self.taxa:
            iri = self.normal(field, "taxon-unknown", terms.organism, name)
            self.taxa[name] = self.taxon(field, iri, None)
        return self.taxa[name]

    def _note_genes(self, field: str, item: Node, taxon: Taxon | None) -> None:
        """Note the genes that a file is about: symbols, else names of open reading frames."""
        said = self._words(f"{field}.gene", item.get("gene")) or self._words(f"{field}.orf", item.get("orf"))
        species = taxon.id.rpartition("/")[2] if taxon else "any"
        for symbol in (part.strip() for part in re.split("[,;]", said or "")):
            if symbol:
                gene = Gene(id=self.local(f"gene-{species}-{symbol}"), symbol=symbol, taxon=[taxon] if taxon else [])
                name = f"gene-annotation-{species}-{symbol}"
                self.genes[name] = GeneAnnotation(id=self.local(name), gene=gene)
