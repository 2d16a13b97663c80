"""The store: graphs replaced whole, a default graph that is always their union, a mark that is written last."""

import subprocess
import sys
from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyoxigraph import DefaultGraph, Literal, NamedNode, Quad, RdfFormat

from hub.errors import LockedError
from hub.store import META, RDF_TYPE, GraphStore, dump_to, write_lock

DEFAULT = DefaultGraph()


def node(name):
    return NamedNode(f"https://h/{name}")


def union(_subject, said):
    return {(p, o) for p, o, _ in said}


def majority(_subject, said):
    counted = Counter(o for _, o, _ in said)
    best = max(counted, key=lambda o: (counted[o], str(o)), default=None)
    return {(p, o) for p, o, _ in said if o == best}


def quads(graph, *triples):
    return [Quad(node(s), node(p), Literal(o), node(graph)) for s, p, o in triples]


def default_of(store):
    return {q.triple for q in store.quads() if q.graph_name == DEFAULT}


def test_the_default_graph_is_the_union_without_duplicates(tmp_path):
    with GraphStore(tmp_path) as store:
        store.replace({node("a"): quads("a", ("s", "p", "1")), node("b"): quads("b", ("s", "p", "1"))}, 1, union)
        assert len(default_of(store)) == 1
        store.replace({node("a"): []}, 2, union)
        assert len(default_of(store)) == 1, "the other graph still says it"
        store.replace({node("b"): []}, 3, union)
        assert default_of(store) == set()
        assert list(store.quads()) == []


triples = st.lists(st.tuples(st.sampled_from("stu"), st.sampled_from("pq"), st.sampled_from("123")), max_size=4)
steps = st.lists(st.dictionaries(st.sampled_from("abcd"), triples, min_size=1, max_size=3), min_size=1, max_size=6)


@settings(deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))
@given(steps, st.sampled_from([union, majority]), st.booleans())
def test_any_history_ends_where_a_fresh_store_would(tmp_path_factory, history, resolve, pooled):
    stands = {}
    with GraphStore(tmp_path_factory.mktemp("store")) as store:
        for number, step in enumerate(history, start=1):
            stands.update(step)
            graphs = {node(g): quads(g, *t) for g, t in step.items()}
            store.replace(graphs, number, resolve, is_pooled=lambda _: pooled)
        named = {q for g, t in stands.items() for q in quads(g, *t)}
        assert {q for q in store.quads() if q.graph_name != DEFAULT} == named
        subjects = {q.subject for q in named}
        expected = set()
        for subject in subjects:
            said = [(q.predicate, q.object, q.graph_name) for q in named if q.subject == subject]
            expected |= {Quad(subject, p, o) for p, o in resolve(subject, said)}
        assert {q for q in store.quads() if q.graph_name == DEFAULT} == expected
        assert store.sequence() == len(history)


def test_marks_are_kept_and_are_no_statements(tmp_path):
    name = node("mark")
    with GraphStore(tmp_path) as store:
        assert store.mark(name) == ""
        store.set_mark(name, "one")
        store.set_mark(name, 'a "two"')
        store.replace({node("a"): quads("a", ("s", "p", "1"))}, 1, union)
        assert (store.mark(name), len(store), store.graph_names("https://h/")) == ('a "two"', 2, {node("a")})
    with GraphStore(tmp_path) as store:
        assert store.mark(name) == 'a "two"'


def test_statements_with_a_property_are_had_by_graph(tmp_path):
    typed = [Quad(node(s), RDF_TYPE, node(c), node("a")) for s, c in (("x", "C"), ("y", "D"), ("z", "E"))]
    with GraphStore(tmp_path) as store:
        store.replace({node("a"): typed}, 1, union)
        assert list(store.having([RDF_TYPE], [node("C"), node("D")], [node("a")])) == typed[:2]
        assert set(store.having([RDF_TYPE], [None], [node("a")])) == set(typed)
        assert list(store.having([RDF_TYPE], [None], [node("b")])) == []
        assert store.graphs_of(typed[0]) == {"https://h/a", ""}


