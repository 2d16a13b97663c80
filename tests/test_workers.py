"""Behaviour of the query workers on a real snapshot: answers, limits, recovery."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyoxigraph as ox
import pytest

from hub import errors, places, workers
from hub.places import Caller, CallerGoneError
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


def eventually(condition: object, seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < until, "did not happen"
        time.sleep(0.02)


def is_full(pool: WorkerPool, spares: int = 1) -> bool:
    now = pool.stats()
    return (now["idle"], now["spares"]) == (now["workers"], spares)


@contextmanager
def occupied(pool: WorkerPool, client: str = "occupant") -> Iterator[None]:
    """A worker that is busy until the block ends."""
    begun, leaves = threading.Event(), threading.Event()

    def is_gone() -> bool:
        begun.set()
        return leaves.is_set()

    def ask() -> None:
        with places.serving(Caller(client, is_gone)), pytest.raises(CallerGoneError):
            pool.query(ENDLESS, timeout_s=300)

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        assert begun.wait(60)
        yield
    finally:
        leaves.set()
        thread.join()


@pytest.fixture
def all_quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """No query becomes a slow one."""
    monkeypatch.setattr(workers, "_QUICK_S", 1e9)
    monkeypatch.setattr(workers, "_CROWDED_S", 1e9)


@pytest.fixture
def all_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer of more than one piece is a slow query's."""
    monkeypatch.setattr(workers, "_QUICK_BYTES", 0)


def test_kinds_and_bodies(pool: WorkerPool) -> None:
    assert rows(pool, POINT) == [['"v7"']]
    assert pool.query("ASK {}").kind == "boolean"
    graph = pool.query("CONSTRUCT { <http://e/a> <http://e/b> ?o } WHERE { <http://e/s7> ?p ?o }")
    assert graph.kind == "graph"
    assert graph.body == b'<http://e/a> <http://e/b> "v7" .\n'


def test_quick_answer_of_many_pieces_comes_in_one(pool: WorkerPool, all_quick: None) -> None:
    body = pool.query("SELECT * { ?s ?p ?o }", "text/csv").body
    assert body is not None
    assert body.count(b"\r\n") == 3001


def test_long_answer_comes_whole_and_frees_its_worker(pool: WorkerPool, all_slow: None) -> None:
    result = pool.query("SELECT * { ?s ?p ?o }", "text/csv")
    assert result.body is None
    pieces = list(result)
    assert len(pieces) > 1
    assert b"".join(pieces).count(b"\r\n") == 3001
    eventually(lambda: is_full(pool))


def test_long_answers_are_exact_whatever_the_timing(snapshot: Path, pool: WorkerPool, all_slow: None) -> None:
    text = "SELECT * { ?s ?p ?o . <http://e/s1> ?q ?x . <http://e/s2> ?r ?y } ORDER BY ?s"
    store = ox.Store.read_only(str(snapshot))
    solutions = store.query(text)
    assert isinstance(solutions, ox.QuerySolutions)
    expected = solutions.serialize(format=ox.QueryResultsFormat.CSV)

    def work(number: int) -> bool:
        pieces = []
        for piece in pool.query(text, "text/csv"):
            pieces.append(piece)
            time.sleep(0.001 * (number % 4))
        return b"".join(pieces) == expected

    with ThreadPoolExecutor(4) as threads:
        assert all(threads.map(work, range(16)))


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


def test_result_limit_before_and_after_the_first_piece(snapshot: Path, all_slow: None) -> None:
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


def test_result_limit_of_a_quick_answer(snapshot: Path, all_quick: None) -> None:
    pool = WorkerPool(snapshot, workers=1, spares=0, max_result_bytes=200_000)
    try:
        with pytest.raises(errors.ResultTooLargeError):
            pool.query(LONG)
        assert rows(pool, POINT) == [['"v7"']]
    finally:
        pool.close()


def test_deadline_in_mid_answer_raises(pool: WorkerPool, all_slow: None) -> None:
    result = pool.query(LONG, timeout_s=2)
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


def test_answer_that_nobody_fetches_is_ended(pool: WorkerPool, all_slow: None) -> None:
    result = pool.query(LONG, timeout_s=2)
    eventually(lambda: is_full(pool))
    with pytest.raises(errors.QueryTimeoutError):
        list(result)


