"""The files of a dataset, each under a path of its own that stays the same from harvest to harvest."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from hub import manifests
from linkml_schemas.generated.model import Dataset, Distribution

MAX_PATH_CHARS = 1000
_UNSAFE = re.compile(r"[\x00-\x1f\x7f\\]")


@dataclass(frozen=True, slots=True)
class Told:
    """What an archive tells of one file.

    Attributes:
        path: under which the hub has it; safe as a relative path.
        url: where the archive has it.
        size: in bytes, or None.
        sha256: in hexadecimal digits, or None.
        md5: in hexadecimal digits, or None.
    """

    path: str
    url: str
    size: int | None = None
    sha256: str | None = None
    md5: str | None = None


def files_of(record: Dataset) -> list[Told]:
    """Return the files that a record names with an address of their own, in the record's order.

    Folders are not expanded. A second file of a path that is taken gets a digest of its address into its name.
    """
    found: dict[str, Told] = {}
    for item in filter(_is_reachable, manifests.files_of(record)):
        assert item.content_url is not None
        path = path_of(item.content_url, str(record.accession))
        known = found.get(path)
        if known is not None and known.url == item.content_url:
            continue
        if known is not None:
            path = _with_digest(path, item.content_url)
        found[path] = Told(path, item.content_url, item.size_bytes, item.sha256, item.md5)
    return list(found.values())


def _is_reachable(item: Distribution) -> bool:
    """Whether an item is one file that can be had over HTTP."""
    try:
        parts = urlsplit(item.content_url or "")
        return parts.scheme in ("http", "https") and bool(parts.hostname) and manifests.is_file(item)
    except ValueError:
        return False


def path_of(url: str, accession: str) -> str:
    """Return the path of a file within its dataset: what follows the accession in its address, else the whole.

    >>> path_of("https://ftp.ebi.ac.uk/biostudies/fire/S-BIAD/824/S-BIAD824/Files/a%20b.tif", "S-BIAD824")
    'Files/a b.tif'
    >>> path_of("https://example.org/x/../live.zip?v=2", "HUB-1")
    'x/live~56164415.zip'
    """
    parts = urlsplit(url)
    segments = list(_safe(parts.path.split("/")))
    places = [place for place, segment in enumerate(segments[:-1]) if segment.lower() == accession.lower()]
    path = "/".join(segments[places[-1] + 1 :] if places else segments) or "file"
    if parts.query or len(path) > MAX_PATH_CHARS:
        return _with_digest(path[-MAX_PATH_CHARS:].lstrip("/"), url)
    return path


def _safe(segments: Iterable[str]) -> Iterator[str]:
    for segment in segments:
        plain = unicodedata.normalize("NFC", unquote(segment, errors="replace"))
        for part in _UNSAFE.sub("_", plain).split("/"):
            if part not in ("", ".", ".."):
                yield part


def _with_digest(path: str, url: str) -> str:
    folder, slash, name = path.rpartition("/")
    stem, dot, suffix = name.partition(".")
    return f"{folder}{slash}{stem}~{hashlib.sha256(url.encode()).hexdigest()[:8]}{dot}{suffix}"
