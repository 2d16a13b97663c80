"""The query mixes, with parameters drawn at random from what is published.

Light: q01 all of a dataset, q03 term or taxon to datasets, q04 ORCID to datasets and their papers, q10 CONSTRUCT of a
landing page, q12 methods used together. Heavy: q02 facet, q05 text search in order, q07 four OPTIONALs, q08 property
path, q09 newest first, q11 filtered facet.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pyoxigraph import Literal, Store

PREFIXES = """PREFIX schema: <http://schema.org/>
PREFIX dwciri: <http://rs.tdwg.org/dwc/iri/>
"""
LIGHT = {
    "q01": "SELECT ?p ?o WHERE { $dataset ?p ?o }",
    "q03": "SELECT ?d ?name WHERE { ?d schema:about|dwciri:measurementMethod $term ; schema:name ?name }",
    "q04": "SELECT ?d ?name ?paper ?title WHERE { ?d schema:author $orcid ; schema:name ?name . "
    "OPTIONAL { ?d schema:citation ?paper . OPTIONAL { ?paper schema:name ?title } } }",
    "q10": "CONSTRUCT { $dataset ?p ?o . ?o ?q ?v } WHERE { $dataset ?p ?o OPTIONAL { ?o ?q ?v } }",
    "q12": "SELECT ?other (COUNT(DISTINCT ?d) AS ?n) WHERE { ?d dwciri:measurementMethod $method, ?other } "
    "GROUP BY ?other ORDER BY DESC(?n) LIMIT 20",
}
HEAVY = {
    "q02": "SELECT ?value (COUNT(DISTINCT ?d) AS ?n) WHERE { ?d a schema:Dataset ; $facet ?value } "
    "GROUP BY ?value ORDER BY DESC(?n) LIMIT 50",
    "q05": "SELECT ?d ?name WHERE { ?d a schema:Dataset ; schema:name ?name ; schema:description ?text "
    "FILTER(CONTAINS(LCASE(?text), $word)) } ORDER BY ?name LIMIT 20",
    "q07": "SELECT ?d ?name ?date ?licence ?paper ?url WHERE { ?d schema:about|dwciri:measurementMethod $common ; "
    "schema:name ?name . OPTIONAL { ?d schema:datePublished ?date } OPTIONAL { ?d schema:license ?licence } "
    "OPTIONAL { ?d schema:citation ?paper } OPTIONAL { ?d schema:url ?url } }",
    "q08": "SELECT DISTINCT ?d WHERE { ?d schema:about/schema:taxonomicRange* $taxon }",
    "q09": "SELECT ?d ?name ?date WHERE { ?d schema:includedInDataCatalog $archive ; schema:name ?name ; "
    "schema:datePublished ?date } ORDER BY DESC(?date) LIMIT 20",
    "q11": "SELECT ?method (COUNT(DISTINCT ?d) AS ?n) WHERE { ?d schema:about/schema:taxonomicRange? $taxon ; "
    "dwciri:measurementMethod ?method } GROUP BY ?method ORDER BY DESC(?n)",
}
# The engine walks a star from every dataset: 14 s for one such query at 10 million statements. One step does not.
HEAVY_AT_SCALE = HEAVY | {"q08": HEAVY["q08"].replace("schema:taxonomicRange*", "schema:taxonomicRange?")}
FACETS = ("schema:about", "dwciri:measurementMethod", "schema:license", "schema:keywords", "schema:funding")
_FIND = {
    "dataset": "SELECT ?v { ?v a schema:Dataset }",
    "term": "SELECT DISTINCT ?v { ?d a schema:Dataset ; schema:about|dwciri:measurementMethod ?v }",
    "method": "SELECT DISTINCT ?v { ?d dwciri:measurementMethod ?v }",
    "orcid": "SELECT DISTINCT ?v { ?d schema:author ?v FILTER(STRSTARTS(STR(?v), 'https://orcid.org/')) }",
    "common": "SELECT ?v { ?d schema:about|dwciri:measurementMethod ?v } GROUP BY ?v ORDER BY DESC(COUNT(?d)) LIMIT 40",
    "taxon": "SELECT ?v { ?v a schema:Taxon . ?x ?p ?v } GROUP BY ?v ORDER BY DESC(COUNT(?x)) LIMIT 40",
    "archive": "SELECT ?v { ?v a schema:DataCatalog }",
}
_NAMES = "SELECT ?d ?v { ?d a schema:Dataset ; schema:name ?v }"


class Mixes:
    """Draws queries; the same seed and data give the same queries."""

    def __init__(self, graph: Path, seed: int = 1, heavy: dict[str, str] = HEAVY) -> None:
        store = Store.read_only(str(graph))
        self.heavy_ones = heavy
        self.chance = random.Random(seed)
        self.values = {name: _column(store, query) for name, query in _FIND.items()}
        self.values["facet"] = list(FACETS)
        words = {word for name in _names(store) for word in re.findall(r"[a-z]{6,12}", name)}
        self.values["word"] = [str(Literal(w)) for w in sorted(words)[::10][:40]]

    def draw(self, templates: dict[str, str], name: str | None = None) -> str:
        """Return one query, of that name or of any."""
        text = templates[name or self.chance.choice(sorted(templates))]
        for parameter in dict.fromkeys(re.findall(r"\$(\w+)", text)):
            text = text.replace(f"${parameter}", self.chance.choice(self.values[parameter]))
        return PREFIXES + text

    def point(self) -> str:
        """Return all triples of a dataset."""
        return self.draw(LIGHT, "q01")

    def light(self) -> str:
        """Return one of the light queries."""
        return self.draw(LIGHT)

    def heavy(self) -> str:
        """Return one of the heavy queries."""
        return self.draw(self.heavy_ones)

    def many(self, make: Callable[[], str], count: int) -> list[str]:
        """Return a list of queries."""
        return [make() for _ in range(count)]


def _names(store: Store) -> list[str]:
    """Titles of the first datasets by IRI; sorted here, because the engine takes a minute for 100,000."""
    rows: Any = store.query(PREFIXES + _NAMES)
    return [title for _, title in sorted((row["d"].value, row["v"].value) for row in rows)[:400]]


def _column(store: Store, query: str) -> list[str]:
    rows: Any = store.query(PREFIXES + query)
    return sorted(str(row["v"]) for row in rows)
