"""OAI-PMH harvester: sickle's six defects, faults of a repository by name, listing, memory, folders, demonstration."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest

from harvesters import markup, oai
from harvesters.contract import Context, Entry, RecordError, Source, SourceError
from harvesters.http import Manners, PoliteSession
from hub import records
from tests.oai_server import RESPONSE_DATE, Repository, answer, dublin_core, error, record, serving

BASE = "https://hub.example/"
DEMO = Path(__file__).parents[1] / "hub" / "demo" / "datacite"
ABOUT = {"archive_title": "X", "archive_homepage": "https://x.example/"}
KEYS = [f"oai:x.example:{number:03}" for number in range(1, 9)]


@pytest.fixture
def repository() -> Iterator[Repository]:
    with serving(Repository()) as served:
        for number in range(1, 9):
            served.put(number, title=f"Title {number}")
        yield served


def source(url: str, archive: str = "x", **options: Any) -> Source:
    return Source("try", "oai", archive, url, {**ABOUT, **options})


def session(memory: dict[str, str] | None = None) -> PoliteSession:
    return PoliteSession(Manners(interval_s=0, timeout_s=5, retries=2), sleep=lambda _: None, memory=memory)


def listed(repository: Repository, archive: str = "x", **options: Any) -> tuple[list[Entry], SourceError | None]:
    found = []
    with session() as http:
        try:
            for entry in oai.entries(http, source(repository.url, archive, **options)):
                found.append(entry)
        except SourceError as err:
            return found, err
    return found, None


def titles(entries: list[Entry]) -> list[str]:
    context = Context(BASE, source("https://x.example/oai"))
    return [oai.transform(e.payload or b"", e, context).record.name for e in entries]


# --- the six defects of sickle


def test_truncated_page_is_an_error(repository: Repository) -> None:
    repository.fault = "truncated-page"
    entries, problem = listed(repository)
    assert [e.key for e in entries] == KEYS[:3]
    assert "not well-formed" in str(problem)


@pytest.mark.parametrize("fault", ["repeated-token", "token-cycle"])
def test_token_that_comes_again_is_an_error(repository: Repository, fault: str) -> None:
    repository.fault = fault
    entries, problem = listed(repository)
    assert len(entries) == (3 if fault == "repeated-token" else 6)
    assert "circles" in str(problem)


def test_nothing_matches_is_an_empty_list(repository: Repository) -> None:
    repository.records.clear()
    assert listed(repository) == ([], None)


def test_retry_after_as_a_date(repository: Repository) -> None:
    repository.fault = "retry-after-date"
    entries, problem = listed(repository)
    assert (len(entries), problem) == (8, None)


def test_reset_connection_is_tried_again(repository: Repository) -> None:
    repository.fault = "reset"
    entries, problem = listed(repository)
    assert (len(entries), problem) == (8, None)


@pytest.mark.parametrize("code", ["badVerb", "badArgument", "cannotDisseminateFormat", "noSetHierarchy", "odd"])
def test_errors_of_the_protocol_have_one_base(code: str) -> None:
    with pytest.raises(SourceError, match=code) as refused:
        oai.Answer(error(code).encode(), {"verb": "ListRecords"})
    assert isinstance(refused.value, oai.RefusedError)
    assert refused.value.code == code


# --- faults by name


@pytest.mark.parametrize(
    ("fault", "count", "says"),
    [
        ("missing-end-tag", 3, "not well-formed"),
        ("server-error", 3, "status 500"),
        ("html", 3, "<html>, not OAI-PMH"),
        ("other-namespace", 0, "not OAI-PMH"),
        ("new-tokens-for-ever", 3, "10 pages in a row"),
        ("token-expires", 3, "badResumptionToken"),
        ("token-expires-with-422", 3, "badResumptionToken"),
        ("empty-page", 3, "page 2 is empty"),
        ("size-too-large", 8, "tells of 999 records and lists 8"),
        ("no-identifier", 7, "without an identifier"),
        ("entity", 0, "DOCTYPE"),
        ("entity-bomb", 0, "not well-formed"),
        ("external-document-type", 0, "DOCTYPE"),
        ("deep-tree", 0, "depth"),
        ("huge-field", 0, "too long"),
    ],
)
def test_incomplete_list_says_so(repository: Repository, fault: str, count: int, says: str) -> None:
    repository.fault = fault
    entries, problem = listed(repository)
    assert len(entries) == count
    assert says in str(problem)
    assert not any("canary" in str(arguments) for arguments in repository.asked)


@pytest.mark.parametrize(
    "fault",
    ["token-expires-once", "page-again", "no-datestamp", "utf-16", "byte-order-mark", "leftover-namespaces", ""],
)
def test_oddity_that_loses_nothing(repository: Repository, fault: str) -> None:
    repository.fault = fault
    entries, problem = listed(repository)
    assert ([e.key for e in entries], problem) == (KEYS, None)
    assert titles(entries) == [f"Title {number}" for number in range(1, 9)]
    assert all(e.version for e in entries)


def test_expired_token_is_tried_once_from_the_beginning(repository: Repository) -> None:
    repository.fault = "token-expires"
    listed(repository)
    assert [arguments.get("resumptionToken") for arguments in repository.asked] == [None, "3", None, "3"]


@pytest.mark.parametrize(
    ("fault", "title"), [("invalid-utf8", "Ti\ufffdtle 1"), ("control-characters", "Ti\ufffdtle\ufffd 1")]
)
def test_characters_that_are_none_leave_a_mark(repository: Repository, fault: str, title: str) -> None:
    repository.fault = fault
    entries, problem = listed(repository)
    assert (len(entries), problem) == (8, None)
    harvested = oai.transform(entries[0].payload or b"", entries[0], Context(BASE, source("https://x.example")))
    assert harvested.record.name == title
    assert "character-lost" in {finding.rule for finding in harvested.findings}


def test_long_identifier_is_a_short_key_and_a_rejected_record(repository: Repository) -> None:
    repository.fault = "long-identifier"
    entries, problem = listed(repository)
    assert (len(entries), problem) == (8, None)
    (long,) = [e for e in entries if "xxx" in e.key]
    assert len(long.key) == oai.MAX_KEY_CHARS
    assert long.url == repository.url
    with pytest.raises(RecordError, match="makes no accession"):
        titles([long])
    with session() as http, pytest.raises(SourceError, match="too long"):
        oai.fetch(http, source(repository.url), long)


def test_many_creators_are_one_rejected_record(repository: Repository) -> None:
    repository.fault = "many-creators"
    entries, problem = listed(repository)
    assert (len(entries), problem) == (8, None)
    with pytest.raises(RecordError, match="more than 20000 elements"):
        titles(entries[:1])


def test_page_beyond_all_measure_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(oai, "MAX_PAGE_BYTES", 100)
    with pytest.raises(SourceError, match="longer than 100 bytes"):
        oai.Answer(answer("ListRecords", "").encode(), {"verb": "ListRecords"})


def test_lenient_source_takes_a_short_list(repository: Repository) -> None:
    for fault in ("size-too-large", "empty-page"):
        repository.fault = fault
        assert listed(repository, strict=False)[1] is None


def test_list_shorter_than_told_is_an_error(repository: Repository) -> None:
    repository.records = dict.fromkeys(KEYS, repository.records[KEYS[0]])
    assert "tells of 8 records and lists 1" in str(listed(repository)[1])


# --- what is listed


def test_pages_are_one_sorted_list_and_nothing_is_asked_twice(repository: Repository) -> None:
    repository.records = dict(reversed(repository.records.items()))
    entries, _ = listed(repository)
    assert [e.key for e in entries] == KEYS
    assert [arguments.get("resumptionToken") for arguments in repository.asked] == [None, "3", "6"]
    assert repository.asked[0] == {"verb": "ListRecords", "metadataPrefix": "oai_dc"}
    assert entries[0].url == f"{repository.url}?verb=GetRecord&metadataPrefix=oai_dc&identifier=oai%3Ax.example%3A001"


def test_payload_is_the_same_from_list_and_by_itself(repository: Repository) -> None:
    entries, _ = listed(repository)
    with session() as http:
        assert all(oai.fetch(http, source(repository.url), e) == e.payload for e in entries)
        with pytest.raises(SourceError, match="idDoesNotExist"):
            oai.fetch(http, source(repository.url), Entry("oai:x.example:999"))


def test_version_changes_with_datestamp_or_content(repository: Repository) -> None:
    before = {e.key: e.version for e in listed(repository)[0]}
    repository.put(1, title="Changed under the same datestamp")
    repository.records[KEYS[1]] = record(KEYS[1], dublin_core(title="Title 2"), "2024-02-02T00:00:00Z")
    after = {e.key: e.version for e in listed(repository)[0]}
    assert [key for key in KEYS if before[key] != after[key]] == KEYS[:2]


def test_newest_of_a_repeated_record_counts(repository: Repository) -> None:
    repository.tells_size = False
    for place, stamp in enumerate(["2024-01-05T00:00:00Z", "2024-03-01", "2024-02-28T23:59:59Z"]):
        repository.records[str(place)] = record("oai:x.example:900", dublin_core(title=stamp), stamp)
    entries, _ = listed(repository)
    assert titles(entries)[-1] == "2024-03-01"


def test_deleted_record_is_a_withdrawal(repository: Repository) -> None:
    repository.records[KEYS[2]] = record(KEYS[2], "", "2024-03-01T10:00:00Z")
    entries, _ = listed(repository)
    assert [e.key for e in entries if e.withdrawal] == [KEYS[2]]
    assert entries[2].withdrawal is not None
    assert entries[2].withdrawal.date == "2024-03-01"
    with pytest.raises(RecordError, match="deleted"):
        titles([entries[2]])


def test_deleted_record_with_a_bad_datestamp(repository: Repository) -> None:
    repository.records = {KEYS[0]: record(KEYS[0], "", "yesterday")}
    ((entry,), _) = listed(repository)
    assert entry.withdrawal is not None
    assert entry.withdrawal.date is None


def test_sets_and_prefix_are_asked_for(repository: Repository) -> None:
    entries, _ = listed(repository, set=["a", "b:c"], metadata_prefix="oai_datacite")
    first = [arguments for arguments in repository.asked if "metadataPrefix" in arguments]
    assert [arguments["set"] for arguments in first] == ["a", "b:c"]
    assert {arguments["metadataPrefix"] for arguments in first} == {"oai_datacite"}
    assert len(entries) == 8
    repository.asked.clear()
    listed(repository, set="~cHJlZml4OjEwLjYwMTk=")
    assert repository.asked[0]["set"] == "~cHJlZml4OjEwLjYwMTk="


@pytest.mark.parametrize(
    ("granularity", "sent"), [("YYYY-MM-DD", "2024-01-01"), ("YYYY-MM-DDThh:mm:ssZ", "2024-01-01T05:06:07Z")]
)
def test_dates_are_as_exact_as_the_repository_takes(repository: Repository, granularity: str, sent: str) -> None:
    repository.granularity = granularity
    listed(repository, **{"from": "2024-01-01T05:06:07Z"})
    assert repository.asked[0] == {"verb": "Identify"}
    assert repository.asked[1]["from"] == sent
    repository.asked.clear()
    listed(repository, **{"from": "2024-01-01T05:06:07Z", "until": "2024-12-31"})
    assert (repository.asked[1]["from"], repository.asked[1]["until"]) == ("2024-01-01", "2024-12-31")


@pytest.mark.parametrize(
    "options",
    [
        {"set": 7}, {"set": [""]}, {"set": "~cHJlZml4OjEwLjYwMTk"},
        {"from": "last year"}, {"incremental": "yes"}, {"metadata_prefix": 1},
        {"archives": ["pride"]}, {"archives": "bia"}, {"accessions_only": "x"}, {"types": "image"},
    ],
)  # fmt: skip
def test_wrong_option_is_named(repository: Repository, options: dict[str, Any]) -> None:
    entries, problem = listed(repository, **options)
    assert entries == []
    assert str(problem).startswith(f"[sources.try] {next(iter(options))}: ")


def test_address_with_a_query_of_its_own() -> None:
    with session() as http:
        assert oai.Repository(http, "https://x.example/oai?key=1").url(verb="Identify").endswith("?key=1&verb=Identify")


def test_dois_of_others_are_not_listed(repository: Repository) -> None:
    dois = (
        "10.6019/PXD000001",
        "10.6019/EMPIAR-10310",
        "10.6019/S-BIAD824",
        "10.17867/10000148",
        "10.9999/empiar-10310",
    )
    repository.records = {f"doi:{doi}": record(f"doi:{doi}", dublin_core()) for doi in dois}
    repository.page = 2

    def keys(**options: Any) -> list[str]:
        entries, problem = listed(repository, **options)
        assert problem is None
        return [e.key.removeprefix("doi:") for e in entries]

    assert keys(archive="empiar") == ["10.6019/EMPIAR-10310"]
    assert keys(accessions_only=True, archives=["bia", "idr"]) == ["10.17867/10000148", "10.6019/S-BIAD824"]
    assert keys() == sorted(dois)


def test_memory_stays_small_for_a_long_list(tmp_path: Path) -> None:
    long = dublin_core(title="x", description="y" * 5000)
    for page in range(20):
        body = "".join(record(f"oai:x:{page}-{n}", long) for n in range(400))
        (tmp_path / f"{page:02}.xml").write_text(answer("ListRecords", f"<ListRecords>{body}</ListRecords>"))
    tracemalloc.start()
    with session() as http:
        count = sum(len(e.payload or b"") > 5000 for e in oai.entries(http, source(str(tmp_path))))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == 8000
    assert peak < 30 << 20


# --- only what has changed


def run(repository: Repository, memory: dict[str, str]) -> tuple[list[str], str, dict[str, str]]:
    asked_for = source(repository.url, incremental=True)
    with session(memory) as http:
        how = str(oai.listing(http, asked_for))
        keys = [e.key for e in oai.entries(http, asked_for)]
        return keys, how, http.memory


def test_incremental_run_asks_from_the_day_before_the_last(repository: Repository) -> None:
    keys, how, memory = run(repository, {})
    assert (keys, how, [*memory.values()]) == (KEYS, "full", [RESPONSE_DATE])
    assert "from" not in repository.asked[0]
    repository.stamps[KEYS[4]] = "2024-06-01T00:00:00Z"
    repository.asked.clear()
    keys, how, memory = run(repository, memory)
    assert (keys, how, [*memory.values()]) == ([KEYS[4]], "partial", [RESPONSE_DATE])
    assert repository.asked[1]["from"] == "2024-04-30T12:00:00Z"


def test_incremental_run_without_changes(repository: Repository) -> None:
    memory = run(repository, {})[2]
    assert run(repository, memory) == ([], "partial", memory)


def test_no_changes_said_by_status_alone_costs_a_whole_list(repository: Repository) -> None:
    memory = run(repository, {})[2]
    repository.empty_status = 422
    assert run(repository, memory)[:2] == (KEYS, "partial")


def test_run_that_breaks_off_is_not_remembered(repository: Repository) -> None:
    repository.fault = "server-error"
    with session() as http:
        with pytest.raises(SourceError):
            list(oai.entries(http, source(repository.url, incremental=True)))
        assert http.memory == {}


def test_clock_of_the_future_is_not_remembered(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(oai.Answer, "date", "2099-01-01T00:00:00Z")
    assert run(repository, {})[2] == {}


def test_other_query_has_another_memory(repository: Repository) -> None:
    memory = run(repository, {})[2]
    with session(memory) as http:
        assert oai.listing(http, source(repository.url, incremental=True, set="a")) == "full"
        assert oai.listing(http, source(repository.url)) == "full"
        assert oai.listing(http, source(repository.url, until="2024-01-01")) == "partial"


# --- folders


def test_folder_and_zip_of_saved_answers(tmp_path: Path) -> None:
    folder = tmp_path / "saved"
    folder.mkdir()
    one, two = (record(f"oai:x.example:{n}", dublin_core(title=f"Title {n}")) for n in (1, 2))
    old = record("oai:x.example:1", dublin_core(title="Older"), "2023-01-01")
    saved = {
        "a.xml": answer("ListRecords", f"<ListRecords>{one}{two}</ListRecords>"),
        "b.xml": answer("GetRecord", f"<GetRecord>{old}</GetRecord>"),
        "c.xml": dublin_core(title="By itself", identifier="10.1234/abc"),
        "d.xml": two.replace("<record>", '<record xmlns="http://www.openarchives.org/OAI/2.0/">').replace(":2<", ":3<"),
        "e.xml": "<html>",
        "f.xml": error("noRecordsMatch"),
        "g.xml": answer("ListRecords", f"<ListRecords>{one}{record('', dublin_core())}</ListRecords>"),
    }
    with ZipFile(tmp_path / "saved.zip", "w") as packed:
        for name, body in saved.items():
            (folder / name).write_text(body)
            packed.writestr(name, body)
    for url in (folder, tmp_path / "saved.zip"):
        with session() as http:
            entries = list(oai.entries(http, source(str(url))))
            by_themselves = ["c.xml", "e.xml", "f.xml", "g.xml"]
            assert [e.key for e in entries] == [*by_themselves, *(f"oai:x.example:{n}" for n in (1, 2, 3))]
            assert titles([entries[0], *entries[4:]]) == ["By itself", "Title 1", "Title 2", "Title 2"]
            assert all(oai.fetch(http, source(str(url)), e) == e.payload for e in entries)
            for entry in entries[1:4]:
                with pytest.raises(RecordError):
                    titles([entry])
            with pytest.raises(SourceError, match="any more"):
                oai.fetch(http, source(str(url)), Entry("gone"))


# --- strict XML


def test_canonical_form_does_not_depend_on_the_place() -> None:
    inner = '<x:a xmlns:x="urn:x" b="2" a="1"><!-- c -->t</x:a>'
    alone, within = (
        markup.parse(inner.encode()),
        markup.parse(f'<r xmlns="urn:r" xmlns:y="urn:y">{inner} </r>'.encode()),
    )
    assert markup.canonical(alone) == markup.canonical(within[0]) == b'<x:a xmlns:x="urn:x" a="1" b="2">t</x:a>'


@pytest.mark.parametrize(
    "data", [b"", b"<a>", b"<a/><b/>", b"<a>&undefined;</a>", b'<?xml version="1.0" encoding="x"?><a/>', b"<a \x00/>"]
)
def test_bad_xml_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="not well-formed"):
        markup.parse(data)


def test_relative_name_space_has_no_canonical_form() -> None:
    element = markup.parse(b'<r><a xmlns="relative" b="1">t</a> </r>')[0]
    assert markup.canonical(element) == b'<a xmlns="relative" b="1">t</a>'


# --- demonstration and corpus


def demo_source() -> Source:
    about = {"archive_title": "DataCite", "archive_homepage": "https://datacite.org/"}
    more = {"archives": ["bia", "empiar", "idr", "ssbd"], "accessions_only": True}
    return Source("datacite", "oai", "datacite", str(DEMO), {**about, **more})


def test_demonstration() -> None:
    with session() as http:
        entries = list(oai.entries(http, demo_source()))
    found = [oai.transform(e.payload or b"", e, Context(BASE, demo_source())) for e in entries if not e.withdrawal]
    assert {h.record.id.removeprefix(BASE) for h in found} == {
        "dataset/empiar/EMPIAR-10310", "dataset/bia/S-BIAD824", "dataset/idr/idr0094", "dataset/empiar/EMPIAR-12104",
    }  # fmt: skip
    assert [h.findings for h in found] == [()] * 4
    assert len([e for e in entries if e.withdrawal]) == 1
    for harvested in found:
        canonical = records.canonical(harvested.record)
        assert records.from_quads(records.to_quads(canonical), canonical.id) == canonical


@pytest.mark.corpus
def test_saved_answers_of_the_corpus_are_read(corpus: Path) -> None:
    asked_for = source(str(corpus / "enrichment" / "oai"))
    with session() as http:
        entries = {e.key: e for e in oai.entries(http, asked_for)}
    assert len(entries) == 8
    assert entries.pop("oai:oai.datacite.org:25469").withdrawal is not None
    read, reasons = set(), []
    for key, entry in entries.items():
        try:
            read.add(oai.transform(entry.payload or b"", entry, Context(BASE, asked_for)).record.accession)
        except RecordError as err:
            reasons.append((key, str(err)))
    assert read == {"zenodo.3268395", "902693786"}
    assert {reason for _, reason in reasons} == {
        "metadata: the element is empty",
        "metadata: <OAI-PMH> is neither a DataCite resource nor Dublin Core",
    }
