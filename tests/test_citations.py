"""Citations of datasets: what they name, what they leave out, and that other programs can read them."""

from __future__ import annotations

import re

import pytest
import rispy
from citeproc.source.bibtex import BibTeX

from hub import citations
from linkml_schemas.generated.model import Organization, Person
from tests.demo_records import demo, made, one, people

LAB = Organization(id="https://ror.org/00x0x0x00", name="Lab of Cells & Co")
DOI = "https://doi.org/10.6019/empiar-10988"


def every(record):
    return [citations.formatted(record, style) for style in citations.STYLES]


def test_every_style_names_title_and_address():
    for record in demo()[::14]:
        where = citations.address(record).removeprefix(citations.DOI)
        for cited in every(record):
            assert record.name.rstrip(".") in cited.text
            assert where in cited.text, cited
            assert "None" not in cited.text
            assert ".." not in cited.text.replace("...", "").replace(where, "")
            assert re.fullmatch(r"[^<>]*", re.sub(r"</?(i|b|sup|sub)>", "", cited.html))


def test_styles():
    record = made(author=people(2), date_published="2024-03-05", name="On cells.")
    assert citations.text(record) == (
        "Ex0, A., & Ex1, A. (2024). On cells [Dataset]. BioImage Archive. https://archive.example.org/S-BIAD1"
    )
    assert citations.text(record, "vancouver").startswith("Ex0 A, Ex1 A. On cells [Internet]. BioImage Archive; 2024.")
    assert "A. Ex0 and A. Ex1, “On cells”" in citations.text(record, "ieee")
    with pytest.raises(ValueError, match="style: 'mla' is unknown; there are apa, vancouver"):
        citations.text(record, "mla")


def test_the_doi_is_cited_before_the_archive_s_page():
    assert citations.address(one("EMPIAR-10988")) == DOI
    assert DOI in citations.text(one("EMPIAR-10988"))
    assert citations.address(made(url=None)) == made().id


def test_without_authors_and_date_the_archive_stands_for_them():
    assert (
        citations.text(made())
        == "BioImage Archive. (n.d.). Cells [Dataset]. Retrieved https://archive.example.org/S-BIAD1"
    )
    assert "author" not in citations.csl(made())
    assert "issued" not in citations.csl(made())


def test_organisations_and_undivided_names_stay_whole():
    record = made(author=[LAB, Person(id="https://hub.example.org/p/x", name="山田 太郎")])
    assert citations.csl(record)["author"] == [{"literal": "Lab of Cells & Co"}, {"literal": "山田 太郎"}]
    assert citations.text(record).startswith("Lab of Cells & Co, & 山田 太郎. (n.d.)")
    assert "{Lab of Cells \\& Co} and {山田 太郎}" in citations.bibtex([record])


def test_hundreds_of_authors():
    record = made(author=people(600), date_published="2024")
    assert "Ex599" in citations.text(record)  # APA names the first nineteen and the last
    assert "Ex30" not in citations.text(record)
    assert "et al." in citations.text(record, "vancouver")
    assert len(citations.csl(record)["author"]) == 600


def test_titles_are_no_markup():
    for cited in every(made(name="<script>alert(1)</script> <i>in vivo</i> & x")):
        assert "<script" not in cited.html
        assert "&lt;script&gt;" in cited.html
        assert "<script>alert(1)</script> <i>in vivo</i> & x" in cited.text
    assert "cells? [Dataset]" in citations.text(made(name="Why cells?"))
    assert "Why cells? [Internet]" in citations.text(made(name="Why cells?"), "vancouver")


@pytest.mark.filterwarnings("ignore:Unsupported BibTeX field")  # howpublished, which LaTeX prints and CSL lacks
def test_bibtex_is_read_by_another_program(tmp_path):
    file = tmp_path / "demo.bib"
    file.write_text(citations.bibtex(demo()), encoding="utf-8")
    read = BibTeX(str(file), encoding="utf-8")
    assert len(read) == len(demo())
    assert file.read_text().count("@misc{") == len(demo())


def test_bibtex_escapes_and_keeps_keys_apart():
    text = citations.bibtex([made(name="100 % of {x_1} & \\y"), made(url="https://e.org/a_b%20c")])
    assert r"title = {{100 \% of \{x\_1\} \& \textbackslash{}y}}" in text
    assert "url = {https://e.org/a_b%20c}" in text
    assert re.findall(r"@misc\{(.*),", text) == ["bia-S-BIAD1", "bia-S-BIAD1-2"]


def test_ris_is_read_by_another_program():
    read = rispy.loads(citations.ris([*demo(), made(author=people(1), date_published="2024-03", name="a\nb")]))
    assert len(read) == len(demo()) + 1
    last = read[-1]
    assert (last["type_of_reference"], last["title"], last["authors"]) == ("DATA", "a b", ["Ex0, Ann"])
    assert (last["year"], last["date"]) == ("2024", "2024/03//")
