"""The sitemap and robots.txt over WSGI: every dataset, absolute addresses, pages, compressed, and who may come."""

from __future__ import annotations

import gzip
import json
import urllib.robotparser
from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from werkzeug.test import Client, TestResponse

from hub.config import Settings
from hub.ingest import harvest
from hub.web import sitemap
from hub.web.app import Hub
from tests.support import demo_settings

SPACE = f"{{{sitemap.SITEMAPS}}}"
HERE = "https://hub.example.net"


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    settings = demo_settings(tmp_path_factory.mktemp("hub"), ("idr", "empiar"), trusted_proxies="127.0.0.1")
    harvest(settings, sorted(settings.sources))
    return settings


@pytest.fixture(scope="module")
def client(settings: Settings) -> Iterator[Client]:
    hub = Hub(settings)
    yield Client(hub)
    hub.close()


def ask(client: Client, path: str, **more: Any) -> TestResponse:
    return client.get(path, base_url=HERE, **more)


def listed(answer: TestResponse) -> dict[str, str]:
    """Return time of the last change by address."""
    assert answer.content_type == "application/xml; charset=utf-8"
    pairs = ((node.findtext(f"{SPACE}loc"), node.findtext(f"{SPACE}lastmod")) for node in ET.fromstring(answer.data))
    return {str(address): str(changed) for address, changed in pairs}


def number_of_datasets(client: Client) -> int:
    return int(json.loads(ask(client, "/?format=json").data)["counts"]["datasets"])


def test_every_dataset_is_listed_and_there(client: Client) -> None:
    found = listed(ask(client, "/sitemap.xml"))
    datasets = [address for address in found if f"{HERE}/dataset/" in address]
    assert len(datasets) == number_of_datasets(client) > 3
    assert f"{HERE}/" in found
    assert f"{HERE}/archive/idr" in found
    for address in (*datasets, f"{HERE}/archive/idr"):
        assert ask(client, address.removeprefix(HERE)).status_code == 200
    assert all(len(changed) >= len("2026-11-20T00:00:00Z") for changed in found.values())


def test_the_same_compressed_and_conditional(client: Client) -> None:
    plain, packed = ask(client, "/sitemap.xml"), ask(client, "/sitemap.xml.gz")
    assert packed.content_type == "application/gzip"
    assert gzip.decompress(packed.data) == plain.data == ask(client, "/sitemap/1.xml").data
    assert ask(client, "/sitemap.xml", headers={"If-None-Match": plain.headers["ETag"]}).status_code == 304


def test_many_datasets_become_pages_of_an_index(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sitemap, "PER_PAGE", 3)
    hub = Hub(settings)
    client = Client(hub)
    try:
        index = ask(client, "/sitemap.xml")
        assert ET.fromstring(index.data).tag == f"{SPACE}sitemapindex"
        pages = [listed(ask(client, address.removeprefix(HERE))) for address in listed(index)]
        datasets = [address for page in pages for address in page if "/dataset/" in address]
        assert len(datasets) == len(set(datasets)) == number_of_datasets(client)
        assert ask(client, f"/sitemap/{len(pages) + 1}.xml").status_code == 404
        packed = ask(client, "/sitemap.xml.gz")
        assert f"{HERE}/sitemap/2.xml.gz".encode() in gzip.decompress(packed.data)
    finally:
        hub.close()


def test_addresses_behind_a_proxy(client: Client) -> None:
    headers = {"X-Forwarded-Host": "images.example.org", "X-Forwarded-Proto": "https"}
    trusted = ask(client, "/sitemap.xml", headers=headers, environ_base={"REMOTE_ADDR": "127.0.0.1"})
    assert "https://images.example.org/dataset/idr/idr0004" in listed(trusted)
    stranger = ask(client, "/sitemap.xml", headers=headers, environ_base={"REMOTE_ADDR": "192.0.2.1"})
    assert "https://hub.example.org/dataset/idr/idr0004" in listed(stranger)
    assert ask(client, "/robots.txt", headers={"Host": "evil host"}).status_code == 400


def test_robots(client: Client) -> None:
    answer = ask(client, "/robots.txt")
    assert answer.content_type == "text/plain; charset=utf-8"
    rules = urllib.robotparser.RobotFileParser()
    rules.parse(answer.text.splitlines())
    assert rules.site_maps() == [f"{HERE}/sitemap.xml"]
    good = ("/", "/dataset/idr/idr0004", "/archive/idr", "/sitemap.xml", "/whats-new", "/static/style.css")
    dear = ("/search?archive=idr", "/sparql?query=x", "/explain?s=1", "/basket", "/links", "/thumbnail/idr/idr0004")
    for paths, allowed in ((good, True), (dear, False)):
        assert {path: rules.can_fetch("Googlebot", f"{HERE}{path}") for path in paths} == dict.fromkeys(paths, allowed)


def test_nothing_published(tmp_path_factory: pytest.TempPathFactory) -> None:
    hub = Hub(Settings(data_dir=tmp_path_factory.mktemp("empty")))
    try:
        assert Client(hub).get("/sitemap.xml").status_code == 503
        assert Client(hub).get("/robots.txt").status_code == 200
    finally:
        hub.close()
