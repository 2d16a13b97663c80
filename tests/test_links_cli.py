"""`hub links`, `hub curator` and `hub status`."""

from __future__ import annotations

import hashlib
import json

import pytest
from typer.testing import CliRunner

from hub import snapshots
from hub.cli import app
from hub.config import load
from hub.ingest import harvest
from hub.links import engine
from tests.support import DEMO
from tests.test_links_view import NEIGHBOURS

ADA = "https://orcid.org/0000-0002-1825-0097"


@pytest.fixture
def hub(tmp_path, monkeypatch):
    monkeypatch.setattr(engine, "discover", lambda: ({"neighbours": NEIGHBOURS}, {}))
    file = tmp_path / "hub.toml"
    sources = "".join(
        f'[sources.{name}]\nharvester = "crates"\narchive = "{name}"\nurl = "{DEMO / name}"\n'
        for name in ("bia", "idr")
    )
    file.write_text(f'base_iri = "https://hub.example.org/"\n{sources}')
    settings = load(str(file), environ={})
    harvest(settings, list(settings.sources))
    return file


def run(hub, *arguments, fails=False):
    done = CliRunner().invoke(app, [*arguments, "--config", str(hub)])
    assert (done.exit_code != 0) == fails, (done.output, done.exception)
    return str(done.exception) if fails and done.exception else done.output


def candidate(hub):
    shown = json.loads(run(hub, "links", "show", "S-BIAD824", "--json"))
    return shown[0]["id"], shown


def test_show_tells_what_rule_confidence_status_and_evidence(hub):
    id, shown = candidate(hub)
    assert {"rule", "confidence", "status", "evidence", "verdicts"} <= shown[0].keys()
    text = run(hub, "links", "show", id)
    assert "neighbours" in text
    assert "keyword: imaging" in text
    by_iri = json.loads(run(hub, "links", "show", shown[0]["subject"], "--json"))
    assert id in {s["id"] for s in by_iri}
    assert run(hub, "links", "show", f"https://hub.example.org/link/{id}")
    assert "there is no link of that" in run(hub, "links", "show", "S-NONE", fails=True)


def test_a_verdict_is_noted_and_counts_from_the_next_update(hub):
    id, shown = candidate(hub)
    told = run(hub, "links", "reject", id, "--by", "0000-0002-1825-0097", "--note", "not the same")
    assert f"reject by {ADA}" in told
    assert "hub links update" in told
    status = lambda: json.loads(run(hub, "links", "show", id, "--json"))[0]["status"]  # noqa: E731
    assert status() == shown[0]["status"]
    assert "1 changes" in run(hub, "links", "update")
    assert status() == "rejected"
    assert "said reject already" in run(hub, "links", "reject", id, "--by", "Bea", fails=True)
    run(hub, "links", "withdraw", id, "--by", "Bea")
    assert json.loads(run(hub, "links", "update", "--full", "--json"))["changes"] == 1
    assert status() == shown[0]["status"]
    run(hub, "links", "accept", id, "--by", "Bea")


def test_a_link_is_added_and_published(hub):
    statement = ("https://hub.example.org/dataset/bia/S-BIAD824", "http://schema.org/mentions", "https://e.org/x")
    told = run(hub, "links", "add", *statement, "--by", "Ada", "--note", "read it")
    before = snapshots.current(hub.parent / "data" / "snapshots")
    run(hub, "links", "update")
    assert snapshots.current(hub.parent / "data" / "snapshots").link_sequence == before.link_sequence + 1
    (added,) = json.loads(run(hub, "links", "show", told.split()[-1], "--json"))
    assert (added["rule"], added["status"], added["attributed_to"]) == ("curated", "fact", "Ada")
    assert "said so already" in run(hub, "links", "add", *statement, "--by", "Ada", fails=True)
    run(hub, "check")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("accept", "0" * 16, "--by", "Ada"), "there is no link"),
        (("add", "nothing", "http://schema.org/mentions", "https://e.org/x", "--by", "Ada"), "subject: "),
        (("add", "https://e.org/x", "http://schema.org/mentions", "https://e.org/x", "--by", "Ada"), "object: "),
        (("add", "https://e.org/x", "http://e.org/p", "https://e.org/y", "--by", "0000-0002-1825-0098"), "by: "),
        (("add", "https://e.org/x", "http://e.org/p", "https://e.org/y", "--by", "a@e.org"), "by: "),
        (
            ("add", "https://e.org/x", "http://e.org/p", "https://e.org/y", "--by", "Ada", "--note", "x" * 1001),
            "note: ",
        ),
    ],
)
def test_what_cannot_be_said_is_refused_in_one_sentence(hub, arguments, says):
    assert says in run(hub, "links", *arguments, fails=True)


def test_a_rule_that_fails_is_told_and_the_rest_goes_on(hub, monkeypatch):
    monkeypatch.setattr(engine, "discover", lambda: ({"neighbours": NEIGHBOURS}, {"bad": "SyntaxError: x"}))
    assert CliRunner().invoke(app, ["links", "update", "--config", str(hub)]).exit_code == 1


def test_a_token_comes_with_its_hash():
    lines = dict(line.split(": ", 1) for line in CliRunner().invoke(app, ["curator", "token"]).output.splitlines())
    token, digest = lines["token"].strip(), lines["token_sha256"].strip()
    assert hashlib.sha256(token.encode()).hexdigest() == digest
    assert len(token) > 40


def test_status_counts_links_by_rule(hub):
    told = json.loads(run(hub, "status", "--json"))
    assert told["links"][0]["facts"] > 5
    assert told["snapshot"]["link_sequence"] > 0
    assert "neighbours" in run(hub, "status")
