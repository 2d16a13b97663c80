"""The graphs of links: right after every step, the same as built anew, and no obstacle to what records say."""

from __future__ import annotations

import dataclasses
import itertools
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyoxigraph import Literal, NamedNode, Quad

from hub import maintenance, snapshots
from hub.ingest import harvest, publish
from hub.links import engine, view
from hub.links.catalogue import Links
from hub.links.contract import Evidence, Found, Membership, Problem, Rule
from hub.log import Log
from hub.routes import Precedence
from hub.store import META, GraphStore
from tests.links_support import MENTIONS, RULES, SAME, SHARE, Tables, commit, iri, row, update
from tests.support import BASE, demo_settings
from tests.test_links_engine import STEP, run_step

ORDER = Precedence(BASE, {"bia": "bia"})
NAME = NamedNode("http://schema.org/name")


@pytest.fixture
def log(tmp_path):
    found = Log(f"sqlite:///{tmp_path / 'c.sqlite'}")
    yield found
    found.close()


def content(store):
    """Everything but times and marks."""
    return {
        (str(q.subject), q.predicate.value, str(q.object), str(q.graph_name))
        for q in store.quads()
        if q.graph_name != META and not q.predicate.value.endswith("Seen")
    }


def anew(links):
    with tempfile.TemporaryDirectory() as folder, GraphStore(Path(folder) / "s") as store:
        view.catch_up(links, store, ORDER)
        return content(store)


def graph(kind, rule):
    return f"<{BASE}graph/{kind}/{rule}>"


def in_graph(store, name):
    return {c[:3] for c in content(store) if c[3] == name}


def test_a_fact_is_a_statement_and_its_evidence_in_both_graphs(log, tmp_path):
    links = Links(log)
    commit(log, row("A", "actin | CAT"), row("B", "actin"))
    update(log, links)
    with GraphStore(tmp_path / "store") as store:
        assert view.catch_up(links, store, ORDER) == links.last_sequence() == store.link_sequence()
        facts, default = in_graph(store, graph("links", "share")), in_graph(store, "DEFAULT")
        both = {(f"<{iri(a)}>", SAME, f"<{iri(b)}>") for a, b in (("A", "B"), ("B", "A"))}
        assert both <= facts <= default
        (fact,) = (link for link in links.all_links() if link.status == "fact")
        told = {p: o for s, p, o in facts if s == f"<{BASE}link/{fact.id}>"}
        assert told["https://w3id.org/sssom/confidence"].startswith('"0.9"')
        assert told[f"{engine.VOCABULARY}linkRule"] == f"<{BASE}rule/share>"
        candidates = in_graph(store, graph("candidates", "genes-in-text"))
        assert len({s for s, _, _ in candidates}) == 1
        assert not candidates & default
        assert not [t for t in default if t[1] == MENTIONS]
        assert (f"<{BASE}rule/share>", NAME.value, '"datasets that share a word"') in default


def test_a_finding_of_a_rule_is_a_finding_of_the_record(log, tmp_path):
    links = Links(log)
    commit(log, row("A", "| NOGENE"))
    update(log, links)
    with GraphStore(tmp_path / "store") as store:
        view.catch_up(links, store, ORDER)
        found = in_graph(store, graph("findings", "genes-in-text"))
        assert found <= in_graph(store, "DEFAULT")
        (target,) = [o for _, p, o in found if p.endswith("hasTarget")]
        assert target == f"<{BASE}record/bia/A>"
        commit(log, row("A", "none"))
        update(log, links)
        view.catch_up(links, store, ORDER)
        assert not in_graph(store, graph("findings", "genes-in-text"))


