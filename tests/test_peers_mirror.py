"""Mirroring: what arrives is what the owner signed, whatever happens on the way; lies leave no trace but a name."""

import copy
import json
import shutil
from contextlib import closing
from dataclasses import replace

import pytest

from hub.dumps import make
from hub.errors import ConfigError
from hub.log import Log
from hub.peers import keys, mirror, standing, statements, verify
from hub.peers.statements import Statement
from hub.peers.trust import Trust
from tests.peers_support import held, hub_of, served, with_peer
from tests.support import BASE, demo_settings


@pytest.fixture(scope="module")
def eu(tmp_path_factory):
    return hub_of(tmp_path_factory.mktemp("eu"), "eu", ("idr", "bia"))


@pytest.fixture(scope="module")
def line(eu):
    with served(eu) as (url, between):
        yield url, between


@pytest.fixture
def asia(tmp_path, eu, line):
    line[1].change = lambda path, told: told
    line[1].asked.clear()
    return with_peer(demo_settings(tmp_path, (), hub_name="asia", harvest_interval_s=0.001), eu, line[0])


@pytest.fixture
def publish(monkeypatch):
    """Mirror without building the graph, which one test does."""
    monkeypatch.setattr("hub.ingest.publish", lambda settings, log: None)


def run(settings, **more):
    (outcome,) = mirror.mirror(settings, ["eu"], **more)
    assert outcome.report.adds_up()
    return outcome


def test_everything_comes_over_and_both_can_prove_it(eu, asia, publish):
    outcome = run(asia)
    assert (outcome.error, outcome.refused, outcome.agreed) == (None, [], {"eu": "identical"})
    assert held(asia) == held(eu)
    assert outcome.report.new == held(eu)["eu"].records
    with closing(Log(asia.database)) as log:
        rows = list(log.all_records())
        assert {row.source for row in rows} == {"idr~eu", "bia~eu"}
        assert log.version(1).signed.hops == ("eu",)


def test_a_second_run_reads_only_what_is_new(asia, line, publish):
    run(asia)
    line[1].asked.clear()
    again = run(asia)
    assert (again.report.listed, again.agreed) == (0, {"eu": "identical"})
    assert [path.partition("?")[0] for path in line[1].asked] == ["/.well-known/hub", "/changes", "/.well-known/hub"]


def pages(change):
    """Alter the changes of each page of the log."""

    def altered(path, told):
        return {**told, "changes": change(copy.deepcopy(told["changes"]))} if path.startswith("/changes") else told

    return altered


@pytest.mark.parametrize(
    "change", [lambda found: found[::-1], lambda found: [*found, *found[:3], *found], lambda found: found[::2]]
)
def test_reordered_doubled_and_lost_changes_come_to_the_same_end(eu, asia, line, publish, change):
    told = []

    def once(path, answer):
        told.append(path)
        return pages(change)(path, answer) if len(told) < 4 else answer

    line[1].change = once
    outcome = run(asia)
    assert (outcome.error, outcome.refused, outcome.agreed) == (None, [], {"eu": "identical"})
    assert held(asia) == held(eu)


def forge(eu, said, **other):
    """Return a statement signed by the owner itself."""
    return statements.sign(replace(said, **other), keys.own(eu.key_file))


def lie(kind, eu, stranger):
    """Return how a peer's first change looks when it lies."""

    def lied(found):
        if not found:
            return found
        first, said = found[0], Statement.read(found[0]["statement"])
        match kind:
            case "bad-hash":
                first["record"]["name"] = "Something else"
            case "bad-signature":
                first["statement"] = replace(said, title="Something else").text()
            case "foreign-owner":
                first |= _signed(statements.sign(replace(said, hub="asia"), stranger))
            case "malformed":
                first["statement"] = "{}"
            case "unfit":
                first |= _signed(forge(eu, said, iri=f"{BASE}dataset/idr/another"))
            case "rollback":
                first["number"] = 999_999
        return found

    return lied


def _signed(signed):
    return {"statement": signed.statement, "signature": signed.signature}


@pytest.mark.parametrize("kind", ["bad-hash", "bad-signature", "foreign-owner", "malformed", "unfit", "rollback"])
def test_a_lie_is_refused_named_and_leaves_nothing(eu, asia, line, publish, tmp_path, kind):
    line[1].change = pages(lie(kind, eu, keys.own(tmp_path / "stranger.pem")))
    outcome = run(asia)
    assert outcome.error is None
    assert {(one.peer, one.kind) for one in outcome.refused} == {("eu", kind)}
    assert outcome.report.rejected
    assert held(asia)["eu"].records == held(eu)["eu"].records - 1
    with closing(Log(asia.database)) as log:
        assert "Something else" not in {row.title for row in log.all_records()}
        assert {one.kind for one in Trust(log, asia).refused("eu")} == {kind}


def test_what_was_refused_comes_when_it_is_told_rightly(eu, asia, line, publish, tmp_path):
    line[1].change = pages(lie("bad-hash", eu, keys.own(tmp_path / "stranger.pem")))
    assert run(asia).agreed == {"eu": "differs"}
    line[1].change = lambda path, told: told
    assert run(asia).agreed == {"eu": "identical"}
    assert held(asia) == held(eu)


