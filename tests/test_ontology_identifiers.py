"""Identifiers: golden spellings from the archives, and properties of every normaliser."""

from collections.abc import Callable

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from ontology import identifiers as ids

OBO = "http://purl.obolibrary.org/obo/"
PUBMED = "https://pubmed.ncbi.nlm.nih.gov/"
PMC = "https://www.ncbi.nlm.nih.gov/pmc/articles/"

DOIS = [
    # BIA's own repairs, from its list of overrides
    ("https://doi.org/DOI: 10.26508/lsa.202403067", "10.26508/lsa.202403067"),
    ("DOI: https://doi.org/10.7554/eLife.93764.", "10.7554/elife.93764"),
    ("https:// dx.doi.org/10.17504/protocols.io.rm7vz7qx8lx1/v1", "10.17504/protocols.io.rm7vz7qx8lx1/v1"),
    ("doi.org/10.17632/8gcncg6zkt.3", "10.17632/8gcncg6zkt.3"),
    ("doi: 10.3389/fcell.2024.1430728", "10.3389/fcell.2024.1430728"),
    ("arXiv:2504.18737v1 ", "10.48550/arxiv.2504.18737"),
    ("https://arxiv.org/abs/2504.18737v2", "10.48550/arxiv.2504.18737"),
    ("10.48550/arXiv.2504.18737v1", "10.48550/arxiv.2504.18737"),
    ("arXiv:q-bio/0601001", "10.48550/arxiv.q-bio/0601001"),
    # IDR
    ("http://dx.doi.org/10.1091/mbc.E13-04-0221", "10.1091/mbc.e13-04-0221"),
    ("https://dx.doi.org/10.17867/10000104A", "10.17867/10000104a"),
    ("https://doi.org/10.17867/10000108 ", "10.17867/10000108"),
    ("https://doi.org/10.1158/1535-7163.MCT-09-1148", "10.1158/1535-7163.mct-09-1148"),
    # other shapes
    ("https://www.doi.org/10.1038/s41467-023-43855-2", "10.1038/s41467-023-43855-2"),
    ("info:doi/10.1000/182", "10.1000/182"),
    ("10.1038/s41592\u2010021\u201001166\u20108", "10.1038/s41592-021-01166-8"),
    ("\u202b10.7554/eLife.26066\u200b,", "10.7554/elife.26066"),
    ("https://doi.org/10.1016%2Fj.cell.2015.07.049", "10.1016/j.cell.2015.07.049"),
    (
        "10.1002/(SICI)1097-0320(19990401)35:4<291::AID-CYTO1>3.0.CO;2-Q",
        "10.1002/(sici)1097-0320(19990401)35:4%3C291::aid-cyto1%3E3.0.co;2-q",
    ),
    (
        "10.1002/(SICI)1097-0320(19990401)35:4&lt;291::AID-CYTO1&gt;3.0.CO;2-Q",
        "10.1002/(sici)1097-0320(19990401)35:4%3C291::aid-cyto1%3E3.0.co;2-q",
    ),
    ("10.1577/1548-8659(1997)126[0001:X]2.0", "10.1577/1548-8659(1997)126%5B0001:x%5D2.0"),
    ("10.5555/a%zz", "10.5555/a%25zz"),
]
NOT_DOIS = [
    "https://www.nature.com/articles/s41598-024-66600-1#Abs1",
    "0.1101/2025.03.24.645013",
    "2024.09.23.614351",
    "https://doi.org/10.1101/2025.04.08.647723 Funding",
    "https://doi.org/1038/s41467-023-43855-2",
    "https://doi.org/0.1039/d3lc00768e",
    "https://www.biorxiv.org/content/10.1101/2020.01.01.000001v1",
    "10.1038/s41467#Abs1",
    "10.1038/s41467?download=true",
    "10.123/too-short-a-prefix",
    "10.1234/",
    "10.1234/.",
    "10.1000/a%20b",
    "TBD",
    "pending",
    "",
    "https://doi.org/",
    "29103970",
]


