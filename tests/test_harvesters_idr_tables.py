"""IDR's annotation tables and bulkmap configurations: name spaces, damage, lists, roles, counts, bounded memory."""

from __future__ import annotations

import gzip
import io
import zipfile
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harvesters import idr_columns, idr_tables
from harvesters.idr_tallies import Annotations, Tally

ENSEMBL = "http://www.ensembl.org/id/{{ value|urlencode }}"
NCBI = "http://www.ncbi.nlm.nih.gov/gene/{{ value|urlencode }}"
SGD = "https://www.yeastgenome.org/locus/{{ value|urlencode }}\n"
ORG = "https://identifiers.org/"
CDC20 = "ENSG00000117399"
INCENP = "ENSG00000149503"


def config(template: str = ENSEMBL, column: str = "Gene Identifier") -> tuple[idr_columns.Mapping, ...]:
    listed = (
        f"columns:\n- group:\n    columns:\n    - {{name: '{column}', clientname: Gene Identifier URL, clientvalue: "
    )
    return idr_columns.read_config(f"{listed}'{template.strip()}'}}\n".encode())


def table(text: str | bytes, *, template: str | None = ENSEMBL, role: str | None = None) -> Annotations:
    found = Annotations()
    raw = text.encode() if isinstance(text, str) else text
    mappings = config(template) if template else None
    idr_tables.read_table(io.BytesIO(raw), "screenA/a-annotation.csv", mappings, role, found)
    return found


def genes(found: Annotations) -> dict[str, Tally]:
    return {tally.what.iri or tally.what.wording: tally for tally in found.genes.values()}


def oddities(found: Annotations) -> dict[str, tuple[str, int]]:
    return {rule: (odd.value, odd.rows) for (_, rule, _), odd in found.oddities.items()}


# --- the configuration says the name space


@pytest.mark.parametrize(
    ("template", "value", "iri"),
    [
        (ENSEMBL, CDC20, f"{ORG}ensembl:{CDC20}"),
        (NCBI, "991", f"{ORG}ncbigene:991"),
        (SGD, "YBR040W", f"{ORG}sgd:YBR040W"),
        ("http://www.yeastgenome.org/cgi-bin/locus.fpl?locus={{ value }}", "YBR040W", f"{ORG}sgd:YBR040W"),
        ("http://www.pombase.org/spombe/result/{{ value }}", "SPAC2F7.03c", f"{ORG}pombase:SPAC2F7.03c"),
        ("http://flybase.org/reports/{{ value }}.html", "FBgn0011293", f"{ORG}fb:FBgn0011293"),
        (
            "http://www.flybase.org/cgi-bin/uniq.html?field=SYN&db=fbgn&context={{ value }}",
            "CG2146",
            "https://flybase.org/cgi-bin/uniq.html?field=SYN&db=fbgn&context=CG2146",
        ),
        (
            "http://arabidopsis.org/servlets/TairObject?type=locus&name={{ value }}",
            "AT1G02720",
            f"{ORG}ensembl.plant:AT1G02720",
        ),
        ("http://www.ncbi.nlm.nih.gov/nuccore/{{ value }}", "NM_020238", f"{ORG}refseq:NM_020238"),
    ],
)
def test_name_space_of_the_configuration(template: str, value: str, iri: str) -> None:
    found = table(f"Plate,Well,Gene Identifier,Gene Symbol\np,A1,{value},S\n", template=template)
    assert list(genes(found)) == [iri]
    assert found.oddities == {}


def test_without_configuration_genes_stay_wording_with_one_finding() -> None:
    found = table("Plate,Well,Gene Identifier,Gene Symbol\np,A1,9606,A\np,A2,9607,B\n", template=None)
    assert [(t.what.iri, t.what.wording, t.what.symbol) for t in found.genes.values()] == [
        (None, "9606", "A"),
        (None, "9607", "B"),
    ]
    assert list(oddities(found)) == ["gene-namespace-unknown"]


def test_configuration_of_an_unknown_site_is_no_name_space() -> None:
    found = table("Plate,Well,Gene Identifier\np,A1,7\n", template="https://genes.example/{{ value }}")
    assert [t.what.iri for t in found.genes.values()] == [None]


@pytest.mark.parametrize(
    "raw",
    [
        b"columns:\n\t- name: x\n",
        b"",
        b"- a\n",
        b"columns: 7\n",
        b"columns: [7]\n",
        b"[" * 5000,
        b"\xff\xfe",
        b"a: &a [*a]",
    ],
)
def test_broken_configuration(raw: bytes) -> None:
    with pytest.raises(ValueError, match="not readable"):
        idr_columns.read_config(raw)


