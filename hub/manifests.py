"""One manifest of many datasets, in the forms that tools load: each a file, and all of them one archive.

Records are read once and every file is written along, into memory first and a temporary file from a megabyte on. A
manifest says nothing but what the snapshot says, so the same choice of the same snapshot gives the same bytes.

Source: https://docs.mlcommons.org/croissant/docs/croissant-spec.html ·
https://www.researchobject.org/ro-crate/specification/1.2/
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import IO, Any, Self
from urllib.parse import urlencode, urlsplit

from hub import citations, croissant, records, rocrate
from hub.baskets import Use, use_of
from hub.quality_feeds import FORMULA
from linkml_schemas.generated.model import Dataset, Distribution
from ontology.terms import UNKNOWN

FILES: dict[str, str] = {
    "datasets.json": "application/json",
    "croissant.json": "application/ld+json",
    "ro-crate-metadata.json": "application/ld+json",
    "datasets.csv": "text/csv; charset=utf-8",
    "urls.txt": "text/plain; charset=utf-8",
    "folders.txt": "text/plain; charset=utf-8",
    "citations.bib": "application/x-bibtex; charset=utf-8",
    "ATTRIBUTION.md": "text/markdown; charset=utf-8",
}
"""Media types of the files of a manifest."""
TITLES: dict[str, str] = {
    "datasets.json": "The pinned list of datasets",
    "croissant.json": "Croissant metadata",
    "ro-crate-metadata.json": "RO-Crate metadata",
    "datasets.csv": "Table of files",
    "urls.txt": "Addresses of files",
    "folders.txt": "Addresses of folders and pages",
    "citations.bib": "Citations in BibTeX",
    "ATTRIBUTION.md": "Attribution by licence",
}
LAYOUT = 1
"""To be raised when a file is written otherwise, so that what readers have kept is not taken for the same."""
MEMORY_BYTES = 1 << 20
PIECE_BYTES = 256 * 1024
MAX_NAMED = 50
COLUMNS = (
    "dataset", "archive", "accession", "title", "published", "licence", "commercial_use", "name", "format", "url",
    "folder", "size_bytes", "sha256", "md5", "images", "width_px", "height_px", "pixel_width_nm", "pixel_height_nm",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Pinned:
    """What a manifest is of.

    Attributes:
        base: the hub's base IRI.
        sequence: number of the snapshot.
        published: ISO 8601 time of the snapshot.
        asked: parameters that chose the datasets, in one order.
        is_commercial: whether only datasets that may be used commercially are wanted.
    """

    base: str
    sequence: int
    published: str
    asked: tuple[tuple[str, str], ...]
    is_commercial: bool = False

    def address(self, file: str = "") -> str:
        """Return the address of the manifest, or of one of its files."""
        asked = [*self.asked, *([("commercial", "1")] if self.is_commercial else [])]
        return f"{self.base}basket/manifest{file and '/' + file}?{urlencode(asked)}"


@dataclass(slots=True)
class Totals:
    """What the datasets of a manifest come to.

    Attributes:
        datasets: how many.
        bytes: sum of the sizes that are known.
        unsized: of how many datasets the size is not known.
        files: number of file addresses.
        folders: number of addresses of folders and pages.
        licences: how many datasets have each licence, by what it allows.
        left_out: IRI, title and reason of the datasets that were not wanted for their licence.
    """

    datasets: int = 0
    bytes: int = 0
    unsized: int = 0
    files: int = 0
    folders: int = 0
    licences: dict[Use, int] = field(default_factory=dict)
    left_out: list[dict[str, str]] = field(default_factory=list)


def files_of(record: Dataset) -> list[Distribution]:
    """Return what a dataset and its components give to download, each address once."""
    items = [*(record.distribution or []), *(d for part in record.has_part or [] for d in part.distribution or [])]
    return list({item.id: item for item in items if item.content_url or item.access_url}.values())


def is_file(item: Distribution) -> bool:
    """Whether the address is that of one file; an OME-Zarr image is a folder of many."""
    path = urlsplit(item.content_url or "").path.lower()
    name = path.rpartition("/")[2]
    if item.encoding_format and item.encoding_format.lower() in ("ome-zarr", "zarr", "n5"):
        return name.endswith((".zip", ".ozx", ".tar", ".tar.gz", ".tgz"))
    return bool(name) and not name.endswith((".zarr", ".n5"))


class _Spool:
    """Text that is written once and read once: in memory while it is short."""

    def __init__(self) -> None:
        self._file: IO[bytes] = tempfile.SpooledTemporaryFile(MEMORY_BYTES)  # noqa: SIM115 (lives as long as this)

    def write(self, text: str) -> None:
        """Append."""
        self._file.write(text.encode())

    def pieces(self) -> Iterator[bytes]:
        """Yield everything."""
        self._file.seek(0)
        while piece := self._file.read(PIECE_BYTES):
            yield piece

    def close(self) -> None:
        """Free the file."""
        self._file.close()


class _List(_Spool):
    """A JSON array, without its brackets."""

    def __init__(self) -> None:
        super().__init__()
        self.is_empty = True

    def add(self, value: Any) -> None:
        """Append a value."""
        self.write(("\n" if self.is_empty else ",\n") + json.dumps(value, ensure_ascii=False))
        self.is_empty = False


def _filled(document: Mapping[str, Any], **lists: _List) -> Iterator[bytes]:
    """Yield a JSON document in which ``["<name>"]`` stands for the list of that name."""
    parts = re.split(r'\[\s*"<([a-z]+)>"\s*\]', json.dumps(document, ensure_ascii=False, indent=1))
    for part, name in zip(parts[::2], [*parts[1::2], ""], strict=True):
        yield part.encode()
        if name:
            yield b"["
            yield from lists[name].pieces()
            yield b"\n]"
    yield b"\n"


class Manifest:
    """The files of a manifest, written while records come; to be used in ``with``.

    Args:
        pinned: what it is of.
        found: records of datasets.
    """

    def __init__(self, pinned: Pinned, found: Iterable[Dataset] = ()) -> None:
        self.pinned, self.totals = pinned, Totals()
        self._datasets, self._rows, self._files, self._nodes = _List(), _List(), _List(), _List()
        self._objects, self._parts = _List(), _List()
        self._table, self._urls, self._folders, self._citations = _Spool(), _Spool(), _Spool(), _Spool()
        self._credits: dict[Use, _Spool] = {}
        self._addresses: dict[Use, str] = {}
        self._seen: set[str] = set()
        self._has_unchecked = False
        self._table.write(_line(COLUMNS))
        for name in FILES:
            if name != rocrate.DESCRIPTOR:
                self._parts.add({"@id": pinned.address(name)})
        try:
            for record in found:
                self._add(record)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Free what is held."""
        spools = [part for part in vars(self).values() if isinstance(part, _Spool)]
        for spool in (*spools, *self._credits.values()):
            spool.close()

    def _add(self, record: Dataset) -> None:
        """Add a dataset, or tell that it is left out for its licence."""
        use, totals = use_of(record.license), self.totals
        if self.pinned.is_commercial and use.commercial != "allow":
            totals.left_out.append({"dataset": record.id, "title": record.name, "reason": use.reason})
            return
        totals.datasets += 1
        totals.bytes += record.size_bytes or 0
        totals.unsized += record.size_bytes is None
        totals.licences[use] = totals.licences.get(use, 0) + 1
        self._addresses.setdefault(use, record.license or "")
        entry = _entry(record, use)
        self._datasets.add(entry)
        self._rows.add({f"datasets/{name}": "" if value is None else value for name, value in entry.items()})
        self._citations.write(citations.bibtex([record]))
        if use not in self._credits:
            self._credits[use] = _Spool()
        self._credits[use].write(_credit(record))
        self._add_files(record, use)
        self._add_crate(record)

    def _add_files(self, record: Dataset, use: Use) -> None:
        items = files_of(record)
        for item in items:
            address = item.content_url or item.access_url or ""
            spool = self._urls if is_file(item) else self._folders
            spool.write(address + "\n")
            self.totals.files += is_file(item)
            self.totals.folders += not is_file(item)
            self._files.add(_file_row(record, item, address))
            self._has_unchecked |= not (item.sha256 or item.md5)
            self._objects.add(_file_object(record, item, address))
        for row in [_row(record, use, item) for item in items] or [_row(record, use)]:
            self._table.write(_line(row))

    def _add_crate(self, record: Dataset) -> None:
        """Add the nodes of the dataset's own crate; those that are the crate's own get a name of the dataset's."""
        document = rocrate.crate(record)["@graph"]
        root = document[0]["about"]["@id"]
        for node in document[1:]:
            if node["@id"] == root:
                node = {**node, "@id": record.id, "url": {"@id": root}}
            node = _renamed(node, record.id)
            if node["@id"] not in self._seen:
                self._seen.add(node["@id"])
                self._nodes.add(node)
        self._parts.add({"@id": record.id})

    def write(self, name: str) -> Iterator[bytes]:
        """Yield one of ``FILES``; each can be asked for as often as needed."""
        made: dict[str, Callable[[], Iterator[bytes]]] = {
            "datasets.json": lambda: _filled(self._head(), datasets=self._datasets),
            "croissant.json": self._croissant,
            "ro-crate-metadata.json": self._crate,
            "datasets.csv": self._table.pieces,
            "urls.txt": self._urls.pieces,
            "folders.txt": self._folders.pieces,
            "citations.bib": self._citations.pieces,
            "ATTRIBUTION.md": self._attribution,
        }
        return made[name]()

    def _title(self) -> str:
        count = self.totals.datasets
        return f"{count:,} bioimage dataset{'s' * (count != 1)} of change no. {self.pinned.sequence}"

    def _told(self) -> str:
        totals = self.totals
        known = f"{totals.bytes:,} bytes in the {totals.datasets - totals.unsized:,} whose size is known"
        return f"{self._title()}: {known}. Chosen by {self.pinned.address()}"

    def _head(self) -> dict[str, Any]:
        pinned, totals = self.pinned, self.totals
        return {
            "manifest": pinned.address(),
            "hub": pinned.base,
            "snapshot": {"sequence": pinned.sequence, "published": pinned.published},
            "query": [list(pair) for pair in pinned.asked],
            "commercial_only": pinned.is_commercial,
            "total": {
                "datasets": totals.datasets,
                "bytes": totals.bytes,
                "unknown_size": totals.unsized,
                "files": totals.files,
                "folders": totals.folders,
            },
            "licences": [_allowed(use, self._addresses[use], n) for use, n in _by_count(totals.licences)],
            "left_out": totals.left_out,
            "datasets": ["<datasets>"],
        }

    def _croissant(self) -> Iterator[bytes]:
        pinned = self.pinned
        document = {
            "@context": croissant.CONTEXT,
            "@type": "sc:Dataset",
            "@id": pinned.address(),
            "conformsTo": croissant.CONFORMS_TO,
            "name": self._title(),
            "description": self._told(),
            "url": pinned.address(),
            "license": [address for _, address in sorted(self._licences())] or None,
            "creator": {"@type": "Organization", "name": "Bioimage Hub", "url": pinned.base},
            "datePublished": pinned.published[:10],
            "version": str(pinned.sequence),
            "citeAs": f"{self._title()}. Bioimage Hub, {pinned.address()}",
            "isLiveDataset": self._has_unchecked or None,
            "distribution": ["<objects>"],
            "recordSet": self._record_sets() or None,
        }
        kept = {k: v for k, v in document.items() if v is not None}
        return _filled(kept, objects=self._objects, rows=self._rows, files=self._files)

    def _record_sets(self) -> list[dict[str, Any]]:
        """Return the record sets that are not empty, as Croissant asks."""
        found = []
        if not self._rows.is_empty:
            found.append(_record_set("datasets", "The datasets of the manifest", _DATASET_FIELDS, "<rows>"))
        if not self._files.is_empty:
            found.append(_record_set("files", "What they give to download", _FILE_FIELDS, "<files>"))
        return found

    def _licences(self) -> set[tuple[str, str]]:
        return {(use.licence, self._addresses[use]) for use in self.totals.licences if use.licence}

    def _crate(self) -> Iterator[bytes]:
        pinned, root = self.pinned, self.pinned.address()
        others = [name for name in FILES if name != rocrate.DESCRIPTOR]
        licences = [{"@id": address} for _, address in sorted(self._licences())]
        graph: list[Any] = [
            {
                "@id": rocrate.DESCRIPTOR,
                "@type": "CreativeWork",
                "conformsTo": {"@id": "https://w3id.org/ro/crate/1.2"},
                "about": {"@id": root},
            },
            {
                "@id": root,
                "@type": "Dataset",
                "name": self._title(),
                "description": self._told(),
                "datePublished": pinned.published[:10],
                "license": licences or {"@id": UNKNOWN},
                "publisher": {"@id": pinned.base},
                "hasPart": ["<parts>"],
            },
            {"@id": pinned.base, "@type": "Organization", "name": "Bioimage Hub", "url": pinned.base},
            *(
                {
                    "@id": pinned.address(name),
                    "@type": "File",
                    "name": name,
                    "description": TITLES[name],
                    "encodingFormat": FILES[name].partition(";")[0],
                }
                for name in others
            ),
            *({"@id": address, "@type": "CreativeWork", "name": name} for name, address in sorted(self._licences())),
        ]
        return _filled_graph({"@context": rocrate.CONTEXT, "@graph": graph}, self._parts, self._nodes)

    def _attribution(self) -> Iterator[bytes]:
        yield f"# Attribution\n\n{_plain(self._told())}\n".encode()
        for use, count in _by_count(self.totals.licences):
            yield _licence_heading(use, self._addresses[use], count).encode()
            yield from self._credits[use].pieces()
        yield (
            b"\n## Changes\n\nThe data are where their archives keep them, unchanged; this hub has harmonised what is "
            b"said of them. Say here what you change.\n"
        )
        if self.totals.left_out:
            yield b"\n## Left out\n\nFor their licence, because only what may be used commercially was wanted:\n\n"
            for out in self.totals.left_out:
                yield f"- {_plain(out['title'])} <{out['dataset']}>: {out['reason']}\n".encode()


