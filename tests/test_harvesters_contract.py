"""What every harvester promises; a new module in ``harvesters/`` is tested here by being there."""

from __future__ import annotations

import builtins
import contextlib
import importlib
import json
import pkgutil
import random
import re
import socket
import sys
import threading
import time
from collections.abc import Iterator
from importlib.resources import files
from io import BytesIO
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from pyoxigraph import NamedNode, Store

import harvesters
from harvesters.contract import Context, Entry, Finding, Harvested, Harvester, RecordError, Source
from harvesters.http import Manners, PoliteSession
from hub import config, ingest, records, snapshots
from hub.log import Log, Report
from linkml_schemas.generated.model import Dataset
from ontology import text
from tests import hostile_archive

DEMO = Path(__file__).parents[1] / "hub" / "demo"
BASE = "https://hub.example/"


def declared() -> dict[str, Harvester]:
    modules = (importlib.import_module(f"harvesters.{m.name}") for m in pkgutil.iter_modules(harvesters.__path__))
    return {m.__name__.rpartition(".")[2]: m.HARVESTER for m in modules if hasattr(m, "HARVESTER")}


HARVESTERS = declared()
SOURCES = {s.harvester: s for s in reversed(config.load(str(DEMO / "hub.toml"), {}).sources.values())}
Case = tuple[Harvester, Source]


@pytest.fixture(params=sorted(HARVESTERS))
def case(request: pytest.FixtureRequest) -> Case:
    if request.param not in SOURCES:
        pytest.skip(f"the demonstration has no source for {request.param}")
    return HARVESTERS[request.param], SOURCES[request.param]


@pytest.fixture
def http() -> Iterator[PoliteSession]:
    with PoliteSession(Manners(interval_s=0, retries=0)) as session:
        yield session


def fetched(case: Case, http: PoliteSession, entry: Entry) -> bytes:
    harvester, source = case
    return entry.payload if entry.payload is not None else harvester.fetch(http, source, entry)


def transformed(case: Case, http: PoliteSession) -> Iterator[tuple[bytes, Entry, Harvested]]:
    """Every entry of the demonstration that is published."""
    harvester, source = case
    for entry in harvester.entries(http, source):
        raw = fetched(case, http, entry)
        with contextlib.suppress(RecordError):
            yield raw, entry, harvester.transform(raw, entry, Context(BASE, source, http.open))


def test_every_harvester_has_demonstration_data() -> None:
    assert sorted(SOURCES) == sorted(HARVESTERS)


@pytest.mark.parametrize("name", sorted(HARVESTERS))
def test_declaration(name: str) -> None:
    harvester = HARVESTERS[name]
    assert harvester.name == name
    assert harvester.title
    assert harvester.homepage.startswith("https://")
    assert harvester.licence is None or harvester.licence.startswith("https://")
    assert harvester.version >= 1
    assert harvester.listing in ("full", "partial") or callable(harvester.listing)
    assert harvester.route in (1, 2, 3)


def test_listing_is_sorted_unique_and_repeatable(case: Case, http: PoliteSession) -> None:
    harvester, source = case
    listed = list(harvester.entries(http, source))
    keys = [e.key for e in listed]
    assert keys
    assert keys == sorted(set(keys))
    with PoliteSession() as another:
        assert [(e.key, e.url) for e in harvester.entries(another, source)] == [(e.key, e.url) for e in listed]


def test_fetch_gives_the_same_bytes(case: Case, http: PoliteSession) -> None:
    harvester, source = case
    for entry in harvester.entries(http, source):
        raw = fetched(case, http, entry)
        assert isinstance(raw, bytes)
        assert raw
        assert fetched(case, http, entry) == raw


def read(http: PoliteSession, digest: str) -> bytes:
    with http.open(digest) as stream:
        return stream.read()