def test_a_tab_in_the_configuration_names_its_line() -> None:
    with pytest.raises(ValueError, match=r"line 2"):
        idr_columns.read_config(b"columns:\n\t- name: x\n")


def test_old_headings_carry_the_address_themselves() -> None:
    found = table(
        "Plate,Well,Gene Identifier %% url=http://www.ncbi.nlm.nih.gov/gene/%s,Gene Symbol\np,A1,9403,SEP15\n",
        template=None,
    )
    assert list(genes(found)) == [f"{ORG}ncbigene:9403"]


def test_numbered_gene_columns() -> None:
    found = Annotations()
    columns = [*config(column="Comment [Gene Identifier] 1"), *config(column="Comment [Gene Identifier] 2")]
    text = (
        "Dataset Name,Image Name,Comment [Gene Identifier] 1,Comment [Gene Identifier] 2,"
        "Comment [Gene Symbol] 1,Comment [Gene Symbol] 2\n"
        f"d,i1,{CDC20},{INCENP},CDC20,INCENP\nd,i2,{CDC20},,CDC20,\n"
    )
    idr_tables.read_table(io.BytesIO(text.encode()), "experimentA/x.csv", columns, None, found)
    assert {t.what.symbol: (t.images, t.wells) for t in found.genes.values()} == {"CDC20": (2, 0), "INCENP": (1, 0)}


def test_human_orthologs_are_not_the_genes_of_the_study() -> None:
    text = "Dataset Name,Image Name,Comment [Gene Identifier],Comment [Human Ortholog]\n"
    text += "d,i,ENSMUSG00000035021,ENSG00000198604\n"
    found = Annotations()
    idr_tables.read_table(io.BytesIO(text.encode()), "e/x.csv", config(column="Comment [Gene Identifier]"), None, found)
    assert list(genes(found)) == [f"{ORG}ensembl:ENSMUSG00000035021"]


def test_identifier_of_another_shape_stays_wording() -> None:
    found = table("Plate,Well,Gene Identifier,Gene Symbol\np,A1,FOSL1,FOSL1\np,A2,FOSL1,FOSL1\n", template=NCBI)
    assert [(t.what.iri, t.what.wording) for t in found.genes.values()] == [(None, "FOSL1")]
    assert oddities(found) == {"gene-id-invalid": ("FOSL1", 2)}


# --- Excel, placeholders, lists


def test_excel_dates_are_no_symbols() -> None:
    found = table("Plate,Well,Gene Identifier,Gene Symbol\np,A1,9403,Sep-15\np,A2,54708,5-Mar\n", template=NCBI)
    assert [(t.what.iri, t.what.symbol) for t in found.genes.values()] == [
        (f"{ORG}ncbigene:9403", None),
        (f"{ORG}ncbigene:54708", None),
    ]
    assert oddities(found) == {"excel-date": ("Sep-15", 2)}


def test_excel_numbers_are_no_identifiers() -> None:
    found = table(
        "Plate,Well,siRNA Pool Identifier,Gene Identifier\np,A1,4.00E+10,9994\np,A2,5.3E+08,\n", template=NCBI
    )
    assert not found.reagents
    assert oddities(found)["excel-number"] == ("4.00E+10", 2)


@pytest.mark.parametrize("value", ["N/A", "none", "-", "not available"])
def test_placeholders_are_no_identifiers(value: str) -> None:
    found = table(f"Plate,Well,Gene Identifier,Gene Symbol,siRNA Identifier\np,A1,{value},{value},{value}\n")
    assert not found.genes
    assert not found.reagents
    assert {rule for _, rule, _ in found.oddities} == {"placeholder"}


def test_a_sentence_is_no_symbol() -> None:
    found = table("Plate,Well,Gene Identifier,Gene Symbol\np,A1,,no annotation but image available\n")
    assert not found.genes
    assert oddities(found) == {"gene-symbol-invalid": ("no annotation but image available", 1)}


@pytest.mark.parametrize("symbol", ["DUR1,2", "ARG5,6", "sep-1", "apr-1", "fs(1)h", "Kif2C (AB)", "IMP2'", "IGL@"])
def test_symbols_hold_commas_and_brackets(symbol: str) -> None:
    found = table(f'Plate,Well,Gene Identifier,Gene Symbol\np,A1,YBR208C,"{symbol}"\n', template=SGD)
    assert [t.what.symbol for t in found.genes.values()] == [symbol]


