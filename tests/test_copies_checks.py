"""Checks of copies elsewhere: how each answer is read, and when a copy is asked again."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from hub.copies import checks
from hub.copies.catalogue import CORRUPT, HEALTHY, MISSING, UNKNOWN, UNREACHABLE, Copy, time_of
from hub.copies.choice import Load, ranked
from hub.copies.hosting import opened
from hub.copies.hosts import Host as Place
from hub.copies.metalink import digest
from tests.copies_support import MANNERS, dataset_of, put, settings_of
from tests.generated_hosts import Host, sums
from tests.support import BASE

SIZE = 200_000
SHA256, _ = sums(7, SIZE)
IRI = f"{BASE}dataset/bia/S-BIAD1"
FILE = "/S-BIAD1/a.tif"


@pytest.fixture
def host():
    with Host() as served:
        served.files[FILE] = (7, SIZE)
        yield served


def hub(folder, host, count=1, **more):
    settings = settings_of(folder, host.url, **more)
    files = [{"content_url": f"{host.url}S-BIAD1/a.tif", "size_bytes": SIZE, "sha256": SHA256}]
    files += [{"content_url": f"{host.url}S-BIAD1/{n}.tif", "size_bytes": SIZE} for n in range(1, count)]
    put(settings, dataset_of("S-BIAD1", files))
    return settings


def states(hosting):
    return {copy.path: copy.state for copy in hosting.copies.copies(IRI) if copy.host == "archive"}


def test_a_good_copy_is_asked_for_its_head_alone_and_again_after_a_week(tmp_path, host):
    with opened(hub(tmp_path, host), MANNERS) as hosting:
        assert hosting.check(10) == {HEALTHY: 1}
        assert hosting.check(10) == {}
        (copy,) = hosting.copies.copies(IRI)
        assert copy.latency_s is not None
        assert copy.next_check > time_of(timedelta(days=6))
    assert [asked[0] for asked in host.asked] == ["HEAD"]


def test_a_copy_that_is_not_there_is_missing(tmp_path, host):
    del host.files[FILE]
    with opened(hub(tmp_path, host), MANNERS) as hosting:
        assert hosting.check(10) == {MISSING: 1}


def test_another_length_or_another_checksum_is_corrupt(tmp_path, host):
    host.files[FILE] = (7, SIZE - 1)
    with opened(hub(tmp_path, host), MANNERS) as hosting:
        assert hosting.check(10) == {CORRUPT: 1}
        host.files[FILE] = (7, SIZE)
        host.digests[FILE] = digest("0" * 64)
        (copy,) = hosting.copies.copies(IRI)
        hosting.copies.put_copy(replace(copy, next_check=""))
        assert hosting.check(10) == {CORRUPT: 1}
        assert hosting.copies.copies(IRI)[0].reason == f"its host says SHA-256 {'0' * 64}"


def test_bytes_are_compared_with_the_hubs_own(tmp_path, host):
    settings = hub(tmp_path, host)
    with opened(settings, MANNERS) as hosting:
        hosting.host(IRI)
        host.files[FILE] = (8, SIZE)
        assert hosting.check(10) == {CORRUPT: 1}
    parts = [asked[2] for asked in host.asked if asked[2]]
    assert len(parts) == 1
    first, last = map(int, parts[0].removeprefix("bytes=").split("-"))
    assert last - first < checks.SAMPLE_BYTES


def test_pauses_after_failures_grow_up_to_two_weeks():
    copy = Copy(IRI, "a", "m", "http://m/a")
    pauses = []
    for _ in range(12):
        copy = checks.failed(copy, UNREACHABLE, "status 503")
        pauses.append(copy.next_check)
    assert pauses == sorted(pauses)
    assert pauses[0] <= time_of(timedelta(hours=1))
    assert time_of(timedelta(days=13)) < pauses[-1] <= time_of(timedelta(days=14))


def test_a_run_is_bounded_and_leaves_a_host_alone_that_fails(tmp_path, host):
    settings = hub(tmp_path, host, count=7)
    host.close()
    with opened(settings, MANNERS) as hosting:
        assert hosting.check(2) == {UNREACHABLE: 2}
        assert hosting.check(10) == {UNREACHABLE: 3, "put off": 2}
        assert set(states(hosting).values()) == {UNREACHABLE, UNKNOWN}


HOSTS = {
    "own": Place("own", "folder", "/x", priority=1),
    "jp": Place("jp", "http", "https://jp.example.org/", priority=5, region="jp"),
    "gb": Place("gb", "http", "https://gb.example.org/", priority=5, region="gb"),
}


def copy(host, state=HEALTHY, **more):
    return Copy(IRI, "a", host, f"https://{host}.example.org/a", state=state, **more)


def order(*copies, **more):
    return [one.host for one in ranked(copies, HOSTS, Load(), **more)]


def test_the_hubs_own_come_first_then_priority_then_the_archive():
    found = order(copy("archive", UNKNOWN), copy("gb", latency_s=0.2), copy("jp", latency_s=0.1), copy("own"))
    assert found == ["own", "jp", "gb", "archive"]


def test_a_readers_region_comes_before_all():
    assert order(copy("own"), copy("gb"), copy("jp"), region="gb")[0] == "gb"


@pytest.mark.parametrize("state", [MISSING, CORRUPT, UNREACHABLE])
def test_what_is_not_in_good_order_is_left_out(state):
    assert order(copy("gb", state), copy("archive", state)) == []


def test_what_was_never_checked_counts_only_at_the_archive():
    assert order(copy("gb", UNKNOWN), copy("archive", UNKNOWN), copy("removed")) == ["archive"]


def test_another_checksum_is_another_file():
    assert order(copy("gb", sha256="0" * 64), copy("jp", sha256="1" * 64), digest="1" * 64) == ["jp"]


def test_readers_are_spread_by_how_quick_hosts_are():
    load, copies = Load(), [copy("jp", latency_s=0.1), copy("gb", latency_s=0.3)]
    led = []
    for _ in range(40):
        led.append(ranked(copies, HOSTS, load)[0].host)
        load.note(led[-1])
    assert 28 <= led.count("jp") <= 32
