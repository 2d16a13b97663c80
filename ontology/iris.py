"""The IRIs that the hub mints: datasets, records, graphs, nodes of a record.

``base`` ends in ``/`` (setting ``base_iri``). An archive owns its datasets, so a dataset's IRI is made of
archive and accession; a record is one source's account of it, so its IRI is made of source and accession.
"""

from __future__ import annotations

from urllib.parse import quote

from ontology import archives

_SAFE = "-._~"


def _path(*parts: str) -> str:
    return "/".join(quote(part, safe=_SAFE) for part in parts)


def dataset(base: str, archive: str, accession: str) -> str:
    """Return the IRI of a dataset; the same for every accession that its archive gives it.

    >>> dataset("https://w3id.org/bioimage-hub/", "idr", "idr0094")
    'https://w3id.org/bioimage-hub/dataset/idr/idr0094'
    >>> dataset("https://w3id.org/bioimage-hub/", "ssbd", "ssbd-repos-000108")
    'https://w3id.org/bioimage-hub/dataset/ssbd/108'
    """
    return f"{base}dataset/{_path(archive, archives.dataset_name(archive, accession))}"


def archive(base: str, name: str) -> str:
    """Return the IRI of an archive."""
    return f"{base}archive/{_path(name)}"


def record(base: str, source: str, accession: str) -> str:
    """Return the IRI of a source's catalogue record of a dataset."""
    return f"{base}record/{_path(source, accession)}"


def node(base: str, source: str, accession: str, local: str) -> str:
    """Return the IRI of a node that belongs to one record, such as a person without ORCID.

    >>> node("https://h/", "bia", "S-BIAD1", "#auth 1")
    'https://h/record/bia/S-BIAD1#auth%201'
    """
    return f"{record(base, source, accession)}#{quote(local.lstrip('#'), safe=_SAFE)}"


def source_graph(base: str, source: str, accession: str) -> str:
    """Return the IRI of the graph that holds what one source says of one dataset."""
    return f"{base}graph/source/{_path(source, accession)}"


def suppressed_graph(base: str, source: str, accession: str) -> str:
    """Return the IRI of the graph that holds what one source says of a dataset that is kept out of search and lists."""
    return f"{base}graph/suppressed/{_path(source, accession)}"


def record_graph(base: str, source: str, accession: str) -> str:
    """Return the IRI of the graph that holds what the hub says of that record: provenance and findings."""
    return f"{base}graph/record/{_path(source, accession)}"


def runs_graph(base: str) -> str:
    """Return the IRI of the graph that holds the reports of all runs."""
    return f"{base}graph/runs"


def rule(base: str, name: str) -> str:
    """Return the IRI of a link rule."""
    return f"{base}rule/{_path(name)}"


def link(base: str, digest: str) -> str:
    """Return the IRI of a link with its evidence."""
    return f"{base}link/{_path(digest)}"


def links_graph(base: str, rule: str) -> str:
    """Return the IRI of the graph that holds a rule's links, each as a statement and with its evidence."""
    return f"{base}graph/links/{_path(rule)}"


def candidates_graph(base: str, rule: str) -> str:
    """Return the IRI of the graph that holds what a rule is not sure of."""
    return f"{base}graph/candidates/{_path(rule)}"


def findings_graph(base: str, rule: str) -> str:
    """Return the IRI of the graph that holds the quality problems that a link rule found."""
    return f"{base}graph/findings/{_path(rule)}"


def run(base: str, number: int) -> str:
    """Return the IRI of a run."""
    return f"{base}run/{number}"


def ontology_graph(base: str, prefix: str) -> str:
    """Return the IRI of the graph that holds what an ontology says of its terms."""
    return f"{base}graph/ontology/{_path(prefix)}"


def closure_graph(base: str, prefix: str) -> str:
    """Return the IRI of the graph that holds every superclass of an ontology's terms, not the direct ones only."""
    return f"{ontology_graph(base, prefix)}/closure"


def linked_graph(base: str) -> str:
    """Return the IRI of the graph that tells class and name of what links lead to and no record tells of."""
    return f"{base}graph/linked"


def is_ontology_graph(base: str, iri: str) -> bool:
    """Tell whether a graph is of an ontology."""
    return iri.startswith(f"{base}graph/ontology/")
