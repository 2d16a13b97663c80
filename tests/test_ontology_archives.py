"""Archives: accessions in every spelling met, and the pages of records."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ontology.archives import ARCHIVES, accession, archive_of, elsewhere, landing_page
from ontology.identifiers import iri, ror
from ontology.licences import licence

ACCESSIONS = [
    ("EMPIAR-10310", "EMPIAR-10310"),
    ("EMPIAR 10310", "EMPIAR-10310"),
    ("empiar-10310", "EMPIAR-10310"),
    ("10.6019/EMPIAR-10310", "EMPIAR-10310"),
    ("https://doi.org/10.6019/EMPIAR-10310", "EMPIAR-10310"),
    ("https://www.ebi.ac.uk/empiar/EMPIAR-10310/", "EMPIAR-10310"),
    ("https://www.ebi.ac.uk/biostudies/bioimages/studies/EMPIAR-10310", "EMPIAR-10310"),
    ("https://identifiers.org/empiar:10310", "EMPIAR-10310"),
    ("idr0040 ", "idr0040"),
    ("IDR0094", "idr0094"),
    ("idr0039-martin-optimiseflimfret", "idr0039"),
    ("idr0010-doil-dnadamage/screenA", "idr0010"),
    ("https://idr.openmicroscopy.org/study/idr0094/", "idr0094"),
    ("https://idr.openmicroscopy.org/search/?query=Name:idr0018", "idr0018"),
    ("s-biad824", "S-BIAD824"),
    ("S-BSST651", "S-BSST651"),
    ("S-BSMS4", "S-BSMS4"),
    ("S-BSMS-PGPC1", "S-BSMS-PGPC1"),
    ("https://www.ebi.ac.uk/biostudies/BioImages/studies/S-BIAD824.html", "S-BIAD824"),
    ("https://www.ebi.ac.uk/biostudies/bioimages/studies/S-BIAD824?query=x", "S-BIAD824"),
    ("10.6019/S-BIAD824", "S-BIAD824"),
    ("ssbd-repos-000011", "ssbd-repos-000011"),
    ("https://ssbd.riken.jp/repository/ssbd-repos-000011/", "ssbd-repos-000011"),
    ("https://ssbd.riken.jp/repository/536/", "ssbd-repos-000536"),
    ("10.24631/ssbd.repos.2022.06.237", "ssbd-repos-000237"),
    ("108-Sugita-RPEiPSCell", "108-Sugita-RPEiPSCell"),
    ("245-Hirasawa-OR-PAM", "245-Hirasawa-OR-PAM"),
    ("https://ssbd.riken.jp/v1/project/108-Sugita-RPEiPSCell", "108-Sugita-RPEiPSCell"),
    ("https://ssbd.riken.jp/database/project/108-Sugita-RPEiPSCell/", "108-Sugita-RPEiPSCell"),
    ("https://ssbd.riken.jp/database/237-Jin-CellDynamics/", "237-Jin-CellDynamics"),
]
REFUSED = [
    "",
    "10310",
    "idr",
    "idr00401",
    "EMPIAR",
    "S-BIAD",
    "S-BIAD1 S-BIAD2",
    "S-BIAD824 and more",
    "E-MTAB-1",
    "2024-04-27",
    "https://example.org/S-BIAD824",
    "https://ssbd.riken.jp/database/project/141/",
    "https://idr.openmicroscopy.org/webclient/?show=screen-102",
    "10.17867/10000108",
    "https://www.ebi.ac.uk/biostudies/studies/S-BIAD1/S-BIAD2",
]


@pytest.mark.parametrize(("text", "expected"), ACCESSIONS)
def test_accession(text: str, expected: str) -> None:
    assert accession(text) == expected
    assert accession(expected) == expected


@pytest.mark.parametrize("text", REFUSED)
def test_accession_refuses(text: str) -> None:
    with pytest.raises(ValueError, match="expected") as caught:
        accession(text)
    assert repr(text) in str(caught.value)


ARCHIVE_OF = [
    ("EMPIAR-10310", "empiar"),
    ("idr0094", "idr"),
    ("S-BIAD824", "bia"),
    ("S-BSST651", "bia"),
    ("S-BSMS4", "bia"),
    ("S-JCBD-201703089", "bia"),
    ("S-DHCA1", "bia"),
    ("ssbd-repos-000011", "ssbd"),
    ("108-Sugita-RPEiPSCell", "ssbd"),
    ("291-Deguchi-SARS-CoV2", "ssbd"),
]


@pytest.mark.parametrize(("text", "expected"), ARCHIVE_OF)
def test_archive_of_and_the_way_back_from_the_landing_page(text: str, expected: str) -> None:
    assert archive_of(text) == expected
    page = landing_page(expected, text)
    assert iri(page) == page
    assert accession(page) == text


@pytest.mark.parametrize("text", ["", "idr94", "S-XXXX1", "s-biad824", "EMPIAR-1031x"])
def test_archive_of_refuses(text: str) -> None:
    with pytest.raises(ValueError, match="expected"):
        archive_of(text)


def test_the_bioimage_archive_also_shows_empiar() -> None:
    assert landing_page("bia", "EMPIAR-10310") == "https://www.ebi.ac.uk/biostudies/bioimages/studies/EMPIAR-10310"


@pytest.mark.parametrize(("archive", "text"), [("idr", "S-BIAD824"), ("zenodo", "idr0094"), ("empiar", "S-BIAD1")])
def test_landing_page_refuses_a_foreign_accession(archive: str, text: str) -> None:
    with pytest.raises(ValueError, match="not an accession of"):
        landing_page(archive, text)


@pytest.mark.parametrize("archive", ARCHIVES.values(), ids=ARCHIVES.keys())
def test_the_table_of_archives_is_normalised(archive) -> None:
    assert ARCHIVES[archive.name] is archive
    assert iri(archive.homepage) == archive.homepage
    assert archive.publisher_ror is None or ror(archive.publisher_ror) == archive.publisher_ror
    assert archive.licence is None or licence(archive.licence) == archive.licence
    assert archive.terms is None or iri(archive.terms) == archive.terms
    re.compile(archive.accession_pattern)


def test_archives_are_sorted() -> None:
    assert list(ARCHIVES) == sorted(ARCHIVES)


@given(st.text() | st.from_regex("|".join(archive.accession_pattern for archive in ARCHIVES.values()), fullmatch=True))
@settings(deadline=None)
def test_any_text_gives_an_accession_of_an_archive_or_a_value_error(text: str) -> None:
    try:
        normal = accession(text)
    except ValueError:
        return
    assert archive_of(normal) in ARCHIVES
    assert accession(normal) == normal


@pytest.mark.parametrize(
    ("text", "database", "iri"),
    [
        ("ERP116793", None, "https://www.ebi.ac.uk/ena/browser/view/ERP116793"),
        ("prjeb1234", "ENA", "https://www.ebi.ac.uk/ena/browser/view/PRJEB1234"),
        ("EMD-12602", None, "https://www.ebi.ac.uk/emdb/EMD-12602"),
        ("pdb:1ABC", "PDB", "https://identifiers.org/pdb:1abc"),
        ("GSE1", "other", "https://identifiers.org/geo:GSE1"),
        ("E-MTAB-6153", None, "https://www.ebi.ac.uk/biostudies/arrayexpress/studies/E-MTAB-6153"),
        ("PXD000440", "PRIDE", "https://identifiers.org/pride.project:PXD000440"),
        ("EGAS00001000255", "EGA", "https://identifiers.org/ega.study:EGAS00001000255"),
        ("RRID:AB_2298772", None, "https://identifiers.org/RRID:AB_2298772"),
        ("P04637", "UniProt", "https://identifiers.org/uniprot:P04637"),
    ],
)
def test_elsewhere(text: str, database: str | None, iri: str) -> None:
    assert elsewhere(text, database) == iri


@pytest.mark.parametrize(("text", "database"), [("1ABC", None), ("P04637", None), ("ERR1-ERR2", "ENA"), ("", None)])
def test_nowhere(text: str, database: str | None) -> None:
    with pytest.raises(ValueError, match="no accession"):
        elsewhere(text, database)
