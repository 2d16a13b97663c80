"""Which datasets are one study, which are parts of one, and which a text names; on made-up records and on real ones."""

from __future__ import annotations

import io
import json
import sqlite3
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harvesters.references import crossreferences
from harvesters.references.contract import Reference
from hub import records, references
from hub.crossreferences import CrossReferences
from hub.links import accessions, studies, titles
from hub.links.contract import Found, Record, Rule
from hub.links.rules import accession_mentioned, related_study, sameness
from hub.log import RecordRow
from linkml_schemas.generated.model import (
    Archive,
    BioSample,
    Dataset,
    DefinedTerm,
    Distribution,
    ImagingProtocol,
    Organization,
    Person,
    Publication,
    Taxon,
)
from ontology import iris
from tests.benchmarks import sameness as bench
from tests.support import BASE

OBO = "http://purl.obolibrary.org/obo/"
CONFOCAL, FIB_SEM = f"{OBO}FBbi_00000251", f"{OBO}FBbi_00050000"
MOUSE, FLY = f"{OBO}NCBITaxon_10090", f"{OBO}NCBITaxon_7227"
ATLAS = "A spatial cell atlas of the developing wing mapped to one axis"
PAPER = "https://doi.org/10.7554/elife.26066"
WORDS = (
    "We imaged the tissue from end to end, stained it for twelve markers and registered every image to one axis. " * 3
)
NOTHING = bench.Tables({})


def study(archive: str, accession: str, name: str = ATLAS, source: str = "", **more: Any) -> RecordRow:
    """A record in short words: ``people`` (ORCID or name), ``papers``, ``taxa`` and ``methods`` are IRIs or names."""
    source = source or archive
    people: list[Organization | Person] = [
        Person(id=p if "orcid" in p else f"{BASE}p/{p}", name=p) for p in more.pop("people", [])
    ]
    dataset = Dataset(
        id=iris.dataset(BASE, archive, accession),
        accession=accession,
        name=name,
        archive=Archive(id=iris.archive(BASE, archive), name=archive),
        author=people or None,
        publication=[Publication(id=iri) for iri in more.pop("papers", [])] or None,
        about=more.pop("about", []) + [Taxon(id=iri, scientific_name="x") for iri in more.pop("taxa", [])] or None,
        measurement_method=more.pop("protocols", []) + [DefinedTerm(id=i, name="x") for i in more.pop("methods", [])]
        or None,
        **more,
    )
    return bench.row_of(source, records.to_json(dataset), accession, dataset.id, name)


def found(rule: Rule, *rows: RecordRow, tables: bench.Tables = NOTHING) -> dict[tuple[str, str], Found]:
    return bench.links(rule, bench.blocks(rule, rows, tables), tables)


def confidence(*rows: RecordRow, rule: Rule = sameness.RULE, tables: bench.Tables = NOTHING) -> float:
    links = found(rule, *rows, tables=tables)
    assert len(links) <= 1, links
    return next((link.confidence for link in links.values()), 0.0)


def table(*pairs: tuple[str, str, str]) -> bench.Tables:
    """IDR's list of download addresses with some rows."""
    lines = ["idrid\timage_id\tbia_ngff_id\tbia_url", *(f"{idr}\t1\t{ngff}\t{url}" for idr, ngff, url in pairs)]
    reference = Reference("idr-downloads", "crossreferences", "idr-download-urls", "download_urls.tsv")
    db = sqlite3.connect(":memory:")
    stream = io.BytesIO("\n".join(lines).encode())
    references.fill(db, crossreferences.KIND, crossreferences.read_idr(stream, reference), {})
    return bench.Tables({"crossreferences": CrossReferences.over([("idr-downloads", db)])})


# --- titles ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "other", "likeness"),
    [
        ("Imaging of tonsil sections (OME-NGFF)", "Imaging of Tonsil Sections.", "same"),
        ("Dataset for: A cell atlas of the fly wing", "A cell atlas of the fly wing", "same"),
        ("A cell atlas of the fly wing, part 1", "A cell atlas of the fly wing, part 2", "numbered"),
        ("Chemogenomic compound annotation; wave IV", "Chemogenomic compound annotation; wave III", "numbered"),
        (
            "Spatial single cell atlas of the healthy lung",
            "Lung atlas: Spatial single cell atlas of the healthy lung",
            "contained",
        ),
        (f"{ATLAS} in mice and men", f"{ATLAS} in men and mice", "near"),
        (f"{ATLAS} of 12 flies", f"{ATLAS} of 14 flies", "begun"),
        ("Nuclear positions", "Nuclear volumes", ""),
        ("", "Nuclear positions", ""),
        ("細胞核の位置", "細胞核の位置", "same"),
    ],
)
def test_how_alike_two_titles_are(one: str, other: str, likeness: str) -> None:
    assert titles.compare(one, other) == titles.compare(other, one) == likeness


