"""Atom feeds: a title, entries newest first, and where they come from.

Source: https://www.rfc-editor.org/rfc/rfc4287 · https://www.rfc-editor.org/rfc/rfc5005
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final
from xml.etree import ElementTree as ET

from hub.formats import UTF8, Format
from hub.records import NOT_XML

NAMESPACE: Final = "http://www.w3.org/2005/Atom"
HISTORY: Final = "http://purl.org/syndication/history/1.0"
FORMAT: Final = Format("atom", "application/atom+xml", ".atom", "page", (), UTF8)
NEVER: Final = "1970-01-01T00:00:00Z"


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a feed.

    Attributes:
        id: an IRI that stands for this entry for ever.
        title: in plain text.
        updated: ISO 8601 time in UTC.
        link: address of the page about it.
        summary: in plain text.
        categories: terms that it is filed under.
    """

    id: str
    title: str
    updated: str
    link: str
    summary: str = ""
    categories: tuple[str, ...] = ()


def feed(title: str, here: str, page: str, entries: Iterable[Entry], history: Mapping[str, str] | None = None) -> bytes:
    """Return a feed.

    Args:
        title: of the feed.
        here: the feed's own address, which is its id.
        page: address of the page that shows the same.
        entries: the newest first.
        history: addresses of the other documents of the feed, by relation (``prev-archive``, ``next-archive``,
            ``current``); one with ``current`` is an archive itself, which does not change any more (RFC 5005).
    """
    ET.register_namespace("", NAMESPACE)
    ET.register_namespace("fh", HISTORY)
    told = list(entries)
    root = ET.Element(f"{{{NAMESPACE}}}feed")
    _put(root, "id", here)
    _put(root, "title", title)
    _put(root, "updated", max((entry.updated for entry in told), default=NEVER))
    _link(root, "self", here, FORMAT.media_type)
    _link(root, "alternate", page, "text/html")
    for rel, address in (history or {}).items():
        _link(root, rel, address, FORMAT.media_type)
    if "current" in (history or {}):
        ET.SubElement(root, f"{{{HISTORY}}}archive")
    _put(ET.SubElement(root, f"{{{NAMESPACE}}}author"), "name", "Bioimage Hub")
    for entry in told:
        _entry(ET.SubElement(root, f"{{{NAMESPACE}}}entry"), entry)
    written: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return written


def _entry(node: ET.Element, entry: Entry) -> None:
    _put(node, "id", entry.id)
    _put(node, "title", entry.title)
    _put(node, "updated", entry.updated)
    _link(node, "alternate", entry.link, "text/html")
    for term in entry.categories:
        ET.SubElement(node, f"{{{NAMESPACE}}}category", term=term)
    if entry.summary:
        _put(node, "summary", entry.summary)


def _link(parent: ET.Element, rel: str, href: str, media_type: str) -> None:
    ET.SubElement(parent, f"{{{NAMESPACE}}}link", rel=rel, type=media_type, href=href)


def _put(parent: ET.Element, name: str, text: str) -> None:
    ET.SubElement(parent, f"{{{NAMESPACE}}}{name}").text = NOT_XML.sub("\N{REPLACEMENT CHARACTER}", text)