def zipped(made: Manifest, out: IO[bytes]) -> None:
    """Write all files of a manifest as one ZIP archive; the same manifest gives the same bytes."""
    moment = datetime.fromisoformat(made.pinned.published).astimezone(UTC)
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in FILES:
            info = zipfile.ZipInfo(name, moment.timetuple()[:6])
            info.compress_type, info.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
            with archive.open(info, "w", force_zip64=True) as member:
                for piece in made.write(name):
                    member.write(piece)


# --- pieces of the files -----------------------------------------------------------------------------------------


def _entry(record: Dataset, use: Use) -> dict[str, Any]:
    """Return a dataset as it is pinned."""
    return {
        "iri": record.id,
        "archive": record.archive.name,
        "accession": record.accession,
        "title": record.name,
        "url": record.url,
        "doi": next((iri for iri in record.same_as or [] if iri.startswith(citations.DOI)), None),
        "version": record.date_modified or record.date_published,
        "record_sha256": hashlib.sha256(records.to_json(record).encode()).hexdigest(),
        "size_bytes": record.size_bytes,
        "licence": record.license,
        "commercial_use": use.commercial,
    }


def _allowed(use: Use, address: str, count: int) -> dict[str, Any]:
    told = {"licence": use.licence or None, "url": address or None, "datasets": count}
    return {**told, "commercial_use": use.commercial, "reason": use.reason, "conditions": list(use.conditions)}