@pytest.mark.parametrize(("text", "expected"), DOIS)
def test_doi(text: str, expected: str) -> None:
    assert ids.doi(text) == f"https://doi.org/{expected}"


PMIDS = [
    ("28858338", "28858338"),
    (" 5 ", "5"),
    ("PMID: 28858338", "28858338"),
    ("pubmed:28858338", "28858338"),
    ("19203579 https://www.ncbi.nlm.nih.gov/pubmed/19203579", "19203579"),
    ("http://www.ncbi.nlm.nih.gov/pubmed/25880804", "25880804"),
    ("https://pubmed.ncbi.nlm.nih.gov/28858338/", "28858338"),
    ("https://europepmc.org/article/MED/28858338", "28858338"),
    ("https://identifiers.org/pubmed:28858338", "28858338"),
]
NOT_PMIDS = ["pending", "in revision", "BIO ", "", "0", "0123", "123456789", "1 2", "PMC7025093", "12.5"]


@pytest.mark.parametrize(("text", "expected"), PMIDS)
def test_pmid(text: str, expected: str) -> None:
    assert ids.pmid(text) == PUBMED + expected


PMCIDS = [
    ("PMC7025093 ", "PMC7025093"),
    ("pmc7025093", "PMC7025093"),
    ("PMCID: PMC7025093", "PMC7025093"),
    ("https://www.ncbi.nlm.nih.gov/pmc/articles/PMC7025093/", "PMC7025093"),
    ("https://pmc.ncbi.nlm.nih.gov/articles/PMC7025093", "PMC7025093"),
    ("PMC7025093 https://www.ncbi.nlm.nih.gov/pmc/articles/PMC7025093", "PMC7025093"),
]
NOT_PMCIDS = ["7025093", "", "PMC", "PMC0", "PMC1 PMC2", "NIHMS123"]


@pytest.mark.parametrize(("text", "expected"), PMCIDS)
def test_pmcid(text: str, expected: str) -> None:
    assert ids.pmcid(text) == PMC + expected


PUBLICATIONS = [
    ("https://www.ncbi.nlm.nih.gov/pubmed/29103970", PUBMED + "29103970"),
    ("PMID:29103970", PUBMED + "29103970"),
    ("PMC7025093", PMC + "PMC7025093"),
    ("arXiv:2504.18737v1", "https://doi.org/10.48550/arxiv.2504.18737"),
    ("10.7554/eLife.26066", "https://doi.org/10.7554/elife.26066"),
]
NOT_PUBLICATIONS = ["29103970", "in revision", "", "http://so.qbic.riken.jp/wddd/"]


@pytest.mark.parametrize(("text", "expected"), PUBLICATIONS)
def test_publication(text: str, expected: str) -> None:
    assert ids.publication(text) == expected


ORCIDS = [
    ("0000-0002-1825-0097", "0000-0002-1825-0097"),
    ("https://orcid.org/0000-0003-1555-8261", "0000-0003-1555-8261"),
    ("http://orcid.org/0000-0002-1694-233X/", "0000-0002-1694-233X"),
    ("0000-0002-1694-233x", "0000-0002-1694-233X"),
    ("000000021694233X", "0000-0002-1694-233X"),
    ("orcid.org/0009-0009-0965-2906", "0009-0009-0965-2906"),
    ("ORCID: 0000-0002-1825-0097", "0000-0002-1825-0097"),
    ("0000\u20110002\u20111825\u20110097", "0000-0002-1825-0097"),
]
NOT_ORCIDS = [
    "NA",
    "",
    "https://orcid.org/NA",
    "0000-0002-1825-0097 (Josiah Carberry)",
    "https://orcid.org/0000-0002-1825-0097 (Josiah Carberry)",
    "0000-0002-1825-0098",
    "0000-0002-1825-009",
    "0000-0000-0000-0001",
    "0000 0002 1825 0097 0",
]


@pytest.mark.parametrize(("text", "expected"), ORCIDS)
def test_orcid(text: str, expected: str) -> None:
    assert ids.orcid(text) == f"https://orcid.org/{expected}"


