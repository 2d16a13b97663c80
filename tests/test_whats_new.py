"""What changed lately, by the log and over WSGI."""

from __future__ import annotations

import json
from collections.abc import Iterator
from xml.etree import ElementTree as ET

import pytest
import sqlalchemy as sa
from werkzeug.test import Client

from hub import whats_new
from hub.atom import NAMESPACE
from hub.config import Settings
from hub.ingest import harvest
from hub.log import Log, changes
from hub.web import whats_new as page
from hub.web.app import Hub
from hub.whats_new import Choice
from tests.support import BASE, demo_settings, get, told

OLD = "2001-02-03T04:05:06Z"
EVER = "2000-01-01T00:00:00Z"


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """All of IDR and EMPIAR came long ago; since, one dataset came, one changed, one went, in that order."""
    folder = tmp_path_factory.mktemp("hub")
    settings = demo_settings(folder, ("idr", "empiar"), deletion_guard=1.0)
    crates = sorted((folder / "idr").glob("*.json"))
    added, changed, gone = crates[:3]
    new = added.read_text(encoding="utf-8")
    added.unlink()
    harvest(settings, ["idr", "empiar"])
    age(settings)
    added.write_text(new, encoding="utf-8")
    harvest(settings, ["idr"])
    crate = json.loads(changed.read_text(encoding="utf-8"))
    next(node for node in crate["@graph"] if node["@type"] == "Dataset")["name"] = "<b>Renamed</b> & moved"
    changed.write_text(json.dumps(crate), encoding="utf-8")
    harvest(settings, ["idr"])
    gone.unlink()
    harvest(settings, ["idr"])
    return settings


def age(settings: Settings) -> None:
    """Let everything have happened long ago."""
    log = Log(settings.database)
    with log.engine.begin() as db:
        db.execute(sa.update(changes).values(at=OLD))
    log.close()


@pytest.fixture(scope="module")
def client(settings: Settings) -> Iterator[Client]:
    hub = Hub(settings)
    yield Client(hub)
    hub.close()


def told_of(settings: Settings, since: str, until: int = 10**9, **choice: object) -> whats_new.News:
    log = Log(settings.database)
    try:
        return whats_new.news(log, BASE, since, until, Choice(**choice))  # type: ignore[arg-type]
    finally:
        log.close()


def test_new_changed_and_withdrawn(settings: Settings) -> None:
    found = told_of(settings, "2002-01-01T00:00:00Z")
    assert [change.kind for change in found.changes] == ["withdrawn", "changed", "new"]
    assert found.counts == {"idr": {"new": 1, "changed": 1, "withdrawn": 1}}
    assert found.changes[1].title == "<b>Renamed</b> & moved"
    assert found.changes[0].dataset == f"{BASE}dataset/idr/{found.changes[0].accession}"


def test_a_dataset_is_told_once_by_what_became_of_it(settings: Settings) -> None:
    found = told_of(settings, EVER, per_page=1000)
    assert len({change.dataset for change in found.changes}) == len(found.changes) == found.total
    kinds = {kind: sum(of[kind] for of in found.counts.values()) for kind in whats_new.KINDS}
    assert kinds == {"new": found.total - 2, "changed": 0, "withdrawn": 2}  # one has always been obsolete


def test_choices_and_pages(settings: Settings) -> None:
    every = told_of(settings, EVER, per_page=1000)
    paged = [told_of(settings, EVER, page=number, per_page=2).changes for number in range(1, every.total // 2 + 2)]
    assert [change for part in paged for change in part] == every.changes
    assert {change.archive for change in told_of(settings, EVER, archive="empiar").changes} == {"empiar"}
    assert told_of(settings, EVER, kind="withdrawn", archive="idr").total == 1
    assert told_of(settings, EVER, archive="' OR 1=1 --").total == 0


def test_only_what_is_published(settings: Settings) -> None:
    first = min(change.sequence for change in told_of(settings, "2002-01-01T00:00:00Z").changes)
    assert [c.kind for c in told_of(settings, "2002-01-01T00:00:00Z", until=first).changes] == ["new"]


def test_page(client: Client) -> None:
    text = get(client, "/whats-new", "text/html").text
    assert "What changed this week" in text
    assert "&lt;b&gt;Renamed&lt;/b&gt; &amp; moved" in text
    assert 'href="/dataset/idr/' in text
    assert 'href="/whats-new?archive=idr&amp;kind=new"' in text
    assert "3 datasets</h2>" in text
    assert "1 dataset</h2>" in get(client, "/whats-new?kind=new", "text/html").text
    assert "None of this choice" in get(client, "/whats-new?archive=empiar", "text/html").text


def test_json(client: Client) -> None:
    known = told(client, "/whats-new")
    assert (known["total"], known["days"], known["page"], known["next"]) == (3, 7, 1, None)
    assert [change["kind"] for change in known["changes"]] == ["withdrawn", "changed", "new"]
    assert json.loads(get(client, "/whats-new.json?days=1", "").data)["changes"] == known["changes"]


def test_atom(client: Client) -> None:
    answer = get(client, "/whats-new.atom?kind=changed", "")
    assert answer.content_type == "application/atom+xml; charset=utf-8"
    feed = ET.fromstring(answer.data)
    (entry,) = feed.findall(f"{{{NAMESPACE}}}entry")
    assert entry.findtext(f"{{{NAMESPACE}}}title") == "<b>Renamed</b> & moved"
    assert (entry.findtext(f"{{{NAMESPACE}}}id") or "").startswith(f"{BASE}dataset/idr/")
    link = entry.find(f"{{{NAMESPACE}}}link")
    assert link is not None
    assert link.attrib["href"].startswith("http://localhost/dataset/idr/")
    assert feed.findtext(f"{{{NAMESPACE}}}id") == "http://localhost/whats-new.atom?kind=changed"
    assert get(client, "/whats-new.atom", "").headers["ETag"]


@pytest.mark.parametrize(
    ("asked", "status"),
    [("days=0", 400), ("days=91", 400), ("days=²", 400), ("days=x", 400), ("page=0", 400), ("kind=old", 400),
     ("page=2", 404), ("page=99999999999", 404)],
)  # fmt: skip
def test_what_cannot_be_asked(client: Client, asked: str, status: int) -> None:
    answer = get(client, f"/whats-new?{asked}", "application/json")
    assert answer.status_code == status
    assert answer.content_type == "application/problem+json"


def test_next_page(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page, "PER_PAGE", 2)
    hub = Hub(settings)
    try:
        first = told(Client(hub), "/whats-new")
        assert first["next"] == "/whats-new.json?page=2"
        assert len(told(Client(hub), first["next"])["changes"]) == 1
        assert "Page 1 of 2" in get(Client(hub), "/whats-new", "text/html").text
    finally:
        hub.close()
