"""The saved questions: files of one form, parameters that stay in their place, answers on the demonstration data."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyoxigraph import Literal, NamedNode, Quad, QuerySolutions, Store
from rdflib.plugins.sparql import prepareQuery

from hub import config, gallery, records, snapshots
from hub.cli import build_demo
from hub.config import Settings
from hub.errors import NotFoundError
from hub.federation import Federation
from hub.gallery import ParameterError, Question
from hub.ingest import harvest
from hub.workers import WorkerPool
from linkml_schemas.generated.model import (
    Archive,
    BioSample,
    Compound,
    Dataset,
    DefinedTerm,
    Gene,
    GeneAnnotation,
    Phenotype,
    Protein,
    Reagent,
    ReagentAnnotation,
    ReagentKind,
    Reconstruction,
    StudyComponent,
    Taxon,
)
from tests.support import BASE, ROOT

QUESTIONS = gallery.questions()
FILE = """# title: Things of one colour
# description: Which things have this colour?
# keywords: things, colours
# param: colour - name of the colour (text, default red)
# returns: ?thing
# rows: >= 1
PREFIX schema: <http://schema.org/>
SELECT ?thing WHERE { ?thing schema:color $colour }
ORDER BY ?thing
LIMIT 10
"""


class Workers:
    """What answers readers, text search included."""

    def __init__(self, settings: Settings) -> None:
        self.snapshot, self.federation = snapshots.current(settings.snapshots_dir), Federation.of(settings)
        self.pool = WorkerPool(self.snapshot.graph, workers=1, spares=0)

    def query(self, text: str, accept_format: str = "") -> Iterator[bytes]:
        return iter(self.federation.query(self.pool, text, accept_format, snapshot=self.snapshot))


@pytest.fixture(scope="module")
def pool(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workers]:
    """Workers on a hub of all bundled demonstration data."""
    settings = config.load(str(build_demo(tmp_path_factory.mktemp("gallery"))), environ={})
    assert all(outcome.error is None for outcome in harvest(settings, list(settings.sources)))
    made = Workers(settings)
    yield made
    made.pool.close()


def variables(query: str) -> list[str]:
    found = Store().query(query)
    assert isinstance(found, QuerySolutions)
    return [variable.value for variable in found.variables]


def ask(store: Store, name: str, **given: str) -> list[list[str]]:
    found = store.query(gallery.bound(QUESTIONS[name], given))
    assert isinstance(found, QuerySolutions)
    return [[value.value if value else "" for value in row] for row in found]  # type: ignore[union-attr]


# ── files ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_there_are_questions_enough() -> None:
    assert len(QUESTIONS) >= 30
    assert len({asked.title for asked in QUESTIONS.values()}) == len(QUESTIONS)
    assert len({asked.description for asked in QUESTIONS.values()}) == len(QUESTIONS)


@pytest.mark.parametrize("name", QUESTIONS)
def test_question_is_portable_and_says_what_it_returns(name: str) -> None:
    asked, query = QUESTIONS[name], gallery.bound(QUESTIONS[name])
    prepareQuery(query)
    assert variables(query) == re.findall(r"\?(\w+)", asked.returns)
    assert "ORDER BY" in query.rpartition("}")[2]
    assert asked.most_rows <= 10_000
    assert max(map(len, (ROOT / "sparql" / "saved" / f"{name}.rq").read_text().splitlines())) <= 120


def test_prefixes_are_those_of_the_model() -> None:
    known = records.context() | {"dqv": "http://www.w3.org/ns/dqv#", "rdfs": "http://www.w3.org/2000/01/rdf-schema#"}
    found = gallery.prefixes(QUESTIONS.values())
    assert found == {prefix: known[prefix] for prefix in found}
    for asked in QUESTIONS.values():
        used = set(re.findall(r"(?<![\w/])([a-z]+):\w", re.sub(r'<[^>]*>|"[^"]*"', "", asked.body)))
        assert used == set(gallery.prefixes([asked])), asked.name


def test_a_file_is_read() -> None:
    asked = gallery.parse("things", FILE)
    assert (asked.title, asked.keywords, asked.least_rows, asked.most_rows) == (
        "Things of one colour",
        ("things", "colours"),
        1,
        10,
    )
    assert asked.parameters == (gallery.Parameter("colour", "name of the colour", "text", "red"),)
    assert '"blue"' in gallery.bound(asked, {"colour": "blue"})
    assert '"red"' in gallery.bound(asked, {"colour": " "})


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("# title: Things of one colour\n", ""),
        ("# rows: >= 1\n", "# rows: many\n"),
        ("LIMIT 10\n", ""),
        ("(text, default red)", "(text)"),
        ("(text, default red)", "(colour, default red)"),
        ("(text, default red)", "(number, default red)"),
        ("$colour", '"red"'),
        ("$colour", "$shade"),
        ("# param: colour", "# param: format"),
        ("# returns", "# param: colour - again (text, default red)\n# returns"),
    ],
)
def test_a_file_of_another_form_is_refused(old: str, new: str) -> None:
    assert old in FILE
    with pytest.raises(ValueError, match=r"things: |colour: "):
        gallery.parse("things", FILE.replace(old, new))


def test_a_question_that_is_not_there() -> None:
    with pytest.raises(NotFoundError, match="no question 'nope'"):
        gallery.question("nope")


# ── parameters ───────────────────────────────────────────────────────────────────────────────────────────────────────

OBO = "http://purl.obolibrary.org/obo/"


def of_kind(kind: str) -> Question:
    """A question that gives its parameter back."""
    default = next(p.default for a in QUESTIONS.values() for p in a.parameters if p.kind == kind)
    text = FILE.replace("(text, default red)", f"({kind}, default {default})")
    return gallery.parse("mirror", text.replace("?thing schema:color $colour", "VALUES ?thing { $colour }"))


@pytest.mark.parametrize(
    ("kind", "spelling", "term"),
    [
        ("taxon", "mouse", NamedNode(OBO + "NCBITaxon_10090")),
        ("taxon", "NCBI:txid9606", NamedNode(OBO + "NCBITaxon_9606")),
        ("taxon", "9606", NamedNode(OBO + "NCBITaxon_9606")),
        ("method", "FIB-SEM", NamedNode(OBO + "FBbi_00050000")),
        ("method", "EFO:0007572", NamedNode("http://www.ebi.ac.uk/efo/EFO_0007572")),
        ("term", "go:0005739", NamedNode(OBO + "GO_0005739")),
        ("orcid", "https://orcid.org/0000-0002-1825-0097", NamedNode("https://orcid.org/0000-0002-1825-0097")),
        ("doi", "DOI: 10.7554/eLife.93764", NamedNode("https://doi.org/10.7554/elife.93764")),
        ("doi", "PMID: 29103970", NamedNode("https://pubmed.ncbi.nlm.nih.gov/29103970")),
        ("accession", "https://www.ebi.ac.uk/empiar/EMPIAR-10310/", Literal("EMPIAR-10310")),
        ("date", "27 April 2016", Literal("2016-04-27")),
        ("number", "12", Literal(12)),
        ("number", "0.50", Literal("0.50", datatype=NamedNode("http://www.w3.org/2001/XMLSchema#decimal"))),
        ("text", "  a word  ", Literal("a word")),
    ],
)
def test_any_spelling_becomes_one_term(kind: str, spelling: str, term: NamedNode | Literal) -> None:
    assert gallery.values(of_kind(kind), {"colour": spelling}) == {"colour": term}


@pytest.mark.parametrize(
    ("kind", "value", "fix"),
    [
        ("taxon", "a unicorn", "give a scientific name or an NCBI number"),
        ("method", "looking closely", "give a name, abbreviation or CURIE"),
        ("term", "GO_1", "GO:"),
        ("orcid", "0000-0002-1825-0098", "check digit 7"),
        ("doi", "pending", "a DOI"),
        ("accession", "nothing", "nothing"),
        ("date", "03/12/13", "03/12/13"),
        ("number", "1 TB", "write digits"),
        ("number", "1e999999", "write digits"),
        ("text", "a\x00b", "leave them out"),
        ("text", "x" * 501, "shorten it"),
        ("orcid", "0" * 5000, "shorten it"),
    ],
)
def test_a_value_of_another_type_is_refused_by_name(kind: str, value: str, fix: str) -> None:
    with pytest.raises(ParameterError, match=re.escape(fix)) as caught:
        gallery.values(of_kind(kind), {"colour": value})
    assert caught.value.name == "colour"
    assert str(caught.value).startswith("colour: ")


def test_an_unknown_parameter_is_refused() -> None:
    with pytest.raises(ParameterError, match="color: there is no such parameter; use colour"):
        gallery.values(of_kind("text"), {"color": "red"})
    with pytest.raises(ParameterError, match="this question has none"):
        gallery.values(QUESTIONS["funders"], {"color": "red"})


INJECTIONS = [
    '" } . ?s ?p ?o #',
    "x\" } UNION { SERVICE <http://127.0.0.1/> { ?s ?p ?o } } { VALUES ?thing { '",
    '\\" } #',
    "\\",
    "\\\\",
    "\\u0022 } #",
    "\\u005c\\u0022 } #",
    "\\U00000022",
    "'''",
    '"""',
    "$colour ?thing <> # ; DROP ALL",
    "<http://e/> } #",
    "ä 𝄞",
]


