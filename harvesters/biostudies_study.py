"""What every study of BioStudies says of itself: titles, dates, licence, people, grants, papers and links.

The page-tab sections and attributes are read by their names, whatever the template. A value that is no normal form of
what it should be is left out and becomes a finding, with what it was most likely meant to be where that can be told.
Affiliations are references to organisations, sometimes unmarked, several in one value or broken. A licence stands in
words and in the qualifier ``URL``, which must agree. E-mail addresses, and the postal ones of organisations, are not
read.

A study with an accession of another archive (EMPIAR-…) is that archive's dataset, told by BioStudies as well. Studies
S-JCBD… come from the JCB DataViewer, which is named as their publisher; the archive that holds them is BIA.

Source: https://www.ebi.ac.uk/biostudies/help
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final, TypeVar
from urllib.parse import quote

from harvesters import pagetab
from harvesters.building import Builder, property_iri, slug
from harvesters.contract import Context
from harvesters.pagetab import Attribute, Link, Section
from linkml_schemas.generated.model import DefinedTerm, Grant, Organization, Person, Phenotype, Publication, Taxon
from ontology import archives, dates, identifiers, licences, text

T = TypeVar("T")
N = TypeVar("N", DefinedTerm, Phenotype, Publication, Taxon)

SITE: Final = "https://www.ebi.ac.uk/biostudies"
# The image archive of the Journal of Cell Biology, closed in 2018, gave its data to BioStudies.
JCB_DATAVIEWER: Final = ("http://jcb-dataviewer.rupress.org/", "JCB DataViewer")
LIST_SPLIT: Final = re.compile(r"\s*;\s*|\s*,\s+")
ROLE_SPLIT: Final = re.compile(r"\s*[,;/]\s*")
CONTACTS: Final = frozenset({"submitter", "corresponding author", "contact"})
INVESTIGATORS: Final = frozenset({"principal investigator"})
BARE_HOST: Final = re.compile(
    r"(?:www\.)?[\w-]+(?:\.[\w-]+)*\.(?:ac|ch|com|de|edu|eu|fr|gov|info|io|jp|net|org|uk)(?:/\S*)?", re.ASCII
)


class StudyBuilder(Builder):
    """Builds what all studies have.

    Args:
        ctx: the base IRI and the source.
        accession: normalised accession of the study.
        archive: archive that owns it.
        document: the page-tab document.
        info: what the study's /info says: files, released, modified (epoch milliseconds).
    """

    def __init__(
        self, ctx: Context, accession: str, archive: str, document: Mapping[str, Any], info: Mapping[str, Any]
    ) -> None:
        super().__init__(ctx, accession, archive)
        self.info = info
        self.document = pagetab.read(document, self.find)
        self.root = self.document.root
        self.sections = list(self.root.walk())
        self.gaps: dict[str, Any] = {"unknown": [], "not_applicable": []}
        self.named: dict[str, str] = {}
        self.kinds: dict[str, type] = {}
        self.organisations = self._organisations()

    def of_kind(self, *kinds: str) -> Iterator[Section]:
        """Yield the sections of a type, wherever they stand."""
        return (section for section in self.sections if section.kind in kinds)

    # --- values

    def normalised(
        self,
        place: str,
        rule: str,
        normalise: Callable[[str], T],
        value: object,
        suggest: Callable[[str], str | None] = lambda _: None,
    ) -> T | None:
        """Return a normal form; a placeholder, or a value that has none, becomes a finding."""
        if value is None:
            return None
        words = str(value)
        if (said := text.is_placeholder(words)) is not None:
            self.find(place, "placeholder", words, f"the value is {said}, so it is left out")
            return None
        try:
            return normalise(words)
        except ValueError as err:
            self.find(place, rule, words, str(err), suggest(words))
            return None

    def words(self, attribute: Attribute | None) -> str | None:
        """Return clean text; a placeholder is a finding."""
        if attribute is None:
            return None
        words = self.text(attribute.place, attribute.value)
        if words is not None and text.is_placeholder(words):
            self.find(attribute.place, "placeholder", words, f"{words!r} stands in for a value, so it is left out")
            return None
        return words

    def filled(self, slot: str, found: Iterable[Attribute], gaps: dict[str, Any]) -> list[Attribute]:
        """Return the attributes that say something; for those that say that nothing is known, note the slot."""
        kept = []
        for attribute in found:
            said = text.is_placeholder(attribute.value)
            if said is None:
                kept.append(attribute)
            else:
                gaps[said.replace(" ", "_")].append(property_iri(slot))
        return kept

    def all_words(self, found: Iterable[Attribute]) -> list[str]:
        """Return the clean texts of attributes, each once."""
        return list(dict.fromkeys(words for a in found if (words := self.words(a))))

    def own(self, place: str, thing: N | None) -> N | None:
        """Return a thing, or None when its IRI already stands for a thing of another class."""
        if thing is None or self.kinds.setdefault(iri := str(thing.id), type(thing)) is type(thing):
            return thing
        message = f"{iri} is a {self.kinds[iri].__name__} elsewhere, so it is left out here"
        self.find(place, "iri-of-two-kinds", iri, message)
        return None

    # --- the dataset's own fields

    def title(self) -> str | None:
        """Return the title of the submission, else of the study."""
        stated = [a for item in (self.document, self.root) for a in item.all("title")]
        titles = {text.fold(words): words for a in stated if (words := self.words(a))}
        if not titles:
            self.find("Title", "title-missing", "", "the dataset has no title of its own")
            return None
        first, *others = titles.values()
        for other in others:
            message = "submission and study have different titles; the submission's is taken"
            self.find(stated[-1].place, "title-conflict", other, message, first)
        return first

    def description(self) -> str | None:
        """Return description and abstract."""
        said = self.filled("description", self.root.all("description", "abstract"), self.gaps)
        words = [found for a in said if (found := self.text(a.place, a.value))]
        return "\n\n".join(dict.fromkeys(words)) or None

    def publisher(self) -> Organization:
        """Return who publishes the study."""
        if self.accession.startswith("S-JCBD"):
            return Organization(id=JCB_DATAVIEWER[0], name=JCB_DATAVIEWER[1])
        known = archives.ARCHIVES.get(self.archive_name)
        if known is None:
            return Organization(id=f"{SITE}/", name="BioStudies")
        return Organization(id=known.homepage, name="EMPIAR" if known.name == "empiar" else known.title)

    def page(self) -> str:
        """Return its page at its own archive."""
        if self.archive_name in archives.ARCHIVES:
            return archives.landing_page(self.archive_name, self.accession)
        return f"{SITE}/studies/{self.accession}"

    def same_as(self) -> list[str]:
        """Return its DOI, and the page of a dataset of another archive at BioStudies."""
        own = f"https://doi.org/10.6019/{self.accession.lower()}"
        found = [archives.landing_page("bia", self.accession)] if self.archive_name == "empiar" else []
        found += [own for s in self.sections for link in s.links if _meant(identifiers.doi, link.url) == own]
        for attribute in (*self.document.all("doi"), *self.root.all("doi")):
            stated = self.normalised(
                attribute.place, "doi-invalid", identifiers.doi, attribute.value, identifiers.likely_doi
            )
            if stated == own:
                found.append(own)
            elif stated is not None:
                likely = own if "/10.6019/" in stated else None
                self.find(attribute.place, "doi-of-another", stated, "the DOI is the DOI of something else", likely)
        return once(found)

    def released(self) -> str | None:
        """Return the day of its release."""
        stated = [*self.document.all("release date"), *self.root.all("release date")]
        found = [self.normalised(a.place, "date-invalid", dates.date, a.value) for a in stated]
        days = list(dict.fromkeys(day for day in found if day))
        for other in days[1:]:
            message = f"the study is released on {days[0]} and on another day; the submission's is taken"
            self.find(stated[-1].place, "date-conflict", other, message, days[0])
        if days:
            return days[0]
        return self.normalised("info.released", "date-invalid", _epoch_date, self.info.get("released"))

    def licence(self) -> str | None:
        """Return the URL of its licence; None where what is said contradicts itself or the archive."""
        found: dict[str, None] = {}
        place = "License"
        for attribute in self.filled("license", [*self.root.all("license"), *self.document.all("license")], self.gaps):
            place = attribute.place
            for value in (attribute.qualifiers.get("url"), attribute.value):
                if url := self.normalised(place, "licence-unknown", licences.licence, value):
                    found[url] = None
        known = archives.ARCHIVES.get(self.archive_name)
        own = known.licence if known else None
        if found and (len(found) > 1 or own not in (None, *found)):
            message = "the licences contradict each other, or the archive's own, so none is taken"
            self.find(place, "licence-conflict", ", ".join(found), message, own)
            return None
        return next(iter(found), None)

    def modified(self) -> str | None:
        """Return the day of its last change, which only /info tells."""
        return self.normalised("info.modified", "date-invalid", _epoch_date, self.info.get("modified"))

    def keywords(self) -> list[str]:
        """Return its keywords, lists taken apart."""
        found = self.filled("keyword", self.root.all("keyword"), self.gaps)
        parts = (part for a in found for part in LIST_SPLIT.split(self.text(a.place, a.value) or ""))
        return list(dict.fromkeys(part for part in parts if part and part != text.REMOVED))

    # --- people

    def _organisations(self) -> dict[str, Organization | None]:
        """Return the organisations by their folded accno; one without is kept under its place."""
        made: dict[str, Organization | None] = {}
        for section in self.of_kind("organisation"):
            name = text.without_address(self.words(section.first("name")) or "")
            ror = section.first("rorid")
            key = text.fold(section.accno or section.place)
            if name:
                place, local = f"{section.place}.Name", f"organisation-{slug(name)}"
                iri = self.normalised(ror.place, "ror-invalid", identifiers.ror, ror.value) if ror else None
                made.setdefault(key, self.organization(place, name, iri, local))
        return made

    def people(self) -> list[tuple[Person, frozenset[str]]]:
        """Return the authors in their order, each with their folded roles."""
        made = (self._person(s, f"author-{n}") for n, s in enumerate(self.of_kind("author"), 1))
        return [found for found in made if found is not None]

    def _person(self, section: Section, local: str) -> tuple[Person, frozenset[str]] | None:
        name = (self.words(section.first("name")) or "").replace(text.REMOVED, "").strip(" <>()[],;")
        stated = section.first("orcid")
        orcid = self.normalised(stated.place, "orcid-invalid", identifiers.orcid, stated.value) if stated else None
        person = self.person(section.place, name or None, orcid, local)
        if person is None:
            return None
        first = self.named.setdefault(person.id, person.name)
        if text.name_key(first).isdisjoint(text.name_key(person.name)):
            message = f"the ORCID stands with {first!r} and with {person.name!r}; it stays with the first"
            self.find(stated.place if stated else section.place, "orcid-conflict", person.id, message)
            person.id = self.local(local)
        person.affiliation = once(o for a in section.all("affiliation") for o in self._affiliations(a))
        roles = (part for a in section.all("role") for part in ROLE_SPLIT.split(text.fold(a.value)))
        return person, frozenset(roles)

    def _affiliations(self, attribute: Attribute) -> Iterator[Organization]:
        """Yield the organisations that an affiliation refers to; without the mark of a reference it may be a name."""
        for key in filter(None, re.split(r"\s*[,;]\s*", text.fold(attribute.value))):
            if key in self.organisations:
                if not attribute.is_reference:
                    message = "the affiliation names a section, but is not marked as a reference"
                    self.find(attribute.place, "reference-unmarked", attribute.value, message, "reference: true")
                made = self.organisations[key]
                yield from [made] if made else []
            elif attribute.is_reference or re.fullmatch(r"o(?:rg)?-?\d+", key):
                message = "there is no organisation of that accno, so the affiliation is left out"
                self.find(attribute.place, "reference-missing", key, message, self._only_nameless())
            else:
                name = text.without_address(self.words(attribute) or "")
                made = self.organization(attribute.place, name, None, f"organisation-{slug(name)}")
                yield from [made] if made else []
                return

    def _only_nameless(self) -> str | None:
        """Return the name of the one organisation that has no accno, which a broken reference may mean."""
        nameless = [made for key, made in self.organisations.items() if made and key.startswith("section")]
        return nameless[0].name if len(nameless) == 1 else None

    # --- papers, grants, links

    def funding(self) -> Iterator[Grant]:
        """Yield the grants."""
        for number, section in enumerate(self.of_kind("funding"), 1):
            agency = self.words(section.first("agency"))
            codes = ", ".join(self.all_words(section.all("grant id"))) or None
            made = self.organization(section.place, agency, None, f"organisation-{slug(agency)}") if agency else None
            if name := " ".join(filter(None, (agency, codes))):
                funder = [made] if made else []
                yield Grant(id=self.local(f"grant-{number}"), name=name, grant_number=codes, funder=funder)

    def publications(self) -> list[Publication]:
        """Return the papers; one without identifier is left out where another of its title has one."""
        made = (self._publication(s, f"publication-{n}") for n, s in enumerate(self.of_kind("publication"), 1))
        papers = [paper for paper in made if paper is not None]
        known = {text.fold(p.name) for p in papers if p.name and not self._is_local(p)}
        return [p for p in papers if not (self._is_local(p) and text.fold(p.name or "") in known)]

    def _is_local(self, paper: Publication) -> bool:
        return paper.id.startswith(self.ctx.base_iri)

    def _publication(self, section: Section, local: str) -> Publication | None:
        ids = [iri for iri in (self._paper_doi(section), *self._paper_numbers(section)) if iri]
        title = self.words(section.first("title"))
        if not ids and title is None:
            return None
        year = section.first("year", "date")
        paper = self.publication(
            section.place,
            ids[0] if ids else None,
            local,
            name=title,
            author_text=", ".join(self.all_words(section.all("authors", "author"))) or None,
            date_published=self.normalised(year.place, "date-invalid", dates.date, year.value) if year else None,
            journal=self.words(section.first("journal")),
            same_as=ids[1:],
        )
        return self.own(section.place, paper)

    def _paper_doi(self, section: Section) -> str | None:
        stated = [(a.place, a.value) for a in section.all("doi")] + [
            (f"{at.place}.url", at.url) for at in section.links
        ]
        for place, value in stated:
            found = self.normalised(place, "doi-invalid", identifiers.doi, value, identifiers.likely_doi)
            if found is not None and found.startswith("https://doi.org/10.6019/"):
                self.find(place, "doi-of-another", found, "the paper's DOI is the DOI of a dataset")
            elif found is not None:
                return found
        return None

    def _paper_numbers(self, section: Section) -> Iterator[str | None]:
        for name, rule, normalise in (
            ("pubmed id", "pmid-invalid", identifiers.pmid),
            ("pmc id", "pmcid-invalid", identifiers.pmcid),
        ):
            for attribute in section.all(name):
                yield self.normalised(attribute.place, rule, normalise, attribute.value)

    def related(self) -> list[str]:
        """Return where the links of all sections lead; those of papers are their DOIs."""
        owners = (s for s in self.sections if s.kind != "publication")
        found = [self._link(link) for section in owners for link in section.links]
        own = {self.dataset_iri, f"https://doi.org/10.6019/{self.accession.lower()}"}
        return [iri for iri in once(iri for iri in found if iri) if iri not in own]

    def _link(self, link: Link) -> str | None:
        kind = link.first("type")
        place, url = f"{link.place}.url", text.clean(link.url)
        try:
            found = self._resolved(url, kind.value if kind else None)
        except ValueError:
            message = "the link is no address and no accession that is known here, so it is left out"
            self.find(place, "link-unresolved", url, message, _likely_link(url))
            return None
        return self.outside(place, found) if not found.startswith(f"{self.ctx.base_iri}dataset/") else found

    def _resolved(self, url: str, kind: str | None) -> str:
        """Return the IRI that a link leads to.

        Raises:
            ValueError: none that is known here.
        """
        is_hub = url.startswith(self.ctx.base_iri)
        steps: tuple[Callable[[str], str], ...] = (
            self.record_of,
            identifiers.doi,
            identifiers.pmid if not url.isdigit() else identifiers.pmcid,
            identifiers.pmcid,
            lambda value: archives.elsewhere(value, kind),
            identifiers.iri,
        )
        for step in steps if not is_hub else steps[-1:]:
            try:
                found = step(url)
            except ValueError:
                continue
            if not text.has_email(found):
                return found
        raise ValueError(url)


# --- helpers -------------------------------------------------------------------------------------------------------


def files_url(site: str, accession: str, path: str) -> str:
    """Return where a file or folder of a study is, below the site of BioStudies.

    >>> files_url("https://www.ebi.ac.uk/biostudies", "S-BIAD1", "fig 1/a.tif")
    'https://www.ebi.ac.uk/biostudies/files/S-BIAD1/fig%201/a.tif'
    """
    parts = [quote(part, errors="replace") for part in path.split("/") if part not in ("", ".", "..")]
    return "/".join((f"{site}/files/{accession}", *parts))


def file_list_url(site: str, accession: str, name: str) -> str:
    """Return where the JSON of a file list is, whatever ending the study names it with.

    >>> file_list_url("https://www.ebi.ac.uk/biostudies", "S-BIAD1", "list one.tsv")
    'https://www.ebi.ac.uk/biostudies/files/S-BIAD1/list%20one.json'
    """
    return files_url(site, accession, re.sub(r"[.](?:json|tsv)$", "", text.clean(name), flags=re.I) + ".json")


def _meant(normalise: Callable[[str], str], value: str) -> str | None:
    try:
        return normalise(value)
    except ValueError:
        return None


def _epoch_date(value: str) -> str:
    if not value.isascii() or not value.isdigit():
        raise ValueError(f"{value[:200]!r} is not a number of milliseconds")
    return dates.date(int(value[:20]))


def once(things: Iterable[T]) -> list[T]:
    """Return things in their order, each IRI once."""
    return list({getattr(thing, "id", thing): thing for thing in reversed(list(things))}.values())[::-1]


def _likely_link(url: str) -> str | None:
    if re.match(r"ftp://ftp\.ebi\.ac\.uk/", url):
        return url.replace("ftp://", "https://", 1)
    return f"https://{url}" if BARE_HOST.fullmatch(url) else identifiers.likely_doi(url)
