"""Baskets without a web: names, the cookie's text, what licences allow, and the files of a manifest."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Iterator
from typing import Any

import mlcroissant
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyoxigraph import Literal, NamedNode, Quad

from hub import baskets, batch, describe, manifests, records, snapshots
from hub.config import Settings
from hub.errors import ResultTooLargeError
from hub.ingest import harvest
from hub.manifests import Manifest, Pinned
from hub.routes import Precedence
from hub.workers import WorkerPool
from linkml_schemas.generated.model import Archive, Dataset, Distribution, Person, StudyComponent
from ontology import licences
from tests.support import BASE, demo_settings

NAMES = st.from_regex(r"[a-z][a-z0-9-]{0,8}/[A-Za-z0-9._~:é-]{1,20}", fullmatch=True)
PINNED = Pinned(BASE, 7, "2026-11-20T12:00:00Z", (("q", "mitosis"), ("archive", "IDR")))


def dataset(number: int, licence: str | None = None, **more: Any) -> Dataset:
    archive = Archive(id=BASE + "archive/bia", name="BioImage Archive", url="https://www.ebi.ac.uk/bioimage-archive/")
    said = {"name": f"Title {number}", "accession": f"S-BIAD{number}", "archive": archive, "license": licence, **more}
    return Dataset(id=f"{BASE}dataset/bia/S-BIAD{number}", **said)


def text(made: Manifest, name: str) -> str:
    return b"".join(made.write(name)).decode()


# --- names and the cookie


@pytest.mark.parametrize(
    ("given_text", "name"),
    [
        ("bia/S-BIAD824", "bia/S-BIAD824"),
        (BASE + "dataset/bia/S-BIAD824", "bia/S-BIAD824"),
        (" dataset/idr/idr0015 ", "idr/idr0015"),
        ("ssbd/108-Sugita-RPEiPSCell", "ssbd/108"),
    ],
)
def test_a_dataset_is_named_by_its_name_or_iri(given_text: str, name: str) -> None:
    assert baskets.name_of(given_text, BASE) == name


@pytest.mark.parametrize(
    "wrong", ["", "S-BIAD824", "bia/", "/x", "bia/a b", "bia/x|y", "https://e.org/x", "a" * 300 + "/b"]
)
def test_what_names_no_dataset_is_refused_with_an_example(wrong: str) -> None:
    with pytest.raises(ValueError, match="bia/S-BIAD824"):
        baskets.name_of(wrong, BASE)


@given(st.lists(NAMES, max_size=20, unique=True))
def test_the_cookie_reads_back(names: list[str]) -> None:
    text = baskets.written(names)
    assert text.isascii()
    assert not set(text) & set(' ",;\\')
    assert baskets.read(text) == names


@given(st.text(max_size=200))
def test_any_cookie_can_be_read(cookie: str) -> None:
    assert all("/" in name for name in baskets.read(cookie))


def test_the_cookie_is_bounded() -> None:
    names = [f"bia/S-BIAD{n}" for n in range(150)]
    assert baskets.read(baskets.written(names)) == names
    for too_many in ([*names, "bia/S-BIAD150"], [f"bia/{'x' * 100}{n}" for n in range(100)]):
        with pytest.raises(baskets.FullError, match="remove some"):
            baskets.written(too_many)


def test_a_manifest_is_bounded() -> None:
    assert baskets.bounded(["a", "b", "a"], 2) == ["a", "b"]
    with pytest.raises(ResultTooLargeError, match="at most 2 datasets"):
        baskets.bounded(iter("abc"), 2)


# --- licences


@pytest.mark.parametrize(
    ("licence", "commercial", "conditions"),
    [
        ("CC0", "allow", ()),
        ("Public Domain Mark", "allow", ()),
        ("CC BY 4.0", "allow", ("attribution",)),
        ("CC BY-SA 3.0", "allow", ("attribution", "share alike")),
        ("CC BY-ND 4.0", "allow", ("attribution", "no derivatives")),
        ("CC BY-NC 4.0", "no", ("attribution",)),
        ("CC BY-NC-SA 3.0", "no", ("attribution", "share alike")),
        ("CC BY-NC-ND 4.0", "no", ("attribution", "no derivatives")),
        ("MIT", "allow", ("attribution",)),
        ("MIT-0", "allow", ()),
        ("GPL-3.0-only", "allow", ("attribution", "share alike")),
        ("ODbL-1.0", "allow", ("attribution", "share alike")),
        ("PDDL-1.0", "allow", ()),
    ],
)
def test_what_a_licence_allows(licence: str, commercial: str, conditions: tuple[str, ...]) -> None:
    use = baskets.use_of(licences.licence(licence))
    assert (use.commercial, use.conditions) == (commercial, conditions)
    assert use.reason


def test_a_ported_licence_is_as_the_one_that_it_ports() -> None:
    assert baskets.use_of("https://creativecommons.org/licenses/by-nc/3.0/us/").commercial == "no"


@pytest.mark.parametrize("unknown", [None, "", "https://v18.proteinatlas.org/about/licence"])
def test_of_an_unknown_licence_nothing_is_said(unknown: str | None) -> None:
    assert baskets.use_of(unknown).commercial == "unknown"


# --- the files of a manifest


def files(count: int = 1) -> list[Distribution]:
    stem = f"{BASE}record/bia/S-BIAD1#file-"
    return [
        Distribution(id=f"{stem}{n}", content_url=f"https://e.org/{n}.zip", size_bytes=10, sha256="0" * 64)
        for n in range(count)
    ]


@pytest.fixture
def made() -> Iterator[Manifest]:
    folder = Distribution(id=BASE + "f", access_url="https://e.org/folder/", name="Raw, data")
    zarr = Distribution(id=BASE + "z", content_url="https://e.org/a.zarr", encoding_format="OME-Zarr")
    part = StudyComponent(id=BASE + "part", name="Part", distribution=[zarr])
    author = Person(id=BASE + "a", name="Ada [Example]")
    found = [
        dataset(1, licences.licence("CC0"), size_bytes=100, distribution=[*files(), folder], has_part=[part]),
        dataset(2, licences.licence("CC BY-NC 4.0"), author=[author, author], date_published="2024-05"),
        dataset(3),
    ]
    with Manifest(PINNED, found) as manifest:
        yield manifest


def test_datasets_are_pinned_with_hash_snapshot_and_totals(made: Manifest) -> None:
    told = json.loads(text(made, "datasets.json"))
    assert told["snapshot"] == {"sequence": 7, "published": "2026-11-20T12:00:00Z"}
    assert told["manifest"] == BASE + "basket/manifest?q=mitosis&archive=IDR"
    assert told["total"] == {"datasets": 3, "bytes": 100, "unknown_size": 2, "files": 1, "folders": 2}
    assert [d["commercial_use"] for d in told["datasets"]] == ["allow", "no", "unknown"]
    assert len({d["record_sha256"] for d in told["datasets"]}) == 3
    assert [d["version"] for d in told["datasets"]] == [None, "2024-05", None]


def test_files_and_folders_are_told_apart(made: Manifest) -> None:
    assert text(made, "urls.txt") == "https://e.org/0.zip\n"
    assert text(made, "folders.txt").splitlines() == ["https://e.org/folder/", "https://e.org/a.zarr"]


def test_the_table_has_a_row_for_each_file_and_one_for_a_dataset_without(made: Manifest) -> None:
    rows = list(csv.DictReader(io.StringIO(text(made, "datasets.csv"))))
    assert [row["accession"] for row in rows] == ["S-BIAD1"] * 3 + ["S-BIAD2", "S-BIAD3"]
    assert [(row["url"], row["folder"]) for row in rows[:2]] == [
        ("https://e.org/0.zip", ""),
        ("", "https://e.org/folder/"),
    ]
    assert rows[1]["name"] == "Raw, data"


def test_attribution_is_grouped_by_licence_and_plain(made: Manifest) -> None:
    told = text(made, "ATTRIBUTION.md")
    assert told.index("## [CC-BY-NC-4.0](https://creativecommons.org/licenses/by-nc/4.0/)") > 0
    assert "not for commercial use (NC: not for commercial use); attribution." in told
    assert r"**Title 2**. Ada \[Example\] (2024). BioImage Archive, S-BIAD2." in told
    assert "## No licence named" in told
    assert "## Changes" in told


def test_only_what_may_be_used_commercially() -> None:
    found = [dataset(1, licences.licence("CC0")), dataset(2, licences.licence("CC BY-NC 4.0")), dataset(3)]
    pinned = Pinned(BASE, 7, PINNED.published, PINNED.asked, is_commercial=True)
    with Manifest(pinned, found) as made:
        told = json.loads(text(made, "datasets.json"))
        assert [d["accession"] for d in told["datasets"]] == ["S-BIAD1"]
        assert [(out["dataset"][-7:], out["reason"]) for out in told["left_out"]] == [
            ("S-BIAD2", "NC: not for commercial use"),
            ("S-BIAD3", "the archive names no licence"),
        ]
        assert told["manifest"].endswith("&commercial=1")
        assert "## Left out" in text(made, "ATTRIBUTION.md")


def test_croissant_is_valid_and_its_records_can_be_read(made: Manifest) -> None:
    document = json.loads(text(made, "croissant.json"))
    read = mlcroissant.Dataset(document)
    assert not read.metadata.issues.errors
    rows = list(read.records("datasets"))
    assert [row["datasets/accession"] for row in rows] in (
        [b"S-BIAD1", b"S-BIAD2", b"S-BIAD3"],
        ["S-BIAD1", "S-BIAD2", "S-BIAD3"],
    )
    assert len(list(read.records("files"))) == 3
    assert {file["contentUrl"] for file in document["distribution"]} == {
        "https://e.org/0.zip",
        "https://e.org/folder/",
        "https://e.org/a.zarr",
    }


def test_an_empty_manifest_is_whole() -> None:
    with Manifest(PINNED) as made:
        for name in manifests.FILES:
            written = text(made, name)
            if name.endswith(".json"):
                json.loads(written)
        assert json.loads(text(made, "datasets.json"))["datasets"] == []


@pytest.mark.parametrize("found", [[], [dataset(1)]], ids=["nothing", "no files"])
def test_croissant_without_records_is_valid(found: list[Dataset]) -> None:
    with Manifest(PINNED, found) as made:
        read = mlcroissant.Dataset(json.loads(text(made, "croissant.json")))
        assert not read.metadata.issues.errors
        assert len(read.metadata.record_sets) == len(found)


def check_crate(crate: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the nodes of a crate by IRI, each there once and every local name defined."""
    graph = crate["@graph"]
    nodes = {node["@id"]: node for node in graph}
    assert len(nodes) == len(graph)
    descriptor = nodes["ro-crate-metadata.json"]
    root = nodes[descriptor["about"]["@id"]]
    assert descriptor["conformsTo"] == {"@id": "https://w3id.org/ro/crate/1.2"}
    assert {"name", "description", "datePublished", "license"} <= root.keys()
    parts = {part["@id"] for part in root["hasPart"]}
    assert parts <= nodes.keys()
    assert {iri for iri, node in nodes.items() if node["@type"] in ("Dataset", "File")} <= parts | {root["@id"]}
    return nodes