def test_lists_with_semicolons_pair_up_and_duplicates_count_once() -> None:
    found = table(
        "Plate,Well,Gene Identifier,Gene Symbol\np,A1,YNR044W; YBR040W,AGA1; FIG1\np,A2,YBR040W; YBR040W,FIG1; FIG1\n",
        template=SGD,
    )
    assert {t.what.symbol: t.wells for t in found.genes.values()} == {"AGA1": 1, "FIG1": 2}


def test_identifiers_with_commas_are_a_list_only_where_each_is_one() -> None:
    found = table(f'Plate,Well,Gene Identifier\np,A1,"{CDC20}, {INCENP}"\n')
    assert set(genes(found)) == {f"{ORG}ensembl:{CDC20}", f"{ORG}ensembl:{INCENP}"}


def test_empty_wells_are_not_counted() -> None:
    found = table(f"Plate,Well,Gene Identifier,Control Type\np,A1,{CDC20},\np,A2,,empty well\np,A3,,negative control\n")
    assert found.counts == {"screenA": [2, 0]}


def test_wording_of_a_control_is_no_gene() -> None:
    found = table("Plate,Well,Gene Identifier,Gene Symbol,Control Type\np,A1,,scrambled,negative control\n")
    assert not found.genes


def test_one_wording_in_two_organisms_is_two_genes() -> None:
    text = "Plate,Well,Characteristics [Organism],Gene Identifier,Gene Symbol\n"
    text += "p,A1,Homo sapiens,,ACT1\np,A2,Mus musculus,,ACT1\n"
    assert len(table(text).genes) == 2


# --- roles


@pytest.mark.parametrize(
    ("columns", "cells", "role", "expected"),
    [
        ("siRNA Identifier", "s1", None, "perturbed"),
        ("siRNA Identifier", "s1", "tagged", "tagged"),
        ("RNAi Primer 1", "ACGT", None, "perturbed"),
        ("Intron-targeting sgRNA", "MUT_1", None, "perturbed"),
        ("Antibody Identifier", "HPA1", None, "stained"),
        ("Experimental Condition [Antibody Target]", "TUBG1", None, "stained"),
        ("Characteristics [Genotype]", "Eya4 knockout", None, "perturbed"),
        ("Characteristics [Genotype]", "wild type", None, "observed"),
        ("Characteristics [Genotype]", "wild type", "stained", "stained"),
        ("Comments", "x", None, "observed"),
        ("Comments", "x", "perturbed", "perturbed"),
    ],
)
def test_role(columns: str, cells: str, role: str | None, expected: str) -> None:
    found = table(f"Plate,Well,Gene Identifier,{columns}\np,A1,{CDC20},{cells}\n", role=role)
    assert [t.what.role for t in found.genes.values()] == [expected]


def test_antibodies_and_silenced_genes_in_one_table() -> None:
    text = (
        f"Plate,Well,Gene Identifier,Antibody Identifier,siRNA Identifier\np,A1,{CDC20},HPA1,s1\np,A2,{CDC20},HPA1,\n"
    )
    found = table(text)
    assert {(t.what.role, t.wells) for t in found.genes.values()} == {("perturbed", 1), ("stained", 1)}


# --- reagents and compounds


def test_reagents_with_address_and_sequence() -> None:
    mapping = idr_columns.Mapping(
        "antibody identifier", "antibody identifier url", "https://v19.proteinatlas.org/{{ value }}"
    )
    found = Annotations()
    text = "Plate,Well,Antibody identifier,siRNA Identifier,Sense Sequence\np,A1,HPA1,s1; s2,\np,A2,HPA1,s3,ACGU\n"
    idr_tables.read_table(io.BytesIO(text.encode()), "s/x.csv", [mapping], None, found)
    made = {t.what.name: (t.what.kind, t.what.url, t.what.sequence, t.wells) for t in found.reagents.values()}
    assert made == {
        "HPA1": ("antibody", "https://v19.proteinatlas.org/HPA1", None, 2),
        "s1": ("sirna", None, None, 1),
        "s2": ("sirna", None, None, 1),
        "s3": ("sirna", None, "ACGU", 1),
    }


def test_compounds() -> None:
    text = (
        "Plate,Well,Compound Name,Compound InChIKey,Compound PubChem CID,Compound SMILES\n"
        "p,A1,L-690330,JKOCAAWWDVHWKB-UHFFFAOYSA-N,132449,CC\n"
        "p,A2,Atenolol,,2249,CC(C)NC[C@@H](O)C\n"
        "p,A3,Some brew,,,\n"
        "p,A4,none,,,\n"
        "p,A5,Bad,,not a number,x@example.org\n"
    )
    found = table(text)
    assert [(t.what.iri, t.what.name, t.what.smiles) for t in found.compounds.values()] == [
        (f"{ORG}inchikey:JKOCAAWWDVHWKB-UHFFFAOYSA-N", "L-690330", "CC"),
        (f"{ORG}pubchem.compound:2249", "Atenolol", "CC(C)NC[C@@H](O)C"),
        (None, "Some brew", None),
        (None, "Bad", None),
    ]
    assert {rule for _, rule, _ in found.oddities} == {"placeholder", "compound-id-invalid", "smiles-invalid"}


