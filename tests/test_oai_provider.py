"""``/oai`` over a whole hub: every verb against the schemas, clients that copy everything, odd requests."""

import gzip
import json
import random
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import quote

import pytest
import rdflib
from lxml import etree
from rdflib.compare import isomorphic
from sickle import Sickle
from werkzeug.test import Client

from harvesters.contract import Source
from hub import batch, ingest, records
from hub.config import Settings
from hub.feeds.datasets import merged
from hub.feeds.journal import Journal
from hub.feeds.oai import OAI, identifier
from hub.feeds.oai_formats import ROCRATE_XSD, forms
from hub.log import Log
from hub.routes import Precedence
from hub.web import oai
from hub.web.app import Hub
from tests.support import BASE, DEMO, ROOT, demo_settings, serving

SCHEMAS = ROOT.parent / "shared" / "harness" / "suites" / "oai-xsd"
NS = {"o": OAI}
GONE, ONE = (identifier(BASE, f"{BASE}dataset/idr/{name}") for name in ("idr0004", "idr0015"))
VERBS = [
    "verb=Identify",
    "verb=ListSets",
    "verb=ListMetadataFormats",
    f"verb=ListMetadataFormats&identifier={ONE}",
    *(f"verb=GetRecord&identifier={ONE}&metadataPrefix={prefix}" for prefix in forms(BASE)),
    f"verb=GetRecord&identifier={GONE}&metadataPrefix=dcat",
    "verb=ListIdentifiers&metadataPrefix=ro-crate&set=archive:idr",
    *(f"verb=ListRecords&metadataPrefix={prefix}" for prefix in forms(BASE)),
    "verb=ListRecords&metadataPrefix=oai_dc&from=2999-01-01",
    "verb=ListRecords&resumptionToken=junk",
    f"verb=GetRecord&identifier={ONE}x&metadataPrefix=oai_dc",
    "verb=Nothing",
]


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    """A hub of the sample, one dataset with records of two sources, one withdrawn."""
    found = demo_settings(tmp_path_factory.mktemp("oai"), contact="curators@example.org", deletion_guard=0.9)
    studies = Source(name="studies", harvester="idr", archive="idr", url=str(DEMO / "idr-studies"))
    found = Settings(
        data_dir=found.data_dir,
        base_iri=BASE,
        sources={**found.sources, "studies": studies},
        contact=found.contact,
        deletion_guard=0.9,
    )
    ingest.harvest(found, list(found.sources))
    (Path(found.sources["idr"].url) / "idr0004-ro-crate-metadata.json").unlink()
    ingest.harvest(found, ["idr"])
    return found


@pytest.fixture(scope="module")
def hub(settings):
    with closing(Hub(settings)) as made:
        yield made


@pytest.fixture(scope="module")
def client(hub):
    return Client(hub)


@contextmanager
def served(hub):
    with serving(hub) as address:
        yield f"{address}/oai"


def ask(client, query, **more):
    answer = client.get(f"/oai?{query}", **more)
    assert answer.status_code == 200
    assert answer.content_type == "text/xml; charset=utf-8"
    return etree.fromstring(answer.data)


def metadata(client, prefix):
    return ask(client, f"verb=GetRecord&identifier={ONE}&metadataPrefix={prefix}").find(".//o:metadata", NS)[0]


def catalogue(settings):
    """Return identifier, datestamp and whether it is deleted of every dataset, as the catalogue has it."""
    with closing(Log(settings.database)) as log:
        found = Journal(log, log.last_sequence()).latest(0, 10_000)
    return {(identifier(BASE, each.iri), each.at, each.state != "active") for each in found}


# --- what is told


@pytest.fixture(scope="module")
def schema():
    if not SCHEMAS.is_dir():
        pytest.skip("the schemas of OAI-PMH are not here")
    return {
        name: etree.XMLSchema(etree.parse(SCHEMAS / f"{name}.xsd")) for name in ("OAI-PMH", "oai_dc", "oai-identifier")
    }


@pytest.mark.parametrize("query", VERBS)
def test_answers_are_valid(client, schema, query):
    answer = ask(client, query)
    inner = {"{http://www.openarchives.org/OAI/2.0/oai_dc/}dc": "oai_dc"}
    inner |= {"{http://www.openarchives.org/OAI/2.0/oai-identifier}oai-identifier": "oai-identifier"}
    for holder in answer.xpath("//o:metadata | //o:description", namespaces=NS):
        (element,) = holder
        if name := inner.get(element.tag):
            schema[name].assertValid(etree.fromstring(etree.tostring(element)))
        elif element.tag.endswith("}crate"):
            etree.XMLSchema(etree.fromstring(ROCRATE_XSD.encode())).assertValid(_bare(element))
        holder.clear()  # the schema of answers wants a schema for every metadata
        etree.SubElement(holder, "{urn:any}any")
    schema["OAI-PMH"].validate(answer)
    assert [e.message for e in schema["OAI-PMH"].error_log if "urn:any" not in e.message] == []


