"""The engine: what it keeps up to date is what a computation of everything gives, whatever happened on the way."""

from __future__ import annotations

import dataclasses
import json
import tempfile
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.links import catalogue, engine
from hub.links.catalogue import Links
from hub.links.contract import Found, Membership, Rule
from hub.log import Log
from tests.links_support import (
    GENES,
    MENTIONS,
    RULES,
    SAME,
    SETTINGS,
    SHARE,
    Tables,
    clear,
    commit,
    iri,
    row,
    said,
    stands,
    update,
)


@pytest.fixture(params=["sqlite", "postgresql"])
def log(request, tmp_path):
    url = f"sqlite:///{tmp_path / 'c.sqlite'}" if request.param == "sqlite" else request.getfixturevalue("postgres_url")
    found = Log(url)
    yield found
    clear(found)
    found.close()


@pytest.fixture
def links(log):
    return Links(log)


def actions(links):
    return [(c.action, c.status) for c in links.changes_since(0, 1000)]


def test_a_changed_record_is_compared_anew_and_the_stream_tells_each_change(log, links):
    commit(log, row("A", "actin"), row("B", "actin tubulin"), row("C", "tubulin"))
    assert update(log, links).errors == {}
    assert said(links) == {("share", "A", "B"), ("share", "B", "C")}
    commit(log, row("B", "tubulin"), row("D", "actin | TP53"))
    update(log, links)
    assert said(links) == {("share", "A", "D"), ("share", "B", "C"), ("genes-in-text", "D", "TP53")}
    assert said(links, "gone") == {("share", "A", "B")}
    told = links.changes_since(0, 100)
    assert [c.sequence for c in told] == list(range(1, len(told) + 1))
    assert [c.action for c in told].count("delete") == 1
    assert links.last_sequence() == len(told)


def test_nothing_is_computed_again_when_nothing_changed(log, links):
    commit(log, row("A", "actin"), row("B", "actin"))
    update(log, links)
    again = update(log, links)
    assert (again.records, again.blocks, again.changes) == (0, 0, 0)
    commit(log, row("B", "actin", payload_sha256="1" * 64))
    assert (update(log, links).blocks, links.last_sequence()) == (0, 1)


def test_a_link_of_two_keys_stands_until_neither_gives_it(log, links):
    commit(log, row("A", "actin tubulin"), row("B", "actin tubulin"))
    update(log, links)
    commit(log, row("B", "tubulin"))
    update(log, links)
    assert said(links) == {("share", "A", "B")}
    assert [e["value"] for e in json.loads(links.about(iri("A"))[0].evidence)] == ["tubulin"]
    commit(log, row("B", "nothing"))
    update(log, links)
    assert said(links) == set()


def test_a_withdrawn_record_leaves_all_keys_and_comes_back_under_the_same_id(log, links):
    commit(log, row("A", "actin | NOGENE"), row("B", "actin"))
    update(log, links)
    before = links.about(iri("A"))[0]
    commit(log, row("A", "actin | NOGENE", state="withdrawn"))
    update(log, links)
    assert stands(links) == []
    commit(log, row("A", "actin | NOGENE"))
    update(log, links)
    after = links.about(iri("A"))[0]
    assert (after.id, after.status, after.first_seen) == (before.id, "fact", before.first_seen)
    assert [c.action for c in links.history(after.id)] == ["create", "delete", "create"]


def test_candidates_are_kept_apart_from_facts(log, links):
    commit(log, row("A", "actin || 0.5"), row("B", "actin"), row("C", "| CAT TP53"))
    update(log, links)
    assert said(links, "candidate") == {("share", "A", "B"), ("genes-in-text", "C", "CAT")}
    assert said(links) == {("genes-in-text", "C", "TP53")}
    commit(log, row("A", "actin || 0.95"))
    update(log, links)
    assert ("share", "A", "B") in said(links)
    assert ("update", "fact") in actions(links)


def test_a_finding_says_record_field_and_message(log, links):
    commit(log, row("A", "| NOGENE"))
    update(log, links)
    (found,) = links.all_links()
    assert (found.kind, found.subject.rpartition("/record/")[2], found.predicate, found.object) == (
        "finding",
        "bia/A",
        "unknown-gene",
        "NOGENE",
    )
    assert '"message":"NOGENE is no gene"' in found.evidence


