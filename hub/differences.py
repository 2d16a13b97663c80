"""What differs between two forms of a dataset: in statements, and in words, slot by slot.

Both are made of the record alone, so they are the same whoever compares. Texts are compared word by word; lists as
sets of things, which are known by their IRI, or by their name where their IRI belongs to one record.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any, Final, Literal

from pydantic import BaseModel

from hub import digests, records
from linkml_schemas.generated.model import Dataset
from ontology import licences

MOST_NAMED: Final = 5
"""Things of a list that are named; the others are counted."""
MOST_WORDS: Final = 2000
"""Words that are compared one by one, beside those that two texts begin and end with."""
SHOWN_AROUND: Final = 20
"""Unchanged words that are shown on each side of a change."""
LONG_TEXTS: Final = ("name", "description", "copyright_notice")
LABELS: Final = {
    "name": "title",
    "url": "address at the archive",
    "same_as": "other identifier",
    "date_published": "publication date",
    "date_modified": "date of change",
    "date_submitted": "submission date",
    "license": "licence",
    "copyright_notice": "rights",
    "is_accessible_for_free": "access",
    "accountable_person": "principal investigator",
    "funding": "grant",
    "publication": "paper",
    "about": "subject",
    "measurement_method": "imaging method",
    "has_part": "part",
    "size_bytes": "size",
    "file_count": "number of files",
    "image_count": "number of images",
    "well_count": "number of wells",
    "thumbnail": "example image",
    "related": "related record",
    "unknown": "field that the archive calls unknown",
    "not_applicable": "field that the archive calls inapplicable",
}
Kind = Literal["added", "removed", "changed"]


@dataclass(frozen=True, slots=True)
class Piece:
    """Words of a text that was compared; ``left out`` stands for unchanged ones."""

    kind: Literal["same", "deleted", "inserted", "left out"]
    text: str


@dataclass(frozen=True, slots=True)
class Edit:
    """One difference.

    Attributes:
        slot: name of the slot.
        kind: what happened to it, or to some things of a list.
        text: the difference in words.
        pieces: of a text that changed, the words around and in what changed.
    """

    slot: str
    kind: Kind
    text: str
    pieces: tuple[Piece, ...] = ()


def statements(before: Dataset | None, after: Dataset | None) -> tuple[list[str], list[str]]:
    """Return the statements that only the first and only the second has: sorted lines of N-Triples without line ends.

    What two records of 20,000 genes have in common is left out before statements are made. A thing in it is told of
    wholly and alike in both, so what the rest says of such a thing is no difference.
    """
    if before is None or after is None:
        return (_lines(before), []) if before else ([], _lines(after) if after else [])
    ours, theirs, inside = _without_common(before, after)
    removed, added = set(_lines(ours)), set(_lines(theirs))
    return _outside(removed - added, inside), _outside(added - removed, inside)


def _lines(record: Dataset) -> list[str]:
    return digests.lines(record)


def _outside(told: set[str], inside: set[str]) -> list[str]:
    return sorted(line for line in told if line[1 : line.index(">")] not in inside)


def _without_common(before: Dataset, after: Dataset) -> tuple[Dataset, Dataset, set[str]]:
    """Return two records without the things that both list alike, and the IRIs of these and of all things in them."""
    changed: tuple[dict[str, Any], dict[str, Any]] = ({}, {})
    inside: set[str] = set()
    for slot in records.tables()["Dataset"].slots:
        old, new = getattr(before, slot.name), getattr(after, slot.name)
        if slot.kind != "node" or not slot.many or slot.ordered or not old or not new:
            continue
        known = {thing.id: thing for thing in old}
        common = {thing.id for thing in new if thing == known.get(thing.id)}
        for thing in common:
            inside.update(_ids(known[thing]))
        for side, things in zip(changed, (old, new), strict=True):
            side[slot.name] = [thing for thing in things if thing.id not in common] or None
    return before.model_copy(update=changed[0]), after.model_copy(update=changed[1]), inside


def _ids(thing: BaseModel) -> Iterator[str]:
    """Yield the IRI of a thing and of all things in it."""
    yield thing.id  # type: ignore[attr-defined]
    for value in thing.__dict__.values():
        for inner in value if isinstance(value, list) else (value,):
            if isinstance(inner, BaseModel):
                yield from _ids(inner)


def edits(before: Dataset | None, after: Dataset | None) -> list[Edit]:
    """Return what differs, in the order of the model's slots; nothing where one of the two did not stand."""
    if before is None or after is None:
        return []
    found: list[Edit] = []
    for slot in records.tables()["Dataset"].slots:
        old, new = getattr(before, slot.name), getattr(after, slot.name)
        if old != new:
            found += _listed(slot.name, old or [], new or []) if slot.many else _single(slot.name, old, new)
    return found


