"""The formats that the hub can answer in: one table for pages, graphs and SPARQL results."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pyoxigraph import RdfFormat
from werkzeug.datastructures import MIMEAccept
from werkzeug.http import parse_accept_header

from hub.errors import NotAcceptableError

Kind = Literal["results", "graph", "page"]
CRATE_PROFILE = "https://w3id.org/ro/crate"
UTF8 = "; charset=utf-8"


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
    """

    name: str
    media_type: str
    suffix: str
    kind: Kind
    aliases: tuple[str, ...] = ()
    parameters: str = ""
    rdf: RdfFormat | None = None
    quads: bool = False

    @property
    def content_type(self) -> str:
        """Value of the Content-Type header."""
        return self.media_type + self.parameters


HTML = Format("html", "text/html", ".html", "page", parameters=UTF8)
JSON = Format("json", "application/json", ".json", "page")
ROCRATE = Format(
    "ro-crate",
    "application/ld+json",
    ".ro-crate.json",
    "page",
    ("rocrate",),
    f'; profile="{CRATE_PROFILE}"',
)
TURTLE = Format("turtle", "text/turtle", ".ttl", "graph", ("ttl", "application/x-turtle"), UTF8, RdfFormat.TURTLE)
NTRIPLES = Format("nt", "application/n-triples", ".nt", "graph", ("ntriples", "text/plain"), rdf=RdfFormat.N_TRIPLES)
RDFXML = Format("rdfxml", "application/rdf+xml", ".rdf", "graph", ("rdf",), rdf=RdfFormat.RDF_XML)
JSONLD = Format(
    "jsonld", "application/ld+json", ".jsonld", "graph", ("json-ld", "application/json"), rdf=RdfFormat.JSON_LD
)
NQUADS = Format("nq", "application/n-quads", ".nq", "graph", ("nquads",), rdf=RdfFormat.N_QUADS, quads=True)
TRIG = Format("trig", "application/trig", ".trig", "graph", (), UTF8, RdfFormat.TRIG, quads=True)

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
