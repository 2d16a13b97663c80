"""Example images of datasets, as readers get them: the hub's own small copies, or a drawn placeholder.

A copy is a file of its own content, ``thumbnails/copies/<aa>/<sha256>``; ``thumbnails/addresses/<aa>/<sha256 of the
address>`` is a link to the last good copy of what stood at an address, which stays when the original dies. Readers'
requests only look here. `hub.thumbnail_copies` makes the copies.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote
from xml.sax.saxutils import escape

from hub.config import Settings
from hub.records import NOT_XML
from ontology import archives

SIDE_PX = 320
CONTENT_TYPE = "image/webp"
PLACEHOLDER_TYPE = "image/svg+xml"
LINE_CHARS = 18
MAX_LINES = 4
MAX_NAME_CHARS = 200
# Colours of placeholders: (ground, drawing), dark enough for the white letters on top.
COLOURS = (
    ("#26455c", "#3d6a8a"), ("#2c4f49", "#43796f"), ("#4b3f63", "#6f5e91"), ("#5a4332", "#87674d"),
    ("#5b3a48", "#88586d"), ("#3d4a2f", "#5f7349"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Copy:
    """The hub's copy of an image: its SHA-256 and its bytes, always WebP."""

    sha256: str
    body: bytes


def folder(settings: Settings) -> Path:
    """Return the folder of copies and of what is known of addresses."""
    return settings.data_dir / "thumbnails"


def copy_path(home: Path, sha256: str) -> Path:
    """Return where the copy of that SHA-256 lies."""
    return home / "copies" / sha256[:2] / sha256


def link_path(home: Path, address: str) -> Path:
    """Return where the link to the last good copy of an address lies."""
    digest = hashlib.sha256(address.encode()).hexdigest()
    return home / "addresses" / digest[:2] / digest


def copy_of(home: Path, address: str) -> Copy | None:
    """Return the last good copy of what stands, or stood, at an address; None when there is none."""
    try:
        sha256 = os.readlink(link_path(home, address)).rpartition("/")[2]  # noqa: PTH115 (each image asks)
        return Copy(sha256, copy_path(home, sha256).read_bytes())
    except OSError:
        return None


def page_address(archive: str, accession: str, n: int = 0) -> str:
    """Return the path of a dataset's image on this hub.

    >>> page_address("idr", "idr0001", 2)
    '/thumbnail/idr/idr0001?n=2'
    """
    return f"/thumbnail/{quote(archive)}/{quote(accession)}?n={n}"


def placeholder(archive: str, accession: str) -> bytes:
    """Return a drawing with the names of archive and accession, as SVG: the same each time."""
    archive, accession = (
        NOT_XML.sub("\N{REPLACEMENT CHARACTER}", name[:MAX_NAME_CHARS]) for name in (archive, accession)
    )
    digest = hashlib.sha256(f"{archive}/{accession}".encode()).digest()
    ground, ink = COLOURS[digest[0] % len(COLOURS)]
    spots = (digest[place : place + 3] for place in range(1, 22, 3))
    circles = "".join(
        f'<circle cx="{x * SIDE_PX // 255}" cy="{y * SIDE_PX // 255}" r="{14 + size % 34}"/>' for x, y, size in spots
    )
    known = archives.ARCHIVES.get(archive)
    lines = [*_lines(known.title if known else archive), *_lines(accession)]
    top = SIDE_PX // 2 - 13 * (len(lines) - 1)
    text = "".join(f'<text x="160" y="{top + 26 * row}">{escape(line)}</text>' for row, line in enumerate(lines))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {SIDE_PX} {SIDE_PX}" width="{SIDE_PX}" '
        f'height="{SIDE_PX}" role="img"><title>{escape(f"No image of {accession}")}</title>'
        f'<rect width="{SIDE_PX}" height="{SIDE_PX}" fill="{ground}"/>'
        f'<g fill="none" stroke="{ink}" stroke-width="6">{circles}</g>'
        f'<g fill="#fff" font-family="system-ui, sans-serif" font-size="22" text-anchor="middle" '
        f'dominant-baseline="middle">{text}</g></svg>'
    ).encode()


def _lines(words: str) -> list[str]:
    """Return a name in at most four lines, cut where it is longer."""
    lines = [""]
    for word in words.split():
        if lines[-1] and len(lines[-1]) + len(word) >= LINE_CHARS:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return [line if len(line) <= LINE_CHARS + 4 else f"{line[: LINE_CHARS + 3]}…" for line in lines[:MAX_LINES]]
