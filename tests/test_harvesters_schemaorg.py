"""schema.org harvester: JSON-LD in pages as sites write it, sitemaps, robots.txt, folders, hostile sites."""

from __future__ import annotations

import gzip
import json
import logging
import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from harvesters import schemaorg, sitemaps
from harvesters.contract import Context, Entry, Harvested, RecordError, Source, SourceError
from harvesters.http import Manners, PoliteSession
from hub import records

PAYLOADS = Path(__file__).parent / "archives" / "schemaorg"
BASE = "https://hub.example/"
PAGE = "https://images.example/data/IM-0001"
ARCHIVE = {"archive_title": "Example Images", "archive_homepage": "https://images.example/"}
SITE = Source("images", "schemaorg", "images", "https://images.example/", ARCHIVE)
NODE = f"{BASE}record/images/IM-0001#"


def page(*documents: Any) -> bytes:
    """Return a page with a script for each document; a text is a script as it stands."""
    scripts = (
        f'<script type="application/ld+json">{words if isinstance(words, str) else json.dumps(words)}</script>'
        for words in documents
    )
    return f"<html><head><title>A page</title>{''.join(scripts)}</head><body></body></html>".encode()


def dataset(**fields: Any) -> dict[str, Any]:
    return {"@context": "https://schema.org/", "@type": "Dataset", "name": "A name", **fields}


def harvest(raw: bytes, key: str = PAGE, **options: Any) -> Harvested:
    source = Source("images", "schemaorg", str(options.pop("archive", "images")), SITE.url, {**ARCHIVE, **options})
    return schemaorg.transform(raw, Entry(key), Context(BASE, source))


def said(**fields: Any) -> Harvested:
    return harvest(page(dataset(**fields)))


def rules(harvested: Harvested) -> list[tuple[str, str]]:
    return [(f.field, f.rule) for f in harvested.findings]


def check_round_trip(harvested: Harvested) -> None:
    record = records.canonical(harvested.record)
    assert records.from_quads(records.to_quads(record), record.id) == record


# --- golden page


def test_golden_quads() -> None:
    harvested = harvest((PAYLOADS / "IM-0001.html").read_bytes())
    check_round_trip(harvested)
    lines = sorted(f"{quad} ." for quad in records.to_quads(records.canonical(harvested.record)))
    golden = PAYLOADS / "IM-0001.nt"
    if "UPDATE_GOLDEN" in os.environ:
        golden.write_text("\n".join(lines) + "\n", encoding="utf-8")
    assert lines == golden.read_text(encoding="utf-8").splitlines()


def test_every_field() -> None:
    harvested = harvest((PAYLOADS / "IM-0001.html").read_bytes())
    record = harvested.record
    assert (record.id, record.accession, record.url) == (f"{BASE}dataset/images/IM-0001", "IM-0001", PAGE)
    assert record.name == "Mitosis in one cell"
    assert record.description == "A film of one cell, H2B in red & tubulin in green.\n\nWrite to [e-mail removed]"
    assert record.same_as == [
        "https://doi.org/10.9999/im.1",
        "https://identifiers.org/images:IM-0001",
        "https://mirror.example/1",
    ]
    assert record.license == "https://creativecommons.org/licenses/by/4.0/"
    assert (record.date_published, record.date_modified, record.date_submitted) == ("2020-02-03", "2021-03-03", None)
    assert (record.is_accessible_for_free, record.size_bytes) == (True, 1_500_000_000)
    assert [(a.name, a.id) for a in record.author] == [
        ("Ann Example", "https://orcid.org/0000-0002-1825-0097"),
        ("Ben Example", "https://orcid.org/0000-0001-5109-3700"),
        ("Example Lab", NODE + "organization-example-lab"),
    ]
    assert [(o.id, o.name) for o in record.author[0].affiliation] == [
        ("https://ror.org/02mhbdp94", "University of Examples")
    ]
    assert [p.id for p in record.publication] == [
        "https://doi.org/10.9999/example.1",
        "https://pubmed.ncbi.nlm.nih.gov/12345678",
        NODE + "publication-a-talk",
    ]
    paper = record.publication[1]
    assert (paper.name, paper.author_text, paper.date_published, paper.journal) == (
        "Another",
        "Example A, Example B",
        "2021-05",
        "J Ex",
    )
    assert record.keyword == ["mitosis", "spindle", "H2B", "live imaging"]
    assert [(g.name, g.grant_number) for g in record.funding] == [
        ("Example Trust 000/Z", "000/Z"),
        ("Example Council", None),
    ]
    assert [m.name for m in record.measurement_method] == [
        "confocal microscopy",
        "fluorescence microscopy",
        "holographic knitting",
    ]
    assert [type(thing).__name__ for thing in record.about] == ["Taxon", "DefinedTerm", "BioSample", "DefinedTerm"]
    assert record.about[2].taxon[0].id == record.about[0].id == "http://purl.obolibrary.org/obo/NCBITaxon_9606"
    assert record.thumbnail == ["https://images.example/data/thumb.png", "https://images.example/data/IM-0001.png"]
    one, two, three = record.distribution
    assert (one.content_url, one.encoding_format, one.size_bytes) == (
        "https://images.example/files/IM-0001.zip",
        "application/zip",
        2 << 30,
    )
    assert (two.content_url, two.access_url) == (None, "https://images.example/browse/IM-0001")
    assert three.content_url == "https://images.example/files/IM-0001.tif"
    assert record.related == ["https://images.example/data/series-1", "https://images.example/data/IM-0001/1"]
    assert rules(harvested) == [
        ("script[1]", "json-ld-broken"),
        ("script[2].@context", "context-unknown"),
        ("distribution[1].contentSize", "size-invalid"),
    ]