def _by_count(licences: Mapping[Use, int]) -> list[tuple[Use, int]]:
    return sorted(licences.items(), key=lambda pair: (-pair[1], pair[0].licence))


def _row(record: Dataset, use: Use, item: Distribution | None = None) -> list[Any]:
    told = [record.id, record.archive.name, record.accession, record.name, record.date_published]
    told += [use.licence, use.commercial]
    if item is None:
        return [*told, *([None] * (len(COLUMNS) - len(told)))]
    address = item.content_url or item.access_url
    found = [item.name, item.encoding_format, *((address, None) if is_file(item) else (None, address))]
    found += [item.size_bytes, item.sha256, item.md5, item.image_count, item.image_width, item.image_height]
    return [*told, *found, item.pixel_width, item.pixel_height]


def _line(cells: Iterable[Any]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerow(map(cell, cells))
    return out.getvalue()


def cell(value: Any) -> Any:
    """Return a value that no spreadsheet takes for a formula."""
    return f"'{value}" if isinstance(value, str) and FORMULA.match(value) else "" if value is None else value


_TEXT, _URL = "sc:Text", "sc:URL"
_DATASET_FIELDS = {
    "iri": _URL, "archive": _TEXT, "accession": _TEXT, "title": _TEXT, "url": _URL, "doi": _URL, "version": _TEXT,
    "record_sha256": _TEXT, "size_bytes": _TEXT, "licence": _URL, "commercial_use": _TEXT,
}  # fmt: skip
_FILE_FIELDS = {
    "dataset": _URL, "name": _TEXT, "url": _URL, "is_file": "sc:Boolean", "format": _TEXT, "size_bytes": _TEXT,
}  # fmt: skip


def _record_set(name: str, description: str, fields: Mapping[str, str], data: str) -> dict[str, Any]:
    def one(field_name: str, kind: str) -> dict[str, str]:
        return {"@type": "cr:Field", "@id": f"{name}/{field_name}", "name": field_name, "dataType": kind}

    head = {"@type": "cr:RecordSet", "@id": name, "name": name, "description": description}
    return {**head, "field": [one(*pair) for pair in fields.items()], "data": [data]}


def _file_row(record: Dataset, item: Distribution, address: str) -> dict[str, Any]:
    told = {
        "dataset": record.id,
        "name": item.name,
        "url": address,
        "is_file": is_file(item),
        "format": item.encoding_format,
        "size_bytes": item.size_bytes,
    }
    return {f"files/{name}": "" if value is None else value for name, value in told.items()}


def _file_object(record: Dataset, item: Distribution, address: str) -> dict[str, Any]:
    """Return a file as Croissant has it, named by its dataset so that no two have one name."""
    kind = croissant.media_type(item.encoding_format, address) if item.content_url else croissant.PAGE_TYPE
    node = {
        "@type": "cr:FileObject",
        "@id": item.id,
        "name": f"{record.accession} {item.id.partition('#')[2] or address}",
        "description": item.name or item.description,
        "contentUrl": address,
        "contentSize": f"{item.size_bytes} B" if item.size_bytes else None,
        "encodingFormat": kind,
        "sha256": item.sha256,
        "md5": item.md5,
    }
    return {key: value for key, value in node.items() if value is not None}


def _renamed(value: Any, dataset: str) -> Any:
    """Return a crate's node with the names that are local to the crate made the dataset's."""
    if isinstance(value, list):
        return [_renamed(part, dataset) for part in value]
    if not isinstance(value, dict):
        return value
    local = {"@id": dataset + value["@id"]} if str(value.get("@id", "")).startswith("#") else {}
    return {**{key: _renamed(part, dataset) for key, part in value.items()}, **local}


def _filled_graph(document: Mapping[str, Any], parts: _List, nodes: _List) -> Iterator[bytes]:
    """Yield a crate with the parts of its root, and the nodes of its datasets at the end of the graph."""
    *body, last = list(_filled(document, parts=parts))
    text = (b"".join(body[-1:]) + last).decode()
    yield from body[:-1]
    head, _, tail = text.rpartition("]")
    yield head.rstrip().encode()
    if not nodes.is_empty:
        yield b","
    yield from nodes.pieces()
    yield f"\n ]{tail}".encode()


def _credit(record: Dataset) -> str:
    """Return one dataset's line: title, authors, archive, address."""
    names = list(dict.fromkeys(author.name for author in record.author or []))
    who = ", ".join(names[:MAX_NAMED]) + (" and others" if len(names) > MAX_NAMED else "")
    year = f" ({record.date_published[:4]})" if record.date_published else ""
    told = f"- **{_plain(record.name.rstrip('.'))}**. {_plain(who) or 'Authors not stated'}{year}. "
    return f"{told}{_plain(record.archive.name)}, {_plain(record.accession)}. <{citations.address(record)}>\n"


def _licence_heading(use: Use, address: str, count: int) -> str:
    name = f"[{use.licence}]({address})" if address and use.licence != address else use.licence or "No licence named"
    said = {"allow": "may be used commercially", "no": "not for commercial use", "unknown": "commercial use not known"}
    conditions = "".join(f"; {condition}" for condition in use.conditions)
    return (
        f"\n## {name}\n\n{count:,} dataset{'s' * (count != 1)}: {said[use.commercial]} ({use.reason}){conditions}.\n\n"
    )


def _plain(text: str) -> str:
    r"""Return a text that Markdown takes as it stands.

    >>> print(_plain("Nup98_[GFP]"))
    Nup98\_\[GFP\]
    """
    return re.sub(r"([\\`*_\[\]<>#|])", r"\\\1", " ".join(text.split()))
