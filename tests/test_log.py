"""The catalogue: one transaction a batch, a log without gaps; on SQLite and on PostgreSQL."""

import pytest
import sqlalchemy as sa

from hub import log as log_module
from hub.errors import StoreError
from hub.log import Batch, EntryRow, Log, RecordRow, Report


@pytest.fixture(params=["sqlite", "postgresql"])
def log(request, tmp_path):
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'catalogue.sqlite'}"
    else:
        url = request.getfixturevalue("postgres_url")
    found = Log(url)
    yield found
    log_module.metadata.drop_all(found.engine)
    found.close()


def row(accession, **more):
    base = {
        "source": "bia",
        "accession": accession,
        "iri": f"https://h/dataset/bia/{accession}",
        "state": "active",
        "title": "T",
        "record": "{}",
        "findings": "[]",
        "withdrawal": None,
        "payload_sha256": "0" * 64,
        "source_url": None,
        "harvester": "crates/1",
        "first_seen": "2026-01-01T00:00:00Z",
        "changed": "2026-01-01T00:00:00Z",
        "run": 1,
    }
    return RecordRow(**{**base, **more})


def entry(key, **more):
    return EntryRow(
        **{
            "source": "bia",
            "key": key,
            "version": "v",
            "payload_sha256": "0" * 64,
            "harvester": "crates/1",
            "accession": key,
            **more,
        }
    )


def test_changes_are_numbered_without_gaps_and_records_hold_what_stands(log):
    assert log.commit(Batch([entry("a")], [("create", row("a")), ("create", row("b"))]), 1) == 2
    assert log.commit(Batch([], [("update", row("a", title="new"))]), 2) == 3
    assert [(c.sequence, c.action, c.accession) for c in log.changes_since(0, 10)] == [
        (1, "create", "a"),
        (2, "create", "b"),
        (3, "update", "a"),
    ]
    assert log.record("bia", "a").title == "new"
    assert [r.accession for r in log.describing([("bia", "b"), ("bia", "b"), ("bia", "none")])] == ["b"]
    assert log.last_sequence() == 3


def test_a_batch_is_written_whole_or_not_at_all(log):
    broken = row("c", title=None)
    with pytest.raises(sa.exc.IntegrityError):
        log.commit(Batch([entry("c")], [("create", row("b")), ("create", broken)]), 1)
    assert log.last_sequence() == 0
    assert log.known_entries("bia") == {}
    assert log.record("bia", "b") is None


def test_entries_are_remembered_replaced_and_forgotten(log):
    log.commit(Batch([entry("a"), entry("b")]), 1)
    log.commit(Batch([entry("a", version="w", rejected='["why"]')]), 2)
    assert log.known_entries("bia")["a"].version == "w"
    assert log.rejected("bia") == [("bia", "a", '["why"]')]
    assert log.known_entries("other") == {}
    log.commit(Batch(forgotten=[("bia", "a")]), 3)
    assert set(log.known_entries("bia")) == {"b"}


def test_runs_are_numbered_and_one_left_open_is_marked(log):
    first = log.start_run("bia")
    second = log.start_run("bia")
    log.finish_run(second, Report(listed=3, new=3, seconds=0.5))
    other = log.start_run("idr")
    log.finish_run(other, Report(), error="no answer")
    assert (first, second, other) == (1, 2, 3)
    runs = log.last_runs()
    assert runs["bia"]["state"] == "done"
    assert runs["bia"]["listed"] == 3
    assert (runs["idr"]["state"], runs["idr"]["error"]) == ("failed", "no answer")
    with log.engine.connect() as db:
        assert db.scalar(sa.select(log_module.runs.c.state).where(log_module.runs.c.number == first)) == "interrupted"


def test_only_runs_that_changed_something_are_told(log):
    run = log.start_run("bia")
    log.commit(Batch([], [("create", row("a", run=run))]), run)
    log.start_run("bia")
    assert [r["number"] for r in log.runs_with_changes()] == [run]


def test_states_are_counted(log):
    log.commit(Batch([], [("create", row("a")), ("withdraw", row("b", state="withdrawn"))]), 1)
    assert log.counts() == {"active": 1, "withdrawn": 1}
    assert log.standing("bia") == {"a": "active", "b": "withdrawn"}


def test_settings_are_remembered(log):
    assert log.setting("base_iri") is None
    log.set_setting("base_iri", "https://h/")
    log.set_setting("base_iri", "https://i/")
    assert log.setting("base_iri") == "https://i/"


def test_every_version_of_a_record_is_kept(log):
    log.commit(Batch([], [("create", row("a")), ("create", row("b"))]), 1)
    log.commit(Batch([], [("update", row("a", title="new", record='{"n": 2}'))]), 2)
    log.commit(Batch([], [("withdraw", row("a", title="new", record='{"n": 2}', state="withdrawn"))]), 3)
    found = log.versions_of("https://h/dataset/bia/a")
    assert [(v.sequence, v.action, v.state, v.title, v.record, v.run) for v in found] == [
        (1, "create", "active", "T", "{}", 1),
        (3, "update", "active", "new", '{"n": 2}', 2),
        (4, "withdraw", "withdrawn", "new", '{"n": 2}', 3),
    ]
    assert [v.sequence for v in log.versions_since(1, 10, until=3)] == [2, 3]
    assert log.version(2).accession == "b"
    assert log.version(9) is None


def test_what_stood_at_a_number_is_the_last_version_of_each_record(log):
    iri = "https://h/dataset/bia/a"
    log.commit(Batch([], [("create", row("a")), ("create", row("EMD-1", source="emdb", iri=iri))]), 1)
    log.commit(Batch([], [("update", row("a", title="new"))]), 2)
    assert [(v.source, v.title) for v in log.standing_at(iri, 2)] == [("bia", "T"), ("emdb", "T")]
    assert [(v.source, v.title) for v in log.standing_at(iri, 3)] == [("bia", "new"), ("emdb", "T")]
    assert log.standing_at(iri, 0) == []


def test_a_catalogue_without_versions_begins_with_what_stands(log):
    log.commit(Batch([], [("create", row("a")), ("create", row("b"))]), 1)
    log.commit(Batch([], [("update", row("a", title="new"))]), 2)
    with log.engine.begin() as db:
        db.execute(sa.delete(log_module.versions))
    log.set_setting("layout", "1")
    again = Log(log.engine.url)
    assert [(v.sequence, v.accession, v.title) for v in again.versions_since(0, 10)] == [(2, "b", "T"), (3, "a", "new")]
    assert again.setting("layout") == log_module.LAYOUT
    again.close()


def test_a_catalogue_of_another_layout_is_refused(log):
    log.set_setting("layout", "99")
    with pytest.raises(StoreError, match="layout 99"):
        Log(log.engine.url.render_as_string(hide_password=False))


def test_a_report_adds_up():
    assert Report(listed=5, new=1, changed=1, unchanged=2, rejected=1).adds_up()
    assert not Report(listed=5).adds_up()


def test_a_catalogue_that_cannot_be_reached_is_one_clear_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match=r"data_dir: .* cannot be made"):
        Log(f"sqlite:///{tmp_path / 'file' / 'c.sqlite'}")
    with pytest.raises(StoreError, match="cannot be used"):
        Log(f"sqlite:///{tmp_path}")
    with pytest.raises(StoreError, match="database_url: "):
        Log("nonsense://x")
