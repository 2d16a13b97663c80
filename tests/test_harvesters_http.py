"""The polite session against a loopback server that misbehaves."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import ipaddress
import os
import shutil
import socket
import threading
import time
import tracemalloc
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harvesters.contract import SourceError
from harvesters.http import Manners, PoliteSession, Validator
from harvesters.keep import Keep
from harvesters.polite.answers import PassingError, inflated, public_url
from harvesters.polite.conditional import key_of, validators_of
from harvesters.polite.network import is_public
from harvesters.polite.pace import retry_after_s
from tests.stubborn_server import FAULTS, StubbornServer, Wire, certificate, chunk, head

OLD = "Wed, 21 Oct 2015 07:28:00 GMT"


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def server() -> Iterator[StubbornServer]:
    with StubbornServer() as serving:
        serving.put("/x", b"ok")
        yield serving


@pytest.fixture
def other() -> Iterator[StubbornServer]:
    with StubbornServer() as serving:
        serving.put("/x", b"other")
        yield serving


@pytest.fixture
def waits() -> list[float]:
    return []


@pytest.fixture
def keep(tmp_path: Path) -> Keep:
    return Keep(tmp_path / "raw")


def session(waits: list[float] | None = None, **options: Any) -> PoliteSession:
    given = {name: options.pop(name) for name in ("keep", "validators", "private") if name in options}
    sleep = (lambda _: None) if waits is None else waits.append
    return PoliteSession(Manners(**{"interval_s": 0, "retries": 2, **options}), sleep=sleep, **given)


def refused(url: str, match: str | None = None, **options: Any) -> SourceError:
    with session(**options) as http, pytest.raises(SourceError, match=match) as failed:
        http.get(url)
    return failed.value


def paths(server: StubbornServer) -> list[str]:
    return [asked.path for asked in server.asked]


# --- asking


def test_body_and_name(server: StubbornServer) -> None:
    with session(contact="https://example.org/operator") as http:
        assert http.get(server.url + "/x", headers={"Accept": "text/x", "User-Agent": "somebody"}) == b"ok"
        assert http.post(server.url + "/x", b"question") == b"ok"
        assert http.requests == 2
    first, second = server.asked
    assert first.headers["user-agent"].startswith("bioimage-hub/")
    assert first.headers["user-agent"].endswith("(+https://example.org/operator)")
    assert first.headers["accept"] == "text/x"
    assert (second.method, second.body, second.headers["accept"]) == ("POST", b"question", "*/*")
    assert server.connections == 1


def test_connection_serves_again_after_a_short_refusal(server: StubbornServer) -> None:
    server.put("/old", b"[]", ETag='"1"')
    server.put("/chunks", b"gone", status=410, Transfer_Encoding="chunked")
    server.redirect("/moved", "/x")
    with session() as http:
        for path in ("/absent", "/chunks"):
            with pytest.raises(SourceError):
                http.get(server.url + path)
        http.get(server.url + "/old")
        assert http.get(server.url + "/old") == b"[]"
        assert http.get(server.url + "/moved") == b"ok"
        assert http.not_modified == 1
    assert server.connections == 1


@pytest.mark.parametrize("status", [201, 204, 206, 304, 400, 401, 403, 404, 410, 501])
def test_other_statuses_are_not_retried(server: StubbornServer, waits: list[float], status: int) -> None:
    server.put("/x", b"", status=status)
    failed = refused(server.url + "/x", waits=waits)
    assert (failed.status, len(server.asked), waits) == (status, 1, [])


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
def test_pauses_grow_and_retries_are_bounded(server: StubbornServer, waits: list[float], status: int) -> None:
    server.put("/x", b"", status=status)
    failed = refused(server.url + "/x", f"status {status}", waits=waits, retries=4)
    assert (len(server.asked), failed.status) == (5, status)
    assert all(2**n / 2 - 0.1 <= wait <= 2**n for n, wait in enumerate(waits))
    assert len(waits) == 4


@pytest.mark.parametrize("fault", ["reset", "reset-body", "close", "cut", "cut-chunks", "cut-in-chunk", "cut-gzip"])
def test_broken_connection_is_retried_and_never_a_short_answer(server: StubbornServer, fault: str) -> None:
    server.fail(fault, times=2)
    with session() as http:
        assert http.get(server.url + "/x") == b"ok"
    server.fail(fault)
    assert refused(server.url + "/x").status is None


@pytest.mark.parametrize("fault", ["bad-gzip", "bad-chunk", "negative-chunk", "two-lengths", "many-headers",
                                   "long-header", "endless-head", "endless-continue", "endless-trailer", "garbage",
                                   "unknown-coding", "many-codings", "unknown-framing", "not-modified"])  # fmt: skip
def test_malformed_answer_is_an_error(server: StubbornServer, fault: str) -> None:
    server.fail(fault)
    refused(server.url + "/x")


def test_every_fault_ends(server: StubbornServer) -> None:
    """None but the empty answer, which is whole, is taken for one."""
    for fault in FAULTS:
        server.mend()
        server.fail(fault)
        with session(retries=0, deadline_s=0.3, max_bytes=1_000_000) as http, contextlib.suppress(SourceError):
            assert (http.get(server.url + "/x"), fault) == (b"", "empty-ok")


@pytest.mark.parametrize("encoding", ["gzip", "x-gzip", "GZIP", "deflate", "raw deflate", "identity", ""])
@pytest.mark.parametrize("size", [0, 1, 65536, 300_000])
def test_codings(server: StubbornServer, encoding: str, size: int) -> None:
    body = os.urandom(size // 2) + bytes(size - size // 2)
    packed = body
    if "gzip" in encoding.lower():
        packed = gzip.compress(body[:70_000]) + (gzip.compress(body[70_000:]) if size > 70_000 else b"") + bytes(7)
    elif encoding == "deflate":
        packed = zlib.compress(body)
    elif encoding:
        packed = zlib.compress(body, wbits=-15) if "raw" in encoding else body
    server.put("/x", packed, Content_Encoding=encoding.removeprefix("raw "))
    with session() as http:
        assert http.get(server.url + "/x") == body
    assert server.asked[0].headers["accept-encoding"] == "gzip, deflate"


def test_empty_answer_that_says_gzip(server: StubbornServer) -> None:
    server.put("/x", b"", Content_Encoding="gzip")
    with session() as http:
        assert http.get(server.url + "/x") == b""


@given(
    body=st.binary(max_size=300),
    step=st.integers(1, 50),
    cut=st.integers(0, 330),
    window=st.sampled_from([15, -15, 31]),
)
def test_inflated_is_whole_or_an_error(body: bytes, step: int, cut: int, window: int) -> None:
    packed = zlib.compress(body, wbits=window)[: cut or None]
    chunks = [packed[at : at + step] for at in range(0, len(packed), step)]
    try:
        assert b"".join(inflated(chunks, abs(window))) == body
    except PassingError:
        assert len(packed) < len(zlib.compress(body, wbits=window))


def test_chunks(server: StubbornServer) -> None:
    server.say(head(Transfer_Encoding="chunked") + chunk(b"ok") + b"3;x=y\r\nay!\r\n0\r\nTrailer: t\r\n\r\n")
    with session() as http:
        assert http.get(server.url + "/x") == b"okay!"


# --- caps


@pytest.mark.parametrize("fault", ["drip-head", "drip-body", "drip-chunk-size", "drip-trailer", "silence",
                                   "endless-body", "no-content-bomb", "endless-continue"])  # fmt: skip
@pytest.mark.parametrize("ask", ["get", "download"])
def test_slow_answer_ends_at_the_deadline(server: StubbornServer, fault: str, ask: str, waits: list[float]) -> None:
    server.fail(fault)
    threads = threading.active_count()
    started = time.monotonic()
    limits: dict[str, Any] = {"max_bytes": 1 << 40, "max_download_bytes": 1 << 40, "least_bytes_per_s": 1 << 50}
    with session(waits, deadline_s=0.3, **limits) as http:
        with pytest.raises(SourceError, match=r"(longer than 0\.3 s|256\w* bytes|HTTPException)"):
            getattr(http, ask)(server.url + "/x")
        assert time.monotonic() - started < 1.3
        assert threading.active_count() <= threads + 1  # the server's
    assert len(server.asked) == (3 if fault == "endless-continue" else 1)


def test_deadline_counts_redirects_together(server: StubbornServer) -> None:
    for number in range(9):
        server.say(b"", path=f"/{number}", times=0)
        server.redirect(f"/{number}", f"/{number + 1}")
    server.fail("drip-body", path="/9")
    started = time.monotonic()
    refused(server.url + "/0", r"longer than 0\.3 s", deadline_s=0.3)
    assert time.monotonic() - started < 1.3


def test_pauses_are_not_the_servers_time(server: StubbornServer, waits: list[float]) -> None:
    server.redirect("/r", "/x")
    with session(waits, deadline_s=2, interval_s=100) as http:
        assert http.get(server.url + "/r") == b"ok"
    assert waits == [pytest.approx(100, abs=1)]


@pytest.mark.parametrize("greeting", [b"", b"\x16\x03\x03\x40\x00" + bytes(1000)])
def test_handshake_ends_at_the_deadline(server: StubbornServer, greeting: bytes) -> None:
    def greet(wire: Wire) -> None:
        wire.drip(greeting)
        wire.rest(5)

    server.greet = greet
    started = time.monotonic()
    refused(server.url.replace("http:", "https:") + "/x", r"longer than 0\.3 s", deadline_s=0.3)
    assert time.monotonic() - started < 1.3


def test_connecting_ends_at_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name of many addresses, none of which answers: here a queue that is full."""
    addresses(monkeypatch, deaf_example=["127.0.0.1"] * 9)
    with socket.socket() as deaf, contextlib.ExitStack() as stack:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(0)
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(deaf.getsockname())
        started = time.monotonic()
        refused(f"http://deaf.example:{deaf.getsockname()[1]}/x", r"longer than 0\.3 s", deadline_s=0.3)
        assert time.monotonic() - started < 1.3


