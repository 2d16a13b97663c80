"""Findings with a life: from three sources, open, fixed, back again, waived; made again from their events."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from harvesters.contract import Source
from hub import findings, records
from hub import log as log_module
from hub.cli import app
from hub.config import Settings
from hub.errors import NotFoundError, VerdictConflictError, VerdictError
from hub.findings import Filter, Findings
from hub.links.catalogue import Links
from hub.log import Log
from hub.views import findings_of
from ontology import iris
from tests import links_support
from tests.links_support import row
from tests.support import BASE

SOURCES = {n: Source(n, h, "bia", "/nowhere") for n, h in (("bia", "crates"), ("other", "oai"))}
SETTINGS = Settings(base_iri=BASE, sources=SOURCES)
DOI = {
    "field": "publication[0].@id",
    "rule": "doi-invalid",
    "value": "10.1",
    "message": "no DOI",
    "suggestion": "10.1038/1",
}
HINT = {"field": "name", "rule": "label-mismatch", "value": "Mouse", "message": "is called so", "suggestion": None}


@pytest.fixture(params=["sqlite", "postgresql"])
def log(request, tmp_path):
    is_sqlite = request.param == "sqlite"
    found = Log(f"sqlite:///{tmp_path / 'c.sqlite'}" if is_sqlite else request.getfixturevalue("postgres_url"))
    yield found
    clear(found)
    found.close()


def clear(log):
    findings.metadata.drop_all(log.engine)
    links_support.clear(log)


def put(log, accession, *found, title="T", run=None, **more):
    number = log.start_run("bia") if run is None else run
    changed = f"2026-01-01T00:00:{number % 60:02d}Z"
    commit_in(log, number, row(accession, title, findings=json.dumps(found), changed=changed, run=number, **more))
    return number


def commit_in(log, run, one):
    action = "withdraw" if one.state == "withdrawn" else "update"
    log.commit(log_module.Batch(records=[(action, one)]), run)


def update(log, **more):
    links = Links(log)
    links_support.update(log, links)
    return findings.update(log, links, replace(SETTINGS, **more))


def stands(log):
    known = Findings(log)
    return {(r.accession, r.rule): r for r in known.every(Filter())}


def whole(log):
    with log.engine.connect() as db:
        return sorted(tuple(r) for r in db.execute(sa.select(findings.table)))


def test_a_finding_lives_from_run_to_run(log):
    first = put(log, "A", DOI, HINT)
    assert update(log) == 2
    doi = stands(log)["A", "doi-invalid"]
    assert (doi.state, doi.first_run, doi.first_seen) == ("open", first, "2026-01-01T00:00:01Z")
    assert (doi.archive, doi.dataset, doi.origin, doi.severity) == (
        "bia",
        f"{BASE}dataset/bia/A",
        "record",
        "violation",
    )
    assert (doi.field, doi.place, doi.suggestion) == ("publication[0].@id", "publication.@id", "10.1038/1")

    second = put(log, "A", HINT)
    assert update(log) == 1
    gone = stands(log)["A", "doi-invalid"]
    assert (gone.id, gone.state, gone.fixed_in_run, gone.first_run) == (doi.id, "fixed", second, first)

    put(log, "A", DOI, HINT)
    update(log)
    back = stands(log)["A", "doi-invalid"]
    assert (back.id, back.state, back.fixed_in_run, back.first_run) == (doi.id, "open", None, first)
    assert [e.action for e in Findings(log).history(doi.id)] == ["open", "fix", "reopen"]


def test_what_is_found_is_what_the_graphs_say(log):
    put(log, "A", DOI)
    update(log)
    (found,) = stands(log).values()
    (wanted,) = findings_of(log.record("bia", "A"), BASE)
    assert found.thing(BASE) == wanted
    assert found.iri(BASE) == wanted.id


def test_another_message_is_a_change_of_the_same_finding(log):
    put(log, "A", DOI)
    update(log)
    put(log, "A", {**DOI, "message": "still no DOI"})
    assert update(log) == 1
    (found,) = stands(log).values()
    assert (found.message, found.first_run) == ("still no DOI", 1)
    assert update(log) == 0


def test_a_withdrawn_record_has_nothing_open(log):
    put(log, "A", DOI)
    update(log)
    run = put(log, "A", DOI, state="withdrawn")
    update(log)
    (found,) = stands(log).values()
    assert (found.state, found.fixed_in_run) == ("fixed", run)


def test_findings_of_link_rules_come_and_go(log):
    put(log, "A", title="actin | NOGENE")
    update(log)
    found = stands(log)["A", "unknown-gene"]
    assert (found.origin, found.value, found.state) == ("links", "NOGENE", "open")
    assert found.iri(BASE).startswith(iris.record(BASE, "bia", "A") + "#finding-")
    put(log, "A", title="actin")
    update(log)
    assert stands(log)["A", "unknown-gene"].state == "fixed"


def dataset(accession, licence):
    archive = {"id": f"{BASE}archive/bia", "name": "bia"}
    said = {"id": f"{BASE}dataset/bia/{accession}", "accession": accession, "name": "T", "archive": archive}
    return records.to_json(records.from_json(json.dumps({**said, "license": licence})))


def test_disagreements_follow_every_record_of_the_dataset(log):
    put(log, "A", record=dataset("A", "https://e.org/1"))
    put(log, "A", record=dataset("A", "https://e.org/2"), source="other")
    update(log)
    found = stands(log)["A", "routes-disagree"]
    assert (found.source, found.origin, found.value) == ("other", "routes", "https://e.org/2")
    put(log, "A", record=dataset("A", "https://e.org/2"))
    update(log)
    assert stands(log)["A", "routes-disagree"].state == "fixed"


def test_another_precedence_is_compared_with_every_record(log):
    put(log, "A", record=dataset("A", "https://e.org/1"))
    put(log, "A", record=dataset("A", "https://e.org/2"), source="other")
    update(log)
    update(log, precedence={"license": ("other",)})
    states = {(r.source, r.state) for r in Findings(log).every(Filter(rule="routes-disagree"))}
    assert states == {("other", "fixed"), ("bia", "open")}


def test_only_what_changed_is_looked_at(log):
    for number in range(5):
        put(log, f"A{number}", DOI)
    update(log)
    put(log, "A3")
    seen = []
    links = Links(log)
    findings.update(log, links, SETTINGS, seen.append)
    assert seen == [1]


def test_waived_findings_stay_but_apart(log):
    put(log, "A", DOI)
    update(log)
    known = Findings(log)
    (found,) = stands(log).values()
    assert known.waive(found.id, "Ada", "as printed").state == "waived"
    (row_,) = known.by_rule(Filter())
    assert {n: row_[n] for n in ("open", "fixed", "waived")} == {"open": 0, "fixed": 0, "waived": 1}
    with pytest.raises(VerdictConflictError, match="waived already"):
        known.waive(found.id, "Ada")
    put(log, "A")
    update(log)
    assert stands(log)["A", "doi-invalid"].state == "fixed"
    put(log, "A", DOI)
    update(log)
    back = stands(log)["A", "doi-invalid"]
    assert (back.state, back.waived_by, back.note) == ("waived", "Ada", "as printed")
    assert known.unwaive(found.id, "Bob").state == "open"
    with pytest.raises(VerdictConflictError, match="not waived"):
        known.unwaive(found.id, "Bob")
    with pytest.raises(NotFoundError):
        known.waive("0" * 16, "Ada")
    with pytest.raises(VerdictError):
        known.waive(found.id, " ")


def test_a_rebuild_loses_neither_times_nor_waivers_nor_what_was_fixed(log):
    put(log, "A", DOI, HINT)
    put(log, "B", DOI)
    update(log)
    Findings(log).waive(stands(log)["A", "label-mismatch"].id, "Ada", "fine")
    put(log, "B")
    update(log)
    before = whole(log)
    with log.engine.begin() as db:
        db.execute(sa.delete(findings.table))
    assert findings.rebuild(log, Links(log), SETTINGS) == 0
    assert whole(log) == before


def test_fixes_are_counted_for_a_while(log):
    put(log, "A", DOI)
    update(log)
    put(log, "A")
    update(log)
    assert Findings(log).by_rule(Filter(), at=findings.datetime(2026, 1, 20, tzinfo=findings.UTC))[0]["fixed"] == 1
    assert Findings(log).by_rule(Filter(), at=findings.datetime(2026, 3, 20, tzinfo=findings.UTC)) == []


def test_findings_are_chosen_by_rule_field_state_and_accession(log):
    put(log, "A", DOI, HINT)
    put(log, "B", DOI)
    update(log)
    known = Findings(log)
    assert known.count(Filter(archive="bia")) == 3
    assert known.count(Filter(archive="idr")) == 0
    assert [r.accession for r in known.page(Filter(rule="doi-invalid"), 10)] == ["A", "B"]
    assert [r.accession for r in known.page(Filter(rule="doi-invalid"), 1, 1)] == ["B"]
    assert known.count(Filter(field="publication.@id", accession="A")) == 1
    assert known.count(Filter(state="fixed")) == 0
    assert known.count(Filter(severity="info")) == 1
    assert known.fields("bia") == ["publication.@id", "name"]
    assert len(known.latest(Filter(), 2)) == 2


class Crash(Exception):  # noqa: N818
    pass


STEPS = st.lists(
    st.tuples(
        st.sampled_from("ABC"), st.booleans(), st.booleans(), st.sampled_from(["x", "x | NOGENE"]), st.booleans()
    ),
    min_size=1,
    max_size=6,
)


@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS, crash=st.integers(1, 8))
def test_a_crash_anywhere_comes_to_the_same_end(tmp_path_factory, steps, crash):
    ends = []
    for at in (None, crash):
        log = Log(f"sqlite:///{tmp_path_factory.mktemp('c') / 'c.sqlite'}")
        for accession, doi, hint, title, is_updated in steps:
            put(log, accession, *([DOI] if doi else []), *([HINT] if hint else []), title=title)
            if is_updated:
                crashing(log, at)
        update(log)
        ends.append({(r.id, r.state, r.message, r.first_run) for r in Findings(log).every(Filter())})
        log.close()
    assert ends[0] == ends[1]


def crashing(log, at):
    """Update, and die in one of the transactions if ``at`` says so."""
    links = Links(log)
    links_support.update(log, links)
    seen = 0

    def die(connection, cursor, statement, *_):
        nonlocal seen
        seen += statement.startswith(("INSERT", "DELETE"))
        if at is not None and seen == at:
            raise Crash

    sa.event.listen(log.engine, "before_cursor_execute", die)
    try:
        findings.update(log, links, SETTINGS)
    except Crash:
        at = None
        findings.update(log, links, SETTINGS)
    finally:
        sa.event.remove(log.engine, "before_cursor_execute", die)


# --- command line


def test_commands_list_and_waive(tmp_path):
    (tmp_path / "hub.toml").write_text(f'data_dir = "data"\nbase_iri = "{BASE}"\n')
    log = Log(f"sqlite:///{tmp_path / 'data' / 'catalogue.sqlite'}")
    put(log, "A", DOI, HINT)
    update(log)
    log.close()
    config = ["--config", str(tmp_path / "hub.toml")]

    def run(*words):
        return CliRunner().invoke(app, ["findings", *words, *config])

    listed = json.loads(run("list", "--json").stdout)
    assert {f["rule"] for f in listed} == {"doi-invalid", "label-mismatch"}
    (doi,) = [f["id"] for f in listed if f["rule"] == "doi-invalid"]
    assert "waived" in run("waive", f"{BASE}quality/finding/{doi}", "--by", "Ada", "--note", "so be it").stdout
    assert [f["rule"] for f in json.loads(run("list", "--json").stdout)] == ["label-mismatch"]
    assert [f["note"] for f in json.loads(run("list", "--state", "waived", "--json").stdout)] == ["so be it"]
    assert "2 findings" in run("list", "--state", "all", "--archive", "bia").stdout
    assert "open" in run("unwaive", doi, "--by", "Ada").stdout
    assert "one of" in str(run("list", "--state", "shut").exception)
    assert isinstance(run("waive", "nothing", "--by", "Ada").exception, NotFoundError)


def test_every_severity_is_known():
    assert not findings.VIOLATIONS & findings.INFORMATION
    assert {findings.severity(r) for r in (*findings.VIOLATIONS, *findings.INFORMATION, "x")} == set(
        findings.SEVERITIES
    )
