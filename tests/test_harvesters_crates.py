"""Crates harvester: one test for each trap of the crates of BIA, IDR and SSBD, golden quads, hostile crates."""

from __future__ import annotations

import copy
import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyld import jsonld as pyld
from pyoxigraph import NamedNode

from harvesters import crates, jsonld
from harvesters.contract import Context, Entry, Harvested, RecordError, Source
from harvesters.http import PoliteSession
from hub import records
from ontology import identifiers, iris, text

HERE = Path(__file__).parent
DEMO = HERE.parent / "hub" / "demo"
PAYLOADS = HERE / "archives" / "crates"
DEMOS = sorted(p for a in ("bia", "idr", "ssbd") for p in (DEMO / a).rglob("*-ro-crate-metadata.json"))
BASE = "https://hub.example/"
OBO = "http://purl.obolibrary.org/obo/"
CONTEXT = "https://w3id.org/ro/crate/1.2/context"
ROOT = "https://www.ebi.ac.uk/biostudies/bioimages/studies/S-BIAD1"
LOCAL = f"{BASE}record/bia/S-BIAD1#"
DESCRIPTOR = {"@id": "ro-crate-metadata.json", "@type": "CreativeWork", "conformsTo": {"@id": CONTEXT[:-8]}}
Node = dict[str, Any]


def context(source: str = "bia") -> Context:
    return Context(BASE, Source(source, "crates", source, "."))


def ref(*names: str) -> list[dict[str, str]]:
    return [{"@id": name} for name in names]


def crate(*nodes: Node, extra: Any = None, root_id: str = ROOT, **root: Any) -> Node:
    """A crate of a root dataset with these fields, and these nodes."""
    descriptor = {**DESCRIPTOR, "about": {"@id": root_id}}
    dataset = {"@id": root_id, "@type": "Dataset", "name": "A title", "identifier": "S-BIAD1", **root}
    return {"@context": [CONTEXT, extra or {"obo": OBO}], "@graph": [descriptor, dataset, *nodes]}


def harvest(document: Any, source: str = "bia") -> Harvested:
    raw = document if isinstance(document, bytes) else json.dumps(document).encode()
    return crates.transform(raw, Entry("a-ro-crate-metadata.json"), context(source))


def rules(harvested: Harvested) -> list[str]:
    return [f.rule for f in harvested.findings]


def shown(harvested: Harvested) -> str:
    return harvested.record.model_dump_json() + repr(harvested.findings)


def check_round_trip(harvested: Harvested) -> None:
    record = records.canonical(harvested.record)
    assert records.from_quads(records.to_quads(record), record.id) == record
    assert records.from_jsonld(records.to_jsonld(record), record.id) == record
    assert records.from_json(records.to_json(record)) == record


def archive_of(path: Path) -> str:
    return path.relative_to(DEMO).parts[0]


def demo(path: Path) -> Harvested:
    return harvest(path.read_bytes(), archive_of(path))


def quantity(value: Any, unit: str = "UO_0000233", kind: str = "QuantitativeValue", name: str = "#size") -> Node:
    return {"@id": name, "@type": kind, "value": value, "unitCode": OBO + unit}


# --- golden documents

GOLDEN = [("bia-s-biad9001", "bia"), ("idr-idr9001", "idr"), ("ssbd-repos-900001", "ssbd")]


@pytest.mark.parametrize(("name", "source"), GOLDEN)
def test_golden_quads(name: str, source: str) -> None:
    harvested = harvest((PAYLOADS / f"{name}.json").read_bytes(), source)
    check_round_trip(harvested)
    record = records.canonical(harvested.record)
    graph = NamedNode(iris.source_graph(BASE, source, record.accession))
    lines = sorted(f"{quad} ." for quad in records.to_quads(record, graph))
    golden = PAYLOADS / f"{name}.nq"
    if "UPDATE_GOLDEN" in os.environ:
        golden.write_text("\n".join(lines) + "\n", encoding="utf-8")
    assert lines == golden.read_text(encoding="utf-8").splitlines()


# --- classes and properties


@pytest.mark.parametrize("kind", ["QuantitativeValue", "QuantitiveValue", ["QuantitiveValue"]])
def test_misspelt_quantity_class(kind: Any) -> None:
    files = quantity(7, "UO_0000189", kind, "#files")
    harvested = harvest(crate(quantity(5, kind=kind), files, size=ref("#size", "#files")))
    assert (harvested.record.size_bytes, harvested.record.file_count, rules(harvested)) == (5, 7, [])


