"""Ontology terms that their ontology does not have, or has no more, that bear another's name, or are misspelt.

A term is looked up only in an ontology that is there as a whole: FBbi comes with the hub, others are installed as
references. Of a subset (``complete = false`` in its settings) nothing can be said to be missing.

What was meant is the term that bears the label which the archive gave; else one whose number differs by a slip of the
pen, if its names and that label have their words in common; else, where the archive gave no label, the one number that
differs in its leading zeros alone.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from pydantic import BaseModel

from harvesters.references.ontology import Ontology
from hub import records
from hub.links.contract import (
    NOTHING,
    Evidence,
    Key,
    Member,
    Membership,
    Problem,
    Record,
    RecordKey,
    References,
    Rule,
)
from hub.ontologies import Ontologies, bundled, prefix
from ontology import identifiers
from ontology.text import fold

TERMS = frozenset({"DefinedTerm", "Phenotype", "Taxon"})
WHOLE = frozenset({"fbbi"})
# Names that say the same thing; broader and narrower ones are another's.
SAME = ("label", "exact")
DIGITS = "0123456789"
LONGEST = 11
NUMBERED = re.compile(r"(?:^|/)([A-Za-z]+)[_:](\d+)$")
# Words that many terms share tell nothing of which is meant.
COMMON = frozenset("a an and assay cell imaging method microscopy of or staining technique the using with".split())


def members(record: Record, references: References) -> Membership:
    """Keep the terms of a record that are not what they should be; features are (field, IRI, label) of each."""
    known = references.get("ontology")
    if known is None:
        return NOTHING
    found = [("term", *told) for told in terms_of(record.dataset) if _is_wrong(known, told[1])]
    found += [("name", *told) for told in misnamed(record) if _other(known, *told[1:])]
    found += [("number", *told) for told in malformed(record) if _padded(known, told[1])]
    return Membership(frozenset({record.own_key}), found) if found else NOTHING


def link(key: Key, block: Sequence[Member], references: References) -> Iterable[Problem]:
    """Yield a problem for each of these terms."""
    known: Ontologies = references.get("ontology")
    for member in block:
        for kind, field, iri, name in member.features:
            problem = MAKERS[kind](known, member.record, field, iri, name)
            if problem is not None:
                yield problem


def misnamed(record: Record) -> Iterator[tuple[str, str, str]]:
    """Yield field, IRI and given label of every term whose label is not the ontology's, as the harvester found."""
    for finding in json.loads(record.row.findings):
        if finding["rule"] == "label-mismatch":
            code = finding["message"].partition(" is called ")[0]
            yield finding["field"], identifiers.term(code), finding["value"]


def _other(known: Ontologies, iri: str, name: str) -> str | None:
    """Return the one other term of its table that bears a label, if any; None where the term itself may be meant."""
    home = known.home(iri)
    if home is None or _agrees(name, iri, home):
        return None
    named = _named(name, home)
    return named if named != iri else None


def _misnamed(known: Ontologies, record: RecordKey, field: str, iri: str, name: str) -> Problem | None:
    other = _other(known, iri, name)
    if other is None:
        return None
    code, meant = identifiers.curie(iri), identifiers.curie(other)
    message = f"{code} is {known.label(iri)!r}, but the archive calls it {name!r}: did you mean {meant}?"
    reason = Evidence("table", field, name, f"{known.label(other)} (name of {meant})", source=home_name(known, other))
    return Problem(record, field, "term-of-another-name", iri, message, other, (reason,))


def malformed(record: Record) -> Iterator[tuple[str, str, str]]:
    """Yield field and value (and no label) of every term whose number has another length than its ontology's."""
    for finding in json.loads(record.row.findings):
        if finding["rule"] == "term-invalid":
            yield finding["field"], finding["value"], ""


def _padded(known: Ontologies, value: str) -> str | None:
    """Return the one current term that a misspelt identifier is when leading zeros are put or taken away."""
    found = NUMBERED.search(value)
    if found is None:
        return None
    bare = found[2].lstrip("0")
    forms = {_term(f"{found[1]}:{bare.zfill(size)}") for size in range(len(bare), LONGEST)} - {None}
    current = [iri for iri in forms if iri is not None and iri in known and not known.is_obsolete(iri)]
    return current[0] if len(current) == 1 else None


def _term(text: str) -> str | None:
    try:
        return identifiers.term(text)
    except ValueError:
        return None


def _malformed(known: Ontologies, record: RecordKey, field: str, value: str, name: str) -> Problem | None:
    meant = _padded(known, value)
    if meant is None:
        return None
    code = identifiers.curie(meant)
    message = f"{value!r} has not the digits of its ontology's terms: did you mean {code} ({known.label(meant)})?"
    reason = Evidence("table", field, value, f"{known.label(meant)} ({code})", source=home_name(known, meant))
    return Problem(record, field, "term-malformed", value, message, meant, (reason,))


def home_name(known: Ontologies, iri: str) -> str:
    """Return name and version of the ontology that tells of a term."""
    home = known.home(iri)
    return _source(home) if home is not None else ""


def _source(home: Ontology) -> str:
    return f"{home.name} {home.meta().get('version', '')}".strip()


def terms_of(thing: BaseModel, path: str = "") -> Iterator[tuple[str, str, str]]:
    """Yield field, IRI and name of every term in a record, each IRI once."""
    seen: set[str] = set()
    for field, iri, name in _terms(thing, path):
        if iri not in seen:
            seen.add(iri)
            yield field, iri, name


