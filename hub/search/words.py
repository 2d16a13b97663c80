"""What somebody typed into the box, taken apart: words, "phrases", beginnings*, and -words that must not occur."""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from typing import NamedTuple

import tantivy

from hub.errors import QueryRefusedError
from hub.search import layout
from hub.search.contract import MAX_WORDS

MAX_BEGINNINGS = 8
"""Words with an asterisk in one search: each looks through the list of all words."""
MAX_CHARS = 100
"""Of a word that is longer than any in the index."""
_PART = re.compile(r'(?<!\S)(-?)"([^"]*)"(\*?)|"([^"]*)"(\*?)|(?<!\S)(-?)([^\s"]+)|([^\s"]+)')
_INNER_DASH = re.compile(r"(?<=\w)[\u2010-\u2015\u2212](?=\w)")
STOP_WORDS = frozenset(
    "a an and are as at be by for from had has have how in into is it its of on or that the their then there these "
    "this those to was were what when where which with".split()
)
"""Words that a study need not have, unless nothing else is asked for."""
GREEK = {
    "α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta", "ε": "epsilon", "κ": "kappa", "λ": "lambda", "μ": "mu",
    "σ": "sigma", "τ": "tau", "ω": "omega",
}  # fmt: skip


class Part(NamedTuple):
    """One word or phrase.

    Attributes:
        text: as it was typed, without the signs around it.
        stems: its words as the text fields of the index have them.
        plain: its words as the field ``exact`` has them.
        is_phrase: whether it was quoted.
        is_beginning: whether its last word may go on.
        is_excluded: whether it must not occur.
    """

    text: str
    stems: tuple[str, ...]
    plain: tuple[str, ...]
    is_phrase: bool = False
    is_beginning: bool = False
    is_excluded: bool = False

    @property
    def is_plain(self) -> bool:
        """Whether it is a word that must occur, as it stands."""
        return not (self.is_phrase or self.is_beginning or self.is_excluded)

    @property
    def typed(self) -> str:
        """The part as somebody would type it."""
        quoted = f'"{self.text}"' if self.is_phrase else self.text
        return f"{'-' * self.is_excluded}{quoted}{'*' * self.is_beginning}"


def parts(text: str) -> tuple[Part, ...]:
    """Take a search apart; signs alone are left out.

    >>> [(p.typed, p.stems) for p in parts('embryos "light sheet" mitochond* -mouse &')]
    [('embryos', ('embryo',)), ('"light sheet"', ('light', 'sheet')), ('mitochond*', ('mitochond',)), \
('-mouse', ('mous',))]

    Raises:
        QueryRefusedError: more words, or more beginnings, than are searched for.
    """
    plain = unicodedata.normalize("NFC", text.replace("\0", " "))
    found = [part for match in _PART.finditer(plain) if (part := _part(match)).plain]
    if sum(len(part.plain) for part in found) > MAX_WORDS:
        raise QueryRefusedError(f"a search takes at most {MAX_WORDS} words: leave some out")
    if sum(part.is_beginning for part in found) > MAX_BEGINNINGS:
        raise QueryRefusedError(f"a search takes at most {MAX_BEGINNINGS} words with an asterisk: write some out")
    return tuple(found)


def _part(match: re.Match[str]) -> Part:
    minus, phrase, star, bare, bare_star, minus_word, word, rest = match.groups(default="")
    is_phrase = match[2] is not None or match[4] is not None
    text = phrase or bare or word or rest
    is_beginning = bool(star or bare_star) or (not is_phrase and text.endswith("*"))
    text = text if is_phrase else text.rstrip("*").lstrip("*")
    text = _INNER_DASH.sub("-", text)
    stems, plain = (tuple(analyzers()[name].analyze(text)) for name in (layout.ENGLISH, layout.WORDS))
    if not plain and any(character.isalnum() for character in text):
        stems = plain = (text[:MAX_CHARS],)  # longer than any word of the index, so that nothing is found
    return Part(text, stems, plain, is_phrase, is_beginning, bool(minus or minus_word))


@cache
def analyzers() -> dict[str, tantivy.TextAnalyzer]:
    """How texts are taken apart, by name; made once."""
    return layout.analyzers()


def is_optional(part: Part) -> bool:
    """Whether a word says too little to be asked of every study."""
    return part.is_plain and all(word in STOP_WORDS for word in part.plain)


def spellings(part: Part) -> list[tuple[str, ...]]:
    """Return other forms of a word's stems: Greek letters written out and back, parts of a compound as one word.

    >>> spellings(parts("α-tubulin")[0]), spellings(parts("light-sheet")[0])
    ([('alpha', 'tubulin')], [('lightsheet',)])
    """
    spelled = tuple(GREEK.get(word, word) for word in part.stems)
    letters = tuple(_LETTERS.get(word, word) for word in part.stems)
    found = [form for form in dict.fromkeys((spelled, letters)) if form != part.stems]
    if not part.is_phrase and 1 < len(part.stems) <= 3 and all(word.isalpha() for word in part.stems):
        stem = analyzers()[layout.ENGLISH].analyze("".join(part.plain))
        found += [tuple(stem)] if min(map(len, part.plain)) > 2 else []
    return found


_LETTERS = {name: letter for letter, name in GREEK.items()}
