"""The Python client against a hub that is served on loopback, and against servers that misbehave."""

from __future__ import annotations

import ast
import hashlib
import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from werkzeug.serving import make_server

from hub import client as module
from hub import manifests
from hub.client import AmbiguousError, DownloadError, File, Hub, HubError, NotFoundError
from hub.ingest import harvest
from hub.web.app import Hub as Site
from tests.support import demo_settings, listening

Reply = tuple[int, dict[str, str], bytes]


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    settings = demo_settings(tmp_path_factory.mktemp("client"), ("bia", "idr", "empiar", "submissions"))
    harvest(settings, list(settings.sources))
    site = Site(settings)
    with listening(make_server("127.0.0.1", 0, site, threaded=True)) as address:
        yield address
    site.close()


@pytest.fixture
def hub(url: str) -> Iterator[Hub]:
    with Hub(url, retries=0, pause_s=0) as made:
        yield made


# --- a hub


def test_the_client_needs_nothing_else_of_the_hub() -> None:
    tree = ast.parse(Path(str(module.__file__)).read_text(encoding="utf-8"))
    names = {
        n.names[0].name if isinstance(n, ast.Import) else n.module
        for n in ast.walk(tree)
        if isinstance(n, ast.Import | ast.ImportFrom)
    }
    assert not [
        name for name in names if str(name).partition(".")[0] in ("hub", "harvesters", "ontology", "linkml_schemas")
    ]


def test_search_yields_all_pages(hub: Hub) -> None:
    whole = list(hub.search(per_page=200))
    assert [study.iri for study in hub.search(per_page=7)] == [study.iri for study in whole]
    assert len(list(hub.search(limit=9, per_page=4))) == 9
    assert hub.results(per_page=1).total == len(whole) > 30


