"""The archives: how their accessions look, where a record's page is, and who publishes them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, NamedTuple

from ontology.text import clean


@dataclass(frozen=True, slots=True)
class Archive:
    """What is true of every record of one archive.

    Attributes:
        licence: of all records; None where each record states its own.
        accession_pattern: regular expression that a normalised accession matches in full.
        publisher_ror: ROR IRI of the organisation that runs it.
    """

    name: str
    title: str
    homepage: str
    licence: str | None
    terms: str | None
    accession_pattern: str
    publisher_ror: str | None


ARCHIVES: Final[dict[str, Archive]] = {
    archive.name: archive
    for archive in (
        Archive(
            name="bia",
            title="BioImage Archive",
            homepage="https://www.ebi.ac.uk/bioimage-archive/",
            licence=None,
            terms="https://www.ebi.ac.uk/bioimage-archive/help-policies/",
            accession_pattern=r"S-(?:BIAD|BSST|BSMS|JCBD|DHCA)[A-Z0-9-]*[A-Z0-9]",
            publisher_ror="https://ror.org/02catss52",
        ),
        Archive(
            name="empiar",
            title="Electron Microscopy Public Image Archive",
            homepage="https://www.ebi.ac.uk/empiar/",
            licence="https://creativecommons.org/publicdomain/zero/1.0/",
            terms="https://www.ebi.ac.uk/empiar/policies/",
            accession_pattern=r"EMPIAR-\d{5,6}",
            publisher_ror="https://ror.org/02catss52",
        ),
        Archive(
            name="hub",
            title="Bioimage hub (direct submissions)",
            homepage="https://w3id.org/bioimage-hub/",
            licence=None,
            terms=None,
            accession_pattern=r"HUB-[0-9A-HJKMNP-TV-Z]{8}",
            publisher_ror=None,
        ),
        Archive(
            name="idr",
            title="Image Data Resource",
            homepage="https://idr.openmicroscopy.org/",
            licence=None,
            terms="https://idr.openmicroscopy.org/about/",
            accession_pattern=r"idr\d{4}",
            publisher_ror="https://ror.org/03h2bxq36",
        ),
        Archive(
            name="ssbd",
            title="Systems Science of Biological Dynamics database",
            homepage="https://ssbd.riken.jp/",
            licence=None,
            terms=None,
            accession_pattern=r"ssbd-repos-\d{6}|[1-9]\d{0,4}-[A-Za-z]+(?:-[A-Za-z0-9]+){1,4}",
            publisher_ror="https://ror.org/01sjwvz98",
        ),
    )
}


def dataset_name(archive: str, accession: str) -> str:
    """The name under which an archive's dataset has its IRI: the accession, at SSBD the number that its parts share.

    SSBD gives the repository entry and the database project of one deposit the same number, and renames projects.

    >>> dataset_name("ssbd", "108-Sugita-RPEiPSCell"), dataset_name("ssbd", "ssbd-repos-000108")
    ('108', '108')
    >>> dataset_name("idr", "idr0094")
    'idr0094'
    """
    if archive != "ssbd":
        return accession
    number = re.match(r"(?:ssbd-repos-0*)?(\d+)(?=-|$)", accession, re.ASCII)
    return number[1] if number else accession


def preference(accession: str) -> int:
    """The place of a record among several of one dataset in one source; the lowest is displayed first.

    >>> preference("108-Sugita-RPEiPSCell") < preference("ssbd-repos-000108")
    True
    """
    return 1 if accession.startswith("ssbd-repos-") else 0


def archive_of(accession: str) -> str:
    """The name of the archive whose accessions look like this normalised one: bia, empiar, idr or ssbd.

    >>> archive_of("S-BIAD824"), archive_of("108-Sugita-RPEiPSCell")
    ('bia', 'ssbd')

    Raises:
        ValueError: no archive's.
    """
    for archive in ARCHIVES.values():
        if re.fullmatch(archive.accession_pattern, accession, re.ASCII):
            return archive.name
    raise _refusal(accession)


_HOSTS: Final = re.compile(
    r"https?://(?:[\w-]+\.)*(?:ebi\.ac\.uk|openmicroscopy\.org|riken\.jp|empiar\.org|pdbj\.org|doi\.org|identifiers\.org"
    r"|bioregistry\.io)(?::\d+)?/",
    re.IGNORECASE | re.ASCII,
)
_DOI_PREFIX: Final = re.compile(r"^(?:doi:\s?)?(?=10\.\d{4,9}/)", re.IGNORECASE)
_END: Final = r"(?![A-Za-z0-9])"
# How each archive's accession is written, and how it is written in normal form.
_WRITTEN: Final = (
    (re.compile(rf"empiar[ :_-]?(?:empiar-)?(\d{{5,6}}){_END}", re.I | re.A), "EMPIAR-{}"),
    (re.compile(rf"idr[ :_-]?(\d{{4}}){_END}", re.I | re.A), "idr{}"),
    (re.compile(rf"S-(BIAD|BSST)[ -]?(\d+){_END}", re.I | re.A), "S-{}{}"),
    (re.compile(rf"S-(BSMS|JCBD|DHCA)((?:-?[A-Z0-9]+)+){_END}", re.I | re.A), "S-{}{}"),
    (re.compile(rf"ssbd-repos-(\d{{6}}){_END}", re.I | re.A), "ssbd-repos-{}"),
    (re.compile(rf"HUB-([0-9A-HJKMNP-TV-Z]{{8}}){_END}", re.I | re.A), "HUB-{}"),
)
_SSBD_NUMBER: Final = re.compile(
    r"(?:ssbd\.riken\.jp/(?:v\d+/)?repository/|10\.24631/ssbd\.repos\.\d{4}\.\d{2}\.)(\d{1,6})(?=/|$)", re.I | re.A
)
_SSBD_PROJECT: Final = re.compile(
    r"(?:ssbd\.riken\.jp/(?:v\d+|database)/(?:project/)?|^)([1-9]\d{0,4}-[A-Za-z]+(?:-[A-Za-z0-9]+){1,4})(?=/?$)",
    re.I | re.A,
)
_CELL_TAIL: Final = re.compile(r"(?:-[a-z]\w*){0,3}(?:/(?:screen|experiment)[A-Z])?", re.I | re.A)


def accession(text: str) -> str:
    """The normalised accession in an accession cell, a landing page's URL or a data DOI.

    >>> accession("idr0040 "), accession("https://doi.org/10.6019/EMPIAR-10310"), accession("s-biad824")
    ('idr0040', 'EMPIAR-10310', 'S-BIAD824')

    Raises:
        ValueError: no accession, several different ones, words beside it, or an URL of another site.
    """
    plain = clean(text)
    is_link = bool(_HOSTS.match(plain) or _DOI_PREFIX.match(plain)) and " " not in plain
    found = _in_link(plain) if is_link else _in_cell(plain)
    if len(found) != 1:
        raise _refusal(text)
    return found.pop()


def named(text: str) -> str | None:
    """Return archive and name of the dataset that an accession, an address or a DOI means, or None.

    >>> named("https://www.ebi.ac.uk/biostudies/studies/S-BIAD824"), named("https://doi.org/10.7554/elife.1")
    ('bia/S-BIAD824', None)
    """
    try:
        found = accession(text)
        archive = archive_of(found)
    except ValueError:
        return None
    return f"{archive}/{dataset_name(archive, found)}"


def _in_link(link: str) -> set[str]:
    """Accessions anywhere in an URL or DOI; the number of an SSBD repository entry is filled up to six digits."""
    link = re.sub(r"\.(?:html|json|xml)$", "", link.split("#")[0], flags=re.I)
    found = {shape.format(*_cased(hit)) for pattern, shape in _WRITTEN for hit in pattern.finditer(link)}
    if number := _SSBD_NUMBER.search(link):
        found.add(f"ssbd-repos-{int(number[1]):06d}")
    if not found and (project := _SSBD_PROJECT.search(link)):
        found.add(project[1])
    return found


def _in_cell(cell: str) -> set[str]:
    for pattern, shape in _WRITTEN:
        hit = pattern.match(cell)
        if hit and (hit.end() == len(cell) or (shape.startswith("idr") and _CELL_TAIL.fullmatch(cell, hit.end()))):
            return {shape.format(*_cased(hit))}
    project = _SSBD_PROJECT.match(cell)
    return {project[1]} if project and project[0] == cell else set()


def _cased(hit: re.Match[str]) -> list[str]:
    return [group.upper() for group in hit.groups()]


class _Database(NamedTuple):
    names: frozenset[str]
    pattern: re.Pattern[str]
    page: str
    tells: bool  # whether an accession shows by itself whose it is


def _database(names: str, pattern: str, page: str, tells: bool = True) -> _Database:
    return _Database(frozenset(names.split(", ")), re.compile(pattern, re.I | re.A), page, tells)


# Databases whose records depositors link to. Source: https://bioregistry.io and the databases' own pages
_DATABASES: Final = (
    _database(
        "ena, sra, european nucleotide archive, sequence read archive, bioproject, biosample, biosamples",
        r"([EDS]R[APRSXZ]\d{6,9}|PRJ[EDN][A-Z]\d+|SAM(?:EA|N|D)\d+)",
        "https://www.ebi.ac.uk/ena/browser/view/{}",
    ),
    _database("emdb", r"EMD[-_ :]?(\d{4,6})", "https://www.ebi.ac.uk/emdb/EMD-{}"),
    _database("pdb, rcsb pdb", r"(?:PDB[-:_ ]?)?([1-9][A-Z0-9]{3})", "https://identifiers.org/pdb:{lower}", False),
    _database("geo, gene expression omnibus", r"(G(?:SE|SM|DS|PL)\d{1,8})", "https://identifiers.org/geo:{}"),
    _database("arrayexpress", r"([AE]-[A-Z]{4}-\d+)", "https://www.ebi.ac.uk/biostudies/arrayexpress/studies/{}"),
    _database("biostudies", r"(S-[A-Z]{2,8}-?\d+)", "https://www.ebi.ac.uk/biostudies/studies/{}"),
    _database("pride, proteomexchange", r"(P(?:XD|RD)\d{6})", "https://identifiers.org/pride.project:{}"),
    _database("metabolights", r"(MTBLS\d+)", "https://identifiers.org/metabolights:{}"),
    _database("ega", r"(EGAD\d{11})", "https://identifiers.org/ega.dataset:{}"),
    _database("ega", r"(EGAS\d{11})", "https://identifiers.org/ega.study:{}"),
    _database("biomodels", r"((?:BIOMD|MODEL)\d{10})", "https://identifiers.org/biomodels.db:{}"),
    _database("rrid", r"RRID\s?:\s?(\w+_[\w-]+)", "https://identifiers.org/RRID:{}"),
    _database(
        "uniprot, uniprotkb, swiss-prot",
        r"(?:uniprot(?:kb)?:)?([OPQ]\d[A-Z0-9]{3}\d|[A-NR-Z]\d(?:[A-Z][A-Z0-9]{2}\d){1,2})",
        "https://identifiers.org/uniprot:{}",
        False,
    ),
)  # fmt: skip


def elsewhere(text: str, database: str | None = None) -> str:
    """The IRI of a record of another database, such as a sequence or a structure, from its accession.

    Without the database's name only accessions are taken that show by themselves whose they are.

    >>> elsewhere("ERP116793"), elsewhere("1abc", "PDB")
    ('https://www.ebi.ac.uk/ena/browser/view/ERP116793', 'https://identifiers.org/pdb:1abc')

    Raises:
        ValueError: no accession of a database that the hub can link to.

    Source: https://bioregistry.io
    """
    plain, name = clean(text), clean(database or "").casefold()
    for known in _DATABASES:
        if (known.tells or name in known.names) and (found := known.pattern.fullmatch(plain)):
            return known.page.format(found[1].upper(), lower=found[1].lower())
    raise ValueError(
        f"{text[:200]!r} is no accession that can be linked to: expected one of "
        f"{', '.join(sorted(min(known.names) for known in _DATABASES))}"
    )


def landing_page(archive: str, accession: str) -> str:
    """The address of a record's page at one archive (bia also shows EMPIAR's records).

    >>> landing_page("idr", "idr0094"), landing_page("empiar", "EMPIAR-10310")
    ('https://idr.openmicroscopy.org/study/idr0094/', 'https://www.ebi.ac.uk/empiar/EMPIAR-10310/')

    Raises:
        ValueError: unknown archive, or an accession that is not one of its own.
    """
    owner = archive_of(accession)
    if owner != archive and (archive, owner) != ("bia", "empiar"):
        raise ValueError(f"{accession!r} is not an accession of {archive!r}: it is one of {owner!r}")
    if archive == "bia":
        return f"https://www.ebi.ac.uk/biostudies/bioimages/studies/{accession}"
    if archive == "empiar":
        return f"https://www.ebi.ac.uk/empiar/{accession}/"
    if archive == "hub":
        return f"{ARCHIVES[archive].homepage}dataset/hub/{accession}"
    if archive == "idr":
        return f"https://idr.openmicroscopy.org/study/{accession}/"
    path = "repository" if accession.startswith("ssbd-repos-") else "database/project"
    return f"https://ssbd.riken.jp/{path}/{accession}/"


def _refusal(text: str) -> ValueError:
    return ValueError(
        f"{text[:200]!r} is not an accession: expected one such as S-BIAD824, EMPIAR-10310, idr0094, "
        "ssbd-repos-000011 or 108-Sugita-RPEiPSCell, or the address of its page"
    )
