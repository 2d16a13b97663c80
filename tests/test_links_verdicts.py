"""One link on the web, and curators' words by token."""

from __future__ import annotations

import dataclasses
import hashlib
import json

import pytest
from pyoxigraph import RdfFormat, parse

from hub import maintenance
from hub.config import Curator, Settings, load
from hub.errors import ConfigError
from hub.ingest import harvest
from hub.links import engine
from hub.links.catalogue import Links
from hub.log import Log
from hub.web.app import create_app
from tests.support import BASE, demo_settings
from tests.test_links_view import NEIGHBOURS

ADA, BEA = "https://orcid.org/0000-0002-1825-0097", "https://orcid.org/0000-0001-5109-3700"
MENTIONS = "http://schema.org/mentions"


def curator(name, orcid):
    return Curator(name, orcid, hashlib.sha256(f"token of {name}".encode()).hexdigest())


@pytest.fixture(scope="module")
def settings(tmp_path_factory) -> Settings:
    made = demo_settings(tmp_path_factory.mktemp("verdicts"), ("bia",))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine, "discover", lambda: ({"neighbours": NEIGHBOURS}, {}))
        harvest(made, ["bia"])
    return dataclasses.replace(made, curators={"ada": curator("ada", ADA), "bea": curator("bea", BEA)})


@pytest.fixture(scope="module")
def client(settings):
    made = create_app(settings)
    yield made.test_client()
    made.config["HUB_PUBLICATION"].close()


@pytest.fixture
def ids(settings):
    log = Log(settings.database)
    found = [r.id for r in Links(log).all_links() if r.kind == "link" and r.status == "fact"]
    log.close()
    return found


def post(client, path, body, who="ada"):
    headers = {"Authorization": f"Bearer token of {who}"} if who else {}
    return client.post(path, json=body, headers=headers)


def test_a_link_in_every_form(client, ids):
    page = client.get(f"/link/{ids[0]}", headers={"Accept": "text/html"})
    assert page.status_code == 200
    assert "neighbours" in page.text
    assert "imaging" in page.text
    told = client.get(f"/link/{ids[0]}.json").get_json()
    assert (told["rule"], told["status"], told["history"][0]["action"]) == ("neighbours", "fact", "create")
    for suffix, form in (("ttl", RdfFormat.TURTLE), ("jsonld", RdfFormat.JSON_LD)):
        quads = list(parse(client.get(f"/link/{ids[0]}.{suffix}").data, format=form))
        said = {q.predicate.value.rpartition("#")[2]: q.object.value for q in quads}
        assert said["subject"] == told["subject"]
        assert said["linkRule"] == f"{BASE}rule/neighbours"
    again = client.get(f"/link/{ids[0]}", headers={"Accept": "text/html", "If-None-Match": page.headers["ETag"]})
    assert again.status_code == 304
    assert client.get("/link/0000000000000000").status_code == 404
    assert client.get(f"/link/{ids[0]}", headers={"Accept": "image/png"}).status_code == 406


def test_a_rule_has_a_page(client):
    assert "records one after another" in client.get("/rule/neighbours", headers={"Accept": "text/html"}).text


def test_a_verdict_is_kept_and_followed_by_the_next_update(client, settings, ids, monkeypatch):
    monkeypatch.setattr(engine, "discover", lambda: ({"neighbours": NEIGHBOURS}, {}))
    path = f"/links/{ids[0]}/verdict"
    said = post(client, path, {"verdict": "reject", "note": "not the same <b>"})
    assert said.status_code == 202
    assert (said.get_json()["attributed_to"], said.get_json()["id"]) == (ADA, ids[0])
    assert "next harvest" in said.get_json()["follows"]
    assert client.get(f"/link/{ids[0]}.json").get_json()["status"] == "fact"
    assert post(client, path, {"verdict": "reject"}).status_code == 409
    assert post(client, path, {"verdict": "withdraw"}, "bea").status_code == 403
    maintenance.update_links(settings)
    told = client.get(f"/link/{ids[0]}.json").get_json()
    assert (told["status"], told["attributed_to"]) == ("rejected", ADA)
    assert "&lt;b&gt;" in client.get(f"/link/{ids[0]}", headers={"Accept": "text/html"}).text
    assert post(client, path, {"verdict": "accept"}, "bea").status_code == 202
    assert post(client, path, {"verdict": "withdraw"}, "bea").status_code == 202
    maintenance.update_links(settings)
    assert client.get(f"/link/{ids[0]}.json").get_json()["status"] == "fact"


