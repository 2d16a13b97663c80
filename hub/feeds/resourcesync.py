"""ResourceSync documents over the log: what there is to copy, and what changed.

A resource is one record's file (:mod:`hub.feeds.events`), at one address for ever. A resource list is one of a number
of the log, so its parts fit together however often the hub publishes while somebody reads them; each entry also leads
to the file of just that version (``memento``), whose bytes are those of the list for ever.

Source: https://www.openarchives.org/rs/1.1/resourcesync
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final
from xml.etree import ElementTree as ET

import sqlalchemy as sa

from hub.feeds import events
from hub.feeds.events import Measures
from hub.feeds.journal import ACTIVE, Journal
from hub.feeds.spans import spans
from hub.formats import NTRIPLES, UTF8
from hub.log import Version, versions

SITEMAP: Final = "http://www.sitemaps.org/schemas/sitemap/0.9"
TERMS: Final = "http://www.openarchives.org/rs/terms/"
MEDIA_TYPE: Final = f"application/xml{UTF8}"
# Changes to a part of a list; the standard allows 50,000 entries, but a part is to be made while somebody waits.
PART: Final = 1000
# Changes in the list of the latest ones.
LATEST: Final = 2000
_CHANGES: Final = {"create": "created", "update": "updated", "delete": "deleted"}
# Where things are, below the hub's address.
DESCRIPTION: Final = ".well-known/resourcesync"
CAPABILITIES: Final = "capabilitylist.xml"
RESOURCES: Final = "resourcelist.xml"
CHANGES: Final = "changelist.xml"
CHANGE_INDEX: Final = "changelist-index.xml"
NEVER: Final = "1970-01-01T00:00:00Z"


@dataclass(frozen=True, slots=True)
class Link:
    """A link of a document or entry: its relation, address and type."""

    rel: str
    href: str
    type: str = "application/xml"


class Lists:
    """The ResourceSync documents of the visible part of a log.

    Args:
        journal: the visible part of the log.
        base: the hub's base IRI.
        root: address of the hub as the caller wrote it, without a slash at the end.
        measures: of the files.
        part: number of changes to a part of a list.
    """

    def __init__(self, journal: Journal, base: str, root: str, measures: Measures, *, part: int = PART) -> None:
        self._journal, self._base, self._root, self._measures, self._part = journal, base, root, measures, part

    def description(self) -> bytes:
        """Return the Source Description, which leads to the Capability List."""
        document = _Document(
            "urlset", {"capability": "description"}, [Link("describedby", f"{self._root}/", "text/html")]
        )
        document.add(self._at(CAPABILITIES), md={"capability": "capabilitylist"})
        return document.write()

    def capabilities(self) -> bytes:
        """Return the Capability List."""
        links = [self._home(), Link("up", self._at(DESCRIPTION))]
        document = _Document("urlset", {"capability": "capabilitylist"}, links)
        document.add(self._at(RESOURCES), md={"capability": "resourcelist"})
        document.add(self._at(CHANGES), md={"capability": "changelist"})
        return document.write()

    # --- resource lists

    def resource_index(self) -> bytes:
        """Return the index of the Resource List of the last visible change."""
        until, at = self._journal.until, _last_time(self._journal)
        document = _Document("sitemapindex", {"capability": "resourcelist", "at": at}, self._up())
        parts = self._parts_with_resources(until)
        seen = self._journal.seen_at([*parts.values()])
        for number, last in parts.items():
            document.add(self._at(f"resourcelist/{until}/{number:06}.xml"), seen[last], {"at": at})
        return document.write()

    def resource_list(self, until: int, number: int) -> bytes | None:
        """Return a part of the Resource List of a change: the resources whose last change up to it is in a span.

        Returns:
            The document; None when that change is not visible yet, or has no such part.
        """
        after = number * self._part
        if until > self._journal.until or after >= until:
            return None
        links = [*self._up(), Link("index", self._at(RESOURCES))]
        at = _last_time(Journal(self._journal.log, until))
        document = _Document("urlset", {"capability": "resourcelist", "at": at}, links)
        found = self._standing(after, min(until, after + self._part), until)
        seen = self._journal.seen_at([version.sequence for version in found])
        for version in found:
            measure = self._measures.of(self._base, version)
            md = {
                "hash": f"sha-256:{measure.sha256}",
                "length": str(measure.size_bytes),
                "type": NTRIPLES.media_type,
            }
            document.add(self._file(version), seen[version.sequence], md, [self._memento(version), _about(version)])
        return document.write()

    def _standing(self, after: int, to: int, until: int) -> list[Version]:
        """Return the versions made by changes of a span that stood at a change, of records that were public then."""
        numbers = self._last(until).where(versions.c.sequence > after, versions.c.sequence <= to)
        with self._journal.log.engine.connect() as db:
            wanted = {int(number) for number in db.scalars(numbers)}
        told = Journal(self._journal.log, to).since(after, self._part)
        return [one for one in told if one.sequence in wanted and events.kind(one) != "delete"]

    def _parts_with_resources(self, until: int) -> dict[int, int]:
        """Return the number of the last change of each part that has resources."""
        number = ((versions.c.sequence - 1) // self._part).label("number")
        query = self._last(until).with_only_columns(number, sa.func.max(versions.c.sequence))
        with self._journal.log.engine.connect() as db:
            return {int(part): int(last) for part, last in db.execute(query.group_by(number).order_by(number))}

    def _last(self, until: int) -> sa.Select[Any]:
        """Return a query for the numbers of changes that were the last of a record at a change, and left it public."""
        later = versions.alias("later")
        same = (later.c.source == versions.c.source) & (later.c.accession == versions.c.accession)
        is_later = same & (later.c.sequence > versions.c.sequence) & (later.c.sequence <= until)
        is_public = (versions.c.state == ACTIVE) & versions.c.content.is_not(None)
        return sa.select(versions.c.sequence).where(
            versions.c.sequence <= until, is_public, ~sa.exists().where(is_later)
        )

    # --- change lists

    def latest_changes(self, most: int = LATEST) -> bytes:
        """Return the open Change List of the latest changes, of at most so many."""
        after = max(0, self._journal.until - most)
        return self._change_list(after, self._journal.until, is_open=True)

    def change_index(self) -> bytes:
        """Return the index of all Change Lists."""
        parts = spans(self._journal, self._part)
        seen = self._journal.seen_at([number for part in parts for number in (part.first, part.last)])
        begin = seen[parts[0].first] if parts else NEVER
        document = _Document("sitemapindex", {"capability": "changelist", "from": begin}, self._up())
        for part in parts:
            md = {"from": seen[part.first]} | ({"until": seen[part.last]} if part.is_full else {})
            document.add(self._at(f"changelist/{part.number:06}.xml"), seen[part.last], md)
        return document.write()

    def change_list(self, number: int) -> bytes | None:
        """Return the Change List of a span of changes, closed unless it may grow; None when there is none."""
        after = number * self._part
        if after >= self._journal.until:
            return None
        to = after + self._part
        return self._change_list(after, min(to, self._journal.until), is_open=to > self._journal.until)

    def _change_list(self, after: int, to: int, *, is_open: bool) -> bytes:
        told = Journal(self._journal.log, to).since(after, to - after) if to > after else []
        seen = self._journal.seen_at([version.sequence for version in told])
        times = [seen[version.sequence] for version in told] or [_last_time(self._journal)]
        md = {"capability": "changelist", "from": times[0]} | ({} if is_open else {"until": times[-1]})
        document = _Document("urlset", md, [*self._up(), Link("index", self._at(CHANGE_INDEX))])
        for version, at in zip(told, times, strict=False):
            self._add_change(document, version, at)
        return document.write()

    def _add_change(self, document: _Document, version: Version, at: str) -> None:
        kind = events.kind(version)
        md = {"change": _CHANGES[kind], "datetime": at}
        links = [_about(version)]
        if kind != "delete":
            measure = self._measures.of(self._base, version)
            md |= {"hash": f"sha-256:{measure.sha256}", "length": str(measure.size_bytes), "type": NTRIPLES.media_type}
            links.insert(0, self._memento(version))
        document.add(self._file(version), at, md, links)

    # --- parts of entries

    def _at(self, path: str) -> str:
        return f"{self._root}/{path}"

    def _home(self) -> Link:
        return Link("describedby", self._at(""), "text/html")

    def _up(self) -> list[Link]:
        return [Link("up", self._at(CAPABILITIES))]

    def _file(self, version: Version) -> str:
        return self._at(events.file_path(version.source, version.accession))

    def _memento(self, version: Version) -> Link:
        path = events.file_path(version.source, version.accession, version.sequence)
        return Link("memento", self._at(path), NTRIPLES.media_type)


def _last_time(journal: Journal) -> str:
    """Return from when on readers could see the last visible change."""
    known = sa.select(sa.func.max(versions.c.sequence)).where(versions.c.sequence <= journal.until)
    with journal.log.engine.connect() as db:
        last = db.scalar(known)
    return journal.seen_at([last])[last] if last is not None else NEVER


def _about(version: Version) -> Link:
    """Return the link from a record's file to the dataset that it describes."""
    return Link("describes", version.iri, "text/html")


