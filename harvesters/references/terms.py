"""One term of an ontology, whatever form it is published in, and the rows that are kept of it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from harvesters.references.contract import Row
from ontology import identifiers
from ontology.text import clean, fold

OBO_IN_OWL = "http://www.geneontology.org/formats/oboInOwl#"
REPLACED_BY = f"{identifiers.OBO}IAO_0100001"
SCOPES: Mapping[str, str] = {
    f"{OBO_IN_OWL}hasExactSynonym": "exact",
    f"{OBO_IN_OWL}hasBroadSynonym": "broad",
    f"{OBO_IN_OWL}hasNarrowSynonym": "narrow",
    f"{OBO_IN_OWL}hasRelatedSynonym": "related",
    f"{identifiers.OBO}IAO_0000118": "exact",
    "http://www.ebi.ac.uk/efo/alternative_term": "exact",
    "http://www.w3.org/2004/02/skos/core#altLabel": "related",
}
"""How near a synonym is, by the property that states it. Source: http://www.geneontology.org/formats/oboInOwl"""
# Ontologies whose CURIEs do not stand for OBO PURLs, beside those that the hub knows.
_OTHER_BASES = {"orphanet": "http://www.orpha.net/ORDO/Orphanet_"}
_CURIE = re.compile(r"([A-Za-z][\w.-]*):([\w.-]+)", re.ASCII)
_SEPARATORS = re.compile(r"[\s_/-]+")
_OBSOLETE = re.compile(r"obsolete[\s_]", re.IGNORECASE)


@dataclass(slots=True)
class Term:
    """A term as its ontology has it.

    Attributes:
        iri: its IRI.
        label: its name; None when the ontology gives none.
        is_obsolete: whether it is not to be used any more.
        replaced_by: IRI of the term to use instead.
        parents: IRIs of direct superclasses.
        synonyms: pairs of a name and how near it is: ``exact``, ``broad``, ``narrow`` or ``related``.
    """

    iri: str
    label: str | None = None
    is_obsolete: bool = False
    replaced_by: str | None = None
    parents: list[str] = field(default_factory=list)
    synonyms: list[tuple[str, str]] = field(default_factory=list)

    def rows(self) -> Iterator[Row]:
        """Yield what is kept of the term."""
        label = clean(self.label or "") or None
        is_obsolete = self.is_obsolete or bool(_OBSOLETE.match(label or ""))
        yield "term", (self.iri, label, int(is_obsolete), self.replaced_by)
        if label:
            yield "name", (self.iri, label, "label", key(label))
        for name, scope in dict.fromkeys((clean(name), scope) for name, scope in self.synonyms):
            if name and name != label:
                yield "name", (self.iri, name, scope, key(name))
        for parent in dict.fromkeys(self.parents):
            if parent != self.iri:
                yield "parent", (self.iri, parent)


def key(name: str) -> str:
    """Return a name as it is compared: without case, accents, and kinds of blanks and hyphens.

    >>> key("Light-sheet  Microscopy")
    'light sheet microscopy'
    """
    return _SEPARATORS.sub(" ", fold(name)).strip()


def iri_of(text: str, bases: Mapping[str, str] | None = None) -> str:
    """Return the IRI of a term from its CURIE or any of its IRIs; other web IRIs stay as they are.

    >>> iri_of("BFO:0000002"), iri_of("http://www.ebi.ac.uk/efo/EFO_0000001")
    ('http://purl.obolibrary.org/obo/BFO_0000002', 'http://www.ebi.ac.uk/efo/EFO_0000001')

    Args:
        text: a CURIE or IRI.
        bases: starts of IRIs by prefix in lower case, where an ontology declares them.

    Raises:
        ValueError: neither.
    """
    plain = text.strip()
    try:
        return identifiers.term(plain)
    except ValueError:
        pass
    if found := _CURIE.fullmatch(plain):
        prefix = found[1].casefold()
        base = (bases or {}).get(prefix) or _OTHER_BASES.get(prefix) or f"{identifiers.OBO}{found[1]}_"
        return identifiers.iri(f"{base}{found[2]}")
    return identifiers.iri(plain)


def iri_or_none(text: str, bases: Mapping[str, str] | None = None) -> str | None:
    """Return the IRI of a term, or None when the text is neither CURIE nor IRI."""
    try:
        return iri_of(text, bases)
    except ValueError:
        return None
