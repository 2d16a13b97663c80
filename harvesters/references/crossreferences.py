"""Tables that say which datasets of two archives are the same study.

``idr-download-urls``: IDR's list of where the data of its studies are; a study whose data are also in the BioImage
Archive, as they were deposited or converted to OME-Zarr, has that study's address in ``bia_url`` and, if it was
converted, its accession in ``bia_ngff_id``. ``sssom``: a mapping set between accessions, such as another hub's.

Source: https://github.com/IDR/idr.openmicroscopy.org/blob/master/_data/download_urls.tsv ·
https://mapping-commons.github.io/sssom/spec-formats-tsv/
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from typing import BinaryIO, Final

from harvesters.references.contract import META, Format, Kind, Reference, Row, Table
from harvesters.references.streams import text_lines
from ontology import archives

IDR_COLUMNS: Final = ("idrid", "bia_url", "bia_ngff_id")
SAME: Final = ("hub:sameStudyAs", "https://w3id.org/bioimage-hub/vocab#sameStudyAs", "skos:exactMatch", "owl:sameAs")


def read_idr(stream: BinaryIO, reference: Reference) -> Iterator[Row]:
    """Yield the pairs of IDR's list of download addresses.

    Raises:
        ValueError: the list lacks a column.
    """
    lines = csv.DictReader(text_lines(stream), delimiter="\t", quoting=csv.QUOTE_NONE)
    _require(lines, IDR_COLUMNS, reference)
    yield META, ("attribution", "Image Data Resource")
    for line in lines:
        for column in IDR_COLUMNS[1:]:
            yield from _pair(line["idrid"], line[column], column)


def read_sssom(stream: BinaryIO, reference: Reference) -> Iterator[Row]:
    """Yield the pairs of a mapping set in SSSOM's table form that it says are the same.

    Raises:
        ValueError: a mandatory column is missing.
    """
    table = (line for line in text_lines(stream) if not line.startswith("#"))
    lines = csv.DictReader(table, delimiter="\t")
    _require(lines, ("subject_id", "predicate_id", "object_id"), reference)
    for line in lines:
        if line["predicate_id"] in SAME and line.get("predicate_modifier") != "Not":
            yield from _pair(line["subject_id"], line["object_id"], "object_id")


def _require(lines: csv.DictReader[str], columns: tuple[str, ...], reference: Reference) -> None:
    missing = [column for column in columns if column not in (lines.fieldnames or ())]
    if missing:
        raise ValueError(
            f"{reference.url} has no column {', '.join(missing)}: it is not in the form {reference.format}"
        )


def _pair(one: str | None, other: str | None, column: str) -> Iterator[Row]:
    names = [_dataset(cell) for cell in (one, other)]
    if all(names):
        yield "pair", (" ".join(sorted(map(str, names))), names[0], names[1], str(other), column)


def _dataset(cell: str | None) -> str | None:
    """Return archive and name of the dataset that an accession, its CURIE, address or IRI of a hub means."""
    text = (cell or "").strip()
    _, is_hub, path = text.partition("/dataset/")
    prefix, _, local = text.partition(":")
    for spelling in (path.partition("/")[2], text) if is_hub else (text, local if prefix in archives.ARCHIVES else ""):
        try:
            accession = archives.accession(spelling)
            archive = archives.archive_of(accession)
        except ValueError:
            continue
        return f"{archive}/{archives.dataset_name(archive, accession)}"
    return None


KIND = Kind(
    name="crossreferences",
    version=1,
    tables=(
        Table(
            "pair",
            ("id TEXT PRIMARY KEY", "one TEXT", "other TEXT", "written TEXT", "place TEXT"),
            indexes=("one", "other"),
        ),
    ),
    formats={"idr-download-urls": Format(read_idr), "sssom": Format(read_sssom)},
)