@pytest.mark.parametrize("spelling", ["rdf:seeAlso", "rdfs:seeAlso", "http://www.w3.org/2000/01/rdf-schema#seeAlso"])
def test_see_also_in_either_name_space_and_citation_are_publications(spelling: str) -> None:
    papers = [{"@id": f"https://doi.org/10.1000/{n}", "@type": "ScholarlyArticle", "name": f"Paper {n}"} for n in "ab"]
    said = {"citation": ref(papers[0]["@id"]), "seeAlso": ref(papers[1]["@id"])}
    document = crate(*papers, extra={"obo": OBO, "seeAlso": {"@id": spelling}}, **said)
    assert [p.name for p in harvest(document).record.publication] == ["Paper a", "Paper b"]
    document["@context"].append({"@language": "en"})  # takes the slow way through PyLD
    assert [p.name for p in harvest(document).record.publication] == ["Paper a", "Paper b"]


def test_compact_obo_ids() -> None:
    term = {"@id": "obo:FBbi_00000243", "@type": "DefinedTerm", "name": "bright-field microscopy"}
    (method,) = harvest(crate(term, measurementMethod=ref("obo:FBbi_00000243"))).record.measurement_method
    assert (method.id, method.term_code) == (f"{OBO}FBbi_00000243", "FBbi:00000243")


def test_undeclared_prefix_as_id() -> None:
    term = {"@id": "FBbi:00000257", "@type": "DefinedTerm"}
    (method,) = harvest(crate(term, measurementMethod=ref("FBbi:00000257"))).record.measurement_method
    assert method.id == f"{OBO}FBbi_00000257"


@pytest.mark.parametrize(
    "spelling",
    ["obo:NCBITaxon_9606", f"{OBO}NCBITaxon_9606", "https://www.ncbi.nlm.nih.gov/datasets/taxonomy/9606",
     "http://purl.obolibrary.org/obo/NCBITaxon_09606", "NCBI:txid9606"],
)  # fmt: skip
def test_every_spelling_of_a_taxon_is_one_iri(spelling: str) -> None:
    taxon = {"@id": spelling, "@type": "Taxon", "scientificName": "Homo sapiens"}
    harvested = harvest(crate(taxon, about=ref(spelling)))
    assert [(t.id, t.scientific_name) for t in harvested.record.about] == [(f"{OBO}NCBITaxon_9606", "Homo sapiens")]
    assert rules(harvested) == []


def test_three_spellings_in_one_crate_are_one_taxon() -> None:
    spellings = ["obo:NCBITaxon_10090", "https://www.ncbi.nlm.nih.gov/datasets/taxonomy/10090", "NCBITaxon_010090"]
    nodes = [{"@id": s, "@type": "Taxon", "scientificName": "Mus musculus"} for s in spellings]
    harvested = harvest(crate(*nodes, about=ref(*spellings)))
    (taxon,) = records.canonical(harvested.record).about
    assert taxon.id == f"{OBO}NCBITaxon_10090"


def test_taxon_typed_as_a_term_stays_a_taxon() -> None:
    nodes = [{"@id": "obo:NCBITaxon_9606", "@type": "DefinedTerm", "name": "Homo sapiens"},
             {"@id": "NCBITaxon:9606", "@type": "Taxon", "scientificName": "Homo sapiens"}]  # fmt: skip
    harvested = harvest(crate(*nodes, about=ref("obo:NCBITaxon_9606", "NCBITaxon:9606")))
    check_round_trip(harvested)
    assert rules(harvested) == []


def test_wrong_label_is_a_finding_and_the_ontologys_label_wins() -> None:
    term = {"@id": f"{OBO}GO_0042592", "@type": "DefinedTerm", "name": "homeostasis"}
    harvested = harvest(crate(term, about=ref(term["@id"])))
    assert harvested.record.about[0].name == "homeostatic process"
    (finding,) = harvested.findings
    assert (finding.rule, finding.value, finding.suggestion) == ("label-mismatch", "homeostasis", "homeostatic process")


