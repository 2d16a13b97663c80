"""The writer's search index: it follows the store, survives cuts and damage, and goes with the snapshot."""

from __future__ import annotations

import dataclasses
import errno
import json
import multiprocessing
import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pyoxigraph import Store

from hub import ingest, maintenance, records, snapshots, views
from hub.config import Settings
from hub.errors import StoreError
from hub.genes import Genes
from hub.links.catalogue import Links
from hub.links.rules.sameness import SAME_STUDY
from hub.log import Batch, Log, RecordRow
from hub.search import index, labels, layout
from hub.search.documents import Documents
from hub.search.index import STATE, SearchIndex, State, committed, digests, state_of
from hub.store import GraphStore
from linkml_schemas.generated.model import Dataset
from tests.support import BASE, demo_settings

BIA, IDR, OTHER = (f"{BASE}dataset/{name}" for name in ("bia/S-BIAD824", "idr/idr0157", "bia/S-BIAD840"))
ZEBRAFISH = "http://purl.obolibrary.org/obo/NCBITaxon_7955"
COMMITS = {"IndexWriter.commit", "IndexWriter.wait_merging_threads", "replace"}
STEPS = frozenset({"IndexWriter.delete_documents_by_term", "IndexWriter.add_document", "Store.update"} | COMMITS)
MAKING = frozenset({"mkdir", "rename", "rmdir"} | COMMITS)


def update(settings: Settings, **more: Any) -> int:
    """Update the index of a hub as publication does."""
    log = Log(settings.database)
    try:
        with GraphStore(settings.store_dir) as store:
            return SearchIndex.of(settings).update(settings, log, Links(log), store, **more)
    finally:
        log.close()


def wanted(settings: Settings) -> dict[str, bytes]:
    """Return the digests of the documents of all studies, made without an index."""
    log = Log(settings.database)
    with GraphStore(settings.store_dir) as store:
        documents = Documents(store, Links(log), Genes.of(settings), settings.base_iri)
        made = {members[0]: documents.study(members) for members in documents.every()}
        found = {study: bytes(document.get_first(layout.DIGEST) or b"") for study, document in made.items()}
    log.close()
    return found


def standing(settings: Settings) -> dict[str, bytes]:
    return dict(digests(SearchIndex.of(settings).folder))


def change(settings: Settings, iri: str, alter: Callable[[RecordRow], tuple[str, RecordRow]]) -> None:
    """Write a change of a dataset's first record to the log."""
    log = Log(settings.database)
    row = next(row for row in log.all_records() if row.iri == iri)
    log.commit(Batch(records=[alter(row)]), 1)
    log.close()


def renamed(name: str) -> Callable[[RecordRow], tuple[str, RecordRow]]:
    def alter(row: RecordRow) -> tuple[str, RecordRow]:
        record: Dataset = records.from_json(row.record)
        return "update", replace(row, title=name, record=records.to_json(record.model_copy(update={"name": name})))

    return alter


def withdrawn(row: RecordRow) -> tuple[str, RecordRow]:
    return "withdraw", replace(row, state="withdrawn", withdrawal=json.dumps({"reason": "gone"}))


def judge(settings: Settings, verdict: str, one: str = BIA, other: str = IDR) -> None:
    log = Log(settings.database)
    Links(log).give_verdict((one, SAME_STUDY, other), verdict, "A Curator")
    log.close()