def test_busy(snapshot: Path, all_quick: None) -> None:
    pool = WorkerPool(snapshot, workers=1, spares=0, queue_timeout_s=0.1)
    try:
        with occupied(pool), pytest.raises(errors.QueryBusyError, match="workers are busy"):
            pool.query(POINT)
        pool._queue_timeout_s = 60
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


def test_switch_lets_running_queries_finish(snapshot: Path, tmp_path: Path, all_slow: None) -> None:
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


# ── two lanes, several clients ───────────────────────────────────────────────────────────────────────────────────────


def ask_as(pool: WorkerPool, client: str, done: list[str], name: str) -> threading.Thread:
    """Ask a light query in a thread, as a client, and note that it was answered."""

    def ask() -> None:
        with places.serving(Caller(client)):
            assert rows(pool, POINT) == [['"v7"']]
        done.append(name)

    thread = threading.Thread(target=ask)
    thread.start()
    return thread


def test_clients_take_turns(snapshot: Path, all_quick: None, monkeypatch: pytest.MonkeyPatch) -> None:
    pool = WorkerPool(snapshot, workers=1, spares=0, queue_timeout_s=60)
    given: list[str] = []
    next_of = pool._turns.next

    def noted(may: Callable[[str], bool]) -> Any:
        if found := next_of(may):
            given.append(found[0])
        return found

    monkeypatch.setattr(pool._turns, "next", noted)
    try:
        threads = []
        with occupied(pool, "a"):
            for number, client in enumerate("aaabc"):
                threads.append(ask_as(pool, client, [], ""))
                eventually(lambda expected=number + 1: pool.stats()["waiting"] == expected)
        for thread in threads:
            thread.join()
        assert given == ["a", "b", "c", "a", "a"]
    finally:
        pool.close()


def test_quick_queries_go_on_beside_slow_ones(snapshot: Path) -> None:
    """One slow place, two clients that want it: the second is stopped and waits for its turn."""
    pool = WorkerPool(snapshot, workers=1, spares=1, queue_timeout_s=300)
    try:
        with occupied(pool, "a"):
            eventually(lambda: pool._slow._held["a"] == 1)
            with occupied(pool, "b"):
                eventually(lambda: len(pool._slow._turns) == 1)
                assert all(rows(pool, POINT) == [['"v7"']] for _ in range(20))
        eventually(lambda: is_full(pool))
        assert not pool._slow._held
    finally:
        pool.close()


def test_a_stopped_query_runs_again_in_its_turn(snapshot: Path) -> None:
    pool = WorkerPool(snapshot, workers=1, spares=1, queue_timeout_s=300)
    count = "SELECT (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f }"
    found: list[list[list[str]]] = []

    def ask() -> None:
        with places.serving(Caller("b")):
            found.append(rows(pool, count, timeout_s=300))

    try:
        with occupied(pool, "a"):
            eventually(lambda: pool._slow._held["a"] == 1)
            thread = threading.Thread(target=ask)
            thread.start()
            eventually(lambda: len(pool._slow._turns) == 1)
        thread.join()
        assert found == [[["9000000"]]], "of the default graph"
        eventually(lambda: is_full(pool))
    finally:
        pool.close()


def test_a_query_is_quick_for_a_shorter_time_while_others_wait(snapshot: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "_QUICK_S", 1e9)
    pool = WorkerPool(snapshot, workers=1, spares=0, queue_timeout_s=300)
    try:
        with occupied(pool, "a"):
            done: list[str] = []
            own = ask_as(pool, "a", done, "own")
            eventually(lambda: pool.stats()["waiting"] == 1)
            assert not pool._slow._held, "who waits for its own query does not stop it"
            other = ask_as(pool, "b", done, "other")
            other.join()
            own.join()
            assert pool._slow._held["a"] == 1
    finally:
        pool.close()


def test_a_client_that_left_frees_its_worker(pool: WorkerPool) -> None:
    abandoned = pool.stats()["abandoned"]
    with places.serving(Caller("a", is_gone=lambda: True)), pytest.raises(CallerGoneError):
        pool.query(ENDLESS, timeout_s=300)
    assert pool.stats()["abandoned"] == abandoned + 1
    assert rows(pool, POINT) == [['"v7"']]
    eventually(lambda: is_full(pool))