def test_silence_ends_at_the_timeout(server: StubbornServer) -> None:
    server.fail("silence")
    refused(server.url + "/x", "Timeout", timeout_s=0.1, retries=1)
    assert len(server.asked) == 2


@pytest.mark.parametrize("headers", [{}, {"Transfer_Encoding": "chunked"}])
def test_oversize_body(server: StubbornServer, headers: dict[str, Any]) -> None:
    server.put("/x", bytes(1_000_001), **headers)
    refused(server.url + "/x", "longer than 1000000 bytes", max_bytes=1_000_000)
    assert len(server.asked) == 1
    with session(max_bytes=1_000_001) as http:
        assert len(http.get(server.url + "/x")) == 1_000_001


def test_stated_length_is_refused_before_reading(server: StubbornServer) -> None:
    server.say(head(Content_Length="1000001"))
    refused(server.url + "/x", "longer than 1000000 bytes", max_bytes=1_000_000)


@pytest.mark.parametrize("ask", ["get", "download"])
def test_bomb_costs_little_memory(server: StubbornServer, ask: str) -> None:
    server.fail("bomb")
    limits: dict[str, Any] = {"max_bytes": 5_000_000, "max_download_bytes": 250_000_000}
    with session(**limits) as http:
        tracemalloc.start()
        try:
            with pytest.raises(SourceError, match="longer than"):
                getattr(http, ask)(server.url + "/x")
            assert tracemalloc.get_traced_memory()[1] < 50_000_000
        finally:
            tracemalloc.stop()
    assert len(server.asked) == 1


