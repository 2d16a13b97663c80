"""What the operator decides about records, and how what is redacted is erased."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from hub import cutting, erasure, ingest, maintenance, redactions
from hub.config import Settings
from hub.cutting import Secret, of_value
from hub.errors import ConfigError, NotFoundError, StoreError
from hub.log import Log, Signed
from hub.redactions import Decision
from tests.support import BASE, demo_settings

WHEN = "2026-11-20T12:00:00Z"
MAN, ORCID = "Kristian Peters", "0000-0002-4321-0257"
LIVERWORTS = f"{BASE}dataset/idr/idr0157"


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A hub of three datasets, harvested once; each test has its own copy."""
    home = tmp_path_factory.mktemp("redactions")
    ingest.harvest(small(home), ["idr"])
    return home


def small(home):
    settings = demo_settings(home, ("idr",))
    for path in Path(settings.sources["idr"].url).iterdir():
        if not path.name.startswith(("idr0157", "idr0004", "idr0015")):
            path.unlink()
    return settings


@pytest.fixture
def hub(built, tmp_path) -> Settings:
    shutil.copytree(built, tmp_path, dirs_exist_ok=True, symlinks=True)
    return small(tmp_path)


def decide(settings, action, iri=LIVERWORTS, **more):
    said = Decision(0, WHEN, "Ada", action, iri, more.pop("source", None), "a reason", **more)
    return erasure.decide(settings, said, ingest.publish)


def restore(settings, decision):
    return decide(settings, "restore", decision.iri, takes_back=decision.number)


def cut_of(settings, field="", values=(), *, is_person=False):
    log = Log(settings.database)
    try:
        secret = redactions.secret(log, settings)
    finally:
        log.close()
    return json.dumps(of_value(secret, field, values, is_person=is_person).to_json())


def row_of(settings, source="idr", accession="idr0157"):
    log = Log(settings.database)
    try:
        return log.record(source, accession)
    finally:
        log.close()


def versions_of(settings, iri=LIVERWORTS):
    log = Log(settings.database)
    try:
        return log.versions_of(iri)
    finally:
        log.close()


def files_with(settings, *words):
    """Return the files of the data folder in which one of the words stands as it is."""
    marks = [word.encode() for word in words]
    files = (path for path in settings.data_dir.rglob("*") if path.is_file() and not path.is_symlink())
    return sorted(str(path) for path in files if any(mark in path.read_bytes() for mark in marks))


def problems(settings):
    return maintenance.check(settings).problems


# --- states ----------------------------------------------------------------------------------------------------------


def test_a_decision_outlives_harvests_harvesters_and_a_rebuild_until_it_is_taken_back(hub, monkeypatch):
    suppressed = decide(hub, "suppress")
    assert row_of(hub).state == "suppressed"
    ingest.harvest(hub, ["idr"], full=True)
    harvester = ingest.harvester_named("crates")
    monkeypatch.setattr(ingest, "harvester_named", lambda _: replace(harvester, version=99))
    ingest.harvest(hub, ["idr"])
    maintenance.rebuild(hub)
    assert (row_of(hub).state, row_of(hub).harvester) == ("suppressed", "crates/99")
    assert problems(hub) == []
    restore(hub, suppressed)
    assert row_of(hub).state == "active"
    assert [version.action for version in versions_of(hub)] == ["create", "suppress", "update", "restore"]


def test_what_the_archive_says_meanwhile_counts_once_a_decision_is_taken_back(hub):
    withdrawn = decide(hub, "withdraw", iri=f"{BASE}dataset/idr/idr0004")
    row = row_of(hub, accession="idr0004")
    assert json.loads(row.withdrawal) | {"own": None} == json.loads(row.withdrawal)
    suppressed = decide(hub, "suppress")
    (Path(hub.sources["idr"].url) / "idr0157-ro-crate-metadata.json").unlink()
    ingest.harvest(hub, ["idr"], confirm=True)
    assert row_of(hub).state == "withdrawn"
    restore(hub, suppressed)
    assert row_of(hub).state == "withdrawn"
    restore(hub, withdrawn)
    assert row_of(hub, accession="idr0004").state == "active"


