"""Identifiers: any recognised spelling becomes one IRI, everything else a ValueError that names it."""

from __future__ import annotations

import re
import unicodedata
from typing import Final, NamedTuple
from urllib.parse import quote, unquote, urlsplit

from ontology.text import clean

OBO: Final = "http://purl.obolibrary.org/obo/"
IDENTIFIERS_ORG: Final = "https://identifiers.org/"
MAX_IRI: Final = 2048

_HYPHENS: Final = str.maketrans(dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2212", "-"))
_SHOWN: Final = 200


def _plain(text: str) -> str:
    return clean(text).translate(_HYPHENS)


def _refusal(text: str, kind: str, expected: str) -> ValueError:
    shown = text if len(text) <= _SHOWN else text[:_SHOWN] + "…"
    return ValueError(f"{shown!r} is not {kind}: expected {expected}")


# --- IRIs ---------------------------------------------------------------------------------------------------------

_IRI: Final = re.compile(r"https?://[^\s/?#]+(?:[/?][^\s#]*)?(?:#[^\s#]*)?", re.IGNORECASE)
_NOT_IN_IRI: Final = re.compile(r'[\x00-\x20<>"{}|\\^`\x7f-\xa0\[\]]|%(?![0-9A-Fa-f]{2})')
_BAD_CATEGORIES: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zs", "Zl", "Zp"})


def iri(text: str) -> str:
    """The text itself if it is an absolute http(s) IRI that RDF stores accept, without blanks round it.

    >>> iri(" https://ssbd.riken.jp/database/ ")
    'https://ssbd.riken.jp/database/'

    Raises:
        ValueError: relative, another scheme, over 2048 characters, or with blanks, control characters, brackets
            other than ``()``, quotation marks, bars, carets or backslashes.

    Source: https://www.rfc-editor.org/rfc/rfc3987#section-2.2
    """
    stripped = text.strip()
    if len(stripped) > MAX_IRI or not _IRI.fullmatch(stripped) or _NOT_IN_IRI.search(stripped):
        raise _refusal(text, "an IRI", f"an absolute http(s) IRI of at most {MAX_IRI} characters without blanks")
    if not stripped.isascii() and any(unicodedata.category(char) in _BAD_CATEGORIES for char in stripped):
        raise _refusal(text, "an IRI", "no control, format or private-use characters")
    if not _has_host(stripped):
        raise _refusal(text, "an IRI", "a host name and no user name after http(s)://")
    return stripped


def _has_host(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return bool(parts.hostname) and "@" not in parts.netloc and (parts.port or 0) >= 0
    except ValueError:
        return False


# --- publications -------------------------------------------------------------------------------------------------

_DOI_PREFIX: Final = re.compile(
    r"\s+|doi\s*[:=]\s*|doi\s+|(?:info:|urn:)doi[:/]|https?\s*:\s*//?\s*|(?:dx\.|www\.)?doi\.org\s*/+", re.IGNORECASE
)
_DOI: Final = re.compile(r"10\.\d{4,9}/[^\s?#]+", re.ASCII)
_ARXIV: Final = re.compile(
    r"(?:https?://(?:www\.)?arxiv\.org/(?:abs|pdf)/|arxiv:\s*)(\d{4}\.\d{4,5}|[a-z-]+(?:\.[a-z]{2})?/\d{7})(?:v\d+)?(?:\.pdf)?",
    re.IGNORECASE | re.ASCII,
)
_ARXIV_VERSION: Final = re.compile(r"(?<=^10\.48550/)(arxiv\.\S+?)v\d+$")
_DOI_SAFE: Final = "!$&'()*+,;=:@/-._~"


def doi(text: str) -> str:
    """``https://doi.org/<lower-case DOI>``; characters that an IRI may not hold are percent-encoded.

    Takes ``doi:``, doi.org and dx.doi.org prefixes, also repeated or with blanks between, and arXiv numbers
    (``arXiv:2504.18737v1``; the version is dropped). A dot, comma or semicolon at the end goes.

    >>> doi("DOI: https://doi.org/10.7554/eLife.93764.")
    'https://doi.org/10.7554/elife.93764'

    Raises:
        ValueError: not ``10.<4 to 9 digits>/<suffix>``, words behind it, or with a query or fragment.

    Source: https://www.doi.org/doi-handbook/HTML/doi-name-syntax.html
    """
    plain = _plain(text)
    if arxiv := _ARXIV.fullmatch(plain):
        return f"https://doi.org/10.48550/arxiv.{arxiv[1].lower()}"
    bare = _decoded(_without_doi_prefix(plain)).rstrip(".,;").lower()
    if not _DOI.fullmatch(bare):
        raise _refusal(text, "a DOI", "10.<4 to 9 digits>/<suffix>, alone or after https://doi.org/")
    bare = _ARXIV_VERSION.sub(r"\1", bare)
    return iri("https://doi.org/" + _iri_escaped(bare))


def _without_doi_prefix(plain: str) -> str:
    start = 0
    while found := _DOI_PREFIX.match(plain, start):
        start = found.end()
    return plain[start:]


def _decoded(plain: str) -> str:
    """Percent-encoding undone; the text as it is where that would give no text or no DOI."""
    try:
        return unquote(plain, errors="strict") if "%" in plain else plain
    except UnicodeDecodeError:
        return plain


def _iri_escaped(bare: str) -> str:
    return "".join(char if _is_iri_char(char) else quote(char, safe="") for char in bare)


def _is_iri_char(char: str) -> bool:
    if char.isascii():
        return char.isalnum() or char in _DOI_SAFE
    return unicodedata.category(char) not in _BAD_CATEGORIES


# What a text that is no DOI was most likely meant to be. Source: https://www.nature.com/nature-portfolio/ (article
# addresses) and https://connect.biorxiv.org/ (numbers by date, under 10.1101 until November 2025)
_LIKELY_DOIS: Final = (
    (re.compile(r"(?:.*?[\s/=(])??(10\.\d{4,9}/[^\s?#]+?)(?:[?#].*|[\s,;]+[A-Za-z(].*)?", re.A | re.S), "{}"),
    (re.compile(r"0?\.(\d{4,9}/\S+)", re.A), "10.{}"),
    (re.compile(r"(\d{4}/[a-z]\S+)", re.A | re.I), "10.{}"),
    (re.compile(r"((?:201[89]|202[0-4])\.\d\d\.\d\d\.\d{6,8}|2025\.(?:0\d|1[01])\.\d\d\.\d{6,8})", re.A), "10.1101/{}"),
    (re.compile(r"(?:www\.)?nature\.com/articles/([a-z0-9.-]+)(?:[/?#].*)?", re.A | re.I), "10.1038/{}"),
)  # fmt: skip
_PREPRINT_TAIL: Final = re.compile(
    r"(?<=\d)v\d+(?:[./]\S*)?$|(?:/(?:full|abstract|pdf|epub|html)|\.full|\.pdf)+$", re.I
)


def likely_doi(text: str) -> str | None:
    """The DOI that a text which `doi` refuses was most likely meant to be, or None: a suggestion, never a value.

    Knows a DOI with words or a query behind it or inside an address, a lost "10." or "1", a number of bioRxiv or
    medRxiv alone, and the address of an article of Nature's journals.

    >>> likely_doi("0.1101/2025.03.24.645013"), likely_doi("pending")
    ('https://doi.org/10.1101/2025.03.24.645013', None)
    """
    plain = _without_doi_prefix(_plain(text)) if len(text) <= _SHOWN else ""
    for pattern, shape in _LIKELY_DOIS:
        if found := pattern.fullmatch(plain):
            try:
                return doi(shape.format(_PREPRINT_TAIL.sub("", found[1])))
            except ValueError:
                continue
    return None


_PMID_LABEL: Final = re.compile(r"^(?:pmid|pubmed(?:[ _]?id)?)\s*[:=]?\s*(?=\d)", re.IGNORECASE)
_PMID_URL: Final = re.compile(
    r"(?:https?://)?(?:www\.|m\.)?(?:ncbi\.nlm\.nih\.gov/(?:m/)?pubmed/|pubmed\.ncbi\.nlm\.nih\.gov/|pubmed\.gov/"
    r"|europepmc\.org/(?:article|abstract)/med/|identifiers\.org/pubmed[:/])(\d{1,8})/?",
    re.IGNORECASE | re.ASCII,
)
_PMID: Final = re.compile(r"[1-9]\d{0,7}", re.ASCII)


def pmid(text: str) -> str:
    """``https://pubmed.ncbi.nlm.nih.gov/<number>`` from a number, a label with number, or a PubMed URL.

    Number and URL may stand side by side, as in IDR's annotations, if they agree.

    >>> pmid("19203579 https://www.ncbi.nlm.nih.gov/pubmed/19203579")
    'https://pubmed.ncbi.nlm.nih.gov/19203579'

    Raises:
        ValueError: anything else ("pending", two different numbers).

    Source: https://pubmed.ncbi.nlm.nih.gov/help/
    """
    words = _PMID_LABEL.sub("", _plain(text)).split()
    numbers = {found[1] if (found := _PMID_URL.fullmatch(word)) else word for word in words}
    number = numbers.pop() if len(numbers) == 1 else ""
    if not _PMID.fullmatch(number):
        raise _refusal(text, "a PubMed id", "a number of at most 8 digits or a pubmed.ncbi.nlm.nih.gov URL")
    return f"https://pubmed.ncbi.nlm.nih.gov/{number}"


_PMCID: Final = re.compile(
    r"(?:(?:https?://)?(?:www\.)?(?:ncbi\.nlm\.nih\.gov/pmc/articles/|pmc\.ncbi\.nlm\.nih\.gov/articles/"
    r"|europepmc\.org/(?:articles/|article/pmc/)|identifiers\.org/pmc[:/]))?PMC([1-9]\d{0,8})/?",
    re.IGNORECASE | re.ASCII,
)
_PMCID_LABEL: Final = re.compile(r"^pmc\s?id\s*[:=]?\s*", re.IGNORECASE)


def pmcid(text: str) -> str:
    """``https://www.ncbi.nlm.nih.gov/pmc/articles/PMC<number>`` from a PMC id or a PubMed Central URL.

    >>> pmcid("PMC7025093 ")
    'https://www.ncbi.nlm.nih.gov/pmc/articles/PMC7025093'

    Raises:
        ValueError: anything else, also a bare number.

    Source: https://www.ncbi.nlm.nih.gov/pmc/pmctopmid/
    """
    words = _PMCID_LABEL.sub("", _plain(text)).split()
    numbers = {found[1] if (found := _PMCID.fullmatch(word)) else "" for word in words}
    if len(numbers) != 1 or "" in numbers:
        raise _refusal(text, "a PubMed Central id", "PMC<number> or a PubMed Central URL")
    return f"https://www.ncbi.nlm.nih.gov/pmc/articles/PMC{numbers.pop()}"


def publication(text: str) -> str:
    """The IRI of a publication: of its DOI or arXiv number, else PubMed id, else PubMed Central id.

    A bare number is refused: only the name of its field can say that it is a PubMed id (see `pmid`).

    >>> publication("https://www.ncbi.nlm.nih.gov/pubmed/29103970")
    'https://pubmed.ncbi.nlm.nih.gov/29103970'

    Raises:
        ValueError: none of the three.
    """
    bare_number = _plain(text).isdigit()
    for parse in (doi, pmcid) if bare_number else (doi, pmid, pmcid):
        try:
            return parse(text)
        except ValueError:
            continue
    raise _refusal(text, "a publication", "a DOI, an arXiv number, a PubMed or PubMed Central id or URL")


# --- people and organisations -------------------------------------------------------------------------------------

_ORCID: Final = re.compile(
    r"(?:(?:https?://)?(?:www\.)?orcid\.org/|orcid(?:\s?id)?\s*:\s*)?(\d{4})-?(\d{4})-?(\d{4})-?(\d{3}[\dX])/?",
    re.IGNORECASE | re.ASCII,
)


def orcid(text: str) -> str:
    """``https://orcid.org/XXXX-XXXX-XXXX-XXXX``, check digit verified.

    >>> orcid("0000-0002-1825-0097"), orcid("http://orcid.org/000000021694233x")
    ('https://orcid.org/0000-0002-1825-0097', 'https://orcid.org/0000-0002-1694-233X')

    Raises:
        ValueError: another shape ("NA", a name behind it) or a wrong check digit (ISO 7064 mod 11-2).

    Source: https://support.orcid.org/hc/en-us/articles/360006897674
    """
    found = _ORCID.fullmatch(_plain(text))
    if found is None or found[1] + found[2] == "00000000":
        raise _refusal(text, "an ORCID iD", "0000-0000-0000-0000 with or without https://orcid.org/")
    digits = "".join(found.groups()).upper()
    if _mod_11_2(digits[:15]) != digits[15]:
        raise _refusal(text, "an ORCID iD", f"check digit {_mod_11_2(digits[:15])}")
    return "https://orcid.org/" + "-".join(part.upper() for part in found.groups())


def _mod_11_2(digits: str) -> str:
    total = 0
    for digit in digits:
        total = (total + int(digit)) * 2
    rest = (12 - total % 11) % 11
    return "X" if rest == 10 else str(rest)


_CROCKFORD: Final = "0123456789abcdefghjkmnpqrstvwxyz"
_ROR: Final = re.compile(
    rf"(?:(?:https?://)?(?:www\.)?ror\.org/|ror:\s?)?(0[{_CROCKFORD}]{{6}}\d\d)/?", re.IGNORECASE | re.ASCII
)


def ror(text: str) -> str:
    """``https://ror.org/0xxxxxxxx``, both check digits verified.

    >>> ror("ror.org/02mhbdp94")
    'https://ror.org/02mhbdp94'

    Raises:
        ValueError: another shape or wrong check digits (ISO 7064 mod 97-10 over Crockford's base 32).

    Source: https://ror.readme.io/docs/identifier
    """
    found = _ROR.fullmatch(_plain(text))
    if found is None:
        raise _refusal(text, "a ROR id", "0 and 8 characters, with or without https://ror.org/")
    key = found[1].lower()
    if _mod_97_10(key[1:7]) != key[7:]:
        raise _refusal(text, "a ROR id", f"check digits {_mod_97_10(key[1:7])}")
    return f"https://ror.org/{key}"


def _mod_97_10(key: str) -> str:
    number = 0
    for char in key:
        number = number * 32 + _CROCKFORD.index(char)
    return f"{98 - number * 100 % 97:02d}"


# --- ontology terms -----------------------------------------------------------------------------------------------

_TAXON: Final = re.compile(
    r"(?:"
    r"https?://purl\.obolibrary\.org/obo/ncbitaxon[_:]"
    r"|https?://(?:www\.)?ncbi\.nlm\.nih\.gov/(?:datasets/|data-hub/)?taxonomy/(?:\?term=txid)?"
    r"|https?://(?:www\.)?ncbi\.nlm\.nih\.gov/taxonomy/browser/wwwtax\.cgi\?(?:mode=\w+&)?id="
    r"|https?://(?:www\.|purl\.)?uniprot\.org/taxonomy/"
    r"|https?://identifiers\.org/(?:taxonomy|ncbitaxon)[:/]"
    r"|(?:obo:)?ncbi[ _]?taxon(?:omy)?(?:[ _]id)?\s?[:_]?\s?"
    r"|ncbi\s?:\s?(?:txid|taxid)\s?:?\s?|(?:taxonomy|taxon|taxid|txid)\s?[:_]?\s?"
    r")?0{0,8}([1-9]\d{0,8})(?:\[uid\])?/?",
    re.IGNORECASE | re.ASCII,
)


def taxon(text: str) -> str:
    """``http://purl.obolibrary.org/obo/NCBITaxon_<n>`` without leading zeros, from a CURIE, an URL or the number.

    >>> taxon("NCBI:txid9606"), taxon("NCBITaxon_09541")
    ('http://purl.obolibrary.org/obo/NCBITaxon_9606', 'http://purl.obolibrary.org/obo/NCBITaxon_9541')

    Raises:
        ValueError: anything else, also a name (see `ontology.terms.organism`).

    Source: https://obofoundry.org/ontology/ncbitaxon.html
    """
    found = _TAXON.fullmatch(_plain(text))
    if found is None:
        raise _refusal(text, "an NCBI taxon", "NCBITaxon:<number>, a taxonomy URL, or the number")
    return f"{OBO}NCBITaxon_{found[1]}"


class _Ontology(NamedTuple):
    prefix: str
    pattern: str
    base: str


def _obo(prefix: str, pattern: str) -> _Ontology:
    return _Ontology(prefix, pattern, f"{OBO}{prefix}_")


# Prefix, the shape of the local part, and what stands before it in the IRI. Source: https://bioregistry.io
_ONTOLOGIES: Final = (
    _Ontology("BAO", r"\d{7}", "http://www.bioassayontology.org/bao#BAO_"),
    _obo("BTO", r"\d{7}"),
    _obo("CHEBI", r"[1-9]\d{0,6}"),
    _obo("CHMO", r"\d{7}"),
    _obo("CL", r"\d{7}"),
    _obo("CLO", r"\d{7}"),
    _Ontology("CMPO", r"\d{7}", "http://www.ebi.ac.uk/cmpo/CMPO_"),
    _Ontology("CVCL", r"[A-Z0-9]{4}", "https://www.cellosaurus.org/CVCL_"),
    _Ontology("DCM", r"\d{6}", "http://dicom.nema.org/resources/ontology/DCM/"),
    _obo("DOID", r"\d{1,7}"),
    _Ontology("EDAM", r"(?:data|topic|operation|format)_\d{4}", "http://edamontology.org/"),
    _Ontology("EFO", r"\d{7}", "http://www.ebi.ac.uk/efo/EFO_"),
    _obo("FBbi", r"\d{8}"),
    _obo("FBbt", r"\d{8}"),
    _obo("GENEPIO", r"\d{7}"),
    _obo("GO", r"\d{7}"),
    _obo("HP", r"\d{7}"),
    _obo("IAO", r"\d{7}"),
    _obo("MI", r"\d{4}"),
    _obo("MONDO", r"\d{7}"),
    _obo("MP", r"\d{7}"),
    _obo("NCIT", r"(?:NHC|[CRPA])\d+"),
    _obo("OBI", r"\d{7}"),
    _obo("OMIT", r"\d{7}"),
    _obo("PATO", r"\d{7}"),
    _obo("PO", r"\d{7}"),
    _obo("SO", r"\d{7}"),
    _obo("UBERON", r"\d{7}"),
    _obo("UO", r"\d{7}"),
    _obo("WBbt", r"\d{7}"),
    _obo("ZFA", r"\d{7}"),
)
_BY_PREFIX: Final = {entry.prefix.casefold(): entry for entry in _ONTOLOGIES}
_TERM: Final = re.compile(
    r"(?:https?://purl\.obolibrary\.org/obo/|https?://www\.ebi\.ac\.uk/(?:efo|cmpo)/"
    r"|https?://www\.bioassayontology\.org/bao#|https?://www\.cellosaurus\.org/"
    r"|https?://(?:identifiers\.org|bioregistry\.io)/(?:\w+/)?|obo:)?([A-Za-z]+)\s?[:_]\s?(\w{1,20})",
    re.IGNORECASE | re.ASCII,
)
_EDAM: Final = re.compile(
    r"(?:https?://edamontology\.org/|(?:obo:)?edam[:_])?(data|topic|operation|format)[_:](\d{4})",
    re.IGNORECASE | re.ASCII,
)

_DICOM: Final = re.compile(
    r"(?:https?://dicom\.nema\.org/resources/ontology/DCM/|DCM[:_]\s?)(\d{6})", re.IGNORECASE | re.ASCII
)


def term(text: str) -> str:
    """The IRI of an ontology term from its CURIE (with ``:`` or ``_``, in any case) or any of its IRIs.

    >>> term("Fbbi_00000246"), term("obo:EFO_0007572")
    ('http://purl.obolibrary.org/obo/FBbi_00000246', 'http://www.ebi.ac.uk/efo/EFO_0007572')

    Raises:
        ValueError: unknown prefix ("g0:0003406") or a local part of the wrong shape ("GO_34613").

    Source: https://bioregistry.io
    """
    plain = _plain(text)
    if edam := _EDAM.fullmatch(plain):
        return f"http://edamontology.org/{edam[1].lower()}_{edam[2]}"
    if dicom := _DICOM.fullmatch(plain):
        return f"http://dicom.nema.org/resources/ontology/DCM/{dicom[1]}"
    found = _TERM.fullmatch(plain)
    prefix = found[1].casefold() if found else ""
    if prefix == "ncbitaxon" or (found is None and _TAXON.fullmatch(plain) and not plain.isdigit()):
        return taxon(text)
    entry = _BY_PREFIX.get(prefix)
    if found is None or entry is None:
        raise _refusal(
            text, "an ontology term", f"a CURIE or IRI of {', '.join(o.prefix for o in _ONTOLOGIES)}, NCBITaxon"
        )
    local = found[2].upper()
    if not re.fullmatch(entry.pattern, local):
        raise _refusal(text, f"a term of {entry.prefix}", f"{entry.prefix}:{entry.pattern}")
    return entry.base + local


_COMPACT: Final = (
    ("https://doi.org/", "DOI:"),
    ("https://pubmed.ncbi.nlm.nih.gov/", "PMID:"),
    ("https://www.ncbi.nlm.nih.gov/pmc/articles/", "PMC:"),
    ("https://orcid.org/", "ORCID:"),
    ("https://ror.org/", "ROR:"),
    (f"{OBO}NCBITaxon_", "NCBITaxon:"),
    *((entry.base, f"{entry.prefix}:") for entry in _ONTOLOGIES),
    (IDENTIFIERS_ORG, ""),
)


def curie(iri: str) -> str:
    """The compact form of an IRI that this module returns, for showing and for tables.

    >>> curie("http://purl.obolibrary.org/obo/FBbi_00000246"), curie("https://orcid.org/0000-0002-1825-0097")
    ('FBbi:00000246', 'ORCID:0000-0002-1825-0097')

    Raises:
        ValueError: an IRI of no known name space.
    """
    for base, prefix in _COMPACT:
        if iri.startswith(base) and len(iri) > len(base):
            return prefix + iri[len(base) :]
    raise _refusal(iri, "an IRI with a compact form", "an IRI returned by ontology.identifiers")


# --- genes and compounds ------------------------------------------------------------------------------------------


class _Genes(NamedTuple):
    prefix: str  # at identifiers.org
    pattern: re.Pattern[str]


def _genes(prefix: str, pattern: str) -> _Genes:
    return _Genes(prefix, re.compile(pattern, re.ASCII))


_YEAST: Final = r"Y[A-P][LR]\d{3}[WC](?:-[A-Z])?|[QR]\d{4}(?:[WC])?"
_AGI: Final = re.compile(r"AT[1-5MC]G\d{5}(?:\.\d+)?", re.ASCII)
# Stricter than Bioregistry where its pattern lets any word pass (ensembl, pombase).
_GENES: Final = {
    "ensembl": _genes(
        "ensembl",
        rf"ENS[A-Z]{{0,8}}(?:E|FM|G|GT|P|R|T)\d{{11}}(?:\.\d+)?|LRG_\d+|FB\w{{2}}\d{{7}}|WBGene\d{{8}}|{_YEAST}|AT[1-5MC]G\d{{5}}",
    ),
    "flybase": _genes("fb", r"FB\w{2}\d{7}"),
    "hgnc": _genes("hgnc", r"[1-9]\d{0,4}"),
    "mgi": _genes("MGI", r"[1-9]\d{0,7}"),
    "ncbigene": _genes("ncbigene", r"[1-9]\d{0,9}"),
    "pombase": _genes("pombase", r"SP[A-Z0-9]+\.[A-Z0-9]+c?(?:\.\d+)?"),
    "refseq": _genes("refseq", r"(?:(?:AC|AP|NC|NG|NM|NP|NR|NT|NW|WP|XM|XP|XR|YP|ZP)_\d+|NZ_[A-Z]{2,4}\d+)(?:\.\d+)?"),
    "sgd": _genes("sgd", rf"S\d{{9}}|{_YEAST}"),
    "tair.locus": _genes("tair.locus", r"\d{7}"),
    "uniprot": _genes("uniprot", r"[OPQ]\d[A-Z0-9]{3}\d(?:-\d+)?|[A-NR-Z]\d(?:[A-Z][A-Z0-9]{2}\d){1,2}(?:-\d+)?"),
    "wormbase": _genes("wb", r"WB[A-Z][a-z]+\d+"),
    "zfin": _genes("zfin", r"ZDB-\w+-\d+-\d+"),
}
# FlyBase's annotation numbers have no name space at identifiers.org; IDR links them by this address of FlyBase's.
_FLY_NUMBER: Final = re.compile(r"C[GR]\d{3,5}", re.ASCII)
_FLY_NUMBER_PAGE: Final = "https://flybase.org/cgi-bin/uniq.html?field=SYN&db=fbgn&context="
_NAMESPACE_SYNONYMS: Final = {"fb": "flybase", "wb": "wormbase", "tair": "tair.locus", "entrez": "ncbigene"}


def gene(namespace: str, value: str) -> str:
    """``https://identifiers.org/<prefix>:<id>`` of a gene, transcript or protein in a stated name space.

    Name spaces: ensembl, flybase (fb), hgnc, mgi, ncbigene, pombase, refseq, sgd, tair.locus, uniprot,
    wormbase (wb), zfin. An Arabidopsis code (AT1G01030) given for tair.locus becomes an ``ensembl.plant`` IRI,
    because tair.locus takes TAIR's numbers only; an annotation number (CG2146) given for flybase becomes FlyBase's own
    address of it.

    >>> gene("ensembl", "ENSG00000139618"), gene("mgi", "MGI:87860")
    ('https://identifiers.org/ensembl:ENSG00000139618', 'https://identifiers.org/MGI:87860')

    Raises:
        ValueError: unknown name space, or a value of another shape ("Sep-06", "4.00E+10").

    Source: https://bioregistry.io
    """
    name = namespace.strip().casefold()
    known = _GENES.get(_NAMESPACE_SYNONYMS.get(name, name))
    if known is None:
        raise _refusal(namespace, "a name space of genes", ", ".join(_GENES))
    plain = re.sub(rf"^{re.escape(known.prefix)}:\s?", "", _plain(value), flags=re.IGNORECASE)
    for local in (plain, plain.upper()):
        if known.prefix == "tair.locus" and _AGI.fullmatch(local):
            return f"{IDENTIFIERS_ORG}ensembl.plant:{local}"
        if known.prefix == "fb" and _FLY_NUMBER.fullmatch(local):
            return _FLY_NUMBER_PAGE + local
        if known.pattern.fullmatch(local):
            return f"{IDENTIFIERS_ORG}{known.prefix}:{local}"
    raise _refusal(value, f"an identifier of {name}", known.pattern.pattern)


# Host and path of a gene page → name space. Source: the bulkmap configurations of https://github.com/IDR/idr-metadata
_GENE_PAGES: Final = (
    (re.compile(r"(?:[\w-]+\.)*ensembl\.org/"), "ensembl"),
    (re.compile(r"(?:www\.)?ncbi\.nlm\.nih\.gov/(?:sites/entrez\?db=)?gene\b"), "ncbigene"),
    (re.compile(r"(?:www\.)?ncbi\.nlm\.nih\.gov/(?:nuccore|protein|refseq)\b"), "refseq"),
    (re.compile(r"(?:[\w-]+\.)*yeastgenome\.org/"), "sgd"),
    (re.compile(r"(?:[\w-]+\.)*pombase\.org/"), "pombase"),
    (re.compile(r"(?:[\w-]+\.)*flybase\.org/"), "flybase"),
    (re.compile(r"(?:[\w-]+\.)*arabidopsis\.org/"), "tair.locus"),
    (re.compile(r"(?:[\w-]+\.)*wormbase\.org/"), "wormbase"),
    (re.compile(r"(?:[\w-]+\.)*zfin\.org/"), "zfin"),
    (re.compile(r"(?:[\w-]+\.)*informatics\.jax\.org/"), "mgi"),
    (re.compile(r"(?:[\w-]+\.)*genenames\.org/"), "hgnc"),
    (re.compile(r"(?:[\w-]+\.)*uniprot\.org/"), "uniprot"),
)


def gene_namespace(url_template: str) -> str:
    """The name space of `gene` whose pages an URL template of an IDR bulkmap configuration shows.

    >>> gene_namespace("http://www.ensembl.org/id/{{ value|urlencode }}")
    'ensembl'

    Raises:
        ValueError: a template of another site.
    """
    bare = re.sub(r"^https?://", "", clean(url_template).lower())
    for pattern, namespace in _GENE_PAGES:
        if pattern.match(bare):
            return namespace
    raise _refusal(url_template, "a known gene page", "Ensembl, NCBI Gene or nuccore, SGD, PomBase, FlyBase, TAIR, …")


_COMPOUNDS: Final = (
    (
        re.compile(
            r"(?:https?://pubchem\.ncbi\.nlm\.nih\.gov/compound/|https?://(?:www\.)?ncbi\.nlm\.nih\.gov/pccompound\?term="
            r"|https?://identifiers\.org/pubchem\.compound[:/]|pubchem(?:\.compound| ?cid)?\s?:\s?|cid\s?:?\s?)"
            r"([1-9]\d{0,9})/?",
            re.IGNORECASE | re.ASCII,
        ),
        "pubchem.compound:",
    ),
    (
        re.compile(
            r"(?:https?://identifiers\.org/(?:chebi/)?|https?://purl\.obolibrary\.org/obo/|obo:)?chebi[:_]\s?([1-9]\d{0,6})",
            re.IGNORECASE | re.ASCII,
        ),
        "CHEBI:",
    ),
    (
        re.compile(
            r"(?:https?://www\.ebi\.ac\.uk/chembl/(?:\w+/)*|https?://identifiers\.org/chembl(?:\.compound)?[:/]"
            r"|chembl(?:\.compound)?:\s?)?(CHEMBL[1-9]\d{0,8})/?",
            re.IGNORECASE | re.ASCII,
        ),
        "chembl.compound:",
    ),
    (
        re.compile(
            r"(?:https?://identifiers\.org/inchikey[:/]|inchikey\s?[:=]\s?)?([A-Z]{14}-[A-Z]{10}-[A-Z])", re.IGNORECASE
        ),
        "inchikey:",
    ),
)


def compound(text: str) -> str:
    """The identifiers.org IRI of a chemical from a PubChem CID, ChEBI, ChEMBL id or InChIKey, or one of their URLs.

    >>> compound("CID 2244"), compound("CHEBI:15365")
    ('https://identifiers.org/pubchem.compound:2244', 'https://identifiers.org/CHEBI:15365')

    Raises:
        ValueError: anything else, also a bare number.

    Source: https://bioregistry.io
    """
    plain = _plain(text)
    for pattern, prefix in _COMPOUNDS:
        if found := pattern.fullmatch(plain):
            return f"{IDENTIFIERS_ORG}{prefix}{found[1].upper()}"
    raise _refusal(text, "a compound", "a PubChem CID, CHEBI:<n>, CHEMBL<n>, an InChIKey, or one of their URLs")
