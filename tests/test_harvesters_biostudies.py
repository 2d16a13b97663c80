"""BioStudies harvester: the live API and its moods, files beside documents, and the corpus of real page-tab."""

from __future__ import annotations

import csv
import hashlib
import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit
from zipfile import ZipFile

import pytest

from harvesters import biostudies
from harvesters.contract import Context, Entry, Harvested, RecordError, Source, SourceError
from harvesters.http import Manners, PoliteSession
from hub import records
from ontology import identifiers, text

BASE = "https://hub.example/"
LIVE = Source("biostudies", "biostudies", "bia", "https://www.ebi.ac.uk/biostudies/api/v1/")
CTX = Context(BASE, LIVE)
DEMO = Path(__file__).parents[1] / "hub" / "demo" / "biostudies"
LISTED = [{"path": "a/1.tif", "size": 3, "attributes": [{}]}, {"path": "2.tif", "size": 4, "type": "file"}]


def study(accession: str, **more: Any) -> dict[str, Any]:
    lists = [{"name": "File List", "value": name} for name in more.pop("lists", ())]
    part = {"type": "Study Component", "attributes": [{"name": "Name", "value": "Part"}, *lists]}
    title = {"name": "Title", "value": f"Title of {accession}"}
    section = {"type": "Study", "subsections": [part] if lists else [], **more}
    return {"accno": accession, "type": "submission", "attributes": [title], "section": section}


# --- live


class Api:
    """A loopback BioStudies: what it holds, what it was asked, and how it misbehaves."""

    def __init__(self) -> None:
        self.studies = {f"S-BIAD{n}": study(f"S-BIAD{n}") for n in range(1, 8)}
        self.modified = dict.fromkeys(self.studies, 1719178151723)
        self.lists: dict[str, bytes] = {}
        self.asked: list[str] = []
        self.answers: dict[str, list[tuple[int, bytes]]] = {}
        self.page_size = 3
        self.totals = [9, 8, 9, 7]
        self.order: list[str] | None = None
        self.forwards: set[str] = set()
        self.url = ""

    def hit(self, accession: str) -> dict[str, Any]:
        return {
            "accession": accession,
            "type": "study",
            "release_date": "2024-06-24",
            "views": len(self.asked),
            "author": "",
        }

    def search(self, page: int) -> dict[str, Any]:
        order = self.order or list(reversed(self.studies))
        hits = order[(page - 1) * self.page_size : page * self.page_size]
        total = self.totals[len(self.asked) % len(self.totals)]
        return {"page": page, "totalHits": total, "isTotalHitsExact": False, "hits": [self.hit(a) for a in hits]}

    def answer(self, path: str, query: dict[str, list[str]]) -> tuple[int, Any]:
        if path == "/biostudies/api/v1/BioImages/search":
            return 200, self.search(int(query["page"][0]))
        if found := re.fullmatch(r"/biostudies/api/v1/studies/([\w-]+)(/info)?", path):
            accession = found[1]
            if accession not in self.studies:
                return 404, {"errorMessage": "Study not found"}
            if found[2]:
                facts = {
                    "files": 2,
                    "isPublic": True,
                    "released": 1717977600000,
                    "views": len(self.asked),
                    "columns": [],
                }
                return 200, facts | {"modified": self.modified[accession]}
            if accession in self.forwards:
                return 200, {"ftpHttp_link": f"{self.url}/fire/{accession}/"}
            return 200, self.studies[accession]
        if found := re.fullmatch(r"/biostudies/fire/([\w-]+)/\1\.json", path):
            return 200, self.studies[found[1]]
        listed = self.lists.get(path.removeprefix("/biostudies/files/"))
        return (200, listed) if listed is not None else (404, {})


@pytest.fixture
def api() -> Iterator[Api]:
    served = Api()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            path = unquote(parts.path)
            served.asked.append(path + (f"?{parts.query}" if parts.query else ""))
            status, body = served.answer(path, parse_qs(parts.query))
            status, body = served.answers[path].pop(0) if served.answers.get(path) else (status, body)
            raw = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        served.url = f"http://127.0.0.1:{server.server_port}/biostudies"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield served
        server.shutdown()
        thread.join()