def test_a_ring_of_replacements_is_refused(hub):
    first, second, third = (f"{BASE}dataset/idr/{name}" for name in ("idr0157", "idr0004", "idr0015"))
    decide(hub, "replace", first, successor=second)
    decide(hub, "replace", second, successor=third)
    with pytest.raises(ConfigError, match="cannot be replaced by itself"):
        decide(hub, "replace", third, successor=first)
    with pytest.raises(ConfigError, match="take that back first"):
        decide(hub, "replace", first, successor=third)
    with pytest.raises(NotFoundError, match="no such record"):
        decide(hub, "suppress", f"{BASE}dataset/idr/none")
    assert row_of(hub).state == "replaced"


def test_a_decision_about_the_record_of_a_renamed_source_holds_for_the_dataset(hub):
    decide(hub, "suppress", source="idr")
    renamed = replace(hub.sources["idr"], name="idr-new")
    moved = replace(hub, sources={"idr-new": renamed})
    ingest.harvest(moved, ["idr-new"])
    assert row_of(moved, source="idr-new").state == "suppressed"
    assert row_of(moved, source="idr-new", accession="idr0004").state == "active"


# --- erasing a record ------------------------------------------------------------------------------------------------


def test_a_redacted_record_is_nowhere_and_no_harvest_brings_it_back(hub):
    before = row_of(hub)
    marks = ("liverworts", "Riccia gothica")
    assert len(files_with(hub, *marks)) >= 3
    hash_before = versions_of(hub)[0].signed.sha256
    decide(hub, "redact")
    for again in (False, True):
        report = ingest.harvest(hub, ["idr"], full=again)[0].report
        assert (report.listed, report.unchanged, report.changed) == (3, 3, 0)
        assert report.adds_up()
    maintenance.rebuild(hub, transform=True)
    row = row_of(hub)
    assert (row.state, row.record, row.title, row.payload_sha256) == ("redacted", "", "idr0157", before.payload_sha256)
    assert files_with(hub, *marks) == []
    assert not ingest.payload_path(hub.raw_dir, before.payload_sha256).exists()
    first, last = versions_of(hub)
    assert (first.record, first.title, first.signed, first.erased_sha256) == (None, "idr0157", None, hash_before)
    assert (last.action, last.state, last.record, last.signed.sha256) == ("redact", "redacted", None, "")
    assert problems(hub) == []


def test_another_source_of_a_redacted_dataset_is_passed_over_without_a_trace(hub):
    decide(hub, "redact")
    again = replace(hub.sources["idr"], name="again")
    ingest.harvest(replace(hub, sources={**hub.sources, "again": again}), ["again"])
    assert row_of(hub, source="again") is None
    assert row_of(hub, source="again", accession="idr0004").state == "active"
    assert files_with(hub, "liverworts") == []


def test_a_redaction_taken_back_lets_the_archive_s_record_return(hub):
    decision = decide(hub, "redact")
    restore(hub, decision)
    assert row_of(hub).state == "redacted"
    ingest.harvest(hub, ["idr"])
    assert (row_of(hub).state, versions_of(hub)[-1].action) == ("active", "restore")
    assert problems(hub) == []


@pytest.mark.parametrize("point", ["_do_records", "_erase_versions", "_do_files", "_clean_histories", "_compact"])
def test_an_erasure_that_was_cut_off_is_taken_up_again(hub, monkeypatch, point):
    def cut_off(*_):
        raise KeyboardInterrupt(point)

    with monkeypatch.context() as patch:
        patch.setattr(erasure, point, cut_off)
        with pytest.raises(KeyboardInterrupt):
            decide(hub, "redact")
    assert any("is not finished" in problem for problem in problems(hub))
    ingest.harvest(hub, ["idr"])
    assert row_of(hub).state == "redacted"
    assert [version.record for version in versions_of(hub)] == [None, None]
    assert files_with(hub, "liverworts", "Riccia gothica") == []
    assert problems(hub) == []


def test_older_snapshots_and_dumps_go_and_later_ones_stay(hub):
    dump = hub.data_dir / "dumps" / "000002"
    dump.mkdir(parents=True)
    (dump / "records.jsonl").write_text("liverworts")
    decide(hub, "redact")
    later = hub.data_dir / "dumps" / "000099"
    later.mkdir(parents=True)
    assert not dump.exists()
    assert [path.name for path in hub.snapshots_dir.iterdir() if path.name[0].isdigit()] == ["000004"]
    assert problems(hub) == []
    dump.mkdir()
    assert any("before an erasure" in problem for problem in problems(hub))
    ingest.publish(hub, log := Log(hub.database))
    erasure.again(log, hub)
    ingest.publish(hub, log)
    log.close()
    assert (dump.exists(), later.exists()) == (False, True)


