"""Exported crates: what peers harvest from the hub, and what the hub makes of its own crates."""

import json

import pytest

from harvesters import crates
from harvesters.contract import Context, Entry, Source
from hub import ingest, records, rocrate
from hub.log import Log
from linkml_schemas.generated.model import Archive, Dataset
from ontology.terms import UNKNOWN
from tests.support import BASE, demo_settings

CTX = Context(BASE, Source(name="peer", harvester="crates", archive="empiar", url="."))


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    settings = demo_settings(tmp_path_factory.mktemp("hub"), ("bia", "idr", "ssbd", "empiar"))
    ingest.harvest(settings, list(settings.sources))
    log = Log(settings.database)
    found = [records.from_json(row.record) for row in log.all_records()]
    log.close()
    return found


def again(record):
    harvested = crates.transform(json.dumps(rocrate.crate(record)).encode(), Entry("x.json"), CTX)
    return records.canonical(harvested.record), harvested.findings


def test_every_crate_has_what_the_profile_requires(exported):
    for record in exported:
        graph = rocrate.crate(record)["@graph"]
        ids = [node["@id"] for node in graph]
        root = graph[1]
        assert len(ids) == len(set(ids))
        for field in (
            "name",
            "description",
            "datePublished",
            "license",
            "author",
            "publisher",
            "about",
            "measurementMethod",
        ):
            assert root.get(field), (record.id, field)
        named = [
            v["@id"]
            for n in graph
            for value in n.values()
            for v in (value if isinstance(value, list) else [value])
            if isinstance(v, dict)
        ]
        assert set(named) - set(ids) <= {
            "https://w3id.org/ro/crate/1.2",
            root["license"]["@id"],
            *(v["@id"] for v in root.get("sameAs", [])),
        }


def test_a_harvested_export_says_what_the_record_said(exported):
    for record in exported:
        back, findings = again(record)
        assert (back.accession, back.name, back.license, back.date_published) == (
            record.accession,
            record.name,
            record.license,
            record.date_published or record.date_submitted,
        ), findings
        assert [p.name for p in back.author or []] == [p.name for p in record.author or [record.publisher]]
        assert {a.name for a in back.about or [] if a.type == "schema:BioSample"} == {
            a.name for a in record.about or [] if a.type == "schema:BioSample"
        }


def test_what_is_not_known_is_said_and_understood():
    home = Archive(id=f"{BASE}archive/empiar", name="EMPIAR")
    bare = records.canonical(
        Dataset(id=f"{BASE}dataset/empiar/EMPIAR-1", accession="EMPIAR-10001", name="Bare", archive=home)
    )
    root = rocrate.crate(bare)["@graph"][1]
    assert root["about"] == root["measurementMethod"] == [{"@id": UNKNOWN}]
    back, findings = again(bare)
    assert {iri.rpartition("/")[2] for iri in back.unknown} == {
        "about",
        "measurementMethod",
        "license",
        "datePublished",
    }
    assert (back.about, back.measurement_method, back.license, back.date_published) == (None, None, None, None)
    assert findings == ()
