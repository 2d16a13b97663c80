"""Hosts in the settings, paths of files, and the records that they come from."""

from __future__ import annotations

import logging

import pytest
from apscheduler.schedulers.background import BackgroundScheduler

from hub import config
from hub.config import Settings
from hub.copies.files import files_of
from hub.copies.registry import all_hosts
from hub.copies.upkeep import Upkeep
from hub.errors import ConfigError
from tests.copies_support import dataset_of


def settings_of(tmp_path, text):
    (tmp_path / "hub.toml").write_text(text, encoding="utf-8")
    return config.load(str(tmp_path / "hub.toml"), environ={})


def test_hosts_are_read_from_the_settings(tmp_path):
    settings = settings_of(
        tmp_path,
        'hosting_region = "GB"\n'
        '[hosts.mirror]\nkind = "http"\nurl = "https://mirror.example.org/x"\nregion = "JP"\narchives = ["idr"]\n'
        '[hosts.tape]\nkind = "folder"\nurl = "tape"\npriority = 3\n'
        '[hosts.cloud]\nkind = "s3"\nurl = "s3://bucket/hub"\n[hosts.cloud.options]\nanon = true\n',
    )
    hosts = all_hosts(settings)
    assert sorted(hosts) == ["cloud", "mirror", "own", "tape"]
    assert (hosts["mirror"].url, hosts["mirror"].region) == ("https://mirror.example.org/x/", "jp")
    assert hosts["tape"].url == str(tmp_path / "tape")
    assert {name for name, host in hosts.items() if host.is_own} == {"own", "cloud", "tape"}
    assert hosts["cloud"].options == {"anon": True}


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ('kind = "ftp"\nurl = "ftp://x/"', "kind: 'ftp' is not one of http, s3, folder"),
        ('kind = "http"', "write kind and url"),
        ('kind = "http"\nurl = "x"', "url: 'x' is no http or https address"),
        ('kind = "http"\nurl = "https://me:pw@x.org/"', "without a query and a password"),
        ('kind = "s3"\nurl = "https://x/"', "is no s3 address"),
        ('kind = "http"\nurl = "https://x/"\npriority = 0', "priority: 0 is no whole number from 1 to 999999"),
        ('kind = "http"\nurl = "https://x/"\nregion = "Japan"', "region: 'Japan' is no country code"),
        ('kind = "http"\nurl = "https://x/"\nprivate = "yes"', "private: write true or false"),
        ('kind = "http"\nurl = "https://x/"\narchives = "idr"', "archives: write a list"),
        ('kind = "http"\nurl = "https://x/"\nreplaces = 1', "replaces: 1 is no text"),
        ('kind = "s3"\nurl = "s3://x/"\noptions = {secret = "x"}', "without key, secret and token"),
        ('kind = "http"\nurl = "https://x/"\ncolour = "red"', "write kind and url"),
    ],
)
def test_a_wrong_host_is_named_with_what_to_write(tmp_path, table, said):
    with pytest.raises(ConfigError, match=r"\[hosts.m\]") as raised:
        settings_of(tmp_path, f"[hosts.m]\n{table}\n")
    assert said in str(raised.value)


@pytest.mark.parametrize("text", ['hosts = "x"', '[hosts.own]\nkind = "folder"\nurl = "x"', 'hosting = "maybe"'])
def test_wrong_settings_of_hosting_are_refused(tmp_path, text):
    with pytest.raises(ConfigError):
        settings_of(tmp_path, text)


def paths(*urls):
    return [file.path for file in files_of(dataset_of("S-BIAD1", [{"content_url": url} for url in urls]))]


def test_a_path_is_what_follows_the_accession():
    base = "https://ftp.ebi.ac.uk/biostudies/fire/S-BIAD/001/S-BIAD1/Files"
    assert paths(f"{base}/a/b%20c.tif", "https://e.org/x/y.tif") == ["Files/a/b c.tif", "x/y.tif"]


def test_folders_pages_and_other_protocols_are_no_files():
    assert paths("https://e.org/a/", "https://e.org/a.zarr", "ftp://e.org/a.tif", "https://e.org") == []


ESCAPES = (
    "https://e.org/../../etc/passwd",
    "https://e.org/%2e%2e/%2e%2e/etc/passwd",
    "https://e.org/..%2f..%2fetc/passwd",
)


@pytest.mark.parametrize("url", ESCAPES)
def test_a_path_never_leaves_its_folder(url):
    assert paths(url) == ["etc/passwd"]


def test_what_cannot_stand_in_a_path_is_replaced():
    (path,) = paths("https://e.org/a%00b%0a%5cc.tif")
    assert path == "a_b__c.tif"


def test_two_files_of_one_path_stay_two_and_keep_their_names():
    first, second = paths("https://e.org/d/a.ome.tif", "https://f.org/d/a.ome.tif")
    assert first == "d/a.ome.tif"
    assert second.startswith("d/a~")
    assert second.endswith(".ome.tif")
    assert paths("https://e.org/get?file=1", "https://e.org/get?file=2", "https://e.org/get?file=2") == paths(
        "https://e.org/get?file=1", "https://e.org/get?file=2"
    )


@pytest.mark.parametrize(("hosting", "jobs"), [("on", 1), ("off", 0)])
def test_upkeep_has_its_hour_where_the_settings_want_it(tmp_path, hosting, jobs, caplog):
    file = tmp_path / "hub.toml"
    file.write_text('data_dir = "data"\n', encoding="utf-8")
    scheduler = BackgroundScheduler(timezone="UTC")
    upkeep = Upkeep(scheduler, Settings(data_dir=tmp_path / "data", hosting=hosting), str(file))
    assert len(scheduler.get_jobs()) == jobs
    if jobs:
        with caplog.at_level(logging.INFO):
            assert upkeep.run() == 0
        assert '"scrubbed": 0' in caplog.text
        upkeep.stop()
        assert upkeep.run() == 0
