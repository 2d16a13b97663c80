"""Identifiers of genes and of their products: any spelling → one compact form, and what its name space tells.

A compact form is an identifiers.org IRI without ``https://identifiers.org/``, such as ``ncbigene:7157`` or
``MGI:98834``; it is what gene tables are written in. Which gene stands for all its identifiers is decided by rank:
NCBI Gene before the nomenclature authorities (HGNC, MGI, SGD, …), these before Ensembl.

Source: https://bioregistry.io
"""

from __future__ import annotations

import re
from typing import Final

from ontology import identifiers
from ontology.text import clean

BASE: Final = identifiers.IDENTIFIERS_ORG

# Prefixes of the compact form, best first: a gene's main identifier is of the first group that it has one in.
RANKS: Final = (
    ("ncbigene",),
    ("hgnc", "MGI", "rgd", "sgd", "pombase", "fb", "wb", "zfin", "ensembl.plant", "tair.locus"),
    ("ensembl",),
)
_RANK: Final = {prefix: rank for rank, prefixes in enumerate(RANKS) for prefix in prefixes}
AUTHORITIES: Final = frozenset(RANKS[1])

# Taxon of a name space that knows one organism only. Source: https://www.alliancegenome.org/help#genename
_TAXON_OF_PREFIX: Final = {
    "hgnc": 9606, "MGI": 10090, "rgd": 10116, "sgd": 4932, "pombase": 4896, "fb": 7227, "wb": 6239, "zfin": 7955,
    "tair.locus": 3702,
}  # fmt: skip
# Letters between ENS and the letter of the feature → taxon. Source: https://www.ensembl.org/info/genome/stable_ids/prefixes.html
_TAXON_OF_ENSEMBL: Final = {
    "": 9606, "MUS": 10090, "RNO": 10116, "DAR": 7955, "GAL": 9031, "SSC": 9823, "BTA": 9913, "CAF": 9615, "PTR": 9598,
    "GGO": 9595, "MMU": 9544, "MFA": 9541, "CSA": 60711, "OCU": 9986, "XET": 8364, "CJA": 9483, "OAR": 9940,
    "CIN": 7719,
}  # fmt: skip
# NCBI Gene and UniProt file a model organism under its reference strain; a dataset names the species or a subspecies.
# Source: https://www.ncbi.nlm.nih.gov/taxonomy
_SPECIES: Final = {
    559292: 4932, 284812: 4896, 10091: 10090, 10092: 10090, 39442: 10090, 57486: 10090, 63221: 9606, 741158: 9606,
    83333: 562, 511145: 562, 316407: 562,
}  # fmt: skip

_YEAST: Final = re.compile(r"Y[A-P][LR]\d{3}[WC](?:-[A-Z])?|[QR]\d{4}(?:[WC])?", re.ASCII)
_FLY_NUMBER: Final = re.compile(r"C[GR]\d{3,5}", re.ASCII)
_AGI: Final = re.compile(r"AT[1-5MC]G\d{5}", re.ASCII)
_ENSEMBL: Final = re.compile(r"ENS([A-Z]{0,8}?)(E|FM|G|GT|P|R|T)(\d{11})(?:\.\d+)?", re.ASCII)
_FLY_PAGE: Final = re.compile(r"https?://flybase\.org/cgi-bin/uniq\.html\?field=SYN&db=fbgn&context=(\w+)", re.ASCII)
_PRODUCTS: Final = frozenset({"uniprot", "refseq"})

