"""Which other datasets a reader of one may want, with the reasons in words; and what points at a dataset.

What few datasets share tells more than what many do: a paper more than a person, a person of three datasets more than
one of three hundred, any of these more than organism and method. The rarest shared things are looked at first, and no
more of them than make up :data:`MOST_ROWS` datasets, so that the work does not grow with the hub.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final

from pyoxigraph import NamedNode

from hub import batch, entities
from hub.batch import Summary
from hub.queries import Terms
from hub.workers import WorkerPool

SHOWN: Final = 8
MOST_ROWS: Final = 400
# What is shared → weight of one that only two datasets have, and words
WEIGHTS: Final = {"paper": 8.0, "person": 3.0, "gene": 3.0, "cell_line": 2.0, "kind": 1.0}
WORDS: Final = {"paper": "same paper", "person": "same person", "gene": "same gene", "cell_line": "same cell line"}
MOST_REASONS: Final = 4


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a dataset is related.

    Attributes:
        kind: a key of ``WEIGHTS``.
        words: the reason, such as "same gene".
        name: what is shared.
        thing: its IRI; empty for organism and method together.
        weight: how much it counts.
    """

    kind: str
    words: str
    name: str
    thing: str
    weight: float


@dataclass(frozen=True, slots=True)
class Related:
    """A related dataset.

    Attributes:
        dataset: the dataset in brief.
        reasons: the weightiest first.
        weight: their sum.
    """

    dataset: Summary
    reasons: tuple[Reason, ...]
    weight: float


def of(pool: WorkerPool, base: str, dataset: str, left_out: Collection[str] = ()) -> list[Related]:
    """Return datasets that share papers, people, genes, cell lines, or organism and method; the most related first.

    Args:
        pool: workers on the snapshot.
        base: base IRI of the hub.
        dataset: IRI of the dataset.
        left_out: datasets that the page shows elsewhere, such as the same study in another archive.

    Raises:
        QueryError: a query failed or took too long.
    """
    reasons = _shared(pool, dataset)
    _same_kind(pool, dataset, reasons)
    start = f"{base}dataset/"
    listed = {iri: some for iri, some in reasons.items() if iri.startswith(start) and iri not in left_out}
    weights = {iri: sum(reason.weight for reason in some.values()) for iri, some in listed.items()}
    best = sorted(weights, key=lambda iri: (-weights[iri], entities.by_number(iri)))[:SHOWN]
    return [Related(one, _ordered(listed[one.iri]), weights[one.iri]) for one in batch.summaries(pool, best)]


def _ordered(reasons: dict[str, Reason]) -> tuple[Reason, ...]:
    return tuple(sorted(reasons.values(), key=lambda reason: (-reason.weight, reason.name)))


def _shared(pool: WorkerPool, dataset: str) -> dict[str, dict[str, Reason]]:
    """Return reasons by dataset and shared thing."""
    things: dict[str, Reason] = {}
    left = MOST_ROWS
    for row in entities.selected(pool, "describe/related-shared", iri=NamedNode(dataset)):
        number = int(row["number"])
        if number > left:
            break
        left -= number
        kind, thing = row["kind"], row["thing"]
        weight = WEIGHTS[kind] / math.log2(max(number, 2))
        things[thing] = Reason(kind, WORDS[kind], row.get("name") or entities.short(thing), thing, weight)
    found: dict[str, dict[str, Reason]] = {}
    if things:
        wanted = Terms(map(NamedNode, things))
        for row in entities.selected(pool, "describe/related", iri=NamedNode(dataset), things=wanted):
            found.setdefault(row["dataset"], {})[row["thing"]] = things[row["thing"]]
    return found


def _same_kind(pool: WorkerPool, dataset: str, found: dict[str, dict[str, Reason]]) -> None:
    """Add datasets of the same organism and method; several such pairs count little more than one."""
    for row in entities.selected(pool, "describe/related-kind", iri=NamedNode(dataset)):
        reasons = found.setdefault(row["dataset"], {})
        if (known := reasons.get("kind")) is None:
            name = f"{row['organism']}, {row['method']}"
            reasons["kind"] = Reason("kind", "same organism and method", name, "", WEIGHTS["kind"] / 2)
        elif row["method"] not in known.name and known.name.count(",") < MOST_REASONS:
            weight = known.weight + WEIGHTS["kind"] / 10
            reasons["kind"] = Reason("kind", known.words, f"{known.name}, {row['method']}", "", weight)


@dataclass(frozen=True, slots=True)
class Backlink:
    """Something that points at a dataset.

    Attributes:
        iri: of what points.
        predicate: IRI of the property by which it does.
        name: what it is called.
        is_dataset: whether it is a dataset.
    """

    iri: str
    predicate: str
    name: str
    is_dataset: bool


def backlinks(pool: WorkerPool, dataset: str) -> list[Backlink]:
    """Return what points at a dataset: papers whose text names it, other records; at most 200, by property and name.

    Raises:
        QueryError: the query failed or took too long.
    """
    rows: list[dict[str, Any]] = entities.selected(pool, "describe/backlinks", iri=NamedNode(dataset))
    made = {
        (row["from"], row["p"]): Backlink(
            row["from"], row["p"], row.get("name") or entities.short(row["from"]), row["is_dataset"] == "true"
        )
        for row in rows
    }
    return sorted(made.values(), key=lambda one: (one.predicate, one.name.casefold(), one.iri))
