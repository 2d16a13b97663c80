"""Asking peers: what is read of a stranger's answer, in how much time, and how hits are merged."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hub import guarded, peer_search
from hub.config import Peer, Settings
from hub.log import Batch, Log, RecordRow
from hub.peer_search import PeerSearch, Told, merged, read, withheld
from hub.search.contract import Asked, Hit, Member
from tests.loopback import Endpoint, endpoints
from tests.support import BASE

JSON = "application/json"
IRI = f"{BASE}dataset/ssbd/ssbd-repos-000011"


def member(iri: str = IRI, **more: Any) -> dict[str, Any]:
    said = {"iri": iri, "archive": "lies", "accession": "lies", "title": "Zebrafish embryo", "authors": ["A. Author"]}
    return {**said, "organisms": ["Danio rerio"], "size_bytes": 12, "doi": "", "page": "https://evil.example/", **more}


def answer(*members: dict[str, Any], total: int = 1, **more: Any) -> dict[str, Any]:
    hits = [{"dataset": one, "also_in": [], "excerpt": [{"text": "fish", "match": True}], **more} for one in members]
    return {"total": total, "hits": hits}


@pytest.fixture
def peers() -> Iterator[list[Endpoint]]:
    with endpoints("", "") as made:
        yield made


def asking(peers: list[Endpoint], timeout_s: float = 20.0, **more: Any) -> PeerSearch:
    known = {
        name: Peer(name, one.url.removesuffix("/sparql"), **{"is_private": True, **more})
        for name, one in zip(("eu", "jp"), peers, strict=True)
    }
    return PeerSearch(Settings(base_iri=BASE, peers=known, peer_search_timeout_s=timeout_s))


def says(peer: Endpoint, told: Any) -> None:
    peer.replies(200, json.dumps(told).encode(), JSON)


# --- asking


def test_each_peer_is_asked_once_a_minute_without_going_on(peers: list[Endpoint]) -> None:
    says(peers[0], answer(member(), total=7))
    peers[1].replies(503, b"", JSON)
    search = asking(peers)
    for _ in range(2):
        first, second = search.start(Asked(words="fish")).answers()
        assert (first.peer, first.state, first.total, len(first.hits)) == ("eu", "ok", 7, 1)
        assert (second.peer, second.state, second.error) == ("jp", "failed", "it answers 503")
    assert (len(peers[0].asked), len(peers[1].asked)) == (1, 2)
    search.close()


def test_what_is_sent_is_the_search_with_a_hop(peers: list[Endpoint], monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[str] = []
    monkeypatch.setattr(guarded, "ask", lambda settings, asked: sent.append(asked.url))
    search = asking(peers)
    search.start(Asked(words="light sheet", filters={"archive": ("idr",)}, page=2)).answers()
    query = "/search?q=light+sheet&archive=idr&page=2&format=json&hops=1"
    assert sorted(url.partition("/search")[2] for url in sent) == [query.removeprefix("/search")] * 2
    search.close()


def test_nobody_is_waited_for_longer_than_the_budget(peers: list[Endpoint]) -> None:
    says(peers[0], answer(member()))
    peers[1].pause_s = 20.0
    search = asking(peers, timeout_s=0.5)
    told = search.start(Asked(words="fish")).answers()
    assert [(one.peer, one.state) for one in told] == [("eu", "ok"), ("jp", "slow")]
    assert told[1].error == "it gave no whole answer in time"
    peers[1].released.set()
    search.close()


def test_only_so_many_searches_wait_at_a_time(peers: list[Endpoint]) -> None:
    for peer in peers:
        says(peer, answer(member()))
    search = asking(peers)
    waiting = [search.start(Asked(words=f"fish {number}")) for number in range(peer_search.SEARCHES)]
    assert {(one.state, one.error) for one in search.start(Asked(words="more")).answers()} == {
        ("slow", peer_search.BUSY)
    }
    for one in waiting:
        one.answers()
    assert {one.state for one in search.start(Asked(words="more")).answers()} == {"ok"}
    search.close()


def test_a_peer_that_hangs_has_no_more_lines_than_its_own(peers: list[Endpoint]) -> None:
    says(peers[0], answer(member()))
    hanging = threading.Event()
    peers[1].reply = lambda query: (hanging.wait(20), (200, {}, b""))[1]
    search = asking(peers, timeout_s=0.05)
    states = []
    for number in range(peer_search.LINES + 2):
        states.append(search.start(Asked(words=f"fish {number}")).answers()[1].state)
    assert set(states) == {"slow"}
    hanging.set()
    search.close()


def test_a_private_address_and_a_redirect_are_not_followed(peers: list[Endpoint]) -> None:
    search = asking(peers, is_private=False)
    assert all("no public address" in one.error for one in search.start(Asked()).answers())
    search.close()
    peers[0].replies(302, b"", Location=peers[1].url)
    search = asking(peers)
    assert "redirects are not followed" in search.start(Asked()).answers()[0].error
    assert not peers[1].asked or all(query == "" for query in peers[1].asked)
    search.close()


@pytest.mark.parametrize(
    "body",
    [
        b"", b"<html>", b"[]", b"null", b"{}", b'{"total": "7", "hits": []}', b'{"total": -1, "hits": []}',
        b'{"total": true, "hits": []}', b'{"total": 1, "hits": {}}', b'{"total": 1, "hits": [1]}',
        json.dumps(answer(member(title=["x"]))).encode(), json.dumps(answer(member(authors="x"))).encode(),
        b"[" * 100_000, b'{"total": 1e400, "hits": []}', b"\xff\xfe",
    ],
)  # fmt: skip
def test_what_is_no_answer_is_told_so(peers: list[Endpoint], body: bytes) -> None:
    for peer in peers:
        peer.replies(200, body, JSON)
    search = asking(peers)
    told = search.start(Asked(words="fish")).answers()
    assert [(one.state, one.error) for one in told] == [("failed", "it answers what is no answer to a search")] * 2
    search.close()


def test_an_answer_that_is_too_long_is_not_read(peers: list[Endpoint], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peer_search, "MAX_BYTES", 1000)
    for peer in peers:
        says(peer, answer(*[member()] * 50))
    search = asking(peers)
    assert {one.state for one in search.start(Asked(words="fish")).answers()} == {"failed"}
    search.close()


# --- reading


def test_a_hit_is_what_its_iri_says() -> None:
    hits, total = read(answer(member(), total=3), BASE, 20)
    assert total == 3
    assert (hits[0].study, hits[0].member.archive, hits[0].member.accession) == (IRI, "ssbd", "ssbd-repos-000011")
    assert hits[0].member.organisms == ("Danio rerio",)
    assert "".join(piece.text for piece in hits[0].excerpt) == "fish"


@pytest.mark.parametrize(
    "iri",
    [
        "https://evil.example/dataset/idr/idr0001", f"{BASE}gene/x", f"{BASE}dataset/idr/a/b", f"{BASE}dataset/idr/a?b",
        f"{BASE}dataset/idr/a\nb", f'{BASE}dataset/idr/"><script>', "javascript:alert(1)", f"{BASE}dataset/../x/y",
    ],
)  # fmt: skip
def test_a_foreign_iri_is_left_out(iri: str) -> None:
    assert read(answer(member(iri), member()), BASE, 20)[0] == read(answer(member()), BASE, 20)[0]


def test_what_is_too_long_is_cut_and_no_link_leads_elsewhere_than_the_web() -> None:
    said = member(title="x" * 9999, authors=["a"] * 999, doi="javascript:alert(1)", licence='https://x.org/"onload=')
    hits, _ = read(answer(*[said] * 30, also_in=[member(f"{BASE}dataset/bia/S-{n}") for n in range(99)]), BASE, 20)
    one = hits[0]
    assert len(hits) == 20
    assert (len(one.member.title), len(one.member.authors), len(one.also_in)) == (500, 20, 20)
    assert (one.member.doi, one.member.licence, one.member.url) == ("", "", "")


# --- merging


def hit(name: str, *others: str) -> Hit:
    made = [
        Member(f"{BASE}dataset/{one}", one.partition("/")[0], one.partition("/")[2], one) for one in (name, *others)
    ]
    return Hit(made[0].iri, 1.0, made[0], tuple(made[1:]))


def told(name: str, *hits: Hit, state: str = "ok") -> Told:
    return Told(name, f"https://{name}.example", state, len(hits), hits)


def test_one_study_found_by_several_is_one_hit() -> None:
    own = [hit("idr/1"), hit("idr/2", "bia/2")]
    eu, jp = told("eu", hit("bia/2"), hit("ssbd/5")), told("jp", hit("ssbd/9", "ssbd/5"), hit("idr/1"))
    found = merged(own, [eu, jp], BASE, set())
    assert [(one.hit.member.title, one.is_own, sorted(one.found_at)) for one in found] == [
        ("idr/1", True, ["jp"]),
        ("idr/2", True, ["eu"]),
        ("ssbd/9", False, ["eu", "jp"]),
    ]
    assert found[1].found_at == {"eu": "https://eu.example/dataset/bia/2"}


def test_what_is_on_another_page_here_is_not_added() -> None:
    assert merged([], [told("eu", hit("idr/3"), hit("idr/4"))], BASE, {f"{BASE}dataset/idr/3"})[0].hit == hit("idr/4")


def test_peers_take_turns() -> None:
    found = merged([], [told("eu", hit("a/1"), hit("a/2")), told("jp", hit("b/1"), hit("b/2"))], BASE, set())
    assert [one.hit.member.title for one in found] == ["a/1", "b/1", "a/2", "b/2"]


def test_what_is_suppressed_or_redacted_here_is_withheld(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, base_iri=BASE)
    log = Log(settings.database)
    states = {"idr/1": "suppressed", "idr/2": "redacted", "idr/3": "withdrawn", "idr/4": "active"}
    rows = [_row(name, state) for name, state in states.items()]
    log.commit(Batch(records=[("create", row) for row in rows]), log.start_run("idr"))
    log.close()
    shown = [told("eu", *map(hit, states), hit("ssbd/1"))]
    assert withheld(settings, shown) == {f"{BASE}dataset/idr/1", f"{BASE}dataset/idr/2"}
    (tmp_path / "file").touch()
    broken = replace(settings, database_url=f"sqlite:///{tmp_path}/file/catalogue.sqlite")
    assert withheld(broken, shown) == {f"{BASE}dataset/{name}" for name in (*states, "ssbd/1")}


def _row(name: str, state: str) -> RecordRow:
    at = "2026-11-20T12:00:00Z"
    return RecordRow(
        "idr", name, f"{BASE}dataset/{name}", state, name, "{}", "[]", None, "0" * 64, None, "x", at, at, 1
    )
