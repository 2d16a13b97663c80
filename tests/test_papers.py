"""Papers: tables and services in their real shapes, what goes wrong with them, and what they say together."""

from __future__ import annotations

import io
import json
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harvesters.http import Manners, PoliteSession
from harvesters.polite.pace import told_interval_s
from harvesters.references import papers_crossref, papers_datacite, papers_europepmc
from harvesters.references.contract import Reference
from harvesters.references.papers import KIND
from harvesters.references.papers_rows import ids
from hub import papers, records, references
from hub.config import Settings
from hub.log import Batch, Log
from hub.papers import Naming, Papers
from linkml_schemas.generated.model import Archive, Dataset, Publication
from ontology import archives, identifiers, iris
from ontology.text import has_email
from tests.links_support import row
from tests.paper_services import ELIFE, Services, doi_record
from tests.support import BASE, ROOT

DOI, PUBMED, PMC = (
    f"https://doi.org/{ELIFE}",
    "https://pubmed.ncbi.nlm.nih.gov/29087936",
    "https://www.ncbi.nlm.nih.gov/pmc/articles/PMC5663481",
)
MANNERS = Manners(interval_s=0.0, timeout_s=5.0, retries=0, max_wait_s=0.01, patience_s=1.0)
IDS = "PMID,PMCID,DOI\n29087936,PMC5663481,https://doi.org/10.7554/eLife.26066\n1,,\n22338609,PMC3320746,\n"
PMC_IDS = (
    "Journal Title,ISSN,eISSN,Year,Volume,Issue,Page,DOI,PMCID,PMID,Manuscript Id,Release Date\n"
    '"Elife, a journal",,2050-084X,2017,6,,,10.7554/eLife.26066,PMC5663481,29087936,,live\n'
)
EMPIAR = 'empiar,PMCID,EXTID,SOURCE\n"EMPIAR-10310",PMC5663481,29087936,MED\n"EMPIAR-10310",PMC7,PPR9,PPR\n'
BIOSTUDIES = 'biostudies,PMCID,EXTID,SOURCE\n"S-EPMC7537588",PMC1,11,MED\n"S-BIAD595",PMC5663481,29087936,MED\n'
EMDB = 'emdb,PMCID,EXTID,SOURCE\n"EMD-4180",PMC5663481,29087936,MED\n'
PUBMED_TSV = (
    "EMDB_ID\tPUBMED_ID\tPUBMED_PROVENANCE\tPUBMEDCENTRAL_ID\tPUBMEDCENTRAL_PROVENANCE\tISSN\tISSN_PROVENANCE\tDOI\t"
    "DOI_PROVENANCE\tJOURNAL_NAME\tJOURNAL_ABBV\nEMD-4180\t29087936\tEMDB\tPMC5663481\tEuropePMC\t\t\t"
    "10.7554/eLife.26066\tEMDB\teLife\teLife\nEMD-1\t\t\t\t\t\t\t\t\tTo Be Published\t\n"
)
EMPIAR_TSV = "EMDB_ID\tEMPIAR_ID\tPROVENANCE\nEMD-4180\tEMPIAR-10310\tEMPIAR\n"


def table(form: str, text: str, name: str = "table", **options: Any) -> tuple[str, sqlite3.Connection]:
    db = sqlite3.connect(":memory:", check_same_thread=False)
    reference = Reference(name, "papers", form, name, options)
    stream: Any = io.BufferedReader(io.BytesIO(text.encode()))
    references.fill(db, KIND, KIND.formats[form].read(stream, reference), {})
    return name, db


def rows(form: str, text: str) -> dict[str, list[tuple[Any, ...]]]:
    _, db = table(form, text)
    return {t.name: db.execute(f"SELECT * FROM {t.name}").fetchall() for t in KIND.tables}


def record(accession: str, *found: Publication, **more: Any) -> Any:
    archive = archives.archive_of(accession)
    said = Dataset(
        id=iris.dataset(BASE, archive, accession), accession=accession, name=f"Images of {accession}",
        archive=Archive(id=iris.archive(BASE, archive), name=archive), url="https://example.org/",
        publication=list(found) or None, **more,
    )  # fmt: skip
    return replace(row(accession, said.name, archive), iri=said.id, record=records.to_json(said))


def settings_of(folder: Path, url: str, *forms: str, **options: Any) -> Settings:
    made = {form: Reference(form, "papers", form, url, options) for form in forms}
    return Settings(data_dir=folder / "data", base_iri=BASE, references=made)


