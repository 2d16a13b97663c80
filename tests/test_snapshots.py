"""Published snapshots: whole, numbered, switched in one step, pruned."""

import pytest
from pyoxigraph import Literal, NamedNode, Quad, Store

from hub import snapshots
from hub.errors import NotPublishedError
from hub.store import GraphStore


def fill(store, number):
    g = NamedNode("https://h/g")
    quad = Quad(NamedNode("https://h/s"), NamedNode("https://h/p"), Literal(str(number)), g)
    store.replace({g: [quad]}, number, lambda _s, said: {(p, o) for p, o, _ in said})
    store.flush()


def values(snapshot):
    return {q.object.value for q in Store.read_only(str(snapshot.graph)) if q.subject.value == "https://h/s"}


def test_the_newest_is_current_and_old_ones_are_pruned(tmp_path):
    with GraphStore(tmp_path / "store") as store:
        for number in range(1, 6):
            fill(store, number)
            snapshots.publish(store, tmp_path / "out", "https://h/", "2026-11-20T12:00:00Z", keep=2)
    current = snapshots.current(tmp_path / "out")
    assert (current.sequence, current.base_iri, values(current)) == (5, "https://h/", {"5"})
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["000004", "000005", "current"]


def test_publishing_the_same_change_again_keeps_what_stands_unless_it_was_built_anew(tmp_path):
    with GraphStore(tmp_path / "store") as store:
        fill(store, 1)
        first = snapshots.publish(store, tmp_path / "out", "https://h/", "2026-11-20T12:00:00Z", keep=3)
        again = snapshots.publish(store, tmp_path / "out", "https://h/", "2026-11-21T12:00:00Z", keep=3)
        anew = snapshots.publish(store, tmp_path / "out", "https://h/", "2026-11-22T12:00:00Z", keep=3, anew=True)
    assert first == again
    assert (anew.path.name, anew.sequence) == ("000001.2", 1)
    assert snapshots.current(tmp_path / "out") == anew


def test_what_a_crash_left_half_built_is_cleared_away(tmp_path):
    left = tmp_path / "out" / ".building-1"
    left.mkdir(parents=True)
    with GraphStore(tmp_path / "store") as store:
        fill(store, 1)
        snapshots.publish(store, tmp_path / "out", "https://h/", "2026-11-20T12:00:00Z", keep=3)
    assert not left.exists()


def test_nothing_published_yet_says_what_to_do(tmp_path):
    assert snapshots.current_or_none(tmp_path) is None
    with pytest.raises(NotPublishedError, match="hub harvest --all"):
        snapshots.current(tmp_path)