RORS = [
    *(
        (key, key)
        for key in ("02mhbdp94", "035t8zc32", "01zjc6908", "01sjwvz98", "02catss52", "03h2bxq36", "04mzk4q39")
    ),
    ("https://ror.org/02MHBDP94", "02mhbdp94"),
    ("http://www.ror.org/02mhbdp94/", "02mhbdp94"),
    ("ror:02mhbdp94", "02mhbdp94"),
]
NOT_RORS = ["02mhbdp95", "02mhbdp9", "12mhbdp94", "02mhbdi94", "", "RIKEN", "https://ror.org/"]


@pytest.mark.parametrize(("text", "expected"), RORS)
def test_ror(text: str, expected: str) -> None:
    assert ids.ror(text) == f"https://ror.org/{expected}"


TAXA = [
    ("http://purl.obolibrary.org/obo/NCBITaxon_9606", 9606),
    ("https://purl.obolibrary.org/obo/NCBITaxon_9606", 9606),
    ("obo:NCBITaxon_6359", 6359),
    ("https://www.ncbi.nlm.nih.gov/datasets/taxonomy/9541", 9541),
    ("https://www.ncbi.nlm.nih.gov/datasets/taxonomy/9541/", 9541),
    ("https://www.ncbi.nlm.nih.gov/Taxonomy/Browser/wwwtax.cgi?id=9606", 9606),
    ("https://www.ncbi.nlm.nih.gov/Taxonomy/Browser/wwwtax.cgi?mode=Info&id=9606", 9606),
    ("https://www.uniprot.org/taxonomy/9606", 9606),
    ("NCBITaxon_09541", 9541),
    ("NCBITaxon:044689", 44689),
    ("NCBITaxon:9541", 9541),
    ("NCBI:txid9606", 9606),
    ("ncbi_taxonomy:9606", 9606),
    ("taxon:9606", 9606),
    ("9606", 9606),
    (" 8320028 ", 8320028),
]
NOT_TAXA = ["", "0", "Homo sapiens", "NCBITaxon_", "mixed sample", "9606;10090", "96.06", "-1", "1234567890"]


@pytest.mark.parametrize(("text", "expected"), TAXA)
def test_taxon(text: str, expected: int) -> None:
    assert ids.taxon(text) == f"{OBO}NCBITaxon_{expected}"


TERMS = [
    ("DCM_111631", "http://dicom.nema.org/resources/ontology/DCM/111631"),
    ("FBbi_00000246", OBO + "FBbi_00000246"),
    ("Fbbi_00000246", OBO + "FBbi_00000246"),
    ("FBBI:00000246", OBO + "FBbi_00000246"),
    ("FBbi:00000257", OBO + "FBbi_00000257"),
    ("obo:FBbi_00000246", OBO + "FBbi_00000246"),
    ("http://purl.obolibrary.org/obo/FBbi_ 00000245", OBO + "FBbi_00000245"),
    ("https://purl.obolibrary.org/obo/FBbi_00000246", OBO + "FBbi_00000246"),
    ("EFO_0007572", "http://www.ebi.ac.uk/efo/EFO_0007572"),
    ("http://www.ebi.ac.uk/efo/EFO_0003789", "http://www.ebi.ac.uk/efo/EFO_0003789"),
    ("obo:EFO_0003789", "http://www.ebi.ac.uk/efo/EFO_0003789"),
    ("GO:0008104", OBO + "GO_0008104"),
    ("CMPO_0000077", "http://www.ebi.ac.uk/cmpo/CMPO_0000077"),
    ("http://purl.obolibrary.org/obo/CMPO_0000077", "http://www.ebi.ac.uk/cmpo/CMPO_0000077"),
    ("BAO_0002004", "http://www.bioassayontology.org/bao#BAO_0002004"),
    ("CLO_0003684", OBO + "CLO_0003684"),
    ("CL:0000115", OBO + "CL_0000115"),
    ("UBERON_0000994", OBO + "UBERON_0000994"),
    ("BTO_0000165", OBO + "BTO_0000165"),
    ("MI:2213", OBO + "MI_2213"),
    ("CHMO_0002194", OBO + "CHMO_0002194"),
    ("NCIT_C181930", OBO + "NCIT_C181930"),
    ("OMIT_0027490", OBO + "OMIT_0027490"),
    ("CHEBI:37577", OBO + "CHEBI_37577"),
    ("DOID:4", OBO + "DOID_4"),
    ("EDAM:topic_3382", "http://edamontology.org/topic_3382"),
    ("http://edamontology.org/operation_3443", "http://edamontology.org/operation_3443"),
    ("https://identifiers.org/GO:0008104", OBO + "GO_0008104"),
    ("NCBITaxon:09541", OBO + "NCBITaxon_9541"),
]
NOT_TERMS = [
    "GO_34613",
    "g0:0003406",
    "FBbi_0000246",
    "FBbi_000002460",
    "EFO_007572",
    "DCM_111",
    "#term",
    "0026155",
    "9606",
    "",
    "fluorescence microscopy",
    "http://purl.obolibrary.org/obo/eng2a_mCherry",
    "http://purl.oboInOwllibrary.org/obo/GO_0008104",
    "GO:0008104, GO:0008105",
]


