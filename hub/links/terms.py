"""What the rules about terms have in common: mapping tables, and which ontology's term a wording means in which role.

A role is what a wording names: an imaging method, an organism, a cell line and so on. It says which ontologies are
looked in, in which order. The first ontology with a term of that name decides; curated mappings of wordings go before.
"""

from __future__ import annotations

import hashlib
import re
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cache, cached_property, lru_cache
from importlib.resources import files
from io import BytesIO
from typing import Any, Final, NamedTuple

from harvesters.references import mappings as reader
from harvesters.references.contract import Reference
from harvesters.references.ontology import Candidate, Ontology
from harvesters.references.terms import key
from hub import references
from hub.config import Settings
from hub.links.contract import Evidence, References
from hub.ontologies import Ontologies, prefix
from ontology import identifiers, terms
from ontology.text import clean

_SKOS: Final = "http://www.w3.org/2004/02/skos/core#"
EXACT_MATCH: Final = f"{_SKOS}exactMatch"
CLOSE_MATCH: Final = f"{_SKOS}closeMatch"
BROAD_MATCH: Final = f"{_SKOS}broadMatch"
NARROW_MATCH: Final = f"{_SKOS}narrowMatch"
EQUIVALENT: Final = frozenset(
    {EXACT_MATCH, "http://www.w3.org/2002/07/owl#equivalentClass", "http://www.w3.org/2002/07/owl#sameAs"}
)
ABOUT: Final = "http://schema.org/about"
MEASURED: Final = "http://rs.tdwg.org/dwc/iri/measurementMethod"
HAS_PHENOTYPE: Final = f"{identifiers.OBO}RO_0002200"

MAPPED: Final = 0.95
MAPPED_NEAR: Final = 0.85
CONFIDENCE: Final = {"label": 0.95, "exact": 0.92, "narrow": 0.82, "broad": 0.6, "related": 0.6}
"""How sure a name is, by what it is to the term; from 0.8 on the link is a fact."""
VARIANT: Final = 0.95
"""A name without its "cell", or one of the two in "name (other name)", counts so much less."""
IN_BRACKETS: Final = 0.7
"""A cell line that is only named in brackets may be the one that the line was made of."""
SHORT: Final = 0.7
"""An abbreviation is a candidate: "OV" is a synonym of a vein, "H1" the name of several cell lines."""
AMBIGUOUS: Final = 0.4
LEAST_LENGTH, MOST_LENGTH = 2, 300
SHORTEST_LINE: Final = 4


# --- mapping tables --------------------------------------------------------------------------------------------------


class Mapping(NamedTuple):
    """A row of a mapping table.

    Attributes:
        subject: IRI of a term; None where the table maps a wording.
        subject_label: its label, or the wording.
        predicate: IRI, such as that of ``skos:exactMatch``.
        object: IRI of the term that it is mapped to.
        object_label: its label.
        justification: why, as the table says it, such as ``semapv:ManualMappingCuration``.
        confidence: 0 to 1, None where the table does not say.
        line: where it stands in the table.
        table: name and version of the table.
    """

    subject: str | None
    subject_label: str | None
    predicate: str
    object: str
    object_label: str | None
    justification: str
    confidence: float | None
    line: int
    table: str

    def evidence(self, place: str, value: str, weight: float) -> Evidence:
        """Return the row as a reason of a link."""
        how = self.predicate.rpartition("#")[2]
        matched = f"{self.object_label or self.object} ({how}, {self.justification}, line {self.line})"
        return Evidence("table", place, value, matched, source=self.table, weight=weight)

    def sureness(self, otherwise: float) -> float:
        """Return the table's own confidence, or another where it has none."""
        return otherwise if self.confidence is None else self.confidence


_COLUMNS: Final = "subject, subject_label, predicate, object, object_label, justification, confidence, id"


class Mappings:
    """The installed mapping tables, and behind them those that come with the hub.

    Args:
        tables: name and open file of each.
    """

    def __init__(self, tables: Iterable[tuple[str, sqlite3.Connection]]) -> None:
        self._tables = [(_title(name, db), db) for name, db in tables]
        self.version = "; ".join(_sign(name, db) for name, db in self._tables)

    @classmethod
    def of(cls, settings: Settings) -> Mappings:
        """Open the tables that the settings name and that were read."""
        return cls([*references.of_kind(settings, reader.KIND.name), *bundled()])

    def of_wording(self, wording: str) -> list[Mapping]:
        """Return the rows that map a wording; case, accents, blanks and hyphens do not matter."""
        return self._rows("key = ?", key(wording))

    def of_term(self, iri: str) -> list[Mapping]:
        """Return the rows that map a term, or that map another one to it."""
        return self._rows("subject = ?1 OR (object = ?1 AND subject IS NOT NULL)", iri)

    def wordings(self) -> list[Mapping]:
        """Return the rows that map wordings."""
        return self._rows("key IS NOT NULL")

    def _rows(self, which: str, *values: str) -> list[Mapping]:
        sql = f"SELECT {_COLUMNS} FROM mapping WHERE {which} ORDER BY id"
        return [Mapping._make((*row, name)) for name, db in self._tables for row in db.execute(sql, values)]


