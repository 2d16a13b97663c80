"""Sitemaps of web sites: which pages there are, and when each was last changed.

XML sitemaps, indexes of sitemaps and plain lists are read, packed with gzip or not. A sitemap speaks for its own host
only. What it lists beside that is not followed but named, so that nothing goes missing without a word.
Source: https://www.sitemaps.org/protocol.html
"""

from __future__ import annotations

import gzip
import io
import re
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urldefrag, urljoin, urlsplit

from harvesters import markup
from harvesters.contract import SourceError
from ontology import dates, identifiers

# The protocol's own limits, and how many sitemaps one site may have here.
MAX_BYTES: Final = 52_428_800
MAX_URLS: Final = 50_000
MAX_SITEMAPS: Final = 1_000
GZIP: Final = b"\x1f\x8b"
BLANKS: Final = b"\xef\xbb\xbf \t\r\n"
SITEMAP: Final = re.compile(r"(?i)[^/]*sitemap[^/]*|[^/]+\.(?:xml|txt)(?:\.gz)?")
ROBOTS_LINE: Final = re.compile(r"(?im)^[ \t]*sitemap[ \t]*:[ \t]*(\S+)")
# Source: https://www.w3.org/TR/NOTE-datetime
W3C_TIME: Final = re.compile(
    r"\d{4}(?:-\d\d(?:-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d))?)?)?", re.ASCII
)


@dataclass(slots=True)
class Listing:
    """What the sitemaps of a site list.

    Attributes:
        pages: address → time of the last change, as written; None when it is not told or no time.
        strays: what is listed and not followed: of other hosts, or no web address.
    """

    pages: dict[str, str | None] = field(default_factory=dict)
    strays: list[str] = field(default_factory=list)


def is_sitemap(url: str) -> bool:
    """Tell the address of a sitemap from that of a site.

    >>> is_sitemap("https://example.org/sitemap_index.xml.gz"), is_sitemap("https://example.org/data/")
    (True, False)
    """
    return SITEMAP.fullmatch(urlsplit(url).path.rpartition("/")[2]) is not None


def named_in(robots: bytes, url: str) -> list[str]:
    r"""Return the addresses of the sitemaps that a robots.txt names.

    >>> named_in(b"User-agent: *\nSitemap: /a.xml", "https://example.org/robots.txt")
    ['https://example.org/a.xml']
    """
    found = ROBOTS_LINE.findall(robots.decode("utf-8-sig", "replace"))
    return list(dict.fromkeys(urljoin(url, address) for address in found))


def read(get: Callable[[str], bytes], starts: Iterable[str]) -> Listing:
    """Return what the sitemaps list, those that they name included, each read once.

    Args:
        get: gives the bytes of a sitemap.
        starts: addresses of sitemaps; names of files where the site lies in a folder.

    Raises:
        SourceError: one is refused, cut short, no sitemap, or beyond the protocol's limits.
    """
    waiting = list(starts)
    seen = set(waiting)
    listing = Listing()
    host: str | None = None
    for address in waiting:
        if len(waiting) > MAX_SITEMAPS:
            raise SourceError(f"{address}: the site has more than {MAX_SITEMAPS} sitemaps")
        is_index, listed = _parsed(get(address), address)
        own = _host(address) or host
        for written, changed in listed:
            url = urldefrag(written)[0]
            own = own or _host(url)
            if not _is_address(url) or _host(url) != own:
                listing.strays.append(written)
            elif not is_index:
                listing.pages[url] = _later(listing.pages.get(url), changed)
            elif url not in seen:
                seen.add(url)
                waiting.append(url)
        host = host or own
    return listing


def _is_address(url: str) -> bool:
    try:
        identifiers.iri(url)
    except ValueError:
        return False
    return True


def _host(url: str) -> str | None:
    try:
        parts = urlsplit(url)
        return f"{parts.hostname}:{parts.port or ''}" if parts.hostname else None
    except ValueError:
        return None


def _later(known: str | None, changed: str | None) -> str | None:
    return max(filter(None, (known, changed)), default=None)


def _parsed(body: bytes, address: str) -> tuple[bool, list[tuple[str, str | None]]]:
    """Return whether a sitemap is an index, and its addresses with the times of their last change."""
    body = _unpacked(body, address)
    listed: list[tuple[str, str | None]]
    if body.lstrip(BLANKS).startswith(b"<"):
        is_index, listed = _from_xml(body, address)
    else:
        is_index, listed = False, [(line, None) for line in _lines(body, address)]
    if not listed:
        raise SourceError(f"{address} lists nothing")
    if len(listed) > MAX_URLS:
        raise SourceError(f"{address} lists more than the {MAX_URLS} addresses that a sitemap may hold")
    return is_index, listed


def _unpacked(body: bytes, address: str) -> bytes:
    try:
        if body.startswith(GZIP):
            with gzip.GzipFile(fileobj=io.BytesIO(body)) as packed:
                body = packed.read(MAX_BYTES + 1)
    except (OSError, EOFError, zlib.error) as err:
        raise SourceError(f"{address} is no complete gzip file") from err
    if len(body) > MAX_BYTES:
        raise SourceError(f"{address} is longer than the {MAX_BYTES} bytes that a sitemap may have")
    return body


def _from_xml(body: bytes, address: str) -> tuple[bool, list[tuple[str, str | None]]]:
    try:
        root = markup.parse(body)
    except ValueError as err:
        raise SourceError(f"{address} is no sitemap: {err}") from err
    kind = markup.name(root)
    if kind not in ("urlset", "sitemapindex"):
        raise SourceError(f"{address} is no sitemap: its root element is {kind!r}")
    return kind == "sitemapindex", [_item(element) for element in root]


def _item(element: markup.Element) -> tuple[str, str | None]:
    said = {markup.name(child): (child.text or "").strip() for child in element}
    return said.get("loc", ""), _time(said.get("lastmod", ""))


def _time(written: str) -> str | None:
    try:
        return written if W3C_TIME.fullmatch(written) and dates.date(written) else None
    except ValueError:
        return None


def _lines(body: bytes, address: str) -> Iterator[str]:
    for line in body.decode("utf-8-sig", "replace").splitlines():
        if line.strip() and not line.strip().startswith(("http://", "https://")):
            raise SourceError(f"{address} is no sitemap: neither XML nor one web address on each line")
        if line.strip():
            yield line.strip()
