"""Images over WSGI: copies, placeholders, headers; no request goes out, and no byte of an archive is passed on."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from PIL import Image
from werkzeug.test import Client

from hub import thumbnails
from hub.ingest import harvest
from hub.web.app import Hub
from tests.test_thumbnails import IDR, Site, picture, site, with_images

__all__ = ["site"]
PAGE = f"/thumbnail/idr/{IDR}"


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """A hub with one dataset of two images, the first of which has a copy."""
    folder = tmp_path_factory.mktemp("hub")
    addresses = ["http://127.0.0.1:9/a.png", "http://127.0.0.1:9/b.png"]
    settings = with_images(folder, addresses)
    harvest(settings, ["idr"])
    keep(thumbnails.folder(settings), addresses[0])
    hub = Hub(settings)
    yield Client(hub)
    hub.close()


def keep(home: Path, address: str) -> None:
    """Keep a copy for an address, as a pass does."""
    from harvesters.keep import Keep
    from hub.thumbnail_copies import _point
    from hub.thumbnail_images import small

    _point(thumbnails.link_path(home, address), Keep(home / "copies").put([small(picture())]).sha256)


def test_the_copy(client: Client) -> None:
    answer = client.get(PAGE)
    assert (answer.status_code, answer.content_type) == (200, "image/webp")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert answer.headers["Cache-Control"] == "public, max-age=86400"
    assert Image.open(io.BytesIO(answer.data)).size == (320, 200)
    again = client.get(PAGE, headers={"If-None-Match": answer.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    assert client.head(PAGE).headers["Content-Length"] == answer.headers["Content-Length"]


@pytest.mark.parametrize(("path", "status"), [(f"{PAGE}?n=1", 200), (f"{PAGE}?n=7", 200), ("/thumbnail/idr/idr9", 404)])
def test_a_placeholder_where_there_is_no_copy(client: Client, path: str, status: int) -> None:
    answer = client.get(path)
    assert (answer.status_code, answer.content_type) == (status, "image/svg+xml")
    assert ET.fromstring(answer.data).tag.endswith("svg")
    assert answer.headers["Cache-Control"] == "public, max-age=3600"
    assert answer.data == client.get(path).data


def test_names_in_a_placeholder_are_text(client: Client) -> None:
    answer = client.get("/thumbnail/idr/%3Cscript%3Ealert(1)%3C%2Fscript%3E")
    assert b"<script" not in answer.data
    answer = client.get("/thumbnail/%22%3E%3Cscript%3E/x%00%1f")
    assert b"<script" not in answer.data
    ET.fromstring(answer.data)


@pytest.mark.parametrize("number", ["-1", "x", "1000", "9" * 5000, "²"])
def test_numbers_that_are_none(client: Client, number: str) -> None:
    answer = client.get(PAGE, query_string={"n": number})
    assert (answer.status_code, answer.content_type) == (400, "application/problem+json")
    assert "n: " in answer.text


def test_readers_ask_nobody(tmp_path: Path, site: Site) -> None:
    settings = with_images(tmp_path, [site.put("/a.png", picture())])
    harvest(settings, ["idr"])
    hub = Hub(settings)
    try:
        assert Client(hub).get(PAGE).content_type == "image/svg+xml"
        assert site.asked == []
    finally:
        hub.close()
