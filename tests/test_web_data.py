"""Files over HTTP: the hub's own bytes and parts of them, the way to others, and to nothing unregistered."""

from __future__ import annotations

import base64
import email
import json
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from hub.config import Settings
from hub.copies.blobs import BlobError
from hub.copies.catalogue import CORRUPT, HEALTHY, MISSING
from hub.copies.hosting import opened
from hub.peers import keys
from hub.web import data
from hub.web.app import create_app
from tests.copies_support import MANNERS, dataset_of, put, settings_of
from tests.generated_hosts import Host, sums, whole
from tests.support import BASE

SIZE = 3_000_000
SHA256, _ = sums(7, SIZE)
DATA = whole(7, SIZE)
IRI = f"{BASE}dataset/bia/S-BIAD1"
PATH = "/data/bia/S-BIAD1/a b.html"
DIGEST = base64.b64encode(bytes.fromhex(SHA256)).decode()


@pytest.fixture(scope="module")
def host():
    with Host() as served:
        served.files["/S-BIAD1/a%20b.html"] = (7, SIZE)
        served.files["/S-BIAD1/led.tif"] = (7, SIZE)
        yield served


def made(folder: Path, host: Host) -> Settings:
    settings = settings_of(folder, host.url, "https://mirror.example.org/")
    files = [
        {"content_url": f"{host.url}S-BIAD1/{n}", "size_bytes": SIZE, "sha256": SHA256}
        for n in ("a%20b.html", "led.tif")
    ]
    put(settings, dataset_of("S-BIAD1", files))
    with opened(settings, MANNERS) as hosting:
        hosting.host(IRI)
        (led,) = [c for c in hosting.copies.copies(IRI, "led.tif") if c.host == "own"]
        hosting.copies.drop_copy(IRI, "led.tif", "own")
        assert led.state == HEALTHY
    return settings


def client_of(settings: Settings) -> Any:
    return create_app(settings, publication=object()).test_client()  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def settings(tmp_path_factory, host):
    return made(tmp_path_factory.mktemp("data"), host)


@pytest.fixture(scope="module")
def client(settings):
    return client_of(settings)


def test_a_held_file_is_sent_with_its_checksums(client):
    answer = client.get(PATH)
    assert (answer.status_code, answer.data == DATA) == (200, True)
    assert answer.headers["ETag"] == f'"{SHA256}"'
    assert answer.headers["Repr-Digest"] == answer.headers["Content-Digest"] == f"sha-256=:{DIGEST}:"
    assert answer.headers["Digest"] == f"SHA-256={DIGEST}"
    assert answer.headers["Accept-Ranges"] == "bytes"
    assert "rel=duplicate; pri=1" in answer.headers["Link"]


def test_a_page_of_an_archive_cannot_act_as_a_page_of_the_hub(client):
    headers = client.head(PATH).headers
    assert headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert headers["Content-Disposition"].startswith("attachment")
    assert headers["X-Content-Type-Options"] == "nosniff"


def test_a_head_has_the_length_and_no_body(client):
    answer = client.head(PATH)
    assert (answer.status_code, answer.content_length, answer.data) == (200, SIZE, b"")


@pytest.mark.parametrize(
    ("asked", "start", "stop"),
    [("0-0", 0, 1), ("1048570-1048590", 1_048_570, 1_048_591), ("2999990-", 2_999_990, SIZE), ("-10", SIZE - 10, SIZE),
     ("0-99999999", 0, SIZE), ("-99999999", 0, SIZE)],
)  # fmt: skip
def test_a_part_is_just_that_part(client, asked, start, stop):
    answer = client.get(PATH, headers={"Range": f"bytes={asked}"})
    assert (answer.status_code, answer.headers["Content-Range"]) == (206, f"bytes {start}-{stop - 1}/{SIZE}")
    assert answer.data == DATA[start:stop]
    assert answer.content_length == stop - start
    assert "Content-Digest" not in answer.headers