def mirrored(value: str) -> list[str]:
    found = Store().query(gallery.bound(of_kind("text"), {"colour": value}))
    assert isinstance(found, QuerySolutions)
    return [row[0].value for row in found]  # type: ignore[union-attr]


@pytest.mark.parametrize("value", INJECTIONS)
def test_a_text_stays_in_its_place(value: str) -> None:
    assert mirrored(value) == [value.strip()]


@given(st.text(min_size=1, max_size=200).filter(lambda text: text.isprintable() and text.strip()))
def test_whatever_is_written_comes_back_as_written(value: str) -> None:
    assert mirrored(value) == [value.strip()]


@pytest.mark.parametrize("kind", sorted({p.kind for a in QUESTIONS.values() for p in a.parameters} - {"text"}))
@pytest.mark.parametrize("value", INJECTIONS)
def test_other_types_take_no_such_text(kind: str, value: str) -> None:
    with pytest.raises(ParameterError, match=r"^colour: "):
        gallery.bound(of_kind(kind), {"colour": value})


def test_an_iri_takes_no_bracket() -> None:
    text = FILE.replace("(text, default red)", "(iri, default https://e.org/red)")
    asked = gallery.parse("things", text)
    assert "<https://e.org/blue>" in gallery.bound(asked, {"colour": "https://e.org/blue"})
    for value in ("https://e.org/> } #", "javascript:alert(1)", "https://e.org/\\u003e"):
        with pytest.raises(ParameterError):
            gallery.bound(asked, {"colour": value})