@pytest.mark.parametrize("what", ["version", "threshold", "references"])
def test_another_version_of_a_rule_or_table_compares_every_record(log, links, what):
    commit(log, row("A", "| TP53"), row("B", "| CAT"))
    update(log, links)
    assert update(log, links).records == 0
    changes = {"version": {"version": 2}, "threshold": {"threshold": 0.4}, "references": {}}
    tables = Tables(genes="v2") if what == "references" else None
    other = dataclasses.replace(GENES, **changes[what])
    done = update(log, links, {"share": SHARE, other.name: other}, tables)
    assert (done.records, done.blocks) == (2, 2)
    if what == "threshold":
        assert said(links) == {("genes-in-text", "A", "TP53"), ("genes-in-text", "B", "CAT")}
    if what == "references":
        assert all('"source":"v2"' in r.evidence for r in links.all_links())


def test_a_rule_that_is_no_more_leaves_nothing(log, links):
    commit(log, row("A", "actin | TP53"), row("B", "actin"))
    update(log, links)
    update(log, links, {"genes-in-text": GENES})
    assert said(links) == {("genes-in-text", "A", "TP53")}
    assert [r["name"] for r in links.rules()] == ["genes-in-text"]
    update(log, links)
    assert ("share", "A", "B") in said(links)


def test_too_large_blocks_are_left_out_and_told(log, links):
    small = dataclasses.replace(SHARE, max_block=3)
    commit(log, *(row(a, "actin") for a in "ABCD"), row("E", "tubulin"), row("F", "tubulin"))
    update(log, links, {"share": small})
    assert said(links) == {("share", "E", "F")}
    assert links.too_large() == [("share", "actin", 4)]
    assert links.counts()[0]["too_large_blocks"] == 1
    commit(log, row("D", "other"))
    update(log, links, {"share": small})
    assert links.too_large() == []
    assert len(said(links)) == 4


def poisoned(rule, where):
    """The rule, failing on records whose title says poison, or on blocks with one."""

    def members(record, references):
        if where == "members" and "poison" in record.row.title:
            raise KeyError("poison")
        return rule.members(record, references)

    def link(key, found, references):
        if where == "link" and any("poison" in m.features["words"] for m in found):
            raise KeyError("poison")
        return rule.link(key, found, references)

    return dataclasses.replace(rule, members=members, link=link)


@pytest.mark.parametrize("where", ["members", "link"])
def test_a_rule_that_raises_does_no_harm_and_is_tried_again(log, links, where):
    commit(log, row("A", "actin | TP53"), row("B", "actin"), row("C", "tubulin"), row("D", "tubulin"))
    update(log, links)
    commit(log, row("A", "poison | CAT TP53"), row("D", "other"))
    done = update(log, links, {**RULES, "share": poisoned(SHARE, where)})
    assert "KeyError" in done.errors["share"]
    # "poison" has no other member, so block "actin" is right when only the block of "poison" fails
    assert said(links) == ({("share", "A", "B")} if where == "members" else set()) | {("genes-in-text", "A", "TP53")}
    assert said(links, "candidate") == {("genes-in-text", "A", "CAT")}
    update(log, links)
    assert said(links) == {("genes-in-text", "A", "TP53")}
    assert links.counts()[0]["failures"] == 0


def test_a_rule_that_always_raises_is_given_up_and_its_links_stand(log, links, monkeypatch):
    monkeypatch.setattr(engine, "MAX_FAILURES", 3)
    commit(log, *(row(f"A{n}", f"word{n // 2} | TP53") for n in range(10)))
    update(log, links)
    before = stands(links)
    broken = dataclasses.replace(SHARE, version=2, members=lambda record, references: 1 / 0)
    done = update(log, links, {**RULES, "share": broken})
    assert "ZeroDivisionError" in done.errors["share"]
    assert stands(links) == before
    commit(log, row("A1", "other | TP53"))
    update(log, links, {**RULES, "share": broken})
    assert stands(links) == before
    update(log, links, {**RULES, "share": dataclasses.replace(SHARE, version=2)})
    assert len(stands(links)) == len(before) - 1