def test_slow_download_may_go_on_while_it_comes(server: StubbornServer) -> None:
    def slow(wire: Wire) -> None:
        wire.send(head(Content_Length="60"))
        wire.drip(bytes(60), 0.01)

    server.greet = slow
    refused(server.url + "/x", "longer than", deadline_s=0.25)
    with session(deadline_s=0.25, least_bytes_per_s=20) as http:
        assert http.download(server.url + "/x").size == 60


# --- pace


def test_pace_is_kept_per_host(server: StubbornServer, other: StubbornServer, waits: list[float]) -> None:
    with session(waits, interval_s=5) as http:
        http.get(server.url + "/x")
        http.get(other.url + "/x")
        assert waits == []
        http.get(server.url + "/x")
    assert waits == [pytest.approx(5, abs=0.5)]


@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_seconds(server: StubbornServer, waits: list[float], status: int) -> None:
    server.say(head(status, Retry_After="7", Content_Length="0"), times=1)
    with session(waits) as http:
        assert http.get(server.url + "/x") == b"ok"
    assert waits == [pytest.approx(7, abs=0.5)]


def test_retry_after_date(server: StubbornServer, waits: list[float]) -> None:
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)
    server.say(head(503, Retry_After=later, Content_Length="0"), times=1)
    server.say(head(503, Retry_After=OLD, Content_Length="0"), times=1)
    with session(waits) as http:
        assert http.get(server.url + "/x") == b"ok"
    assert waits == [pytest.approx(60, abs=3)]


@pytest.mark.parametrize("asks", ["12", "9" * 30, "9" * 400, "Fri, 31 Dec 9999 23:59:59 GMT"])
def test_server_that_asks_for_too_long_a_pause_is_left_alone(server: StubbornServer, asks: str) -> None:
    server.say(head(503, Retry_After=asks, Content_Length="0"), times=1)
    with session(max_wait_s=11) as http:
        with pytest.raises(SourceError, match="longer than 11 s") as failed:
            http.get(server.url + "/x")
        assert failed.value.status == 503
        with pytest.raises(SourceError, match="asked for a pause"):
            http.get(server.url + "/y")
    assert len(server.asked) == 1


@pytest.mark.parametrize("value", ["soon", "", "-5", "²", "1.5", "5, 5", "Wed, 99 Oct 99999 07:28:00 GMT"])
def test_nonsense_retry_after_is_the_usual_pause(server: StubbornServer, waits: list[float], value: str) -> None:
    assert retry_after_s(value) is None
    server.put("/x", b"", b"ok")
    server.say(
        head(503, Content_Length="0").replace(b"\r\n\r\n", f"\r\nRetry-After: {value}\r\n\r\n".encode()), times=1
    )
    with session(waits) as http:
        assert http.get(server.url + "/x") == b"ok"
    assert waits == [pytest.approx(0.75, abs=0.3)]


@given(st.text())
def test_any_retry_after_is_a_pause_or_none(value: str) -> None:
    pause = retry_after_s(value)
    assert pause is None or pause >= 0


def test_patience_is_bounded(server: StubbornServer, waits: list[float]) -> None:
    server.say(head(503, Retry_After="40", Content_Length="0"))
    refused(server.url + "/x", "status 503", waits=waits, retries=9, patience_s=100)
    assert len(server.asked) == 3


# --- redirects


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects(server: StubbornServer, status: int) -> None:
    server.redirect("/r", "/x#part", status)
    with session() as http:
        assert http.get(server.url + "/r") == b"ok"
        assert http.post(server.url + "/r", b"q", headers={"Content-Type": "text/x"}) == b"ok"
        assert http.requests == 4
    assert paths(server) == ["/r", "/x"] * 2
    posted = server.asked[-1]
    expected = ("POST", b"q", "text/x") if status >= 307 else ("GET", b"", None)
    assert (posted.method, posted.body, posted.headers.get("content-type")) == expected


@pytest.mark.parametrize(
    "location",
    ["/r", "file:///etc/passwd", "ftp://127.0.0.1/", "gopher://x", "data:,x", "javascript:1", "http://[",
     "http://a..b/", "http://127.0.0.1:99999/", "http://127.0.0.1:x/", "http://\xff\xfe/", "http://" + "a" * 300],
)  # fmt: skip
def test_redirects_that_lead_nowhere(server: StubbornServer, location: str) -> None:
    server.redirect("/r", location)
    refused(server.url + "/r", retries=0)
    assert paths(server) == ["/r"]


