"""Landing pages over WSGI: every format, every header, hostile records, and a real browser."""

from __future__ import annotations

import html
import itertools
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
import rdflib
from pyld import jsonld
from pyoxigraph import RdfFormat, parse
from rdflib.compare import isomorphic
from werkzeug.test import Client
from werkzeug.test import TestResponse as Answer
from werkzeug.wrappers import Response

from harvesters import crates
from harvesters.contract import Context, Entry, Source
from hub import describe, formats, records
from hub.config import Settings
from hub.describe import Description
from hub.ingest import harvest
from hub.web import app as web
from hub.web import offers, pages
from hub.web.app import Hub
from linkml_schemas.generated.model import Dataset
from tests.support import BASE, demo_settings, serving

PAGE = "/dataset/bia/S-BIAD824"
IRI = BASE + PAGE.removeprefix("/")
GONE = "/dataset/idr/idr0004"
HOSTILE = "/dataset/idr/idr0157"
TRIPLES = {"turtle": "turtle", "nt": "nt", "rdfxml": "xml", "jsonld": "json-ld"}
BROWSER_ACCEPT = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"
EVIL = '</script><script>alert("x")</script><img src=x onerror=alert(1)>'


@pytest.fixture(scope="session")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A hub of the bundled sample in which one dataset was withdrawn and one is hostile."""
    found = demo_settings(tmp_path_factory.mktemp("pages"), ("bia", "idr", "ssbd", "empiar"))
    idr = Path(found.sources["idr"].url)
    _poison(idr / "idr0157-ro-crate-metadata.json")
    harvest(found, list(found.sources))
    (idr / "idr0004-ro-crate-metadata.json").unlink()
    harvest(found, ["idr"], confirm=True)
    return found


def _poison(file: Path) -> None:
    crate = json.loads(file.read_text())
    root = next(node for node in crate["@graph"] if "Dataset" in node["@type"])
    root["name"] = f"Title {EVIL}"
    root["description"] = f"First {EVIL}\n\nSecond & last"
    root["thumbnailUrl"] = ["javascript:alert(1)", 'https://example.org/a.png?x="><script>alert(2)</script>']
    root["keywords"] = [EVIL]
    root["sameAs"] = [{"@id": "javascript:alert(3)"}, {"@id": "data:text/html,<script>alert(4)</script>"}]
    for node in crate["@graph"]:
        if node["@type"] == "Person":
            node["name"] = EVIL
        if node["@type"] == "LabProtocol":
            node["description"] = EVIL * 10
    file.write_text(json.dumps(crate))


@pytest.fixture(scope="session")
def hub(settings: Settings) -> Iterator[Hub]:
    made = Hub(settings)
    yield made
    made.publication.close()


@pytest.fixture
def client(hub: Hub) -> Client:
    return Client(hub, Response)


def get(client: Client, path: str, accept: str = "", **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return client.get(path, headers={"Accept": accept} | named, buffered=True)


def text(client: Client, path: str) -> str:
    answer = get(client, path, BROWSER_ACCEPT)
    assert answer.status_code == 200, answer.text
    return answer.text


def graph(client: Client, name: str, path: str = PAGE) -> rdflib.Graph:
    answer = get(client, f"{path}?format={name}")
    return rdflib.Graph().parse(data=answer.get_data(), format=TRIPLES[name])


def hrefs(page: str) -> list[str]:
    return [html.unescape(value) for value in re.findall(r'\b(?:href|src|action)="([^"]*)"', page)]


# ── formats ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("offer", offers.DATASET, ids=lambda offer: offer.name)
def test_each_format_is_had_in_three_ways(client: Client, offer: offers.Offer) -> None:
    accept = offer.media_type + offer.parameters.replace(formats.UTF8, "")
    answers = [get(client, PAGE + offer.suffix), get(client, f"{PAGE}?format={offer.name}"), get(client, PAGE, accept)]
    assert [a.status_code for a in answers] == [200] * 3
    assert {a.headers["Content-Type"] for a in answers} == {offer.content_type}
    assert len({a.get_data() for a in answers}) == 1
    assert answers[0].get_data()


@pytest.mark.parametrize(
    ("accept", "wanted"),
    [
        ("", "text/html"),
        ("*/*", "text/html"),
        (BROWSER_ACCEPT, "text/html"),
        ("text/html;q=0.3, text/turtle;q=0.9", "text/turtle"),
        ("application/json", "application/ld+json"),
        ("application/*", "application/ld+json"),
        ("text/plain;q=0.9, application/rdf+xml", "application/rdf+xml"),
        ("text/turtle; charset=utf-8", "text/turtle"),
        ("text/turtle;charset=UTF-8;q=0.9, text/html;q=0.5", "text/turtle"),
        ('application/ld+json; profile="http://www.w3.org/ns/json-ld#compacted"', "application/ld+json"),
    ],
)
def test_accept(client: Client, accept: str, wanted: str) -> None:
    assert get(client, PAGE, accept).mimetype == wanted


@pytest.mark.parametrize("path", [f"{PAGE}?format=docx", PAGE + ".srx", "/archive/bia.docx", "/?format=turtle"])
def test_what_is_not_offered(client: Client, path: str) -> None:
    assert get(client, path).status_code in (404, 406)
    answer = get(client, PAGE, "image/png")
    assert answer.status_code == 406
    assert "text/turtle" in answer.json["detail"]


def test_rdf_formats_say_the_same(client: Client) -> None:
    graphs = {name: graph(client, name) for name in TRIPLES}
    assert len(graphs["nt"]) > 150
    assert all(isomorphic(graphs["nt"], other) for other in graphs.values())


@pytest.mark.parametrize(("suffix", "kind"), [(".trig", RdfFormat.TRIG), (".nq", RdfFormat.N_QUADS)])
def test_quads_tell_who_says_what(client: Client, suffix: str, kind: RdfFormat) -> None:
    quads = list(parse(get(client, PAGE + suffix).get_data(), format=kind))
    graphs = {str(quad.graph_name) for quad in quads}
    assert graphs == {f"<{BASE}graph/{name}/bia/S-BIAD824>" for name in ("source", "record")}
    said = {quad.triple for quad in quads if "/source/" in str(quad.graph_name)}
    page = {quad.triple for quad in parse(get(client, PAGE + ".nt").get_data(), format=RdfFormat.N_TRIPLES)}
    assert said <= page
    assert {triple.predicate.value.rpartition("/")[2] for triple in page - said} <= {
        "conformsTo",
        "measurementTechnique",
        "version",
    }
    assert any("payloadSha256" in str(quad.predicate) for quad in quads)


def test_jsonld_gives_the_record_back(client: Client) -> None:
    documents = [get(client, f"/dataset/{path}.jsonld").json for path in ("idr/idr0094", "empiar/EMPIAR-11759")]
    for document in documents:
        record = records.from_jsonld(document, document["@id"])
        iri = document["@id"]
        page = parse(get(client, "/" + iri.removeprefix(BASE) + ".nt").get_data(), format=RdfFormat.N_TRIPLES)
        assert record == records.from_quads(page, iri)
        assert records.from_jsonld(records.to_jsonld(record), iri) == record
    assert documents[0]["@id"] == f"{BASE}dataset/idr/idr0094"


def test_ro_crate_can_be_harvested(client: Client) -> None:
    for archive, accession in [("bia", "S-BIAD824"), ("idr", "idr0094"), ("ssbd", "11")]:
        raw = get(client, f"/dataset/{archive}/{accession}.ro-crate.json").get_data()
        peer = Source(name=archive, harvester="crates", archive=archive, url="")
        harvested = crates.transform(raw, Entry(key="x-ro-crate-metadata.json"), Context(BASE, peer))
        again = records.canonical(harvested.record)
        here = records.from_jsonld(get(client, f"/dataset/{archive}/{accession}.jsonld").json, again.id)
        kept = ("id", "accession", "name", "description", "license", "date_published", "size_bytes", "url", "thumbnail")
        assert {n: getattr(again, n) for n in kept} == {n: getattr(here, n) for n in kept}
        assert [a.name for a in again.author or []] == [a.name for a in here.author or []]
        assert {a.id for a in again.about or []} >= {a.id for a in here.about or [] if "#" not in a.id}


def _embedded(client: Client, path: str) -> tuple[Any, set[tuple[str, ...]]]:
    """What a page embeds: the JSON, and its triples under a stand-in for schema.org's context."""
    found = re.findall(r'<script type="application/ld\+json">(.*?)</script>', text(client, path), re.S)
    assert len(found) == 1
    document = json.loads(found[0])
    assert document["@context"][0] == "http://schema.org/"
    local = {**document, "@context": [{"@vocab": "http://schema.org/"}, document["@context"][1]]}
    lines = cast(str, jsonld.to_rdf(local, {"format": "application/n-quads"}))
    triples = parse(lines, format=RdfFormat.N_QUADS)
    return document, {(str(t.subject), str(t.predicate), str(t.object)) for t in triples}


