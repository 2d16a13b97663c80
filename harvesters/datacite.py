"""DataCite metadata, kernel 2 to 4: one ``resource`` → one dataset.

Elements are found by name, whatever their namespace, so that a resource counts under any kernel's, in OAI-PMH's own or
in none. Version, language, places and rights holders have no slot in the model and are not read.
Source: https://schema.datacite.org/ and https://datacite-metadata-schema.readthedocs.io/
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from harvesters.building import slug
from harvesters.contract import Withdrawal
from harvesters.markup import Element
from harvesters.oai_descriptions import Description, Identity, accession_of_link, folded_type, or_none
from linkml_schemas.generated.model import (
    Dataset,
    DefinedTerm,
    Grant,
    ImagingProtocol,
    Organization,
    Person,
    Publication,
    Taxon,
)
from ontology import identifiers, text

# Relations and resource types, in small letters, that make what is named a paper of the dataset.
PAPER_RELATIONS: Final = frozenset({
    "issupplementto", "iscitedby", "isreferencedby", "isdescribedby", "isdocumentedby", "ispublishedin", "references",
    "cites",
})  # fmt: skip
PAPERS: Final = frozenset({
    "book", "bookchapter", "conferencepaper", "conferenceproceeding", "datapaper", "dissertation", "journalarticle",
    "preprint", "report", "text",
})  # fmt: skip


class Resource(Description):
    """Builds the record of a DataCite ``resource``, of any kernel."""

    @staticmethod
    def identity(element: Element, named: str) -> Identity:
        """Return the DOI of the ``identifier``, else of the OAI identifier, and where IDR's accession may stand."""
        stated = element.findtext("{*}identifier") or ""
        doi = or_none(identifiers.doi, stated) or or_none(identifiers.doi, named)
        paths = ("alternateIdentifiers/*", "titles/*", "relatedIdentifiers/*")
        hints = [["".join(e.itertext()) for e in element.iterfind(f"{{*}}{path}")] for path in paths]
        return Identity(doi, named or stated.strip(), hints)

    def types(self) -> list[str]:
        """Return the general resource type, or the free one where that says nothing."""
        kind = self.element.find("{*}resourceType")
        if kind is None:
            return []
        general = kind.get("resourceTypeGeneral", "")
        free = "".join(kind.itertext())
        return [said for said in ([general] if folded_type(general) not in ("", "other") else [free]) if said.strip()]

    def withdrawal(self) -> Withdrawal | None:
        """Return the withdrawal that a date of the type Withdrawn states."""
        if not self._dated("withdrawn"):
            return None
        obsolete = (i for i in self._all("relatedIdentifiers") if _folded(i, "relationType") == "isobsoletedby")
        successors = (self._pointed("relatedIdentifiers", i.text or "", shown=False) for i in obsolete)
        day = next(iter(self._days("withdrawn")), None)
        return Withdrawal("The archive gives a date of withdrawal", day, next(filter(None, successors), None))

    def dataset(self) -> Dataset:
        """Return the dataset."""
        publications, related, same = self._relations()
        extent, formats = self._extent([*self._texts("sizes"), *self._texts("formats")])
        url = self._page(self._alternates())
        keywords, about = self._subjects()
        return self._record({
            "name": self._title(),
            "description": self._description("abstract") or self._description("other", ""),
            "publisher": self._publisher(),
            "url": url,
            "same_as": [*([self.doi] if self.doi else []), *same],
            "date_published": self._published(),
            "date_modified": max(self._days("updated"), default=None),
            "date_submitted": next(iter(self._days("submitted")), None),
            **self._rights(self._stated_rights()),
            "author": self._each(self._agents("creator")),
            "accountable_person": self._people("projectleader"),
            "contact": self._people("contactperson"),
            "keyword": keywords,
            "funding": [*self._funding()],
            "publication": publications,
            "about": about,
            "measurement_method": self._methods(),
            "distribution": self._distribution(url, formats),
            "related": related,
            **extent,
        })  # fmt: skip

    # --- elements

    def _all(self, path: str) -> Iterator[Element]:
        """Yield the children of a list such as ``titles``."""
        found: Iterator[Element] = self.element.iterfind(f"{{*}}{path}/*")
        return found

    def _texts(self, path: str) -> list[tuple[str, str]]:
        """Return field and words of each item of a list, without those that are empty."""
        items = ((f"{path}[{n}]", item) for n, item in enumerate(self._all(path)))
        read = ((place, self._words(place, item)) for place, item in items)
        return [(place, words) for place, words in read if words]

    def _dated(self, kind: str) -> list[str]:
        stated = (e.text or "" for e in self._all("dates") if _folded(e, "dateType") == kind)
        return [date for date in stated if date.strip()]

    def _days(self, kind: str) -> list[str]:
        found = (self._date(f"dates.{kind}", date) for date in self._dated(kind))
        return [day for day in found if day]

    # --- slots

    def _title(self) -> str | None:
        titles = list(self._all("titles"))
        main = [title for title in titles if not title.get("titleType")] or titles
        return next(filter(None, (self._words("titles", title) for title in main)), None)

    def _description(self, *kinds: str) -> str | None:
        parts = []
        for n, item in enumerate(self._all("descriptions")):
            if _folded(item, "descriptionType") in kinds:
                for line_break in item.iter("{*}br"):
                    line_break.tail = "\n" + (line_break.tail or "")
                parts.append(self._words(f"descriptions[{n}]", item, "description"))
        return "\n\n".join(filter(None, parts)) or None

    def _methods(self) -> list[ImagingProtocol]:
        words = self._description("methods")
        return [ImagingProtocol(id=self.local("methods"), name="Methods", description=words)] if words else []

    def _published(self) -> str | None:
        """Return the date of issue, else of availability, else the year of publication."""
        years = (self._date("publicationYear", year.text) for year in self.element.iterfind("{*}publicationYear"))
        return next(filter(None, (*self._days("issued"), *self._days("available"), *years)), None)

    def _publisher(self) -> Organization | None:
        for item in self.element.iterfind("{*}publisher"):
            if name := self._words("publisher", item, "publisher"):
                ror = _ror(item.get("publisherIdentifier"), item.get("publisherIdentifierScheme"))
                return self._organization("publisher", name, ror, None)
        return None

    def _alternates(self) -> Iterator[str | None]:
        for item in self._all("alternateIdentifiers"):
            if _folded(item, "alternateIdentifierType") in ("url", "uri"):
                iri = self.outside("alternateIdentifiers", "".join(item.itertext()).strip())
                yield iri if iri and not accession_of_link(iri) else None

    def _stated_rights(self) -> list[tuple[str, list[str]]]:
        found = []
        for n, item in enumerate([*self._all("rightsList"), *self.element.iterfind("{*}rights")]):
            candidates = [item.get("rightsURI"), item.get("rightsIdentifier"), "".join(item.itertext())]
            said = [text.clean(candidate) for candidate in candidates if candidate and candidate.strip()]
            if said:
                found.append((f"rightsList[{n}]", said))
        return found

    def _subjects(self) -> tuple[list[str], list[Taxon | DefinedTerm]]:
        """Return the keywords, and the terms and taxa that a subject's IRI names."""
        words = self._texts("subjects")
        about: list[Taxon | DefinedTerm | None] = []
        for n, item in enumerate(self._all("subjects")):
            iri, label = item.get("valueURI") or "", dict(words).get(f"subjects[{n}]")
            if or_none(identifiers.taxon, iri) and not iri.isdigit():
                about.append(self.taxon(f"subjects[{n}].valueURI", iri, label))
            elif or_none(identifiers.term, iri):
                about.append(self.term(f"subjects[{n}].valueURI", iri, label, f"subject-{n + 1}"))
        return list(dict.fromkeys(word for _, word in words)), self._each(about)

    # --- people and organisations

    def _agents(self, kind: str, role: str | None = None) -> Iterator[Person | Organization | None]:
        for n, item in enumerate(self._all(f"{kind}s")):
            if role is None or _folded(item, "contributorType") == role:
                yield self._agent(f"{kind}s[{n}]", item, kind, f"{kind}-{n + 1}")

    def _people(self, role: str) -> list[Person]:
        return self._each(agent for agent in self._agents("contributor", role) if isinstance(agent, Person))

    def _agent(self, field: str, item: Element, kind: str, local: str) -> Person | Organization | None:
        stated = item.find(f"{{*}}{kind}Name")
        written = self._words(f"{field}.{kind}Name", stated, "author" if kind == "creator" else "contact")
        name_type = "" if stated is None else stated.get("nameType", "").casefold()
        given, family = (
            self._words(f"{field}.{part}", item.find(f"{{*}}{part}")) for part in ("givenName", "familyName")
        )
        if written and name_type != "organizational":
            given, family = self._name_parts(field, written, given, family, name_type == "personal")
        orcid, ror = _name_identifiers(item)
        is_person = bool(given or family)
        return self._person_or_organization(
            field,
            " ".join(filter(None, (given, family))) if is_person else written,
            local,
            orcid,
            ror,
            kind=name_type or ("personal" if is_person else ""),
            given_name=given,
            family_name=family,
            affiliation=self._affiliations(field, item),
        )

    def _name_parts(
        self, field: str, written: str, given: str | None, family: str | None, is_personal: bool
    ) -> tuple[str | None, str | None]:
        """Return given and family name; "Family, Given" of a person's name is what DataCite prescribes."""
        parts = [part.strip() for part in written.split(",")]
        if len(parts) != 2 or not all(parts):
            return given, family
        if (given, family) == (parts[0], parts[1]):
            self.find(f"{field}.givenName", "name-parts-swapped", given, f"{written!r} has its family name first")
            return family, given
        if not (given or family) and is_personal:
            return parts[1], parts[0]
        return given, family

    def _affiliations(self, field: str, item: Element) -> list[Organization]:
        made = []
        for n, stated in enumerate(item.iterfind("{*}affiliation")):
            place = f"{field}.affiliation[{n}]"
            if name := text.without_address(self._words(place, stated) or ""):
                ror = _ror(stated.get("affiliationIdentifier"), stated.get("affiliationIdentifierScheme"))
                made.append(self._organization(place, name, ror, None))
        return self._each(made)

    # --- grants

    def _funding(self) -> Iterator[Grant]:
        for n, item in enumerate(self._all("fundingReferences")):
            field = f"fundingReferences[{n}]"
            number = self._words(f"{field}.awardNumber", item.find("{*}awardNumber"))
            title = self._words(f"{field}.awardTitle", item.find("{*}awardTitle"))
            funder = self._funder(f"{field}.funderName", item)
            name = title or " ".join(filter(None, (funder.name if funder else None, number)))
            urls = (page.get("awardURI") for page in item.iterfind("{*}awardNumber"))
            url = next(filter(None, urls), None)
            if name:
                yield Grant(
                    id=self.local(f"grant-{n + 1}"),
                    name=name,
                    grant_number=number,
                    funder=[funder] if funder else [],
                    url=self.outside(f"{field}.awardURI", url) if url else None,
                )
        yield from self._funding_of_old()

    def _funding_of_old(self) -> Iterator[Grant]:
        """Yield a grant for each contributor of the type Funder, where funders stood before kernel 4."""
        for n, item in enumerate(self._all("contributors")):
            if _folded(item, "contributorType") != "funder":
                continue
            field, (_, ror) = f"contributors[{n}]", _name_identifiers(item)
            funder = self._organization(field, self._words(field, item.find("{*}contributorName")), ror, None)
            if funder:
                yield Grant(id=self.local(f"grant-c{n + 1}"), name=funder.name, funder=[funder])

    def _funder(self, field: str, item: Element) -> Organization | None:
        name = self._words(field, item.find("{*}funderName"))
        stated = item.find("{*}funderIdentifier")
        if name is None:
            return None
        scheme, value = (None, None) if stated is None else (stated.get("funderIdentifierType"), stated.text)
        if not value or not (scheme or "").casefold().startswith("crossref"):
            return self._organization(field, name, _ror(value, scheme), None)
        iri = self.normal(f"{field}.funderIdentifier", "doi-invalid", identifiers.doi, value)
        return self._once(Organization(id=iri or self.local(f"organization-{slug(name)}"), name=name))

    # --- relations

    def _relations(self) -> tuple[list[Publication], list[str], list[str]]:
        """Return papers, other related things and other IRIs of the dataset."""
        papers: list[Publication] = []
        related, same = [], []
        for n, item in enumerate(self._all("relatedIdentifiers")):
            field = f"relatedIdentifiers[{n}]"
            kind, relation = _folded(item, "relatedIdentifierType"), _folded(item, "relationType")
            iri = self._related_iri(field, kind, "".join(item.itertext()).strip())
            if iri is None:
                continue
            if _is_paper(iri, relation, _folded(item, "resourceTypeGeneral"), self.ctx.base_iri):
                papers.append(self._once(self.publication(field, iri, f"paper-{n + 1}")))
            elif relation == "isidenticalto" and not iri.startswith(self.ctx.base_iri):
                same.append(iri)
            else:
                related.append(iri)
        papers += map(self._once, self._related_papers())
        papers = self._each(papers)
        known = {paper.id for paper in papers}
        return (
            papers,
            [iri for iri in related if iri not in known],
            [iri for iri in dict.fromkeys(same) if iri != self.doi],
        )

    def _related_iri(self, field: str, kind: str, value: str) -> str | None:
        """Return the IRI of a related identifier; None for a kind that has none, such as ISSN or bibcode."""
        if kind in ("doi", "arxiv"):
            iri = self.normal(field, "doi-invalid", identifiers.doi, value)
            known = accession_of_link(iri) if iri else None
            return self.record_of(known) if known else iri
        if kind == "pmid":
            return self.normal(field, "pmid-invalid", identifiers.pmid, value)
        if kind == "handle":
            value = value if value.startswith("http") else f"https://hdl.handle.net/{value}"
        elif kind not in ("url", "purl", "w3id", ""):
            return None
        return self._pointed(field, value)

    def _related_papers(self) -> Iterator[Publication]:
        for n, item in enumerate(self._all("relatedItems")):
            field = f"relatedItems[{n}]"
            if _folded(item, "relatedItemType") not in PAPERS or _folded(item, "relationType") not in PAPER_RELATIONS:
                continue
            stated = item.find("{*}relatedItemIdentifier")
            kind = "" if stated is None else _folded(stated, "relatedItemIdentifierType")
            named = None if stated is None else self._related_iri(field, kind, (stated.text or "").strip())
            title = self._words(f"{field}.titles", item.find("{*}titles/{*}title"))
            year = item.findtext("{*}publicationYear")
            names = (self._words(f"{field}.creators", name) for name in item.iterfind("{*}creators/*/{*}creatorName"))
            if named or title:
                yield self.publication(
                    field,
                    named,
                    f"paper-i{n + 1}",
                    name=title,
                    author_text="; ".join(filter(None, names)) or None,
                    date_published=self._date(f"{field}.publicationYear", year) if year else None,
                )


