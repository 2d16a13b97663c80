"""Link rules on papers: one node for each paper, papers that datasets lack, and what is wrong with papers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pyoxigraph import DefaultGraph, NamedNode, Store

from harvesters.contract import Source
from hub import ingest, snapshots
from hub.config import Settings
from hub.links.catalogue import LinkRow, Links
from hub.links.papers import CITATION, MENTIONS, SAME_AS
from hub.links.rules import paper_identity, paper_mentions_dataset, paper_of_dataset
from hub.log import Batch, Log, RecordRow
from hub.papers import Papers
from linkml_schemas.generated.model import Person, Publication, Reconstruction
from tests.links_support import update
from tests.paper_services import Services, doi_record
from tests.support import BASE, ROOT
from tests.test_papers import (
    BIOSTUDIES,
    DOI,
    EMPIAR,
    EMPIAR_TSV,
    IDS,
    PMC,
    PUBMED,
    PUBMED_TSV,
    record,
    settings_of,
    table,
)
from tests.test_papers import update as update_references

CORPUS = ROOT.parent / "shared" / "corpus"
RULES = {m.RULE.name: m.RULE for m in (paper_identity, paper_of_dataset, paper_mentions_dataset)}
TITLE = "Quantitative 3D-imaging for cell biology and ecology of environmental microbial eukaryotes"
OTHER = "https://doi.org/10.1126/science.1261605"


class Tables:
    """The reader of papers."""

    def __init__(self, papers: Papers | None = None) -> None:
        self.papers = papers

    def get(self, kind: str) -> Any:
        return self.papers if kind == "papers" else None

    def version(self, kind: str) -> str:
        return self.papers.version if self.papers and kind == "papers" else ""


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Log]:
    made = Log(f"sqlite:///{tmp_path / 'hub.sqlite'}")
    yield made
    made.close()


def links(log: Log, *found: RecordRow, papers: Papers | None = None) -> list[LinkRow]:
    log.commit(Batch(records=[("update", one) for one in found]), 1)
    made = Links(log)
    outcome = update(log, made, RULES, Tables(papers))
    assert outcome.errors == {}
    return [row for row in made.all_links() if row.status != "gone"]


def said(rows: list[LinkRow], predicate: str, status: str = "fact") -> set[tuple[str, str]]:
    return {
        (row.subject.removeprefix(BASE), row.object.removeprefix(BASE))
        for row in rows
        if row.kind == "link" and row.predicate == predicate and row.status == status
    }


def problems(rows: list[LinkRow]) -> set[tuple[str, str]]:
    return {(row.predicate, row.object) for row in rows if row.kind == "finding"}


def evidence(rows: list[LinkRow], obj: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(next(row.evidence for row in rows if row.object == obj))
    return found


# --- identity


def test_records_own_pairs_join_the_spellings_for_all_records(log: Log) -> None:
    rows = links(
        log,
        record("idr0015", Publication(id=DOI, same_as=[PUBMED, PMC])),
        record("S-BIAD595", Publication(id=PUBMED)),
        record("S-BIAD596", Publication(id=PMC)),
    )
    assert said(rows, SAME_AS) == {(PUBMED, DOI), (PMC, DOI)}
    assert said(rows, CITATION) == {("dataset/bia/S-BIAD595", DOI), ("dataset/bia/S-BIAD596", DOI)}


def test_tables_join_what_no_record_does(log: Log) -> None:
    papers = Papers.over([table("europepmc-ids", IDS)])
    rows = links(
        log, record("idr0015", Publication(id=DOI)), record("S-BIAD595", Publication(id=PUBMED)), papers=papers
    )
    assert said(rows, SAME_AS) == {(PUBMED, DOI), (PMC, DOI)}
    assert said(rows, CITATION) == {("dataset/bia/S-BIAD595", DOI)}
    assert evidence(rows, DOI)[0]["kind"] in ("table", "record")


def test_a_record_that_changes_takes_its_pairs_back(log: Log) -> None:
    first = record("idr0015", Publication(id=DOI, same_as=[PUBMED]))
    assert said(links(log, first, record("S-BIAD595", Publication(id=PUBMED))), CITATION)
    assert said(links(log, record("idr0015", Publication(id=DOI))), CITATION) == set()


def test_two_dois_of_one_pubmed_id_are_candidates_only(log: Log) -> None:
    found = (
        record("idr0015", Publication(id=DOI, same_as=[PUBMED])),
        record("idr0016", Publication(id=OTHER, same_as=[PUBMED])),
        record("S-BIAD595", Publication(id=PUBMED)),
    )
    rows = links(log, *found)
    assert said(rows, SAME_AS) == set()
    assert said(rows, SAME_AS, "candidate") == {(PUBMED, DOI), (PUBMED, OTHER)}
    rows = links(log, papers=Papers.over([table("europepmc-ids", IDS)]))
    assert said(rows, SAME_AS) == {(PUBMED, DOI), (PMC, DOI)}
    assert problems(rows) == {("paper-identifiers-disagree", PUBMED)}


def test_a_paper_without_identifier_is_found_by_its_title(log: Log) -> None:
    node = f"{BASE}record/bia/S-BIAD595#publication-1"
    rows = links(
        log,
        record("idr0015", Publication(id=DOI, name=f"{TITLE}.", date_published="2017-10-31")),
        record("S-BIAD595", Publication(id=node, name=TITLE.upper(), date_published="2017")),
        record("S-BIAD596", Publication(id=f"{node}6", name=TITLE, date_published="2011")),
        record("S-BIAD597", Publication(id=f"{node}7", name="Cells")),
    )
    assert said(rows, SAME_AS) == {(node.removeprefix(BASE), DOI)}
    assert said(rows, SAME_AS, "candidate") == {(f"{node}6".removeprefix(BASE), DOI)}


# --- problems


def test_what_is_wrong_with_papers_is_reported(log: Log, tmp_path: Path) -> None:
    with Services() as services:
        services.dois = [doi_record("10.17867/10000108")]
        settings = settings_of(tmp_path, services.url, "crossref", agency_url=f"{services.url}/ra")
        listing = settings_of(tmp_path, f"{services.url}/dois?prefix=10.17867", "datacite").references
        settings = Settings(data_dir=settings.data_dir, base_iri=BASE, references={**settings.references, **listing})
        names = ("10.7554/elife.26066", "10.1000/a,b", "10.3980/x", "10.5281/zenodo.1", "10.1000/none")
        iris = [f"https://doi.org/{name}" for name in (*names, "10.17867/10000108", "10.6019/EMPIAR-10310".lower())]
        found = record("idr0015", *(Publication(id=iri) for iri in iris))
        assert {o.error for o in update_references(settings, found)} == {None}
    rows = links(log, found, papers=Papers.of(settings))
    assert problems(rows) == {
        ("paper-retracted", iris[1]),
        ("doi-of-another-agency", iris[2]),
        ("paper-unresolved", iris[4]),
        ("dataset-as-paper", iris[5]),
        ("dataset-as-paper", iris[6]),
    }
    assert problems(links(log)) == {("dataset-as-paper", iris[6])}


# --- papers of datasets


def test_data_dois_say_which_paper_they_go_with(log: Log, tmp_path: Path) -> None:
    with Services() as services:
        services.dois = [
            doi_record("10.6019/EMPIAR-10310", ("IsSupplementTo", DOI, "DOI")),
            doi_record("10.17867/10000108", ("IsDocumentedBy", "29087936", "PMID"), ("Cites", OTHER, "DOI")),
        ]
        settings = settings_of(tmp_path, f"{services.url}/dois?prefix=10.6019", "datacite")
        update_references(settings)
    own = record("idr0015", same_as=["https://doi.org/10.17867/10000108"])
    rows = links(log, own, record("EMPIAR-10310"), papers=Papers.of(settings))
    assert said(rows, CITATION) == {("dataset/empiar/EMPIAR-10310", DOI), ("dataset/idr/idr0015", PUBMED)}
    assert said(rows, CITATION, "candidate") == {("dataset/idr/idr0015", OTHER)}
    assert evidence(rows, DOI)[0]["quote"] == "IsSupplementTo (DataCite)"


def test_the_paper_of_a_map_is_the_datasets_unless_others_may_be(log: Log) -> None:
    tables = [table("emdb-pubmed", PUBMED_TSV), table("emdb-empiar", EMPIAR_TSV), table("europepmc-ids", IDS)]
    papers, dataset = Papers.over(tables), "dataset/empiar/EMPIAR-10310"
    assert said(links(log, record("EMPIAR-10310"), papers=papers), CITATION) == {(dataset, DOI)}
    rows = links(log, record("EMPIAR-10310", Publication(id=OTHER)), papers=papers)
    assert (said(rows, CITATION), said(rows, CITATION, "candidate")) == (set(), {(dataset, DOI)})


def test_a_map_that_the_record_names_counts_too(log: Log) -> None:
    made = Reconstruction(
        id=f"{BASE}record/empiar/EMPIAR-1#m", name="Map", same_as=["https://identifiers.org/emdb:EMD-4180"]
    )
    found = record("EMPIAR-10311", reconstruction=[made])
    rows = links(log, found, papers=Papers.over([table("emdb-pubmed", PUBMED_TSV)]))
    assert said(rows, CITATION) == {("dataset/empiar/EMPIAR-10311", DOI)}


def test_the_same_study_elsewhere_gives_candidates_only(log: Log) -> None:
    found = (
        record("idr0015", Publication(id=DOI), related=["https://www.ebi.ac.uk/biostudies/studies/S-BIAD595"]),
        record("S-BIAD595"),
    )
    rows = links(log, *found)
    assert said(rows, CITATION) == set()
    assert said(rows, CITATION, "candidate") == {("dataset/bia/S-BIAD595", DOI)}
    assert said(links(log, record("S-BIAD595", Publication(id=OTHER))), CITATION, "candidate") == set()


# --- texts that name datasets


def test_a_paper_that_names_a_dataset_without_one_is_suggested(log: Log, tmp_path: Path) -> None:
    with Services() as services:
        settings = settings_of(tmp_path, services.url, "europepmc-mentions")
        bare = record("S-BIAD595")
        update_references(settings, bare)
    papers, dataset = Papers.of(settings), "dataset/bia/S-BIAD595"
    rows = links(log, bare, papers=papers)
    assert said(rows, MENTIONS) == {(DOI, dataset)}
    (weak,) = [row for row in rows if row.predicate == CITATION]
    assert (weak.status, weak.confidence) == ("candidate", 0.5)
    assert evidence(rows, DOI)[0]["quote"] == "Images are in the BioImage Archive as S-BIAD595."
    for author in (
        Person(id="https://orcid.org/0000-0002-1825-0097", name="S. C."),
        Person(id=f"{BASE}p/1", name="Luis Coelho"),
    ):
        rows = links(log, record("S-BIAD595", author=[author]), papers=papers)
        (strong,) = [row for row in rows if row.predicate == CITATION]
        assert (strong.status, strong.confidence) == ("candidate", 0.75)
        assert evidence(rows, DOI)[0]["field"] == "author"


def test_a_paper_that_names_a_dataset_with_one_is_no_candidate(log: Log) -> None:
    papers = Papers.over([table("text-mined", BIOSTUDIES), table("text-mined", EMPIAR)])
    rows = links(log, record("S-BIAD595", Publication(id=OTHER)), papers=papers)
    assert said(rows, CITATION, "candidate") == set()
    assert said(rows, MENTIONS, "candidate") == {(PUBMED, "dataset/bia/S-BIAD595")}


def test_all_records_of_a_dataset_count(log: Log) -> None:
    papers = Papers.over([table("text-mined", BIOSTUDIES)])
    other = replace(record("S-BIAD595", Publication(id=OTHER)), source="submissions")
    rows = links(log, record("S-BIAD595"), other, papers=papers)
    assert [row for row in rows if row.predicate == CITATION] == []


# --- the real corpus


@pytest.mark.corpus
@pytest.mark.skipif(not CORPUS.is_dir(), reason="the corpus is not here")
def test_one_paper_on_both_its_datasets_whatever_its_spelling(tmp_path: Path) -> None:
    """IDR has eLife 26066 as DOI in mixed case, PubMed and PubMed Central id, the BioImage Archive in lower case."""
    folders = {"bia": CORPUS / "crates/bia", "idr": CORPUS / "crates/idr", "idr-studies": CORPUS / "idr"}
    for name in ("bia", "idr"):
        (tmp_path / name).mkdir()
        for accession in ("S-BIAD595", "idr0015"):
            file = folders[name] / f"{accession}-ro-crate-metadata.json"
            if file.is_file():
                (tmp_path / name / file.name).write_bytes(file.read_bytes())
    sources = {
        "bia": Source("bia", "crates", "bia", str(tmp_path / "bia")),
        "idr": Source("idr", "crates", "idr", str(tmp_path / "idr")),
        "idr-studies": Source("idr-studies", "idr", "idr", str(folders["idr-studies"])),
    }
    settings = Settings(data_dir=tmp_path / "data", base_iri=BASE, sources=sources, query_workers=2)
    assert {outcome.error for outcome in ingest.harvest(settings, list(sources))} == {None}
    store = Store.read_only(str(snapshots.current(settings.snapshots_dir).graph))
    cites = store.quads_for_pattern(None, NamedNode(CITATION), NamedNode(DOI), DefaultGraph())
    assert {str(quad.subject) for quad in cites} == {
        f"<{BASE}dataset/{one}>" for one in ("idr/idr0015", "bia/S-BIAD595")
    }
    for spelling in (PUBMED, PMC):
        assert not list(store.quads_for_pattern(None, NamedNode(CITATION), NamedNode(spelling), DefaultGraph()))
        same = store.quads_for_pattern(NamedNode(spelling), NamedNode(SAME_AS), None, DefaultGraph())
        assert [quad.object for quad in same] == [NamedNode(DOI)]