@pytest.mark.parametrize("path", [PAGE, "/dataset/idr/idr0094", "/dataset/empiar/EMPIAR-11759", HOSTILE])
def test_embedded_jsonld_is_part_of_the_record(client: Client, path: str) -> None:
    document, embedded = _embedded(client, path)
    page = parse(get(client, path + ".nt").get_data(), format=RdfFormat.N_TRIPLES)
    assert document["@type"] == "Dataset"
    assert {"name", "identifier", "url", "includedInDataCatalog", "publisher"} <= set(document)
    assert len(embedded) > 10
    assert embedded <= {(str(q.subject), str(q.predicate), str(q.object)) for q in page}


# ── HTTP ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("path", ["/", "/archive/bia", PAGE, PAGE + ".ttl", "/record/bia/S-BIAD824", "/context.jsonld"])
def test_validators(client: Client, path: str) -> None:
    first = get(client, path, BROWSER_ACCEPT)
    again = get(client, path, BROWSER_ACCEPT, If_None_Match=first.headers["ETag"])
    assert (again.status_code, again.get_data()) == (304, b"")
    assert again.headers["ETag"] == first.headers["ETag"]
    assert get(client, path, BROWSER_ACCEPT, If_None_Match='"other"').status_code == 200


def test_headers(client: Client, hub: Hub) -> None:
    answers = [get(client, PAGE, accept) for accept in ("text/html", "text/turtle", "application/trig")]
    assert len({a.headers["ETag"] for a in answers}) == 3
    for answer in answers:
        assert "Accept" in answer.headers["Vary"]
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        assert answer.headers["X-Hub-Sequence"] == str(hub.publication().sequence)
        assert answer.headers["Cache-Control"] == "public, max-age=60"
        assert answer.last_modified == hub.publication().changed
        assert "script-src 'none'" in answer.headers["Content-Security-Policy"]


