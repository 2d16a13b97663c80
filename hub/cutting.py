"""Taking persons, fields and words out of a record, without keeping what they were.

What is to be taken out is known by keyed hashes of its words alone (BLAKE2b under a key that lies outside the
catalogue), so the catalogue tells nobody what was erased, and every later harvest can be searched for it.

Source: https://www.rfc-editor.org/rfc/rfc7693
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hub.errors import ConfigError, StoreError

MARK = "[redacted]"
KEY_BYTES = 32
MAX_WORDS = 200
# What says which thing a record is about; a record without it is none.
KEPT = frozenset({"id", "type", "accession", "archive"})
_WORD = re.compile(r"\w+")
_GONE = object()


class Secret:
    """The key of the hashes.

    Args:
        key: some random bytes.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key
        self.sign = self.digest(["bioimage", "hub"])

    @classmethod
    def of(cls, file: Path) -> Secret:
        """Return the key in a file; one is made there, readable by nobody else, if there is none.

        Raises:
            StoreError: the file cannot be read or written.
        """
        try:
            if not file.exists():
                file.parent.mkdir(parents=True, exist_ok=True)
                with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
                    out.write(os.urandom(KEY_BYTES).hex())
                    out.flush()
                    os.fsync(out.fileno())
            return cls(bytes.fromhex(file.read_text(encoding="ascii")))
        except (OSError, ValueError) as err:
            raise StoreError(f"the key of redactions {file} cannot be used: put back the hub's own ({err})") from err

    def digest(self, words: Iterable[str]) -> str:
        """Return the hash of some words, whatever their case."""
        text = "\0".join(word.casefold() for word in words)
        return hashlib.blake2b(text.encode(), key=self._key, digest_size=16).hexdigest()


@dataclass(frozen=True, slots=True)
class Cut:
    """Something that is taken out of records.

    Attributes:
        slot: the slot of the dataset that it is taken out of; empty for the whole record.
        digests: number of words by the hash of the words; none for everything in the slot.
        people: hashes of the sorted words of names; a person of such a name goes as a whole.
    """

    slot: str = ""
    digests: dict[str, int] = field(default_factory=dict)
    people: frozenset[str] = frozenset()

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {"field": self.slot, "digests": self.digests, "people": sorted(self.people)}

    @classmethod
    def from_json(cls, told: dict[str, Any]) -> Cut:
        """Return the cut that JSON tells of."""
        return cls(told["field"], told["digests"], frozenset(told["people"]))


def of_value(secret: Secret, slot: str, values: Iterable[str], *, is_person: bool = False) -> Cut:
    """Return the cut of values: texts, or names and ORCID of a person.

    Raises:
        ConfigError: a value has no word in it, or more than 200.
    """
    digests, people = {}, set()
    for value in values:
        words = _WORD.findall(value)
        if not 0 < len(words) <= MAX_WORDS:
            raise ConfigError(f"value: it has {len(words)} words: give from 1 to {MAX_WORDS} words of it")
        for spelling in _spellings(words) if is_person else (words,):
            digests[secret.digest(spelling)] = len(words)
        people.add(_person(secret, words))
    return Cut(slot, digests, frozenset(people))


def _spellings(words: list[str]) -> Iterator[list[str]]:
    """Yield a name as it is written, and with the family name first."""
    yield words
    if not any(word.isdigit() for word in words):
        yield [words[-1], *words[:-1]]
        yield [*words[1:], words[0]]


def _person(secret: Secret, words: Iterable[str]) -> str:
    return secret.digest(["person", *sorted(word.casefold() for word in words)])


def without(record: str, findings: str, cuts: Iterable[Cut], secret: Secret) -> tuple[str, str]:
    """Return the JSON of a record and of its findings with some things taken out; the same texts if they are not there.

    Words within a text become ``[redacted]``; a person, a link or a list's value that tells them goes as a whole.
    """
    told, notes = json.loads(record), json.loads(findings)
    for cut in cuts:
        told, notes = _Cutting(cut, secret).of(told, notes)
    changed, noted = (json.dumps(value, ensure_ascii=False) for value in (told, notes))
    is_same = json.loads(record) == told, json.loads(findings) == notes
    return record if is_same[0] else changed, findings if is_same[1] else noted