@pytest.fixture
def http() -> Iterator[PoliteSession]:
    with PoliteSession(Manners(interval_s=0, retries=1), sleep=lambda _: None) as session:
        yield session


def source(url: str | Path, **options: Any) -> Source:
    return Source("biostudies", "biostudies", "bia", str(url), options)


def live(api: Api, **options: Any) -> Source:
    return source(f"{api.url}/api/v1/", **options)


def keys(http: PoliteSession, asked: Source) -> list[str]:
    return [entry.key for entry in biostudies.entries(http, asked)]


def whole(http: PoliteSession, asked: Source, key: str) -> Harvested:
    entry = next(e for e in biostudies.entries(http, asked) if e.key == key)
    return biostudies.transform(biostudies.fetch(http, asked, entry), entry, Context(BASE, asked, http.open))


def searches(api: Api) -> list[str]:
    return [parse_qs(urlsplit(line).query)["page"][0] for line in api.asked if "/search?" in line]


def test_listing_ends_at_empty_pages_whatever_the_totals_say(api: Api, http: PoliteSession) -> None:
    assert keys(http, live(api)) == [f"S-BIAD{n}" for n in range(1, 8)]
    assert searches(api)[:5] == ["1", "2", "3", "4", "5"]
    assert searches(api) == ["1", "2", "3", "4", "5"] * 2  # once more, since the totals drifted
    assert api.asked[0].endswith("pageSize=100&page=1&sortBy=release_date&sortOrder=ascending")


def test_steady_listing_is_walked_once(api: Api, http: PoliteSession) -> None:
    api.totals = [7]
    assert len(keys(http, live(api))) == 7
    assert searches(api) == ["1", "2", "3", "4", "5"]


def test_page_that_shrinks_or_is_empty_for_once_ends_nothing(api: Api, http: PoliteSession) -> None:
    path = "/biostudies/api/v1/BioImages/search"
    first, empty = (200, {"hits": [api.hit("S-BIAD7")], "totalHits": 7}), (200, {"hits": [], "totalHits": 7})
    api.answers[path] = [first, empty]
    api.totals = [7]
    with pytest.raises(SourceError, match="lists 2 studies and says that there are 7"):
        keys(http, live(api))


def test_studies_that_move_between_pages_are_all_listed(api: Api, http: PoliteSession) -> None:
    api.order = ["S-BIAD1", "S-BIAD2", "S-BIAD3", "S-BIAD3", "S-BIAD4", "S-BIAD5", "S-BIAD5", "S-BIAD7"]
    listing = biostudies.entries(http, live(api, check_modified=False))
    path = "/biostudies/api/v1/BioImages/search"
    again = [f"S-BIAD{n}" for n in range(1, 8)]
    pages = [api.order[n : n + 3] for n in range(0, 9, 3)] + [[], []] + [again[n : n + 3] for n in range(0, 9, 3)]
    api.answers[path] = [(200, {"hits": [api.hit(a) for a in page], "totalHits": 7}) for page in pages]
    api.order = None
    assert [entry.key for entry in listing] == again


def test_server_that_repeats_one_page_is_an_error(api: Api, http: PoliteSession) -> None:
    path = "/biostudies/api/v1/BioImages/search"
    api.answers[path] = [(200, api.search(1))] * 9
    with pytest.raises(SourceError, match="the same studies on pages"):
        keys(http, live(api))
    assert len(api.asked) < 9