def test_filler_method_is_a_finding() -> None:
    term = {"@id": f"{OBO}FBbi_00000265", "@type": "DefinedTerm", "name": "recorded image"}
    assert rules(harvest(crate(term, measurementMethod=ref(term["@id"])))) == ["filler-method"]


@pytest.mark.parametrize("value", ["HeLa", ["HeLa"], {"@id": "obo:CLO_0003684"}, [{"@id": "obo:CLO_0003684"}]])
def test_cell_line_as_text_reference_or_list(value: Any) -> None:
    line = {"@id": "obo:CLO_0003684", "@type": "DefinedTerm", "name": "HeLa"}
    sample = {"@id": "#s", "@type": "BioSample", "name": "Cells", "hasCellLine": value}
    nodes = [sample] if "HeLa" in value else [sample, line]
    harvested = harvest(crate(*nodes, about=ref("#s")))
    (found,) = harvested.record.about[0].cell_line
    assert found.id == (f"{LOCAL}cell-line-hela" if "HeLa" in value else f"{OBO}CLO_0003684")
    assert "node-unreached" not in rules(harvested)


# --- people


def person(iri: str, **fields: Any) -> Node:
    return {"@id": iri, "@type": "Person", "name": "Jane Doe", **fields}


@pytest.mark.parametrize(
    ("iri", "expected", "found"),
    [
        ("https://orcid.org/0000-0002-1825-0097", "https://orcid.org/0000-0002-1825-0097", []),
        ("https://orcid.org/0000-0002-1825-0098", f"{LOCAL}person-0000-0002-1825-0098", ["orcid-invalid"]),
        ("https://orcid.org/0000-0002-1825-0097 Jane", f"{LOCAL}person-0000-0002-1825-0097-jane", ["orcid-invalid"]),
        ("https://orcid.org/NA", f"{LOCAL}person-na", ["orcid-invalid"]),
        ("#auth-001", f"{LOCAL}auth-001", []),
    ],
)
def test_orcid(iri: str, expected: str, found: list[str]) -> None:
    harvested = harvest(crate(person(iri), author=ref(iri)))
    assert ([a.id for a in harvested.record.author], rules(harvested)) == ([expected], found)


def test_author_order_survives() -> None:
    names = ["#z", "#a", "https://orcid.org/0000-0002-1825-0097", "#m"]
    document = crate(*(person(n, name=f"Doe {n}") for n in reversed(names)), author=ref(*names))
    expected = [f"Doe {n}" for n in names]
    for variant in (document, pyld.expand(document, {"documentLoader": jsonld._pinned, "base": jsonld.BASE})):
        harvested = harvest(variant)
        assert [a.name for a in harvested.record.author] == expected
        quads = records.to_quads(records.canonical(harvested.record))
        assert [a.name for a in records.from_quads(quads, harvested.record.id).author] == expected
    document["@graph"][1]["author"] = {"@list": ref(*names)}
    assert [a.name for a in harvest(document).record.author] == expected


def test_contact_data_lands_nowhere() -> None:
    secret = "jane.doe@example.org"
    nodes = [
        person("#a", email=secret, address="1 Nowhere Lane", url=f"mailto:{secret}"),
        person(f"mailto:{secret}", name=secret), person(f"#{secret}", name=f"Doe <{secret}>"),
        person(f"https://orcid.org/{secret}"),
        {"@id": f"https://x.example/?m={secret}", "@type": "Organization", "name": "Institute"},
        {"@id": f"https://doi.org/10.1000/{secret}", "@type": "ScholarlyArticle", "name": secret, "sameAs": [secret]},
        {"@id": "#s", "@type": "BioSample", "name": secret, "hasCellLine": secret},
        {"@id": f"#unreached-{secret}", "@type": secret},
    ]  # fmt: skip
    root = {"author": ref("#a", f"mailto:{secret}", f"#{secret}", f"https://orcid.org/{secret}", f"#gone-{secret}")}
    document = crate(
        *nodes, **root, description=f"Ask {secret}", keywords=[secret], license=secret, datePublished=secret,
        thumbnailUrl=f"https://x.example/{secret}.png", about=ref("#s"), funder=secret, size=secret,
        publisher=ref(f"https://x.example/?m={secret}"), citation=ref(f"https://doi.org/10.1000/{secret}"),
    )  # fmt: skip
    harvested = harvest(document)
    assert "jane" not in shown(harvested).replace("Jane Doe", "")
    assert "Nowhere" not in shown(harvested)
    check_round_trip(harvested)
    with pytest.raises(RecordError) as refused:
        harvest(crate(identifier=secret, root_id=f"https://x.example/{secret}"))
    assert "jane" not in str(refused.value)


