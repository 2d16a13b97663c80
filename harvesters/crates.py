"""Detached RO-Crates in the foundingGIDE profile, as the BioImage Archive, IDR and SSBD publish them.

Each file ``*-ro-crate-metadata.json`` describes one dataset. Crates are read as the flat graphs that they are; a
crate of any other JSON-LD shape is first flattened with pinned contexts. No context is ever fetched.

Source: https://www.gide-project.org/ro-crate/search/1.0/profile (profile of January 2026)
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from harvesters import files, jsonld
from harvesters.building import Builder, property_iri, slug
from harvesters.contract import Context, Entry, Harvested, Harvester, Http, RecordError, Source
from linkml_schemas.generated.model import (
    Archive,
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
from ontology import archives, dates, identifiers, licences, terms, text

SUFFIX = "ro-crate-metadata.json"
BYTES = "http://purl.obolibrary.org/obo/UO_0000233"
COUNT = "http://purl.obolibrary.org/obo/UO_0000189"
FILLER_METHOD = "http://purl.obolibrary.org/obo/FBbi_00000265"
# The class is misspelt in every crate of the BioImage Archive.
QUANTITY = frozenset({"QuantitativeValue", "QuantitiveValue"})
MAX_INTEGER = 2**63 - 1
# Fields that the profile requires, so that a crate may have to say that their value is unknown → slots of the model.
MAY_BE_UNKNOWN = {
    "about": "about",
    "measurementMethod": "measurement_method",
    "license": "license",
    "datePublished": "date_published",
}
Node = dict[str, Any]
Kinds = tuple[type, ...]


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
    about = [iri for n in nodes if _is_descriptor(n) for iri in _ids(n["about"])]
    root = next((n for n in nodes if n.get("@id") in about), None)
    if root is None:
        raise RecordError(f"{entry.key}: no node is the root dataset that the metadata descriptor is `about`")
    return nodes, root


def _is_descriptor(node: Node) -> bool:
    """Tell the metadata descriptor from a dataset, which may conform to a profile and be about something too."""
    return "conformsTo" in node and "about" in node and "Dataset" not in _types(node)


def _accession(root: Node) -> str:
    for candidate in (*_list(root.get("identifier")), root.get("@id")):
        try:
            found = archives.accession(str(candidate))
            archives.archive_of(found)
        except ValueError:
            continue
        return found
    shown = text.drop_emails(repr(root.get("identifier") or root.get("@id")))[:200]
    raise RecordError(f"identifier: {shown} is not an accession of a known archive (e.g. S-BIAD824, idr0094)")


def _list(value: Any) -> list[Any]:
    return [] if value is None else value if isinstance(value, list) else [value]


def _ids(value: Any) -> list[str]:
    return [str(v["@id"]) for v in _list(value) if isinstance(v, dict) and "@id" in v]


def _plain(value: Any) -> Any:
    return value["@id"] if isinstance(value, dict) and "@id" in value else value


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
        self.kinds: dict[str, type] = {builder.dataset_iri: Dataset, builder.archive().id: Archive}
        self.used = {str(root["@id"])}
        for node in nodes:
            self._add(node)
        self.unknown = [property_iri(slot) for field, slot in MAY_BE_UNKNOWN.items() if self._says_unknown(field)]

    def _add(self, node: Node) -> None:
        iri = str(node.get("@id", ""))
        if _is_descriptor(node):
            return
        if iri in self.nodes and self.nodes[iri] != node:
            shown = f"{iri} ({_first(node.get('name'))})"
            self.build.find("@graph", "duplicate-id", shown, f"{iri} describes two different things; the first is kept")
            return
        self.nodes.setdefault(iri, node)

    def _says_unknown(self, field: str) -> bool:
        """Tell whether a field says in so many words that its value is unknown, and take that out of it."""
        values = _list(self.root.get(field))
        known = [v for v in values if _plain(v) not in (terms.UNKNOWN, dates.UNKNOWN_YEAR)]
        self.root = {**self.root, field: known}
        self.used.add(terms.UNKNOWN)
        return len(known) < len(values)

    def dataset(self) -> Dataset:
        """Return the dataset; nodes that found no place in it become findings."""
        build, root = self.build, self.root
        record = Dataset(
            id=build.dataset_iri,
            accession=build.accession,
            name=self._title(),
            description=build.text("description", self._one("description", root)),
            archive=build.archive(),
            publisher=self._publisher(),
            **self._addresses(),
            **self._sizes(),
            date_published=build.normal("datePublished", "date-invalid", dates.date, self._one("datePublished", root)),
            date_modified=build.normal("dateModified", "date-invalid", dates.date, self._one("dateModified", root)),
            license=self._license(),
            copyright_notice=build.text("copyrightNotice", root.get("copyrightNotice")),
            is_accessible_for_free=True,
            author=self._things("author", self._author, Person, Organization),
            keyword=build.texts("keywords", _list(root.get("keywords"))),
            funding=self._things("funder", self._grant, Grant),
            publication=[p for f in ("citation", "seeAlso") for p in self._things(f, self._publication, Publication)],
            about=self._things("about", self._subject, BioSample, Taxon, DefinedTerm),
            measurement_method=self._things("measurementMethod", self._method, ImagingProtocol, DefinedTerm),
            unknown=self.unknown,
            thumbnail=[t for v in _list(root.get("thumbnailUrl")) if (t := build.iri("thumbnailUrl", _plain(v)))],
        )
        self._report_unused()
        return record

    # --- fields of the root

    def _one(self, field: str, node: Node, place: str = "") -> Any:
        """Return the value of a field that has one value; further ones become a finding."""
        values = _list(node.get(field))
        if len(values) > 1:
            message = f"{field} takes one value, so only the first is kept"
            self.build.find(f"{place}{field}", "several-values", _plain(values[1]), message)
        return values[0] if values else None

    def _publisher(self) -> Organization | None:
        publishers = self._things("publisher", self._organization, Organization)
        for other in publishers[1:]:
            self.build.find(
                "publisher", "several-values", other.id, f"only the first publisher is kept, not {other.name}"
            )
        return publishers[0] if publishers else None

    def _title(self) -> str:
        name = self.build.text("name", self._one("name", self.root))
        if name is None or name == self.build.accession:
            self.build.find("name", "title-missing", name or "", "the dataset has no title of its own")
        return name or self.build.accession

    def _addresses(self) -> dict[str, Any]:
        root, home = self.build.iri("@id", self.root["@id"]), self.build.archive_name
        is_own = root is not None and self.build.ctx.source.archive == home
        page = root if is_own else archives.landing_page(home, self.build.accession)
        others = [iri for iri in (root, *self._other_iris()) if iri and iri != page]
        return {"url": page, "same_as": list(dict.fromkeys(others))}

    def _other_iris(self) -> Iterator[str | None]:
        """Yield the dataset's DOI and whatever other IRIs the crate gives it."""
        for field in ("identifier", "sameAs"):
            for value in map(_plain, _list(self.root.get(field))):
                if isinstance(value, str) and _has_doi(value):
                    yield self.build.normal(field, "doi-invalid", identifiers.doi, value)
                elif isinstance(value, str) and (field == "sameAs" or value.startswith("http")):
                    yield self.build.iri(field, value)

    def _license(self) -> str | None:
        value = _plain(self._one("license", self.root))
        if value in (None, ""):
            return None
        try:
            return licences.licence(str(value))
        except ValueError as err:
            self.build.find("license", "licence-unknown", value, str(err))
            return self.build.iri("license", value) if str(value).startswith("http") else None

    def _sizes(self) -> dict[str, Any]:
        sizes: dict[str, int] = {}
        for position, item in enumerate(_list(self.root.get("size"))):
            place = f"size[{position}]"
            node = self._referred(place, item)
            if node is None:
                continue
            iri, unit = node["@id"], _plain(node.get("unitCode"))
            slot = {BYTES: "size_bytes", COUNT: "file_count"}.get(str(unit))
            number = _whole_number(node.get("value"))
            if not _types(node) & QUANTITY or slot is None:
                self.build.find(place, "size-unit", unit, f"the size {iri} needs the unit bytes or count")
            elif number is None:
                self.build.find(
                    place, "size-invalid", node.get("value"), f"the size {iri} is no whole number above zero"
                )
            elif sizes.setdefault(slot, number) != number:
                self.build.find(
                    place, "several-values", number, f"the size {iri} contradicts another one, which is kept"
                )
        return sizes

    # --- nodes

    def _things(self, field: str, make: Callable[[str, str, Node], Any], *kinds: type) -> list[Any]:
        return self._nested(field, self.root.get(field), make, *kinds)

    def _nested(self, field: str, value: Any, make: Callable[[str, str, Node], Any], *kinds: type) -> list[Any]:
        places = ((f"{field}[{position}]", item) for position, item in enumerate(_list(value)))
        things = (self._thing(place, item, make, kinds) for place, item in places)
        return [t for t in things if t is not None]

    def _thing(self, place: str, item: Any, make: Callable[[str, str, Node], Any], kinds: Kinds) -> Any:
        node = self._referred(place, item)
        if node is None:
            return None
        iri = str(node.get("@id", ""))
        if iri not in self.built:
            self.built[iri] = self._kept(place, make(place, iri, node))
        thing = self.built[iri]
        if thing is None or isinstance(thing, kinds):
            return thing
        message = f"{iri} is a {type(thing).__name__}, which does not belong here, so it is left out"
        return self.build.find(place, "kind-unexpected", iri, message)

    def _kept(self, place: str, thing: Any) -> Any:
        """Return a thing, or None when its IRI already stands for a thing of another class."""
        if thing is None or self.kinds.setdefault(thing.id, type(thing)) is type(thing):
            return thing
        message = (
            f"{thing.id} is a {self.kinds[thing.id].__name__} elsewhere, so this {type(thing).__name__} is left out"
        )
        return self.build.find(place, "iri-of-two-kinds", thing.id, message)

    def _referred(self, place: str, item: Any) -> Node | None:
        """Return the node that an item refers to, or None with a finding."""
        iri = str(item["@id"]) if isinstance(item, dict) and "@id" in item else None
        if iri is not None and iri in self.nodes:
            self.used.add(iri)
            return self.nodes[iri]
        if iri is not None:
            self.build.find(place, "dangling-reference", iri, f"{iri} is named but not described in the crate")
        elif item != "":
            self.build.find(place, "reference-expected", item, "a reference to a node of the crate belongs here")
        return None

    def _report_unused(self) -> None:
        for iri, node in self.nodes.items():
            if iri not in self.used:
                kind = ", ".join(sorted(_types(node))) or "untyped"
                message = f"the {kind} node is not reached from the dataset, so it is left out"
                self.build.find("@graph", "node-unreached", iri, message)
            elif iri in self.built and self.built[iri] is None:
                self.build.find("@graph", "node-dropped", iri, "the node could not be read, so it is left out")

    def _author(self, field: str, iri: str, node: Node) -> Person | Organization | None:
        if "Organization" in _types(node):
            return self._organization(field, iri, node)
        orcid = iri if "orcid.org" in iri else None
        return self.build.person(
            field,
            self._one("name", node, f"{field}."),
            orcid,
            iri if orcid is None else f"person-{slug(iri.rpartition('/')[2])}",
            given_name=self.build.text(f"{field}.givenName", node.get("givenName")),
            family_name=self.build.text(f"{field}.familyName", node.get("familyName")),
            affiliation=self._nested(f"{field}.affiliation", node.get("affiliation"), self._organization, Organization),
            url=self.build.iri(f"{field}.url", _plain(self._one("url", node, f"{field}."))),
        )

    def _organization(self, field: str, iri: str, node: Node) -> Organization | None:
        ror = iri if "ror.org" in iri else None
        url = self.build.iri(f"{field}.url", _plain(self._one("url", node, f"{field}.")))
        made = self.build.organization(field, self._one("name", node, f"{field}."), ror, iri, url=url)
        if made is not None and ror is None and iri.startswith("http"):
            made.id = self.build.outside(field, iri) or made.id
        return made

    def _grant(self, field: str, iri: str, node: Node) -> Grant | None:
        name = self.build.text(f"{field}.name", self._one("name", node, f"{field}."))
        if name is None:
            return None
        number = self.build.text(f"{field}.identifier", node.get("identifier"))
        return Grant(id=self._own_or_local(field, iri), name=name, grant_number=number)

    def _publication(self, field: str, iri: str, node: Node) -> Publication:
        normalise = identifiers.pmid if iri.isdigit() else identifiers.publication
        paper = self.build.normal(f"{field}.@id", "publication-invalid", normalise, iri)
        name = self.build.text(f"{field}.name", self._one("name", node, f"{field}."))
        if name is not None and name.startswith("http"):
            self.build.find(f"{field}.name", "title-is-identifier", name, "the paper's title is only its address")
            name = None
        said = map(_plain, _list(node.get("sameAs")))
        also = [self.build.normal(f"{field}.sameAs", "iri-invalid", _paper_or_iri, v) for v in said]
        date = self._one("datePublished", node, f"{field}.")
        published = self.build.normal(f"{field}.datePublished", "date-invalid", dates.date, date)
        others = [a for a in also if a and a != paper]
        return self.build.publication(f"{field}.@id", paper, iri, name=name, date_published=published, same_as=others)

    def _subject(self, field: str, iri: str, node: Node) -> BioSample | Taxon | DefinedTerm | None:
        types = _types(node)
        if "BioSample" in types:
            return self._sample(field, iri, node)
        is_taxon = "Taxon" in types or "NCBITaxon" in iri
        return self._taxon(field, iri, node) if is_taxon else self._term(field, iri, node)

    def _sample(self, field: str, iri: str, node: Node) -> BioSample | None:
        name = self.build.text(f"{field}.name", self._one("name", node, f"{field}."))
        description = self.build.text(f"{field}.description", self._one("description", node, f"{field}."))
        label = name or description
        if label is None:
            return None
        return BioSample(
            id=self._own_or_local(field, iri),
            name=label,
            description=description,
            taxon=self._nested(f"{field}.taxonomicRange", node.get("taxonomicRange"), self._taxon, Taxon),
            cell_line=self._cell_lines(f"{field}.hasCellLine", node.get("hasCellLine")),
        )

    def _cell_lines(self, field: str, value: Any) -> list[DefinedTerm]:
        names = [v for v in _list(value) if isinstance(v, str)]
        worded = (self.build.term(field, None, name, f"cell-line-{slug(name)}") for name in names)
        kept = [k for term in worded if (k := self._kept(field, term)) is not None]
        return [*self._nested(field, [v for v in _list(value) if v not in names], self._term, DefinedTerm), *kept]

    def _taxon(self, field: str, iri: str, node: Node) -> Taxon | None:
        place = f"{field}."
        name = self._one("scientificName", node, place) or self._one("name", node, place)
        return self.build.taxon(f"{field}.@id", iri, name, self._one("vernacularName", node, place))

    def _term(self, field: str, iri: str, node: Node) -> DefinedTerm | None:
        identifier = None if iri.startswith(("#", "_:")) else iri
        made = self.build.term(f"{field}.@id", identifier, self._one("name", node, f"{field}."), iri)
        if made is not None and made.id == FILLER_METHOD:
            message = "'recorded image' names no method; it was filled in because the field is required"
            self.build.find(field, "filler-method", iri, message)
        return made

    def _method(self, field: str, iri: str, node: Node) -> ImagingProtocol | DefinedTerm | None:
        if "LabProtocol" not in _types(node):
            return self._term(field, iri, node)
        name = self.build.text(f"{field}.name", self._one("name", node, f"{field}."))
        description = self.build.text(f"{field}.description", self._one("description", node, f"{field}."))
        label = name or description
        if label is None:
            return None
        return ImagingProtocol(
            id=self._own_or_local(field, iri),
            name=label,
            description=description,
            lab_equipment=self.build.text(f"{field}.labEquipment", node.get("labEquipment")),
            measurement_technique=self._nested(
                f"{field}.measurementTechnique", node.get("measurementTechnique"), self._term, DefinedTerm
            ),
        )

    def _own_or_local(self, field: str, iri: str) -> str:
        own = self.build.outside(field, iri) if iri.startswith("http") else None
        return own or self.build.local(iri)


def _has_doi(value: str) -> bool:
    return value.lower().startswith(("10.", "doi:")) or "doi.org/" in value.lower()


def _paper_or_iri(value: str) -> str:
    try:
        return identifiers.publication(value)
    except ValueError:
        return identifiers.iri(value)


def _whole_number(value: Any) -> int | None:
    """Return a whole number above zero that a triple store can hold, or None."""
    if isinstance(value, bool):
        return None
    try:
        number = int(value)
    except (TypeError, ValueError, OverflowError):
        return None
    is_same = number == value or str(number) == value
    return number if is_same and 0 < number <= MAX_INTEGER else None


HARVESTER = Harvester(
    name="crates",
    title="RO-Crates in the foundingGIDE profile",
    homepage="https://www.gide-project.org/",
    licence=None,
    entries=entries,
    fetch=files.fetch,
    transform=transform,
    version=2,
    route=2,
)
