"""A deliberately awkward archive, and its harvester: tests put it into ``sys.modules`` as ``harvesters.hostile``.

It lists keys twice, changes its listing between runs, breaks off half-way, loses payloads, gives one accession to two
entries, and sends nonsense and very long texts.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, field

from harvesters.building import Builder
from harvesters.contract import (
    Context,
    Entry,
    Harvested,
    Harvester,
    Http,
    Listing,
    RecordError,
    Source,
    SourceError,
    Withdrawal,
)
from linkml_schemas.generated.model import Dataset


@dataclass
class Archive:
    """What the archive holds now, and how it misbehaves.

    Attributes:
        documents: key → payload.
        breaks_after: number of listed lines after which the listing fails.
        unreadable: keys that are listed and cannot be fetched.
        repeats: whether each key is listed again at the end.
        versions: whether entries carry a version.
        withdrawn: keys that the listing calls withdrawn.
        carries: whether the listing carries the payloads.
        is_partial: whether the listing holds only what is new.
        recalled: what each run was told that the last complete one remembered.
    """

    documents: dict[str, bytes] = field(default_factory=dict)
    breaks_after: int | None = None
    unreadable: frozenset[str] = frozenset()
    repeats: bool = True
    versions: bool = False
    withdrawn: frozenset[str] = frozenset()
    carries: bool = False
    is_partial: bool = False
    recalled: list[str | None] = field(default_factory=list)
    fetched: int = 0

    def put(self, number: int, **said: str) -> None:
        """Publish a document."""
        document = {"accession": f"S-BIAD{number}", "title": f"Title {number}", **said}
        self.documents[f"e{number:04}"] = json.dumps(document).encode()

    def spoil(self, share: float, seed: int = 1) -> list[str]:
        """Turn a share of the documents into nonsense; return their keys."""
        keys = random.Random(seed).sample(sorted(self.documents), int(share * len(self.documents)))
        for number, key in enumerate(keys):
            self.documents[key] = (b"", b"<html>", b"[]", b'{"accession": "?"}', b"\xff")[number % 5]
        return sorted(keys)


ARCHIVE = Archive()


def entries(http: Http, source: Source) -> Iterator[Entry]:
    ARCHIVE.recalled.append(http.recall("turn"))
    http.remember("turn", str(len(ARCHIVE.recalled)))
    keys = sorted(ARCHIVE.documents)
    for line, key in enumerate([*keys, *(reversed(keys) if ARCHIVE.repeats else ())]):
        if line == ARCHIVE.breaks_after:
            raise SourceError("the listing broke off")
        document = ARCHIVE.documents[key]
        yield Entry(
            key,
            str(hash(document)) if ARCHIVE.versions else None,
            f"https://hostile.example/{key}",
            document if ARCHIVE.carries else None,
            Withdrawal("The archive deleted it", "2026-11-01") if key in ARCHIVE.withdrawn else None,
        )


def listing(http: Http, source: Source) -> Listing:
    return "partial" if ARCHIVE.is_partial else "full"


def fetch(http: Http, source: Source, entry: Entry) -> bytes:
    ARCHIVE.fetched += 1
    if entry.key in ARCHIVE.unreadable:
        raise SourceError("gone", status=404)
    return ARCHIVE.documents[entry.key]


def transform(raw: bytes, entry: Entry, ctx: Context) -> Harvested:
    try:
        said = json.loads(raw)
        builder = Builder(ctx, said["accession"])
    except (ValueError, TypeError, KeyError) as err:
        raise RecordError(f"{entry.key}: {type(err).__name__}", "a second reason") from err
    record = Dataset(
        id=builder.dataset_iri,
        accession=builder.accession,
        name=builder.text("title", said["title"]) or builder.accession,
        archive=builder.archive(),
    )
    builder.iri("page", said.get("page"))
    return Harvested(record, tuple(builder.findings))


HARVESTER = Harvester(
    name="hostile",
    title="An awkward archive",
    homepage="https://hostile.example/",
    licence=None,
    entries=entries,
    fetch=fetch,
    transform=transform,
    listing=listing,
)
