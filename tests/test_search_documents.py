"""What a study's document is made of: words by field, identifiers, facets, numbers, and what is shown."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
from pyoxigraph import RdfFormat, Store

from hub import records
from hub.genes import Genes, bundled
from hub.search import layout
from hub.search.contract import FACETS, HAS, RANGES, SIZES
from hub.search.documents import DESCRIPTION_LENGTH, Documents, document
from hub.search.fields import FIELDS, NAMES

BASE = "http://e/"
LINE = "https://www.cellosaurus.org/CVCL_0030"
LIGHT = "http://purl.obolibrary.org/obo/FBbi_00000345"
SPIM = "http://purl.obolibrary.org/obo/FBbi_00000369"
FISH = "http://purl.obolibrary.org/obo/NCBITaxon_7955"
TP53 = "https://identifiers.org/ncbigene:7157"
DATA = f"""
PREFIX schema: <http://schema.org/> PREFIX hub: <https://w3id.org/bioimage-hub/vocab#> PREFIX owl: <urn:x>
PREFIX dwciri: <http://rs.tdwg.org/dwc/iri/> PREFIX obo: <http://purl.obolibrary.org/obo/>
PREFIX dwc: <http://rs.tdwg.org/dwc/terms/> PREFIX rdfs: <http://www.w3.org/2000/01/rdf-schema#>
PREFIX skos: <http://www.w3.org/2004/02/skos/core#> PREFIX rdf: <http://www.w3.org/1999/02/22-rdf-syntax-ns#>
PREFIX bibo: <http://purl.org/ontology/bibo/> PREFIX bao: <http://www.bioassayontology.org/bao#>
PREFIX d: <http://e/dataset/bia/> PREFIX r: <http://e/record/bia/X#>
d:S-BIAD1 a schema:Dataset ; schema:name "Light-sheet imaging of embryos" ; schema:identifier "S-BIAD1" ;
  schema:description "{"A long description. " * 40}Ask jane.doe@example.org about it." ;
  schema:url <https://www.ebi.ac.uk/biostudies/bioimages/studies/S-BIAD1> ;
  schema:sameAs <https://doi.org/10.6019/S-BIAD1> ; hub:sizeBytes 5000000000 ; hub:fileCount 7 ;
  schema:datePublished "2024-03"^^<http://www.w3.org/2001/XMLSchema#gYearMonth> ;
  schema:license <https://creativecommons.org/licenses/by/4.0/> ; schema:keywords "nuclear segmentation" ;
  schema:thumbnailUrl <http://x.example/t.png> ; schema:author r:b, <https://orcid.org/0000-0002-1825-0097> ;
  bibo:authorList <http://e/dataset/bia/S-BIAD1#authors> ; schema:citation <https://doi.org/10.1234/ABC.5> ;
  schema:about obo:NCBITaxon_7955, r:sample ; dwciri:measurementMethod r:protocol ;
  hub:geneAnnotation r:note ; schema:hasPart r:part ; schema:distribution r:files ;
  obo:RO_0002200 obo:MP_0000001 ; hub:reconstruction <https://www.ebi.ac.uk/emdb/EMD-1234> ;
  dwciri:measurementMethod r:found ; <http://purl.org/dc/terms/relation> <https://e.example/other-9> .
<http://e/dataset/bia/S-BIAD1#authors> rdf:_2 r:b ; rdf:_1 <https://orcid.org/0000-0002-1825-0097> .
r:b schema:name "Zoë Müller" . <https://orcid.org/0000-0002-1825-0097> schema:name "Adam Able" .
<https://doi.org/10.1234/ABC.5> schema:name "Paper of record" ; schema:sameAs <https://pubmed.ncbi.nlm.nih.gov/123> .
r:sample schema:name "hind brain" ; bao:BAO_0002004 r:line .
r:line schema:name "HeLa cells" ; skos:exactMatch <{LINE}> . <{LINE}> schema:name "HeLa" .
obo:NCBITaxon_7955 dwc:scientificName "Danio rerio" ; dwc:vernacularName "zebrafish" ;
  rdfs:subClassOf obo:NCBITaxon_7955, obo:NCBITaxon_7742, obo:NCBITaxon_1 .