def label(slot: str) -> str:
    """Return what people call a slot, in small letters.

    >>> label("license"), label("imaging_scale")
    ('licence', 'imaging scale')
    """
    return LABELS.get(slot, slot.replace("_", " "))


def sentence(found: list[Edit], most_chars: int = 300) -> str:
    """Return differences in one line."""
    text = "; ".join(edit.text for edit in found)
    return text if len(text) <= most_chars else text[: most_chars - 2].rstrip() + " …"


# --- one value ----------------------------------------------------------------------------------------------------


def _single(slot: str, old: Any, new: Any) -> Iterator[Edit]:
    name = _capital(label(slot))
    if old is None:
        yield Edit(slot, "added", f"{name} added: {_shown(slot, new)}")
    elif new is None:
        yield Edit(slot, "removed", f"{name} removed: {_shown(slot, old)}")
    elif slot in LONG_TEXTS:
        yield Edit(slot, "changed", f"{name} changed", tuple(words(old, new)))
    elif (ours := _shown(slot, old)) != (theirs := _shown(slot, new)):
        yield Edit(slot, "changed", f"{name}: {ours} became {theirs}")
    else:
        yield Edit(slot, "changed", f"{name} changed: {ours}{_within(old, new)}")


def _shown(slot: str, value: Any) -> str:
    if slot == "license":
        return _licence(str(value))
    if isinstance(value, bool):
        return ("restricted", "free")[value] if slot == "is_accessible_for_free" else ("no", "yes")[value]
    if isinstance(value, int):
        return f"{value:,}" + (" bytes" if slot == "size_bytes" else "")
    text = _name(value)
    return text if len(text) <= 200 else f"{text[:200].rstrip()} …"


def _licence(url: str) -> str:
    name = licences.spdx(url) or url
    return re.sub(r"^(CC0?)-(?:(.+)-)?(\d\.\d)$", lambda found: " ".join(filter(None, found.groups())), name)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


# --- lists --------------------------------------------------------------------------------------------------------


def _listed(slot: str, old: list[Any], new: list[Any]) -> Iterator[Edit]:
    key = _key(old, new)
    ours, theirs = ({key(thing): thing for thing in things} for things in (old, new))
    added = [thing for known, thing in theirs.items() if known not in ours]
    removed = [thing for known, thing in ours.items() if known not in theirs]
    changed = [(ours[known], thing) for known, thing in theirs.items() if known in ours and ours[known] != thing]
    if added:
        yield Edit(slot, "added", _counted(slot, "added", [_name(thing) for thing in added]))
    if removed:
        yield Edit(slot, "removed", _counted(slot, "removed", [_name(thing) for thing in removed]))
    if changed:
        named = [f"{_name(now)}{_within(was, now)}" for was, now in changed[:MOST_NAMED]]
        yield Edit(slot, "changed", _counted(slot, "changed", named, len(changed)))
    if not (added or removed or changed):
        yield Edit(slot, "changed", f"Order of {_plural(label(slot))} changed")


def _key(old: list[Any], new: list[Any]) -> Callable[[Any], str]:
    """Return what things are known by: their IRI or value; where nodes of a record have names of their own, these."""
    by_name = [[_known_by(thing) for thing in things] for things in (old, new)]
    if all(len(set(names)) == len(names) for names in by_name):
        return _known_by
    return lambda thing: str(getattr(thing, "id", thing))