def test_checksums() -> None:
    digits = "AB" * 16
    good = {"contentUrl": "https://images.example/a.zip", "sha256": digits * 2}
    bad = {"contentUrl": "https://images.example/b.zip", "sha256": "see the README"}
    harvested = said(distribution=[good | {"http://mlcommons.org/croissant/md5": digits}, bad])
    one, two = harvested.record.distribution
    assert (one.sha256, one.md5, two.sha256, two.md5) == (digits.lower() * 2, digits.lower(), None, None)
    assert rules(harvested) == [("distribution[1].sha256", "checksum-invalid")]
    check_round_trip(harvested)


def test_contact_data_lands_nowhere() -> None:
    harvested = harvest((PAYLOADS / "IM-0001.html").read_bytes())
    shown = harvested.record.model_dump_json() + repr(harvested.findings)
    assert not any(secret in shown for secret in ("@ex", "ann@", "example.org", "Nowhere", "+44"))


def test_address_in_any_field_lands_nowhere() -> None:
    secret = "jane.doe@example.org"
    fields = ("name", "url", "sameAs", "license", "keywords", "citation", "about", "size", "datePublished", "image")
    people = {"creator": {"@type": "Person", "name": secret, "@id": f"mailto:{secret}"}, "author": secret}
    harvested = said(**dict.fromkeys(fields, secret), **people, distribution={"contentUrl": f"mailto:{secret}"})
    assert "jane.doe" not in harvested.record.model_dump_json() + repr(harvested.findings)


# --- scripts and contexts


@pytest.mark.parametrize(
    "context",
    ["https://schema.org", "http://schema.org/", "https://schema.org/docs/jsonldcontext.jsonld", "http://www.schema.org",
     {"@vocab": "https://schema.org/"}, {"@vocab": "http://schema.org/"}, ["https://schema.org", {"x": "https://x.org/"}],
     ["https://schema.org/", "https://bioschemas.org/"]],
    ids=str,
)  # fmt: skip
def test_spellings_of_the_context(context: Any) -> None:
    harvested = harvest(page({**dataset(), "@context": context}))
    assert (harvested.record.name, harvested.findings) == ("A name", ())


@pytest.mark.parametrize("prefix", ["schema:", "http://schema.org/", "https://schema.org/"])
def test_spelt_out_terms(prefix: str) -> None:
    document = {"@context": {"schema": "https://schema.org/"}, "@type": f"{prefix}Dataset", f"{prefix}name": "A name"}
    assert harvest(page(document)).record.name == "A name"


def test_other_contexts_are_never_fetched() -> None:
    remote = "http://169.254.169.254/context.jsonld"
    inner = {"@context": {"@import": remote}, "@type": "Person", "name": "X"}
    harvested = harvest(page({**dataset(), "@context": [remote, "https://schema.org"]}, dataset(creator=inner)))
    assert [rule for _, rule in rules(harvested)] == ["context-unknown", "json-ld-broken"]


def test_page_without_context() -> None:
    harvested = harvest(page({"@type": "Dataset", "name": "A name"}))
    assert rules(harvested) == [("script[0]", "context-missing")]


