"""How well people and organisations are found: ``python -m tests.benchmarks.people [CORPUS]``.

Reads real documents with the harvesters and gives them to the link rules directly. Of people whose ORCID iD is known
from at least two datasets, 200 are hidden one at a time, and the rule is to find them again; of 200 whose iD stands in
one dataset only, it is to find nothing. Prints precision and recall, how many links there are, how large blocks
are, and which records have problems with iDs.
"""

from __future__ import annotations

import random
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from hub.links.contract import Found, Key, Member, Record, Rule
from hub.links.people import ORCID, organisations_of
from hub.links.rules import orcid_conflicts, organisation_identity, person_identity
from hub.log import RecordRow
from hub.organisations import Organisations
from tests.benchmarks.coverage import CORPUS
from tests.benchmarks.sameness import Tables, blocks, rows

SAMPLE = 200
SEED = 5
NAMES = ("bia", "idr", "ssbd", "empiar", "idr-studies", "ssbd-rdf", "ssbd-rest", "biostudies")
HIDDEN = "https://hub.example.org/record/hidden#person"
Blocks = dict[Key, list[Member]]


class Case(NamedTuple):
    """A person of a record whose ORCID iD is hidden."""

    member: Member
    place: int
    orcid: str


class Score(NamedTuple):
    """What became of hidden people: found as facts or candidates, right or wrong."""

    right_facts: int
    wrong_facts: int
    right_first: int
    right_listed: int
    wrong_first: int
    nothing: int


def cases(made: Blocks, *, elsewhere: bool) -> list[Case]:
    """Return a sample of people whose iD stands in another dataset too, or in none."""
    whole = {member.record: member for block in made.values() for member in block}
    found: dict[str, list[Case]] = defaultdict(list)
    for _, member in sorted(whole.items()):
        for place, one in enumerate(member.features[0]):
            if one[1].startswith(ORCID):
                found[one[1]].append(Case(member, place, one[1]))
    many = {iri: len({case.member.dataset for case in listed}) > 1 for iri, listed in found.items()}
    chosen = [case for iri, listed in sorted(found.items()) for case in listed if many[iri] == elsewhere]
    return random.Random(SEED).sample(chosen, min(SAMPLE, len(chosen)))


def asked(made: Blocks, case: Case, tables: Tables) -> list[Found]:
    """Return the links of one hidden person, the likeliest first; the iD is hidden in all records of the dataset."""
    name = person_identity.One(*case.member.features[0][case.place]).name
    block = [_without(member, case) for member in made.get(name.key, ())]
    found = [link for link in person_identity.link(name.key, block, tables) if link.subject == HIDDEN]
    return sorted(found, key=lambda link: -link.confidence)


def _without(member: Member, case: Case) -> Member:
    if member.dataset != case.member.dataset:
        return member
    is_own = member.record == case.member.record
    listed: list[Any] = []
    for place, one in enumerate(member.features[0]):
        if is_own and place == case.place:
            listed.append([one[0], HIDDEN, *one[2:6], [], []])
        elif one[1] != case.orcid:
            listed.append(one)
    return Member(member.record, member.dataset, [listed, *member.features[1:]])


def score(made: Blocks, chosen: Sequence[Case], tables: Tables) -> Score:
    """Return what becomes of hidden people."""
    counts: Counter[str] = Counter()
    for case in chosen:
        found = asked(made, case, tables)
        objects = [link.object for link in found]
        facts = [link for link in found if link.confidence >= person_identity.THRESHOLD]
        counts["right_facts"] += any(link.object == case.orcid for link in facts)
        counts["wrong_facts"] += any(link.object != case.orcid for link in facts)
        counts["right_first"] += objects[:1] == [case.orcid]
        counts["right_listed"] += case.orcid in objects
        counts["wrong_first"] += bool(objects) and objects[0] != case.orcid
        counts["nothing"] += not objects
    return Score(*(counts[name] for name in Score._fields))


def report(found: Sequence[RecordRow]) -> Iterator[str]:
    """Yield the lines of the report."""
    tables = Tables({"organisations": Organisations.of_hub()})
    made = blocks(person_identity.RULE, found, tables)
    for title, elsewhere in (("iD elsewhere", True), ("iD nowhere else", False)):
        chosen = cases(made, elsewhere=elsewhere)
        result = score(made, chosen, tables)
        yield f"{title}: {len(chosen)} hidden; {result}"
        if elsewhere:
            facts, firsts = result.right_facts + result.wrong_facts, result.right_first + result.wrong_first
            yield f"  facts: {_rates(result.right_facts, facts, len(chosen))}"
            right, wrong = result.right_first - result.right_facts, result.wrong_first - result.wrong_facts
            yield f"  candidates, the first of each: precision {right / max(1, right + wrong):.3f}"
            yield f"  first of all: {_rates(result.right_first, firsts, len(chosen))}"
            yield f"  in the list: recall {result.right_listed / len(chosen):.3f}"
    for rule in (person_identity.RULE, organisation_identity.RULE):
        yield from _links(rule, made if rule is person_identity.RULE else blocks(rule, found, tables), tables)
    for problem in problems(found, tables):
        yield f"{problem[0]} {'/'.join(problem[1])} {problem[2]}"


def _rates(right: int, told: int, asked_for: int) -> str:
    return f"precision {right / max(1, told):.3f}, recall {right / max(1, asked_for):.3f}"


def _links(rule: Rule, made: Blocks, tables: Tables) -> Iterator[str]:
    links = [link for key, block in made.items() for link in rule.link(key, block, tables) if isinstance(link, Found)]
    facts = sum(link.confidence >= rule.threshold for link in links)
    sizes = sorted(map(len, made.values()), reverse=True)
    yield f"{rule.name}: {facts} facts, {len(links) - facts} candidates; {len(sizes)} blocks, largest {sizes[:5]}"


def problems(found: Sequence[RecordRow], tables: Tables) -> list[tuple[str, tuple[str, str], str]]:
    """Return name, record and ORCID IRI of every problem with iDs."""
    rule = orcid_conflicts.RULE
    told = [one for key, block in blocks(rule, found, tables).items() for one in rule.link(key, block, tables)]
    return sorted((one.rule, one.record, one.value) for one in told)  # type: ignore[union-attr]


def stated_organisations(row: RecordRow) -> Iterator[tuple[str, str]]:
    """Yield ROR IRI and name of each organisation that a record identifies."""
    for _, one in organisations_of(Record(row)):
        if one.id.startswith("https://ror.org/"):
            yield one.id, one.name


def main(argv: list[str]) -> int:
    """Print the report; return the exit status."""
    corpus = Path(argv[0]) if argv else CORPUS
    if not corpus.is_dir():
        print(f"{corpus}: no such folder of real documents", file=sys.stderr)
        return 1
    print("\n".join(report(list(rows(corpus, NAMES)))))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