@pytest.mark.parametrize(("text", "expected"), TERMS)
def test_term(text: str, expected: str) -> None:
    assert ids.term(text) == expected


CURIES = [
    (OBO + "FBbi_00000246", "FBbi:00000246"),
    (OBO + "NCBITaxon_10090", "NCBITaxon:10090"),
    ("http://www.ebi.ac.uk/efo/EFO_0007572", "EFO:0007572"),
    ("https://doi.org/10.7554/elife.26066", "DOI:10.7554/elife.26066"),
    ("https://orcid.org/0000-0002-1825-0097", "ORCID:0000-0002-1825-0097"),
    ("https://ror.org/02mhbdp94", "ROR:02mhbdp94"),
    (PUBMED + "29103970", "PMID:29103970"),
    ("https://identifiers.org/ensembl:ENSG00000139618", "ensembl:ENSG00000139618"),
]


@pytest.mark.parametrize(("iri", "expected"), CURIES)
def test_curie(iri: str, expected: str) -> None:
    assert ids.curie(iri) == expected


@pytest.mark.parametrize(("text", "expected"), TERMS)
def test_the_curie_of_a_term_leads_back_to_it(text: str, expected: str) -> None:
    assert ids.term(ids.curie(expected)) == expected


@pytest.mark.parametrize("iri", ["https://example.org/x", "", OBO, "FBbi:00000246"])
def test_curie_refuses(iri: str) -> None:
    with pytest.raises(ValueError, match="expected"):
        ids.curie(iri)


GENES = [
    ("ensembl", "ENSG00000139618", "ensembl:ENSG00000139618"),
    ("ensembl", "ensg00000139618", "ensembl:ENSG00000139618"),
    ("ensembl", "ENSMUSG00000059552.3", "ensembl:ENSMUSG00000059552.3"),
    ("ncbigene", "672", "ncbigene:672"),
    ("hgnc", "HGNC:1101", "hgnc:1101"),
    ("sgd", "YBR040W", "sgd:YBR040W"),
    ("sgd", "S000002493", "sgd:S000002493"),
    ("pombase", "SPCC13B11.01", "pombase:SPCC13B11.01"),
    ("pombase", "SPAC2F7.03c", "pombase:SPAC2F7.03c"),
    ("flybase", "FBgn0011293", "fb:FBgn0011293"),
    ("fb", "FBgn0011293", "fb:FBgn0011293"),
    ("tair.locus", "2200934", "tair.locus:2200934"),
    ("tair.locus", "AT1G01030", "ensembl.plant:AT1G01030"),
    ("refseq", "NM_000059.4", "refseq:NM_000059.4"),
    ("uniprot", "P12345", "uniprot:P12345"),
    ("wb", "WBGene00000001", "wb:WBGene00000001"),
    ("zfin", "ZDB-GENE-990415-72", "zfin:ZDB-GENE-990415-72"),
    ("mgi", "MGI:87860", "MGI:87860"),
]
NAMESPACES = (
    "ensembl", "ncbigene", "hgnc", "sgd", "pombase", "flybase", "tair.locus", "refseq", "uniprot", "wormbase",
    "zfin", "mgi",
)  # fmt: skip
# What has no name space at identifiers.org.
OTHER_GENES = [("flybase", "CG2146"), ("fb", "cr32205")]