obo:NCBITaxon_7742 schema:name "Vertebrata" ; skos:altLabel "vertebrates" ;
  rdfs:subClassOf obo:NCBITaxon_7742, obo:NCBITaxon_1 .
obo:NCBITaxon_1 schema:name "root" ; rdfs:subClassOf obo:NCBITaxon_1 .
r:protocol schema:name "how" ; schema:measurementTechnique obo:FBbi_00000369 .
obo:FBbi_00000369 schema:name "SPIM" ; skos:altLabel "single plane illumination microscopy" ;
  rdfs:subClassOf obo:FBbi_00000369, obo:FBbi_00000345, obo:FBbi_00000222 .
obo:FBbi_00000345 schema:name "light microscopy" ; rdfs:subClassOf obo:FBbi_00000345, obo:FBbi_00000222 .
obo:FBbi_00000222 schema:name "imaging method" ; rdfs:subClassOf obo:FBbi_00000222 .
obo:MP_0000001 schema:name "small eyes" .
r:note hub:gene <https://identifiers.org/ensembl:ENSG00000141510> .
r:part schema:name "screen A" ; schema:description "a part's own words" ; schema:distribution r:more .
r:files hub:pixelWidth 120.5 ; hub:imageCount 30 ; schema:contentUrl <https://x.example/i.ome.zarr> .
r:more hub:pixelHeight 90 ; hub:imageCount 12 .
<http://e/dataset/idr/idr0001> a schema:Dataset ; schema:name "The same, annotated" ; schema:identifier "idr0001" ;
  schema:datePublished "2023-12-31"^^<http://www.w3.org/2001/XMLSchema#date> ; hub:sameStudyAs d:S-BIAD1 .
