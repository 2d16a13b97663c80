"""DCAT-AP descriptions of datasets and of the catalogue."""

from __future__ import annotations

from pathlib import Path

import pyshacl
import pytest
import rdflib
from pyoxigraph import RdfFormat, serialize

from hub import dcat
from linkml_schemas.generated.model import Distribution
from tests.demo_records import demo, made, one

SHAPES = Path(__file__).resolve().parents[2] / "shared" / "harness" / "suites" / "DCAT-AP" / "releases"
BASE = "https://hub.example.org/"
DCAT = rdflib.Namespace(dcat.DCAT)
DCT = rdflib.Namespace(dcat.DCT)


def graph(quads) -> rdflib.Graph:
    text = serialize((quad.triple for quad in quads), format=RdfFormat.N_TRIPLES).decode()
    return rdflib.Graph().parse(data=text, format="nt")


@pytest.mark.parametrize("shapes", ["3.0.0/html/shacl/shapes.ttl", "2.1.1/dcat-ap_2.1.1_shacl_shapes.ttl"])
def test_the_catalogue_keeps_the_shapes(shapes):
    if not (SHAPES / shapes).is_file():
        pytest.skip("the shapes of DCAT-AP are absent")
    datasets = list({record.id: record for record in demo()}.values())
    found = graph(dcat.page(BASE, datasets, 1, 1, len(datasets)))
    _, report, text = pyshacl.validate(found, shacl_graph=rdflib.Graph().parse(SHAPES / shapes))
    violations = list(report.subjects(rdflib.SH.resultSeverity, rdflib.SH.Violation))
    assert violations == [], text


def test_a_dataset_has_what_dcat_ap_requires():
    for record in demo()[::6]:
        found = graph(dcat.of(record))
        dataset = rdflib.URIRef(record.id)
        assert (dataset, rdflib.RDF.type, DCAT.Dataset) in found
        assert all(list(found.objects(dataset, p)) for p in (DCT.title, DCT.description, DCT.publisher, DCT.identifier))
        assert all((d, DCAT.accessURL, None) in found for d in found.objects(dataset, DCAT.distribution))


def test_distributions():
    files = [
        Distribution(id="https://e.org/r#1", content_url="https://e.org/a.zip", size_bytes=7, md5="00ff" * 8),
        Distribution(id="https://e.org/r#2", access_url="https://e.org/folder/"),
        Distribution(id="https://e.org/r#3", name="nowhere"),
    ]
    found = graph(dcat.of(made(distribution=files, is_accessible_for_free=True)))
    first, second = (rdflib.URIRef(f"https://e.org/r#{n}") for n in (1, 2))
    assert set(found.objects(rdflib.URIRef(made().id), DCAT.distribution)) == {first, second}
    assert found.value(first, DCAT.downloadURL) == found.value(first, DCAT.accessURL)
    assert found.value(first, DCAT.byteSize).datatype == rdflib.XSD.decimal
    checksum = found.value(first, rdflib.URIRef(dcat.SPDX + "checksum"))
    assert found.value(checksum, rdflib.URIRef(dcat.SPDX + "checksumValue")).datatype == rdflib.XSD.hexBinary
    assert found.value(second, DCAT.downloadURL) is None
    assert str(found.value(rdflib.URIRef(made().id), DCT.accessRights)).endswith("/PUBLIC")


def test_pages_lead_to_each_other():
    hydra = rdflib.Namespace(dcat.HYDRA)
    found = graph(dcat.page(BASE, [one("idr0094")], 2, 3, 201))
    view = rdflib.URIRef(f"{BASE}catalog?page=2")
    ways = {way: str(found.value(view, hydra[way]))[-1] for way in ("first", "previous", "next", "last")}
    assert ways == {"first": "1", "previous": "1", "next": "3", "last": "3"}
    assert found.value(rdflib.URIRef(f"{BASE}catalog"), hydra.totalItems).toPython() == 201
    first = graph(dcat.page(BASE, [], 1, 1, 0))
    assert first.value(rdflib.URIRef(f"{BASE}catalog?page=1"), hydra.next) is None
