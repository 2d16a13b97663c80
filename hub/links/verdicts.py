"""Curators' words on links: what may be said, and by whom; the links follow with the next update."""

from __future__ import annotations

import re
from collections.abc import Iterable

from hub.errors import NotFoundError, VerdictConflictError, VerdictError, VerdictForbiddenError
from hub.links.catalogue import CURATED, LinkRow, Links, Statement, Verdict
from hub.links.contract import link_id
from hub.links.engine import SYMMETRIC
from hub.records import NOT_XML
from ontology import identifiers
from ontology.text import has_email

ON_LINKS = ("accept", "reject", "withdraw")
MAX_NAME, MAX_NOTE = 200, 1000
FOLLOWS = "it counts from the next harvest, or `hub links update`"


def judge(links: Links, id: str, verdict: str, by: str, note: str | None = None, *, own_only: bool = False) -> Verdict:
    """Accept, reject or take back what was said of a link, and return the verdict.

    Args:
        links: the catalogue's links.
        id: the link's digest.
        verdict: ``accept``, ``reject`` or ``withdraw``.
        by: ORCID or name of the curator.
        note: why.
        own_only: take back one's own words only.

    Raises:
        NotFoundError: there is no such link.
        VerdictError: something cannot be read.
        VerdictConflictError: it is said already, or no rule finds the link any more.
        VerdictForbiddenError: it is another curator's word.
    """
    if verdict not in ON_LINKS:
        raise VerdictError(f"verdict: {verdict!r} is not one of {', '.join(ON_LINKS)}")
    curator, reason = person(by), remark(note)
    row = links.link(id)
    if row is None:
        raise NotFoundError(f"there is no link {id} in this hub")
    if row.kind != "link":
        raise VerdictError(f"{id} is a finding, not a link: verdicts are given on links")
    standing = links.last_verdict(row.statement)
    _check(row, verdict, standing)
    if verdict == "withdraw" and standing is not None and own_only and standing.attributed_to != curator:
        raise VerdictForbiddenError(
            f"the verdict on {id} is by {standing.attributed_to}: say accept or reject yourself"
        )
    return links.give_verdict(row.statement, verdict, curator, reason)


def _check(row: LinkRow, verdict: str, standing: Verdict | None) -> None:
    if verdict == "withdraw":
        if standing is None:
            raise VerdictConflictError(f"no verdict stands on {row.id}: there is nothing to withdraw")
        return
    if standing is not None and standing.verdict in (verdict, "add" if verdict == "accept" else verdict):
        raise VerdictConflictError(f"{row.id}: {standing.attributed_to} said {standing.verdict} already")
    if row.status == "gone" and standing is None:
        raise VerdictConflictError(f"{row.id} is gone, no rule finds it any more: add the link if it is right")


def add(links: Links, statement: Iterable[str], by: str, note: str | None = None) -> Verdict:
    """Say that a link holds that no rule found, and return the verdict; its id is ``curated_id(verdict)``.

    Args:
        links: the catalogue's links.
        statement: IRIs of subject, predicate and object.
        by: ORCID or name of the curator.
        note: why.

    Raises:
        VerdictError: something cannot be read.
        VerdictConflictError: a link says so already.
    """
    curator, reason = person(by), remark(note)
    said = normal(statement)
    standing = links.last_verdict(said)
    if standing is not None and standing.verdict in ("add", "accept"):
        raise VerdictConflictError(f"{standing.attributed_to} said so already, in verdict {standing.number}")
    for row in links.on_statement(said):
        if row.is_shown:
            advice = "accept it" if row.status == "candidate" else "there is nothing to add"
            raise VerdictConflictError(f"link {row.id} of rule {row.rule} says so already: {advice}")
    return links.give_verdict(said, "add", curator, reason)


def curated_id(verdict: Verdict) -> str:
    """Return the digest of the link that an added statement makes."""
    return link_id(CURATED, *verdict.statement)


def normal(statement: Iterable[str]) -> Statement:
    """Return a statement as links have it: IRIs in normal form, of a symmetric predicate the lesser one first.

    Raises:
        VerdictError: one of the three is no IRI, or it is about one thing only.
    """
    found = []
    for name, value in zip(("subject", "predicate", "object"), statement, strict=True):
        try:
            found.append(identifiers.iri(value))
        except ValueError as err:
            raise VerdictError(f"{name}: {err}") from err
    subject, predicate, obj = found
    if subject == obj:
        raise VerdictError("object: a link leads to another thing than its subject")
    if predicate in SYMMETRIC and subject > obj:
        subject, obj = obj, subject
    return subject, predicate, obj


def person(by: str) -> str:
    """Return a curator's ORCID IRI, or name.

    >>> person("0000-0002-1825-0097"), person(" Ada  Lovelace ")
    ('https://orcid.org/0000-0002-1825-0097', 'Ada Lovelace')

    Raises:
        VerdictError: neither.
    """
    text = " ".join(by.split())
    if re.search(r"orcid\.org|^\d{4}-\d{4}-", text):
        try:
            return identifiers.orcid(text)
        except ValueError as err:
            raise VerdictError(f"by: {err}") from err
    if not text or len(text) > MAX_NAME or not text.isprintable() or has_email(text):
        raise VerdictError(f"by: write an ORCID, or a name of at most {MAX_NAME} characters without e-mail address")
    return text


def remark(note: str | None) -> str | None:
    """Return a note as it is published with the link, None for an empty one.

    Raises:
        VerdictError: too long, or it holds an e-mail address or control characters.
    """
    text = (note or "").strip()
    if len(text) > MAX_NOTE or has_email(text) or NOT_XML.search(text):
        raise VerdictError(f"note: write at most {MAX_NOTE} characters, without e-mail addresses; it is published")
    return text or None