@pytest.mark.parametrize(
    "wrapped",
    ["<!--{}-->", "//<![CDATA[\n{}\n//]]>", "/*<![CDATA[*/{}/*]]>*/", " {} ; ", "<![CDATA[{}]]>", "\ufeff{}"],
)  # fmt: skip
def test_wrappings(wrapped: str) -> None:
    words = wrapped.replace("{}", json.dumps(dataset()))
    assert harvest(page(words)).record.name == "A name"


def test_line_breaks_inside_a_text_are_tolerated() -> None:
    assert harvest(page(json.dumps(dataset(name="A~name")).replace("~", "\n"))).record.name == "A\nname"


def test_one_broken_script_beside_a_good_one() -> None:
    harvested = harvest(page('{"@type": "Dataset", "name":', dataset(), "[" * 5000, {"@id": 5}))
    assert (harvested.record.name, {rule for _, rule in rules(harvested)}) == ("A name", {"json-ld-broken"})


@pytest.mark.parametrize("raw", [json.dumps(dataset()), json.dumps([dataset()]), json.dumps({"@graph": [dataset()]})])
def test_page_that_is_json_ld(raw: str) -> None:
    assert harvest(b"\xef\xbb\xbf " + raw.encode()).record.name == "A name"


def test_latin_1_page() -> None:
    raw = page(dataset(name="Zellkörper")).decode().replace("\\u00f6", "ö").encode("latin-1")
    head = b'<meta http-equiv="Content-Type" content="text/html; charset=iso-8859-1">'
    assert harvest(raw.replace(b"<head>", b"<head>" + head)).record.name == "Zellkörper"


def test_entities_in_a_page_are_not_read() -> None:
    raw = b'<!DOCTYPE html [<!ENTITY x SYSTEM "file:///etc/passwd">]>' + page(dataset(name="&x; A"))
    assert "root:" not in harvest(raw).record.model_dump_json()


# --- which dataset


def test_dataset_of_the_page_among_several() -> None:
    other = dataset(name="Another", url="https://images.example/data/IM-0002")
    for mine in ({"url": "/data/IM-0001/"}, {"@id": PAGE + "#it"}, {"mainEntityOfPage": {"@id": PAGE}}):
        assert harvest(page(other, dataset(**mine))).record.name == "A name"


def test_main_entity_of_a_web_page() -> None:
    parts = {"hasPart": [{"@type": "Dataset", "name": "Part"}]}
    graph = [
        {"@type": "WebPage", "mainEntity": {"@id": "#a"}},
        {"@type": "Dataset", "@id": "#a", "name": "Main", **parts},
    ]
    assert harvest(page({"@context": "https://schema.org", "@graph": graph})).record.name == "Main"


def test_whole_before_its_parts() -> None:
    assert said(hasPart=[dataset(name="One"), dataset(name="Two")]).record.name == "A name"


def test_catalogue_of_one_dataset() -> None:
    catalogue = {
        "@context": "https://schema.org",
        "@type": "DataCatalog",
        "dataset": {"@type": "Dataset", "name": "One"},
    }
    assert harvest(page(catalogue)).record.name == "One"


def test_catalogue_of_several_datasets_is_refused() -> None:
    listed = [{"@type": "Dataset", "name": name} for name in ("One", "Two")]
    catalogue = {"@context": "https://schema.org", "@type": "DataCatalog", "dataset": listed}
    with pytest.raises(RecordError, match="2 datasets and none is its own"):
        harvest(page(catalogue))


def test_page_without_dataset_says_why() -> None:
    with pytest.raises(RecordError, match=r"no schema\.org Dataset") as refused:
        harvest(page({"@context": "https://schema.org", "@type": "WebPage"}, '{"@type": "Dataset"'))
    assert len(refused.value.reasons) == 2


# --- accession


@pytest.mark.parametrize(
    ("fields", "options", "accession"),
    [
        ({}, {"accession": r"/(IM)-(\d+)$"}, "IM"),
        ({"identifier": "other"}, {"accession": r"data/(.*)"}, "IM-0001"),
        ({"identifier": ["10.9999/x", "https://x.org/y", "X:1"]}, {}, "X:1"),
        ({"identifier": {"@type": "PropertyValue", "value": "X-2"}}, {}, "X-2"),
        ({"identifier": "two words"}, {}, "IM-0001"),
        ({}, {}, "IM-0001"),
    ],
)
def test_accession(fields: dict[str, Any], options: dict[str, Any], accession: str) -> None:
    assert harvest(page(dataset(**fields)), **options).record.accession == accession