def test_the_crate_has_every_dataset_as_a_part(made: Manifest) -> None:
    nodes = check_crate(json.loads(text(made, "ro-crate-metadata.json")))
    assert nodes[f"{BASE}dataset/bia/S-BIAD1"]["size"] == [{"@id": f"{BASE}dataset/bia/S-BIAD1#total-dataset-size"}]
    assert nodes[f"{BASE}dataset/bia/S-BIAD1#total-dataset-size"]["value"] == 100


def test_the_same_choice_gives_the_same_archive() -> None:
    written = []
    for _ in range(2):
        out = io.BytesIO()
        with Manifest(PINNED, [dataset(1), dataset(2)]) as made:
            manifests.zipped(made, out)
        written.append(out.getvalue())
    assert written[0] == written[1]
    archive = zipfile.ZipFile(io.BytesIO(written[0]))
    assert archive.namelist() == list(manifests.FILES)
    assert archive.testzip() is None
    assert archive.getinfo("urls.txt").date_time == (2026, 11, 20, 12, 0, 0)


def test_long_files_are_written_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(manifests, "MEMORY_BYTES", 1000)
    monkeypatch.setattr(manifests, "PIECE_BYTES", 100)
    found = [dataset(n, distribution=files(5) if n == 1 else None) for n in range(50)]
    with Manifest(PINNED, found) as made:
        assert len(json.loads(text(made, "datasets.json"))["datasets"]) == 50
        assert len(check_crate(json.loads(text(made, "ro-crate-metadata.json")))) > 50


