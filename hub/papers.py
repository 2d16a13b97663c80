"""Papers: which identifiers are one paper, what is known of it, and which datasets it is said to have or names.

A paper's canonical IRI is that of its DOI, else of its PubMed, else of its PubMed Central id. The tables are the
references of kind ``papers`` (`hub references update`); without any, each identifier is a paper by itself, and what
records say of their own papers' identifiers is all that joins them (:mod:`hub.links.papers`).
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

from harvesters.references.papers import KIND
from harvesters.references.papers_rows import DOI, MENTIONS, PMC, PUBMED, paper
from hub import references
from hub.config import Settings
from ontology import identifiers

CACHED: Final = 20_000
MAX_IDS: Final = 50
Author = tuple[str, str | None]
Ids = tuple[int | None, int | None, str | None]


@dataclass(frozen=True, slots=True)
class Work:
    """What the tables know of a paper.

    Attributes:
        iri: canonical IRI.
        title: without tags.
        authors: name and ORCID IRI, or None, of each.
        journal: its name.
        published: ISO 8601 date, as exact as it is known.
        kind: as its source calls it, such as ``journal-article``.
        is_retracted: whether a table says that it was retracted.
        sources: names of the tables.
    """

    iri: str
    title: str | None = None
    authors: tuple[Author, ...] = ()
    journal: str | None = None
    published: str | None = None
    kind: str | None = None
    is_retracted: bool = False
    sources: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Naming:
    """Where a table connects a dataset with a paper.

    Attributes:
        dataset: archive and name, as in its IRI, or the IRI of a DOI; ``emdb/EMD-…`` for an EMDB entry.
        paper: canonical IRI.
        relation: what the dataset is to the paper, as DataCite calls it; ``Mentions`` where a text names the dataset.
        provider: who says so.
        written: how it has the dataset.
        section: of the paper's text.
        quote: the sentence, or what stands round the accession.
        source: name and version of the table.
    """

    dataset: str
    paper: str
    relation: str
    provider: str = ""
    written: str = ""
    section: str = ""
    quote: str = ""
    source: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """What services answered on an identifier.

    Attributes:
        is_found: whether one knows it.
        agency: which agency registered the DOI, where it is not Crossref.
        sources: the services that do not know it.
    """

    is_found: bool
    agency: str | None = None
    sources: tuple[str, ...] = ()


@dataclass(slots=True)
class Table:
    """One reference of papers.

    Attributes:
        name: its name in the settings, with its version.
        mark: what changes when it is written anew.
        db: its rows, as `harvesters.references.papers.KIND` declares them.
    """

    name: str
    db: sqlite3.Connection
    mark: str = ""
    filled: frozenset[str] = field(default_factory=frozenset)

    def __post_init__(self) -> None:
        told = dict(self.db.execute("SELECT name, value FROM meta"))
        self.mark = f"{self.name} {told.get('sha256', told.get('version', ''))}"
        self.name = f"{self.name} {told['version']}" if told.get("version") else self.name
        self.filled = frozenset(
            t.name for t in KIND.tables if self.db.execute(f"SELECT 1 FROM {t.name} LIMIT 1").fetchone()
        )

    def rows(self, table: str, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """Return what a query gives, without asking a table that is empty."""
        return self.db.execute(query, values).fetchall() if table in self.filled else []


class Papers:
    """All references of kind ``papers`` together.

    Args:
        tables: in the order of the settings; of two that disagree the first one counts.
    """

    def __init__(self, tables: Sequence[Table] = ()) -> None:
        self.tables = tuple(tables)
        self.version = "; ".join(table.mark for table in tables)
        self._ids = lru_cache(CACHED)(self._find_ids)

    @classmethod
    def of(cls, settings: Settings) -> Papers:
        """Return the tables of the settings, opened again when one of them was updated."""
        folder, stamps = settings.data_dir.as_posix(), _stamps(settings)
        stamp, found = _OPEN.get(folder, (None, None))
        if found is None or stamp != stamps:
            found = cls.over(references.of_kind(settings, KIND.name))
            _OPEN[folder] = (stamps, found)
        return found

    @classmethod
    def over(cls, tables: Iterable[tuple[str, sqlite3.Connection]]) -> Papers:
        """Return a reader of open tables."""
        return cls([Table(name, db) for name, db in tables])

    # --- identifiers

    def canonical(self, iri: str) -> str:
        """Return the canonical IRI of a paper; the IRI itself where the tables know no better one.

        >>> Papers().canonical("https://pubmed.ncbi.nlm.nih.gov/29067936")
        'https://pubmed.ncbi.nlm.nih.gov/29067936'
        """
        return iri if iri.startswith(DOI) else next(iter(self.spellings(iri)), iri)

    def spellings(self, iri: str) -> tuple[str, ...]:
        """Return all IRIs of a paper, the canonical one first; only the IRI itself where the tables know no other.

        Two DOIs that share a PubMed id, such as a preprint's and the article's, are not spellings of one another.
        """
        found = {spelling for row in self._ids(iri) for spelling in _iris(row)} | {iri}
        if iri.startswith(DOI):
            found = {one for one in found if not one.startswith(DOI) or one == iri}
            found = {one for one in found if one == iri or self.canonical(one) == iri}
        else:
            dois = [f"{DOI}{row[2]}" for row in self._ids(iri) if row[2]]
            own = identifiers.doi(dois[0]) if dois else ""
            found = {one for one in found if not one.startswith(DOI) or one == own}
        return tuple(sorted(found, key=_rank))

    def source_of(self, iri: str) -> str:
        """Return the name of the table that knows an identifier with others; empty where none does."""
        column, value = _key(iri)
        query = f"SELECT 1 FROM ids WHERE {column} = ? LIMIT 1"
        return next((t.name for t in self.tables if column and t.rows("ids", query, value)), "")

    def _find_ids(self, iri: str) -> tuple[Ids, ...]:
        """Return the rows that a paper's identifiers stand in, those of the identifier itself first."""
        found: dict[Ids, None] = {}
        waiting, seen = [iri], {iri}
        while waiting and len(seen) < MAX_IDS:
            column, value = _key(waiting.pop(0))
            query = f"SELECT DISTINCT pmid, pmcid, doi FROM ids WHERE {column} = ? ORDER BY doi IS NULL, doi"
            for table in self.tables if column else ():
                for row in table.rows("ids", query, value):
                    found[row] = None
                    more = [one for one in _iris(row) if one not in seen and not one.startswith(DOI)]
                    seen.update(more)
                    waiting += more
        return tuple(found)

    # --- what is known

    def work(self, iri: str) -> Work | None:
        """Return what the tables know of a paper by any of its IRIs, or None."""
        rows = []
        for one in self.spellings(iri):
            query = "SELECT title, authors, journal, published, kind, retracted FROM work WHERE id = ?"
            rows += [(table.name, row) for table in self.tables for row in table.rows("work", query, one)]
        if not rows:
            return None
        first: list[Any] = [next((row[n] for _, row in rows if row[n]), None) for n in range(6)]
        people = max((json.loads(row[1]) for _, row in rows), key=lambda a: (len(a), sum(bool(o) for _, o in a)))
        return Work(
            iri=self.canonical(iri),
            title=first[0],
            authors=tuple((name, orcid) for name, orcid in people),
            journal=first[2],
            published=max((row[3] for _, row in rows if row[3]), key=len, default=None),
            kind=first[4],
            is_retracted=any(row[5] for _, row in rows),
            sources=tuple(dict.fromkeys(name for name, _ in rows)),
        )

    def asked(self, iri: str) -> Asked | None:
        """Return what services answered on an identifier; None where none was asked."""
        rows = [
            (table.name, *row)
            for table in self.tables
            for row in table.rows("asked", "SELECT found, agency FROM asked WHERE id = ?", iri)
        ]
        if not rows:
            return None
        agency = next((row[2] for row in rows if row[2]), None)
        return Asked(any(row[1] for row in rows), agency, tuple(row[0] for row in rows if not row[1]))

    def data_kind(self, iri: str) -> str | None:
        """Return what a DOI was registered for, such as ``Dataset``; None where no table knows it."""
        query = "SELECT kind FROM data_doi WHERE doi = ? AND kind IS NOT NULL"
        rows = (table.rows("data_doi", query, iri.removeprefix(DOI)) for table in self.tables)
        return next((kind for found in rows for (kind,) in found), None) if iri.startswith(DOI) else None

    # --- datasets

    def of_dataset(self, names: Iterable[str], *, mentions: bool) -> list[Naming]:
        """Return where tables connect a dataset with papers, sorted.

        Args:
            names: archive and name, IRIs of its DOIs, and EMDB entries that belong to it.
            mentions: whether to return where texts name it; else what is said otherwise.
        """
        return sorted(set(self._namings("dataset", names, mentions=mentions)), key=_order)

    def of_paper(self, iri: str) -> list[Naming]:
        """Return where tables connect a paper with datasets, sorted."""
        iris = self.spellings(iri)
        both = (self._namings("paper", iris, mentions=mentions) for mentions in (False, True))
        return sorted({naming for found in both for naming in found}, key=_order)

    def entries_of(self, name: str) -> list[tuple[str, str]]:
        """Return the EMDB entries that tables say were made from a dataset, each with the table."""
        query = "SELECT DISTINCT entry FROM entry WHERE dataset = ?"
        return sorted((entry, table.name) for table in self.tables for (entry,) in table.rows("entry", query, name))

    def _namings(self, column: str, values: Iterable[str], *, mentions: bool) -> Iterator[Naming]:
        sign = "=" if mentions else "<>"
        query = (
            "SELECT DISTINCT dataset, paper, relation, provider, written, section, quote FROM named "
            f"WHERE {column} = ? AND relation {sign} ?"
        )
        for value in values:
            for table in self.tables:
                for dataset, paper_, *how in table.rows("named", query, value, MENTIONS):
                    relation, provider, written, section, quote = how
                    main = self.canonical(paper_)
                    yield Naming(dataset, main, relation, provider, written, section, quote, table.name)