@given(st.text(max_size=80), st.text(max_size=80))
def test_likeness_has_no_direction_and_shares_a_block(one: str, other: str) -> None:
    likeness = titles.compare(one, other)
    assert titles.compare(other, one) == likeness
    if likeness == "same":
        assert titles.blocks(one) == titles.blocks(other)


def test_a_few_words_more_or_one_changed_leave_a_block_in_common() -> None:
    for changed in (f"{ATLAS} in flies", f"Raw: {ATLAS}", ATLAS.replace("mapped", "fitted")):
        assert titles.blocks(ATLAS) & titles.blocks(changed)


# --- accessions in texts ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "named", "wording"),
    [
        ("OME-NGFF converted study from idr0054. It shows tonsils.", "idr/idr0054", "converted"),
        ("The raw data is available under the BioStudies identifier S-BIAD443.", "bia/S-BIAD443", "available"),
        ("See also EMPIAR-10310 for the tilt series.", "empiar/EMPIAR-10310", "named"),
        ("(BIA Acc. No. S-BIAD1968, DOI:10.6019/S-BIAD1968)", "bia/S-BIAD1968", "named"),
        ("Like the project at https://doi.org/10.6019/S-BIAD1866 .", "bia/S-BIAD1866", "named"),
        ("See https://ssbd.riken.jp/repository/108/", "ssbd/108", "named"),
        ("Plates were part of idr0016/screenA", "idr/idr0016", "named"),
    ],
)
def test_accessions_are_found_in_texts(text: str, named: str, wording: str) -> None:
    dataset: Dataset = records.from_json(study("bia", "S-BIAD1", description=f"Before it. {text} And after.").record)
    [mention] = accessions.mentions(dataset)
    assert (mention.dataset, mention.field, mention.wording) == (named, "description", wording)
    description = dataset.description or ""
    assert description[mention.start :].startswith(mention.written)
    assert mention.written in mention.quote
    assert "Before" not in mention.quote
    assert mention.quote in description


@pytest.mark.parametrize(
    "text",
    [
        "bia_file_list_idr0079_1.json",
        "EMD-386088 is a compound",
        "idr00541",
        "10.7554/eLife.26066",
        "https://example.org/",
        "S-BIAD",
    ],
)
def test_what_only_looks_like_an_accession_is_none(text: str) -> None:
    assert list(accessions.mentions(records.from_json(study("bia", "S-BIAD1", description=text).record))) == []


@given(st.text(alphabet=st.sampled_from("S-BIADidrEMPIAR0123456789 ./:hts\n"), max_size=120))
def test_any_text_is_read(text: str) -> None:
    for mention in accessions.mentions(records.from_json(study("bia", "S-BIAD1", description=text).record)):
        assert text[mention.start :].startswith(mention.written)


# --- the same study --------------------------------------------------------------------------------------------------


def test_a_title_needs_one_more_agreement() -> None:
    bare = confidence(study("bia", "S-BIAD1"), study("idr", "idr0001"))
    assert sameness.CANDIDATE <= bare < sameness.THRESHOLD
    same: dict[str, Any] = {"taxa": [MOUSE], "methods": [CONFOCAL]}
    assert confidence(study("bia", "S-BIAD1", **same), study("idr", "idr0001", **same)) >= sameness.THRESHOLD
    people: dict[str, Any] = {"people": ["Ann Other", "Sam Body"]}
    assert confidence(study("bia", "S-BIAD1", **people), study("idr", "idr0001", **people)) >= sameness.THRESHOLD


def test_short_titles_say_little() -> None:
    same: dict[str, Any] = {"taxa": [MOUSE], "methods": [CONFOCAL], "date_published": "2020"}
    assert (
        confidence(
            study("bia", "S-BIAD1", "Nuclear positions", **same), study("idr", "idr0001", "Nuclear positions", **same)
        )
        == 0
    )