@pytest.mark.parametrize("key", ["https://images.example/data/IM-0001/index.html", "deep/IM-0001.html", PAGE + "/"])
def test_accession_of_the_last_part(key: str) -> None:
    assert harvest(page(dataset()), key).record.accession == "IM-0001"


def test_no_accession() -> None:
    for key, options in ((PAGE, {"accession": "/(BBBC[0-9]+)"}), ("https://images.example/", {})):
        with pytest.raises(RecordError, match="no accession is found"):
            harvest(page(dataset()), key, **options)


def test_accession_of_a_known_archive() -> None:
    assert harvest(page(dataset(identifier="IDR 0040")), archive="idr").record.accession == "idr0040"
    with pytest.raises(RecordError, match="no accession"):
        harvest(page(dataset(identifier="EMPIAR-10310")), archive="idr")


# --- single fields


@pytest.mark.parametrize(
    ("licence", "found", "expected"),
    [
        ("https://creativecommons.org/licenses/by/4.0/", "https://creativecommons.org/licenses/by/4.0/", []),
        ({"@type": "URL", "@id": "http://creativecommons.org/publicdomain/zero/1.0"},
         "https://creativecommons.org/publicdomain/zero/1.0/", []),
        ({"@type": "CreativeWork", "url": "https://images.example/terms", "name": "MIT"},
         "https://spdx.org/licenses/MIT", []),
        ("/terms", None, ["licence-unknown"]),
        ("https://images.example/terms", "https://images.example/terms", ["licence-unknown"]),
        ("ask us", None, ["licence-unknown"]),
        ("", None, []),
    ],
)  # fmt: skip
def test_licence(licence: Any, found: str | None, expected: list[str]) -> None:
    harvested = said(license=licence)
    assert harvested.record.license == found
    assert [rule for _, rule in rules(harvested)] == expected


@pytest.mark.parametrize(
    ("value", "found", "expected"),
    [(True, True, 0), ("False", False, 0), ("https://schema.org/True", True, 0),
     ({"@id": "http://schema.org/False"}, False, 0),
     ("yes, on request", None, 1)],
)  # fmt: skip
def test_free(value: Any, found: bool | None, expected: int) -> None:
    harvested = said(isAccessibleForFree=value)
    assert (harvested.record.is_accessible_for_free, len(harvested.findings)) == (found, expected)


@pytest.mark.parametrize(
    ("size", "found"),
    [("1.2 GB", 1_200_000_000), (1024, 1024),
     ({"@type": "QuantitativeValue", "value": "12", "unitText": "KiB"}, 12_288),
     ("39600 images", None), ("5 Gb", None)],
)  # fmt: skip
def test_size(size: Any, found: int | None) -> None:
    harvested = said(size=size)
    assert harvested.record.size_bytes == found
    assert [rule for _, rule in rules(harvested)] == ([] if found else ["size-invalid"])


def test_one_orcid_with_two_people_keeps_both() -> None:
    orcid = "https://orcid.org/0000-0002-1825-0097"
    people = [
        {"@type": "Person", "name": "Ann Doe", "sameAs": orcid},
        {"@type": "Person", "name": "Ben Roe", "sameAs": orcid},
    ]
    harvested = said(creator=people)
    assert [a.name for a in records.canonical(harvested.record).author] == ["Ann Doe", "Ben Roe"]
    assert rules(harvested) == [("creator[1]", "orcid-conflict")]


def test_author_as_text_and_without_a_name() -> None:
    harvested = said(author=["Doe, Ann", {"@type": "Person", "sameAs": "https://orcid.org/0000-0002-1825-0097"}])
    assert [a.name for a in harvested.record.author] == ["Doe, Ann"]
    assert rules(harvested) == [("author[1]", "person-without-name")]


def test_term_is_never_a_taxon_of_another_class() -> None:
    taxon = "http://purl.obolibrary.org/obo/NCBITaxon_9606"
    harvested = said(
        about={"@type": "Taxon", "@id": taxon}, measurementTechnique={"@type": "DefinedTerm", "@id": taxon, "name": "x"}
    )
    check_round_trip(harvested)


def test_word_that_is_no_taxon_stays_a_word() -> None:
    (word,) = said(taxonomicRange="dragons").record.about
    assert (word.id, word.name) == (NODE + "term-dragons", "dragons")