# Prefix as databases write it, folded → name space of `ontology.identifiers.gene`
_NAMESPACES: Final = {
    **dict.fromkeys(
        ("ncbigene", "geneid", "ncbi_gene", "ncbi gene", "entrez", "entrezgene", "entrez gene"), "ncbigene"
    ),
    **dict.fromkeys(("ensembl", "ensemblgenomes"), "ensembl"),
    **dict.fromkeys(("tair", "tair.locus", "araport", "ensembl.plant"), "tair.locus"),
    **dict.fromkeys(("flybase", "fb"), "flybase"),
    **dict.fromkeys(("wormbase", "wb"), "wormbase"),
    **dict.fromkeys(("uniprot", "uniprotkb"), "uniprot"),
    **{name: name for name in ("hgnc", "mgi", "pombase", "refseq", "rgd", "sgd", "zfin")},
}
_CURIE: Final = re.compile(r"([A-Za-z][\w. ]{0,15}):\s?(.+)", re.DOTALL)
_IRI: Final = re.compile(r"https?://(?:identifiers\.org|bioregistry\.io)/([\w.]+)[:/](.+)", re.IGNORECASE | re.DOTALL)
# Shape of identifiers that are written without a prefix and cannot be taken for a symbol → name space
_BARE: Final = (
    (_ENSEMBL, "ensembl"),
    (re.compile(r"FBgn\d{7}", re.ASCII), "flybase"),
    (re.compile(r"WBGene\d{8}", re.ASCII), "wormbase"),
    (re.compile(r"ZDB-[A-Z]+-\d+-\d+", re.ASCII), "zfin"),
    (re.compile(r"S\d{9}", re.ASCII), "sgd"),
    (re.compile(r"(?:N|X)[MPR]_\d+(?:\.\d+)?", re.ASCII), "refseq"),
    (_AGI, "tair.locus"),
)
# Pages of databases, without scheme and www. → name space. The identifier is the last group.
_PAGES: Final = (
    (re.compile(r"ncbi\.nlm\.nih\.gov/gene/(?:\?term=)?(\d+)/?"), "ncbigene"),
    (re.compile(r"(?:[\w-]+\.)*ensembl\.org/(?:[\w/]+\?(?:\S*?[;&])?g=|id/)([\w.-]+)"), "ensembl"),
    (re.compile(r"genenames\.org/\S*?(?:hgnc_id/|hgnc:)+(\d+)/?"), "hgnc"),
    (re.compile(r"informatics\.jax\.org/\S*?mgi:(\d+)/?"), "mgi"),
    (re.compile(r"(?:[\w-]+\.)*uniprot\.org/(?:uniprot|uniprotkb)/(\w+)(?:/\S*)?"), "uniprot"),
    (re.compile(r"yeastgenome\.org/locus/([\w-]+)\S*"), "sgd"),
    (re.compile(r"flybase\.org/reports/(\w+)\S*"), "flybase"),
    (re.compile(r"wormbase\.org/\S*?(wbgene\d+)\S*"), "wormbase"),
    (re.compile(r"zfin\.org/(zdb-[\w-]+)"), "zfin"),
    (re.compile(r"pombase\.org/gene/([\w.]+)"), "pombase"),
)


def compact(text: str) -> str:
    """Return the compact form of an identifier in any spelling: IRI, CURIE, page, or bare where its shape is its own.

    Versions are dropped of Ensembl's identifiers and of nothing else: ``SPAC212.11`` is a whole PomBase identifier.
    A doubled prefix (``HGNC:HGNC:76``) counts once, identifiers of an organism's database that Ensembl took over are
    given to that database.

    >>> compact("HGNC:HGNC:76"), compact("https://identifiers.org/ensembl:ENSG00000141510.17")
    ('hgnc:76', 'ensembl:ENSG00000141510')
    >>> compact("ENSEMBL:FBgn0000490")
    'fb:FBgn0000490'

    Raises:
        ValueError: no identifier of a known name space; a symbol is none.
    """
    plain = clean(text)
    if fly := _FLY_PAGE.fullmatch(plain):
        return f"fb:{fly[1]}"
    if found := _IRI.fullmatch(plain) or _CURIE.fullmatch(plain):
        namespace = _NAMESPACES.get(found[1].casefold())
        if namespace is not None:
            return local(namespace, found[2])
    for pattern, namespace in _BARE:
        if pattern.fullmatch(plain):
            return local(namespace, plain)
    bare = re.sub(r"^https?://(?:www\.)?", "", plain, flags=re.IGNORECASE)
    for pattern, namespace in _PAGES if bare != plain else ():
        if page := re.fullmatch(pattern.pattern, bare, re.IGNORECASE | re.ASCII):
            return local(namespace, page[1])
    raise ValueError(f"{text[:200]!r} is not an identifier of a gene: expected one like ncbigene:7157 or HGNC:11998")