d:S-BIAD9 a schema:Dataset ; schema:name "Bare" ; schema:identifier "S-BIAD9" ; hub:sameStudyAs d:GONE .
GRAPH <http://e/graph/ontology/fbbi> {{ obo:FBbi_00000369 rdfs:subClassOf obo:FBbi_00000345 }}
GRAPH <http://e/graph/ontology/fbbi/closure> {{ obo:FBbi_00000369 rdfs:subClassOf obo:FBbi_00000222 }}
GRAPH <http://e/g> {{ d:elsewhere a schema:Dataset ; schema:name "zebrafish" }}
"""
ONE, TWO, BARE = f"{BASE}dataset/bia/S-BIAD1", f"{BASE}dataset/idr/idr0001", f"{BASE}dataset/bia/S-BIAD9"


@pytest.fixture(scope="module")
def documents() -> Documents:
    store = Store()
    store.load(DATA, format=RdfFormat.TRIG)
    return Documents(store, None, Genes(bundled()), BASE)


@pytest.fixture(scope="module")
def made(documents: Documents) -> dict[str, list[Any]]:
    return documents.content([ONE])


def test_every_slot_that_is_read_is_one_of_the_model_s() -> None:
    known = {slot.name for table in records.tables().values() for slot in table.slots}
    assert {slot for field in FIELDS for path in field.paths for slot in path.split(".")} <= known
    assert {"name", "scientific_name", "vernacular_name", "symbol"} <= known & set(NAMES)


def test_a_schema_has_every_field_facet_and_range() -> None:
    empty: dict[str, list[Any]] = {
        name: [] for name in (*(f.name for f in FIELDS), *layout.facet_fields(), *(r.name for r in RANGES))
    }
    assert document(empty).get_first(layout.DIGEST)


@pytest.mark.parametrize(
    ("field", "words"),
    [
        ("title", "Light-sheet imaging of embryos"),
        ("identifiers", "S-BIAD1"),
        ("identifiers", "10.6019/S-BIAD1"),
        ("identifiers", "EMD-1234"),
        ("identifiers", "other-9"),
        ("keywords", "nuclear segmentation"),
        ("terms", "zebrafish"),
        ("terms", "Danio rerio"),
        ("terms", "hind brain"),
        ("terms", "HeLa cells"),
        ("terms", "HeLa"),
        ("terms", "single plane illumination microscopy"),
        ("terms", "small eyes"),
        ("genes", "TP53"),
        ("genes", "p53"),
        ("people", "Zoë Müller"),
        ("people", "0000-0002-1825-0097"),
        ("papers", "Paper of record"),
        ("parts", "a part's own words"),
    ],
)
def test_words_are_in_their_field(made: dict[str, list[Any]], field: str, words: str) -> None:
    assert words in made[field]


def test_broader_terms_have_their_names_but_for_the_top_ones(made: dict[str, list[Any]]) -> None:
    (text,) = made[layout.BROADER]
    assert {"Vertebrata", "vertebrates", "light microscopy"} <= set(text.split("\n"))
    assert not {"root", "imaging method", "SPIM"} & set(text.split("\n"))


def test_exact_words_are_those_of_all_fields_but_descriptions(made: dict[str, list[Any]]) -> None:
    assert "TP53" in made[layout.EXACT][0]
    assert "long description" not in made[layout.EXACT][0]


@pytest.mark.parametrize(
    "spelling",
    [
        "s-biad1",
        "bia:s-biad1",
        ONE.lower(),
        "10.6019/s-biad1",
        "doi:10.1234/abc.5",
        "pmid:123",
        "orcid:0000-0002-1825-0097",
        "ncbitaxon:7955",
        "fbbi_00000369",
        "ensembl:ensg00000141510",
        "hgnc:11998",
        "ncbigene:7157",
        LINE.lower(),
    ],
)
def test_every_spelling_of_an_identifier_is_there(made: dict[str, list[Any]], spelling: str) -> None:
    assert spelling in made[layout.IDENTIFIER]


def test_what_is_only_related_lends_no_identifier(made: dict[str, list[Any]]) -> None:
    assert not [text for text in made[layout.IDENTIFIER] if "other-9" in text]


def test_no_address_of_a_person_is_told(made: dict[str, list[Any]]) -> None:
    assert "jane.doe" not in str(made)


def test_facets_have_their_values_and_trees_what_is_above(made: dict[str, list[Any]]) -> None:
    assert made["archive"] == ["bia"]
    assert made["year"] == ["2024"]
    assert made["licence"] == ["CC-BY-4.0"]
    assert made["size"] == ["1-10GB"]
    assert made["organism_own"] == [FISH]
    assert len(made["organism"]) == 3
    assert made["method_own"] == [SPIM]
    assert set(made["method"]) == {SPIM, LIGHT, "http://purl.obolibrary.org/obo/FBbi_00000222"}
    assert made["gene"] == [TP53]
    assert made["cell_line"] == [LINE]
    assert made["phenotype"] == ["http://purl.obolibrary.org/obo/MP_0000001"]
    assert set(made["has"]) == set(HAS)


def test_numbers_are_the_study_s_own_where_it_has_any_else_its_parts(made: dict[str, list[Any]]) -> None:
    assert made["size_bytes"] == [5_000_000_000]
    assert made["pixel_nm"] == [120.5, 90.0]
    assert made["images"] == [30, 12]
    assert made["files"] == [7]
    assert made["channels"] == []
    assert made[layout.PUBLISHED] == [20240300]


def test_what_is_shown(made: dict[str, list[Any]]) -> None:
    (shown,) = json.loads(made[layout.SHOWN][0])
    assert shown["authors"] == ["Adam Able", "Zoë Müller"]
    assert (shown["archive"], shown["accession"], shown["author_count"]) == ("bia", "S-BIAD1", 2)
    assert (shown["organisms"], shown["methods"]) == (["Danio rerio"], ["SPIM"])
    assert (shown["doi"], shown["published"]) == ("https://doi.org/10.6019/S-BIAD1", "2024-03")
    assert (shown["size_bytes"], shown["thumbnail"]) == (5_000_000_000, True)
    assert len(shown["description"]) == DESCRIPTION_LENGTH
    assert shown["description"].endswith("…")


def test_what_somebody_may_begin_to_type(made: dict[str, list[Any]]) -> None:
    entries = [(entry.split(layout.SEPARATOR)[0], *layout.suggested(entry)) for entry in made[layout.SUGGEST]]
    assert ("zebrafish", "Danio rerio", "organism", FISH) in entries
    assert ("plane illumination microscopy", "SPIM", "method", SPIM) in entries
    assert ("p53", "TP53", "gene", TP53) in entries
    assert ("muller", "Zoë Müller", "person", "") in entries
    assert ("light-sheet imaging of embryos", "Light-sheet imaging of embryos", "dataset", ONE) in entries


def test_a_dataset_of_which_little_is_known(documents: Documents) -> None:
    made = documents.content([BARE])
    assert made["title"] == ["Bare"]
    assert made[layout.PUBLISHED] == [0]
    assert made[layout.TOTAL_BYTES] == made["year"] == made["has"] == []
    assert made["newest_key"] == [f"99999999 {BARE}"]
    assert made["smallest_key"] == made["largest_key"] == [f"{'9' * 19} {BARE}"]


def test_datasets_of_one_study_are_one_document_the_fuller_one_first(documents: Documents) -> None:
    assert sorted(documents.every()) == [(ONE, TWO), (BARE,)] or list(documents.every()) == [(BARE,), (ONE, TWO)]
    assert documents.members(TWO) == (ONE, TWO)
    assert documents.members(f"{BASE}dataset/bia/GONE") == ()
    made = documents.content([ONE, TWO])
    assert made[layout.STUDY] == [ONE]
    assert made[layout.MEMBER] == [ONE, TWO]
    assert made["title"] == ["Light-sheet imaging of embryos", "The same, annotated"]
    assert made["archive"] == ["bia", "idr"]
    assert (made[layout.PUBLISHED], made[layout.DATASETS], made["year"]) == ([20231231], [2], ["2024", "2023"])


def test_a_document_is_the_same_whatever_was_read_before(documents: Documents, made: dict[str, list[Any]]) -> None:
    documents.content([BARE])
    assert documents.content([ONE]) == made


def test_with_little_memory_documents_are_the_same(made: dict[str, list[Any]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hub.search.documents.MAX_KEPT", 1)
    store = Store()
    store.load(DATA, format=RdfFormat.TRIG)
    assert Documents(store, None, Genes(bundled()), BASE).content([ONE]) == made


def test_whose_documents_tell_of_a_thing(documents: Documents) -> None:
    for thing in ("http://purl.obolibrary.org/obo/NCBITaxon_7742", LINE, "http://e/record/bia/X#b", f"{ONE}#authors"):
        assert documents.datasets_about([thing]) == {ONE}
    assert documents.datasets_about(["http://nobody/"]) == set()


def test_labels_and_what_is_directly_above(documents: Documents) -> None:
    assert documents.label(SPIM) == "SPIM"
    assert documents.parents(SPIM) == [LIGHT]
    assert documents.label(TP53) == "TP53 (Homo sapiens)"
    assert documents.label("http://purl.obolibrary.org/obo/GO_0000001") == "GO:0000001"
    assert documents.archive("bia") == "BioImage Archive"
    assert documents.archive("nobody") == "nobody"


def test_sizes_leave_no_gap() -> None:
    ends = sorted(SIZES.values())
    assert ends[0][0] == 0
    assert all(below == least for (_, below), (least, _) in itertools.pairwise(ends))
    assert {facet.name for facet in FACETS} <= set(layout.facet_fields())
