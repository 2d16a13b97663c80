"""Terms that do not exist, are obsolete, misspelt or another's by name: a table judged by hand, and real crates."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from pathlib import Path

import pytest

from harvesters.building import Builder
from harvesters.contract import Context, Source
from harvesters.references.ontology import KIND, Ontology
from hub import records, references
from hub.config import Settings
from hub.ingest import harvest
from hub.links.contract import Member, Record
from hub.links.rules.term_exists import RULE, did_you_mean, slips, terms_of
from hub.log import Log
from hub.ontologies import Ontologies, bundled
from ontology import identifiers, terms
from tests.links_support import row
from tests.support import BASE

JUDGED = Path(__file__).parent / "judged" / "term-ids.tsv"
LINES = [line.split("\t") for line in JUDGED.read_text(encoding="utf-8").splitlines() if not line.startswith("#")][1:]


class Known:
    """References with ontologies only."""

    def __init__(self, *ontologies):
        self.ontologies = Ontologies([*ontologies, *bundled()])

    def get(self, kind):
        return self.ontologies if kind == "ontology" else None

    def version(self, kind):
        return ""


def problems(record, found=(), known=None):
    known = known or Known()
    about = Record(row("A", "T", record=json.dumps(record), findings=json.dumps(list(found))))
    member = RULE.members(about, known)
    blocks = [Member(about.key, about.row.iri, json.loads(json.dumps(member.features))) for _ in member.keys]
    return [p for block in blocks for p in RULE.link(about.own_key, [block], known)]


def dataset(*methods):
    archive = {"id": f"{BASE}archive/bia", "name": "bia"}
    said = {"id": f"{BASE}dataset/bia/A", "accession": "A", "name": "T", "archive": archive}
    return {**said, "measurement_method": [{"type": "schema:DefinedTerm", **method} for method in methods]}


def as_harvested(given, label):
    """Return what a harvester makes of a term and its label: the term of the record, and its findings."""
    build = Builder(Context(BASE, Source("bia", "crates", "bia", "/nowhere")), "A", "bia")
    term = build.term("about[0].@id", given, label or None, "#term-1")
    return [{"id": term.id, "name": term.name}] if term else [], build.findings


@pytest.mark.parametrize(("given", "label", "rule", "meant"), LINES, ids=[" ".join(line[:2]) for line in LINES])
def test_what_was_meant_is_what_people_judged(given, label, rule, meant):
    made, found = as_harvested(given, "" if label == "-" else label)
    listed = [{"field": f.field, "rule": f.rule, "value": f.value, "message": f.message} for f in found]
    told = problems(dataset(*made), listed)
    assert [p.rule for p in told] == ([] if rule == "-" else [rule])
    for problem in told:
        assert problem.suggestion == (None if meant == "-" else identifiers.term(meant))
        assert meant == "-" or meant in problem.message
        assert bool(problem.evidence) == (meant != "-")


def test_the_judged_table_names_terms_that_are_there():
    for given, _, rule, meant in LINES:
        assert meant == "-" or terms.label(identifiers.term(meant)), meant
        if rule == "term-unknown":
            assert terms.label(identifiers.term(given)) is None, given


def ontology(name, *rows, **meta):
    db = sqlite3.connect(":memory:")
    references.fill(db, KIND, rows, meta)
    return Ontology(name, db)


def cl(**meta):
    start = "http://purl.obolibrary.org/obo/CL_"
    return ontology(
        "cl",
        ("term", (f"{start}0000000", "cell", 0, None)),
        ("term", (f"{start}0000001", "obsolete primary cell line", 1, f"{start}0000010")),
        ("term", (f"{start}0000010", "cultured cell", 0, None)),
        ("name", (f"{start}0000010", "cultured cell", "label", "cultured cell")),
        **meta,
    )


def test_other_ontologies_are_searched_when_they_are_there_as_a_whole():
    gone = {"id": "http://purl.obolibrary.org/obo/CL_0009999", "name": "cultured cell"}
    old = {"id": "http://purl.obolibrary.org/obo/CL_0000001", "name": "primary cell line"}
    assert problems(dataset(gone, old)) == []
    told = {p.rule: p for p in problems(dataset(gone, old), known=Known(cl()))}
    assert told["term-unknown"].suggestion == told["term-obsolete"].suggestion
    assert told["term-unknown"].suggestion == "http://purl.obolibrary.org/obo/CL_0000010"
    assert (
        told["term-unknown"].field == "measurement_method[1]" or told["term-unknown"].field == "measurement_method[0]"
    )
    assert problems(dataset(gone), known=Known(cl(options='{"complete": false}'))) == []


def test_a_slip_without_a_label_is_only_believed_of_zeros():
    home = bundled()[0]
    start = "http://purl.obolibrary.org/obo/FBbi_"
    assert did_you_mean(f"{start}0000256", "", home)[0] == f"{start}00000256"
    assert did_you_mean(f"{start}00020256", "", home) == (None, "")


def test_slips_are_one_step_away():
    near = slips("00000256")
    assert {"00000265", "00000257", "0000256", "00002560", "00000025"} <= set(near)
    assert "00000652" not in near
    assert "00000256" not in near


def test_every_place_of_a_record_is_looked_at():
    term = {"type": "schema:DefinedTerm", "id": "http://purl.obolibrary.org/obo/FBbi_00100013", "name": "x"}
    part = {"id": f"{BASE}record/bia/A#p", "name": "P", "measurement_method": [term]}
    found = records.from_json(json.dumps({**dataset(), "has_part": [part]}))
    assert list(terms_of(found)) == [("has_part[0].measurement_method[0]", term["id"], "x")]


@pytest.mark.corpus
def test_terms_of_the_corpus(corpus, tmp_path):
    """All FBbi terms of SSBD's crates exist; what two of them are called is another term's name."""
    source = Source("ssbd", "crates", "ssbd", str(corpus / "crates" / "ssbd-2026-03-10"))
    settings = Settings(data_dir=tmp_path, base_iri=BASE, sources={"ssbd": source})
    harvest(settings, ["ssbd"])
    log = Log(settings.database)
    told = Counter()
    for one in log.all_records():
        member = RULE.members(Record(one), Known())
        for problem in RULE.link("", [Member(("ssbd", one.accession), one.iri, member.features or [])], Known()):
            told[problem.rule, identifiers.curie(problem.suggestion or "")] += 1
    log.close()
    assert told["term-of-another-name", "FBbi:00000246"] == 1
    assert told["term-malformed", "GO:0030425"] == 1
    assert not [rule for rule, _ in told if rule == "term-unknown"]