@pytest.mark.parametrize(("namespace", "value"), OTHER_GENES)
def test_fly_annotation_number(namespace: str, value: str) -> None:
    page = "https://flybase.org/cgi-bin/uniq.html?field=SYN&db=fbgn&context="
    assert ids.gene(namespace, value) == ids.iri(page + value.upper())


NOT_GENES = ["Sep-06", "Mar-01", "4.00E+10", "N/A", "none", "", "no annotation but image available", "1; 2", "DUR1,2"]


@pytest.mark.parametrize(("namespace", "value", "expected"), GENES)
def test_gene(namespace: str, value: str, expected: str) -> None:
    assert ids.gene(namespace, value) == f"https://identifiers.org/{expected}"


@pytest.mark.parametrize("value", NOT_GENES)
@pytest.mark.parametrize("namespace", NAMESPACES)
def test_no_namespace_takes_damaged_genes(namespace: str, value: str) -> None:
    with pytest.raises(ValueError, match="expected"):
        ids.gene(namespace, value)


def test_gene_refuses_an_unknown_namespace() -> None:
    with pytest.raises(ValueError, match=r"'horfdb'.*ensembl"):
        ids.gene("horfdb", "1")


GENE_PAGES = [
    ("http://www.ensembl.org/id/%s", "ensembl"),
    ("http://www.ensembl.org/id/{{ value|urlencode }}", "ensembl"),
    ("https://www.ncbi.nlm.nih.gov/gene/%s", "ncbigene"),
    ("http://www.ncbi.nlm.nih.gov/nuccore/{{ value|urlencode }}", "refseq"),
    ("http://www.yeastgenome.org/locus/{{ value|urlencode }}/overview", "sgd"),
    ("http://www.yeastgenome.org/cgi-bin/locus.fpl?locus=%s", "sgd"),
    ("https://www.pombase.org/gene/%s", "pombase"),
    ("http://www.flybase.org/cgi-bin/uniq.html?field=SYN&db=fbgn&context={{ value|urlencode }}", "flybase"),
    ("http://flybase.org/reports/%s.html", "flybase"),
    ("http://arabidopsis.org/servlets/TairObject?type=locus&name={{ value|urlencode }}", "tair.locus"),
]


@pytest.mark.parametrize(("template", "expected"), GENE_PAGES)
def test_gene_namespace(template: str, expected: str) -> None:
    assert ids.gene_namespace(template) == expected


@pytest.mark.parametrize(
    "template",
    [
        "http://horfdb.dfci.harvard.edu/hv5/index.php?page=getresults&by=detail&qury={{ value }}",
        "http://v18.proteinatlas.org/search/{{ value|urlencode }}",
        "https://www.ncbi.nlm.nih.gov/pccompound?term={{ value|urlencode }}",
        "https://evil.example/?u=http://www.ensembl.org/id/%s",
        "",
    ],
)
def test_gene_namespace_refuses(template: str) -> None:
    with pytest.raises(ValueError, match="expected"):
        ids.gene_namespace(template)