def test_iri_of_the_hub_is_refused() -> None:
    harvested = said(sameAs=f"{BASE}dataset/idr/idr0001", hasPart={"@id": f"{BASE}dataset/idr/idr0002"})
    assert (harvested.record.same_as, harvested.record.related) == ([], [])
    assert {rule for _, rule in rules(harvested)} == {"iri-of-the-hub"}


def test_missing_title() -> None:
    harvested = harvest(page({"@context": "https://schema.org", "@type": "Dataset", "description": "x"}))
    assert (harvested.record.name, rules(harvested)) == ("IM-0001", [("name", "title-missing")])


def test_second_publisher_is_reported() -> None:
    harvested = said(publisher=[{"@type": "Organization", "name": name} for name in ("One", "Two")])
    assert (harvested.record.publisher.name, rules(harvested)) == ("One", [("publisher", "several-values")])


def test_bad_date() -> None:
    harvested = said(datePublished="soon", dateModified=["soon", "2020"])
    assert (harvested.record.date_published, harvested.record.date_modified) == (None, "2020")
    assert rules(harvested) == [("datePublished[0]", "date-invalid"), ("dateModified[0]", "date-invalid")]


def test_control_characters() -> None:
    harvested = said(name="A\u0000 na\u200bme", keywords="\ud800, x")
    check_round_trip(harvested)
    for finding in harvested.findings:
        f"{finding.field}{finding.value}{finding.message}".encode()


# --- hostile pages


def test_page_that_is_too_long() -> None:
    with pytest.raises(RecordError, match="longer than"):
        harvest(b"<html>" + b" " * schemaorg.MAX_PAGE_BYTES)


def test_script_that_is_too_long() -> None:
    harvested = harvest(page(dataset(), dataset(description="x" * schemaorg.MAX_JSON_LD_CHARS)))
    assert rules(harvested) == [("script[1]", "json-ld-broken")]


def test_deep_html() -> None:
    with pytest.raises(RecordError):
        harvest(b"<div>" * 200_000)


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
    | st.sampled_from(["", "N/A", "10.1/x", "_:b0", "#a", "2020-13-01", "a@b.org", "\ud800", "http://[", PAGE])
    | st.just("NCBITaxon:9606"),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from("@id @type @value @list @context @reverse name identifier url value".split()),
        inner,
        max_size=3,
    ),
    max_leaves=6,
)  # fmt: skip
FIELDS = (
    "@id", "@type", "name", "description", "identifier", "url", "sameAs", "license", "author", "creator", "citation",
    "keywords", "distribution", "datePublished", "isAccessibleForFree", "publisher", "funder", "funding", "about",
    "taxonomicRange", "measurementTechnique", "image", "size", "isPartOf", "hasPart",
)  # fmt: skip


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(fields=st.dictionaries(st.sampled_from(FIELDS), JUNK, max_size=6))
@example(fields={"@id": "A://["})
def test_any_values_are_published_or_rejected(fields: dict[str, Any]) -> None:
    try:
        harvested = harvest(page({**dataset(), **fields}))
    except RecordError:
        return
    check_round_trip(harvested)
    assert "b.org" not in harvested.record.model_dump_json() + repr(harvested.findings)
    for finding in harvested.findings:
        f"{finding.field}{finding.value}{finding.message}".encode()


@settings(max_examples=100, deadline=None)
@given(raw=st.binary(max_size=300) | st.text(max_size=300).map(lambda words: words.encode("utf-8", "replace")))
def test_any_bytes_are_rejected(raw: bytes) -> None:
    with pytest.raises(RecordError):
        harvest(raw)


# --- sitemaps


def urlset(*pages: str | tuple[str, str]) -> bytes:
    items = ((p, "") if isinstance(p, str) else (p[0], f"<lastmod>{p[1]}</lastmod>") for p in pages)
    inner = "".join(f"<url><loc>{address}</loc>{changed}</url>" for address, changed in items)
    return f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{inner}</urlset>'.encode()


def index(*addresses: str) -> bytes:
    inner = "".join(f"<sitemap><loc>{address}</loc></sitemap>" for address in addresses)
    return f'<sitemapindex xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{inner}</sitemapindex>'.encode()


def listing(**bodies: bytes) -> sitemaps.Listing:
    held = {f"https://s.example/{name}.xml": body for name, body in bodies.items()}
    return sitemaps.read(lambda address: held[address], [next(iter(held))])