def test_transform_is_pure(case: Case, http: PoliteSession, monkeypatch: pytest.MonkeyPatch) -> None:
    harvester, source = case
    warm = list(transformed(case, http))

    here = threading.get_ident()

    def refused(original: Any) -> Any:
        def refuse(*given: Any, **named: Any) -> Any:
            if threading.get_ident() == here:  # servers of other tests may still run beside
                pytest.fail("transform reached for a file, a socket or the clock")
            return original(*given, **named)

        return refuse

    with monkeypatch.context() as patch:
        kept = {digest: read(http, digest) for raw, *_ in warm for digest in harvester.attachments(raw)}
        patch.setattr(builtins, "open", refused(open))
        patch.setattr(Path, "open", refused(Path.open))
        patch.setattr(socket, "socket", refused(socket.socket))
        for clock in ("time", "time_ns", "monotonic", "localtime", "gmtime"):
            patch.setattr(time, clock, refused(getattr(time, clock)))
        state = random.getstate()
        context = Context(BASE, source, lambda digest: BytesIO(kept[digest]))
        again = [harvester.transform(raw, entry, context) for raw, entry, _ in warm]
        assert random.getstate() == state
    assert again == [harvested for *_, harvested in warm]


def schema_errors(case: Case, http: PoliteSession) -> Iterator[tuple[str, str]]:
    """The slot and message of what the generated JSON schema says of the demonstration's records."""
    schema = json.loads(files("linkml_schemas.generated").joinpath("schema.json").read_text(encoding="utf-8"))
    validator = jsonschema.validators.validator_for(schema)({**schema, "$ref": "#/$defs/Dataset"})
    for _, _, harvested in transformed(case, http):
        for error in validator.iter_errors(json.loads(records.to_json(records.canonical(harvested.record)))):
            slots = [step for step in error.path if isinstance(step, str)]
            yield slots[-1] if slots else "", error.message


def test_record_is_valid(case: Case, http: PoliteSession) -> None:
    for _, _, harvested in transformed(case, http):
        record = records.canonical(harvested.record)
        assert Dataset.model_validate(record.model_dump()) == record
    assert list(schema_errors(case, http)) == []


def test_record_comes_round(case: Case, http: PoliteSession) -> None:
    for _, _, harvested in transformed(case, http):
        record = records.canonical(harvested.record)
        assert records.from_quads(records.to_quads(record), record.id) == record
        assert records.from_jsonld(records.to_jsonld(record), record.id) == record
        assert records.from_json(records.to_json(record)) == record


def test_iris_are_absolute(case: Case, http: PoliteSession) -> None:
    for _, _, harvested in transformed(case, http):
        assert harvested.record.id.startswith(f"{BASE}dataset/")
        for quad in records.to_quads(records.canonical(harvested.record)):
            for term in (quad.subject, quad.object):
                if isinstance(term, NamedNode):
                    assert re.fullmatch(r"https?://[^\s<>\"{}|\\^`]+", term.value), term


def test_no_email_anywhere(case: Case, http: PoliteSession) -> None:
    for _, entry, harvested in transformed(case, http):
        said = records.to_json(harvested.record) + "".join(f.value + f.message for f in harvested.findings)
        assert not text.has_email(said), entry.key
        assert "example.org" not in said.replace("https://example.org", ""), entry.key


def test_findings_say_what_is_wrong(case: Case, http: PoliteSession) -> None:
    for _, _, harvested in transformed(case, http):
        for finding in harvested.findings:
            assert isinstance(finding, Finding)
            assert finding.field
            assert re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", finding.rule), finding
            assert len(finding.message) > 0
            assert len(finding.value) <= 200
            f"{finding.field}{finding.value}{finding.message}".encode()


GARBAGE: list[Any] = [
    b"", b"null", b"[]", b"{}", b"[{}]", b'{"@graph": {}}', b'"x"', b"7", b"NaN", b"\xff\xfe\x00", b"<xml/>",
    b"PK\x03\x04",
    b"[" * 50_000, b'{"a":' * 50_000, b"1" * 50_000, b"\x00" * 100, random.Random(1).randbytes(5000),
]  # fmt: skip


@pytest.mark.parametrize("raw", GARBAGE, ids=lambda raw: repr(raw[:12]))
def test_garbage_is_a_record_error(case: Case, raw: bytes) -> None:
    harvester, source = case
    for key in ("x", "x.json", "x.tsv", "x.xlsx", "EMPIAR-10001", "x-ro-crate-metadata.json"):
        with pytest.raises(RecordError) as refused:
            harvester.transform(raw, Entry(key), Context(BASE, source))
        assert refused.value.reasons


