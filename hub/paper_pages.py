"""What a paper's page is made of: its identifiers, what is known of it, and its datasets with who says so.

The tables (:mod:`hub.papers`) and the published links say which identifiers are one paper; the snapshot says which
datasets have it, which may have it, and which it names.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import unquote

from pyoxigraph import Literal, NamedNode, Quad

from harvesters.building import property_iri
from hub import queries
from hub.errors import NotFoundError
from hub.links.papers import CITATION, MENTIONS, SAME_AS, is_paper, rank
from hub.papers import Author, Papers
from hub.workers import WorkerPool

RDF_TYPE: Final = "http://www.w3.org/1999/02/22-rdf-syntax-ns#type"
SCHEMA: Final = "http://schema.org/"
# Kinds of connections → heading, and name in JSON
KINDS: Final = {
    "has": "Datasets of this paper",
    "candidate": "Datasets that may be of this paper",
    "named": "Datasets that its text names",
    "perhaps": "Datasets that its text seems to name",
}
NAMES: Final = {"has": "datasets", "candidate": "candidates", "named": "mentions", "perhaps": "mention_candidates"}
MOST_REASONS: Final = 10


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a dataset is connected with a paper, and who says so.

    Attributes:
        source: name of the source whose record says it; empty for a link that the hub found.
        link: IRI of the link.
        confidence: of the link, 0 to 1; None where a record or curator says it.
        evidence: fields of `hub.links.contract.Evidence`, the strongest first.
    """

    source: str = ""
    link: str = ""
    confidence: float | None = None
    evidence: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class Use:
    """A dataset that is connected with a paper.

    Attributes:
        kind: a key of ``KINDS``.
        dataset: IRI.
        reasons: the archives' words first.
    """

    kind: str
    dataset: str
    accession: str
    name: str
    archive: str
    reasons: tuple[Reason, ...] = ()


@dataclass(frozen=True, slots=True)
class PaperPage:
    """A paper with everything that the hub has of it.

    Attributes:
        iri: canonical IRI.
        spellings: IRIs of its identifiers, the canonical one first.
        title: by the tables, else as archives write it most often.
        authors: name and ORCID IRI, or None, of each, where a table knows them.
        author_text: authors as an archive writes them, where no table knows them.
        journal: its name.
        published: ISO 8601 date.
        kind: as its source calls it.
        is_retracted: whether a table says that it was retracted.
        sources: names of the tables that know it.
        uses: datasets, by kind and accession.
    """

    iri: str
    spellings: tuple[str, ...]
    title: str = ""
    authors: tuple[Author, ...] = ()
    author_text: str = ""
    journal: str = ""
    published: str = ""
    kind: str = ""
    is_retracted: bool = False
    sources: tuple[str, ...] = ()
    uses: list[Use] = field(default_factory=list)

    @property
    def by_kind(self) -> dict[str, list[Use]]:
        """Datasets by kind of connection."""
        found = {kind: [use for use in self.uses if use.kind == kind] for kind in KINDS}
        return {kind: uses for kind, uses in found.items() if uses}


class Library:
    """Answers what the hub has of a paper.

    Args:
        pool: workers on the snapshot.
        papers: the tables.
        base: base IRI of the hub.
    """

    def __init__(self, pool: WorkerPool, papers: Papers, base: str) -> None:
        self.pool = pool
        self.papers = papers
        self.base = base

    def spellings(self, iri: str) -> tuple[str, ...]:
        """Return the identifiers of a paper by tables and published links, the canonical one first."""
        known = self.papers.spellings(iri)
        found = dict.fromkeys(known)
        for one in known:
            for row in self._select("paper-same", one):
                found.setdefault(row["other"])
        listed = sorted((one for one in found if is_paper(one)), key=lambda one: (rank(one), one))
        return tuple(one for one in listed if rank(one) > 0 or one == listed[0] or one == iri)

    def page(self, iri: str) -> PaperPage:
        """Return everything that the hub has of a paper.

        Args:
            iri: any of its identifiers.

        Raises:
            NotFoundError: no table and no archive knows it.
        """
        spellings = self.spellings(iri)
        work, said = self.papers.work(iri), self._said(spellings)
        uses = self._uses(spellings)
        if work is None and not said and not uses:
            raise NotFoundError(f"no paper {iri} is known here")
        return PaperPage(
            iri=spellings[0],
            spellings=spellings,
            title=(work and work.title) or _most(said, "name"),
            authors=work.authors if work else (),
            author_text=_most(said, "author_text"),
            journal=(work and work.journal) or _most(said, "journal"),
            published=(work and work.published) or _most(said, "date_published"),
            kind=(work and work.kind) or "",
            is_retracted=bool(work and work.is_retracted),
            sources=work.sources if work else (),
            uses=uses,
        )

    def _said(self, spellings: Iterable[str]) -> list[tuple[str, str]]:
        return [(row["p"], row["o"]) for one in spellings for row in self._select("paper-said", one)]

    def _uses(self, spellings: Iterable[str]) -> list[Use]:
        found: dict[tuple[str, str], Use] = {}
        reasons: dict[tuple[str, str], dict[tuple[str, str], list[dict[str, Any]]]] = {}
        sure: dict[str, float] = {}
        for one in spellings:
            for question in ("paper", "paper-mentions"):
                for row in self._select(question, one):
                    kind = self._kind(question, row["g"])
                    place = (kind, row["dataset"])
                    shown = (row["accession"], row["name"], row.get("archive", ""))
                    found.setdefault(place, Use(*place, *shown))
                    why = reasons.setdefault(place, {}).setdefault((self._source(row["g"]), row.get("link", "")), [])
                    why += [e for e in _evidence(row.get("evidence", "")) if e not in why]
                    if "confidence" in row:
                        sure[row["link"]] = float(row["confidence"])
        made = [_with(use, reasons[place], sure) for place, use in found.items()]
        has = {use.dataset for use in made if use.kind == "has"}
        shown_ = [use for use in made if use.kind != "candidate" or use.dataset not in has]
        return sorted(shown_, key=lambda use: (list(KINDS).index(use.kind), use.accession))

    def _kind(self, question: str, graph: str) -> str:
        is_candidate = graph.startswith(f"{self.base}graph/candidates/")
        if question == "paper-mentions":
            return "perhaps" if is_candidate else "named"
        return "candidate" if is_candidate else "has"

    def _source(self, graph: str) -> str:
        rest = graph.removeprefix(f"{self.base}graph/source/")
        return unquote(rest.partition("/")[0]) if rest != graph else ""

    def _select(self, name: str, iri: str) -> Iterator[dict[str, str]]:
        for row in queries.select(self.pool, f"describe/{name}", iri=NamedNode(iri)):
            yield {variable: value.value for variable, value in row.items()}