@pytest.mark.parametrize(
    ("item", "is_file"),
    [
        ({"content_url": "https://e.org/a.zip"}, True),
        ({"content_url": "https://e.org/a/"}, False),
        ({"content_url": "https://e.org/a.zarr"}, False),
        ({"content_url": "https://e.org/a", "encoding_format": "OME-Zarr"}, False),
        ({"content_url": "https://e.org/a.zarr.zip", "encoding_format": "OME-Zarr"}, True),
        ({"access_url": "https://e.org/a.zip"}, False),
    ],
)
def test_what_is_one_file(item: dict[str, Any], is_file: bool) -> None:
    assert manifests.is_file(Distribution(id=BASE + "x", **item)) is is_file


# --- many records at once


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Settings, WorkerPool, list[str]]]:
    settings = demo_settings(tmp_path_factory.mktemp("batch"), ("bia", "idr", "empiar"))
    harvest(settings, list(settings.sources))
    pool = WorkerPool(snapshots.current(settings.snapshots_dir).graph, workers=1, spares=0)
    rows = b"".join(pool.query("SELECT ?d { ?d <http://schema.org/includedInDataCatalog> ?a }", "text/csv")).decode()
    yield settings, pool, rows.split()[1:]
    pool.close()


def test_records_of_a_batch_are_those_of_the_pages(
    published: tuple[Settings, WorkerPool, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, pool, iris = published
    monkeypatch.setattr(batch, "DATASETS", 7)
    monkeypatch.setattr(batch, "STATEMENTS", 500)
    found = list(batch.records_of(pool, settings, [*iris, BASE + "dataset/bia/S-BIAD0"]))
    assert [record.id for record in found] == iris
    for record in found:
        archive, accession = record.id.removeprefix(BASE + "dataset/").split("/")
        page = describe.dataset(pool, settings, archive, accession)
        assert records.to_json(record) == records.to_json(page.record)


def test_a_person_of_several_records_has_the_name_that_most_give() -> None:
    order = Precedence(BASE, {})
    person, name = NamedNode("https://orcid.org/0000-0002-1825-0097"), NamedNode("http://schema.org/name")
    said = [("a", "J Carberry"), ("b", "Josiah Carberry"), ("c", "J Carberry")]
    quads = [Quad(person, name, Literal(text), NamedNode(f"{BASE}graph/source/{source}/x")) for source, text in said]
    for given_quads in (quads, quads[::-1]):
        assert describe.decided(given_quads, order) == [Quad(person, name, Literal("J Carberry"))]


def test_summaries_say_what_records_say(published: tuple[Settings, WorkerPool, list[str]]) -> None:
    settings, pool, iris = published
    brief = list(batch.summaries(pool, [BASE + "dataset/bia/S-BIAD0", *iris]))
    whole = list(batch.records_of(pool, settings, iris))
    assert [(s.iri, s.title, s.licence, s.size_bytes) for s in brief] == [
        (r.id, r.name, r.license or "", r.size_bytes) for r in whole
    ]


def test_the_manifest_of_every_dataset_of_the_demo_is_valid(published: tuple[Settings, WorkerPool, list[str]]) -> None:
    settings, pool, iris = published
    with Manifest(PINNED, batch.records_of(pool, settings, iris)) as made:
        assert made.totals.datasets == len(iris)
        assert not mlcroissant.Dataset(json.loads(text(made, "croissant.json"))).metadata.issues.errors
        check_crate(json.loads(text(made, "ro-crate-metadata.json")))
