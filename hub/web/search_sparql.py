"""A search as a SPARQL query, as near as a query comes to it: what has no statement to ask for is said in a comment."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pyoxigraph import Literal, NamedNode

from hub.search.contract import SIZES, Asked
from ontology import iris, licences

PREFIXES: Final = {
    "bao": "http://www.bioassayontology.org/bao#",
    "dwciri": "http://rs.tdwg.org/dwc/iri/",
    "hub": "https://w3id.org/bioimage-hub/vocab#",
    "obo": "http://purl.obolibrary.org/obo/",
    "rdfs": "http://www.w3.org/2000/01/rdf-schema#",
    "schema": "http://schema.org/",
}
_TERMS: Final = {
    "organism": "?taxon rdfs:subClassOf* ?organism . ?dataset schema:about ?taxon .",
    "method": "?technique rdfs:subClassOf* ?method . ?dataset dwciri:measurementMethod ?technique .",
    "gene": "?dataset hub:geneAnnotation/hub:gene ?gene .",
    "phenotype": "?seen rdfs:subClassOf* ?phenotype . ?dataset obo:RO_0002200 ?seen .",
    "cell_line": "?dataset schema:about/bao:BAO_0002004 ?cell_line .",
    "archive": "?dataset schema:includedInDataCatalog ?archive .",
    "licence": "?dataset schema:license ?licence .",
}
_HAS: Final = {
    "thumbnail": "schema:thumbnailUrl",
    "paper": "schema:citation",
    "genes": "hub:geneAnnotation",
    "phenotypes": "obo:RO_0002200",
    "maps": "hub:reconstruction",
    "files": "schema:distribution/schema:contentUrl",
}
_NUMBERS: Final = {"size_bytes": "hub:sizeBytes", "files": "hub:fileCount"}


def query(asked: Asked, base: str) -> str:
    """Return the query that asks for the datasets of a search.

    Args:
        asked: the search.
        base: base IRI of the hub.
    """
    lines = [line for part in (_words(asked), *_filters(asked, base), *_ranges(asked)) for line in part]
    body = "\n".join(f"  {line}" for line in [*lines, *_shown(asked)])
    used = [f"PREFIX {name}: <{iri}>" for name, iri in PREFIXES.items() if f"{name}:" in body]
    score = " ?score" if asked.words else ""
    order = "DESC(?score) ?dataset" if asked.words else "DESC(STR(?published)) ?dataset"
    head = f"SELECT DISTINCT ?dataset ?accession ?name ?published{score} WHERE {{"
    return "\n".join([*used, head, body, "}", f"ORDER BY {order}", "LIMIT 1000", ""])


def _words(asked: Asked) -> list[str]:
    if not asked.words:
        return []
    return [f"SERVICE hub:text {{ ?dataset hub:matches {Literal(asked.words)} ; hub:score ?score }}"]


def _shown(asked: Asked) -> list[str]:
    return [
        "?dataset a schema:Dataset ; schema:identifier ?accession ; schema:name ?name .",
        "?dataset schema:datePublished ?published ." if "year" in asked.filters else _MAYBE_PUBLISHED,
    ]


_MAYBE_PUBLISHED: Final = "OPTIONAL { ?dataset schema:datePublished ?published }"


def _filters(asked: Asked, base: str) -> Iterator[list[str]]:
    for facet, values in asked.filters.items():
        if facet in _TERMS:
            yield _terms(facet, values, base)
        elif facet == "year":
            years = ", ".join(str(Literal(year)) for year in values)
            yield [f"FILTER (SUBSTR(STR(?published), 1, 4) IN ({years}))"]
        elif facet == "has":
            yield _has(values)
        elif facet == "size":
            ends = [SIZES[value] for value in values]
            either = " || ".join(f"(?size >= {least} && ?size < {most})" for least, most in ends)
            yield [f"?dataset hub:sizeBytes ?size . FILTER ({either})"]


def _terms(facet: str, values: tuple[str, ...], base: str) -> list[str]:
    nodes, unsaid = [], []
    for value in values:
        try:
            nodes.append(str(NamedNode(_iri(facet, value, base))))
        except ValueError:
            unsaid.append(value)
    asked = [f"VALUES ?{facet} {{ {' '.join(nodes)} }}", _TERMS[facet]] if nodes else []
    return [*asked, *_unsaid(facet, unsaid)]


def _iri(facet: str, value: str, base: str) -> str:
    if facet == "archive":
        return iris.archive(base, value)
    return licences.licence(value) if facet == "licence" else value


def _has(values: tuple[str, ...]) -> list[str]:
    known = [f"{{ ?dataset {_HAS[value]} ?has }}" for value in values if value in _HAS]
    return [*([" UNION ".join(known)] if known else []), *_unsaid("has", [v for v in values if v not in _HAS])]


def _ranges(asked: Asked) -> Iterator[list[str]]:
    for name, (least, most) in asked.ranges.items():
        if name not in _NUMBERS:
            yield _unsaid(name, [f"{least if least is not None else ''} to {most if most is not None else ''}"])
            continue
        ends = [f"?{name} >= {least:.0f}"] if least is not None else []
        ends += [f"?{name} <= {most:.0f}"] if most is not None else []
        yield [f"?dataset {_NUMBERS[name]} ?{name} . FILTER ({' && '.join(ends)})"]


def _unsaid(name: str, values: list[str]) -> list[str]:
    return [f"# not asked here: {name} {' '.join(value.split())}" for value in values]