@pytest.mark.parametrize(
    "answer",
    [(200, b"<html>"), (200, b"[]"), (200, {"hits": None}), (200, {"hits": ["x"]}), (200, {"hits": [{"title": "x"}]}),
     (200, {"hits": [{"accession": "../../etc"}]}), (403, {}), (404, {})],
)  # fmt: skip
def test_a_strange_answer_is_never_a_short_listing(api: Api, http: PoliteSession, answer: tuple[int, Any]) -> None:
    path = "/biostudies/api/v1/BioImages/search"
    api.answers[path] = [(200, api.search(1)), answer]
    with pytest.raises(SourceError):
        keys(http, live(api))


def test_empty_collection_is_an_error(api: Api, http: PoliteSession) -> None:
    api.studies, api.totals = {}, [0]
    with pytest.raises(SourceError, match="lists 0 studies"):
        keys(http, live(api))


def test_version_is_the_epoch_of_the_last_change(api: Api, http: PoliteSession) -> None:
    before = {e.key: e.version for e in biostudies.entries(http, live(api))}
    assert before["S-BIAD1"] == "1719178151723/lists"
    api.modified["S-BIAD2"] += 1
    after = {e.key: e.version for e in biostudies.entries(http, live(api))}
    assert [k for k in before if before[k] != after[k]] == ["S-BIAD2"]


def test_version_without_asking_each_study(api: Api, http: PoliteSession) -> None:
    asked = live(api, check_modified=False)
    before = [e.version for e in biostudies.entries(http, asked)]
    assert before == [e.version for e in biostudies.entries(http, asked)]
    assert None not in before
    assert not any("/info" in line for line in api.asked)


def test_version_of_a_hit_that_tells_its_change(api: Api, http: PoliteSession, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api, "hit", lambda accession: {"accession": accession, "modification_time": 99})
    assert {e.version for e in biostudies.entries(http, live(api, file_lists=False))} == {"99"}
    assert not any("/info" in line for line in api.asked)


def test_study_without_info_has_no_version_and_an_outage_is_an_error(api: Api, http: PoliteSession) -> None:
    path = "/biostudies/api/v1/studies/S-BIAD1/info"
    api.answers[path] = [(403, {"errorMessage": "Study not accessible"})]
    assert next(iter(biostudies.entries(http, live(api)))).version is None
    api.answers[path] = [(503, {})] * 2
    with pytest.raises(SourceError) as failed:
        keys(http, live(api))
    assert failed.value.status == 503


def test_prefixes(api: Api, http: PoliteSession) -> None:
    api.studies |= {a: study(a) for a in ("S-JCBD1", "EMPIAR-10310", "S-BSST1")}
    api.modified |= dict.fromkeys(api.studies, 1)
    api.totals = [10]
    assert keys(http, live(api, prefixes=["S-JCBD", "empiar"])) == ["EMPIAR-10310", "S-JCBD1"]
    assert len(keys(http, live(api))) == 10


@pytest.mark.parametrize(
    "option",
    [
        {"collection": "a/b"}, {"collection": 5}, {"prefixes": "S-BIAD"}, {"prefixes": [""]}, {"check_modified": 1},
        {"file_lists": "x"}, {"name": 1},
    ],
)  # fmt: skip
def test_bad_option(api: Api, http: PoliteSession, option: dict[str, Any]) -> None:
    with pytest.raises(SourceError, match=next(iter(option))):
        keys(http, live(api, **option))


def test_epoch_milliseconds_become_days(api: Api, http: PoliteSession) -> None:
    record = whole(http, live(api), "S-BIAD1").record
    assert (record.date_published, record.date_modified, record.file_count) == ("2024-06-10", "2024-06-23", 2)


def test_forwarding_object_is_followed(api: Api, http: PoliteSession) -> None:
    api.forwards = {"S-BIAD1"}
    assert whole(http, live(api), "S-BIAD1").record.name == "Title of S-BIAD1"
    assert "/biostudies/fire/S-BIAD1/S-BIAD1.json" in api.asked


