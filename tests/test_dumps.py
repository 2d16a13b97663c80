"""Dumps: what is in which file, that the same state gives the same bytes, and that whatever was touched is named."""

from __future__ import annotations

import io
import json
import re
import shutil
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import zstandard
from pyoxigraph import RdfFormat, Store, parse

from hub import erasure, ingest, snapshots
from hub.config import Settings
from hub.dumps import layout, make, manifest, records, statements, studies, tables
from hub.dumps.layout import HASHES, MANIFEST, RECORDS, STATEMENTS, STUDIES, Dump
from hub.dumps.verify import verify
from hub.dumps.writing import Lines, Sorter, lines_of, sha256_of
from hub.errors import LockedError, NotPublishedError, StoreError
from hub.log import Batch, Log, now
from hub.peers import documents, keys, standing, wire
from hub.redactions import Action, Decision
from hub.store import META
from tests.support import BASE, ROOT, demo_settings

IDR = "idr0016"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    settings = demo_settings(tmp_path_factory.mktemp("dumps"), hub_name="eu", dumps="on")
    ingest.harvest(settings, sorted(settings.sources))
    return settings


@pytest.fixture(scope="module")
def dump(built: Settings) -> Dump:
    found = layout.newest(layout.folder(built))
    assert found is not None
    return found


@pytest.fixture
def hub(built: Settings, tmp_path: Path) -> Settings:
    """A hub of one's own to change."""
    shutil.copytree(built.data_dir.parent, tmp_path / "own", symlinks=True)
    return replace(demo_settings(tmp_path / "own", hub_name="eu"))


def lines(path: Path) -> list[bytes]:
    with path.open("rb") as stream:
        return list(lines_of(stream))


def changed(settings: Settings, old: str = "Systematic", new: str = "Systematical") -> None:
    """Let one record of the archive change, and publish it."""
    source = Path(settings.sources["idr"].url)
    file = next(file for file in sorted(source.iterdir()) if file.name.startswith(IDR))
    told = json.loads(file.read_text(encoding="utf-8"))
    root = next(node for node in told["@graph"] if node["@id"] == "./" or node.get("@type") == "Dataset")
    root["name"] = f"{root['name']} (second release)"
    file.write_text(json.dumps(told), encoding="utf-8")
    ingest.harvest(settings, ["idr"], full=True)


# --- what is in it


def test_a_harvest_makes_a_dump_where_the_setting_says_so(built: Settings, dump: Dump) -> None:
    snapshot = snapshots.current(built.snapshots_dir)
    told = dump.manifest
    assert dump.name == f"{snapshot.sequence:06d}"
    assert (told["sequence"], told["link_sequence"], told["published"], told["statements"]) == (
        *(snapshot.sequence, snapshot.link_sequence),
        *(snapshot.created, snapshot.quads),
    )
    assert (told["hub"], told["base"], told["kind"], told["previous"]) == ("eu", BASE, "dump", None)
    assert sorted(path.name for path in dump.path.iterdir()) == sorted([MANIFEST, *(f.name for f in dump.files)])
    assert verify(dump.path, keys.own(built.key_file).public).is_sound


def test_owners_are_counted_by_state_and_their_set_has_a_hash(built: Settings, dump: Dump) -> None:
    with closing(Log(built.database)) as log:
        summary = standing.by_owner(log)["eu"]
        active = log.counts()["active"]
    told = dump.manifest["owners"]["eu"]
    assert (told["records"], told["sha256"], told["sequence"]) == (summary.records, summary.sha256, summary.sequence)
    assert told["states"] == {"active": active}
    assert told["key"] == dump.manifest["key"] == keys.own(built.key_file).public


def test_statements_are_those_of_the_snapshot_sorted(built: Settings, dump: Dump) -> None:
    graph = Store.read_only(str(snapshots.current(built.snapshots_dir).graph))
    found = lines(dump.path / STATEMENTS)
    assert found == sorted(f"{quad} .".encode() for quad in graph if quad.graph_name != META)
    assert set(parse(b"\n".join(found), format=RdfFormat.N_QUADS)) == {q for q in graph if q.graph_name != META}


