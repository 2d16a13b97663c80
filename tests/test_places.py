"""Shares, turns, and the connections that they are counted by."""

from __future__ import annotations

import io
import socket
import threading
from collections.abc import Iterator

import pytest

from hub import places
from hub.errors import QueryBusyError
from hub.places import Caller, Places, ShareError, Turns, client_of
from hub.web import connections
from hub.web.connections import Connections, PromptBody, Senders, Sending, end_stalled
from hub.web.problems import HttpError

# ── who asks ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("address", "forwarded", "proxies", "client"),
    [
        ("192.0.2.1", "", "", "192.0.2.1"),
        ("192.0.2.1", "203.0.113.9", "", "192.0.2.1"),
        ("192.0.2.1", "203.0.113.9", "198.51.100.0/24", "192.0.2.1"),
        ("192.0.2.1", "203.0.113.9", "192.0.2.1", "203.0.113.9"),
        ("192.0.2.1", "6.6.6.6, 203.0.113.9", "192.0.2.0/24", "203.0.113.9"),
        ("192.0.2.1", "203.0.113.9, 192.0.2.7", "192.0.2.0/24", "203.0.113.9"),
        ("192.0.2.1", "nonsense", "192.0.2.1", "192.0.2.1"),
        ("192.0.2.1", "", "192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "203.0.113.9", "192.0.2.1", "203.0.113.9"),
        ("2001:db8:1:2:3:4:5:6", "", "", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::", "", "", "2001:db8:1:2::/64"),
        ("", "", "", ""),
    ],
)
def test_the_client_behind_a_connection(address: str, forwarded: str, proxies: str, client: str) -> None:
    assert client_of(address, forwarded, proxies) == client


# ── places ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def fill(places: Places, client: str) -> int:
    taken = 0
    try:
        while True:
            places.enter(client)
            taken += 1
    except QueryBusyError:
        return taken


def test_one_client_never_holds_all_places_and_a_newcomer_finds_one() -> None:
    places = Places(16)
    assert fill(places, "hog") == 12
    with pytest.raises(ShareError):
        places.enter("hog")
    assert fill(places, "second") == 4
    for _ in range(12):
        places.leave("hog")
    assert fill(places, "second") == 8
    assert fill(places, "third") == 4
    assert fill(places, "fourth") == 0


def test_shares_shrink_with_the_number_of_clients() -> None:
    places = Places(16)
    assert [fill(places, client) for client in "abcdefg"] == [12, 4, 0, 0, 0, 0, 0]
    for _ in range(12):
        places.leave("a")
    assert [fill(places, client) for client in "abcdefg"] == [5, 1, 4, 2, 0, 0, 0]


def test_all_places_taken_is_another_refusal_than_a_share() -> None:
    places = Places(3)
    for client in "abc":
        places.enter(client)
    with pytest.raises(QueryBusyError) as caught:
        places.enter("a")
    assert not isinstance(caught.value, ShareError)
    places.leave("b")
    places.enter("d")


def test_places_are_given_back_exactly() -> None:
    places = Places(4)

    def come_and_go(client: str) -> None:
        for _ in range(500):
            try:
                places.enter(client)
            except QueryBusyError:
                continue
            places.leave(client)

    threads = [threading.Thread(target=come_and_go, args=(client,)) for client in "aabbc"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert fill(places, "new") == 3


# ── turns ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_turns_go_round() -> None:
    turns: Turns[str] = Turns()
    for client, thing in ("a", "a1"), ("a", "a2"), ("a", "a3"), ("b", "b1"), ("c", "c1"), ("b", "b2"):
        turns.add(client, thing)
    assert len(turns) == 6
    assert turns.next(lambda client: client != "a") == ("b", "b1")
    turns.remove("c", "c1")
    turns.remove("c", "c1")
    turns.remove("a", "unknown")
    assert [turns.take() for _ in range(5)] == ["a1", "b2", "a2", "a3", None]
    assert len(turns) == 0


def test_the_caller_is_known_while_it_is_served() -> None:
    with places.serving(Caller("a")):
        assert places.current.get().client == "a"
    assert places.current.get().client == ""
    assert not places.current.get().is_gone()


# ── connections ──────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def server() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


def accepted(server: socket.socket, client: str) -> tuple[socket.socket, socket.socket]:
    theirs = socket.create_connection(server.getsockname(), source_address=(client, 0))
    return theirs, server.accept()[0]


def test_a_caller_has_left_when_all_its_connections_have_closed(
    server: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "_FRESH_S", -1.0)
    pairs = [accepted(server, client) for client in ("127.0.0.8", "127.0.0.8", "127.0.0.9")]
    is_gone = Connections().watch("127.0.0.8")
    assert not is_gone()
    later = accepted(server, "127.0.0.8")
    for pair in pairs[:2]:
        assert not is_gone()
        for sock in pair:
            sock.close()
    assert is_gone(), "the one that was opened later is another request's"
    for sock in (*pairs[2], *later):
        sock.close()


def test_nobody_is_said_to_have_left_where_that_cannot_be_told(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not Connections().watch("")()
    monkeypatch.setattr(connections, "_peers", lambda: None)
    assert not Connections().watch("127.0.0.8")()


def test_a_look_from_before_the_request_is_not_used(server: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    looks = Connections()
    before = looks.watch("127.0.0.8")
    assert before(), "there is none"
    pair = accepted(server, "127.0.0.8")
    is_gone = looks.watch("127.0.0.8")
    assert not is_gone()
    monkeypatch.setattr(connections, "_FRESH_S", -1.0)
    assert not is_gone()
    for sock in pair:
        sock.close()
    assert is_gone()


def test_stalled_connections_are_the_kernels_to_end(server: socket.socket) -> None:
    end_stalled(7)
    theirs, ours = accepted(server, "127.0.0.1")
    assert ours.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 7000
    for sock in (theirs, ours):
        sock.close()


# ── bodies ───────────────────────────────────────────────────────────────────────────────────────────────────────────


class Slow:
    """A body that comes when it is told to."""

    def __init__(self) -> None:
        self.may_come = threading.Event()

    def read(self, size: int) -> bytes:
        self.may_come.wait(30)
        return b"late"


def test_a_body_is_read_whole_or_refused() -> None:
    senders = Senders()

    def body(data: bytes, length: str | None) -> PromptBody:
        given = {} if length is None else {"CONTENT_LENGTH": length}
        return senders.body({"wsgi.input": io.BytesIO(data), **given}, "a")

    assert body(b"abcdef", "6").read(6) == b"abcdef"
    assert body(b"abcdef", "6").read(3) == b"abc"
    assert body(b"abcdef", None).read(100) == b"abcdef"
    assert body(b"", None).read() == b""
    assert body(b"abc", "nonsense").read(10) == b"abc"
    for size in (6, -1):
        with pytest.raises(HttpError, match="promised 6") as caught:
            body(b"abc", "6").read(size)
        assert caught.value.status == 400


def test_a_late_body_frees_its_reader_and_holds_a_place_until_it_ends() -> None:
    slow = Slow()
    senders = Senders(seconds=0.01, most=4)
    for _ in range(3):
        with pytest.raises(HttpError, match=r"within 0\.01 s") as caught:
            senders.body({"wsgi.input": slow}, "a").read(10)
        assert caught.value.status == 408
    with pytest.raises(ShareError):
        senders.body({"wsgi.input": slow}, "a").read(10)
    slow.may_come.set()
    for thread in threading.enumerate():
        if thread.name == "hub-body":
            thread.join()
    assert Senders(most=4).body({"wsgi.input": io.BytesIO(b"abc")}, "a").read(10) == b"abc"
    assert senders._places._taken == 0


# ── answers ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_answer_on_its_way_is_done_once() -> None:
    done: list[int] = []
    body = io.BytesIO(b"a\nb\n")
    sending = Sending(body, lambda: done.append(1))
    assert b"".join(sending) == b"a\nb\n"
    sending.close()
    sending.close()
    assert body.closed
    assert done == [1]


def test_an_answer_that_is_read_too_slowly_is_broken_off(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("hub.web.connections.time.monotonic", lambda: now[0])
    pieces = iter(Sending([b"x" * 1000] * 5, lambda: None, least_bytes_s=100))
    assert next(pieces)
    now[0] = 35.0
    assert next(pieces), "30 s, and 10 s for each piece that was sent"
    now[0] = 51.0
    assert list(pieces) == []
