"""What readers see of a dataset that is suppressed, replaced, withdrawn or redacted."""

from __future__ import annotations

from pathlib import Path

import pytest
from werkzeug.test import Client

from hub import erasure, ingest
from hub.redactions import Decision
from hub.web.app import Hub
from tests.support import BASE, demo_settings, get, told

KEPT = ("idr0004", "idr0015", "idr0016", "idr0043", "idr0157")


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    """A hub in which each dataset but one is in another state."""
    settings = demo_settings(tmp_path_factory.mktemp("states"), ("idr",))
    for path in Path(settings.sources["idr"].url).iterdir():
        if not path.name.startswith(KEPT):
            path.unlink()
    ingest.harvest(settings, ["idr"])
    for action, name, successor in (
        ("suppress", "idr0157", None),
        ("replace", "idr0004", f"{BASE}dataset/idr/idr0015"),
        ("replace", "idr0015", f"{BASE}dataset/idr/idr0043"),
        ("redact", "idr0016", None),
    ):
        said = Decision(0, "2026-11-20T12:00:00Z", "Ada", action, f"{BASE}dataset/idr/{name}", None, "why", successor)
        erasure.decide(settings, said, ingest.publish)
    hub = Hub(settings)
    yield Client(hub)
    hub.close()


def test_a_suppressed_dataset_has_a_page_with_a_notice_and_is_in_no_list(client):
    page = get(client, "/dataset/idr/idr0157", "text/html")
    assert page.status_code == 200
    assert "suppressed" in page.text
    assert 'name="robots" content="noindex"' in page.text
    assert page.headers["X-Robots-Tag"] == "noindex"
    assert "Kristian Peters" in page.text
    assert "Kristian Peters" in get(client, "/dataset/idr/idr0157", "application/ld+json").text
    assert told(client, "/search?q=liverworts")["total"] == 0
    assert "idr0157" not in get(client, "/sitemap.xml").text
    assert "X-Robots-Tag" not in get(client, "/dataset/idr/idr0043", "text/html").headers


def test_sparql_finds_a_suppressed_dataset_only_where_its_graph_is_named(client):
    ask = "ASK {{ {0} <{1}dataset/idr/idr0157> <http://schema.org/name> ?name {2} }}"
    for query, expected in (
        (ask.format("", BASE, ""), False),
        (ask.format("GRAPH ?g {", BASE, "}"), True),
        (f"ASK {{ <{BASE}record/idr/idr0157#experiment-biosample-1> ?p ?o }}", False),
    ):
        answer = client.get("/sparql", query_string={"query": query}, headers={"Accept": "application/json"})
        assert answer.json["boolean"] is expected, query


def test_a_replaced_dataset_leads_to_the_last_of_the_chain(client):
    page = get(client, "/dataset/idr/idr0004", "text/html")
    assert page.status_code == 410
    assert "/dataset/idr/idr0043" in page.text
    assert f'<{BASE}dataset/idr/idr0043>; rel="successor-version"' in page.headers["Link"]
    gone = told(client, "/dataset/idr/idr0004", 410)["tombstone"]
    assert (gone["state"], gone["reason"], gone["replaced_by"]) == ("replaced", "why", f"{BASE}dataset/idr/idr0043")


def test_a_redacted_dataset_is_gone_with_reason_date_and_hash(client):
    gone = told(client, "/dataset/idr/idr0016", 410)["tombstone"]
    assert gone.keys() == {"state", "archive", "accession", "reason", "date", "sha256"}
    assert (gone["state"], gone["accession"], gone["reason"], len(gone["sha256"])) == ("redacted", "idr0016", "why", 64)
    page = get(client, "/dataset/idr/idr0016", "text/html")
    assert page.status_code == 410
    assert "idr0016 was redacted" in page.text
    record = get(client, "/record/idr/idr0016", "text/turtle").text
    assert "redacted" in record


def test_feeds_of_changes_tell_what_is_not_listed_as_gone(client):
    numbers = told(client, "/")
    assert numbers["counts"]["datasets"] == 1
