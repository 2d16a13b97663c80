"""NCBI's taxonomy as its dump (``taxdump.tar.gz``, ``taxdmp.zip`` or the new dump).

Source: https://ftp.ncbi.nlm.nih.gov/pub/taxonomy/taxdump_readme.txt
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import BinaryIO

from harvesters.references.contract import META, Reference, Row
from harvesters.references.streams import members, text_lines
from harvesters.references.terms import key
from ontology.identifiers import OBO
from ontology.text import clean

# As the ontology of the taxonomy has them; authorities, type material and the like name no taxon.
# Source: https://github.com/obophenotype/ncbitaxon
SCOPES = {
    "equivalent name": "exact",
    "genbank common name": "exact",
    "common name": "exact",
    "synonym": "related",
    "genbank synonym": "related",
    "blast name": "related",
    "acronym": "broad",
    "genbank acronym": "broad",
}


def read(stream: BinaryIO, reference: Reference) -> Iterator[Row]:
    """Yield the rows of a dump; numbers that were merged or deleted are obsolete taxa.

    Raises:
        ValueError: no dump, or one without its nodes or names.
    """
    seen = set()
    for name, member in members(stream, _READERS):
        seen.add(name)
        for line in text_lines(member):
            yield from _READERS[name]([cell.strip() for cell in line.removesuffix("|").split("|")])
    if not {"nodes.dmp", "names.dmp"} <= seen:
        raise ValueError("no dump of the taxonomy: nodes.dmp or names.dmp is missing")
    yield META, ("licence", "https://www.ncbi.nlm.nih.gov/home/about/policies/")


def _iri(number: str) -> str:
    if not number.isdecimal():
        raise ValueError(f"{number[:80]!r} is not the number of a taxon")
    return f"{OBO}NCBITaxon_{number}"


def _node(cells: list[str]) -> Iterator[Row]:
    taxon, parent = _iri(cells[0]), _iri(cells[1])
    if parent != taxon:
        yield "parent", (taxon, parent)


def _name(cells: list[str]) -> Iterator[Row]:
    number, name, kind = cells[0], clean(cells[1]), cells[3]
    if kind == "scientific name":
        yield "term", (_iri(number), name, 0, None)
        yield "name", (_iri(number), name, "label", key(name))
    elif kind in SCOPES:
        yield "name", (_iri(number), name, SCOPES[kind], key(name))


def _merged(cells: list[str]) -> Iterator[Row]:
    yield "term", (_iri(cells[0]), None, 1, _iri(cells[1]))


def _deleted(cells: list[str]) -> Iterator[Row]:
    yield "term", (_iri(cells[0]), None, 1, None)


_READERS: Mapping[str, Callable[[list[str]], Iterator[Row]]] = {
    "nodes.dmp": _node,
    "names.dmp": _name,
    "merged.dmp": _merged,
    "delnodes.dmp": _deleted,
}
