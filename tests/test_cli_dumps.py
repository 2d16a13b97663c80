"""`hub dumps`, `hub bundle` and `hub serve FILE`: what is printed, and what ends with an error."""

from __future__ import annotations

import json
import os
import re
import shutil
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from hub import cli_dumps, config, ingest
from hub.cli import app
from hub.dumps import layout, make, tables
from hub.dumps.layout import MANIFEST, STUDIES
from hub.errors import ConfigError, StoreError
from hub.peers import keys
from tests.support import DEMO


@pytest.fixture(scope="module")
def settings_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cli-dumps")
    shutil.copytree(DEMO / "idr", folder / "idr")
    file = folder / "hub.toml"
    source = '[sources.idr]\nharvester = "crates"\narchive = "idr"\nurl = "idr"\n'
    file.write_text(f'hub_name = "eu"\nharvest_interval_s = 0.01\n{source}', encoding="utf-8")
    ingest.harvest(config.load(str(file), environ={}), ["idr"])
    return file


@pytest.fixture(scope="module")
def dump(settings_file: Path) -> Path:
    return make.make(config.load(str(settings_file), environ={})).path


def run(file: Path, *arguments: str) -> Result:
    return CliRunner().invoke(app, [*arguments, "--config", str(file)])


def said(result: Result) -> str:
    return " ".join(result.output.split())


def test_make_and_list(settings_file: Path, dump: Path) -> None:
    made = run(settings_file, "dumps", "make")
    assert re.search(rf"{dump}: \d+ records, \d+ files, \d+ bytes", said(made))
    assert json.loads(run(settings_file, "dumps", "make", "--json").stdout)["folder"] == str(dump)
    assert dump.name in run(settings_file, "dumps", "list").stdout
    (listed,) = json.loads(run(settings_file, "dumps", "list", "--json").stdout)
    assert (listed["name"], listed["hub"]) == (dump.name, "eu")


def test_make_says_that_there_are_no_tables(settings_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "find_spec", lambda _: None)
    assert "install the extra `parquet`" in said(run(settings_file, "dumps", "make"))


def test_verify_a_folder(settings_file: Path, dump: Path) -> None:
    key = keys.own(config.load(str(settings_file), environ={}).key_file).public
    sound = run(settings_file, "dumps", "verify", str(dump), "--key", key)
    assert (sound.exit_code, "sound" in sound.output, "(as given)" in said(sound)) == (0, True, True)
    assert "give --key to be sure" in said(run(settings_file, "dumps", "verify", str(dump)))
    assert json.loads(run(settings_file, "dumps", "verify", str(dump), "--json").stdout)["is_sound"]


def test_verify_names_what_is_wrong(settings_file: Path, dump: Path, tmp_path: Path) -> None:
    shutil.copytree(dump, tmp_path / "touched")
    (tmp_path / "touched" / STUDIES).unlink()
    result = run(settings_file, "dumps", "verify", str(tmp_path / "touched"))
    assert result.exit_code == 1
    assert f"{STUDIES}: the file is missing" in said(result)
    assert "1 problems" in said(result)


def test_a_key_that_is_none_is_refused(settings_file: Path, dump: Path) -> None:
    result = run(settings_file, "dumps", "verify", str(dump), "--key", "x")
    assert isinstance(result.exception, ConfigError)
    assert str(result.exception) == "--key x: write what `hub peers key` prints at that hub"


def test_bundle_verify_and_unpack(
    settings_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "out.hub"
    assert re.search(r"out\.hub: \d+ records at change \d+, \d+ bytes", said(run(settings_file, "bundle", str(file))))
    told = run(settings_file, "bundle", str(tmp_path / "less.hub"), "--no-catalogue", "--no-references", "--json")
    assert json.loads(told.stdout)["kind"] == "bundle"
    assert run(settings_file, "dumps", "verify", str(file)).exit_code == 0
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("HUB_BASE_IRI", "https://another.example.org/")
    served = cli_dumps.unpacked(file, "")
    assert "HUB_BASE_IRI" not in os.environ
    settings = config.load(served)
    assert settings.data_dir.is_relative_to(tmp_path / "cache" / "bioimage-hub")
    assert settings.hub_name == "eu"


def test_serve_refuses_what_is_no_hub(settings_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "x.hub").write_bytes(b"something else")
    result = run(settings_file, "serve", str(tmp_path / "x.hub"))
    assert isinstance(result.exception, StoreError)
    assert "is not served: it is no whole hub in one file" in str(result.exception)


@pytest.fixture
def address(dump: Path) -> Iterator[str]:
    """Serve the folder of dumps as a plain web server does."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Write nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(dump.parent)))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_verify_an_address(settings_file: Path, dump: Path, address: str) -> None:
    for end in ("", "/", f"/{MANIFEST}"):
        result = run(settings_file, "dumps", "verify", f"{address}/{dump.name}{end}", "--json")
        assert json.loads(result.stdout)["files"] == len(layout.read(dump).files)


def test_verify_an_address_without_a_dump(settings_file: Path, address: str) -> None:
    result = run(settings_file, "dumps", "verify", f"{address}/000999/")
    assert isinstance(result.exception, StoreError)
    assert f"{address}/000999/ cannot be read" in str(result.exception)
    result = run(settings_file, "dumps", "verify", f"{address}/{MANIFEST}")
    assert isinstance(result.exception, StoreError)
