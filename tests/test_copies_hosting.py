"""Held copies: what is believed, resumed, refused before it begins, mended and thrown away."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from hub.config import Settings
from hub.copies.blobs import BlobError
from hub.copies.catalogue import CORRUPT, HEALTHY
from hub.copies.hosting import Hosting, QuotaError, dataset_iri, opened
from hub.copies.hosts import Host as Place
from hub.errors import ConfigError, LockedError, NotFoundError
from tests.copies_support import MANNERS, dataset_of, put, settings_of
from tests.generated_hosts import Host, sums, whole
from tests.support import BASE

SIZE = 3_000_000
SHA256, MD5 = sums(7, SIZE)
IRI = f"{BASE}dataset/bia/S-BIAD1"


@pytest.fixture
def hosts():
    first, second = Host(), Host()
    for host in (first, second):
        host.files["/S-BIAD1/a.tif"] = (7, SIZE)
    yield first, second
    first.close()
    second.close()


def told(hosts: tuple[Host, Host], **more: Any) -> list[dict[str, Any]]:
    return [{"content_url": f"{hosts[0].url}S-BIAD1/a.tif", "size_bytes": SIZE, **more}]


def hub(folder: Path, hosts: tuple[Host, Host], files: list[dict[str, Any]] | None = None, **more: Any) -> Settings:
    settings = settings_of(folder, *(host.url for host in hosts), **more)
    put(settings, dataset_of("S-BIAD1", files or told(hosts, sha256=SHA256)))
    return settings


def held(opened_hosting: Hosting) -> bytes:
    (copy,) = [c for c in opened_hosting.copies.copies(IRI) if c.host == "own"]
    assert copy.sha256
    assert copy.size is not None
    return b"".join(opened_hosting.stores["own"].read(copy.sha256, copy.size))


def test_a_file_is_held_and_its_checksum_is_checked(tmp_path, hosts):
    with opened(hub(tmp_path, hosts), MANNERS) as hosting:
        outcome = hosting.host(IRI)
        assert (outcome.done, outcome.bytes, outcome.failed) == (1, SIZE, {})
        assert held(hosting) == whole(7, SIZE)
        assert hosting.host(IRI).already == 1
        (file,) = hosting.copies.files(IRI)
        assert (file.path, file.digest, file.basis) == ("a.tif", SHA256, "archive")


@pytest.mark.parametrize(
    ("faults", "is_had"),
    [(["cut", "cut"], True), (["flip"], True), (["change"], True), (["page"], True), (["short"], True),
     (["longer"], True), (["unavailable", "reset"], True), (["cut", "wrong_range"], True),
     (["cut", "lying_range", "flip"], True), (["cut", "no_range"], True), (["flip"] * 40, False)],
)  # fmt: skip
def test_a_host_that_misbehaves_never_makes_a_wrong_file(tmp_path, hosts, faults, is_had):
    hosts[0].next = list(faults)
    hosts[1].next = ["" if is_had else "flip"] * 40
    with opened(hub(tmp_path, hosts), MANNERS) as hosting:
        outcome = hosting.host(IRI)
        assert outcome.done == is_had
        if is_had:
            assert held(hosting) == whole(7, SIZE)
        else:
            assert "SHA-256" in outcome.failed["bia/S-BIAD1/a.tif"]
            assert not [c for c in hosting.copies.copies(IRI) if c.host == "own"]
            assert {c.state for c in hosting.copies.copies(IRI)} == {CORRUPT}


def test_what_broke_off_is_read_on_where_it_broke(tmp_path, hosts):
    hosts[0].next = ["cut"]
    with opened(hub(tmp_path, hosts), MANNERS) as hosting:
        assert hosting.host(IRI).done == 1
    gets = [asked for asked in hosts[0].asked if asked[0] == "GET"]
    assert [bool(asked[2]) for asked in gets] == [False, True]
    assert gets[1][3] == f'"{7:x}-{SIZE:x}"'


def test_a_killed_download_is_read_on_by_the_next(tmp_path, hosts):
    settings = hub(tmp_path, hosts)

    class KilledError(Exception):
        pass

    def kill(_words: str, size: int, _total: int | None) -> None:
        if size > SIZE // 2:
            raise KilledError

    with pytest.raises(KilledError), opened(settings, MANNERS) as hosting:
        hosting.host(IRI, progress=kill)
    with opened(settings, MANNERS) as hosting:
        assert hosting.host(IRI).done == 1
        assert held(hosting) == whole(7, SIZE)
    resumed = [asked[2] for asked in hosts[0].asked if asked[2]]
    assert len(resumed) == 1
    assert int(resumed[0].removeprefix("bytes=").rstrip("-")) > SIZE // 2


def test_without_a_checksum_two_readings_have_to_agree(tmp_path, hosts):
    with opened(hub(tmp_path, hosts, told(hosts)), MANNERS) as hosting:
        assert hosting.host(IRI).done == 1
        assert hosting.copies.files(IRI)[0].basis == "two reads"
    assert [len(host.asked) for host in hosts] == [1, 1]


def test_two_readings_that_differ_are_not_believed(tmp_path, hosts):
    hosts[0].next, hosts[1].next = ["flip"], [""]
    with opened(hub(tmp_path, hosts, told(hosts)), MANNERS) as hosting:
        outcome = hosting.host(IRI)
        assert outcome.done + len(outcome.failed) == 1
        if outcome.done:
            assert held(hosting) == whole(7, SIZE)


def test_one_reading_is_enough_when_the_operator_says_so(tmp_path, hosts):
    with opened(hub(tmp_path, hosts, told(hosts)), MANNERS) as hosting:
        hosting.host(IRI, twice=False)
        assert hosting.copies.files(IRI)[0].basis == "as first seen"


def test_an_md5_is_checked_where_there_is_no_more(tmp_path, hosts):
    hosts[0].next = ["flip"]
    with opened(hub(tmp_path, hosts, told(hosts, md5=MD5)), MANNERS) as hosting:
        assert hosting.host(IRI).done == 1
        assert hosting.copies.files(IRI)[0].basis == "md5"
        assert held(hosting) == whole(7, SIZE)


def test_a_quota_is_kept_before_the_first_byte(tmp_path, hosts):
    said = "hosting_quota_bytes: 3000000 bytes more would make 3000000"
    settings = hub(tmp_path, hosts, hosting_quota_bytes=SIZE - 1)
    with opened(settings, MANNERS) as hosting, pytest.raises(QuotaError, match=said):
        hosting.host(IRI)
    assert hosts[0].asked == []


def test_a_size_that_nobody_told_is_asked_for(tmp_path, hosts):
    files = [{"content_url": f"{hosts[0].url}S-BIAD1/a.tif", "sha256": SHA256}]
    settings = hub(tmp_path, hosts, files, hosting_quota_bytes=SIZE - 1)
    with opened(settings, MANNERS) as hosting, pytest.raises(QuotaError):
        hosting.host(IRI)
    assert [asked[0] for asked in hosts[0].asked] == ["HEAD"]


def test_a_damaged_blob_is_found_put_aside_and_mended(tmp_path, hosts):
    settings = hub(tmp_path, hosts)
    with opened(settings, MANNERS) as hosting:
        hosting.host(IRI)
    blob = settings.data_dir / "blobs" / "blobs" / SHA256[:2] / SHA256
    data = bytearray(blob.read_bytes())
    data[2_000_000] ^= 4
    blob.write_bytes(data)
    with opened(settings, MANNERS) as hosting:
        with pytest.raises(BlobError, match="damaged"):
            held(hosting)
        for host in hosts:
            host.files.clear()
        told = hosting.scrub(10**9)
        assert (told.read, told.bad, told.repaired, len(told.failed)) == (1, 1, 0, 1)
        assert not blob.exists()
        assert [c.state for c in hosting.copies.copies(IRI) if c.host == "own"] == [CORRUPT]
        for host in hosts:
            host.files["/S-BIAD1/a.tif"] = (7, SIZE)
        assert hosting.repair().repaired == 1
        assert held(hosting) == whole(7, SIZE)
        assert not list((settings.data_dir / "blobs" / "quarantine").rglob("*.*"))
        assert hosting.copies.blob("own", SHA256).state == HEALTHY


def test_digests_of_pieces_that_are_damaged_are_made_again(tmp_path, hosts):
    settings = hub(tmp_path, hosts)
    with opened(settings, MANNERS) as hosting:
        hosting.host(IRI)
        pieces = settings.data_dir / "blobs" / "pieces" / SHA256[:2] / SHA256
        pieces.write_bytes(b"x")
        with pytest.raises(BlobError):
            held(hosting)
        assert hosting.scrub(10**9).bad == 0
        assert held(hosting) == whole(7, SIZE)


def test_another_store_of_the_hub_mends_without_asking_anybody(tmp_path, hosts):
    settings = hub(tmp_path, hosts)
    settings = replace(settings, hosts={**settings.hosts, "tape": Place("tape", "folder", str(tmp_path / "tape"))})
    with opened(settings, MANNERS) as opened_hosting:
        opened_hosting.host(IRI)
        opened_hosting.host(IRI, "tape")
        (settings.data_dir / "blobs" / "blobs" / SHA256[:2] / SHA256).unlink()
        asked = [len(host.asked) for host in hosts]
        assert opened_hosting.scrub(10**9).repaired == 1
        assert [len(host.asked) for host in hosts] == asked
        assert held(opened_hosting) == whole(7, SIZE)


def test_scrubbing_is_bounded_and_takes_turns(tmp_path, hosts):
    files = []
    for number in range(3):
        hosts[0].files[f"/S-BIAD1/{number}.tif"] = (number, 1000)
        files.append(
            {"content_url": f"{hosts[0].url}S-BIAD1/{number}.tif", "size_bytes": 1000, "sha256": sums(number, 1000)[0]}
        )
    with opened(hub(tmp_path, hosts, files), MANNERS) as hosting:
        assert hosting.host(IRI).done == 3
        for blob in hosting.copies.blobs():
            hosting.copies.put_blob(replace(blob, scrubbed=""))
        assert [hosting.scrub(2000).read for _ in range(2)] == [2, 2]
        assert all(blob.scrubbed for blob in hosting.copies.blobs())


def test_what_nobody_uses_goes_after_a_while(tmp_path, hosts):
    settings = hub(tmp_path, hosts)
    with opened(settings, MANNERS) as hosting:
        hosting.host(IRI)
        assert hosting.remove(IRI) == 1
        assert hosting.collect(timedelta(days=1)).done == 0
        assert hosting.collect(timedelta(0)).done == 1
        assert hosting.copies.held_bytes() == 0
    assert not [path for path in (settings.data_dir / "blobs").rglob("*") if path.is_file()]


@pytest.mark.parametrize(
    ("state", "grace", "gone"), [("withdrawn", 7, False), ("withdrawn", 0, True), ("redacted", 7, True)]
)
def test_what_is_withdrawn_or_redacted_is_held_no_longer(tmp_path, hosts, state, grace, gone):
    settings = hub(tmp_path, hosts)
    with opened(settings, MANNERS) as hosting:
        hosting.host(IRI)
    put(settings, dataset_of("S-BIAD1", told(hosts, sha256=SHA256)), state=state, action="withdraw")
    with opened(settings, MANNERS) as hosting:
        assert hosting.copies.copies(IRI) == []
        assert hosting.collect(timedelta(days=grace)).done == gone


def test_a_blob_of_two_datasets_stays_while_one_uses_it(tmp_path, hosts):
    settings = hub(tmp_path, hosts)
    put(settings, dataset_of("S-BIAD2", told(hosts, sha256=SHA256)))
    with opened(settings, MANNERS) as hosting:
        hosting.host(IRI)
        hosting.host(f"{BASE}dataset/bia/S-BIAD2")
        assert hosting.copies.held_bytes() == SIZE
        hosting.remove(IRI)
        assert hosting.collect(timedelta(0)).done == 0


def test_another_content_by_the_archives_word_is_held_anew(tmp_path, hosts):
    settings = hub(tmp_path, hosts)
    with opened(settings, MANNERS) as hosting:
        hosting.host(IRI)
    put(settings, dataset_of("S-BIAD1", told(hosts, sha256=sums(8, SIZE)[0])), action="update")
    hosts[0].files["/S-BIAD1/a.tif"] = (8, SIZE)
    with opened(settings, MANNERS) as hosting:
        assert hosting.host(IRI).done == 1
        assert held(hosting) == whole(8, SIZE)


def test_only_one_process_changes_copies(tmp_path, hosts):
    settings = hub(tmp_path, hosts)
    with opened(settings, MANNERS), pytest.raises(LockedError), opened(settings, MANNERS):
        pass


def test_what_cannot_be_held_is_told_in_a_sentence(tmp_path, hosts):
    with opened(hub(tmp_path, hosts), MANNERS) as hosting:
        with pytest.raises(ConfigError, match="--to nowhere: no such store; there are own"):
            hosting.host(IRI, "nowhere")
        with pytest.raises(NotFoundError, match="names no file"):
            hosting.host(f"{BASE}dataset/bia/S-BIAD9")


def test_a_dataset_is_named_as_people_do(tmp_path):
    settings = Settings(data_dir=tmp_path, base_iri=BASE)
    assert dataset_iri(settings, "bia/S-BIAD1") == dataset_iri(settings, IRI) == IRI
    with pytest.raises(ConfigError, match="neither <archive>/<accession> nor the IRI"):
        dataset_iri(settings, "S-BIAD1")


def test_private_hosts_are_asked_only_where_the_settings_say_so(tmp_path, hosts):
    settings = Settings(data_dir=tmp_path / "data", base_iri=BASE)
    put(settings, dataset_of("S-BIAD1", told(hosts, sha256=SHA256)))
    with opened(settings, MANNERS) as hosting:
        assert "no public address" in hosting.host(IRI).failed["bia/S-BIAD1/a.tif"]
    assert hosts[0].asked == []
