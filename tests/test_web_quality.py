"""Quality pages and feeds over WSGI: filters, paging, every form, and a SHACL report that other readers take."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from xml.etree import ElementTree as ET

import pyshacl
import pytest
import rdflib
from werkzeug.test import Client
from werkzeug.wrappers import Response

from hub import config, findings, quality_feeds
from hub.cli import build_demo
from hub.config import Settings
from hub.findings import Filter, Findings
from hub.ingest import harvest
from hub.log import Log
from hub.quality_feeds import ATOM
from hub.records import from_jsonld
from hub.web.app import Hub
from linkml_schemas.generated.model import Finding
from tests.test_findings import DOI, SETTINGS, put, update

SH = rdflib.Namespace("http://www.w3.org/ns/shacl#")
EVIL = "<script>alert(1)</script>"
# What the recommendation asks of a report. Source: https://www.w3.org/TR/shacl/#validation-report
REPORT_SHAPE = """
@prefix sh: <http://www.w3.org/ns/shacl#> . @prefix xsd: <http://www.w3.org/2001/XMLSchema#> .
[] a sh:NodeShape ; sh:targetClass sh:ValidationReport ;
  sh:property [ sh:path sh:conforms ; sh:minCount 1 ; sh:maxCount 1 ; sh:datatype xsd:boolean ] ;
  sh:property [ sh:path sh:result ; sh:class sh:ValidationResult ] .
[] a sh:NodeShape ; sh:targetClass sh:ValidationResult ;
  sh:property [ sh:path sh:focusNode ; sh:minCount 1 ; sh:maxCount 1 ] ;
  sh:property [ sh:path sh:resultPath ; sh:maxCount 1 ; sh:nodeKind sh:IRI ] ;
  sh:property [ sh:path sh:value ; sh:maxCount 1 ] ;
  sh:property [ sh:path sh:resultSeverity ; sh:minCount 1 ; sh:maxCount 1 ;
    sh:in ( sh:Violation sh:Warning sh:Info ) ] ;
  sh:property [ sh:path sh:sourceConstraintComponent ; sh:minCount 1 ; sh:maxCount 1 ; sh:nodeKind sh:IRI ] ;
  sh:property [ sh:path sh:resultMessage ; sh:datatype xsd:string ] .
"""


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The bundled demonstration, one of its findings waived."""
    found: Settings = config.load(str(build_demo(tmp_path_factory.mktemp("quality"))), environ={})
    names = ("bia", "idr", "idr-studies", "ssbd")
    made = replace(found, sources={name: found.sources[name] for name in names}, query_workers=1)
    harvest(made, list(made.sources))
    log = Log(made.database)
    known = Findings(log)
    known.waive(known.page(Filter(rule="licence-unknown"), 1)[0].id, "Ada", "as the archive has it")
    log.close()
    return made


@pytest.fixture(scope="module")
def client(settings: Settings) -> Iterator[Client]:
    hub = Hub(settings)
    yield Client(hub, Response)
    hub.close()


def get(client, path, accept="text/html", status=200):
    answer = client.get(path, headers={"Accept": accept})
    assert answer.status_code == status, answer.text[:500]
    return answer


def found(client, path="/quality/ssbd.json"):
    return json.loads(get(client, path).text)


def test_the_dashboard_tells_archives_rules_and_fields(client):
    page = get(client, "/quality").text
    for text in ("Image Data Resource", "orcid-invalid", 'id="rule-label-mismatch"', "measurement method", "100 %"):
        assert text in page
    told = json.loads(get(client, "/quality?format=json").text)
    rules = {(r["archive"], r["rule"]): r for r in told["rules"]}
    assert rules["idr", "licence-unknown"]["waived"] == 1
    assert {p["slot"]: p["share"] for p in told["coverage"]["idr"]}["license"] == 1.0
    rows = list(csv.DictReader(io.StringIO(get(client, "/quality?format=csv").text)))
    assert {(r["archive"], r["rule"]): int(r["open"]) for r in rows} == {k: r["open"] for k, r in rules.items()}


