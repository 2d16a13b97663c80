"""What the values of facets are called and which is below which: ``labels.json`` beside an index's segments."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final, TypedDict

import tantivy

from hub.search.contract import FACETS
from hub.search.documents import Documents

FILE: Final = "labels.json"


class Label(TypedDict):
    """One value: what people call it, and the IRIs of the terms directly above it."""

    label: str
    broader: list[str]


Labels = Mapping[str, Label]


def read(folder: Path) -> dict[str, Label]:
    """Return the labels of an index by value; nothing where there are none."""
    try:
        found: dict[str, Label] = json.loads((folder / FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found


def of_index(searcher: tantivy.Searcher, documents: Documents, known: Labels, fresh: Iterable[str]) -> dict[str, Label]:
    """Return the labels of every archive, term and gene that studies have; trees hold what is above these too.

    Args:
        searcher: of the index.
        documents: where labels come from.
        known: labels that stand.
        fresh: values whose labels may be others now.
    """
    again = set(fresh)
    found: dict[str, Label] = {
        name: {"label": documents.archive(name), "broader": []} for name in _values(searcher, "archive")
    }
    for facet in FACETS:
        for iri in _values(searcher, facet.name) if facet.kind != "text" else ():
            stands = known.get(iri) if iri not in again else found.get(iri)
            broader = documents.parents(iri) if facet.kind == "tree" and not stands else []
            found[iri] = stands or {"label": documents.label(iri), "broader": broader}
    return dict(sorted(found.items()))


def _values(searcher: tantivy.Searcher, field: str) -> list[str]:
    return [value for value, _ in searcher.terms_with_prefix(field, "")]
