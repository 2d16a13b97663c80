"""What somebody who is typing may mean: things and datasets by the beginnings of their names, and words."""

from __future__ import annotations

import tantivy

from hub.search import layout
from hub.search.contract import Suggestion
from hub.search.layout import folded
from hub.search.words import analyzers

SHORTEST = 2
"""Letters from which on something is suggested."""
MAX_CHARS = 100
_LOOKED_AT = 200
_DATASETS = 3
"""Titles among the suggestions, at most, while there are others."""


def suggestions(searcher: tantivy.Searcher, words: str, limit: int) -> list[Suggestion]:
    """Return what the words may go on to be: things by name, then words that end the search, then titles."""
    begun = folded(words)[:MAX_CHARS]
    if len(begun) < SHORTEST or not any(letter.isalnum() for letter in begun):
        return []
    entries = searcher.terms_with_prefix(layout.SUGGEST, begun, limit=_LOOKED_AT)
    found: dict[str, Suggestion] = {}
    for entry, studies in entries:
        text, kind, iri = layout.suggested(entry)
        found.setdefault(iri or text, Suggestion(text, kind, studies, iri))
    things = sorted(
        (one for one in found.values() if one.kind != "dataset"),
        key=lambda one: (not folded(one.text).startswith(begun), -one.studies, len(one.text), one.text),
    )
    titles = [one for one in found.values() if one.kind == "dataset"]
    completed = _words(searcher, words, limit)
    room = max(0, limit - min(len(titles), _DATASETS))
    first = things[: max(room - min(len(completed), 3), 0)]
    known = {folded(one.text) for one in first}
    rest = [one for one in (*completed, *titles, *things[len(first) :]) if folded(one.text) not in known]
    return [*first, *rest][:limit]


def _words(searcher: tantivy.Searcher, words: str, limit: int) -> list[Suggestion]:
    """Return the words that the last one may go on to be, after those that were typed before it."""
    typed = analyzers()[layout.WORDS].analyze(words)
    if not typed or not words[-1].isalnum() or len(typed[-1]) < SHORTEST:
        return []
    before = words[: len(words) - len(words.split()[-1])]
    found = searcher.terms_with_prefix(layout.EXACT, typed[-1], limit=limit)
    return [Suggestion(f"{before}{word}", "word", studies) for word, studies in found]