def test_cut_payloads_are_record_errors(case: Case, http: PoliteSession) -> None:
    harvester, source = case
    for raw, entry, _ in list(transformed(case, http))[:3]:
        for length in range(1, len(raw) - 3, max(1, len(raw) // 25)):
            try:
                harvester.transform(raw[:length], entry, Context(BASE, source))
            except RecordError:
                continue


# --- an awkward archive, through the whole run


@pytest.fixture
def archive(monkeypatch: pytest.MonkeyPatch) -> hostile_archive.Archive:
    monkeypatch.setitem(sys.modules, "harvesters.hostile", hostile_archive)
    made = hostile_archive.Archive()
    monkeypatch.setattr(hostile_archive, "ARCHIVE", made)
    return made


@pytest.fixture
def settings(tmp_path: Path) -> config.Settings:
    source = Source("bad", "hostile", "bia", "https://hostile.example/")
    return config.Settings(data_dir=tmp_path, base_iri=BASE, sources={"bad": source})


def run(settings: config.Settings, *, fails: bool = False, **options: bool) -> Report:
    (outcome,) = ingest.harvest(settings, ["bad"], **options)
    assert outcome.report.adds_up(), outcome.report
    assert (outcome.error is not None) == fails
    return outcome.report


def counts(report: Report) -> dict[str, int]:
    """The counts that are not zero, without those that every run has."""
    return {k: v for k, v in vars_of(report).items() if v and k not in ("seconds", "listed", "findings")}


def vars_of(report: Report) -> dict[str, int]:
    return {name: getattr(report, name) for name in report.__dataclass_fields__}


def standing(settings: config.Settings) -> dict[str, tuple[str, str, str]]:
    """Accession → IRI, state and title of what the log says, which the published graph must say too."""
    log = Log(settings.database)
    rows = {r.accession: (r.iri, r.state, r.title) for r in log.all_records()}
    log.close()
    query = "SELECT ?d ?n { ?d a <http://schema.org/Dataset> ; <http://schema.org/name> ?n }"
    store = Store.read_only(str(snapshots.current(settings.snapshots_dir).graph))
    shown = {(str(row["d"].value), str(row["n"].value)) for row in store.query(query)}
    assert shown == {(iri, title) for iri, state, title in rows.values() if state == "active"}
    return rows


def actions(settings: config.Settings) -> list[tuple[str, str]]:
    log = Log(settings.database)
    found = [(c.accession, c.action) for c in log.changes_since(0, 10_000)]
    assert [c.sequence for c in log.changes_since(0, 10_000)] == list(range(1, len(found) + 1))
    log.close()
    return found


def rejected(settings: config.Settings) -> dict[str, list[str]]:
    log = Log(settings.database)
    found = {key: json.loads(reasons) for _, key, reasons in log.rejected("bad")}
    log.close()
    return found


def test_repeated_keys_and_bad_records(archive: hostile_archive.Archive, settings: config.Settings) -> None:
    for number in range(1, 21):
        archive.put(number)
    spoilt = archive.spoil(0.3)
    report = run(settings)
    assert (report.listed, counts(report)) == (20, {"new": 14, "rejected": 6})
    assert sorted(rejected(settings)) == spoilt
    assert all(reasons[1:] == ["a second reason"] for reasons in rejected(settings).values())
    assert len(standing(settings)) == 14
    assert counts(run(settings)) == {"unchanged": 14, "rejected": 6}
    assert len(actions(settings)) == 14
    for key in spoilt:
        archive.put(int(key[1:]))
    assert counts(run(settings)) == {"new": 6, "unchanged": 14}
    assert rejected(settings) == {}


def test_record_that_turns_bad_keeps_what_stood(archive: hostile_archive.Archive, settings: config.Settings) -> None:
    for number in range(1, 11):
        archive.put(number)
    run(settings)
    before = standing(settings)
    spoilt = archive.spoil(0.3)
    assert counts(run(settings)) == {"unchanged": 7, "rejected": 3}
    assert standing(settings) == before
    assert sorted(rejected(settings)) == spoilt


def test_listing_that_breaks_off_removes_nothing(archive: hostile_archive.Archive, settings: config.Settings) -> None:
    for number in range(1, 11):
        archive.put(number)
    run(settings)
    before = standing(settings)
    for number in range(1, 4):
        del archive.documents[f"e{number:04}"]
        archive.put(number + 20)
    archive.put(4, title="Changed")
    archive.breaks_after = 2
    assert counts(run(settings, fails=True)) == {"changed": 1, "unchanged": 1}
    changed = {**before, "S-BIAD4": (*before["S-BIAD4"][:2], "Changed")}
    assert standing(settings) == changed
    archive.breaks_after = None
    report = run(settings, confirm=True)
    assert counts(report) == {"new": 3, "unchanged": 7, "deleted": 3}


def test_one_accession_of_two_entries(archive: hostile_archive.Archive, settings: config.Settings) -> None:
    archive.put(1)
    archive.put(2, accession="S-BIAD1", title="An impostor")
    archive.put(3)
    for _ in range(2):
        run(settings)
        assert {a: title for a, (_, _, title) in standing(settings).items()} == {
            "S-BIAD1": "Title 1",
            "S-BIAD3": "Title 3",
        }
        assert list(rejected(settings)) == ["e0002"]
        assert "S-BIAD1" in rejected(settings)["e0002"][0]
        assert "e0001" in rejected(settings)["e0002"][0]


def test_unreadable_entries(archive: hostile_archive.Archive, settings: config.Settings) -> None:
    for number in range(1, 21):
        archive.put(number)
    run(settings)
    before = standing(settings)
    archive.unreadable = frozenset({"e0003", "e0009"})
    assert counts(run(settings)) == {"unchanged": 18, "rejected": 2}
    assert rejected(settings)["e0003"] == ["not read: gone"]
    assert standing(settings) == before
    archive.unreadable = frozenset(archive.documents)
    report = run(settings, fails=True)
    assert counts(report) == {"rejected": ingest.MAX_FAILED_IN_A_ROW - 1}
    assert standing(settings) == before
    archive.unreadable = frozenset()
    assert counts(run(settings)) == {"unchanged": 20}
    assert standing(settings) == before


def test_guard_holds_until_confirmed_and_a_return_is_a_restore(
    archive: hostile_archive.Archive, settings: config.Settings
) -> None:
    for number in range(1, 11):
        archive.put(number)
    run(settings)
    before = standing(settings)
    kept = dict(archive.documents)
    for number in range(1, 6):
        del archive.documents[f"e{number:04}"]
    for _ in range(2):
        assert counts(run(settings)) == {"unchanged": 5, "held": 5}
        assert standing(settings) == before
    assert counts(run(settings, confirm=True)) == {"unchanged": 5, "deleted": 5}
    after = standing(settings)
    assert [a for a, (_, state, _) in after.items() if state == "withdrawn"] == [f"S-BIAD{n}" for n in range(1, 6)]
    assert {a: iri for a, (iri, *_) in after.items()} == {a: iri for a, (iri, *_) in before.items()}
    assert counts(run(settings)) == {"unchanged": 5}
    archive.documents.update(kept)
    report = run(settings)
    assert report.rejected == report.held == report.deleted == 0
    assert standing(settings) == before
    assert actions(settings)[-5:] == [(f"S-BIAD{n}", "restore") for n in range(1, 6)]


def test_vanished_archive_is_held(archive: hostile_archive.Archive, settings: config.Settings) -> None:
    for number in range(1, 4):
        archive.put(number)
    run(settings)
    before = standing(settings)
    archive.documents.clear()
    assert counts(run(settings)) == {"held": 3}
    assert standing(settings) == before


def test_huge_and_dirty_text(archive: hostile_archive.Archive, settings: config.Settings) -> None:
    archive.put(1, title="x" * 5_000_000)
    archive.put(2, title="a\u0000\ud800b\uf06d write to jane@example.org", page="jane@example.org")
    report = run(settings)
    assert (report.new, report.findings) == (2, 2)
    rows = standing(settings)
    assert len(rows["S-BIAD1"][2]) == 5_000_000
    assert rows["S-BIAD2"][2] == "abµ write to [e-mail removed]"
    assert counts(run(settings, full=True)) == {"unchanged": 2}


def test_versions_spare_the_archive(archive: hostile_archive.Archive, settings: config.Settings) -> None:
    archive.versions = True
    for number in range(1, 11):
        archive.put(number)
    archive.spoil(0.3)
    first = run(settings)
    fetched = archive.fetched
    second = run(settings)
    assert (fetched, archive.fetched) == (10, 13), "what was rejected is read once more: it may have been a mishap"
    assert (second.unchanged, second.rejected) == (first.new, first.rejected)
    run(settings)
    assert archive.fetched == 13
    assert counts(run(settings, full=True)) == {"unchanged": 7, "rejected": 3}
    assert archive.fetched == 23


def test_ever_changing_archive_always_adds_up(archive: hostile_archive.Archive, settings: config.Settings) -> None:
    chance = random.Random(7)
    iris: dict[str, str] = {}
    for turn in range(8):
        for number in chance.sample(range(1, 40), 12):
            if chance.random() < 0.4:
                archive.documents.pop(f"e{number:04}", None)
            else:
                archive.put(number, title=f"Title {number} of turn {turn}", accession=f"S-BIAD{number // 2 + 1}")
        archive.spoil(0.3, turn)
        run(settings, confirm=chance.random() < 0.5)
        rows = standing(settings)
        assert iris.keys() <= rows.keys()
        assert all(rows[accession][0] == iri for accession, iri in iris.items())
        iris = {accession: iri for accession, (iri, *_) in rows.items()}
        assert all(reasons for reasons in rejected(settings).values())


def test_report_of_a_broken_listing_adds_up(archive: hostile_archive.Archive, settings: config.Settings) -> None:
    archive.put(2, accession="S-BIAD1")
    run(settings)
    archive.put(1, accession="S-BIAD1")
    archive.breaks_after = 1
    run(settings, fails=True)


def test_listing_that_calls_entries_withdrawn(archive: hostile_archive.Archive, settings: config.Settings) -> None:
    for number in range(1, 11):
        archive.put(number)
    run(settings)
    before = standing(settings)
    archive.withdrawn = frozenset({"e0002", "e0099"})
    assert counts(run(settings)) == {"changed": 1, "unchanged": 9, "deleted": 1}
    assert [a for a, (_, state, _) in standing(settings).items() if state == "withdrawn"] == ["S-BIAD2"]
    assert actions(settings)[-1] == ("S-BIAD2", "withdraw")
    assert counts(run(settings)) == {"unchanged": 10}
    archive.withdrawn = frozenset()
    report = run(settings)
    assert (report.unchanged, report.deleted, report.rejected) == (9, 0, 0)
    assert standing(settings) == before
    assert actions(settings)[-1] == ("S-BIAD2", "restore")


def test_flood_of_withdrawals_is_held(archive: hostile_archive.Archive, settings: config.Settings) -> None:
    for number in range(1, 11):
        archive.put(number)
    run(settings)
    before = standing(settings)
    archive.withdrawn = frozenset(list(archive.documents)[:5])
    archive.is_partial = True
    assert counts(run(settings)) == {"unchanged": 10, "held": 5}
    assert standing(settings) == before
    assert counts(run(settings, confirm=True)) == {"changed": 5, "unchanged": 5, "deleted": 5}


def test_listing_that_breaks_off_withdraws_nothing(archive: hostile_archive.Archive, settings: config.Settings) -> None:
    for number in range(1, 11):
        archive.put(number)
    run(settings)
    before = standing(settings)
    archive.withdrawn, archive.breaks_after = frozenset({"e0001"}), 4
    run(settings, fails=True)
    assert standing(settings) == before


def test_partial_listing_removes_nothing(archive: hostile_archive.Archive, settings: config.Settings) -> None:
    for number in range(1, 11):
        archive.put(number)
    run(settings)
    before = standing(settings)
    archive.is_partial = True
    for number in range(1, 9):
        del archive.documents[f"e{number:04}"]
    assert counts(run(settings)) == {"unchanged": 2}
    assert standing(settings) == before


def test_payloads_of_the_listing_are_not_fetched(archive: hostile_archive.Archive, settings: config.Settings) -> None:
    archive.carries = True
    archive.put(1)
    assert counts(run(settings)) == {"new": 1}
    assert archive.fetched == 0


def test_a_run_recalls_what_the_last_complete_one_remembered(
    archive: hostile_archive.Archive, settings: config.Settings
) -> None:
    for number in range(1, 11):
        archive.put(number)
    run(settings)
    archive.breaks_after = 3
    run(settings, fails=True)
    archive.breaks_after, archive.unreadable = None, frozenset({"e0001"})
    run(settings)
    archive.unreadable = frozenset()
    archive.withdrawn = frozenset(list(archive.documents)[:5])
    run(settings)
    run(settings, confirm=True)
    run(settings)
    run(settings, full=True)
    assert archive.recalled == [None, "1", "1", "1", "1", "5", None]