@pytest.fixture
def services() -> Iterator[Services]:
    with Services() as made:
        yield made


def update(settings: Settings, *found: Any, confirm: bool = False) -> list[references.Outcome]:
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    log = Log(settings.database)
    try:
        log.commit(Batch(records=[("update", one) for one in found]), 1)
        return references.update(settings, log, [], MANNERS, confirm=confirm)
    finally:
        log.close()


# --- bulk tables


@pytest.mark.parametrize(("form", "text"), [("europepmc-ids", IDS), ("pmc-ids", PMC_IDS)])
def test_tables_of_identifiers_join_the_spellings_of_a_paper(form: str, text: str) -> None:
    made = Papers.over([table(form, text)])
    assert rows(form, text)["ids"][0] == (29087936, 5663481, ELIFE)
    assert len(rows(form, IDS if form == "europepmc-ids" else text)["ids"]) == (2 if form == "europepmc-ids" else 1)
    for iri in (DOI, PUBMED, PMC):
        assert made.canonical(iri) == DOI
        assert made.spellings(iri) == (DOI, PUBMED, PMC)


@pytest.mark.parametrize(
    ("text", "dataset"), [(EMPIAR, "empiar/EMPIAR-10310"), (BIOSTUDIES, "bia/S-BIAD595"), (EMDB, "emdb/EMD-4180")]
)
def test_text_mined_lists_have_another_first_heading_each(text: str, dataset: str) -> None:
    found = rows("text-mined", text)["named"]
    assert found[0][:3] == (dataset, PUBMED, "Mentions")
    assert all(one[0] == dataset for one in found)


def test_a_preprint_that_a_text_mined_list_numbers_is_found_by_its_full_text() -> None:
    assert rows("text-mined", EMPIAR)["named"][1][1] == "https://www.ncbi.nlm.nih.gov/pmc/articles/PMC7"


@pytest.mark.parametrize("bad", ["", "empiar,PMCID,EXTID,SOURCE\n", "<html>moved</html>"])
def test_a_list_that_came_empty_never_replaces_a_good_one(tmp_path: Path, bad: str) -> None:
    file = tmp_path / "empiar.csv"
    file.write_text(EMPIAR, encoding="utf-8")
    settings = settings_of(tmp_path, str(file), "text-mined")
    assert update(settings)[0].state == "new"
    file.write_text(bad, encoding="utf-8")
    assert update(settings, confirm=True)[0].state == "failed"
    assert len(Papers.of(settings).of_dataset(["empiar/EMPIAR-10310"], mentions=True)) == 2


def test_emicss_leads_from_an_empiar_dataset_to_the_paper_of_its_map() -> None:
    made = Papers.over([table("emdb-pubmed", PUBMED_TSV, "papers"), table("emdb-empiar", EMPIAR_TSV, "maps")])
    assert made.entries_of("empiar/EMPIAR-10310") == [("emdb/EMD-4180", "maps")]
    (found,) = made.of_dataset(["emdb/EMD-4180"], mentions=False)
    assert (found.paper, found.relation, found.provider) == (DOI, "PrimaryCitation", "EMICSS")


def test_a_doi_of_unusual_characters_is_one_in_all_its_forms() -> None:
    (_, found) = next(ids("7", "", "10.1002/(SICI)1097-0320(19981101)33:3<366::AID-CYTO12>3.0.CO;2-R"))
    assert found[2] == identifiers.doi("10.1002/(SICI)1097-0320(19981101)33:3<366::AID-CYTO12>3.0.CO;2-R")[16:]


def scholix(source: Any, relation: dict[str, str], target: Any, provider: Any) -> dict[str, Any]:
    sides = {"Source": {"Identifier": source}, "Target": {"Identifier": target, "Type": {"Name": "unknown"}}}
    return {"RelationshipType": relation, "LinkPublicationDate": "2026-01-01", "LinkProvider": provider, **sides}


