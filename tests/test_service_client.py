"""Asking other endpoints: whole answers in time, from where the settings lead and nowhere else."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import parse_qs

import pytest

from hub import service_client
from hub.config import Service
from hub.errors import ServiceError
from hub.service_client import ServiceClient
from tests.loopback import RESULTS, Endpoint, endpoints, wait_for
from tests.stubborn_server import FAULTS, StubbornServer

EMPTY = b'{"head":{"vars":[]},"results":{"bindings":[]}}'


@pytest.fixture
def server() -> Iterator[StubbornServer]:
    with StubbornServer() as server:
        server.put("/sparql", EMPTY, Content_Type=f"{RESULTS}; charset=utf-8")
        yield server


def service(server: StubbornServer, path: str = "/sparql", **options: Any) -> Service:
    return Service("peer", server.url + path, is_private=options.pop("is_private", True), **options)


def soon(seconds: float = 20.0) -> float:
    return time.monotonic() + seconds


def failure(server: StubbornServer, seconds: float = 20.0, **options: Any) -> str:
    with pytest.raises(ServiceError) as caught:
        ServiceClient("me", **options).select(service(server), "ASK {}", soon(seconds))
    return str(caught.value)


def test_how_a_query_is_sent(server: StubbornServer) -> None:
    query = 'SELECT ("é&=+%\n" AS ?x) {}'
    assert ServiceClient("https://me.example.org/").select(service(server), query, soon()) == EMPTY
    (asked,) = server.asked
    assert (asked.method, asked.headers["content-type"]) == ("POST", "application/x-www-form-urlencoded")
    assert parse_qs(asked.body.decode()) == {"query": [query]}
    assert asked.headers["accept"].startswith(RESULTS)
    assert "(+https://me.example.org/)" in asked.headers["user-agent"]


def test_one_connection_serves_again(server: StubbornServer) -> None:
    client = ServiceClient("me")
    for number in range(3):
        client.select(service(server), f"ASK {{}} #{number}", soon())
    assert server.connections == 1


# --- answers that are none


@pytest.mark.parametrize("name", sorted(FAULTS.keys() - {"empty-ok", "not-modified"}))
def test_every_fault_of_transport_ends_as_an_error(server: StubbornServer, name: str) -> None:
    server.fail(name)
    is_slow = name == "silence" or name.startswith(("drip", "endless", "no-content"))
    assert failure(server, 0.4 if is_slow else 20.0, max_bytes=10_000_000).startswith("SERVICE peer: ")


@pytest.mark.parametrize("kind", ["text/html", "application/sparql-results+xml", "text/turtle", ""])
def test_other_media_types(server: StubbornServer, kind: str) -> None:
    server.put("/sparql", b"<html>hello</html>", Content_Type=kind)
    assert f"answered {kind or 'nothing known'}, not {RESULTS}" in failure(server)


def test_reason_of_a_refusal_is_told_on_one_line(server: StubbornServer) -> None:
    server.put("/sparql", b"line 1:\n\tno \x1b[31m such\x00 thing" + b"!" * 1000, status=400, Content_Type="text/plain")
    said = failure(server)
    assert "status 400: line 1: no [31m such thing!!!" in said
    assert len(said) < 400
    server.put("/sparql", b"<html>no</html>", status=400, Content_Type="text/html")
    assert failure(server).endswith("status 400")
    server.put("/sparql", b"secret", status=500, Content_Type="text/plain")
    assert failure(server).endswith("status 500")


@pytest.mark.parametrize("name", ["X-SPARQL-MaxRows", "X-SQL-State"])
def test_answer_that_was_cut(server: StubbornServer, name: str) -> None:
    server.put("/sparql", EMPTY, **{"Content_Type": RESULTS, name: "10000"})
    assert f"cut its answer ({name}): ask for less" in failure(server)


def test_peer_that_says_whether_it_cut(server: StubbornServer) -> None:
    server.put("/sparql", EMPTY, Content_Type=RESULTS, X_Hub_Truncated="true")
    assert "X-Hub-Truncated" in failure(server)
    server.put("/sparql", EMPTY, Content_Type=RESULTS, X_Hub_Truncated="false")
    assert ServiceClient("me").select(service(server), "ASK {}", soon()) == EMPTY


def test_pause_that_was_asked_for_is_kept(server: StubbornServer) -> None:
    now = [0.0]
    client = ServiceClient("me", clock=lambda: now[0])
    server.put("/sparql", b"", EMPTY, status=429, Retry_After="60")
    for expected in ("status 429", "asked for a pause, of which 60 s are left"):
        with pytest.raises(ServiceError, match=expected):
            client.select(service(server), "ASK {}", soon())
    assert len(server.asked) == 1
    now[0] = 61.0
    server.put("/sparql", EMPTY, Content_Type=RESULTS)
    assert client.select(service(server), "ASK {}", soon()) == EMPTY


# --- where it leads


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirect_asks_the_same_again(server: StubbornServer, status: int) -> None:
    server.redirect("/old", "/sparql", status)
    assert ServiceClient("me").select(service(server, "/old"), "ASK {}", soon()) == EMPTY
    assert [(a.method, a.path, a.body) for a in server.asked] == [
        ("POST", "/old", b"query=ASK+%7B%7D"),
        ("POST", "/sparql", b"query=ASK+%7B%7D"),
    ]


@pytest.mark.parametrize(
    "location",
    [
        "http://127.0.0.1:1/sparql",
        "http://localhost:{other}/sparql",
        "http://127.1:{other}/sparql",
        "http://2130706433:{other}/sparql",
        "http://0x7f000001:{other}/sparql",
        "http://[::ffff:127.0.0.1]:{other}/sparql",
        "http://0.0.0.0:{other}/sparql",
        "http://169.254.169.254/latest/meta-data/",
        "http://10.0.0.1/sparql",
        "http://user@127.0.0.1:{other}/sparql",
    ],
)
def test_redirect_leads_to_no_private_address(server: StubbornServer, location: str) -> None:
    with StubbornServer() as canary:
        server.redirect("/sparql", location.format(other=canary.port), 307)
        assert "is no public address" in failure(server)
        assert canary.connections == 0


@pytest.mark.parametrize(
    "location", ["file:///etc/passwd", "ftp://127.0.0.1/", "gopher://127.0.0.1:1/", "//", "http://"]
)
def test_redirect_to_no_web_address(server: StubbornServer, location: str) -> None:
    server.redirect("/sparql", location, 307)
    assert "SERVICE peer" in failure(server)


def test_redirects_end(server: StubbornServer) -> None:
    server.redirect("/sparql", "/sparql", 307)
    assert "redirected more than 3 times" in failure(server)


@pytest.mark.parametrize("address", ["127.0.0.1", "10.1.2.3", "169.254.169.254", "::1", "fd00::1", "100.64.0.1"])
def test_name_that_leads_inside(monkeypatch: pytest.MonkeyPatch, server: StubbornServer, address: str) -> None:
    def resolved(host: str, port: int, *_: Any, **__: Any) -> list[Any]:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        return [(family, socket.SOCK_STREAM, 6, "", (address, port))]

    monkeypatch.setattr(socket, "getaddrinfo", resolved)
    peer = Service("peer", f"http://sparql.example.org:{server.port}/sparql")
    with pytest.raises(ServiceError, match="is no public address"):
        ServiceClient("me").select(peer, "ASK {}", soon())
    assert server.connections == 0


def test_private_address_that_the_settings_do_not_allow(server: StubbornServer) -> None:
    with pytest.raises(ServiceError, match="is no public address"):
        ServiceClient("me").select(service(server, is_private=False), "ASK {}", soon())
    assert server.connections == 0


# --- how much at the same time


def test_two_questions_at_the_same_time() -> None:
    with endpoints("") as (endpoint,), ThreadPoolExecutor(4) as threads:
        client, peer = ServiceClient("me"), Service("peer", endpoint.url, is_private=True)
        endpoint.pause_s = 60
        asked = [threads.submit(client.select, peer, f"ASK {{}} #{n}", soon()) for n in range(3)]
        wait_for(lambda: len(endpoint.asked) == 2)
        with pytest.raises(ServiceError, match="too many questions"):
            client.select(peer, "ASK {} #3", soon(0.01))
        assert len(endpoint.asked) == 2
        endpoint.released.set()
        assert len({found.result() for found in asked}) == 1
        assert len(endpoint.asked) == 3


def test_waiting_counts(server: StubbornServer) -> None:
    with pytest.raises(ServiceError):
        ServiceClient("me").select(service(server), "ASK {}", time.monotonic() - 1)
    assert not server.asked


# --- what is kept


class Counted:
    """Counts the requests that are really sent."""

    def __init__(self, endpoint: Endpoint, **options: Any) -> None:
        self.now = 0.0
        self.client = ServiceClient("me", clock=lambda: self.now, **options)
        self.peer = Service("peer", endpoint.url, is_private=True)
        self.sent = 0

    def ask(self, query: str) -> bytes:
        def count() -> None:
            self.sent += 1

        return self.client.select(self.peer, query, soon(), count)


def test_answers_are_kept_for_some_time() -> None:
    with endpoints("") as (endpoint,):
        counted = Counted(endpoint, cache_s=100)
        first = counted.ask("SELECT * {}")
        assert counted.ask("SELECT * {}") == first
        assert (counted.sent, len(endpoint.asked)) == (1, 1)
        counted.ask("SELECT * { }")
        assert counted.sent == 2
        counted.now = 100.0
        counted.ask("SELECT * {}")
        assert counted.sent == 3


def test_what_is_kept_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service_client, "CACHE_BYTES", 10_000)
    monkeypatch.setattr(service_client, "CACHE_ENTRY_BYTES", 3_000)
    with endpoints("") as (endpoint,):
        counted = Counted(endpoint)
        long = f'SELECT ("{"x" * 4000}" AS ?x) {{}}'
        for query in (long, long, *(f"ASK {{}} #{n}" for n in range(20)), "ASK {} #0", "ASK {} #19"):
            counted.ask(query)
        assert counted.sent == 2 + 20 + 1


def test_failures_are_not_kept(server: StubbornServer) -> None:
    client = ServiceClient("me")
    server.fail("busy", times=1)
    with pytest.raises(ServiceError, match="503"):
        client.select(service(server), "ASK {}", soon())
    assert client.select(service(server), "ASK {}", soon()) == EMPTY


def test_many_threads() -> None:
    with endpoints("") as (endpoint,), ThreadPoolExecutor(8) as threads:
        client, peer = ServiceClient("me"), Service("peer", endpoint.url, is_private=True)
        barrier = threading.Barrier(8)

        def work(number: int) -> set[bytes]:
            barrier.wait()
            return {client.select(peer, f"SELECT ({n % 7} AS ?n) {{}}", soon()) for n in range(number, number + 20)}

        assert all(len(found) == 7 for found in threads.map(work, range(8)))
