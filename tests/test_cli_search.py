"""`hub search` and `hub basket`: of the data folder, and the same of a hub that is served on loopback."""

from __future__ import annotations

import csv
import io
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result
from werkzeug.serving import make_server

from hub import cli, cli_search, config, manifests
from hub.cli import build_demo
from hub.errors import HubError
from hub.ingest import harvest
from hub.web.app import Hub

SOURCES = ("bia", "idr", "empiar", "submissions")
Run = list[str]


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = build_demo(tmp_path_factory.mktemp("cli-search"))
    harvest(config.load(str(path), environ={}), SOURCES)
    return str(path)


@pytest.fixture(scope="module")
def url(file: str) -> Iterator[str]:
    site = Hub(config.load(file, environ={}))
    server = make_server("127.0.0.1", 0, site, threaded=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()
    site.close()


@pytest.fixture(params=["folder", "web"])
def where(request: pytest.FixtureRequest, file: str, url: str) -> Run:
    """Options that say where is searched."""
    return ["--config", file] if request.param == "folder" else ["--url", url]


def hub(*arguments: str) -> Result:
    return CliRunner().invoke(cli.app, arguments)


def found(*arguments: str) -> str:
    done = hub(*arguments)
    assert done.exit_code == 0, (done.output, done.exception)
    return done.stdout


def ids(*arguments: str) -> list[str]:
    return found("search", *arguments, "--format", "ids").split()


def test_words_and_filters(where: Run) -> None:
    assert set(ids("zebrafish", *where)) >= {"bia/S-BIAD840", "idr/idr0068"}
    assert ids("zebrafish", "--archive", "idr", *where) == ["idr/idr0068"]
    both = ids("--organism", "zebrafish", "--archive", "idr", "--archive", "bia", *where)
    assert {name.partition("/")[0] for name in both} == {"idr", "bia"}
    assert ids("zebrafish", "--licence", "CC BY 4.0", "--year", "2021", *where) == ["idr/idr0068"]


def test_order_ranges_and_limit(where: Run) -> None:
    said = json.loads(found("search", "--sort", "largest", "--where", "size_bytes_max=1TB", "--format", "json", *where))
    sizes = [one["size_bytes"] for one in said]
    assert sizes == sorted(sizes, reverse=True)
    assert max(sizes) <= 10**12
    assert len(said) > cli_search.SHOWN
    assert len(ids("--limit", "3", *where)) == 3


def test_the_folder_and_the_web_say_the_same(file: str, url: str) -> None:
    for form in ("ids", "json", "csv", "bibtex", "urls"):
        asked = ("search", "cell", "--limit", "12", "--format", form)
        assert found(*asked, "--config", file) == found(*asked, "--url", url), form


def test_a_table_for_people(where: Run) -> None:
    said = found("search", "zebrafish", *where)
    assert "Automated staging of zebrafish embryos" in said
    assert "122.6 GB" in said
    assert "CC0-1.0" in said
    assert said.count("─") > 100
    rows = found("search", *where)
    assert f"{cli_search.SHOWN} of " in rows


def test_a_csv_for_spreadsheets(where: Run) -> None:
    (row,) = csv.DictReader(
        io.StringIO(found("search", "--archive", "bia", "staging zebrafish", "--format", "csv", *where))
    )
    assert (row["accession"], row["organisms"]) == ("S-BIAD840", "Danio rerio")
    assert "; " in row["authors"]


def test_citations_and_addresses_of_files(where: Run) -> None:
    assert found("search", "zebrafish", "--format", "bibtex", *where).count("@misc{") == len(ids("zebrafish", *where))
    urls = found("search", "--archive", "hub", "--format", "urls", *where).split()
    assert "https://example.org/datasets/p53-hela/live.zip" in urls


def test_nothing_found_is_told_on_standard_error(where: Run) -> None:
    done = hub("search", "zebrafish", "--year", "1950", *where)
    assert (done.exit_code, done.stdout) == (1, "")
    assert "nothing was found" in done.stderr


def test_what_is_searched_instead_is_told(where: Run) -> None:
    done = hub("search", "zebrafsh", *where)
    assert done.exit_code == 0
    assert "this is what is found for: zebrafish" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["search", "--where", "size_bytes_max"], "write NAME=VALUE"),
        (["search", "--where", "organsim=human"], "did you mean organism"),
        (["search", "--sort", "best"], "sort is 'best'"),
        (["search", "--where", "size_bytes_min=many"], "size_bytes_min is 'many'"),
        (["basket", "x"], "write words or filters"),
        (["basket", "x", "cell", "--dataset", "bia/S-BIAD824"], "not both"),
        (["basket", "x", "--dataset", "nonsense"], "--dataset: 'nonsense' names no dataset"),
    ],
)
def test_what_is_wrong_is_named(file: str, arguments: list[str], named: str) -> None:
    done = hub(*arguments, "--config", file)
    assert isinstance(done.exception, HubError), done.output
    assert named in str(done.exception)


def test_a_hub_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hub.client.time.sleep", lambda _: None)
    done = hub("search", "x", "--url", "http://127.0.0.1:1")
    assert isinstance(done.exception, HubError)
    assert "does not answer" in str(done.exception)
    assert isinstance(hub("search", "x", "--url", "hub.example.org").exception, HubError)


def test_an_empty_folder_says_what_to_do(tmp_path: Path) -> None:
    settings = tmp_path / "hub.toml"
    settings.write_text("")
    assert "hub harvest --all" in str(hub("search", "x", "--config", str(settings)).exception)


def test_a_basket_is_written(where: Run, tmp_path: Path) -> None:
    said = found("basket", str(tmp_path / "b"), "zebrafish", *where)
    assert {path.name for path in (tmp_path / "b").iterdir()} == set(manifests.FILES)
    pinned = json.loads((tmp_path / "b" / "datasets.json").read_text())
    assert f"{pinned['total']['datasets']} datasets" in said


def test_a_basket_is_the_same_from_the_folder_and_the_web(file: str, url: str, tmp_path: Path) -> None:
    asked = ("--archive", "empiar", "--archive", "idr", "--commercial")
    found("basket", str(tmp_path / "a"), *asked, "--config", file)
    found("basket", str(tmp_path / "b"), *asked, "--url", url)
    for name in manifests.FILES:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes(), name


def test_what_is_left_out_is_told(where: Run, tmp_path: Path) -> None:
    done = hub(
        "basket", str(tmp_path), "--dataset", "bia/S-BIAD824", "--dataset", "idr/idr0004", "--commercial", *where
    )
    assert done.exit_code == 0, done.output
    told = json.loads((tmp_path / "datasets.json").read_text())
    assert told["total"]["datasets"] + len(told["left_out"]) == 2
    assert ("left out" in done.stderr) is bool(told["left_out"])