def _bare(element):
    found = etree.fromstring(etree.tostring(element))
    found.attrib.pop("{http://www.w3.org/2001/XMLSchema-instance}schemaLocation")
    return found


def test_identify(client):
    told = ask(client, "verb=Identify", headers={"Host": "hub.example.net"}).find("o:Identify", NS)
    said = {name: told.findtext(f"o:{name}", namespaces=NS) for name in ("baseURL", "adminEmail", "deletedRecord")}
    assert said == {
        "baseURL": "http://hub.example.net/oai",
        "adminEmail": "curators@example.org",
        "deletedRecord": "persistent",
    }


def test_sets_are_archives(client):
    told = ask(client, "verb=ListSets").xpath("//o:setSpec/text()", namespaces=NS)
    assert told == ["archive", "archive:bia", "archive:empiar", "archive:idr"]
    listed = ask(client, "verb=ListIdentifiers&metadataPrefix=oai_dc&set=archive:empiar")
    assert set(listed.xpath("//o:header/o:setSpec/text()", namespaces=NS)) == {"archive:empiar"}


def test_metadata_are_what_the_page_of_the_dataset_gives(client):
    dcat = rdflib.Graph().parse(data=etree.tostring(metadata(client, "dcat")), format="xml")
    page = rdflib.Graph().parse(data=client.get("/dataset/idr/idr0015.dcat.rdf").text, format="xml")
    assert isomorphic(dcat, page)
    crate = metadata(client, "ro-crate")
    assert json.loads(crate.text) == json.loads(client.get("/dataset/idr/idr0015.ro-crate.json").text)
    resource = metadata(client, "oai_datacite").find("{*}payload/{*}resource")
    page = etree.fromstring(client.get("/dataset/idr/idr0015.datacite.xml").data)
    assert etree.tostring(resource, method="c14n2", exclusive=True) == etree.tostring(
        page, method="c14n2", exclusive=True
    )


def test_dublin_core(client):
    said = [(etree.QName(each).localname, each.text) for each in metadata(client, "oai_dc")]
    assert ("identifier", f"{BASE}dataset/idr/idr0015") in said
    assert ("publisher", "Image Data Resource") in said
    assert {"title", "creator", "date", "rights", "type"} <= {name for name, _ in said}


def test_records_of_the_log_are_those_of_the_snapshot(settings, hub):
    now = hub.publication()
    with closing(Log(settings.database)) as log:
        journal = Journal(log, now.sequence)
        standing = sorted(each.iri for each in journal.latest(0, 1000) if each.state == "active")
        contents = journal.contents(standing)
    order = Precedence.of(settings)
    assert any(len(found) > 1 for found in contents.values())
    told = [records.to_json(record) for record in batch.records_of(now.pages, settings, standing)]
    assert [records.to_json(merged(contents[iri], order)) for iri in standing] == told


def test_the_schema_of_the_hubs_own_format(client):
    answer = client.get("/oai/ro-crate.xsd")
    assert etree.fromstring(answer.data).get("targetNamespace") == forms(BASE)["ro-crate"].namespace


def test_post_head_and_compression(client):
    query = f"verb=GetRecord&identifier={ONE}&metadataPrefix=oai_dc"
    told = client.post("/oai", data=query, content_type="application/x-www-form-urlencoded")
    plain = ask(client, query).find("o:GetRecord", NS)
    assert etree.tostring(etree.fromstring(told.data).find("o:GetRecord", NS)) == etree.tostring(plain)
    coded = client.get(f"/oai?{query}", headers={"Accept-Encoding": "gzip"})
    assert (coded.headers["Content-Encoding"], coded.headers["Vary"]) == ("gzip", "Accept-Encoding, Accept")
    assert b"GetRecord" in gzip.decompress(coded.data)
    assert client.head(f"/oai?{query}").status_code == 200
    assert coded.headers["X-Hub-Sequence"] == client.get("/").headers["X-Hub-Sequence"]
    assert client.put("/oai").status_code == 405


# --- clients


def replica(url, known=None, **arguments):
    """Return what sickle lists, the last of each identifier, on top of what is known."""
    found = dict(known or {})
    for record in Sickle(url).ListRecords(metadataPrefix="oai_dc", ignore_deleted=False, **arguments):
        header = record.header
        found[header.identifier] = (header.identifier, header.datestamp, header.deleted)
        assert header.deleted or record.metadata["title"]
    return found


def test_sickle_copies_the_whole_hub(settings, hub, monkeypatch):
    monkeypatch.setattr(oai, "PAGE", 4)
    with served(hub) as url:
        found = replica(url)
    assert set(found.values()) == catalogue(settings)
    assert found[GONE][2]