# --- ids and references


def test_duplicate_id_keeps_the_first_and_is_a_finding() -> None:
    samples = [{"@id": "#s", "@type": "BioSample", "name": name} for name in ("Organism", "Cell line sample")]
    harvested = harvest(crate(*samples, about=ref("#s")))
    assert [s.name for s in harvested.record.about] == ["Organism"]
    (finding,) = harvested.findings
    assert (finding.rule, finding.value) == ("duplicate-id", "#s (Cell line sample)")


def test_dangling_reference_is_a_finding() -> None:
    harvested = harvest(crate(author=ref("#gone")))
    assert [(f.field, f.rule, f.value) for f in harvested.findings] == [("author[0]", "dangling-reference", "#gone")]


def test_unreached_nodes_are_findings_in_the_crates_order() -> None:
    harvested = harvest(crate(*(person(f"#p{n}") for n in range(9))))
    assert [(f.rule, f.value) for f in harvested.findings] == [("node-unreached", f"#p{n}") for n in range(9)]


def test_text_in_place_of_a_reference_is_a_finding() -> None:
    harvested = harvest(crate(author=["Jane Doe"], publisher="BioImage Archive", size=5))
    assert [(f.field, f.rule) for f in harvested.findings] == [
        ("publisher[0]", "reference-expected"), ("size[0]", "reference-expected"), ("author[0]", "reference-expected"),
    ]  # fmt: skip


def test_several_values_where_one_belongs_are_a_finding() -> None:
    harvested = harvest(crate(name=["One", "Two"], datePublished=["2020", "2021"]))
    assert (harvested.record.name, harvested.record.date_published) == ("One", "2020")
    assert rules(harvested) == ["several-values"] * 2


def test_node_used_as_two_things_lands_once() -> None:
    harvested = harvest(crate(person("#p"), author=ref("#p"), about=ref("#p"), measurementMethod=ref("#p")))
    check_round_trip(harvested)
    assert rules(harvested) == ["kind-unexpected"] * 2


def test_fragment_ids_of_two_crates_never_collide() -> None:
    other = crate(person("#auth-001"), author=ref("#auth-001"), identifier="S-BIAD2")
    both = [harvest(crate(person("#auth-001"), author=ref("#auth-001"))), harvest(other)]
    assert [h.record.author[0].id for h in both] == [f"{BASE}record/bia/S-BIAD{n}#auth-001" for n in (1, 2)]


def test_dataset_that_conforms_to_a_profile_is_not_the_descriptor() -> None:
    document = crate(person("#p"), author=ref("#p"), about=[], conformsTo={"@id": "https://example.org/profile"})
    document["@graph"].reverse()
    assert harvest(document).record.accession == "S-BIAD1"


def landed(path: Path) -> set[str]:
    """IRIs of everything in the record, and the sizes, which have none."""
    record = records.canonical(demo(path).record)
    return {q.subject.value for q in records.to_quads(record)} | {f"={record.size_bytes}", f"={record.file_count}"}


@pytest.mark.parametrize("path", DEMOS, ids=lambda p: p.name.removesuffix("-ro-crate-metadata.json"))
def test_every_node_lands_or_is_named_in_a_finding(path: Path) -> None:
    harvested = demo(path)
    check_round_trip(harvested)
    record = iris.record(BASE, archive_of(path), harvested.record.accession)
    here = landed(path)
    named = " ".join(f"{f.value} {f.message}" for f in harvested.findings)
    nodes = [
        n for n in json.loads(path.read_bytes())["@graph"] if "conformsTo" not in n and "Dataset" not in n["@type"]
    ]
    lost = [n["@id"] for n in nodes if not places(n, f"{record}#") & here and n["@id"] not in named]
    assert (len(nodes) > 5, lost) == (True, [])


