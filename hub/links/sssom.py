"""Links as a mapping set in SSSOM's table form: which datasets are one study, which terms, genes, people are the same.

Only links between two things of the same kind are mappings. A curator's rejection is a mapping too: one that does not
hold (``predicate_modifier: Not``).

Source: https://mapping-commons.github.io/sssom/spec-formats-tsv/ and https://mapping-commons.github.io/sssom/Mapping/
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

from hub.links.catalogue import CURATED, LinkRow, Links
from hub.log import Log, now
from ontology import archives, identifiers, terms

HUB: Final = "https://w3id.org/bioimage-hub/vocab#"
LICENCE: Final = "https://creativecommons.org/publicdomain/zero/1.0/"
CURATION: Final = "semapv:ManualMappingCuration"
UNSPECIFIED: Final = "semapv:UnspecifiedMatching"
PREDICATES: Final[Mapping[str, str]] = {
    f"{HUB}sameStudyAs": "hub:sameStudyAs",
    f"{HUB}relatedStudy": "hub:relatedStudy",
    "http://www.w3.org/2004/02/skos/core#exactMatch": "skos:exactMatch",
    "http://www.w3.org/2004/02/skos/core#closeMatch": "skos:closeMatch",
    "http://schema.org/sameAs": "schema:sameAs",
    "http://purl.obolibrary.org/obo/IAO_0100001": "IAO:0100001",
    "http://purl.obolibrary.org/obo/RO_HOM0000017": "RO:HOM0000017",
}
COLUMNS: Final = (
    "subject_id",
    "subject_label",
    "predicate_id",
    "predicate_modifier",
    "object_id",
    "object_label",
    "mapping_justification",
    "author_id",
    "author_label",
    "subject_source",
    "object_source",
    "mapping_tool",
    "mapping_tool_version",
    "mapping_date",
    "confidence",
    "comment",
)
# Name spaces of things that are linked, beside the hub's datasets. Source: https://bioregistry.io
_NAMESPACES: Final = {
    "hub": HUB,
    "skos": "http://www.w3.org/2004/02/skos/core#",
    "schema": "http://schema.org/",
    "semapv": "https://w3id.org/semapv/vocab/",
    "IAO": f"{identifiers.OBO}IAO_",
    "RO": f"{identifiers.OBO}RO_",
    "obo": identifiers.OBO,
    "orcid": "https://orcid.org/",
    "ror": "https://ror.org/",
    "doi": "https://doi.org/",
    "pubmed": "https://pubmed.ncbi.nlm.nih.gov/",
    "pmc": "https://www.ncbi.nlm.nih.gov/pmc/articles/",
    "identifiers": identifiers.IDENTIFIERS_ORG,
    "efo": "http://www.ebi.ac.uk/efo/",
    # Whatever else has an address.
    "http": "http:",
    "https": "https:",
}
_LONGEST: Final = 1000

Labels = Callable[[str], str | None]


def is_mapping(link: LinkRow) -> bool:
    """Return whether a link is a mapping: a fact with a predicate of mappings, or a curator's rejection of one."""
    stands = link.status == "fact" or (link.status == "rejected" and link.attributed_to is not None)
    return link.kind == "link" and link.predicate in PREDICATES and stands


def table(
    links: Iterable[LinkRow], base: str, *, version: str, date: str, rules: Iterable[Mapping[str, Any]], labels: Labels
) -> Iterator[str]:
    """Yield a mapping set, line by line.

    Args:
        links: links of any kind; those that are no mappings are left out.
        base: base IRI of the hub, ending in ``/``.
        version: of the set, such as the number of the last change of links.
        date: ISO 8601 date of the set.
        rules: name, version and justification of each rule (`hub.links.catalogue.Links.rules`).
        labels: gives the title or label of a thing, or None.
    """
    prefixes = namespaces(base)
    head = {
        "sssom_version": "1.0",
        "mapping_set_id": f"{base}links.sssom.tsv",
        "mapping_set_version": version,
        "mapping_set_title": "Links of the bioimage hub",
        "mapping_set_description": "Which datasets of bioimage archives are one study, and which things are the same.",
        "license": LICENCE,
        "publication_date": date,
    }
    # A JSON string is a YAML string.
    yield from (f"#{name}: {json.dumps(value, ensure_ascii=False)}\n" for name, value in head.items())
    yield "#curie_map:\n"
    yield from (f"#  {prefix}: {json.dumps(space)}\n" for prefix, space in prefixes.items())
    yield _line(COLUMNS)
    known = {rule["name"]: rule for rule in rules}
    for link in links:
        if is_mapping(link):
            row = _row(link, prefixes, known.get(link.rule, {}), labels)
            yield _line([row.get(column, "") for column in COLUMNS])