def learnt(record: str, cut: Cut, secret: Secret) -> dict[str, int]:
    """Return hashes of the names and ORCID of the people whom a cut takes out of a record, for texts beside it."""
    cutting, told = _Cutting(cut, secret), json.loads(record)
    cutting.look_for_people(told.get(cut.slot) if cut.slot else told)
    known = [iri.rpartition("/")[2] for iri in cutting.gone if iri.startswith("https://orcid.org/")]
    return cutting.digests | {secret.digest(words := _WORD.findall(name)): len(words) for name in known}


def text_without(text: str, cuts: Iterable[Cut], secret: Secret) -> str:
    """Return a text, of whatever kind, with the words of some cuts taken out."""
    for cut in cuts:
        text = _Cutting(cut, secret).text(text)
    return text


class _Cutting:
    """One cut through one record."""

    def __init__(self, cut: Cut, secret: Secret) -> None:
        self.cut, self.secret = cut, secret
        self.digests = dict(cut.digests)
        self.gone: set[str] = set()

    def of(self, told: dict[str, Any], notes: list[Any]) -> tuple[dict[str, Any], list[Any]]:
        name = self.cut.slot
        if name and not self.digests:
            return {key: value for key, value in told.items() if key != name}, _not_about(notes, name)
        self.look_for_people(told.get(name) if name else told)
        kept = {}
        for key, value in told.items():
            left = value if key in KEPT or (name and key != name) else self._left(value)
            if left is not _GONE:
                kept[key] = left
        return kept, [self._told(note) for note in notes]

    def look_for_people(self, thing: Any) -> None:
        """Note the IRI and the names of every person that goes, so that these go wherever else they stand."""
        if isinstance(thing, list):
            for one in thing:
                self.look_for_people(one)
        elif isinstance(thing, dict):
            if self._is_person(thing):
                self.gone.add(str(thing["id"]))
                for spelling in _spellings(_WORD.findall(str(thing["name"]))):
                    self.digests[self.secret.digest(spelling)] = len(spelling)
            for one in thing.values():
                self.look_for_people(one)

    def _is_person(self, thing: dict[str, Any]) -> bool:
        name = thing.get("name")
        if not isinstance(name, str) or "id" not in thing or not _WORD.search(name):
            return False
        return _person(self.secret, _WORD.findall(name)) in self.cut.people or self._tells(str(thing["id"]))

    def _left(self, value: Any) -> Any:
        """Return what is left of a value, or the mark of nothing."""
        if isinstance(value, list):
            left = [one for one in map(self._left, value) if one is not _GONE]
            return left if left or not value else _GONE
        if isinstance(value, dict):
            return self._left_of_thing(value)
        return self._left_of_text(value) if isinstance(value, str) else value

    def _left_of_thing(self, thing: dict[str, Any]) -> Any:
        if thing.get("id") in self.gone or self._tells(str(thing.get("id", ""))) or self._is_person(thing):
            return _GONE
        left = {key: one if key in ("id", "type") else self._left(one) for key, one in thing.items()}
        return {key: one for key, one in left.items() if one is not _GONE}

    def _left_of_text(self, text: str) -> Any:
        if text in self.gone:
            return _GONE
        left = self.text(text)
        is_whole = left == MARK or ("://" in text.split(" ", 1)[0] and left != text)
        return _GONE if is_whole else left

    def _told(self, note: Any) -> Any:
        return {key: self.text(one) if isinstance(one, str) else one for key, one in note.items()}

    def _tells(self, text: str) -> bool:
        return any(True for _ in self._places(text))

    def text(self, text: str) -> str:
        """Return a text with the words taken out."""
        kept, place = [], 0
        for start, end in self._places(text):
            if start >= place:
                kept += [text[place:start], MARK]
                place = end
        return "".join((*kept, text[place:]))

    def _places(self, text: str) -> Iterator[tuple[int, int]]:
        """Yield where the words stand: first and last character after, in order."""
        words = list(_WORD.finditer(text))
        lengths = sorted(set(self.digests.values()), reverse=True)
        for first in range(len(words)):
            for length in lengths:
                window = words[first : first + length]
                if len(window) == length and self.digests.get(self._digest(window)) == length:
                    yield window[0].start(), window[-1].end()
                    break

    def _digest(self, window: list[re.Match[str]]) -> str:
        return self.secret.digest([word[0] for word in window])


def _not_about(notes: list[Any], name: str) -> list[Any]:
    """Return the findings that are not about a slot; a finding names it in its archive's spelling or in the model's."""
    slot = name.replace("_", "").casefold()
    return [note for note in notes if not str(note.get("field", "")).replace("_", "").casefold().startswith(slot)]
