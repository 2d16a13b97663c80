"""EMPIAR harvester: shapes and traps of the entry API, listing by ranges, files, hostile documents."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harvesters import empiar
from harvesters.contract import Context, Entry, Harvested, RecordError, Source, SourceError
from harvesters.http import Manners, PoliteSession
from hub import records

PAYLOADS = Path(__file__).parent / "archives" / "empiar"
BASE = "https://hub.example/"
HUB = "https://w3id.org/bioimage-hub/vocab#"
LIVE = Source("empiar", "empiar", "empiar", "https://www.ebi.ac.uk/empiar/api/entry/")
CTX = Context(BASE, LIVE)
NAMES = ("EMPIAR-10934", "EMPIAR-11759", "EMPIAR-19996", "EMPIAR-19997")


def payload(name: str) -> dict[str, Any]:
    return json.loads((PAYLOADS / f"{name}.json").read_text(encoding="utf-8"))


def harvest(document: dict[str, Any], accession: str = "EMPIAR-10050", key: str | None = None) -> Harvested:
    return empiar.transform(json.dumps({accession: document}).encode(), Entry(key or accession), CTX)


def entry(**fields: Any) -> dict[str, Any]:
    return {"title": "A title", "status": "REL", "release_date": "2020-01-01", **fields}


def rules(harvested: Harvested) -> list[tuple[str, str]]:
    return [(f.field, f.rule) for f in harvested.findings]


def image_set(**fields: Any) -> Any:
    harvested = harvest(entry(imagesets=[{"name": "Set", **fields}]))
    return harvested.record.distribution[0], rules(harvested)


def check_round_trip(harvested: Harvested) -> None:
    record = records.canonical(harvested.record)
    assert records.from_quads(records.to_quads(record), record.id) == record


# --- golden documents


@pytest.mark.parametrize("name", NAMES)
def test_golden_quads(name: str) -> None:
    harvested = empiar.transform((PAYLOADS / f"{name}.json").read_bytes(), Entry(f"{name}.json"), CTX)
    check_round_trip(harvested)
    lines = sorted(f"{quad} ." for quad in records.to_quads(records.canonical(harvested.record)))
    golden = PAYLOADS / f"{name}.nt"
    if "UPDATE_GOLDEN" in os.environ:
        golden.write_text("\n".join(lines) + "\n", encoding="utf-8")
    assert lines == golden.read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize("name", NAMES)
def test_golden_documents_have_no_findings(name: str) -> None:
    assert empiar.transform((PAYLOADS / f"{name}.json").read_bytes(), Entry(name), CTX).findings == ()


def test_every_shape() -> None:
    record = harvest(payload("EMPIAR-19997")["EMPIAR-19997"], "EMPIAR-19997").record
    assert [a.name for a in record.author] == ["Example A", "De Example B", "Example C", "Example DE"]
    assert record.author[0].id == "https://orcid.org/0000-0002-1825-0097"
    (investigator,) = record.accountable_person
    assert (investigator.name, investigator.given_name, investigator.family_name) == (
        "Ann Q Example",
        "Ann Q",
        "Example",
    )
    assert [o.name for o in investigator.affiliation] == ["Department of Examples & Tests"]
    assert [(g.name, g.grant_number) for g in record.funding] == [
        ("Example Trust 000/Z", "000/Z"),
        ("Example Trust", None),
    ]
    first, second = record.publication
    assert (first.id, first.journal, first.date_published) == ("https://doi.org/10.9999/example.1", "J Ex", "2022")
    assert (first.same_as, first.author_text) == (["https://pubmed.ncbi.nlm.nih.gov/12345678"], "Example A, Example B")
    assert second.id.startswith(f"{BASE}record/empiar/EMPIAR-19997#")
    assert record.related == [
        "https://www.ebi.ac.uk/emdb/EMD-2275",
        "https://www.ebi.ac.uk/emdb/EMD-12602",
        "https://identifiers.org/pdb:1abc",
        f"{BASE}dataset/bia/S-BIAD0",
        "https://www.ebi.ac.uk/biostudies/studies/S-EPMC0000000",
        f"{BASE}dataset/idr/idr0000",
        f"{BASE}dataset/empiar/EMPIAR-19998",
    ]
    assert [m.id for m in record.measurement_method] == ["http://purl.obolibrary.org/obo/FBbi_00050000"]
    assert (record.imaging_scale, record.not_applicable) == (None, [HUB + "imagingScale"])
    assert record.size_bytes == 2_500_000_000_000
    one, two = record.distribution
    assert (one.image_count, one.frames_per_image, one.image_width, one.image_height) == (12, 7, None, None)
    assert (one.pixel_width, one.pixel_height) == (Decimal("0.3425"), Decimal("8"))
    assert one.access_url == "https://ftp.ebi.ac.uk/empiar/world_availability/19997/data/set%201/raw"
    assert (two.unknown, two.not_applicable) == ([HUB + "imageCategory"], ["http://schema.org/encodingFormat"])


@pytest.mark.parametrize("name", NAMES)
def test_contact_data_lands_nowhere(name: str) -> None:
    harvested = harvest(payload(name)[name], name)
    shown = harvested.record.model_dump_json() + repr(harvested.findings)
    for secret in ("@", "[at]", "example.org", "Nowhere", "NW0", "+44", "Spondent", "Dresden", "Thuwal", "Germany"):
        assert secret not in shown


def test_address_in_any_field_lands_nowhere() -> None:
    secret = "jane.doe@example.org"
    document = entry(
        title=secret, scale=secret, dataset_size=secret, experiment_type=secret, entry_doi=secret, update_date=secret,
        cross_references=[secret], idr_references=[{"name": secret}], version_history=[{"details": secret}],
        authors=[{"name": f"<{secret}>", "author_orcid": secret}, {"name": "Doe J", "author_orcid": secret}],
        principal_investigator=[{"first_name": "Jane", "organization": {"street": "1 Nowhere Lane", "mail": secret}}],
        grant_references=[{"funding_body": secret, "code": secret}],
        citation=[{"title": secret, "doi": secret, "pubmedid": secret, "year": secret, "journal": secret}],
        imagesets=[{"name": secret, "image_width": secret, "pixel_width": secret, "directory": secret}],
    )  # fmt: skip
    harvested = harvest(document)
    shown = harvested.record.model_dump_json() + repr(harvested.findings)
    assert "jane.doe" not in shown
    assert "Nowhere" not in shown
    assert [a.name for a in harvested.record.author] == ["Doe J"]
    with pytest.raises(RecordError) as refused:
        harvest(entry(status=secret))
    assert "jane" not in str(refused.value).casefold()


# --- single traps


def test_unpublished_citation_mints_no_paper_and_no_finding() -> None:
    harvested = harvest(entry(citation=[{"title": "A plan", "published": False, "doi": None, "year": "2020"}]))
    assert not harvested.record.publication
    assert harvested.findings == ()


def test_bad_doi_is_a_finding_and_the_pubmed_id_stands() -> None:
    harvested = harvest(entry(citation=[{"doi": "10X1038/abc", "pubmedid": 34667155, "title": "T"}]))
    assert [p.id for p in harvested.record.publication] == ["https://pubmed.ncbi.nlm.nih.gov/34667155"]
    assert rules(harvested) == [("citation[0].doi", "doi-invalid")]


def test_doi_in_the_preprint_field() -> None:
    harvested = harvest(entry(citation=[{"preprint": "10.1101/2020.01.01.123456", "doi": ""}]))
    assert [p.id for p in harvested.record.publication] == ["https://doi.org/10.1101/2020.01.01.123456"]


def test_a_dataset_is_not_its_own_paper() -> None:
    harvested = harvest(entry(citation=[{"doi": "10.6019/EMPIAR-10050"}], entry_doi="10.6019/EMPIAR-10051"))
    assert not harvested.record.publication
    assert not harvested.record.same_as
    assert {rule for _, rule in rules(harvested)} == {"doi-of-another"}


def test_emdb_is_no_method_and_not_unknown() -> None:
    record = harvest(entry(experiment_type="EMDB")).record
    assert not record.measurement_method
    assert not record.unknown


def test_method_without_a_term_keeps_its_wording() -> None:
    (method,) = harvest(entry(experiment_type="INSILICO")).record.measurement_method
    assert method.name == "INSILICO"
    assert method.id == f"{BASE}record/empiar/EMPIAR-10050#method-insilico"


def test_unknown_method_and_size() -> None:
    record = harvest(entry(experiment_type="Unknown", dataset_size="unknown")).record
    assert record.unknown == ["http://rs.tdwg.org/dwc/iri/measurementMethod", HUB + "sizeBytes"]


@pytest.mark.parametrize("title", [None, "", "N/A", "TBD", 0.0, [], {}, ["a"]])
def test_missing_title(title: Any) -> None:
    harvested = harvest(entry(title=title))
    assert harvested.record.name == ("0" if title == 0.0 else "EMPIAR-10050")
    assert title == 0.0 or ("title", "title-missing") in rules(harvested)


@pytest.mark.parametrize("orcid", ["NA", "0000-0002-1825-0098", "https://orcid.org/NA"])
def test_bad_orcid(orcid: str) -> None:
    harvested = harvest(entry(authors=[{"author": {"name": "Doe J", "author_orcid": orcid}}]))
    assert harvested.record.author[0].id == f"{BASE}record/empiar/EMPIAR-10050#author-1"
    assert rules(harvested) == [("authors[0].orcid", "orcid-invalid")]


def test_one_orcid_with_two_people_keeps_both() -> None:
    orcid = "0000-0002-1825-0097"
    authors = [{"name": "Doe J", "author_orcid": orcid}, {"name": "Roe R", "author_orcid": orcid}]
    harvested = harvest(entry(authors=authors))
    assert [a.name for a in records.canonical(harvested.record).author] == ["Doe J", "Roe R"]
    assert rules(harvested) == [("authors[1].author_orcid", "orcid-conflict")]


def test_person_without_name() -> None:
    harvested = harvest(entry(authors=[{"author": {"name": None, "author_orcid": None}}, {}, None]))
    assert not harvested.record.author
    assert rules(harvested) == [("authors[0]", "person-without-name")]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("cross_references", "EMD-"),
        ("related_pdb_entries", "abc"),
        ("idr_references", "idr1"),
        ("empiar_references", 5),
    ],
)
def test_malformed_reference(field: str, value: Any) -> None:
    harvested = harvest(entry(**{field: [value, {"name": value}, {"other": value}, None, ""]}))
    assert not harvested.record.related
    refused = [
        (f"{field}[0]", "reference-invalid"),
        (f"{field}[1]", "reference-invalid"),
        (f"{field}[2]", "shape-invalid"),
    ]
    assert rules(harvested) == refused


@pytest.mark.parametrize("value", ["wide", -1, 0, 1.5, "1e3", float("nan"), float("inf"), "²"])
def test_nonsense_numbers(value: Any) -> None:
    found, said = image_set(image_width=value, num_images_or_tilt_series=value)
    assert (found.image_width, found.image_count) == (None, None)
    assert said == [
        ("imagesets[0].num_images_or_tilt_series", "number-invalid"),
        ("imagesets[0].image_width", "number-invalid"),
    ]


@pytest.mark.parametrize("value", ["variable", None, "", [], {}])
def test_variable_and_empty_numbers_say_nothing(value: Any) -> None:
    found, said = image_set(image_width=value, pixel_width=value)
    assert (found.image_width, found.pixel_width, found.unknown, said) == (None, None, [], [])


@pytest.mark.parametrize("value", [0, -3.4, "80 nm", True, "1e9999"])
def test_nonsense_pixel_sizes(value: Any) -> None:
    found, said = image_set(pixel_width=value)
    assert found.pixel_width is None
    assert len(said) == 1


@pytest.mark.parametrize(
    ("directory", "path"),
    [("data", "data"), ("/data/a b/ü#?", "data/a%20b/%C3%BC%23%3F"), ("../../etc", None), ("/", None), (None, None)],
)
def test_directory(directory: str | None, path: str | None) -> None:
    found, _ = image_set(directory=directory)
    assert found.access_url == (path and f"https://ftp.ebi.ac.uk/empiar/world_availability/10050/{path}")


def test_control_characters_and_lone_surrogates() -> None:
    harvested = harvest(entry(title="A\u0000 \ud800title", dataset_size="\ud800", cross_references=["\ud800x"]))
    repr(harvested.findings).encode()
    for finding in harvested.findings:
        f"{finding.value}{finding.message}".encode()
    check_round_trip(harvested)


# --- status


@pytest.mark.parametrize("status", ["PROC", "HOLD", "HPUB", "HPRE", "WAIT", "EMDBPUB", "NEW", 5, True, ["REL"], "N/A"])
def test_unreleased_is_rejected(status: Any) -> None:
    with pytest.raises(RecordError, match=r"status: .* is not released"):
        harvest(entry(status=status, release_date=None))


def test_missing_status_needs_a_release_date() -> None:
    assert rules(harvest(entry(status=None))) == [("status", "status-missing")]
    with pytest.raises(RecordError, match="status: none"):
        harvest(entry(status="", release_date=""))


@pytest.mark.parametrize("status", ["OBS", "OBSOLETE", "WDRN", "UNARCH", "obs", "REL"])
def test_withdrawn(status: str) -> None:
    withdrawal = harvest(entry(status=status, obsolete_date="2021-02-03")).withdrawal
    assert withdrawal is not None
    assert (withdrawal.date, withdrawal.replaced_by) == ("2021-02-03", None)
    assert status.upper() in withdrawal.reason


def test_withdrawn_without_date_and_with_a_bad_one() -> None:
    assert harvest(entry(status="WDRN")).withdrawal is not None
    harvested = harvest(entry(obsolete_date="N/A"))
    assert harvested.withdrawal is None
    assert rules(harvested) == [("obsolete_date", "date-invalid")]


def test_successor() -> None:
    withdrawal = harvest(payload("EMPIAR-19996")["EMPIAR-19996"], "EMPIAR-19996").withdrawal
    assert withdrawal is not None
    assert withdrawal.replaced_by == f"{BASE}dataset/empiar/EMPIAR-19997"


# --- what is no document


@pytest.mark.parametrize(
    "raw",
    [
        b"", b"<html>", b"[]", b"null", b"{}", b'{"EMPIAR-10050": null}', b'{"EMPIAR-10050": []}', b"[" * 100_000,
        b'{"detail": "Not found."}', b'{"EMPIAR-1": {"a": 1}, "EMPIAR-2": {}}', b"\xff\xfe",
        b'{"idr0001": {"status": "REL"}}',
    ],
)  # fmt: skip
def test_no_document(raw: bytes) -> None:
    with pytest.raises(RecordError):
        empiar.transform(raw, Entry("EMPIAR-10050"), CTX)


def test_accessions() -> None:
    with pytest.raises(RecordError, match="entry id: 'EMPIAR-SPECIMENTEST'"):
        harvest(entry(), "EMPIAR-SPECIMENTEST", "a.json")
    with pytest.raises(RecordError, match="entry id: EMPIAR-10050 was asked for, EMPIAR-10051 came"):
        harvest(entry(), "EMPIAR-10051", "EMPIAR-10050")


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
    | st.sampled_from(["", "N/A", "10.1/x", "EMPIAR-10051", "2020-13-01", "a@b.org", "variable", "\ud800", 10**400]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from(["name", "author", "x"]), inner, max_size=3),
    max_leaves=5,
)  # fmt: skip


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield (*path, key)
        yield from places(inner, (*path, key))


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data(), name=st.sampled_from(NAMES))
def test_any_mutation_is_published_or_rejected(data: st.DataObject, name: str) -> None:
    document = payload(name)
    known = list(places(document[name]))
    for _ in range(data.draw(st.integers(1, 4))):
        path = data.draw(st.sampled_from(known))
        holder: Any = document[name]
        for key in path[:-1]:
            try:
                holder = holder[key]
            except (KeyError, IndexError, TypeError):
                break
        else:
            if isinstance(holder, dict) or (isinstance(holder, list) and path[-1] in range(len(holder))):
                holder[path[-1]] = data.draw(JUNK)
    try:
        harvested = empiar.transform(json.dumps(document).encode(), Entry(name), CTX)
    except RecordError:
        return
    check_round_trip(harvested)
    assert "b.org" not in harvested.record.model_dump_json() + repr(harvested.findings)
    for finding in harvested.findings:
        f"{finding.field}{finding.value}{finding.message}".encode()


# --- live


class Api:
    """A loopback EMPIAR: what it holds, what it was asked, and how it misbehaves."""

    def __init__(self, documents: dict[str, Any]) -> None:
        self.documents = documents
        self.asked: list[str] = []
        self.answers: list[tuple[int, bytes]] = []
        self.empty: tuple[int, bytes] = (404, b'{"detail": "Not found."}')
        self.url = ""

    def post(self, body: str) -> tuple[int, bytes]:
        first, _, last = body.partition("-")
        numbers = range(int(first), int(last) + 1)
        found = {k: d for k, d in reversed(self.documents.items()) if int(k.removeprefix("EMPIAR-")) in numbers}
        return (200, json.dumps(found).encode()) if found else self.empty

    def get(self, path: str) -> tuple[int, bytes]:
        key = path.removeprefix("/api/entry/").removesuffix("/")
        if key in self.documents and path.endswith("/"):
            return 200, json.dumps({key: {**self.documents[key], "full": True}}).encode()
        return 404, b"{}"


@pytest.fixture
def api() -> Iterator[Api]:
    served = Api({f"EMPIAR-{n}": entry(update_date="2021-01-01", n=n) for n in (10001, 10049, 10500, 12545)})

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            served.asked.append(f"POST {self.path} {body}")
            self.answer(served.post(body))

        def do_GET(self) -> None:
            served.asked.append(f"GET {self.path}")
            self.answer(served.get(self.path))

        def answer(self, usual: tuple[int, bytes]) -> None:
            status, body = served.answers.pop(0) if served.answers else usual
            self.send_response(status)
            if status != 204:
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body if status != 204 else b"")

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        served.url = f"http://127.0.0.1:{server.server_port}/api/entry"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield served
        server.shutdown()
        thread.join()


@pytest.fixture
def http() -> Iterator[PoliteSession]:
    with PoliteSession(Manners(interval_s=0, retries=2), sleep=lambda _: None) as session:
        yield session


def source(url: str | Path, **options: Any) -> Source:
    return Source("empiar", "empiar", "empiar", str(url), options)


def keys(http: PoliteSession, asked: Source) -> list[str]:
    return [found.key for found in empiar.entries(http, asked)]


@pytest.mark.parametrize(
    "empty", [(404, b"<html>"), (200, b"{}"), (200, b" "), (204, b""), (200, b'{"EMPIAR-1": null}')]
)
def test_live_listing(api: Api, http: PoliteSession, empty: tuple[int, bytes]) -> None:
    api.empty = empty
    api.answers = [(503, b"busy")]
    listed = list(empiar.entries(http, source(api.url)))
    assert [e.key for e in listed] == ["EMPIAR-10001", "EMPIAR-10049", "EMPIAR-10500"]
    assert listed[0].url == f"{api.url}/EMPIAR-10001/"
    bodies = [line.rpartition(" ")[2] for line in api.asked]
    assert bodies == ["10000-10499", *(f"{n}-{n + 499}" for n in range(10000, 12500, 500))]
    assert all(line.startswith("POST /api/entry/ ") for line in api.asked)
    raw = empiar.fetch(http, source(api.url), listed[1])
    assert json.loads(raw)["EMPIAR-10049"]["full"] is True
    assert empiar.transform(raw, listed[1], CTX).record.accession == "EMPIAR-10049"


def test_live_options(api: Api, http: PoliteSession) -> None:
    asked = source(api.url + "/", first=10490, last=12600, batch=400, empty_batches=5)
    assert keys(http, asked) == ["EMPIAR-10500", "EMPIAR-12545"]
    assert [line.rpartition(" ")[2] for line in api.asked][-1] == "12490-12600"


@pytest.mark.parametrize("option", [{"batch": 0}, {"batch": 501}, {"first": "x"}, {"last": True}, {"empty_batches": 0}])
def test_bad_option(api: Api, http: PoliteSession, option: dict[str, Any]) -> None:
    with pytest.raises(SourceError, match=next(iter(option))):
        keys(http, source(api.url, **option))


def test_version_follows_the_document(api: Api, http: PoliteSession) -> None:
    before = [e.version for e in empiar.entries(http, source(api.url))]
    assert before == [e.version for e in empiar.entries(http, source(api.url))]
    api.documents["EMPIAR-10049"]["title"] = "Another title"
    after = [e.version for e in empiar.entries(http, source(api.url))]
    assert [a == b for a, b in zip(before, after, strict=True)] == [True, False, True]
    assert str(after[0]).startswith("2021-01-01/REL/")


@pytest.mark.parametrize(
    "answer",
    [(200, b"<html>down</html>"), (200, b"[]"), (200, b"null"), (200, b'{"error": {}}'), (200, b'{"EMPIAR-10001"'),
     (200, b'{"EMPIAR-10001": "x"}'), (400, b"{}"), (403, b""), (410, b"")],
)  # fmt: skip
def test_a_strange_answer_is_never_a_short_listing(api: Api, http: PoliteSession, answer: tuple[int, bytes]) -> None:
    api.answers = [api.post("10000-10499"), answer]
    listing = empiar.entries(http, source(api.url))
    assert [next(listing).key, next(listing).key] == ["EMPIAR-10001", "EMPIAR-10049"]
    with pytest.raises(SourceError, match="entries 10500-10999"):
        next(listing)


def test_an_archive_without_entries_is_an_error(api: Api, http: PoliteSession) -> None:
    api.documents = {}
    with pytest.raises(SourceError, match="lists no entry"):
        keys(http, source(api.url))


def test_a_server_that_repeats_itself_ends(api: Api, http: PoliteSession) -> None:
    api.empty = api.post("10000-10499")
    assert keys(http, source(api.url)) == ["EMPIAR-10001", "EMPIAR-10049", "EMPIAR-10500"]


def test_outage_is_an_error_with_its_status(api: Api, http: PoliteSession) -> None:
    api.answers = [(503, b"")] * 3
    with pytest.raises(SourceError) as failed:
        keys(http, source(api.url))
    assert failed.value.status == 503
    with pytest.raises(SourceError) as failed:
        empiar.fetch(http, source(api.url), Entry("EMPIAR-99999"))
    assert failed.value.status == 404


# --- files


def test_folder_and_zip(tmp_path: Path, http: PoliteSession) -> None:
    folder = tmp_path / "empiar"
    (folder / "deep").mkdir(parents=True)
    (folder / "deep" / "one.json").write_text(json.dumps({"EMPIAR-10050": entry()}))
    (folder / "two.json").write_text(json.dumps({"EMPIAR-10052": entry(), "EMPIAR-10051": entry(title="Other")}))
    (folder / "broken.json").write_text("<html>")
    (folder / "notes.txt").write_text("no entry")
    with ZipFile(tmp_path / "empiar.zip", "w") as packed:
        for path in folder.rglob("*.*"):
            packed.write(path, path.relative_to(folder).as_posix())
    for asked in (source(folder), source(tmp_path / "empiar.zip")):
        listed = list(empiar.entries(http, asked))
        assert [e.key for e in listed] == [
            "broken.json",
            "deep/one.json",
            "two.json#EMPIAR-10051",
            "two.json#EMPIAR-10052",
        ]
        names = [empiar.transform(empiar.fetch(http, asked, e), e, CTX).record.name for e in listed[1:]]
        assert names == ["A title", "Other", "A title"]
        with pytest.raises(RecordError, match="JSON"):
            empiar.transform(empiar.fetch(http, asked, listed[0]), listed[0], CTX)
        with pytest.raises(SourceError, match="does not hold EMPIAR-10099"):
            empiar.fetch(http, asked, Entry("two.json#EMPIAR-10099"))


def test_missing_folder(tmp_path: Path, http: PoliteSession) -> None:
    with pytest.raises(SourceError, match="no folder or file"):
        keys(http, source(tmp_path / "absent"))


def test_demo_is_published(http: PoliteSession) -> None:
    asked = source(Path(__file__).parents[1] / "hub" / "demo" / "empiar")
    for found in empiar.entries(http, asked):
        harvested = empiar.transform(empiar.fetch(http, asked, found), found, CTX)
        assert (harvested.withdrawal is not None) == (harvested.record.accession == "EMPIAR-19999")
        check_round_trip(harvested)


@pytest.mark.corpus
def test_corpus_is_published_or_rejected_with_a_reason(corpus: Path) -> None:
    paths = sorted((corpus / "empiar").glob("api_json*/*.json"))
    assert len(paths) == 5
    for path in paths:
        ((key, document),) = json.loads(path.read_bytes()).items()
        real = document["entry_doi"].removeprefix("10.6019/")
        if key != real:  # the four test documents were cut from real entries and given words for numbers
            with pytest.raises(RecordError, match=f"entry id: '{key}'"):
                empiar.transform(path.read_bytes(), Entry(path.name), CTX)
        harvested = harvest(document, real)
        assert harvested.findings == ()
        check_round_trip(harvested)


def test_declaration() -> None:
    assert (empiar.HARVESTER.name, empiar.HARVESTER.listing) == ("empiar", "full")
    assert empiar.HARVESTER.licence == "https://creativecommons.org/publicdomain/zero/1.0/"
