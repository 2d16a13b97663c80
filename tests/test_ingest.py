"""Runs: counts that add up, nothing lost, nothing removed by accident, crashes that leave no trace."""

import dataclasses
import json
import shutil
from pathlib import Path

import pytest
from pyoxigraph import Store

from harvesters.contract import SourceError
from hub import ingest, maintenance, snapshots, views
from hub import log as log_module
from hub.errors import ConfigError, LockedError
from hub.log import Log
from hub.store import write_lock
from tests.support import BASE, demo_settings


def run(settings, *names, **more):
    return {o.source: o for o in ingest.harvest(settings, list(names) or sorted(settings.sources), **more)}


def counts(outcome):
    assert outcome.report.adds_up()
    return {k: v for k, v in dataclasses.asdict(outcome.report).items() if v and k not in ("seconds", "findings")}


def actions(settings):
    log = Log(settings.database)
    try:
        return [(c.action, c.accession) for c in log.changes_since(0, 1000)]
    finally:
        log.close()


def graph_hash(settings):
    return views.graph_sha256(snapshots.current(settings.snapshots_dir).graph)


def crate(settings, accession):
    return Path(settings.sources["bia"].url) / f"{accession}-ro-crate-metadata.json"


def edit(path, old, new):
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_every_demo_source_is_harvested_and_a_second_run_changes_nothing(tmp_path):
    settings = demo_settings(tmp_path, ("bia", "idr", "ssbd", "empiar", "submissions"))
    first = run(settings)
    assert sum(o.report.new for o in first.values()) >= 40
    assert all(o.report.adds_up() and o.error is None and not o.report.rejected for o in first.values())
    before = snapshots.current(settings.snapshots_dir)
    second = run(settings)
    assert all(counts(o) == {"listed": o.report.listed, "unchanged": o.report.listed} for o in second.values())
    assert snapshots.current(settings.snapshots_dir) == before, "nothing changed, so nothing is published"


def test_a_touched_file_with_the_same_bytes_is_unchanged(tmp_path):
    settings = demo_settings(tmp_path, ("bia",))
    run(settings)
    for path in Path(settings.sources["bia"].url).iterdir():
        path.write_bytes(path.read_bytes())
    assert counts(run(settings)["bia"]) == {"listed": 14, "unchanged": 14}


def test_one_changed_one_new_one_vanished(tmp_path):
    settings = demo_settings(tmp_path, ("bia",))
    run(settings)
    edit(crate(settings, "S-BIAD595"), '"datePublished": "', '"datePublished": "2001-02-03", "x": "')
    text = crate(settings, "S-BIAD824").read_text(encoding="utf-8").replace("S-BIAD824", "S-BIAD99999")
    crate(settings, "S-BIAD99999").write_text(text, encoding="utf-8")
    crate(settings, "S-BIAD709").unlink()
    outcome = run(settings)["bia"]
    assert counts(outcome) == {"listed": 14, "new": 1, "changed": 1, "unchanged": 12, "deleted": 1}
    assert actions(settings)[14:] == [("update", "S-BIAD595"), ("create", "S-BIAD99999"), ("withdraw", "S-BIAD709")]


def test_a_mass_deletion_is_held_until_confirmed_and_iris_come_back(tmp_path):
    settings = demo_settings(tmp_path, ("bia",))
    run(settings)
    whole = graph_hash(settings)
    kept = tmp_path / "kept"
    shutil.copytree(settings.sources["bia"].url, kept)
    for accession in ("S-BIAD595", "S-BIAD709", "S-BIAD824"):
        crate(settings, accession).unlink()
    assert counts(run(settings)["bia"]) == {"listed": 11, "unchanged": 11, "held": 3}
    assert graph_hash(settings) == whole
    assert counts(run(settings, confirm=True)["bia"]) == {"listed": 11, "unchanged": 11, "deleted": 3}
    assert graph_hash(settings) != whole
    shutil.copytree(kept, settings.sources["bia"].url, dirs_exist_ok=True)
    assert counts(run(settings)["bia"]) == {"listed": 14, "changed": 3, "unchanged": 11}
    assert actions(settings)[-3:] == [("restore", a) for a in ("S-BIAD595", "S-BIAD709", "S-BIAD824")]
    assert graph_hash(settings) == whole, "the same IRIs with the same statements are back"


