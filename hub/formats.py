"""The formats that the hub can answer in: one table for pages, graphs and SPARQL results."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from pyoxigraph import RdfFormat
from werkzeug.datastructures import MIMEAccept
from werkzeug.http import parse_accept_header

from hub.errors import NotAcceptableError

Kind = Literal["results", "graph", "page"]
CRATE_PROFILE = "https://w3id.org/ro/crate"
GIDE_PROFILE = "https://www.gide-project.org/ro-crate/search/1.0/profile"
UTF8 = "; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Profile:
    """One way to describe a dataset, which comes in one or several formats.

    Attributes:
        name: its short name, the value of ``_profile=``.
        iri: what it is called in ``Accept-Profile`` and links.
        title: what people call it.
        also: other IRIs that callers use for it.

    Source: https://www.w3.org/TR/dx-prof-conneg/
    """

    name: str
    iri: str
    title: str
    also: tuple[str, ...] = ()


HUB = Profile("hub", "https://w3id.org/bioimage-hub/vocab", "The hub's own model")
SCHEMA = Profile(
    "schema",
    "http://schema.org/",
    "schema.org and Bioschemas",
    ("https://schema.org/", "https://bioschemas.org/profiles/Dataset/1.0-RELEASE"),
)
DCAT = Profile("dcat", "http://data.europa.eu/r5r/", "DCAT-AP 3", ("http://www.w3.org/ns/dcat#",))
DATACITE = Profile("datacite", "http://datacite.org/schema/kernel-4", "DataCite 4.5")
CRATE = Profile("ro-crate", GIDE_PROFILE, "RO-Crate of foundingGIDE", (CRATE_PROFILE, f"{CRATE_PROFILE}/1.2"))
CROISSANT = Profile("croissant", "http://mlcommons.org/croissant/1.0", "Croissant 1.0")
PROFILES: tuple[Profile, ...] = (HUB, SCHEMA, DCAT, DATACITE, CRATE, CROISSANT)


@dataclass(frozen=True, slots=True)
class Format:
    """One format.

    Attributes:
        name: its short name, the value of ``format=``.
        media_type: its media type, without parameters.
        suffix: what is appended to a page's address to get it.
        kind: ``results`` of a query, ``graph``, or a ``page`` that the hub writes itself.
        aliases: other names and media types that callers use for it.
        parameters: parameters of the media type.
        rdf: the engine's format, for a graph.
        quads: whether it keeps the graphs, so that it tells who says what.
        profile: the way of describing a dataset that it belongs to; None for what is no description of one.
        title: what people call it.
    """

    name: str
    media_type: str
    suffix: str
    kind: Kind
    aliases: tuple[str, ...] = ()
    parameters: str = ""
    rdf: RdfFormat | None = None
    quads: bool = False
    profile: Profile | None = None
    title: str = ""

    @property
    def content_type(self) -> str:
        """Value of the Content-Type header."""
        return self.media_type + self.parameters


HTML = Format("html", "text/html", ".html", "page", parameters=UTF8, title="Web page")
JSON = Format("json", "application/json", ".json", "page")
ROCRATE = Format(
    "ro-crate",
    "application/ld+json",
    ".ro-crate.json",
    "page",
    ("rocrate",),
    f'; profile="{CRATE_PROFILE}"',
    profile=CRATE,
    title="RO-Crate",
)
TURTLE = Format(
    "turtle",
    "text/turtle",
    ".ttl",
    "graph",
    ("ttl", "application/x-turtle"),
    UTF8,
    RdfFormat.TURTLE,
    profile=HUB,
    title="Turtle",
)
NTRIPLES = Format(
    "nt",
    "application/n-triples",
    ".nt",
    "graph",
    ("ntriples", "text/plain"),
    rdf=RdfFormat.N_TRIPLES,
    profile=HUB,
    title="N-Triples",
)
RDFXML = Format(
    "rdfxml", "application/rdf+xml", ".rdf", "graph", ("rdf",), rdf=RdfFormat.RDF_XML, profile=HUB, title="RDF/XML"
)
JSONLD = Format(
    "jsonld",
    "application/ld+json",
    ".jsonld",
    "graph",
    ("json-ld", "application/json"),
    rdf=RdfFormat.JSON_LD,
    profile=HUB,
    title="JSON-LD",
)
NQUADS = Format(
    "nq",
    "application/n-quads",
    ".nq",
    "graph",
    ("nquads",),
    rdf=RdfFormat.N_QUADS,
    quads=True,
    profile=HUB,
    title="N-Quads, with who says what",
)
TRIG = Format(
    "trig",
    "application/trig",
    ".trig",
    "graph",
    (),
    UTF8,
    RdfFormat.TRIG,
    quads=True,
    profile=HUB,
    title="TriG, with who says what",
)


def _other(name: str, media_type: str, suffix: str, title: str, profile: Profile | None = None, **more: Any) -> Format:
    """Return a format that only the pages of datasets have; JSON-LD and Turtle say which profile they are in."""
    if profile is not None and media_type in (JSONLD.media_type, TURTLE.media_type, RDFXML.media_type):
        more["parameters"] = f'{more.get("parameters", "")}; profile="{profile.iri}"'
    return Format(name, media_type, suffix, "page", title=title, profile=profile, **more)


SCHEMAORG = _other("schema", "application/ld+json", ".schema.jsonld", "schema.org JSON-LD", SCHEMA)
CROISSANT_JSON = _other("croissant", "application/ld+json", ".croissant.json", "Croissant", CROISSANT)
DATACITE_JSON = _other(
    "datacite",
    "application/vnd.datacite.datacite+json",
    ".datacite.json",
    "DataCite JSON",
    DATACITE,
    aliases=("application/vnd.datacite+json",),
)
DATACITE_XML = _other(
    "datacite-xml",
    "application/vnd.datacite.datacite+xml",
    ".datacite.xml",
    "DataCite XML",
    DATACITE,
    aliases=("application/vnd.datacite+xml",),
)
DCAT_TURTLE = _other("dcat", "text/turtle", ".dcat.ttl", "DCAT-AP, Turtle", DCAT, parameters=UTF8, rdf=RdfFormat.TURTLE)
DCAT_JSONLD = _other(
    "dcat-jsonld", "application/ld+json", ".dcat.jsonld", "DCAT-AP, JSON-LD", DCAT, rdf=RdfFormat.JSON_LD
)
DCAT_RDFXML = _other("dcat-rdf", "application/rdf+xml", ".dcat.rdf", "DCAT-AP, RDF/XML", DCAT, rdf=RdfFormat.RDF_XML)
# Media types as doi.org has them. Source: https://citation.doi.org/docs.html
CSL = _other("csl", "application/vnd.citationstyles.csl+json", ".csl.json", "CSL-JSON")
BIBTEX = _other("bibtex", "application/x-bibtex", ".bib", "BibTeX", aliases=("bib",), parameters=UTF8)
RIS = _other("ris", "application/x-research-info-systems", ".ris", "RIS", parameters=UTF8)
CITATION = _other("citation", "text/x-bibliography", ".citation.txt", "Citation", parameters=UTF8)
# Source: https://www.rfc-editor.org/rfc/rfc9264
LINKSET_JSON = _other("linkset-json", "application/linkset+json", ".linkset.json", "Link set, JSON")
LINKSET = _other("linkset", "application/linkset", ".linkset", "Link set")
LINKSETS = (LINKSET_JSON, LINKSET)
# What only the pages of datasets are had in: a new one is an entry here and a writer in hub.web.machine.
OF_DATASETS: tuple[Format, ...] = (
    SCHEMAORG,
    CROISSANT_JSON,
    DATACITE_JSON,
    DATACITE_XML,
    DCAT_TURTLE,
    DCAT_JSONLD,
    DCAT_RDFXML,
    CSL,
    BIBTEX,
    RIS,
    CITATION,
    *LINKSETS,
)

FORMATS: tuple[Format, ...] = (
    # SPARQL results; the first of a kind is its default
    Format("json", "application/sparql-results+json", ".srj", "results", ("srj", "application/json")),
    Format("xml", "application/sparql-results+xml", ".srx", "results", ("srx",)),
    Format("csv", "text/csv", ".csv", "results", (), UTF8),
    Format("tsv", "text/tab-separated-values", ".tsv", "results", (), UTF8),
    TURTLE,
    NTRIPLES,
    RDFXML,
    JSONLD,
    NQUADS,
    TRIG,
    HTML,
    JSON,
    ROCRATE,
)


def of_kind(kind: Kind) -> tuple[Format, ...]:
    """The formats of one kind, default first."""
    return tuple(offer for offer in FORMATS if offer.kind == kind)


def named(name: str, kind: Kind) -> Format:
    """The format of that short name or media type.

    Raises:
        NotAcceptableError: there is none of this kind.
    """
    wanted = name.strip().lower().replace(" ", "+")  # a plus sign in a URL arrives as a space
    for offer in of_kind(kind):
        if wanted in (offer.name, offer.media_type, *offer.aliases):
            return offer
    raise NotAcceptableError(f"there is no format {name!r} for this: use {_names(kind)}")


def negotiate(accept: str, kind: Kind) -> Format:
    """The format that an Accept header likes best; the default for an empty one.

    Raises:
        NotAcceptableError: none that the caller accepts is offered.

    Source: https://www.rfc-editor.org/rfc/rfc9110#name-accept
    """
    offers = of_kind(kind)
    if not accept.strip():
        return offers[0]
    by_media_type = {offer.media_type: offer for offer in offers}
    by_media_type |= {alias: offer for offer in offers for alias in offer.aliases if "/" in alias}
    best = plain(accept).best_match(list(by_media_type))
    if best is None:
        raise NotAcceptableError(f"nothing that you accept is offered: ask for {_names(kind)}")
    return by_media_type[best]


def plain(accept: str) -> MIMEAccept:
    """Return an Accept header without parameters of media types (``charset``, ``profile``): nothing differs by them."""
    return MIMEAccept([(value.partition(";")[0].strip(), q) for value, q in parse_accept_header(accept, MIMEAccept)])


def _names(kind: Kind) -> str:
    return ", ".join(f"{offer.name} ({offer.media_type})" for offer in of_kind(kind))
