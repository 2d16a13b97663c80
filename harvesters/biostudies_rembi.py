"""A study of BioStudies, read by what its sections say (REMBI's and MIFA's terms) and not by its template.

Biosamples become samples; specimens, growth, image acquisition, correlation and analysis become protocols; study
components, experiments and annotations become parts of the dataset. A component is joined to samples and protocols by
the sections within it and by its associations, which name titles: one that fits no title exactly is a finding with
the title that it nearly is, never a guess. Addresses of any kind are not read.

Source: https://www.ebi.ac.uk/bioimage-archive/rembi-help-overview/
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any, BinaryIO, Final

from harvesters.biostudies_filelists import Counter, Tally
from harvesters.biostudies_study import (
    CONTACTS,
    INVESTIGATORS,
    LIST_SPLIT,
    SITE,
    StudyBuilder,
    file_list_url,
    files_url,
    once,
)
from harvesters.building import slug
from harvesters.contract import Context
from harvesters.pagetab import Attribute, Section
from linkml_schemas.generated.model import (
    BioSample,
    Dataset,
    DefinedTerm,
    Distribution,
    ImagingProtocol,
    Phenotype,
    StudyComponent,
    Taxon,
)
from ontology import identifiers, terms, text

# Kinds of sections that a component is associated with.
SAMPLE_KINDS: Final = ("biosample",)
PROTOCOL_KINDS: Final = ("specimen", "image acquisition", "image correlation", "image analysis", "protocol")
COMPONENT_KINDS: Final = ("study component", "experiment", "screen")
ANNOTATION_KINDS: Final = ("annotation",)
METHOD_KINDS: Final = ("imaging method",)
VARIABLES: Final = ("intrinsic variable", "extrinsic variable", "experimental variable")
OVERVIEWS: Final = ("annotation overview", "overview", "description")
# Attributes of a study without biosamples that say what was imaged.
SUBJECTS: Final = ("cell type", "cell line", "tissue", "organ", "organism part", "disease")
# So many files of one section are told one by one; more are told together.
MAX_FILES_TOLD: Final = 50


@dataclass(slots=True)
class Part:
    """What one section became: samples or protocols, under the title that associations name."""

    kind: str
    section: Section
    title: str | None
    samples: list[BioSample] = field(default_factory=list)
    protocols: list[ImagingProtocol] = field(default_factory=list)
    methods: list[DefinedTerm] = field(default_factory=list)


class Study(StudyBuilder):
    """Builds the record of one study.

    Args:
        ctx: the base IRI and the source.
        accession: normalised accession of the study.
        archive: archive that owns it.
        document: the page-tab document.
        info: what the study's /info says: files, released, modified (epoch milliseconds).
        lists: opens the file list of a name as the document writes it; None when it is missing, and left out when it
            was not asked for.
    """

    def __init__(
        self,
        ctx: Context,
        accession: str,
        archive: str,
        document: Mapping[str, Any],
        info: Mapping[str, Any],
        lists: Mapping[str, Callable[[], BinaryIO] | None],
    ) -> None:
        super().__init__(ctx, accession, archive, document, info)
        self.counter = Counter()
        self.lists = lists
        self.numbers: dict[str, int] = {}
        self.taxa_read: dict[str, list[Taxon]] = {}
        self.methods_read: dict[str, list[DefinedTerm]] = {}
        self.tallies = {a.value: self._tally(a) for s in self.sections for a in s.all("file list")}

    def _tally(self, attribute: Attribute) -> Tally | None:
        """Return what the files of a list come to; None when nobody can tell."""
        known = self.lists.get(attribute.value)
        if known is None:
            if attribute.value in self.lists:
                message = "the archive does not have this file list, so its files are not counted"
                self.find(attribute.place, "file-list-missing", attribute.value, message)
            return None
        with known() as stream:
            try:
                return self.counter.listed(stream)
            except ValueError as err:
                self.counter.is_complete = False
                self.find(attribute.place, "file-list-invalid", attribute.value, str(err))
                return None

    def dataset(self) -> Dataset:
        """Return the dataset."""
        parts = self._parts()
        people = self.people()
        samples = [s for p in parts for s in p.samples]
        components = self._components(parts)
        record = Dataset(
            id=self.dataset_iri,
            accession=self.accession,
            name=self.title() or self.accession,
            description=self.description(),
            archive=self.archive(),
            publisher=self.publisher(),
            url=self.page(),
            same_as=self.same_as(),
            date_published=self.released(),
            date_modified=self.modified(),
            license=self.licence(),
            is_accessible_for_free=True,
            author=[person for person, _ in people],
            accountable_person=[person for person, roles in people if roles & INVESTIGATORS],
            contact=[person for person, roles in people if roles & CONTACTS],
            keyword=self.keywords(),
            funding=[*self.funding()],
            publication=self.publications(),
            about=once([*samples, *(t for s in samples for t in s.taxon or ()), *self._subjects()]),
            measurement_method=once([*(p for part in parts for p in part.protocols), *self._methods(parts)]),
            phenotype=once(self._phenotypes()),
            has_part=components,
            distribution=[*self._loose_files()],
            related=self.related(),
            **self._totals(),
        )
        record.unknown, record.not_applicable = self.gaps["unknown"], self.gaps["not_applicable"]
        return record

    def _totals(self) -> dict[str, Any]:
        """Return size and number of all files; of files that nobody here counted the number that /info has."""
        total, stated = self.counter.total, self.info.get("files")
        is_whole = self.counter.is_complete and None not in self.tallies.values()
        count = total.file_count if is_whole else None
        if count is None and type(stated) is int and 0 < stated < 2**63:
            count = stated
        return {"size_bytes": total.total_bytes if is_whole else None, "file_count": count}

    # --- samples and protocols

    def _parts(self) -> list[Part]:
        samples = [self._sample(s, f"biosample-{n}") for n, s in enumerate(self.of_kind(*SAMPLE_KINDS), 1)]
        protocols = [
            self._protocol(s, f"{slug(s.kind)}-{n}")
            for kind in PROTOCOL_KINDS
            for n, s in enumerate(self.of_kind(kind), 1)
        ]
        return [*samples, *protocols]

    def _sample(self, section: Section, local: str) -> Part:
        title = self.words(section.first("title", "name"))
        gaps: dict[str, Any] = {"unknown": [], "not_applicable": []}
        entities = self.all_words(section.all("biological entity"))
        lines = [*entities, *self.all_words(section.all("description"))]
        lines += [f"{a.name.capitalize()}: {words}" for a in section.all(*VARIABLES) if (words := self.words(a))]
        name = title or (entities[0] if entities else None) or "Biosample"
        sample = BioSample(
            id=self.local(local),
            name=name,
            description="\n".join(line for line in dict.fromkeys(lines) if line != name) or None,
            taxon=self._taxa(section, gaps),
            cell_line=[*self._terms(section.all("cell line", "characteristics [cell line]"), "cell-line")],
            strain=[*self._terms(section.all("strain", "characteristics [strain]"), "strain")],
            **gaps,
        )
        return Part(section.kind, section, title, samples=[sample])

    def _taxa(self, section: Section, gaps: dict[str, Any]) -> list[Taxon]:
        """Return the taxa of a section's attributes and of its sections of that type; findings come once."""
        if section.place not in self.taxa_read:
            named = self.filled("taxon", section.all("organism", "characteristics [organism]"), gaps)
            found = [self._taxon(a.place, _term_id(a.qualifiers), a.value, None) for a in named]
            found += [self._organism(below) for below in section.sections if below.kind == "organism"]
            self.taxa_read[section.place] = once(taxon for taxon in found if taxon)
        return self.taxa_read[section.place]

    def _organism(self, section: Section) -> Taxon | None:
        scientific, common = (self.words(section.first(name)) for name in ("scientific name", "common name"))
        stated = section.first("ncbi taxon id", "ontology term id")
        place = stated.place if stated else section.place
        return self._taxon(place, stated.value if stated else None, scientific or common, common)

    def _taxon(self, place: str, identifier: str | None, name: str | None, common: str | None) -> Taxon | None:
        """Return the taxon of an identifier, else of a name; where both mean different ones, neither."""
        stated = self.normalised(place, "taxon-invalid", identifiers.taxon, identifier)
        meant = _meaning(terms.organism, name)
        if stated is None and meant is None:
            if name is not None:
                message = "the organism is not one that is known here by that name"
                self.find(place, "organism-unknown", name, message, _likely_organism(name))
            return None
        if stated and meant and not (terms.descends(stated, meant) or terms.descends(meant, stated)):
            message = f"{identifiers.curie(stated)} is not {name!r}, so neither is taken"
            self.find(place, "taxon-conflict", identifier, message, identifiers.curie(meant))
            return None
        shown = None if meant else name
        made = self.taxon(place, stated or meant, shown, common if stated or meant else None)
        return self.own(place, made)

    def _subjects(self) -> Iterator[BioSample | Taxon | DefinedTerm]:
        """Yield what the study or an experiment itself says was imaged, as templates without biosamples do."""
        for section in (self.root, *self.of_kind(*COMPONENT_KINDS)):
            yield from self._taxa(section, self.gaps)
        yield from self._terms(self.filled("about", self.root.all(*SUBJECTS), self.gaps), "subject")

    def _terms(self, found: Iterable[Attribute], local: str) -> Iterator[DefinedTerm]:
        """Yield the terms that attributes name, by their qualifiers' identifier or as a wording of the record."""
        for attribute in found:
            words = self.words(attribute)
            if words is None:
                continue
            stated = _term_id(attribute.qualifiers)
            iri = self.normalised(attribute.place, "term-invalid", _class_term, stated)
            made = self.term(attribute.place, iri, words, f"{local}-{slug(words)}")
            kept = self.own(attribute.place, made)
            yield from [kept] if kept else []

    def _protocol(self, section: Section, local: str) -> Part:
        title = self.words(section.first("title", "name"))
        growth = self.all_words(section.all("growth protocol"))
        methods = [*self._imaging_methods(section)]
        kinds = [*self._terms(section.all("type"), "protocol")] if section.kind == "protocol" else []
        name = title or next((k.name for k in kinds), None) or (section.accno if section.kind == "protocol" else None)
        name = name or section.kind.capitalize()
        main = ImagingProtocol(
            id=self.local(local),
            name=name,
            description=self._details(section),
            lab_equipment="\n".join(self.all_words(section.all("imaging instrument"))) or None,
            measurement_technique=[*methods, *kinds],
        )
        says_more = main.description or main.lab_equipment or main.measurement_technique
        protocols = [main] if says_more or (title and not growth) else []
        if growth:
            about = "\n\n".join(growth)
            protocols.append(
                ImagingProtocol(id=self.local(f"{local}-growth"), name=f"{name}: growth protocol", description=about)
            )
        return Part(section.kind, section, title, protocols=protocols, methods=methods)

    def _details(self, section: Section) -> str | None:
        """Return what a protocol says, each attribute a paragraph; where there are several, each has its name."""
        apart = ("title", "name", "growth protocol", "imaging instrument", "imaging method", "type", "file list")
        said = [(a.name, words) for a in section.attributes if a.name not in apart and (words := self.words(a))]
        if len({name for name, _ in said}) < 2:
            return "\n\n".join(words for _, words in said) or None
        return "\n\n".join(f"{name.capitalize()}: {words}" for name, words in said)

    def _imaging_methods(self, section: Section) -> list[DefinedTerm]:
        """Return the methods of a section's attributes and of its sections of that type; findings come once."""
        if section.place not in self.methods_read:
            found: list[DefinedTerm] = []
            for attribute in section.all("imaging method"):
                found += self._method(attribute.place, _term_id(attribute.qualifiers), self.words(attribute))
            for below in section.sections:
                if below.kind in METHOD_KINDS:
                    stated = below.first("ontology term id")
                    identifier = _term_id({a.name: a.value for a in below.attributes})
                    words = self.words(below.first("ontology value", "value", "name"))
                    found += self._method(stated.place if stated else below.place, identifier, words)
            self.methods_read[section.place] = once(found)
        return self.methods_read[section.place]

    def _method(self, place: str, identifier: str | None, words: str | None) -> Iterator[DefinedTerm]:
        iri = self.normalised(place, "term-invalid", _class_term, identifier)
        if iri is not None:
            means_it = _meaning(terms.imaging_method, words) == iri
            made = [self.term(place, iri, None if means_it else words, "")]
        else:
            parts = _methods_in(words)
            made = [self.wording(place, part, terms.imaging_method, f"method-{slug(part)}") for part in parts]
        for method in made:
            if kept := self.own(place, method):
                yield kept

    def _methods(self, parts: list[Part]) -> list[DefinedTerm]:
        own = [m for s in (self.root, *self.of_kind(*COMPONENT_KINDS)) for m in self._imaging_methods(s)]
        return [*(m for part in parts for m in part.methods), *own]

    def _phenotypes(self) -> Iterator[Phenotype]:
        for section in (self.root, *self.of_kind(*COMPONENT_KINDS)):
            for attribute in section.all("phenotype"):
                words = self.words(attribute)
                stated = _term_id(attribute.qualifiers)
                iri = self.normalised(attribute.place, "term-invalid", _class_term, stated)
                if words is None:
                    continue
                name = self._label(attribute.place, iri, words) if iri else words
                node = Phenotype(id=iri or self.local(f"phenotype-{slug(words)}"), name=name)
                node.term_code = identifiers.curie(iri) if iri else None
                kept = self.own(attribute.place, node)
                yield from [kept] if kept else []

    # --- components

    def _components(self, parts: list[Part]) -> list[StudyComponent]:
        made = [self._component(s, parts, f"component-{n}") for n, s in enumerate(self.of_kind(*COMPONENT_KINDS), 1)]
        made += [self._annotation(s, f"annotation-{n}") for n, s in enumerate(self.of_kind(*ANNOTATION_KINDS), 1)]
        return made

    def _component(self, section: Section, parts: list[Part], local: str) -> StudyComponent:
        below = {s.place for s in section.walk()}
        joined = [p for p in parts if p.section.place in below]
        for association in section.sections:
            if association.kind == "association":
                joined += self._associated(association, parts)
        joined = [p for n, p in enumerate(joined) if all(p is not q for q in joined[:n])]
        name = self.words(section.first("name", "title")) or section.accno or section.kind.capitalize()
        samples = [s for p in joined for s in p.samples]
        gaps: dict[str, Any] = {"unknown": [], "not_applicable": []}
        return StudyComponent(
            id=self.local(local),
            name=self.text(section.place, name) or section.kind.capitalize(),
            description="\n\n".join(self.all_words(section.all("description"))) or None,
            about=once([*samples, *(t for s in samples for t in s.taxon or ()), *self._taxa(section, gaps)]),
            measurement_method=once(
                [
                    *(m for p in joined for m in p.protocols),
                    *(m for p in joined for m in p.methods),
                    *self._imaging_methods(section),
                ]
            ),
            **self._listed(section),
            **gaps,
        )

    def _associated(self, association: Section, parts: list[Part]) -> Iterator[Part]:
        for attribute in association.attributes:
            same_kind = [p for p in parts if p.kind == attribute.name]
            if attribute.name not in (*SAMPLE_KINDS, *PROTOCOL_KINDS):
                continue
            found = _named(same_kind, attribute.value)
            if len(found) == 1 or (found and len({p.title for p in found}) == 1):
                yield from found
            elif found:
                message = f"several sections of the type {attribute.name!r} have that title, so none is joined"
                self.find(attribute.place, "association-ambiguous", attribute.value, message)
            else:
                message = f"no section of the type {attribute.name!r} has that title, so it is not joined"
                likely = _nearest(attribute.value, [p.title for p in same_kind if p.title])
                self.find(attribute.place, "association-unresolved", attribute.value, message, likely)

    def _annotation(self, section: Section, local: str) -> StudyComponent:
        title = self.words(section.first("title", "name")) or section.accno or "Annotations"
        title = self.text(section.place, title) or "Annotations"
        kinds = [k for a in section.all("annotation type") for k in LIST_SPLIT.split(self.words(a) or "") if k]
        made = [DefinedTerm(id=self.local(f"annotation-type-{slug(k)}"), name=k) for k in dict.fromkeys(kinds)]
        apart = ("title", "name", "annotation type", "file list", *OVERVIEWS)
        said = [a for a in section.attributes if a.name not in apart]
        lines = [f"{a.name.capitalize()}: {words}" for a in said if (words := self.words(a))]
        method = ImagingProtocol(
            id=self.local(f"{local}-method"),
            name=f"Annotation method: {title}",
            description="\n\n".join(lines) or None,
            measurement_technique=made,
        )
        overview = self.all_words(section.all(*OVERVIEWS))
        return StudyComponent(
            id=self.local(local),
            name=title if "annotation" in title.casefold() else f"Annotations: {title}",
            description="\n\n".join(overview) or None,
            measurement_method=[method] if lines or made else [],
            **self._listed(section),
        )

    # --- files

    def _listed(self, section: Section) -> dict[str, Any]:
        """Return distributions, number and size of the files of a component."""
        tallies = [self.tallies[a.value] for a in section.all("file list")]
        attached = self.counter.attached(section.files)
        known = [*tallies, *([attached] if section.files else [])]
        counts = [tally.file_count if tally else None for tally in known]
        sizes = [tally.total_bytes if tally else None for tally in known]
        return {
            "distribution": [*self._lists(section), *self._attached(section, attached)],
            "file_count": sum(c for c in counts if c) if known and None not in counts else None,
            "size_bytes": sum(s for s in sizes if s) if known and None not in sizes else None,
        }

    def _loose_files(self) -> Iterator[Distribution]:
        """Yield the files of the study itself, and of sections that are no components."""
        for section in self.sections:
            if section.kind not in (*COMPONENT_KINDS, *ANNOTATION_KINDS):
                yield from self._lists(section)
                yield from self._attached(section, self.counter.attached(section.files))

    def _lists(self, section: Section) -> Iterator[Distribution]:
        for attribute in section.all("file list"):
            number = self.numbers.setdefault(attribute.value, len(self.numbers) + 1)
            tally = self.tallies[attribute.value]
            yield Distribution(
                id=self.local(f"file-list-{number}"),
                name=self.words(attribute),
                access_url=self.iri(attribute.place, file_list_url(SITE, self.accession, attribute.value)),
                encoding_format=tally.format if tally else None,
                size_bytes=tally.total_bytes if tally else None,
            )

    def _attached(self, section: Section, tally: Tally) -> Iterator[Distribution]:
        local = f"files-{slug(section.place.removeprefix('section') or 'study')}"
        if len(section.files) > MAX_FILES_TOLD:
            yield Distribution(
                id=self.local(local),
                name=f"{tally.entries} files",
                access_url=files_url(SITE, self.accession, ""),
                encoding_format=tally.format,
                size_bytes=tally.total_bytes,
            )
            return
        for number, file in enumerate(section.files, 1):
            url = self.iri(f"{file.place}.path", files_url(SITE, self.accession, file.path))
            alone = Counter().attached((file,))
            yield Distribution(
                id=self.local(f"{local}-{number}"),
                name=self.text(f"{file.place}.path", file.path),
                description=self.words(file.first("description")),
                content_url=None if file.is_folder else url,
                access_url=url if file.is_folder else None,
                encoding_format=alone.format or (None if file.is_folder else self.words(file.first("format", "type"))),
                size_bytes=file.size,
            )