def test_who_signs_two_changes_under_one_number_is_believed_no_more_until_an_operator_says_so(eu, asia, line, publish):
    run(asia)
    before = held(asia)

    def forked(found):
        for one in found:
            one |= _signed(forge(eu, Statement.read(one["statement"]), title="Another history"))
        return found

    mirror.settle(Trust(log := Log(asia.database), asia), log, "eu")
    line[1].change = pages(lambda found: forked(found[:1]))
    outcome = run(asia)
    assert [(one.peer, one.owner, one.kind) for one in outcome.refused[:1]] == [("eu", "eu", "fork")]
    (kept,) = Trust(log, asia).refused("eu")
    assert len(json.loads(kept.evidence)) == 3
    assert Trust(log, asia).forked() == {"eu"}
    assert held(asia) == before
    mirror.settle(Trust(log, asia), log, "eu")
    log.close()
    line[1].change = lambda path, told: told
    assert run(asia).refused == []


def test_an_owner_that_goes_back_to_an_older_state_is_named(eu, asia, line, publish, monkeypatch):
    run(asia)
    with closing(Log(asia.database)) as log:
        first = next(standing.everything(log))
    line[1].change = lambda path, told: {**told, "records": []} if "bucket=" in path else told
    monkeypatch.setattr(standing, "by_bucket", lambda *_, **__: {})
    found = _heal(asia, line[0])
    assert {(one.kind, one.peer) for one in found} == {("rollback", "eu")}
    assert f"{first.source}/{first.accession}" in {one.record for one in found}


def _heal(settings, url):
    """Compare by buckets."""
    with closing(Log(settings.database)) as log, mirror.client.session(settings, settings.peers["eu"]) as http:
        work = mirror.Mirror(settings, log, settings.peers["eu"], False, lambda *_: None)
        work.begin()
        peer = mirror.PeerClient(url, http)
        said, _ = peer.hello()
        work._heal(peer, said, "eu")
        return work.intake.refused


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ({"name": "us"}, "not signed"),
        ({"sequence": 1}, "not signed"),
        ({"protocol": 9}, "protocol"),
        ({"owners": []}, "owners"),
    ],
)
def test_a_greeting_that_was_touched_stops_the_run(asia, line, publish, other, message):
    line[1].change = lambda path, told: {**told, **other} if path == "/.well-known/hub" else told
    assert message in run(asia).error


def test_another_key_than_the_pinned_one_is_refused(asia, line, publish, tmp_path):
    other = keys.own(tmp_path / "x.pem").public
    peer = replace(asia.peers["eu"], key=other)
    outcome = run(replace(asia, peers={"eu": peer}))
    assert "another key" in outcome.error
    assert [one.kind for one in outcome.refused] == ["bad-signature"]


def test_the_first_key_is_remembered_where_the_settings_say_so(asia, publish):
    trusting = replace(asia, peers={"eu": replace(asia.peers["eu"], key="")})
    assert run(trusting).agreed == {"eu": "identical"}
    with closing(Log(asia.database)) as log:
        assert Trust(log, trusting).key_of("eu") == asia.peers["eu"].key


def test_another_base_and_another_name_are_refused_with_the_fix(eu, asia, publish, tmp_path):
    assert "share one base_iri" in run(replace(asia, base_iri="https://other.example/")).error
    fresh = replace(asia, data_dir=tmp_path / "fresh", peers={"us": replace(asia.peers["eu"], name="us")})
    (outcome,) = mirror.mirror(fresh, ["us"])
    assert "[peers.eu]" in outcome.error
    with pytest.raises(ConfigError, match="no such peer"):
        mirror.mirror(asia, ["nobody"])


def test_a_private_address_is_asked_only_if_the_settings_say_so(asia, publish):
    outcome = run(replace(asia, peers={"eu": replace(asia.peers["eu"], is_private=False)}))
    assert "public address" in outcome.error


@pytest.fixture
def dumped(eu):
    """A dump of the hub, taken away again for the other tests."""
    yield make.make(eu)
    shutil.rmtree(eu.data_dir / "dumps")


def test_a_first_mirror_begins_with_the_newest_dump(eu, asia, line, publish, dumped):
    outcome = run(asia)
    assert (outcome.error, outcome.refused, outcome.agreed) == (None, [], {"eu": "identical"})
    assert held(asia) == held(eu)
    paths = [path for path in line[1].asked if not path.startswith("/.well-known")]
    assert paths == [
        "/dumps/",
        f"/dumps/{dumped.name}/manifest.json",
        f"/dumps/{dumped.name}/records.jsonl.zst",
        f"/changes?since={dumped.sequence}",
    ]


def test_a_dump_that_is_not_the_signed_one_is_refused(eu, asia, line, publish, dumped):
    line[1].change = lambda path, told: {**told, "sequence": 99} if path.endswith("manifest.json") else told
    assert "not signed by its hub" in run(asia).error
    line[1].change = lambda path, told: told
    (dumped.path / "records.jsonl.zst").write_bytes(b"other")
    assert "not the file" in run(asia).error
    assert held(asia) == {}


def test_a_folder_with_a_dump_is_compared_with_a_hub(eu, asia, publish, dumped):
    assert verify.verify(eu, [str(dumped.path)]).text() == f"identical at {dumped.sequence}"
    found = verify.verify(asia, [str(dumped.path)])
    assert not found.is_identical
    assert {one.what for one in found.differences} == {"only there"}


def test_a_mirror_in_postgresql_holds_the_same(eu, asia, line, publish, postgres_url, tmp_path):
    other = replace(asia, database_url=postgres_url)
    line[1].change = pages(lie("bad-hash", eu, keys.own(tmp_path / "stranger.pem")))
    assert run(other).agreed == {"eu": "differs"}
    line[1].change = lambda path, told: told
    assert run(other).agreed == {"eu": "identical"}
    assert held(other) == held(eu)
    with closing(Log(other.database)) as log:
        assert [one.kind for one in Trust(log, other).refused()] == ["bad-hash"]
