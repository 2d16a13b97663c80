"""ResourceSync: lists that are true of the bytes that are served, and a client of others that copies the hub."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from werkzeug.test import Client

from hub.config import Settings
from hub.feeds import events
from hub.feeds.events import Measures
from hub.feeds.journal import Journal
from hub.feeds.resourcesync import SITEMAP, TERMS, Lists
from hub.ingest import harvest
from hub.peers import standing
from hub.web.app import Hub
from tests import feeds_hub
from tests.support import BASE, served

ROOT = "http://localhost"
NAMES = {"s": SITEMAP, "rs": TERMS}
RESYNC = Path(sys.executable).with_name("resync-sync")


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return feeds_hub.build(tmp_path_factory.mktemp("hub"))


@pytest.fixture(scope="module")
def client(settings: Settings) -> Iterator[Client]:
    hub = Hub(settings)
    yield Client(hub)
    hub.close()


@pytest.fixture
def journal(settings: Settings) -> Iterator[Journal]:
    with feeds_hub.reading(settings) as found:
        yield found


def lists(journal: Journal, part: int = 5) -> Lists:
    return Lists(journal, BASE, ROOT, Measures(), part=part)


def entries(document: bytes) -> list[dict[str, str]]:
    """Return what the entries of a document say: ``loc``, ``lastmod``, attributes of ``md``, and links by relation."""
    found = []
    for entry in [*ET.fromstring(document)]:
        if entry.tag not in (f"{{{SITEMAP}}}url", f"{{{SITEMAP}}}sitemap"):
            continue
        told = {"loc": entry.findtext("s:loc", "", NAMES), "lastmod": entry.findtext("s:lastmod", "", NAMES)}
        told |= {k: v for md in entry.findall("rs:md", NAMES) for k, v in md.attrib.items()}
        told |= {ln.attrib["rel"]: ln.attrib["href"] for ln in entry.findall("rs:ln", NAMES)}
        found.append(told)
    return found


def md(document: bytes) -> dict[str, str]:
    found = ET.fromstring(document).find("rs:md", NAMES)
    assert found is not None
    return found.attrib


def fetch(client: Client, address: str) -> bytes:
    answer = client.get(address.removeprefix(ROOT))
    assert answer.status_code == 200, address
    return answer.data


def listed(journal: Journal) -> dict[str, dict[str, str]]:
    """Return every entry of the resource list, by address."""
    found = {}
    for part in entries(lists(journal).resource_index()):
        until, number = part["loc"].removesuffix(".xml").split("/")[-2:]
        document = lists(journal).resource_list(int(until), int(number))
        assert document is not None
        found |= {entry["loc"]: entry for entry in entries(document)}
    return found


# --- documents


def test_description_leads_to_every_record(client: Client, journal: Journal) -> None:
    (source,) = entries(fetch(client, "/.well-known/resourcesync"))
    assert source["capability"] == "capabilitylist"
    capabilities = {entry["capability"]: entry["loc"] for entry in entries(fetch(client, source["loc"]))}
    assert set(capabilities) == {"resourcelist", "changelist"}
    parts = entries(fetch(client, capabilities["resourcelist"]))
    found = [entry["loc"] for part in parts for entry in entries(fetch(client, part["loc"]))]
    stand = [each for each in standing.everything(journal.log, journal.until) if each.state == "active"]
    assert sorted(found) == sorted(f"{ROOT}/{events.file_path(each.source, each.accession)}" for each in stand)


def test_lists_are_true_of_the_bytes_that_are_served(client: Client, journal: Journal) -> None:
    signed = {
        f"{ROOT}/{events.file_path(each.source, each.accession)}": each.sha256
        for each in standing.everything(journal.log, journal.until)
    }
    for address, entry in listed(journal).items():
        for place in (address, entry["memento"]):
            body = fetch(client, place)
            assert str(len(body)) == entry["length"]
            assert f"sha-256:{hashlib.sha256(body).hexdigest()}" == entry["hash"] == f"sha-256:{signed[address]}"
        answer = client.get(address.removeprefix(ROOT))
        assert answer.last_modified is not None
        assert answer.last_modified.strftime("%Y-%m-%dT%H:%M:%SZ") == entry["lastmod"]
        assert answer.mimetype == "application/n-triples" == entry["type"]


def test_a_list_of_an_earlier_change_stays_whole(journal: Journal) -> None:
    """Who reads the parts while the hub publishes gets those that the index spoke of."""
    before = Journal(journal.log, journal.until - 2)
    then = listed(before)
    parts = [part["loc"].removesuffix(".xml").split("/")[-2:] for part in entries(lists(before).resource_index())]
    later = [lists(journal).resource_list(int(until), int(number)) for until, number in parts]
    found = {entry["loc"]: entry for document in later for entry in entries(document or b"")}
    assert found == then
    assert len(listed(journal)) == len(then) - 1


def test_change_lists_tell_everything_in_order(journal: Journal) -> None:
    index = entries(lists(journal).change_index())
    documents = [lists(journal).change_list(number) for number in range(len(index))]
    told = [entry for document in documents for entry in entries(document or b"")]
    kinds = {"create": "created", "update": "updated", "delete": "deleted"}
    assert [entry["change"] for entry in told] == [kinds[events.kind(one)] for one in journal.since(0, 1000)]
    assert [entry["datetime"] for entry in told] == sorted(entry["datetime"] for entry in told)
    assert all("until" in md(document or b"") for document in documents[:-1])
    assert ("until" in md(documents[-1] or b"")) == (journal.until % 5 == 0)
    assert lists(journal).change_list(len(index)) is None


def test_the_list_of_the_latest_changes_is_open(journal: Journal) -> None:
    document = lists(journal).latest_changes(2)
    assert "until" not in md(document)
    assert [entry["change"] for entry in entries(document)] == ["updated", "deleted"]
    assert "hash" not in entries(document)[-1]


def test_what_is_erased_is_not_listed_and_not_served(tmp_path: Path) -> None:
    settings = feeds_hub.build(tmp_path)
    with feeds_hub.reading(settings) as journal:
        gone = next(one for one in journal.since(0, 1000) if events.kind(one) == "create")
        address = f"{ROOT}/{events.file_path(gone.source, gone.accession)}"
        assert address in listed(journal)
        numbers = [one.sequence for one in journal.since(0, 1000) if one.accession == gone.accession]
        for number in numbers:
            feeds_hub.erase(journal.log, number)
        assert address not in listed(journal)
        changes = entries(lists(journal, part=1000).change_list(0) or b"")
        assert {entry["change"] for entry in changes if entry["loc"] == address} == {"deleted"}
    hub = Hub(settings)
    try:
        for place in (address, f"{address.removesuffix('.nt')}/{numbers[0]}.nt"):
            assert Client(hub).get(place.removeprefix(ROOT)).status_code == 410
    finally:
        hub.close()


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/resource/idr/none.nt", 404),
        ("/resource/idr/idr0004/99999.nt", 404),
        ("/resource/idr/idr0004/x.nt", 404),
        ("/resource/bia/idr0004/1.nt", 404),
        ("/resourcelist/99999/0.xml", 404),
        ("/resourcelist/1/x.xml", 404),
        ("/changelist/99.xml", 404),
    ],
)
def test_what_is_not_there_is_not_found(client: Client, path: str, status: int) -> None:
    assert client.get(path).status_code == status


def test_a_record_that_went_is_gone_and_what_it_was_is_not(client: Client, journal: Journal) -> None:
    gone = journal.since(journal.until - 1, 1)[0]
    assert client.get(f"/{events.file_path(gone.source, gone.accession)}").status_code == 410
    first = next(one for one in journal.since(0, 1000) if one.accession == gone.accession)
    assert client.get(f"/{events.file_path(gone.source, gone.accession, first.sequence)}").status_code == 200


def test_a_known_file_is_not_sent_again(client: Client, journal: Journal) -> None:
    path = next(iter(listed(journal))).removeprefix(ROOT)
    first = client.get(path)
    assert client.get(path, headers={"If-None-Match": first.headers["ETag"]}).status_code == 304
    assert client.get(path, headers={"Range": "bytes=0-9"}).data == first.data[:10]


# --- a client of others


def resync(folder: Path, *words: str) -> str:
    command = [str(RESYNC), "--noauth", *words]
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder, timeout=60, check=False)
    assert not done.returncode, done.stderr
    return done.stdout + done.stderr


def copied(folder: Path) -> dict[str, str]:
    """Return the hashes of the files of a copy by their paths."""
    return {f.relative_to(folder).as_posix(): hashlib.sha256(f.read_bytes()).hexdigest() for f in folder.rglob("*.nt")}


def published(settings: Settings) -> dict[str, str]:
    """Return the hashes that owners signed of every record that is public, by the paths of their files."""
    with feeds_hub.reading(settings) as journal:
        stand = [each for each in standing.everything(journal.log, journal.until) if each.state == "active"]
        return {events.file_path(each.source, each.accession): each.sha256 for each in stand}


@pytest.mark.skipif(not RESYNC.exists(), reason="resync is not installed: pip install resync")
def test_resync_copies_the_hub_and_follows_it(tmp_path: Path) -> None:
    settings = feeds_hub.build(tmp_path)
    copy = tmp_path / "copy"
    with served(settings) as address:
        assert "SYNCED (same=0" in resync(tmp_path, "--baseline", "--hash", "sha-256", address, str(copy))
        assert copied(copy) == published(settings)
        assert " IN SYNC (same=" in (audit := resync(tmp_path, "--audit", "--hash", "sha-256", address, str(copy)))
        assert "NOT IN SYNC" not in audit
        feeds_hub.rename(tmp_path, 0, "Renamed twice")
        feeds_hub.remove(tmp_path, 1)
        harvest(settings, ["idr"])
        assert "NOT IN SYNC" in resync(tmp_path, "--audit", "--hash", "sha-256", address, str(copy))
        assert "CHANGES APPLIED" in resync(tmp_path, "--incremental", "--delete", address, str(copy))
        assert copied(copy) == published(settings)
        assert "NOT IN SYNC" not in resync(tmp_path, "--audit", "--hash", "sha-256", address, str(copy))