def test_a_withdrawn_record_leaves_a_tombstone_and_no_statement(tmp_path):
    settings = demo_settings(tmp_path, ("bia",))
    run(settings)
    crate(settings, "S-BIAD709").unlink()
    run(settings)
    store = Store.read_only(str(snapshots.current(settings.snapshots_dir).graph))
    said = [q for q in store if q.subject.value == f"{BASE}dataset/bia/S-BIAD709"]
    told = {q.predicate.value: q.object.value for q in store if q.subject.value == f"{BASE}record/bia/S-BIAD709"}
    assert said == []
    assert told["https://w3id.org/bioimage-hub/vocab#state"] == "withdrawn"
    assert "does not list it any more" in told["https://w3id.org/bioimage-hub/vocab#withdrawalReason"]


def test_a_record_that_turns_bad_is_rejected_and_what_stood_stands(tmp_path):
    settings = demo_settings(tmp_path, ("bia",))
    run(settings)
    before = graph_hash(settings)
    crate(settings, "S-BIAD595").write_text("{ not json", encoding="utf-8")
    outcome = run(settings)["bia"]
    assert counts(outcome) == {"listed": 14, "unchanged": 13, "rejected": 1}
    assert graph_hash(settings) == before
    assert counts(run(settings)["bia"]) == {"listed": 14, "unchanged": 13, "rejected": 1}, "and stays rejected"
    log = Log(settings.database)
    [(source, key, reasons)] = log.rejected()
    log.close()
    assert (source, key) == ("bia", "S-BIAD595-ro-crate-metadata.json")
    assert "is not JSON" in json.loads(reasons)[0]


def test_two_entries_of_one_accession_make_one_record(tmp_path):
    settings = demo_settings(tmp_path, ("bia",))
    twin = crate(settings, "S-BIAD595").with_name("zz-twin-ro-crate-metadata.json")
    shutil.copy(crate(settings, "S-BIAD595"), twin)
    assert counts(run(settings)["bia"]) == {"listed": 15, "new": 14, "rejected": 1}


def test_nobody_takes_an_accession_from_the_entry_that_has_it(tmp_path):
    settings = demo_settings(tmp_path, ("bia",))
    run(settings)
    thief = crate(settings, "S-BIAD595").with_name("AA-first-ro-crate-metadata.json")
    text = crate(settings, "S-BIAD595").read_text(encoding="utf-8")
    thief.write_text(text.replace('"name": "', '"name": "Stolen ', 1), encoding="utf-8")
    assert counts(run(settings)["bia"]) == {"listed": 15, "unchanged": 14, "rejected": 1}
    crate(settings, "S-BIAD595").unlink()
    assert counts(run(settings)["bia"]) == {"listed": 14, "changed": 1, "unchanged": 13}, "free now"


def test_a_renamed_file_is_not_a_deletion(tmp_path):
    settings = demo_settings(tmp_path, ("bia",))
    run(settings)
    path = crate(settings, "S-BIAD595")
    path.rename(path.with_name("renamed-ro-crate-metadata.json"))
    assert "deleted" not in counts(run(settings)["bia"])


def test_full_reads_every_payload_again(tmp_path):
    settings = demo_settings(tmp_path, ("bia",))
    run(settings)
    outcome = run(settings, full=True)["bia"]
    assert counts(outcome) == {"listed": 14, "unchanged": 14}
    assert outcome.report.findings > 0


def test_a_source_that_is_not_there_fails_and_keeps_what_stands(tmp_path):
    settings = demo_settings(tmp_path, ("bia", "idr"))
    run(settings)
    before = graph_hash(settings)
    shutil.rmtree(settings.sources["bia"].url)
    outcomes = run(settings)
    assert "no folder or file at" in outcomes["bia"].error
    assert outcomes["idr"].error is None
    assert graph_hash(settings) == before


def test_a_listing_that_breaks_off_removes_nothing(tmp_path, monkeypatch):
    settings = demo_settings(tmp_path, ("bia",))
    run(settings)
    harvester = ingest.harvester_named("crates")

    def broken(http, source):
        for number, entry in enumerate(harvester.entries(http, source)):
            if number == 3:
                raise SourceError("connection lost")
            yield entry

    monkeypatch.setattr(ingest, "harvester_named", lambda _: dataclasses.replace(harvester, entries=broken))
    outcome = run(settings)["bia"]
    assert outcome.error == "connection lost"
    assert counts(outcome) == {"listed": 3, "unchanged": 3}


def flaky(monkeypatch, bad):
    harvester = ingest.harvester_named("crates")

    def fetch(http, source, entry):
        if bad(entry.key):
            raise SourceError("status 500", status=500)
        return harvester.fetch(http, source, entry)

    monkeypatch.setattr(ingest, "harvester_named", lambda _: dataclasses.replace(harvester, fetch=fetch))


