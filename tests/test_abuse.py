"""What a hostile reader sends to a hub that an operator has started: refused or ended in time, and it stays well."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any
from urllib.parse import urlencode

import pytest

from tests import abuse
from tests.abuse import Hub, Query, Raw

LIMIT_S = 1.0
MEMORY_BYTES = 128 * 1024**2
ENDLESS = f"SELECT (COUNT(*) AS ?n) {{ {abuse.ALL} . ?g ?h ?i }}"
LONG = "SELECT * { ?a ?b ?c . VALUES ?x { " + "1 " * 25 + "} }"


class Watch:
    """Whom the hub called, and the most memory that it had."""

    def __init__(self) -> None:
        self.calls: list[object] = []
        self.quiet = self.peak = 0
        self._ended = threading.Event()
        self.canary = socket.create_server(("0.0.0.0", 0))  # every spelling of this machine

    @property
    def port(self) -> int:
        return int(self.canary.getsockname()[1])

    def answer(self) -> None:
        while not self._ended.is_set():
            connection, address = self.canary.accept()
            self.calls.append(address)
            connection.close()

    def sample(self, hub: Hub) -> None:
        while not self._ended.wait(0.1):
            self.peak = max(self.peak, hub.memory())

    def end(self) -> None:
        self._ended.set()
        socket.create_connection(("127.0.0.1", self.port)).close()
        self.canary.close()


@pytest.fixture(scope="module")
def watch() -> Watch:
    return Watch()


@pytest.fixture(scope="module")
def hub(watch: Watch, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    """A hub with two web processes and strict limits."""
    limits: dict[str, Any] = {
        "query_timeout_s": LIMIT_S,
        "query_memory_bytes": MEMORY_BYTES,
        "max_result_bytes": 8 * 1024**2,
        "cache_bytes": 4 * 1024**2,
        "web_workers": 2,
    }
    with abuse.serving(tmp_path_factory.mktemp("abused"), 20_000, watch.port, **limits) as hub:
        watch.quiet = hub.memory()
        threads = [threading.Thread(target=watch.answer), threading.Thread(target=watch.sample, args=(hub,))]
        for thread in threads:
            thread.start()
        yield hub
        watch.end()
        for thread in threads:
            thread.join()


@pytest.fixture(scope="module")
def patient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    """A hub with one web process, one query worker and much time."""
    limits: dict[str, Any] = {"web_workers": 1, "query_workers": 1, "query_timeout_s": 300.0, "query_queue_s": 300.0}
    with abuse.serving(tmp_path_factory.mktemp("patient"), 5_000, **limits) as hub:
        yield hub


def eventually(condition: object, seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < until, "did not happen"
        time.sleep(0.05)


def serve(hub: Hub) -> None:
    """Have a light query answered; on a busy machine it may take the second, and be told to ask again."""
    found = hub.light()
    for _ in range(4):
        if found[0] == abuse.STOPPED:
            found = hub.light()
    assert found == abuse.LIGHT_ANSWER


# ── queries and requests ─────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("query", abuse.queries(), ids=lambda query: f"{query.kind}-{query.name}")
def test_a_hostile_query_is_refused_or_ended(hub: Hub, watch: Watch, query: Query) -> None:
    status, body, _ = hub.ask(query.text, fields=query.fields)
    assert status in query.statuses, body[:500]
    assert status == 200 or body.startswith(b'{"type": "'), "a problem document, never a part of an answer"
    serve(hub)
    assert not watch.calls


@pytest.mark.parametrize("raw", abuse.WRITING + abuse.BODIES + abuse.INJECTION + abuse.HTTP, ids=lambda raw: raw.name)
def test_a_hostile_request_is_refused_or_harmless(hub: Hub, watch: Watch, raw: Raw) -> None:
    status, came = hub.send(raw.request)
    assert status in raw.statuses, came[:500]
    assert raw.reflected not in came
    is_told = b"content-type: application/problem+json" in came.lower()
    assert status in (0, 200, 303) or is_told or b"content-length: 0" in came, "or the web server itself refused it"
    serve(hub)
    assert not watch.calls


@pytest.mark.parametrize(("name", "parameter"), abuse.QUESTIONS)
def test_what_stands_in_a_parameter_is_one_value(hub: Hub, watch: Watch, name: str, parameter: str) -> None:
    """It is refused with the parameter's name, or looked for and not found."""
    for text in abuse.INJECTED_VALUES:
        status, body, _ = hub.answer(f"/q/{name}", ((parameter, text), ("format", "csv")))
        is_refused = status == 400 and json.loads(body)["detail"].startswith(parameter)
        assert is_refused or (status, body.count(b"\r\n")) == (200, 1), (text, body[:300])
    serve(hub)
    assert not watch.calls


def test_nothing_was_written(hub: Hub) -> None:
    status, body, _ = hub.ask("SELECT (COUNT(*) AS ?n) { { ?s ?p ?o } UNION { GRAPH ?g { ?s ?p ?o } } }")
    assert (status, body) == (200, b"n\r\n39999\r\n")