def publish(settings: Settings) -> snapshots.Snapshot:
    log = Log(settings.database)
    found = ingest.publish(settings, log)
    log.close()
    return found


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A published hub, of which each test takes a copy."""
    found = demo_settings(tmp_path_factory.mktemp("search"), ("bia", "idr"))
    ingest.harvest(found, list(found.sources))
    return found


def copied(original: Settings, folder: Path) -> Settings:
    shutil.copytree(original.data_dir, folder / "data", symlinks=True, ignore=shutil.ignore_patterns("raw"))
    return dataclasses.replace(original, data_dir=folder / "data")


@pytest.fixture
def settings(original: Settings, tmp_path: Path) -> Settings:
    return copied(original, tmp_path)


@pytest.fixture(scope="module")
def behind(original: Settings, tmp_path_factory: pytest.TempPathFactory) -> tuple[Settings, dict[str, bytes]]:
    """A hub whose store is ahead of its index by a change, a withdrawal and a rejected link; and the right end."""
    found = copied(original, tmp_path_factory.mktemp("behind"))
    change(found, OTHER, renamed("Another title"))
    change(found, f"{BASE}dataset/idr/idr0062", withdrawn)
    judge(found, "reject")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SearchIndex, "update", lambda *_, **__: 0)
        publish(found)
    return found, wanted(found)


# --- what an index holds ------------------------------------------------------------------------------------------


def test_a_snapshot_comes_with_an_index_of_every_study(original: Settings) -> None:
    snapshot = snapshots.current(original.snapshots_dir)
    state = state_of(snapshot.search)
    assert state is not None
    assert (state.sequence, state.link_sequence) == (snapshot.sequence, snapshot.link_sequence)
    assert dict(digests(snapshot.search)) == wanted(original)
    assert len(wanted(original)) < 28, "studies in two archives are one document"


def test_a_snapshot_s_segments_cost_no_disk(original: Settings) -> None:
    search = snapshots.current(original.snapshots_dir).search
    for name in committed(search):
        assert (search / name).stat().st_ino == (original.data_dir / "search" / name).stat().st_ino
    assert (search / "meta.json").stat().st_ino != (original.data_dir / "search" / "meta.json").stat().st_ino


def test_labels_tell_what_values_are_called_and_what_is_above(original: Settings) -> None:
    found = labels.read(snapshots.current(original.snapshots_dir).search)
    assert found["bia"]["label"] == "BioImage Archive"
    assert found[ZEBRAFISH]["label"] == "Danio rerio"
    assert all(above in found for iri, one in found.items() if "NCBITaxon" in iri for above in one["broader"])
    assert labels.read(Path("/nowhere")) == {}


# --- following the store ------------------------------------------------------------------------------------------


def test_nothing_changed_writes_nothing(settings: Settings) -> None:
    before = sorted(path.name for path in SearchIndex.of(settings).folder.iterdir())
    assert update(settings) == 0
    assert sorted(path.name for path in SearchIndex.of(settings).folder.iterdir()) == before


def test_a_changed_record_is_one_document_anew(settings: Settings) -> None:
    before = standing(settings)
    change(settings, OTHER, renamed("Another title"))
    publish(settings)
    after = standing(settings)
    assert {iri for iri in after if after[iri] != before.get(iri)} == {OTHER}
    assert after == wanted(settings)


def test_a_withdrawn_record_is_gone_with_the_snapshot(settings: Settings) -> None:
    old = snapshots.current(settings.snapshots_dir)
    change(settings, OTHER, withdrawn)
    new = publish(settings)
    assert OTHER in dict(digests(old.search))
    assert OTHER not in dict(digests(new.search))
    assert standing(settings) == wanted(settings)


def test_one_of_two_datasets_withdrawn_leaves_the_other(settings: Settings) -> None:
    change(settings, BIA, withdrawn)
    publish(settings)
    assert {BIA, IDR} & standing(settings).keys() == {IDR}
    assert standing(settings) == wanted(settings)


def test_studies_part_and_join_as_links_do(settings: Settings) -> None:
    assert {BIA, IDR} & standing(settings).keys() == {BIA}
    judge(settings, "reject")
    publish(settings)
    assert {BIA, IDR} & standing(settings).keys() == {BIA, IDR}
    judge(settings, "add", IDR, OTHER)
    publish(settings)
    assert {BIA, IDR, OTHER} & standing(settings).keys() == {BIA, OTHER}
    assert standing(settings) == wanted(settings)


def test_what_one_record_says_of_a_shared_thing_reaches_the_others_documents(settings: Settings) -> None:
    def told(row: RecordRow) -> tuple[str, RecordRow]:
        record: Dataset = records.from_json(row.record)
        about = record.about or []
        taxa = [t.model_copy(update={"vernacular_name": "striped minnow"}) for t in about if t.id == ZEBRAFISH]
        others = [t for t in about if t.id != ZEBRAFISH]
        assert taxa
        return "update", replace(row, record=records.to_json(record.model_copy(update={"about": [*taxa, *others]})))

    before = standing(settings)
    change(settings, OTHER, told)
    publish(settings)
    after = standing(settings)
    assert after == wanted(settings)
    assert len({iri for iri in after if after[iri] != before.get(iri)}) >= 1


def test_other_gene_tables_make_it_anew(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    genes = Genes.of(settings)
    monkeypatch.setattr(genes, "version", "another")
    assert update(settings) == len(standing(settings))


def test_many_changes_make_it_anew(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index, "TOO_MANY", 0)
    monkeypatch.setattr(index, "_changed", lambda *_: set(standing(settings)))
    told: list[int] = []
    assert update(settings, progress=told.append) == len(standing(settings)) == sum(told)


def test_an_older_catalogue_makes_it_anew(settings: Settings) -> None:
    state = SearchIndex.of(settings).state
    assert state is not None
    assert not replace(state, sequence=state.sequence + 1).can_become(state)
    assert not replace(state, layout=state.layout - 1).can_become(state)
    assert replace(state, sequence=0).can_become(state)


# --- cuts and damage ----------------------------------------------------------------------------------------------


def _killed(settings: Settings, steps: frozenset[str], at: int) -> None:
    """Update, and end this process before the call of that number of some functions; well, where it got through."""
    count = 0

    def watch(frame: Any, event: str, arg: Any) -> None:
        nonlocal count
        if event == "c_call" and getattr(arg, "__qualname__", "") in steps:
            count += 1
            if count == at:
                os._exit(9)

    sys.setprofile(watch)
    update(settings)
    sys.setprofile(None)
    os._exit(0)


def cut(settings: Settings, steps: frozenset[str], at: int) -> bool:
    """Whether an update in a process of its own was killed at a step."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    process = context.Process(target=_killed, args=(settings, steps, at))
    process.start()
    process.join(60)
    assert process.exitcode in (0, 9)
    return process.exitcode == 9