def test_head_is_get_without_body(client: Client) -> None:
    for path in (PAGE, PAGE + ".jsonld", "/"):
        full, head = get(client, path), client.head(path)
        assert head.get_data() == b""
        assert {k: v for k, v in head.headers if k != "Date"} == {k: v for k, v in full.headers if k != "Date"}


def test_signposting(client: Client) -> None:
    header = get(client, PAGE).headers["Link"]
    header.encode("ascii")
    links = re.findall(r'<([^>]*)>; rel="([\w-]+)"(?:; type="([^"]*)")?', header)
    by_rel: dict[str, list[str]] = {}
    for target, rel, media_type in links:
        by_rel.setdefault(rel, []).append(target)
        if rel == "describedby":
            assert get(client, target).mimetype == media_type
    assert by_rel["cite-as"] == ["https://www.ebi.ac.uk/biostudies/bioimages/studies/S-BIAD824"]
    assert set(by_rel["type"]) == {"http://schema.org/AboutPage", "http://schema.org/Dataset"}
    assert by_rel["license"] == ["https://creativecommons.org/publicdomain/zero/1.0/"]
    assert all(author.startswith("https://orcid.org/") for author in by_rel["author"])
    assert len(by_rel["describedby"]) == len(offers.DATASET) - 3  # HTML, and two link sets
    empiar = get(client, "/dataset/empiar/EMPIAR-11759").headers["Link"]
    assert '<https://doi.org/10.6019/empiar-11759>; rel="cite-as"' in empiar


