"""What the gene rules have in common: the genes, proteins and species of a record, in the small form of features."""

from __future__ import annotations

from typing import Any

from hub.links.contract import Record
from linkml_schemas.generated.model import Dataset, Gene, Protein, Taxon
from ontology import geneids

EXACT_MATCH = "http://www.w3.org/2004/02/skos/core#exactMatch"
ENCODED_BY = "http://schema.org/isEncodedByBioChemEntity"
MENTIONS = "http://schema.org/mentions"
ORTHOLOG = "http://purl.obolibrary.org/obo/RO_HOM0000017"
HUMAN = 9606

Named = tuple[int, str, str | None, int | None]
"""Number of the annotation, short IRI, symbol and number of the species of a gene that a record names."""


def genes_of(record: Record) -> list[Named]:
    """Return the genes of a record once each; the species is the gene's own, else the dataset's if it has one."""
    only = species_of(record.dataset)
    found: dict[str, Named] = {}
    for number, annotation in enumerate(record.dataset.gene_annotation or []):
        gene = annotation.gene
        found.setdefault(gene.id, (number, short(gene.id), gene.symbol, _species(gene, only)))
    return list(found.values())


def short(iri: str) -> str:
    """Return an IRI without identifiers.org, since features of a genome-wide screen have thousands."""
    return iri.removeprefix(geneids.BASE)


def long(text: str) -> str:
    """Return the IRI of a short one."""
    return text if "://" in text else geneids.BASE + text


def _species(gene: Gene, only: list[int]) -> int | None:
    own = _numbers(gene.taxon or [])
    known = own or only
    return known[0] if len(known) == 1 else None


def species_of(dataset: Dataset) -> list[int]:
    """Return the species of a dataset by their NCBI numbers; strains and subspecies count as their species."""
    taxa: list[Any] = [one for one in dataset.about or [] if isinstance(one, Taxon)]
    for sample in dataset.about or []:
        taxa += getattr(sample, "taxon", None) or [] if not isinstance(sample, Protein) else []
    return _numbers(taxa)


def _numbers(taxa: list[Any]) -> list[int]:
    return sorted({number for taxon in taxa if (number := geneids.species_of(taxon.id)) is not None})


def form_of(iri: str) -> str | None:
    """Return the compact form of a gene's IRI; None for a node of a record, or an IRI of no gene."""
    try:
        return geneids.compact(iri) if "#" not in iri else None
    except ValueError:
        return None
