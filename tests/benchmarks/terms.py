"""How many of the archives' wordings are resolved to terms: ``python -m tests.benchmarks.terms [CORPUS]``.

Reads real documents with the harvesters, gives them to the rules about terms, and prints for organisms, methods, cell
lines, samples, protocols and phenotypes what share of the wordings becomes a fact or a candidate; how many taxa and
methods two archives share, by their records alone and with the links; and precision on judgements by hand
(``tests/judged/terms.tsv``).
"""

from __future__ import annotations

import csv
import json
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from hub.config import Settings
from hub.links.contract import Found, Member, Record, References, Result, Rule
from hub.links.rules import term_crosswalk, term_in_text, term_of_wording, term_replaced
from hub.links.tables import Tables
from hub.links.terms import MEASURED, names_of
from hub.links.wordings import PROTOCOL, SAMPLE, SEEN, Wording, terms_said, wordings
from hub.ontologies import prefix
from ontology.identifiers import curie
from ontology.text import clean
from tests.benchmarks import sameness
from tests.benchmarks.corpus import BASE
from tests.benchmarks.coverage import CORPUS

JUDGED = Path(__file__).parents[1] / "judged" / "terms.tsv"
RULES = (term_of_wording.RULE, term_in_text.RULE, term_replaced.RULE, term_crosswalk.RULE)
CRATES = ("bia", "idr", "ssbd")
FACT = 0.8
Judgement = tuple[str, str, str]
"""Kind of wording, the wording, and CURIE of the term that it is said to mean."""


@dataclass(frozen=True, slots=True)
class Resolved:
    """A wording and what it is said to mean.

    Attributes:
        kind: what has the name, or which slot it is in.
        text: the wording.
        meanings: CURIE and confidence of each term.
    """

    kind: str
    text: str
    meanings: tuple[tuple[str, float], ...]


def found(rule: Rule, records: Iterable[Record], tables: References) -> Iterator[Result]:
    """Yield what a rule that looks at each record by itself finds in records."""
    for record in records:
        placed = rule.members(record, tables)
        features = json.loads(json.dumps(placed.features))
        block = [Member(record.key, record.dataset.id, features)]
        yield from rule.link(record.own_key, block, tables) if placed.keys else ()


def resolved(records: Iterable[Record], tables: References) -> list[Resolved]:
    """Return the wordings of records with what they are said to mean."""
    names = names_of(tables)
    assert names is not None
    told = []
    for record in records:
        for wording in wordings(record):
            meanings = term_of_wording.meanings(names, wording)
            pairs = tuple((curie(m.iri), m.confidence) for m in meanings)
            told.append(Resolved(_kind(wording), clean(wording.text), pairs))
    return told


def _kind(wording: Wording) -> str:
    if wording.kind in (SAMPLE, PROTOCOL, SEEN):
        return wording.kind
    is_about = "about[" in wording.field and "cell_line[" not in wording.field
    return "term" if is_about else wording.roles[0]


def shares(told: Sequence[Resolved]) -> Iterator[str]:
    """Yield for each kind how many wordings there are, and what share is resolved."""
    yield f"{'wordings':14} {'all':>6} {'fact':>6} {'candidate':>10} {'share':>6} {'distinct':>9} {'share':>6}"
    for kind in sorted({one.kind for one in told}):
        own = [one for one in told if one.kind == kind]
        facts = sum(_is_fact(one) for one in own)
        unsure = sum(bool(one.meanings) and not _is_fact(one) for one in own)
        names = {one.text.casefold(): _is_fact(one) for one in own}
        distinct = sum(names.values()) / len(names)
        yield f"{kind:14} {len(own):6} {facts:6} {unsure:10} {facts / len(own):6.2f} {len(names):9} {distinct:6.2f}"


def _is_fact(one: Resolved) -> bool:
    return any(confidence >= FACT for _, confidence in one.meanings)


def shared(records: Iterable[Record], links: Iterable[Found] = ()) -> tuple[set[str], set[str]]:
    """Return the taxa, and the methods of FBbi, that crates of at least two archives have."""
    where: dict[str, set[str]] = defaultdict(set)
    for record in records:
        if record.row.source in CRATES:
            taxa, methods = terms_said(record.dataset)
            for iri in taxa | {iri for iri in methods if prefix(iri) == "fbbi"}:
                where[iri].add(record.row.source)
    for link in links:
        source = link.records[0][0]
        if link.confidence >= FACT and source in CRATES and link.subject.startswith(f"{BASE}dataset/"):
            is_method = link.predicate == MEASURED and prefix(link.object) == "fbbi"
            if is_method or prefix(link.object) == "ncbitaxon":
                where[link.object].add(source)
    both = {iri for iri, sources in where.items() if len(sources) > 1}
    return {i for i in both if prefix(i) == "ncbitaxon"}, {i for i in both if prefix(i) == "fbbi"}


def judged() -> Mapping[Judgement, bool]:
    """Return whether a wording means a term, as judged by hand."""
    with JUDGED.open(encoding="utf-8", newline="") as stream:
        lines = list(csv.DictReader(stream, delimiter="\t", quoting=csv.QUOTE_NONE))
    return {(line["kind"], line["wording"], line["term"]): line["verdict"] == "right" for line in lines}


def precision(told: Iterable[Resolved], judgements: Mapping[Judgement, bool]) -> tuple[int, int, set[Judgement]]:
    """Return how many distinct facts were judged, how many of them are right, and which were not judged."""
    facts = {(one.kind, one.text, code) for one in told for code, confidence in one.meanings if confidence >= FACT}
    known = facts & judgements.keys()
    return len(known), sum(judgements[one] for one in known), facts - known


def main(argv: list[str]) -> int:
    """Print the measurements; return the exit status."""
    corpus = Path(argv[0]) if argv else CORPUS
    if not corpus.is_dir():
        print(f"{corpus}: no such folder of real documents", file=sys.stderr)
        return 1
    records = [Record(row) for row in sameness.rows(corpus)]
    tables = Tables(Settings(base_iri=BASE))
    told = resolved(records, tables)
    print("\n".join(shares(told)))
    links: list[Found] = []
    for rule in RULES:
        results = list(found(rule, records, tables))
        own = [one for one in results if isinstance(one, Found)]
        links += own
        counted = Counter("fact" if one.confidence >= rule.threshold else "candidate" for one in own)
        print(f"{rule.name}: {dict(counted)}, {len(results) - len(own)} problems")
    for title, pair in (("records alone", shared(records)), ("with links", shared(records, links))):
        print(f"shared by two archives, {title}: {len(pair[0])} taxa, {len(pair[1])} methods")
    count, right, others = precision(told, judged())
    print(f"precision: {right} of {count} judged facts are right; {len(others)} not judged: {sorted(others)}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
