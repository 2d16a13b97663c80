"""Rows of the tables of papers, and what their readers have in common.

A paper stands as an IRI of one of its spellings: DOI, PubMed or PubMed Central. A dataset stands as archive and name,
as in its IRI (``empiar/EMPIAR-10310``), an EMDB entry as ``emdb/EMD-1234``, and a data DOI that names no accession as
IRI.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from harvesters.references.contract import Row
from ontology import archives, identifiers
from ontology.text import clean, drop_emails, without_tags

DOI, PUBMED, PMC = "https://doi.org/", "https://pubmed.ncbi.nlm.nih.gov/", "https://www.ncbi.nlm.nih.gov/pmc/articles/"
MENTIONS = "Mentions"
MAX_QUOTE = 600
_BARE_DOI = re.compile(r"10\.\d{4,9}/\S+", re.ASCII)
_UNUSUAL = re.compile(r"[^\w.()/:;-]", re.ASCII)
_EMDB = re.compile(r"EMD-?(\d{4,6})", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Work:
    """What one service says of a paper.

    Attributes:
        id: IRI of the paper.
        title: without tags.
        authors: name and ORCID IRI, or None, of each.
        journal: its name.
        published: ISO 8601 date, as exact as it is known.
        kind: the service's word, such as ``journal-article``.
        is_retracted: whether the service says that the paper was retracted.
    """

    id: str
    title: str | None = None
    authors: tuple[tuple[str, str | None], ...] = ()
    journal: str | None = None
    published: str | None = None
    kind: str | None = None
    is_retracted: bool = False

    def row(self) -> Row:
        """Return its row of the table ``work``."""
        people = json.dumps(self.authors, ensure_ascii=False)
        cells = (self.id, self.title, people, self.journal, self.published, self.kind, int(self.is_retracted))
        return "work", cells


@dataclass(frozen=True, slots=True)
class Named:
    """Where a paper and a dataset are connected.

    Attributes:
        dataset: archive and name, or the IRI of a DOI.
        paper: IRI of one of the paper's spellings.
        relation: what the dataset is to the paper, as DataCite calls it, or ``Mentions`` where a text was mined.
        provider: who says so.
        written: how the source has the dataset.
        section: of the paper's text.
        quote: the sentence, or what stands round the accession.
    """

    dataset: str
    paper: str
    relation: str
    provider: str = ""
    written: str = ""
    section: str = ""
    quote: str = ""

    def row(self) -> Row:
        """Return its row of the table ``named``."""
        quote = drop_emails(self.quote)[:MAX_QUOTE]
        return "named", (self.dataset, self.paper, self.relation, self.provider, self.written, self.section, quote)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a service answered on one identifier; kept as one line of JSON.

    Attributes:
        id: the identifier, as an IRI or accession.
        asked: the day, ISO 8601.
        found: what is read of the answer; None when the service does not know it.
    """

    id: str
    asked: str
    found: Mapping[str, Any] | None = field(default=None)

    def line(self) -> bytes:
        """Return it as a line of JSON."""
        told = {"id": self.id, "asked": self.asked, "found": self.found}
        return json.dumps(told, ensure_ascii=False, sort_keys=True).encode() + b"\n"

    @classmethod
    def read(cls, line: bytes) -> Answer:
        """Return the answer of a line.

        Raises:
            ValueError: not such a line.
        """
        try:
            told = json.loads(line)
            return cls(str(told["id"]), str(told["asked"]), told["found"])
        except (TypeError, KeyError) as err:
            raise ValueError(f"not an answer that was kept: {line[:80]!r}") from err


def answered(lines: Iterable[bytes], rows: Callable[[str, Mapping[str, Any]], Iterator[Row]]) -> Iterator[Row]:
    """Yield the rows of kept answers: that each was asked, and what ``rows`` makes of those that were found."""
    for line in lines:
        answer = Answer.read(line)
        agency = (answer.found or {}).get("agency")
        is_found = answer.found is not None and "agency" not in answer.found
        yield "asked", (answer.id, int(is_found), agency)
        if answer.found is not None and is_found:
            yield from rows(answer.id, answer.found)


def doi(text: object) -> str | None:
    """Return the bare DOI as it stands in its IRI, in lower case and escaped, or None.

    >>> doi("https://doi.org/10.7554/eLife.26066"), doi("PMC1")
    ('10.7554/elife.26066', None)
    """
    plain = str(text or "").strip().lower()
    bare = plain[plain.find("10.") :] if plain.startswith(("http", "doi:")) else plain
    if not _BARE_DOI.fullmatch(bare) or not _UNUSUAL.search(bare):
        return bare if _BARE_DOI.fullmatch(bare) else None
    try:
        return identifiers.doi(bare).removeprefix(DOI)
    except ValueError:
        return None


def number(text: object) -> int | None:
    """Return the number of a PubMed or PubMed Central id, or None.

    >>> number("PMC5659819"), number("29067936"), number("0"), number("")
    (5659819, 29067936, None, None)
    """
    plain = str(text or "").strip().upper().removeprefix("PMC")
    return int(plain) or None if plain.isdecimal() and len(plain) < 10 else None


def ids(pmid: object, pmcid: object, written_doi: object) -> Iterator[Row]:
    """Yield the row that joins the identifiers of a paper, if there are two at least."""
    found = (number(pmid), number(pmcid), doi(written_doi))
    if sum(one is not None for one in found) > 1:
        yield "ids", found


def paper(pmid: object = None, pmcid: object = None, written_doi: object = None) -> str | None:
    """Return the IRI of a paper by the best of its identifiers."""
    for parse, value in ((identifiers.doi, doi(written_doi)), (identifiers.pmid, number(pmid))):
        if value is not None:
            try:
                return parse(str(value))
            except ValueError:
                continue
    central = number(pmcid)
    return f"{PMC}PMC{central}" if central else None


def dataset(text: str) -> str | None:
    """Return archive and name of the dataset or EMDB entry that an accession, address or DOI means, or None.

    >>> dataset("10.6019/EMPIAR-10310"), dataset("EMD-25107"), dataset("S-EPMC7537588")
    ('empiar/EMPIAR-10310', 'emdb/EMD-25107', None)
    """
    if found := _EMDB.fullmatch(text.strip()):
        return f"emdb/EMD-{found[1]}"
    return archives.named(text)


def said(text: object) -> str | None:
    """Return a text without tags, blanks at its ends and e-mail addresses; None where there is none."""
    return drop_emails(clean(without_tags(str(text)))).replace("\n", " ").strip() or None if text else None


def orcid(text: object) -> str | None:
    """Return the IRI of an ORCID, or None where it is none."""
    try:
        return identifiers.orcid(str(text)) if text else None
    except ValueError:
        return None
