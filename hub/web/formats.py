"""The formats that the hub can answer in: one table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from werkzeug.datastructures import MIMEAccept
from werkzeug.http import parse_accept_header

from hub.errors import NotAcceptableError

Kind = Literal["results", "graph"]


@dataclass(frozen=True, slots=True)
class Format:
    """One format: its short name (``format=``), media type, file suffix, and other names that callers use for it."""

    name: str
    media_type: str
    suffix: str
    kind: Kind
    aliases: tuple[str, ...] = ()
    charset: bool = False

    @property
    def content_type(self) -> str:
        """Value of the Content-Type header."""
        return f"{self.media_type}; charset=utf-8" if self.charset else self.media_type


FORMATS: tuple[Format, ...] = (
    # SPARQL results; the first of a kind is its default
    Format("json", "application/sparql-results+json", ".srj", "results", ("srj", "application/json")),
    Format("xml", "application/sparql-results+xml", ".srx", "results", ("srx",)),
    Format("csv", "text/csv", ".csv", "results", charset=True),
    Format("tsv", "text/tab-separated-values", ".tsv", "results", charset=True),
    # RDF
    Format("turtle", "text/turtle", ".ttl", "graph", ("ttl", "application/x-turtle"), charset=True),
    Format("nt", "application/n-triples", ".nt", "graph", ("ntriples", "text/plain")),
    Format("rdfxml", "application/rdf+xml", ".rdf", "graph", ("rdf",)),
    Format("jsonld", "application/ld+json", ".jsonld", "graph", ("json-ld", "application/json")),
    Format("nq", "application/n-quads", ".nq", "graph", ("nquads",)),
    Format("trig", "application/trig", ".trig", "graph"),
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
    best = parse_accept_header(accept, MIMEAccept).best_match(list(by_media_type))
    if best is None:
        raise NotAcceptableError(f"nothing that you accept is offered: ask for {_names(kind)}")
    return by_media_type[best]


def _names(kind: Kind) -> str:
    return ", ".join(f"{offer.name} ({offer.media_type})" for offer in of_kind(kind))
