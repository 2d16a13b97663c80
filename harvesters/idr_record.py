"""The record of one IDR study: what its study file, its annotation tables and the lists of the web site say."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import zip_longest
from typing import Any, Final

from harvesters.building import property_iri, slug
from harvesters.contract import Context
from harvesters.idr_biology import Biology
from harvesters.idr_people import DATA_DOI
from harvesters.idr_study import Block, StudyFile
from harvesters.idr_tallies import Annotations
from linkml_schemas.generated.model import (
    Dataset,
    DefinedTerm,
    Distribution,
    ImagingProtocol,
    Organization,
    StudyComponent,
)
from ontology import archives, dates, identifiers, licences, sizes, terms, text

HOME: Final = archives.ARCHIVES["idr"]
SITE: Final = HOME.homepage
IMAGE_PAGE: Final = re.compile(r"https://idr\.openmicroscopy\.org/webclient/(?:img_detail/|\?show=image-)(\d+)/?")
ACCESSION_KEYS: Final = ("Study BioStudies Accession", "Study BioImage Archive Accession", "Study EMPIAR Accession")


class Study(Biology):
    """Builds the record of one study.

    Args:
        ctx: the base IRI and the source.
        accession: e.g. ``idr0094``.
        directory: name of the study's folder or repository.
        study: its study file, or None.
        found: what its tables say.
        containers: its rows of studies.tsv.
        downloads: its rows of download_urls.tsv.
    """

    def __init__(
        self,
        ctx: Context,
        accession: str,
        directory: str,
        study: StudyFile | None,
        found: Annotations,
        containers: list[dict[str, str]],
        downloads: list[dict[str, str]],
    ) -> None:
        components = enumerate(study.components if study else [])
        blocks = {_component(block, number): block for number, block in components}
        super().__init__(ctx, accession, study.head if study else Block("Study"), blocks, found)
        self.directory = directory
        self.containers = {row.get("Container", ""): row for row in containers}
        self.downloads = downloads
        self.gaps: dict[str, Any] = {"unknown": [], "not_applicable": []}

    def dataset(self) -> Dataset:
        """Return the dataset."""
        title = self._words("Study Title")
        if title is None:
            self.find("Study Title", "title-missing", "", "the dataset has no title of its own")
        contacts = self._contacts()
        phenotypes = self._phenotypes()
        parts = list(self._parts())
        return Dataset(
            id=self.dataset_iri,
            accession=self.accession,
            name=title or self.accession,
            description=self._words("Study Description"),
            archive=self.archive(),
            publisher=Organization(id=HOME.homepage, name=HOME.title),
            url=archives.landing_page(HOME.name, self.accession),
            same_as=self._data_dois(self.head, "Study"),
            date_published=self._one("Study Public Release Date", "date-invalid", dates.date),
            license=self._licence(),
            copyright_notice=self._words("Study Copyright"),
            is_accessible_for_free=True,
            author=self._authors(contacts),
            accountable_person=[p for p, role in contacts if "principal investigator" in role.casefold()],
            contact=[p for p, _ in contacts],
            keyword=self.texts("Study Key Words", self._cells(self.head, "Study Key Words", "Study Keywords")),
            publication=self._publications(),
            about=self._about(parts),
            measurement_method=self._methods(parts),
            gene_annotation=[*self._genes()],
            phenotype=phenotypes,
            compound=[self._compound(t.what, local) for local, t in self.found.compounds.items()],
            reagent_annotation=[*self._reagents()],
            has_part=parts,
            distribution=[*self._distributions()],
            size_bytes=self._sum("Size", sizes.size_bytes),
            file_count=self._sum("# of Files", _whole),
            image_count=self._sum("5D Images", _whole) or self._counted(1),
            well_count=self._sum("Wells", _whole) or self._counted(0),
            thumbnail=self._thumbnails(),
            related=self._related(),
            **self.gaps,
        )

    # --- identity, licence, sizes

    def _data_dois(self, block: Block, prefix: str) -> list[str]:
        """Return the DOIs under which IDR registered the data; a DOI of something else is only related."""
        key = f"{prefix} Data DOI"
        found = [self.normal(key, "doi-invalid", identifiers.doi, cell) for cell in block.filled(key)]
        for doi in found:
            if doi and not doi.startswith(DATA_DOI):
                self.find(key, "doi-of-another", doi, "the DOI is not one of those that IDR gives its data")
        return list(dict.fromkeys(doi for doi in found if doi and doi.startswith(DATA_DOI)))

    def _licence(self) -> str | None:
        """Return the licence by its URL, else by its name; what IDR says is unknown becomes a gap."""
        key = "Study License"
        stated = {name: self.text(name, self.head.first(name)) for name in (f"{key} URL", key)}
        for name, words in list(stated.items()):
            if words and (said := text.is_placeholder(words)):
                self.gaps[said.replace(" ", "_")] = [property_iri("license")]
                stated[name] = None
        by_url, by_name = (
            self.normal(name, "licence-unknown", licences.licence, words) for name, words in stated.items()
        )
        if by_url and by_name and by_url != by_name:
            message = f"the URL means {by_url}, the name {stated[key]!r} means another licence; the URL counts"
            self.find(key, "licence-disagrees", by_name, message, by_url)
        return by_url or by_name

    def _sum(self, column: str, read: Callable[[str], int]) -> int | None:
        numbers = [self._number(row, column, read) for row in self.containers.values()]
        return sum(n for n in numbers if n is not None) or None

    def _number(self, row: dict[str, str], column: str, read: Callable[[str], int]) -> int | None:
        value = (row.get(column) or "").strip()
        try:
            return read(value) if value else None
        except ValueError as err:
            self.find(f"studies.tsv: {column}", "number-invalid", value, str(err))
            return None

    def _counted(self, which: int) -> int | None:
        return sum(counts[which] for counts in self.found.counts.values()) or None

    def _thumbnails(self, block: Block | None = None) -> list[str]:
        blocks = [block] if block else self.blocks.values()
        cells = [c for b in blocks for end in ("", "s", "(s)") for c in b.filled(f"{b.kind} Example Image{end}")]
        numbers = [found[1] for cell in cells if (found := IMAGE_PAGE.fullmatch(cell.strip()))]
        if not numbers and block is None:
            numbers = [row["image_id"] for row in self.downloads if (row.get("image_id") or "").isdecimal()]
        return [f"{SITE}webgateway/render_thumbnail/{number}/" for number in dict.fromkeys(numbers)]

    def _distributions(self) -> Iterator[Distribution]:
        for number, row in enumerate(self.downloads, 1):
            if url := self.outside("download_urls.tsv: download_url", row.get("download_url")):
                yield Distribution(id=self.local(f"files-{number}"), name=url.rpartition("/")[2], access_url=url)

    def _related(self) -> list[str]:
        """Return the twins at other archives and the pages that belong to the study."""
        found = []
        for key in ACCESSION_KEYS:
            found += [self._reference(key, cell) for cell in self.head.filled(key)]
        for row in self.downloads:
            twins = (row.get("bia_url"), row.get("bia_ngff_id"))
            found += [self._reference("download_urls.tsv: bia_url", cell) for cell in twins if cell]
        for cell in self.head.filled("Study External URL"):
            found.append(self._page("Study External URL", cell))
        return [iri for iri in dict.fromkeys(found) if iri and iri != self.dataset_iri]

    def _reference(self, key: str, cell: str) -> str | None:
        return self.normal(key, "reference-invalid", self.record_of, cell.strip())

    def _page(self, key: str, cell: str) -> str | None:
        try:
            return self.record_of(cell)
        except ValueError:
            return self.outside(key, cell)

    # --- screens and experiments

    def _parts(self) -> Iterator[StudyComponent]:
        names = dict.fromkeys([*self.containers, *self.blocks, *(name for name in self.found.counts if name)])
        for name in sorted(n for n in names if n):
            block = self.blocks.get(name) or Block("Experiment" if name.startswith("exp") else "Screen")
            row = self.containers.get(name, {})
            kind = block.kind
            number = (row.get("Internal ID") or "").strip()
            show = "screen" if kind == "Screen" else "project"
            counts = self.found.counts.get(name, [0, 0])
            yield StudyComponent(
                id=self.local(name),
                name=f"{self.directory}/{name}",
                description=self._words(f"{kind} Description", block),
                url=f"{SITE}webclient/?show={show}-{number}" if number.isdecimal() else None,
                same_as=[doi for doi in self._data_dois(block, kind) if doi not in self._study_dois()],
                about=[*self._organisms(block, f"{kind} Organism")],
                measurement_method=[*self._component_terms(block, name), *self._protocols(block, name)],
                image_count=self._number(row, "5D Images", _whole) or counts[1] or None,
                well_count=self._number(row, "Wells", _whole) or counts[0] or None,
                **_axes(row.get("Avg. Image Dim (XYZCT)") or ""),
                file_count=self._number(row, "# of Files", _whole) or None,
                size_bytes=self._number(row, "Size", sizes.size_bytes) or None,
                thumbnail=self._thumbnails(block),
            )

    def _study_dois(self) -> set[str]:
        found = set()
        for cell in self.head.filled("Study Data DOI"):
            try:
                found.add(identifiers.doi(cell))
            except ValueError:
                continue
        return found

    def _component_terms(self, block: Block, name: str) -> list[DefinedTerm]:
        kind = block.kind
        keys = {f"{kind} Imaging Method": terms.imaging_method, f"{kind} Technology Type": None, f"{kind} Type": None}
        return [one for key, resolve in keys.items() for one in self._terms(block, key, "method", resolve)]

    def _protocols(self, block: Block, name: str) -> Iterator[ImagingProtocol]:
        names, descriptions, types, accessions = (
            self._row(block, f"Protocol {part}") for part in ("Name", "Description", "Type", "Type Term Accession")
        )
        for number, (title, description, type_, accession) in enumerate(
            zip_longest(names, descriptions, types, accessions, fillvalue=""), 1
        ):
            name_, said = self.text("Protocol Name", title or type_), self.text("Protocol Description", description)
            if not said and (not name_ or not accession):
                continue
            local = f"{name}-protocol-{number}"
            technique = self.term("Protocol Type", accession, type_, f"method-{slug(type_ or title)}")
            yield ImagingProtocol(
                id=self.local(local),
                name=name_ or f"protocol {number}",
                description=said,
                measurement_technique=[technique] if technique else None,
            )

    def _methods(self, parts: list[StudyComponent]) -> list[Any]:
        found = [*self._terms(self.head, "Study Type", "method")]
        methods = [*found, *(method for part in parts for method in part.measurement_method or ())]
        return list({method.id: method for method in methods}.values())


def component_name(name: str | None) -> str | None:
    """Return ``screenA`` of ``idr0010-doil-dnadamage/screenA``."""
    found = re.search(r"(?:screen|experiment)[A-Z]\w*$", name or "", re.I)
    return found[0] if found else None


def _component(block: Block, number: int) -> str:
    return component_name(block.name) or f"{block.kind.lower()}{chr(ord('A') + number % 26)}"


def _axes(average: str) -> dict[str, Any]:
    """Return the slots of Z, channels and time points that are whole numbers in "1344 x 1024 x 1 x 2 x 330".

    IDR gives averages over a container's images; a fraction is the number of no image.
    """
    numbers = [part.strip().removesuffix(".0") for part in average.split("x")]
    names = ("plane_count", "channel_count", "time_point_count")
    named = zip(names, numbers[2:], strict=True) if len(numbers) == 5 else ()
    return {slot: int(number) for slot, number in named if re.fullmatch(r"[1-9]\d{0,8}", number, re.ASCII)}


def _whole(value: str) -> int:
    if not value.isdecimal() or len(value) > 15:
        raise ValueError(f"{value[:100]!r} is not a whole number")
    return int(value)