def test_an_update_that_is_killed_anywhere_comes_to_the_same_end(
    behind: tuple[Settings, dict[str, bytes]], tmp_path: Path
) -> None:
    original, end = behind
    for at in range(1, 100):
        settings = copied(original, tmp_path / str(at))
        was_killed = cut(settings, STEPS, at)
        update(settings)
        assert standing(settings) == end, at
        if not was_killed:
            assert update(settings) == 0
            assert at > 10
            return
    raise AssertionError("it never came to its end")


def test_a_making_that_is_killed_anywhere_comes_to_the_same_end(
    behind: tuple[Settings, dict[str, bytes]], tmp_path: Path
) -> None:
    original, end = behind
    for at in range(1, 100):
        settings = copied(original, tmp_path / str(at))
        (settings.data_dir / "search" / STATE).unlink()
        was_killed = cut(settings, MAKING, at)
        update(settings)
        assert standing(settings) == end, at
        assert not list(settings.data_dir.glob(".search-*")), at
        if not was_killed:
            assert at > 5
            return
    raise AssertionError("it never came to its end")


@pytest.mark.parametrize("damage", ["lost", "short", "garbage", "no state", "other layout"])
def test_a_damaged_index_is_made_anew(settings: Settings, damage: str) -> None:
    folder = SearchIndex.of(settings).folder
    segment = folder / next(name for name in sorted(committed(folder)) if name.endswith(".term"))
    state = json.loads((folder / STATE).read_text())
    match damage:
        case "lost":
            segment.unlink()
        case "short":
            os.truncate(segment, 10)
        case "garbage":
            (folder / "meta.json").write_text("nonsense")
        case "no state":
            (folder / STATE).unlink()
        case "other layout":
            (folder / STATE).write_text(json.dumps(state | {"layout": 0}))
    expected = wanted(settings)
    assert update(settings) == len(expected)
    assert standing(settings) == expected


def test_damage_that_shows_late_is_repaired_too(settings: Settings) -> None:
    change(settings, OTHER, renamed("Another title"))
    folder = SearchIndex.of(settings).folder
    segment = folder / next(name for name in sorted(committed(folder)) if name.endswith(".store"))
    size = segment.stat().st_size
    segment.unlink()
    segment.write_bytes(b"\0" * size)
    publish(settings)
    assert standing(settings) == wanted(settings)


# --- snapshots ----------------------------------------------------------------------------------------------------


