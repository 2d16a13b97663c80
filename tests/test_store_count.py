"""The number of statements of a store is noted with each change, and is the number that there are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyoxigraph import NamedNode, Quad

from hub import store as module
from hub.store import META, GraphStore, Statement, Term


def node(name: object) -> NamedNode:
    return NamedNode(f"https://h/{name}")


def union(_: Any, said: list[Statement]) -> set[tuple[NamedNode, Term]]:
    return {(p, o) for p, o, _ in said}


def counted(store: GraphStore) -> int:
    return sum(1 for quad in store._store if quad.graph_name != META)


def quads(graph: int, values: list[int]) -> list[Quad]:
    return [Quad(node(f"s{value % 3}"), node("p"), node(value), node(f"g{graph}")) for value in values]


steps = st.lists(st.tuples(st.integers(0, 2), st.lists(st.integers(0, 6), max_size=6), st.booleans()), max_size=6)


@settings(max_examples=30, deadline=None)
@given(steps, st.sampled_from([3, 10_000]))
def test_the_count_is_right_after_any_changes(
    tmp_path_factory: pytest.TempPathFactory, changes: list[tuple[int, list[int], bool]], bulk: int
) -> None:
    with pytest.MonkeyPatch.context() as patch, GraphStore(tmp_path_factory.mktemp("count")) as store:
        patch.setattr(module, "BULK_QUADS", bulk)
        assert len(store) == 0
        for number, (graph, values, is_amended) in enumerate(changes, 1):
            if is_amended:
                said = list(store.said_in(node(f"g{graph}")))
                store.amend(said[:2], quads(graph, values), number, union)
            else:
                store.replace({node(f"g{graph}"): quads(graph, values)}, number, union)
            store.forget_touched(store.touched())
            assert len(store) == counted(store)


def test_what_a_cut_between_two_writes_left_is_counted_again(tmp_path: Path) -> None:
    def cut(*_: Any) -> None:
        raise KeyboardInterrupt

    with GraphStore(tmp_path) as store:
        store.replace({node("g1"): quads(1, [1, 2])}, 1, union)
        assert len(store) == 4
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(store, "_remove_and_mark", cut)
            with pytest.raises(KeyboardInterrupt):
                store.replace({node("g1"): quads(1, [2, 3])}, 2, union)
    with GraphStore(tmp_path) as store:
        assert len(store) == counted(store) == 6
        store.replace({node("g1"): quads(1, [2, 3])}, 2, union)
        assert len(store) == counted(store) == 4
    with GraphStore(tmp_path) as store:
        store.clear()
        assert len(store) == 0
