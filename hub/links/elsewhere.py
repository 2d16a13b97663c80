"""What a dataset's page shows of links: where else its study is, what belongs to it, what rules found of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from pyoxigraph import NamedNode

from hub import queries
from hub.workers import WorkerPool
from ontology import archives, identifiers

Reason = dict[str, Any]


@dataclass(slots=True)
class Elsewhere:
    """Another dataset of the same study, or one that belongs to it.

    Attributes:
        iri: IRI of the dataset.
        is_same: whether it is the same study; else another part of it.
        accession: its accession, or the name in its IRI where the hub does not have it.
        archive: title of its archive.
        url: its page in the hub, or at the archive where the hub does not have it.
        name: its title; None where the hub does not have it.
        link: IRI of the link that says so; None where only other datasets of the study are linked with it.
        confidence: of that link, 0 to 1; None where a curator made it.
        reasons: fields of `hub.links.contract.Evidence`, the strongest first.
    """

    iri: str
    is_same: bool
    accession: str
    archive: str
    url: str
    name: str | None = None
    link: str | None = None
    confidence: float | None = None
    reasons: list[Reason] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Finding:
    """A link from a dataset to something else than a dataset of its study.

    Attributes:
        link: IRI of the link.
        rule: name of the rule that found it, or ``curated``.
        predicate: IRI.
        object: IRI of what it leads to.
        label: what that is called, else its compact identifier or IRI.
        confidence: 0 to 1; None where a curator made it.
        is_suggested: whether it is a candidate, not a fact.
    """

    link: str
    rule: str
    predicate: str
    object: str
    label: str
    confidence: float | None
    is_suggested: bool


def found_of(pool: WorkerPool, dataset: str) -> list[Finding]:
    """Return what link rules found of a dataset, facts first.

    Args:
        pool: workers on the snapshot.
        dataset: IRI of the dataset.

    Raises:
        QueryError: the query failed or took too long.
    """
    return [
        Finding(
            link=row["link"].value,
            rule=row["rule"].value,
            predicate=row["predicate"].value,
            object=row["object"].value,
            label=row["label"].value if "label" in row else _short(row["object"].value),
            confidence=float(row["confidence"].value) if "confidence" in row else None,
            is_suggested=row["suggested"].value == "true",
        )
        for row in queries.select(pool, "describe/links-of", iri=NamedNode(dataset))
    ]


def _short(iri: str) -> str:
    try:
        return identifiers.curie(iri)
    except ValueError:
        return iri


def of(pool: WorkerPool, dataset: str) -> list[Elsewhere]:
    """Return where else a study is, first the same study, then its other parts; each with the link that is surest.

    Args:
        pool: workers on the snapshot.
        dataset: IRI of the dataset.

    Raises:
        QueryError: the query failed or took too long.
    """
    found: dict[tuple[bool, str], Elsewhere] = {}
    for row in queries.select(pool, "describe/also-in", iri=NamedNode(dataset)):
        is_same = row["same"].value == "true"
        other = found.setdefault((is_same, row["other"].value), _read(row, is_same=is_same))
        link = row["link"].value if "link" in row else None
        confidence = float(row["confidence"].value) if "confidence" in row else None
        if link != other.link and (confidence or 1.0) > (other.confidence or 1.0):
            other.link, other.confidence, other.reasons = link, confidence, []
        if link == other.link and "evidence" in row:
            other.reasons += _reasons(row["evidence"].value)
    for other in found.values():
        other.reasons.sort(key=lambda reason: -float(reason.get("weight") or 0))
    same = {iri for is_same, iri in found if is_same}
    return [other for other in found.values() if other.is_same or other.iri not in same]


def _read(row: dict[str, Any], *, is_same: bool) -> Elsewhere:
    iri = row["other"].value
    archive, _, name = iri.rpartition("/dataset/")[2].partition("/")
    known = archives.ARCHIVES.get(archive)
    has = "name" in row
    return Elsewhere(
        iri=iri,
        is_same=is_same,
        accession=row["accession"].value if has else name,
        archive=row["archive"].value if has else known.title if known else archive,
        url=iri if has else _page(archive, name) or iri,
        name=row["name"].value if has else None,
        link=row["link"].value if "link" in row else None,
        confidence=float(row["confidence"].value) if "confidence" in row else None,
    )


def _page(archive: str, name: str) -> str | None:
    try:
        return archives.landing_page(archive, name)
    except (KeyError, ValueError):
        return None


def _reasons(text: str) -> Iterator[Reason]:
    """Yield the reasons in one text of evidence: a JSON object, a list of them, or words."""
    try:
        told = json.loads(text)
    except ValueError:
        told = {"value": text}
    for reason in told if isinstance(told, list) else [told]:
        yield reason if isinstance(reason, dict) else {"value": str(reason)}