def test_several_compound_identifiers_in_a_cell() -> None:
    text = 'Plate,Well,Compound Name,Compound PubChem CID\np,A1,Mix,"2249, 2244"\np,A2,One,"2244, 2244"\n'
    found = table(text)
    assert [(t.what.iri, t.what.name, t.wells) for t in found.compounds.values()] == [
        (f"{ORG}pubchem.compound:2249", None, 1),
        (f"{ORG}pubchem.compound:2244", None, 2),
    ]
    assert oddities(found) == {"several-ids": ("Mix", 1)}


def test_numbered_compounds() -> None:
    text = "Plate,Well,Compound 1 Name,Compound 1 PubChem CID,Compound 2 Name,Compound 2 PubChem CID\np,A1,a,11,b,12\n"
    assert {t.what.name for t in table(text).compounds.values()} == {"a", "b"}


def test_identifiers_of_targets_are_not_of_compounds() -> None:
    mapping = idr_columns.Mapping(
        "comment [chembl identifier]",
        "chembl identifier url",
        "https://www.ebi.ac.uk/chembldb/target/inspect/{{ value }}",
    )
    found = Annotations()
    text = "Plate,Well,Experimental Condition [Compound],Comment [ChEMBL Identifier]\np,A1,fibronectin,CHEMBL3810\n"
    idr_tables.read_table(io.BytesIO(text.encode()), "s/x.csv", [mapping], None, found)
    assert [(t.what.iri, t.what.name) for t in found.compounds.values()] == [(None, "fibronectin")]
    assert list(oddities(found)) == ["compound-id-of-target"]


# --- phenotypes, samples


def test_phenotypes_of_a_gene() -> None:
    text = (
        "Plate,Well,Gene Identifier,Has Phenotype,Phenotype 1,Phenotype 1 Term Name,Phenotype 1 Term Accession,"
        "Phenotype 2\n"
        f"p,A1,{CDC20},yes,round,round cell phenotype,CMPO_0000118,\np,A2,{CDC20},yes,,,,binucleate\n"
    )
    (gene,) = table(text).genes.values()
    assert gene.phenotypes == {("round", ("CMPO_0000118",)), ("binucleate", ())}


def test_two_terms_of_one_phenotype() -> None:
    text = (
        "Plate,Well,Phenotype 1,Phenotype 1 Term Name a,Phenotype 1 Term Accession a,"
        "Phenotype 1 Term Name b,Phenotype 1 Term Accession b\np,A1,round,x,CMPO_0000118,y,CMPO_0000140\n"
    )
    assert list(table(text).phenotypes) == [("round", ("CMPO_0000118", "CMPO_0000140"))]


@pytest.mark.parametrize(
    "headings",
    [
        "Phenotype,Ontology Term Name,Ontology Term Accession",
        "Phenotype 1,Ontology Term Name 1,Term Source Accession 1",
    ],
)
def test_old_headings_of_phenotypes(headings: str) -> None:
    assert list(table(f"Plate,Well,{headings}\np,A1,round,x,CMPO_0000118\n").phenotypes) == [
        ("round", ("CMPO_0000118",))
    ]


def test_samples_by_the_columns_behind_them() -> None:
    text = (
        "Plate,Well,Characteristics [Organism 1],Term Source 1 REF,Term Source 1 Accession,"
        "Characteristics [Organism 2],Term Source 2 REF,Term Source 2 Accession,"
        "Characteristics [Cell Line],Term Source REF,Term Source Accession,Channels\n"
        "p,A1,Homo sapiens,NCBITaxon,9606,A virus,NCBITaxon,NCBITaxon_2697049,Caco-2,EFO,EFO_0001099,x\n"
    )
    assert list(table(text).samples) == [
        (
            (("Homo sapiens", "9606"), ("A virus", "NCBITaxon_2697049")),
            (("Caco-2", "EFO_0001099"),),
            (),
        )
    ]


# --- wells


def test_wells_are_counted_once() -> None:
    row = f"{CDC20},s"
    text = "Plate,Well,Gene Identifier,siRNA Identifier\n" + "".join(
        f"{plate},{well},{row}{n}\n"
        for plate, well, n in [("p", "A1", 1), ("p", "A1", 1), ("p", "A1", 2), ("q", "A1", 1)]
    )
    found = table(text)
    assert [t.wells for t in found.genes.values()] == [2]
    assert {t.what.name: t.wells for t in found.reagents.values()} == {"s1": 2, "s2": 1}
    assert found.counts == {"screenA": [2, 0]}