@pytest.mark.parametrize(
    "link", ["https://evil.example/x/", "ftp://ftp.ebi.ac.uk/x", "file:///etc/", "https://ebi.ac.uk.evil.example/"]
)
def test_forwarding_object_leads_to_no_foreign_host(api: Api, http: PoliteSession, link: str) -> None:
    api.answers["/biostudies/api/v1/studies/S-BIAD1"] = [(200, {"ftpHttp_link": link})]
    with pytest.raises(SourceError, match="no host of the archive"):
        biostudies.fetch(http, live(api), Entry("S-BIAD1"))


def test_file_lists_are_kept_and_counted(api: Api, http: PoliteSession) -> None:
    api.studies["S-BIAD1"] = study("S-BIAD1", lists=["deep/first list.tsv", "second.json", "gone.json", "bad.json"])
    raw = json.dumps(LISTED).encode()
    api.lists = {"S-BIAD1/deep/first list.json": raw, "S-BIAD1/second.json": raw[:-1], "S-BIAD1/bad.json": b"<html>"}
    api.lists["S-BIAD1/second.json"] = json.dumps(LISTED[:1]).encode()
    asked = live(api)
    payload = biostudies.fetch(http, asked, Entry("S-BIAD1"))
    assert payload == biostudies.fetch(http, asked, Entry("S-BIAD1"))
    digests = list(biostudies.attachments(payload))
    assert sorted(digests) == sorted(hashlib.sha256(body).hexdigest() for body in api.lists.values())
    with http.open(hashlib.sha256(raw).hexdigest()) as kept:
        assert kept.read() == raw
    harvested = whole(http, asked, "S-BIAD1")
    (part,) = harvested.record.has_part
    assert [(d.name, d.size_bytes, d.encoding_format) for d in part.distribution][:2] == [
        ("deep/first list.tsv", 7, "tif"),
        ("second.json", 3, "tif"),
    ]
    assert part.distribution[0].access_url == "https://www.ebi.ac.uk/biostudies/files/S-BIAD1/deep/first%20list.json"
    assert (part.file_count, harvested.record.size_bytes, harvested.record.file_count) == (None, None, 2)
    assert sorted(f.rule for f in harvested.findings) == ["file-list-invalid", "file-list-missing"]


def test_files_of_two_lists_are_counted_once(api: Api, http: PoliteSession) -> None:
    api.studies["S-BIAD1"] = study("S-BIAD1", lists=["a.json", "b.json"])
    api.lists = {"S-BIAD1/a.json": json.dumps(LISTED).encode(), "S-BIAD1/b.json": json.dumps(LISTED[1:]).encode()}
    record = whole(http, live(api), "S-BIAD1").record
    assert (record.file_count, record.size_bytes) == (2, 7)
    assert (record.has_part[0].file_count, record.has_part[0].size_bytes) == (3, 11)


def test_file_lists_are_left_alone_when_told_so(api: Api, http: PoliteSession) -> None:
    api.studies["S-BIAD1"] = study("S-BIAD1", lists=["a.json"])
    harvested = whole(http, live(api, file_lists=False), "S-BIAD1")
    assert not any("/files/" in line for line in api.asked)
    assert harvested.findings == ()
    assert [d.name for d in harvested.record.has_part[0].distribution] == ["a.json"]


def test_file_list_that_is_no_longer_kept_is_a_record_error() -> None:
    digest = "0" * 64
    payload = {"study": study("S-BIAD1", lists=["a.json"]), "info": {}, "file_lists": {"a.json": {"sha256": digest}}}
    with pytest.raises(RecordError, match="not kept"):
        biostudies.transform(json.dumps(payload).encode(), Entry("S-BIAD1"), CTX)


def test_outage_of_a_file_list_is_an_error_of_the_study(api: Api, http: PoliteSession) -> None:
    api.studies["S-BIAD1"] = study("S-BIAD1", lists=["a.json"])
    api.answers["/biostudies/files/S-BIAD1/a.json"] = [(500, {})] * 2
    with pytest.raises(SourceError):
        biostudies.fetch(http, live(api), Entry("S-BIAD1"))


