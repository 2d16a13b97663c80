"""Status pages over WSGI: freshness against the schedule, run history, rejections, every form."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
import sqlalchemy as sa
from markupsafe import escape
from werkzeug.test import Client

from hub import overview
from hub.atom import NAMESPACE
from hub.config import Settings
from hub.ingest import harvest
from hub.log import Log, Report, runs
from hub.web.app import Hub
from tests.support import demo_settings, get, told

HOSTILE = "<img onerror=alert(1)>-ro-crate-metadata.json"


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A hub with two complete sources, one entry of which is rejected, one that failed, and one that never ran."""
    folder = tmp_path_factory.mktemp("hub")
    settings = demo_settings(folder, ("idr", "empiar"), schedules={"idr": "daily", "empiar": "0 3 * * *"})
    (folder / "idr" / HOSTILE).write_text("{", encoding="utf-8")
    gone = replace(settings.sources["idr"], name="gone", url=str(folder / "gone"))
    never = replace(gone, name="never")
    settings = replace(settings, sources={**settings.sources, "gone": gone, "never": never})
    harvest(settings, ["idr", "empiar", "gone"])
    harvest(settings, ["idr"])
    return settings


@pytest.fixture(scope="module")
def client(settings: Settings) -> Iterator[Client]:
    hub = Hub(settings)
    yield Client(hub)
    hub.close()


def fresh(settings: Settings, later: timedelta = timedelta()) -> dict[str, dict[str, object]]:
    log = Log(settings.database)
    try:
        return {s["name"]: s for s in overview.freshness(settings, log, datetime.now(UTC) + later)}
    finally:
        log.close()


def test_freshness(settings: Settings) -> None:
    known = fresh(settings)
    assert {name: source["stale"] for name, source in known.items()} == dict.fromkeys(known, False)
    assert known["idr"]["as_of"] is not None
    assert known["idr"]["adds_up"] is True
    assert known["gone"]["as_of"] is None
    assert (known["never"]["last_run"], known["never"]["next_run"], known["never"]["age_s"]) == (None, None, None)
    for name, most in (("idr", timedelta(days=1, minutes=1)), ("empiar", timedelta(days=1))):
        assert timedelta() < datetime.fromisoformat(str(known[name]["next_run"])) - datetime.now(UTC) <= most


def test_stale_after_two_missed_harvests(settings: Settings) -> None:
    one, two = (fresh(settings, timedelta(days=days, minutes=5)) for days in (1, 2))
    assert (one["idr"]["stale"], two["idr"]["stale"], two["empiar"]["stale"]) == (False, True, True)
    assert two["gone"]["stale"] is False  # it is harvested by hand
    planned = replace(settings, schedules={"gone": "weekly"})
    assert fresh(planned)["gone"]["stale"] is True
    assert two["idr"]["next_run"] == datetime.fromisoformat(str(two["idr"]["next_run"])).strftime("%Y-%m-%dT%H:%M:%SZ")


def test_all_sources(client: Client) -> None:
    known = {source["name"]: source for source in told(client, "/status")["sources"]}
    assert known["idr"]["last_run"]["rejected"] == 1
    assert known["idr"]["rejected"][0]["entry"] == HOSTILE
    assert known["gone"]["last_run"]["state"] == "failed"
    page = get(client, "/status", "text/html").text
    assert 'href="/status/idr"' in page
    assert "gone stopped:" in page
    assert "never" in page


def test_one_source(client: Client) -> None:
    known = told(client, "/status/idr")
    assert [run["state"] for run in known["runs"]] == ["done", "done"]
    assert known["runs"][0]["number"] > known["runs"][1]["number"]
    assert all(run["adds_up"] for run in known["runs"])
    assert (known["run_count"], known["rejected_count"], known["next"]) == (2, 1, None)
    page = get(client, "/status/idr", "text/html").text
    assert "&lt;img onerror=alert(1)&gt;" in page
    assert "<img onerror" not in page
    assert json.loads(get(client, "/status/idr.json", "").data)["runs"] == known["runs"]


def test_a_source_that_failed_and_one_that_never_ran(client: Client) -> None:
    (run,) = told(client, "/status/gone")["runs"]
    assert escape(run["error"]) in get(client, "/status/gone", "text/html").text
    assert told(client, "/status/never")["runs"] == []
    assert "No run" in get(client, "/status/never", "text/html").text


def test_runs_as_atom(client: Client) -> None:
    answer = get(client, "/status/idr.atom", "")
    assert answer.content_type == "application/atom+xml; charset=utf-8"
    feed = ET.fromstring(answer.data)
    entries = feed.findall(f"{{{NAMESPACE}}}entry")
    assert [e.findtext(f"{{{NAMESPACE}}}title") for e in entries] == ["idr: done", "idr: done"]
    assert "1 rejected" in (entries[0].findtext(f"{{{NAMESPACE}}}summary") or "")
    link = entries[0].find(f"{{{NAMESPACE}}}link")
    assert link is not None
    assert link.attrib["href"] == "http://localhost/status/idr"


@pytest.mark.parametrize(("path", "said"), [("/status/nothing", "no source"), ("/status/idr?page=2", "no page 2"),
                                            ("/status/idr?page=0", "no page 0")])  # fmt: skip
def test_what_is_not_there(client: Client, path: str, said: str) -> None:
    answer = get(client, path, "application/json")
    assert answer.status_code == 404
    assert said in answer.text


def test_held_many_runs_and_a_source_that_is_no_longer_configured(tmp_path: Path) -> None:
    settings = demo_settings(tmp_path, ("idr",))
    harvest(settings, ["idr"])
    log = Log(settings.database)
    for _ in range(60):
        log.finish_run(log.start_run("old"), Report(listed=3, unchanged=2, held=2))
    with log.engine.begin() as db:
        db.execute(sa.update(runs).where(runs.c.number == 30).values(state="interrupted"))
    log.close()
    settings = replace(settings, sources={**settings.sources, "old": settings.sources["idr"]})
    hub = Hub(settings)
    client = Client(hub)
    try:
        page = get(client, "/status/old", "text/html").text
        assert "2 records vanished" in page
        assert "does not add up" in page
        first, second = told(client, "/status/old"), told(client, "/status/old?page=2")
        assert (len(first["runs"]), len(second["runs"]), first["next"]) == (50, 10, "/status/old.json?page=2")
    finally:
        hub.close()
    hub = Hub(replace(settings, sources={}))
    try:
        assert "no longer configured" in get(Client(hub), "/status/old", "text/html").text
    finally:
        hub.close()
