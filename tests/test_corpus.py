"""The whole real corpus: nothing lost, everything joined, every shape kept. Skipped where the corpus is absent."""

import json
import re
import shutil
from collections import Counter

import pyshacl
import pytest
import rdflib
from pyoxigraph import DefaultGraph, RdfFormat, Store, parse, serialize

from harvesters.contract import Source
from hub import ingest, maintenance, records, rocrate, snapshots
from hub.config import Settings
from hub.log import Log
from ontology.text import has_email
from tests.support import BASE, ROOT

CORPUS = ROOT.parent / "shared" / "corpus"
DEFAULT = DefaultGraph()
SCHEMA = "http://schema.org/"
pytestmark = pytest.mark.corpus


def source(name, archive, harvester, folder):
    return Source(name=name, harvester=harvester, archive=archive, url=str(CORPUS / folder))


@pytest.fixture(scope="module")
def hub(tmp_path_factory):
    """A hub of all 1,577 crates and the EMPIAR documents, harvested once."""
    sources = [
        source("bia", "bia", "crates", "crates/bia"),
        source("idr", "idr", "crates", "crates/idr"),
        source("ssbd", "ssbd", "crates", "crates/ssbd-2026-03-10"),
        source("empiar", "empiar", "empiar", "empiar/api_json"),
        source("empiar-test", "empiar", "empiar", "empiar/api_json_anonymised"),
    ]
    folder = tmp_path_factory.mktemp("corpus")
    settings = Settings(data_dir=folder, base_iri=BASE, sources={s.name: s for s in sources})
    outcomes = {o.source: o for o in ingest.harvest(settings, list(settings.sources))}
    return settings, outcomes


@pytest.fixture(scope="module")
def store(hub):
    return Store.read_only(str(snapshots.current(hub[0].snapshots_dir).graph))


@pytest.fixture(scope="module")
def published(store):
    """The default graph as rdflib reads it."""
    triples = (q.triple for q in store.quads_for_pattern(None, None, None, DEFAULT))
    return rdflib.Graph().parse(data=serialize(triples, format=RdfFormat.N_TRIPLES).decode(), format="nt")


def test_no_record_is_lost(hub):
    settings, outcomes = hub
    assert [o.report.listed for o in outcomes.values()] == [804, 138, 635, 1, 4]
    assert all(o.report.adds_up() and o.error is None for o in outcomes.values())
    crates = [outcomes[name].report for name in ("bia", "idr", "ssbd")]
    assert sum(r.new for r in crates) == 1577
    rejected = sum(o.report.rejected for o in outcomes.values())
    assert rejected / sum(o.report.listed for o in outcomes.values()) < 0.01
    log = Log(settings.database)
    reasons = [json.loads(r) for _, _, r in log.rejected()]
    log.close()
    assert len(reasons) == rejected
    assert all(r and all(r) for r in reasons)


def test_a_second_run_is_all_unchanged(hub):
    settings, first = hub
    second = ingest.harvest(settings, list(settings.sources))
    for outcome in second:
        before = first[outcome.source].report
        assert (outcome.report.new, outcome.report.changed, outcome.report.deleted) == (0, 0, 0)
        assert outcome.report.unchanged == before.new
        assert outcome.report.rejected == before.rejected


def test_log_payloads_and_graph_fit_one_another(hub):
    assert maintenance.check(hub[0]).problems == []


def test_every_record_comes_back_from_quads_and_page(hub):
    log = Log(hub[0].database)
    for row in log.all_records():
        record = records.from_json(row.record)
        assert records.canonical(record) == record
        assert records.from_quads(records.to_quads(record), record.id) == record
        assert records.from_jsonld(records.to_jsonld(record), record.id) == record
    log.close()


def test_every_iri_is_a_web_address_and_no_e_mail_is_anywhere(store):
    for quad in store:
        for term in (quad.subject, quad.predicate, quad.object, quad.graph_name):
            text = getattr(term, "value", "")
            if "NamedNode" in type(term).__name__ and not text.startswith("urn:x-hub:"):
                assert re.match(r"https?://\S+$", text), text
            elif "Literal" in type(term).__name__:
                assert not has_email(text), text


def test_things_join_under_one_iri(published):
    subjects = {str(s) for s in published.subjects()} | {
        str(o) for o in published.objects() if isinstance(o, rdflib.URIRef)
    }
    assert "http://purl.obolibrary.org/obo/NCBITaxon_10090" in subjects
    assert not [s for s in subjects if "ncbi.nlm.nih.gov/datasets/taxonomy" in s or re.search(r"NCBITaxon_0", s)]
    assert not [s for s in subjects if re.search(r"obo/(FBBI|Fbbi|FBbi:)", s)]
    dois = [s for s in subjects if "doi.org/" in s]
    assert dois == [d for d in dois if d == d.lower() and d.startswith("https://doi.org/10.")]
    assert all(re.fullmatch(r"https://orcid\.org/(\d{4}-){3}\d{3}[\dX]", s) for s in subjects if "orcid.org" in s)


