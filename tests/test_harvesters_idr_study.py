"""IDR's study file: encodings, quotation marks, lines that go on, keys of many spellings."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harvesters import idr_study
from harvesters.idr_study import Block, StudyFile, key_of


def read(text: str, encoding: str = "utf-8") -> StudyFile:
    return idr_study.read(text.encode(encoding))


def rules(study: StudyFile) -> list[tuple[str, str]]:
    return [(problem.field, problem.rule) for problem in study.problems]


HEAD = "Comment[IDR Study Accession]\tidr9001\nStudy Title\tA title\n"


# --- trap 1: encoding


def test_mac_roman_bytes_are_read_as_what_they_were() -> None:
    study = read("Study Title\tEllenberg’s cells – at 37°\n", "mac_roman")
    assert study.head.first("Study Title") == "Ellenberg’s cells – at 37°"
    assert rules(study) == [("study file", "encoding-mac-roman")]
    assert "3 bytes" in study.problems[0].message


def test_one_stray_byte_does_not_spoil_the_utf8_round_it() -> None:
    study = idr_study.read("Study Title\tMüller’s".encode() + b" \xd0 test\n")
    assert study.head.first("Study Title") == "Müller’s – test"


def test_byte_order_mark_and_utf16() -> None:
    assert read("\ufeff" + HEAD).head.first("Study Title") == "A title"
    assert read(HEAD, "utf-16").head.first("Study Title") == "A title"


def test_characters_lost_before_are_reported() -> None:
    assert rules(read("Study Title\tA \ufffd title\n")) == [("study file", "encoding-lost")]


def test_no_break_space_in_key_and_cell() -> None:
    assert read("Study\xa0Title\xa0\t\xa0A title\xa0\n").head.first("Study Title") == "A title"


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\r\r\n"])
def test_line_ends(end: str) -> None:
    study = read(HEAD.replace("\n", end))
    assert study.head.first("Study Title") == "A title"
    assert study.problems == []


def test_mixed_line_ends() -> None:
    study = read("Study Title\tA title\r\nStudy PMC ID\tPMC1\nStudy PubMed ID\t2\r")
    assert [key for key, _ in study.head.lines] == ["Study Title", "Study PMC ID", "Study PubMed ID"]


# --- trap 2: neither lines nor a CSV reader


def test_quoted_cells_are_unquoted() -> None:
    study = read('Study Author List\t"Fong KW, Li Y"\t"a ""b"" c"\n')
    assert study.head.row("Study Author List") == ["Fong KW, Li Y", 'a "b" c']


def test_unbalanced_quotation_mark_swallows_no_lines() -> None:
    study = read('Study Person Address\tAn institute, UK"\t"Another\nStudy Person Roles\tsubmitter\n')
    assert study.head.row("Study Person Address") == ['An institute, UK"', '"Another']
    assert study.head.row("Study Person Roles") == ["submitter"]


def test_line_that_goes_on_belongs_to_the_cell_before() -> None:
    study = read("Study Person Address\tAn institute\n1 Street, Town\tAnother institute\t\nStudy Person Roles\tx\n")
    assert study.head.row("Study Person Address") == ["An institute\n1 Street, Town", "Another institute"]
    assert rules(study) == [("Study Person Address", "line-continued")]


def test_a_problem_never_shows_an_address() -> None:
    study = read("Study Person Address\tAn institute\n1 Street, Town\njane@example.org\n")
    assert "Street" not in repr(study.problems)
    assert "example.org" not in repr(study.problems)


def test_quoted_cell_over_two_lines() -> None:
    study = read('Study Description\t"One line\nand another"\n')
    assert study.head.first("Study Description") == "One line\nand another"


# --- trap 3: keys


@pytest.mark.parametrize(
    ("written", "key"),
    [
        ("Study Type ", "Study Type"),
        ("Study Person Address    ", "Study Person Address"),
        ("study title", "Study Title"),
        ("Study Type Term Accession Number", "Study Type Term Accession"),
        ("Screen Technology Term Source REF", "Screen Technology Type Term Source REF"),
        ("Screen Technology Term Accession Number", "Screen Technology Type Term Accession"),
        ("Screen Example Image(s)", "Screen Example Image(s)"),
        ("ScreenComments", "Screen Comments"),
        ("Comment [IDR Study Accession]", "Comment[IDR Study Accession]"),
        ('"Study Title"', "Study Title"),
        ("Zürich, Switzerland", None),
        ("", None),
    ],
)
def test_spellings_of_keys(written: str, key: str | None) -> None:
    assert key_of(written) == key


def test_blank_instead_of_tab() -> None:
    study = read("Study Organism Saccharomyces cerevisiae\t\nScreen Number\t1\nScreen Type primary screen\n")
    assert study.head.row("Study Organism") == ["Saccharomyces cerevisiae"]
    assert study.components[0].row("Screen Type") == ["primary screen"]
    assert rules(study) == [("Study Organism", "tab-missing"), ("Screen Type", "tab-missing")]


def test_blanks_instead_of_tabs_between_quoted_cells() -> None:
    study = read('Screen Number\t1\nProtocol Name\t"Overnight + 4h" "Pheromone treatment"\n')
    assert study.components[0].row("Protocol Name") == ["Overnight + 4h", "Pheromone treatment"]


def test_key_of_no_form_is_kept_and_reported() -> None:
    study = read(HEAD + "Study Funding Body\tA trust\n")
    assert study.head.first("Study Funding Body") == "A trust"
    assert rules(study) == [("Study Funding Body", "key-unknown")]


def test_headings_are_no_lines() -> None:
    study = read('# STUDY SECTION\t\t\n"# with, comma"\t\t\n\t\t\n' + HEAD)
    assert [key for key, _ in study.head.lines] == ["Comment[IDR Study Accession]", "Study Title"]


# --- trap 4: repeated keys


def test_repeated_key_is_a_row_of_its_own() -> None:
    block = read("Screen Number\t1\nPhenotype Term Name\ta\tb\nPhenotype Term Name\t\tc\n").components[0]
    assert block.rows("Phenotype Term Name") == [["a", "b"], ["", "c"]]


def test_repeated_key_with_an_empty_first_line() -> None:
    assert read("Study DOI\t\nStudy DOI\t10.1/x\n").head.row("Study DOI") == ["10.1/x"]


# --- trap 5: places


def test_gaps_keep_their_places() -> None:
    study = read('Study PubMed ID\t1\t""\t\t4\t\t\n')
    assert study.head.row("Study PubMed ID") == ["1", "", "", "4"]


# --- blocks, hints


def test_components() -> None:
    study = read(
        HEAD
        + "Screen Number\t1\nComment[IDR Screen Name]\tidr9001-x/screenA\nScreen Type\tprimary screen\n"
        + "Experiment Number\t2\nComment[IDR Experiment Name]\tidr9001-x/experimentB\n"
        + "Comment[IDR Experiment Name]\tidr9001-x/experimentC\nStudy Copyright\tX et al\n"
    )
    assert [(b.kind, b.name) for b in study.components] == [
        ("Screen", "idr9001-x/screenA"),
        ("Experiment", "idr9001-x/experimentB"),
        ("Experiment", "idr9001-x/experimentC"),
    ]
    assert study.head.first("Study Copyright") == "X et al"


def test_hints_of_the_form_are_no_values() -> None:
    study = read("Study Title\t# fill in\nStudy DOI\t# fill in if known\nStudy Copyright\t#1 lab\n")
    assert [study.head.first(key) for key in ("Study Title", "Study DOI", "Study Copyright")] == [None, None, "#1 lab"]
    assert rules(study) == [("study file", "template-hint")]
    assert "2 values" in study.problems[0].message


def test_lines_before_any_key() -> None:
    assert rules(read("nonsense\n" + HEAD)) == [("study file", "key-unknown")]


@given(st.text())
def test_any_text_is_read(text: str) -> None:
    study = read(text.encode("utf-8", "replace").decode())
    assert isinstance(study.head, Block)


@given(st.binary(max_size=300))
def test_any_bytes_are_read(raw: bytes) -> None:
    study = idr_study.read(raw)
    for _, cells in study.head.lines:
        "".join(cells).encode()


@given(st.lists(st.text(alphabet="ab \t\"'", max_size=6).map(str.strip), min_size=1, max_size=5))
def test_cells_come_back_in_their_places(cells: list[str]) -> None:
    plain = [cell.replace("\t", "").replace('"', "").strip() for cell in cells]
    line = "Study Key Words\t" + "\t".join(plain) + "\n"
    assert read(line).head.row("Study Key Words") == idr_study.without_tail(plain)
