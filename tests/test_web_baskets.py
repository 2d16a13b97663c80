"""``/basket`` over WSGI: the cookie, addresses, manifests, and what other sites may not do."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from werkzeug.test import Client, TestResponse

from hub import manifests
from hub.ingest import harvest
from hub.web import baskets
from hub.web.app import Hub
from tests.support import demo_settings, get, told

HTML = "text/html"
FIRST, SECOND = "bia/S-BIAD824", "idr/idr0015"
TWO = f"/basket?d={FIRST}&d={SECOND}"


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    settings = demo_settings(tmp_path_factory.mktemp("baskets"), ("bia", "idr", "empiar"))
    harvest(settings, list(settings.sources))
    made = Hub(settings)
    yield made
    made.close()


@pytest.fixture
def client(hub: Hub) -> Client:
    return Client(hub)


def change(
    client: Client, action: str, *names: str, headers: dict[str, str] | None = None, **more: str
) -> TestResponse:
    return client.post("/basket", data={"action": action, "dataset": list(names), **more}, headers=headers or {})


def held(client: Client) -> list[str]:
    return [row["accession"] for row in told(client, "/basket")["datasets"]]


# --- the cookie


def test_datasets_are_added_removed_and_cleared(client: Client) -> None:
    answer = change(client, "add", FIRST, SECOND)
    assert (answer.status_code, answer.location) == (303, "/basket")
    assert held(client) == ["S-BIAD824", "idr0015"]
    change(client, "add", FIRST)
    assert held(client) == ["S-BIAD824", "idr0015"]
    change(client, "remove", "https://hub.example.org/dataset/" + FIRST)
    assert held(client) == ["idr0015"]
    change(client, "clear")
    assert held(client) == []


def test_the_cookie_is_of_the_basket_alone_and_no_script_reads_it(client: Client) -> None:
    said = change(client, "add", FIRST).headers["Set-Cookie"]
    assert said.startswith(f"basket={FIRST};")
    assert {"HttpOnly", "Path=/basket", "SameSite=Lax"} <= {part.strip() for part in said.split(";")}
    assert "Secure" not in said
    over_tls = client.post("/basket", data={"action": "add", "dataset": FIRST}, base_url="https://localhost")
    assert "Secure" in over_tls.headers["Set-Cookie"]


def test_the_page_of_the_cookie_is_private(client: Client) -> None:
    change(client, "add", FIRST)
    answer = get(client, "/basket", HTML)
    assert answer.headers["Cache-Control"] == "private, no-store"
    assert "Cookie" in answer.vary
    assert "1<span" in answer.text.replace(" ", "").replace("\n", "")
    assert "Remove" in answer.text


def test_pages_that_are_cached_hold_nobodys_number(client: Client) -> None:
    change(client, "add", FIRST)
    for path in ("/", TWO):
        assert "number-of-basket" not in get(client, path, HTML).text
    shared = get(client, TWO, HTML)
    assert "public" in shared.headers["Cache-Control"]
    assert "Remove" not in shared.text


def test_a_full_basket_says_so_and_stays_as_it_is(client: Client) -> None:
    change(client, "add", *[f"bia/S-BIAD{n}" for n in range(150)])
    answer = change(client, "add", SECOND)
    assert answer.status_code == 409
    assert "holds about 150 datasets, and these are 151" in answer.text
    assert len(told(client, "/basket")["missing"]) > 100


@pytest.mark.parametrize("cookie", ["%00", "a" * 5000, "|||", "bia/<script>alert(1)</script>", "../..", "é/ü"])
def test_any_cookie_is_survived(client: Client, cookie: str) -> None:
    answer = client.get("/basket", headers={"Cookie": f"basket={cookie}", "Accept": HTML})
    assert answer.status_code == 200
    assert "<script>alert" not in answer.text


# --- where a change leads


@pytest.mark.parametrize("back", ["/search?q=mitosis", "/dataset/bia/S-BIAD824"])
def test_a_change_leads_back_to_a_page_of_the_hub(client: Client, back: str) -> None:
    assert change(client, "add", FIRST, back=back).location == back


@pytest.mark.parametrize(
    "back",
    ["https://evil.example/", "//evil.example/", "/\\evil.example", "\\\\evil", "javascript:alert(1)", "/a\r\nb"],
)
def test_a_change_leads_nowhere_else(client: Client, back: str) -> None:
    assert change(client, "add", FIRST, back=back).location == "/basket"
    assert "evil" not in client.get("/basket", query_string={"from": back}, headers={"Accept": HTML}).text


def test_the_basket_leads_back_to_where_one_was(client: Client) -> None:
    referer = {"Referer": "http://localhost/search?q=mitosis"}
    there = change(client, "add", FIRST, headers=referer).location
    assert '<a href="/search?q=mitosis">Back to where you were</a>' in get(client, there, HTML).text
    foreign = change(client, "add", FIRST, headers={"Referer": "https://evil.example/x"})
    assert foreign.location == "/basket"


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:81"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_another_site_changes_nothing(client: Client, headers: dict[str, str]) -> None:
    answer = change(client, "add", FIRST, headers=headers)
    assert answer.status_code == 403
    assert "Set-Cookie" not in answer.headers


def test_the_hubs_own_page_may(client: Client) -> None:
    assert (
        change(
            client, "add", FIRST, headers={"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"}
        ).status_code
        == 303
    )


def test_the_hubs_own_page_may_behind_a_proxy(client: Client) -> None:
    told_by_proxy = {"X-Forwarded-Host": "hub.example.org", "X-Forwarded-Proto": "https"}
    answer = change(client, "add", FIRST, headers={"Origin": "https://hub.example.org", **told_by_proxy})
    assert answer.status_code == 303
    assert "Secure" in answer.headers["Set-Cookie"]
    assert change(client, "add", FIRST, headers={"Origin": "https://evil.example", **told_by_proxy}).status_code == 403


@pytest.mark.parametrize(
    ("data", "named"),
    [
        ({"action": "burn"}, "action"),
        ({}, "action"),
        ({"action": "add", "dataset": "nonsense"}, "dataset"),
    ],
)
def test_a_wrong_change_is_refused_by_name(client: Client, data: dict[str, str], named: str) -> None:
    answer = client.post("/basket", data=data)
    assert answer.status_code == 400
    assert json.loads(answer.text)["detail"].startswith(named)


# --- addresses


def test_an_address_is_a_basket(client: Client) -> None:
    basket = told(client, TWO + "&d=bia/S-BIAD0")
    assert [row["accession"] for row in basket["datasets"]] == ["S-BIAD824", "idr0015"]
    assert basket["missing"] == ["https://hub.example.org/dataset/bia/S-BIAD0"]
    sizes = [row["size_bytes"] for row in basket["datasets"] if row["size_bytes"] is not None]
    assert basket["total"] == {"datasets": 2, "bytes": sum(sizes), "unknown_size": 2 - len(sizes)}
    assert basket["files"].keys() == manifests.FILES.keys()


def test_a_search_is_a_basket(client: Client) -> None:
    found = told(client, "/basket?q=zebrafish")
    assert {"S-BIAD840", "idr0068"} <= {row["accession"] for row in found["datasets"]}
    assert found["search"] == "/search?q=zebrafish"
    page = get(client, "/basket?q=zebrafish&page=2", HTML)
    assert '<a href="/search?q=zebrafish">this search</a>' in page.text


def test_only_what_may_be_used_commercially(client: Client) -> None:
    everything = told(client, "/basket?archive=empiar&archive=idr")
    only = told(client, "/basket?archive=empiar&archive=idr&commercial=1")
    assert only["commercial_use"]["allow"] == len(only["datasets"]) == everything["commercial_use"]["allow"]
    assert len(only["datasets"]) + len(only["left_out"]) == len(everything["datasets"])
    assert only["left_out"]
    assert "Left out" in get(client, "/basket?archive=empiar&archive=idr&commercial=1", HTML).text


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("d=nonsense", "dataset"),
        (f"d={FIRST}&q=mitosis", "d and q"),
        ("commercial=perhaps", "commercial"),
        ("speices=human", "there is no parameter 'speices'"),
    ],
)
def test_a_wrong_address_is_refused_by_name(client: Client, query: str, named: str) -> None:
    assert told(client, f"/basket?{query}", 400)["detail"].startswith(named)


def test_an_empty_basket_leads_to_the_search(client: Client) -> None:
    assert 'href="/search"' in get(client, "/basket", HTML).text


# --- manifests


def manifest(client: Client, query: str) -> tuple[TestResponse, zipfile.ZipFile]:
    answer = client.get(f"/basket/manifest?{query}")
    assert answer.status_code == 200, answer.text
    return answer, zipfile.ZipFile(io.BytesIO(answer.data))


def test_all_files_are_one_archive(client: Client) -> None:
    answer, archive = manifest(client, "q=zebrafish")
    assert answer.content_type == "application/zip"
    assert answer.content_length == len(answer.data)
    assert archive.namelist() == list(manifests.FILES)
    pinned = json.loads(archive.read("datasets.json"))
    assert pinned["snapshot"]["sequence"] == int(answer.headers["X-Hub-Sequence"])
    assert pinned["query"] == [["q", "zebrafish"]]
    assert archive.read("citations.bib").decode().count("@misc{") == pinned["total"]["datasets"] > 0


@pytest.mark.parametrize("file", manifests.FILES)
def test_each_file_is_that_of_the_archive(client: Client, file: str) -> None:
    _, archive = manifest(client, f"d={FIRST}&d={SECOND}")
    answer = client.get(f"/basket/manifest/{file}?d={FIRST}&d={SECOND}")
    assert answer.data == archive.read(file)
    assert answer.content_type == manifests.FILES[file]
    assert answer.headers["Content-Disposition"] == f"attachment; filename={file}"


def test_a_manifest_that_is_known_is_not_made_again(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    first, _ = manifest(client, "q=zebrafish&sort=title")
    same, _ = manifest(client, "sort=title&q=%20zebrafish&page=1")
    assert (first.data, first.headers["ETag"]) == (same.data, same.headers["ETag"])
    monkeypatch.setattr(baskets, "_made", lambda *_: pytest.fail("it was made again"))
    again = client.get("/basket/manifest?q=zebrafish&sort=title", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    other = client.get("/basket/manifest?q=zebrafish", headers={"If-None-Match": "*"})
    assert other.headers["ETag"] != first.headers["ETag"]


def test_the_manifest_of_the_cookie_is_that_of_an_address(client: Client) -> None:
    change(client, "add", FIRST, SECOND)
    answer = client.get("/basket/manifest/urls.txt")
    assert answer.status_code == 303
    assert answer.location == "/basket/manifest/urls.txt?d=bia%2FS-BIAD824&d=idr%2Fidr0015"
    assert client.get(answer.location).status_code == 200
    change(client, "clear")
    assert client.get("/basket/manifest").status_code == 400


def test_a_file_that_there_is_not(client: Client) -> None:
    assert "croissant.json" in told(client, f"/basket/manifest/croissants?d={FIRST}", 404)["detail"]


def test_too_many_datasets_are_refused(client: Client, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    settings: Any = hub.flask.config["HUB_SETTINGS"]
    monkeypatch.setitem(hub.flask.config, "HUB_SETTINGS", replace(settings, max_basket=3))
    answer = told(client, "/basket/manifest?archive=bia", 413)
    assert "at most 3 datasets" in answer["detail"]


@pytest.mark.parametrize(("place", "taken"), [("_WRITING", 2), ("_COMING", 6)])
def test_more_writers_than_there_are_places_are_asked_to_come_back(
    client: Client, monkeypatch: pytest.MonkeyPatch, place: str, taken: int
) -> None:
    monkeypatch.setattr(baskets, "WAIT_S", 0)
    places = getattr(baskets, place)
    for _ in range(taken):
        places.acquire()
    try:
        answer = client.get(f"/basket/manifest?d={FIRST}")
    finally:
        places.release(taken)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert client.get(f"/basket/manifest?d={FIRST}").status_code == 200


def test_a_manifest_is_of_one_snapshot(client: Client, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the hub publishes while a manifest is written, it is written again."""
    now = hub.publication()
    states = iter([replace(now, version="older"), now, now])
    monkeypatch.setitem(hub.flask.config, "HUB_PUBLICATION", lambda: next(states))
    answer = client.get(f"/basket/manifest/datasets.json?d={FIRST}")
    assert json.loads(answer.data)["total"]["datasets"] == 1
    assert next(states, None) is None