def _terms(thing: BaseModel, path: str) -> Iterator[tuple[str, str, str]]:
    table = records.table_of(thing)
    if table.name in TERMS:
        named = thing.model_dump(include={"id", "name", "scientific_name"})
        yield path, named["id"], named.get("name") or named["scientific_name"]
    for slot in table.slots:
        value = getattr(thing, slot.name) if slot.kind == "node" else None
        for number, item in enumerate(value if isinstance(value, list) else [value] if value else []):
            place = f"{slot.name}[{number}]" if slot.many else slot.name
            yield from _terms(item, f"{path}.{place}" if path else place)


def whole(known: Ontologies, iri: str) -> Ontology | None:
    """Return the ontology that a term's prefix names, if all its terms are there."""
    name = prefix(iri)
    own = next((o for o in known.known if o.name == name), None)
    if own is None or (own in bundled() and name not in WHOLE):
        return None
    return None if _options(own).get("complete") is False else own


def _options(ontology: Ontology) -> dict[str, Any]:
    told = json.loads(ontology.meta().get("options") or "{}")
    return told if isinstance(told, dict) else {}


def _is_wrong(known: Ontologies, iri: str) -> bool:
    home = whole(known, iri)
    return home is not None and (iri not in home or home.is_obsolete(iri))


def _wrong(known: Ontologies, record: RecordKey, field: str, iri: str, name: str) -> Problem | None:
    home = whole(known, iri)
    if home is None or not _is_wrong(known, iri):
        return None
    code = identifiers.curie(iri)
    given = "" if name == code else name
    if iri not in home:
        meant, why = did_you_mean(iri, given, home)
        message = f"{home.name} has no term {code}" + (f"; the archive calls it {given!r}" if given else "")
        rule = "term-unknown"
    else:
        meant, why = instead(iri, given, home)
        message, rule = f"{code} ({home.label(iri)}) is obsolete", "term-obsolete"
    if meant is not None:
        message += f": did you mean {identifiers.curie(meant)} ({home.label(meant)})?"
    reasons = (Evidence("table", field, given or code, why, source=_source(home)),) if meant is not None else ()
    return Problem(record, field, rule, iri, message, meant, reasons)


def did_you_mean(iri: str, name: str, home: Ontology) -> tuple[str | None, str]:
    """Return the term that was meant by one that is not there, and why; (None, "") where that is not certain."""
    if name and (named := _named(name, home)):
        return named, f"{home.label(named)} (name of the term)"
    start, _, number = iri.rpartition("_")
    near = [f"{start}_{other}" for other in slips(number) if f"{start}_{other}" in home]
    near = [other for other in near if not home.is_obsolete(other)]
    if name:
        agreeing = [other for other in near if _agrees(name, other, home)]
    else:
        agreeing = [other for other in near if other.rpartition("_")[2].lstrip("0") == number.lstrip("0")]
    if len(agreeing) != 1:
        return None, ""
    return agreeing[0], f"{home.label(agreeing[0])} (number differs by a slip)"


def instead(iri: str, name: str, home: Ontology) -> tuple[str | None, str]:
    """Return the term to use instead of an obsolete one, and why; (None, "") where none is named."""
    if replacement := home.replaced_by(iri):
        return replacement, f"{home.label(replacement)} (replaces it)"
    plain = (home.label(iri) or "").removeprefix("obsolete ")
    for words in filter(None, (name.removeprefix("obsolete "), plain)):
        if named := _named(words, home):
            return named, f"{home.label(named)} (name of the term)"
    return None, ""


def _named(name: str, home: Ontology) -> str | None:
    """Return the one current term that has a name; a label counts before synonyms."""
    found = [c for c in home.find(name, SAME) if not c.is_obsolete]
    for kind in SAME:
        terms = [c.iri for c in found if c.kind == kind]
        if terms:
            return terms[0] if len(terms) == 1 else None
    return None


def _agrees(name: str, iri: str, home: Ontology) -> bool:
    """Tell whether a label and one of a term's names have the same telling words, as far as the shorter one goes."""
    given = _words(name)
    for other in (home.label(iri) or "", *home.synonyms(iri)):
        few, many = sorted((given, _words(other)), key=len)
        if few and few <= many:
            return True
    return False


def _words(name: str) -> frozenset[str]:
    letters = "".join(c if c.isalnum() else " " for c in fold(name))
    return frozenset(letters.split()) - COMMON


def slips(number: str) -> list[str]:
    """Return the numbers that a slip turns into this one: leading zeros, a digit more, fewer or other, two swapped.

    >>> [s for s in slips("00000265") if s in ("00000256", "0000265", "00000266", "00000652")]
    ['00000256', '00000266', '0000265']
    """
    width = len(number)
    bare = number.lstrip("0")
    swapped = {number[:n] + number[n + 1] + number[n] + number[n + 2 :] for n in range(width - 1)}
    other = {number[:n] + d + number[n + 1 :] for n in range(width) for d in DIGITS}
    fewer = {number[:n] + number[n + 1 :] for n in range(width)}
    more = {number[:n] + d + number[n:] for n in range(width + 1) for d in DIGITS}
    zeros = {bare.zfill(size) for size in range(len(bare), LONGEST)}
    lengths = {value.lstrip("0").zfill(8) for value in fewer | more}
    return sorted((swapped | other | fewer | more | zeros | lengths) - {number, ""})


MAKERS = {"term": _wrong, "name": _misnamed, "number": _malformed}

RULE = Rule(
    name="term-exists",
    title="ontology terms that do not exist, are obsolete, or are another's by name",
    version=1,
    predicates=(),
    members=members,
    link=link,
    references=("ontology",),
)
