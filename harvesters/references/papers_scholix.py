"""Links between papers and datasets in Scholix' form, version 3 or 4: a file of another provider or hub.

A JSON list of links, an answer with the list under ``result``, or a link on each line. Either side may be the paper;
what the type says ("unknown" in many) does not count, but what the identifiers are.

Source: https://zenodo.org/records/6351557 · https://github.com/scholix/schema
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO, Final

from harvesters.references.contract import Reference, Row
from harvesters.references.papers_asking import objects
from harvesters.references.papers_rows import Named, dataset
from harvesters.references.streams import text_lines
from ontology import identifiers

# What the source is to the target → what the target is to the source, for the side of the dataset.
REVERSED: Final = {
    "IsSupplementTo": "IsSupplementedBy",
    "IsSupplementedBy": "IsSupplementTo",
    "References": "IsReferencedBy",
    "IsReferencedBy": "References",
    "Cites": "IsCitedBy",
    "IsCitedBy": "Cites",
    "Documents": "IsDocumentedBy",
    "IsDocumentedBy": "Documents",
    "Describes": "IsDescribedBy",
    "IsDescribedBy": "Describes",
    "IsRelatedTo": "IsRelatedTo",
}
_PARSERS: Final = {"doi": identifiers.doi, "pmid": identifiers.pmid, "med": identifiers.pmid, "pmc": identifiers.pmcid}


def read_links(stream: BinaryIO, reference: Reference) -> Iterator[Row]:
    """Yield the links between a paper and a dataset of our archives.

    Raises:
        ValueError: not JSON.
    """
    for link in _links(stream):
        source, target = link.get("Source") or {}, link.get("Target") or {}
        said = link.get("RelationshipType") or {}
        relation = str(said.get("SubType") or said.get("Name") or "")
        pairs = ((source, target, relation), (target, source, REVERSED.get(relation, "")))
        for side, other, how in pairs:
            name, written = _dataset(side)
            paper = _paper(other)
            if name and paper and how:
                yield Named(name, paper, how, _provider(link), written).row()


def _links(stream: BinaryIO) -> Iterator[dict[str, Any]]:
    lines = (line for line in text_lines(stream) if line.strip())
    first = next(lines, "")
    if first.startswith("{") and first.endswith("}"):
        whole = json.loads(first)
        yield from objects(whole, "result") if "result" in whole else [whole]
        yield from (one for line in lines if isinstance(one := json.loads(line), dict))
        return
    found = json.loads("\n".join((first, *lines)) or "[]")
    yield from objects(found, "result") if isinstance(found, dict) else objects({"all": found}, "all")


def _identifiers(side: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return a side's identifiers: one in version 3, a list in version 4."""
    found = side.get("Identifier")
    return objects({"all": found if isinstance(found, list) else [found]}, "all")


def _dataset(side: Mapping[str, Any]) -> tuple[str | None, str]:
    for one in _identifiers(side):
        for text in (one.get("ID"), one.get("IDURL")):
            if text and (name := dataset(str(text))):
                return name, str(text)
    return None, ""


def _paper(side: Mapping[str, Any]) -> str | None:
    for one in _identifiers(side):
        parse = _PARSERS.get(str(one.get("IDScheme", "")).casefold())
        text = str(one.get("ID", ""))
        try:
            if parse is not None and dataset(text) is None:
                return parse(text)
        except ValueError:
            continue
    return None


def _provider(link: Mapping[str, Any]) -> str:
    told = link.get("LinkProvider")
    first = next(iter(told if isinstance(told, list) else [told]), None) or {}
    return str(first.get("Name") or first.get("name") or "")
