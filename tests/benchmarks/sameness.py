"""How well studies in two archives are found: ``python -m tests.benchmarks.sameness [CORPUS]``.

Reads real documents with the harvesters, gives them to the link rules directly, and compares what comes with pairs that
were judged by hand (``tests/judged/sameness.tsv``). Prints precision and recall, for each reason how many pairs it
speaks in and how many of them are the same study, and how large blocks and features are.
"""

from __future__ import annotations

import csv
import json
import sqlite3
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

from harvesters import contract
from harvesters.contract import Context, RecordError
from harvesters.http import Manners, PoliteSession
from harvesters.references import crossreferences
from harvesters.references.contract import Reference
from hub import records, references
from hub.crossreferences import CrossReferences
from hub.links import studies
from hub.links.contract import Found, Key, Member, Record, Rule
from hub.links.rules import related_study, sameness
from hub.log import RecordRow
from hub.routes import harvester_named
from tests.benchmarks.corpus import BASE
from tests.benchmarks.coverage import CORPUS, sources

JUDGED = Path(__file__).parents[1] / "judged" / "sameness.tsv"
NAMES = ("bia", "idr", "ssbd", "empiar", "idr-studies", "ssbd-rdf", "ssbd-rest", "biostudies")
Pair = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Judged:
    """A pair of datasets that was judged by hand.

    Attributes:
        pair: archive and name of each, sorted.
        verdict: ``same``, ``related`` or ``different``.
        reason: why.
    """

    pair: Pair
    verdict: str
    reason: str


@dataclass(frozen=True, slots=True)
class Tables:
    """Reference tables for rules."""

    by_kind: Mapping[str, Any]

    def get(self, kind: str) -> Any:
        """Return the reader of a kind, or None."""
        return self.by_kind.get(kind)

    def version(self, kind: str) -> str:
        """Return what names the tables of a kind."""
        return "1" if kind in self.by_kind else ""


def judged() -> list[Judged]:
    """Return the pairs that were judged by hand."""
    with JUDGED.open(encoding="utf-8", newline="") as stream:
        lines = list(csv.DictReader(stream, delimiter="\t", quoting=csv.QUOTE_NONE))
    return [Judged((line["one"], line["other"]), line["verdict"], line["reason"]) for line in lines]


def rows(corpus: Path, names: Sequence[str] = NAMES) -> Iterator[RecordRow]:
    """Yield a row for every real document that a harvester takes."""
    known = sources(corpus)
    for name in names:
        with PoliteSession(Manners(interval_s=0, retries=0)) as http:
            yield from _rows_of(known[name], http)


def _rows_of(source: contract.Source, http: PoliteSession) -> Iterator[RecordRow]:
    harvester = harvester_named(source.harvester)
    context = Context(BASE, source, http.open)
    for entry in harvester.entries(http, source):
        try:
            raw = entry.payload if entry.payload is not None else harvester.fetch(http, source, entry)
            dataset = harvester.transform(raw, entry, context).record
        except RecordError:
            continue
        yield row_of(source.name, records.to_json(dataset), dataset.accession, dataset.id, dataset.name)


def row_of(source: str, record: str, accession: str, iri: str, title: str) -> RecordRow:
    """Return the row that the log would hold for a record."""
    now = "2026-01-01T00:00:00Z"
    return RecordRow(source, accession, iri, "active", title, record, "[]", None, "0" * 64, None, "", now, now, 1)


def download_table(path: Path) -> Tables:
    """Return IDR's list of download addresses as a reference table."""
    reference = Reference("idr-downloads", "crossreferences", "idr-download-urls", path.name)
    db = sqlite3.connect(":memory:")
    with path.open("rb") as stream:
        references.fill(db, crossreferences.KIND, crossreferences.read_idr(stream, reference), {})
    return Tables({"crossreferences": CrossReferences.over([("idr-downloads", db)])})


def blocks(rule: Rule, found: Iterable[RecordRow], tables: Tables) -> dict[Key, list[Member]]:
    """Return the members of every block of a rule, their features as the catalogue keeps them."""
    made: dict[Key, list[Member]] = defaultdict(list)
    for row in found:
        record = Record(row)
        membership = rule.members(record, tables)
        features = json.loads(json.dumps(membership.features))
        for key in membership.keys:
            made[key].append(Member(record.key, record.dataset.id, features))
    return made


def links(rule: Rule, made: Mapping[Key, Sequence[Member]], tables: Tables) -> dict[Pair, Found]:
    """Return the links that blocks give, the surest of each pair, as the engine keeps it."""
    best: dict[Pair, Found] = {}
    for key, members in made.items():
        for found in rule.link(key, members, tables) if len(members) <= rule.max_block else ():
            assert isinstance(found, Found)
            pair = (studies.name_of(found.subject), studies.name_of(found.object))
            if pair not in best or best[pair].confidence < found.confidence:
                best[pair] = found
    return best