def test_a_link_is_added_and_when_taken_back_it_is_gone(client, settings, monkeypatch):
    monkeypatch.setattr(engine, "discover", lambda: ({"neighbours": NEIGHBOURS}, {}))
    body = {"subject": f"{BASE}dataset/bia/S-BIAD824", "predicate": MENTIONS, "object": "https://e.org/x"}
    said = post(client, "/links", body)
    assert said.status_code == 202
    id = said.get_json()["id"]
    assert client.get(f"/link/{id}").status_code == 404  # not before the next update
    assert post(client, "/links", body).status_code == 409
    maintenance.update_links(settings)
    assert client.get(f"/link/{id}.json").get_json()["rule"] == "curated"
    assert post(client, f"/links/{id}/verdict", {"verdict": "withdraw"}).status_code == 202
    maintenance.update_links(settings)
    gone = client.get(f"/link/{id}.json")
    assert (gone.status_code, gone.get_json()["status"]) == (410, "gone")
    assert post(client, f"/links/{id}/verdict", {"verdict": "accept"}).status_code == 409


@pytest.mark.parametrize(
    ("header", "says"),
    [
        (None, "send your token"),
        ("Basic YTpi", "send your token"),
        ("Bearer ", "send your token"),
        ("Bearer x", "no curator"),
    ],
)
def test_who_is_no_curator_is_told_so(client, ids, header, says):
    headers = {"Authorization": header} if header else {}
    said = client.post(f"/links/{ids[0]}/verdict", json={"verdict": "reject"}, headers=headers)
    assert said.status_code == 401
    assert said.content_type == "application/problem+json"
    assert said.headers["WWW-Authenticate"].startswith("Bearer")
    assert says in said.get_json(force=True)["detail"]


@pytest.mark.parametrize(
    ("path", "body", "status", "says"),
    [
        ("/links/{id}/verdict", {"verdict": "maybe"}, 422, "verdict: 'maybe'"),
        ("/links/{id}/verdict", {}, 422, "verdict: is missing"),
        ("/links/{id}/verdict", {"verdict": 1}, 422, "verdict: write a text"),
        ("/links/{id}/verdict", ["reject"], 422, "body: "),
        ("/links/{id}/verdict", {"verdict": "reject", "by": "x"}, 422, "by: is unknown"),
        ("/links/{id}/verdict", {"verdict": "reject", "note": "ask a@e.org"}, 422, "note: "),
        ("/links/{id}/verdict", {"verdict": "withdraw"}, 409, "nothing to withdraw"),
        ("/links/0000000000000000/verdict", {"verdict": "reject"}, 404, "no link"),
        ("/links", {"subject": "x", "predicate": MENTIONS, "object": "https://e.org/x"}, 422, "subject: "),
    ],
)
def test_what_cannot_be_said_is_refused_with_a_problem(client, ids, path, body, status, says):
    said = post(client, path.format(id=ids[-1]), body)
    assert (said.status_code, said.content_type) == (status, "application/problem+json")
    assert says in json.loads(said.data)["detail"]


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ('orcid = "0000-0002-1825-0097"', "needs orcid, token_sha256"),
        ('orcid = "0000-0002-1825-0098"\ntoken_sha256 = "' + "0" * 64 + '"', "orcid: "),
        ('orcid = "0000-0002-1825-0097"\ntoken_sha256 = "secret"', "hub curator token"),
        ('orcid = "0000-0002-1825-0097"\ntoken_sha256 = "' + "0" * 64 + '"\ntoken = "x"', "never the token itself"),
    ],
)
def test_settings_of_a_curator_are_checked(tmp_path, table, says):
    (tmp_path / "hub.toml").write_text(f"[curators.ada]\n{table}\n")
    with pytest.raises(ConfigError, match=r"\[curators.ada\]") as told:
        load(str(tmp_path / "hub.toml"), environ={})
    assert says in str(told.value)


def test_a_curator_of_the_settings(tmp_path):
    (tmp_path / "hub.toml").write_text(f'[curators.ada]\norcid = "0000-0002-1825-0097"\ntoken_sha256 = "{"0" * 64}"\n')
    assert load(str(tmp_path / "hub.toml"), environ={}).curators == {"ada": Curator("ada", ADA, "0" * 64)}


def test_the_status_page_counts_links_by_rule(client):
    assert "records one after another" in client.get("/status", headers={"Accept": "text/html"}).text
    (told,) = (r for r in client.get("/status?format=json").get_json()["links"] if r["rule"] == "neighbours")
    assert told["facts"] > 0