def test_a_mouse_in_two_spellings_is_one_mouse(store):
    query = """PREFIX schema: <http://schema.org/>
        SELECT ?archive (COUNT(DISTINCT ?d) AS ?n) WHERE {
          ?d schema:about <http://purl.obolibrary.org/obo/NCBITaxon_10090> ; schema:includedInDataCatalog ?archive
        } GROUP BY ?archive"""
    found = {r["archive"].value.rpartition("/")[2]: int(r["n"].value) for r in store.query(query)}
    assert {"bia", "idr", "ssbd"} <= set(found)
    assert found["ssbd"] > 100


def test_shared_things_have_one_name(published):
    name = rdflib.URIRef(SCHEMA + "name")
    counted = Counter(s for s in published.subjects(name, None))
    assert [s for s, n in counted.items() if n > 1] == []


def test_the_published_graph_keeps_every_shape(published):
    shapes = rdflib.Graph().parse(ROOT / "linkml_schemas" / "generated" / "shapes.ttl")
    conforms, _, text = pyshacl.validate(published, shacl_graph=shapes)
    assert conforms, text[:2000]


def crate_graph(record, terms):
    crate = rocrate.crate(record)
    crate["@context"] = terms
    quads = parse(json.dumps(crate), format=RdfFormat.JSON_LD, base_iri=f"{record.id}/")
    return serialize((q.triple for q in quads), format=RdfFormat.N_TRIPLES).decode()


def test_exported_crates_keep_the_profile_s_shapes(hub):
    whole = json.loads((CORPUS / "contexts" / "ro-crate-1.2-context.jsonld").read_text())["@context"]
    terms = {**whole, **rocrate.CONTEXT[1]}
    shapes = rdflib.Graph().parse(CORPUS / "crates" / "profile" / "gide_profile_shacl_shape.ttl")
    log = Log(hub[0].database)
    rows = list(log.all_records())
    log.close()
    texts = {
        term for row in rows[::50] for node in rocrate.crate(records.from_json(row.record))["@graph"] for term in node
    }
    assert texts - {t for t in texts if t.startswith("@")} <= set(terms), "every term has a meaning in the context"
    used = {
        k: v
        for k, v in terms.items()
        if k in texts or k[:1].isupper() or k in rocrate.CONTEXT[1] or k in ("schema", "rdfs")
    }
    violations = Counter()
    for row in rows[::7]:
        graph = rdflib.Graph().parse(data=crate_graph(records.from_json(row.record), used), format="nt")
        _, results, _ = pyshacl.validate(graph, shacl_graph=shapes)
        for result in results.subjects(rdflib.SH.resultSeverity, rdflib.SH.Violation):
            violations[str(results.value(result, rdflib.SH.resultMessage))] += 1
    assert violations == Counter()


def test_a_switch_of_snapshots_is_held_and_keeps_every_iri(tmp_path):
    march, april = (CORPUS / "crates" / f"ssbd-2026-{d}" for d in ("03-10", "04-27"))
    listing = tmp_path / "ssbd"
    shutil.copytree(march, listing)
    here = Source(name="ssbd", harvester="crates", archive="ssbd", url=str(listing))
    settings = Settings(data_dir=tmp_path / "data", base_iri=BASE, sources={"ssbd": here})
    ingest.harvest(settings, ["ssbd"])
    before = iris(settings)
    shutil.rmtree(listing)
    shutil.copytree(april, listing)
    [held] = ingest.harvest(settings, ["ssbd"])
    report = held.report
    assert (report.listed, report.new, report.changed, report.held, report.deleted) == (395, 2, 393, 242, 0)
    assert before <= iris(settings), "held: nothing is gone"
    [confirmed] = ingest.harvest(settings, ["ssbd"], confirm=True)
    assert (confirmed.report.unchanged, confirmed.report.deleted) == (395, 242)
    assert len(iris(settings) & before) == 393 - 32, "every survivor keeps its IRI; 32 are two records of one dataset"


def iris(settings):
    store = Store.read_only(str(snapshots.current(settings.snapshots_dir).graph))
    query = "SELECT ?d WHERE { ?d a <http://schema.org/Dataset> }"
    return {row["d"].value for row in store.query(query)}