def places(node: Node, prefix: str) -> set[str]:
    """Where a node may land: under its own IRI, a normal form of it, as a node of the record, or as a size."""
    iri = jsonld._iri(node["@id"], {"obo": OBO})
    found = {iri, prefix + iri.lstrip("#"), f"={node.get('value')}"}
    found.add(f"{prefix}person-{iri.rpartition('/')[2].lower().replace(' ', '-')}")
    for normal in (identifiers.term, identifiers.taxon, identifiers.publication, identifiers.pmid, identifiers.orcid):
        try:
            found.add(normal(iri))
        except ValueError:
            continue
    return found


# --- papers, dates, licences, sizes, text


def paper(iri: str, **fields: Any) -> tuple[Any, list[str]]:
    harvested = harvest(crate({"@id": iri, "@type": "ScholarlyArticle", **fields}, citation=ref(iri)))
    return harvested.record.publication[0], rules(harvested)


def test_bare_pubmed_id_as_id() -> None:
    assert paper("35209227")[0].id == "https://pubmed.ncbi.nlm.nih.gov/35209227"


@pytest.mark.parametrize("iri", ["https://doi.org/1038/s41467-023-43855-2", "https://doi.org/0.1039/d3lc00768e"])
def test_bad_doi_stays_a_node_of_the_record(iri: str) -> None:
    found, said = paper(iri, name="A paper")
    assert found.id.startswith(LOCAL)
    assert (found.name, said) == ("A paper", ["publication-invalid"])


def test_doi_in_either_case_is_one_paper() -> None:
    spellings = ["https://doi.org/10.7554/eLife.52546", "https://doi.org/10.7554/elife.52546"]
    assert {paper(s)[0].id for s in spellings} == {"https://doi.org/10.7554/elife.52546"}


def test_paper_with_both_ids_keeps_the_other_as_alias() -> None:
    found, _ = paper("https://doi.org/10.1000/x", sameAs=["https://pubmed.ncbi.nlm.nih.gov/35519107/"])
    assert found.same_as == ["https://pubmed.ncbi.nlm.nih.gov/35519107"]


def test_address_as_title_of_a_paper() -> None:
    found, said = paper("https://doi.org/10.1000/x", name="https://doi.org/10.1000/x")
    assert (found.name, said) == (None, ["title-is-identifier"])


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("2016", "2016"),
        (2016, "2016"),
        ("2016-05", "2016-05"),
        ("2025‑05‑12", "2025-05-12"),
        ("None", None),
        ("", None),
    ],
)
def test_dates_keep_their_precision(said: Any, kept: str | None) -> None:
    harvested = harvest(crate(datePublished=said))
    assert harvested.record.date_published == kept
    assert rules(harvested) == (["date-invalid"] if said == "None" else [])


def test_typed_year_is_a_year() -> None:
    extra = {"datePublished": {"@id": "http://schema.org/datePublished", "@type": "xsd:date"}}
    assert harvest(crate(extra=extra, datePublished="2016")).record.date_published == "2016"
    assert harvest(crate(datePublished={"@value": "2016", "@type": "xsd:date"})).record.date_published == "2016"


def test_unknown_licence_url_is_kept_with_a_finding() -> None:
    url = "https://v18.proteinatlas.org/about/licence"
    harvested = harvest(crate(license=url))
    assert (harvested.record.license, rules(harvested)) == (url, ["licence-unknown"])
    harvested = harvest(crate(license="on request"))
    assert (harvested.record.license, rules(harvested)) == (None, ["licence-unknown"])


@pytest.mark.parametrize("said", ["https://creativecommons.org/licenses/by/4.0/", "CC BY 4.0"])
def test_known_licence(said: str) -> None:
    for value in (said, {"@id": said}):
        assert harvest(crate(license=value)).record.license == "https://creativecommons.org/licenses/by/4.0/"