COMPOUNDS = [
    ("CID 2244", "pubchem.compound:2244"),
    ("CID:2244", "pubchem.compound:2244"),
    ("https://pubchem.ncbi.nlm.nih.gov/compound/2244", "pubchem.compound:2244"),
    ("https://www.ncbi.nlm.nih.gov/pccompound?term=2244", "pubchem.compound:2244"),
    ("CHEBI:15365", "CHEBI:15365"),
    ("http://purl.obolibrary.org/obo/CHEBI_15365", "CHEBI:15365"),
    ("CHEMBL25", "chembl.compound:CHEMBL25"),
    ("https://www.ebi.ac.uk/chembl/compound_report_card/CHEMBL25/", "chembl.compound:CHEMBL25"),
    ("BSYNRYMUTXBXSQ-UHFFFAOYSA-N", "inchikey:BSYNRYMUTXBXSQ-UHFFFAOYSA-N"),
    ("InChIKey=BSYNRYMUTXBXSQ-UHFFFAOYSA-N", "inchikey:BSYNRYMUTXBXSQ-UHFFFAOYSA-N"),
]
NOT_COMPOUNDS = ["2244", "aspirin", "", "CID 0", "BRD-K50168500-001-07-9", "BSYNRYMUTXBXSQ-UHFFFAOYSA"]


@pytest.mark.parametrize(("text", "expected"), COMPOUNDS)
def test_compound(text: str, expected: str) -> None:
    assert ids.compound(text) == f"https://identifiers.org/{expected}"


IRIS = [
    "https://ssbd.riken.jp/v1/project/108-Sugita-RPEiPSCell",
    "http://v18.proteinatlas.org/search/ENSG00000139618?x=1&y=2#top",
    "https://example.org:8080/%20/ü",
    "HTTPS://example.org",
]
NOT_IRIS = [
    "",
    "35209227",
    "#imaging-technique-1",
    "obo:NCBITaxon_9606",
    "FBbi:00000257",
    "file:///etc/passwd",
    "javascript:alert(1)",
    "ftp://example.org/x",
    "https://",
    "https:///path",
    "https://example.org/a b",
    "http://purl.obolibrary.org/obo/WormBase ID_WBStrain00000190",
    "https://example.org/<x>",
    'https://example.org/"x"',
    "https://example.org/{x}",
    "https://example.org/a|b",
    "https://example.org/a\\b",
    "https://example.org/a^b",
    "https://example.org/a`b",
    "https://example.org/[x]",
    "https://example.org/100%",
    "https://example.org/#a#b",
    "https://example.org/a\u200bb",
    "https://example.org/a\nb",
    "https://example.org:port/",
    "https://user:password@example.org/",
    "https://example.org/" + "a" * 2048,
]


@pytest.mark.parametrize("text", IRIS)
def test_iri(text: str) -> None:
    assert ids.iri(f" {text}\n") == text


REFUSALS: list[tuple[Callable[[str], str], list[str]]] = [
    (ids.doi, NOT_DOIS),
    (ids.pmid, NOT_PMIDS),
    (ids.pmcid, NOT_PMCIDS),
    (ids.publication, NOT_PUBLICATIONS),
    (ids.orcid, NOT_ORCIDS),
    (ids.ror, NOT_RORS),
    (ids.taxon, NOT_TAXA),
    (ids.term, NOT_TERMS),
    (ids.compound, NOT_COMPOUNDS),
    (ids.iri, NOT_IRIS),
]


@pytest.mark.parametrize(("parse", "text"), [(parse, text) for parse, texts in REFUSALS for text in texts])
def test_refusals_name_the_value_and_what_was_expected(parse: Callable[[str], str], text: str) -> None:
    with pytest.raises(ValueError, match="expected") as caught:
        parse(text)
    assert repr(text)[:100] in str(caught.value)


GOLDEN: list[tuple[Callable[[str], str], list[str]]] = [
    (ids.doi, [text for text, _ in DOIS]),
    (ids.pmid, [text for text, _ in PMIDS]),
    (ids.pmcid, [text for text, _ in PMCIDS]),
    (ids.publication, [text for text, _ in PUBLICATIONS]),
    (ids.orcid, [text for text, _ in ORCIDS]),
    (ids.ror, [text for text, _ in RORS]),
    (ids.taxon, [text for text, _ in TAXA]),
    (ids.term, [text for text, _ in TERMS]),
    (ids.compound, [text for text, _ in COMPOUNDS]),
]
PARSERS = [parse for parse, _ in GOLDEN]