def _title(name: str, db: sqlite3.Connection) -> str:
    version = dict(db.execute("SELECT name, value FROM meta")).get("version", "")
    return f"{name} {version}".strip()


def _sign(name: str, db: sqlite3.Connection) -> str:
    said = dict(db.execute("SELECT name, value FROM meta"))
    return f"{name} {said.get('sha256')} {said.get('reader')}"


@cache
def bundled() -> tuple[tuple[str, sqlite3.Connection], ...]:
    """Return the mapping tables that come with the hub, in memory."""
    folder = files("ontology").joinpath("mappings")
    names = sorted(file.name for file in folder.iterdir() if file.name.endswith(".sssom.tsv"))
    return tuple(
        (name.removesuffix(".sssom.tsv"), _bundled(folder.joinpath(name).read_bytes(), name)) for name in names
    )


def _bundled(data: bytes, name: str) -> sqlite3.Connection:
    db = sqlite3.connect(":memory:", check_same_thread=False)
    rows = reader.read_sssom(BytesIO(data), Reference(name, reader.KIND.name, "sssom", name))
    references.fill(db, reader.KIND, rows, {"sha256": hashlib.sha256(data).hexdigest()})
    return db


# --- roles -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Role:
    """What a wording can name.

    Attributes:
        name: short name.
        ontologies: prefixes of the ontologies that have such terms, the one that is asked first first.
        about: predicate from the dataset to the term.
        roots: terms below which it stands; anywhere where there is none.
        kinds: kinds of names that count.
        mapped: further prefixes that mapping tables may lead to.
        is_line: whether only cell lines count in ontologies that have other things too.
    """

    name: str
    ontologies: tuple[str, ...]
    about: str = ABOUT
    roots: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ("label", "exact", "narrow", "broad", "related")
    mapped: tuple[str, ...] = ()
    is_line: bool = False


def _obo(*curies: str) -> tuple[str, ...]:
    return tuple(identifiers.term(curie) for curie in curies)


