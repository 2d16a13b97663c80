"""Reference data: downloaded when it changed, read in each form, never replaced by something worse."""

from __future__ import annotations

import gzip
import io
import json
import sqlite3
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from harvesters.contract import SourceError
from harvesters.http import Manners, PoliteSession
from harvesters.keep import Keep
from harvesters.references import ols4
from harvesters.references.contract import Reference
from harvesters.references.kinds import KINDS
from harvesters.references.ontology import KIND, Ontology
from harvesters.references.streams import expanded
from harvesters.references.terms import iri_of
from hub import cli, config, maintenance, references
from hub.config import Settings
from hub.errors import ConfigError
from hub.log import Log
from hub.ontologies import bundled
from tests.stubborn_server import StubbornServer

OBO = "http://purl.obolibrary.org/obo/"
MANNERS = Manners(interval_s=0.0, timeout_s=5.0, retries=1, max_wait_s=0.01, patience_s=1.0)

GO = b"""format-version: 1.2
data-version: releases/2020-01-01
ontology: go
property_value: http://purl.org/dc/terms/license http://creativecommons.org/licenses/by/4.0/

[Term]
id: GO:0005575
name: cellular_component

[Term]
id: GO:0005622
name: intracellular anatomical structure
synonym: "intracellular" EXACT []
synonym: "protoplasm" EXACT []
synonym: "nucleocytoplasm" RELATED [GOC:mah]
is_a: GO:0005575 ! cellular_component

[Term]
id: GO:0005634
name: nucleus
alt_id: GO:9005636
synonym: "cell nucleus" EXACT []
is_a: GO:0005622 ! intracellular anatomical structure
relationship: part_of GO:0005575 ! cellular_component

[Term]
id: GO:0005623
name: obsolete cell
is_obsolete: true
replaced_by: GO:0005575

[Typedef]
id: part_of
name: part of
"""
FBBI = b"""<?xml version="1.0"?>
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:rdfs="http://www.w3.org/2000/01/rdf-schema#"
    xmlns:owl="http://www.w3.org/2002/07/owl#" xmlns:obo="http://purl.obolibrary.org/obo/"
    xmlns:oboInOwl="http://www.geneontology.org/formats/oboInOwl#">
  <owl:Ontology rdf:about="http://purl.obolibrary.org/obo/fbbi.owl">
    <owl:versionIRI rdf:resource="http://purl.obolibrary.org/obo/fbbi/releases/2020-11-06/fbbi.owl"/>
  </owl:Ontology>
  <owl:ObjectProperty rdf:about="http://purl.obolibrary.org/obo/FBbi_00000346"><rdfs:label>uses</rdfs:label></owl:ObjectProperty>
  <owl:Class rdf:about="http://purl.obolibrary.org/obo/FBbi_00000246">
    <rdfs:label>fluorescence microscopy</rdfs:label>
    <rdfs:label xml:lang="de">Fluoreszenzmikroskopie</rdfs:label>
    <rdfs:subClassOf rdf:resource="http://www.w3.org/2002/07/owl#Thing"/>
  </owl:Class>
  <owl:Class rdf:about="http://purl.obolibrary.org/obo/FBbi_00000369">
    <owl:equivalentClass><owl:Restriction>
      <owl:onProperty rdf:resource="http://purl.obolibrary.org/obo/FBbi_00000346"/>
      <owl:someValuesFrom rdf:resource="http://purl.obolibrary.org/obo/FBbi_00000364"/>
    </owl:Restriction></owl:equivalentClass>
    <rdfs:subClassOf rdf:resource="http://purl.obolibrary.org/obo/FBbi_00000246"/>
    <oboInOwl:hasRelatedSynonym>light sheet</oboInOwl:hasRelatedSynonym>
    <rdfs:label rdf:datatype="http://www.w3.org/2001/XMLSchema#string">SPIM</rdfs:label>
  </owl:Class>
  <owl:Class rdf:about="http://purl.obolibrary.org/obo/FBbi_00000000">
    <rdfs:label>dummy term</rdfs:label>
    <owl:deprecated rdf:datatype="http://www.w3.org/2001/XMLSchema#boolean">true</owl:deprecated>
    <obo:IAO_0100001>FBbi:00000246</obo:IAO_0100001>
  </owl:Class>
</rdf:RDF>
"""
DUMP = {
    "nodes.dmp": "1\t|\t1\t|\tno rank\t|\n10088\t|\t1\t|\tgenus\t|\n10090\t|\t10088\t|\tspecies\t|\n",
    "names.dmp": (
        "1\t|\troot\t|\t\t|\tscientific name\t|\n10088\t|\tMus\t|\tMus <genus>\t|\tscientific name\t|\n"
        "10090\t|\tMus musculus\t|\t\t|\tscientific name\t|\n10090\t|\thouse mouse\t|\t\t|\tgenbank common name\t|\n"
        "10090\t|\tMus musculus Linnaeus, 1758\t|\t\t|\tauthority\t|\n"
    ),
    "merged.dmp": "8091\t|\t10090\t|\n",
    "delnodes.dmp": "227859\t|\n",
}
CELLS = b"""----------------------------------------------------------------------------
        Cellosaurus - a knowledge resource on cell lines
        Version: 55.0
----------------------------------------------------------------------------
ID   HeLa
AC   CVCL_0030
AS   CVCL_0999; CVCL_0998
SY   HELA; Hela; He-La
OX   NCBI_TaxID=9606; ! Homo sapiens (Human)
//
ID   HeLa Kyoto
AC   CVCL_1922
SY   HeLa-Kyoto
HI   CVCL_0030 ! HeLa
//
"""
ABOUT = {
    "ontologyId": "efo",
    "loaded": "2024-01-19T16:56:57.494460839",
    "version": "3.90.0",
    "config": {"versionIri": "http://www.ebi.ac.uk/efo/releases/v3.90.0/efo.owl", "annotations": "null"},
}


