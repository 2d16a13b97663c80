"""Settings: from a file and the environment, every mistake named."""

from pathlib import Path

import pytest

from hub import config
from hub.errors import ConfigError

FULL = """
data_dir = "store"
base_iri = "https://hub.example.org/"
query_timeout_s = 5
[sources.bia]
harvester = "crates"
archive = "bia"
url = "crates/bia"
schedule = "daily"
suffix = "x"
[sources.live]
harvester = "empiar"
archive = "empiar"
url = "https://www.ebi.ac.uk/empiar/api/entry/"
"""


def load(tmp_path, text, **env):
    file = tmp_path / "hub.toml"
    file.write_text(text, encoding="utf-8")
    return config.load(str(file), env)


def test_a_full_file(tmp_path):
    settings = load(tmp_path, FULL)
    assert settings.data_dir == tmp_path / "store"
    assert settings.query_timeout_s == 5.0
    assert settings.schedules == {"bia": "daily"}
    assert settings.sources["bia"].url == str(tmp_path / "crates/bia")
    assert settings.sources["bia"].options == {"suffix": "x"}
    assert settings.sources["live"].url.startswith("https://")
    assert settings.database == f"sqlite:///{tmp_path / 'store' / 'catalogue.sqlite'}"


def test_the_environment_wins_over_the_file(tmp_path):
    settings = load(tmp_path, FULL, HUB_BASE_IRI="http://other.example.org/", HUB_QUERY_WORKERS="9")
    assert (settings.base_iri, settings.query_workers) == ("http://other.example.org/", 9)


def test_the_file_is_named_by_the_environment(tmp_path):
    file = tmp_path / "other.toml"
    file.write_text('database_url = "postgresql+psycopg://x"', encoding="utf-8")
    assert config.load(None, {"HUB_CONFIG": str(file)}).database == "postgresql+psycopg://x"


def test_without_a_file_there_are_defaults(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert config.load(None, {}).data_dir == Path(tmp_path / "data")


BBBC = "[sources.x]\nurl = 'https://bbbc.broadinstitute.org/'\nharvester = 'schemaorg'\narchive = 'bbbc'\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("dta_dir = 'x'", "dta_dir: no such setting"),
        ("base_iri = 'ftp://x/'", "base_iri:"),
        ("base_iri = 'https://x'", "ends in a slash"),
        ("query_workers = 'many'", "query_workers: 'many' is not a number"),
        ("query_workers = 0", "query_workers: 0 is not above zero"),
        ("query_workers = 2.9", "query_workers: 2.9 is not a whole number"),
        ("query_timeout_s = -1", "query_timeout_s: -1.0 is not above zero"),
        ("base_iri = 'http://a/<b>/'", "base_iri:"),
        ("[sources.'My x']\nurl = 'x'", "name a source in small letters"),
        ("[sources.x]\nurl = 'x'\nharvester = 'crates'\narchive = 'nope'", r"archive: 'nope' is not one of bia"),
        ("deletion_guard = 20", "deletion_guard: a share between 0 and 1"),
        ("data_dir = 3", "data_dir: 3 is not"),
        ("web_workers = true", "web_workers: True is not"),
        ("sources = 3", "sources, services: write one table"),
        ("[sources]\nbia = 3", r"\[sources.bia\] is not a table"),
        ("[sources.bia]\nurl = 'x'", r"\[sources.bia\] needs harvester, archive"),
        ("= broken", "is not TOML"),
        ("[sources.x]\nurl = 'x'\nharvester = 'schemaorg'\narchive = 'A b'", "'A b': write small letters"),
        (f"{BBBC}archive_title = 'BBBC'", "write archive_title and archive_homepage"),
        (f"{BBBC}archive_title = 'BBBC'\narchive_homepage = 'bbbc'", "archive_homepage"),
        ("precedence = 3", "precedence: write a table"),
        ("[precedence]\nnmae = []", r"\[precedence\] nmae: no slot"),
        ("[precedence]\nname = 'bia'", r"\[precedence\] name: 'bia' is not a list"),
        ("[precedence]\nname = ['nope']", r"\[precedence\] name: \['nope'\] is not a list of names of configured"),
    ],
)
def test_every_mistake_is_named(tmp_path, text, message):
    with pytest.raises(ConfigError, match=message):
        load(tmp_path, text)


def test_an_archive_that_the_hub_does_not_know_is_described_in_the_table(tmp_path):
    homepage = "https://bbbc.broadinstitute.org/"
    found = load(tmp_path, f"{BBBC}archive_title = 'Broad'\narchive_homepage = '{homepage}'")
    assert found.sources["x"].archive == "bbbc"
    assert found.sources["x"].options == {"archive_title": "Broad", "archive_homepage": homepage}


def test_precedence_names_slots_and_sources(tmp_path):
    text = "[sources.a]\nurl='x'\nharvester='crates'\narchive='bia'\n[precedence]\ndefault = ['a']\nauthor = []"
    assert load(tmp_path, text).precedence == {"default": ("a",), "author": ()}


def test_a_file_that_is_not_there_is_named():
    with pytest.raises(ConfigError, match=r"no settings file /nowhere/hub\.toml"):
        config.load("/nowhere/hub.toml", {})


def test_every_setting_has_help_and_a_variable():
    for name, variable, _default, help_text in config.option_fields():
        assert variable == "HUB_" + name.upper()
        assert help_text.endswith(".")
