"""Behaviour of the query workers on a real snapshot: answers, limits, recovery."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyoxigraph as ox
import pytest

from hub import errors
from hub.workers import WorkerPool

POINT = "SELECT ?o WHERE { <http://e/s7> <http://e/p> ?o }"
ENDLESS = "SELECT (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i . ?j ?k ?l }"
LONG = "SELECT * { ?a ?b ?c . ?d ?e ?f }"
BOMB = (
    'SELECT (STRLEN(?f) AS ?n) { BIND("xxxxxxxxxxxxxxxx" AS ?a) '
    + "".join(f'BIND(REPLACE(?{a}, "x", "{"x" * 64}") AS ?{b}) ' for a, b in ("ab", "bc", "cd", "de", "ef"))
    + "}"
)


def make_snapshot(folder: Path, count: int, value: str = "v") -> Path:
    folder.mkdir(parents=True)
    store = ox.Store(str(folder / "store"))
    store.extend(
        ox.Quad(ox.NamedNode(f"http://e/s{i}"), ox.NamedNode("http://e/p"), ox.Literal(f"{value}{i}"))
        for i in range(count)
    )
    store.add(
        ox.Quad(ox.NamedNode("http://e/s"), ox.NamedNode("http://e/p"), ox.Literal("named"), ox.NamedNode("http://e/g"))
    )
    store.flush()
    store.backup(str(folder / "snapshot"))
    return folder / "snapshot"


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_snapshot(tmp_path_factory.mktemp("workers") / "a", 3000)


@pytest.fixture(scope="module")
def pool(snapshot: Path) -> Iterator[WorkerPool]:
    pool = WorkerPool(snapshot, workers=2, spares=1, memory_bytes=256 * 1024**2)
    yield pool
    pool.close()


def rows(pool: WorkerPool, text: str, **options: object) -> list[list[str]]:
    data = b"".join(pool.query(text, "text/tab-separated-values", **options))  # type: ignore[arg-type]
    return [line.split("\t") for line in data.decode().splitlines()[1:]]


def eventually(condition: object, seconds: float = 15) -> None:
    until = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < until, "did not happen"
        time.sleep(0.02)


def is_full(pool: WorkerPool) -> bool:
    now = pool.stats()
    return (now["idle"], now["spares"]) == (now["workers"], 1)


def test_kinds_and_bodies(pool: WorkerPool) -> None:
    assert rows(pool, POINT) == [['"v7"']]
    assert pool.query("ASK {}").kind == "boolean"
    graph = pool.query("CONSTRUCT { <http://e/a> <http://e/b> ?o } WHERE { <http://e/s7> ?p ?o }")
    assert graph.kind == "graph"
    assert graph.body == b'<http://e/a> <http://e/b> "v7" .\n'


def test_long_answer_comes_whole_and_frees_its_worker(pool: WorkerPool) -> None:
    result = pool.query("SELECT * { ?s ?p ?o }", "text/csv")
    assert result.body is None
    pieces = list(result)
    assert len(pieces) > 1
    assert b"".join(pieces).count(b"\r\n") == 3001
    eventually(lambda: is_full(pool))


def test_long_answers_are_exact_whatever_the_timing(snapshot: Path, pool: WorkerPool) -> None:
    text = "SELECT * { ?s ?p ?o . <http://e/s1> ?q ?x . <http://e/s2> ?r ?y } ORDER BY ?s"
    store = ox.Store.read_only(str(snapshot))
    expected = store.query(text).serialize(format=ox.QueryResultsFormat.CSV)

    def work(number: int) -> bool:
        pieces = []
        for piece in pool.query(text, "text/csv"):
            pieces.append(piece)
            time.sleep(0.001 * (number % 4))
        return b"".join(pieces) == expected

    with ThreadPoolExecutor(4) as threads:
        assert all(threads.map(work, range(40)))


def test_datasets_of_the_protocol(pool: WorkerPool) -> None:
    assert rows(pool, "SELECT ?o { ?s ?p ?o }", default_graphs=["http://e/g"]) == [['"named"']]
    assert rows(pool, "SELECT ?o { GRAPH ?g { ?s ?p ?o } }", named_graphs=["http://e/g"]) == [['"named"']]
    assert rows(pool, "SELECT ?o { ?s ?p ?o }", named_graphs=["http://e/g"]) == []
    with pytest.raises(errors.QuerySyntaxError):
        pool.query(POINT, default_graphs=["not an iri"])


def test_syntax_error_says_where(pool: WorkerPool) -> None:
    with pytest.raises(errors.QuerySyntaxError, match=r"1:\d+"):
        pool.query("SELECT * { ?s ?p }")


def test_updates_are_no_queries(pool: WorkerPool) -> None:
    with pytest.raises(errors.QuerySyntaxError):
        pool.query("INSERT DATA { <http://e/a> <http://e/b> <http://e/c> }")


def test_media_type_must_fit_the_form(pool: WorkerPool) -> None:
    with pytest.raises(errors.NotAcceptableError):
        pool.query(POINT, "text/turtle")
    with pytest.raises(errors.NotAcceptableError):
        pool.query("CONSTRUCT WHERE { ?s ?p ?o }", "text/csv")


def test_deadline_kills_and_the_next_query_is_fine(pool: WorkerPool) -> None:
    with pytest.raises(errors.QueryTimeoutError):
        pool.query(ENDLESS, timeout_s=0.5)
    assert rows(pool, POINT) == [['"v7"']]


def test_optimiser_bomb_meets_the_deadline(pool: WorkerPool) -> None:
    chain = " . ".join(f"?v{i} <http://e/p> ?v{i + 1}" for i in range(300))
    with pytest.raises(errors.QueryTimeoutError):
        pool.query(f"SELECT * {{ {chain} }}", timeout_s=0.5)
    assert rows(pool, POINT) == [['"v7"']]


@pytest.mark.parametrize(
    "text",
    [
        "SELECT (" + "(" * 20000 + "1" + ")" * 20000 + " AS ?x) {}",
        "SELECT (" + "STR(" * 20000 + "1" + ")" * 20000 + " AS ?x) {}",
        "SELECT (" + "!" * 20000 + "true AS ?x) {}",
        "SELECT * " + "{" * 20000 + "}" * 20000,
        "SELECT * { " + "FILTER EXISTS { " * 20000 + "}" * 20000 + " }",
        "SELECT * { ?s " + "(" * 20000 + "<http://e/p>" + ")" * 20000 + " ?o }",
        "SELECT (" + "STR(" * 400_000 + "1" + ")" * 400_000 + " AS ?x) {}",
    ],
    ids=["parentheses", "calls", "not", "braces", "exists", "paths", "beyond-the-stack"],
)
def test_deep_nesting_kills_at_most_its_worker(pool: WorkerPool, text: str) -> None:
    with contextlib.suppress(errors.QueryTooComplexError, errors.QueryMemoryError, errors.QueryTimeoutError):
        b"".join(pool.query(text, timeout_s=5))
    assert rows(pool, POINT) == [['"v7"']]


def test_stack_overflow_is_told_as_too_complex(pool: WorkerPool) -> None:
    with pytest.raises(errors.QueryTooComplexError):
        pool.query("SELECT (" + "STR(" * 400_000 + "1" + ")" * 400_000 + " AS ?x) {}")


@pytest.mark.parametrize("text", [BOMB, "SELECT * { ?a ?b ?c . ?d ?e ?f } ORDER BY ?c ?f"], ids=["replace", "order"])
def test_memory_bomb(pool: WorkerPool, text: str) -> None:
    with pytest.raises(errors.QueryMemoryError):
        pool.query(text)
    assert rows(pool, POINT) == [['"v7"']]


def test_result_limit_before_and_after_the_first_piece(snapshot: Path) -> None:
    pool = WorkerPool(snapshot, workers=1, spares=0, max_result_bytes=100_000)
    try:
        result = pool.query("SELECT * { ?s ?p ?o }")
        with pytest.raises(errors.ResultTooLargeError):
            list(result)
        pool._max_result_bytes = 1000
        for text in ("SELECT * { ?s ?p ?o }", "SELECT * { ?s ?p ?o } LIMIT 100"):
            with pytest.raises(errors.ResultTooLargeError):
                pool.query(text)
        assert rows(pool, POINT) == [['"v7"']]
    finally:
        pool.close()


def test_deadline_in_mid_answer_raises(pool: WorkerPool) -> None:
    result = pool.query(LONG, timeout_s=0.3)
    pool_limits = (errors.QueryTimeoutError, errors.ResultTooLargeError)
    with pytest.raises(pool_limits):
        sum(len(piece) for piece in result)


def test_abandoned_answers_free_their_workers(pool: WorkerPool) -> None:
    for _ in range(5):
        iterator = iter(pool.query(LONG))
        next(iterator)
        iterator.close()  # type: ignore[attr-defined]
    pool.query(LONG).close()
    assert rows(pool, POINT) == [['"v7"']]
    eventually(lambda: is_full(pool))


def test_answer_that_nobody_fetches_is_ended(pool: WorkerPool) -> None:
    result = pool.query(LONG, timeout_s=0.2)
    eventually(lambda: is_full(pool))
    with pytest.raises(errors.QueryTimeoutError):
        list(result)


def test_busy(snapshot: Path) -> None:
    pool = WorkerPool(snapshot, workers=1, spares=0, queue_timeout_s=0.1)
    try:
        held = pool.query(LONG)
        with pytest.raises(errors.QueryBusyError):
            pool.query(POINT)
        held.close()
        pool._queue_timeout_s = 10
        assert rows(pool, POINT) == [['"v7"']]
    finally:
        pool.close()


def test_many_threads(pool: WorkerPool) -> None:
    def work(number: int) -> bool:
        if number % 50 == 0:
            with pytest.raises(errors.QueryTimeoutError):
                pool.query(ENDLESS, timeout_s=0.1)
        return rows(pool, f"SELECT ?o {{ <http://e/s{number}> <http://e/p> ?o }}") == [[f'"v{number}"']]

    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(work, range(400)))
    eventually(lambda: is_full(pool))


def test_switch_lets_running_queries_finish(snapshot: Path, tmp_path: Path) -> None:
    other = make_snapshot(tmp_path / "b", 10, "new")
    pool = WorkerPool(snapshot, workers=2, spares=1)
    try:
        running = pool.query("SELECT * { ?s ?p ?o }", "text/csv")
        pool.switch(other)
        assert rows(pool, POINT) == [['"new7"']]
        assert b"".join(running).count(b"\r\n") == 3001
        with pytest.raises(errors.StoreError):
            pool.switch(tmp_path / "nothing")
        assert rows(pool, POINT) == [['"new7"']]
        eventually(lambda: is_full(pool))
    finally:
        pool.close()


def test_snapshot_that_cannot_be_opened(tmp_path: Path) -> None:
    with pytest.raises(errors.StoreError):
        WorkerPool(tmp_path / "nothing")


def test_killed_zygote_is_replaced(pool: WorkerPool) -> None:
    before = int(pool.stats()["zygote_pid"])
    os.kill(before, signal.SIGKILL)
    assert rows(pool, POINT) == [['"v7"']]
    eventually(lambda: pool.stats()["zygote_pid"] != before)
    assert rows(pool, POINT) == [['"v7"']]
    eventually(lambda: is_full(pool))


def test_snapshot_is_not_written(snapshot: Path, pool: WorkerPool) -> None:
    def files() -> set[str]:
        return {path.name for path in snapshot.iterdir() if path.suffix == ".sst" or path.name.startswith("MANIFEST")}

    before = files()
    rows(pool, POINT)
    assert files() == before


def test_close_ends_all_processes(snapshot: Path) -> None:
    pool = WorkerPool(snapshot, workers=1, spares=1)
    zygote = int(pool.stats()["zygote_pid"])
    children = Path(f"/proc/{zygote}/task/{zygote}/children").read_text().split()
    assert len(children) == 2
    pool.close()
    with pytest.raises(errors.QueryBusyError):
        pool.query(POINT)
    eventually(lambda: not any(Path(f"/proc/{pid}").exists() for pid in children))


@pytest.mark.parametrize("silent", ["", "SILENT "])
def test_sealed_worker_reaches_no_network(pool: WorkerPool, silent: str) -> None:
    if not pool.stats()["sealed"]:
        pytest.skip("no seccomp on this machine; the pool then refuses SERVICE by its text")
    with socket.create_server(("127.0.0.1", 0)) as canary:
        called = threading.Event()

        def listen() -> None:
            canary.accept()[0].close()
            called.set()

        threading.Thread(target=listen, daemon=True).start()
        text = f"SELECT * {{ SERVICE {silent}<http://127.0.0.1:{canary.getsockname()[1]}/> {{ ?s ?p ?o }} }}"
        if silent:
            assert b"".join(pool.query(text, "text/csv")).count(b"http") == 0
        else:
            with pytest.raises(errors.QueryRefusedError):
                pool.query(text)
        assert not called.wait(0.3)
        socket.create_connection(canary.getsockname()).close()
        assert called.wait(5)


def test_without_seccomp_the_text_is_checked(pool: WorkerPool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool._zygote, "sealed", False)
    with pytest.raises(errors.QueryRefusedError):
        pool.query(r"SELECT * { \u0053ERVICE SILENT <http://127.0.0.1:9999/> {} }")