def test_an_archive_has_the_graphs_of_its_records(dump: Dump) -> None:
    whole = lines(dump.path / STATEMENTS)
    found = lines(dump.path / statements.name_of("idr"))
    graphs = {statements.graph_of(line).decode() for line in found}
    assert found == [line for line in whole if statements.graph_of(line).decode() in graphs]
    assert all(re.match(rf"<{BASE}graph/(source|record)/idr/", graph) for graph in graphs)
    assert f"<{BASE}graph/source/idr/{IDR}>" in graphs


def test_what_is_suppressed_is_in_no_file_of_statements(tmp_path: Path, built: Settings) -> None:
    store = Store(str(tmp_path / "graph"))
    text = f'<{BASE}a> <{BASE}p> "x" <{{}}> .\n<{BASE}a> <{BASE}p> <{BASE}graph/suppressed/idr/1> .\n'
    graphs = [f"{BASE}graph/suppressed/idr/1", f"{BASE}graph/source/idr/{IDR}"]
    store.load("".join(text.format(graph) for graph in graphs).encode(), format=RdfFormat.N_QUADS)
    store.flush()
    del store
    (tmp_path / "out").mkdir()
    with closing(Log(built.database)) as log:
        files = statements.write(tmp_path / "graph", log, BASE, tmp_path / "out")
    assert [(file.name, file.rows) for file in files] == [(STATEMENTS, 2), (statements.name_of("idr"), 1)]


def test_records_are_changes_as_hubs_pass_them_on(built: Settings, dump: Dump) -> None:
    found = [wire.from_json(told) for told in records.read(dump.path / RECORDS)]
    with closing(Log(built.database)) as log:
        every = list(standing.everything(log))
    assert [change.number for change in found] == [one.number for one in every]
    for change in found:
        wire.check(change, dump.manifest["key"])
        assert change.signed.hops == ("eu",)
    listed = [line.decode().split("\t") for line in lines(dump.path / HASHES)]
    assert listed == sorted([o.hub, o.source, o.accession, o.state, o.sha256, str(o.sequence)] for o in every)


def test_studies_have_texts_facets_and_datasets(dump: Dump) -> None:
    found = [json.loads(line) for line in lines(dump.path / STUDIES)]
    assert len({study["study"] for study in found}) == len(found)
    study = next(s for s in found if s["study"].endswith(f"/{IDR}"))
    assert study["title"] == study["datasets"][0]["title"] == study["texts"]["title"][0]
    assert study["facets"]["archive"] == ["idr"]
    assert IDR in study["identifiers"]
    assert sum(len(s["datasets"]) for s in found) == dump.manifest["records"]


def test_tables_have_the_columns_that_are_documented(dump: Dump) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    docs = (ROOT / "docs" / "federation.md").read_text(encoding="utf-8")
    for name, columns in tables.COLUMNS.items():
        table = parquet.read_table(dump.path / f"{name}.parquet")
        assert table.column_names == [column.name for column in columns]
        for column in columns:
            assert table.schema.field(column.name).metadata[b"description"].decode() == column.title
        assert re.search(rf"^\| `{name}` \| {', '.join(f'`{c.name}`' for c in columns)} \|", docs, re.M), name