def test_alternates_in_the_head_lead_to_their_type(client: Client) -> None:
    for path in (PAGE, "/archive/bia", "/record/bia/S-BIAD824", "/status", "/"):
        found = re.findall(r'<link rel="alternate" type="([^"]+)" href="([^"]+)"', text(client, path))
        assert found
        for media_type, href in found:
            assert get(client, href).mimetype == media_type


@pytest.mark.parametrize(
    "path",
    ["/dataset/bia/nope", "/archive/nope", "/record/bia/nope", "/run/999", "/graph/runs/x", "/x", "/record/a/<b>"],
)
def test_not_found(client: Client, path: str) -> None:
    plain = get(client, path)
    assert (plain.status_code, plain.mimetype) == (404, "application/problem+json")
    assert {"type", "title", "status", "detail"} == set(plain.json)
    page = get(client, path, BROWSER_ACCEPT)
    assert (page.status_code, page.mimetype) == (404, "text/html")
    assert "<h1>Not" in page.text
    assert "<b>" not in page.text
    assert get(client, path + ".ttl", "text/turtle").status_code == 404


def test_other_methods(client: Client) -> None:
    answer = client.delete(PAGE)
    assert answer.status_code == 405
    assert "GET" in answer.headers["Allow"]


def test_withdrawn(client: Client) -> None:
    page = get(client, GONE, BROWSER_ACCEPT)
    assert (page.status_code, page.mimetype) == (410, "text/html")
    assert "idr0004 was withdrawn" in page.text
    assert "idr does not list it any more" in page.text
    for accept in ("text/turtle", "application/ld+json", "application/n-quads"):
        answer = get(client, GONE, accept)
        assert (answer.status_code, answer.mimetype) == (410, "application/problem+json")
        assert answer.json["tombstone"]["accession"] == "idr0004"
        assert get(client, GONE, accept, If_None_Match=answer.headers["ETag"]).status_code == 410
    assert "idr0004" not in text(client, "/archive/idr")


# ── what stands on the pages ─────────────────────────────────────────────────────────────────────────────────────────


def test_dataset_page(client: Client) -> None:
    page = text(client, PAGE)
    assert "S-BIAD824" in page
    assert "Who says so" in page
    assert re.search(r"<code>[0-9a-f]{64}</code>", page)
    assert 'href="/person/' in page
    assert ">CC0 1.0</a>" in page
    assert 'href="/archive/bia"' in page
    assert "1.5 TB" in page
    assert "1,541,045,599,909 bytes" in page
    assert all(f'href="{PAGE}{o.suffix}"' in page for o in offers.DATASET if o is not formats.HTML)


def test_what_rules_found_is_told_with_the_rule_and_apart_from_suggestions(client: Client) -> None:
    page = text(client, "/dataset/idr/idr0062")
    assert re.search(r'id="found".*confocal microscopy</a>.*/link/\w{16}">term-of-wording</a>', page, re.S)
    assert 'id="suggestions"' not in page
    page = text(client, "/dataset/empiar/EMPIAR-10988")
    assert re.search(r'id="suggestions".*NCBITaxon:4896</a>.*term-in-text', page, re.S)
    assert 'id="found"' not in page


def test_findings_of_link_rules_are_quality_notes(client: Client) -> None:
    quality = text(client, "/dataset/ssbd/325").partition('id="quality"')[2]
    assert "did you mean NCBITaxon:4896?" in quality
    assert "<code>term-of-another-name</code>" in quality


@pytest.mark.parametrize("suffix", ["", ".ro-crate.json", ".jsonld"])
def test_every_accession_of_a_dataset_leads_to_its_page(client: Client, suffix: str) -> None:
    moved = get(client, f"/dataset/ssbd/ssbd-repos-000011{suffix}")
    assert moved.status_code == 301
    assert moved.headers["Location"] == f"/dataset/ssbd/11{suffix}"
    assert "ssbd-repos-000011" in text(client, "/dataset/ssbd/11")


def test_image_sets_have_units(client: Client) -> None:
    page = text(client, "/dataset/empiar/EMPIAR-10943")
    assert re.search(r"0\.0824 × 0\.0824 nm", page)
    assert "micrographs - multiframe" in page