def test_a_well_that_comes_back_is_not_counted_again() -> None:
    text = f"Plate,Well,Gene Identifier\np,A1,{CDC20}\np,A2,{CDC20}\np,A1,{CDC20}\n"
    assert [t.wells for t in table(text).genes.values()] == [2]


@given(
    st.lists(
        st.tuples(st.sampled_from("pq"), st.sampled_from(["A1", "A2", "B1"]), st.sampled_from([CDC20, INCENP, ""])),
        max_size=30,
    )
)
def test_wells_of_adjacent_rows_are_distinct_wells(rows: list[tuple[str, str, str]]) -> None:
    rows = sorted(rows, key=lambda row: row[:2])
    text = "Plate,Well,Gene Identifier\n" + "".join(",".join(row) + "\n" for row in rows)
    expected = {gene: len({row[:2] for row in rows if row[2] == gene}) for gene in {row[2] for row in rows if row[2]}}
    assert {t.what.wording: t.wells for t in table(text).genes.values()} == expected


def test_counts_stay_right_when_memory_is_short(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "Plate,Well,Gene Identifier\n" + "".join(f"p,A{n},ENSG{n % 7:011d}\n" for n in range(50))
    expected = {t.what.iri: t.wells for t in table(text).genes.values()}
    monkeypatch.setattr(idr_tables, "MAX_KEPT_ROWS", 3)
    assert {t.what.iri: t.wells for t in table(text).genes.values()} == expected
    assert sum(expected.values()) == 50


# --- files


TABLE = f"Plate,Well,Gene Identifier\np,A1,{CDC20}\n"


def zipped(raw: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("__MACOSX/._a.csv", b"x")
        archive.writestr("a.csv", raw)
    return out.getvalue()


@pytest.mark.parametrize("pack", [lambda raw: raw, gzip.compress, zipped], ids=["csv", "gz", "zip"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"], ids=["lf", "crlf", "cr"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_forms_of_files(pack: Callable[[bytes], bytes], end: str, encoding: str) -> None:
    found = table(pack(TABLE.replace("\n", end).encode(encoding)))
    assert list(genes(found)) == [f"{ORG}ensembl:{CDC20}"]
    assert found.counts == {"screenA": [1, 0]}


def test_mac_roman_cells() -> None:
    found = table("Plate,Well,Gene Identifier,siRNA Identifier\np,A1,,s–1\n".encode("mac_roman"))
    assert [t.what.name for t in found.reagents.values()] == ["s–1"]


@pytest.mark.parametrize(
    "raw",
    [b"", b"\n\n", b",,\n", gzip.compress(TABLE.encode())[:-9], b"\x1f\x8bjunk", b"PK\x03\x04junk", zipped(b"")],
    ids=["nothing", "blank", "no-heading", "cut-gz", "no-gz", "no-zip", "empty-zip"],
)
def test_damaged_tables_are_findings(raw: bytes) -> None:
    assert {rule for _, rule, _ in table(raw).oddities} <= {"table-empty", "table-broken"}
    assert table(raw).oddities


def test_rows_of_another_length() -> None:
    found = table(f"Plate,Well,Gene Identifier\np,A1\n\np,A2,{CDC20},more,and more\n")
    assert list(genes(found)) == [f"{ORG}ensembl:{CDC20}"]
    assert oddities(found) == {"row-length": ("", 2)}


def test_unbalanced_quotation_mark_is_a_finding() -> None:
    rows = "".join(f"p,A{n},{CDC20}\n" for n in range(20_000))
    found = table(f'Plate,Well,Gene Identifier\np,A1,"{CDC20}\n{rows}')
    assert "row-unreadable" in oddities(found)
    assert f"{ORG}ensembl:{CDC20}" in genes(found)


def test_too_many_values_are_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harvesters.idr_tallies.MAX_TALLIES", 2)
    text = "Plate,Well,Gene Identifier\n" + "".join(f"p,A{n},ENSG{n:011d}\n" for n in range(5))
    found = table(text)
    assert len(found.genes) == 2
    assert "too-many" in oddities(found)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_table_or_a_finding(raw: bytes) -> None:
    found = table(b"Plate,Well,Gene Identifier,Gene Symbol,Compound Name,Phenotype 1\n" + raw)
    for tally in found.genes.values():
        repr(tally).encode("utf-8", "strict")
