"""Terms: wordings of the archives, the hierarchy, and the state of the bundled tables."""

from importlib.resources import files

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ontology import terms
from ontology.identifiers import curie, term
from ontology.terms import descends, imaging_method, label, organism
from ontology.text import clean

METHODS = [
    ("FIB-SEM", "FBbi:00050000"),
    ("FIB SEM", "FBbi:00050000"),
    ("SBF-SEM", "FBbi:00000585"),
    ("3VIEW", "FBbi:00000585"),
    ("SXT", "FBbi:00001003"),
    ("CLEM", "FBbi:00000241"),
    ("MicroED", "FBbi:00000256"),
    ("ATUM-SEM", "FBbi:00000257"),
    ("ssET", "FBbi:00000258"),
    ("fluorescence microscopy", "FBbi:00000246"),
    ("Fluorescence  Microscopy", "FBbi:00000246"),
    ("light sheet fluorescence microscopy", "FBbi:00000369"),
    ("light sheet microscopy", "FBbi:00000369"),
    ("SPIM", "FBbi:00000369"),
    ("bright-field microscopy (FBbi:00000243)", "FBbi:00000243"),
    ("spinning disk confocal microscopy (FBbi_00000253)", "FBbi:00000253"),
    ("FBbi:00000253", "FBbi:00000253"),
    ("scanning electron microscopy (SEM)", "FBbi:00000257"),
    ("scanning electron microscopy", "FBbi:00000257"),
    ("TEM", "FBbi:00000258"),
    ("transmission electron microscopy (TEM)", "FBbi:00000258"),
    ("time-lapse microscopy", "FBbi:00000249"),
    ("structured illumination microscopy", "FBbi:00000332"),
    ("TIRF", "FBbi:00000617"),
    ("FRAP", "FBbi:00000366"),
    ("super-resolution microscopy", "MI:2213"),
]
NO_METHODS = [
    "", "EMDB", "INSILICO", "Exception", "single cell", "antibody", "spatial transcriptomic", "PARS",
    "whole-brain imaging", "nearfield illumination", "dummy term", "confocal microscopy (SEM)", "NCBITaxon:9606",
    "FBbi:00000000", "CSV files",
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), METHODS)
def test_imaging_method(text: str, expected: str) -> None:
    assert curie(imaging_method(text)) == expected
    assert imaging_method(imaging_method(text)) == term(expected)


@pytest.mark.parametrize("text", NO_METHODS)
def test_imaging_method_refuses(text: str) -> None:
    with pytest.raises(ValueError, match="expected") as caught:
        imaging_method(text)
    assert repr(text) in str(caught.value)


ORGANISMS = [
    ("Homo sapiens", 9606),
    ("homo sapiens", 9606),
    ("Homo sapiens (human)", 9606),
    ("Human (Homo sapiens)", 9606),
    ("human ", 9606),
    ("Mus musculus (mouse)", 10090),
    ("Mus muculus", 10090),
    ("house mouse", 10090),
    ("Danio  rerio", 7955),
    ("Danio rerio (zebrafish)", 7955),
    ("Drosophila melanogaster (fruit fly)", 7227),
    ("Canis familiaris (dog)", 9615),
    ("ambystoma mexicanum", 8296),
    ("Glycine max (soybean)", 3847),
    ("Nematostella vectensis", 45351),
    ("Caenorhabditis elegans", 6239),
    ("Drosophila", 7215),
    ("Severe acute respiratory syndrome coronavirus 2", 2697049),
    ("mixed sample", 1427524),
    ("NCBITaxon_9606", 9606),
]
NO_ORGANISMS = [
    "", "Beads", "Some sort of organism", "yeast", "Mus musculus (human)",
    "Homo sapiens (Human bone osteosarcoma cells)", "Homo sapiens, Mus musculus", "9606", "FBbi:00000246",
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), ORGANISMS)
def test_organism(text: str, expected: int) -> None:
    assert organism(text) == term(f"NCBITaxon:{expected}")


@pytest.mark.parametrize("text", NO_ORGANISMS)
def test_organism_refuses(text: str) -> None:
    with pytest.raises(ValueError, match="expected"):
        organism(text)


@pytest.mark.parametrize(
    ("identifier", "expected"),
    [
        ("FBbi:00000246", "fluorescence microscopy"),
        ("NCBITaxon:10090", "Mus musculus"),
        ("NCBITaxon:4853", "Cunninghamella elegans"),  # SSBD writes Schizosaccharomyces pombe
        ("EFO:0003789", "growth protocol"),
        ("CMPO:0000003", "cellular phenotype"),
        ("GO:0005623", "obsolete cell"),
        ("FBbi:99999999", None),
    ],
)
def test_label(identifier: str, expected: str | None) -> None:
    assert label(term(identifier)) == expected


