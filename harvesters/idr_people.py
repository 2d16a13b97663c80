"""The people and papers of an IDR study file.

E-mail and postal addresses are never read. An ORCID goes to a person only where its place is certain: as many ORCIDs
as people, or a gap that shows that places were kept.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from itertools import zip_longest
from typing import Final

from harvesters.building import Builder
from harvesters.contract import Context
from harvesters.idr_study import Block, without_tail
from linkml_schemas.generated.model import Organization, Person, Publication
from ontology import identifiers, text

DATA_DOI: Final = "https://doi.org/10.17867/"
ORGANISATION: Final = re.compile(r"\b(?:consortium|team|project|network|collaboration|initiative|group)\b", re.I)
AUTHORS: Final = re.compile(r"\s*[,;]\s*(?:and\s+|&\s*)?|\s+and\s+|\s+&\s+")
ET_AL: Final = re.compile(r"et\.? al\.?|…|\.\.\.", re.I)
ORCID_OF: Final = re.compile(r"(\S+)\s*\((.+)\)")


class People(Builder):
    """Reads cells, people and papers of a study's head.

    Args:
        ctx: the base IRI and the source.
        accession: e.g. ``idr0094``.
        head: the lines before the first screen or experiment.
    """

    def __init__(self, ctx: Context, accession: str, head: Block) -> None:
        super().__init__(ctx, accession)
        self.head = head

    # --- cells

    def _cells(self, block: Block, *keys: str) -> list[str]:
        return [cell for key in keys for cell in block.filled(key)]

    def _words(self, key: str, block: Block | None = None) -> str | None:
        """Return the clean text of a key's first cell; a placeholder is noted as a gap or a finding."""
        words = self.text(key, (block or self.head).first(key))
        if words is not None and text.is_placeholder(words):
            self.find(key, "placeholder", words, f"{words!r} stands in for a value, so it is left out")
            return None
        return words

    def _one(self, key: str, rule: str, normalise: Callable[[str], str], block: Block | None = None) -> str | None:
        return self.normal(key, rule, normalise, (block or self.head).first(key))

    def _row(self, block: Block, key: str) -> list[str]:
        """Return the cells of a key in their places; placeholders are empty ones."""
        return ["" if cell and text.is_placeholder(cell) else text.clean(cell) for cell in block.row(key)]

    # --- people

    def _contacts(self) -> list[tuple[Person, str]]:
        """Return the people of the contact section with their roles."""
        families, givens, roles = (
            self._row(self.head, f"Study Person {name}") for name in ("Last Name", "First Name", "Roles")
        )
        people = [
            (place, family, given) for place, (family, given) in enumerate(zip_longest(families, givens, fillvalue=""))
        ]
        people = [one for one in people if one[1] or one[2]]
        orcids = self._orcids([place for place, *_ in people], {p: f"{g} {f}" for p, f, g in people})
        made: list[tuple[Person, str]] = []
        for number, (place, family, given) in enumerate(people, 1):
            field = f"Study Person[{place + 1}]"
            name = family if family == given else f"{given} {family}".strip()
            person = self.person(field, name, orcids.get(place), f"contact-{number}")
            if person is not None:
                if given and family and given != family:
                    person.given_name, person.family_name = self.text(field, given), self.text(field, family)
                role = roles[place] if place < len(roles) else ""
                self._settle(person, [p for p, _ in made], field, f"contact-{number}")
                made.append((person, role))
        return made

    def _settle(self, person: Person, others: Iterable[Person], field: str, local: str) -> None:
        """Keep an ORCID that two different people give for the first of them."""
        same = next((other for other in others if other.id == person.id), None)
        if same is not None and text.name_key(same.name).isdisjoint(text.name_key(person.name)):
            message = f"the ORCID stands with {same.name!r} and with {person.name!r}; it stays with the first"
            self.find(field, "orcid-conflict", person.id, message)
            person.id = self.local(local)

    def _orcids(self, places: list[int], names: dict[int, str]) -> dict[int, str]:
        """Return ORCIDs by the place of the person, where it is certain."""
        key = "Study Person ORCID"
        stated = without_tail(self.head.row(key))
        filled = {place: cell for place, cell in enumerate(stated) if cell and not text.is_placeholder(cell)}
        if not filled:
            return {}
        has_gap = len(stated) > len(filled)
        fits = set(filled) <= set(places)
        if not fits or not (has_gap or len(filled) == len(places)):
            message = f"{len(filled)} ORCIDs for {len(places)} people, without gaps: nothing says whose they are"
            self.find(key, "orcid-unassigned", " ".join(filled.values()), message)
            return {}
        return {place: orcid for place, cell in filled.items() if (orcid := self._orcid_of(key, cell, names[place]))}

    def _orcid_of(self, key: str, cell: str, name: str) -> str | None:
        """Return an ORCID without the name behind it, which must be the person's."""
        found = ORCID_OF.fullmatch(cell.strip())
        if found is None:
            return cell
        if text.name_key(found[2]).isdisjoint(text.name_key(name)):
            message = f"the ORCID of {found[2]!r} stands in the column of {name!r}: nothing says whose it is"
            self.find(key, "orcid-unassigned", found[1], message)
            return None
        return found[1]

    def _authors(self, contacts: list[tuple[Person, str]]) -> list[Person | Organization]:
        """Return the authors of the first paper; one of them has an ORCID if one contact of the same name has it."""
        key = "Study Author List"
        names = self._names(key, self.head.first(key))
        known = [person for person, _ in contacts if person.id.startswith("https://orcid.org/")]
        found: list[Person | Organization] = []
        for number, name in enumerate(names, 1):
            local = f"author-{number}"
            same = [person for person in known if is_same(name, person)]
            rivals = [other for other in names if any(is_same(other, person) for person in same)]
            if len(same) == 1 and len(rivals) == 1:
                found.append(same[0])
            elif ORGANISATION.search(name):
                found += [made for made in [self.organization(key, name, None, local)] if made]
            else:
                found += [made for made in [self.person(key, name, None, local)] if made]
        return found

    def _names(self, key: str, cell: str | None) -> list[str]:
        """Return the names of an author list: "Last AB, Last CD" or with "and", with or without a dot at its end."""
        words = (self.text(key, cell) or "").rstrip(" .")
        parts = re.split(r"\s*;\s*", words) if ";" in words else AUTHORS.split(words)
        names = [" ".join(part.split()).strip(" .") for part in parts]
        if any(ET_AL.fullmatch(name) or name.endswith(" et al") for name in names):
            self.find(key, "authors-cut", "et al.", "the author list is cut short")
            names = [re.sub(r"\s*et\.? al\.?$", "", name) for name in names]
        return list(dict.fromkeys(name for name in names if name))

    # --- papers

    def _publications(self) -> list[Publication]:
        """Return the papers: identifiers, titles and authors are parallel, their gaps kept."""
        parsers: dict[str, tuple[str, Callable[[str], str]]] = {
            "Study DOI": ("doi-invalid", identifiers.doi),
            "Study PubMed ID": ("pmid-invalid", identifiers.pmid),
            "Study PMC ID": ("pmcid-invalid", identifiers.pmcid),
        }
        titles, authors = (self._row(self.head, f"Study {key}") for key in ("Publication Title", "Author List"))
        rows = {key: self._row(self.head, key) for key in parsers}
        count = max(map(len, (titles, *rows.values())), default=0)
        strays: list[str | None] = []
        ids: list[list[str]] = [[] for _ in range(count)]
        for key, row in rows.items():
            rule, parse = parsers[key]
            is_aligned = len(row) == count or "" in row
            if row and not is_aligned:
                message = f"{len(row)} cells for {count} papers, without gaps: nothing says which paper they are of"
                self.find(key, "cells-misaligned", "; ".join(row), message)
            for place, cell in enumerate(row):
                iri = self._paper_id(key, rule, parse, cell)
                if iri and is_aligned:
                    ids[place].append(iri)
                elif iri:
                    strays.append(iri)
        made = []
        for place in range(count):
            title, author = (row[place] if place < len(row) else "" for row in (titles, authors))
            made.append(self._paper(ids[place], title, author, f"publication-{place + 1}"))
        made += [Publication(id=iri) for iri in strays if iri]
        made += [*self._preprints()]
        return list({paper.id: paper for paper in reversed(made) if paper}.values())[::-1]

    def _paper_id(self, key: str, rule: str, parse: Callable[[str], str], cell: str) -> str | None:
        if not cell:
            return None
        iri = self.normal(key, rule, parse, cell)
        if iri is not None and iri.startswith(DATA_DOI):
            self.find(key, "doi-of-another", iri, "the paper's DOI is the DOI of a dataset")
            return None
        return iri

    def _paper(self, ids: list[str], title: str, authors: str, local: str) -> Publication | None:
        name = self.text("Study Publication Title", title)
        if not ids and not name:
            return None
        people = ", ".join(self._names("Study Author List", authors)) or None
        first = ids[0] if ids else None
        more = [iri for iri in ids[1:] if iri != first] or None
        return self.publication("Study DOI", first, local, name=name, author_text=people, same_as=more)

    def _preprints(self) -> Iterator[Publication]:
        """Yield preprints, which have a DOI or only a page."""
        key = "Study Publication Preprint"
        for number, cell in enumerate(self.head.filled(key), 1):
            try:
                yield Publication(id=identifiers.doi(cell))
            except ValueError as err:
                suggestion = identifiers.likely_doi(cell)
                self.find(key, "doi-invalid", cell, str(err), suggestion)
                if page := self.outside(key, cell):
                    yield Publication(id=self.local(f"preprint-{number}"), same_as=[page])


def is_same(name: str, person: Person) -> bool:
    """Tell whether an author of a paper is a contact: the family name, and the given name or its first letter.

    >>> ada = Person(id="https://orcid.org/0000-0002-1825-0097", name="Ada Roe", given_name="Ada", family_name="Roe")
    >>> is_same("Roe AB", ada), is_same("Ada B. Roe", ada), is_same("Roe B", ada)
    (True, True, False)
    """
    words = re.findall(r"[^\W_]+", text.fold(name))
    family = re.findall(r"[^\W_]+", text.fold(person.family_name or ""))
    given = re.findall(r"[^\W_]+", text.fold(person.given_name or ""))
    rest = [word for word in words if word not in family]
    if not family or not given or not rest or not set(family) <= set(words):
        return False
    if any(len(word) > 1 and word in given for word in rest):
        return True
    return len(rest) == 1 and len(rest[0]) <= 4 and rest[0][0] == given[0][0]
