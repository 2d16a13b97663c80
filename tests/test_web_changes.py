"""``/changes.atom``: every change once, from the feed back through its archives to the first."""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree import ElementTree as ET

import pytest
from werkzeug.test import Client

from hub.atom import HISTORY, NAMESPACE
from hub.config import Settings
from hub.web import changes
from hub.web.app import Hub
from tests import feeds_hub
from tests.support import BASE

ROOT = "http://localhost"
A = f"{{{NAMESPACE}}}"


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return feeds_hub.build(tmp_path_factory.mktemp("hub"))


@pytest.fixture
def client(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    """A hub with five changes to an archive."""
    monkeypatch.setattr(changes, "PER_ARCHIVE", 5)
    hub = Hub(settings)
    yield Client(hub)
    hub.close()


def feed(client: Client, path: str) -> ET.Element:
    answer = client.get(path.removeprefix(ROOT))
    assert answer.status_code == 200, path
    assert answer.mimetype == "application/atom+xml"
    return ET.fromstring(answer.data)


def links(node: ET.Element) -> dict[str, str]:
    return {link.attrib["rel"]: link.attrib["href"] for link in node.findall(f"{A}link")}


def numbers(document: ET.Element) -> list[int]:
    return [int(entry.findtext(f"{A}id", "").rpartition("/")[2]) for entry in document.findall(f"{A}entry")]


def test_archives_lead_back_to_the_first_change(client: Client) -> None:
    document = feed(client, "/changes.atom")
    assert document.find(f"{{{HISTORY}}}archive") is None
    until = max(numbers(document))
    assert numbers(document) == [*range(until, until - 5, -1)]
    found, addresses = set(numbers(document)), [f"{ROOT}/changes.atom"]
    while (before := links(document).get("prev-archive")) is not None:
        document = feed(client, before)
        assert document.find(f"{{{HISTORY}}}archive") is not None
        assert links(document)["current"] == f"{ROOT}/changes.atom"
        assert links(document)["self"] == before
        assert links(document).get("next-archive", f"{ROOT}/changes.atom") == addresses[-1]
        found |= set(numbers(document))
        addresses.append(before)
    assert found == {*range(1, until + 1)}


def test_entries_say_what_happened_when(client: Client) -> None:
    last, before = feed(client, "/changes.atom").findall(f"{A}entry")[:2]
    assert last.findtext(f"{A}id", "").startswith(f"{BASE}change/hub/")
    assert last.findtext(f"{A}title", "").endswith("(withdrawn)")
    assert before.findtext(f"{A}title") == "Renamed once (changed)"
    assert last.findtext(f"{A}updated") == before.findtext(f"{A}updated") == feeds_hub.SECOND
    assert links(before)["alternate"].startswith(f"{ROOT}/dataset/idr/")
    assert [one.attrib["term"] for one in last.findall(f"{A}category")] == ["delete", "idr"]


def test_an_archive_may_be_kept_once_its_next_one_is_there(client: Client) -> None:
    assert "immutable" in client.get("/changes/archive/0.atom").headers["Cache-Control"]
    assert "no-cache" in client.get("/changes.atom").headers["Cache-Control"]
    assert client.get("/changes/archive/99.atom").status_code == 404
    assert client.get("/changes/archive/x.atom").status_code == 404


def test_an_erased_title_is_not_told(tmp_path_factory: pytest.TempPathFactory) -> None:
    settings = feeds_hub.build(tmp_path_factory.mktemp("erased"))
    with feeds_hub.reading(settings) as journal:
        version = journal.since(0, 1)[0]
        feeds_hub.erase(journal.log, 1)
    hub = Hub(settings)
    try:
        entry = feed(Client(hub), "/changes.atom").findall(f"{A}entry")[-1]
        assert entry.findtext(f"{A}title") == f"{version.accession} (redacted)"
    finally:
        hub.close()
