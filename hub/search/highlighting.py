"""Marks in texts what was searched for: whole words, also where only their stem was asked for."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple

from hub.search import layout
from hub.search.contract import Piece
from hub.search.words import Part, analyzers, is_optional, spellings
from ontology import terms

EXCERPT_CHARS = 240
"""About how long an excerpt is."""
MAX_CHARS = 8_000
"""As far as a description is read for an excerpt."""
_LEAD_CHARS = 60
_WORD = re.compile(r"[^\W_]+")
Span = tuple[int, int]


class Marks(NamedTuple):
    """What is to be marked.

    Attributes:
        stems: stems of words.
        phrases: stems of words that count only one after another.
        beginnings: beginnings of words.
    """

    stems: frozenset[str]
    phrases: tuple[tuple[str, ...], ...]
    beginnings: tuple[str, ...]

    @classmethod
    def of(cls, parts: Sequence[Part], others: Iterable[tuple[str, ...]] = (), things: Iterable[str] = ()) -> Marks:
        """Return what of a search is marked: its words, their synonyms, and the names of things that words mean."""
        wanted = [part for part in parts if not part.is_excluded]
        if any(not is_optional(part) for part in wanted):
            wanted = [part for part in wanted if not is_optional(part)]
        forms = [form for part in wanted if not part.is_beginning for form in (part.stems, *spellings(part))]
        forms += others
        for iri in things:
            names = (terms.label(iri) or "", *terms.synonyms(iri))
            forms += [tuple(analyzers()[layout.ENGLISH].analyze(name)) for name in names]
        stems = frozenset(form[0] for form in forms if len(form) == 1)
        phrases = tuple(dict.fromkeys(form for form in forms if len(form) > 1))
        return cls(stems, phrases, tuple(part.plain[-1] for part in wanted if part.is_beginning))

    def spans(self, text: str) -> list[Span]:
        """Return where in a text marked words are: beginnings and ends, in order, apart from one another."""
        places = [match.span() for match in _WORD.finditer(text)]
        words = [_stemmed(text[start:end]) for start, end in places]
        marked = {i for i, (stem, plain) in enumerate(words) if stem in self.stems or self._begins(plain)}
        for phrase in self.phrases:
            for i in range(len(words) - len(phrase) + 1):
                if words[i][0] == phrase[0] and all(words[i + n][0] == stem for n, stem in enumerate(phrase)):
                    marked.update(range(i, i + len(phrase)))
        return _joined(text, [places[i] for i in sorted(marked)])

    def _begins(self, word: str) -> bool:
        return bool(self.beginnings) and word.startswith(self.beginnings)


@lru_cache(maxsize=50_000)
def _stemmed(word: str) -> tuple[str, str]:
    """Return a word as the text fields of the index have it, and as it is without its stem being taken."""
    found = (analyzers()[name].analyze(word) for name in (layout.ENGLISH, layout.WORDS))
    stem, plain = ("".join(one) for one in found)
    return stem, plain


def pieces(text: str, marks: Marks) -> tuple[Piece, ...]:
    """Return a whole text in pieces."""
    return _cut(text, marks.spans(text), 0, len(text))


def excerpt(text: str, marks: Marks) -> tuple[Piece, ...]:
    """Return some words of a text where most of what is marked stands close together; its beginning if nothing is."""
    text = " ".join(text[:MAX_CHARS].split())
    spans = marks.spans(text)
    start = _best(spans)
    start = 0 if start <= _LEAD_CHARS else _word_start(text, start - _LEAD_CHARS)
    end = _word_end(text, start + EXCERPT_CHARS)
    found = list(_cut(text, [span for span in spans if start <= span[0] and span[1] <= end], start, end))
    if start:
        found.insert(0, Piece("… ", False))
    if end < len(text):
        found.append(Piece(" …", False))
    return tuple(found)


def _joined(text: str, spans: list[Span]) -> list[Span]:
    """Join marks that only a blank or a hyphen parts."""
    found: list[Span] = []
    for start, end in spans:
        if found and text[found[-1][1] : start] in ("", " ", "-"):
            found[-1] = (found[-1][0], end)
        else:
            found.append((start, end))
    return found


def _best(spans: list[Span]) -> int:
    """Where the excerpt with most marked letters begins."""
    best, most = 0, 0
    for at, (start, _) in enumerate(spans):
        reach = start + EXCERPT_CHARS - _LEAD_CHARS
        marked = sum(end - begin for begin, end in spans[at : at + 20] if end <= reach)
        if marked > most:
            best, most = start, marked
    return best


def _word_start(text: str, at: int) -> int:
    return text.find(" ", at) + 1


def _word_end(text: str, at: int) -> int:
    if at >= len(text):
        return len(text)
    end = text.rfind(" ", 0, at)
    return end if end > at - 40 else at


def _cut(text: str, spans: list[Span], start: int, end: int) -> tuple[Piece, ...]:
    found: list[Piece] = []
    at = start
    for begin, finish in spans:
        found += [Piece(text[at:begin], False), Piece(text[begin:finish], True)]
        at = finish
    found.append(Piece(text[at:end], False))
    return tuple(piece for piece in found if piece.text)
