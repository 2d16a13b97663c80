"""From any identifier, however it is spelt, to what it names: the canonical IRI, its equivalents, and where it occurs.

What is read is the catalogue, by its indexes; which may be newer than the published snapshot.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import unquote

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from hub import log as log_tables
from hub.links import catalogue
from hub.links.catalogue import Links
from hub.links.exports_rows import rank
from hub.links.statements import curie, spellings
from hub.routes import Precedence
from ontology import archives, identifiers, iris

SAME: Final = (
    "http://schema.org/sameAs",
    "http://www.w3.org/2004/02/skos/core#exactMatch",
    "https://w3id.org/bioimage-hub/vocab#sameStudyAs",
)
AFFILIATION: Final = "http://schema.org/affiliation"
_KINDS: Final = {
    **dict.fromkeys(("doi", "pubmed", "pmc"), "paper"),
    "orcid": "person",
    "ror": "organisation",
    "ncbitaxon": "taxon",
    "uniprot": "protein",
    **dict.fromkeys(
        "ncbigene hgnc mgi rgd sgd pombase flybase wormbase zfin ensembl ensembl.plant tair.locus refseq".split(),
        "gene",
    ),
    **dict.fromkeys("chebi pubchem.compound chembl.compound inchikey".split(), "compound"),
    **dict.fromkeys("emdb pdb geo ena.embl pride.project metabolights rrid biomodels.db".split(), "entry"),
    **dict.fromkeys(archives.ARCHIVES, "dataset"),
}
# Pages that the hub has of things whose IRIs are others'.
_PIVOTS: Final = ("gene", "organisation", "paper", "person", "taxon", "term")
# What a bare number can be.
_NUMBERED: Final = (identifiers.pmid, lambda text: identifiers.gene("ncbigene", text), identifiers.taxon)
# Which of several names stands for all, the best first.
_BEST: Final = ("doi", "pubmed", "pmc", "ncbigene", "hgnc", "mgi", "orcid", "ror")
_MOST_EQUIVALENTS: Final = 200
_MOST_PEOPLE: Final = 2000
_FIRST: Final = 10
_NEAR: Final = 5
MAX_ID: Final = 500


@dataclass(frozen=True, slots=True)
class Place:
    """A dataset in which something occurs."""

    iri: str
    accession: str
    title: str | None


@dataclass(frozen=True, slots=True)
class Meaning:
    """One thing that an identifier can name.

    Attributes:
        iri: canonical IRI.
        curie: its compact form.
        kind: ``dataset``, ``paper``, ``person``, ``organisation``, ``gene``, ``protein``, ``taxon``, ``term``,
            ``compound``, ``entry`` (of another database) or ``thing``.
        is_known: whether the hub has it, or has a link of it.
        equivalents: other IRIs of the same thing, or of the same study.
        datasets: in how many datasets it occurs; of a dataset, how many others it is linked with.
        first: the first of these, by IRI.
        title: of a dataset.
        state: of a dataset, ``active`` or ``withdrawn``.
    """

    iri: str
    curie: str
    kind: str
    is_known: bool
    equivalents: tuple[str, ...] = ()
    datasets: int = 0
    first: tuple[Place, ...] = ()
    title: str | None = None
    state: str | None = None


@dataclass(frozen=True, slots=True)
class Resolution:
    """What an identifier names.

    Attributes:
        asked: the identifier as it was given.
        meanings: what it names here; several where it can be several things.
        others: what it would name, which the hub has nothing of.
        near: what may have been meant, where there is no meaning.
    """

    asked: str
    meanings: tuple[Meaning, ...]
    others: tuple[Meaning, ...]
    near: tuple[str, ...]


@dataclass(slots=True)
class Resolver:
    """Resolves identifiers against one catalogue.

    Attributes:
        links: the catalogue's links.
        order: whose title is told where several sources describe a dataset.
    """

    links: Links
    order: Precedence
    _accessions: list[str] | None = field(default=None, init=False)

    @property
    def base(self) -> str:
        """Base IRI of the hub, ending in ``/``."""
        return self.order.base

    def resolve(self, text: str) -> Resolution:
        """Return what an identifier names; empty where it is none."""
        asked = text.strip()[:MAX_ID]
        with self.links.engine.connect() as db:
            readings = {**_named(db, asked), **self.readings(asked)}
            found = [self._meaning(db, kind, forms) for kind, forms in readings.items()]
            known = tuple(meaning for meaning in found if meaning.is_known)
            others = tuple(meaning for meaning in found if not meaning.is_known and self._may_be(meaning))
            near = () if known else tuple(n for n in self._near(db, asked) if n not in {m.iri for m in others})
        return Resolution(asked, known, others, near)

    def readings(self, text: str) -> dict[str, list[str]]:
        """Return what a text can name: IRIs by kind; the same thing in several spellings is one kind."""
        groups: dict[str, list[str]] = {}
        for iri in dict.fromkeys(_forms(self.base, text)):
            groups.setdefault(self.kind(iri), []).append(iri)
        if "dataset" in groups:
            groups.pop("paper", None)  # the DOI of the data
        if len(groups) > 1:
            groups.pop("thing", None)
        return groups

    def kind(self, iri: str) -> str:
        """Return what kind of thing an IRI names."""
        if iri.startswith(self.base):
            first = iri.removeprefix(self.base).partition("/")[0]
            return first if first in ("dataset", "archive", "record", "link", "rule", "run", "graph") else "thing"
        short = curie(self.base, iri)
        if short == iri:
            return "thing"
        return _KINDS.get(short.partition(":")[0].lower(), "term")

    def _meaning(self, db: Connection, kind: str, forms: list[str]) -> Meaning:
        same = _equivalents(db, forms)
        canonical = min(same, key=lambda iri: self._rank(iri, forms))
        around = same | _people_of(db, same) if kind == "organisation" else same
        own = set(forms) if kind == "dataset" else set()
        number, first = self._places(db, around, own)
        title, state = self._record(db, forms) if kind == "dataset" else (None, None)
        if kind == "dataset":
            canonical = forms[0]
        is_known = number > 0 or state is not None or _is_linked(db, forms) or self._is_own(db, kind, forms)
        others = tuple(sorted(same - {canonical}))
        return Meaning(canonical, curie(self.base, canonical), kind, is_known, others, number, first, title, state)

    def _rank(self, iri: str, forms: list[str]) -> tuple[int, bool, int, str]:
        prefix = curie(self.base, iri).partition(":")[0].lower()
        place = _BEST.index(prefix) if prefix in _BEST else len(_BEST)
        return place, iri not in forms, forms.index(iri) if iri in forms else 0, iri

    def _is_own(self, db: Connection, kind: str, forms: list[str]) -> bool:
        if kind == "archive":
            return forms[0].rpartition("/")[2] in archives.ARCHIVES
        name = forms[0].removeprefix(self.base).partition("/")[2]
        if kind == "link":
            return bool(catalogue.of_ids(db, [name]))
        own, rules, runs = log_tables.records.c, catalogue.rules.c.name, log_tables.runs.c.number
        if kind == "record":
            source, _, accession = (unquote(part) for part in name.partition("/"))
            return db.scalar(sa.select(own.iri).where(own.source == source, own.accession == accession)) is not None
        if kind == "run":
            return name.isdecimal() and db.scalar(sa.select(runs).where(runs == int(name[:9]))) is not None
        if kind == "rule":
            return db.scalar(sa.select(rules).where(rules == name)) is not None
        return kind == "graph"

    def _places(self, db: Connection, things: set[str], own: set[str]) -> tuple[int, tuple[Place, ...]]:
        """Return in how many datasets some things occur, and the first of these."""
        table = catalogue.links
        stands = (table.c.status == "fact") & (table.c.kind == "link")
        start = f"{self.base}dataset/"
        found: set[str] = set()
        for part in catalogue.chunks(sorted(things), 500):
            for end, other in ((table.c.subject, table.c.object), (table.c.object, table.c.subject)):
                is_dataset = sa.func.substr(end, 1, len(start)) == start
                found.update(db.scalars(sa.select(end).where(stands & other.in_(part) & is_dataset).distinct()))
        found -= own
        first = sorted(found)[:_FIRST]
        titles = self._titles(db, first)
        return len(found), tuple(Place(iri, iri.rpartition("/")[2], titles.get(iri)) for iri in first)

    def _may_be(self, meaning: Meaning) -> bool:
        """Tell whether a name that nothing is known of can be one: of a dataset only in an archive that is known."""
        archive = meaning.iri.removeprefix(f"{self.base}dataset/").partition("/")[0]
        return meaning.kind != "dataset" or archive in archives.ARCHIVES

    def _record(self, db: Connection, forms: list[str]) -> tuple[str | None, str | None]:
        """Return title and state of a dataset; it is withdrawn when every record of it is."""
        table = log_tables.records
        columns = (table.c.state, table.c.iri, table.c.source, table.c.accession, table.c.title)
        rows = db.execute(sa.select(*columns).where(table.c.iri.in_(forms))).all()
        if not rows:
            return None, None
        first = min(rows, key=lambda row: (row.state != "active", rank(self.order, row.iri, row.source, row.accession)))
        return str(first.title), str(first.state)

    def _titles(self, db: Connection, datasets: list[str]) -> dict[str, str]:
        table = log_tables.records
        columns = (table.c.iri, table.c.source, table.c.accession, table.c.title)
        rows = db.execute(sa.select(*columns).where(table.c.iri.in_(datasets) & (table.c.state == "active"))).all()
        ordered = sorted(rows, key=lambda row: rank(self.order, row.iri, row.source, row.accession), reverse=True)
        return {str(row.iri): str(row.title) for row in ordered}

    def _near(self, db: Connection, text: str) -> Iterator[str]:
        if likely := identifiers.likely_doi(text):
            yield likely
        if self._accessions is None:
            self._accessions = list(db.scalars(sa.select(log_tables.records.c.accession).distinct()))
        folded = {accession.lower(): accession for accession in self._accessions}
        yield from (folded[name] for name in difflib.get_close_matches(text.lower()[:60], folded, _NEAR, 0.75))


def _forms(base: str, text: str) -> Iterator[str]:
    """Yield every IRI that a text may be."""
    if text.isdecimal() and text.isascii():
        for read in _NUMBERED:
            try:
                yield read(text)
            except ValueError:
                continue
        return
    if not text.startswith(base):
        yield from spellings(base, text)
        return
    kind, _, rest = text.removeprefix(base).partition("/")
    archive, _, name = rest.partition("/")
    if kind == "taxon" and rest.isdecimal() and rest.isascii():
        yield identifiers.taxon(rest)
    elif kind in _PIVOTS:
        yield from _forms(base, unquote(rest).removeprefix(base))
    else:
        yield iris.dataset(base, archive, name) if kind == "dataset" and archive and name else text


def _equivalents(db: Connection, forms: Iterable[str]) -> set[str]:
    """Return some IRIs and all that facts say are the same."""
    table = catalogue.links
    stands = (table.c.status == "fact") & table.c.predicate.in_(SAME)
    found, new = set(forms), set(forms)
    while new and len(found) < _MOST_EQUIVALENTS:
        ends = table.c.subject.in_(sorted(new)) | table.c.object.in_(sorted(new))
        pairs = db.execute(sa.select(table.c.subject, table.c.object).where(stands & ends).limit(_MOST_EQUIVALENTS))
        new = {end for pair in pairs for end in pair} - found
        found |= new
    return found


def _people_of(db: Connection, organisations: Iterable[str]) -> set[str]:
    table = catalogue.links
    said = (table.c.predicate == AFFILIATION) & (table.c.status == "fact") & table.c.object.in_(sorted(organisations))
    return set(db.scalars(sa.select(table.c.subject).where(said).limit(_MOST_PEOPLE)))


def _is_linked(db: Connection, forms: list[str]) -> bool:
    table = catalogue.links
    stands = table.c.status.in_(("fact", "candidate")) & (table.c.kind == "link")
    ends = table.c.subject.in_(forms) | table.c.object.in_(forms)
    return db.scalar(sa.select(table.c.id).where(stands & ends).limit(1)) is not None


def _named(db: Connection, accession: str) -> dict[str, list[str]]:
    """Return the datasets that have a record of that very accession, whatever its shape."""
    table = log_tables.records
    found = list(db.scalars(sa.select(table.c.iri).where(table.c.accession == accession).distinct().limit(_FIRST)))
    return {"dataset": sorted(found)} if found else {}