def test_a_shared_paper_needs_the_same_method() -> None:
    one = study("bia", "S-BIAD1", "Taxonomic annotations", papers=[PAPER], methods=[CONFOCAL])
    same = study("idr", "idr0001", "Imaging for ecology", papers=[PAPER], methods=[CONFOCAL])
    other = study("idr", "idr0001", "Imaging for ecology", papers=[PAPER], methods=[FIB_SEM])
    assert confidence(one, same) >= sameness.THRESHOLD
    assert confidence(one, other) < sameness.CANDIDATE
    assert confidence(one, other, rule=related_study.RULE) >= related_study.RULE.threshold


def test_what_an_archive_states_is_a_fact_with_its_sentence() -> None:
    text = "OME-NGFF converted study from idr0054. It shows tonsils."
    [link] = found(
        sameness.RULE, study("bia", "S-BIAD800", "Tonsils", description=text), study("idr", "idr0054")
    ).values()
    assert link.confidence >= sameness.THRESHOLD
    [reason] = link.evidence
    assert (reason.kind, reason.field, reason.value, reason.start) == ("text", "description", "idr0054", 30)
    assert reason.quote == "OME-NGFF converted study from idr0054."
    assert reason.source == "bia/S-BIAD800"


def test_a_twin_that_the_hub_does_not_have_is_told_and_stays_one_link_when_it_comes() -> None:
    idr = study("idr", "idr0094", related=[f"{BASE}dataset/bia/S-BIAD29"])
    [alone] = found(sameness.RULE, idr).values()
    assert (alone.subject, alone.object) == (f"{BASE}dataset/bia/S-BIAD29", f"{BASE}dataset/idr/idr0094")
    assert alone.confidence >= sameness.THRESHOLD
    assert alone.records == (("idr", "idr0094"),)
    [both] = found(sameness.RULE, idr, study("bia", "S-BIAD29")).values()
    assert (both.subject, both.object) == (alone.subject, alone.object)
    assert both.confidence > alone.confidence


def test_download_tables_count_from_either_side() -> None:
    tables = table(("idr0170", "", "https://www.ebi.ac.uk/biostudies/studies/S-BIAD1961"), ("idr0004", "S-BIAD867", ""))
    for row in (study("bia", "S-BIAD1961"), study("idr", "idr0170")):
        [link] = found(sameness.RULE, row, tables=tables).values()
        assert (studies.name_of(link.subject), studies.name_of(link.object)) == ("bia/S-BIAD1961", "idr/idr0170")
        assert [(e.kind, e.source) for e in link.evidence] == [("table", "idr-downloads bia_url")]
    assert found(sameness.RULE, study("idr", "idr0001"), tables=tables) == {}


def test_a_mapping_set_of_another_hub_is_a_table_too() -> None:
    text = (
        "#curie_map:\n#  bia: https://x/\nsubject_id\tpredicate_id\tpredicate_modifier\tobject_id\n"
        "bia:S-BIAD1\thub:sameStudyAs\t\tidr:idr0001\n"
        "https://other.example/dataset/bia/S-BIAD2\thub:sameStudyAs\tNot\tidr:idr0002\n"
        "https://other.example/dataset/bia/S-BIAD3\thub:sameStudyAs\t\tidr0003\nbia:S-BIAD4\thub:relatedStudy\t\tidr0004\n"
    )
    reference = Reference("peer", "crossreferences", "sssom", "peer.sssom.tsv")
    pairs = [row[1][1:3] for row in crossreferences.read_sssom(io.BytesIO(text.encode()), reference)]
    assert pairs == [("bia/S-BIAD1", "idr/idr0001"), ("bia/S-BIAD3", "idr/idr0003")]
    with pytest.raises(ValueError, match="has no column"):
        list(crossreferences.read_idr(io.BytesIO(b"a\tb\n"), reference))


AGAINST = {
    "organisms": ({"taxa": [MOUSE]}, {"taxa": [FLY]}, "other-organisms"),
    "microscopy": ({"methods": [CONFOCAL]}, {"methods": [FIB_SEM]}, "other-microscopy"),
    "papers": ({"papers": [PAPER]}, {"papers": ["https://doi.org/10.1/a"]}, "other-paper"),
    "size": ({"size_bytes": 10**12}, {"size_bytes": 10**9}, "other-size"),
}


