"""The feed of links: whoever follows it has what stands, whatever changes meanwhile; what records assert is in it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyoxigraph import RdfFormat, parse

from hub import records
from hub.errors import QueryRefusedError
from hub.links import catalogue, feed, statements, verdicts, view
from hub.links.catalogue import Links
from hub.links.feed import CursorGoneError, Filters
from hub.links.rules import asserted
from hub.log import Log
from hub.routes import Precedence
from hub.store import GraphStore
from linkml_schemas.generated.model import (
    Archive,
    BioSample,
    Dataset,
    DefinedTerm,
    Gene,
    GeneAnnotation,
    Organization,
    Person,
    Protein,
    Publication,
    Reconstruction,
    StudyComponent,
    Taxon,
)
from tests.links_support import clear, commit, iri, row, stands, update
from tests.support import BASE

PAPER, PUBMED = "https://doi.org/10.7554/elife.26066", "https://pubmed.ncbi.nlm.nih.gov/29103970"
PERSON, PLACE = "https://orcid.org/0000-0002-1825-0097", "https://ror.org/02mhbdp94"
MOUSE, CELL = "http://purl.obolibrary.org/obo/NCBITaxon_10090", "http://purl.obolibrary.org/obo/CL_0000540"
GENE, PROTEIN = "https://identifiers.org/ncbigene:7157", "https://identifiers.org/uniprot:P04637"
MAP = "https://www.ebi.ac.uk/emdb/EMD-1234"
SCHEMA = "http://schema.org/"
ALL = Filters(statuses=("fact", "candidate"))


@pytest.fixture
def log(tmp_path):
    made = Log(f"sqlite:///{tmp_path}/catalogue.sqlite")
    yield made
    made.close()


def follow(links: Links, filters: Filters, cursor: str | None = None, limit: int = 3) -> tuple[dict[str, Any], str]:
    """Follow the feed to its end, as a client does: put what comes in place, take out what is gone."""
    have: dict[str, Any] = {}
    return have, advance(links, filters, have, cursor, limit, pages=10_000)


def advance(links: Links, filters: Filters, have: dict[str, Any], cursor: str | None, limit: int, pages: int) -> str:
    for _ in range(pages):
        page = feed.page(links, filters, cursor, limit)
        assert len(page.entries) <= limit
        for entry in page.entries:
            if entry.action == feed.DELETE:
                have.pop(entry.link.id, None)
            else:
                have[entry.link.id] = (*entry.link.statement, entry.link.status, entry.link.confidence)
        cursor = page.cursor
        if page.is_last:
            break
    return cursor or "0"


def present(links: Links, filters: Filters) -> dict[str, Any]:
    return {
        r.id: (*r.statement, r.status, r.confidence)
        for r in links.all_links()
        if r.kind == "link" and r.is_shown and filters.is_met(r.status, r.confidence)
    }


TITLES = st.tuples(
    st.lists(st.sampled_from(["a", "b", "c"]), max_size=2).map(" ".join),
    st.lists(st.sampled_from(["1", "2", "CAT"]), max_size=2).map(" ".join),
    st.sampled_from(["0.3", "0.79", "0.9", "1.0"]),
).map(" | ".join)
STEP = st.lists(st.tuples(st.sampled_from("PQRS"), st.none() | TITLES), min_size=1, max_size=3)
READS = st.lists(st.tuples(STEP, st.integers(0, 3), st.integers(1, 4)), max_size=6)
FILTERS = st.sampled_from(
    [
        Filters(),
        ALL,
        Filters(min_confidence=0.85),
        Filters(statuses=("candidate",)),
        Filters(rules=("share",), statuses=ALL.statuses),
    ]
)


@settings(max_examples=40)
@given(READS, STEP, FILTERS)
def test_whoever_follows_the_feed_has_what_stands(reads, last, filters) -> None:
    log = Log("sqlite://")
    try:
        links = Links(log)
        have: dict[str, Any] = {}
        cursor: str | None = None
        for step, pages, limit in reads:
            change(log, links, step)
            cursor = advance(links, filters, have, cursor, limit, pages)
        change(log, links, last)
        advance(links, filters, have, cursor, 2, 10_000)
        wanted = {k: v for k, v in present(links, filters).items() if not filters.rules or k in of_rule(links, filters)}
        assert have == wanted
        assert follow(links, filters)[0] == wanted
    finally:
        log.close()


def of_rule(links: Links, filters: Filters) -> set[str]:
    return {r.id for r in links.all_links() if r.rule in filters.rules}


def change(log: Log, links: Links, step: list[tuple[str, str | None]]) -> None:
    commit(
        log, *(row(name, title or "", state="active" if title else "withdrawn") for name, title in dict(step).items())
    )
    update(log, links)


def test_the_feed_on_postgresql(postgres_url) -> None:
    log = Log(postgres_url)
    try:
        links = Links(log)
        change(log, links, [("P", "a | 1 | 0.9"), ("Q", "a | 2 | 0.9")])
        have, cursor = follow(links, Filters(subject_spaces=(f"{BASE}dataset/bia/",)))
        assert len(have) == 3
        change(log, links, [("Q", None)])
        advance(links, Filters(subject_spaces=(f"{BASE}dataset/bia/",)), have, cursor, 1, 9)
        assert [v[0] for v in have.values()] == [iri("P")]
    finally:
        clear(log)
        log.close()


def test_what_is_no_fact_any_more_is_taken_back_and_what_never_was_is_not_told(log) -> None:
    links = Links(log)
    change(log, links, [("P", "a | | 0.9"), ("Q", "a | | 0.9")])
    _, cursor = follow(links, Filters())
    change(log, links, [("Q", "a | CAT | 0.5")])
    page = feed.page(links, Filters(), cursor, 10)
    assert [(e.action, e.link.rule) for e in page.entries] == [("delete", "share")]
    assert [e.action for e in feed.page(links, Filters(), None, 10).entries] == []
    (update_,) = [e for e in feed.page(links, ALL, None, 10).entries if e.link.rule == "share"]
    assert update_.action == "create"


def test_a_link_that_holds_both_ways_is_found_from_both_ends(log) -> None:
    links = Links(log)
    change(log, links, [("P", "a | 1 | 0.9"), ("Q", "a | 1 | 0.9")])
    for one, other in (("P", "Q"), ("Q", "P")):
        both = Filters(subjects=(iri(one),), objects=(iri(other),))
        assert [e.link.rule for e in feed.page(links, both, None, 5).entries] == ["share"]
    gene = "https://identifiers.org/ncbigene/1"
    assert not feed.page(links, Filters(subjects=(gene,)), None, 5).entries
    assert len(feed.page(links, Filters(objects=(gene,)), None, 5).entries) == 2


def test_a_curators_word_is_in_the_feed(log) -> None:
    links = Links(log)
    change(log, links, [("P", " | 1 | 0.9")])
    have, cursor = follow(links, Filters())
    verdicts.judge(links, next(iter(have)), "reject", "Ada Lovelace")
    update(log, links)
    assert [e.action for e in feed.page(links, Filters(), cursor, 9).entries] == ["delete"]


def test_a_cursor_is_of_one_hub_and_of_its_filters(tmp_path) -> None:
    logs = [Log(f"sqlite:///{tmp_path}/{n}.sqlite") for n in range(2)]
    one, other = (Links(log) for log in logs)
    change(logs[0], one, [("P", " | 1 2 | 0.9")])
    cursor = feed.page(one, Filters(), None, 1).cursor
    assert feed.page(Links(Log(f"sqlite:///{tmp_path}/0.sqlite")), Filters(), cursor, 5).entries  # after a restart
    with pytest.raises(CursorGoneError, match="set up anew"):
        feed.page(other, Filters(), cursor, 5)
    change(logs[1], other, [("Q", " | 1 2 | 0.9")])
    with pytest.raises(CursorGoneError):
        feed.page(other, Filters(), cursor, 5)
    with pytest.raises(QueryRefusedError, match="other filters"):
        feed.page(one, ALL, cursor, 5)
    for log in logs:
        log.close()


@pytest.mark.parametrize("cursor", ["x", "1", "WzFd", "W10", "=", "é", "WyJhIiwiYiIsImMiXQ", "W1tdLDEsMl0", "0" * 5000])
def test_what_is_no_cursor_is_refused(log, cursor) -> None:
    with pytest.raises(QueryRefusedError, match="since"):
        feed.page(Links(log), Filters(), cursor, 5)


def test_an_empty_hub_has_an_empty_feed(log) -> None:
    links = Links(log)
    page = feed.page(links, Filters(), None, 5)
    assert (page.entries, page.cursor, page.is_last, page.at) == ((), "0", True, None)
    change(log, links, [("P", " | 1 | 0.9")])
    assert len(feed.page(links, Filters(), page.cursor, 5).entries) == 1


# --- what records assert


def dataset(accession: str = "P", **more: Any) -> Dataset:
    home = Archive(id=f"{BASE}archive/bia", name="BioImage Archive")
    return Dataset(id=iri(accession), accession=accession, name="A title", archive=home, **more)


def whole() -> Dataset:
    node = f"{BASE}record/bia/P#"
    place = Organization(id=PLACE, name="An institute")
    p53 = Protein(id=PROTEIN, name="p53", taxon=[Taxon(id=MOUSE, scientific_name="Mus musculus")])
    neuron = DefinedTerm(id=CELL, name="neuron")
    part = StudyComponent(id=f"{iri('P')}#c", name="c", same_as=["https://example.org/c"], about=[neuron])
    gene = Gene(id=GENE, symbol="TP53", taxon=[Taxon(id=MOUSE, scientific_name="Mus musculus")])
    return dataset(
        author=[Person(id=PERSON, name="A", affiliation=[place]), Person(id=f"{node}b", name="B")],
        publication=[Publication(id=PAPER, name="A paper", same_as=[PUBMED])],
        about=[BioSample(id=f"{node}sample", name="brain", taxon=[Taxon(id=MOUSE, scientific_name="Mus musculus")])],
        gene_annotation=[GeneAnnotation(id=f"{node}g", gene=gene)],
        has_part=[part],
        reconstruction=[Reconstruction(id=MAP, name="a map", about=[p53], related=["https://identifiers.org/pdb:1abc"])],
        same_as=["https://doi.org/10.6019/p"],
        license="https://creativecommons.org/publicdomain/zero/1.0/",
    )  # fmt: skip


def assert_by(log: Log, *datasets: tuple[str, Dataset]) -> Links:
    found = (
        row(d.accession, "t", source, iri=d.id, record=records.to_json(records.canonical(d))) for source, d in datasets
    )
    commit(log, *found)
    links = Links(log)
    done = update(log, links, {"asserted": asserted.RULE})
    assert not done.errors
    return links


def test_a_records_own_statements_are_links(log) -> None:
    links = assert_by(log, ("bia", whole()))
    said = {(r.subject, r.predicate, r.object): json.loads(r.evidence)[0]["field"] for r in links.all_links()}
    own = iri("P")
    assert said == {
        (own, f"{SCHEMA}author", PERSON): "author[0]",
        (PERSON, f"{SCHEMA}affiliation", PLACE): "author[0].affiliation[0]",
        (own, f"{SCHEMA}citation", PAPER): "publication[0]",
        (PAPER, f"{SCHEMA}sameAs", PUBMED): "publication[0].same_as[0]",
        (own, f"{SCHEMA}taxonomicRange", MOUSE): "about[0].taxon[0]",
        (own, "https://w3id.org/bioimage-hub/vocab#gene", GENE): "gene_annotation[0].gene",
        (own, f"{SCHEMA}about", CELL): "has_part[0].about[0]",
        (f"{own}#c", f"{SCHEMA}sameAs", "https://example.org/c"): "has_part[0].same_as[0]",
        (own, "https://w3id.org/bioimage-hub/vocab#reconstruction", MAP): "reconstruction[0]",
        (own, f"{SCHEMA}about", PROTEIN): "reconstruction[0].about[0]",
        (MAP, f"{SCHEMA}about", PROTEIN): "reconstruction[0].about[0]",
        (MAP, "http://purl.org/dc/terms/relation", "https://identifiers.org/pdb:1abc"): "reconstruction[0].related[0]",
        (own, f"{SCHEMA}sameAs", "https://doi.org/10.6019/p"): "same_as[0]",
    }
    assert {(r.status, r.confidence, r.records) for r in links.all_links()} == {("fact", 1.0, '[["bia","P"]]')}


def test_the_predicates_are_the_models() -> None:
    model = {s.name: s.predicate.value for t in records.tables().values() for s in t.slots}
    assert {slot: model[slot] for slot in asserted.SLOTS} == asserted.SLOTS
    assert set(asserted._THROUGH) <= model.keys()


def test_every_record_that_says_so_is_named_and_the_link_stands_until_none_does(log) -> None:
    paper = [Publication(id=PAPER, name="A paper")]
    one, two = dataset(publication=paper), dataset("P2", publication=paper)
    two.id = one.id
    links = assert_by(log, ("bia", one), ("ebi", two))
    (link,) = links.all_links()
    assert json.loads(link.records) == [["bia", "P"], ["ebi", "P2"]]
    assert [reason["source"] for reason in json.loads(link.evidence)] == ["bia/P", "ebi/P2"]
    commit(log, row("P", "t", state="withdrawn"))
    update(log, links, {"asserted": asserted.RULE})
    assert [json.loads(r.records) for r in links.all_links()] == [[["ebi", "P2"]]]
    commit(log, row("P2", "t", "ebi", iri=one.id, state="withdrawn"))
    update(log, links, {"asserted": asserted.RULE})
    assert stands(links) == []


def test_asserted_links_are_in_no_graph_of_links(log, tmp_path) -> None:
    links = assert_by(log, ("bia", whole()))
    with GraphStore(tmp_path / "store") as store:
        assert view.catch_up(links, store, Precedence(BASE, {"bia": "bia"})) == links.last_sequence()
        assert {quad.subject.value for quad in store.quads()} == {f"{BASE}rule/asserted"}
    assert list(view.all_quads(links, BASE)) == []


# --- name spaces and forms


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("idr0015", f"{BASE}dataset/idr/idr0015"),
        ("empiar:10310", f"{BASE}dataset/empiar/EMPIAR-10310"),
        ("EMPIAR:EMPIAR-10310", f"{BASE}dataset/empiar/EMPIAR-10310"),
        ("bia:S-BIAD595", f"{BASE}dataset/bia/S-BIAD595"),
        ("bbbc:BBBC005", f"{BASE}dataset/bbbc/BBBC005"),
        ("ssbd:ssbd-repos-000108", f"{BASE}dataset/ssbd/108"),
        ("doi:10.7554/eLife.26066", PAPER),
        ("pubmed:29103970", PUBMED),
        ("PMID:29103970", PUBMED),
        ("orcid:0000-0002-1825-0097", PERSON),
        ("ror:02mhbdp94", PLACE),
        ("NCBITaxon:10090", MOUSE),
        ("ncbitaxon:10090", MOUSE),
        ("cl:0000540", CELL),
        ("uniprot:P04637", PROTEIN),
        ("ncbigene:7157", GENE),
        ("emdb:EMD-1234", MAP),
        ("emdb:1234", MAP),
        ("P04637", PROTEIN),
        (PAPER, PAPER),
        ("https://idr.openmicroscopy.org/study/idr0015/", f"{BASE}dataset/idr/idr0015"),
    ],
)
def test_spellings(text, wanted) -> None:
    assert wanted in statements.spellings(BASE, text)


@pytest.mark.parametrize("of", [PAPER, PUBMED, PERSON, PLACE, MOUSE, CELL, GENE, PROTEIN, MAP, iri("P")])
def test_a_compact_form_leads_back(of) -> None:
    short = statements.curie(BASE, of)
    assert of in statements.spellings(BASE, short)
    assert of.startswith(statements.starts(BASE, short.partition(":")[0]))


def test_a_predicate_by_iri_or_compact_form() -> None:
    assert statements.predicate("schema:citation") == statements.predicate(f"{SCHEMA}citation") == f"{SCHEMA}citation"
    assert statements.predicate("skos:exactMatch").endswith("core#exactMatch")
    with pytest.raises(QueryRefusedError, match="predicate"):
        statements.predicate("nothing:here")


def test_every_form_tells_what_is_there_and_what_is_gone(log) -> None:
    links = assert_by(log, ("bia", dataset(publication=[Publication(id=PAPER, name="A paper")])))
    (entry,) = feed.page(links, Filters(), None, 5).entries
    gone = replace(entry, action=feed.DELETE)
    told = statements.as_json(entry, BASE)
    assert (told["subject_curie"], told["object_curie"]) == ("bia:P", "doi:10.7554/elife.26066")
    assert told["records"] == ["bia/P"]
    assert "evidence" not in statements.as_json(gone, BASE)
    lines = list(statements.to_csv([entry, gone], BASE))
    assert [line.split(",")[0] for line in lines] == ["action", "create", "delete"]
    quads = list(parse(b"".join(statements.to_nquads([entry], BASE)), format=RdfFormat.N_QUADS))
    assert any(q.subject.value == iri("P") and q.object.value == PAPER for q in quads)
    assert {q.graph_name.value for q in quads} == {f"{BASE}graph/links/asserted"}
    document = statements.to_jsonld([entry, gone], BASE)
    nodes = [q.object.value for q in records.parse_jsonld(document, BASE) if q.predicate == records.RDF_TYPE]
    assert nodes == ["https://w3id.org/bioimage-hub/vocab#Link", f"{statements.STATE}Tombstone"]
    (stone, former) = parse(b"".join(statements.to_nquads([gone], BASE)), format=RdfFormat.N_QUADS)
    assert (stone.object.value, former.predicate.value) == (
        f"{statements.STATE}Tombstone",
        f"{statements.STATE}formerType",
    )


def test_the_index_of_the_feed_is_there(log) -> None:
    assert "sequence" in {c.name for index in catalogue.links.indexes for c in index.columns}
