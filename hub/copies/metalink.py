"""How a reader is told of all copies of a file: headers of an answer, and a Metalink document.

Source: https://www.rfc-editor.org/rfc/rfc6249 · https://www.rfc-editor.org/rfc/rfc5854
"""

from __future__ import annotations

import base64
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final
from xml.etree import ElementTree as ET

from hub.copies.catalogue import File

NAMESPACE: Final = "urn:ietf:params:xml:ns:metalink"
CONTENT_TYPE: Final = "application/metalink4+xml"
SUFFIX: Final = ".meta4"


@dataclass(frozen=True, slots=True)
class Place:
    """An address of a copy, with its priority (1 is the best) and its country code or ""."""

    url: str
    priority: int
    region: str = ""


def digest(sha256: str) -> str:
    """Return the value of the header Digest for a SHA-256 in hexadecimal digits.

    >>> digest("00" * 32)
    'SHA-256=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA='
    """
    return f"SHA-256={base64.b64encode(bytes.fromhex(sha256)).decode()}"


def repr_digest(sha256: str) -> str:
    """Return the value of the headers Repr-Digest and Content-Digest (RFC 9530)."""
    return f"sha-256=:{base64.b64encode(bytes.fromhex(sha256)).decode()}:"


def link(places: Iterable[Place], metalink: str) -> str:
    """Return the value of the header Link: the copies in their order, and the Metalink document."""
    told = [
        f"<{place.url}>; rel=duplicate; pri={number}" + (f"; geo={place.region}" if place.region else "")
        for number, place in enumerate(places, 1)
    ]
    return ", ".join([*told, f'<{metalink}>; rel=describedby; type="{CONTENT_TYPE}"'])


def document(file: File, places: Iterable[Place], published: str) -> bytes:
    """Return the Metalink document of a file."""
    root = ET.Element("metalink", xmlns=NAMESPACE)
    ET.SubElement(root, "published").text = published
    node = ET.SubElement(root, "file", name=file.path)
    if file.length is not None:
        ET.SubElement(node, "size").text = str(file.length)
    for kind, value in (("sha-256", file.digest), ("md5", file.md5)):
        if value:
            ET.SubElement(node, "hash", type=kind).text = value
    for number, place in enumerate(places, 1):
        url = ET.SubElement(node, "url", priority=str(number))
        url.text = place.url
        if place.region:
            url.set("location", place.region)
    return bytes(ET.tostring(root, encoding="utf-8", xml_declaration=True))
