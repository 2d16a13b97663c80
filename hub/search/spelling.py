"""Words of the index that are near to one that it does not have."""

from __future__ import annotations

import string
from collections.abc import Iterable

import tantivy

from hub.search import layout

SHORTEST = 4
"""Letters of the shortest word that is taken for a mistyped one."""
LONG = 8
"""Letters of a word in which two may be wrong."""
LONGEST = 40
_LETTERS = string.ascii_lowercase + string.digits
_SAME_START = 2


def near(searcher: tantivy.Searcher, word: str, limit: int = 3) -> list[str]:
    """Return the words of the index one letter away (two for long words), or else those that it begins; best first."""
    if not SHORTEST <= len(word) <= LONGEST or any(letter.isdigit() for letter in word):
        return []
    found = {other: studies for other in _one_off(word) if (studies := searcher.doc_freq(layout.EXACT, other))}
    if not found and len(word) >= LONG:
        known = searcher.terms_with_prefix(layout.EXACT, word[:_SAME_START])
        found = {other: studies for other, studies in known if distance(word, other, 2) <= 2}
    if not found:
        found = dict(searcher.terms_with_prefix(layout.EXACT, word, limit=limit))
    return sorted(found, key=lambda other: (distance(word, other, 2), -found[other], other))[:limit]


def _one_off(word: str) -> Iterable[str]:
    """Every spelling one letter away: one left out, two exchanged, one replaced, one more."""
    halves = [(word[:i], word[i:]) for i in range(len(word) + 1)]
    yield from {a + b[1:] for a, b in halves if b}
    yield from {a + b[1] + b[0] + b[2:] for a, b in halves if len(b) > 1}
    yield from {a + letter + b[1:] for a, b in halves if b for letter in _LETTERS}
    yield from {a + letter + b for a, b in halves for letter in _LETTERS}


def distance(one: str, other: str, most: int) -> int:
    """Return how many letters have to be left out, put in, replaced or exchanged; more than ``most`` is ``most + 1``.

    >>> distance("zebrafsih", "zebrafish", 2), distance("mitosis", "meiosis", 2), distance("a", "abcdef", 2)
    (1, 2, 3)
    """
    if abs(len(one) - len(other)) > most:
        return most + 1
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, letter in enumerate(one, 1):
        last, before, row = before, row, [i] + [0] * len(other)
        for j, its in enumerate(other, 1):
            row[j] = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (letter != its))
            if i > 1 and j > 1 and letter == other[j - 2] and one[i - 2] == its:
                row[j] = min(row[j], last[j - 2] + 1)
        if min(row) > most:
            return most + 1
    return min(row[-1], most + 1)