@pytest.mark.parametrize(
    ("subject", "predicate", "confidence"),
    [("no iri", MENTIONS, 1.0), ("https://e.org/a", SAME, 1.0), ("https://e.org/a", MENTIONS, 1.5)],
)
def test_a_link_that_cannot_be_written_is_the_rule_s_failure(log, links, subject, predicate, confidence):
    def link(key, members, references):
        return [Found(subject, predicate, "https://e.org/b", confidence, (), ())]

    commit(log, row("A", "| TP53"))
    done = update(log, links, {"genes-in-text": dataclasses.replace(GENES, link=link)})
    assert "ValueError" in done.errors["genes-in-text"]
    assert stands(links) == []


def test_a_module_that_cannot_be_read_forgets_no_rule(log, links, monkeypatch):
    commit(log, row("A", "actin"), row("B", "actin"))
    update(log, links)
    monkeypatch.setattr(engine, "discover", lambda: ({"genes-in-text": GENES}, {"share": "SyntaxError: x"}))
    done = engine.update(log, links, Tables(genes="v1"), SETTINGS)
    assert done.errors == {"share": "SyntaxError: x"}
    assert said(links) == {("share", "A", "B")}


def test_long_keys_are_kept(log, links):
    word = "a" * 5000
    commit(log, row("A", word), row("B", word), row("C", word[:-1] + "b"))
    update(log, links)
    assert said(links) == {("share", "A", "B")}


def test_the_surest_key_is_told_and_the_next_one_when_it_is_lost(log, links):
    def members(record, references):
        return Membership(frozenset({record.own_key}), record.row.title)

    def link(key, found, references):
        return [
            Found("https://e.org/a", MENTIONS, "https://e.org/b", float(m.features), (), (m.record,)) for m in found
        ]

    rule = Rule("by-each", "t", 1, (MENTIONS,), members, link)
    commit(log, row("A", "0.9"), row("B", "0.95"), row("C", "0.9"))
    update(log, links, {"by-each": rule})
    shown = lambda: [(r.confidence, r.records) for r in links.all_links()]  # noqa: E731
    assert shown() == [(0.95, '[["bia","B"]]')]
    commit(log, row("B", "0.1"))
    update(log, links, {"by-each": rule})
    assert shown() == [(0.9, '[["bia","A"]]')]


# --- verdicts


def give(links, subject, predicate, obj, verdict, by="https://orcid.org/0000-0002-1825-0097"):
    return links.give_verdict((subject, predicate, obj), verdict, by, "seen in the paper")


def test_verdicts_decide_and_survive_what_is_found_later(log, links):
    commit(log, row("A", "actin || 0.5"), row("B", "actin"), row("C", "| TP53"))
    update(log, links)
    give(links, iri("A"), SAME, iri("B"), "accept")
    give(links, iri("C"), MENTIONS, "https://identifiers.org/ncbigene/TP53", "reject")
    update(log, links)
    assert said(links) == {("share", "A", "B")}
    assert said(links, "rejected") == {("genes-in-text", "C", "TP53")}
    accepted = links.on_statement((iri("A"), SAME, iri("B")))[0]
    assert accepted.attributed_to == "https://orcid.org/0000-0002-1825-0097"
    assert "seen in the paper" in accepted.evidence
    other = {"share": dataclasses.replace(SHARE, version=2), "genes-in-text": dataclasses.replace(GENES, version=2)}
    commit(log, row("C", "x | TP53 CAT"), row("A", "actin y || 0.4"))
    update(log, links, other)
    assert said(links) == {("share", "A", "B")}
    assert said(links, "rejected") == {("genes-in-text", "C", "TP53")}
    give(links, iri("A"), SAME, iri("B"), "withdraw")
    update(log, links, other)
    assert ("share", "A", "B") in said(links, "candidate")


def test_what_a_curator_accepted_stands_when_no_rule_finds_it_any_more(log, links):
    commit(log, row("A", "actin || 0.5"), row("B", "actin"))
    update(log, links)
    give(links, iri("A"), SAME, iri("B"), "accept")
    update(log, links)
    assert said(links) == {("share", "A", "B")}
    commit(log, row("A", "other"))
    update(log, links)
    assert said(links) == {("curated", "A", "B")}
    commit(log, row("A", "actin || 0.5"))
    update(log, links)
    assert said(links) == {("share", "A", "B")}