def test_a_client_that_leaves_in_mid_answer_frees_its_worker(pool: WorkerPool, all_slow: None) -> None:
    leaves = threading.Event()
    with places.serving(Caller("a", is_gone=leaves.is_set)):
        result = pool.query(LONG, timeout_s=300)
    leaves.set()
    with pytest.raises(CallerGoneError):
        list(result)
    eventually(lambda: is_full(pool))
    assert not pool._slow._held


def test_a_client_that_left_waits_no_longer(snapshot: Path, all_quick: None) -> None:
    pool = WorkerPool(snapshot, workers=1, spares=0, queue_timeout_s=300)
    try:
        with occupied(pool):
            with places.serving(Caller("a", is_gone=lambda: True)), pytest.raises(CallerGoneError):
                pool.query(POINT)
            assert pool.stats()["waiting"] == 0
        assert rows(pool, POINT) == [['"v7"']]
    finally:
        pool.close()


def test_a_slow_query_runs_behind_the_others_and_its_worker_is_not_used_again(pool: WorkerPool) -> None:
    known = {worker.pid for worker in (*pool._idle, *pool._spares)}

    def reniced() -> set[int]:
        return {pid for pid in known if os.getpriority(os.PRIO_PROCESS, pid) > 0}

    with occupied(pool):
        eventually(reniced)
        (slow,) = reniced()
        eventually(lambda: is_full(pool))
    assert slow not in {worker.pid for worker in (*pool._idle, *pool._spares)}


def test_slow_queries_outlive_a_switch(snapshot: Path, pool: WorkerPool) -> None:
    with occupied(pool):
        eventually(lambda: pool._slow._held)
        pool.switch(snapshot)
        eventually(lambda: is_full(pool))
    eventually(lambda: not pool._slow._held)
    assert is_full(pool)


def test_a_lost_zygote_leaves_no_slow_place_taken(snapshot: Path) -> None:
    pool = WorkerPool(snapshot, workers=1, spares=1, timeout_s=300, queue_timeout_s=300)
    try:
        with occupied(pool):
            eventually(lambda: pool._slow._held)
            os.kill(int(pool.stats()["zygote_pid"]), signal.SIGKILL)
            eventually(lambda: pool.stats()["zygotes"] == 2)
        eventually(lambda: is_full(pool))
        assert not pool._slow._held
        assert rows(pool, POINT) == [['"v7"']]
    finally:
        pool.close()


def test_processes_that_are_lost_for_ever_are_an_error(pool: WorkerPool, monkeypatch: pytest.MonkeyPatch) -> None:
    def lose(worker: Any, *_: object) -> None:
        pool._lose(worker)
        raise workers._LostError

    with monkeypatch.context() as patched:
        patched.setattr(pool, "_ask", lose)
        with pytest.raises(errors.QueryBusyError, match="again and again"):
            pool.query(POINT)
    assert rows(pool, POINT) == [['"v7"']]


def test_a_fork_that_fails_is_tried_again(snapshot: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pool = WorkerPool(snapshot, workers=1, spares=0, queue_timeout_s=300)
    start, fails = pool._start, [True, True]

    def refused(*args: object) -> object:
        if fails:
            fails.pop()
            raise errors.StoreError("no query worker can be started: the system refuses another process")
        return start(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(pool, "_start", refused)
    try:
        with occupied(pool):
            eventually(lambda: pool._slow._held)
            assert rows(pool, POINT) == [['"v7"']]
        assert not fails
    finally:
        pool.close()


def test_closing_ends_who_runs_and_who_waits(snapshot: Path) -> None:
    pool = WorkerPool(snapshot, workers=1, spares=1, timeout_s=300, queue_timeout_s=300)
    ended: list[str] = []

    def ask(client: str) -> None:
        with places.serving(Caller(client)), pytest.raises(errors.QueryBusyError):
            pool.query(ENDLESS)
        ended.append(client)

    threads = [threading.Thread(target=ask, args=(client,)) for client in "ab"]
    for thread in threads:
        thread.start()
    eventually(lambda: len(pool._slow._turns) == 1)
    pool.close()
    for thread in threads:
        thread.join()
    assert sorted(ended) == ["a", "b"]


@pytest.mark.skipif(not Path("/proc/self/limits").exists(), reason="there is no /proc")
def test_workers_write_no_file(pool: WorkerPool) -> None:
    limits = Path(f"/proc/{pool._idle[0].pid}/limits").read_text().splitlines()
    assert [line.split()[3:5] for line in limits if line.startswith("Max file size")] == [["0", "0"]]