def test_check_names_what_lies_where_it_should_not(hub):
    payload = ingest.payload_path(hub.raw_dir, row_of(hub).payload_sha256)
    raw = payload.read_bytes()
    decide(hub, "redact")
    payload.write_bytes(raw)
    with Log(hub.database).engine.begin() as db:
        db.execute(sa.text("update versions set content = :c where sequence = 1"), {"c": b"x"})
    assert any(payload.name in problem for problem in problems(hub))


def test_a_file_that_another_record_is_made_of_stays(hub):
    digest = row_of(hub).payload_sha256
    log = Log(hub.database)
    with log.engine.begin() as db:
        db.execute(
            sa.text("update entries set payload_sha256 = :d where source = 'idr' and accession = 'idr0004'"),
            {"d": digest},
        )
    log.close()
    decide(hub, "redact")
    assert ingest.payload_path(hub.raw_dir, digest).is_file()


def test_a_record_of_another_hub_is_erased_with_its_owner_s_word(hub):
    log = Log(hub.database)
    row = replace(log.record("idr", "idr0157"), source="idr~eu")
    log.commit(ingest.Batch(records=[("create", row)]), log.start_run("peer:eu"))
    said = Signed("eu", 7, "", "{}", "signature", ("eu",))
    assert erasure.erase(log, hub, "idr~eu", "idr0157", "asked for", WHEN, said)
    assert not erasure.erase(log, hub, "idr~eu", "idr0157", "asked for", WHEN, said)
    assert not erasure.erase(log, hub, "idr~eu", "none", "asked for", WHEN)
    ingest.publish(hub, log)
    last = [version for version in log.versions_of(LIVERWORTS) if version.source == "idr~eu"]
    assert [(v.record, v.signed) for v in last] == [(None, None), (None, said)]
    assert log.record("idr", "idr0157").state == "active"
    log.close()
    assert problems(hub) == []


def test_what_a_record_of_another_hub_was_is_erased_when_its_owner_takes_something_out(hub):
    log = Log(hub.database)
    first = replace(log.record("idr", "idr0157"), source="idr~eu")
    later = replace(first, record=first.record.replace("Photographs", "Pictures"))
    run = log.start_run("peer:eu")
    log.commit(ingest.Batch(records=[("create", first)]), run)
    log.commit(ingest.Batch(records=[("redact", later)]), run)
    erasure.erase_past(log, hub, "idr~eu", "idr0157")
    ingest.publish(hub, log)
    kept = [version.record for version in log.versions_of(LIVERWORTS) if version.source == "idr~eu"]
    assert kept == [None, later.record]
    assert log.record("idr~eu", "idr0157").record == later.record
    log.close()
    assert problems(hub) == []


# --- erasing a part --------------------------------------------------------------------------------------------------


def test_a_person_is_taken_out_of_records_history_and_payload(hub):
    assert files_with(hub, ORCID, "Peters")
    decide(hub, "redact", cut=cut_of(hub, values=[ORCID], is_person=True))
    for again in (False, True):
        ingest.harvest(hub, ["idr"], full=again)
    record = json.loads(row_of(hub).record)
    assert "author" not in record
    assert row_of(hub).state == "active"
    assert [note["rule"] for note in json.loads(row_of(hub).findings)].count("redacted") == 1
    first, last = versions_of(hub)
    assert MAN not in first.record
    assert (first.signed, last.action, bool(last.signed), bool(first.erased_sha256)) == (None, "redact", True, True)
    assert files_with(hub, ORCID, MAN) == []
    assert problems(hub) == []


def test_a_value_of_one_slot_becomes_a_mark_and_a_slot_goes_as_a_whole(hub):
    decide(hub, "redact", cut=cut_of(hub, "copyright_notice", ["peters et al"]))
    decide(hub, "redact", cut=cut_of(hub, "date_published"))
    record = json.loads(row_of(hub).record)
    assert record["copyright_notice"] == "[redacted], CC-BY-4.0, 2024"
    assert record["author"][0]["name"] == MAN
    assert "date_published" not in record
    with pytest.raises(ConfigError, match="no record"):
        decide(hub, "redact", cut=cut_of(hub, "name"))
    with pytest.raises(ConfigError, match="does not hold it"):
        decide(hub, "redact", cut=cut_of(hub, "description", ["not there at all"]))