@pytest.mark.parametrize(
    ("written", "found"),
    [("2026-10-01", "2026-10-01"), ("2026-10-01T08:30:00+00:00", "2026-10-01T08:30:00+00:00"), ("2026", "2026"),
     (" 2026-10-01T08:30Z\n", "2026-10-01T08:30Z"), ("yesterday", None), ("2026-13-45", None),
     ("2026-10-01 08:30", None), ("01/10/2026", None), ("", None)],
)  # fmt: skip
def test_only_a_w3c_time_is_a_version(written: str, found: str | None) -> None:
    assert listing(a=urlset(("https://s.example/1", written))).pages == {"https://s.example/1": found}


def test_page_listed_twice_has_the_later_time() -> None:
    twice = urlset(
        ("https://s.example/1", "2026-01-01"), ("https://s.example/1#top", "2026-02-01"), "https://s.example/1"
    )
    assert listing(a=twice).pages == {"https://s.example/1": "2026-02-01"}


def test_pages_of_other_hosts_are_strays() -> None:
    found = listing(
        a=urlset("https://s.example/1", "https://t.example/2", "ftp://s.example/3", "/4", "https://s.example/a b")
    )
    assert list(found.pages) == ["https://s.example/1"]
    assert found.strays == ["https://t.example/2", "ftp://s.example/3", "/4", "https://s.example/a b"]


def test_index_packed_and_looping() -> None:
    found = listing(
        a=index("https://s.example/b.xml", "https://s.example/a.xml", "http://169.254.169.254/c.xml"),
        b=gzip.compress(index("https://s.example/c.xml", "https://s.example/b.xml")),
        c=gzip.compress(urlset("https://s.example/1")),
    )
    assert (list(found.pages), found.strays) == (["https://s.example/1"], ["http://169.254.169.254/c.xml"])


def test_plain_list() -> None:
    assert list(listing(a=b"\xef\xbb\xbfhttps://s.example/1\r\n\r\nhttps://s.example/2\n").pages) == [
        "https://s.example/1",
        "https://s.example/2",
    ]


@pytest.mark.parametrize(
    "body",
    [b"", b"<urlset/>", b"<html><body>Not found</body></html>", b"<urlset><url>", b"Not found",
     gzip.compress(b"<urlset/>", mtime=0)[:9],
     b'<!DOCTYPE urlset [<!ENTITY x SYSTEM "file:///etc/passwd">]><urlset><url><loc>&x;</loc></url></urlset>',
     b'<!DOCTYPE u [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]><urlset><url><loc>&b;</loc></url></urlset>',
     b"<urlset>" + b"<url>" * 1000, b"<rss><channel/></rss>"],
    ids=lambda body: repr(body[:12]),
)  # fmt: skip
def test_what_is_no_sitemap_is_an_error(body: bytes) -> None:
    with pytest.raises(SourceError, match=r"a\.xml"):
        listing(a=body)


def test_sitemaps_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SourceError, match="more than the 50000 addresses"):
        listing(a=urlset(*(f"https://s.example/{n}" for n in range(sitemaps.MAX_URLS + 1))))
    with pytest.raises(SourceError, match="longer than"):
        listing(a=gzip.compress(b" " * (sitemaps.MAX_BYTES + 1)))
    monkeypatch.setattr(sitemaps, "MAX_SITEMAPS", 3)
    with pytest.raises(SourceError, match="more than 3 sitemaps"):
        listing(a=index(*(f"https://s.example/{name}.xml" for name in "bcde")), b=urlset("https://s.example/1"))


# --- live


class Site:
    """A loopback web site: its files by path, and what was asked."""

    def __init__(self) -> None:
        self.bodies: dict[str, bytes] = {}
        self.statuses: dict[str, int] = {}
        self.asked: list[str] = []
        self.url = ""

    def fill(self) -> None:
        """Publish robots.txt, an index, two sitemaps and their pages."""
        self.bodies = {
            "/robots.txt": f"User-agent: *\nDisallow: /private/\n\nSitemap: {self.url}/maps/index.xml\n".encode(),
            "/maps/index.xml": index(f"{self.url}/maps/1.xml.gz", f"{self.url}/maps/2.txt"),
            "/maps/1.xml.gz": gzip.compress(
                urlset((f"{self.url}/data/IM-2", "2026-10-01"), f"{self.url}/data/IM-1", f"{self.url}/about")
            ),
            "/maps/2.txt": f"{self.url}/private/IM-3\n{self.url}/data/IM-4\nhttps://other.example/IM-5\n".encode(),
            **{f"/data/IM-{n}": page(dataset(name=f"Images {n}", url=f"/data/IM-{n}")) for n in (1, 2, 4)},
        }


