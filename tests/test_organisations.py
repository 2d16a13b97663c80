"""What ROR's dump, its service and the bundled table become, and which organisation a name means."""

from __future__ import annotations

import io
import json
import sqlite3
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harvesters.contract import Attachment, SourceError
from harvesters.http import Manners
from harvesters.references import organisations
from harvesters.references.contract import Reference
from hub import references
from hub.config import Settings
from hub.log import Log
from hub.organisations import Organisations
from ontology import identifiers
from ontology.organisations import bundled
from tests.support import BASE, ROOT

DUMP = Reference("ror", "organisations", "ror", "ror.zip")
CAMBRIDGE, BERN, UCSF, UC, OLD, NEW, UNE_AU, UNE_US = (
    identifiers.ror(key)
    for key in ("013meh722", "02k7v4d05", "043mz5j54", "00pjdza24", "01yr73893", "03mstc592", "04r659a56", "02n2ava60")
)
CORPUS = ROOT.parent / "shared" / "corpus" / "enrichment" / "ror"


def item(iri: str, name: str, country: str, *named: tuple[str, str], status: str = "active", **related: str) -> Any:
    """An organisation in ROR's schema 2."""
    names: list[Any] = [{"value": name, "types": ["ror_display", "label"], "lang": "en"}]
    names += [{"value": text, "types": [kind], "lang": None} for kind, text in named]
    return {
        "id": iri,
        "status": status,
        "names": names,
        "locations": [{"geonames_id": 1, "geonames_details": {"country_code": country, "country_name": "?"}}],
        "relationships": [{"type": kind, "label": "?", "id": other} for kind, other in related.items()],
        "external_ids": [],
    }


ITEMS = [
    item(CAMBRIDGE, "University of Cambridge", "GB", ("alias", "Cambridge University")),
    item(BERN, "University of Bern", "CH", ("label", "Universität Bern"), ("acronym", "UB")),
    item(UC, "University of California System", "US", ("acronym", "UC")),
    item(UCSF, "University of California, San Francisco", "US", ("acronym", "UCSF"), parent=UC),
    item(OLD, "Old Laboratory", "DE", status="withdrawn", successor=NEW),
    item(NEW, "European Molecular Biology Laboratory", "DE", ("acronym", "EMBL")),
    item(UNE_AU, "University of New England", "AU", ("acronym", "UNE")),
    item(UNE_US, "University of New England", "US", ("acronym", "UNE")),
]  # fmt: skip


def dump(items: Any = ITEMS, name: str = "v2.1-2026-01-15-ror-data.json") -> io.BufferedReader:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr(name, json.dumps(items))
        archive.writestr("v2.1-2026-01-15-ror-data.csv", "id,names")
    made.seek(0)
    return io.BufferedReader(made)


def tables(items: Any = ITEMS) -> Organisations:
    db = sqlite3.connect(":memory:")
    references.fill(db, organisations.KIND, organisations.read_dump(dump(items), DUMP), {})
    return Organisations([("ror", db)])


@pytest.fixture(scope="module")
def known() -> Organisations:
    return tables()


def test_what_the_dump_says_of_an_organisation(known: Organisations) -> None:
    found = known.organisation(UCSF)
    assert found is not None
    assert (found.name, found.country, found.status) == ("University of California, San Francisco", "US", "active")
    assert (found.names, found.parents) == ((("UCSF", "acronym"),), (UC,))
    assert known.organisation("https://ror.org/02mhbdp94") is None


def test_the_dump_tells_its_version_and_licence() -> None:
    told = {values[0]: values[1] for table, values in organisations.read_dump(dump(), DUMP) if table == "meta"}
    assert told["version"] == "2.1 (2026-01-15)"
    assert told["licence"] == "https://creativecommons.org/publicdomain/zero/1.0/"


def test_of_two_schemas_in_one_zip_the_second_is_read() -> None:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("v1.60-2025-02-27-ror-data.json", json.dumps([{"id": BERN, "name": "University of Bern"}]))
        archive.writestr("v1.60-2025-02-27-ror-data_schema_v2.json", json.dumps(ITEMS[:1]))
    made.seek(0)
    rows = list(organisations.read_dump(io.BufferedReader(made), DUMP))
    assert [values[0] for table, values in rows if table == "organisation"] == [CAMBRIDGE]