def test_one_entry_that_cannot_be_read_does_not_hide_the_others(tmp_path, monkeypatch):
    settings = demo_settings(tmp_path, ("bia",))
    with monkeypatch.context() as patch:
        flaky(patch, lambda key: key.startswith("S-BIAD595"))
        assert counts(run(settings)["bia"]) == {"listed": 14, "new": 13, "rejected": 1}
    assert counts(run(settings)["bia"]) == {"listed": 14, "new": 1, "unchanged": 13}, "read as soon as it can be"


def test_many_unreadable_entries_in_a_row_stop_the_source(tmp_path, monkeypatch):
    settings = demo_settings(tmp_path, ("bia",))
    flaky(monkeypatch, lambda key: key > "S-BIAD1")
    outcome = run(settings)["bia"]
    assert outcome.error == "status 500"
    assert outcome.report.adds_up()


def test_a_crash_between_log_and_view_is_repaired_by_the_next_run(tmp_path, monkeypatch):
    settings = demo_settings(tmp_path, ("bia", "idr"))
    run(settings, "bia")

    class Crash(BaseException):
        pass

    def crash(*_args, **_more):
        raise Crash

    with monkeypatch.context() as patch:
        patch.setattr(views, "catch_up", crash)
        with pytest.raises(Crash):
            run(settings, "idr")
    assert len(actions(settings)) == 28, "the log has it"
    run(settings, "bia")
    other = demo_settings(tmp_path / "other", ("bia", "idr"))
    run(other)
    assert graph_hash(settings) == graph_hash(other)


def test_payloads_are_kept_under_their_hash(tmp_path):
    settings = demo_settings(tmp_path, ("bia",))
    run(settings)
    raw = crate(settings, "S-BIAD595").read_bytes()
    digest = ingest.save_payload(settings.raw_dir, raw)
    assert ingest.payload_path(settings.raw_dir, digest).read_bytes() == raw
    assert len([p for p in settings.raw_dir.rglob("*") if p.is_file()]) == 14


def test_a_damaged_payload_is_put_right_by_a_full_harvest(tmp_path):
    settings = demo_settings(tmp_path, ("bia",))
    run(settings)
    path = next(p for p in settings.raw_dir.rglob("*") if p.is_file())
    whole = path.read_bytes()
    path.write_bytes(b"x" * len(whole))
    run(settings, full=True)
    assert path.read_bytes() == whole


def test_newcomers_do_not_loosen_the_guard(tmp_path):
    settings = demo_settings(tmp_path, ("bia",))
    run(settings)
    text = crate(settings, "S-BIAD595").read_text(encoding="utf-8")
    for accession in ("S-BIAD595", "S-BIAD709", "S-BIAD824"):
        crate(settings, accession).unlink()
    for number in range(90_000, 90_020):
        crate(settings, f"S-BIAD{number}").write_text(text.replace("S-BIAD595", f"S-BIAD{number}"), encoding="utf-8")
    assert counts(run(settings)["bia"]) == {"listed": 31, "new": 20, "unchanged": 11, "held": 3}


def test_a_harvester_that_fails_on_one_record_rejects_that_one(tmp_path, monkeypatch):
    settings = demo_settings(tmp_path, ("bia",))
    harvester = ingest.harvester_named("crates")

    def transform(raw, entry, ctx):
        if entry.key.startswith("S-BIAD595"):
            raise KeyError("nobody thought of this")
        return harvester.transform(raw, entry, ctx)

    monkeypatch.setattr(ingest, "harvester_named", lambda _: dataclasses.replace(harvester, transform=transform))
    assert counts(run(settings)["bia"]) == {"listed": 14, "new": 13, "rejected": 1}


def test_a_source_that_fails_in_an_unforeseen_way_does_not_stop_the_others(tmp_path, monkeypatch):
    settings = demo_settings(tmp_path, ("bia", "empiar"))
    broken = dataclasses.replace(ingest.harvester_named("crates"), entries=lambda *_: 1 / 0)
    known = {"crates": broken, "empiar": ingest.harvester_named("empiar")}
    monkeypatch.setattr(ingest, "harvester_named", known.__getitem__)
    outcomes = run(settings)
    assert outcomes["bia"].error == "unforeseen ZeroDivisionError: division by zero"
    assert outcomes["empiar"].report.new == 12