def page(number: int, elements: list[dict[str, Any]], total: int) -> bytes:
    body = {"page": number, "numElements": len(elements), "totalPages": 2, "totalElements": total, "elements": elements}
    return json.dumps(body).encode()


IMAGING = {
    "iri": "http://www.ebi.ac.uk/efo/EFO_0000001",
    "label": ["experimental factor"],
    "isObsolete": False,
    "http://www.ebi.ac.uk/efo/alternative_term": "ExperimentalFactor",
    "linkedEntities": {},
}
BRAIN = {
    "iri": "http://www.ebi.ac.uk/efo/EFO_0000302",
    "label": "obsolete_brain",
    "isObsolete": True,
    f"{OBO}IAO_0100001": f"{OBO}UBERON_0000955",
}
CELL = {
    "iri": "http://www.ebi.ac.uk/efo/EFO_0000324",
    "label": ["cell type"],
    "directParent": ["http://www.ebi.ac.uk/efo/EFO_0000001"],
    "http://www.geneontology.org/formats/oboInOwl#hasExactSynonym": [{"type": ["reification"], "value": "CellType"}],
}


def term(curie: str) -> str:
    return iri_of(curie)


def read(form: str, data: bytes, **options: Any) -> Ontology:
    """Return what a reader makes of bytes."""
    reference = Reference("x", "ontology", form, "https://example.org/x", options)
    db = sqlite3.connect(":memory:")
    references.fill(db, KIND, KIND.formats[form].read(expanded(io.BytesIO(data)), reference), {})
    return Ontology("x", db)


def settings_of(folder: Path, **tables: dict[str, str]) -> Settings:
    lines = [f"[references.{n}]\n" + "".join(f'{k} = "{v}"\n' for k, v in t.items()) for n, t in tables.items()]
    (folder / "hub.toml").write_text("\n".join(lines), encoding="utf-8")
    return config.load(str(folder / "hub.toml"), environ={})


def update(settings: Settings, *names: str, confirm: bool = False) -> list[references.Outcome]:
    log = Log(settings.database)
    try:
        return references.update(settings, log, names, MANNERS, confirm=confirm)
    finally:
        log.close()


# --- forms