def test_a_list_is_read_item_by_item_over_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(organisations, "_CHUNK", 7)
    text = json.dumps(ITEMS, indent=2, ensure_ascii=False).encode()
    assert list(organisations.items_of(io.BytesIO(text))) == ITEMS


@pytest.mark.parametrize(
    ("body", "why"),
    [(b"{}", "not a JSON list"),
     (b'[{"names": [], "id": "x"}, {"id"', "cut short"), (b"", "not a JSON list"), (b'["x"]', "has no names"),
     (b"PK\x03\x04 damaged", "not a complete zip")],
)  # fmt: skip
def test_what_is_no_dump_is_refused(body: bytes, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        list(organisations.read_dump(io.BufferedReader(io.BytesIO(body)), DUMP))


def test_a_withdrawn_organisation_leads_to_its_successor(known: Organisations) -> None:
    assert known.current(OLD) == (NEW,)
    assert known.current(NEW) == (NEW,)
    assert [match.id for match in known.matches("Old Laboratory, Heidelberg, Germany")] == [NEW]


def test_successors_in_a_circle_end() -> None:
    odd = [
        item(OLD, "A", "DE", status="withdrawn", successor=NEW),
        item(NEW, "B", "DE", status="withdrawn", successor=OLD),
    ]
    assert tables(odd).current(OLD) in ((OLD,), (NEW,))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("University of Cambridge", [(CAMBRIDGE, "label", True, None)]),
        ("the university of CAMBRIDGE.", [(CAMBRIDGE, "label", True, None)]),
        ("Cambridge University", [(CAMBRIDGE, "alias", True, None)]),
        ("Universitat Bern", [(BERN, "label", True, None)]),
        ("Department of Physics, University of Bern, Bern, Switzerland", [(BERN, "label", False, True)]),
        ("University of Bern, USA", [(BERN, "label", True, False)]),
        ("EMBL, Germany", [(NEW, "acronym", True, True)]),
        ("embl", []),
        ("University of New England, Armidale, Australia",
         [(UNE_US, "label", False, False), (UNE_AU, "label", False, True)]),
        ("University of California, San Francisco", [(UCSF, "label", True, None)]),
        ("Cancer Center, UCSF, San Francisco, CA, USA", [(UCSF, "acronym", False, True)]),
        ("Department of Physics", []),
        ("", []),
    ],
)  # fmt: skip
def test_which_organisation_an_affiliation_means(known: Organisations, text: str, expected: list[Any]) -> None:
    found = known.matches(text)
    assert [(match.id, match.kind, match.is_whole, match.in_country) for match in found] == expected


class Zenodo:
    """A session that answers as Zenodo does."""

    def __init__(self, told: Any) -> None:
        self.told = told
        self.downloaded = ""

    def get(self, url: str, *, headers: Any = None) -> bytes:
        return json.dumps(self.told).encode()

    def download(self, url: str) -> Attachment:
        self.downloaded = url
        return Attachment("0" * 64, 1)


LISTED = "https://zenodo.org/api/records/?communities=ror-data&sort=mostrecent"
ZIP = "https://zenodo.org/api/records/1/files/v2.1-2026-01-15-ror-data.zip/content"
FILES = {"files": [{"key": "notes.txt", "links": {"self": "x"}}, {"key": "v2.1-ror-data.zip", "links": {"self": ZIP}}]}


@pytest.mark.parametrize(
    ("url", "told", "expected"),
    [
        (LISTED, {"hits": {"hits": [FILES, {"files": []}]}}, ZIP),
        ("https://zenodo.org/api/records/1", FILES, ZIP),
        ("https://example.org/ror.zip", None, "https://example.org/ror.zip"),
    ],
)
def test_the_dump_is_the_newest_zip_that_zenodo_lists(url: str, told: Any, expected: str) -> None:
    http: Any = Zenodo(told)
    organisations.fetch_dump(http, replace(DUMP, url=url))
    assert http.downloaded == expected


