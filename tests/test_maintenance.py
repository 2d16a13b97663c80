"""Check, rebuild and dump."""

import dataclasses
import shutil

import pytest
import rdflib

from harvesters.contract import RecordError
from hub import gallery, ingest, maintenance, snapshots
from hub.errors import ConfigError
from hub.log import Log
from hub.store import GraphStore
from tests.support import demo_settings


@pytest.fixture
def settings(tmp_path):
    found = demo_settings(tmp_path, ("bia", "empiar"))
    ingest.harvest(found, ["bia", "empiar"])
    return found


def test_a_sound_hub_has_no_problems(settings):
    found = maintenance.check(settings)
    assert found.problems == []
    assert found.facts["records"] == {"active": 25, "withdrawn": 1}
    assert found.facts["payloads"] == 26
    assert found.facts["questions"].keys() == gallery.questions().keys()
    assert found.facts["questions"]["growth-by-year"]["rows"] > 0


def test_a_question_that_fails_is_a_problem(settings, monkeypatch):
    asked = gallery.question("growth-by-year")
    monkeypatch.setattr(gallery, "questions", lambda: {asked.name: dataclasses.replace(asked, body="SELECT nonsense")})
    (problem,) = maintenance.check(settings).problems
    assert problem.startswith("the question growth-by-year failed: ")


def test_a_missing_and_a_damaged_payload_are_found(settings):
    first, second = sorted(p for p in settings.raw_dir.rglob("*") if p.is_file())[:2]
    first.unlink()
    second.write_bytes(b"damaged")
    problems = maintenance.check(settings).problems
    assert [p for p in problems if "is missing" in p]
    assert [p for p in problems if "is damaged" in p]


def test_a_graph_that_is_not_what_the_log_says_is_found_and_rebuilt(settings):
    before = maintenance.check(settings).facts["graph_sha256"]
    with GraphStore(settings.store_dir) as store:
        store._store.remove(next(q for q in store.quads() if "S-BIAD595" in str(q.graph_name)))
        snapshots.publish(store, settings.snapshots_dir, settings.base_iri, "2026-11-20T12:00:00Z", 3, anew=True)
    assert any("is not what the log says" in p for p in maintenance.check(settings).problems)
    maintenance.rebuild(settings)
    found = maintenance.check(settings)
    assert found.problems == []
    assert found.facts["graph_sha256"] == before


def test_a_lost_store_and_snapshot_are_made_again_from_log_and_payloads(settings):
    before = maintenance.check(settings).facts["graph_sha256"]
    shutil.rmtree(settings.store_dir)
    shutil.rmtree(settings.snapshots_dir)
    assert maintenance.check(settings).problems == ["nothing is published yet: run `hub harvest --all`"]
    maintenance.rebuild(settings)
    assert maintenance.check(settings).facts["graph_sha256"] == before


def test_payloads_are_read_again_with_today_s_harvester(settings, monkeypatch):
    harvester = ingest.harvester_named("crates")

    def better(raw, entry, ctx):
        harvested = harvester.transform(raw, entry, ctx)
        return dataclasses.replace(harvested, record=harvested.record.model_copy(update={"name": "better"}))

    empiar = ingest.harvester_named("empiar")
    changed = {"crates": dataclasses.replace(harvester, transform=better, version=99), "empiar": empiar}
    monkeypatch.setattr(ingest, "harvester_named", changed.__getitem__)
    maintenance.rebuild(settings, transform=True)
    log = Log(settings.database)
    titles = {r.title for r in log.all_records() if r.source == "bia"}
    actions = [c.action for c in log.changes_since(26, 100)]
    log.close()
    assert titles == {"better"}
    assert actions == ["update"] * 14
    assert maintenance.check(settings).problems == []


@pytest.mark.parametrize(("fmt", "theirs"), [("nquads", "nquads"), ("trig", "trig")])
def test_a_dump_holds_every_statement(settings, tmp_path, fmt, theirs):
    size = maintenance.dump(settings, tmp_path / "out", fmt)
    assert size == (tmp_path / "out").stat().st_size
    read = rdflib.Dataset()
    read.parse(tmp_path / "out", format=theirs)
    count = sum(1 for _ in read.quads())
    assert count == maintenance.check(settings).facts["statements"]
    assert not (tmp_path / "out.part").exists()


def test_rebuild_refuses_another_base_iri(settings):
    elsewhere = dataclasses.replace(settings, base_iri="https://elsewhere.example.org/")
    with pytest.raises(ConfigError, match="base_iri: this data folder was built for"):
        maintenance.rebuild(elsewhere)
    with pytest.raises(ConfigError, match="base_iri: this data folder was built for"):
        maintenance.check(elsewhere)


def test_a_damaged_snapshot_is_found_and_made_again(settings):
    before = maintenance.check(settings).facts["graph_sha256"]
    (settings.snapshots_dir / "current" / "manifest.json").write_text("", encoding="utf-8")
    assert maintenance.check(settings).problems == ["nothing is published yet: run `hub harvest --all`"]
    maintenance.rebuild(settings)
    for table in (snapshots.current(settings.snapshots_dir).graph).glob("*.sst"):
        table.unlink()
    [problem] = maintenance.check(settings).problems
    assert "the published graph is damaged" in problem
    maintenance.rebuild(settings)
    found = maintenance.check(settings)
    assert (found.problems, found.facts["graph_sha256"]) == ([], before)


def test_rebuilding_takes_entries_that_were_rejected_by_mistake(settings, monkeypatch, tmp_path):
    harvester, empiar = ingest.harvester_named("crates"), ingest.harvester_named("empiar")

    def refuse(raw, entry, ctx):
        raise RecordError("a fault of the harvester")

    known = {"crates": dataclasses.replace(harvester, transform=refuse, version=2), "empiar": empiar}
    with monkeypatch.context() as patch:
        patch.setattr(ingest, "harvester_named", known.__getitem__)
        other = demo_settings(tmp_path / "other", ("bia", "empiar"))
        ingest.harvest(other, ["bia", "empiar"])
    assert maintenance.check(other).facts["records"] == {"active": 11, "withdrawn": 1}
    maintenance.rebuild(other, transform=True)
    assert maintenance.check(other).facts["records"] == {"active": 25, "withdrawn": 1}