@pytest.mark.parametrize(("parse", "text"), [(parse, text) for parse, texts in GOLDEN for text in texts])
def test_normal_forms_are_fixed_points_and_iris(parse: Callable[[str], str], text: str) -> None:
    normal = parse(text)
    assert parse(normal) == normal
    assert ids.iri(normal) == normal


@pytest.mark.parametrize("parse", PARSERS)
@given(text=st.text())
@settings(deadline=None)
def test_any_text_gives_an_iri_or_a_value_error(parse: Callable[[str], str], text: str) -> None:
    try:
        normal = parse(text)
    except ValueError:
        return
    assert ids.iri(normal) == parse(normal) == normal


@given(prefix=st.integers(1000, 999999999), suffix=st.text(min_size=1, max_size=40))
@settings(deadline=None)
@example(prefix=1000, suffix="a%2")
@example(prefix=1000, suffix="%2525")
def test_doi_of_any_suffix(prefix: int, suffix: str) -> None:
    try:
        normal = ids.doi(f"10.{prefix}/{suffix}")
    except ValueError:
        return
    assert ids.iri(normal) == ids.doi(normal) == normal


@given(digits=st.integers(15000000, 35000000), place=st.integers(0, 15), change=st.integers(1, 9))
@settings(deadline=None)
def test_a_changed_digit_breaks_an_orcid(digits: int, place: int, change: int) -> None:
    base = f"{digits:015d}"
    good = base + ids._mod_11_2(base)
    assert ids.orcid(good).replace("-", "").endswith(good)
    assume(good[place].isdigit())
    wrong = good[:place] + str((int(good[place]) + change) % 10) + good[place + 1 :]
    with pytest.raises(ValueError, match="expected"):
        ids.orcid(wrong)


@given(key=st.text("0123456789abcdefghjkmnpqrstvwxyz", min_size=6, max_size=6), data=st.data())
@settings(deadline=None)
def test_a_changed_character_breaks_a_ror(key: str, data: st.DataObject) -> None:
    good = f"0{key}{ids._mod_97_10(key)}"
    assert ids.ror(good) == f"https://ror.org/{good}"
    place = data.draw(st.integers(1, 6))
    other = data.draw(st.sampled_from("0123456789abcdefghjkmnpqrstvwxyz").filter(lambda char: char != good[place]))
    with pytest.raises(ValueError, match="expected"):
        ids.ror(good[:place] + other + good[place + 1 :])


def test_long_values_are_cut_in_messages() -> None:
    with pytest.raises(ValueError, match="…") as caught:
        ids.doi("x" * 100_000)
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize(
    ("text", "likely"),
    [
        ("0.1101/2025.03.24.645013", "10.1101/2025.03.24.645013"),
        ("https://doi.org/0.1039/d3lc00768e", "10.1039/d3lc00768e"),
        ("https://doi.org/1038/s41467-023-43855-2", "10.1038/s41467-023-43855-2"),
        ("2024.09.23.614351", "10.1101/2024.09.23.614351"),
        ("https://doi.org/10.1101/2025.04.08.647723 Funding", "10.1101/2025.04.08.647723"),
        ("https://www.nature.com/articles/s41598-024-66600-1#Abs1", "10.1038/s41598-024-66600-1"),
        ("https://www.biorxiv.org/content/10.1101/2021.08.12.456150v1.article-info", "10.1101/2021.08.12.456150"),
        ("https://www.frontiersin.org/articles/10.3389/fcell.2024.1430728/full", "10.3389/fcell.2024.1430728"),
        ("2026.01.01.123456", None),  # bioRxiv's numbers have another prefix since December 2025
        ("TBD", None),
        ("10.1/x", None),
        ("10.1234/" + "x" * 100_000 + " y", None),
    ],
)
def test_likely_doi(text: str, likely: str | None) -> None:
    assert ids.likely_doi(text) == (likely and f"https://doi.org/{likely}")


@given(st.text(max_size=80))
def test_likely_doi_is_one(text: str) -> None:
    likely = ids.likely_doi(text)
    assert likely is None or ids.doi(likely) == likely
