"""What the rules on people have in common: names for comparison, and the people of a record as features.

Two spellings are compared word by word, without accents, apostrophes and the e of ä, ö, ü written out. A name is never
proof of a person: `compare` says how far two agree, and rules ask for further reasons.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import lru_cache
from itertools import pairwise, product
from typing import Any, Final, Literal

from hub.links.contract import Record
from linkml_schemas.generated.model import Organization, Person
from ontology.text import clean, fold

ORCID: Final = "https://orcid.org/"
SAME_AS: Final = "http://schema.org/sameAs"
SLOTS: Final = ("author", "accountable_person", "contact")
Agreement = Literal["same", "initials", "related", "different", "incomparable"]

MAX_NAME: Final = 200
MAX_WORD: Final = 40
_APOSTROPHE: Final = re.compile(r"['’`´ʼ]")
_WORD: Final = re.compile(r"[^\W\d_]+")
_LATIN: Final = re.compile(r"[a-z]+", re.ASCII)
_UMLAUT: Final = re.compile(r"(?<=[aou])e")
_PARTICLES: Final = frozenset(
    "van von der den de da di del della dos du la le ter ten el al bin ibn zu zur af av d".split()
)
_MOST_INITIALS: Final = 4
_PET_NAME: Final = 3
_LONG, _LIKE = 5, 0.8


@dataclass(frozen=True, slots=True)
class Name:
    """A person's name for comparison; words are folded, an initial is a word of one letter.

    Attributes:
        given: given names and initials.
        family: family name.
    """

    given: tuple[str, ...]
    family: tuple[str, ...]

    @property
    def words(self) -> tuple[str, ...]:
        """All words that are more than initials."""
        return tuple(word for word in (*self.given, *self.family) if len(word) > 1)

    @property
    def key(self) -> str:
        """Last word of the family name and first initial; empty where there is no given name."""
        return f"{self.family[-1]} {self.given[0][0]}" if self.given and self.family else ""

    @property
    def swapped(self) -> Name:
        """The name, if its first word was the family name."""
        return Name(self.family, self.given)


def folded(text: str) -> list[str]:
    """Return the words of a text folded.

    >>> folded("Müller"), folded("Mueller"), folded("D'Arc")
    (['muller'], ['muller'], ['darc'])
    """
    words = _WORD.findall(fold(_APOSTROPHE.sub("", text[:MAX_NAME])))
    return [_UMLAUT.sub("", word[:MAX_WORD]) for word in words]


@lru_cache(maxsize=65536)
def read(name: str, given: str | None = None, family: str | None = None) -> Name:
    """Return a name for comparison.

    Args:
        name: as it is written: "Given Family", "Family, Given", or "Family GI".
        given: given names, where the archive has them apart.
        family: family name.

    >>> read("Roe AB"), read("Ada N.G. Roe").given, read("Ada-Maria Roe AMR").family
    (Name(given=('a', 'b'), family=('ro',)), ('ada', 'n', 'g'), ('ro',))
    """
    if given and family:
        return Name(tuple(_given(given)), tuple(folded(family)))
    plain = _APOSTROPHE.sub("", clean(name[:MAX_NAME]))
    before, comma, behind = plain.partition(",")
    if comma and behind.strip():
        return Name(tuple(_given(behind)), tuple(folded(before)))
    words = _WORD.findall(plain)
    if len(words) > 1 and _is_initials(words[-1]) and not all(map(_is_initials, words)):
        return _behind(words)
    start = len(words) - 1
    while start > 1 and fold(words[start - 1]) in _PARTICLES:
        start -= 1
    return Name(tuple(_given(" ".join(words[:start]))), tuple(folded(" ".join(words[start:]))))


def _behind(words: list[str]) -> Name:
    """Return a name with initials at its end; those that only repeat the whole name are left out."""
    count = next(n for n, word in enumerate(reversed(words)) if not _is_initials(word))
    full, initials = words[:-count], "".join(words[-count:])
    if len(full) > 1 and initials == "".join(word[0] for word in full).upper():
        return read(" ".join(full))
    return Name(tuple(initials.lower()), tuple(folded(" ".join(full))))


def _given(text: str) -> Iterator[str]:
    words = _WORD.findall(_APOSTROPHE.sub("", clean(text[:MAX_NAME])))
    mixed = any(not word.isupper() for word in words)
    for word in words:
        yield from word.lower() if _is_initials(word) and (mixed or len(word) < _PET_NAME) else folded(word)


def _is_initials(word: str) -> bool:
    return word.isascii() and word.isupper() and len(word) <= _MOST_INITIALS


@lru_cache(maxsize=65536)
def compare(one: Name, other: Name) -> Agreement:
    """Return how far two names agree.

    ``same``: family and given name; ``initials``: family name, and initials or short forms that fit; ``related``: they
    share a word (another order, a new family name, a part of the name); ``different``: nothing; ``incomparable``: of
    different scripts.

    >>> compare(read("Roe A"), read("Ada Roe")), compare(read("Ada Roe"), read("Ada Lund"))
    ('initials', 'related')
    """
    if not _same_script(one, other):
        return "incomparable"
    found = [_ordered(one, other), *([_ordered(one.swapped, other)] if one.given and one.family else [])]
    if "same" in found:
        return "same"
    if found[0] == "initials" or (found[-1] == "initials" and len(min(one.family, default="")) > 1):
        return "initials"
    return "related" if _share(one, other) else "different"


def _same_script(one: Name, other: Name) -> bool:
    def is_latin(name: Name) -> bool:
        return all(map(_LATIN.fullmatch, name.words))

    return is_latin(one) == is_latin(other)


def _ordered(one: Name, other: Name) -> Agreement:
    if not one.given or not other.given or not _same_family(one.family, other.family):
        return "different"
    if "".join(one.given) == "".join(other.given) and len(one.given[0]) > 1:
        return "same"
    pairs = list(zip(one.given, other.given, strict=False))
    if not all(_fits(a, b) for a, b in pairs):
        return "different"
    return "same" if len(pairs[0][0]) > 1 and pairs[0][0] == pairs[0][1] else "initials"


def _same_family(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    """True if two family names agree, also where one has a part of the other's ("Lund Roe", "Roe")."""
    if "".join(one) == "".join(other):
        return True
    short, long = sorted((one, other), key=len)
    return bool(short) and long[-len(short) :] == short