def namespaces(base: str) -> dict[str, str]:
    """Return the prefixes of a hub's mapping sets: one for the datasets of each archive, and those of other things."""
    datasets = {name: f"{base}dataset/{name}/" for name in archives.ARCHIVES if name != "hub"}
    return {**datasets, "submission": f"{base}dataset/hub/", "bioimagehub": base, **_NAMESPACES}


def curie(iri: str, prefixes: Mapping[str, str]) -> str:
    """Return the compact form of an IRI, by the longest name space that it is in.

    >>> curie("https://h/dataset/idr/idr0015", namespaces("https://h/"))
    'idr:idr0015'
    """
    fitting = [(space, prefix) for prefix, space in prefixes.items() if iri.startswith(space) and iri != space]
    space, prefix = max(fitting, key=lambda found: len(found[0]))
    return f"{prefix}:{iri[len(space) :]}"


def _row(link: LinkRow, prefixes: Mapping[str, str], rule: Mapping[str, Any], labels: Labels) -> dict[str, str]:
    by_curator = link.attributed_to is not None
    row = {
        "subject_id": curie(link.subject, prefixes),
        "subject_label": labels(link.subject) or "",
        "predicate_id": PREDICATES[link.predicate],
        "predicate_modifier": "Not" if link.status == "rejected" else "",
        "object_id": curie(link.object, prefixes),
        "object_label": labels(link.object) or "",
        "mapping_justification": CURATION if by_curator else rule.get("justification", UNSPECIFIED),
        "subject_source": _source(link.subject, prefixes),
        "object_source": _source(link.object, prefixes),
        "mapping_date": link.last_seen[:10],
        "confidence": "" if link.confidence is None or by_curator else f"{link.confidence:g}",
        "comment": comment(link.evidence),
    }
    if link.rule != CURATED:
        row |= {"mapping_tool": f"bioimage hub, rule {link.rule}", "mapping_tool_version": _version(rule)}
    return {**row, **_author(link.attributed_to, prefixes)}


def _version(rule: Mapping[str, Any]) -> str:
    """Return a rule's own version, without what else the catalogue counts as its version."""
    version = rule.get("version", "")
    try:
        told = json.loads(version)
    except (TypeError, ValueError):
        return str(version)
    return str(told[0] if isinstance(told, list) else told)


def _author(attributed_to: str | None, prefixes: Mapping[str, str]) -> dict[str, str]:
    if attributed_to is None:
        return {}
    is_iri = attributed_to.startswith(("http://", "https://"))
    return {"author_id": curie(attributed_to, prefixes)} if is_iri else {"author_label": attributed_to}


def _source(iri: str, prefixes: Mapping[str, str]) -> str:
    """Return the archive that a dataset is of, as a compact IRI of the hub; nothing for other things."""
    archive = iri.rpartition("/dataset/")[2].partition("/")[0]
    return f"bioimagehub:archive/{archive}" if curie(iri, prefixes).partition(":")[0] in archives.ARCHIVES else ""


def comment(evidence: str) -> str:
    """Return the reasons of a link in one line, each with its weight.

    >>> comment('[{"field": "publication", "value": "https://doi.org/10.1/a", "weight": 0.7}]')
    'publication https://doi.org/10.1/a (+0.7)'
    """
    told = json.loads(evidence)
    reasons = [_reason(reason) for reason in told if isinstance(reason, dict)] if isinstance(told, list) else []
    return "; ".join(reasons)[:_LONGEST]


def _reason(reason: Mapping[str, Any]) -> str:
    words = [reason.get("field"), reason.get("value")]
    if reason.get("quote"):
        words.append(f"“{reason['quote']}”")
    elif reason.get("matched") not in (None, "", reason.get("value")):
        words.append(f"= {reason['matched']}")
    if reason.get("weight"):
        words.append(f"({reason['weight']:+g})")
    return " ".join(str(word) for word in words if word)


def _line(cells: Iterable[str]) -> str:
    out = io.StringIO()
    clean = (re.sub(r"\s+", " ", cell).strip() for cell in cells)
    csv.writer(out, delimiter="\t", lineterminator="\n").writerow(clean)
    return out.getvalue()


def export(log: Log, links: Links, base: str) -> Iterator[str]:
    """Yield the mapping set of all links of a catalogue, line by line.

    Args:
        log: the catalogue.
        links: its link tables.
        base: base IRI of the hub, ending in ``/``.
    """
    wanted = {iri for link in links.all_links() if is_mapping(link) for iri in (link.subject, link.object)}
    titles = {row.iri: row.title for row in log.all_records() if row.iri in wanted and row.state == "active"}
    last = links.last_sequence()
    changed = links.changes_since(last - 1, 1) if last else []
    yield from table(
        links.all_links(),
        base,
        version=str(last),
        date=(changed[0].at if changed else now())[:10],
        rules=links.rules(),
        labels=lambda iri: titles.get(iri) or terms.label(iri),
    )
