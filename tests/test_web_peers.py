"""What a hub tells other hubs, and people about them: signed, bounded, never more than is published."""

import json
from contextlib import closing
from dataclasses import replace

import pytest
from typer.testing import CliRunner

from hub import cli, records
from hub.config import Peer
from hub.errors import HubError
from hub.log import Batch, Log, now
from hub.peers import documents, hello, keys, pages, wire
from hub.peers.trust import Kind, Refusal, Trust
from hub.web.app import create_app
from tests.peers_support import hub_of
from tests.support import get, told


@pytest.fixture(scope="module")
def eu(tmp_path_factory):
    return hub_of(tmp_path_factory.mktemp("eu"), "eu", ("idr",))


@pytest.fixture(scope="module")
def client(eu):
    app = create_app(replace(eu, peers={"us": Peer("us", "https://us.example")}))
    yield app.test_client()
    app.config["HUB_PUBLICATION"].close()


def test_a_hub_introduces_itself_and_signs_it(eu, client):
    said = told(client, "/.well-known/hub")
    found = hello.read(said)
    assert (found.name, found.base, found.sequence) == ("eu", eu.base_iri, 14)
    assert documents.is_genuine(said, keys.own(eu.key_file).public)
    assert not documents.is_genuine({**said, "sequence": 15}, found.key)
    assert not documents.is_genuine({**said, "signature": None}, found.key)
    assert found.owners["eu"].held.records == 14
    assert found.policy == eu.mirror_policy
    assert said["feeds"]["changes"] == "/changes"


def test_pages_of_the_log_lead_to_each_other_and_end(client):
    at, numbers = 0, []
    while True:
        page = told(client, f"/changes?since={at}&limit=4")
        numbers += [wire.from_json(one).number for one in page["changes"]]
        at = page["next"]
        if page["complete"]:
            break
    assert numbers == list(range(1, 15))
    assert (at, page["last"]) == (14, 14)


def test_a_whole_page_may_be_kept_and_the_last_one_not(client):
    whole, last = get(client, "/changes?limit=4&owner=eu"), get(client, "/changes?since=12")
    assert whole.headers["Cache-Control"] == "public, max-age=3600"
    assert whole.headers["Link"] == '</changes?since=4&limit=4&owner=eu>; rel="next"'
    assert last.headers["Cache-Control"] == "no-cache"
    assert "Link" not in last.headers
    again = client.get("/changes?since=12", headers={"If-None-Match": last.headers["ETag"]})
    assert again.status_code == 304


def test_pages_are_coded_as_the_caller_likes(client):
    coded = client.get("/changes", headers={"Accept-Encoding": "gzip"})
    plain = client.get("/changes")
    assert coded.headers["Content-Encoding"] == "gzip"
    assert len(coded.data) < len(plain.data) / 3
    assert coded.headers["ETag"] != plain.headers["ETag"]


def test_a_page_is_bounded_by_its_length_too(eu, monkeypatch):
    monkeypatch.setattr(pages, "PAGE_CHARS", 1)
    with closing(Log(eu.database)) as log:
        page = pages.changes(log, eu.base_iri, "eu", 14, 3, 500, set())
    assert (len(page["changes"]), page["next"], page["complete"]) == (1, 4, False)


def test_changes_of_others_are_left_out_where_one_owner_is_asked_for(client):
    page = told(client, "/changes?owner=asia")
    assert (page["changes"], page["next"], page["complete"]) == ([], 14, True)


def test_nothing_is_told_before_it_is_published(eu, client):
    with closing(Log(eu.database)) as log:
        row = log.record("idr", "idr0004")
        log.commit(Batch(records=[("update", replace(row, changed=now()))]), 1)
        assert log.last_sequence() == 15
    assert told(client, "/changes")["last"] == 14
    assert told(client, "/.well-known/hub")["owners"]["eu"]["sequence"] == 14