def test_what_records_say_neither_displaces_links_nor_is_displaced(log, tmp_path):
    links = Links(log)
    commit(log, row("A", "| TP53"))
    update(log, links)
    gene, other = NamedNode("https://identifiers.org/ncbigene/TP53"), NamedNode("https://e.org/x")
    dataset, source = NamedNode(iri("A")), NamedNode(f"{BASE}graph/source/bia/A")
    second = NamedNode(f"{BASE}graph/source/bia/B")

    def default(store):
        return {
            (q.predicate.value, q.object)
            for q in store._store.quads_for_pattern(dataset, None, None, None)
            if str(q.graph_name) == "DEFAULT"
        }

    def say(store, graph_, *pairs):
        quads = [Quad(dataset, p, o, graph_) for p, o in pairs]
        store.replace({graph_: quads}, store.sequence() + 1, ORDER.resolve, ORDER.is_private, ORDER.is_pooled)

    mentions = NamedNode(MENTIONS)
    with GraphStore(tmp_path / "store") as store:
        say(store, source, (NAME, Literal("one")), (mentions, other))
        view.catch_up(links, store, ORDER)
        assert default(store) == {(NAME.value, Literal("one")), (MENTIONS, other), (MENTIONS, gene)}
        say(store, source, (NAME, Literal("two")))
        say(store, second, (NAME, Literal("three")), (mentions, gene))
        assert default(store) == {(NAME.value, Literal("two")), (MENTIONS, gene)}
        commit(log, row("A", "none"))
        update(log, links)
        view.catch_up(links, store, ORDER)
        assert default(store) == {(NAME.value, Literal("two")), (MENTIONS, gene)}  # the second record says so
        say(store, second)
        assert default(store) == {(NAME.value, Literal("two"))}


def test_a_link_from_a_record_s_own_node_outlives_a_change_of_the_record(log, tmp_path):
    links = Links(log)
    node, orcid = f"{BASE}record/bia/A#author-1", "https://orcid.org/0000-0002-1825-0097"
    links.give_verdict((node, "http://schema.org/sameAs", orcid), "add", "Ada")
    update(log, links)
    person, source = NamedNode(node), NamedNode(f"{BASE}graph/source/bia/A")
    with GraphStore(tmp_path / "store") as store:
        for number, name in enumerate(("Ada", "Ada L"), 1):
            quads = [Quad(person, NAME, Literal(name), source)]
            store.replace({source: quads}, number, ORDER.resolve, ORDER.is_private, ORDER.is_pooled)
            view.catch_up(links, store, ORDER)
        said = {t for t in in_graph(store, "DEFAULT") if t[0] == str(person)}
        assert {o for _, _, o in said} == {'"Ada L"', f"<{orcid}>"}


@pytest.mark.parametrize("phase", ["extend", "update"])
def test_a_crash_while_the_graphs_are_written_is_made_good(log, tmp_path, monkeypatch, phase):
    links = Links(log)
    commit(log, row("A", "actin tubulin | TP53"), row("B", "actin"), row("C", "tubulin"))
    update(log, links)
    with GraphStore(tmp_path / "store") as store:
        view.catch_up(links, store, ORDER)
        commit(log, row("A", "actin | CAT"), row("C", "actin"))
        update(log, links)

        class Torn:
            def __init__(self, inner):
                self.inner = inner

            def __getattr__(self, name):
                if name == phase:
                    raise KeyboardInterrupt
                return getattr(self.inner, name)

            def __contains__(self, quad):
                return quad in self.inner

        whole = store._store
        store._store = Torn(whole)
        with pytest.raises(KeyboardInterrupt):
            view.catch_up(links, store, ORDER)
        store._store = whole
        view.catch_up(links, store, ORDER)
        assert content(store) == anew(links)


@settings(max_examples=15, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(STEP, min_size=1, max_size=4))
def test_the_graphs_are_right_after_each_step(steps):
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        log = Log(f"sqlite:///{Path(folder) / 'c.sqlite'}")
        links = Links(log)
        patch.setattr(view, "BATCH", 3)
        with GraphStore(Path(folder) / "store") as store:
            for step in steps:
                run_step(log, links, step, patch)
                view.catch_up(links, store, ORDER)
                assert content(store) == anew(links)
        log.close()


# --- in a whole hub


def members(record, references):
    return Membership(frozenset({"all"}), record.dataset.keyword or [])


