"""``/dumps/`` and ``/manifest``: listing, whole files and parts of them, hashes in headers, and what is not offered."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

import pytest
from werkzeug.test import Client, TestResponse

from hub import ingest
from hub.config import Settings
from hub.dumps import layout, make
from hub.dumps.layout import MANIFEST, RECORDS, Dump
from hub.log import Batch, Log
from hub.peers import documents, keys, standing
from hub.web.app import create_app
from tests.support import BASE, demo_settings, told


def get(client: Client, path: str, accept: str = "", **headers: str) -> TestResponse:
    """Ask for a page, and let go of the file that it is sent from."""
    return client.get(path, headers={"Accept": accept, **headers}, buffered=True)


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    made = demo_settings(tmp_path_factory.mktemp("web-dumps"), ("idr",), hub_name="eu")
    ingest.harvest(made, ["idr"])
    return made


@pytest.fixture(scope="module")
def client(settings: Settings) -> Iterator[Client]:
    app = create_app(settings)
    yield app.test_client()
    app.config["HUB_PUBLICATION"].close()


@pytest.fixture(scope="module")
def dump(settings: Settings) -> Dump:
    return make.make(settings)


def test_without_dumps_the_page_says_how_they_are_made(tmp_path_factory: pytest.TempPathFactory) -> None:
    client = create_app(demo_settings(tmp_path_factory.mktemp("none"))).test_client()
    assert "hub dumps make" in get(client, "/dumps/").text
    assert told(client, "/dumps/") == {"dumps": []}
    assert told(client, "/dumps/current/manifest.json", 404)["detail"] == "there is no dump current; there are none"


def test_dumps_are_listed_for_programs(client: Client, dump: Dump) -> None:
    (listed,) = told(client, "/dumps/")["dumps"]
    assert (listed["name"], listed["sequence"], listed["records"]) == (
        *(dump.name, dump.sequence),
        dump.manifest["records"],
    )
    assert [file["name"] for file in listed["files"]] == [file.name for file in dump.files]
    assert listed["files"][0]["url"].endswith(f"/dumps/{dump.name}/{dump.files[0].name}")
    assert told(client, f"/dumps/{dump.name}/") == listed


def test_dumps_are_listed_for_people(client: Client, dump: Dump) -> None:
    for path in ("/dumps/", f"/dumps/{dump.name}/", "/dumps/current/"):
        page = get(client, path, "text/html").text
        assert all(f'href="/dumps/{dump.name}/{file.name}"' in page for file in dump.files)


def test_a_file_comes_whole_with_its_hash(client: Client, dump: Dump) -> None:
    for file in dump.files:
        answer = get(client, f"/dumps/{dump.name}/{file.name}")
        assert hashlib.sha256(answer.data).hexdigest() == file.sha256
        assert answer.headers["Repr-Digest"] == f"sha-256=:{base64.b64encode(bytes.fromhex(file.sha256)).decode()}:"
        assert answer.headers["ETag"] == f'"{file.sha256}"'
        assert answer.headers["Accept-Ranges"] == "bytes"
        assert answer.mimetype == file.media_type
        assert "Content-Encoding" not in answer.headers


def test_a_part_of_a_file_comes_with_the_hash_of_the_whole(client: Client, dump: Dump) -> None:
    path = f"/dumps/{dump.name}/{RECORDS}"
    whole = get(client, path)
    part = get(client, path, **{"Range": "bytes=100-199", "If-Range": whole.headers["ETag"]})
    assert (part.status_code, part.data) == (206, whole.data[100:200])
    assert part.headers["Content-Range"] == f"bytes 100-199/{len(whole.data)}"
    assert part.headers["Repr-Digest"] == whole.headers["Repr-Digest"]
    changed = get(client, path, **{"Range": "bytes=100-199", "If-Range": '"another"'})
    assert (changed.status_code, changed.data) == (200, whole.data)
    assert get(client, path, Range=f"bytes={len(whole.data)}-").status_code == 416
    assert get(client, path, **{"If-None-Match": whole.headers["ETag"]}).status_code == 304
    head = client.head(path, buffered=True)
    assert (head.content_length, head.data) == (len(whole.data), b"")


def test_current_leads_to_the_newest_dump(client: Client, dump: Dump) -> None:
    answer = get(client, f"/dumps/current/{RECORDS}")
    assert (answer.status_code, answer.headers["Location"]) == (302, f"/dumps/{dump.name}/{RECORDS}")


def test_the_manifest_of_a_dump_is_the_file(client: Client, dump: Dump) -> None:
    answer = get(client, f"/dumps/{dump.name}/{MANIFEST}")
    assert answer.data == (dump.path / MANIFEST).read_bytes()
    assert answer.mimetype == "application/json"


@pytest.mark.parametrize(
    "path", ["/dumps/000999/", "/dumps/000999/manifest.json", "/dumps/x/y", "/dumps/%2e%2e/catalogue.sqlite"]
)
def test_what_is_not_there_is_not_found(client: Client, path: str) -> None:
    assert get(client, path).status_code == 404


def test_only_files_of_the_manifest_are_sent(client: Client, dump: Dump) -> None:
    (dump.path / "other").write_text("x")
    problem = told(client, f"/dumps/{dump.name}/other", 404)
    assert problem["detail"] == f"dump {dump.name} has no file other; its {MANIFEST} lists those that it has"


def test_the_manifest_of_what_is_served_is_signed(client: Client, settings: Settings) -> None:
    manifest = told(client, "/manifest")
    assert documents.is_genuine(manifest, keys.own(settings.key_file).public)
    with closing(Log(settings.database)) as log:
        held = standing.by_owner(log)["eu"]
        assert (manifest["sequence"], manifest["kind"], manifest["base"]) == (log.last_sequence(), "state", BASE)
    owner = manifest["owners"]["eu"]
    assert (owner["records"], owner["sha256"], owner["states"]) == (held.records, held.sha256, {"active": held.records})
    again = client.get("/manifest", headers={"If-None-Match": get(client, "/manifest").headers["ETag"]})
    assert again.status_code == 304


def test_a_dump_from_before_a_redaction_is_gone_but_for_its_manifest(settings: Settings, dump: Dump) -> None:
    client = create_app(settings).test_client()
    assert get(client, f"/dumps/{dump.name}/{RECORDS}").status_code == 200
    with closing(Log(settings.database)) as log:
        row = next(log.all_records())
        log.commit(Batch(records=[("redact", replace(row, state="withdrawn"))]), 1)
    assert get(client, f"/dumps/{dump.name}/{RECORDS}").status_code == 404
    assert get(client, f"/dumps/current/{RECORDS}").status_code == 404
    assert told(client, "/dumps/") == {"dumps": []}
    with closing(Log(settings.database)) as log:
        assert layout.drop_stale(settings, log) == [dump.name]
    assert json.loads(get(client, f"/dumps/{dump.name}/{MANIFEST}").text) == dump.manifest
