"""Name spaces of what links lead from and to, and how links are written for others: JSON, CSV, RDF.

Prefixes are spelt as at Bioregistry; ``bia`` and ``ssbd``, which it does not have, are the archives' names here.

Source: https://bioregistry.io
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any, Final

from pyoxigraph import NamedNode, Quad, RdfFormat
from pyoxigraph import serialize as write

from hub import records
from hub.errors import QueryRefusedError
from hub.links import view
from hub.links.catalogue import LinkRow
from hub.links.feed import DELETE, Entry
from ontology import archives, geneids, identifiers, iris

OBO: Final = identifiers.OBO
# Prefix → how IRIs of it begin in the hub, the form that is written first.
_SPACES: Final[Mapping[str, tuple[str, ...]]] = {
    "doi": ("https://doi.org/",),
    "pubmed": ("https://pubmed.ncbi.nlm.nih.gov/",),
    "pmc": ("https://www.ncbi.nlm.nih.gov/pmc/articles/",),
    "orcid": ("https://orcid.org/",),
    "ror": ("https://ror.org/",),
    "ncbitaxon": (f"{OBO}NCBITaxon_",),
    "emdb": ("https://www.ebi.ac.uk/emdb/",),
    "ena.embl": ("https://www.ebi.ac.uk/ena/browser/view/",),
    "bao": ("http://www.bioassayontology.org/bao#BAO_",),
    "cmpo": ("http://www.ebi.ac.uk/cmpo/CMPO_",),
    "cellosaurus": ("https://www.cellosaurus.org/",),
    "efo": ("http://www.ebi.ac.uk/efo/EFO_",),
    "edam": ("http://edamontology.org/",),
    "dicom": ("http://dicom.nema.org/resources/ontology/DCM/",),
    "chebi": (f"{OBO}CHEBI_", f"{identifiers.IDENTIFIERS_ORG}CHEBI:"),
    "mgi": (f"{identifiers.IDENTIFIERS_ORG}MGI:",),
    "rrid": (f"{identifiers.IDENTIFIERS_ORG}RRID:",),
    "flybase": (f"{identifiers.IDENTIFIERS_ORG}fb:",),
    "wormbase": (f"{identifiers.IDENTIFIERS_ORG}wb:",),
}
# Ontologies of the OBO Foundry that records name terms of.
_OBO: Final = (
    "BTO CHMO CL CLO DOID FBbi FBbt GENEPIO GO HP IAO MI MONDO MP NCIT OBI OMIT PATO PO RO SO UBERON UO WBbt ZFA"
).split()
# Other names of prefixes.
_SYNONYMS: Final = {
    "pmid": "pubmed", "pmcid": "pmc", "taxonomy": "ncbitaxon", "taxon": "ncbitaxon", "fb": "flybase", "wb": "wormbase",
    "cvcl": "cellosaurus", "uniprotkb": "uniprot", "entrez": "ncbigene", "fbgn": "flybase", "dcm": "dicom",
}  # fmt: skip
_PREDICATES: Final = {"skos": "http://www.w3.org/2004/02/skos/core#", "ro": f"{OBO}RO_"}
STATE: Final = "http://www.w3.org/ns/activitystreams#"
COLUMNS: Final = (
    "action", "id", "sequence", "subject", "subject_curie", "predicate", "object", "object_curie", "rule", "status",
    "confidence", "symmetric", "records", "attributed_to", "first_seen", "last_seen",
)  # fmt: skip


# --- name spaces


def starts(base: str, prefix: str) -> tuple[str, ...]:
    """Return how the IRIs of a name space begin; one that is not known here may be of an archive, or identifiers.org.

    >>> starts("https://h/", "empiar"), starts("https://h/", "NCBIGene")
    (('https://h/dataset/empiar/',), ('https://identifiers.org/ncbigene:', 'https://h/dataset/ncbigene/'))
    """
    name = prefix.strip().lower()
    name = _SYNONYMS.get(name, name)
    if name in archives.ARCHIVES:
        return (f"{base}dataset/{name}/",)
    return _spaces().get(name) or (f"{identifiers.IDENTIFIERS_ORG}{name}:", f"{base}dataset/{name}/")


@cache
def _spaces() -> dict[str, tuple[str, ...]]:
    return {**{name.lower(): (f"{OBO}{name}_",) for name in _OBO}, **_SPACES}


def curie(base: str, iri: str) -> str:
    """Return the compact form of an IRI; the IRI itself where it is of no known name space.

    >>> curie("https://h/", "https://h/dataset/idr/idr0015"), curie("https://h/", "https://doi.org/10.1/a")
    ('idr:idr0015', 'doi:10.1/a')
    """
    if iri.startswith(f"{base}dataset/"):
        archive, _, name = iri.removeprefix(f"{base}dataset/").partition("/")
        return f"{archive}:{name}"
    for prefix, spaces in _spaces().items():
        for start in spaces:
            if iri.startswith(start) and iri != start:
                return f"{prefix}:{iri.removeprefix(start)}"
    return re.sub(r"^([a-z.]+)/", r"\1:", iri.removeprefix(identifiers.IDENTIFIERS_ORG))


def predicate(text: str) -> str:
    """Return the IRI of a predicate from it or its compact form.

    >>> predicate("schema:citation")
    'http://schema.org/citation'

    Raises:
        QueryRefusedError: of an unknown prefix, or no IRI.
    """
    prefix, _, rest = text.strip().partition(":")
    known = {**_PREDICATES, **{k.lower(): v for k, v in records.context().items() if isinstance(v, str)}}
    iri = known.get(prefix.lower(), prefix + ":") + rest
    try:
        return identifiers.iri(iri)
    except ValueError as err:
        raise QueryRefusedError(f"predicate: {text[:80]!r} is no IRI, nor has a prefix that is known here") from err


def spellings(base: str, text: str) -> tuple[str, ...]:
    """Return every IRI that a compact form, an accession or an IRI may stand for in links; itself first if it is one.

    >>> spellings("https://h/", "empiar:10310"), spellings("https://h/", "pmc:PMC7025093")
    (('https://h/dataset/empiar/EMPIAR-10310',), ('https://www.ncbi.nlm.nih.gov/pmc/articles/PMC7025093',))
    """
    plain = text.strip()
    found = dict.fromkeys(_known_forms(base, plain))
    prefix, colon, rest = plain.partition(":")
    if colon and rest and not rest.startswith("//"):
        found |= dict.fromkeys(start + _local(base, start, rest) for start in starts(base, prefix))
    if plain.startswith(("http://", "https://")):
        found = {plain: None, **found}
    return tuple(found)


def _local(base: str, start: str, rest: str) -> str:
    """Return the local part of a compact form as the hub writes it in this name space."""
    if start.startswith(f"{base}dataset/"):
        return archives.dataset_name(start.rstrip("/").rpartition("/")[2], _accession(start, rest))
    if start == "https://doi.org/":
        return rest.lower()
    if start.endswith("pmc/articles/"):
        return f"PMC{rest.removeprefix('PMC')}"
    if start.endswith("/emdb/"):
        return f"EMD-{rest.upper().removeprefix('EMD-')}"
    return f"CVCL_{rest.removeprefix('CVCL_')}" if "cellosaurus" in start else rest


def _accession(start: str, rest: str) -> str:
    bare = f"EMPIAR-{rest}" if start.endswith("/empiar/") and rest.isdigit() else rest
    try:
        return archives.accession(bare)
    except ValueError:
        return bare


def _known_forms(base: str, text: str) -> Iterator[str]:
    try:
        found = archives.accession(text)
        yield iris.dataset(base, archives.archive_of(found), found)
    except ValueError:
        pass
    readers = (identifiers.publication, identifiers.orcid, identifiers.ror, identifiers.term, identifiers.compound,
               archives.elsewhere, lambda text: archives.elsewhere(text, "pdb"),
               lambda text: archives.elsewhere(text, "uniprot"))  # fmt: skip
    for read in readers:
        try:
            yield read(text)
        except ValueError:
            continue
    try:
        yield geneids.iri(geneids.compact(text))
    except ValueError:
        return


# --- links as others read them


def as_json(entry: Entry, base: str) -> dict[str, Any]:
    """Return an entry of the feed as JSON; of a link that is gone only what names it."""
    link = entry.link
    named = {
        "action": entry.action,
        "id": link.id,
        "iri": iris.link(base, link.id),
        "sequence": link.sequence,
        "subject": link.subject,
        "predicate": link.predicate,
        "object": link.object,
        "rule": link.rule,
    }
    if entry.action == DELETE:
        return named
    return {
        **named,
        "subject_curie": curie(base, link.subject),
        "object_curie": curie(base, link.object),
        "status": link.status,
        "confidence": link.confidence,
        "symmetric": link.symmetric,
        "evidence": json.loads(link.evidence),
        "records": ["/".join(record) for record in json.loads(link.records)],
        "attributed_to": link.attributed_to,
        "first_seen": link.first_seen,
        "last_seen": link.last_seen,
    }


def to_csv(entries: Iterable[Entry], base: str) -> Iterator[str]:
    """Yield entries as CSV, line by line, with a header."""
    yield ",".join(COLUMNS) + "\r\n"
    for entry in entries:
        told = {**as_json(entry, base)}
        told["records"] = " ".join(told.get("records", ()))
        out = io.StringIO()
        csv.writer(out).writerow(["" if (v := told.get(column)) is None else _cell(v) for column in COLUMNS])
        yield out.getvalue()


def _cell(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def to_nquads(entries: Iterable[Entry], base: str) -> Iterator[bytes]:
    """Yield entries as N-Quads, link by link: each the statement and its ``hub:Link`` in the graph of its rule."""
    for entry in entries:
        yield write(quads(entry, base), format=RdfFormat.N_QUADS) or b""


def quads(entry: Entry, base: str) -> list[Quad]:
    """Return an entry as quads; of a link that is gone that it is a tombstone, as ActivityStreams says it."""
    link = entry.link
    graph = NamedNode(_graph(link, base))
    node = NamedNode(iris.link(base, link.id))
    if entry.action == DELETE:
        kind = NamedNode(f"{STATE}formerType")
        return [
            Quad(node, records.RDF_TYPE, NamedNode(f"{STATE}Tombstone"), graph),
            Quad(node, kind, NamedNode("https://w3id.org/bioimage-hub/vocab#Link"), graph),
        ]
    said = records.to_quads(view.thing(link, base), graph)
    if link.status == "fact":
        subject, predicate_, obj = (NamedNode(iri) for iri in link.statement)
        said.append(Quad(subject, predicate_, obj, graph))
    return said


def _graph(link: LinkRow, base: str) -> str:
    return (iris.candidates_graph if link.status == "candidate" else iris.links_graph)(base, link.rule)


def to_jsonld(entries: Iterable[Entry], base: str) -> dict[str, Any]:
    """Return entries as one JSON-LD document of ``hub:Link`` nodes, with a tombstone for each that is gone."""
    nodes = [
        {"@id": iris.link(base, e.link.id), "@type": f"{STATE}Tombstone", f"{STATE}formerType": {"@id": "hub:Link"}}
        if e.action == DELETE
        else records.to_jsonld(view.thing(e.link, base), with_context=False)
        for e in entries
    ]
    return {"@context": records.context(), "@graph": nodes}
