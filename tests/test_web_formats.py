"""Formats, profiles, links and the catalogue over WSGI: what machines get of every dataset of the demonstration."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import rdflib
import rispy
import signposting
from lxml import etree, html
from signposting import htmllinks, linkset
from werkzeug.serving import make_server
from werkzeug.test import Client
from werkzeug.wrappers import Response

from hub import citations, config, formats
from hub.cli import build_demo
from hub.describe import Description
from hub.ingest import harvest
from hub.web import catalog, machine, offers
from hub.web.app import Hub
from linkml_schemas.generated.model import Distribution
from tests.demo_records import made, people
from tests.support import demo_settings

BASE = "https://hub.example.org/"
PAGE = "/dataset/empiar/EMPIAR-10988"
SUITE = Path(__file__).resolve().parents[2] / "shared" / "harness" / "fair_suite.py"
RELATIONS = ("cite-as", "type", "license", "author", "item", "describedby", "linkset", "collection")
DCAT = rdflib.Namespace("http://www.w3.org/ns/dcat#")


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """The whole bundled demonstration under the address that its pages have."""
    found = config.load(str(build_demo(tmp_path_factory.mktemp("formats"))), environ={})
    settings = replace(found, base_iri=BASE, query_workers=1)
    harvest(settings, list(settings.sources))
    hub = Hub(settings)
    yield Client(hub, Response)
    hub.close()


def get(client, path, accept="", **headers):
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return client.get(path, headers={"Accept": accept} | named, buffered=True)


def catalogue(client, path="/catalog.nt"):
    return rdflib.Graph().parse(data=get(client, path).text, format="nt")


@pytest.fixture(scope="module")
def paths(client) -> list[str]:
    """Path of the page of every dataset."""
    found = catalogue(client).subjects(rdflib.RDF.type, DCAT.Dataset)
    return sorted(str(iri).replace(BASE, "/") for iri in found)


def links_of(header: str) -> set[tuple[str, str]]:
    return {
        (BASE + h.lstrip("/") if h[0] == "/" else h, rel) for h, rel in re.findall(r'<([^>]*)>; rel="([^"]*)"', header)
    }


# ── signposting ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_header_head_and_link_set_agree_for_every_dataset(client, paths):
    assert len(paths) > 50
    for path in paths:
        answer = get(client, path, "text/html")
        header = answer.headers["Link"]
        told = {(href, rel) for href, rel in links_of(header) if rel in RELATIONS}
        head = html.fromstring(answer.text).xpath("//head/link[@rel and @href]")
        seen = {(BASE + x.get("href")[1:] if x.get("href")[0] == "/" else x.get("href"), x.get("rel")) for x in head}
        assert {link for link in seen if link[1] in RELATIONS} == told, path
        (context, *_) = json.loads(get(client, path + ".linkset.json").text)["linkset"]
        assert context.pop("anchor") == BASE + path[1:]
        assert links_of(header) <= {(target["href"], rel) for rel, targets in context.items() for target in targets}
        assert len(header) < 8192
        assert [rel for _, rel in told].count("cite-as") == 1


def test_the_signposting_library_reads_all_three(client):
    here = BASE + PAGE[1:]
    answer = get(client, PAGE, "text/html")
    by_header = signposting.find_signposting_http_link([answer.headers["Link"]], here)
    body = get(client, PAGE + ".linkset.json").text
    by_json = linkset._parse_linkset_json(linkset.LinksetJSON(body, here, "application/linkset+json", here))
    by_html = htmllinks._parse_html(htmllinks.HTML(answer.text, "text/html", here, here))
    for found in (by_header, by_json, by_html):
        signs = found.for_context(here) if found is by_json else found
        assert signs.citeAs.target == citations.DOI + "10.6019/empiar-10988"
        assert {sign.target for sign in signs.types} == {
            "http://schema.org/AboutPage",
            "http://schema.org/Dataset",
        }
        assert len(signs.authors) == 2
        assert len(signs.items) == 3
        assert len(signs.describedBy) == len(offers.DATASET) - 3
        assert signs.license.target.startswith("https://creativecommons.org/")


def test_what_links_lead_to_has_its_type(client):
    told = re.findall(r'<(/[^>]*)>; rel="(?:describedby|linkset)"; type="([^"]*)"', get(client, PAGE).headers["Link"])
    assert len(told) == len(offers.DATASET) - 1
    for path, media_type in told:
        answer = get(client, path)
        assert (answer.status_code, answer.mimetype) == (200, media_type)


def test_too_many_links_are_in_the_link_set_alone():
    files = [Distribution(id=f"https://e.org/r#{n}", content_url=f"https://e.org/files/{n}.tif") for n in range(300)]
    found = Description(made(author=people(300), distribution=files))
    few = machine.signposts(found)
    assert len(machine.header(few, "")) < machine.HEADER_BYTES
    of_time = {"original", "timegate", "timemap"}
    assert {link.rel for link in few} - of_time == {
        "cite-as", "type", "collection", "canonical", "linkset", "describedby",
    }  # fmt: skip
    (context, *_) = json.loads(machine.linkset_json(found))["linkset"]
    assert (len(context["item"]), len(context["author"])) == (300, 300)
    assert machine.linkset(found).count('rel="item"') == 300


def test_no_link_leads_to_a_script():
    bad = [Distribution(id="https://e.org/r#1", content_url="javascript:alert(1)")]
    assert "javascript" not in machine.linkset(Description(made(distribution=bad)))


# ── profiles ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("profile", formats.PROFILES, ids=lambda profile: profile.name)
def test_profiles_are_had_by_name_and_by_header(client, profile):
    first = next(offer for offer in offers.DATASET if offer.profile is profile)
    by_name = get(client, f"{PAGE}?_profile={profile.name}", "text/html,*/*;q=0.1")
    by_header = get(client, PAGE, Accept_Profile=f"<urn:other>;q=0.9, <{profile.iri}>;q=0.8")
    for answer in (by_name, by_header):
        assert answer.headers["Content-Type"] == first.content_type
        assert answer.headers["Content-Profile"] == f"<{profile.iri}>"
        assert "Accept-Profile" in answer.headers["Vary"]
    assert by_name.get_data() == by_header.get_data() == get(client, PAGE + first.suffix).get_data()


def test_profile_and_media_type(client):
    assert get(client, f"{PAGE}?_profile=dcat", "application/rdf+xml").mimetype == "application/rdf+xml"
    asked = f"{PAGE}?_profile=datacite&_mediatype=application/vnd.datacite.datacite+xml"
    assert get(client, asked).mimetype == "application/vnd.datacite.datacite+xml"
    assert get(client, PAGE, "text/html", Accept_Profile="<urn:unknown>").mimetype == "text/html"
    answer = get(client, f"{PAGE}?_profile=marc")
    assert answer.status_code == 406
    assert "_profile: 'marc' is not offered here; there are hub, schema, dcat, datacite" in answer.json["detail"]


def test_profiles_are_listed(client):
    (context, *_) = get(client, f"{PAGE}?_profile=alt").json["linkset"]
    told = {target["profile"] for target in context["describedby"] if "profile" in target}
    assert told == {profile.iri for profile in formats.PROFILES}


@pytest.mark.parametrize("offer", [o for o in offers.DATASET if "profile=" in o.parameters], ids=lambda o: o.name)
def test_a_media_type_s_profile_parameter_chooses(client, offer):
    accept = offer.content_type.replace(formats.UTF8, "") + ", text/html;q=0.5"
    assert get(client, PAGE, accept).headers["Content-Type"] == offer.content_type


# ── formats ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_every_dataset_in_every_format(client, paths):
    for path in paths[::7]:
        for offer in offers.DATASET:
            answer = get(client, path + offer.suffix)
            assert (answer.status_code, answer.headers["Content-Type"]) == (200, offer.content_type), (path, offer)
            if "json" in offer.media_type:
                json.loads(answer.text)
            if "xml" in offer.media_type:
                etree.fromstring(answer.get_data())


def test_embedded_json_ld_is_part_of_the_page_s_rdf_for_every_dataset(client, paths):
    for path in paths:
        node = json.loads(get(client, path + ".schema.jsonld").text)
        (embedded,) = html.fromstring(get(client, path, "text/html").text).xpath(
            "//script[@type='application/ld+json']/text()"
        )
        assert {k: v for k, v in json.loads(embedded).items() if k in ("@id", "name", "description", "license")} == {
            k: v for k, v in node.items() if k in ("@id", "name", "description", "license")
        }
        local = {**node, "@context": [{"@vocab": "http://schema.org/"}, node["@context"][1]]}
        said = rdflib.Graph().parse(data=json.dumps(local), format="json-ld")
        page = rdflib.Graph().parse(data=get(client, path + ".nt").text, format="nt")
        assert set(said) <= set(page), path


def test_reference_managers_get_their_formats(client):
    assert get(client, PAGE, "application/x-bibtex").text.startswith("@misc{empiar-EMPIAR-10988,")
    (entry,) = rispy.loads(get(client, PAGE, "application/x-research-info-systems").text)
    assert entry["doi"] == "10.6019/empiar-10988"
    assert get(client, PAGE, "application/vnd.citationstyles.csl+json").json["DOI"] == "10.6019/empiar-10988"
    assert get(client, PAGE, "application/vnd.datacite+json").json["doi"] == "10.6019/empiar-10988"


def test_citations_in_the_style_that_is_asked_for(client):
    apa = get(client, PAGE + ".citation.txt").text
    ieee = get(client, PAGE + ".citation.txt?style=ieee").text
    assert apa != ieee
    assert get(client, PAGE, "text/x-bibliography; style=ieee").text == ieee
    assert ieee.strip() in html.fromstring(get(client, PAGE + "?style=ieee", "text/html").text).text_content()
    answer = get(client, PAGE + "?style=mla", "application/json;q=0.1, text/html")
    assert answer.status_code == 406
    assert "style: " in html.fromstring(answer.text).text_content()


# ── the catalogue ────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("offer", catalog.OFFERS, ids=lambda offer: offer.name)
def test_the_catalogue_in_every_format(client, offer):
    by_suffix, by_accept = get(client, "/catalog" + offer.suffix), get(client, "/catalog", offer.media_type)
    assert by_suffix.headers["Content-Type"] == by_accept.headers["Content-Type"] == offer.content_type
    assert by_suffix.get_data() == by_accept.get_data()


def test_pages_of_the_catalogue_hold_each_dataset_once(client, paths, monkeypatch):
    monkeypatch.setattr(catalog, "PER_PAGE", 25)
    seen: list[str] = []
    for number in (2, 3):  # the first is cached with its usual size
        answer = get(client, f"/catalog.nt?page={number}")
        found = rdflib.Graph().parse(data=answer.text, format="nt")
        seen += [str(iri).replace(BASE, "/") for iri in found.subjects(rdflib.RDF.type, DCAT.Dataset)]
    assert sorted(seen) == paths[25:]
    assert '</catalog?page=2>; rel="prev"' in answer.headers["Link"]
    assert 'rel="next"' not in answer.headers["Link"]


def test_what_is_no_page_of_the_catalogue(client):
    for page in ("0", "2", "x"):
        answer = get(client, f"/catalog?page={page}")
        assert (answer.status_code, answer.mimetype) == (404, "application/problem+json")
        assert answer.json["detail"].startswith("page: ")


# ── what others check ────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.corpus
def test_landing_pages_and_catalogue_pass_the_suite(tmp_path):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    base = f"http://127.0.0.1:{port}/"
    settings = demo_settings(tmp_path / "hub", ("empiar", "submissions"), base_iri=base)
    harvest(settings, list(settings.sources))
    hub = Hub(settings)
    server = make_server("127.0.0.1", port, hub, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    pages = [f"--page={base}dataset/{rest}" for rest in ("empiar/EMPIAR-10988", "hub/HUB-S2BS9Q9E")]
    addresses = [*pages, f"--missing={base}dataset/bia/nope", f"--catalog={base}catalog"]
    found = tmp_path / "found.json"
    try:
        command = [sys.executable, str(SUITE), *addresses, "--json", str(found)]
        subprocess.run(command, capture_output=True, check=False, timeout=120)
    finally:
        server.shutdown()
        hub.close()
    rows = json.loads(found.read_text())
    assert len(rows) > 100
    assert [(row["name"], row["msg"]) for row in rows if not row["ok"]] == []