def test_a_list_without_a_zip_is_told() -> None:
    http: Any = Zenodo({"hits": {"hits": []}})
    with pytest.raises(SourceError, match="lists no zip"):
        organisations.fetch_dump(http, replace(DUMP, url=LISTED))


class Ror(Zenodo):
    """A session that answers as ROR's service does, and knows which identifiers records name."""

    def recall(self, name: str) -> str | None:
        return json.dumps([CAMBRIDGE, BERN]) if name == "identifiers" else None

    def get(self, url: str, *, headers: Any = None) -> bytes:
        if url == "https://api.ror.org/v2/organizations/013meh722":
            return json.dumps(ITEMS[0]).encode()
        raise SourceError("not found", status=404)

    def keep(self, stream: Any) -> Attachment:
        self.kept = stream.read()
        return Attachment("0" * 64, len(self.kept))


def test_the_service_is_asked_about_one_identifier_at_a_time() -> None:
    http: Any = Ror(None)
    organisations.fetch_named(http, replace(DUMP, format="ror-api", url="https://api.ror.org/v2/organizations"))
    rows = list(organisations.read_answers(io.BytesIO(http.kept), DUMP))
    assert {values for table, values in rows if table == "asked"} == {(CAMBRIDGE, 1), (BERN, 0)}
    assert ("organisation", (CAMBRIDGE, "University of Cambridge", "GB", "active")) in rows


def test_the_bundled_table_is_sorted_unique_and_normal() -> None:
    lines = [line.split("\t") for line in bundled().decode().splitlines()]
    assert tuple(lines[0]) == organisations.COLUMNS
    ids = [line[0] for line in lines[1:]]
    assert ids == sorted(set(ids))
    assert [identifiers.ror(iri) for iri in ids] == ids
    assert {line[3] for line in lines[1:]} == {"active"}


def test_without_references_the_bundled_table_answers() -> None:
    assert [match.id for match in Organisations.of_hub().matches("Osaka University")] == ["https://ror.org/035t8zc32"]


def test_a_table_of_ones_own_counts_before_the_bundled_one(tmp_path: Path) -> None:
    text = bundled().decode().replace("University of Bern\tCH", "Bern Uni\tCH")
    (tmp_path / "own.tsv").write_text(text, encoding="utf-8")
    reference = Reference("own", "organisations", "tsv", str(tmp_path / "own.tsv"))
    settings = Settings(data_dir=tmp_path / "data", base_iri=BASE, references={"own": reference})
    settings.data_dir.mkdir()
    log = Log(settings.database)
    assert [o.state for o in references.update(settings, log, [], Manners())] == ["new"]
    log.close()
    found = Organisations.of(settings).organisation(BERN)
    assert found is not None
    assert (found.name, found.source) == ("Bern Uni", "own")


def test_a_table_with_other_columns_is_refused() -> None:
    with pytest.raises(ValueError, match="its columns are not id, name, country"):
        list(organisations.read_table(io.BytesIO(b"id\tname\nx\ty\n"), DUMP))


def test_the_identifiers_of_a_record_are_found_at_any_depth() -> None:
    told = {"publisher": {"id": BERN}, "author": [{"id": "x", "affiliation": [{"id": UC}, {"id": "y"}]}], "id": "z"}
    assert sorted(organisations.rors_of(told)) == sorted([BERN, UC])


@pytest.mark.corpus
@pytest.mark.skipif(not CORPUS.is_dir(), reason="the corpus is not here")
def test_recorded_answers_of_ror() -> None:
    told = json.loads((CORPUS / "lupo-org-00.json").read_text(encoding="utf-8"))
    rows = [one for record in told["items"] for one in organisations.rows_of(record)]
    assert [values for table, values in rows if table == "organisation"] == [
        (CAMBRIDGE, "University of Cambridge", "GB", "active")
    ]
    wrapped = json.loads((CORPUS / "ror-es-v2-test-data.json").read_text(encoding="utf-8"))["hits"]["hits"]
    for hit in wrapped:
        assert any(table == "name" for table, _ in organisations.rows_of(hit["_source"]))
