"""The log as an event stream: its tree, its members, what stays as it is, and how it is answered."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Iterator
from dataclasses import replace

import pytest
from pyoxigraph import BlankNode, NamedNode, Quad, RdfFormat, parse
from werkzeug.test import Client

from hub import digests
from hub.config import Settings
from hub.feeds import events, ldes
from hub.feeds.journal import Journal
from hub.feeds.ldes import Stream
from hub.web.app import Hub
from tests import feeds_hub
from tests.support import BASE, get

AS = "https://www.w3.org/ns/activitystreams#"
LDES, TREE = "https://w3id.org/ldes#", "https://w3id.org/tree#"
ROOT = "http://localhost"


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return feeds_hub.build(tmp_path_factory.mktemp("hub"))


@pytest.fixture(scope="module")
def client(settings: Settings) -> Iterator[Client]:
    hub = Hub(settings)
    yield Client(hub)
    hub.close()


@pytest.fixture
def journal(settings: Settings) -> Iterator[Journal]:
    with feeds_hub.reading(settings) as found:
        yield found


def stream(journal: Journal, **more: int) -> Stream:
    return Stream(journal, BASE, "hub", ROOT, **{"page": 4, "chapter": 2, **more})


def objects(quads: list[Quad], subject: NamedNode | None, predicate: str) -> list[str]:
    found = [q for q in quads if q.predicate.value == predicate and subject in (None, q.subject)]
    return [q.object.value for q in found]


def nodes(quads: list[Quad]) -> list[str]:
    return list(dict.fromkeys(objects(quads, None, f"{TREE}node")))


# --- the tree


def test_root_says_what_the_stream_is(journal: Journal) -> None:
    quads = [*stream(journal).top()]
    of_stream = NamedNode(f"{BASE}change/hub")
    assert objects(quads, of_stream, f"{TREE}view") == [f"{ROOT}/ldes"]
    assert objects(quads, of_stream, f"{LDES}timestampPath") == [ldes.AT.value]
    assert objects(quads, of_stream, f"{LDES}sequencePath") == [ldes.NUMBER.value]
    assert objects(quads, of_stream, f"{LDES}versionOfPath") == ["http://purl.org/dc/terms/isVersionOf"]
    assert objects(quads, of_stream, f"{LDES}versionDeleteObject") == [f"{AS}Delete"]
    assert len(objects(quads, NamedNode(f"{ROOT}/ldes"), f"{LDES}retentionPolicy")) == 1
    assert not any(isinstance(q.subject, BlankNode) for q in quads)


def test_every_change_is_on_one_page_of_the_tree(journal: Journal) -> None:
    found = stream(journal)
    numbers = []
    for address in nodes([*found.top()]):
        span, quads = found.chapter(int(address.rpartition("/")[2]))  # type: ignore[misc]
        for below in nodes(quads):
            of_page, told = found.page(int(below.rpartition("/")[2]))  # type: ignore[misc]
            members = objects(told, None, f"{TREE}member")
            numbers += [int(one.rpartition("/")[2]) for one in members]
            assert len(members) == 4 or not of_page.is_full
            assert not (of_page.is_full is False and span.is_full)
    assert numbers == [*range(1, journal.until + 1)]
    assert found.chapter(1000) is None
    assert found.page(1000) is None


def test_relations_bound_the_times_of_what_they_lead_to(journal: Journal) -> None:
    found = stream(journal)
    seen = journal.seen_at([*range(1, journal.until + 1)])
    quads = found.chapter(0)[1]  # type: ignore[index]
    for kind, end in (("GreaterThanOrEqualTo", 1), ("LessThanOrEqualTo", 4)):
        (relation,) = [q.subject for q in quads if q.object == NamedNode(f"{TREE}{kind}Relation")][:1]
        assert objects(quads, relation, f"{TREE}node") == [f"{ROOT}/ldes/page/0"]
        assert objects(quads, relation, f"{TREE}path") == [ldes.AT.value]
        assert objects(quads, relation, f"{TREE}value") == [seen[end]]


def test_full_pages_stay_as_they_are(journal: Journal) -> None:
    before = Journal(journal.log, 6)
    for number, is_full in ((0, True), (1, False)):
        then, now = stream(before).page(number), stream(journal).page(number)
        assert then is not None
        assert now is not None
        assert then[0].is_full is is_full
        assert (then == now) is is_full
        assert (objects(then[1], None, f"{LDES}immutable") == ["true"]) is is_full


# --- members


def test_members_tell_creates_updates_and_deletes(journal: Journal) -> None:
    told = journal.since(0, 1000)
    kinds = [events.kind(version) for version in told]
    assert kinds[-2:] == ["update", "delete"]
    assert set(kinds[:-2]) == {"create"}
    member = stream(journal).member(told[-1], "2026-01-01T00:00:00Z")
    assert f"{AS}Delete" in objects(member, None, ldes.A.value)
    assert objects(member, None, "https://w3id.org/bioimage-hub/vocab#state") == ["withdrawn"]
    assert objects(member, None, "https://w3id.org/bioimage-hub/vocab#withdrawalReason")


def test_a_members_graph_is_the_record_that_its_owner_signed(journal: Journal) -> None:
    version = next(one for one in journal.since(0, 1000) if events.kind(one) == "create")
    iri = NamedNode(f"{BASE}change/hub/{version.sequence}")
    quads = stream(journal).member(version, "2026-01-01T00:00:00Z")
    lines = sorted(f"{q.triple} ." for q in quads if q.graph_name == iri)
    assert version.record is not None
    assert version.signed is not None
    assert hashlib.sha256("".join(f"{line}\n" for line in lines).encode()).hexdigest() == version.signed.sha256
    assert digests.of_record(version.record) == version.signed.sha256


def test_an_erased_member_stays_as_a_delete(journal: Journal) -> None:
    version = journal.since(0, 1)[0]
    told = replace(version, record=None)
    quads = stream(journal).member(told, "2026-01-01T00:00:00Z")
    assert f"{AS}Delete" in objects(quads, None, ldes.A.value)
    assert {q.subject.value for q in quads} == {f"{BASE}change/hub/1"}


def test_a_member_of_another_hub_says_which_change_of_its_owner_it_is(journal: Journal) -> None:
    version = journal.since(0, 1)[0]
    assert version.signed is not None
    told = replace(version, source="idr~eu", signed=replace(version.signed, hub="eu", hub_sequence=77))
    quads = stream(journal).member(told, "2026-01-01T00:00:00Z")
    assert objects(quads, None, "http://www.w3.org/ns/prov#wasDerivedFrom") == [f"{BASE}change/eu/77"]
    assert objects(quads, None, "http://purl.org/dc/terms/isVersionOf") == [f"{BASE}record/idr~eu/{told.accession}"]


# --- over HTTP

FORMATS = {"trig": RdfFormat.TRIG, "nq": RdfFormat.N_QUADS, "jsonld": RdfFormat.JSON_LD}


def test_formats_with_graphs_say_the_same(client: Client) -> None:
    told = {}
    for name, rdf in FORMATS.items():
        offer = next(one for one in ldes.OFFERS if one.name == name)
        answer = get(client, "/ldes/page/0", offer.media_type)
        assert answer.mimetype == offer.media_type
        assert "Accept" in answer.vary
        told[name] = {str(quad) for quad in parse(answer.data, format=rdf)}
    assert told["trig"] == told["nq"] == told["jsonld"]


@pytest.mark.parametrize(("name", "rdf"), [("ttl", RdfFormat.TURTLE), ("nt", RdfFormat.N_TRIPLES)])
def test_formats_without_graphs_say_where_the_content_is(client: Client, name: str, rdf: RdfFormat) -> None:
    quads = [*parse(client.get(f"/ldes/page/0.{name}").data, format=rdf)]
    (file,) = objects(quads, NamedNode(f"{BASE}change/hub/1"), "http://purl.org/dc/terms/hasFormat")
    assert not objects(quads, None, "http://schema.org/name")
    assert "http://schema.org/name" in client.get(file.removeprefix(ROOT)).text


def test_nodes_lead_to_nodes_of_the_same_suffix(client: Client) -> None:
    quads = [*parse(client.get("/ldes.nq").data, format=RdfFormat.N_QUADS)]
    assert nodes(quads) == [f"{ROOT}/ldes/chapter/0.nq"]
    assert client.get("/ldes/chapter/0.nq").status_code == 200


def test_growing_pages_are_asked_again_and_known_ones_are_not_sent(client: Client) -> None:
    first = client.get("/ldes/page/0")
    assert "no-cache" in first.headers["Cache-Control"]
    assert "immutable" not in first.headers["Cache-Control"]
    assert client.get("/ldes/page/0", headers={"If-None-Match": first.headers["ETag"]}).status_code == 304


def test_full_pages_may_be_kept(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ldes, "PAGE", 5)
    answer = client.get("/ldes/page/0")
    assert "immutable" in answer.headers["Cache-Control"]
    assert "no-cache" not in answer.headers["Cache-Control"]


def test_long_pages_are_sent_compressed_to_who_takes_that(client: Client) -> None:
    plain = client.get("/ldes/page/0")
    coded = client.get("/ldes/page/0", headers={"Accept-Encoding": "gzip"})
    assert coded.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(coded.data) == plain.data
    assert "Accept-Encoding" in coded.vary
    known = {"Accept-Encoding": "gzip", "If-None-Match": coded.headers["ETag"]}
    assert client.get("/ldes/page/0", headers=known).status_code == 304


def test_a_change_has_a_page_of_its_own(client: Client) -> None:
    answer = client.get("/change/hub/1.nq")
    assert f"<{BASE}change/hub/1>" in answer.text
    assert client.get("/change/hub").headers["Location"].endswith("/ldes")


@pytest.mark.parametrize(
    "path",
    ["/change/hub/99999", "/change/eu/1", "/change/eu", "/change/hub/x", "/ldes/page/99", "/ldes/chapter/9"],
)
def test_what_is_not_there_is_not_found(client: Client, path: str) -> None:
    assert client.get(path).status_code == 404


def test_other_formats_are_refused(client: Client) -> None:
    assert get(client, "/ldes", "image/png").status_code == 406
    assert client.get("/ldes.xyz").status_code == 406
