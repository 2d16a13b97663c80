"""The feed of links and the exports over HTTP."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import jsonschema
import pytest
from pyoxigraph import RdfFormat, parse
from werkzeug.test import Client
from werkzeug.wrappers import Response

from hub.config import Settings
from hub.ingest import harvest
from hub.links import verdicts
from hub.links.catalogue import Links
from hub.links.exports import EXPORTS
from hub.log import Log
from hub.maintenance import update_links
from hub.web import exports
from hub.web import links as web
from hub.web.app import Hub
from tests.support import BASE, demo_settings
from tests.test_exports import SCHEMAS, valid

MENTIONS = "http://schema.org/mentions"


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    made = demo_settings(tmp_path_factory.mktemp("feed"), ("bia", "idr", "ssbd", "empiar"))
    harvest(made, list(made.sources))
    return made


@pytest.fixture(scope="module")
def client(settings: Settings) -> Iterator[Client]:
    hub = Hub(settings)
    yield Client(hub, Response)
    hub.publication.close()


def told(client: Client, path: str, status: int = 200) -> Any:
    answer = client.get(path, headers={"Accept": "application/json"})
    assert answer.status_code == status, answer.text
    return json.loads(answer.text)


def follow(client: Client, path: str) -> tuple[list[dict[str, Any]], str]:
    """Follow `next` to the end; what came, and the last cursor."""
    found = []
    page = told(client, path)
    while True:
        found += page["links"]
        if page["complete"]:
            assert page["next"] is None
            return found, page["cursor"]
        parts = urlsplit(page["next"])
        page = told(client, f"{parts.path}?{parts.query}")


def stands(settings: Settings) -> set[str]:
    log = Log(settings.database)
    try:
        return {r.id for r in Links(log).all_links() if r.kind == "link" and r.status == "fact"}
    finally:
        log.close()


def test_the_pages_together_have_every_fact_once(client, settings) -> None:
    found, _ = follow(client, "/links?limit=100")
    assert len(found) > 300
    assert {one["id"] for one in found} == stands(settings)
    assert len({one["id"] for one in found}) == len(found)
    assert [one["sequence"] for one in found] == sorted(one["sequence"] for one in found)
    for one in found[:3]:
        assert told(client, urlsplit(one["iri"]).path)["id"] == one["id"]


def ends(one: dict[str, Any]) -> tuple[str, ...]:
    return ("subject", "object") if one["symmetric"] else ("subject",)


@pytest.mark.parametrize(
    ("query", "holds"),
    [
        ("subject-ns=idr", lambda one: any(f"{BASE}dataset/idr/" in one[end] for end in ends(one))),
        ("object-ns=doi,pubmed", lambda one: re.match("doi:|pubmed:", one["object_curie"])),
        ("object-ns=ncbitaxon&subject-ns=bia", lambda one: one["object_curie"].startswith("ncbitaxon:")),
        ("predicate=schema:citation", lambda one: one["predicate"] == "http://schema.org/citation"),
        ("rule=asserted", lambda one: one["rule"] == "asserted"),
        ("archive=empiar", lambda one: f"{BASE}dataset/empiar/" in one["subject"] + one["object"]),
        ("subject=idr0015", lambda one: any(one[end].endswith("/idr0015") for end in ends(one))),
        ("object=doi:10.7554/eLife.26066", lambda one: one["object"] == "https://doi.org/10.7554/elife.26066"),
        ("object=https://doi.org/10.7554/elife.26066", lambda one: one["object_curie"] == "doi:10.7554/elife.26066"),
        ("min-confidence=0.99", lambda one: one["confidence"] >= 0.99),
        ("status=candidate", lambda one: one["status"] == "candidate"),
    ],
)
def test_filters(client, settings, query, holds) -> None:
    found, _ = follow(client, f"/links?limit=500&{query}")
    assert all(holds(one) for one in found)
    everything, _ = follow(client, "/links?limit=5000&status=fact,candidate")
    facts = [one for one in everything if one["status"] == ("candidate" if "candidate" in query else "fact")]
    assert {one["id"] for one in found} == {one["id"] for one in facts if holds(one)} or "&subject-ns" in query
    assert found or query == "status=candidate"


def test_what_changes_comes_after_the_cursor_and_what_is_gone_is_told(client, settings) -> None:
    found, cursor = follow(client, "/links?rule=asserted&predicate=schema:citation")
    log = Log(settings.database)
    verdicts.judge(Links(log), found[0]["id"], "reject", "Ada Lovelace")
    log.close()
    update_links(settings)
    (gone,), after = follow(client, f"/links?rule=asserted&predicate=schema:citation&since={cursor}")
    assert (gone["action"], gone["id"]) == ("delete", found[0]["id"])
    for form, mark in (("csv", "delete,"), ("nq", "Tombstone"), ("jsonld", "Tombstone")):
        page = client.get(f"/links?rule=asserted&predicate=schema:citation&since={cursor}&format={form}")
        assert mark in page.text
    log = Log(settings.database)
    verdicts.judge(Links(log), found[0]["id"], "withdraw", "Ada Lovelace")
    log.close()
    update_links(settings)
    (again,), _ = follow(client, f"/links?rule=asserted&predicate=schema:citation&since={after}")
    assert (again["action"], again["status"]) == ("update", "fact")


def test_an_added_link_is_there_by_its_curator(client, settings) -> None:
    log = Log(settings.database)
    verdicts.add(Links(log), (f"{BASE}dataset/idr/idr0015", MENTIONS, "https://e.org/x"), "0000-0002-1825-0097")
    log.close()
    update_links(settings)
    ((link,), _) = follow(client, "/links?rule=curated")
    assert link["attributed_to"] == "https://orcid.org/0000-0002-1825-0097"


@pytest.mark.parametrize(
    ("query", "status", "says"),
    [
        ("since=nonsense", 400, "since: this is no cursor"),
        ("limit=0", 400, "limit"),
        ("limit=99999", 400, "limit"),
        ("status=gone", 400, "status"),
        ("archive=nowhere", 400, "archive"),
        ("min-confidence=2", 400, "min-confidence"),
        ("min-confidence=nan", 400, "min-confidence"),
        ("subject=%3Cscript%3E", 400, "no IRI"),
        ("predicate=what", 400, "predicate"),
        ("colour=red", 400, "colour"),
        ("format=xlsx", 406, "format"),
        ("rule=" + ",".join("a" * 60), 400, "at most 50"),
    ],
)
def test_what_cannot_be_answered_is_refused(client, query, status, says) -> None:
    answer = told(client, f"/links?{query}", status)
    assert says in answer["detail"]


def test_a_cursor_of_a_hub_that_was_set_up_anew_is_gone(client, tmp_path) -> None:
    other = demo_settings(tmp_path, ("ssbd",))
    harvest(other, ["ssbd"])
    hub = Hub(other)
    cursor = told(client, "/links?limit=2")["cursor"]
    answer = told(Client(hub, Response), f"/links?limit=2&since={cursor}", 410)
    assert "start again without since" in answer["detail"]
    hub.publication.close()


def test_every_format_by_name_and_by_accept(client) -> None:
    for accept, name in (
        ("application/json", "json"), ("text/html", "html"), ("text/csv", "csv"), ("application/n-quads", "nq"),
        ("application/ld+json", "jsonld"), ("application/x-ndjson", "scholix"), ("text/tab-separated-values", "sssom"),
    ):  # fmt: skip
        answer = client.get("/links?limit=50", headers={"Accept": accept})
        assert (answer.status_code, answer.mimetype) == (200, accept)
        assert client.get(f"/links?limit=50&format={name}").mimetype == accept
    assert client.get("/links").mimetype == "application/json"


def test_the_formats_say_the_same(client) -> None:
    query = "/links?predicate=schema:citation&rule=asserted&limit=500&format="
    links = json.loads(client.get(query + "json").text)["links"]
    wanted = {(one["subject"], one["object"]) for one in links}
    rows = list(csv.DictReader(io.StringIO(client.get(query + "csv").text)))
    assert {(r["subject"], r["object"]) for r in rows} == wanted
    for name, form in (("nq", RdfFormat.N_QUADS), ("jsonld", RdfFormat.JSON_LD)):
        quads = list(parse(client.get(query + name).data, format=form))
        ends = [
            {q.subject: q.object.value for q in quads if q.predicate.value.endswith(f"#{e}")}
            for e in ("subject", "object")
        ]
        assert {(ends[0][node], ends[1][node]) for node in ends[0]} == wanted
    schema = json.loads((SCHEMAS / "scholix-v4.json").read_text())
    scholix = [json.loads(line) for line in client.get(query + "scholix").text.splitlines()]
    for one in scholix:
        jsonschema.Draft202012Validator(schema).validate(one)
    assert {one["Source"]["Identifier"][0]["IDURL"] for one in scholix} == {subject for subject, _ in wanted}
    sameness = client.get("/links?rule=sameness&format=sssom").text
    assert "hub:sameStudyAs" in sameness


def test_headers(client) -> None:
    answer = client.get("/links?limit=2&archive=idr")
    assert re.search(r'<http://localhost/links\?limit=2&archive=idr&since=[\w-]+>; rel="next"', answer.headers["Link"])
    assert answer.headers["X-Hub-Cursor"] == json.loads(answer.text)["cursor"]
    assert answer.last_modified
    known = {"If-None-Match": answer.headers["ETag"]}
    assert client.get("/links?limit=2&archive=idr", headers=known).status_code == 304
    end = client.get("/links?limit=10000&archive=idr")
    assert 'rel="next"' not in end.headers["Link"]
    assert 'rel="monitor"' in end.headers["Link"]


def test_the_page_for_people_links_to_evidence_and_to_more(client) -> None:
    page = client.get("/links?subject=idr0015&limit=3", headers={"Accept": "text/html"}).text
    assert re.search(r'href="/link/[0-9a-f]{16}"', page)
    assert 'rel="next"' in page
    assert "/dataset/idr/idr0015" in page
    empty = client.get("/links?subject=idr9999", headers={"Accept": "text/html"}).text
    assert "No link is of this kind" in empty


def test_parameters_are_known_to_the_page(client) -> None:
    for name in web.PARAMETERS:
        assert client.get(f"/links?{name}=").status_code in (200, 400, 406)


# --- exports


@pytest.mark.parametrize("name", EXPORTS)
def test_an_export_is_whole_and_has_a_length(client, name) -> None:
    export = EXPORTS[name]
    answer = client.get(f"/exports/{export.file}?provider=7")
    assert answer.status_code == 200
    assert answer.content_length == len(answer.data) > 0
    assert answer.headers["Content-Type"] == export.media_type
    same = client.get(f"/exports/{export.file}?provider=7", headers={"If-None-Match": answer.headers["ETag"]})
    assert (same.status_code, same.data) == (304, b"")
    assert client.head(f"/exports/{export.file}").data == b""


def test_xml_exports_of_the_sample_are_valid(client) -> None:
    links = valid("labslink.xsd", client.get("/exports/labslink.xml?provider=7").text)
    assert {link.get("providerId") for link in links} == {"7"}
    entries = valid("ebi-search.xsd", client.get("/exports/ebi-search.xml").text)
    assert entries.findtext("entry_count") == str(len(entries.find("entries")))


def test_the_list_of_exports(client) -> None:
    assert {one["name"] for one in told(client, "/exports/")} == set(EXPORTS)
    page = client.get("/exports/", headers={"Accept": "text/html"}).text
    assert all(f'href="/exports/{one.file}"' in page for one in EXPORTS.values())
    assert "there is no export" in told(client, "/exports/nothing.xml", 404)["detail"]
    assert "provider" in told(client, "/exports/labslink.xml?provider=x", 400)["detail"]


def test_an_export_is_made_once_for_a_state() -> None:
    made = exports.Made()
    first = made.get(("a", "0"), "1", lambda: iter(["x" * exports.PIECE_BYTES, "é"]))
    assert b"".join(first.pieces()) == b"x" * exports.PIECE_BYTES + "é".encode()
    assert made.get(("a", "0"), "1", lambda: iter([])) is first
    assert made.get(("a", "0"), "2", lambda: iter(["new"])).size == 3
    for n in range(exports.MAX_KEPT):
        made.get(("b", str(n)), "2", lambda: iter([""]))
    assert made.get(("a", "0"), "2", lambda: iter(["newer"])).size == 5
    assert b"".join(first.pieces()).startswith(b"x")  # who still reads it, reads it to the end