def test_tables_say_what_the_archives_said(dump: Dump) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    iri = f"{BASE}dataset/idr/{IDR}"

    def rows(name: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = parquet.read_table(dump.path / f"{name}.parquet").to_pylist()
        return [row for row in found if row.get("dataset", row.get("subject")) == iri]

    (dataset,) = rows("datasets")
    assert (dataset["archive"], dataset["accession"]) == ("idr", IDR)
    assert dataset["licence"].startswith("https://creativecommons.org/")
    assert [row["position"] for row in rows("authors")] == list(range(1, len(rows("authors")) + 1))
    assert {"Homo sapiens"} <= {row["name"] for row in rows("organisms")}
    assert all(row["doi"] or row["pmid"] or row["title"] for row in rows("publications"))
    assert {row["status"] for row in rows("links")} <= {"fact", "candidate"}


def test_without_pyarrow_there_are_no_tables(hub: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "find_spec", lambda _: None)
    shutil.rmtree(layout.folder(hub))
    made = make.make(hub)
    assert {file.kind for file in made.files} == {"statements", "records", "hashes", "studies"}
    assert verify(made.path).is_sound


# --- one after another


def test_the_same_state_gives_the_same_bytes(hub: Settings, dump: Dump) -> None:
    shutil.rmtree(layout.folder(hub))
    again = make.make(hub)
    assert again.files == dump.files
    assert again.manifest == dump.manifest


def test_a_dump_of_the_same_state_is_kept(hub: Settings, dump: Dump) -> None:
    before = (layout.folder(hub) / dump.name / MANIFEST).stat().st_mtime_ns
    assert make.make(hub).name == dump.name
    assert (layout.folder(hub) / dump.name / MANIFEST).stat().st_mtime_ns == before


def test_dumps_are_a_chain_and_share_what_did_not_change(hub: Settings, dump: Dump) -> None:
    place = layout.folder(hub)
    first = layout.read(place / dump.name)
    changed(hub)
    second = make.make(hub)
    assert second.sequence > first.sequence
    assert second.manifest["previous"] == manifest.named(first)
    same = statements.name_of("bia")
    assert (first.path / same).samefile(second.path / same)
    assert not (first.path / RECORDS).samefile(second.path / RECORDS)
    assert verify(second.path).is_sound
    changed(hub)
    third = make.make(replace(hub, keep_dumps=2))
    assert [d.name for d in layout.standing(place)] == [second.name, third.name]
    assert (place / layout.MANIFESTS / f"{first.name}.json").read_bytes() == manifest.kept(
        place, first.name
    ).read_bytes()
    (second.path / MANIFEST).write_text(json.dumps(second.manifest), encoding="utf-8")
    assert verify(third.path).problems == [f"{MANIFEST}: the dump before, {second.name}, is not the one that it names"]


def test_a_dump_that_was_cut_short_leaves_nothing_that_counts(
    hub: Settings, dump: Dump, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = layout.folder(hub)
    changed(hub)
    monkeypatch.setattr(studies, "write", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        make.make(hub)
    monkeypatch.undo()
    assert list(place.glob(f"{layout.BUILDING}*"))
    assert [d.name for d in layout.standing(place)] == [dump.name]
    made = make.make(hub)
    assert not list(place.glob(f"{layout.BUILDING}*"))
    assert made.manifest["previous"]["name"] == dump.name


def test_only_one_makes_a_dump_at_a_time(hub: Settings) -> None:
    with make._lock(layout.folder(hub)), pytest.raises(LockedError, match="another process makes a dump"):
        make.make(hub)


def test_nothing_published_is_no_dump(tmp_path: Path) -> None:
    settings = demo_settings(tmp_path)
    with pytest.raises(NotPublishedError):
        make.make(settings)
    assert layout.newest(layout.folder(settings)) is None


def test_what_goes_wrong_does_not_end_a_harvest(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    settings = demo_settings(tmp_path, dumps="on")
    make.after_publication(settings)
    assert "no dump was made: nothing is published yet" in caplog.text
    caplog.clear()
    make.after_publication(replace(settings, dumps="off"))
    assert not caplog.text


# --- redaction


def redacted(settings: Settings) -> None:
    with closing(Log(settings.database)) as log:
        row = log.record("idr", IDR)
        assert row is not None
        log.commit(Batch(records=[("redact", replace(row, state="withdrawn"))]), 1)


def test_a_dump_from_before_a_redaction_is_offered_to_nobody(hub: Settings, dump: Dump) -> None:
    with closing(Log(hub.database)) as log:
        assert [d.name for d in layout.offered(hub, log)] == [dump.name]
    redacted(hub)
    with pytest.raises(StoreError, match="redacted that is still published"):
        make.make(hub)
    with closing(Log(hub.database)) as log:
        assert layout.offered(hub, log) == []
        ingest.publish(hub, log)
    made = make.make(hub)
    with closing(Log(hub.database)) as log:
        assert [d.name for d in layout.offered(hub, log)] == [made.name]
    assert [d.name for d in layout.standing(layout.folder(hub))] == [made.name]


def test_what_was_redacted_stands_in_no_later_dump(hub: Settings) -> None:
    with closing(Log(hub.database)) as log:
        row = log.record("idr", IDR)
        assert row is not None
    decision = Decision(0, now(), "curator", Action.REDACT, row.iri, None, "asked for by the depositors")
    erasure.decide(hub, decision, ingest.publish)
    assert layout.newest(layout.folder(hub)) is None
    made = make.make(hub)
    whole = b"".join(
        line for file in made.files if file.media_type == layout.ZSTD for line in lines(made.path / file.name)
    )
    assert IDR.encode() in whole
    assert row.title.encode() not in whole
    assert made.manifest["owners"]["eu"]["states"]["redacted"] == 1
    assert verify(made.path).is_sound


# --- checking


def _file(dump: Path, name: str, content: bytes | None) -> None:
    (dump / name).unlink()
    if content is not None:
        (dump / name).write_bytes(content)


def _signed_again(settings: Settings, dump: Path, **told: Any) -> None:
    """Sign a manifest again that fits the files as they are now: what a hub that lies could do."""
    old = json.loads((dump / MANIFEST).read_text(encoding="utf-8"))
    files = []
    for file in layout.files_of(old):
        path = dump / file.name
        files.append(layout.told(replace(file, bytes=path.stat().st_size, sha256=sha256_of(path))))
    new = documents.signed({**old, "files": files, **told}, keys.own(settings.key_file))
    (dump / MANIFEST).write_text(json.dumps(new), encoding="utf-8")


def _rewritten(path: Path, old: bytes, new: bytes) -> None:
    found = lines(path)
    assert any(old in line for line in found)
    path.unlink()
    with Lines(path) as out:
        for line in found:
            out.add(line.replace(old, new, 1))


def test_a_touched_file_is_named(hub: Settings, dump: Dump) -> None:
    path = layout.folder(hub) / dump.name
    content = (path / STUDIES).read_bytes()
    _file(path, STUDIES, content[:-1] + bytes([content[-1] ^ 1]))
    _file(path, STATEMENTS, b"short")
    _file(path, HASHES, None)
    (path / "more").write_text("x")
    verdict = verify(path)
    assert verdict.problems == [
        f"{STATEMENTS}: it has 5 bytes, the manifest says {dump.files[0].bytes}",
        f"{HASHES}: the file is missing",
        f"{STUDIES}: its content is not what the manifest says (SHA-256)",
        "more: the manifest does not list this file",
        "the records cannot be checked without their sound files",
    ]
    assert verdict.files == len(dump.files) - 3


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{", "it is no manifest"),
        ("[]", "format: 1 is expected"),
        ('{"format": 1, "hub": 7}', "hub: a str is expected"),
    ],
)
def test_what_is_no_manifest_is_said(tmp_path: Path, text: str, problem: str) -> None:
    (tmp_path / MANIFEST).write_text(text)
    verdict = verify(tmp_path)
    assert not verdict.is_sound
    assert problem in verdict.problems[0]


def test_a_missing_manifest_is_said(tmp_path: Path) -> None:
    assert verify(tmp_path).problems == ["manifest.json: it cannot be read (No such file or directory)"]


def test_a_touched_manifest_and_another_key_are_named(hub: Settings, dump: Dump, tmp_path: Path) -> None:
    path = layout.folder(hub) / dump.name
    other = keys.own(tmp_path / "keys" / "other.pem").public
    assert "which is not the key of eu" in verify(path, other).problems[0]
    told = json.loads((path / MANIFEST).read_text(encoding="utf-8"))
    (path / MANIFEST).write_text(json.dumps({**told, "sequence": 1}), encoding="utf-8")
    assert verify(path).problems == [f"{MANIFEST}: its signature is not of what it says; somebody touched it"]
    (path / MANIFEST).write_text(json.dumps({**told, "key": "ed25519:x"}), encoding="utf-8")
    assert "is no public key" in verify(path).problems[0]
    (path / MANIFEST).write_text(json.dumps({**told, "files": [{**told["files"][0], "name": "../x"}]}))
    assert "'../x' is no name of a file" in verify(path).problems[0]


def test_a_record_that_its_owner_did_not_sign_is_named_whoever_signs_the_manifest(hub: Settings, dump: Dump) -> None:
    path = layout.folder(hub) / dump.name
    _rewritten(path / RECORDS, b'"record":{"', b'"record":{"description":"Touched.","')
    _signed_again(hub, path)
    verdict = verify(path)
    assert verdict.problems[0].endswith("the record is not the one that eu signed")
    assert verdict.records < dump.manifest["records"]


def test_a_statement_that_was_touched_is_named(hub: Settings, dump: Dump) -> None:
    path = layout.folder(hub) / dump.name
    _rewritten(path / RECORDS, f'\\"accession\\":\\"{IDR}\\"'.encode(), b'\\"accession\\":\\"idr9999\\"')
    _signed_again(hub, path)
    problems = verify(path).problems
    assert "eu/idr/idr9999: idr9999: its statement is not signed by eu" in problems
    assert f"{HASHES}: eu/idr/{IDR} is not as in {RECORDS}" in problems
    assert f"{HASHES}: eu/idr/idr9999 is not listed" in problems
    assert any(problem.startswith("owners.eu.sha256: the manifest says") for problem in problems)


def test_records_that_are_left_out_or_told_twice_are_noticed(hub: Settings, dump: Dump) -> None:
    path = layout.folder(hub) / dump.name
    first, second, *rest = lines(path / RECORDS)
    (path / RECORDS).unlink()
    with Lines(path / RECORDS) as out:
        for line in (second, second, b"{}", *rest):
            out.add(line)
    _signed_again(hub, path)
    problems = verify(path).problems
    gone = wire.from_json(json.loads(first)).statement
    assert any("is there twice" in problem for problem in problems)
    assert any("line 3 is no change" in problem for problem in problems)
    assert f"{HASHES}: eu/{gone.source}/{gone.accession} is not as in {RECORDS}" in problems
    assert any(problem.startswith("owners.eu.records: the manifest says") for problem in problems)


def test_statements_out_of_order_are_noticed(hub: Settings, dump: Dump) -> None:
    path = layout.folder(hub) / dump.name
    found = lines(path / STATEMENTS)
    (path / STATEMENTS).unlink()
    with Lines(path / STATEMENTS) as out:
        for line in reversed(found):
            out.add(line)
    _signed_again(hub, path)
    assert verify(path).problems == [f"{STATEMENTS}: line 2 is not after the one before it"]


# --- lines


def test_lines_are_sorted_in_bounded_memory(tmp_path: Path) -> None:
    words = [f"{n * 7919 % 1000:03d} é".encode() for n in range(1000)]
    with Sorter(tmp_path, at_once=500) as sorter:
        for start in range(0, 1000, 50):
            sorter.add(words[start : start + 50])
        assert list(tmp_path.iterdir())
        assert list(sorter.sorted()) == sorted(words)
    assert not list(tmp_path.iterdir())


def test_lines_come_back_from_many_pieces(tmp_path: Path) -> None:
    long = [b"a" * 3_000_000, b"", b"b"]
    with Lines(tmp_path / "x.zst") as out:
        for line in long:
            out.add(line)
    assert lines(tmp_path / "x.zst") == long
    assert out.rows == 3


@pytest.mark.parametrize(
    ("content", "problem"),
    [(b"no zstd", "no whole zstd file"), (zstandard.compress(b"a\nb"), "last line is not whole")],
)
def test_a_damaged_file_of_lines_is_refused(content: bytes, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        list(lines_of(io.BytesIO(content)))


def test_a_line_that_is_too_long_is_refused() -> None:
    with pytest.raises(ValueError, match="longer than"):
        list(lines_of(io.BytesIO(zstandard.compress(b"a" * 5_000_000)), longest=1_000_000))
