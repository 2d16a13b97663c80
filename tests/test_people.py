"""What ORCID's records become, from the service and from the public data file, and what readers are told."""

from __future__ import annotations

import io
import json
import sqlite3
import tarfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from harvesters.http import Manners
from harvesters.references import people
from harvesters.references.contract import Reference
from hub import references
from hub.config import Settings
from hub.log import Batch, Log
from hub.people import People
from tests.links_support import row
from tests.support import BASE

ADA, BEA, CAL, DAN = (
    f"https://orcid.org/0000-000{n}" for n in ("2-1825-0097", "1-5109-3700", "2-1694-233X", "1-5000-0007")
)
REFERENCE = Reference("orcid", "people", "orcid-api", "https://pub.orcid.org/v3.0")


def record(iri: str, given: str | None, family: str | None, **more: Any) -> dict[str, Any]:
    """A public record in the shape of ORCID's service, with what the hub must not keep."""
    name = {"given-names": given and {"value": given}, "family-name": family and {"value": family}}
    return {
        "orcid-identifier": {"uri": iri, "path": iri[18:], "host": "orcid.org"},
        "person": {
            "name": name | {"credit-name": more.get("credit") and {"value": more["credit"]}, "visibility": "public"},
            "other-names": {"other-name": [{"content": other} for other in more.get("others", ())]},
            "emails": {"email": [{"email": "ada@example.org"}]},
            "addresses": {"address": [{"country": {"value": "GB"}}]},
            "biography": {"content": "Once upon a time"},
        },
        "activities-summary": {
            "employments": {
                "affiliation-group": [
                    {"summaries": [{"employment-summary": {"organization": job}}]} for job in more.get("jobs", ())
                ]
            }
        },
    }  # fmt: skip


def job(name: str, identifier: str = "", source: str = "ROR") -> dict[str, Any]:
    known = {"disambiguated-organization-identifier": identifier, "disambiguation-source": source}
    return {"name": name, "address": {"city": "Bern"}, "disambiguated-organization": known if identifier else None}


RECORDS = {
    ADA: record(
        ADA, "Ada", "Roe", credit="A. B. Roe", others=["Ada Lund"], jobs=[
            job("University of Bern", "https://ror.org/02k7v4d05"), job("Example Works", "30640", "RINGGOLD"),
            job("X"), job("X"),
        ]
    ),
    BEA: record(BEA, "Bea", None),
}  # fmt: skip


def table(*rows: Any) -> People:
    db = sqlite3.connect(":memory:")
    references.fill(db, people.KIND, rows, {})
    return People([("orcid", db)])