def test_obo_has_terms_names_replacements_and_nothing_else() -> None:
    go = read("obo", GO)
    nucleus, structure = term("GO:0005634"), term("GO:0005622")
    assert (go.label(nucleus), go.synonyms(nucleus)) == ("nucleus", ["cell nucleus"])
    assert go.parents(nucleus) == [structure], "part_of is no superclass"
    assert go.ancestors(nucleus) == {structure, term("GO:0005575")}
    assert go.descends(nucleus, term("GO:0005575"))
    assert not go.descends(term("GO:0005575"), nucleus)
    assert go.is_obsolete(term("GO:0005623"))
    assert go.replaced_by(term("GO:0005623")) == term("GO:0005575")
    assert go.replaced_by(f"{OBO}GO_9005636") == nucleus, "an alternative identifier"
    assert go.synonyms(structure, "related") == ["nucleocytoplasm"]
    assert (go.meta()["version"], go.meta()["licence"]) == (
        "releases/2020-01-01",
        "http://creativecommons.org/licenses/by/4.0/",
    )
    assert f"{OBO}part_of" not in go


def test_owl_has_named_classes_in_english() -> None:
    fbbi = read("owl", FBBI)
    spim, fluorescence = term("FBbi:00000369"), term("FBbi:00000246")
    assert fbbi.iris() == [term("FBbi:00000000"), fluorescence, spim]
    assert (fbbi.label(spim), fbbi.label(fluorescence)) == ("SPIM", "fluorescence microscopy")
    assert (fbbi.parents(spim), fbbi.parents(fluorescence)) == ([fluorescence], [])
    assert fbbi.is_obsolete(term("FBbi:00000000"))
    assert fbbi.replaced_by(term("FBbi:00000000")) == fluorescence
    assert fbbi.meta()["version"].endswith("2020-11-06/fbbi.owl")


def taxdump(kind: str, **files: str) -> bytes:
    target = io.BytesIO()
    if kind == "zip":
        with zipfile.ZipFile(target, "w") as archive:
            for name, text in files.items():
                archive.writestr(name, text)
        return target.getvalue()
    with tarfile.open(fileobj=target, mode="w:gz") as tar:
        for name, text in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(text.encode())
            tar.addfile(info, io.BytesIO(text.encode()))
    return target.getvalue()


@pytest.mark.parametrize("kind", ["zip", "tar.gz"])
def test_taxonomy_has_scientific_and_common_names_and_merged_numbers(kind: str) -> None:
    taxa = read("taxdump", taxdump(kind, **DUMP))
    mouse = term("NCBITaxon:10090")
    assert (taxa.label(mouse), taxa.synonyms(mouse)) == ("Mus musculus", ["house mouse"])
    assert taxa.ancestors(mouse) == {term("NCBITaxon:10088"), term("NCBITaxon:1")}
    assert taxa.replaced_by(term("NCBITaxon:8091")) == mouse
    assert taxa.is_obsolete(term("NCBITaxon:227859"))
    assert [c.iri for c in taxa.find("House-Mouse")] == [mouse]


def test_a_taxonomy_without_its_nodes_is_refused() -> None:
    with pytest.raises(ValueError, match=r"nodes\.dmp"):
        read("taxdump", taxdump("zip", **{"names.dmp": DUMP["names.dmp"]}))


def test_cellosaurus_has_lines_secondary_accessions_and_parents() -> None:
    lines = read("cellosaurus", CELLS)
    hela, kyoto = term("CVCL_0030"), term("CVCL_1922")
    assert (lines.label(kyoto), lines.parents(kyoto)) == ("HeLa Kyoto", [hela])
    assert lines.replaced_by(term("CVCL_0998")) == hela
    assert [c.kind for c in lines.find("he la")] == ["exact"]
    assert lines.meta()["version"] == "55.0"


def test_cellosaurus_as_obo_has_the_same_parents() -> None:
    lines = read(
        "obo",
        b"format-version: 1.2\n\n[Term]\nid: CVCL_0030\nname: HeLa\n\n[Term]\nid: CVCL_1922\nname: HeLa Kyoto\n"
        b"relationship: derived_from CVCL_0030 ! HeLa\n",
    )
    assert lines.parents(term("CVCL_1922")) == [term("CVCL_0030")]