@pytest.mark.parametrize("value", [0, -1, 1.5, True, None, "many", "", 1e400, 10**400 // 10**100, [], {"@value": "x"}])
def test_nonsense_sizes_are_findings(value: Any) -> None:
    harvested = harvest(crate(quantity(value), size=ref("#size")))
    assert harvested.record.size_bytes is None
    assert rules(harvested) == ["size-invalid"]
    assert "#size" in harvested.findings[0].message


@pytest.mark.parametrize("value", [138915384121379, "138915384121379", 138915384121379.0])
def test_huge_size(value: Any) -> None:
    harvested = harvest(crate(quantity(value), size=ref("#size")))
    assert harvested.record.size_bytes == 138915384121379
    check_round_trip(harvested)


def test_contradicting_sizes_keep_the_first() -> None:
    harvested = harvest(crate(quantity(1), quantity(2, name="#other"), size=ref("#size", "#other")))
    assert (harvested.record.size_bytes, rules(harvested)) == (1, ["several-values"])


def test_size_without_a_known_unit() -> None:
    assert rules(harvest(crate(quantity(1, "UO_0000001"), size=ref("#size")))) == ["size-unit"]


def test_control_and_private_use_characters() -> None:
    said = "fold\u0002ing of 10 \uf06dm at 37\uf0b0 \u200b\u202b\ud800end"
    harvested = harvest(crate(name=said, description="plain"))
    assert harvested.record.name == "folding of 10 µm at 37° end"
    assert rules(harvested) == ["control-characters"]
    shown(harvested).encode()
    check_round_trip(harvested)


@pytest.mark.parametrize("iri", ["#\ud800", "# a b", "#%zz", "#" + "x" * 5000, "", "http://[", "https://x.example/a b"])
def test_any_id_gives_a_valid_iri(iri: str) -> None:
    check_round_trip(harvest(crate(person(iri), author=ref(iri))))


def test_missing_title() -> None:
    for name in (None, "", "S-BIAD1", [], {"a": 1}):
        harvested = harvest(crate(name=name))
        assert harvested.record.name == "S-BIAD1"
        assert "title-missing" in rules(harvested)


# --- identity


def test_empiar_crate_from_bia_is_the_empiar_dataset() -> None:
    page = "https://www.ebi.ac.uk/biostudies/bioimages/studies/EMPIAR-10310"
    record = harvest(crate(root_id=page, identifier="EMPIAR-10310")).record
    assert record.id == f"{BASE}dataset/empiar/EMPIAR-10310"
    assert (record.url, record.same_as) == ("https://www.ebi.ac.uk/empiar/EMPIAR-10310/", [page])
    assert record.archive.id == f"{BASE}archive/empiar"


@pytest.mark.parametrize("field", ["identifier", "sameAs"])
@pytest.mark.parametrize("doi", ["10.24631/SSBD.repos.2022.06.237", "https://doi.org/10.24631/ssbd.repos.2022.06.237"])
def test_doi_and_other_iris_of_the_dataset_are_its_aliases(field: str, doi: str) -> None:
    page = "https://ssbd.riken.jp/repository/ssbd-repos-000237/"
    others = [*(["ssbd-repos-000237"] if field == "identifier" else []), {"@id": doi}, "https://example.org/237", page]
    said = {"identifier": "ssbd-repos-000237"} | {field: others}
    harvested = harvest(crate(root_id=page, **said), "ssbd")
    assert (harvested.record.accession, harvested.record.url) == ("ssbd-repos-000237", page)
    assert harvested.record.same_as == ["https://doi.org/10.24631/ssbd.repos.2022.06.237", "https://example.org/237"]
    assert rules(harvested) == []


def test_alias_that_is_no_iri_is_a_finding() -> None:
    harvested = harvest(crate(sameAs=["somewhere", "doi:10.1/x"], identifier=["S-BIAD1", "PRJ-5"]))
    assert (harvested.record.same_as, rules(harvested)) == ([], ["iri-invalid", "doi-invalid"])


def test_repository_and_database_crate_of_one_number_are_one_dataset() -> None:
    pages = {
        "ssbd-repos-000170": "https://ssbd.riken.jp/repository/ssbd-repos-000170/",
        "170-Tsutsui-HookBM": "https://ssbd.riken.jp/v1/project/170-Tsutsui-HookBM",
    }
    both = [harvest(crate(root_id=page, identifier=name), "ssbd").record for name, page in pages.items()]
    assert {record.id for record in both} == {f"{BASE}dataset/ssbd/170"}
    assert [record.accession for record in both] == list(pages)
    assert [record.url for record in both] == list(pages.values())


def test_new_root_iri_keeps_the_dataset_iri() -> None:
    pages = [
        "https://ssbd.riken.jp/v2/project/187-Tsuboi-TumorDyn",
        "https://ssbd.riken.jp/database/project/187-Tsuboi-TumorDyn/",
    ]
    both = [harvest(crate(root_id=p, identifier="187-Tsuboi-TumorDyn"), "ssbd").record for p in pages]
    assert {r.id for r in both} == {f"{BASE}dataset/ssbd/187"}
    assert [r.url for r in both] == pages


def test_accession_from_the_address_when_the_identifier_is_missing() -> None:
    assert harvest(crate(identifier=None)).record.accession == "S-BIAD1"


def test_crate_of_all_crates_is_not_listed(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "alone").mkdir()
    for name in ("ro-crate-metadata.json", "b-ro-crate-metadata.json", "a-ro-crate-metadata.json", "a.json",
                 "deep/c-ro-crate-metadata.json", "alone/ro-crate-metadata.json"):  # fmt: skip
        (tmp_path / name).write_text("{}")
    with PoliteSession() as http:
        listed = [e.key for e in crates.entries(http, Source("x", "crates", "idr", str(tmp_path)))]
    assert listed == ["a-ro-crate-metadata.json", "alone/ro-crate-metadata.json", "b-ro-crate-metadata.json",
                      "deep/c-ro-crate-metadata.json"]  # fmt: skip


# --- what is no crate


@pytest.mark.parametrize(
    "raw",
    [b"", b"<html>", b"null", b"7", b"[]", b"[[]]", b'[{"a": 1}]', b"{}", b'{"@graph": []}', b'{"@graph": 7}', b"\xff",
     b'{"@graph": [7, null, "x"]}', b"[" * 10_000, b"[" * 10_000 + b"]" * 10_000, b'{"a":' * 900 + b"1" + b"}" * 900,
     b'{"@context": ' + b'{"a":' * 500 + b"1" + b"}" * 501],
)  # fmt: skip
def test_no_crate(raw: bytes) -> None:
    with pytest.raises(RecordError):
        harvest(raw)


def test_deep_value_in_a_crate() -> None:
    raw = json.dumps(crate(description="DEEP")).encode()
    with pytest.raises(RecordError):
        harvest(raw.replace(b'"DEEP"', b"[" * 10_000 + b"]" * 10_000))


@pytest.mark.parametrize("about", [{"@id": "c"}, [], None, "S-BIAD1", [{"@id": None}]])
def test_descriptor_that_points_at_nothing(about: Any) -> None:
    document = crate()
    document["@graph"][0]["about"] = about
    with pytest.raises(RecordError, match="root dataset"):
        harvest(document)


def test_unknown_accession() -> None:
    with pytest.raises(RecordError, match="identifier: 'x-1' is not an accession"):
        harvest(crate(identifier="x-1", root_id="https://example.org/x-1"))


@pytest.mark.parametrize(
    "remote",
    ["https://example.org/context", "http://169.254.169.254/latest", "file:///etc/passwd",
     {"@import": "https://example.org/context"}, ["https://example.org/context", {"a": {"@id": "b", "@context": "http://x.y/"}}]],
)  # fmt: skip
def test_unpinned_context_is_an_error_and_never_a_request(remote: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        pytest.fail("a socket was opened")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    document = crate()
    document["@context"] = [CONTEXT, remote] if isinstance(remote, str) else remote
    with pytest.raises(RecordError):
        harvest(document)


# --- other shapes of the same crate


def nested(document: Node) -> Node:
    """The same crate as a tree: each node inside the first reference to it."""
    nodes = {n["@id"]: n for n in document["@graph"]}
    seen: set[str] = set()

    def unfold(value: Any) -> Any:
        if isinstance(value, list):
            return [unfold(v) for v in value]
        if not isinstance(value, dict) or value["@id"] in seen or value["@id"] not in nodes:
            return value
        seen.add(value["@id"])
        return {key: inner if key == "@id" else unfold(inner) for key, inner in nodes[value["@id"]].items()}

    tree = unfold({"@id": document["@graph"][0]["@id"]})
    rest = [n for n in document["@graph"] if n["@id"] not in seen]
    return {"@context": document["@context"], "@graph": [tree, *rest]}


def qualified(document: Node) -> Node:
    """The same crate with prefixed names in place of schema.org's terms."""
    known = {k for k, v in jsonld.profile_context().items() if v.startswith("http://schema.org/") and k != "schema"}
    nodes = [{f"s:{k}" if k in known else k: v for k, v in n.items()} for n in document["@graph"]]
    return {"@context": [*document["@context"], {"s": "http://schema.org/"}], "@graph": nodes}


@pytest.mark.parametrize("path", DEMOS[::6], ids=lambda p: p.name.removesuffix("-ro-crate-metadata.json"))
def test_every_json_ld_shape_gives_the_same_record(path: Path) -> None:
    document = json.loads(path.read_bytes())
    options = {"documentLoader": jsonld._pinned, "base": jsonld.BASE}
    expected = records.canonical(demo(path).record)
    for variant in (nested(document), pyld.expand(document, options), qualified(document)):
        assert records.canonical(harvest(variant, archive_of(path)).record) == expected


# --- anything at all

JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=15)
    | st.sampled_from(["", "NA", "10.1/x", "2020-13-01", "jane.doe@b.org", "\ud800", 10**400, "#auth-001", "@id"]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(["@id", "@type", "@value", "@list", "@context", "@graph", "@set", "name", "author", "x:y"]),
        inner,
        max_size=3,
    ),
    max_leaves=6,
)  # fmt: skip
DEEP: list[Any] = []
for _ in range(300):
    DEEP = [DEEP]
SMALL = sorted(DEMOS, key=lambda p: p.stat().st_size)[:8]


def paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield (*path, key)
        yield from paths(inner, (*path, key))


def mutate(document: Any, path: tuple[Any, ...], value: Any) -> None:
    holder = document
    for key in path[:-1]:
        try:
            holder = holder[key]
        except (KeyError, IndexError, TypeError):
            return
    if isinstance(holder, dict) or (isinstance(holder, list) and path[-1] in range(len(holder))):
        if value is KeyError:
            holder.pop(path[-1], None) if isinstance(holder, dict) else holder.pop(path[-1])
        else:
            holder[path[-1]] = copy.deepcopy(value)


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data(), path=st.sampled_from(SMALL))
def test_any_mutation_is_published_or_rejected(data: st.DataObject, path: Path) -> None:
    document = json.loads(path.read_bytes())
    known = list(paths(document["@graph"]))
    ids = [n["@id"] for n in document["@graph"]]
    values = (
        JUNK
        | st.just(KeyError)
        | st.just(DEEP)
        | st.sampled_from(ids)
        | st.builds(lambda i: {"@id": i}, st.sampled_from(ids))
    )
    for _ in range(data.draw(st.integers(1, 4))):
        mutate(document["@graph"], data.draw(st.sampled_from(known)), data.draw(values))
    try:
        harvested = harvest(document, archive_of(path))
    except RecordError:
        return
    check_round_trip(harvested)
    assert "b.org" not in shown(harvested)
    shown(harvested).encode()