@pytest.mark.parametrize(
    ("lower", "upper", "expected"),
    [
        ("FBbi:00000253", "FBbi:00000246", True),
        ("FBbi:00000253", "FBbi:00000222", True),
        ("FBbi:00000246", "FBbi:00000253", False),
        ("FBbi:00000246", "FBbi:00000246", True),
        ("FBbi:00001002", "FBbi:00001001", True),  # two parents
        ("FBbi:00001002", "FBbi:00001004", True),
        ("NCBITaxon:10090", "NCBITaxon:40674", True),
        ("NCBITaxon:3702", "NCBITaxon:40674", False),
        ("FBbi:99999999", "FBbi:99999999", False),
    ],
)
def test_descends(lower: str, upper: str, expected: bool) -> None:
    assert descends(term(lower), term(upper)) is expected


@given(st.text())
@settings(deadline=None)
def test_any_text_gives_a_term_or_a_value_error(text: str) -> None:
    for find in (imaging_method, organism):
        try:
            assert label(find(text))
        except ValueError:
            continue


# --- the bundled tables are code: sorted, unique, normalised ---

SLICES = sorted(path.name for path in files("ontology").joinpath("slices").iterdir() if path.name.endswith(".tsv"))
MAPPINGS = ("imaging-methods.sssom.tsv", "organisms.sssom.tsv")  # the others: tests/test_links_terms.py
COLUMNS = ["subject_label", "predicate_id", "object_id", "object_label", "mapping_justification", "comment"]


def _table(folder: str, name: str) -> list[list[str]]:
    text = files("ontology").joinpath(folder, name).read_text(encoding="utf-8")
    assert text.endswith("\n")
    return [line.split("\t") for line in text.removesuffix("\n").split("\n") if not line.startswith("#")]


def test_every_slice_is_read() -> None:
    assert [f"{name}.tsv" for name in sorted(terms._SLICES)] == SLICES


@pytest.mark.parametrize("name", SLICES)
def test_slice_is_sorted_unique_and_normalised(name: str) -> None:
    heading, *rows = _table("slices", name)
    assert heading[:4] == ["id", "label", "synonyms", "parent"]
    assert heading[4:] in ([], ["replaced_by"])
    identifiers = [row[0] for row in rows]
    assert identifiers == sorted(set(identifiers))
    for identifier, title, synonyms, parents, *replacement in rows:
        assert all(title.startswith("obsolete") and curie(term(r)) == r for r in replacement if r)
        assert curie(term(identifier)) == identifier
        assert title
        assert clean(title) == title
        assert clean(synonyms) == synonyms
        for cell in (synonyms, parents):
            listed = cell.split("|") if cell else []
            assert listed == sorted(set(listed))
            assert all(listed)


@pytest.mark.parametrize("name", SLICES)
def test_parents_of_a_slice_are_in_it_and_make_no_cycle(name: str) -> None:
    rows = {row[0]: row[3].split("|") if row[3] else [] for row in _table("slices", name)[1:]}
    assert {parent for parents in rows.values() for parent in parents} <= set(rows)
    for identifier, parents in rows.items():
        assert not any(term(identifier) in terms._ancestors(term(parent)) for parent in parents)


def test_slices_share_no_term() -> None:
    identifiers = [row[0] for name in SLICES for row in _table("slices", name)[1:]]
    assert len(identifiers) == len(set(identifiers))


@pytest.mark.parametrize("name", MAPPINGS)
def test_mapping_is_sorted_unique_and_normalised(name: str) -> None:
    heading, *rows = _table("mappings", name)
    assert heading == COLUMNS
    subjects = [row[0] for row in rows]
    assert subjects == sorted(set(subjects))
    assert len({terms._key(subject) for subject in subjects}) >= len(subjects) - 3  # spellings that fold alike are few
    for subject, predicate, object_id, object_label, justification, comment in rows:
        assert clean(subject) == subject
        assert clean(comment) == comment
        assert predicate in ("skos:exactMatch", "skos:broadMatch")
        assert curie(term(object_id)) == object_id
        assert label(term(object_id)) == object_label
        assert not object_label.startswith("obsolete ")
        assert justification == "semapv:ManualMappingCuration"


@pytest.mark.parametrize("name", MAPPINGS)
def test_mapping_names_its_set_and_licence(name: str) -> None:
    head = files("ontology").joinpath("mappings", name).read_text(encoding="utf-8").split("subject_label")[0]
    assert "# mapping_set_id: https://" in head
    assert "# license: https://" in head


@pytest.mark.parametrize("name", MAPPINGS)
def test_every_mapped_wording_is_found(name: str) -> None:
    find = {"imaging-methods.sssom.tsv": imaging_method, "organisms.sssom.tsv": organism}[name]
    for subject, _, object_id, *_ in _table("mappings", name)[1:]:
        assert find(subject) == term(object_id)
