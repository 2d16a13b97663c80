"""The kinds of reference data; :mod:`harvesters.references.contract` tells how to add one."""

from __future__ import annotations

from harvesters.references import crossreferences, genes, mappings, ontology, organisations, papers, people
from harvesters.references.contract import Kind

KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        crossreferences.KIND,
        genes.KIND,
        mappings.KIND,
        ontology.KIND,
        organisations.KIND,
        papers.KIND,
        people.KIND,
    )
}
