"""What IDR's annotation tables come to: genes, reagents, compounds and phenotypes of a data set, counted."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from harvesters.building import slug

MAX_TALLIES: Final = 200_000

PhenotypeKey = tuple[str, tuple[str, ...]]


@dataclass(slots=True)
class Tally:
    """A gene, reagent or compound of a data set, and how it occurs.

    Attributes:
        what: its values; see `GeneOf`, `ReagentOf`, `CompoundOf`.
        wells: distinct wells.
        images: rows of tables of images.
        phenotypes: what was seen where it was used: wording and accessions.
        reagents: keys of the reagents by which a gene was perturbed or shown.
    """

    what: Any
    wells: int = 0
    images: int = 0
    phenotypes: set[PhenotypeKey] = field(default_factory=set)
    reagents: set[str] = field(default_factory=set)


@dataclass(slots=True)
class GeneOf:
    """A gene: its IRI, or the archive's own wording; organisms are cells of name and accession."""

    iri: str | None
    wording: str
    symbol: str | None
    role: str
    organism: tuple[str, str] | None


@dataclass(frozen=True, slots=True)
class ReagentOf:
    """A reagent by the archive's own name of it."""

    kind: str | None
    name: str
    url: str | None
    sequence: str | None


@dataclass(frozen=True, slots=True)
class CompoundOf:
    """A compound: its IRI, or only a name."""

    iri: str | None
    name: str | None
    inchikey: str | None
    smiles: str | None


@dataclass(slots=True)
class Oddity:
    """Something wrong in rows of a column: how many rows, and the first value."""

    value: str
    rows: int = 0


@dataclass(slots=True)
class Annotations:
    """What all tables of a data set say.

    Attributes:
        samples: organism, cell line and strain, each a pair of name and accession, or None.
        topics: other characteristics that have an accession.
        counts: component → wells and images.
        oddities: field, rule and message → how often and an example.
    """

    genes: dict[tuple[str, str], Tally] = field(default_factory=dict)
    reagents: dict[str, Tally] = field(default_factory=dict)
    compounds: dict[str, Tally] = field(default_factory=dict)
    phenotypes: dict[PhenotypeKey, tuple[str, ...]] = field(default_factory=dict)
    samples: dict[tuple[Any, ...], None] = field(default_factory=dict)
    topics: dict[tuple[str, str], None] = field(default_factory=dict)
    counts: dict[str, list[int]] = field(default_factory=dict)
    oddities: dict[tuple[str, str, str], Oddity] = field(default_factory=dict)

    def tally(self, kind: dict[Any, Tally], key: Any, what: Callable[[], Any]) -> Tally | None:
        """Return the tally of a key, a new one as long as there is room for it."""
        known = kind.get(key)
        if known is None and len(kind) < MAX_TALLIES:
            known = kind[key] = Tally(what())
        return known

    def odd(self, place: str, rule: str, message: str, value: str = "", rows: int = 0) -> Oddity:
        """Note an oddity of a column; the rows are added."""
        noted = self.oddities.setdefault((place, rule, message), Oddity(value))
        noted.rows += rows
        return noted


def exact(words: str) -> str:
    """Return a short name of a wording for a node; wordings that differ only in case or signs have names of their own.

    >>> exact("s2748"), exact("(-)-Camphor"), exact("Camphor")
    ('s2748', 'camphor-3462c6', 'camphor-d3d6d1')
    """
    base = slug(words)
    return base if base == words else f"{base}-{hashlib.sha256(words.encode(errors='replace')).hexdigest()[:6]}"