def test_what_a_curator_added_is_of_the_rule_curated(log, links):
    give(links, iri("A"), MENTIONS, "https://e.org/x", "add")
    update(log, links)
    (added,) = links.all_links()
    assert (added.rule, added.status, added.confidence) == ("curated", "fact", 1.0)
    give(links, iri("A"), MENTIONS, "https://e.org/x", "withdraw")
    update(log, links)
    assert links.link(added.id).status == "gone"
    assert actions(links) == [("create", "fact"), ("delete", "gone")]


# --- whatever happens on the way


WORDS = st.sampled_from(["a", "b", "c", "d"])
TITLES = st.tuples(
    st.lists(WORDS, max_size=3),
    st.lists(st.sampled_from(["TP53", "CAT", "NOGENE"]), max_size=2),
    st.sampled_from([0.5, 0.9]),
).map(lambda t: f"{' '.join(t[0])} | {' '.join(t[1])} | {t[2]}")
CHANGE = st.tuples(st.integers(0, 6), TITLES, st.booleans())
VERDICT = st.tuples(st.integers(0, 6), st.integers(0, 6), st.sampled_from(["accept", "reject", "add", "withdraw"]))
STEP = st.tuples(
    st.lists(CHANGE, max_size=4),
    st.lists(VERDICT, max_size=1),
    st.sampled_from([1, 1, 1, 2]),
    st.integers(0, 12),
    st.integers(1, 3),
)


class CrashError(Exception):
    pass


def crash_after(engine_, commits):
    """Let a number of transactions end, and kill the next before it does."""
    left = [commits]

    def before_commit(connection):
        left[0] -= 1
        if left[0] < 0:
            raise CrashError

    sa.event.listen(engine_, "commit", before_commit)
    return lambda: sa.event.remove(engine_, "commit", before_commit)


def run_step(log, links, step, monkeypatch):
    changes, verdicts, version, commits, batch = step
    for number, title, active in changes:
        commit(log, row(f"R{number}", title, state="active" if active else "withdrawn"))
    for one, other, verdict in verdicts:
        subject, obj = sorted((iri(f"R{one}"), iri(f"R{other}")))
        links.give_verdict((subject, SAME, obj), verdict, "Ada")
    for name in ("BATCH", "KEYS", "MEMBERS"):
        monkeypatch.setattr(engine, name, batch)
    rules = {**RULES, "share": dataclasses.replace(SHARE, version=version, max_block=4)}
    stop = crash_after(log.engine, commits)
    try:
        update(log, links, rules)
    except CrashError:
        pass
    finally:
        stop()
    return rules


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(STEP, min_size=1, max_size=5))
def test_the_end_is_that_of_a_computation_of_everything(steps):
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        log = Log(f"sqlite:///{Path(folder) / 'c.sqlite'}")
        links = Links(log)
        for step in steps:
            rules = run_step(log, links, step, patch)
        update(log, links, rules)
        kept = stands(links), _support(links), links.too_large()
        stream = {c.id: c for c in links.changes_since(0, 10_000)}
        shown = {r.id: r.status for r in links.all_links() if r.is_shown}
        assert {i: c.status for i, c in stream.items() if c.action != "delete"} == shown
        words = _verdicts(links)
        catalogue.metadata.drop_all(log.engine)
        log.set_setting(catalogue.VERDICTS_AT, "0")
        anew = Links(log)
        for verdict in words:
            anew.give_verdict(verdict.statement, verdict.verdict, verdict.attributed_to)
        update(log, anew, rules)
        assert (stands(anew), _support(anew), anew.too_large()) == kept
        update(log, anew, rules, full=True)
        assert (stands(anew), _support(anew), anew.too_large()) == kept
        log.close()


def _support(links):
    with links.engine.connect() as db:
        return sorted(tuple(row) for row in db.execute(sa.select(catalogue.support)))


def _verdicts(links):
    with links.engine.connect() as db:
        return [catalogue.Verdict(*row) for row in db.execute(sa.select(catalogue.verdicts).order_by("number"))]