def test_on_another_file_system_files_are_copied(
    original: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def elsewhere(*_: Any) -> None:
        raise OSError(errno.EXDEV, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", elsewhere)
    SearchIndex.of(original).checkpoint(tmp_path / "copy")
    assert dict(digests(tmp_path / "copy")) == standing(original)


def test_a_disk_that_refuses_is_told(original: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "link", full)
    with pytest.raises(OSError, match="No space"):
        SearchIndex.of(original).checkpoint(tmp_path / "copy")


def test_an_index_that_cannot_be_opened_is_not_published(settings: Settings, tmp_path: Path) -> None:
    folder = SearchIndex.of(settings).folder
    segment = folder / next(name for name in sorted(committed(folder)) if name.endswith(".term"))
    segment.write_bytes(b"")
    with pytest.raises(StoreError, match="hub rebuild"):
        SearchIndex(folder).checkpoint(tmp_path / "copy")


def test_a_snapshot_of_an_older_hub_gets_an_index_with_the_next_publication(settings: Settings) -> None:
    old = snapshots.current(settings.snapshots_dir)
    shutil.rmtree(old.search)
    shutil.rmtree(settings.data_dir / "search")
    new = publish(settings)
    assert (new.sequence, new.path) == (old.sequence, old.path.with_name(f"{old.path.name}.2"))
    assert dict(digests(new.search)) == wanted(settings)
    assert publish(settings) == new


# --- hub check, hub rebuild ---------------------------------------------------------------------------------------


def problems(settings: Settings) -> list[str]:
    """Return what does not fit between the published index and the graph beside it."""
    snapshot, log = snapshots.current(settings.snapshots_dir), Log(settings.database)
    documents = Documents(Store.read_only(str(snapshot.graph)), Links(log), Genes.of(settings), settings.base_iri)
    found = list(index.problems(snapshot.search, documents, snapshot.sequence, snapshot.link_sequence))
    log.close()
    return found


def test_an_index_that_does_not_fit_is_found_and_a_rebuild_mends_it(settings: Settings) -> None:
    assert problems(settings) == []
    search = snapshots.current(settings.snapshots_dir).search
    writer = layout.open_index(search).writer(index.HEAP_BYTES, 1)
    writer.delete_documents_by_term(layout.MEMBER, OTHER)
    writer.commit()
    writer.wait_merging_threads()
    (problem,) = problems(settings)
    assert OTHER in problem
    assert problem in maintenance.check(settings).problems
    state = json.loads((search / STATE).read_text())
    (search / STATE).write_text(json.dumps(state | {"sequence": 1}))
    assert any("of change 1" in problem for problem in problems(settings))
    for name in committed(search):
        if name.endswith(".store"):
            os.link(search / name, search / "copy")
            (search / name).unlink()
            (search / name).write_bytes(b"\0" * (search / "copy").stat().st_size)
    (*_, problem) = problems(settings)
    assert "is damaged" in problem
    shutil.rmtree(search)
    (problem,) = problems(settings)
    assert "missing" in problem
    maintenance.rebuild(settings)
    assert problems(settings) == []


def test_segments_stay_few_however_often_a_document_changes(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    most = 0
    monkeypatch.setattr(index, "MANY_SEGMENTS", 9)
    for number in range(9):
        change(settings, OTHER, renamed(f"Title {number}"))
        log = Log(settings.database)
        with GraphStore(settings.store_dir) as store:
            views.catch_up(log, store, settings)
            SearchIndex.of(settings).update(settings, log, Links(log), store)
        log.close()
        SearchIndex.of(settings).tidy()
        meta = json.loads((SearchIndex.of(settings).folder / "meta.json").read_text())
        most = max(most, len(meta["segments"]))
    assert most < index.MANY_SEGMENTS
    assert update(settings) == 0
    assert standing(settings) == wanted(settings)


def test_a_state_is_read_as_it_was_written(tmp_path: Path) -> None:
    assert state_of(tmp_path) is None
    state = State(1, 2, 3, "x")
    (tmp_path / "meta.json").write_text('{"segments": []}')
    (tmp_path / STATE).write_text(json.dumps(dataclasses.asdict(state) | {"files": {}}))
    assert state_of(tmp_path) == state
