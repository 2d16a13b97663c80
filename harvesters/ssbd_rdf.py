"""One project of SSBD, from what a dump of the SSBD ontology's instances states of it (see `harvesters.ssbd_dump`).

A project is the dataset; each of its datasets is a part, with its own samples, methods and files. Genes and reagents
stand with samples in the dump and with the project here. There are no slots for the scale of time,
concentrations and dilutions of reagents, and departments of people. Source: http://ssbd.riken.jp/ontology/
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Final, TypeVar

from pyoxigraph import NamedNode

from harvesters.building import Builder, property_iri, slug
from harvesters.contract import Context, Entry, Harvested, RecordError
from harvesters.ssbd_dump import CLASS, METHOD, MISSPELT, NUMBERED, PROJECT, SAME, Node, key_of, last_part, nodes_of
from linkml_schemas.generated.model import (
    BioSample,
    Compound,
    Dataset,
    DefinedTerm,
    Distribution,
    Gene,
    GeneAnnotation,
    GeneRole,
    ImagingProtocol,
    Organization,
    Person,
    Protein,
    Publication,
    Reagent,
    ReagentAnnotation,
    ReagentKind,
    StudyComponent,
    Taxon,
)
from ontology import archives, dates, identifiers, licences, sizes, terms, text

T = TypeVar("T")

TECHNIQUES: Final = (
    "has_detection_method",
    "has_illumination_method",
    "has_contrast_enhancing_method",
    "has_resolution_enhancing_method",
    "has_visualization_method",
    "has_tag",
)
EQUIPMENT: Final = ("has_body", "has_module", "has_objective", "has_light_source", "has_detector")
# Predicates of a sample that have a slot of their own; the others of their kind lead to terms that it is about.
SUBJECTS: Final = frozenset({"is_about_organism", "is_about_strain", "is_about_cell_line"})
# All other predicates that are read, and in the last lines those that have no slot.
KNOWN: Final = frozenset(
    {
        *SAME.values(), *TECHNIQUES, *EQUIPMENT,
        "has_biosample_information", "has_dataset_title", "has_description", "has_dimension_information",
        "has_dimensions", "has_doi", "has_extrinsic_variable", "has_family_name", "has_figure_number",
        "has_file_format", "has_first_name", "has_folder_name", "has_gene_name", "has_genetic_information",
        "has_imaging_method_total_info", "has_instrument_information", "has_license", "has_mesh_term", "has_method",
        "has_method_uri", "has_middle_name", "has_open_date", "has_orcid", "has_organization", "has_paper_information",
        "has_paper_url", "has_pmc_id", "has_project_name", "has_project_participant", "has_project_publications",
        "has_project_type", "has_project_url", "has_protein_name", "has_reagent_information", "has_reagent_name",
        "has_reagent_name_2", "has_reagent_term", "has_reagent_uri", "has_reagent_uri_2", "has_release_date",
        "has_role", "has_s3_endpoint", "has_size_t", "has_size_x", "has_size_y", "has_submission_date",
        "has_thumbnail_url", "has_update_date", "has_url", "has_vizarr_url", "has_x_scale", "has_y_scale",
        "has_z_scale", "has_channel_number", "has_size_c", "has_size_z",
        "has_axes", "has_concentration_unit", "has_concentration_value",
        "has_concentration_value_2", "has_department", "has_fold_dilution", "has_fold_dilution_2",
        "has_t_scale", "has_tag_uri",
    }
)  # fmt: skip
# Names that the dump misspells → what is meant.
MISTAKES: Final = {"Universitoy of Tokyo": "University of Tokyo"}
# "oboInOwl" was put in place of "obo" in some of the dump's IRIs, once or twice.
DAMAGED: Final = re.compile(r"https?://purl\.obo(?:InOwl)+library\.org/obo(?:InOwl)+/")
# What pandas writes for an empty cell.
LEAKED: Final = frozenset({"nan", "none", "null"})
NUMBER_IN_PAGE: Final = re.compile(r"https?://ssbd\.riken\.jp/.*/(?:ssbd-repos-0*)?(\d{1,5})(?:-[^/]*)?/?", re.ASCII)
CITATION: Final = re.compile(
    r"(?P<authors>[^()]+) \((?P<year>\d{4})\) (?P<title>.+?)\., (?P<journal>.+?), Volume\b", re.ASCII | re.DOTALL
)
# Numbers of X, Y, Z, channels and time points.
DIMENSIONS: Final = re.compile(r"(\d{1,9})x(\d{1,9})(?:x(\d{1,9})x(\d{1,9})x(\d{1,9}))?", re.ASCII)
# Slots of X, Y, Z, channels and time points, and of the scales of X, Y and Z.
AXES: Final = ("image_width", "image_height", "plane_count", "channel_count", "time_point_count")
SCALES: Final = ("pixel_width", "pixel_height", "pixel_depth")
PERTURBING: Final = re.compile(r"\b(?:knock(?:ed)?[ -]?(?:out|down)|RNAi|CRISPR|mutat|deletion)", re.IGNORECASE)
ANTIBODY: Final = re.compile(r"\b(?:anti-|antibod)", re.IGNORECASE)


def transform(raw: bytes, entry: Entry, ctx: Context) -> Harvested:
    """Return the dataset that the statements of one project describe.

    Raises:
        RecordError: not such statements, or of a project without name and number.
    """
    nodes = nodes_of(raw, entry.key)
    projects = [node for node in nodes.values() if PROJECT in node.kinds]
    project = projects[0] if len(projects) == 1 else nodes.get(entry.key)
    if project is None or project not in projects:
        kinds = ", ".join(sorted({kind for node in nodes.values() for kind in node.kinds if kind.startswith(CLASS)}))
        raise RecordError(
            f"has_dataset_output: no project leads to {entry.key} ({kinds or 'nothing of SSBD'}), "
            "so there is no accession to publish it under"
        )
    record = Project(ctx, project, nodes)
    return Harvested(record.dataset(), tuple(record.findings))


def accession_of(project: Node) -> str:
    """Return a project's accession: its name, else what the address of its page says, else its number.

    Raises:
        RecordError: none of them is there.
    """
    pages = [value.value for value in project.get("has_project_url")]
    for said in (*(value.value for value in project.get("has_project_name")), *pages):
        try:
            accession = archives.accession(said)
            if archives.archive_of(accession) == "ssbd":
                return accession
        except ValueError:
            continue
    if numbers := _numbers(project):
        return numbers[0]
    raise RecordError(f"has_project_name: {project.key} has no name such as 108-Sugita-RPEiPSCell and no number")


def _numbers(project: Node) -> list[str]:
    pages = [value.value for value in project.get("has_project_url")]
    found = [*(NUMBER_IN_PAGE.fullmatch(page) for page in pages), NUMBERED.match(project.key)]
    return [match[1].lstrip("0") for match in found if match]


class Project(Builder):
    """Builds the record of one project; nodes that find no place in it become findings."""

    def __init__(self, ctx: Context, project: Node, nodes: dict[str, Node]) -> None:
        super().__init__(ctx, accession_of(project), archive="ssbd")
        self.project = project
        self.nodes = nodes
        self.reached = {project.key}
        self.kinds: dict[str, type] = {}
        self.made: dict[str, Any] = {}
        self.genes: dict[str, GeneAnnotation] = {}
        self.reagents: dict[str, ReagentAnnotation] = {}
        self.keywords = self._all_words(project, "has_project_type")

    def dataset(self) -> Dataset:
        """Return the dataset."""
        self._report_names()
        own = partial(self._words, self.project)
        title = own("has_dataset_title")
        if title is None:
            self.find("has_dataset_title", "title-missing", "", "the project has no title of its own")
        papers = [*self._each(self.project, "has_project_publications", self._paper)]
        people = [*self._each(self.project, "has_project_participant", partial(self._person, papers))]
        parts = [*self._each(self.project, "has_dataset_output", self._component)]
        record = Dataset(
            id=self.dataset_iri,
            accession=self.accession,
            name=title or self.accession,
            description=own("has_description"),
            archive=self.archive(),
            publisher=Organization(id="https://ssbd.riken.jp/database", name="SSBD:database"),
            **self._addresses(),
            date_submitted=self._date("has_submission_date"),
            date_published=self._date("has_release_date") or self._date("has_open_date"),
            date_modified=self._date("has_update_date"),
            license=self._normal(self.project, "has_license", "licence-unknown", licences.licence),
            is_accessible_for_free=True,
            author=[person for person, roles in people if "contributor" in roles],
            contact=[person for person, roles in people if "contributor" not in roles],
            publication=papers,
            keyword=self.keywords,
            about=[thing for part in parts for thing in part.about or () if isinstance(thing, Taxon | DefinedTerm)],
            measurement_method=[
                method for part in parts for method in part.measurement_method or () if isinstance(method, DefinedTerm)
            ],
            gene_annotation=[*self.genes.values()],
            reagent_annotation=[*self.reagents.values()],
            has_part=parts,
        )
        self._report_unreached()
        return record

    # --- findings

    def find(self, field: str, rule: str, value: object, message: str, suggestion: str | None = None) -> None:
        """Report one quality problem; fields are named by keys of nodes, so addresses are masked there, too."""
        super().find(text.drop_emails(text.clean(field)), rule, value, message, suggestion)

    def _report_names(self) -> None:
        """Report names of predicates that are misspelt or not known, each once, and numbers that disagree."""
        counts: Counter[str] = Counter()
        for node in self.nodes.values():
            counts.update(node.spelt if node.is_instance else ())
        for name, count in sorted(counts.items()):
            if name in MISSPELT:
                message = f"{name} ({count} times) is misspelt; it is read as {SAME[name]}"
                self.find(name, "predicate-misspelt", name, message, SAME[name])
            elif name not in KNOWN and name not in SAME and not name.startswith("is_about_"):
                self.find(name, "predicate-unknown", name, f"{name} ({count} times) is not known, so it is not read")
        number = archives.dataset_name("ssbd", self.accession)
        for other in dict.fromkeys(_numbers(self.project)):
            if other != number:
                message = f"the project goes by {self.accession} and by the number {other}; the first stands"
                self.find("has_project_url", "accession-conflict", other, message)

    def _report_unreached(self) -> None:
        for key, node in sorted(self.nodes.items()):
            if node.is_instance and key not in self.reached:
                rule = "placeholder" if key.rpartition("-")[2] in LEAKED else "node-unreached"
                self.find(key, rule, key, "nothing of the project leads to the node, so it is left out")

    # --- nodes and values

    def _each(self, node: Node, name: str, make: Callable[[Node], T | None]) -> Iterator[T]:
        """Build each node that a predicate leads to, where there is something to build."""
        for value in node.get(name):
            found = self.nodes.get(key_of(value))
            if found is None or not found.kinds:
                message = f"{name} leads to a node that is not described"
                self.find(f"{node.key}.{name}", "dangling-reference", value.value, message)
                continue
            self.reached.add(found.key)
            if (made := make(found)) is not None:
                yield made

    def _nodes(self, node: Node, name: str) -> list[Node]:
        return [*self._each(node, name, lambda found: found)]

    def _local(self, kind: str, node: Node) -> str:
        return self.local(f"{kind}-{re.sub(r'^ssbd-[a-z-]+?-(?=[0-9])', '', node.key)}")

    def _nameless(self, node: Node) -> str:
        return self.text(f"{node.key}.@id", node.key) or self.accession

    def _all_words(self, node: Node, name: str) -> list[str]:
        """Return clean texts; what pandas leaves for empty cells, and other stand-ins, are findings."""
        kept = []
        for words in self.texts(f"{node.key}.{name}", (value.value for value in node.get(name))):
            if text.is_placeholder(words):
                message = f"{words!r} stands in for a value, so it is left out"
                self.find(f"{node.key}.{name}", "placeholder", words, message)
            else:
                kept.append(words)
        return kept

    def _words(self, node: Node, name: str) -> str | None:
        found = self._all_words(node, name)
        for other in found[1:]:
            message = f"{name} takes one value, so only {found[0]!r} is kept"
            self.find(f"{node.key}.{name}", "several-values", other, message)
        return found[0] if found else None

    def _normal(self, node: Node, name: str, rule: str, normalise: Callable[[str], T]) -> T | None:
        words = self._words(node, name)
        try:
            return None if words is None else normalise(words)
        except ValueError as err:
            self.find(f"{node.key}.{name}", rule, words, str(err))
            return None

    def _date(self, name: str) -> str | None:
        return self._normal(self.project, name, "date-invalid", dates.date)

    def _page(self, node: Node, name: str) -> str | None:
        return self.iri(f"{node.key}.{name}", self._words(node, name))

    def _addresses(self) -> dict[str, Any]:
        page = self._page(self.project, "has_project_url")
        usual = archives.landing_page("ssbd", self.accession) if "-" in self.accession else None
        doi = self._normal(self.project, "has_doi", "doi-invalid", identifiers.doi)
        own = self.iri("@id", self.project.iri)
        return {"url": page or usual, "same_as": [iri for iri in (own, usual, doi) if iri and iri != page]}

    def _kept(self, field: str, thing: T | None) -> list[T]:
        """Return a thing, or nothing when its IRI already stands for a thing of another class."""
        if thing is None:
            return []
        iri: str = thing.id  # type: ignore[attr-defined]
        if self.kinds.setdefault(iri, type(thing)) is type(thing):
            return [thing]
        message = f"{iri} is a {self.kinds[iri].__name__} elsewhere, so this {type(thing).__name__} is left out"
        self.find(field, "iri-of-two-kinds", iri, message)
        return []

    # --- terms, taxa and strains

    def _terms(self, node: Node, *names: str) -> list[DefinedTerm]:
        """Return the terms of predicates; a wording counts only where no IRI stands beside it."""
        found = []
        for name in names:
            field, values = f"{node.key}.{name}", node.get(name)
            for value in values:
                if isinstance(value, NamedNode):
                    found += self._kept(field, self._once(field, value.value, self._term))
            if not any(isinstance(value, NamedNode) for value in values):
                for words in self._all_words(node, name):
                    local = f"term-{slug(words)}"
                    found += self._kept(field, self.wording(field, words, terms.imaging_method, local))
        return [*{term.id: term for term in found}.values()]

    def _once(self, field: str, iri: str, make: Callable[[str, str, str | None], T | None]) -> T | None:
        """Return what an IRI with its label makes; what is wrong with it is reported where it is first met."""
        key = f"{make.__name__} {iri}"
        if key not in self.made:
            label = self.nodes[iri].label if iri in self.nodes else None
            self.made[key] = make(field, self._mended(field, iri), label)
        made: T | None = self.made[key]
        return made

    def _mended(self, field: str, iri: str) -> str:
        if not DAMAGED.match(iri):
            return iri
        mended = DAMAGED.sub(identifiers.OBO, iri)
        self.find(field, "iri-damaged", iri, "'oboInOwl' was put in place of 'obo'; the IRI is read as meant", mended)
        return mended

    def _term(self, field: str, iri: str, label: str | None) -> DefinedTerm | None:
        return self.term(field, iri, label, f"term-{slug(label or iri)}")

    def _taxon(self, field: str, iri: str, label: str | None) -> Taxon | None:
        is_name = not iri.startswith("http")
        known = self.normal(field, "taxon-unknown", terms.organism, iri) if is_name else iri
        return self.taxon(field, known, label)

    def _strain(self, field: str, iri: str, label: str | None) -> DefinedTerm | None:
        """Return a strain under the address of its page, as given: no ontology has all of them."""
        page = self.iri(field, iri)
        name = self.text(field, label or last_part(iri) or iri)
        if page is None or name is None:
            return self.term(field, None, label, f"strain-{slug(label or iri)}")
        return DefinedTerm(id=page, name=name)

    def _strains(self, node: Node) -> Iterator[DefinedTerm]:
        field = f"{node.key}.is_about_strain"
        for value in node.get("is_about_strain"):
            if isinstance(value, NamedNode):
                yield from self._kept(field, self._once(field, value.value, self._strain))
        words = [value for value in self._all_words(node, "is_about_strain") if not value.startswith("http")]
        for name in words:
            yield from self._kept(field, self.term(field, None, name, f"strain-{slug(name)}"))

    # --- papers and people

    def _paper(self, node: Node) -> Publication | None:
        field = f"{node.key}.has_paper_information"
        iris = [
            self._normal(node, "has_doi", "doi-invalid", identifiers.doi),
            self._normal(node, "has_PMID", "pmid-invalid", identifiers.pmid),
            self._normal(node, "has_pmc_id", "pmcid-invalid", identifiers.pmcid),
        ]
        known = [iri for iri in iris if iri]
        page = self._page(node, "has_paper_url")
        citation = self._words(node, "has_paper_information")
        read = CITATION.match(citation) if citation else None
        if citation and read is None:
            self.find(field, "citation-unread", citation, "the citation has another form, so its title is not read")
        if not known and read is None:
            self.find(node.key, "node-dropped", node.key, "the paper has neither an identifier nor a title")
            return None
        said = read.groupdict() if read else {}
        made = self.publication(
            field,
            known[0] if known else None,
            f"paper-{node.key}",
            name=said.get("title"),
            author_text=said.get("authors"),
            journal=said.get("journal"),
            date_published=self.normal(field, "date-invalid", dates.date, said.get("year")),
            same_as=[iri for iri in (*known[1:], page) if iri],
        )
        return next(iter(self._kept(field, made)), None)

    def _person(self, papers: list[Publication], node: Node) -> tuple[Person, str] | None:
        first, family = self._in_order(node, papers)
        given = " ".join(filter(None, (first, self._words(node, "has_middle_name")))) or None
        name = " ".join(filter(None, (given, family))) or None
        person = self.person(node.key, name, self._words(node, "has_orcid"), f"person-{node.key}")
        if person is None or not self._kept(node.key, person):
            return None
        person.given_name, person.family_name = given, family
        person.affiliation = self._organizations(node)
        person.url = self._page(node, "has_url")
        known = self.made.setdefault(person.id, person)
        if text.name_key(known.name).isdisjoint(text.name_key(person.name)):
            message = f"the ORCID stands with {known.name!r} and with {person.name!r}; it stays with the first"
            self.find(f"{node.key}.has_orcid", "orcid-conflict", person.id, message)
            person.id = self.local(f"person-{node.key}")
        return person, " ".join(self._all_words(node, "has_role")).casefold()

    def _in_order(self, node: Node, papers: list[Publication]) -> tuple[str | None, str | None]:
        """Return first and family name, exchanged where a paper of the project has its author the other way round."""
        first, family = self._words(node, "has_first_name"), self._words(node, "has_family_name")
        authors = {text.fold(author) for paper in papers for author in (paper.author_text or "").split(", ")}
        is_swapped = text.fold(f"{family} {first}") in authors and text.fold(f"{first} {family}") not in authors
        if not is_swapped:
            return first, family
        message = f"the project's paper has {family} {first}, so the two names are exchanged"
        self.find(f"{node.key}.has_family_name", "name-swapped", f"{first} {family}", message, f"{family} {first}")
        return family, first

    def _organizations(self, node: Node) -> list[Organization]:
        field, found = f"{node.key}.has_organization", []
        for name in self._all_words(node, "has_organization"):
            meant = MISTAKES.get(name, name)
            if meant != name:
                self.find(field, "name-misspelt", name, f"{name!r} is misspelt", meant)
            found += self._kept(field, self.organization(field, meant, None, f"organization-{slug(meant)}"))
        return found

    # --- datasets of the project

    def _component(self, node: Node) -> StudyComponent:
        title = self._words(node, "has_dataset_title")
        if title is None:
            self.find(f"{node.key}.has_dataset_title", "title-missing", "", "the dataset has no title of its own")
        about: list[Any] = []
        techniques: list[DefinedTerm] = []
        for things, used in self._each(node, "has_biosample_information", self._sample):
            about += things
            techniques += used
        instruments = self._nodes(node, "has_instrument_information")
        methods = self._nodes(node, "has_imaging_method_total_info") or [node]
        zarrs = self._nodes(node, "has_ome_zarr_information")
        # What the dump calls a thumbnail is a page that shows the image.
        pages = [page for zarr in zarrs if (page := self._page(zarr, "has_thumbnail_url"))]
        iri = self.iri(f"{node.key}.@id", node.iri)
        return StudyComponent(
            id=self._local("dataset", node),
            name=title or self._nameless(node),
            description=self._words(node, "has_description"),
            url=pages[0] if pages else None,
            same_as=[iri] if iri else None,
            about=about,
            measurement_method=[m for method in methods for m in self._methods(method, instruments, techniques)],
            distribution=[*self._files(node), *(self._zarr(zarr) for zarr in zarrs)],
        )

    def _sample(self, node: Node) -> tuple[list[Any], list[DefinedTerm]]:
        """Return what a sample puts into ``about``, itself first, and the techniques of its preparation."""
        if node.key not in self.made:
            self.made[node.key] = self._read_sample(node)
        read: tuple[list[Any], list[DefinedTerm]] = self.made[node.key]
        return read

    def _read_sample(self, node: Node) -> tuple[list[Any], list[DefinedTerm]]:
        field = f"{node.key}.is_about_organism"
        made = (self._once(field, value.value, self._taxon) for value in node.get("is_about_organism"))
        taxa = [taxon for thing in made for taxon in self._kept(field, thing)]
        strains = [*self._strains(node)]
        lines = self._terms(node, "is_about_cell_line")
        others = self._terms(node, *(n for n in sorted(node.values) if n.startswith("is_about_") and n not in SUBJECTS))
        labels = [*(taxon.scientific_name for taxon in taxa), *(term.name for term in (*strains, *lines))]
        sample = BioSample(
            id=self._local("biosample", node),
            name="; ".join(self._all_words(node, "has_description")) or ", ".join(labels) or self._nameless(node),
            description="; ".join(self._all_words(node, "has_extrinsic_variable")) or None,
            taxon=taxa,
            strain=strains,
            cell_line=lines,
        )
        genetics = [*self._each(node, "has_genetic_information", partial(self._genetics, taxa))]
        for noted in self._each(node, "has_reagent_information", self._reagents):
            self.reagents.update(noted)
        proteins = [protein for found, _ in genetics for protein in found]
        return [sample, *taxa, *others, *proteins], [term for _, used in genetics for term in used]

    def _genetics(self, taxa: list[Taxon], node: Node) -> tuple[list[Protein], list[DefinedTerm]]:
        """Note the genes, which are of the sample's taxon; return its proteins and techniques."""
        species = "-".join(sorted(last_part(taxon.id) for taxon in taxa)) or "any"
        methods = self._all_words(node, "has_method")
        role = GeneRole.perturbed if any(PERTURBING.search(method) for method in methods) else None
        for symbol in self._all_words(node, "has_gene_name"):
            gene = Gene(id=self.local(f"gene-{species}-{symbol}"), symbol=symbol, taxon=taxa)
            name = f"gene-annotation-{species}-{symbol}-{'perturbed' if role else 'any'}"
            self.genes[name] = GeneAnnotation(id=self.local(name), gene=gene, gene_role=role)
        proteins = [
            Protein(id=self.local(f"protein-{species}-{name}"), name=name, taxon=taxa)
            for name in self._all_words(node, "has_protein_name")
        ]
        return proteins, [*self._terms(node, "has_tag"), *self._perturbations(node, methods)]

    def _perturbations(self, node: Node, methods: list[str]) -> Iterator[DefinedTerm]:
        field, iris = f"{node.key}.has_method_uri", self._all_words(node, "has_method_uri")
        is_pair = len(iris) == len(methods) == 1
        for iri in iris:
            yield from self._kept(field, self._term(field, self._mended(field, iri), methods[0] if is_pair else None))
        for words in [] if iris else methods:
            yield from self._kept(field, self.term(field, None, words, f"term-{slug(words)}"))

    def _reagents(self, node: Node) -> dict[str, ReagentAnnotation]:
        found = {}
        for number in ("", "_2"):
            names = self._all_words(node, f"has_reagent_name{number}")
            iris = self._all_words(node, f"has_reagent_uri{number}")
            iris += [] if number else self._all_words(node, "has_reagent_term")
            field = f"{node.key}.has_reagent_uri{number}"
            if iris and len(names) != 1:
                message = f"terms stand beside {len(names)} names, so they are given to none"
                self.find(field, "pairing-unknown", ", ".join(iris), message)
            for name in names:
                made = self._reagent(field, name, iris if len(names) == 1 else [])
                local = self.local(f"annotation-{slug(made.id.rpartition('#')[2] or made.id)}")
                found[local] = ReagentAnnotation(id=local, reagent=[made])
        return found

    def _reagent(self, field: str, name: str, iris: list[str]) -> Reagent | Compound:
        meant = [self.normal(field, "term-invalid", identifiers.term, self._mended(field, iri)) for iri in iris]
        known = [iri for iri in meant if iri]
        for iri in known:
            if "/CHEBI_" in iri:
                return Compound(id=identifiers.compound(iri), name=name)
        kind = ReagentKind.antibody if ANTIBODY.search(name) else None
        return Reagent(id=self.local(f"reagent-{slug(name)}"), name=name, reagent_kind=kind, same_as=known)

    def _methods(
        self, node: Node, instruments: list[Node], prepared: list[DefinedTerm]
    ) -> list[DefinedTerm | ImagingProtocol]:
        """Return the terms of the imaging method, and the protocol with everything else that was used."""
        methods = self._terms(node, METHOD)
        self.keywords += self._all_words(node, "has_mesh_term")
        used = {term.id: term for term in (*methods, *self._terms(node, *TECHNIQUES), *prepared)}
        owners = {own.key: own for own in (node, *instruments, *self._nodes(node, "has_instrument_information"))}
        parts = (words for name in EQUIPMENT for own in owners.values() for words in self._all_words(own, name))
        equipment = "; ".join(dict.fromkeys(parts)) or None
        if not used and equipment is None:
            return []
        protocol = ImagingProtocol(
            id=self._local("method", node),
            name=", ".join(term.name for term in methods) or self._nameless(node),
            measurement_technique=[*used.values()],
            lab_equipment=equipment,
        )
        return [*methods, protocol]

    # --- files

    def _files(self, node: Node) -> Iterator[Distribution]:
        """Yield the files of a dataset, with the size of an image."""
        slots: dict[str, Any] = {"name": self._words(node, "has_folder_name")}
        slots["description"] = self._words(node, "has_figure_number")
        slots |= self._format(node)
        for found in self._each(node, "has_dimension_information", self._size):
            slots |= found
        if any(slots.values()):
            yield Distribution(id=self._local("files", node), **slots)

    def _format(self, node: Node) -> dict[str, Any]:
        said = [value.value for value in node.get("has_file_format")]
        gap = text.is_placeholder(said[0]) if len(said) == 1 and said[0].casefold() not in LEAKED else None
        if gap is not None:
            return {gap.replace(" ", "_"): [property_iri("encoding_format")]}
        return {"encoding_format": ", ".join(self._all_words(node, "has_file_format")) or None}

    def _size(self, node: Node) -> dict[str, Any]:
        said = self._normal(node, "has_dimensions", "dimensions-invalid", _dimensions) or (None,) * 5
        scales = [self._normal(node, f"has_{axis}_scale", "number-invalid", _nanometres) for axis in "xyz"]
        made = {**dict(zip(AXES, said, strict=True)), **dict(zip(SCALES, scales, strict=True))}
        channels = self._normal(node, "has_channel_number", "number-invalid", _channels)
        if channels is not None and made["channel_count"] not in (None, channels):
            message = f"has_dimensions says {made['channel_count']} channels; its number stands"
            self.find(f"{node.key}.has_channel_number", "channels-conflict", channels, message)
        return {**made, "channel_count": made["channel_count"] or channels}

    def _zarr(self, node: Node) -> Distribution:
        where = self._page(node, "has_s3_endpoint")
        if where is None:
            self.find(node.key, "address-missing", node.key, "the OME-Zarr is described and its address is not given")
        sides: dict[str, Any] = {
            slot: self._normal(node, f"has_size_{axis}", "number-invalid", _whole)
            for slot, axis in zip(AXES, "xyzct", strict=True)
        }
        return Distribution(
            id=self._local("zarr", node),
            content_url=where,
            access_url=self._page(node, "has_vizarr_url"),
            encoding_format="OME-Zarr",
            **sides,
        )


def _whole(value: str) -> int:
    if not re.fullmatch(r"0*[1-9]\d{0,14}", value, re.ASCII):
        raise ValueError(f"{value[:200]!r} is not a whole number above zero")
    return int(value)


def _channels(value: str) -> int:
    return _whole(re.sub(r" channels?$", "", value))


def _dimensions(value: str) -> tuple[int | None, ...]:
    found = DIMENSIONS.fullmatch(value)
    numbers = [int(number) for number in found.groups() if number] if found else [0]
    if 0 in numbers:
        raise ValueError(f"{value[:200]!r} is not a size: expected numbers of X, Y, Z, C, T such as 512x512x144x3x1")
    return (*numbers, *(None,) * (5 - len(numbers)))


def _nanometres(value: str) -> Any:
    number, _, unit = value.partition(" ")
    return sizes.nanometres(number, unit)
