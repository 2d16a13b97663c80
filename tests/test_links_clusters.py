"""Clusters of one study, what a dataset's page shows of them, and how they are counted."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.test import Client
from werkzeug.wrappers import Response

from hub.config import Settings
from hub.ingest import harvest, publish
from hub.links import elsewhere
from hub.links.catalogue import Links
from hub.links.clusters import Clusters
from hub.links.rules.related_study import RELATED_STUDY
from hub.links.rules.sameness import SAME_STUDY
from hub.log import Log
from hub.web.app import Hub
from tests.support import BASE, demo_settings

BIA, IDR = f"{BASE}dataset/bia/S-BIAD824", f"{BASE}dataset/idr/idr0157"
ABSENT = f"{BASE}dataset/ssbd/108"
names = st.sampled_from("abcdefgh")
pairs = st.lists(st.tuples(names, names).filter(lambda pair: pair[0] != pair[1]), max_size=12)


def reached(start: str, edges: list[tuple[str, str]]) -> set[str]:
    found = {start}
    while more := {x for edge in edges for x in edge if found & set(edge)} - found:
        found |= more
    return found


@given(pairs)
def test_a_cluster_is_what_links_reach(edges: list[tuple[str, str]]) -> None:
    clusters = Clusters.of([(*edge, 0.9) for edge in edges])
    for name in "abcdefgh":
        assert set(clusters.members(name)) == reached(name, edges)
        assert clusters.cluster_of(name) == min(reached(name, edges))
    assert clusters.studies("abcdefgh") == len({min(reached(name, edges)) for name in "abcdefgh"})


@given(st.data())
def test_the_order_of_facts_does_not_matter_and_rejected_pairs_are_apart(data: st.DataObject) -> None:
    facts = [(*edge, data.draw(st.sampled_from([0.8, 0.9]))) for edge in data.draw(pairs)]
    rejected = data.draw(pairs)
    clusters = Clusters.of(facts, rejected)
    assert clusters == Clusters.of(data.draw(st.permutations([(b, a, c) for a, b, c in facts])), rejected)
    assert all(clusters.cluster_of(one) != clusters.cluster_of(other) for one, other in rejected)
    whole = Clusters.of(facts)
    assert all(
        clusters.cluster_of(x) != clusters.cluster_of(y) or whole.cluster_of(x) == whole.cluster_of(y)
        for x, y in itertools.combinations("abcdefgh", 2)
    )


def test_the_least_sure_link_gives_way_to_a_rejection() -> None:
    clusters = Clusters.of([("a", "b", 0.95), ("b", "c", 0.85)], [("a", "c")])
    assert (clusters.members("a"), clusters.members("c")) == (("a", "b"), ("c",))


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A hub of the bundled sample; a curator adds that one study is at SSBD too, which the hub does not have."""
    found = demo_settings(tmp_path_factory.mktemp("clusters"), ("bia", "idr"))
    harvest(found, list(found.sources))
    log = Log(found.database)
    links = Links(log)
    links.give_verdict((IDR, SAME_STUDY, ABSENT), "add", "A Curator", "they told us")
    links.give_verdict((BIA, RELATED_STUDY, f"{BASE}dataset/empiar/EMPIAR-10310"), "add", "A Curator")
    publish(found, log)
    log.close()
    return found


@pytest.fixture(scope="module")
def hub(settings: Settings) -> Iterator[Hub]:
    made = Hub(settings)
    yield made
    made.publication.close()


def test_the_sample_s_study_in_two_archives_is_found_by_itself(settings: Settings) -> None:
    log = Log(settings.database)
    links = Links(log)
    [link] = links.on_statement((BIA, SAME_STUDY, IDR))
    clusters = Clusters.of_links(links)
    log.close()
    assert (link.status, link.rule) == ("fact", "sameness")
    assert {reason["field"] for reason in json.loads(link.evidence)} >= {"name", "author"}
    assert clusters.members(ABSENT) == (BIA, IDR, ABSENT)
    assert clusters.cluster_of(IDR) == BIA


def test_published_clusters_are_those_of_the_catalogue(settings: Settings, hub: Hub) -> None:
    log = Log(settings.database)
    assert Clusters.published(hub.publication().pages) == Clusters.of_links(Links(log))
    log.close()
    assert Clusters.repeated(hub.publication().pages) == 3, "the dataset that the hub does not have does not count"


def test_a_page_s_links_have_their_reasons(hub: Hub) -> None:
    found = elsewhere.of(hub.publication().pages, BIA)
    assert [(other.iri, other.is_same) for other in found] == [
        (IDR, True),
        (ABSENT, True),
        (f"{BASE}dataset/empiar/EMPIAR-10310", False),
    ]
    idr, ssbd, _ = found
    assert idr.confidence is not None
    assert idr.name
    assert abs(min(0.99, sum(reason["weight"] for reason in idr.reasons)) - idr.confidence) < 0.011
    assert (ssbd.name, ssbd.link, ssbd.reasons) == (None, None, []), "linked with the other one only"
    assert elsewhere.of(hub.publication().pages, f"{BASE}dataset/bia/nothing") == []


def test_dataset_pages_show_where_else_a_study_is(hub: Hub) -> None:
    page = Client(hub, Response).get("/dataset/bia/S-BIAD824", headers={"Accept": "text/html"}).get_data(as_text=True)
    assert "Also in</h2>" in page
    assert 'href="/dataset/idr/idr0157"' in page
    assert "(not in this hub)" in page
    assert "Why (confidence 0.9" in page
    assert "Found through the others." in page
    assert "Related studies</h2>" in page
    alone = (
        Client(hub, Response).get("/dataset/bia/EMPIAR-10310", headers={"Accept": "text/html"}).get_data(as_text=True)
    )
    assert "Also in</h2>" not in alone


def test_the_home_page_counts_studies(hub: Hub) -> None:
    counts = Client(hub, Response).get("/", headers={"Accept": "application/json"}).get_json()["counts"]
    assert counts["studies"] == counts["datasets"] - 3
