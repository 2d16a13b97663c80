"""Croissant of datasets, as the reference library reads it."""

from __future__ import annotations

import json

import mlcroissant
import pytest

from hub import croissant
from linkml_schemas.generated.model import Distribution
from tests.demo_records import demo, made, one


def read(record):
    metadata = mlcroissant.Dataset(jsonld=json.loads(json.dumps(croissant.of(record)))).metadata
    assert not metadata.issues.errors
    return metadata


def test_every_record_is_valid():
    for record in demo():
        metadata = read(record)
        assert metadata.name == record.name
        assert len(metadata.distribution) == len(
            [d for d in record.distribution or [] if d.content_url or d.access_url]
        )
        missing = {"license": record.license, "datePublished": record.date_published}
        expected = {term for term, value in missing.items() if not value}
        expected |= {"version"} if not (record.date_modified or record.date_published) else set()
        warned = {w.partition("schema.org/")[2].partition('"')[0] for w in metadata.issues.warnings}
        assert warned == expected


def test_checksums_are_the_archive_s_or_none():
    files = [
        Distribution(id="https://e.org/r#1", name="a.zip", content_url="https://e.org/a.zip", sha256="0" * 64),
        Distribution(id="https://e.org/r#2", name="a.zip", content_url="https://e.org/b/a.zip", size_bytes=5),
        Distribution(id="https://e.org/r#3", access_url="https://e.org/folder/"),
        Distribution(id="https://e.org/r#4", name="nowhere"),
    ]
    node = croissant.of(made(distribution=files))
    first, second, third = node["distribution"]
    assert first["sha256"] == "0" * 64
    assert not {"sha256", "md5"} & {*second, *third}
    assert (second["name"], second["contentSize"], third["name"]) == ("a.zip (2)", "5 B", "folder")
    assert [f["encodingFormat"] for f in node["distribution"]] == ["application/zip", "application/zip", "text/html"]
    assert node["isLiveDataset"] is True
    assert "isLiveDataset" not in croissant.of(made(distribution=files[:1]))
    assert len(read(made(distribution=files)).distribution) == 3


def test_versions_have_three_numbers():
    assert croissant.of(made(date_published="2024-03-05"))["version"] == "2024.3.5"
    assert croissant.of(made(date_published="2024"))["version"] == "2024.0.0"
    assert "version" not in croissant.of(made())


def test_files_of_real_shapes():
    node = croissant.of(one("HUB-S2BS9Q9E"))
    assert all(f["contentUrl"].startswith("https://example.org/") for f in node["distribution"])
    assert node["citeAs"].endswith("https://example.org/datasets/p53-hela")


@pytest.mark.parametrize(
    ("said", "address", "kind"),
    [
        ("image/tiff", None, "image/tiff"),
        (".TIF", None, "image/tiff"),
        ("png", None, "image/png"),
        ("Leica LIF", "https://e.org/a.lif", "application/octet-stream"),
        (None, "https://e.org/a.csv?x=1", "text/csv"),
    ],
)
def test_media_types(said, address, kind):
    assert croissant.media_type(said, address) == kind