def test_no_source_speaks_of_another_s_record(tmp_path):
    settings = demo_settings(tmp_path, ("bia", "idr"))
    run(settings)
    before = graph_hash(settings)
    text = crate(settings, "S-BIAD595").read_text(encoding="utf-8").replace("S-BIAD595", "S-BIAD99999")
    evil = json.loads(text)
    root = next(n for n in evil["@graph"] if n.get("identifier") == "S-BIAD99999")
    for name in ("dataset/idr/idr0094", "archive/idr", "record/idr/idr0094#x"):
        root["funder"].append({"@id": BASE + name})
        evil["@graph"].append({"@id": BASE + name, "@type": "Grant", "name": "evil"})
    crate(settings, "S-BIAD99999").write_text(json.dumps(evil), encoding="utf-8")
    run(settings)
    store = Store.read_only(str(snapshots.current(settings.snapshots_dir).graph))
    evil_subjects = {q.subject.value for q in store if getattr(q.object, "value", "") == "evil"}
    assert evil_subjects
    assert all(s.startswith(f"{BASE}record/bia/S-BIAD99999#") for s in evil_subjects)
    crate(settings, "S-BIAD99999").unlink()
    run(settings)
    assert graph_hash(settings) != before, "a tombstone is left"
    maintained = {
        q for q in Store.read_only(str(snapshots.current(settings.snapshots_dir).graph)) if "idr0094" in str(q)
    }
    assert maintained


def test_a_store_that_is_ahead_of_the_log_is_built_anew(tmp_path):
    settings = demo_settings(tmp_path, ("bia",))
    run(settings)
    before = graph_hash(settings)
    kept = (settings.data_dir / "catalogue.sqlite").read_bytes()
    whole = crate(settings, "S-BIAD595").read_bytes()
    edit(crate(settings, "S-BIAD595"), '"datePublished": "', '"datePublished": "2001-02-03", "x": "')
    run(settings)
    (settings.data_dir / "catalogue.sqlite").write_bytes(kept)  # an older catalogue is put back
    crate(settings, "S-BIAD595").write_bytes(whole)
    run(settings)
    assert graph_hash(settings) == before
    assert maintenance.check(settings).problems == []


def test_a_data_folder_of_another_base_iri_is_refused(tmp_path):
    settings = demo_settings(tmp_path, ("bia",))
    run(settings)
    with pytest.raises(ConfigError, match="base_iri: this data folder was built for"):
        run(dataclasses.replace(settings, base_iri="https://elsewhere.example.org/"))


def test_an_unknown_source_or_harvester_is_named(tmp_path):
    settings = demo_settings(tmp_path, ("bia",))
    with pytest.raises(ConfigError, match="nope: no such source in the settings; there are bia"):
        run(settings, "nope")
    with pytest.raises(ConfigError, match="there is no harvester 'nope'"):
        ingest.harvester_named("nope")


def test_a_harvest_beside_another_is_refused(tmp_path):
    settings = demo_settings(tmp_path, ("bia",))
    with write_lock(settings.data_dir), pytest.raises(LockedError):
        run(settings)


def test_a_dataset_of_two_sources_is_one_dataset(tmp_path):
    settings = demo_settings(tmp_path, ("bia", "empiar"))
    run(settings)
    store = Store.read_only(str(snapshots.current(settings.snapshots_dir).graph))
    name = "<http://schema.org/name>"
    dataset = f"<{BASE}dataset/empiar/EMPIAR-10310>"
    query = f"SELECT ?name ?who WHERE {{ {dataset} {name} ?name . GRAPH ?who {{ {dataset} {name} ?other }} }}"
    rows = [(r["name"].value, r["who"].value) for r in store.query(query)]
    assert len({name for name, _ in rows}) == 1
    assert {who for _, who in rows} == {f"{BASE}graph/source/{s}/EMPIAR-10310" for s in ("bia", "empiar")}


def test_e_mails_and_addresses_reach_neither_graph_nor_catalogue(tmp_path):
    settings = demo_settings(tmp_path, ("bia", "idr", "ssbd", "empiar", "submissions"))
    run(settings)
    store = Store.read_only(str(snapshots.current(settings.snapshots_dir).graph))
    everything = "\n".join(map(str, store)) + "".join(
        r.record + r.findings for r in Log(settings.database).all_records()
    )
    assert "@example" not in everything
    assert "[at]" not in everything
    assert "Example Street" not in everything


def test_a_hub_on_postgresql_comes_to_the_same_graph(tmp_path, postgres_url):
    settings = demo_settings(tmp_path / "pg", ("bia", "empiar"), database_url=postgres_url)
    try:
        run(settings)
        crate(settings, "S-BIAD709").unlink()
        assert counts(run(settings)["bia"]) == {"listed": 13, "unchanged": 13, "deleted": 1}
        other = demo_settings(tmp_path / "sqlite", ("bia", "empiar"))
        run(other)
        crate(other, "S-BIAD709").unlink()
        run(other)
        assert graph_hash(settings) == graph_hash(other)
    finally:
        log = Log(postgres_url)
        log_module.metadata.drop_all(log.engine)
        log.close()