def test_private_subjects_take_the_short_way_to_the_same_end(tmp_path):
    said = {node("a"): quads("a", ("mine", "p", "1"), ("shared", "p", "2"))}
    ends = []
    for name, private in (("x", lambda iri: iri.endswith("mine")), ("y", lambda _: False)):
        with GraphStore(tmp_path / name) as store:
            store.replace(said, 1, union, private)
            store.replace({node("a"): quads("a", ("mine", "p", "9"))}, 2, union, private)
            ends.append(set(store.quads()))
    assert ends[0] == ends[1]


def test_a_replacement_cut_short_is_made_again_to_the_same_end(tmp_path, monkeypatch):
    old = {node("a"): quads("a", ("s", "p", "old"))}
    new = {node("a"): quads("a", ("s", "p", "new"))}
    with GraphStore(tmp_path / "cut") as store:
        store.replace(old, 1, union)
        store._store.extend([*new[node("a")], Quad(node("s"), node("p"), Literal("new"))])  # … and then power failed
        assert store.sequence() == 1
        store.replace(new, 2, union)
        cut = set(store.quads())
    with GraphStore(tmp_path / "whole") as store:
        store.replace(old, 1, union)
        store.replace(new, 2, union)
        assert set(store.quads()) == cut


def test_a_cut_between_additions_and_removals_leaves_no_old_value(tmp_path, monkeypatch):
    """New graphs flip what most records say; the old word must go even if the first try ended half-way."""
    first = {node("a"): quads("a", ("s", "p", "old"))}
    more = {node(g): quads(g, ("s", "p", "new")) for g in "bc"}

    def crash(*_args):
        raise InterruptedError

    with GraphStore(tmp_path) as store:
        store.replace(first, 1, majority)
        with monkeypatch.context() as patch:
            patch.setattr("hub.store._blocks", crash)
            with pytest.raises(InterruptedError):
                store.replace(more, 2, majority)
        assert store.sequence() == 1
        store.replace(more, 2, majority)
        assert {t.object.value for t in default_of(store)} == {"new"}
        assert store.sequence() == 2


def test_bulk_and_small_writes_come_to_the_same(tmp_path, monkeypatch):
    many = quads("a", *((f"s{n}", "p", str(n)) for n in range(50)))
    ends = []
    for name, limit in (("bulk", 1), ("small", 10**6)):
        monkeypatch.setattr("hub.store.BULK_QUADS", limit)
        with GraphStore(tmp_path / name) as store:
            store.replace({node("a"): many}, 1, union)
            ends.append(set(store.quads()))
    assert ends[0] == ends[1]
    assert len(ends[0]) == 100


def test_literals_with_every_escape_are_removed_again(tmp_path):
    nasty = 'quote " backslash \\ newline \n tab \t emoji 🔬 } GRAPH <x> { '
    with GraphStore(tmp_path) as store:
        store.replace({node("a"): quads("a", ("s", "p", nasty))}, 1, union)
        store.replace({node("a"): []}, 2, union)
        assert list(store.quads()) == []


def test_a_snapshot_does_not_see_later_writes(tmp_path):
    from pyoxigraph import Store

    with GraphStore(tmp_path / "store") as store:
        store.replace({node("a"): quads("a", ("s", "p", "1"))}, 1, union)
        store.flush()
        store.backup(tmp_path / "copy")
        store.replace({node("a"): quads("a", ("s", "p", "2"))}, 2, union)
    assert {q.object.value for q in Store.read_only(str(tmp_path / "copy")) if q.graph_name == node("a")} == {"1"}


def test_a_dump_leaves_the_store_s_own_mark_out(tmp_path):
    with GraphStore(tmp_path / "store") as store:
        store.replace({node("a"): quads("a", ("s", "p", "1"))}, 1, union)
    with (tmp_path / "out.nq").open("wb") as out:
        dump_to(tmp_path / "store", out, RdfFormat.N_QUADS)
    text = (tmp_path / "out.nq").read_text()
    assert META.value not in text
    assert len(text.splitlines()) == 2


def test_a_second_writer_is_told_to_wait(tmp_path):
    with GraphStore(tmp_path / "store"):
        code = (
            f"from pathlib import Path; from hub.store import GraphStore; GraphStore(Path({str(tmp_path / 'store')!r}))"
        )
        other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
        assert "LockedError: another process writes" in other.stderr


def test_the_write_lock_is_for_one(tmp_path):
    with write_lock(tmp_path), pytest.raises(LockedError, match="another harvest writes"), write_lock(tmp_path):
        pass
    with write_lock(tmp_path):
        pass