def test_a_slice_tells_its_version_and_replacements() -> None:
    brain = read(
        "tsv",
        b"# version: 3.90.0\nid\tlabel\tsynonyms\tparent\treplaced_by\n"
        b"EFO:0000302\tobsolete_brain\tbrain structure|neuraxis\t\tUBERON:0000955\n",
    )
    assert brain.is_obsolete(term("EFO:0000302"))
    assert brain.replaced_by(term("EFO:0000302")) == term("UBERON:0000955")
    assert brain.meta()["version"] == "3.90.0"


@pytest.mark.parametrize(
    ("form", "data", "told"),
    [
        ("obo", b"format-version: 1.2\n\n[Term]\nid: A:1\nno colon\n", "not OBO"),
        ("owl", b"<rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'><a></rdf:RDF>", "not RDF/XML"),
        ("owl", b"<html><body>Sorry", "not RDF/XML|Unclosed|end"),
        ("ols4", b"<html>", "not answers of OLS"),
        ("taxdump", b"nothing of the kind", "not a complete zip or tarball"),
        ("cellosaurus", b"ID   HeLa\n//\n", "no accession"),
        ("tsv", b"a\tb\n", "columns id, label"),
        ("obo", gzip.compress(GO)[:100], "cut short|damaged|not OBO"),
    ],
    ids=["obo", "owl", "html", "ols4", "taxdump", "cellosaurus", "tsv", "gzip"],
)
def test_what_is_broken_is_refused_in_one_sentence(form: str, data: bytes, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        read(form, data)


def test_gzip_is_taken_off_and_has_an_end() -> None:
    assert read("obo", gzip.compress(GO)).label(term("GO:0005634")) == "nucleus"
    with pytest.raises(ValueError, match="longer than any"):
        expanded(io.BytesIO(gzip.compress(b"0" * 10_000)), room=1_000).read()


def test_names_are_found_by_nearness_whatever_their_case_and_hyphens() -> None:
    data = b"""format-version: 1.2

[Term]
id: GO:0000001
name: other
synonym: "Light sheet" RELATED []

[Term]
id: GO:0000002
name: light-sheet

[Term]
id: GO:0000003
name: obsolete
is_obsolete: true
synonym: "light sheet" EXACT []
"""
    found = read("obo", data).find("LIGHT_SHEET")
    assert [(c.iri[-1], c.kind, c.is_obsolete) for c in found] == [
        ("2", "label", False),
        ("1", "related", False),
        ("3", "exact", True),
    ]


def test_a_circle_has_an_end() -> None:
    circle = read(
        "obo",
        b"format-version: 1.2\n\n[Term]\nid: GO:0000001\nname: a\nis_a: GO:0000002\nis_obsolete: true\n"
        b"replaced_by: GO:0000002\n\n[Term]\nid: GO:0000002\nname: b\nis_a: GO:0000001\nis_obsolete: true\n"
        b"replaced_by: GO:0000001\n",
    )
    assert circle.ancestors(term("GO:0000001")) == {term("GO:0000002")}
    assert circle.replaced_by(term("GO:0000001")) == term("GO:0000002")


# --- OLS


def listing(server: StubbornServer, *pages: bytes) -> str:
    server.put("/ols4/api/ontologies/efo", json.dumps(ABOUT).encode())
    for number, body in enumerate(pages):
        query = f"page={number}&size={ols4.PAGE_SIZE}&includeObsoleteEntities=true"
        server.put(f"/ols4/api/v2/ontologies/efo/classes?{query}", body)
    return f"{server.url}/ols4/api/ontologies/efo"


def test_ols_is_read_page_by_page_with_obsolete_terms(tmp_path: Path) -> None:
    with StubbornServer() as server:
        url = listing(server, page(0, [IMAGING, BRAIN], 3), page(1, [CELL], 3))
        settings = settings_of(tmp_path, efo={"kind": "ontology", "format": "ols4", "url": url})
        (first,) = update(settings)
        (again,) = update(settings)
    assert (first.state, first.error, first.version) == ("new", None, "3.90.0")
    assert again.state == "unchanged"
    db = references.connect(settings, "efo")
    assert db is not None
    efo = Ontology("efo", db)
    cell, brain = term("EFO:0000324"), term("EFO:0000302")
    assert (efo.label(cell), efo.parents(cell), efo.synonyms(cell)) == (
        "cell type",
        [term("EFO:0000001")],
        ["CellType"],
    )
    assert efo.replaced_by(brain) == term("UBERON:0000955")
    assert efo.synonyms(term("EFO:0000001")) == ["ExperimentalFactor"]
    efo.close()


@pytest.mark.parametrize(
    ("pages", "told"),
    [
        ([page(0, [IMAGING], 3), page(1, [], 3)], "empty after 1 of 3"),
        ([page(0, [IMAGING], 2), page(1, [CELL], 3)], "changed from 2 to 3"),
        ([b'{"error": "no"}'], "no page of classes"),
        ([b"<html>"], "not JSON"),
    ],
)
def test_a_listing_of_ols_that_does_not_add_up_is_refused(tmp_path: Path, pages: list[bytes], told: str) -> None:
    with StubbornServer() as server, PoliteSession(MANNERS, keep=Keep(tmp_path)) as http:
        reference = Reference("efo", "ontology", "ols4", listing(server, *pages))
        with pytest.raises(SourceError, match=told):
            ols4.fetch(http, reference)


# --- updating


def test_what_has_not_changed_is_not_sent_again(tmp_path: Path) -> None:
    with StubbornServer() as server:
        server.put("/go.obo", GO, ETag='"1"')
        settings = settings_of(tmp_path, go={"kind": "ontology", "format": "obo", "url": f"{server.url}/go.obo"})
        states = [update(settings)[0].state for _ in range(2)]
        server.put("/go.obo", GO.replace(b"name: nucleus", b"name: Nucleus"), ETag='"2"')
        states.append(update(settings)[0].state)
        assert server.asked[1].headers["if-none-match"] == '"1"'
    assert states == ["new", "unchanged", "changed"]
    db = references.connect(settings, "go")
    assert db is not None
    assert Ontology("go", db).label(term("GO:0005634")) == "Nucleus"
    db.close()


@pytest.mark.parametrize(
    ("bad", "told"),
    [
        (b"", "not OBO|holds no term"),
        (b"format-version: 1.2\n", "holds no term"),
        (GO[:300], "4 stand|not OBO"),
        (b"<html>sorry</html>", "not OBO"),
    ],
)
def test_a_good_copy_is_never_replaced_by_a_worse_one(tmp_path: Path, bad: bytes, told: str) -> None:
    file = tmp_path / "go.obo"
    file.write_bytes(GO)
    settings = settings_of(tmp_path, go={"kind": "ontology", "format": "obo", "url": "go.obo"})
    assert update(settings)[0].error is None
    before = references.meta(settings, "go")
    file.write_bytes(bad)
    (outcome,) = update(settings)
    assert outcome.state == "failed"
    assert outcome.error
    assert references.meta(settings, "go") == before
    assert not list(references.path_of(settings, "go").parent.glob(".building*"))


def test_far_fewer_rows_are_taken_only_when_confirmed(tmp_path: Path) -> None:
    file = tmp_path / "go.obo"
    file.write_bytes(GO)
    settings = settings_of(tmp_path, go={"kind": "ontology", "format": "obo", "url": "go.obo"})
    update(settings)
    file.write_bytes(GO.partition(b"[Term]\nid: GO:0005622")[0])
    assert "if that is right, update it with --confirm" in str(update(settings)[0].error)
    assert update(settings, confirm=True)[0].rows == {"term": 1, "name": 1, "parent": 0}


def test_one_that_fails_stops_no_other(tmp_path: Path) -> None:
    (tmp_path / "go.obo").write_bytes(GO)
    tables = {"kind": "ontology", "format": "obo"}
    settings = settings_of(tmp_path, gone={**tables, "url": "gone.obo"}, go={**tables, "url": "go.obo"})
    assert {o.name: o.state for o in update(settings)} == {"go": "new", "gone": "failed"}


def test_files_are_made_again_from_what_is_kept(tmp_path: Path) -> None:
    file = tmp_path / "go.obo"
    file.write_bytes(GO)
    settings = settings_of(tmp_path, go={"kind": "ontology", "format": "obo", "url": "go.obo"})
    update(settings)
    file.unlink()
    path = references.path_of(settings, "go")
    log = Log(settings.database)
    assert references.ensure(settings, log) == []
    path.write_bytes(b"damaged")
    assert any("run `hub rebuild`" in p for p in references.problems(settings, log))
    assert references.ensure(settings, log) == ["go"]
    assert list(references.problems(settings, log)) == []
    Keep(settings.raw_dir).path(references.meta(settings, "go")["sha256"]).unlink()
    assert any("run `hub references update`" in p for p in references.problems(settings, log))
    log.close()


def test_a_raised_reader_makes_the_file_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "go.obo").write_bytes(GO)
    settings = settings_of(tmp_path, go={"kind": "ontology", "format": "obo", "url": "go.obo"})
    update(settings)
    from dataclasses import replace

    monkeypatch.setitem(KINDS, "ontology", replace(KIND, version=KIND.version + 1))
    assert references.connect(settings, "go") is None
    log = Log(settings.database)
    assert references.ensure(settings, log) == ["go"]
    log.close()
    db = references.connect(settings, "go")
    assert db is not None
    db.close()