def test_what_few_archives_say(hub: Hub, client: Client) -> None:
    term = {"id": "http://purl.obolibrary.org/obo/CMPO_0000077", "name": "elongated cell"}
    gene = {"id": "https://identifiers.org/ensembl:ENSG00000139618", "symbol": "BRCA2"}
    note = {"gene_role": "perturbed", "well_count": 1200, "image_count": 7, "phenotype": [term]}
    several = [{"id": f"{BASE}record/x/y#gene-{n}", "gene": gene, **note} for n in range(201)]
    more = {
        "gene_annotation": several,
        "phenotype": [term],
        "compound": [
            {"id": "https://pubchem.ncbi.nlm.nih.gov/compound/1", "name": "Taxol", "smiles": "C<C", "inchikey": "K"}
        ],
        "reagent_annotation": [
            {
                "id": f"{BASE}record/x/y#reagent-1",
                "reagent": [{"id": f"{BASE}record/x/y#s1", "name": "s31201", "reagent_kind": "sirna"}],
                "phenotype": [{"id": f"{BASE}record/x/y#p2", "name": "binuclear cell"}],
                "well_count": 4321,
            },
            {
                "id": f"{BASE}record/x/y#reagent-2",
                "reagent": [{"id": "https://pubchem.ncbi.nlm.nih.gov/compound/2", "name": "Nocodazole", "smiles": "C"}],
            },
        ],
        "has_part": [
            {
                "id": f"{BASE}record/x/y#screenA",
                "name": "idr0094/screenA",
                "image_count": 76543,
                "about": [{"id": f"{BASE}record/x/y#vero", "name": "Vero cells", "type": "schema:BioSample"}],
            }
        ],
        "reconstruction": [
            {"id": f"{BASE}record/x/y#map", "name": "Map of a spike", "resolution": "3.7", "url": "https://m.example/1"}
        ],
        "contact": [{"id": f"{BASE}record/x/y#contact", "name": "Contact Person"}],
        "funding": [{"id": f"{BASE}record/x/y#grant", "name": "DFG", "grant_number": "42"}],
        "related": ["https://www.ebi.ac.uk/emdb/EMD-1", "ftp://e.org/x"],
        "unknown": ["http://schema.org/license"],
        "not_applicable": ["https://w3id.org/bioimage-hub/vocab#pixelWidth"],
        "is_accessible_for_free": False,
    }
    known = get(client, "/dataset/idr/idr0094.jsonld").json
    record = records.from_jsonld(known, known["@id"])
    full = Dataset.model_validate({**record.model_dump(), **more})
    with hub.flask.test_request_context("/"):
        page = str(pages._write_dataset(Description(full), formats.HTML, "apa", hub.publication()))
    told = (
        *("BRCA2", "perturbed", "1,200", "elongated cell", "Taxol", "C&lt;C", "DFG", "42", "EMD-1", "restricted"),
        *("s31201", "siRNA", "binuclear cell", "4,321", "Nocodazole", "<td>compound</td>", "Contact Person"),
        *("idr0094/screenA", "76,543", "Vero cells", "Map of a spike", "3.7", "https://m.example/1"),
    )
    assert [word for word in told if word not in page] == []
    assert "is unknown: license." in page
    assert "does not apply: pixel width." in page
    assert "first 200 of 201" in page
    assert 'href="ftp:' not in page


