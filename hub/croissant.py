"""A dataset as Croissant 1.0, the description that machine-learning tools load.

Files are those that the archive names, with the sizes and checksums that it gives. Where it gives no checksum the
dataset is called live, as Croissant asks: nobody vouches that the files stay as they are.

Source: https://docs.mlcommons.org/croissant/docs/croissant-spec.html
"""

from __future__ import annotations

import mimetypes
import re
from typing import Any

from hub import citations, schemaorg
from linkml_schemas.generated.model import Dataset, Distribution, Organization, Person

CONFORMS_TO = "http://mlcommons.org/croissant/1.0"
# Source: https://github.com/mlcommons/croissant/blob/main/docs/croissant-spec.md#appendix
CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileProperty": "cr:fileProperty",
    "fileObject": "cr:fileObject",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}
# Formats of images that Python's table of file names does not know.
MEDIA_TYPES = {
    "tiff": "image/tiff",
    "tif": "image/tiff",
    "ome-tiff": "image/tiff",
    "ome-zarr": "application/vnd.zarr; version=2",
    "zarr": "application/vnd.zarr; version=2",
    "hdf5": "application/x-hdf5",
    "h5": "application/x-hdf5",
    "mrc": "application/octet-stream",
}
UNKNOWN_TYPE, PAGE_TYPE = "application/octet-stream", "text/html"


def of(record: Dataset) -> dict[str, Any]:
    """Return a record as a Croissant JSON-LD document, of which ``mlcroissant`` can read the metadata."""
    files = [item for item in record.distribution or [] if item.content_url or item.access_url]
    text, _language = schemaorg.described(record)
    node: dict[str, Any] = {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "@id": record.id,
        "conformsTo": CONFORMS_TO,
        "name": record.name,
        "description": text,
        "identifier": record.accession,
        "url": record.url or record.id,
        "sameAs": list(dict.fromkeys([*(record.same_as or []), record.id])),
        "license": record.license,
        "creator": [_agent(author) for author in record.author or []],
        "publisher": _agent(record.publisher) if record.publisher else {"@type": "Organization", **_archive(record)},
        "includedInDataCatalog": {"@type": "DataCatalog", "@id": record.archive.id, **_archive(record)},
        "datePublished": record.date_published,
        "dateModified": record.date_modified,
        "version": _version(record),
        "keywords": record.keyword or schemaorg.subjects(record),
        "citeAs": citations.text(record),
        "isLiveDataset": True if any(not (item.sha256 or item.md5) for item in files) else None,
        "distribution": _files(files),
    }
    return {key: value for key, value in node.items() if value not in (None, [], "")}


def _version(record: Dataset) -> str | None:
    """Return the date that tells a dataset's states apart as MAJOR.MINOR.PATCH, which Croissant asks for."""
    parts = [int(part) for part in (schemaorg.version_of(record) or "").split("-") if part]
    return ".".join(map(str, [*parts, 0, 0][:3])) if parts else None


def _archive(record: Dataset) -> dict[str, str]:
    return {"name": record.archive.name, **({"url": record.archive.url} if record.archive.url else {})}


def _agent(agent: Person | Organization) -> dict[str, Any]:
    kind = "Person" if isinstance(agent, Person) else "Organization"
    return {"@type": kind, "@id": agent.id, "name": agent.name, **({"url": agent.url} if agent.url else {})}


def _files(files: list[Distribution]) -> list[dict[str, Any]]:
    seen: dict[str, int] = {}
    return [_file(item, seen) for item in files]


def _file(item: Distribution, seen: dict[str, int]) -> dict[str, Any]:
    """Return one file, or the page or folder that leads to several; its name is unique in the document."""
    address = item.content_url or item.access_url or ""
    name = item.name or address.rstrip("/").rsplit("/", 1)[-1] or "files"
    seen[name] = seen.get(name, 0) + 1
    node = {
        "@type": "cr:FileObject",
        "@id": item.id,
        "name": name if seen[name] == 1 else f"{name} ({seen[name]})",
        "description": item.description or item.image_category,
        "contentUrl": address,
        "contentSize": f"{item.size_bytes} B" if item.size_bytes else None,
        "encodingFormat": media_type(item.encoding_format, item.content_url) if item.content_url else PAGE_TYPE,
        "sha256": item.sha256,
        "md5": item.md5,
    }
    return {key: value for key, value in node.items() if value is not None}


def media_type(said: str | None, address: str | None) -> str:
    """Return the media type of a file by the archive's word for its format, else by its name.

    >>> media_type("OME-TIFF", None), media_type(None, "https://example.org/a.zip"), media_type("Bruker raw", None)
    ('image/tiff', 'application/zip', 'application/octet-stream')
    """
    word = (said or "").strip().lower().lstrip(".")
    if re.fullmatch(r"[a-z]+/[a-z0-9.+-]+", word):
        return word
    guessed = MEDIA_TYPES.get(word) or mimetypes.guess_type(f"x.{word}")[0]
    return guessed or mimetypes.guess_type((address or "").partition("?")[0])[0] or UNKNOWN_TYPE
