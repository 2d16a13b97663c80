"""Charts as pages and files, with the numbers that SPARQL gives; on other pages; networks of datasets."""

from __future__ import annotations

import csv
import io
import json
import re
from collections import Counter
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from flask import Flask
from werkzeug.test import Client
from werkzeug.wrappers import Response

from hub import describe, gallery
from hub.charts import CHARTS
from hub.errors import QueryTimeoutError
from hub.ingest import harvest
from hub.links.elsewhere import Elsewhere, Finding
from hub.web.app import Hub
from hub.web.cache import PageCache
from hub.web.chart import SVG
from hub.web.network import MAX_NODES, Network, network_of
from tests.support import demo_settings, get

DATASET = ("idr", "idr0094")


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    settings = demo_settings(tmp_path_factory.mktemp("charts"), ("bia", "idr", "empiar"))
    harvest(settings, list(settings.sources))
    made = Hub(settings)
    yield made
    made.close()


@pytest.fixture(scope="module")
def client(hub: Hub) -> Client:
    return Client(hub, Response)


@pytest.fixture
def app(hub: Hub) -> Iterator[Flask]:
    with hub.flask.test_request_context():
        yield hub.flask


def asked(client: Client, name: str) -> list[dict[str, str]]:
    """Return the answer to a saved question, as the SPARQL endpoint gives it."""
    return list(csv.DictReader(io.StringIO(get(client, f"/q/{name}.csv").text)))


def queries_of(hub: Hub) -> int:
    now = hub.publication()
    return int(now.pool.stats()["queries"]) + int(now.pages.stats()["queries"])


# --- files -------------------------------------------------------------------------------------------------------


def test_growth_is_what_sparql_says(client: Client):
    told = json.loads(get(client, "/charts/growth.json").text)
    expected: Counter[str] = Counter()
    for row in asked(client, "growth-by-year"):
        expected[row["archive"]] += int(row["datasets"])
    assert {h["label"]: n for h, n in zip(told["columns"], told["values"][-1], strict=True)} == dict(expected)
    assert told["question"] == "growth-by-year"


def test_cells_are_what_sparql_says(client: Client):
    told = json.loads(get(client, "/charts/methods-by-organism.json").text)
    answer = {(row["taxon"], row["method"]): int(row["datasets"]) for row in asked(client, "methods-by-organism")}
    for row, values in zip(told["rows"], told["values"], strict=True):
        for column, value in zip(told["columns"], values, strict=True):
            assert answer.get((row["iri"], column["iri"]), 0) == value


@pytest.mark.parametrize("name", list(CHARTS))
def test_table_and_file_have_the_same_numbers(client: Client, name: str):
    told = json.loads(get(client, f"/charts/{name}.json").text)
    head, *rows = csv.reader(io.StringIO(get(client, f"/charts/{name}.csv").text))
    labels = [h["label"] for h in told["columns"]]
    assert head[-len(labels) :] == labels
    assert [[int(n) for n in row[-len(labels) :]] for row in rows] == told["values"]
    page = get(client, f"/charts/{name}", "text/html").text
    cells = re.findall(r'<td class="number">([\d,]+)</td>', page)
    assert [int(cell.replace(",", "")) for cell in cells] == [n for row in told["values"] for n in row]


@pytest.mark.parametrize("name", list(CHARTS))
def test_figure_is_a_file(client: Client, name: str):
    answer = get(client, f"/charts/{name}.svg")
    assert answer.mimetype == "image/svg+xml"
    assert ET.fromstring(answer.text).findtext(f"{{{SVG}}}title") == CHARTS[name].title


def test_page_leads_to_the_question_and_the_files(client: Client):
    page = get(client, "/charts", "text/html").text
    for name, chart in CHARTS.items():
        assert f'href="/questions/{chart.question}?run=1"' in page
        assert all(f'href="/charts/{name}.{suffix}"' in page for suffix in ("svg", "csv", "json"))
    assert " style=" not in page


def test_all_charts_as_json(client: Client):
    told = json.loads(get(client, "/charts?format=json").text)
    assert [chart["name"] for chart in told] == list(CHARTS)


@pytest.mark.parametrize(("path", "status"), [("/charts/nothing", 404), ("/charts/growth.pdf", 406)])
def test_what_there_is_not(client: Client, path: str, status: int):
    answer = get(client, path, "application/problem+json")
    assert answer.status_code == status
    assert "growth" in answer.json["detail"] or "svg" in answer.json["detail"]


