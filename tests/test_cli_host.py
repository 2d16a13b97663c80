"""`hub host`: each action once, with what it prints, and sentences instead of tracebacks."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from hub.cli import app
from hub.errors import ConfigError
from tests.copies_support import dataset_of, put, settings_of
from tests.generated_hosts import Host, sums
from tests.support import BASE

SIZE = 4000


@pytest.fixture(scope="module")
def host():
    with Host() as served:
        served.files["/S-BIAD1/a.tif"] = (7, SIZE)
        yield served


@pytest.fixture(scope="module")
def toml(tmp_path_factory, host):
    folder = tmp_path_factory.mktemp("cli")
    settings = settings_of(folder, host.url)
    files = [{"content_url": f"{host.url}S-BIAD1/a.tif", "size_bytes": SIZE, "sha256": sums(7, SIZE)[0]}]
    put(settings, dataset_of("S-BIAD1", files))
    file = folder / "hub.toml"
    file.write_text(
        f'data_dir = "data"\nbase_iri = "{BASE}"\nharvest_interval_s = 0.001\n'
        f'[hosts.m1]\nkind = "http"\nurl = "{host.url}"\nprivate = true\n',
        encoding="utf-8",
    )
    return str(file)


def said(toml, *words, status=0):
    result = CliRunner().invoke(app, ["host", *words, "--config", toml, "--json"])
    assert result.exit_code == status, result.output
    return json.loads(result.stdout)


def test_a_dataset_is_held_listed_checked_looked_through_and_removed(toml):
    assert said(toml, "bia/S-BIAD1") == {"done": 1, "already": 0, "bytes": SIZE, "failed": {}}
    assert said(toml, "bia/S-BIAD1", "--once")["already"] == 1
    told = said(toml, "list")
    assert told["held"] == {"own": {"files": 1, "bytes": SIZE, "bad": 0}}
    assert told["copies"] == {"archive": {"unknown": 1}, "own": {"healthy": 1}}
    assert said(toml, "check", "--limit", "5") == {"checked": {"healthy": 1}}
    assert said(toml, "scrub", "--bytes", "10")["read"] == 1
    assert said(toml, "repair")["repaired"] == 0
    assert said(toml, "remove", "bia/S-BIAD1") == {"removed": 1}
    assert said(toml, "gc", "--grace-days", "0") == {"removed": 1, "bytes": SIZE}
    assert said(toml, "upkeep")["scrubbed"] == 0


def test_people_get_lines(toml):
    result = CliRunner().invoke(app, ["host", "list", "--config", toml])
    assert "held: own: 0 files, 0 bytes, 0 bad" in result.stdout


@pytest.mark.parametrize("words", [["nothing"], ["remove"], ["list", "bia/S-BIAD1"], ["bia/a", "bia/b"], ["discover"]])
def test_other_words_are_refused_with_the_right_ones(toml, words):
    result = CliRunner().invoke(app, ["host", *words, "--config", toml])
    assert isinstance(result.exception, ConfigError)
    assert "write <archive>/<accession>, or one of list, check" in str(result.exception)


def test_what_cannot_be_had_is_told_and_is_exit_status_1(toml, host):
    served = dict(host.files)
    host.files.clear()
    told = said(toml, "bia/S-BIAD1", status=1)
    host.files.update(served)
    assert "cannot be had: archive: GET" in told["failed"]["bia/S-BIAD1/a.tif"]


def test_a_peer_that_is_not_in_the_settings_is_named(toml):
    result = CliRunner().invoke(app, ["host", "discover", "eu", "--config", toml])
    assert isinstance(result.exception, ConfigError)
    assert "[peers.eu]: write url and key of the peer" in str(result.exception)