def test_several_parts_come_in_one_answer(client):
    answer = client.get(PATH, headers={"Range": "bytes=5-9,2000000-2000004,-3"})
    assert answer.status_code == 206
    assert answer.content_length == len(answer.data)
    message = email.message_from_bytes(f"Content-Type: {answer.content_type}\r\n\r\n".encode() + answer.data)
    parts = [(part["Content-Range"], part.get_payload(decode=True)) for part in message.get_payload()]  # type: ignore[union-attr]
    expected = [(5, 10), (2_000_000, 2_000_005), (SIZE - 3, SIZE)]
    assert [p[0] for p in parts] == [f"bytes {a}-{b - 1}/{SIZE}" for a, b in expected]
    for a, b in expected:
        assert b"\r\n\r\n" + DATA[a:b] + b"\r\n--" in answer.data


@pytest.mark.parametrize("asked", ["bytes=3000000-", "bytes=4000000-4000001"])
def test_a_part_beyond_the_end_is_refused_with_the_length(client, asked):
    answer = client.get(PATH, headers={"Range": asked})
    assert (answer.status_code, answer.headers["Content-Range"]) == (416, f"bytes */{SIZE}")


@pytest.mark.parametrize(
    "asked", ["lines=1-2", "bytes=9-5", "bytes=x", "bytes=" + ",".join(f"{n}-{n}" for n in range(0, 99, 2))]
)
def test_a_part_that_is_no_part_is_the_whole(client, asked):
    assert client.get(PATH, headers={"Range": asked}).status_code == 200


@pytest.mark.parametrize(("tag", "status"), [(f'"{SHA256}"', 206), ('"other"', 200), (f'W/"{SHA256}"', 200)])
def test_if_range_asks_whether_it_is_the_same_file(client, tag, status):
    assert client.get(PATH, headers={"Range": "bytes=0-4", "If-Range": tag}).status_code == status


def test_what_the_reader_has_is_not_sent_again(client):
    assert client.get(PATH, headers={"If-None-Match": f'"{SHA256}"'}).status_code == 304
    assert client.get(PATH, headers={"If-Match": '"other"'}).status_code == 412


def test_a_file_elsewhere_is_led_to_with_its_checksum_and_all_copies(client, host):
    answer = client.get("/data/bia/S-BIAD1/led.tif")
    assert (answer.status_code, answer.headers["Location"]) == (307, f"{host.url}S-BIAD1/led.tif")
    assert answer.headers["Digest"] == f"SHA-256={DIGEST}"
    assert (
        '/data/bia/S-BIAD1/led.tif.meta4>; rel=describedby; type="application/metalink4+xml"' in answer.headers["Link"]
    )
    assert client.get("/data/bia/S-BIAD1/led.tif?own=1").status_code == 404


def test_a_mirror_is_led_to_only_after_it_was_checked(settings, host):
    fresh = client_of(settings)
    address = "https://mirror.example.org/S-BIAD1/led.tif"
    assert address not in fresh.get("/data/bia/S-BIAD1/led.tif").headers["Link"]
    with opened(settings, MANNERS) as hosting:
        (mirror,) = [c for c in hosting.copies.copies(IRI, "led.tif") if c.host == "m2"]
        assert mirror.url == address
        hosting.copies.put_copy(replace(mirror, state=HEALTHY))
    answer = fresh.get("/data/bia/S-BIAD1/led.tif")
    assert answer.headers["Location"] == address
    assert f"<{host.url}S-BIAD1/led.tif>; rel=duplicate; pri=2" in answer.headers["Link"]
    with opened(settings, MANNERS) as hosting:
        hosting.copies.put_copy(replace(mirror, state=MISSING))
    assert fresh.get("/data/bia/S-BIAD1/led.tif").headers["Location"] == f"{host.url}S-BIAD1/led.tif"


def test_all_copies_are_a_metalink(client):
    answer = client.get(f"{PATH}.meta4")
    assert answer.content_type == "application/metalink4+xml"
    file = ET.fromstring(answer.data)[1]
    names = {child.tag.partition("}")[2]: child.text for child in file}
    assert (file.get("name"), names["size"], names["hash"]) == ("a b.html", str(SIZE), SHA256)
    urls = [child.text for child in file if child.tag.endswith("}url")]
    assert urls[0] == "http://localhost/data/bia/S-BIAD1/a%20b.html?own=1"
    assert len(set(urls)) == len(urls)


@pytest.mark.parametrize(
    "path", ["S-BIAD1/nothing", "S-BIAD1/https://evil.example/", "S-BIAD9/a", "S-BIAD1/..%2f..%2fetc/passwd"]
)
def test_nobody_is_led_to_what_is_not_registered(client, path):
    answer = client.get(f"/data/bia/{path}", follow_redirects=True)
    assert answer.status_code == 404
    assert "Location" not in answer.headers