def _folded(item: Element, attribute: str) -> str:
    """Return an attribute in small letters, as depositors misspell them (``IsIDenticalTo``)."""
    return str(item.get(attribute, "")).strip().casefold()


def _is_paper(iri: str, relation: str, kind: str, base: str) -> bool:
    is_named = iri.startswith(
        ("https://doi.org/", "https://pubmed.ncbi.nlm.nih.gov/", "https://www.ncbi.nlm.nih.gov/pmc/")
    )
    return is_named and not iri.startswith(base) and relation in PAPER_RELATIONS and (not kind or kind in PAPERS)


def _ror(value: str | None, scheme: str | None) -> str | None:
    """Return an identifier that is, or says to be, a ROR id."""
    is_ror = (scheme or "").casefold().startswith("ror") or "ror.org/" in (value or "").casefold()
    return text.clean(value) if value and is_ror else None


def _name_identifiers(item: Element) -> tuple[str | None, str | None]:
    """Return the first ORCID and the first ROR id of a creator or contributor, as written."""
    orcid = ror = None
    for stated in item.iterfind("{*}nameIdentifier"):
        value = text.clean("".join(stated.itertext()))
        scheme = f"{stated.get('nameIdentifierScheme', '')} {stated.get('schemeURI', '')} {value}".casefold()
        if value and "orcid" in scheme:
            orcid = orcid or value
        elif value and re.search(r"\brors?\b", scheme):
            ror = ror or value
    return orcid, ror