def _known_by(thing: Any) -> str:
    iri, name = getattr(thing, "id", None), getattr(thing, "name", None)
    if iri is None:
        return str(thing)
    return str(name).casefold() if name and "#" in iri else str(iri)


def _counted(slot: str, what: Kind, named: list[str], number: int = 0) -> str:
    number = number or len(named)
    name = label(slot) if number == 1 else _plural(label(slot))
    more = f" and {number - MOST_NAMED:,} more" if number > MOST_NAMED else ""
    return f"{number:,} {name} {what}: {', '.join(named[:MOST_NAMED])}{more}"


def _plural(text: str) -> str:
    """Return the plural of a label; of one with a clause, that of its first word.

    >>> _plural("keyword"), _plural("gene annotation"), _plural("field that the archive calls unknown")
    ('keywords', 'gene annotations', 'fields that the archive calls unknown')
    """
    head, clause, rest = text.partition(" that ")
    return f"{head}s{clause}{rest}"


def _name(thing: Any) -> str:
    """Return what people call a value: its name, that of what it is about, or its IRI."""
    if not isinstance(thing, BaseModel):
        return str(getattr(thing, "value", thing))
    for field in ("name", "scientific_name", "symbol", "accession", "number", "content_url"):
        if text := getattr(thing, field, None):
            return str(text)
    inner = getattr(thing, "gene", None) or next(iter(getattr(thing, "reagent", None) or []), None)
    return _name(inner) if inner is not None else str(thing.id)  # type: ignore[attr-defined]


def _within(was: Any, now: Any) -> str:
    """Return in brackets which slots of a thing differ."""
    if type(was) is not type(now) or not isinstance(was, BaseModel):
        return ""
    names = [name for name in type(now).model_fields if name != "id" and getattr(was, name) != getattr(now, name)]
    return f" ({', '.join(label(name) for name in names)})" if names else ""


# --- texts --------------------------------------------------------------------------------------------------------


def words(old: str, new: str) -> Iterator[Piece]:
    """Yield two texts as one, word by word; long unchanged parts are left out.

    >>> [(piece.kind, piece.text) for piece in words("a red cell", "a blue cell")]
    [('same', 'a'), ('deleted', 'red'), ('inserted', 'blue'), ('same', 'cell')]
    """
    ours, theirs = old.split(), new.split()
    begin = _common(ours, theirs)
    end = _common(ours[begin:][::-1], theirs[begin:][::-1])
    middle = ours[begin : len(ours) - end], theirs[begin : len(theirs) - end]
    yield from _same(ours[:begin], is_first=True)
    yield from _compared(*middle)
    yield from _same(ours[len(ours) - end :], is_last=True)


def _common(one: list[str], other: list[str]) -> int:
    pairs = enumerate(zip(one, other, strict=False))
    return next((place for place, (ours, theirs) in pairs if ours != theirs), min(len(one), len(other)))


def _compared(ours: list[str], theirs: list[str]) -> Iterator[Piece]:
    if max(len(ours), len(theirs)) > MOST_WORDS:
        yield from _other(ours, theirs)
        return
    for kind, start, stop, other_start, other_stop in SequenceMatcher(None, ours, theirs).get_opcodes():
        if kind == "equal":
            yield from _same(ours[start:stop])
        else:
            yield from _other(ours[start:stop], theirs[other_start:other_stop])


def _other(ours: list[str], theirs: list[str]) -> Iterator[Piece]:
    if ours:
        yield Piece("deleted", " ".join(ours))
    if theirs:
        yield Piece("inserted", " ".join(theirs))


def _same(kept: list[str], *, is_first: bool = False, is_last: bool = False) -> Iterator[Piece]:
    """Yield unchanged words: those next to a change, where they are many."""
    before, after = (0 if is_first else SHOWN_AROUND), (0 if is_last else SHOWN_AROUND)
    if len(kept) <= 2 * SHOWN_AROUND:
        yield from (Piece("same", " ".join(kept)),) if kept else ()
        return
    if before:
        yield Piece("same", " ".join(kept[:before]))
    yield Piece("left out", "…")
    if after:
        yield Piece("same", " ".join(kept[-after:]))