SCHOLIX = [
    scholix(
        {"ID": "10.7554/eLife.26066", "IDScheme": "doi"},
        {"Name": "IsSupplementedBy"},
        {"ID": "http://www.ebi.ac.uk/biostudies/studies/S-BIAD595", "IDScheme": "URL"},
        {"Name": "Europe PMC"},
    ),
    scholix(
        [{"ID": "10.6019/EMPIAR-10310", "IDScheme": "DOI", "IDURL": "https://doi.org/10.6019/EMPIAR-10310"}],
        {"Name": "IsReferencedBy", "SubType": "IsCitedBy", "SubTypeSchema": "DataCite"},
        [{"ID": "29087936", "IDScheme": "MED"}],
        [{"name": "DataCite"}],
    ),
    scholix({"ID": "2017ApJ...846...97G", "IDScheme": "ads"}, {"Name": "References"}, {"ID": "10.5281/zenodo.5"}, [{}]),
    scholix({"ID": "10.6019/S-BIAD1", "IDScheme": "doi"}, {"Name": "References"}, {"ID": "10.6019/S-BIAD2"}, []),
]


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(SCHOLIX),
        json.dumps(SCHOLIX, indent=1),
        json.dumps({"result": SCHOLIX, "totalPages": 1}, indent=1),
        json.dumps({"result": SCHOLIX}),
        "\n".join(map(json.dumps, SCHOLIX)),
    ],
)
def test_links_in_the_form_of_scholix_either_way_round(text: str) -> None:
    assert [one[:4] for one in rows("scholix", text)["named"]] == [
        ("bia/S-BIAD595", DOI, "IsSupplementTo", "Europe PMC"),
        ("empiar/EMPIAR-10310", PUBMED, "IsCitedBy", "DataCite"),
    ]


# --- services


def test_europe_pmc_is_asked_by_any_identifier(services: Services, tmp_path: Path) -> None:
    settings = settings_of(tmp_path, services.url, "europepmc")
    found = record("idr0015", Publication(id=PUBMED), Publication(id="https://doi.org/10.1101/100001"))
    (outcome,) = update(
        settings, found, record("S-BIAD595", Publication(id="https://doi.org/10.1000/none", same_as=[PMC]))
    )
    assert outcome.error is None
    assert outcome.rows == {"ids": 2, "work": 2, "named": 6, "entry": 0, "asked": 4, "data_doi": 0}
    made = Papers.of(settings)
    work = made.work(PMC)
    assert work is not None
    assert (work.iri, work.journal, work.published) == (DOI, "eLife", "2017-10-31")
    assert work.title == "Quantitative 3D-imaging for cell biology and ecology of environmental microbial eukaryotes."
    assert work.authors == (("Colin S", "https://orcid.org/0000-0002-1825-0097"), ("Coelho LP", None))
    preprint = made.work("https://doi.org/10.1101/100001")
    assert preprint is not None
    assert (preprint.journal, preprint.published, preprint.authors) == ("bioRxiv", "2017", ())
    asked = made.asked("https://doi.org/10.1000/none")
    assert asked is not None
    assert (asked.is_found, asked.sources) == (False, ("europepmc",))
    kept = b"".join(path.read_bytes() for path in settings.raw_dir.rglob("*") if path.is_file())
    assert b"not to be kept" not in kept
    assert b"example.org." not in kept


def test_mined_and_asserted_links_are_told_apart(services: Services, tmp_path: Path) -> None:
    settings = settings_of(tmp_path, services.url, "europepmc")
    update(settings, record("idr0015", Publication(id=DOI)))
    made = Papers.of(settings)
    assert {(n.dataset, n.relation, n.provider) for n in made.of_paper(PUBMED)} == {
        ("idr/idr0015", "Mentions", "Europe PMC text mining"),
        ("bia/S-BIAD595", "IsCitedBy", "BioStudies"),
        ("empiar/EMPIAR-10310", "Mentions", "Europe PMC text mining"),
    }
    (mined,) = made.of_dataset(["idr/idr0015"], mentions=True)
    assert (mined.section, mined.quote) == ("Methods", "are available at idr0015 and at")


