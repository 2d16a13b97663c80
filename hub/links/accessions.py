"""Accessions of other archives' datasets in texts, and behind addresses and DOIs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal

from linkml_schemas.generated.model import Dataset
from ontology import archives

Wording = Literal["converted", "available", "named"]

_WRITTEN: Final = re.compile(
    r"https?://[^\s<>\"')\]]*|\b10\.(?:6019|24631)/[^\s<>\"')\]]+"
    r"|(?<![\w/.-])(?:EMPIAR[-: _]{0,2}(?:EMPIAR-)?\d{5,6}|idr\d{4}|S-(?:BIAD|BSST)\d+|S-(?:BSMS|JCBD|DHCA)-?[A-Z]*\d+"
    r"|ssbd-repos-\d{6}|HUB-[0-9A-HJKMNP-TV-Z]{8})(?![A-Za-z0-9])",
    re.IGNORECASE | re.ASCII,
)
_END: Final = re.compile(r"(?<!\bNo)(?<!\bal)(?<!\bAcc)(?<!\bFig)(?<!\bRef)[.!?](?=\s+[^a-z\s]|\s*$)|\n")
_SHOWN: Final = 400
_CONVERTED: Final = re.compile(
    r"\b(?:convert(?:ed|sion)|reformatted|re-?deposited|copied|imported|transferred|migrated)\b[^.]{0,40}\b(?:from|of)\W*$"
    r"|\b(?:same|identical)\s+(?:data|images?|study|dataset)[^.]{0,30}\bas\W*$",
    re.IGNORECASE,
)
_AVAILABLE: Final = re.compile(
    r"\b(?:data(?:sets?)?|images?|available|deposited|archived|submitted|uploaded)\b.{0,200}"
    r"\b(?:available|deposited|archived|accessible|submitted|uploaded|under|on|in|at)\b.{0,60}$",
    re.IGNORECASE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Mention:
    """Where a text names a dataset.

    Attributes:
        dataset: archive and name of the dataset, as in its IRI, e.g. ``idr/idr0054``.
        field: slot of the record that holds the text, with indices.
        written: how it is written there.
        start: offset in the text, in characters.
        quote: the sentence.
        wording: ``converted`` (the text says that its data were made from that dataset's), ``available`` (that data are
            to be had there), else ``named``.
    """

    dataset: str
    field: str
    written: str
    start: int
    quote: str
    wording: Wording


named = lru_cache(maxsize=8192)(archives.named)
"""`ontology.archives.named`, which is asked for the same texts again and again."""


def of_iri(iri: str) -> str | None:
    """Return archive and name of the dataset that an IRI of the hub or an archive's address means, or None.

    >>> of_iri("https://h/dataset/bia/S-BIAD29")
    'bia/S-BIAD29'
    """
    _, found, path = iri.partition("/dataset/")
    archive, _, name = path.partition("/")
    return path if found and name and "/" not in name and archive in archives.ARCHIVES else named(iri)


def mentions(dataset: Dataset) -> Iterator[Mention]:
    """Yield where the texts of a record name datasets, each dataset once for each text."""
    for field, text in _texts(dataset):
        seen = set()
        for found in _WRITTEN.finditer(text):
            written = found[0].rstrip(".,;:")
            name = named(written)
            if name and name not in seen:
                seen.add(name)
                start, stop = _sentence(text, found.start(), found.start() + len(written))
                before = text[max(start, found.start() - 300) : found.start()]
                quote = text[start:stop].strip()[:_SHOWN]
                yield Mention(name, field, written, found.start(), quote, _wording(before))


def _texts(dataset: Dataset) -> Iterator[tuple[str, str]]:
    yield "name", dataset.name
    yield "description", dataset.description or ""
    for slot in ("has_part", "measurement_method", "about"):
        for number, thing in enumerate(getattr(dataset, slot) or []):
            if text := getattr(thing, "description", None):
                yield f"{slot}[{number}].description", text


def _sentence(text: str, start: int, stop: int) -> tuple[int, int]:
    first = max((end.end() for end in _END.finditer(text, 0, start)), default=0)
    last = _END.search(text, stop)
    return first, last.end() if last else len(text)


def _wording(before: str) -> Wording:
    if _CONVERTED.search(before):
        return "converted"
    return "available" if _AVAILABLE.search(before) else "named"