@pytest.fixture
def site() -> Iterator[Site]:
    served = Site()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            served.asked.append(self.path)
            body = served.bodies.get(self.path, b"<html>gone</html>")
            self.send_response(served.statuses.get(self.path, 200 if self.path in served.bodies else 404))
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        served.url = f"http://127.0.0.1:{server.server_port}"
        served.fill()
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield served
        server.shutdown()
        thread.join()


@pytest.fixture
def http() -> Iterator[PoliteSession]:
    with PoliteSession(Manners(interval_s=0, retries=0), sleep=lambda _: None) as session:
        yield session


def source(url: str | Path, **options: Any) -> Source:
    return Source("images", "schemaorg", "images", str(url), {**ARCHIVE, **options})


def keys(http: PoliteSession, asked: Source) -> list[str]:
    return [entry.key for entry in schemaorg.entries(http, asked)]


def test_live_site(site: Site, http: PoliteSession, caplog: pytest.LogCaptureFixture) -> None:
    asked = source(f"{site.url}/", include=r"/IM-\d+$")
    with caplog.at_level(logging.WARNING, "harvesters.schemaorg"):
        one, two, four = schemaorg.entries(http, asked)
    assert [one.key, two.key, four.key] == [f"{site.url}/data/IM-{n}" for n in (1, 2, 4)]
    assert (one.version, two.version, one.url) == (None, "2026-10-01", one.key)
    assert not any(path.startswith(("/data", "/private")) for path in site.asked)
    assert "robots.txt closes 1 pages" in caplog.text
    assert "1 addresses are no pages of this host" in caplog.text
    record = schemaorg.transform(schemaorg.fetch(http, asked, four), four, Context(BASE, asked)).record
    assert (record.name, record.accession) == ("Images 4", "IM-4")


def test_url_may_be_a_sitemap_or_a_part_of_the_site(site: Site, http: PoliteSession) -> None:
    assert keys(http, source(f"{site.url}/maps/1.xml.gz", exclude="about")) == [
        f"{site.url}/data/IM-{n}" for n in (1, 2)
    ]
    assert keys(http, source(f"{site.url}/data/")) == [f"{site.url}/data/IM-{n}" for n in (1, 2, 4)]


def test_site_without_robots(site: Site, http: PoliteSession) -> None:
    del site.bodies["/robots.txt"]
    site.bodies["/sitemap.xml"] = urlset(f"{site.url}/data/IM-1")
    assert keys(http, source(site.url)) == [f"{site.url}/data/IM-1"]


@pytest.mark.parametrize(
    ("path", "status", "body"),
    [("/robots.txt", 500, b""), ("/maps/index.xml", 404, b""), ("/maps/1.xml.gz", 503, b""),
     ("/maps/2.txt", 200, b"<html>")],
)  # fmt: skip
def test_a_sitemap_that_is_refused_is_never_a_short_listing(
    site: Site, http: PoliteSession, path: str, status: int, body: bytes
) -> None:
    site.statuses[path], site.bodies[path] = status, body
    with pytest.raises(SourceError):
        keys(http, source(site.url))


def test_sitemap_of_another_host_is_not_followed(site: Site, http: PoliteSession) -> None:
    site.bodies["/robots.txt"] = b"Sitemap: http://169.254.169.254/sitemap.xml\n"
    with pytest.raises(SourceError, match="of another host"):
        keys(http, source(site.url))


def test_site_that_robots_closes(site: Site, http: PoliteSession) -> None:
    site.bodies["/robots.txt"] += b"\nUser-agent: bioimage-hub\nDisallow: /\n"
    with pytest.raises(SourceError, match=r"robots\.txt opens none"):
        keys(http, source(f"{site.url}/maps/index.xml"))


def test_too_many_pages(site: Site, http: PoliteSession) -> None:
    with pytest.raises(SourceError, match="max_pages = 2"):
        keys(http, source(site.url, max_pages=2))


@pytest.mark.parametrize(
    "option", [{"include": "("}, {"exclude": 5}, {"accession": "IM"}, {"max_pages": 0}, {"max_pages": True}]
)
def test_bad_option(site: Site, http: PoliteSession, option: dict[str, Any]) -> None:
    with pytest.raises(SourceError, match=next(iter(option))):
        keys(http, source(site.url, **option))


# --- folders