def parse(text: str) -> str:
    """Return the IRI of a paper from a DOI, PubMed id, PubMed Central id or address; digits alone are a PubMed id.

    >>> parse("10.7554/eLife.26066"), parse("29067936")
    ('https://doi.org/10.7554/elife.26066', 'https://pubmed.ncbi.nlm.nih.gov/29067936')

    Raises:
        ValueError: none of these.
    """
    plain = text.strip()
    return identifiers.pmid(plain) if plain.isdecimal() else identifiers.publication(plain)


def short(iri: str) -> str:
    """Return what people write for a paper's IRI: the DOI, the PubMed id or the PubMed Central id.

    >>> short("https://doi.org/10.7554/elife.26066"), short("https://pubmed.ncbi.nlm.nih.gov/29067936")
    ('10.7554/elife.26066', '29067936')
    """
    return next((iri.removeprefix(start) for start in (DOI, PUBMED, PMC) if iri.startswith(start)), iri)


def _key(iri: str) -> tuple[str, int | str]:
    """Return column and value by which an identifier stands in ``ids``."""
    if iri.startswith(DOI):
        return "doi", iri.removeprefix(DOI)
    for column, start in (("pmid", PUBMED), ("pmcid", f"{PMC}PMC")):
        number = iri.removeprefix(start)
        if number != iri and number.isdecimal():
            return column, int(number)
    return "", ""


def _iris(row: Ids) -> Iterator[str]:
    pmid, pmcid, doi = row
    for one in (paper(written_doi=doi), paper(pmid=pmid), paper(pmcid=pmcid)):
        if one is not None:
            yield one


def _rank(iri: str) -> tuple[int, str]:
    return next((n for n, start in enumerate((DOI, PUBMED, PMC)) if iri.startswith(start)), 3), iri


def _order(naming: Naming) -> tuple[str, ...]:
    return (naming.dataset, naming.paper, naming.relation, naming.provider, naming.section, naming.quote, naming.source)


_OPEN: dict[str, tuple[tuple[tuple[str, int, int], ...], Papers]] = {}


def _stamps(settings: Settings) -> tuple[tuple[str, int, int], ...]:
    """Return what changes when a table is written anew."""
    found = []
    for name, reference in settings.references.items():
        path = references.path_of(settings, name)
        if reference.kind == KIND.name and path.is_file():
            about = path.stat()
            found.append((name, about.st_mtime_ns, about.st_ino))
    return tuple(found)