# Imaging, illumination and resolution-enhancing methods.
METHOD_ROOTS: Final = _obo("FBbi:00000222", "FBbi:00000268", "FBbi:00000321")
METHOD: Final = Role("method", ("fbbi",), MEASURED, METHOD_ROOTS, mapped=("mi", "chmo"))
NAMES: Final = ("label", "exact")
ORGANISM: Final = Role("organism", ("ncbitaxon",), kinds=NAMES)
CELL_LINE: Final = Role("cell line", ("cvcl", "clo", "efo", "bto"), kinds=NAMES, is_line=True)
CELL: Final = Role("cell type", ("cl",), kinds=NAMES)
ANATOMY: Final = Role("anatomy", ("uberon",), kinds=NAMES)
PHENOTYPE: Final = Role("phenotype", ("cmpo",), HAS_PHENOTYPE)
GO: Final = Role("component or process", ("go",), kinds=NAMES)
ROLES: Final = {role.name: role for role in (METHOD, ORGANISM, CELL_LINE, CELL, ANATOMY, PHENOTYPE, GO)}
# Terms that say nothing of a sample.
GENERIC: Final = frozenset(
    _obo(
        "CL:0000000", "UBERON:0000062", "UBERON:0000465", "UBERON:0000468", "UBERON:0000479", "UBERON:0001062",
        "FBbi:00000222", "FBbi:00000265", "FBbi:00000268", "FBbi:00000321", "NCBITaxon:1", "GO:0005575", "GO:0008150",
    )
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Meaning:
    """A term that a wording may mean.

    Attributes:
        iri: the term.
        predicate: ``skos:exactMatch`` or ``skos:closeMatch``.
        confidence: 0 to 1.
        evidence: which name matched, or which row of a mapping table.
        role: what the wording names.
    """

    iri: str
    predicate: str
    confidence: float
    evidence: tuple[Evidence, ...]
    role: Role

    def scaled(self, factor: float) -> Meaning:
        """Return the same, less sure."""
        return replace(self, confidence=round(self.confidence * factor, 3))


_HYPHENS: Final = str.maketrans(dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2212", "-"))
_PARENTHESIS: Final = re.compile(r"(\S.*?)\s*[(\[]([^()\[\]]+)[)\]]")
_CELLS: Final = re.compile(r"(\S.*?)[\s-]+(?:cells?(?:\s+lines?)?|lines?)", re.IGNORECASE)


class Names:
    """Which terms wordings mean.

    Args:
        known: the ontologies.
        mappings: the mapping tables.
    """

    def __init__(self, known: Ontologies, mappings: Mappings) -> None:
        self.known = known
        self.mappings = mappings

    def meanings(self, wording: str, role: Role, place: str = "") -> list[Meaning]:
        """Return what a wording means in a role: one term, several when it is ambiguous, none when it is unknown."""
        text = clean(wording).translate(_HYPHENS)
        if not LEAST_LENGTH <= len(text) <= MOST_LENGTH:
            return []
        if found := self._of_name(text, role, place):
            return found
        parts = _PARENTHESIS.fullmatch(text)
        if parts is None:
            return []
        name, more = (self._of_name(part, role, place) for part in parts.groups())
        if role.is_line and not name:
            return [m.scaled(IN_BRACKETS) for m in self._mapped(parts[2], role, place)]
        return _one_or_several([m.scaled(VARIANT) for m in (*name, *more)])

    def _of_name(self, text: str, role: Role, place: str) -> list[Meaning]:
        """Return what a name means; of a cell line also without or with its "cell". Curated mappings go before."""
        bare = _CELLS.fullmatch(text) if role.is_line else None
        other = bare[1] if bare else f"{text} cell" if role.is_line else ""
        for look_up in (self._mapped, self._named):
            if found := look_up(text, role, place):
                return found
            if other and (found := look_up(other, role, place)):
                return [m.scaled(VARIANT) for m in found]
        return []

    def _named(self, text: str, role: Role, place: str) -> list[Meaning]:
        found = self.known.find(text, role.kinds)
        for name in role.ontologies:
            if hits := [c for c in found if prefix(c.iri) == name and self.fits(c.iri, role)]:
                return [self.preferred(m, role, place) for m in self._hits(text, hits, role, place)]
        return self._bundled(text, role, place)

    def _mapped(self, text: str, role: Role, place: str) -> list[Meaning]:
        allowed = (*role.ontologies, *role.mapped)
        rows = [row for row in self.mappings.of_wording(text) if prefix(row.object) in allowed]
        meanings = []
        for row in rows:
            is_exact = row.predicate in EQUIVALENT
            weight = row.sureness(MAPPED if is_exact else MAPPED_NEAR)
            reason = row.evidence(place, text, weight)
            meanings.append(Meaning(row.object, EXACT_MATCH if is_exact else CLOSE_MATCH, weight, (reason,), role))
        return _one_or_several(meanings)

    def _hits(self, text: str, hits: list[Candidate], role: Role, place: str) -> list[Meaning]:
        """Return the terms whose name is of the best kind; what replaces an obsolete one counts for it.

        Names of cell lines are given again and again: the synonym of another line makes a label ambiguous too.
        """
        current = [c for c in hits if not c.is_obsolete]
        replaced = [(c, self.known.replaced_by(c.iri)) for c in hits if not current]
        pairs = [(c, c.iri) for c in current] or [(c, iri) for c, iri in replaced if iri]
        best = min((role.kinds.index(c.kind) for c, _ in pairs), default=0)
        near = [(c, iri) for c, iri in pairs if role.is_line or role.kinds[best] == c.kind]
        return _one_or_several([self._hit(text, c, iri, role, place) for c, iri in near])

    def _hit(self, text: str, hit: Candidate, iri: str, role: Role, place: str) -> Meaning:
        weight = CONFIDENCE[hit.kind] * (1.0 if iri == hit.iri else VARIANT)
        weight = round(weight * (SHORT if _is_short(text, hit.kind, role) else 1.0), 3)
        how = hit.kind if hit.kind == "label" else f"{hit.kind} synonym"
        now = "" if iri == hit.iri else f", obsolete, replaced by {self.known.label(iri) or iri}"
        reason = Evidence("table", place, text, f"{hit.label} ({how}{now})", source=self.source(hit.iri), weight=weight)
        predicate = EXACT_MATCH if hit.kind in NAMES else CLOSE_MATCH
        return Meaning(iri, predicate, weight, (reason,), role)

    def _bundled(self, text: str, role: Role, place: str) -> list[Meaning]:
        """Return the method whose label is of the form "name (abbreviation)" with one of the two given."""
        if role is not METHOD:
            return []
        try:
            iri = terms.imaging_method(text)
        except ValueError:
            return []
        if not self.fits(iri, role):
            return []
        weight = CONFIDENCE["exact"]
        reason = Evidence("table", place, text, f"{terms.label(iri)} (label)", source=self.source(iri), weight=weight)
        return [Meaning(iri, EXACT_MATCH, weight, (reason,), role)]

    def fits(self, iri: str, role: Role) -> bool:
        """Tell whether a term can be what a role names."""
        if iri in GENERIC or (role.roots and not any(self.known.descends(iri, root) for root in role.roots)):
            return False
        return not role.is_line or prefix(iri) in ("cvcl", "clo") or self._is_line(iri)

    def _is_line(self, iri: str) -> bool:
        above = self.known.ancestors(iri)
        labels = [self.known.label(one) or "" for one in (iri, *above)]
        return any("cell line" in label for label in labels) or (prefix(iri) == "bto" and not above)

    def preferred(self, meaning: Meaning, role: Role, place: str) -> Meaning:
        """Return the same as a term of the role's first ontology, where a mapping table says that they are the same."""
        if prefix(meaning.iri) == role.ontologies[0]:
            return meaning
        rows = [row for row in self.mappings.of_term(meaning.iri) if row.predicate in EQUIVALENT]
        same = {row.object: row for row in rows if prefix(row.object) == role.ontologies[0]}
        if len(same) != 1:
            return meaning
        ((iri, row),) = same.items()
        sure = min(meaning.confidence, row.sureness(MAPPED))
        reason = row.evidence(place, self.known.label(meaning.iri) or meaning.iri, sure)
        return replace(meaning, iri=iri, confidence=sure, evidence=(*meaning.evidence, reason))

    def source(self, iri: str) -> str:
        """Return name and release of the ontology whose word counts for a term."""
        home = self.known.home(iri)
        return f"{home.name} {home.meta().get('version', '')}".strip() if home else prefix(iri) or ""

    @cached_property
    def methods(self) -> dict[str, tuple[str, str]]:
        """Names of imaging methods of at least two words, as they are compared; term and kind of name of each."""
        found: dict[str, tuple[str, str]] = {}
        for home in [o for o in self.known.known if o.name == "fbbi"][:1]:
            for name, iri, kind in _named(home, METHOD_ROOTS):
                if iri not in GENERIC and not home.is_obsolete(iri):
                    found.setdefault(key(name), (iri, kind))
        for row in self.mappings.wordings():
            if prefix(row.object) == "fbbi":
                found.setdefault(key(row.subject_label or ""), (row.object, "mapping"))
        return {name: told for name, told in found.items() if " " in name}

    @cached_property
    def method_beginnings(self) -> frozenset[str]:
        """The first words of these names."""
        return frozenset(name.partition(" ")[0] for name in self.methods)


def _named(home: Ontology, roots: Iterable[str]) -> Iterator[tuple[str, str, str]]:
    """Yield names, term and kind of name of all below some roots; a label counts before a synonym."""
    below = sorted({iri for root in roots for iri in home.descendants(root)})
    labels = [(iri, label) for iri in below if (label := home.label(iri))]
    for iri, label in labels:
        yield label, iri, "label"
        if parts := _PARENTHESIS.fullmatch(label):
            yield from ((part, iri, "label") for part in parts.groups())
    for iri in below:
        yield from ((synonym, iri, "exact") for synonym in home.synonyms(iri, "exact"))


def _is_short(text: str, kind: str, role: Role) -> bool:
    """Tell whether a name is so short that it may well be something else's."""
    letters = "".join(char for char in text if char.isalnum())
    if role.is_line:
        return len(letters) < SHORTEST_LINE
    return kind != "label" and (len(letters) < SHORTEST_LINE or letters.isupper())


def _one_or_several(meanings: list[Meaning]) -> list[Meaning]:
    """Return the surest meaning of each term; where there are several terms, none of them is sure."""
    best: dict[str, Meaning] = {}
    for meaning in meanings:
        if meaning.iri not in best or best[meaning.iri].confidence < meaning.confidence:
            best[meaning.iri] = meaning
    if len(best) < 2:
        return list(best.values())
    return [replace(m, confidence=min(m.confidence, AMBIGUOUS)) for _, m in sorted(best.items())]


def names_of(tables: References) -> Names | None:
    """Return the reader of names, or None where there is no ontology."""
    known: Any = tables.get("ontology")
    return _names(known, tables.get("mappings")) if known is not None else None


@lru_cache(maxsize=2)
def _names(known: Ontologies, mappings: Mappings | None) -> Names:
    return Names(known, mappings or Mappings(bundled()))