def test_a_person_everywhere_is_taken_out_of_what_comes_later_too(hub):
    later = {**hub.sources, "again": replace(hub.sources["idr"], name="again")}
    decision = decide(hub, "redact", None, cut=cut_of(hub, values=[MAN], is_person=True))
    ingest.harvest(replace(hub, sources=later), ["again"])
    assert "author" not in json.loads(row_of(hub, source="again").record)
    assert files_with(hub, MAN, ORCID) == []
    assert ingest.payload_path(hub.raw_dir, row_of(hub, accession="idr0004").payload_sha256).is_file()
    restore(hub, decision)
    ingest.harvest(hub, ["idr"])
    assert json.loads(row_of(hub).record)["author"][0]["name"] == MAN


def test_the_key_of_redactions_must_not_be_lost(hub):
    decide(hub, "redact", cut=cut_of(hub, values=[MAN], is_person=True))
    key = hub.key_file.with_name("redactions.key")
    assert key.stat().st_mode & 0o777 == 0o600
    kept = key.read_text()
    key.write_text("00" * 32)
    with pytest.raises(StoreError, match="another than before"):
        ingest.harvest(hub, ["idr"])
    key.unlink()
    with pytest.raises(StoreError, match="put it back"):
        ingest.harvest(hub, ["idr"])
    key.write_text(kept)
    ingest.harvest(hub, ["idr"])


RECORD = {
    "id": "https://h/dataset/a/1",
    "accession": "1",
    "name": "Cells of Jane Doe",
    "description": "Write to jane.doe@example.org, or to DOE, Jane. The rest.",
    "url": "https://example.org/jane-doe/1",
    "author": [
        {"id": "https://orcid.org/0000-0002-1825-0097", "name": "Jane Doe"},
        {"id": "https://h/record/a/1#x", "name": "Doe Jane"},
        {"id": "https://h/record/a/1#y", "name": "John Roe"},
    ],
    "contact": [{"id": "https://orcid.org/0000-0002-1825-0097", "name": "J Doe"}],
}


@pytest.mark.parametrize(
    ("values", "is_person", "authors", "description"),
    [
        (["Jane Doe"], True, 1, "Write to [redacted]@example.org, or to [redacted]. The rest."),
        (["0000-0002-1825-0097"], True, 2, "Write to [redacted]@example.org, or to [redacted]. The rest."),
        (["jane.doe@example.org"], False, 3, "Write to [redacted], or to DOE, Jane. The rest."),
        (["the REST"], False, 3, "Write to jane.doe@example.org, or to DOE, Jane. [redacted]."),
        (["nobody"], False, 3, RECORD["description"]),
    ],
)
def test_what_is_left_of_a_record(values, is_person, authors, description):
    secret = Secret(b"k" * 32)
    cut = of_value(secret, "", values, is_person=is_person)
    assert "doe" not in json.dumps(cut.to_json()).lower()
    left, notes = cutting.without(json.dumps(RECORD), '[{"value": "The rest"}]', [cut], secret)
    told = json.loads(left)
    assert (len(told["author"]), told["description"]) == (authors, description)
    assert (notes == '[{"value": "The rest"}]') == (values != ["the REST"])
    assert ("contact" in told) == (not is_person)
    assert cutting.without(left, notes, [cut], secret) == (left, notes), "twice is once"
    with pytest.raises(ConfigError, match="words"):
        of_value(secret, "", ["…"])


def test_both_databases_erase(tmp_path, postgres_url):
    settings = replace(small(tmp_path), database_url=postgres_url)
    ingest.harvest(settings, ["idr"])
    decide(settings, "redact", cut=cut_of(settings, values=[ORCID], is_person=True))
    decide(settings, "suppress", f"{BASE}dataset/idr/idr0004")
    decide(settings, "redact", f"{BASE}dataset/idr/idr0015")
    ingest.harvest(settings, ["idr"], full=True)
    log = Log(postgres_url)
    with log.engine.connect() as db:
        tables = [str(name) for name in sa.inspect(db).get_table_names()]
        told = {name: str(db.execute(sa.text(f'SELECT * FROM "{name}"')).all()) for name in tables}
    log.close()
    assert [name for name, text in told.items() if MAN in text or ORCID in text] == []
    assert [row_of(settings, accession=name).state for name in ("idr0157", "idr0004", "idr0015")] == [
        "active",
        "suppressed",
        "redacted",
    ]
    assert problems(settings) == []
