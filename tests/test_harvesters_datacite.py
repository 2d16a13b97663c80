"""DataCite and Dublin Core: whose record it is, every field, wrappings, traps of the wild, hostile texts, corpus."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harvesters import oai
from harvesters.contract import Context, Entry, Harvested, RecordError, Source
from hub import records
from linkml_schemas.generated.model import Organization, Person
from tests.oai_server import dublin_core, record

PAYLOADS = Path(__file__).parent / "archives" / "oai"
BASE = "https://hub.example/"
KERNEL = "http://datacite.org/schema/kernel-4"
ABOUT = {"archive_title": "Zenodo", "archive_homepage": "https://zenodo.org/"}
NAMES = ("datacite-every-field", "dublin-core")


def source(archive: str = "zenodo", **options: Any) -> Source:
    return Source("z", "oai", archive, "https://zenodo.org/oai2d", {**ABOUT, **options})


def read(metadata: str, of: Source | None = None, identifier: str = "oai:zenodo.org:7") -> Harvested:
    raw = record(identifier, metadata).replace("<record>", f'<record xmlns="{oai.OAI[1:-1]}">').encode()
    return oai.transform(raw, Entry(identifier), Context(BASE, of or source()))


def resource(body: str, doi: str = "10.5281/zenodo.7", kind: str = "Dataset", namespace: str = KERNEL) -> str:
    return (
        f'<resource xmlns="{namespace}"><identifier identifierType="DOI">{doi}</identifier>'
        f'<titles><title>A title</title></titles><resourceType resourceTypeGeneral="{kind}"/>{body}</resource>'
    )


def rules(harvested: Harvested) -> list[tuple[str, str]]:
    return [(f.field, f.rule) for f in harvested.findings]


def check_round_trip(harvested: Harvested) -> None:
    canonical = records.canonical(harvested.record)
    assert records.from_quads(records.to_quads(canonical), canonical.id) == canonical


# --- golden records


@pytest.mark.parametrize("name", NAMES)
def test_golden_quads(name: str) -> None:
    harvested = oai.transform((PAYLOADS / f"{name}.xml").read_bytes(), Entry(name), Context(BASE, source()))
    check_round_trip(harvested)
    lines = sorted(f"{quad} ." for quad in records.to_quads(records.canonical(harvested.record)))
    golden = PAYLOADS / f"{name}.nt"
    if "UPDATE_GOLDEN" in os.environ:
        golden.write_text("\n".join(lines) + "\n", encoding="utf-8")
    assert lines == golden.read_text(encoding="utf-8").splitlines()
    assert harvested.findings == ()


def test_every_field_of_datacite() -> None:
    raw = (PAYLOADS / "datacite-every-field.xml").read_bytes()
    said = oai.transform(raw, Entry("x"), Context(BASE, source())).record
    assert (said.id, said.accession) == (f"{BASE}dataset/zenodo/example.101", "example.101")
    assert said.name == "Mitochondria of an example cell & others"
    assert said.description == "First paragraph.\n\nSecond, write to [e-mail removed]"
    assert [m.description for m in said.measurement_method] == ["Cells were looked at."]
    josiah, consortium, roe = said.author
    assert isinstance(josiah, Person)
    assert (josiah.id, josiah.name) == ("https://orcid.org/0000-0002-1825-0097", "Josiah Carberry")
    assert josiah.affiliation[0].id == "https://ror.org/05gq02987"
    assert [o.name for o in josiah.affiliation] == ["Brown University", "Department of Examples, [e-mail removed]"]
    assert (type(consortium), consortium.id) == (Organization, "https://ror.org/02mhbdp94")
    assert (type(roe), roe.name) == (Person, "Roe, Richard")
    assert [c.id for c in said.contact] == [josiah.id]
    assert [(p.name, p.family_name) for p in said.accountable_person] == [("Lea Leader", "Leader")]
    assert said.publisher is not None
    assert said.publisher.id == "https://ror.org/04wxnsj81"
    assert (said.date_submitted, said.date_published, said.date_modified) == ("2023-04-01", "2023-05-06", "2024-03-01")
    assert said.keyword == ["mitochondria", "Homo sapiens", "fluorescence microscopy"]
    assert {a.id.rpartition("/")[2] for a in said.about} == {"NCBITaxon_9606", "FBbi_00000246"}
    assert said.url == "https://example.com/records/101"
    assert said.same_as == ["https://doi.org/10.9999/example.101", "https://doi.org/10.9999/copy.101"]
    assert [p.id for p in said.publication][:3] == [
        "https://doi.org/10.9999/paper.1",
        "https://pubmed.ncbi.nlm.nih.gov/22038908",
        "https://doi.org/10.48550/arxiv.2504.18737",
    ]
    assert [(p.name, p.author_text, p.date_published) for p in said.publication][3:] == [
        ("A paper without a DOI", "Roe, Richard", "2022")
    ]
    assert said.related == [
        "https://doi.org/10.9999/data.7",
        f"{BASE}dataset/empiar/EMPIAR-10310",
        f"{BASE}dataset/idr/idr0094",
        "https://hdl.handle.net/10013/epic.10033",
    ]
    assert (said.size_bytes, said.file_count, said.image_count) == (1_200_000_000, 1200, 40)
    assert [d.encoding_format for d in said.distribution] == ["image/tiff, OME-Zarr"]
    assert said.license == "https://creativecommons.org/licenses/by/4.0/"
    assert said.is_accessible_for_free is True
    assert said.copyright_notice == "Please tell us what you find."
    first, second = said.funding
    assert (first.name, first.grant_number, first.url) == (
        "Examples of cells",
        "000/Z/7",
        "https://example.com/awards/7",
    )
    assert first.funder[0].id == "https://doi.org/10.13039/100004440"
    assert second.funder[0].id == "https://ror.org/05gq02987"


def test_dublin_core() -> None:
    raw = (PAYLOADS / "dublin-core.xml").read_bytes()
    said = oai.transform(raw, Entry("x"), Context(BASE, source())).record
    assert (said.accession, said.url) == ("example.102", "https://example.com/records/102")
    assert [(type(a), a.name) for a in said.author] == [(Person, "Doe, Jane"), (Organization, "University of Examples")]
    assert said.description == "Images of nuclei.\n\nTaken for this test."
    assert (said.date_published, said.size_bytes) == ("2024-02-03", 12_000_000)
    assert said.related == ["https://example.com/code", f"{BASE}dataset/empiar/EMPIAR-10310"]
    assert (said.license, said.is_accessible_for_free) == ("https://creativecommons.org/licenses/by/4.0/", False)


# --- whose record it is


@pytest.mark.parametrize(
    ("doi", "iri"),
    [
        ("10.6019/EMPIAR-10310", "empiar/EMPIAR-10310"),
        ("10.6019/s-biad824", "bia/S-BIAD824"),
        ("10.6019/S-BSST567", "bia/S-BSST567"),
        ("10.24631/ssbd.repos.2026.08.536", "ssbd/536"),
    ],
)
def test_doi_of_an_archive(doi: str, iri: str) -> None:
    allowed = source("datacite", archives=["bia", "empiar", "ssbd"], accessions_only=True)
    assert read(resource("", doi), allowed).record.id == f"{BASE}dataset/{iri}"
    assert read(resource("", "").replace("<identifier", "<x").replace("</identifier", "</x"), allowed, f"doi:{doi}")


@pytest.mark.parametrize(
    "doi", ["10.6019/PXD000001", "10.6019/CHEMBL3301361", "10.9999/empiar-10310", "10.5281/zenodo.7"]
)
def test_doi_of_something_else_is_refused(doi: str) -> None:
    for refusing in (source("empiar", archives=["bia"]), source(archives=["empiar"], accessions_only=True)):
        with pytest.raises(RecordError, match="is no dataset of"):
            read(resource("", doi), refusing)


def test_source_speaks_for_its_own_archives_only() -> None:
    with pytest.raises(RecordError, match="may not speak"):
        read(resource("", "10.6019/EMPIAR-10310"), source())


@pytest.mark.parametrize("local", ["EMPIAR-10310", "idr0094", "12-foo-bar"])
def test_identifier_that_looks_like_another_archives(local: str) -> None:
    said = read(dublin_core(), identifier=f"oai:zenodo.org:{local}").record
    assert (said.accession, said.archive.name) == (f"zenodo-{local}", "Zenodo")


def idr(body: str, doi: str = "10.17867/10000148") -> str:
    return read(resource(body, doi), source("idr")).record.accession


@pytest.mark.parametrize(
    "body",
    [
        '<alternateIdentifiers><alternateIdentifier alternateIdentifierType="URL">https://idr.openmicroscopy.org/study/'
        "idr0094/</alternateIdentifier></alternateIdentifiers>",
        "<alternateIdentifiers><alternateIdentifier>idr0094-ellinger-sarscov2</alternateIdentifier></alternateIdentifiers>"
        "<titles><title>idr0001 and idr0002</title></titles>",
        "<titles><title>IDR0094: a screen</title></titles>",
        '<relatedIdentifiers><relatedIdentifier relatedIdentifierType="URL">https://idr.openmicroscopy.org/webclient/?show='
        "idr0094</relatedIdentifier></relatedIdentifiers>",
    ],
)
def test_study_of_idr(body: str) -> None:
    assert idr(body) == "idr0094"


def test_doi_of_idr_that_names_no_study() -> None:
    with pytest.raises(RecordError, match="names its study"):
        idr("")
    with pytest.raises(RecordError, match="names its study"):
        idr("<titles><title>idr0001 and idr0002</title></titles>")
    with pytest.raises(RecordError, match="screen or experiment of idr0094"):
        idr("<titles><title>idr0094</title></titles>", "10.17867/10000148a")


@pytest.mark.parametrize(
    ("doi", "identifier", "accession"),
    [
        ("10.5281/ZENODO.1234567", "oai:zenodo.org:1234567", "zenodo.1234567"),
        ("10.1234/abc", "oai:zenodo.org:8", "10.1234-abc"),
        ("10.1234/a/b(c)", "oai:zenodo.org:8", "10.1234-a-b-c-1fa4d3"),
        ("", "oai:zenodo.org:3268395", "3268395"),
        ("", "oai:x.org:hal-1v1", "hal-1v1"),
        ("", "x y", "x-y-887fce"),
    ],
)
def test_accession_of_another_archive(doi: str, identifier: str, accession: str) -> None:
    made = read(resource("", doi), identifier=identifier).record
    assert (made.accession, made.archive.name) == (accession, "Zenodo")
    assert made.id == f"{BASE}dataset/zenodo/{accession}"


@pytest.mark.parametrize("identifier", ["", "///", "oai:x.org:" + "y" * 300, "oai:x.org:jo@example.org"])
def test_identifier_that_makes_no_accession(identifier: str) -> None:
    with pytest.raises(RecordError, match="makes no accession") as refused:
        read(dublin_core(), identifier=identifier)
    assert "jo@" not in str(refused.value)


@pytest.mark.parametrize(
    ("kind", "says"), [("Software", "Software"), ("Text", "Text"), ("JournalArticle", "JournalArticle")]
)
def test_only_datasets_are_published(kind: str, says: str) -> None:
    with pytest.raises(RecordError, match=f"type: is a {says}, not a dataset"):
        read(resource("", kind=kind))
    assert read(resource("", kind=kind), source(types=[kind]))


@pytest.mark.parametrize("kind", ["Dataset", "Image", "Collection", "dataset"])
def test_types_that_are_published(kind: str) -> None:
    assert rules(read(resource("", kind=kind))) == []


@pytest.mark.parametrize("kind", [":none", "", ":unav"])
def test_missing_type_is_a_finding(kind: str) -> None:
    assert rules(read(resource("", kind=kind))) == [("type", "type-missing")]


def test_types_of_dublin_core() -> None:
    assert read(dublin_core(type=["http://purl.org/dc/dcmitype/StillImage"])).findings == ()
    with pytest.raises(RecordError, match="not a dataset"):
        read(dublin_core(type=["info:eu-repo/semantics/article"]))


# --- wrappings


@pytest.mark.parametrize(
    "namespace",
    [f"http://datacite.org/schema/kernel-{v}" for v in ("2.1", "2.2", "3", "4", "4.5")] + [oai.OAI[1:-1], "urn:x"],
)
def test_resource_counts_under_any_namespace_and_wrapping(namespace: str) -> None:
    inner = resource("<publicationYear>2020</publicationYear>", namespace=namespace)
    wrappings = [inner]
    for version in ("1.0", "1.1"):
        wrappings.append(
            f'<oai_datacite xmlns="http://schema.datacite.org/oai/oai-{version}/"><schemaVersion>2.1</schemaVersion>'
            f"<datacentreSymbol>X</datacentreSymbol><payload>{inner}</payload></oai_datacite>"
        )
    for wrapped in wrappings:
        assert read(wrapped).record.date_published == "2020"
    assert oai.transform(inner.encode(), Entry("a.xml"), Context(BASE, source())).record.accession == "zenodo.7"


def test_old_kernel() -> None:
    body = (
        "<creators><creator><creatorName>Doe, Jane</creatorName></creator></creators><rights>CC0 1.0</rights>"
        '<contributors><contributor contributorType="Funder"><contributorName>Example Trust</contributorName>'
        "</contributor></contributors>"
    )
    said = read(resource(body, namespace="http://datacite.org/schema/kernel-2.2")).record
    assert said.license == "https://creativecommons.org/publicdomain/zero/1.0/"
    assert [g.name for g in said.funding] == ["Example Trust"]


@pytest.mark.parametrize(
    ("metadata", "says"),
    [
        ("<mods/>", "neither"), ("", "deleted"), ("<resource/>", "empty"), (" ", "holds none"),
        (resource("<a/>" * 20_001), "elements"),
    ],
)  # fmt: skip
def test_record_without_metadata(metadata: str, says: str) -> None:
    with pytest.raises(RecordError, match=says):
        read(metadata)


# --- fields


def creators(*written: str) -> list[Any]:
    body = "".join(f"<creator>{inner}</creator>" for inner in written)
    return list(read(resource(f"<creators>{body}</creators>")).record.author)


def test_swapped_name_parts_are_put_right() -> None:
    body = "<creatorName>Doe, Jane</creatorName><givenName>Doe</givenName><familyName>Jane</familyName>"
    harvested = read(resource(f"<creators><creator>{body}</creator></creators>"))
    (person,) = harvested.record.author
    assert isinstance(person, Person)
    assert (person.name, person.given_name, person.family_name) == ("Jane Doe", "Jane", "Doe")
    assert rules(harvested) == [("creators[0].givenName", "name-parts-swapped")]


@pytest.mark.parametrize(
    ("inner", "kind", "name"),
    [
        ('<creatorName nameType="Personal">Doe, Jane</creatorName>', Person, "Jane Doe"),
        ("<creatorName>Doe, Jane</creatorName>", Person, "Doe, Jane"),
        ("<creatorName>Jane Doe</creatorName>", Person, "Jane Doe"),
        (
            "<creatorName>University of California, Merced</creatorName>",
            Organization,
            "University of California, Merced",
        ),
        ('<creatorName nameType="Personal">University Lab</creatorName>', Person, "University Lab"),
        ('<creatorName nameType="Organizational">Doe, Jane</creatorName>', Organization, "Doe, Jane"),
        (
            "<creatorName>X</creatorName><nameIdentifier nameIdentifierScheme='RORS'>02mhbdp94</nameIdentifier>",
            Organization,
            "X",
        ),
    ],
)
def test_people_and_organisations(inner: str, kind: type, name: str) -> None:
    (made,) = creators(inner)
    assert (type(made), made.name) == (kind, name)


@pytest.mark.parametrize(
    "stated",
    [
        '<nameIdentifier nameIdentifierScheme="ORCID">0000-0002-1825-0097</nameIdentifier>',
        '<nameIdentifier nameIdentifierScheme="orcid" schemeURI="x">https://orcid.org/0000-0002-1825-0097/</nameIdentifier>',
        '<nameIdentifier nameIdentifierScheme="" schemeURI="http://www.orcid.org">0000000218250097</nameIdentifier>',
        "<nameIdentifier>\n  https://orcid.org/0000-0002-1825-0097\n</nameIdentifier>",
    ],
)
def test_orcid_in_any_spelling(stated: str) -> None:
    (made,) = creators(f"<creatorName>Doe, Jane</creatorName>{stated}")
    assert made.id == "https://orcid.org/0000-0002-1825-0097"


def test_address_of_an_affiliation_is_not_kept() -> None:
    stated = (
        "<creatorName>Doe, Jane</creatorName><affiliation>Example Institute, Example Street 4, 3012 Bern</affiliation>"
    )
    (made,) = creators(stated)
    assert [o.name for o in made.affiliation] == ["Example Institute"]


def test_one_orcid_of_two_people() -> None:
    orcid = '<nameIdentifier nameIdentifierScheme="ORCID">0000-0002-1825-0097</nameIdentifier>'
    made = creators(*(f"<creatorName>{name}</creatorName>{orcid}" for name in ("Doe, Jane", "Roe, Rick", "Jane Doe")))
    assert [a.id for a in made] == ["https://orcid.org/0000-0002-1825-0097", f"{BASE}record/z/zenodo.7#creator-2"]


def test_creators_that_are_none() -> None:
    body = "".join(
        f"<creator><creatorName>{name}</creatorName></creator>" for name in ("(:unav)", ":etal", "a@example.org")
    )
    harvested = read(resource(f"<creators>{body}</creators>"))
    assert harvested.record.author == []
    assert harvested.record.unknown == ["http://schema.org/author"]
    assert [rule for _, rule in rules(harvested)] == ["authors-incomplete", "person-without-name"]


def rights(*stated: str) -> Harvested:
    return read(resource(f"<rightsList>{''.join(stated)}</rightsList>"))


@pytest.mark.parametrize(
    "stated",
    [
        '<rights rightsURI="http://creativecommons.org/licenses/by/4.0"/>',
        '<rights rightsIdentifier="cc-by-4.0" rightsIdentifierScheme="SPDX">Whatever</rights>',
        "<rights>Creative Commons Attribution 4.0 International</rights>",
        '<rights rightsURI="https://example.com/terms">CC BY 4.0</rights>',
    ],
)
def test_licence(stated: str) -> None:
    assert rights(stated).record.license == "https://creativecommons.org/licenses/by/4.0/"


def test_rights_that_are_no_licence() -> None:
    harvested = rights("<rights>All rights reserved</rights>")
    assert (harvested.record.license, harvested.record.copyright_notice) == (None, "All rights reserved")
    assert rules(harvested) == [("rightsList[0]", "licence-unknown")]
    several = rights("<rights>CC BY 4.0</rights>", "<rights>MIT</rights>")
    assert several.record.license == "https://creativecommons.org/licenses/by/4.0/"
    assert rules(several) == [("rightsList[1]", "licence-several")]
    unknown = rights("<rights>:unkn</rights>")
    assert unknown.record.unknown == ["http://schema.org/license"]
    closed = rights('<rights rightsURI="http://purl.org/coar/access_right/c_16ec">restricted access</rights>')
    assert (closed.record.is_accessible_for_free, closed.findings) == (False, ())


def relation(value: str, kind: str = "DOI", how: str = "References", of: str = "") -> Harvested:
    attributes = f'relatedIdentifierType="{kind}" relationType="{how}" resourceTypeGeneral="{of}"'
    return read(
        resource(
            f"<relatedIdentifiers><relatedIdentifier {attributes}>{value}</relatedIdentifier></relatedIdentifiers>"
        )
    )


@pytest.mark.parametrize(
    ("stated", "papers", "related"),
    [
        (("10.1/x",), 0, 0),
        (("10.1038/s41597-021-00848-4",), 1, 0),
        (("10.1038/s41597-021-00848-4", "DOI", "IsPartOf"), 0, 1),
        (("10.5281/zenodo.9", "DOI", "References", "Software"), 0, 1),
        (("10.6019/EMPIAR-10310", "DOI", "IsSupplementTo"), 0, 1),
        (("10.17867/10000148", "DOI", "IsCitedBy", "Dataset"), 0, 1),
        (("https://doi.org/10.1038/x", "URL", "IsCitedBy"), 1, 0),
        (("22038908", "PMID", "IsSupplementTo"), 1, 0),
        (("978-3-905673-82-1", "ISBN", "Cites"), 0, 0),
        (("x> . <http://evil/s", "URL", "IsPartOf"), 0, 0),
        ((f"{BASE}dataset/bia/S-BIAD1", "URL", "IsPartOf"), 0, 1),
        (("10.5281/zenodo.7", "DOI", "IsVersionOf"), 0, 0),
    ],
)
def test_relations(stated: tuple[str, ...], papers: int, related: int) -> None:
    harvested = relation(*(part.replace("<", "&lt;") for part in stated))
    assert (len(harvested.record.publication), len(harvested.record.related)) == (papers, related)
    check_round_trip(harvested)


def test_withdrawn_dataset() -> None:
    body = (
        '<dates><date dateType="Withdrawn">2024-05-06</date></dates><relatedIdentifiers><relatedIdentifier '
        'relatedIdentifierType="DOI" relationType="IsObsoletedBy">10.6019/EMPIAR-10311</relatedIdentifier>'
        "</relatedIdentifiers>"
    )
    harvested = read(resource(body, "10.6019/EMPIAR-10310"), source("empiar"))
    assert harvested.withdrawal is not None
    assert (harvested.withdrawal.date, harvested.withdrawal.replaced_by) == (
        "2024-05-06",
        f"{BASE}dataset/empiar/EMPIAR-10311",
    )


@pytest.mark.parametrize(
    ("sizes", "found"),
    [
        (["4 kB"], 4000), (["1 GB", "2 GB"], None), (["12"], None), (["90 pages"], None), (["1 GB", "3 files"], 10**9),
    ],
)  # fmt: skip
def test_sizes(sizes: list[str], found: int | None) -> None:
    harvested = read(resource("<sizes>" + "".join(f"<size>{size}</size>" for size in sizes) + "</sizes>"))
    assert harvested.record.size_bytes == found
    assert bool(harvested.findings) == (found is None)


def test_bad_dates_are_findings() -> None:
    dates = "".join(f'<date dateType="Issued">{date}</date>' for date in ("0000-99-99", "circa 1850", "2020-02-30", ""))
    harvested = read(resource(f"<dates>{dates}</dates><publicationYear>2020</publicationYear>"))
    assert harvested.record.date_published == "2020"
    assert [rule for _, rule in rules(harvested)] == ["date-invalid"] * 3


def test_dates_without_a_label() -> None:
    assert read(dublin_core(date=["2020-01-02", "2020-03-04"])).record.date_published == "2020"
    several = read(dublin_core(date=["2020-01-02", "2021-03-04"]))
    assert (several.record.date_published, rules(several)[-1]) == (None, ("date", "date-ambiguous"))


def test_identifier_of_another_archive_is_related() -> None:
    page = "https://www.ebi.ac.uk/empiar/EMPIAR-10000/"
    harvested = read(dublin_core(identifier=[page, "https://example.com/7"]))
    assert (harvested.record.url, harvested.record.accession) == ("https://example.com/7", "7")
    assert harvested.record.related == [f"{BASE}dataset/empiar/EMPIAR-10000"]
    assert ("identifier[0]", "identifier-of-another") in rules(harvested)


def test_title_is_missing_or_a_placeholder() -> None:
    body = resource("<publicationYear>2020</publicationYear>")
    missing = read(body.replace("A title", ""))
    assert (missing.record.name, rules(missing)) == ("zenodo.7", [("title", "title-missing")])
    assert ("titles", "placeholder") in rules(read(body.replace("A title", ":unav")))
    with pytest.raises(RecordError, match="empty"):
        read('<resource xmlns="urn:x"><titles/></resource>')


# --- hostile texts


@pytest.mark.parametrize(
    "words",
    [
        "<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "javascript:alert(1)", "{{7*7}}",
        '" } ; DROP ALL ; #', "\u202egnp.exe", "\u200bzero", "e" + "\u0301" * 200, "x\n<http://evil/s> .\n#",
        "http://e/%zz", "http://e/{x}|^`\\", "https://hub.example/dataset/bia/S-BIAD1",
    ],
)  # fmt: skip
def test_hostile_texts_become_no_iri(words: str) -> None:
    for harvested in (
        read(
            dublin_core(
                title=words, identifier=words, relation=words, creator=words, rights=words, date=words, format=words
            )
        ),
        relation(words.replace("&", "&amp;").replace("<", "&lt;"), "URL"),
    ):
        check_round_trip(harvested)
        for said in (harvested.record.name, *harvested.record.keyword):
            assert not any(c in said for c in "\u202e\u200b")
        links = [harvested.record.url, *harvested.record.same_as, *harvested.record.related]
        assert all(link is None or (link.isascii() and not set(link) & set(' <>"{}|\\^`\n')) for link in links)
        assert harvested.record.url != words


def test_one_text_beyond_all_measure_is_left_out() -> None:
    harvested = read(dublin_core(title="x", description="y" * 100_001))
    assert harvested.record.description is None
    assert ("description[0]", "text-too-long") in rules(harvested)


@given(
    st.text(max_size=60), st.sampled_from(["titles/title", "publisher", "subjects/subject", "sizes/size", "version"])
)
def test_any_text_in_any_field(words: str, path: str) -> None:
    written = "".join(c for c in words if c.isprintable() and c.isascii()).replace("&", "&amp;").replace("<", "&lt;")
    opened = "".join(f"<{name}>" for name in path.split("/"))
    closed = "".join(f"</{name}>" for name in reversed(path.split("/")))
    check_round_trip(read(resource(opened + written + closed)))


# --- corpus

READ = (
    "datacite-example-ROR-nameIdentifiers", "datacite-example-affiliation", "datacite-example-full-v4.6",
    "datacite-example-full-v4.7", "datacite-multiple-language", "datacite-multiple-rights", "datacite_blank_publisher",
    "datacite_missing_creator", "funding_reference", "schema_4.0",
)  # fmt: skip
EVERY_TYPE = [
    "dataset",
    "collection",
    "software",
    "text",
    "journalarticle",
    "presentation",
    "project",
    "outputmanagementplan",
]


@pytest.mark.corpus
@pytest.mark.parametrize("name", READ)
def test_examples_of_datacite(corpus: Path, name: str) -> None:
    raw = (corpus / "enrichment" / "datacite" / "xml" / f"{name}.xml").read_bytes()
    harvested = oai.transform(raw, Entry(name), Context(BASE, source(types=EVERY_TYPE)))
    check_round_trip(harvested)
    assert harvested.record.name != harvested.record.accession
    assert harvested.record.date_published
    assert harvested.record.author or name == "datacite_missing_creator"


@pytest.mark.corpus
def test_example_that_is_not_well_formed(corpus: Path) -> None:
    raw = (corpus / "enrichment" / "datacite" / "xml" / "datacite-example-relateditems.xml").read_bytes()
    with pytest.raises(RecordError, match="not well-formed"):
        oai.transform(raw, Entry("x"), Context(BASE, source()))