def test_a_batch_of_abuse_leaves_memory_bounded_and_others_served(hub: Hub, watch: Watch) -> None:
    """Memory is bounded by the places: two quick and two slow ones in each of two web processes."""
    with ExitStack() as stack:
        for query in (q for q in abuse.queries() if q.kind == "cost" and abuse.STOPPED in q.statuses):
            if len(query.text) < 6000:
                stack.enter_context(hub.begin(query.text, "127.0.0.2"))
        for _ in range(100):
            serve(hub)
    assert hub.process.poll() is None
    assert watch.peak - watch.quiet < 2 * 4 * MEMORY_BYTES


# ── shares, and clients that leave ───────────────────────────────────────────────────────────────────────────────────


HOLDS, ASKS = 12, 20  # places that a client may hold at most, and the requests that it sends


def hold(stack: ExitStack, hub: Hub, text: str, client: str) -> None:
    """Send more than a client may hold, and wait until those on top are refused."""
    asked = [stack.enter_context(hub.begin(text, client, receive_bytes=4096)) for _ in range(ASKS)]
    eventually(lambda: abuse.refused(asked) >= ASKS - HOLDS)


def test_a_client_that_leaves_frees_its_worker(patient: Hub) -> None:
    with patient.begin(ENDLESS):
        eventually(lambda: patient.slow_queries() == 1)
    assert patient.is_well(), "with one worker, and one query of a client at a time"


def test_a_client_that_leaves_the_queue_frees_its_places(patient: Hub) -> None:
    with ExitStack() as stack:
        hold(stack, patient, ENDLESS, "127.0.0.2")
        eventually(lambda: patient.slow_queries() == 1)
    eventually(lambda: patient.is_well("127.0.0.2"))


def test_who_holds_its_share_is_told_so_and_others_are_served(patient: Hub) -> None:
    with ExitStack() as stack:
        hold(stack, patient, ENDLESS, "127.0.0.3")
        status, body, _ = patient.ask("ASK {}", "127.0.0.3")
        assert (status, b"of your requests are under way" in body) == (429, True)
        assert all(patient.is_well("127.0.0.4") for _ in range(20)), "although another client's query has the worker"
    eventually(lambda: patient.is_well("127.0.0.3"))


def test_slow_senders_hold_no_page_and_not_all_places(patient: Hub) -> None:
    late = abuse.post(b"ASK", "Content-Type: application/sparql-query", length="99")
    with ExitStack() as stack:
        asked = []
        for _ in range(ASKS):
            asked.append(stack.enter_context(socket.create_connection(("127.0.0.1", patient.port))))
            asked[-1].sendall(late)
        eventually(lambda: abuse.refused(asked) >= ASKS - HOLDS)
        assert patient.is_well("127.0.0.5")
        assert patient.send(abuse.get("/healthz"))[0] == 200
    eventually(patient.is_well)


def test_slow_readers_hold_no_page_and_not_all_places(patient: Hub) -> None:
    with ExitStack() as stack:
        hold(stack, patient, LONG, "127.0.0.6")
        assert patient.is_well("127.0.0.7")
        assert patient.send(abuse.get("/healthz"))[0] == 200
    eventually(lambda: patient.is_well("127.0.0.6"))


def test_many_idle_connections_keep_nobody_out(patient: Hub) -> None:
    with ExitStack() as stack:
        for _ in range(500):
            stack.enter_context(socket.create_connection(("127.0.0.1", patient.port)))
        assert patient.is_well()


def test_requests_in_one_go_are_answered_in_order(patient: Hub) -> None:
    one = abuse.get("/healthz").replace(b"Connection: close\r\n", b"")
    _, came = patient.send(one * 20 + abuse.get("/sparql?query=ASK%7B%7D&format=csv"))
    assert came.count(b"HTTP/1.1 200 OK") == 21
    assert came.endswith(b"true")


def test_a_client_that_sends_no_more_is_answered_or_left(patient: Hub) -> None:
    status, _ = patient.send(abuse.get("/sparql?query=ASK%7B%7D&format=csv"), is_half_closed=True)
    assert status in (200, 0)
    late = abuse.post(b"ASK", "Content-Type: application/sparql-query", length="99")
    status, _ = patient.send(late, is_half_closed=True)
    assert status in (400, 0)
    assert patient.is_well()


def test_slow_queries_in_one_go_hold_one_place(patient: Hub) -> None:
    """A connection's requests are answered one after the other, and all end with it."""
    one = abuse.get(f"/sparql?{urlencode({'query': ENDLESS})}").replace(b"Connection: close\r\n", b"")
    with socket.create_connection(("127.0.0.1", patient.port)) as sock:
        sock.sendall(one * 50)
        eventually(lambda: patient.slow_queries() == 1)
        assert patient.is_well("127.0.0.8")
    eventually(lambda: patient.slow_queries() == 0)
    assert patient.is_well()
