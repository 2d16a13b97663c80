"""Detached RO-Crates in the foundingGIDE profile, as the BioImage Archive, IDR and SSBD publish them.

Each file ``*-ro-crate-metadata.json`` describes one dataset. Crates are read as the flat graphs that they are; a
crate of any other JSON-LD shape is first flattened with pinned contexts. No context is ever fetched.

Source: https://www.gide-project.org/ro-crate/search/1.0/profile (profile of January 2026)
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urljoin

from harvesters import files, jsonld
from harvesters.building import Builder, slug
from harvesters.contract import Context, Entry, Harvested, Harvester, Http, RecordError, Source
from linkml_schemas.generated.model import (
    BioSample,
    Dataset,
    DefinedTerm,
    Grant,
    ImagingProtocol,
    Organization,
    Person,
    Publication,
    Taxon,
)
from ontology import archives, dates, identifiers, licences

SUFFIX = "ro-crate-metadata.json"
BYTES = "http://purl.obolibrary.org/obo/UO_0000233"
COUNT = "http://purl.obolibrary.org/obo/UO_0000189"
FILLER_METHOD = "http://purl.obolibrary.org/obo/FBbi_00000265"
# The class is misspelt in every crate of the BioImage Archive.
QUANTITY = frozenset({"QuantitativeValue", "QuantitiveValue"})
Node = dict[str, Any]


def entries(http: Http, source: Source) -> Iterator[Entry]:
    """Yield one entry for each crate; a crate of all crates beside them is not a dataset."""
    found = list(files.entries(http, source, SUFFIX))
    folders = {_folder(e.key) for e in found if not _is_plain(e.key)}
    yield from (e for e in found if not (_is_plain(e.key) and _folder(e.key) in folders))


def _is_plain(key: str) -> bool:
    return key.rpartition("/")[2] == SUFFIX


def _folder(key: str) -> str:
    return key.rpartition("/")[0]


def transform(raw: bytes, entry: Entry, ctx: Context) -> Harvested:
    """Return the dataset that a crate describes.

    Raises:
        RecordError: not a crate, or without an accession of a known archive.
    """
    nodes, root = _read(raw, entry)
    builder = Builder(ctx, _accession(root))
    crate = Crate(nodes, root, builder)
    return Harvested(crate.dataset(), tuple(builder.findings))


def _read(raw: bytes, entry: Entry) -> tuple[list[Node], Node]:
    try:
        document = json.loads(raw)
    except (ValueError, RecursionError) as err:
        raise RecordError(f"{entry.key} is not JSON: {err}") from err
    nodes = jsonld.flat_nodes(document)
    about = next((_ids(n.get("about")) for n in nodes if "conformsTo" in n and "about" in n), [])
    root = next((n for n in nodes if n.get("@id") in about), None)
    if root is None:
        raise RecordError(f"{entry.key}: no node is the root dataset that the metadata descriptor is `about`")
    return nodes, root


def _accession(root: Node) -> str:
    for candidate in (*_list(root.get("identifier")), root.get("@id")):
        try:
            found = archives.accession(str(candidate))
            archives.archive_of(found)
        except ValueError:
            continue
        return found
    shown = root.get("identifier") or root.get("@id")
    raise RecordError(f"identifier: {shown!r} is not an accession of a known archive (e.g. S-BIAD824, idr0094)")


def _list(value: Any) -> list[Any]:
    return [] if value is None else value if isinstance(value, list) else [value]


def _ids(value: Any) -> list[str]:
    return [str(v["@id"]) for v in _list(value) if isinstance(v, dict) and "@id" in v]


def _types(node: Node) -> frozenset[str]:
    return frozenset(str(t) for t in _list(node.get("@type")))


def _first(value: Any) -> Any:
    values = _list(value)
    return values[0] if values else None


class Crate:
    """One crate while it is read: its nodes by ``@id``, and which of them found a place in the record."""

    def __init__(self, nodes: list[Node], root: Node, builder: Builder) -> None:
        self.root = root
        self.build = builder
        self.nodes: dict[str, Node] = {}
        self.built: dict[str, Any] = {}
        self.used = {str(root["@id"])}
        for node in nodes:
            self._add(node)

    def _add(self, node: Node) -> None:
        iri = str(node.get("@id", ""))
        if "conformsTo" in node and "about" in node:
            return
        if iri in self.nodes and self.nodes[iri] != node:
            shown = f"{iri} ({_first(node.get('name'))})"
            self.build.find("@graph", "duplicate-id", shown, f"{iri} describes two different things; the first is kept")
            return
        self.nodes.setdefault(iri, node)

    def dataset(self) -> Dataset:
        """Return the dataset; nodes that found no place in it become findings."""
        build, root = self.build, self.root
        record = Dataset(
            id=build.dataset_iri,
            accession=build.accession,
            name=self._title(),
            description=build.text("description", _first(root.get("description"))),
            archive=build.archive(),
            publisher=_first(self._things("publisher", self._organization)),
            **self._addresses(),
            **self._sizes(),
            date_published=build.normal("datePublished", "date-invalid", dates.date, _first(root.get("datePublished"))),
            date_modified=build.normal("dateModified", "date-invalid", dates.date, _first(root.get("dateModified"))),
            license=self._license(),
            copyright_notice=build.text("copyrightNotice", root.get("copyrightNotice")),
            is_accessible_for_free=True,
            author=self._things("author", self._author),
            keyword=build.texts("keywords", _list(root.get("keywords"))),
            funding=self._things("funder", self._grant),
            publication=[*self._things("citation", self._publication), *self._things("seeAlso", self._publication)],
            about=self._things("about", self._subject),
            measurement_method=self._things("measurementMethod", self._method),
            thumbnail=[t for v in _list(root.get("thumbnailUrl")) if (t := build.iri("thumbnailUrl", v))],
        )
        self._report_unused()
        return record

    # --- fields of the root

    def _title(self) -> str:
        name = self.build.text("name", _first(self.root.get("name")))
        if name is None or name == self.build.accession:
            self.build.find("name", "title-missing", name or "", "the dataset has no title of its own")
        return name or self.build.accession

    def _addresses(self) -> dict[str, Any]:
        root, home = self.build.iri("@id", self.root["@id"]), self.build.archive_name
        if root is not None and self.build.ctx.source.archive == home:
            return {"url": root}
        page = archives.landing_page(home, self.build.accession)
        return {"url": page, "same_as": [root] if root and root != page else None}

    def _license(self) -> str | None:
        value = _first(self.root.get("license"))
        if isinstance(value, dict):
            value = value.get("@id")
        if value in (None, ""):
            return None
        try:
            return licences.licence(str(value))
        except ValueError as err:
            self.build.find("license", "licence-unknown", value, str(err))
            return self.build.iri("license", value) if str(value).startswith("http") else None

    def _sizes(self) -> dict[str, Any]:
        sizes: dict[str, Any] = {}
        for iri in _ids(self.root.get("size")):
            node = self._take("size", iri)
            if node is None:
                continue
            slot = {BYTES: "size_bytes", COUNT: "file_count"}.get(str(node.get("unitCode")))
            if not _types(node) & QUANTITY or slot is None:
                self.build.find("size", "size-unit", node.get("unitCode"), "a size needs the unit bytes or count")
                continue
            sizes[slot] = self._quantity(slot, node.get("value"))
        return sizes

    def _quantity(self, slot: str, value: Any) -> int | None:
        try:
            number = int(value)
        except (TypeError, ValueError, OverflowError):
            number = -1
        if number < 1 or number != value:
            self.build.find(f"size.{slot}", "size-invalid", value, "a size is a whole number above zero")
            return None
        return number

    # --- nodes

    def _things(self, field: str, make: Callable[[str, str, Node], Any]) -> list[Any]:
        return self._nested(field, self.root.get(field), make)

    def _nested(self, field: str, value: Any, make: Callable[[str, str, Node], Any]) -> list[Any]:
        things = []
        for position, iri in enumerate(_ids(value)):
            place = f"{field}[{position}]"
            node = self._take(place, iri)
            if node is None:
                continue
            if iri not in self.built:
                self.built[iri] = make(place, iri, node)
            things.append(self.built[iri])
        return [t for t in things if t is not None]

    def _take(self, field: str, iri: str) -> Node | None:
        node = self.nodes.get(iri)
        if node is None:
            self.build.find(field, "dangling-reference", iri, f"{iri} is named but not described in the crate")
            return None
        self.used.add(iri)
        return node

    def _report_unused(self) -> None:
        for iri in self.nodes.keys() - self.used:
            kind = ", ".join(sorted(_types(self.nodes[iri])))
            message = f"the {kind or 'untyped'} node is not reached from the dataset, so it is left out"
            self.build.find("@graph", "node-unreached", iri, message)
        lost = [iri for iri in self.used if iri in self.built and self.built[iri] is None]
        for iri in lost:
            self.build.find("@graph", "node-dropped", iri, "the node could not be read, so it is left out")

    def _author(self, field: str, iri: str, node: Node) -> Person | Organization | None:
        if "Organization" in _types(node):
            return self._organization(field, iri, node)
        orcid = iri if "orcid.org" in iri else None
        return self.build.person(
            field,
            _first(node.get("name")),
            orcid,
            iri if orcid is None else f"person-{slug(iri.rpartition('/')[2])}",
            given_name=self.build.text(f"{field}.givenName", node.get("givenName")),
            family_name=self.build.text(f"{field}.familyName", node.get("familyName")),
            affiliation=self._nested(f"{field}.affiliation", node.get("affiliation"), self._organization),
            url=self.build.iri(f"{field}.url", node.get("url")),
        )

    def _organization(self, field: str, iri: str, node: Node) -> Organization | None:
        ror = iri if "ror.org" in iri else None
        made = self.build.organization(
            field, _first(node.get("name")), ror, iri, url=self.build.iri(f"{field}.url", node.get("url"))
        )
        if made is not None and ror is None and iri.startswith("http"):
            made.id = self.build.iri(field, iri) or made.id
        return made

    def _grant(self, field: str, iri: str, node: Node) -> Grant | None:
        name = self.build.text(f"{field}.name", _first(node.get("name")))
        if name is None:
            return None
        number = self.build.text(f"{field}.identifier", node.get("identifier"))
        return Grant(id=self._own_or_local(field, iri), name=name, grant_number=number)

    def _publication(self, field: str, iri: str, node: Node) -> Publication:
        normalise = identifiers.pmid if iri.isdigit() else identifiers.publication
        paper = self.build.normal(f"{field}.@id", "publication-invalid", normalise, iri)
        name = self.build.text(f"{field}.name", _first(node.get("name")))
        if name is not None and name.startswith("http"):
            self.build.find(f"{field}.name", "title-is-identifier", name, "the paper's title is only its address")
            name = None
        also = (
            self.build.normal(f"{field}.sameAs", "iri-invalid", _paper_or_iri, v) for v in _list(node.get("sameAs"))
        )
        published = self.build.normal(f"{field}.datePublished", "date-invalid", dates.date, node.get("datePublished"))
        others = [a for a in also if a and a != paper]
        return self.build.publication(f"{field}.@id", paper, iri, name=name, date_published=published, same_as=others)

    def _subject(self, field: str, iri: str, node: Node) -> BioSample | Taxon | DefinedTerm | None:
        types = _types(node)
        if "BioSample" in types:
            return self._sample(field, iri, node)
        return self._taxon(field, iri, node) if "Taxon" in types else self._term(field, iri, node)

    def _sample(self, field: str, iri: str, node: Node) -> BioSample | None:
        name = self.build.text(f"{field}.name", _first(node.get("name")))
        description = self.build.text(f"{field}.description", _first(node.get("description")))
        label = name or description
        if label is None:
            return None
        return BioSample(
            id=self._own_or_local(field, iri),
            name=label,
            description=description,
            taxon=self._nested(f"{field}.taxonomicRange", node.get("taxonomicRange"), self._taxon),
            cell_line=self._cell_lines(f"{field}.hasCellLine", node.get("hasCellLine")),
        )

    def _cell_lines(self, field: str, value: Any) -> list[DefinedTerm]:
        names = [v for v in _list(value) if isinstance(v, str)]
        worded = [self.build.term(field, None, name, f"cell-line-{slug(name)}") for name in names]
        return [*self._nested(field, value, self._term), *(w for w in worded if w is not None)]

    def _taxon(self, field: str, iri: str, node: Node) -> Taxon | None:
        name = _first(node.get("scientificName")) or _first(node.get("name"))
        return self.build.taxon(f"{field}.@id", iri, name, _first(node.get("vernacularName")))

    def _term(self, field: str, iri: str, node: Node) -> DefinedTerm | None:
        identifier = None if iri.startswith("#") else iri
        made = self.build.term(f"{field}.@id", identifier, _first(node.get("name")), iri)
        if made is not None and made.id == FILLER_METHOD:
            message = "'recorded image' names no method; it was filled in because the field is required"
            self.build.find(field, "filler-method", iri, message)
        return made

    def _method(self, field: str, iri: str, node: Node) -> ImagingProtocol | DefinedTerm | None:
        if "LabProtocol" not in _types(node):
            return self._term(field, iri, node)
        name = self.build.text(f"{field}.name", _first(node.get("name")))
        description = self.build.text(f"{field}.description", _first(node.get("description")))
        label = name or description
        if label is None:
            return None
        return ImagingProtocol(
            id=self._own_or_local(field, iri),
            name=label,
            description=description,
            lab_equipment=self.build.text(f"{field}.labEquipment", node.get("labEquipment")),
            measurement_technique=self._nested(
                f"{field}.measurementTechnique", node.get("measurementTechnique"), self._term
            ),
        )

    def _own_or_local(self, field: str, iri: str) -> str:
        own = self.build.iri(field, iri) if iri.startswith("http") else None
        return own or self.build.local(iri)


def _paper_or_iri(value: str) -> str:
    try:
        return identifiers.publication(value)
    except ValueError:
        return identifiers.iri(urljoin(value, value))


HARVESTER = Harvester(
    name="crates",
    title="RO-Crates in the foundingGIDE profile",
    homepage="https://www.gide-project.org/",
    licence=None,
    entries=entries,
    fetch=files.fetch,
    transform=transform,
)