def test_more_than_pages_reach_come_as_one_answer(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    by_pages = [study.iri for study in hub.search("cell", sort="title")]
    monkeypatch.setattr(module, "REACH", 3)
    assert [study.iri for study in hub.search("cell", sort="title")] == by_pages
    assert [study.iri for study in hub.search("cell", sort="title", limit=5)] == by_pages[:5]
    (first, *_) = hub.search("cell", sort="title", limit=2)
    assert first.excerpt


def test_pages_are_asked_for_as_they_are_needed(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []
    results = Hub.results
    monkeypatch.setattr(Hub, "results", lambda self, *a, **kw: asked.append(kw["page"]) or results(self, *a, **kw))
    found = hub.search(per_page=5)
    assert asked == []
    for _ in range(6):
        next(found)
    assert asked == [1, 2]


def test_a_study_says_what_it_is(hub: Hub) -> None:
    (first, *_) = hub.search("staging of zebrafish embryos", archive=["bia", "idr"])
    assert (first.dataset.name, first.dataset.organisms) == ("bia/S-BIAD840", ("Danio rerio",))
    assert first.dataset.page.endswith("/dataset/bia/S-BIAD840")
    assert "zebrafish" in first.excerpt
    assert isinstance(first.dataset.size_bytes, int)


def test_filters_and_counts(hub: Hub) -> None:
    found = hub.results(licence="CC0-1.0", size_bytes_min=10**9, sort="largest")
    sizes = [study.dataset.size_bytes or 0 for study in found.studies]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[-1] >= 10**9
    assert found.facets["licence"]["CC0-1.0"] == found.total
    assert found.facets["archive"].keys() >= {"bia", "empiar"}
    assert found.completeness


def test_a_wrong_filter_is_one_clear_sentence(hub: Hub) -> None:
    with pytest.raises(HubError, match=r"there is no parameter 'organsim': did you mean organism\?") as caught:
        list(hub.search("x", organsim="human"))
    assert caught.value.status == 400


@pytest.mark.parametrize("name", ["bia/S-BIAD824", "S-BIAD824", "https://hub.example.org/dataset/bia/S-BIAD824"])
def test_a_dataset_by_any_name(hub: Hub, name: str) -> None:
    found = hub.dataset(name)
    assert (found.accession, found.archive) == ("S-BIAD824", "BioImage Archive")
    assert found.title
    assert found.authors
    assert found.licence.startswith("https://creativecommons.org/")
    assert found.record["@id"] == found.iri


def test_a_dataset_says_its_files(hub: Hub) -> None:
    found = hub.dataset("EMPIAR-11759")
    assert (found.doi, found.published, found.size_bytes) == (
        "https://doi.org/10.6019/empiar-11759",
        "2024-01-15",
        1200000000,
    )
    assert found.methods == ("serial block face SEM (SBFSEM)",)
    (folder,) = found.files
    assert (folder.is_file, folder.url) == (False, "https://ftp.ebi.ac.uk/empiar/world_availability/11759/data")


def test_what_there_is_not(hub: Hub) -> None:
    for name in ("bia/S-BIAD0", "S-BIAD0"):
        with pytest.raises(NotFoundError, match="S-BIAD0"):
            hub.dataset(name)
    with pytest.raises(NotFoundError, match=r"no dataset but a taxon|no dataset but a term|knows nothing"):
        hub.dataset("NCBITaxon:7955")


def test_identifiers_are_resolved(hub: Hub) -> None:
    meaning = hub.resolve("doi:10.6019/EMPIAR-11759")
    assert (meaning.kind, meaning.iri) == ("dataset", "https://hub.example.org/dataset/empiar/EMPIAR-11759")
    found = hub.resolve_all(["EMPIAR-11759", "10.1/none", "EMPIAR-11759"])
    assert [[one.kind for one in meanings] for meanings in found.values()] == [["dataset"], []]


def test_an_identifier_of_several_things(monkeypatch: pytest.MonkeyPatch) -> None:
    choices = [{"iri": "https://e.org/a", "kind": "gene", "curie": "x:1"}, {"iri": "https://e.org/b", "kind": "paper"}]
    monkeypatch.setattr(Hub, "_json", lambda *_: {"choices": choices})
    with pytest.raises(AmbiguousError, match=r"x:1, https://e\.org/b") as caught:
        Hub("http://127.0.0.1").resolve("1")
    assert [choice.kind for choice in caught.value.choices] == ["gene", "paper"]


def test_sparql_gives_rows_of_python_values(hub: Hub) -> None:
    rows = hub.sparql("SELECT * { VALUES (?a ?b ?c) { (1 1.5 <https://e.org/x>) (true UNDEF 'text') } }")
    assert rows == [{"a": 1, "b": 1.5, "c": "https://e.org/x"}, {"a": True, "c": "text"}]
    assert hub.sparql("ASK { ?s ?p ?o }") == [{"answer": True}]
    with pytest.raises(HubError, match=r"expected|error at"):
        hub.sparql("SELECT nonsense")


def test_links_go_on_from_a_cursor(hub: Hub) -> None:
    feed = hub.links(limit=50)
    links = list(feed)
    assert len(links) > 50
    assert {link.status for link in links} == {"fact"}
    assert all(link.subject and link.predicate and link.object for link in links)
    assert list(hub.links(feed.cursor)) == []
    assert {link.rule for link in hub.links(rule="asserted", min_confidence=0.5)} == {"asserted"}


def test_a_basket_is_saved(hub: Hub, tmp_path: Path) -> None:
    basket = hub.basket("zebrafish", commercial=True)
    saved = basket.save(tmp_path / "new" / "folder")
    assert [path.name for path in saved] == list(manifests.FILES)
    pinned = json.loads((tmp_path / "new" / "folder" / "datasets.json").read_text())
    assert pinned["total"]["datasets"] == len(basket.summary()["datasets"]) > 0
    assert basket.url.endswith("/basket?q=zebrafish&commercial=1")
    assert basket.text("citations.bib").count("@misc{") == pinned["total"]["datasets"]


def test_a_basket_of_named_datasets_gives_files(hub: Hub) -> None:
    basket = hub.basket(datasets=["hub/HUB-S2BS9Q9E", "empiar/EMPIAR-11759"])
    files = basket.files()
    assert basket.urls() == [file.url for file in files if file.is_file]
    assert {file.accession for file in files} == {"HUB-S2BS9Q9E", "EMPIAR-11759"}
    with pytest.raises(HubError, match="dump"):
        hub.basket()


# --- servers that misbehave


class Server(ThreadingHTTPServer):
    """Answers with what is set, one after another; the last again and again."""

    def __init__(self) -> None:
        self.replies: list[Reply | None] = []
        self.asked: list[dict[str, str]] = []
        super().__init__(("127.0.0.1", 0), _Handler)

    def handle_error(self, *_: Any) -> None:
        """Write nothing: it breaks off on purpose."""


class _Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self.server.asked.append(dict(self.headers))
        replies = self.server.replies
        reply = replies.pop(0) if len(replies) > 1 else replies[0]
        if reply is None:
            self.connection.close()
            return
        status, headers, body = reply
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Write nothing."""


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    with listening(made):
        yield made


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What is waited for, without waiting."""
    found: list[float] = []
    monkeypatch.setattr(module.time, "sleep", found.append)
    return found


def at(server: Server, **more: Any) -> Hub:
    return Hub(f"http://127.0.0.1:{server.server_port}", **{"pause_s": 0, "timeout_s": 5, **more})


def sent(body: bytes, status: int = 200, **headers: str) -> Reply:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return status, {"Content-Length": str(len(body)), **named}, body


def test_a_busy_hub_is_asked_again_when_it_says(server: Server, waits: list[float]) -> None:
    server.replies = [sent(b"", 503, Retry_After="7"), sent(b"", 429), None, sent(b'{"iri": "x", "kind": "gene"}')]
    with at(server, user_agent="my-project/2") as hub:
        assert hub.resolve("x").kind == "gene"
    assert waits == [7.0, 1.0, 2.0]
    assert {asked["User-Agent"] for asked in server.asked} == {f"my-project/2 {module.USER_AGENT}"}


def test_a_date_to_come_back_is_kept_within_reason(server: Server, waits: list[float]) -> None:
    server.replies = [
        sent(b"", 503, Retry_After="Fri, 01 Jan 2100 00:00:00 GMT"),
        sent(b"", 503, Retry_After="soon"),
        sent(b"{}"),
    ]
    with at(server) as hub:
        assert hub._json("GET", "/x") == {}
    assert waits == [module.MAX_WAIT_S, 1.0]


def test_it_gives_up_with_what_the_hub_says(server: Server, waits: list[float]) -> None:
    problem = json.dumps({"detail": "too many at once: try again"}).encode()
    server.replies = [sent(problem, 503, Content_Type="application/problem+json")]
    with at(server, retries=2) as hub, pytest.raises(HubError, match="too many at once: try again") as caught:
        hub.resolve("x")
    assert (caught.value.status, len(server.asked), len(waits)) == (503, 3, 2)


def test_no_hub_is_told_as_that(server: Server, waits: list[float]) -> None:
    server.replies = [sent(b"<html>")]
    with at(server) as hub, pytest.raises(HubError, match="sends no JSON"):
        hub.resolve("x")
    server.replies = [None]
    with at(server, retries=1) as hub, pytest.raises(HubError, match="does not answer"):
        hub.resolve("x")
    with pytest.raises(HubError, match="no http or https address"):
        Hub("hub.example.org")


# --- downloads

DATA = bytes(range(256)) * 40


@pytest.fixture
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """What comes is written byte by byte, so that a short answer that breaks off leaves something."""
    monkeypatch.setattr(module, "PIECE_BYTES", 1)


def fetched(server: Server, folder: Path, **said: Any) -> tuple[Path, list[tuple[int, int | None]]]:
    steps: list[tuple[int, int | None]] = []
    with at(server, retries=2) as hub:
        file = File(f"{hub.url}/data/a.zip", **said)
        (path,) = hub.download([file], folder, progress=lambda url, there, total: steps.append((there, total)))
    return path, steps


def test_a_file_is_downloaded_once_and_checked(server: Server, tmp_path: Path) -> None:
    server.replies = [sent(DATA)]
    said = {"size_bytes": len(DATA), "sha256": hashlib.sha256(DATA).hexdigest(), "accession": "S-BIAD1"}
    path, steps = fetched(server, tmp_path, **said)
    assert path.read_bytes() == DATA
    assert steps[-1] == (len(DATA), len(DATA))
    assert path.relative_to(tmp_path).as_posix().startswith("S-BIAD1/127.0.0.1_")
    assert fetched(server, tmp_path, **said) == (path, [])
    assert len(server.asked) == 1


@pytest.mark.usefixtures("small_pieces")
def test_a_broken_download_goes_on_where_it_stopped(server: Server, tmp_path: Path, waits: list[float]) -> None:
    half = len(DATA) // 2
    first = (200, {"Content-Length": str(len(DATA)), "ETag": '"v1"'}, DATA[:half])
    rest = sent(DATA[half:], 206, ETag='"v1"', Content_Range=f"bytes {half}-{len(DATA) - 1}/{len(DATA)}")
    server.replies = [first, rest]
    path, _ = fetched(server, tmp_path, md5=hashlib.md5(DATA).hexdigest())
    assert path.read_bytes() == DATA
    assert (server.asked[1]["Range"], server.asked[1]["If-Range"]) == (f"bytes={half}-", '"v1"')
    assert [p.name for p in path.parent.iterdir()] == ["a.zip"]


@pytest.mark.parametrize("etag", ['"v1"', 'W/"v1"'])
@pytest.mark.usefixtures("small_pieces")
def test_another_file_is_downloaded_from_its_beginning(
    server: Server, tmp_path: Path, waits: list[float], etag: str
) -> None:
    broken = (200, {"Content-Length": "99", "ETag": etag}, b"old")
    server.replies = [broken, sent(DATA, ETag='"v2"')]
    assert fetched(server, tmp_path)[0].read_bytes() == DATA
    assert ("Range" in server.asked[1]) is (etag == '"v1"')


@pytest.mark.usefixtures("small_pieces")
def test_a_part_that_cannot_go_on_begins_anew(server: Server, tmp_path: Path, waits: list[float]) -> None:
    broken = (200, {"Content-Length": "99", "ETag": '"v1"'}, b"old")
    server.replies = [broken, sent(b"", 416), sent(DATA)]
    assert fetched(server, tmp_path)[0].read_bytes() == DATA
    other = sent(DATA[:5], 206, Content_Range="bytes 0-4/99")
    server.replies = [broken, other, sent(DATA)]
    assert fetched(server, tmp_path / "again")[0].read_bytes() == DATA


@pytest.mark.parametrize(
    ("said", "named"),
    [({"sha256": "0" * 64}, "its sha256 is"), ({"md5": "0" * 32}, "its md5 is"), ({"size_bytes": 5}, "archive says 5")],
)
def test_a_wrong_file_is_not_kept(server: Server, tmp_path: Path, said: dict[str, Any], named: str) -> None:
    server.replies = [sent(DATA)]
    with pytest.raises(DownloadError, match=named):
        fetched(server, tmp_path, **said)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_a_rounded_size_is_no_fault(server: Server, tmp_path: Path) -> None:
    server.replies = [sent(DATA)]
    assert fetched(server, tmp_path, size_bytes=10_000)[0].stat().st_size == 10_240


def test_a_download_that_always_breaks_is_told(server: Server, tmp_path: Path, waits: list[float]) -> None:
    server.replies = [(200, {"Content-Length": "99"}, b"x")]
    with pytest.raises(DownloadError, match="broke off 3 times"):
        fetched(server, tmp_path)
    server.replies = [sent(b"", 404)]
    with pytest.raises(HubError, match="answers 404"):
        fetched(server, tmp_path)


def test_folders_are_passed_over_and_servers_rest(server: Server, tmp_path: Path, waits: list[float]) -> None:
    server.replies = [sent(DATA)]
    with at(server, pause_s=30) as hub:
        files: list[File | str] = [File(hub.url + "/folder/", is_file=False), hub.url + "/a", hub.url + "/b"]
        assert len(list(hub.download(files, tmp_path))) == 2
    assert len(waits) == 1
    assert 29 < waits[0] <= 30


@pytest.mark.parametrize("path", ["/../../etc/passwd", "/%2e%2e/%2e%2e/x", "/..%2f..%2fx", "/a/./../b"])
def test_no_address_leads_out_of_the_folder(tmp_path: Path, path: str) -> None:
    target = module._target(tmp_path, File("https://e.org" + path, accession="../.."))
    assert tmp_path in target.resolve().parents
    assert target.is_relative_to(tmp_path)
    assert ".." not in target.parts