@pytest.mark.parametrize("location", ["", None])
def test_redirect_without_a_location(server: StubbornServer, location: str | None) -> None:
    server.put("/r", status=302, **({} if location is None else {"Location": location}))
    assert refused(server.url + "/r").status == 302


def test_redirects_are_counted_and_circles_found(server: StubbornServer) -> None:
    for number in range(30):
        server.redirect(f"/{number}", f"/{number + 1}")
    server.put("/10", b"end")
    with session() as http:
        assert http.get(server.url + "/0") == b"end"
        server.redirect("/10", "/11")
        with pytest.raises(SourceError, match="more than 10 times"):
            http.get(server.url + "/0")
        server.redirect("/3", "/0")
        with pytest.raises(SourceError, match="circle"):
            http.get(server.url + "/0")


def test_redirect_to_another_loopback_port_is_refused(server: StubbornServer, other: StubbornServer) -> None:
    server.redirect("/r", other.url + "/x")
    refused(server.url + "/r", "no public address")
    assert (other.asked, other.connections) == ([], 0)
    with session() as http:  # what the harvester asks itself is trusted
        http.get(other.url + "/x")
        assert http.get(server.url + "/r") == b"other"


PRIVATE = ["127.0.0.1", "127.1", "2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1", "[::1]", "[::]", "0.0.0.0", "0",
           "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "10.0.0.8", "192.168.1.1",
           "172.16.0.1", "169.254.169.254", "100.64.0.1", "[fe80::1]", "[fd00::1]", "[fec0::1]", "224.0.0.1",
           "[ff02::1]", "255.255.255.255", "192.0.2.1", "240.0.0.1", "localhost"]  # fmt: skip


@pytest.mark.parametrize("host", PRIVATE)
def test_redirect_to_a_private_address_is_refused(server: StubbornServer, other: StubbornServer, host: str) -> None:
    server.redirect("/r", f"http://{host}:{other.port}/x")
    refused(server.url + "/r", retries=0)
    assert other.connections == 0


def addresses(monkeypatch: pytest.MonkeyPatch, **names: list[str]) -> None:
    """Give names (an underscore is a dot) addresses; of all others, only loopback's numbers have any."""
    real = socket.getaddrinfo

    def look_up(host: str, port: int, *arguments: Any, **options: Any) -> Any:
        found = names.get(host.replace(".", "_"))
        if found is None:
            numbers = real(host, port, *arguments, **{**options, "flags": socket.AI_NUMERICHOST})
            return [line for line in numbers if ipaddress.ip_address(str(line[4][0]).partition("%")[0]).is_loopback]
        return [line for address in found for line in real(address, port, *arguments, **options)]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)


@pytest.mark.parametrize("found", [["127.0.0.1"], ["8.8.8.8", "127.0.0.1"], ["::1"], ["::ffff:10.0.0.1"]])
def test_redirect_to_a_name_of_a_private_address_is_refused(
    server: StubbornServer, other: StubbornServer, monkeypatch: pytest.MonkeyPatch, found: list[str]
) -> None:
    addresses(monkeypatch, evil_example=found)
    server.redirect("/r", f"http://evil.example:{other.port}/x")
    refused(server.url + "/r", "no public address")
    assert other.connections == 0


