"""How words are understood: parts, spellings, meanings, synonyms, identifiers; and what no sign can do."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.errors import QueryRefusedError
from hub.search import layout, synonyms
from hub.search.contract import MAX_WORDS, Asked
from hub.search.highlighting import Marks, excerpt, pieces
from hub.search.query import Meaning, Wanted, identifiers_of, meant, words_query
from hub.search.searcher import Searcher
from hub.search.spelling import distance
from hub.search.words import MAX_BEGINNINGS, is_optional, parts
from tests.search_indexes import study, written

OBO = "http://purl.obolibrary.org/obo/"
STUDIES = [
    study(
        "t1", "Light-sheet imaging of zebrafish embryos", identifier=["10.1234/abc.5", "https://doi.org/10.1234/abc.5"]
    ),
    study("t2", "Something else", description="Light sheet of a zebrafish, and a mouse. It has a sheet of light."),
    study("t3", "eGFP-H2B and Cdk1/2 in HeLa cells", keywords=["p53", "α-tubulin"], people=["José Müller", "Ada Able"]),
    study("t4", "Mitochondrial fission", description="The organelles of yeast", genes=["TP53", "LFS1"]),
    study("t5", "細胞分裂 of the mouse", organism=[f"{OBO}NCBITaxon_10090", f"{OBO}NCBITaxon_9989"]),
    study(
        "t6", "Rat brain", organism=[f"{OBO}NCBITaxon_10116", f"{OBO}NCBITaxon_9989"], broader=["rodents", "Rodentia"]
    ),
    study("t7", "Mitotic spindles", description="A single word: quokka"),
    study("EMPIAR-10310", "FIB-SEM of parapodia", method=[f"{OBO}FBbi_00050000", f"{OBO}FBbi_00000256"]),
]


@pytest.fixture(scope="module")
def searcher(tmp_path_factory: pytest.TempPathFactory) -> Searcher:
    return Searcher(written(tmp_path_factory.mktemp("query") / "index", STUDIES))


def found(searcher: Searcher, words: str, *, is_exact: bool = False) -> list[str]:
    return [hit.member.accession for hit in searcher.find(Asked(words, is_exact=is_exact)).hits]


SEARCHES = [
    ("zebrafish", ["t1", "t2"]),
    ("ZEBRAFISH embryo", ["t1"]),
    ('"light sheet"', ["t1", "t2"]),
    ('"sheet light"', []),
    ('"sheet of light"', ["t2"]),
    ("lightsheet", ["t1", "t2"]),
    ("light sheet -mouse", ["t1"]),
    ('zebrafish -"sheet of light"', ["t1"]),
    ("imaging of the zebrafish", ["t1"]),
    ("of", ["t1", "t2", "t4", "t5", "EMPIAR-10310"]),
    ("eGFP-H2B", ["t3"]),
    ("egfp h2b", ["t3"]),
    ("Cdk1/2", ["t3"]),
    ("p53", ["t3"]),
    ("lfs1", ["t4"]),
    ("alpha-tubulin", ["t3"]),
    ("jose muller", ["t3"]),
    ("mitochond*", ["t4"]),
    ("light shee*", ["t1", "t2"]),
    ('"light shee"*', ["t1", "t2"]),
    ("yeas*", ["t4"]),
    ("細胞分裂", ["t5"]),
    ("rodents", ["t5", "t6"]),
    ("mitosis", ["t7"]),
    ("Mus musculus", ["t5"]),
    ("M. musculus", ["t5"]),
    ("electron microscopy", ["EMPIAR-10310"]),
    ("empiar 10310", ["EMPIAR-10310"]),
    ("EMPIAR-10310", ["EMPIAR-10310"]),
    ("empiar10310", ["EMPIAR-10310"]),
    ("10.1234/ABC.5", ["t1"]),
    ("https://doi.org/10.1234/abc.5", ["t1"]),
    ("doi:10.1234/abc.5", ["t1"]),
    ("doi 10.1234/abc.5", ["t1"]),
    ("x" * 3000, []),
]


@pytest.mark.parametrize(("words", "accessions"), SEARCHES)
def test_search(searcher: Searcher, words: str, accessions: list[str]) -> None:
    assert sorted(found(searcher, words)) == sorted(accessions)


def test_title_before_description_and_phrase_before_words(searcher: Searcher) -> None:
    assert found(searcher, "zebrafish") == ["t1", "t2"]
    assert found(searcher, "light sheet") == ["t1", "t2"]


def test_exact_search_takes_words_as_they_stand(searcher: Searcher) -> None:
    assert found(searcher, "mitosis", is_exact=True) == []
    assert found(searcher, "Mus musculus", is_exact=True) == []
    assert found(searcher, "mitotic", is_exact=True) == ["t7"]
    assert found(searcher, "zebrafsih", is_exact=True) == []


def test_mistyped_words_are_looked_for_as_what_there_is(searcher: Searcher) -> None:
    answer = searcher.find(Asked("zebrafsih embroyos"))
    assert (answer.instead, [hit.member.accession for hit in answer.hits]) == ("zebrafish embryos", ["t1"])
    assert searcher.find(Asked("parabodea")).instead == "parapodia", "two letters of a long word"
    assert searcher.find(Asked("zebrafish")).instead == ""


def test_where_nothing_has_both_words_what_has_one_is_found(searcher: Searcher) -> None:
    answer = searcher.find(Asked("parapodia quokka"))
    assert (answer.is_partial, sorted(hit.member.accession for hit in answer.hits)) == (True, ["EMPIAR-10310", "t7"])
    both = searcher.find(Asked("zebrafish embryos quokka"))
    assert next(hit.member.accession for hit in both.hits) == "t1"
    assert not searcher.find(Asked("parapodia quokka", is_exact=True)).hits


def test_suggestions_where_nothing_is_found(searcher: Searcher) -> None:
    answer = searcher.find(Asked("parapodia quokka", is_exact=True))
    assert answer.suggestions == (("quokka", 1), ("parapodia", 1))
    filtered = searcher.find(Asked("zebrafish", filters={"archive": ("elsewhere",)}))
    assert (filtered.total, filtered.suggestions) == (0, (("zebrafish", 2),))
    assert searcher.find(Asked("wholly unheard")).suggestions == ()


@pytest.mark.parametrize("words", ["", "  ", "*", '"', "&|", "- - -", "«»"])
def test_signs_alone_ask_nothing(searcher: Searcher, words: str) -> None:
    assert searcher.find(Asked(words)).total == len(STUDIES)


def test_limits() -> None:
    with pytest.raises(QueryRefusedError, match=f"at most {MAX_WORDS} words"):
        parts("a " * (MAX_WORDS + 1))
    with pytest.raises(QueryRefusedError, match=f"at most {MAX_BEGINNINGS} words with an asterisk"):
        parts("a* " * (MAX_BEGINNINGS + 1))


SIGNS = st.text("a\"*^:(){}[]+-~?/\\' .ORANDT", max_size=30)


@given(words=st.text(max_size=30) | SIGNS)
def test_no_sign_is_an_error(searcher: Searcher, words: str) -> None:
    try:
        searcher.find(Asked(words, per_page=1))
    except QueryRefusedError:
        assert "*" in words
    searcher.suggest(words)


@pytest.mark.parametrize("words", ["title:zebrafish", "zebrafish OR quokka", "/zebra.*/", "zebra~2", "[a TO z]"])
def test_the_language_of_the_engine_is_not_spoken(searcher: Searcher, words: str) -> None:
    assert not searcher.find(Asked(words, is_exact=True)).hits


def test_names_are_found_in_words_longest_first() -> None:
    groups = Wanted.of(parts("SPIM of danio rerio heart")).groups
    assert [(" ".join(p.text for p in g.parts), g.meaning) for g in groups] == [
        ("SPIM", Meaning("method", f"{OBO}FBbi_00000369")),
        ("of", None),
        ("danio rerio", Meaning("organism", f"{OBO}NCBITaxon_7955")),
        ("heart", None),
    ]
    assert meant("root") is None, "the root of all taxa says nothing"
    assert all(not group.meaning and not group.others for group in Wanted.of(parts('"light sheet"')).groups)


def test_only_words_that_must_not_occur() -> None:
    assert words_query(Wanted.of(parts("-mouse"))) is not None
    assert words_query(Wanted()) is None


def test_stop_words_are_optional_unless_quoted() -> None:
    assert [is_optional(part) for part in parts('the mouse "of the"')] == [True, False, False]


def test_families_of_words_are_sorted_and_of_several_stems() -> None:
    analyzer = layout.analyzers()[layout.ENGLISH]
    assert len(set(synonyms.FAMILIES)) == len(synonyms.FAMILIES)
    for family in synonyms.FAMILIES:
        names = family.split(", ")
        assert family == family.lower()
        assert len({tuple(analyzer.analyze(name)) for name in names}) == len(names) > 1, family
        assert all(analyzer.analyze(name) for name in names), family


def test_identifiers_of_every_spelling() -> None:
    assert "https://pubmed.ncbi.nlm.nih.gov/123456" in identifiers_of("PMID: 123456")
    assert "s-biad634" in identifiers_of("S-BIAD 634")
    assert "https://orcid.org/0000-0002-1825-0097" in identifiers_of("0000-0002-1825-0097")


def test_whole_words_are_marked_where_stems_match() -> None:
    marks = Marks.of(parts('embryo "light sheet" mitochond* the'))
    told = "".join(
        f"[{piece.text}]" if piece.is_match else piece.text for piece in pieces("The Embryos’ light-sheet", marks)
    )
    assert told == "The [Embryos]’ [light-sheet]"
    assert [p.text for p in pieces("Mitochondria, light and sheet", marks) if p.is_match] == ["Mitochondria"]
    assert pieces("", marks) == ()


def test_excerpt_is_where_most_is_marked() -> None:
    text = "word " * 200 + "the quokka of the embryo " + "word " * 200
    told = excerpt(text, Marks.of(parts("quokka embryo")))
    assert [p.text for p in told if p.is_match] == ["quokka", "embryo"]
    assert (told[0].text, told[-1].text) == ("… ", " …")
    assert "".join(p.text for p in excerpt("a short text", Marks.of(()))) == "a short text"


@given(st.text(max_size=60), st.text("ab c", max_size=9))
def test_pieces_are_the_text(text: str, words: str) -> None:
    assert "".join(piece.text for piece in pieces(text, Marks.of(parts(words)))) == text


@given(st.text("abc", max_size=6), st.text("abc", max_size=6))
def test_distance_is_symmetric_and_bounded(one: str, other: str) -> None:
    assert distance(one, other, 2) == distance(other, one, 2) <= 3
    assert (distance(one, other, 2) == 0) == (one == other)


def test_an_index_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no whole search index"):
        Searcher(tmp_path)