def _with(use: Use, found: dict[tuple[str, str], list[dict[str, Any]]], sure: dict[str, float]) -> Use:
    reasons = [
        Reason(
            source, link, sure.get(link), tuple(sorted(why, key=lambda e: -float(e.get("weight") or 0))[:MOST_REASONS])
        )
        for (source, link), why in found.items()
        if source or link
    ]
    reasons.sort(key=lambda one: (not one.source, one.source, -(one.confidence or 1.0), one.link))
    return Use(use.kind, use.dataset, use.accession, use.name, use.archive, tuple(reasons))


def _most(said: list[tuple[str, str]], slot: str) -> str:
    """Return what archives say most often in a slot; the longest of several that are as often."""
    counts = Counter(text for p, text in said if p == property_iri(slot))
    return max(counts, key=lambda text: (counts[text], len(text), text), default="")


def _evidence(text: str) -> list[dict[str, Any]]:
    try:
        found = json.loads(text) if text else []
    except ValueError:
        return []
    return [one for one in (found if isinstance(found, list) else [found]) if isinstance(one, dict)]


# --- as data ---------------------------------------------------------------------------------------------------------


def as_json(page: PaperPage) -> dict[str, Any]:
    """Return a page as JSON."""
    return {
        "paper": page.iri,
        "identifiers": list(page.spellings),
        "title": page.title or None,
        "authors": [{"name": name, "orcid": orcid} for name, orcid in page.authors],
        "author_text": page.author_text or None,
        "journal": page.journal or None,
        "published": page.published or None,
        "kind": page.kind or None,
        "retracted": page.is_retracted,
        "sources": list(page.sources),
        **{name: [_use_json(use) for use in page.uses if use.kind == kind] for kind, name in NAMES.items()},
    }


def _use_json(use: Use) -> dict[str, Any]:
    reasons = [
        {"source": r.source or None, "link": r.link or None, "confidence": r.confidence, "evidence": list(r.evidence)}
        for r in use.reasons
    ]
    known = {"dataset": use.dataset, "accession": use.accession, "name": use.name, "archive": use.archive}
    return {**known, "reasons": reasons}


def quads(page: PaperPage) -> list[Quad]:
    """Return a page as statements; candidates are no statements and left out."""
    iri = NamedNode(page.iri)
    found = [Quad(iri, NamedNode(RDF_TYPE), NamedNode(f"{SCHEMA}ScholarlyArticle"))]
    texts = {"name": page.title, "journal": page.journal, "date_published": page.published}
    authors = page.author_text or ", ".join(name for name, _ in page.authors)
    for slot, text in {**texts, "author_text": authors}.items():
        if text:
            found.append(Quad(iri, NamedNode(property_iri(slot)), Literal(text)))
    found += [Quad(NamedNode(one), NamedNode(SAME_AS), iri) for one in page.spellings[1:]]
    people = [NamedNode(orcid) for _, orcid in page.authors if orcid]
    found += [Quad(iri, NamedNode(f"{SCHEMA}author"), person) for person in people]
    for use in page.uses:
        if use.kind == "has":
            found.append(Quad(NamedNode(use.dataset), NamedNode(CITATION), iri))
        if use.kind == "named":
            found.append(Quad(iri, NamedNode(MENTIONS), NamedNode(use.dataset)))
    return found
