"""What an operator erases or keeps back is told as deleted in every feed of changes, and its words are nowhere."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from pyoxigraph import RdfFormat, parse
from werkzeug.test import Client

from hub import erasure, ingest
from hub.config import Settings
from hub.feeds.ldes import KINDS, A
from hub.log import now
from hub.redactions import Action, Decision
from hub.web.app import Hub
from tests import feeds_hub
from tests.support import BASE

ERASED, KEPT_BACK = "idr0016", "idr0043"
FEEDS = ("/ldes/page/0", "/changelist.xml", "/changelist/000000.xml", "/changes.atom", "/resourcelist.xml")


def record_of(settings: Settings, accession: str) -> dict[str, str]:
    with feeds_hub.reading(settings) as journal:
        (row,) = journal.log.having_accession(accession)
        found: dict[str, str] = json.loads(row.record)
        return found


@pytest.fixture(scope="module")
def words() -> list[str]:
    """Filled with what the erased record said, before it is erased."""
    return []


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory, words: list[str]) -> Iterator[Client]:
    settings = feeds_hub.build(tmp_path_factory.mktemp("hub"))
    record = record_of(settings, ERASED)
    words += [record["name"], record["description"]]
    for action, accession in ((Action.REDACT, ERASED), (Action.SUPPRESS, KEPT_BACK)):
        iri = f"{BASE}dataset/idr/{accession}"
        decision = Decision(0, now(), "operator", action, iri, None, "a person asked for it")
        erasure.decide(settings, decision, ingest.publish)
    hub = Hub(settings)
    yield Client(hub)
    hub.close()


def kinds(client: Client, accession: str) -> list[str]:
    """Return what the stream tells of a record, in order."""
    quads = [*parse(client.get("/ldes/page/0").data, format=RdfFormat.TRIG)]
    record = f"{BASE}record/idr/{accession}"
    members = [q.subject for q in quads if getattr(q.object, "value", "") == record and "change/" in str(q.subject)]
    names = {kind: name for name, kind in KINDS.items()}
    return [names[q.object] for member in members for q in quads if (q.subject, q.predicate) == (member, A)]


def test_every_change_of_an_erased_record_is_a_delete(client: Client) -> None:
    assert set(kinds(client, ERASED)) == {"delete"}
    assert len(kinds(client, ERASED)) == 2


def test_words_of_an_erased_record_are_in_no_feed(client: Client, words: list[str]) -> None:
    for path in FEEDS:
        answer = client.get(path)
        assert answer.status_code == 200
        assert not [word for word in words if word in answer.text]
    assert client.get(f"/resource/idr/{ERASED}.nt").status_code == 410
    assert client.get(f"/resource/idr/{ERASED}/3.nt").status_code in (404, 410)


def test_what_is_kept_back_is_told_as_deleted(client: Client) -> None:
    assert kinds(client, KEPT_BACK) == ["create", "delete"]
    assert client.get(f"/resource/idr/{KEPT_BACK}.nt").status_code == 410
    listed = client.get(client.get("/resourcelist.xml").text.partition("<loc>http://localhost")[2].partition("<")[0])
    assert f"/{KEPT_BACK}.nt" not in listed.text
    assert f"/{ERASED}.nt" not in listed.text