def test_sickle_copies_a_hub_that_changes_meanwhile(tmp_path, monkeypatch):
    monkeypatch.setattr(oai, "PAGE", 4)
    settings = demo_settings(tmp_path, ("idr",), deletion_guard=0.9)
    ingest.harvest(settings, ["idr"])
    folder, chance = Path(settings.sources["idr"].url), random.Random(7)
    with closing(Hub(settings)) as hub, served(hub) as url:
        found, began = {}, ""
        for number, record in enumerate(Sickle(url).ListRecords(metadataPrefix="oai_dc", ignore_deleted=False)):
            began = began or record.header.datestamp
            found[record.header.identifier] = (record.header.identifier, record.header.datestamp, record.header.deleted)
            if number in (2, 6):
                _change(chance.sample(sorted(folder.iterdir()), 3))
                ingest.harvest(settings, ["idr"])
        assert {name for name, _, _ in catalogue(settings)} == set(found)
        assert set(replica(url, found, **{"from": began}).values()) == catalogue(settings)


def _change(files):
    """Change the titles of all crates but the last, which goes."""
    *changed, gone = files
    for file in changed:
        crate = json.loads(file.read_text())
        root = next(node for node in crate["@graph"] if "Dataset" in node["@type"])
        root["name"] += ", seen again"
        file.write_text(json.dumps(crate))
    gone.unlink()


@pytest.mark.parametrize("prefix", ["oai_dc", "oai_datacite"])
def test_another_hub_harvests_it(settings, hub, monkeypatch, tmp_path, prefix):
    monkeypatch.setattr(oai, "PAGE", 10)
    with served(hub) as url:
        options = {
            "metadata_prefix": prefix,
            "archive_title": "A hub",
            "archive_homepage": "https://hub.example.org/",
            "archives": ["bia", "idr", "empiar", "ssbd"],
        }
        source = Source(name="other", harvester="oai", archive="other", url=url, options=options)
        copy = Settings(data_dir=tmp_path, base_iri="https://copy.example.org/", sources={"other": source})
        (outcome,) = ingest.harvest(copy, ["other"])
    whole = catalogue(settings)
    assert (outcome.report.listed, outcome.report.rejected) == (len(whole), 0)
    with closing(Log(copy.database)) as log, closing(Log(settings.database)) as first:
        told = {row.title for row in log.all_records()}
        assert {row.title for row in first.all_records() if row.source == "bia"} <= told


# --- odd requests

VALUES = [
    "",
    "\x00",
    "\x0b",
    "￾",
    "\ud800",
    "é😀",
    "<script>&amp;",
    "'\";--",
    "%",
    "x" * 3000,
    "../../etc/passwd",
    "-1",
    "[]",
]
NAMES = ["verb", "identifier", "metadataPrefix", "from", "until", "set", "resumptionToken", "\x00", "é", "xmlns", ""]
CODES = {"badVerb", "badArgument", "badResumptionToken", "idDoesNotExist", "noRecordsMatch", "cannotDisseminateFormat"}


def odd():
    """Yield pairs of arguments: right ones with something odd among them."""
    chance = random.Random(11)
    verbs = ["Identify", "ListSets", "ListMetadataFormats", "GetRecord", "ListIdentifiers", "ListRecords"]
    for _ in range(80):
        given = [
            ("verb", chance.choice(verbs)),
            ("metadataPrefix", "oai_dc"),
            ("identifier", ONE),
            ("set", "archive:idr"),
        ]
        given = chance.sample(given, chance.randint(1, 4))
        yield [*given, (chance.choice(NAMES), chance.choice(VALUES))]


def test_odd_requests_are_answered(client):
    for pairs in odd():
        query = "&".join(f"{_quoted(name)}={_quoted(value)}" for name, value in pairs)
        for answer in (
            client.get("/oai", query_string=query),
            client.post("/oai", data=query, content_type="application/x-www-form-urlencoded"),
        ):
            assert answer.status_code == 200, pairs
            errors = etree.fromstring(answer.data).findall("o:error", NS)
            assert {error.get("code") for error in errors} <= CODES, pairs


def _quoted(text):
    return quote(text.encode("utf-8", "surrogatepass"))


@pytest.mark.parametrize("query", ["verb=%ff%fe", "%ff=%c3", "verb=ListRecords&metadataPrefix=%80", "&&=&;", "verb"])
def test_bytes_that_are_no_text(client, query):
    for answer in (client.get("/oai", query_string=query), client.post("/oai", data=query)):
        assert etree.fromstring(answer.data).find("o:error", NS) is not None


def test_a_body_that_is_no_form_or_too_long(client):
    answer = client.post("/oai", data=b"{}", content_type="application/json")
    assert etree.fromstring(answer.data).find("o:error", NS).get("code") == "badVerb"
    long = client.post("/oai", data="verb=" + "x" * (2 << 20), content_type="application/x-www-form-urlencoded")
    assert long.status_code == 413