def test_folder_with_sitemap(tmp_path: Path, http: PoliteSession) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "sitemap.xml").write_bytes(
        urlset("https://images.example/data/IM-1", "https://images.example/deep/IM-2", "https://images.example/IM-9")
    )
    (tmp_path / "IM-1.html").write_bytes(page(dataset(name="One")))
    (tmp_path / "deep" / "IM-2.html").write_bytes(page(dataset(name="Two")))
    (tmp_path / "extra.html").write_bytes(page(dataset(name="Not listed")))
    asked = source(tmp_path)
    listed = {entry.key.rpartition("/")[2]: entry for entry in schemaorg.entries(http, asked)}
    names = {
        accession: schemaorg.transform(
            schemaorg.fetch(http, asked, listed[accession]), listed[accession], Context(BASE, asked)
        )
        for accession in ("IM-1", "IM-2")
    }
    assert {accession: harvested.record.name for accession, harvested in names.items()} == {
        "IM-1": "One",
        "IM-2": "Two",
    }
    assert names["IM-1"].record.url == "https://images.example/data/IM-1"
    with pytest.raises(SourceError, match="holds no file for"):
        schemaorg.fetch(http, asked, listed["IM-9"])


def test_folder_with_an_index(tmp_path: Path, http: PoliteSession) -> None:
    (tmp_path / "sitemap_index.xml").write_bytes(index("https://images.example/maps/one.xml"))
    (tmp_path / "one.xml").write_bytes(urlset("https://images.example/IM-1"))
    (tmp_path / "IM-1.html").write_bytes(page(dataset()))
    assert keys(http, source(tmp_path)) == ["https://images.example/IM-1"]


def test_folder_without_sitemap(tmp_path: Path, http: PoliteSession) -> None:
    canonical = b'<link rel="canonical" href="https://images.example/data/IM-1">'
    (tmp_path / "IM-1.html").write_bytes(page(dataset()).replace(b"<head>", b"<head>" + canonical))
    (tmp_path / "IM-2.html").write_bytes(page(dataset(url="https://images.example/data/IM-2")))
    (tmp_path / "IM-3.jsonld").write_text(json.dumps(dataset(creator="Ann Example", **{"@id": "#d"})))
    (tmp_path / "notes.txt").write_text("none")
    asked = source(tmp_path)
    found = [
        schemaorg.transform(schemaorg.fetch(http, asked, entry), entry, Context(BASE, asked))
        for entry in schemaorg.entries(http, asked)
    ]
    assert [(h.record.accession, h.record.url, h.record.same_as) for h in found] == [
        ("IM-1", "https://images.example/data/IM-1", []),
        ("IM-2", "https://images.example/data/IM-2", []),
        ("IM-3", None, []),
    ]
    assert [h.findings for h in found] == [(), (), ()]


def test_folder_without_pages(tmp_path: Path, http: PoliteSession) -> None:
    (tmp_path / "notes.txt").write_text("none")
    with pytest.raises(SourceError, match="holds no wanted page"):
        keys(http, source(tmp_path))


def test_demo_is_published(http: PoliteSession) -> None:
    asked = source(Path(__file__).parents[1] / "hub" / "demo" / "websites", accession=r"/(BBBC\d{3})$")
    found = []
    for entry in schemaorg.entries(http, asked):
        harvested = schemaorg.transform(schemaorg.fetch(http, asked, entry), entry, Context(BASE, asked))
        assert harvested.findings == ()
        check_round_trip(harvested)
        found.append(harvested.record.accession)
    assert found == ["BBBC005", "BBBC006", "BBBC021"]


@pytest.mark.corpus
def test_corpus_page_is_published(corpus: Path) -> None:
    raw = (corpus / "enrichment" / "datacite" / "bo-zenodo-00.html").read_bytes()
    harvested = harvest(raw, "https://zenodo.org/records/1196821")
    record = harvested.record
    assert (record.accession, record.date_published, len(record.author)) == ("1196821", "2018-03-14", 6)
    assert record.license == "https://creativecommons.org/licenses/by-sa/4.0/"
    assert record.same_as == ["https://doi.org/10.5281/zenodo.1196821", "https://zenodo.org/record/1196821"]
    assert harvested.findings == ()
    check_round_trip(harvested)


def test_declaration() -> None:
    assert (schemaorg.HARVESTER.name, schemaorg.HARVESTER.listing, schemaorg.HARVESTER.route) == (
        "schemaorg",
        "full",
        1,
    )