def test_at_most_eight_papers_are_asked_for_annotations_at_once(
    services: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests import paper_services

    one = paper_services.EUROPEPMC["MED:29087936"]
    many = {
        f"MED:{n}": {**one, "id": str(n), "pmid": str(n), "doi": f"10.1/{n}", "pmcid": None} for n in range(100, 120)
    }
    monkeypatch.setattr(paper_services, "EUROPEPMC", many)
    found = [Publication(id=f"https://pubmed.ncbi.nlm.nih.gov/{n}") for n in range(100, 120)]
    (outcome,) = update(settings_of(tmp_path, services.url, "europepmc"), record("idr0015", *found))
    assert outcome.error is None
    assert outcome.rows is not None
    assert outcome.rows["work"] == 20
    sizes = [len(said["articleIds"].split(",")) for path, said in services.asked if "annotations" in path]
    assert sizes == [8, 8, 4]
    assert len({said["cursorMark"] for path, said in services.asked if path.endswith("/search")}) == 10


def test_only_what_is_new_or_old_is_asked_again(services: Services, tmp_path: Path) -> None:
    settings = settings_of(tmp_path, services.url, "europepmc")
    unknown = Publication(id="https://doi.org/10.1000/none")
    first = record("idr0015", Publication(id=DOI), unknown)
    assert update(settings, first)[0].state == "new"
    services.asked.clear()
    assert update(settings, first)[0].state == "unchanged"
    assert services.asked == []
    retracted = Publication(id="https://pubmed.ncbi.nlm.nih.gov/30000001")
    assert update(settings, first, record("idr0016", retracted))[0].state == "changed"
    assert [said["query"] for _, said in services.asked] == ["(EXT_ID:30000001 AND SRC:MED)"]
    work = Papers.of(settings).work(retracted.id)
    assert work is not None
    assert work.is_retracted
    assert [name for name, _ in work.authors] == ["Doe J", "Roe R"]
    services.asked.clear()
    eager = replace(
        settings, references={"europepmc": replace(settings.references["europepmc"], options={"retry_days": 0})}
    )
    update(eager)
    assert [said["query"] for _, said in services.asked] == ['DOI:"10.1000/none"']


def test_a_service_that_breaks_off_loses_nothing(services: Services, tmp_path: Path) -> None:
    settings = settings_of(tmp_path, services.url, "europepmc-mentions")
    found = [record("S-BIAD595"), record("S-BIAD596"), record("idr0015")]
    services.fails_after = 0
    assert update(settings, *found)[0].state == "failed"
    services.fails_after = 2
    (outcome,) = update(settings)
    assert (outcome.state, outcome.rows and outcome.rows["asked"]) == ("new", 1)
    services.fails_after = None
    services.asked.clear()
    (outcome,) = update(settings)
    assert outcome.rows is not None
    assert outcome.rows["asked"] == 3
    assert [said["query"] for _, said in services.asked] == ['"S-BIAD596"', '"idr0015"']


def test_a_hub_without_records_has_nothing_to_ask(services: Services, tmp_path: Path) -> None:
    (outcome,) = update(settings_of(tmp_path, services.url, "crossref"))
    assert outcome.state == "failed"
    assert "no record names" in str(outcome.error)


def test_full_texts_give_the_sentence(services: Services, tmp_path: Path) -> None:
    settings = settings_of(tmp_path, services.url, "europepmc-mentions")
    update(settings, record("S-BIAD595"))
    (found,) = Papers.of(settings).of_dataset(["bia/S-BIAD595"], mentions=True)
    assert (found.paper, found.section) == (DOI, "Data availability")
    assert found.quote == "Images are in the BioImage Archive as S-BIAD595."


@pytest.mark.parametrize(
    "text", [b"", b"<article", b"<!DOCTYPE a [<!ENTITY e SYSTEM 'file:///etc/hosts'>]><a><p>&e; S-BIAD7</p></a>"]
)
def test_a_broken_or_hostile_full_text_gives_no_more_than_its_words(text: bytes) -> None:
    assert all("localhost" not in one["quote"] for one in papers_europepmc.sentences(text, "S-BIAD7"))


def test_crossref_in_batches_singly_and_by_agency(services: Services, tmp_path: Path) -> None:
    settings = settings_of(
        tmp_path, services.url, "crossref", agency_url=f"{services.url}/ra", mailto="hub@example.org"
    )
    dois = ("10.7554/elife.26066", "10.1000/a,b", "10.3980/x", "10.1000/none")
    found = [Publication(id=identifiers.doi(one)) for one in dois]
    (outcome,) = update(settings, record("idr0015", *found, Publication(id=PUBMED)))
    assert outcome.error is None
    assert services.asked[0][1] == {
        "filter": "doi:10.1000/none,doi:10.3980/x,doi:10.7554/elife.26066", "rows": "3", "mailto": "hub@example.org",
    }  # fmt: skip
    assert services.paths("/works/") == ["/works/10.1000/a,b"]
    assert services.paths("/ra/") == ["/ra/10.1000/none", "/ra/10.3980/x"]
    made = Papers.of(settings)
    work, other = made.work(DOI), made.work(identifiers.doi("10.1000/a,b"))
    assert work is not None
    assert other is not None
    assert work.authors == (("Sebastien Colin", "https://orcid.org/0000-0002-1825-0097"), ("A consortium", None))
    assert (work.kind, work.published, other.published, other.is_retracted) == (
        "journal-article",
        "2017-10-31",
        None,
        True,
    )
    told = {one: made.asked(identifiers.doi(one)) for one in dois}
    assert {one: (said.is_found, said.agency) for one, said in told.items() if said} == {
        dois[0]: (True, None), dois[1]: (True, None), dois[2]: (False, "ISTIC"), dois[3]: (False, None),
    }  # fmt: skip
    (naming,) = made.of_dataset(["bia/S-BIAD595"], mentions=False)
    assert (naming.paper, naming.relation, naming.provider) == (DOI, "IsSupplementTo", "Crossref")


def test_the_pace_that_crossref_tells_is_kept() -> None:
    slept: list[float] = []
    patient = replace(MANNERS, max_wait_s=200.0)
    with Services() as services, PoliteSession(patient, slept.append) as http:
        services.pace = ("1", "100s")
        http.get(f"{services.url}/ra/10.3980/x")
        http.get(f"{services.url}/ra/10.5281/zenodo.1")
        http.get(f"{services.url}/ra/10.1000/none")
    assert len(slept) == 1
    assert slept[0] == pytest.approx(100, abs=10)
    assert told_interval_s({"X-Rate-Limit-Limit": "5", "X-Rate-Limit-Interval": "1s"}) == 0.2
    assert told_interval_s({"X-Rate-Limit-Limit": "0", "X-Rate-Limit-Interval": "1s"}) is None
    assert told_interval_s({"X-Rate-Limit-Limit": "55000"}) is None


def test_datacite_is_listed_by_cursor_and_routed_by_suffix(services: Services, tmp_path: Path) -> None:
    services.dois = [
        doi_record("10.6019/empiar-10310", ("IsSupplementTo", "10.7554/eLife.26066", "DOI")),
        doi_record("10.6019/PXD000001", ("IsDocumentedBy", "10.1/x", "DOI")),
        doi_record(
            "10.6019/s-biad595", ("isDOCUMENTEDby", "29087936", "PMID"), ("References", "10.6019/S-BIAD1", "DOI")
        ),
        doi_record(
            "10.17867/10000108", ("IsCitedBy", "https://doi.org/10.7554/eLife.26066", "URL"), ("HasPart", "x", "URL")
        ),
        doi_record("10.5281/zenodo.1", ("References", "arXiv:1706.03762", "arXiv"), kind="JournalArticle"),
    ]
    settings = settings_of(tmp_path, f"{services.url}/dois?prefix=10.6019", "datacite")
    (outcome,) = update(settings)
    assert outcome.error is None
    assert len(services.asked) == 4
    made = Papers.of(settings)
    asked = ["empiar/EMPIAR-10310", "bia/S-BIAD595", "https://doi.org/10.17867/10000108"]
    assert {(n.dataset, n.paper, n.relation) for n in made.of_dataset(asked, mentions=False)} == {
        ("empiar/EMPIAR-10310", DOI, "IsSupplementTo"),
        ("bia/S-BIAD595", PUBMED, "IsDocumentedBy"),
        ("https://doi.org/10.17867/10000108", DOI, "IsCitedBy"),
    }
    assert made.data_kind("https://doi.org/10.6019/pxd000001") == "Dataset"
    assert made.data_kind("https://doi.org/10.5281/zenodo.1") == "JournalArticle"
    assert made.data_kind(PUBMED) is None


def test_a_listing_of_datacite_that_is_cut_short_is_refused(services: Services, tmp_path: Path) -> None:
    services.dois = [doi_record(f"10.6019/empiar-1000{n}") for n in range(4)]
    settings = settings_of(tmp_path, f"{services.url}/dois?prefix=10.6019", "datacite")
    services.fails_after = 1
    assert update(settings)[0].state == "failed"


# --- the reader


def test_without_tables_each_identifier_is_a_paper() -> None:
    made = Papers()
    assert made.canonical(PUBMED) == PUBMED
    assert made.spellings(DOI) == (DOI,)
    assert (made.work(DOI), made.asked(DOI), made.of_paper(DOI), made.version) == (None, None, [], "")


def test_a_preprint_and_its_article_are_not_one_paper() -> None:
    text = "PMID,PMCID,DOI\n29087936,,10.7554/elife.26066\n29087936,,10.1101/100001\n"
    made = Papers.over([table("europepmc-ids", text)])
    assert "https://doi.org/10.7554/elife.26066" not in made.spellings("https://doi.org/10.1101/100001")
    assert sum(one.startswith("https://doi.org/") for one in made.spellings(PUBMED)) == 1
    assert made.spellings(made.canonical(PUBMED)) == (made.canonical(PUBMED), PUBMED)


def test_pubmed_central_before_pubmed_never() -> None:
    made = Papers.over([table("europepmc-ids", "PMID,PMCID,DOI\n22338609,PMC3320746,\n")])
    pubmed = "https://pubmed.ncbi.nlm.nih.gov/22338609"
    assert made.canonical("https://www.ncbi.nlm.nih.gov/pmc/articles/PMC3320746") == pubmed


@pytest.mark.parametrize(
    "text", ["10.7554/ELIFE.26066", "doi:10.7554/eLife.26066", "https://dx.doi.org/10.7554/eLife.26066"]
)
def test_a_doi_is_read_in_any_spelling(text: str) -> None:
    assert papers.parse(text) == DOI


def test_what_is_asked_for_is_read() -> None:
    assert (papers.parse("29087936"), papers.parse("PMC5663481")) == (PUBMED, PMC)
    assert [papers.short(one) for one in (DOI, PUBMED, PMC)] == [ELIFE, "29087936", "PMC5663481"]
    with pytest.raises(ValueError, match="publication"):
        papers.parse("nothing")


def test_lines_that_are_no_answers_are_refused() -> None:
    with pytest.raises(ValueError, match="not an answer"):
        table("crossref", json.dumps({"id": 1}))


def test_namings_are_told_once() -> None:
    made = Papers.over([table("text-mined", BIOSTUDIES + '"S-BIAD595",PMC5663481,29087936,MED\n')])
    assert [type(one) for one in made.of_dataset(["bia/S-BIAD595"], mentions=True)] == [Naming]


# --- recorded replies


RECORDED = ROOT.parent / "shared" / "corpus" / "enrichment"


@pytest.mark.corpus
@pytest.mark.skipif(not RECORDED.is_dir(), reason="the corpus is not here")
def test_recorded_replies_of_europe_pmc() -> None:
    hits = json.loads((RECORDED / "europepmc/search_cancer_core.json").read_bytes())["resultList"]["result"]
    kept = [papers_europepmc._kept(hit) for hit in hits]
    works = [one for hit in kept for one in papers_europepmc._paper_rows(PUBMED, hit) if one[0] == "work"]
    assert len(works) == len(hits) == 25
    assert sum(one[1][2] == "[]" for one in works) == 1
    assert not any(has_email(json.dumps(one)) or "abstractText" in one for one in kept)
    articles = json.loads((RECORDED / "europepmc/annotations-three_ids_one_missing.trimmed.json").read_bytes())
    assert not any(papers_europepmc._names(one) for article in articles for one in article["annotations"])
    links = json.loads((RECORDED / "europepmc/datalinks-med40993380.trimmed.json").read_bytes())
    found = [
        link
        for category in links["dataLinkList"]["Category"]
        for section in category["Section"]
        for one in section["Linklist"]["Link"]
        for link in papers_europepmc._link(one)
    ]
    assert found == []


@pytest.mark.corpus
@pytest.mark.skipif(not RECORDED.is_dir(), reason="the corpus is not here")
def test_recorded_replies_of_crossref_and_datacite() -> None:
    works = 0
    for file in sorted((RECORDED / "crossref").glob("hab-*.json")):
        message = json.loads(file.read_bytes()).get("message")
        for work in message.get("items", [message]) if isinstance(message, dict) else ():
            if "DOI" in work:
                works += len(list(papers_crossref._work_rows(DOI, papers_crossref._kept(work))))
    assert works >= 20
    listed = json.loads((RECORDED / "datacite/lv-relatedid-01.json").read_bytes())["data"]
    lines = b"".join(json.dumps(papers_datacite._kept(one)).encode() + b"\n" for one in listed)
    found = list(papers_datacite.read_dois(io.BytesIO(lines), Reference("x", "papers", "datacite", "")))
    assert sum(one[0] == "data_doi" for one in found) == len(listed) == 25
    assert ("IsSupplementTo", "https://doi.org/10.1021/cm902902j") in {
        (o[1][2], o[1][1]) for o in found if o[0] == "named"
    }