class _Document:
    """A sitemap with the elements of ResourceSync, or an index of such."""

    def __init__(self, kind: str, md: dict[str, str], links: Iterable[Link]) -> None:
        ET.register_namespace("", SITEMAP)
        ET.register_namespace("rs", TERMS)
        self._root = ET.Element(f"{{{SITEMAP}}}{kind}")
        self._entry = "sitemap" if kind == "sitemapindex" else "url"
        for link in links:
            _put_link(self._root, link)
        ET.SubElement(self._root, f"{{{TERMS}}}md", md)

    def add(
        self, address: str, lastmod: str = "", md: dict[str, str] | None = None, links: Iterable[Link] = ()
    ) -> None:
        """Add an entry."""
        entry = ET.SubElement(self._root, f"{{{SITEMAP}}}{self._entry}")
        ET.SubElement(entry, f"{{{SITEMAP}}}loc").text = address
        if lastmod:
            ET.SubElement(entry, f"{{{SITEMAP}}}lastmod").text = lastmod
        if md:
            ET.SubElement(entry, f"{{{TERMS}}}md", md)
        for link in links:
            _put_link(entry, link)

    def write(self) -> bytes:
        """Return the document."""
        written: bytes = ET.tostring(self._root, encoding="utf-8", xml_declaration=True)
        return written


def _put_link(parent: ET.Element, link: Link) -> None:
    ET.SubElement(parent, f"{{{TERMS}}}ln", rel=link.rel, href=link.href, type=link.type)
