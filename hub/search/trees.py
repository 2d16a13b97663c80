"""What the values of facets are called, and trees of counts out of terms that stand below one another."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from hub.search.contract import HAS, Count, Facet
from hub.search.labels import FILE
from hub.search.layout import folded
from hub.search.query import EVERYTHING
from ontology import archives


class Term(NamedTuple):
    """What is known of one value.

    Attributes:
        label: as people read it.
        broader: the terms right above it.
    """

    label: str
    broader: tuple[str, ...] = ()


class Labels:
    """The names of the things that studies of one index are about."""

    def __init__(self, terms: Mapping[str, Term]) -> None:
        self._terms = terms

    @classmethod
    def of(cls, folder: Path) -> Labels:
        """Read the names beside an index.

        Raises:
            ValueError: they are damaged.
            OSError: they cannot be read.
        """
        found = json.loads((folder / FILE).read_text(encoding="utf-8"))
        return cls({iri: Term(one["label"], tuple(one["broader"])) for iri, one in found.items()})

    def label(self, facet: Facet, value: str) -> str:
        """Return what a value is called; the value itself if it has no name."""
        if facet.name == "has":
            return HAS.get(value, value)
        if facet.name == "archive":
            return archives.ARCHIVES[value].title if value in archives.ARCHIVES else value
        found = self._terms.get(value)
        return found.label if found is not None and found.label else value

    def broader(self, value: str) -> tuple[str, ...]:
        """Return the terms right above one."""
        found = self._terms.get(value)
        return found.broader if found is not None else ()

    def named(self, text: str) -> str:
        """Return the IRI of the one thing of this name; the text itself if there is none, or several."""
        found = self._by_name.get(folded(text), ())
        return found[0] if len(found) == 1 else text

    @cached_property
    def _by_name(self) -> dict[str, list[str]]:
        names: dict[str, list[str]] = {}
        for iri, term in self._terms.items():
            names.setdefault(folded(term.label), []).append(iri)
        return names


def tree(facet: Facet, counts: Mapping[str, int], chosen: Iterable[str], labels: Labels) -> tuple[Count, ...]:
    """Return counts as a tree: a term below the narrowest of those above it that were found, most studies first.

    Terms that say nothing (of everything), or nothing more than the one right below them, are left out.

    Args:
        facet: the facet.
        counts: number of studies by term, of broader terms too.
        chosen: terms that are filtered by.
        labels: what they are called, and what is above them.
    """
    below: dict[str, list[str]] = {}
    for term in counts:
        parents = [parent for parent in labels.broader(term) if parent in counts and parent != term]
        below.setdefault(min(parents, key=lambda parent: (counts[parent], parent), default=""), []).append(term)
    grown = _Grown(facet, counts, frozenset(chosen), labels, below)
    return grown.under("", frozenset())


class _Grown(NamedTuple):
    """A tree while it is made: terms by the one above them."""

    facet: Facet
    counts: Mapping[str, int]
    chosen: frozenset[str]
    labels: Labels
    below: Mapping[str, list[str]]

    def under(self, term: str, above: frozenset[str]) -> tuple[Count, ...]:
        found: list[Count] = []
        for narrower in self.below.get(term, ()):
            if narrower not in above:
                found += self._shown(narrower, above | {narrower})
        return tuple(sorted(found, key=lambda count: (-count.studies, count.label.casefold(), count.value)))

    def _shown(self, term: str, above: frozenset[str]) -> tuple[Count, ...]:
        narrower = self.under(term, above)
        only = len(narrower) == 1 and narrower[0].studies == self.counts[term]
        if term not in self.chosen and (term in EVERYTHING or only):
            return narrower
        label = self.labels.label(self.facet, term)
        return (Count(term, label, self.counts[term], term in self.chosen, narrower),)