def test_numbers_are_asked_for_once(hub: Hub, client: Client):
    get(client, "/charts", "text/html")
    before = queries_of(hub)
    for path in ("/charts/growth", "/charts/growth.svg", "/charts/coverage.csv", "/charts?format=json"):
        assert get(client, path).status_code == 200
    assert queries_of(hub) == before


def test_question_of_a_chart_needs_no_values():
    assert all(not gallery.question(chart.question).parameters for chart in CHARTS.values())


# --- the home page -----------------------------------------------------------------------------------------------


def test_home_page_has_pictures_and_the_newest(client: Client):
    page = get(client, "/", "text/html").text
    assert re.findall(r'<svg [^>]*class="chart"', page).__len__() == 2
    assert page.count('class="spark"') == 3
    newest = re.findall(r'<time datetime="([\d-]+)">', page.partition('id="newest"')[2])
    assert newest[:6] == sorted(newest[:6], reverse=True)
    assert '<form role="search"' in page


def test_home_page_is_there_without_pictures(hub: Hub, client: Client, monkeypatch: pytest.MonkeyPatch):
    def slow(*_: object) -> None:
        raise QueryTimeoutError("it took too long")

    monkeypatch.setitem(hub.flask.config, "HUB_PAGES", PageCache(10**6))
    monkeypatch.setattr("hub.web.drawn.charts.read", slow)
    page = get(client, "/", "text/html")
    assert page.status_code == 200
    assert 'id="newest"' in page.text
    assert 'class="chart"' not in page.text
    assert get(client, "/charts/growth", "text/html").status_code == 503


def test_every_page_has_the_search(client: Client):
    for path in ("/charts", "/questions", "/nothing-is-here"):
        page = get(client, path, "text/html").text
        assert '<form role="search" action="/search"' in page
        assert 'name="q"' in page


# --- networks ----------------------------------------------------------------------------------------------------


@pytest.fixture
def record(hub: Hub, app: Flask) -> Any:
    return describe.dataset(hub.publication().pages, app.config["HUB_SETTINGS"], *DATASET, brief=True).record


def figure(network: Network | None) -> ET.Element:
    assert network is not None
    return ET.fromstring(str(network.svg))


def test_network_leads_to_pages(record: Any):
    other = Elsewhere("https://e.org/dataset/bia/S-BIAD29", True, "S-BIAD29", "BioImage Archive", "https://e.org/b")
    found = Finding("https://e.org/l", "papers", "p", "https://doi.org/10.1038/s1", "A paper", 0.4, is_suggested=True)
    network = network_of(record, [other], [found])
    assert network is not None
    assert network.kinds["Other datasets"][0].why == "the same study"
    assert network.kinds["Papers"][-1].href == "/paper/10.1038/s1"
    drawn = figure(network)
    places = [one.get("href", "") for one in drawn.iter(f"{{{SVG}}}a")]
    assert "/paper/10.1038/s1" in places
    assert all(place.startswith(("/", "https://", "http://")) for place in places)
    assert len([p for p in drawn.iter(f"{{{SVG}}}path") if p.get("stroke-dasharray")]) == 1
    assert drawn.get("role") == "group"


def test_network_is_the_same_each_time(record: Any):
    assert str(network_of(record).svg) == str(network_of(record).svg)


def test_network_draws_some_of_many_and_lists_them_all(record: Any):
    people = [SimpleNamespace(name=f"Person {n}", id=f"https://e.org/record/a/b#{n}") for n in range(MAX_NODES + 3)]
    network = network_of(record.model_copy(update={"author": people}))
    assert network is not None
    assert len(network.kinds["People"]) == MAX_NODES + 3
    assert "and 3 more" in [one.text for one in figure(network).iter(f"{{{SVG}}}text")]
    assert [node.href for node in network.kinds["People"]] == [""] * (MAX_NODES + 3)


def test_network_has_each_thing_once(record: Any):
    twice = record.model_copy(update={"author": (record.author or []) * 2})
    assert network_of(twice) == network_of(record)


def test_network_of_nothing_is_none(record: Any):
    fields = ("author", "publication", "funding", "about", "measurement_method", "gene_annotation")
    assert network_of(record.model_copy(update=dict.fromkeys(fields))) is None


def test_network_writes_what_records_say_as_text(record: Any):
    evil = [SimpleNamespace(name="<script>alert(1)</script>", id="javascript:alert(1)")]
    network = network_of(record.model_copy(update={"author": evil}))
    assert network is not None
    assert "<script>" not in str(network.svg)
    assert "javascript:" not in str(network.svg)