def facts(rule: Rule, found: Mapping[Pair, Found]) -> set[Pair]:
    """Return the pairs that are facts."""
    return {_sorted(pair) for pair, link in found.items() if link.confidence >= rule.threshold}


def _sorted(pair: Pair) -> Pair:
    return (pair[0], pair[1]) if pair[0] < pair[1] else (pair[1], pair[0])


def report(same: set[Pair], related: set[Pair], judgements: Sequence[Judged]) -> Iterator[str]:
    """Yield precision and recall of both rules on the judged pairs, and what they get wrong."""
    for name, found, verdict in (("sameness", same, "same"), ("related-study", related, "related")):
        right = {j.pair for j in judgements if j.verdict == verdict}
        known = {j.pair for j in judgements}
        hits, judged_ = found & right, found & known
        precision = len(hits) / len(judged_) if judged_ else 1.0
        yield f"{name}: {len(found)} facts, {len(judged_)} of them judged; precision {precision:.3f}"
        yield f"  recall {len(hits)}/{len(right)} = {len(hits) / len(right):.3f}"
        yield f"  wrong: {sorted(judged_ - right)}"
        yield f"  missed: {sorted(right - found)}"
        yield f"  not judged: {sorted(found - known)}"


def by_reason(made: Mapping[Key, Sequence[Member]], judgements: Sequence[Judged]) -> Iterator[str]:
    """Yield for each reason the judged pairs in which it speaks, and what share of them are the same study."""
    sides: dict[str, list[studies.Side]] = defaultdict(list)
    for key, members in made.items():
        if key.startswith("is "):
            name = key.removeprefix("is ")
            sides[name] = [side for side in studies.sides(members) if side.name == name]
    told: Counter[str] = Counter()
    right: Counter[str] = Counter()
    for judgement in judgements:
        names = _reasons(sides, judgement.pair)
        told.update(names)
        right.update(names if judgement.verdict == "same" else ())
    same = sum(j.verdict == "same" and all(sides.get(n) for n in j.pair) for j in judgements)
    yield f"reason: judged pairs with it, share that is the same study, share of the {same} same studies in the corpus"
    for name, count in told.most_common():
        yield f"  {name:18} {count:4} {right[name] / count:6.2f} {right[name] / same:6.2f}"


def _reasons(sides: Mapping[str, list[studies.Side]], pair: Pair) -> set[str]:
    one, other = (sides.get(name, []) for name in pair)
    return {reason.name for a in one for b in other for reason in studies.reasons(studies.Pair(a, b))}


def sizes(made: Mapping[Key, Sequence[Member]]) -> Iterator[str]:
    """Yield how many blocks there are of each size, how many pairs they make, and how large features are."""
    counted = Counter(len(members) for members in made.values())
    features = {member.record: len(json.dumps(member.features)) for block in made.values() for member in block}
    pairs = sum(1 for members in made.values() for _ in combinations(members, 2))
    yield f"{len(features)} records, {len(made)} keys, largest block {max(counted)}, {pairs} comparisons"
    yield f"features: {sum(features.values()) / len(features):.0f} bytes a record, at most {max(features.values())}"
    by_kind: dict[str, list[int]] = defaultdict(list)
    for key, members in made.items():
        by_kind[key.partition(" ")[0]].append(len(members))
    for kind, found in sorted(by_kind.items()):
        yield f"  {kind:10} {len(found):6} keys, largest {max(found)}"


def main(argv: list[str]) -> int:
    """Print the measurements; return the exit status."""
    corpus = Path(argv[0]) if argv else CORPUS
    if not corpus.is_dir():
        print(f"{corpus}: no such folder of real documents", file=sys.stderr)
        return 1
    found, judgements = list(rows(corpus)), judged()
    for title, tables in (
        ("by the records alone", Tables({})),
        ("with IDR's list of download addresses", download_table(corpus / "idr" / "website" / "download_urls.tsv")),
    ):
        made = blocks(sameness.RULE, found, tables)
        same = facts(sameness.RULE, links(sameness.RULE, made, tables))
        related = facts(related_study.RULE, links(related_study.RULE, made, tables))
        twins = {j.pair for j in judgements if "list of download addresses" in j.reason or "IDR lists it" in j.reason}
        print(f"--- {title}")
        print("\n".join(report(same, related, judgements)))
        print(f"IDR's twins: {len(same & twins)} of {len(twins)}")
    print("\n".join(by_reason(made, judgements)))
    print("\n".join(sizes(made)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