def test_payload_does_not_change_with_each_visitor(api: Api, http: PoliteSession) -> None:
    first = biostudies.fetch(http, live(api), Entry("S-BIAD1"))
    assert first == biostudies.fetch(http, live(api), Entry("S-BIAD1"))
    assert b"views" not in first


def test_study_that_is_not_public(api: Api) -> None:
    payload = {"study": study("S-BIAD1"), "info": {"isPublic": False}, "file_lists": {}}
    with pytest.raises(RecordError, match="not public"):
        biostudies.transform(json.dumps(payload).encode(), Entry("S-BIAD1"), CTX)


# --- accessions


@pytest.mark.parametrize(
    ("accession", "archive"),
    [
        ("S-BIAD1", "bia"),
        ("S-BSST744", "bia"),
        ("S-BSMS4", "bia"),
        ("S-JCBD201311012", "bia"),
        ("S-DHCA1", "bia"),
        ("EMPIAR-10310", "empiar"),
    ],
)
def test_accessions_of_the_collection(accession: str, archive: str) -> None:
    record = biostudies.transform(json.dumps(study(accession)).encode(), Entry("x.json"), CTX).record
    assert record.id == f"{BASE}dataset/{archive}/{accession}"


def test_accession_of_no_archive_needs_a_source_of_its_own() -> None:
    raw = json.dumps(study("S-EPMC123")).encode()
    with pytest.raises(RecordError, match="accno"):
        biostudies.transform(raw, Entry("x.json"), CTX)
    own = Source("other", "biostudies", "biostudies", LIVE.url, {"archive_title": "BioStudies"})
    record = biostudies.transform(raw, Entry("x.json"), Context(BASE, own)).record
    assert record.id == f"{BASE}dataset/biostudies/S-EPMC123"
    assert (record.url, record.publisher.name) == ("https://www.ebi.ac.uk/biostudies/studies/S-EPMC123", "BioStudies")


def test_another_study_than_was_asked_for() -> None:
    with pytest.raises(RecordError, match="S-BIAD2 was asked for, S-BIAD1 came"):
        biostudies.transform(json.dumps(study("S-BIAD1")).encode(), Entry("S-BIAD2"), CTX)


@pytest.mark.parametrize(
    "raw",
    [b"", b"<html>", b"[]", b"{}", b'{"accno": "S-BIAD1"}', b'{"section": {}}', b'{"accno": "S-BIAD1", "section": []}',
     b'{"study": {}, "info": {}}', b'{"study": [], "section": {}}', b"[" * 100_000, b"\xff\xfe",
     b'{"ftpHttp_link": "https://x"}', b'{"accno": "S-BIAD1, S-BIAD2", "section": {}}'],
)  # fmt: skip
def test_no_document(raw: bytes) -> None:
    with pytest.raises(RecordError):
        biostudies.transform(raw, Entry("S-BIAD1"), CTX)
    assert list(biostudies.attachments(raw)) == []


# --- files


def write(path: Path, content: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content), encoding="utf-8")


def test_folder_and_zip(tmp_path: Path, http: PoliteSession) -> None:
    folder = tmp_path / "mirror"
    write(folder / "S-BIAD1" / "S-BIAD1.json", study("S-BIAD1", lists=["deep/list.tsv", "absent.json"]))
    write(folder / "S-BIAD1" / "deep" / "list.json", LISTED)
    write(folder / "S-BIAD1" / "info.json", {"modified": 1719178151723, "views": 3})
    write(folder / "S-BSST2.json", study("S-BSST2"))
    write(folder / "notes.json", {})
    with ZipFile(tmp_path / "mirror.zip", "w") as packed:
        for path in folder.rglob("*.json"):
            packed.write(path, path.relative_to(folder).as_posix())
    for asked in (source(folder), source(tmp_path / "mirror.zip")):
        assert keys(http, asked) == ["S-BIAD1/S-BIAD1.json", "S-BSST2.json"]
        harvested = whole(http, asked, "S-BIAD1/S-BIAD1.json")
        assert harvested.record.date_modified == "2024-06-23"
        assert [d.size_bytes for d in harvested.record.has_part[0].distribution] == [7, None]
        assert harvested.findings == ()
        assert biostudies.fetch(http, asked, Entry("S-BSST2.json")) == (folder / "S-BSST2.json").read_bytes()
    assert keys(http, source(folder, prefixes=["S-BSST"])) == ["S-BSST2.json"]