def test_the_files_of_a_dataset_are_listed(client):
    told = client.get("/data/bia/S-BIAD1/?format=json").json
    assert [file["path"] for file in told["files"]] == ["a b.html", "led.tif"]
    assert told["files"][0]["sha256"] == SHA256
    assert {copy["host"] for copy in told["files"][0]["copies"]} == {"archive", "m2", "own"}
    page = client.get("/data/bia/S-BIAD1/", headers={"Accept": "text/html"})
    assert page.status_code == 200
    assert "Files of S-BIAD1" in page.text
    assert "a%20b.html" in page.text


def test_what_is_held_is_told_page_by_page_and_signed(client, settings):
    answer = client.get("/data/holdings?since=0&limit=1").json
    assert keys.is_signed(answer["statement"], answer["signature"], keys.own(settings.key_file).public)
    told = json.loads(answer["statement"])
    assert (told["hub"], told["since"], len(told["holdings"])) == ("hub", 0, 1)
    assert client.get("/data/holdings?since=x").status_code == 400
    assert client.get("/data/holdings?limit=0").status_code == 400


def test_a_region_is_preferred_when_it_is_asked_for(tmp_path, host):
    settings = made(tmp_path, host)
    hosts = {name: replace(one, region={"m1": "jp", "m2": "gb"}[name]) for name, one in settings.hosts.items()}
    settings = replace(settings, hosts=hosts)
    with opened(settings, MANNERS) as hosting:
        for copy in hosting.copies.copies(IRI, "a b.html"):
            hosting.copies.put_copy(replace(copy, state=HEALTHY))
    client = client_of(settings)
    assert client.get(PATH).status_code == 200
    assert client.get(f"{PATH}?region=gb").headers["Location"] == "https://mirror.example.org/S-BIAD1/a%20b.html"
    assert client.get(f"{PATH}?region=Britain").status_code == 400


def test_damage_in_the_beginning_leads_elsewhere_at_once(tmp_path, host):
    settings = made(tmp_path, host)
    damage(settings, 10)
    client = client_of(settings)
    answer = client.get(PATH)
    assert (answer.status_code, answer.headers["Location"]) == (307, f"{host.url}S-BIAD1/a%20b.html")
    with opened(settings, MANNERS) as hosting:
        assert [c.state for c in hosting.copies.copies(IRI, "a b.html") if c.host == "own"] == [CORRUPT]
        assert hosting.repair().repaired == 1
    assert client.get(PATH).data == DATA


def test_damage_further_on_is_never_sent(tmp_path, host, monkeypatch):
    monkeypatch.setattr(data, "SHORT_BYTES", 1)
    settings = made(tmp_path, host)
    damage(settings, 2_500_000)
    client = client_of(settings)
    came = b""
    answer = client.get(PATH, buffered=False)
    chunks = iter(answer.response)
    with suppress(BlobError):
        while True:
            came += next(chunks)
    assert DATA.startswith(came)
    assert len(came) < SIZE
    assert client.get(PATH).status_code == 307


def damage(settings: Settings, place: int) -> None:
    blob = settings.data_dir / "blobs" / "blobs" / SHA256[:2] / SHA256
    data = bytearray(blob.read_bytes())
    data[place] ^= 1
    blob.write_bytes(data)


def test_nothing_is_sent_when_nothing_is_in_good_order(tmp_path, host):
    settings = made(tmp_path, host)
    with opened(settings, MANNERS) as hosting:
        for copy in hosting.copies.copies(IRI, "led.tif"):
            hosting.copies.put_copy(replace(copy, state=MISSING))
    answer = client_of(settings).get("/data/bia/S-BIAD1/led.tif")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "600")


@pytest.mark.parametrize("state", ["withdrawn", "redacted"])
def test_files_of_what_is_gone_are_not_sent(tmp_path, host, state):
    settings = made(tmp_path, host)
    put(settings, dataset_of("S-BIAD1", []), state=state, action="withdraw")
    client = client_of(settings)
    assert {client.get(path).status_code for path in (PATH, "/data/bia/S-BIAD1/", f"{PATH}.meta4")} == {410}