def test_page_of_a_genome_wide_screen_is_made_of_the_first_genes(
    hub: Hub, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool, where = hub.publication().pages, ("ssbd", "11")
    whole = describe.dataset(pool, settings, *where, brief=True)
    assert whole.totals == {}
    monkeypatch.setattr(describe, "MANY", -1)
    brief = describe.dataset(pool, settings, *where, brief=True)
    assert brief.totals == {"gene_annotation": 0, "reagent_annotation": 0}
    assert brief.record == whole.record
    assert set(brief.quads) == set(whole.quads)


def test_every_dataset_has_a_page(client: Client) -> None:
    seen = 0
    for archive in ("bia", "idr", "ssbd", "empiar"):
        for path in re.findall(
            r'<th scope="row" class="accession"><a href="([^"]+)"', text(client, f"/archive/{archive}")
        ):
            page = text(client, path)
            assert page.count("<h1") == 1
            ids = re.findall(r'\bid="([^"]+)"', page)
            assert len(ids) == len(set(ids)), path
            levels = [int(level) for level in re.findall(r"<h([1-6])", page)]
            assert all(after - before <= 1 for before, after in itertools.pairwise(levels)), path
            seen += 1
    assert seen > 45


def test_hostile_record_is_told_not_run(client: Client) -> None:
    page = text(client, HOSTILE)
    assert "Title &lt;/script&gt;&lt;script&gt;" in page
    assert page.count("<script") == 1
    assert "<img src=x" not in page
    assert all(re.match(r"https?://|/|#", href) for href in hrefs(page)), hrefs(page)
    thing = text(client, HOSTILE.replace("dataset", "record"))
    assert "<script" not in thing
    assert all(re.match(r"https?://|/|#", href) for href in hrefs(thing))
    assert text(client, "/archive/idr").count("<script") == 1


@pytest.mark.parametrize(
    "iri", ["javascript:alert(1)", "data:text/html,x", " javascript:x", "mailto:a@b", "", "//e.org"]
)
def test_only_web_addresses_become_links(hub: Hub, iri: str) -> None:
    with hub.flask.test_request_context("/"):
        assert web.local(BASE, iri) == ""
        assert web.local(BASE, "HTTPS://e.org/") == "HTTPS://e.org/"
        assert web.local(BASE, BASE + "record/a/b#c") == "/record/a/b#c"


def test_nothing_is_loaded_from_elsewhere(client: Client) -> None:
    for path in ("/", "/archive/bia", PAGE, "/status", "/record/bia/S-BIAD824"):
        page = text(client, path)
        loaded = re.findall(
            r'<(?:img|script|iframe|source|link rel="(?:stylesheet|icon)")[^>]*?(?:src|href)="([^"]*)"', page
        )
        assert loaded
        assert all(target.startswith(("/static/", "/thumbnail/")) for target in loaded)
        assert all(get(client, target).status_code == 200 for target in loaded)
        assert " style=" not in page
        assert "<style" not in page


def test_links_stay_local_whatever_the_base(client: Client) -> None:
    for path in ("/", "/archive/bia", PAGE, "/record/bia/S-BIAD824"):
        page = text(client, path)
        assert not [href for href in hrefs(page) if href.startswith(BASE)]
        local = {href.partition("#")[0] for href in hrefs(page) if href.startswith("/") and "?" not in href}
        assert {href: get(client, href, BROWSER_ACCEPT).status_code for href in local} == dict.fromkeys(local, 200)


def test_links_carry_the_mount_point(client: Client) -> None:
    for path in ("/", "/archive/bia", PAGE):
        page = client.get(path, headers={"Accept": "text/html"}, environ_overrides={"SCRIPT_NAME": "/hub"}).text
        assert all(href.startswith(("/hub/", "http", "#")) for href in hrefs(page)), hrefs(page)


def test_home(client: Client) -> None:
    page, numbers = text(client, "/"), get(client, "/", "application/json").json
    assert numbers["counts"]["datasets"] >= 45
    assert {row["name"] for row in numbers["archives"]} >= {"BioImage Archive", "Image Data Resource"}
    assert f"{numbers['statements']:,}" in page
    assert f"True of change no. {numbers['sequence']}" in page
    example = next(href for href in hrefs(page) if href.startswith("/sparql/editor?query="))
    rows = get(client, example.replace("/editor", ""), "application/sparql-results+json").json["results"]["bindings"]
    assert len(rows) == 20


def test_record_page_holds_its_nodes(client: Client) -> None:
    page = text(client, "/record/bia/S-BIAD1763")
    anchors = set(re.findall(r'<section id="([^"]+)"', page))
    linked = {href.partition("#")[2] for href in hrefs(page) if href.startswith("/record/bia/S-BIAD1763#")}
    assert linked
    assert linked <= anchors


@pytest.mark.parametrize("path", ["/run/1", "/graph/runs", "/graph/record/bia/S-BIAD824", "/record/bia/S-BIAD824"])
def test_other_things(client: Client, path: str) -> None:
    assert "<table" in text(client, path)
    for suffix, name in ((".ttl", "turtle"), (".jsonld", "json-ld"), (".nq", "nquads")):
        answer = get(client, path + suffix)
        assert answer.status_code == 200
        assert len(rdflib.Dataset().parse(data=answer.get_data(), format=name)) > 0


def test_status(client: Client, hub: Hub) -> None:
    told = get(client, "/status", "application/json")
    assert told.headers["Cache-Control"] == "no-store"
    assert told.json["sequence"] == told.json["snapshot"]["sequence"] == hub.publication().sequence
    idr = next(source for source in told.json["sources"] if source["name"] == "idr")
    assert idr["last_run"]["deleted"] == 1
    page = text(client, "/status")
    assert all(name in page for name in ("empiar", "crates", "by hand", "Rejected"))
    assert get(client, "/healthz").json == {"status": "ok", "sequence": hub.publication().sequence}


def test_nothing_published_yet(tmp_path: Path) -> None:
    empty = Hub(Settings(data_dir=tmp_path, sources={}))
    client = Client(empty, Response)
    (tmp_path / "snapshots").mkdir()
    assert get(client, "/healthz").status_code == 503
    assert "nothing yet" in get(client, "/status", "text/html").text
    assert get(client, "/", "text/html").status_code == 503
    empty.publication.close()


@pytest.mark.parametrize("name", sorted(pages.DOCUMENTS))
def test_documents_of_the_model(client: Client, name: str) -> None:
    answer = get(client, f"/{name}")
    assert answer.status_code == 200
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    if answer.mimetype == "text/turtle":
        assert len(rdflib.Graph().parse(data=answer.text, format="turtle")) > 10
    else:
        assert answer.json


@pytest.mark.parametrize(
    ("filtered", "wanted"),
    [
        (web.size(0), "0 bytes"),
        (web.size(999_960), "1000.0 kB"),
        (web.size(3 * 10**15), "3.0 PB"),
        (web.licence("https://creativecommons.org/publicdomain/zero/1.0/"), "CC0 1.0"),
        (web.licence("https://spdx.org/licenses/MIT"), "MIT"),
        (web.label("http://purl.obolibrary.org/obo/RO_0002200"), "phenotype"),
    ],
)
def test_wording(filtered: str, wanted: str) -> None:
    assert filtered == wanted


# ── a browser ────────────────────────────────────────────────────────────────────────────────────────────────────────

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
CHROMIUM_OPTIONS = """--headless --no-sandbox --disable-gpu --disable-background-networking --disable-component-update
    --disable-sync --no-first-run --enable-logging=stderr --dump-dom""".split()


@pytest.fixture(scope="session")
def address(hub: Hub) -> Iterator[str]:
    with serving(hub) as found:
        yield found


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium")
@pytest.mark.parametrize("path", ["/", PAGE, HOSTILE, "/status"])
def test_browser_has_no_complaint(address: str, path: str, tmp_path: Path) -> None:
    command = [str(CHROMIUM), *CHROMIUM_OPTIONS, f"--user-data-dir={tmp_path}", address + path]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    said = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    assert said == []
    assert "· Bioimage Hub</title>" in done.stdout
    assert done.stdout.count("<h1") == 1


def test_busy_queries_are_refused_at_once_and_pages_go_on(hub: Hub) -> None:
    client, others = Client(hub, Response), [f"192.0.2.{n}" for n in range(16)]
    for other in others:
        hub._places.enter(other)
    try:
        refused = client.get("/sparql?query=ASK%7B%7D")
        assert refused.status_code == 503
        assert refused.headers["Retry-After"]
        assert refused.headers["Access-Control-Allow-Origin"] == "*"
        assert get(client, "/healthz").status_code == 200
        assert get(client, "/", "text/html").status_code == 200
    finally:
        for other in others:
            hub._places.leave(other)
    assert client.get("/sparql?query=ASK%7B%7D").status_code == 200