class Service:
    """ORCID's public service on the loopback: Cal is locked, Dan is unknown, a burst is told with 503 once."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []
        self.is_bursting = True
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                iri = f"https://orcid.org/{self.path.split('/')[2]}"
                service.asked.append((iri, self.headers["Accept"]))
                status, body = service.answer(iri)
                self.send_response(status)
                self.send_header("Content-Type", "application/vnd.orcid+json")
                self.send_header("Retry-After", "0")
                self.end_headers()
                self.wfile.write(json.dumps(body).encode())

            def log_message(self, *args: Any) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/v3.0"
        Thread(target=self.server.serve_forever, daemon=True).start()

    def answer(self, iri: str) -> tuple[int, dict[str, Any]]:
        if self.is_bursting:
            self.is_bursting = False
            return 503, {"error": "burst"}
        if iri == CAL:
            return 409, {"response-code": 409, "error-code": 9018, "user-message": "The ORCID record is locked."}
        return (200, RECORDS[iri]) if iri in RECORDS else (404, {"response-code": 404, "error-code": 9016})


@pytest.fixture
def service() -> Iterator[Service]:
    made = Service()
    yield made
    made.server.shutdown()
    made.server.server_close()


def authors(*iris: str) -> str:
    listed = [{"id": iri, "type": "schema:Person", "name": "N"} for iri in iris]
    return json.dumps({"author": listed, "contact": listed[:1]})


def test_the_service_is_asked_about_the_ids_of_records_and_only_about_new_ones(
    tmp_path: Path, service: Service
) -> None:
    reference = Reference("orcid", "people", "orcid-api", service.url)
    settings = Settings(data_dir=tmp_path, base_iri=BASE, references={"orcid": reference})
    log = Log(settings.database)
    manners = Manners(interval_s=0, retries=2)
    log.commit(Batch(records=[("create", row("1", "x", record=authors(ADA, CAL, f"{BASE}record/x#author-1")))]), 1)
    (first,) = references.update(settings, log, [], manners)
    assert (first.state, first.rows and first.rows["person"]) == ("new", 2)
    assert {iri for iri, _ in service.asked} == {ADA, CAL}
    assert {accept for _, accept in service.asked} == {"application/vnd.orcid+json"}
    service.asked.clear()
    log.commit(Batch(records=[("create", row("2", "x", record=authors(ADA, BEA, DAN)))]), 1)
    (second,) = references.update(settings, log, [], manners)
    assert (second.state, {iri for iri, _ in service.asked}) == ("changed", {BEA, DAN})
    found = People.of(settings)
    assert [found.holder(iri).state for iri in (ADA, BEA, CAL, DAN)] == ["public", "public", "locked", "unknown"]  # type: ignore[union-attr]
    assert People.of(settings) is found
    kept = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert not any(word in kept for word in (b"ada@example.org", b"Once upon", b"RINGGOLD"))
    log.close()


def test_what_is_told_of_a_holder() -> None:
    ada = table(*people._rows(ADA, people.kept(RECORDS[ADA]))).holder(ADA)
    assert ada is not None
    assert (ada.name, ada.names) == ("A. B. Roe", ("A. B. Roe", "Ada Roe", "Ada Lund"))
    assert ada.employers == (
        ("University of Bern", "https://ror.org/02k7v4d05"),
        ("Example Works", None),
        ("X", None),
    )
    assert ada.became is None


def test_a_record_that_answers_under_another_id_tells_what_it_became() -> None:
    found = table(*people._rows(BEA, people.kept(RECORDS[ADA]))).holder(BEA)
    assert found is not None
    assert found.became == ADA


@pytest.mark.parametrize("odd", [{}, {"person": None}, {"person": {"name": None, "other-names": None}}])
def test_a_record_with_nothing_in_public_has_no_names(odd: dict[str, Any]) -> None:
    found = table(*people._rows(ADA, people.kept(odd))).holder(ADA)
    assert found is not None
    assert (found.name, found.names, found.employers) == (None, (), ())


def test_nobody_is_known_without_a_table() -> None:
    assert People([]).holder(ADA) is None
    assert People([]).names(ADA) == ()


SUMMARY = f"""<record:record path="/{ADA[18:]}" xmlns:record="http://www.orcid.org/ns/record"
 xmlns:pd="http://www.orcid.org/ns/personal-details" xmlns:on="http://www.orcid.org/ns/other-name"
 xmlns:em="http://www.orcid.org/ns/employment" xmlns:common="http://www.orcid.org/ns/common">
 <pd:given-names>Ada</pd:given-names><pd:family-name>Roe</pd:family-name>
 <on:other-name><on:content>Ada Lund</on:content></on:other-name>
 <em:employment-summary><common:organization><common:name>University of Bern</common:name>
  <common:disambiguated-organization><common:disambiguated-organization-identifier>https://ror.org/02k7v4d05</common:disambiguated-organization-identifier>
  <common:disambiguation-source>ROR</common:disambiguation-source></common:disambiguated-organization></common:organization></em:employment-summary>
</record:record>"""


def tarball(**files: str) -> io.BufferedReader:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as archive:
        for name, text in files.items():
            info = tarfile.TarInfo(f"summaries/097/{name}.xml")
            info.size = len(text.encode())
            archive.addfile(info, io.BytesIO(text.encode()))
    made.seek(0)
    return io.BufferedReader(made)


def test_the_public_data_file_gives_the_same_rows_as_the_service() -> None:
    rows = [one for one in people.read_file(tarball(**{ADA[18:]: SUMMARY}), REFERENCE) if one[0] != "meta"]
    told = {"name": "Ada Roe", "state": "public", "others": ["Ada Lund"]}
    jobs = [{"name": "University of Bern", "ror": "https://ror.org/02k7v4d05"}]
    assert rows == list(people._rows(ADA, told | {"employers": jobs}))


@pytest.mark.parametrize("text", ["<record", "", '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>'])
def test_a_broken_summary_is_refused_by_name(text: str) -> None:
    with pytest.raises(ValueError, match="is no summary of a person"):
        list(people.read_file(tarball(**{ADA[18:]: text}), REFERENCE))


def test_what_is_no_tarball_is_refused() -> None:
    with pytest.raises(ValueError, match="not a complete tarball"):
        list(people.read_file(io.BufferedReader(io.BytesIO(b"no tar" * 200)), REFERENCE))