def test_a_reader_cannot_write(tmp_path: Path) -> None:
    (tmp_path / "go.obo").write_bytes(GO)
    settings = settings_of(tmp_path, go={"kind": "ontology", "format": "obo", "url": "go.obo"})
    update(settings)
    ((name, db),) = references.of_kind(settings, "ontology")
    assert name == "go"
    with pytest.raises(sqlite3.OperationalError):
        db.execute("DELETE FROM term")
    db.close()


# --- settings and command line


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ({"kind": "ontology", "format": "obo"}, "needs kind, format, url"),
        ({"kind": "ontology", "format": "obo", "url": "ftp://x.org/a"}, "no http or https address and no file"),
    ],
)
def test_settings_are_checked(tmp_path: Path, table: dict[str, str], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        settings_of(tmp_path, x=table)


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ({"kind": "genome", "format": "obo", "url": "x"}, "there is no kind 'genome'; there are .*ontology"),
        ({"kind": "ontology", "format": "docx", "url": "x"}, "no format 'docx'; it has cellosaurus, obo"),
    ],
)
def test_kind_and_format_are_checked_when_they_are_needed(tmp_path: Path, table: dict[str, str], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        update(settings_of(tmp_path, x=table))


def test_command_line_updates_and_lists(tmp_path: Path) -> None:
    (tmp_path / "go.obo").write_bytes(GO)
    settings_of(tmp_path, go={"kind": "ontology", "format": "obo", "url": "go.obo", "licence": "CC BY 4.0"})
    run = CliRunner()
    told = ["--config", str(tmp_path / "hub.toml"), "--json"]
    before = json.loads(run.invoke(cli.app, ["references", "list", *told]).stdout)
    (outcome,) = json.loads(run.invoke(cli.app, ["references", "update", "go", *told]).stdout)
    (after,) = json.loads(run.invoke(cli.app, ["references", "list", *told]).stdout)
    assert before[0]["version"] is None
    assert (outcome["state"], outcome["rows"]["term"]) == ("new", 5)
    assert (after["version"], after["licence"]) == ("releases/2020-01-01", "CC BY 4.0")
    plain = run.invoke(cli.app, ["references", "list", *told[:2]])
    assert "releases/2020-01-01" in plain.stdout


def test_command_line_says_what_failed(tmp_path: Path) -> None:
    settings_of(tmp_path, go={"kind": "ontology", "format": "obo", "url": "go.obo"})
    result = CliRunner().invoke(cli.app, ["references", "update", "--config", str(tmp_path / "hub.toml")])
    assert result.exit_code == 1
    with pytest.raises(ConfigError, match="no such reference"):
        maintenance.update_references(config.load(str(tmp_path / "hub.toml"), environ={}), ["efo"])


# --- what comes with the hub


def test_bundled_slices_answer_without_any_settings() -> None:
    ontologies = {o.name: o for o in bundled()}
    fbbi = ontologies["fbbi"]
    assert fbbi.descends(term("FBbi:00000253"), term("FBbi:00000246"))
    assert [c.iri for c in fbbi.find("spim")] == [term("FBbi:00000369")]
    assert ontologies["ncbitaxon"].label(term("NCBITaxon:10090")) == "Mus musculus"