def test_findings_of_an_archive_can_be_chosen(client):
    everything = found(client)
    assert everything["total"] == len(everything["findings"]) > 10
    assert {f["state"] for f in everything["findings"]} == {"open"}
    fillers = found(client, "/quality/ssbd.json?rule=filler-method")["findings"]
    assert {f["rule"] for f in fillers} == {"filler-method"}
    assert found(client, "/quality/ssbd.json?rule=filler-method&severity=info")["total"] == 0
    place = fillers[0]["place"]
    assert {f["place"] for f in found(client, f"/quality/ssbd.json?field={place}")["findings"]} == {place}
    one = found(client, f"/quality/ssbd.json?dataset={fillers[0]['dataset']}")["findings"]
    assert {f["dataset"] for f in one} == {fillers[0]["dataset"]}
    assert found(client, "/quality/idr.json?state=waived")["findings"][0]["note"] == "as the archive has it"
    assert "licence-unknown" not in get(client, "/quality/idr.csv").text
    assert get(client, "/quality/idr.csv?state=all").text.count("licence-unknown") == 1
    page = get(client, "/quality/ssbd?rule=filler-method").text
    assert f"{len(fillers)} open findings" in page
    assert 'value="filler-method" selected' in page


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/quality/nothing", 404),
        ("/quality/nothing/coverage", 404),
        ("/quality/ssbd?page=99", 404),
        ("/quality/ssbd?state=shut", 400),
        ("/quality/ssbd?severity=bad", 400),
        ("/quality/ssbd?format=pdf", 406),
        ("/quality/ssbd.exe", 406),
        ("/quality/finding/0123456789abcdef", 404),
        ("/quality/ssbd/coverage?slot=nonsense", 400),
    ],
)
def test_what_is_not_there_is_told(client, path, status):
    assert get(client, path, "application/json", status).content_type == "application/problem+json"


def test_each_finding_has_a_page(client, settings):
    (one,) = found(client, "/quality/idr.json?rule=licence-unknown&state=all")["findings"]
    path = f"/quality/finding/{one['id']}"
    assert one["address"] == settings.base_iri + path[1:]
    page = get(client, path).text
    for text in ("waived", "as the archive has it", "Ada", one["message"][:40].replace("'", "&#39;")):
        assert text in page
    told = json.loads(get(client, f"{path}.json").text)
    assert [event["action"] for event in told["history"]] == ["open", "waive"]
    thing = from_jsonld(json.loads(get(client, f"{path}.jsonld").text), one["iri"], Finding)
    assert (thing.id, thing.rule) == (one["iri"], "licence-unknown")
    turtle = rdflib.Graph().parse(data=get(client, f"{path}.ttl").text, format="turtle")
    assert (rdflib.URIRef(one["iri"]), SH.resultMessage, None) in turtle


def test_the_graphs_hold_findings_under_the_same_iri(client):
    one = found(client)["findings"][0]
    query = f"SELECT ?m WHERE {{ <{one['iri']}> <http://www.w3.org/ns/shacl#resultMessage> ?m }}"
    answer = client.get("/sparql", query_string={"query": query}, headers={"Accept": "text/csv"})
    assert one["message"] in answer.text.replace('""', '"')


@pytest.mark.parametrize(("suffix", "form"), [("ttl", "turtle"), ("jsonld", "json-ld")])
def test_the_report_is_a_shacl_report(client, suffix, form):
    report = rdflib.Graph().parse(data=get(client, f"/quality/ssbd.{suffix}").text, format=form)
    shapes = rdflib.Graph().parse(data=REPORT_SHAPE, format="turtle")
    assert pyshacl.validate(report, shacl_graph=shapes)[0]
    assert len(set(report.objects(None, SH.result))) == found(client)["total"]
    assert {str(o) for o in report.objects(None, SH.conforms)} == {"false"}
    assert set(report.objects(None, SH.resultPath))


def test_an_archive_without_findings_conforms(client):
    report = rdflib.Graph().parse(data=get(client, "/quality/empiar.ttl").text, format="turtle")
    assert {str(o) for o in report.objects(None, SH.conforms)} == {"true"}