@pytest.mark.parametrize(("one", "other", "why"), AGAINST.values(), ids=AGAINST)
def test_what_speaks_against(one: dict[str, Any], other: dict[str, Any], why: str) -> None:
    people: dict[str, Any] = {"people": ["Ann Other", "Sam Body"]}
    rows = study("bia", "S-BIAD1", **people, **one), study("idr", "idr0001", **people, **other)
    plain = confidence(study("bia", "S-BIAD1", **people), study("idr", "idr0001", **people))
    assert confidence(*rows) < plain
    a, b = (
        next(iter(studies.sides(m)))
        for k, m in bench.blocks(sameness.RULE, rows, NOTHING).items()
        if k.startswith("is ")
    )
    [reason] = [r for r in studies.reasons(studies.Pair(a, b)) if r.name == why]
    assert reason.evidence.kind == "against"
    assert reason.evidence.quote
    assert sameness.WEIGHTS[why] < 0


def test_parts_of_a_series_are_related_not_the_same() -> None:
    same: dict[str, Any] = {
        "people": ["Ann Other", "Sam Body"],
        "taxa": [MOUSE],
        "methods": [CONFOCAL],
        "description": WORDS,
    }
    rows = study("bia", "S-BIAD1", f"{ATLAS}, part 1", **same), study("idr", "idr0001", f"{ATLAS}, part 2", **same)
    assert confidence(*rows) < sameness.THRESHOLD
    assert confidence(*rows, rule=related_study.RULE) >= related_study.RULE.threshold


def test_same_title_in_one_archive_is_never_the_same() -> None:
    same: dict[str, Any] = {
        "people": ["Ann Other", "Sam Body"],
        "papers": [PAPER],
        "size_bytes": 10**9,
        "description": WORDS,
    }
    rows = study("bia", "S-BIAD2233", **same), study("bia", "S-BIAD2245", **same)
    assert confidence(*rows) == 0
    assert confidence(*rows, rule=related_study.RULE) >= related_study.RULE.threshold


def test_one_title_for_several_studies_makes_candidates_only_what_is_stated_is_a_fact() -> None:
    """idr0134 and idr0137 have one title, and so have their twins S-BIAD188 and S-BIAD443."""
    same: dict[str, Any] = {"people": ["https://orcid.org/0000-0002-1825-0097"], "methods": [CONFOCAL]}
    says = DefinedTerm(id=f"{BASE}t", name="x")
    text = "The raw bioimaging data is available under the BioStudies identifier S-BIAD443."
    protocol = ImagingProtocol(id=f"{BASE}x", name="x", description=text, measurement_technique=[says])
    rows = [
        study("idr", "idr0134", date_published="2022", **same),
        study("idr", "idr0137", date_published="2023", protocols=[protocol], **same),
        study("bia", "S-BIAD188", date_published="2022", **same),
        study("bia", "S-BIAD443", date_published="2023", **same),
    ]
    assert bench.facts(sameness.RULE, found(sameness.RULE, *rows)) == {("bia/S-BIAD443", "idr/idr0137")}
    told = found(sameness.RULE, *rows, tables=table(("idr0134", "", "S-BIAD188"), ("idr0137", "", "S-BIAD443")))
    assert bench.facts(sameness.RULE, told) == {("bia/S-BIAD188", "idr/idr0134"), ("bia/S-BIAD443", "idr/idr0137")}
    assert ("bia/S-BIAD188", "idr/idr0137") not in told, "it has a twin of its own there"


def test_correlative_parts_are_related() -> None:
    same: dict[str, Any] = {"people": ["https://orcid.org/0000-0002-1825-0097"], "date_published": "2023"}
    light = study("bia", "S-BIAD610", methods=[CONFOCAL], **same)
    electrons = study("empiar", "EMPIAR-11380", source="bia", methods=[FIB_SEM], **same)
    unsaid = study("empiar", "EMPIAR-11380", **same)
    assert confidence(light, electrons) < sameness.CANDIDATE
    for other in (electrons, unsaid):
        assert confidence(light, other) < sameness.CANDIDATE
        assert confidence(light, other, rule=related_study.RULE) >= related_study.RULE.threshold
    named = study("empiar", "EMPIAR-11380", "Tilt series", related=[f"{BASE}dataset/bia/S-BIAD610"])
    assert confidence(light, named) < sameness.THRESHOLD
    assert confidence(light, named, rule=related_study.RULE) >= related_study.RULE.threshold