def test_version_of_a_folder_follows_its_file_lists(tmp_path: Path, http: PoliteSession) -> None:
    known = {"S-BIAD1/S-BIAD1.json": Entry("S-BIAD1/S-BIAD1.json", "1"), "S-BIAD1/a.json": Entry("S-BIAD1/a.json", "2")}
    document = known["S-BIAD1/S-BIAD1.json"]
    first = biostudies._stamp(document, known, source(tmp_path))
    known["S-BIAD1/a.json"] = Entry("S-BIAD1/a.json", "3")
    second = biostudies._stamp(document, known, source(tmp_path))
    known["S-BIAD1/a.json"] = Entry("S-BIAD1/a.json", None)
    assert first != second
    assert biostudies._stamp(document, known, source(tmp_path)) is None


def test_documents_of_one_name_in_folders_of_accessions(tmp_path: Path, http: PoliteSession) -> None:
    write(tmp_path / "S-BIAD1" / "original.json", study("S-BIAD1"))
    write(tmp_path / "S-BIAD1" / "override.json", study("S-BIAD1"))
    assert keys(http, source(tmp_path, name="original.json")) == ["S-BIAD1/original.json"]


def test_broken_document_in_a_folder_is_rejected_not_the_source(tmp_path: Path, http: PoliteSession) -> None:
    (tmp_path / "S-BIAD1").mkdir()
    (tmp_path / "S-BIAD1" / "S-BIAD1.json").write_text("<html>")
    with pytest.raises(RecordError, match="JSON"):
        whole(http, source(tmp_path), "S-BIAD1/S-BIAD1.json")


def test_demo_is_published(http: PoliteSession) -> None:
    asked = source(DEMO)
    found = {e.key.split("/")[0]: whole(http, asked, e.key) for e in biostudies.entries(http, asked)}
    assert sorted(found) == ["EMPIAR-12104", "S-BIAD1763", "S-BIAD2250", "S-BSST744"]
    assert found["S-BIAD1763"].record.size_bytes == 281268508
    assert found["EMPIAR-12104"].record.id == f"{BASE}dataset/empiar/EMPIAR-12104"
    assert [f.suggestion for f in found["S-BIAD2250"].findings] == ["All specimens. See manuscript for details."]
    for harvested in found.values():
        record = records.canonical(harvested.record)
        assert records.from_quads(records.to_quads(record), record.id) == record
        assert "example.org" not in record.model_dump_json() + repr(harvested.findings)


def test_declaration() -> None:
    assert (biostudies.HARVESTER.name, biostudies.HARVESTER.route, biostudies.HARVESTER.listing) == (
        "biostudies",
        1,
        "full",
    )


# --- the corpus


def read(path: Path) -> Harvested:
    return biostudies.transform(path.read_bytes(), Entry(path.name), CTX)


@pytest.mark.corpus
def test_corpus_is_published_without_addresses(corpus: Path) -> None:
    paths = sorted((corpus / "biostudies" / "pagetab-json").glob("*/*.json"))
    assert len(paths) == 46
    for path in paths:
        harvested = read(path)
        record = records.canonical(harvested.record)
        assert records.from_quads(records.to_quads(record), record.id) == record
        assert not text.has_email(records.to_json(record) + repr(harvested.findings)), path
        assert harvested.record.accession == path.parent.name


@pytest.mark.corpus
def test_curated_documents_have_no_more_findings(corpus: Path) -> None:
    for original in sorted((corpus / "biostudies" / "pagetab-json").glob("*/original.json")):
        rough, curated = read(original), read(original.with_name("override.json"))
        assert len(curated.findings) <= len(rough.findings), original