# --- helpers -------------------------------------------------------------------------------------------------------


def _class_term(value: str) -> str:
    """Return the IRI of an ontology term that is no taxon, which is a thing of its own class."""
    iri = identifiers.term(value)
    if "NCBITaxon_" in iri:
        raise ValueError(f"{value[:200]!r} is an organism, which does not belong here")
    return iri


def _term_id(named: Mapping[str, str]) -> str | None:
    """Return the term identifier among qualifiers, with its ontology's prefix where that stands apart."""
    found = named.get("ontology term id")
    if found is None:
        return None
    ontology = named.get("ontology") or named.get("ontology name") or ""
    if found.strip().isdigit() and "fbbi" in ontology.casefold():
        return f"FBbi:{found.strip():0>8}"
    return found


def _meaning(resolve: Callable[[str], str], words: str | None) -> str | None:
    try:
        return resolve(words) if words else None
    except ValueError:
        return None


def _methods_in(words: str | None) -> list[str]:
    """Return the methods of a wording: its parts where it is a list of known ones, else the wording itself."""
    if words is None:
        return []
    parts = [part for part in LIST_SPLIT.split(words) if part]
    is_list = len(parts) > 1 and _meaning(terms.imaging_method, words) is None
    return parts if is_list and all(_meaning(terms.imaging_method, part) for part in parts) else [words]


def _likely_organism(name: str) -> str | None:
    """Return the scientific name of what stands before a parenthesis or comma, where that is an organism."""
    found = _meaning(terms.organism, re.split(r"\s*[(,;]", name)[0])
    return terms.label(found) if found else None


def _named(parts: list[Part], value: str) -> list[Part]:
    """Return the parts of that title, else of that title but for case and blanks, else of that accno."""
    plain, folded = text.clean(value), " ".join(text.fold(value).split())
    exact = [p for p in parts if p.title == plain]
    like = [p for p in parts if p.title and " ".join(text.fold(p.title).split()) == folded]
    return exact or like or [p for p in parts if p.section.accno and text.fold(p.section.accno) == folded]


def _nearest(value: str, titles: list[str]) -> str | None:
    """Return the title that a value nearly is: nearly the same letters, or one is how the other begins; or the only."""
    folded = {text.fold(title): title for title in titles}
    plain = text.fold(value)
    begins = [t for f, t in folded.items() if f.startswith(plain) or plain.startswith(f)]
    if len(begins) == 1:
        return begins[0]
    close = get_close_matches(plain, folded, n=1, cutoff=0.6)
    if close:
        return folded[close[0]]
    return titles[0] if len(set(titles)) == 1 else None