def _fits(one: str, other: str) -> bool:
    short, long = sorted((one, other), key=len)
    return long.startswith(short) and (len(short) == 1 or len(short) >= _PET_NAME)


def _share(one: Name, other: Name) -> bool:
    mine, others = _joined(one), _joined(other)
    if mine & others:
        return True
    ends = ({*name.words[:1], *name.words[-1:]} for name in (one, other))
    return any(_is_like(a, b) for a, b in product(*ends)) or _spelt_out(one, other) or _spelt_out(other, one)


def _joined(name: Name) -> set[str]:
    words = (*name.given, *name.family)
    return {*name.words, *(a + b for a, b in pairwise(words) if len(a + b) > _PET_NAME)}


def _is_like(one: str, other: str) -> bool:
    if min(len(one), len(other)) < _LONG:
        return _fits(one, other) and min(len(one), len(other)) >= _PET_NAME
    alike = SequenceMatcher(None, one, other, autojunk=False)
    return alike.quick_ratio() >= _LIKE and alike.ratio() >= _LIKE


def _spelt_out(one: Name, other: Name) -> bool:
    """True if a name of initials alone has those of the other."""
    return not one.words and {*one.given, *one.family} <= {word[0] for word in (*other.given, *other.family)}


# --- records ---------------------------------------------------------------------------------------------------------

Told = tuple[str, str, str, str | None, str | None, list[list[str]]]
"""Field, IRI, name, given name, family name, and IRI and name of each affiliation of a person of a record."""


def people_of(record: Record) -> list[Told]:
    """Return the people of a record once for each IRI and name."""
    found: dict[tuple[str, str], Told] = {}
    for slot in SLOTS:
        for number, person in enumerate(getattr(record.dataset, slot) or ()):
            if isinstance(person, Person):
                places = [[one.id, one.name] for one in person.affiliation or ()]
                told = f"{slot}[{number}]", person.id, person.name, person.given_name, person.family_name, places
                found.setdefault((person.id, person.name), told)
    return list(found.values())


def name_of(told: Any) -> Name:
    """Return the name of a person of a record for comparison."""
    return read(told[2], told[3], told[4])


def organisations_of(record: Record) -> Iterator[tuple[str, Organization]]:
    """Yield every organisation of a record with its field: affiliations, authors, publisher and funders."""
    dataset = record.dataset
    if dataset.publisher:
        yield "publisher", dataset.publisher
    for slot in SLOTS:
        for number, one in enumerate(getattr(dataset, slot) or ()):
            if isinstance(one, Organization):
                yield f"{slot}[{number}]", one
            else:
                yield from ((f"{slot}[{number}].affiliation[{n}]", a) for n, a in enumerate(one.affiliation or ()))
    for number, grant in enumerate(dataset.funding or ()):
        yield from ((f"funding[{number}].funder[{n}]", one) for n, one in enumerate(grant.funder or ()))