# --- the corpus


@pytest.mark.corpus
def test_corpus_is_published_and_comes_round(corpus: Path) -> None:
    count = 0
    for source, folder in (("bia", "bia"), ("idr", "idr"), ("ssbd", "ssbd-2026-03-10")):
        for path in sorted((corpus / "crates" / folder).rglob("*-ro-crate-metadata.json")):
            harvested = harvest(path.read_bytes(), source)
            check_round_trip(harvested)
            count += 1
            for quad in records.to_quads(records.canonical(harvested.record)):
                for term in (quad.subject, quad.object):
                    if isinstance(term, NamedNode):
                        assert term.value.startswith(("http://", "https://"))
                        assert " " not in term.value
            assert not text.has_email(records.to_json(harvested.record)), path
            assert not any(text.has_email(f.value + f.message) for f in harvested.findings), path
    assert count == 1577


@pytest.mark.corpus
@pytest.mark.parametrize(("folder", "pairs"), [("ssbd-2026-03-10", 262), ("ssbd-2026-04-27", 32)])
def test_corpus_halves_of_ssbd_are_one_dataset(corpus: Path, folder: str, pairs: int) -> None:
    paths = sorted((corpus / "crates" / folder).rglob("*-ro-crate-metadata.json"))
    found = [harvest(path.read_bytes(), "ssbd").record for path in paths]
    assert len({record.accession for record in found}) == len(paths)
    assert all(record.id.startswith(f"{BASE}dataset/ssbd/") for record in found)
    assert len(paths) - len({record.id for record in found}) == pairs


def test_declaration() -> None:
    assert (crates.HARVESTER.name, crates.HARVESTER.route) == ("crates", 2)