def test_address_that_is_connected_to_is_checked(
    server: StubbornServer, other: StubbornServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    addresses(monkeypatch, rebound_example=["8.8.8.8"])
    connect = socket.socket.connect
    elsewhere = {"8.8.8.8": ("127.0.0.1", other.port)}
    monkeypatch.setattr(socket.socket, "connect", lambda s, to: connect(s, elsewhere.get(to[0]) or to))
    server.redirect("/r", f"http://rebound.example:{other.port}/x")
    refused(server.url + "/r", r"no public address|127\.0\.0\.1 is no public address")
    assert other.asked == []


def test_only_named_hosts_may_be_private(server: StubbornServer, other: StubbornServer) -> None:
    with session(private=[server.url]) as http:
        assert http.get(server.url + "/x") == b"ok"
        with pytest.raises(SourceError, match="no public address"):
            http.get(other.url + "/x")
    assert other.connections == 0


@given(st.ip_addresses())
def test_addresses_of_one_machine_or_network_are_not_public(address: Any) -> None:
    if address.is_private or address.is_multicast or address.is_loopback or address.is_unspecified:
        assert not is_public(str(address))
    assert not is_public(f"{address}x")


def test_secrets_are_not_told_to_another_host(server: StubbornServer, other: StubbornServer) -> None:
    secret = {"Authorization": "Bearer s", "Cookie": "a=b", "X-API-Key": "s", "Accept": "text/x"}
    server.redirect("/away", other.url.replace("//", "//me:secret@") + "/x")
    server.redirect("/here", "/x")
    with session() as http:
        http.get(other.url + "/x")
        http.get(server.url + "/away", headers=secret)
        http.get(server.url + "/here", headers=secret)
    told = other.asked[-1].headers
    assert told["accept"] == "text/x"
    assert not {"authorization", "cookie", "x-api-key"} & told.keys()
    assert server.asked[-1].headers["authorization"] == "Bearer s"


def test_user_name_and_password_of_the_url(server: StubbornServer) -> None:
    server.redirect("/r", server.url + "/x")
    with session() as http:
        http.get(server.url.replace("//", "//me:p%40ss@") + "/r")
        assert not any("me" in key for key in http.validators)
    assert {asked.headers["authorization"] for asked in server.asked} == {"Basic bWU6cEBzcw=="}


def test_log_holds_no_secrets(server: StubbornServer, caplog: pytest.LogCaptureFixture) -> None:
    server.say(b"HTTP/1.1 200 OK\r\nno header\r\nConnection: close\r\n\r\nok")
    with session(retries=0) as http, contextlib.suppress(SourceError):
        http.get(server.url + "/x?token=secret")
    assert "secret" not in caplog.text


def test_cookies_are_not_kept(server: StubbornServer) -> None:
    server.put("/x", b"ok", Set_Cookie="a=b; Path=/")
    with session() as http:
        http.get(server.url + "/x")
        http.get(server.url + "/x")
    assert "cookie" not in server.asked[-1].headers


# --- the environment


def test_proxy_of_the_environment_and_no_netrc(
    server: StubbornServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "netrc").write_text("machine archive.example login me password secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("http_proxy", server.url)
    addresses(monkeypatch, inside_example=["10.0.0.1"], **{"169_254_169_254": ["169.254.169.254"]})
    server.put("http://archive.example/x", b"through the proxy")
    server.redirect("http://archive.example/r", "http://further.example/x")
    server.put("http://further.example/x", b"further")
    with session() as http:
        assert http.get("http://archive.example/x") == b"through the proxy"
        assert http.get("http://archive.example/r") == b"further"
        for inner in ("http://inside.example/x", "http://169.254.169.254/x"):
            server.redirect("http://archive.example/r", inner)
            with pytest.raises(SourceError, match="no public address"):
                http.get("http://archive.example/r")
    assert "authorization" not in server.asked[0].headers
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with session() as http:
        assert http.get(server.url + "/x") == b"ok"


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificate")
def test_tls_is_verified(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    context, public = certificate(tmp_path)
    with StubbornServer(context) as server:
        server.put("/x", b"ok")
        server.redirect("/r", server.url.replace("https", "http") + "/x")
        refused(server.url + "/x", "certificate is not trusted")
        assert server.asked == []
        with session(ca_bundle=str(public)) as http:
            assert http.get(server.url + "/x") == b"ok"
            with pytest.raises(SourceError, match="from https to http"):
                http.get(server.url + "/r")
        named = server.url.replace("127.0.0.1", "localhost")
        with session(ca_bundle=str(public)) as http:
            assert http.get(named + "/x") == b"ok"
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(public))
        with session() as http:
            assert http.get(server.url + "/x") == b"ok"
        refused(server.url + "/x", "ca_bundle: no such file", ca_bundle=str(tmp_path / "absent.pem"))
        (tmp_path / "empty.pem").write_text("nothing")
        refused(server.url + "/x", "ca_bundle: no certificates", ca_bundle=str(tmp_path / "empty.pem"))


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificate")
def test_certificate_of_another_name(tmp_path: Path) -> None:
    context, public = certificate(tmp_path, "DNS:elsewhere.example")
    with StubbornServer(context) as server:
        refused(server.url + "/x", "certificate is not trusted", ca_bundle=str(public))
        assert server.connections == 1


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificate")
def test_tls_answers_are_whole_and_in_time(tmp_path: Path) -> None:
    context, public = certificate(tmp_path)
    with StubbornServer(context) as server:
        server.put("/x", b"ok")
        server.fail("drip-body", times=1)
        refused(server.url + "/x", r"longer than 0\.3 s", deadline_s=0.3, ca_bundle=str(public))
        server.say(head() + b"cut", times=1)  # ends without TLS's own word for it
        with session(ca_bundle=str(public)) as http:
            assert http.get(server.url + "/x") == b"ok"


# --- what has not changed


@pytest.mark.parametrize("ask", ["get", "download"])
@pytest.mark.parametrize("stated", [{"ETag": '"1"'}, {"ETag": 'W/"1"'}, {"ETag": "bare"}, {"Last_Modified": OLD}])
def test_unchanged_answer_is_not_sent_again(
    server: StubbornServer, keep: Keep, stated: dict[str, Any], ask: str
) -> None:
    server.put("/x", b"kept", **stated)
    with session(keep=keep) as http:
        first = getattr(http, ask)(server.url + "/x")
        learnt = http.validators
        assert http.not_modified == 0
    digest = hashlib.sha256(b"kept").hexdigest()
    assert learnt == {server.url + "/x": Validator(stated.get("ETag"), stated.get("Last_Modified"), digest)}
    with session(keep=keep, validators=learnt) as http:
        assert getattr(http, ask)(server.url + "/x") == first
        assert (http.validators, http.requests, http.not_modified) == (learnt, 1, 1)
    name, value = next(iter(stated.items()))
    sent = {"ETag": "if-none-match", "Last_Modified": "if-modified-since"}[name]
    assert server.asked[-1].headers[sent] == value


def test_changed_answer_replaces(server: StubbornServer, keep: Keep) -> None:
    server.put("/x", b"one", ETag='"1"')
    with session(keep=keep) as http:
        http.get(server.url + "/x")
        learnt = http.validators
        server.put("/x", b"two", ETag='"2"')
        assert http.get(server.url + "/x") == b"two"
        assert http.validators[server.url + "/x"].etag == '"2"'
    with session(keep=keep, validators=learnt) as http:
        assert http.get(server.url + "/x") == b"two"


@pytest.mark.parametrize("ask", ["get", "download"])
@pytest.mark.parametrize("damage", ["gone", "damaged", "no digest"])
def test_damaged_body_is_asked_for_again(server: StubbornServer, keep: Keep, damage: str, ask: str) -> None:
    server.put("/x", b"kept", ETag='"1"')
    with session(keep=keep) as http:
        first = getattr(http, ask)(server.url + "/x")
        learnt = http.validators
    path = keep.path(hashlib.sha256(b"kept").hexdigest())
    if damage == "gone":
        path.unlink()
    elif damage == "damaged":
        path.write_bytes(b"kepT")
    else:
        learnt = {server.url + "/x": Validator('"1"', None, "../../etc/passwd")}
    with session(keep=keep, validators=learnt) as http:
        assert getattr(http, ask)(server.url + "/x") == first
        assert getattr(http, ask)(server.url + "/x") == first
        assert (http.requests, http.not_modified) == (3 if damage == "damaged" else 2, 1)
    assert path.read_bytes() == b"kept"


def test_answer_that_says_not_modified_for_ever_is_an_error(server: StubbornServer, keep: Keep) -> None:
    server.put("/x", b"kept", ETag='"1"')
    with session(keep=keep) as http:
        http.get(server.url + "/x")
        keep.path(hashlib.sha256(b"kept").hexdigest()).write_bytes(b"damaged")
        server.fail("not-modified")
        with pytest.raises(SourceError, match="status 304") as failed:
            http.get(server.url + "/x")
    assert failed.value.status == 304
    assert len(server.asked) == 3


def test_accept_header_has_its_own_answer(server: StubbornServer, keep: Keep) -> None:
    server.put("/x", b"kept", ETag='"1"')
    with session(keep=keep) as http:
        for accept in ("text/csv", "text/html"):
            http.get(server.url + "/x", headers={"Accept": accept})
        assert sorted(http.validators) == [f"{server.url}/x text/csv", f"{server.url}/x text/html"]
    assert "if-none-match" not in server.asked[1].headers


def test_posts_and_own_conditions_are_not_conditional(server: StubbornServer, keep: Keep) -> None:
    server.put("/x", b"kept", ETag='"1"', Last_Modified=OLD)
    with session(keep=keep) as http:
        http.get(server.url + "/x")
        server.redirect("/answer", "/x", 303)
        for path in ("/x", "/answer"):
            http.post(server.url + path, b"q")
        assert not {"if-none-match", "if-modified-since"} & server.asked[-1].headers.keys()
        with pytest.raises(SourceError, match="304"):
            http.get(server.url + "/x", headers={"if-none-match": '"1"'})
        assert len(http.validators) == 1


@pytest.mark.parametrize(
    "stated",
    [{}, {"ETag": '"1"', "Cache_Control": "private, No-Store"}, {"ETag": "*"}, {"ETag": "x" * 2000},
     {"Last_Modified": OLD, "Date": OLD}, {"Last_Modified": "yesterday"}],
)  # fmt: skip
def test_what_is_not_kept(server: StubbornServer, tmp_path: Path, stated: dict[str, Any]) -> None:
    server.put("/x", b"kept", **stated)
    with session(keep=Keep(tmp_path / "raw")) as http:
        assert http.get(server.url + "/x") == b"kept"
        assert http.validators == {}
    assert not (tmp_path / "raw").exists()


def test_validators_belong_to_the_place_a_redirect_leads_to(server: StubbornServer, keep: Keep) -> None:
    server.redirect("/latest", "/1")
    for version in ("/1", "/2"):
        server.put(version, version.encode(), ETag='"same"', Last_Modified=OLD)
    with session(keep=keep) as http:
        assert [http.get(server.url + "/latest") for _ in range(2)] == [b"/1", b"/1"]
        assert (http.not_modified, list(http.validators)) == (1, [server.url + "/1"])
        server.redirect("/latest", "/2")
        assert http.get(server.url + "/latest") == b"/2"
        server.redirect("/latest", "/2?signature=secret")
        server.put("/2?signature=secret", b"signed", ETag='"same"')
        assert http.get(server.url + "/latest") == b"signed"
        assert not any("secret" in key for key in http.validators)


def test_key_of() -> None:
    assert key_of("https://a.example/x?q=1#f", {}, is_redirected=False) == "https://a.example/x?q=1"
    assert key_of("https://a.example/x?q=1", {}, is_redirected=True) is None
    assert key_of("https://a.example/x", {"RANGE": "bytes=0-1"}, is_redirected=False) is None


@given(st.dictionaries(st.sampled_from(["ETag", "Last-Modified", "Date", "Cache-Control"]), st.text()))
def test_validators_are_fit_to_be_sent(headers: dict[str, str]) -> None:
    for value in validators_of(headers):
        assert value is None or (value.isprintable() and value == value.strip() != "")


def test_session_without_a_keep_leaves_nothing(server: StubbornServer, tmp_path: Path,
                                               monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    server.put("/x", b"kept", ETag='"1"')
    with session() as http:
        http.get(server.url + "/x")
        assert http.get(server.url + "/x") == b"kept"
        assert http.not_modified == 1
        assert list(tmp_path.iterdir())
    assert not list(tmp_path.iterdir())


# --- downloads


def test_download(server: StubbornServer, keep: Keep) -> None:
    body = os.urandom(300_000)
    server.put("/x", gzip.compress(body), Content_Encoding="gzip")
    with session(keep=keep) as http:
        made = http.download(server.url + "/x")
        assert (made.sha256, made.size) == (hashlib.sha256(body).hexdigest(), len(body))
        with http.open(made.sha256) as stream:
            assert stream.read() == body
            stream.seek(0)
            assert http.keep(stream) == made


def test_download_has_its_own_limit_and_leaves_no_parts(server: StubbornServer, keep: Keep) -> None:
    server.put("/x", bytes(2000), Transfer_Encoding="chunked")
    with session(keep=keep, max_bytes=1000, max_download_bytes=2000) as http:
        assert http.download(server.url + "/x").size == 2000
    with session(keep=keep, max_download_bytes=1999) as http, pytest.raises(SourceError, match="longer than 1999"):
        http.download(server.url + "/x")
    server.fail("cut-chunks")
    with session(keep=keep) as http, pytest.raises(SourceError):
        http.download(server.url + "/x")
    assert [path.name for path in keep.folder.iterdir()] == [hashlib.sha256(bytes(2000)).hexdigest()[:2]]


RESUMABLE: dict[str, Any] = {"ETag": '"1"', "Accept_Ranges": "bytes"}


def test_broken_download_goes_on_where_it_broke(server: StubbornServer, keep: Keep) -> None:
    body = os.urandom(100_000)
    server.put("/x", body, **RESUMABLE)
    server.fail("busy", times=1)
    half = head(Content_Length=str(len(body)), **RESUMABLE) + body[:40_000]
    server.say(half, times=1)
    server.fail("reset", times=1)
    with session(keep=keep, retries=3) as http:
        assert http.download(server.url + "/x").sha256 == hashlib.sha256(body).hexdigest()
        assert http.validators[server.url + "/x"].etag == '"1"'
    assert [asked.headers.get("range") for asked in server.asked] == [None, None, "bytes=40000-", "bytes=40000-"]
    assert server.asked[-1].headers["if-range"] == '"1"'
    assert server.asked[-1].headers["accept-encoding"] == "identity"


@pytest.mark.parametrize("rest", ["other ETag", "wrong start", "wrong length", "coded", "past the end"])
def test_download_that_changed_begins_again(server: StubbornServer, keep: Keep, rest: str) -> None:
    body = os.urandom(1000)
    server.put("/x", body, ETag='"2"', Accept_Ranges="bytes")
    server.say(head(Content_Length="500", **RESUMABLE) + b"x" * 100, times=1)
    said = {
        "wrong start": head(206, Content_Range="bytes 0-499/500", Content_Length="4"),
        "wrong length": head(206, Content_Range="bytes 100-499/600", Content_Length="4"),
        "coded": head(206, Content_Range="bytes 100-499/500", Content_Encoding="gzip", Content_Length="4"),
        "past the end": head(416, Content_Length="4"),
    }
    if rest in said:
        server.say(said[rest] + b"evil", times=1)
    with session(keep=keep, retries=3) as http:
        assert http.download(server.url + "/x").sha256 == hashlib.sha256(body).hexdigest()


@pytest.mark.parametrize("stated", [{"ETag": 'W/"1"', "Accept_Ranges": "bytes"}, {"ETag": '"1"'}, {}])
def test_download_of_a_server_that_is_not_sure_begins_again(server: StubbornServer, stated: dict[str, Any]) -> None:
    server.put("/x", b"whole", **stated)
    server.say(head(Content_Length="9", **stated) + b"half", times=1)
    with session() as http:
        assert http.download(server.url + "/x").size == 5
    assert "range" not in server.asked[-1].headers


def test_full_disk_is_an_error_of_the_source(server: StubbornServer, tmp_path: Path) -> None:
    (tmp_path / "raw").write_bytes(b"no folder")
    with session(keep=Keep(tmp_path / "raw")) as http, pytest.raises(SourceError, match="cannot keep"):
        http.download(server.url + "/x")
    assert len(server.asked) == 1


# --- robots.txt


def test_robots(server: StubbornServer) -> None:
    robots = b"User-agent: *\nDisallow: /\n\nUser-agent: bioimage-hub\nDisallow: /private/*.html$\nAllow: /\n"
    server.put("/robots.txt", b"\xef\xbb\xbf" + robots)
    with session() as http:
        assert http.allowed(server.url + "/x?y#z")
        assert not http.allowed(server.url + "/private/a.html")
        assert http.allowed(server.url + "/private/a.htmlx")
        assert not http.allowed("ftp://x/")
        assert not http.allowed("http://[")
    assert paths(server) == ["/robots.txt"]


@pytest.mark.parametrize(
    ("status", "expected"),
    [(404, True), (410, True), (400, True), (204, True), (401, False), (403, False), (429, False), (500, False),
     (503, False)],
)  # fmt: skip
def test_robots_that_cannot_be_read(server: StubbornServer, status: int, expected: bool) -> None:
    server.put("/robots.txt", b"", status=status)
    with session() as http:
        assert http.allowed(server.url + "/x") is expected
        asked = len(server.asked)
        assert http.allowed(server.url + "/y") is expected
        assert len(server.asked) == asked


def test_unreachable_robots_closes_the_site(server: StubbornServer) -> None:
    server.fail("reset")
    with session() as http:
        assert not http.allowed(server.url + "/x")


def test_crawl_delay_is_kept(server: StubbornServer, waits: list[float]) -> None:
    server.put("/robots.txt", b"User-agent: *\nCrawl-delay: 9\n")
    with session(waits) as http:
        assert http.allowed(server.url + "/x")
        http.get(server.url + "/x")
        http.get(server.url + "/x")
    assert waits[-1] == pytest.approx(9, abs=0.5)
    server.put("/robots.txt", b"User-agent: *\nCrawl-delay: 1000000\n")
    with session(waits) as http:
        assert not http.allowed(server.url + "/x")


def test_long_robots_is_cut(server: StubbornServer) -> None:
    rules = b"User-agent: *\nDisallow: /first\n" + b"# filling\n" * 60_000 + b"Disallow: /last\n"
    server.put("/robots.txt", rules)
    with session() as http:
        assert not http.allowed(server.url + "/first")
        assert http.allowed(server.url + "/last")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(text=st.text(), path=st.text())
def test_any_robots_is_read(server: StubbornServer, text: str, path: str) -> None:
    server.put("/robots.txt", text.encode("utf-8", "surrogatepass"))
    with session() as http:
        assert http.allowed(f"{server.url}/{path}") in (True, False)


# --- errors


SECRETS = ("secret", "token")


@pytest.mark.parametrize(
    "url", ["", "x", "http://", "http://[", "ftp://example.org/", "http://\x00/", "http:/x", "//x", "file:///etc/passwd",
            "http://127.0.0.1:0/", "http://127.0.0.1:65536/", "http://a..b/", "http://.example/", "http://*/"],
)  # fmt: skip
def test_addresses_that_are_none(url: str) -> None:
    refused(url, retries=0)


@pytest.mark.parametrize(
    "url", ["http://me:secret@127.0.0.1:{}/absent?token=token#token", "http://me:secret@[?token", "secret@host"]
)
def test_errors_hold_no_secrets(server: StubbornServer, url: str) -> None:
    said = str(refused(url.format(server.port), retries=0))
    assert not any(secret in said for secret in SECRETS), said


SETTINGS = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=100)
URLS = st.one_of(
    st.text(),
    st.text().map("http://127.0.0.1:1/{}".format),
    st.text().map("http://{}".format),
    st.text().map("https://{}/x".format),
    st.tuples(st.text(), st.text(), st.text()).map(lambda p: f"http://{p[0]}:{p[1]}@127.0.0.1:1/{p[2]}"),
    st.integers().map("http://127.0.0.1:{}/".format),
)


@SETTINGS
@given(url=URLS)
def test_any_url_is_an_answer_or_an_error_of_the_source(
    server: StubbornServer, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    with monkeypatch.context() as patch:
        addresses(patch)
        with session(retries=0) as http, pytest.raises(SourceError):
            http.get(url)


@given(URLS)
def test_public_url_of_anything(url: str) -> None:
    assert isinstance(public_url(url), str)


@SETTINGS
@given(headers=st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=3))
def test_any_header_is_sent_or_an_error_of_the_source(server: StubbornServer, headers: dict[str, str]) -> None:
    with session(retries=0, timeout_s=2) as http, contextlib.suppress(SourceError):
        assert http.get(server.url + "/x", headers=headers) == b"ok"


HEADERS = ["Content-Length", "Transfer-Encoding", "Content-Encoding", "Location", "Retry-After", "ETag", "Set-Cookie",
           "Last-Modified", "Date", "Cache-Control", "Connection", "Content-Type", "X"]  # fmt: skip
BYTES = st.one_of(
    st.binary(max_size=20), st.sampled_from([b"gzip", b"chunked", b"5", b"-1", b"http://", b"/x", b'"1"'])
)


@SETTINGS
@given(
    status=st.one_of(st.sampled_from([b"HTTP/1.1 200 OK", b"HTTP/1.1 302 Found", b"HTTP/1.0 304 x"]), BYTES),
    headers=st.lists(st.tuples(st.sampled_from(HEADERS), BYTES), max_size=5),
    body=st.binary(max_size=30),
)
def test_any_answer_is_an_answer_or_an_error_of_the_source(
    server: StubbornServer,
    monkeypatch: pytest.MonkeyPatch,
    status: bytes,
    headers: list[tuple[str, bytes]],
    body: bytes,
) -> None:
    server.mend()
    lines = [status, *(name.encode() + b": " + value for name, value in headers)]
    server.say(b"\r\n".join(lines) + b"\r\n\r\n" + body)
    with monkeypatch.context() as patch:
        addresses(patch)
        with session(retries=0, timeout_s=2, deadline_s=4) as http:
            for ask in (http.get, http.download):
                with contextlib.suppress(SourceError):
                    ask(server.url + "/x")


# --- memory of a run


def test_once() -> None:
    made: list[int] = []
    http = session()

    def make() -> object:
        made.append(1)
        return object()

    first = http.once("a", make)
    assert http.once("a", make) is first
    http.close()
    assert http.once("a", object) is not first
    assert made == [1]


def test_recall_and_remember() -> None:
    with PoliteSession(memory={"a": "1"}) as http:
        http.remember("a", "2")
        assert (http.recall("a"), http.recall("b"), http.memory) == ("1", None, {"a": "2"})