def test_records_of_one_dataset_are_never_linked_with_one_another() -> None:
    """An EMPIAR entry comes by EMPIAR and by the BioImage Archive; an SSBD deposit has two accessions."""
    rows = [
        study("empiar", "EMPIAR-10310", source="bia", same_as=[f"{BASE}dataset/empiar/EMPIAR-10310"]),
        study(
            "empiar",
            "EMPIAR-10310",
            description="EMPIAR-10310 holds it.",
            related=[f"{BASE}dataset/empiar/EMPIAR-10310"],
        ),
        study("ssbd", "ssbd-repos-000108", "One"),
        study("ssbd", "108-Sugita-RPEiPSCell", "One", description="of ssbd-repos-000108"),
    ]
    for rule in (sameness.RULE, related_study.RULE, accession_mentioned.RULE):
        links = found(rule, *rows)
        assert [pair for pair in links if pair[0] == pair[1]] == []
        assert not {pair for pair in links if pair[0].split("/")[0] == pair[1].split("/")[0]}


def test_data_dois_and_files_and_places_elsewhere_join() -> None:
    doi = "https://doi.org/10.5281/zenodo.7147818"
    assert (
        confidence(study("bia", "S-BIAD1", "A b", same_as=[doi]), study("ssbd", "1-bdml", "C d", same_as=[doi])) >= 0.8
    )
    files = [Distribution(id=f"{BASE}f", content_url="https://ftp.example.org/a.tif")]
    pair = study("bia", "S-BIAD1", distribution=files), study("idr", "idr0001", distribution=files)
    assert confidence(*pair) >= sameness.THRESHOLD
    emdb = ["https://www.ebi.ac.uk/emdb/EMD-1234"]
    rows = study("bia", "S-BIAD1", "A", related=emdb), study("empiar", "EMPIAR-10310", "B", related=emdb)
    assert confidence(*rows) == 0
    assert confidence(*rows, rule=related_study.RULE) >= related_study.CANDIDATE
    own, other = study("bia", "S-BIAD1", "A", same_as=[doi]), study("ssbd", "1-bdml", "B", related=[doi])
    assert confidence(own, other, rule=related_study.RULE) >= related_study.CANDIDATE


def test_equal_numbers_of_bytes_alone_say_little() -> None:
    same: dict[str, Any] = {"size_bytes": 106762727906, "file_count": 42}
    assert confidence(study("bia", "S-BIAD1", "A", **same), study("idr", "idr0001", "B", **same)) == 0


def test_missing_titles_are_not_compared() -> None:
    rows = (
        study("ssbd", "ssbd-repos-000013", "ssbd-repos-000013"),
        study("ssbd", "ssbd-repos-000044", "ssbd-repos-000044"),
    )
    assert found(related_study.RULE, *rows) == {}


@pytest.mark.parametrize("rule", [sameness.RULE, related_study.RULE, accession_mentioned.RULE], ids=lambda r: r.name)
def test_a_pair_is_judged_alike_under_every_key_and_in_any_order(rule: Rule) -> None:
    """What the contract asks of a rule: the engine may compute blocks in any order, and members come in any order."""
    rows = [
        study(
            "bia",
            f"S-BIAD{n}",
            ATLAS if n < 3 else f"{ATLAS}, part {n}",
            papers=[PAPER] * (n % 2),
            people=["Ann Other"],
        )
        for n in range(5)
    ] + [study("idr", f"idr000{n}", papers=[PAPER], description=f"see S-BIAD{n}") for n in range(3)]
    forth = bench.links(rule, bench.blocks(rule, rows, NOTHING), NOTHING)
    back = bench.links(rule, bench.blocks(rule, rows[::-1], NOTHING), NOTHING)
    assert forth
    assert {p: link.confidence for p, link in forth.items()} == {p: link.confidence for p, link in back.items()}
    said: dict[tuple[str, str], set[float]] = {}
    for key, members in bench.blocks(rule, rows, NOTHING).items():
        for link in rule.link(key, members, NOTHING):
            assert isinstance(link, Found)
            assert link.subject < link.object or not rule.is_symmetric
            said.setdefault((link.subject, link.object), set()).add(link.confidence)
    assert all(len(confidences) == 1 for confidences in said.values())