def test_the_feed_is_atom(client, settings):
    answer = get(client, "/quality/ssbd.atom?rule=filler-method")
    assert answer.content_type.startswith("application/atom+xml")
    feed = ET.fromstring(answer.text)
    entries = feed.findall(f"{{{ATOM}}}entry")
    assert len(entries) == found(client, "/quality/ssbd.json?rule=filler-method")["total"]
    assert feed.findtext(f"{{{ATOM}}}id") == f"{settings.base_iri}quality/ssbd.atom?rule=filler-method&state=all"
    for element in (feed, *entries):
        assert all(element.findtext(f"{{{ATOM}}}{name}") for name in ("id", "title", "updated"))
    ids = [entry.findtext(f"{{{ATOM}}}id") for entry in entries]
    assert len(set(ids)) == len(ids)


def test_coverage_is_a_page_a_table_and_a_chart(client):
    page = get(client, "/quality/idr/coverage").text
    assert "<svg" in page
    assert "style=" not in page
    chart = ET.fromstring(get(client, "/quality/idr/coverage.svg?slot=license").text)
    assert any((e.text or "").startswith("license 100%") for e in chart.iter())
    rows = list(csv.DictReader(io.StringIO(get(client, "/quality/idr/coverage.csv").text)))
    assert {r["slot"]: float(r["share"]) for r in rows}["license"] == 1.0
    assert json.loads(get(client, "/quality/idr/coverage.json?slot=license").text)[0]["archive"] == "idr"


def test_an_unchanged_page_is_not_sent_again(client):
    tag = get(client, "/quality/ssbd").headers["ETag"]
    assert client.get("/quality/ssbd", headers={"Accept": "text/html", "If-None-Match": tag}).status_code == 304


def test_pages_of_datasets_and_archives_lead_here(client):
    one = found(client)["findings"][0]
    page = get(client, "/" + one["dataset"].partition(".org/bioimage-hub/")[2]).text
    (path,) = re.findall(r'href="(/quality/ssbd\?[^"]+)"', page)
    assert one["id"] in get(client, path.replace("&amp;", "&")).text
    assert "/quality/ssbd" in get(client, "/archive/ssbd").text
    assert "/explain?s=" in page


@pytest.fixture
def hostile(tmp_path):
    """A catalogue with findings whose values are meant to do harm."""
    log = Log(f"sqlite:///{tmp_path / 'data' / 'catalogue.sqlite'}")
    evil = [{**DOI, "value": value, "message": EVIL} for value in ("=HYPERLINK(1)", EVIL, "\x02]]>", "javascript:x")]
    put(log, "A", *evil)
    for number in range(120):
        put(log, f"B{number}", DOI)
    update(log)
    log.close()
    hub = Hub(replace(SETTINGS, data_dir=tmp_path / "data"))
    yield Client(hub, Response)
    hub.close()


def test_what_archives_write_does_no_harm(hostile):
    page = get(hostile, "/quality/bia").text
    assert EVIL not in page
    rows = list(csv.DictReader(io.StringIO(get(hostile, "/quality/bia.csv").text)))
    assert "'=HYPERLINK(1)" in {row["value"] for row in rows}
    ET.fromstring(get(hostile, "/quality/bia.atom").text)
    rdflib.Graph().parse(data=get(hostile, "/quality/bia.ttl").text, format="turtle")
    for one in found(hostile, "/quality/bia.json?accession=A")["findings"]:
        page = get(hostile, f"/quality/finding/{one['id']}").text
        assert EVIL not in page
        assert 'href="javascript' not in page


def test_long_lists_are_paged_and_the_pages_hold_everything(hostile):
    seen, path = [], "/quality/bia.json"
    while path:
        part = found(hostile, path)
        seen += [f["id"] for f in part["findings"]]
        path = part["next"]
    assert len(seen) == len(set(seen)) == part["total"] == 124
    assert "Page 2 of 2" in get(hostile, "/quality/bia?page=2").text
    assert len(list(csv.DictReader(io.StringIO(get(hostile, "/quality/bia.csv").text)))) == 124


def test_paths_are_properties_of_the_model():
    assert quality_feeds.paths()["license"].value == "http://schema.org/license"
    assert quality_feeds.paths()["measurementmethod"] == quality_feeds.paths()["measurement_method"]
    assert set(findings.SEVERITIES) == quality_feeds.RESULTS.keys()