def test_buckets_hold_every_record_once(client):
    found = told(client, "/federation/records?owner=eu")["buckets"]
    names = sorted(found)
    parts = [names[start : start + 16] for start in range(0, len(names), 16)]
    listed = [one for part in parts for one in told(client, f"/federation/records?bucket={','.join(part)}")["records"]]
    assert len(listed) == sum(one["records"] for one in found.values()) == 14
    assert {(one["hub"], one["source"], one["state"]) for one in listed} == {("eu", "idr", "active")}


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("/changes?since=x", "since: 'x' is not a number"),
        ("/changes?since=-1", "since"),
        ("/changes?limit=0", "limit"),
        ("/changes?limit=1001", "1 to 1000"),
        ("/changes?since=99999999999999999999", "since"),
        ("/changes?owner=EU", "owner"),
        ("/changes?from=1", "from: there is no such parameter"),
        ("/federation/records?bucket=zz", "bucket"),
        ("/federation/records?bucket=" + ",".join(f"{n:02x}" for n in range(17)), "at most 16"),
    ],
)
def test_what_cannot_be_asked_is_refused_by_name(client, path, message):
    assert message in told(client, path, 400)["detail"]


def test_people_see_the_peers_and_what_was_refused_of_them(eu, client):
    with closing(Log(eu.database)) as log:
        told_of = Refusal("us", "us", Kind.FORK, "idr/x", "us signed <two> changes", "[]")
        Trust(log, eu).refuse(told_of)
        Trust(log, eu).refuse(told_of)
    page = get(client, "/federation", "text/html").text
    assert "us signed &lt;two&gt; changes" in page
    assert "https://us.example" in page
    found = told(client, "/federation")
    assert [(one["peer"], one["kind"], one["times"]) for one in found["refused"]] == [("us", "fork", 2)]
    assert [(one["name"], one["ways"]) for one in found["owners"]] == [("eu", [{"hops": [], "changes": 14}])]


# --- the command line


@pytest.fixture
def file(eu, tmp_path):
    name = tmp_path / "hub.toml"
    general = f'data_dir = "{eu.data_dir}"\nbase_iri = "{eu.base_iri}"\nhub_name = "eu"\n'
    peer = '[peers.us]\nurl = "https://us.example/"\ntrust_on_first_use = true\n'
    name.write_text(general + peer, encoding="utf-8")
    return str(name)


def run(*arguments):
    return CliRunner().invoke(cli.app, [*arguments])


def test_the_public_key_is_printed_as_settings_want_it(eu, file):
    assert run("peers", "key", "--config", file).stdout == f"{keys.own(eu.key_file).public}\n"


def test_peers_are_listed(file):
    found = json.loads(run("peers", "--config", file, "--json").stdout)
    assert [(one["name"], one["url"], one["agreed"]) for one in found["peers"]] == [("us", "https://us.example", None)]
    assert "us" in run("peers", "--config", file).stdout


def test_a_hub_is_believed_again_when_its_operator_explained(eu, file):
    with closing(Log(eu.database)) as log:
        Trust(log, eu).refuse(Refusal("us", "us", Kind.FORK, "", "us signed two", "[]"))
        assert Trust(log, eu).forked() == {"us"}
        assert run("peers", "trust", "us", "--config", file).exit_code == 0
        assert Trust(log, eu).forked() == set()


def test_too_many_or_no_hubs_are_an_error_with_the_fix(file, tmp_path):
    with pytest.raises(HubError, match="one to compare"):
        raise run("verify", "a", "b", "c", "--config", file).exception
    with pytest.raises(HubError, match="no folder of a dump"):
        raise run("verify", str(tmp_path), "--config", file).exception
    with pytest.raises(HubError, match=r"\[peers.<name>\]"):
        raise run("mirror", "nobody", "--config", file).exception


def test_records_are_read_as_records(client):
    change = wire.from_json(told(client, "/changes?limit=1")["changes"][0])
    assert records.from_json(change.record).accession == change.statement.accession
