"""Titles of studies: what is to be compared of them, and how alike two are."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal

from ontology.text import fold

Likeness = Literal["same", "numbered", "contained", "near", "begun", ""]

# What archives put round the title of a study when they take it over or convert it.
_WRAPPING: Final = re.compile(
    r"^\s*(?:[\w-]+\s+){0,4}?(?:data\s*sets?|data|images?|repository)\s+(?:for|accompanying|supporting)\b(?:\s+(?:the|our))?"
    r"(?:\s+(?:paper|article|manuscript|preprint|publication|study)\b)?[\s:]*"
    r"|\(\s*(?:ome[- ]?)?(?:ngff|zarr)\s*\)\s*$|^\s*idr\d{4}[\s:_-]+",
    re.IGNORECASE,
)
_WORD: Final = re.compile(r"[^\W_]+")
_ROMAN: Final = ("i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix", "x")
_COUNTED: Final = (
    "part|parts|batch|dataset|data set|set|experiment|screen|replicate|repeat|volume|vol|figure|fig|no|sample"
)
_PART: Final = re.compile(rf"\b(?:{_COUNTED})\s+((?:\d+[a-z]?|[ivx]+|[a-z])(?:\s+(?:of\s+)?\d+)?)(?=\s|$)")
_FEW, _SOME = 3, 5
_EXTRA_WORDS: Final = 3
_LIKE: Final = 0.85
_BEGINNING: Final = 8


@dataclass(frozen=True, slots=True)
class Title:
    """A title for comparison.

    Attributes:
        words: its words, folded, without what archives wrap it in.
        base: the same without what counts the parts of a series ("part 2", a number at the end).
        number: what was left out of that; empty where nothing counts.
    """

    words: tuple[str, ...]
    base: tuple[str, ...]
    number: str


@lru_cache(maxsize=4096)
def read(title: str) -> Title:
    """Return a title for comparison.

    >>> read("Imaging Mass Cytometry of human tonsil sections (OME-NGFF)").words
    ('imaging', 'mass', 'cytometry', 'of', 'human', 'tonsil', 'sections')
    >>> read("Nuclei of the fly embryo, part II").number
    'ii'
    """
    whole = tuple(_WORD.findall(fold(title)))
    within = tuple(_WORD.findall(fold(_WRAPPING.sub(" ", title))))
    words = within if len(within) > _FEW else whole
    plain = " ".join(words)
    numbers = [found[1] for found in _PART.finditer(plain)]
    base = _PART.sub(" ", plain).split()
    if len(base) > 1 and (base[-1].isdigit() or base[-1] in _ROMAN[1:]):
        numbers.append(base.pop())
    return Title(words, tuple(base), " ".join(numbers))


def compare(one: str, other: str) -> Likeness:
    """Return how alike two titles are.

    ``numbered``: parts of a series; ``contained``: one is the other with a few words before or behind; ``near``: most
    words are the same, and no number differs; ``begun``: the first eight words are the same.

    >>> compare("Cell atlas of the fly wing, part 1", "Cell atlas of the fly wing, part 2")
    'numbered'
    """
    a, b = read(one), read(other)
    if not a.words or not b.words:
        return ""
    if a.words == b.words:
        return "same"
    if a.number != b.number and a.base == b.base:
        return "numbered" if len(a.base) > _FEW else ""
    if _digits(a) == _digits(b) and (found := _overlap(*sorted((a.words, b.words), key=len))):
        return found
    return "begun" if a.words[:_BEGINNING] == b.words[:_BEGINNING] and len(a.words) >= _BEGINNING else ""


def _overlap(short: tuple[str, ...], long: tuple[str, ...]) -> Likeness:
    if len(short) <= _SOME:
        return ""
    if len(long) - len(short) <= _EXTRA_WORDS and _holds(long, short):
        return "contained"
    shared = len(set(short) & set(long)) / len(set(short) | set(long))
    return "near" if shared >= _LIKE else ""


def _digits(title: Title) -> list[str]:
    return sorted(word for word in title.words if any(char.isdigit() for char in word))


def _holds(long: tuple[str, ...], short: tuple[str, ...]) -> bool:
    return any(long[start : start + len(short)] == short for start in range(len(long) - len(short) + 1))


def informative(title: str) -> float:
    """Return how much it says that two studies have this title: 0 to 1, by its number of words.

    >>> informative("Nuclear positions"), informative("Imaging Mass Cytometry of human tonsil sections")
    (0.3, 1.0)
    """
    count = len(read(title).words)
    return 0.3 if count <= _FEW else 0.7 if count <= _SOME else 1.0


def blocks(title: str) -> set[str]:
    """Return what titles near to this one share one of: its first and last words without numbers, and its longest.

    A few words more at one end, or another word within, leave one of them; each is selective by itself.
    """
    base = read(title).base
    if len(base) <= _SOME:
        return {"all " + " ".join(base)} if base else set()
    longest = sorted(sorted(set(base), key=lambda word: (-len(word), word))[:5])
    return {"first " + " ".join(base[:6]), "last " + " ".join(base[-6:]), "long " + " ".join(longest)}
