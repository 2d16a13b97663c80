"""A hub in one file: it answers as the hub that made it, is only read, and is refused when it was touched."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
import zstandard
from werkzeug.test import Client

from hub import config, ingest
from hub.config import Settings
from hub.dumps import bundle, catalogue
from hub.errors import BUNDLE, NotPublishedError, ReadOnlyError, StoreError
from hub.links.catalogue import Links
from hub.log import Log
from hub.peers import keys
from hub.serve import last_ended
from hub.web.app import create_app
from tests.support import demo_settings, get, told

PAGES = (
    *("/", "/dataset/idr/idr0016", "/search?q=cell", "/archive/idr", "/links", "/status", "/quality", "/whats-new"),
    *("/changes", "/charts", "/exports/", "/dumps/"),
)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    settings = demo_settings(tmp_path_factory.mktemp("bundles"), hub_name="eu", precedence={"default": ("idr", "bia")})
    ingest.harvest(settings, sorted(settings.sources))
    return settings


@pytest.fixture(scope="module")
def file(made: Settings) -> Path:
    target = made.data_dir.parent / "out.hub"
    bundle.pack(made, target)
    return target


@pytest.fixture(scope="module")
def opened(file: Path, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return config.load(str(bundle.unpack(file, tmp_path_factory.mktemp("cache"))), environ={})


@pytest.fixture(scope="module")
def bare(made: Settings, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    target = made.data_dir.parent / "bare.hub"
    bundle.pack(made, target, catalogue=False, tables=False)
    return config.load(str(bundle.unpack(target, tmp_path_factory.mktemp("cache"))), environ={})


def client_of(settings: Settings) -> Iterator[Client]:
    app = create_app(settings)
    yield app.test_client()
    app.config["HUB_PUBLICATION"].close()


@pytest.fixture(scope="module")
def client(opened: Settings) -> Iterator[Client]:
    yield from client_of(opened)


@pytest.fixture(scope="module")
def bare_client(bare: Settings) -> Iterator[Client]:
    yield from client_of(bare)


# --- serving


def test_the_settings_that_pages_depend_on_come_with_it(made: Settings, opened: Settings) -> None:
    assert (opened.base_iri, opened.hub_name, opened.precedence) == (made.base_iri, "eu", made.precedence)
    assert {s.name: (s.harvester, s.archive) for s in opened.sources.values()} == {
        s.name: (s.harvester, s.archive) for s in made.sources.values()
    }
    assert str(made.data_dir.parent) not in (opened.data_dir / bundle.CONFIG).read_text(encoding="utf-8")


@pytest.mark.parametrize("path", PAGES)
def test_pages_are_served_from_it(client: Client, path: str) -> None:
    assert get(client, path).status_code == 200


def test_records_and_searches_are_those_of_the_hub(made: Settings, client: Client) -> None:
    other = create_app(made).test_client()
    for path, accept in (("/dataset/idr/idr0016", "application/n-quads"), ("/search?q=cell", "application/json")):
        ours, theirs = get(client, path, accept), get(other, path, accept)
        assert _without_time(ours.text) == _without_time(theirs.text)
    other.application.config["HUB_PUBLICATION"].close()


def _without_time(text: str) -> Any:
    try:
        return {name: value for name, value in json.loads(text).items() if name != "took_ms"}
    except ValueError:
        return sorted(text.splitlines())


def test_the_manifest_is_that_of_the_file(made: Settings, client: Client) -> None:
    manifest = told(client, "/manifest")
    assert (manifest["kind"], manifest["hub"], manifest["key"]) == ("bundle", "eu", keys.own(made.key_file).public)


@pytest.mark.parametrize("path", ["/.well-known/hub", "/federation"])
def test_what_has_to_be_signed_is_refused(client: Client, opened: Settings, path: str) -> None:
    problem = told(client, path, 501)
    assert problem["detail"] == "this hub is served from one file and cannot sign: ask the hub that made the file"
    assert not opened.key_file.exists()


def test_nothing_is_harvested_into_it(opened: Settings) -> None:
    with pytest.raises(ReadOnlyError, match="belongs to a hub in one file, which is only read"):
        ingest.harvest(opened, ["idr"])


def test_what_the_hub_keeps_for_itself_is_not_in_it(made: Settings, opened: Settings) -> None:
    with closing(Log(opened.database)) as copy, closing(Log(made.database)) as log:
        assert list(copy.all_records()) == list(log.all_records())
        assert copy.versions_since(0, 10_000) == log.versions_since(0, 10_000)
        assert list(Links(copy).all_links()) == list(Links(log).all_links())
        assert log.known_entries("idr")
        assert not copy.known_entries("idr")
    names = {path.name for path in opened.data_dir.iterdir()}
    assert not names & {"raw", "keys", "store", "search"}


def test_no_timetable_is_asked_for(opened: Settings, bare: Settings) -> None:
    assert last_ended(opened) == last_ended(bare) == {}


# --- without the catalogue


@pytest.mark.parametrize("path", ["/", "/dataset/idr/idr0016", "/search?q=cell", "/charts", "/dumps/", "/manifest"])
def test_pages_of_the_graph_are_served_without_the_catalogue(bare_client: Client, path: str) -> None:
    assert get(bare_client, path).status_code == 200


@pytest.mark.parametrize("path", ["/links", "/changes", "/archive/idr", "/status"])
def test_pages_of_the_catalogue_say_why_they_are_not_there(bare_client: Client, path: str) -> None:
    problem = told(bare_client, path, 501)
    assert problem["detail"].startswith("this hub is served from one file without its catalogue")


# --- writing


def test_a_file_is_written_whole_or_not_at_all(made: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "out.hub"
    target.write_bytes(b"the one before")

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(bundle, "_write", fail)
    with pytest.raises(OSError, match="No space"):
        bundle.pack(made, target)
    assert [path.name for path in tmp_path.iterdir()] == ["out.hub"]
    assert target.read_bytes() == b"the one before"


def test_only_what_is_published_is_written(made: Settings, tmp_path: Path) -> None:
    with pytest.raises(NotPublishedError):
        bundle.pack(replace(made, data_dir=tmp_path / "empty"), tmp_path / "out.hub")
    assert not (tmp_path / "out.hub").exists()


def test_a_catalogue_in_postgresql_becomes_a_file(postgres_url: str, tmp_path: Path) -> None:
    settings = demo_settings(tmp_path, ("idr",), database_url=postgres_url)
    ingest.harvest(settings, ["idr"])
    with closing(Log(postgres_url)) as log:
        catalogue.copy(log, tmp_path / "copy.sqlite")
        with closing(Log(f"sqlite:///{tmp_path / 'copy.sqlite'}")) as copy:
            assert copy.versions_since(0, 10_000) == log.versions_since(0, 10_000)
            assert {r.id: r for r in Links(copy).all_links()} == {r.id: r for r in Links(log).all_links()}


def test_private_tables_are_there_but_empty(opened: Settings) -> None:
    engine = sa.create_engine(opened.database)
    names = set(sa.inspect(engine).get_table_names())
    with engine.connect() as db:
        for name in catalogue.PRIVATE & names:
            assert db.scalar(sa.text(f'SELECT count(*) FROM "{name}"')) == 0
    engine.dispose()


# --- touched


def members(file: Path) -> list[tuple[tarfile.TarInfo, bytes]]:
    text = zstandard.ZstdDecompressor().decompressobj().decompress(file.read_bytes())
    with tarfile.open(fileobj=io.BytesIO(text)) as archive:
        return [(member, archive.extractfile(member).read()) for member in archive]  # type: ignore[union-attr]


def packed(target: Path, found: list[tuple[tarfile.TarInfo, bytes]]) -> Path:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for member, content in found:
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    target.write_bytes(zstandard.compress(out.getvalue()))
    return target


def test_a_sound_file_is_sound(made: Settings, file: Path) -> None:
    verdict = bundle.verify(file, keys.own(made.key_file).public)
    assert verdict.is_sound
    assert verdict.is_known
    assert verdict.files == len(members(file)) - 1


@pytest.mark.parametrize(
    ("touch", "problem"),
    [
        (lambda found: found[:-1], "the file is missing"),
        (lambda found: [*found[:-1], (found[-1][0], found[-1][1][:-1] + b"\x00")], "somebody touched it"),
        (lambda found: [*found, (tarfile.TarInfo("../more"), b"x")], "../more: the manifest does not list this file"),
        (lambda found: [*found, found[-1]], "or it is there twice"),
        (lambda found: found[1:], f"it does not begin with {BUNDLE}"),
        (lambda found: [(found[0][0], found[0][1].replace(b'"eu"', b'"us"')), *found[1:]], "somebody touched it"),
        (lambda found: [(found[0][0], b"{}"), *found[1:]], "it is no manifest"),
    ],
)
def test_a_touched_file_is_not_served(file: Path, tmp_path: Path, touch: Any, problem: str) -> None:
    touched = packed(tmp_path / "touched.hub", touch(members(file)))
    with pytest.raises(StoreError, match=r"touched\.hub is not served: .*") as caught:
        bundle.unpack(touched, tmp_path / "cache")
    assert problem in str(caught.value)
    assert list((tmp_path / "cache").iterdir()) == []


@pytest.mark.parametrize("content", [b"", b"not zstd at all", zstandard.compress(b"not tar" * 500)])
def test_any_other_file_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.hub").write_bytes(content)
    with pytest.raises(StoreError, match=r"x\.hub is not served: it is no whole hub in one file"):
        bundle.unpack(tmp_path / "x.hub", tmp_path / "cache")


def test_a_file_that_was_cut_off_is_refused(file: Path, tmp_path: Path) -> None:
    (tmp_path / "x.hub").write_bytes(file.read_bytes()[:-1000])
    with pytest.raises(StoreError, match="is not served"):
        bundle.unpack(tmp_path / "x.hub", tmp_path / "cache")


def test_a_file_of_another_hub_is_refused(file: Path, tmp_path: Path) -> None:
    other = keys.own(tmp_path / "keys" / "hub.pem").public
    with pytest.raises(StoreError, match="which is not the key of eu"):
        bundle.unpack(file, tmp_path / "cache", other)


def test_what_is_unpacked_is_used_again(file: Path, tmp_path: Path) -> None:
    first = bundle.unpack(file, tmp_path)
    before = first.stat().st_ino
    assert bundle.unpack(file, tmp_path) == first
    assert first.stat().st_ino == before
    assert [path.name for path in tmp_path.iterdir()] == [first.parent.name]
