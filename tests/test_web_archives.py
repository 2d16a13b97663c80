"""Pages of archives: what they are, their datasets page by page and in order, freshness, coverage, forms."""

from __future__ import annotations

import json
import re

import pytest
from werkzeug.test import Client

from hub import archive_pages, entities
from tests.entity_hub import client
from tests.support import get, told

__all__ = ["client"]


def test_archive_in_pages(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(entities, "PER_PAGE", 5)
    path = "/archive/bia?sort=accession&page={}"
    first = get(client, path.format(1) + "&", "text/html").text
    last = int(re.search(r"Page 1 of (\d+)", first)[1])  # type: ignore[index]
    listed = []
    for number in range(1, last + 1):
        page = get(client, path.format(number) + "&", "text/html").text
        listed += re.findall(r'class="accession"><a href="/dataset/bia/([^"]+)"', page)
        assert ('rel="next"' in page) == (number < last)
        assert ('rel="prev"' in page) == (number > 1)
    assert len(listed) == len(set(listed)) == told(client, "/archive/bia?sort=newest")["total"]
    assert listed == sorted(listed, key=entities.by_number)
    for number in (0, -1, last + 1, 10**8):
        assert get(client, path.format(number)).status_code == 404


def test_accessions_are_sorted_as_numbers() -> None:
    found = sorted(
        ["S-BIAD10", "S-BIAD9", "S-BIAD1-2", "102-Tsai", "11-Kyoda", "ssbd-repos-000002"], key=entities.by_number
    )
    assert found == ["11-Kyoda", "102-Tsai", "S-BIAD1-2", "S-BIAD9", "S-BIAD10", "ssbd-repos-000002"]


def test_what_an_archive_is_and_has_is_told(client: Client) -> None:
    found = told(client, "/archive/idr")
    assert (found["title"], found["homepage"]) == ("Image Data Resource", "https://idr.openmicroscopy.org/")
    assert found["organisms"]
    assert found["methods"]
    assert found["licences"]
    assert found["by_year"]
    assert 0 < found["coverage"]["description"] <= 1
    (source,) = found["sources"]
    assert (source["name"], source["state"]) == ("idr", "done")
    assert source["counts"]["listed"] >= found["total"]
    assert "url" not in source


def test_a_large_archive_is_counted_by_the_search_index(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    by_engine = told(client, "/archive/ssbd?sort=oldest")
    monkeypatch.setattr(archive_pages, "LARGE", 0)
    by_index = told(client, "/archive/ssbd?sort=newest")
    assert sum(by_engine["by_year"].values()) <= by_engine["total"]
    assert by_index["by_year"].keys() >= by_engine["by_year"].keys()
    methods = {one["id"] for one in by_engine["methods"]}
    assert methods & {one["id"] for one in by_index["methods"]}


def test_newest_first(client: Client) -> None:
    dates = [one["published"] or "" for one in told(client, "/archive/bia?sort=newest")["datasets"]]
    assert dates == sorted(dates, reverse=True)


def test_an_archive_by_its_title(client: Client) -> None:
    answer = get(client, "/archive/BioImage-Archive.ttl")
    assert (answer.status_code, answer.headers["Location"]) == (301, "/archive/bia.ttl")


@pytest.mark.parametrize("suffix", [".json", ".ttl", ".nt", ".rdf", ".jsonld", ".nq", ".trig"])
def test_forms(client: Client, suffix: str) -> None:
    answer = get(client, f"/archive/bia{suffix}")
    assert answer.status_code == 200
    assert "BioImage Archive" in answer.text


def test_the_page_has_its_schema_and_links(client: Client) -> None:
    answer = get(client, "/archive/empiar", "text/html")
    found = json.loads(re.findall(r'<script type="application/ld\+json">(.*?)</script>', answer.text)[0])
    assert (found["@type"], found["@id"]) == ("DataCatalog", "https://hub.example.org/archive/empiar")
    assert 'rel="license"' in answer.headers["Link"]
    assert "/quality/empiar" in answer.text
    assert "How fresh it is" in answer.text


def test_no_such_archive(client: Client) -> None:
    assert get(client, "/archive/nope").status_code == 404