@pytest.mark.corpus
def test_synthetic_documents(corpus: Path) -> None:
    folder = corpus / "biostudies" / "synthetic-bia-test-data"
    paths = [folder / "biad_v4" / "S-BIADTEST.json", folder / "default_biostudies" / "S-BSSTTEST_files_direct.json"]
    paths += sorted(folder.glob("pagetab-variants/*/*_override.json"))
    assert len(paths) == 9
    for path in paths:
        with pytest.raises(RecordError, match="accno"):
            read(path)
        document = json.loads(path.read_bytes()) | {"accno": "S-BIAD999999"}
        harvested = biostudies.transform(json.dumps(document).encode(), Entry(path.name), CTX)
        record = records.canonical(harvested.record)
        assert records.from_quads(records.to_quads(record), record.id) == record
        assert not text.has_email(records.to_json(record) + repr(harvested.findings)), path


def joined(harvested: Harvested) -> list[Any]:
    """How many samples, taxa, protocols and methods each component is joined to."""
    parts = harvested.record.has_part or []
    methods = {p.id: sorted(getattr(m, "description", None) or m.name for m in p.measurement_method) for p in parts}
    return [(p.name, len(p.about), methods[p.id]) for p in parts]


def values(harvested: Harvested) -> set[str]:
    record = harvested.record
    papers = [iri for p in record.publication or () for iri in (p.id, *(p.same_as or ()))]
    return {*papers, *(record.related or ())}


STRUCTURAL = {
    "S-BIAD1261": ("section.subsections[0]", "person-without-name"),
    "S-BIAD1388": ("section.subsections[2].Pubmed ID", "pmid-invalid"),
    "S-BIAD662": ("section.subsections[2].Pubmed ID", "placeholder"),
    "S-BIAD2235": ("section.subsections[0].DOI", "placeholder"),
}


def outcome(row: dict[str, str], folder: Path) -> str:
    """How an original fares beside what BIA's curators made of it: equal, suggested, named or wrong."""
    accession = row["accession"]
    original, curated = read(folder / accession / "original.json"), read(folder / accession / "override.json")
    found = {(f.field, f.rule): f for f in original.findings}
    if row["attribute"] == "E-mail":
        people = [(a.id, a.name) for a in original.record.author]
        return "equal" if people == [(a.id, a.name) for a in curated.record.author] else "wrong"
    if accession in STRUCTURAL:
        return "named" if STRUCTURAL[accession] in found else "wrong"
    if row["path"] == "(structural)":
        return "equal" if joined(original) == joined(curated) else "wrong"
    if "Type" in row["curated"]:
        return "equal" if values(original) == values(curated) else "wrong"
    if row["attribute"] == "Title":
        meant = [f for f in original.findings if (f.value, f.suggestion) == (row["curated"], row["original"])]
        return "suggested" if meant else "wrong"
    fix = identifiers.doi(row["curated"])
    if fix in values(original):
        return "equal"
    place = re.sub(r"/(\d+)", r"[\1]", row["path"].partition("/attributes/")[0]).replace("/", ".")
    suggested = found.get((f"{place}.{row['attribute']}", "doi-invalid"))
    return "suggested" if suggested and suggested.suggestion == fix else "wrong"


@pytest.mark.corpus
def test_every_fix_of_the_curators_is_made_or_suggested_or_named(corpus: Path) -> None:
    folder = corpus / "biostudies" / "pagetab-json"
    with (folder / "golden-fixes.tsv").open(encoding="utf-8", newline="") as table:
        rows = list(csv.DictReader(table, delimiter="\t", quoting=csv.QUOTE_NONE))
    fared = {(row["accession"], row["path"]): outcome(row, folder) for row in rows}
    counts = {kind: sum(how == kind for how in fared.values()) for kind in ("equal", "suggested", "named", "wrong")}
    assert counts == {"equal": 15, "suggested": 4, "named": 4, "wrong": 0}, fared