# ── answers ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", QUESTIONS)
def test_question_gives_its_rows_on_the_demonstration_data(pool: Workers, name: str) -> None:
    assert gallery.run(pool, QUESTIONS[name]).complaint == ""


def hub_node(local: str) -> str:
    return f"{BASE}record/idr/idr0099#{local}"


@pytest.fixture(scope="module")
def rich() -> Store:
    """A dataset of everything that the bundled archives seldom say, and a narrower taxon and method."""
    mouse = Taxon(id=OBO + "NCBITaxon_10090", scientific_name="Mus musculus")
    death = Phenotype(id="http://www.ebi.ac.uk/cmpo/CMPO_0000031", name="cell death phenotype")
    sirna = Reagent(id=hub_node("sirna"), name="s31201", reagent_kind=ReagentKind.sirna)
    drug = Compound(id="https://pubchem.ncbi.nlm.nih.gov/compound/4122", name="Nocodazole", inchikey="K")
    spim = DefinedTerm(id=OBO + "FBbi_00000369", name="SPIM")
    strain = DefinedTerm(id=hub_node("strain"), name="C57BL/6j")
    spike = Protein(id="https://identifiers.org/uniprot:P0DTC2", name="Spike glycoprotein")
    tp53 = Gene(id="https://identifiers.org/ensembl:ENSG00000141510", symbol="TP53")
    map_of = {"resolution": Decimal("3.7"), "about": [mouse], "related": ["https://www.ebi.ac.uk/pdbe/entry/pdb/6zbd"]}
    dataset = Dataset(
        id=BASE + "dataset/idr/idr0099",
        accession="idr0099",
        name="A study of everything",
        archive=Archive(id=BASE + "archive/idr", name="Image Data Resource"),
        about=[mouse, spike, BioSample(id=hub_node("sample"), name="brain", taxon=[mouse], strain=[strain])],
        measurement_method=[spim],
        phenotype=[death],
        compound=[drug],
        gene_annotation=[
            GeneAnnotation(
                id=hub_node("g1"), gene=tp53, gene_role="perturbed", reagent=[sirna], phenotype=[death], well_count=3
            ),
            GeneAnnotation(id=hub_node("g2"), gene=tp53, gene_role="stained", well_count=5),
        ],
        reagent_annotation=[
            ReagentAnnotation(id=hub_node("r1"), reagent=[drug], phenotype=[death], well_count=4),
            ReagentAnnotation(id=hub_node("r2"), reagent=[sirna], well_count=3),
        ],
        has_part=[StudyComponent(id=hub_node("a"), name="screenA", about=[mouse], measurement_method=[spim])],
        reconstruction=[Reconstruction(id="https://www.ebi.ac.uk/emdb/EMD-1", name="EMD-1", **map_of)],
    )
    store = Store()
    for graph in (None, NamedNode(BASE + "graph/source/idr/idr0099")):
        store.extend(records.to_quads(dataset, graph))
    narrower = NamedNode("http://www.w3.org/2000/01/rdf-schema#subClassOf")
    for child, parent in (("NCBITaxon_10090", "NCBITaxon_10088"), ("FBbi_00000369", "FBbi_00000246")):
        store.add(Quad(NamedNode(OBO + child), narrower, NamedNode(OBO + parent)))
    return store


