"""Dublin Core as OAI-PMH carries it (oai_dc): one ``dc`` element → one dataset.

Every statement is a plain text; what a relation or contributor is to the dataset is not said, so that relations become
``related`` and contributors are not read. Source: http://www.openarchives.org/OAI/2.0/oai_dc.xsd
"""

from __future__ import annotations

import re

from harvesters.markup import Element
from harvesters.oai_descriptions import Description, Identity, accession_of_link, or_none
from linkml_schemas.generated.model import Dataset
from ontology import identifiers, text


class DublinCore(Description):
    """Builds the record of an ``oai_dc:dc`` element, whose statements are plain texts."""

    @staticmethod
    def identity(element: Element, named: str) -> Identity:
        """Return the first DOI among the identifiers, else of the OAI identifier."""
        stated = [words.strip() for words in _dc(element, "identifier")]
        found = (or_none(identifiers.doi, value) for value in (*stated, named))
        hints = [stated, _dc(element, "title"), _dc(element, "relation")]
        return Identity(next(filter(None, found), None), named or next(iter(stated), ""), hints)

    def types(self) -> list[str]:
        """Return every ``dc:type``."""
        return [kind for kind in _dc(self.element, "type") if kind.strip()]

    def dataset(self) -> Dataset:
        """Return the dataset."""
        extent, formats = self._extent(self._read("format"))
        pages, related = self._links()
        url = self._page(pages)
        creators = self._read("creator", "author")
        publishers = self._read("publisher", "publisher")
        rights = ((f"rights[{n}]", text.clean(words)) for n, words in enumerate(_dc(self.element, "rights")))
        return self._record({
            "name": next((words for _, words in self._read("title")), None),
            "description": "\n\n".join(words for _, words in self._read("description", "description")) or None,
            "publisher": self._organization(*publishers[0], None, None) if publishers else None,
            "url": url,
            "same_as": [self.doi] if self.doi else [],
            "date_published": self._published(),
            **self._rights([(place, [words]) for place, words in rights if words]),
            "author": self._each(
                self._person_or_organization(place, name, f"creator-{n}") for n, (place, name) in enumerate(creators, 1)
            ),
            "keyword": list(dict.fromkeys(words for _, words in self._read("subject"))),
            "distribution": self._distribution(url, formats),
            "related": related,
            **extent,
        })  # fmt: skip

    def _read(self, name: str, slot: str | None = None) -> list[tuple[str, str]]:
        """Return field and words of each statement of one kind."""
        places = ((f"{name}[{n}]", words) for n, words in enumerate(_dc(self.element, name)))
        read = ((place, self._words(place, words, slot)) for place, words in places if words.strip())
        return [(place, words) for place, words in read if words]

    def _published(self) -> str | None:
        """Return the date of issue; of several dates without a label the year, if they have but one."""
        found: dict[str, list[str]] = {}
        for place, words in self._read("date"):
            label, _, date = words.rpartition(": ")
            if label in ("", "Issued", "Available") and (day := self._date(place, date)):
                found.setdefault(label, []).append(day)
        for label in ("Issued", "Available"):
            if label in found:
                return found[label][0]
        plain = list(dict.fromkeys(found.get("", [])))
        years = {day[:4] for day in plain}
        if len(years) > 1:
            self.find("date", "date-ambiguous", ", ".join(plain), "it is not said which date is that of publication")
            return None
        return plain[0] if len(plain) == 1 else next(iter(years), None)

    def _links(self) -> tuple[list[str], list[str]]:
        """Return the pages of the dataset, and other things that are named."""
        pages, related = [], []
        for n, words in enumerate(_dc(self.element, "identifier")):
            if re.match("https?:", words.strip(), re.IGNORECASE):
                iri = self.outside(f"identifier[{n}]", words.strip())
                known = accession_of_link(iri) if iri else None
                if known and known != self.accession:
                    self.find(f"identifier[{n}]", "identifier-of-another", iri, f"{known} is another archive's dataset")
                    related.append(self.record_of(known))
                elif iri and not iri.startswith("https://doi.org/"):
                    pages.append(iri)
        for n, words in enumerate(_dc(self.element, "relation")):
            value = re.sub(r"^(?:url|uri|doi):(?=\S)", "", words.strip(), flags=re.IGNORECASE)
            if value and (iri := self._pointed(f"relation[{n}]", value)):
                related.append(iri)
        return pages, related


def _dc(element: Element, name: str) -> list[str]:
    return ["".join(item.itertext()) for item in element.iterfind(f"{{*}}{name}")]
