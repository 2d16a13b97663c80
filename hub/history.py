"""What became of one dataset: its versions in the log, how it stood after each, and what differs between two.

A version of a dataset is one change of one of its records. How it stood then is merged from the records that stood
then, by the precedence of now; only what readers could see is told. The problems that a harvest noted are not kept
with versions, and disagreements between records are found again.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from hub import describe, differences, records, routes, views
from hub.config import Settings
from hub.describe import Description
from hub.differences import Edit
from hub.errors import NotFoundError
from hub.feeds.journal import ACTIVE, Journal
from hub.log import Log, RecordRow, Version, changes, statements, versions
from hub.routes import Precedence
from linkml_schemas.generated.model import Dataset

SHOWN: Final = (ACTIVE, "suppressed")
"""States in which a record can be read; of other states a note is left."""
MOST_READ_CHARS: Final = 32_000_000
"""Records that are read to say in a line what changed, in characters of JSON; what is more is not compared."""
CUT: Final = ("gene_annotation", "reagent_annotation")
ACTIONS: Final = {
    "create": "first version",
    "withdraw": "withdrawn",
    "restore": "came back",
    "suppress": "suppressed",
    "replace": "replaced",
    "redact": "redacted",
}


@dataclass(frozen=True, slots=True)
class Entry:
    """One version of a dataset.

    Attributes:
        sequence: number of the change that made it.
        seen: ISO 8601 time from which readers could see it.
        at: ISO 8601 time of the change.
        action: what happened: ``create``, ``update``, ``withdraw``, ``restore`` …
        run: number of the run that did it.
        source: name of the source whose record changed.
        accession: of that record.
        state: of that record from then on.
        title: of that record; empty once it was erased.
        is_erased: whether what the record said then was erased.
        sha256: hash of the record's canonical statements, where it was signed.
        reason: why it was withdrawn or erased, or "".
    """

    sequence: int
    seen: str
    at: str
    action: str
    run: int
    source: str
    accession: str
    state: str
    title: str
    is_erased: bool
    sha256: str | None
    reason: str


@dataclass(frozen=True, slots=True)
class Stood:
    """A dataset as it stood after a version.

    Attributes:
        entry: the version.
        found: the dataset; None where no record of it stood, or all were erased.
        gone: records that were withdrawn or are erased, each as its last version until then.
    """

    entry: Entry
    found: Description | None
    gone: list[Entry] = field(default_factory=list)

    @property
    def record(self) -> Dataset | None:
        """The dataset, merged."""
        return self.found.record if self.found else None


@dataclass(frozen=True, slots=True)
class Difference:
    """What differs between two versions of a dataset.

    Attributes:
        before: the version that is compared with.
        after: the version that is compared.
        edits: in words, by slot.
        removed: statements of the first alone, sorted lines of N-Triples.
        added: statements of the second alone.
    """

    before: Stood
    after: Stood
    edits: list[Edit]
    removed: list[str]
    added: list[str]


class History:
    """The visible versions of one dataset.

    Args:
        log: the catalogue.
        settings: for precedence and the base IRI.
        iri: of the dataset.
        until: the last number that readers can see.

    Raises:
        NotFoundError: readers never saw a version of it.
    """

    def __init__(self, log: Log, settings: Settings, iri: str, until: int) -> None:
        self.log, self.iri, self._settings = log, iri, settings
        self.entries = _entries(log, iri, until)
        if not self.entries:
            raise NotFoundError(f"there is no dataset {iri.removeprefix(settings.base_iri)} in this hub")
        self._numbers = [entry.sequence for entry in self.entries]

    def at(self, sequence: int) -> Entry:
        """Return the version that was current at a number.

        Raises:
            NotFoundError: there was none yet.
        """
        place = bisect_right(self._numbers, sequence)
        if not place:
            raise NotFoundError(f"the first version of this dataset is {self._numbers[0]}, later than {sequence}")
        return self.entries[place - 1]

    def at_time(self, when: datetime) -> Entry:
        """Return the version that readers saw at a time; the first for a time before it."""
        place = bisect_right([datetime.fromisoformat(entry.seen) for entry in self.entries], when)
        return self.entries[max(0, place - 1)]

    def stood(self, entry: Entry, *, brief: bool = False, with_quads: bool = True) -> Stood:
        """Return the dataset as it stood after a version.

        Args:
            entry: the version.
            brief: hold only the first of thousands of genes and reagents, for pages.
            with_quads: also give statements, with who says them, and findings.
        """
        standing = self.log.standing_at(self.iri, entry.sequence)
        gone = [self.at(v.sequence) for v in standing if v.state not in SHOWN or v.record is None]
        shown = [v for v in standing if v.state in SHOWN and v.record is not None]
        return Stood(entry, self._merged(shown, brief, with_quads) if shown else None, gone)

    def _merged(self, standing: list[Version], brief: bool, with_quads: bool) -> Description:
        order = Precedence.of(self._settings)
        totals: dict[str, int] = {}
        rows = [self._row(version, totals, brief=brief) for version in standing]
        sources = [views.catalog_record(row, order.base) for row in rows]
        if len(rows) == 1 and not with_quads:
            return Description(records.from_json(rows[0].record), sources, totals=totals)
        notes = routes.disagreements(rows, order)
        quads, findings = [], []
        for row in rows:
            more = notes.get((row.source, row.accession), ())
            quads += [quad for graph in views.graphs_of(row, order.base, more).values() for quad in graph]
            findings += views.findings_of(row, order.base, more)
        if len(rows) == 1:
            record: Dataset = records.from_json(rows[0].record)
        else:
            record = records.from_quads(describe.decided(quads, order), self.iri)
        return Description(record, sources, findings, quads, totals)

    def _row(self, version: Version, totals: dict[str, int], *, brief: bool) -> RecordRow:
        key = (version.source, version.accession)
        own = (entry for entry in self.entries if (entry.source, entry.accession) == key)
        text = version.record or ""
        same = ("source", "accession", "iri", "title", "withdrawal", "source_url", "run")
        return RecordRow(
            **{name: getattr(version, name) for name in same},
            state=ACTIVE,
            record=_cut(text, totals) if brief else text,
            findings="[]",
            payload_sha256=version.payload_sha256,  # type: ignore[arg-type]
            harvester=version.harvester,  # type: ignore[arg-type]
            first_seen=next(own).at,
            changed=version.at,
        )

    def difference(self, before: Entry, after: Entry) -> Difference:
        """Return what differs between how the dataset stood after two versions."""
        old, new = (self.stood(entry, with_quads=False) for entry in (before, after))
        edits = differences.edits(old.record, new.record)
        return Difference(old, new, edits, *differences.statements(old.record, new.record))

    def summaries(self, chosen: list[Entry]) -> dict[int, str]:
        """Return in a line what each of some versions changed of its record, by number."""
        left = MOST_READ_CHARS
        read: dict[int, Dataset | None] = {}
        told: dict[int, str] = {}
        for entry in sorted(chosen, key=lambda each: each.sequence):
            before = self._before(entry)
            wanted = [each for each in (before, entry) if each is not None and each.sequence not in read]
            for each in wanted:
                text = self._text(each) if left > 0 else None
                left -= len(text or "")
                read[each.sequence] = records.from_json(text) if text and left > 0 else None
            what = self._what(entry, before)
            told[entry.sequence] = _summary(entry, before, read, what)
            if before is not None:
                read[before.sequence] = None
        return told

    def _what(self, entry: Entry, before: Entry | None) -> str:
        if entry is self.entries[0]:
            return ACTIONS["create"]
        if before is None:
            return f"first record of source {entry.source}"
        return "" if entry.action == "update" else ACTIONS.get(entry.action, entry.action)

    def _before(self, entry: Entry) -> Entry | None:
        """Return the version of the same record before one."""
        place = bisect_right(self._numbers, entry.sequence) - 1
        key = (entry.source, entry.accession)
        return next((each for each in self.entries[:place][::-1] if (each.source, each.accession) == key), None)

    def _text(self, entry: Entry) -> str | None:
        version = None if entry.is_erased or entry.state not in SHOWN else self.log.version(entry.sequence)
        return version.record if version else None


def _summary(entry: Entry, before: Entry | None, read: dict[int, Dataset | None], what: str) -> str:
    words = [what] if what else []
    if entry.is_erased:
        words.append(f"erased; SHA-256 of what it said: {entry.sha256 or 'not known'}")
    elif entry.reason:
        words.append(entry.reason)
    elif before is not None:
        old, new = read[before.sequence], read[entry.sequence]
        found = differences.edits(old, new)
        if found:
            words.append(differences.sentence(found))
        elif old is not None and new is not None and not words:
            words.append("nothing that the record says")
    return ": ".join(words) or "see the comparison"


def _entries(log: Log, iri: str, until: int) -> list[Entry]:
    """Return the versions of a dataset, oldest first, without what they say."""
    named = ("at", "action", "run")
    query = (
        sa.select(
            versions.c.sequence,
            *(changes.c[name] for name in named),
            *(versions.c[name] for name in ("source", "accession", "state", "title", "withdrawal")),
            versions.c.content.is_(None).label("is_erased"),
            statements.c.sha256,
        )
        .join_from(versions, changes, versions.c.sequence == changes.c.sequence)
        .outerjoin(statements, versions.c.sequence == statements.c.sequence)
        .where((versions.c.iri == iri) & (versions.c.sequence <= until))
        .order_by(versions.c.sequence)
    )
    with log.engine.connect() as db:
        rows = [dict(row) for row in db.execute(query).mappings()]
    seen = Journal(log, until).seen_at([row["sequence"] for row in rows])
    return [_entry(row, seen) for row in rows]


def _entry(row: dict[str, Any], seen: dict[int, str]) -> Entry:
    withdrawal = json.loads(row.pop("withdrawal") or "{}")
    is_erased = bool(row["is_erased"])
    row |= {"is_erased": is_erased, "title": "" if is_erased else row["title"]}
    return Entry(**row, seen=seen[row["sequence"]], reason=withdrawal.get("reason") or "")


def _cut(text: str, totals: dict[str, int]) -> str:
    """Return a record with only the first of its genes and reagents, where these are many; ``totals`` gets how many."""
    if len(text) < describe.MANY * 50:
        return text
    record = json.loads(text)
    counts = {slot: len(record.get(slot) or ()) for slot in CUT}
    if sum(counts.values()) <= describe.MANY:
        return text
    for slot, count in counts.items():
        totals[slot] = max(count, totals.get(slot, 0))
        if count:
            record[slot] = record[slot][: describe.MANY // 2]
    return json.dumps(record, ensure_ascii=False)