def local(namespace: str, value: str) -> str:
    """Return the compact form of an identifier in a stated name space (of `ontology.identifiers.gene`, or ``rgd``).

    >>> local("ensembl", "ENSMUSG00000059552.14"), local("rgd", "RGD:3889"), local("pombase", "SPAC212.11")
    ('ensembl:ENSMUSG00000059552', 'rgd:3889', 'pombase:SPAC212.11')

    Raises:
        ValueError: a value of another shape.
    """
    plain = clean(value)
    if namespace == "rgd":
        number = re.fullmatch(r"(?:rgd:)?([1-9]\d{0,9})", plain, re.IGNORECASE | re.ASCII)
        if number is None:
            raise ValueError(f"{value[:200]!r} is not an identifier of rgd: expected a number")
        return f"rgd:{number[1]}"
    iri = identifiers.gene(namespace, re.sub(rf"^(?:{re.escape(namespace)}:\s?)+", "", plain, flags=re.IGNORECASE))
    if fly := _FLY_PAGE.fullmatch(iri):
        return f"fb:{fly[1]}"
    return _own(iri.removeprefix(BASE))


def _own(form: str) -> str:
    """Return an identifier in the name space of the database that gave it, without a version of Ensembl's."""
    prefix, _, value = form.partition(":")
    if prefix != "ensembl":
        return form
    if found := _ENSEMBL.fullmatch(value):
        return f"ensembl:ENS{found[1]}{found[2]}{found[3]}"
    for mark, own in (("FB", "fb"), ("WBGene", "wb"), ("AT", "ensembl.plant")):
        if value.startswith(mark):
            return f"{own}:{value}"
    return f"sgd:{value}" if _YEAST.fullmatch(value) else form


def iri(form: str) -> str:
    """Return the IRI of a compact form, as `ontology.identifiers.gene` writes it.

    >>> iri("ncbigene:7157")
    'https://identifiers.org/ncbigene:7157'
    """
    prefix, _, value = form.partition(":")
    if prefix == "fb" and _FLY_NUMBER.fullmatch(value):
        return identifiers.gene("flybase", value)
    return BASE + form


def prefix_of(form: str) -> str:
    """Return the name space of a compact form."""
    return form.partition(":")[0]


def rank(form: str) -> int:
    """Return how good an identifier is as a gene's main one; 0 is best."""
    return _RANK.get(prefix_of(form), len(RANKS))


def is_product(form: str) -> bool:
    """Tell whether an identifier is of a transcript or protein.

    >>> is_product("uniprot:P04637"), is_product("ensembl:ENST00000269305"), is_product("ensembl:ENSG00000141510")
    (True, True, False)
    """
    prefix, _, value = form.partition(":")
    found = _ENSEMBL.fullmatch(value) if prefix == "ensembl" else None
    return prefix in _PRODUCTS or (found is not None and found[2] in ("P", "T"))


def systematic(form: str) -> str | None:
    """Return the systematic name that an identifier is: a yeast ORF or an annotation number of FlyBase; else None.

    >>> systematic("sgd:YAL069W"), systematic("fb:CG2146"), systematic("sgd:S000002143")
    ('YAL069W', 'CG2146', None)
    """
    prefix, _, value = form.partition(":")
    shape = {"sgd": _YEAST, "fb": _FLY_NUMBER}.get(prefix)
    return value if shape and shape.fullmatch(value) else None


def taxon(form: str) -> int | None:
    """Return the NCBI number of the species that an identifier alone tells, or None.

    >>> taxon("ensembl:ENSMUSG00000059552"), taxon("ensembl.plant:AT1G01030"), taxon("ncbigene:7157")
    (10090, 3702, None)
    """
    prefix, _, value = form.partition(":")
    if prefix == "ensembl" and (found := _ENSEMBL.fullmatch(value)):
        return _TAXON_OF_ENSEMBL.get(found[1])
    if prefix == "ensembl.plant":
        return 3702 if _AGI.match(value) else None
    return _TAXON_OF_PREFIX.get(prefix)


def species(number: int) -> int:
    """Return the species under which genes are looked up: of a reference strain or subspecies its species.

    >>> species(559292), species(9606)
    (4932, 9606)
    """
    return _SPECIES.get(number, number)


def species_of(iri: str) -> int | None:
    """Return the species' number of a taxon's IRI; None for anything else.

    >>> species_of("http://purl.obolibrary.org/obo/NCBITaxon_9606")
    9606
    """
    number = iri.removeprefix(f"{identifiers.OBO}NCBITaxon_")
    return species(int(number)) if number.isdecimal() and number != iri else None


_HYPHENS: Final = str.maketrans(dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2212", "-"))


def folded(name: str) -> str:
    """Return a symbol for comparing: cleaned, in lower case, with plain hyphens. Accents and Greek letters count.

    >>> folded(" p53"), folded("NKX2\u20115")
    ('p53', 'nkx2-5')
    """
    return clean(name).translate(_HYPHENS).casefold()