@pytest.mark.parametrize("organism", ["Mus musculus", "NCBITaxon:10088"])
@pytest.mark.parametrize("method", ["FBbi:00000369", "FBbi:00000246"])
def test_narrower_terms_count(rich: Store, organism: str, method: str) -> None:
    found = ask(rich, "datasets-by-organism-and-method", organism=organism, method=method)
    assert found == [[BASE + "dataset/idr/idr0099", "idr0099", "A study of everything", ""]]


@pytest.mark.parametrize(
    ("name", "given", "told"),
    [
        ("datasets-by-gene", {"gene_symbol": "tp53"}, [["perturbed", "3", "cell death phenotype"], ["stained", "5"]]),
        (
            "genes-of-dataset",
            {"accession": "idr0099"},
            [["TP53", "stained", "5"], ["TP53", "perturbed", "3", "s31201"]],
        ),
        ("genes-with-most-datasets", {}, [["TP53", "1"]]),
        (
            "reagents-of-dataset",
            {"accession": "idr0099"},
            [["Nocodazole", "4", "cell death phenotype"], ["s31201", "sirna", "3"]],
        ),
        ("datasets-by-compound", {"word": "noco"}, [["idr0099", "Nocodazole"]]),
        ("compounds", {}, [["Nocodazole", "K", "1"]]),
        ("phenotypes", {}, [["cell death phenotype", "1", "1"]]),
        ("datasets-by-phenotype", {"word": "Death"}, [["idr0099", "cell death phenotype"]]),
        ("datasets-by-strain", {"strain_name": "c57bl/6J"}, [["idr0099", "C57BL/6j"]]),
        ("strains", {}, [["C57BL/6j", "Mus musculus", "1"]]),
        ("parts-of-dataset", {"accession": "idr0099"}, [["screenA", "Mus musculus", "SPIM"]]),
        (
            "empiar-maps",
            {"most_angstrom": "4"},
            [["idr0099", "https://www.ebi.ac.uk/emdb/EMD-1", "3.7", "Mus musculus"]],
        ),
        ("empiar-maps", {"most_angstrom": "3.5"}, []),
        ("datasets-by-protein", {"word": "P0DTC2"}, [["idr0099", "Spike glycoprotein"]]),
        (
            "cross-references",
            {},
            [
                ["Image Data Resource", "https://identifiers.org/uniprot:", "1", "1"],
                ["Image Data Resource", "https://www.ebi.ac.uk/emdb/", "1", "1"],
                ["Image Data Resource", "https://www.ebi.ac.uk/pdbe/entry/pdb/", "1", "1"],
            ],
        ),
    ],
)
def test_what_few_archives_say_is_found(rich: Store, name: str, given: dict[str, str], told: list[list[str]]) -> None:
    found = ask(rich, name, **given)
    assert len(found) == len(told)
    for row, words in zip(found, told, strict=True):
        assert [word for word in words if word not in row] == []


# ── published ────────────────────────────────────────────────────────────────────────────────────────────────────────

# How sib-swiss/sparql-editor asks an endpoint for its examples and prefixes.
# Source: https://github.com/sib-swiss/sparql-editor/blob/main/packages/sparql-editor/src/utils.ts
EXAMPLES = """PREFIX sh: <http://www.w3.org/ns/shacl#> PREFIX rdfs: <http://www.w3.org/2000/01/rdf-schema#>
SELECT DISTINCT ?sq ?comment ?query WHERE { ?sq a sh:SPARQLExecutable ; rdfs:comment ?comment ;
  sh:select|sh:ask|sh:construct|sh:describe ?query . } ORDER BY ?sq"""
PREFIXES = """PREFIX sh: <http://www.w3.org/ns/shacl#>
SELECT DISTINCT ?prefix ?namespace WHERE { [] sh:namespace ?namespace ; sh:prefix ?prefix} ORDER BY ?prefix"""


def test_questions_are_examples_as_editors_read_them() -> None:
    store = Store()
    store.extend(gallery.quads(BASE, QUESTIONS.values()))
    examples = store.query(EXAMPLES)
    assert isinstance(examples, QuerySolutions)
    found = {row["sq"].value: row for row in examples}
    assert list(found) == [f"{BASE}questions/{name}" for name in sorted(QUESTIONS)]
    for name, asked in QUESTIONS.items():
        row = found[f"{BASE}questions/{name}"]
        assert row["comment"].value.startswith(asked.title)
        variables(row["query"].value)
    named = store.query(PREFIXES)
    assert isinstance(named, QuerySolutions)
    declared = {row["prefix"].value: row["namespace"].value for row in named}
    assert declared == gallery.prefixes(QUESTIONS.values())