def test_features_are_small_and_hold_no_names_of_people() -> None:
    people = [f"Given{n} Family{n}" for n in range(500)]
    row = study("bia", "S-BIAD1", people=people, about=[BioSample(id=f"{BASE}s", name="x", taxon=[])], taxa=[MOUSE])
    membership = sameness.RULE.members(Record(row), NOTHING)
    text = json.dumps(membership.features)
    assert len(text) < 2000
    assert "Family" not in text
    assert len(membership.keys) < 20


# --- named in a text -------------------------------------------------------------------------------------------------


def test_a_named_dataset_is_linked_when_the_hub_has_it() -> None:
    row = study("bia", "S-BIAD1932", "B", description="As in TrypTag. See https://doi.org/10.6019/S-BIAD1866 for more.")
    assert found(accession_mentioned.RULE, row) == {}
    [(pair, link)] = found(accession_mentioned.RULE, row, study("bia", "S-BIAD1866", "A")).items()
    assert pair == ("bia/S-BIAD1932", "bia/S-BIAD1866")
    [reason] = link.evidence
    assert reason.quote == "See https://doi.org/10.6019/S-BIAD1866 for more."
    assert (reason.start, reason.source) == (19, "bia/S-BIAD1932")


# --- the corpus ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def real(corpus: Any) -> list[RecordRow]:
    return list(bench.rows(corpus))


@pytest.fixture(scope="module")
def downloads(corpus: Any) -> bench.Tables:
    return bench.download_table(corpus / "idr" / "website" / "download_urls.tsv")


@pytest.fixture(scope="module")
def judged_links(real: list[RecordRow], downloads: bench.Tables) -> tuple[set[Any], set[Any]]:
    made = bench.blocks(sameness.RULE, real, downloads)
    same = bench.facts(sameness.RULE, bench.links(sameness.RULE, made, downloads))
    return same, bench.facts(related_study.RULE, bench.links(related_study.RULE, made, downloads))


def test_the_judged_pairs_are_sorted_unique_and_many() -> None:
    pairs = [j.pair for j in bench.judged()]
    assert pairs == sorted(set(pairs))
    assert len(pairs) >= 150
    assert all(one < other for one, other in pairs)
    assert {j.verdict for j in bench.judged()} == {"same", "related", "different"}
    assert all(accessions.of_iri(f"{BASE}dataset/{name}") == name for pair in pairs for name in pair)


@pytest.mark.corpus
def test_the_four_known_studies_in_two_archives_are_found(judged_links: tuple[set[Any], set[Any]]) -> None:
    known = {
        ("bia/S-BIAD595", "idr/idr0015"),
        ("bia/S-BIAD1257", "idr/idr0161"),
        ("bia/S-BIAD1288", "idr/idr0163"),
        ("bia/S-BIAD824", "idr/idr0157"),
    }
    assert known <= judged_links[0]


@pytest.mark.corpus
def test_the_twins_of_idr_are_found(real: list[RecordRow], judged_links: tuple[set[Any], set[Any]]) -> None:
    twins = {j.pair for j in bench.judged() if "list of download addresses" in j.reason or "IDR lists it" in j.reason}
    assert len(twins) == 35
    assert twins <= judged_links[0]
    by_records = bench.facts(sameness.RULE, found(sameness.RULE, *real))
    assert len(twins & by_records) >= 23, "without the list, those of which a record says it or both records are there"


@pytest.mark.corpus
def test_nothing_is_wrongly_merged(judged_links: tuple[set[Any], set[Any]]) -> None:
    same, related = judged_links
    verdicts = {j.pair: j.verdict for j in bench.judged()}
    assert {verdicts.get(pair) for pair in same} == {"same"}, same - verdicts.keys()
    assert "different" not in {verdicts.get(pair) for pair in related}
    assert not same & related
    right = {pair for pair, verdict in verdicts.items() if verdict == "same"}
    assert len(same & right) / len(right) > 0.9


@pytest.mark.corpus
def test_blocks_of_the_corpus_are_small(real: list[RecordRow]) -> None:
    made = bench.blocks(sameness.RULE, real, NOTHING)
    assert max(len(members) for members in made.values()) <= 20
    assert sum(len(members) for members in made.values()) / len(real) < 15
