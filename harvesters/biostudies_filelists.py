"""File lists of BioStudies: JSON of up to millions of files, counted in bounded memory.

A list is ``[{"path": …, "size": …, "type": "file", "attributes": […]}, …]``, or holds such lists. Attributes may be
``{}`` or ``{"value": "null"}``; nothing of them is needed here.

Source: https://github.com/EBIBioStudies/page-tab-specification (File List)
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO, Final

from harvesters.pagetab import File, file_facts

CHUNK_BYTES: Final = 1 << 20
MAX_ITEM_CHARS: Final = 4 << 20
# So many paths are remembered, to count a file of two lists once; 85 MB at the most.
MAX_PATHS: Final = 1_000_000
_BETWEEN: Final = re.compile(r"[\s,\[\]]*")
_LAST: Final = re.compile(
    r"\.(ome\.tiff?|ome\.zarr|(?:tar|nii|tiff?|ome\.tiff?)\.gz|[a-z][a-z0-9]{0,9}|[0-9][a-z]{1,4})$"
)


@dataclass(slots=True)
class Tally:
    """What a set of files comes to.

    Attributes:
        entries: lines of the list, each a file or a folder.
        folders: those that are folders, whose files nobody counted.
        unsized: those without a size.
        size_bytes: sum of the sizes.
        formats: extensions in lower case, "" for none; at most two, since more than one means that they are mixed.
    """

    entries: int = 0
    folders: int = 0
    unsized: int = 0
    size_bytes: int = 0
    formats: set[str] = field(default_factory=set)

    def add(self, path: str, size: int | None, is_folder: bool) -> None:
        """Count one entry."""
        self.entries += 1
        self.folders += is_folder
        self.unsized += size is None
        self.size_bytes += size or 0
        if len(self.formats) < 2:
            self.formats.add("" if is_folder else extension(path))

    @property
    def file_count(self) -> int | None:
        """Number of files; None where a folder hides how many."""
        return self.entries if self.entries and not self.folders else None

    @property
    def total_bytes(self) -> int | None:
        """Size in bytes; None where it is not known of every entry, or beyond what a record holds."""
        return self.size_bytes if self.entries and not self.unsized and self.size_bytes < 2**63 else None

    @property
    def format(self) -> str | None:
        """The one extension that all files share, or None."""
        return next(iter(self.formats)) or None if len(self.formats) == 1 else None


class Counter:
    """Counts the files of a study: each list by itself, and all together, each path once.

    Attributes:
        total: all files of the study.
        is_complete: False once a path could no longer be told from those met before.
    """

    def __init__(self) -> None:
        self.total = Tally()
        self.is_complete = True
        self._seen: set[int] = set()

    def attached(self, files: tuple[File, ...]) -> Tally:
        """Count the files that a section has itself."""
        tally = Tally()
        for file in files:
            self._add(tally, file.path, file.size, file.is_folder)
        return tally

    def listed(self, stream: BinaryIO) -> Tally:
        """Count the files of a file list.

        Raises:
            ValueError: it is not one, or is cut short.
        """
        tally = Tally()
        for item in items(stream):
            path = item.get("path", item.get("name"))
            if isinstance(path, str) and path:
                self._add(tally, path, *file_facts(item))
        return tally

    def _add(self, tally: Tally, path: str, size: int | None, is_folder: bool) -> None:
        tally.add(path, size, is_folder)
        key = hash(path)
        if key in self._seen:
            return
        if len(self._seen) < MAX_PATHS:
            self._seen.add(key)
        else:
            self.is_complete = False
        self.total.add(path, size, is_folder)


def extension(path: str) -> str:
    """Return the extension of a file in lower case, without dot, "" for none; ``ome.tif`` and ``tar.gz`` are one.

    >>> extension("a/im01.OME.TIFF"), extension("masks.nii.gz"), extension("v1.2 raw/README")
    ('ome.tiff', 'nii.gz', '')
    """
    found = _LAST.search(path.rpartition("/")[2].lower())
    return found[1] if found else ""


def items(stream: BinaryIO) -> Iterator[Mapping[str, Any]]:
    """Yield the objects of a JSON list, also of lists in it, holding one chunk of it at a time.

    Raises:
        ValueError: not a list of objects, cut short, not UTF-8, or one object of more than four million characters.
    """
    decoder = json.JSONDecoder()
    text = codecs.getincrementaldecoder("utf-8-sig")()
    buffer, depth, begun, ended = "", 0, False, False
    while not ended:
        chunk = stream.read(CHUNK_BYTES)
        buffer += text.decode(chunk, final=not chunk)
        ended, place = not chunk, 0
        while True:
            between = _BETWEEN.match(buffer, place)
            marks = between[0] if between else ""
            depth += marks.count("[") - marks.count("]")
            begun, place = begun or "[" in marks, place + len(marks)
            if place == len(buffer):
                break
            if depth < 1 or buffer[place] != "{":
                raise ValueError("the file list is not a list of files")
            try:
                item, place = decoder.raw_decode(buffer, place)
            except RecursionError as err:
                raise ValueError("the file list is nested too deeply") from err
            except json.JSONDecodeError as err:
                if ended or len(buffer) - place > MAX_ITEM_CHARS:
                    raise ValueError("the file list is cut short or not JSON") from err
                break
            yield item
        buffer = buffer[place:]
    if not begun or depth:
        raise ValueError("the file list is cut short or not JSON")