def link(key, found, references):
    for one, other in itertools.pairwise(found):
        sure = 0.9 if one.record[0] == other.record[0] else 0.6
        yield Found(
            *sorted((one.dataset, other.dataset))[:1],
            SAME,
            max(one.dataset, other.dataset),
            sure,
            (Evidence("value", "keyword", "imaging", "imaging"),),
            (one.record, other.record),
        )
    yield Problem(found[0].record, "name", "first-of-all", "x", "It is the first.", "y")


NEIGHBOURS = Rule("neighbours", "records one after another", 1, (SAME,), members, link, is_symmetric=True)


@pytest.fixture
def hub(tmp_path, monkeypatch):
    monkeypatch.setattr(engine, "discover", lambda: ({"neighbours": NEIGHBOURS}, {}))
    found = demo_settings(tmp_path)
    harvest(found, list(found.sources))
    return found


def test_a_harvest_publishes_links_and_the_check_holds(hub):
    checked = maintenance.check(hub)
    assert checked.problems == []
    assert checked.facts["links"]["neighbours"]["facts"] > 5
    assert checked.facts["links"]["neighbours"]["candidates"] == 1
    log = Log(hub.database)
    assert snapshots.current(hub.snapshots_dir).link_sequence == Links(log).last_sequence() > 0
    log.close()


def test_a_change_of_links_alone_publishes_anew_and_a_rebuild_keeps_the_verdict(hub):
    log = Log(hub.database)
    links = Links(log)
    (candidate,) = (r for r in links.all_links() if r.status == "candidate")
    before = snapshots.current(hub.snapshots_dir)
    links.give_verdict(candidate.statement, "accept", "https://orcid.org/0000-0002-1825-0097")
    after = publish(hub, log)
    assert (after.sequence, after.link_sequence) == (before.sequence, before.link_sequence + 1)
    assert after.path != before.path
    assert maintenance.check(hub).problems == []
    sha = maintenance.check(hub).facts["graph_sha256"]
    maintenance.rebuild(hub)
    checked = maintenance.check(hub)
    assert (checked.problems, checked.facts["graph_sha256"]) == ([], sha)
    assert links.link(candidate.id).status == "fact"
    harvest(hub, list(hub.sources), full=True)
    assert links.link(candidate.id).status == "fact"
    log.close()


def test_the_check_tells_a_graph_that_is_not_what_the_catalogue_says(hub):
    log = Log(hub.database)
    links = Links(log)
    with GraphStore(hub.store_dir) as store:
        fact = next(r for r in links.all_links() if r.status == "fact" and r.kind == "link")
        gone = view.quads_of(fact, BASE)[:1]
        store.amend(gone, [], store.link_sequence(), ORDER.resolve)
        snapshots.publish(store, hub.snapshots_dir, BASE, "2026-11-20T12:00:00Z", 3, anew=True)
    log.close()
    problems = maintenance.check(hub).problems
    assert any("graph/links/neighbours is not what the catalogue says" in p for p in problems)
    maintenance.rebuild(hub)
    assert maintenance.check(hub).problems == []


def test_a_store_ahead_of_the_links_is_built_anew(hub):
    with GraphStore(hub.store_dir) as store:
        store.amend([], [], 9999, ORDER.resolve)
        snapshots.publish(store, hub.snapshots_dir, BASE, "2026-11-20T12:00:00Z", 3, anew=True)
    log = Log(hub.database)
    assert publish(hub, log).link_sequence == Links(log).last_sequence()
    log.close()
    assert maintenance.check(hub).problems == []


def test_a_rule_of_another_version_with_the_same_links_leaves_the_graphs(log, tmp_path):
    links = Links(log)
    commit(log, row("A", "actin"), row("B", "actin"))
    update(log, links)
    with GraphStore(tmp_path / "store") as store:
        view.catch_up(links, store, ORDER)
        update(log, links, {**RULES, "share": dataclasses.replace(SHARE, version=7)}, Tables(genes="v1"))
        view.catch_up(links, store, ORDER)
        assert content(store) == anew(links)
